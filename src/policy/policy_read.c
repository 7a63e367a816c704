/*-------------------------------------------------------------------------
 *
 * policy_read.c
 *	  YAML to policy image: policy_read() and policy_set().
 *
 * The text becomes a tree (yaml_tree.c), the tree changes a draft of the base
 * policy (the sections, one file each), the draft becomes an image
 * (policy_draft.c). What is accepted can always be written and read again:
 * the canonical text is held to the limits of the input.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_error.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

static const YamlSubject subject = {
	"policy", "rules: {large_amount: {weight: 20}}"
};

static bool
read_category_caps(PolicyReader *reader, const YamlNode *node)
{
	const YamlNode *found[NCATEGORIES];
	int			i;

	if (!reader_section(&reader->yaml, node, "category", category_names, NCATEGORIES, 0, found))
		return false;
	for (i = 0; i < NCATEGORIES; i++)
	{
		int16	   *cap = &reader->draft->fixed.category_caps[i];
		double		number;

		if (found[i] == NULL)
			continue;
		if (found[i]->kind == YNODE_SCALAR && strcmp(found[i]->text, "none") == 0)
			*cap = POLICY_NO_CAP;
		else if (found[i]->kind == YNODE_SCALAR && found[i]->plain &&
				 yaml_scan_number(found[i]->text, &number))
		{
			if (!reader_whole(&reader->yaml, found[i], 0, 100, cap))
				return false;
		}
		else
			return yaml_bad_value(reader->yaml.error, found[i],
								  "none, or a whole number from 0 to 100");
	}
	return true;
}

static bool
read_scoring(PolicyReader *reader, const YamlNode *node)
{
	static const char *const keys[] = {
		"low_max", "medium_max", "min_coverage", "short_circuit", "category_caps"
	};
	const YamlNode *found[lengthof(keys)];
	Policy	   *fixed = &reader->draft->fixed;

	if (!reader_section(&reader->yaml, node, "key", keys, lengthof(keys), 0, found))
		return false;
	if (found[0] != NULL && !reader_whole(&reader->yaml, found[0], 0, 98, &fixed->low_max))
		return false;
	if (found[1] != NULL && !reader_whole(&reader->yaml, found[1], 1, 99, &fixed->medium_max))
		return false;
	if (fixed->low_max >= fixed->medium_max)
		return yaml_fail(reader->yaml.error, found[0] != NULL ? found[0] : found[1],
						 "\"low_max\" must be less than \"medium_max\".",
						 "low_max %d is not below medium_max %d",
						 fixed->low_max, fixed->medium_max);
	if (found[2] != NULL &&
		!reader_number(&reader->yaml, found[2], 0, 1, false, &fixed->min_coverage))
		return false;
	if (found[3] != NULL && !reader_bool(&reader->yaml, found[3], &fixed->short_circuit))
		return false;
	return found[4] == NULL || read_category_caps(reader, found[4]);
}

static bool
read_root(PolicyReader *reader, const YamlNode *root)
{
	static const char *const keys[] = {
		"version", "description", "history", "scoring", "lists", "rules", "custom"
	};
	const YamlNode *found[lengthof(keys)];
	int16		version;

	if (root->kind != YNODE_MAP)
		return yaml_bad_value(reader->yaml.error, root,
								"a mapping, such as \"rules: {large_amount: {weight: 20}}\"; {} changes nothing");
	return reader_section(&reader->yaml, root, "key", keys, lengthof(keys), KEY_BIT(1), found) &&
		(found[0] == NULL || reader_whole(&reader->yaml, found[0], 1, 1, &version)) &&
		(found[1] == NULL ||
		 reader_remark(&reader->yaml, found[1], &reader->draft->description)) &&
		(found[2] == NULL || policy_read_history(reader, found[2])) &&
		(found[3] == NULL || read_scoring(reader, found[3])) &&
		(found[4] == NULL || policy_read_lists(reader, found[4])) &&
		(found[5] == NULL || policy_read_rules(reader, found[5])) &&
		(found[6] == NULL || policy_read_custom(reader, found[6]));
}

/* The image, if its canonical text is within the limits of the input. */
static Policy *
finish(PolicyReader *reader)
{
	Policy	   *policy = draft_image(reader->draft);
	char	   *text;
	size_t		len;
	int			nodes;
	char		hint[160];

	text = policy_write_counted(policy, &len, &nodes);
	pfree(text);
	if (len <= YAML_MAX_BYTES && nodes <= YAML_MAX_NODES)
		return policy;
	pfree(policy);
	snprintf(hint, sizeof(hint),
			 "Written out, a policy may have at most %d bytes and %d keys and values.",
			 YAML_MAX_BYTES, YAML_MAX_NODES);
	yaml_fail(reader->yaml.error, NULL, hint,
			  "policy is too large: %zu bytes, %d keys and values when written out",
			  len, nodes);
	return NULL;
}

Policy *
policy_read(const char *yaml, size_t len, const Policy *base, bool merge_maps,
			PolicyZoneCheck zone_ok, YamlError *error)
{
	PolicyReader reader;
	Policy	   *policy = NULL;
	YamlNode   *root;

	memset(&reader, 0, sizeof(reader));
	reader.yaml.complete = base == NULL;
	reader.yaml.merge_maps = merge_maps;
	reader.zone_ok = zone_ok;
	reader.yaml.error = error;
	root = yaml_tree_parse(yaml, len, &subject, &reader.yaml.arena, error);
	if (root != NULL)
	{
		reader.draft = draft_start(base, &reader.yaml.arena);
		if (read_root(&reader, root))
			policy = finish(&reader);
	}
	arena_free(&reader.yaml.arena);
	return policy;
}

/* The mappings that lead to the value: {rules: {large_amount: value}}. */
static YamlNode *
wrap_path(PolicyReader *reader, const char *path, YamlNode *value)
{
	YamlNode   *root = arena_alloc(&reader->yaml.arena, sizeof(YamlNode));
	YamlNode   *open = root;
	const char *step = path;
	int			depth = 0;

	root->kind = YNODE_MAP;
	root->partial = true;
	for (;;)
	{
		const size_t len = strcspn(step, ".");
		YamlNode   *key;
		YamlNode   *child = value;
		char	   *text;

		if (len == 0 || len > YAML_MAX_TEXT || ++depth > YAML_MAX_DEPTH ||
			!yaml_utf8_ok(step, len))
		{
			yaml_fail(reader->yaml.error, NULL,
					  "A path is keys joined by dots, such as rules.large_amount.weight.",
					  "invalid path");
			return NULL;
		}
		key = arena_alloc(&reader->yaml.arena, sizeof(YamlNode));
		text = arena_alloc(&reader->yaml.arena, len + 1);
		memcpy(text, step, len);
		key->text = text;
		key->len = (uint32) len;
		if (step[len] == '.')
		{
			child = arena_alloc(&reader->yaml.arena, sizeof(YamlNode));
			child->kind = YNODE_MAP;
			child->partial = true;
		}
		yaml_tree_append(open, key, child);
		if (step[len] == '\0')
			return root;
		open = child;
		step += len + 1;
	}
}

Policy *
policy_set(const Policy *policy, const char *path, const char *value,
		   PolicyZoneCheck zone_ok, YamlError *error)
{
	PolicyReader reader;
	Policy	   *result = NULL;
	YamlNode   *root;

	memset(&reader, 0, sizeof(reader));
	reader.zone_ok = zone_ok;
	reader.yaml.error = error;
	root = yaml_tree_parse(value, strlen(value), &subject, &reader.yaml.arena, error);
	if (root != NULL)
		root = wrap_path(&reader, path, root);
	if (root != NULL)
	{
		reader.draft = draft_start(policy, &reader.yaml.arena);
		if (read_root(&reader, root))
			result = finish(&reader);
	}
	arena_free(&reader.yaml.arena);
	return result;
}
