/*-------------------------------------------------------------------------
 *
 * tiers_unit.c
 *	  The choice of the tier: each rule by itself, words, overrides, and random
 *	  histories against a naive model. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "service/tiers.h"
#include "tap.h"

#define SEC					INT64CONST(1000000)
#define MINUTE				(60 * SEC)
#define HOUR				(3600 * SEC)
#define START				(1000 * SEC)

static const TierSettings shipped = {
	.recover_minimal = 5 * MINUTE, .recover_degraded = 5 * MINUTE, .recover_full = 5 * MINUTE,
	.recovery_rate = 1, .standby_tier = TIER_MINIMAL, .standby_lag = 10 * SEC
};

static uint64 seed = 7;

static uint32
rnd(uint32 below)
{
	seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (uint32) (seed >> 33) % below;
}

/* A machine, what it looks at, and its clock. */
typedef struct Fixture
{
	TierMachine m;
	TierSettings settings;
	TierFacts	facts;
	int64		now;
	TierChanges changes;		/* of the last tick */
	char		text[400];		/* of its last change */
} Fixture;

static void
start(Fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->settings = shipped;
	f->now = START;
	tiers_init(&f->m, f->now);
	tier_facts_init(&f->facts);
}

static Tier
tick(Fixture *f, int64 later)
{
	f->now += later;
	memset(&f->changes, 0, sizeof(f->changes));
	tiers_tick(&f->m, &f->settings, &f->facts, f->now, &f->changes);
	if (f->changes.n > 0)
		tier_change_text(&f->changes.change[f->changes.n - 1], "a remark", f->text, sizeof(f->text));
	return f->m.tier;
}

/* A sample of a role at this moment, and the health it leads to. */
static void
sample(Fixture *f, ServiceRole role, Health health)
{
	f->facts.role[role].health = health;
	if (health == HEALTH_UNHEALTHY)
		f->facts.role[role].failed_at = f->now;
	if (health >= HEALTH_DEGRADED)
		f->facts.role[role].bad_at = f->now;
}

static void
circuit(Fixture *f, CircuitState state)
{
	f->facts.circuit = true;
	f->facts.circuit_state = state;
	f->facts.circuit_since = f->now;
}

static bool
starts_with(const char *text, const char *wanted)
{
	if (strncmp(text, wanted, strlen(wanted)) == 0)
		return true;
	printf("# %s\n", text);
	return false;
}

/* ---- what the facts say ---- */

static void
test_measured(void)
{
	Fixture		f;

	start(&f);
	check(tick(&f, 0) == TIER_FULL && f.changes.n == 0, "nothing configured, nothing known: tier 1");
	for (int role = 0; role < SERVICE_ROLES; role++)
		f.facts.role[role].health = HEALTH_HEALTHY;
	circuit(&f, CIRCUIT_CLOSED);
	check(tick(&f, SEC) == TIER_FULL, "all healthy: tier 1");

	start(&f);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	check(tick(&f, 0) == TIER_DEGRADED && f.m.cause == CAUSE_ML_UNHEALTHY, "ML unhealthy: tier 2");
	check(starts_with(f.text, "Degraded to Tier 2 - ML offline; Tier 1 after 5 min of continuous health"), "said plainly");
	start(&f);
	sample(&f, ROLE_ML, HEALTH_DEGRADED);
	check(tick(&f, 0) == TIER_FULL, "ML degraded: tier 1");

	for (int state = 0; state < CIRCUIT_STATES; state++)
	{
		char		what[80];
		bool		blocks = state == CIRCUIT_OPEN || state == CIRCUIT_HALF_OPEN || state == CIRCUIT_FORCED_OPEN;

		start(&f);
		circuit(&f, state);
		snprintf(what, sizeof(what), "circuit %s: tier %d", circuit_state_names[state], blocks ? 2 : 1);
		check(tick(&f, 0) == (blocks ? TIER_DEGRADED : TIER_FULL), what);
	}
	check(tiers_only_ml(&f.m) == false, "no ML trials at tier 1");

	start(&f);
	sample(&f, ROLE_DATABASE, HEALTH_DEGRADED);
	check(tick(&f, 0) == TIER_MINIMAL && f.m.cause == CAUSE_DATABASE_DEGRADED, "database degraded: tier 3");
	start(&f);
	sample(&f, ROLE_DATABASE, HEALTH_UNHEALTHY);
	check(tick(&f, 0) == TIER_EMERGENCY, "database offline: tier 4");
	check(starts_with(f.text, "Emergency - Tier 4 activated - database offline; Tier 3 after 5 min"), "said plainly, too");
	start(&f);
	f.facts.read_only = true;
	check(tick(&f, 0) == TIER_MINIMAL, "read-only: tier 3");
	check(starts_with(f.text, "Degraded to Tier 3 - database read-only"), "with its name");
	f.settings.standby_tier = TIER_DEGRADED;
	start(&f);
	f.settings.standby_tier = TIER_DEGRADED;
	f.facts.read_only = true;
	check(tick(&f, 0) == TIER_DEGRADED, "read-only with standby_tier 2: tier 2");

	start(&f);
	f.facts.standby = true;
	f.facts.lag = 0;
	check(tick(&f, 0) == TIER_MINIMAL && f.m.cause == CAUSE_STANDBY, "a standby: tier 3");
	start(&f);
	f.settings.standby_tier = TIER_DEGRADED;
	f.facts.standby = true;
	f.facts.lag = 10 * SEC;
	check(tick(&f, 0) == TIER_DEGRADED && !tiers_only_ml(&f.m), "with standby_tier 2 and in bounds: tier 2, without ML");
	f.facts.lag = 10 * SEC + 1;
	check(tick(&f, SEC) == TIER_MINIMAL && f.m.cause == CAUSE_STANDBY_LAG, "behind: tier 3");
	start(&f);
	f.settings.standby_tier = TIER_DEGRADED;
	f.facts.standby = true;
	check(tick(&f, 0) == TIER_MINIMAL, "lag not known: tier 3");

	start(&f);
	sample(&f, ROLE_CACHE, HEALTH_UNHEALTHY);
	sample(&f, ROLE_SEARCH, HEALTH_DEGRADED);
	check(tick(&f, 0) == TIER_FULL, "cache and search: no effect");
	tier_reason(&f.m, f.text, sizeof(f.text));
	check(strcmp(f.text, "cache offline, which has no effect on the tier; search degraded, which has no effect on the tier") == 0,
		  "but said");

	start(&f);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	f.facts.read_only = true;
	check(tick(&f, 0) == TIER_MINIMAL && !tiers_only_ml(&f.m), "the worst one counts");
}

/* ---- down at once, up slowly ---- */

static void
test_recovery(void)
{
	Fixture		f;
	int64		at;

	start(&f);
	(void) tick(&f, 0);
	sample(&f, ROLE_DATABASE, HEALTH_UNHEALTHY);
	check(tick(&f, 0) == TIER_EMERGENCY, "down at once, three tiers in one step");
	check(!tiers_next_at(&f.m, &f.settings, &at), "nobody knows when it gets better");
	sample(&f, ROLE_DATABASE, HEALTH_HEALTHY);
	check(tick(&f, 10 * SEC) == TIER_EMERGENCY && f.m.measured == TIER_FULL, "up not at once");
	check(tiers_next_at(&f.m, &f.settings, &at) && at == START + 5 * MINUTE, "but it is known when");
	tier_outlook(&f.m, &f.settings, f.now, f.text, sizeof(f.text));
	check(starts_with(f.text, "Tier 3 in 4 min 50 s unless something fails before"), "and said");
	check(tick(&f, 5 * MINUTE - 10 * SEC - 1) == TIER_EMERGENCY, "a microsecond before 5 min");
	check(tick(&f, 1) == TIER_MINIMAL, "after 5 min: tier 3");
	check(starts_with(f.text, "Recovered to Tier 3 - the database is back; Tier 2 after 5 min of continuous health"), "with what comes next");
	check(tick(&f, 5 * MINUTE - 1) == TIER_MINIMAL && tick(&f, 1) == TIER_DEGRADED, "another 5 min: tier 2");
	check(!tiers_only_ml(&f.m), "which is not for ML");
	tier_reason(&f.m, f.text, sizeof(f.text));
	check(strcmp(f.text, "recovering one tier at a time") == 0, "the reason says so");
	check(tick(&f, 5 * MINUTE - 1) == TIER_DEGRADED && tick(&f, 1) == TIER_FULL, "another 5 min: tier 1");
	check(starts_with(f.text, "Recovered to Tier 1 - nothing has failed meanwhile") && strchr(f.text, ';') == NULL, "the end");

	start(&f);
	sample(&f, ROLE_DATABASE, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	sample(&f, ROLE_DATABASE, HEALTH_HEALTHY);
	check(tick(&f, 24 * HOUR) == TIER_MINIMAL, "after a long time still one tier a time");

	/* one bad sample, health or not, restarts the wait */
	start(&f);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	sample(&f, ROLE_ML, HEALTH_HEALTHY);
	(void) tick(&f, 4 * MINUTE);
	f.facts.role[ROLE_ML].failed_at = f.now;
	check(tick(&f, 5 * MINUTE - 1) == TIER_DEGRADED, "one bad sample restarts the wait");
	check(tick(&f, 1) == TIER_FULL, "of 5 min");

	/* what cannot have been the reason does not matter */
	start(&f);
	sample(&f, ROLE_DATABASE, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	sample(&f, ROLE_DATABASE, HEALTH_DEGRADED);
	f.facts.role[ROLE_ML].failed_at = START + 4 * MINUTE;
	f.facts.role[ROLE_DATABASE].bad_at = START + 4 * MINUTE;
	check(tick(&f, 5 * MINUTE) == TIER_MINIMAL, "slow samples and ML keep nobody at tier 4");
	check(f.m.cause == CAUSE_DATABASE_DEGRADED, "the slow database is why it is tier 3");

	/* times of each tier */
	start(&f);
	f.settings.recover_minimal = MINUTE;
	f.settings.recover_degraded = 2 * MINUTE;
	f.settings.recover_full = 0;
	sample(&f, ROLE_DATABASE, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	sample(&f, ROLE_DATABASE, HEALTH_HEALTHY);
	check(tick(&f, MINUTE) == TIER_MINIMAL && tick(&f, MINUTE) == TIER_MINIMAL && tick(&f, MINUTE) == TIER_DEGRADED &&
		  tick(&f, 0) == TIER_FULL, "each tier has its own time");

	/* a probe that does not come is no health */
	start(&f);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	sample(&f, ROLE_ML, HEALTH_HEALTHY);
	f.facts.role[ROLE_ML].waiting = true;
	check(tick(&f, HOUR) == TIER_DEGRADED, "without a probe it does not rise");
	tier_outlook(&f.m, &f.settings, f.now, f.text, sizeof(f.text));
	check(starts_with(f.text, "Tier 1 with the next healthy probe"), "and says what it waits for");
	f.facts.role[ROLE_ML].waiting = false;
	check(tick(&f, SEC) == TIER_FULL, "with one it does");

	/* the circuit alone */
	start(&f);
	circuit(&f, CIRCUIT_OPEN);
	(void) tick(&f, 0);
	check(tiers_only_ml(&f.m), "only ML: trials are wanted");
	(void) tick(&f, MINUTE);
	circuit(&f, CIRCUIT_HALF_OPEN);
	(void) tick(&f, SEC);
	circuit(&f, CIRCUIT_CLOSED);
	check(tick(&f, SEC) == TIER_DEGRADED && tiers_only_ml(&f.m), "closed again: still tier 2, ML is asked now and then");
	check(tick(&f, 5 * MINUTE - SEC - 1) == TIER_DEGRADED && tick(&f, 1) == TIER_FULL, "5 min from when it closed");
	check(starts_with(f.text, "Recovered to Tier 1 - ML is back"), "said");

	/* a jump of the clock over the whole wait, nothing seen in between */
	start(&f);
	circuit(&f, CIRCUIT_OPEN);
	(void) tick(&f, 0);
	f.now += 4 * MINUTE;
	circuit(&f, CIRCUIT_CLOSED);
	check(tick(&f, 5 * MINUTE) == TIER_FULL, "5 min after the circuit closed, by its own time");
}

static void
test_flip_flop(void)
{
	Fixture		f;
	int			better = 0;
	int			changes = 0;

	start(&f);
	for (int64 s = 0; s < 3600; s += 10)
	{
		sample(&f, ROLE_ML, s % 240 == 0 ? HEALTH_UNHEALTHY : HEALTH_HEALTHY);
		better += tick(&f, 0) != TIER_DEGRADED;
		changes += f.changes.n;
		f.now += 10 * SEC;
	}
	check(better == 0 && changes == 1, "one bad sample every 4 min for an hour: never recovers, changes once");
	(void) tick(&f, 5 * MINUTE);
	check(f.m.tier == TIER_FULL, "without them it does");
}

/* ---- by hand, and maintenance ---- */

static void
test_override(void)
{
	Fixture		f;
	int64		at;

	start(&f);
	tiers_override(&f.m, f.now, TIER_MINIMAL, false, HOUR);
	check(tick(&f, 0) == TIER_MINIMAL && f.m.cause == CAUSE_OVERRIDE && f.m.held == TIER_FULL, "an override lowers");
	check(starts_with(f.text, "Degraded to Tier 3 - override: a remark"), "with its reason");
	check(tiers_next_at(&f.m, &f.settings, &at) && at == START + HOUR, "and its end");
	sample(&f, ROLE_DATABASE, HEALTH_UNHEALTHY);
	check(tick(&f, SEC) == TIER_EMERGENCY, "a worse measured one wins");
	sample(&f, ROLE_DATABASE, HEALTH_HEALTHY);
	check(tick(&f, 5 * MINUTE) == TIER_MINIMAL && f.m.held == TIER_MINIMAL,
		  "then the override again");
	check(tick(&f, 20 * MINUTE) == TIER_MINIMAL && tick(&f, 20 * MINUTE) == TIER_MINIMAL && f.m.held == TIER_FULL,
		  "what is behind recovers");
	check(tick(&f, HOUR) == TIER_FULL && f.changes.override_ended, "it ends by itself, and at once");

	start(&f);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	tiers_override(&f.m, f.now, TIER_DEGRADED, false, HOUR);
	check(tick(&f, 0) == TIER_DEGRADED && !tiers_only_ml(&f.m), "an override to tier 2 wants no ML");
	tiers_override(&f.m, f.now, TIER_FULL, false, HOUR);
	check(tick(&f, 0) == TIER_DEGRADED && tiers_only_ml(&f.m), "better than measured is nothing without force");
	tiers_override(&f.m, f.now, TIER_FULL, true, HOUR);
	check(tick(&f, 0) == TIER_FULL && f.m.cause == CAUSE_FORCED, "with force it is");
	check(starts_with(f.text, "Raised to Tier 1 - forced by override: a remark"), "and said");
	tiers_override_clear(&f.m);
	check(tick(&f, 0) == TIER_DEGRADED && !f.changes.override_ended, "cleared");
	tiers_override(&f.m, f.now, TIER_EMERGENCY, false, 100 * HOUR);
	check(tick(&f, 0) == TIER_EMERGENCY && f.m.override_until == f.now + 24 * HOUR, "24 hours at most");

	f.facts.maintenance = true;
	f.facts.maintenance_ends = f.now + HOUR;
	tiers_override(&f.m, f.now, TIER_FULL, true, HOUR);
	check(tick(&f, 0) == TIER_MAINTENANCE, "maintenance wins over force");
	check(starts_with(f.text, "Maintenance - Tier 5 activated: a remark"), "said");
	check(tiers_next_at(&f.m, &f.settings, &at) && at == f.now + HOUR, "until it ends");
	f.facts.maintenance = false;
	tiers_override_clear(&f.m);
	check(tick(&f, 0) == TIER_DEGRADED, "afterwards what is measured");
	check(starts_with(f.text, "Recovered to Tier 2 - maintenance is over, still: ML offline"), "which is said");
}

static void
test_restore(void)
{
	Fixture		f;

	start(&f);
	tiers_restore(&f.m, f.now, TIER_MINIMAL, CAUSE_BIT(CAUSE_DATABASE_DEGRADED), 0, false, 0);
	check(f.m.tier == TIER_MINIMAL && f.m.cause == CAUSE_DATABASE_DEGRADED, "a restart finds the tier");
	check(tick(&f, 5 * MINUTE - 1) == TIER_MINIMAL && tick(&f, 1) == TIER_DEGRADED, "with a full wait");
	tiers_restore(&f.m, f.now, TIER_FULL, 0, TIER_EMERGENCY, false, MINUTE);
	check(f.m.tier == TIER_EMERGENCY && tick(&f, MINUTE - 1) == TIER_EMERGENCY && tick(&f, 1) == TIER_FULL,
		  "an override has the rest of its time");
	tiers_restore(&f.m, f.now, TIER_DEGRADED, CAUSES_ML, TIER_FULL, true, MINUTE);
	check(f.m.tier == TIER_FULL && f.m.cause == CAUSE_FORCED, "a forced one, too");
	tiers_restore(&f.m, f.now, TIER_DEGRADED, CAUSES_ML, TIER_FULL, true, 0);
	check(f.m.tier == TIER_DEGRADED, "one that is over is none");
}

static void
test_figures(void)
{
	Fixture		f;
	TierMachine before;
	char		dst[400];
	int64		at;

	start(&f);
	(void) tick(&f, MINUTE);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	(void) tick(&f, MINUTE);
	sample(&f, ROLE_ML, HEALTH_HEALTHY);
	(void) tick(&f, 10 * MINUTE);
	check(tiers_time_in(&f.m, TIER_FULL, f.now + MINUTE) == 3 * MINUTE &&
		  tiers_time_in(&f.m, TIER_DEGRADED, f.now + MINUTE) == 10 * MINUTE, "time in each tier");
	check(tiers_moves(&f.m, f.now, 24 * HOUR) == 2 && tiers_moves(&f.m, f.now, MINUTE) == 1, "transitions");
	before = f.m;
	(void) tiers_moves(&f.m, f.now + HOUR, HOUR);
	(void) tiers_next_at(&f.m, &f.settings, &at);
	tier_reason(&f.m, dst, sizeof(dst));
	tier_outlook(&f.m, &f.settings, f.now + HOUR, dst, sizeof(dst));
	check(memcmp(&before, &f.m, sizeof(before)) == 0, "reading changes nothing");
	for (int i = 0; i < 1200; i++)
	{
		tiers_override(&f.m, f.now, i % 2 == 0 ? TIER_MINIMAL : TIER_EMERGENCY, false, HOUR);
		(void) tick(&f, SEC);
	}
	check(tiers_moves(&f.m, f.now, 24 * HOUR) == TIER_MOVES_MAX, "counted up to a bound");

	check(strcmp(tier_duration(dst, sizeof(dst), 999999), "999 ms") == 0 &&
		  strcmp(tier_duration(dst, sizeof(dst), 90 * SEC), "1 min 30 s") == 0 &&
		  strcmp(tier_duration(dst, sizeof(dst), 90 * MINUTE + 59 * SEC), "1 h 30 min") == 0, "times in words");
	tier_reason(&f.m, dst, 6);
	check(strcmp(dst, "overr") == 0, "what does not fit is left out");
}

static void
test_clock(void)
{
	Fixture		f;
	int64		at;

	start(&f);
	sample(&f, ROLE_ML, HEALTH_UNHEALTHY);
	(void) tick(&f, 0);
	sample(&f, ROLE_ML, HEALTH_HEALTHY);
	(void) tick(&f, 2 * MINUTE);
	tiers_override(&f.m, f.now, TIER_DEGRADED, false, HOUR);
	f.facts.role[ROLE_ML].failed_at -= HOUR;
	f.facts.role[ROLE_ML].bad_at -= HOUR;
	check(tick(&f, -HOUR) == TIER_DEGRADED && f.m.override_until == f.now + HOUR, "set back by an hour");
	tiers_override_clear(&f.m);
	(void) tick(&f, 0);
	check(tiers_next_at(&f.m, &f.settings, &at) && at == f.now + 3 * MINUTE, "the wait is as long as before");
	check(tick(&f, 3 * MINUTE - 1) == TIER_DEGRADED && tick(&f, 1) == TIER_FULL, "and ends");
	check(tiers_time_in(&f.m, TIER_DEGRADED, f.now) == 5 * MINUTE, "no time is counted twice");
	(void) tick(&f, -SEC / 2);
	check(f.m.latest == f.now + SEC / 2, "less than a second is another session's clock");
}

/* ---- a naive model ---- */

#define MODEL_STEPS			600

typedef struct Moment
{
	int64		at;
	int			measured;
	int			sample;			/* tier a sample alone is worth, 1: none */
	bool		rose;
	bool		closed;			/* the circuit */
} Moment;

typedef struct Model
{
	Moment		past[MODEL_STEPS];
	int			n;
	int			held;
} Model;

static int
worth(const TierSettings *s, const TierFacts *f)
{
	if (f->role[ROLE_DATABASE].health == HEALTH_UNHEALTHY)
		return 4;
	if (f->role[ROLE_DATABASE].health == HEALTH_DEGRADED)
		return 3;
	if (f->standby)
		return s->standby_tier == 2 && f->lag >= 0 && f->lag <= s->standby_lag ? 2 : 3;
	if (f->read_only && s->standby_tier == 3)
		return 3;
	if (f->read_only || f->role[ROLE_ML].health == HEALTH_UNHEALTHY)
		return 2;
	if (f->circuit && f->circuit_state != CIRCUIT_CLOSED && f->circuit_state != CIRCUIT_FORCED_CLOSED &&
		f->circuit_state != CIRCUIT_METRICS_ONLY)
		return 2;
	return 1;
}

/* Whether nothing in the time before speaks against one tier better. */
static bool
quiet(const Model *model, int held, int64 now, int64 wait)
{
	for (int i = 0; i < model->n; i++)
	{
		const Moment *p = &model->past[i];

		if (p->at > now - wait && (p->measured >= held || p->sample >= held || p->rose || (p->closed && held <= 2)))
			return false;
	}
	return true;
}

static void
test_random(void)
{
	int			wrong = 0;
	int			rises = 0;
	int			falls = 0;
	int			too_fast = 0;

	for (int round = 0; round < 300; round++)
	{
		static Model model;
		Fixture		f;
		int64		real = START;	/* time that passed, whatever the clock says */

		memset(&model, 0, sizeof(model));
		start(&f);
		f.settings.standby_tier = 2 + rnd(2);
		f.settings.recover_minimal = rnd(300) * SEC;
		f.settings.recover_degraded = rnd(300) * SEC;
		f.settings.recover_full = rnd(300) * SEC;
		model.held = 1;
		/* as if it had begun with a rise */
		model.past[model.n++] = (Moment)
		{
			.at = real, .measured = 1, .sample = 1, .rose = true
		};
		for (int i = 1; i < MODEL_STEPS; i++)
		{
			Moment	   *p = &model.past[model.n];
			CircuitState state = f.facts.circuit_state;
			int			before = model.held;
			int64		back = rnd(40) == 0 ? (1 + rnd(1000)) * SEC : 0;
			int64		by = back > 0 ? 0 : rnd(60) * SEC;

			real += by;
			f.now += by - back;
			if (back > 0)
			{
				/* the tracks and the circuit shift theirs */
				for (int role = 0; role < SERVICE_ROLES; role++)
				{
					if (f.facts.role[role].failed_at != HEALTH_NEVER)
						f.facts.role[role].failed_at -= back;
					if (f.facts.role[role].bad_at != HEALTH_NEVER)
						f.facts.role[role].bad_at -= back;
				}
				if (f.facts.circuit_since != HEALTH_NEVER)
					f.facts.circuit_since -= back;
			}
			p->sample = 1;
			p->closed = false;
			if (rnd(12) == 0)
				f.facts.role[ROLE_DATABASE].health = rnd(4);
			if (rnd(6) == 0)
				f.facts.role[ROLE_DATABASE].health = HEALTH_HEALTHY;
			if (rnd(12) == 0)
				f.facts.role[ROLE_ML].health = rnd(4);
			if (rnd(20) == 0)
				f.facts.standby = !f.facts.standby;
			if (rnd(8) == 0)
				f.facts.standby = false;
			f.facts.lag = (int64) rnd(20) * SEC - SEC;
			f.facts.read_only = rnd(30) == 0;
			if (rnd(15) == 0)
			{
				state = rnd(CIRCUIT_STATES);
				f.facts.circuit = true;
			}
			else if (rnd(4) == 0)
				state = CIRCUIT_CLOSED;
			if (f.facts.circuit && state != f.facts.circuit_state)
			{
				f.facts.circuit_state = state;
				f.facts.circuit_since = f.now;
				p->closed = true;
			}
			switch (rnd(40))
			{
				case 0:
					f.facts.role[ROLE_DATABASE].failed_at = f.facts.role[ROLE_DATABASE].bad_at = f.now;
					p->sample = 4;
					break;
				case 1:
					f.facts.role[ROLE_DATABASE].bad_at = f.now;
					p->sample = 3;
					break;
				case 2:
					f.facts.role[ROLE_ML].failed_at = f.facts.role[ROLE_ML].bad_at = f.now;
					p->sample = 2;
					break;
				case 3:
					f.facts.role[ROLE_CACHE].failed_at = f.now;
					break;
			}
			p->at = real;
			p->measured = worth(&f.settings, &f.facts);
			p->rose = false;
			model.n++;
			if (p->measured >= model.held)
				model.held = p->measured;
			else if (quiet(&model, model.held, real, tiers_wait(&f.settings, model.held)))
			{
				model.held--;
				p->rose = true;
			}
			(void) tick(&f, 0);
			wrong += (int) f.m.measured != p->measured || (int) f.m.held != model.held || (int) f.m.tier != model.held;
			rises += model.held < before;
			falls += model.held > before;
			too_fast += model.held < before - 1;
			if (wrong > 0)
				break;
		}
	}
	check(wrong == 0 && rises > 1000 && falls > 1000, "300 random histories are as the naive model has them");
	check(too_fast == 0, "never two tiers up at once");
}

int
main(void)
{
	test_measured();
	test_recovery();
	test_flip_flop();
	test_override();
	test_restore();
	test_figures();
	test_clock();
	test_random();
	return tap_end();
}
