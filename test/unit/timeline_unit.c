/*-------------------------------------------------------------------------
 *
 * timeline_unit.c
 *	  A timeline is, at any moment, the profile of what had occurred and was
 *	  known by then: byte for byte, in random histories. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "score/timeline.h"
#include "tap.h"

#define EVENTS		400
#define NOT_FRAUD	PG_INT64_MIN

static uint64 seed = 88172645463325252;

static int
below(int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int) (seed % (uint64) n);
}

static void
draw(Event *e, int64 *known, int i, int64 time)
{
	static const uint8 statuses[] = {STATUS_APPROVED, STATUS_APPROVED, STATUS_APPROVED,
	STATUS_APPROVED, STATUS_DECLINED, STATUS_PENDING};

	memset(e, 0, sizeof(*e));
	e->time = time;
	e->id = (uint64) i * 7919 % 100003;
	e->status = statuses[below(6)];
	e->flags = EVENT_HAS_AMOUNT | (below(2) ? EVENT_PRESENT : 0);
	e->amount = below(20) == 0 ? below(3) - 1 : 1 + below(5000000);
	e->card = 1 + below(20);
	e->merchant = 1 + below(30);
	e->country = 1 + below(5);
	e->hour = below(24);
	*known = NOT_FRAUD;
	if (e->status == STATUS_APPROVED && below(3) == 0)
		*known = ((time / USECS_A_SECOND) + below(40 * 86400) - 86400) * USECS_A_SECOND;
}

/* What a timeline should be at a time, the slow way. */
static void
expected(ProfileState *state, const Event *events, const int64 *known, int n, int64 t)
{
	int			i;

	profile_init(state, 1);
	for (i = 0; i < n; i++)
	{
		Event		e = events[i];

		if (known[i] <= t && known[i] != NOT_FRAUD)
		{
			e.status = STATUS_FRAUD;
			profile_observe_label(state, &e, known[i]);
		}
		profile_observe(state, &e);
	}
}

static bool
same(const ProfileState *a, const ProfileState *b)
{
	static char one[PROFILE_BUFFER_SIZE];
	static char two[PROFILE_BUFFER_SIZE];
	size_t		size = profile_encode(a, one);

	return size == profile_encode(b, two) && memcmp(one + 4, two + 4, size - 4) == 0;
}

int
main(void)
{
	static Event events[EVENTS];
	static int64 known[EVENTS];
	static ProfileState state;
	static ProfileState want;
	static Timeline timeline;
	int			differ = 0;
	int			compared = 0;
	int			late = 0;
	int			history;

	timeline_init(&timeline, &state, EVENT_TIME_MAX);
	for (history = 0; history < 150; history++)
	{
		int64		time = INT64_C(800000000) * USECS_A_SECOND;
		int			step = 1 + below(3 * 86400 * (history % 3) + 3600);
		int			n = 1 + below(EVENTS - 1);
		int			i = 0;

		timeline_start(&timeline, 1);
		while (i < n)
		{
			time += below(step) * INT64_C(500000);
			timeline_advance(&timeline, time);
			do
			{
				draw(&events[i], &known[i], history * EVENTS + i, time);
				if (known[i] == NOT_FRAUD)
					timeline_observe(&timeline, &events[i]);
				else
				{
					timeline_observe_fraud(&timeline, &events[i], known[i]);
					/* told twice, counted once */
					timeline_observe_fraud(&timeline, &events[i], known[i]);
					late += known[i] > time;
				}
			} while (++i < n && below(4) == 0);
			expected(&want, events, known, i, time);
			compared++;
			differ += !same(&state, &want);
		}
	}
	timeline_end(&timeline);
	printf("# %d of %d moments differ, %d frauds became known later\n", differ, compared, late);
	check(compared > 10000 && late > 1000, "enough moments, and frauds known later");
	check(differ == 0, "a timeline is the profile of its events and of what is known");

	/* nobody asks for later times: what is known after the end is no fraud */
	timeline_init(&timeline, &state, events[0].time);
	timeline_start(&timeline, 1);
	events[0].status = STATUS_APPROVED;
	timeline_observe_fraud(&timeline, &events[0], timeline.end + 1);
	known[0] = NOT_FRAUD;
	expected(&want, events, known, 1, timeline.end);
	check(same(&state, &want) && timeline.pending == NULL, "what becomes known after the end waits for nothing");
	return tap_end();
}
