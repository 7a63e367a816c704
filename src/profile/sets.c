/*-------------------------------------------------------------------------
 *
 * sets.c
 *	  "Newest n" sets of cards and countries, and the Bloom set of merchants.
 *
 * Each set is in a total order (newest first, ties by value), so that cutting
 * it to its size commutes with merging.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "profile/profile.h"

#define SECOND_MAX	UINT64_C(0xFFFFFFFF)
#define HOUR_MAX	0x3FFFFF

uint32
clamp_second(int64 time)
{
	if (time < 0)
		return 0;
	return (uint32) Min((uint64) (time / USECS_A_SECOND), SECOND_MAX);
}

uint32
clamp_hour(int64 time)
{
	if (time < 0)
		return 0;
	return (uint32) Min(time / USECS_AN_HOUR, HOUR_MAX);
}

/* Remembers the latest time a card was seen. */
void
cards_add(ProfileState *state, uint32 card, uint32 second)
{
	CardSeen   *set = state->cards;
	int			n = state->ncards;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (set[i].card != card)
			continue;
		if (set[i].second >= second)
			return;
		memmove(&set[i], &set[i + 1], (n - i - 1) * sizeof(CardSeen));
		n--;
		break;
	}
	for (i = n; i > 0; i--)
	{
		const CardSeen *c = &set[i - 1];

		if (c->second > second || (c->second == second && c->card > card))
			break;
	}
	memmove(&set[i + 1], &set[i], (n - i) * sizeof(CardSeen));
	set[i].card = card;
	set[i].second = second;
	state->ncards = Min(n + 1, PROFILE_CARDS);
}

/* Remembers one approved payment in a country, at most three a country. */
void
countries_add(ProfileState *state, uint16 country, uint32 hour)
{
	CountrySeen *set = state->countries;
	int			n = state->ncountries;
	int			same = 0;
	int			oldest = -1;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (set[i].country == country)
		{
			same++;
			oldest = i;			/* newest first: the last one is the oldest */
		}
	}
	if (same == PROFILE_PER_COUNTRY)
	{
		if (set[oldest].hour >= hour)
			return;
		memmove(&set[oldest], &set[oldest + 1], (n - oldest - 1) * sizeof(CountrySeen));
		n--;
	}
	for (i = n; i > 0; i--)
	{
		const CountrySeen *c = &set[i - 1];

		if (c->hour > hour || (c->hour == hour && c->country >= country))
			break;
	}
	memmove(&set[i + 1], &set[i], (n - i) * sizeof(CountrySeen));
	set[i].country = country;
	set[i].hour = hour;
	state->ncountries = Min(n + 1, PROFILE_COUNTRIES);
}

/* Two hashes from one give all seven (Kirsch and Mitzenmacher, 2006). */
static inline uint64
bloom_mix(uint32 merchant)
{
	uint64		h = merchant * UINT64_C(0x9E3779B97F4A7C15);

	h ^= h >> 32;
	h *= UINT64_C(0xD6E8FEB86659FD93);
	h ^= h >> 32;
	return h;
}

#define BLOOM_BIT(h, i)	\
	(((uint32) (h) + (i) * ((uint32) ((h) >> 32) | 1)) % PROFILE_BLOOM_BITS)

void
bloom_add(ProfileState *state, uint32 merchant)
{
	uint64		h = bloom_mix(merchant);
	uint32		i;

	for (i = 0; i < PROFILE_BLOOM_HASHES; i++)
	{
		uint32		bit = BLOOM_BIT(h, i);

		state->bloom[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
	state->merchants = true;
}

bool
bloom_has(const ProfileState *state, uint32 merchant)
{
	uint64		h = bloom_mix(merchant);
	uint32		i;

	if (!state->merchants)
		return false;
	for (i = 0; i < PROFILE_BLOOM_HASHES; i++)
	{
		uint32		bit = BLOOM_BIT(h, i);

		if ((state->bloom[bit / 64] & (UINT64_C(1) << (bit % 64))) == 0)
			return false;
	}
	return true;
}
