/*-------------------------------------------------------------------------
 *
 * agg.h
 *	  What the aggregates velocity_count, _sum and _distinct share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_VELOCITY_AGG_H
#define FRAUD_VELOCITY_AGG_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "velocity/span.h"

/* First member of each state */
typedef struct VelocityState
{
	MemoryContext context;		/* everything the state points to lives here */
	Interval	win;			/* as first given; spans.win is the same in microseconds */
	Spans		spans;
} VelocityState;

/* The context of the running aggregate; an error outside of one. */
extern MemoryContext velocity_context(FunctionCallInfo fcinfo);

/*
 * The state in argument 0, which is made by the first row: zeroed, `size`
 * bytes. Checks the row's window, the last argument, against it.
 */
extern void *velocity_state(FunctionCallInfo fcinfo, Size size, SpanKind kind);
/* The row's time, the last argument but one; false where it is NULL. */
extern bool velocity_time(FunctionCallInfo fcinfo, TimestampTz *ts);

extern void *velocity_new(MemoryContext context, Size size, SpanKind kind, const Interval *win);
/* Both states have the same window, or an error. */
extern void velocity_same_window(const VelocityState *state, const Interval *win);

extern void velocity_append(VelocityState *state, TimestampTz ts, int128 value);
extern void velocity_reserve(VelocityState *state, int64 n);
extern bool velocity_most(VelocityState *state, int128 *most);
extern void velocity_sort(VelocityState *state);

/* ---- between processes: bytes of this server, for this server ---- */

extern void velocity_send_begin(StringInfo buf, const VelocityState *state, Size more);
extern bytea *velocity_send_end(StringInfo buf);
extern void velocity_receive_begin(StringInfo buf, bytea *bytes, SpanKind kind,
								   Interval *win, int64 *nrows);
extern void velocity_get(StringInfo buf, void *to, Size size);
extern void velocity_receive_end(StringInfo buf);

#endif							/* FRAUD_VELOCITY_AGG_H */
