/*-------------------------------------------------------------------------
 *
 * journal_tables.h
 *	  The tables of the journal, by SQL with their owner's rights.
 *
 * fraud_journal			the records, a partition a day
 * fraud_journal_progress	how far each segment was drained
 * fraud_journal_open		parts of days that still get records
 * fraud_journal_days		parts that do not, and their hashes
 *
 * Whoever adds records or closes parts holds journal_lock(): it keeps drain,
 * import and closing apart, and nobody else waits for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_TABLES_H
#define FRAUD_JOURNAL_JOURNAL_TABLES_H

#include "datatype/timestamp.h"
#include "executor/spi.h"

#include "journal/journal_directory.h"

/* The session as it was before journal_begin(). */
typedef struct JournalSession
{
	Oid			user;
	int			security;
} JournalSession;

/* Is the extension's schema one with a journal? */
extern bool journal_has_tables(Oid schema);

/* SPI, as the owner of the tables. An error ends it, too. */
extern void journal_begin(Oid schema, JournalSession *session);
extern void journal_end(const JournalSession *session);

/* Until the end of the transaction. False: somebody has it, and wait was not set. */
extern bool journal_lock(Oid schema, bool wait);

/*
 * Between journal_begin() and journal_end(). %s in the statement stands for the
 * schema, quoted, once or more; the rest is as for SPI. Rows go to SPI_tuptable.
 */
extern uint64 journal_run(Oid schema, const char *sql, bool read_only,
						  int nargs, const Oid *types, const Datum *values, const char *nulls);

/* The statement with the schema in it. */
extern char *journal_statement(Oid schema, const char *sql);

typedef struct JournalProgress
{
	int64		drained;		/* bytes */
	int64		records;
	int64		skipped;		/* bytes that were no records */
	bool		done;			/* all of it, and it was closed */
	TimestampTz at;
} JournalProgress;

/* Of n files; zeros where there is none. */
extern JournalProgress *journal_progress(Oid schema, const JournalFile *files, int n);
extern void journal_progress_save(Oid schema, const char *name, const char *node, int node_len,
								  const JournalProgress *progress);

#endif							/* FRAUD_JOURNAL_JOURNAL_TABLES_H */
