/*-------------------------------------------------------------------------
 *
 * control.c
 *	  SQL: circuits by hand. circuit_trip(), circuit_force_open() and the like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "circuit/circuit_sql.h"
#include "circuit/circuits.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/shared_text.h"

static void
need_reason(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(n)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a reason is needed"),
				 errhint("Say why, for those who find the circuit like this.")));
}

/* Who does it, and why; UTF-8. */
typedef struct Signature
{
	char		who[NAMEDATALEN];
	char		reason[CIRCUIT_REASON_MAX];
} Signature;

static Circuit *
begin(FunctionCallInfo fcinfo, Signature *signature)
{
	shared_text_store(signature->who, sizeof(signature->who), events_who());
	signature->reason[0] = '\0';
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name must not be NULL")));
	if (PG_NARGS() > 1)
	{
		need_reason(fcinfo, 1);
		shared_text_store(signature->reason, sizeof(signature->reason), text_to_cstring(PG_GETARG_TEXT_PP(1)));
	}
	return circuit_of_text(PG_GETARG_TEXT_PP(0));
}

/* Under the lock. */
static void
sign(Circuit *c, const Signature *signature)
{
	strlcpy(c->forced_by, signature->who, sizeof(c->forced_by));
	strlcpy(c->forced_reason, signature->reason, sizeof(c->forced_reason));
	c->forced_at = clock_wall();
}

/* circuit_trip(name, reason) */
PG_FUNCTION_INFO_V1(circuit_trip);
Datum
circuit_trip(PG_FUNCTION_ARGS)
{
	Signature	signature;
	Circuit    *c = begin(fcinfo, &signature);
	CircuitAftermath aftermath;
	CircuitState state;
	int64		now;

	aftermath.changes.n = 0;
	circuit_lock(c);
	now = clock_now();
	state = machine_state(&c->machine, &c->config, now);
	if (state < CIRCUIT_FORCED_OPEN)
	{
		sign(c, &signature);
		machine_trip(&c->machine, &c->config, now, pg_prng_double(&pg_global_prng_state),
					 &aftermath.changes);
	}
	circuit_unlock(c, &aftermath);
	if (state >= CIRCUIT_FORCED_OPEN)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("circuit \"%s\" is %s, which a trip does not end", c->name, circuit_state_names[state]),
				 errhint("circuit_reset() ends forced states, circuit_force_open() replaces them.")));
	PG_RETURN_VOID();
}

static Datum
force(FunctionCallInfo fcinfo, CircuitState state)
{
	Signature	signature;
	Circuit    *c = begin(fcinfo, &signature);
	CircuitAftermath aftermath;
	int64		duration = CIRCUIT_FOR_EVER;

	/* NULL: until somebody ends it */
	if (!PG_ARGISNULL(2))
	{
		duration = circuit_interval(PG_GETARG_INTERVAL_P(2));
		if (duration <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("duration must be longer than nothing"),
					 errhint("NULL is until circuit_reset().")));
	}
	aftermath.changes.n = 0;
	circuit_lock(c);
	sign(c, &signature);
	machine_force(&c->machine, &c->config, clock_now(), state, duration, &aftermath.changes);
	circuit_unlock(c, &aftermath);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(circuit_force_open);
Datum
circuit_force_open(PG_FUNCTION_ARGS)
{
	return force(fcinfo, CIRCUIT_FORCED_OPEN);
}

PG_FUNCTION_INFO_V1(circuit_force_closed);
Datum
circuit_force_closed(PG_FUNCTION_ARGS)
{
	return force(fcinfo, CIRCUIT_FORCED_CLOSED);
}

PG_FUNCTION_INFO_V1(circuit_metrics_only);
Datum
circuit_metrics_only(PG_FUNCTION_ARGS)
{
	return force(fcinfo, CIRCUIT_METRICS_ONLY);
}

/* circuit_reset(name): ends forced states, empties windows */
PG_FUNCTION_INFO_V1(circuit_reset);
Datum
circuit_reset(PG_FUNCTION_ARGS)
{
	Signature	signature;
	Circuit    *c = begin(fcinfo, &signature);
	CircuitAftermath aftermath;

	aftermath.changes.n = 0;
	circuit_lock(c);
	c->forced_by[0] = c->forced_reason[0] = c->last_error[0] = '\0';
	c->forced_at = c->last_error_at = 0;
	c->nrecent = 0;
	machine_reset(&c->machine, &c->config, clock_now(), &aftermath.changes);
	circuit_unlock(c, &aftermath);
	PG_RETURN_VOID();
}
