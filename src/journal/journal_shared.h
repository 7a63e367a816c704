/*-------------------------------------------------------------------------
 *
 * journal_shared.h
 *	  The journal in shared memory. Private to this folder.
 *
 * Everything is atomic; who writes a record takes no lock. The area's lock is
 * for journal.sync `each` alone (journal_sync.c).
 *
 * Which segment a record goes to is decided by one compare-and-swap of
 * `current`. Before it the writer says in its slot that it may be writing to
 * that segment or a later one, so whoever sees that the current segment is a
 * later one and no slot stands for it or one before knows that it is closed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_SHARED_H
#define FRAUD_JOURNAL_JOURNAL_SHARED_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "journal/journal_files.h"

/* What stands in the way of records. */
typedef enum JournalTrouble
{
	JOURNAL_OK,
	JOURNAL_IS_FULL,
	JOURNAL_FAILS
} JournalTrouble;

/* What was being done when it failed. */
typedef enum JournalAction
{
	ACTION_NONE,
	ACTION_DIRECTORY,			/* create or use the directory */
	ACTION_OPEN,
	ACTION_WRITE,
	ACTION_FLUSH,
	ACTION_RECORD,				/* the record is too large */
	ACTION_READ,
	ACTION_REMOVE
} JournalAction;

typedef struct JournalWriter
{
	pg_atomic_uint32 segment;	/* 0: not writing */
	char		pad[PG_CACHE_LINE_SIZE - sizeof(pg_atomic_uint32)];
} JournalWriter;

/* segment << 32 | something of it */
#define PLACE(segment, rest)	((uint64) (segment) << 32 | (rest))
#define PLACE_SEGMENT(place)	((uint32) ((place) >> 32))
#define PLACE_REST(place)		((uint32) (place))

typedef struct JournalShared
{
	uint8		start[SEGMENT_START_LEN];	/* never changes */
	int			writers;		/* slots; never changes */

	/* every record touches these: a cache line of their own */
	pg_atomic_uint64 sequence pg_attribute_aligned(PG_CACHE_LINE_SIZE);
	pg_atomic_uint64 current;	/* PLACE(segment, bytes taken in it) */
	pg_atomic_uint64 appended;	/* bytes, since start */
	pg_atomic_uint64 written;	/* records */
	pg_atomic_uint64 done;		/* sync each: PLACE(segment, writes ended in it) */
	pg_atomic_uint64 written_at;	/* wall clock of the last record */

	/* and these hardly any */
	pg_atomic_uint64 base pg_attribute_aligned(PG_CACHE_LINE_SIZE); /* int64: bytes of all
																	 * files, less `appended` */
	pg_atomic_uint32 created;	/* the last segment that came to be */
	pg_atomic_uint64 full;		/* records refused */
	pg_atomic_uint64 failed;
	pg_atomic_uint64 lost_files;	/* segments somebody removed while they were written */
	pg_atomic_uint32 trouble;	/* JournalTrouble */
	pg_atomic_uint64 trouble_at;	/* clock_now() of the last refusal or failure */
	pg_atomic_uint64 error;		/* JournalAction << 32 | errno */
	pg_atomic_uint64 error_at;	/* wall clock */

	/* flushing; see journal_sync.c */
	pg_atomic_uint64 synced;	/* PLACE(segment, writes of `done` that are on disk) */
	pg_atomic_uint32 directory_synced;	/* segments up to this one have their names on disk */
	pg_atomic_uint32 bad;		/* the last segment that could not be flushed */
	pg_atomic_uint32 flush_from;	/* segments before need no flush; the worker's */
	pg_atomic_uint64 flushed;	/* records written by the last flush; the worker's */
	pg_atomic_uint64 flush_failures;

	/* the drain; counts since start */
	pg_atomic_uint64 drained;	/* records that became rows */
	pg_atomic_uint64 known;		/* were rows before */
	pg_atomic_uint64 expired;	/* older than the retention */
	pg_atomic_uint64 torn;		/* torn ends cut */

	JournalWriter writer[FLEXIBLE_ARRAY_MEMBER];
} JournalShared;

extern JournalShared *journal;	/* NULL without preload */
extern LWLock *journal_sync_lock;

/* Of this start; path as for open(). */
extern void journal_segment_path(char *dst, size_t size, uint32 segment);

/* Segments before this one have no writer any more. */
extern uint32 journal_open_from(void);

/* Makes the next record go to another segment. False where it did already. */
extern bool journal_leave_segment(uint32 segment);

/* As journal_settings(), but whatever was read last: no file is looked at. */
extern const JournalSettings *journal_settings_seen(void);

/* How much there is in all files is counted anew; the worker's. */
extern void journal_count_bytes(void);

static inline int64
journal_bytes(void)
{
	return (int64) pg_atomic_read_u64(&journal->base) + (int64) pg_atomic_read_u64(&journal->appended);
}

/* ---- journal_sync.c ---- */

/* The record that was just written to the segment, by its descriptor. False: it may be lost. */
extern bool journal_sync_each(uint32 segment, int fd);

/* The worker's: flushes what was written since it last did. */
extern void journal_flush(void);

/* ---- journal_alert.c ---- */

/* Records cannot be written, or may be lost. Outside locks. */
extern void journal_fails(JournalAction action, int error);
extern void journal_is_full(void);

/* An event; from and to may be NULL. */
extern void journal_event(const char *subject, const char *from, const char *to,
						  const char *message, const char *cause);

/* The worker's: tells when records can be written again. */
extern void journal_watch(void);

/* Of the last error, in the server's words; false where there was none. */
extern bool journal_last_error(char *dst, size_t size, TimestampTz *at);

#endif							/* FRAUD_JOURNAL_JOURNAL_SHARED_H */
