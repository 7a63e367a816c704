/*-------------------------------------------------------------------------
 *
 * policy_reader.c
 *	  What yaml_reader.h lacks for nodes of a policy; see policy_reader.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_error.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

bool
policy_reader_day(PolicyReader *reader, const YamlNode *node, int32 *day)
{
	if (node->kind == YNODE_SCALAR && policy_scan_date(node->text, node->len, day))
		return true;
	return yaml_bad_value(reader->yaml.error, node,
						  "a date written as YYYY-MM-DD");
}

bool
policy_reader_action(PolicyReader *reader, const YamlNode *node, uint8 *action)
{
	static const char *const words[] = {
		[ACTION_NONE] = "none", [ACTION_REVIEW] = "review", [ACTION_BLOCK] = "block"
	};
	int			choice;

	if (!reader_choice(&reader->yaml, node, "none, review or block",
					   words, lengthof(words), &choice))
		return false;
	*action = (uint8) choice;
	return true;
}

void *
policy_reader_extend(PolicyReader *reader, DraftArray *array, uint32 more, size_t size)
{
	char	   *items = arena_alloc(&reader->yaml.arena, (array->n + more) * size);

	if (array->n > 0)
		memcpy(items, array->items, array->n * size);
	array->items = items;
	return items + array->n * size;
}

bool
policy_reader_settle(PolicyReader *reader, DraftArray *array, size_t size,
					 DraftCompare compare)
{
	const YamlNode *at = draft_settle(array, size, compare);
	char		clip[80];

	if (at == NULL)
		return true;
	if (at->parent->kind == YNODE_MAP)
		return yaml_bad_key(reader->yaml.error, at, NULL,
							"Each key may stand once in a mapping.");
	return yaml_fail(reader->yaml.error, at, "Each value may stand once in a list.",
					 "duplicate value \"%s\"",
					 yaml_clip(clip, sizeof(clip), at->text, at->len));
}
