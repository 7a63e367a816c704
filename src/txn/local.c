/*-------------------------------------------------------------------------
 *
 * local.c
 *	  Local time of a transaction: PostgreSQL's zones, never the session's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "policy/policy_server.h"
#include "profile/profile.h"
#include "txn/txn_read.h"

#define UNIX_TO_2000_SECONDS	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400))

/* NULL where the name is no zone of the server's database. */
pg_tz *
local_zone(const char *name, int len)
{
	char		buf[TZ_STRLEN_MAX + 1];

	if (len == 0 || len > TZ_STRLEN_MAX || memchr(name, '\0', len) != NULL)
		return NULL;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return policy_zone_ok(buf) ? pg_tzset(buf) : NULL;
}

static inline int64
floor_div64(int64 a, int64 b)
{
	int64		q = a / b;

	return q - (a % b < 0);
}

void
local_fields(int64 time, pg_tz *zone, bool utc, Txn *txn)
{
	int64		seconds = floor_div64(time, USECS_A_SECOND);
	int64		local = seconds;

	if (!utc)
	{
		pg_time_t	unix_time = (pg_time_t) (seconds + UNIX_TO_2000_SECONDS);
		struct pg_tm *tm = pg_localtime(&unix_time, zone);

		if (tm != NULL)
			local = seconds + tm->tm_gmtoff;
	}
	txn->day = (int32) floor_div64(local, 86400);
	txn->hour = (int) ((local - (int64) txn->day * 86400) / 3600);
	/* 2000-01-01 was a Saturday */
	txn->iso_dow = (int) ((((int64) txn->day + 5) % 7 + 7) % 7) + 1;
}

/* A clock reading with its own offset, or else in `zone`. */
bool
local_to_time(const IsoTime *t, pg_tz *zone, int64 *time)
{
	int64		seconds;
	int			offset = t->offset;

	if (!t->has_offset)
	{
		struct pg_tm tm = {0};

		tm.tm_year = t->year;
		tm.tm_mon = t->month;
		tm.tm_mday = t->day;
		tm.tm_hour = t->hour;
		tm.tm_min = t->minute;
		tm.tm_sec = t->second;
		offset = -DetermineTimeZoneOffset(&tm, zone);
	}
	seconds = ((int64) date2j(t->year, t->month, t->day) - POSTGRES_EPOCH_JDATE) * 86400 +
		t->hour * 3600 + t->minute * 60 + t->second - offset;
	*time = seconds * USECS_A_SECOND + t->usec;
	return *time >= EVENT_TIME_MIN && *time <= EVENT_TIME_MAX;
}
