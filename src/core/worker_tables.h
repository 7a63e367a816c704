/*-------------------------------------------------------------------------
 *
 * worker_tables.h
 *	  Whether, where and as whom tasks with tables run; see worker_tables.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_WORKER_TABLES_H
#define FRAUD_CORE_WORKER_TABLES_H

/* Is there any point in a transaction? */
extern bool tables_possible(void);

/*
 * In a transaction: the extension's schema, and the role set that tasks run as.
 * InvalidOid where they must not run; why is known to fraud_worker() then.
 */
extern Oid	tables_begin(void);

/* In a transaction; InvalidOid: the extension is not created in this database. */
extern Oid	extension_schema(void);

/* Taking on fraud_fallback.worker_role. */
typedef enum WorkerRole
{
	WORKER_ROLE_NONE,			/* none is set */
	WORKER_ROLE_TAKEN,
	WORKER_ROLE_REFUSED			/* it does not exist, or is a superuser */
} WorkerRole;

/*
 * In a transaction of a task that has none of its own: takes the role, with
 * these bits more in the security context. *why: what is wrong with it.
 */
extern WorkerRole worker_role_take(int security_bits, const char **why);

extern void tables_init(void);

#endif							/* FRAUD_CORE_WORKER_TABLES_H */
