/*-------------------------------------------------------------------------
 *
 * live_sql.c
 *	  SQL: fraud_live, and what tests use to reach live attempts and recent
 *	  decisions by themselves, without a decision being made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "live/attempts.h"
#include "live/decisions.h"
#include "policy/policy_active.h"
#include "profile/profile_type.h"
#include "profile/view.h"
#include "store/lookup.h"
#include "txn/txn_read.h"

static Datum
row_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* ---- fraud_live ---- */

#define LIVE_COLUMNS		11

PG_FUNCTION_INFO_V1(fraud_live);
Datum
fraud_live(PG_FUNCTION_ARGS)
{
	AttemptsStatus attempts;
	DecisionsStatus decisions;
	Datum		values[LIVE_COLUMNS];
	bool		nulls[LIVE_COLUMNS] = {false};
	int			n = 0;

	attempts_status(&attempts);
	decisions_status(&decisions);
#define SHOW(value)		(values[n++] = Int64GetDatum((int64) (value)))
	SHOW(attempts.counters.customers);
	SHOW(attempts.capacity);
	SHOW(attempts.counters.evicted);
	SHOW(attempts.counters.evicted_live);
	SHOW(attempts.ahead);
	SHOW(decisions.counters.decisions);
	SHOW(decisions.capacity);
	SHOW(decisions.counters.evicted);
	SHOW(decisions.counters.full);
	SHOW(decisions.too_large);
	SHOW(attempts.memory + decisions.memory);
	Assert(n == LIVE_COLUMNS);
	return row_datum(fcinfo, values, nulls);
}

/* ---- for tests ---- */

static void
read_txn(FunctionCallInfo fcinfo, int argno, Txn *txn)
{
	TxnReader	reader;

	txn_reader_init(&reader, JSONBOID, TXN_FOR_DECISION, CurrentMemoryContext);
	txn_read(&reader, PG_GETARG_DATUM(argno), policy_active(), txn);
}

static void
key_of_txn(const Txn *txn, AttemptsKey *key)
{
	StoreKey	customer;

	if (!store_key_of_txn(txn, HISTORY_CUSTOMER, &customer))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the transaction has no customer_id")));
	attempts_key(&customer, key);
}

static void
key_of_text(text *name, AttemptsKey *key)
{
	StoreKey	customer;

	if (!store_key_of_argument(HISTORY_CUSTOMER, name, &customer))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a blank customer is none")));
	attempts_key(&customer, key);
}

#define ATTEMPT_COLUMNS		8

/*
 * fraud_test_attempt(txn, stored): adds it, and counts as a decision would: in
 * 10 minutes of event time, with the stored history, itself included; and what
 * the others spent.
 */
PG_FUNCTION_INFO_V1(fraud_test_attempt);
Datum
fraud_test_attempt(PG_FUNCTION_ARGS)
{
	static const int64 ten_minutes[] = {INT64CONST(600) * USECS_A_SECOND};
	ProfileState *state = palloc(sizeof(ProfileState));
	ProfileView *view = palloc(sizeof(ProfileView));
	RecentAttempts seen;
	WindowSums	sums;
	AttemptsKey key;
	Event		event;
	Txn			txn;
	Datum		values[ATTEMPT_COLUMNS];
	bool		nulls[ATTEMPT_COLUMNS] = {false};

	clock_require_test_mode("use functions of tests");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	read_txn(fcinfo, 0, &txn);
	key_of_txn(&txn, &key);
	if (!txn_event(&txn, &event))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the transaction has no usable occurred_at")));
	if (PG_ARGISNULL(1))
		profile_init(state, policy_active()->basis_hash);
	else
		profile_from_datum(PG_GETARG_DATUM(1), state);
	if (state->unavailable)
		profile_init(state, policy_active()->basis_hash);

	attempts_add(&key, &event, &seen);
	values[6] = Int32GetDatum(attempts_merge(state, &seen, txn.time, txn.identity));
	profile_view(state, txn.time, true, txn.identity, view);
	view_windows(view, 1, ten_minutes, &sums);
	/* refunds are no attempts */
	values[0] = Int32GetDatum((int32) sums.attempts + (txn.amount >= 0));
	values[1] = Int32GetDatum(seen.n);
	values[2] = BoolGetDatum(seen.remembered);
	values[3] = BoolGetDatum(seen.incomplete);
	values[4] = BoolGetDatum(seen.more);
	values[5] = BoolGetDatum(seen.displaced);
	values[7] = Int64GetDatum((int64) sums.spend / 10000);
	return row_datum(fcinfo, values, nulls);
}

/* fraud_test_mark(txn, outcome) */
PG_FUNCTION_INFO_V1(fraud_test_mark);
Datum
fraud_test_mark(PG_FUNCTION_ARGS)
{
	static const char *const words[] = {
		[ATTEMPT_COUNTS] = "counts",
		[ATTEMPT_BLOCKED] = "blocked",
		[ATTEMPT_FAILED] = "failed"
	};
	AttemptsKey key;
	char	   *word;
	int			outcome;
	Txn			txn;

	clock_require_test_mode("use functions of tests");
	read_txn(fcinfo, 0, &txn);
	key_of_txn(&txn, &key);
	word = text_to_cstring(PG_GETARG_TEXT_PP(1));
	for (outcome = 0; outcome < (int) lengthof(words); outcome++)
		if (strcmp(words[outcome], word) == 0)
			PG_RETURN_BOOL(attempts_mark(&key, txn.identity, (AttemptOutcome) outcome));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown outcome \"%s\"", word),
			 errhint("Outcomes are counts, blocked and failed.")));
}

/* fraud_test_last_profile(customer, profile): keeps it, unless NULL; what is kept then, and its age */
PG_FUNCTION_INFO_V1(fraud_test_last_profile);
Datum
fraud_test_last_profile(PG_FUNCTION_ARGS)
{
	char	   *image = palloc(RECENT_PROFILE_MAX);
	Interval   *age = palloc0(sizeof(Interval));
	AttemptsKey key;
	size_t		len;
	Datum		values[2] = {0};
	bool		nulls[2] = {false};

	clock_require_test_mode("use functions of tests");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	key_of_text(PG_GETARG_TEXT_PP(0), &key);
	if (!PG_ARGISNULL(1))
	{
		struct varlena *profile = PG_DETOAST_DATUM(PG_GETARG_DATUM(1));

		if (!attempts_profile_put(&key, (const char *) profile, VARSIZE(profile)))
			ereport(NOTICE, (errmsg("there is no room for the profile")));
	}
	len = attempts_profile_get(&key, image, &age->time);
	nulls[0] = nulls[1] = len == 0;
	values[0] = PointerGetDatum(image);
	values[1] = IntervalPGetDatum(age);
	return row_datum(fcinfo, values, nulls);
}

#define DECISION_COLUMNS	6

/*
 * fraud_test_decision(txn, verdict, answer, record): claims the decision and,
 * if that works, answers it. Without an answer the claim stays open.
 */
PG_FUNCTION_INFO_V1(fraud_test_decision);
Datum
fraud_test_decision(PG_FUNCTION_ARGS)
{
	static const char *const words[] = {
		[CLAIM_FIRST] = "first",
		[CLAIM_SUPERSEDES] = "supersedes",
		[CLAIM_REPEAT] = "repeat",
		[CLAIM_BUSY] = "being decided"
	};
	KeptAnswer *answer = palloc(sizeof(KeptAnswer));
	KeptKey		key;
	KeptClaim	found;
	KeptPut		put = {0};
	Claim		claim;
	Txn			txn;
	bool		reused;
	Datum		values[DECISION_COLUMNS] = {0};
	bool		nulls[DECISION_COLUMNS] = {false};

	clock_require_test_mode("use functions of tests");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	read_txn(fcinfo, 0, &txn);
	if (!decisions_key(&txn, &key))
		PG_RETURN_NULL();
	found = decisions_claim(&key, PG_GETARG_BOOL(1), &claim, &reused, answer);
	if (!PG_ARGISNULL(2) && (found == CLAIM_FIRST || found == CLAIM_SUPERSEDES))
	{
		bytea	   *bytes = PG_GETARG_BYTEA_PP(2);
		uint8		record[KEPT_RECORD] = {0};

		if (!PG_ARGISNULL(3))
		{
			text	   *id = PG_GETARG_TEXT_PP(3);

			memcpy(record, VARDATA_ANY(id), Min(VARSIZE_ANY_EXHDR(id), KEPT_RECORD - 1));
		}
		decisions_put(&claim, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), PG_GETARG_BOOL(1), record, &put);
	}
	values[0] = CStringGetTextDatum(words[found]);
	values[1] = BoolGetDatum(reused);
	nulls[2] = nulls[3] = answer->len == 0;
	if (answer->len > 0)
	{
		bytea	   *bytes = palloc(VARHDRSZ + answer->len);

		SET_VARSIZE(bytes, VARHDRSZ + answer->len);
		memcpy(VARDATA(bytes), answer->bytes, answer->len);
		values[2] = PointerGetDatum(bytes);
		values[3] = CStringGetTextDatum((const char *) answer->record);
	}
	values[4] = BoolGetDatum(put.kept);
	nulls[5] = !put.other;
	if (put.other)
		values[5] = CStringGetTextDatum((const char *) put.record);
	return row_datum(fcinfo, values, nulls);
}
