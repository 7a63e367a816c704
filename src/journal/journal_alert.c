/*-------------------------------------------------------------------------
 *
 * journal_alert.c
 *	  What went wrong with the journal, told once, and that it is over.
 *
 * A refused or failed record is counted each time. The first one changes
 * `trouble` and is told as an event; the others find it changed. The worker
 * tells the end: nothing went wrong for a while, and a record could be written.
 * Where nobody writes it tries for itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "config/yaml_scalar.h"
#include "core/clock.h"
#include "core/events.h"
#include "core/json_text.h"
#include "journal/journal_directory.h"
#include "journal/journal_shared.h"

/* So long nothing may have gone wrong before it is over. */
#define CALM				(10 * USECS_PER_SEC)

static const char *const trouble_words[] = {
	[JOURNAL_OK] = "OK", [JOURNAL_IS_FULL] = "FULL", [JOURNAL_FAILS] = "FAILING"
};

static const char *const action_words[] = {
	[ACTION_NONE] = "",
	[ACTION_DIRECTORY] = "could not use the directory",
	[ACTION_OPEN] = "could not open a file",
	[ACTION_WRITE] = "could not write to a file",
	[ACTION_FLUSH] = "could not flush a file",
	[ACTION_RECORD] = "could not record a decision",
	[ACTION_READ] = "could not read a file",
	[ACTION_REMOVE] = "could not remove a file"
};

void
journal_event(const char *subject, const char *from, const char *to, const char *message, const char *cause)
{
	FraudEvent	event = {.at = clock_wall()};

	strlcpy(event.kind, "journal", sizeof(event.kind));
	strlcpy(event.subject, subject, sizeof(event.subject));
	if (from != NULL)
		strlcpy(event.from, from, sizeof(event.from));
	if (to != NULL)
		strlcpy(event.to, to, sizeof(event.to));
	strlcpy(event.who, events_who(), sizeof(event.who));
	strlcpy(event.message, message, sizeof(event.message));
	strlcpy(event.cause, cause, sizeof(event.cause));
	HOLD_INTERRUPTS();
	events_publish(events_reserve(), &event);
	RESUME_INTERRUPTS();
}

static const char *
error_words(char *dst, size_t size, JournalAction action, int error)
{
	snprintf(dst, size, "%s of the journal: %s", action_words[action],
			 action == ACTION_RECORD ? "it is larger than a record may be" : strerror(error));
	return dst;
}

/* The counts, and what the limits are. */
static void
cause_now(char *dst, size_t size)
{
	const JournalSettings *settings = journal_settings_seen();
	JsonText	json;

	json_begin(&json, dst, size);
	json_text(&json, "directory", journal_directory());
	json_number(&json, "bytes", (double) journal_bytes());
	json_number(&json, "max_size", (double) settings->max_size);
	json_number(&json, "written", (double) pg_atomic_read_u64(&journal->written));
	json_number(&json, "refused", (double) pg_atomic_read_u64(&journal->full));
	json_number(&json, "failed", (double) pg_atomic_read_u64(&journal->failed));
	json_end(&json);
}

static void
enter(JournalTrouble trouble, const char *why)
{
	uint32		before = pg_atomic_read_u32(&journal->trouble);
	char		message[256];
	char		cause[EVENT_CAUSE_MAX];

	pg_atomic_write_u64(&journal->trouble_at, (uint64) clock_now());
	/* worse than full is that nothing can be written */
	if (before >= (uint32) trouble ||
		!pg_atomic_compare_exchange_u32(&journal->trouble, &before, trouble))
		return;
	snprintf(message, sizeof(message), "%s -> %s: %s; decisions go on as journal.on_full says",
			 trouble_words[before], trouble_words[trouble], why);
	cause_now(cause, sizeof(cause));
	journal_event("files", trouble_words[before], trouble_words[trouble], message, cause);
}

void
journal_fails(JournalAction action, int error)
{
	char		why[160];

	pg_atomic_write_u64(&journal->error, PLACE(action, (uint32) error));
	pg_atomic_write_u64(&journal->error_at, (uint64) clock_wall());
	/* one record alone says nothing about the next */
	if (action != ACTION_RECORD)
		enter(JOURNAL_FAILS, error_words(why, sizeof(why), action, error));
}

void
journal_is_full(void)
{
	char		max[YAML_PRINT_LEN];
	char		why[160];

	pg_atomic_fetch_add_u64(&journal->full, 1);
	yaml_print_size(journal_settings_seen()->max_size, max);
	snprintf(why, sizeof(why), "its files have reached journal.max_size, %s", max);
	enter(JOURNAL_IS_FULL, why);
}

bool
journal_last_error(char *dst, size_t size, TimestampTz *at)
{
	uint64		error = pg_atomic_read_u64(&journal->error);

	*at = (TimestampTz) pg_atomic_read_u64(&journal->error_at);
	if (error == 0)
		return false;
	error_words(dst, size, (JournalAction) (error >> 32), (int) (uint32) error);
	return true;
}

/* ---- the worker ---- */

/* Can a file be made and written to? */
static bool
try_directory(JournalAction *action)
{
	char		path[MAXPGPATH];
	char		block[4096] = {0};
	int			fd;
	int			error;
	bool		ok;

	*action = ACTION_DIRECTORY;
	if (!journal_make_directory())
		return false;
	snprintf(path, sizeof(path), "%s/try.tmp", journal_directory());
	*action = ACTION_OPEN;
	fd = BasicOpenFilePerm(path, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, pg_file_create_mode);
	if (fd < 0)
		return false;
	*action = ACTION_WRITE;
	errno = ENOSPC;
	ok = write(fd, block, sizeof(block)) == sizeof(block);
	error = errno;
	close(fd);
	(void) unlink(path);
	errno = error;
	return ok;
}

void
journal_watch(void)
{
	static bool tried = false;
	uint32		trouble = pg_atomic_read_u32(&journal->trouble);
	int64		since = clock_now() - (int64) pg_atomic_read_u64(&journal->trouble_at);
	int64		max = journal_settings()->max_size;
	JournalAction action;
	char		message[256];
	char		cause[EVENT_CAUSE_MAX];

	if (trouble == JOURNAL_OK)
	{
		/* known before the first decision; later, writers see for themselves */
		if (!tried && !try_directory(&action))
			journal_fails(action, errno);
		tried = true;
		return;
	}
	if (since >= 0 && since < CALM)
		return;
	if (trouble == JOURNAL_IS_FULL && journal_bytes() > max / 10 * 9)
		return;
	if (trouble == JOURNAL_FAILS && !try_directory(&action))
		return;
	if (!pg_atomic_compare_exchange_u32(&journal->trouble, &trouble, JOURNAL_OK))
		return;
	snprintf(message, sizeof(message), "%s -> OK: decisions are recorded again", trouble_words[trouble]);
	cause_now(cause, sizeof(cause));
	journal_event("files", trouble_words[trouble], trouble_words[JOURNAL_OK], message, cause);
}
