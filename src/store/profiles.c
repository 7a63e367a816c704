/*-------------------------------------------------------------------------
 *
 * profiles.c
 *	  Rows of fraud_profiles: finding and writing one of a key and source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "core/compat.h"
#include "profile/profile_type.h"
#include "store/profiles.h"

bool
profiles_writer_open(ProfilesWriter *writer, Oid schema, StoreWait wait)
{
	if (!store_writer_open(&writer->table, schema, STORE_PROFILES, wait))
	{
		if (wait == STORE_TRY)
			return false;
		elog(ERROR, "table fraud_profiles is missing");
	}
	/* the lock that its insertions need is there already */
	writer->pkey = store_open(schema, STORE_PROFILES_PKEY, AccessShareLock, STORE_WAIT);
	writer->row = table_slot_create(writer->table.rel, NULL);
	return true;
}

void
profiles_writer_close(ProfilesWriter *writer)
{
	ExecDropSingleTupleTableSlot(writer->row);
	relation_close(writer->pkey, AccessShareLock);
	store_writer_close(&writer->table);
}

static IndexScanDesc
find_row(ProfilesWriter *writer, Snapshot snapshot, const char *entity, const char *key,
		 int key_len, int32 source)
{
	ScanKeyData keys[3];
	IndexScanDesc scan;

	ScanKeyEntryInitialize(&keys[0], 0, 1, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID, F_TEXTEQ,
						   CStringGetTextDatum(entity));
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID, F_TEXTEQ,
						   PointerGetDatum(cstring_to_text_with_len(key, key_len)));
	ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(source));
	scan = index_beginscan(writer->table.rel, writer->pkey, snapshot, 3, 0);
	index_rescan(scan, keys, 3, NULL, 0);
	if (!index_getnext_slot(scan, ForwardScanDirection, writer->row))
		ExecClearTuple(writer->row);
	return scan;
}

uint64
profiles_row_settled(TupleTableSlot *row)
{
	bool		isnull;
	uint64		settled = DatumGetUInt64(slot_getattr(row, PROFILES_SETTLED, &isnull));
	uint64		writer = DatumGetUInt64(slot_getattr(row, PROFILES_SETTLED_BY, &isnull));
	HeapTuple	tuple;
	bool		free_it;
	bool		ours;

	tuple = ExecFetchSlotHeapTuple(row, false, &free_it);
	ours = HeapTupleHeaderGetRawXmin(tuple->t_data) == (TransactionId) writer;
	if (free_it)
		heap_freetuple(tuple);
	return ours ? settled : 0;
}

uint64
profiles_settled(ProfilesWriter *writer, Snapshot snapshot, const char *entity, const char *key,
				 int key_len, int32 source)
{
	IndexScanDesc scan = find_row(writer, snapshot, entity, key, key_len, source);
	uint64		settled = TTS_EMPTY(writer->row) ? 0 : profiles_row_settled(writer->row);

	ExecClearTuple(writer->row);
	index_endscan(scan);
	return settled;
}

bool
profiles_exists(ProfilesWriter *writer, Snapshot snapshot, const char *entity, const char *key,
				int key_len, int32 source)
{
	IndexScanDesc scan = find_row(writer, snapshot, entity, key, key_len, source);
	bool		found = !TTS_EMPTY(writer->row);

	ExecClearTuple(writer->row);
	index_endscan(scan);
	return found;
}

bool
profiles_find(ProfilesWriter *writer, Snapshot snapshot, const char *entity, const char *key,
			  int key_len, int32 source, StoredRow *row)
{
	IndexScanDesc scan = find_row(writer, snapshot, entity, key, key_len, source);
	bool		good = false;

	row->exists = row->stale = false;
	if (!TTS_EMPTY(writer->row))
	{
		bool		isnull;
		struct varlena *image;
		const char *why;

		row->exists = true;
		row->tid = writer->row->tts_tid;
		row->stale = DatumGetBool(slot_getattr(writer->row, PROFILES_STALE, &isnull));
		image = PG_DETOAST_DATUM(slot_getattr(writer->row, PROFILES_STATE, &isnull));
		good = profile_decode((const char *) image, VARSIZE(image), &row->state, &why) &&
			!row->state.unavailable;
		if (!good)
		{
			row->stale = true;
			ereport(WARNING,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored history of %s \"%s\" is damaged and begins anew", entity, key),
					 errhint("Run fraud_rebuild() for the table and this key.")));
		}
	}
	ExecClearTuple(writer->row);
	index_endscan(scan);
	return good;
}

void
profiles_write(ProfilesWriter *writer, Snapshot snapshot, const char *entity, const char *key,
			   int key_len, int32 source, const StoredRow *row, uint64 settled)
{
	Datum		values[PROFILES_COLUMNS];
	bool		nulls[PROFILES_COLUMNS] = {false};

	values[PROFILES_ENTITY - 1] = CStringGetTextDatum(entity);
	values[PROFILES_KEY - 1] = PointerGetDatum(cstring_to_text_with_len(key, key_len));
	values[PROFILES_STATE - 1] = profile_to_datum(&row->state);
	values[PROFILES_STALE - 1] = BoolGetDatum(row->stale);
	values[PROFILES_UPDATED - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[PROFILES_SOURCE - 1] = Int32GetDatum(source);
	values[PROFILES_SETTLED - 1] = UInt64GetDatum(settled);
	/* the header of the row will name this transaction too, see lookup.c */
	values[PROFILES_SETTLED_BY - 1] = FullTransactionIdGetDatum(GetCurrentFullTransactionId());
	store_row(&writer->table, values, nulls);
	if (row->exists)
		store_update(&writer->table, unconstify(ItemPointerData *, &row->tid), snapshot);
	else
		store_insert(&writer->table);
}

uint64
store_settled(Snapshot snapshot)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint32		epoch = EpochFromFullTransactionId(next);

	/* xmin is not after the next transaction: where it is larger, it is of the epoch before */
	if (snapshot->xmin > XidFromFullTransactionId(next))
		epoch--;
	return U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, snapshot->xmin));
}
