/*-------------------------------------------------------------------------
 *
 * score_pass.c
 *	  Every row of a table scored as of its own past.
 *
 * The table is read once, by an ordinary query with the caller's rights, and
 * each row becomes what scoring needs of it. PostgreSQL's tuplesort brings the
 * rows of one IP together, of one merchant, then those of one customer, each
 * in order of time; a history is then one profile that grows as its rows pass
 * (timeline.h), and none is ever written down. Sorts and stores keep to
 * work_mem each and spill to disk.
 *
 *		table -> rows (store)
 *		rows with an IP -> sort (ip, time, id) -> numbers of rule 16
 *		rows with a merchant -> sort (merchant, time, id) -> numbers of rule 12
 *			-> sort (row) -> joined to rows in passing
 *		rows -> sort (customer, time, id) -> decisions -> sink
 *
 * Windows end with the row's own moment, (t - w, t]: rows of one entity at one
 * moment are all observed before the first of them is scored. An approved
 * payment that a label says is fraud is one from the time on when that is
 * known. Merchants' histories matter only for such: without labels there is no
 * pass for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "score/score_rows.h"

/* ---- rows of one entity, in order of time ---- */

/* What to do with a row: first when its moment comes, then when it is its turn. */
typedef void (*ObserveRow) (Work *work, const char *payload);
typedef void (*ScoreRow) (Work *work, const char *payload, void *arg);

static void
pass_entities(Work *work, Tuplesortstate *sort, RuleHistory which,
			  ObserveRow take, ScoreRow score, void *arg)
{
	int64		current = 0;
	bool		first = true;
	int			len;

	timeline_init(&work->timeline, &work->call->states[which], work->last);
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
					timeline_start(&work->timeline, work->call->policy->basis_hash);
				first = false;
				current = key;
				timeline_advance(&work->timeline, time);
			}
			take(work, slot_payload(work, &len));
		}
		if (n == 0)
			break;
		tuplesort_restorepos(sort);
		for (; n > 0; n--)
		{
			tuplesort_gettupleslot(sort, true, false, work->out, NULL);
			score(work, slot_payload(work, &len), arg);
			CHECK_FOR_INTERRUPTS();
		}
	}
	ExecClearTuple(work->out);
	timeline_end(&work->timeline);
}

/* ---- addresses and merchants ---- */

static void
no_histories(Histories *h)
{
	memset(h, 0, sizeof(*h));
	h->use[HISTORY_CUSTOMER] = h->use[HISTORY_IP] = h->use[HISTORY_MERCHANT] = HISTORY_UNAVAILABLE;
}

static void
observe(Work *work, const Event *event, int64 known)
{
	if (known != NOT_FRAUD)
		timeline_observe_fraud(&work->timeline, event, known);
	else
		timeline_observe(&work->timeline, event);
}

static void
observe_event(Work *work, const char *payload)
{
	EventPart	e;

	memcpy(&e, payload, sizeof(e));
	observe(work, &e.event, e.known);
}

/* The features of an event, from the one history that its pass is about. */
static void
event_features(Work *work, const Event *event)
{
	ScoreCall  *call = work->call;

	call->txn.time = event->time;
	call->txn.identity = event->id;
	call->txn.card_hash = event->card;
	call->txn.amount = event->amount;
	features_compute(&call->txn, &call->histories, call->policy, false, &call->features);
}

static void
put_found(Work *work, Tuplesortstate *by_row, int64 row, const FoundPart *found, size_t size)
{
	set_payload(work, found, offsetof(FoundPart, u) + size);
	set_slot(work, row, 0, 0);
	tuplesort_puttupleslot(by_row, work->in);
}

/* The numbers of rule 16, into the sort by row. */
static void
score_address(Work *work, const char *payload, void *by_row)
{
	const Features *f = &work->call->features;
	EventPart	e;
	FoundPart	found;

	memcpy(&e, payload, sizeof(e));
	if (e.event.time < work->pass->since)
		return;
	event_features(work, &e.event);
	found.of = HISTORY_IP;
	found.u.ip.use = f->use[HISTORY_IP];
	found.u.ip.cards = f->ip_cards;
	found.u.ip.attempts_24h = f->ip_attempts_24h;
	found.u.ip.declined_share = f->ip_declined_share;
	put_found(work, by_row, e.row, &found, sizeof(IpPart));
}

/* The numbers of rule 12. */
static void
score_merchant(Work *work, const char *payload, void *by_row)
{
	const Features *f = &work->call->features;
	EventPart	e;
	FoundPart	found;

	/* without frauds the rule has nothing to say */
	if (work->timeline.state->nfrauds == 0 && !work->merchant_features)
		return;
	memcpy(&e, payload, sizeof(e));
	if (e.event.time < work->pass->since)
		return;
	event_features(work, &e.event);
	found.of = HISTORY_MERCHANT;
	found.u.merchant.use = f->use[HISTORY_MERCHANT];
	found.u.merchant.frauds_90d = f->merchant_90d;
	found.u.merchant.frauds_28d = f->merchant_28d;
	found.u.merchant.fraud_bound = f->merchant_fraud_bound;
	put_found(work, by_row, e.row, &found, sizeof(MerchantPart));
}

static void
pass_events(Work *work, Tuplesortstate *sort, RuleHistory which, ScoreRow score,
			Tuplesortstate *by_row)
{
	ScoreCall  *call = work->call;

	no_histories(&call->histories);
	call->histories.use[which] = HISTORY_USABLE;
	call->histories.state[which] = &call->states[which];
	memset(&call->txn, 0, TXN_FIXED);
	call->txn.known = COL_BIT(COL_OCCURRED_AT);
	pass_entities(work, sort, which, observe_event, score, by_row);
}

/* ---- what they found, back to the rows ---- */

/* The next of by_row, in order of rows; false at its end. */
static bool
next_found(Work *work, Tuplesortstate *by_row, int64 *row, FoundPart *found)
{
	const char *payload;
	int			len;

	if (by_row == NULL || !tuplesort_gettupleslot(by_row, true, false, work->out, NULL))
		return false;
	*row = slot_int(work, 1);
	payload = slot_payload(work, &len);
	memcpy(found, payload, len);
	return true;
}

/* Moves every row from the store into by_customer, what was found with it. */
static void
join_rows(Work *work, Tuplestorestate *rows, Tuplesortstate *by_row,
		  Tuplesortstate *by_customer)
{
	ScoreCall  *call = work->call;
	int64		found_row = -1;
	FoundPart	found;
	bool		more = next_found(work, by_row, &found_row, &found);
	int64		row = 0;

	for (; tuplestore_gettupleslot(rows, true, false, work->out); row++)
	{
		RowPart		part;
		const char *payload;
		int			len;
		int64		key;

		payload = slot_payload(work, &len);
		read_row(payload, &part, &call->txn);
		set_payload(work, payload, len);
		for (; more && found_row == row; more = next_found(work, by_row, &found_row, &found))
		{
			if (found.of == HISTORY_IP)
			{
				part.has_ip = true;
				part.ip = found.u.ip;
			}
			else
			{
				part.has_merchant = true;
				appendBinaryStringInfo(&work->payload, (const char *) &found.u.merchant,
									   sizeof(MerchantPart));
			}
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

static void
observe_customer(Work *work, const char *payload)
{
	ScoreCall  *call = work->call;
	RowPart		part;
	Event		event;

	read_row(payload, &part, &call->txn);
	if (call->txn.customer.len > 0 && txn_event(&call->txn, &event))
		observe(work, &event, fraud_known(&part, &event));
}

static void
score_customer(Work *work, const char *payload, void *arg)
{
	ScoreCall  *call = work->call;
	Txn		   *txn = &call->txn;
	Features   *f = &call->features;
	const char *rest;
	MemoryContext old;
	RowPart		part;

	rest = read_row(payload, &part, txn);
	if ((txn->known & COL_BIT(COL_OCCURRED_AT)) != 0 && txn->time < work->pass->since)
		return;

	old = MemoryContextSwitchTo(work->per_row);
	memset(&call->histories, 0, sizeof(Histories));
	if (txn->customer.len > 0)
		call->histories.state[HISTORY_CUSTOMER] = &call->states[HISTORY_CUSTOMER];
	else if (txn->columns & COL_BIT(COL_CUSTOMER_ID))
		call->histories.use[HISTORY_CUSTOMER] = HISTORY_NO_KEY;
	features_compute(txn, &call->histories, call->policy, call->policy->custom.n > 0, f);
	if (part.has_ip)
	{
		f->use[HISTORY_IP] = (HistoryUse) part.ip.use;
		f->ip_cards = part.ip.cards;
		f->ip_attempts_24h = part.ip.attempts_24h;
		f->ip_declined_share = part.ip.declined_share;
	}
	if (part.has_merchant)
	{
		MerchantPart merchant;

		memcpy(&merchant, rest, sizeof(merchant));
		f->use[HISTORY_MERCHANT] = (HistoryUse) merchant.use;
		f->merchant_90d = merchant.frauds_90d;
		f->merchant_28d = merchant.frauds_28d;
		f->merchant_fraud_bound = merchant.fraud_bound;
	}
	score_decide(call, false);
	work->pass->sink(call, part.is_fraud, work->pass->arg);
	MemoryContextSwitchTo(old);
	MemoryContextReset(work->per_row);
}

/* ---- the whole ---- */

/* Whether the relation has two columns, by the names its rows are read with. */
static bool
has_columns(const ScorePass *pass, TxnColumn a, TxnColumn b)
{
	const TxnColumn needed[] = {a, b};
	Oid			row_type = get_rel_type_id(pass->relation);
	const ColumnNames *names = txn_row_type_names == NULL || !OidIsValid(row_type) ? NULL :
		txn_row_type_names(row_type);
	int			i;

	for (i = 0; i < (int) lengthof(needed); i++)
	{
		const char *name = names != NULL && names->name[needed[i]] != NULL ?
			names->name[needed[i]] : txn_column_name(pass->call->policy, needed[i]);

		if (get_attnum(pass->relation, name) == InvalidAttrNumber)
			return false;
	}
	return true;
}

/* Whether a custom rule may ask for the numbers of a merchant's history. */
static bool
custom_asks_for_merchants(const Policy *policy)
{
	const PolicyCustom *customs = policy_array(policy, policy->custom, PolicyCustom);
	int			i;

	for (i = 0; i < (int) policy->custom.n; i++)
	{
		PolicyStr	text = customs[i].when;
		char	   *when = asc_tolower(policy_str(policy, text), text.len);

		if (when != NULL && (strstr(when, "merchant_approved") != NULL ||
							 strstr(when, "merchant_fraud") != NULL))
			return true;
	}
	return false;
}

/* Whether a pass can matter: without, it is not worth its sort. */
static bool
addresses_wanted(const ScorePass *pass)
{
	const Policy *policy = pass->call->policy;

	return (policy->rules[RULE_MULTI_CARD_IP].enabled || policy->custom.n > 0) &&
		has_columns(pass, COL_IP, COL_CARD_ID);
}

static bool
merchants_wanted(const Work *work)
{
	const ScorePass *pass = work->pass;

	return (work->merchant_features ||
			(pass->call->policy->rules[RULE_MERCHANT_REPUTATION].enabled &&
			 !fraud_labels_none(pass->labels))) &&
		has_columns(pass, COL_MERCHANT_ID, COL_OCCURRED_AT);
}

void
score_pass(const ScorePass *pass)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fraud_score_table",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Work	   *work = work_begin(pass);
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	Tuplesortstate *by_ip = NULL;
	Tuplesortstate *by_merchant = NULL;
	Tuplesortstate *by_row = NULL;
	Tuplesortstate *by_customer;

	if (get_rel_name(pass->relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", pass->relation)));
	work->merchant_features = custom_asks_for_merchants(pass->call->policy);
	if (addresses_wanted(pass))
		by_ip = work_sort(work, 3);
	if (merchants_wanted(work))
		by_merchant = work_sort(work, 3);
	take_rows(work, rows, by_ip, by_merchant);

	if (by_ip != NULL || by_merchant != NULL)
		by_row = work_sort(work, 1);
	if (by_ip != NULL)
	{
		pass_events(work, by_ip, HISTORY_IP, score_address, by_row);
		tuplesort_end(by_ip);
	}
	if (by_merchant != NULL)
	{
		if (work->frauds > 0 || work->merchant_features)
			pass_events(work, by_merchant, HISTORY_MERCHANT, score_merchant, by_row);
		tuplesort_end(by_merchant);
	}
	if (by_row != NULL)
		tuplesort_performsort(by_row);

	by_customer = work_sort(work, 3);
	join_rows(work, rows, by_row, by_customer);
	ExecClearTuple(work->out);
	tuplestore_end(rows);
	if (by_row != NULL)
		tuplesort_end(by_row);
	pass_entities(work, by_customer, HISTORY_CUSTOMER, observe_customer, score_customer, NULL);
	tuplesort_end(by_customer);

	work_end(work);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
