/*-------------------------------------------------------------------------
 *
 * deciding.c
 *	  What the steps of a decision share: its beginning, and the words of its
 *	  reason.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/clock.h"
#include "core/compat.h"
#include "decide/deciding.h"
#include "policy/policy_active.h"
#include "store/tables.h"

/* ---- words ---- */

void
decide_say(Deciding *d, const char *fmt,...)
{
	appendStringInfoString(&d->reason, SAY_NEXT(&d->reason, "; "));
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&d->reason, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&d->reason, needed);
	}
}

const char *
tier_why(const Deciding *d)
{
	const char *cause = tier_cause_texts[d->now.cause];

	/* not everything that has been must be said to be so now */
	return d->now.recovering && d->now.cause != CAUSE_RECOVERING ? psprintf("recovering from: %s", cause) : cause;
}

/* ---- beginning ---- */

void
deciding_begin(Deciding *d, FunctionCallInfo fcinfo, TupleDesc desc)
{
	ScoreCall  *call = d->call;
	Txn		   *txn = &call->txn;
	StoreKey	customer;

	d->desc = desc;
	d->schema = store_schema(fcinfo->flinfo->fn_oid);
	d->tiers = service_settings();
	d->ml = ml_settings();
	d->now = service_now();
	d->decided_at = clock_wall();
	call->policy = policy_active();
	if (d->null_txn)
		memset(txn, 0, offsetof(Txn, scratch));
	else
		txn_read(&call->reader, d->txn, call->policy, txn);
	d->customer = store_key_of_txn(txn, HISTORY_CUSTOMER, &customer);
	if (d->customer)
		attempts_key(&customer, &d->key);
	d->seen.profile_at = LIVE_NEVER;
	d->known = !d->null_txn && decisions_key(txn, &d->kept);
	initStringInfo(&d->reason);
	initStringInfo(&d->detail);
}

/* The same id with other facts is another transaction, with an identity of its own. */
void
deciding_identify(Deciding *d)
{
	if (d->reused)
		d->call->txn.identity = identity_of_reused(d->call->txn.identity, &d->kept);
}

void
deciding_look(Deciding *d)
{
	deciding_identify(d);
	if (d->customer)
		attempts_read(&d->key, &d->seen);
}
