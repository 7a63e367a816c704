/*-------------------------------------------------------------------------
 *
 * machine.h
 *	  The states of one circuit and what moves between them.
 *
 * Pure: a circuit is a struct, time comes as an argument, in microseconds of a
 * clock that may stand still or step back. Whoever shares a machine holds a
 * lock around each call.
 *
 * Windows are exact: an event of time t is outside when now - t >= window. The
 * machine keeps the times of the last events that can matter, no sums of
 * seconds.
 *
 * Each change of state begins a new generation. Results of calls that were
 * admitted in an earlier one are late and change nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_MACHINE_H
#define FRAUD_CIRCUIT_MACHINE_H

#include "circuit/circuit_config.h"

typedef enum CircuitState
{
	CIRCUIT_CLOSED,
	CIRCUIT_OPEN,
	CIRCUIT_HALF_OPEN,
	CIRCUIT_FORCED_OPEN,
	CIRCUIT_FORCED_CLOSED,
	CIRCUIT_METRICS_ONLY
} CircuitState;

#define CIRCUIT_STATES		6

extern const char *const circuit_state_names[CIRCUIT_STATES];

/* Why the state changed. */
typedef enum ChangeReason
{
	CHANGE_FAILURES,			/* so many failures in the window */
	CHANGE_FAILURE_RATE,
	CHANGE_SLOW_RATE,
	CHANGE_TRIAL_FAILED,
	CHANGE_TRIALS_SUCCEEDED,
	CHANGE_WAITED,				/* long enough open */
	CHANGE_TRIPPED,				/* from here on by hand */
	CHANGE_FORCED,
	CHANGE_FORCE_ENDED,
	CHANGE_RESET,
	CHANGE_CONFIGURED,			/* mode: of service.yaml */
	CHANGE_WOULD_OPEN,			/* metrics only: no change of state */
	CHANGE_RESTORED				/* as it was before a restart */
} ChangeReason;

typedef struct CircuitChange
{
	CircuitState from;
	CircuitState to;
	ChangeReason reason;
	uint64		generation;		/* the new one */
	int64		wait;			/* to OPEN or forced: how long, INT64_MAX for ever */
} CircuitChange;

/* More than the calls under one lock can make. */
#define CIRCUIT_CHANGES_MAX 8

/* Calls add to it. */
typedef struct CircuitChanges
{
	int			n;
	CircuitChange change[CIRCUIT_CHANGES_MAX];
} CircuitChanges;

typedef enum Admission
{
	ADMITTED,
	REFUSED_OPEN,
	REFUSED_FORCED,
	REFUSED_TRIALS,				/* half-open, all trials are under way */
	REFUSED_FULL,				/* max_concurrent */
	REFUSED_NO_SLOT				/* not the machine's: no room for a call in flight */
} Admission;

#define CIRCUIT_CALLS_MAX	1000	/* calls the rates look at, at most */
#define CIRCUIT_TRIPS_MAX	1500	/* trips remembered for a day */
#define CIRCUIT_FOR_EVER	PG_INT64_MAX

typedef struct Machine
{
	CircuitState state;
	CircuitState resume;		/* when a forced state ends: CLOSED or OPEN */
	bool		configured;		/* the forced state is service.yaml's */
	uint64		generation;
	int64		latest;			/* time of the last call into the machine */
	int64		since;			/* of the state */
	int64		resume_until;	/* `until` of resume */
	int64		until;			/* OPEN: trials from then on; forced: end */
	int64		not_before;		/* Retry-After of a 429: OPEN until then at least, ... */
	int64		not_before_said;	/* ... where that was said within the window */
	int64		would_open_until;	/* metrics only: it said so, and is silent until then */
	int64		open_total;		/* time in OPEN before `since` */

	int32		step;			/* of open_for */
	int64		healthy_since;	/* when it closed, or went a step back */

	int32		trials_out;		/* half-open: under way */
	int32		trials_ok;		/* half-open: succeeded */

	/* the last failures of this generation, a ring */
	int32		nfails;
	int32		last_fail;
	int64		fails[CIRCUIT_FAILURES_MAX];

	/* who reported them, latest first, each once */
	int32		nreporters;
	struct
	{
		uint64		who;
		int64		at;
	}			reporters[CIRCUIT_REPORTERS_MAX];

	/* calls of this generation, a ring, where a rate is configured */
	int32		ncalls;
	int32		last_call;
	int32		calls_failed;
	int32		calls_slow;
	int64		calls[CIRCUIT_CALLS_MAX];	/* time * 4 + failed * 2 + slow */

	/* times of trips in seconds, a ring */
	int64		trips;			/* in all */
	uint32		trip_at[CIRCUIT_TRIPS_MAX];

	/* retries of circuit_call, thousandths of one */
	int64		retry_tokens;
	int64		retry_at;		/* of the last refill */
} Machine;

/* CLOSED, or what the mode says. */
extern void machine_init(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes);

/*
 * What time alone changes: forced states that end, modes of the configuration,
 * trials that are enough since fewer are asked for. Every call below does it
 * first.
 */
extern void machine_tick(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes);

/* in_flight: calls that were admitted and have not ended. */
extern Admission machine_admit(Machine *m, const CircuitConfig *config, int64 now,
							   int64 in_flight, CircuitChanges *changes);

/* For `generation`: nobody was admitted, somebody saw how the service does. */
#define MACHINE_EVIDENCE	UINT64_MAX

/*
 * The end of a call. generation: the one it was admitted in. False: late,
 * nothing changed. Evidence counts where calls are admitted freely, it is no
 * trial. reporter: who saw it, a hash. jitter: 0 .. 1, of the wait if it opens.
 */
extern bool machine_success(Machine *m, const CircuitConfig *config, int64 now, uint64 generation,
							bool slow, uint64 reporter, double jitter, CircuitChanges *changes);
extern bool machine_failure(Machine *m, const CircuitConfig *config, int64 now, uint64 generation,
							bool slow, uint64 reporter, int64 retry_after, double jitter,
							CircuitChanges *changes);

/* Whether a success that was slow counts as a failure now. */
extern bool machine_slow_fails(const Machine *m, const CircuitConfig *config);

/* Neither success nor failure: a trial's permit returns. */
extern bool machine_ignore(Machine *m, const CircuitConfig *config, int64 now, uint64 generation,
						   CircuitChanges *changes);

/* By hand. A trip recovers by itself; duration may be CIRCUIT_FOR_EVER. */
extern void machine_trip(Machine *m, const CircuitConfig *config, int64 now, double jitter,
						 CircuitChanges *changes);
extern void machine_force(Machine *m, const CircuitConfig *config, int64 now, CircuitState state,
						  int64 duration, CircuitChanges *changes);
extern void machine_reset(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes);

/* After a restart: OPEN with a full wait, or forced for the rest of its time. */
extern void machine_restore(Machine *m, const CircuitConfig *config, int64 now, CircuitState state,
							CircuitState resume, int32 step, int64 rest, double jitter,
							CircuitChanges *changes);

/* ---- reading; nothing changes ---- */

/* The state as of now: a forced one that has ended is not shown any more. */
extern CircuitState machine_state(const Machine *m, const CircuitConfig *config, int64 now);

/* OPEN and its wait is over: the next call is a trial. */
extern bool machine_probe_due(const Machine *m, const CircuitConfig *config, int64 now);

/* How long it would be open, but for jitter and Retry-After: what health has earned is off. */
extern int64 machine_wait(const Machine *m, const CircuitConfig *config, int64 now);

/* Until a call may be admitted, 0: at once. */
extern int64 machine_retry_after(const Machine *m, const CircuitConfig *config, int64 now);

/* Failures in the window, and when the oldest of them leaves it (0: none). */
extern int	machine_failures(const Machine *m, const CircuitConfig *config, int64 now, int64 *oldest_leaves);
extern int	machine_reporters(const Machine *m, const CircuitConfig *config, int64 now);
extern int	machine_calls(const Machine *m, const CircuitConfig *config, int64 now, int *failed, int *slow);
extern int	machine_trips(const Machine *m, int64 now, int64 period);
extern int64 machine_time_open(const Machine *m, int64 now);

/*
 * Admits and refuses without the machine where nothing else can come of it:
 * calls are admitted, successes only counted, until `until`; or refused.
 */
typedef enum Shortcut
{
	SHORTCUT_NONE,
	SHORTCUT_ADMIT,
	SHORTCUT_REFUSE
} Shortcut;

extern Shortcut machine_shortcut(const Machine *m, const CircuitConfig *config, int64 *until);

/* Counts a call of circuit_call; one more retry for it may be taken, or not. */
extern void machine_budget_call(Machine *m, const CircuitConfig *config, int64 now);
extern bool machine_budget_retry(Machine *m, const CircuitConfig *config, int64 now);

#endif							/* FRAUD_CIRCUIT_MACHINE_H */
