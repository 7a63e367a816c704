/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  The extension's clock; see clock.h.
 *
 * The offset of test mode is an atomic in shared memory; nothing else is
 * shared, and outside test mode nobody looks at it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/shmem.h"

typedef struct ClockShared
{
	pg_atomic_uint64 offset;	/* microseconds; an int64 */
} ClockShared;

static bool test_mode;
static ClockShared *shared;		/* NULL without preload */

static int64
test_offset(void)
{
	return likely(!test_mode) || shared == NULL ? 0 : (int64) pg_atomic_read_u64(&shared->offset);
}

int64
clock_now(void)
{
	struct timespec now;

	/* cannot fail for this clock */
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000 + test_offset();
}

TimestampTz
clock_wall(void)
{
	return GetCurrentTimestamp() + test_offset();
}

TimestampTz
clock_wall_of(int64 moment)
{
	return clock_wall() - (clock_now() - moment);
}

void
clock_require_test_mode(const char *what)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only superusers may %s", what)));
	shmem_required();
	if (!test_mode)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the server does not run in test mode"),
				 errhint("Set \"fraud_fallback.test_mode\" to \"on\" and restart the server.")));
}

void
clock_move(int64 microseconds)
{
	if (shared != NULL)
		(void) pg_atomic_fetch_add_u64(&shared->offset, microseconds);
}

static Size
clock_size(void)
{
	return sizeof(ClockShared);
}

static void
clock_setup(void *memory, LWLockPadded *locks, bool found)
{
	shared = memory;
	if (!found)
		pg_atomic_init_u64(&shared->offset, 0);
}

void
clock_init(void)
{
	/* without preload it means nothing, but configuration files may have it */
	DefineCustomBoolVariable("fraud_fallback.test_mode",
							 "Lets superusers move the extension's clock by fraud_test_advance().",
							 "For tests only.",
							 &test_mode,
							 false,
							 process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							 GUC_ALLOW_IN_PARALLEL,
							 NULL, NULL, NULL);
	shmem_register("fraud_fallback clock", clock_size, clock_setup, 0);
}
