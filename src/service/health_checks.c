/*-------------------------------------------------------------------------
 *
 * health_checks.c
 *	  SQL: fraud_health(), for orchestrators.
 *
 * Modules register what has to be well for them, in their init functions, so
 * the list is the same in every process. A check that raises an error is not
 * well, and the error is what it says; what ends the session passes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "circuit/circuits.h"
#include "config/config_file.h"
#include "core/clock.h"
#include "core/compat.h"
#include "policy/policy_active.h"
#include "service/health_checks.h"
#include "service/service_shared.h"

#define CHECKS_MAX			24

static struct
{
	HealthKind	kind;
	const char *name;
	HealthCheck check;
}			checks[CHECKS_MAX];
static int	nchecks;

static const char *const kind_names[] = {
	[CHECK_LIVE] = "live", [CHECK_READY] = "ready", [CHECK_STARTUP] = "startup"
};

void
health_check_register(HealthKind kind, const char *name, HealthCheck check)
{
	if (nchecks == CHECKS_MAX)
		elog(ERROR, "too many health checks");
	checks[nchecks].kind = kind;
	checks[nchecks].name = name;
	checks[nchecks++].check = check;
}

/* ---- our own ---- */

static bool
session_works(StringInfo says)
{
	appendStringInfo(says, "process %d answers", MyProcPid);
	return true;
}

static bool
tier_serves(StringInfo says)
{
	ServiceNow	now = service_now();

	appendStringInfo(says, "Tier %d %s, %s", now.tier, tier_names[now.tier], tier_cause_texts[now.cause]);
	return now.tier <= TIER_EMERGENCY;
}

static bool
standby_follows(StringInfo says)
{
	bool		standby;
	int64		lag;
	int64		most;
	char		text[40];

	service_lock_shared();
	standby = service->standby;
	lag = service->lag;
	most = service->settings.standby_lag;
	service_unlock_shared();
	if (!RecoveryInProgress())
	{
		appendStringInfoString(says, "no standby");
		return true;
	}
	/* or the worker has not looked yet */
	if (!standby || lag < 0)
		appendStringInfoString(says, "it is not known how far replay is behind");
	else
		appendStringInfo(says, "replay is %s behind", tier_duration(text, sizeof(text), lag));
	return standby && lag >= 0 && lag <= most;
}

static bool
policy_loaded(StringInfo says)
{
	char		hash[CONFIG_HASH_CHARS + 1];

	config_hash_text(policy_active()->hash, hash);
	appendStringInfo(says, "policy %s", hash);
	return true;
}

static bool
state_restored(StringInfo says)
{
	TimestampTz restored;
	TimestampTz evaluated;

	service_lock_shared();
	restored = service->restored_at;
	evaluated = service->evaluated_at;
	service_unlock_shared();
	appendStringInfoString(says, restored == 0 ? "there was no saved state" : "saved state restored");
	if (evaluated == 0)
		appendStringInfoString(says, ", the worker has not looked yet");
	return evaluated != 0;
}

void
health_checks_init(void)
{
	health_check_register(CHECK_LIVE, "session", session_works);
	health_check_register(CHECK_READY, "tier", tier_serves);
	health_check_register(CHECK_READY, "policy", policy_loaded);
	health_check_register(CHECK_READY, "standby_lag", standby_follows);
	health_check_register(CHECK_STARTUP, "policy", policy_loaded);
	health_check_register(CHECK_STARTUP, "saved_state", state_restored);
}

/* ---- SQL ---- */

/* An error is an answer; what is not about the check passes. */
static bool
run_check(HealthCheck check, StringInfo says)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		ok = check(says);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
			error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN)
			ReThrowError(error);
		ok = false;
		resetStringInfo(says);
		appendStringInfoString(says, error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();
	return ok;
}

static HealthKind
kind_of_text(const text *name)
{
	char	   *word = text_to_cstring(name);

	for (int i = 0; i < (int) lengthof(kind_names); i++)
		if (strcmp(word, kind_names[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no kind of health \"%s\"", word),
			 errhint("It is live, ready or startup.")));
	return CHECK_LIVE;			/* keep compiler quiet */
}

/* fraud_health(kind, OUT ok, OUT detail) */
PG_FUNCTION_INFO_V1(fraud_health);
Datum
fraud_health(PG_FUNCTION_ARGS)
{
	HealthKind	kind = kind_of_text(PG_GETARG_TEXT_PP(0));
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false};
	StringInfoData detail;
	bool		ok = true;
	const char *comma = "";

	service_ready();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"tier\": %d, \"checks\": {", service_tier());
	for (int i = 0; i < nchecks; i++)
	{
		StringInfoData says;
		bool		well;

		if (checks[i].kind != kind)
			continue;
		initStringInfo(&says);
		well = run_check(checks[i].check, &says);
		ok &= well;
		appendStringInfoString(&detail, comma);
		escape_json(&detail, checks[i].name);
		appendStringInfo(&detail, ": {\"ok\": %s, \"says\": ", well ? "true" : "false");
		escape_json(&detail, says.data);
		appendStringInfoChar(&detail, '}');
		comma = ", ";
	}
	appendStringInfoString(&detail, "}}");
	values[0] = BoolGetDatum(ok);
	values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(detail.data));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
