/*-------------------------------------------------------------------------
 *
 * txn_read.c
 *	  Filling a Txn from a row, a jsonb object or JSON text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "txn/txn_value.h"

/* ---- JSON ---- */

static void
read_jsonb(TxnReader *reader, Jsonb *json, const Policy *policy, Txn *txn,
		   Value *values)
{
	int			c;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("transaction is not a JSON object"),
				 errhint("Pass an object such as {\"txn_id\": 1, \"amount\": 9.99, \"occurred_at\": \"2026-11-20T17:03:00Z\"}.")));
	if (policy->hash != reader->policy_hash)
		txn_use_policy(reader, policy);

	for (c = 0; c < TXN_NCOLUMNS; c++)
	{
		const char *name = txn_column_name(policy, (TxnColumn) c);
		Value	   *v = &values[c];
		JsonbValue	found;

		if (getKeyJsonValueFromContainer(&json->root, name, (int) strlen(name), &found) == NULL)
			continue;
		txn->columns |= COL_BIT(c);
		if ((reader->wanted & COL_BIT(c)) == 0)
			continue;
		switch (found.type)
		{
			case jbvNull:
				break;
			case jbvString:
				v->type = VALUE_TEXT;
				v->u.text = found.val.string.val;
				v->len = found.val.string.len;
				value_trim(&v->u.text, &v->len);
				v->trimmed = v->len != found.val.string.len;
				if (v->len == 0)
					v->type = VALUE_NULL;
				break;
			case jbvNumeric:
				v->type = VALUE_NUMERIC;
				v->u.numeric = found.val.numeric;
				break;
			case jbvBool:
				v->type = VALUE_BOOL;
				v->u.integer = found.val.boolean;
				break;
			default:
				v->type = VALUE_OTHER;
				break;
		}
	}
}

/* ---- both ---- */

void
txn_reader_init(TxnReader *reader, Oid type, uint32 wanted, MemoryContext context)
{
	memset(reader, 0, sizeof(TxnReader));
	reader->wanted = wanted;
	reader->type = type == JSONBOID || type == TEXTOID ? type : RECORDOID;
	reader->context = AllocSetContextCreate(context, "fraud_fallback binding",
											ALLOCSET_SMALL_SIZES);
}

void
txn_read(TxnReader *reader, Datum value, const Policy *policy, Txn *txn)
{
	Value		values[TXN_NCOLUMNS];

	memset(txn, 0, offsetof(Txn, scratch));
	memset(values, 0, sizeof(values));	/* all VALUE_NULL */

	if (reader->type == RECORDOID)
	{
		txn_read_row(reader, DatumGetHeapTupleHeader(value), policy, values);
		txn->columns = reader->columns;
	}
	else
	{
		Jsonb	   *json;

		if (reader->type == TEXTOID)
			value = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(value)));
		json = DatumGetJsonbP(value);
		reader->object = JsonbPGetDatum(json);
		read_jsonb(reader, json, policy, txn, values);
	}
	txn_fill(txn, reader, policy, values);
}

void
txn_read_slot(TxnReader *reader, TupleTableSlot *slot, const Policy *policy, Txn *txn)
{
	Value		values[TXN_NCOLUMNS];

	memset(txn, 0, offsetof(Txn, scratch));
	memset(values, 0, sizeof(values));	/* all VALUE_NULL */
	txn_read_row_slot(reader, slot, policy, values);
	txn->columns = reader->columns;
	txn_fill(txn, reader, policy, values);
}

/*
 * The row read last for a decision, and what history will remember of it. A
 * window query scores a row and hands the same bytes to fraud_profile() next;
 * half of that aggregate's work is then done already.
 */
static struct
{
	uint32		len;			/* 0: none */
	uint64		identifier;
	uint64		policy_hash;
	bool		has_event;
	Event		event;
	char		bytes[1024];
}			recent;

void
txn_note_event(const TxnReader *reader, Datum value, const Policy *policy, const Txn *txn)
{
	HeapTupleHeader header;

	if (reader->type != RECORDOID)
		return;
	header = DatumGetHeapTupleHeader(value);
	recent.len = 0;
	if (HeapTupleHeaderGetDatumLength(header) > sizeof(recent.bytes))
		return;
	recent.has_event = txn_event(txn, &recent.event);
	recent.identifier = reader->row_identifier;
	recent.policy_hash = policy->hash;
	memcpy(recent.bytes, header, HeapTupleHeaderGetDatumLength(header));
	recent.len = HeapTupleHeaderGetDatumLength(header);
}

bool
txn_read_event(TxnReader *reader, Datum value, const Policy *policy, Event *event)
{
	Txn			txn;

	if (reader->type == RECORDOID && recent.len > 0 && recent.policy_hash == policy->hash)
	{
		HeapTupleHeader header = DatumGetHeapTupleHeader(value);

		/* the bytes begin with the row's type */
		if (HeapTupleHeaderGetDatumLength(header) == recent.len &&
			memcmp(header, recent.bytes, recent.len) == 0 &&
			txn_row_identifier(reader, HeapTupleHeaderGetTypeId(header),
						   HeapTupleHeaderGetTypMod(header)) == recent.identifier)
		{
			*event = recent.event;
			return recent.has_event;
		}
	}
	txn_read(reader, value, policy, &txn);
	return txn_event(&txn, event);
}
