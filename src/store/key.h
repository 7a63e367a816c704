/*-------------------------------------------------------------------------
 *
 * key.h
 *	  Whose history: the entities of the store and their keys.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_KEY_H
#define FRAUD_STORE_KEY_H

#include "policy/catalog.h"
#include "txn/txn.h"

/* RuleHistory tells the entities apart. */
#define STORE_ENTITIES		3
#define FIRST_ENTITY		HISTORY_CUSTOMER
#define LAST_ENTITY			HISTORY_MERCHANT

/* Longer ids are cut and closed by their hash, so that an index takes them. */
#define STORE_KEY_MAX		200

typedef struct StoreKey
{
	RuleHistory entity;
	int			len;
	char		text[STORE_KEY_MAX + 1];	/* NUL-terminated, of the server's encoding */
	int64		slot;			/* hash of entity and text: the delta index's first column */
} StoreKey;

extern const char *const store_entity_names[LAST_ENTITY + 1];

/* HISTORY_NONE where there is no such entity. */
extern RuleHistory store_entity(const char *name);

/* The key a transaction has for an entity; false where it has none. */
extern bool store_key_of_txn(const Txn *txn, RuleHistory entity, StoreKey *key);

/* The key a user writes; an address may have any form. False where it is blank or none. */
extern bool store_key_of_text(RuleHistory entity, const char *s, int len, StoreKey *key);

#endif							/* FRAUD_STORE_KEY_H */
