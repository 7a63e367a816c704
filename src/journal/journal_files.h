/*-------------------------------------------------------------------------
 *
 * journal_files.h
 *	  Writing the journal: one record, one write, whatever the transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_FILES_H
#define FRAUD_JOURNAL_JOURNAL_FILES_H

#include "journal/journal_config.h"
#include "journal/segment.h"

typedef enum JournalResult
{
	JOURNAL_WRITTEN,			/* as safe as journal.sync says */
	JOURNAL_FULL,				/* journal.max_size is reached: nothing was written */
	JOURNAL_FAILED				/* nothing was written, or it may be lost */
} JournalResult;

typedef struct JournalRecordId
{
	uint8		start[SEGMENT_START_LEN];
	uint64		sequence;
} JournalRecordId;

#define JOURNAL_PAYLOAD_MAX		SEGMENT_PAYLOAD_MAX

/*
 * Appends a record; the payload is a JSON object in UTF-8 (journal_rows.h).
 * Raises no error and waits for nobody, but with journal.sync `each` for the
 * disk. id may be NULL; it is filled unless the result is JOURNAL_FULL. Other
 * results than JOURNAL_WRITTEN are counted and told. Without preload FAILED.
 */
extern JournalResult journal_append(const char *payload, size_t len, JournalRecordId *id);

/* The settings in force. May read the service file, so not under a lock. */
extern const JournalSettings *journal_settings(void);

/* Does it look as if the next record could be written? */
extern bool journal_writable(void);

extern void journal_files_init(void);

#endif							/* FRAUD_JOURNAL_JOURNAL_FILES_H */
