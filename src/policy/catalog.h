/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The one table of the 19 rules.
 *
 * The YAML reader and writer, fraud_rules_catalog(), the documentation check
 * and the evaluator all read this table. Default values are not here: they
 * are in rules/rules.yaml, which is built into the library.
 *
 * No fmgr, no allocation: usable outside the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_CATALOG_H
#define FRAUD_POLICY_CATALOG_H

#include "policy/columns.h"

/* Rule numbers less one; the evaluator's table uses the same order. */
typedef enum RuleId
{
	RULE_HIGH_AMOUNT,
	RULE_UNUSUAL_HIGH_VALUE,
	RULE_LARGE_AMOUNT,
	RULE_DAILY_LIMIT,
	RULE_WEEKLY_LIMIT,
	RULE_FOREIGN_COUNTRY,
	RULE_HIGH_RISK_COUNTRY,
	RULE_IMPOSSIBLE_TRAVEL,
	RULE_DISTANT_LOCATION,
	RULE_HIGH_RISK_MERCHANT,
	RULE_FIRST_TIME_MERCHANT,
	RULE_MERCHANT_REPUTATION,
	RULE_VELOCITY_10M,
	RULE_VELOCITY_SUSTAINED,
	RULE_CONSECUTIVE_DECLINES,
	RULE_MULTI_CARD_IP,
	RULE_UNUSUAL_HOUR,
	RULE_DORMANT_ACCOUNT,
	RULE_WEEKEND_SHIFT
} RuleId;

#define NRULES				(RULE_WEEKEND_SHIFT + 1)

typedef enum RuleCategory
{
	CAT_AMOUNT,
	CAT_LOCATION,
	CAT_MERCHANT,
	CAT_VELOCITY,
	CAT_TIME,
	CAT_CUSTOM
} RuleCategory;

#define NCATEGORIES			(CAT_CUSTOM + 1)

/* Whose history a rule reads. */
typedef enum RuleHistory
{
	HISTORY_NONE,
	HISTORY_CUSTOMER,
	HISTORY_IP,
	HISTORY_MERCHANT
} RuleHistory;

/* What a rule does without it. */
typedef enum HistoryNeed
{
	NEEDS_HISTORY,				/* it is not evaluated */
	HISTORY_EASES,				/* it runs: history only eases it */
	LIVE_IS_ENOUGH				/* it runs where live attempts are known */
} HistoryNeed;

#define RULE_MAX_PARAMS		6
#define RULE_MAX_BANDLISTS	3
#define RULE_MAX_NEEDS		5

/* One number of a rule besides its bands. */
typedef struct RuleParam
{
	const char *name;			/* key in the YAML; NULL ends the list */
	double		min;			/* smallest allowed value */
	double		max;			/* largest allowed value */
	bool		integer;		/* whole numbers only */
} RuleParam;

typedef struct RuleDef
{
	const char *name;
	RuleCategory category;
	bool		critical;		/* one of the five of tier 3 */
	HistoryNeed need;			/* of the history named next */
	RuleHistory history;
	/* Each entry is a set of columns, one of which the row must have. 0 ends. */
	uint32		needs[RULE_MAX_NEEDS + 1];
	RuleParam	params[RULE_MAX_PARAMS + 1];
	/* Keys of the band lists; NULL ends the list. */
	const char *bandlists[RULE_MAX_BANDLISTS + 1];
	const char *description;
} RuleDef;

/* What the values of a list are. */
typedef enum ListKind
{
	LIST_COUNTRY,				/* two letters, stored upper case */
	LIST_MCC,					/* four digits */
	LIST_TEXT,					/* ids, compared exactly */
	LIST_CIDR,					/* address or block, v4 or v6 */
	LIST_NOTICE					/* customer/COUNTRY/first day/last day */
} ListKind;

typedef enum ListId
{
	LIST_HIGH_RISK_COUNTRIES,
	LIST_ELECTRONICS,
	LIST_WIRE_TRANSFER,
	LIST_GAMBLING,
	LIST_CRYPTO,
	LIST_ADULT,
	LIST_EXEMPT_MCC,
	LIST_EXEMPT_CUSTOMERS,
	LIST_EXEMPT_IPS,
	LIST_TRAVEL_NOTICES,
	LIST_DENY_CUSTOMERS,
	LIST_DENY_CARDS,
	LIST_DENY_MERCHANTS,
	LIST_DENY_IPS,
	LIST_REVIEW_CUSTOMERS,
	LIST_REVIEW_CARDS,
	LIST_REVIEW_MERCHANTS,
	LIST_REVIEW_IPS
} ListId;

#define NLISTS				(LIST_REVIEW_IPS + 1)

typedef struct ListDef
{
	const char *name;
	ListKind	kind;
} ListDef;

extern const RuleDef rule_defs[NRULES];
extern const char *const category_names[NCATEGORIES];
extern const ListDef list_defs[NLISTS];

/* Positions of parameters in RuleDef.params, so evaluators read by name. */
#define PARAM_HIGH_AMOUNT_MIN_PAST			0
#define PARAM_HIGH_AMOUNT_MIN_AMOUNT		1
#define PARAM_UNUSUAL_MIN_PAST				0
#define PARAM_UNUSUAL_LARGEST_FACTOR		1
#define PARAM_LIMIT_DEFAULT					0
#define PARAM_LIMIT_FACTOR					1
#define PARAM_FOREIGN_EASED_AFTER			0
#define PARAM_FOREIGN_EASED_DAYS			1
#define PARAM_FOREIGN_EASED_POINTS			2
#define PARAM_TRAVEL_MIN_KM					0
#define PARAM_TRAVEL_MIN_SECONDS			1
#define PARAM_DISTANT_WITHIN_HOURS			0
#define PARAM_FIRST_MIN_PAST				0
#define PARAM_FIRST_NEW_AMOUNT				1
#define PARAM_REPUTATION_MIN_FRAUDS			0
#define PARAM_REPUTATION_SURGE_MIN_FRAUDS	1
#define PARAM_DECLINES_WITHIN_MINUTES		0
#define PARAM_IP_WINDOW_MINUTES				0
#define PARAM_IP_SHARED_ATTEMPTS			1
#define PARAM_IP_SHARED_DECLINED			2
#define PARAM_HOUR_FROM						0
#define PARAM_HOUR_TO						1
#define PARAM_HOUR_MIN_PAST					2
#define PARAM_HOUR_RARE_SHARE				3
#define PARAM_HOUR_BOTH_POINTS				4
#define PARAM_DORMANT_MIN_APPROVED			0
#define PARAM_DORMANT_MIN_AMOUNT			1
#define PARAM_WEEKEND_MIN_PAST				0
#define PARAM_WEEKEND_MIN_WEEKS				1
#define PARAM_WEEKEND_RARE_SHARE			2

#endif							/* FRAUD_POLICY_CATALOG_H */
