/*-------------------------------------------------------------------------
 *
 * probe_sql.c
 *	  A query as a probe.
 *
 * It runs in a transaction of its own, read-only, as
 * fraud_fallback.worker_role in a restricted operation, and is cancelled after
 * its timeout. Without a role only the built-in query runs: nobody's SQL runs
 * as the superuser the worker is. Also on a standby.
 *
 * The timeout acts where PostgreSQL looks for a cancel. The worker does nothing
 * else meanwhile; so this is for what ends soon, and TCP for what may hang.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "core/shared_text.h"
#include "core/worker_tables.h"
#include "service/probes.h"

int64
probe_clock(void)
{
	struct timespec now;

	/* cannot fail for this clock */
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

/* What the answer says: false, NULL or nothing at all is a failure. */
static void
judge(int code, ProbeResult *result)
{
	bool		isnull;
	Datum		value;

	result->end = PROBE_FAILED;
	if (code < 0 || SPI_tuptable == NULL || SPI_tuptable->tupdesc->natts < 1)
		strlcpy(result->error, "the query returns no rows", sizeof(result->error));
	else if (SPI_processed == 0)
		strlcpy(result->error, "the query returned no row", sizeof(result->error));
	else
	{
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) == BOOLOID && (isnull || !DatumGetBool(value)))
			strlcpy(result->error, "the query answered false", sizeof(result->error));
		else
			result->end = PROBE_ANSWERED;
	}
}

static void
run(const DependencyConfig *config, ProbeResult *result)
{
	const char *why;
	Oid			user;
	int			security;
	int			level;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactReadOnly = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&user, &security);
	level = NewGUCNestLevel();
	switch (worker_role_take(SECURITY_RESTRICTED_OPERATION, &why))
	{
		case WORKER_ROLE_REFUSED:
			result->end = PROBE_IMPOSSIBLE;
			snprintf(result->error, sizeof(result->error), "fraud_fallback.worker_role: %s", why);
			break;
		case WORKER_ROLE_NONE:
			if (strcmp(config->query, PROBE_BUILT_IN_QUERY) != 0)
			{
				result->end = PROBE_IMPOSSIBLE;
				strlcpy(result->error, "the query needs fraud_fallback.worker_role, which is not set",
						sizeof(result->error));
				break;
			}
			SetUserIdAndSecContext(user, security | SECURITY_RESTRICTED_OPERATION);
			/* FALLTHROUGH */
		case WORKER_ROLE_TAKEN:
			if (SPI_connect() != SPI_OK_CONNECT)
				elog(ERROR, "SPI_connect failed");
			judge(SPI_execute(shared_text_from_utf8(config->query), true, 1),
				  result);
			SPI_finish();
			break;
	}
	/* what it has set is not for the worker's other tasks */
	AtEOXact_GUC(false, level);
	SetUserIdAndSecContext(user, security);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* A cancel that came when its reason was gone. */
static void
end_timeout(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
}

void
probe_sql(const DependencyConfig *config, ProbeResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	int64		start = probe_clock();

	memset(result, 0, sizeof(*result));
	if (!OidIsValid(MyDatabaseId))
	{
		result->end = PROBE_IMPOSSIBLE;
		strlcpy(result->error, "the worker has no database, see fraud_fallback.database", sizeof(result->error));
		return;
	}
	pgstat_report_activity(STATE_RUNNING, config->query);
	enable_timeout_after(STATEMENT_TIMEOUT, (int) Max(config->timeout / 1000, 1));
	PG_TRY();
	{
		run(config, result);
		end_timeout();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		end_timeout();
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		result->end = PROBE_FAILED;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && probe_clock() - start >= config->timeout)
			strlcpy(result->error, "timeout", sizeof(result->error));
		else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
				 error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
			result->end = PROBE_NO_SAMPLE;
		else
			shared_text_store(result->error, sizeof(result->error), error->message != NULL ? error->message : "");
		FreeErrorData(error);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	result->latency = probe_clock() - start;
	if (result->end == PROBE_ANSWERED && result->latency > config->timeout)
	{
		result->end = PROBE_FAILED;
		strlcpy(result->error, "timeout", sizeof(result->error));
	}
}
