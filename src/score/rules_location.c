/*-------------------------------------------------------------------------
 *
 * rules_location.c
 *	  Rules 6 to 9.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "score/rules.h"

void
rule_foreign_country(const RuleInput *in, RuleResult *r)
{
	const Txn  *txn = in->txn;
	char		here[4];
	char		home[4];
	const PolicyBand *band;
	bool		known;

	country_letters(txn->country, here);
	country_letters(txn->home_country, home);
	if (!in->f->foreign_country)
	{
		say(in, r, "%s is the home country", home);
		return;
	}
	/* the amount only decides between bands: the first needs none */
	band = judge(in, r, 0, (txn->known & COL_BIT(COL_AMOUNT)) ? (double) txn->amount : -1, 10000);
	known = in->f->approved_in_country >= rule_param(in, FOREIGN_EASED_AFTER);
	if (band != NULL && (known || in->f->travel_notice))
	{
		r->points = Min((int16) rule_param(in, FOREIGN_EASED_POINTS), in->rule->weight);
		if (in->f->travel_notice)
			say(in, r, "%s is not the home country %s, but the journey is announced", here, home);
		else
			say(in, r, "%s is not the home country %s, but %d payments were approved there in %g days",
				here, home, in->f->approved_in_country, rule_param(in, FOREIGN_EASED_DAYS));
	}
	else if (band != NULL && band->test != BAND_ALWAYS)
		say(in, r, "%s is not the home country %s, amount %s%s", here, home,
			money((double) txn->amount), band_words(in, 0, band));
	else
		say(in, r, "%s is not the home country %s", here, home);
}

void
rule_high_risk_country(const RuleInput *in, RuleResult *r)
{
	char		here[4];

	country_letters(in->txn->country, here);
	if (!in->f->high_risk_country)
	{
		say(in, r, "%s is not on the list", here);
		return;
	}
	judge(in, r, 0, 1, 1);
	say(in, r, "%s is on the list high_risk_countries", here);
}

/* Rules 8 and 9 are about the card being somewhere. */
bool
not_card_present(const RuleInput *in, RuleResult *r)
{
	if (in->txn->channel == CHANNEL_NONE || in->txn->channel == CHANNEL_PRESENT)
		return false;
	say(in, r, "card not present");
	return true;
}

/* Whether rule 8 speaks for the journey, whatever its weight. */
static bool
impossible(const RuleInput *in)
{
	const PolicyRule *travel = &in->policy->rules[RULE_IMPOSSIBLE_TRAVEL];

	return travel->enabled && in->f->distance_km > travel->params[PARAM_TRAVEL_MIN_KM] &&
		best_band(&travel->bands[0], in->f->speed_kmh, 1) >= 0;
}

void
rule_impossible_travel(const RuleInput *in, RuleResult *r)
{
	const Features *f = in->f;

	if (!f->has_located)
	{
		insufficient(in, r, "no earlier card-present payment with a position");
		return;
	}
	r->value = f->speed_kmh;
	if (f->distance_km > rule_param(in, TRAVEL_MIN_KM))
	{
		const PolicyBand *band = judge(in, r, 0, f->speed_kmh, 1);

		say(in, r, "%.0f km in %.3g hours is %.0f km/h%s", f->distance_km,
			f->hours_since_present, f->speed_kmh, band_words(in, 0, band));
	}
	else
		say(in, r, "%.0f km from the last card-present payment, not over %g", f->distance_km,
			rule_param(in, TRAVEL_MIN_KM));
}

void
rule_distant_location(const RuleInput *in, RuleResult *r)
{
	const Features *f = in->f;
	const PolicyBand *band;

	if (!f->has_located)
	{
		insufficient(in, r, "no earlier card-present payment with a position");
		return;
	}
	r->value = f->distance_km;
	if (impossible(in))
	{
		say(in, r, "impossible_travel speaks for this journey");
		return;
	}
	if (f->hours_since_present > rule_param(in, DISTANT_WITHIN_HOURS))
	{
		say(in, r, "last card-present payment %.3g hours ago, over %g", f->hours_since_present,
			rule_param(in, DISTANT_WITHIN_HOURS));
		return;
	}
	band = judge(in, r, 0, f->distance_km, 1);
	say(in, r, "%.0f km from the last card-present payment %.3g hours ago%s", f->distance_km,
		f->hours_since_present, band_words(in, 0, band));
}
