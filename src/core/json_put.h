/*-------------------------------------------------------------------------
 *
 * json_put.h
 *	  JSON appended to a StringInfo, fast, in UTF-8 whatever the server's
 *	  encoding is. Nothing here raises an error, but where memory ends.
 *
 * Between calls the buffer has no NUL at its end; put_end() sets it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_JSON_PUT_H
#define FRAUD_CORE_JSON_PUT_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* Room for n bytes and a NUL. */
static inline void
put_room(StringInfo out, int n)
{
	if (unlikely(out->len + n >= out->maxlen))
		enlargeStringInfo(out, n);
}

static inline void
put_bytes(StringInfo out, const char *bytes, int n)
{
	put_room(out, n);
	memcpy(out->data + out->len, bytes, n);
	out->len += n;
}

/* A literal. */
#define PUT(out, literal)	put_bytes(out, "" literal, (int) sizeof(literal) - 1)

static inline void
put_char(StringInfo out, char c)
{
	put_room(out, 1);
	out->data[out->len++] = c;
}

static inline void
put_int(StringInfo out, int64 n)
{
	put_room(out, MAXINT8LEN + 1);
	out->len += pg_lltoa(n, out->data + out->len);
}

static inline void
put_bool(StringInfo out, bool value)
{
	if (value)
		PUT(out, "true");
	else
		PUT(out, "false");
}

static inline void
put_end(StringInfo out)
{
	put_room(out, 0);
	out->data[out->len] = '\0';
}

/* Shortest decimals that read as the same number; NaN and infinities as to_jsonb() has them, as strings. */
extern void put_double(StringInfo out, double value);
extern void put_float(StringInfo out, float value);

/* A string: of UTF-8, or of the server's encoding. What is no text of it becomes question marks. */
extern void put_utf8(StringInfo out, const char *utf8, size_t len);
extern void put_text(StringInfo out, const char *text, size_t len);

/*
 * JSON of the server's encoding that was appended behind the first `from`
 * bytes becomes UTF-8.
 */
extern void put_json_to_utf8(StringInfo out, int from);

/* A moment, in UTC: "2026-01-31T12:00:00.25+00:00" */
extern void put_time(StringInfo out, TimestampTz time);

/* A time of so many microseconds: "00:00:01.5" */
extern void put_interval(StringInfo out, int64 us);

#endif							/* FRAUD_CORE_JSON_PUT_H */
