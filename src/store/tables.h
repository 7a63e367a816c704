/*-------------------------------------------------------------------------
 *
 * tables.h
 *	  The tables of the store, read and written without SQL.
 *
 * They are found by the schema of the extension, which callers know from the
 * function that was called; search_path has no say. Permissions are not
 * checked: having EXECUTE on our function is the permission.
 *
 * Locks. Payments never wait for a lock on these tables: their triggers and
 * look-ups ask with STORE_TRY and do without when it is refused. Two folders
 * of the same deltas keep apart by shard locks (store_lock_shard), which
 * belong to the transaction and which no payment asks for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_TABLES_H
#define FRAUD_STORE_TABLES_H

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#include "profile/profile.h"
#include "store/key.h"

typedef enum StoreRelation
{
	STORE_PROFILES,
	STORE_PROFILES_PKEY,
	STORE_DELTAS,
	STORE_DELTAS_SLOT,
	STORE_SOURCES,
	STORE_MISSED,
	STORE_LABELS,
	STORE_LABELS_PKEY
} StoreRelation;

#define STORE_RELATIONS		(STORE_LABELS_PKEY + 1)

/* fraud_profiles */
#define PROFILES_ENTITY		1
#define PROFILES_KEY		2
#define PROFILES_STATE		3
#define PROFILES_STALE		4
#define PROFILES_UPDATED	5
#define PROFILES_SOURCE		6
#define PROFILES_SETTLED	7
#define PROFILES_SETTLED_BY	8
#define PROFILES_COLUMNS	8

/* fraud_profile_deltas */
#define DELTAS_SLOT			1
#define DELTAS_WRITTEN		2
#define DELTAS_ENTITY		3
#define DELTAS_KEY			4
#define DELTAS_SOURCE		5
#define DELTAS_KIND			6
#define DELTAS_EVENTS		7
#define DELTAS_STATE		8
#define DELTAS_FRESH		9	/* generated as false, which we write past */
#define DELTAS_COLUMNS		9

/* fraud_sources */
#define SOURCES_SOURCE		1
#define SOURCES_RELATION	2
#define SOURCES_COLUMNS_MAP	3
#define SOURCES_BASIS		4
#define SOURCES_ATTACHED	5
#define SOURCES_ATTACHED_BY	6
#define SOURCES_FILLED		7
#define SOURCES_ROWS		8
#define SOURCES_COLUMNS		8

/* fraud_labels */
#define LABELS_TXN_ID		1
#define LABELS_IS_FRAUD		2
#define LABELS_KNOWN_AT		3

/* fraud_profile_deltas.kind */
#define DELTA_EVENTS		'i' /* more events */
#define DELTA_REVISIONS		'u' /* new versions of events */
#define DELTA_STALE			's' /* what is remembered is not right any more */

/* Notes on a source. They stay; folding adds them up. */
#define DELTA_AHEAD			'f' /* rows too far in the future, not remembered */
#define DELTA_BLANKS		'b' /* rows with blanks around an id */
#define IS_NOTE(kind)		((kind) == DELTA_AHEAD || (kind) == DELTA_BLANKS)

#define SOURCE_LEARNED		0	/* fraud_learn() */

/* Notes are all in this slot. */
#define SLOT_NOTES			INT64CONST(0)

/* Events this much ahead of the clock are not remembered. */
#define STORE_AHEAD_MAX		USECS_A_DAY

typedef enum StoreWait
{
	STORE_TRY,					/* NULL when the lock is not to be had */
	STORE_WAIT
} StoreWait;

/* A function of ours tells the schema. */
extern Oid	store_schema(Oid function);

/*
 * Opens a table or an index of the store; NULL when it is not there (the
 * extension is being dropped) or, with STORE_TRY, locked by somebody else.
 */
extern Relation store_open(Oid schema, StoreRelation which, LOCKMODE mode, StoreWait wait);

/* Writing to one table: rows in, indexes kept. */
typedef struct StoreWriter
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;		/* for one row at a time */
} StoreWriter;

/* False when the table cannot be had; see store_open(). */
extern bool store_writer_open(StoreWriter *writer, Oid schema, StoreRelation which, StoreWait wait);
extern void store_writer_close(StoreWriter *writer);

/* Sets writer->slot to a row. */
extern void store_row(StoreWriter *writer, const Datum *values, const bool *nulls);
extern void store_insert(StoreWriter *writer);
extern void store_insert_many(StoreWriter *writer, TupleTableSlot **slots, int n);
extern void store_update(StoreWriter *writer, ItemPointer tid, Snapshot snapshot);
extern void store_delete(StoreWriter *writer, ItemPointer tid, Snapshot snapshot);

/*
 * A share of all keys, by their slots. Held until the end of the transaction;
 * false when somebody else has it, with STORE_TRY.
 */
#define STORE_SHARDS		16
extern bool store_lock_shard(Oid schema, int shard, StoreWait wait);
extern void store_lock_all_shards(Oid schema);

static inline int
store_shard(int64 slot)
{
	return (int) ((uint64) slot >> 60);
}

/*
 * Counts a statement whose changes are missing in histories. Stays counted if
 * the transaction is rolled back. Never waits; false where even that cannot be.
 */
extern bool store_count_missed(Oid schema);

/* Who owns the store: statements of ours on it run as this role. */
extern Oid	store_owner(Oid schema);

/*
 * Runs a statement on our tables as their owner. Under the latest snapshot
 * where none is given: a transaction's own may be older than what others
 * folded. Returns the number of rows.
 */
extern uint64 store_run(Oid schema, const char *sql, Snapshot snapshot, int nargs,
						Oid *types, Datum *values);

/* Takes all histories and deltas of a source away; the caller has the shards. */
extern void store_forget_source(Oid schema, int32 source);

/* Whether some row of the source has, or had, blanks around an id. */
extern bool store_has_blanks(Oid schema, int32 source);

/*
 * Condition on alias t that a column has an id, or more than those; NULL where
 * no row can have it. trimmed: blanks around ids of text do not count, which
 * no index on the column serves.
 */
extern char *store_id_condition(Relation table, const char *column, const char *id, bool trimmed);

/* SQL name of one of our tables, quoted, for SPI. */
extern char *store_name(Oid schema, const char *table);

#endif							/* FRAUD_STORE_TABLES_H */
