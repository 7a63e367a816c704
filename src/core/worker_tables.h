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

extern void tables_init(void);

#endif							/* FRAUD_CORE_WORKER_TABLES_H */
