/*-------------------------------------------------------------------------
 *
 * custom.c
 *	  Rules of the user's own: SQL boolean expressions over the features.
 *
 * PostgreSQL parses, types and evaluates them. What an expression may hold is
 * kept small enough that it is the same everywhere and cannot hurt: the
 * columns of fraud_features, numbers, booleans and text, and built-in
 * immutable functions and operators, found with search_path = pg_catalog.
 *
 * Evaluation errors (division by zero) make the rule's status `error` and
 * nothing else. They are caught without a subtransaction, which parallel
 * workers could not start: built-in immutable functions over these types hold
 * neither locks nor pins nor catalog state, so there is nothing to roll back.
 * Only data exceptions (class 22) are caught; a cancel passes. Policies are
 * compiled once when they come in, where an error is an ordinary one; should a
 * stored one no longer compile, its rule has status `error` too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "score/custom.h"
#include "score/feature_columns.h"

/* Compiled expressions of one policy, kept with a call site. */
typedef struct CustomRules
{
	MemoryContext context;
	uint64		policy_hash;
	ExprContext *econtext;
	ParamListInfo params;
	ExprState  *expressions[POLICY_MAX_CUSTOM];	/* NULL: could not be compiled */
	Datum	   *values;
	bool	   *nulls;
} CustomRules;

/* A column name is a feature; everything else is an error of the parser. */
static Node *
feature_ref(ParseState *pstate, ColumnRef *ref)
{
	Param	   *param;
	int			i;

	if (!IsA(llast(ref->fields), String))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("custom rule cannot use *"),
				 parser_errposition(pstate, ref->location)));
	if (list_length(ref->fields) != 1)
		return NULL;
	for (i = 0; i < features_ncolumns(); i++)
	{
		if (strcmp(strVal(linitial(ref->fields)), feature_column(i)->name) != 0)
			continue;
		param = makeNode(Param);
		param->paramkind = PARAM_EXTERN;
		param->paramid = i + 1;
		param->paramtype = feature_column(i)->type;
		param->paramtypmod = -1;
		param->paramcollid = param->paramtype == TEXTOID ? C_COLLATION_OID : InvalidOid;
		param->location = ref->location;
		return (Node *) param;
	}
	return NULL;
}

static bool
not_builtin(Oid function, void *context)
{
	return function >= FirstUnpinnedObjectId;
}

/* Whether a type is one that expressions may compute with. */
static bool
plain_type(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case BOOLARRAYOID:
		case INT2ARRAYOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case FLOAT4ARRAYOID:
		case FLOAT8ARRAYOID:
		case NUMERICARRAYOID:
		case TEXTARRAYOID:
			return true;
		default:
			return false;
	}
}

/* Everything that is not named here is forbidden. */
static bool
forbidden(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_CaseWhen:
			break;				/* no values themselves */
		case T_Param:			/* a feature */
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_ArrayExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
			if (!plain_type(exprType(node)))
				return true;
			break;
		default:
			return true;
	}
	if (check_functions_in_node(node, not_builtin, NULL))
		return true;
	return expression_tree_walker(node, forbidden, context);
}

/* Parses one expression; errors are PostgreSQL's own, with their position. */
static Expr *
compile(const char *text)
{
	ParseState *pstate = make_parsestate(NULL);
	List	   *raw;
	SelectStmt *select;
	Node	   *expr;

	pstate->p_sourcetext = text;
	pstate->p_pre_columnref_hook = feature_ref;
	raw = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	select = (SelectStmt *) linitial_node(RawStmt, raw)->stmt;
	if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
		select->fromClause != NIL || select->whereClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->sortClause != NIL ||
		select->limitCount != NULL || select->limitOffset != NULL ||
		select->lockingClause != NIL || select->distinctClause != NIL ||
		select->withClause != NULL || select->op != SETOP_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("custom rule is not a single expression")));
	expr = transformExpr(pstate, linitial_node(ResTarget, select->targetList)->val, EXPR_KIND_OTHER);
	expr = coerce_to_boolean(pstate, expr, "custom rule");
	assign_expr_collations(pstate, expr);
	if (expression_returns_set(expr) || forbidden(expr, NULL) || contain_mutable_functions(expr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("custom rule uses something other than features and simple expressions"),
				 errhint("Allowed are the columns of fraud_features, numbers, booleans, text, and built-in immutable functions and operators.")));
	free_parsestate(pstate);
	return (Expr *) expression_planner((Expr *) expr);
}

static Expr *
compile_safely(const char *text)
{
	Expr	   *expr;
	int			nest = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	expr = compile(text);
	AtEOXact_GUC(true, nest);
	return expr;
}

static void
custom_error_context(void *arg)
{
	errcontext("custom rule \"%s\"", (const char *) arg);
}

static void
custom_check(const Policy *policy)
{
	const PolicyCustom *custom = policy_array(policy, policy->custom, PolicyCustom);
	uint32		i;

	for (i = 0; i < policy->custom.n; i++)
	{
		ErrorContextCallback callback;

		callback.previous = error_context_stack;
		callback.callback = custom_error_context;
		callback.arg = (void *) policy_str(policy, custom[i].name);
		error_context_stack = &callback;
		(void) compile_safely(yaml_text(policy_str(policy, custom[i].when), custom[i].when.len));
		error_context_stack = callback.previous;
	}
}

/*
 * The same without an error, for files read in passing. Parsing looks into
 * catalogs, so a failure is rolled back; outside a transaction, and where no
 * subtransaction can be, the rule's status tells later.
 */
static bool
custom_ok(const Policy *policy, YamlError *error)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = true;

	if (policy->custom.n == 0 || !IsTransactionState() || IsInParallelMode())
		return true;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		custom_check(policy);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *data;

		MemoryContextSwitchTo(old);
		data = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		/* a cancel is nobody's mistake in a file */
		if (data->sqlerrcode == ERRCODE_QUERY_CANCELED || data->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
			data->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
		{
			MemoryContextSwitchTo(old);
			CurrentResourceOwner = owner;
			ReThrowError(data);
		}
		memset(error, 0, sizeof(*error));
		strlcpy(error->message, data->message, sizeof(error->message));
		snprintf(error->detail, sizeof(error->detail), "The place is %s.",
				 data->context != NULL ? data->context : "a custom rule");
		if (data->hint != NULL)
			strlcpy(error->hint, data->hint, sizeof(error->hint));
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	return ok;
}

void
custom_init(void)
{
	policy_check_custom = custom_check;
	policy_custom_ok = custom_ok;
}

void
custom_forget(ScoreCall *call)
{
	if (call->custom == NULL)
		return;
	MemoryContextDelete(call->custom->context);
	call->custom = NULL;
}

static CustomRules *
compile_all(ScoreCall *call)
{
	const Policy *policy = call->policy;
	const PolicyCustom *custom = policy_array(policy, policy->custom, PolicyCustom);
	MemoryContext context;
	MemoryContext old;
	CustomRules *rules;
	uint32		i;

	custom_forget(call);
	context = AllocSetContextCreate(GetMemoryChunkContext(call), "fraud_fallback custom rules",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	rules = palloc0(sizeof(CustomRules));
	rules->context = context;
	rules->policy_hash = policy->hash;
	rules->econtext = CreateStandaloneExprContext();
	rules->values = palloc(sizeof(Datum) * features_ncolumns());
	rules->nulls = palloc(sizeof(bool) * features_ncolumns());
	rules->params = makeParamList(features_ncolumns());
	for (i = 0; i < (uint32) features_ncolumns(); i++)
	{
		rules->params->params[i].ptype = feature_column((int) i)->type;
		rules->params->params[i].pflags = 0;
	}
	rules->econtext->ecxt_param_list_info = rules->params;

	/* a rule that does not compile is an error of that rule only */
	for (i = 0; i < policy->custom.n; i++)
	{
		const char *text = yaml_message(policy_str(policy, custom[i].when));
		int			nest = NewGUCNestLevel();

		(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
		PG_TRY();
		{
			rules->expressions[i] = ExecInitExprWithParams(compile(text), rules->params);
		}
		PG_CATCH();
		{
			ErrorData  *error;

			MemoryContextSwitchTo(context);
			error = CopyErrorData();
			if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
				ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
				ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_FEATURE_NOT_SUPPORTED)
				PG_RE_THROW();
			FlushErrorState();
			rules->expressions[i] = NULL;
		}
		PG_END_TRY();
		AtEOXact_GUC(true, nest);
	}
	MemoryContextSwitchTo(old);
	return rules;
}

static CustomResult
evaluate_one(CustomRules *rules, ExprState *expression)
{
	MemoryContext old = CurrentMemoryContext;
	volatile CustomResult result = CUSTOM_ERROR;

	if (expression == NULL)
		return CUSTOM_ERROR;
	PG_TRY();
	{
		bool		isnull;
		Datum		value = ExecEvalExprSwitchContext(expression, rules->econtext, &isnull);

		result = isnull ? CUSTOM_NULL : DatumGetBool(value) ? CUSTOM_TRUE : CUSTOM_FALSE;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
		FreeErrorData(error);
	}
	PG_END_TRY();
	return result;
}

void
custom_evaluate(ScoreCall *call, CustomResult *results)
{
	CustomRules *rules = call->custom;
	int			i;

	if (rules == NULL || rules->policy_hash != call->policy->hash)
		call->custom = rules = compile_all(call);

	features_values(&call->txn, &call->features, rules->values, rules->nulls);
	for (i = 0; i < features_ncolumns(); i++)
	{
		rules->params->params[i].value = rules->values[i];
		rules->params->params[i].isnull = rules->nulls[i];
	}
	ResetExprContext(rules->econtext);
	for (i = 0; i < (int) call->policy->custom.n; i++)
		results[i] = evaluate_one(rules, rules->expressions[i]);
}
