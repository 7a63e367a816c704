/*-------------------------------------------------------------------------
 *
 * route.c
 *	  fraud_route(): whether ML is worth asking for a transaction.
 *
 * If so, the caller gets a ticket and the features, asks, and comes back with
 * fraud_decide(); nothing is counted before. If not, the decision is made here
 * and final: one round trip.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "circuit/circuit_sql.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"
#include "decide/deciding.h"

#define ROUTE_COLUMNS		6

typedef struct Route
{
	bool		ml;
	int64		ticket;
	Datum		features;		/* of ML; else 0 */
	Datum		decision;		/* of RULES; else 0 */
	Tier		tier;
	const char *reason;
} Route;

/* The answer that was given, if it was. */
static bool
decided_before(Deciding *d, Route *route)
{
	KeptAnswer	earlier;

	if (!d->known || decisions_find(&d->kept, &d->reused, &earlier) != KEPT_SAME)
		return false;
	route->decision = answer_repeat(d->desc, earlier.bytes, earlier.len);
	route->reason = "decided before";
	return route->decision != (Datum) 0;
}

/* A ticket, where ML may be asked and is needed; else why not. */
static bool
get_ticket(Deciding *d, Route *route)
{
	Admission	why;
	Circuit    *c;

	if (d->now.tier > TIER_DEGRADED)
		return false;
	c = circuit_find_or_make(SERVICE_CIRCUIT, (int) strlen(SERVICE_CIRCUIT));
	if (c == NULL || !service_ml_allowed(clock_now()))
		return false;
	deciding_look(d);
	if (!rules_all(d) || is_low_risk(d))
		return false;
	if (traffic_admit(c, &route->ticket, &why))
		return true;
	d->refused = circuit_refusal_text(c->name, why);
	return false;
}

/* By rules, as fraud_decide() does; what was looked at so far counts for nothing. */
static void
decide_here(Deciding *d, Route *route, uint64 identity)
{
	d->run = RUN_NONE;
	d->reused = false;
	d->call->txn.identity = identity;
	route->decision = decide(d);
	route->reason = d->reason.data;
	route->tier = d->answer.tier;
}

static Datum
route_datum(TupleDesc desc, const Route *route)
{
	Datum		values[ROUTE_COLUMNS];
	bool		nulls[ROUTE_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(route->ml ? "ML" : "RULES");
	values[1] = Int64GetDatum(route->ticket);
	nulls[1] = !route->ml;
	values[2] = Int32GetDatum(route->tier);
	values[3] = CStringGetTextDatum(route->reason);
	values[4] = route->features;
	nulls[4] = !route->ml;
	values[5] = route->decision;
	nulls[5] = route->ml;
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

PG_FUNCTION_INFO_V1(fraud_route);
Datum
fraud_route(PG_FUNCTION_ARGS)
{
	Deciding	d = {0};
	Route		route = {0};
	TupleDesc	decision;
	uint64		identity;

	service_ready();
	d.call = score_call_kept(fcinfo, 0, TXN_FOR_DECISION);
	score_result_desc(fcinfo, d.call, ROUTE_COLUMNS);
	decision = lookup_rowtype_tupdesc_copy(TupleDescAttr(d.call->desc, 5)->atttypid, -1);
	d.null_txn = PG_ARGISNULL(0);
	if (!d.null_txn)
		d.txn = PG_GETARG_DATUM(0);
	d.brought.latency = -1;
	deciding_begin(&d, fcinfo, decision);
	identity = d.call->txn.identity;
	route.tier = d.now.tier;
	if (!decided_before(&d, &route))
	{
		route.ml = get_ticket(&d, &route);
		if (route.ml)
		{
			route.features = ml_features(&d);
			route.reason = d.now.tier == TIER_FULL ? "ML is well" : psprintf("%s: a trial", tier_why(&d));
		}
		else
			decide_here(&d, &route, identity);
	}
	PG_RETURN_DATUM(route_datum(d.call->desc, &route));
}
