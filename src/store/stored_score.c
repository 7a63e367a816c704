/*-------------------------------------------------------------------------
 *
 * stored_score.c
 *	  Scoring with the stored histories of customer, address and merchant:
 *	  fraud_score(txn), fraud_explain(txn), fraud_features(txn); and
 *	  fraud_profile_of().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "profile/profile_type.h"
#include "store/histories.h"
#include "store/lookup.h"

static bool
stored_run(FunctionCallInfo fcinfo, ScoreCall *call, bool decide, bool explain)
{
	if (PG_ARGISNULL(0))
		return false;
	call->policy = policy_active();
	txn_read(&call->reader, PG_GETARG_DATUM(0), call->policy, &call->txn);
	(void) stored_histories(call, store_schema(fcinfo->flinfo->fn_oid), 0);
	score_histories(call, decide, explain);
	return true;
}

PG_FUNCTION_INFO_V1(fraud_score_stored);
Datum
fraud_score_stored(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call_kept(fcinfo, 0, TXN_FOR_DECISION);

	if (!stored_run(fcinfo, call, true, false))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(score_answer(fcinfo, call));
}

PG_FUNCTION_INFO_V1(fraud_explain_stored);
Datum
fraud_explain_stored(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call_kept(fcinfo, 0, TXN_FOR_DECISION);

	InitMaterializedSRF(fcinfo, 0);
	if (stored_run(fcinfo, call, true, true))
		explain_answer(fcinfo, call);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(fraud_features_stored);
Datum
fraud_features_stored(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call_kept(fcinfo, 0, TXN_FOR_DECISION);

	if (!stored_run(fcinfo, call, false, false))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(features_answer(fcinfo, call));
}

/* ---- fraud_profile_of(entity, key) ---- */

PG_FUNCTION_INFO_V1(fraud_profile_of);
Datum
fraud_profile_of(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text	   *text_key = PG_GETARG_TEXT_PP(1);
	RuleHistory entity = store_entity(name);
	ProfileState *state = palloc(sizeof(ProfileState));
	StoredHistory history;
	StoreReader reader;
	StoreKey	key;
	LookupResult result;

	if (entity == HISTORY_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown entity \"%s\"", name),
				 errhint("Entities are customer, ip and merchant.")));
	if (!store_key_of_argument(entity, text_key, &key))
		PG_RETURN_NULL();
	profile_init(state, 0);
	if (!store_reader_open(&reader, store_schema(fcinfo->flinfo->fn_oid)))
	{
		state->unavailable = true;
		PG_RETURN_DATUM(profile_to_datum(state));
	}
	history.state = state;
	result = store_lookup(&reader, &key, &history);
	store_reader_close(&reader);
	if (result == LOOKUP_NONE)
		PG_RETURN_NULL();
	if (result == LOOKUP_UNREADABLE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored history of %s \"%s\" is damaged", name, key.text),
				 errhint("Run fraud_rebuild() for the table and this key.")));
	PG_RETURN_DATUM(profile_to_datum(state));
}
