/*-------------------------------------------------------------------------
 *
 * rules_time.c
 *	  Rules 17 to 19.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "score/rules.h"

void
rule_unusual_hour(const RuleInput *in, RuleResult *r)
{
	int			hour = in->f->local_hour;
	int			from = (int) rule_param(in, HOUR_FROM);
	int			to = (int) rule_param(in, HOUR_TO);
	bool		night = from <= to ? (hour >= from && hour < to) : (hour >= from || hour < to);
	bool		rare = in->f->past.count >= rule_param(in, HOUR_MIN_PAST) &&
		in->f->hour_share < rule_param(in, HOUR_RARE_SHARE);
	RuleResult	second = *r;

	if (night)
		judge(in, r, 0, 1, 1);
	if (rare)
		judge(in, &second, 1, 1, 1);
	if (night && rare)
	{
		r->points = Max(r->points, (int16) Min(rule_param(in, HOUR_BOTH_POINTS), in->rule->weight));
		r->action = Max(r->action, second.action);
	}
	else if (rare)
		*r = second;
	r->value = hour;
	if (night && rare)
		say(in, r, "local hour %d is in [%d, %d), and the hours around it hold %.3g of the customer's payments, under %g",
			hour, from, to, in->f->hour_share, rule_param(in, HOUR_RARE_SHARE));
	else if (night)
		say(in, r, "local hour %d is in [%d, %d)", hour, from, to);
	else if (rare)
		say(in, r, "hours around %d hold %.3g of the customer's payments, under %g", hour,
			in->f->hour_share, rule_param(in, HOUR_RARE_SHARE));
	else
		say(in, r, "local hour %d is not in [%d, %d)%s", hour, from, to,
			in->f->past.count >= rule_param(in, HOUR_MIN_PAST) ? ", and usual for the customer" : "");
}

void
rule_dormant_account(const RuleInput *in, RuleResult *r)
{
	double		amount = (double) in->txn->amount;
	const PolicyBand *band;

	if (in->f->approved.ever < rule_param(in, DORMANT_MIN_APPROVED))
	{
		insufficient(in, r, "%d payments approved ever, at least %g needed",
					 (int) in->f->approved.ever, rule_param(in, DORMANT_MIN_APPROVED));
		return;
	}
	r->value = in->f->days_since_approved;
	if (amount < TT(rule_param(in, DORMANT_MIN_AMOUNT)))
	{
		say(in, r, "amount %s is under %g", money(amount), rule_param(in, DORMANT_MIN_AMOUNT));
		return;
	}
	band = judge(in, r, 0, in->f->days_since_approved, 1);
	say(in, r, "last approved payment %.4g days ago%s", in->f->days_since_approved, band_words(in, 0, band));
}

void
rule_weekend_shift(const RuleInput *in, RuleResult *r)
{
	const char *kind = in->f->is_weekend ? "weekends" : "weekdays";

	if (in->f->past.count < rule_param(in, WEEKEND_MIN_PAST) ||
		!(in->f->days_known >= rule_param(in, WEEKEND_MIN_WEEKS) * 7))
	{
		insufficient(in, r, "%d past payments, known for %.4g days; at least %g and %g weeks needed",
					 (int) in->f->past.count,
					 in->f->approved.seen ? in->f->days_known : 0.0,
					 rule_param(in, WEEKEND_MIN_PAST), rule_param(in, WEEKEND_MIN_WEEKS));
		return;
	}
	if (in->f->day_kind_share < rule_param(in, WEEKEND_RARE_SHARE))
		judge(in, r, 0, 1, 1);
	r->value = in->f->day_kind_share;
	r->threshold = rule_param(in, WEEKEND_RARE_SHARE);
	say(in, r, "%.3g of the customer's payments fall on %s, limit %g", r->value, kind, r->threshold);
}
