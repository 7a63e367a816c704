/*-------------------------------------------------------------------------
 *
 * tiers.h
 *	  The five tiers and how one is chosen.
 *
 * Pure: a machine is a struct, time comes as an argument, in microseconds of a
 * clock that may stand still or step back. Whoever shares a machine holds a
 * lock around each call.
 *
 * Three tiers stand behind the one that counts:
 *	 measured	what the facts say this moment
 *	 held		measured, but up only one tier at a time, each after its time of
 *				health
 *	 tier		held, an override and maintenance on top
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_TIERS_H
#define FRAUD_SERVICE_TIERS_H

#include "circuit/machine.h"
#include "service/service_config.h"

typedef enum Tier
{
	TIER_FULL = 1,				/* the ML verdict */
	TIER_DEGRADED,				/* all rules over stored history */
	TIER_MINIMAL,				/* critical rules, nothing is read */
	TIER_EMERGENCY,				/* the amount alone */
	TIER_MAINTENANCE			/* no verdict */
} Tier;

#define TIERS				5

/* By tier, from 1; [0] is empty. */
extern const char *const tier_names[TIERS + 1];

/*
 * Why a tier is what it is. The measured ones are in the order of how much
 * they weigh; a machine keeps them as bits.
 */
typedef enum TierCause
{
	CAUSE_NONE,					/* all is well */
	CAUSE_ML_UNHEALTHY,
	CAUSE_ML_CIRCUIT,			/* circuit 'ml' admits nothing, or only trials */
	CAUSE_STANDBY,
	CAUSE_READ_ONLY,			/* default_transaction_read_only */
	CAUSE_STANDBY_LAG,
	CAUSE_DATABASE_DEGRADED,
	CAUSE_DATABASE_UNHEALTHY,
	CAUSE_RECOVERING,			/* one tier at a time */
	CAUSE_OVERRIDE,				/* from here on by hand */
	CAUSE_FORCED,
	CAUSE_MAINTENANCE
} TierCause;

#define TIER_CAUSES			12
#define CAUSE_BIT(cause)	(UINT32_C(1) << (cause))
#define CAUSES_ML			(CAUSE_BIT(CAUSE_ML_UNHEALTHY) | CAUSE_BIT(CAUSE_ML_CIRCUIT))

/* "ML offline", "database read-only", ... */
extern const char *const tier_cause_texts[TIER_CAUSES];

/* What the machine looks at; all zeros: all is well, and nothing is known. */
typedef struct TierFacts
{
	struct
	{
		Health		health;		/* the worse of probes and real traffic */
		bool		waiting;	/* a probe is overdue: nothing gets better meanwhile */
		int64		failed_at;	/* last sample of those that failed, or HEALTH_NEVER */
		int64		bad_at;		/* failed or slow */
	}			role[SERVICE_ROLES];
	bool		circuit;		/* there is a circuit 'ml' */
	CircuitState circuit_state;
	int64		circuit_since;
	bool		read_only;
	bool		standby;
	int64		lag;			/* of replay, microseconds; -1: not known */
	bool		maintenance;	/* a window is open ... */
	int64		maintenance_ends;	/* ... until then */
} TierFacts;

extern void tier_facts_init(TierFacts *facts);

typedef struct TierChange
{
	Tier		from;
	Tier		to;
	TierCause	cause;			/* of the new one */
	uint32		causes;			/* bits: what is measured behind it */
	TierCause	was;			/* cause of the old one */
	int64		wait;			/* health it takes to the next one up; 0: none */
} TierChange;

/* More than the calls under one lock can make. */
#define TIER_CHANGES_MAX	4

typedef struct TierChanges
{
	int			n;
	TierChange	change[TIER_CHANGES_MAX];
	bool		override_ended; /* its time is over */
} TierChanges;

#define TIER_MOVES_MAX		500 /* changes of the last day that are counted */
#define OVERRIDE_MAX		(INT64CONST(86400) * 1000000)

typedef struct TierMachine
{
	int64		latest;			/* time of the last call */

	Tier		measured;
	uint32		causes;			/* bits, of measured */
	Tier		held;
	uint32		held_causes;	/* bits: what it was lowered by */
	int64		worse_at;		/* last time nothing better was measured, or it rose */
	int64		wait_from;		/* the wait for the next tier began; where it waits */
	bool		waiting;		/* for evidence, when the time is over */

	Tier		override;		/* 0: none */
	bool		forced;
	int64		override_until;

	Tier		tier;
	TierCause	cause;
	int64		since;			/* of tier */
	int64		in_tier[TIERS + 1];	/* time before `since` */

	uint32		moves;			/* in all */
	int64		moved_at[TIER_MOVES_MAX];	/* a ring */

	TierFacts	facts;			/* of the last tick */
} TierMachine;

extern void tiers_init(TierMachine *m, int64 now);

/* After a restart: what was held, with a full wait before it gets better. */
extern void tiers_restore(TierMachine *m, int64 now, Tier held, uint32 held_causes,
						  Tier override, bool forced, int64 rest);

/* Every call adds to changes what it changed. */
extern void tiers_tick(TierMachine *m, const TierSettings *settings, const TierFacts *facts,
					   int64 now, TierChanges *changes);

/*
 * By hand, in force with the next tick: the best tier allowed, for so long,
 * OVERRIDE_MAX at most; forced: exactly this one.
 */
extern void tiers_override(TierMachine *m, int64 now, Tier tier, bool forced, int64 duration);
extern void tiers_override_clear(TierMachine *m);

/* ---- reading; nothing changes ---- */

/* ML is all that keeps it at tier 2: its calls are wanted as evidence. */
extern bool tiers_only_ml(const TierMachine *m);

/* How long one tier up takes from `held` on; 0 for the best one. */
extern int64 tiers_wait(const TierSettings *settings, Tier held);

/* When the tier changes next as things are; false: nobody knows. */
extern bool tiers_next_at(const TierMachine *m, const TierSettings *settings, int64 *at);

extern int64 tiers_time_in(const TierMachine *m, Tier tier, int64 now);
extern int	tiers_moves(const TierMachine *m, int64 now, int64 period);

/* ---- words; tier_text.c ---- */

/* "5 min", "1 h 30 min" */
extern char *tier_duration(char *dst, size_t size, int64 microseconds);

/* Why, with everything that is not well: "ML offline; cache offline, which has no effect". */
extern void tier_reason(const TierMachine *m, char *dst, size_t size);

/* What comes next, as a sentence without its full stop. */
extern void tier_outlook(const TierMachine *m, const TierSettings *settings, int64 now,
						 char *dst, size_t size);

/*
 * A change for people: "Degraded to Tier 2 - ML offline; ...". remark: the
 * reason of an override or the message of a window, UTF-8.
 */
extern void tier_change_text(const TierChange *change, const char *remark, char *dst, size_t size);

#endif							/* FRAUD_SERVICE_TIERS_H */
