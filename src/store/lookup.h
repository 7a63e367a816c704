/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  Reading the history of a key: its rows, and what waits to be folded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_LOOKUP_H
#define FRAUD_STORE_LOOKUP_H

#include "store/tables.h"

/*
 * What a look-up reads of one key at most. More waits only where nothing
 * folds; the newest are read first, and the answer says so.
 */
#define LOOKUP_MAX_DELTAS	1000	/* visible deltas */
#define LOOKUP_MAX_ENTRIES	10000	/* index entries, deleted rows included */

typedef enum LookupResult
{
	LOOKUP_NONE,				/* looked, nothing is remembered */
	LOOKUP_FOUND,
	LOOKUP_UNREADABLE			/* what is stored is damaged */
} LookupResult;

typedef struct StoredHistory
{
	ProfileState *state;		/* the caller's; filled with LOOKUP_FOUND */
	bool		stale;			/* rows changed in a way that only a rebuild follows */
	bool		partial;		/* more deltas wait than were read */
	bool		other_basis;	/* parts of it were built under another basis */
} StoredHistory;

/* The tables and indexes a look-up needs, open. */
typedef struct StoreReader
{
	Relation	profiles;
	Relation	profiles_pkey;
	Relation	deltas;
	Relation	deltas_slot;
	Relation	sources;
	Snapshot	snapshot;		/* the active one when it was opened */
	bool		all_versions;	/* the scans return what it does not see, too */
	IndexScanDesc profile_scan;
	IndexScanDesc delta_scan;
	TupleTableSlot *profile;
	TupleTableSlot *delta;
	MemoryContext scans;		/* what index scans keep from call to call */
	MemoryContext context;		/* emptied by each look-up */
} StoreReader;

/* Never waits: false when a lock is not to be had. */
extern bool store_reader_open(StoreReader *reader, Oid schema);
extern void store_reader_close(StoreReader *reader);

/* store_key_of_text() of an argument of a function. */
extern bool store_key_of_argument(RuleHistory entity, const text *argument, StoreKey *key);

extern LookupResult store_lookup(StoreReader *reader, const StoreKey *key,
								 StoredHistory *history);

/* Whether anything is attached, or remembered, or being filled. */
typedef struct StoreContent
{
	bool		attached;
	bool		filling;		/* an attached table's old rows are not in yet */
	bool		remembered;		/* asked only where nothing is attached */
} StoreContent;

extern void store_content(StoreReader *reader, StoreContent *content);

#endif							/* FRAUD_STORE_LOOKUP_H */
