/*-------------------------------------------------------------------------
 *
 * tiers.c
 *	  The five tiers and how one is chosen; see tiers.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "service/tiers.h"

/* Later than this the clock was set back, earlier it is another session's. */
#define STEP_BACK_MIN		INT64CONST(1000000)

const char *const tier_names[TIERS + 1] = {
	[0] = "",
	[TIER_FULL] = "FULL",
	[TIER_DEGRADED] = "DEGRADED",
	[TIER_MINIMAL] = "MINIMAL",
	[TIER_EMERGENCY] = "EMERGENCY",
	[TIER_MAINTENANCE] = "MAINTENANCE"
};

void
tier_facts_init(TierFacts *facts)
{
	memset(facts, 0, sizeof(*facts));
	for (int i = 0; i < SERVICE_ROLES; i++)
		facts->role[i].failed_at = facts->role[i].bad_at = HEALTH_NEVER;
	facts->circuit_since = HEALTH_NEVER;
	facts->lag = -1;
}

/* ---- what the facts say ---- */

static bool
circuit_blocks(const TierFacts *facts)
{
	return facts->circuit &&
		(facts->circuit_state == CIRCUIT_OPEN || facts->circuit_state == CIRCUIT_HALF_OPEN ||
		 facts->circuit_state == CIRCUIT_FORCED_OPEN);
}

static void
add_cause(Tier *worst, uint32 *causes, Tier tier, TierCause cause)
{
	if (tier > *worst)
	{
		*worst = tier;
		*causes = 0;
	}
	if (tier == *worst)
		*causes |= CAUSE_BIT(cause);
}

/* The tier, and the bits of what it is due to. */
static Tier
measure(const TierSettings *settings, const TierFacts *facts, uint32 *causes)
{
	Tier		tier = TIER_FULL;

	*causes = 0;
	if (facts->role[ROLE_ML].health == HEALTH_UNHEALTHY)
		add_cause(&tier, causes, TIER_DEGRADED, CAUSE_ML_UNHEALTHY);
	if (circuit_blocks(facts))
		add_cause(&tier, causes, TIER_DEGRADED, CAUSE_ML_CIRCUIT);
	if (facts->standby && settings->standby_tier == TIER_DEGRADED &&
		(facts->lag < 0 || facts->lag > settings->standby_lag))
		add_cause(&tier, causes, TIER_MINIMAL, CAUSE_STANDBY_LAG);
	else if (facts->standby)
		add_cause(&tier, causes, settings->standby_tier, CAUSE_STANDBY);
	else if (facts->read_only)
		add_cause(&tier, causes, settings->standby_tier, CAUSE_READ_ONLY);
	if (facts->role[ROLE_DATABASE].health == HEALTH_DEGRADED)
		add_cause(&tier, causes, TIER_MINIMAL, CAUSE_DATABASE_DEGRADED);
	else if (facts->role[ROLE_DATABASE].health == HEALTH_UNHEALTHY)
		add_cause(&tier, causes, TIER_EMERGENCY, CAUSE_DATABASE_UNHEALTHY);
	return tier;
}

/*
 * The last moment that speaks against a tier better than `held`: a sample, by
 * itself, of what could have brought it there.
 */
static int64
last_trouble(const TierMachine *m)
{
	const TierFacts *facts = &m->facts;
	int64		at = m->worse_at;

	at = Max(at, facts->role[ROLE_DATABASE].failed_at);
	if (m->held <= TIER_MINIMAL)
		at = Max(at, facts->role[ROLE_DATABASE].bad_at);
	if (m->held <= TIER_DEGRADED)
	{
		at = Max(at, facts->role[ROLE_ML].failed_at);
		if (facts->circuit)
			at = Max(at, facts->circuit_since);
	}
	return at;
}

/* Probes that have to speak before it may rise. */
static bool
lacks_evidence(const TierMachine *m)
{
	return m->facts.role[ROLE_DATABASE].waiting ||
		(m->held <= TIER_DEGRADED && m->facts.role[ROLE_ML].waiting);
}

/* ---- changes ---- */

static TierCause
heaviest(uint32 causes)
{
	TierCause	cause = CAUSE_NONE;

	for (int i = 1; i < TIER_CAUSES; i++)
		if ((causes & CAUSE_BIT(i)) != 0)
			cause = i;
	return cause;
}

static void
settle(TierMachine *m, const TierSettings *settings, int64 now, TierChanges *changes)
{
	Tier		tier = m->held;
	TierCause	cause = heaviest(m->held_causes);
	TierChange *change;

	if (m->override != 0 && m->forced)
	{
		tier = m->override;
		cause = CAUSE_FORCED;
	}
	else if (m->override > m->held)
	{
		tier = m->override;
		cause = CAUSE_OVERRIDE;
	}
	if (m->facts.maintenance)
	{
		tier = TIER_MAINTENANCE;
		cause = CAUSE_MAINTENANCE;
	}
	if (tier == m->tier)
	{
		m->cause = cause;
		return;
	}
	m->in_tier[m->tier] += now - m->since;
	m->moved_at[m->moves++ % TIER_MOVES_MAX] = now;
	if (changes->n < TIER_CHANGES_MAX)
	{
		change = &changes->change[changes->n++];
		change->from = m->tier;
		change->to = tier;
		change->cause = cause;
		change->causes = m->held_causes;
		change->was = m->cause;
		change->wait = cause >= CAUSE_OVERRIDE ? 0 : tiers_wait(settings, m->held);
	}
	m->tier = tier;
	m->cause = cause;
	m->since = now;
}

/* The clock was set back by so much: what was, was as long ago as before. */
static void
shift(TierMachine *m, int64 by)
{
	m->latest -= by;
	m->worse_at -= by;
	m->wait_from -= by;
	m->override_until -= by;
	m->since -= by;
	for (int i = 0; i < TIER_MOVES_MAX; i++)
		m->moved_at[i] -= by;
}

/* The time a call works with, never before that of the last one. */
static int64
begin(TierMachine *m, int64 now, TierChanges *changes)
{
	if (m->latest - now >= STEP_BACK_MIN)
		shift(m, m->latest - now);
	m->latest = now = Max(now, m->latest);
	if (m->override != 0 && now >= m->override_until)
	{
		m->override = 0;
		m->forced = false;
		changes->override_ended = true;
	}
	return now;
}

void
tiers_init(TierMachine *m, int64 now)
{
	memset(m, 0, sizeof(*m));
	m->measured = m->held = m->tier = TIER_FULL;
	m->latest = m->worse_at = m->wait_from = m->since = now;
	tier_facts_init(&m->facts);
}

void
tiers_restore(TierMachine *m, int64 now, Tier held, uint32 held_causes, Tier override, bool forced,
			  int64 rest)
{
	tiers_init(m, now);
	m->measured = m->held = held;
	m->held_causes = held_causes;
	if (override != 0 && rest > 0)
	{
		m->override = override;
		m->forced = forced;
		m->override_until = now + Min(rest, OVERRIDE_MAX);
	}
	m->tier = m->override != 0 && (forced || override > held) ? override : held;
	m->cause = m->tier == held ? heaviest(held_causes) : forced ? CAUSE_FORCED : CAUSE_OVERRIDE;
}

void
tiers_tick(TierMachine *m, const TierSettings *settings, const TierFacts *facts, int64 now,
		   TierChanges *changes)
{
	now = begin(m, now, changes);
	m->facts = *facts;
	m->measured = measure(settings, facts, &m->causes);
	if (m->measured >= m->held)
	{
		m->held = m->measured;
		m->held_causes = m->causes;
		m->worse_at = now;
		m->waiting = false;
	}
	m->wait_from = Min(last_trouble(m), now);
	if (m->measured < m->held && now - m->wait_from >= tiers_wait(settings, m->held))
	{
		m->waiting = lacks_evidence(m);
		if (!m->waiting)
		{
			m->held--;
			m->worse_at = m->wait_from = now;
			m->held_causes = m->held == m->measured ? m->causes : CAUSE_BIT(CAUSE_RECOVERING);
		}
	}
	else
		m->waiting = false;
	settle(m, settings, now, changes);
}

void
tiers_override(TierMachine *m, int64 now, Tier tier, bool forced, int64 duration)
{
	m->override = tier;
	m->forced = forced;
	m->override_until = Max(now, m->latest) + Min(duration, OVERRIDE_MAX);
}

void
tiers_override_clear(TierMachine *m)
{
	m->override = 0;
	m->forced = false;
}

/* ---- reading ---- */

bool
tiers_only_ml(const TierMachine *m)
{
	/* who sets an override to tier 2 wants no calls */
	return m->tier == TIER_DEGRADED && m->held == TIER_DEGRADED && m->override < TIER_DEGRADED &&
		m->held_causes != 0 && (m->held_causes & ~CAUSES_ML) == 0;
}

int64
tiers_wait(const TierSettings *settings, Tier held)
{
	switch (held)
	{
		case TIER_EMERGENCY:
			return settings->recover_minimal;
		case TIER_MINIMAL:
			return settings->recover_degraded;
		case TIER_DEGRADED:
			return settings->recover_full;
		default:
			return 0;
	}
}

bool
tiers_next_at(const TierMachine *m, const TierSettings *settings, int64 *at)
{
	if (m->cause == CAUSE_MAINTENANCE)
		*at = m->facts.maintenance_ends;
	else if (m->cause == CAUSE_OVERRIDE || m->cause == CAUSE_FORCED)
		*at = m->override_until;
	else if (m->measured < m->held && !m->waiting)
		*at = m->wait_from + tiers_wait(settings, m->held);
	else
		return false;
	return true;
}

int64
tiers_time_in(const TierMachine *m, Tier tier, int64 now)
{
	return m->in_tier[tier] + (tier == m->tier ? Max(now, m->latest) - m->since : 0);
}

int
tiers_moves(const TierMachine *m, int64 now, int64 period)
{
	int			n = 0;

	now = Max(now, m->latest);
	while (n < (int) Min(m->moves, TIER_MOVES_MAX) &&
		   now - m->moved_at[(m->moves - 1 - n) % TIER_MOVES_MAX] < period)
		n++;
	return n;
}
