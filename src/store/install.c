/*-------------------------------------------------------------------------
 *
 * install.c
 *	  Putting our triggers on a table.
 *
 * CREATE TRIGGER locks out writers until its transaction ends. The transaction
 * that fills histories from a large table is long, so the triggers are made by
 * a background worker in a short one. It asks for the lock for a moment only
 * and again later, so that no queue forms behind it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "config/config_file.h"
#include "core/compat.h"
#include "store/install.h"
#include "store/trigger.h"

#define LOCK_TIMEOUT_MS	300
#define LOCK_PAUSE_MS	700
#define LOCK_TRIES		60

typedef enum InstallOutcome
{
	INSTALL_RUNNING,
	INSTALL_DONE,
	INSTALL_BUSY,				/* the table's lock was not to be had in time */
	INSTALL_FAILED				/* error is filled */
} InstallOutcome;

/* In dynamic shared memory. Written by the worker, read when it has ended. */
typedef struct InstallTask
{
	Oid			database;
	InstallRequest request;
	InstallOutcome outcome;
	int32		source;
	int			sqlerrcode;
	char		error[1024];
} InstallTask;

PGDLLEXPORT void fraud_install_main(Datum arg);

/* ---- the work ---- */

static const struct
{
	const char *name;
	const char *event;
	const char *tables;
}			triggers[] = {
	{"fraud_history_insert", "INSERT", " REFERENCING NEW TABLE AS fraud_new"},
	{"fraud_history_update", "UPDATE", " REFERENCING OLD TABLE AS fraud_old NEW TABLE AS fraud_new"},
	{"fraud_history_delete", "DELETE", " REFERENCING OLD TABLE AS fraud_old"},
	{"fraud_history_truncate", "TRUNCATE", ""}
};

/* Whether a relation has a trigger of ours that is as it should be. */
static bool
has_trigger(Relation rel, const char *name, int32 source, const char *columns, bool part)
{
	int			i;

	for (i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *t = &rel->trigdesc->triggers[i];
		TriggerArgs args;

		if (strcmp(t->tgname, name) != 0 || t->tgenabled == TRIGGER_DISABLED ||
			!trigger_read_args(t, &args))
			continue;
		return args.source == source && args.part == part &&
			strcmp(args.columns != NULL ? args.columns : "", columns != NULL ? columns : "") == 0;
	}
	return false;
}

bool
install_needed(Oid relation, int32 source, const char *columns)
{
	List	   *relations = find_all_inheritors(relation, AccessShareLock, NULL);
	bool		needed = false;
	ListCell   *cell;

	foreach(cell, relations)
	{
		Relation	rel = table_open(lfirst_oid(cell), NoLock);
		int			i;

		for (i = 0; i < (int) lengthof(triggers); i++)
			needed |= !has_trigger(rel, triggers[i].name, source, columns, lfirst_oid(cell) != relation);
		table_close(rel, NoLock);
	}
	return needed;
}

static void
create_triggers(const InstallRequest *request, Oid relid, int32 source)
{
	Relation	rel = table_open(relid, NoLock);
	char	   *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												   RelationGetRelationName(rel));
	bool		part = relid != request->relation;
	bool		missing[lengthof(triggers)];
	int			i;

	for (i = 0; i < (int) lengthof(triggers); i++)
		missing[i] = !has_trigger(rel, triggers[i].name, source, request->columns, part);
	table_close(rel, NoLock);

	for (i = 0; i < (int) lengthof(triggers); i++)
	{
		char	   *sql;

		if (!missing[i])
			continue;
		/* one of ours from elsewhere, or a disabled one, is replaced */
		sql = psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION %s('%d', %s%s)",
					   triggers[i].name, triggers[i].event, table, triggers[i].tables,
					   store_name(request->schema, "fraud_history"), source,
					   quote_literal_cstr(request->columns), part ? ", 'part'" : "");
		if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "the statement failed: %s", sql);
	}
}

static int32
register_source(const InstallRequest *request)
{
	char	   *table = store_name(request->schema, "fraud_sources");
	Oid			types[] = {REGCLASSOID, TEXTOID, TEXTOID, TEXTOID};
	char		basis[CONFIG_HASH_CHARS + 1];
	Datum		values[4];
	char		nulls[4] = {' ', ' ', ' ', ' '};
	bool		isnull;

	/* numbers are given to one after the other */
	if (SPI_execute(psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table), false, 0) < 0)
		elog(ERROR, "could not lock %s", table);
	config_hash_text(request->basis, basis);
	values[0] = ObjectIdGetDatum(request->relation);
	values[1] = CStringGetTextDatum(request->columns);
	nulls[1] = request->has_columns ? ' ' : 'n';
	values[2] = CStringGetTextDatum(basis);
	values[3] = CStringGetTextDatum(GetUserNameFromId(request->user, false));
	SPI_execute_with_args(psprintf("INSERT INTO %s (source, relation, columns, basis_hash, attached_at, attached_by)"
								   " SELECT (SELECT coalesce(pg_catalog.max(source), 0) OPERATOR(pg_catalog.+) 1 FROM %s),"
								   " $1, $2::pg_catalog.jsonb, $3, pg_catalog.clock_timestamp(), $4"
								   " WHERE NOT EXISTS (SELECT FROM %s WHERE relation OPERATOR(pg_catalog.=) $1)",
								   table, table, table),
						  4, types, values, nulls, false, 0);
	if (SPI_execute_with_args(psprintf("SELECT source FROM %s WHERE relation OPERATOR(pg_catalog.=) $1", table),
							  1, types, values, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "the row of fraud_sources is missing");
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

int32
install_here(const InstallRequest *request)
{
	List	   *relations;
	ListCell   *cell;
	int32		source;
	Oid			user;
	int			security;

	/* all writers of these tables that began without our triggers have ended then */
	LockRelationOid(request->relation, ShareRowExclusiveLock);
	relations = find_all_inheritors(request->relation, ShareRowExclusiveLock, NULL);

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(store_owner(request->schema), security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	source = register_source(request);
	foreach(cell, relations)
		create_triggers(request, lfirst_oid(cell), source);
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	CommandCounterIncrement();
	return source;
}

/* ---- the worker ---- */

void
fraud_install_main(Datum arg)
{
	dsm_segment *segment;
	InstallTask *task;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "fraud_fallback install",
												  ALLOCSET_DEFAULT_SIZES);

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "fraud_fallback install");
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not map the task of a fraud_attach() that has ended")));
	/* beyond transactions, and beyond the resource owner of now */
	dsm_pin_mapping(segment);
	task = dsm_segment_address(segment);
	BackgroundWorkerInitializeConnectionByOid(task->database, InvalidOid, 0);

	PG_TRY();
	{
		char		timeout[16];

		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		pgstat_report_activity(STATE_RUNNING, "fraud_attach(): creating triggers");
		snprintf(timeout, sizeof(timeout), "%d", LOCK_TIMEOUT_MS);
		SetConfigOption("lock_timeout", timeout, PGC_SUSET, PGC_S_OVERRIDE);
		task->source = install_here(&task->request);
		PopActiveSnapshot();
		CommitTransactionCommand();
		task->outcome = INSTALL_DONE;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		HOLD_INTERRUPTS();
		task->sqlerrcode = error->sqlerrcode;
		strlcpy(task->error, error->message, sizeof(task->error));
		task->outcome = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ? INSTALL_BUSY : INSTALL_FAILED;
		/* the caller tells its user; the server log needs no second error */
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	dsm_detach(segment);
	proc_exit(0);
}

/* One try. False where there is no worker to be had. */
static bool
run_worker(const InstallRequest *request, InstallTask *result)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	dsm_segment *segment = dsm_create(sizeof(InstallTask), 0);
	InstallTask *task = dsm_segment_address(segment);
	pid_t		pid;
	BgwHandleStatus status;

	memset(task, 0, sizeof(*task));
	task->database = MyDatabaseId;
	task->request = *request;
	task->outcome = INSTALL_RUNNING;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "fraud_fallback", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "fraud_install_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "fraud_fallback attach", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "fraud_fallback attach", sizeof(worker.bgw_type));
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		dsm_detach(segment);
		return false;
	}
	PG_TRY();
	{
		status = WaitForBackgroundWorkerStartup(handle, &pid);
		if (status == BGWH_STARTED)
			status = WaitForBackgroundWorkerShutdown(handle);
	}
	PG_CATCH();
	{
		/* cancelled: the triggers are not to appear later */
		TerminateBackgroundWorker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (status == BGWH_POSTMASTER_DIED)
		ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN), errmsg("postmaster exited")));
	memcpy(result, task, sizeof(*task));
	dsm_detach(segment);
	return true;
}

bool
install_apart(const InstallRequest *request, int32 *source)
{
	InstallTask *task = palloc(sizeof(InstallTask));
	int			i;

	for (i = 0; i < LOCK_TRIES; i++)
	{
		if (!run_worker(request, task))
			return false;
		switch (task->outcome)
		{
			case INSTALL_DONE:
				AcceptInvalidationMessages();
				*source = task->source;
				pfree(task);
				return true;
			case INSTALL_BUSY:
				if (i == 0)
					ereport(NOTICE,
							(errmsg("waiting for a moment without long transactions on \"%s\"",
									get_rel_name(request->relation))));
				(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 LOCK_PAUSE_MS, PG_WAIT_EXTENSION);
				ResetLatch(MyLatch);
				CHECK_FOR_INTERRUPTS();
				break;
			case INSTALL_FAILED:
				ereport(ERROR, (errcode(task->sqlerrcode), errmsg("%s", task->error)));
				break;
			case INSTALL_RUNNING:
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("the background worker that creates the triggers ended early"),
						 errhint("The server log tells why.")));
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not lock table \"%s\" to create triggers", get_rel_name(request->relation)),
			 errdetail("Transactions that write to it ran on during %d tries of %d ms.",
					   LOCK_TRIES, LOCK_TIMEOUT_MS),
			 errhint("pg_stat_activity shows them; try again when they have ended.")));
	return false;				/* not reached */
}
