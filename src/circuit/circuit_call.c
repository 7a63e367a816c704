/*-------------------------------------------------------------------------
 *
 * circuit_call.c
 *	  SQL: circuit_call(), a guarded call (guarded_call.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "circuit/circuit_sql.h"
#include "circuit/guarded_call.h"
#include "core/compat.h"

/* The function is what it must be, and the caller may call it. True: it is strict. */
static bool
check_function(Oid fn)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fn));
	FmgrInfo	function;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no function with OID %u", fn)));
	if (!guarded_shape(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("circuit_call() cannot call %s", format_procedure(fn)),
				 errhint("It calls functions of one argument, jsonb, that return jsonb.")));
	ReleaseSysCache(tuple);
	if (!MAY_EXECUTE(fn))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(fn));
	fmgr_info(fn, &function);	/* a library that cannot be loaded is no failure of the service */
	return function.fn_strict;
}

/* circuit_call(name, fn, arg, timeout, attempts) */
PG_FUNCTION_INFO_V1(circuit_call);
Datum
circuit_call(PG_FUNCTION_ARGS)
{
	GuardedRequest request = {0};
	GuardedAnswer answer;
	text	   *name;
	Circuit    *c;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and function must not be NULL")));
	circuits_ready();
	request.function = PG_GETARG_OID(1);
	request.null_arg = PG_ARGISNULL(2);
	if (check_function(request.function) && request.null_arg)
		PG_RETURN_NULL();
	if (!request.null_arg)
		request.arg = PG_GETARG_DATUM(2);
	name = PG_GETARG_TEXT_PP(0);
	c = circuit_find_or_make(VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name));
	if (c == NULL)
	{
		circuit_note_no_room(name);
		PG_RETURN_NULL();
	}
	if (!PG_ARGISNULL(3))
	{
		request.timeout = circuit_interval(PG_GETARG_INTERVAL_P(3));
		if (request.timeout <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("timeout must be longer than nothing")));
	}
	if (!PG_ARGISNULL(4))
	{
		request.attempts = PG_GETARG_INT32(4);
		if (request.attempts < 1 || request.attempts > GUARDED_ATTEMPTS_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("attempts must be from 1 to %d", GUARDED_ATTEMPTS_MAX)));
	}

	if (guarded_call(c, &request, &answer) == GUARDED_REFUSED)
	{
		circuit_note_refusal(c, answer.why);
		PG_RETURN_NULL();
	}
	/* an answer that says nothing of the service is one, too: 404 */
	if (answer.value == (Datum) 0)
	{
		circuit_note_failure(c, answer.kind);
		PG_RETURN_NULL();
	}
	circuit_note_success();
	PG_RETURN_DATUM(answer.value);
}
