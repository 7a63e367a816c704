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

bool
gather_finish(ProfileGather *gather)
{
	ProfileState *state = gather->state;
	bool		had_summary = state->summary;
	bool		complete = true;
	GatheredEvent *events;
	int			n = 0;
	int			i;

	take_ring(gather, state, false);
	events = gather->events;
	if (events == NULL)
		return true;
	qsort(events, gather->n, sizeof(GatheredEvent), compare_events);

	/* one of each event: the greatest version, known if any version was */
	for (i = 0; i < gather->n; i++)
	{
		if (n > 0 && memcmp(events[n - 1].packed, events[i].packed, EVENT_KEY_SIZE) == 0)
		{
			events[i].revision &= events[n - 1].revision;
			n--;
		}
		events[n++] = events[i];
	}

	for (i = 0; i < n - PROFILE_RING; i++)
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
	return complete;
}
