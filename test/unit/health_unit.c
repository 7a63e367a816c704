/*-------------------------------------------------------------------------
 *
 * health_unit.c
 *	  The health of a dependency from its samples, rule by rule and against a
 *	  naive model in random histories, and maintenance windows. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "service/health.h"
#include "service/windows.h"
#include "tap.h"

#define MS					INT64CONST(1000)
#define SEC					INT64CONST(1000000)
#define HOUR				(3600 * SEC)
#define START				(1000 * SEC)

/* As shipped. */
static const HealthRules shipped = {
	.degraded_after = 100 * MS, .unhealthy_after = SEC,
	.degraded_failures = 2, .degraded_of = 3, .unhealthy_failures = 1, .unhealthy_of = 1,
	.recover_percent = 80, .recover_samples = 2
};

static const TrafficRules traffic = {
	.minimum_calls = 10, .degraded_percent = 5, .unhealthy_percent = 50
};

static uint64 seed = 42;

static uint32
rnd(uint32 below)
{
	seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (uint32) (seed >> 33) % below;
}

/* Samples every 10 s: latencies in ms, -1 failed; the health after the last. */
static Health
after(const HealthRules *rules, int n, const int *ms)
{
	HealthTrack track;

	health_init(&track, START);
	for (int i = 0; i < n; i++)
		(void) health_sample(&track, rules, START + (i + 1) * 10 * SEC, ms[i] < 0 ? HEALTH_FAILED : ms[i] * MS);
	return track.health;
}

#define AFTER(rules, ...) \
	after(rules, (int) (sizeof((int[]) {__VA_ARGS__}) / sizeof(int)), (int[]) {__VA_ARGS__})

static void
test_rules(void)
{
	HealthRules patient = shipped;
	HealthRules calm = shipped;
	HealthTrack track;

	health_init(&track, START);
	check(health_now(&track, START, 0) == HEALTH_NONE, "nothing is known at first");
	check(AFTER(&shipped, 5) == HEALTH_HEALTHY, "an answer is health");
	check(AFTER(&shipped, 99, 99, 99) == HEALTH_HEALTHY, "below 100 ms: HEALTHY");
	check(AFTER(&shipped, 5, 100) == HEALTH_HEALTHY, "one slow answer is none");
	check(AFTER(&shipped, 5, 100, 100) == HEALTH_DEGRADED, "100 ms, 2 of 3: DEGRADED");
	check(AFTER(&shipped, 5, 100, 5, 100) == HEALTH_DEGRADED, "2 of 3, not in a row");
	check(AFTER(&shipped, 100, 5, 5, 100) == HEALTH_HEALTHY, "2 of 4 are not");
	check(AFTER(&shipped, 5, 1000, 1000) == HEALTH_DEGRADED, "1,000 ms: still DEGRADED");
	check(AFTER(&shipped, 5, 1001) == HEALTH_UNHEALTHY, "above 1,000 ms: UNHEALTHY at once");
	check(AFTER(&shipped, 5, -1) == HEALTH_UNHEALTHY, "a timeout: UNHEALTHY at once");
	check(AFTER(&shipped, -1, 5) == HEALTH_UNHEALTHY, "one good sample does not heal");
	check(AFTER(&shipped, -1, 5, 5) == HEALTH_HEALTHY, "two in a row do");
	check(AFTER(&shipped, -1, -1, 5, 5) == HEALTH_HEALTHY, "as soon as 2 of 3 are good again");
	check(AFTER(&shipped, -1, 500, 500) == HEALTH_DEGRADED, "back to DEGRADED only");
	check(AFTER(&shipped, 5, 100, 100, 90, 90, 90, 90) == HEALTH_DEGRADED, "up needs less than 80 % of the limit");
	check(AFTER(&shipped, 5, 100, 100, 79, 79) == HEALTH_HEALTHY, "with that it recovers");
	check(AFTER(&shipped, 5, 90, 90, 90) == HEALTH_HEALTHY, "what keeps it healthy does not heal");
	check(AFTER(&shipped, -1, 900, 900) == HEALTH_UNHEALTHY, "nor from UNHEALTHY");

	patient.unhealthy_failures = 3;
	patient.unhealthy_of = 3;
	check(AFTER(&patient, 5, -1) == HEALTH_HEALTHY, "3 of 3: one failure is none");
	check(AFTER(&patient, 5, -1, -1) == HEALTH_DEGRADED, "3 of 3: occasional failures, 2 of 3, are DEGRADED");
	check(AFTER(&patient, 5, -1, -1, -1) == HEALTH_UNHEALTHY, "3 of 3: consistent ones UNHEALTHY");
	calm.recover_samples = 5;
	check(AFTER(&calm, -1, 5, 5, 5, 5) == HEALTH_UNHEALTHY, "four of five are too few");
	check(AFTER(&calm, -1, 5, 5, 5, 5, 5) == HEALTH_HEALTHY, "five heal");
	check(AFTER(&calm, 5, 5, 5, -1, 5, 5, -1, 5, 5, 5, 5) == HEALTH_UNHEALTHY, "one bad sample begins anew");
}

static void
test_traffic(void)
{
	HealthTrack track;

	health_init(&track, START);
	(void) health_traffic(&track, &shipped, &traffic, START + 1, 10, 5, 0, START + 1, START + 1);
	check(track.health == HEALTH_UNHEALTHY, "half of ten calls failing: UNHEALTHY");
	health_init(&track, START);
	(void) health_traffic(&track, &shipped, &traffic, START + 1, 9, 9, 0, START + 1, START + 1);
	check(track.health == HEALTH_HEALTHY && track.failed_at == START + 1, "nine calls are too few, but bad");
	(void) health_traffic(&track, &shipped, &traffic, START + 2, 1, 1, 0, START + 2, START + 2);
	check(track.health == HEALTH_DEGRADED, "twice: DEGRADED");
	health_init(&track, START);
	(void) health_traffic(&track, &shipped, &traffic, START + 1, 10000, 499, 0, START + 1, START + 1);
	check(track.health == HEALTH_HEALTHY && track.failed_at == HEALTH_NEVER, "below 5 % is no bad sample");
	(void) health_traffic(&track, &shipped, &traffic, START + 2, 100, 0, 5, START + 2, START + 2);
	check(track.failed_at == HEALTH_NEVER && track.bad_at == START + 2, "slow calls are bad, but no failures");
	(void) health_traffic(&track, &shipped, &traffic, START + 10 * SEC, 10, 1, 0, START + 4 * SEC, START + 3 * SEC);
	check(track.failed_at == START + 3 * SEC && track.at == START + 4 * SEC, "times are those of the calls");
}

static void
test_time(void)
{
	HealthTrack track;
	HealthTrack before;

	health_init(&track, START);
	(void) health_sample(&track, &shipped, START + SEC, 5 * MS);
	before = track;
	check(health_now(&track, START + 31 * SEC, 30 * SEC) == HEALTH_HEALTHY, "after 30 s it still counts");
	check(health_now(&track, START + 31 * SEC + 1, 30 * SEC) == HEALTH_NONE, "later it is stale");
	check(health_now(&track, START + HOUR, 0) == HEALTH_HEALTHY, "probes never are");
	check(memcmp(&track, &before, sizeof(track)) == 0, "reading changes nothing");
	(void) health_sample(&track, &shipped, START + 2 * SEC, HEALTH_FAILED);
	health_tick(&track, START + 2 * SEC - HOUR);
	check(track.failed_at == START + 2 * SEC - HOUR && track.since == track.failed_at,
		  "set back by an hour, everything is as long ago");
	check(health_now(&track, START + 31 * SEC - HOUR, 30 * SEC) == HEALTH_UNHEALTHY, "and gets stale in time");
	health_tick(&track, START + 2 * SEC - HOUR - SEC / 2);
	check(track.failed_at == START + 2 * SEC - HOUR, "less than a second is another session's clock");
}

static void
test_forget(void)
{
	HealthTrack track;

	health_init(&track, START);
	(void) health_sample(&track, &shipped, START + SEC, HEALTH_FAILED);
	health_forget(&track, START + HOUR);
	check(track.health == HEALTH_NONE && track.samples == 1 && track.failed_at == START + SEC, "forgotten, but counted");
	(void) health_sample(&track, &shipped, START + HOUR, 5 * MS);
	check(track.health == HEALTH_HEALTHY, "the next one is the first");
}

/* ---- a naive model ---- */

#define MODEL_SAMPLES		400

typedef struct Model
{
	HealthRules rules;
	int			n;
	int64		latency[MODEL_SAMPLES];
	Health		health;
} Model;

static bool
bad(const Model *m, int i, Health at_least, int percent)
{
	int64		limit = (at_least == HEALTH_UNHEALTHY ? m->rules.unhealthy_after : m->rules.degraded_after) * percent / 100;

	if (m->latency[i] < 0)
		return true;
	return at_least == HEALTH_UNHEALTHY ? m->latency[i] > limit : m->latency[i] >= limit;
}

static void
model_add(Model *m, int64 latency)
{
	Health		low = HEALTH_HEALTHY;
	Health		up = HEALTH_HEALTHY;
	int			slow = 0;
	int			failed = 0;

	m->latency[m->n++] = latency;
	for (int i = Max(0, m->n - m->rules.degraded_of); i < m->n; i++)
		slow += bad(m, i, HEALTH_DEGRADED, 100);
	for (int i = Max(0, m->n - m->rules.unhealthy_of); i < m->n; i++)
		failed += bad(m, i, HEALTH_UNHEALTHY, 100);
	if (slow >= m->rules.degraded_failures)
		low = HEALTH_DEGRADED;
	if (failed >= m->rules.unhealthy_failures)
		low = HEALTH_UNHEALTHY;
	for (int i = m->n - m->rules.recover_samples; i < m->n; i++)
	{
		if (i < 0 || bad(m, i, HEALTH_UNHEALTHY, m->rules.recover_percent))
			up = HEALTH_UNHEALTHY;
		else if (up < HEALTH_UNHEALTHY && bad(m, i, HEALTH_DEGRADED, m->rules.recover_percent))
			up = HEALTH_DEGRADED;
	}
	if (m->health == HEALTH_NONE || low > m->health)
		m->health = low;
	else if (Max(low, up) < m->health)
		m->health = Max(low, up);
}

static void
test_random(void)
{
	int			wrong = 0;
	int			changes = 0;

	for (int round = 0; round < 500; round++)
	{
		static const int ms[] = {1, 50, 79, 80, 81, 99, 100, 101, 500, 799, 800, 801, 1000, 1001, -1};
		Model		model = {.rules = shipped};
		HealthTrack track;
		int64		now = START;
		int64		failed_at = HEALTH_NEVER;

		model.rules.degraded_of = 1 + rnd(10);
		model.rules.degraded_failures = 1 + rnd(model.rules.degraded_of);
		model.rules.unhealthy_of = 1 + rnd(10);
		model.rules.unhealthy_failures = 1 + rnd(model.rules.unhealthy_of);
		model.rules.recover_samples = 1 + rnd(10);
		model.rules.recover_percent = rnd(2) == 0 ? 80 : 100;
		health_init(&track, now);
		for (int i = 0; i < MODEL_SAMPLES; i++)
		{
			int			which = rnd(rnd(3) == 0 ? lengthof(ms) : 4);
			int64		latency = ms[which] < 0 ? HEALTH_FAILED : ms[which] * MS;
			Health		before = model.health;
			int64		back = rnd(50) == 0 ? 2 * SEC + rnd(1000) * SEC : 0;

			if (back > 0)
			{
				now -= back;
				failed_at = failed_at == HEALTH_NEVER ? failed_at : failed_at - back;
			}
			else
				now += rnd(20) * SEC;
			model_add(&model, latency);
			if (bad(&model, i, HEALTH_UNHEALTHY, model.rules.recover_percent))
				failed_at = now;
			wrong += health_sample(&track, &model.rules, now, latency) != (before != model.health);
			wrong += track.health != model.health || track.failed_at != failed_at;
			changes += before != model.health;
		}
		wrong += track.samples != MODEL_SAMPLES;
	}
	check(wrong == 0 && changes > 5000, "500 random histories are as the naive model has them");
}

/* ---- windows ---- */

static void
test_windows(void)
{
	WindowTable table = {0};
	Window		once = {.starts = 100 * SEC, .ends = 200 * SEC};
	Window		daily = {.starts = 1000 * SEC, .ends = 1100 * SEC, .every = 86400 * SEC};
	int64		starts;
	int64		ends;

	check(!window_open(&once, 100 * SEC - 1) && window_open(&once, 100 * SEC) &&
		  window_open(&once, 200 * SEC - 1) && !window_open(&once, 200 * SEC), "open from starts, no more at ends");
	check(window_open(&daily, 1050 * SEC + 86400 * SEC * 1000) && !window_open(&daily, 1100 * SEC + 86400 * SEC * 7),
		  "every day again");
	check(window_occurrence(&daily, 1100 * SEC, &starts, &ends) && starts == 1000 * SEC + 86400 * SEC &&
		  ends == 1100 * SEC + 86400 * SEC, "the next one");
	check(!window_occurrence(&once, 200 * SEC, &starts, &ends), "once is once");

	check(windows_current(&table, 150 * SEC, &ends) == -1, "none is open");
	check(windows_add(&table, &once) == 1 && windows_add(&table, &daily) == 2, "numbers");
	check(windows_current(&table, 150 * SEC, &ends) == 0 && ends == 200 * SEC, "the open one");
	once.starts = 150 * SEC;
	once.ends = 180 * SEC;
	(void) windows_add(&table, &once);
	check(windows_current(&table, 160 * SEC, &ends) == 0 && ends == 200 * SEC, "the one that ends last");
	once.starts = 200 * SEC;
	once.ends = 300 * SEC;
	(void) windows_add(&table, &once);
	once.starts = 301 * SEC;
	once.ends = 400 * SEC;
	(void) windows_add(&table, &once);
	check(windows_current(&table, 160 * SEC, &ends) == 0 && ends == 300 * SEC, "one that follows without a gap counts");
	check(windows_over(&table, 250 * SEC) == 0 && windows_over(&table, 150 * SEC) == -1, "one that is over");
	windows_remove(&table, 0);
	check(windows_find(&table, 1) == -1 && windows_find(&table, 2) == 0 && table.n == 4, "removed");
	while (windows_add(&table, &daily) != 0)
		;
	check(table.n == WINDOWS_MAX, "bounded");
	daily.every = daily.ends - daily.starts;
	(void) windows_remove(&table, 0);
	(void) windows_add(&table, &daily);
	check(windows_current(&table, 5000 * SEC, &ends) >= 0, "one that never ends does end the search");
}

int
main(void)
{
	test_rules();
	test_traffic();
	test_time();
	test_forget();
	test_random();
	test_windows();
	return tap_end();
}
