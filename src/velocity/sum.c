/*-------------------------------------------------------------------------
 *
 * sum.c
 *	  velocity_sum(): the largest sum of amounts in any span, exactly.
 *
 * A state begins compact: each amount is an int128 that holds its digits and
 * its decimal places, and sums are int128 in units of the finest amount seen.
 * The absolute amounts held together stay below 2^126 such units, so that no
 * sum of some of them overflows. An amount that does not fit (NaN, infinity,
 * over 35 digits, over 31 places, a total too large) makes the state wide: the
 * rows point to numerics, which are summed by numeric's own functions, and
 * each question costs O(rows).
 *
 * The result is what max(sum(amount)) over the spans would be, NaN and
 * infinities included, shown with the decimal places of the finest amount
 * held, as sum() over all of them would.
 *
 * Memory: 24 bytes a row; wide, an allocated numeric more (about 40).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/numeric.h"

#include "core/compat.h"
#include "velocity/agg.h"

typedef struct SumState
{
	VelocityState base;
	bool		wide;			/* base.spans is SPAN_FOREIGN, values are Numeric */
	int128		total;			/* of absolute amounts, in units of spans.places */
	int64		rows_of[AMOUNT_PLACES_MAX + 1]; /* rows with so many places */
} SumState;

/* decimal digits that any int64 holds */
#define INT64_DIGITS	18

static Numeric
numeric_of_text(const char *text)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static inline Numeric
wide_amount(const Spans *s, int64 row)
{
	return (Numeric) (uintptr_t) span_amount(s, row);
}

/* A numeric as a packed amount; false where it does not fit. */
static bool
pack_amount(Numeric amount, int128 *packed)
{
	char	   *text;
	const char *p;
	int128		m;
	int64		low = 0;		/* the first digits, in faster arithmetic */
	int64		rest = 0;		/* those after them */
	int			digits = 0;		/* leading zeros left out */
	int			places = 0;
	bool		point = false;

	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		return false;
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(amount)));
	for (p = text; *p != '\0' && digits <= AMOUNT_DIGITS_MAX; p++)
	{
		if (*p == '.')
			point = true;
		if (*p < '0' || *p > '9')
			continue;
		if (digits < INT64_DIGITS)
			low = low * 10 + (*p - '0');
		else
			rest = rest * 10 + (*p - '0');
		digits += low != 0;
		places += point;
	}
	m = digits <= INT64_DIGITS ? (int128) low
		: low * power_of_ten(Min(digits, AMOUNT_DIGITS_MAX) - INT64_DIGITS) + rest;
	if (*text == '-')
		m = -m;
	pfree(text);
	if (digits > AMOUNT_DIGITS_MAX || places > AMOUNT_PLACES_MAX)
		return false;
	*packed = AMOUNT_PACK(m, places);
	return true;
}

/* mantissa / 10^places, shown with as many places */
static Numeric
make_numeric(int128 m, int places)
{
	char		text[64];
	char	   *p = text + sizeof(text);
	uint128		rest = m < 0 ? -(uint128) m : (uint128) m;
	int			n;

	if (m >= PG_INT64_MIN && m <= PG_INT64_MAX)
		return int64_div_fast_to_numeric((int64) m, places);
	*--p = '\0';
	for (n = 0; rest > 0 || n <= places; n++)
	{
		if (n == places && n > 0)
			*--p = '.';
		*--p = '0' + (char) (rest % 10);
		rest /= 10;
	}
	if (m < 0)
		*--p = '-';
	return numeric_of_text(p);
}

static inline Numeric
unpack_amount(int128 packed)
{
	return make_numeric(AMOUNT_MANTISSA(packed), AMOUNT_PLACES(packed));
}

/* v * 10^n, v not negative; false above SPAN_TOTAL_MAX. */
static bool
scale_up(int128 v, int n, int128 *result)
{
	if (n > 0)
	{
		int128		factor = power_of_ten(n);

		if (v > SPAN_TOTAL_MAX / factor)
			return false;
		v *= factor;
	}
	*result = v;
	return true;
}

/* |amount| in units of 10^-places; false above SPAN_TOTAL_MAX. */
static bool
absolute(int128 packed, int places, int128 *result)
{
	int128		m = AMOUNT_MANTISSA(packed);

	return scale_up(m < 0 ? -m : m, places - AMOUNT_PLACES(packed), result);
}

static Numeric
copy_numeric(Numeric n, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum		copy = datumCopy(NumericGetDatum(n), false, -1);

	MemoryContextSwitchTo(old);
	return DatumGetNumeric(copy);
}

static void
make_wide(SumState *state)
{
	Spans	   *s = &state->base.spans;
	int64		row;

	spans_restart(s);
	for (row = s->head; row < s->end; row++)
	{
		Numeric		n = unpack_amount(span_amount(s, row));
		int128		value = (uintptr_t) copy_numeric(n, state->base.context);

		memcpy(span_row(s, row) + 1, &value, sizeof(value));
		pfree(n);
		CHECK_FOR_INTERRUPTS();
	}
	s->kind = SPAN_FOREIGN;
	state->wide = true;
}

static void
add_wide(SumState *state, TimestampTz ts, Numeric amount)
{
	if (!state->wide)
		make_wide(state);
	velocity_append(&state->base, ts,
					(uintptr_t) copy_numeric(amount, state->base.context));
}

/* Adds a packed amount; false where the total no longer fits. */
static bool
add_packed(SumState *state, TimestampTz ts, int128 packed)
{
	Spans	   *s = &state->base.spans;
	int			places = Max(s->places, AMOUNT_PLACES(packed));
	int128		total;
	int128		units;

	/* both are below 2^126, so their sum is an int128 */
	if (!scale_up(state->total, places - s->places, &total) ||
		!absolute(packed, places, &units) || total + units > SPAN_TOTAL_MAX)
		return false;
	if (places != s->places)
	{
		/* what was swept was summed in coarser units */
		spans_restart(s);
		s->places = places;
	}
	state->total = total + units;
	state->rows_of[AMOUNT_PLACES(packed)]++;
	velocity_append(&state->base, ts, packed);
	return true;
}

static void
add_amount(SumState *state, TimestampTz ts, Numeric amount)
{
	int128		packed;

	if (state->wide || !pack_amount(amount, &packed) || !add_packed(state, ts, packed))
		add_wide(state, ts, amount);
}

PG_FUNCTION_INFO_V1(velocity_sum_accum);
Datum
velocity_sum_accum(PG_FUNCTION_ARGS)
{
	SumState   *state = velocity_state(fcinfo, sizeof(SumState), SPAN_SUM);
	TimestampTz ts;

	if (velocity_time(fcinfo, &ts) && !PG_ARGISNULL(1))
		add_amount(state, ts, PG_GETARG_NUMERIC(1));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(velocity_sum_inverse);
Datum
velocity_sum_inverse(PG_FUNCTION_ARGS)
{
	SumState   *state = velocity_state(fcinfo, sizeof(SumState), SPAN_SUM);
	Spans	   *s = &state->base.spans;
	TimestampTz ts;
	Numeric		amount;
	int128		packed;
	int64		row;

	if (!velocity_time(fcinfo, &ts) || PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	amount = PG_GETARG_NUMERIC(1);
	row = spans_lookup(s, ts);
	if (state->wide)
	{
		/* equal bytes, so that it has the same number of places as well */
		for (; row < s->end && span_time(s, row) == ts; row++)
		{
			Numeric		held = wide_amount(s, row);

			if (datumIsEqual(NumericGetDatum(held), NumericGetDatum(amount), false, -1))
			{
				spans_remove(s, row);
				pfree(held);
				PG_RETURN_POINTER(state);
			}
		}
	}
	else if (pack_amount(amount, &packed))
	{
		for (; row < s->end && span_time(s, row) == ts; row++)
		{
			int128		units;

			if (span_amount(s, row) == packed && absolute(packed, s->places, &units))
			{
				spans_remove(s, row);
				state->total -= units;
				state->rows_of[AMOUNT_PLACES(packed)]--;
				PG_RETURN_POINTER(state);
			}
		}
	}
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(velocity_sum_combine);
Datum
velocity_sum_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = velocity_context(fcinfo);
	SumState   *a = PG_ARGISNULL(0) ? NULL : (SumState *) PG_GETARG_POINTER(0);
	SumState   *b = PG_ARGISNULL(1) ? NULL : (SumState *) PG_GETARG_POINTER(1);
	int64		row;

	if (b != NULL)
	{
		const Spans *s = &b->base.spans;

		if (a == NULL)
			a = velocity_new(context, sizeof(SumState), SPAN_SUM, &b->base.win);
		velocity_same_window(&a->base, &b->base.win);
		velocity_reserve(&a->base, s->end - s->head);
		for (row = s->head; row < s->end; row++)
		{
			TimestampTz ts = span_time(s, row);

			if (b->wide)
				add_wide(a, ts, wide_amount(s, row));
			else if (a->wide || !add_packed(a, ts, span_amount(s, row)))
				add_wide(a, ts, unpack_amount(span_amount(s, row)));
		}
	}
	if (a == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(a);
}

/* The rows, whether they are wide, and then the numerics they point to. */
PG_FUNCTION_INFO_V1(velocity_sum_serial);
Datum
velocity_sum_serial(PG_FUNCTION_ARGS)
{
	const SumState *state = (const SumState *) PG_GETARG_POINTER(0);
	const Spans *s = &state->base.spans;
	StringInfoData buf;
	Size		more = sizeof(bool);
	char	   *to;
	int64		row;

	(void) velocity_context(fcinfo);
	for (row = s->head; state->wide && row < s->end; row++)
		more += datumEstimateSpace(NumericGetDatum(wide_amount(s, row)), false, false, -1);
	velocity_send_begin(&buf, &state->base, more);
	appendBinaryStringInfo(&buf, (const char *) &state->wide, sizeof(bool));
	/* velocity_send_begin() has made room */
	to = buf.data + buf.len;
	for (row = s->head; state->wide && row < s->end; row++)
		datumSerialize(NumericGetDatum(wide_amount(s, row)), false, false, -1, &to);
	buf.len = to - buf.data;
	PG_RETURN_BYTEA_P(velocity_send_end(&buf));
}

PG_FUNCTION_INFO_V1(velocity_sum_deserial);
Datum
velocity_sum_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData rows;
	StringInfoData rest;
	SumState   *state;
	Interval	win;
	int64		nrows;
	bool		wide;
	char	   *from;

	(void) velocity_context(fcinfo);
	velocity_receive_begin(&rows, PG_GETARG_BYTEA_PP(0), SPAN_SUM, &win, &nrows);
	state = velocity_new(CurrentMemoryContext, sizeof(SumState), SPAN_SUM, &win);
	velocity_reserve(&state->base, nrows);
	rest = rows;
	rest.cursor += nrows * span_width(SPAN_SUM) * sizeof(int64);
	velocity_get(&rest, &wide, sizeof(bool));
	from = rest.data + rest.cursor;
	while (nrows-- > 0)
	{
		TimestampTz ts;
		int128		packed;

		velocity_get(&rows, &ts, sizeof(ts));
		velocity_get(&rows, &packed, sizeof(packed));
		if (wide)
		{
			bool		isnull;
			Datum		amount = datumRestore(&from, &isnull);

			add_wide(state, ts, DatumGetNumeric(amount));
			pfree(DatumGetPointer(amount));
		}
		else if (!add_packed(state, ts, packed))
			elog(ERROR, "amounts that were compact no longer are");
	}
	rest.cursor = from - rest.data;
	velocity_receive_end(&rest);
	PG_RETURN_POINTER(state);
}

/* ---- wide sums ---- */

typedef struct WideSum
{
	Numeric		sum;			/* of what is finite */
	int64		nan;
	int64		plus;
	int64		minus;
} WideSum;

static bool
is_positive(Numeric n)
{
	return DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(n),
											NumericGetDatum(int64_to_numeric(0))));
}

static void
wide_add(WideSum *w, Numeric n, int sign)
{
	Numeric		old = w->sum;

	if (numeric_is_nan(n))
		w->nan += sign;
	else if (numeric_is_inf(n) && is_positive(n))
		w->plus += sign;
	else if (numeric_is_inf(n))
		w->minus += sign;
	else
	{
		w->sum = DatumGetNumeric(DirectFunctionCall2(sign > 0 ? numeric_add : numeric_sub,
													 NumericGetDatum(old), NumericGetDatum(n)));
		pfree(old);
	}
}

/* What a window sums up to, in memory of its own. */
static Numeric
wide_value(const WideSum *w)
{
	if (w->nan > 0 || (w->plus > 0 && w->minus > 0))
		return numeric_of_text("NaN");
	if (w->plus > 0)
		return numeric_of_text("Infinity");
	if (w->minus > 0)
		return numeric_of_text("-Infinity");
	return copy_numeric(w->sum, CurrentMemoryContext);
}

/* Zero with the places of the finest amount, which every sum then has. */
static Numeric
wide_zero(const Spans *s)
{
	Numeric		finest = NULL;
	int			most = -1;
	int64		row;

	for (row = s->head; row < s->end; row++)
	{
		Numeric		n = wide_amount(s, row);
		int			places;

		if (numeric_is_nan(n) || numeric_is_inf(n))
			continue;
		places = DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(n)));
		if (places > most)
		{
			most = places;
			finest = n;
		}
	}
	if (finest == NULL)
		return int64_to_numeric(0);
	return DatumGetNumeric(DirectFunctionCall2(numeric_sub, NumericGetDatum(finest), NumericGetDatum(finest)));
}

static Numeric
wide_most(const Spans *s)
{
	WideSum		w = {wide_zero(s), 0, 0, 0};
	Numeric		most = NULL;
	int64		tail = s->head;
	int64		row;

	for (row = s->head; row < s->end; row++)
	{
		Numeric		value;

		CHECK_FOR_INTERRUPTS();
		wide_add(&w, wide_amount(s, row), 1);
		while (span_left(s, tail, row))
			wide_add(&w, wide_amount(s, tail++), -1);
		if (row + 1 < s->end && span_time(s, row + 1) == span_time(s, row))
			continue;
		value = wide_value(&w);
		if (most == NULL ||
			DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(value), NumericGetDatum(most))))
		{
			if (most != NULL)
				pfree(most);
			most = value;
		}
		else
			pfree(value);
	}
	pfree(w.sum);
	return most;
}

PG_FUNCTION_INFO_V1(velocity_sum_final);
Datum
velocity_sum_final(PG_FUNCTION_ARGS)
{
	SumState   *state = PG_ARGISNULL(0) ? NULL : (SumState *) PG_GETARG_POINTER(0);
	int128		most;
	int			places;

	(void) velocity_context(fcinfo);
	if (state == NULL || state->base.spans.head == state->base.spans.end)
		PG_RETURN_NULL();
	if (state->wide)
	{
		velocity_sort(&state->base);
		PG_RETURN_NUMERIC(wide_most(&state->base.spans));
	}
	(void) velocity_most(&state->base, &most);
	/* the finest amount may have left since */
	for (places = state->base.spans.places; places > 0 && state->rows_of[places] == 0; places--)
		most /= 10;
	PG_RETURN_NUMERIC(make_numeric(most, places));
}
