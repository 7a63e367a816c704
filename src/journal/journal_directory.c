/*-------------------------------------------------------------------------
 *
 * journal_directory.c
 *	  The directory of the journal; see journal_directory.h.
 *
 * Two servers with one directory, a standby on its primary's host perhaps,
 * each write segments of their own; but to either those of the other look as
 * if a crash had left them. So a server empties the directory only while it
 * holds the lock of the file "owner" there. The postmaster takes it, and it
 * lasts as long as any of its processes, which have the descriptor from it;
 * where it could not be had, the worker tries again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "core/compat.h"
#include "journal/journal_directory.h"
#include "journal/journal_shared.h"

#define SUFFIX				".journal"
#define QUARANTINE			"quarantine"

/* What is set aside is for people to look at; more than this nobody does. */
#define QUARANTINE_MAX		(INT64CONST(64) * 1024 * 1024)

static char *directory;
static int	inherited_fd = -1;	/* the postmaster's, kept whatever becomes of the directory */
static int	taken_fd = -1;		/* this process's */

const char *
journal_directory(void)
{
	return directory;
}

void
journal_file_name(char dst[JOURNAL_FILE_LEN + 1], const uint8 *start, uint32 segment)
{
	char		id[SEGMENT_ID_LEN + 1];

	segment_id_text(start, 0, id);
	snprintf(dst, JOURNAL_FILE_LEN + 1, "%.*s-%010u" SUFFIX, 2 * SEGMENT_START_LEN, id, segment);
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
journal_file_of(const char *name, JournalFile *file)
{
	const char *digits = name + 2 * SEGMENT_START_LEN + 1;
	uint64		segment = 0;

	if (strlen(name) != JOURNAL_FILE_LEN || digits[-1] != '-' || strcmp(digits + 10, SUFFIX) != 0)
		return false;
	for (int i = 0; i < SEGMENT_START_LEN; i++)
	{
		int			high = hex_digit(name[2 * i]);
		int			low = hex_digit(name[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		file->start[i] = (uint8) (high << 4 | low);
	}
	for (int i = 0; i < 10; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		segment = segment * 10 + (digits[i] - '0');
	}
	if (segment == 0 || segment > PG_UINT32_MAX)
		return false;
	file->segment = (uint32) segment;
	strlcpy(file->name, name, sizeof(file->name));
	return true;
}

/* ---- the directory ---- */

static bool
make_one(const char *path)
{
	return MakePGDirectory(path) == 0 || errno == EEXIST;
}

bool
journal_make_directory(void)
{
	struct stat st;
	char		path[MAXPGPATH];

	if (stat(directory, &st) == 0)
	{
		if (S_ISDIR(st.st_mode))
			return true;
		errno = ENOTDIR;
		return false;
	}
	/* a disk that is not mounted must not be mistaken for an empty journal */
	if (errno != ENOENT || is_absolute_path(directory))
		return false;
	strlcpy(path, directory, sizeof(path));
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		if (!make_one(path))
			return false;
		*slash = '/';
	}
	return make_one(path);
}

static int
compare_files(const void *a, const void *b)
{
	const JournalFile *x = a;
	const JournalFile *y = b;
	bool		own_x = journal != NULL && memcmp(x->start, journal->start, SEGMENT_START_LEN) == 0;
	bool		own_y = journal != NULL && memcmp(y->start, journal->start, SEGMENT_START_LEN) == 0;

	return own_x != own_y ? own_x - own_y : strcmp(x->name, y->name);
}

bool
journal_list(JournalFile **files, int *n)
{
	DIR		   *dir = opendir(directory);
	struct dirent *entry;
	int			room = 64;

	*n = 0;
	*files = palloc(sizeof(JournalFile) * room);
	if (dir == NULL)
		return false;
	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		JournalFile *file;
		char		path[MAXPGPATH];
		struct stat st;

		if (*n == room)
		{
			room *= 2;
			*files = repalloc(*files, sizeof(JournalFile) * room);
		}
		file = &(*files)[*n];
		if (!journal_file_of(entry->d_name, file))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, file->name);
		if (stat(path, &st) != 0)
			continue;			/* removed meanwhile */
		file->bytes = S_ISREG(st.st_mode) ? st.st_size : 0;
		(*n)++;
	}
	if (errno != 0)
	{
		int			error = errno;

		closedir(dir);
		errno = error;
		return false;
	}
	closedir(dir);
	qsort(*files, *n, sizeof(JournalFile), compare_files);
	return true;
}

ssize_t
journal_read_at(const char *name, int64 at, char *dst, size_t len)
{
	char		path[MAXPGPATH];
	size_t		got = 0;
	ssize_t		n = 0;
	int			fd;
	int			error;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return -1;
	while (got < len)
	{
		n = pread(fd, dst + got, len - got, at + got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += n;
	}
	error = errno;
	close(fd);
	errno = error;
	return n < 0 ? -1 : (ssize_t) got;
}

bool
journal_remove(const char *name)
{
	char		path[MAXPGPATH];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return unlink(path) == 0 || errno == ENOENT;
}

/* ---- what is set aside ---- */

void
journal_quarantined(int64 *pieces, int64 *bytes)
{
	char		path[MAXPGPATH];
	struct dirent *entry;
	struct stat st;
	DIR		   *dir;

	*pieces = *bytes = 0;
	snprintf(path, sizeof(path), "%s/" QUARANTINE, directory);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
	{
		char		file[MAXPGPATH * 2];

		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (stat(file, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		(*pieces)++;
		*bytes += st.st_size;
	}
	closedir(dir);
}

bool
journal_quarantine(const char *name, int64 at, const char *bytes, size_t len)
{
	char		path[MAXPGPATH];
	int64		pieces;
	int64		all;
	int			fd;
	bool		ok;
	int			error;

	journal_quarantined(&pieces, &all);
	if (all + (int64) len > QUARANTINE_MAX)
		return true;
	snprintf(path, sizeof(path), "%s/" QUARANTINE, directory);
	if (!make_one(path))
		return false;
	snprintf(path, sizeof(path), "%s/" QUARANTINE "/%.*s." INT64_FORMAT, directory,
			 (int) (JOURNAL_FILE_LEN - strlen(SUFFIX)), name, at);
	/* whole, so that a batch that comes again changes nothing */
	fd = BasicOpenFilePerm(path, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, pg_file_create_mode);
	if (fd < 0)
		return false;
	errno = 0;
	ok = write(fd, bytes, len) == (ssize_t) len;
	if (!ok && errno == 0)
		errno = ENOSPC;
	ok = ok && pg_fsync(fd) == 0;
	error = errno;
	close(fd);
	errno = error;
	return ok;
}

/* ---- who empties it ---- */

/* Is this descriptor one of the file that is there? */
static bool
is_that(int fd, const struct stat *there)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == there->st_ino && st.st_dev == there->st_dev;
}

bool
journal_own_directory(void)
{
	char		path[MAXPGPATH];
	struct stat there;
	int			fd;

	snprintf(path, sizeof(path), "%s/owner", directory);
	if (stat(path, &there) == 0)
	{
		if (is_that(inherited_fd, &there) || is_that(taken_fd, &there))
			return true;
	}
	else if (errno != ENOENT)
		return false;
	fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | O_CLOEXEC | PG_BINARY, pg_file_create_mode);
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		int			error = errno;

		close(fd);
		errno = error;
		return false;
	}
	if (!IsUnderPostmaster)
		inherited_fd = fd;
	else
	{
		/* of a directory that was here before */
		if (taken_fd >= 0)
			close(taken_fd);
		taken_fd = fd;
	}
	return true;
}

void
journal_directory_init(void)
{
	/* without preload it means nothing, but configuration files may have it */
	DefineCustomStringVariable("fraud_fallback.journal_directory",
							   "Directory of the decision journal.",
							   "A relative path is below the data directory and created; any other must exist.",
							   &directory,
							   "fraud_fallback/journal",
							   process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY | GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);
}
