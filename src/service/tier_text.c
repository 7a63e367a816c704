/*-------------------------------------------------------------------------
 *
 * tier_text.c
 *	  Tiers in words, for people who are called at night: what happened, why,
 *	  and what comes next.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "service/tiers.h"

#define SECOND				INT64CONST(1000000)

const char *const tier_cause_texts[TIER_CAUSES] = {
	[CAUSE_NONE] = "all is well",
	[CAUSE_ML_UNHEALTHY] = "ML offline",
	[CAUSE_ML_CIRCUIT] = "ML offline, its circuit is not closed",
	[CAUSE_STANDBY] = "the server is a standby",
	[CAUSE_READ_ONLY] = "database read-only",
	[CAUSE_STANDBY_LAG] = "the server is a standby that is behind",
	[CAUSE_DATABASE_DEGRADED] = "database degraded",
	[CAUSE_DATABASE_UNHEALTHY] = "database offline",
	[CAUSE_RECOVERING] = "recovering one tier at a time",
	[CAUSE_OVERRIDE] = "override",
	[CAUSE_FORCED] = "forced by override",
	[CAUSE_MAINTENANCE] = "maintenance"
};

/* And when that has ended. */
static const char *const ended_texts[TIER_CAUSES] = {
	[CAUSE_NONE] = "all is well",
	[CAUSE_ML_UNHEALTHY] = "ML is back",
	[CAUSE_ML_CIRCUIT] = "ML is back",
	[CAUSE_STANDBY] = "the server is no standby any more",
	[CAUSE_READ_ONLY] = "the database can be written again",
	[CAUSE_STANDBY_LAG] = "replay has caught up",
	[CAUSE_DATABASE_DEGRADED] = "the database is well again",
	[CAUSE_DATABASE_UNHEALTHY] = "the database is back",
	[CAUSE_RECOVERING] = "nothing has failed meanwhile",
	[CAUSE_OVERRIDE] = "the override is over",
	[CAUSE_FORCED] = "the override is over",
	[CAUSE_MAINTENANCE] = "maintenance is over"
};

/* Appends; what does not fit is left out. */
static void append(char *dst, size_t size, const char *fmt,...) pg_attribute_printf(3, 4);

static void
append(char *dst, size_t size, const char *fmt,...)
{
	size_t		len = strlen(dst);
	va_list		args;

	va_start(args, fmt);
	vsnprintf(dst + len, size - len, fmt, args);
	va_end(args);
}

char *
tier_duration(char *dst, size_t size, int64 us)
{
	int64		s = us / SECOND;

	if (us < SECOND)
		snprintf(dst, size, "%lld ms", (long long) (us / 1000));
	else if (s < 60)
		snprintf(dst, size, "%lld s", (long long) s);
	else if (s < 3600 && s % 60 != 0)
		snprintf(dst, size, "%lld min %lld s", (long long) (s / 60), (long long) (s % 60));
	else if (s < 3600)
		snprintf(dst, size, "%lld min", (long long) (s / 60));
	else if (s / 60 % 60 != 0)
		snprintf(dst, size, "%lld h %lld min", (long long) (s / 3600), (long long) (s / 60 % 60));
	else
		snprintf(dst, size, "%lld h", (long long) (s / 3600));
	return dst;
}

/* Every measured cause of the mask, the heaviest first. */
static void
append_causes(uint32 causes, char *dst, size_t size)
{
	const char *comma = "";

	/* one of the two says it */
	if ((causes & CAUSES_ML) == CAUSES_ML)
		causes &= ~CAUSE_BIT(CAUSE_ML_UNHEALTHY);
	for (int i = TIER_CAUSES - 1; i > CAUSE_NONE; i--)
		if ((causes & CAUSE_BIT(i)) != 0)
		{
			append(dst, size, "%s%s", comma, tier_cause_texts[i]);
			comma = ", ";
		}
}

/* What is not well, but changes nothing. */
static void
append_others(const TierFacts *facts, char *dst, size_t size)
{
	static const char *const what[] = {
		[ROLE_ML] = "ML", [ROLE_DATABASE] = "database", [ROLE_CACHE] = "cache",
		[ROLE_SEARCH] = "search", [ROLE_OTHER] = "another dependency"
	};

	for (int i = 0; i < SERVICE_ROLES; i++)
	{
		Health		health = facts->role[i].health;

		if (i == ROLE_DATABASE || health < HEALTH_DEGRADED || (i == ROLE_ML && health == HEALTH_UNHEALTHY))
			continue;
		append(dst, size, "%s%s %s, which has no effect on the tier", dst[0] != '\0' ? "; " : "", what[i],
			   health == HEALTH_UNHEALTHY ? "offline" : "degraded");
	}
}

void
tier_reason(const TierMachine *m, char *dst, size_t size)
{
	dst[0] = '\0';
	if (m->cause >= CAUSE_OVERRIDE)
		append(dst, size, "%s", tier_cause_texts[m->cause]);
	if (m->held > TIER_FULL)
	{
		if (m->cause >= CAUSE_OVERRIDE)
			append(dst, size, "; Tier %d by itself: ", m->held);
		if (m->measured < m->held && (m->held_causes & CAUSE_BIT(CAUSE_RECOVERING)) == 0)
			append(dst, size, "recovering from: ");
		append_causes(m->held_causes, dst, size);
	}
	append_others(&m->facts, dst, size);
	if (dst[0] == '\0')
		append(dst, size, "%s", tier_cause_texts[CAUSE_NONE]);
}

void
tier_outlook(const TierMachine *m, const TierSettings *settings, int64 now, char *dst, size_t size)
{
	char		left[40];
	char		wait[40];
	int64		at = 0;
	bool		known = tiers_next_at(m, settings, &at);

	now = Max(now, m->latest);
	dst[0] = '\0';
	tier_duration(left, sizeof(left), Max(at - now, 0));
	tier_duration(wait, sizeof(wait), tiers_wait(settings, m->held));
	if (m->cause == CAUSE_MAINTENANCE)
		append(dst, size, "maintenance ends in %s", left);
	else if (m->cause == CAUSE_OVERRIDE || m->cause == CAUSE_FORCED)
		append(dst, size, "the override ends in %s, by itself it would be Tier %d", left, m->held);
	else if (m->held == TIER_FULL)
		append(dst, size, "stays as long as all is well");
	else if (m->measured >= m->held)
		append(dst, size, "Tier %d after %s of continuous health", m->held - 1, wait);
	else if (m->waiting)
		append(dst, size, "Tier %d with the next healthy probe", m->held - 1);
	else if (known)
		append(dst, size, "Tier %d in %s unless something fails before", m->held - 1, left);
}

void
tier_change_text(const TierChange *change, const char *remark, char *dst, size_t size)
{
	char		wait[40];

	dst[0] = '\0';
	if (change->cause == CAUSE_MAINTENANCE)
	{
		append(dst, size, "Maintenance - Tier 5 activated: %s", remark);
		return;
	}
	if (change->to > change->from)
	{
		if (change->to == TIER_EMERGENCY)
			append(dst, size, "Emergency - Tier 4 activated");
		else if (change->to == TIER_MAINTENANCE)
			append(dst, size, "Maintenance - Tier 5 activated");
		else
			append(dst, size, "Degraded to Tier %d", change->to);
	}
	else if (change->cause == CAUSE_FORCED)
		append(dst, size, "Raised to Tier %d", change->to);
	else
		append(dst, size, "Recovered to Tier %d", change->to);

	append(dst, size, " - ");
	if (change->cause >= CAUSE_OVERRIDE)
		append(dst, size, "%s: %s", tier_cause_texts[change->cause], remark);
	else if (change->to > change->from)
		append_causes(change->causes, dst, size);
	else
	{
		append(dst, size, "%s", ended_texts[change->was]);
		/* held back by what was there all the time */
		if (change->was >= CAUSE_OVERRIDE && change->to > TIER_FULL)
		{
			append(dst, size, ", still: ");
			append_causes(change->causes, dst, size);
		}
	}
	if (change->wait > 0)
		append(dst, size, "; Tier %d after %s of continuous health", change->to - 1,
			   tier_duration(wait, sizeof(wait), change->wait));
}
