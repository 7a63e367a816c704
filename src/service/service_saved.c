/*-------------------------------------------------------------------------
 *
 * service_saved.c
 *	  The tier, the override and the windows on disk.
 *
 * What is ordered by hand is written before the call returns, a tier that
 * changes by itself by the worker within a second. After a restart the tier is
 * what it was, with a full wait before it gets better.
 *
 * Writers come one after the other, by a lock of their own; each writes what
 * is when it has the lock, so the last one has it all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/saved_state.h"
#include "service/service_shared.h"

#define STATE_FILE			"service"
#define STATE_FORMAT		1

typedef struct SavedService
{
	int32		format;
	int32		held;
	uint32		held_causes;
	int32		override;		/* 0: none */
	int32		forced;
	int32		unused;			/* 0 */
	int64		duration;		/* what is left of the override */
	TimestampTz ends;			/* when it ends, on the wall clock */
	TimestampTz override_at;
	char		override_by[NAMEDATALEN];
	char		override_reason[SERVICE_TEXT];
	WindowTable windows;
} SavedService;

bool
service_save(void)
{
	SavedService *saved = palloc_extended(sizeof(SavedService), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
	const TierMachine *m = &service->tiers;
	bool		ok;

	if (saved == NULL)
		return false;			/* dirty still: the worker tries again */
	LWLockAcquire(service_saved_lock(), LW_EXCLUSIVE);
	pg_atomic_write_u32(&service->dirty, 0);
	pg_memory_barrier();
	service_lock_shared();
	saved->format = STATE_FORMAT;
	saved->held = m->held;
	saved->held_causes = m->held_causes;
	saved->override = m->override;
	saved->forced = m->forced;
	if (m->override != 0)
	{
		saved->duration = Max(m->override_until - clock_now(), 0);
		saved->ends = clock_wall() + saved->duration;
		saved->override_at = service->override_at;
		strlcpy(saved->override_by, service->override_by, sizeof(saved->override_by));
		strlcpy(saved->override_reason, service->override_reason, sizeof(saved->override_reason));
	}
	saved->windows = service->windows;
	service_unlock_shared();
	ok = saved_state_write(STATE_FILE, saved, sizeof(*saved));
	if (!ok)
		pg_atomic_write_u32(&service->dirty, 1);
	LWLockRelease(service_saved_lock());
	pfree(saved);
	return ok;
}

void
service_save_if_dirty(void)
{
	if (pg_atomic_read_u32(&service->dirty) != 0)
		(void) service_save();
}

static bool
is_tier(int32 tier)
{
	return tier >= TIER_FULL && tier <= TIER_MAINTENANCE;
}

void
service_restore(void)
{
	/* nothing gets better before the worker has looked */
	static const TierSettings starting = {
		.recover_minimal = PG_INT64_MAX, .recover_degraded = PG_INT64_MAX, .recover_full = PG_INT64_MAX,
		.standby_tier = TIER_MINIMAL
	};
	size_t		len;
	SavedService *saved = saved_state_read(STATE_FILE, &len);
	int64		now = clock_now();
	TimestampTz wall = clock_wall();
	TierChanges changes = {0};
	TierFacts	facts;

	if (saved == NULL)
		return;
	if (len != sizeof(SavedService) || saved->format != STATE_FORMAT ||
		!is_tier(saved->held) || saved->held == TIER_MAINTENANCE ||
		(saved->override != 0 && !is_tier(saved->override)) ||
		saved->windows.n < 0 || saved->windows.n > WINDOWS_MAX)
	{
		ereport(LOG,
				(errmsg("the saved state of the service is of another version, it begins anew")));
		pfree(saved);
		return;
	}
	/* a clock set back must not make it longer */
	tiers_restore(&service->tiers, now, saved->held, saved->held_causes, saved->override, saved->forced != 0,
				  Max(0, Min(saved->ends - wall, saved->duration)));
	service->windows = saved->windows;
	service->override_at = saved->override_at;
	strlcpy(service->override_by, saved->override_by, sizeof(service->override_by));
	strlcpy(service->override_reason, saved->override_reason, sizeof(service->override_reason));
	service->restored_at = wall;

	/* windows that are open now; who waits for an event of it has had it */
	service_facts(&facts, now, wall);
	tiers_tick(&service->tiers, &starting, &facts, now, &changes);
	pfree(saved);
}
