/*-------------------------------------------------------------------------
 *
 * items.h
 *	  The distinct items of a group: values of one type, numbered.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_VELOCITY_ITEMS_H
#define FRAUD_VELOCITY_ITEMS_H

#include "postgres.h"

#include "lib/rbtree.h"
#include "utils/typcache.h"

struct item_hash;

typedef struct Items
{
	MemoryContext context;
	TypeCacheEntry *type;
	Oid			collation;
	Datum	   *values;			/* by number; the number of the next free one where free */
	int64		size;
	int64		used;			/* numbers given so far */
	int64		first_free;		/* -1: none */
	struct item_hash *hash;		/* of a type with a default hash operator class */
	RBTree	   *tree;			/* of others */
} Items;

/* Items of a type; an error if it cannot tell equal ones. */
extern void items_init(Items *items, MemoryContext context, Oid type, Oid collation);
/* The number of an item, or -1. The value must be flat: items_flat(). */
extern int64 items_find(Items *items, Datum value);
/* The number of an item, old or new. */
extern int64 items_intern(Items *items, Datum value);
/* Takes an item out; its number will be given again. */
extern void items_forget(Items *items, int64 number);

/* Plain bytes, neither compressed nor stored elsewhere */
static inline Datum
items_flat(const Items *items, Datum value)
{
	return items->type->typlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_PACKED(value)) : value;
}

#endif							/* FRAUD_VELOCITY_ITEMS_H */
