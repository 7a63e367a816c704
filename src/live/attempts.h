/*-------------------------------------------------------------------------
 *
 * attempts.h
 *	  Live attempts: what every session of the server remembers together of a
 *	  customer's last hour, rolled back or not; and his last known history.
 *
 * For the front door. In the order of a decision:
 *
 *	 attempts_key()			whose
 *	 attempts_add()			this attempt counts, and those of others come back
 *	 attempts_merge()		puts them into the stored history (recent.h)
 *	 attempts_profile_put()	keeps that history, before merging, for tier 3
 *	 attempts_mark()		where it was blocked, or must not count
 *
 * Everything belongs to the database of the session. Without preload all of
 * these raise 55000; nothing else is ever raised, and nothing waits but for
 * another session's copying.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_LIVE_ATTEMPTS_H
#define FRAUD_LIVE_ATTEMPTS_H

#include "live/recent.h"
#include "store/key.h"

/* An event this much ahead of the clock is not remembered. */
#define ATTEMPT_AHEAD_MAX	USECS_A_DAY

typedef struct AttemptsKey
{
	Hash128		hash;
} AttemptsKey;

/* customer: a key of HISTORY_CUSTOMER. */
extern void attempts_key(const StoreKey *customer, AttemptsKey *key);

/*
 * Adds the attempt that txn_event() makes of a transaction, whatever its
 * status, and returns all there are of the customer, this one among them. The
 * same identity counts once.
 */
extern void attempts_add(const AttemptsKey *key, const Event *event, RecentAttempts *seen);

/* The same without adding one. */
extern void attempts_read(const AttemptsKey *key, RecentAttempts *seen);

/* False where the attempt is not there (any more). */
extern bool attempts_mark(const AttemptsKey *key, uint64 identity, AttemptOutcome outcome);

/* Keeps a history: the bytes of a fraud_profile. False where there was no room. */
extern bool attempts_profile_put(const AttemptsKey *key, const char *image, size_t len);

/* Its size, 0: none, and its age in microseconds. image: RECENT_PROFILE_MAX bytes. */
extern size_t attempts_profile_get(const AttemptsKey *key, char *image, int64 *age);

/*
 * Wipes the attempts and the history of a customer, as if he had never come.
 * False where there was nothing.
 */
extern bool attempts_forget(const AttemptsKey *key);

/* ---- for people ---- */

typedef struct AttemptsStatus
{
	RecentCounters counters;
	uint64		capacity;		/* customers */
	uint64		ahead;			/* attempts too far ahead of the clock */
	uint64		memory;			/* bytes */
} AttemptsStatus;

extern void attempts_status(AttemptsStatus *status);

/* fraud_fallback.live_customers */
extern int	live_customers;

/* Random ones, for a start of the server. */
extern void live_seeds(Hash128 *seeds);

extern void attempts_init(void);

#endif							/* FRAUD_LIVE_ATTEMPTS_H */
