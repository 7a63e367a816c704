/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  fraud_decide(): one transaction, one decision, every time.
 *
 * The way of a decision: what the caller brings of ML is judged and its
 * circuit told; an answer of the last ten minutes is given again; else the
 * attempt counts in shared memory, tier and rules make an answer, the journal
 * gets a record, and the answer is remembered. No table is written and no lock
 * of anybody is waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "circuit/circuit_sql.h"
#include "core/clock.h"
#include "core/compat.h"
#include "decide/deciding.h"
#include "decide/record.h"
#include "journal/journal_files.h"

/* Reason and detail, as they stand now, into the answer. */
static void
finish_words(Deciding *d)
{
	d->answer.reason = d->reason.data;
	d->answer.detail = d->detail.len > 0 ? psprintf("{%s}", d->detail.data) : NULL;
}

/* During maintenance nothing is attempted: the caller is told to come again. */
static void
count_attempt(Deciding *d)
{
	Event		event;

	if (!d->customer || d->now.tier == TIER_MAINTENANCE)
		return;
	if (txn_event(&d->call->txn, &event))
	{
		attempts_add(&d->key, &event, &d->seen);
		d->counted = d->seen.remembered;
	}
	else
		attempts_read(&d->key, &d->seen);
}

/* What we block ourselves was attempted but not spent; what our outage blocks is nobody's doing. */
static void
mark_attempt(const Deciding *d)
{
	if (!d->counted || d->answer.level != LEVEL_HIGH)
		return;
	(void) attempts_mark(&d->key, d->call->txn.identity,
						 d->answer.tier >= TIER_MINIMAL ? ATTEMPT_FAILED : ATTEMPT_BLOCKED);
}

/* ---- recording ---- */

static void
say_supersedes(Deciding *d, const KeptAnswer *earlier, char *id)
{
	static const uint8 none[KEPT_RECORD];
	JournalRecordId record;

	if (memcmp(earlier->record, none, KEPT_RECORD) == 0)
		return;
	memcpy(&record, earlier->record, sizeof(record));
	segment_id_text(record.start, record.sequence, id);
	appendStringInfo(&d->detail, "%s\"supersedes\": \"%s\"", SAY_NEXT(&d->detail, ", "), id);
}

/* What cannot be recorded is said, and where the journal is to be complete, blocked. */
static void
not_recorded(Deciding *d)
{
	appendStringInfo(&d->detail, "%s\"journalled\": false", SAY_NEXT(&d->detail, ", "));
	if (journal_settings()->on_full == JOURNAL_BLOCK_HIGH_RISK && d->answer.level == LEVEL_MEDIUM)
	{
		answer_raise(&d->answer, d->call->policy, LEVEL_HIGH);
		answer_add_factor(&d->answer, "journal_full");
		decide_say(d, "it cannot be recorded, and journal.on_full is block_high_risk");
	}
	finish_words(d);
}

static void
write_record(Deciding *d, const char *supersedes, uint8 *kept_record)
{
	Record		record = {
		.txn_type = d->call->reader.type,
		.txn_null = d->null_txn,
		.txn = d->txn,
		.reader = &d->call->reader,
		.policy = d->call->policy,
		.read = &d->call->txn,
		.answer = &d->answer,
		.call = d->run == RUN_NONE ? NULL : d->call,
		.features = d->run == RUN_ALL,
		.ml = d->brought.ml,
		.has_ml_status = d->brought.has_status,
		.ml_status = d->brought.status,
		.ml_latency = d->brought.latency,
		.supersedes = supersedes,
		.queued = d->answer.tier >= TIER_EMERGENCY
	};
	JournalRecordId id;
	StringInfoData payload;

	StaticAssertStmt(sizeof(id) <= KEPT_RECORD, "the id of a record is kept with its answer");
	initStringInfo(&payload);
	record_write(&record, &payload);
	if (journal_append(payload.data, payload.len, &id) == JOURNAL_WRITTEN)
		memcpy(kept_record, &id, sizeof(id));
	else
		not_recorded(d);
}

/* ---- deciding ---- */

Datum
decide(Deciding *d)
{
	KeptAnswer	earlier = {0};
	KeptClaim	found = CLAIM_FIRST;
	char		superseded[SEGMENT_ID_LEN + 1] = "";
	uint8		record[KEPT_RECORD] = {0};
	Datum		row;

	d->claim.token = 0;
	ml_take(d);
	if (d->known)
	{
		ml_look_in_cache(d);
		found = decisions_claim(&d->kept, d->has_verdict, &d->claim, &d->reused, &earlier);
	}
	if (found == CLAIM_REPEAT && (row = answer_repeat(d->desc, earlier.bytes, earlier.len)) != (Datum) 0)
	{
		ml_report(d, true);
		return row;
	}
	ml_report(d, found == CLAIM_BUSY);

	deciding_identify(d);
	count_attempt(d);
	ml_ask(d);
	combine(d);
	if (found == CLAIM_SUPERSEDES)
		say_supersedes(d, &earlier, superseded);
	finish_words(d);
	/* the session that has the claim counts and records it */
	if (found == CLAIM_BUSY)
	{
		mark_attempt(d);
		return answer_datum(d->desc, &d->answer);
	}

	write_record(d, superseded[0] != '\0' ? superseded : NULL, record);
	/* behind the record, for lack of which it may be blocked */
	mark_attempt(d);
	service_count_decision(d->answer.tier);
	row = answer_datum(d->desc, &d->answer);
	if (d->known)
	{
		KeptPut		put;

		decisions_put(&d->claim, DatumGetPointer(row), HeapTupleHeaderGetDatumLength(DatumGetHeapTupleHeader(row)),
					  d->has_verdict, record, &put);
	}
	return row;
}

/* ---- SQL ---- */

/* fraud_decide(txn, ml, ml_status, ml_latency, ticket, ml_error) */
PG_FUNCTION_INFO_V1(fraud_decide);
Datum
fraud_decide(PG_FUNCTION_ARGS)
{
	Deciding	d = {0};

	service_ready();
	d.call = score_call_kept(fcinfo, 0, TXN_FOR_DECISION);
	score_result_desc(fcinfo, d.call, DECISION_COLUMNS);
	d.null_txn = PG_ARGISNULL(0);
	if (!d.null_txn)
		d.txn = PG_GETARG_DATUM(0);
	d.brought.ml = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);
	d.brought.has_status = !PG_ARGISNULL(2);
	if (d.brought.has_status)
		d.brought.status = PG_GETARG_INT32(2);
	d.brought.latency = PG_ARGISNULL(3) ? -1 : circuit_interval(PG_GETARG_INTERVAL_P(3));
	d.brought.has_ticket = !PG_ARGISNULL(4);
	if (d.brought.has_ticket)
		d.brought.ticket = PG_GETARG_INT64(4);
	d.brought.error = PG_ARGISNULL(5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(5));
	deciding_begin(&d, fcinfo, d.call->desc);
	PG_RETURN_DATUM(decide(&d));
}
