/*-------------------------------------------------------------------------
 *
 * fraud_labels.h
 *	  Which transactions are confirmed frauds, and since when that is known.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_FRAUD_LABELS_H
#define FRAUD_SCORE_FRAUD_LABELS_H

#include "datatype/timestamp.h"

#include "txn/txn.h"

typedef void (*TakeFraud) (void *arg, const char *txn_id, int len, TimestampTz known);

/*
 * Calls take() for every confirmed fraud that the running statement sees.
 * function: one of ours, which tells the schema. Where the caller may not read
 * labels: error 42501 if they are required, else nothing is told. Set by the
 * layer that stores labels.
 */
extern void (*fraud_labels_source) (Oid function, bool required, TakeFraud take, void *arg);

typedef struct FraudLabels FraudLabels;

/* In the current context, 24 bytes a label and up to as much again of room. */
extern FraudLabels *fraud_labels_load(Oid function, bool required);

/* known: a whole second, never early; PG_INT64_MAX for a fraud not known in any year. */
extern bool fraud_labels_find(const FraudLabels *labels, const TxnText *txn_id, int64 *known);

/* Whether there is nothing to find. */
extern bool fraud_labels_none(const FraudLabels *labels);

#endif							/* FRAUD_SCORE_FRAUD_LABELS_H */
