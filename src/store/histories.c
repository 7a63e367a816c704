/*-------------------------------------------------------------------------
 *
 * histories.c
 *	  The stored histories of one transaction; see histories.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/clock.h"
#include "store/histories.h"
#include "store/lookup.h"

static const char *const entity_words[LAST_ENTITY + 1] = {
	[HISTORY_CUSTOMER] = "customer", [HISTORY_IP] = "address", [HISTORY_MERCHANT] = "merchant"
};

/* Adds a remark to what will stand in the reason. */
static void
add_remark(StringInfo remarks, const char *fmt, const char *what)
{
	if (remarks->data == NULL)
		initStringInfo(remarks);
	if (remarks->len > 0)
		appendStringInfoString(remarks, "; ");
	appendStringInfo(remarks, fmt, what);
}

/* The history of one entity, as far as the transaction says whose; false: damaged. */
static bool
read_history(ScoreCall *call, StoreReader *reader, RuleHistory e, StringInfo remarks)
{
	Histories  *h = &call->histories;
	StoredHistory history;
	StoreKey	key;

	h->use[e] = HISTORY_USABLE;
	h->state[e] = NULL;
	if (!store_key_of_txn(&call->txn, e, &key))
	{
		if (e == HISTORY_CUSTOMER && (call->txn.columns & COL_BIT(COL_CUSTOMER_ID)) != 0)
			h->use[e] = HISTORY_NO_KEY;
		return true;
	}
	history.state = &call->states[e];
	switch (store_lookup(reader, &key, &history))
	{
		case LOOKUP_NONE:
			return true;
		case LOOKUP_UNREADABLE:
			h->use[e] = HISTORY_UNAVAILABLE;
			add_remark(remarks, "stored history of the %s is damaged", entity_words[e]);
			return false;
		case LOOKUP_FOUND:
			break;
	}
	h->state[e] = history.state;
	h->other_basis |= history.other_basis || history.state->basis != call->policy->basis_hash;
	if (history.stale)
		add_remark(remarks, "history of the %s is stale", entity_words[e]);
	if (history.partial)
		add_remark(remarks, "history of the %s is incomplete: it has more changes than a look-up reads", entity_words[e]);
	return true;
}

static void
unavailable(Histories *h, int e)
{
	h->use[e] = HISTORY_UNAVAILABLE;
	h->state[e] = NULL;
}

void
no_histories(ScoreCall *call, const char *remark)
{
	int			e;

	memset(&call->histories, 0, sizeof(call->histories));
	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
		unavailable(&call->histories, e);
	call->histories.remark = remark;
}

HistoriesTrouble
stored_histories(ScoreCall *call, Oid schema, int64 deadline)
{
	Histories  *h = &call->histories;
	HistoriesTrouble trouble = HISTORIES_OK;
	StringInfoData remarks = {0};
	StoreReader reader;
	StoreContent content;
	int			e;

	if (!store_reader_open(&reader, schema))
	{
		no_histories(call, "store unavailable: it is locked");
		return HISTORIES_LOCKED;
	}
	store_content(&reader, &content);
	if (!content.attached && !content.remembered)
	{
		store_reader_close(&reader);
		no_histories(call, "store unavailable: no table is attached and nothing was learned");
		return HISTORIES_OK;
	}
	memset(h, 0, sizeof(*h));
	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
	{
		if (trouble == HISTORIES_SLOW || (deadline != 0 && clock_now() >= deadline))
		{
			if (trouble != HISTORIES_SLOW)
				add_remark(&remarks, "%s", "the look-up of histories took too long");
			trouble = HISTORIES_SLOW;
			unavailable(h, e);
		}
		else if (!read_history(call, &reader, (RuleHistory) e, &remarks))
			trouble = HISTORIES_DAMAGED;
	}
	if (content.filling)
		add_remark(&remarks, "%s", "history is still being filled from an attached table");
	store_reader_close(&reader);
	h->remark = remarks.data;
	return trouble;
}
