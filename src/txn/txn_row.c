/*-------------------------------------------------------------------------
 *
 * txn_row.c
 *	  The columns of a row.
 *
 * Columns are found by name once per row type and policy, and kept with the
 * function call: by type, typmod, assign_record_type_identifier() and policy
 * hash, so ALTER TABLE and policy changes are noticed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "txn/txn_value.h"

const ColumnNames *(*txn_row_type_names) (Oid row_type) = NULL;
uint64		txn_names_generation = 0;

ColumnKind
column_kind(Oid type)
{
	switch (getBaseType(type))
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return KIND_TEXT;
		case INT2OID:
			return KIND_INT2;
		case INT4OID:
			return KIND_INT4;
		case INT8OID:
			return KIND_INT8;
		case FLOAT4OID:
			return KIND_FLOAT4;
		case FLOAT8OID:
			return KIND_FLOAT8;
		case NUMERICOID:
			return KIND_NUMERIC;
		case BOOLOID:
			return KIND_BOOL;
		case TIMESTAMPTZOID:
			return KIND_TIMESTAMPTZ;
		case TIMESTAMPOID:
			return KIND_TIMESTAMP;
		case DATEOID:
			return KIND_DATE;
		case INETOID:
		case CIDROID:
			return KIND_INET;
		case CASHOID:
			return KIND_MONEY;
		default:
			return KIND_OUTPUT;
	}
}

const char *
txn_column_name(const Policy *policy, TxnColumn c)
{
	PolicyStr	name = policy->columns[c];

	return name.off == 0 ? txn_column_names[c] : yaml_text(policy_str(policy, name), name.len);
}

void
txn_use_policy(TxnReader *reader, const Policy *policy)
{
	const char *zone = policy_str(policy, policy->timezone);

	reader->zone = local_zone(zone, (int) strlen(zone));
	/* a zone that was known when the policy was read and is gone: UTC */
	if (reader->zone == NULL)
		reader->zone = pg_tzset("GMT");
	reader->utc = strcmp(zone, "UTC") == 0 || strcmp(zone, "GMT") == 0;
	reader->policy_hash = policy->hash;
}

static void
bind_row(TxnReader *reader, Oid type, int32 typmod, uint64 identifier,
		 const Policy *policy)
{
	MemoryContext old;
	TupleDesc	desc;
	const ColumnNames *names = reader->names;
	uint64		generation = txn_names_generation;	/* looking may raise it */
	int			c;
	int			i;

	reader->row_type = InvalidOid;	/* in case of an error below */
	MemoryContextReset(reader->context);
	txn_use_policy(reader, policy);
	reader->columns = 0;
	reader->nfields = 0;

	if (names == NULL && type != RECORDOID && txn_row_type_names != NULL)
		names = txn_row_type_names(type);
	desc = lookup_rowtype_tupdesc_domain(type, typmod, false);
	old = MemoryContextSwitchTo(reader->context);
	for (c = 0; c < TXN_NCOLUMNS; c++)
	{
		const char *name = names != NULL && names->name[c] != NULL ?
			names->name[c] : txn_column_name(policy, (TxnColumn) c);

		reader->attno[c] = -1;
		for (i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);
			RowField   *field;

			if (att->attisdropped || strcmp(NameStr(att->attname), name) != 0)
				continue;
			reader->columns |= COL_BIT(c);
			reader->attno[c] = (int16) i;
			if ((reader->wanted & COL_BIT(c)) == 0)
				break;
			field = &reader->fields[reader->nfields++];
			field->column = (uint8) c;
			field->attno = (int16) i;
			field->kind = column_kind(att->atttypid);
			if (field->kind == KIND_OUTPUT)
			{
				Oid			fn;
				bool		varlena;

				getTypeOutputInfo(att->atttypid, &fn, &varlena);
				field->output = palloc(sizeof(FmgrInfo));
				fmgr_info_cxt(fn, field->output, reader->context);
			}
			break;
		}
	}
	reader->desc = CreateTupleDescCopy(desc);
	reader->values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	reader->nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	MemoryContextSwitchTo(old);
	ReleaseTupleDesc(desc);

	reader->type_entry = type == RECORDOID ? NULL : lookup_type_cache(type, TYPECACHE_TUPDESC);
	reader->row_type = type;
	reader->row_typmod = typmod;
	reader->row_identifier = identifier;
	reader->names_generation = generation;
}

static void
value_from_datum(const RowField *field, Datum d, Value *v)
{
	struct varlena *p;

	switch (field->kind)
	{
		case KIND_TEXT:
			p = PG_DETOAST_DATUM_PACKED(d);
			v->type = VALUE_TEXT;
			v->u.text = VARDATA_ANY(p);
			v->len = (int) VARSIZE_ANY_EXHDR(p);
			break;
		case KIND_INT2:
			v->type = VALUE_INT;
			v->u.integer = DatumGetInt16(d);
			break;
		case KIND_INT4:
			v->type = VALUE_INT;
			v->u.integer = DatumGetInt32(d);
			break;
		case KIND_INT8:
			v->type = VALUE_INT;
			v->u.integer = DatumGetInt64(d);
			break;
		case KIND_FLOAT4:
			{
				char		buf[FLOAT_SHORTEST_DECIMAL_LEN];

				/* by way of its own shortest decimal, not of a double's */
				v->type = VALUE_DOUBLE;
				v->u.real = DatumGetFloat4(d);
				if (isfinite(v->u.real))
				{
					float_to_shortest_decimal_buf(DatumGetFloat4(d), buf);
					v->u.real = strtod(buf, NULL);
				}
			}
			break;
		case KIND_FLOAT8:
			v->type = VALUE_DOUBLE;
			v->u.real = DatumGetFloat8(d);
			break;
		case KIND_NUMERIC:
			v->type = VALUE_NUMERIC;
			v->u.numeric = DatumGetNumeric(d);
			break;
		case KIND_BOOL:
			v->type = VALUE_BOOL;
			v->u.integer = DatumGetBool(d);
			break;
		case KIND_TIMESTAMPTZ:
			v->type = VALUE_TIMESTAMPTZ;
			v->u.integer = DatumGetTimestampTz(d);
			break;
		case KIND_TIMESTAMP:
			v->type = VALUE_TIMESTAMP;
			v->u.integer = DatumGetTimestamp(d);
			break;
		case KIND_DATE:
			v->type = VALUE_DATE;
			v->u.integer = DatumGetDateADT(d);
			break;
		case KIND_INET:
			v->type = VALUE_INET;
			v->u.address = DatumGetInetPP(d);
			break;
		case KIND_MONEY:
			v->type = VALUE_NUMERIC;
			v->u.numeric = DatumGetNumeric(DirectFunctionCall1(cash_numeric, d));
			break;
		case KIND_OUTPUT:
			v->type = VALUE_TEXT;
			v->u.text = OutputFunctionCall(field->output, d);
			v->len = (int) strlen(v->u.text);
			break;
	}
	/* blank text is NULL */
	if (v->type == VALUE_TEXT)
	{
		int			len = v->len;

		value_trim(&v->u.text, &v->len);
		v->trimmed = v->len != len;
		if (v->len == 0)
			v->type = VALUE_NULL;
	}
}

uint64
txn_row_identifier(const TxnReader *reader, Oid type, int32 typmod)
{
	/* entries of the type cache stay; ALTER TABLE changes the identifier in them */
	if (type == reader->row_type && reader->type_entry != NULL && reader->type_entry->tupDesc != NULL)
		return reader->type_entry->tupDesc_identifier;
	return assign_record_type_identifier(type, typmod);
}

/* Makes sure that the reader knows the columns of a row type. */
static void
need_row_type(TxnReader *reader, Oid type, int32 typmod, const Policy *policy)
{
	uint64		identifier = txn_row_identifier(reader, type, typmod);

	if (type != reader->row_type || typmod != reader->row_typmod ||
		identifier != reader->row_identifier || policy->hash != reader->policy_hash ||
		reader->names_generation != txn_names_generation)
		bind_row(reader, type, typmod, identifier, policy);
}

static void
take_values(const TxnReader *reader, const Datum *datums, const bool *nulls, Value *values)
{
	int			i;

	for (i = 0; i < reader->nfields; i++)
	{
		const RowField *field = &reader->fields[i];

		if (!nulls[field->attno])
			value_from_datum(field, datums[field->attno], &values[field->column]);
	}
}

void
txn_read_row(TxnReader *reader, HeapTupleHeader header, const Policy *policy,
		 Value *values)
{
	HeapTupleData tuple;

	need_row_type(reader, HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header), policy);

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, reader->desc, reader->values, reader->nulls);
	take_values(reader, reader->values, reader->nulls, values);
}

void
txn_read_row_slot(TxnReader *reader, TupleTableSlot *slot, const Policy *policy,
				  Value *values)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;

	need_row_type(reader, desc->tdtypeid, desc->tdtypmod, policy);
	slot_getallattrs(slot);
	take_values(reader, slot->tts_values, slot->tts_isnull, values);
}
