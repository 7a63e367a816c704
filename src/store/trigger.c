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
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "store/delta.h"
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

static void
read_args(const Trigger *trigger, TriggerArgs *args)
{
	args->source = pg_strtoint32(trigger->tgargs[0]);
	args->columns = trigger->tgargs[1][0] != '\0' ? trigger->tgargs[1] : NULL;
	args->part = trigger->tgnargs > 2;
}

bool
trigger_args(Relation rel, TriggerArgs *args)
{
	TriggerDesc *desc = rel->trigdesc;
	int			i;

	if (desc == NULL)
		return false;
	for (i = 0; i < desc->numtriggers; i++)
	{
		Trigger    *t = &desc->triggers[i];
		FmgrInfo	function;

		if (t->tgisinternal || t->tgnargs < 2 || !(t->tgtype & TRIGGER_TYPE_INSERT))
			continue;
		/* is it this library's? a name alone would not tell */
		if (get_func_rettype(t->tgfoid) != TRIGGEROID)
			continue;
		fmgr_info(t->tgfoid, &function);
		if (function.fn_addr != fraud_history)
			continue;
		read_args(t, args);
		return true;
	}
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

static TxnReader *
reader_of(Relation rel, const char *columns)
{
	TableReader *r;
	MemoryContext old;
	int			i;

	for (i = 0; i < READERS; i++)
		if (readers[i].relid == RelationGetRelid(rel))
			return &readers[i].reader;

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
	r->reader.names = columns != NULL ? column_names_read(columns) : palloc0(sizeof(ColumnNames));
	MemoryContextSwitchTo(old);
	r->relid = RelationGetRelid(rel);
	return &r->reader;
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
	Txn			txn;
	Txn			old;
} Changes;

static void
read_row(Changes *c, TupleTableSlot *slot, Txn *txn)
{
	txn_read_slot(c->reader, slot, c->policy, txn);
}

static void
take_rows(Changes *c, TupleDesc desc, Tuplestorestate *rows, bool deleted)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);

	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		MemoryContext old = MemoryContextSwitchTo(c->row);

		CHECK_FOR_INTERRUPTS();
		read_row(c, slot, &c->txn);
		if (deleted)
			delta_stale(&c->batch, &c->txn);
		else
			delta_txn(&c->batch, &c->txn, DELTA_EVENTS);
		MemoryContextSwitchTo(old);
		MemoryContextReset(c->row);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* What an update of one row means for one entity. */
static void
take_update(Changes *c, RuleHistory entity)
{
	StoreKey	was;
	StoreKey	is;
	bool		had = store_key_of_txn(&c->old, entity, &was);
	bool		has = store_key_of_txn(&c->txn, entity, &is);
	Event		old_event;
	Event		new_event;
	uint8		old_packed[EVENT_SIZE + EVENT_SLACK];
	uint8		new_packed[EVENT_SIZE + EVENT_SLACK];

	had = had && txn_event(&c->old, &old_event);
	has = has && txn_event(&c->txn, &new_event);
	if (had)
		event_pack(&old_event, old_packed);
	if (has)
		event_pack(&new_event, new_packed);

	if (had && has && was.slot == is.slot && was.len == is.len && memcmp(was.text, is.text, is.len) == 0)
	{
		int			cmp = memcmp(new_packed, old_packed, EVENT_SIZE);

		if (cmp == 0)
			return;
		if (cmp > 0 && memcmp(new_packed, old_packed, EVENT_KEY_SIZE) == 0)
		{
			delta_txn_key(&c->batch, &c->txn, &is, DELTA_REVISIONS);
			return;
		}
	}
	if (had)
		delta_stale_key(&c->batch, &was);
	/* the old one stays until the key is rebuilt: a lower version would not replace it */
	if (has && !(had && memcmp(new_packed, old_packed, EVENT_KEY_SIZE) == 0 && was.slot == is.slot))
		delta_txn_key(&c->batch, &c->txn, &is, DELTA_EVENTS);
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
		int			e;

		CHECK_FOR_INTERRUPTS();
		read_row(c, old_slot, &c->old);
		read_row(c, new_slot, &c->txn);
		for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
			take_update(c, (RuleHistory) e);
		MemoryContextSwitchTo(old);
		MemoryContextReset(c->row);
	}
	ExecDropSingleTupleTableSlot(old_slot);
	ExecDropSingleTupleTableSlot(new_slot);
}

/*
 * A whole table is emptied: its histories go with it. A partition: what it
 * held is not known any more, so everything of the source is marked stale.
 * The table is locked by its TRUNCATE, and folders keep away from the shards.
 */
static void
take_truncate(Oid schema, int32 source, bool part)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(source)};
	Oid			user;
	int			security;

	store_lock_all_shards(schema);
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(store_owner(schema), security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (part)
	{
		/* keys that are not folded yet have no row to mark */
		SPI_execute_with_args(psprintf("INSERT INTO %s (slot, written, entity, key, source, kind, events)"
									   " SELECT DISTINCT slot, pg_catalog.pg_current_xact_id(), entity, key, source,"
									   " 's'::pg_catalog.\"char\", 0 FROM %s"
									   " WHERE source OPERATOR(pg_catalog.=) $1 AND state IS NOT NULL",
									   store_name(schema, "fraud_profile_deltas"),
									   store_name(schema, "fraud_profile_deltas")),
							  1, types, values, NULL, false, 0);
		SPI_execute_with_args(psprintf("UPDATE %s SET stale = true, settled = '0', settled_by = '0'"
									   " WHERE source OPERATOR(pg_catalog.=) $1",
									   store_name(schema, "fraud_profiles")),
							  1, types, values, NULL, false, 0);
	}
	else
	{
		SPI_execute_with_args(psprintf("DELETE FROM %s WHERE source OPERATOR(pg_catalog.=) $1",
									   store_name(schema, "fraud_profile_deltas")),
							  1, types, values, NULL, false, 0);
		SPI_execute_with_args(psprintf("DELETE FROM %s WHERE source OPERATOR(pg_catalog.=) $1",
									   store_name(schema, "fraud_profiles")),
							  1, types, values, NULL, false, 0);
	}
	SPI_finish();
	SetUserIdAndSecContext(user, security);
}

Datum
fraud_history(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Oid			schema = store_schema(fcinfo->flinfo->fn_oid);
	MemoryContext context;
	MemoryContext caller;
	Changes    *c;
	TriggerArgs args;
	TupleDesc	desc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) ||
		!TRIGGER_FIRED_AFTER(data->tg_event) || data->tg_trigger->tgnargs < 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fraud_history() is not for triggers of your own"),
				 errhint("Call fraud_attach() for the table.")));
	read_args(data->tg_trigger, &args);
	/* detached since: it is no part of that history any more */
	if (args.part && !data->tg_relation->rd_rel->relispartition &&
		!has_superclass(RelationGetRelid(data->tg_relation)))
		return PointerGetDatum(NULL);

	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
	{
		take_truncate(schema, args.source, args.part);
		return PointerGetDatum(NULL);
	}

	context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback trigger",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	c = palloc(sizeof(Changes));
	c->policy = policy_active();
	c->reader = reader_of(data->tg_relation, args.columns);
	c->row = AllocSetContextCreate(context, "fraud_fallback row", ALLOCSET_DEFAULT_SIZES);
	delta_begin(&c->batch, schema, args.source, c->policy->basis_hash);
	desc = RelationGetDescr(data->tg_relation);

	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		take_rows(c, desc, data->tg_newtable, false);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		take_rows(c, desc, data->tg_oldtable, true);
	else
		take_updates(c, desc, data->tg_oldtable, data->tg_newtable);
	delta_end(&c->batch);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}
