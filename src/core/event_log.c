/*-------------------------------------------------------------------------
 *
 * event_log.c
 *	  Where events go: two tasks of the worker.
 *
 * One writes each event to the server's log, everywhere. The other writes it
 * to fraud_events and tells listeners, in one transaction; its position in the
 * ring moves when that has committed. On a standby it waits, and at promotion
 * brings what the ring still has. Both positions are in shared memory and
 * written by the worker alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "utils/guc.h"

#include "core/compat.h"
#include "core/event_log.h"
#include "core/event_reader.h"
#include "core/event_table.h"
#include "core/shared_text.h"
#include "core/worker.h"

/* Events written in one transaction. */
#define BATCH				64

static char *node_name;

/* What the transaction that runs has written, and what is still to be told. */
static struct
{
	bool		some;
	uint64		position;
	uint64		lost;
}			writing;

static uint64 lost_untold;

const char *
event_node(void)
{
	static char host[256];

	if (node_name != NULL && node_name[0] != '\0')
		return node_name;
	if (cluster_name != NULL && cluster_name[0] != '\0')
		return cluster_name;
	if (host[0] == '\0' && gethostname(host, sizeof(host) - 1) != 0)
		strlcpy(host, "unknown", sizeof(host));
	return host;
}

static void
tell_lost(uint64 lost, const char *where)
{
	ereport(WARNING,
			(errmsg("events of fraud_fallback are missing in %s: " UINT64_FORMAT, where, lost),
			 errdetail("They were overwritten by later ones before the worker came.")));
}

/* ---- the server's log ---- */

static void
log_event(const FraudEvent *event)
{
	ereport(LOG,
			(errmsg("%s %s: %s", shared_text(event->kind), shared_text(event->subject),
					shared_text(event->message)),
			 errdetail("by %s%s%s", shared_text(event->who),
					   event->cause[0] != '\0' ? ": " : "", shared_text(event->cause))));
}

static bool
log_events(Oid schema)
{
	FraudEvent *event = palloc(sizeof(FraudEvent));
	uint64		place = events_position(EVENT_READER_LOG);
	uint64		lost = 0;

	while (events_next(EVENT_READER_LOG, &place, &lost, event))
	{
		/* first, as logging may be interrupted when the line is out */
		events_advance(EVENT_READER_LOG, place, lost);
		if (lost > 0)
			tell_lost(lost, "the server's log");
		lost = 0;
		log_event(event);
	}
	if (lost > 0)
	{
		events_advance(EVENT_READER_LOG, place, lost);
		tell_lost(lost, "the server's log");
	}
	return false;
}

/* ---- the table ---- */

static void
transaction_ends(XactEvent event, void *arg)
{
	if (!writing.some)
		return;
	if (event == XACT_EVENT_COMMIT)
	{
		events_advance(EVENT_READER_TABLE, writing.position, writing.lost);
		lost_untold += writing.lost;
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		writing.some = false;
}

static bool
store_events(Oid schema)
{
	static bool registered = false;
	FraudEvent *batch = palloc(sizeof(FraudEvent) * BATCH);
	Oid			table = event_table(schema);
	uint64		place = events_position(EVENT_READER_TABLE);
	uint64		lost = 0;
	int			n = 0;

	if (!OidIsValid(table))
		return false;			/* objects of an older version */
	if (lost_untold > 0)
		tell_lost(lost_untold, "the table fraud_events");
	lost_untold = 0;
	while (n < BATCH && events_next(EVENT_READER_TABLE, &place, &lost, &batch[n]))
		n++;
	if (n == 0 && lost == 0)
		return false;
	if (!registered)
		RegisterXactCallback(transaction_ends, NULL);
	registered = true;
	if (n > 0)
		event_table_insert(table, batch, n, true);
	writing.position = place;
	writing.lost = lost;
	writing.some = true;
	return n == BATCH || lost > 0;
}

void
event_log_init(void)
{
	static const WorkerTask log_task = {
		.name = "event log",.interval = 5000,.on_wake = true,.run = log_events
	};
	static const WorkerTask table_task = {
		.name = "event table",.interval = 5000,.on_wake = true,.tables = true,.run = store_events
	};

	DefineCustomStringVariable("fraud_fallback.node_name",
							   "Name of this server in fraud_events.",
							   "Empty: cluster_name, or the host's name where that is empty too.",
							   &node_name,
							   "",
							   PGC_SIGHUP,
							   GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);
	worker_task(&log_task);
	worker_task(&table_task);
}
