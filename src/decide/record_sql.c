/*-------------------------------------------------------------------------
 *
 * record_sql.c
 *	  SQL for tests: the payload of a record, without a decision.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "decide/record.h"

/* What a test says of the decision beside the rules' own, by the names of its members. */
static bool
find(Jsonb *more, const char *name, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&more->root, name, (int) strlen(name), value) != NULL &&
		value->type != jbvNull;
}

static const char *
text_of(Jsonb *more, const char *name)
{
	JsonbValue	value;

	if (!find(more, name, &value))
		return NULL;
	if (value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	return JsonbToCString(NULL, &JsonbValueToJsonb(&value)->root, 0);
}

static int64
number_of(Jsonb *more, const char *name, int64 otherwise)
{
	JsonbValue	value;

	if (!find(more, name, &value) || value.type != jbvNumeric)
		return otherwise;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
}

static void
make_answer(const ScoreCall *call, Jsonb *more, Answer *answer)
{
	const Decision *decision = &call->decision;
	int64		extra = number_of(more, "factors", 0);

	memset(answer, 0, sizeof(*answer));
	answer->txn_id = call->txn.txn_id;
	answer->score = decision->score;
	answer->level = decision->level;
	for (int i = 0; i < decision->nfactors; i++)
		answer->factors[answer->nfactors++] = result_name(call->policy, decision->factors[i]);
	for (; extra > 0 && answer->nfactors < ANSWER_FACTORS_MAX; extra--)
		answer->factors[answer->nfactors++] = text_of(more, "factor");
	answer->source = (AnswerSource) number_of(more, "source", SOURCE_RULES);
	answer->tier = (Tier) number_of(more, "tier", TIER_DEGRADED);
	answer->degraded = true;
	answer->coverage = decision->coverage;
	answer->policy_hash = call->policy->hash;
	answer->reason = text_of(more, "reason");
	answer->retry_after = number_of(more, "retry_after", 0);
	answer->decided_at = (TimestampTz) number_of(more, "decided_at", clock_wall());
	answer->detail = text_of(more, "detail");
}

/*
 * fraud_test_record(txn, more): writes it `times` times, each as if it were
 * the first in its memory.
 */
PG_FUNCTION_INFO_V1(fraud_test_record);
Datum
fraud_test_record(PG_FUNCTION_ARGS)
{
	Record		record = {.txn_type = get_fn_expr_argtype(fcinfo->flinfo, 0)};
	ScoreCall  *call = score_call(fcinfo, 0, TXN_FOR_DECISION);
	Jsonb	   *more = PG_GETARG_JSONB_P(1);
	int64		times = number_of(more, "times", 1);
	MemoryContext context;
	MemoryContext old;
	StringInfoData payload;
	JsonbValue	ml;
	Answer		answer;

	clock_require_test_mode("use functions of tests");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	call->policy = policy_arg(fcinfo, 2, &call->policy_arg);
	txn_read(&call->reader, PG_GETARG_DATUM(0), call->policy, &call->txn);
	memset(&call->histories, 0, sizeof(call->histories));
	call->histories.use[HISTORY_IP] = call->histories.use[HISTORY_MERCHANT] = HISTORY_UNAVAILABLE;
	score_histories(call, true, number_of(more, "explain", 0) != 0);
	make_answer(call, more, &answer);

	record.txn = PG_GETARG_DATUM(0);
	record.txn_null = number_of(more, "txn_null", 0) != 0;
	record.reader = &call->reader;
	record.policy = call->policy;
	record.read = &call->txn;
	record.answer = &answer;
	record.call = number_of(more, "rules", 1) != 0 ? call : NULL;
	record.features = number_of(more, "features", 0) != 0;
	if (find(more, "ml", &ml))
		record.ml = JsonbPGetDatum(JsonbValueToJsonb(&ml));
	record.ml_status = (int) number_of(more, "ml_status", 0);
	record.has_ml_status = record.ml_status != 0;
	record.ml_latency = number_of(more, "ml_latency", -1);
	record.supersedes = text_of(more, "supersedes");
	record.queued = number_of(more, "queued", 0) != 0;

	initStringInfo(&payload);
	context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback record test", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	for (int64 i = 0; i < times; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
		record_write(&record, &payload);
	}
	MemoryContextSwitchTo(old);
	PG_RETURN_BYTEA_P((bytea *) cstring_to_text_with_len(payload.data, payload.len));
}
