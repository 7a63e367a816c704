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
#include "fmgr.h"
#include "pgtime.h"

#include "txn/txn.h"

/* How a column's SQL type is read. */
typedef enum ColumnKind
{
	KIND_NONE,					/* the row type has no such column */
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
	KIND_OUTPUT					/* through the type's output function */
} ColumnKind;

/* Where a row type has the columns; cached in fn_extra, see txn_reader(). */
typedef struct TxnReader
{
	MemoryContext context;		/* owns everything here but this struct */
	Oid			type;			/* of the argument: record, jsonb or text */
	/* what the cached binding is for */
	Oid			row_type;
	int32		row_typmod;
	uint64		row_identifier;
	uint64		policy_hash;

	uint32		columns;
	TupleDesc	desc;			/* cut after the last column that is needed */
	int16		attno[TXN_NCOLUMNS];	/* less one; -1 none */
	ColumnKind	kind[TXN_NCOLUMNS];
	FmgrInfo	output[TXN_NCOLUMNS];	/* for KIND_OUTPUT */
	Datum	   *values;
	bool	   *nulls;

	pg_tz	   *zone;			/* the policy's */
	bool		utc;			/* it is UTC */
} TxnReader;

/*
 * The reader of argument argno of this call, kept with `extra`, which must be
 * zeroed memory in `context` of the function's lifetime.
 */
extern void txn_reader_init(TxnReader *reader, FunctionCallInfo fcinfo, int argno,
							MemoryContext context);

/*
 * Reads the transaction. Text points into the datum, the reader or memory of
 * the current context. Unusable values are marked, never an error; a JSON
 * argument that is not an object is 22023.
 */
extern void txn_read(TxnReader *reader, Datum value, const Policy *policy, Txn *txn);

/* local.c: wall clocks. */
extern pg_tz *local_zone(const char *name, int len);
extern void local_fields(int64 time, pg_tz *zone, bool utc, Txn *txn);
extern bool local_to_time(const IsoTime *t, pg_tz *zone, int64 *time);

/* How a type is read, and whether it is a kind that a column can use. */
extern ColumnKind column_kind(Oid type);

#endif							/* FRAUD_TXN_TXN_READ_H */
