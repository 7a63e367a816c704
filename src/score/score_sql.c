/*-------------------------------------------------------------------------
 *
 * score_sql.c
 *	  fraud_score(), fraud_explain() and fraud_features() with explicit
 *	  arguments: nothing is read but the arguments and the policy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "policy/policy_active.h"
#include "score/custom.h"
#include "score/score_call.h"

static ScoreCall *
new_call(uint32 wanted, Oid type)
{
	ScoreCall  *call = palloc0(sizeof(ScoreCall));

	txn_reader_init(&call->reader, type, wanted, CurrentMemoryContext);
	call->texts = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback texts",
										ALLOCSET_SMALL_SIZES);
	return call;
}

ScoreCall *
score_call(FunctionCallInfo fcinfo, int argno, uint32 wanted)
{
	MemoryContext old;

	if (fcinfo->flinfo->fn_extra == NULL)
	{
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = new_call(wanted, get_fn_expr_argtype(fcinfo->flinfo, argno));
		MemoryContextSwitchTo(old);
	}
	return fcinfo->flinfo->fn_extra;
}

/*
 * Calls of single rows, a statement each, would bind the row type and write
 * the same texts again for every statement. A few calls are kept for them.
 * Local to the backend; `busy` while a statement has it in fn_extra.
 */
#define KEPT_CALLS	4

typedef struct KeptCall
{
	ScoreCall  *call;			/* NULL: none yet */
	Oid			type;			/* of the transaction */
	bool		busy;
} KeptCall;

static KeptCall kept_calls[KEPT_CALLS];

static void
keep_call(void *arg)
{
	KeptCall   *kept = arg;

	/* what belongs to the statement goes with it */
	custom_forget(kept->call);
	kept->call->desc = NULL;
	kept->call->left_out = 0;	/* an error may have left it */
	kept->busy = false;
}

ScoreCall *
score_call_kept(FunctionCallInfo fcinfo, int argno, uint32 wanted)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argno);
	MemoryContextCallback *callback;
	KeptCall   *kept = NULL;
	int			i;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	for (i = 0; i < KEPT_CALLS && kept == NULL; i++)
		if (!kept_calls[i].busy && (kept_calls[i].call == NULL || kept_calls[i].type == type))
			kept = &kept_calls[i];
	if (kept == NULL)
		return score_call(fcinfo, argno, wanted);

	callback = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(MemoryContextCallback));
	if (kept->call == NULL)
	{
		MemoryContext context = AllocSetContextCreate(TopMemoryContext, "fraud_fallback kept call",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		kept->call = new_call(wanted, type);
		kept->type = type;
		MemoryContextSwitchTo(old);
	}
	Assert(kept->call->reader.wanted == wanted);
	kept->busy = true;
	callback->func = keep_call;
	callback->arg = kept;
	MemoryContextRegisterResetCallback(fcinfo->flinfo->fn_mcxt, callback);
	fcinfo->flinfo->fn_extra = kept->call;
	return kept->call;
}

ScoreCall *
score_call_for_rows(uint32 wanted)
{
	return new_call(wanted, RECORDOID);
}

/* Which history argument `argno` is, and its profile. */
static void
read_history(FunctionCallInfo fcinfo, int argno, RuleHistory which, ScoreCall *call)
{
	Histories  *h = &call->histories;
	struct varlena *image;

	h->use[which] = HISTORY_USABLE;
	h->state[which] = NULL;
	if (argno >= PG_NARGS())
	{
		h->use[which] = HISTORY_UNAVAILABLE;
		return;
	}
	if (PG_ARGISNULL(argno))
	{
		/* looked and found none, unless nobody could know whose to look for */
		if (which == HISTORY_CUSTOMER &&
			(call->txn.columns & ~call->txn.known & COL_BIT(COL_CUSTOMER_ID)))
			h->use[which] = HISTORY_NO_KEY;
		return;
	}
	image = PG_GETARG_VARLENA_P(argno);
	if (VARSIZE(image) >= VARHDRSZ + 4 && profile_image_unavailable((const char *) image))
	{
		h->use[which] = HISTORY_UNAVAILABLE;
		return;
	}
	h->state[which] = profile_read(image, &call->states[which]);
	if (h->state[which]->basis != call->policy->basis_hash)
		h->other_basis = true;
}

void
score_decide(ScoreCall *call, bool explain)
{
	const CustomResult *custom = NULL;

	if (call->policy->custom.n > 0 && (call->left_out & RULES_CUSTOM) == 0)
	{
		custom_evaluate(call, call->custom_results);
		custom = call->custom_results;
	}
	evaluate(&call->txn, &call->features, call->policy, custom, call->left_out, explain,
			 &call->decision);
}

void
score_histories(ScoreCall *call, bool decide, bool explain)
{
	features_compute(&call->txn, &call->histories, call->policy,
					 explain || !decide || call->policy->custom.n > 0, &call->features);
	if (decide)
		score_decide(call, explain);
}

bool
score_run(FunctionCallInfo fcinfo, ScoreCall *call, bool decide, bool explain)
{
	if (PG_ARGISNULL(0))
		return false;
	call->policy = policy_arg(fcinfo, 2, &call->policy_arg);
	txn_read(&call->reader, PG_GETARG_DATUM(0), call->policy, &call->txn);
	if (decide && !explain)
		txn_note_event(&call->reader, PG_GETARG_DATUM(0), call->policy, &call->txn);
	call->histories.other_basis = false;
	call->histories.remark = NULL;
	read_history(fcinfo, 1, HISTORY_CUSTOMER, call);
	read_history(fcinfo, 3, HISTORY_IP, call);
	read_history(fcinfo, 4, HISTORY_MERCHANT, call);
	score_histories(call, decide, explain);
	return true;
}

/* The row type of the result, with the columns this library fills. */
void
score_result_desc(FunctionCallInfo fcinfo, ScoreCall *call, int ncolumns)
{
	MemoryContext old;
	TupleDesc	desc;

	if (call->desc != NULL)
		return;
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("row type of the result does not fit this library"),
				 errhint("Run ALTER EXTENSION fraud_fallback UPDATE.")));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	call->desc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
}

Datum
score_answer(FunctionCallInfo fcinfo, ScoreCall *call)
{
	score_result_desc(fcinfo, call, DECISION_COLUMNS);
	return decision_datum(call);
}

PG_FUNCTION_INFO_V1(fraud_score);
Datum
fraud_score(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call(fcinfo, 0, TXN_FOR_DECISION);

	if (!score_run(fcinfo, call, true, false))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(score_answer(fcinfo, call));
}

/* ---- fraud_explain() ---- */

static Datum
number_or_null(double v, bool *isnull)
{
	*isnull = !isfinite(v);
	return Float8GetDatum(*isnull ? 0 : v);
}

void
explain_answer(FunctionCallInfo fcinfo, ScoreCall *call)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			i;

	for (i = 0; i < call->decision.nresults; i++)
	{
		const RuleResult *r = &call->decision.results[i];
		RuleCategory category = i < NRULES ? rule_defs[i].category : CAT_CUSTOM;
		Datum		values[8];
		bool		nulls[8] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(result_name(call->policy, i));
		values[2] = CStringGetTextDatum(category_names[category]);
		values[3] = CStringGetTextDatum(rule_status_names[r->status]);
		values[4] = Int32GetDatum(r->points);
		values[5] = number_or_null(r->value, &nulls[5]);
		values[6] = number_or_null(r->threshold, &nulls[6]);
		values[7] = CStringGetTextDatum(yaml_message(r->reason));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(fraud_explain);
Datum
fraud_explain(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call(fcinfo, 0, TXN_FOR_DECISION);

	InitMaterializedSRF(fcinfo, 0);
	if (score_run(fcinfo, call, true, true))
		explain_answer(fcinfo, call);
	return (Datum) 0;
}

/* ---- fraud_features() ---- */

Datum
features_answer(FunctionCallInfo fcinfo, ScoreCall *call)
{
	Datum	   *values;
	bool	   *nulls;

	score_result_desc(fcinfo, call, features_ncolumns());
	values = palloc(sizeof(Datum) * call->desc->natts);
	nulls = palloc(sizeof(bool) * call->desc->natts);
	features_values(&call->txn, &call->features, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(call->desc, values, nulls));
}

PG_FUNCTION_INFO_V1(fraud_features);
Datum
fraud_features(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call(fcinfo, 0, TXN_FOR_DECISION);

	if (!score_run(fcinfo, call, false, false))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(features_answer(fcinfo, call));
}
