/*-------------------------------------------------------------------------
 *
 * circuit_model_unit.c
 *	  A circuit's machine beside a model that keeps every event and recounts
 *	  them each time, in random histories. TAP output.
 *
 * The model's clock never goes back: it advances by what the machine's clock
 * advances, and a step back is no time at all. So it needs no shifting.
 *
 * "circuit_model_unit <seed>" runs one history and prints its operations.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/machine.h"
#include "tap.h"

#define SECOND			INT64CONST(1000000)
#define HISTORIES		24000
#define OPERATIONS		120
#define EVENTS			(OPERATIONS + 1)
#define CALLS			OPERATIONS
#define STEP_BACK		SECOND	/* smaller ones are another session's clock */

/* ---- the model ---- */

typedef struct Seen
{
	int64		at;
	bool		failed;
	bool		slow;
	bool		is_call;		/* a rate was configured */
	bool		gone;			/* left the window of a rate once */
	uint64		who;			/* 0: blames nobody */
} Seen;

typedef struct Model
{
	int64		clock;			/* of the machine, the latest */
	int64		t;				/* ours */
	CircuitState state;
	CircuitState resume;
	bool		configured;
	int64		would_until;
	int64		not_before;		/* Retry-After; 0: none */
	int64		not_before_said;
	uint64		generation;
	int64		until;			/* of OPEN and forced states */
	int64		resume_until;
	int			step;
	int64		healthy_since;
	int			out;
	int			succeeded;
	int			nseen;
	Seen		seen[EVENTS];
	int			trips;
	int64		was_open;		/* from when on, while OPEN */
	int64		open_for;		/* before that */
	CircuitChanges changes;
} Model;

static CircuitConfig config;	/* of both */

static bool
forced(CircuitState state)
{
	return state == CIRCUIT_FORCED_OPEN || state == CIRCUIT_FORCED_CLOSED || state == CIRCUIT_METRICS_ONLY;
}

static CircuitState
mode_state(void)
{
	static const CircuitState states[] = {
		[MODE_NORMAL] = CIRCUIT_CLOSED,
		[MODE_DISABLED] = CIRCUIT_FORCED_CLOSED,
		[MODE_METRICS_ONLY] = CIRCUIT_METRICS_ONLY,
		[MODE_FORCED_OPEN] = CIRCUIT_FORCED_OPEN
	};

	return states[config.mode];
}

static int64
after(int64 moment, int64 duration)
{
	return duration == CIRCUIT_FOR_EVER ? CIRCUIT_FOR_EVER : moment + duration;
}

static bool
inside(const Seen *e, int64 t)
{
	return t - e->at < config.window;
}

static void
earn_steps(Model *w)
{
	for (; w->step > 0 && w->t - w->healthy_since >= config.step_back; w->step--)
		w->healthy_since += config.step_back;
}

static void
change(Model *w, CircuitState to, int64 until, ChangeReason reason)
{
	CircuitChange *c = &w->changes.change[w->changes.n++];

	/* what a healthy time has earned is not lost, whatever ends it */
	if (w->state == CIRCUIT_CLOSED)
		earn_steps(w);
	c->from = w->state;
	c->to = to;
	c->reason = reason;
	c->generation = ++w->generation;
	c->wait = until == CIRCUIT_FOR_EVER ? CIRCUIT_FOR_EVER : until - w->t;
	if (w->state == CIRCUIT_OPEN)
		w->open_for += w->t - w->was_open;
	w->was_open = w->t;
	w->state = to;
	w->until = until;
	w->out = w->succeeded = 0;
	if (to == CIRCUIT_CLOSED || forced(to))
	{
		w->nseen = 0;
		w->would_until = 0;
		w->not_before = 0;
	}
	if (to == CIRCUIT_CLOSED)
		w->healthy_since = w->t;
	w->configured = false;
}

static void
model_open(Model *w, ChangeReason reason, double jitter)
{
	int64		wait;
	int64		until;

	if (w->state == CIRCUIT_CLOSED)
		earn_steps(w);
	wait = config.open_for[w->step < config.nsteps ? w->step : config.nsteps - 1];
	wait += (int64) (wait * (config.jitter_percent / 100.0) * jitter);
	until = w->t + wait;
	if (w->t - w->not_before_said < config.window && w->not_before > until)
		until = w->not_before;
	w->trips++;
	change(w, CIRCUIT_OPEN, until, reason);
}

static void
model_leave(Model *w, ChangeReason reason)
{
	if (forced(mode_state()))
	{
		change(w, mode_state(), CIRCUIT_FOR_EVER, reason);
		w->configured = true;
	}
	else if (w->resume == CIRCUIT_OPEN)
		change(w, CIRCUIT_OPEN, Max(w->resume_until, w->t), reason);
	else
		change(w, CIRCUIT_CLOSED, CIRCUIT_FOR_EVER, reason);
}

static void
model_enter(Model *w, CircuitState to, int64 until, bool configured, ChangeReason reason)
{
	if (!forced(w->state))
	{
		/* trials are not gone on with: the next call is a new one */
		w->resume = w->state == CIRCUIT_CLOSED ? CIRCUIT_CLOSED : CIRCUIT_OPEN;
		w->resume_until = w->state == CIRCUIT_OPEN ? w->until : w->t;
	}
	change(w, to, until, reason);
	w->configured = configured;
}

static int64
time_of(const Model *w, int64 clock)
{
	return w->t + Max(clock - w->clock, 0);
}

static void
model_tick(Model *w, int64 clock)
{
	w->t = time_of(w, clock);
	if (clock > w->clock || w->clock - clock >= STEP_BACK)
		w->clock = clock;
	/* by a configuration that asks for fewer of them */
	if (w->state == CIRCUIT_HALF_OPEN && w->succeeded >= config.successes)
		change(w, CIRCUIT_CLOSED, CIRCUIT_FOR_EVER, CHANGE_TRIALS_SUCCEEDED);
	if (forced(w->state) && w->t >= w->until)
		model_leave(w, CHANGE_FORCE_ENDED);
	if (w->configured && w->state != mode_state())
		model_leave(w, CHANGE_CONFIGURED);
	if (!forced(w->state) && forced(mode_state()))
		model_enter(w, mode_state(), CIRCUIT_FOR_EVER, true, CHANGE_CONFIGURED);
}

static void
model_init(Model *w, int64 clock)
{
	memset(w, 0, sizeof(*w));
	w->state = w->resume = CIRCUIT_CLOSED;
	w->until = CIRCUIT_FOR_EVER;
	w->clock = clock;
	w->t = 1000 * SECOND;
	w->healthy_since = w->t;
	w->generation = 1;
	model_tick(w, clock);
}

static void
model_restore(Model *w, CircuitState state, CircuitState resume, int step, int64 rest, double jitter)
{
	w->step = step < config.nsteps ? step : config.nsteps - 1;
	if (state == CIRCUIT_OPEN)
		model_open(w, CHANGE_TRIPPED, jitter);
	else
	{
		model_enter(w, state, after(w->t, rest), false, CHANGE_FORCED);
		w->resume = resume;
		w->resume_until = w->t + config.open_for[w->step];
	}
	w->trips = 0;
}

static Admission
model_admit(Model *w, int64 in_flight)
{
	bool		full = config.max_concurrent >= 0 && in_flight >= config.max_concurrent;

	switch (w->state)
	{
		case CIRCUIT_FORCED_OPEN:
			return REFUSED_FORCED;
		case CIRCUIT_FORCED_CLOSED:
		case CIRCUIT_METRICS_ONLY:
			return ADMITTED;
		case CIRCUIT_OPEN:
			if (w->t < w->until)
				return REFUSED_OPEN;
			/* where nothing is ever admitted, there are no trials */
			if (config.max_concurrent == 0)
				return REFUSED_FULL;
			change(w, CIRCUIT_HALF_OPEN, CIRCUIT_FOR_EVER, CHANGE_WAITED);
			break;
		default:
			break;
	}
	/* no more than are needed, no more than may be at a time */
	if (w->state == CIRCUIT_HALF_OPEN &&
		(w->out >= config.trials || w->out + w->succeeded >= config.successes))
		return REFUSED_TRIALS;
	if (full)
		return REFUSED_FULL;
	if (w->state == CIRCUIT_HALF_OPEN)
		w->out++;
	return ADMITTED;
}

static void
count_calls(const Model *w, int64 t, int *n, int *failed, int *slow)
{
	int			i;

	*n = *failed = *slow = 0;
	for (i = 0; i < w->nseen; i++)
	{
		const Seen *e = &w->seen[i];

		if (!e->is_call || e->gone || !inside(e, t))
			continue;
		(*n)++;
		*failed += e->failed;
		*slow += e->slow;
	}
}

static int
count_failures(const Model *w, int64 t, int64 *oldest)
{
	int			n = 0;
	int			i;

	for (i = w->nseen - 1; i >= 0; i--)
		if (w->seen[i].failed && inside(&w->seen[i], t))
		{
			n++;
			*oldest = w->seen[i].at;
		}
	return n;
}

static int
count_reporters(const Model *w, int64 t)
{
	int			n = 0;
	int			i;
	int			j;

	for (i = 0; i < w->nseen; i++)
	{
		bool		again = false;

		if (w->seen[i].who == 0 || !inside(&w->seen[i], t))
			continue;
		for (j = 0; j < i; j++)
			again |= w->seen[j].who == w->seen[i].who && inside(&w->seen[j], t);
		n += !again;
	}
	return n;
}

static void
model_judge(Model *w, double jitter)
{
	ChangeReason why;
	int64		oldest;
	int			n;
	int			failed;
	int			slow;

	if (count_reporters(w, w->t) < config.reporters)
		return;
	count_calls(w, w->t, &n, &failed, &slow);
	if (config.failures > 0 && count_failures(w, w->t, &oldest) >= config.failures)
		why = CHANGE_FAILURES;
	else if (config.rate_percent_x100 > 0 && n >= config.rate_calls &&
			 failed * 10000 >= config.rate_percent_x100 * n)
		why = CHANGE_FAILURE_RATE;
	else if (config.slow_percent_x100 > 0 && n >= config.slow_calls &&
			 slow * 10000 >= config.slow_percent_x100 * n)
		why = CHANGE_SLOW_RATE;
	else
		return;
	if (w->state != CIRCUIT_METRICS_ONLY)
		model_open(w, why, jitter);
	else if (w->t >= w->would_until)
	{
		w->changes.change[w->changes.n++] = (CircuitChange)
		{
			w->state, w->state, CHANGE_WOULD_OPEN, w->generation, 0
		};
		w->would_until = w->t + config.open_for[0];
	}
}

/* What was asked for longer ago than the window is forgotten. */
static void
model_retry_after(Model *w, int64 retry_after)
{
	if (retry_after <= 0)
		return;
	if (w->t - w->not_before_said >= config.window)
		w->not_before = 0;
	w->not_before = Max(w->not_before, w->t + Min(retry_after, 3600 * SECOND));
	w->not_before_said = w->t;
}

typedef enum Result
{
	RESULT_SUCCESS, RESULT_SLOW, RESULT_FAILURE, RESULT_SLOW_FAILURE, RESULT_IGNORE
} Result;

static bool
model_result(Model *w, Result result, uint64 generation, uint64 who, int64 retry_after, double jitter)
{
	bool		slow = result == RESULT_SLOW || result == RESULT_SLOW_FAILURE;
	bool		rates = config.rate_percent_x100 > 0 || config.slow_percent_x100 > 0;
	bool		failed = result == RESULT_FAILURE || result == RESULT_SLOW_FAILURE;
	Seen	   *e;
	int			i;

	if (generation == MACHINE_EVIDENCE ?
		w->state != CIRCUIT_CLOSED && w->state != CIRCUIT_FORCED_CLOSED && w->state != CIRCUIT_METRICS_ONLY :
		generation != w->generation)
		return false;
	if (w->state == CIRCUIT_FORCED_CLOSED)
	{
		/* the service has said how long, even where nobody counts */
		if (failed)
			model_retry_after(w, retry_after);
		return true;
	}
	if (result == RESULT_IGNORE)
	{
		if (w->state == CIRCUIT_HALF_OPEN)
			w->out--;
		return true;
	}
	/* where no rate of slow ones is looked at, each is one too many */
	failed |= slow && (w->state == CIRCUIT_HALF_OPEN || config.slow_percent_x100 == 0);
	if (w->state == CIRCUIT_HALF_OPEN && !failed)
	{
		w->out--;
		if (++w->succeeded >= config.successes)
			change(w, CIRCUIT_CLOSED, CIRCUIT_FOR_EVER, CHANGE_TRIALS_SUCCEEDED);
		return true;
	}
	e = &w->seen[w->nseen++];
	e->at = w->t;
	e->failed = failed;
	e->slow = slow;
	e->gone = false;
	e->is_call = rates && w->state != CIRCUIT_HALF_OPEN;
	e->who = failed || slow ? who : 0;
	if (failed)
		model_retry_after(w, retry_after);
	/* a window made longer does not bring back what a rate has let go */
	for (i = 0; e->is_call && i < w->nseen; i++)
		w->seen[i].gone |= !inside(&w->seen[i], w->t);
	if (w->state == CIRCUIT_HALF_OPEN)
	{
		w->step = w->step + 1 < config.nsteps ? w->step + 1 : config.nsteps - 1;
		model_open(w, CHANGE_TRIAL_FAILED, jitter);
	}
	else
		model_judge(w, jitter);
	return true;
}

static void
model_reset(Model *w)
{
	w->resume = CIRCUIT_CLOSED;
	model_leave(w, CHANGE_RESET);
	w->step = 0;
	w->nseen = 0;
	w->would_until = 0;
	w->not_before = 0;
}

/* What reading shows at a time; no change. */
static void
model_read(const Model *w, int64 t, CircuitState *state, int64 *retry_after, bool *probe_due)
{
	int64		until = w->until;

	*state = w->state;
	if (forced(w->state) && t >= w->until)
	{
		*state = forced(mode_state()) ? mode_state() : w->resume;
		until = forced(mode_state()) ? CIRCUIT_FOR_EVER : w->resume_until;
	}
	*probe_due = *state == CIRCUIT_OPEN && t >= until;
	*retry_after = 0;
	/* OPEN that goes on below a forced state counts, and so does its mode */
	if (*state == CIRCUIT_FORCED_OPEN && mode_state() == CIRCUIT_FORCED_OPEN)
		until = CIRCUIT_FOR_EVER;
	else if (*state == CIRCUIT_FORCED_OPEN && !forced(mode_state()) && w->resume == CIRCUIT_OPEN)
		until = Max(until, w->resume_until);
	if (*state == CIRCUIT_OPEN || *state == CIRCUIT_FORCED_OPEN)
		*retry_after = until == CIRCUIT_FOR_EVER ? until : Max(until - t, 0);
}

/* ---- a history ---- */

static uint64 dice;
static bool loud;
static const char *wrong;		/* what differs; NULL: nothing */
static char wanted[80];

static int
below(int n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (int) ((dice >> 11) % (uint64) n);
}

#define ONE_OF(list) ((list)[below(lengthof(list))])

static void
draw_config(bool first)
{
	static const int64 windows[] = {2 * SECOND, 5 * SECOND, 10 * SECOND};
	static const int32 rates[] = {0, 0, 3333, 4950, 5000, 10000, 1};
	static const int64 waits[] = {SECOND, 3 * SECOND, 4 * SECOND, 60 * SECOND};
	static const int64 backs[] = {2 * SECOND, 10 * SECOND, 40 * SECOND};
	static const int32 jitters[] = {0, 0, 50, 100};
	static const int32 most[] = {-1, -1, -1, -1, -1, 0, 1, 2, 3};
	static const int32 modes[] = {MODE_NORMAL, MODE_NORMAL, MODE_NORMAL, MODE_NORMAL, MODE_NORMAL,
	MODE_DISABLED, MODE_METRICS_ONLY, MODE_FORCED_OPEN};
	int			i;

	/* later, some of it only */
#define DRAW(field, value)	do { if (first || below(4) == 0) config.field = (value); } while (0)
	DRAW(mode, first && below(3) ? MODE_NORMAL : ONE_OF(modes));
	DRAW(failures, below(6));
	DRAW(window, ONE_OF(windows));
	DRAW(reporters, below(3) ? 1 : 1 + below(3));
	DRAW(rate_percent_x100, ONE_OF(rates));
	DRAW(rate_calls, 1 + below(5));
	DRAW(slow_percent_x100, ONE_OF(rates));
	DRAW(slow_calls, 1 + below(5));
	DRAW(nsteps, 1 + below(4));
	for (i = 0; i < CIRCUIT_STEPS_MAX; i++)
		DRAW(open_for[i], ONE_OF(waits) * (i + 1));
	DRAW(step_back, ONE_OF(backs));
	DRAW(jitter_percent, ONE_OF(jitters));
	DRAW(trials, 1 + below(4));
	DRAW(max_concurrent, ONE_OF(most));
	DRAW(successes, 1 + below(4));
#undef DRAW
}

/* A clock reading, often just where something ends. */
static int64
draw_time(const Model *w)
{
	static const int64 some[] = {0, 0, 0, 1, 1000, SECOND / 2, SECOND, 2 * SECOND, 7 * SECOND, 40 * SECOND};
	static const int64 back[] = {1, SECOND / 2, SECOND - 1, SECOND, 5 * SECOND, 300 * SECOND};
	int64		target = w->t;

	switch (below(9))
	{
		case 0:
			if (w->nseen > 0)
				target = w->seen[below(w->nseen)].at + config.window + below(3) - 1;
			break;
		case 1:
			if (w->until != CIRCUIT_FOR_EVER)
				target = w->until + below(3) - 1;
			break;
		case 2:
			target = w->resume_until + below(3) - 1;
			break;
		case 3:
			target = w->healthy_since + config.step_back * (1 + below(3)) + below(3) - 1;
			break;
		case 4:
			if (below(4) == 0)
				return w->clock - ONE_OF(back);
			break;
		default:
			target = w->t + ONE_OF(some);
			break;
	}
	/* boundaries of an hour ahead are Retry-After's */
	return w->clock + Max(target - w->t, 0);
}

static void
differs(const char *what, int64 want, int64 got)
{
	if (wrong != NULL || want == got)
		return;
	wrong = what;
	snprintf(wanted, sizeof(wanted), "wanted %lld, got %lld", (long long) want, (long long) got);
}

static void
compare_reading(const Machine *m, const Model *w, int64 clock)
{
	int64		t = time_of(w, clock);
	CircuitState state;
	int64		retry_after;
	bool		probe_due;
	int64		oldest;
	int64		oldest_leaves;
	int			n;
	int			failed;
	int			slow;
	int			got_failed;
	int			got_slow;

	model_read(w, t, &state, &retry_after, &probe_due);
	differs("state shown", state, machine_state(m, &config, clock));
	differs("retry_after", retry_after, machine_retry_after(m, &config, clock));
	differs("time open", w->open_for + (w->state == CIRCUIT_OPEN ? t - w->was_open : 0),
			machine_time_open(m, clock));
	differs("probe_due", probe_due, machine_probe_due(m, &config, clock));
	n = count_failures(w, t, &oldest);
	differs("failures in the window", n, machine_failures(m, &config, clock, &oldest_leaves));
	differs("the oldest leaves", n > 0 ? oldest + config.window - w->t : 0,
			n > 0 ? oldest_leaves - w->clock : oldest_leaves);
	differs("reporters", count_reporters(w, t), machine_reporters(m, &config, clock));
	count_calls(w, t, &n, &failed, &slow);
	differs("calls in the window", n, machine_calls(m, &config, clock, &got_failed, &got_slow));
	differs("failed calls in the window", failed, got_failed);
	differs("slow calls in the window", slow, got_slow);
}

static void
compare(const Machine *m, const Model *w, const CircuitChanges *changes, int64 clock, bool copy)
{
	static Machine before;
	int64		until;
	Shortcut	shortcut;
	int			i;

	if (copy)
		before = *m;
	differs("state", w->state, m->state);
	differs("generation", (int64) w->generation, (int64) m->generation);
	differs("trips", w->trips, m->trips);
	differs("trips of a day", w->trips, machine_trips(m, clock, 86400 * SECOND));
	differs("number of changes", w->changes.n, changes->n);
	for (i = 0; wrong == NULL && i < changes->n; i++)
	{
		const CircuitChange *want = &w->changes.change[i];
		const CircuitChange *got = &changes->change[i];

		differs("from of a change", want->from, got->from);
		differs("to of a change", want->to, got->to);
		differs("reason of a change", want->reason, got->reason);
		differs("generation of a change", (int64) want->generation, (int64) got->generation);
		if (want->to == CIRCUIT_OPEN || (forced(want->to) && want->reason != CHANGE_WOULD_OPEN))
			differs("wait of a change", want->wait, got->wait);
	}
	compare_reading(m, w, clock);
	compare_reading(m, w, clock + below(3));
	compare_reading(m, w, clock + below(20) * SECOND);
	if (w->until != CIRCUIT_FOR_EVER)
	{
		compare_reading(m, w, w->clock + Max(w->until - w->t, 0));
		compare_reading(m, w, w->clock + Max(w->until - w->t, 0) + 1);
	}
	if (forced(w->state) && w->resume == CIRCUIT_OPEN)
		compare_reading(m, w, w->clock + Max(w->resume_until - w->t, 0));
	compare_reading(m, w, w->clock - SECOND);
	if (!copy)
		return;
	differs("reading changes nothing", 0, memcmp(&before, m, sizeof(before)));

	/* what is decided without the machine is what it would decide */
	shortcut = machine_shortcut(m, &config, &until);
	if (shortcut != SHORTCUT_NONE && clock < until && clock >= w->clock)
	{
		CircuitChanges none = {0};
		Admission	answer = machine_admit(&before, &config, clock, 0, &none);

		differs("admission without the machine", shortcut == SHORTCUT_ADMIT, answer == ADMITTED);
		differs("changes by it", 0, none.n);
		differs("generation by it", (int64) m->generation, (int64) before.generation);
	}
}

static void
print_config(void)
{
	int			i;

	printf("#   mode=%d failures=%d window=%lld reporters=%d rate=%d/%d slow=%d/%d step_back=%lld jitter=%d"
		   " trials=%d successes=%d max_concurrent=%d open_for",
		   config.mode, config.failures, (long long) config.window, config.reporters,
		   config.rate_percent_x100, config.rate_calls, config.slow_percent_x100, config.slow_calls,
		   (long long) config.step_back, config.jitter_percent, config.trials, config.successes,
		   config.max_concurrent);
	for (i = 0; i < config.nsteps; i++)
		printf(" %lld", (long long) config.open_for[i]);
	printf("\n");
}

/* False: they differ. */
static bool
history(uint64 seed)
{
	static const double jitters[] = {0, 0.5, 1};
	static const char *const results[] = {"success", "slow success", "failure", "slow failure", "ignore"};
	static const CircuitState force[] = {CIRCUIT_FORCED_OPEN, CIRCUIT_FORCED_CLOSED, CIRCUIT_METRICS_ONLY};
	static const int64 durations[] = {1, 2 * SECOND, 5 * SECOND, 30 * SECOND, CIRCUIT_FOR_EVER};
	static const int64 retry_afters[] = {0, 0, 0, SECOND, 90 * SECOND, 3600 * SECOND, 7200 * SECOND};
	static Machine machine;
	static Model model;
	CircuitChanges changes;
	uint64		calls[CALLS];	/* generations of those in flight */
	int			ncalls = 0;
	int64		clock = 10000 * SECOND + (int64) (seed % 3) * 333333;
	int			i;

	dice = seed * UINT64CONST(0x9E3779B97F4A7C15) | 1;
	for (i = 0; i < 8; i++)
		(void) below(2);
	wrong = NULL;
	draw_config(true);
	changes.n = 0;
	machine_init(&machine, &config, clock, &changes);
	model_init(&model, clock);
	if (loud)
		print_config();
	if (below(8) == 0)
	{
		CircuitState state = below(2) ? CIRCUIT_OPEN : ONE_OF(force);
		CircuitState resume = below(2) ? CIRCUIT_OPEN : CIRCUIT_CLOSED;
		int			step = below(6);
		int64		rest = ONE_OF(durations);
		double		jitter = ONE_OF(jitters);

		if (loud)
			printf("#   restore %s resume %s step %d rest %lld jitter %g\n", circuit_state_names[state],
				   circuit_state_names[resume], step, (long long) rest, jitter);
		machine_restore(&machine, &config, clock, state, resume, step, rest, jitter, &changes);
		model_restore(&model, state, resume, step, rest, jitter);
		model.generation = machine.generation;
	}

	for (i = 0; i < OPERATIONS && wrong == NULL; i++)
	{
		CircuitState shown;
		int64		unused;
		bool		unused_too;
		int			what;

		clock = draw_time(&model);
		changes.n = model.changes.n = 0;
		if (below(15) == 0)
		{
			draw_config(false);
			if (loud)
				print_config();
		}
		if (loud)
			printf("#   at %+lld: ", (long long) (clock - 10000 * SECOND));
		what = below(100);
		model_read(&model, time_of(&model, clock), &shown, &unused, &unused_too);
		model_tick(&model, clock);
		if (what < 40)
		{
			Admission	want = model_admit(&model, ncalls);
			Admission	got = machine_admit(&machine, &config, clock, ncalls, &changes);

			if (loud)
				printf("acquire, %d in flight: %d\n", ncalls, got);
			differs("admission", want, got);
			if (got == ADMITTED)
				calls[ncalls++] = machine.generation;
		}
		else if (what < 88)
		{
			Result		result = below(3) == 0 ? (Result) below(5) : below(2) ? RESULT_FAILURE : RESULT_SUCCESS;
			uint64		generation = MACHINE_EVIDENCE;
			uint64		who = 1 + below(4);
			int64		retry_after = result == RESULT_FAILURE && below(4) == 0 ? ONE_OF(retry_afters) : 0;
			double		jitter = ONE_OF(jitters);
			bool		slow = result == RESULT_SLOW || result == RESULT_SLOW_FAILURE;
			bool		want;
			bool		got;

			if (ncalls > 0 && below(4) != 0)
			{
				/* the latest more often than those of long ago */
				int			k = below(2) ? ncalls - 1 : below(ncalls);

				generation = calls[k];
				calls[k] = calls[--ncalls];
			}
			want = model_result(&model, result, generation, who, retry_after, jitter);
			if (result == RESULT_IGNORE)
				got = machine_ignore(&machine, &config, clock, generation, &changes);
			else if (result == RESULT_SUCCESS || result == RESULT_SLOW)
				got = machine_success(&machine, &config, clock, generation, slow, who, jitter, &changes);
			else
				got = machine_failure(&machine, &config, clock, generation, slow, who, retry_after, jitter,
									  &changes);
			if (loud)
				printf("%s of generation %lld by %d, retry after %lld, jitter %g: %s\n", results[result],
					   (long long) generation, (int) who, (long long) retry_after, jitter,
					   got ? "counted" : "late");
			differs("counted", want, got);
		}
		else if (what < 90)
		{
			double		jitter = ONE_OF(jitters);

			/* a trip does not end forced states, see control.c */
			if (forced(shown) || forced(model.state))
				machine_tick(&machine, &config, clock, &changes);
			else
			{
				model_open(&model, CHANGE_TRIPPED, jitter);
				machine_trip(&machine, &config, clock, jitter, &changes);
			}
			if (loud)
				printf("trip, jitter %g\n", jitter);
		}
		else if (what < 93)
		{
			CircuitState state = ONE_OF(force);
			int64		duration = ONE_OF(durations);

			model_enter(&model, state, after(model.t, duration), false, CHANGE_FORCED);
			machine_force(&machine, &config, clock, state, duration, &changes);
			if (loud)
				printf("force %s for %lld\n", circuit_state_names[state], (long long) duration);
		}
		else if (what < 95)
		{
			model_reset(&model);
			machine_reset(&machine, &config, clock, &changes);
			if (loud)
				printf("reset\n");
		}
		else
		{
			machine_tick(&machine, &config, clock, &changes);
			if (loud)
				printf("tick\n");
		}
		/* a copy costs more than all the rest */
		compare(&machine, &model, &changes, clock, i % 8 == 0);
	}
	if (wrong != NULL && loud)
		printf("# seed %llu: %s: %s\n", (unsigned long long) seed, wrong, wanted);
	return wrong == NULL;
}

int
main(int argc, char **argv)
{
	int			bad = 0;
	uint64		seed;

	if (argc > 1)
	{
		loud = true;
		check(history(strtoull(argv[1], NULL, 10)), "one history");
		return tap_end();
	}
	for (seed = 1; seed <= HISTORIES && bad < 3; seed++)
		if (!history(seed))
		{
			/* the same again, with its operations */
			loud = true;
			(void) history(seed);
			loud = false;
			bad++;
		}
	check(bad == 0, "the machine does what a model does that recounts everything, in random histories");
	return tap_end();
}
