/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The background worker's loop, and what it does in turn.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_WORKER_H
#define FRAUD_CORE_WORKER_H

typedef struct WorkerTask
{
	const char *name;
	int			interval;		/* milliseconds of the extension's clock */
	bool		on_wake;		/* also whenever somebody calls worker_wake() */

	/*
	 * Needs the extension's tables: runs in a transaction, in the database
	 * fraud_fallback.database, not on a standby, and only where the extension
	 * is created there; schema is its schema. Otherwise outside transactions,
	 * anywhere, with InvalidOid.
	 */
	bool		tables;

	/* True: there is more to do, call again at once. May raise errors. */
	bool		(*run) (Oid schema);

	/* Asked after it ran: it is due then as well, earlier than by its interval. May be NULL. */
	int64		(*next) (void); /* clock_now() */
} WorkerTask;

/* For init functions; nothing happens where the library is not preloaded. */
extern void worker_task(const WorkerTask *task);

/* From any backend, outside locks. */
extern void worker_wake(void);

/* After all worker_task(). */
extern void worker_init(void);

#endif							/* FRAUD_CORE_WORKER_H */
