/*-------------------------------------------------------------------------
 *
 * agg.c
 *	  What the velocity aggregates share, and velocity_count().
 *
 * The answer is the largest, over all rows r of the group, of what the rows
 * in (r.ts - win, r.ts] count, sum or hold of distinct items. A state holds
 * the rows; its Spans does the arithmetic (span.c). Final functions
 * put rows in order and sweep on: the rows a state stands for, and every
 * answer it will ever give, stay the same.
 *
 * A row without ts, amount or item is left out, but its window is checked.
 * An inverse that does not find its row returns NULL, which makes the executor
 * compute the frame anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "velocity/agg.h"

/* ---- arguments ---- */

MemoryContext
velocity_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregate function called in non-aggregate context")));
	return context;
}

/* A day has 24 hours and a month 30 days, as in fraud_velocity(). */
static int64
window_length(const Interval *win)
{
	int64		days = (int64) win->month * DAYS_PER_MONTH + win->day;
	int64		length;

	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &length) ||
		pg_add_s64_overflow(length, win->time, &length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window is out of range")));
	if (length <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window must be longer than nothing"),
				 errhint("Windows reach back from each row, for example interval '1 hour'.")));
	return length;
}

static inline Size
row_bytes(SpanKind kind)
{
	return sizeof(int64) * span_width(kind);
}

static char *
window_text(const Interval *win)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(win)));
}

void
velocity_same_window(const VelocityState *state, const Interval *win)
{
	/* interval '1 day' and '24 hours' are told apart here, but are the same window */
	if (memcmp(&state->win, win, sizeof(Interval)) != 0 &&
		state->spans.win != window_length(win))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window must be the same for all rows of a group"),
				 errdetail("One row has %s, another has %s.", window_text(&state->win), window_text(win)),
				 errhint("Give a constant such as interval '1 hour', or group by the window as well.")));
}

static void
pause_for_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

void *
velocity_new(MemoryContext context, Size size, SpanKind kind, const Interval *win)
{
	int64		length = window_length(win);
	VelocityState *state = MemoryContextAllocZero(context, size);

	state->context = context;
	state->win = *win;
	spans_init(&state->spans, kind, length);
	state->spans.pause = pause_for_interrupts;
	return state;
}

void *
velocity_state(FunctionCallInfo fcinfo, Size size, SpanKind kind)
{
	MemoryContext context = velocity_context(fcinfo);
	int			arg = PG_NARGS() - 1;
	void	   *state;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window must not be null"),
				 errhint("Windows reach back from each row, for example interval '1 hour'.")));
	if (PG_ARGISNULL(0))
		return velocity_new(context, size, kind, PG_GETARG_INTERVAL_P(arg));
	state = PG_GETARG_POINTER(0);
	velocity_same_window(state, PG_GETARG_INTERVAL_P(arg));
	return state;
}

bool
velocity_time(FunctionCallInfo fcinfo, TimestampTz *ts)
{
	int			arg = PG_NARGS() - 2;

	if (PG_ARGISNULL(arg))
		return false;
	*ts = PG_GETARG_TIMESTAMPTZ(arg);
	if (TIMESTAMP_NOT_FINITE(*ts))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("ts must not be infinite"),
				 errhint("Leave such rows out, for example with FILTER (WHERE isfinite(ts)).")));
	return true;
}

/* ---- rows ---- */

void
velocity_reserve(VelocityState *state, int64 n)
{
	MemoryContext old;

	/* nearly always there is room */
	if (state->spans.end + n <= Min(state->spans.size, SPAN_ROWS_MAX))
		return;
	old = MemoryContextSwitchTo(state->context);
	if (!spans_reserve(&state->spans, n))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in one group"),
				 errdetail("Velocity aggregates hold at most %d rows.", SPAN_ROWS_MAX)));
	MemoryContextSwitchTo(old);
}

void
velocity_append(VelocityState *state, TimestampTz ts, int128 value)
{
	velocity_reserve(state, 1);
	spans_append(&state->spans, ts, value);
}

bool
velocity_most(VelocityState *state, int128 *most)
{
	MemoryContext old = MemoryContextSwitchTo(state->context);
	bool		found = spans_most(&state->spans, most);

	MemoryContextSwitchTo(old);
	return found;
}

void
velocity_sort(VelocityState *state)
{
	spans_sort(&state->spans);
}

/* ---- between processes ---- */

/*
 * Begins the bytes of a state, for the rows and `more` bytes: the window, the
 * number of rows, the rows.
 */
void
velocity_send_begin(StringInfo buf, const VelocityState *state, Size more)
{
	const Spans *s = &state->spans;
	int64		nrows = s->end - s->head;
	Size		row = row_bytes(s->kind);
	Size		size = VARHDRSZ + sizeof(Interval) + sizeof(int64) + nrows * row;

	if (more >= MaxAllocSize || size >= MaxAllocSize - more)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of a velocity aggregate is too large for a parallel query"),
				 errdetail("One process holds %lld rows of one group.", (long long) nrows),
				 errhint("Set max_parallel_workers_per_gather to 0 for this query.")));
	pq_begintypsend(buf);
	enlargeStringInfo(buf, size + more);
	appendBinaryStringInfo(buf, (const char *) &state->win, sizeof(Interval));
	appendBinaryStringInfo(buf, (const char *) &nrows, sizeof(nrows));
	if (nrows > 0)
		appendBinaryStringInfo(buf, (const char *) span_row(s, s->head), nrows * row);
}

bytea *
velocity_send_end(StringInfo buf)
{
	return pq_endtypsend(buf);
}

void
velocity_get(StringInfo buf, void *to, Size size)
{
	if (size > (Size) (buf->len - buf->cursor))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("state of a velocity aggregate is damaged")));
	if (size > 0)
		memcpy(to, buf->data + buf->cursor, size);
	buf->cursor += size;
}

/* Reads up to the rows, which the caller gets with velocity_get(). */
void
velocity_receive_begin(StringInfo buf, bytea *bytes, SpanKind kind, Interval *win, int64 *nrows)
{
	/* read in place: nothing is written to it */
	buf->data = VARDATA_ANY(bytes);
	buf->len = VARSIZE_ANY_EXHDR(bytes);
	buf->maxlen = buf->len;
	buf->cursor = 0;
	velocity_get(buf, win, sizeof(Interval));
	velocity_get(buf, nrows, sizeof(*nrows));
	if (*nrows < 0 || *nrows > (buf->len - buf->cursor) / (int64) row_bytes(kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("state of a velocity aggregate is damaged")));
}

void
velocity_receive_end(StringInfo buf)
{
	if (buf->cursor != buf->len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("state of a velocity aggregate is damaged")));
}

/* ---- velocity_count(ts, win) ---- */

PG_FUNCTION_INFO_V1(velocity_count_accum);
Datum
velocity_count_accum(PG_FUNCTION_ARGS)
{
	VelocityState *state = velocity_state(fcinfo, sizeof(VelocityState), SPAN_COUNT);
	TimestampTz ts;

	if (velocity_time(fcinfo, &ts))
		velocity_append(state, ts, 0);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(velocity_count_inverse);
Datum
velocity_count_inverse(PG_FUNCTION_ARGS)
{
	VelocityState *state = velocity_state(fcinfo, sizeof(VelocityState), SPAN_COUNT);
	Spans	   *s = &state->spans;
	TimestampTz ts;
	int64		row;

	if (!velocity_time(fcinfo, &ts))
		PG_RETURN_POINTER(state);
	row = spans_lookup(s, ts);
	if (row == s->end || span_time(s, row) != ts)
		PG_RETURN_NULL();
	spans_remove(s, row);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(velocity_count_combine);
Datum
velocity_count_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = velocity_context(fcinfo);
	VelocityState *a = PG_ARGISNULL(0) ? NULL : (VelocityState *) PG_GETARG_POINTER(0);
	VelocityState *b = PG_ARGISNULL(1) ? NULL : (VelocityState *) PG_GETARG_POINTER(1);
	int64		row;

	if (b != NULL)
	{
		if (a == NULL)
			a = velocity_new(context, sizeof(VelocityState), SPAN_COUNT, &b->win);
		velocity_same_window(a, &b->win);
		velocity_reserve(a, b->spans.end - b->spans.head);
		for (row = b->spans.head; row < b->spans.end; row++)
			spans_append(&a->spans, span_time(&b->spans, row), 0);
	}
	if (a == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(a);
}

PG_FUNCTION_INFO_V1(velocity_count_serial);
Datum
velocity_count_serial(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	(void) velocity_context(fcinfo);
	velocity_send_begin(&buf, (VelocityState *) PG_GETARG_POINTER(0), 0);
	PG_RETURN_BYTEA_P(velocity_send_end(&buf));
}

PG_FUNCTION_INFO_V1(velocity_count_deserial);
Datum
velocity_count_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData buf;
	VelocityState *state;
	Interval	win;
	int64		nrows;

	(void) velocity_context(fcinfo);
	velocity_receive_begin(&buf, PG_GETARG_BYTEA_PP(0), SPAN_COUNT, &win, &nrows);
	state = velocity_new(CurrentMemoryContext, sizeof(VelocityState), SPAN_COUNT, &win);
	velocity_reserve(state, nrows);
	while (nrows-- > 0)
	{
		TimestampTz ts;

		velocity_get(&buf, &ts, sizeof(ts));
		spans_append(&state->spans, ts, 0);
	}
	velocity_receive_end(&buf);
	PG_RETURN_POINTER(state);
}

/* velocity_count() and velocity_distinct(): 0 without a row, as count(*) */
PG_FUNCTION_INFO_V1(velocity_number_final);
Datum
velocity_number_final(PG_FUNCTION_ARGS)
{
	int128		most;

	(void) velocity_context(fcinfo);
	if (PG_ARGISNULL(0) || !velocity_most((VelocityState *) PG_GETARG_POINTER(0), &most))
		most = 0;
	PG_RETURN_INT64((int64) most);
}
