/*-------------------------------------------------------------------------
 *
 * forget.c
 *	  fraud_forget(): a customer whose data must go.
 *
 * Rows go with the transaction, so live memory is wiped when it has committed:
 * before that a decision would bring the history back from the rows that are
 * still there, and after a ROLLBACK nothing may be missing. A decision that
 * had read the rows before the commit and keeps them after it is not met; call
 * again when such calls have ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/shmem.h"
#include "live/attempts.h"
#include "store/forget.h"
#include "store/lookup.h"
#include "store/tables.h"

typedef struct Forgotten
{
	AttemptsKey key;
	SubTransactionId subid;		/* that deleted the rows, or a parent it became part of */
} Forgotten;

/* Customers of the running transaction, in its memory. */
static List *forgotten;

PG_FUNCTION_INFO_V1(fraud_forget);

static void
at_end(XactEvent event, void *arg)
{
	ListCell   *cell;

	switch (event)
	{
		case XACT_EVENT_COMMIT:
			foreach(cell, forgotten)
				(void) attempts_forget(&((Forgotten *) lfirst(cell))->key);
			forgotten = NIL;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			forgotten = NIL;
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (forgotten != NIL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has called fraud_forget()")));
			break;
		default:
			break;
	}
}

static void
at_end_of_part(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	foreach(cell, forgotten)
	{
		Forgotten  *f = lfirst(cell);

		if (f->subid != subid)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			f->subid = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			forgotten = foreach_delete_current(forgotten, cell);
	}
}

static void
forget_at_end(const StoreKey *customer)
{
	static bool watching = false;
	MemoryContext old;
	Forgotten  *f;

	if (!shmem_available())
		return;					/* there is no live memory */
	if (!watching)
	{
		RegisterXactCallback(at_end, NULL);
		RegisterSubXactCallback(at_end_of_part, NULL);
		watching = true;
	}
	old = MemoryContextSwitchTo(TopTransactionContext);
	f = palloc(sizeof(Forgotten));
	attempts_key(customer, &f->key);
	f->subid = GetCurrentSubTransactionId();
	forgotten = lappend(forgotten, f);
	MemoryContextSwitchTo(old);
}

Datum
fraud_forget(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	StoreKey	customer;
	int64		rows;

	PreventCommandIfReadOnly("fraud_forget()");
	PreventCommandDuringRecovery("fraud_forget()");
	if (!store_key_of_argument(HISTORY_CUSTOMER, name, &customer))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a blank customer is none")));
	rows = store_forget_key(store_schema(fcinfo->flinfo->fn_oid), &customer);
	forget_at_end(&customer);
	PG_RETURN_INT64(rows);
}
