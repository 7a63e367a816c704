/*-------------------------------------------------------------------------
 *
 * state.c
 *	  Building a profile: observe an event, let old ones leave, merge two.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "profile/profile.h"

void
profile_init(ProfileState *state, uint64 basis)
{
	/* the arrays behind count as long as their numbers say */
	memset(state, 0, offsetof(ProfileState, ring));
	memset(state->bloom, 0, sizeof(state->bloom));
	state->basis = basis;
}

static bool
located_after(const LastLocated *a, const LastLocated *b)
{
	if (a->time != b->time)
		return a->time > b->time;
	if (a->card != b->card)
		return a->card > b->card;
	if (a->lat != b->lat)
		return a->lat > b->lat;
	return a->lon > b->lon;
}

static void
located_add(ProfileState *state, const LastLocated *seen)
{
	if (!state->located || located_after(seen, &state->last_located))
		state->last_located = *seen;
	state->located = true;
}

static void
approved_add(ProfileState *state, int64 time, uint32 count)
{
	if (!state->has_approved || time > state->last_approved)
		state->last_approved = time;
	state->has_approved = true;
	state->approved_ever = add_capped(state->approved_ever, count, APPROVED_MAX);
}

void
profile_summarise(ProfileState *state, const uint8 *packed)
{
	Event		e;
	int32		hour;

	event_unpack(packed, &e);
	hour = hour_of(e.time);

	if (!state->summary || e.time < state->first_seen)
		state->first_seen = e.time;
	if (!state->summary || e.time > state->newest_left)
		state->newest_left = e.time;
	cells_advance(state, hour);

	cells_add(state, hour, 0,
			  (e.is & EVENT_IS_ATTEMPT) ? 1 : 0,
			  (e.is & EVENT_IS_DECLINED) ? 1 : 0,
			  (e.is & EVENT_IS_SPEND) ? e.amount : 0);
	if (e.flags & EVENT_ODD_STATUS)
		state->odd_statuses = add_capped(state->odd_statuses, 1, ODD_STATUSES_MAX);
	if (e.card != 0 && (e.is & EVENT_IS_ATTEMPT) != 0)
		cards_add(state, e.card, clamp_second(e.time));

	if (e.is & EVENT_IS_APPROVED)
	{
		approved_add(state, e.time, 1);
		if (e.merchant != 0)
			bloom_add(state, e.merchant);
		/* no more than there are, whatever a damaged value holds */
		if (e.country != 0 && e.country <= EVENT_COUNTRY_MAX)
			countries_add(state, e.country, clamp_hour(e.time));
	}
	if (e.is & EVENT_IS_LOCATED)
	{
		LastLocated seen = {e.time, e.card, e.lat, e.lon};

		located_add(state, &seen);
	}
	if (e.is & EVENT_IS_PAST)
	{
		GridCell	add = {0};
		int			kind;
		uint128		square = (uint128) e.amount * e.amount;

		add.block = block_of_hour(hour);
		add.count = 1;
		add.sum = e.amount;
		add.largest = e.amount;
		add.squares = (square + 5000) / 10000;
		grid_add(state, &add);

		kind = (e.flags & EVENT_WEEKEND) ? 1 : 0;
		state->day_kind[kind] = add_capped(state->day_kind[kind], 1, DAY_KIND_MAX);
		/* not EVENT_HOUR_UNKNOWN, nor what a damaged value may hold */
		if (e.hour < lengthof(state->hours))
			state->hours[e.hour] = add_capped(state->hours[e.hour], 1, HOURS_COUNT_MAX);
		state->hours_known = true;
	}
}

/* Puts a packed event into the ring; the oldest leaves when it is full. */
static void
ring_add(ProfileState *state, const uint8 *packed)
{
	uint8	   *slot;
	int			i;

	Assert(!state->unavailable);

	/* new events mostly come last */
	for (i = state->n; i > 0; i--)
	{
		int			cmp = memcmp(packed, state->ring + (i - 1) * EVENT_SIZE, EVENT_KEY_SIZE);

		if (cmp > 0)
			break;
		if (cmp == 0)
		{
			/* a repeat, or another version of it: the greater stays */
			slot = state->ring + (i - 1) * EVENT_SIZE;
			if (memcmp(packed, slot, EVENT_SIZE) > 0)
				memcpy(slot, packed, EVENT_SIZE);
			return;
		}
	}

	if (state->n < PROFILE_RING)
	{
		slot = state->ring + i * EVENT_SIZE;
		memmove(slot + EVENT_SIZE, slot, (state->n - i) * EVENT_SIZE);
		memcpy(slot, packed, EVENT_SIZE);
		state->n++;
	}
	else if (i == 0)
		profile_summarise(state, packed);
	else
	{
		uint8		oldest[EVENT_SIZE + EVENT_SLACK];

		memcpy(oldest, state->ring, EVENT_SIZE);
		memmove(state->ring, state->ring + EVENT_SIZE, (i - 1) * EVENT_SIZE);
		memcpy(state->ring + (i - 1) * EVENT_SIZE, packed, EVENT_SIZE);
		profile_summarise(state, oldest);
	}
}

void
profile_observe(ProfileState *state, const Event *event)
{
	uint8		packed[EVENT_SIZE + EVENT_SLACK];

	event_pack(event, packed);
	ring_add(state, packed);
}

/*
 * A payment that left the newest 32 as one of the past turned out to be fraud:
 * takes it out again. False where that cannot be undone exactly.
 */
bool
profile_withdraw(ProfileState *state, const Event *event)
{
	int32		block = block_of_hour(hour_of(event->time));
	int			kind = (event->flags & EVENT_WEEKEND) ? 1 : 0;
	uint128		square = ((uint128) event->amount * event->amount + 5000) / 10000;
	GridCell   *g = NULL;
	int			i;

	if (event->amount <= 0)
		return true;
	for (i = 0; i < state->ngrid; i++)
		if (state->grid[i].block == block)
			g = &state->grid[i];
	if (g == NULL || g->sum < (uint64) event->amount || g->squares < square ||
		g->count == GRID_COUNT_MAX || g->sum == GRID_SUM_MAX || g->squares == GRID_SQUARES_MAX)
		return false;
	if (g->count == 1)
	{
		i = (int) (g - state->grid);
		memmove(g, g + 1, (state->ngrid - i - 1) * sizeof(GridCell));
		state->ngrid--;
	}
	else
	{
		/* which one is the next largest is not known any more */
		if (grid_largest_round(event->amount) >= g->largest)
			return false;
		g->count--;
		g->sum -= event->amount;
		g->squares -= square;
	}
	if (state->day_kind[kind] == 0 || state->day_kind[kind] == DAY_KIND_MAX)
		return false;
	state->day_kind[kind]--;
	if (event->hour < lengthof(state->hours))
	{
		if (state->hours[event->hour] == 0 || state->hours[event->hour] == HOURS_COUNT_MAX)
			return false;
		state->hours[event->hour]--;
	}
	for (i = 0; i < 2; i++)
		if (state->day_kind[i] > 0)
			return true;
	state->hours_known = false;
	return true;
}

void
profile_observe_label(ProfileState *state, const Event *event, int64 known)
{
	Label		label;

	label.id = event->id & EVENT_ID_MASK;
	label.hour = clamp_hour(event->time);
	/* rounded up: a label is never used before it was known */
	label.known = clamp_second(Min(known, PG_INT64_MAX - USECS_A_SECOND) + USECS_A_SECOND - 1);
	labels_add(state, &label);
	frauds_add(state, block_of_hour(label.hour), 1);
}

void
profile_observe_fraud(ProfileState *state, const Event *event, int64 known)
{
	uint8		packed[EVENT_SIZE + EVENT_SLACK];
	Event		fraud = *event;

	profile_observe_label(state, event, known);
	if (event->status != STATUS_APPROVED)
		return;
	fraud.status = STATUS_FRAUD;
	event_pack(&fraud, packed);
	if (state->n < PROFILE_RING || memcmp(packed, state->ring, EVENT_KEY_SIZE) >= 0)
		ring_add(state, packed);
	else
		(void) profile_withdraw(state, event);
}

void
profile_merge_summary(ProfileState *state, const ProfileState *other)
{
	ProfileState moved;
	int			i;

	if (!other->summary)
		return;

	/* bring both under the later anchor */
	if (!state->summary || other->first_seen < state->first_seen)
		state->first_seen = other->first_seen;
	if (!state->summary || other->newest_left > state->newest_left)
		state->newest_left = other->newest_left;
	cells_advance(state, other->anchor);
	if (other->anchor < state->anchor)
	{
		memcpy(&moved, other, sizeof(ProfileState));
		cells_advance(&moved, state->anchor);
		other = &moved;
	}

	state->spend_days |= other->spend_days;
	for (i = 0; i < other->ncells; i++)
	{
		const Cell *c = &other->cells[i];

		cells_add(state, c->start, c->level, c->attempts, c->declined, c->spend);
	}
	for (i = 0; i < other->ngrid; i++)
		grid_add(state, &other->grid[i]);
	for (i = 0; i < other->ncards; i++)
		cards_add(state, other->cards[i].card, other->cards[i].second);
	for (i = 0; i < other->ncountries; i++)
		countries_add(state, other->countries[i].country, other->countries[i].hour);
	if (other->merchants)
	{
		for (i = 0; i < PROFILE_BLOOM_WORDS; i++)
			state->bloom[i] |= other->bloom[i];
		state->merchants = true;
	}
	if (other->hours_known)
	{
		for (i = 0; i < 24; i++)
			state->hours[i] = add_capped(state->hours[i], other->hours[i], HOURS_COUNT_MAX);
		for (i = 0; i < 2; i++)
			state->day_kind[i] = add_capped(state->day_kind[i], other->day_kind[i], DAY_KIND_MAX);
		state->hours_known = true;
	}
	if (other->has_approved)
		approved_add(state, other->last_approved, other->approved_ever);
	if (other->located)
		located_add(state, &other->last_located);
	state->odd_statuses = add_capped(state->odd_statuses, other->odd_statuses, ODD_STATUSES_MAX);
}

void
profile_merge(ProfileState *state, const ProfileState *other)
{
	int			i;

	Assert(state->basis == other->basis);

	profile_merge_summary(state, other);
	for (i = 0; i < other->n; i++)
		ring_add(state, other->ring + i * EVENT_SIZE);
	labels_merge(state, other);
}

bool
profile_state_ok(const ProfileState *state)
{
	const uint8 *oldest = state->ring;
	uint64		hours = 0;
	int			i;

	for (i = 1; i < state->ncards; i++)
	{
		const CardSeen *c = &state->cards[i];

		if (c[-1].second < c->second || (c[-1].second == c->second && c[-1].card <= c->card))
			return false;
	}
	for (i = 0; i < state->ncountries; i++)
	{
		const CountrySeen *c = &state->countries[i];

		if (i > 0 && (c[-1].hour < c->hour ||
					  (c[-1].hour == c->hour && c[-1].country < c->country)))
			return false;
		if (i >= PROFILE_PER_COUNTRY)
		{
			int			same = 0;
			int			j;

			for (j = 0; j < i; j++)
				same += state->countries[j].country == c->country;
			if (same >= PROFILE_PER_COUNTRY)
				return false;
		}
	}
	for (i = 1; i < state->nlabels; i++)
	{
		const Label *l = &state->labels[i];

		if (l[-1].known < l->known || (l[-1].known == l->known && l[-1].id < l->id))
			return false;
	}
	for (i = 0; i < state->nfrauds; i++)
		if (state->frauds[i].count == 0)
			return false;
	if (!state->summary)
		return true;

	if (event_time(oldest) < state->newest_left || state->first_seen > state->newest_left)
		return false;
	if (state->has_approved ? state->last_approved > state->newest_left :
		(state->last_approved != 0 || state->approved_ever != 0))
		return false;
	if (state->located && state->last_located.time > state->newest_left)
		return false;
	if (state->spend_days >> 63)
		return false;
	for (i = 0; i < state->ncards; i++)
		if (state->cards[i].card == 0)
			return false;
	for (i = 0; i < state->ncells; i++)
		if (state->cells[i].attempts == 0 && state->cells[i].spend == 0)
			return false;
	for (i = 0; i < state->ngrid; i++)
		if (state->grid[i].count == 0 || state->grid[i].largest == 0)
			return false;
	for (i = 0; i < 24; i++)
		hours += state->hours[i];
	return !state->hours_known || state->day_kind[0] + state->day_kind[1] > 0 || hours > 0;
}
