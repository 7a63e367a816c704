/*-------------------------------------------------------------------------
 *
 * txn_event.c
 *	  From a transaction to the event that history remembers.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "common/hashfn.h"

#include "txn/txn.h"

static inline uint64
hash_more(uint64 h, TxnColumn column, const void *p, int len)
{
	return hash_combine64(h, value_hash(column, p, len));
}

void
txn_finish(Txn *txn, TxnText currency)
{
	uint64		h;

	if (txn->known & COL_BIT(COL_CARD_ID))
	{
		txn->card_hash = (uint32) value_hash(COL_CARD_ID, txn->card.p, txn->card.len);
		if (txn->card_hash == 0)
			txn->card_hash = 1;
	}
	if (txn->known & COL_BIT(COL_MERCHANT_ID))
	{
		txn->merchant_hash = (uint32) value_hash(COL_MERCHANT_ID, txn->merchant.p,
												 txn->merchant.len) & EVENT_MERCHANT_MASK;
		if (txn->merchant_hash == 0)
			txn->merchant_hash = 1;
	}
	if (txn->known & COL_BIT(COL_TXN_ID))
		h = value_hash(COL_TXN_ID, txn->txn_id.p, txn->txn_id.len);
	else
	{
		h = hash_more(0, COL_CUSTOMER_ID, txn->customer.p, txn->customer.len);
		h = hash_more(h, COL_CARD_ID, txn->card.p, txn->card.len);
		h = hash_more(h, COL_OCCURRED_AT, &txn->time, sizeof(txn->time));
		h = hash_more(h, COL_AMOUNT, &txn->amount, sizeof(txn->amount));
		h = hash_more(h, COL_CURRENCY, currency.p, currency.len);
		h = hash_more(h, COL_MERCHANT_ID, txn->merchant.p, txn->merchant.len);
	}
	txn->identity = h & EVENT_ID_MASK;
}

bool
txn_event(const Txn *txn, Event *event)
{
	if (!(txn->known & COL_BIT(COL_OCCURRED_AT)))
		return false;

	memset(event, 0, sizeof(*event));
	event->time = txn->time;
	event->id = txn->identity;
	event->status = txn->status;
	event->card = txn->card_hash;
	event->merchant = txn->merchant_hash;
	event->country = txn->country;
	if (txn->known & COL_BIT(COL_AMOUNT))
	{
		event->amount = txn->amount;
		event->flags |= EVENT_HAS_AMOUNT;
	}
	if (txn->channel == CHANNEL_PRESENT || txn->channel == CHANNEL_NONE)
		event->flags |= EVENT_PRESENT;
	if ((txn->known & COL_BIT(COL_LAT)) && (txn->known & COL_BIT(COL_LON)))
	{
		event->flags |= EVENT_LOCATED;
		event->lat = txn->lat;
		event->lon = txn->lon;
	}
	if (txn->odd_status)
		event->flags |= EVENT_ODD_STATUS;
	event->hour = txn->date_only ? EVENT_HOUR_UNKNOWN : (uint8) txn->hour;
	if (txn->weekend)
		event->flags |= EVENT_WEEKEND;
	return true;
}
