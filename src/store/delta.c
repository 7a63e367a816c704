/*-------------------------------------------------------------------------
 *
 * delta.c
 *	  What a statement adds to histories, collected and appended.
 *
 * Entries are collected in memory, brought together by key, and appended to
 * fraud_profile_deltas: one row a key and kind. Nothing that others write is
 * touched, so inserts neither wait for each other nor fail for each other.
 * Beyond what a hash table of the statement may take (work_mem times
 * hash_mem_multiplier), what is there is appended and collecting begins anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "core/compat.h"
#include "profile/profile_type.h"
#include "store/delta.h"

#define ROWS_AT_ONCE	128

/* Images of this many bytes may wait for an insert; beyond, it is done. */
#define BYTES_AT_ONCE	(256 * 1024)

void
delta_begin(DeltaBatch *batch, Oid schema, int32 source, uint64 basis, StoreWait wait)
{
	memset(batch, 0, sizeof(*batch));
	batch->schema = schema;
	batch->source = source;
	batch->basis = basis;
	batch->wait = wait;
	batch->latest = GetCurrentStatementStartTimestamp() + STORE_AHEAD_MAX;
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback deltas",
										   ALLOCSET_DEFAULT_SIZES);
	batch->limit = get_hash_memory_limit();
}

static DeltaEntry *
add_entry(DeltaBatch *batch, const StoreKey *key, char kind)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	DeltaEntry *entry;
	char	   *text;

	if (batch->n == batch->room)
	{
		batch->room = batch->room == 0 ? 8 : 2 * batch->room;
		if (batch->entries == NULL)
			batch->entries = palloc(sizeof(DeltaEntry) * batch->room);
		else
			batch->entries = repalloc_huge(batch->entries, sizeof(DeltaEntry) * batch->room);
	}
	text = palloc(key->len);
	memcpy(text, key->text, key->len);
	MemoryContextSwitchTo(old);

	entry = &batch->entries[batch->n++];
	entry->slot = key->slot;
	entry->entity = (uint8) key->entity;
	entry->kind = kind;
	entry->labelled = false;
	entry->key = text;
	entry->len = key->len;
	batch->bytes += sizeof(DeltaEntry) + key->len + 16;
	return entry;
}

static void
flush_if_full(DeltaBatch *batch)
{
	if (batch->bytes > batch->limit)
		delta_flush(batch);
}

static void
add_event(DeltaBatch *batch, const StoreKey *key, const Event *event, const TimestampTz *known, char kind)
{
	DeltaEntry *entry = add_entry(batch, key, kind);

	entry->event = *event;
	entry->labelled = known != NULL;
	entry->known = known != NULL ? *known : 0;
}

/* Whether it is too far ahead of the clock to be remembered. */
static bool
is_ahead(DeltaBatch *batch, const Event *event)
{
	if (event->time <= batch->latest)
		return false;
	batch->ahead++;
	return true;
}

void
delta_event_key(DeltaBatch *batch, const StoreKey *key, const Event *event,
				const TimestampTz *known, char kind)
{
	if (!is_ahead(batch, event))
	{
		add_event(batch, key, event, known, kind);
		flush_if_full(batch);
	}
}

void
delta_event(DeltaBatch *batch, const Txn *txn, const Event *event, const TimestampTz *known, char kind)
{
	StoreKey	key;
	int			e;

	if (is_ahead(batch, event))
		return;
	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
		if (store_key_of_txn(txn, (RuleHistory) e, &key))
			add_event(batch, &key, event, known, kind);
	flush_if_full(batch);
}

void
delta_stale_key(DeltaBatch *batch, const StoreKey *key)
{
	DeltaEntry *entry = add_entry(batch, key, DELTA_STALE);

	memset(&entry->event, 0, sizeof(Event));
	flush_if_full(batch);
}

void
delta_stale(DeltaBatch *batch, const Txn *txn)
{
	StoreKey	key;
	int			e;

	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
		if (store_key_of_txn(txn, (RuleHistory) e, &key))
			delta_stale_key(batch, &key);
}

/* ---- writing ---- */

/* Entries are large and keys mostly equal where slots are: these are sorted. */
typedef struct EntryOrder
{
	int64		slot;
	uint32		kind;
	uint32		entry;			/* index: keeps the order of rows */
} EntryOrder;

static int
compare_orders(const void *a, const void *b)
{
	const EntryOrder *x = a;
	const EntryOrder *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static EntryOrder *
order_entries(const DeltaBatch *batch)
{
	EntryOrder *orders = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(EntryOrder) * Max(batch->n, 1));
	int			i;

	for (i = 0; i < batch->n; i++)
	{
		orders[i].slot = batch->entries[i].slot;
		orders[i].kind = (uint32) batch->entries[i].kind;
		orders[i].entry = (uint32) i;
	}
	if (batch->n > 1)
		qsort(orders, batch->n, sizeof(EntryOrder), compare_orders);
	return orders;
}

/* Whether an entry goes into the same row as the one before. */
static bool
same_row(const DeltaEntry *a, const DeltaEntry *b)
{
	return a->slot == b->slot && a->entity == b->entity && a->len == b->len &&
		a->kind == b->kind && memcmp(a->key, b->key, a->len) == 0;
}

/* Rows on their way into the table. */
typedef struct Rows
{
	StoreWriter writer;
	TupleTableSlot *slots[ROWS_AT_ONCE];
	int			made;			/* slots there are */
	int			n;
	Size		bytes;
	MemoryContext context;		/* values of the rows */
} Rows;

static void
write_rows(Rows *rows)
{
	int			i;

	if (rows->n > 0)
		store_insert_many(&rows->writer, rows->slots, rows->n);
	for (i = 0; i < rows->n; i++)
		ExecClearTuple(rows->slots[i]);
	rows->n = 0;
	rows->bytes = 0;
	MemoryContextReset(rows->context);
}

static void
add_row(Rows *rows, const DeltaBatch *batch, int64 slot, const char *entity, const char *key,
		int len, char kind, int32 events, const ProfileState *state)
{
	MemoryContext old;
	TupleTableSlot *row;

	if (rows->n == ROWS_AT_ONCE || rows->bytes > BYTES_AT_ONCE)
		write_rows(rows);
	if (rows->n == rows->made)
		rows->slots[rows->made++] = MakeSingleTupleTableSlot(RelationGetDescr(rows->writer.rel),
															 rows->writer.slot->tts_ops);
	row = rows->slots[rows->n++];
	ExecClearTuple(row);
	memset(row->tts_isnull, 0, sizeof(bool) * DELTAS_COLUMNS);

	old = MemoryContextSwitchTo(rows->context);
	row->tts_values[DELTAS_SLOT - 1] = Int64GetDatum(slot);
	row->tts_values[DELTAS_WRITTEN - 1] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	row->tts_values[DELTAS_ENTITY - 1] = CStringGetTextDatum(entity);
	row->tts_values[DELTAS_KEY - 1] = PointerGetDatum(cstring_to_text_with_len(key, len));
	row->tts_values[DELTAS_SOURCE - 1] = Int32GetDatum(batch->source);
	row->tts_values[DELTAS_KIND - 1] = CharGetDatum(kind);
	row->tts_values[DELTAS_EVENTS - 1] = Int32GetDatum(events);
	row->tts_values[DELTAS_FRESH - 1] = BoolGetDatum(true);
	row->tts_isnull[DELTAS_STATE - 1] = state == NULL;
	if (state != NULL)
	{
		row->tts_values[DELTAS_STATE - 1] = profile_to_datum(state);
		rows->bytes += VARSIZE(DatumGetPointer(row->tts_values[DELTAS_STATE - 1]));
	}
	MemoryContextSwitchTo(old);
	ExecStoreVirtualTuple(row);
}

static void
add_note(Rows *rows, const DeltaBatch *batch, char kind, int64 n)
{
	if (n > 0)
		add_row(rows, batch, SLOT_NOTES, "", "", 0, kind, (int32) Min(n, PG_INT32_MAX), NULL);
}

/* Appends the collected entries; those of one key come together. */
static void
append_entries(Rows *rows, const DeltaBatch *batch)
{
	ProfileState *state = palloc(sizeof(ProfileState));
	EntryOrder *orders = order_entries(batch);
	int			i = 0;

	while (i < batch->n)
	{
		const DeltaEntry *first = &batch->entries[orders[i].entry];
		int			n = 0;

		profile_init(state, batch->basis);
		for (; i < batch->n; i++)
		{
			const DeltaEntry *entry = &batch->entries[orders[i].entry];

			if (!same_row(first, entry))
				break;

			if (first->kind == DELTA_STALE)
				continue;
			/* revisions must all be whole when they are folded */
			if (first->kind == DELTA_REVISIONS && n == PROFILE_RING)
				break;
			profile_observe(state, &entry->event);
			if (entry->labelled)
				profile_observe_label(state, &entry->event, entry->known);
			n++;
		}
		add_row(rows, batch, first->slot, store_entity_names[first->entity], first->key, first->len,
				first->kind, n, first->kind == DELTA_STALE ? NULL : state);
	}
	pfree(state);
}

void
delta_flush(DeltaBatch *batch)
{
	Rows		rows;
	MemoryContext old;
	int			i;

	if (batch->n == 0 && batch->ahead == 0 && batch->blanks == 0)
		return;
	old = MemoryContextSwitchTo(batch->context);
	memset(&rows, 0, sizeof(rows));
	if (!store_writer_open(&rows.writer, batch->schema, STORE_DELTAS, batch->wait))
	{
		batch->missed += batch->n + batch->ahead;
		(void) store_count_missed(batch->schema);
		ereport(LOG,
				(errmsg("fraud_fallback: %d changes are missing in histories, fraud_profile_deltas is locked",
						batch->n),
				 errhint("Run fraud_rebuild() for the table.")));
	}
	else
	{
		rows.context = AllocSetContextCreate(batch->context, "fraud_fallback delta rows",
											 ALLOCSET_DEFAULT_SIZES);
		append_entries(&rows, batch);
		add_note(&rows, batch, DELTA_AHEAD, batch->ahead);
		add_note(&rows, batch, DELTA_BLANKS, batch->blanks);
		write_rows(&rows);
		for (i = 0; i < rows.made; i++)
			ExecDropSingleTupleTableSlot(rows.slots[i]);
		store_writer_close(&rows.writer);
	}
	MemoryContextSwitchTo(old);

	batch->ahead = batch->blanks = 0;
	batch->entries = NULL;
	batch->n = batch->room = 0;
	batch->bytes = 0;
	MemoryContextReset(batch->context);
}

void
delta_end(DeltaBatch *batch)
{
	delta_flush(batch);
	MemoryContextDelete(batch->context);
}
