/*-------------------------------------------------------------------------
 *
 * rules_merchant.c
 *	  Rules 10 to 12.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "score/rules.h"

void
rule_high_risk_merchant(const RuleInput *in, RuleResult *r)
{
	const PolicyBand *band = NULL;
	RuleResult	large = *r;

	if (in->f->merchant_risk == NLISTS)
	{
		say(in, r, "category is in no high-risk set");
		return;
	}
	judge(in, r, 0, 1, 1);
	if (in->f->merchant_risk == LIST_ELECTRONICS && (in->txn->known & COL_BIT(COL_AMOUNT)))
		band = judge(in, &large, 1, (double) in->txn->amount, 10000);
	if (band == NULL || (r->status == RULE_HIT && large.points < r->points))
	{
		say(in, r, "category is in the set %s", list_defs[in->f->merchant_risk].name);
		return;
	}
	large.action = Max(large.action, r->action);
	*r = large;
	say(in, r, "category is in the set %s, amount %s%s", list_defs[in->f->merchant_risk].name,
		money((double) in->txn->amount), band_words(in, 1, band));
}

void
rule_first_time_merchant(const RuleInput *in, RuleResult *r)
{
	const PastStats *past = &in->f->past;
	double		amount = (double) in->txn->amount;

	r->value = amount / 10000;
	if (!in->f->first_time_merchant)
	{
		say(in, r, "payments at this merchant were approved before");
		return;
	}
	if (past->count >= rule_param(in, FIRST_MIN_PAST))
	{
		r->threshold = in->f->past_mean / 10000;
		if (amount * past->count > past->sum)
			judge(in, r, 0, 1, 1);
		r->value = amount / 10000;
		r->threshold = in->f->past_mean / 10000;
		say(in, r, "first payment at this merchant, amount %s, mean %s of %d past payments",
			money(amount), money(in->f->past_mean), (int) past->count);
	}
	else
	{
		if (amount >= TT(rule_param(in, FIRST_NEW_AMOUNT)))
			judge(in, r, 0, 1, 1);
		r->value = amount / 10000;
		r->threshold = rule_param(in, FIRST_NEW_AMOUNT);
		say(in, r, "first payment at this merchant, amount %s, limit %g with only %d past payments",
			money(amount), r->threshold, (int) past->count);
	}
}

void
rule_merchant_reputation(const RuleInput *in, RuleResult *r)
{
	const FraudStats *long_run = &in->f->merchant_90d;
	const FraudStats *surge = &in->f->merchant_28d;
	const PolicyBand *band = NULL;
	RuleResult	recent = *r;

	if (surge->frauds >= rule_param(in, REPUTATION_SURGE_MIN_FRAUDS) && surge->approved > 0)
		band = judge(in, &recent, 1, (double) Min(surge->frauds, surge->approved), (double) surge->approved);
	r->value = in->f->merchant_fraud_bound;
	if (long_run->frauds >= rule_param(in, REPUTATION_MIN_FRAUDS) && long_run->approved > 0)
	{
		const PolicyBand *b = judge(in, r, 0, in->f->merchant_fraud_bound, 1);

		say(in, r, "%d confirmed frauds among %d approved payments of 90 days, lower bound %.3g%s",
			(int) long_run->frauds, (int) long_run->approved, r->value, band_words(in, 0, b));
	}
	else
		say(in, r, "%d confirmed fraud%s in 90 days, at least %g needed", (int) long_run->frauds,
			plural(long_run->frauds), rule_param(in, REPUTATION_MIN_FRAUDS));
	if (band != NULL && (r->status != RULE_HIT || recent.points >= r->points))
	{
		recent.action = Max(recent.action, r->action);
		*r = recent;
		say(in, r, "%d confirmed frauds among %d approved payments of 28 days, share %.3g%s",
			(int) surge->frauds, (int) surge->approved, r->value, band_words(in, 1, band));
	}
}
