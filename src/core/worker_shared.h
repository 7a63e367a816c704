/*-------------------------------------------------------------------------
 *
 * worker_shared.h
 *	  What the worker shares with those who ask about it.
 *
 * Private to worker.c and worker_status.c. Atomics and the condition variable
 * need no lock; everything else is under worker_lock: written by the worker,
 * exclusive, read by anybody, shared. Under the lock there is only copying.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_WORKER_SHARED_H
#define FRAUD_CORE_WORKER_SHARED_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#define WORKER_TASKS		24
#define WORKER_TEXT			256

typedef struct TaskStatus
{
	char		name[NAMEDATALEN];
	int64		runs;
	TimestampTz last_run_at;	/* 0: never */
	TimestampTz last_error_at;	/* 0: none */
	char		last_error[WORKER_TEXT];
} TaskStatus;

typedef struct WorkerShared
{
	pg_atomic_uint64 latch;		/* address of the worker's; 0: no worker */
	pg_atomic_uint32 woken;		/* by worker_wake(), and not run since */

	/* fraud_test_advance() calls, and which of them has been answered */
	pg_atomic_uint64 advances;
	pg_atomic_uint64 answered;
	ConditionVariable answer;

	bool		connecting;		/* also: the last one ended while it did */
	int			pid;			/* 0: no worker */
	TimestampTz started_at;
	TimestampTz last_cycle_at;
	int64		cycles;
	char		database[NAMEDATALEN];	/* empty: none */
	char		role[NAMEDATALEN];	/* empty: none set */
	char		tables_off[WORKER_TEXT];	/* why tasks with tables do not run */
	int			tasks;
	TaskStatus	task[WORKER_TASKS];
} WorkerShared;

/* NULL without preload. */
extern WorkerShared *worker_shared;
extern LWLock *worker_lock;

#endif							/* FRAUD_CORE_WORKER_SHARED_H */
