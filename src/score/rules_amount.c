/*-------------------------------------------------------------------------
 *
 * rules_amount.c
 *	  Rules 1 to 5. Comparisons are of whole ten-thousandths.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "score/rules.h"

void
rule_high_amount(const RuleInput *in, RuleResult *r)
{
	const PastStats *past = &in->f->past;
	double		amount = (double) in->txn->amount;
	const PolicyBand *band;

	r->value = in->f->amount_ratio;
	if (past->count < rule_param(in, HIGH_AMOUNT_MIN_PAST))
	{
		insufficient(in, r, "%d past payments, at least %g needed",
					 (int) past->count, rule_param(in, HIGH_AMOUNT_MIN_PAST));
		return;
	}
	if (amount <= TT(rule_param(in, HIGH_AMOUNT_MIN_AMOUNT)))
	{
		r->threshold = rule_param(in, HIGH_AMOUNT_MIN_AMOUNT);
		r->value = amount / 10000;
		say(in, r, "amount %s is not over %g", money(amount), r->threshold);
		return;
	}
	band = judge(in, r, 0, amount * past->count, (double) past->sum);
	r->value = in->f->amount_ratio;
	say(in, r, "amount %s is %.4g times the mean %s of %d past payments%s", money(amount),
		r->value, money(in->f->past_mean), (int) past->count, band_words(in, 0, band));
}

void
rule_unusual_high_value(const RuleInput *in, RuleResult *r)
{
	const PastStats *past = &in->f->past;
	double		amount = (double) in->txn->amount;
	double		above;
	double		spread;
	const PolicyBand *band;

	if (past->count < rule_param(in, UNUSUAL_MIN_PAST))
	{
		band = judge(in, r, 1, amount, 10000);
		r->value = amount / 10000;
		say(in, r, "amount %s with only %d past payments%s", money(amount),
			(int) past->count, band_words(in, 1, band));
		return;
	}
	if (amount <= rule_param(in, UNUSUAL_LARGEST_FACTOR) * past->largest)
	{
		r->value = amount / 10000;
		r->threshold = rule_param(in, UNUSUAL_LARGEST_FACTOR) * past->largest / 10000;
		say(in, r, "amount %s is not over %g times the largest past payment %s", money(amount),
			rule_param(in, UNUSUAL_LARGEST_FACTOR), money((double) past->largest));
		return;
	}
	/* times n on both sides keeps whole numbers */
	above = amount * past->count - (double) past->sum;
	spread = in->f->past_stddev * past->count;
	band = judge(in, r, 0, above, spread);
	r->value = spread > 0 ? above / spread : NAN;
	if (spread > 0)
		say(in, r, "amount %s is %.3g standard deviations above the mean %s of %d past payments%s",
			money(amount), above / spread, money(in->f->past_mean), (int) past->count,
			band_words(in, 0, band));
	else
		say(in, r, "amount %s, and all %d past payments were of %s", money(amount),
			(int) past->count, money(in->f->past_mean));
}

void
rule_large_amount(const RuleInput *in, RuleResult *r)
{
	const PolicyBand *band = judge(in, r, 0, (double) in->txn->amount, 10000);

	say(in, r, "amount %s%s", money((double) in->txn->amount), band_words(in, 0, band));
}

static void
limit_rule(const RuleInput *in, RuleResult *r, int64 spend, double limit,
		   const char *what, bool own)
{
	const PolicyBand *band = judge(in, r, 0, (double) spend, limit);

	r->value = (double) spend / 10000;
	r->threshold = (band != NULL ? band->threshold : in->rule->bands[0].band[0].threshold) * limit / 10000;
	say(in, r, "spend of %s with this %s, %s limit %s", what, money((double) spend),
		own ? "customer's" : "default", money(limit));
}

void
rule_daily_limit(const RuleInput *in, RuleResult *r)
{
	limit_rule(in, r, in->f->spend_24h, in->f->daily_limit, "24 hours",
			   (in->txn->known & COL_BIT(COL_DAILY_LIMIT)) != 0);
}

void
rule_weekly_limit(const RuleInput *in, RuleResult *r)
{
	limit_rule(in, r, in->f->spend_7d, in->f->weekly_limit, "7 days",
			   (in->txn->known & COL_BIT(COL_WEEKLY_LIMIT)) != 0);
}
