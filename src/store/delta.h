/*-------------------------------------------------------------------------
 *
 * delta.h
 *	  What a statement adds to histories, collected and appended.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_DELTA_H
#define FRAUD_STORE_DELTA_H

#include "store/tables.h"

/* One event, or a remark, for one key. */
typedef struct DeltaEntry
{
	int64		slot;
	uint8		entity;			/* RuleHistory */
	char		kind;			/* DELTA_EVENTS, DELTA_REVISIONS, DELTA_STALE */
	bool		labelled;		/* a fraud known since `known` */
	int			len;
	const char *key;
	int64		known;
	Event		event;
} DeltaEntry;

typedef struct DeltaBatch
{
	Oid			schema;
	int32		source;
	uint64		basis;
	TimestampTz latest;			/* later events are not remembered */
	MemoryContext context;		/* entries and keys; emptied by a flush */
	DeltaEntry *entries;
	int			n;
	int			room;
	Size		bytes;			/* of entries and keys */
	Size		limit;			/* flushed beyond */
	int64		ahead;			/* events later than `latest` */
	int64		missed;			/* events that could not be written */
} DeltaBatch;

extern void delta_begin(DeltaBatch *batch, Oid schema, int32 source, uint64 basis);

/* The event of a transaction, for each of its keys. */
extern void delta_txn(DeltaBatch *batch, const Txn *txn, char kind);

/* The same for one key. */
extern void delta_txn_key(DeltaBatch *batch, const Txn *txn, const StoreKey *key, char kind);

/* What is remembered of its keys is not right any more. */
extern void delta_stale(DeltaBatch *batch, const Txn *txn);
extern void delta_stale_key(DeltaBatch *batch, const StoreKey *key);

/* The transaction, if it was approved, is a fraud known since `known`: for each of its keys. */
extern void delta_fraud(DeltaBatch *batch, const Txn *txn, TimestampTz known);

/*
 * Appends what is collected. Never waits: where the table is locked by
 * somebody else, the events are counted as missed and the server log says so.
 */
extern void delta_flush(DeltaBatch *batch);

/* The same, and gives the memory back. */
extern void delta_end(DeltaBatch *batch);

#endif							/* FRAUD_STORE_DELTA_H */
