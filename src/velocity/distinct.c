/*-------------------------------------------------------------------------
 *
 * distinct.c
 *	  velocity_distinct(): the most distinct items in any span.
 *
 * A row holds its time and the number of its item; an item is kept once,
 * as long as a row has it (items.c).
 *
 * Memory: 16 bytes a row; about 70 bytes and the value for each distinct item.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/datum.h"

#include "core/compat.h"
#include "velocity/agg.h"
#include "velocity/items.h"

typedef struct DistinctState
{
	VelocityState base;
	Items		items;
} DistinctState;

static DistinctState *
new_state(MemoryContext context, const Interval *win, Oid type, Oid collation)
{
	DistinctState *state = velocity_new(context, sizeof(DistinctState), SPAN_DISTINCT, win);

	items_init(&state->items, context, type, collation);
	return state;
}

static DistinctState *
state_of_call(FunctionCallInfo fcinfo)
{
	DistinctState *state = velocity_state(fcinfo, sizeof(DistinctState), SPAN_DISTINCT);

	if (PG_ARGISNULL(0))
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);

		if (!OidIsValid(type))
			elog(ERROR, "could not determine data type of item");
		items_init(&state->items, state->base.context, type, PG_GET_COLLATION());
	}
	return state;
}

/* The number of an item, for which the spans have room. */
static int64
intern(DistinctState *state, Datum value)
{
	int64		number = items_intern(&state->items, value);

	if (number >= state->base.spans.nuses)
	{
		MemoryContext old = MemoryContextSwitchTo(state->base.context);

		spans_items(&state->base.spans, number + 1);
		MemoryContextSwitchTo(old);
	}
	return number;
}

PG_FUNCTION_INFO_V1(velocity_distinct_accum);
Datum
velocity_distinct_accum(PG_FUNCTION_ARGS)
{
	DistinctState *state = state_of_call(fcinfo);
	TimestampTz ts;

	if (velocity_time(fcinfo, &ts) && !PG_ARGISNULL(1))
		velocity_append(&state->base, ts,
						intern(state, items_flat(&state->items, PG_GETARG_DATUM(1))));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(velocity_distinct_inverse);
Datum
velocity_distinct_inverse(PG_FUNCTION_ARGS)
{
	DistinctState *state = state_of_call(fcinfo);
	Spans	   *s = &state->base.spans;
	TimestampTz ts;
	int64		number;
	int64		row;

	if (!velocity_time(fcinfo, &ts) || PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	number = items_find(&state->items, items_flat(&state->items, PG_GETARG_DATUM(1)));
	for (row = spans_lookup(s, ts); row < s->end && span_time(s, row) == ts; row++)
	{
		if (span_item(s, row) == number)
		{
			spans_remove(s, row);
			if (s->uses[number].rows == 0)
				items_forget(&state->items, number);
			PG_RETURN_POINTER(state);
		}
	}
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(velocity_distinct_combine);
Datum
velocity_distinct_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = velocity_context(fcinfo);
	DistinctState *a = PG_ARGISNULL(0) ? NULL : (DistinctState *) PG_GETARG_POINTER(0);
	DistinctState *b = PG_ARGISNULL(1) ? NULL : (DistinctState *) PG_GETARG_POINTER(1);

	if (b != NULL)
	{
		const Spans *s = &b->base.spans;
		int64	   *numbers = palloc_extended(Max(b->items.used, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
		int64		i;

		if (a == NULL)
			a = new_state(context, &b->base.win, b->items.type->type_id, b->items.collation);
		velocity_same_window(&a->base, &b->base.win);
		for (i = 0; i < b->items.used; i++)
			if (s->uses[i].rows > 0)
				numbers[i] = intern(a, b->items.values[i]);
		velocity_reserve(&a->base, s->end - s->head);
		for (i = s->head; i < s->end; i++)
			spans_append(&a->base.spans, span_time(s, i), numbers[span_item(s, i)]);
		pfree(numbers);
	}
	if (a == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(a);
}

/*
 * The rows with the numbers they have here, then the items by number. States
 * between processes never lose rows, so no number is free.
 */
PG_FUNCTION_INFO_V1(velocity_distinct_serial);
Datum
velocity_distinct_serial(PG_FUNCTION_ARGS)
{
	const DistinctState *state = (const DistinctState *) PG_GETARG_POINTER(0);
	const Items *items = &state->items;
	bool		byval = items->type->typbyval;
	int			len = items->type->typlen;
	StringInfoData buf;
	Size		size = 2 * sizeof(Oid) + sizeof(int64);
	char	   *to;
	int64		i;

	(void) velocity_context(fcinfo);
	for (i = 0; i < items->used; i++)
		size += datumEstimateSpace(items->values[i], false, byval, len);
	velocity_send_begin(&buf, &state->base, size);
	appendBinaryStringInfo(&buf, (const char *) &items->type->type_id, sizeof(Oid));
	appendBinaryStringInfo(&buf, (const char *) &items->collation, sizeof(Oid));
	appendBinaryStringInfo(&buf, (const char *) &items->used, sizeof(int64));
	/* velocity_send_begin() has made room */
	to = buf.data + buf.len;
	for (i = 0; i < items->used; i++)
		datumSerialize(items->values[i], false, byval, len, &to);
	buf.len = to - buf.data;
	PG_RETURN_BYTEA_P(velocity_send_end(&buf));
}

PG_FUNCTION_INFO_V1(velocity_distinct_deserial);
Datum
velocity_distinct_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData rows;
	StringInfoData rest;
	DistinctState *state;
	Interval	win;
	Oid			type;
	Oid			collation;
	int64		nrows;
	int64		nitems;
	int64		i;
	char	   *from;

	(void) velocity_context(fcinfo);
	velocity_receive_begin(&rows, PG_GETARG_BYTEA_PP(0), SPAN_DISTINCT, &win, &nrows);
	rest = rows;
	rest.cursor += nrows * span_width(SPAN_DISTINCT) * sizeof(int64);
	velocity_get(&rest, &type, sizeof(Oid));
	velocity_get(&rest, &collation, sizeof(Oid));
	velocity_get(&rest, &nitems, sizeof(int64));
	state = new_state(CurrentMemoryContext, &win, type, collation);
	from = rest.data + rest.cursor;
	for (i = 0; i < nitems; i++)
	{
		bool		isnull;
		Datum		value = datumRestore(&from, &isnull);

		if (intern(state, value) != i)
			elog(ERROR, "items that were distinct no longer are");
	}
	rest.cursor = from - rest.data;
	velocity_receive_end(&rest);
	velocity_reserve(&state->base, nrows);
	while (nrows-- > 0)
	{
		int64		row[2];		/* time, number */

		velocity_get(&rows, row, sizeof(row));
		if (row[1] < 0 || row[1] >= nitems)
			elog(ERROR, "row without an item");
		spans_append(&state->base.spans, row[0], row[1]);
	}
	PG_RETURN_POINTER(state);
}
