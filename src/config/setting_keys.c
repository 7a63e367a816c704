/*-------------------------------------------------------------------------
 *
 * setting_keys.c
 *	  Keys of a mapping as a table; see setting_keys.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/setting_keys.h"
#include "config/yaml_scalar.h"
#include "config/yaml_write.h"

static void *
member(void *part, size_t offset)
{
	return (char *) part + offset;
}

static bool
is_off(const SettingKey *key, const YamlNode *node)
{
	return key->can_be_off && node->kind == YNODE_SCALAR && strcmp(node->text, "off") == 0;
}

/* ---- reading ---- */

static bool
bad_value(YamlReader *reader, const SettingKey *key, const YamlNode *node,
		  const char *what, const char *min, const char *max)
{
	char		allowed[200];

	snprintf(allowed, sizeof(allowed), "%s%s from %s to %s",
			 key->can_be_off ? "off, or " : "", what, min, max);
	return yaml_bad_value(reader->error, node, allowed);
}

static bool
read_whole(YamlReader *reader, const SettingKey *key, const YamlNode *node, int32 *value)
{
	char		min[YAML_PRINT_LEN];
	char		max[YAML_PRINT_LEN];
	double		number;

	if (node->kind == YNODE_SCALAR && node->plain &&
		yaml_scan_number(node->text, &number) &&
		number >= key->min && number <= key->max && number == (double) (int32) number)
	{
		*value = (int32) number;
		return true;
	}
	yaml_print_number((double) key->min, min);
	yaml_print_number((double) key->max, max);
	return bad_value(reader, key, node, "a whole number", min, max);
}

static bool
read_either(YamlReader *reader, const SettingKey *key, const YamlNode *node, int32 *value)
{
	char		min[YAML_PRINT_LEN];
	char		max[YAML_PRINT_LEN];
	char		allowed[200];
	double		number;

	if (node->kind == YNODE_SCALAR && node->plain &&
		yaml_scan_number(node->text, &number) &&
		(number == (double) key->min || number == (double) key->max))
	{
		*value = (int32) number;
		return true;
	}
	yaml_print_number((double) key->min, min);
	yaml_print_number((double) key->max, max);
	snprintf(allowed, sizeof(allowed), "%s or %s", min, max);
	return yaml_bad_value(reader->error, node, allowed);
}

static bool
read_percent(YamlReader *reader, const SettingKey *key, const YamlNode *node, int32 *value)
{
	char		min[YAML_PRINT_LEN];
	char		max[YAML_PRINT_LEN];

	if (node->kind == YNODE_SCALAR && node->plain &&
		yaml_scan_percent(node->text, value) && *value >= key->min && *value <= key->max)
		return true;
	yaml_print_percent((int32) key->min, min);
	yaml_print_percent((int32) key->max, max);
	return bad_value(reader, key, node, "a percentage with at most two decimals", min, max);
}

static bool
read_duration(YamlReader *reader, const SettingKey *key, const YamlNode *node, int64 *value)
{
	YamlDuration result = DURATION_BAD;
	char		min[YAML_PRINT_LEN];
	char		max[YAML_PRINT_LEN];

	if (node->kind == YNODE_SCALAR)
		result = yaml_scan_duration(node->text, value);
	if (result == DURATION_OK && *value >= key->min && *value <= key->max)
		return true;
	if (result == DURATION_NO_UNIT)
		return yaml_bad_value(reader->error, node,
							  "a time with its unit: ms, s, min, h or d, as in 10 s");
	yaml_print_duration(key->min, min);
	yaml_print_duration(key->max, max);
	return bad_value(reader, key, node, "a time (in ms, s, min, h or d; whole microseconds)", min, max);
}

static bool
read_size(YamlReader *reader, const SettingKey *key, const YamlNode *node, int64 *value)
{
	YamlDuration result = DURATION_BAD;
	char		min[YAML_PRINT_LEN];
	char		max[YAML_PRINT_LEN];

	if (node->kind == YNODE_SCALAR)
		result = yaml_scan_size(node->text, value);
	if (result == DURATION_OK && *value >= key->min && *value <= key->max)
		return true;
	if (result == DURATION_NO_UNIT)
		return yaml_bad_value(reader->error, node, "a size with its unit: kB, MB or GB, as in 16 MB");
	yaml_print_size(key->min, min);
	yaml_print_size(key->max, max);
	return bad_value(reader, key, node, "a size (in kB, MB or GB; whole bytes)", min, max);
}

static bool
read_durations(YamlReader *reader, const SettingKey *key, const YamlNode *node,
			   int64 *values, int32 *number)
{
	const YamlNode *child;

	if (node->kind != YNODE_LIST || node->n < 1 || node->n > (uint32) key->max_number)
	{
		char		allowed[100];

		snprintf(allowed, sizeof(allowed), "a list of 1 to %d times, such as [30 s, 1 min]",
				 key->max_number);
		return yaml_bad_value(reader->error, node, allowed);
	}
	memset(values, 0, key->max_number * sizeof(int64));
	*number = 0;
	for (child = node->first; child != NULL; child = child->next, (*number)++)
	{
		if (!read_duration(reader, key, child, &values[*number]))
			return false;
		if (*number > 0 && values[*number] < values[*number - 1])
		{
			char		before[YAML_PRINT_LEN];
			char		here[YAML_PRINT_LEN];

			yaml_print_duration(values[*number - 1], before);
			yaml_print_duration(values[*number], here);
			return yaml_fail(reader->error, child,
							 "Each time must be at least as long as the one before it.",
							 "%s follows %s", here, before);
		}
	}
	return true;
}

static bool
read_choice(YamlReader *reader, const SettingKey *key, const YamlNode *node, int32 *value)
{
	char		allowed[200];
	size_t		len = 0;
	int			choice;

	for (int i = 0; i < key->nwords && len < sizeof(allowed); i++)
		len += snprintf(allowed + len, sizeof(allowed) - len, "%s%s",
						i == 0 ? "" : i == key->nwords - 1 ? " or " : ", ", key->words[i]);
	if (!reader_choice(reader, node, allowed, key->words, key->nwords, &choice))
		return false;
	*value = choice;
	return true;
}

static bool
read_number(YamlReader *reader, const SettingKey *key, const YamlNode *node, double *value)
{
	char		min[YAML_PRINT_LEN];
	char		max[YAML_PRINT_LEN];

	if (node->kind == YNODE_SCALAR && node->plain &&
		yaml_scan_number(node->text, value) && *value >= (double) key->min && *value <= (double) key->max)
		return true;
	yaml_print_number((double) key->min, min);
	yaml_print_number((double) key->max, max);
	return bad_value(reader, key, node, "a number", min, max);
}

static bool
read_text(YamlReader *reader, const SettingKey *key, const YamlNode *node, char *value)
{
	YamlText	text;

	if (key->min == 0 && node->kind == YNODE_SCALAR && !node->plain && node->len == 0)
		text.len = 0;
	else if (!reader_text(reader, node, key->min == 0 ? "a text, '' for none" : "a text", (size_t) key->max, &text))
		return false;
	memset(value, 0, key->max + 1);
	if (text.len > 0)
		memcpy(value, text.text, text.len);
	return true;
}

static bool
read_key(YamlReader *reader, const SettingKey *key, const YamlNode *node, void *part)
{
	void	   *value = member(part, key->offset);
	bool		off = is_off(key, node);

	switch (key->kind)
	{
		case SETTING_WHOLE:
		case SETTING_PERCENT:
			if (off)
				*(int32 *) value = (int32) key->off;
			else if (key->kind == SETTING_WHOLE)
				return read_whole(reader, key, node, value);
			else
				return read_percent(reader, key, node, value);
			return true;
		case SETTING_EITHER:
			return read_either(reader, key, node, value);
		case SETTING_CHOICE:
			return read_choice(reader, key, node, value);
		case SETTING_DURATION:
			if (!off)
				return read_duration(reader, key, node, value);
			*(int64 *) value = key->off;
			return true;
		case SETTING_DURATIONS:
			return read_durations(reader, key, node, value, member(part, key->number_offset));
		case SETTING_SIZE:
			return read_size(reader, key, node, value);
		case SETTING_OTHER:
			return true;
		case SETTING_NUMBER:
			if (!off)
				return read_number(reader, key, node, value);
			*(double *) value = (double) key->off;
			return true;
		case SETTING_TEXT:
			return read_text(reader, key, node, value);
	}
	return false;
}

/* How many keys from i on stand in its group. */
static int
group_size(const SettingKey *keys, int n, int i)
{
	int			first = i;

	while (i < n && keys[i].group != NULL && strcmp(keys[i].group, keys[first].group) == 0)
		i++;
	return i - first;
}

/* Reads a mapping whose keys are all of keys[], without groups. */
static bool
read_flat(YamlReader *reader, const YamlNode *node, const SettingKey *keys, int n,
		  void *part, const YamlNode **at)
{
	const char *names[READER_MAX_KEYS] = {NULL};

	for (int i = 0; i < n; i++)
		names[i] = keys[i].name;
	if (!reader_section(reader, node, "key", names, n, 0, at))
		return false;
	for (int i = 0; i < n; i++)
	{
		if (at[i] != NULL && !read_key(reader, &keys[i], at[i], part))
			return false;
	}
	return true;
}

bool
setting_keys_read(YamlReader *reader, const YamlNode *node,
				  const SettingKey *keys, int n, void *part, const YamlNode **at)
{
	const char *names[READER_MAX_KEYS] = {NULL};
	const YamlNode *found[READER_MAX_KEYS];
	int			nnames = 0;
	int			name = 0;
	int			i;

	Assert(n <= SETTING_MAX_KEYS);
	memset(at, 0, n * sizeof(at[0]));
	for (i = 0; i < n; i += keys[i].group == NULL ? 1 : group_size(keys, n, i))
		names[nnames++] = keys[i].group == NULL ? keys[i].name : keys[i].group;
	if (!reader_section(reader, node, "key", names, nnames, 0, found))
		return false;
	for (i = 0; i < n; name++)
	{
		int			size = keys[i].group == NULL ? 1 : group_size(keys, n, i);

		if (found[name] == NULL)
			;
		else if (keys[i].group != NULL)
		{
			if (!read_flat(reader, found[name], keys + i, size, part, at + i))
				return false;
		}
		else
		{
			at[i] = found[name];
			if (!read_key(reader, &keys[i], at[i], part))
				return false;
		}
		i += size;
	}
	return true;
}

/* ---- writing ---- */

static void
put_duration(int64 usec, StringInfo out)
{
	char		text[YAML_PRINT_LEN];

	yaml_print_duration(usec, text);
	appendStringInfoString(out, text);
}

bool
setting_name_ok(const char *name, size_t len, size_t room)
{
	bool		ok = len > 0 && len < room;

	for (size_t i = 0; i < len && ok; i++)
		ok = name[i] >= ' ' && name[i] <= '~';
	return ok;
}

const YamlNode *
setting_place(const SettingKey *keys, int n, const YamlNode *const *at, size_t one, size_t other,
			  const YamlNode *node)
{
	const YamlNode *second = NULL;

	for (int i = 0; i < n; i++)
	{
		if (at[i] != NULL && keys[i].offset == one)
			return at[i];
		if (at[i] != NULL && keys[i].offset == other)
			second = at[i];
	}
	return second != NULL ? second : node;
}

static void
put_value(const SettingKey *key, const void *part, StringInfo out)
{
	const void *value = (const char *) part + key->offset;
	bool		wide = key->kind == SETTING_DURATION || key->kind == SETTING_DURATIONS ||
		key->kind == SETTING_SIZE;
	int64		number = 0;
	char		text[YAML_PRINT_LEN];

	if (wide)
		number = *(const int64 *) value;
	else if (key->kind != SETTING_NUMBER && key->kind != SETTING_TEXT)
		number = *(const int32 *) value;

	if (key->can_be_off &&
		(key->kind == SETTING_NUMBER ? *(const double *) value == (double) key->off : number == key->off))
	{
		appendStringInfoString(out, "off");
		return;
	}
	switch (key->kind)
	{
		case SETTING_WHOLE:
		case SETTING_EITHER:
			appendStringInfo(out, INT64_FORMAT, number);
			break;
		case SETTING_PERCENT:
			yaml_print_percent((int32) number, text);
			appendStringInfoString(out, text);
			break;
		case SETTING_CHOICE:
			appendStringInfoString(out, key->words[number]);
			break;
		case SETTING_DURATION:
			put_duration(number, out);
			break;
		case SETTING_DURATIONS:
			for (int i = 0; i < *(const int32 *) ((const char *) part + key->number_offset); i++)
			{
				appendStringInfoString(out, i == 0 ? "[" : ", ");
				put_duration(((const int64 *) value)[i], out);
			}
			appendStringInfoChar(out, ']');
			break;
		case SETTING_SIZE:
			yaml_print_size(number, text);
			appendStringInfoString(out, text);
			break;
		case SETTING_NUMBER:
			yaml_print_number(*(const double *) value, text);
			appendStringInfoString(out, text);
			break;
		case SETTING_TEXT:
			yaml_put_text(out, value, strlen(value), key->group != NULL);
			break;
		case SETTING_OTHER:
			break;
	}
}

void
setting_keys_write(const SettingKey *keys, int n, const void *part,
				   int depth, StringInfo out)
{
	for (int i = 0; i < n;)
	{
		int			size = group_size(keys, n, i);

		if (keys[i].kind == SETTING_OTHER)
		{
			i++;
			continue;
		}
		appendStringInfoSpaces(out, depth * 2);
		if (size > 0)
			appendStringInfo(out, "%s: {", keys[i].group);
		for (int j = 0; j < Max(size, 1); j++, i++)
		{
			appendStringInfo(out, "%s%s: ", j > 0 ? ", " : "", keys[i].name);
			put_value(&keys[i], part, out);
		}
		appendStringInfoString(out, size > 0 ? "}\n" : "\n");
	}
}
