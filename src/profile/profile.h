/*-------------------------------------------------------------------------
 *
 * profile.h
 *	  Everything remembered about one customer, IP or merchant.
 *
 * A profile is a function of the set of distinct events and the basis, so any
 * order, split or merge gives the same bytes (RULES.md section 1 says exactly
 * how far). Two parts make that true:
 *
 * - The ring: the newest 32 events whole, in order (event.h).
 * - The summary: sums, maxima and "newest n" sets over the events that have
 *	 left the ring. Each is commutative and associative, and what a summary
 *	 cell covers depends only on the anchor, the clock hour of the newest event
 *	 that has left. An event leaves when 32 newer ones exist, so the set of
 *	 events decides which have left, and so the anchor.
 *
 * Cells lie on the clock (hours since 2000-01-01 UTC) and coarsen with age so
 * that they nest: 25 cells of one hour, then 6 hours to 7 days, days to 30,
 * three days to 90. An hour belongs to the finest cell that its age allows; a
 * coarser cell beside a finer one holds only the hours that are no longer
 * fine. When the anchor moves on, cells are relabelled and added up; late
 * events go where the anchor says. Counts saturate, at one bound for every
 * size of cell (a bound per size would make the result depend on the order).
 *
 * Error at a window's old edge. A window (t - w, t] that holds only ring
 * events is exact. Otherwise the cell that the old edge cuts counts whole, if
 * w is at least 24 hours: at most one hour of 24 too much, 6 hours of 7 days,
 * a day of 30, three days of 90, that is 1/24 at worst. Shorter windows
 * return what the ring holds, a lower bound.
 *
 * Merchants seen before: a Bloom set (Bloom, 1970), 2,048 bits, 7 hashes: for
 * a merchant never seen, a false "seen" twice in 10^8 at 24 merchants, 0.7 % at
 * 200. The list of the newest 24 merchants in the design adds nothing to
 * that and is left out; docs/decisions/0003 has the figures.
 *
 * No fmgr. A ProfileState is plain memory, about 6 kB, and holds no pointers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_PROFILE_PROFILE_H
#define FRAUD_PROFILE_PROFILE_H

#include "policy/policy.h"
#include "profile/event.h"

#define PROFILE_RING			32

#define CELL_LEVELS				4	/* 1, 6, 24 and 72 hours */

/* Cells at most: 25 hours, 25 of 6 hours, 24 days, 21 of three days. */
#define PROFILE_CELLS			95
#define PROFILE_GRID			31	/* three-day cells of 90 days */
#define PROFILE_CARDS			12
#define PROFILE_COUNTRIES		24
#define PROFILE_PER_COUNTRY		3
#define PROFILE_BLOOM_BITS		2048
#define PROFILE_BLOOM_WORDS		(PROFILE_BLOOM_BITS / 64)
#define PROFILE_BLOOM_HASHES	7
#define PROFILE_LABELS			4

#define CELL_COUNT_MAX			UINT64_C(0xFFFF)	/* attempts, declined */
#define CELL_SPEND_MAX			UINT64_C(0xFFFFFFFFFFFF)	/* ten-thousandths */
#define GRID_COUNT_MAX			UINT64_C(0xFFFFFF)
#define GRID_SUM_MAX			UINT64_C(0xFFFFFFFFFFFF)
#define FRAUDS_COUNT_MAX		UINT64_C(0xFFFF)
#define GRID_SQUARES_MAX		((((uint128) 1) << 80) - 1) /* squared hundredths */
#define HOURS_COUNT_MAX			UINT64_C(0xFFFF)
#define DAY_KIND_MAX			UINT64_C(0xFFFFFF)
#define APPROVED_MAX			UINT64_C(0xFFFFFF)
#define ODD_STATUSES_MAX		UINT64_C(0xFFFF)

#define USECS_A_SECOND			INT64_C(1000000)
#define USECS_AN_HOUR			(INT64_C(3600) * USECS_A_SECOND)
#define USECS_A_DAY				(INT64_C(24) * USECS_AN_HOUR)

/* What happened in one span of the clock, to events that left the ring. */
typedef struct Cell
{
	int32		start;			/* first hour of the block */
	uint8		level;			/* 0: 1 h, 1: 6 h, 2: 24 h, 3: 72 h */
	uint32		attempts;
	uint32		declined;
	uint64		spend;			/* ten-thousandths */
} Cell;

/* The past (approved, over zero) in one three-day block. */
typedef struct GridCell
{
	int32		block;			/* three-day blocks since 2000-01-01 */
	uint32		count;
	uint64		sum;			/* ten-thousandths */
	uint64		largest;		/* rounded down to 26 significant bits */
	uint128		squares;		/* of hundredths, each square rounded */
} GridCell;

typedef struct CardSeen
{
	uint32		card;
	uint32		second;			/* since 2000-01-01 UTC, last seen, clamped */
} CardSeen;

typedef struct CountrySeen
{
	uint16		country;
	uint32		hour;			/* since 2000-01-01 UTC, clamped to 22 bits */
} CountrySeen;

/* Confirmed frauds by the three-day block in which they happened. */
typedef struct FraudCell
{
	int32		block;
	uint32		count;
} FraudCell;

/* A confirmed fraud; the four known last are kept so that `known` can be asked. */
typedef struct Label
{
	uint64		id;				/* identity of the transaction */
	uint32		hour;			/* when it happened, as CountrySeen.hour */
	uint32		known;			/* second since 2000-01-01 UTC, rounded up, clamped */
} Label;

typedef struct LastLocated
{
	int64		time;
	uint32		card;
	uint32		lat;
	uint32		lon;
} LastLocated;

typedef struct ProfileState
{
	uint64		basis;			/* Policy.basis_hash */
	bool		unavailable;	/* nobody looked; everything else is zero */
	bool		summary;		/* something has left the ring */
	bool		located;		/* `last_located` is set */
	bool		has_approved;	/* `last_approved` is set */
	int32		n;				/* events in the ring */

	int64		newest_left;	/* time of the newest event that left */
	int32		anchor;			/* the hour of that */
	int32		level_first[CELL_LEVELS];	/* first hour each level reaches, by anchor */
	int64		first_seen;
	int64		last_approved;
	LastLocated last_located;
	uint32		approved_ever;
	uint32		odd_statuses;
	uint64		spend_days;		/* bit i: spend on day 3 * (anchor block - 30) + i,
								 * for days that only three-day cells cover */
	int32		ncells;			/* in order of time */
	int32		ngrid;			/* in order of time */
	int32		ncards;			/* newest first, then by hash, falling */
	int32		ncountries;		/* newest first, then by country, falling */
	int32		nfrauds;		/* in order of time; the newest and 90 days before */
	int32		nlabels;		/* latest known first, then by id, falling */
	bool		merchants;		/* any bit set in `bloom` */
	bool		hours_known;	/* anything in `hours` or `day_kind` */
	uint32		hours[24];		/* the past by local hour, lifetime */
	uint32		day_kind[2];	/* the same by weekday, weekend */

	uint8		ring[(PROFILE_RING + 1) * EVENT_SIZE + EVENT_SLACK];
	Cell		cells[PROFILE_CELLS + 1];
	GridCell	grid[PROFILE_GRID + 1];
	CardSeen	cards[PROFILE_CARDS + 1];
	CountrySeen countries[PROFILE_COUNTRIES + 1];
	FraudCell	frauds[PROFILE_GRID + 1];
	Label		labels[PROFILE_LABELS + 1];
	uint64		bloom[PROFILE_BLOOM_WORDS];
} ProfileState;

/* ---- state.c: building ---- */
extern void profile_init(ProfileState *state, uint64 basis);
extern void profile_observe(ProfileState *state, const Event *event);

/* The payment `event` is a fraud known since `known`; this is only the label. */
extern void profile_observe_label(ProfileState *state, const Event *event, int64 known);

/* The same for a payment that is remembered already: an approved one leaves the past. */
extern void profile_observe_fraud(ProfileState *state, const Event *event, int64 known);

/* Adds `other`, of the same basis, to `state`. */
extern void profile_merge(ProfileState *state, const ProfileState *other);

/* Takes an event that 32 newer ones have pushed out of the ring. */
extern void profile_summarise(ProfileState *state, const uint8 *packed);

/* Takes a payment that turned out to be fraud out of what has left the ring. */
extern bool profile_withdraw(ProfileState *state, const Event *event);

/* Adds what has left the ring of `other`. */
extern void profile_merge_summary(ProfileState *state, const ProfileState *other);

/* ---- gather.c: adding many, revisions of events among them ---- */
typedef struct GatheredEvent
{
	uint8		packed[EVENT_SIZE + EVENT_SLACK];
	bool		revision;
} GatheredEvent;

typedef struct ProfileGather
{
	ProfileState *state;		/* what all is added to */
	GatheredEvent *events;		/* palloc'd */
	int			n;
	int			room;
} ProfileGather;

extern void gather_begin(ProfileGather *gather, ProfileState *state);

/*
 * Adds a profile. revision: its events are new versions of events that are in
 * one of the others, wherever that comes in the order of adding.
 */
extern void gather_add(ProfileGather *gather, const ProfileState *other, bool revision);

/*
 * Completes the state. False where a revision came too late: its event has
 * left the newest 32 and cannot be replaced any more; it is left out then. A
 * payment that turned out to be fraud can mostly be taken out even so.
 */
extern bool gather_finish(ProfileGather *gather);

/* ---- cells.c, labels.c, sets.c: parts of the summary ---- */
extern void cells_set_anchor(ProfileState *state, int32 anchor);
extern void cells_advance(ProfileState *state, int32 anchor);
extern void cells_add(ProfileState *state, int32 start_hour, int from_level,
					  uint64 attempts, uint64 declined, uint64 spend);
extern void cells_youngest(const ProfileState *state,
						   int32 youngest[CELL_LEVELS]);
extern int32 cell_end(const ProfileState *state, const Cell *cell);
extern void grid_add(ProfileState *state, const GridCell *add);
extern uint64 grid_largest_round(uint64 amount);
extern void cards_add(ProfileState *state, uint32 card, uint32 second);
extern void countries_add(ProfileState *state, uint16 country, uint32 hour);
extern void frauds_add(ProfileState *state, int32 block, uint32 count);
extern void labels_add(ProfileState *state, const Label *label);
extern void labels_merge(ProfileState *state, const ProfileState *other);
extern void bloom_add(ProfileState *state, uint32 merchant);
extern bool bloom_has(const ProfileState *state, uint32 merchant);

static inline int32
hour_of(int64 time)
{
	int64		h = time / USECS_AN_HOUR;

	return (int32) (h - (time % USECS_AN_HOUR < 0));
}

static inline int32
floor_div(int32 a, int32 b)
{
	int32		q = a / b;

	return q - (a % b < 0);
}

#define block_of_hour(h)	floor_div((h), 72)

extern uint32 clamp_second(int64 time);
extern uint32 clamp_hour(int64 time);

static inline uint64
add_capped(uint64 a, uint64 b, uint64 cap)
{
	uint64		s = a + b;

	return s > cap ? cap : s;
}

/* ---- image.c: the flat form ---- */
#define PROFILE_MAX_SIZE		3500
/* Bytes to offer profile_encode(): it writes words, so a little past the end. */
#define PROFILE_BUFFER_SIZE		(PROFILE_MAX_SIZE + 16)

/* Writes an image and returns its size; the first four bytes, the length word,
 * are the caller's to set. */
extern size_t profile_encode(const ProfileState *state, char *image);

/*
 * Reads an image of `size` bytes, varlena header included. Never reads past
 * it and never fills more of *state than there is; false, with *why set, when
 * it cannot be an image. What profile_encode() wrote always reads back.
 */
extern bool profile_decode(const char *image, size_t size,
						   ProfileState *state, const char **why);

/* The same for bytes from outside: true only if profile_encode() could have
 * written exactly these. */
extern bool profile_decode_foreign(const char *image, size_t size,
								   ProfileState *state, const char **why);

/* state.c: invariants of a summary that decoding does not already force. */
extern bool profile_state_ok(const ProfileState *state);

/* Whether nobody looked, without decoding. */
extern bool profile_image_unavailable(const char *image);

#endif							/* FRAUD_PROFILE_PROFILE_H */
