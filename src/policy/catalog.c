/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The one table of the 19 rules; see catalog.h.
 *
 * A new rule is one entry here, one evaluator in src/score/rules_*.c, one
 * block in rules/rules.yaml and its tests.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "policy/catalog.h"

const char *const txn_column_names[TXN_NCOLUMNS] = {
	"txn_id", "customer_id", "card_id", "amount", "currency", "occurred_at",
	"country", "home_country", "lat", "lon", "home_lat", "home_lon",
	"channel", "merchant_id", "merchant_category", "mcc", "ip",
	"status", "declined", "timezone", "daily_limit", "weekly_limit",
	"is_fraud"
};

const char *const category_names[NCATEGORIES] = {
	"amount", "location", "merchant", "velocity", "time", "custom"
};

#define C(name)		COL_BIT(COL_##name)
#define HUGE_AMOUNT 1e11		/* the largest amount a transaction can have */
#define MANY		1e6			/* more events than anybody counts */

const RuleDef rule_defs[NRULES] = {
	[RULE_HIGH_AMOUNT] = {
		"high_amount", CAT_AMOUNT, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(AMOUNT), C(OCCURRED_AT)},
		{{"min_past", 1, MANY, true}, {"min_amount", 0, HUGE_AMOUNT, false}},
		{"bands"},
		"amount far above the mean of the customer's past"
	},
	[RULE_UNUSUAL_HIGH_VALUE] = {
		"unusual_high_value", CAT_AMOUNT, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(AMOUNT), C(OCCURRED_AT)},
		{{"min_past", 2, MANY, true}, {"largest_factor", 0, 1000, false}},
		{"bands", "new_bands"},
		"amount far outside the customer's spread, or large for a new customer"
	},
	[RULE_LARGE_AMOUNT] = {
		"large_amount", CAT_AMOUNT, true, NEEDS_HISTORY, HISTORY_NONE,
		{C(AMOUNT)},
		{{NULL}},
		{"bands"},
		"amount large for anybody"
	},
	[RULE_DAILY_LIMIT] = {
		"daily_limit", CAT_AMOUNT, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(AMOUNT), C(OCCURRED_AT)},
		{{"default_limit", 0, HUGE_AMOUNT, false}, {"default_factor", 0, 1000, false}},
		{"bands"},
		"spend of 24 hours over the customer's daily limit"
	},
	[RULE_WEEKLY_LIMIT] = {
		"weekly_limit", CAT_AMOUNT, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(AMOUNT), C(OCCURRED_AT)},
		{{"default_limit", 0, HUGE_AMOUNT, false}, {"default_factor", 0, 1000, false}},
		{"bands"},
		"spend of 7 days over the customer's weekly limit"
	},
	[RULE_FOREIGN_COUNTRY] = {
		"foreign_country", CAT_LOCATION, true, HISTORY_EASES, HISTORY_CUSTOMER,
		{C(COUNTRY), C(HOME_COUNTRY)},
		{{"eased_after", 1, 3, true}, {"eased_days", 1, 90, false}, {"eased_points", 0, 30, true}},
		{"bands"},
		"not in the customer's home country; eased where the customer is known or announced"
	},
	[RULE_HIGH_RISK_COUNTRY] = {
		"high_risk_country", CAT_LOCATION, true, NEEDS_HISTORY, HISTORY_NONE,
		{C(COUNTRY)},
		{{NULL}},
		{"bands"},
		"country on the high-risk list"
	},
	[RULE_IMPOSSIBLE_TRAVEL] = {
		"impossible_travel", CAT_LOCATION, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(LAT), C(LON), C(OCCURRED_AT)},
		{{"min_km", 0, 20100, false}, {"min_seconds", 1, 86400, true}},
		{"bands"},
		"card present farther from the last card-present payment than anyone travels in the time"
	},
	[RULE_DISTANT_LOCATION] = {
		"distant_location", CAT_LOCATION, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(LAT), C(LON), C(OCCURRED_AT)},
		{{"within_hours", 1, 2160, false}},
		{"bands"},
		"card present far from the last card-present payment, though the journey is possible"
	},
	[RULE_HIGH_RISK_MERCHANT] = {
		"high_risk_merchant", CAT_MERCHANT, true, NEEDS_HISTORY, HISTORY_NONE,
		{C(MERCHANT_CATEGORY) | C(MCC)},
		{{NULL}},
		{"bands", "electronics_bands"},
		"merchant of a high-risk category"
	},
	[RULE_FIRST_TIME_MERCHANT] = {
		"first_time_merchant", CAT_MERCHANT, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(MERCHANT_ID), C(AMOUNT), C(OCCURRED_AT)},
		{{"min_past", 1, MANY, true}, {"new_amount", 0, HUGE_AMOUNT, false}},
		{"bands"},
		"first payment at this merchant, and not a small one"
	},
	[RULE_MERCHANT_REPUTATION] = {
		"merchant_reputation", CAT_MERCHANT, false, NEEDS_HISTORY, HISTORY_MERCHANT,
		{C(MERCHANT_ID), C(OCCURRED_AT)},
		{{"min_frauds", 1, MANY, true}, {"surge_min_frauds", 1, MANY, true}},
		{"bands", "surge_bands"},
		"share of confirmed fraud at this merchant, as known at the time"
	},
	[RULE_VELOCITY_10M] = {
		"velocity_10m", CAT_VELOCITY, false, LIVE_IS_ENOUGH, HISTORY_CUSTOMER,
		{C(OCCURRED_AT)},
		{{NULL}},
		{"bands"},
		"many attempts in 10 minutes"
	},
	[RULE_VELOCITY_SUSTAINED] = {
		"velocity_sustained", CAT_VELOCITY, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(OCCURRED_AT)},
		{{NULL}},
		{"bands_60s", "bands_1h", "bands_24h"},
		"many attempts in a minute, an hour or a day"
	},
	[RULE_CONSECUTIVE_DECLINES] = {
		"consecutive_declines", CAT_VELOCITY, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(OCCURRED_AT), C(STATUS) | C(DECLINED)},
		{{"within_minutes", 1, 1440, false}},
		{"bands"},
		"unbroken run of declines just before, on this card"
	},
	[RULE_MULTI_CARD_IP] = {
		"multi_card_ip", CAT_VELOCITY, false, NEEDS_HISTORY, HISTORY_IP,
		{C(IP), C(CARD_ID), C(OCCURRED_AT)},
		{{"window_minutes", 1, 1440, false}, {"shared_attempts", 0, MANY, true}, {"shared_declined", 0, 1, false}},
		{"bands"},
		"several cards used from one address"
	},
	[RULE_UNUSUAL_HOUR] = {
		"unusual_hour", CAT_TIME, true, HISTORY_EASES, HISTORY_CUSTOMER,
		{C(OCCURRED_AT)},
		{{"from", 0, 23, true}, {"to", 0, 24, true}, {"min_past", 1, MANY, true}, {"rare_share", 0, 1, false}, {"both_points", 0, 30, true}},
		{"bands", "rare_bands"},
		"local time in the small hours, or at an hour this customer hardly uses"
	},
	[RULE_DORMANT_ACCOUNT] = {
		"dormant_account", CAT_TIME, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(AMOUNT), C(OCCURRED_AT)},
		{{"min_approved", 1, MANY, true}, {"min_amount", 0, HUGE_AMOUNT, false}},
		{"bands"},
		"first payment after a long silence"
	},
	[RULE_WEEKEND_SHIFT] = {
		"weekend_shift", CAT_TIME, false, NEEDS_HISTORY, HISTORY_CUSTOMER,
		{C(OCCURRED_AT)},
		{{"min_past", 1, MANY, true}, {"min_weeks", 1, 52, false}, {"rare_share", 0, 1, false}},
		{"bands"},
		"weekend payment by a weekday customer, or the reverse"
	}
};

const ListDef list_defs[NLISTS] = {
	[LIST_HIGH_RISK_COUNTRIES] = {"high_risk_countries", LIST_COUNTRY},
	[LIST_ELECTRONICS] = {"electronics", LIST_MCC},
	[LIST_WIRE_TRANSFER] = {"wire_transfer", LIST_MCC},
	[LIST_GAMBLING] = {"gambling", LIST_MCC},
	[LIST_CRYPTO] = {"crypto", LIST_MCC},
	[LIST_ADULT] = {"adult", LIST_MCC},
	[LIST_EXEMPT_MCC] = {"exempt_mcc", LIST_MCC},
	[LIST_EXEMPT_CUSTOMERS] = {"exempt_customers", LIST_TEXT},
	[LIST_EXEMPT_IPS] = {"exempt_ips", LIST_CIDR},
	[LIST_TRAVEL_NOTICES] = {"travel_notices", LIST_NOTICE},
	[LIST_DENY_CUSTOMERS] = {"deny_customers", LIST_TEXT},
	[LIST_DENY_CARDS] = {"deny_cards", LIST_TEXT},
	[LIST_DENY_MERCHANTS] = {"deny_merchants", LIST_TEXT},
	[LIST_DENY_IPS] = {"deny_ips", LIST_CIDR},
	[LIST_REVIEW_CUSTOMERS] = {"review_customers", LIST_TEXT},
	[LIST_REVIEW_CARDS] = {"review_cards", LIST_TEXT},
	[LIST_REVIEW_MERCHANTS] = {"review_merchants", LIST_TEXT},
	[LIST_REVIEW_IPS] = {"review_ips", LIST_CIDR}
};
