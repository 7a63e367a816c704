/*-------------------------------------------------------------------------
 *
 * policy_read_history.c
 *	  The section `history`: what is remembered, and under which words.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_error.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

#define CURRENCY_ALLOWED	"a currency of three letters"

static bool
read_columns(PolicyReader *reader, const YamlNode *node)
{
	const YamlNode *found[TXN_NCOLUMNS];
	YamlText   *columns = reader->draft->columns;
	bool		given;
	int			i;

	if (!reader_free_map(&reader->yaml, node, &given))
		return false;
	if (!given)
		return true;
	if (!reader_map(&reader->yaml, node, "column", txn_column_names, TXN_NCOLUMNS, 0, found))
		return false;
	if (!reader_keeps(&reader->yaml, node))
		memset(columns, 0, sizeof(reader->draft->columns));
	for (i = 0; i < TXN_NCOLUMNS; i++)
	{
		if (found[i] == NULL)
			continue;
		if (!reader_text(&reader->yaml, found[i], "the name of a column",
						 YAML_MAX_TEXT, &columns[i]))
			return false;
		/* its own name says nothing */
		if (strcmp(columns[i].text, txn_column_names[i]) == 0)
			memset(&columns[i], 0, sizeof(columns[i]));
	}
	return true;
}

/* The position of a word among the names; n where it is none. */
static int
name_position(const char *word, const char *const *names, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (strcmp(word, names[i]) == 0)
			break;
	}
	return i;
}

/*
 * Words of the user's own for `names`, whose codes are `codes`. A name for
 * itself says nothing and is dropped; it cannot get another meaning.
 */
static bool
read_words(PolicyReader *reader, const YamlNode *node, const char *allowed,
		   const char *const *names, const uint32 *codes, int n,
		   DraftArray *words)
{
	const YamlNode *child;
	DraftWord  *items;
	bool		given;
	uint32		order = 0;
	uint32		kept = 0;
	uint32		i;

	if (!reader_free_map(&reader->yaml, node, &given))
		return false;
	if (!given)
		return true;
	if (!reader_keeps(&reader->yaml, node))
		words->n = 0;
	items = policy_reader_extend(reader, words, node->n, sizeof(DraftWord));
	for (child = node->first; child != NULL; child = child->next, items++)
	{
		char		word[POLICY_MAX_WORD + 1];
		size_t		len = policy_fold_word(child->key->text, child->key->len, word);
		int			choice;
		int			own;
		char	   *text;

		if (len == 0)
			return yaml_bad_key(reader->yaml.error, child, "word",
								"A word has 1 to 63 bytes.");
		if (!reader_choice(&reader->yaml, child, allowed, names, n, &choice))
			return false;
		own = name_position(word, names, n);
		if (own < n && own != choice)
			return yaml_fail(reader->yaml.error, child,
							 "Only other words are given a meaning here.",
							 "\"%s\" cannot mean \"%s\"", names[own], names[choice]);
		text = arena_alloc(&reader->yaml.arena, len + 1);
		memcpy(text, word, len);
		items->head.at = child;
		items->head.order = ++order;
		items->word.text = text;
		items->word.len = (uint32) len;
		items->code = codes[choice];
		words->n++;
	}
	if (!policy_reader_settle(reader, words, sizeof(DraftWord), draft_compare_word))
		return false;
	items = words->items;
	for (i = 0; i < words->n; i++)
	{
		if (name_position(items[i].word.text, names, n) == n)
			items[kept++] = items[i];
	}
	words->n = kept;
	return true;
}

static bool
read_status_values(PolicyReader *reader, const YamlNode *node)
{
	static const char *const names[] = {
		"pending", "approved", "declined", "failed", "blocked"
	};
	static const uint32 codes[] = {
		STATUS_PENDING, STATUS_APPROVED, STATUS_DECLINED, STATUS_FAILED, STATUS_BLOCKED
	};

	return read_words(reader, node,
					  "pending, approved, declined, failed or blocked",
					  names, codes, lengthof(names),
					  &reader->draft->status_values);
}

static bool
read_channel_values(PolicyReader *reader, const YamlNode *node)
{
	static const char *const names[] = {"present", "online"};
	static const uint32 codes[] = {CHANNEL_PRESENT, CHANNEL_ONLINE};

	return read_words(reader, node, "present or online",
					  names, codes, lengthof(names),
					  &reader->draft->channel_values);
}

static bool
read_timezone(PolicyReader *reader, const YamlNode *node)
{
	if (!reader_text(&reader->yaml, node, "the name of a time zone, such as UTC or Europe/Berlin",
					 YAML_MAX_TEXT, &reader->draft->timezone))
		return false;
	if (reader->zone_ok != NULL && !reader->zone_ok(node->text))
	{
		char		clip[80];

		return yaml_fail(reader->yaml.error, node,
						 "\"timezone\" must be a name from pg_timezone_names, such as UTC or Europe/Berlin.",
						 "unknown time zone \"%s\"",
						 yaml_clip(clip, sizeof(clip), node->text, node->len));
	}
	return true;
}

static bool
read_weekend(PolicyReader *reader, const YamlNode *node)
{
	const YamlNode *child;
	uint8		weekend = 0;

	if (!reader_list(&reader->yaml, node, "a list of ISO days, 1 is Monday and 7 is Sunday"))
		return false;
	for (child = node->first; child != NULL; child = child->next)
	{
		int16		day;

		if (!reader_whole(&reader->yaml, child, 1, 7, &day))
			return false;
		if (weekend & (1 << (day - 1)))
			return yaml_fail(reader->yaml.error, child,
							 "Each value may stand once in a list.",
							 "duplicate value \"%d\"", day);
		weekend |= (uint8) (1 << (day - 1));
	}
	reader->draft->fixed.weekend = weekend;
	return true;
}

static bool
read_base_currency(PolicyReader *reader, const YamlNode *node)
{
	char	   *text = arena_alloc(&reader->yaml.arena, 4);

	if (node->kind != YNODE_SCALAR ||
		!policy_scan_letters(node->text, node->len, 3, text))
		return yaml_bad_value(reader->yaml.error, node, CURRENCY_ALLOWED);
	reader->draft->base_currency.text = text;
	reader->draft->base_currency.len = 3;
	return true;
}

/* The days of one currency; there is room for them behind the others. */
static bool
read_days(PolicyReader *reader, const YamlNode *node, const char *currency)
{
	DraftArray *rates = &reader->draft->rates;
	const YamlNode *child;

	for (child = node->first; child != NULL; child = child->next)
	{
		DraftRate  *item = (DraftRate *) rates->items + rates->n;

		if (!policy_scan_date(child->key->text, child->key->len, &item->rate.day))
			return yaml_bad_key(reader->yaml.error, child, "day",
								"A rate's day must be a date written as YYYY-MM-DD.");
		if (child->kind != YNODE_SCALAR || !child->plain ||
			!policy_scan_rate(child->text, child->len, &item->rate.rate))
			return yaml_bad_value(reader->yaml.error, child,
								  "a number over 0, at most 1000000000, with at most 9 decimals");
		memcpy(item->rate.currency, currency, 4);
		item->head.at = child;
		item->head.order = rates->n++;
	}
	return true;
}

/* A currency set by policy_set() loses the days it had. */
static void
drop_currency(DraftArray *rates, const char *currency)
{
	DraftRate  *items = rates->items;
	uint32		kept = 0;
	uint32		i;

	for (i = 0; i < rates->n; i++)
	{
		if (memcmp(items[i].rate.currency, currency, 4) != 0)
			items[kept++] = items[i];
	}
	rates->n = kept;
}

static bool
read_rates(PolicyReader *reader, const YamlNode *node)
{
	DraftArray *rates = &reader->draft->rates;
	const YamlNode *child;
	uint32		days = 0;
	bool		given;

	if (!reader_free_map(&reader->yaml, node, &given))
		return false;
	if (!given)
		return true;
	if (!reader_keeps(&reader->yaml, node))
		rates->n = 0;
	for (child = node->first; child != NULL; child = child->next)
		days += child->n;
	policy_reader_extend(reader, rates, days, sizeof(DraftRate));
	for (child = node->first; child != NULL; child = child->next)
	{
		char		currency[4] = {0};

		if (!policy_scan_letters(child->key->text, child->key->len, 3, currency))
			return yaml_bad_key(reader->yaml.error, child, "currency",
								"A key of \"rates\" must be " CURRENCY_ALLOWED ".");
		if (child->kind != YNODE_MAP)
			return yaml_bad_value(reader->yaml.error, child,
								  "a mapping of days to rates, such as {2024-01-01: 1.1039}");
		if (node->partial && !child->partial)
			drop_currency(rates, currency);
		if (!read_days(reader, child, currency))
			return false;
	}
	return policy_reader_settle(reader, rates, sizeof(DraftRate), draft_compare_rate);
}

/* A rate of the base currency itself would say two things at once. */
static bool
check_base_currency(PolicyReader *reader, const YamlNode *at)
{
	const DraftRate *rates = reader->draft->rates.items;
	const char *base = reader->draft->base_currency.text;
	uint32		i;

	for (i = 0; i < reader->draft->rates.n; i++)
	{
		if (memcmp(rates[i].rate.currency, base, 3) == 0)
			return yaml_fail(reader->yaml.error,
							 rates[i].head.at != NULL ? rates[i].head.at : at,
							 "One unit of the base currency is 1: remove its rates.",
							 "rate for the base currency %.3s", base);
	}
	return true;
}

bool
policy_read_history(PolicyReader *reader, const YamlNode *node)
{
	static const char *const keys[] = {
		"columns", "status_values", "channel_values", "timezone", "weekend",
		"base_currency", "rates"
	};
	const YamlNode *found[lengthof(keys)];

	return reader_section(&reader->yaml, node, "key", keys, lengthof(keys), 0, found) &&
		(found[0] == NULL || read_columns(reader, found[0])) &&
		(found[1] == NULL || read_status_values(reader, found[1])) &&
		(found[2] == NULL || read_channel_values(reader, found[2])) &&
		(found[3] == NULL || read_timezone(reader, found[3])) &&
		(found[4] == NULL || read_weekend(reader, found[4])) &&
		(found[5] == NULL || read_base_currency(reader, found[5])) &&
		(found[6] == NULL || read_rates(reader, found[6])) &&
		check_base_currency(reader, found[5] != NULL ? found[5] : node);
}
