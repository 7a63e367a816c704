/*-------------------------------------------------------------------------
 *
 * features_json.h
 *	  Features as JSON.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_FEATURES_JSON_H
#define FRAUD_SCORE_FEATURES_JSON_H

#include "lib/stringinfo.h"

#include "score/features.h"

/* Appends an object like that of to_jsonb(fraud_features), without a NUL. */
extern void features_json(const Txn *txn, const Features *f, StringInfo out);

#endif							/* FRAUD_SCORE_FEATURES_JSON_H */
