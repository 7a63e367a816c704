/*-------------------------------------------------------------------------
 *
 * attempt.c
 *	  Running something that data may be to blame for; see attempt.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/attempt.h"

static bool
data_to_blame(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* any: false after every error. */
static bool
run_attempt(void (*run) (void *arg), void *arg, bool any, const char **why)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!any && !data_to_blame(error->sqlerrcode))
			ReThrowError(error);
		if (why != NULL)
			*why = pstrdup(error->message);
		FreeErrorData(error);
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return ok;
}

bool
attempt(void (*run) (void *arg), void *arg, const char **why)
{
	return run_attempt(run, arg, false, why);
}

bool
attempt_guarded(void (*run) (void *arg), void *arg)
{
	uint32		held = InterruptHoldoffCount;
	bool		ok;

	if (IsInParallelMode())
		return false;
	HOLD_INTERRUPTS();
	ok = run_attempt(run, arg, true, NULL);
	/* an error lets go of all holds */
	InterruptHoldoffCount = held;
	return ok;
}
