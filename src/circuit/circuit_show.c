/*-------------------------------------------------------------------------
 *
 * circuit_show.c
 *	  SQL: circuits for people. circuit_breakers, circuit_in_flight,
 *	  circuit_explain(), circuit_capacity.
 *
 * Reading changes nothing: what time alone has changed since is worked out,
 * not done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "circuit/circuit_events.h"
#include "circuit/permits.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/shared_text.h"

#define HOUR				(INT64CONST(3600) * 1000000)

/* A copy of a circuit as it is at one moment. */
typedef struct Seen
{
	int64		now;
	CircuitTotals totals;
	Circuit		c;
} Seen;

/* On a cache line of its own, as its type says; nothing for pfree(). */
static Seen *
make_seen(void)
{
	return (Seen *) CACHELINEALIGN(palloc(sizeof(Seen) + PG_CACHE_LINE_SIZE));
}

static void
look_at(Circuit *c, Seen *seen)
{
	circuit_lock_shared(c);
	memcpy(&seen->c, c, offsetof(Circuit, counters));
	circuit_unlock_shared(c);
	circuit_totals(c, &seen->totals);
	seen->now = clock_now();
}

static Datum
interval_of(int64 microseconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = microseconds;
	return IntervalPGetDatum(interval);
}

/*
 * Successes, failures and slow calls since the last sample that is a minute
 * old. A ring that was never full goes back to the start of the server.
 */
static void
last_minute(const Seen *seen, uint64 *successes, uint64 *failures, uint64 *slow)
{
	const CircuitSample *base = NULL;
	const CircuitSample *oldest = NULL;
	bool		full = true;
	int			i;

	for (i = 0; i < CIRCUIT_SAMPLES; i++)
	{
		const CircuitSample *s = &seen->c.samples[i];

		full &= s->at != 0;
		if (s->at == 0)
			continue;
		if (oldest == NULL || s->at < oldest->at)
			oldest = s;
		if (seen->now - s->at >= 60 * INT64CONST(1000000) && (base == NULL || s->at > base->at))
			base = s;
	}
	if (base == NULL && full)
		base = oldest;
	*successes = seen->totals.successes - (base != NULL ? base->successes : 0);
	*failures = seen->totals.failures - (base != NULL ? base->failures : 0);
	*slow = seen->totals.slow - (base != NULL ? base->slow : 0);
}

/* ---- circuit_breakers ---- */

#define BREAKER_COLUMNS		34

static void
breaker_row(const Seen *seen, Datum *values, bool *nulls)
{
	const Circuit *c = &seen->c;
	const Machine *m = &c->machine;
	int64		now = seen->now;
	CircuitState state = machine_state(m, &c->config, now);
	int64		after = machine_retry_after(m, &c->config, now);
	uint64		successes;
	uint64		failures;
	uint64		slow;
	int64		oldest;
	int			n = 0;

#define SHOW(value)		(values[n++] = (value))
#define SHOW_IF(have, value) \
	do { \
		nulls[n] = !(have); \
		values[n] = nulls[n] ? (Datum) 0 : (value); \
		n++; \
	} while (0)

	last_minute(seen, &successes, &failures, &slow);
	SHOW(CStringGetTextDatum(c->name));
	SHOW(CStringGetTextDatum(circuit_state_names[state]));
	SHOW(TimestampTzGetDatum(clock_wall_of(m->since)));
	SHOW(Int64GetDatum((int64) m->generation));
	SHOW(Int32GetDatum(machine_failures(m, &c->config, now, &oldest)));
	SHOW_IF(oldest != 0, TimestampTzGetDatum(clock_wall_of(oldest)));
	SHOW(Int32GetDatum(machine_reporters(m, &c->config, now)));
	SHOW_IF(successes + failures > 0, Float8GetDatum((double) successes / (successes + failures)));
	SHOW_IF(successes + failures > 0, Float8GetDatum((double) slow / (successes + failures)));
	SHOW(interval_of(machine_time_open(m, now)));
	SHOW(Int32GetDatum(machine_trips(m, now, HOUR)));
	SHOW(Int32GetDatum(machine_trips(m, now, 24 * HOUR)));
	SHOW(Int64GetDatum((int64) seen->totals.admitted));
	SHOW(Int64GetDatum((int64) seen->totals.successes));
	SHOW(Int64GetDatum((int64) seen->totals.failures));
	SHOW(Int64GetDatum((int64) seen->totals.ignored));
	SHOW(Int64GetDatum((int64) seen->totals.slow));
	SHOW(Int64GetDatum((int64) seen->totals.refused));
	SHOW(Int64GetDatum((int64) c->refused_trials));
	SHOW(Int64GetDatum((int64) c->refused_full));
	SHOW(Int64GetDatum((int64) seen->totals.late));
	SHOW(Int64GetDatum(Max((int64) (seen->totals.admitted - seen->totals.ended), 0)));
	SHOW_IF(state == CIRCUIT_HALF_OPEN, Int32GetDatum(m->trials_out));
	SHOW_IF(state == CIRCUIT_HALF_OPEN, Int32GetDatum(m->trials_ok));
	SHOW(BoolGetDatum(machine_probe_due(m, &c->config, now)));
	SHOW_IF(after != CIRCUIT_FOR_EVER, interval_of(after));
	SHOW_IF(c->last_error[0] != '\0', CStringGetTextDatum(shared_text(c->last_error)));
	SHOW_IF(c->last_error[0] != '\0', TimestampTzGetDatum(c->last_error_at));
	SHOW_IF(state >= CIRCUIT_FORCED_OPEN,
			CStringGetTextDatum(m->configured ? "service.yaml" : shared_text(c->forced_by)));
	SHOW_IF(state >= CIRCUIT_FORCED_OPEN && !m->configured, CStringGetTextDatum(shared_text(c->forced_reason)));
	SHOW_IF(state >= CIRCUIT_FORCED_OPEN && m->until != CIRCUIT_FOR_EVER && !m->configured,
			TimestampTzGetDatum(clock_wall_of(m->until)));
	SHOW(Int32GetDatum(c->config.failures));
	SHOW(interval_of(c->config.window));
	SHOW(interval_of(c->config.timeout));
	Assert(n == BREAKER_COLUMNS);
}

PG_FUNCTION_INFO_V1(circuit_breakers);
Datum
circuit_breakers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Seen	   *seen;
	int			i;

	circuits_ready();
	InitMaterializedSRF(fcinfo, 0);
	seen = make_seen();
	for (i = 0; i < circuit_count(); i++)
	{
		Datum		values[BREAKER_COLUMNS];
		bool		nulls[BREAKER_COLUMNS] = {false};

		look_at(circuit_number((uint32) i), seen);
		breaker_row(seen, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---- circuit_in_flight ---- */

#define IN_FLIGHT_COLUMNS	9

PG_FUNCTION_INFO_V1(circuit_in_flight_rows);
Datum
circuit_in_flight_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		now;
	int			i;

	circuits_ready();
	InitMaterializedSRF(fcinfo, 0);
	now = clock_now();
	for (i = 0; i < permits_slots(); i++)
	{
		Slot	   *slot = permit_slot((uint32) i);
		uint64		word = pg_atomic_read_u64(&slot->word);
		Slot		call;
		Circuit    *c;
		Datum		values[IN_FLIGHT_COLUMNS];
		bool		nulls[IN_FLIGHT_COLUMNS] = {false};

		if (SLOT_STATUS(word) != SLOT_ACTIVE && SLOT_STATUS(word) != SLOT_OVERDUE)
			continue;
		pg_read_barrier();
		call = *slot;
		pg_read_barrier();
		if (pg_atomic_read_u64(&slot->word) != word)
			continue;			/* it ended while we read */
		c = circuit_number(call.circuit);
		values[0] = CStringGetTextDatum(c->name);
		values[1] = Int32GetDatum(call.pid);
		values[2] = ObjectIdGetDatum(call.role);
		values[3] = ObjectIdGetDatum(call.database);
		values[4] = TimestampTzGetDatum(clock_wall_of(call.since));
		values[5] = TimestampTzGetDatum(clock_wall_of(call.deadline));
		values[6] = BoolGetDatum(SLOT_STATUS(word) == SLOT_OVERDUE || now > call.deadline);
		values[7] = BoolGetDatum(SLOT_HELD(word));
		values[8] = Int64GetDatum((int64) call.generation);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---- circuit_capacity ---- */

PG_FUNCTION_INFO_V1(circuit_capacity);
Datum
circuit_capacity(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};
	int			in_flight = 0;
	int			i;

	circuits_ready();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (i = 0; i < permits_slots(); i++)
	{
		SlotStatus	status = SLOT_STATUS(pg_atomic_read_u64(&permit_slot((uint32) i)->word));

		in_flight += status == SLOT_ACTIVE || status == SLOT_OVERDUE;
	}
	values[0] = Int32GetDatum(circuit_count());
	values[1] = Int32GetDatum(circuits->max);
	values[2] = Int64GetDatum((int64) pg_atomic_read_u64(&circuits->refused_names));
	values[3] = Int32GetDatum(in_flight);
	values[4] = Int32GetDatum(permits_slots());
	values[5] = Int64GetDatum((int64) pg_atomic_read_u64(&circuits->refused_slots));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---- circuit_explain(name) ---- */

static const char *
duration(int64 microseconds)
{
	char	   *dst = palloc(40);

	/* tenths of seconds are enough for people */
	if (microseconds != CIRCUIT_FOR_EVER && microseconds >= 1000000)
		microseconds -= microseconds % 100000;
	return circuit_duration(dst, 40, microseconds);
}

static const char *
percent(int32 x100)
{
	return x100 % 100 == 0 ? psprintf("%d", x100 / 100) : psprintf("%d.%02d", x100 / 100, x100 % 100);
}

static void
say_why(StringInfo s, const Seen *seen)
{
	const Circuit *c = &seen->c;
	char		why[200 + CIRCUIT_REASON_MAX];

	if (c->changed_at == 0)
	{
		appendStringInfoString(s, " Nothing has happened to it since the server started.");
		return;
	}
	circuit_change_text(why, sizeof(why), &c->last_change, &c->config, c->forced_reason);
	appendStringInfo(s, " It came from %s: %s", circuit_state_names[c->last_change.from], shared_text(why));
	if ((c->last_change.reason == CHANGE_FORCED || c->last_change.reason == CHANGE_TRIPPED) &&
		c->forced_by[0] != '\0')
		appendStringInfo(s, ", by %s", shared_text(c->forced_by));
	appendStringInfoChar(s, '.');
}

static void
say_failures(StringInfo s, const Seen *seen)
{
	const Circuit *c = &seen->c;
	const CircuitFailure *f;

	if (c->nrecent == 0)
		return;
	f = &c->recent[(c->nrecent - 1) % CIRCUIT_RECENT];
	appendStringInfo(s, " The last failure was %s, reported by %s at %s", f->kind,
					 shared_text(f->reporter), timestamptz_to_str(f->at));
	if (strcmp(c->last_error, f->kind) != 0)
		appendStringInfo(s, " (%s)", shared_text(c->last_error));
	appendStringInfoChar(s, '.');
}

static void
say_closed(StringInfo s, const Seen *seen)
{
	const CircuitConfig *config = &seen->c.config;
	int64		oldest;
	int			n = machine_failures(&seen->c.machine, config, seen->now, &oldest);
	int			failed;
	int			slow;
	int			calls = machine_calls(&seen->c.machine, config, seen->now, &failed, &slow);

	appendStringInfoString(s, " Calls are admitted.");
	if (config->failures > 0)
	{
		appendStringInfo(s, " %d of %d failures within %s have been counted",
						 n, config->failures, duration(config->window));
		if (n > 0)
			appendStringInfo(s, ", the oldest of them leaves in %s", duration(Max(oldest - seen->now, 0)));
		appendStringInfoChar(s, '.');
	}
	if (config->rate_percent_x100 > 0)
		appendStringInfo(s, " Of %d calls within %s %d have failed; %s %% of at least %d open it.",
						 calls, duration(config->window), failed,
						 percent(config->rate_percent_x100), config->rate_calls);
	if (config->slow_percent_x100 > 0)
		appendStringInfo(s, " Of %d calls within %s %d took longer than %s; %s %% of at least %d open it.",
						 calls, duration(config->window), slow, duration(config->slow_after),
						 percent(config->slow_percent_x100), config->slow_calls);
	appendStringInfo(s, " When it opens, calls are refused for %s.",
					 duration(machine_wait(&seen->c.machine, config, seen->now)));
	if (config->reporters > 1)
		appendStringInfo(s, " They must come from %d different reporters; %d reported some.",
						 config->reporters, machine_reporters(&seen->c.machine, config, seen->now));
	if (config->max_concurrent >= 0)
		appendStringInfo(s, " At most %d calls may be in flight at a time.", config->max_concurrent);
}

static void
say_open(StringInfo s, const Seen *seen)
{
	const CircuitConfig *config = &seen->c.config;
	int64		after = machine_retry_after(&seen->c.machine, config, seen->now);

	appendStringInfo(s, " Calls are refused, %llu since the server started.",
					 (unsigned long long) seen->totals.refused);
	if (after > 0)
		appendStringInfo(s, " In %s the next call is admitted as a trial", duration(after));
	else
		appendStringInfoString(s, " The wait is over: the next call is admitted as a trial");
	appendStringInfo(s, "; %d trials that succeed close it, one that fails opens it again for %s.",
					 config->successes,
					 duration(config->open_for[Min(seen->c.machine.step + 1, config->nsteps - 1)]));
}

static void
say_half_open(StringInfo s, const Seen *seen)
{
	const Machine *m = &seen->c.machine;
	const CircuitConfig *config = &seen->c.config;

	appendStringInfo(s, " Trials decide: %d of %d have succeeded, %d are under way. One that fails, or takes longer than %s, opens it again for %s.",
					 m->trials_ok, config->successes, m->trials_out, duration(config->timeout),
					 duration(config->open_for[Min(m->step + 1, config->nsteps - 1)]));
}

static void
say_forced(StringInfo s, const Seen *seen, CircuitState state)
{
	const Machine *m = &seen->c.machine;

	if (state == CIRCUIT_FORCED_OPEN)
		appendStringInfoString(s, " Calls are refused whatever the service does.");
	else if (state == CIRCUIT_FORCED_CLOSED)
		appendStringInfoString(s, " Calls are admitted whatever the service does.");
	else
	{
		appendStringInfoString(s, " Calls are admitted, failures are only counted.");
		if (seen->now < m->would_open_until)
			appendStringInfoString(s, " It would be open.");
	}
	if (m->configured)
		appendStringInfoString(s, " service.yaml says so; it ends when that does.");
	else if (m->until == CIRCUIT_FOR_EVER)
		appendStringInfoString(s, " It ends with circuit_reset().");
	else
		appendStringInfo(s, " It ends in %s, or with circuit_reset(); then it is %s.",
						 duration(Max(m->until - seen->now, 0)),
						 circuit_state_names[machine_state(m, &seen->c.config, m->until)]);
}

PG_FUNCTION_INFO_V1(circuit_explain);
Datum
circuit_explain(PG_FUNCTION_ARGS)
{
	Circuit    *circuit = circuit_of_text(PG_GETARG_TEXT_PP(0));
	Seen	   *seen = make_seen();
	const Machine *m = &seen->c.machine;
	CircuitState state;
	StringInfoData s;

	look_at(circuit, seen);
	state = machine_state(m, &seen->c.config, seen->now);
	initStringInfo(&s);
	appendStringInfo(&s, "Circuit %s is %s", seen->c.name, circuit_state_names[state]);
	if (state == m->state)
	{
		appendStringInfo(&s, " since %s (%s).", timestamptz_to_str(clock_wall_of(m->since)),
						 duration(Max(seen->now - m->since, 0)));
		say_why(&s, seen);
	}
	else
		appendStringInfo(&s, ": the time of %s is over.", circuit_state_names[m->state]);
	switch (state)
	{
		case CIRCUIT_CLOSED:
			say_closed(&s, seen);
			break;
		case CIRCUIT_OPEN:
			say_open(&s, seen);
			break;
		case CIRCUIT_HALF_OPEN:
			say_half_open(&s, seen);
			break;
		default:
			say_forced(&s, seen, state);
			break;
	}
	say_failures(&s, seen);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(s.data, s.len));
}
