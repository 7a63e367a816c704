/*-------------------------------------------------------------------------
 *
 * journal_days.c
 *	  Days of fraud_journal; see journal_days.h.
 *
 * Partitions are ordinary tables, no members of the extension, so that pg_dump
 * brings them back. Their indexes and the trigger against TRUNCATE are their
 * own: an index of the partitioned table would come with ATTACH and again from
 * the dump. A partition is made apart and attached, which no reader waits for,
 * and dropped only at a moment when nobody reads.
 *
 * Hashing a large day takes a while, and the worker has other tasks. So it goes
 * in slices, a transaction each: first the part is marked as closing, and what
 * comes then is of the next part; what was hashed so far is remembered here. A
 * worker that is started anew begins the part again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/compat.h"
#include "core/event_table.h"
#include "core/events.h"
#include "core/json_text.h"
#include "core/old_rows.h"
#include "journal/journal_days.h"
#include "journal/journal_files.h"
#include "journal/journal_tables.h"

/* So long after its end a day is closed. */
#define GRACE				(5 * USECS_PER_MINUTE)

/* How often it is looked what there is to do. */
#define LOOK				(60 * USECS_PER_SEC)

#define MISMATCH_AGAIN		USECS_PER_HOUR	/* a part that could not be closed */

#define SLICE				20000	/* rows hashed at a time */
#define PROGRESS_DAYS		30	/* segments that are gone are remembered */

/* fraud_settlements */
#define SETTLEMENTS_DECIDED_AT	2

StaticAssertDecl(JOURNAL_HASH_LEN == PG_SHA256_DIGEST_LENGTH, "hashes are SHA-256");

const char	journal_row_sql[] =
"SELECT j.record_id, pg_catalog.convert_to(pg_catalog.jsonb_build_array("
"j.record_id, (EXTRACT(epoch FROM j.decided_at) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8,"
" j.node, j.database, j.role, j.application_name, j.txn_id, j.txn, j.decision, j.rules, j.features, j.ml, j.ml_status,"
" EXTRACT(epoch FROM j.ml_latency), j.supersedes, j.queued, j.policy_hash, j.part,"
" pg_catalog.concat(j.txn IS NULL, j.decision IS NULL, j.rules IS NULL, j.features IS NULL, j.ml IS NULL)"
")::pg_catalog.text, 'UTF8')"
" FROM %s.fraud_journal AS j"
" WHERE j.decided_at OPERATOR(pg_catalog.>=) $1 AND j.decided_at OPERATOR(pg_catalog.<) $2"
" AND j.part OPERATOR(pg_catalog.=) $3 AND j.record_id OPERATOR(pg_catalog.>) $4"
" ORDER BY j.record_id LIMIT $5";

/* ---- days ---- */

int32
journal_day_of(TimestampTz t)
{
	return (int32) (t / USECS_PER_DAY - (t % USECS_PER_DAY < 0));
}

static TimestampTz
day_begins(int32 day)
{
	return (TimestampTz) day * USECS_PER_DAY;
}

int32
journal_oldest_day(void)
{
	int64		retention = journal_settings()->retention;

	if (retention == 0)
		return PG_INT32_MIN;
	return journal_day_of(clock_wall() - retention);
}

/* 2026-01-31, or without the dashes. */
static char *
day_text(int32 day, bool dashes)
{
	int			year;
	int			month;
	int			mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return psprintf(dashes ? "%04d-%02d-%02d" : "%04d%02d%02d", year, month, mday);
}

static char *
partition_name(int32 day)
{
	return psprintf("fraud_journal_%s", day_text(day, false));
}

void
journal_day_partition(Oid schema, int32 day)
{
	char	   *name = partition_name(day);
	char	   *from = day_text(day, true);
	char	   *until = day_text(day + 1, true);

	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	journal_run(schema, psprintf("CREATE TABLE %%s.%s (LIKE %%s.fraud_journal INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
								 " INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)", name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("CREATE UNIQUE INDEX %s_record_id ON %%s.%s (record_id)", name, name),
				false, 0, NULL, NULL, NULL);
	/* a few, of emergencies */
	journal_run(schema, psprintf("CREATE INDEX %s_queued ON %%s.%s (decided_at) WHERE queued", name, name),
				false, 0, NULL, NULL, NULL);
	/* a hash takes ids of any length */
	journal_run(schema, psprintf("CREATE INDEX %s_txn_id ON %%s.%s USING hash (txn_id)", name, name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("ALTER TABLE %%s.fraud_journal ATTACH PARTITION %%s.%s"
								 " FOR VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00')", name, from, until),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("CREATE TRIGGER fraud_journal_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON %%s.%s"
								 " FOR EACH STATEMENT EXECUTE FUNCTION %%s.fraud_journal_keep()", name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("ALTER TABLE %%s.%s ENABLE ALWAYS TRIGGER fraud_journal_keep,"
								 " ENABLE ALWAYS TRIGGER fraud_journal_keep_row", name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("COMMENT ON TABLE %%s.%s IS 'records of %s, UTC'", name, from),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("COMMENT ON INDEX %%s.%s_record_id IS 'each record once'", name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("COMMENT ON INDEX %%s.%s_queued IS 'records that were queued'", name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("COMMENT ON INDEX %%s.%s_txn_id IS 'records of a transaction'", name),
				false, 0, NULL, NULL, NULL);
	journal_run(schema, psprintf("COMMENT ON TRIGGER fraud_journal_keep ON %%s.%s IS 'refuses UPDATE, DELETE and TRUNCATE'", name),
				false, 0, NULL, NULL, NULL);
}

/* The one number a statement about a day returns. */
static int64
number_of(Oid schema, const char *sql, int32 day, bool *isnull)
{
	Oid			types[1] = {DATEOID};
	Datum		values[1] = {DateADTGetDatum(day)};
	uint64		rows = journal_run(schema, sql, false, 1, types, values, NULL);
	int64		number = 0;

	*isnull = true;
	if (rows > 0)
		number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull));
	SPI_freetuptable(SPI_tuptable);
	return *isnull ? 0 : number;
}

int32
journal_day_part(Oid schema, int32 day)
{
	bool		none;
	int64		part;

	part = number_of(schema, "SELECT o.part::pg_catalog.int8 FROM %s.fraud_journal_open AS o"
					 " WHERE o.day OPERATOR(pg_catalog.=) $1 AND NOT o.closing", day, &none);
	if (!none)
		return (int32) part;
	(void) number_of(schema, "SELECT 1::pg_catalog.int8 FROM %s.fraud_journal_days AS d"
					 " WHERE d.day OPERATOR(pg_catalog.=) $1 AND d.kind OPERATOR(pg_catalog.=) 'removed'", day, &none);
	if (!none)
		return -1;
	part = number_of(schema, "SELECT pg_catalog.max(p.part)::pg_catalog.int8 FROM ("
					 "SELECT o.part FROM %s.fraud_journal_open AS o WHERE o.day OPERATOR(pg_catalog.=) $1"
					 " UNION ALL SELECT d.part FROM %s.fraud_journal_days AS d WHERE d.day OPERATOR(pg_catalog.=) $1) AS p",
					 day, &none);
	return none ? 0 : (int32) part + 1;
}

void
journal_day_count(Oid schema, int32 day, int32 part, int64 added)
{
	Oid			types[4] = {DATEOID, INT4OID, INT8OID, DATEOID};
	Datum		values[4];

	values[0] = DateADTGetDatum(day);
	values[1] = Int32GetDatum(part);
	values[2] = Int64GetDatum(added);
	values[3] = DateADTGetDatum(journal_day_of(clock_wall()));
	journal_run(schema, "INSERT INTO %s.fraud_journal_open AS o (day, part, records, opened) VALUES ($1, $2, $3, $4)"
				" ON CONFLICT (day, part) DO UPDATE SET records = o.records OPERATOR(pg_catalog.+) excluded.records",
				false, 4, types, values, NULL);
}

/* ---- hashes ---- */

static void
hash_two(uint8 *hash, const void *a, size_t alen, const void *b, size_t blen)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);

	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, a, alen) < 0 || pg_cryptohash_update(ctx, b, blen) < 0 ||
		pg_cryptohash_final(ctx, hash, JOURNAL_HASH_LEN) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(ctx);
}

void
journal_hash_begin(uint8 *hash, const uint8 *previous, int previous_len,
				   int64 number, int32 day, int32 part, const char *kind, int64 records)
{
	char	   *text = psprintf(INT64_FORMAT " %s %d %s " INT64_FORMAT, number, day_text(day, true), part, kind, records);

	hash_two(hash, previous, previous_len, text, strlen(text));
}

int64
journal_hash_rows(Oid schema, uint8 *hash, int32 day, int32 part, StringInfo last, int64 most, bool read_only)
{
	Oid			types[5] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, TEXTOID, INT8OID};
	Datum		values[5];
	uint64		rows;

	values[0] = TimestampTzGetDatum(day_begins(day));
	values[1] = TimestampTzGetDatum(day_begins(day + 1));
	values[2] = Int32GetDatum(part);
	values[3] = CStringGetTextDatum(last->data);
	values[4] = Int64GetDatum(most);
	rows = journal_run(schema, journal_row_sql, read_only, 5, types, values, NULL);
	for (uint64 r = 0; r < rows; r++)
	{
		HeapTuple	row = SPI_tuptable->vals[r];
		bool		isnull;
		bytea	   *bytes = DatumGetByteaPP(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		hash_two(hash, hash, JOURNAL_HASH_LEN, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		if (r == rows - 1)
		{
			resetStringInfo(last);
			appendStringInfoString(last, SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return (int64) rows;
}

/* ---- the chain ---- */

/* The hash of the last link, and its number. */
static int
last_link(Oid schema, uint8 *hash, int64 *number)
{
	uint64		rows = journal_run(schema, "SELECT d.number, d.hash FROM %s.fraud_journal_days AS d"
								   " ORDER BY d.number DESC LIMIT 1", false, 0, NULL, NULL, NULL);
	int			len = 0;

	*number = 0;
	if (rows > 0)
	{
		bool		isnull;
		bytea	   *bytes = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));

		*number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		len = Min((int) VARSIZE_ANY_EXHDR(bytes), JOURNAL_HASH_LEN);
		memcpy(hash, VARDATA_ANY(bytes), len);
	}
	SPI_freetuptable(SPI_tuptable);
	return len;
}

static bytea *
bytes_of(const uint8 *bytes, int len)
{
	bytea	   *b = palloc(VARHDRSZ + len);

	SET_VARSIZE(b, VARHDRSZ + len);
	memcpy(VARDATA(b), bytes, len);
	return b;
}

/* In the same transaction, with listeners told. */
static void
tell(Oid schema, int32 day, const char *subject, const char *message, int32 part, int64 records, const uint8 *hash)
{
	FraudEvent *event = palloc0(sizeof(FraudEvent));
	Oid			table = event_table(schema);
	char		hex[2 * JOURNAL_HASH_LEN + 1];
	JsonText	json;

	for (int i = 0; i < JOURNAL_HASH_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	event->at = clock_wall();
	strlcpy(event->kind, "journal", sizeof(event->kind));
	strlcpy(event->subject, subject, sizeof(event->subject));
	strlcpy(event->who, events_who(), sizeof(event->who));
	strlcpy(event->message, message, sizeof(event->message));
	json_begin(&json, event->cause, sizeof(event->cause));
	json_text(&json, "day", day_text(day, true));
	json_number(&json, "part", part);
	json_number(&json, "records", (double) records);
	json_text(&json, "hash", hex);
	json_end(&json);
	ereport(LOG, (errmsg("journal %s: %s", subject, message), errdetail("%s", event->cause)));
	if (OidIsValid(table))
		event_table_insert(table, event, 1, true);
}

/* One more link; hash is what journal_hash_begin() and the rows made of it. */
static void
add_link(Oid schema, int64 number, const uint8 *previous, int previous_len,
		 int32 day, int32 part, const char *kind, int64 records, const uint8 *hash)
{
	Oid			types[8] = {INT8OID, DATEOID, INT4OID, TEXTOID, INT8OID, BYTEAOID, BYTEAOID, TIMESTAMPTZOID};
	Datum		values[8];

	values[0] = Int64GetDatum(number);
	values[1] = DateADTGetDatum(day);
	values[2] = Int32GetDatum(part);
	values[3] = CStringGetTextDatum(kind);
	values[4] = Int64GetDatum(records);
	values[5] = PointerGetDatum(bytes_of(hash, JOURNAL_HASH_LEN));
	values[6] = PointerGetDatum(bytes_of(previous, previous_len));
	values[7] = TimestampTzGetDatum(clock_wall());
	journal_run(schema, "INSERT INTO %s.fraud_journal_days (number, day, part, kind, records, hash, previous, closed_at)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", false, 8, types, values, NULL);
}

/* ---- closing ---- */

/* A part that is being hashed. */
typedef struct Closing
{
	bool		some;
	int32		day;
	int32		part;
	int64		expected;
	int64		number;
	int			previous_len;
	uint8		previous[JOURNAL_HASH_LEN];
	uint8		hash[JOURNAL_HASH_LEN];
	int64		hashed;
	char		last[SEGMENT_ID_LEN + 1];	/* record_id */
} Closing;

static Closing closing;			/* the worker's */

/* The part that is to be closed next; false: none is. */
static bool
next_to_close(Oid schema, TimestampTz drained, int32 *day, int32 *part, int64 *records)
{
	Oid			types[3] = {DATEOID, DATEOID, TIMESTAMPTZOID};
	Datum		values[3];
	uint64		rows;
	bool		isnull;

	/* supplements gather until the day on which they were begun is over */
	values[0] = DateADTGetDatum(journal_day_of(drained - GRACE));
	values[1] = DateADTGetDatum(journal_day_of(clock_wall()));
	values[2] = TimestampTzGetDatum(clock_wall() - MISMATCH_AGAIN);
	rows = journal_run(schema, "SELECT o.day, o.part, o.records FROM %s.fraud_journal_open AS o"
					   " WHERE o.day OPERATOR(pg_catalog.<) $1"
					   " AND (o.part OPERATOR(pg_catalog.=) 0 OR o.closing OR o.opened OPERATOR(pg_catalog.<) $2)"
					   " AND (o.mismatch_at IS NULL OR o.mismatch_at OPERATOR(pg_catalog.<) $3)"
					   " ORDER BY o.day, o.part LIMIT 1",
					   false, 3, types, values, NULL);
	if (rows > 0)
	{
		*day = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		*part = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
		*records = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return rows > 0;
}

static const char *
kind_of(int32 part)
{
	return part == 0 ? "day" : "supplement";
}

static void
finish_closing(Oid schema, const Closing *c)
{
	Oid			types[3] = {DATEOID, INT4OID, TIMESTAMPTZOID};
	Datum		values[3] = {DateADTGetDatum(c->day), Int32GetDatum(c->part), TimestampTzGetDatum(clock_wall())};
	char	   *name = day_text(c->day, true);

	if (c->hashed == c->expected)
	{
		add_link(schema, c->number, c->previous, c->previous_len, c->day, c->part, kind_of(c->part), c->expected, c->hash);
		journal_run(schema, "DELETE FROM %s.fraud_journal_open AS o WHERE o.day OPERATOR(pg_catalog.=) $1"
					" AND o.part OPERATOR(pg_catalog.=) $2", false, 2, types, values, NULL);
		tell(schema, c->day, "closed", psprintf(c->part == 0 ? "day %s is closed: " INT64_FORMAT " records" :
												"late records of day %s are closed: " INT64_FORMAT, name, c->expected),
			 c->part, c->expected, c->hash);
		return;
	}
	/* told once; it may be a restore whose rows are still coming */
	if (journal_run(schema, "UPDATE %s.fraud_journal_open AS o SET closing = false, mismatch_at = $3"
					" WHERE o.day OPERATOR(pg_catalog.=) $1 AND o.part OPERATOR(pg_catalog.=) $2 AND o.mismatch_at IS NULL",
					false, 3, types, values, NULL) > 0)
		tell(schema, c->day, "mismatch", psprintf("day %s cannot be closed: " INT64_FORMAT " records came, " INT64_FORMAT " are there",
												  name, c->expected, c->hashed), c->part, c->hashed, c->hash);
	else
		journal_run(schema, "UPDATE %s.fraud_journal_open AS o SET closing = false, mismatch_at = $3"
					" WHERE o.day OPERATOR(pg_catalog.=) $1 AND o.part OPERATOR(pg_catalog.=) $2",
					false, 3, types, values, NULL);
}

/* Some of closing what is to be closed. False: there is nothing. */
static bool
close_some(Oid schema, TimestampTz drained)
{
	Closing		c;
	StringInfoData last;
	int64		rows;
	int32		day;
	int32		part;
	int64		expected;

	if (!next_to_close(schema, drained, &day, &part, &expected))
	{
		closing.some = false;
		return false;
	}
	c = closing;
	if (!c.some || c.day != day || c.part != part || c.expected != expected)
	{
		Oid			types[2] = {DATEOID, INT4OID};
		Datum		values[2] = {DateADTGetDatum(day), Int32GetDatum(part)};

		memset(&c, 0, sizeof(c));
		c.some = true;
		c.day = day;
		c.part = part;
		c.expected = expected;
		c.previous_len = last_link(schema, c.previous, &c.number);
		c.number++;
		journal_hash_begin(c.hash, c.previous, c.previous_len, c.number, day, part, kind_of(part), expected);
		journal_run(schema, "UPDATE %s.fraud_journal_open AS o SET closing = true WHERE o.day OPERATOR(pg_catalog.=) $1"
					" AND o.part OPERATOR(pg_catalog.=) $2", false, 2, types, values, NULL);
	}
	initStringInfo(&last);
	appendStringInfoString(&last, c.last);
	rows = journal_hash_rows(schema, c.hash, day, part, &last, SLICE, false);
	c.hashed += rows;
	strlcpy(c.last, last.data, sizeof(c.last));
	if (rows < SLICE)
	{
		finish_closing(schema, &c);
		c.some = false;
	}
	/* an error on the way leaves what was */
	closing = c;
	return true;
}

/* ---- retention ---- */

/* Settlements of its records, below the triggers. */
static void
drop_settlements(Oid schema, int32 day)
{
	Relation	rel = table_open(get_relname_relid("fraud_settlements", schema), RowExclusiveLock);

	(void) old_rows_delete(rel, SETTLEMENTS_DECIDED_AT, day_begins(day + 1));
	table_close(rel, NoLock);
}

/* One day that is too old, and closed. False: there is none, or somebody reads. */
static bool
drop_one(Oid schema)
{
	int32		oldest = journal_oldest_day();
	Oid			types[1] = {DATEOID};
	Datum		values[1] = {DateADTGetDatum(oldest)};
	uint8		previous[JOURNAL_HASH_LEN];
	uint8		hash[JOURNAL_HASH_LEN];
	int			previous_len;
	int64		number;
	int64		records = 0;
	int32		day = 0;
	bool		isnull;
	uint64		rows;

	if (oldest == PG_INT32_MIN)
		return false;
	rows = journal_run(schema, "SELECT d.day, pg_catalog.sum(d.records)::pg_catalog.int8 FROM %s.fraud_journal_days AS d"
					   " WHERE d.day OPERATOR(pg_catalog.<) $1"
					   " AND NOT EXISTS (SELECT FROM %s.fraud_journal_open AS o WHERE o.day OPERATOR(pg_catalog.=) d.day)"
					   " GROUP BY d.day HAVING NOT pg_catalog.bool_or(d.kind OPERATOR(pg_catalog.=) 'removed')"
					   " ORDER BY d.day LIMIT 1", false, 1, types, values, NULL);
	if (rows > 0)
	{
		day = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		records = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	if (rows == 0)
		return false;
	if (OidIsValid(get_relname_relid(partition_name(day), schema)))
	{
		/* nobody is made to wait behind us */
		if (!ConditionalLockRelationOid(get_relname_relid("fraud_journal", schema), AccessExclusiveLock) ||
			!ConditionalLockRelationOid(get_relname_relid(partition_name(day), schema), AccessExclusiveLock))
			return false;
		journal_run(schema, psprintf("DROP TABLE %%s.%s", partition_name(day)), false, 0, NULL, NULL, NULL);
	}
	drop_settlements(schema, day);
	previous_len = last_link(schema, previous, &number);
	number++;
	journal_hash_begin(hash, previous, previous_len, number, day, 0, "removed", records);
	add_link(schema, number, previous, previous_len, day, 0, "removed", records, hash);
	tell(schema, day, "removed", psprintf("day %s was removed, as journal.retention says: " INT64_FORMAT " records",
										  day_text(day, true), records), 0, records, hash);
	return true;
}

/* ---- what the worker does ---- */

static void
make_ahead(Oid schema)
{
	int32		today = journal_day_of(clock_wall());
	bool		none;

	/* where no record ever came a restore may bring partitions of its own */
	(void) number_of(schema, "SELECT 1::pg_catalog.int8 FROM %s.fraud_journal_progress AS p"
					 " WHERE p.at OPERATOR(pg_catalog.>=) $1::pg_catalog.timestamptz LIMIT 1", today - 1, &none);
	if (none)
		return;
	journal_day_partition(schema, today);
	journal_day_partition(schema, today + 1);
}

static void
forget_segments(Oid schema)
{
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(clock_wall() - PROGRESS_DAYS * USECS_PER_DAY)};

	/* its file is long gone; were it not, its records would be known */
	journal_run(schema, "DELETE FROM %s.fraud_journal_progress AS p WHERE p.done"
				" AND p.at OPERATOR(pg_catalog.<) $1", false, 1, types, values, NULL);
}

bool
journal_days_tend(Oid schema, int64 now, TimestampTz drained)
{
	static int64 looked = 0;
	static bool more = true;

	if (!more && looked != 0 && now - looked < LOOK && now >= looked)
		return false;
	looked = now;
	more = false;				/* unless an error ends it: then again in a minute */
	if (close_some(schema, drained) || drop_one(schema))
	{
		more = true;
		return true;
	}
	make_ahead(schema);
	forget_segments(schema);
	return false;
}
