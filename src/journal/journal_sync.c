/*-------------------------------------------------------------------------
 *
 * journal_sync.c
 *	  Getting the journal to the disk: journal.sync `interval` and `each`.
 *
 * A failed fsync() means that the kernel may have thrown away what was written
 * to the file, and says so once. So a segment that could not be flushed is left
 * for a new one and never flushed again; what it held since its last good flush
 * counts as lost until the drain has read it back and made rows of it, which it
 * does from the same cache.
 *
 * interval: the worker flushes every segment that was written to since it last
 * did, each by a descriptor made for it.
 *
 * each: whoever wrote takes a number in `done` and the area's lock. Who gets
 * the lock flushes for all whose writes had ended by then, and says so in
 * `synced`; those who waited find their numbers in it and go. Only writers of
 * the segment that is flushed can be served so, others flush theirs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"

#include "core/compat.h"
#include "journal/journal_directory.h"
#include "journal/journal_shared.h"

static void
flush_failed(uint32 segment)
{
	uint32		bad = pg_atomic_read_u32(&journal->bad);

	while (bad < segment && !pg_atomic_compare_exchange_u32(&journal->bad, &bad, segment))
		;
	pg_atomic_fetch_add_u64(&journal->flush_failures, 1);
	(void) journal_leave_segment(segment);
}

/* So that the names of segments outlive a power cut. */
static bool
flush_directory(void)
{
	uint32		created = pg_atomic_read_u32(&journal->created);
	uint32		synced = pg_atomic_read_u32(&journal->directory_synced);
	bool		ok;
	int			fd;
	int			error;

	if (synced >= created)
		return true;
	fd = BasicOpenFile(journal_directory(), O_RDONLY | PG_BINARY);
	if (fd < 0)
		return false;
	/* some file systems do not flush directories, and need not */
	ok = pg_fsync(fd) == 0 || errno == EBADF || errno == EINVAL;
	error = errno;
	close(fd);
	errno = error;
	while (ok && synced < created &&
		   !pg_atomic_compare_exchange_u32(&journal->directory_synced, &synced, created))
		;
	return ok;
}

/* ---- each ---- */

/* The number of a write that has ended. */
static uint32
count_write(uint32 segment)
{
	uint64		done = pg_atomic_read_u64(&journal->done);
	uint64		next;

	do
	{
		/* a later one has been begun: nobody counts for this */
		if (PLACE_SEGMENT(done) > segment)
			return 0;
		next = PLACE_SEGMENT(done) == segment ? done + 1 : PLACE(segment, 1);
	} while (!pg_atomic_compare_exchange_u64(&journal->done, &done, next));
	return PLACE_REST(next);
}

static bool
is_synced(uint32 segment, uint32 number)
{
	uint64		synced = pg_atomic_read_u64(&journal->synced);

	return number > 0 && PLACE_SEGMENT(synced) == segment && PLACE_REST(synced) >= number;
}

/* Under the lock. 0, or errno. */
static int
flush_for_all(uint32 segment, int fd)
{
	uint64		target = pg_atomic_read_u64(&journal->done);
	int			error;

	/* somebody's flush has failed, and this record was part of it */
	if (segment <= pg_atomic_read_u32(&journal->bad))
		return EIO;
	if (pg_fsync(fd) != 0)
	{
		error = errno;
		flush_failed(segment);
		return error;
	}
	if (!flush_directory())
		return errno;
	if (PLACE_SEGMENT(target) == segment)
		pg_atomic_write_u64(&journal->synced, target);
	return 0;
}

bool
journal_sync_each(uint32 segment, int fd)
{
	uint32		number = count_write(segment);

	while (!is_synced(segment, number))
	{
		int			error = 0;

		/* false: somebody had the lock, and has let it go */
		if (!LWLockAcquireOrWait(journal_sync_lock, LW_EXCLUSIVE))
			continue;
		if (!is_synced(segment, number))
		{
			pgstat_report_wait_start(PG_WAIT_EXTENSION);
			error = flush_for_all(segment, fd);
			pgstat_report_wait_end();
		}
		LWLockRelease(journal_sync_lock);
		if (error != 0)
			journal_fails(ACTION_FLUSH, error);
		return error == 0;
	}
	return true;
}

/* ---- interval ---- */

static void
flush_segment(uint32 segment)
{
	char		path[MAXPGPATH];
	int			fd;
	int			error;
	bool		ok;

	journal_segment_path(path, sizeof(path), segment);
	fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
	if (fd < 0)
	{
		/* nobody wrote to it, or it was drained */
		if (errno != ENOENT)
			journal_fails(ACTION_FLUSH, errno);
		return;
	}
	ok = pg_fsync(fd) == 0;
	error = errno;
	close(fd);
	if (!ok)
	{
		flush_failed(segment);
		journal_fails(ACTION_FLUSH, error);
	}
}

void
journal_flush(void)
{
	uint64		writes = pg_atomic_read_u64(&journal->written);
	uint32		open_from = journal_open_from();
	uint32		last = PLACE_SEGMENT(pg_atomic_read_u64(&journal->current));

	if (writes == pg_atomic_read_u64(&journal->flushed))
		return;
	for (uint32 segment = pg_atomic_read_u32(&journal->flush_from); segment <= last; segment++)
		if (segment != pg_atomic_read_u32(&journal->bad))
			flush_segment(segment);
	if (!flush_directory())
		journal_fails(ACTION_FLUSH, errno);
	pg_atomic_write_u32(&journal->flush_from, open_from);
	pg_atomic_write_u64(&journal->flushed, writes);
}
