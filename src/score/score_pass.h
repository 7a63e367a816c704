/*-------------------------------------------------------------------------
 *
 * score_pass.h
 *	  Every row of a table scored as of its own past.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_SCORE_PASS_H
#define FRAUD_SCORE_SCORE_PASS_H

#include "score/fraud_labels.h"
#include "score/score_call.h"

/*
 * Takes a row that was scored: it is in call->txn, features and decision.
 * is_fraud: labels say so, whenever that became known. Called in memory that
 * is emptied after each row.
 */
typedef void (*ScoreSink) (ScoreCall *call, bool is_fraud, void *arg);

typedef struct ScorePass
{
	ScoreCall  *call;			/* of score_call_for_rows(), with its policy */
	Oid			relation;		/* read with the caller's rights */
	TimestampTz since;			/* rows that occurred in [since, until) go to the sink, */
	TimestampTz until;			/* and those of no usable time */
	const FraudLabels *labels;
	ScoreSink	sink;
	void	   *arg;
} ScorePass;

/* Within SPI. */
extern void score_pass(const ScorePass *pass);

#endif							/* FRAUD_SCORE_SCORE_PASS_H */
