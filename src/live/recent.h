/*-------------------------------------------------------------------------
 *
 * recent.h
 *	  Attempts of the last hour, and the last known history, of customers that
 *	  are in no table yet: one partition of that memory.
 *
 * A partition is plain memory of fixed size without pointers. Its places are
 * set-associative (live_key.h); the least recently used of a new customer's
 * two sets makes room. Heads, attempts and histories lie apart: the server's
 * memory behind attempts and histories is not touched before it is needed.
 *
 * What is forgotten too early does not pass for nothing: a set remembers until
 * when attempts that it dropped would have counted, and whoever comes to it as
 * a new customer before that is told that he may be an old one.
 *
 * Attempts stay for an hour of arrival, on the caller's clock; windows are the
 * reader's business and are event time. No locks here: attempts.c has them.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_LIVE_RECENT_H
#define FRAUD_LIVE_RECENT_H

#include "live/live_key.h"
#include "profile/profile.h"

#define RECENT_EVENTS		PROFILE_RING	/* attempts of a customer */
#define RECENT_KEPT			USECS_AN_HOUR	/* the longest window that needs them */
#define RECENT_PROFILE_MAX	PROFILE_MAX_SIZE

typedef struct Recent Recent;

/* What a call gets to see of a customer. */
typedef struct RecentAttempts
{
	int			n;
	bool		remembered;		/* this attempt is among them */
	bool		incomplete;		/* earlier ones may have been forgotten for other customers */
	bool		more;			/* there were more than are kept of a customer */
	bool		displaced;		/* it made another customer's attempts of the last hour be forgotten */
	int64		profile_at;		/* when his last known history was put, LIVE_NEVER: there is none */
	uint8		events[RECENT_EVENTS * EVENT_SIZE + EVENT_SLACK];	/* packed, in order */
} RecentAttempts;

/* What became of an attempt. */
typedef enum AttemptOutcome
{
	ATTEMPT_COUNTS,				/* nothing is known yet */
	ATTEMPT_BLOCKED,			/* by our own decision: an attempt, but nothing was spent */
	ATTEMPT_FAILED				/* technical, or blocked by our own outage: it never counts */
} AttemptOutcome;

typedef struct RecentCounters
{
	uint64		customers;		/* places taken */
	uint64		evicted;		/* customers that made room */
	uint64		evicted_live;	/* of them, with an attempt of the last hour */
} RecentCounters;

extern size_t recent_size(uint32 sets);
extern void recent_init(Recent *recent, uint32 sets);
extern uint32 recent_capacity(uint32 sets);
extern void recent_counters(const Recent *recent, RecentCounters *counters);

/*
 * Adds an attempt and returns all of the customer. One identity counts once:
 * what was there of it is replaced, even withdrawn.
 */
extern void recent_add(Recent *recent, const Hash128 *customer, const Event *event, int64 now,
					   RecentAttempts *seen);

/* Only reads. */
extern void recent_read(const Recent *recent, const Hash128 *customer, int64 now, RecentAttempts *seen);

/* False where the attempt is not there. */
extern bool recent_mark(Recent *recent, const Hash128 *customer, uint64 identity, AttemptOutcome outcome);

/* False where it is too large, or only room for it would cost another customer's attempts. */
extern bool recent_profile_put(Recent *recent, const Hash128 *customer, const char *image, size_t len, int64 now);

/* Its size, 0: none. image: RECENT_PROFILE_MAX bytes. */
extern size_t recent_profile_get(const Recent *recent, const Hash128 *customer, char *image, int64 *put_at);

/* Wipes all there is of a customer. False where there was nothing. */
extern bool recent_forget(Recent *recent, const Hash128 *customer);

/*
 * Adds attempts to a history for scoring the transaction `identity` at t: what
 * is later than t, or the transaction itself, is of no use then and would only
 * push out what is. Where the history has a version of an attempt, the rank of
 * the status decides: any is above that of a live attempt, and what the issuer
 * said above our own block. Returns how many had to be
 * left out: the history has 32 newer events and may have counted them already.
 */
extern int	attempts_merge(ProfileState *state, const RecentAttempts *attempts, int64 t, uint64 identity);

#endif							/* FRAUD_LIVE_RECENT_H */
