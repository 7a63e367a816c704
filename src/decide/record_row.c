/*-------------------------------------------------------------------------
 *
 * record_row.c
 *	  The columns of a row in a transaction's record.
 *
 * What is known of a row type, names as JSON, how each column is printed and
 * which rule it has, is kept in the backend for as long as type, rules and
 * binding stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/attempt.h"
#include "core/compat.h"
#include "core/json_put.h"
#include "core/shared_text.h"
#include "decide/record_txn.h"
#include "decide/record_value.h"

/* Binary values of other types: more than this is not printed at all. */
#define OTHER_MAX			(64 * 1024)
#define OTHER_FAILURES		4

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
		row->identifier == reader->row_identifier && row->generation == field_rules.generation &&
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
	JournalFieldRule rule = journal_field_rule(&field_rules.settings, name);

	for (int c = 0; c < TXN_NCOLUMNS; c++)
		if (reader->attno[c] == i)
			rule = Max(rule, field_rules.column[c]);
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
	row->txn_id = field_rules.column[COL_TXN_ID];
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
	row->generation = field_rules.generation;
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
		if (!txn_end_member(writer, ok, from, value))
			txn_omit(writer, member->name, member->name_len);
	}
}

void
txn_put_row(TxnWriter *writer, const Record *record)
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
		if (txn_is_full(writer))
		{
			txn_omit(writer, member->name, member->name_len);
			continue;
		}
		put_char(out, writer->before);
		put_bytes(out, member->key, member->key_len);
		value = out->len;
		if (row->nulls[member->attno])
			PUT(out, "null");
		else
			ok = print_datum(out, member->kind, &member->output, row->values[member->attno], member->hash);
		if (!txn_end_member(writer, ok, from, value))
			txn_omit(writer, member->name, member->name_len);
	}
	if (others > 0)
		put_others(writer, row);
}

JournalFieldRule
txn_id_rule_of_row(const TxnReader *reader, const Policy *policy)
{
	return row_members(reader, policy)->txn_id;
}
