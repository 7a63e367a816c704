/*-------------------------------------------------------------------------
 *
 * facts.c
 *	  Which transaction it is, and everything known of it; see facts.h.
 *
 * Facts are the values a decision looks at. Status and label are not among
 * them: they change while the transaction stays what it is. Amounts are those
 * in the base currency, times are moments, so what is written in two ways is
 * one fact. An amount without a rate is one as it came: rules miss it, but ML
 * may have read it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "live/facts.h"

#define NOT_FACTS \
	(COL_BIT(COL_STATUS) | COL_BIT(COL_DECLINED) | COL_BIT(COL_IS_FRAUD))

/* Longer texts are facts by their hash. */
#define TEXT_MAX			64
#define NTEXTS				5

typedef struct Facts
{
	const Txn  *txn;
	const Hash128 *seeds;
	int			len;
	uint8		bytes[NTEXTS * (sizeof(int) + TEXT_MAX) + 160];
} Facts;

static void
add(Facts *facts, const void *p, int len)
{
	Assert(facts->len + len <= (int) sizeof(facts->bytes));
	memcpy(facts->bytes + facts->len, p, len);
	facts->len += len;
}

static void
add_text(Facts *facts, TxnColumn column, const TxnText *text)
{
	if (!(facts->txn->known & COL_BIT(column)))
		return;
	/* the length tells where it ends, and whether it is a hash */
	add(facts, &text->len, sizeof(text->len));
	if (text->len <= TEXT_MAX)
		add(facts, text->p, text->len);
	else
	{
		Hash128		hash = hash128(text->p, text->len, facts->seeds);

		add(facts, &hash, sizeof(hash));
	}
}

static Hash128
facts_of(const Txn *txn, const Hash128 *seeds)
{
	Facts		facts;
	uint32		known = txn->known & ~NOT_FACTS;
	uint32		unusable = txn->unusable & ~NOT_FACTS;

#define ADD(column, value) \
	do { \
		if (known & COL_BIT(column)) \
			add(&facts, &(value), sizeof(value)); \
	} while (0)

	facts.txn = txn;
	facts.seeds = seeds;
	facts.len = 0;
	add(&facts, &known, sizeof(known));
	add(&facts, &unusable, sizeof(unusable));
	add_text(&facts, COL_TXN_ID, &txn->txn_id);
	add_text(&facts, COL_CUSTOMER_ID, &txn->customer);
	add_text(&facts, COL_CARD_ID, &txn->card);
	add_text(&facts, COL_MERCHANT_ID, &txn->merchant);
	add_text(&facts, COL_MERCHANT_CATEGORY, &txn->category);
	ADD(COL_AMOUNT, txn->amount);
	if (unusable & COL_BIT(COL_AMOUNT))
		add(&facts, &txn->odd_amount, sizeof(txn->odd_amount));
	ADD(COL_OCCURRED_AT, txn->time);
	ADD(COL_TIMEZONE, txn->hour);
	ADD(COL_TIMEZONE, txn->day);
	ADD(COL_COUNTRY, txn->country);
	ADD(COL_HOME_COUNTRY, txn->home_country);
	ADD(COL_LAT, txn->lat);
	ADD(COL_LON, txn->lon);
	ADD(COL_CHANNEL, txn->channel);
	ADD(COL_MCC, txn->mcc);
	ADD(COL_IP, txn->ip_family);
	ADD(COL_IP, txn->ip);
	ADD(COL_DAILY_LIMIT, txn->daily_limit);
	ADD(COL_WEEKLY_LIMIT, txn->weekly_limit);
	return hash128(facts.bytes, facts.len, seeds);
}

bool
kept_key_of_txn(const Txn *txn, const Hash128 *seeds, KeptKey *key)
{
	if (!(txn->known & COL_BIT(COL_TXN_ID)) &&
		(!(txn->known & COL_BIT(COL_OCCURRED_AT)) || txn->date_only))
		return false;
	key->facts = facts_of(txn, seeds);
	/* the same facts are the same transaction then */
	if (!(txn->known & COL_BIT(COL_TXN_ID)))
		key->txn = key->facts;
	else
		key->txn = hash128(txn->txn_id.p, txn->txn_id.len, seeds);
	return true;
}

uint64
identity_of_reused(uint64 identity, const KeptKey *key)
{
	/* seeds differ from start to start, and so does this, like the memory it is for */
	return (identity ^ key->facts.h[0]) & EVENT_ID_MASK;
}
