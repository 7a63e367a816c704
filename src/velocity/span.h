/*-------------------------------------------------------------------------
 *
 * span.h
 *	  The most in any span of a group of rows that comes and goes.
 *
 * Plain C values, no server: span.c says how it works.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_VELOCITY_SPAN_H
#define FRAUD_VELOCITY_SPAN_H

#include "core/c_base.h"

/* What is looked for the most of, and what value a row has besides its time */
typedef enum SpanKind
{
	SPAN_COUNT,					/* none */
	SPAN_DISTINCT,				/* the number of an item */
	SPAN_SUM,					/* a packed amount */
	SPAN_FOREIGN				/* the caller's, who sweeps himself */
} SpanKind;

/*
 * A packed amount: mantissa * 32 + decimal places. Whoever packs sees to it
 * that the absolute amounts of all rows together, in units of the finest of
 * them, stay within SPAN_TOTAL_MAX.
 */
#define AMOUNT_DIGITS_MAX		35
#define AMOUNT_PLACES_MAX		31
#define AMOUNT_PACK(m, places)	((m) * 32 + (places))
#define AMOUNT_PLACES(packed)	((int) ((packed) & 31))
#define AMOUNT_MANTISSA(packed)	(((packed) - AMOUNT_PLACES(packed)) / 32)
#define SPAN_TOTAL_MAX			((((int128) 1) << 126) - 1)

/* 10^n, n at most AMOUNT_PLACES_MAX */
extern int128 power_of_ten(int n);

#define SPAN_ROWS_MAX			PG_INT32_MAX

/* In how many rows an item stands: of all, of the tail and the head window */
typedef struct SpanUse
{
	uint32		rows;
	uint32		tail;
	uint32		head;
} SpanUse;

/* What a span holds that ends with row end - 1 */
typedef struct SpanPeak
{
	int128		value;
	int64		end;
} SpanPeak;

typedef struct Spans
{
	SpanKind	kind;
	int			places;			/* sums are in units of 10^-places */
	int64		win;			/* microseconds */
	void		(*pause) (void);	/* called now and then by long loops, or NULL */
	uint32		steps;			/* until then */

	/* rows head .. end - 1, of which those before sorted are in order */
	int64	   *cells;			/* of a row as many as span_width() */
	int64		size;			/* room, in rows */
	int64		head;
	int64		end;
	int64		sorted;
	int64		below_zero;		/* rows with a negative amount */

	SpanUse    *uses;			/* SPAN_DISTINCT: by item */
	int64		nuses;

	/* how far the sweep has come; see span.c */
	bool		moving;			/* a row has left */
	int64		swept;
	int64		tail;			/* rows tail .. swept - 1: the span of the last one */
	int128		tail_value;
	bool		has_best;
	int128		best;			/* without moving: of the spans before that */
	int64		reach;			/* with moving: rows head .. reach - 1 fit into one span */
	int128		head_value;
	SpanPeak   *peaks;			/* with moving: falling, peak_first .. peak_end - 1 */
	int64		peak_size;
	int64		peak_first;
	int64		peak_end;
} Spans;

/* A row is its time, an item its number, an amount 128 bits. */
static inline int
span_width(SpanKind kind)
{
	return kind == SPAN_COUNT ? 1 : kind == SPAN_DISTINCT ? 2 : 3;
}

static inline int64 *
span_row(const Spans *s, int64 row)
{
	return s->cells + row * span_width(s->kind);
}

static inline int64
span_time(const Spans *s, int64 row)
{
	return span_row(s, row)[0];
}

static inline int64
span_item(const Spans *s, int64 row)
{
	return s->cells[2 * row + 1];
}

static inline int128
span_amount(const Spans *s, int64 row)
{
	int128		packed;

	memcpy(&packed, s->cells + 3 * row + 1, sizeof(packed));
	return packed;
}

/* Is a row too far before another one to stand in its span? */
static inline bool
span_left(const Spans *s, int64 row, int64 last)
{
	/* unsigned: the ends of time are further apart than an int64 reaches */
	return (uint64) span_time(s, last) - (uint64) span_time(s, row) >= (uint64) s->win;
}

extern void spans_init(Spans *s, SpanKind kind, int64 win);

/* Makes room for n more rows; false beyond SPAN_ROWS_MAX. */
extern bool spans_reserve(Spans *s, int64 n);
/* One more row, for which there is room; items need their SpanUse. */
extern void spans_append(Spans *s, int64 time, int128 value);
/* Items 0 .. n - 1 exist; new ones are in no row. */
extern void spans_items(Spans *s, int64 n);
extern void spans_sort(Spans *s);
/* The first row at or after a time; sorts. */
extern int64 spans_lookup(Spans *s, int64 time);
/* Takes out a row that spans_lookup() led to. */
extern void spans_remove(Spans *s, int64 row);
/* Forgets what was swept, because values have changed. */
extern void spans_restart(Spans *s);
/* The most; false without a row. */
extern bool spans_most(Spans *s, int128 *most);

#endif							/* FRAUD_VELOCITY_SPAN_H */
