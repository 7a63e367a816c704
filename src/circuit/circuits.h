/*-------------------------------------------------------------------------
 *
 * circuits.h
 *	  The circuits of a server, in shared memory.
 *
 * Locking protocol
 *	 names, n			appended under the registry lock, never changed after;
 *						n is read without lock
 *	 Circuit.word, until, check_at, timeout, slow_after
 *						atomics: written under the circuit's lock, read without
 *	 counters			atomics, no lock
 *	 the rest of a circuit	its lock
 *	 slots				their atomic `word` says who may touch the rest; see
 *						permits.h
 * A circuit's lock is held for a few hundred nanoseconds of arithmetic, and
 * once a second, or when a call may be overdue, for a look at all slots.
 * Nothing is allocated, logged, written or called under it. Order: registry or
 * saved, then circuit.
 *
 * What most calls do needs no lock: `word` says whether calls are admitted, or
 * refused, until `until`, with nothing to decide (machine_shortcut()).
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUITS_H
#define FRAUD_CIRCUIT_CIRCUITS_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "circuit/machine.h"

#define CIRCUIT_KIND_MAX	24		/* bytes of a failure's kind, NUL included */
#define CIRCUIT_ERROR_MAX	200
#define CIRCUIT_REASON_MAX	200
#define CIRCUIT_REPORTER_MAX 80
#define CIRCUIT_RECENT		8
#define CIRCUIT_STRIPES		16
#define CIRCUIT_SAMPLES		61

/* One cache line; sessions spread over CIRCUIT_STRIPES of them. */
typedef struct CircuitCounters
{
	pg_atomic_uint64 admitted;
	pg_atomic_uint64 ended;		/* of the admitted: not in flight any more */
	pg_atomic_uint64 successes;
	pg_atomic_uint64 failures;
	pg_atomic_uint64 ignored;
	pg_atomic_uint64 slow;
	pg_atomic_uint64 late;
	pg_atomic_uint64 refused;
} CircuitCounters;

/* The same, summed up. Order as above. */
typedef struct CircuitTotals
{
	uint64		admitted;
	uint64		ended;
	uint64		successes;
	uint64		failures;
	uint64		ignored;
	uint64		slow;
	uint64		late;
	uint64		refused;
} CircuitTotals;

typedef struct CircuitFailure
{
	TimestampTz at;
	char		kind[CIRCUIT_KIND_MAX];
	char		reporter[CIRCUIT_REPORTER_MAX];	/* role@address */
} CircuitFailure;

/* Totals once a second, for rates of the last minute. */
typedef struct CircuitSample
{
	int64		at;				/* clock_now(); 0: none */
	uint64		successes;
	uint64		failures;
	uint64		slow;
} CircuitSample;

typedef struct Circuit
{
	char		name[CIRCUIT_NAME_MAX];
	uint32		number;			/* its place */

	pg_atomic_uint64 word;		/* generation * 32 + Shortcut * 8 + CircuitState */
	pg_atomic_uint64 until;		/* the shortcut ends */
	pg_atomic_uint64 check_at;	/* a call in flight may be overdue from then on */
	pg_atomic_uint64 timeout;	/* copies of config */
	pg_atomic_uint64 slow_after;

	/* under its lock */
	CircuitConfig config;
	uint64		config_generation;	/* of settings; 0: nothing applied yet */
	Machine		machine;
	CircuitChange last_change;
	TimestampTz changed_at;		/* 0: never */
	int			nrecent;		/* in all; the ring holds the last ones */
	CircuitFailure recent[CIRCUIT_RECENT];
	char		last_error[CIRCUIT_ERROR_MAX];
	TimestampTz last_error_at;
	char		forced_by[NAMEDATALEN]; /* of the forced state or the trip */
	char		forced_reason[CIRCUIT_REASON_MAX];
	TimestampTz forced_at;
	uint64		refused_trials;
	uint64		refused_full;
	uint32		last_sample;
	CircuitSample samples[CIRCUIT_SAMPLES];

	/* what a restart left: applied with the first configuration */
	bool		restored;
	CircuitState restored_state;
	CircuitState restored_resume;
	int32		restored_step;
	int64		restored_rest;
	int64		restored_at;

	CircuitCounters counters[CIRCUIT_STRIPES] pg_attribute_aligned(PG_CACHE_LINE_SIZE);
} Circuit;

typedef struct CircuitsShared
{
	uint64		secret;			/* of tickets */
	int			max;			/* room for circuits */
	int			slots;			/* room for calls in flight */
	pg_atomic_uint32 n;
	pg_atomic_uint64 refused_names;		/* no room for another circuit */
	pg_atomic_uint64 refused_slots;		/* no room for another call in flight */
	pg_atomic_uint32 dirty;		/* what is on disk is not what is */
	pg_atomic_uint64 to_save;	/* changes that must outlive a crash, counted */
	uint64		saved;			/* of them on disk; under the saved lock */
} CircuitsShared;

extern CircuitsShared *circuits;	/* NULL: not preloaded */

extern Circuit *circuit_number(uint32 number);
extern int	circuit_count(void);

/*
 * Raises 55000 without preload, and applies what service.yaml says now. First
 * call of everything.
 */
extern void circuits_ready(void);

/* NULL where there is none of this name. */
extern Circuit *circuit_find(const char *name, int len);

/* Makes it where there is none; NULL, counted, where there is no room. Names it cannot be raise 22023. */
extern Circuit *circuit_find_or_make(const char *name, int len);

/* Raises 42704 with the nearest name. */
extern Circuit *circuit_of_text(const text *name);

/* ---- the word ---- */

#define WORD_STATE(word)		((CircuitState) ((word) & 7))
#define WORD_SHORTCUT(word)		((Shortcut) (((word) >> 3) & 3))
#define WORD_GENERATION(word)	((word) >> 5)

/* ---- under the lock ---- */

/* What a call into the machine leads to, outside the lock. */
typedef struct CircuitAftermath
{
	CircuitChanges changes;
	uint64		places[CIRCUIT_CHANGES_MAX];	/* of events */
	int			nrecent;
	CircuitFailure recent[CIRCUIT_RECENT];
	char		forced_reason[CIRCUIT_REASON_MAX];
	CircuitConfig config;
} CircuitAftermath;

extern void circuit_lock(Circuit *c);

/* For reading what the lock protects. */
extern void circuit_lock_shared(Circuit *c);
extern void circuit_unlock_shared(Circuit *c);

/*
 * Ends what circuit_lock() began: makes the new state known, lets go, publishes
 * events and, where the state must outlive a crash, writes it to disk.
 */
extern void circuit_unlock(Circuit *c, CircuitAftermath *aftermath);

/* The same where the machine's state cannot have changed. */
extern void circuit_unlock_unchanged(Circuit *c);

extern void circuit_totals(const Circuit *c, CircuitTotals *totals);
extern int64 circuit_in_flight(const Circuit *c);

/* Which counters this session uses. */
extern int	circuit_stripe(void);

/* Who this session is, for the quorum and for people: role@address. */
extern uint64 circuit_reporter(void);
extern const char *circuit_reporter_name(void);

extern void circuits_init(void);

#endif							/* FRAUD_CIRCUIT_CIRCUITS_H */
