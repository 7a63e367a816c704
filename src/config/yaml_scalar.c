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
