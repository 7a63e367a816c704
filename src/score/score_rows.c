/*-------------------------------------------------------------------------
 *
 * score_rows.c
 *	  Reading a table for score_pass.c, and what goes through its sorts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "score/score_rows.h"

#define FETCH_ROWS		1000
#define SORT_COLUMNS	4

Work *
work_begin(const ScorePass *pass)
{
	Work	   *work = palloc0(sizeof(Work));

	work->pass = pass;
	work->call = pass->call;
	work->last = DT_NOBEGIN;
	work->desc = CreateTemplateTupleDesc(SORT_COLUMNS);
	TupleDescInitEntry(work->desc, 1, "key", INT8OID, -1, 0);
	TupleDescInitEntry(work->desc, 2, "time", INT8OID, -1, 0);
	TupleDescInitEntry(work->desc, 3, "id", INT8OID, -1, 0);
	TupleDescInitEntry(work->desc, 4, "payload", BYTEAOID, -1, 0);
	work->in = MakeSingleTupleTableSlot(work->desc, &TTSOpsVirtual);
	work->out = MakeSingleTupleTableSlot(work->desc, &TTSOpsMinimalTuple);
	work->per_row = AllocSetContextCreate(CurrentMemoryContext, "fraud_score_table row",
										  ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&work->payload);
	return work;
}

void
work_end(Work *work)
{
	ExecDropSingleTupleTableSlot(work->in);
	ExecDropSingleTupleTableSlot(work->out);
}

Tuplesortstate *
work_sort(Work *work, int nkeys)
{
	static AttrNumber columns[] = {1, 2, 3};
	static Oid	operators[] = {Int8LessOperator, Int8LessOperator, Int8LessOperator};
	static Oid	collations[] = {InvalidOid, InvalidOid, InvalidOid};
	static bool nulls_first[] = {false, false, false};

	/* read twice where rows share a moment */
	return tuplesort_begin_heap(work->desc, nkeys, columns, operators, collations, nulls_first,
								work_mem, NULL, TUPLESORT_RANDOMACCESS);
}

void
set_slot(Work *work, int64 key, int64 time, int64 id)
{
	ExecClearTuple(work->in);
	work->in->tts_values[0] = Int64GetDatum(key);
	work->in->tts_values[1] = Int64GetDatum(time);
	work->in->tts_values[2] = Int64GetDatum(id);
	work->in->tts_values[3] = PointerGetDatum(work->payload.data);
	memset(work->in->tts_isnull, 0, sizeof(bool) * SORT_COLUMNS);
	SET_VARSIZE(work->payload.data, work->payload.len);
	ExecStoreVirtualTuple(work->in);
}

void
set_payload(Work *work, const void *bytes, size_t len)
{
	static const char header[VARHDRSZ];

	resetStringInfo(&work->payload);
	appendBinaryStringInfo(&work->payload, header, VARHDRSZ);
	appendBinaryStringInfo(&work->payload, bytes, (int) len);
}

const char *
slot_payload(Work *work, int *len)
{
	bool		isnull;
	struct varlena *p;

	p = PG_DETOAST_DATUM_PACKED(slot_getattr(work->out, SORT_COLUMNS, &isnull));
	*len = (int) VARSIZE_ANY_EXHDR(p);
	return VARDATA_ANY(p);
}

int64
slot_int(Work *work, int column)
{
	bool		isnull;

	return DatumGetInt64(slot_getattr(work->out, column, &isnull));
}

/* ---- rows in ---- */

/* Writes the present row as a payload. */
static void
write_row(Work *work, const RowPart *part)
{
	const Txn  *txn = &work->call->txn;
	const TxnText *texts[] = {&txn->txn_id, &txn->customer, &txn->card, &txn->merchant, &txn->category};
	int			i;

	set_payload(work, part, sizeof(RowPart));
	appendBinaryStringInfo(&work->payload, (const char *) txn, TXN_FIXED);
	for (i = 0; i < (int) lengthof(texts); i++)
		if (texts[i]->len > 0)
			appendBinaryStringInfo(&work->payload, texts[i]->p, texts[i]->len);
}

const char *
read_row(const char *payload, RowPart *part, Txn *txn)
{
	TxnText    *texts[] = {&txn->txn_id, &txn->customer, &txn->card, &txn->merchant, &txn->category};
	const char *p = payload + sizeof(RowPart) + TXN_FIXED;
	int			i;

	memcpy(part, payload, sizeof(RowPart));
	memcpy(txn, payload + sizeof(RowPart), TXN_FIXED);
	for (i = 0; i < (int) lengthof(texts); i++)
	{
		texts[i]->p = p;
		p += texts[i]->len;
	}
	return p;
}

/* Into the sort by address or by merchant. */
static void
sort_event(Work *work, Tuplesortstate *sort, int64 key, int64 row, const Event *event, int64 known)
{
	EventPart	e = {row, known, *event};

	set_payload(work, &e, sizeof(e));
	set_slot(work, key, event->time, (int64) event->id);
	tuplesort_puttupleslot(sort, work->in);
}

void
take_rows(Work *work, Tuplestorestate *rows, Tuplesortstate *by_ip, Tuplesortstate *by_merchant)
{
	Oid			relation = work->pass->relation;
	ScoreCall  *call = work->call;
	Txn		   *txn = &call->txn;
	char	   *name;
	char	   *query;
	Portal		portal;
	int64		row = 0;

	/* the row, also where a column has the alias for a name */
	name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
	query = psprintf("SELECT (t.*)::%s FROM %s AS t", name, name);
	portal = SPI_cursor_open_with_args(NULL, query, 0, NULL, NULL, NULL, true, 0);
	for (;;)
	{
		uint64		i;

		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (i = 0; i < SPI_processed; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(work->per_row);
			RowPart		part = {0};
			Event		event;
			bool		has_event;
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

			if (!isnull)
			{
				txn_read(&call->reader, value, call->policy, txn);
				has_event = txn_event(txn, &event);
				if (!has_event || txn->time < work->pass->until)
				{
					MemoryContextSwitchTo(old);
					part.is_fraud = fraud_labels_find(work->pass->labels, &txn->txn_id, &part.known);
					work->frauds += part.is_fraud;
					if (has_event)
						work->last = Max(work->last, event.time);
					write_row(work, &part);
					set_slot(work, row, 0, 0);
					tuplestore_puttupleslot(rows, work->in);
					/* to an address a fraud is an attempt like others; IPv6 by /64 */
					if (by_ip != NULL && has_event && txn->ip_family != 0)
						sort_event(work, by_ip,
								   (int64) value_hash(COL_IP, (const char *) txn->ip,
													  txn->ip_family == 4 ? 4 : 8),
								   row, &event, NOT_FRAUD);
					if (by_merchant != NULL && has_event && txn->merchant.len > 0)
						sort_event(work, by_merchant,
								   (int64) value_hash(COL_MERCHANT_ID, txn->merchant.p,
													  txn->merchant.len),
								   row, &event, fraud_known(&part, &event));
					row++;
				}
			}
			MemoryContextSwitchTo(old);
			MemoryContextReset(work->per_row);
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
}
