/*-------------------------------------------------------------------------
 *
 * journal_config.h
 *	  How the journal works: the section `journal` of the service file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_CONFIG_H
#define FRAUD_JOURNAL_JOURNAL_CONFIG_H

#include "config/settings.h"

typedef enum JournalSync
{
	JOURNAL_SYNC_OFF,			/* the system flushes when it likes */
	JOURNAL_SYNC_INTERVAL,		/* the worker does */
	JOURNAL_SYNC_EACH			/* who writes waits for it */
} JournalSync;

/* What a decision is when it cannot be recorded. */
typedef enum JournalOnFull
{
	JOURNAL_DROP_AND_COUNT,		/* what it would be otherwise */
	JOURNAL_BLOCK_HIGH_RISK		/* that, but high risk is blocked */
} JournalOnFull;

/* What is written of a member of a transaction. */
typedef enum JournalFieldRule
{
	JOURNAL_FIELD_KEEP,
	JOURNAL_FIELD_HASH,
	JOURNAL_FIELD_DROP
} JournalFieldRule;

#define JOURNAL_FIELDS_MAX		64
#define JOURNAL_FIELD_NAME_MAX	64	/* with NUL */

/* Times in microseconds, sizes in bytes. */
typedef struct JournalSettings
{
	int32		sync;			/* JournalSync */
	int32		on_full;		/* JournalOnFull */
	int64		interval;		/* 1 s .. 1 min */
	int64		segment_size;	/* 128 kB .. 256 MB */
	int64		max_size;		/* 1 MB .. 1024 GB, at least two segments */
	int64		keep;			/* 0 .. 7 d */
	int64		retention;		/* 1 d .. 9999 d; 0: for ever */
	int32		nfields;
	int32		unused;			/* 0 */
	struct
	{
		char		name[JOURNAL_FIELD_NAME_MAX];	/* UTF-8, in the order of strcmp() */
		int32		rule;		/* JournalFieldRule */
	}			fields[JOURNAL_FIELDS_MAX];
} JournalSettings;

extern const SettingsSection journal_section;

/* Names are those of the transaction's members, in UTF-8. */
extern JournalFieldRule journal_field_rule(const JournalSettings *settings, const char *name);

#endif							/* FRAUD_JOURNAL_JOURNAL_CONFIG_H */
