/*-------------------------------------------------------------------------
 *
 * service_facts.c
 *	  What the choice of the tier goes by: probes, real traffic, circuit 'ml',
 *	  windows, the server itself.
 *
 * Everything here is called under the state lock and takes a circuit's lock
 * inside it, to read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "circuit/circuits.h"
#include "core/clock.h"
#include "service/service_shared.h"

/* A probe that has not come so long after its time is missing. */
#define PROBE_SLACK			(5 * INT64CONST(1000000))

/* The circuit of ML, NULL where nobody has used it. */
static Circuit *
ml_circuit(void)
{
	return circuits == NULL ? NULL : circuit_find(SERVICE_CIRCUIT, (int) strlen(SERVICE_CIRCUIT));
}

/* ---- real traffic ---- */

static int64
interval_of(ServiceRole role)
{
	for (int i = 0; i < service->ndependencies; i++)
		if (service->dependency[i].config.role == (int32) role)
			return service->dependency[i].config.interval;
	return service->interval;
}

static const HealthRules *
rules_of(ServiceRole role)
{
	static const HealthRules shipped = {
		.degraded_failures = 2, .degraded_of = 3, .unhealthy_failures = 1, .unhealthy_of = 1,
		.recover_percent = 80, .recover_samples = 2
	};

	for (int i = 0; i < service->ndependencies; i++)
		if (service->dependency[i].config.role == (int32) role)
			return &service->dependency[i].config.rules;
	return &shipped;
}

static void
close_span(Traffic *t, ServiceRole role, uint64 calls, uint64 failed, uint64 slow, int64 now,
		   ServiceNews *news)
{
	Health		before = service_traffic_health(role, now);

	if (before == HEALTH_NONE && t->track.samples > 0)
		health_forget(&t->track, now);
	if (health_traffic(&t->track, rules_of(role), &service->settings.traffic, now, calls - t->calls,
					   failed - t->failed, slow - t->slow, t->last_at, t->failed_at) &&
		Max(before, t->track.health) >= HEALTH_DEGRADED)
	{
		News	   *item = service_news(news, NEWS_HEALTH);

		if (item != NULL)
		{
			strlcpy(item->health.name, role_names[role], sizeof(item->health.name));
			item->health.traffic = true;
			item->health.from = before;
			item->health.to = t->track.health;
			item->health.latency = HEALTH_FAILED;
			snprintf(item->remark, sizeof(item->remark), UINT64_FORMAT " of " UINT64_FORMAT " calls failed",
					 failed - t->failed, calls - t->calls);
		}
	}
	t->calls = calls;
	t->failed = failed;
	t->slow = slow;
}

/* Totals of now; failed_at: when the last call failed, as far as is known. */
static void
look_at(Traffic *t, ServiceRole role, uint64 calls, uint64 failed, uint64 slow, int64 failed_at,
		bool at_once, int64 now, ServiceNews *news)
{
	const TrafficRules *rules = &service->settings.traffic;
	uint64		more = calls - t->calls;

	health_tick(&t->track, now);
	if (t->opened_at > now || t->last_at > now)
		t->opened_at = t->last_at = now;	/* the clock was set back */
	if (calls != t->seen)
	{
		/* calls from before a jump of the clock are not of now, where that can be told */
		t->last_at = failed > t->failed && more == failed - t->failed ? Min(failed_at, now) : now;
		t->seen = calls;
		t->seen_failed = failed;
	}
	if (failed > t->failed)
		t->failed_at = Min(failed_at, now);
	if (more == 0)
		t->opened_at = now;
	else if (now - t->opened_at >= interval_of(role) ||
			 (at_once && more >= (uint64) rules->minimum_calls &&
			  (failed - t->failed) * 100 >= (uint64) rules->unhealthy_percent * more))
	{
		close_span(t, role, calls, failed, slow, now, news);
		t->opened_at = now;
	}
}

void
service_look_at_traffic(int64 now, ServiceNews *news)
{
	Circuit    *c = ml_circuit();
	uint64		failed = pg_atomic_read_u64(&service->looked_up[false]);
	uint64		done = pg_atomic_read_u64(&service->looked_up[true]);

	look_at(&service->database, ROLE_DATABASE, done + failed, failed, 0,
			(int64) pg_atomic_read_u64(&service->failed_at), false, now, news);
	if (c != NULL)
	{
		CircuitTotals totals;
		int64		failed_at = now;

		circuit_totals(c, &totals);
		circuit_lock_shared(c);
		if (c->nrecent > 0)
			failed_at = now - (clock_wall() - c->recent[(c->nrecent - 1) % CIRCUIT_RECENT].at);
		circuit_unlock_shared(c);
		look_at(&service->ml, ROLE_ML, totals.successes + totals.failures, totals.failures, totals.slow,
				failed_at, true, now, news);
	}
}

const Traffic *
service_traffic(ServiceRole role)
{
	return role == ROLE_ML ? &service->ml : role == ROLE_DATABASE ? &service->database : NULL;
}

Health
service_traffic_health(ServiceRole role, int64 now)
{
	const Traffic *t = service_traffic(role);
	Health		health;

	if (t == NULL || t->track.samples == 0)
		return HEALTH_NONE;
	/* nobody calls at a tier that does not; that must not hold it there */
	health = health_now(&t->track, now, PUSH_STALE_INTERVALS * interval_of(role));
	/* the session that says so runs in this database: it cannot be gone */
	return role == ROLE_DATABASE ? Min(health, HEALTH_DEGRADED) : health;
}

/* ---- windows ---- */

static void
tell_window(ServiceNews *news, NewsKind kind, const Window *w, int64 starts, int64 ends)
{
	News	   *item = service_news(news, kind);

	if (item == NULL)
		return;
	item->window.id = w->id;
	item->window.starts = starts;
	item->window.ends = ends;
	item->window.every = w->every;
	strlcpy(item->window.contact, w->contact, sizeof(item->window.contact));
	strlcpy(item->remark, w->message, sizeof(item->remark));
}

void
service_look_at_windows(int64 wall, ServiceNews *news)
{
	WindowTable *table = &service->windows;
	int			over;

	for (int i = 0; i < table->n && news->n < NEWS_MAX / 2; i++)
	{
		Window	   *w = &table->window[i];
		bool		open = window_open(w, wall);
		int64		starts = w->starts;
		int64		ends = w->ends;

		if (open == w->announced)
			continue;
		(void) window_occurrence(w, wall, &starts, &ends);
		w->announced = open;
		tell_window(news, open ? NEWS_WINDOW_STARTED : NEWS_WINDOW_ENDED, w, starts, ends);
	}
	while ((over = windows_over(table, wall)) >= 0 && !table->window[over].announced)
	{
		windows_remove(table, over);
		pg_atomic_write_u32(&service->dirty, 1);
	}
}

/* ---- all of it ---- */

static void
add_samples(TierFacts *facts, ServiceRole role, Health health, int64 failed_at, int64 bad_at)
{
	facts->role[role].health = Max(facts->role[role].health, health);
	facts->role[role].failed_at = Max(facts->role[role].failed_at, failed_at);
	facts->role[role].bad_at = Max(facts->role[role].bad_at, bad_at);
}

static void
look_at_circuit(TierFacts *facts, int64 now)
{
	Circuit    *c = ml_circuit();

	if (c == NULL)
		return;
	circuit_lock_shared(c);
	/* nobody has looked at it since the server started: what it was then */
	if (c->config_generation == 0)
	{
		facts->circuit = c->restored;
		facts->circuit_state = c->restored_state;
		facts->circuit_since = now;
	}
	else
	{
		facts->circuit = true;
		facts->circuit_state = machine_state(&c->machine, &c->config, now);
		facts->circuit_since = facts->circuit_state == c->machine.state ? c->machine.since : c->machine.until;
	}
	circuit_unlock_shared(c);
}

/* What the span that goes on will say: nothing gets better because it has not ended. */
static int64
open_trouble(const Traffic *t)
{
	uint64		failed = t->seen_failed - t->failed;

	return failed > 0 && failed * 100 >= (uint64) service->settings.traffic.degraded_percent * (t->seen - t->calls) ?
		t->failed_at : HEALTH_NEVER;
}

void
service_facts(TierFacts *facts, int64 now, int64 wall)
{
	int64		ends;
	int64		at;

	tier_facts_init(facts);
	for (int i = 0; i < service->ndependencies; i++)
	{
		Dependency *d = &service->dependency[i];
		ServiceRole role = d->config.role;

		health_tick(&d->probes, now);
		add_samples(facts, role, service_probed(d, now), d->probes.failed_at, d->probes.bad_at);
		if ((d->config.kind == PROBE_SQL || d->config.kind == PROBE_TCP) && d->not_probed[0] == '\0' &&
			(d->probes.samples == 0 || now - d->probes.at > d->config.interval + d->config.timeout + PROBE_SLACK))
			facts->role[role].waiting = true;
	}
	at = open_trouble(&service->ml);
	add_samples(facts, ROLE_ML, service_traffic_health(ROLE_ML, now), Max(service->ml.track.failed_at, at),
				Max(service->ml.track.bad_at, at));
	/* failing look-ups are worth tier 3, and keep nobody at 4 */
	add_samples(facts, ROLE_DATABASE, service_traffic_health(ROLE_DATABASE, now), HEALTH_NEVER,
				Max(service->database.track.bad_at, open_trouble(&service->database)));
	look_at_circuit(facts, now);
	facts->read_only = service->read_only;
	facts->standby = service->standby;
	facts->lag = service->lag;
	facts->maintenance = windows_current(&service->windows, wall, &ends) >= 0;
	if (facts->maintenance)
		facts->maintenance_ends = now + (ends - wall);
}
