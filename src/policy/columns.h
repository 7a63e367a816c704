/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  The names a transaction's columns are known by.
 *
 * The order is the order of the composite type fraud_txn. Policies may map a
 * name to another one (history.columns); everything else uses these.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_COLUMNS_H
#define FRAUD_POLICY_COLUMNS_H

typedef enum TxnColumn
{
	COL_TXN_ID,
	COL_CUSTOMER_ID,
	COL_CARD_ID,
	COL_AMOUNT,
	COL_CURRENCY,
	COL_OCCURRED_AT,
	COL_COUNTRY,
	COL_HOME_COUNTRY,
	COL_LAT,
	COL_LON,
	COL_HOME_LAT,
	COL_HOME_LON,
	COL_CHANNEL,
	COL_MERCHANT_ID,
	COL_MERCHANT_CATEGORY,
	COL_MCC,
	COL_IP,
	COL_STATUS,
	COL_DECLINED,
	COL_TIMEZONE,
	COL_DAILY_LIMIT,
	COL_WEEKLY_LIMIT,
	COL_IS_FRAUD
} TxnColumn;

#define TXN_NCOLUMNS		(COL_IS_FRAUD + 1)
#define COL_BIT(c)			(UINT32_C(1) << (c))

extern const char *const txn_column_names[TXN_NCOLUMNS];

#endif							/* FRAUD_POLICY_COLUMNS_H */
