/*-------------------------------------------------------------------------
 *
 * attempt.c
 *	  Running something that may fail; see attempt.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
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

bool
error_must_pass(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_DATABASE_DROPPED:
		case ERRCODE_OUT_OF_MEMORY:
			return true;
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return RecoveryInProgress();
		default:
			return false;
	}
}

static bool
not_an_order(int sqlerrcode)
{
	return !error_must_pass(sqlerrcode);
}

static bool
attempt_but(bool (*caught) (int sqlerrcode), void (*run) (void *arg), void *arg, const char **why)
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
		if (!caught(error->sqlerrcode))
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
	return attempt_but(data_to_blame, run, arg, why);
}

bool
attempt_anything(void (*run) (void *arg), void *arg, const char **why)
{
	return attempt_but(not_an_order, run, arg, why);
}
