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
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "profile/profile_type.h"
#include "score/score_call.h"
#include "store/lookup.h"

static const char *const entity_words[LAST_ENTITY + 1] = {
	[HISTORY_CUSTOMER] = "customer", [HISTORY_IP] = "address", [HISTORY_MERCHANT] = "merchant"
};

/* Adds a remark to what will stand in the reason. */
static void
add_remark(StringInfo remarks, const char *fmt, const char *what)
{
	if (remarks->data == NULL)
		initStringInfo(remarks);
	if (remarks->len > 0)
		appendStringInfoString(remarks, "; ");
	appendStringInfo(remarks, fmt, what);
}

/* The history of one entity, as far as the transaction says whose. */
static void
read_history(ScoreCall *call, StoreReader *reader, RuleHistory e, StringInfo remarks)
{
	Histories  *h = &call->histories;
	StoredHistory history;
	StoreKey	key;

	h->use[e] = HISTORY_USABLE;
	h->state[e] = NULL;
	if (!store_key_of_txn(&call->txn, e, &key))
	{
		if (e == HISTORY_CUSTOMER && (call->txn.columns & COL_BIT(COL_CUSTOMER_ID)) != 0)
			h->use[e] = HISTORY_NO_KEY;
		return;
	}
	history.state = &call->states[e];
	switch (store_lookup(reader, &key, &history))
	{
		case LOOKUP_NONE:
			return;
		case LOOKUP_UNREADABLE:
			h->use[e] = HISTORY_UNAVAILABLE;
			add_remark(remarks, "stored history of the %s is damaged", entity_words[e]);
			return;
		case LOOKUP_FOUND:
			break;
	}
	h->state[e] = history.state;
	h->other_basis |= history.other_basis || history.state->basis != call->policy->basis_hash;
	if (history.stale)
		add_remark(remarks, "history of the %s is stale", entity_words[e]);
	if (history.partial)
		add_remark(remarks, "history of the %s is incomplete: it has more changes than a look-up reads", entity_words[e]);
}

static void
no_store(Histories *h)
{
	int			e;

	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
	{
		h->use[e] = HISTORY_UNAVAILABLE;
		h->state[e] = NULL;
	}
}

/* Fills call->histories. Waits for nothing. */
static void
stored_histories(ScoreCall *call, Oid schema)
{
	Histories  *h = &call->histories;
	StringInfoData remarks = {0};
	StoreReader reader;
	StoreContent content;
	int			e;

	memset(h, 0, sizeof(*h));
	if (!store_reader_open(&reader, schema))
	{
		no_store(h);
		h->remark = "store unavailable: it is locked";
		return;
	}
	store_content(&reader, &content);
	if (!content.attached && !content.remembered)
	{
		no_store(h);
		add_remark(&remarks, "store unavailable: %s", "no table is attached and nothing was learned");
	}
	else
		for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
			read_history(call, &reader, (RuleHistory) e, &remarks);
	if (content.filling)
		add_remark(&remarks, "%s", "history is still being filled from an attached table");
	store_reader_close(&reader);
	h->remark = remarks.data;
}

static bool
stored_run(FunctionCallInfo fcinfo, ScoreCall *call, bool decide, bool explain)
{
	if (PG_ARGISNULL(0))
		return false;
	call->policy = policy_active();
	txn_read(&call->reader, PG_GETARG_DATUM(0), call->policy, &call->txn);
	stored_histories(call, store_schema(fcinfo->flinfo->fn_oid));
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
	if (!store_key_of_text(entity, VARDATA_ANY(text_key), (int) VARSIZE_ANY_EXHDR(text_key), &key))
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
