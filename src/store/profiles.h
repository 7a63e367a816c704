/*-------------------------------------------------------------------------
 *
 * profiles.h
 *	  Rows of fraud_profiles: finding and writing one of a key and source.
 *
 * Whoever writes holds the key's shard (tables.h), so nobody else does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_PROFILES_H
#define FRAUD_STORE_PROFILES_H

#include "store/tables.h"

typedef struct ProfilesWriter
{
	StoreWriter table;
	Relation	pkey;
	TupleTableSlot *row;		/* as read */
} ProfilesWriter;

typedef struct StoredRow
{
	bool		exists;
	ItemPointerData tid;		/* valid if it exists */
	bool		stale;
	ProfileState state;			/* valid if profiles_find() said so */
} StoredRow;

/* False where it is locked, with STORE_TRY. */
extern bool profiles_writer_open(ProfilesWriter *writer, Oid schema, StoreWait wait);
extern void profiles_writer_close(ProfilesWriter *writer);

/* Up to where the row of a key is settled, see lookup.c; 0 where nobody knows. */
extern uint64 profiles_settled(ProfilesWriter *writer, Snapshot snapshot, const char *entity,
							   const char *key, int key_len, int32 source);

/* The same of a row in a slot. */
extern uint64 profiles_row_settled(TupleTableSlot *row);

/* Whether the key has a row. */
extern bool profiles_exists(ProfilesWriter *writer, Snapshot snapshot, const char *entity,
							const char *key, int key_len, int32 source);


/*
 * Reads the row of a key. False where there is no state to go on from: no
 * row, or a damaged one, which is then marked stale.
 */
extern bool profiles_find(ProfilesWriter *writer, Snapshot snapshot, const char *entity,
						  const char *key, int key_len, int32 source, StoredRow *row);

/*
 * Inserts or updates it. settled: deltas of earlier transactions, of whatever
 * source, do not wait any more; 0 where only this source was looked at.
 */
extern void profiles_write(ProfilesWriter *writer, Snapshot snapshot, const char *entity,
						   const char *key, int key_len, int32 source,
						   const StoredRow *row, uint64 settled);

/* All transactions before this one are seen by the snapshot, or never will be. */
extern uint64 store_settled(Snapshot snapshot);

#endif							/* FRAUD_STORE_PROFILES_H */
