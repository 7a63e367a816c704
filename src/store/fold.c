/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  fraud_fold(): deltas into the rows of fraud_profiles.
 *
 * Works through the deltas in the order of their index, a key at a time. A
 * shard of the keys is locked for it until the transaction ends; shards that
 * somebody else folds are left out. The snapshot is taken when the lock is
 * had, so what an earlier folder did is seen.
 *
 * The worker folds too, every second. While a dump is being restored it must
 * not: the rows of fraud_profiles come behind the deltas, and one made here
 * first would be the end of the restore. So it leaves deltas that are not fresh
 * alone until a key of theirs has a row, as then all rows have come. Where the
 * dump had none, whoever restored it calls fraud_fold().
 *
 * Settled. When the deltas of a key that the snapshot sees are folded, those
 * of all sources, every delta of a transaction before the snapshot's xmin is
 * in the rows, or was rolled back. The row keeps that number, and look-ups skip older entries of
 * the delta index, which may stay there for as long as some old snapshot
 * needs them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/itup.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "core/compat.h"
#include "core/worker.h"
#include "profile/profile_type.h"
#include "store/fold.h"
#include "store/profiles.h"

/* Deltas of one key folded at a time: bounds memory. */
#define FOLD_AT_ONCE	4096

/*
 * So many deltas of a key are looked at in vain before it is asked what is
 * settled. Vacuum removes them when it may; an old snapshot can forbid that.
 */
#define FOLD_UNSEEN		16

/* Deltas of one transaction of the worker. */
#define FOLD_OF_WORKER	20000

/* A delta that is to be folded. */
typedef struct Waiting
{
	ItemPointerData tid;
	int64		slot;
	uint64		written;
	int32		source;
	char		kind;
	bool		fresh;			/* written here; false: restored from a dump */
	bool		done;
	int32		events;
	const char *entity;
	int			key_len;
	const char *key;
	struct varlena *image;		/* NULL with DELTA_STALE and notes */
} Waiting;

typedef struct Folder
{
	Oid			schema;
	Snapshot	snapshot;
	uint64		settled;		/* of the snapshot */
	StoreWriter deltas;
	ProfilesWriter profiles;
	Relation	deltas_slot;
	TupleTableSlot *row;
	MemoryContext context;		/* deltas of one key */
	Waiting    *waiting;
	int			n;
	int64		left;			/* deltas that may still be folded */
	int64		folded;
	bool		worker;
	int64		left_alone;		/* deltas, by the worker */
} Folder;

/* The worker's: a key of restored deltas has a row. Until all are folded. */
static bool rows_restored;

static const char *
copy_text(TupleTableSlot *slot, int attno, int *len)
{
	bool		isnull;
	struct varlena *t = DatumGetTextPP(slot_getattr(slot, attno, &isnull));
	char	   *copy;

	*len = (int) VARSIZE_ANY_EXHDR(t);
	copy = palloc(*len + 1);
	memcpy(copy, VARDATA_ANY(t), *len);
	copy[*len] = '\0';
	return copy;
}

static void
take_delta(Folder *f, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(f->context);
	Waiting    *w = &f->waiting[f->n++];
	bool		isnull;
	Datum		state;
	int			len;

	w->tid = slot->tts_tid;
	w->done = false;
	w->slot = DatumGetInt64(slot_getattr(slot, DELTAS_SLOT, &isnull));
	w->written = DatumGetUInt64(slot_getattr(slot, DELTAS_WRITTEN, &isnull));
	w->fresh = DatumGetBool(slot_getattr(slot, DELTAS_FRESH, &isnull));
	w->source = DatumGetInt32(slot_getattr(slot, DELTAS_SOURCE, &isnull));
	w->kind = DatumGetChar(slot_getattr(slot, DELTAS_KIND, &isnull));
	w->events = DatumGetInt32(slot_getattr(slot, DELTAS_EVENTS, &isnull));
	w->entity = copy_text(slot, DELTAS_ENTITY, &len);
	w->key = copy_text(slot, DELTAS_KEY, &w->key_len);
	state = slot_getattr(slot, DELTAS_STATE, &isnull);
	w->image = isnull ? NULL : PG_DETOAST_DATUM_COPY(state);
	MemoryContextSwitchTo(old);
}

static bool
same_key(const Waiting *a, const Waiting *b)
{
	return a->source == b->source && a->key_len == b->key_len &&
		memcmp(a->key, b->key, a->key_len) == 0 && strcmp(a->entity, b->entity) == 0;
}

/* Notes of one kind and source: many counts become one. */
static void
fold_notes(Folder *f, int first)
{
	const Waiting *note = &f->waiting[first];
	int64		events = 0;
	int			n = 0;
	int			i;

	for (i = first; i < f->n; i++)
		if (f->waiting[i].kind == note->kind && f->waiting[i].source == note->source)
		{
			f->waiting[i].done = true;
			events += f->waiting[i].events;
			n++;
		}
	if (n > 1)
	{
		Datum		values[DELTAS_COLUMNS] = {0};
		bool		nulls[DELTAS_COLUMNS] = {false};

		for (i = first; i < f->n; i++)
			if (f->waiting[i].kind == note->kind && f->waiting[i].source == note->source)
				store_delete(&f->deltas, &f->waiting[i].tid, f->snapshot);
		values[DELTAS_SLOT - 1] = Int64GetDatum(SLOT_NOTES);
		values[DELTAS_WRITTEN - 1] = FullTransactionIdGetDatum(GetTopFullTransactionId());
		values[DELTAS_ENTITY - 1] = CStringGetTextDatum("");
		values[DELTAS_KEY - 1] = CStringGetTextDatum("");
		values[DELTAS_SOURCE - 1] = Int32GetDatum(note->source);
		values[DELTAS_KIND - 1] = CharGetDatum(note->kind);
		values[DELTAS_EVENTS - 1] = Int32GetDatum((int32) Min(events, PG_INT32_MAX));
		values[DELTAS_FRESH - 1] = BoolGetDatum(true);
		nulls[DELTAS_STATE - 1] = true;
		store_row(&f->deltas, values, nulls);
		store_insert(&f->deltas);
	}
}

/* One key of one source: its row, with its deltas. */
static void
fold_key(Folder *f, int first, uint64 settled)
{
	const Waiting *key = &f->waiting[first];
	StoredRow  *row = palloc(sizeof(StoredRow));
	ProfileState *delta = palloc(sizeof(ProfileState));
	ProfileGather gather;
	bool		known;
	int			i;

	known = profiles_find(&f->profiles, f->snapshot, key->entity, key->key, key->key_len,
						  key->source, row);
	gather_begin(&gather, &row->state);
	for (i = first; i < f->n; i++)
	{
		Waiting    *w = &f->waiting[i];
		const char *why;

		if (w->done || IS_NOTE(w->kind) || !same_key(key, w))
			continue;
		w->done = true;
		f->folded++;
		store_delete(&f->deltas, &w->tid, f->snapshot);
		if (w->kind == DELTA_STALE)
			row->stale = true;
		if (w->image == NULL)
			continue;
		if (!profile_decode((const char *) w->image, VARSIZE(w->image), delta, &why))
		{
			row->stale = true;
			continue;
		}
		if (!known)
		{
			profile_init(&row->state, delta->basis);
			known = true;
		}
		/* what is stored keeps its basis until it is rebuilt */
		row->stale |= row->state.basis != delta->basis;
		gather_add(&gather, delta, w->kind == DELTA_REVISIONS);
	}
	if (!known)
		return;					/* stale marks of a key that nothing is known of */
	if (!gather_finish(&gather))
		row->stale = true;
	profiles_write(&f->profiles, f->snapshot, key->entity, key->key, key->key_len, key->source,
				   row, settled);
}

/* Whether what is collected comes from a dump of which more may be on its way. */
static bool
leave_alone(Folder *f)
{
	bool		restored = false;

	for (int i = 0; i < f->n; i++)
	{
		const Waiting *w = &f->waiting[i];

		if (w->fresh || IS_NOTE(w->kind))
			continue;
		restored = true;
		rows_restored = rows_restored ||
			profiles_exists(&f->profiles, f->snapshot, w->entity, w->key, w->key_len, w->source);
	}
	return restored && !rows_restored;
}

/* Everything collected is of one slot. rest: more of it waits. */
static void
fold_slot(Folder *f, bool rest)
{
	MemoryContext old = MemoryContextSwitchTo(f->context);
	uint64		settled = f->settled;
	bool		leave = f->worker && leave_alone(f);
	int			i;

	if (rest)
		settled = Min(settled, f->waiting[f->n - 1].written);
	if (leave)
		f->left_alone += f->n;
	for (i = 0; !leave && i < f->n; i++)
	{
		if (f->waiting[i].done)
			continue;
		if (IS_NOTE(f->waiting[i].kind))
			fold_notes(f, i);
		else
			fold_key(f, i, settled);
	}
	f->left -= f->n;
	f->n = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(f->context);
}

/* Goes on at slot `low`; or, with `settled`, in it, with the deltas of transactions from there on. */
static void
go_to(IndexScanDesc scan, int64 low, int64 high, bool in_slot, uint64 settled)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, in_slot ? BTEqualStrategyNumber : BTGreaterEqualStrategyNumber,
				in_slot ? F_INT8EQ : F_INT8GE, Int64GetDatum(low));
	if (in_slot)
		ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_XID8GE, UInt64GetDatum(settled));
	else
		ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(high));
	/* the slot is wanted of entries whose rows are not seen, too */
	scan->xs_want_itup = true;
	index_rescan(scan, keys, 2, NULL, 0);
}

/* From where on deltas of the key may wait that the row at `tid`, a folded one, is of. */
static uint64
settled_of_row(Folder *f, ItemPointer tid)
{
	MemoryContext old = MemoryContextSwitchTo(f->context);
	uint64		settled = 0;
	bool		isnull;

	if (table_tuple_fetch_row_version(f->deltas.rel, tid, SnapshotAny, f->row))
	{
		int			len;
		const char *entity = copy_text(f->row, DELTAS_ENTITY, &len);
		const char *key = copy_text(f->row, DELTAS_KEY, &len);
		int32		source = DatumGetInt32(slot_getattr(f->row, DELTAS_SOURCE, &isnull));

		settled = profiles_settled(&f->profiles, f->snapshot, entity, key, len, source);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(f->context);
	return settled;
}

static void
fold_shard(Folder *f, int shard)
{
	/* the slots of a shard lie together, as signed numbers too */
	int64		low = (int64) ((uint64) shard << 60);
	int64		high = low | INT64CONST(0x0FFFFFFFFFFFFFFF);
	IndexScanDesc scan = index_beginscan(f->deltas.rel, f->deltas_slot, f->snapshot, 2, 0);
	bool		in_slot = false;	/* the scan is in one slot only: `at` */
	int64		at = low;
	int			unseen = 0;		/* entries of it whose rows are not seen */

	go_to(scan, low, high, false, 0);
	/* a key that was begun is finished, whatever is left */
	while (f->left > 0 || f->n > 0)
	{
		ItemPointer tid = index_getnext_tid(scan, ForwardScanDirection);
		ItemPointerData where;
		bool		isnull;
		int64		slot;

		CHECK_FOR_INTERRUPTS();
		if (tid == NULL)
		{
			if (!in_slot || at == high)
				break;
			in_slot = false;
			unseen = 0;
			go_to(scan, ++at, high, false, 0);
			continue;
		}
		where = *tid;
		slot = DatumGetInt64(index_getattr(scan->xs_itup, 1, scan->xs_itupdesc, &isnull));
		if (slot != at)
		{
			at = slot;
			unseen = 0;
		}
		if (f->n > 0 && f->waiting[0].slot != slot)
		{
			fold_slot(f, false);
			if (f->left <= 0)
				break;
		}
		if (index_fetch_heap(scan, f->row))
		{
			if (f->n == FOLD_AT_ONCE)
			{
				fold_slot(f, true);
				/* the next part of this key goes on from the row just written */
				CommandCounterIncrement();
				f->snapshot->curcid = GetCurrentCommandId(false);
			}
			take_delta(f, f->row);
		}
		else if (!in_slot && f->n == 0 && ++unseen == FOLD_UNSEEN)
		{
			/* folded long ago, and kept for an old snapshot: to what is not */
			in_slot = true;
			go_to(scan, slot, slot, true, settled_of_row(f, &where));
		}
	}
	if (f->n > 0)
		fold_slot(f, false);
	ExecClearTuple(f->row);
	index_endscan(scan);
}

/*
 * Deltas folded, at most about max_rows: the last key is finished. With
 * left_alone those of keys with restored ones are left, and counted there.
 */
static int64
fold(Oid schema, int64 max_rows, int64 *left_alone)
{
	Folder		f;
	int			start = (int) (GetCurrentTimestamp() % STORE_SHARDS);
	StoreWait	wait;
	int			i;

	memset(&f, 0, sizeof(f));
	f.schema = schema;
	f.left = max_rows;
	f.worker = left_alone != NULL;
	/* the worker has more to do than to wait for somebody's lock */
	wait = f.worker ? STORE_TRY : STORE_WAIT;
	if (!store_writer_open(&f.deltas, schema, STORE_DELTAS, wait))
		return 0;
	if (!profiles_writer_open(&f.profiles, schema, wait))
	{
		store_writer_close(&f.deltas);
		return 0;
	}
	f.deltas_slot = store_open(schema, STORE_DELTAS_SLOT, AccessShareLock, STORE_WAIT);
	f.row = table_slot_create(f.deltas.rel, NULL);
	f.context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback fold",
									  ALLOCSET_DEFAULT_SIZES);
	f.waiting = palloc(sizeof(Waiting) * FOLD_AT_ONCE);

	/* not always from the same end: a bound must not starve the last shard */
	for (i = 0; i < STORE_SHARDS && f.left > 0; i++)
	{
		int			shard = (start + i) % STORE_SHARDS;

		if (!store_lock_shard(schema, shard, STORE_TRY))
			continue;
		CommandCounterIncrement();
		f.snapshot = RegisterSnapshot(GetLatestSnapshot());
		f.settled = store_settled(f.snapshot);
		PushActiveSnapshot(f.snapshot);
		fold_shard(&f, shard);
		PopActiveSnapshot();
		UnregisterSnapshot(f.snapshot);
	}

	ExecDropSingleTupleTableSlot(f.row);
	profiles_writer_close(&f.profiles);
	relation_close(f.deltas_slot, AccessShareLock);
	store_writer_close(&f.deltas);
	MemoryContextDelete(f.context);
	CommandCounterIncrement();
	if (left_alone != NULL)
		*left_alone = f.left_alone;
	return f.folded;
}

/* The worker's. As the owner, whose expressions an index may have. */
static bool
fold_some(Oid schema)
{
	static bool told = false;
	int64		left_alone;
	int64		folded;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(store_owner(schema),
						   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	folded = fold(schema, FOLD_OF_WORKER, &left_alone);
	SetUserIdAndSecContext(user, security);
	if (left_alone > 0 && !told)
		ereport(LOG,
				(errmsg("fraud_profile_deltas has rows from a dump, and the worker waits for those of fraud_profiles"),
				 errhint("If the restore is complete, call fraud_fold() once.")));
	told = left_alone > 0;
	rows_restored = rows_restored && (left_alone > 0 || folded >= FOLD_OF_WORKER);
	return folded >= FOLD_OF_WORKER;
}

void
fold_init(void)
{
	static const WorkerTask task = {
		.name = "fold",.interval = 1000,.tables = true,.run = fold_some
	};

	worker_task(&task);
}

PG_FUNCTION_INFO_V1(fraud_fold);
Datum
fraud_fold(PG_FUNCTION_ARGS)
{
	int64		max_rows = PG_INT64_MAX;

	if (!PG_ARGISNULL(0))
	{
		max_rows = PG_GETARG_INT32(0);
		if (max_rows < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("max_rows must be at least 1")));
	}
	PreventCommandIfReadOnly("fraud_fold()");
	PreventCommandDuringRecovery("fraud_fold()");
	PG_RETURN_INT64(fold(store_schema(fcinfo->flinfo->fn_oid), max_rows, NULL));
}
