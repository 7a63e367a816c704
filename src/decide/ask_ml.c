/*-------------------------------------------------------------------------
 *
 * ask_ml.c
 *	  What the ML service says to a decision: brought by the caller, asked
 *	  through a function, or remembered from an earlier one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "circuit/circuit_sql.h"
#include "circuit/guarded_call.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"
#include "decide/deciding.h"
#include "ml/verdict_json.h"
#include "score/features_json.h"

static Circuit *
ml_circuit(bool make)
{
	int			len = (int) strlen(SERVICE_CIRCUIT);

	return make ? circuit_find_or_make(SERVICE_CIRCUIT, len) : circuit_find(SERVICE_CIRCUIT, len);
}

/* ---- brought ---- */

void
ml_take(Deciding *d)
{
	const Brought *brought = &d->brought;
	Circuit    *c = ml_circuit(false);
	MlReport	report = {
		.body = brought->ml != (Datum) 0,
		.has_status = brought->has_status,
		.status = brought->status,
		.error = brought->error,
		.ticket = brought->has_ticket,
		.latency = brought->latency,
		.timeout = c != NULL ? (int64) pg_atomic_read_u64(&c->timeout) : 0
	};

	if (report.body)
		report.problem = verdict_read(brought->ml, d->ml, d->call->policy, &d->verdict);
	ml_judge(&report, &d->judged);
	d->has_verdict = d->judged.outcome == ML_SUCCESS;
	/* what it is for lack of a call, ml_absence() knows better */
	if (d->judged.outcome == ML_NOTHING)
		d->judged.why[0] = '\0';
}

/*
 * A call that nobody had a ticket for. Where its circuit tries, it is one of
 * the trials, if there is one to be had: callers without tickets would never
 * close it otherwise.
 */
static void
report_evidence(Circuit *c, CallEnd *end)
{
	uint64		word = pg_atomic_read_u64(&c->word);
	bool		tries = WORD_STATE(word) == CIRCUIT_HALF_OPEN ||
		(WORD_STATE(word) == CIRCUIT_OPEN && clock_now() >= (int64) pg_atomic_read_u64(&c->until));
	Admission	why;
	int64		ticket;

	if (tries && traffic_admit(c, &ticket, &why))
		(void) traffic_finish(ticket, end);
	else
		(void) traffic_evidence(c, end);
}

void
ml_report(const Deciding *d, bool again)
{
	CallEnd		end = {.kind = d->judged.kind, .latency = d->brought.latency};
	Circuit    *c;

	switch (d->judged.outcome)
	{
		case ML_NOTHING:
			return;
		case ML_SUCCESS:
			end.result = CALL_SUCCESS;
			break;
		case ML_FAILURE:
			end.result = CALL_FAILURE;
			end.error = d->judged.why;
			break;
		case ML_IGNORED:
			end.result = CALL_IGNORE;
			break;
	}
	if (d->brought.has_ticket)
		(void) traffic_finish(d->brought.ticket, &end);
	else if (!again && end.result != CALL_IGNORE && (c = ml_circuit(true)) != NULL)
		report_evidence(c, &end);
}

/* ---- asked ---- */

/* An answer of the function is worth what its verdict is. */
static bool
is_verdict(Datum value, void *arg, const char **kind)
{
	Deciding   *d = arg;
	const char *problem = verdict_read(value, d->ml, d->call->policy, &d->verdict);

	if (problem == NULL)
		return true;
	*kind = "bad answer";
	snprintf(d->judged.why, sizeof(d->judged.why), "ML answered badly: %s", problem);
	return false;
}

Datum
ml_features(const Deciding *d)
{
	StringInfoData json;

	initStringInfo(&json);
	features_json(&d->call->txn, &d->call->features, &json);
	appendStringInfoChar(&json, '\0');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
ask(Deciding *d, Circuit *c, Oid function)
{
	GuardedRequest request = {
		.function = function,
		.arg = ml_features(d),
		.timeout = d->ml->timeout,
		.attempts = d->ml->attempts,
		.quiet = true,
		.judge = is_verdict,
		.judge_arg = d
	};
	GuardedAnswer answer;

	d->judged.why[0] = '\0';
	switch (guarded_call(c, &request, &answer))
	{
		case GUARDED_ANSWER:
			d->judged.outcome = ML_SUCCESS;
			d->has_verdict = true;
			d->brought.ml = answer.value;
			d->brought.latency = answer.latency;
			return;
		case GUARDED_REFUSED:
			d->refused = circuit_refusal_text(c->name, answer.why);
			return;
		case GUARDED_FAILED:
			d->judged.outcome = ML_FAILURE;
			break;
		case GUARDED_IGNORED:
			d->judged.outcome = ML_IGNORED;
			break;
	}
	strlcpy(d->judged.kind, answer.kind, sizeof(d->judged.kind));
	if (d->judged.why[0] == '\0')
		snprintf(d->judged.why, sizeof(d->judged.why), "ML failed: %s", answer.kind);
}

void
ml_ask(Deciding *d)
{
	const char *why;
	Circuit    *c;
	Oid			function;

	if (d->judged.outcome != ML_NOTHING || d->ml->function[0] == '\0' || IsInParallelMode() ||
		!service_ml_allowed(clock_now()))
		return;
	function = guarded_function(d->ml->function, &why);
	if (!OidIsValid(function))
	{
		strlcpy(d->judged.why, why, sizeof(d->judged.why));
		return;
	}
	c = ml_circuit(true);
	if (c == NULL || !rules_all(d) || is_low_risk(d))
		return;
	ask(d, c, function);
}

/* ---- remembered ---- */

void
ml_look_in_cache(Deciding *d)
{
	KeptAnswer *earlier;
	int64		age;

	if (d->ml->on_open != ON_OPEN_CACHED || d->has_verdict)
		return;
	earlier = palloc(sizeof(KeptAnswer));
	if (!decisions_verdict(&d->kept, earlier, &age) || age > d->ml->cache_stale_ttl)
		return;
	d->cached = answer_read(d->desc, earlier->bytes, earlier->len, &d->verdict);
	d->verdict_age = age;
}

/* ---- absent ---- */

const char *
ml_absence(const Deciding *d)
{
	if (d->judged.why[0] != '\0')
		return d->judged.why;
	if (d->refused != NULL)
		return d->refused;
	if (d->now.tier >= TIER_DEGRADED)
		return tier_why(d);
	return "no ML verdict was given";
}

bool
ml_is_down(const Deciding *d)
{
	return (d->now.only_ml && !d->now.recovering) || d->refused != NULL || d->judged.outcome == ML_FAILURE;
}

int64
ml_retry_after(void)
{
	Circuit    *c = ml_circuit(false);
	int64		wait;

	if (c == NULL)
		return 0;
	circuit_lock_shared(c);
	wait = machine_retry_after(&c->machine, &c->config, clock_now());
	circuit_unlock_shared(c);
	return wait;
}
