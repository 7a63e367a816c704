/*-------------------------------------------------------------------------
 *
 * timeline.c
 *	  A history that grows; see timeline.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "score/timeline.h"

void
timeline_init(Timeline *timeline, ProfileState *state, int64 end)
{
	memset(timeline, 0, offsetof(Timeline, settled));
	timeline->state = state;
	timeline->end = end;
}

void
timeline_end(Timeline *timeline)
{
	if (timeline->pending != NULL)
		pfree(timeline->pending);
	timeline->pending = NULL;
}

void
timeline_start(Timeline *timeline, uint64 basis)
{
	profile_init(timeline->state, basis);
	timeline->first = timeline->n = 0;
	timeline->last_fraud.time = PG_INT64_MIN;
}

static inline bool
any_pending(const Timeline *timeline)
{
	return timeline->first < timeline->n;
}

static void
observe_known(ProfileState *state, const Event *event, int64 known)
{
	Event		fraud = *event;

	fraud.status = STATUS_FRAUD;
	profile_observe(state, &fraud);
	profile_observe_label(state, event, known);
}

void
timeline_advance(Timeline *timeline, int64 time)
{
	const PendingFraud *p = timeline->pending;
	int			i;

	if (!any_pending(timeline) || p[timeline->first].known > time)
		return;
	for (; any_pending(timeline) && p[timeline->first].known <= time; timeline->first++)
		observe_known(&timeline->settled, &p[timeline->first].event, p[timeline->first].known);
	memcpy(timeline->state, &timeline->settled, sizeof(ProfileState));
	for (i = timeline->first; i < timeline->n; i++)
		profile_observe(timeline->state, &p[i].event);
}

void
timeline_observe(Timeline *timeline, const Event *event)
{
	profile_observe(timeline->state, event);
	if (any_pending(timeline))
		profile_observe(&timeline->settled, event);
}

static void
add_pending(Timeline *timeline, const Event *event, int64 known)
{
	PendingFraud *p;
	int			i;

	if (timeline->n == timeline->room)
	{
		int			n = timeline->n - timeline->first;

		if (n > timeline->room / 2 || timeline->room == 0)
		{
			timeline->room = Max(2 * timeline->room, 16);
			timeline->pending = timeline->pending == NULL ?
				palloc(sizeof(PendingFraud) * timeline->room) :
				repalloc(timeline->pending, sizeof(PendingFraud) * timeline->room);
		}
		memmove(timeline->pending, timeline->pending + timeline->first, sizeof(PendingFraud) * n);
		timeline->first = 0;
		timeline->n = n;
	}
	p = timeline->pending;
	/* what happened later is mostly known later */
	for (i = timeline->n++; i > timeline->first && p[i - 1].known > known; i--)
		p[i] = p[i - 1];
	p[i].event = *event;
	p[i].known = known;
}

void
timeline_observe_fraud(Timeline *timeline, const Event *event, int64 known)
{
	if (event->time == timeline->last_fraud.time && event->id == timeline->last_fraud.id)
		return;					/* labels do not tell repeats by themselves */
	timeline->last_fraud = *event;

	if (known > timeline->end)
		timeline_observe(timeline, event);
	else if (known <= event->time)
	{
		observe_known(timeline->state, event, known);
		if (any_pending(timeline))
			observe_known(&timeline->settled, event, known);
	}
	else
	{
		if (!any_pending(timeline))
			memcpy(&timeline->settled, timeline->state, sizeof(ProfileState));
		add_pending(timeline, event, known);
		profile_observe(timeline->state, event);
	}
}
