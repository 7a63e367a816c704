/*-------------------------------------------------------------------------
 *
 * known_fraud.c
 *	  Whether fraud_labels says of a transaction that it is fraud.
 *
 * A statement with few rows asks the primary key of fraud_labels for each; one
 * with many reads all labels first: 24 bytes each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "store/known_fraud.h"

/* So many single questions cost about as much as reading a thousand labels. */
#define ASK_AT_MOST		256

typedef struct KnownFraud
{
	uint64		id;				/* Event.id of the transaction */
	TimestampTz known;
} KnownFraud;

void
known_frauds_begin(KnownFrauds *k, Oid schema, Snapshot snapshot)
{
	memset(k, 0, sizeof(*k));
	k->schema = schema;
	k->snapshot = snapshot;
	k->context = CurrentMemoryContext;
}

void
known_frauds_end(KnownFrauds *k)
{
	if (k->loaded != NULL)
		hash_destroy(k->loaded);
	if (k->row != NULL)
		ExecDropSingleTupleTableSlot(k->row);
	if (k->pkey != NULL)
		relation_close(k->pkey, AccessShareLock);
	if (k->labels != NULL)
		relation_close(k->labels, AccessShareLock);
}

static void
open_labels(KnownFrauds *k)
{
	MemoryContext old;

	k->opened = true;
	k->none = true;
	k->labels = store_open(k->schema, STORE_LABELS, AccessShareLock, STORE_TRY);
	if (k->labels == NULL || RelationGetNumberOfBlocks(k->labels) == 0)
		return;
	k->pkey = store_open(k->schema, STORE_LABELS_PKEY, AccessShareLock, STORE_TRY);
	if (k->pkey == NULL)
		return;
	old = MemoryContextSwitchTo(k->context);
	k->row = table_slot_create(k->labels, NULL);
	MemoryContextSwitchTo(old);
	k->none = false;
}

static bool
row_says_fraud(KnownFrauds *k, TimestampTz *known)
{
	bool		isnull;

	if (!DatumGetBool(slot_getattr(k->row, LABELS_IS_FRAUD, &isnull)))
		return false;
	*known = DatumGetTimestampTz(slot_getattr(k->row, LABELS_KNOWN_AT, &isnull));
	return true;
}

static void
load_labels(KnownFrauds *k)
{
	HASHCTL		info = {.keysize = sizeof(uint64), .entrysize = sizeof(KnownFraud), .hcxt = k->context};
	TableScanDesc scan = table_beginscan(k->labels, k->snapshot, 0, NULL);

	k->loaded = hash_create("fraud_fallback labels", 1024, &info, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (table_scan_getnextslot(scan, ForwardScanDirection, k->row))
	{
		TimestampTz known;
		bool		isnull;
		text	   *id = DatumGetTextPP(slot_getattr(k->row, LABELS_TXN_ID, &isnull));
		uint64		hash = value_hash(COL_TXN_ID, VARDATA_ANY(id), (int) VARSIZE_ANY_EXHDR(id)) & EVENT_ID_MASK;

		CHECK_FOR_INTERRUPTS();
		if (row_says_fraud(k, &known))
			((KnownFraud *) hash_search(k->loaded, &hash, HASH_ENTER, NULL))->known = known;
	}
	table_endscan(scan);
	ExecClearTuple(k->row);
}

static bool
find_loaded(KnownFrauds *k, uint64 id, TimestampTz *known)
{
	KnownFraud *found = hash_search(k->loaded, &id, HASH_FIND, NULL);

	if (found != NULL)
		*known = found->known;
	return found != NULL;
}

static bool
ask(KnownFrauds *k, const TxnText *id, TimestampTz *known)
{
	IndexScanDesc scan = index_beginscan(k->labels, k->pkey, k->snapshot, 1, 0);
	ScanKeyData key;
	bool		fraud = false;

	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID, F_TEXTEQ,
						   PointerGetDatum(cstring_to_text_with_len(id->p, id->len)));
	index_rescan(scan, &key, 1, NULL, 0);
	if (index_getnext_slot(scan, ForwardScanDirection, k->row))
		fraud = row_says_fraud(k, known);
	ExecClearTuple(k->row);
	index_endscan(scan);
	return fraud;
}

bool
known_fraud(KnownFrauds *k, const Txn *txn, TimestampTz *known)
{
	if (!k->opened)
		open_labels(k);
	if (k->none || txn->txn_id.len == 0)
		return false;
	if (k->loaded == NULL && k->asked++ == ASK_AT_MOST)
		load_labels(k);
	return k->loaded != NULL ? find_loaded(k, txn->identity, known) : ask(k, &txn->txn_id, known);
}

bool
known_fraud_event(KnownFrauds *k, const Event *event, TimestampTz *known)
{
	if (!k->opened)
		open_labels(k);
	if (k->none)
		return false;
	if (k->loaded == NULL)
		load_labels(k);
	return find_loaded(k, event->id, known);
}
