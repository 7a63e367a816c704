/*-------------------------------------------------------------------------
 *
 * journal_tables.c
 *	  The tables of the journal, by SQL; see journal_tables.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/shared_text.h"
#include "journal/journal_tables.h"

static Oid
progress_table(Oid schema)
{
	return get_relname_relid("fraud_journal_progress", schema);
}

bool
journal_has_tables(Oid schema)
{
	return OidIsValid(progress_table(schema));
}

static Oid
owner_of(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(progress_table(schema)));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("tables of the journal are missing")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
journal_begin(Oid schema, JournalSession *session)
{
	Oid			owner = owner_of(schema);

	GetUserIdAndSecContext(&session->user, &session->security);
	SetUserIdAndSecContext(owner, session->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
journal_end(const JournalSession *session)
{
	SPI_finish();
	SetUserIdAndSecContext(session->user, session->security);
}

bool
journal_lock(Oid schema, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, progress_table(schema), 1);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

char *
journal_statement(Oid schema, const char *sql)
{
	const char *name = quote_identifier(get_namespace_name(schema));
	StringInfoData text;
	const char *place;

	initStringInfo(&text);
	while ((place = strstr(sql, "%s")) != NULL)
	{
		appendBinaryStringInfo(&text, sql, (int) (place - sql));
		appendStringInfoString(&text, name);
		sql = place + 2;
	}
	appendStringInfoString(&text, sql);
	return text.data;
}

uint64
journal_run(Oid schema, const char *sql, bool read_only,
			int nargs, const Oid *types, const Datum *values, const char *nulls)
{
	int			result = SPI_execute_with_args(journal_statement(schema, sql), nargs,
											   unconstify(Oid *, types), unconstify(Datum *, values),
											   nulls, read_only, 0);

	if (result < 0)
		elog(ERROR, "a statement on the journal failed: %s: %s", SPI_result_code_string(result), sql);
	return SPI_processed;
}

/* ---- progress ---- */

JournalProgress *
journal_progress(Oid schema, const JournalFile *files, int n)
{
	JournalProgress *progress = palloc0(sizeof(JournalProgress) * Max(n, 1));
	Datum	   *names = palloc(sizeof(Datum) * Max(n, 1));
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1];
	uint64		rows;

	if (n == 0)
		return progress;
	for (int i = 0; i < n; i++)
		names[i] = CStringGetTextDatum(files[i].name);
	values[0] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	rows = journal_run(schema,
					   "SELECT pg_catalog.array_position($1, p.segment), p.drained, p.records, p.skipped, p.done, p.at"
					   " FROM %s.fraud_journal_progress AS p WHERE p.segment OPERATOR(pg_catalog.=) ANY ($1)",
					   true, 1, types, values, NULL);
	for (uint64 r = 0; r < rows; r++)
	{
		HeapTuple	row = SPI_tuptable->vals[r];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		JournalProgress *p = &progress[DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull)) - 1];

		p->drained = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
		p->records = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		p->skipped = DatumGetInt64(SPI_getbinval(row, desc, 4, &isnull));
		p->done = DatumGetBool(SPI_getbinval(row, desc, 5, &isnull));
		p->at = DatumGetTimestampTz(SPI_getbinval(row, desc, 6, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return progress;
}

void
journal_progress_save(Oid schema, const char *name, const char *node, int node_len, const JournalProgress *progress)
{
	Oid			types[7] = {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, BOOLOID, TIMESTAMPTZOID};
	Datum		values[7];
	char		nulls[7] = {' ', ' ', ' ', ' ', ' ', ' ', ' '};

	values[0] = CStringGetTextDatum(name);
	values[1] = node != NULL ? CStringGetTextDatum(shared_text(pnstrdup(node, node_len))) : (Datum) 0;
	nulls[1] = node != NULL ? ' ' : 'n';
	values[2] = Int64GetDatum(progress->drained);
	values[3] = Int64GetDatum(progress->records);
	values[4] = Int64GetDatum(progress->skipped);
	values[5] = BoolGetDatum(progress->done);
	values[6] = TimestampTzGetDatum(progress->at);
	journal_run(schema,
				"INSERT INTO %s.fraud_journal_progress AS p (segment, node, drained, records, skipped, done, at)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (segment) DO UPDATE"
				" SET node = coalesce(p.node, excluded.node), drained = excluded.drained, records = excluded.records,"
				" skipped = excluded.skipped, done = excluded.done, at = excluded.at",
				false, 7, types, values, nulls);
}
