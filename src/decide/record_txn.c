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

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/string.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/attempt.h"
#include "core/compat.h"
#include "core/json_put.h"
#include "core/shared_text.h"
#include "decide/record.h"
#include "decide/record_value.h"
#include "journal/journal_files.h"

#define OMITTED_MAX			1000	/* bytes of names */
#define OMITTED_ROOM		(OMITTED_MAX + 64)
#define OMITTED_NAME		63		/* bytes of a name, at most */

/* So many that did not fit are enough to give up. */
#define OMITTED_ENOUGH		100

/* Binary values of other types: more than this is not printed at all. */
#define OTHER_MAX			(64 * 1024)
#define OTHER_FAILURES		4

typedef struct TxnWriter
{
	StringInfo	out;
	int			limit;			/* of out->len, before the omitted */
	char		before;			/* of the next member: { or , */
	int			omitted;
	int			unnamed;		/* of them */
	StringInfoData names;
} TxnWriter;

/* ---- rules of fields ---- */

static struct
{
	uint64		generation;		/* of the two below */
	JournalSettings settings;	/* of which the fields are used */
	JournalFieldRule column[TXN_NCOLUMNS];
}			rules;

static void
use_rules(void)
{
	const JournalSettings *settings = journal_settings();

	if (settings->nfields == rules.settings.nfields &&
		memcmp(settings->fields, rules.settings.fields, sizeof(settings->fields[0]) * settings->nfields) == 0)
		return;
	rules.settings = *settings;
	for (int c = 0; c < TXN_NCOLUMNS; c++)
		rules.column[c] = journal_field_rule(&rules.settings, txn_column_names[c]);
	rules.generation++;
}

static JournalFieldRule
policy_rule(const Policy *policy, TxnColumn column, const char *utf8)
{
	const char *name = policy_str(policy, policy->columns[column]);

	return name != NULL && strcmp(name, utf8) == 0 ? rules.column[column] : JOURNAL_FIELD_KEEP;
}

/* Of a member of an object, by its name in UTF-8. */
static JournalFieldRule
rule_of_name(const Policy *policy, const char *utf8)
{
	JournalFieldRule rule = journal_field_rule(&rules.settings, utf8);

	for (int c = 0; c < TXN_NCOLUMNS && rule != JOURNAL_FIELD_DROP; c++)
		if (rules.column[c] > rule)
			rule = Max(rule, policy_rule(policy, (TxnColumn) c, utf8));
	return rule;
}

/* ---- what is left out ---- */

/* name: of the server's encoding */
static void
omit(TxnWriter *writer, const char *name, int len)
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

/* Takes the member back that began at `from` where it did not work out; its value is at `value`. */
static bool
end_member(TxnWriter *writer, bool ok, int from, int value)
{
	if (ok && writer->out->len - value <= RECORD_MEMBER_MAX && writer->out->len <= writer->limit)
	{
		writer->before = ',';
		return true;
	}
	writer->out->len = from;
	return false;
}

static bool
is_full(const TxnWriter *writer)
{
	return writer->omitted >= OMITTED_ENOUGH;
}

/* ---- rows ---- */

typedef struct Member
{
	int16		attno;			/* less one */
	bool		hash;
	bool		varlena;
	PrintKind	kind;
	FmgrInfo	output;			/* of the last kinds */
	const char *name;
	int			name_len;
	const char *key;			/* "name": */
	int			key_len;
} Member;

/* The members of a row type, as the rules have them. */
typedef struct RowMembers
{
	MemoryContext context;		/* NULL: none yet */
	Oid			type;
	int32		typmod;
	uint64		identifier;
	uint64		generation;		/* of the rules */
	uint64		policy_hash;	/* whose names they have */
	int16		attno[TXN_NCOLUMNS];
	JournalFieldRule txn_id;
	int			n;
	Member	   *members;
	Datum	   *values;
	bool	   *nulls;
	bool	   *others;			/* by member: is there one to print in the subtransaction? */
} RowMembers;

/* As many as score_call_kept() keeps. */
#define KEPT_ROWS			4

static RowMembers kept_rows[KEPT_ROWS];

static bool
is_for(const RowMembers *row, const TxnReader *reader, const Policy *policy)
{
	return row->policy_hash == policy->hash && row->type == reader->row_type && row->typmod == reader->row_typmod &&
		row->identifier == reader->row_identifier && row->generation == rules.generation &&
		memcmp(row->attno, reader->attno, sizeof(row->attno)) == 0;
}

static void
make_member(Member *member, Form_pg_attribute att, const char *name, JournalFieldRule rule, MemoryContext context)
{
	StringInfoData key;
	Oid			function;

	member->attno = att->attnum - 1;
	member->hash = rule == JOURNAL_FIELD_HASH;
	member->varlena = att->attlen == -1;
	member->kind = print_kind(att->atttypid);
	if (member->kind >= PRINT_OUTPUT)
	{
		bool		varlena;

		getTypeOutputInfo(att->atttypid, &function, &varlena);
		fmgr_info_cxt(function, &member->output, context);
	}
	member->name = pstrdup(name);
	member->name_len = (int) strlen(member->name);
	initStringInfo(&key);
	put_text(&key, member->name, member->name_len);
	put_char(&key, ':');
	member->key = key.data;
	member->key_len = key.len;
}

static JournalFieldRule
rule_of_attribute(const TxnReader *reader, int i, const char *name)
{
	JournalFieldRule rule = journal_field_rule(&rules.settings, name);

	for (int c = 0; c < TXN_NCOLUMNS; c++)
		if (reader->attno[c] == i)
			rule = Max(rule, rules.column[c]);
	return rule;
}

/*
 * Adds an attribute: under its own name, or where it is read as a column of a
 * transaction, under the policy's name for that, so that the record can be
 * scored again wherever the table has names of its own. One that is called like
 * a column which another attribute is read as has no name left, and goes.
 */
static void
add_members(RowMembers *row, const TxnReader *reader, const Policy *policy, int i, JournalFieldRule rule)
{
	Form_pg_attribute att = TupleDescAttr(reader->desc, i);
	bool		named = false;

	for (int c = 0; c < TXN_NCOLUMNS; c++)
	{
		const char *name = txn_column_name(policy, (TxnColumn) c);

		if (reader->attno[c] == i)
			make_member(&row->members[row->n++], att, name, rule, row->context);
		named |= reader->attno[c] == i || (reader->attno[c] >= 0 && strcmp(name, NameStr(att->attname)) == 0);
	}
	if (!named)
		make_member(&row->members[row->n++], att, NameStr(att->attname), rule, row->context);
}

static void
make_members(RowMembers *row, const TxnReader *reader, const Policy *policy)
{
	int			most = reader->desc->natts + TXN_NCOLUMNS;
	TupleDesc	desc = reader->desc;
	MemoryContext old;

	row->type = InvalidOid;		/* in case of an error below */
	if (row->context == NULL)
		row->context = AllocSetContextCreate(TopMemoryContext, "fraud_fallback record", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(row->context);
	old = MemoryContextSwitchTo(row->context);
	row->members = palloc0(sizeof(Member) * most);
	row->values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	row->nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	row->others = palloc(sizeof(bool) * most);
	row->n = 0;
	row->txn_id = rules.column[COL_TXN_ID];
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		JournalFieldRule rule;

		if (att->attisdropped)
			continue;
		rule = rule_of_attribute(reader, i, shared_text_to_utf8(NameStr(att->attname)));
		if (reader->attno[COL_TXN_ID] == i)
			row->txn_id = rule;
		if (rule == JOURNAL_FIELD_DROP)
			continue;
		add_members(row, reader, policy, i, rule);
	}
	MemoryContextSwitchTo(old);
	memcpy(row->attno, reader->attno, sizeof(row->attno));
	row->typmod = reader->row_typmod;
	row->identifier = reader->row_identifier;
	row->generation = rules.generation;
	row->policy_hash = policy->hash;
	row->type = reader->row_type;
}

static RowMembers *
row_members(const TxnReader *reader, const Policy *policy)
{
	static int	next = 0;
	RowMembers *row;

	for (int i = 0; i < KEPT_ROWS; i++)
		if (is_for(&kept_rows[i], reader, policy))
			return &kept_rows[i];
	row = &kept_rows[next];
	next = (next + 1) % KEPT_ROWS;
	make_members(row, reader, policy);
	return row;
}

/* Values whose output may raise an error, in one subtransaction, or one more for each that does. */
typedef struct Others
{
	const RowMembers *row;
	char	  **text;			/* by member */
	int			at;
} Others;

static void
print_others(void *arg)
{
	Others	   *others = arg;
	const RowMembers *row = others->row;

	for (; others->at < row->n; others->at++)
	{
		Member	   *member = &row->members[others->at];
		Datum		value = row->values[member->attno];

		if (!row->others[others->at] || (member->varlena && toast_raw_datum_size(value) > OTHER_MAX))
			continue;
		if (member->kind == PRINT_JSON)
			others->text[others->at] = (char *) DatumGetJsonbP(DirectFunctionCall1(jsonb_in, PointerGetDatum(TextDatumGetCString(value))));
		else
			others->text[others->at] = OutputFunctionCall(&member->output, value);
	}
}

/* False whatever it raised. To be cancelled can wait until it is over. */
static bool
try_others(Others *others)
{
	uint32		held = InterruptHoldoffCount;
	bool		ok;

	HOLD_INTERRUPTS();
	ok = attempt_anything(print_others, others, NULL);
	/* an error lets go of all holds */
	InterruptHoldoffCount = held;
	return ok;
}

static void
put_others(TxnWriter *writer, const RowMembers *row)
{
	Others		others = {.row = row,.text = palloc0(sizeof(char *) * row->n)};

	/* in parallel mode there are no subtransactions */
	for (int failures = 0; failures < OTHER_FAILURES && !IsInParallelMode() && !try_others(&others); failures++)
		if (others.at < row->n)
			others.text[others.at++] = NULL;
	for (int i = 0; i < row->n; i++)
	{
		const Member *member = &row->members[i];
		char	   *text = others.text[i];
		int			from = writer->out->len;
		int			value;
		bool		ok;

		if (!row->others[i])
			continue;
		put_char(writer->out, writer->before);
		put_bytes(writer->out, member->key, member->key_len);
		value = writer->out->len;
		if (text == NULL)
			ok = false;
		else if (member->kind == PRINT_JSON)
			ok = print_datum(writer->out, PRINT_JSONB, NULL, PointerGetDatum(text), member->hash);
		else
			ok = print_text(writer->out, text, strlen(text), member->hash);
		if (!end_member(writer, ok, from, value))
			omit(writer, member->name, member->name_len);
	}
}

static void
put_row(TxnWriter *writer, const Record *record)
{
	const TxnReader *reader = record->reader;
	HeapTupleHeader header = DatumGetHeapTupleHeader(record->txn);
	StringInfo	out = writer->out;
	HeapTupleData tuple;
	RowMembers *row;
	int			others = 0;

	/* it was read with this reader */
	Assert(HeapTupleHeaderGetTypeId(header) == reader->row_type);
	Assert(HeapTupleHeaderGetTypMod(header) == reader->row_typmod);
	row = row_members(reader, record->policy);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, reader->desc, row->values, row->nulls);
	for (int i = 0; i < row->n; i++)
	{
		Member	   *member = &row->members[i];
		int			from = out->len;
		int			value;
		bool		ok = true;

		row->others[i] = member->kind > PRINT_OUTPUT && !row->nulls[member->attno];
		if (row->others[i])
		{
			others++;
			continue;
		}
		if (is_full(writer))
		{
			omit(writer, member->name, member->name_len);
			continue;
		}
		put_char(out, writer->before);
		put_bytes(out, member->key, member->key_len);
		value = out->len;
		if (row->nulls[member->attno])
			PUT(out, "null");
		else
			ok = print_datum(out, member->kind, &member->output, row->values[member->attno], member->hash);
		if (!end_member(writer, ok, from, value))
			omit(writer, member->name, member->name_len);
	}
	if (others > 0)
		put_others(writer, row);
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
	for (; !is_full(writer) && JsonbIteratorNext(&it, &key, true) == WJB_KEY; left--)
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
		if (!end_member(writer, ok, from, at))
			omit(writer, key.val.string.val, key.val.string.len);
	}
	/* where it is full; those to be dropped are counted with them */
	if (is_full(writer))
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
	if (record->txn_null || rules.settings.nfields == 0)
		return JOURNAL_FIELD_KEEP;
	if (reader->type != RECORDOID)
	{
		const char *name = policy_str(record->policy, record->policy->columns[COL_TXN_ID]);

		return name == NULL ? rules.column[COL_TXN_ID] : rule_of_name(record->policy, name);
	}
	return row_members(reader, record->policy)->txn_id;
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
		put_row(&writer, record);
	else
		put_object(&writer, record);
	if (writer.omitted > 0)
		put_omitted(&writer);
	if (writer.before == '{')
		put_char(out, '{');
	put_char(out, '}');
}
