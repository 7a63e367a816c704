/*-------------------------------------------------------------------------
 *
 * traffic.c
 *	  Calls through a circuit; see traffic.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/elog.h"

#include "circuit/circuit_events.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"

#define COUNT(c, what)	pg_atomic_fetch_add_u64(&(c)->counters[circuit_stripe()].what, 1)

static double
jitter(void)
{
	return pg_prng_double(&pg_global_prng_state);
}

/* Remembers a failure for people. Under the lock. */
static void
remember_failure(Circuit *c, const char *kind, const char *reporter, const char *error)
{
	CircuitFailure *f = &c->recent[c->nrecent++ % CIRCUIT_RECENT];

	f->at = clock_wall();
	strlcpy(f->kind, kind, sizeof(f->kind));
	strlcpy(f->reporter, reporter, sizeof(f->reporter));
	strlcpy(c->last_error, error != NULL ? error : kind, sizeof(c->last_error));
	c->last_error_at = f->at;
	if (c->nrecent == 2 * CIRCUIT_RECENT)
		c->nrecent = CIRCUIT_RECENT;	/* the same place, and never too large */
}

/* ---- admitting ---- */

static pg_noinline bool
no_slot(Circuit *c, Admission *why)
{
	*why = REFUSED_NO_SLOT;
	COUNT(c, refused);
	if (pg_atomic_fetch_add_u64(&circuits->refused_slots, 1) == 0)
		circuit_event_no_slot(c->name, circuits->slots);
	return false;
}

static pg_noinline bool
admit_locked(Circuit *c, int64 *ticket, Admission *why)
{
	CircuitAftermath aftermath;
	Slot	   *slot = NULL;
	bool		trial;
	int64		now;

	aftermath.changes.n = 0;
	circuit_lock(c);
	now = clock_now();			/* not earlier, lest a delay look like a clock set back */
	if (now >= (int64) pg_atomic_read_u64(&c->check_at))
		permits_sweep(c, now, &aftermath);
	*why = machine_admit(&c->machine, &c->config, now,
						 c->config.max_concurrent >= 0 ? circuit_in_flight(c) : 0, &aftermath.changes);
	if (*why == ADMITTED)
	{
		slot = permit_take(c, c->machine.generation, now, ticket);
		if (slot != NULL)
			COUNT(c, admitted);
		else
			(void) machine_ignore(&c->machine, &c->config, now, c->machine.generation,
								  &aftermath.changes);
	}
	c->refused_trials += *why == REFUSED_TRIALS;
	c->refused_full += *why == REFUSED_FULL;
	trial = c->machine.state == CIRCUIT_HALF_OPEN;
	circuit_unlock(c, &aftermath);

	if (slot != NULL)
	{
		if (trial)
			ereport(DEBUG1,
					(errmsg_internal("circuit \"%s\": a trial by %s", c->name, circuit_reporter_name())));
		return true;
	}
	if (*why == ADMITTED)
		return no_slot(c, why);
	COUNT(c, refused);
	return false;
}

bool
traffic_admit(Circuit *c, int64 *ticket, Admission *why)
{
	int64		now;
	uint64		word;

	permit_prepare();
	now = clock_now();
	word = pg_atomic_read_u64(&c->word);
	pg_read_barrier();
	if (likely(now < (int64) pg_atomic_read_u64(&c->until)))
	{
		if (WORD_SHORTCUT(word) == SHORTCUT_ADMIT)
		{
			if (likely(now < (int64) pg_atomic_read_u64(&c->check_at)))
			{
				if (unlikely(permit_take(c, WORD_GENERATION(word), now, ticket) == NULL))
					return no_slot(c, why);
				COUNT(c, admitted);
				return true;
			}
		}
		else if (WORD_SHORTCUT(word) == SHORTCUT_REFUSE)
		{
			*why = WORD_STATE(word) == CIRCUIT_OPEN ? REFUSED_OPEN : REFUSED_FORCED;
			COUNT(c, refused);
			return false;
		}
	}
	return admit_locked(c, ticket, why);
}

/* ---- ending ---- */

/* May make a failure of a success that was slow. */
static pg_noinline FinishResult
end_locked(Circuit *c, uint64 generation, bool slow, CallEnd *end)
{
	CircuitAftermath aftermath;
	CircuitChanges *changes = &aftermath.changes;
	const char *name = circuit_reporter_name();
	uint64		reporter = circuit_reporter();
	bool		counted;
	int64		now;

	changes->n = 0;
	circuit_lock(c);
	now = clock_now();
	machine_tick(&c->machine, &c->config, now, changes);
	if (end->result == CALL_SUCCESS && slow && machine_slow_fails(&c->machine, &c->config))
	{
		end->result = CALL_FAILURE;
		end->kind = "slow";
	}
	if (end->result == CALL_FAILURE &&
		(generation == MACHINE_EVIDENCE || generation == c->machine.generation))
		remember_failure(c, end->kind, name, end->error);
	switch (end->result)
	{
		case CALL_SUCCESS:
			counted = machine_success(&c->machine, &c->config, now, generation, slow,
									  reporter, jitter(), changes);
			break;
		case CALL_FAILURE:
			counted = machine_failure(&c->machine, &c->config, now, generation, slow,
									  reporter, end->retry_after, jitter(), changes);
			break;
		default:
			counted = machine_ignore(&c->machine, &c->config, now, generation, changes);
			break;
	}
	circuit_unlock(c, &aftermath);
	return counted ? FINISH_COUNTED : FINISH_LATE;
}

static FinishResult
count_end(Circuit *c, uint64 generation, int64 took, CallEnd *end)
{
	int64		slow_after = (int64) pg_atomic_read_u64(&c->slow_after);
	bool		slow = slow_after > 0 && took > slow_after;
	uint64		word = pg_atomic_read_u64(&c->word);
	FinishResult result;

	if (likely(end->result == CALL_SUCCESS && !slow && WORD_SHORTCUT(word) == SHORTCUT_ADMIT) &&
		(generation == WORD_GENERATION(word) || generation == MACHINE_EVIDENCE))
	{
		COUNT(c, successes);
		return FINISH_COUNTED;
	}
	result = end_locked(c, generation, slow, end);
	if (result == FINISH_LATE)
		COUNT(c, late);
	else if (end->result == CALL_IGNORE)
		COUNT(c, ignored);
	else
	{
		if (end->result == CALL_SUCCESS)
			COUNT(c, successes);
		else
			COUNT(c, failures);
		if (slow)
			COUNT(c, slow);
	}
	if (end->result == CALL_FAILURE)
		ereport(DEBUG1,
				(errmsg_internal("circuit \"%s\": failure %s by %s%s", c->name, end->kind,
								 circuit_reporter_name(), result == FINISH_LATE ? ", late" : "")));
	return result;
}

/* What took longer than the timeout is one, whatever came. */
static void
judge_time(const Circuit *c, int64 took, bool overdue, CallEnd *end)
{
	if (end->result != CALL_FAILURE &&
		(overdue || took > (int64) pg_atomic_read_u64((pg_atomic_uint64 *) &c->timeout)))
	{
		end->result = CALL_FAILURE;
		end->kind = "timeout";
	}
}

FinishResult
traffic_finish(int64 ticket, CallEnd *end)
{
	int64		now = clock_now();

	for (;;)
	{
		uint64		word;
		bool		current;
		Slot	   *slot = permit_find(ticket, &word, &current);
		uint64		generation;
		int64		took;
		bool		overdue;
		Circuit    *c;

		if (slot == NULL)
			return FINISH_UNKNOWN;
		if (!current)
			return FINISH_ALREADY;
		c = circuit_number(slot->circuit);
		generation = slot->generation;
		overdue = now > slot->deadline;
		took = end->latency >= 0 ? end->latency : now - slot->since;
		switch (SLOT_STATUS(word))
		{
			case SLOT_ACTIVE:
				if (unlikely(!permit_move(slot, word, SLOT_DONE)))
					continue;	/* somebody was faster */
				permit_forget(slot);
				COUNT(c, ended);
				judge_time(c, took, overdue, end);
				return count_end(c, generation, took, end);
			case SLOT_OVERDUE:
				if (!permit_move(slot, word, SLOT_DONE))
					continue;
				permit_forget(slot);
				COUNT(c, ended);
				COUNT(c, late);
				return FINISH_LATE;
			case SLOT_EXPIRED:
				COUNT(c, late);
				return FINISH_LATE;
			case SLOT_DONE:
				return FINISH_ALREADY;
			default:
				return FINISH_UNKNOWN;
		}
	}
}

FinishResult
traffic_evidence(Circuit *c, CallEnd *end)
{
	int64		took = Max(end->latency, 0);

	judge_time(c, took, false, end);
	return count_end(c, MACHINE_EVIDENCE, took, end);
}

void
traffic_http(int status, CallEnd *end, char *kind, size_t size)
{
	snprintf(kind, size, "%d", status);
	end->kind = kind;
	if (status >= 200 && status <= 399)
		end->result = CALL_SUCCESS;
	else if (status >= 400 && status <= 499 && status != 429)
		end->result = CALL_IGNORE;
	else
		end->result = CALL_FAILURE;
}

/* ---- what nobody finished ---- */

void
traffic_overdue(Circuit *c, const Slot *slot, int64 now, CircuitAftermath *aftermath)
{
	char		holder[CIRCUIT_REPORTER_MAX];

	if (machine_failure(&c->machine, &c->config, now, slot->generation, false, slot->reporter, 0,
						jitter(), &aftermath->changes))
	{
		snprintf(holder, sizeof(holder), "process %d", slot->pid);
		remember_failure(c, "timeout", holder, "no answer within the timeout");
		COUNT(c, failures);
	}
	/* else it is late when it comes */
}

void
permit_abandon(Slot *slot, uint64 use)
{
	for (;;)
	{
		uint64		word = pg_atomic_read_u64(&slot->word);
		Circuit    *c = circuit_number(slot->circuit);
		uint64		generation = slot->generation;

		pg_read_barrier();
		if (SLOT_USE(word) != use)
			return;
		if (SLOT_STATUS(word) == SLOT_OVERDUE)
		{
			if (!permit_move(slot, word, SLOT_EXPIRED))
				continue;
			COUNT(c, ended);
			return;
		}
		if (SLOT_STATUS(word) != SLOT_ACTIVE)
			return;
		if (!permit_move(slot, word, SLOT_DONE))
			continue;			/* it is overdue just now */
		COUNT(c, ended);
		COUNT(c, ignored);
		/* a trial's permit is the machine's */
		if (WORD_SHORTCUT(pg_atomic_read_u64(&c->word)) == SHORTCUT_NONE)
		{
			CircuitAftermath aftermath;

			aftermath.changes.n = 0;
			circuit_lock(c);
			(void) machine_ignore(&c->machine, &c->config, clock_now(), generation, &aftermath.changes);
			circuit_unlock(c, &aftermath);
		}
		return;
	}
}

static void
take_sample(Circuit *c, int64 now)
{
	CircuitTotals totals;
	CircuitSample *sample;

	circuit_totals(c, &totals);
	c->last_sample = (c->last_sample + 1) % CIRCUIT_SAMPLES;
	sample = &c->samples[c->last_sample];
	sample->at = now;
	sample->successes = totals.successes;
	sample->failures = totals.failures;
	sample->slow = totals.slow;
}

void
traffic_tend(void)
{
	int			i;

	for (i = 0; i < circuit_count(); i++)
	{
		Circuit    *c = circuit_number(i);
		CircuitAftermath aftermath;

		aftermath.changes.n = 0;
		circuit_lock(c);
		if (c->config_generation > 0)
		{
			int64		now = clock_now();

			machine_tick(&c->machine, &c->config, now, &aftermath.changes);
			if (circuit_in_flight(c) > 0)
				permits_sweep(c, now, &aftermath);
			take_sample(c, now);
		}
		circuit_unlock(c, &aftermath);
	}
}
