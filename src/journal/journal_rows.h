/*-------------------------------------------------------------------------
 *
 * journal_rows.h
 *	  Records as rows of fraud_journal.
 *
 * The payload of a record is a JSON object in UTF-8 whose members are named
 * like columns of fraud_journal: decided_at (ISO 8601 with its offset, within a
 * day of the record's own time), database, role, application_name, txn_id,
 * decision, txn, rules, features, ml, ml_status, ml_latency (an interval, or
 * seconds), supersedes, queued, policy_hash. What is missing or null is NULL,
 * decided_at the record's time. What is anything else, or does not fit, becomes
 * a row with the payload as {"text": ...} in txn and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_ROWS_H
#define FRAUD_JOURNAL_JOURNAL_ROWS_H

#include "executor/spi.h"

#include "journal/segment.h"

typedef enum RowResult
{
	ROW_ADDED,
	ROW_KNOWN,					/* it was there */
	ROW_EXPIRED,				/* older than the retention */
	ROW_REFUSED					/* careful: its data are to blame */
} RowResult;

#define ROWS_DAYS			32

typedef struct JournalRows
{
	Oid			schema;
	SPIPlanPtr	insert;
	MemoryContext context;		/* of one record */
	int32		oldest;			/* the first day that is kept */
	int			ndays;
	struct
	{
		int32		day;
		int32		part;		/* -1: removed */
		int64		added;
	}			days[ROWS_DAYS];
	int64		added;
	int64		known;
	int64		expired;
} JournalRows;

/* All between journal_begin() and journal_end(), under journal_lock(). */
extern void journal_rows_begin(JournalRows *rows, Oid schema);

/* why: what is wrong with a record that is refused; only the careful refuse, others raise the error. */
extern RowResult journal_rows_add(JournalRows *rows, const SegmentRecord *record, bool careful, const char **why);
extern void journal_rows_end(JournalRows *rows);

/* The payload as jsonb; false where it is no JSON. */
extern bool journal_payload(const SegmentRecord *record, Datum *value);

#endif							/* FRAUD_JOURNAL_JOURNAL_ROWS_H */
