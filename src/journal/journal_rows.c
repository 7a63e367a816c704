/*-------------------------------------------------------------------------
 *
 * journal_rows.c
 *	  Records as rows of fraud_journal; see journal_rows.h.
 *
 * What becomes of a record depends on its bytes alone, so that a second copy of
 * it meets the first one in the same partition, where record_id is unique.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/attempt.h"
#include "core/clock.h"
#include "core/shared_text.h"
#include "journal/journal_days.h"
#include "journal/journal_files.h"
#include "journal/journal_rows.h"
#include "journal/journal_tables.h"

/* Columns of fraud_journal, as the insert has them. */
enum
{
	RECORD_ID, DECIDED_AT, NODE, DATABASE, ROLE, APPLICATION_NAME, TXN_ID, TXN, DECISION, RULES,
	FEATURES, ML, ML_STATUS, ML_LATENCY, SUPERSEDES, QUEUED, POLICY_HASH, PART, COLUMNS
};

static const struct
{
	const char *name;
	Oid			type;
}			columns[COLUMNS] = {
	[RECORD_ID] = {NULL, TEXTOID},
	[DECIDED_AT] = {"decided_at", TIMESTAMPTZOID},
	[NODE] = {NULL, TEXTOID},
	[DATABASE] = {"database", TEXTOID},
	[ROLE] = {"role", TEXTOID},
	[APPLICATION_NAME] = {"application_name", TEXTOID},
	[TXN_ID] = {"txn_id", TEXTOID},
	[TXN] = {"txn", JSONBOID},
	[DECISION] = {"decision", JSONBOID},
	[RULES] = {"rules", JSONBOID},
	[FEATURES] = {"features", JSONBOID},
	[ML] = {"ml", JSONBOID},
	[ML_STATUS] = {"ml_status", INT4OID},
	[ML_LATENCY] = {"ml_latency", INTERVALOID},
	[SUPERSEDES] = {"supersedes", TEXTOID},
	[QUEUED] = {"queued", BOOLOID},
	[POLICY_HASH] = {"policy_hash", TEXTOID},
	[PART] = {NULL, INT4OID},
};

static const char insert_sql[] =
"INSERT INTO %s.fraud_journal (record_id, decided_at, node, database, role, application_name, txn_id, txn, decision, rules,"
" features, ml, ml_status, ml_latency, supersedes, queued, policy_hash, part)"
" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING";

typedef struct Row
{
	const SegmentRecord *record;
	Datum		values[COLUMNS];
	char		nulls[COLUMNS];
} Row;

/* ---- the payload ---- */

static void
set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = ' ';
}

static void
malformed(int column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("\"%s\" of a record is not what it should be", columns[column].name)));
}

/* Has it an offset? Without one its meaning would be the session's. */
static bool
has_offset(const char *time)
{
	size_t		len = strlen(time);
	const char *sign = strrchr(time, '+');

	if (sign == NULL)
		sign = strrchr(time, '-');
	return len > 10 && (time[len - 1] == 'Z' || (sign != NULL && sign > time + 10));
}

static char *
string_of(const JsonbValue *v)
{
	return pnstrdup(v->val.string.val, v->val.string.len);
}

static Datum
interval_of_seconds(Numeric seconds)
{
	Interval   *interval = palloc0(sizeof(Interval));
	double		s = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(seconds)));

	if (!(s >= 0 && s < 1e9))
		malformed(ML_LATENCY);
	interval->time = (TimeOffset) rint(s * USECS_PER_SEC);
	return IntervalPGetDatum(interval);
}

static Datum
value_of(int column, const JsonbValue *v)
{
	switch (columns[column].type)
	{
		case JSONBOID:
			return JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, v)));
		case TEXTOID:
			if (v->type == jbvString)
				return PointerGetDatum(cstring_to_text_with_len(v->val.string.val, v->val.string.len));
			if (v->type == jbvNumeric && column == TXN_ID)
				return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric))));
			break;
		case BOOLOID:
			if (v->type == jbvBool)
				return BoolGetDatum(v->val.boolean);
			break;
		case INT4OID:
			if (v->type == jbvNumeric)
				return DirectFunctionCall1(numeric_int4, NumericGetDatum(v->val.numeric));
			break;
		case INTERVALOID:
			if (v->type == jbvNumeric)
				return interval_of_seconds(v->val.numeric);
			if (v->type == jbvString)
				return DirectFunctionCall3(interval_in, CStringGetDatum(string_of(v)),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
			break;
		case TIMESTAMPTZOID:
			if (v->type == jbvString && has_offset(string_of(v)))
				return DirectFunctionCall3(timestamptz_in, CStringGetDatum(string_of(v)),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
			break;
	}
	malformed(column);
	return (Datum) 0;			/* not reached */
}

/*
 * In the database's encoding, NUL-terminated; what cannot be is a question
 * mark. Lines may end where JSON allows it, which texts for the log may not.
 */
static char *
text_of(const SegmentRecord *record)
{
	char	   *text = palloc(record->len + 1);

	for (size_t i = 0; i < record->len; i++)
		text[i] = record->payload[i] != '\0' ? record->payload[i] : '?';
	text[record->len] = '\0';
	return shared_text_from_utf8(text);
}

typedef struct Parse
{
	const SegmentRecord *record;
	Datum		value;
} Parse;

static void
parse(void *arg)
{
	Parse	   *p = arg;

	if (memchr(p->record->payload, '\0', p->record->len) != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("NUL in a record")));
	p->value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text_of(p->record)));
}

bool
journal_payload(const SegmentRecord *record, Datum *value)
{
	Parse		p = {.record = record};
	bool		ok = attempt(parse, &p, NULL);

	*value = p.value;
	return ok;
}

/* Every column the payload has something for. Raises errors. */
static void
read_payload(void *arg)
{
	Row		   *row = arg;
	Parse		p = {.record = row->record};
	Jsonb	   *json;
	TimestampTz decided;

	parse(&p);
	json = DatumGetJsonbP(p.value);
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("a record is no object")));
	for (int column = 0; column < COLUMNS; column++)
	{
		JsonbValue	buffer;
		JsonbValue *v;

		if (columns[column].name == NULL)
			continue;
		v = getKeyJsonValueFromContainer(&json->root, columns[column].name,
										 (int) strlen(columns[column].name), &buffer);
		if (v != NULL && v->type != jbvNull)
			set(row, column, value_of(column, v));
	}
	decided = DatumGetTimestampTz(row->values[DECIDED_AT]);
	if (TIMESTAMP_NOT_FINITE(decided) || decided < row->record->written - USECS_PER_DAY ||
		decided > row->record->written + USECS_PER_DAY)
		malformed(DECIDED_AT);
}

/* What every row has. */
static void
begin_row(Row *row)
{
	const SegmentRecord *record = row->record;
	char		id[SEGMENT_ID_LEN + 1];

	memset(row->nulls, 'n', sizeof(row->nulls));
	segment_id_text(record->start, record->sequence, id);
	set(row, RECORD_ID, CStringGetTextDatum(id));
	set(row, DECIDED_AT, TimestampTzGetDatum(record->written));
	set(row, NODE, CStringGetTextDatum(shared_text(pnstrdup(record->node, record->node_len))));
	set(row, QUEUED, BoolGetDatum(false));
}

static void
make_row(Row *row)
{
	StringInfoData quoted;

	begin_row(row);
	if (attempt(read_payload, row, NULL))
		return;
	begin_row(row);
	initStringInfo(&quoted);
	appendStringInfoString(&quoted, "{\"text\": ");
	escape_json(&quoted, text_of(row->record));
	appendStringInfoChar(&quoted, '}');
	set(row, TXN, DirectFunctionCall1(jsonb_in, CStringGetDatum(quoted.data)));
}

/* ---- rows ---- */

void
journal_rows_begin(JournalRows *rows, Oid schema)
{
	Oid			types[COLUMNS];

	memset(rows, 0, sizeof(*rows));
	for (int i = 0; i < COLUMNS; i++)
		types[i] = columns[i].type;
	rows->schema = schema;
	rows->insert = SPI_prepare(journal_statement(schema, insert_sql), COLUMNS, types);
	if (rows->insert == NULL)
		elog(ERROR, "could not prepare the insert into fraud_journal");
	rows->context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback record", ALLOCSET_DEFAULT_SIZES);
	rows->oldest = journal_oldest_day();
}

void
journal_rows_end(JournalRows *rows)
{
	for (int i = 0; i < rows->ndays; i++)
		if (rows->days[i].added > 0)
			journal_day_count(rows->schema, rows->days[i].day, rows->days[i].part, rows->days[i].added);
	rows->ndays = 0;
}

/* Which of rows->days; makes the partition and finds the part. */
static int
find_day(JournalRows *rows, int32 day)
{
	for (int i = 0; i < rows->ndays; i++)
		if (rows->days[i].day == day)
			return i;
	if (rows->ndays == ROWS_DAYS)
		journal_rows_end(rows);
	rows->days[rows->ndays].day = day;
	rows->days[rows->ndays].added = 0;
	rows->days[rows->ndays].part = day < rows->oldest ? -1 : journal_day_part(rows->schema, day);
	if (rows->days[rows->ndays].part >= 0)
		journal_day_partition(rows->schema, day);
	return rows->ndays++;
}

typedef struct Insert
{
	SPIPlanPtr	plan;
	Row		   *row;
	bool		added;
} Insert;

static void
insert_row(void *arg)
{
	Insert	   *insert = arg;

	if (SPI_execute_plan(insert->plan, insert->row->values, insert->row->nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into fraud_journal");
	insert->added = SPI_processed > 0;
}

RowResult
journal_rows_add(JournalRows *rows, const SegmentRecord *record, bool careful, const char **why)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	Row			row = {.record = record};
	Insert		insert = {.plan = rows->insert,.row = &row};
	RowResult	result = ROW_ADDED;
	int			d;

	make_row(&row);
	MemoryContextSwitchTo(old);
	d = find_day(rows, journal_day_of(DatumGetTimestampTz(row.values[DECIDED_AT])));
	if (rows->days[d].part < 0)
		result = ROW_EXPIRED;
	else
	{
		row.values[PART] = Int32GetDatum(rows->days[d].part);
		row.nulls[PART] = ' ';
		if (!careful)
			insert_row(&insert);
		else if (!attempt(insert_row, &insert, why))
			result = ROW_REFUSED;
		if (result == ROW_ADDED && !insert.added)
			result = ROW_KNOWN;
	}
	MemoryContextReset(rows->context);
	rows->days[d].added += result == ROW_ADDED;
	rows->added += result == ROW_ADDED;
	rows->known += result == ROW_KNOWN;
	rows->expired += result == ROW_EXPIRED;
	return result;
}
