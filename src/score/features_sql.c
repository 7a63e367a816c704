/*-------------------------------------------------------------------------
 *
 * features_sql.c
 *	  Features as columns of the composite type fraud_features.
 *
 * One table gives name, type and value of every column; fraud_features(),
 * custom rules and the test that compares it with the type all read it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "score/feature_columns.h"
#include "score/score_call.h"

typedef enum FeatureSource
{
	FROM_DOUBLE,				/* NaN or infinite: unknown */
	FROM_AMOUNT,				/* the same, in ten-thousandths */
	FROM_INT64,					/* -1: unknown */
	FROM_INT64_AMOUNT,			/* the same, in ten-thousandths, as float8 */
	FROM_INT,					/* -1: unknown */
	FROM_INT_INT4,
	FROM_FLAG,					/* -1: unknown */
	FROM_CODE					/* see special_value() */
} FeatureSource;

typedef struct FeatureSpec
{
	FeatureColumn column;
	FeatureSource source;
	size_t		offset;			/* in Features */
} FeatureSpec;

#define F(field)	offsetof(Features, field)

enum
{
	CODE_AMOUNT, CODE_PAST_COUNT, CODE_PAST_MAX, CODE_MERCHANT_RISK,
	CODE_APPROVED_90D, CODE_FRAUDS_90D, CODE_APPROVED_28D, CODE_FRAUDS_28D,
	CODE_APPROVED_EVER
};

static const FeatureSpec specs[] = {
	{{"amount", FLOAT8OID}, FROM_CODE, CODE_AMOUNT},
	{{"past_count", INT8OID}, FROM_CODE, CODE_PAST_COUNT},
	{{"past_mean", FLOAT8OID}, FROM_AMOUNT, F(past_mean)},
	{{"past_stddev", FLOAT8OID}, FROM_AMOUNT, F(past_stddev)},
	{{"past_max", FLOAT8OID}, FROM_CODE, CODE_PAST_MAX},
	{{"amount_ratio", FLOAT8OID}, FROM_DOUBLE, F(amount_ratio)},
	{{"amount_sigmas", FLOAT8OID}, FROM_DOUBLE, F(amount_sigmas)},
	{{"spend_24h", FLOAT8OID}, FROM_INT64_AMOUNT, F(spend_24h)},
	{{"spend_7d", FLOAT8OID}, FROM_INT64_AMOUNT, F(spend_7d)},
	{{"daily_limit", FLOAT8OID}, FROM_AMOUNT, F(daily_limit)},
	{{"weekly_limit", FLOAT8OID}, FROM_AMOUNT, F(weekly_limit)},
	{{"foreign_country", BOOLOID}, FROM_FLAG, F(foreign_country)},
	{{"approved_in_country_30d", INT8OID}, FROM_INT, F(approved_in_country)},
	{{"high_risk_country", BOOLOID}, FROM_FLAG, F(high_risk_country)},
	{{"distance_km", FLOAT8OID}, FROM_DOUBLE, F(distance_km)},
	{{"hours_since_present", FLOAT8OID}, FROM_DOUBLE, F(hours_since_present)},
	{{"speed_kmh", FLOAT8OID}, FROM_DOUBLE, F(speed_kmh)},
	{{"merchant_risk", TEXTOID}, FROM_CODE, CODE_MERCHANT_RISK},
	{{"first_time_merchant", BOOLOID}, FROM_FLAG, F(first_time_merchant)},
	{{"merchant_approved_90d", INT8OID}, FROM_CODE, CODE_APPROVED_90D},
	{{"merchant_frauds_90d", INT8OID}, FROM_CODE, CODE_FRAUDS_90D},
	{{"merchant_fraud_bound", FLOAT8OID}, FROM_DOUBLE, F(merchant_fraud_bound)},
	{{"merchant_approved_28d", INT8OID}, FROM_CODE, CODE_APPROVED_28D},
	{{"merchant_frauds_28d", INT8OID}, FROM_CODE, CODE_FRAUDS_28D},
	{{"attempts_60s", INT8OID}, FROM_INT64, F(attempts_60s)},
	{{"attempts_10m", INT8OID}, FROM_INT64, F(attempts_10m)},
	{{"attempts_1h", INT8OID}, FROM_INT64, F(attempts_1h)},
	{{"attempts_24h", INT8OID}, FROM_INT64, F(attempts_24h)},
	{{"declines_run", INT8OID}, FROM_INT64, F(declines_run)},
	{{"ip_cards_60m", INT8OID}, FROM_INT, F(ip_cards)},
	{{"ip_attempts_24h", INT8OID}, FROM_INT64, F(ip_attempts_24h)},
	{{"ip_declined_share_24h", FLOAT8OID}, FROM_DOUBLE, F(ip_declined_share)},
	{{"local_hour", INT4OID}, FROM_INT_INT4, F(local_hour)},
	{{"is_weekend", BOOLOID}, FROM_FLAG, F(is_weekend)},
	{{"hour_share", FLOAT8OID}, FROM_DOUBLE, F(hour_share)},
	{{"day_kind_share", FLOAT8OID}, FROM_DOUBLE, F(day_kind_share)},
	{{"approved_ever", INT8OID}, FROM_CODE, CODE_APPROVED_EVER},
	{{"days_since_approved", FLOAT8OID}, FROM_DOUBLE, F(days_since_approved)},
	{{"days_known", FLOAT8OID}, FROM_DOUBLE, F(days_known)},
};

int
features_ncolumns(void)
{
	return lengthof(specs);
}

const FeatureColumn *
feature_column(int i)
{
	return &specs[i].column;
}

/* Counts that are known exactly when the history they come from was usable. */
static Datum
special_value(const Txn *txn, const Features *f, size_t code, bool *isnull)
{
	/* spend_24h is set whenever the customer's history was read, and so on */
	bool		customer = f->spend_24h >= 0;
	bool		merchant = f->use[HISTORY_MERCHANT] == HISTORY_USABLE &&
		(txn->known & COL_BIT(COL_OCCURRED_AT)) != 0;

	*isnull = false;
	switch (code)
	{
		case CODE_AMOUNT:
			*isnull = !(txn->known & COL_BIT(COL_AMOUNT));
			return Float8GetDatum((double) txn->amount / 10000);
		case CODE_PAST_COUNT:
			*isnull = !customer;
			return Int64GetDatum((int64) f->past.count);
		case CODE_PAST_MAX:
			*isnull = !customer || f->past.count == 0;
			return Float8GetDatum((double) f->past.largest / 10000);
		case CODE_MERCHANT_RISK:
			*isnull = f->merchant_risk == NLISTS;
			return *isnull ? (Datum) 0 : CStringGetTextDatum(list_defs[f->merchant_risk].name);
		case CODE_APPROVED_90D:
			*isnull = !merchant;
			return Int64GetDatum((int64) f->merchant_90d.approved);
		case CODE_FRAUDS_90D:
			*isnull = !merchant;
			return Int64GetDatum((int64) f->merchant_90d.frauds);
		case CODE_APPROVED_28D:
			*isnull = !merchant;
			return Int64GetDatum((int64) f->merchant_28d.approved);
		case CODE_FRAUDS_28D:
			*isnull = !merchant;
			return Int64GetDatum((int64) f->merchant_28d.frauds);
		default:
			Assert(code == CODE_APPROVED_EVER);
			*isnull = !customer;
			return Int64GetDatum((int64) f->approved.ever);
	}
}

void
features_values(const Txn *txn, const Features *f, Datum *values, bool *nulls)
{
	int			i;

	for (i = 0; i < (int) lengthof(specs); i++)
	{
		const char *field = (const char *) f + specs[i].offset;
		double		d;
		int64		n;

		switch (specs[i].source)
		{
			case FROM_DOUBLE:
				d = *(const double *) field;
				nulls[i] = !isfinite(d);
				values[i] = Float8GetDatum(d);
				break;
			case FROM_AMOUNT:
				d = *(const double *) field / 10000;
				nulls[i] = !isfinite(d);
				values[i] = Float8GetDatum(d);
				break;
			case FROM_INT64:
				n = *(const int64 *) field;
				nulls[i] = n < 0;
				values[i] = Int64GetDatum(n);
				break;
			case FROM_INT64_AMOUNT:
				n = *(const int64 *) field;
				nulls[i] = n < 0;
				values[i] = Float8GetDatum((double) n / 10000);
				break;
			case FROM_INT:
				n = *(const int *) field;
				nulls[i] = n < 0;
				values[i] = Int64GetDatum(n);
				break;
			case FROM_INT_INT4:
				n = *(const int *) field;
				nulls[i] = n < 0;
				values[i] = Int32GetDatum((int32) n);
				break;
			case FROM_FLAG:
				n = *(const int *) field;
				nulls[i] = n < 0;
				values[i] = BoolGetDatum(n > 0);
				break;
			case FROM_CODE:
				values[i] = special_value(txn, f, specs[i].offset, &nulls[i]);
				break;
		}
	}
}
