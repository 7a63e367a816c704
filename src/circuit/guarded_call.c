/*-------------------------------------------------------------------------
 *
 * guarded_call.c
 *	  SQL: circuit_call(), a function behind a circuit, with a timeout of its
 *	  own and retries.
 *
 * Each attempt runs in a subtransaction, so what failed leaves nothing behind
 * and the caller's transaction goes on. No lock of ours is held meanwhile.
 *
 * The timeout raises a cancel, which acts where PostgreSQL looks for one.
 * Foreign code that blocks without looking needs a timeout of its own. What
 * is not ours passes: a cancel by the user, statement_timeout, the end of the
 * session or the server, lack of memory, serialization failures, deadlocks.
 * Cancels by others come as SIGINT, ours do not: a handler before PostgreSQL's
 * own counts them.
 *
 * Waits and the deadline go by the extension's clock. The timer is
 * PostgreSQL's, and goes by the system's.
 *
 * Waits between attempts: exponential with full jitter, after M. Brooker,
 * "Exponential Backoff and Jitter" (AWS, 2015).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/regproc.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "circuit/circuit_sql.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"

#define ATTEMPTS_MAX		10

/* ---- the timeout ---- */

/* Calls that run, one inside the other. */
typedef struct Guard
{
	TimestampTz ends;			/* on the wall clock, as timers are */
	int			fired;			/* `timer_fired` when it began */
	int			cancels;		/* `cancels` when it began */
	struct Guard *outer;
} Guard;

static Guard *innermost;
static TimeoutId timer;
static bool watching;
static volatile sig_atomic_t timer_fired;	/* so often */
static volatile sig_atomic_t cancels;	/* by others, so often */
static struct sigaction handler_before;

static void
time_is_up(void)
{
	timer_fired++;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
cancel_came(SIGNAL_ARGS)
{
	cancels++;
	if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN)
		handler_before.sa_handler(postgres_signal_arg);
}

static void
watch(void)
{
	struct sigaction handler;

	timer = RegisterTimeout(USER_TIMEOUT, time_is_up);
	/* not by pqsignal(), which does not tell what was before on all versions */
	memset(&handler, 0, sizeof(handler));
	handler.sa_handler = cancel_came;
	sigemptyset(&handler.sa_mask);
	handler.sa_flags = SA_RESTART;
	(void) sigaction(SIGINT, &handler, &handler_before);
	watching = true;
}

/* Sets the timer to the first of the calls that run to be over. */
static void
set_timer(void)
{
	TimestampTz first = PG_INT64_MAX;
	Guard	   *g;

	for (g = innermost; g != NULL; g = g->outer)
		first = Min(first, g->ends);
	if (innermost != NULL)
		enable_timeout_at(timer, first);
}

static void
guard_begin(Guard *guard, int64 timeout)
{
	if (!watching)
		watch();
	disable_timeout(timer, false);
	guard->outer = innermost;
	guard->ends = GetCurrentTimestamp() + Max(timeout, 1000);
	guard->fired = timer_fired;
	guard->cancels = cancels;
	innermost = guard;
	set_timer();
}

/* True: its time was up, and nobody else has canceled. Takes our cancel back where it comes too late. */
static bool
guard_end(Guard *guard)
{
	bool		ours;

	disable_timeout(timer, false);	/* first: it fires no more */
	ours = timer_fired != guard->fired && cancels == guard->cancels;
	if (ours)
		QueryCancelPending = false;
	innermost = guard->outer;
	/* where an outer call's time is up as well, it fires at once */
	set_timer();
	return ours && GetCurrentTimestamp() >= guard->ends;
}

/* ---- one attempt ---- */

typedef struct Attempt
{
	Datum		value;			/* jsonb of the caller's context; 0: none */
	bool		retry;			/* trying again may help */
	char		kind[CIRCUIT_KIND_MAX];
	char		error[CIRCUIT_ERROR_MAX];	/* UTF-8 */
	CallEnd		end;
} Attempt;

static void
failed(Attempt *a, CallResult result, const char *kind, bool retry)
{
	a->end.result = result;
	strlcpy(a->kind, kind, sizeof(a->kind));
	a->end.kind = a->kind;
	a->retry = retry;
	a->value = (Datum) 0;
}

static bool
json_number_of(Jsonb *object, const char *key, double *value)
{
	JsonbValue	found;

	if (!JB_ROOT_IS_OBJECT(object) ||
		getKeyJsonValueFromContainer(&object->root, key, (int) strlen(key), &found) == NULL ||
		found.type != jbvNumeric)
		return false;
	*value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(found.val.numeric)));
	return true;
}

/* What an answer says: a status of HTTP, where it has one. */
static void
judge_answer(Attempt *a)
{
	Jsonb	   *answer = DatumGetJsonbP(a->value);
	double		number;

	a->end.result = CALL_SUCCESS;
	if ((!json_number_of(answer, "http_status", &number) && !json_number_of(answer, "status", &number)) ||
		number < 100 || number > 599)
		return;
	traffic_http((int) number, &a->end, a->kind, sizeof(a->kind));
	a->retry = a->end.result == CALL_FAILURE || (int) number == 408;
	if (json_number_of(answer, "retry_after", &number) && number > 0)
		a->end.retry_after = (int64) (Min(number, 86400) * 1000000);
	if (a->end.result == CALL_FAILURE)
		a->value = (Datum) 0;
}

/* Errors that are not ours to swallow. */
static bool
must_pass(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_DATABASE_DROPPED:
		case ERRCODE_OUT_OF_MEMORY:
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return true;
		default:
			return false;
	}
}

static void
judge_error(Attempt *a, int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_CONNECTION_EXCEPTION:
			failed(a, CALL_FAILURE, "connection", true);
			return;
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
			/* the caller's own mistake says nothing about the service */
			failed(a, CALL_IGNORE, unpack_sql_state(sqlstate), false);
			return;
		default:
			break;
	}
	failed(a, CALL_FAILURE, unpack_sql_state(sqlstate),
		   sqlstate == ERRCODE_CANNOT_CONNECT_NOW || sqlstate == ERRCODE_TOO_MANY_CONNECTIONS ||
		   sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		   sqlstate == ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION);
	if (sqlstate == ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION)
		strlcpy(a->kind, "connection", sizeof(a->kind));
}

static void
note_error(Attempt *a, const ErrorData *error)
{
	shared_text_store(a->error, sizeof(a->error), error->message != NULL ? error->message : "");
	a->end.error = a->error;
}

static void
run_attempt(Attempt *a, FmgrInfo *function, Datum arg, bool null_arg, int64 timeout, int64 ticket)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Guard		guard;
	volatile bool guarded = true;

	memset(a, 0, sizeof(*a));
	a->end.latency = -1;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	guard_begin(&guard, timeout);
	PG_TRY();
	{
		LOCAL_FCINFO(fcinfo, 1);
		Datum		value;

		InitFunctionCallInfoData(*fcinfo, function, 1, DEFAULT_COLLATION_OID, NULL, NULL);
		fcinfo->args[0].value = arg;
		fcinfo->args[0].isnull = null_arg;
		value = FunctionCallInvoke(fcinfo);
		MemoryContextSwitchTo(caller);
		if (!fcinfo->isnull)
			a->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		guarded = false;
		if (guard_end(&guard))
			failed(a, CALL_FAILURE, "timeout", true);
		else if (a->value == (Datum) 0)
			failed(a, CALL_FAILURE, "no answer", false);
		else
			judge_answer(a);
		/* what failed leaves nothing behind, an answer or not */
		if (a->end.result == CALL_FAILURE || a->retry)
			RollbackAndReleaseCurrentSubTransaction();
		else
			ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		bool		over = false;

		/* first: it must not outlive this frame */
		if (guarded)
			over = guard_end(&guard);
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;

		if (over && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			failed(a, CALL_FAILURE, "timeout", true);
		else if (must_pass(error->sqlerrcode))
		{
			CallEnd		ignore = {.result = CALL_IGNORE, .latency = -1};

			(void) traffic_finish(ticket, &ignore);
			ReThrowError(error);
		}
		else
		{
			judge_error(a, error->sqlerrcode);
			note_error(a, error);
			if (a->end.result == CALL_IGNORE)
				ereport(WARNING,
						(errcode(error->sqlerrcode),
						 errmsg("circuit_call() of a function failed: %s", error->message),
						 errhint("The circuit does not count this: it says nothing about the service.")));
		}
		FreeErrorData(error);
	}
	PG_END_TRY();
}

/* ---- retries ---- */

/* Whether calls are admitted still, and the budget has one more. */
static bool
may_retry(Circuit *c)
{
	bool		may;

	if (WORD_SHORTCUT(pg_atomic_read_u64(&c->word)) == SHORTCUT_REFUSE)
		return false;
	circuit_lock(c);
	may = machine_budget_retry(&c->machine, &c->config, clock_now());
	circuit_unlock_unchanged(c);
	return may;
}

/* -1: the service asks for more than any wait may be. */
static int64
wait_before(const CircuitConfig *config, int attempt, int64 retry_after)
{
	int64		most = config->retry_base;
	int			i;

	for (i = 1; i < attempt && most < config->retry_cap; i++)
		most *= 2;
	most = Min(most, config->retry_cap);
	if (retry_after > config->retry_cap)
		return -1;
	return Max((int64) (pg_prng_double(&pg_global_prng_state) * most), retry_after);
}

static void
wait_for(int64 microseconds)
{
	int64		end = clock_now() + microseconds;

	for (;;)
	{
		int64		left = end - clock_now();

		CHECK_FOR_INTERRUPTS();
		if (left <= 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) (Min(left, microseconds) + 999) / 1000, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* ---- SQL ---- */

/* The function is what it must be, and the caller may call it. */
static bool
check_function(Oid fn)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fn));
	Form_pg_proc proc;
	bool		strict;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no function with OID %u", fn)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	strict = proc->proisstrict;
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset || proc->prorettype != JSONBOID ||
		proc->pronargs != 1 || proc->proargtypes.values[0] != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("circuit_call() cannot call %s", format_procedure(fn)),
				 errhint("It calls functions of one argument, jsonb, that return jsonb.")));
	ReleaseSysCache(tuple);
	if (!MAY_EXECUTE(fn))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(fn));
	return strict;
}

/* circuit_call(name, fn, arg, timeout, attempts) */
PG_FUNCTION_INFO_V1(circuit_call);
Datum
circuit_call(PG_FUNCTION_ARGS)
{
	text	   *name;
	bool		null_arg = PG_ARGISNULL(2);
	Datum		arg = null_arg ? (Datum) 0 : PG_GETARG_DATUM(2);
	CircuitConfig config;
	FmgrInfo	function;
	Circuit    *c;
	int64		timeout;
	int64		deadline;
	int			attempts;
	int			n;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and function must not be NULL")));
	circuits_ready();
	if (check_function(PG_GETARG_OID(1)) && null_arg)
		PG_RETURN_NULL();
	name = PG_GETARG_TEXT_PP(0);
	c = circuit_find_or_make(VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name));
	if (c == NULL)
	{
		circuit_note_no_room(name);
		PG_RETURN_NULL();
	}
	circuit_lock(c);
	config = c->config;
	machine_budget_call(&c->machine, &c->config, clock_now());
	circuit_unlock_unchanged(c);

	/* one beyond the circuit's would count as a failure before it is over */
	timeout = PG_ARGISNULL(3) ? config.timeout : Min(circuit_interval(PG_GETARG_INTERVAL_P(3)), config.timeout);
	attempts = PG_ARGISNULL(4) ? config.retry_attempts : PG_GETARG_INT32(4);
	if (timeout <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout must be longer than nothing")));
	if (attempts < 1 || attempts > ATTEMPTS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attempts must be from 1 to %d", ATTEMPTS_MAX)));
	fmgr_info(PG_GETARG_OID(1), &function);
	deadline = clock_now() + config.retry_deadline;

	for (n = 1;; n++)
	{
		int64		left = deadline - clock_now();
		int64		ticket;
		int64		wait;
		Attempt		a;
		Admission	why;

		if (!traffic_admit(c, &ticket, &why))
		{
			circuit_note_refusal(c, why);
			PG_RETURN_NULL();
		}
		run_attempt(&a, &function, arg, null_arg, Max(Min(timeout, left), 0), ticket);
		(void) traffic_finish(ticket, &a.end);
		wait = a.retry && n < attempts ? wait_before(&config, n, a.end.retry_after) : 0;
		if (!a.retry || n == attempts || wait < 0 || clock_now() + wait >= deadline || !may_retry(c))
		{
			if (a.value != (Datum) 0)
			{
				circuit_note_success();
				PG_RETURN_DATUM(a.value);
			}
			circuit_note_failure(c, a.kind);
			PG_RETURN_NULL();
		}
		wait_for(wait);
	}
}
