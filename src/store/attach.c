/*-------------------------------------------------------------------------
 *
 * attach.c
 *	  fraud_attach(), fraud_detach(), fraud_rebuild(), fraud_learn().
 *
 * Attaching is two steps: the triggers, in a short transaction of their own,
 * and then the histories of the rows that are there, in the caller's. A
 * fraud_attach() that ends between the two leaves a table that is marked as
 * not filled; calling it again goes on from there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "config/config_file.h"
#include "core/compat.h"
#include "policy/policy_active.h"
#include "policy/policy_check.h"
#include "store/delta.h"
#include "store/install.h"
#include "store/rebuild.h"
#include "store/trigger.h"
#include "txn/txn_read.h"

/* ---- sources ---- */

static void
read_source(TupleTableSlot *slot, Source *source)
{
	bool		isnull;
	Datum		d;

	source->id = DatumGetInt32(slot_getattr(slot, SOURCES_SOURCE, &isnull));
	source->relation = DatumGetObjectId(slot_getattr(slot, SOURCES_RELATION, &isnull));
	d = slot_getattr(slot, SOURCES_COLUMNS_MAP, &isnull);
	source->columns = isnull ? NULL : DatumGetCString(DirectFunctionCall1(jsonb_out, d));
	(void) slot_getattr(slot, SOURCES_FILLED, &isnull);
	source->filled = !isnull;
}

int
sources(Oid schema, Source **list)
{
	Relation	rel = store_open(schema, STORE_SOURCES, AccessShareLock, STORE_WAIT);
	Snapshot	snapshot;
	TupleTableSlot *slot;
	TableScanDesc scan;
	int			n = 0;
	int			room = 8;

	*list = palloc(sizeof(Source) * room);
	if (rel == NULL)
		return 0;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		if (n == room)
			*list = repalloc(*list, sizeof(Source) * (room *= 2));
		read_source(slot, &(*list)[n++]);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	relation_close(rel, AccessShareLock);
	return n;
}

bool
source_of(Oid schema, Oid relation, Source *source)
{
	Source	   *list;
	int			n = sources(schema, &list);
	int			i;

	for (i = 0; i < n; i++)
		if (list[i].relation == relation)
		{
			*source = list[i];
			return true;
		}
	return false;
}

/* ---- what can be attached ---- */

static void
require_owner(Oid relid)
{
	if (!OWNS_RELATION(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/* Refuses what has no rows of its own or no statement triggers. */
static void
require_table(Relation rel, Oid schema)
{
	const char *name = RelationGetRelationName(rel);
	List	   *children;
	ListCell   *cell;

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_FOREIGN_TABLE:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot attach foreign table \"%s\"", name),
					 errdetail("Its rows change where no trigger of this database sees it."),
					 errhint("Attach the table where it is, or call fraud_learn() for each transaction.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot attach \"%s\"", name),
					 errdetail("It is not a table."),
					 errhint("Attach the table that the transactions are written to.")));
	}
	if (RelationGetNamespace(rel) == schema && strncmp(name, "fraud_", 6) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot attach \"%s\", a table of the extension", name)));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot attach temporary table \"%s\"", name),
				 errdetail("Its rows end with the session, histories do not.")));
	if (rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot attach partition \"%s\" alone", name),
				 errhint("Attach the partitioned table, its partitions follow.")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		ereport(WARNING,
				(errmsg("table \"%s\" is unlogged, histories are not", name),
				 errhint("After a crash the table is empty: run fraud_rebuild() then.")));

	children = find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL);
	foreach(cell, children)
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot attach \"%s\"", name),
					 errdetail("\"%s\", which belongs to it, is a foreign table: its rows change where no trigger of this database sees it.",
							   get_rel_name(lfirst_oid(cell))),
					 errhint("Call fraud_learn() for each transaction.")));
}

/* The detail of a notice: rules that lack a column, as fraud_check() finds them. */
static int
rules_without(const bool *has)
{
	StringInfoData rules;
	uint32		columns = 0;
	int			c;
	int			i;

	initStringInfo(&rules);
	for (c = 0; c < TXN_NCOLUMNS; c++)
		columns |= has[c] ? COL_BIT(c) : 0;
	for (i = 0; i < NRULES; i++)
	{
		uint32		needs[RULE_MAX_NEEDS + 1];
		int			n = policy_rule_needs(&rule_defs[i], needs);

		while (n > 0 && (needs[n - 1] & columns) != 0)
			n--;
		if (n > 0)
			appendStringInfo(&rules, "%s%s", rules.len > 0 ? ", " : "", rule_defs[i].name);
	}
	return rules.len > 0 ? errdetail("Rules that cannot run without: %s.", rules.data) : 0;
}

/* Refuses a table of which a part is attached by itself, or that is one. */
static void
require_alone(Relation rel, Oid schema)
{
	Oid			relid = RelationGetRelid(rel);
	List	   *below = find_all_inheritors(relid, AccessShareLock, NULL);
	Source	   *list;
	int			n = sources(schema, &list);
	int			i;

	for (i = 0; i < n; i++)
	{
		Oid			other = list[i].relation;

		if (other == relid || get_rel_name(other) == NULL)
			continue;
		if (list_member_oid(below, other) ||
			list_member_oid(find_all_inheritors(other, NoLock, NULL), relid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot attach \"%s\" beside \"%s\"", RelationGetRelationName(rel), get_rel_name(other)),
					 errdetail("One inherits from the other: its rows would count twice."),
					 errhint("Call fraud_detach() for \"%s\" first.", get_rel_name(other))));
	}
}

/* Which columns a relation has, by the names given or else the policy's. */
static void
find_columns(Oid relid, const ColumnNames *names, bool *has)
{
	const Policy *policy = policy_active();
	int			c;

	for (c = 0; c < TXN_NCOLUMNS; c++)
		has[c] = get_attnum(relid, names != NULL && names->name[c] != NULL ? names->name[c] :
							txn_column_name(policy, (TxnColumn) c)) > 0;
}

/* Whether its rows can become history. */
static bool
can_remember(const bool *has)
{
	return has[COL_OCCURRED_AT] && (has[COL_CUSTOMER_ID] || has[COL_IP] || has[COL_MERCHANT_ID]);
}

/* Refuses a table whose rows cannot become history. */
static void
require_columns(Relation rel, const ColumnNames *names)
{
	const Policy *policy = policy_active();
	const char *table = RelationGetRelationName(rel);
	bool		has[TXN_NCOLUMNS];
	int			c;

	find_columns(RelationGetRelid(rel), names, has);
	for (c = 0; c < TXN_NCOLUMNS; c++)
		if (!has[c] && names != NULL && names->name[c] != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no column \"%s\"", table, names->name[c]),
					 errdetail("It was named for \"%s\".", txn_column_names[c])));
	if (!can_remember(has))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no columns to remember it by", table),
				 errdetail("There must be \"%s\", and one of \"%s\", \"%s\" and \"%s\".",
						   txn_column_name(policy, COL_OCCURRED_AT), txn_column_name(policy, COL_CUSTOMER_ID),
						   txn_column_name(policy, COL_IP), txn_column_name(policy, COL_MERCHANT_ID)),
				 errhint("Name them: fraud_attach('%s', '{\"occurred_at\": \"created\"}').", table)));
}

/* Says what fraud_check() finds missing. */
static void
notice_columns(Relation rel, const ColumnNames *names)
{
	const char *table = RelationGetRelationName(rel);
	bool		has[TXN_NCOLUMNS];
	StringInfoData missing;
	int			c;

	initStringInfo(&missing);
	find_columns(RelationGetRelid(rel), names, has);
	for (c = 0; c < TXN_NCOLUMNS; c++)
		if (!has[c] && ((TXN_FOR_HISTORY | COL_BIT(COL_IP)) & COL_BIT(c)) != 0)
			appendStringInfo(&missing, "%s%s", missing.len > 0 ? ", " : "",
							 txn_column_name(policy_active(), (TxnColumn) c));
	if (missing.len > 0)
		ereport(NOTICE,
				(errmsg("table \"%s\" has no column %s", table, missing.data),
				 rules_without(has),
				 errhint("A column with another name can be named: fraud_attach('%s', '{\"ip\": \"client_address\"}').", table)));
}

PG_FUNCTION_INFO_V1(fraud_remembers);
Datum
fraud_remembers(PG_FUNCTION_ARGS)
{
	ColumnNames *names = PG_ARGISNULL(1) ? NULL :
		column_names_read(DatumGetCString(DirectFunctionCall1(jsonb_out, PG_GETARG_DATUM(1))));
	bool		has[TXN_NCOLUMNS];
	int			c;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	find_columns(PG_GETARG_OID(0), names, has);
	for (c = 0; c < TXN_NCOLUMNS; c++)
		if (!has[c] && names != NULL && names->name[c] != NULL)
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(can_remember(has));
}

/* ---- fraud_attach(relation, columns) ---- */

static void
mark_filled(Oid schema, int32 source, const RebuildResult *result)
{
	Oid			types[] = {INT4OID, INT8OID, TEXTOID};
	Datum		values[3];
	char		basis[CONFIG_HASH_CHARS + 1];

	config_hash_text(policy_active()->basis_hash, basis);
	values[0] = Int32GetDatum(source);
	values[1] = Int64GetDatum(result->events);
	values[2] = CStringGetTextDatum(basis);
	store_run(schema,
			  psprintf("UPDATE %s SET filled_at = pg_catalog.clock_timestamp(), filled_events = $2, basis_hash = $3,"
						  " missed = (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM %s)"
						  " WHERE source OPERATOR(pg_catalog.=) $1",
						  store_name(schema, "fraud_sources"), store_name(schema, "fraud_missed")),
			  NULL, 3, types, values);
}

static char *
summary(const RebuildResult *result)
{
	return psprintf("histories of %lld customers, %lld addresses, %lld merchants",
					(long long) result->keys[HISTORY_CUSTOMER], (long long) result->keys[HISTORY_IP],
					(long long) result->keys[HISTORY_MERCHANT]);
}

static bool
same_columns(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

PG_FUNCTION_INFO_V1(fraud_attach);
Datum
fraud_attach(PG_FUNCTION_ARGS)
{
	Oid			schema = store_schema(fcinfo->flinfo->fn_oid);
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	InstallRequest *request = palloc0(sizeof(InstallRequest));
	RebuildResult result;
	ColumnNames *names = NULL;
	Source		source = {0};
	Relation	rel;
	bool		was_attached;
	int32		id;

	PreventCommandIfReadOnly("fraud_attach()");
	PreventCommandDuringRecovery("fraud_attach()");
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be NULL")));
	rel = relation_open(relid, AccessShareLock);
	require_table(rel, schema);
	require_owner(relid);
	require_alone(rel, schema);

	if (!PG_ARGISNULL(1))
	{
		char	   *json = DatumGetCString(DirectFunctionCall1(jsonb_out, PG_GETARG_DATUM(1)));

		if (strlen(json) >= INSTALL_COLUMNS_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("columns is too long"),
					 errdetail("%d bytes are allowed.", INSTALL_COLUMNS_MAX - 1)));
		names = column_names_read(json);
		request->has_columns = true;
		strlcpy(request->columns, json, sizeof(request->columns));
	}
	was_attached = source_of(schema, relid, &source);
	if (was_attached && !PG_ARGISNULL(1) && !same_columns(source.columns, request->columns))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is attached with other columns", RelationGetRelationName(rel)),
				 errhint("Call fraud_detach() first.")));
	if (was_attached && source.columns != NULL && !request->has_columns)
	{
		names = column_names_read(source.columns);
		request->has_columns = true;
		strlcpy(request->columns, source.columns, sizeof(request->columns));
	}
	require_columns(rel, names);
	if (was_attached && source.filled && !install_needed(relid, source.id, source.columns))
	{
		relation_close(rel, NoLock);
		PG_RETURN_TEXT_P(cstring_to_text("already attached"));
	}
	notice_columns(rel, names);

	request->schema = schema;
	request->relation = relid;
	request->user = GetUserId();
	request->basis = policy_active()->basis_hash;
	/*
	 * A transaction that has written something may hold locks the worker
	 * would wait for, or have made the table: then all is done right here.
	 */
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
	{
		ereport(NOTICE,
				(errmsg("others cannot write to \"%s\" until this transaction ends",
						RelationGetRelationName(rel)),
				 errhint("Call fraud_attach() in a transaction of its own to let them.")));
		id = install_here(request);
	}
	else if (!install_apart(request, &id))
	{
		ereport(NOTICE,
				(errmsg("others cannot write to \"%s\" until this transaction ends",
						RelationGetRelationName(rel)),
				 errdetail("No background worker is free to create the triggers."),
				 errhint("Raise max_worker_processes to let them.")));
		id = install_here(request);
	}
	relation_close(rel, NoLock);

	if (was_attached && source.filled)
		PG_RETURN_TEXT_P(cstring_to_text("already attached; triggers that were missing are there now, rows written without them need fraud_rebuild()"));
	rel = relation_open(relid, AccessShareLock);
	rebuild(schema, rel, id, request->has_columns ? request->columns : NULL, NULL, &result);
	mark_filled(schema, id, &result);
	relation_close(rel, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("attached: %s", summary(&result))));
}

/* ---- fraud_detach(relation) ---- */

PG_FUNCTION_INFO_V1(fraud_detach);
Datum
fraud_detach(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {
		"fraud_history_insert", "fraud_history_update", "fraud_history_delete", "fraud_history_truncate"
	};
	Oid			schema = store_schema(fcinfo->flinfo->fn_oid);
	Oid			relid = PG_GETARG_OID(0);
	Oid			types[] = {INT4OID};
	Datum		values[1];
	Source		source;
	bool		exists;

	PreventCommandIfReadOnly("fraud_detach()");
	exists = get_rel_name(relid) != NULL;
	if (exists)
		require_owner(relid);
	else if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only superusers may detach a table that is gone")));
	if (!source_of(schema, relid, &source))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is not attached", exists ? get_rel_name(relid) : "it")));

	if (exists)
	{
		List	   *relations;
		ListCell   *cell;

		LockRelationOid(relid, AccessExclusiveLock);
		relations = find_all_inheritors(relid, AccessExclusiveLock, NULL);
		foreach(cell, relations)
		{
			char	   *table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(lfirst_oid(cell))),
														   get_rel_name(lfirst_oid(cell)));
			int			i;

			for (i = 0; i < (int) lengthof(names); i++)
				store_run(schema, psprintf("DROP TRIGGER IF EXISTS %s ON %s", names[i], table), NULL, 0, NULL, NULL);
		}
	}
	store_lock_all_shards(schema);
	values[0] = Int32GetDatum(source.id);
	store_forget_source(schema, source.id);
	store_run(schema, psprintf("DELETE FROM %s WHERE source OPERATOR(pg_catalog.=) $1",
							   store_name(schema, "fraud_sources")), NULL, 1, types, values);
	PG_RETURN_VOID();
}

/* ---- fraud_rebuild(relation, key) ---- */

PG_FUNCTION_INFO_V1(fraud_rebuild);
Datum
fraud_rebuild(PG_FUNCTION_ARGS)
{
	Oid			schema = store_schema(fcinfo->flinfo->fn_oid);
	RebuildResult result;
	Source		source;
	Relation	rel;

	PreventCommandIfReadOnly("fraud_rebuild()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be NULL")));
	rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	require_owner(RelationGetRelid(rel));
	if (!source_of(schema, RelationGetRelid(rel), &source))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is not attached", RelationGetRelationName(rel)),
				 errhint("Call fraud_attach() first.")));
	require_columns(rel, source.columns != NULL ? column_names_read(source.columns) : NULL);
	rebuild(schema, rel, source.id, source.columns,
			PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)), &result);
	if (PG_ARGISNULL(1))
		mark_filled(schema, source.id, &result);
	relation_close(rel, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("rebuilt: %s", summary(&result))));
}

/* ---- fraud_learn(txn) ---- */

PG_FUNCTION_INFO_V1(fraud_learn);
Datum
fraud_learn(PG_FUNCTION_ARGS)
{
	TxnReader	reader;
	const Policy *policy = policy_active();
	DeltaBatch	batch;
	Txn		   *txn = palloc(sizeof(Txn));
	Event		event;
	bool		remembered;

	PreventCommandIfReadOnly("fraud_learn()");
	PreventCommandDuringRecovery("fraud_learn()");
	txn_reader_init(&reader, get_fn_expr_argtype(fcinfo->flinfo, 0), TXN_FOR_HISTORY | COL_BIT(COL_IP),
					CurrentMemoryContext);
	txn_read(&reader, PG_GETARG_DATUM(0), policy, txn);
	delta_begin(&batch, store_schema(fcinfo->flinfo->fn_oid), SOURCE_LEARNED, policy->basis_hash, STORE_TRY);
	if (txn_event(txn, &event))
		delta_event(&batch, txn, &event, NULL, DELTA_EVENTS);
	remembered = batch.n > 0;
	delta_end(&batch);
	PG_RETURN_BOOL(remembered && batch.missed == 0);
}
