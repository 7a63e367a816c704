/*-------------------------------------------------------------------------
 *
 * record_value.c
 *	  One value of a transaction in its record; see record_value.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/json_put.h"
#include "core/shared_text.h"
#include "decide/record.h"
#include "decide/record_value.h"
#include "journal/field_hash.h"
#include "txn/txn.h"

/* A value in binary is at most so many times as long as its text. */
#define JSONB_GROWTH		8

PrintKind
print_kind(Oid type)
{
	type = getBaseType(type);
	switch (type)
	{
		case BOOLOID:
			return PRINT_BOOL;
		case INT2OID:
			return PRINT_INT2;
		case INT4OID:
			return PRINT_INT4;
		case INT8OID:
			return PRINT_INT8;
		case FLOAT4OID:
			return PRINT_FLOAT4;
		case FLOAT8OID:
			return PRINT_FLOAT8;
		case NUMERICOID:
			return PRINT_NUMERIC;
		case CASHOID:
			return PRINT_MONEY;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return PRINT_TEXT;
		case TIMESTAMPTZOID:
			return PRINT_TIMESTAMPTZ;
		case TIMESTAMPOID:
			return PRINT_TIMESTAMP;
		case DATEOID:
			return PRINT_DATE;
		case JSONBOID:
			return PRINT_JSONB;
		case JSONOID:
			return PRINT_JSON;
		case UUIDOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case TIMEOID:
		case TIMETZOID:
		case INTERVALOID:
		case NAMEOID:
		case CHAROID:
		case OIDOID:
			return PRINT_OUTPUT;
		default:
			return get_typtype(type) == TYPTYPE_ENUM ? PRINT_OUTPUT : PRINT_OTHER;
	}
}

/* ---- hashes ---- */

static bool
put_hash(StringInfo out, const char *utf8, int len)
{
	/* as ids are read; where nothing is, there is nothing to hide */
	value_trim(&utf8, &len);
	if (len == 0)
	{
		PUT(out, "\"\"");
		return true;
	}
	put_room(out, FIELD_HASH_LEN + 2);
	if (!field_hash(utf8, len, out->data + out->len + 1))
		return false;
	out->data[out->len] = '"';
	out->data[out->len + FIELD_HASH_LEN + 1] = '"';
	out->len += FIELD_HASH_LEN + 2;
	return true;
}

static bool
hash_text(StringInfo out, const char *text, size_t len)
{
	char	   *utf8;

	if (GetDatabaseEncoding() == PG_UTF8)
		return put_hash(out, text, (int) len);
	utf8 = shared_text_to_utf8(pnstrdup(text, len));
	return put_hash(out, utf8, (int) strlen(utf8));
}

/* What was printed behind the first `from` bytes, no string with escapes, becomes its hash. */
static bool
hash_printed(StringInfo out, int from)
{
	const char *text = out->data + from;
	int			len = out->len - from;
	char	   *copy;

	if (len >= 2 && *text == '"')
	{
		text++;
		len -= 2;
	}
	copy = pnstrdup(text, len);
	out->len = from;
	return put_hash(out, copy, len);
}

/* ---- values ---- */

bool
print_text(StringInfo out, const char *text, size_t len, bool hash)
{
	if (len > RECORD_MEMBER_MAX - 2)
		return false;
	if (hash)
		return hash_text(out, text, len);
	put_text(out, text, len);
	return true;
}

static void
put_numeric(StringInfo out, Numeric value)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
	int			len = (int) strlen(text);
	bool		special = numeric_is_nan(value) || numeric_is_inf(value);

	if (special)
		put_char(out, '"');
	put_bytes(out, text, len);
	if (special)
		put_char(out, '"');
	pfree(text);
}

static void
put_date_time(StringInfo out, Datum value, Oid type)
{
	put_room(out, MAXDATELEN + 2);
	put_char(out, '"');
	JsonEncodeDateTime(out->data + out->len, value, type, NULL);
	out->len += (int) strlen(out->data + out->len);
	put_char(out, '"');
}

bool
print_jsonb(StringInfo out, const JsonbValue *value, bool hash)
{
	int			from = out->len;

	switch (value->type)
	{
		case jbvString:
			return print_text(out, value->val.string.val, value->val.string.len, hash);
		case jbvNull:
			PUT(out, "null");
			return true;
		case jbvNumeric:
			put_numeric(out, value->val.numeric);
			break;
		case jbvBool:
			put_bool(out, value->val.boolean);
			break;
		default:
			Assert(value->type == jbvBinary);
			if (value->val.binary.len > JSONB_GROWTH * RECORD_MEMBER_MAX)
				return false;
			JsonbToCString(out, value->val.binary.data, value->val.binary.len);
			put_json_to_utf8(out, from);
			break;
	}
	return !hash || hash_printed(out, from);
}

static bool
print_jsonb_datum(StringInfo out, Datum datum, bool hash)
{
	JsonbValue	value;
	Jsonb	   *json;

	if (toast_raw_datum_size(datum) > JSONB_GROWTH * RECORD_MEMBER_MAX)
		return false;
	json = DatumGetJsonbP(datum);
	if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &value))
	{
		value.type = jbvBinary;
		value.val.binary.data = &json->root;
		value.val.binary.len = (int) VARSIZE(json);
	}
	return print_jsonb(out, &value, hash);
}

static bool
print_text_datum(StringInfo out, Datum datum, bool hash)
{
	struct varlena *text = (struct varlena *) DatumGetPointer(datum);

	/* before it is unpacked */
	if (VARATT_IS_EXTENDED(text) && toast_raw_datum_size(datum) > RECORD_MEMBER_MAX + VARHDRSZ)
		return false;
	text = PG_DETOAST_DATUM_PACKED(datum);
	return print_text(out, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text), hash);
}

bool
print_datum(StringInfo out, PrintKind kind, FmgrInfo *output, Datum value, bool hash)
{
	int			from = out->len;
	char	   *text;

	switch (kind)
	{
		case PRINT_BOOL:
			put_bool(out, DatumGetBool(value));
			break;
		case PRINT_INT2:
			put_int(out, DatumGetInt16(value));
			break;
		case PRINT_INT4:
			put_int(out, DatumGetInt32(value));
			break;
		case PRINT_INT8:
			put_int(out, DatumGetInt64(value));
			break;
		case PRINT_FLOAT4:
			put_float(out, DatumGetFloat4(value));
			break;
		case PRINT_FLOAT8:
			put_double(out, DatumGetFloat8(value));
			break;
		case PRINT_NUMERIC:
			put_numeric(out, DatumGetNumeric(value));
			break;
		case PRINT_MONEY:
			/* a number as the transaction is read, not in the words of lc_monetary */
			put_numeric(out, DatumGetNumeric(DirectFunctionCall1(cash_numeric, value)));
			break;
		case PRINT_TEXT:
			return print_text_datum(out, value, hash);
		case PRINT_TIMESTAMPTZ:
			put_time(out, DatumGetTimestampTz(value));
			break;
		case PRINT_TIMESTAMP:
			if (!TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)) && !IS_VALID_TIMESTAMP(DatumGetTimestamp(value)))
				return false;
			put_date_time(out, value, TIMESTAMPOID);
			break;
		case PRINT_DATE:
			put_date_time(out, value, DATEOID);
			break;
		case PRINT_JSONB:
			return print_jsonb_datum(out, value, hash);
		default:
			text = OutputFunctionCall(output, value);
			return print_text(out, text, strlen(text), hash);
	}
	return !hash || hash_printed(out, from);
}
