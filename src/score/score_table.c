/*-------------------------------------------------------------------------
 *
 * score_table.c
 *	  fraud_score_table(): every row of a table as of its own past.
 *
 * The table is read once, by an ordinary query with the caller's rights, and
 * each row becomes what scoring needs of it. PostgreSQL's tuplesort brings the
 * rows of one IP together, then those of one customer, each in order of time;
 * a history is then one ProfileState that grows as its rows pass, and no
 * profile is ever written down. Sorts and stores keep to work_mem each and
 * spill to disk.
 *
 *		table -> rows (store)
 *		rows with an IP -> sort (ip, time, id) -> numbers of rule 16
 *			-> sort (row) -> joined to rows in passing
 *		rows -> sort (customer, time, id) -> decisions
 *
 * Windows end with the row's own moment, (t - w, t]: rows of one entity at one
 * moment are all observed before the first of them is scored. Merchant
 * histories matter only for confirmed frauds, which a table's own rows do not
 * tell, so there is no pass for them.
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
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "score/score_call.h"

#define FETCH_ROWS	1000

/* The numbers of features.h that come from an IP's history. */
typedef struct IpPart
{
	int64		row;
	int32		use;			/* HistoryUse */
	int32		cards;
	int64		attempts_24h;
	double		declined_share;
} IpPart;

/* A row on its way: this, the fixed part of its Txn, then the texts. */
typedef struct RowPart
{
	int64		has_ip;
	IpPart		ip;				/* valid with has_ip */
} RowPart;

/* What the sort by address carries. */
typedef struct AddressPart
{
	int64		row;
	Event		event;
} AddressPart;

#define TXN_FIXED	offsetof(Txn, scratch)

/* One sort or store of (key, time, id, payload). */
#define SORT_COLUMNS	4

typedef struct Work
{
	ScoreCall  *call;
	TupleDesc	desc;			/* of SORT_COLUMNS */
	TupleTableSlot *in;
	TupleTableSlot *out;
	MemoryContext per_row;
	StringInfoData payload;		/* a varlena being built */
} Work;

static void
work_init(Work *work, ScoreCall *call)
{
	work->call = call;
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
}

static Tuplesortstate *
begin_sort(Work *work, int nkeys)
{
	static AttrNumber columns[] = {1, 2, 3};
	static Oid	operators[] = {Int8LessOperator, Int8LessOperator, Int8LessOperator};
	static Oid	collations[] = {InvalidOid, InvalidOid, InvalidOid};
	static bool nulls_first[] = {false, false, false};

	/* read twice where rows share a moment */
	return tuplesort_begin_heap(work->desc, nkeys, columns, operators, collations, nulls_first,
								work_mem, NULL, TUPLESORT_RANDOMACCESS);
}

static void
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

static void
start_payload(Work *work)
{
	static const char header[VARHDRSZ];

	resetStringInfo(&work->payload);
	appendBinaryStringInfo(&work->payload, header, VARHDRSZ);
}

/* The payload of the row just read, and how long it is. */
static const char *
payload_of(Work *work, int *len)
{
	bool		isnull;
	struct varlena *p;

	p = PG_DETOAST_DATUM_PACKED(slot_getattr(work->out, SORT_COLUMNS, &isnull));
	*len = (int) VARSIZE_ANY_EXHDR(p);
	return VARDATA_ANY(p);
}

static int64
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

	start_payload(work);
	appendBinaryStringInfo(&work->payload, (const char *) part, sizeof(RowPart));
	appendBinaryStringInfo(&work->payload, (const char *) txn, TXN_FIXED);
	for (i = 0; i < (int) lengthof(texts); i++)
		if (texts[i]->len > 0)
			appendBinaryStringInfo(&work->payload, texts[i]->p, texts[i]->len);
}

/* Takes a payload back apart; texts point into it. */
static void
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
}

/*
 * Reads the table. Every row goes into `rows`; those with an address and a
 * time also into by_ip, where that is wanted.
 */
static void
take_rows(Work *work, Oid relation, TimestampTz until, Tuplestorestate *rows,
		  Tuplesortstate *by_ip)
{
	ScoreCall  *call = work->call;
	Txn		   *txn = &call->txn;
	StringInfoData query;
	Portal		portal;
	int64		row = 0;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT t FROM %s AS t",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
												get_rel_name(relation)));
	portal = SPI_cursor_open_with_args(NULL, query.data, 0, NULL, NULL, NULL, true, 0);
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
				if (!has_event || txn->time < until)
				{
					MemoryContextSwitchTo(old);
					write_row(work, &part);
					set_slot(work, row, 0, 0);
					tuplestore_puttupleslot(rows, work->in);
					if (by_ip != NULL && has_event && txn->ip_family != 0)
					{
						/* IPv6 by /64 */
						int64		key = (int64) value_hash(COL_IP, (const char *) txn->ip,
															 txn->ip_family == 4 ? 4 : 8);

						AddressPart address = {row, event};

						start_payload(work);
						appendBinaryStringInfo(&work->payload, (const char *) &address, sizeof(address));
						set_slot(work, key, txn->time, (int64) txn->identity);
						tuplesort_puttupleslot(by_ip, work->in);
					}
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

/* ---- rows of one entity, in order of time ---- */

/* What to do with a row: first when its moment comes, then when it is its turn. */
typedef void (*ObserveRow) (Work *work, const char *payload);
typedef void (*ScoreRow) (Work *work, const char *payload, void *arg);

static void
pass_entities(Work *work, Tuplesortstate *sort, ProfileState *profile,
			  ObserveRow observe, ScoreRow score, void *arg)
{
	int64		current = 0;
	bool		first = true;
	int			len;

	tuplesort_performsort(sort);
	for (;;)
	{
		int64		key = 0;
		int64		time = 0;
		int64		n = 0;

		tuplesort_markpos(sort);
		while (tuplesort_gettupleslot(sort, true, false, work->out, NULL) &&
			   (n == 0 || (slot_int(work, 1) == key && slot_int(work, 2) == time)))
		{
			if (n++ == 0)
			{
				key = slot_int(work, 1);
				time = slot_int(work, 2);
				if (first || key != current)
					profile_init(profile, work->call->policy->basis_hash);
				first = false;
				current = key;
			}
			observe(work, payload_of(work, &len));
		}
		if (n == 0)
			break;
		tuplesort_restorepos(sort);
		for (; n > 0; n--)
		{
			tuplesort_gettupleslot(sort, true, false, work->out, NULL);
			score(work, payload_of(work, &len), arg);
			CHECK_FOR_INTERRUPTS();
		}
	}
	ExecClearTuple(work->out);
}

/* ---- addresses ---- */

static void
no_histories(Histories *h)
{
	memset(h, 0, sizeof(*h));
	h->use[HISTORY_CUSTOMER] = h->use[HISTORY_IP] = h->use[HISTORY_MERCHANT] = HISTORY_UNAVAILABLE;
}

static void
observe_address(Work *work, const char *payload)
{
	AddressPart address;

	memcpy(&address, payload, sizeof(address));
	profile_observe(&work->call->states[HISTORY_IP], &address.event);
}

/* The numbers of rule 16, into the sort by row. */
static void
score_address(Work *work, const char *payload, void *by_row)
{
	ScoreCall  *call = work->call;
	AddressPart address;
	IpPart		part = {0};

	memcpy(&address, payload, sizeof(address));
	call->txn.time = address.event.time;
	call->txn.identity = address.event.id;
	call->txn.card_hash = address.event.card;
	call->txn.amount = address.event.amount;
	features_compute(&call->txn, &call->histories, call->policy, false, &call->features);

	part.row = address.row;
	part.use = call->features.use[HISTORY_IP];
	part.cards = call->features.ip_cards;
	part.attempts_24h = call->features.ip_attempts_24h;
	part.declined_share = call->features.ip_declined_share;
	start_payload(work);
	appendBinaryStringInfo(&work->payload, (const char *) &part, sizeof(part));
	set_slot(work, part.row, 0, 0);
	tuplesort_puttupleslot((Tuplesortstate *) by_row, work->in);
}

static void
pass_addresses(Work *work, Tuplesortstate *by_ip, Tuplesortstate *by_row)
{
	ScoreCall  *call = work->call;

	no_histories(&call->histories);
	call->histories.use[HISTORY_IP] = HISTORY_USABLE;
	call->histories.state[HISTORY_IP] = &call->states[HISTORY_IP];
	memset(&call->txn, 0, TXN_FIXED);
	call->txn.known = COL_BIT(COL_OCCURRED_AT);
	pass_entities(work, by_ip, &call->states[HISTORY_IP], observe_address, score_address, by_row);
	tuplesort_performsort(by_row);
}

/* Moves every row from the store into by_customer, its IP's numbers with it. */
static void
join_rows(Work *work, Tuplestorestate *rows, Tuplesortstate *by_row,
		  Tuplesortstate *by_customer)
{
	ScoreCall  *call = work->call;
	IpPart		next = {.row = -1};
	bool		more = by_row != NULL;
	int64		row = 0;

	for (; tuplestore_gettupleslot(rows, true, false, work->out); row++)
	{
		RowPart		part;
		const char *payload;
		int			len;
		int64		key;

		payload = payload_of(work, &len);
		read_row(payload, &part, &call->txn);
		start_payload(work);
		appendBinaryStringInfo(&work->payload, payload, len);

		while (more && next.row < row)
		{
			more = tuplesort_gettupleslot(by_row, true, false, work->out, NULL);
			if (more)
				memcpy(&next, payload_of(work, &len), sizeof(next));
		}
		if (more && next.row == row)
		{
			part.has_ip = true;
			part.ip = next;
			memcpy(work->payload.data + VARHDRSZ, &part, sizeof(part));
		}
		key = call->txn.customer.len == 0 ? 0 :
			(int64) value_hash(COL_CUSTOMER_ID,
							   work->payload.data + VARHDRSZ + sizeof(RowPart) + TXN_FIXED + call->txn.txn_id.len,
							   call->txn.customer.len);
		set_slot(work, key, call->txn.time, (int64) call->txn.identity);
		tuplesort_puttupleslot(by_customer, work->in);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- customers ---- */

/* Where answers go, and from when on they are wanted. */
typedef struct Answers
{
	ReturnSetInfo *result;
	TimestampTz since;
} Answers;

static void
observe_customer(Work *work, const char *payload)
{
	ScoreCall  *call = work->call;
	RowPart		part;
	Event		event;

	read_row(payload, &part, &call->txn);
	if (call->txn.customer.len > 0 && txn_event(&call->txn, &event))
		profile_observe(&call->states[HISTORY_CUSTOMER], &event);
}

static void
score_customer(Work *work, const char *payload, void *arg)
{
	Answers    *answers = arg;
	ScoreCall  *call = work->call;
	Txn		   *txn = &call->txn;
	MemoryContext old;
	RowPart		part;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	read_row(payload, &part, txn);
	if ((txn->known & COL_BIT(COL_OCCURRED_AT)) != 0 && txn->time < answers->since)
		return;

	old = MemoryContextSwitchTo(work->per_row);
	memset(&call->histories, 0, sizeof(Histories));
	if (txn->customer.len > 0)
		call->histories.state[HISTORY_CUSTOMER] = &call->states[HISTORY_CUSTOMER];
	else if (txn->columns & COL_BIT(COL_CUSTOMER_ID))
		call->histories.use[HISTORY_CUSTOMER] = HISTORY_NO_KEY;
	features_compute(txn, &call->histories, call->policy, call->policy->custom.n > 0,
					 &call->features);
	if (part.has_ip)
	{
		call->features.use[HISTORY_IP] = (HistoryUse) part.ip.use;
		call->features.ip_cards = part.ip.cards;
		call->features.ip_attempts_24h = part.ip.attempts_24h;
		call->features.ip_declined_share = part.ip.declined_share;
	}
	score_decide(call, false);
	values[1] = decision_datum(call);
	nulls[0] = txn->txn_id.len == 0;
	values[0] = nulls[0] ? (Datum) 0 :
		PointerGetDatum(cstring_to_text_with_len(txn->txn_id.p, txn->txn_id.len));
	tuplestore_putvalues(answers->result->setResult, answers->result->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(work->per_row);
}

/* ---- fraud_score_table(relation, policy, since, until) ---- */

/* Whether rule 16 can run: without, the pass over IPs is not worth its sort. */
static bool
rule_16_can_run(Oid relation, const Policy *policy)
{
	static const TxnColumn needed[] = {COL_IP, COL_CARD_ID};
	int			i;

	if (!policy->rules[RULE_MULTI_CARD_IP].enabled && policy->custom.n == 0)
		return false;
	for (i = 0; i < (int) lengthof(needed); i++)
		if (get_attnum(relation, txn_column_name(policy, needed[i])) == InvalidAttrNumber)
			return false;
	return true;
}

PG_FUNCTION_INFO_V1(fraud_score_table);
Datum
fraud_score_table(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TimestampTz since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	TimestampTz until = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	ScoreCall  *call;
	Tuplestorestate *rows;
	Tuplesortstate *by_ip = NULL;
	Tuplesortstate *by_row = NULL;
	Tuplesortstate *by_customer;
	Work		work;
	Answers		answers;
	Oid			relation;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be NULL")));
	relation = PG_GETARG_OID(0);
	if (get_rel_name(relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	InitMaterializedSRF(fcinfo, 0);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	call = score_call_for_rows(TXN_FOR_DECISION);
	call->policy = policy_arg(fcinfo, 1, NULL);
	call->desc = lookup_rowtype_tupdesc_copy(TupleDescAttr(result->setDesc, 1)->atttypid, -1);
	if (call->desc->natts != DECISION_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("row type of the result does not fit this library"),
				 errhint("Run ALTER EXTENSION fraud_fallback UPDATE.")));
	work_init(&work, call);

	rows = tuplestore_begin_heap(false, false, work_mem);
	if (rule_16_can_run(relation, call->policy))
		by_ip = begin_sort(&work, 3);
	take_rows(&work, relation, until, rows, by_ip);
	if (by_ip != NULL)
	{
		by_row = begin_sort(&work, 1);
		pass_addresses(&work, by_ip, by_row);
		tuplesort_end(by_ip);
	}
	by_customer = begin_sort(&work, 3);
	join_rows(&work, rows, by_row, by_customer);
	ExecClearTuple(work.out);
	tuplestore_end(rows);
	if (by_row != NULL)
		tuplesort_end(by_row);
	answers.result = result;
	answers.since = since;
	pass_entities(&work, by_customer, &call->states[HISTORY_CUSTOMER],
				  observe_customer, score_customer, &answers);
	tuplesort_end(by_customer);

	ExecDropSingleTupleTableSlot(work.in);
	ExecDropSingleTupleTableSlot(work.out);
	SPI_finish();
	return (Datum) 0;
}
