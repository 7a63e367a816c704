/*-------------------------------------------------------------------------
 *
 * decisions.c
 *	  Decisions of the last ten minutes in shared memory; see decisions.h and
 *	  kept.h.
 *
 * Locking protocol
 *	 seeds, sets		never changed after the start
 *	 too_large			atomic, no lock
 *	 a partition		its lock: exclusive to claim, put and release, shared to
 *						find
 * A lock is held for a search in two sets and a copy of at most 2,000 bytes,
 * and where many small answers make room for a large one, for passing over
 * them. Nothing is allocated, raised, logged or called under it. No other lock
 * is taken meanwhile. A claim is no lock: it is data, and nobody waits for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"

#include "core/clock.h"
#include "core/shmem.h"
#include "live/attempts.h"
#include "live/decisions.h"

#define TRANCHE				"fraud_fallback_decisions"
#define PARTITIONS			16
#define DECISIONS_A_CUSTOMER	4

typedef struct DecisionsShared
{
	Hash128		seeds;
	uint32		sets;			/* of a partition */
	pg_atomic_uint64 too_large;
} DecisionsShared;

static DecisionsShared *shared;
static LWLockPadded *locks;

/*
 * Claims of this session that are open. A function of ML called for one
 * decision may ask for another; nobody nests deeper than this, and if so, the
 * lease ends the claim.
 */
#define OPEN_CLAIMS			8

typedef struct OpenClaim
{
	Claim		claim;
	SubTransactionId made_in;
} OpenClaim;

static OpenClaim open_claims[OPEN_CLAIMS];
static int	nopen;

/* ---- shared memory ---- */

static uint32
sets_wanted(void)
{
	return (uint32) ((live_customers * DECISIONS_A_CUSTOMER + PARTITIONS * LIVE_WAYS - 1) /
					 (PARTITIONS * LIVE_WAYS));
}

static Size
partition_size(uint32 sets)
{
	return CACHELINEALIGN(kept_size(sets));
}

static Size
decisions_size(void)
{
	/* the area begins where it begins, partitions on a cache line */
	return add_size(add_size(CACHELINEALIGN(sizeof(DecisionsShared)),
							 mul_size(partition_size(sets_wanted()), PARTITIONS)),
					PG_CACHE_LINE_SIZE);
}

static Kept *
partition(uint32 number)
{
	return (Kept *) ((char *) shared + CACHELINEALIGN(sizeof(DecisionsShared)) +
					 number * partition_size(shared->sets));
}

static void
decisions_shmem(void *memory, LWLockPadded *tranche, bool found)
{
	uint32		i;

	shared = (DecisionsShared *) CACHELINEALIGN(memory);
	locks = tranche;
	if (found)
		return;
	memset(shared, 0, sizeof(*shared));
	shared->sets = sets_wanted();
	pg_atomic_init_u64(&shared->too_large, 0);
	live_seeds(&shared->seeds);
	for (i = 0; i < PARTITIONS; i++)
		kept_init(partition(i), shared->sets);
}

static Kept *
lock_partition(const KeptKey *key, LWLockMode mode, LWLock **lock)
{
	uint32		number = live_partition(&key->txn, PARTITIONS);

	*lock = &locks[number].lock;
	LWLockAcquire(*lock, mode);
	return partition(number);
}

/* ---- claims of this session ---- */

static void
release(const Claim *claim)
{
	LWLock	   *lock;
	Kept	   *k = lock_partition(&claim->key, LW_EXCLUSIVE, &lock);

	kept_release(k, &claim->key, claim->token);
	LWLockRelease(lock);
}

/* Those made in this subtransaction or later. */
static void
release_since(SubTransactionId first)
{
	int			n = 0;
	int			i;

	for (i = 0; i < nopen; i++)
		if (open_claims[i].made_in >= first)
			release(&open_claims[i].claim);
		else
			open_claims[n++] = open_claims[i];
	nopen = n;
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (nopen == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			release_since(InvalidSubTransactionId);
			break;
		default:
			break;
	}
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	/* those of its subtransactions have greater numbers, released or not */
	if (nopen > 0 && event == SUBXACT_EVENT_ABORT_SUB)
		release_since(mine);
}

/* A dying session rolls back, too. */
static void
watch_transactions(void)
{
	static bool watching = false;

	if (likely(watching))
		return;
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	watching = true;
}

static void
open_claim(const Claim *claim)
{
	if (nopen == OPEN_CLAIMS)
		memmove(open_claims, open_claims + 1, --nopen * sizeof(OpenClaim));
	open_claims[nopen].claim = *claim;
	open_claims[nopen++].made_in = GetCurrentSubTransactionId();
}

static void
close_claim(const Claim *claim)
{
	int			i;

	for (i = nopen - 1; i >= 0; i--)
		if (open_claims[i].claim.token == claim->token &&
			hash128_equal(&open_claims[i].claim.key.txn, &claim->key.txn))
		{
			memmove(&open_claims[i], &open_claims[i + 1], (--nopen - i) * sizeof(OpenClaim));
			return;
		}
}

/* ---- what the front door does ---- */

bool
decisions_key(const Txn *txn, KeptKey *key)
{
	Hash128		seeds;

	if (unlikely(shared == NULL))
		shmem_required();
	seeds = hash128_seeds_of(&shared->seeds, MyDatabaseId);
	return kept_key_of_txn(txn, &seeds, key);
}

KeptFound
decisions_find(const KeptKey *key, bool *reused, KeptAnswer *answer)
{
	int64		now = clock_now();
	LWLock	   *lock;
	Kept	   *k = lock_partition(key, LW_SHARED, &lock);
	KeptFound	found = kept_find(k, key, now, reused, answer);

	LWLockRelease(lock);
	return found;
}

bool
decisions_verdict(const KeptKey *key, KeptAnswer *answer, int64 *age)
{
	int64		now = clock_now();
	LWLock	   *lock;
	Kept	   *k = lock_partition(key, LW_SHARED, &lock);
	bool		found = kept_verdict(k, key, answer);

	LWLockRelease(lock);
	*age = found ? now - answer->at : 0;
	return found;
}

KeptClaim
decisions_claim(const KeptKey *key, bool verdict, Claim *claim, bool *reused, KeptAnswer *answer)
{
	int64		now = clock_now();
	LWLock	   *lock;
	Kept	   *k;
	KeptClaim	found;

	claim->key = *key;
	watch_transactions();
	/* between the claim and its place in the list nothing may end the session */
	HOLD_INTERRUPTS();
	k = lock_partition(key, LW_EXCLUSIVE, &lock);
	found = kept_claim(k, key, verdict, now, reused, &claim->token, answer);
	LWLockRelease(lock);
	if (claim->token != 0)
		open_claim(claim);
	RESUME_INTERRUPTS();
	return found;
}

void
decisions_put(Claim *claim, const char *bytes, size_t len, bool verdict, const uint8 *record, KeptPut *put)
{
	int64		now = clock_now();
	LWLock	   *lock;
	Kept	   *k;

	put->kept = put->other = false;
	Assert(len > 0);
	if (len > KEPT_MAX)
	{
		pg_atomic_fetch_add_u64(&shared->too_large, 1);
		decisions_release(claim);
		return;
	}
	k = lock_partition(&claim->key, LW_EXCLUSIVE, &lock);
	kept_put(k, &claim->key, claim->token, bytes, (int) len, verdict, record, now, put);
	LWLockRelease(lock);
	close_claim(claim);
	claim->token = 0;
}

void
decisions_release(Claim *claim)
{
	if (claim->token == 0)
		return;
	release(claim);
	close_claim(claim);
	claim->token = 0;
}

/* ---- for people ---- */

void
decisions_status(DecisionsStatus *status)
{
	uint32		i;

	if (unlikely(shared == NULL))
		shmem_required();
	memset(status, 0, sizeof(*status));
	for (i = 0; i < PARTITIONS; i++)
	{
		KeptCounters counters;

		LWLockAcquire(&locks[i].lock, LW_SHARED);
		kept_counters(partition(i), &counters);
		LWLockRelease(&locks[i].lock);
		status->counters.decisions += counters.decisions;
		status->counters.evicted += counters.evicted;
		status->counters.full += counters.full;
	}
	status->capacity = (uint64) PARTITIONS * kept_capacity(shared->sets);
	status->too_large = pg_atomic_read_u64(&shared->too_large);
	status->memory = decisions_size();
}

void
decisions_init(void)
{
	shmem_register(TRANCHE, decisions_size, decisions_shmem, PARTITIONS);
}
