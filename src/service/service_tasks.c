/*-------------------------------------------------------------------------
 *
 * service_tasks.c
 *	  What the worker does for the service: it probes, looks at the server, and
 *	  evaluates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "replication/walreceiver.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/worker.h"
#include "service/health_checks.h"
#include "service/probes.h"
#include "service/service_tasks.h"

/*
 * How far a standby is behind, in microseconds. Without a connection to a
 * primary nobody knows, so it grows from the last time there was one.
 */
static int64
replay_lag(int64 now)
{
	static int64 connected_at = PG_INT64_MIN;
	int64		delay;

	if (WalRcvStreaming())
		connected_at = now;
	if (connected_at == PG_INT64_MIN)
		return -1;
	delay = GetReplicationApplyDelay();
	if (delay < 0)
		return -1;
	return Max(delay * 1000, now - Min(connected_at, now));
}

/*
 * What is read-only for all is a setting of the server or of this database.
 * The worker itself may write: its reset value is the one it was given.
 */
static bool
server_read_only(void)
{
	const char *value = GetConfigOptionResetString("default_transaction_read_only");

	return value != NULL && strcmp(value, "on") == 0;
}

static bool
evaluate(Oid schema)
{
	bool		standby = RecoveryInProgress();
	int64		lag = standby ? replay_lag(clock_now()) : -1;
	bool		read_only = server_read_only();
	ServiceNews *news = service_lock();

	service->standby = standby;
	service->lag = lag;
	service->read_only = read_only;
	service->evaluated_at = clock_wall();
	(void) service_unlock(news);
	service_save_if_dirty();
	return false;
}

void
service_tasks_init(void)
{
	static const WorkerTask probing = {
		.name = "probes",
		.interval = 500,
		.on_wake = false,
		.tables = false,
		.run = probes_run,
		.next = probes_next
	};
	static const WorkerTask evaluating = {
		.name = "tiers",
		.interval = 1000,
		.on_wake = true,
		.tables = false,
		.run = evaluate
	};

	service_init();
	health_checks_init();
	worker_task(&probing);
	worker_task(&evaluating);
}
