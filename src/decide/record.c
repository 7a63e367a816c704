/*-------------------------------------------------------------------------
 *
 * record.c
 *	  The payload of a decision's record; see record.h.
 *
 * Written straight into one buffer, the transaction last, with what room is
 * left. Every part has a bound, measured in UTF-8, and what goes beyond is
 * left out: the bounds add up to less than RECORD_MAX.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "config/config_file.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/json_put.h"
#include "decide/record.h"
#include "journal/field_hash.h"
#include "journal/journal_files.h"
#include "score/features_json.h"

/* An ordinary record fits. */
#define USUAL_SIZE			6000

#define DECISION_MAX		24000
#define RULES_MAX			16000

StaticAssertDecl(RECORD_MAX < JOURNAL_PAYLOAD_MAX, "a record must fit into the journal");

/* ---- who asks ---- */

static void
put_name(StringInfo out, const char *member, const char *name)
{
	put_bytes(out, member, (int) strlen(member));
	if (name == NULL)
		PUT(out, "null");
	else
		put_text(out, name, strlen(name));
}

/* Database, role and application, which hardly ever change in a session. */
static void
put_session(StringInfo out)
{
	static StringInfoData kept = {NULL, 0, 0, 0};
	static Oid	user = InvalidOid;
	static char application[NAMEDATALEN] = "";
	const char *name = application_name != NULL ? application_name : "";

	if (user != GetSessionUserId() || strncmp(application, name, NAMEDATALEN - 1) != 0)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		user = InvalidOid;		/* in case of an error below */
		if (kept.data == NULL)
			initStringInfo(&kept);
		resetStringInfo(&kept);
		MemoryContextSwitchTo(old);
		strlcpy(application, name, NAMEDATALEN);
		put_name(&kept, ",\"database\":", get_database_name(MyDatabaseId));
		put_name(&kept, ",\"role\":", events_who());
		put_name(&kept, ",\"application_name\":", application);
		user = GetSessionUserId();
	}
	put_bytes(out, kept.data, kept.len);
}

/* ---- which transaction ---- */

#define ID_SIZE				(RECORD_TXN_ID_MAX + 1)

/* Its id as JSON. */
static void
id_text(const Record *record, char id[ID_SIZE])
{
	const TxnText *text = &record->read->txn_id;
	JournalFieldRule rule = record_txn_id_rule(record);
	StringInfoData out;

	strcpy(id, "null");
	if (text->len == 0 || rule == JOURNAL_FIELD_DROP)
		return;
	if (rule == JOURNAL_FIELD_KEEP && text->len <= RECORD_TXN_ID_MAX)
	{
		initStringInfo(&out);
		put_utf8(&out, text->p, text->len);
		put_end(&out);
		if (out.len <= RECORD_TXN_ID_MAX)
		{
			memcpy(id, out.data, out.len + 1);
			return;
		}
	}
	if (field_hash(text->p, text->len, id + 1))
	{
		id[0] = '"';
		strcpy(id + 1 + FIELD_HASH_LEN, "\"");
	}
	else
		strcpy(id, "null");
}

/* ---- the answer ---- */

static void
put_decision(const Record *record, const char *id, StringInfo out)
{
	const Answer *answer = record->answer;
	int			from = out->len;
	Answer		part;

	answer_put(answer, id, out);
	if (out->len - from <= DECISION_MAX)
		return;

	/* a verdict of many strange words, or a detail that nobody bounded */
	part = *answer;
	part.nfactors = Min(part.nfactors, 32);
	part.detail = "{\"omitted\":true}";
	if (part.reason != NULL)
		part.reason = pnstrdup(part.reason, pg_mbcliplen(part.reason, (int) strlen(part.reason), 500));
	out->len = from;
	answer_put(&part, id, out);
}

static void
put_rules(const ScoreCall *call, bool reasons, StringInfo out)
{
	const Decision *decision = &call->decision;
	char		before = '{';

	for (int i = 0; i < decision->nresults; i++)
	{
		const RuleResult *result = &decision->results[i];
		const char *name;

		if (result->status == RULE_OFF)
			continue;
		put_char(out, before);
		before = ',';
		/* names of rules are of letters, digits and _ */
		name = result_name(call->policy, i);
		put_char(out, '"');
		put_bytes(out, name, (int) strlen(name));
		PUT(out, "\":{\"status\":\"");
		name = rule_status_names[result->status];
		put_bytes(out, name, (int) strlen(name));
		PUT(out, "\",\"points\":");
		put_int(out, result->points);
		if (isfinite(result->value))
		{
			PUT(out, ",\"value\":");
			put_double(out, result->value);
		}
		if (isfinite(result->threshold))
		{
			PUT(out, ",\"threshold\":");
			put_double(out, result->threshold);
		}
		if (reasons && result->reason[0] != '\0')
		{
			PUT(out, ",\"reason\":");
			put_utf8(out, result->reason, strlen(result->reason));
		}
		put_char(out, '}');
	}
	if (before == '{')
		put_char(out, '{');
	put_char(out, '}');
}

static void
put_ml(Datum ml, StringInfo out)
{
	Size		size = toast_raw_datum_size(ml) - VARHDRSZ;
	int			from = out->len;

	/* text is no shorter than a quarter of it; so it is not unpacked for nothing */
	if (size <= 4 * RECORD_ML_MAX)
	{
		Jsonb	   *json = DatumGetJsonbP(ml);

		JsonbToCString(out, &json->root, (int) size);
		put_json_to_utf8(out, from);
		if (out->len - from <= RECORD_ML_MAX)
			return;
		out->len = from;
	}
	PUT(out, "{\"omitted\":");
	put_int(out, (int64) size);
	put_char(out, '}');
}

void
record_write(const Record *record, StringInfo payload)
{
	const Answer *answer = record->answer;
	char		id[ID_SIZE + 2];
	char		hash[CONFIG_HASH_CHARS + 1];
	int			from;

	resetStringInfo(payload);
	put_room(payload, USUAL_SIZE);
	PUT(payload, "{\"decided_at\":");
	put_time(payload, answer->decided_at);
	put_session(payload);
	id_text(record, id);
	PUT(payload, ",\"txn_id\":");
	put_bytes(payload, id, (int) strlen(id));
	PUT(payload, ",\"decision\":");
	put_decision(record, id, payload);
	PUT(payload, ",\"policy_hash\":\"");
	config_hash_text(answer->policy_hash, hash);
	put_bytes(payload, hash, CONFIG_HASH_CHARS);
	PUT(payload, "\",\"queued\":");
	put_bool(payload, record->queued);
	if (record->supersedes != NULL)
	{
		PUT(payload, ",\"supersedes\":");
		put_text(payload, record->supersedes, strnlen(record->supersedes, SEGMENT_ID_LEN));
	}
	if (record->has_ml_status)
	{
		PUT(payload, ",\"ml_status\":");
		put_int(payload, record->ml_status);
	}
	if (record->ml_latency >= 0)
	{
		PUT(payload, ",\"ml_latency\":");
		put_interval(payload, record->ml_latency);
	}
	if (record->ml != (Datum) 0)
	{
		PUT(payload, ",\"ml\":");
		put_ml(record->ml, payload);
	}
	if (record->call != NULL)
	{
		if (record->features)
		{
			PUT(payload, ",\"features\":");
			features_json(record->read, &record->call->features, payload);
		}
		PUT(payload, ",\"rules\":");
		from = payload->len;
		put_rules(record->call, true, payload);
		if (payload->len - from > RULES_MAX)
		{
			payload->len = from;
			put_rules(record->call, false, payload);
		}
	}
	PUT(payload, ",\"txn\":");
	record_put_txn(record, RECORD_MAX - payload->len - 1, payload);
	put_char(payload, '}');
	put_end(payload);
	Assert(payload->len <= RECORD_MAX);
}
