/*-------------------------------------------------------------------------
 *
 * rules.h
 *	  From features to one result a rule, and from results to a decision.
 *
 * Five files evaluate the rules, one a category; evaluate.c does for all of
 * them what is the same: switched off, columns missing, history missing,
 * weights, caps, floors.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_RULES_H
#define FRAUD_SCORE_RULES_H

#include "score/features.h"

#define RULE_REASON_SIZE	160
#define MAX_RESULTS			(NRULES + POLICY_MAX_CUSTOM)
#define MAX_SCORE			100

typedef enum RuleStatus
{
	RULE_HIT,
	RULE_NO_HIT,
	RULE_NOT_EVALUATED,
	RULE_OFF,
	RULE_SHADOW_HIT,
	RULE_SKIPPED,
	RULE_ERROR
} RuleStatus;

/* Why a rule was not evaluated, in general words (detail.not_evaluated). */
typedef enum NotEvaluated
{
	WHY_NONE,
	WHY_VALUE_MISSING,
	WHY_NO_CUSTOMER_HISTORY,
	WHY_NO_IP_HISTORY,
	WHY_NO_MERCHANT_HISTORY,
	WHY_NO_KEY,
	WHY_HISTORY_NEWER,
	WHY_NO_TIME_OF_DAY,
	WHY_INSUFFICIENT,
	WHY_SHARED_ADDRESS,
	WHY_EXPRESSION
} NotEvaluated;

typedef struct RuleResult
{
	uint8		status;			/* RuleStatus */
	uint8		action;			/* BandAction, of a hit */
	uint8		why;			/* NotEvaluated */
	bool		looked;			/* counts as evaluated in the coverage */
	int16		points;			/* after the weight */
	double		value;			/* NaN where there is none */
	double		threshold;		/* NaN where there is none */
	char		reason[RULE_REASON_SIZE];	/* set for hits, and for all if asked */
} RuleResult;

typedef struct RuleInput
{
	const Txn  *txn;
	const Features *f;
	const Policy *policy;
	const PolicyRule *rule;
	bool		explain;		/* a reason for every result */
} RuleInput;

/* Results of the policy's custom rules, found by the server (custom.c). */
typedef enum CustomResult
{
	CUSTOM_FALSE,
	CUSTOM_TRUE,
	CUSTOM_NULL,
	CUSTOM_ERROR
} CustomResult;

typedef enum RiskLevel
{
	LEVEL_LOW,
	LEVEL_MEDIUM,
	LEVEL_HIGH
} RiskLevel;

typedef struct Decision
{
	int			score;			/* 0 .. MAX_SCORE */
	RiskLevel	level;
	float		coverage;		/* 0 .. 1 */
	bool		low_coverage;	/* lifted to REVIEW for it */
	bool		no_amount;		/* lifted to REVIEW for it */
	bool		no_time;
	bool		stopped;		/* short_circuit skipped rules */
	uint8		action;			/* BandAction: the strongest of lists and rules that hit */
	uint32		lists;			/* bit of ListId: the deny and review lists that hold it */
	int			nresults;		/* NRULES and the custom ones */
	int			nfactors;
	uint8		factors[MAX_RESULTS];	/* hits by points, then number */
	RuleResult	results[MAX_RESULTS];
} Decision;

/* Sets of rules: bits of RuleId, and one for all custom rules. */
#define RULE_BIT(rule)		(UINT32_C(1) << (rule))
#define RULES_CUSTOM		RULE_BIT(31)

StaticAssertDecl(NRULES < 31, "a set of rules is one word");

/*
 * Scores one transaction. custom: one result a custom rule of the policy, or
 * NULL where it has none. left_out: rules that do not run and are off.
 * explain: reasons for everything, not only hits.
 */
extern void evaluate(const Txn *txn, const Features *f, const Policy *policy,
					 const CustomResult *custom, uint32 left_out, bool explain, Decision *decision);

extern const char *const rule_status_names[];
extern const char *const not_evaluated_texts[];

/* Name of the i-th result: a rule, or a custom rule of the policy. */
extern const char *result_name(const Policy *policy, int i);

/* ---- for the evaluators ---- */

/*
 * Sets hit or no hit from a band list. `scale` turns what the band compares
 * into the unit shown. Returns the band that held, or NULL.
 */
extern const PolicyBand *judge(const RuleInput *in, RuleResult *r, int list,
							   double numerator, double denominator);

/* Sets the reason where somebody will read it; the words cost nothing else. */
#define say(in, r, ...) \
	do { \
		if ((in)->explain || (r)->status == RULE_HIT) \
			set_reason(r, "", __VA_ARGS__); \
	} while (0)

/* Looked, but the history is too short to compare with. */
#define insufficient(in, r, ...) \
	do { \
		(r)->status = RULE_NOT_EVALUATED; \
		(r)->why = WHY_INSUFFICIENT; \
		if ((in)->explain) \
			set_reason(r, "insufficient history: ", __VA_ARGS__); \
	} while (0)

extern void set_reason(RuleResult *r, const char *prefix, const char *fmt,...) pg_attribute_printf(3, 4);

/* ", over 5", ", at least 3"; for none that held ", not over 3", ", under 3". */
extern const char *band_words(const RuleInput *in, int list, const PolicyBand *band);

/* An amount in units, two decimals or four. */
extern const char *money(double ten_thousandths);

#define plural(n)				((n) == 1 ? "" : "s")
#define rule_param(in, name)	((in)->rule->params[PARAM_##name])
#define TT(units)				((units) * 10000.0)

typedef void (*RuleEvaluator) (const RuleInput *in, RuleResult *r);

/* True where the result is settled before columns and histories are asked. */
typedef bool (*RulePrecheck) (const RuleInput *in, RuleResult *r);

extern void rule_high_amount(const RuleInput *in, RuleResult *r);
extern void rule_unusual_high_value(const RuleInput *in, RuleResult *r);
extern void rule_large_amount(const RuleInput *in, RuleResult *r);
extern void rule_daily_limit(const RuleInput *in, RuleResult *r);
extern void rule_weekly_limit(const RuleInput *in, RuleResult *r);
extern void rule_foreign_country(const RuleInput *in, RuleResult *r);
extern void rule_high_risk_country(const RuleInput *in, RuleResult *r);
extern bool not_card_present(const RuleInput *in, RuleResult *r);
extern void rule_impossible_travel(const RuleInput *in, RuleResult *r);
extern void rule_distant_location(const RuleInput *in, RuleResult *r);
extern void rule_high_risk_merchant(const RuleInput *in, RuleResult *r);
extern void rule_first_time_merchant(const RuleInput *in, RuleResult *r);
extern void rule_merchant_reputation(const RuleInput *in, RuleResult *r);
extern bool velocity_exempt(const RuleInput *in, RuleResult *r);
extern void rule_velocity_10m(const RuleInput *in, RuleResult *r);
extern void rule_velocity_sustained(const RuleInput *in, RuleResult *r);
extern void rule_consecutive_declines(const RuleInput *in, RuleResult *r);
extern bool address_exempt(const RuleInput *in, RuleResult *r);
extern void rule_multi_card_ip(const RuleInput *in, RuleResult *r);
extern void rule_unusual_hour(const RuleInput *in, RuleResult *r);
extern void rule_dormant_account(const RuleInput *in, RuleResult *r);
extern void rule_weekend_shift(const RuleInput *in, RuleResult *r);

#endif							/* FRAUD_SCORE_RULES_H */
