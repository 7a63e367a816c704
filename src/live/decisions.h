/*-------------------------------------------------------------------------
 *
 * decisions.h
 *	  Decisions of the last ten minutes, so that a transaction asked again gets
 *	  the same answer and is counted once; what answers and claims are: kept.h.
 *
 * For the front door:
 *
 *	 decisions_key()	of the transaction; none: it cannot be known again
 *	 decisions_claim()	before anything else is done for it:
 *		CLAIM_REPEAT		return the answer (detail.repeat); count nothing
 *		CLAIM_FIRST			decide, count, journal; decisions_put()
 *		CLAIM_SUPERSEDES	the same; the journal record supersedes the one that
 *							decisions_put() names
 *		CLAIM_BUSY			another session is at it just now. Waiting for it
 *							would let its payment hold up ours, so: decide, and
 *							return that; neither count nor journal nor put, it
 *							is the other one's to do. The attempt is added and
 *							marked as ever: one identity counts once. Both
 *							decide from the same facts and nearly the same
 *							history, so they differ only where another attempt
 *							came between them
 *		reused				at least REVIEW, `txn_id reused`; the transaction is
 *							a new attempt, see identity_of_reused() in facts.h
 *	 decisions_put()	or, where no answer comes, decisions_release()
 *
 * A claim left behind by an error is released when the transaction or the
 * subtransaction it was made in ends, or the session. Everything belongs to
 * the database of the session. Without preload all of these raise 55000.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_LIVE_DECISIONS_H
#define FRAUD_LIVE_DECISIONS_H

#include "live/facts.h"

typedef struct Claim
{
	KeptKey		key;
	uint32		token;			/* 0: not ours, or there was no place for it */
} Claim;

/* False where it cannot be known again: decide it as the first time, put nothing. */
extern bool decisions_key(const Txn *txn, KeptKey *key);

/* Only looks. */
extern KeptFound decisions_find(const KeptKey *key, bool *reused, KeptAnswer *answer);

/* An earlier answer with a verdict, its age in microseconds; before a claim, which may take its place. */
extern bool decisions_verdict(const KeptKey *key, KeptAnswer *answer, int64 *age);

/* verdict: the caller brings a valid ML verdict. */
extern KeptClaim decisions_claim(const KeptKey *key, bool verdict, Claim *claim, bool *reused, KeptAnswer *answer);

/*
 * The answer; after CLAIM_FIRST and CLAIM_SUPERSEDES. len over KEPT_MAX: not
 * remembered, and counted. record: KEPT_RECORD bytes.
 */
extern void decisions_put(Claim *claim, const char *bytes, size_t len, bool verdict, const uint8 *record,
						  KeptPut *put);

extern void decisions_release(Claim *claim);

/* ---- for people ---- */

typedef struct DecisionsStatus
{
	KeptCounters counters;
	uint64		capacity;
	uint64		too_large;
	uint64		memory;			/* bytes */
} DecisionsStatus;

extern void decisions_status(DecisionsStatus *status);

/* After attempts_init(). */
extern void decisions_init(void);

#endif							/* FRAUD_LIVE_DECISIONS_H */
