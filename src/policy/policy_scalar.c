/*-------------------------------------------------------------------------
 *
 * policy_scalar.c
 *	  Single values of a policy; see policy_scalar.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "policy/policy_scalar.h"

StaticAssertDecl(YAML_PRINT_LEN >= INET6_ADDRSTRLEN + 4,
				 "a printed block fits");

bool
policy_scan_rate(const char *s, size_t len, int64 *rate)
{
	size_t		i = 0;
	int64		value = 0;
	int			decimals = 0;

	while (i < len && yaml_is_digit(s[i]))
	{
		if (value > POLICY_MAX_RATE / POLICY_RATE_SCALE)
			return false;
		value = value * 10 + (s[i++] - '0');
	}
	if (i == 0 || (i > 1 && s[0] == '0') ||
		value > POLICY_MAX_RATE / POLICY_RATE_SCALE)
		return false;
	if (i < len && s[i] == '.')
	{
		for (i++; i < len && yaml_is_digit(s[i]); i++)
		{
			if (++decimals > 9)
				return false;
			value = value * 10 + (s[i] - '0');
		}
		if (decimals == 0)
			return false;
	}
	if (i != len)
		return false;
	for (; decimals < 9; decimals++)
		value *= 10;
	*rate = value;
	return value > 0 && value <= POLICY_MAX_RATE;
}

/* Days since 2000-01-01 of a proleptic Gregorian date, from March on. */
static int32
day_number(int year, int month, int day)
{
	int			y = month > 2 ? year : year - 1;
	int			era = y / 400;	/* year is at least 1, so y is at least 0 */
	int			yoe = y - era * 400;
	int			doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 730425;
}

static bool
scan_digits(const char *s, int n, int *value)
{
	*value = 0;
	while (n-- > 0)
	{
		if (!yaml_is_digit(*s))
			return false;
		*value = *value * 10 + (*s++ - '0');
	}
	return true;
}

bool
policy_scan_date(const char *s, size_t len, int32 *day)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			y;
	int			m;
	int			d;
	bool		leap;

	if (len != POLICY_DATE_LEN || s[4] != '-' || s[7] != '-' ||
		!scan_digits(s, 4, &y) || !scan_digits(s + 5, 2, &m) ||
		!scan_digits(s + 8, 2, &d))
		return false;
	if (y < 1 || m < 1 || m > 12 || d < 1)
		return false;
	leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d > days[m - 1] + (m == 2 && leap))
		return false;
	*day = day_number(y, m, d);
	return true;
}

bool
policy_scan_letters(const char *s, size_t len, size_t n, char *dst)
{
	size_t		i;

	if (len != n)
		return false;
	for (i = 0; i < n; i++)
	{
		if (s[i] >= 'a' && s[i] <= 'z')
			dst[i] = s[i] - 'a' + 'A';
		else if (s[i] >= 'A' && s[i] <= 'Z')
			dst[i] = s[i];
		else
			return false;
	}
	return true;
}

bool
policy_scan_cidr(const char *s, size_t len, PolicyCidr *cidr)
{
	static const uint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char		address[INET6_ADDRSTRLEN];
	const char *slash = memchr(s, '/', len);
	size_t		alen = slash != NULL ? (size_t) (slash - s) : len;
	int			width;
	int			bits;
	int			i;

	memset(cidr, 0, sizeof(*cidr));
	if (alen == 0 || alen >= sizeof(address))
		return false;
	memcpy(address, s, alen);
	address[alen] = '\0';
	if (inet_pton(AF_INET, address, cidr->addr) == 1)
		width = 32;
	else if (inet_pton(AF_INET6, address, cidr->addr) == 1)
		width = 128;
	else
		return false;

	bits = width;
	if (slash != NULL)
	{
		size_t		n = len - alen - 1;

		if (n < 1 || n > 3 || !scan_digits(slash + 1, (int) n, &bits) ||
			bits > width || (n > 1 && slash[1] == '0'))
			return false;
	}
	for (i = bits; i < width; i++)
	{
		if (cidr->addr[i / 8] & (0x80 >> (i % 8)))
			return false;
	}
	if (width == 128 && bits >= 96 &&
		memcmp(cidr->addr, mapped, sizeof(mapped)) == 0)
	{
		memmove(cidr->addr, cidr->addr + 12, 4);
		memset(cidr->addr + 4, 0, 12);
		width = 32;
		bits -= 96;
	}
	cidr->family = width == 32 ? 4 : 6;
	cidr->bits = (uint8) bits;
	return true;
}

bool
policy_scan_notice(const char *s, size_t len, size_t *customer,
				   char *country, int32 *first, int32 *last)
{
	/* /CC/YYYY-MM-DD/YYYY-MM-DD; the customer may hold slashes itself */
	const size_t tail = 1 + 2 + 2 * (1 + POLICY_DATE_LEN);
	const char *t;

	if (len <= tail)
		return false;
	*customer = len - tail;
	t = s + *customer;
	return t[0] == '/' && t[3] == '/' && t[4 + POLICY_DATE_LEN] == '/' &&
		policy_scan_letters(t + 1, 2, 2, country) &&
		policy_scan_date(t + 4, POLICY_DATE_LEN, first) &&
		policy_scan_date(t + 5 + POLICY_DATE_LEN, POLICY_DATE_LEN, last) &&
		*first <= *last;
}

size_t
policy_fold_word(const char *s, size_t len, char *dst)
{
	size_t		i;

	while (len > 0 && yaml_is_space(*s))
	{
		s++;
		len--;
	}
	while (len > 0 && yaml_is_space(s[len - 1]))
		len--;
	if (len > POLICY_MAX_WORD)
		return 0;
	for (i = 0; i < len; i++)
		dst[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] - 'A' + 'a' : s[i];
	dst[len] = '\0';
	return len;
}

void
policy_print_date(int32 day, char *dst)
{
	int			n = day + 730425;	/* days since 0000-03-01 */
	int			era = n / 146097;
	int			doe = n - era * 146097;
	int			yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int			doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int			mp = (5 * doy + 2) / 153;
	int			month = mp < 10 ? mp + 3 : mp - 9;

	snprintf(dst, YAML_PRINT_LEN, "%04d-%02d-%02d",
			 yoe + era * 400 + (month <= 2), month,
			 doy - (153 * mp + 2) / 5 + 1);
}

void
policy_print_rate(int64 rate, char *dst)
{
	int			n;

	n = snprintf(dst, YAML_PRINT_LEN, INT64_FORMAT "." "%09d",
				 rate / POLICY_RATE_SCALE, (int) (rate % POLICY_RATE_SCALE));
	while (dst[n - 1] == '0')
		dst[--n] = '\0';
	if (dst[n - 1] == '.')
		dst[n - 1] = '\0';
}

void
policy_print_cidr(const PolicyCidr *cidr, char *dst)
{
	int			width = cidr->family == 4 ? 32 : 128;
	size_t		n;

	if (inet_ntop(cidr->family == 4 ? AF_INET : AF_INET6, cidr->addr,
				  dst, YAML_PRINT_LEN) == NULL)
		dst[0] = '\0';
	n = strlen(dst);
	if (cidr->bits != width)
		snprintf(dst + n, YAML_PRINT_LEN - n, "/%d", cidr->bits);
}
