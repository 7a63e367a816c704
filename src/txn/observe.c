/*-------------------------------------------------------------------------
 *
 * observe.c
 *	  Transactions into profiles: the aggregates, and fraud_observe().
 *
 * The state of the aggregates is a ProfileState. Final functions only read
 * it, so it serves window frames that start at UNBOUNDED PRECEDING; between
 * processes it travels as a profile image.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "policy/policy_type.h"
#include "profile/profile_type.h"
#include "txn/txn_read.h"

typedef struct ProfileAgg
{
	bool		basis_known;
	MemoryContextCallback freed;
	ProfileState state;
} ProfileAgg;

/* What a call site keeps: how to read its rows. */
typedef struct ObserveCall
{
	TxnReader	reader;
	PolicyArg	policy;
} ObserveCall;

static ObserveCall *
observe_call(FunctionCallInfo fcinfo, int argno)
{
	ObserveCall *call = fcinfo->flinfo->fn_extra;

	if (call == NULL)
	{
		call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ObserveCall));
		txn_reader_init(&call->reader, get_fn_expr_argtype(fcinfo->flinfo, argno), TXN_FOR_HISTORY,
						fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = call;
	}
	return call;
}

/* The policy of an optional last argument, else the active one. */
static const Policy *
observe_policy(FunctionCallInfo fcinfo, int argno, ObserveCall *call)
{
	return argno < PG_NARGS() ? policy_arg(fcinfo, argno, &call->policy) : policy_active();
}

static MemoryContext
agg_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregate function called in non-aggregate context")));
	return context;
}

static void
agg_freed(void *arg)
{
	profile_forget((const ProfileState *) arg);
}

static ProfileAgg *
new_agg(MemoryContext context)
{
	ProfileAgg *agg = MemoryContextAlloc(context, sizeof(ProfileAgg));

	agg->basis_known = false;
	agg->freed.func = agg_freed;
	agg->freed.arg = &agg->state;
	MemoryContextRegisterResetCallback(context, &agg->freed);
	return agg;
}

/* ---- fraud_profile(txn [, policy]) ---- */

PG_FUNCTION_INFO_V1(fraud_profile_accum);
Datum
fraud_profile_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = agg_context(fcinfo);
	ProfileAgg *agg = PG_ARGISNULL(0) ? NULL : (ProfileAgg *) PG_GETARG_POINTER(0);
	ObserveCall *call = observe_call(fcinfo, 1);
	const Policy *policy = observe_policy(fcinfo, 2, call);
	Event		event;

	if (agg == NULL)
		agg = new_agg(context);
	if (!agg->basis_known)
	{
		profile_init(&agg->state, policy->basis_hash);
		agg->basis_known = true;
	}
	else
		profile_require_basis(&agg->state, policy->basis_hash);

	if (!PG_ARGISNULL(1) &&
		txn_read_event(&call->reader, PG_GETARG_DATUM(1), policy, &event))
	{
		profile_forget(&agg->state);
		profile_observe(&agg->state, &event);
	}
	PG_RETURN_POINTER(agg);
}

/* ---- fraud_profile_merge(fraud_profile) ---- */

static void
agg_merge(ProfileAgg *agg, const ProfileState *other)
{
	profile_forget(&agg->state);
	if (agg->basis_known && agg->state.unavailable)
		return;
	if (!agg->basis_known || other->unavailable)
	{
		memcpy(&agg->state, other, sizeof(ProfileState));
		agg->basis_known = true;
		return;
	}
	profile_require_basis(&agg->state, other->basis);
	profile_merge(&agg->state, other);
}

PG_FUNCTION_INFO_V1(fraud_profile_merge_accum);
Datum
fraud_profile_merge_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = agg_context(fcinfo);
	ProfileAgg *agg = PG_ARGISNULL(0) ? NULL : (ProfileAgg *) PG_GETARG_POINTER(0);
	ProfileState other;

	if (PG_ARGISNULL(1))
	{
		if (agg == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(agg);
	}
	if (agg == NULL)
		agg = new_agg(context);
	profile_from_datum(PG_GETARG_DATUM(1), &other);
	agg_merge(agg, &other);
	PG_RETURN_POINTER(agg);
}

/* ---- both ---- */

PG_FUNCTION_INFO_V1(fraud_profile_combine);
Datum
fraud_profile_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = agg_context(fcinfo);
	ProfileAgg *a = PG_ARGISNULL(0) ? NULL : (ProfileAgg *) PG_GETARG_POINTER(0);
	ProfileAgg *b = PG_ARGISNULL(1) ? NULL : (ProfileAgg *) PG_GETARG_POINTER(1);

	if (b != NULL)
	{
		if (a == NULL)
			a = new_agg(context);
		agg_merge(a, &b->state);
	}
	if (a == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(a);
}

PG_FUNCTION_INFO_V1(fraud_profile_serial);
Datum
fraud_profile_serial(PG_FUNCTION_ARGS)
{
	(void) agg_context(fcinfo);
	/* an image is a varlena, and so is bytea */
	PG_RETURN_DATUM(profile_to_datum(&((ProfileAgg *) PG_GETARG_POINTER(0))->state));
}

PG_FUNCTION_INFO_V1(fraud_profile_deserial);
Datum
fraud_profile_deserial(PG_FUNCTION_ARGS)
{
	ProfileAgg *agg;

	(void) agg_context(fcinfo);
	agg = new_agg(CurrentMemoryContext);
	profile_from_datum(PG_GETARG_DATUM(0), &agg->state);
	agg->basis_known = true;
	PG_RETURN_POINTER(agg);
}

PG_FUNCTION_INFO_V1(fraud_profile_final);
Datum
fraud_profile_final(PG_FUNCTION_ARGS)
{
	(void) agg_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(profile_to_datum_remember(&((ProfileAgg *) PG_GETARG_POINTER(0))->state));
}

/* ---- one more event ---- */

/*
 * The profile of argument 0 to add to, under a policy's basis: NULL starts
 * one. False where there is nothing to add to.
 */
static bool
open_profile(FunctionCallInfo fcinfo, const Policy *policy, ProfileState *state)
{
	if (PG_ARGISNULL(0))
	{
		profile_init(state, policy->basis_hash);
		return true;
	}
	profile_from_datum(PG_GETARG_DATUM(0), state);
	if (state->unavailable)
		return false;
	profile_require_basis(state, policy->basis_hash);
	return true;
}

PG_FUNCTION_INFO_V1(fraud_observe);
Datum
fraud_observe(PG_FUNCTION_ARGS)
{
	ObserveCall *call = observe_call(fcinfo, 1);
	const Policy *policy = observe_policy(fcinfo, 2, call);
	ProfileState state;
	Event		event;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!open_profile(fcinfo, policy, &state))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (txn_read_event(&call->reader, PG_GETARG_DATUM(1), policy, &event))
		profile_observe(&state, &event);
	PG_RETURN_DATUM(profile_to_datum(&state));
}

PG_FUNCTION_INFO_V1(fraud_observe_fraud);
Datum
fraud_observe_fraud(PG_FUNCTION_ARGS)
{
	ObserveCall *call = observe_call(fcinfo, 1);
	const Policy *policy = observe_policy(fcinfo, 3, call);
	ProfileState state;
	Event		event;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!open_profile(fcinfo, policy, &state))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (txn_read_event(&call->reader, PG_GETARG_DATUM(1), policy, &event))
		profile_observe_fraud(&state, &event, PG_GETARG_TIMESTAMPTZ(2));
	PG_RETURN_DATUM(profile_to_datum(&state));
}
