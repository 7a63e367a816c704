/*-------------------------------------------------------------------------
 *
 * features.h
 *	  The numbers that rules look at, from (transaction, histories, policy).
 *
 * Unknown is NaN for numbers, -1 for counts and flags. Amounts are
 * ten-thousandths here and units in SQL. The composite type fraud_features has
 * the same fields in the same order (features_sql.c).
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_FEATURES_H
#define FRAUD_SCORE_FEATURES_H

#include "profile/view.h"
#include "txn/txn.h"

/* What is there of a history. */
typedef enum HistoryUse
{
	HISTORY_USABLE,				/* a profile, or looked and found none */
	HISTORY_UNAVAILABLE,		/* nobody looked, or it could not be read */
	HISTORY_NO_KEY,				/* the transaction does not say whose */
	HISTORY_NEWER				/* all that is kept is later than the transaction */
} HistoryUse;

/* The three histories of one transaction; state NULL: looked, none. */
typedef struct Histories
{
	HistoryUse	use[HISTORY_MERCHANT + 1];	/* by RuleHistory */
	const ProfileState *state[HISTORY_MERCHANT + 1];
	bool		other_basis;	/* one of them was built under another basis */
	const char *remark;			/* what else to say of them, or NULL */
} Histories;

typedef struct Features
{
	HistoryUse	use[HISTORY_MERCHANT + 1];	/* by RuleHistory */

	/* the customer's past of 90 days */
	PastStats	past;
	double		past_mean;		/* ten-thousandths */
	double		past_stddev;	/* ten-thousandths; population */
	double		amount_ratio;	/* amount / mean */
	double		amount_sigmas;	/* (amount - mean) / stddev */

	int64		spend_24h;		/* ten-thousandths, this one included; -1 unknown */
	int64		spend_7d;
	double		daily_limit;	/* ten-thousandths, as applied */
	double		weekly_limit;

	int			foreign_country;
	int			approved_in_country;	/* in eased_days */
	bool		travel_notice;
	int			high_risk_country;
	bool		has_located;
	double		distance_km;
	double		hours_since_present;
	double		speed_kmh;		/* over at least min_seconds */

	ListId		merchant_risk;	/* LIST_ELECTRONICS .. LIST_ADULT, or NLISTS */
	int			first_time_merchant;
	FraudStats	merchant_90d;
	FraudStats	merchant_28d;
	double		merchant_fraud_bound;

	int64		attempts_60s;	/* this one included; -1 unknown */
	int64		attempts_10m;
	int64		attempts_1h;
	int64		attempts_24h;
	int64		declines_run;
	int			ip_cards;		/* in window_minutes, this one included */
	int64		ip_attempts_24h;
	double		ip_declined_share;

	int			local_hour;
	int			is_weekend;
	double		hour_share;		/* of the past, within an hour of this one */
	double		day_kind_share; /* of the past, on this kind of day */
	ApprovedStats approved;
	double		days_since_approved;
	double		days_known;
} Features;

/* Index of the highest band that holds for numerator / denominator, or -1. */
extern int	best_band(const PolicyBands *bands, double numerator, double denominator);

/*
 * full: everything. Without, only as far as the 19 rules need it: a default
 * limit stands at its lower bound where the spend is not over that, shares of
 * hours and payments in a country are left out where no rule can ask for them.
 */
extern void features_compute(const Txn *txn, const Histories *histories,
							 const Policy *policy, bool full, Features *f);

/*
 * What is known without any history: the attempts of the last hour in `state`,
 * which has them and perhaps more. For a transaction whose customer's history
 * cannot be read; features_compute() comes first.
 */
extern void features_live_attempts(const Txn *txn, const ProfileState *state, Features *f);

#endif							/* FRAUD_SCORE_FEATURES_H */
