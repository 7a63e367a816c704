/*-------------------------------------------------------------------------
 *
 * circuit_unit.c
 *	  What a circuit promises, each promise by its name, to the microsecond.
 *	  TAP output.
 *
 * All times are since START. Whatever a call changed is in `changes` until
 * the next call.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/machine.h"
#include "tap.h"

#define SEC					INT64CONST(1000000)
#define MS					INT64CONST(1000)
#define MINUTE				(60 * SEC)
#define HOUR				(60 * MINUTE)

/* a whole second: edges of seconds are where they look to be */
#define START				(86400 * 30 * SEC)

static CircuitConfig config;
static Machine m;
static CircuitChanges changes;
static int	opened;				/* changes to OPEN since fresh() */
static int	would_open;

/* ---- calls ---- */

static void
count_changes(void)
{
	int			i;

	for (i = 0; i < changes.n; i++)
	{
		opened += changes.change[i].to == CIRCUIT_OPEN;
		would_open += changes.change[i].reason == CHANGE_WOULD_OPEN;
	}
}

static Admission
admit_with(int64 at, int64 in_flight)
{
	Admission	answer;

	changes.n = 0;
	answer = machine_admit(&m, &config, START + at, in_flight, &changes);
	count_changes();
	return answer;
}

static Admission
admit(int64 at)
{
	return admit_with(at, 0);
}

static bool
fails_as(int64 at, uint64 generation, uint64 reporter, int64 retry_after, double jitter)
{
	bool		counted;

	changes.n = 0;
	counted = machine_failure(&m, &config, START + at, generation, false, reporter, retry_after, jitter,
							  &changes);
	count_changes();
	return counted;
}

static bool
late_or_not_failure(int64 at, uint64 generation)
{
	return fails_as(at, generation, 1, 0, 0);
}

/* of a call of this generation */
static void
failure(int64 at)
{
	(void) late_or_not_failure(at, m.generation);
}

static bool
ends_well(int64 at, uint64 generation, bool slow)
{
	bool		counted;

	changes.n = 0;
	counted = machine_success(&m, &config, START + at, generation, slow, 1, 0, &changes);
	count_changes();
	return counted;
}

static void
success(int64 at)
{
	(void) ends_well(at, m.generation, false);
}

static void
slow_success(int64 at)
{
	(void) ends_well(at, m.generation, true);
}

static bool
ignore(int64 at, uint64 generation)
{
	bool		counted;

	changes.n = 0;
	counted = machine_ignore(&m, &config, START + at, generation, &changes);
	count_changes();
	return counted;
}

static void
force(int64 at, CircuitState state, int64 duration)
{
	changes.n = 0;
	machine_force(&m, &config, START + at, state, duration, &changes);
	count_changes();
}

static void
trip(int64 at, double jitter)
{
	changes.n = 0;
	machine_trip(&m, &config, START + at, jitter, &changes);
	count_changes();
}

static void
reset(int64 at)
{
	changes.n = 0;
	machine_reset(&m, &config, START + at, &changes);
	count_changes();
}

static void
tick(int64 at)
{
	changes.n = 0;
	machine_tick(&m, &config, START + at, &changes);
	count_changes();
}

static bool
one_change(CircuitState from, CircuitState to, ChangeReason reason)
{
	return changes.n == 1 && changes.change[0].from == from && changes.change[0].to == to &&
		changes.change[0].reason == reason && changes.change[0].generation == m.generation;
}

/* ---- reading ---- */

static bool
is(CircuitState state)
{
	return m.state == state;
}

static CircuitState
shown(int64 at)
{
	return machine_state(&m, &config, START + at);
}

static int64
retry_after(int64 at)
{
	return machine_retry_after(&m, &config, START + at);
}

static bool
probe_due(int64 at)
{
	return machine_probe_due(&m, &config, START + at);
}

static int
failures(int64 at)
{
	int64		oldest;

	return machine_failures(&m, &config, START + at, &oldest);
}

/* ---- beginnings ---- */

/* As the shipped service.yaml has it. */
static const CircuitConfig shipped = {
	.mode = MODE_NORMAL,
	.failures = 5,
	.window = 10 * SEC,
	.reporters = 1,
	.rate_calls = 20,
	.slow_calls = 20,
	.nsteps = 1,
	.open_for = {60 * SEC},
	.step_back = 10 * MINUTE,
	.trials = 3,
	.successes = 3,
	.max_concurrent = -1,
	.timeout = 30 * SEC,
	.grace = 5 * SEC,
	.retry_attempts = 1,
	.retry_budget_percent = 20,
	.retry_budget_min = 3,
	.retry_base = 100 * MS,
	.retry_cap = 2 * SEC,
	.retry_deadline = 60 * SEC
};

static void
begin_anew(void)
{
	changes.n = opened = would_open = 0;
	machine_init(&m, &config, START, &changes);
}

static void
fresh(void)
{
	config = shipped;
	begin_anew();
}

/* `n` failures at once. */
static void
burst(int64 at, int n)
{
	while (n-- > 0)
		failure(at);
}

/* OPEN since 0 s, until 60 s. */
static void
fresh_open(void)
{
	fresh();
	burst(0, 5);
}

/* HALF_OPEN since 60 s, with all three trials under way. */
static void
fresh_trials(void)
{
	fresh_open();
	(void) admit(60 * SEC);
	(void) admit(60 * SEC);
	(void) admit(60 * SEC);
}

/* `failed` of `n` calls, the failures first. */
static void
calls(int64 at, int n, int failed)
{
	int			i;

	for (i = 0; i < n; i++)
		if (i < failed)
			failure(at);
		else
			success(at);
}

static void
fresh_rate(int32 percent_x100, int32 least)
{
	fresh();
	config.failures = 0;
	config.rate_percent_x100 = percent_x100;
	config.rate_calls = least;
}

static void
fresh_slow(int32 percent_x100, int32 least)
{
	fresh();
	config.slow_percent_x100 = percent_x100;
	config.slow_calls = least;
	config.slow_after = SEC;
}

/* ---- failures in a window ---- */

static void
test_failures(void)
{
	int64		oldest;
	int			i;

	fresh();
	check(is(CIRCUIT_CLOSED) && changes.n == 0 && m.generation == 1, "a circuit begins CLOSED, which is no change");
	burst(0, 4);
	check(is(CIRCUIT_CLOSED) && opened == 0 && admit(0) == ADMITTED, "4 failures stay CLOSED");
	failure(0);
	check(is(CIRCUIT_OPEN) && opened == 1 && one_change(CIRCUIT_CLOSED, CIRCUIT_OPEN, CHANGE_FAILURES) &&
		  changes.change[0].wait == 60 * SEC && m.generation == 2,
		  "the 5th opens: one change, with its reason and its wait");
	check(admit(0) == REFUSED_OPEN && changes.n == 0, "and the next call is refused");

	fresh();
	for (i = 0; i < 4; i++)
		failure(i * SEC);
	failure(11 * SEC);
	check(is(CIRCUIT_CLOSED), "failures at 0, 1, 2, 3 and 11 s stay CLOSED");
	check(failures(11 * SEC) == 3, "those at 0 and 1 s are not in the window then");

	fresh();
	burst(0, 4);
	failure(10 * SEC);
	check(is(CIRCUIT_CLOSED) && failures(10 * SEC) == 1, "a failure of exactly 10.000 s ago is outside");
	fresh();
	burst(0, 4);
	failure(10 * SEC - MS);
	check(is(CIRCUIT_OPEN), "one of 9.999 s ago is inside");
	fresh();
	burst(0, 4);
	failure(10 * SEC - 1);
	check(is(CIRCUIT_OPEN), "one of 9.999999 s ago is inside");
	fresh();
	failure(0);
	burst(1, 3);
	failure(10 * SEC);
	check(is(CIRCUIT_CLOSED) && failures(10 * SEC) == 4, "the oldest of five outside: 4 are counted");
	failure(10 * SEC);
	check(is(CIRCUIT_OPEN), "and a 5th that is as young as the rest opens");

	fresh();
	failure(600 * MS);
	failure(800 * MS);
	failure(999999);
	failure(SEC);
	failure(1400 * MS);
	check(is(CIRCUIT_OPEN), "a burst over a second's edge opens");
	fresh();
	failure(9 * SEC + 900 * MS);
	for (i = 0; i < 3; i++)
		failure(10 * SEC + i);
	failure(19 * SEC + 899 * MS);
	check(is(CIRCUIT_OPEN), "a window over two tens of seconds opens");

	fresh();
	for (i = 0; i < 5; i++)
	{
		int			k;

		failure(i * SEC);
		for (k = 0; k < 25 && i < 4; k++)
			success(i * SEC + k);
	}
	check(is(CIRCUIT_OPEN), "100 successes between 5 failures still open");

	fresh();
	failure(3 * SEC);
	failure(4 * SEC);
	check(machine_failures(&m, &config, START + 5 * SEC, &oldest) == 2 && oldest == START + 13 * SEC,
		  "shown: 2 failures, the oldest leaves at 13 s");
	check(machine_failures(&m, &config, START + 13 * SEC, &oldest) == 1 && oldest == START + 14 * SEC,
		  "at 13 s: 1, which leaves at 14 s");
	check(machine_failures(&m, &config, START + 14 * SEC, &oldest) == 0 && oldest == 0, "at 14 s: none");

	fresh();
	config.failures = CIRCUIT_FAILURES_MAX;
	for (i = 0; i < 99; i++)
		failure(i * MS);
	check(is(CIRCUIT_CLOSED) && failures(99 * MS) == 99, "99 failures of 100 stay CLOSED");
	failure(99 * MS);
	check(is(CIRCUIT_OPEN), "the 100th opens");
	fresh();
	config.failures = CIRCUIT_FAILURES_MAX;
	failure(0);
	for (i = 0; i < 99; i++)
		failure(10 * SEC - 99 + i);
	check(is(CIRCUIT_OPEN), "100 over all of the window open");
	fresh();
	config.failures = CIRCUIT_FAILURES_MAX;
	for (i = 0; i < 300; i++)
		failure(i * 102 * MS);
	check(is(CIRCUIT_CLOSED) && failures(299 * 102 * MS) == 99,
		  "300 failures, of which never 100 are in the window, stay CLOSED");

	fresh();
	config.failures = 0;
	burst(0, 200);
	check(is(CIRCUIT_CLOSED), "without a number of failures they never open");
	fresh();
	config.failures = 1;
	failure(0);
	check(is(CIRCUIT_OPEN), "1 failure opens where 1 is configured");
	fresh();
	for (i = 0; i < 5; i++)
		slow_success(i);
	check(is(CIRCUIT_OPEN), "a slow success counts as a failure where no rate of slow ones is configured");
	fresh();
	burst(0, 4);
	check(ignore(0, m.generation) && ignore(0, MACHINE_EVIDENCE) && is(CIRCUIT_CLOSED) && failures(0) == 4,
		  "what is ignored ends its call and is no failure");
}

/* ---- OPEN ---- */

static void
test_open(void)
{
	static const int64 asked[] = {0, 1, SEC, 30 * SEC, 59 * SEC + 999 * MS, 60 * SEC - 1, 60 * SEC,
	60 * SEC + 1, 61 * SEC, 24 * HOUR};
	bool		falls = true;
	int64		before = 60 * SEC + 1;
	uint64		generation;
	int			i;

	fresh_open();
	check(admit(59 * SEC + 999 * MS) == REFUSED_OPEN, "refused at 59.999 s");
	check(admit(60 * SEC - 1) == REFUSED_OPEN && is(CIRCUIT_OPEN), "refused at 59.999999 s");
	check(admit(60 * SEC) == ADMITTED && one_change(CIRCUIT_OPEN, CIRCUIT_HALF_OPEN, CHANGE_WAITED),
		  "admitted at 60.000 s, as a trial");

	fresh_open();
	for (i = 0; i < (int) lengthof(asked); i++)
	{
		int64		now = retry_after(asked[i]);

		falls = falls && now >= 0 && now == Max(60 * SEC - asked[i], 0) && (now < before || now == 0);
		before = now;
	}
	check(falls, "retry_after falls by what passes, to 0, and is never negative");
	check(!probe_due(60 * SEC - 1) && probe_due(60 * SEC) && shown(61 * SEC) == CIRCUIT_OPEN,
		  "after the wait it is shown OPEN with a trial due");
	tick(90 * SEC);
	check(is(CIRCUIT_OPEN) && changes.n == 0, "time alone does not end OPEN");
	check(retry_after(-HOUR) >= 0, "a time long ago gives no negative wait");

	fresh();
	generation = m.generation;
	burst(0, 5);
	check(!late_or_not_failure(30 * SEC, generation) && retry_after(30 * SEC) == 30 * SEC &&
		  opened == 1,
		  "a late failure while OPEN does not extend the wait");
	check(!fails_as(31 * SEC, generation, 1, HOUR, 1) && retry_after(31 * SEC) == 29 * SEC,
		  "nor with a Retry-After");
	check(!late_or_not_failure(32 * SEC, MACHINE_EVIDENCE) && !ends_well(32 * SEC, MACHINE_EVIDENCE, false) &&
		  retry_after(32 * SEC) == 28 * SEC && is(CIRCUIT_OPEN), "evidence does nothing while OPEN");
	check(admit(60 * SEC) == ADMITTED, "and at 60 s a trial is admitted");

	fresh_open();
	check(machine_time_open(&m, START + 20 * SEC) == 20 * SEC, "time in OPEN runs");
	(void) admit(70 * SEC);
	check(machine_time_open(&m, START + 80 * SEC) == 70 * SEC, "and stands still while HALF_OPEN");
	failure(80 * SEC);
	check(machine_time_open(&m, START + 85 * SEC) == 75 * SEC, "and goes on when it opens again");
	check(machine_trips(&m, START + 85 * SEC, HOUR) == 2, "both trips are counted");
	check(machine_trips(&m, START + 80 * SEC, 80 * SEC) == 1 && machine_trips(&m, START + 80 * SEC, 81 * SEC) == 2,
		  "each in the last so many seconds only");
}

/* ---- HALF_OPEN ---- */

static void
test_half_open(void)
{
	uint64		closed;
	uint64		round_1;
	uint64		round_2;

	fresh_open();
	check(admit(60 * SEC) == ADMITTED && admit(60 * SEC) == ADMITTED && admit(60 * SEC) == ADMITTED,
		  "3 permits while HALF_OPEN");
	check(admit(60 * SEC) == REFUSED_TRIALS && admit(90 * SEC) == REFUSED_TRIALS && m.trials_out == 3,
		  "then refusal, whose reason is that trials are under way");
	success(91 * SEC);
	check(admit(91 * SEC) == REFUSED_TRIALS, "1 success and 2 under way: no more than 3 in all");
	success(92 * SEC);
	check(is(CIRCUIT_HALF_OPEN), "2 successes stay HALF_OPEN");
	success(93 * SEC);
	check(one_change(CIRCUIT_HALF_OPEN, CIRCUIT_CLOSED, CHANGE_TRIALS_SUCCEEDED), "3 successes close it");
	check(failures(93 * SEC) == 0 && machine_reporters(&m, &config, START + 93 * SEC) == 0,
		  "with an empty window");
	burst(93 * SEC, 4);
	check(is(CIRCUIT_CLOSED), "4 failures after that stay CLOSED");
	fresh();
	config.open_for[0] = SEC;
	config.successes = 1;
	burst(0, 5);
	(void) admit(SEC);
	success(SEC);
	burst(SEC, 4);
	check(is(CIRCUIT_CLOSED) && failures(SEC) == 4, "even where those that opened it are younger than 10 s");
	failure(SEC);
	check(is(CIRCUIT_OPEN), "the 5th opens");

	fresh_trials();
	success(61 * SEC);
	success(62 * SEC);
	failure(63 * SEC);
	check(one_change(CIRCUIT_HALF_OPEN, CIRCUIT_OPEN, CHANGE_TRIAL_FAILED) && changes.change[0].wait == 60 * SEC,
		  "2 successes and 1 failure open it again");
	check(retry_after(63 * SEC) == 60 * SEC && admit(123 * SEC - 1) == REFUSED_OPEN, "with a fresh wait");
	check(admit(123 * SEC) == ADMITTED && admit(123 * SEC) == ADMITTED && admit(123 * SEC) == ADMITTED &&
		  admit(123 * SEC) == REFUSED_TRIALS, "re-entering HALF_OPEN gives 3 fresh permits");
	success(124 * SEC);
	success(124 * SEC);
	check(is(CIRCUIT_HALF_OPEN), "successes of the round before are not counted in this one");
	success(124 * SEC);
	check(is(CIRCUIT_CLOSED), "3 of this one close it");

	fresh_trials();
	slow_success(61 * SEC);
	check(one_change(CIRCUIT_HALF_OPEN, CIRCUIT_OPEN, CHANGE_TRIAL_FAILED), "a slow trial has failed");
	fresh();
	config.slow_percent_x100 = 10000;
	burst(0, 5);
	(void) admit(60 * SEC);
	slow_success(61 * SEC);
	check(is(CIRCUIT_OPEN), "even where a rate of slow ones is configured");

	fresh_trials();
	check(ignore(61 * SEC, m.generation) && m.trials_out == 2, "ignore returns the permit");
	check(admit(61 * SEC) == ADMITTED && admit(61 * SEC) == REFUSED_TRIALS, "which the next call gets, once");
	success(62 * SEC);
	success(62 * SEC);
	check(ignore(62 * SEC, m.generation) && is(CIRCUIT_HALF_OPEN) && admit(63 * SEC) == ADMITTED,
		  "an ignored third trial neither closes nor opens");

	fresh();
	closed = m.generation;
	burst(0, 5);
	(void) admit(60 * SEC);
	(void) admit(60 * SEC);
	round_1 = m.generation;
	check(!ends_well(61 * SEC, closed, false) && m.trials_ok == 0 && m.trials_out == 2 && is(CIRCUIT_HALF_OPEN),
		  "a late success of an earlier generation does nothing in HALF_OPEN");
	check(!late_or_not_failure(61 * SEC, closed) && is(CIRCUIT_HALF_OPEN) && m.trials_out == 2,
		  "a late failure does nothing");
	check(!ends_well(61 * SEC, closed, true) && is(CIRCUIT_HALF_OPEN), "a late slow success does nothing");
	check(!ignore(61 * SEC, closed) && m.trials_out == 2, "a late ignore does nothing");
	check(admit(61 * SEC) == ADMITTED && admit(61 * SEC) == REFUSED_TRIALS, "and they add no permit");
	check(!late_or_not_failure(61 * SEC, MACHINE_EVIDENCE) && !ends_well(61 * SEC, MACHINE_EVIDENCE, false) &&
		  !ignore(61 * SEC, MACHINE_EVIDENCE) && m.trials_out == 3 && m.trials_ok == 0 && is(CIRCUIT_HALF_OPEN),
		  "evidence is no trial");
	failure(62 * SEC);
	(void) admit(122 * SEC);
	round_2 = m.generation;
	check(round_2 > round_1 && !ends_well(123 * SEC, round_1, false) && !late_or_not_failure(123 * SEC, round_1) &&
		  !ignore(123 * SEC, round_1) && is(CIRCUIT_HALF_OPEN) && m.trials_out == 1 && m.trials_ok == 0,
		  "a ticket of half-open round 1 is late in round 2");
	check(ends_well(123 * SEC, round_2, false) && m.trials_ok == 1, "one of round 2 counts");

	fresh();
	closed = m.generation;
	burst(0, 5);
	(void) admit(60 * SEC);
	failure(60 * SEC);
	round_1 = m.generation;
	check(round_1 == closed + 3, "each change of state is a new generation");

	fresh();
	config.trials = 1;
	burst(0, 5);
	check(admit(60 * SEC) == ADMITTED && admit(60 * SEC) == REFUSED_TRIALS, "1 trial at a time where configured");
	success(61 * SEC);
	check(admit(61 * SEC) == ADMITTED && admit(61 * SEC) == REFUSED_TRIALS, "the next when it has ended");
	fresh();
	config.trials = 10;
	config.successes = 2;
	burst(0, 5);
	check(admit(60 * SEC) == ADMITTED && admit(60 * SEC) == ADMITTED && admit(60 * SEC) == REFUSED_TRIALS,
		  "no more trials than successes are needed");
}

/* ---- by hand ---- */

static void
test_by_hand(void)
{
	uint64		generation;

	fresh();
	generation = m.generation;
	burst(0, 4);
	reset(SEC);
	check(failures(SEC) == 0 && one_change(CIRCUIT_CLOSED, CIRCUIT_CLOSED, CHANGE_RESET), "reset empties the window");
	check(!late_or_not_failure(SEC, generation) && !ends_well(SEC, generation, false) && !ignore(SEC, generation) &&
		  failures(SEC) == 0, "and makes calls in flight late");
	burst(SEC, 4);
	check(is(CIRCUIT_CLOSED), "4 failures after it stay CLOSED");

	fresh();
	config.rate_percent_x100 = 5000;
	config.rate_calls = 1000;
	config.nsteps = 2;
	config.open_for[1] = 120 * SEC;
	burst(0, 5);
	(void) admit(60 * SEC);
	failure(60 * SEC);
	check(m.step == 1, "a step of the wait was gone");
	reset(61 * SEC);
	{
		int			failed;
		int			slow;

		check(is(CIRCUIT_CLOSED) && m.step == 0 && machine_calls(&m, &config, START + 61 * SEC, &failed, &slow) == 0 &&
			  failed == 0 && slow == 0 && machine_reporters(&m, &config, START + 61 * SEC) == 0 &&
			  retry_after(61 * SEC) == 0, "reset empties everything: OPEN, step, calls, reporters");
	}
	burst(62 * SEC, 5);
	check(retry_after(62 * SEC) == 60 * SEC, "the next wait is the first again");
	fresh();
	(void) fails_as(0, m.generation, 1, HOUR, 0);
	reset(1);
	burst(2, 5);
	check(retry_after(2) == 60 * SEC, "and a Retry-After from before it is forgotten");
	fresh_rate(5000, 4);
	calls(0, 3, 1);
	reset(1);
	failure(1);
	check(is(CIRCUIT_CLOSED), "calls from before it are not in the rate");
	fresh_open();
	force(1, CIRCUIT_FORCED_OPEN, HOUR);
	reset(2);
	check(is(CIRCUIT_CLOSED) && admit(2) == ADMITTED, "forced over OPEN is CLOSED after it");
	fresh_trials();
	reset(61 * SEC);
	check(is(CIRCUIT_CLOSED) && m.trials_out == 0, "reset ends trials");

	fresh();
	trip(0, 0);
	check(one_change(CIRCUIT_CLOSED, CIRCUIT_OPEN, CHANGE_TRIPPED) && admit(59 * SEC) == REFUSED_OPEN &&
		  admit(60 * SEC) == ADMITTED, "a trip opens and recovers by itself");
	fresh_open();
	generation = m.generation;
	trip(30 * SEC, 0);
	check(retry_after(30 * SEC) == 60 * SEC && m.generation == generation + 1, "a trip while OPEN begins a fresh wait");
	fresh_trials();
	trip(61 * SEC, 0);
	check(is(CIRCUIT_OPEN) && retry_after(61 * SEC) == 60 * SEC, "a trip ends trials");

	fresh();
	force(0, CIRCUIT_FORCED_OPEN, HOUR);
	check(one_change(CIRCUIT_CLOSED, CIRCUIT_FORCED_OPEN, CHANGE_FORCED) && changes.change[0].wait == HOUR,
		  "forced open, for an hour");
	check(retry_after(HOUR - SEC) == SEC && !probe_due(HOUR - 1), "which is shown");
	check(admit(60 * SEC) == REFUSED_FORCED && admit(30 * MINUTE) == REFUSED_FORCED && admit(HOUR - 1) == REFUSED_FORCED,
		  "it ignores the time that OPEN lasts");
	check(shown(HOUR) == CIRCUIT_CLOSED && is(CIRCUIT_FORCED_OPEN) && retry_after(HOUR) == 0,
		  "when it is over it is not shown any more");
	check(admit(HOUR) == ADMITTED && one_change(CIRCUIT_FORCED_OPEN, CIRCUIT_CLOSED, CHANGE_FORCE_ENDED),
		  "and ends with its duration");
	fresh();
	force(0, CIRCUIT_FORCED_OPEN, CIRCUIT_FOR_EVER);
	check(changes.change[0].wait == CIRCUIT_FOR_EVER && retry_after(HOUR) == CIRCUIT_FOR_EVER &&
		  admit(10000 * HOUR) == REFUSED_FORCED, "forced open for ever has no end");
	check(!late_or_not_failure(10000 * HOUR, MACHINE_EVIDENCE), "and evidence is late");
	reset(10000 * HOUR);
	check(admit(10000 * HOUR) == ADMITTED && is(CIRCUIT_CLOSED), "but by reset");

	fresh_open();
	force(20 * SEC, CIRCUIT_FORCED_OPEN, 10 * SEC);
	check(retry_after(20 * SEC) == 40 * SEC && retry_after(29 * SEC) == 31 * SEC && retry_after(30 * SEC) == 30 * SEC,
		  "retry_after of forced open over OPEN counts both, without a leap");
	check(shown(30 * SEC) == CIRCUIT_OPEN && !probe_due(59 * SEC) && probe_due(60 * SEC), "what comes then is shown");
	check(admit(30 * SEC) == REFUSED_OPEN && is(CIRCUIT_OPEN) && admit(60 * SEC) == ADMITTED,
		  "the wait of OPEN goes on under it");
	fresh_open();
	force(20 * SEC, CIRCUIT_FORCED_CLOSED, 100 * SEC);
	check(probe_due(120 * SEC) && !probe_due(119 * SEC), "a wait that ended under it: a trial is due");
	check(admit(120 * SEC) == ADMITTED && is(CIRCUIT_HALF_OPEN) && m.trials_out == 1, "and admitted");
	fresh_trials();
	force(61 * SEC, CIRCUIT_FORCED_CLOSED, SEC);
	check(admit(62 * SEC) == ADMITTED && is(CIRCUIT_HALF_OPEN) && m.trials_out == 1 && m.trials_ok == 0,
		  "forced over trials: they begin anew");

	fresh_open();
	force(0, CIRCUIT_FORCED_CLOSED, HOUR);
	config.max_concurrent = 0;
	check(admit(SEC) == ADMITTED && admit_with(SEC, 1000000) == ADMITTED, "forced closed admits all");
	burst(SEC, 100);
	check(is(CIRCUIT_FORCED_CLOSED) && failures(SEC) == 0 && opened == 1, "whatever fails");
	check(late_or_not_failure(SEC, m.generation) && retry_after(SEC) == 0, "its failures are counted, not late");
	fresh();
	force(0, CIRCUIT_FORCED_CLOSED, HOUR);
	burst(SEC, 4);
	tick(HOUR);
	failure(HOUR);
	check(is(CIRCUIT_CLOSED), "what failed while forced does not open it later");

	fresh();
	config.open_for[0] = 30 * SEC;
	force(0, CIRCUIT_METRICS_ONLY, HOUR);
	burst(0, 4);
	check(would_open == 0, "metrics only: 4 failures say nothing");
	failure(0);
	check(would_open == 1 && one_change(CIRCUIT_METRICS_ONLY, CIRCUIT_METRICS_ONLY, CHANGE_WOULD_OPEN) &&
		  is(CIRCUIT_METRICS_ONLY) && admit(0) == ADMITTED, "the 5th says that it would open, and all are admitted");
	burst(SEC, 100);
	burst(30 * SEC - 1, 100);
	check(would_open == 1 && opened == 0, "once in a burst");
	burst(30 * SEC, 5);
	check(would_open == 2, "and again when it would have tried again and failures go on");
	check(failures(30 * SEC) > 0 && m.trips == 0, "failures are shown, trips are not");
	reset(31 * SEC);
	force(31 * SEC, CIRCUIT_METRICS_ONLY, HOUR);
	burst(31 * SEC, 5);
	check(would_open == 3, "after a reset at once");
	fresh();
	force(0, CIRCUIT_METRICS_ONLY, HOUR);
	burst(1, 4);
	tick(HOUR + 1);
	burst(HOUR + 1, 1);
	check(is(CIRCUIT_CLOSED) && failures(HOUR + 1) == 1, "what was counted in metrics only stays there");

	fresh();
	burst(0, 4);
	force(1, CIRCUIT_FORCED_OPEN, SEC);
	force(2, CIRCUIT_METRICS_ONLY, SEC);
	check(is(CIRCUIT_METRICS_ONLY) && m.resume == CIRCUIT_CLOSED, "one force replaces another");
	tick(SEC + 1);
	check(is(CIRCUIT_METRICS_ONLY), "the end of the first one does not end the second");
	tick(SEC + 2);
	check(is(CIRCUIT_CLOSED) && failures(SEC + 2) == 0, "its own does, into CLOSED with an empty window");
}

/* ---- rates ---- */

static void
test_rates(void)
{
	int			failed;
	int			slow;
	int			i;

	fresh_rate(5000, 50);
	calls(0, 50, 24);
	check(is(CIRCUIT_CLOSED), "50 %: 24 of 50 stay CLOSED");
	fresh_rate(5000, 50);
	calls(0, 50, 25);
	check(one_change(CIRCUIT_CLOSED, CIRCUIT_OPEN, CHANGE_FAILURE_RATE), "25 of 50 open: exactly the threshold");
	fresh_rate(4950, 50);
	calls(0, 50, 24);
	check(is(CIRCUIT_CLOSED), "49.5 %: 24 of 50 stay CLOSED");
	fresh_rate(4950, 50);
	calls(0, 50, 25);
	check(is(CIRCUIT_OPEN), "25 of 50 open");
	fresh_rate(4950, 200);
	calls(0, 200, 99);
	check(is(CIRCUIT_OPEN), "99 of 200 are 49.5 % and open");
	fresh_rate(4950, 200);
	calls(0, 200, 98);
	check(is(CIRCUIT_CLOSED), "98 of 200 do not");
	fresh_rate(3333, 3);
	calls(0, 3, 1);
	check(is(CIRCUIT_OPEN), "1 of 3 is more than 33.33 %");
	fresh_rate(3334, 3);
	calls(0, 3, 1);
	check(is(CIRCUIT_CLOSED), "and less than 33.34 %: nothing is rounded");
	fresh_rate(10000, 10);
	calls(0, 10, 9);
	check(is(CIRCUIT_CLOSED), "100 %: 9 of 10 stay CLOSED");
	fresh_rate(10000, 10);
	calls(0, 9, 9);
	check(is(CIRCUIT_CLOSED), "9 of 9 are fewer than the minimum of 10");
	failure(0);
	check(is(CIRCUIT_OPEN), "the 10th call opens");
	fresh_rate(5000, 4);
	calls(0, 3, 2);
	check(is(CIRCUIT_CLOSED), "2 of 3 are fewer than the minimum of 4");
	success(0);
	check(is(CIRCUIT_OPEN), "a success that makes 4 of them opens");

	fresh_rate(5000, 4);
	calls(0, 2, 2);
	calls(10 * SEC, 3, 1);
	check(is(CIRCUIT_CLOSED) && machine_calls(&m, &config, START + 10 * SEC, &failed, &slow) == 3 && failed == 1,
		  "calls of exactly 10 s ago are outside");
	fresh_rate(5000, 4);
	calls(1, 2, 2);
	calls(10 * SEC, 2, 0);
	check(is(CIRCUIT_OPEN), "of 9.999999 s ago inside");

	fresh_rate(5000, 1000);
	for (i = 0; i < 1500; i++)
		success(i);
	check(machine_calls(&m, &config, START + 1500, &failed, &slow) == 1000 && failed == 0,
		  "the rate looks at 1000 calls at most");
	for (i = 0; i < 499; i++)
		failure(2000 + i);
	check(is(CIRCUIT_CLOSED) && machine_calls(&m, &config, START + 3000, &failed, &slow) == 1000 && failed == 499,
		  "the latest: 499 of them have failed");
	failure(3000);
	check(is(CIRCUIT_OPEN), "500 of 1000 open");
	fresh_rate(5000, 1000);
	for (i = 0; i < 499; i++)
		failure(i);
	for (i = 0; i < 1000; i++)
		success(1000 + i);
	check(machine_calls(&m, &config, START + 3000, &failed, &slow) == 1000 && failed == 0 && is(CIRCUIT_CLOSED),
		  "failures that newer calls have pushed out are not counted");
	failure(3000);
	check(is(CIRCUIT_CLOSED), "and do not help to open it");
	fresh_rate(5000, 50);
	for (i = 0; i < 50; i++)
		(void) ignore(i, m.generation);
	check(machine_calls(&m, &config, START + 50, &failed, &slow) == 0, "what is ignored is no call of the rate");

	fresh_slow(5000, 10);
	for (i = 0; i < 4; i++)
		slow_success(0);
	for (i = 0; i < 6; i++)
		success(0);
	check(is(CIRCUIT_CLOSED) && failures(0) == 0, "slow rate 50 %: 4 of 10 stay CLOSED, and are no failures");
	fresh_slow(5000, 10);
	for (i = 0; i < 5; i++)
		success(0);
	for (i = 0; i < 5; i++)
		slow_success(0);
	check(one_change(CIRCUIT_CLOSED, CIRCUIT_OPEN, CHANGE_SLOW_RATE), "5 of 10 open");
	fresh_slow(10000, 3);
	for (i = 0; i < 2; i++)
		slow_success(0);
	check(is(CIRCUIT_CLOSED), "2 of 2 are fewer than the minimum of 3");
	slow_success(0);
	check(is(CIRCUIT_OPEN), "3 of 3 open");
	fresh_slow(5000, 4);
	for (i = 0; i < 2; i++)
		machine_failure(&m, &config, START, m.generation, true, 1, 0, 0, &changes);
	success(0);
	check(is(CIRCUIT_CLOSED) && failures(0) == 2, "a slow failure is a failure");
	success(0);
	check(is(CIRCUIT_OPEN), "and slow");
}

/* ---- the wait ---- */

static void
fresh_steps(void)
{
	config = shipped;
	config.nsteps = 4;
	config.open_for[0] = 30 * SEC;
	config.open_for[1] = MINUTE;
	config.open_for[2] = 2 * MINUTE;
	config.open_for[3] = 5 * MINUTE;
	begin_anew();
}

/* Opens it, then so many trials fail, one after each wait. Returns when the last wait began. */
static int64
failed_trials(int64 at, int n)
{
	burst(at, 5);
	while (n-- > 0)
	{
		at += retry_after(at);
		(void) admit(at);
		failure(at);
	}
	return at;
}

/* Three trials that succeed, after the wait. Returns when it closed. */
static int64
recover(int64 at)
{
	int			i;

	at += retry_after(at);
	for (i = 0; i < 3; i++)
		(void) admit(at);
	for (i = 0; i < 3; i++)
		success(at);
	return at;
}

static void
test_wait(void)
{
	static const int64 steps[] = {30 * SEC, MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE};
	bool		right = true;
	int64		at;
	int			i;

	for (i = 0; i < (int) lengthof(steps); i++)
	{
		fresh_steps();
		at = failed_trials(0, i);
		right = right && retry_after(at) == steps[i] && changes.change[changes.n - 1].wait == steps[i];
	}
	check(right, "each trial that fails leads to the next wait: 30 s, 1, 2, 5, 5, 5 min");

	fresh_steps();
	at = recover(failed_trials(0, 2));
	check(is(CIRCUIT_CLOSED) && m.step == 2, "what closes keeps its step");
	burst(at + 10 * MINUTE - 1, 5);
	check(retry_after(at + 10 * MINUTE - 1) == 2 * MINUTE, "healthy for less than step_back: the same wait");
	fresh_steps();
	at = recover(failed_trials(0, 2)) + 10 * MINUTE;
	burst(at, 5);
	check(retry_after(at) == MINUTE, "healthy for step_back: one step back");
	fresh_steps();
	at = recover(failed_trials(0, 2)) + 20 * MINUTE - 1;
	burst(at, 5);
	check(retry_after(at) == MINUTE, "for 1 µs less than twice of it: one");
	fresh_steps();
	at = recover(failed_trials(0, 2)) + 20 * MINUTE;
	burst(at, 5);
	check(retry_after(at) == 30 * SEC, "for twice of it: two");
	fresh_steps();
	at = recover(failed_trials(0, 2)) + 1000 * MINUTE;
	burst(at, 5);
	check(retry_after(at) == 30 * SEC, "for long: the first wait");
	at = failed_trials(at + 1, 1);
	check(retry_after(at) == MINUTE, "and up again from there");
	fresh_steps();
	at = recover(failed_trials(0, 9)) + 10 * MINUTE;
	burst(at, 5);
	check(retry_after(at) == 2 * MINUTE, "one step back from the last wait, however often that was waited");
	fresh_steps();
	at = recover(failed_trials(0, 3)) + 10 * MINUTE;
	trip(at, 0);
	check(retry_after(at) == 2 * MINUTE, "a trip by hand takes the steps back, too");
	fresh_steps();
	at = recover(failed_trials(0, 3)) + 10 * MINUTE;
	force(at, CIRCUIT_FORCED_CLOSED, SEC);
	tick(at + SEC);
	burst(at + SEC, 5);
	check(retry_after(at + SEC) == 2 * MINUTE, "what health had earned is not lost when it is forced");
	fresh_steps();
	at = failed_trials(0, 3);
	force(at, CIRCUIT_FORCED_CLOSED, 100 * MINUTE);
	tick(at + 100 * MINUTE);
	(void) admit(at + 100 * MINUTE);
	failure(at + 100 * MINUTE);
	check(retry_after(at + 100 * MINUTE) == 5 * MINUTE, "time while OPEN and forced is not healthy");
	fresh_steps();
	at = failed_trials(0, 3);
	config.nsteps = 2;
	trip(at, 0);
	check(retry_after(at) == MINUTE, "with fewer steps configured the last of them holds");

	fresh();
	config.jitter_percent = 50;
	trip(0, 0);
	check(retry_after(0) == 60 * SEC, "jitter of 50 %, the least: 60 s");
	trip(0, 0.5);
	check(retry_after(0) == 75 * SEC, "half of it: 75 s");
	trip(0, 1);
	check(retry_after(0) == 90 * SEC, "the most: 90 s");
	right = true;
	for (i = 0; i <= 1000; i++)
	{
		trip(0, i / 1000.0);
		right = right && retry_after(0) >= 60 * SEC && retry_after(0) <= 90 * SEC;
	}
	check(right, "never outside of these");
	config.jitter_percent = 0;
	trip(0, 1);
	check(retry_after(0) == 60 * SEC, "without jitter: 60 s");
	fresh();
	config.jitter_percent = 10;
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, 0, 1);
	check(retry_after(0) == 66 * SEC, "failures that open draw jitter");
	fresh_trials();
	config.jitter_percent = 10;
	(void) fails_as(60 * SEC, m.generation, 1, 0, 1);
	check(retry_after(60 * SEC) == 66 * SEC, "a failed trial does");

	/* Retry-After */
	fresh();
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, 300 * SEC, 0);
	check(retry_after(0) == 300 * SEC && admit(300 * SEC - 1) == REFUSED_OPEN && admit(300 * SEC) == ADMITTED,
		  "a Retry-After longer than the wait is honoured");
	fresh();
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, 10 * SEC, 0);
	check(retry_after(0) == 60 * SEC, "a shorter one does not shorten it");
	fresh();
	(void) fails_as(0, m.generation, 1, 300 * SEC, 0);
	burst(5 * SEC, 4);
	check(retry_after(5 * SEC) == 295 * SEC, "it is counted from when it came");
	fresh();
	(void) fails_as(0, m.generation, 1, 300 * SEC, 0);
	(void) fails_as(0, m.generation, 1, 100 * SEC, 0);
	burst(0, 3);
	check(retry_after(0) == 300 * SEC, "the latest moment of several holds");
	fresh();
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, 24 * HOUR, 0);
	check(retry_after(0) == HOUR, "it is believed up to 1 h");
	fresh();
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, PG_INT64_MAX, 0);
	check(retry_after(0) == HOUR, "however large it is");
	fresh();
	(void) fails_as(0, m.generation, 1, 24 * HOUR, 0);
	burst(5 * SEC, 4);
	check(retry_after(5 * SEC) == HOUR - 5 * SEC, "from when it came");
	fresh();
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, -5, 0);
	check(retry_after(0) == 60 * SEC, "a negative one is none");
	fresh_trials();
	(void) fails_as(60 * SEC, m.generation, 1, 600 * SEC, 0);
	check(retry_after(60 * SEC) == 600 * SEC, "that of a failed trial is honoured");
	at = recover(60 * SEC);
	burst(at, 5);
	check(at == 660 * SEC && retry_after(at) == 60 * SEC, "and is over when it closes");
	fresh();
	(void) fails_as(0, MACHINE_EVIDENCE, 1, 300 * SEC, 0);
	(void) late_or_not_failure(0, MACHINE_EVIDENCE);
	burst(0, 3);
	check(retry_after(0) == 300 * SEC, "evidence counts as calls do while CLOSED, its Retry-After, too");
	fresh();
	(void) fails_as(0, m.generation, 1, HOUR, 0);
	burst(9 * SEC, 4);
	check(is(CIRCUIT_OPEN) && retry_after(9 * SEC) == HOUR - 9 * SEC, "a Retry-After of within the window counts");
	fresh();
	(void) fails_as(0, m.generation, 1, HOUR, 0);
	burst(40 * MINUTE, 5);
	check(is(CIRCUIT_OPEN) && retry_after(40 * MINUTE) == 60 * SEC, "one of longer ago does not");
	fresh();
	(void) fails_as(0, m.generation, 1, HOUR, 0);
	(void) fails_as(40 * MINUTE, m.generation, 1, SEC, 0);
	burst(40 * MINUTE, 4);
	check(is(CIRCUIT_OPEN) && retry_after(40 * MINUTE) == 60 * SEC, "and does not come back with a later one");
}

/* ---- reporters ---- */

static void
reported(int64 at, uint64 who, int n)
{
	while (n-- > 0)
		(void) fails_as(at, m.generation, who, 0, 0);
}

static void
test_reporters(void)
{
	int			i;

	fresh();
	config.reporters = 2;
	reported(0, 7, 1000);
	check(is(CIRCUIT_CLOSED) && failures(0) == 100 && machine_reporters(&m, &config, START) == 1,
		  "a quorum of 2: one sick client alone never opens it");
	reported(0, 8, 1);
	check(is(CIRCUIT_OPEN), "a second one does");

	fresh();
	config.reporters = 3;
	reported(0, 1, 2);
	reported(1, 2, 2);
	reported(2, 1, 2);
	check(is(CIRCUIT_CLOSED) && machine_reporters(&m, &config, START + 2) == 2, "a quorum of 3: two do not");
	reported(3, 3, 1);
	check(is(CIRCUIT_OPEN), "a third one does");

	fresh();
	config.reporters = 2;
	reported(0, 1, 1);
	reported(10 * SEC, 2, 5);
	check(is(CIRCUIT_CLOSED) && machine_reporters(&m, &config, START + 10 * SEC) == 1,
		  "a reporter of exactly 10 s ago is not in the quorum");
	fresh();
	config.reporters = 2;
	reported(1, 1, 1);
	reported(10 * SEC, 2, 4);
	check(is(CIRCUIT_OPEN), "one of 9.999999 s ago is");
	fresh();
	config.reporters = 2;
	reported(0, 1, 1);
	reported(5 * SEC, 2, 1);
	reported(9 * SEC, 1, 1);
	reported(12 * SEC, 2, 3);
	check(is(CIRCUIT_OPEN), "the last time it reported counts");

	fresh();
	config.reporters = 8;
	config.failures = 8;
	for (i = 0; i < 7; i++)
		reported(0, 100 + i, 10);
	check(is(CIRCUIT_CLOSED), "a quorum of 8: seven do not");
	reported(0, 107, 1);
	check(is(CIRCUIT_OPEN), "the eighth does");
	fresh();
	config.reporters = 8;
	config.failures = 100;
	for (i = 0; i < 50; i++)
		reported(i, i, 1);
	check(machine_reporters(&m, &config, START + 50) == 8, "of 50 reporters the last 8 are kept");
	reported(51, 49, 1);
	reported(51, 42, 1);
	check(machine_reporters(&m, &config, START + 51) == 8, "each of them once");

	fresh_rate(5000, 4);
	config.reporters = 2;
	reported(0, 1, 10);
	check(is(CIRCUIT_CLOSED), "a rate needs the quorum, too");
	reported(0, 2, 1);
	check(is(CIRCUIT_OPEN), "and opens with it");
	fresh_slow(5000, 4);
	config.reporters = 2;
	for (i = 0; i < 10; i++)
		slow_success(0);
	check(is(CIRCUIT_CLOSED) && machine_reporters(&m, &config, START) == 1, "so does the rate of slow ones");
	(void) machine_success(&m, &config, START, m.generation, true, 2, 0, &changes);
	check(is(CIRCUIT_OPEN), "which opens with a second one");
}

/* ---- calls in flight ---- */

static void
test_concurrent(void)
{
	fresh();
	config.max_concurrent = 0;
	check(admit_with(0, 0) == REFUSED_FULL, "max_concurrent 0 refuses all");
	fresh();
	config.max_concurrent = 2;
	check(admit_with(0, 0) == ADMITTED && admit_with(0, 1) == ADMITTED && admit_with(0, 2) == REFUSED_FULL,
		  "2: the third at a time is refused");
	check(admit_with(1, 1) == ADMITTED, "when one has ended the next is admitted");
	check(is(CIRCUIT_CLOSED) && failures(1) == 0, "refusals are no failures");
	fresh();
	config.max_concurrent = 10;
	check(admit_with(0, 7) == ADMITTED, "10: with 7 in flight admitted");
	config.max_concurrent = 3;
	check(admit_with(0, 8) == REFUSED_FULL && admit_with(0, 3) == REFUSED_FULL && admit_with(0, 2) == ADMITTED,
		  "shrunk to 3 below what is in flight: refused until fewer than 3 are");
	config.max_concurrent = -1;
	check(admit_with(0, 1000000) == ADMITTED, "no limit: admitted");

	fresh_open();
	config.max_concurrent = 1;
	check(admit_with(0, 1) == REFUSED_OPEN, "OPEN comes before full");
	check(admit_with(60 * SEC, 1) == REFUSED_FULL && m.trials_out == 0, "a trial needs room as well");
	check(admit_with(60 * SEC, 0) == ADMITTED && m.trials_out == 1, "and is admitted when there is");
	fresh_open();
	config.max_concurrent = 0;
	check(admit_with(60 * SEC, 0) == REFUSED_FULL && is(CIRCUIT_OPEN) && changes.n == 0,
		  "max_concurrent 0: no trial begins");
	fresh();
	config.max_concurrent = 0;
	force(0, CIRCUIT_METRICS_ONLY, HOUR);
	check(admit_with(1, 100) == ADMITTED, "metrics only refuses nobody");
	force(1, CIRCUIT_FORCED_OPEN, HOUR);
	check(admit_with(1, 100) == REFUSED_FORCED, "forced open says so");
}

/* ---- retries ---- */

static bool
may_retry(int64 at)
{
	return machine_budget_retry(&m, &config, START + at);
}

static int
retries(int64 at)
{
	int			n = 0;

	while (n < 10000 && may_retry(at))
		n++;
	return n;
}

static void
called(int64 at, int n)
{
	while (n-- > 0)
		machine_budget_call(&m, &config, START + at);
}

static void
test_budget(void)
{
	int			n;
	int			i;

	fresh();
	check(retries(0) == 3, "retries: at least 3");
	called(0, 4);
	check(!may_retry(0), "20 %: none for 4 calls");
	called(0, 1);
	check(may_retry(0) && !may_retry(0), "one for 5");
	called(0, 50);
	check(retries(0) == 10, "10 for 50");
	n = retries(10 * SEC - 1);
	check(n == 2 && !may_retry(10 * SEC - 1), "the 3 come back in 10 s");
	check(may_retry(10 * SEC) && !may_retry(10 * SEC), "the third exactly then");
	fresh();
	check(retries(0) == 3 && retries(HOUR) == 3, "and not more, however long nothing was called");
	fresh();
	called(0, 100000);
	check(retries(0) == 23, "calls without retries save up no more than 20 and those 3");

	fresh();
	config.retry_budget_min = 0;
	begin_anew();
	check(retries(0) == 0, "a minimum of 0: none");
	called(0, 5);
	check(retries(0) == 1, "but by calls");
	check(retries(HOUR) == 0, "time brings none");
	config.retry_budget_percent = 0;
	called(HOUR, 1000);
	check(retries(HOUR) == 0, "0 % and 0: never");
	config.retry_budget_percent = 100;
	called(HOUR, 7);
	check(retries(HOUR) == 7, "100 %: one for each call");

	/* calls so dense that each brings less than a token and a half */
	fresh();
	config.retry_budget_percent = 0;
	n = retries(0);
	for (i = 1; i <= 15152; i++)
	{
		called(i * 6600, 1);
		n += may_retry(i * 6600);
	}
	check(n >= 3 + 29 && n <= 3 + 30, "the minimum is kept with many calls: 30 in 100 s of 150 calls each");
	fresh();
	config.retry_budget_percent = 0;
	n = retries(0);
	for (i = 1; i <= 20000; i++)
		n += may_retry(i * MS);
	check(n >= 3 + 5 && n <= 3 + 6, "and without: 6 in 20 s asked each millisecond");

	fresh();
	(void) retries(0);
	check(retries(-HOUR) == 0, "a clock that goes back brings none");
	check(retries(-HOUR + 10 * SEC) == 3, "and goes on from there");
	fresh();
	(void) retries(0);
	tick(10 * SEC);
	tick(-HOUR);
	check(retries(-HOUR) == 3, "what has been earned before it goes back is not lost");
	fresh();
	(void) retries(0);
	reset(1);
	check(retries(1) == 3, "a reset gives the 3 back");
}

/* ---- the clock ---- */

static void
test_clock(void)
{
	int64		oldest;

	fresh_open();
	check(admit(30 * SEC) == REFUSED_OPEN && admit(-HOUR) == REFUSED_OPEN && retry_after(-HOUR) == 30 * SEC,
		  "the clock moved back by an hour: the rest of the wait is the same");
	check(admit(-HOUR + 30 * SEC - 1) == REFUSED_OPEN && admit(-HOUR + 30 * SEC) == ADMITTED, "and no longer");
	fresh_open();
	(void) admit(30 * SEC);
	check(admit(29 * SEC + 1) == REFUSED_OPEN && retry_after(30 * SEC) == 30 * SEC,
		  "less than 1 s back is another session's clock: time stands still");
	(void) admit(29 * SEC);
	check(retry_after(29 * SEC) == 30 * SEC && retry_after(30 * SEC) == 29 * SEC, "exactly 1 s back shifts");
	fresh_open();
	check(admit(HOUR) == ADMITTED, "the clock moved forward: the wait is over");

	fresh();
	burst(0, 2);
	burst(4 * SEC, 2);
	tick(5 * SEC);
	tick(-100 * SEC);
	check(machine_failures(&m, &config, START - 100 * SEC, &oldest) == 4 && oldest == START - 95 * SEC,
		  "moved back: failures are as old as before");
	check(failures(-110 * SEC) == 4 && failures(-95 * SEC - 1) == 4 && failures(-95 * SEC) == 2 && failures(-91 * SEC) == 0,
		  "and leave the window when they would have");
	failure(-95 * SEC - 1);
	check(is(CIRCUIT_OPEN), "a 5th in the window opens");
	fresh();
	burst(0, 4);
	tick(10 * SEC);
	check(failures(9 * SEC + 999 * MS) == 0, "what has left does not come back where a session's clock is behind");
	fresh();
	burst(0, 4);
	failure(HOUR);
	check(is(CIRCUIT_CLOSED) && failures(HOUR) == 1, "moved forward: they are outside");

	fresh_rate(5000, 4);
	calls(0, 3, 2);
	tick(5 * SEC);
	tick(-50 * SEC);
	success(-45 * SEC - 1);
	check(is(CIRCUIT_OPEN), "moved back: calls of a rate stay in the window for as long");
	fresh_rate(5000, 4);
	calls(0, 3, 2);
	tick(5 * SEC);
	tick(-50 * SEC);
	failure(-45 * SEC);
	check(is(CIRCUIT_CLOSED), "and no longer");
	fresh();
	config.reporters = 2;
	reported(0, 1, 4);
	tick(5 * SEC);
	tick(-50 * SEC);
	check(machine_reporters(&m, &config, START - 45 * SEC - 1) == 1 &&
		  machine_reporters(&m, &config, START - 45 * SEC) == 0, "so do reporters");

	fresh();
	force(0, CIRCUIT_FORCED_OPEN, 100 * SEC);
	tick(40 * SEC);
	check(admit(-HOUR) == REFUSED_FORCED && retry_after(-HOUR) == 60 * SEC && admit(-HOUR + 60 * SEC) == ADMITTED,
		  "a forced state keeps its rest");
	fresh();
	force(0, CIRCUIT_FORCED_OPEN, CIRCUIT_FOR_EVER);
	tick(-HOUR);
	check(retry_after(-HOUR) == CIRCUIT_FOR_EVER, "for ever stays for ever");
	fresh_open();
	force(10 * SEC, CIRCUIT_FORCED_OPEN, 10 * SEC);
	tick(-HOUR);
	check(admit(-HOUR + 10 * SEC) == REFUSED_OPEN && retry_after(-HOUR + 10 * SEC) == 40 * SEC,
		  "and OPEN below it its rest");
	fresh();
	burst(0, 4);
	(void) fails_as(0, m.generation, 1, 300 * SEC, 0);
	tick(-HOUR);
	check(retry_after(-HOUR) == 300 * SEC, "so does a Retry-After");
	fresh();
	(void) fails_as(0, m.generation, 1, 300 * SEC, 0);
	tick(-HOUR);
	burst(-HOUR, 4);
	check(retry_after(-HOUR) == 300 * SEC, "one that has opened nothing yet, too");
	fresh();
	force(0, CIRCUIT_METRICS_ONLY, HOUR);
	burst(0, 5);
	tick(-HOUR);
	burst(-HOUR + 60 * SEC - 1, 5);
	check(would_open == 1, "metrics only stays silent for as long");
	burst(-HOUR + 60 * SEC, 5);
	check(would_open == 2, "and no longer");
	fresh_steps();
	{
		int64		at = recover(failed_trials(0, 2));

		tick(at + 10 * MINUTE - 1);
		tick(at - HOUR);
		burst(at - HOUR, 5);
		check(retry_after(at - HOUR) == 2 * MINUTE, "healthy time does not grow by it");
	}
	fresh_steps();
	{
		int64		at = recover(failed_trials(0, 2));

		tick(at + 10 * MINUTE);
		tick(at - HOUR);
		burst(at - HOUR, 5);
		check(retry_after(at - HOUR) == MINUTE, "nor shrink");
	}
	fresh_open();
	tick(20 * SEC);
	tick(-HOUR);
	check(machine_time_open(&m, START - HOUR) == 20 * SEC && machine_time_open(&m, START - HOUR + SEC) == 21 * SEC,
		  "nor does time in OPEN");
	check(machine_trips(&m, START - HOUR, MINUTE) == 1 && machine_trips(&m, START - HOUR + MINUTE, MINUTE) == 0,
		  "trips are as long ago as before");
}

/* ---- configuration ---- */

static void
test_configuration(void)
{
	int64		until;
	int			i;

	fresh_open();
	config.open_for[0] = 5 * SEC;
	config.failures = 50;
	config.window = SEC;
	tick(SEC);
	check(is(CIRCUIT_OPEN) && changes.n == 0 && retry_after(SEC) == 59 * SEC,
		  "a configuration changed while OPEN keeps the state and its wait");
	fresh();
	burst(0, 4);
	config.window = 20 * SEC;
	check(failures(15 * SEC) == 4, "a longer window keeps the failures");
	config.window = 5 * SEC;
	check(failures(4 * SEC) == 4 && failures(5 * SEC) == 0, "a shorter one leaves them out");
	config.window = 10 * SEC;
	config.failures = 4;
	tick(1);
	check(is(CIRCUIT_CLOSED), "fewer failures configured: what has been counted opens nothing by itself");
	failure(1);
	check(is(CIRCUIT_OPEN), "but with the next one");
	fresh_trials();
	success(61 * SEC);
	success(61 * SEC);
	config.successes = 2;
	tick(62 * SEC);
	check(one_change(CIRCUIT_HALF_OPEN, CIRCUIT_CLOSED, CHANGE_TRIALS_SUCCEEDED),
		  "fewer successes configured than there are: it closes");
	fresh_trials();
	success(61 * SEC);
	config.successes = 5;
	success(61 * SEC);
	success(61 * SEC);
	check(is(CIRCUIT_HALF_OPEN) && admit(61 * SEC) == ADMITTED && admit(61 * SEC) == ADMITTED &&
		  admit(61 * SEC) == REFUSED_TRIALS, "more of them: it goes on");

	/* modes */
	fresh();
	burst(0, 3);
	config.mode = MODE_DISABLED;
	tick(1);
	check(one_change(CIRCUIT_CLOSED, CIRCUIT_FORCED_CLOSED, CHANGE_CONFIGURED) && m.configured &&
		  changes.change[0].wait == CIRCUIT_FOR_EVER, "mode disabled lets all through");
	burst(1, 10);
	check(admit(1) == ADMITTED && opened == 0, "whatever fails");
	tick(2);
	check(changes.n == 0, "it comes once");
	config.mode = MODE_METRICS_ONLY;
	tick(2);
	check(one_change(CIRCUIT_FORCED_CLOSED, CIRCUIT_METRICS_ONLY, CHANGE_CONFIGURED) && m.configured,
		  "one mode after the other");
	burst(2, 5);
	check(would_open == 1, "metrics_only says so");
	config.mode = MODE_FORCED_OPEN;
	tick(3);
	check(is(CIRCUIT_FORCED_OPEN) && admit(24 * HOUR) == REFUSED_FORCED && retry_after(3) == CIRCUIT_FOR_EVER,
		  "forced_open refuses, without end");
	config.mode = MODE_NORMAL;
	check(admit(25 * HOUR) == ADMITTED && one_change(CIRCUIT_FORCED_OPEN, CIRCUIT_CLOSED, CHANGE_CONFIGURED) &&
		  !m.configured && failures(25 * HOUR) == 0, "normal again: CLOSED, with an empty window");
	fresh_open();
	config.mode = MODE_DISABLED;
	check(admit(10 * SEC) == ADMITTED, "a mode over OPEN");
	config.mode = MODE_NORMAL;
	check(admit(20 * SEC) == REFUSED_OPEN && retry_after(20 * SEC) == 40 * SEC, "gives it back with the rest of its wait");
	fresh_trials();
	config.mode = MODE_DISABLED;
	tick(61 * SEC);
	config.mode = MODE_NORMAL;
	tick(62 * SEC);
	check(is(CIRCUIT_OPEN) && probe_due(62 * SEC), "a mode over trials: the next call is one");
	config = shipped;
	config.mode = MODE_FORCED_OPEN;
	begin_anew();
	check(is(CIRCUIT_FORCED_OPEN) && m.configured && changes.n == 1, "a circuit can begin in a mode");

	fresh();
	force(0, CIRCUIT_FORCED_CLOSED, MINUTE);
	config.mode = MODE_FORCED_OPEN;
	tick(SEC);
	check(is(CIRCUIT_FORCED_CLOSED) && !m.configured && changes.n == 0, "by hand comes before the mode");
	check(shown(MINUTE) == CIRCUIT_FORCED_OPEN && retry_after(MINUTE) == CIRCUIT_FOR_EVER && !probe_due(MINUTE),
		  "the mode is what is shown when that has ended");
	tick(MINUTE);
	check(one_change(CIRCUIT_FORCED_CLOSED, CIRCUIT_FORCED_OPEN, CHANGE_FORCE_ENDED) && m.configured,
		  "and what comes");
	force(2 * MINUTE, CIRCUIT_FORCED_CLOSED, CIRCUIT_FOR_EVER);
	reset(3 * MINUTE);
	check(is(CIRCUIT_FORCED_OPEN) && m.configured, "a reset leaves it to the mode");
	config.mode = MODE_NORMAL;
	tick(4 * MINUTE);
	check(is(CIRCUIT_CLOSED), "which ends with its configuration");
	fresh();
	force(0, CIRCUIT_FORCED_OPEN, MINUTE);
	check(retry_after(0) == MINUTE, "forced open by hand for a minute");
	config.mode = MODE_FORCED_OPEN;
	check(retry_after(0) == CIRCUIT_FOR_EVER, "and for ever by the mode after that");
	config.mode = MODE_DISABLED;
	check(retry_after(0) == MINUTE, "or let through by it");
	fresh_open();
	force(SEC, CIRCUIT_METRICS_ONLY, MINUTE);
	config.mode = MODE_DISABLED;
	check(shown(2 * MINUTE) == CIRCUIT_FORCED_CLOSED && !probe_due(2 * MINUTE) && retry_after(2 * MINUTE) == 0,
		  "OPEN below a mode is not due for a trial");

	/* the state that a result counts in is the one after the configuration */
	fresh();
	config.slow_percent_x100 = 10000;
	burst(0, 5);
	(void) admit(60 * SEC);
	config.mode = MODE_METRICS_ONLY;
	check(ends_well(61 * SEC, MACHINE_EVIDENCE, true) && failures(61 * SEC) == 0 && m.calls_slow == 1,
		  "a slow success while metrics only begin is slow, and no failure");

	/* a rate that was off has nothing to judge by */
	fresh();
	config.failures = 0;
	burst(0, 50);
	config.rate_percent_x100 = 5000;
	config.rate_calls = 2;
	success(1);
	check(is(CIRCUIT_CLOSED), "a rate that is new begins with the next call");
	failure(1);
	check(is(CIRCUIT_OPEN), "and opens with the one after it");

	/* shortcuts are withdrawn with the configuration */
	fresh();
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_ADMIT && until == CIRCUIT_FOR_EVER,
		  "CLOSED: admitted without the machine");
	config.max_concurrent = 5;
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_NONE, "not where calls are limited");
	config.max_concurrent = -1;
	config.rate_percent_x100 = 1;
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_NONE, "not where failures have a rate");
	config.rate_percent_x100 = 0;
	config.slow_percent_x100 = 1;
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_NONE, "not where slow ones have one");
	force(0, CIRCUIT_METRICS_ONLY, HOUR);
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_NONE, "nor while metrics only count for it");
	config.slow_percent_x100 = 0;
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_ADMIT && until == START + HOUR,
		  "metrics only without: until it ends");
	fresh_open();
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_REFUSE && until == START + 60 * SEC,
		  "OPEN: refused without the machine, until the wait is over");
	fresh_trials();
	check(machine_shortcut(&m, &config, &until) == SHORTCUT_NONE, "HALF_OPEN: never");

	/* more changes in one call than any can make */
	fresh_trials();
	for (i = 0; i < 3; i++)
	{
		force(61 * SEC, CIRCUIT_FORCED_OPEN, 1);
		config.mode = i == 1 ? MODE_DISABLED : MODE_NORMAL;
		(void) admit(61 * SEC + 1 + i);
		check(changes.n >= 1 && changes.n <= 2, "a forced state that ends is a change or two");
	}
}

/* ---- after a restart ---- */

static void
restored(CircuitState state, CircuitState resume, int step, int64 rest, double jitter)
{
	begin_anew();
	changes.n = 0;
	machine_restore(&m, &config, START, state, resume, step, rest, jitter, &changes);
}

static void
test_restore(void)
{
	config = shipped;
	restored(CIRCUIT_OPEN, CIRCUIT_CLOSED, 0, CIRCUIT_FOR_EVER, 0);
	check(is(CIRCUIT_OPEN) && retry_after(0) == 60 * SEC, "OPEN comes back with a full wait");
	check(one_change(CIRCUIT_CLOSED, CIRCUIT_OPEN, CHANGE_RESTORED), "which is a change of its own kind");
	check(admit(60 * SEC - 1) == REFUSED_OPEN && admit(60 * SEC) == ADMITTED && is(CIRCUIT_HALF_OPEN),
		  "then trials");
	check(m.trips == 0 && machine_trips(&m, START + 60 * SEC, HOUR) == 0, "and is no new trip");
	check(failures(0) == 0, "the window is lost");
	config.jitter_percent = 50;
	restored(CIRCUIT_OPEN, CIRCUIT_CLOSED, 0, CIRCUIT_FOR_EVER, 1);
	check(retry_after(0) == 90 * SEC, "the full wait has its jitter");
	fresh_steps();
	restored(CIRCUIT_OPEN, CIRCUIT_CLOSED, 2, CIRCUIT_FOR_EVER, 0);
	check(retry_after(0) == 2 * MINUTE, "its step is kept");
	(void) admit(2 * MINUTE);
	failure(2 * MINUTE);
	check(retry_after(2 * MINUTE) == 5 * MINUTE, "and goes on from there");
	restored(CIRCUIT_OPEN, CIRCUIT_CLOSED, 99, CIRCUIT_FOR_EVER, 0);
	check(retry_after(0) == 5 * MINUTE && m.step == 3, "a step there is no more is the last");
	restored(CIRCUIT_OPEN, CIRCUIT_CLOSED, -1, CIRCUIT_FOR_EVER, 0);
	check(retry_after(0) == 30 * SEC, "and a negative one the first");

	config = shipped;
	restored(CIRCUIT_FORCED_OPEN, CIRCUIT_CLOSED, 0, 10 * MINUTE, 0);
	check(is(CIRCUIT_FORCED_OPEN) && admit(10 * MINUTE - 1) == REFUSED_FORCED && admit(10 * MINUTE) == ADMITTED &&
		  is(CIRCUIT_CLOSED), "forced comes back with the rest of its time");
	restored(CIRCUIT_FORCED_CLOSED, CIRCUIT_CLOSED, 0, CIRCUIT_FOR_EVER, 0);
	tick(10000 * HOUR);
	check(is(CIRCUIT_FORCED_CLOSED), "without end where it had none");
	restored(CIRCUIT_METRICS_ONLY, CIRCUIT_CLOSED, 0, 0, 0);
	check(shown(0) == CIRCUIT_CLOSED, "what ended while the server was down is not shown");
	tick(0);
	check(is(CIRCUIT_CLOSED), "and over");
	restored(CIRCUIT_FORCED_CLOSED, CIRCUIT_OPEN, 0, 10 * SEC, 0);
	check(admit(10 * SEC) == REFUSED_OPEN && retry_after(10 * SEC) == 50 * SEC,
		  "forced over OPEN comes back to OPEN, with a full wait since the start");
	restored(CIRCUIT_CLOSED, CIRCUIT_CLOSED, 0, 0, 0);
	check(is(CIRCUIT_CLOSED) && m.generation == 1, "CLOSED is nothing to restore");

	config.mode = MODE_DISABLED;
	restored(CIRCUIT_FORCED_OPEN, CIRCUIT_CLOSED, 0, MINUTE, 0);
	check(is(CIRCUIT_FORCED_OPEN) && !m.configured, "by hand comes before the mode, after a restart, too");
	tick(MINUTE);
	check(is(CIRCUIT_FORCED_CLOSED) && m.configured, "then the mode");
	restored(CIRCUIT_OPEN, CIRCUIT_CLOSED, 0, CIRCUIT_FOR_EVER, 0);
	tick(1);
	check(is(CIRCUIT_FORCED_CLOSED), "the mode lies over OPEN");
	config.mode = MODE_NORMAL;
	tick(2);
	check(is(CIRCUIT_OPEN) && retry_after(2) == 60 * SEC - 2, "which is there when it ends");
}

/* ---- reading changes nothing; shortcuts ---- */

/* One circuit in each state, and what it looks like at many times. */
static void
situation(int n)
{
	fresh();
	switch (n)
	{
		case 0:
			break;
		case 1:
			burst(0, 3);
			break;
		case 2:
			burst(0, 5);
			break;
		case 3:
			fresh_trials();
			success(61 * SEC);
			break;
		case 4:
			force(0, CIRCUIT_FORCED_OPEN, 50 * SEC);
			break;
		case 5:
			force(0, CIRCUIT_FORCED_CLOSED, 50 * SEC);
			break;
		case 6:
			force(0, CIRCUIT_METRICS_ONLY, CIRCUIT_FOR_EVER);
			burst(0, 7);
			break;
		case 7:
			burst(0, 5);
			force(1, CIRCUIT_FORCED_OPEN, 2);
			break;
		case 8:
			fresh_rate(5000, 10);
			calls(0, 30, 10);
			break;
		case 9:
			config.mode = MODE_FORCED_OPEN;
			tick(0);
			break;
		case 10:
			burst(0, 5);
			force(1, CIRCUIT_METRICS_ONLY, 70 * SEC);
			break;
		case 11:
			config.max_concurrent = 1;
			break;
	}
}

#define SITUATIONS	12

static void
test_reading(void)
{
	static const int64 times[] = {-HOUR, -2 * SEC, -1, 0, 1, 5 * SEC, 10 * SEC, 50 * SEC - 1, 50 * SEC, 60 * SEC - 1,
	60 * SEC, 61 * SEC, 70 * SEC, 71 * SEC, 24 * HOUR};
	bool		same = true;
	bool		positive = true;
	bool		agrees = true;
	bool		quiet = true;
	int			used = 0;
	int			n;
	int			i;

	for (n = 0; n < SITUATIONS; n++)
		for (i = 0; i < (int) lengthof(times); i++)
		{
			static Machine before;
			int64		now = START + times[i];
			int64		until;
			int64		oldest;
			int			failed;
			int			slow;
			Shortcut	shortcut;

			situation(n);
			memcpy(&before, &m, sizeof(m));
			(void) machine_state(&m, &config, now);
			(void) machine_probe_due(&m, &config, now);
			positive = positive && machine_retry_after(&m, &config, now) >= 0;
			(void) machine_failures(&m, &config, now, &oldest);
			(void) machine_reporters(&m, &config, now);
			(void) machine_calls(&m, &config, now, &failed, &slow);
			(void) machine_trips(&m, now, HOUR);
			positive = positive && machine_time_open(&m, now) >= 0;
			shortcut = machine_shortcut(&m, &config, &until);
			same = same && memcmp(&before, &m, sizeof(m)) == 0;

			/* what is decided without the machine is what it would say */
			if (shortcut == SHORTCUT_NONE || now >= until || now < m.latest)
				continue;
			used++;
			agrees = agrees && (admit(times[i]) == ADMITTED) == (shortcut == SHORTCUT_ADMIT);
			if (shortcut == SHORTCUT_ADMIT)
				success(times[i]);
			before.latest = m.latest;
			quiet = quiet && changes.n == 0 && memcmp(&before, &m, sizeof(m)) == 0;
		}
	check(same, "reading never changes a circuit, in any state, at any time");
	check(positive, "and shows no negative time");
	check(agrees && used > 60, "machine_shortcut() agrees with machine_admit()");
	check(quiet, "and leaves out nothing that would have changed the circuit");
}

int
main(void)
{
	test_failures();
	test_open();
	test_half_open();
	test_by_hand();
	test_rates();
	test_wait();
	test_reporters();
	test_concurrent();
	test_budget();
	test_clock();
	test_configuration();
	test_restore();
	test_reading();
	return tap_end();
}
