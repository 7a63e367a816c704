/*-------------------------------------------------------------------------
 *
 * policy_check.c
 *	  fraud_check(): what of a relation a policy can use, and which rules.
 *
 * Answers for relations of any kind that has rows of columns, by their column
 * names and types alone: nothing is read from them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "policy/policy_check.h"
#include "policy/policy_type.h"

/* What kinds of types a column may have. */
#define TYPE_TEXT		0x01	/* strings and enums */
#define TYPE_INTEGER	0x02
#define TYPE_NUMBER		0x04	/* numeric and floats */
#define TYPE_MONEY		0x08
#define TYPE_BOOLEAN	0x10
#define TYPE_TIMESTAMP	0x20	/* with and without time zone */
#define TYPE_DATE		0x40
#define TYPE_INET		0x80
#define TYPE_UUID		0x100
#define TYPE_OTHER		0x200

typedef struct ColumnNeeds
{
	int			types;
	const char *sentence;
} ColumnNeeds;

#define AN_ID		{TYPE_INTEGER | TYPE_TEXT | TYPE_UUID | TYPE_NUMBER, "an id is an integer, text or uuid"}
#define AN_AMOUNT	{TYPE_INTEGER | TYPE_NUMBER | TYPE_MONEY | TYPE_TEXT, "an amount is a number"}
#define A_WORD		{TYPE_TEXT | TYPE_INTEGER, "text is needed"}
#define A_CODE		{TYPE_TEXT, "text is needed"}
#define A_DEGREE	{TYPE_INTEGER | TYPE_NUMBER | TYPE_TEXT, "a number of degrees is needed"}
#define A_FLAG		{TYPE_BOOLEAN | TYPE_INTEGER | TYPE_NUMBER | TYPE_TEXT, "a boolean is needed"}

static const ColumnNeeds column_needs[TXN_NCOLUMNS] = {
	[COL_TXN_ID] = AN_ID,
	[COL_CUSTOMER_ID] = AN_ID,
	[COL_CARD_ID] = AN_ID,
	[COL_AMOUNT] = AN_AMOUNT,
	[COL_CURRENCY] = A_CODE,
	[COL_OCCURRED_AT] = {TYPE_TIMESTAMP | TYPE_DATE | TYPE_TEXT, "a timestamp is needed"},
	[COL_COUNTRY] = A_CODE,
	[COL_HOME_COUNTRY] = A_CODE,
	[COL_LAT] = A_DEGREE,
	[COL_LON] = A_DEGREE,
	[COL_HOME_LAT] = A_DEGREE,
	[COL_HOME_LON] = A_DEGREE,
	[COL_CHANNEL] = A_WORD,
	[COL_MERCHANT_ID] = AN_ID,
	[COL_MERCHANT_CATEGORY] = A_WORD,
	[COL_MCC] = {TYPE_TEXT | TYPE_INTEGER | TYPE_NUMBER, "four digits are needed"},
	[COL_IP] = {TYPE_INET | TYPE_TEXT, "an inet or text is needed"},
	[COL_STATUS] = A_WORD,
	[COL_DECLINED] = A_FLAG,
	[COL_TIMEZONE] = A_CODE,
	[COL_DAILY_LIMIT] = AN_AMOUNT,
	[COL_WEEKLY_LIMIT] = AN_AMOUNT,
	[COL_IS_FRAUD] = A_FLAG
};

/* What a relation has of the columns. */
typedef struct Found
{
	const Policy *policy;
	uint32		present;
	uint32		usable;
	bool		date_only;		/* occurred_at is a date */
	char	   *detail[TXN_NCOLUMNS];
} Found;

PG_FUNCTION_INFO_V1(fraud_check);

/* ---- names ---- */

/* The name a policy has for a column, in the server's encoding. */
static char *
column_name(const Policy *policy, TxnColumn c)
{
	if (policy != NULL && policy_str(policy, policy->columns[c]) != NULL)
		return yaml_text(policy_str(policy, policy->columns[c]), policy->columns[c].len);
	return pstrdup(txn_column_names[c]);
}

int
policy_rule_needs(const RuleDef *def, uint32 *needs)
{
	static const uint32 keys[] = {
		[HISTORY_NONE] = 0,
		[HISTORY_CUSTOMER] = COL_BIT(COL_CUSTOMER_ID),
		[HISTORY_IP] = COL_BIT(COL_IP),
		[HISTORY_MERCHANT] = COL_BIT(COL_MERCHANT_ID)
	};
	uint32		key = def->need == HISTORY_EASES ? 0 : keys[def->history];
	int			n = 0;
	int			i;

	for (i = 0; i < RULE_MAX_NEEDS && def->needs[i] != 0; i++)
		if (def->needs[i] == key)
			key = 0;
	if (key != 0)
		needs[n++] = key;
	for (i = 0; i < RULE_MAX_NEEDS && def->needs[i] != 0; i++)
		needs[n++] = def->needs[i];
	return n;
}

char *
policy_needs_text(uint32 columns, const Policy *policy, const char *separator)
{
	StringInfoData buf;
	int			c;

	initStringInfo(&buf);
	for (c = 0; c < TXN_NCOLUMNS; c++)
		if (columns & COL_BIT(c))
			appendStringInfo(&buf, "%s%s", buf.len > 0 ? separator : "",
							 column_name(policy, (TxnColumn) c));
	return buf.data;
}

/* ---- columns ---- */

static int
type_kind(Oid type)
{
	char		category;
	bool		preferred;

	type = getBaseType(type);
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return TYPE_INTEGER;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return TYPE_NUMBER;
		case MONEYOID:
			return TYPE_MONEY;
		case BOOLOID:
			return TYPE_BOOLEAN;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return TYPE_TIMESTAMP;
		case DATEOID:
			return TYPE_DATE;
		case INETOID:
		case CIDROID:
			return TYPE_INET;
		case UUIDOID:
			return TYPE_UUID;
		default:
			get_type_category_preferred(type, &category, &preferred);
			return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM ?
				TYPE_TEXT : TYPE_OTHER;
	}
}

static void
find_column(Found *found, TupleDesc desc, TxnColumn c)
{
	char	   *name = column_name(found->policy, c);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		char	   *type;
		int			kind;

		if (att->attisdropped || strcmp(NameStr(att->attname), name) != 0)
			continue;
		type = format_type_with_typemod(att->atttypid, att->atttypmod);
		kind = type_kind(att->atttypid);
		found->present |= COL_BIT(c);
		if (kind & column_needs[c].types)
		{
			found->usable |= COL_BIT(c);
			found->detail[c] = psprintf("%s %s", name, type);
			if (c == COL_OCCURRED_AT)
				found->date_only = kind == TYPE_DATE;
		}
		else
			found->detail[c] = psprintf("%s has type %s: %s", name, type,
										column_needs[c].sentence);
		return;
	}
	found->detail[c] = psprintf("no such column: %s", name);
}

static void
find_columns(Found *found, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	int			c;

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
				aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
							   RelationGetRelationName(rel));
			break;
		case RELKIND_COMPOSITE_TYPE:
			break;				/* holds nothing to select */
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a table, view or composite type",
							RelationGetRelationName(rel))));
	}
	for (c = 0; c < TXN_NCOLUMNS; c++)
		find_column(found, RelationGetDescr(rel), (TxnColumn) c);
	relation_close(rel, AccessShareLock);
}

/* ---- rules ---- */

static void
add(StringInfo buf, const char *text)
{
	appendStringInfo(buf, "%s%s", buf->len > 0 ? ", " : "", text);
}

/* Whether a rule can run; *detail says what it reads, or why not. */
static bool
rule_runs(const Found *found, RuleId id, char **detail)
{
	const PolicyRule *rule = &found->policy->rules[id];
	uint32		needs[RULE_MAX_NEEDS + 1];
	int			n = policy_rule_needs(&rule_defs[id], needs);
	StringInfoData reads;
	StringInfoData missing;
	StringInfoData wrong;
	int			i;

	if (!rule->enabled)
	{
		*detail = "disabled by policy";
		return false;
	}
	initStringInfo(&reads);
	initStringInfo(&missing);
	initStringInfo(&wrong);
	for (i = 0; i < n; i++)
	{
		if (needs[i] & found->usable)
			add(&reads, policy_needs_text(needs[i] & found->usable, found->policy, ", "));
		else if (needs[i] & found->present)
			add(&wrong, policy_needs_text(needs[i] & found->present, found->policy, ", "));
		else
			add(&missing, policy_needs_text(needs[i], found->policy, " or "));
	}
	if (missing.len > 0 || wrong.len > 0)
	{
		*detail = psprintf("%s%s%s%s%s",
						   missing.len > 0 ? "no such column: " : "", missing.data,
						   missing.len > 0 && wrong.len > 0 ? "; " : "",
						   wrong.len > 0 ? "type cannot be used: " : "", wrong.data);
		return false;
	}
	if (found->date_only &&
		(id == RULE_VELOCITY_10M || id == RULE_VELOCITY_SUSTAINED || id == RULE_UNUSUAL_HOUR))
	{
		*detail = psprintf("%s has no time of day",
						   column_name(found->policy, COL_OCCURRED_AT));
		return false;
	}
	*detail = psprintf("reads %s%s", reads.data,
					   rule->shadow ? "; shadow: adds no points" : "");
	return true;
}

static void
put_row(ReturnSetInfo *rsinfo, const char *kind, const char *name, bool found,
		const char *detail)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(kind);
	values[1] = CStringGetTextDatum(name);
	values[2] = BoolGetDatum(found);
	values[3] = CStringGetTextDatum(detail);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
fraud_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Found		found = {0};
	PolicyArg	arg = {0};
	char	   *detail;
	uint32		i;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be null")));
	found.policy = policy_arg(fcinfo, 1, &arg);
	find_columns(&found, PG_GETARG_OID(0));

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; i < TXN_NCOLUMNS; i++)
		put_row(rsinfo, "column", txn_column_names[i],
				(found.usable & COL_BIT(i)) != 0, found.detail[i]);
	for (i = 0; i < NRULES; i++)
	{
		bool		runs = rule_runs(&found, (RuleId) i, &detail);

		put_row(rsinfo, "rule", rule_defs[i].name, runs, detail);
	}
	for (i = 0; i < found.policy->custom.n; i++)
	{
		const PolicyCustom *custom =
			&policy_array(found.policy, found.policy->custom, PolicyCustom)[i];

		put_row(rsinfo, "rule",
				yaml_text(policy_str(found.policy, custom->name), custom->name.len),
				custom->enabled,
				!custom->enabled ? "disabled by policy" :
				custom->shadow ? "reads the features; shadow: adds no points" :
				"reads the features");
	}
	return (Datum) 0;
}
