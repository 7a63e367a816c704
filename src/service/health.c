/*-------------------------------------------------------------------------
 *
 * health.c
 *	  The health of one dependency from its samples; see health.h.
 *
 * Each sample has two verdicts: one by the limits for getting worse, one by
 * the narrower ones for getting better. Down goes by k of the last n, up by
 * samples in a row, so a latency near a limit does not go back and forth.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "service/health.h"

/* Later than this the clock was set back, earlier it is another session's. */
#define STEP_BACK_MIN		INT64CONST(1000000)

#define VERDICT_DOWN(sample)	((Health) ((sample) >> 2))
#define VERDICT_UP(sample)		((Health) ((sample) & 3))

const char *const health_names[HEALTHS] = {
	[HEALTH_NONE] = "UNKNOWN",
	[HEALTH_HEALTHY] = "HEALTHY",
	[HEALTH_DEGRADED] = "DEGRADED",
	[HEALTH_UNHEALTHY] = "UNHEALTHY"
};

void
health_init(HealthTrack *track, int64 now)
{
	memset(track, 0, sizeof(*track));
	track->health = HEALTH_NONE;
	track->since = track->latest = now;
	track->failed_at = track->bad_at = HEALTH_NEVER;
	track->latency = HEALTH_FAILED;
}

static int64
begin(HealthTrack *track, int64 now)
{
	int64		by = track->latest - now;

	if (by >= STEP_BACK_MIN)
	{
		track->since -= by;
		track->latest -= by;
		track->at -= by;
		if (track->failed_at != HEALTH_NEVER)
			track->failed_at -= by;
		if (track->bad_at != HEALTH_NEVER)
			track->bad_at -= by;
	}
	track->latest = Max(now, track->latest);
	return track->latest;
}

void
health_tick(HealthTrack *track, int64 now)
{
	(void) begin(track, now);
}

void
health_forget(HealthTrack *track, int64 now)
{
	track->since = begin(track, now);
	track->health = HEALTH_NONE;
	track->n = 0;
}

/* The i-th latest sample, from 0. */
static uint8
sample_at(const HealthTrack *track, int i)
{
	return track->ring[(track->last - i + HEALTH_SAMPLES_MAX) % HEALTH_SAMPLES_MAX];
}

/* How many of the last `of` were at least so bad. */
static int
count_bad(const HealthTrack *track, int of, Health at_least)
{
	int			bad = 0;

	for (int i = 0; i < Min(of, track->n); i++)
		bad += VERDICT_DOWN(sample_at(track, i)) >= at_least;
	return bad;
}

static Health
worst_of_last(const HealthTrack *track, int samples)
{
	Health		worst = HEALTH_HEALTHY;

	if (track->n < samples)
		return HEALTH_UNHEALTHY;	/* too few to prove anything */
	for (int i = 0; i < samples; i++)
		worst = Max(worst, VERDICT_UP(sample_at(track, i)));
	return worst;
}

static bool
add(HealthTrack *track, const HealthRules *rules, int64 now, Health down, Health up)
{
	Health		before = track->health;
	Health		low = HEALTH_HEALTHY;

	track->last = (track->last + 1) % HEALTH_SAMPLES_MAX;
	track->ring[track->last] = (uint8) (down << 2 | up);
	track->n = Min(track->n + 1, HEALTH_SAMPLES_MAX);
	track->samples++;
	track->at = now;

	if (count_bad(track, rules->unhealthy_of, HEALTH_UNHEALTHY) >= rules->unhealthy_failures)
		low = HEALTH_UNHEALTHY;
	else if (count_bad(track, rules->degraded_of, HEALTH_DEGRADED) >= rules->degraded_failures)
		low = HEALTH_DEGRADED;
	if (low >= before)
		track->health = low;
	else
		track->health = Min(before, Max(low, worst_of_last(track, rules->recover_samples)));
	if (track->health != before)
		track->since = now;
	return track->health != before;
}

static Health
verdict(const HealthRules *rules, int64 latency, int32 percent)
{
	if (latency == HEALTH_FAILED || latency > rules->unhealthy_after / 100 * percent)
		return HEALTH_UNHEALTHY;
	return latency >= rules->degraded_after / 100 * percent ? HEALTH_DEGRADED : HEALTH_HEALTHY;
}

bool
health_sample(HealthTrack *track, const HealthRules *rules, int64 now, int64 latency)
{
	Health		down = verdict(rules, latency, 100);
	Health		up = verdict(rules, latency, rules->recover_percent);

	now = begin(track, now);
	track->latency = latency;
	track->failures += down == HEALTH_UNHEALTHY;
	if (up == HEALTH_UNHEALTHY)
		track->failed_at = now;
	if (up != HEALTH_HEALTHY)
		track->bad_at = now;
	return add(track, rules, now, down, up);
}

bool
health_traffic(HealthTrack *track, const HealthRules *rules, const TrafficRules *traffic,
			   int64 now, uint64 calls, uint64 failed, uint64 slow, int64 at, int64 failed_at)
{
	Health		health = HEALTH_HEALTHY;
	bool		some_failed = failed > 0 && failed * 100 >= (uint64) traffic->degraded_percent * calls;

	at = Min(at, begin(track, now));
	failed_at = Min(failed_at, at);
	if (calls >= (uint64) traffic->minimum_calls && failed * 100 >= (uint64) traffic->unhealthy_percent * calls)
		health = HEALTH_UNHEALTHY;
	else if (some_failed || (slow > 0 && slow * 100 >= (uint64) traffic->degraded_percent * calls))
		health = HEALTH_DEGRADED;
	track->failures += health == HEALTH_UNHEALTHY;
	if (some_failed)
		track->failed_at = Max(track->failed_at, failed_at);
	if (health != HEALTH_HEALTHY)
		track->bad_at = Max(track->bad_at, some_failed ? failed_at : at);
	return add(track, rules, at, health, health);
}

Health
health_now(const HealthTrack *track, int64 now, int64 stale)
{
	now = Max(now, track->latest);
	return stale > 0 && now - track->at > stale ? HEALTH_NONE : track->health;
}

void
health_recent(const HealthTrack *track, char *dst, size_t size)
{
	size_t		len = 0;

	for (int i = 0; i < track->n && len + 1 < size; i++)
	{
		Health		health = VERDICT_DOWN(sample_at(track, i));

		dst[len++] = health == HEALTH_UNHEALTHY ? '-' : health == HEALTH_DEGRADED ? '~' : '+';
	}
	dst[len] = '\0';
}
