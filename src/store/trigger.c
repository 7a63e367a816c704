/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  fraud_history(): what changes of an attached table add to histories.
 *
 * Statement triggers with transition tables: one call a statement, however
 * many rows. The arguments are the source's number; the table's own names for
 * columns as JSON, or nothing; and "part" on what belongs to the attached
 * table. With the trigger they come and go, and are in the relcache when a
 * payment needs them.
 *
 * An update that moves one version of a payment up the rank (pending to
 * approved) is appended as a revision. What else an update changes, and every
 * delete, marks the keys stale.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "store/delta.h"
#include "store/known_fraud.h"
#include "store/trigger.h"

PG_FUNCTION_INFO_V1(fraud_history);

/* ---- names of columns ---- */

ColumnNames *
column_names_read(const char *json)
{
	ColumnNames *names = palloc0(sizeof(ColumnNames));
	Jsonb	   *object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	int			column = -1;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("columns is not a JSON object"),
				 errhint("Pass an object such as {\"occurred_at\": \"created\"}: known name to the table's name.")));
	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		int			c;

		if (token == WJB_KEY)
		{
			for (column = -1, c = 0; c < TXN_NCOLUMNS; c++)
				if ((int) strlen(txn_column_names[c]) == v.val.string.len &&
					memcmp(txn_column_names[c], v.val.string.val, v.val.string.len) == 0)
					column = c;
			if (column < 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("unknown transaction column \"%s\"",
								pnstrdup(v.val.string.val, v.val.string.len)),
						 errhint("The known names are the columns of the type fraud_txn.")));
		}
		else if (token == WJB_VALUE)
		{
			if (v.type != jbvString || v.val.string.len == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("the name for transaction column \"%s\" is not a text",
								txn_column_names[column])));
			names->name[column] = pnstrdup(v.val.string.val, v.val.string.len);
		}
	}
	return names;
}

bool
trigger_read_args(const Trigger *trigger, TriggerArgs *args)
{
	FmgrInfo	function;

	if (trigger->tgisinternal || trigger->tgnargs < 2)
		return false;
	/* is it this library's? a name alone would not tell */
	if (get_func_rettype(trigger->tgfoid) != TRIGGEROID)
		return false;
	fmgr_info(trigger->tgfoid, &function);
	if (function.fn_addr != fraud_history)
		return false;
	args->source = pg_strtoint32(trigger->tgargs[0]);
	args->columns = trigger->tgargs[1][0] != '\0' ? trigger->tgargs[1] : NULL;
	args->part = trigger->tgnargs > 2;
	return true;
}

bool
trigger_args(Relation rel, TriggerArgs *args)
{
	int			i;

	for (i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (trigger_read_args(&rel->trigdesc->triggers[i], args))
			return true;
	return false;
}

/* Called when a row type is bound, see txn_read.h. */
static const ColumnNames *
names_of_row_type(Oid row_type)
{
	Oid			relid = get_typ_typrelid(getBaseType(row_type));
	const ColumnNames *names = NULL;
	TriggerArgs args;
	Relation	rel;

	if (!OidIsValid(relid) || get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE)
		return NULL;
	rel = RelationIdGetRelation(relid);
	if (rel == NULL)
		return NULL;
	if (trigger_args(rel, &args) && args.columns != NULL)
		names = column_names_read(args.columns);
	RelationClose(rel);
	return names;
}

/* ---- readers, kept between statements ---- */

#define READERS		8

/* How to read the rows of one relation. Dropped when its relcache entry is. */
typedef struct TableReader
{
	Oid			relid;			/* InvalidOid: free */
	MemoryContext context;
	TxnReader	reader;
	bool		ours;			/* it belongs to the source its trigger names */
} TableReader;

static TableReader readers[READERS];
static int	next_reader;

static void
forget_reader(Datum arg, Oid relid)
{
	int			i;

	txn_names_generation++;
	for (i = 0; i < READERS; i++)
		if (relid == InvalidOid || readers[i].relid == relid)
			readers[i].relid = InvalidOid;
}

/*
 * Whether a relation is the attached table of a source, or a part of it. It is
 * not where a trigger came with a dump of one table, or where a partition was
 * detached. In doubt it is.
 */
static bool
belongs(Oid schema, const TriggerArgs *args, Oid relid)
{
	Relation	sources = store_open(schema, STORE_SOURCES, AccessShareLock, STORE_TRY);
	TupleTableSlot *slot;
	TableScanDesc scan;
	Oid			table = InvalidOid;

	if (sources == NULL)
		return true;
	slot = table_slot_create(sources, NULL);
	/* what is committed by now, whatever snapshot the statement has */
	scan = table_beginscan(sources, SnapshotSelf, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		if (DatumGetInt32(slot_getattr(slot, SOURCES_SOURCE, &isnull)) == args->source)
			table = DatumGetObjectId(slot_getattr(slot, SOURCES_RELATION, &isnull));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	relation_close(sources, AccessShareLock);
	return table == relid ||
		(args->part && OidIsValid(table) && list_member_oid(find_all_inheritors(table, NoLock, NULL), relid));
}

/* NULL where changes of the relation are nobody's. */
static TxnReader *
reader_of(Oid schema, Relation rel, const TriggerArgs *args)
{
	Oid			relid = RelationGetRelid(rel);
	TableReader *r = NULL;
	MemoryContext old;
	int			i;

	for (i = 0; i < READERS; i++)
		if (readers[i].relid == relid)
			r = &readers[i];
	if (r == NULL)
	{
		bool		ours = belongs(schema, args, relid);

		r = &readers[next_reader];
		next_reader = (next_reader + 1) % READERS;
		r->relid = InvalidOid;
		if (r->context == NULL)
			r->context = AllocSetContextCreate(TopMemoryContext, "fraud_fallback table reader",
											   ALLOCSET_SMALL_SIZES);
		MemoryContextReset(r->context);
		old = MemoryContextSwitchTo(r->context);
		txn_reader_init(&r->reader, RECORDOID, TXN_FOR_HISTORY | COL_BIT(COL_IP), r->context);
		/* an empty list of names: do not ask again for the row type */
		r->reader.names = args->columns != NULL ? column_names_read(args->columns) : palloc0(sizeof(ColumnNames));
		MemoryContextSwitchTo(old);
		r->ours = ours;
		r->relid = relid;
	}
	return r->ours ? &r->reader : NULL;
}

void
trigger_init(void)
{
	txn_row_type_names = names_of_row_type;
	/* names stand in trigger arguments, and triggers in the relcache */
	CacheRegisterRelcacheCallback(forget_reader, (Datum) 0);
}

/* ---- the trigger ---- */

typedef struct Changes
{
	DeltaBatch	batch;
	TxnReader  *reader;
	const Policy *policy;
	MemoryContext row;			/* emptied after each row */
	KnownFrauds frauds;
	Txn			txn;
	Txn			old;
} Changes;

/* An event, and whether a label makes a fraud of it. */
typedef struct RowEvent
{
	bool		any;
	Event		event;
	bool		labelled;
	TimestampTz known;
	uint8		packed[EVENT_SIZE + EVENT_SLACK];
} RowEvent;

static void
read_row(Changes *c, TupleTableSlot *slot, Txn *txn)
{
	txn_read_slot(c->reader, slot, c->policy, txn);
}

static void
row_event(Changes *c, const Txn *txn, RowEvent *e)
{
	e->any = txn_event(txn, &e->event);
	if (!e->any)
		return;
	e->labelled = e->event.status == STATUS_APPROVED && known_fraud(&c->frauds, txn, &e->known);
	if (e->labelled)
		e->event.status = STATUS_FRAUD;
	event_pack(&e->event, e->packed);
}

static void
take_rows(Changes *c, TupleDesc desc, Tuplestorestate *rows, bool deleted)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);

	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		MemoryContext old = MemoryContextSwitchTo(c->row);
		RowEvent	e;

		CHECK_FOR_INTERRUPTS();
		read_row(c, slot, &c->txn);
		if (deleted)
			delta_stale(&c->batch, &c->txn);
		else
		{
			c->batch.blanks += c->txn.blanks;
			row_event(c, &c->txn, &e);
			if (e.any)
				delta_event(&c->batch, &c->txn, &e.event, e.labelled ? &e.known : NULL, DELTA_EVENTS);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(c->row);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* What an update of one row means for one entity. */
static void
take_update(Changes *c, RuleHistory entity, const RowEvent *before, const RowEvent *after)
{
	StoreKey	was;
	StoreKey	is;
	bool		had = before->any && store_key_of_txn(&c->old, entity, &was);
	bool		has = after->any && store_key_of_txn(&c->txn, entity, &is);
	const TimestampTz *known = has && after->labelled ? &after->known : NULL;

	if (had && has && was.slot == is.slot && was.len == is.len && memcmp(was.text, is.text, is.len) == 0)
	{
		int			cmp = memcmp(after->packed, before->packed, EVENT_SIZE);

		if (cmp == 0)
			return;
		if (memcmp(after->packed, before->packed, EVENT_KEY_SIZE) == 0)
		{
			/* a lower version would not replace the one that is there */
			if (cmp < 0)
				delta_stale_key(&c->batch, &was);
			else
				/* a label counts once */
				delta_event_key(&c->batch, &is, &after->event, before->labelled ? NULL : known, DELTA_REVISIONS);
			return;
		}
	}
	/* the old one stays until the key is rebuilt */
	if (had)
		delta_stale_key(&c->batch, &was);
	if (has)
		delta_event_key(&c->batch, &is, &after->event, known, DELTA_EVENTS);
}

/* Before and after, in the same order. */
static void
take_updates(Changes *c, TupleDesc desc, Tuplestorestate *before, Tuplestorestate *after)
{
	TupleTableSlot *old_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	TupleTableSlot *new_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);

	tuplestore_rescan(before);
	tuplestore_rescan(after);
	while (tuplestore_gettupleslot(before, true, false, old_slot) &&
		   tuplestore_gettupleslot(after, true, false, new_slot))
	{
		MemoryContext old = MemoryContextSwitchTo(c->row);
		RowEvent	before;
		RowEvent	after;
		int			e;

		CHECK_FOR_INTERRUPTS();
		read_row(c, old_slot, &c->old);
		read_row(c, new_slot, &c->txn);
		c->batch.blanks += c->txn.blanks && !c->old.blanks;
		row_event(c, &c->old, &before);
		row_event(c, &c->txn, &after);
		for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
			take_update(c, (RuleHistory) e, &before, &after);
		MemoryContextSwitchTo(old);
		MemoryContextReset(c->row);
	}
	ExecDropSingleTupleTableSlot(old_slot);
	ExecDropSingleTupleTableSlot(new_slot);
}

/*
 * A whole table is emptied: its histories go with it. A part of it (and of a
 * table with children, TRUNCATE does not say whether they are emptied too):
 * what it held is not known any more, so everything is marked stale. The table
 * is locked by its TRUNCATE, and folders keep away from the shards.
 */
static void
take_truncate(Oid schema, int32 source, bool whole)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(source)};

	store_lock_all_shards(schema);
	if (whole)
	{
		store_forget_source(schema, source);
		return;
	}
	/* keys that are not folded yet have no row to mark */
	store_run(schema, psprintf("INSERT INTO %s (slot, written, entity, key, source, kind, events)"
							   " SELECT DISTINCT slot, pg_catalog.pg_current_xact_id(), entity, key, source,"
							   " 's'::pg_catalog.\"char\", 0 FROM %s"
							   " WHERE source OPERATOR(pg_catalog.=) $1 AND state IS NOT NULL",
							   store_name(schema, "fraud_profile_deltas"),
							   store_name(schema, "fraud_profile_deltas")),
			  NULL, 1, types, values);
	store_run(schema, psprintf("UPDATE %s SET stale = true, settled = '0', settled_by = '0'"
							   " WHERE source OPERATOR(pg_catalog.=) $1",
							   store_name(schema, "fraud_profiles")),
			  NULL, 1, types, values);
}

Datum
fraud_history(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Oid			schema = store_schema(fcinfo->flinfo->fn_oid);
	MemoryContext context;
	MemoryContext caller;
	Changes    *c;
	TxnReader  *reader;
	TriggerArgs args;
	TupleDesc	desc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) ||
		!TRIGGER_FIRED_AFTER(data->tg_event) || !trigger_read_args(data->tg_trigger, &args))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fraud_history() is not for triggers of your own"),
				 errhint("Call fraud_attach() for the table.")));
	reader = reader_of(schema, data->tg_relation, &args);
	if (reader == NULL)
		return PointerGetDatum(NULL);

	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
	{
		take_truncate(schema, args.source, !args.part &&
					  (data->tg_relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
					   !has_subclass(RelationGetRelid(data->tg_relation))));
		return PointerGetDatum(NULL);
	}

	context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback trigger",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	c = palloc(sizeof(Changes));
	c->policy = policy_active();
	c->reader = reader;
	c->row = AllocSetContextCreate(context, "fraud_fallback row", ALLOCSET_DEFAULT_SIZES);
	delta_begin(&c->batch, schema, args.source, c->policy->basis_hash, STORE_TRY);
	known_frauds_begin(&c->frauds, schema, SnapshotSelf);
	desc = RelationGetDescr(data->tg_relation);

	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		take_rows(c, desc, data->tg_newtable, false);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		take_rows(c, desc, data->tg_oldtable, true);
	else
		take_updates(c, desc, data->tg_oldtable, data->tg_newtable);
	delta_end(&c->batch);
	known_frauds_end(&c->frauds);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}
