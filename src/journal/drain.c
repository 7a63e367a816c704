/*-------------------------------------------------------------------------
 *
 * drain.c
 *	  The worker's tasks of the journal: files to disk, files to rows.
 *
 * "journal files" runs everywhere, on a standby too: it flushes, counts bytes,
 * and looks whether records can be written.
 *
 * "journal" runs where tables can be written. Each pass reads some of one
 * segment behind what was drained, makes rows of it, and notes how far it came,
 * all in one transaction: rows and progress are there together or not at all.
 * Whatever it finds it goes on behind it. A file is removed when a transaction
 * before this one, committed and on disk, has noted that it is drained to its
 * end and closed, and journal.keep is over, or there is little room.
 *
 * All segments in the directory are drained: those of this start, those a crash
 * or a restart has left, and those a base backup has brought along, which the
 * rows that came with it know (a segment's name is used once).
 *
 * An error ends the transaction, and the same records come again. What may be
 * their fault is found by adding them one by one; such a record is set aside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/json_text.h"
#include "core/events.h"
#include "core/worker.h"
#include "journal/drain.h"
#include "journal/journal_days.h"
#include "journal/journal_rows.h"
#include "journal/journal_shared.h"
#include "journal/journal_tables.h"

#define BATCH_RECORDS		1000
#define BATCH_BYTES			(2 * 1024 * 1024)
#define COUNT_EVERY			(10 * USECS_PER_SEC)

StaticAssertDecl(BATCH_BYTES > SEGMENT_RECORD_MAX, "a batch is always more than what cannot be told yet");

/* ---- files ---- */

static bool
tend_files(Oid schema)
{
	static int64 flushed = 0;
	static int64 counted = 0;
	const JournalSettings *settings = journal_settings();
	int64		now = clock_now();

	if (settings->sync == JOURNAL_SYNC_INTERVAL &&
		(flushed == 0 || now < flushed || now - flushed >= settings->interval - USECS_PER_SEC / 10))
	{
		flushed = now;
		journal_flush();
	}
	if (counted == 0 || now < counted || now - counted >= COUNT_EVERY ||
		pg_atomic_read_u32(&journal->trouble) != JOURNAL_OK)
	{
		counted = now;
		journal_count_bytes();
	}
	journal_watch();
	return false;
}

/* ---- one segment ---- */

typedef enum Drained
{
	DRAINED_NOTHING,			/* there was nothing */
	DRAINED_ALL,				/* what there was */
	DRAINED_SOME				/* there is more to do */
} Drained;

typedef struct Piece
{
	const JournalFile *file;
	JournalProgress *progress;
	bool		closed;
	bool		careful;
	const char *bytes;			/* from progress->drained on */
	JournalRows rows;
	int64		set_aside;		/* pieces, now */
	int64		set_aside_bytes;
	char		why[160];
} Piece;

static void
set_aside(Piece *piece, size_t from, size_t until, const char *why)
{
	int64		at = piece->progress->drained + (int64) from;

	if (!journal_quarantine(piece->file->name, at, piece->bytes + from, until - from))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set aside damaged bytes of journal file \"%s\": %m", piece->file->name)));
	piece->set_aside++;
	piece->set_aside_bytes += until - from;
	strlcpy(piece->why, why, sizeof(piece->why));
}

static void
tell_set_aside(const Piece *piece)
{
	char		message[256];
	char		cause[EVENT_CAUSE_MAX];
	JsonText	json;

	snprintf(message, sizeof(message), "bytes of %s were set aside in \"quarantine\": %s", piece->file->name, piece->why);
	json_begin(&json, cause, sizeof(cause));
	json_text(&json, "file", piece->file->name);
	json_number(&json, "at", (double) piece->progress->drained);
	json_number(&json, "pieces", (double) piece->set_aside);
	json_number(&json, "bytes", (double) piece->set_aside_bytes);
	json_text(&json, "reason", piece->why);
	json_end(&json);
	journal_event("quarantine", NULL, NULL, message, cause);
}

/* Rows of what was read, and progress. */
static Drained
drain_bytes(Piece *piece, size_t len, bool whole)
{
	SegmentScan scan = {.bytes = piece->bytes,.len = len,.whole = whole};
	SegmentRecord record;
	SegmentStep step = SEGMENT_MORE;
	const char *node = NULL;
	int			node_len = 0;
	int64		torn = 0;
	int			n = 0;
	int			most = piece->careful ? BATCH_RECORDS / 10 : BATCH_RECORDS;

	while (n < most)
	{
		size_t		before = scan.at;
		const char *why = "it is refused";

		step = segment_next(&scan, &record);
		if (step == SEGMENT_MORE || step == SEGMENT_END)
			break;
		if (step == SEGMENT_RECORD)
		{
			CHECK_FOR_INTERRUPTS();
			n++;
			node = record.node;
			node_len = (int) record.node_len;
			if (journal_rows_add(&piece->rows, &record, piece->careful, &why) != ROW_REFUSED)
				continue;
		}
		else if (step == SEGMENT_TORN)
		{
			torn++;
			piece->progress->skipped += scan.at - before;
			continue;
		}
		else
			why = "they are no records";
		piece->progress->skipped += scan.at - before;
		set_aside(piece, before, scan.at, why);
	}
	if (scan.at == 0)
		return DRAINED_NOTHING;
	if (piece->set_aside > 0)
		tell_set_aside(piece);
	pg_atomic_fetch_add_u64(&journal->torn, torn);
	journal_rows_end(&piece->rows);
	piece->progress->drained += scan.at;
	piece->progress->records += piece->rows.added;
	piece->progress->done = piece->closed && step == SEGMENT_END;
	piece->progress->at = clock_wall();
	journal_progress_save(piece->rows.schema, piece->file->name, node, node_len, piece->progress);
	/* once more where it is to be removed now */
	return n == most || len == BATCH_BYTES || piece->progress->done ? DRAINED_SOME : DRAINED_ALL;
}

static bool
is_closed(const JournalFile *file, uint32 open_from)
{
	return memcmp(file->start, journal->start, SEGMENT_START_LEN) != 0 || file->segment < open_from;
}

/* Some of a segment. */
static Drained
drain_some(Oid schema, const JournalFile *file, JournalProgress *progress, bool closed, bool careful)
{
	Piece		piece = {.file = file,.progress = progress,.closed = closed,.careful = careful};
	int64		left = file->bytes - progress->drained;
	char	   *bytes;
	ssize_t		n;
	Drained		drained;

	if (progress->done || (left <= 0 && !closed))
		return DRAINED_NOTHING;
	if (left <= 0)
	{
		/* shorter than what was drained: a copy of it, made earlier */
		progress->done = true;
		progress->at = clock_wall();
		journal_progress_save(schema, file->name, NULL, 0, progress);
		return DRAINED_SOME;
	}
	bytes = palloc(BATCH_BYTES);
	n = journal_read_at(file->name, progress->drained, bytes, (size_t) Min(left, BATCH_BYTES));
	if (n < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read journal file \"%s\": %m", file->name)));
	piece.bytes = bytes;
	journal_rows_begin(&piece.rows, schema);
	drained = drain_bytes(&piece, n, closed && n == left);
	pg_atomic_fetch_add_u64(&journal->drained, piece.rows.added);
	pg_atomic_fetch_add_u64(&journal->known, piece.rows.known);
	pg_atomic_fetch_add_u64(&journal->expired, piece.rows.expired);
	return drained;
}

/* What is drained, closed, durable, and kept long enough. */
static void
remove_drained(Oid schema, const JournalFile *files, const JournalProgress *progress, int n)
{
	const JournalSettings *settings = journal_settings();
	TimestampTz now = clock_wall();

	for (int i = 0; i < n; i++)
	{
		bool		little_room = journal_bytes() > settings->max_size / 2;

		if (!progress[i].done || (now - progress[i].at < settings->keep && now >= progress[i].at && !little_room))
			continue;
		if (journal_remove(files[i].name))
			pg_atomic_fetch_sub_u64(&journal->base, files[i].bytes);
		else
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not remove journal file \"%s\": %m", files[i].name)));
	}
}

/* ---- all of them ---- */

static bool
drain(Oid schema)
{
	static bool unfinished = false;	/* the last pass ended in an error */
	static bool told = false;
	bool		careful = unfinished;
	int64		now = clock_now();
	TimestampTz began = clock_wall();
	uint32		open_from;
	JournalSession session;
	JournalFile *files;
	JournalProgress *progress;
	int			n;
	bool		more = false;

	if (!journal_has_tables(schema))
		return false;			/* objects of an older version */
	if (!journal_own_directory())
	{
		if (!told)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("the journal is not drained: directory \"%s\" cannot be locked: %m", journal_directory()),
					 errhint("Another server may be using it: \"fraud_fallback.journal_directory\" must be each server's own.")));
		told = true;
		return false;
	}
	told = false;
	/* before the list: what is closed now does not grow */
	open_from = journal_open_from();
	if (!journal_list(&files, &n))
		return false;			/* "journal files" tells */
	journal_begin(schema, &session);
	if (journal_lock(schema, false))
	{
		unfinished = true;
		progress = journal_progress(schema, files, n);
		remove_drained(schema, files, progress, n);
		for (int i = 0; i < n && !more; i++)
			more = drain_some(schema, &files[i], &progress[i], is_closed(&files[i], open_from), careful) == DRAINED_SOME;
		/* days are closed when nothing waits */
		unfinished = false;
		if (!more)
			more = journal_days_tend(schema, now, began);
	}
	journal_end(&session);
	return more;
}

void
drain_init(void)
{
	static const WorkerTask files_task = {
		.name = "journal files",.interval = 1000,.run = tend_files
	};
	static const WorkerTask drain_task = {
		.name = "journal",.interval = 1000,.tables = true,.run = drain
	};

	journal_files_init();
	worker_task(&files_task);
	worker_task(&drain_task);
}
