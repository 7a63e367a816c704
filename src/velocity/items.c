/*-------------------------------------------------------------------------
 *
 * items.c
 *	  The distinct items of a group: values of one type, numbered.
 *
 * Equal is what the type's default operator class and the collation call
 * equal. Types that hash are found in a hash table, types that only sort
 * (money, bit, tsvector) in a tree. Values are copied into the context of the
 * state, flat; the type's functions run in the caller's, since they leak.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "velocity/items.h"

#define FIRST_ITEMS		8

/* ---- types that hash ---- */

typedef struct HashedItem
{
	Datum		value;
	uint32		hash;
	uint32		number;
	char		status;
} HashedItem;

struct item_hash;
static uint32 hash_item(struct item_hash *table, Datum value);
static bool same_item(struct item_hash *table, Datum a, Datum b);

#define SH_PREFIX item
#define SH_ELEMENT_TYPE HashedItem
#define SH_KEY_TYPE Datum
#define SH_KEY value
#define SH_HASH_KEY(table, key) hash_item(table, key)
#define SH_EQUAL(table, a, b) same_item(table, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, element) (element)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static uint32
hash_item(struct item_hash *table, Datum value)
{
	Items	   *items = table->private_data;

	return DatumGetUInt32(FunctionCall1Coll(&items->type->hash_proc_finfo, items->collation, value));
}

static bool
same_item(struct item_hash *table, Datum a, Datum b)
{
	Items	   *items = table->private_data;

	return DatumGetBool(FunctionCall2Coll(&items->type->eq_opr_finfo, items->collation, a, b));
}

/* ---- types that only sort ---- */

typedef struct SortedItem
{
	RBTNode		node;			/* first */
	Datum		value;
	int64		number;
} SortedItem;

static int
compare_items(const RBTNode *a, const RBTNode *b, void *arg)
{
	Items	   *items = arg;

	return DatumGetInt32(FunctionCall2Coll(&items->type->cmp_proc_finfo, items->collation,
										   ((const SortedItem *) a)->value, ((const SortedItem *) b)->value));
}

/* The tree asks for it; items are looked up before they are put in. */
static void
merge_items(RBTNode *existing, const RBTNode *fresh, void *arg)
{
}

static RBTNode *
allocate_item(void *arg)
{
	return MemoryContextAlloc(((Items *) arg)->context, sizeof(SortedItem));
}

static void
free_item(RBTNode *node, void *arg)
{
	pfree(node);
}

/* ---- both ---- */

void
items_init(Items *items, MemoryContext context, Oid type, Oid collation)
{
	MemoryContext old;

	memset(items, 0, sizeof(Items));
	items->context = context;
	items->collation = collation;
	items->first_free = -1;
	items->type = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO |
									TYPECACHE_CMP_PROC_FINFO);
	if (OidIsValid(items->type->eq_opr_finfo.fn_oid) && OidIsValid(items->type->hash_proc_finfo.fn_oid))
	{
		items->hash = item_create(context, FIRST_ITEMS, items);
		return;
	}
	if (!OidIsValid(items->type->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type)),
				 errdetail("Distinct items need a default operator class for hash or btree."),
				 errhint("Cast the item, for example to text or jsonb.")));
	old = MemoryContextSwitchTo(context);
	items->tree = rbt_create(sizeof(SortedItem), compare_items, merge_items, allocate_item, free_item, items);
	MemoryContextSwitchTo(old);
}

int64
items_find(Items *items, Datum value)
{
	if (items->hash != NULL)
	{
		HashedItem *found = item_lookup(items->hash, value);

		return found == NULL ? -1 : (int64) found->number;
	}
	else
	{
		SortedItem	key = {.value = value};
		SortedItem *found = (SortedItem *) rbt_find(items->tree, &key.node);

		return found == NULL ? -1 : found->number;
	}
}

/* A number for an item that has none, and a copy of the item under it. */
static int64
new_number(Items *items, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(items->context);
	Datum		copy = datumCopy(value, items->type->typbyval, items->type->typlen);
	int64		number = items->first_free;

	if (number >= 0)
		items->first_free = DatumGetInt64(items->values[number]);
	else
	{
		number = items->used++;
		if (items->values == NULL)
		{
			items->size = FIRST_ITEMS;
			items->values = palloc(items->size * sizeof(Datum));
		}
		else if (number == items->size)
		{
			items->size *= 2;
			items->values = repalloc_huge(items->values, items->size * sizeof(Datum));
		}
	}
	items->values[number] = copy;
	MemoryContextSwitchTo(old);
	return number;
}

int64
items_intern(Items *items, Datum value)
{
	bool		found;

	if (items->hash != NULL)
	{
		HashedItem *item = item_insert(items->hash, value, &found);

		if (!found)
		{
			item->number = (uint32) new_number(items, value);
			item->value = items->values[item->number];
		}
		return item->number;
	}
	else
	{
		SortedItem	item = {.value = value};
		SortedItem *old = (SortedItem *) rbt_find(items->tree, &item.node);

		if (old != NULL)
			return old->number;
		item.number = new_number(items, value);
		item.value = items->values[item.number];
		(void) rbt_insert(items->tree, &item.node, &found);
		return item.number;
	}
}

void
items_forget(Items *items, int64 number)
{
	Datum		value = items->values[number];

	if (items->hash != NULL)
		item_delete(items->hash, value);
	else
	{
		SortedItem	key = {.value = value};

		rbt_delete(items->tree, rbt_find(items->tree, &key.node));
	}
	if (!items->type->typbyval)
		pfree(DatumGetPointer(value));
	items->values[number] = Int64GetDatum(items->first_free);
	items->first_free = number;
}
