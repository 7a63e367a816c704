/*-------------------------------------------------------------------------
 *
 * json_text.h
 *	  A JSON object in a buffer of fixed size, without allocating.
 *
 * What does not fit is left out, the object stays complete. Texts are UTF-8 or
 * anything: what is not ASCII is written as escapes, and what is not UTF-8 as
 * question marks, so the result is ASCII.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_JSON_TEXT_H
#define FRAUD_CORE_JSON_TEXT_H

#include "datatype/timestamp.h"

#define JSON_DEPTH_MAX		8

typedef struct JsonText
{
	char	   *dst;
	size_t		size;
	size_t		len;
	int			depth;
	char		closing[JSON_DEPTH_MAX];
	bool		comma;			/* before the next member */
	bool		full;			/* nothing more is written */
	int			skipped;		/* levels opened while full */
} JsonText;

/* size: 3 at least, for "{}" */
extern void json_begin(JsonText *json, char *dst, size_t size);
extern void json_end(JsonText *json);

/* key is NULL inside arrays. */
extern void json_text(JsonText *json, const char *key, const char *value);
extern void json_number(JsonText *json, const char *key, double value);

/* A moment as ISO 8601 in UTC with milliseconds. */
extern void json_time(JsonText *json, const char *key, TimestampTz value);

/* A nested object or array: '{' or '[', and its end. */
extern void json_open(JsonText *json, const char *key, char bracket);
extern void json_close(JsonText *json, char bracket);

#endif							/* FRAUD_CORE_JSON_TEXT_H */
