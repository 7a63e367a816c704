/*-------------------------------------------------------------------------
 *
 * event_table.c
 *	  The table fraud_events: writing it, and keeping what was written.
 *
 * The worker appends with the rights of the table's owner. Triggers refuse
 * UPDATE, DELETE and TRUNCATE to everybody; fraud_events_purge() deletes below
 * the triggers, row by row, and leaves a row that says so. It holds
 * ShareUpdateExclusiveLock on the table, so that two of them do not meet;
 * inserts go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/attempt.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/event_log.h"
#include "core/event_table.h"
#include "core/old_rows.h"
#include "core/shared_text.h"

#define EVENTS_AT			1	/* column */
#define COLUMNS				9

/* Anybody may listen, and notify. */
#define CHANNEL				"fraud_fallback"
#define PAYLOAD_MAX			7999

/* Of the cause, what only those who may read the table see: who did it from where. */
static const char *const not_for_listeners[] = {"pid", "last_failures"};

PG_FUNCTION_INFO_V1(fraud_events_keep);
PG_FUNCTION_INFO_V1(fraud_events_purge);

Oid
event_table(Oid schema)
{
	return get_relname_relid("fraud_events", schema);
}

static Oid
owner_of(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table fraud_events of the extension is missing")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

typedef struct JsonRead
{
	const char *text;
	Datum		value;
} JsonRead;

static void
read_json(void *arg)
{
	JsonRead   *json = arg;

	json->value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json->text));
}

/* The cause; as {"text": ...} where it is no JSON. */
static Datum
cause_of(const char *text)
{
	JsonRead	json = {.text = text};
	StringInfoData quoted;

	/* not JSON, or of a kind jsonb refuses */
	if (attempt(read_json, &json, NULL))
		return json.value;
	initStringInfo(&quoted);
	appendStringInfoString(&quoted, "{\"text\": ");
	escape_json(&quoted, text);
	appendStringInfoChar(&quoted, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(quoted.data));
}

static const char *
cause_for_listeners(Datum cause)
{
	if (JB_ROOT_IS_OBJECT(DatumGetJsonbP(cause)))
		for (int i = 0; i < (int) lengthof(not_for_listeners); i++)
			cause = DirectFunctionCall2(jsonb_delete, cause, CStringGetTextDatum(not_for_listeners[i]));
	return DatumGetCString(DirectFunctionCall1(jsonb_out, cause));
}

static void
append_field(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, ", \"%s\": ", name);
	if (value != NULL)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

/* What listeners get: the row as an object. texts: as in the table, without `at`. */
static void
notify_listeners(TimestampTz at, char *const *texts, const char *cause)
{
	StringInfoData json;
	char		when[MAXDATELEN + 1];
	int			base;

	JsonEncodeDateTime(when, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL);
	initStringInfo(&json);
	appendStringInfo(&json, "{\"at\": \"%s\"", when);
	append_field(&json, "kind", texts[0]);
	append_field(&json, "subject", texts[1]);
	append_field(&json, "from", texts[2]);
	append_field(&json, "to", texts[3]);
	append_field(&json, "who", texts[4]);
	append_field(&json, "node", texts[5]);
	append_field(&json, "message", texts[6]);
	base = json.len;
	appendStringInfo(&json, ", \"cause\": %s}", cause != NULL ? cause : "null");
	if (json.len > PAYLOAD_MAX)
	{
		json.len = base;
		appendStringInfoString(&json, ", \"cause\": null}");
	}
	if (json.len <= PAYLOAD_MAX)
		Async_Notify(CHANNEL, json.data);
}

static char *
text_or_null(const char *text)
{
	return text[0] == '\0' ? NULL : shared_text(text);
}

static void
insert_one(SPIPlanPtr plan, const FraudEvent *event, bool notify)
{
	char	   *texts[7];
	Datum		values[COLUMNS];
	char		nulls[COLUMNS];
	const char *cause = NULL;

	texts[0] = shared_text(event->kind);
	texts[1] = shared_text(event->subject);
	texts[2] = text_or_null(event->from);
	texts[3] = text_or_null(event->to);
	texts[4] = shared_text(event->who);
	texts[5] = shared_text(event_node());
	texts[6] = shared_text(event->message);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = TimestampTzGetDatum(event->at);
	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		values[i + 1] = texts[i] != NULL ? CStringGetTextDatum(texts[i]) : (Datum) 0;
		nulls[i + 1] = texts[i] != NULL ? ' ' : 'n';
	}
	if (event->cause[0] != '\0')
	{
		values[COLUMNS - 1] = cause_of(shared_text(event->cause));
		cause = cause_for_listeners(values[COLUMNS - 1]);
	}
	else
		nulls[COLUMNS - 1] = 'n';
	if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into fraud_events");
	if (notify)
		notify_listeners(event->at, texts, cause);
}

void
event_table_insert(Oid table, const FraudEvent *events, int n, bool notify)
{
	Oid			types[COLUMNS] = {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TEXTOID, TEXTOID, JSONBOID};
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
												  get_rel_name(table));
	SPIPlanPtr	plan;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(owner_of(table),
						   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	plan = SPI_prepare(psprintf("INSERT INTO %s (at, kind, subject, \"from\", \"to\", who, node, message, cause)"
								" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", name), COLUMNS, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the insert into fraud_events");
	for (int i = 0; i < n; i++)
		insert_one(plan, &events[i], notify);
	SPI_finish();
	SetUserIdAndSecContext(user, security);
}

/* ---- SQL ---- */

/* Trigger: what was written stays. */
Datum
fraud_events_keep(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("rows of fraud_events cannot be updated or deleted"),
			 errhint("fraud_events_purge(before) removes old ones.")));
	PG_RETURN_NULL();			/* not reached */
}

Datum
fraud_events_purge(PG_FUNCTION_ARGS)
{
	TimestampTz before = PG_GETARG_TIMESTAMPTZ(0);
	Oid			table = event_table(get_func_namespace(fcinfo->flinfo->fn_oid));
	Relation	rel;
	int64		deleted;

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table fraud_events of the extension is missing")));
	if (!OWNS_RELATION(table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, "fraud_events");
	PreventCommandIfReadOnly("fraud_events_purge()");
	PreventCommandDuringRecovery("fraud_events_purge()");

	rel = table_open(table, ShareUpdateExclusiveLock);
	deleted = old_rows_delete(rel, EVENTS_AT, before);
	table_close(rel, NoLock);
	if (deleted > 0)
	{
		FraudEvent *event = palloc0(sizeof(FraudEvent));
		char		when[MAXDATELEN + 1];

		JsonEncodeDateTime(when, TimestampTzGetDatum(before), TIMESTAMPTZOID, NULL);
		event->at = clock_wall();
		strlcpy(event->kind, "events", sizeof(event->kind));
		strlcpy(event->subject, "purge", sizeof(event->subject));
		strlcpy(event->who, events_who(), sizeof(event->who));
		snprintf(event->message, sizeof(event->message),
				 "events before %s were removed: " INT64_FORMAT, when, deleted);
		snprintf(event->cause, sizeof(event->cause),
				 "{\"before\": \"%s\", \"removed\": " INT64_FORMAT "}", when, deleted);
		event_table_insert(table, event, 1, false);
	}
	PG_RETURN_INT64(deleted);
}
