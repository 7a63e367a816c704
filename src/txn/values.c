/*-------------------------------------------------------------------------
 *
 * values.c
 *	  Reading single values of a transaction; same result in every session.
 *
 * PostgreSQL's own input functions are not used here because their answer
 * depends on the session (DateStyle, TimeZone) or they raise errors. Numbers
 * arrive as decimal text whatever their SQL type, so there is one reader.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <arpa/inet.h>
#include <math.h>

#include "common/hashfn.h"
#include "common/shortest_dec.h"

#include "txn/txn.h"

#define EARTH_RADIUS_KM 6371.0088	/* mean radius, IUGG */

#define is_blank(c) ((c) == ' ' || ((c) >= '\t' && (c) <= '\r'))
#define is_digit(c) ((c) >= '0' && (c) <= '9')

void
value_trim(const char **s, int *len)
{
	if (*len > 0 && (unsigned char) **s > ' ' && (unsigned char) (*s)[*len - 1] > ' ')
		return;
	while (*len > 0 && is_blank((*s)[*len - 1]))
		(*len)--;
	while (*len > 0 && is_blank(**s))
	{
		(*s)++;
		(*len)--;
	}
}

bool
value_amount(const char *s, int len, int64 *amount)
{
	const char *end;
	const char *mantissa;
	bool		negative = false;
	bool		point = false;
	uint64		v = 0;
	int			whole = 0;		/* digits before the point */
	int			ndigits = 0;
	int			exponent = 0;
	int			power;			/* of ten, of the digit at hand */

	value_trim(&s, &len);
	end = s + len;
	if (s < end && (*s == '-' || *s == '+'))
		negative = *s++ == '-';

	/* find the exponent first, it moves the point */
	for (mantissa = s; s < end && *s != 'e' && *s != 'E'; s++)
	{
		if (is_digit(*s))
		{
			ndigits++;
			whole += !point;
		}
		else if (*s != '.' || point)
			return false;
		else
			point = true;
	}
	if (ndigits == 0)
		return false;
	if (s < end)
	{
		const char *e = s + 1;
		bool		down = false;

		if (e < end && (*e == '-' || *e == '+'))
			down = *e++ == '-';
		if (e == end || end - e > 4)
			return false;
		for (; e < end; e++)
		{
			if (!is_digit(*e))
				return false;
			exponent = exponent * 10 + (*e - '0');
		}
		if (down)
			exponent = -exponent;
	}

	/* down to the fourth place; the digit after it rounds */
	power = whole - 1 + exponent;
	for (end = s, s = mantissa; s < end && power >= -5; s++)
	{
		if (*s == '.')
			continue;
		if (power-- == -5)
			v += *s >= '5';
		else if (v > (uint64) EVENT_AMOUNT_MAX)
			return false;
		else
			v = v * 10 + (*s - '0');
	}
	/* places that the text left out */
	for (; power >= -4 && v != 0; power--)
	{
		if (v > (uint64) EVENT_AMOUNT_MAX)
			return false;
		v *= 10;
	}
	if (v > (uint64) EVENT_AMOUNT_MAX)
		return false;
	*amount = negative ? -(int64) v : (int64) v;
	return true;
}

bool
value_double_amount(double v, int64 *amount)
{
	char		buf[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!isfinite(v))
		return false;
	/* the decimal a person would see, so that 1.00005 rounds as written */
	return value_amount(buf, double_to_shortest_decimal_bufn(v, buf), amount);
}

bool
value_convert(int64 amount, int64 rate, int64 *converted)
{
	int128		v = (int128) amount * rate;
	int128		half = POLICY_RATE_SCALE / 2;

	v = (v < 0 ? v - half : v + half) / POLICY_RATE_SCALE;
	if (v > EVENT_AMOUNT_MAX || v < -EVENT_AMOUNT_MAX)
		return false;
	*converted = (int64) v;
	return true;
}

/* Exactly n digits. */
static bool
digits(const char **s, const char *end, int n, int *v)
{
	*v = 0;
	for (; n > 0; n--, (*s)++)
	{
		if (*s >= end || !is_digit(**s))
			return false;
		*v = *v * 10 + (**s - '0');
	}
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)))
		return 29;
	return days[month - 1];
}

/* ISO 8601: 2026-11-20, 2026-11-20T17:03[:05[.123456]][Z|+02|+0200|+02:00] */
bool
value_iso_time(const char *s, int len, IsoTime *t)
{
	const char *end;

	memset(t, 0, sizeof(*t));
	value_trim(&s, &len);
	end = s + len;
	if (!digits(&s, end, 4, &t->year) || s >= end || *s++ != '-' ||
		!digits(&s, end, 2, &t->month) || s >= end || *s++ != '-' ||
		!digits(&s, end, 2, &t->day))
		return false;
	if (t->year < 1 || t->month < 1 || t->month > 12 || t->day < 1 ||
		t->day > days_in_month(t->year, t->month))
		return false;
	if (s == end)
		return true;

	if (*s != 'T' && *s != 't' && *s != ' ')
		return false;
	s++;
	t->has_time = true;
	if (!digits(&s, end, 2, &t->hour) || s >= end || *s++ != ':' ||
		!digits(&s, end, 2, &t->minute))
		return false;
	if (s < end && *s == ':')
	{
		s++;
		if (!digits(&s, end, 2, &t->second))
			return false;
		if (s < end && (*s == '.' || *s == ','))
		{
			int			scale = 100000;

			s++;
			if (s >= end || !is_digit(*s))
				return false;
			/* beyond microseconds: cut, as a clock would */
			for (; s < end && is_digit(*s); s++, scale /= 10)
				t->usec += (*s - '0') * scale;
		}
	}
	if (t->hour > 23 || t->minute > 59 || t->second > 59)
		return false;
	if (s < end && *s == ' ')
		s++;
	if (s == end)
		return true;

	t->has_offset = true;
	if (*s == 'Z' || *s == 'z')
		s++;
	else if (*s == '+' || *s == '-')
	{
		bool		west = *s++ == '-';
		int			h;
		int			m = 0;

		if (!digits(&s, end, 2, &h))
			return false;
		if (s < end && *s == ':')
			s++;
		if (s < end && !digits(&s, end, 2, &m))
			return false;
		if (h > 15 || m > 59)
			return false;
		t->offset = (h * 60 + m) * 60;
		if (west)
			t->offset = -t->offset;
	}
	return s == end;
}

uint16
value_country(const char *s, int len)
{
	int			a;
	int			b;

	value_trim(&s, &len);
	if (len != 2)
		return 0;
	a = (s[0] | 0x20) - 'a';
	b = (s[1] | 0x20) - 'a';
	if (a < 0 || a > 25 || b < 0 || b > 25)
		return 0;
	return (uint16) (1 + a * 26 + b);
}

/* Up to four digits, padded with zeros on the left. */
bool
value_mcc(const char *s, int len, char *mcc)
{
	int			i;

	value_trim(&s, &len);
	if (len < 1 || len > 4)
		return false;
	memcpy(mcc, "0000", 5);
	for (i = 0; i < len; i++)
	{
		if (!is_digit(s[i]))
			return false;
		mcc[4 - len + i] = s[i];
	}
	return true;
}

int
value_bool(const char *s, int len)
{
	static const char *const yes[] = {"t", "true", "y", "yes", "on", "1"};
	static const char *const no[] = {"f", "false", "n", "no", "off", "0"};
	int			i;

	value_trim(&s, &len);
	for (i = 0; i < (int) lengthof(yes); i++)
	{
		if (len == (int) strlen(yes[i]) && pg_strncasecmp(s, yes[i], len) == 0)
			return 1;
		if (len == (int) strlen(no[i]) && pg_strncasecmp(s, no[i], len) == 0)
			return 0;
	}
	return -1;
}

bool
value_coordinate(double v, double limit, uint32 *position)
{
	if (!(v >= -limit && v <= limit))
		return false;
	*position = (uint32) ((v + limit) * (EVENT_POSITION_MAX / (2 * limit)) + 0.5);
	return true;
}

/* IPv4 mapped into IPv6 is IPv4. */
void
value_ip_normal(uint8 *family, uint8 *addr)
{
	static const uint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

	if (*family == 6 && memcmp(addr, mapped, sizeof(mapped)) == 0)
	{
		memmove(addr, addr + 12, 4);
		memset(addr + 4, 0, 12);
		*family = 4;
	}
}

bool
value_ip(const char *s, int len, uint8 *family, uint8 *addr)
{
	char		buf[INET6_ADDRSTRLEN];

	value_trim(&s, &len);
	if (len == 0 || len >= (int) sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, buf, addr) == 1)
		*family = 4;
	else if (inet_pton(AF_INET6, buf, addr) == 1)
		*family = 6;
	else
		return false;
	value_ip_normal(family, addr);
	return true;
}

bool
ip_is_private(uint8 family, const uint8 *a)
{
	if (family == 4)
		return a[0] == 10 || a[0] == 127 || a[0] == 0 ||
			(a[0] == 172 && (a[1] & 0xF0) == 16) ||
			(a[0] == 192 && a[1] == 168) ||
			(a[0] == 169 && a[1] == 254) ||
			(a[0] == 100 && (a[1] & 0xC0) == 64);
	if (family == 6)
	{
		static const uint8 loopback[16] = {[15] = 1};
		static const uint8 any[16] = {0};

		return (a[0] & 0xFE) == 0xFC ||
			(a[0] == 0xFE && (a[1] & 0xC0) == 0x80) ||
			memcmp(a, loopback, 16) == 0 || memcmp(a, any, 16) == 0;
	}
	return false;
}

uint64
value_hash(TxnColumn column, const char *s, int len)
{
	return hash_bytes_extended((const unsigned char *) s, len, (uint64) column + 1);
}

/* Haversine formula (Sinnott, 1984). */
double
distance_km(uint32 lat1, uint32 lon1, uint32 lat2, uint32 lon2)
{
	const double lat_unit = M_PI / EVENT_POSITION_MAX;
	const double lon_unit = 2 * M_PI / EVENT_POSITION_MAX;
	double		a;
	double		b;
	double		h;

	if (lat1 == lat2 && lon1 == lon2)
		return 0;
	a = sin(((double) lat2 - (double) lat1) * lat_unit / 2);
	b = sin(((double) lon2 - (double) lon1) * lon_unit / 2);
	h = a * a + cos(lat1 * lat_unit - M_PI_2) * cos(lat2 * lat_unit - M_PI_2) * b * b;
	return 2 * EARTH_RADIUS_KM * asin(sqrt(h < 1 ? h : 1));
}
