/*-------------------------------------------------------------------------
 *
 * circuit_config.h
 *	  How circuits work: the section `circuits` of the service file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUIT_CONFIG_H
#define FRAUD_CIRCUIT_CIRCUIT_CONFIG_H

#include "config/settings.h"

typedef enum CircuitMode
{
	MODE_NORMAL,
	MODE_DISABLED,
	MODE_METRICS_ONLY,
	MODE_FORCED_OPEN
} CircuitMode;

#define CIRCUIT_NAME_MAX		64	/* with NUL */
#define CIRCUIT_NAME_HINT \
	"The name of a circuit has 1 to 63 printable ASCII characters: databases of all encodings share it."
#define CIRCUIT_STEPS_MAX		6
#define CIRCUIT_FAILURES_MAX	100
#define CIRCUIT_REPORTERS_MAX	8
#define CIRCUIT_NAMED_MAX		256

/* Times in microseconds. */
typedef struct CircuitConfig
{
	int32		mode;			/* CircuitMode */
	int32		failures;		/* so many within window open it, 1..100; 0: off */
	int64		window;			/* 1 ms .. 1 h */
	int32		reporters;		/* 1..8 different ones among them */
	int32		rate_percent_x100;	/* failure rate that opens it, in hundredths
									 * of a percent, 0: off */
	int32		rate_calls;		/* with at least so many calls in the window,
								 * 1..1000 */
	int32		slow_percent_x100;	/* slow-call rate that opens it; 0: each slow
									 * answer is a failure */
	int32		slow_calls;		/* 1..1000 */
	int64		slow_after;		/* an answer that took longer is slow; 0: off */
	int32		nsteps;			/* 1..6 */
	int64		open_for[CIRCUIT_STEPS_MAX];	/* 100 ms .. 24 h, not falling */
	int64		step_back;		/* one step back for each so long healthy;
								 * 1 s .. 24 h */
	int32		jitter_percent; /* 0..50: the wait is longer by up to so much */
	int32		trials;			/* 1..100 at a time while half-open */
	int32		successes;		/* 1..100 of them close it */
	int32		max_concurrent; /* -1: no limit; 0 refuses all */
	int64		timeout;		/* 1 ms .. 1 h */
	int64		grace;			/* 0 .. 1 h; a lease is timeout + grace */
	int32		retry_attempts; /* 1..10, calls in all */
	int32		retry_budget_percent;	/* 0..100 of the calls */
	int32		retry_budget_min;	/* 0..1000 retries in any case */
	int64		retry_base;		/* 1 ms .. 1 min */
	int64		retry_cap;		/* >= base, .. 10 min */
	int64		retry_deadline; /* of all attempts and waits; 1 ms .. 1 h */
} CircuitConfig;

/* Names are ASCII, zero-padded and in the order of strcmp(). */
typedef struct CircuitSettings
{
	CircuitConfig template;
	int32		n;
	struct
	{
		char		name[CIRCUIT_NAME_MAX];
		CircuitConfig config;
	}			named[CIRCUIT_NAMED_MAX];
} CircuitSettings;

extern const SettingsSection circuit_section;

/* Of a circuit named in the file, else the template. */
extern const CircuitConfig *circuit_config_of(const CircuitSettings *settings,
											  const char *name);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_CONFIG_H */
