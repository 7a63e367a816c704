/*-------------------------------------------------------------------------
 *
 * journal_config.c
 *	  The section `journal` of the service file: YAML in and out.
 *
 * `fields` is a mapping of names of one's own. What the base has of it stays
 * unless it is named: who lists a name more does not uncover card numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/setting_keys.h"
#include "config/yaml_scalar.h"
#include "config/yaml_write.h"
#include "journal/journal_config.h"

#define SEC				INT64CONST(1000000)
#define DAY				(86400 * SEC)
#define KB				INT64CONST(1024)
#define MB				(1024 * KB)
#define GB				(1024 * MB)

static const char *const sync_words[] = {
	[JOURNAL_SYNC_OFF] = "off", [JOURNAL_SYNC_INTERVAL] = "interval", [JOURNAL_SYNC_EACH] = "each"
};

static const char *const full_words[] = {
	[JOURNAL_DROP_AND_COUNT] = "drop_and_count", [JOURNAL_BLOCK_HIGH_RISK] = "block_high_risk"
};

static const char *const rule_words[] = {
	[JOURNAL_FIELD_KEEP] = "keep", [JOURNAL_FIELD_HASH] = "hash", [JOURNAL_FIELD_DROP] = "drop"
};

/* Never in clear, whatever the file says. */
static const char *const card_numbers[] = {"card_number", "pan"};

#define AT(member)		offsetof(JournalSettings, member)
#define KEY(name, kind, member, min, max) \
	{NULL, name, SETTING_##kind, AT(member), min, max, false, 0, NULL, 0, 0, 0}
#define OR_OFF(name, kind, member, min, max, off) \
	{NULL, name, SETTING_##kind, AT(member), min, max, true, off, NULL, 0, 0, 0}
#define WORD(name, member, words) \
	{NULL, name, SETTING_CHOICE, AT(member), 0, 0, false, 0, words, lengthof(words), 0, 0}

/* In the order of the file. */
static const SettingKey keys[] = {
	WORD("sync", sync, sync_words),
	KEY("interval", DURATION, interval, SEC, 60 * SEC),
	KEY("segment_size", SIZE, segment_size, 128 * KB, 256 * MB),
	KEY("max_size", SIZE, max_size, MB, 1024 * GB),
	WORD("on_full", on_full, full_words),
	KEY("keep", DURATION, keep, 0, 7 * DAY),
	OR_OFF("retention", DURATION, retention, DAY, 9999 * DAY, 0),
	KEY("fields", OTHER, fields, 0, 0),
};

#define AT_SEGMENT_SIZE		2
#define AT_MAX_SIZE			3
#define AT_FIELDS			(lengthof(keys) - 1)

/* Where the name is, or belongs. */
static int
field_place(const JournalSettings *settings, const char *name, bool *found)
{
	int			low = 0;
	int			high = settings->nfields;

	*found = false;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(name, settings->fields[middle].name);

		if (order == 0)
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

JournalFieldRule
journal_field_rule(const JournalSettings *settings, const char *name)
{
	bool		found;
	int			i = field_place(settings, name, &found);

	return found ? (JournalFieldRule) settings->fields[i].rule : JOURNAL_FIELD_KEEP;
}

static bool
is_card_number(const char *name)
{
	for (size_t i = 0; i < lengthof(card_numbers); i++)
		if (strcmp(card_numbers[i], name) == 0)
			return true;
	return false;
}

static bool
read_field(YamlReader *reader, const YamlNode *node, JournalSettings *settings)
{
	const char *name = node->key->text;
	size_t		len = node->key->len;
	bool		found;
	int			rule;
	int			i;

	if (len == 0 || len >= JOURNAL_FIELD_NAME_MAX || strlen(name) != len)
		return yaml_bad_key(reader->error, node, "name of a field",
							"The name of a field has 1 to 63 bytes.");
	if (!reader_choice(reader, node, "keep, hash or drop", rule_words, lengthof(rule_words), &rule))
		return false;
	if (rule == JOURNAL_FIELD_KEEP && is_card_number(name))
		return yaml_fail(reader->error, node, "Let it be hash or drop.",
						 "card numbers are never kept in clear");
	i = field_place(settings, name, &found);
	if (!found)
	{
		if (settings->nfields == JOURNAL_FIELDS_MAX)
		{
			char		hint[80];

			snprintf(hint, sizeof(hint), "At most %d fields can be named.", JOURNAL_FIELDS_MAX);
			return yaml_fail(reader->error, node, hint, "too many fields");
		}
		memmove(&settings->fields[i + 1], &settings->fields[i],
				(settings->nfields - i) * sizeof(settings->fields[0]));
		memset(&settings->fields[i], 0, sizeof(settings->fields[0]));
		memcpy(settings->fields[i].name, name, len);
		settings->nfields++;
	}
	settings->fields[i].rule = rule;
	return true;
}

static bool
read_fields(YamlReader *reader, const YamlNode *node, JournalSettings *settings)
{
	const YamlNode *child;
	bool		given;

	if (!reader_free_map(reader, node, &given))
		return false;
	for (child = given ? node->first : NULL; child != NULL; child = child->next)
	{
		if (!read_field(reader, child, settings))
			return false;
	}
	return true;
}

static bool
read_journal(YamlReader *reader, const YamlNode *node, void *part)
{
	JournalSettings *settings = part;
	const YamlNode *at[lengthof(keys)];

	if (!setting_keys_read(reader, node, keys, lengthof(keys), part, at))
		return false;
	if (at[AT_FIELDS] != NULL && !read_fields(reader, at[AT_FIELDS], settings))
		return false;
	if (settings->max_size / 2 < settings->segment_size)
	{
		char		segment[YAML_PRINT_LEN];
		char		max[YAML_PRINT_LEN];

		yaml_print_size(settings->segment_size, segment);
		yaml_print_size(settings->max_size, max);
		return yaml_fail(reader->error,
						 at[AT_MAX_SIZE] != NULL ? at[AT_MAX_SIZE] : at[AT_SEGMENT_SIZE] != NULL ? at[AT_SEGMENT_SIZE] : node,
						 "The file that is being written stays: there must be room for two.",
						 "max_size %s is less than two segments of %s", max, segment);
	}
	return true;
}

static void
write_journal(const void *part, StringInfo out)
{
	const JournalSettings *settings = part;

	setting_keys_write(keys, lengthof(keys), part, 1, out);
	appendStringInfoString(out, "  fields: {");
	for (int i = 0; i < settings->nfields; i++)
	{
		const char *name = settings->fields[i].name;

		if (i > 0)
			appendStringInfoString(out, ", ");
		yaml_put_text(out, name, strlen(name), true);
		appendStringInfo(out, ": %s", rule_words[settings->fields[i].rule]);
	}
	appendStringInfoString(out, "}\n");
}

const SettingsSection journal_section = {
	"journal", sizeof(JournalSettings), read_journal, write_journal
};
