/*-------------------------------------------------------------------------
 *
 * rules_velocity.c
 *	  Rules 13 to 16.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "score/rules.h"

/* Rules 13 and 14: many payments in a row are normal at a turnstile. */
bool
velocity_exempt(const RuleInput *in, RuleResult *r)
{
	if ((in->txn->known & COL_BIT(COL_MCC)) != 0 &&
		policy_list_has(in->policy, LIST_EXEMPT_MCC, in->txn->mcc, 4))
	{
		say(in, r, "exempt: MCC %s is in exempt_mcc", in->txn->mcc);
		return true;
	}
	if (in->txn->customer.len > 0 &&
		policy_list_has(in->policy, LIST_EXEMPT_CUSTOMERS, in->txn->customer.p, in->txn->customer.len))
	{
		say(in, r, "exempt: customer is in exempt_customers");
		return true;
	}
	return false;
}

void
rule_velocity_10m(const RuleInput *in, RuleResult *r)
{
	const PolicyBand *band = judge(in, r, 0, (double) in->f->attempts_10m, 1);

	say(in, r, "%d attempt%s in 10 minutes%s", (int) in->f->attempts_10m,
		plural(in->f->attempts_10m), band_words(in, 0, band));
}

void
rule_velocity_sustained(const RuleInput *in, RuleResult *r)
{
	static const char *const spans[] = {"60 seconds", "1 hour", "24 hours"};
	const int64 attempts[] = {in->f->attempts_60s, in->f->attempts_1h, in->f->attempts_24h};
	const RuleResult blank = *r;
	int			i;

	for (i = 0; i < 3; i++)
	{
		RuleResult	one = blank;
		const PolicyBand *band = judge(in, &one, i, (double) attempts[i], 1);

		if (i == 0 || (band != NULL && (r->status != RULE_HIT || one.points > r->points)))
		{
			uint8		action = r->action;

			*r = one;
			r->action = Max(r->action, action);
			say(in, r, "%d attempt%s in %s%s", (int) attempts[i], plural(attempts[i]), spans[i],
				band_words(in, i, band));
		}
		else if (band != NULL)
			r->action = Max(r->action, one.action);
	}
}

void
rule_consecutive_declines(const RuleInput *in, RuleResult *r)
{
	const PolicyBand *band = judge(in, r, 0, (double) in->f->declines_run, 1);

	say(in, r, "%d decline%s in a row within %g minutes%s", (int) in->f->declines_run,
		plural(in->f->declines_run), rule_param(in, DECLINES_WITHIN_MINUTES), band_words(in, 0, band));
}

bool
address_exempt(const RuleInput *in, RuleResult *r)
{
	const Txn  *txn = in->txn;

	if (txn->ip_family == 0 ||
		!(ip_is_private(txn->ip_family, txn->ip) ||
		  policy_list_has_ip(in->policy, LIST_EXEMPT_IPS, txn->ip_family, txn->ip)))
		return false;
	say(in, r, "exempt address");
	return true;
}

void
rule_multi_card_ip(const RuleInput *in, RuleResult *r)
{
	const Features *f = in->f;
	const PolicyBand *band;

	if (f->ip_attempts_24h > rule_param(in, IP_SHARED_ATTEMPTS) &&
		f->ip_declined_share < rule_param(in, IP_SHARED_DECLINED))
	{
		r->status = RULE_NOT_EVALUATED;
		r->why = WHY_SHARED_ADDRESS;
		say(in, r, "shared address: %d attempts in 24 hours, %.3g of them declined",
			(int) f->ip_attempts_24h, f->ip_declined_share);
		return;
	}
	band = judge(in, r, 0, f->ip_cards, 1);
	say(in, r, "%d card%s from this address in %g minutes%s", f->ip_cards, plural(f->ip_cards),
		rule_param(in, IP_WINDOW_MINUTES), band_words(in, 0, band));
}
