/*-------------------------------------------------------------------------
 *
 * policy_type.c
 *	  The type fraud_rules: YAML in and out, equality, and what other
 *	  functions need to take a policy as an argument.
 *
 * The datum is the image of policy.h. Input is YAML over the shipped default,
 * output is the canonical YAML of the whole policy; the binary form is the
 * text form, so that images are only ever made by policy_read(). An image that
 * comes from storage is checked before anything follows its offsets.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "nodes/primnodes.h"
#include "pgtime.h"
#include "utils/builtins.h"

#include "config/config_file.h"
#include "config/yaml_server.h"
#include "core/compat.h"
#include "policy/policy_active.h"
#include "policy/policy_type.h"

PG_FUNCTION_INFO_V1(fraud_rules_in);
PG_FUNCTION_INFO_V1(fraud_rules_out);
PG_FUNCTION_INFO_V1(fraud_rules_recv);
PG_FUNCTION_INFO_V1(fraud_rules_send);
PG_FUNCTION_INFO_V1(fraud_rules_eq);
PG_FUNCTION_INFO_V1(fraud_rules_ne);
PG_FUNCTION_INFO_V1(fraud_rules_hash_int4);
PG_FUNCTION_INFO_V1(fraud_rules_hash_int8);
PG_FUNCTION_INFO_V1(fraud_rules_hash);
PG_FUNCTION_INFO_V1(fraud_rules_set);

/* ---- images ---- */

const Policy *
policy_from_datum(Datum value)
{
	struct varlena *raw = PG_DETOAST_DATUM(value);
	const Policy *policy = (const Policy *) raw;

	if (!policy_image_ok(raw, VARSIZE(raw)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid fraud policy image"),
				 errdetail("The stored bytes are damaged or were not written by this extension.")));
	if (policy->version != POLICY_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("fraud policy has image version %u, this library reads version %d",
						policy->version, POLICY_VERSION),
				 errhint("Store the policy again from its YAML.")));
	return policy;
}

/* Whether the argument is a constant of the plan. */
static bool
is_constant(FmgrInfo *flinfo, int argno)
{
	List	   *args;

	if (flinfo->fn_expr == NULL || !IsA(flinfo->fn_expr, FuncExpr))
		return false;
	args = ((FuncExpr *) flinfo->fn_expr)->args;
	return argno < list_length(args) && IsA(list_nth(args, argno), Const);
}

const Policy *
policy_arg(FunctionCallInfo fcinfo, int argno, PolicyArg *arg)
{
	const void *datum;
	const Policy *policy;
	Size		size;

	if (PG_ARGISNULL(argno))
		return policy_active();
	if (arg == NULL)
		return policy_from_datum(PG_GETARG_DATUM(argno));
	datum = DatumGetPointer(PG_GETARG_DATUM(argno));
	if (arg->constant != NULL && arg->constant == datum)
		return arg->constant;

	policy = (const Policy *) PG_DETOAST_DATUM(PG_GETARG_DATUM(argno));
	size = VARSIZE(policy);
	if (arg->copy != NULL && VARSIZE(arg->copy) == size && memcmp(arg->copy, policy, size) == 0)
		return arg->copy;

	policy = policy_from_datum(PointerGetDatum(policy));
	if ((const void *) policy == datum && is_constant(fcinfo->flinfo, argno))
		arg->constant = policy;
	else
	{
		if (arg->copy != NULL)
			pfree(arg->copy);
		arg->copy = NULL;
		arg->copy = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, size);
		memcpy(arg->copy, policy, size);
		policy = arg->copy;
	}
	return policy;
}

/* ---- input and output ---- */

static Policy *
read_text(const char *text, size_t len, YamlError *error)
{
	const char *utf8 = yaml_from_server(text, &len);
	Policy	   *policy;

	policy = policy_read(utf8, len, policy_default(), false, policy_zone_ok, error);
	if (policy != NULL)
	{
		SET_VARSIZE(policy, policy->size);
		policy_check_custom(policy);
	}
	return policy;
}

char *
policy_text(const Policy *policy)
{
	size_t		len;
	char	   *utf8 = policy_write(policy, &len);

	return pg_any_to_server(utf8, (int) len, PG_UTF8);
}

Datum
fraud_rules_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	YamlError	error;
	Policy	   *policy = read_text(text, strlen(text), &error);

	if (policy == NULL)
		ereturn(FRAUD_ESCONTEXT(fcinfo), (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 yaml_errmsg("fraud policy", &error), yaml_errdetail(&error), yaml_errhint(&error)));
	PG_RETURN_POINTER(policy);
}

Datum
fraud_rules_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(policy_text(policy_from_datum(PG_GETARG_DATUM(0))));
}

Datum
fraud_rules_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	const char *text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	YamlError	error;
	Policy	   *policy = read_text(text, len, &error);

	if (policy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 yaml_errmsg("fraud policy", &error), yaml_errdetail(&error), yaml_errhint(&error)));
	PG_RETURN_POINTER(policy);
}

Datum
fraud_rules_send(PG_FUNCTION_ARGS)
{
	const char *text = policy_text(policy_from_datum(PG_GETARG_DATUM(0)));
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, text, (int) strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ---- equality ---- */

static bool
same(const Policy *a, const Policy *b)
{
	const size_t start = offsetof(Policy, version);	/* not the varlena header */

	return a->hash == b->hash && a->size == b->size &&
		memcmp((const char *) a + start, (const char *) b + start, a->size - start) == 0;
}

Datum
fraud_rules_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same(policy_from_datum(PG_GETARG_DATUM(0)),
						policy_from_datum(PG_GETARG_DATUM(1))));
}

Datum
fraud_rules_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same(policy_from_datum(PG_GETARG_DATUM(0)),
						 policy_from_datum(PG_GETARG_DATUM(1))));
}

Datum
fraud_rules_hash_int4(PG_FUNCTION_ARGS)
{
	const Policy *policy = policy_from_datum(PG_GETARG_DATUM(0));

	return hash_any((const unsigned char *) &policy->hash, sizeof(policy->hash));
}

Datum
fraud_rules_hash_int8(PG_FUNCTION_ARGS)
{
	const Policy *policy = policy_from_datum(PG_GETARG_DATUM(0));

	return hash_any_extended((const unsigned char *) &policy->hash, sizeof(policy->hash),
							 PG_GETARG_INT64(1));
}

/* ---- functions ---- */

Datum
fraud_rules_hash(PG_FUNCTION_ARGS)
{
	char		hash[CONFIG_HASH_CHARS + 1];

	config_hash_text(policy_from_datum(PG_GETARG_DATUM(0))->hash, hash);
	PG_RETURN_TEXT_P(cstring_to_text(hash));
}

Datum
fraud_rules_set(PG_FUNCTION_ARGS)
{
	const Policy *policy = policy_from_datum(PG_GETARG_DATUM(0));
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(2));
	size_t		path_len = strlen(path);
	size_t		value_len = strlen(value);
	YamlError	error;
	Policy	   *result;

	result = policy_set(policy, yaml_from_server(path, &path_len),
						yaml_from_server(value, &value_len), policy_zone_ok, &error);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 error.line > 0 ?
				 errmsg("cannot set \"%s\" at line %d, column %d of the value: %s", path,
						error.line, error.column, yaml_message(error.message)) :
				 errmsg("cannot set \"%s\": %s", path, yaml_message(error.message)),
				 yaml_errdetail(&error), yaml_errhint(&error)));
	SET_VARSIZE(result, result->size);
	policy_check_custom(result);
	PG_RETURN_POINTER(result);
}
