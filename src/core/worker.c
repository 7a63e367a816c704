/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The background worker: a loop over tasks that subsystems registered.
 *
 * One pass runs every task that is due, in the order of their registration,
 * each in a PG_TRY of its own; then the worker sleeps until the next is due or
 * somebody wakes it. Times are those of the extension's clock. The list of
 * tasks is made while the library is preloaded and never changes; when each is
 * due is known to the worker alone. What others see of it: worker_shared.h,
 * with the lock.
 *
 * The worker is an ordinary session of the database it is configured for, so
 * it may not stop working because that is missing: a start that ends while it
 * connects makes the next one work without a database, and try again after a
 * minute.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/shmem.h"
#include "core/worker.h"
#include "core/worker_shared.h"
#include "core/worker_tables.h"

#define NAME				"fraud_fallback worker"
#define RESTART_SECONDS		5
#define SLEEP_MAX_MS		60000
#define RECONNECT			(60 * USECS_PER_SEC)
#define SAME_ERROR			(60 * USECS_PER_SEC)
#define ADVANCE_PASSES		100 /* of one fraud_test_advance() */

typedef struct Task
{
	WorkerTask	task;
	int64		due;			/* clock_now() */
	bool		again;			/* it said there is more */
	bool		failed;			/* the last time */
	TimestampTz error_logged;
} Task;

PGDLLEXPORT void fraud_worker_main(Datum arg);

WorkerShared *worker_shared;
LWLock	   *worker_lock;

static char *worker_database;
static Task tasks[WORKER_TASKS];
static int	ntasks;

/* the worker's own */
static MemoryContext cycle_context;

void
worker_task(const WorkerTask *task)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	if (ntasks == WORKER_TASKS)
		elog(ERROR, "too many tasks of the worker");
	tasks[ntasks++].task = *task;
}

void
worker_wake(void)
{
	Latch	   *latch;

	if (worker_shared == NULL)
		return;
	pg_atomic_write_u32(&worker_shared->woken, 1);
	pg_memory_barrier();
	latch = (Latch *) (uintptr_t) pg_atomic_read_u64(&worker_shared->latch);
	/* the latch of a slot for processes: setting a stranger's does no harm */
	if (latch != NULL)
		SetLatch(latch);
}

/* ---- one task ---- */

static void
context_of_error(void *arg)
{
	/* what is only told stands for itself */
	if (geterrcode() != ERRCODE_SUCCESSFUL_COMPLETION)
		errcontext("task \"%s\" of the fraud_fallback worker", (const char *) arg);
}

static void
note_run(int i, const char *error)
{
	TaskStatus *status = &worker_shared->task[i];
	TimestampTz now = clock_wall();

	LWLockAcquire(worker_lock, LW_EXCLUSIVE);
	status->runs++;
	status->last_run_at = now;
	if (error != NULL)
	{
		status->last_error_at = now;
		strlcpy(status->last_error, error, sizeof(status->last_error));
	}
	LWLockRelease(worker_lock);
}

/* The error that was just raised: told, remembered, and everything put right. */
static void
recover(int i)
{
	Task	   *t = &tasks[i];
	ErrorData  *error;
	TimestampTz now = GetCurrentTimestamp();
	char		text[WORKER_TEXT];

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(cycle_context);
	LWLockReleaseAll();
	error = CopyErrorData();
	strlcpy(text, error->message != NULL ? error->message : "unknown error", sizeof(text));
	if (strcmp(worker_shared->task[i].last_error, text) != 0 ||
		now - t->error_logged >= SAME_ERROR || now < t->error_logged)
	{
		t->error_logged = now;
		EmitErrorReport();
	}
	FlushErrorState();
	ConditionVariableCancelSleep();
	pgstat_report_wait_end();
	AbortOutOfAnyTransaction(); /* it may have been in a subtransaction */
	AtEOXact_Files(false);		/* of tasks without a transaction */
	note_run(i, text);
	t->again = false;
	t->failed = true;
	RESUME_INTERRUPTS();
}

/* Sets *ran where the task could run. */
static bool
run_in_transaction(const WorkerTask *task, volatile bool *ran)
{
	bool		more = false;
	Oid			user;
	int			security;
	Oid			schema;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&user, &security);
	schema = tables_begin();
	*ran = OidIsValid(schema);
	if (*ran)
		more = task->run(schema);
	SetUserIdAndSecContext(user, security);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return more;
}

static void
run_task(int i)
{
	Task	   *t = &tasks[i];
	volatile bool ran = true;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = context_of_error,
		.arg = unconstify(char *, t->task.name)
	};

	t->due = clock_now() + (int64) t->task.interval * 1000;
	if (t->task.tables && !tables_possible())
	{
		t->again = false;
		return;
	}
	pgstat_report_activity(STATE_RUNNING, t->task.name);
	PG_TRY();
	{
		error_context_stack = &callback;
		t->again = t->task.tables ? run_in_transaction(&t->task, &ran) : t->task.run(InvalidOid);
		error_context_stack = callback.previous;
		if (t->task.next != NULL)
			t->due = Min(t->due, t->task.next());
		t->failed = false;
		if (ran)
			note_run(i, NULL);
	}
	PG_CATCH();
	{
		recover(i);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cycle_context);
	MemoryContextReset(cycle_context);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* ---- the loop ---- */

/* Runs what is due; with `all` everything. True if there is more to do at once. */
static bool
pass(bool all)
{
	bool		woken = pg_atomic_exchange_u32(&worker_shared->woken, 0) != 0;
	bool		more = false;

	for (int i = 0; i < ntasks; i++)
	{
		Task	   *t = &tasks[i];
		int64		now = clock_now();

		/* the clock was moved back */
		t->due = Min(t->due, now + (int64) t->task.interval * 1000);
		if (all || t->again || t->due <= now || (woken && t->task.on_wake && !t->failed))
			run_task(i);
		more |= t->again;
	}
	LWLockAcquire(worker_lock, LW_EXCLUSIVE);
	worker_shared->cycles++;
	worker_shared->last_cycle_at = clock_wall();
	LWLockRelease(worker_lock);
	return more || pg_atomic_read_u32(&worker_shared->woken) != 0;
}

/*
 * A pass, and its part in answering fraud_test_advance(): the first pass that
 * sees the call runs everything, and when one leaves nothing to do the call
 * is answered. Milliseconds to sleep.
 */
static long
cycle(void)
{
	static uint64 serving = 0;
	static int	passes;
	uint64		advances = pg_atomic_read_u64(&worker_shared->advances);
	bool		all = advances != serving;
	bool		more;
	int64		next = PG_INT64_MAX;

	if (all)
		passes = 0;
	serving = advances;
	more = pass(all);
	if (pg_atomic_read_u64(&worker_shared->answered) != serving && (!more || ++passes >= ADVANCE_PASSES))
	{
		pg_atomic_write_u64(&worker_shared->answered, serving);
		ConditionVariableBroadcast(&worker_shared->answer);
	}
	if (more)
		return 0;
	for (int i = 0; i < ntasks; i++)
		next = Min(next, tasks[i].due);
	/* up to the next millisecond, lest the last one is spent in circles */
	return (long) Min(Max((next - clock_now() + 999) / 1000, 0), SLEEP_MAX_MS);
}

static void
handle_interrupts(void)
{
	/* a cancel that comes when nothing runs has nothing to cancel */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (OidIsValid(MyDatabaseId))
		ProcessCatchupInterrupt();
}

static void
worker_gone(int code, Datum arg)
{
	pg_atomic_write_u64(&worker_shared->latch, 0);
	LWLockAcquire(worker_lock, LW_EXCLUSIVE);
	worker_shared->pid = 0;
	LWLockRelease(worker_lock);
}

/* False where this start is to work without the database. */
static bool
begin_connecting(void)
{
	bool		failed;

	LWLockAcquire(worker_lock, LW_EXCLUSIVE);
	failed = worker_shared->connecting;
	worker_shared->connecting = !failed && worker_database[0] != '\0';
	LWLockRelease(worker_lock);
	if (failed)
		ereport(LOG,
				(errmsg("the worker of fraud_fallback could not use database \"%s\", and works without", worker_database),
				 errdetail("Nothing is folded, and events go to the server's log only. The next try is in a minute."),
				 errhint("Create the database, or set \"fraud_fallback.database\" and restart the server.")));
	return !failed && worker_database[0] != '\0';
}

/* What databases and roles may have set must not change what tasks do. */
static void
set_session(void)
{
	static const char *const settings[][2] = {
		{"application_name", NAME},
		{"search_path", "pg_catalog"},
		{"synchronous_commit", "local"},
		{"statement_timeout", "0"},
		{"lock_timeout", "500ms"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_deferrable", "off"},
		{"session_replication_role", "origin"},
		{"timezone", "UTC"},
		{"jit", "off"}
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	/* only for this session: its reset value tells what the server's is */
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_SESSION);
}

static void
begin_service(bool connected)
{
	TimestampTz now = clock_wall();

	before_shmem_exit(worker_gone, (Datum) 0);
	LWLockAcquire(worker_lock, LW_EXCLUSIVE);
	worker_shared->connecting = false;
	worker_shared->pid = MyProcPid;
	worker_shared->started_at = now;
	worker_shared->tables_off[0] = '\0';
	strlcpy(worker_shared->database, connected ? worker_database : "", sizeof(worker_shared->database));
	LWLockRelease(worker_lock);
	pg_atomic_write_u64(&worker_shared->latch, (uint64) (uintptr_t) MyLatch);
}

static void
publish_start(bool connected)
{
	FraudEvent *event = palloc0(sizeof(FraudEvent));
	StringInfoData cause;
	uint64		place;

	initStringInfo(&cause);
	appendStringInfo(&cause, "{\"pid\": %d, \"database\": ", MyProcPid);
	if (connected)
		escape_json(&cause, worker_database);
	else
		appendStringInfoString(&cause, "null");
	appendStringInfoChar(&cause, '}');
	event->at = clock_wall();
	strlcpy(event->kind, "worker", sizeof(event->kind));
	strlcpy(event->subject, "start", sizeof(event->subject));
	strlcpy(event->who, events_who(), sizeof(event->who));
	strlcpy(event->message, connected ? "the worker has started" : "the worker has started without a database",
			sizeof(event->message));
	strlcpy(event->cause, cause.data, sizeof(event->cause));
	HOLD_INTERRUPTS();
	place = events_reserve();
	events_publish(place, event);
	RESUME_INTERRUPTS();
}

void
fraud_worker_main(Datum arg)
{
	TimestampTz started = GetCurrentTimestamp();
	uint32		wait_event;
	bool		connected;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	connected = begin_connecting();
	BackgroundWorkerInitializeConnection(connected ? worker_database : NULL, NULL, 0);
	set_session();
	begin_service(connected);
	wait_event = CUSTOM_WAIT_EVENT("FraudFallbackWorker");
	cycle_context = AllocSetContextCreate(TopMemoryContext, "fraud_fallback worker", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(cycle_context);
	publish_start(connected);
	pgstat_report_activity(STATE_IDLE, NULL);

	for (;;)
	{
		long		pause;

		handle_interrupts();
		pause = cycle();
		/* autovacuum goes by what is reported */
		(void) pgstat_report_stat(false);
		if (!connected && worker_database[0] != '\0' &&
			GetCurrentTimestamp() - started > RECONNECT)
			proc_exit(1);		/* the postmaster starts another */
		if (pause > 0)
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 pause, wait_event);
		ResetLatch(MyLatch);
	}
}

/* ---- start of the server ---- */

static Size
worker_size(void)
{
	return sizeof(WorkerShared);
}

static void
worker_setup(void *memory, LWLockPadded *locks, bool found)
{
	worker_shared = memory;
	worker_lock = &locks[0].lock;
	if (found)
		return;
	memset(worker_shared, 0, sizeof(WorkerShared));
	pg_atomic_init_u64(&worker_shared->latch, 0);
	pg_atomic_init_u32(&worker_shared->woken, 0);
	pg_atomic_init_u64(&worker_shared->advances, 0);
	pg_atomic_init_u64(&worker_shared->answered, 0);
	ConditionVariableInit(&worker_shared->answer);
	worker_shared->tasks = ntasks;
	for (int i = 0; i < ntasks; i++)
		strlcpy(worker_shared->task[i].name, tasks[i].task.name, NAMEDATALEN);
}

void
worker_init(void)
{
	BackgroundWorker worker;

	/* without preload it means nothing, but configuration files may have it */
	DefineCustomStringVariable("fraud_fallback.database",
							   "Database in which the worker folds histories and records events.",
							   "Empty: none, the worker only writes the log and keeps what is in memory.",
							   &worker_database,
							   "postgres",
							   process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							   GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);
	tables_init();
	shmem_register(NAME, worker_size, worker_setup, 1);
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "fraud_fallback", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "fraud_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, NAME, sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, NAME, sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
