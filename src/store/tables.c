/*-------------------------------------------------------------------------
 *
 * tables.c
 *	  Opening and writing the tables of the store; see tables.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "store/tables.h"

static const char *const relation_names[STORE_RELATIONS] = {
	[STORE_PROFILES] = "fraud_profiles",
	[STORE_PROFILES_PKEY] = "fraud_profiles_pkey",
	[STORE_DELTAS] = "fraud_profile_deltas",
	[STORE_DELTAS_SLOT] = "fraud_profile_deltas_slot",
	[STORE_SOURCES] = "fraud_sources",
	[STORE_MISSED] = "fraud_missed",
	[STORE_LABELS] = "fraud_labels",
	[STORE_LABELS_PKEY] = "fraud_labels_pkey"
};

/* What was found last. Local to the backend; any change of pg_class clears it. */
static struct
{
	Oid			schema;			/* InvalidOid: nothing */
	Oid			oids[STORE_RELATIONS];
}			found;

/* The function asked last, and where it is. */
static Oid	last_function;
static Oid	last_schema;

static void
forget_relations(Datum arg, int cacheid, uint32 hash)
{
	found.schema = InvalidOid;
}

static void
forget_functions(Datum arg, int cacheid, uint32 hash)
{
	last_function = InvalidOid;
}

static void
watch_catalogs(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(RELOID, forget_relations, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	watching = true;
}

Oid
store_schema(Oid function)
{
	if (function != last_function || !OidIsValid(function))
	{
		watch_catalogs();
		last_schema = get_func_namespace(function);
		last_function = function;
	}
	return last_schema;
}

static Oid
relation_oid(Oid schema, StoreRelation which)
{
	if (found.schema != schema)
	{
		Oid			oids[STORE_RELATIONS];
		int			i;

		watch_catalogs();
		for (i = 0; i < STORE_RELATIONS; i++)
			oids[i] = get_relname_relid(relation_names[i], schema);
		memcpy(found.oids, oids, sizeof(oids));
		found.schema = schema;
	}
	return found.oids[which];
}

Relation
store_open(Oid schema, StoreRelation which, LOCKMODE mode, StoreWait wait)
{
	Oid			oid = relation_oid(schema, which);
	Relation	rel;

	if (!OidIsValid(oid))
		return NULL;
	if (wait == STORE_WAIT)
		LockRelationOid(oid, mode);
	else if (!ConditionalLockRelationOid(oid, mode))
		return NULL;
	rel = try_relation_open(oid, NoLock);
	if (rel == NULL)
		UnlockRelationOid(oid, mode);
	return rel;
}

/* ---- writing ---- */

/* The locks that opening the indexes for writing would wait for. */
static bool
try_indexes(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;
	bool		all = true;

	foreach(cell, indexes)
		all = all && ConditionalLockRelationOid(lfirst_oid(cell), RowExclusiveLock);
	list_free(indexes);
	return all;
}

bool
store_writer_open(StoreWriter *writer, Oid schema, StoreRelation which, StoreWait wait)
{
	Relation	rel = store_open(schema, which, RowExclusiveLock, wait);

	if (rel == NULL)
		return false;
	if (wait == STORE_TRY && !try_indexes(rel))
	{
		relation_close(rel, RowExclusiveLock);
		return false;
	}
	writer->rel = rel;
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, rel, 1, NULL, 0);
	ExecOpenIndices(writer->result, false);
	writer->slot = table_slot_create(rel, NULL);
	return true;
}

void
store_writer_close(StoreWriter *writer)
{
	ExecDropSingleTupleTableSlot(writer->slot);
	ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	/* the lock stays, what was written is ours until we commit */
	relation_close(writer->rel, NoLock);
	writer->rel = NULL;
}

void
store_row(StoreWriter *writer, const Datum *values, const bool *nulls)
{
	int			n = RelationGetNumberOfAttributes(writer->rel);

	ExecClearTuple(writer->slot);
	memcpy(writer->slot->tts_values, values, sizeof(Datum) * n);
	memcpy(writer->slot->tts_isnull, nulls, sizeof(bool) * n);
	ExecStoreVirtualTuple(writer->slot);
}

static void
insert_index_entries(StoreWriter *writer, TupleTableSlot *slot)
{
	if (writer->result->ri_NumIndices > 0)
		(void) EXEC_INSERT_INDEX_TUPLES(writer->result, slot, writer->estate);
	ResetPerTupleExprContext(writer->estate);
}

void
store_insert(StoreWriter *writer)
{
	table_tuple_insert(writer->rel, writer->slot, GetCurrentCommandId(true), 0, NULL);
	insert_index_entries(writer, writer->slot);
}

void
store_insert_many(StoreWriter *writer, TupleTableSlot **slots, int n)
{
	int			i;

	table_multi_insert(writer->rel, slots, n, GetCurrentCommandId(true), 0, NULL);
	for (i = 0; i < n; i++)
		insert_index_entries(writer, slots[i]);
}

void
store_update(StoreWriter *writer, ItemPointer tid, Snapshot snapshot)
{
	UPDATE_INDEXES_TYPE indexes;

	simple_table_tuple_update(writer->rel, tid, writer->slot, snapshot, &indexes);
	if (indexes)
		insert_index_entries(writer, writer->slot);
}

void
store_delete(StoreWriter *writer, ItemPointer tid, Snapshot snapshot)
{
	simple_table_tuple_delete(writer->rel, tid, snapshot);
}

/* ---- shards ---- */

bool
store_lock_shard(Oid schema, int shard, StoreWait wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId,
					   relation_oid(schema, STORE_PROFILES), (uint16) (shard + 1));
	return LockAcquire(&tag, ExclusiveLock, false, wait == STORE_TRY) != LOCKACQUIRE_NOT_AVAIL;
}

void
store_lock_all_shards(Oid schema)
{
	int			i;

	/* always in this order: two who want all of them cannot block each other */
	for (i = 0; i < STORE_SHARDS; i++)
		(void) store_lock_shard(schema, i, STORE_WAIT);
}

bool
store_count_missed(Oid schema)
{
	Oid			oid = relation_oid(schema, STORE_MISSED);

	if (!OidIsValid(oid) || !ConditionalLockRelationOid(oid, RowExclusiveLock))
		return false;
	(void) nextval_internal(oid, false);
	return true;
}

Oid
store_owner(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation_oid(schema, STORE_PROFILES)));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table fraud_profiles of the extension is missing")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

uint64
store_run(Oid schema, const char *sql, Snapshot snapshot, int nargs, Oid *types, Datum *values)
{
	Snapshot	latest = snapshot == NULL ? RegisterSnapshot(GetLatestSnapshot()) : NULL;
	SPIPlanPtr	plan;
	uint64		rows;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(store_owner(schema), security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	plan = SPI_prepare(sql, nargs, types);
	if (plan == NULL || SPI_execute_snapshot(plan, values, NULL, latest != NULL ? latest : snapshot,
											 InvalidSnapshot, false, false, 0) < 0)
		elog(ERROR, "a statement on the store failed: %s", sql);
	rows = SPI_processed;
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	if (latest != NULL)
		UnregisterSnapshot(latest);
	CommandCounterIncrement();
	return rows;
}

void
store_forget_source(Oid schema, int32 source)
{
	static const char *const tables[] = {"fraud_profile_deltas", "fraud_profiles"};
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(source)};
	int			i;

	for (i = 0; i < (int) lengthof(tables); i++)
		store_run(schema, psprintf("DELETE FROM %s WHERE source OPERATOR(pg_catalog.=) $1",
								   store_name(schema, tables[i])), NULL, 1, types, values);
}

bool
store_has_blanks(Oid schema, int32 source)
{
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(source)};

	return store_run(schema, psprintf("SELECT FROM %s WHERE slot OPERATOR(pg_catalog.=) 0"
									  " AND kind OPERATOR(pg_catalog.=) '%c'"
									  " AND source OPERATOR(pg_catalog.=) $1 LIMIT 1",
									  store_name(schema, "fraud_profile_deltas"), DELTA_BLANKS),
					 NULL, 1, types, values) > 0;
}

/* As PostgreSQL writes it, so that a cast cannot fail. */
static bool
is_uuid(const char *s)
{
	int			i;

	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !isxdigit((unsigned char) s[i]))
			return false;
	return s[36] == '\0';
}

/* What text keys are without, see value_trim(). */
#define BLANKS	"E' \\t\\n\\r\\f\\013'"

char *
store_id_condition(Relation table, const char *column, const char *id, bool trimmed)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(table), column);
	const char *value = quote_literal_cstr(id);
	char	   *end;
	Oid			type;

	if (attno == InvalidAttrNumber)
		return NULL;
	column = quote_identifier(column);
	type = getBaseType(get_atttype(RelationGetRelid(table), attno));
	if (type == INT2OID || type == INT4OID || type == INT8OID)
	{
		errno = 0;
		(void) strtoll(id, &end, 10);
		if (errno != 0 || end == id || *end != '\0')
			return NULL;
		return psprintf("t.%s OPERATOR(pg_catalog.=) %s::pg_catalog.int8", column, value);
	}
	if (type == UUIDOID)
	{
		if (!is_uuid(id))
			return NULL;
		return psprintf("t.%s OPERATOR(pg_catalog.=) %s::pg_catalog.uuid", column, value);
	}
	/* keys of long ids are cut: what arrives is compared once more */
	if (strlen(id) > STORE_KEY_MAX - 20)
		return psprintf("pg_catalog.octet_length(t.%s::pg_catalog.text) OPERATOR(pg_catalog.>) %d",
						column, STORE_KEY_MAX - 20);
	if (!trimmed && (type == TEXTOID || type == VARCHAROID))
		return psprintf("t.%s OPERATOR(pg_catalog.=) %s", column, value);
	return psprintf("pg_catalog.btrim(t.%s::pg_catalog.text, " BLANKS ") OPERATOR(pg_catalog.=) %s",
					column, value);
}

char *
store_name(Oid schema, const char *table)
{
	return quote_qualified_identifier(get_namespace_name(schema), table);
}
