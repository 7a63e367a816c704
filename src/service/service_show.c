/*-------------------------------------------------------------------------
 *
 * service_show.c
 *	  SQL: the service for people. fraud_tier_status, fraud_dependencies,
 *	  fraud_maintenance.
 *
 * Reading changes nothing: each takes a copy under the shared lock and works
 * on that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "circuit/circuits.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"
#include "service/service_shared.h"

#define DAY					USECS_PER_DAY
#define TEXT_MAX			500

/* A copy of everything as it is at one moment. */
static ServiceShared *
look(int64 *now)
{
	ServiceShared *copy;

	service_ready();
	copy = palloc(sizeof(ServiceShared));
	service_lock_shared();
	memcpy(copy, service, sizeof(ServiceShared));
	service_unlock_shared();
	*now = clock_now();
	return copy;
}

static Datum
interval_of(int64 microseconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = microseconds;
	return IntervalPGetDatum(interval);
}

#define SHOW(value)		(values[n++] = (value))
#define SHOW_IF(have, value) \
	do { \
		nulls[n] = !(have); \
		values[n] = nulls[n] ? (Datum) 0 : (value); \
		n++; \
	} while (0)
#define SHOW_TEXT(text)	SHOW_IF((text)[0] != '\0', CStringGetTextDatum(shared_text(text)))
#define SHOW_TIME(at)	SHOW_IF((at) != 0, TimestampTzGetDatum(at))

/* ---- fraud_tier_status ---- */

#define STATUS_COLUMNS		27

/* By tier, from 1 on. */
static Datum
times_in_tiers(const TierMachine *m, int64 now)
{
	Datum		times[TIERS];

	for (int i = 0; i < TIERS; i++)
		times[i] = interval_of(tiers_time_in(m, i + 1, now));
	return PointerGetDatum(construct_array(times, TIERS, INTERVALOID, sizeof(Interval), false, TYPALIGN_DOUBLE));
}

static Datum
decisions_by_tier(void)
{
	Datum		counts[TIERS];

	for (int i = 0; i < TIERS; i++)
		counts[i] = Int64GetDatum((int64) service_decisions(i + 1));
	return PointerGetDatum(construct_array(counts, TIERS, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(fraud_tier_status);
Datum
fraud_tier_status(PG_FUNCTION_ARGS)
{
	int64		now;
	ServiceShared *s = look(&now);
	const TierMachine *m = &s->tiers;
	const Window *w = NULL;
	char		reason[TEXT_MAX];
	char		outlook[TEXT_MAX];
	TupleDesc	desc;
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS] = {false};
	bool		overridden = m->override != 0;
	int64		ends = 0;
	int64		next = 0;
	bool		known = tiers_next_at(m, &s->settings, &next);
	int			current = windows_current(&s->windows, clock_wall(), &ends);
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (current >= 0)
		w = &s->windows.window[current];
	tier_reason(m, reason, sizeof(reason));
	tier_outlook(m, &s->settings, now, outlook, sizeof(outlook));

	SHOW(Int32GetDatum(m->tier));
	SHOW(CStringGetTextDatum(tier_names[m->tier]));
	SHOW(TimestampTzGetDatum(clock_wall_of(m->since)));
	SHOW(CStringGetTextDatum(reason));
	SHOW(CStringGetTextDatum(outlook));
	/* a window is agreed on by the wall clock */
	SHOW_IF(known, TimestampTzGetDatum(m->cause == CAUSE_MAINTENANCE && w != NULL ? ends : clock_wall_of(next)));
	SHOW(Int32GetDatum(m->measured));
	SHOW(Int32GetDatum(m->held));
	SHOW_IF(overridden, Int32GetDatum(m->override));
	SHOW_IF(overridden, BoolGetDatum(m->forced));
	SHOW_IF(overridden, TimestampTzGetDatum(clock_wall_of(m->override_until)));
	SHOW_IF(overridden, CStringGetTextDatum(shared_text(s->override_by)));
	SHOW_IF(overridden, CStringGetTextDatum(shared_text(s->override_reason)));
	SHOW_IF(w != NULL, Int64GetDatum(w->id));
	SHOW_IF(w != NULL, TimestampTzGetDatum(ends));
	SHOW_IF(w != NULL, CStringGetTextDatum(shared_text(w->message[0] != '\0' ? w->message : s->settings.message)));
	SHOW_TEXT(w != NULL && w->contact[0] != '\0' ? w->contact : s->settings.contact);
	SHOW(interval_of(s->settings.retry_after));
	SHOW(BoolGetDatum(s->standby));
	SHOW_IF(s->standby && s->lag >= 0, interval_of(s->lag));
	SHOW(BoolGetDatum(s->read_only));
	SHOW(times_in_tiers(m, now));
	SHOW(Int32GetDatum(tiers_moves(m, now, DAY)));
	SHOW(decisions_by_tier());
	SHOW(BoolGetDatum(tiers_only_ml(m)));
	SHOW_TIME(s->evaluated_at);
	SHOW_TIME(s->restored_at);
	Assert(n == STATUS_COLUMNS);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---- fraud_dependencies ---- */

#define DEPENDENCY_COLUMNS	17

/* What real traffic says of a role; *circuit where it has one. */
static Health
by_traffic(ServiceRole role, int64 now, const char **circuit)
{
	Health		health;
	Circuit    *c = circuits == NULL ? NULL : circuit_find(SERVICE_CIRCUIT, (int) strlen(SERVICE_CIRCUIT));
	CircuitState state;

	*circuit = "";
	service_lock_shared();
	health = service_traffic_health(role, now);
	service_unlock_shared();
	if (role != ROLE_ML || c == NULL)
		return health;
	circuit_lock_shared(c);
	state = machine_state(&c->machine, &c->config, now);
	circuit_unlock_shared(c);
	*circuit = circuit_state_names[state];
	return state == CIRCUIT_OPEN || state == CIRCUIT_HALF_OPEN || state == CIRCUIT_FORCED_OPEN ?
		HEALTH_UNHEALTHY : health;
}

static const char *
effect_of(ServiceRole role, Health health)
{
	if (role == ROLE_ML && health == HEALTH_UNHEALTHY)
		return "Tier 2";
	if (role == ROLE_DATABASE && health == HEALTH_DEGRADED)
		return "Tier 3";
	if (role == ROLE_DATABASE && health == HEALTH_UNHEALTHY)
		return "Tier 4";
	return "none";
}

/* d is NULL for a role that nothing is configured for. */
static void
dependency_row(const ServiceShared *s, const Dependency *d, ServiceRole role, int64 now,
			   Datum *values, bool *nulls)
{
	const char *circuit;
	Health		traffic = by_traffic(role, now, &circuit);
	Health		probes = d != NULL ? service_probed(d, now) : HEALTH_NONE;
	bool		configured = d != NULL && d->config.kind != PROBE_OFF;
	char		recent[HEALTH_SAMPLES_MAX + 1] = "";
	int			n = 0;

	if (d != NULL)
		health_recent(&d->probes, recent, sizeof(recent));
	SHOW(CStringGetTextDatum(d != NULL ? d->name : role_names[role]));
	SHOW(CStringGetTextDatum(role_names[role]));
	SHOW_IF(d != NULL, CStringGetTextDatum(probe_kind_names[d->config.kind]));
	SHOW(BoolGetDatum(configured));
	SHOW(CStringGetTextDatum(!configured && traffic == HEALTH_NONE ? "NOT_CONFIGURED" :
							 health_names[Max(probes, traffic)]));
	SHOW_IF(configured, CStringGetTextDatum(d->config.kind == PROBE_PUSH && d->probes.samples > 0 &&
											probes == HEALTH_NONE ? "STALE" : health_names[probes]));
	SHOW_IF(service_traffic(role) != NULL, CStringGetTextDatum(health_names[traffic]));
	SHOW_TEXT(circuit);
	SHOW_IF(d != NULL && d->probes.samples > 0 && d->probes.latency >= 0, interval_of(d->probes.latency));
	SHOW_TEXT(recent);
	SHOW_TEXT(d != NULL ? d->error : "");
	SHOW_TIME(d != NULL ? d->error_at : 0);
	SHOW_TIME(d != NULL ? d->probed_at : 0);
	SHOW(Int64GetDatum(d != NULL ? (int64) d->probes.samples : 0));
	SHOW(Int64GetDatum(d != NULL ? (int64) d->probes.failures : 0));
	SHOW(CStringGetTextDatum(effect_of(role, Max(probes, traffic))));
	SHOW_TEXT(d != NULL ? d->not_probed : "");
	Assert(n == DEPENDENCY_COLUMNS);
}

PG_FUNCTION_INFO_V1(fraud_dependencies);
Datum
fraud_dependencies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		now;
	ServiceShared *s = look(&now);

	InitMaterializedSRF(fcinfo, 0);
	for (int role = 0; role < SERVICE_ROLES; role++)
	{
		int			found = 0;

		for (int i = 0; i <= s->ndependencies; i++)
		{
			const Dependency *d = i < s->ndependencies ? &s->dependency[i] : NULL;
			Datum		values[DEPENDENCY_COLUMNS];
			bool		nulls[DEPENDENCY_COLUMNS] = {false};

			if (d != NULL ? d->config.role != role : found > 0 || role == ROLE_OTHER)
				continue;
			found++;
			dependency_row(s, d, role, now, values, nulls);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}

/* ---- fraud_maintenance ---- */

#define MAINTENANCE_COLUMNS	11

PG_FUNCTION_INFO_V1(fraud_maintenance);
Datum
fraud_maintenance(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		now;
	ServiceShared *s = look(&now);
	TimestampTz wall = clock_wall();

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < s->windows.n; i++)
	{
		const Window *w = &s->windows.window[i];
		Datum		values[MAINTENANCE_COLUMNS];
		bool		nulls[MAINTENANCE_COLUMNS] = {false};
		int64		starts;
		int64		ends;
		bool		comes = window_occurrence(w, wall, &starts, &ends);
		int			n = 0;

		SHOW(Int64GetDatum(w->id));
		SHOW(TimestampTzGetDatum(w->starts));
		SHOW(TimestampTzGetDatum(w->ends));
		SHOW_IF(w->every > 0, interval_of(w->every));
		SHOW(BoolGetDatum(window_open(w, wall)));
		SHOW_IF(comes, TimestampTzGetDatum(starts));
		SHOW_IF(comes, TimestampTzGetDatum(ends));
		SHOW(CStringGetTextDatum(shared_text(w->message[0] != '\0' ? w->message : s->settings.message)));
		SHOW_TEXT(w->contact[0] != '\0' ? w->contact : s->settings.contact);
		SHOW(CStringGetTextDatum(shared_text(w->by)));
		SHOW(TimestampTzGetDatum(w->created_at));
		Assert(n == MAINTENANCE_COLUMNS);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
