/*-------------------------------------------------------------------------
 *
 * txn_read.h
 *	  Filling a Txn from a row, a jsonb object or JSON text (server side).
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_TXN_TXN_READ_H
#define FRAUD_TXN_TXN_READ_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "pgtime.h"

#include "txn/txn.h"

/* How a column's SQL type is read. */
typedef enum ColumnKind
{
	KIND_TEXT,
	KIND_INT2,
	KIND_INT4,
	KIND_INT8,
	KIND_FLOAT4,
	KIND_FLOAT8,
	KIND_NUMERIC,
	KIND_BOOL,
	KIND_TIMESTAMPTZ,
	KIND_TIMESTAMP,
	KIND_DATE,
	KIND_INET,
	KIND_MONEY,
	KIND_OUTPUT					/* through the type's output function */
} ColumnKind;

/* One column of a row type. */
typedef struct RowField
{
	uint8		column;			/* TxnColumn */
	int16		attno;			/* less one */
	ColumnKind	kind;
	FmgrInfo   *output;			/* for KIND_OUTPUT */
} RowField;

/* A relation's own names of columns; NULL where the policy's hold. */
typedef struct ColumnNames
{
	const char *name[TXN_NCOLUMNS];
} ColumnNames;

/* Where a row type has the columns; cached in fn_extra, see txn_reader(). */
typedef struct TxnReader
{
	MemoryContext context;		/* owns everything here but this struct and names */
	Oid			type;			/* of the argument: record, jsonb or text */
	uint32		wanted;			/* COL_BITs of the columns to read */
	const ColumnNames *names;	/* given by the caller; NULL: those of the row type */
	/* what the cached binding is for */
	Oid			row_type;
	int32		row_typmod;
	uint64		row_identifier;
	struct TypeCacheEntry *type_entry;	/* of row_type; NULL for anonymous rows */
	uint64		policy_hash;
	uint64		names_generation;

	uint32		columns;
	int16		attno[TXN_NCOLUMNS];	/* of each column, wanted or not, less one; -1: not there */
	TupleDesc	desc;
	int			nfields;
	RowField	fields[TXN_NCOLUMNS];	/* those that are wanted and there */
	Datum	   *values;
	bool	   *nulls;

	Datum		object;			/* the jsonb read last, for as long as its caller has it */

	pg_tz	   *zone;			/* the policy's */
	bool		utc;			/* it is UTC */
} TxnReader;

/* What history remembers, and what a decision looks at. Neither reads labels. */
#define TXN_FOR_HISTORY \
	(COL_BIT(COL_TXN_ID) | COL_BIT(COL_CUSTOMER_ID) | COL_BIT(COL_CARD_ID) | COL_BIT(COL_AMOUNT) | \
	 COL_BIT(COL_CURRENCY) | COL_BIT(COL_OCCURRED_AT) | COL_BIT(COL_COUNTRY) | \
	 COL_BIT(COL_LAT) | COL_BIT(COL_LON) | COL_BIT(COL_CHANNEL) | COL_BIT(COL_MERCHANT_ID) | \
	 COL_BIT(COL_STATUS) | COL_BIT(COL_DECLINED) | COL_BIT(COL_TIMEZONE))
#define TXN_FOR_DECISION \
	(~(COL_BIT(COL_IS_FRAUD) | COL_BIT(COL_HOME_LAT) | COL_BIT(COL_HOME_LON)))

/* A reader of values of a type: jsonb, text, or else rows. */
extern void txn_reader_init(TxnReader *reader, Oid type, uint32 wanted,
							MemoryContext context);

/* What the user calls a column, in the server's encoding. */
extern const char *txn_column_name(const Policy *policy, TxnColumn c);

/*
 * Reads the transaction. Text points into the datum, the reader or memory of
 * the current context. Unusable values are marked, never an error; a JSON
 * argument that is not an object is 22023.
 */
extern void txn_read(TxnReader *reader, Datum value, const Policy *policy, Txn *txn);

/* The same of a row that is in a slot, of a relation's row type. */
extern void txn_read_slot(TxnReader *reader, TupleTableSlot *slot, const Policy *policy,
						  Txn *txn);

/*
 * Asked when a row type is bound: the names that its relation was attached
 * with, in the current context, or NULL. Set by the layer that attaches.
 */
extern const ColumnNames *(*txn_row_type_names) (Oid row_type);

/* To be raised when names may have changed: readers bind anew then. */
extern uint64 txn_names_generation;

/* Only what history remembers; false without a usable occurred_at. */
extern bool txn_read_event(TxnReader *reader, Datum value, const Policy *policy,
						   Event *event);

/* Tells that a row was just read with TXN_FOR_HISTORY among its columns. */
extern void txn_note_event(const TxnReader *reader, Datum value,
						   const Policy *policy, const Txn *txn);

/* local.c: wall clocks. */
extern pg_tz *local_zone(const char *name, int len);
extern void local_fields(int64 time, pg_tz *zone, bool utc, Txn *txn);
extern bool local_to_time(const IsoTime *t, pg_tz *zone, int64 *time);

/* How a type is read, and whether it is a kind that a column can use. */
extern ColumnKind column_kind(Oid type);

#endif							/* FRAUD_TXN_TXN_READ_H */
