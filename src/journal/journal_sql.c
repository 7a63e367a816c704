/*-------------------------------------------------------------------------
 *
 * journal_sql.c
 *	  SQL about the journal: its files, its state, what is in them.
 *
 * What was drained is known to the database the worker works in; asked in
 * another one, all files wait.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"
#include "core/shmem.h"
#include "journal/journal_rows.h"
#include "journal/journal_shared.h"
#include "journal/journal_tables.h"

#define SEGMENTS_COLUMNS	10
#define STATUS_COLUMNS		20
#define LOOKUP_COLUMNS		4
#define WINDOW				(1024 * 1024)

PG_FUNCTION_INFO_V1(fraud_journal_append);
PG_FUNCTION_INFO_V1(fraud_journal_read);
PG_FUNCTION_INFO_V1(fraud_journal_segments);
PG_FUNCTION_INFO_V1(fraud_journal_import);
PG_FUNCTION_INFO_V1(fraud_journal_status);
PG_FUNCTION_INFO_V1(fraud_journal_lookup);
PG_FUNCTION_INFO_V1(fraud_journal_keep);

/* Trigger: what was written stays. */
Datum
fraud_journal_keep(PG_FUNCTION_ARGS)
{
	const char *table = CALLED_AS_TRIGGER(fcinfo) ?
		RelationGetRelationName(((TriggerData *) fcinfo->context)->tg_relation) : "fraud_journal";

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("rows of %s cannot be updated or deleted", table),
			 strcmp(table, "fraud_policy_history") == 0 ? errhint("Each policy that was in force stays.") :
			 errhint("The worker removes whole days when they are older than journal.retention.")));
	PG_RETURN_NULL();			/* not reached */
}

/* For tests: a record, or many of the same payload. */
Datum
fraud_journal_append(PG_FUNCTION_ARGS)
{
	char	   *payload = JsonbToCString(NULL, &PG_GETARG_JSONB_P(0)->root, 0);
	int32		times = PG_GETARG_INT32(1);
	JournalRecordId id = {.sequence = 0};
	JournalResult result = JOURNAL_WRITTEN;
	char		text[SEGMENT_ID_LEN + 1];

	clock_require_test_mode("append records by hand");
	if (times < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("times must be at least 1")));
	payload = pg_server_to_any(payload, (int) strlen(payload), PG_UTF8);
	for (int i = 0; i < times; i++)
	{
		CHECK_FOR_INTERRUPTS();
		result = journal_append(payload, strlen(payload), &id);
	}
	if (result != JOURNAL_WRITTEN)
		PG_RETURN_TEXT_P(cstring_to_text(result == JOURNAL_FULL ? "FULL" : "FAILED"));
	segment_id_text(id.start, id.sequence, text);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* ---- files ---- */

Datum
fraud_journal_read(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	JournalFile file;
	JournalFile *files;
	int			n;
	bytea	   *result;
	ssize_t		len;

	if (!journal_file_of(name, &file))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not the name of a journal file", name),
				 errhint("fraud_journal_segments() has the names.")));
	if (!journal_list(&files, &n))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open journal directory \"%s\": %m", journal_directory())));
	for (int i = 0; i < n; i++)
	{
		if (strcmp(files[i].name, name) != 0)
			continue;
		if (files[i].bytes > (int64) MaxAllocSize - VARHDRSZ)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("journal file \"%s\" is too large", name)));
		result = palloc(VARHDRSZ + files[i].bytes);
		len = journal_read_at(name, 0, VARDATA(result), files[i].bytes);
		if (len < 0)
			break;
		SET_VARSIZE(result, VARHDRSZ + len);
		PG_RETURN_BYTEA_P(result);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("could not read journal file \"%s\"", name)));
	PG_RETURN_NULL();			/* not reached */
}

/* The first record from a position on; it points into the buffer. */
static bool
first_record(const char *name, int64 at, char *buffer, SegmentRecord *record)
{
	ssize_t		n = journal_read_at(name, at, buffer, 2 * SEGMENT_RECORD_MAX);
	SegmentScan scan = {.bytes = buffer,.len = Max(n, 0),.whole = true};
	SegmentStep step;

	do
		step = segment_next(&scan, record);
	while (step == SEGMENT_SKIPPED || step == SEGMENT_TORN);
	return step == SEGMENT_RECORD;
}

static Datum
text_from(const char *bytes, size_t len)
{
	return CStringGetTextDatum(shared_text(pnstrdup(bytes, len)));
}

static void
list_or_nothing(JournalFile **files, int *n)
{
	if (!journal_list(files, n) && errno != ENOENT)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open journal directory \"%s\": %m", journal_directory())));
}

Datum
fraud_journal_segments(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	uint32		open_from;
	JournalSession session;
	JournalFile *files;
	JournalProgress *progress;
	char	   *buffer = palloc(2 * SEGMENT_RECORD_MAX);
	int			n;

	shmem_required();
	InitMaterializedSRF(fcinfo, 0);
	open_from = journal_open_from();
	list_or_nothing(&files, &n);
	journal_begin(schema, &session);
	progress = journal_progress(schema, files, n);
	for (int i = 0; i < n; i++)
	{
		bool		own = memcmp(files[i].start, journal->start, SEGMENT_START_LEN) == 0;
		Datum		values[SEGMENTS_COLUMNS];
		bool		nulls[SEGMENTS_COLUMNS] = {false};
		SegmentRecord record;

		values[0] = CStringGetTextDatum(files[i].name);
		values[1] = Int64GetDatum(files[i].bytes);
		values[2] = Int64GetDatum(Min(progress[i].drained, files[i].bytes));
		values[3] = Int64GetDatum(progress[i].records);
		values[4] = Int64GetDatum(progress[i].skipped);
		values[5] = CStringGetTextDatum(pnstrdup(files[i].name, 2 * SEGMENT_START_LEN));
		values[6] = Int64GetDatum(files[i].segment);
		nulls[7] = nulls[8] = !first_record(files[i].name, 0, buffer, &record);
		values[7] = nulls[7] ? (Datum) 0 : text_from(record.node, record.node_len);
		values[8] = nulls[8] ? (Datum) 0 : TimestampTzGetDatum(record.written);
		values[9] = CStringGetTextDatum(progress[i].done ? "drained" :
										own && files[i].segment >= open_from ? "writing" : "waiting");
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	journal_end(&session);
	return (Datum) 0;
}

/* ---- state ---- */

static Datum
count(pg_atomic_uint64 *counter)
{
	return Int64GetDatum((int64) pg_atomic_read_u64(counter));
}

Datum
fraud_journal_status(PG_FUNCTION_ARGS)
{
	static const char *const states[] = {"OK", "FULL", "FAILING"};
	static const char *const syncs[] = {"off", "interval", "each"};
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	TupleDesc	desc;
	JournalSession session;
	JournalFile *files;
	JournalProgress *progress;
	char	   *buffer = palloc(2 * SEGMENT_RECORD_MAX);
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS] = {false};
	int64		bytes = 0;
	int64		waiting = 0;
	int64		oldest = 0;
	int64		pieces;
	int64		piece_bytes;
	char		error[256];
	TimestampTz error_at;
	int			n;
	bool		listed;
	const JournalSettings *settings;

	shmem_required();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	settings = journal_settings();
	/* what is wrong with the directory is what somebody wants to see here */
	listed = journal_list(&files, &n) || errno == ENOENT;
	if (!listed)
		n = 0;
	journal_begin(schema, &session);
	progress = journal_progress(schema, files, n);
	for (int i = 0; i < n; i++)
	{
		SegmentRecord record;

		bytes += files[i].bytes;
		if (progress[i].done || files[i].bytes <= progress[i].drained)
			continue;
		waiting += files[i].bytes - progress[i].drained;
		if (first_record(files[i].name, progress[i].drained, buffer, &record) &&
			(oldest == 0 || record.written < oldest))
			oldest = record.written;
	}
	journal_end(&session);
	journal_quarantined(&pieces, &piece_bytes);

	values[0] = CStringGetTextDatum(states[pg_atomic_read_u32(&journal->trouble)]);
	values[1] = count(&journal->written);
	values[2] = count(&journal->full);
	values[3] = count(&journal->failed);
	values[4] = Int64GetDatum(bytes);
	values[5] = Int64GetDatum(settings->max_size);
	values[6] = Int32GetDatum(n);
	values[7] = Int64GetDatum(waiting);
	values[8] = TimestampTzGetDatum(oldest);
	nulls[4] = nulls[6] = nulls[7] = !listed;
	nulls[8] = oldest == 0;
	values[9] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&journal->written_at));
	nulls[9] = pg_atomic_read_u64(&journal->written_at) == 0;
	nulls[10] = nulls[11] = !journal_last_error(error, sizeof(error), &error_at);
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(shared_text(error));
	values[11] = TimestampTzGetDatum(error_at);
	values[12] = count(&journal->flush_failures);
	values[13] = count(&journal->lost_files);
	values[14] = count(&journal->drained);
	values[15] = count(&journal->known);
	values[16] = count(&journal->expired);
	values[17] = count(&journal->torn);
	values[18] = Int64GetDatum(pieces);
	values[19] = CStringGetTextDatum(syncs[settings->sync]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* ---- records ---- */

Datum
fraud_journal_import(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	SegmentScan scan = {.bytes = VARDATA_ANY(bytes),.len = VARSIZE_ANY_EXHDR(bytes),.whole = true};
	SegmentRecord record;
	SegmentStep step;
	JournalSession session;
	JournalRows rows;
	int64		refused = 0;
	int64		skipped = 0;
	const char *why = "";

	PreventCommandIfReadOnly("fraud_journal_import()");
	PreventCommandDuringRecovery("fraud_journal_import()");
	/* what others have closed or added must be seen */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("fraud_journal_import() needs a transaction that is READ COMMITTED")));
	journal_begin(schema, &session);
	(void) journal_lock(schema, true);
	journal_rows_begin(&rows, schema);
	for (;;)
	{
		size_t		before = scan.at;

		CHECK_FOR_INTERRUPTS();
		step = segment_next(&scan, &record);
		if (step == SEGMENT_END)
			break;
		if (step != SEGMENT_RECORD)
			skipped += scan.at - before;
		else if (journal_rows_add(&rows, &record, true, &why) == ROW_REFUSED)
			refused++;
	}
	journal_rows_end(&rows);
	journal_end(&session);
	if (rows.known > 0 || rows.expired > 0)
		ereport(NOTICE,
				(errmsg("records that were there already: " INT64_FORMAT ", older than journal.retention: " INT64_FORMAT,
						rows.known, rows.expired)));
	if (skipped > 0)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("bytes that are no records, and were left out: " INT64_FORMAT, skipped)));
	if (refused > 0)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("records that could not be added: " INT64_FORMAT, refused),
				 errdetail("The last one: %s", why)));
	PG_RETURN_INT64(rows.added);
}

/* Can the id stand in JSON only as it is? Then records without it need not be read. */
static bool
is_plain(const char *id)
{
	return id[0] != '\0' &&
		strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-") == strlen(id);
}

static bool
has_bytes(const SegmentRecord *record, const char *bytes, size_t len)
{
	const char *p = record->payload;
	const char *end = record->payload + record->len;

	while ((size_t) (end - p) >= len && (p = memchr(p, bytes[0], end - p - len + 1)) != NULL)
	{
		if (memcmp(p, bytes, len) == 0)
			return true;
		p++;
	}
	return false;
}

static bool
is_of(Jsonb *json, const char *id)
{
	JsonbValue	buffer;
	JsonbValue *v;

	if (!JB_ROOT_IS_OBJECT(json))
		return false;
	v = getKeyJsonValueFromContainer(&json->root, "txn_id", 6, &buffer);
	if (v == NULL)
		return false;
	if (v->type == jbvNumeric)
		return strcmp(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric))), id) == 0;
	return v->type == jbvString && v->val.string.len == (int) strlen(id) &&
		memcmp(v->val.string.val, id, v->val.string.len) == 0;
}

static void
look_at(ReturnSetInfo *rsinfo, const SegmentRecord *record, const char *id, bool plain)
{
	Datum		values[LOOKUP_COLUMNS];
	bool		nulls[LOOKUP_COLUMNS] = {false};
	char		text[SEGMENT_ID_LEN + 1];
	Datum		payload;

	if ((plain && !has_bytes(record, id, strlen(id))) || !journal_payload(record, &payload) ||
		!is_of(DatumGetJsonbP(payload), id))
		return;
	segment_id_text(record->start, record->sequence, text);
	values[0] = CStringGetTextDatum(text);
	values[1] = text_from(record->node, record->node_len);
	values[2] = TimestampTzGetDatum(record->written);
	values[3] = payload;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Records of a transaction that wait to become rows. */
Datum
fraud_journal_lookup(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		plain = is_plain(id);
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	char	   *buffer = palloc(WINDOW);
	JournalSession session;
	JournalFile *files;
	JournalProgress *progress;
	int			n;

	shmem_required();
	InitMaterializedSRF(fcinfo, 0);
	list_or_nothing(&files, &n);
	journal_begin(schema, &session);
	progress = journal_progress(schema, files, n);
	for (int i = 0; i < n; i++)
	{
		int64		at = progress[i].drained;

		while (!progress[i].done && at < files[i].bytes)
		{
			ssize_t		len = journal_read_at(files[i].name, at, buffer, (size_t) Min(files[i].bytes - at, WINDOW));
			SegmentScan scan = {.bytes = buffer,.len = Max(len, 0),.whole = at + len >= files[i].bytes};
			SegmentRecord record;
			SegmentStep step;

			if (len <= 0)
				break;
			CHECK_FOR_INTERRUPTS();
			while ((step = segment_next(&scan, &record)) != SEGMENT_MORE && step != SEGMENT_END)
				if (step == SEGMENT_RECORD)
					look_at(rsinfo, &record, id, plain);
			if (scan.at == 0)
				break;			/* it was cut off meanwhile */
			at += scan.at;
		}
	}
	journal_end(&session);
	return (Datum) 0;
}
