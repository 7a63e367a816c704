/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Shared memory of the extension's subsystems.
 *
 * A subsystem that shares something registers it in its init function. The
 * server's two hooks are taken once, here, and go through the list: the first
 * asks for memory and locks, the second hands them out. On EXEC_BACKEND every
 * process loads the library and goes through the second again, finding what
 * the postmaster made.
 *
 * Without shared_preload_libraries nothing is registered. What can do without
 * shared memory asks shmem_available(); what cannot, calls shmem_required().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "core/shmem.h"

#define MAX_AREAS			16

typedef struct Area
{
	const char *name;
	Size		(*size) (void);
	ShmemInit	init;
	int			lwlocks;
} Area;

static Area areas[MAX_AREAS];
static int	nareas;
static bool available;

static shmem_request_hook_type prev_shmem_request_hook;
static shmem_startup_hook_type prev_shmem_startup_hook;

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	for (int i = 0; i < nareas; i++)
	{
		RequestAddinShmemSpace(areas[i].size());
		if (areas[i].lwlocks > 0)
			RequestNamedLWLockTranche(areas[i].name, areas[i].lwlocks);
	}
}

static void
startup_shmem(void)
{
	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nareas; i++)
	{
		const Area *area = &areas[i];
		bool		found;
		void	   *memory = ShmemInitStruct(area->name, area->size(), &found);

		area->init(memory,
				   area->lwlocks > 0 ? GetNamedLWLockTranche(area->name) : NULL,
				   found);
	}
	LWLockRelease(AddinShmemInitLock);
	available = true;
}

void
shmem_register(const char *name, Size (*size) (void), ShmemInit init, int lwlocks)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	if (nareas == MAX_AREAS)
		elog(ERROR, "too many areas of shared memory");
	if (nareas == 0)
	{
		prev_shmem_request_hook = shmem_request_hook;
		shmem_request_hook = request_shmem;
		prev_shmem_startup_hook = shmem_startup_hook;
		shmem_startup_hook = startup_shmem;
	}
	areas[nareas++] = (Area) {name, size, init, lwlocks};
}

bool
shmem_available(void)
{
	return available;
}

void
shmem_required(void)
{
	if (!available)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("fraud_fallback is not loaded by the server"),
				 errhint("Add \"fraud_fallback\" to \"shared_preload_libraries\" and restart the server.")));
}
