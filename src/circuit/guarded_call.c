/*-------------------------------------------------------------------------
 *
 * guarded_call.c
 *	  A function behind a circuit, with a timeout of its own and retries; see
 *	  guarded_call.h.
 *
 * Each attempt runs in a subtransaction, so what failed leaves nothing behind
 * and the caller's transaction goes on. No lock of ours is held meanwhile.
 *
 * The timeout raises a cancel, which acts where PostgreSQL looks for one.
 * Foreign code that blocks without looking needs a timeout of its own. What
 * is not ours passes: a cancel by the user, statement_timeout, the end of the
 * session or the server, lack of memory, serialization failures, deadlocks.
 *
 * Cancels by others come as SIGINT: by the user from outside, and
 * statement_timeout and lock_timeout send it to their own process. Ours do
 * not. A handler before PostgreSQL's own counts them, but for lock_timeout,
 * which is an error of its own. SQLSTATE 57014 without any of these is another
 * server's: its statement_timeout by way of dblink, say.
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

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_collation.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "circuit/guarded_call.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"

/* ---- the timeout ---- */

/* Calls that run, one inside the other. */
typedef struct Guard
{
	TimestampTz ends;			/* on the wall clock, as timers are */
	int			fired;			/* `timer_fired` when it began */
	int			cancels;		/* `cancels` when it began */
	struct Guard *outer;
} Guard;

/* Who canceled what ran under a guard. */
typedef enum GuardEnd
{
	GUARD_QUIET,				/* nobody */
	GUARD_OVER,					/* its time was up, and nobody else has */
	GUARD_CANCELED				/* others, or the guard of an outer call */
} GuardEnd;

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
	/* one that ends as lock_timeout: an error like others */
	if (!get_timeout_indicator(LOCK_TIMEOUT, false))
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
	if (QueryCancelPending)
		guard->cancels--;		/* one came before, and acts only now */
	innermost = guard;
	set_timer();
}

/* Takes our cancel back where it comes too late. */
static GuardEnd
guard_end(Guard *guard)
{
	bool		fired;
	bool		others;

	disable_timeout(timer, false);	/* first: it fires no more */
	fired = timer_fired != guard->fired;
	others = cancels != guard->cancels;
	if (fired && !others)
	{
		QueryCancelPending = false;
		(void) get_timeout_indicator(LOCK_TIMEOUT, true);
	}
	innermost = guard->outer;
	/* where an outer call's time is up as well, it fires at once */
	set_timer();
	if (!fired && !others)
		return GUARD_QUIET;
	return !others && GetCurrentTimestamp() >= guard->ends ? GUARD_OVER : GUARD_CANCELED;
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
judge_status(Attempt *a)
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

static void
judge_answer(Attempt *a, const GuardedRequest *request)
{
	const char *kind = "bad answer";

	judge_status(a);
	if (a->end.result == CALL_SUCCESS && request->judge != NULL &&
		!request->judge(a->value, request->judge_arg, &kind))
		failed(a, CALL_FAILURE, kind, false);
}

/*
 * Errors that are not ours to swallow. A cancel of this session is raised by
 * ProcessInterrupts(), in a parallel worker too; we ask both, as handlers of
 * others may have taken the place of ours, and some languages make errors anew.
 */
static bool
must_pass(const ErrorData *error, GuardEnd end, bool quiet)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
			return end != GUARD_QUIET ||
				(error->funcname != NULL && strcmp(error->funcname, "ProcessInterrupts") == 0);
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_DATABASE_DROPPED:
			/* the end of this session is FATAL and does not come here: most are another server's */
		case ERRCODE_OUT_OF_MEMORY:
			return !quiet;
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return !quiet || RecoveryInProgress();
		default:
			return false;
	}
}

static void
judge_error(Attempt *a, int sqlstate)
{
	if (sqlstate == ERRCODE_QUERY_CANCELED)
	{
		failed(a, CALL_FAILURE, "timeout", true);
		return;
	}
	/* another server that has become read-only is out of order; this transaction is not */
	if (sqlstate == ERRCODE_READ_ONLY_SQL_TRANSACTION && XactReadOnly)
	{
		failed(a, CALL_IGNORE, unpack_sql_state(sqlstate), false);
		return;
	}
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
run_attempt(Attempt *a, const GuardedRequest *request, int64 timeout, int64 ticket)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Guard		guard;
	volatile bool guarded = false;

	memset(a, 0, sizeof(*a));
	a->end.latency = -1;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		LOCAL_FCINFO(fcinfo, 1);
		FmgrInfo	function;
		Datum		value;

		/* may load a library, or find that the function is gone */
		fmgr_info(request->function, &function);
		InitFunctionCallInfoData(*fcinfo, &function, 1, DEFAULT_COLLATION_OID, NULL, NULL);
		fcinfo->args[0].value = request->arg;
		fcinfo->args[0].isnull = request->null_arg;
		guard_begin(&guard, timeout);
		guarded = true;
		value = FunctionCallInvoke(fcinfo);
		MemoryContextSwitchTo(caller);
		if (!fcinfo->isnull)
			a->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		guarded = false;
		if (guard_end(&guard) == GUARD_OVER)
			failed(a, CALL_FAILURE, "timeout", true);
		else if (a->value == (Datum) 0)
			failed(a, CALL_FAILURE, "no answer", false);
		else
			judge_answer(a, request);
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
		GuardEnd	end = GUARD_CANCELED;

		/* first: it must not outlive this frame */
		if (guarded)
			end = guard_end(&guard);
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;

		if (end == GUARD_OVER && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			failed(a, CALL_FAILURE, "timeout", true);
		else if (must_pass(error, end, request->quiet))
		{
			CallEnd		ignore = {.result = CALL_IGNORE, .latency = -1};

			(void) traffic_finish(ticket, &ignore);
			ReThrowError(error);
		}
		else
		{
			judge_error(a, error->sqlerrcode);
			note_error(a, error);
			if (a->end.result == CALL_IGNORE && !request->quiet)
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

static GuardedResult
result_of(const Attempt *a)
{
	switch (a->end.result)
	{
		case CALL_SUCCESS:
			return GUARDED_ANSWER;
		case CALL_IGNORE:
			return GUARDED_IGNORED;
		default:
			return GUARDED_FAILED;
	}
}

GuardedResult
guarded_call(Circuit *c, const GuardedRequest *request, GuardedAnswer *answer)
{
	CircuitConfig config;
	int64		timeout;
	int64		deadline;
	int			attempts;

	memset(answer, 0, sizeof(*answer));
	circuit_lock(c);
	config = c->config;
	machine_budget_call(&c->machine, &c->config, clock_now());
	circuit_unlock_unchanged(c);
	/* one beyond the circuit's would count as a failure before it is over */
	timeout = request->timeout > 0 ? Min(request->timeout, config.timeout) : config.timeout;
	attempts = request->attempts > 0 ? Min(request->attempts, GUARDED_ATTEMPTS_MAX) : config.retry_attempts;
	deadline = clock_now() + config.retry_deadline;

	for (;;)
	{
		int64		began = clock_now();
		int64		left = deadline - began;
		int64		wait = 0;
		int64		ticket;
		GuardedResult result;
		Attempt		a;

		if (!traffic_admit(c, &ticket, &answer->why))
		{
			answer->value = (Datum) 0;
			return GUARDED_REFUSED;
		}
		run_attempt(&a, request, Max(Min(timeout, left), 0), ticket);
		result = result_of(&a); /* the circuit may count an answer that was slow as a failure */
		(void) traffic_finish(ticket, &a.end);

		answer->value = a.value;
		strlcpy(answer->kind, a.kind, sizeof(answer->kind));
		strlcpy(answer->error, a.error, sizeof(answer->error));
		answer->latency = clock_now() - began;
		answer->attempts++;
		if (a.retry && answer->attempts < attempts)
			wait = wait_before(&config, answer->attempts, a.end.retry_after);
		if (!a.retry || answer->attempts == attempts || wait < 0 || clock_now() + wait >= deadline || !may_retry(c))
			return result;
		wait_for(wait);
	}
}
