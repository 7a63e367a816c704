/*-------------------------------------------------------------------------
 *
 * policy_file.c
 *	  The rules file, and the policy in force.
 *
 * The policy in force is the last good one that fraud_fallback.rules_file
 * gave, or the shipped default: where no file is named, and where no reading
 * has been good yet. A bad file never replaces a good policy; its error goes
 * to the server's log and into fraud_config_status.
 *
 * The file is read
 *	 - by the first look of a backend (preloaded: of the server),
 *	 - by the first look after a reload of the configuration. There is no
 *	   signal handler: the server sets PgReloadTime when it handles SIGHUP,
 *	   between statements, and another value than last time means a reload.
 *	   Values are compared for equality only, so a clock set back is harmless,
 *	 - by fraud_reload().
 * A reading raises no error, opens nothing but a plain file, and takes at most
 * POLICY_MAX_YAML bytes. Finding the same bytes as the last reading ends it.
 *
 * What is in force stands on a board. With shared_preload_libraries there is
 * one board for the server, in shared memory: whoever reads, publishes for
 * all, and others see `generation` move. Otherwise each backend has its own.
 *
 * Locking protocol of the shared board:
 *	 generation, tickets, reload_seen	atomics, no lock
 *	 everything else, and the image		board_lock; exclusive to publish,
 *										shared to copy out
 * Under the lock there is only copying. Files are read and parsed outside, by
 * several backends at once if it comes to that; a reading draws its ticket
 * before it opens the file, and one that began later has seen all that an
 * earlier one can have been asked for, so a lower ticket than that of the
 * last publication is dropped. Nothing on the board is worth keeping over a
 * crash: it comes back from the file.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/shmem.h"
#include "policy/policy_file.h"
#include "policy/policy_server.h"

/*
 * The largest image 256 kB of YAML can make. No element of a list or map is
 * larger than PolicyCidr but notices, which take more YAML than image, and
 * texts are in the input. The last part is for what comes from the default.
 */
#define BOARD_IMAGE_MAX \
	(sizeof(Policy) + POLICY_MAX_NODES * sizeof(PolicyCidr) + POLICY_MAX_YAML + 64 * 1024)

/* Board.content: 0 before the first reading */
#define CONTENT_DEFAULT		UINT64_C(1)	/* no file named */
#define CONTENT_FILE		UINT64_C(2)	/* always set in a file's */

typedef struct Board
{
	pg_atomic_uint64 generation;	/* grows with each publication; 0: none yet */
	pg_atomic_uint64 tickets;	/* drawn by readings */
	pg_atomic_uint64 reload_seen;	/* PgReloadTime some backend began with */

	uint64		ticket;			/* of the last publication */

	/* the policy in force */
	uint32		image_size;		/* 0: the shipped default */
	uint64		hash;
	uint64		basis_hash;
	TimestampTz loaded_at;		/* 0: never, the shipped default */

	/* the last reading */
	uint64		content;		/* hash of the path and what was found there */
	char		path[MAXPGPATH];	/* empty: no file named */
	char		error[1400];	/* UTF-8; empty: it was good */
} Board;

typedef enum ReadingResult
{
	READING_SAME,				/* as the last one */
	READING_DEFAULT,			/* no file named */
	READING_POLICY,
	READING_INVALID,			/* not a policy; error is filled */
	READING_UNREADABLE			/* error is filled, and errnum unless 0 */
} ReadingResult;

typedef struct Reading
{
	uint64		ticket;
	uint64		content;
	Policy	   *policy;			/* palloc'd */
	int			errnum;
	char		path[MAXPGPATH];
	PolicyError error;
} Reading;

static char *rules_file;

static Board *board;
static char *board_image;		/* behind the board; one's own may grow */
static LWLock *board_lock;		/* NULL: the board is one's own */

static TimestampTz last_reload; /* PgReloadTime at the last look */
static bool looked = false;
static uint64 taken;			/* generation of the last take */

PG_FUNCTION_INFO_V1(fraud_reload);
PG_FUNCTION_INFO_V1(fraud_config_status);

/* ---- the board ---- */

static Size
board_size(void)
{
	return add_size(MAXALIGN(sizeof(Board)), MAXALIGN(BOARD_IMAGE_MAX));
}

static void
board_setup(Board *b)
{
	memset(b, 0, sizeof(Board));
	pg_atomic_init_u64(&b->generation, 0);
	pg_atomic_init_u64(&b->tickets, 0);
	pg_atomic_init_u64(&b->reload_seen, 0);
}

static void
board_init(void *memory, LWLockPadded *locks, bool found)
{
	board = memory;
	if (!found)
		board_setup(board);
	board_image = (char *) board + MAXALIGN(sizeof(Board));
	board_lock = &locks->lock;
}

/* Makes sure there is a board. */
static void
need_board(void)
{
	if (board == NULL)
	{
		Board	   *own = MemoryContextAlloc(TopMemoryContext, sizeof(Board));

		board_setup(own);
		board = own;
	}
}

static void
lock_board(LWLockMode mode)
{
	if (board_lock != NULL)
		LWLockAcquire(board_lock, mode);
}

static void
unlock_board(void)
{
	if (board_lock != NULL)
		LWLockRelease(board_lock);
}

/*
 * Puts a reading on the board. With error set the policy in force stays;
 * otherwise it is replaced by reading->policy, NULL for the shipped default.
 */
static void
publish(const Reading *reading, const char *error)
{
	const Policy *policy = reading->policy != NULL ? reading->policy : policy_default();
	uint32		size = reading->policy != NULL ? policy->size : 0;
	TimestampTz now = GetCurrentTimestamp();

	if (board_lock == NULL && error == NULL && size > 0)
	{
		char	   *own = MemoryContextAlloc(TopMemoryContext, size);

		if (board_image != NULL)
			pfree(board_image);
		board_image = own;
	}
	lock_board(LW_EXCLUSIVE);
	if (reading->ticket > board->ticket)
	{
		board->ticket = reading->ticket;
		board->content = reading->content;
		strlcpy(board->path, reading->path, sizeof(board->path));
		strlcpy(board->error, error != NULL ? error : "", sizeof(board->error));
		if (error == NULL)
		{
			if (size > 0)
				memcpy(board_image, policy, size);
			board->image_size = size;
			board->hash = policy->hash;
			board->basis_hash = policy->basis_hash;
			board->loaded_at = size > 0 ? now : 0;
		}
		else if (pg_atomic_read_u64(&board->generation) == 0)
		{
			/* nothing was in force: the shipped default is */
			board->hash = policy->hash;
			board->basis_hash = policy->basis_hash;
		}
		pg_atomic_fetch_add_u64(&board->generation, 1);
	}
	unlock_board();
}

/* ---- reading ---- */

static void
unreadable(Reading *reading, int errnum, const char *what)
{
	PolicyError *error = &reading->error;

	memset(error, 0, sizeof(*error));
	if (errnum != 0)
		snprintf(error->message, sizeof(error->message), "%s: %s", what, strerror(errnum));
	else
		strlcpy(error->message, what, sizeof(error->message));
	reading->errnum = errnum;
	reading->content = hash_bytes_extended((unsigned char *) error->message,
										   strlen(error->message), reading->content);
}

/* The bytes at reading->path; NULL and `unreadable` otherwise. */
static char *
read_bytes(Reading *reading, size_t *len)
{
	char	   *bytes = palloc(POLICY_MAX_YAML + 1);
	struct stat st;
	size_t		n = 0;
	int			errnum;
	int			fd;

	/* O_NONBLOCK: a named pipe must not hold us up before fstat() */
	fd = BasicOpenFile(reading->path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
	{
		unreadable(reading, errno, "could not open the file");
		return NULL;
	}
	if (fstat(fd, &st) != 0)
		errnum = errno;
	else if (!S_ISREG(st.st_mode))
	{
		close(fd);
		unreadable(reading, 0, "it is not a regular file");
		return NULL;
	}
	else
	{
		errnum = 0;
		while (n <= POLICY_MAX_YAML)
		{
			ssize_t		got = read(fd, bytes + n, POLICY_MAX_YAML + 1 - n);

			if (got == 0)
				break;
			if (got > 0)
				n += got;
			else if (errno != EINTR)
			{
				errnum = errno;
				break;
			}
		}
	}
	close(fd);
	if (errnum != 0)
	{
		unreadable(reading, errnum, "could not read the file");
		return NULL;
	}
	*len = n;					/* one too many makes policy_read() say so */
	return bytes;
}

/*
 * Reads the file as it is now. `known` is the content of the last reading, 0
 * to parse in any case. Allocates in the current context.
 */
static ReadingResult
read_rules(Reading *reading, uint64 known)
{
	char	   *bytes;
	size_t		len = 0;

	memset(reading, 0, sizeof(*reading));
	reading->ticket = pg_atomic_add_fetch_u64(&board->tickets, 1);
	if (rules_file != NULL && rules_file[0] != '\0')
	{
		if (is_absolute_path(rules_file))
			strlcpy(reading->path, rules_file, sizeof(reading->path));
		else
			snprintf(reading->path, sizeof(reading->path), "%s/%s", DataDir, rules_file);
		canonicalize_path(reading->path);
	}
	if (reading->path[0] == '\0')
	{
		reading->content = CONTENT_DEFAULT;
		return reading->content == known ? READING_SAME : READING_DEFAULT;
	}

	reading->content = hash_bytes_extended((unsigned char *) reading->path,
										   strlen(reading->path), 0);
	bytes = read_bytes(reading, &len);
	if (bytes != NULL)
		reading->content = hash_bytes_extended((unsigned char *) bytes, (int) len,
											   reading->content);
	reading->content |= CONTENT_FILE;
	if (reading->content == known)
		return READING_SAME;
	if (bytes == NULL)
		return READING_UNREADABLE;

	reading->policy = policy_read(bytes, len, policy_default(), false, policy_zone_ok,
								  &reading->error);
	if (reading->policy == NULL)
		return READING_INVALID;
	SET_VARSIZE(reading->policy, reading->policy->size);
	if (reading->policy->size > BOARD_IMAGE_MAX)
	{
		reading->policy = NULL;
		snprintf(reading->error.message, sizeof(reading->error.message),
				 "the policy takes more than %zu bytes", (size_t) BOARD_IMAGE_MAX);
		return READING_INVALID;
	}
	if (!policy_custom_ok(reading->policy, &reading->error))
	{
		reading->policy = NULL;
		return READING_INVALID;
	}
	return READING_POLICY;
}

/* Raises a bad reading as an error, or logs it. */
static void
report(const Reading *reading, ReadingResult result, int elevel)
{
	const PolicyError *error = &reading->error;
	const char *message = policy_message(error->message);

	if (result == READING_UNREADABLE)
	{
		errno = reading->errnum;
		ereport(elevel,
				(reading->errnum != 0 ? errcode_for_file_access() : errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("could not use fraud policy file \"%s\": %s", reading->path, message),
				 elevel < ERROR ? errdetail("The policy in force stays.") : 0));
	}
	else
		ereport(elevel,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 error->line > 0 ?
				 errmsg("invalid fraud policy in file \"%s\" at line %d, column %d: %s",
						reading->path, error->line, error->column, message) :
				 errmsg("invalid fraud policy in file \"%s\": %s", reading->path, message),
				 error->detail[0] != '\0' ? errdetail("%s", policy_message(error->detail)) : 0,
				 error->hint[0] != '\0' ? errhint("%s", policy_message(error->hint)) : 0));
}

/*
 * One reading, published unless it is the same as the last. With `must` it is
 * parsed and published in any case, and a bad one is raised.
 */
static void
refresh(bool must)
{
	MemoryContext cxt;
	MemoryContext caller;
	Reading    *reading;
	ReadingResult result;
	uint64		known = 0;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "fraud policy file",
								ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(cxt);
	reading = palloc(sizeof(Reading));
	if (!must)
	{
		lock_board(LW_SHARED);
		known = board->content;
		unlock_board();
	}
	result = read_rules(reading, known);
	if (result == READING_DEFAULT || result == READING_POLICY)
		publish(reading, NULL);
	else if (result != READING_SAME)
	{
		publish(reading, policy_error_text(&reading->error));
		report(reading, result, must ? ERROR : LOG);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
}

/* ---- the policy in force ---- */

bool
policy_file_changed(void)
{
	need_board();
	if (!looked || PgReloadTime != last_reload)
	{
		/*
		 * A backend inherits PgReloadTime. Where another one has begun with
		 * the same value, that one has read the file already.
		 */
		if (looked || pg_atomic_read_u64(&board->generation) == 0 ||
			pg_atomic_read_u64(&board->reload_seen) != (uint64) PgReloadTime)
		{
			refresh(false);
			if (!looked)
				pg_atomic_write_u64(&board->reload_seen, (uint64) PgReloadTime);
		}
		last_reload = PgReloadTime;
		looked = true;
	}
	return pg_atomic_read_u64(&board->generation) != taken;
}

Policy *
policy_file_take(void)
{
	Policy	   *copy = NULL;
	uint32		room = 0;
	uint32		size;

	for (;;)
	{
		lock_board(LW_SHARED);
		size = board->image_size;
		if (size <= room)
		{
			if (size > 0)
				memcpy(copy, board_image, size);
			taken = pg_atomic_read_u64(&board->generation);
			unlock_board();
			break;
		}
		unlock_board();
		if (copy != NULL)
			pfree(copy);
		copy = palloc(size);
		room = size;
	}
	if (size == 0 && copy != NULL)
	{
		pfree(copy);
		copy = NULL;
	}
	return copy;
}

/* ---- SQL ---- */

/*
 * Reads the file now. The policy is in force for statements that begin after
 * this one, of every session if the library is preloaded, else of this one.
 */
Datum
fraud_reload(PG_FUNCTION_ARGS)
{
	char		hash[POLICY_HASH_CHARS + 1];

	need_board();
	refresh(true);
	lock_board(LW_SHARED);
	policy_hash_text(board->hash, hash);
	unlock_board();
	PG_RETURN_TEXT_P(cstring_to_text(hash));
}

/* One row: file, path, hash, basis_hash, loaded_at, error. */
Datum
fraud_config_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Board	   *seen = palloc(sizeof(Board));
	char		hash[POLICY_HASH_CHARS + 1];
	Datum		values[6];
	bool		nulls[6] = {false};

	InitMaterializedSRF(fcinfo, 0);

	(void) policy_file_changed();	/* whatever is to be read, has been */
	lock_board(LW_SHARED);
	memcpy(seen, board, sizeof(Board));
	unlock_board();

	values[0] = CStringGetTextDatum("rules");
	nulls[1] = seen->path[0] == '\0';
	if (!nulls[1])
		values[1] = CStringGetTextDatum(seen->path);
	policy_hash_text(seen->hash, hash);
	values[2] = CStringGetTextDatum(hash);
	policy_hash_text(seen->basis_hash, hash);
	values[3] = CStringGetTextDatum(hash);
	nulls[4] = seen->loaded_at == 0;
	values[4] = TimestampTzGetDatum(seen->loaded_at);
	nulls[5] = seen->error[0] == '\0';
	if (!nulls[5])
		values[5] = CStringGetTextDatum(psprintf("%s %s", policy_message(seen->error),
												 seen->image_size == 0 ?
												 "The shipped default is in force." :
												 "The policy read before stays in force."));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

void
policy_file_init(void)
{
	DefineCustomStringVariable("fraud_fallback.rules_file",
							   "File with the fraud policy, in YAML.",
							   "Empty for the shipped default. A relative path is below the data directory.",
							   &rules_file,
							   "",
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY | GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);

	shmem_register("fraud_fallback_policy", board_size, board_init, 1);
}
