/*-------------------------------------------------------------------------
 *
 * policy_reader.c
 *	  Reading one node of the tree as what it must be; see policy_reader.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "policy/policy_error.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

bool
reader_is_null(const YamlNode *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	size_t		i;

	if (node->kind != YNODE_SCALAR || !node->plain)
		return false;
	for (i = 0; i < lengthof(words); i++)
	{
		if (strcmp(node->text, words[i]) == 0)
			return true;
	}
	return false;
}

bool
reader_map(PolicyReader *reader, const YamlNode *node, const char *what,
		   const char *const *keys, int n, uint32 required,
		   const YamlNode **found)
{
	const YamlNode *child;
	int			i;

	Assert(n <= READER_MAX_KEYS);
	memset(found, 0, n * sizeof(found[0]));
	if (node->kind != YNODE_MAP && !reader_is_null(node))
		return policy_bad_value(reader->error, node, "a mapping of keys to values");
	for (child = node->first; child != NULL; child = child->next)
	{
		for (i = 0; i < n; i++)
		{
			if (strcmp(child->key->text, keys[i]) == 0)
				break;
		}
		if (i == n)
			return policy_unknown_key(reader->error, child, what, keys, n);
		found[i] = child;
	}
	for (i = 0; i < n; i++)
	{
		if (found[i] == NULL && (required & KEY_BIT(i)) != 0)
		{
			char		hint[256];

			snprintf(hint, sizeof(hint), "\"%s\" must be given here.", keys[i]);
			return policy_fail(reader->error, node, hint,
							   "missing key \"%s\"", keys[i]);
		}
	}
	return true;
}

bool
reader_section(PolicyReader *reader, const YamlNode *node, const char *what,
			   const char *const *keys, int n, uint32 optional,
			   const YamlNode **found)
{
	return reader_map(reader, node, what, keys, n,
					  reader->complete ? ALL_KEYS(n) & ~optional : 0, found);
}

bool
reader_free_map(PolicyReader *reader, const YamlNode *node, bool *given)
{
	*given = node->kind == YNODE_MAP;
	if (*given || (reader_is_null(node) && !reader->complete))
		return true;
	return policy_bad_value(reader->error, node,
							"a mapping, {} for an empty one");
}

bool
reader_keeps(const PolicyReader *reader, const YamlNode *node)
{
	return reader->merge_maps || node->partial;
}

bool
reader_list(PolicyReader *reader, const YamlNode *node, const char *allowed)
{
	if (node->kind != YNODE_LIST)
		return policy_bad_value(reader->error, node, allowed);
	return true;
}

bool
reader_bool(PolicyReader *reader, const YamlNode *node, bool *value)
{
	if (node->kind == YNODE_SCALAR && node->plain)
	{
		*value = strcmp(node->text, "true") == 0;
		if (*value || strcmp(node->text, "false") == 0)
			return true;
	}
	return policy_bad_value(reader->error, node, "true or false");
}

bool
reader_number(PolicyReader *reader, const YamlNode *node,
			  double min, double max, bool whole, double *value)
{
	char		low[POLICY_PRINT_LEN];
	char		high[POLICY_PRINT_LEN];
	char		allowed[200];

	if (node->kind == YNODE_SCALAR && node->plain &&
		policy_scan_number(node->text, value) &&
		*value >= min && *value <= max && (!whole || *value == floor(*value)))
		return true;
	if (isinf(max))
		strlcpy(allowed, "a finite decimal number, without quotes", sizeof(allowed));
	else if (min == max)
	{
		policy_print_number(min, low);
		snprintf(allowed, sizeof(allowed), "the number %s", low);
	}
	else
	{
		policy_print_number(min, low);
		policy_print_number(max, high);
		snprintf(allowed, sizeof(allowed), "a %snumber from %s to %s",
				 whole ? "whole " : "", low, high);
	}
	return policy_bad_value(reader->error, node, allowed);
}

bool
reader_whole(PolicyReader *reader, const YamlNode *node, int min, int max,
			 int16 *value)
{
	double		number;

	if (!reader_number(reader, node, min, max, true, &number))
		return false;
	*value = (int16) number;
	return true;
}

bool
reader_day(PolicyReader *reader, const YamlNode *node, int32 *day)
{
	if (node->kind == YNODE_SCALAR && policy_scan_date(node->text, node->len, day))
		return true;
	return policy_bad_value(reader->error, node,
							"a date written as YYYY-MM-DD");
}

bool
reader_text(PolicyReader *reader, const YamlNode *node, const char *allowed,
			size_t max, DraftText *text)
{
	if (node->kind != YNODE_SCALAR || reader_is_null(node) || node->len == 0)
		return policy_bad_value(reader->error, node, allowed);
	if (node->len > max)
	{
		char		hint[80];

		snprintf(hint, sizeof(hint), "At most %zu bytes are allowed here.", max);
		return policy_fail(reader->error, node, hint,
						   "text is too long: %u bytes", node->len);
	}
	text->text = node->text;
	text->len = node->len;
	return true;
}

bool
reader_remark(PolicyReader *reader, const YamlNode *node, DraftText *text)
{
	memset(text, 0, sizeof(*text));
	if (node->kind == YNODE_SCALAR && !node->plain && node->len == 0)
		return true;
	return reader_text(reader, node, "a text, '' for none", POLICY_MAX_TEXT, text);
}

bool
reader_choice(PolicyReader *reader, const YamlNode *node, const char *allowed,
			  const char *const *words, int n, int *choice)
{
	if (node->kind == YNODE_SCALAR)
	{
		for (*choice = 0; *choice < n; (*choice)++)
		{
			if (strcmp(node->text, words[*choice]) == 0)
				return true;
		}
	}
	return policy_bad_value(reader->error, node, allowed);
}

bool
reader_action(PolicyReader *reader, const YamlNode *node, uint8 *action)
{
	static const char *const words[] = {
		[ACTION_NONE] = "none", [ACTION_REVIEW] = "review", [ACTION_BLOCK] = "block"
	};
	int			choice;

	if (!reader_choice(reader, node, "none, review or block",
					   words, lengthof(words), &choice))
		return false;
	*action = (uint8) choice;
	return true;
}

void *
reader_extend(PolicyReader *reader, DraftArray *array, uint32 more, size_t size)
{
	char	   *items = arena_alloc(&reader->arena, (array->n + more) * size);

	if (array->n > 0)
		memcpy(items, array->items, array->n * size);
	array->items = items;
	return items + array->n * size;
}

bool
reader_settle(PolicyReader *reader, DraftArray *array, size_t size,
			  DraftCompare compare)
{
	const YamlNode *at = draft_settle(array, size, compare);
	char		clip[80];

	if (at == NULL)
		return true;
	if (at->parent->kind == YNODE_MAP)
		return policy_bad_key(reader->error, at, NULL,
							  "Each key may stand once in a mapping.");
	return policy_fail(reader->error, at, "Each value may stand once in a list.",
					   "duplicate value \"%s\"",
					   policy_clip(clip, sizeof(clip), at->text, at->len));
}
