/*-------------------------------------------------------------------------
 *
 * record_txn.h
 *	  What record_txn.c and record_row.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_RECORD_TXN_H
#define FRAUD_DECIDE_RECORD_TXN_H

#include "decide/record.h"

typedef struct TxnWriter
{
	StringInfo	out;
	int			limit;			/* of out->len, before the omitted */
	char		before;			/* of the next member: { or , */
	int			omitted;
	int			unnamed;		/* of them */
	StringInfoData names;
} TxnWriter;

/* name: of the server's encoding */
extern void txn_omit(TxnWriter *writer, const char *name, int len);

/* Takes the member back that began at `from` where it did not work out; its value is at `value`. */
extern bool txn_end_member(TxnWriter *writer, bool ok, int from, int value);

/* So much was left out that it is not worth to go on. */
extern bool txn_is_full(const TxnWriter *writer);

/* The rules of fields in force, and those of the columns of a transaction by name. */
typedef struct FieldRules
{
	uint64		generation;		/* of the two below */
	JournalSettings settings;	/* of which the fields are used */
	JournalFieldRule column[TXN_NCOLUMNS];
} FieldRules;

extern FieldRules field_rules;

/* ---- record_row.c ---- */

extern void txn_put_row(TxnWriter *writer, const Record *record);
extern JournalFieldRule txn_id_rule_of_row(const TxnReader *reader, const Policy *policy);

#endif							/* FRAUD_DECIDE_RECORD_TXN_H */
