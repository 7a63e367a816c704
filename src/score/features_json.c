/*-------------------------------------------------------------------------
 *
 * features_json.c
 *	  Features as JSON: the columns of features_sql.c, printed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/compat.h"
#include "core/json_put.h"
#include "score/feature_columns.h"
#include "score/features_json.h"
#include "score/score_call.h"

#define COLUMNS_MAX		64

/* Comma, name and colon. */
static struct
{
	uint8		len;
	char		text[59];
}			keys[COLUMNS_MAX];

static void
make_keys(int n)
{
	Assert(n <= COLUMNS_MAX);
	for (int i = 0; i < n; i++)
		keys[i].len = (uint8) snprintf(keys[i].text, sizeof(keys[i].text), "%c\"%s\":", i == 0 ? '{' : ',',
									   feature_column(i)->name);
}

void
features_json(const Txn *txn, const Features *f, StringInfo out)
{
	int			n = features_ncolumns();
	Datum		values[COLUMNS_MAX];
	bool		nulls[COLUMNS_MAX];

	if (keys[0].len == 0)
		make_keys(n);
	features_values(txn, f, values, nulls);
	for (int i = 0; i < n; i++)
	{
		put_bytes(out, keys[i].text, keys[i].len);
		if (nulls[i])
		{
			PUT(out, "null");
			continue;
		}
		switch (feature_column(i)->type)
		{
			case FLOAT8OID:
				put_double(out, DatumGetFloat8(values[i]));
				break;
			case INT8OID:
				put_int(out, DatumGetInt64(values[i]));
				break;
			case INT4OID:
				put_int(out, DatumGetInt32(values[i]));
				break;
			case BOOLOID:
				put_bool(out, DatumGetBool(values[i]));
				break;
			default:
				Assert(feature_column(i)->type == TEXTOID);
				put_utf8(out, VARDATA_ANY(DatumGetPointer(values[i])), VARSIZE_ANY_EXHDR(DatumGetPointer(values[i])));
				break;
		}
	}
	put_char(out, '}');
}
