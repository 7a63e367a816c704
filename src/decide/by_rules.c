/*-------------------------------------------------------------------------
 *
 * by_rules.c
 *	  Which rules a decision runs, over what: stored histories with the live
 *	  attempts, or what lies in shared memory alone.
 *
 * Reading stored histories may fail like everything that reads tables; it runs
 * in a subtransaction, and what fails makes this one answer a tier 3 one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"

#include "core/attempt.h"
#include "core/clock.h"
#include "core/compat.h"
#include "decide/by_rules.h"
#include "decide/deciding.h"
#include "store/histories.h"

/* A known history is kept again when it is this old. */
#define PROFILE_KEPT_FOR	(INT64CONST(1) * USECS_A_SECOND)

static int	lookup_timeout;		/* milliseconds */

/* ---- stored histories ---- */

/* Whether it has an attempt of the hour before: tier 3 needs no others. */
static bool
has_recent_attempts(const ProfileState *state, int64 time)
{
	return state->n > 0 && event_time(state->ring + (state->n - 1) * EVENT_SIZE) > time - USECS_AN_HOUR;
}

/* For tier 3: as it is stored, without live attempts, which are kept themselves. */
static void
keep_profile(const Deciding *d)
{
	const ProfileState *state = d->call->histories.state[HISTORY_CUSTOMER];
	char		image[PROFILE_BUFFER_SIZE];
	size_t		len;

	if (!d->customer || state == NULL || !has_recent_attempts(state, d->call->txn.time) ||
		(d->seen.profile_at != LIVE_NEVER && clock_now() - d->seen.profile_at < PROFILE_KEPT_FOR))
		return;
	len = profile_encode(state, image);
	SET_VARSIZE(image, len);
	(void) attempts_profile_put(&d->key, image, len);
}

/* The live attempts into the customer's stored history, or in place of it. */
static void
merge_attempts(const Deciding *d)
{
	ScoreCall  *call = d->call;
	Histories  *h = &call->histories;
	ProfileState *state = &call->states[HISTORY_CUSTOMER];

	/* nothing but this one: mostly */
	if (!d->customer || d->seen.n <= (d->seen.remembered ? 1 : 0) || h->use[HISTORY_CUSTOMER] != HISTORY_USABLE)
		return;
	if (h->state[HISTORY_CUSTOMER] == NULL)
	{
		profile_init(state, call->policy->basis_hash);
		h->state[HISTORY_CUSTOMER] = state;
	}
	(void) attempts_merge(state, &d->seen, call->txn.time, call->txn.identity);
}

/* Where the customer's history is not to be had: his attempts, with that of the last look-up if asked for. */
static void
attempts_alone(const Deciding *d, bool last_profile)
{
	ScoreCall  *call = d->call;
	ProfileState *state = &call->states[HISTORY_CUSTOMER];

	if (!d->customer)
		return;
	profile_init(state, call->policy->basis_hash);
	if (last_profile && d->seen.profile_at != LIVE_NEVER)
	{
		char		image[RECENT_PROFILE_MAX];
		const char *why;
		int64		age;
		size_t		len = attempts_profile_get(&d->key, image, &age);

		if (len > 0 && (!profile_decode(image, len, state, &why) || state->unavailable))
			profile_init(state, call->policy->basis_hash);
	}
	(void) attempts_merge(state, &d->seen, call->txn.time, call->txn.identity);
	features_live_attempts(&call->txn, state, &call->features);
}

typedef struct LookUp
{
	Deciding   *d;
	HistoriesTrouble trouble;
} LookUp;

static void
look_up(void *arg)
{
	LookUp	   *look = arg;
	Deciding   *d = look->d;
	ScoreCall  *call = d->call;

	look->trouble = stored_histories(call, d->schema,
									 clock_now() + lookup_timeout * INT64CONST(1000));
	if (look->trouble != HISTORIES_OK)
		return;
	keep_profile(d);
	merge_attempts(d);
	features_compute(&call->txn, &call->histories, call->policy, true, &call->features);
	if (call->histories.use[HISTORY_CUSTOMER] == HISTORY_UNAVAILABLE)
		attempts_alone(d, false);
	score_decide(call, false);
}

/* ---- the three ways ---- */

bool
rules_all(Deciding *d)
{
	LookUp		look = {d, HISTORIES_OK};
	const char *why;

	if (d->run == RUN_ALL)
		return true;
	if (d->trouble != NULL)
		return false;
	d->call->left_out = 0;
	/* a function that says it is parallel safe and is not: no subtransactions there */
	if (IsInParallelMode())
		look_up(&look);
	else if (!attempt_anything(look_up, &look, &why))
		d->trouble = psprintf("histories cannot be read: %s", why);
	if (d->trouble == NULL && look.trouble != HISTORIES_OK)
		d->trouble = d->call->histories.remark;
	service_report_database(d->trouble == NULL);
	if (d->trouble != NULL)
		return false;
	d->run = RUN_ALL;
	return true;
}

static void
run_some(Deciding *d, bool critical)
{
	ScoreCall  *call = d->call;
	uint32		run = 0;

	for (int i = 0; i < NRULES; i++)
		if (rule_defs[i].need == LIVE_IS_ENOUGH || (critical && rule_defs[i].critical))
			run |= RULE_BIT(i);
	no_histories(call, NULL);
	features_compute(&call->txn, &call->histories, call->policy, false, &call->features);
	/* no easing */
	call->features.travel_notice = false;
	attempts_alone(d, true);
	call->left_out = ~run;
	score_decide(call, false);
	call->left_out = 0;
}

void
rules_critical(Deciding *d)
{
	run_some(d, true);
	d->run = RUN_CRITICAL;
}

void
rules_emergency(Deciding *d)
{
	run_some(d, false);
	d->run = RUN_EMERGENCY;
}

void
by_rules_init(void)
{
	DefineCustomIntVariable("fraud_fallback.lookup_timeout",
							"Time a decision takes to look up histories.",
							"Looked at before each of them; the decision does without them then, at tier 3. 0: no time at all.",
							&lookup_timeout,
							50, 0, 60000,
							PGC_SUSET,
							GUC_UNIT_MS | GUC_ALLOW_IN_PARALLEL,
							NULL, NULL, NULL);
}
