/*-------------------------------------------------------------------------
 *
 * view.h
 *	  Reading a profile as of a moment: what a rule may ask of it.
 *
 * A view leaves out everything later than the moment and the transaction that
 * is being scored itself. Windows are (t - w, t]. The error at a window's old
 * edge is described in profile.h.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_PROFILE_VIEW_H
#define FRAUD_PROFILE_VIEW_H

#include "profile/profile.h"

#define VIEW_DAYS_OF_PAST	90

typedef struct ProfileView
{
	const ProfileState *state;
	int64		t;
	bool		use_id;			/* `id` is set */
	uint64		id;				/* of the transaction left out */
	bool		newer;			/* nothing is known of the time up to t */
	int			n;
	Event		events[PROFILE_RING];	/* up to t, without the current one, in order;
										 * as far as event_unpack_counts() goes; a fraud
										 * not known by t is a payment like others */
	const uint8 *packed[PROFILE_RING];	/* where they stand in the ring */
} ProfileView;

typedef struct WindowSums
{
	uint64		attempts;
	uint64		declined;
	uint64		spend;			/* ten-thousandths */
	bool		exact;
} WindowSums;

/* The past of 90 days: approved, over zero, frauds known by t taken out. */
typedef struct PastStats
{
	uint64		count;
	uint64		sum;			/* ten-thousandths */
	uint64		largest;		/* ten-thousandths */
	uint128		squares;		/* ten-thousandths squared */
} PastStats;

/* Days and weeks (UTC, Monday first) of 90 days with spend, and the spend. */
typedef struct ActiveSpend
{
	uint64		spend;			/* ten-thousandths */
	int			days;
	int			weeks;
} ActiveSpend;

/* The past by local time, as far back as memory goes. */
typedef struct HourStats
{
	uint64		hours;			/* with a known local hour */
	uint64		near_hour;		/* of them, within an hour of the hour asked */
	uint64		days;			/* all */
	uint64		same_kind;		/* of them, on weekdays or weekends, as asked */
} HourStats;

typedef struct ApprovedStats
{
	uint64		ever;
	bool		any;
	int64		last;			/* valid if any */
	bool		seen;			/* any event at all */
	int64		first_seen;		/* valid if seen */
} ApprovedStats;

typedef struct FraudStats
{
	uint64		approved;		/* the past of the window, and the frauds */
	uint64		frauds;			/* known by t */
} FraudStats;

/* id: the transaction being scored; use_id false where it has none. */
extern void profile_view(const ProfileState *state, int64 t, bool use_id,
						 uint64 id, ProfileView *view);


/* Sums of n windows at once; lengths rising. */
extern void view_windows(const ProfileView *view, int n, const int64 *lengths,
						 WindowSums *sums);
extern void view_past(const ProfileView *view, PastStats *past);
extern void view_active(const ProfileView *view, ActiveSpend *active);
extern void view_hours(const ProfileView *view, int hour, bool weekend,
					   HourStats *hours);
extern void view_approved(const ProfileView *view, ApprovedStats *approved);
extern bool view_merchant_seen(const ProfileView *view, uint32 merchant);
extern int	view_approved_in_country(const ProfileView *view, uint16 country, int64 w);

/* Latest located approved card-present event; of this card where both are known. */
extern bool view_last_located(const ProfileView *view, uint32 card, LastLocated *last);

/* Distinct cards of attempts in the window, `card` (0 none) among them. */
extern int	view_cards(const ProfileView *view, int64 w, uint32 card);

/* Unbroken declines up to t, each within w, of this card (any card if 0). */
extern int	view_declines(const ProfileView *view, int64 w, uint32 card);

extern void view_frauds(const ProfileView *view, int64 w, FraudStats *stats);

#endif							/* FRAUD_PROFILE_VIEW_H */
