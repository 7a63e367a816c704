/*-------------------------------------------------------------------------
 *
 * saved_state.c
 *	  Small files that outlive a crash; see saved_state.h.
 *
 * DataDir/fraud_fallback/NAME.state: a header (state_image.h), then the bytes.
 * A write goes to a new file of the writing process, which is flushed, renamed
 * over the old one, and the directory flushed. Nothing is ever flushed twice:
 * after a failure the kernel may have thrown the bytes away and say nothing
 * the next time, so the file is removed and the next call makes another. A
 * failure is no reason to stop the server (data_sync_retry does not matter):
 * what stands under the name is the last good one.
 *
 * No locks, and no error is raised: descriptors are taken below those of
 * transactions, and messages go to the server's log only, as callers may hold
 * a lock and clients may not read. The server's directory is the working directory of all its
 * processes, so paths are relative.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "core/clock.h"
#include "core/saved_state.h"
#include "core/state_image.h"

#define DIRECTORY			"fraud_fallback"
#define STATE_MAX			((size_t) 64 * 1024 * 1024)

/* In the log at most once a minute, by each process. Keeps errno. */
static void
complain(const char *what, const char *path)
{
	static int64 last = 0;
	int64		now = clock_now();
	int			saved = errno;

	if (last == 0 || now - last >= 60 * USECS_PER_SEC || now < last)
	{
		last = now;
		errno = saved;
		ereport(LOG_SERVER_ONLY,
				(errcode_for_file_access(),
				 errmsg("could not %s \"%s\": %m", what, path)));
	}
	errno = saved;
}

static bool
write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0)
	{
		ssize_t		n;

		errno = 0;
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			/* a short write without a reason: the disk is full */
			if (errno == 0)
				errno = ENOSPC;
			return false;
		}
		p += n;
		len -= n;
	}
	return true;
}

static bool
flush_directory(const char *path)
{
	int			fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	bool		ok;

	if (fd < 0)
		return false;
	/* some file systems do not flush directories, and need not */
	ok = pg_fsync(fd) == 0 || errno == EBADF || errno == EINVAL;
	close(fd);
	return ok;
}

static bool
make_directory(void)
{
	int			saved;

	if (MakePGDirectory(DIRECTORY) != 0)
		return errno == EEXIST;
	if (flush_directory("."))
		return true;
	saved = errno;
	(void) rmdir(DIRECTORY);	/* the next call makes it anew */
	errno = saved;
	return false;
}

/* A new file with these bytes, on disk. */
static bool
write_file(const char *path, const StateHeader *header, const void *bytes, size_t len)
{
	int			fd;
	int			saved;
	bool		ok;

	if (unlink(path) != 0 && errno != ENOENT)
		return false;
	fd = BasicOpenFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, pg_file_create_mode);
	if (fd < 0)
		return false;
	ok = write_all(fd, header, sizeof(*header)) && write_all(fd, bytes, len) && pg_fsync(fd) == 0;
	saved = errno;
	if (close(fd) != 0 && ok)
	{
		ok = false;
		saved = errno;
	}
	errno = saved;
	return ok;
}

bool
saved_state_write(const char *name, const void *bytes, size_t len)
{
	char		path[MAXPGPATH];
	char		fresh[MAXPGPATH];
	StateHeader header;

	snprintf(path, sizeof(path), DIRECTORY "/%s.state", name);
	snprintf(fresh, sizeof(fresh), DIRECTORY "/%s.state.%d.tmp", name, MyProcPid);
	state_header_make(&header, bytes, len);
	if (len > STATE_MAX)
	{
		errno = EFBIG;
		complain("write file", path);
		return false;
	}
	if (!make_directory())
	{
		complain("create directory", DIRECTORY);
		return false;
	}
	if (!write_file(fresh, &header, bytes, len))
	{
		complain("write file", fresh);
		(void) unlink(fresh);
		return false;
	}
	if (rename(fresh, path) != 0)
	{
		complain("replace file", path);
		(void) unlink(fresh);
		return false;
	}
	if (!flush_directory(DIRECTORY))
	{
		complain("flush directory", DIRECTORY);
		return false;
	}
	return true;
}

/* Reads until the end of the file or of the memory; -1 and errno on failure. */
static ssize_t
read_all(int fd, char *bytes, size_t len)
{
	size_t		got = 0;

	while (got < len)
	{
		ssize_t		n = read(fd, bytes + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += n;
	}
	return (ssize_t) got;
}

static void
set_aside(const char *name, const char *path, const char *why)
{
	char		aside[MAXPGPATH];

	snprintf(aside, sizeof(aside), DIRECTORY "/%s.damaged", name);
	if (rename(path, aside) != 0)
		complain("set aside file", path);
	ereport(LOG_SERVER_ONLY,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("saved state \"%s\" is damaged: %s", path, why),
			 errdetail("It is kept as \"%s\"; the server goes on without.", aside)));
}

/* The file's bytes behind the header; NULL with why, or with why NULL and errno. */
static char *
read_file(int fd, size_t *len, const char **why)
{
	StateHeader header = {0};
	struct stat st;
	char	   *bytes;
	ssize_t		n;

	*why = NULL;
	if (fstat(fd, &st) != 0)
		return NULL;
	if (st.st_size < (off_t) sizeof(header) || st.st_size - sizeof(header) > STATE_MAX)
	{
		*why = "its length is wrong";
		return NULL;
	}
	*len = st.st_size - sizeof(header);
	bytes = MemoryContextAllocExtended(CurrentMemoryContext, *len + 1, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (bytes == NULL)
	{
		errno = ENOMEM;
		return NULL;
	}
	n = read_all(fd, (char *) &header, sizeof(header));
	if (n == (ssize_t) sizeof(header))
		n = read_all(fd, bytes, *len);
	if (n >= 0)
		*why = n == (ssize_t) *len ? state_header_check(&header, bytes, *len) : "its length is wrong";
	if (n < 0 || *why != NULL)
	{
		int			saved = errno;

		pfree(bytes);
		errno = saved;
		return NULL;
	}
	return bytes;
}

/* New files whose writers a crash has ended. */
static void
remove_leftovers(const char *name)
{
	char		start[MAXPGPATH];
	struct dirent *entry;
	DIR		   *dir = opendir(DIRECTORY);

	if (dir == NULL)
		return;
	snprintf(start, sizeof(start), "%s.state.", name);
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, start, strlen(start)) == 0)
		{
			char		path[MAXPGPATH];

			snprintf(path, sizeof(path), DIRECTORY "/%s", entry->d_name);
			(void) unlink(path);
		}
	closedir(dir);
}

void *
saved_state_read(const char *name, size_t *len)
{
	char		path[MAXPGPATH];
	const char *why;
	char	   *bytes;
	int			fd;

	/* nobody else is there while the server starts */
	if (!IsUnderPostmaster)
		remove_leftovers(name);
	snprintf(path, sizeof(path), DIRECTORY "/%s.state", name);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
	{
		if (errno != ENOENT)
			complain("open file", path);
		return NULL;
	}
	bytes = read_file(fd, len, &why);
	if (bytes == NULL && why == NULL)
		complain("read file", path);
	close(fd);
	if (bytes == NULL && why != NULL)
		set_aside(name, path, why);
	return bytes;
}

bool
saved_state_exists(const char *name)
{
	char		path[MAXPGPATH];
	struct stat st;

	snprintf(path, sizeof(path), DIRECTORY "/%s.state", name);
	return stat(path, &st) == 0 || errno != ENOENT;
}
