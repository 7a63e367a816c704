/*-------------------------------------------------------------------------
 *
 * view.c
 *	  Reading a profile as of a moment; see view.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "port/pg_bitutils.h"

#include "profile/view.h"

void
profile_view(const ProfileState *state, int64 t, bool use_id, uint64 id,
			 ProfileView *view)
{
	const uint8 *p = state->ring;
	int			i;
	int			j;

	view->state = state;
	view->t = t;
	view->newer = state->summary && event_time(state->ring) > t;
	view->n = 0;
	id &= EVENT_ID_MASK;
	view->use_id = use_id;
	view->id = id;
	for (i = 0; i < state->n; i++, p += EVENT_SIZE)
	{
		if (event_time(p) > t)
			break;
		if (use_id && event_id(p) == id)
			continue;
		event_unpack_counts(p, &view->events[view->n]);
		view->packed[view->n++] = p;
	}
	/* labels come in order, latest known first */
	for (j = 0; j < state->nlabels && state->labels[j].known > clamp_second(t); j++)
		for (i = 0; i < view->n; i++)
			if (view->events[i].id == state->labels[j].id && (view->events[i].is & EVENT_IS_FRAUD))
				view->events[i].is ^= EVENT_IS_FRAUD | EVENT_IS_PAST;
}

/* Whether anything that left the ring may lie after the edge. */
static inline bool
summary_in_window(const ProfileView *view, int64 edge)
{
	return view->state->summary && !view->newer && view->state->newest_left > edge;
}

/* Whether a span of hours ending before `end` reaches past the edge. */
static inline bool
hours_after(int32 end, int64 edge)
{
	return (int64) end * USECS_AN_HOUR - 1 > edge;
}

/* Edge of a window; windows reach back no further than time itself. */
static inline int64
edge_of(const ProfileView *view, int64 w)
{
	return view->t - Min(w, view->t - EVENT_TIME_MIN + 1);
}

void
view_windows(const ProfileView *view, int n, const int64 *lengths, WindowSums *sums)
{
	const ProfileState *state = view->state;
	WindowSums	sum = {0, 0, 0, true};
	int			i = view->n - 1;
	int			w;

	/* newest first, so that each window goes on where the shorter one ended */
	for (w = 0; w < n; w++)
	{
		int64		edge = edge_of(view, lengths[w]);

		Assert(w == 0 || lengths[w] >= lengths[w - 1]);
		for (; i >= 0 && view->events[i].time > edge; i--)
		{
			const Event *e = &view->events[i];

			if (e->is & EVENT_IS_ATTEMPT)
			{
				sum.attempts++;
				sum.declined += (e->is & EVENT_IS_DECLINED) != 0;
			}
			if (e->is & EVENT_IS_SPEND)
				sum.spend += e->amount;
		}
		sum.exact = !view->newer && !summary_in_window(view, edge);
		sums[w] = sum;
	}

	/* events that left the ring; windows that reach them come last */
	memset(&sum, 0, sizeof(sum));
	i = state->ncells - 1;
	for (w = 0; w < n; w++)
	{
		int64		edge = edge_of(view, lengths[w]);

		if (sums[w].exact || view->newer || lengths[w] < USECS_A_DAY)
			continue;
		for (; i >= 0 && hours_after(cell_end(state, &state->cells[i]), edge); i--)
		{
			sum.attempts += state->cells[i].attempts;
			sum.declined += state->cells[i].declined;
			sum.spend += state->cells[i].spend;
		}
		sums[w].attempts += sum.attempts;
		sums[w].declined += sum.declined;
		sums[w].spend += sum.spend;
	}
}

#define block_end_hour(b) (((b) + 1) * 72)

void
view_past(const ProfileView *view, PastStats *past)
{
	const ProfileState *state = view->state;
	int64		edge = edge_of(view, VIEW_DAYS_OF_PAST * USECS_A_DAY);
	uint128		older = 0;
	int			i;

	memset(past, 0, sizeof(*past));
	for (i = view->n - 1; i >= 0 && view->events[i].time > edge; i--)
	{
		const Event *e = &view->events[i];

		if (!(e->is & EVENT_IS_PAST))
			continue;
		past->count++;
		past->sum += e->amount;
		past->squares += (uint128) e->amount * e->amount;
		past->largest = Max(past->largest, (uint64) e->amount);
	}
	if (!summary_in_window(view, edge))
		return;
	for (i = state->ngrid - 1; i >= 0; i--)
	{
		const GridCell *g = &state->grid[i];

		if (!hours_after(block_end_hour(g->block), edge))
			break;
		past->count += g->count;
		past->sum += g->sum;
		older += g->squares;
		past->largest = Max(past->largest, g->largest);
	}
	past->squares += older * 10000;
}

static inline int32
day_of(int64 time)
{
	int64		d = time / USECS_A_DAY;

	return (int32) (d - (time % USECS_A_DAY < 0));
}

/* A day of 2000-01-01 on, as a position counted back from t's own day. */
static inline void
mark_day(uint64 days[2], int32 today, int32 day)
{
	int32		age = today - day;

	if (age >= 0 && age < 128)
		days[age / 64] |= UINT64_C(1) << (age % 64);
}

void
view_active(const ProfileView *view, ActiveSpend *active)
{
	const ProfileState *state = view->state;
	int64		w = VIEW_DAYS_OF_PAST * USECS_A_DAY;
	int64		edge = edge_of(view, w);
	int32		today = day_of(view->t);
	uint64		days[2] = {0, 0};
	WindowSums	sums;
	int32		week = 0;
	int			i;

	view_windows(view, 1, &w, &sums);
	active->spend = sums.spend;
	active->days = active->weeks = 0;

	for (i = view->n - 1; i >= 0 && view->events[i].time > edge; i--)
		if (view->events[i].is & EVENT_IS_SPEND)
			mark_day(days, today, day_of(view->events[i].time));
	if (summary_in_window(view, edge))
	{
		int32		base = 3 * (block_of_hour(state->anchor) - PROFILE_GRID + 1);
		uint64		bits = state->spend_days;

		for (i = state->ncells - 1; i >= 0 && state->cells[i].level < 3; i--)
		{
			if (!hours_after(cell_end(state, &state->cells[i]), edge))
				break;
			if (state->cells[i].spend > 0)
				mark_day(days, today, floor_div(state->cells[i].start, 24));
		}
		while (bits != 0)
		{
			int			bit = pg_rightmost_one_pos64(bits);

			bits &= bits - 1;
			/* a three-day cell across the edge counts whole */
			if (hours_after(block_end_hour(floor_div(base + bit, 3)), edge))
				mark_day(days, today, base + bit);
		}
	}

	/* 2000-01-03, day 2, was a Monday */
	for (i = 0; i < 2; i++)
	{
		while (days[i] != 0)
		{
			int			age = i * 64 + pg_rightmost_one_pos64(days[i]);
			int32		its_week = floor_div(today - age - 2, 7);

			days[i] &= days[i] - 1;
			if (active->days == 0 || its_week != week)
				active->weeks++;
			week = its_week;
			active->days++;
		}
	}
}

void
view_hours(const ProfileView *view, int hour, bool weekend, HourStats *hours)
{
	const ProfileState *state = view->state;
	int			i;

	memset(hours, 0, sizeof(*hours));
	for (i = 0; i < view->n; i++)
	{
		const Event *e = &view->events[i];
		int			apart;

		if (!(e->is & EVENT_IS_PAST))
			continue;
		hours->days++;
		hours->same_kind += ((e->flags & EVENT_WEEKEND) != 0) == weekend;
		if (e->hour == EVENT_HOUR_UNKNOWN)
			continue;
		apart = abs(e->hour - hour);
		hours->hours++;
		hours->near_hour += apart <= 1 || apart == 23;
	}
	if (state->hours_known && !view->newer)
	{
		hours->days += (uint64) state->day_kind[0] + state->day_kind[1];
		hours->same_kind += state->day_kind[weekend ? 1 : 0];
		for (i = 0; i < 24; i++)
			hours->hours += state->hours[i];
		hours->near_hour += (uint64) state->hours[(hour + 23) % 24] +
			state->hours[hour] + state->hours[(hour + 1) % 24];
	}
}

void
view_approved(const ProfileView *view, ApprovedStats *approved)
{
	const ProfileState *state = view->state;
	int			i;

	memset(approved, 0, sizeof(*approved));
	if (state->summary && !view->newer)
	{
		approved->seen = true;
		approved->first_seen = state->first_seen;
		approved->ever = state->approved_ever;
		approved->any = state->has_approved;
		approved->last = state->last_approved;
	}
	else if (view->n > 0)
	{
		approved->seen = true;
		approved->first_seen = view->events[0].time;
	}
	for (i = 0; i < view->n; i++)
	{
		if (!(view->events[i].is & EVENT_IS_APPROVED))
			continue;
		approved->ever++;
		approved->any = true;
		approved->last = view->events[i].time;
	}
}

bool
view_merchant_seen(const ProfileView *view, uint32 merchant)
{
	int			i;

	for (i = view->n - 1; i >= 0; i--)
		if ((view->events[i].is & EVENT_IS_APPROVED) != 0 && event_merchant(view->packed[i]) == merchant)
			return true;
	return !view->newer && bloom_has(view->state, merchant);
}

int
view_approved_in_country(const ProfileView *view, uint16 country, int64 w)
{
	const ProfileState *state = view->state;
	int64		edge = edge_of(view, w);
	int			n = 0;
	int			i;

	for (i = view->n - 1; i >= 0 && view->events[i].time > edge; i--)
	{
		Event		e;

		event_unpack_place(view->packed[i], &e);
		n += e.country == country && (view->events[i].is & EVENT_IS_APPROVED) != 0;
	}
	if (summary_in_window(view, edge))
		for (i = 0; i < state->ncountries; i++)
			n += state->countries[i].country == country &&
				hours_after((int32) state->countries[i].hour + 1, edge);
	return n;
}

bool
view_last_located(const ProfileView *view, uint32 card, LastLocated *last)
{
	const ProfileState *state = view->state;
	int			i;

	for (i = view->n - 1; i >= 0; i--)
	{
		uint32		its_card = event_card(view->packed[i]);

		if ((view->events[i].is & EVENT_IS_LOCATED) != 0 &&
			(card == 0 || its_card == 0 || its_card == card))
		{
			Event		e;

			event_unpack_place(view->packed[i], &e);
			last->time = view->events[i].time;
			last->card = its_card;
			last->lat = e.lat;
			last->lon = e.lon;
			return true;
		}
	}
	if (!state->located || view->newer ||
		(card != 0 && state->last_located.card != 0 && state->last_located.card != card))
		return false;
	*last = state->last_located;
	return true;
}

int
view_cards(const ProfileView *view, int64 w, uint32 card)
{
	const ProfileState *state = view->state;
	uint32		seen[PROFILE_RING + PROFILE_CARDS + 1];
	int64		edge = edge_of(view, w);
	int			n = 0;
	int			i;
	int			j;

#define ADD_CARD(c) \
	do { \
		for (j = 0; j < n && seen[j] != (c); j++) \
			; \
		if (j == n) \
			seen[n++] = (c); \
	} while (0)

	if (card != 0)
		seen[n++] = card;
	for (i = view->n - 1; i >= 0 && view->events[i].time > edge; i--)
	{
		uint32		its_card = event_card(view->packed[i]);

		if (its_card != 0 && (view->events[i].is & EVENT_IS_ATTEMPT) != 0)
			ADD_CARD(its_card);
	}
	if (summary_in_window(view, edge))
		for (i = 0; i < state->ncards; i++)
			/* known to the second: a lower bound */
			if ((int64) state->cards[i].second * USECS_A_SECOND > edge)
				ADD_CARD(state->cards[i].card);
	return n;
}

int
view_declines(const ProfileView *view, int64 w, uint32 card)
{
	int64		edge = edge_of(view, w);
	int			n = 0;
	int			i;

	for (i = view->n - 1; i >= 0 && view->events[i].time > edge; i--)
	{
		const Event *e = &view->events[i];

		if ((card != 0 && event_card(view->packed[i]) != card) || e->amount < 0 ||
			e->status == STATUS_FAILED || e->status == STATUS_BLOCKED)
			continue;
		if (e->status != STATUS_DECLINED)
			break;
		n++;
	}
	return n;
}

/* Whether the block of an hour counts into a window by its frauds. */
static inline bool
block_counts(int32 hour, int64 edge)
{
	return hours_after(block_end_hour(block_of_hour(hour)), edge);
}

void
view_frauds(const ProfileView *view, int64 w, FraudStats *stats)
{
	const ProfileState *state = view->state;
	int64		edge = edge_of(view, w);
	uint64		left;			/* confirmed frauds that left the newest 32 */
	int			i;

	memset(stats, 0, sizeof(*stats));
	for (i = 0; i < state->nfrauds; i++)
		if (hours_after(block_end_hour(state->frauds[i].block), edge))
			stats->frauds += state->frauds[i].count;
	left = stats->frauds;
	for (i = 0; i < state->n && left > 0; i++)
	{
		Event		e;

		event_unpack_counts(state->ring + i * EVENT_SIZE, &e);
		if (e.status == STATUS_FRAUD && block_counts(hour_of(e.time), edge))
			left--;
	}

	for (i = view->n - 1; i >= 0 && view->events[i].time > edge; i--)
		stats->approved += (view->events[i].is & (EVENT_IS_PAST | EVENT_IS_FRAUD)) != 0;
	if (summary_in_window(view, edge))
		for (i = state->ngrid - 1; i >= 0; i--)
			if (hours_after(block_end_hour(state->grid[i].block), edge))
				stats->approved += state->grid[i].count;

	/* the latest known ones are kept whole: leave out what does not belong */
	for (i = 0; i < state->nlabels; i++)
	{
		const Label *l = &state->labels[i];
		int64		time;
		int64		last;
		bool		in_ring = false;
		bool		outside;
		int			j;

		if (!block_counts((int32) l->hour, edge))
			continue;			/* not counted above */
		/* to the microsecond while the event is in the ring, else by the hour */
		time = (int64) l->hour * USECS_AN_HOUR;
		last = time + USECS_AN_HOUR - 1;
		for (j = 0; j < state->n && !in_ring; j++)
			if (event_id(state->ring + j * EVENT_SIZE) == l->id)
			{
				time = last = event_time(state->ring + j * EVENT_SIZE);
				in_ring = true;
			}
		outside = (view->use_id && l->id == view->id) || last <= edge || time > view->t;
		if (outside || l->known > clamp_second(view->t))
			stats->frauds -= Min(stats->frauds, 1);
		if (outside && !in_ring)
			left -= Min(left, 1);
	}
	/* the grid has only the past, of which a confirmed fraud is not */
	if (summary_in_window(view, edge))
		stats->approved += left;
}
