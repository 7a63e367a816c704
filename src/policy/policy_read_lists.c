/*-------------------------------------------------------------------------
 *
 * policy_read_lists.c
 *	  The section `lists`.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_error.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

static bool
read_mcc(PolicyReader *reader, const YamlNode *node, YamlText *text)
{
	char	   *code;
	uint32		i;

	if (node->kind != YNODE_SCALAR || node->len == 0 || node->len > 4 ||
		(node->len < 4 && !node->plain) ||
		strspn(node->text, "0123456789") != node->len)
		return yaml_bad_value(reader->yaml.error, node,
							  "a merchant category code of four digits");
	/* 742 is the integer, '742' would be another text than '0742' */
	code = arena_alloc(&reader->yaml.arena, 5);
	memset(code, '0', 4);
	for (i = 0; i < node->len; i++)
		code[4 - node->len + i] = node->text[i];
	text->text = code;
	text->len = 4;
	return true;
}

static bool
read_country(PolicyReader *reader, const YamlNode *node, YamlText *text)
{
	char	   *code = arena_alloc(&reader->yaml.arena, 3);

	if (node->kind != YNODE_SCALAR ||
		!policy_scan_letters(node->text, node->len, 2, code))
		return yaml_bad_value(reader->yaml.error, node,
							  "a country code of two letters");
	text->text = code;
	text->len = 2;
	return true;
}

static bool
read_notice(PolicyReader *reader, const YamlNode *node, DraftValue *value)
{
	size_t		customer;

	if (node->kind != YNODE_SCALAR ||
		!policy_scan_notice(node->text, node->len, &customer, value->country,
							&value->first_day, &value->last_day))
		return yaml_bad_value(reader->yaml.error, node,
							  "customer/COUNTRY/first day/last day, as in C17/FR/2026-07-01/2026-07-14");
	if (customer > YAML_MAX_TEXT)
		return yaml_fail(reader->yaml.error, node,
						 "A customer has at most 1024 bytes.",
						 "text is too long: %zu bytes", customer);
	value->text.text = node->text;
	value->text.len = (uint32) customer;
	return true;
}

static bool
read_value(PolicyReader *reader, const YamlNode *node, ListKind kind,
		   DraftValue *value)
{
	switch (kind)
	{
		case LIST_COUNTRY:
			return read_country(reader, node, &value->text);
		case LIST_MCC:
			return read_mcc(reader, node, &value->text);
		case LIST_TEXT:
			return reader_text(&reader->yaml, node, "a text that is not empty",
							   YAML_MAX_TEXT, &value->text);
		case LIST_CIDR:
			if (node->kind == YNODE_SCALAR &&
				policy_scan_cidr(node->text, node->len, &value->cidr))
				return true;
			return yaml_bad_value(reader->yaml.error, node,
									"an IP address, or a block with no bits set to the right of its prefix, as in 192.0.2.0/24");
		case LIST_NOTICE:
			return read_notice(reader, node, value);
	}
	return false;
}

static bool
read_list(PolicyReader *reader, const YamlNode *node, ListId id)
{
	static const char *const keys[] = {"as_of", "source", "values"};
	DraftList  *list = &reader->draft->lists[id];
	const YamlNode *found[lengthof(keys)];
	const YamlNode *child;
	DraftValue *item;
	uint32		order = 0;
	int32		day;

	if (reader_is_null(node) && !reader->yaml.complete)
		return true;
	if (!reader_map(&reader->yaml, node, "key", keys, lengthof(keys),
					node->partial ? 0 : KEY_BIT(2), found))
		return false;
	if (!node->partial)
		memset(list, 0, sizeof(*list));
	if (found[0] != NULL)
	{
		if (!policy_reader_day(reader, found[0], &day))
			return false;
		list->as_of.text = found[0]->text;
		list->as_of.len = found[0]->len;
	}
	if (found[1] != NULL && !reader_remark(&reader->yaml, found[1], &list->source))
		return false;
	if (found[2] == NULL)
		return true;

	if (!reader_list(&reader->yaml, found[2], "a list, [] for an empty one"))
		return false;
	list->values.n = 0;
	item = policy_reader_extend(reader, &list->values, found[2]->n, sizeof(DraftValue));
	for (child = found[2]->first; child != NULL; child = child->next, item++)
	{
		if (!read_value(reader, child, list_defs[id].kind, item))
			return false;
		item->head.at = child;
		item->head.order = ++order;
		list->values.n++;
	}
	return policy_reader_settle(reader, &list->values, sizeof(DraftValue),
								draft_compare_value);
}

bool
policy_read_lists(PolicyReader *reader, const YamlNode *node)
{
	const char *keys[NLISTS];
	const YamlNode *found[NLISTS];
	int			i;

	for (i = 0; i < NLISTS; i++)
		keys[i] = list_defs[i].name;
	if (!reader_section(&reader->yaml, node, "list", keys, NLISTS, 0, found))
		return false;
	for (i = 0; i < NLISTS; i++)
	{
		if (found[i] != NULL && !read_list(reader, found[i], i))
			return false;
	}
	return true;
}
