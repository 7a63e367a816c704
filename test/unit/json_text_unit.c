/*-------------------------------------------------------------------------
 *
 * json_text_unit.c
 *	  JSON in a buffer of fixed size: escapes, any bytes, any size. TAP output.
 *
 * Each object is written into memory of just its size, so that a byte too many
 * is found, and read by a checker that knows nothing but RFC 8259.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "core/json_text.h"
#include "tap.h"

#define TEXT_MAX		200

static uint64 dice = 1;

static uint32
below(uint32 n)
{
	uint64		z = (dice += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return (uint32) ((z ^ (z >> 31)) % n);
}

/* ---- a strict reader; NULL: not JSON, else what follows ---- */

static const char *read_value(const char *s, int depth);

static const char *
skip_spaces(const char *s)
{
	while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')
		s++;
	return s;
}

static int
hex4(const char *s)
{
	int			value = 0;
	int			i;

	for (i = 0; i < 4; i++)
	{
		const char *digits = "0123456789abcdef";
		const char *at = s[i] != '\0' ? strchr(digits, s[i] >= 'A' && s[i] <= 'F' ? s[i] + 32 : s[i]) : NULL;

		if (at == NULL)
			return -1;
		value = value * 16 + (int) (at - digits);
	}
	return value;
}

/* ASCII alone, and no half of a surrogate pair. */
static const char *
read_string(const char *s)
{
	bool		high = false;

	if (*s++ != '"')
		return NULL;
	for (; *s != '"' || high; s++)
	{
		int			c;

		if ((unsigned char) *s < 0x20 || (unsigned char) *s > 0x7e)
			return NULL;
		if (*s != '\\' || s[1] != 'u')
		{
			if (high || (*s == '\\' && (s[1] == '\0' || strchr("\"\\/bfnrt", s[1]) == NULL)))
				return NULL;
			s += *s == '\\';
			continue;
		}
		c = hex4(s + 2);
		if (c < 0 || high != (c >= 0xdc00 && c <= 0xdfff))
			return NULL;
		high = c >= 0xd800 && c <= 0xdbff;
		s += 5;
	}
	return s + 1;
}

static const char *
read_digits(const char *s)
{
	if (*s < '0' || *s > '9')
		return NULL;
	while (*s >= '0' && *s <= '9')
		s++;
	return s;
}

static const char *
read_number(const char *s)
{
	s += *s == '-';
	s = *s == '0' ? s + 1 : read_digits(s);
	if (s != NULL && *s == '.')
		s = read_digits(s + 1);
	if (s != NULL && (*s == 'e' || *s == 'E'))
		s = read_digits(s + 1 + (s[1] == '+' || s[1] == '-'));
	return s;
}

/* Members to the closing bracket; keys in objects. */
static const char *
read_members(const char *s, char closing, int depth)
{
	s = skip_spaces(s);
	if (*s == closing)
		return s + 1;
	for (;;)
	{
		if (closing == '}')
		{
			s = read_string(skip_spaces(s));
			if (s == NULL || *(s = skip_spaces(s)) != ':')
				return NULL;
			s++;
		}
		s = read_value(s, depth);
		if (s == NULL)
			return NULL;
		s = skip_spaces(s);
		if (*s == closing)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static const char *
read_value(const char *s, int depth)
{
	s = skip_spaces(s);
	if (depth > JSON_DEPTH_MAX)
		return NULL;
	if (*s == '{')
		return read_members(s + 1, '}', depth + 1);
	if (*s == '[')
		return read_members(s + 1, ']', depth + 1);
	if (*s == '"')
		return read_string(s);
	if (strncmp(s, "null", 4) == 0)
		return s + 4;
	return read_number(s);
}

static bool
is_object(const char *s)
{
	const char *end = *s == '{' ? read_value(s, 0) : NULL;

	return end != NULL && *end == '\0';
}

/* ---- writing ---- */

typedef void (*Writer) (JsonText *json, const void *what);

/* Into just `size` bytes; NULL where it is not what it should be. */
static char *
written(Writer writer, const void *what, size_t size)
{
	char	   *dst = malloc(size);
	JsonText	json;

	memset(dst, 'x', size);
	json_begin(&json, dst, size);
	writer(&json, what);
	json_end(&json);
	if (memchr(dst, '\0', size) != NULL && strlen(dst) == json.len && json.len < size && is_object(dst))
		return dst;
	free(dst);
	return NULL;
}

static bool
gives(Writer writer, const void *what, size_t size, const char *expected)
{
	char	   *dst = written(writer, what, size);
	bool		good = dst != NULL && strcmp(dst, expected) == 0;

	if (!good)
		printf("# size %d: wanted %s, got %s\n", (int) size, expected, dst != NULL ? dst : "no JSON");
	free(dst);
	return good;
}

static void
one_text(JsonText *json, const void *what)
{
	json_text(json, "a", what);
}

static void
one_number(JsonText *json, const void *what)
{
	json_number(json, "a", *(const double *) what);
}

static void
one_time(JsonText *json, const void *what)
{
	json_time(json, "a", *(const TimestampTz *) what);
}

static void
one_key(JsonText *json, const void *what)
{
	json_number(json, what, 1);
}

static void
some_members(JsonText *json, const void *what)
{
	json_text(json, "a", "b\n");
	json_open(json, "c", '[');
	json_number(json, NULL, -1.5);
	json_open(json, NULL, '{');
	json_close(json, '}');
	json_open(json, NULL, '{');
	json_text(json, "d", "");
	json_close(json, '}');
	json_text(json, NULL, "e");
	json_close(json, ']');
	json_number(json, "f", 12);
}

static void
too_deep(JsonText *json, const void *what)
{
	int			levels = *(const int *) what;
	int			i;

	for (i = 0; i < levels; i++)
		json_open(json, "d", '{');
	json_number(json, "in", 1);
	for (i = 0; i < levels; i++)
		json_close(json, '}');
	json_number(json, "after", 2);
}

static void
test_escapes(void)
{
	static const struct
	{
		const char *text;
		const char *json;
		const char *what;
	}			cases[] = {
		{"", "{\"a\": \"\"}", "an empty text"},
		{"plain ~/!", "{\"a\": \"plain ~/!\"}", "plain ASCII"},
		{"\"\\", "{\"a\": \"\\\"\\\\\"}", "quote and backslash"},
		{"\b\t\n\r\x01\x1f\x7f", "{\"a\": \"\\u0008\\u0009\\u000a\\u000d\\u0001\\u001f\\u007f\"}", "control characters"},
		{"\xc3\xa4\xe2\x82\xac", "{\"a\": \"\\u00e4\\u20ac\"}", "two and three bytes"},
		{"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", "{\"a\": \"\\ud83d\\ude00\\udbff\\udfff\"}", "four bytes, a surrogate pair"},
		{"\xf0\x90\x80\x80\xef\xbf\xbf", "{\"a\": \"\\ud800\\udc00\\uffff\"}", "the edge between them"},
		{"\xff\x80z", "{\"a\": \"??z\"}", "bytes that begin nothing"},
		{"\xc0\x80\xc1\xbf", "{\"a\": \"????\"}", "too long for what they say"},
		{"\xed\xa0\x80", "{\"a\": \"???\"}", "half of a surrogate pair as UTF-8"},
		{"\xf4\x90\x80\x80\xf8", "{\"a\": \"?????\"}", "more than Unicode has"},
		{"a\xc3", "{\"a\": \"a?\"}", "cut off in a character"},
		{"\xe2\x82", "{\"a\": \"??\"}", "cut off in the third byte"},
		{"\xf0\x9f\x98", "{\"a\": \"???\"}", "cut off in the fourth"},
		{"\xe2\x28\xa1", "{\"a\": \"?(?\"}", "what goes on as ASCII is kept"},
	};
	bool		good = true;
	char		all[2];
	int			i;

	for (i = 0; i < (int) lengthof(cases); i++)
	{
		check(gives(one_text, cases[i].text, 200, cases[i].json), cases[i].what);
		/* it is all there or not at all */
		good = good && gives(one_text, cases[i].text, strlen(cases[i].json) + 1, cases[i].json) &&
			gives(one_text, cases[i].text, strlen(cases[i].json), "{}");
	}
	check(good, "each fits where there is just room for it, and is left out where a byte is missing");
	good = true;
	for (i = 1; i < 256 && good; i++)
	{
		char	   *dst;

		all[0] = (char) i;
		all[1] = '\0';
		dst = written(one_text, all, 100);
		good = dst != NULL && (i >= 0x80) == (strstr(dst, "\"?\"") != NULL && i != '?');
		free(dst);
	}
	check(good, "each byte alone is a text");
	check(gives(one_key, "k\"\n\xc3\xa4\xff", 200, "{\"k\\\"\\u000a\\u00e4?\": 1}"), "keys are escaped like texts");
}

static void
test_values(void)
{
	static const struct
	{
		double		value;
		const char *json;
	}			numbers[] = {
		{0, "{\"a\": 0}"},
		{-1, "{\"a\": -1}"},
		{12.5, "{\"a\": 12.5}"},
		{1e15 - 1, "{\"a\": 999999999999999}"},
		{1e20, "{\"a\": 1e+20}"},
		{-1e-7, "{\"a\": -1e-07}"},
		{0.1, "{\"a\": 0.1}"},
		{1.7976931348623157e308, "{\"a\": 1.79769313486232e+308}"},
		{NAN, "{\"a\": null}"},
		{INFINITY, "{\"a\": null}"},
		{-INFINITY, "{\"a\": null}"},
	};
	static const struct
	{
		TimestampTz value;
		const char *json;
	}			times[] = {
		{0, "{\"a\": \"2000-01-01T00:00:00.000Z\"}"},
		{-1, "{\"a\": \"1999-12-31T23:59:59.999Z\"}"},
		{-USECS_PER_DAY, "{\"a\": \"1999-12-31T00:00:00.000Z\"}"},
		{59 * USECS_PER_DAY + 1999, "{\"a\": \"2000-02-29T00:00:00.001Z\"}"},
		{60 * USECS_PER_DAY, "{\"a\": \"2000-03-01T00:00:00.000Z\"}"},
		{INT64CONST(-946684800000000), "{\"a\": \"1970-01-01T00:00:00.000Z\"}"},
		{INT64CONST(-3155673600000000), "{\"a\": \"1900-01-01T00:00:00.000Z\"}"},
		{INT64CONST(36584) * USECS_PER_DAY, "{\"a\": \"2100-03-01T00:00:00.000Z\"}"},
		{INT64CONST(36583) * USECS_PER_DAY, "{\"a\": \"2100-02-28T00:00:00.000Z\"}"},
		{INT64CONST(846460799999000), "{\"a\": \"2026-10-27T23:59:59.999Z\"}"},
	};
	bool		good = true;
	int			year = 1970;
	int			month = 1;
	int			day = 1;
	int			i;

	for (i = 0; i < (int) lengthof(numbers); i++)
		good = gives(one_number, &numbers[i].value, 100, numbers[i].json) && good;
	check(good, "numbers, and null for what is none");
	good = true;
	for (i = 0; i < (int) lengthof(times); i++)
		good = gives(one_time, &times[i].value, 100, times[i].json) && good;
	check(good, "moments in UTC with milliseconds");
	/* day by day through two centuries and a half */
	good = true;
	for (i = 0; year < 2220 && good; i++)
	{
		static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
		TimestampTz noon = (i - INT64CONST(10957)) * USECS_PER_DAY + 12 * USECS_PER_HOUR;
		bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
		char		expected[100];

		snprintf(expected, sizeof(expected), "{\"a\": \"%04d-%02d-%02dT12:00:00.000Z\"}", year, month, day);
		good = gives(one_time, &noon, 100, expected);
		if (++day > lengths[month - 1] + (month == 2 && leap))
		{
			day = 1;
			year += month == 12;
			month = month % 12 + 1;
		}
	}
	check(good, "each day from 1970 to 2219 has its date");
}

static void
test_sizes(void)
{
	static const char whole[] = "{\"a\": \"b\\u000a\", \"c\": [-1.5, {}, {\"d\": \"\"}, \"e\"], \"f\": 12}";
	bool		good = true;
	bool		grows = true;
	size_t		before = 0;
	size_t		size;
	int			levels;

	check(gives(some_members, NULL, sizeof(whole), whole), "objects and arrays in each other");
	for (size = 3; size < sizeof(whole) + 5; size++)
	{
		char	   *dst = written(some_members, NULL, size);

		good = good && dst != NULL;
		/* what is there is as in the whole, up to the brackets that close it */
		if (dst != NULL)
		{
			size_t		len = strlen(dst);
			size_t		n = len;

			while (n > 0 && (dst[n - 1] == '}' || dst[n - 1] == ']'))
				n--;
			good = good && strncmp(dst, whole, n) == 0;
			grows = grows && len >= before;
			before = len;
		}
		free(dst);
	}
	check(good, "at each size it is JSON, and the beginning of the whole");
	check(grows && before == sizeof(whole) - 1, "and more room is never less text");

	levels = JSON_DEPTH_MAX - 1;
	check(gives(too_deep, &levels, 300, "{\"d\": {\"d\": {\"d\": {\"d\": {\"d\": {\"d\": {\"d\": {\"in\": 1}}}}}}}, \"after\": 2}"),
		  "as deep as can be");
	levels++;
	check(gives(too_deep, &levels, 300, "{\"d\": {\"d\": {\"d\": {\"d\": {\"d\": {\"d\": {\"d\": {}}}}}}}}"),
		  "deeper is left out, and so is what comes after it");
}

/* ---- anything, by a seed, so that it is the same at each size ---- */

static void
any_text(char *dst)
{
	static const char *const pieces[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"", "\\", "\n", "x"};
	int			n = below(4) == 0 ? 0 : below(24);
	size_t		len = 0;
	bool		good = below(2);

	while (n-- > 0)
		if (good || below(3) == 0)
		{
			const char *piece = pieces[below(lengthof(pieces))];

			memcpy(dst + len, piece, strlen(piece));
			len += strlen(piece);
		}
		else
			dst[len++] = (char) (1 + below(255));
	dst[len] = '\0';
	Assert(len < TEXT_MAX);
}

static void
any_members(JsonText *json, bool keys, int depth)
{
	int			n = below(5);

	while (n-- > 0)
	{
		char		key[TEXT_MAX];
		char		value[TEXT_MAX];
		char		bracket;

		any_text(key);
		switch (below(depth < 11 ? 5 : 3))
		{
			case 0:
				any_text(value);
				json_text(json, keys ? key : NULL, value);
				break;
			case 1:
				json_number(json, keys ? key : NULL, below(2) ? below(1000) / 7.0 : NAN);
				break;
			case 2:
				json_time(json, keys ? key : NULL, (TimestampTz) below(PG_UINT32_MAX) * 1000000);
				break;
			default:
				bracket = below(2) ? '{' : '[';
				json_open(json, keys ? key : NULL, bracket);
				any_members(json, bracket == '{', depth + 1);
				json_close(json, bracket == '{' ? '}' : ']');
				break;
		}
	}
}

static void
anything(JsonText *json, const void *what)
{
	dice = *(const uint64 *) what;
	any_members(json, true, 1);
}

static void
test_anything(void)
{
	bool		good = true;
	uint64		seed;
	int			cut = 0;

	for (seed = 1; seed <= 400 && good; seed++)
	{
		uint64		start = seed << 32;
		char	   *whole = written(anything, &start, 1 << 16);
		size_t		len = whole != NULL ? strlen(whole) : 0;
		size_t		size;

		good = whole != NULL;
		for (size = 3; size <= len + 2 && size < 1200 && good; size++)
		{
			char	   *dst = written(anything, &start, size);

			good = dst != NULL && (size <= len || strcmp(dst, whole) == 0);
			cut += size <= len;
			free(dst);
		}
		if (!good)
			printf("# seed %d, size %d\n", (int) seed, (int) size - 1);
		free(whole);
	}
	check(good && cut > 50000, "anything, cut at each size, is JSON and not longer than its buffer");
}

/* The checker must know what is wrong. */
static void
test_checker(void)
{
	static const char *const wrong[] = {"", "{", "{}}", "{}x", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\": 1,}", "{\"a\": 01}",
		"{\"a\": 1.}", "{\"a\": 1e}", "{\"a\": -}", "{\"a\": nan}", "{\"a\": \"\n\"}", "{\"a\": \"\\x\"}", "{\"a\": \"\\u12g4\"}",
		"{\"a\": \"\\ud83d\"}", "{\"a\": \"\\ude00\"}", "{\"a\": [1 2]}", "{\"a\": [1}", "{\"a\": \"}", "{1: 2}", "[]",
	"{\"a\": \"\xc3\xa4\"}", "{\"a\" 1}", "{\"a\": {]}", "{\"a\": \"\\ud83d\\ud83d\"}", "{\"a\": \"\\u1\"}"};
	bool		good = is_object("{}") && is_object("{\"a\": [1, -2.5e+3, null, \"\\n\\ud83d\\ude00\", {}], \"b\": {\"c\": 0}}");
	int			i;

	for (i = 0; i < (int) lengthof(wrong); i++)
		good = good && !is_object(wrong[i]);
	check(good, "what is no JSON is found");
}

int
main(void)
{
	test_checker();
	test_escapes();
	test_values();
	test_sizes();
	test_anything();
	return tap_end();
}
