/*-------------------------------------------------------------------------
 *
 * journal_days.h
 *	  Days of fraud_journal: partitions, and the chain of their hashes.
 *
 * A day is one of UTC and a partition. Its records are in parts: part 0 has
 * those that came before the day was closed, each later one those that came
 * between two closings. A part that is open has a row in fraud_journal_open
 * with the number of its records; when it is closed, one in fraud_journal_days
 * with its hash:
 *
 *	  h = SHA-256(hash of the link before it, as text "number day part kind records")
 *	  h = SHA-256(h, row)	for each row in the order of record_id
 *
 * where a row is the text of a jsonb array, see journal_row_sql.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_JOURNAL_DAYS_H
#define FRAUD_JOURNAL_JOURNAL_DAYS_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#define JOURNAL_HASH_LEN		32

/* Days since 2000-01-01, as of DateADT. */
extern int32 journal_day_of(TimestampTz t);

/* The first day that journal.retention keeps. */
extern int32 journal_oldest_day(void);

/* All as journal_run(), and under journal_lock(). */

/* Makes it where it is missing. */
extern void journal_day_partition(Oid schema, int32 day);

/* The part that a record which comes now is in; -1: retention has removed the day. */
extern int32 journal_day_part(Oid schema, int32 day);

/* So many records came to it. */
extern void journal_day_count(Oid schema, int32 day, int32 part, int64 added);

/*
 * Closes days, makes and drops partitions: some of what there is to do, once a
 * minute. All records written before `drained` are rows; now is clock_now() of
 * that moment or before. True if there is more.
 */
extern bool journal_days_tend(Oid schema, int64 now, TimestampTz drained);

/* ---- hashes ---- */

/* SELECT of record_id and the bytes that are hashed, of day $1 and part $2, record_ids behind $3, at most $4. */
extern const char journal_row_sql[];

extern void journal_hash_begin(uint8 *hash, const uint8 *previous, int previous_len,
							   int64 number, int32 day, int32 part, const char *kind, int64 records);

/*
 * Adds up to `most` rows behind record id `last`, which moves. Returns how many
 * there were. read_only: as of the snapshot of the statement, else with what
 * this transaction has added.
 */
extern int64 journal_hash_rows(Oid schema, uint8 *hash, int32 day, int32 part,
							   StringInfo last, int64 most, bool read_only);

#endif							/* FRAUD_JOURNAL_JOURNAL_DAYS_H */
