/*-------------------------------------------------------------------------
 *
 * custom.h
 *	  Rules of the user's own: SQL boolean expressions over the features.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_CUSTOM_H
#define FRAUD_SCORE_CUSTOM_H

#include "score/score_call.h"

/* One result for each custom rule of call->policy, from call->features. */
extern void custom_evaluate(ScoreCall *call, CustomResult *results);

/* Gives back what custom_evaluate() keeps in a call. */
extern void custom_forget(ScoreCall *call);

/* Makes the policy type refuse expressions that cannot be compiled. */
extern void custom_init(void);

#endif							/* FRAUD_SCORE_CUSTOM_H */
