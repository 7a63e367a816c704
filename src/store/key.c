/*-------------------------------------------------------------------------
 *
 * key.c
 *	  Keys of customers, addresses and merchants.
 *
 * An IPv4 address is its own key, an IPv6 address counts by its /64.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <arpa/inet.h>

#include "store/key.h"

const char *const store_entity_names[LAST_ENTITY + 1] = {
	[HISTORY_NONE] = NULL,
	[HISTORY_CUSTOMER] = "customer",
	[HISTORY_IP] = "ip",
	[HISTORY_MERCHANT] = "merchant"
};

static const TxnColumn key_columns[LAST_ENTITY + 1] = {
	[HISTORY_CUSTOMER] = COL_CUSTOMER_ID,
	[HISTORY_IP] = COL_IP,
	[HISTORY_MERCHANT] = COL_MERCHANT_ID
};

RuleHistory
store_entity(const char *name)
{
	int			e;

	for (e = FIRST_ENTITY; e <= LAST_ENTITY; e++)
		if (strcmp(name, store_entity_names[e]) == 0)
			return (RuleHistory) e;
	return HISTORY_NONE;
}

static void
finish_key(StoreKey *key)
{
	key->text[key->len] = '\0';
	key->slot = (int64) value_hash(key_columns[key->entity], key->text, key->len);
}

static void
text_key(StoreKey *key, const char *s, int len)
{
	key->len = len;
	if (len <= STORE_KEY_MAX)
		memcpy(key->text, s, len);
	else
	{
		int			keep = STORE_KEY_MAX - 17;

		/* not inside a letter of UTF-8; other encodings' letters end up in the hash too */
		while (keep > 0 && ((unsigned char) s[keep] & 0xC0) == 0x80)
			keep--;
		memcpy(key->text, s, keep);
		key->len = keep + sprintf(key->text + keep, "~%016llx",
								  (unsigned long long) value_hash(key_columns[key->entity], s, len));
	}
	finish_key(key);
}

static void
address_key(StoreKey *key, uint8 family, const uint8 *ip)
{
	uint8		net[16] = {0};

	memcpy(net, ip, family == 4 ? 4 : 8);
	inet_ntop(family == 4 ? AF_INET : AF_INET6, net, key->text, sizeof(key->text));
	if (family == 6)
		strcat(key->text, "/64");
	key->len = (int) strlen(key->text);
	finish_key(key);
}

bool
store_key_of_txn(const Txn *txn, RuleHistory entity, StoreKey *key)
{
	key->entity = entity;
	if (entity == HISTORY_IP)
	{
		if (txn->ip_family == 0)
			return false;
		address_key(key, txn->ip_family, txn->ip);
		return true;
	}
	else
	{
		const TxnText *id = entity == HISTORY_CUSTOMER ? &txn->customer : &txn->merchant;

		if (id->len == 0)
			return false;
		text_key(key, id->p, id->len);
		return true;
	}
}

bool
store_key_of_text(RuleHistory entity, const char *s, int len, StoreKey *key)
{
	key->entity = entity;
	value_trim(&s, &len);
	if (len == 0)
		return false;
	if (entity == HISTORY_IP)
	{
		uint8		family;
		uint8		ip[16];

		/* our own way of writing a network is not an address */
		if (len > 3 && memcmp(s + len - 3, "/64", 3) == 0)
			len -= 3;
		if (!value_ip(s, len, &family, ip))
			return false;
		address_key(key, family, ip);
	}
	else
		text_key(key, s, len);
	return true;
}
