/*-------------------------------------------------------------------------
 *
 * record_txn.c
 *	  The transaction in its record: all members of the row or object, each
 *	  kept, hashed or dropped as the section `journal` of the service file says.
 *
 * A member goes by the strictest of the rules for its own name and for the
 * columns of a transaction that it is read as: whoever calls the card's column
 * pan_token, in the policy or in fraud_attach(), has it hashed like card_id.
 *
 * What is too long, does not fit any more or cannot be printed is named in the
 * member "omitted", an array of names; a number at its end says how many more
 * there are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/string.h"
#include "mb/pg_wchar.h"

#include "core/compat.h"
#include "core/json_put.h"
#include "core/shared_text.h"
#include "decide/record_txn.h"
#include "decide/record_value.h"
#include "journal/journal_files.h"

#define OMITTED_MAX			1000	/* bytes of names */
#define OMITTED_ROOM		(OMITTED_MAX + 64)
#define OMITTED_NAME		63		/* bytes of a name, at most */

/* So many that did not fit are enough to give up. */
#define OMITTED_ENOUGH		100

/* ---- rules of fields ---- */

FieldRules	field_rules;

static void
use_rules(void)
{
	const JournalSettings *settings = journal_settings();

	if (settings->nfields == field_rules.settings.nfields &&
		memcmp(settings->fields, field_rules.settings.fields, sizeof(settings->fields[0]) * settings->nfields) == 0)
		return;
	field_rules.settings = *settings;
	for (int c = 0; c < TXN_NCOLUMNS; c++)
		field_rules.column[c] = journal_field_rule(&field_rules.settings, txn_column_names[c]);
	field_rules.generation++;
}

static JournalFieldRule
policy_rule(const Policy *policy, TxnColumn column, const char *utf8)
{
	const char *name = policy_str(policy, policy->columns[column]);

	return name != NULL && strcmp(name, utf8) == 0 ? field_rules.column[column] : JOURNAL_FIELD_KEEP;
}

/* Of a member of an object, by its name in UTF-8. */
static JournalFieldRule
rule_of_name(const Policy *policy, const char *utf8)
{
	JournalFieldRule rule = journal_field_rule(&field_rules.settings, utf8);

	for (int c = 0; c < TXN_NCOLUMNS && rule != JOURNAL_FIELD_DROP; c++)
		if (field_rules.column[c] > rule)
			rule = Max(rule, policy_rule(policy, (TxnColumn) c, utf8));
	return rule;
}

/* ---- what is left out ---- */

void
txn_omit(TxnWriter *writer, const char *name, int len)
{
	int			from;

	if (writer->omitted++ == 0)
		initStringInfo(&writer->names);
	from = writer->names.len;
	if (from > 0)
		put_char(&writer->names, ',');
	put_text(&writer->names, name, pg_mbcliplen(name, len, OMITTED_NAME));
	if (writer->names.len > OMITTED_MAX)
	{
		writer->names.len = from;
		writer->unnamed++;
	}
}

static void
put_omitted(TxnWriter *writer)
{
	StringInfo	out = writer->out;

	put_char(out, writer->before);
	writer->before = ',';
	PUT(out, "\"omitted\":[");
	put_bytes(out, writer->names.data, writer->names.len);
	if (writer->unnamed > 0)
	{
		if (writer->names.len > 0)
			put_char(out, ',');
		put_int(out, writer->unnamed);
	}
	put_char(out, ']');
}

bool
txn_end_member(TxnWriter *writer, bool ok, int from, int value)
{
	if (ok && writer->out->len - value <= RECORD_MEMBER_MAX && writer->out->len <= writer->limit)
	{
		writer->before = ',';
		return true;
	}
	writer->out->len = from;
	return false;
}

bool
txn_is_full(const TxnWriter *writer)
{
	return writer->omitted >= OMITTED_ENOUGH;
}

/* ---- objects ---- */

/* A name that rules may know, in UTF-8; false where it is longer than they have them. */
static bool
short_name(const JsonbValue *key, char name[JOURNAL_FIELD_NAME_MAX])
{
	char	   *utf8;

	if (key->val.string.len >= JOURNAL_FIELD_NAME_MAX)
		return false;
	memcpy(name, key->val.string.val, key->val.string.len);
	name[key->val.string.len] = '\0';
	if (GetDatabaseEncoding() == PG_UTF8 || pg_is_ascii(name))
		return true;
	utf8 = shared_text_to_utf8(name);
	if (strlen(utf8) >= JOURNAL_FIELD_NAME_MAX)
		return false;
	strcpy(name, utf8);
	return true;
}

static void
put_object(TxnWriter *writer, const Record *record)
{
	Jsonb	   *json = DatumGetJsonbP(record->reader->object);
	JsonbIterator *it = JsonbIteratorInit(&json->root);
	StringInfo	out = writer->out;
	int			left = (int) JB_ROOT_COUNT(json);
	JsonbValue	key;
	JsonbValue	value;

	if (JsonbIteratorNext(&it, &value, true) != WJB_BEGIN_OBJECT)
		return;
	for (; !txn_is_full(writer) && JsonbIteratorNext(&it, &key, true) == WJB_KEY; left--)
	{
		char		name[JOURNAL_FIELD_NAME_MAX];
		JournalFieldRule rule = JOURNAL_FIELD_KEEP;
		int			from = out->len;
		int			at;
		bool		ok;

		(void) JsonbIteratorNext(&it, &value, true);
		if (short_name(&key, name))
			rule = rule_of_name(record->policy, name);
		if (rule == JOURNAL_FIELD_DROP)
			continue;
		put_char(out, writer->before);
		ok = print_text(out, key.val.string.val, key.val.string.len, false);
		put_char(out, ':');
		at = out->len;
		ok = ok && print_jsonb(out, &value, rule == JOURNAL_FIELD_HASH);
		if (!txn_end_member(writer, ok, from, at))
			txn_omit(writer, key.val.string.val, key.val.string.len);
	}
	/* where it is full; those to be dropped are counted with them */
	if (txn_is_full(writer))
	{
		writer->omitted += left;
		writer->unnamed += left;
	}
}

/* ---- both ---- */

JournalFieldRule
record_txn_id_rule(const Record *record)
{
	const TxnReader *reader = record->reader;

	use_rules();
	if (record->txn_null || field_rules.settings.nfields == 0)
		return JOURNAL_FIELD_KEEP;
	if (reader->type != RECORDOID)
	{
		const char *name = policy_str(record->policy, record->policy->columns[COL_TXN_ID]);

		return name == NULL ? field_rules.column[COL_TXN_ID] : rule_of_name(record->policy, name);
	}
	return txn_id_rule_of_row(reader, record->policy);
}

void
record_put_txn(const Record *record, int budget, StringInfo out)
{
	TxnWriter	writer = {.out = out,.limit = out->len + budget - OMITTED_ROOM,.before = '{'};

	Assert(budget >= OMITTED_ROOM);
	if (record->txn_null)
	{
		PUT(out, "null");
		return;
	}
	use_rules();
	if (record->reader->type == RECORDOID)
		txn_put_row(&writer, record);
	else
		put_object(&writer, record);
	if (writer.omitted > 0)
		put_omitted(&writer);
	if (writer.before == '{')
		put_char(out, '{');
	put_char(out, '}');
}
