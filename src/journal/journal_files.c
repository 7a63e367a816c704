/*-------------------------------------------------------------------------
 *
 * journal_files.c
 *	  Writing the journal; see journal_files.h, and journal_shared.h for what
 *	  is shared.
 *
 * A record is one writev() to a descriptor with O_APPEND, which the kernel does
 * as a whole: records of many writers stand one behind the other, whole. Where
 * it writes less (the disk is full, or the process is being killed) the bytes
 * stay, and readers find the next record behind them (segment.c).
 *
 * A segment comes to be by the first writer that needs it. One that came to be
 * and is gone again was removed by somebody: no other may have its name, as the
 * drain knows segments by their names, so writers go on to the next number. A
 * descriptor of a removed file still takes bytes, so each writer looks at the
 * number of links.
 *
 * Nothing here raises errors: descriptors are taken below those of
 * transactions, nothing is allocated, and interrupts are held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "core/event_log.h"
#include "core/shmem.h"
#include "journal/journal_directory.h"
#include "journal/journal_shared.h"

#define TRANCHE				"fraud_fallback_journal"

/* Segments that one record may find removed, one after the other. */
#define TRIES				3

JournalShared *journal;
LWLock	   *journal_sync_lock;

/* the segment this process has open */
static int	open_fd = -1;
static uint32 open_segment;

static JournalSettings settings_seen;

const JournalSettings *
journal_settings(void)
{
	static uint64 seen = 0;

	if (unlikely(settings_generation() != seen))
		seen = settings_copy(&journal_section, &settings_seen);
	return &settings_seen;
}

const JournalSettings *
journal_settings_seen(void)
{
	return &settings_seen;
}

bool
journal_writable(void)
{
	return journal != NULL && pg_atomic_read_u32(&journal->trouble) == JOURNAL_OK;
}

void
journal_segment_path(char *dst, size_t size, uint32 segment)
{
	char		name[JOURNAL_FILE_LEN + 1];

	journal_file_name(name, journal->start, segment);
	snprintf(dst, size, "%s/%s", journal_directory(), name);
}

/* ---- which segment ---- */

static pg_atomic_uint32 *
my_slot(void)
{
	return &journal->writer[FRAUD_PROC_NUMBER].segment;
}

/* Takes room; returns the segment. The slot stands for it until it is set to 0. */
static uint32
take_room(uint32 size, uint32 segment_size)
{
	uint64		current = pg_atomic_read_u64(&journal->current);
	uint64		next;

	do
	{
		uint32		used = PLACE_REST(current);

		pg_atomic_write_u32(my_slot(), PLACE_SEGMENT(current));
		pg_memory_barrier();
		next = used > 0 && used + size > segment_size ? PLACE(PLACE_SEGMENT(current) + 1, size) : current + size;
	} while (!pg_atomic_compare_exchange_u64(&journal->current, &current, next));
	return PLACE_SEGMENT(next);
}

bool
journal_leave_segment(uint32 segment)
{
	uint64		current = pg_atomic_read_u64(&journal->current);

	while (PLACE_SEGMENT(current) == segment)
		if (pg_atomic_compare_exchange_u64(&journal->current, &current, PLACE(segment + 1, 0)))
			return true;
	return false;
}

uint32
journal_open_from(void)
{
	uint32		first = PLACE_SEGMENT(pg_atomic_read_u64(&journal->current));

	pg_memory_barrier();
	for (int i = 0; i < journal->writers; i++)
	{
		uint32		segment = pg_atomic_read_u32(&journal->writer[i].segment);

		if (segment > 0)
			first = Min(first, segment);
	}
	return first;
}

/* ---- its file ---- */

/* What became of getting at a segment's file. */
typedef enum Got
{
	GOT_IT,
	GOT_NONE,					/* it was removed */
	GOT_ERROR					/* told */
} Got;

static void
forget_file(void)
{
	if (open_fd >= 0)
		close(open_fd);
	open_fd = -1;
}

static void
raise_created(uint32 segment)
{
	uint32		created = pg_atomic_read_u32(&journal->created);

	while (created < segment &&
		   !pg_atomic_compare_exchange_u32(&journal->created, &created, segment))
		;
}

static Got
open_file(uint32 segment)
{
	static bool reserved = false;
	char		path[MAXPGPATH];
	int			flags = O_WRONLY | O_APPEND | O_CLOEXEC | PG_BINARY;
	bool		existed = pg_atomic_read_u32(&journal->created) >= segment;

	forget_file();
	if (!reserved)
		ReserveExternalFD();
	reserved = true;
	journal_segment_path(path, sizeof(path), segment);
	open_fd = BasicOpenFilePerm(path, existed ? flags : flags | O_CREAT, pg_file_create_mode);
	if (open_fd < 0 && errno == ENOENT && existed)
		return GOT_NONE;
	if (open_fd < 0 && errno == ENOENT && journal_make_directory())
		open_fd = BasicOpenFilePerm(path, flags | O_CREAT, pg_file_create_mode);
	if (open_fd < 0)
	{
		journal_fails(ACTION_OPEN, errno);
		return GOT_ERROR;
	}
	open_segment = segment;
	raise_created(segment);
	return GOT_IT;
}

/* The descriptor of a segment is open_fd then. */
static Got
get_file(uint32 segment)
{
	struct stat st;

	if (open_fd < 0 || open_segment != segment)
		return open_file(segment);
	if (likely(fstat(open_fd, &st) == 0 && st.st_nlink > 0))
		return GOT_IT;
	forget_file();
	return GOT_NONE;
}

static void
tell_removed(uint32 segment)
{
	char		name[JOURNAL_FILE_LEN + 1];
	char		message[256];

	pg_atomic_fetch_add_u64(&journal->lost_files, 1);
	journal_file_name(name, journal->start, segment);
	snprintf(message, sizeof(message), "file %s was removed while it was being written; the next one is begun", name);
	journal_event("file", NULL, NULL, message, "");
}

/* ---- one record ---- */

/* True when it is there as a whole. *put: bytes that are. */
static bool
write_record(struct iovec *parts, size_t size, size_t *put)
{
	ssize_t		n;

	do
	{
		errno = 0;
		n = writev(open_fd, parts, 2);
	} while (n < 0 && errno == EINTR);
	*put = n > 0 ? n : 0;
	if (*put == size)
		return true;
	/* less than all without a reason: the disk is full */
	if (n >= 0)
		errno = ENOSPC;
	return false;
}

/* Into the segment there is room in; the slot is taken. */
static JournalResult
write_somewhere(const JournalSettings *settings, struct iovec *parts, size_t size, size_t *put)
{
	bool		each = settings->sync == JOURNAL_SYNC_EACH;

	for (int i = 0; i < TRIES; i++)
	{
		uint32		segment = take_room((uint32) size, (uint32) settings->segment_size);
		Got			got = get_file(segment);
		bool		ok;

		if (got == GOT_ERROR)
			return JOURNAL_FAILED;
		if (got == GOT_NONE)
		{
			if (journal_leave_segment(segment))
				tell_removed(segment);
			continue;
		}
		ok = write_record(parts, size, put);
		if (!ok)
		{
			int			error = errno;

			/* what is wrong may be this file; a full disk is not, nor is a file nobody could write to */
			if ((*put > 0 || (error != ENOSPC && error != EDQUOT)) &&
				PLACE_REST(pg_atomic_read_u64(&journal->current)) > size)
				(void) journal_leave_segment(segment);
			journal_fails(ACTION_WRITE, error);
			return JOURNAL_FAILED;
		}
		if (each && !journal_sync_each(segment, open_fd))
		{
			/* nobody flushes this descriptor again */
			forget_file();
			return JOURNAL_FAILED;
		}
		return JOURNAL_WRITTEN;
	}
	journal_fails(ACTION_OPEN, ENOENT);
	return JOURNAL_FAILED;
}

static JournalResult
append_record(const JournalSettings *settings, SegmentRecord *record)
{
	char		head[SEGMENT_HEAD_MAX];
	struct iovec parts[2];
	size_t		size = SEGMENT_HEADER_LEN + record->node_len + record->len;
	size_t		put = 0;
	JournalResult result;

	/* bytes are taken first, so that many at once do not go beyond */
	if ((int64) pg_atomic_fetch_add_u64(&journal->appended, size) + (int64) size +
		(int64) pg_atomic_read_u64(&journal->base) > settings->max_size)
	{
		pg_atomic_fetch_sub_u64(&journal->appended, size);
		journal_is_full();
		return JOURNAL_FULL;
	}
	record->sequence = pg_atomic_fetch_add_u64(&journal->sequence, 1) + 1;
	memcpy(record->start, journal->start, SEGMENT_START_LEN);
	parts[0].iov_base = head;
	parts[0].iov_len = segment_head(record, head);
	parts[1].iov_base = unconstify(char *, record->payload);
	parts[1].iov_len = record->len;
	result = write_somewhere(settings, parts, size, &put);
	pg_atomic_write_u32(my_slot(), 0);
	if (put < size)
		pg_atomic_fetch_sub_u64(&journal->appended, size - put);
	if (result == JOURNAL_WRITTEN)
	{
		pg_atomic_fetch_add_u64(&journal->written, 1);
		pg_atomic_write_u64(&journal->written_at, (uint64) record->written);
	}
	return result;
}

JournalResult
journal_append(const char *payload, size_t len, JournalRecordId *id)
{
	const JournalSettings *settings;
	SegmentRecord record = {.payload = payload,.len = len};
	JournalResult result;

	if (journal == NULL || FRAUD_PROC_NUMBER >= journal->writers)
		return JOURNAL_FAILED;
	settings = journal_settings();
	record.node = event_node();
	record.node_len = Min(strlen(record.node), SEGMENT_NODE_MAX);
	record.written = clock_wall();

	HOLD_INTERRUPTS();
	if (len > SEGMENT_PAYLOAD_MAX)
	{
		record.sequence = pg_atomic_fetch_add_u64(&journal->sequence, 1) + 1;
		journal_fails(ACTION_RECORD, EFBIG);
		result = JOURNAL_FAILED;
	}
	else
		result = append_record(settings, &record);
	if (result == JOURNAL_FAILED)
		pg_atomic_fetch_add_u64(&journal->failed, 1);
	RESUME_INTERRUPTS();
	if (id != NULL && result != JOURNAL_FULL)
	{
		memcpy(id->start, journal->start, SEGMENT_START_LEN);
		id->sequence = record.sequence;
	}
	return result;
}

void
journal_count_bytes(void)
{
	uint64		appended = pg_atomic_read_u64(&journal->appended);
	JournalFile *files;
	int64		sum = 0;
	int			n;

	/* what is written meanwhile counts twice, until the next time */
	if (!journal_list(&files, &n))
		return;
	for (int i = 0; i < n; i++)
		sum += files[i].bytes;
	pg_atomic_write_u64(&journal->base, (uint64) (sum - (int64) appended));
	pfree(files);
}

/* ---- shared memory ---- */

static int
slots_wanted(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

static Size
journal_size(void)
{
	/* the area begins where it begins, what is in it on a cache line */
	return add_size(add_size(offsetof(JournalShared, writer), mul_size(sizeof(JournalWriter), slots_wanted())),
					PG_CACHE_LINE_SIZE);
}

static void
journal_setup(void *memory, LWLockPadded *locks, bool found)
{
	journal = (JournalShared *) CACHELINEALIGN(memory);
	journal_sync_lock = &locks[0].lock;
	if (found)
		return;
	memset(journal, 0, journal_size() - PG_CACHE_LINE_SIZE);
	if (!pg_strong_random(journal->start, sizeof(journal->start)))
		for (int i = 0; i < SEGMENT_START_LEN; i++)
			journal->start[i] = (uint8) pg_prng_uint32(&pg_global_prng_state);
	journal->writers = slots_wanted();
	pg_atomic_init_u64(&journal->current, PLACE(1, 0));
	pg_atomic_init_u64(&journal->sequence, 0);
	pg_atomic_init_u64(&journal->appended, 0);
	pg_atomic_init_u64(&journal->written, 0);
	pg_atomic_init_u64(&journal->done, 0);
	pg_atomic_init_u64(&journal->written_at, 0);
	pg_atomic_init_u64(&journal->base, 0);
	pg_atomic_init_u64(&journal->full, 0);
	pg_atomic_init_u64(&journal->failed, 0);
	pg_atomic_init_u64(&journal->lost_files, 0);
	pg_atomic_init_u64(&journal->trouble_at, 0);
	pg_atomic_init_u64(&journal->error, 0);
	pg_atomic_init_u64(&journal->error_at, 0);
	pg_atomic_init_u64(&journal->synced, 0);
	pg_atomic_init_u64(&journal->flushed, 0);
	pg_atomic_init_u64(&journal->flush_failures, 0);
	pg_atomic_init_u64(&journal->drained, 0);
	pg_atomic_init_u64(&journal->known, 0);
	pg_atomic_init_u64(&journal->expired, 0);
	pg_atomic_init_u64(&journal->torn, 0);
	pg_atomic_init_u32(&journal->created, 0);
	pg_atomic_init_u32(&journal->trouble, JOURNAL_OK);
	pg_atomic_init_u32(&journal->directory_synced, 0);
	pg_atomic_init_u32(&journal->bad, 0);
	pg_atomic_init_u32(&journal->flush_from, 1);
	for (int i = 0; i < journal->writers; i++)
		pg_atomic_init_u32(&journal->writer[i].segment, 0);
	/* whoever is the owner while the server starts is so until its last process ends */
	if (!IsUnderPostmaster && journal_make_directory())
		(void) journal_own_directory();
}

void
journal_files_init(void)
{
	journal_directory_init();
	settings_register(&journal_section);
	shmem_register(TRANCHE, journal_size, journal_setup, 1);
}
