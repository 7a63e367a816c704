/*-------------------------------------------------------------------------
 *
 * recent_unit.c
 *	  Live attempts against a naive model: adds, versions, withdrawals, time,
 *	  evictions; and merged with histories, against histories built from the
 *	  set of all events. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "live/recent.h"
#include "profile/view.h"
#include "tap.h"

#define MINUTE				(60 * USECS_A_SECOND)

static uint64 seed = 20260101;

static uint64
draw(uint64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static Event
event_of(uint64 id, int64 time, int64 amount)
{
	Event		e = {0};

	e.id = id;
	e.time = time;
	e.amount = amount;
	e.flags = EVENT_HAS_AMOUNT | EVENT_PRESENT;
	e.status = STATUS_LIVE;
	e.hour = 12;
	return e;
}

static Hash128
key_of(uint64 number)
{
	static const Hash128 seeds = {{11, 13}};

	return hash128(&number, sizeof(number), &seeds);
}

static Recent *
new_recent(uint32 sets)
{
	Recent	   *r = malloc(recent_size(sets));

	/* what is not initialised must not matter */
	memset(r, 0x5A, recent_size(sets));
	recent_init(r, sets);
	return r;
}

/* ---- the model: lists, and no idea of how places work but which sets there are ---- */

#define MODEL_CUSTOMERS		400

typedef struct ModelAttempt
{
	Event		event;
	int64		arrived;
	bool		withdrawn;
} ModelAttempt;

typedef struct ModelCustomer
{
	bool		here;
	uint32		set;			/* it is in */
	uint64		used;
	int			n;
	ModelAttempt attempts[RECENT_EVENTS + 1];	/* as they came */
	int64		newest;
	int64		gap_until;
	int64		more_until;
} ModelCustomer;

static ModelCustomer model[MODEL_CUSTOMERS];
static uint32 model_sets;
static int64 model_lost[64];	/* by set: when the newest lost attempt came */
static uint64 model_tick;
static RecentCounters model_counters;

static void
model_reset(uint32 sets)
{
	memset(model, 0, sizeof(model));
	memset(&model_counters, 0, sizeof(model_counters));
	model_sets = sets;
	model_tick = 0;
	for (int i = 0; i < 64; i++)
		model_lost[i] = LIVE_NEVER;
}

static int
in_set(uint32 set)
{
	int			n = 0;

	for (int i = 0; i < MODEL_CUSTOMERS; i++)
		n += model[i].here && model[i].set == set;
	return n;
}

static int64
model_gap(const Hash128 *key)
{
	int64		newest = Max(model_lost[live_set(key, model_sets, 0)], model_lost[live_set(key, model_sets, 1)]);

	return newest == LIVE_NEVER ? LIVE_NEVER : newest + RECENT_KEPT;
}

static void
model_place(int number, int64 now)
{
	Hash128		key = key_of(number);
	ModelCustomer *c = &model[number];
	uint32		a = live_set(&key, model_sets, 0);
	uint32		b = live_set(&key, model_sets, 1);
	uint32		set = in_set(b) < in_set(a) ? b : a;

	if (in_set(set) == LIVE_WAYS)
	{
		ModelCustomer *least = NULL;

		for (int i = 0; i < MODEL_CUSTOMERS; i++)
			if (model[i].here && (model[i].set == a || model[i].set == b) &&
				(least == NULL || model[i].used < least->used))
				least = &model[i];
		set = least->set;
		least->here = false;
		model_counters.customers--;
		model_counters.evicted++;
		if (least->n > 0 && now - least->newest < RECENT_KEPT)
		{
			model_counters.evicted_live++;
			model_lost[set] = Max(model_lost[set], least->newest);
		}
	}
	memset(c, 0, sizeof(*c));
	c->here = true;
	c->set = set;
	c->more_until = LIVE_NEVER;
	c->gap_until = model_gap(&key);
	model_counters.customers++;
}

static void
model_remove(ModelCustomer *c, int i)
{
	memmove(&c->attempts[i], &c->attempts[i + 1], (c->n - i - 1) * sizeof(ModelAttempt));
	c->n--;
}

static void
model_add(int number, const Event *e, int64 now)
{
	ModelCustomer *c = &model[number];

	if (!c->here)
		model_place(number, now);
	for (int i = c->n - 1; i >= 0; i--)
		if (c->attempts[i].event.id == e->id || now - c->attempts[i].arrived >= RECENT_KEPT)
			model_remove(c, i);
	if (c->n == RECENT_EVENTS)
	{
		if (!c->attempts[0].withdrawn)
			c->more_until = c->attempts[0].arrived + RECENT_KEPT;
		model_remove(c, 0);
	}
	c->attempts[c->n].event = *e;
	c->attempts[c->n].arrived = now;
	c->attempts[c->n++].withdrawn = false;
	c->newest = now;
	c->used = ++model_tick;
}

static int
compare_packed(const void *a, const void *b)
{
	return memcmp(a, b, EVENT_SIZE);
}

static bool
model_agrees(int number, int64 now, const RecentAttempts *seen)
{
	const ModelCustomer *c = &model[number];
	Hash128		key = key_of(number);
	uint8		packed[RECENT_EVENTS][EVENT_SIZE];
	int			n = 0;

	if (!c->here)
		return seen->n == 0 && seen->incomplete == (now < model_gap(&key)) && !seen->more;
	for (int i = 0; i < c->n; i++)
		if (!c->attempts[i].withdrawn && now - c->attempts[i].arrived < RECENT_KEPT)
			event_pack(&c->attempts[i].event, packed[n++]);
	qsort(packed, n, EVENT_SIZE, compare_packed);
	return n == seen->n && memcmp(packed, seen->events, n * EVENT_SIZE) == 0 &&
		seen->incomplete == (now < c->gap_until) && seen->more == (now < c->more_until);
}

static bool
counters_agree(const Recent *r)
{
	RecentCounters counters;

	recent_counters(r, &counters);
	return memcmp(&counters, &model_counters, sizeof(counters)) == 0;
}

/* A run: so many sets and customers, a step of time between two calls. */
static void
against_model(uint32 sets, int customers, int64 step, uint64 ids, const char *what)
{
	Recent	   *r = new_recent(sets);
	int64		now = -5 * RECENT_KEPT;		/* a clock may have been set back */
	int			wrong = 0;
	int			displaced = 0;
	int			incomplete = 0;
	int			more = 0;
	int			forgotten = 0;

	model_reset(sets);
	for (int round = 0; round < 60000 && wrong == 0; round++)
	{
		int			number = (int) draw(draw(3) == 0 ? 5 : (uint64) customers);
		Hash128		key = key_of(number);
		uint64		id = 1 + draw(ids);
		RecentAttempts seen;

		now += 1 + (int64) draw((uint64) step);
		switch (draw(50) == 0 ? 8 : draw(8))
		{
			case 8:
				wrong += recent_forget(r, &key) != model[number].here;
				model_counters.customers -= model[number].here;
				model[number].here = false;
				forgotten++;
				recent_read(r, &key, now, &seen);
				break;
			case 0:
				recent_read(r, &key, now, &seen);
				wrong += seen.remembered || seen.displaced;
				break;
			case 1:
				{
					AttemptOutcome outcome = (AttemptOutcome) draw(3);
					bool		expected = false;

					for (int i = 0; model[number].here && i < model[number].n; i++)
						if (model[number].attempts[i].event.id == id)
						{
							model[number].attempts[i].withdrawn = outcome == ATTEMPT_FAILED;
							model[number].attempts[i].event.status = outcome == ATTEMPT_BLOCKED ? STATUS_BLOCKED : STATUS_LIVE;
							expected = true;
						}
					wrong += recent_mark(r, &key, id, outcome) != expected;
					recent_read(r, &key, now, &seen);
					break;
				}
			default:
				{
					/* event time goes its own ways */
					Event		e = event_of(id, (int64) draw(200) * MINUTE, (int64) draw(100) * 10000);
					uint64		before = model_counters.evicted_live;

					model_add(number, &e, now);
					recent_add(r, &key, &e, now, &seen);
					wrong += !seen.remembered || seen.displaced != (model_counters.evicted_live != before);
					displaced += seen.displaced;
				}
		}
		wrong += !model_agrees(number, now, &seen) || !counters_agree(r);
		incomplete += seen.incomplete;
		more += seen.more;
	}
	check(wrong == 0, what);
	printf("# evicted " UINT64_FORMAT ", live " UINT64_FORMAT ", displaced %d, incomplete %d, more %d, forgotten %d\n",
		   model_counters.evicted, model_counters.evicted_live, displaced, incomplete, more, forgotten);
	free(r);
}

/* ---- by hand ---- */

static void
edges(void)
{
	Recent	   *r = new_recent(4);
	Hash128		key = key_of(1);
	Event		e = event_of(7, 1000, 10000);
	RecentAttempts seen;

	recent_add(r, &key, &e, 100, &seen);
	recent_read(r, &key, 100 + RECENT_KEPT - 1, &seen);
	check(seen.n == 1, "an attempt is there for an hour");
	recent_read(r, &key, 100 + RECENT_KEPT, &seen);
	check(seen.n == 0, "and no longer");
	recent_add(r, &key, &e, 200, &seen);
	e.time = 5000;
	recent_add(r, &key, &e, 300, &seen);
	check(seen.n == 1 && event_time(seen.events) == 5000, "a new version replaces, at another time too");
	check(recent_mark(r, &key, 7, ATTEMPT_FAILED) && !recent_mark(r, &key, 8, ATTEMPT_FAILED), "what is there can be withdrawn");
	recent_read(r, &key, 300, &seen);
	check(seen.n == 0, "and does not count then");
	recent_add(r, &key, &e, 400, &seen);
	check(seen.n == 1, "until it is made again");
	for (uint64 id = 1; id <= RECENT_EVENTS + 10; id++)
	{
		e.id = id;
		recent_add(r, &key, &e, 500 + (int64) id, &seen);
	}
	check(seen.n == RECENT_EVENTS && seen.more, "as many as there may be, and more are told of");
	key = key_of(2);
	for (uint64 id = 1; id <= RECENT_EVENTS; id++)
	{
		e.id = id;
		recent_add(r, &key, &e, 500 + (int64) id, &seen);
	}
	(void) recent_mark(r, &key, 1, ATTEMPT_FAILED);
	e.id = RECENT_EVENTS + 1;
	recent_add(r, &key, &e, 600, &seen);
	check(seen.n == RECENT_EVENTS && !seen.more, "one that was withdrawn is no loss");
	free(r);

	/* all sets full: how much of the room is used before somebody has to leave */
	r = new_recent(20);
	for (uint64 i = 0;; i++)
	{
		RecentCounters counters;

		key = key_of(1000000 + i);
		recent_add(r, &key, &e, 1000, &seen);
		recent_counters(r, &counters);
		if (counters.evicted > 0)
		{
			printf("# first eviction at " UINT64_FORMAT " of %u\n", i, recent_capacity(20));
			check(i > recent_capacity(20) * 8 / 10 && seen.displaced, "four fifths of all places are used before the first eviction");
			break;
		}
	}
	free(r);
}

static void
profiles(void)
{
	Recent	   *r = new_recent(2);
	char		image[RECENT_PROFILE_MAX];
	char		back[RECENT_PROFILE_MAX];
	RecentAttempts seen;
	Event		e = event_of(1, 0, 0);
	Hash128		key;
	int64		put_at = 0;
	bool		refused = true;

	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (char) draw(256);
	key = key_of(1);
	check(recent_profile_get(r, &key, back, &put_at) == 0, "no history is kept at first");
	check(recent_profile_put(r, &key, image, sizeof(image), 77) &&
		  recent_profile_get(r, &key, back, &put_at) == sizeof(image) &&
		  memcmp(image, back, sizeof(image)) == 0 && put_at == 77, "the largest history comes back, with its time");
	check(!recent_profile_put(r, &key, image, sizeof(image) + 1, 78) &&
		  !recent_profile_put(r, &key, image, 0, 78) &&
		  recent_profile_get(r, &key, back, &put_at) == sizeof(image) && put_at == 77, "a larger one does not, and changes nothing");
	check(recent_profile_put(r, &key, image, 10, 79) && recent_profile_get(r, &key, back, &put_at) == 10,
		  "a newer one replaces it");
	recent_add(r, &key, &e, 80, &seen);
	check(recent_profile_get(r, &key, back, &put_at) == 10, "attempts leave it alone");
	for (uint64 i = 1; i <= 16; i++)
	{
		key = key_of(i);
		recent_add(r, &key, &e, 90, &seen);
	}
	for (uint64 i = 100; i < 110; i++)
	{
		key = key_of(i);
		refused &= !recent_profile_put(r, &key, image, 10, 100);
	}
	check(refused, "no attempts of the last hour are given up for a history");
	key = key_of(100);
	check(recent_profile_put(r, &key, image, 10, 90 + RECENT_KEPT), "older ones are");
	free(r);
}

static bool
memory_has(const Recent *r, uint32 sets, const void *bytes, size_t len)
{
	const char *p = (const char *) r;

	for (size_t i = 0; i + len <= recent_size(sets); i++)
		if (memcmp(p + i, bytes, len) == 0)
			return true;
	return false;
}

static void
forgetting(void)
{
	Recent	   *r = new_recent(2);
	Hash128		key = key_of(1);
	Hash128		other = key_of(2);
	Event		e = event_of(UINT64CONST(0x1122334455667788), 1000, 10000);
	uint8		packed[EVENT_SIZE];
	char		image[] = "what is known of somebody";
	char		back[RECENT_PROFILE_MAX];
	int64		put_at = 0;
	RecentAttempts seen;
	RecentCounters counters;

	event_pack(&e, packed);
	recent_add(r, &key, &e, 100, &seen);
	(void) recent_profile_put(r, &key, image, sizeof(image), 100);
	e.id++;
	recent_add(r, &other, &e, 100, &seen);
	check(memory_has(r, 2, packed, EVENT_SIZE) && memory_has(r, 2, image, sizeof(image)) && memory_has(r, 2, &key, sizeof(key)),
		  "a customer is in memory");
	check(recent_forget(r, &key) && !recent_forget(r, &key), "he is forgotten, once");
	check(!memory_has(r, 2, packed, EVENT_SIZE) && !memory_has(r, 2, image, sizeof(image)) && !memory_has(r, 2, &key, sizeof(key)),
		  "and no byte of him is left");
	recent_read(r, &key, 101, &seen);
	check(seen.n == 0 && !seen.incomplete && !seen.more && recent_profile_get(r, &key, back, &put_at) == 0, "he is as new as any");
	recent_read(r, &other, 101, &seen);
	recent_counters(r, &counters);
	check(seen.n == 1 && counters.customers == 1 && counters.evicted == 0, "the others are there");
	free(r);
}

/* ---- with histories ---- */

#define STORED_MAX			80

static Event *
in_list(Event *list, int n, const Event *e)
{
	for (int i = 0; i < n; i++)
		if (list[i].time == e->time && list[i].id == e->id)
			return &list[i];
	return NULL;
}

static int
compare_events(const void *a, const void *b)
{
	uint8		pa[EVENT_SIZE];
	uint8		pb[EVENT_SIZE];

	event_pack(a, pa);
	event_pack(b, pb);
	return memcmp(pa, pb, EVENT_SIZE);
}

static void
merging(void)
{
	static const int64 windows[] = {60 * USECS_A_SECOND, 10 * MINUTE, 60 * MINUTE};
	static ProfileState state;
	static ProfileState expected;
	static ProfileView view;
	int			wrong_bytes = 0;
	int			wrong_counts = 0;
	int			wrong_left = 0;
	int			left = 0;
	int			full = 0;

	for (int round = 0; round < 20000; round++)
	{
		Event		stored[STORED_MAX];
		Event		all[STORED_MAX + RECENT_EVENTS];
		int			nall;
		Event		live[RECENT_EVENTS];
		int			nstored = (int) draw(draw(2) == 0 ? STORED_MAX : 35);
		int			nlive = (int) draw(RECENT_EVENTS + 1);
		int			must_leave = 0;
		int			left_out;
		int64		t = (int64) (60 + draw(60)) * MINUTE;
		uint64		own = 1 + draw(60);
		Recent	   *r = new_recent(1);
		Hash128		key = key_of(1);
		RecentAttempts seen;
		WindowSums	sums[3];
		char		a[PROFILE_BUFFER_SIZE] = {0};
		char		b[PROFILE_BUFFER_SIZE] = {0};
		bool		exact = true;

		for (int i = 0; i < nstored;)
		{
			Event		e = event_of(1 + draw(200), (int64) draw(120) * MINUTE, (int64) (1 + draw(50)) * 10000);

			e.status = (uint8) (STATUS_PENDING + draw(STATUS_APPROVED));
			if (!in_list(stored, i, &e))
				stored[i++] = e;
		}
		recent_read(r, &key, 0, &seen);
		for (int i = 0; i < nlive; i++)
		{
			/* mostly new ones; some are versions of what is stored */
			Event		e = event_of(1 + draw(200), (int64) draw(130) * MINUTE, (int64) (1 + draw(50)) * 10000);

			if (nstored > 0 && draw(3) == 0)
			{
				e = stored[draw((uint64) nstored)];
				e.status = STATUS_LIVE;
			}
			recent_add(r, &key, &e, i, &seen);
			if (draw(4) == 0)
				(void) recent_mark(r, &key, e.id, ATTEMPT_BLOCKED);
		}
		recent_read(r, &key, RECENT_EVENTS, &seen);
		nlive = seen.n;
		for (int i = 0; i < nlive; i++)
			event_unpack(seen.events + i * EVENT_SIZE, &live[i]);

		profile_init(&state, 1);
		for (int i = 0; i < nstored; i++)
			profile_observe(&state, &stored[i]);
		left_out = attempts_merge(&state, &seen, t, own);

		/* the set of all events, of each the version of the highest rank; without live ones that may be counted */
		qsort(stored, nstored, sizeof(Event), compare_events);
		memcpy(all, stored, sizeof(Event) * nstored);
		nall = nstored;
		for (int i = 0; i < nlive; i++)
		{
			const Event *oldest = nstored > PROFILE_RING ? &stored[nstored - PROFILE_RING] : NULL;
			Event	   *known = in_list(all, nall, &live[i]);

			if (live[i].time > t || live[i].id == own)
				continue;
			if (oldest != NULL && (live[i].time < oldest->time || (live[i].time == oldest->time && live[i].id < oldest->id)))
				must_leave++;
			else if (known == NULL)
				all[nall++] = live[i];
			else if (compare_events(&live[i], known) > 0)
				*known = live[i];
		}
		qsort(all, nall, sizeof(Event), compare_events);
		profile_init(&expected, 1);
		for (int i = 0; i < nall; i++)
			profile_observe(&expected, &all[i]);
		wrong_left += left_out != must_leave;
		wrong_bytes += profile_encode(&state, a) != profile_encode(&expected, b) || memcmp(a, b, sizeof(a)) != 0;
		left += left_out > 0;

		/* what is counted then, plainly */
		profile_view(&state, t, true, own, &view);
		view_windows(&view, 3, windows, sums);
		for (int w = 0; w < 3; w++)
		{
			uint64		n = 0;
			uint64		declined = 0;
			uint64		spend = 0;

			for (int i = 0; i < nall; i++)
			{
				uint8		status = all[i].status;

				if (all[i].time <= t - windows[w] || all[i].time > t || all[i].id == own || status == STATUS_FAILED)
					continue;
				n++;
				declined += status == STATUS_DECLINED;
				spend += status == STATUS_DECLINED || status == STATUS_BLOCKED ? 0 : all[i].amount;
			}
			exact &= sums[w].exact && left_out == 0;
			if (exact ? sums[w].attempts != n || sums[w].declined != declined || sums[w].spend != spend :
				sums[w].attempts > n)
				wrong_counts++;
		}
		full += exact;
		free(r);
	}
	printf("# left out in %d rounds, exact in %d of 20000\n", left, full);
	check(wrong_left == 0, "live attempts that may be counted already are left out, no others");
	check(wrong_bytes == 0, "merged, the version of the highest rank wins: the bytes of the history of all events");
	check(wrong_counts == 0, "windows count each attempt once; inexact ones are lower bounds");
	check(left > 100 && full > 5000, "both kinds of rounds were there");
}

int
main(void)
{
	edges();
	profiles();
	forgetting();
	against_model(1, 12, MINUTE, 60, "one set, more customers than places");
	against_model(3, 40, 20 * USECS_A_SECOND, 40, "a flood: three sets, many customers, all within the hour");
	against_model(8, 200, 2 * MINUTE, 1000, "attempts of many ages");
	against_model(40, 300, USECS_A_SECOND, 50, "room for nearly all");
	merging();
	return tap_end();
}
