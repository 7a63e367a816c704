/*-------------------------------------------------------------------------
 *
 * rebuild.c
 *	  Histories anew, from the rows of an attached table.
 *
 * One query reads the table, in parallel where PostgreSQL sees fit: its rows
 * become events (fraud_history_events), sorted by key; as they arrive, a
 * history grows until the key changes and is written then. Sorting and
 * spilling are PostgreSQL's.
 *
 * Exact while others write, because a row and its delta commit together: the
 * query, and the deletion of deltas, use one snapshot, taken after the shards
 * were locked. A row that it sees is in the new history and its delta goes; a
 * row that it does not see has a delta that stays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/shared_text.h"
#include "policy/policy_active.h"
#include "policy/policy_server.h"
#include "store/events.h"
#include "store/delta.h"
#include "store/known_fraud.h"
#include "store/profiles.h"
#include "store/rebuild.h"
#include "store/trigger.h"
#include "txn/txn_read.h"

/* When a rebuild says how far it is. */
#define NOTICE_SECONDS	5
#define NOTICE_ROWS		1000000

/* ---- fraud_history_events(txn, columns) ---- */

typedef struct EventsCall
{
	TxnReader	reader;
	Txn			txn;
	Event		event;
	const char *columns;		/* of the reader's names */
	int			entity;			/* next to return */
	bool		blanks;			/* to be said of the row */
} EventsCall;

PG_FUNCTION_INFO_V1(fraud_history_events);
Datum
fraud_history_events(PG_FUNCTION_ARGS)
{
	EventsCall *call = fcinfo->flinfo->fn_extra;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	KeyedEvent	e;
	bytea	   *bytes;

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_ValuePerCall))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	result->returnMode = SFRM_ValuePerCall;
	if (call == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		call = palloc0(sizeof(EventsCall));
		txn_reader_init(&call->reader, RECORDOID, TXN_FOR_HISTORY | COL_BIT(COL_IP), CurrentMemoryContext);
		call->reader.names = PG_ARGISNULL(1) ? palloc0(sizeof(ColumnNames)) :
			column_names_read(text_to_cstring(PG_GETARG_TEXT_PP(1)));
		MemoryContextSwitchTo(old);
		fcinfo->flinfo->fn_extra = call;
	}

	if (call->entity == 0)
	{
		call->entity = LAST_ENTITY + 1;
		if (!PG_ARGISNULL(0))
		{
			txn_read(&call->reader, PG_GETARG_DATUM(0), policy_active(), &call->txn);
			call->blanks = call->txn.blanks;
			if (txn_event(&call->txn, &call->event) &&
				call->event.time <= GetCurrentStatementStartTimestamp() + STORE_AHEAD_MAX)
				call->entity = FIRST_ENTITY;
		}
	}
	if (call->blanks)
	{
		call->blanks = false;
		result->isDone = ExprMultipleResult;
		PG_RETURN_BYTEA_P(cstring_to_text(""));
	}
	while (call->entity <= LAST_ENTITY)
	{
		if (!store_key_of_txn(&call->txn, (RuleHistory) call->entity++, &e.key))
			continue;
		e.event = call->event;
		bytes = palloc(VARHDRSZ + KEYED_MAX);
		SET_VARSIZE(bytes, VARHDRSZ + keyed_event_write(&e, (uint8 *) VARDATA(bytes)));
		result->isDone = ExprMultipleResult;
		PG_RETURN_BYTEA_P(bytes);
	}
	call->entity = 0;
	result->isDone = ExprEndResult;
	PG_RETURN_NULL();
}

/* ---- the rows of the query, as they arrive ---- */

typedef struct Receiver
{
	DestReceiver dest;
	ProfilesWriter writer;
	Snapshot	snapshot;
	uint64		basis;
	int32		source;
	const char *only;			/* this key, or NULL */
	bool		any;			/* `current` and `row` are valid */
	KeyedEvent	current;
	StoredRow	row;
	KnownFrauds frauds;
	TimestampTz last_notice;
	int64		written;
	int64		blanks;			/* rows with blanks around an id */
	MemoryContext context;		/* of one row written */
	RebuildResult *result;
} Receiver;

static void
write_current(Receiver *r)
{
	MemoryContext old;

	if (!r->any)
		return;
	old = MemoryContextSwitchTo(r->context);
	profiles_write(&r->writer, r->snapshot, store_entity_names[r->current.key.entity],
				   r->current.key.text, r->current.key.len, r->source, &r->row, 0);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->context);
	r->result->keys[r->current.key.entity]++;
	if (++r->written % 1000 == 0 && r->only == NULL)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (TimestampDifferenceExceeds(r->last_notice, now, NOTICE_SECONDS * 1000))
		{
			ereport(NOTICE, (errmsg("%lld histories written", (long long) r->written)));
			r->last_notice = now;
		}
	}
}

/* Whether an event belongs to the key that is rebuilt. */
static bool
is_wanted(const Receiver *r, const KeyedEvent *e)
{
	StoreKey	wanted;

	return r->only == NULL ||
		(store_key_of_text(e->key.entity, r->only, (int) strlen(r->only), &wanted) &&
		 wanted.len == e->key.len && memcmp(wanted.text, e->key.text, wanted.len) == 0);
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *r = (Receiver *) self;
	bool		isnull;
	bytea	   *bytes = DatumGetByteaPP(slot_getattr(slot, 1, &isnull));
	TimestampTz known;
	bool		labelled;
	KeyedEvent	e;

	if (VARSIZE_ANY_EXHDR(bytes) == 0)
	{
		r->blanks++;
		return true;
	}
	if (!keyed_event_read((const uint8 *) VARDATA_ANY(bytes), (int) VARSIZE_ANY_EXHDR(bytes), &e))
		elog(ERROR, "fraud_history_events() returned something else");
	if (!is_wanted(r, &e))
		return true;
	if (!r->any || e.key.slot != r->current.key.slot || e.key.entity != r->current.key.entity ||
		e.key.len != r->current.key.len || memcmp(e.key.text, r->current.key.text, e.key.len) != 0)
	{
		write_current(r);
		r->any = true;
		r->current = e;
		r->row.exists = r->row.stale = false;
		profile_init(&r->row.state, r->basis);
	}
	labelled = e.event.status == STATUS_APPROVED && known_fraud_event(&r->frauds, &e.event, &known);
	if (labelled)
		e.event.status = STATUS_FRAUD;
	profile_observe(&r->row.state, &e.event);
	if (labelled)
		profile_observe_label(&r->row.state, &e.event, known);
	r->result->events++;
	return true;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receiver_done(DestReceiver *self)
{
}

/* ---- the rebuild ---- */

/* Rows of an address, however it is written; NULL where the key is none. */
static char *
address_condition(Relation table, const char *column, const char *key)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(table), column);
	StoreKey	address;

	if (attno == InvalidAttrNumber ||
		!store_key_of_text(HISTORY_IP, key, (int) strlen(key), &address))
		return NULL;
	column = quote_identifier(column);
	/* text may say it in many ways: what arrives is compared once more */
	if (getBaseType(get_atttype(RelationGetRelid(table), attno)) != INETOID)
		return psprintf("t.%s IS NOT NULL", column);
	if (strchr(address.text, ':') != NULL)
		return psprintf("t.%s OPERATOR(pg_catalog.<<=) '%s'::pg_catalog.inet", column, address.text);
	return psprintf("t.%s OPERATOR(pg_catalog.<<=) '%s'::pg_catalog.inet"
					" OR t.%s OPERATOR(pg_catalog.<<=) '::ffff:%s'::pg_catalog.inet",
					column, address.text, column, address.text);
}

/* The query for the events of a table, or of one key. */
static char *
events_query(Oid schema, Relation table, int32 source, const char *columns, const char *key)
{
	const Policy *policy = policy_active();
	const ColumnNames *names = columns != NULL ? column_names_read(columns) : NULL;
	StringInfoData sql;
	const char *ids[TXN_NCOLUMNS];
	int			c;

	for (c = 0; c < TXN_NCOLUMNS; c++)
		ids[c] = names != NULL && names->name[c] != NULL ? names->name[c] :
			pstrdup(txn_column_name(policy, (TxnColumn) c));

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT e FROM (SELECT %s(t.*, $1) AS e FROM %s AS t",
					 store_name(schema, "fraud_history_events"),
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
												RelationGetRelationName(table)));
	if (key != NULL)
	{
		bool		trimmed = store_has_blanks(schema, source);
		char	   *conditions[] = {
			store_id_condition(table, ids[COL_CUSTOMER_ID], key, trimmed),
			address_condition(table, ids[COL_IP], key),
			store_id_condition(table, ids[COL_MERCHANT_ID], key, trimmed)
		};
		int			i;

		appendStringInfoString(&sql, " WHERE false");
		for (i = 0; i < (int) lengthof(conditions); i++)
			if (conditions[i] != NULL)
				appendStringInfo(&sql, " OR %s", conditions[i]);
	}
	appendStringInfoString(&sql, ") AS x ORDER BY e");
	return sql.data;
}

/* The slots of a key, of the entities it can be of; locks their shards. */
static ArrayType *
lock_key(Oid schema, const char *key)
{
	Datum		slots[STORE_ENTITIES];
	uint32		shards = 0;
	int			n = 0;
	int			e;
	int			i;

	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
	{
		StoreKey	k;

		if (!store_key_of_text((RuleHistory) e, key, (int) strlen(key), &k))
			continue;
		slots[n++] = Int64GetDatum(k.slot);
		shards |= UINT32_C(1) << store_shard(k.slot);
	}
	for (i = 0; i < STORE_SHARDS; i++)
		if (shards & (UINT32_C(1) << i))
			(void) store_lock_shard(schema, i, STORE_WAIT);
	return construct_array(slots, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* What was remembered goes: rows, and the deltas the snapshot sees. */
static void
delete_old(Oid schema, int32 source, const char *key, ArrayType *slots, Snapshot snapshot)
{
	Oid			types[2] = {INT4OID, key != NULL ? INT8ARRAYOID : INT4OID};
	Datum		values[2] = {Int32GetDatum(source), PointerGetDatum(slots)};
	int			nargs = key != NULL ? 2 : 1;
	StringInfoData sql;
	int			e;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s WHERE source OPERATOR(pg_catalog.=) $1"
					 " AND kind OPERATOR(pg_catalog.<>) 'f'%s",
					 store_name(schema, "fraud_profile_deltas"),
					 key != NULL ? " AND slot OPERATOR(pg_catalog.=) ANY ($2)" : "");
	store_run(schema, sql.data, snapshot, nargs, types, values);

	resetStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s WHERE source OPERATOR(pg_catalog.=) $1",
					 store_name(schema, "fraud_profiles"));
	if (key != NULL)
	{
		const char *between = " AND (";

		for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
		{
			StoreKey	k;

			if (!store_key_of_text((RuleHistory) e, key, (int) strlen(key), &k))
				continue;
			appendStringInfo(&sql, "%sentity OPERATOR(pg_catalog.=) '%s' AND key OPERATOR(pg_catalog.=) %s",
							 between, store_entity_names[e], quote_literal_cstr(k.text));
			between = " OR ";
		}
		appendStringInfoString(&sql, between[1] == 'O' ? ")" : " AND false");
	}
	store_run(schema, sql.data, snapshot, 1, types, values);
}

/* Without, looking for ids may use an index on the column. */
static void
note_blanks(Oid schema, int32 source, int64 rows)
{
	DeltaBatch	batch;

	delta_begin(&batch, schema, source, 0, STORE_WAIT);
	batch.blanks = rows;
	delta_end(&batch);
}

void
rebuild(Oid schema, Relation table, int32 source, const char *columns, const char *key,
		RebuildResult *result)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	char		nulls[1] = {columns == NULL ? 'n' : ' '};
	ArrayType  *slots = NULL;
	SPIExecuteOptions options;
	ParamListInfo params;
	Receiver   *r = palloc0(sizeof(Receiver));
	Snapshot	snapshot;
	SPIPlanPtr	plan;
	Oid			user;
	int			security;
	/* as it is in a transaction that was read; the table has the server's encoding */
	const char *stored_key = key == NULL ? NULL : shared_text_to_utf8(key);

	memset(result, 0, sizeof(*result));
	/* as a TRUNCATE does: first the tables, then the shards */
	(void) find_all_inheritors(RelationGetRelid(table), AccessShareLock, NULL);
	if (key != NULL)
		slots = lock_key(schema, stored_key);
	else
		store_lock_all_shards(schema);

	/* rows are written while the query may be parallel: no new numbers then */
	(void) GetCurrentTransactionId();
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SPI_connect();
	delete_old(schema, source, stored_key, slots, snapshot);
	CommandCounterIncrement();

	r->dest.receiveSlot = receive;
	r->dest.rStartup = receiver_startup;
	r->dest.rShutdown = receiver_done;
	r->dest.rDestroy = receiver_done;
	r->dest.mydest = DestNone;
	r->snapshot = snapshot;
	r->basis = policy_active()->basis_hash;
	r->source = source;
	r->only = stored_key;
	r->result = result;
	r->last_notice = GetCurrentTimestamp();
	r->context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback rebuild",
									   ALLOCSET_DEFAULT_SIZES);
	(void) profiles_writer_open(&r->writer, schema, STORE_WAIT);
	known_frauds_begin(&r->frauds, schema, snapshot);

	if (key == NULL && table->rd_rel->reltuples >= NOTICE_ROWS)
		ereport(NOTICE,
				(errmsg("reading about %.0f rows of \"%s\"", table->rd_rel->reltuples,
						RelationGetRelationName(table))));

	/* as the table's owner, who sees all its rows */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   security | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	plan = SPI_prepare_cursor(events_query(schema, table, source, columns, key), 1, types,
							  CURSOR_OPT_PARALLEL_OK);
	if (plan == NULL)
		elog(ERROR, "the query for the events of a table failed");
	values[0] = columns == NULL ? (Datum) 0 : CStringGetTextDatum(columns);
	params = makeParamList(1);
	params->params[0].value = values[0];
	params->params[0].isnull = nulls[0] == 'n';
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].ptype = TEXTOID;
	memset(&options, 0, sizeof(options));
	options.params = params;
	options.read_only = true;
	options.dest = &r->dest;
	PushActiveSnapshot(snapshot);
	if (SPI_execute_plan_extended(plan, &options) < 0)
		elog(ERROR, "the query for the events of a table failed");
	PopActiveSnapshot();
	SetUserIdAndSecContext(user, security);
	write_current(r);
	if (key == NULL)
		note_blanks(schema, source, r->blanks);

	profiles_writer_close(&r->writer);
	known_frauds_end(&r->frauds);
	SPI_finish();
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
}
