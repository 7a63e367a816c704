/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *	  What is the same for every rule, and the way from results to a decision.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "score/rules.h"

const char *const rule_status_names[] = {
	"hit", "no_hit", "not_evaluated", "off", "shadow_hit", "skipped", "error"
};

const char *const not_evaluated_texts[] = {
	[WHY_NONE] = "",
	[WHY_VALUE_MISSING] = "value missing",
	[WHY_NO_CUSTOMER_HISTORY] = "customer history unavailable",
	[WHY_NO_IP_HISTORY] = "ip history unavailable",
	[WHY_NO_MERCHANT_HISTORY] = "merchant history unavailable",
	[WHY_NO_KEY] = "customer_id is NULL",
	[WHY_HISTORY_NEWER] = "history newer than transaction",
	[WHY_NO_TIME_OF_DAY] = "occurred_at has no time of day",
	[WHY_INSUFFICIENT] = "insufficient history",
	[WHY_SHARED_ADDRESS] = "shared address",
	[WHY_EXPRESSION] = "expression is NULL or failed",
};

/* The evaluators, in the order of rule_defs. */
static const struct
{
	RuleEvaluator evaluate;
	RulePrecheck precheck;
	bool		time_of_day;	/* needs more than a date */
}			evaluators[NRULES] = {
	[RULE_HIGH_AMOUNT] = {rule_high_amount},
	[RULE_UNUSUAL_HIGH_VALUE] = {rule_unusual_high_value},
	[RULE_LARGE_AMOUNT] = {rule_large_amount},
	[RULE_DAILY_LIMIT] = {rule_daily_limit},
	[RULE_WEEKLY_LIMIT] = {rule_weekly_limit},
	[RULE_FOREIGN_COUNTRY] = {rule_foreign_country},
	[RULE_HIGH_RISK_COUNTRY] = {rule_high_risk_country},
	[RULE_IMPOSSIBLE_TRAVEL] = {rule_impossible_travel, not_card_present},
	[RULE_DISTANT_LOCATION] = {rule_distant_location, not_card_present},
	[RULE_HIGH_RISK_MERCHANT] = {rule_high_risk_merchant},
	[RULE_FIRST_TIME_MERCHANT] = {rule_first_time_merchant},
	[RULE_MERCHANT_REPUTATION] = {rule_merchant_reputation},
	[RULE_VELOCITY_10M] = {rule_velocity_10m, velocity_exempt, true},
	[RULE_VELOCITY_SUSTAINED] = {rule_velocity_sustained, velocity_exempt, true},
	[RULE_CONSECUTIVE_DECLINES] = {rule_consecutive_declines},
	[RULE_MULTI_CARD_IP] = {rule_multi_card_ip, address_exempt},
	[RULE_UNUSUAL_HOUR] = {rule_unusual_hour, NULL, true},
	[RULE_DORMANT_ACCOUNT] = {rule_dormant_account},
	[RULE_WEEKEND_SHIFT] = {rule_weekend_shift},
};

/* Columns whose value is of the past only: having them is enough. */
#define PRESENCE_ONLY	(COL_BIT(COL_STATUS) | COL_BIT(COL_DECLINED))

const char *
result_name(const Policy *policy, int i)
{
	if (i < NRULES)
		return rule_defs[i].name;
	return policy_str(policy, policy_array(policy, policy->custom, PolicyCustom)[i - NRULES].name);
}

/* ---- for the evaluators ---- */

void
set_reason(RuleResult *r, const char *prefix, const char *fmt,...)
{
	size_t		used = strlcpy(r->reason, prefix, sizeof(r->reason));
	va_list		args;

	va_start(args, fmt);
	vsnprintf(r->reason + used, sizeof(r->reason) - used, fmt, args);
	va_end(args);

	/* custom expressions are UTF-8 and may be long: no half letter at the end */
	used = strlen(r->reason);
	if (used == sizeof(r->reason) - 1)
	{
		size_t		lead = used;

		while (lead > 0 && (r->reason[lead - 1] & 0xC0) == 0x80)
			lead--;
		if (lead > 0 && IS_HIGHBIT_SET(r->reason[lead - 1]))
			r->reason[lead - 1] = '\0';
	}
}

const PolicyBand *
judge(const RuleInput *in, RuleResult *r, int list, double numerator, double denominator)
{
	const PolicyBands *bands = &in->rule->bands[list];
	int			i = best_band(bands, numerator, denominator);
	const PolicyBand *band = i >= 0 ? &bands->band[i] : NULL;

	r->value = numerator / denominator;
	if (band == NULL)
	{
		r->threshold = bands->band[0].threshold;
		return NULL;
	}
	r->status = RULE_HIT;
	r->points = Min(band->points, in->rule->weight);
	r->action = band->action;
	if (band->test == BAND_ALWAYS)
		r->value = r->threshold = NAN;
	else
		r->threshold = band->threshold;
	return band;
}

const char *
band_words(const RuleInput *in, int list, const PolicyBand *band)
{
	static char buf[48];
	bool		held = band != NULL;
	const char *words;

	if (!held)
		band = &in->rule->bands[list].band[0];
	if (band->test == BAND_ALWAYS)
		return "";
	words = band->test == BAND_ABOVE ? (held ? "over" : "not over") : (held ? "at least" : "under");
	/* floating formats cost ten times as much */
	if (fabs(band->threshold) < 1e9 && band->threshold == (int) band->threshold)
		snprintf(buf, sizeof(buf), ", %s %d", words, (int) band->threshold);
	else
		snprintf(buf, sizeof(buf), ", %s %.10g", words, band->threshold);
	return buf;
}

/* Two decimals, or four where the amount has them. */
const char *
money(double ten_thousandths)
{
	static char bufs[2][32];
	static int	next;
	char	   *p = bufs[next] + sizeof(bufs[next]) - 1;
	uint64		v = (uint64) rint(fabs(ten_thousandths));
	int			places = 4;

	next = 1 - next;
	*p = '\0';
	if (v % 100 == 0)
	{
		v /= 100;
		places = 2;
	}
	do
	{
		*--p = (char) ('0' + v % 10);
		v /= 10;
		if (--places == 0)
			*--p = '.';
	} while (v > 0 || places >= 0);
	if (ten_thousandths < 0)
		*--p = '-';
	return p;
}

/* ---- before an evaluator ---- */

static void
not_evaluated(const RuleInput *in, RuleResult *r, NotEvaluated why)
{
	r->status = RULE_NOT_EVALUATED;
	r->why = why;
	r->looked = false;
	say(in, r, "%s", not_evaluated_texts[why]);
}

/* "a or b" of the columns in a set. */
static void
column_names(uint32 set, const char *between, char *buf, size_t size)
{
	size_t		used = 0;
	int			c;

	buf[0] = '\0';
	for (c = 0; c < TXN_NCOLUMNS; c++)
		if (set & COL_BIT(c))
			used += snprintf(buf + used, size - used, "%s%s", used > 0 ? between : "",
							 txn_column_names[c]);
}

/* Whether the row has the columns and values; sets the result if not. */
static bool
missing_needs(const RuleInput *in, const RuleDef *def, RuleResult *r)
{
	const Txn  *txn = in->txn;
	char		names[80];
	int			i;

	for (i = 0; i < RULE_MAX_NEEDS && def->needs[i] != 0; i++)
	{
		if ((txn->columns & def->needs[i]) != 0)
			continue;
		r->status = RULE_OFF;
		if (in->explain)
		{
			column_names(def->needs[i], " or ", names, sizeof(names));
			say(in, r, "no such column: %s", names);
		}
		return false;
	}
	for (i = 0; i < RULE_MAX_NEEDS && def->needs[i] != 0; i++)
	{
		uint32		needs = def->needs[i];

		if ((needs & PRESENCE_ONLY) != 0 || (txn->known & needs) != 0)
			continue;
		not_evaluated(in, r, WHY_VALUE_MISSING);
		if (in->explain)
		{
			uint32		set = needs & txn->columns;

			column_names(set, " and ", names, sizeof(names));
			say(in, r, "%s %s %s", names, (set & (set - 1)) != 0 ? "are" : "is",
				(txn->unusable & set) != 0 ? "not usable" : "NULL");
		}
		return false;
	}
	return true;
}

static inline bool
has_needs(const RuleInput *in, const RuleDef *def, uint32 there, RuleResult *r)
{
	const uint32 *needs = def->needs;

	/* mostly there are two or three of them, and all are met */
	for (; *needs != 0; needs++)
		if ((there & *needs) == 0)
			return missing_needs(in, def, r);
	return true;
}

static inline bool
has_history(const RuleInput *in, const RuleDef *def, RuleResult *r)
{
	static const NotEvaluated unavailable[] = {
		[HISTORY_CUSTOMER] = WHY_NO_CUSTOMER_HISTORY,
		[HISTORY_IP] = WHY_NO_IP_HISTORY,
		[HISTORY_MERCHANT] = WHY_NO_MERCHANT_HISTORY,
	};

	if (def->history == HISTORY_NONE || def->need == HISTORY_EASES ||
		(def->need == LIVE_IS_ENOUGH && in->f->attempts_10m >= 0))
		return true;
	switch (in->f->use[def->history])
	{
		case HISTORY_USABLE:
			return true;
		case HISTORY_UNAVAILABLE:
			not_evaluated(in, r, unavailable[def->history]);
			return false;
		case HISTORY_NO_KEY:
			not_evaluated(in, r, WHY_NO_KEY);
			return false;
		case HISTORY_NEWER:
			not_evaluated(in, r, WHY_HISTORY_NEWER);
			return false;
	}
	return true;
}

static inline void
start_result(RuleResult *r)
{
	r->status = RULE_NO_HIT;
	r->action = ACTION_NONE;
	r->why = WHY_NONE;
	r->looked = true;
	r->points = 0;
	r->value = r->threshold = NAN;
	r->reason[0] = '\0';
}

static void
left_out_result(RuleInput *in, RuleResult *r)
{
	start_result(r);
	r->status = RULE_OFF;
	say(in, r, "not run at this tier");
}

static inline void
evaluate_rule(RuleInput *in, int rule, uint32 there, RuleResult *r)
{
	const RuleDef *def = &rule_defs[rule];

	in->rule = &in->policy->rules[rule];
	start_result(r);
	if (!in->rule->enabled)
	{
		r->status = RULE_OFF;
		say(in, r, "disabled by policy");
	}
	else if (evaluators[rule].precheck != NULL && evaluators[rule].precheck(in, r))
		;
	else if (!has_needs(in, def, there, r) || !has_history(in, def, r))
		;
	else if (evaluators[rule].time_of_day && in->txn->date_only)
		not_evaluated(in, r, WHY_NO_TIME_OF_DAY);
	else
		evaluators[rule].evaluate(in, r);
	if (r->status == RULE_HIT && in->rule->shadow)
		r->status = RULE_SHADOW_HIT;
}

static void
custom_result(RuleInput *in, const PolicyCustom *custom, CustomResult result, RuleResult *r)
{
	start_result(r);
	if (!custom->enabled)
	{
		r->status = RULE_OFF;
		say(in, r, "disabled by policy");
		return;
	}
	switch (result)
	{
		case CUSTOM_FALSE:
			say(in, r, "not so: %s", policy_str(in->policy, custom->when));
			break;
		case CUSTOM_TRUE:
			r->status = RULE_HIT;
			r->points = custom->points;
			r->action = custom->action;
			say(in, r, "%s", policy_str(in->policy, custom->when));
			if (custom->shadow)
				r->status = RULE_SHADOW_HIT;
			break;
		case CUSTOM_NULL:
			not_evaluated(in, r, WHY_EXPRESSION);
			break;
		case CUSTOM_ERROR:
			r->status = RULE_ERROR;
			r->why = WHY_EXPRESSION;
			r->looked = false;
			say(in, r, "the expression failed");
			break;
	}
}

/* ---- from results to a decision ---- */

/* Most policies have none of the deny and review lists. */
static inline bool
policy_has_verdict_lists(const Policy *policy)
{
	int			i;
	uint32		n = 0;

	for (i = LIST_DENY_CUSTOMERS; i <= LIST_REVIEW_IPS; i++)
		n |= policy->lists[i].values.n;
	return n != 0;
}

/* The deny and review lists that hold this transaction. */
static uint32
lists_holding(const Txn *txn, const Policy *policy)
{
	uint32		held = 0;
	int			base;

	if (!policy_has_verdict_lists(policy))
		return 0;

	for (base = LIST_DENY_CUSTOMERS; base <= LIST_REVIEW_CUSTOMERS;
		 base += LIST_REVIEW_CUSTOMERS - LIST_DENY_CUSTOMERS)
	{
		const TxnText ids[] = {txn->customer, txn->card, txn->merchant};
		int			i;

		for (i = 0; i < 3; i++)
			if (ids[i].len > 0 &&
				policy_list_has(policy, (ListId) (base + i), ids[i].p, ids[i].len))
				held |= UINT32_C(1) << (base + i);
		if (txn->ip_family != 0 &&
			policy_list_has_ip(policy, (ListId) (base + 3), txn->ip_family, txn->ip))
			held |= UINT32_C(1) << (base + 3);
	}
	return held;
}

#define DENY_LISTS		(UINT32_C(0xF) << LIST_DENY_CUSTOMERS)
#define REVIEW_LISTS	(UINT32_C(0xF) << LIST_REVIEW_CUSTOMERS)

static int
capped_score(const Policy *policy, const int *points)
{
	int			score = 0;
	int			i;

	for (i = 0; i < NCATEGORIES; i++)
		score += policy->category_caps[i] == POLICY_NO_CAP ? points[i] :
			Min(points[i], policy->category_caps[i]);
	return Min(score, MAX_SCORE);
}

void
evaluate(const Txn *txn, const Features *f, const Policy *policy,
		 const CustomResult *custom, uint32 left_out, bool explain, Decision *d)
{
	RuleInput	in = {txn, f, policy, NULL, explain};
	const PolicyCustom *customs = policy_array(policy, policy->custom, PolicyCustom);
	const uint32 there = txn->known | (txn->columns & PRESENCE_ONLY);
	int			points[NCATEGORIES] = {0};
	int			runnable = 0;
	int			looked = 0;
	bool		any_looked = false;
	uint8		action = ACTION_NONE;
	int			i;

	d->nresults = NRULES + (int) policy->custom.n;
	d->nfactors = 0;
	d->stopped = false;
	d->lists = lists_holding(txn, policy);
	if (d->lists & DENY_LISTS)
		action = ACTION_BLOCK;
	else if (d->lists & REVIEW_LISTS)
		action = ACTION_REVIEW;

	for (i = 0; i < d->nresults; i++)
	{
		RuleResult *r = &d->results[i];
		bool		own = i >= NRULES;
		int			weight = own ? customs[i - NRULES].points : policy->rules[i].weight;
		bool		shadow = own ? customs[i - NRULES].shadow : policy->rules[i].shadow;

		if (unlikely(left_out & (own ? RULES_CUSTOM : RULE_BIT(i))))
			left_out_result(&in, r);
		else if (unlikely(policy->short_circuit) &&
				 (action == ACTION_BLOCK || capped_score(policy, points) > policy->medium_max))
		{
			start_result(r);
			r->status = RULE_SKIPPED;
			d->stopped = true;
			say(&in, r, "the answer was certain");
		}
		else if (own)
			custom_result(&in, &customs[i - NRULES], custom[i - NRULES], r);
		else
			evaluate_rule(&in, i, there, r);

		if (r->status == RULE_OFF)
			continue;
		any_looked |= r->looked;
		if (!shadow)
		{
			runnable += weight;
			looked += r->looked ? weight : 0;
		}
		if (r->status == RULE_HIT)
		{
			int			at = d->nfactors++;

			/* by points, falling; equal points stay in order of number */
			for (; at > 0 && d->results[d->factors[at - 1]].points < r->points; at--)
				d->factors[at] = d->factors[at - 1];
			d->factors[at] = (uint8) i;
			points[own ? CAT_CUSTOM : rule_defs[i].category] += r->points;
			action = Max(action, r->action);
		}
	}

	d->score = capped_score(policy, points);
	/* rules in shadow or without weight are looking, too, if they are all there is */
	d->coverage = runnable > 0 ? (float) looked / runnable : any_looked ? 1 : 0;
	d->low_coverage = d->coverage < (float) policy->min_coverage;
	d->no_amount = !(txn->known & COL_BIT(COL_AMOUNT));
	d->no_time = !(txn->known & COL_BIT(COL_OCCURRED_AT));

	d->action = action;

	/* floors: the score follows the strongest of them */
	if (action == ACTION_REVIEW || d->low_coverage || d->no_amount || d->no_time)
		d->score = Max(d->score, policy->low_max + 1);
	if (action == ACTION_BLOCK)
		d->score = Max(d->score, policy->medium_max + 1);
	d->level = d->score <= policy->low_max ? LEVEL_LOW :
		d->score <= policy->medium_max ? LEVEL_MEDIUM : LEVEL_HIGH;
}
