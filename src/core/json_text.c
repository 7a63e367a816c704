/*-------------------------------------------------------------------------
 *
 * json_text.c
 *	  A JSON object in a buffer of fixed size; see json_text.h.
 *
 * A member is written as a whole or not at all: where it does not fit, the
 * length goes back to where it began, and what follows is left out too.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "core/json_text.h"
#include "mb/pg_wchar.h"

/* Room for n bytes, the closing brackets and the NUL. */
static bool
fits(const JsonText *json, size_t n)
{
	return json->len + n + json->depth + 1 <= json->size;
}

static void
put(JsonText *json, const char *s, size_t n)
{
	if (json->full || !fits(json, n))
	{
		json->full = true;
		return;
	}
	memcpy(json->dst + json->len, s, n);
	json->len += n;
}

static void
put_string(JsonText *json, const char *s)
{
	const unsigned char *p = (const unsigned char *) s;
	size_t		left = strlen(s);
	char		buf[16];

	put(json, "\"", 1);
	while (left > 0)
	{
		int			n = pg_utf_mblen(p);

		if (*p < 0x80)
		{
			if (*p == '"' || *p == '\\')
				put(json, buf, snprintf(buf, sizeof(buf), "\\%c", *p));
			else if (*p < ' ' || *p == 0x7f)
				put(json, buf, snprintf(buf, sizeof(buf), "\\u%04x", *p));
			else
				put(json, (const char *) p, 1);
			n = 1;
		}
		else if ((size_t) n > left || !pg_utf8_islegal(p, n))
		{
			put(json, "?", 1);
			n = 1;
		}
		else
		{
			uint32		c = utf8_to_unicode(p);

			if (c < 0x10000)
				put(json, buf, snprintf(buf, sizeof(buf), "\\u%04x", c));
			else
				put(json, buf, snprintf(buf, sizeof(buf), "\\u%04x\\u%04x",
										0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff)));
		}
		p += n;
		left -= n;
	}
	put(json, "\"", 1);
}

/* The comma and the key of a member; returns where it begins. */
static size_t
begin_member(JsonText *json, const char *key)
{
	size_t		start = json->len;

	if (json->comma)
		put(json, ", ", 2);
	if (key != NULL)
	{
		put_string(json, key);
		put(json, ": ", 2);
	}
	return start;
}

static void
end_member(JsonText *json, size_t start)
{
	if (json->full)
		json->len = start;
	else
		json->comma = true;
}

void
json_begin(JsonText *json, char *dst, size_t size)
{
	memset(json, 0, sizeof(*json));
	json->dst = dst;
	json->size = size;
	json->depth = 1;
	json->closing[0] = '}';
	json->dst[json->len++] = '{';
}

void
json_end(JsonText *json)
{
	while (json->depth > 0)
		json->dst[json->len++] = json->closing[--json->depth];
	json->dst[json->len] = '\0';
}

void
json_text(JsonText *json, const char *key, const char *value)
{
	size_t		start = json->len;

	if (json->full)
		return;
	start = begin_member(json, key);
	put_string(json, value);
	end_member(json, start);
}

void
json_number(JsonText *json, const char *key, double value)
{
	size_t		start = json->len;
	char		buf[32];

	if (json->full)
		return;
	start = begin_member(json, key);
	if (isnan(value) || isinf(value))
		put(json, "null", 4);
	else
		put(json, buf, snprintf(buf, sizeof(buf), "%.15g", value));
	end_member(json, start);
}

void
json_time(JsonText *json, const char *key, TimestampTz value)
{
	/* days and microseconds of the day, since 2000-01-01 */
	int64		day = value / USECS_PER_DAY - (value % USECS_PER_DAY < 0);
	int64		us = value - day * USECS_PER_DAY;
	int64		z = day + 730425;	/* days since 0000-03-01 */
	int64		era = z / 146097;
	int64		doe = z - era * 146097;
	int64		yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64		doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64		mp = (5 * doy + 2) / 153;
	int			month = (int) (mp < 10 ? mp + 3 : mp - 9);
	char		buf[64];

	snprintf(buf, sizeof(buf), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
			 (int) (yoe + era * 400 + (month <= 2)), month, (int) (doy - (153 * mp + 2) / 5 + 1),
			 (int) (us / USECS_PER_HOUR), (int) (us / USECS_PER_MINUTE % 60),
			 (int) (us / USECS_PER_SEC % 60), (int) (us / 1000 % 1000));
	json_text(json, key, buf);
}

void
json_open(JsonText *json, const char *key, char bracket)
{
	size_t		start = json->len;

	if (!json->full)
	{
		start = begin_member(json, key);
		/* its end takes a byte, too */
		if (json->depth == JSON_DEPTH_MAX || !fits(json, 2))
			json->full = true;
		put(json, &bracket, 1);
	}
	if (json->full)
	{
		json->len = json->skipped == 0 ? start : json->len;
		json->skipped++;
		return;
	}
	json->closing[json->depth++] = bracket == '{' ? '}' : ']';
	json->comma = false;
}

void
json_close(JsonText *json, char bracket)
{
	if (json->skipped > 0)
	{
		json->skipped--;
		return;
	}
	json->dst[json->len++] = bracket;
	json->depth--;
	json->comma = true;
}
