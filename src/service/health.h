/*-------------------------------------------------------------------------
 *
 * health.h
 *	  The health of one dependency from its samples.
 *
 * Pure: a track is a struct, time comes as an argument, in microseconds of a
 * clock that may stand still or step back. Whoever shares a track holds a lock
 * around each call.
 *
 * A dependency has one track for what probes see of it and one for what real
 * traffic sees; the worse of the two counts. So either lowers it, and it takes
 * both to recover.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_HEALTH_H
#define FRAUD_SERVICE_HEALTH_H

#include "core/c_base.h"

typedef enum Health
{
	HEALTH_NONE,				/* nothing is known: no effect */
	HEALTH_HEALTHY,
	HEALTH_DEGRADED,
	HEALTH_UNHEALTHY
} Health;

#define HEALTHS				4

extern const char *const health_names[HEALTHS];

#define HEALTH_SAMPLES_MAX	10

/* Times in microseconds. */
typedef struct HealthRules
{
	int64		degraded_after; /* an answer that took longer is slow */
	int64		unhealthy_after;	/* and longer than that a failure */
	int32		degraded_failures;	/* so many slow or failed ... */
	int32		degraded_of;	/* ... of the last so many: DEGRADED */
	int32		unhealthy_failures; /* so many failed of so many: UNHEALTHY */
	int32		unhealthy_of;
	int32		recover_percent;	/* on the way up an answer must be within so
									 * many percent of the limits ... */
	int32		recover_samples;	/* ... so many times in a row */
} HealthRules;

/* What makes a span of real traffic a bad sample. */
typedef struct TrafficRules
{
	int32		minimum_calls;	/* fewer cannot make it UNHEALTHY */
	int32		degraded_percent;	/* of them failing, or slow */
	int32		unhealthy_percent;	/* of them failing */
} TrafficRules;

#define HEALTH_FAILED		INT64CONST(-1)	/* instead of a latency */
#define HEALTH_NEVER		PG_INT64_MIN	/* instead of a time */

typedef struct HealthTrack
{
	Health		health;
	int64		since;			/* of the health */
	int64		latest;			/* time of the last call */
	int64		at;				/* of the last sample */
	int64		failed_at;		/* of the last one that failed, or HEALTH_NEVER */
	int64		bad_at;			/* of the last one that failed or was slow */
	int64		latency;		/* of the last answer; HEALTH_FAILED: there was none */
	uint64		samples;		/* in all */
	uint64		failures;		/* of them */
	int32		n;				/* the last ones, a ring */
	int32		last;
	uint8		ring[HEALTH_SAMPLES_MAX];	/* verdict down * 4 + verdict up */
} HealthTrack;

/* As nothing had happened. */
extern void health_init(HealthTrack *track, int64 now);

/* What time alone changes: after a step back everything is as long ago as it was. */
extern void health_tick(HealthTrack *track, int64 now);

/* Samples that say nothing any more do not count with later ones either. */
extern void health_forget(HealthTrack *track, int64 now);

/* An answer after `latency`, or HEALTH_FAILED. True: the health has changed. */
extern bool health_sample(HealthTrack *track, const HealthRules *rules, int64 now, int64 latency);

/*
 * So many calls of real traffic, of them so many failed and so many slow; the
 * last one was at `at`, the last that failed at failed_at. True: the health has
 * changed.
 */
extern bool health_traffic(HealthTrack *track, const HealthRules *rules, const TrafficRules *traffic,
						   int64 now, uint64 calls, uint64 failed, uint64 slow, int64 at, int64 failed_at);

/* Samples older than `stale` say nothing any more; 0: they never get old. */
extern Health health_now(const HealthTrack *track, int64 now, int64 stale);

/* The last samples, latest first: "+" good, "~" slow, "-" failed. */
extern void health_recent(const HealthTrack *track, char *dst, size_t size);

#endif							/* FRAUD_SERVICE_HEALTH_H */
