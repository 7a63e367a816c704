/*-------------------------------------------------------------------------
 *
 * worker_status.c
 *	  SQL about the worker: what it does, and the clock of tests.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"
#include "core/shmem.h"
#include "core/worker.h"
#include "core/worker_shared.h"

#define STATUS_COLUMNS		12

#define ADVANCE_MAX_DAYS	3653
#define ADVANCE_TIMEOUT		(30 * USECS_PER_SEC)
#define ABSENT_TIMEOUT		(10 * USECS_PER_SEC)	/* a restart takes 5 s */
#define LOOK_MS				100

PG_FUNCTION_INFO_V1(fraud_worker);
PG_FUNCTION_INFO_V1(fraud_test_advance);

static Datum
time_or_null(TimestampTz t, bool *isnull)
{
	*isnull = t == 0;
	return TimestampTzGetDatum(t);
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text[0] == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(shared_text(text));
}

/* One row a task. */
Datum
fraud_worker(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerShared *w;

	shmem_required();
	InitMaterializedSRF(fcinfo, 0);
	w = palloc(sizeof(WorkerShared));
	LWLockAcquire(worker_lock, LW_SHARED);
	memcpy(w, worker_shared, sizeof(WorkerShared));
	LWLockRelease(worker_lock);

	for (int i = 0; i < w->tasks; i++)
	{
		const TaskStatus *task = &w->task[i];
		Datum		values[STATUS_COLUMNS];
		bool		nulls[STATUS_COLUMNS] = {false};

		values[0] = Int32GetDatum(w->pid);
		nulls[0] = w->pid == 0;
		values[1] = time_or_null(w->pid == 0 ? 0 : w->started_at, &nulls[1]);
		values[2] = text_or_null(w->database, &nulls[2]);
		values[3] = text_or_null(w->role, &nulls[3]);
		values[4] = time_or_null(w->last_cycle_at, &nulls[4]);
		values[5] = Int64GetDatum(w->cycles);
		values[6] = text_or_null(w->tables_off, &nulls[6]);
		values[7] = CStringGetTextDatum(task->name);
		values[8] = Int64GetDatum(task->runs);
		values[9] = time_or_null(task->last_run_at, &nulls[9]);
		values[10] = text_or_null(task->last_error, &nulls[10]);
		values[11] = time_or_null(task->last_error_at, &nulls[11]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---- the clock of tests ---- */

static int64
microseconds_of(const Interval *interval)
{
	double		days = interval->month * (double) DAYS_PER_MONTH + interval->day +
		(double) interval->time / USECS_PER_DAY;

	if (fabs(days) > ADVANCE_MAX_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("the clock moves by ten years at most")));
	return (interval->month * (int64) DAYS_PER_MONTH + interval->day) * USECS_PER_DAY + interval->time;
}

static bool
worker_runs(void)
{
	return pg_atomic_read_u64(&worker_shared->latch) != 0;
}

/*
 * Waits until the worker is there, or has answered the call of this number.
 * Times are the system's; ours is being moved.
 */
static void
wait_for_worker(uint64 answer)
{
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz seen = start;
	uint32		wait_event = CUSTOM_WAIT_EVENT("FraudFallbackTestAdvance");

	ConditionVariablePrepareToSleep(&worker_shared->answer);
	while (answer == 0 ? !worker_runs() : pg_atomic_read_u64(&worker_shared->answered) < answer)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (worker_runs())
			seen = now;
		if (now - seen > ABSENT_TIMEOUT)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the worker of fraud_fallback is not running"),
					 errhint("The server's log tells why.")));
		if (now - start > ADVANCE_TIMEOUT)
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("the worker of fraud_fallback has not finished a cycle in 30 seconds"),
					 errdetail("The clock has been moved."),
					 errhint("The view fraud_worker shows its tasks, pg_stat_activity what it is doing.")));
		(void) ConditionVariableTimedSleep(&worker_shared->answer, LOOK_MS, wait_event);
	}
	ConditionVariableCancelSleep();
}

Datum
fraud_test_advance(PG_FUNCTION_ARGS)
{
	const Interval *interval = PG_GETARG_INTERVAL_P(0);
	uint64		answer;

	clock_require_test_mode("move the clock");
	wait_for_worker(0);
	clock_move(microseconds_of(interval));
	/* the clock first: who sees this number sees that as well */
	answer = pg_atomic_add_fetch_u64(&worker_shared->advances, 1);
	worker_wake();
	wait_for_worker(answer);
	PG_RETURN_VOID();
}
