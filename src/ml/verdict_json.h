/*-------------------------------------------------------------------------
 *
 * verdict_json.h
 *	  A verdict out of jsonb.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_ML_VERDICT_JSON_H
#define FRAUD_ML_VERDICT_JSON_H

#include "ml/verdict.h"

/*
 * verdict_judge() of a jsonb datum, which may be any JSON value; texts in the
 * current context. Raises nothing.
 */
extern const char *verdict_read(Datum ml, const MlSettings *settings, const Policy *policy, Verdict *verdict);

#endif							/* FRAUD_ML_VERDICT_JSON_H */
