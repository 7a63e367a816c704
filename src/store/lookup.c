/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  Reading the history of a key: its rows, and what waits to be folded.
 *
 * Direct index probes under the statement's snapshot, without planner or SPI.
 * Serializable transactions probe without predicate locks: a decision is not
 * part of what they serialise, or every two payments of a customer that are
 * scored at the same time would conflict. They see all versions of a row and
 * pick the visible one here.
 * A row says up to which transaction its deltas are in it ("settled", see
 * fold.c), so deltas that were folded but not vacuumed yet are skipped without
 * being looked at. That holds only for the row that fold itself wrote: after
 * a dump and restore transactions have other numbers, so the row names its
 * writer, and where the tuple header says another one, all deltas are read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "core/compat.h"
#include "core/shared_text.h"
#include "profile/profile_type.h"
#include "store/lookup.h"
#include "store/profiles.h"

bool
store_reader_open(StoreReader *reader, Oid schema)
{
	Snapshot	probe;

	memset(reader, 0, sizeof(*reader));
	reader->profiles = store_open(schema, STORE_PROFILES, AccessShareLock, STORE_TRY);
	if (reader->profiles != NULL)
		reader->profiles_pkey = store_open(schema, STORE_PROFILES_PKEY, AccessShareLock, STORE_TRY);
	if (reader->profiles_pkey != NULL)
		reader->deltas = store_open(schema, STORE_DELTAS, AccessShareLock, STORE_TRY);
	if (reader->deltas != NULL)
		reader->deltas_slot = store_open(schema, STORE_DELTAS_SLOT, AccessShareLock, STORE_TRY);
	if (reader->deltas_slot != NULL)
		reader->sources = store_open(schema, STORE_SOURCES, AccessShareLock, STORE_TRY);
	if (reader->sources == NULL)
	{
		store_reader_close(reader);
		return false;
	}
	reader->snapshot = GetActiveSnapshot();
	reader->all_versions = IsolationIsSerializable();
	probe = reader->all_versions ? SnapshotAny : reader->snapshot;
	reader->profile_scan = index_beginscan(reader->profiles, reader->profiles_pkey, probe, 2, 0);
	reader->delta_scan = index_beginscan(reader->deltas, reader->deltas_slot, probe, 2, 0);
	reader->profile = table_slot_create(reader->profiles, NULL);
	reader->delta = table_slot_create(reader->deltas, NULL);
	reader->scans = CurrentMemoryContext;
	reader->context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback look-up",
											ALLOCSET_DEFAULT_SIZES);
	return true;
}

void
store_reader_close(StoreReader *reader)
{
	if (reader->context != NULL)
	{
		ExecDropSingleTupleTableSlot(reader->profile);
		ExecDropSingleTupleTableSlot(reader->delta);
		index_endscan(reader->profile_scan);
		index_endscan(reader->delta_scan);
		MemoryContextDelete(reader->context);
	}
	/* the locks go too: nothing was changed, and fast-path locks are few */
	if (reader->sources != NULL)
		relation_close(reader->sources, AccessShareLock);
	if (reader->deltas_slot != NULL)
		relation_close(reader->deltas_slot, AccessShareLock);
	if (reader->deltas != NULL)
		relation_close(reader->deltas, AccessShareLock);
	if (reader->profiles_pkey != NULL)
		relation_close(reader->profiles_pkey, AccessShareLock);
	if (reader->profiles != NULL)
		relation_close(reader->profiles, AccessShareLock);
}

static Datum
column(TupleTableSlot *slot, int attno)
{
	bool		isnull;

	/* the columns asked for are NOT NULL */
	return slot_getattr(slot, attno, &isnull);
}

static bool
is_text(Datum d, const char *s, int len)
{
	struct varlena *t = DatumGetTextPP(d);

	return (int) VARSIZE_ANY_EXHDR(t) == len && memcmp(VARDATA_ANY(t), s, len) == 0;
}

/* Decodes the profile of a slot; false where it is damaged. */
static bool
read_state(TupleTableSlot *slot, int attno, ProfileState *state)
{
	struct varlena *image = PG_DETOAST_DATUM(column(slot, attno));
	const char *why;

	return profile_decode((const char *) image, VARSIZE(image), state, &why) && !state->unavailable;
}

static bool
next_profile(StoreReader *reader)
{
	MemoryContext old = MemoryContextSwitchTo(reader->scans);
	bool		more;

	do
		more = index_getnext_slot(reader->profile_scan, ForwardScanDirection, reader->profile);
	while (more && reader->all_versions &&
		   !table_tuple_satisfies_snapshot(reader->profiles, reader->profile, reader->snapshot));
	MemoryContextSwitchTo(old);
	return more;
}

/* The next entry of the delta index; *visible: and its row, in reader->delta. */
static bool
next_delta(StoreReader *reader, bool *visible)
{
	MemoryContext old = MemoryContextSwitchTo(reader->scans);
	bool		more = index_getnext_tid(reader->delta_scan, BackwardScanDirection) != NULL;

	/* deltas are never updated: an entry has one version */
	*visible = more && index_fetch_heap(reader->delta_scan, reader->delta) &&
		(!reader->all_versions ||
		 table_tuple_satisfies_snapshot(reader->deltas, reader->delta, reader->snapshot));
	MemoryContextSwitchTo(old);
	return more;
}

/* Adds the row of another source. */
static void
add_state(StoredHistory *history, ProfileState *state)
{
	history->other_basis |= state->basis != history->state->basis;
	state->basis = history->state->basis;
	profile_merge(history->state, state);
}

LookupResult
store_lookup(StoreReader *reader, const StoreKey *key, StoredHistory *history)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	const char *entity = store_entity_names[key->entity];
	ScanKeyData keys[2];
	ProfileState *room = NULL;
	ProfileGather gather;
	bool		gathering = false;
	bool		any = false;
	bool		damaged = false;
	uint64		settled = PG_UINT64_MAX;
	int			nrows = 0;
	int			nentries = 0;
	int			ndeltas = 0;
	bool		visible;

	history->stale = history->partial = history->other_basis = false;

	ScanKeyEntryInitialize(&keys[0], 0, 1, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID, F_TEXTEQ,
						   CStringGetTextDatum(entity));
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID, F_TEXTEQ,
						   PointerGetDatum(cstring_to_text_with_len(key->text, key->len)));
	index_rescan(reader->profile_scan, keys, 2, NULL, 0);
	while (next_profile(reader))
	{
		ProfileState *state = history->state;

		if (any)
			state = room = room != NULL ? room : palloc(sizeof(ProfileState));
		nrows++;
		settled = Min(settled, profiles_row_settled(reader->profile));
		history->stale |= DatumGetBool(column(reader->profile, PROFILES_STALE));
		if (!read_state(reader->profile, PROFILES_STATE, state))
		{
			damaged = true;
			continue;
		}
		if (any)
			add_state(history, state);
		any = true;
	}
	ExecClearTuple(reader->profile);

	/* newest first: where it is too much, the oldest are left out */
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key->slot));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_XID8GE,
				UInt64GetDatum(nrows > 0 ? settled : 0));
	index_rescan(reader->delta_scan, keys, 2, NULL, 0);
	while (next_delta(reader, &visible))
	{
		char		kind;

		if (++nentries > LOOKUP_MAX_ENTRIES || ndeltas >= LOOKUP_MAX_DELTAS)
		{
			history->partial = true;
			break;
		}
		if (!visible)
			continue;
		if (!is_text(column(reader->delta, DELTAS_KEY), key->text, key->len) ||
			!is_text(column(reader->delta, DELTAS_ENTITY), entity, (int) strlen(entity)))
			continue;
		ndeltas++;
		kind = DatumGetChar(column(reader->delta, DELTAS_KIND));
		if (kind == DELTA_STALE)
		{
			history->stale = true;
			continue;
		}
		if (room == NULL)
			room = palloc(sizeof(ProfileState));
		if (!read_state(reader->delta, DELTAS_STATE, room))
		{
			damaged = true;
			continue;
		}
		if (!any)
		{
			profile_init(history->state, room->basis);
			any = true;
		}
		if (!gathering)
		{
			gather_begin(&gather, history->state);
			gathering = true;
		}
		history->other_basis |= room->basis != history->state->basis;
		gather_add(&gather, room, kind == DELTA_REVISIONS);
	}
	ExecClearTuple(reader->delta);
	if (gathering && !gather_finish(&gather))
		history->stale = true;

	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->context);
	if (damaged)
		return LOOKUP_UNREADABLE;
	return any ? LOOKUP_FOUND : LOOKUP_NONE;
}

/* Whether an index scan without a key finds anything. */
static bool
anything(Relation table, Relation index, Snapshot snapshot, TupleTableSlot *slot)
{
	IndexScanDesc scan = index_beginscan(table, index, snapshot, 0, 0);
	int			n = 0;
	bool		found = false;

	index_rescan(scan, NULL, 0, NULL, 0);
	while (!found && n++ < LOOKUP_MAX_ENTRIES && index_getnext_tid(scan, ForwardScanDirection) != NULL)
		found = index_fetch_heap(scan, slot);
	ExecClearTuple(slot);
	index_endscan(scan);
	return found;
}

void
store_content(StoreReader *reader, StoreContent *content)
{
	TupleTableSlot *slot = table_slot_create(reader->sources, NULL);
	TableScanDesc scan = table_beginscan(reader->sources, reader->snapshot, 0, NULL);

	memset(content, 0, sizeof(*content));
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		content->attached = true;
		(void) slot_getattr(slot, SOURCES_FILLED, &isnull);
		content->filling |= isnull;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);

	if (!content->attached)
		content->remembered =
			anything(reader->profiles, reader->profiles_pkey, reader->snapshot, reader->profile) ||
			anything(reader->deltas, reader->deltas_slot, reader->snapshot, reader->delta);
}

bool
store_key_of_argument(RuleHistory entity, const text *argument, StoreKey *key)
{
	/* keys come from transactions, whose texts are UTF-8 */
	char	   *utf8 = shared_text_to_utf8(text_to_cstring(argument));

	return store_key_of_text(entity, utf8, (int) strlen(utf8), key);
}
