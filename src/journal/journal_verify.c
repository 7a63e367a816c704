/*-------------------------------------------------------------------------
 *
 * journal_verify.c
 *	  SQL: fraud_journal_verify(), the chain of days and the rows it stands for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "journal/journal_days.h"
#include "journal/journal_tables.h"

#define VERIFY_COLUMNS		8
#define SLICE				5000

PG_FUNCTION_INFO_V1(fraud_journal_verify);

typedef struct Link
{
	int64		number;			/* 0: not in the chain */
	int32		day;
	int32		part;
	char	   *kind;
	int64		records;
	int			hash_len;
	uint8		hash[JOURNAL_HASH_LEN];
	int			previous_len;
	uint8		previous[JOURNAL_HASH_LEN];
} Link;

typedef struct Verifier
{
	Oid			schema;
	ReturnSetInfo *rsinfo;
	int32		from;
	int32		until;
	Link	   *links;
	int			n;
} Verifier;

static int
copy_hash(uint8 *dst, HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);
	bytea	   *bytes;

	if (isnull)
		return -1;
	bytes = DatumGetByteaPP(value);
	if (VARSIZE_ANY_EXHDR(bytes) > JOURNAL_HASH_LEN)
		return -1;
	memcpy(dst, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	return (int) VARSIZE_ANY_EXHDR(bytes);
}

static void
read_links(Verifier *v)
{
	bool		isnull;

	v->n = (int) journal_run(v->schema, "SELECT d.number, d.day, d.part, d.kind, d.records, d.hash, d.previous"
							 " FROM %s.fraud_journal_days AS d ORDER BY d.number", true, 0, NULL, NULL, NULL);
	v->links = palloc0(sizeof(Link) * Max(v->n, 1));
	for (int i = 0; i < v->n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Link	   *link = &v->links[i];

		link->number = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		link->day = DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull));
		link->part = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
		link->kind = SPI_getvalue(row, desc, 4);
		link->records = DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull));
		link->hash_len = copy_hash(link->hash, row, desc, 6);
		link->previous_len = copy_hash(link->previous, row, desc, 7);
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
report(Verifier *v, const Link *link, int64 found, const char *problem)
{
	Datum		values[VERIFY_COLUMNS];
	bool		nulls[VERIFY_COLUMNS] = {false};

	values[0] = Int64GetDatum(link->number);
	nulls[0] = link->number == 0;
	values[1] = DateADTGetDatum(link->day);
	values[2] = Int32GetDatum(link->part);
	values[3] = CStringGetTextDatum(link->kind);
	values[4] = Int64GetDatum(link->records);
	nulls[4] = link->records < 0;
	values[5] = Int64GetDatum(found);
	nulls[5] = found < 0;
	values[6] = BoolGetDatum(problem == NULL);
	values[7] = problem != NULL ? CStringGetTextDatum(problem) : (Datum) 0;
	nulls[7] = problem == NULL;
	tuplestore_putvalues(v->rsinfo->setResult, v->rsinfo->setDesc, values, nulls);
}

static bool
was_removed(const Verifier *v, int32 day)
{
	for (int i = 0; i < v->n; i++)
		if (v->links[i].day == day && strcmp(v->links[i].kind, "removed") == 0)
			return true;
	return false;
}

/* One link of the chain, i-th of the links. */
static void
verify_link(Verifier *v, int i)
{
	const Link *link = &v->links[i];
	bool		removed = strcmp(link->kind, "removed") == 0;
	uint8		hash[JOURNAL_HASH_LEN];
	const char *problem = NULL;
	int64		found = -1;
	StringInfoData last;
	int64		rows;

	if (link->number != i + 1)
		problem = "links before it are missing";
	else if (link->previous_len != (i > 0 ? v->links[i - 1].hash_len : 0) ||
			 (i > 0 && memcmp(link->previous, v->links[i - 1].hash, link->previous_len) != 0))
		problem = "it does not follow the link before it";

	if (removed || !was_removed(v, link->day))
	{
		journal_hash_begin(hash, link->previous, Max(link->previous_len, 0), link->number, link->day,
						   link->part, link->kind, link->records);
		if (!removed)
		{
			initStringInfo(&last);
			found = 0;
			do
			{
				CHECK_FOR_INTERRUPTS();
				rows = journal_hash_rows(v->schema, hash, link->day, link->part, &last, SLICE, true);
				found += rows;
			} while (rows == SLICE);
		}
		if (problem == NULL && found >= 0 && found != link->records)
			problem = found < link->records ? "rows are missing" : "there are rows that did not come before it was closed";
		else if (problem == NULL && (link->hash_len != JOURNAL_HASH_LEN || memcmp(hash, link->hash, JOURNAL_HASH_LEN) != 0))
			problem = removed ? "the hash is another" : "rows were changed, or the hash was";
	}
	report(v, link, found, problem);
}

/* Parts that are open, and rows of none. */
static void
verify_rest(Verifier *v)
{
	Oid			types[2] = {DATEOID, DATEOID};
	Datum		values[2] = {DateADTGetDatum(v->from), DateADTGetDatum(v->until)};
	uint64		rows = journal_run(v->schema,
								   "SELECT coalesce(r.day, o.day), coalesce(r.part, o.part), o.records, r.found"
								   " FROM (SELECT pg_catalog.timezone('UTC', j.decided_at)::pg_catalog.date AS day, j.part,"
								   " pg_catalog.count(*) AS found"
								   " FROM %s.fraud_journal AS j WHERE ($1 OPERATOR(pg_catalog.=) '-infinity'"
								   " OR j.decided_at OPERATOR(pg_catalog.>=) pg_catalog.timezone('UTC', $1::pg_catalog.timestamp))"
								   " AND ($2 OPERATOR(pg_catalog.=) 'infinity' OR j.decided_at OPERATOR(pg_catalog.<)"
								   " pg_catalog.timezone('UTC', $2 OPERATOR(pg_catalog.+) interval '1 day'))"
								   " GROUP BY 1, 2) AS r"
								   " FULL JOIN (SELECT p.day, p.part, p.records FROM %s.fraud_journal_open AS p"
								   " WHERE p.day OPERATOR(pg_catalog.>=) $1 AND p.day OPERATOR(pg_catalog.<=) $2) AS o"
								   " ON r.day OPERATOR(pg_catalog.=) o.day AND r.part OPERATOR(pg_catalog.=) o.part"
								   " WHERE o.day IS NOT NULL OR NOT EXISTS (SELECT FROM %s.fraud_journal_days AS d"
								   " WHERE d.day OPERATOR(pg_catalog.=) r.day AND d.part OPERATOR(pg_catalog.=) r.part"
								   " AND d.kind OPERATOR(pg_catalog.<>) 'removed')"
								   " ORDER BY 1, 2",
								   true, 2, types, values, NULL);

	for (uint64 r = 0; r < rows; r++)
	{
		HeapTuple	row = SPI_tuptable->vals[r];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Link		part = {0};
		bool		isnull;
		bool		none;
		int64		found;

		part.day = DatumGetDateADT(SPI_getbinval(row, desc, 1, &isnull));
		part.part = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		part.records = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		found = DatumGetInt64(SPI_getbinval(row, desc, 4, &none));
		if (none)
			found = 0;
		part.kind = isnull ? "unknown" : "open";
		if (isnull)
			part.records = -1;
		report(v, &part, found,
			   isnull ? "rows that no record became" :
			   found < part.records ? "rows are missing" :
			   found > part.records ? "there are rows that no record became" : NULL);
	}
	SPI_freetuptable(SPI_tuptable);
}

Datum
fraud_journal_verify(PG_FUNCTION_ARGS)
{
	Verifier	v = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	JournalSession session;

	InitMaterializedSRF(fcinfo, 0);
	v.schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	v.from = PG_ARGISNULL(0) ? DATEVAL_NOBEGIN : PG_GETARG_DATEADT(0);
	v.until = PG_ARGISNULL(1) ? DATEVAL_NOEND : PG_GETARG_DATEADT(1);
	journal_begin(v.schema, &session);
	read_links(&v);
	for (int i = 0; i < v.n; i++)
		if (v.links[i].day >= v.from && v.links[i].day <= v.until)
			verify_link(&v, i);
	verify_rest(&v);
	journal_end(&session);
	return (Datum) 0;
}
