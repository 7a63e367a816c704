/*-------------------------------------------------------------------------
 *
 * gather.c
 *	  Adding many profiles at once, new versions of known events among them.
 *
 * profile_merge() one after the other would let an event leave the newest 32
 * before its new version comes, and then count both. So all events that are
 * still whole are laid side by side first, versions of one event are brought
 * down to the greatest, and only then the older ones leave.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "profile/profile.h"

void
gather_begin(ProfileGather *gather, ProfileState *state)
{
	gather->state = state;
	gather->events = NULL;
	gather->n = gather->room = 0;
}

static void
take_ring(ProfileGather *gather, const ProfileState *from, bool revision)
{
	int			i;

	if (gather->n + from->n > gather->room)
	{
		gather->room = Max(2 * gather->room, gather->n + from->n + PROFILE_RING);
		if (gather->events == NULL)
			gather->events = palloc(sizeof(GatheredEvent) * gather->room);
		else
			gather->events = repalloc(gather->events, sizeof(GatheredEvent) * gather->room);
	}
	for (i = 0; i < from->n; i++)
	{
		GatheredEvent *e = &gather->events[gather->n++];

		memcpy(e->packed, from->ring + i * EVENT_SIZE, EVENT_SIZE);
		e->revision = revision;
	}
}

void
gather_add(ProfileGather *gather, const ProfileState *other, bool revision)
{
	profile_merge_summary(gather->state, other);
	labels_merge(gather->state, other);
	take_ring(gather, other, revision);
}

static int
compare_events(const void *a, const void *b)
{
	return memcmp(((const GatheredEvent *) a)->packed, ((const GatheredEvent *) b)->packed,
				  EVENT_SIZE);
}

/* Puts an event behind the others; of versions of one event the greatest stays. */
static void
append_version(GatheredEvent *events, int *n, const GatheredEvent *e)
{
	bool		revision = e->revision;

	if (*n > 0 && memcmp(events[*n - 1].packed, e->packed, EVENT_KEY_SIZE) == 0)
	{
		/* known, if any version was */
		revision &= events[*n - 1].revision;
		(*n)--;
	}
	events[*n] = *e;
	events[*n].revision = revision;
	(*n)++;
}

/* The ring and what was added, in order, one of each event. Returns how many. */
static int
merge_with_ring(ProfileGather *gather, GatheredEvent *merged)
{
	const ProfileState *state = gather->state;
	GatheredEvent old = {.revision = false};
	int			n = 0;
	int			i = 0;
	int			j = 0;

	if (gather->n > 1)
		qsort(gather->events, gather->n, sizeof(GatheredEvent), compare_events);
	while (i < state->n || j < gather->n)
	{
		const uint8 *in_ring = state->ring + i * EVENT_SIZE;

		if (j == gather->n ||
			(i < state->n && memcmp(in_ring, gather->events[j].packed, EVENT_SIZE) <= 0))
		{
			memcpy(old.packed, in_ring, EVENT_SIZE);
			append_version(merged, &n, &old);
			i++;
		}
		else
			append_version(merged, &n, &gather->events[j++]);
	}
	return n;
}

bool
gather_finish(ProfileGather *gather)
{
	ProfileState *state = gather->state;
	bool		had_summary = state->summary;
	bool		complete = true;
	GatheredEvent *events;
	int			n;
	int			i;

	if (gather->n == 0)
		return true;
	events = palloc(sizeof(GatheredEvent) * (gather->n + state->n));
	n = merge_with_ring(gather, events);

	/* newest first: the first one moves all cells to where they belong */
	for (i = n - PROFILE_RING - 1; i >= 0; i--)
	{
		Event		e;

		if (!events[i].revision || !had_summary)
		{
			profile_summarise(state, events[i].packed);
			continue;
		}
		/* what it replaces has left the newest 32 */
		event_unpack(events[i].packed, &e);
		if (e.status != STATUS_FRAUD || !profile_withdraw(state, &e))
			complete = false;
	}
	state->n = 0;
	for (i = Max(0, n - PROFILE_RING); i < n; i++)
		memcpy(state->ring + state->n++ * EVENT_SIZE, events[i].packed, EVENT_SIZE);
	pfree(events);
	pfree(gather->events);
	return complete;
}
