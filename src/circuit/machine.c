/*-------------------------------------------------------------------------
 *
 * machine.c
 *	  The states of one circuit and what moves between them; see machine.h.
 *
 * The three states, the trials and the late results follow M. Nygard,
 * "Release It!" (2007), and the generations sony/gobreaker; windows of exact
 * times, the quorum of reporters and the steps of the wait are ours. The
 * budget of retries is a bucket as in Finagle's RetryBudget.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/machine.h"

/* Later than this the clock was set back, earlier it is another session's. */
#define STEP_BACK_MIN		INT64CONST(1000000)

/* Retry-After is believed up to here. */
#define RETRY_AFTER_MAX		(INT64CONST(3600) * 1000000)

/* The lowest number of retries in so long; see CircuitConfig.retry_budget_min. */
#define BUDGET_PERIOD		(INT64CONST(10) * 1000000)
#define RETRY				1000	/* tokens of one */

#define CALL_FAILED			2
#define CALL_SLOW			1
#define CALL_TIME(call)		((call) >> 2)

const char *const circuit_state_names[CIRCUIT_STATES] = {
	[CIRCUIT_CLOSED] = "CLOSED",
	[CIRCUIT_OPEN] = "OPEN",
	[CIRCUIT_HALF_OPEN] = "HALF_OPEN",
	[CIRCUIT_FORCED_OPEN] = "FORCED_OPEN",
	[CIRCUIT_FORCED_CLOSED] = "FORCED_CLOSED",
	[CIRCUIT_METRICS_ONLY] = "METRICS_ONLY"
};

static bool
is_forced(CircuitState state)
{
	return state >= CIRCUIT_FORCED_OPEN;
}

static int64
plus(int64 moment, int64 duration)
{
	return duration == CIRCUIT_FOR_EVER ? CIRCUIT_FOR_EVER : moment + duration;
}

/* The state a mode stands for; CLOSED for none. */
static CircuitState
state_of_mode(int32 mode)
{
	switch (mode)
	{
		case MODE_DISABLED:
			return CIRCUIT_FORCED_CLOSED;
		case MODE_METRICS_ONLY:
			return CIRCUIT_METRICS_ONLY;
		case MODE_FORCED_OPEN:
			return CIRCUIT_FORCED_OPEN;
		default:
			return CIRCUIT_CLOSED;
	}
}

/* ---- rings; the i-th latest, from 0 ---- */

static int64
fail_at(const Machine *m, int i)
{
	return m->fails[(m->last_fail - i + CIRCUIT_FAILURES_MAX) % CIRCUIT_FAILURES_MAX];
}

static int64
call_at(const Machine *m, int i)
{
	return m->calls[(m->last_call - i + CIRCUIT_CALLS_MAX) % CIRCUIT_CALLS_MAX];
}

static void
empty_windows(Machine *m)
{
	m->nfails = 0;
	m->nreporters = 0;
	m->ncalls = m->calls_failed = m->calls_slow = 0;
	m->not_before = 0;
	m->would_open_until = 0;
}

static void
forget_call(Machine *m)
{
	int64		call = call_at(m, --m->ncalls);

	m->calls_failed -= (call & CALL_FAILED) != 0;
	m->calls_slow -= (call & CALL_SLOW) != 0;
}

static void
add_call(Machine *m, const CircuitConfig *config, int64 now, bool failed, bool slow)
{
	if (config->rate_percent_x100 == 0 && config->slow_percent_x100 == 0)
		return;
	while (m->ncalls > 0 && now - CALL_TIME(call_at(m, m->ncalls - 1)) >= config->window)
		forget_call(m);
	if (m->ncalls == CIRCUIT_CALLS_MAX)
		forget_call(m);
	m->last_call = (m->last_call + 1) % CIRCUIT_CALLS_MAX;
	m->ncalls++;
	m->calls[m->last_call] = now * 4 + (failed ? CALL_FAILED : 0) + (slow ? CALL_SLOW : 0);
	m->calls_failed += failed;
	m->calls_slow += slow;
}

static void
add_fail(Machine *m, int64 now)
{
	m->last_fail = (m->last_fail + 1) % CIRCUIT_FAILURES_MAX;
	m->fails[m->last_fail] = now;
	m->nfails = Min(m->nfails + 1, CIRCUIT_FAILURES_MAX);
}

static void
add_reporter(Machine *m, int64 now, uint64 who)
{
	int			i = 0;

	while (i < m->nreporters && m->reporters[i].who != who)
		i++;
	if (i == m->nreporters)
	{
		if (i < CIRCUIT_REPORTERS_MAX)
			m->nreporters++;
		else
			i--;				/* the one that was quiet longest goes */
	}
	memmove(&m->reporters[1], &m->reporters[0], sizeof(m->reporters[0]) * i);
	m->reporters[0].who = who;
	m->reporters[0].at = now;
}

/* ---- changes of state ---- */

static void
note(CircuitChanges *changes, CircuitState from, CircuitState to, ChangeReason reason,
	 uint64 generation, int64 wait)
{
	Assert(changes->n < CIRCUIT_CHANGES_MAX);
	changes->change[changes->n++] = (CircuitChange)
	{
		from, to, reason, generation, wait
	};
}

static void
enter(Machine *m, CircuitState to, int64 now, int64 until, ChangeReason reason, CircuitChanges *changes)
{
	CircuitState from = m->state;

	if (from == CIRCUIT_OPEN)
		m->open_total += now - m->since;
	m->state = to;
	m->since = now;
	m->until = until;
	m->generation++;
	m->trials_out = m->trials_ok = 0;
	if (to == CIRCUIT_CLOSED || is_forced(to))
		empty_windows(m);
	if (to == CIRCUIT_CLOSED)
		m->healthy_since = now;
	if (!is_forced(to))
		m->configured = false;
	note(changes, from, to, reason, m->generation,
		 until == CIRCUIT_FOR_EVER ? CIRCUIT_FOR_EVER : Max(until - now, 0));
}

static void
open_it(Machine *m, const CircuitConfig *config, int64 now, ChangeReason reason, double jitter,
		CircuitChanges *changes)
{
	int64		wait = config->open_for[Min(m->step, config->nsteps - 1)];
	int64		until;

	wait += (int64) (wait * (config->jitter_percent / 100.0) * jitter);
	until = now + wait;
	if (now - m->not_before_said < config->window)
		until = Max(until, Min(m->not_before, now + RETRY_AFTER_MAX));
	m->trip_at[m->trips++ % CIRCUIT_TRIPS_MAX] = (uint32) (now / 1000000);
	enter(m, CIRCUIT_OPEN, now, until, reason, changes);
}

/* The step without what healthy time has earned back. */
static int32
step_now(const Machine *m, const CircuitConfig *config, int64 now)
{
	return (int32) Max(m->step - (now - m->healthy_since) / config->step_back, 0);
}

static void
step_back(Machine *m, const CircuitConfig *config, int64 now)
{
	m->step = step_now(m, config, now);
	m->healthy_since = now;
}

static void
trip_it(Machine *m, const CircuitConfig *config, int64 now, ChangeReason reason, double jitter,
		CircuitChanges *changes)
{
	if (m->state == CIRCUIT_METRICS_ONLY)
	{
		if (now >= m->would_open_until)
		{
			note(changes, m->state, m->state, CHANGE_WOULD_OPEN, m->generation, 0);
			m->would_open_until = now + config->open_for[0];
		}
		return;
	}
	step_back(m, config, now);
	open_it(m, config, now, reason, jitter, changes);
}

/* Opens it where one of the limits is reached. */
static void
judge(Machine *m, const CircuitConfig *config, int64 now, double jitter, CircuitChanges *changes)
{
	int			q = config->reporters;

	/* the q-th of the latest reporters was last heard of in the window */
	if (m->nreporters < q || now - m->reporters[q - 1].at >= config->window)
		return;
	if (config->failures > 0 && m->nfails >= config->failures &&
		now - fail_at(m, config->failures - 1) < config->window)
		trip_it(m, config, now, CHANGE_FAILURES, jitter, changes);
	else if (config->rate_percent_x100 > 0 && m->ncalls >= config->rate_calls &&
			 (int64) m->calls_failed * 10000 >= (int64) config->rate_percent_x100 * m->ncalls)
		trip_it(m, config, now, CHANGE_FAILURE_RATE, jitter, changes);
	else if (config->slow_percent_x100 > 0 && m->ncalls >= config->slow_calls &&
			 (int64) m->calls_slow * 10000 >= (int64) config->slow_percent_x100 * m->ncalls)
		trip_it(m, config, now, CHANGE_SLOW_RATE, jitter, changes);
}

/* Out of a forced state, into what would be without it. */
static void
leave_force(Machine *m, const CircuitConfig *config, int64 now, ChangeReason reason, CircuitChanges *changes)
{
	CircuitState mode = state_of_mode(config->mode);

	if (is_forced(mode))
	{
		enter(m, mode, now, CIRCUIT_FOR_EVER, reason, changes);
		m->configured = true;
	}
	else
		enter(m, m->resume, now, m->resume == CIRCUIT_OPEN ? Max(m->resume_until, now) : CIRCUIT_FOR_EVER,
			  reason, changes);
}

static void
enter_force(Machine *m, const CircuitConfig *config, CircuitState to, int64 now, int64 until,
			bool configured, ChangeReason reason, CircuitChanges *changes)
{
	if (m->state == CIRCUIT_CLOSED)
		step_back(m, config, now);
	if (!is_forced(m->state))
	{
		m->resume = m->state == CIRCUIT_CLOSED ? CIRCUIT_CLOSED : CIRCUIT_OPEN;
		m->resume_until = m->state == CIRCUIT_OPEN ? m->until : now;
	}
	enter(m, to, now, until, reason, changes);
	m->configured = configured;
}

/* The clock was set back by so much: what was, was as long ago as before. */
static void
shift(Machine *m, int64 by)
{
	int64	   *times[] = {&m->since, &m->healthy_since, &m->retry_at, &m->latest};
	int64	   *ends[] = {&m->until, &m->resume_until, &m->not_before, &m->not_before_said, &m->would_open_until};
	int			i;

	for (i = 0; i < (int) lengthof(times); i++)
		*times[i] -= by;
	for (i = 0; i < (int) lengthof(ends); i++)
		if (*ends[i] != CIRCUIT_FOR_EVER && *ends[i] != 0)
			*ends[i] -= by;
	for (i = 0; i < CIRCUIT_FAILURES_MAX; i++)
		m->fails[i] -= by;
	for (i = 0; i < m->nreporters; i++)
		m->reporters[i].at -= by;
	for (i = 0; i < CIRCUIT_CALLS_MAX; i++)
		m->calls[i] -= by * 4;
	for (i = 0; i < Min(m->trips, CIRCUIT_TRIPS_MAX); i++)
		m->trip_at[i] -= (uint32) Min(by / 1000000, (int64) m->trip_at[i]);
}

/* The time a call works with, never before that of the last one. */
static int64
begin(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes)
{
	CircuitState mode = state_of_mode(config->mode);

	if (m->latest - now >= STEP_BACK_MIN)
		shift(m, m->latest - now);
	m->latest = now = Max(now, m->latest);

	/* fewer are asked for than have succeeded: no trial will come that could close it */
	if (m->state == CIRCUIT_HALF_OPEN && m->trials_ok >= config->successes)
		enter(m, CIRCUIT_CLOSED, now, CIRCUIT_FOR_EVER, CHANGE_TRIALS_SUCCEEDED, changes);
	if (is_forced(m->state) && now >= m->until)
		leave_force(m, config, now, CHANGE_FORCE_ENDED, changes);
	if (m->configured && m->state != mode)
		leave_force(m, config, now, CHANGE_CONFIGURED, changes);
	else if (!is_forced(m->state) && is_forced(mode))
		enter_force(m, config, mode, now, CIRCUIT_FOR_EVER, true, CHANGE_CONFIGURED, changes);
	return now;
}

void
machine_init(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes)
{
	memset(m, 0, sizeof(*m));
	m->state = m->resume = CIRCUIT_CLOSED;
	m->generation = 1;
	m->latest = m->since = m->healthy_since = m->retry_at = now;
	m->until = CIRCUIT_FOR_EVER;
	m->retry_tokens = (int64) config->retry_budget_min * RETRY;
	(void) begin(m, config, now, changes);
}

void
machine_tick(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes)
{
	(void) begin(m, config, now, changes);
}

Admission
machine_admit(Machine *m, const CircuitConfig *config, int64 now, int64 in_flight, CircuitChanges *changes)
{
	now = begin(m, config, now, changes);
	if (m->state == CIRCUIT_OPEN)
	{
		if (now < m->until)
			return REFUSED_OPEN;
		if (config->max_concurrent == 0)
			return REFUSED_FULL;
		enter(m, CIRCUIT_HALF_OPEN, now, CIRCUIT_FOR_EVER, CHANGE_WAITED, changes);
	}
	switch (m->state)
	{
		case CIRCUIT_FORCED_OPEN:
			return REFUSED_FORCED;
		case CIRCUIT_FORCED_CLOSED:
		case CIRCUIT_METRICS_ONLY:
			return ADMITTED;
		case CIRCUIT_HALF_OPEN:
			if (m->trials_out >= config->trials || m->trials_out + m->trials_ok >= config->successes)
				return REFUSED_TRIALS;
			break;
		default:
			break;
	}
	if (config->max_concurrent >= 0 && in_flight >= config->max_concurrent)
		return REFUSED_FULL;
	if (m->state == CIRCUIT_HALF_OPEN)
		m->trials_out++;
	return ADMITTED;
}

/* Whether a result counts at all. */
static bool
is_late(const Machine *m, uint64 generation)
{
	if (generation == MACHINE_EVIDENCE)
		return m->state == CIRCUIT_OPEN || m->state == CIRCUIT_HALF_OPEN || m->state == CIRCUIT_FORCED_OPEN;
	return generation != m->generation;
}

bool
machine_slow_fails(const Machine *m, const CircuitConfig *config)
{
	/* where no rate of slow ones is looked at, each is one too many */
	return config->slow_percent_x100 == 0 || m->state == CIRCUIT_HALF_OPEN;
}

bool
machine_success(Machine *m, const CircuitConfig *config, int64 now, uint64 generation, bool slow,
				uint64 reporter, double jitter, CircuitChanges *changes)
{
	now = begin(m, config, now, changes);
	if (slow && machine_slow_fails(m, config))
		return machine_failure(m, config, now, generation, slow, reporter, 0, jitter, changes);
	if (is_late(m, generation))
		return false;
	if (m->state == CIRCUIT_HALF_OPEN)
	{
		m->trials_out--;
		if (++m->trials_ok >= config->successes)
			enter(m, CIRCUIT_CLOSED, now, CIRCUIT_FOR_EVER, CHANGE_TRIALS_SUCCEEDED, changes);
	}
	else if (m->state != CIRCUIT_FORCED_CLOSED)
	{
		add_call(m, config, now, false, slow);
		if (slow)
			add_reporter(m, now, reporter);
		judge(m, config, now, jitter, changes);
	}
	return true;
}

bool
machine_failure(Machine *m, const CircuitConfig *config, int64 now, uint64 generation, bool slow,
				uint64 reporter, int64 retry_after, double jitter, CircuitChanges *changes)
{
	now = begin(m, config, now, changes);
	if (is_late(m, generation))
		return false;
	if (retry_after > 0)
	{
		if (now - m->not_before_said >= config->window)
			m->not_before = 0;
		m->not_before = Max(m->not_before, now + Min(retry_after, RETRY_AFTER_MAX));
		m->not_before_said = now;
	}
	if (m->state == CIRCUIT_FORCED_CLOSED)
		return true;
	add_fail(m, now);
	add_reporter(m, now, reporter);
	if (m->state == CIRCUIT_HALF_OPEN)
	{
		m->step = Min(m->step + 1, config->nsteps - 1);
		open_it(m, config, now, CHANGE_TRIAL_FAILED, jitter, changes);
	}
	else
	{
		add_call(m, config, now, true, slow);
		judge(m, config, now, jitter, changes);
	}
	return true;
}

bool
machine_ignore(Machine *m, const CircuitConfig *config, int64 now, uint64 generation,
			   CircuitChanges *changes)
{
	(void) begin(m, config, now, changes);
	if (is_late(m, generation))
		return false;
	if (m->state == CIRCUIT_HALF_OPEN && generation != MACHINE_EVIDENCE)
		m->trials_out--;
	return true;
}

void
machine_trip(Machine *m, const CircuitConfig *config, int64 now, double jitter, CircuitChanges *changes)
{
	now = begin(m, config, now, changes);
	if (m->state == CIRCUIT_CLOSED)
		step_back(m, config, now);
	open_it(m, config, now, CHANGE_TRIPPED, jitter, changes);
}

void
machine_force(Machine *m, const CircuitConfig *config, int64 now, CircuitState state, int64 duration,
			  CircuitChanges *changes)
{
	now = begin(m, config, now, changes);
	enter_force(m, config, state, now, plus(now, duration), false, CHANGE_FORCED, changes);
}

void
machine_reset(Machine *m, const CircuitConfig *config, int64 now, CircuitChanges *changes)
{
	now = begin(m, config, now, changes);
	m->step = 0;
	m->resume = CIRCUIT_CLOSED;
	leave_force(m, config, now, CHANGE_RESET, changes);
	empty_windows(m);
	m->retry_tokens = (int64) config->retry_budget_min * RETRY;
	m->retry_at = now;
}

void
machine_restore(Machine *m, const CircuitConfig *config, int64 now, CircuitState state,
				CircuitState resume, int32 step, int64 rest, double jitter, CircuitChanges *changes)
{
	m->step = Max(0, Min(step, config->nsteps - 1));
	if (is_forced(state))
	{
		enter_force(m, config, state, now, plus(now, rest), false, CHANGE_RESTORED, changes);
		m->resume = resume;
		m->resume_until = now + config->open_for[Min(m->step, config->nsteps - 1)];
	}
	else if (state == CIRCUIT_OPEN)
		open_it(m, config, now, CHANGE_RESTORED, jitter, changes);
	m->trips = 0;				/* it tripped before */
}

/* ---- reading ---- */

/* What is as of now, and until when: a forced state that has ended gives way. */
static CircuitState
standing(const Machine *m, const CircuitConfig *config, int64 now, int64 *until)
{
	CircuitState mode = state_of_mode(config->mode);

	*until = m->until;
	if (!is_forced(m->state) || now < m->until)
		return m->state;
	*until = is_forced(mode) ? CIRCUIT_FOR_EVER : m->resume_until;
	return is_forced(mode) ? mode : m->resume;
}

CircuitState
machine_state(const Machine *m, const CircuitConfig *config, int64 now)
{
	int64		until;

	return standing(m, config, Max(now, m->latest), &until);
}

bool
machine_probe_due(const Machine *m, const CircuitConfig *config, int64 now)
{
	int64		until;

	now = Max(now, m->latest);
	return standing(m, config, now, &until) == CIRCUIT_OPEN && now >= until;
}

int64
machine_wait(const Machine *m, const CircuitConfig *config, int64 now)
{
	int32		step = m->state == CIRCUIT_CLOSED ? step_now(m, config, Max(now, m->latest)) : m->step;

	return config->open_for[Min(step, config->nsteps - 1)];
}

int64
machine_retry_after(const Machine *m, const CircuitConfig *config, int64 now)
{
	int64		until;
	CircuitState state;

	now = Max(now, m->latest);
	state = standing(m, config, now, &until);
	if (state == CIRCUIT_FORCED_OPEN && until != CIRCUIT_FOR_EVER)
	{
		/* what comes after it may refuse for longer */
		int64		next_until;
		CircuitState next = standing(m, config, until, &next_until);

		if (next == CIRCUIT_FORCED_OPEN || next == CIRCUIT_OPEN)
			until = Max(until, next_until);
	}
	if (state != CIRCUIT_OPEN && state != CIRCUIT_FORCED_OPEN)
		return 0;
	return until == CIRCUIT_FOR_EVER ? CIRCUIT_FOR_EVER : Max(until - now, 0);
}

int
machine_failures(const Machine *m, const CircuitConfig *config, int64 now, int64 *oldest_leaves)
{
	int			n = 0;

	now = Max(now, m->latest);
	while (n < m->nfails && now - fail_at(m, n) < config->window)
		n++;
	*oldest_leaves = n > 0 ? fail_at(m, n - 1) + config->window : 0;
	return n;
}

int
machine_reporters(const Machine *m, const CircuitConfig *config, int64 now)
{
	int			n = 0;

	now = Max(now, m->latest);
	while (n < m->nreporters && now - m->reporters[n].at < config->window)
		n++;
	return n;
}

int
machine_calls(const Machine *m, const CircuitConfig *config, int64 now, int *failed, int *slow)
{
	int			n = 0;

	now = Max(now, m->latest);
	*failed = *slow = 0;
	while (n < m->ncalls && now - CALL_TIME(call_at(m, n)) < config->window)
	{
		*failed += (call_at(m, n) & CALL_FAILED) != 0;
		*slow += (call_at(m, n) & CALL_SLOW) != 0;
		n++;
	}
	return n;
}

int
machine_trips(const Machine *m, int64 now, int64 period)
{
	int			n = 0;

	now = Max(now, m->latest);
	while (n < Min(m->trips, CIRCUIT_TRIPS_MAX) &&
		   now / 1000000 - m->trip_at[(m->trips - 1 - n) % CIRCUIT_TRIPS_MAX] < period / 1000000)
		n++;
	return n;
}

int64
machine_time_open(const Machine *m, int64 now)
{
	now = Max(now, m->latest);
	return m->open_total + (m->state == CIRCUIT_OPEN ? now - m->since : 0);
}

Shortcut
machine_shortcut(const Machine *m, const CircuitConfig *config, int64 *until)
{
	bool		rates = config->rate_percent_x100 > 0 || config->slow_percent_x100 > 0;

	*until = m->until;
	switch (m->state)
	{
		case CIRCUIT_OPEN:
		case CIRCUIT_FORCED_OPEN:
			return SHORTCUT_REFUSE;
		case CIRCUIT_FORCED_CLOSED:
			return SHORTCUT_ADMIT;
		case CIRCUIT_METRICS_ONLY:
			return rates ? SHORTCUT_NONE : SHORTCUT_ADMIT;
		case CIRCUIT_CLOSED:
			return rates || config->max_concurrent >= 0 ? SHORTCUT_NONE : SHORTCUT_ADMIT;
		default:
			return SHORTCUT_NONE;
	}
}

/* ---- retries ---- */

static void
refill(Machine *m, const CircuitConfig *config, int64 now, int64 more)
{
	int64		most = ((int64) config->retry_budget_min + config->retry_budget_percent) * RETRY;
	int64		elapsed = Min(Max(now - m->retry_at, 0), BUDGET_PERIOD);
	int64		rate = (int64) config->retry_budget_min * RETRY;	/* in a period */
	int64		earned = elapsed * rate / BUDGET_PERIOD;

	/* what is less than a token waits for the next time */
	if (now < m->retry_at || elapsed == BUDGET_PERIOD)
		m->retry_at = now;
	else if (earned > 0)
		m->retry_at += earned * BUDGET_PERIOD / rate;
	m->retry_tokens = Min(m->retry_tokens + earned + more, most);
}

void
machine_budget_call(Machine *m, const CircuitConfig *config, int64 now)
{
	refill(m, config, now, (int64) config->retry_budget_percent * RETRY / 100);
}

bool
machine_budget_retry(Machine *m, const CircuitConfig *config, int64 now)
{
	refill(m, config, now, 0);
	if (m->retry_tokens < RETRY)
		return false;
	m->retry_tokens -= RETRY;
	return true;
}
