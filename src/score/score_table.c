/*-------------------------------------------------------------------------
 *
 * score_table.c
 *	  fraud_score_table(): every row of a table as of its own past.
 *
 * PostgreSQL sorts, partitions and spills; two window aggregates do the rest.
 * Their frame ends with the current row, and their result is about that row:
 * the history of an IP comes out as the few numbers that rules need of it, the
 * history of a customer as the decision itself. So no profile is ever formed
 * or sorted.
 *
 * Rows of one entity are taken in the order (occurred_at, identity); a row
 * sees what stands before it. Merchant histories matter only for confirmed
 * frauds, which a table's own rows do not tell, so there is no pass for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "score/score_call.h"

#define FETCH_ROWS	1000

/* The numbers of features.h that come from an IP's history. */
typedef struct IpPart
{
	int32		use;			/* HistoryUse */
	int32		cards;
	int64		attempts_24h;
	double		declined_share;
} IpPart;

/* State of both aggregates: history so far and the row it was asked for. */
typedef struct AsOf
{
	ScoreCall  *call;			/* of the transition function */
	ProfileState profile;
	bool		started;
	bool		current;		/* the current row is not NULL */
	IpPart		ip;
	StringInfoData texts;		/* the current row's ids */
} AsOf;

static MemoryContext
window_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function is for use by fraud_score_table() only")));
	return context;
}

/* Moves the texts of the current row out of the executor's row memory. */
static void
keep_texts(AsOf *state, Txn *txn)
{
	TxnText    *texts[] = {&txn->txn_id, &txn->customer, &txn->card, &txn->merchant, &txn->category};
	int			i;

	resetStringInfo(&state->texts);
	for (i = 0; i < (int) lengthof(texts); i++)
	{
		if (texts[i]->len > 0)
			appendBinaryStringInfo(&state->texts, texts[i]->p, texts[i]->len);
	}
	/* the buffer may have moved while it grew: set the pointers last */
	for (i = 0, state->texts.cursor = 0; i < (int) lengthof(texts); i++)
	{
		texts[i]->p = state->texts.data + state->texts.cursor;
		state->texts.cursor += texts[i]->len;
	}
}

/* Takes the next row into the state: it is the current one until the next. */
static AsOf *
next_row(FunctionCallInfo fcinfo, int policy_argno)
{
	MemoryContext context = window_context(fcinfo);
	AsOf	   *state = PG_ARGISNULL(0) ? NULL : (AsOf *) PG_GETARG_POINTER(0);
	ScoreCall  *call = score_call(fcinfo, 1, TXN_FOR_HISTORY | TXN_FOR_DECISION);
	Event		event;

	if (state == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		state = palloc0(sizeof(AsOf));
		initStringInfo(&state->texts);
		MemoryContextSwitchTo(old);
	}
	state->call = call;
	state->current = !PG_ARGISNULL(1);
	call->policy = policy_arg(fcinfo, policy_argno, &call->policy_arg);
	if (!state->started)
	{
		profile_init(&state->profile, call->policy->basis_hash);
		state->started = true;
	}
	if (state->current)
	{
		txn_read(&call->reader, PG_GETARG_DATUM(1), call->policy, &call->txn);
		keep_texts(state, &call->txn);
		if (txn_event(&call->txn, &event))
			profile_observe(&state->profile, &event);
	}
	return state;
}

static void
no_histories(Histories *h)
{
	memset(h, 0, sizeof(*h));
	h->use[HISTORY_CUSTOMER] = h->use[HISTORY_IP] = h->use[HISTORY_MERCHANT] = HISTORY_UNAVAILABLE;
}

/* ---- an IP's history as of the current row ---- */

PG_FUNCTION_INFO_V1(fraud_ip_asof_accum);
Datum
fraud_ip_asof_accum(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(next_row(fcinfo, 2));
}

PG_FUNCTION_INFO_V1(fraud_ip_asof_final);
Datum
fraud_ip_asof_final(PG_FUNCTION_ARGS)
{
	AsOf	   *state;
	ScoreCall  *call;
	bytea	   *result = palloc(VARHDRSZ + sizeof(IpPart));
	IpPart		part = {0};

	(void) window_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (AsOf *) PG_GETARG_POINTER(0);
	call = state->call;
	if (!state->current || !(call->txn.known & COL_BIT(COL_IP)))
		PG_RETURN_NULL();
	no_histories(&call->histories);
	call->histories.use[HISTORY_IP] = HISTORY_USABLE;
	call->histories.state[HISTORY_IP] = &state->profile;
	features_compute(&call->txn, &call->histories, call->policy, false, &call->features);
	part.use = call->features.use[HISTORY_IP];
	part.cards = call->features.ip_cards;
	part.attempts_24h = call->features.ip_attempts_24h;
	part.declined_share = call->features.ip_declined_share;
	SET_VARSIZE(result, VARHDRSZ + sizeof(IpPart));
	memcpy(VARDATA(result), &part, sizeof(part));
	PG_RETURN_BYTEA_P(result);
}

/* ---- a customer's history as of the current row: the decision ---- */

PG_FUNCTION_INFO_V1(fraud_score_asof_accum);
Datum
fraud_score_asof_accum(PG_FUNCTION_ARGS)
{
	AsOf	   *state = next_row(fcinfo, 3);

	state->ip.use = HISTORY_USABLE;
	state->ip.cards = -1;
	if (!PG_ARGISNULL(2))
	{
		bytea	   *part = PG_GETARG_BYTEA_PP(2);

		if (VARSIZE_ANY_EXHDR(part) == sizeof(IpPart))
			memcpy(&state->ip, VARDATA_ANY(part), sizeof(IpPart));
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(fraud_score_asof_final);
Datum
fraud_score_asof_final(PG_FUNCTION_ARGS)
{
	AsOf	   *state;
	ScoreCall  *call;

	(void) window_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (AsOf *) PG_GETARG_POINTER(0);
	if (!state->current)
		PG_RETURN_NULL();
	call = state->call;

	memset(&call->histories, 0, sizeof(Histories));
	if (call->txn.known & COL_BIT(COL_CUSTOMER_ID))
		call->histories.state[HISTORY_CUSTOMER] = &state->profile;
	else
		call->histories.use[HISTORY_CUSTOMER] = HISTORY_NO_KEY;
	features_compute(&call->txn, &call->histories, call->policy,
					 call->policy->custom.n > 0, &call->features);
	if (state->ip.cards >= 0)
	{
		call->features.use[HISTORY_IP] = (HistoryUse) state->ip.use;
		call->features.ip_cards = state->ip.cards;
		call->features.ip_attempts_24h = state->ip.attempts_24h;
		call->features.ip_declined_share = state->ip.declined_share;
	}
	score_decide(call, false);
	score_result_desc(fcinfo, call, DECISION_COLUMNS);
	PG_RETURN_DATUM(decision_datum(call));
}

/* ---- what to partition and order by ---- */

#define KEY_COLUMNS	(TXN_FOR_HISTORY | COL_BIT(COL_IP))

/* One of a row's keys as a hash: customer, IP (IPv6 by /64), or order of ids. */
PG_FUNCTION_INFO_V1(fraud_txn_keys);
Datum
fraud_txn_keys(PG_FUNCTION_ARGS)
{
	ScoreCall  *call = score_call(fcinfo, 0, KEY_COLUMNS);
	Txn		   *txn = &call->txn;
	Datum		values[4];
	bool		nulls[4];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	call->policy = policy_arg(fcinfo, 1, &call->policy_arg);
	txn_read(&call->reader, PG_GETARG_DATUM(0), call->policy, txn);
	nulls[0] = txn->customer.len == 0;
	values[0] = Int64GetDatum((int64) value_hash(COL_CUSTOMER_ID, txn->customer.p, txn->customer.len));
	nulls[1] = txn->ip_family == 0;
	values[1] = Int64GetDatum((int64) value_hash(COL_IP, (const char *) txn->ip,
												 txn->ip_family == 4 ? 4 : 8));
	nulls[2] = !(txn->known & COL_BIT(COL_OCCURRED_AT));
	values[2] = TimestampTzGetDatum(txn->time);
	nulls[3] = false;
	values[3] = Int64GetDatum((int64) txn->identity);
	score_result_desc(fcinfo, call, 4);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(call->desc, values, nulls)));
}

/* ---- fraud_score_table(relation, policy, since, until) ---- */

/* The one query; $1 policy, $2 since, $3 until. */
static char *
build_query(Oid relation, const char *schema, bool with_ip)
{
	StringInfoData q;
	char	   *table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
												   get_rel_name(relation));
	const char *s = quote_identifier(schema);

	initStringInfo(&q);
	appendStringInfo(&q,
					 "SELECT (x.d).txn_id, x.d FROM ("
					 "SELECT y.at, %s.fraud_score_asof(y.t, y.ip, $1) OVER (PARTITION BY y.customer"
					 " ORDER BY y.at, y.id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS d FROM ("
					 "SELECT k.t, (k.k).customer AS customer, (k.k).at AS at, (k.k).id AS id, ", s);
	if (with_ip)
		appendStringInfo(&q,
						 "CASE WHEN (k.k).ip IS NOT NULL THEN %s.fraud_ip_asof(k.t, $1) OVER (PARTITION BY (k.k).ip"
						 " ORDER BY (k.k).at, (k.k).id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) END AS ip ", s);
	else
		appendStringInfoString(&q, "NULL::pg_catalog.bytea AS ip ");
	appendStringInfo(&q,
					 "FROM (SELECT t, %s.fraud_txn_keys(t, $1) AS k FROM %s AS t OFFSET 0) AS k "
					 "WHERE ($3 IS NULL OR (k.k).at OPERATOR(pg_catalog.<) $3) OR (k.k).at IS NULL"
					 ") AS y) AS x WHERE ($2 IS NULL OR x.at OPERATOR(pg_catalog.>=) $2 OR x.at IS NULL)",
					 s, table);
	return q.data;
}

/* Whether rule 16 can run: without, the pass over IPs is not worth its sort. */
static bool
rule_16_can_run(Oid relation, const Policy *policy)
{
	static const TxnColumn needed[] = {COL_IP, COL_CARD_ID};
	int			i;

	for (i = 0; i < (int) lengthof(needed); i++)
	{
		const char *name = policy_str(policy, policy->columns[needed[i]]);

		if (get_attnum(relation, name != NULL ? name : txn_column_names[needed[i]]) == InvalidAttrNumber)
			return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(fraud_score_table);
Datum
fraud_score_table(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[] = {InvalidOid, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		args[3];
	char		nulls[4] = "   ";
	const Policy *policy;
	bool		with_ip;
	Oid			relation;
	Portal		portal;
	char	   *query;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be NULL")));
	relation = PG_GETARG_OID(0);
	if (get_rel_name(relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	InitMaterializedSRF(fcinfo, 0);

	/* one policy for the whole answer, handed to every function in it */
	policy = policy_arg(fcinfo, 1, NULL);
	args[0] = PointerGetDatum(memcpy(palloc(policy->size), policy, policy->size));
	types[0] = get_fn_expr_argtype(fcinfo->flinfo, 1);
	args[1] = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	args[2] = PG_ARGISNULL(3) ? (Datum) 0 : PG_GETARG_DATUM(3);
	nulls[1] = PG_ARGISNULL(2) ? 'n' : ' ';
	nulls[2] = PG_ARGISNULL(3) ? 'n' : ' ';
	with_ip = policy->rules[RULE_MULTI_CARD_IP].enabled && rule_16_can_run(relation, policy);
	query = build_query(relation, get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)), with_ip);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	portal = SPI_cursor_open_with_args(NULL, query, 3, types, args, nulls, true, 0);
	for (;;)
	{
		uint64		i;

		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
	SPI_finish();
	return (Datum) 0;
}
