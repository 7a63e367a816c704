/*-------------------------------------------------------------------------
 *
 * policy_draft.c
 *	  A policy while it is being read; see policy_draft.h.
 *
 * The pool is laid out in the order of the members of Policy, each array
 * before the texts of its elements, so that equal policies are equal bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "policy/policy_draft.h"

/* Changing what goes into basis_hash makes every stored profile old. */
#define BASIS_FORMAT		1

static YamlText
text_of(const Policy *base, PolicyStr s)
{
	YamlText	result = {policy_str(base, s), s.len};

	return result;
}

static void *
array_start(DraftArray *array, uint32 n, size_t size, Arena *arena)
{
	array->n = n;
	array->items = arena_alloc(arena, n * size);
	return array->items;
}

static void
words_start(DraftArray *array, const Policy *base, PolicyArray from,
			Arena	   *arena)
{
	const PolicyWord *words = policy_array(base, from, PolicyWord);
	DraftWord  *items = array_start(array, from.n, sizeof(DraftWord), arena);
	uint32		i;

	for (i = 0; i < from.n; i++)
	{
		items[i].word = text_of(base, words[i].word);
		items[i].code = words[i].code;
	}
}

static void
list_start(DraftList *list, const Policy *base, ListId id, Arena *arena)
{
	const PolicyList *from = &base->lists[id];
	DraftValue *items;
	uint32		i;

	list->as_of = text_of(base, from->as_of);
	list->source = text_of(base, from->source);
	items = array_start(&list->values, from->values.n, sizeof(DraftValue), arena);
	for (i = 0; i < from->values.n; i++)
	{
		if (list_defs[id].kind == LIST_CIDR)
			items[i].cidr = policy_array(base, from->values, PolicyCidr)[i];
		else if (list_defs[id].kind == LIST_NOTICE)
		{
			const PolicyNotice *notice;

			notice = &policy_array(base, from->values, PolicyNotice)[i];
			items[i].text = text_of(base, notice->customer);
			memcpy(items[i].country, notice->country, sizeof(notice->country));
			items[i].first_day = notice->first_day;
			items[i].last_day = notice->last_day;
		}
		else
			items[i].text = text_of(base, policy_array(base, from->values, PolicyStr)[i]);
	}
}

static void
custom_start(DraftArray *array, const Policy *base, Arena *arena)
{
	const PolicyCustom *from = policy_array(base, base->custom, PolicyCustom);
	DraftCustom *items = array_start(array, base->custom.n, sizeof(DraftCustom), arena);
	uint32		i;

	for (i = 0; i < base->custom.n; i++)
	{
		items[i].name = text_of(base, from[i].name);
		items[i].when = text_of(base, from[i].when);
		items[i].description = text_of(base, from[i].description);
		items[i].enabled = from[i].enabled;
		items[i].shadow = from[i].shadow;
		items[i].points = from[i].points;
		items[i].action = from[i].action;
	}
}

Draft *
draft_start(const Policy *base, Arena *arena)
{
	Draft	   *draft = arena_alloc(arena, sizeof(Draft));
	const PolicyRate *rates;
	DraftRate  *items;
	uint32		i;

	if (base == NULL)
		return draft;
	memcpy(&draft->fixed, base, sizeof(Policy));
	draft->description = text_of(base, base->description);
	for (i = 0; i < TXN_NCOLUMNS; i++)
		draft->columns[i] = text_of(base, base->columns[i]);
	words_start(&draft->status_values, base, base->status_values, arena);
	words_start(&draft->channel_values, base, base->channel_values, arena);
	draft->timezone = text_of(base, base->timezone);
	draft->base_currency = text_of(base, base->base_currency);
	rates = policy_array(base, base->rates, PolicyRate);
	items = array_start(&draft->rates, base->rates.n, sizeof(DraftRate), arena);
	for (i = 0; i < base->rates.n; i++)
		items[i].rate = rates[i];
	for (i = 0; i < NLISTS; i++)
		list_start(&draft->lists[i], base, i, arena);
	custom_start(&draft->custom, base, arena);
	return draft;
}

/* ---- order ---- */

static int
compare_text(YamlText a, YamlText b)
{
	int			c = 0;

	if (a.len > 0 && b.len > 0)
		c = memcmp(a.text, b.text, Min(a.len, b.len));
	if (c == 0 && a.len != b.len)
		c = a.len < b.len ? -1 : 1;
	return c;
}

static int
compare_int(int64 a, int64 b)
{
	return a < b ? -1 : a > b;
}

int
draft_compare_word(const void *a, const void *b)
{
	return compare_text(((const DraftWord *) a)->word, ((const DraftWord *) b)->word);
}

int
draft_compare_custom(const void *a, const void *b)
{
	return compare_text(((const DraftCustom *) a)->name, ((const DraftCustom *) b)->name);
}

int
draft_compare_rate(const void *a, const void *b)
{
	const PolicyRate *x = &((const DraftRate *) a)->rate;
	const PolicyRate *y = &((const DraftRate *) b)->rate;
	int			c = memcmp(x->currency, y->currency, sizeof(x->currency));

	return c != 0 ? c : compare_int(x->day, y->day);
}

int
draft_compare_value(const void *a, const void *b)
{
	const DraftValue *x = a;
	const DraftValue *y = b;
	int			c = memcmp(&x->cidr, &y->cidr, sizeof(x->cidr));

	if (c == 0)
		c = compare_text(x->text, y->text);
	if (c == 0)
		c = memcmp(x->country, y->country, sizeof(x->country));
	if (c == 0)
		c = compare_int(x->first_day, y->first_day);
	if (c == 0)
		c = compare_int(x->last_day, y->last_day);
	return c;
}

static int
compare_placed(const void *a, const void *b, void *compare)
{
	int			c = (*(DraftCompare *) compare) (a, b);

	if (c == 0)
		c = compare_int(((const DraftHead *) a)->order, ((const DraftHead *) b)->order);
	return c;
}

const YamlNode *
draft_settle(DraftArray *array, size_t size, DraftCompare compare)
{
	char	   *items = array->items;
	DraftHead	twice = {NULL, 0};
	uint32		kept = 0;
	uint32		i;

	if (array->n < 2)
		return NULL;
	qsort_arg(items, array->n, size, compare_placed, &compare);
	for (i = 1; i < array->n; i++)
	{
		char	   *last = items + kept * size;
		char	   *here = items + i * size;
		const DraftHead *head = (const DraftHead *) here;

		if (compare(last, here) != 0)
			last = items + ++kept * size;
		else if (((const DraftHead *) last)->at != NULL &&
				 (twice.at == NULL || head->order < twice.order))
			twice = *head;
		if (last != here)
			memcpy(last, here, size);
	}
	array->n = kept + 1;
	return twice.at;
}

/* ---- layout ---- */

static uint32
put_room(StringInfo image, uint32 n, size_t size)
{
	size_t		start = TYPEALIGN(8, image->len);
	size_t		end = start + n * size;

	enlargeStringInfo(image, (int) (end - image->len));
	memset(image->data + image->len, 0, end - image->len);
	image->len = (int) end;
	return (uint32) start;
}

static PolicyStr
put_text(StringInfo image, YamlText text)
{
	PolicyStr	result = {0, 0};

	if (text.text == NULL)
		return result;
	result.off = image->len;
	result.len = text.len;
	appendBinaryStringInfo(image, text.text, text.len);
	appendStringInfoChar(image, '\0');
	return result;
}

/* The pool moves as it grows: elements are reached anew for each write. */
#define ELEMENT(image, array, type, i) \
	(&((type *) ((image)->data + (array).off))[i])

static PolicyArray
put_array(StringInfo image, uint32 n, size_t size)
{
	PolicyArray result = {put_room(image, n, size), n};

	return result;
}

static PolicyArray
put_words(StringInfo image, const DraftArray *words)
{
	PolicyArray result = put_array(image, words->n, sizeof(PolicyWord));
	const DraftWord *items = words->items;
	uint32		i;

	for (i = 0; i < words->n; i++)
	{
		PolicyStr	word = put_text(image, items[i].word);

		ELEMENT(image, result, PolicyWord, i)->word = word;
		ELEMENT(image, result, PolicyWord, i)->code = items[i].code;
	}
	return result;
}

static PolicyList
put_list(StringInfo image, const DraftList *list, ListKind kind)
{
	const DraftValue *items = list->values.items;
	uint32		n = list->values.n;
	PolicyList	result;
	uint32		i;

	result.as_of = put_text(image, list->as_of);
	result.source = put_text(image, list->source);
	result.values = put_array(image, n, kind == LIST_CIDR ? sizeof(PolicyCidr) :
							  kind == LIST_NOTICE ? sizeof(PolicyNotice) :
							  sizeof(PolicyStr));
	for (i = 0; i < n; i++)
	{
		if (kind == LIST_CIDR)
			*ELEMENT(image, result.values, PolicyCidr, i) = items[i].cidr;
		else if (kind == LIST_NOTICE)
		{
			PolicyStr	customer = put_text(image, items[i].text);
			PolicyNotice *notice = ELEMENT(image, result.values, PolicyNotice, i);

			notice->customer = customer;
			memcpy(notice->country, items[i].country, sizeof(notice->country));
			notice->first_day = items[i].first_day;
			notice->last_day = items[i].last_day;
		}
		else
		{
			PolicyStr	value = put_text(image, items[i].text);

			*ELEMENT(image, result.values, PolicyStr, i) = value;
		}
	}
	return result;
}

static PolicyArray
put_custom(StringInfo image, const DraftArray *custom)
{
	PolicyArray result = put_array(image, custom->n, sizeof(PolicyCustom));
	const DraftCustom *items = custom->items;
	uint32		i;

	for (i = 0; i < custom->n; i++)
	{
		PolicyStr	name = put_text(image, items[i].name);
		PolicyStr	when = put_text(image, items[i].when);
		PolicyStr	description = put_text(image, items[i].description);
		PolicyCustom *entry = ELEMENT(image, result, PolicyCustom, i);

		entry->name = name;
		entry->when = when;
		entry->description = description;
		entry->enabled = items[i].enabled;
		entry->shadow = items[i].shadow;
		entry->points = items[i].points;
		entry->action = items[i].action;
	}
	return result;
}

Policy *
draft_image(const Draft *draft)
{
	StringInfoData image;
	Policy		head = draft->fixed;
	Policy	   *result;
	uint32		i;

	initStringInfo(&image);
	put_room(&image, 1, sizeof(Policy));
	head.description = put_text(&image, draft->description);
	for (i = 0; i < TXN_NCOLUMNS; i++)
		head.columns[i] = put_text(&image, draft->columns[i]);
	head.status_values = put_words(&image, &draft->status_values);
	head.channel_values = put_words(&image, &draft->channel_values);
	head.timezone = put_text(&image, draft->timezone);
	head.base_currency = put_text(&image, draft->base_currency);
	head.rates = put_array(&image, draft->rates.n, sizeof(PolicyRate));
	for (i = 0; i < draft->rates.n; i++)
		*ELEMENT(&image, head.rates, PolicyRate, i) =
			((const DraftRate *) draft->rates.items)[i].rate;
	for (i = 0; i < NLISTS; i++)
		head.lists[i] = put_list(&image, &draft->lists[i], list_defs[i].kind);
	head.custom = put_custom(&image, &draft->custom);
	put_room(&image, 0, 0);		/* the size is a multiple of 8 */

	head.vl_len_ = 0;
	head.version = POLICY_VERSION;
	head.size = (uint32) image.len;
	head.reserved = 0;
	memcpy(image.data, &head, sizeof(Policy));
	result = (Policy *) image.data;
#ifndef FRONTEND
	SET_VARSIZE(result, result->size);
#endif
	result->basis_hash = policy_image_basis_hash(result);
	result->hash = policy_image_hash(result);
	return result;
}

/* ---- hashes ---- */

uint64
policy_image_hash(const Policy *policy)
{
	const size_t start = offsetof(Policy, basis_hash);

	return hash_bytes_extended((const unsigned char *) policy + start,
							   (int) (policy->size - start), 0);
}

static void
basis_number(StringInfo basis, uint64 value)
{
	int			i;

	for (i = 0; i < 8; i++)
		appendStringInfoCharMacro(basis, (char) (value >> (8 * i)));
}

static void
basis_text(StringInfo basis, const Policy *policy, PolicyStr s)
{
	basis_number(basis, s.len);
	if (s.len > 0)
		appendBinaryStringInfo(basis, policy_str(policy, s), s.len);
}

static void
basis_words(StringInfo basis, const Policy *policy, PolicyArray array)
{
	const PolicyWord *words = policy_array(policy, array, PolicyWord);
	uint32		i;

	basis_number(basis, array.n);
	for (i = 0; i < array.n; i++)
	{
		basis_text(basis, policy, words[i].word);
		basis_number(basis, words[i].code);
	}
}

uint64
policy_image_basis_hash(const Policy *policy)
{
	const PolicyRate *rates = policy_array(policy, policy->rates, PolicyRate);
	StringInfoData basis;
	uint64		hash;
	uint32		i;

	initStringInfo(&basis);
	basis_number(&basis, BASIS_FORMAT);
	basis_number(&basis, TXN_NCOLUMNS);
	for (i = 0; i < TXN_NCOLUMNS; i++)
		basis_text(&basis, policy, policy->columns[i]);
	basis_words(&basis, policy, policy->status_values);
	basis_words(&basis, policy, policy->channel_values);
	basis_text(&basis, policy, policy->timezone);
	basis_number(&basis, policy->weekend);
	basis_text(&basis, policy, policy->base_currency);
	basis_number(&basis, policy->rates.n);
	for (i = 0; i < policy->rates.n; i++)
	{
		appendBinaryStringInfo(&basis, rates[i].currency, sizeof(rates[i].currency));
		basis_number(&basis, (uint64) (int64) rates[i].day);
		basis_number(&basis, (uint64) rates[i].rate);
	}
	hash = hash_bytes_extended((const unsigned char *) basis.data, basis.len, 0);
	pfree(basis.data);
	return hash;
}
