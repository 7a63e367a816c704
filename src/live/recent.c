/*-------------------------------------------------------------------------
 *
 * recent.c
 *	  One partition of the memory of live attempts; see recent.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "live/recent.h"

typedef struct Attempt
{
	uint8		event[EVENT_SIZE + 1];	/* event_load() of the identity ends inside */
	bool		withdrawn;
	int64		arrived;
} Attempt;

/* A place; `used` 0: free. */
typedef struct Customer
{
	Hash128		key;
	uint64		used;			/* the partition's tick of its last use */
	int64		newest;			/* arrival of the newest attempt; valid if n > 0 */
	int64		gap_until;		/* so long attempts from before it came here may be missing */
	int64		more_until;		/* so long one that its own newer ones pushed out would count */
	int64		profile_at;
	uint16		profile_len;	/* 0: none */
	uint8		n;				/* attempts, in order */
} Customer;

struct Recent
{
	uint32		sets;
	uint64		tick;
	RecentCounters counters;
	/*
	 * behind it: lost until (int64) of each set; Customer, RECENT_EVENTS
	 * Attempts and RECENT_PROFILE_MAX bytes of each place
	 */
};

StaticAssertDecl(sizeof(Customer) == 64, "a head is a cache line");
StaticAssertDecl(RECENT_EVENTS <= PG_UINT8_MAX, "attempts are counted in a byte");

#define PROFILE_ROOM		TYPEALIGN(8, RECENT_PROFILE_MAX)

/* ---- layout ---- */

static inline size_t
customers_at(uint32 sets)
{
	/* on a cache line */
	return TYPEALIGN(64, sizeof(Recent) + sets * sizeof(int64));
}

static inline size_t
attempts_at(uint32 sets)
{
	return customers_at(sets) + (size_t) sets * LIVE_WAYS * sizeof(Customer);
}

static inline size_t
profiles_at(uint32 sets)
{
	return attempts_at(sets) + (size_t) sets * LIVE_WAYS * RECENT_EVENTS * sizeof(Attempt);
}

size_t
recent_size(uint32 sets)
{
	return profiles_at(sets) + (size_t) sets * LIVE_WAYS * PROFILE_ROOM;
}

uint32
recent_capacity(uint32 sets)
{
	return sets * LIVE_WAYS;
}

static inline int64 *
lost_until(const Recent *r, uint32 set)
{
	return (int64 *) (r + 1) + set;
}

static inline Customer *
customer_at(const Recent *r, uint32 place)
{
	return (Customer *) ((char *) r + customers_at(r->sets)) + place;
}

static inline uint32
place_of(const Recent *r, const Customer *c)
{
	return (uint32) (c - customer_at(r, 0));
}

static inline Attempt *
attempts_of(const Recent *r, const Customer *c)
{
	return (Attempt *) ((char *) r + attempts_at(r->sets)) + (size_t) place_of(r, c) * RECENT_EVENTS;
}

static inline char *
profile_of(const Recent *r, const Customer *c)
{
	return (char *) r + profiles_at(r->sets) + (size_t) place_of(r, c) * PROFILE_ROOM;
}

void
recent_init(Recent *r, uint32 sets)
{
	uint32		i;

	/* attempts and histories count as far as heads say */
	memset(r, 0, attempts_at(sets));
	r->sets = sets;
	for (i = 0; i < sets; i++)
		*lost_until(r, i) = LIVE_NEVER;
}

void
recent_counters(const Recent *r, RecentCounters *counters)
{
	*counters = r->counters;
}

/* ---- places ---- */

static Customer *
find(const Recent *r, const Hash128 *key)
{
	int			choice;
	int			i;

	for (choice = 0; choice < 2; choice++)
	{
		Customer   *c = customer_at(r, live_set(key, r->sets, choice) * LIVE_WAYS);

		for (i = 0; i < LIVE_WAYS; i++, c++)
			if (c->used != 0 && hash128_equal(&c->key, key))
				return c;
	}
	return NULL;
}

static inline bool
attempt_counts(const Attempt *a, int64 now)
{
	return now - a->arrived < RECENT_KEPT;
}

/* Whether forgetting it loses attempts. */
static inline bool
is_live(const Customer *c, int64 now)
{
	return c->n > 0 && now - c->newest < RECENT_KEPT;
}

/* Until when attempts of a customer who is not here may be missing. */
static int64
gap_of(const Recent *r, const Hash128 *key)
{
	return Max(*lost_until(r, live_set(key, r->sets, 0)), *lost_until(r, live_set(key, r->sets, 1)));
}

/* The place to take: a free one of the emptier set, else the least recently used. */
static Customer *
choose_place(const Recent *r, const Hash128 *key)
{
	Customer   *least = NULL;
	Customer   *room = NULL;
	int			most = 0;
	int			choice;
	int			i;

	for (choice = 0; choice < 2; choice++)
	{
		Customer   *c = customer_at(r, live_set(key, r->sets, choice) * LIVE_WAYS);
		Customer   *unused = NULL;
		int			nfree = 0;

		for (i = 0; i < LIVE_WAYS; i++, c++)
		{
			if (c->used == 0)
			{
				unused = c;
				nfree++;
			}
			else if (least == NULL || c->used < least->used)
				least = c;
		}
		if (nfree > most)
		{
			most = nfree;
			room = unused;
		}
	}
	return room != NULL ? room : least;
}

static void
take_place(Recent *r, Customer *c, const Hash128 *key, int64 now)
{
	if (c->used == 0)
		r->counters.customers++;
	else
	{
		r->counters.evicted++;
		if (is_live(c, now))
		{
			int64	   *until = lost_until(r, place_of(r, c) / LIVE_WAYS);

			r->counters.evicted_live++;
			*until = Max(*until, c->newest + RECENT_KEPT);
		}
	}
	memset(c, 0, sizeof(*c));
	c->key = *key;
	c->gap_until = gap_of(r, key);
	c->more_until = LIVE_NEVER;
}

/* ---- attempts ---- */

static void
show(const Recent *r, const Customer *c, int64 now, RecentAttempts *seen)
{
	const Attempt *a = attempts_of(r, c);
	uint8	   *to = seen->events;
	int			i;

	for (i = 0; i < c->n; i++, a++)
		if (!a->withdrawn && attempt_counts(a, now))
		{
			memcpy(to, a->event, EVENT_SIZE);
			to += EVENT_SIZE;
		}
	seen->n = (int) ((to - seen->events) / EVENT_SIZE);
	seen->incomplete = now < c->gap_until;
	seen->more = now < c->more_until;
	seen->profile_at = c->profile_len > 0 ? c->profile_at : LIVE_NEVER;
}

/* Lets go of what is too old, and of an earlier version. */
static void
tidy(Attempt *a, Customer *c, uint64 identity, int64 now)
{
	int			n = 0;
	int			i;

	for (i = 0; i < c->n; i++)
		if (attempt_counts(&a[i], now) && event_id(a[i].event) != identity)
		{
			if (n < i)
				a[n] = a[i];
			n++;
		}
	c->n = (uint8) n;
}

/* Of as many as there may be, the one that came first goes. */
static void
drop_oldest(Attempt *a, Customer *c)
{
	int			oldest = 0;
	int			i;

	for (i = 1; i < c->n; i++)
		if (a[i].arrived < a[oldest].arrived)
			oldest = i;
	if (!a[oldest].withdrawn)
		c->more_until = Max(c->more_until, a[oldest].arrived + RECENT_KEPT);
	c->n--;
	memmove(&a[oldest], &a[oldest + 1], (c->n - oldest) * sizeof(Attempt));
}

void
recent_add(Recent *r, const Hash128 *key, const Event *event, int64 now, RecentAttempts *seen)
{
	Customer   *c = find(r, key);
	uint64		lost = r->counters.evicted_live;
	Attempt		add;
	Attempt    *a;
	int			i;

	memset(&add, 0, sizeof(add));
	event_pack(event, add.event);
	add.arrived = now;

	if (c == NULL)
	{
		c = choose_place(r, key);
		take_place(r, c, key, now);
	}
	a = attempts_of(r, c);
	tidy(a, c, event->id, now);
	if (c->n == RECENT_EVENTS)
		drop_oldest(a, c);
	for (i = c->n; i > 0 && memcmp(a[i - 1].event, add.event, EVENT_SIZE) > 0; i--)
		;
	memmove(&a[i + 1], &a[i], (c->n - i) * sizeof(Attempt));
	a[i] = add;
	c->n++;
	c->newest = now;
	c->used = ++r->tick;

	show(r, c, now, seen);
	seen->remembered = true;
	seen->displaced = r->counters.evicted_live != lost;
}

void
recent_read(const Recent *r, const Hash128 *key, int64 now, RecentAttempts *seen)
{
	const Customer *c = find(r, key);

	seen->remembered = seen->displaced = false;
	if (c != NULL)
		show(r, c, now, seen);
	else
	{
		seen->n = 0;
		seen->incomplete = now < gap_of(r, key);
		seen->more = false;
		seen->profile_at = LIVE_NEVER;
	}
}

bool
recent_mark(Recent *r, const Hash128 *key, uint64 identity, AttemptOutcome outcome)
{
	Customer   *c = find(r, key);
	Attempt    *a;
	int			i;

	if (c == NULL)
		return false;
	a = attempts_of(r, c);
	for (i = 0; i < c->n; i++)
		if (event_id(a[i].event) == identity)
		{
			Event		event;

			event_unpack(a[i].event, &event);
			event.status = outcome == ATTEMPT_BLOCKED ? STATUS_BLOCKED : STATUS_LIVE;
			/* time and identity come first: it stays where it is */
			event_pack(&event, a[i].event);
			a[i].withdrawn = outcome == ATTEMPT_FAILED;
			return true;
		}
	return false;
}

/* ---- histories ---- */

bool
recent_profile_put(Recent *r, const Hash128 *key, const char *image, size_t len, int64 now)
{
	Customer   *c;

	if (len == 0 || len > RECENT_PROFILE_MAX)
		return false;
	c = find(r, key);
	if (c == NULL)
	{
		c = choose_place(r, key);
		if (c->used != 0 && is_live(c, now))
			return false;
		take_place(r, c, key, now);
	}
	memcpy(profile_of(r, c), image, len);
	c->profile_len = (uint16) len;
	c->profile_at = now;
	/* attempts decide who is needed; a customer without has just come */
	if (c->used == 0)
		c->used = ++r->tick;
	return true;
}

size_t
recent_profile_get(const Recent *r, const Hash128 *key, char *image, int64 *put_at)
{
	const Customer *c = find(r, key);

	if (c == NULL || c->profile_len == 0)
		return 0;
	memcpy(image, profile_of(r, c), c->profile_len);
	*put_at = c->profile_at;
	return c->profile_len;
}

/* ---- forgetting ---- */

bool
recent_forget(Recent *r, const Hash128 *key)
{
	Customer   *c = find(r, key);

	if (c == NULL)
		return false;
	memset(attempts_of(r, c), 0, RECENT_EVENTS * sizeof(Attempt));
	memset(profile_of(r, c), 0, PROFILE_ROOM);
	memset(c, 0, sizeof(*c));
	r->counters.customers--;
	return true;
}

/* ---- with a history ---- */

int
attempts_merge(ProfileState *state, const RecentAttempts *attempts, int64 t, uint64 identity)
{
	/* without a summary nothing can have been counted before */
	bool		may_be_counted = state->summary;
	int			left_out = 0;
	int			i;

	Assert(!state->unavailable);
	for (i = 0; i < attempts->n; i++)
	{
		const uint8 *packed = attempts->events + i * EVENT_SIZE;
		Event		event;

		if (event_time(packed) > t)
			break;
		if (event_id(packed) == identity)
			continue;
		if (may_be_counted && state->n == PROFILE_RING &&
			memcmp(packed, state->ring, EVENT_KEY_SIZE) < 0)
		{
			left_out++;
			continue;
		}
		event_unpack(packed, &event);
		profile_observe(state, &event);
	}
	return left_out;
}
