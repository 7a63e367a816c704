/*-------------------------------------------------------------------------
 *
 * span.c
 *	  The most in any span of a group of rows that comes and goes.
 *
 * The span of a row r are the rows in (r.time - win, r.time], those of the
 * same time included. Rows are kept in one array by time; what arrives out of
 * order stays behind the sorted part until somebody asks.
 *
 * One sweep answers: each row enters the tail window, which the rows too old
 * for it leave, and when all rows of one time are in, the window is a span.
 * The sweep stops at the end and goes on from there when rows have been
 * appended, so a growing frame costs O(1) a row.
 *
 * Rows that leave at the front (a moving frame) change no span but those that
 * reach back to them. These are the spans that end within `win` of the first
 * row: all its rows, head .. reach - 1, are one window too, and where values
 * cannot be negative that window is the best of those spans. The other spans
 * stay as they are; of these a queue keeps each one that no later one
 * surpasses, the largest first. O(1) a row again. With negative amounts the
 * spans of the head window are looked at one by one.
 *
 * Any other change (an older row arrives, a row leaves the middle) starts the
 * sweep anew at the next question: O(rows).
 *
 * Memory: a row 8 bytes for counts, 16 for items, 24 for amounts, at most twice
 * that since arrays double (three times while one over REPALLOC_MAX does); 12
 * bytes an item; 24 a queued span, in moving frames only.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "velocity/span.h"

#define FIRST_ROWS		8
#define FIRST_PEAKS		16
/* steps between pauses */
#define STRETCH			4096
/* arrays up to this size may grow in place: below MaxAllocSize */
#define REPALLOC_MAX	(((size_t) 1) << 29)

static const int64 tens[] = {
	INT64CONST(1),
	INT64CONST(10),
	INT64CONST(100),
	INT64CONST(1000),
	INT64CONST(10000),
	INT64CONST(100000),
	INT64CONST(1000000),
	INT64CONST(10000000),
	INT64CONST(100000000),
	INT64CONST(1000000000),
	INT64CONST(10000000000),
	INT64CONST(100000000000),
	INT64CONST(1000000000000),
	INT64CONST(10000000000000),
	INT64CONST(100000000000000),
	INT64CONST(1000000000000000),
	INT64CONST(10000000000000000),
	INT64CONST(100000000000000000),
	INT64CONST(1000000000000000000)
};

int128
power_of_ten(int n)
{
	return n < (int) lengthof(tens) ? (int128) tens[n]
		: (int128) tens[lengthof(tens) - 1] * tens[n - (int) lengthof(tens) + 1];
}

typedef struct ItemRow
{
	int64		time;
	int64		item;
} ItemRow;

typedef struct AmountRow
{
	int64		time;
	int128		amount;
} AmountRow;

StaticAssertDecl(sizeof(ItemRow) == 2 * sizeof(int64), "span_width() of items");
StaticAssertDecl(sizeof(AmountRow) == 3 * sizeof(int64), "span_width() of amounts");

static inline void
step(Spans *s)
{
	if (++s->steps % STRETCH == 0 && s->pause != NULL)
		s->pause();
}

/* what the sort calls in its loops; the server's macro is not known here */
#define CHECK_FOR_INTERRUPTS()	step(arg)

#define ST_SORT sort_times
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b, arg) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_COMPARE_ARG_TYPE Spans
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_item_rows
#define ST_ELEMENT_TYPE ItemRow
#define ST_COMPARE(a, b, arg) ((a)->time < (b)->time ? -1 : (a)->time > (b)->time)
#define ST_SCOPE static
#define ST_COMPARE_ARG_TYPE Spans
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_amount_rows
#define ST_ELEMENT_TYPE AmountRow
#define ST_COMPARE(a, b, arg) ((a)->time < (b)->time ? -1 : (a)->time > (b)->time)
#define ST_SCOPE static
#define ST_COMPARE_ARG_TYPE Spans
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static inline size_t
row_size(const Spans *s)
{
	return sizeof(int64) * span_width(s->kind);
}

void
spans_init(Spans *s, SpanKind kind, int64 win)
{
	memset(s, 0, sizeof(Spans));
	s->kind = kind;
	s->win = win;
}

/* An array with room for n elements at least; new ones come from the current context. */
static void *
grown(void *array, int64 *size, int64 n, int64 first, size_t element)
{
	int64		old = *size;
	void	   *larger;

	if (n <= old)
		return array;
	*size = Max(Max(first, n), old * 2);
	if (array != NULL && *size * element <= REPALLOC_MAX)
		return repalloc(array, *size * element);
	larger = palloc_extended(*size * element, MCXT_ALLOC_HUGE);
	if (array != NULL)
	{
		memcpy(larger, array, old * element);
		pfree(array);
	}
	return larger;
}

/* ---- rows ---- */

/* Moves the rows to the front of the array. */
static void
close_gap(Spans *s)
{
	int64		gap = s->head;
	int64		i;

	memmove(s->cells, span_row(s, gap), (s->end - gap) * row_size(s));
	s->head = 0;
	s->end -= gap;
	s->sorted -= gap;
	s->swept -= gap;
	s->tail -= gap;
	s->reach -= gap;
	for (i = s->peak_first; i < s->peak_end; i++)
		s->peaks[i].end -= gap;
}

bool
spans_reserve(Spans *s, int64 n)
{
	if (n > SPAN_ROWS_MAX - (s->end - s->head))
		return false;
	if (s->end + n > s->size)
	{
		if (s->head > 0 && s->head >= s->size / 2)
			close_gap(s);
		s->cells = grown(s->cells, &s->size, s->end + n, FIRST_ROWS, row_size(s));
	}
	return true;
}

void
spans_items(Spans *s, int64 n)
{
	int64		old = s->nuses;

	if (n <= old)
		return;
	s->uses = grown(s->uses, &s->nuses, n, FIRST_ROWS, sizeof(SpanUse));
	memset(s->uses + old, 0, (s->nuses - old) * sizeof(SpanUse));
}

void
spans_append(Spans *s, int64 time, int128 value)
{
	int64		row = s->end++;
	int64	   *cells = span_row(s, row);

	cells[0] = time;
	if (s->kind == SPAN_DISTINCT)
	{
		cells[1] = (int64) value;
		s->uses[cells[1]].rows++;
	}
	else if (s->kind != SPAN_COUNT)
	{
		memcpy(cells + 1, &value, sizeof(value));
		s->below_zero += value < 0;
	}
	if (s->sorted == row && (row == s->head || time >= span_time(s, row - 1)))
		s->sorted = s->end;
}

/* Merges the sorted rows behind s->sorted into those before. */
static void
merge_new(Spans *s)
{
	int			width = span_width(s->kind);
	int64		n = s->end - s->sorted;
	int64	   *fresh = palloc_extended(n * row_size(s), MCXT_ALLOC_HUGE);
	int64		i = s->sorted - 1;
	int64		j = n - 1;
	int64		to;

	memcpy(fresh, span_row(s, s->sorted), n * row_size(s));
	for (to = s->end - 1; j >= 0; to--)
	{
		bool		old = i >= s->head && span_time(s, i) > fresh[j * width];

		memcpy(span_row(s, to), old ? span_row(s, i) : fresh + j * width, row_size(s));
		if (old)
			i--;
		else
			j--;
		step(s);
	}
	pfree(fresh);
}

void
spans_sort(Spans *s)
{
	if (s->sorted == s->end)
		return;
	if (s->kind == SPAN_COUNT)
		sort_times(span_row(s, s->sorted), s->end - s->sorted, s);
	else if (s->kind == SPAN_DISTINCT)
		sort_item_rows((ItemRow *) span_row(s, s->sorted), s->end - s->sorted, s);
	else
		sort_amount_rows((AmountRow *) span_row(s, s->sorted), s->end - s->sorted, s);
	if (s->sorted > s->head && span_time(s, s->sorted) < span_time(s, s->sorted - 1))
		merge_new(s);
	s->sorted = s->end;
	spans_restart(s);
}

int64
spans_lookup(Spans *s, int64 time)
{
	int64		low;
	int64		high;

	spans_sort(s);
	low = s->head;
	high = s->end;
	/* mostly the first */
	if (low < high && span_time(s, low) >= time)
		return low;
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (span_time(s, middle) < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- the two windows ---- */

static inline int128
amount_of(const Spans *s, int64 row)
{
	int128		packed = span_amount(s, row);
	int			finer = s->places - AMOUNT_PLACES(packed);

	return finer == 0 ? AMOUNT_MANTISSA(packed) : AMOUNT_MANTISSA(packed) * power_of_ten(finer);
}

static inline void
enter_tail(Spans *s, int64 row)
{
	if (s->kind == SPAN_COUNT)
		s->tail_value++;
	else if (s->kind == SPAN_SUM)
		s->tail_value += amount_of(s, row);
	else
		s->tail_value += s->uses[span_item(s, row)].tail++ == 0;
}

static inline void
leave_tail(Spans *s, int64 row)
{
	if (s->kind == SPAN_COUNT)
		s->tail_value--;
	else if (s->kind == SPAN_SUM)
		s->tail_value -= amount_of(s, row);
	else
		s->tail_value -= --s->uses[span_item(s, row)].tail == 0;
}

static inline void
enter_head(Spans *s, int64 row)
{
	if (s->kind == SPAN_COUNT)
		s->head_value++;
	else if (s->kind == SPAN_SUM)
		s->head_value += amount_of(s, row);
	else
		s->head_value += s->uses[span_item(s, row)].head++ == 0;
}

static inline void
leave_head(Spans *s, int64 row)
{
	if (s->kind == SPAN_COUNT)
		s->head_value--;
	else if (s->kind == SPAN_SUM)
		s->head_value -= amount_of(s, row);
	else
		s->head_value -= --s->uses[span_item(s, row)].head == 0;
}

/* ---- the sweep ---- */

void
spans_restart(Spans *s)
{
	int64		i;

	if (s->swept > s->head || s->reach > s->head)
		for (i = 0; i < s->nuses; i++)
			s->uses[i].tail = s->uses[i].head = 0;
	s->swept = s->tail = s->reach = s->head;
	s->tail_value = s->head_value = 0;
	s->has_best = false;
	s->peak_first = s->peak_end = 0;
}

static void
queue_peak(Spans *s, int128 value, int64 end)
{
	while (s->peak_end > s->peak_first && s->peaks[s->peak_end - 1].value <= value)
		s->peak_end--;
	if (s->peak_first == s->peak_end)
		s->peak_first = s->peak_end = 0;
	if (s->peak_end == s->peak_size && s->peak_first > 0 && s->peak_first >= s->peak_size / 2)
	{
		s->peak_end -= s->peak_first;
		memmove(s->peaks, s->peaks + s->peak_first, s->peak_end * sizeof(SpanPeak));
		s->peak_first = 0;
	}
	s->peaks = grown(s->peaks, &s->peak_size, s->peak_end + 1, FIRST_PEAKS, sizeof(SpanPeak));
	s->peaks[s->peak_end].value = value;
	s->peaks[s->peak_end].end = end;
	s->peak_end++;
}

static void
sweep(Spans *s)
{
	while (s->swept < s->end)
	{
		int64		row = s->swept;

		if (row > s->head && span_time(s, row) != span_time(s, row - 1))
		{
			if (s->moving)
				queue_peak(s, s->tail_value, row);
			else if (!s->has_best || s->tail_value > s->best)
			{
				s->best = s->tail_value;
				s->has_best = true;
			}
		}
		enter_tail(s, row);
		s->swept++;
		while (span_left(s, s->tail, row))
			leave_tail(s, s->tail++);
		step(s);
	}
}

/* The largest sum of a span that ends in the head window. */
static int128
most_of_head(Spans *s)
{
	int128		most = -SPAN_TOTAL_MAX;
	int128		sum = 0;
	int64		row;

	for (row = s->head; row < s->reach; row++)
	{
		sum += amount_of(s, row);
		if (row + 1 == s->end || span_time(s, row + 1) != span_time(s, row))
			most = Max(most, sum);
		step(s);
	}
	return most;
}

bool
spans_most(Spans *s, int128 *most)
{
	if (s->head == s->end)
		return false;
	spans_sort(s);
	sweep(s);
	*most = s->tail_value;
	if (!s->moving)
	{
		if (s->has_best)
			*most = Max(*most, s->best);
		return true;
	}

	while (s->reach < s->end && !span_left(s, s->head, s->reach))
		enter_head(s, s->reach++);
	while (s->peak_first < s->peak_end && s->peaks[s->peak_first].end <= s->reach)
		s->peak_first++;
	if (s->peak_first < s->peak_end)
		*most = Max(*most, s->peaks[s->peak_first].value);
	*most = Max(*most, s->below_zero > 0 ? most_of_head(s) : s->head_value);
	return true;
}

/* ---- rows that leave ---- */

/* The first row leaves the windows it stands in. */
static void
leave_front(Spans *s)
{
	int64		row = s->head;

	if (s->swept == row)
		s->swept = s->tail = row + 1;
	else if (s->tail == row)
		leave_tail(s, s->tail++);
	if (s->reach == row)
		s->reach = row + 1;
	else
		leave_head(s, row);
	s->head++;
}

void
spans_remove(Spans *s, int64 row)
{
	if (!s->moving)
	{
		spans_restart(s);
		s->moving = true;
	}
	if (s->kind == SPAN_SUM)
		s->below_zero -= span_amount(s, row) < 0;
	else if (s->kind == SPAN_DISTINCT)
		s->uses[span_item(s, row)].rows--;

	if (row == s->head)
	{
		leave_front(s);
		return;
	}
	spans_restart(s);
	if (row - s->head < s->end - row)
	{
		memmove(span_row(s, s->head + 1), span_row(s, s->head), (row - s->head) * row_size(s));
		s->head++;
		s->swept = s->tail = s->reach = s->head;
	}
	else
	{
		memmove(span_row(s, row), span_row(s, row + 1), (s->end - row - 1) * row_size(s));
		s->end--;
		s->sorted--;
	}
}
