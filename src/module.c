/*-------------------------------------------------------------------------
 *
 * module.c
 *	  What the server sees of the library as a whole.
 *
 * Each subsystem owns its settings, hooks and shared memory; _PG_init() only
 * calls their init functions, lowest layer first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "circuit/circuit_tasks.h"
#include "config/settings.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/event_log.h"
#include "core/events.h"
#include "core/worker.h"
#include "decide/by_rules.h"
#include "decide/decide_health.h"
#include "journal/drain.h"
#include "journal/field_hash.h"
#include "journal/policy_history.h"
#include "live/attempts.h"
#include "live/decisions.h"
#include "ml/ml_config.h"
#include "policy/policy_active.h"
#include "score/custom.h"
#include "service/service_tasks.h"
#include "store/fold.h"
#include "store/label_source.h"
#include "store/trigger.h"

#define FRAUD_VERSION		"1.0"

FRAUD_MODULE_MAGIC("fraud_fallback", FRAUD_VERSION);

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(fraud_fallback_version);

void
_PG_init(void)
{
	clock_init();
	events_init();
	event_log_init();
	settings_init();
	policy_active_init();
	custom_init();
	trigger_init();
	label_source_init();
	circuit_tasks_init();
	policy_history_init();
	drain_init();
	field_hash_init();
	service_tasks_init();
	fold_init();
	ml_settings_init();
	attempts_init();
	decisions_init();
	by_rules_init();
	decide_health_init();

	/* behind everything that gives it something to do */
	worker_init();

	/* last: settings defined after this would be refused */
	MarkGUCPrefixReserved("fraud_fallback");
}

/* The version of the library, which may be newer than the SQL objects. */
Datum
fraud_fallback_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(FRAUD_VERSION));
}
