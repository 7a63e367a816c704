/*-------------------------------------------------------------------------
 *
 * yaml_scalar.c
 *	  Single values of any text in YAML; see yaml_scalar.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "config/yaml_scalar.h"

static const struct
{
	const char *name;
	int64		usec;
}			units[] = {
	{"ms", INT64CONST(1000)},
	{"s", INT64CONST(1000000)},
	{"min", INT64CONST(60000000)},
	{"h", INT64CONST(3600000000)},
	{"d", INT64CONST(86400000000)},
};

static const struct
{
	const char *name;
	int64		bytes;
}			sizes[] = {
	{"kB", INT64CONST(1024)},
	{"MB", INT64CONST(1024) * 1024},
	{"GB", INT64CONST(1024) * 1024 * 1024},
};

StaticAssertDecl(YAML_PRINT_LEN > DOUBLE_SHORTEST_DECIMAL_LEN,
				 "a printed number fits");
bool
yaml_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
yaml_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t
yaml_utf8_next(const char *s, size_t left, uint32 *cp)
{
	const unsigned char *u = (const unsigned char *) s;
	static const uint32 smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t		n;
	size_t		i;
	uint32		c;

	if (left == 0)
		return 0;
	if (u[0] < 0x80)
	{
		*cp = u[0];
		return 1;
	}
	if (u[0] < 0xc2)
		return 0;
	n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	if (n == 0 || n > left)
		return 0;
	c = u[0] & (0x7f >> n);
	for (i = 1; i < n; i++)
	{
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = (c << 6) | (u[i] & 0x3f);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

bool
yaml_utf8_ok(const char *s, size_t len)
{
	size_t		i = 0;

	while (i < len)
	{
		uint32		cp;
		size_t		n = yaml_utf8_next(s + i, len - i, &cp);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool
yaml_scan_number(const char *s, double *value)
{
	const char *p = s;
	const char *digits;
	double		d;

	if (*p == '-' || *p == '+')
		p++;
	digits = p;
	while (yaml_is_digit(*p))
		p++;
	if (p - digits > 1 && *digits == '0')
		return false;			/* octal to some readers */
	if (*p == '.')
	{
		p++;
		if (p - digits == 1 && !yaml_is_digit(*p))
			return false;
		while (yaml_is_digit(*p))
			p++;
	}
	else if (p == digits)
		return false;
	if (*p == 'e' || *p == 'E')
	{
		p++;
		if (*p == '-' || *p == '+')
			p++;
		if (!yaml_is_digit(*p))
			return false;
		while (yaml_is_digit(*p))
			p++;
	}
	if (*p != '\0')
		return false;

	/* The syntax is checked, and PostgreSQL keeps LC_NUMERIC at C. */
	d = strtod(s, NULL);
	if (!isfinite(d))
		return false;
	*value = d + 0.0;			/* no negative zero */
	return true;
}

void
yaml_print_number(double value, char *dst)
{
	double_to_shortest_decimal_buf(value, dst);
}

/*
 * [0-9]+(.[0-9]+)?, no leading zero, as whole * 10^decimals with trailing
 * zeros dropped; *s goes behind it. At most max_decimals, below 10^9 in all.
 */
static bool
scan_decimal(const char **s, int max_decimals, int64 *digits, int64 *scale)
{
	const char *p = *s;
	int64		whole = 0;
	int64		fraction = 0;
	int			zeros = 0;

	if (!yaml_is_digit(*p) || (p[0] == '0' && yaml_is_digit(p[1])))
		return false;
	for (; yaml_is_digit(*p); p++)
	{
		whole = whole * 10 + (*p - '0');
		if (whole >= 1000000000)
			return false;
	}
	*scale = 1;
	if (*p == '.')
	{
		if (!yaml_is_digit(*++p))
			return false;
		for (; yaml_is_digit(*p); p++)
		{
			if (*p == '0')
			{
				zeros++;
				continue;
			}
			/* zeros count once something follows them */
			for (zeros++; zeros > 0; zeros--)
			{
				if (max_decimals-- == 0)
					return false;
				fraction *= 10;
				*scale *= 10;
			}
			fraction += *p - '0';
		}
	}
	*digits = whole * *scale + fraction;
	*s = p;
	return true;
}

YamlDuration
yaml_scan_duration(const char *s, int64 *usec)
{
	int64		digits;
	int64		scale;

	if (!scan_decimal(&s, 8, &digits, &scale))
		return DURATION_BAD;
	while (yaml_is_space(*s))
		s++;
	if (*s == '\0')
		return DURATION_NO_UNIT;
	for (size_t i = 0; i < lengthof(units); i++)
	{
		int64		whole = digits / scale;
		int64		part = digits % scale;	/* below 10^8: no overflow */

		if (strcmp(s, units[i].name) != 0)
			continue;
		if (whole >= YAML_MAX_DURATION / units[i].usec ||
			part * units[i].usec % scale != 0)
			return DURATION_BAD;
		*usec = whole * units[i].usec + part * units[i].usec / scale;
		return DURATION_OK;
	}
	return DURATION_BAD;
}

/* In the largest unit that needs no decimals; microseconds as decimals of ms. */
void
yaml_print_duration(int64 usec, char *dst)
{
	int			i = lengthof(units) - 1;

	if (usec == 0)
		i = 1;
	while (i > 0 && usec % units[i].usec != 0)
		i--;
	if (usec % units[i].usec == 0)
		snprintf(dst, YAML_PRINT_LEN, INT64_FORMAT " %s", usec / units[i].usec,
				 units[i].name);
	else
	{
		int			n = snprintf(dst, YAML_PRINT_LEN, INT64_FORMAT ".%03d",
								 usec / 1000, (int) (usec % 1000));

		while (dst[n - 1] == '0')
			n--;
		strlcpy(dst + n, " ms", YAML_PRINT_LEN - n);
	}
}

YamlDuration
yaml_scan_size(const char *s, int64 *bytes)
{
	int64		digits;
	int64		scale;

	if (!scan_decimal(&s, 8, &digits, &scale))
		return DURATION_BAD;
	while (yaml_is_space(*s))
		s++;
	if (*s == '\0')
		return DURATION_NO_UNIT;
	for (size_t i = 0; i < lengthof(sizes); i++)
	{
		int64		part = digits % scale;	/* below 10^8: no overflow */

		if (strcmp(s, sizes[i].name) != 0)
			continue;
		if (part * sizes[i].bytes % scale != 0)
			return DURATION_BAD;
		*bytes = digits / scale * sizes[i].bytes + part * sizes[i].bytes / scale;
		return DURATION_OK;
	}
	return DURATION_BAD;
}

/* In the largest unit that needs no decimals; bytes as decimals of kB. */
void
yaml_print_size(int64 bytes, char *dst)
{
	int			i = lengthof(sizes) - 1;

	while (i > 0 && bytes % sizes[i].bytes != 0)
		i--;
	if (bytes % sizes[i].bytes == 0)
		snprintf(dst, YAML_PRINT_LEN, INT64_FORMAT " %s", bytes / sizes[i].bytes, sizes[i].name);
	else
	{
		yaml_print_number((double) bytes / 1024, dst);
		strlcat(dst, " kB", YAML_PRINT_LEN);
	}
}

bool
yaml_scan_percent(const char *s, int32 *hundredths)
{
	int64		digits;
	int64		scale;

	if (!scan_decimal(&s, 2, &digits, &scale) || *s != '\0' || digits > 100 * scale)
		return false;
	*hundredths = (int32) (digits * (100 / scale));
	return true;
}

void
yaml_print_percent(int32 hundredths, char *dst)
{
	yaml_print_number(hundredths / 100.0, dst);
}
