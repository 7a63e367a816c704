/*-------------------------------------------------------------------------
 *
 * config_file.c
 *	  Configuration files, and what is in force of each.
 *
 * In force is the last good reading of the file a setting names, or what is
 * built into the library: where no file is named, and where no reading has
 * been good yet. A bad file never replaces a good one; its error goes to the
 * server's log and into fraud_config_status.
 *
 * A file is read
 *	 - by the first look of a backend (preloaded: of the server),
 *	 - by the first look after a reload of the configuration. There is no
 *	   signal handler: the server sets PgReloadTime when it handles SIGHUP,
 *	   between statements, and another value than last time means a reload.
 *	   Values are compared for equality only, so a clock set back is harmless,
 *	 - by fraud_reload().
 * A reading raises no error, opens nothing but a plain file, and takes at most
 * YAML_MAX_BYTES bytes. Finding the same bytes as the last reading ends it.
 *
 * What is in force stands on a board, one for each file. With
 * shared_preload_libraries the boards are the server's, in shared memory:
 * whoever reads, publishes for all, and others see `generation` move.
 * Otherwise each backend has its own.
 *
 * Locking protocol of a shared board:
 *	 generation, tickets, reload_seen	atomics, no lock
 *	 everything else, and the image		the file's lock; exclusive to publish,
 *										shared to copy out
 * Under the lock there is only copying. Files are read and parsed outside, by
 * several backends at once if it comes to that; a reading draws its ticket
 * before it opens the file, and one that began later has seen all that an
 * earlier one can have been asked for, so a lower ticket than that of the
 * last publication is dropped. Nothing on a board is worth keeping over a
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
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "config/config_file.h"
#include "config/yaml_server.h"
#include "config/yaml_tree.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/shared_text.h"
#include "core/shmem.h"

#define MAX_FILES			4	/* each has a lock */

/* ConfigBoard.content: 0 before the first reading */
#define CONTENT_DEFAULT		UINT64_C(1)	/* no file named */
#define CONTENT_FILE		UINT64_C(2)	/* always set in a file's */

typedef struct ConfigBoard
{
	pg_atomic_uint64 generation;	/* grows with each publication; 0: none yet */
	pg_atomic_uint64 tickets;	/* drawn by readings */
	pg_atomic_uint64 reload_seen;	/* PgReloadTime some backend began with */

	uint64		ticket;			/* of the last publication */

	/* what is in force */
	uint32		image_size;		/* 0: the shipped default */
	uint64		hash;
	uint64		basis_hash;
	TimestampTz loaded_at;		/* 0: never, the shipped default */
	uint32		owner;			/* of the file; valid if image_size > 0, and so is the next */
	char		loaded_by[NAMEDATALEN]; /* UTF-8; empty: not by fraud_reload() */

	/* the last reading */
	uint64		content;		/* hash of the path and what was found there */
	char		path[MAXPGPATH];	/* empty: no file named */
	char		error[1400];	/* UTF-8; empty: it was good */
} ConfigBoard;

typedef enum ReadingResult
{
	READING_SAME,				/* as the last one */
	READING_DEFAULT,			/* no file named */
	READING_GOOD,
	READING_INVALID,			/* error is filled */
	READING_UNREADABLE			/* error is filled, and errnum unless 0 */
} ReadingResult;

typedef struct Reading
{
	ReadingResult result;
	uint64		ticket;
	uint64		content;
	ConfigImage image;
	uint32		owner;			/* of the file */
	int			errnum;
	char		path[MAXPGPATH];
	YamlError	error;
} Reading;

static ConfigFile *files;		/* in order of their names */

PG_FUNCTION_INFO_V1(fraud_config_status);

/* ---- boards ---- */

static Size
board_size(const ConfigFile *file)
{
	return add_size(MAXALIGN(sizeof(ConfigBoard)), MAXALIGN(file->image_max()));
}

static Size
boards_size(void)
{
	Size		size = 0;

	for (const ConfigFile *file = files; file != NULL; file = file->next)
		size = add_size(size, board_size(file));
	return size;
}

static void
board_setup(ConfigBoard *board)
{
	memset(board, 0, sizeof(ConfigBoard));
	pg_atomic_init_u64(&board->generation, 0);
	pg_atomic_init_u64(&board->tickets, 0);
	pg_atomic_init_u64(&board->reload_seen, 0);
}

static void
boards_init(void *memory, LWLockPadded *locks, bool found)
{
	char	   *next = memory;

	for (ConfigFile *file = files; file != NULL; file = file->next)
	{
		file->board = (ConfigBoard *) next;
		if (!found)
			board_setup(file->board);
		file->image = next + MAXALIGN(sizeof(ConfigBoard));
		file->lock = &(locks++)->lock;
		next += board_size(file);
	}
}

/* Makes sure there is a board. */
static void
need_board(ConfigFile *file)
{
	if (file->board == NULL)
	{
		ConfigBoard *own = MemoryContextAlloc(TopMemoryContext, sizeof(ConfigBoard));

		board_setup(own);
		file->board = own;
	}
}

static void
lock_board(const ConfigFile *file, LWLockMode mode)
{
	if (file->lock != NULL)
		LWLockAcquire(file->lock, mode);
}

static void
unlock_board(const ConfigFile *file)
{
	if (file->lock != NULL)
		LWLockRelease(file->lock);
}

/*
 * Puts a reading on the board. With error set what is in force stays; otherwise
 * the reading replaces it, of size 0 for the shipped default. by: the role that
 * asked for it, or empty.
 */
static void
publish(ConfigFile *file, const Reading *reading, const char *by, const char *error)
{
	ConfigBoard *board = file->board;
	ConfigImage image = reading->image;
	uint32		size = image.size;
	TimestampTz now = GetCurrentTimestamp();

	if (size == 0)
		file->shipped(&image);
	if (file->lock == NULL && error == NULL && size > 0)
	{
		char	   *own = MemoryContextAlloc(TopMemoryContext, size);

		if (file->image != NULL)
			pfree(file->image);
		file->image = own;
	}
	lock_board(file, LW_EXCLUSIVE);
	if (reading->ticket > board->ticket)
	{
		board->ticket = reading->ticket;
		board->content = reading->content;
		strlcpy(board->path, reading->path, sizeof(board->path));
		strlcpy(board->error, error != NULL ? error : "", sizeof(board->error));
		if (error == NULL)
		{
			if (size > 0)
				memcpy(file->image, image.bytes, size);
			board->image_size = size;
			board->hash = image.hash;
			board->basis_hash = image.basis_hash;
			board->loaded_at = size > 0 ? now : 0;
			board->owner = reading->owner;
			strlcpy(board->loaded_by, by, sizeof(board->loaded_by));
		}
		else if (pg_atomic_read_u64(&board->generation) == 0)
		{
			/* nothing was in force: the shipped default is */
			board->hash = image.hash;
			board->basis_hash = image.basis_hash;
		}
		pg_atomic_fetch_add_u64(&board->generation, 1);
	}
	unlock_board(file);
}

/* ---- reading ---- */

static void
unreadable(Reading *reading, int errnum, const char *what)
{
	YamlError  *error = &reading->error;

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
	char	   *bytes = palloc(YAML_MAX_BYTES + 1);
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
		reading->owner = (uint32) st.st_uid;
		while (n <= YAML_MAX_BYTES)
		{
			ssize_t		got = read(fd, bytes + n, YAML_MAX_BYTES + 1 - n);

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
	*len = n;					/* one too many makes the parser say so */
	return bytes;
}

/*
 * Reads the file as it is now. `known` is the content of the last reading, 0
 * to parse in any case. Allocates in the current context.
 */
static void
read_file(ConfigFile *file, Reading *reading, uint64 known)
{
	const char *name = *file->path;
	char	   *bytes;
	size_t		len = 0;

	memset(reading, 0, sizeof(*reading));
	reading->ticket = pg_atomic_add_fetch_u64(&file->board->tickets, 1);
	if (name != NULL && name[0] != '\0')
	{
		if (is_absolute_path(name))
			strlcpy(reading->path, name, sizeof(reading->path));
		else
			snprintf(reading->path, sizeof(reading->path), "%s/%s", DataDir, name);
		canonicalize_path(reading->path);
	}
	if (reading->path[0] == '\0')
	{
		reading->content = CONTENT_DEFAULT;
		reading->result = reading->content == known ? READING_SAME : READING_DEFAULT;
		return;
	}

	reading->content = hash_bytes_extended((unsigned char *) reading->path,
										   strlen(reading->path), 0);
	bytes = read_bytes(reading, &len);
	if (bytes != NULL)
		reading->content = hash_bytes_extended((unsigned char *) bytes, (int) len,
											   reading->content);
	reading->content |= CONTENT_FILE;
	if (reading->content == known)
		reading->result = READING_SAME;
	else if (bytes == NULL)
		reading->result = READING_UNREADABLE;
	else if (file->parse(bytes, len, &reading->image, &reading->error))
		reading->result = READING_GOOD;
	else
	{
		reading->result = READING_INVALID;
		memset(&reading->image, 0, sizeof(reading->image));
	}
}

/* Raises a bad reading as an error, or logs it. */
static void
report(const ConfigFile *file, const Reading *reading, int elevel)
{
	const YamlError *error = &reading->error;
	const char *message = yaml_message(error->message);

	if (reading->result == READING_UNREADABLE)
	{
		errno = reading->errnum;
		ereport(elevel,
				(reading->errnum != 0 ? errcode_for_file_access() : errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("could not use %s \"%s\": %s", file->title, reading->path, message),
				 elevel < ERROR ? errdetail("%s", file->stays) : 0));
	}
	else
		ereport(elevel,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 error->line > 0 ?
				 errmsg("invalid %s in file \"%s\" at line %d, column %d: %s", file->content,
						reading->path, error->line, error->column, message) :
				 errmsg("invalid %s in file \"%s\": %s", file->content, reading->path, message),
				 yaml_errdetail(error), yaml_errhint(error)));
}

/*
 * One reading, published unless it is the same as the last. With `must` it is
 * parsed and published in any case, and a bad one is returned.
 */
static Reading *
refresh(ConfigFile *file, bool must)
{
	MemoryContext cxt;
	MemoryContext caller;
	Reading    *reading;
	Reading    *bad = NULL;
	char		by[NAMEDATALEN] = "";
	uint64		known = 0;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "fraud configuration file",
								ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(cxt);
	reading = palloc(sizeof(Reading));
	if (must)
		shared_text_store(by, sizeof(by), events_who());
	else
	{
		lock_board(file, LW_SHARED);
		known = file->board->content;
		unlock_board(file);
	}
	read_file(file, reading, known);
	if (reading->result == READING_DEFAULT || reading->result == READING_GOOD)
		publish(file, reading, by, NULL);
	else if (reading->result != READING_SAME)
	{
		publish(file, reading, by, yaml_error_text(&reading->error));
		if (must)
		{
			bad = MemoryContextAlloc(caller, sizeof(Reading));
			memcpy(bad, reading, sizeof(Reading));
		}
		else
			report(file, reading, LOG);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
	return bad;
}

void
config_files_reload(void)
{
	const ConfigFile *of = NULL;
	Reading    *bad = NULL;

	for (ConfigFile *file = files; file != NULL; file = file->next)
	{
		Reading    *reading;

		need_board(file);
		reading = refresh(file, true);
		if (reading == NULL)
			continue;
		if (bad != NULL)
			report(of, bad, WARNING);
		of = file;
		bad = reading;
	}
	if (bad != NULL)
		report(of, bad, ERROR);
}

/* ---- what is in force ---- */

uint64
config_file_generation(ConfigFile *file)
{
	if (unlikely(!file->looked || PgReloadTime != file->last_reload))
	{
		need_board(file);

		/*
		 * A backend inherits PgReloadTime. Where another one has begun with
		 * the same value, that one has read the file already.
		 */
		if (file->looked || pg_atomic_read_u64(&file->board->generation) == 0 ||
			pg_atomic_read_u64(&file->board->reload_seen) != (uint64) PgReloadTime)
		{
			(void) refresh(file, false);
			if (!file->looked)
				pg_atomic_write_u64(&file->board->reload_seen, (uint64) PgReloadTime);
		}
		file->last_reload = PgReloadTime;
		file->looked = true;
	}
	return pg_atomic_read_u64(&file->board->generation);
}

void *
config_file_take(ConfigFile *file, uint64 *generation)
{
	char	   *copy = NULL;
	uint32		room = 0;
	uint32		size;

	need_board(file);
	for (;;)
	{
		lock_board(file, LW_SHARED);
		size = file->board->image_size;
		if (size <= room)
		{
			if (size > 0)
				memcpy(copy, file->image, size);
			*generation = pg_atomic_read_u64(&file->board->generation);
			unlock_board(file);
			break;
		}
		unlock_board(file);
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

bool
config_file_copy(ConfigFile *file, Size offset, void *part, Size size,
				 uint64 *generation)
{
	bool		found;

	need_board(file);
	lock_board(file, LW_SHARED);
	found = file->board->image_size > 0;
	if (found)
		memcpy(part, file->image + offset, size);
	*generation = pg_atomic_read_u64(&file->board->generation);
	unlock_board(file);
	return found;
}

uint64
config_file_hash(ConfigFile *file)
{
	uint64		hash;

	need_board(file);
	lock_board(file, LW_SHARED);
	hash = file->board->hash;
	unlock_board(file);
	return hash;
}

void
config_file_origin(ConfigFile *file, ConfigOrigin *origin)
{
	char		by[NAMEDATALEN];

	need_board(file);
	lock_board(file, LW_SHARED);
	origin->hash = file->board->hash;
	origin->shipped = file->board->image_size == 0;
	origin->owner = file->board->owner;
	strlcpy(by, file->board->loaded_by, sizeof(by));
	unlock_board(file);
	strlcpy(origin->loaded_by, shared_text_from_utf8(by), sizeof(origin->loaded_by));
}

/* ---- SQL ---- */

void
config_hash_text(uint64 hash, char *buf)
{
	snprintf(buf, CONFIG_HASH_CHARS + 1, "%08x%08x", (uint32) (hash >> 32), (uint32) hash);
}

/* A row for each file: file, path, hash, basis_hash, loaded_at, error. */
Datum
fraud_config_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ConfigBoard *seen = palloc(sizeof(ConfigBoard));

	InitMaterializedSRF(fcinfo, 0);
	for (ConfigFile *file = files; file != NULL; file = file->next)
	{
		char		hash[CONFIG_HASH_CHARS + 1];
		Datum		values[6];
		bool		nulls[6] = {false};

		(void) config_file_generation(file);	/* whatever is to be read, has been */
		lock_board(file, LW_SHARED);
		memcpy(seen, file->board, sizeof(ConfigBoard));
		unlock_board(file);

		values[0] = CStringGetTextDatum(file->name);
		nulls[1] = seen->path[0] == '\0';
		if (!nulls[1])
			values[1] = CStringGetTextDatum(seen->path);
		config_hash_text(seen->hash, hash);
		values[2] = CStringGetTextDatum(hash);
		config_hash_text(seen->basis_hash, hash);
		nulls[3] = !file->has_basis;
		values[3] = CStringGetTextDatum(hash);
		nulls[4] = seen->loaded_at == 0;
		values[4] = TimestampTzGetDatum(seen->loaded_at);
		nulls[5] = seen->error[0] == '\0';
		if (!nulls[5])
			values[5] = CStringGetTextDatum(psprintf("%s %s", yaml_message(seen->error),
													 seen->image_size == 0 ?
													 "The shipped default is in force." :
													 file->still));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
config_file_register(ConfigFile *file)
{
	ConfigFile **place = &files;
	int			n = 0;

	if (files == NULL)
		shmem_register("fraud_fallback_config", boards_size, boards_init, MAX_FILES);
	while (*place != NULL && strcmp((*place)->name, file->name) < 0)
		place = &(*place)->next;
	file->next = *place;
	*place = file;
	for (file = files; file != NULL; file = file->next)
		n++;
	if (n > MAX_FILES)
		elog(ERROR, "too many configuration files");
}
