/*-------------------------------------------------------------------------
 *
 * policy_lookup.c
 *	  Looking things up in a policy image. No allocation.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "policy/policy_scalar.h"

/* Bytewise, as the arrays of a policy are sorted. */
static int
compare_bytes(const char *a, size_t alen, const char *b, size_t blen)
{
	int			c = memcmp(a, b, Min(alen, blen));

	if (c == 0 && alen != blen)
		c = alen < blen ? -1 : 1;
	return c;
}

static int
compare_str(const Policy *policy, PolicyStr s, const char *value, size_t len)
{
	return compare_bytes((const char *) policy + s.off, s.len, value, len);
}

bool
policy_list_has(const Policy *policy, ListId list, const char *value, size_t len)
{
	PolicyArray values = policy->lists[list].values;
	const PolicyStr *items = policy_array(policy, values, PolicyStr);
	uint32		low = 0;
	uint32		high = values.n;

	Assert(list_defs[list].kind != LIST_CIDR && list_defs[list].kind != LIST_NOTICE);
	if (list_defs[list].kind == LIST_MCC && high <= 16)
	{
		/* a few values of four digits: as words, one after the other */
		uint32		word;
		uint32		item;

		if (len != sizeof(word))
			return false;
		memcpy(&word, value, sizeof(word));
		for (; low < high; low++)
		{
			memcpy(&item, (const char *) policy + items[low].off, sizeof(item));
			if (item == word)
				return true;
		}
		return false;
	}
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			c = compare_str(policy, items[middle], value, len);

		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* First element not below the wanted one; elements sort as their bytes. */
static uint32
cidr_position(const PolicyCidr *items, uint32 low, uint32 high,
			  const PolicyCidr *wanted)
{
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (memcmp(&items[middle], wanted, sizeof(*wanted)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Blocks of one family and prefix length stand together: each such run is
 * asked for the address cut to its length.
 */
static bool
cidrs_have(const PolicyCidr *items, uint32 n, int family, const uint8 *addr)
{
	uint32		i = 0;

	while (i < n)
	{
		PolicyCidr	wanted;
		int			bits = items[i].bits;

		memset(&wanted, 0, sizeof(wanted));
		wanted.family = items[i].family;
		wanted.bits = items[i].bits;
		if (items[i].family == family)
		{
			uint32		at;

			memcpy(wanted.addr, addr, (bits + 7) / 8);
			if (bits % 8 != 0)
				wanted.addr[bits / 8] &= (uint8) (0xff << (8 - bits % 8));
			at = cidr_position(items, i, n, &wanted);
			if (at < n && memcmp(&items[at], &wanted, sizeof(wanted)) == 0)
				return true;
		}
		memset(wanted.addr, 0xff, sizeof(wanted.addr));
		memset(wanted.reserved, 0xff, sizeof(wanted.reserved));
		i = cidr_position(items, i, n, &wanted);
	}
	return false;
}

bool
policy_list_has_ip(const Policy *policy, ListId list, int family,
				   const uint8 *addr)
{
	static const uint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	PolicyArray values = policy->lists[list].values;
	const PolicyCidr *items = policy_array(policy, values, PolicyCidr);

	Assert(list_defs[list].kind == LIST_CIDR);
	if (cidrs_have(items, values.n, family, addr))
		return true;
	/* IPv4 in IPv6 is listed as IPv4, see policy_scan_cidr() */
	return family == 6 && memcmp(addr, mapped, sizeof(mapped)) == 0 &&
		cidrs_have(items, values.n, 4, addr + 12);
}

bool
policy_has_travel_notice(const Policy *policy, const char *customer, size_t len,
						 const char *country, int32 day)
{
	PolicyArray values = policy->lists[LIST_TRAVEL_NOTICES].values;
	const PolicyNotice *items = policy_array(policy, values, PolicyNotice);
	uint32		low = 0;
	uint32		high = values.n;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (compare_str(policy, items[middle].customer, customer, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < values.n; low++)
	{
		const PolicyNotice *notice = &items[low];

		if (compare_str(policy, notice->customer, customer, len) != 0)
			break;
		if (strncmp(notice->country, country, 2) == 0 &&
			notice->first_day <= day && day <= notice->last_day)
			return true;
	}
	return false;
}

int
policy_word(const Policy *policy, PolicyArray words, const char *word, size_t len)
{
	const PolicyWord *items = policy_array(policy, words, PolicyWord);
	char		folded[POLICY_MAX_WORD + 1];
	size_t		n = policy_fold_word(word, len, folded);
	uint32		low = 0;
	uint32		high = words.n;

	while (n > 0 && low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			c = compare_str(policy, items[middle].word, folded, n);

		if (c == 0)
			return (int) items[middle].code;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int64
policy_rate(const Policy *policy, const char *currency, int32 day)
{
	const PolicyRate *items = policy_array(policy, policy->rates, PolicyRate);
	uint32		low = 0;
	uint32		high = policy->rates.n;

	if (compare_str(policy, policy->base_currency, currency, strlen(currency)) == 0)
		return POLICY_RATE_SCALE;
	/* the first one after (currency, day); the wanted one is just before */
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			c = strncmp(items[middle].currency, currency, 3);

		if (c < 0 || (c == 0 && items[middle].day <= day))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || strncmp(items[low - 1].currency, currency, 3) != 0)
		return 0;
	return items[low - 1].rate;
}
