/*-------------------------------------------------------------------------
 *
 * yaml_reader.c
 *	  Reading one node of the tree as what it must be; see yaml_reader.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "config/yaml_reader.h"
#include "config/yaml_scalar.h"

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
reader_map(YamlReader *reader, const YamlNode *node, const char *what,
		   const char *const *keys, int n, uint32 required,
		   const YamlNode **found)
{
	const YamlNode *child;
	int			i;

	Assert(n <= READER_MAX_KEYS);
	memset(found, 0, n * sizeof(found[0]));
	if (node->kind != YNODE_MAP && !reader_is_null(node))
		return yaml_bad_value(reader->error, node, "a mapping of keys to values");
	for (child = node->first; child != NULL; child = child->next)
	{
		for (i = 0; i < n; i++)
		{
			if (strcmp(child->key->text, keys[i]) == 0)
				break;
		}
		if (i == n)
			return yaml_unknown_key(reader->error, child, what, keys, n);
		found[i] = child;
	}
	for (i = 0; i < n; i++)
	{
		if (found[i] == NULL && (required & KEY_BIT(i)) != 0)
		{
			char		hint[256];

			snprintf(hint, sizeof(hint), "\"%s\" must be given here.", keys[i]);
			return yaml_fail(reader->error, node, hint,
							 "missing key \"%s\"", keys[i]);
		}
	}
	return true;
}

bool
reader_section(YamlReader *reader, const YamlNode *node, const char *what,
			   const char *const *keys, int n, uint32 optional,
			   const YamlNode **found)
{
	return reader_map(reader, node, what, keys, n,
					  reader->complete ? ALL_KEYS(n) & ~optional : 0, found);
}

bool
reader_free_map(YamlReader *reader, const YamlNode *node, bool *given)
{
	*given = node->kind == YNODE_MAP;
	if (*given || (reader_is_null(node) && !reader->complete))
		return true;
	return yaml_bad_value(reader->error, node,
						  "a mapping, {} for an empty one");
}

bool
reader_keeps(const YamlReader *reader, const YamlNode *node)
{
	return reader->merge_maps || node->partial;
}

bool
reader_list(YamlReader *reader, const YamlNode *node, const char *allowed)
{
	if (node->kind != YNODE_LIST)
		return yaml_bad_value(reader->error, node, allowed);
	return true;
}

bool
reader_bool(YamlReader *reader, const YamlNode *node, bool *value)
{
	if (node->kind == YNODE_SCALAR && node->plain)
	{
		*value = strcmp(node->text, "true") == 0;
		if (*value || strcmp(node->text, "false") == 0)
			return true;
	}
	return yaml_bad_value(reader->error, node, "true or false");
}

bool
reader_number(YamlReader *reader, const YamlNode *node,
			  double min, double max, bool whole, double *value)
{
	char		low[YAML_PRINT_LEN];
	char		high[YAML_PRINT_LEN];
	char		allowed[200];

	if (node->kind == YNODE_SCALAR && node->plain &&
		yaml_scan_number(node->text, value) &&
		*value >= min && *value <= max && (!whole || *value == floor(*value)))
		return true;
	if (isinf(max))
		strlcpy(allowed, "a finite decimal number, without quotes", sizeof(allowed));
	else if (min == max)
	{
		yaml_print_number(min, low);
		snprintf(allowed, sizeof(allowed), "the number %s", low);
	}
	else
	{
		yaml_print_number(min, low);
		yaml_print_number(max, high);
		snprintf(allowed, sizeof(allowed), "a %snumber from %s to %s",
				 whole ? "whole " : "", low, high);
	}
	return yaml_bad_value(reader->error, node, allowed);
}

bool
reader_whole(YamlReader *reader, const YamlNode *node, int min, int max,
			 int16 *value)
{
	double		number;

	if (!reader_number(reader, node, min, max, true, &number))
		return false;
	*value = (int16) number;
	return true;
}

bool
reader_text(YamlReader *reader, const YamlNode *node, const char *allowed,
			size_t max, YamlText *text)
{
	if (node->kind != YNODE_SCALAR || reader_is_null(node) || node->len == 0)
		return yaml_bad_value(reader->error, node, allowed);
	if (node->len > max)
	{
		char		hint[80];

		snprintf(hint, sizeof(hint), "At most %zu bytes are allowed here.", max);
		return yaml_fail(reader->error, node, hint,
						 "text is too long: %u bytes", node->len);
	}
	text->text = node->text;
	text->len = node->len;
	return true;
}

bool
reader_remark(YamlReader *reader, const YamlNode *node, YamlText *text)
{
	memset(text, 0, sizeof(*text));
	if (node->kind == YNODE_SCALAR && !node->plain && node->len == 0)
		return true;
	return reader_text(reader, node, "a text, '' for none", YAML_MAX_TEXT, text);
}

bool
reader_choice(YamlReader *reader, const YamlNode *node, const char *allowed,
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
	return yaml_bad_value(reader->error, node, allowed);
}
