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
	StoreWait	wait;
	TimestampTz latest;			/* later events are not remembered */
	MemoryContext context;		/* entries and keys; emptied by a flush */
	DeltaEntry *entries;
	int			n;
	int			room;
	Size		bytes;			/* of entries and keys */
	Size		limit;			/* flushed beyond */
	int64		ahead;			/* events later than `latest` */
	int64		blanks;			/* rows with Txn.blanks; the caller counts */
	int64		missed;			/* events that could not be written */
} DeltaBatch;

/* wait: what to do when somebody has locked the table, see delta_flush(). */
extern void delta_begin(DeltaBatch *batch, Oid schema, int32 source, uint64 basis, StoreWait wait);

/*
 * An event, for each key of its transaction, or for one key. known: where a
 * label makes a fraud of it, since when; else NULL.
 */
extern void delta_event(DeltaBatch *batch, const Txn *txn, const Event *event,
						const TimestampTz *known, char kind);
extern void delta_event_key(DeltaBatch *batch, const StoreKey *key, const Event *event,
							const TimestampTz *known, char kind);

/* What is remembered of its keys is not right any more. */
extern void delta_stale(DeltaBatch *batch, const Txn *txn);
extern void delta_stale_key(DeltaBatch *batch, const StoreKey *key);

/*
 * Appends what is collected. With STORE_TRY it never waits: where the table is
 * locked by somebody else, the events are missed, counted, and logged.
 */
extern void delta_flush(DeltaBatch *batch);

/* The same, and gives the memory back. */
extern void delta_end(DeltaBatch *batch);

#endif							/* FRAUD_STORE_DELTA_H */
