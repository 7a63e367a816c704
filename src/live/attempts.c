/*-------------------------------------------------------------------------
 *
 * attempts.c
 *	  Live attempts in shared memory; see attempts.h and recent.h.
 *
 * Locking protocol
 *	 seeds, partitions, sets	never changed after the start
 *	 ahead, told_at				atomics, no lock
 *	 a partition				its lock: exclusive to add, mark, keep and
 *								forget, shared to read
 * A lock is held for a search in two sets and a copy of at most 3,500 bytes (or
 * wiping 6,000),
 * well below a microsecond; nothing is allocated, raised, logged or called
 * under it. No other lock is taken meanwhile.
 *
 * Nothing sweeps: what is too old is passed over by readers and makes room
 * first. Nothing is on disk: a restart forgets it all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/guc.h"

#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/json_text.h"
#include "core/shmem.h"
#include "live/attempts.h"

#define TRANCHE				"fraud_fallback_attempts"

/* Few enough for customers to spread evenly over them. */
#define PARTITIONS			16

typedef struct AttemptsShared
{
	Hash128		seeds;
	uint32		sets;			/* of a partition */
	pg_atomic_uint64 ahead;
	pg_atomic_uint64 told_at;	/* clock_now() of the last event about a flood, an int64 */
} AttemptsShared;

int			live_customers;

static AttemptsShared *shared;
static LWLockPadded *locks;

/* ---- shared memory ---- */

static uint32
sets_wanted(void)
{
	return (uint32) ((live_customers + PARTITIONS * LIVE_WAYS - 1) / (PARTITIONS * LIVE_WAYS));
}

static Size
partition_size(uint32 sets)
{
	return CACHELINEALIGN(recent_size(sets));
}

static Size
attempts_size(void)
{
	/* the area begins where it begins, partitions on a cache line */
	return add_size(add_size(CACHELINEALIGN(sizeof(AttemptsShared)),
							 mul_size(partition_size(sets_wanted()), PARTITIONS)),
					PG_CACHE_LINE_SIZE);
}

static Recent *
partition(uint32 number)
{
	return (Recent *) ((char *) shared + CACHELINEALIGN(sizeof(AttemptsShared)) +
					   number * partition_size(shared->sets));
}

void
live_seeds(Hash128 *seeds)
{
	if (pg_strong_random(seeds, sizeof(*seeds)))
		return;
	seeds->h[0] = pg_prng_uint64(&pg_global_prng_state);
	seeds->h[1] = pg_prng_uint64(&pg_global_prng_state);
}

static void
attempts_shmem(void *memory, LWLockPadded *tranche, bool found)
{
	uint32		i;

	shared = (AttemptsShared *) CACHELINEALIGN(memory);
	locks = tranche;
	if (found)
		return;
	memset(shared, 0, sizeof(*shared));
	shared->sets = sets_wanted();
	pg_atomic_init_u64(&shared->ahead, 0);
	pg_atomic_init_u64(&shared->told_at, (uint64) LIVE_NEVER);
	live_seeds(&shared->seeds);
	for (i = 0; i < PARTITIONS; i++)
		recent_init(partition(i), shared->sets);
}

static Recent *
lock_partition(const AttemptsKey *key, LWLockMode mode, LWLock **lock)
{
	uint32		number = live_partition(&key->hash, PARTITIONS);

	*lock = &locks[number].lock;
	LWLockAcquire(*lock, mode);
	return partition(number);
}

/* ---- floods ---- */

/* An event when attempts that count had to be forgotten; one an hour says enough. */
static pg_noinline void
tell_flood(int64 now)
{
	uint64		told = pg_atomic_read_u64(&shared->told_at);
	FraudEvent	event = {0};
	JsonText	json;

	if (((int64) told != LIVE_NEVER && now - (int64) told < RECENT_KEPT) ||
		!pg_atomic_compare_exchange_u64(&shared->told_at, &told, (uint64) now))
		return;
	event.at = clock_wall();
	strlcpy(event.kind, "attempts", sizeof(event.kind));
	strlcpy(event.subject, "flood", sizeof(event.subject));
	strlcpy(event.who, "server", sizeof(event.who));
	snprintf(event.message, sizeof(event.message),
			 "no room for all customers: attempts of the last hour are forgotten; fraud_fallback.live_customers is %d",
			 live_customers);
	json_begin(&json, event.cause, sizeof(event.cause));
	json_number(&json, "live_customers", live_customers);
	json_end(&json);
	/* a place that was reserved is published */
	HOLD_INTERRUPTS();
	events_publish(events_reserve(), &event);
	RESUME_INTERRUPTS();
}

/* ---- what the front door does ---- */

void
attempts_key(const StoreKey *customer, AttemptsKey *key)
{
	Hash128		seeds;

	if (unlikely(shared == NULL))
		shmem_required();
	Assert(customer->entity == HISTORY_CUSTOMER);
	seeds = hash128_seeds_of(&shared->seeds, MyDatabaseId);
	key->hash = hash128(customer->text, customer->len, &seeds);
}

void
attempts_add(const AttemptsKey *key, const Event *event, RecentAttempts *seen)
{
	Event		live = *event;
	int64		now;
	LWLock	   *lock;
	Recent	   *r;

	if (event->time > clock_wall() + ATTEMPT_AHEAD_MAX)
	{
		pg_atomic_fetch_add_u64(&shared->ahead, 1);
		attempts_read(key, seen);
		return;
	}
	/* what a decision is about has no status yet */
	live.status = STATUS_LIVE;
	live.flags &= ~EVENT_ODD_STATUS;
	now = clock_now();
	r = lock_partition(key, LW_EXCLUSIVE, &lock);
	recent_add(r, &key->hash, &live, now, seen);
	LWLockRelease(lock);
	if (unlikely(seen->displaced))
		tell_flood(now);
}

void
attempts_read(const AttemptsKey *key, RecentAttempts *seen)
{
	int64		now = clock_now();
	LWLock	   *lock;
	Recent	   *r = lock_partition(key, LW_SHARED, &lock);

	recent_read(r, &key->hash, now, seen);
	LWLockRelease(lock);
}

bool
attempts_mark(const AttemptsKey *key, uint64 identity, AttemptOutcome outcome)
{
	LWLock	   *lock;
	Recent	   *r = lock_partition(key, LW_EXCLUSIVE, &lock);
	bool		found = recent_mark(r, &key->hash, identity, outcome);

	LWLockRelease(lock);
	return found;
}

bool
attempts_profile_put(const AttemptsKey *key, const char *image, size_t len)
{
	int64		now = clock_now();
	LWLock	   *lock;
	Recent	   *r = lock_partition(key, LW_EXCLUSIVE, &lock);
	bool		done = recent_profile_put(r, &key->hash, image, len, now);

	LWLockRelease(lock);
	return done;
}

size_t
attempts_profile_get(const AttemptsKey *key, char *image, int64 *age)
{
	LWLock	   *lock;
	Recent	   *r = lock_partition(key, LW_SHARED, &lock);
	int64		put_at = 0;
	size_t		len = recent_profile_get(r, &key->hash, image, &put_at);

	LWLockRelease(lock);
	*age = clock_now() - put_at;
	return len;
}

bool
attempts_forget(const AttemptsKey *key)
{
	LWLock	   *lock;
	Recent	   *r = lock_partition(key, LW_EXCLUSIVE, &lock);
	bool		found = recent_forget(r, &key->hash);

	LWLockRelease(lock);
	return found;
}

/* ---- for people ---- */

void
attempts_status(AttemptsStatus *status)
{
	uint32		i;

	if (unlikely(shared == NULL))
		shmem_required();
	memset(status, 0, sizeof(*status));
	for (i = 0; i < PARTITIONS; i++)
	{
		RecentCounters counters;

		LWLockAcquire(&locks[i].lock, LW_SHARED);
		recent_counters(partition(i), &counters);
		LWLockRelease(&locks[i].lock);
		status->counters.customers += counters.customers;
		status->counters.evicted += counters.evicted;
		status->counters.evicted_live += counters.evicted_live;
	}
	status->capacity = (uint64) PARTITIONS * recent_capacity(shared->sets);
	status->ahead = pg_atomic_read_u64(&shared->ahead);
	status->memory = attempts_size();
}

void
attempts_init(void)
{
	/* without preload it means nothing, but configuration files may have it */
	DefineCustomIntVariable("fraud_fallback.live_customers",
							"Customers whose attempts of the last hour are remembered in shared memory.",
							"Each takes 5 kB of shared memory, and 3 kB for four recent decisions.",
							&live_customers,
							10000, 128, 1000000,
							process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							GUC_ALLOW_IN_PARALLEL,
							NULL, NULL, NULL);
	shmem_register(TRANCHE, attempts_size, attempts_shmem, PARTITIONS);
}
