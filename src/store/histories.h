/*-------------------------------------------------------------------------
 *
 * histories.h
 *	  The stored histories of a transaction's customer, address and merchant,
 *	  for scoring it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_HISTORIES_H
#define FRAUD_STORE_HISTORIES_H

#include "score/score_call.h"

/* What kept histories from being read, the first of them. */
typedef enum HistoriesTrouble
{
	HISTORIES_OK,				/* also where nothing is remembered at all */
	HISTORIES_LOCKED,			/* somebody has locked the store's tables */
	HISTORIES_DAMAGED,			/* one of them is */
	HISTORIES_SLOW				/* there was no time left for all of them */
} HistoriesTrouble;

/*
 * Fills call->histories for call->txn and call->policy, of the store in this
 * schema. Waits for nothing. deadline: of clock_now(), looked at before each
 * key; 0: none. What could not be read is unavailable, and said in the remark.
 */
extern HistoriesTrouble stored_histories(ScoreCall *call, Oid schema, int64 deadline);

/* All unavailable, for this reason, a literal. */
extern void no_histories(ScoreCall *call, const char *remark);

#endif							/* FRAUD_STORE_HISTORIES_H */
