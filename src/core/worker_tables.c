/*-------------------------------------------------------------------------
 *
 * worker_tables.c
 *	  Whether, where and as whom the worker's tasks with tables run.
 *
 * Looked up for every task, as CREATE, DROP and ALTER EXTENSION, promotion and
 * changes of roles happen while the worker runs. Why tasks do not run is told
 * once in the log, where somebody has to do something about it, and kept for
 * fraud_worker() under worker_lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/worker_shared.h"
#include "core/worker_tables.h"

static char *worker_role;

/* Sets why tasks do not run, NULL where they do. True if that is news. */
static bool
set_off(const char *why)
{
	bool		news;

	if (why == NULL)
		why = "";
	/* nobody but us writes it */
	news = strcmp(worker_shared->tables_off, why) != 0;
	if (news)
	{
		LWLockAcquire(worker_lock, LW_EXCLUSIVE);
		strlcpy(worker_shared->tables_off, why, sizeof(worker_shared->tables_off));
		LWLockRelease(worker_lock);
	}
	return news;
}

bool
tables_possible(void)
{
	if (!OidIsValid(MyDatabaseId))
		(void) set_off("no database");
	else if (RecoveryInProgress())
		(void) set_off("standby");
	else
		return true;
	return false;
}

Oid
extension_schema(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("fraud_fallback"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	schema = HeapTupleIsValid(tuple) ? ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace : InvalidOid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

WorkerRole
worker_role_take(int security_bits, const char **why)
{
	Oid			role;
	Oid			user;
	int			security;

	*why = NULL;
	if (worker_role[0] == '\0')
		return WORKER_ROLE_NONE;
	role = get_role_oid(worker_role, true);
	if (!OidIsValid(role))
		*why = "does not exist";
	else if (superuser_arg(role))
		*why = "is a superuser";
	else
	{
		GetUserIdAndSecContext(&user, &security);
		SetUserIdAndSecContext(role, security | SECURITY_LOCAL_USERID_CHANGE | security_bits);
		return WORKER_ROLE_TAKEN;
	}
	*why = psprintf("role \"%s\" %s", worker_role, *why);
	return WORKER_ROLE_REFUSED;
}

/* Takes on the role that is set. False where it may not be. */
static bool
take_role(void)
{
	const char *why;

	if (strncmp(worker_shared->role, worker_role, NAMEDATALEN) != 0)
	{
		LWLockAcquire(worker_lock, LW_EXCLUSIVE);
		strlcpy(worker_shared->role, worker_role, sizeof(worker_shared->role));
		LWLockRelease(worker_lock);
	}
	if (worker_role_take(0, &why) != WORKER_ROLE_REFUSED)
		return true;
	if (set_off(why))
		ereport(LOG,
				(errmsg("the worker of fraud_fallback does not use tables: %s", why),
				 errhint("Set \"fraud_fallback.worker_role\" to an ordinary role, or to nothing, and reload.")));
	return false;
}

Oid
tables_begin(void)
{
	Oid			schema = extension_schema();

	if (!OidIsValid(schema))
	{
		if (set_off("extension not created"))
			ereport(LOG,
					(errmsg("the worker of fraud_fallback finds no extension in database \"%s\"",
							get_database_name(MyDatabaseId)),
					 errhint("CREATE EXTENSION fraud_fallback there, or set \"fraud_fallback.database\" and restart the server.")));
		return InvalidOid;
	}
	if (!take_role())
		return InvalidOid;
	(void) set_off(NULL);
	return schema;
}

void
tables_init(void)
{
	DefineCustomStringVariable("fraud_fallback.worker_role",
							   "Role the worker's tasks with tables run as; not a superuser.",
							   "Empty: the worker runs nothing but the extension's own code.",
							   &worker_role,
							   "",
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY | GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);
}
