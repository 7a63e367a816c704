/*-------------------------------------------------------------------------
 *
 * combine.c
 *	  The answer: of the tier, from what ML and the rules say.
 *
 * A verdict decides at tier 1, and at tier 2 where ML is all that keeps the
 * server there. Everywhere else it can only make the answer stricter.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "config/yaml_server.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"
#include "decide/deciding.h"

#define AMOUNT_KNOWN(d)		(((d)->call->txn.known & COL_BIT(COL_AMOUNT)) != 0)
#define AMOUNT(d)			((d)->call->txn.amount / 10000.0)

static const char *const recommendation_words[] = {"APPROVE", "REVIEW", "BLOCK"};

/* ---- parts ---- */

static void
say_rules(Deciding *d)
{
	StringInfoData reason;

	initStringInfo(&reason);
	decision_reason(d->call, &reason);
	decide_say(d, "%s", reason.len > 0 ? yaml_message(reason.data) : "no rule fired");
}

static void
add_rule_factors(Deciding *d)
{
	const Decision *found = &d->call->decision;

	for (int i = 0; i < found->nfactors; i++)
		answer_add_factor(&d->answer, yaml_message(result_name(d->call->policy, found->factors[i])));
	for (int i = 0; i < NLISTS; i++)
		if (found->lists & (UINT32_C(1) << i))
			answer_add_factor(&d->answer, list_defs[i].name);
}

static void
add_verdict_factors(Deciding *d)
{
	for (int i = 0; i < d->verdict.nfactors; i++)
		answer_add_factor(&d->answer, d->verdict.factors[i]);
}

/* What the rules found is the answer. */
static void
take_rules(Deciding *d, AnswerSource source)
{
	answer_set_score(&d->answer, d->call->policy, d->call->decision.score);
	d->answer.source = source;
	d->answer.coverage = d->call->decision.coverage;
	add_rule_factors(d);
	decision_detail(d->call, &d->detail);
}

/* Some of what they found, where the verdict is the answer: as strict as this. */
static void
add_rules(Deciding *d, int score, const char *what)
{
	if (score > d->answer.score)
	{
		answer_set_score(&d->answer, d->call->policy, score);
		d->answer.source = d->run == RUN_ALL ? SOURCE_RULES : SOURCE_CRITICAL_RULES;
		decide_say(d, "%s", what);
		say_rules(d);
	}
	add_rule_factors(d);
	decision_detail(d->call, &d->detail);
	d->answer.coverage = d->call->decision.coverage;
}

/* A verdict that does not decide makes the answer stricter, never milder. In an emergency nobody reviews. */
static void
tighten(Deciding *d)
{
	const Policy *policy = d->call->policy;
	int			score = d->verdict.score;

	if (!d->has_verdict)
		return;
	if (d->answer.tier == TIER_EMERGENCY && d->verdict.level != LEVEL_LOW)
		score = Max(score, policy->medium_max + 1);
	if (score <= d->answer.score)
		return;
	answer_set_score(&d->answer, policy, score);
	d->answer.source = SOURCE_ML;
	add_verdict_factors(d);
	decide_say(d, "ML says %s, score %d", recommendation_words[d->verdict.level], d->verdict.score);
}

/* ---- tiers 1 and 2 ---- */

static void
beside(Deciding *d)
{
	const Decision *found = &d->call->decision;

	appendStringInfo(&d->detail, "%s\"beside\": {\"source\": \"%s\", \"risk_score\": %d, \"recommendation\": \"%s\"}",
					 SAY_NEXT(&d->detail, ", "),
					 answer_sources[d->run == RUN_ALL ? SOURCE_RULES : SOURCE_CRITICAL_RULES],
					 found->score, recommendation_words[found->level]);
}

static void
with_verdict(Deciding *d)
{
	const Policy *policy = d->call->policy;

	d->answer.tier = d->now.tier;
	d->answer.source = SOURCE_ML;
	d->answer.coverage = 1;
	answer_set_score(&d->answer, policy, d->verdict.score);
	add_verdict_factors(d);
	if (d->now.tier != TIER_FULL)
		decide_say(d, "%s, but it answered", tier_why(d));
	decide_say(d, "ML says %s, score %d", recommendation_words[d->answer.level], d->verdict.score);
	if (d->ml->combine == COMBINE_ML)
		return;

	if (!rules_all(d))
	{
		decide_say(d, "%s", d->trouble);
		rules_critical(d);
	}
	switch ((MlCombine) d->ml->combine)
	{
		case COMBINE_ML:
			break;
		case COMBINE_STRICTEST:
			add_rules(d, d->call->decision.score, "the rules are stricter");
			break;
		case COMBINE_ML_WITH_BLOCKS:
			if (d->call->decision.action == ACTION_BLOCK)
				add_rules(d, policy->medium_max + 1, "blocked by rules that stand above ML");
			break;
		case COMBINE_SHADOW:
			beside(d);
			break;
	}
}

static void
with_cached_verdict(Deciding *d)
{
	char		age[32];

	d->answer.tier = TIER_DEGRADED;
	d->answer.source = SOURCE_CACHED_ML;
	d->answer.coverage = 1;
	answer_set_score(&d->answer, d->call->policy, d->verdict.score);
	add_verdict_factors(d);
	decide_say(d, "%s", ml_absence(d));
	decide_say(d, "ML's %sverdict of %s ago: %s, score %d",
			   d->verdict_age > d->ml->cache_ttl ? "stale " : "",
			   tier_duration(age, sizeof(age), d->verdict_age),
			   recommendation_words[d->answer.level], d->answer.score);
}

static void
refuse(Deciding *d)
{
	d->answer.tier = TIER_DEGRADED;
	d->answer.source = SOURCE_NONE;
	answer_raise(&d->answer, d->call->policy, LEVEL_MEDIUM);
	d->answer.retry_after = Max(ml_retry_after(), INT64CONST(1000000));
	decide_say(d, "%s", ml_absence(d));
	decide_say(d, "not decided, as on_open is refuse: try again after %d s",
			   (int) ((d->answer.retry_after + 999999) / 1000000));
}

bool
is_low_risk(const Deciding *d)
{
	return d->now.tier == TIER_FULL && d->ml->low_risk_amount > 0 && d->run == RUN_ALL && !d->reused &&
		AMOUNT_KNOWN(d) && AMOUNT(d) < d->ml->low_risk_amount &&
		d->call->decision.score <= d->ml->low_risk_score && d->call->decision.level == LEVEL_LOW;
}

static void
with_rules(Deciding *d)
{
	bool		enough = d->judged.outcome == ML_NOTHING && is_low_risk(d);

	d->answer.tier = enough ? TIER_FULL : TIER_DEGRADED;
	take_rules(d, SOURCE_RULES);
	decide_say(d, "%s", enough ? "low risk, ML need not be asked" : ml_absence(d));
	say_rules(d);
	d->answer.degraded = !enough;
}

/* ---- tiers 3, 4 and 5 ---- */

static void
minimal(Deciding *d)
{
	const TierSettings *tiers = d->tiers;

	/* only to see whether it works again */
	if (d->trouble == NULL && service_lookup_wanted(clock_now()))
		(void) rules_all(d);
	rules_critical(d);
	d->answer.tier = TIER_MINIMAL;
	take_rules(d, SOURCE_CRITICAL_RULES);
	decide_say(d, "%s, critical rules only", d->trouble != NULL ? d->trouble : tier_why(d));
	say_rules(d);
	if (AMOUNT_KNOWN(d) && AMOUNT(d) > tiers->review_above)
	{
		bool		high = AMOUNT(d) > tiers->high_above;

		answer_raise(&d->answer, d->call->policy, high ? LEVEL_HIGH : LEVEL_MEDIUM);
		answer_add_factor(&d->answer, "amount_cap");
		decide_say(d, "amount %s is over %s", money(d->call->txn.amount),
				   money(TT(high ? tiers->high_above : tiers->review_above)));
	}
	tighten(d);
}

static void
emergency(Deciding *d)
{
	const Decision *found = &d->call->decision;
	double		cap = d->tiers->approve_below;
	bool		under = AMOUNT_KNOWN(d) && cap > 0 && AMOUNT(d) < cap;

	rules_emergency(d);
	d->answer.tier = TIER_EMERGENCY;
	d->answer.source = SOURCE_AMOUNT_CAP;
	d->answer.coverage = found->coverage;
	answer_set_score(&d->answer, d->call->policy, d->call->policy->low_max);
	if (!under || found->action != ACTION_NONE)
		answer_raise(&d->answer, d->call->policy, LEVEL_HIGH);
	if (!under)
		answer_add_factor(&d->answer, "amount_cap");
	add_rule_factors(d);
	decision_detail(d->call, &d->detail);

	decide_say(d, "%s", tier_why(d));
	if (AMOUNT_KNOWN(d))
		decide_say(d, "amount %s is %s %s", money(d->call->txn.amount), under ? "under" : "not under",
				   money(TT(cap)));
	if (found->nfactors > 0 || found->lists != 0 || !AMOUNT_KNOWN(d))
		say_rules(d);
	tighten(d);
	if (d->answer.level == LEVEL_HIGH)
		decide_say(d, "approve it by hand");
}

static void
maintenance(Deciding *d)
{
	ServiceNotice notice;
	char	   *message;

	service_notice(&notice);
	message = shared_text_from_utf8(notice.message);
	d->answer.tier = TIER_MAINTENANCE;
	d->answer.source = SOURCE_NONE;
	answer_raise(&d->answer, d->call->policy, LEVEL_MEDIUM);
	d->answer.retry_after = notice.retry_after;
	decide_say(d, "maintenance: %s", message);

	appendStringInfo(&d->detail, "%s\"notice\": {\"message\": ", SAY_NEXT(&d->detail, ", "));
	escape_json(&d->detail, message);
	appendStringInfoString(&d->detail, ", \"expected_recovery\": ");
	if (notice.expected_recovery == 0)
		appendStringInfoString(&d->detail, "null");
	else
	{
		char		iso[MAXDATELEN + 1];
		int			utc = 0;

		JsonEncodeDateTime(iso, TimestampTzGetDatum(notice.expected_recovery), TIMESTAMPTZOID, &utc);
		escape_json(&d->detail, iso);
	}
	appendStringInfoString(&d->detail, ", \"contact\": ");
	if (notice.contact[0] == '\0')
		appendStringInfoString(&d->detail, "null");
	else
		escape_json(&d->detail, shared_text_from_utf8(notice.contact));
	appendStringInfoChar(&d->detail, '}');
}

/* ---- all ---- */

void
combine(Deciding *d)
{
	Answer	   *a = &d->answer;

	memset(a, 0, sizeof(*a));
	a->txn_id = d->call->txn.txn_id;
	a->policy_hash = d->call->policy->hash;
	a->decided_at = d->decided_at;
	a->degraded = true;
	answer_set_score(a, d->call->policy, 0);

	switch (d->now.tier)
	{
		case TIER_FULL:
		case TIER_DEGRADED:
			if (d->has_verdict && (d->now.tier == TIER_FULL || d->now.only_ml))
			{
				with_verdict(d);
				a->degraded = a->tier != TIER_FULL;
			}
			else if (d->cached && ml_is_down(d))
				with_cached_verdict(d);
			else if (d->ml->on_open == ON_OPEN_REFUSE && d->judged.outcome != ML_FAILURE && ml_is_down(d))
				refuse(d);
			else if (rules_all(d))
			{
				with_rules(d);
				tighten(d);
			}
			else
				minimal(d);
			break;
		case TIER_MINIMAL:
			minimal(d);
			break;
		case TIER_EMERGENCY:
			emergency(d);
			break;
		case TIER_MAINTENANCE:
			maintenance(d);
			return;
	}

	if (d->reused)
	{
		answer_raise(a, d->call->policy, a->tier == TIER_EMERGENCY ? LEVEL_HIGH : LEVEL_MEDIUM);
		answer_add_factor(a, "txn_id_reused");
		decide_say(d, "txn_id reused: it was another transaction's in the last 10 minutes");
	}
	if (d->customer && d->seen.incomplete)
	{
		decide_say(d, "attempts of the last hour may be missing");
		appendStringInfo(&d->detail, "%s\"live\": \"incomplete\"", SAY_NEXT(&d->detail, ", "));
	}
}
