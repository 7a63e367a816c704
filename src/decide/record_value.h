/*-------------------------------------------------------------------------
 *
 * record_value.h
 *	  One value of a transaction in its record.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_RECORD_VALUE_H
#define FRAUD_DECIDE_RECORD_VALUE_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* How a type is printed. */
typedef enum PrintKind
{
	PRINT_BOOL,
	PRINT_INT2,
	PRINT_INT4,
	PRINT_INT8,
	PRINT_FLOAT4,
	PRINT_FLOAT8,
	PRINT_NUMERIC,
	PRINT_MONEY,
	PRINT_TEXT,
	PRINT_TIMESTAMPTZ,
	PRINT_TIMESTAMP,
	PRINT_DATE,
	PRINT_JSONB,
	PRINT_OUTPUT,				/* by an output function of the server's own, which raises nothing */
	PRINT_JSON,					/* in a subtransaction: what json may hold and jsonb not */
	PRINT_OTHER					/* in a subtransaction, by its output function */
} PrintKind;

extern PrintKind print_kind(Oid type);

/*
 * Append a value as JSON, or its hash as a string: of the text that stands in
 * the JSON, so that a number has the hash of the same digits as text. False
 * where it is too long or cannot be hashed; what was appended then is the
 * caller's to take back. Texts are of the server's encoding.
 */
extern bool print_text(StringInfo out, const char *text, size_t len, bool hash);
extern bool print_jsonb(StringInfo out, const JsonbValue *value, bool hash);

/* Of all kinds but the last two; output is for PRINT_OUTPUT. */
extern bool print_datum(StringInfo out, PrintKind kind, FmgrInfo *output, Datum value, bool hash);

#endif							/* FRAUD_DECIDE_RECORD_VALUE_H */
