/*-------------------------------------------------------------------------
 *
 * features.c
 *	  Computing the features; see features.h and docs/rules.md.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "score/features.h"

#define SECONDS(n)	((n) * USECS_A_SECOND)
#define HOURS(n)	((n) * USECS_AN_HOUR)
#define DAYS(n)		((n) * USECS_A_DAY)
#define WILSON_Z	1.959963984540054	/* 95 %, two-sided */

#define param(p, rule, name) ((p)->rules[rule].params[PARAM_##name])

int
best_band(const PolicyBands *bands, double numerator, double denominator)
{
	int			i;

	for (i = (int) bands->n - 1; i >= 0; i--)
	{
		const PolicyBand *b = &bands->band[i];

		if (b->test == BAND_ALWAYS ||
			(b->test == BAND_ABOVE && numerator > b->threshold * denominator) ||
			(b->test == BAND_AT_LEAST && numerator >= b->threshold * denominator))
			return i;
	}
	return -1;
}

/* Lower bound of Wilson's score interval (Wilson, 1927). */
static double
wilson_lower(uint64 hits, uint64 n)
{
	double		z2 = WILSON_Z * WILSON_Z;
	double		p = (double) Min(hits, n) / n;

	return (p + z2 / (2 * n) - WILSON_Z * sqrt(p * (1 - p) / n + z2 / (4.0 * n * n))) /
		(1 + z2 / n);
}

static void
past_features(const Txn *txn, const ProfileView *view, Features *f)
{
	PastStats  *past = &f->past;
	double		spread;

	view_past(view, past);
	if (past->count == 0)
		return;
	f->past_mean = (double) past->sum / past->count;

	/* n * sum(x^2) - sum(x)^2 is n^2 times the variance, in whole numbers */
	spread = (double) ((uint128) past->count * past->squares) -
		(double) past->sum * (double) past->sum;
	if ((past->count < ((uint64) 1 << 32)) && past->squares < ((uint128) 1 << 95))
	{
		uint128		a = (uint128) past->count * past->squares;
		uint128		b = (uint128) past->sum * past->sum;

		/* rounded squares can fall short of it */
		spread = a > b ? (double) (a - b) : 0;
	}
	f->past_stddev = spread > 0 ? sqrt(spread) / past->count : 0;

	if (!(txn->known & COL_BIT(COL_AMOUNT)))
		return;
	f->amount_ratio = (double) txn->amount * past->count / past->sum;
	if (past->count >= 2 && f->past_stddev > 0)
		f->amount_sigmas = ((double) txn->amount * past->count - past->sum) / sqrt(spread);
}

/* Refunds are no attempts. */
static inline int
attempts_of_itself(const Txn *txn)
{
	return (txn->known & COL_BIT(COL_AMOUNT)) != 0 && txn->amount < 0 ? 0 : 1;
}

static void
velocity_features(const Txn *txn, const ProfileView *view, const Policy *policy,
				  Features *f)
{
	bool		amount = (txn->known & COL_BIT(COL_AMOUNT)) != 0;
	int			self = attempts_of_itself(txn);
	int64		spend = amount && txn->amount > 0 ? txn->amount : 0;
	static const int64 lengths[] = {SECONDS(60), SECONDS(600), HOURS(1), HOURS(24), DAYS(7)};
	WindowSums	w[lengthof(lengths)];

	view_windows(view, lengthof(lengths), lengths, w);
	f->attempts_60s = (int64) w[0].attempts + self;
	f->attempts_10m = (int64) w[1].attempts + self;
	f->attempts_1h = (int64) w[2].attempts + self;
	f->attempts_24h = (int64) w[3].attempts + self;
	f->spend_24h = (int64) w[3].spend + spend;
	f->spend_7d = (int64) w[4].spend + spend;

	f->declines_run = view_declines(view,
									(int64) (param(policy, RULE_CONSECUTIVE_DECLINES, DECLINES_WITHIN_MINUTES) *
											 SECONDS(60)),
									txn->card_hash);
}

/* max(default_limit, default_factor x mean); without spans the lower bound. */
static double
default_limit(const PolicyRule *rule, uint64 spend, int spans)
{
	double		limit = rule->params[PARAM_LIMIT_DEFAULT] * 10000;

	if (spans > 0)
		limit = Max(limit, rule->params[PARAM_LIMIT_FACTOR] * spend / spans);
	return limit;
}

/* Whether a spend can be over a limit of which the lower bound is known. */
static bool
may_exceed(const PolicyRule *rule, int64 spend)
{
	return best_band(&rule->bands[0], (double) spend, default_limit(rule, 0, 0)) >= 0;
}

static void
limit_features(const Txn *txn, const ProfileView *view, const Policy *policy,
			   bool full, Features *f)
{
	const PolicyRule *daily = &policy->rules[RULE_DAILY_LIMIT];
	const PolicyRule *weekly = &policy->rules[RULE_WEEKLY_LIMIT];
	bool		own_daily = (txn->known & COL_BIT(COL_DAILY_LIMIT)) != 0;
	bool		own_weekly = (txn->known & COL_BIT(COL_WEEKLY_LIMIT)) != 0;
	ActiveSpend active = {0};

	if ((!own_daily && (full || may_exceed(daily, f->spend_24h))) ||
		(!own_weekly && (full || may_exceed(weekly, f->spend_7d))))
		view_active(view, &active);
	f->daily_limit = own_daily ? (double) txn->daily_limit :
		default_limit(daily, active.spend, active.days);
	f->weekly_limit = own_weekly ? (double) txn->weekly_limit :
		default_limit(weekly, active.spend, active.weeks);
}

static void
travel_features(const Txn *txn, const ProfileView *view, const Policy *policy,
				Features *f)
{
	LastLocated last;
	int64		apart;
	int64		least;

	if (!(txn->known & COL_BIT(COL_LAT)) || !(txn->known & COL_BIT(COL_LON)) ||
		!view_last_located(view, txn->card_hash, &last))
		return;
	f->has_located = true;
	f->distance_km = distance_km(last.lat, last.lon, txn->lat, txn->lon);
	apart = txn->time - last.time;
	f->hours_since_present = (double) apart / USECS_AN_HOUR;
	least = (int64) param(policy, RULE_IMPOSSIBLE_TRAVEL, TRAVEL_MIN_SECONDS) * USECS_A_SECOND;
	f->speed_kmh = f->distance_km / ((double) Max(apart, least) / USECS_AN_HOUR);
}

static void
customer_features(const Txn *txn, const ProfileView *view, const Policy *policy,
				  bool full, Features *f)
{
	past_features(txn, view, f);
	velocity_features(txn, view, policy, f);
	limit_features(txn, view, policy, full, f);
	travel_features(txn, view, policy, f);

	/* easing matters abroad only */
	if (txn->country != 0 && (full || f->foreign_country == 1))
		f->approved_in_country =
			view_approved_in_country(view, txn->country,
									 (int64) (param(policy, RULE_FOREIGN_COUNTRY, FOREIGN_EASED_DAYS) * DAYS(1)));
	if (txn->merchant_hash != 0)
		f->first_time_merchant = !view_merchant_seen(view, txn->merchant_hash);

	/* rules 17 and 19 ask for the shares of customers with a past */
	if (full || f->past.count >= param(policy, RULE_UNUSUAL_HOUR, HOUR_MIN_PAST) ||
		f->past.count >= param(policy, RULE_WEEKEND_SHIFT, WEEKEND_MIN_PAST))
	{
		HourStats	hours;

		view_hours(view, txn->hour, txn->weekend, &hours);
		if (hours.hours > 0 && !txn->date_only)
			f->hour_share = (double) hours.near_hour / hours.hours;
		if (hours.days > 0)
			f->day_kind_share = (double) hours.same_kind / hours.days;
	}
	view_approved(view, &f->approved);
	if (f->approved.any)
		f->days_since_approved = (double) (txn->time - f->approved.last) / USECS_A_DAY;
	if (f->approved.seen)
		f->days_known = (double) (txn->time - f->approved.first_seen) / USECS_A_DAY;
}

static void
ip_features(const Txn *txn, const ProfileView *view, const Policy *policy,
			Features *f)
{
	static const int64 day[] = {HOURS(24)};
	WindowSums	w;

	f->ip_cards = view_cards(view,
							 (int64) (param(policy, RULE_MULTI_CARD_IP, IP_WINDOW_MINUTES) * SECONDS(60)),
							 txn->card_hash);
	view_windows(view, 1, day, &w);
	f->ip_attempts_24h = (int64) w.attempts + (txn->amount < 0 ? 0 : 1);
	if (w.attempts > 0)
		f->ip_declined_share = (double) w.declined / w.attempts;
}

static void
merchant_features(const ProfileView *view, Features *f)
{
	view_frauds(view, DAYS(90), &f->merchant_90d);
	view_frauds(view, DAYS(28), &f->merchant_28d);
	if (f->merchant_90d.approved > 0)
		f->merchant_fraud_bound = wilson_lower(f->merchant_90d.frauds, f->merchant_90d.approved);
}

/* The first of the five merchant sets that names or holds the category. */
static ListId
merchant_risk(const Txn *txn, const Policy *policy)
{
	bool		has_mcc = (txn->known & COL_BIT(COL_MCC)) != 0;
	int			list;

	for (list = LIST_ELECTRONICS; list <= LIST_ADULT; list++)
	{
		const char *name = list_defs[list].name;

		if (has_mcc && policy_list_has(policy, (ListId) list, txn->mcc, 4))
			return (ListId) list;
		if (txn->category.len > 0 && strncmp(txn->category.p, name, txn->category.len) == 0 &&
			name[txn->category.len] == '\0')
			return (ListId) list;
	}
	return NLISTS;
}

static void
own_features(const Txn *txn, const Policy *policy, Features *f)
{
	char		two[4];

	f->merchant_risk = merchant_risk(txn, policy);
	if (txn->country != 0)
	{
		country_letters(txn->country, two);
		f->high_risk_country = policy_list_has(policy, LIST_HIGH_RISK_COUNTRIES, two, 2);
		if (txn->home_country != 0)
			f->foreign_country = txn->country != txn->home_country;
		if (txn->customer.len > 0 && (txn->known & COL_BIT(COL_OCCURRED_AT)))
			f->travel_notice = policy_has_travel_notice(policy, txn->customer.p, txn->customer.len,
														two, txn->day);
	}
	if ((txn->known & COL_BIT(COL_OCCURRED_AT)) != 0)
	{
		if (!txn->date_only)
			f->local_hour = txn->hour;
		f->is_weekend = txn->weekend;
	}
}

/* Opens a view unless there is nothing to see; false then. */
static bool
open_view(const Txn *txn, const Histories *h, RuleHistory which,
		  const ProfileState *none, Features *f, ProfileView *view)
{
	const ProfileState *state = h->state[which] != NULL ? h->state[which] : none;

	f->use[which] = h->use[which];
	if (f->use[which] != HISTORY_USABLE || !(txn->known & COL_BIT(COL_OCCURRED_AT)))
		return false;
	profile_view(state, txn->time, true, txn->identity, view);
	if (view->newer)
		f->use[which] = HISTORY_NEWER;
	return !view->newer;
}

void
features_compute(const Txn *txn, const Histories *histories,
				 const Policy *policy, bool full, Features *f)
{
	static const ProfileState none;
	ProfileView view;

	memset(f, 0, sizeof(*f));
	f->past_mean = f->past_stddev = f->amount_ratio = f->amount_sigmas = NAN;
	f->daily_limit = f->weekly_limit = NAN;
	f->distance_km = f->hours_since_present = f->speed_kmh = NAN;
	f->merchant_fraud_bound = f->ip_declined_share = NAN;
	f->hour_share = f->day_kind_share = f->days_since_approved = f->days_known = NAN;
	f->spend_24h = f->spend_7d = -1;
	f->foreign_country = f->approved_in_country = f->high_risk_country = -1;
	f->first_time_merchant = -1;
	f->attempts_60s = f->attempts_10m = f->attempts_1h = f->attempts_24h = -1;
	f->declines_run = f->ip_attempts_24h = -1;
	f->ip_cards = f->local_hour = f->is_weekend = -1;

	own_features(txn, policy, f);
	if (open_view(txn, histories, HISTORY_CUSTOMER, &none, f, &view))
		customer_features(txn, &view, policy, full, f);
	if (open_view(txn, histories, HISTORY_IP, &none, f, &view))
		ip_features(txn, &view, policy, f);
	if (open_view(txn, histories, HISTORY_MERCHANT, &none, f, &view))
		merchant_features(&view, f);
}

void
features_live_attempts(const Txn *txn, const ProfileState *state, Features *f)
{
	static const int64 lengths[] = {SECONDS(60), SECONDS(600), HOURS(1)};
	WindowSums	w[lengthof(lengths)];
	ProfileView view;
	int			self = attempts_of_itself(txn);

	if (!(txn->known & COL_BIT(COL_OCCURRED_AT)))
		return;
	profile_view(state, txn->time, true, txn->identity, &view);
	if (view.newer)
		return;
	view_windows(&view, lengthof(lengths), lengths, w);
	f->attempts_60s = (int64) w[0].attempts + self;
	f->attempts_10m = (int64) w[1].attempts + self;
	f->attempts_1h = (int64) w[2].attempts + self;
}
