/*-------------------------------------------------------------------------
 *
 * txn_value.h
 *	  One column's value on its way into a Txn, whatever it came from.
 *
 * txn_row.c and txn_read.c produce values, txn_fill.c takes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_TXN_TXN_VALUE_H
#define FRAUD_TXN_TXN_VALUE_H

#include "utils/inet.h"
#include "utils/numeric.h"

#include "txn/txn_read.h"

typedef enum ValueType
{
	VALUE_NULL,
	VALUE_TEXT,
	VALUE_INT,
	VALUE_DOUBLE,
	VALUE_NUMERIC,
	VALUE_BOOL,
	VALUE_TIMESTAMPTZ,
	VALUE_TIMESTAMP,
	VALUE_DATE,
	VALUE_INET,
	VALUE_OTHER					/* a JSON array or object */
} ValueType;

typedef struct Value
{
	ValueType	type;
	int			len;			/* of text */
	bool		trimmed;		/* text: blanks around it were cut */
	union
	{
		const char *text;		/* not terminated */
		int64		integer;	/* also times, dates and booleans */
		double		real;
		Numeric		numeric;
		inet	   *address;
	}			u;
} Value;

/* txn_fill.c: all columns at once; values is indexed by TxnColumn. */
extern void txn_fill(Txn *txn, const TxnReader *reader, const Policy *policy,
					 Value *values);

/* txn_row.c: the columns of a row, bound anew where its type has changed. */
extern void txn_read_row(TxnReader *reader, HeapTupleHeader header,
						 const Policy *policy, Value *values);

extern void txn_read_row_slot(TxnReader *reader, TupleTableSlot *slot,
							  const Policy *policy, Value *values);

/* Changes when the row type does. */
extern uint64 txn_row_identifier(const TxnReader *reader, Oid type, int32 typmod);

/* Takes the zone of a policy the reader has not seen yet. */
extern void txn_use_policy(TxnReader *reader, const Policy *policy);

#endif							/* FRAUD_TXN_TXN_VALUE_H */
