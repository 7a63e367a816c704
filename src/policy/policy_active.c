/*-------------------------------------------------------------------------
 *
 * policy_active.c
 *	  The policy of the running statement.
 *
 * A statement keeps the policy it began with. The unit is the portal: the
 * outermost one that runs is the client's statement, and a new one there takes
 * the policy in force. Portals inside it, the cursors of functions, use what
 * it uses. Each portal gets a seat in its own memory that remembers the
 * policy, so a cursor keeps its own however long it is open; dropping the
 * portal gives the seat up. Hooks on utility commands and plans see to it that
 * a portal takes its seat when it begins and not when it first scores. Where
 * there is no portal (planning, a fast-path call, a background process), the
 * statement's start time tells statements apart. A parallel worker uses its
 * leader's policy, see hand_over().
 *
 * Images are counted; the last one to let go frees. Everything here is local
 * to the backend; what is in force is policy_file.c's business.
 *
 * Handing over. The leader writes its image into a setting just before it
 * runs a parallel plan, and the server copies settings to workers. Only this
 * file can write it. Not written means that the leader had not loaded the
 * library before it went parallel; then the worker looks for itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "policy/policy_file.h"
#include "policy/policy_server.h"

#define HANDED_DEFAULT		"default"

/* A policy in use. Pinned by `current`, `handed` and seats. */
typedef struct Image
{
	const Policy *policy;
	bool		shipped;		/* policy_default() itself, not ours to free */
	int			pins;
} Image;

/* What a portal uses; lives in the portal's memory. */
typedef struct Seat
{
	dlist_node	node;
	Portal		portal;
	Image	   *image;
	MemoryContextCallback leave;
} Seat;


/* What was taken last, and when. */
static Image *current;
static TimestampTz current_statement;

static dlist_head seats = DLIST_STATIC_INIT(seats);
static Seat *outermost;			/* in use only while its portal is active */

/* The last answer and what it is good for. */
static Portal here_portal;
static TimestampTz here_statement;
static const Policy *here_policy;

/* Leader: what the setting holds. Worker: what it held. */
static char *statement_policy;
static Image *handed;
static bool handing_over = false;

static ExecutorStart_hook_type prev_ExecutorStart;
static ExecutorRun_hook_type prev_ExecutorRun;
static ProcessUtility_hook_type prev_ProcessUtility;

PG_FUNCTION_INFO_V1(fraud_rules_active);
PG_FUNCTION_INFO_V1(fraud_rules_default);

/* ---- images ---- */

static Image *
new_image(const Policy *policy)
{
	Image	   *image = MemoryContextAlloc(TopMemoryContext, sizeof(Image));

	image->shipped = policy == NULL;
	image->policy = policy == NULL ? policy_default() : policy;
	image->pins = 1;
	return image;
}

static void
unpin(Image *image)
{
	if (image == NULL || --image->pins > 0)
		return;
	if (here_policy == image->policy)
		here_policy = NULL;
	if (!image->shipped)
		pfree(unconstify(Policy *, image->policy));
	pfree(image);
}

/* ---- the running statement ---- */

/* Takes the policy in force. */
static void
take(void)
{
	MemoryContext caller;
	Image	   *image;

	(void) policy_default();	/* nothing below can fail on it */
	if (policy_file_changed() || current == NULL)
	{
		caller = MemoryContextSwitchTo(TopMemoryContext);
		image = new_image(policy_file_take());
		MemoryContextSwitchTo(caller);
		unpin(current);
		current = image;
	}
	current_statement = GetCurrentStatementStartTimestamp();
}

static void
leave_seat(void *arg)
{
	Seat	   *seat = arg;

	dlist_delete(&seat->node);
	if (outermost == seat)
		outermost = NULL;
	if (here_portal == seat->portal)
		here_policy = NULL;
	unpin(seat->image);
}

static Seat *
new_seat(Portal portal, Image *image)
{
	Seat	   *seat = MemoryContextAllocZero(portal->portalContext, sizeof(Seat));

	seat->portal = portal;
	seat->image = image;
	seat->leave.func = leave_seat;
	seat->leave.arg = seat;
	image->pins++;
	dlist_push_head(&seats, &seat->node);
	MemoryContextRegisterResetCallback(portal->portalContext, &seat->leave);
	return seat;
}

static Image *
portal_image(Portal portal)
{
	bool		inside = outermost != NULL && outermost->portal->status == PORTAL_ACTIVE;
	Seat	   *seat = NULL;
	dlist_iter	iter;

	dlist_foreach(iter, &seats)
	{
		seat = dlist_container(Seat, node, iter.cur);
		if (seat->portal == portal)
			break;
		seat = NULL;
	}
	if (seat == NULL)
	{
		if (!inside)
			take();
		seat = new_seat(portal, inside ? outermost->image : current);
	}
	if (!inside)
		outermost = seat;
	return seat->image;
}

/* In a parallel worker: what the leader handed over; NULL if nothing. */
static Image *
worker_image(void)
{
	if (handed == NULL && statement_policy != NULL && statement_policy[0] != '\0')
	{
		Policy	   *policy = NULL;

		if (strcmp(statement_policy, HANDED_DEFAULT) != 0)
		{
			size_t		size = strlen(statement_policy) / 2;

			policy = MemoryContextAlloc(TopMemoryContext, size);
			(void) hex_decode(statement_policy, size * 2, (char *) policy);
			if (!policy_image_ok(policy, size))
				elog(ERROR, "invalid fraud policy handed over by the parallel leader");
		}
		handed = new_image(policy);
	}
	return handed;
}

/* The image of the running statement. */
static Image *
find_image(void)
{
	Image	   *image = NULL;

	if (IsParallelWorker())
		image = worker_image();
	else if (ActivePortal != NULL)
		return portal_image(ActivePortal);
	if (image == NULL)
	{
		if (current == NULL || current_statement != GetCurrentStatementStartTimestamp())
			take();
		image = current;
	}
	return image;
}

static pg_noinline const Policy *
find_policy(void)
{
	here_policy = find_image()->policy;
	here_portal = ActivePortal;
	here_statement = GetCurrentStatementStartTimestamp();
	return here_policy;
}

const Policy *
policy_active(void)
{
	if (likely(here_policy != NULL && here_portal == ActivePortal &&
			   here_statement == GetCurrentStatementStartTimestamp()))
		return here_policy;
	return find_policy();
}

/* ---- parallel plans ---- */

static bool
check_statement_policy(char **newval, void **extra, GucSource source)
{
	if (handing_over || InitializingParallelWorker || source == PGC_S_DEFAULT)
		return true;
	GUC_check_errdetail("This setting is the server's own.");
	return false;
}

/* Puts the policy of the running statement where parallel workers find it. */
static void
hand_over(void)
{
	Image	   *image = find_image();
	const Policy *policy = image->policy;
	char	   *value;

	if (handed == image)
		return;
	if (image->shipped)
		value = pstrdup(HANDED_DEFAULT);
	else
	{
		value = palloc(policy->size * 2 + 1);
		(void) hex_encode((const char *) policy, policy->size, value);
		value[policy->size * 2] = '\0';
	}
	handing_over = true;
	PG_TRY();
	{
		/* PGC_S_OVERRIDE: outside transactions, no rollback takes it back */
		SetConfigOption("fraud_fallback.statement_policy", value,
						PGC_SUSET, PGC_S_OVERRIDE);
	}
	PG_FINALLY();
	{
		handing_over = false;
	}
	PG_END_TRY();
	pfree(value);
	image->pins++;
	unpin(handed);
	handed = image;
}

/* ---- hooks ---- */

/* DO, CALL, FETCH, COPY ... begin */
static void
fraud_ProcessUtility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (!IsA(pstmt->utilityStmt, TransactionStmt))
		(void) policy_active();
	if (prev_ProcessUtility)
		prev_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
							queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
								queryEnv, dest, qc);
}

/* a plan begins; a portal may go on with it in a later message */
static void
fraud_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	if (!IsParallelWorker())
		(void) policy_active();
	if (prev_ExecutorStart)
		prev_ExecutorStart(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
}

static void
fraud_ExecutorRun(EXECUTOR_RUN_PARAMS)
{
	if (!IsParallelWorker())
		(void) policy_active();

	/* settings cannot change in parallel mode; an outer plan has done it then */
	if (queryDesc->plannedstmt->parallelModeNeeded && !IsInParallelMode())
		hand_over();
	if (prev_ExecutorRun)
		prev_ExecutorRun(EXECUTOR_RUN_ARGS);
	else
		standard_ExecutorRun(EXECUTOR_RUN_ARGS);
}

/* ---- SQL ---- */

static Datum
copy_of(const Policy *policy)
{
	Policy	   *copy = palloc(policy->size);

	memcpy(copy, policy, policy->size);
	return PointerGetDatum(copy);
}

Datum
fraud_rules_active(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(copy_of(policy_active()));
}

Datum
fraud_rules_default(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(copy_of(policy_default()));
}

void
policy_active_init(void)
{
	policy_file_init();

	DefineCustomStringVariable("fraud_fallback.statement_policy",
							   "Hands the policy of a statement to its parallel workers.",
							   NULL,
							   &statement_policy,
							   "",
							   PGC_SUSET,
							   GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE |
							   GUC_DISALLOW_IN_FILE | GUC_SUPERUSER_ONLY,
							   check_statement_policy, NULL, NULL);

	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = fraud_ExecutorStart;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = fraud_ExecutorRun;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = fraud_ProcessUtility;
}
