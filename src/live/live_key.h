/*-------------------------------------------------------------------------
 *
 * live_key.h
 *	  Keys of what is remembered in shared memory: hashes of 128 bits.
 *
 * Keys are compared by hash alone, so that no customer's name lies in shared
 * memory and comparing is two words. With n keys at a time two of them meet
 * with probability n^2 / 2^129: 2 in 10^31 for 10,000 customers, 2 in 10^30 for
 * 40,000 decisions. (Ids longer than STORE_KEY_MAX are cut by the store and
 * closed by 64 bits: among 10,000 such customers 3 in 10^12.) The hash is not
 * cryptographic; its seeds are random, made at each start of the server and
 * never shown, so nobody can work out ids that meet.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_LIVE_LIVE_KEY_H
#define FRAUD_LIVE_LIVE_KEY_H

#include "common/hashfn.h"

#define LIVE_WAYS			8	/* places in a set */
#define LIVE_NEVER			PG_INT64_MIN	/* a moment before all others */

typedef struct Hash128
{
	uint64		h[2];
} Hash128;

static inline Hash128
hash128(const void *p, int len, const Hash128 *seeds)
{
	Hash128		hash;

	hash.h[0] = hash_bytes_extended(p, len, seeds->h[0]);
	hash.h[1] = hash_bytes_extended(p, len, seeds->h[1]);
	return hash;
}

/* Seeds of what belongs to one database. */
static inline Hash128
hash128_seeds_of(const Hash128 *seeds, uint32 database)
{
	Hash128		own;

	/* a seed of zero would be none */
	own.h[0] = (seeds->h[0] + database * UINT64CONST(0x9E3779B97F4A7C15)) | 1;
	own.h[1] = (seeds->h[1] ^ database * UINT64CONST(0xC2B2AE3D27D4EB4F)) | 1;
	return own;
}

static inline bool
hash128_equal(const Hash128 *a, const Hash128 *b)
{
	return a->h[0] == b->h[0] && a->h[1] == b->h[1];
}

/*
 * Each key has two sets, and may be in any place of either. New ones go to the
 * set with more room: sets fill evenly, and nobody has to leave before nearly
 * all places are taken. The other half of the key chooses the partition.
 */
static inline uint32
live_set(const Hash128 *key, uint32 sets, int choice)
{
	uint32		first = (uint32) key->h[1] % sets;
	uint32		second;

	if (choice == 0 || sets == 1)
		return first;
	second = (uint32) (key->h[1] >> 32) % (sets - 1);
	return second < first ? second : second + 1;
}

static inline uint32
live_partition(const Hash128 *key, uint32 partitions)
{
	return (uint32) (key->h[0] % partitions);
}

#endif							/* FRAUD_LIVE_LIVE_KEY_H */
