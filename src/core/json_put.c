/*-------------------------------------------------------------------------
 *
 * json_put.c
 *	  JSON appended to a StringInfo; see json_put.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "common/string.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/json_put.h"
#include "core/shared_text.h"

static void
put_special(StringInfo out, double value)
{
	if (isnan(value))
		PUT(out, "\"NaN\"");
	else if (value > 0)
		PUT(out, "\"Infinity\"");
	else
		PUT(out, "\"-Infinity\"");
}

void
put_double(StringInfo out, double value)
{
	/* most are counts: a quarter of the cost */
	if (value > -1e15 && value < 1e15 && value == (double) (int64) value && (value != 0 || !signbit(value)))
		put_int(out, (int64) value);
	else if (isfinite(value))
	{
		put_room(out, DOUBLE_SHORTEST_DECIMAL_LEN);
		out->len += double_to_shortest_decimal_buf(value, out->data + out->len);
	}
	else
		put_special(out, value);
}

void
put_float(StringInfo out, float value)
{
	if (isfinite(value))
	{
		put_room(out, FLOAT_SHORTEST_DECIMAL_LEN);
		out->len += float_to_shortest_decimal_buf(value, out->data + out->len);
	}
	else
		put_special(out, value);
}

/* ---- strings ---- */

/* Bytes that go into a string as they are, from the beginning; `high`: also those that are not ASCII. */
static inline size_t
plain(const char *s, size_t len, bool high)
{
	size_t		n = 0;

	while (n < len && (unsigned char) s[n] >= ' ' && s[n] != '"' && s[n] != '\\' &&
		   (high || !IS_HIGHBIT_SET(s[n])))
		n++;
	return n;
}

static void
put_escaped(StringInfo out, const char *s, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	put_room(out, (int) len + 2);
	put_char(out, '"');
	for (;;)
	{
		size_t		n = plain(s, len, true);
		unsigned char c;

		put_bytes(out, s, (int) n);
		if (n == len)
			break;
		c = (unsigned char) s[n];
		if (c >= ' ')
		{
			put_char(out, '\\');
			put_char(out, (char) c);
		}
		else
		{
			PUT(out, "\\u00");
			put_char(out, digits[c >> 4]);
			put_char(out, digits[c & 15]);
		}
		s += n + 1;
		len -= n + 1;
	}
	put_char(out, '"');
}

/* Text that is not all ASCII, from whatever encoding. */
static void
put_converted(StringInfo out, const char *s, size_t len, int encoding)
{
	char	   *text;
	char	   *utf8;

	if (encoding == PG_UTF8 && pg_verify_mbstr(PG_UTF8, s, (int) len, true))
	{
		put_escaped(out, s, len);
		return;
	}
	text = pnstrdup(s, len);
	utf8 = encoding == PG_UTF8 ? shared_text_mended(text) : shared_text_to_utf8(text);
	put_escaped(out, utf8, strlen(utf8));
	pfree(utf8);
	pfree(text);
}

static void
put_string(StringInfo out, const char *s, size_t len, int encoding)
{
	size_t		n = plain(s, len, false);

	if (n == len)
	{
		put_room(out, (int) len + 2);
		out->data[out->len++] = '"';
		memcpy(out->data + out->len, s, len);
		out->len += (int) len;
		out->data[out->len++] = '"';
		return;
	}
	while (n < len && !IS_HIGHBIT_SET(s[n]))
		n++;
	if (n == len)
		put_escaped(out, s, len);
	else
		put_converted(out, s, len, encoding);
}

void
put_utf8(StringInfo out, const char *utf8, size_t len)
{
	put_string(out, utf8, len, PG_UTF8);
}

void
put_text(StringInfo out, const char *text, size_t len)
{
	put_string(out, text, len, GetDatabaseEncoding());
}

void
put_json_to_utf8(StringInfo out, int from)
{
	char	   *utf8;

	put_end(out);
	if (pg_is_ascii(out->data + from) ||
		(GetDatabaseEncoding() == PG_UTF8 && pg_verify_mbstr(PG_UTF8, out->data + from, out->len - from, true)))
		return;
	/* no encoding of a server has bytes of JSON's own signs in its letters */
	utf8 = shared_text_to_utf8(out->data + from);
	out->len = from;
	put_bytes(out, utf8, (int) strlen(utf8));
	pfree(utf8);
}

/* ---- times ---- */

void
put_time(StringInfo out, TimestampTz time)
{
	int			utc = 0;

	put_room(out, MAXDATELEN + 2);
	put_char(out, '"');
	if (TIMESTAMP_NOT_FINITE(time) || IS_VALID_TIMESTAMP(time))
	{
		JsonEncodeDateTime(out->data + out->len, TimestampTzGetDatum(time), TIMESTAMPTZOID, &utc);
		out->len += (int) strlen(out->data + out->len);
	}
	put_char(out, '"');
}

/* Two digits or more. */
static void
put_two(StringInfo out, int64 n)
{
	if (n < 10)
		put_char(out, '0');
	put_int(out, n);
}

void
put_interval(StringInfo out, int64 us)
{
	int			fraction = (int) (us % USECS_PER_SEC);

	put_char(out, '"');
	put_two(out, us / USECS_PER_HOUR);
	put_char(out, ':');
	put_two(out, us / USECS_PER_MINUTE % 60);
	put_char(out, ':');
	put_two(out, us / USECS_PER_SEC % 60);
	if (fraction > 0)
	{
		put_char(out, '.');
		for (int unit = USECS_PER_SEC / 10; fraction > 0; unit /= 10)
		{
			put_char(out, (char) ('0' + fraction / unit));
			fraction %= unit;
		}
	}
	put_char(out, '"');
}
