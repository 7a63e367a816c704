/*-------------------------------------------------------------------------
 *
 * circuit_tasks.c
 *	  What the worker does for circuits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/ipc.h"

#include "circuit/circuit_saved.h"
#include "circuit/circuit_tasks.h"
#include "circuit/traffic.h"
#include "core/worker.h"

/* So that a circuit that has just closed does not come back open. */
static void
save_at_exit(int code, Datum arg)
{
	circuits_save_if_dirty();
}

/* Calls nobody finished, forced states that end, samples, what is on disk. */
static bool
tend_circuits(Oid schema)
{
	static bool watching = false;

	if (!watching)
		before_shmem_exit(save_at_exit, (Datum) 0);
	watching = true;
	circuits_ready();
	traffic_tend();
	circuits_save_if_dirty();
	return false;
}

void
circuit_tasks_init(void)
{
	static const WorkerTask task = {
		.name = "circuits",
		.interval = 1000,
		.on_wake = false,
		.tables = false,
		.run = tend_circuits
	};

	circuits_init();
	worker_task(&task);
}
