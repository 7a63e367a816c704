/*-------------------------------------------------------------------------
 *
 * known_fraud.h
 *	  Whether fraud_labels says of a transaction that it is fraud.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_KNOWN_FRAUD_H
#define FRAUD_STORE_KNOWN_FRAUD_H

#include "store/tables.h"

/* All members are known_fraud.c's. */
typedef struct KnownFrauds
{
	Oid			schema;
	Snapshot	snapshot;
	MemoryContext context;
	bool		opened;
	bool		none;			/* there is no label, or no way to read them */
	Relation	labels;
	Relation	pkey;
	TupleTableSlot *row;
	struct HTAB *loaded;		/* all of them, once that is cheaper than asking */
	int			asked;
} KnownFrauds;

/*
 * snapshot: whose labels count; SnapshotSelf for what is committed by now,
 * which takes no part in serialisation. Nothing is opened before a question.
 * What is kept until the end is in the memory context of the beginning.
 */
extern void known_frauds_begin(KnownFrauds *k, Oid schema, Snapshot snapshot);
extern void known_frauds_end(KnownFrauds *k);

/* Never waits; where labels are locked by somebody else, there are none. */
extern bool known_fraud(KnownFrauds *k, const Txn *txn, TimestampTz *known);

/* The same by the identity of the event; reads all labels at the first question. */
extern bool known_fraud_event(KnownFrauds *k, const Event *event, TimestampTz *known);

#endif							/* FRAUD_STORE_KNOWN_FRAUD_H */
