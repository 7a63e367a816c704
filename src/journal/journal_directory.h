/*-------------------------------------------------------------------------
 *
 * journal_directory.h
 *	  The directory of the journal: its files, and those set aside.
 *
 * A segment is named after the start that writes it and its number:
 * <32 hexadecimal digits>-<10 digits>.journal. Pieces of segments that are no
 * records are files in `quarantine`, named after segment and position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_DIRECTORY_H
#define FRAUD_JOURNAL_JOURNAL_DIRECTORY_H

#include "journal/segment.h"

#define JOURNAL_FILE_LEN		(2 * SEGMENT_START_LEN + 1 + 10 + 8)

typedef struct JournalFile
{
	char		name[JOURNAL_FILE_LEN + 1];
	uint8		start[SEGMENT_START_LEN];
	uint32		segment;
	int64		bytes;
} JournalFile;

extern const char *journal_directory(void);

extern void journal_file_name(char dst[JOURNAL_FILE_LEN + 1], const uint8 *start, uint32 segment);

/* False where the text is not the name of a segment. */
extern bool journal_file_of(const char *name, JournalFile *file);

/*
 * Creates it where it is missing and lies in the data directory. False, with
 * errno, where it is not there then.
 */
extern bool journal_make_directory(void);

/* All segments, those of this start last; palloc'd. False, with errno, where they cannot be listed. */
extern bool journal_list(JournalFile **files, int *n);

/* Bytes from a position on, at most len; -1 and errno on failure. */
extern ssize_t journal_read_at(const char *name, int64 at, char *dst, size_t len);

/* False, with errno, where it is still there. */
extern bool journal_remove(const char *name);

/*
 * Sets bytes of a segment aside. False, with errno, where they could not be
 * written; what is there already is enough, and so is a full quarantine.
 */
extern bool journal_quarantine(const char *name, int64 at, const char *bytes, size_t len);

/* Pieces set aside, and their bytes. */
extern void journal_quarantined(int64 *pieces, int64 *bytes);

/*
 * Whether this server, and no other that is configured with the same
 * directory, may empty it. Takes it if it is free.
 */
extern bool journal_own_directory(void);

extern void journal_directory_init(void);

#endif							/* FRAUD_JOURNAL_JOURNAL_DIRECTORY_H */
