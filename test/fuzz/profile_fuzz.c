/*-------------------------------------------------------------------------
 *
 * profile_fuzz.c
 *	  Fuzz target: bytes as a profile, and bytes as a list of events.
 *
 * The first byte says which. Even: what follows is an image without its length
 * word. What profile_decode_foreign() takes must come back from
 * profile_encode() byte for byte, and so must everything built on it.
 * profile_decode(), which trusts more, may take damaged bytes: everything must
 * then still work on the state, without a word about the numbers.
 *
 * Odd: records of RECORD_SIZE bytes, one event each, distinct in (time, id),
 * and some of them frauds. The profile must be the same bytes in this order,
 * in reverse, and put together from parts. Its image is then damaged and read.
 *
 * With FRAUD_FUZZ_SEEDS=DIR in the environment, the seeds are written to DIR.
 *
 * With libFuzzer: as yaml_fuzz.c.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "driver.h"
#include "profile/view.h"

#define RECORD_SIZE		8
#define MAX_EVENTS		512

/* ---- every view ---- */

static void
view_all(const ProfileState *state, int64 t, bool use_id, uint64 id)
{
	static const int64 lengths[] = {
		1, 60 * USECS_A_SECOND, USECS_AN_HOUR, USECS_A_DAY, 7 * USECS_A_DAY,
		30 * USECS_A_DAY, VIEW_DAYS_OF_PAST * USECS_A_DAY, PG_INT64_MAX
	};
	WindowSums	sums[lengthof(lengths)];
	ProfileView view;
	PastStats	past;
	ActiveSpend active;
	HourStats	hours;
	ApprovedStats approved;
	LastLocated last;
	FraudStats	frauds;
	uint32		card = 7;
	uint32		merchant = 7;
	uint16		country = 7;
	int			i;

	profile_view(state, t, use_id, id, &view);
	FUZZ_CHECK(view.n >= 0 && view.n <= state->n);
	if (view.n > 0)
	{
		card = view.events[view.n - 1].card;
		merchant = view.events[0].merchant;
		country = view.events[0].country;
	}
	view_windows(&view, lengthof(lengths), lengths, sums);
	for (i = 1; i < (int) lengthof(lengths); i++)
	{
		FUZZ_CHECK(sums[i].attempts >= sums[i - 1].attempts);
		FUZZ_CHECK(sums[i - 1].exact || !sums[i].exact);
	}
	for (i = 0; i < (int) lengthof(lengths); i++)
	{
		WindowSums	one;
		int			cards;

		view_windows(&view, 1, &lengths[i], &one);
		FUZZ_CHECK(one.attempts == sums[i].attempts && one.declined == sums[i].declined &&
				   one.spend == sums[i].spend && one.exact == sums[i].exact);
		cards = view_cards(&view, lengths[i], i % 2 ? card : 0);
		FUZZ_CHECK(cards >= 0 && cards <= PROFILE_RING + PROFILE_CARDS + 1);
		view_approved_in_country(&view, country, lengths[i]);
		i % 2 ? view_declines(&view, lengths[i], card) : view_declines(&view, lengths[i], 0);
		view_frauds(&view, lengths[i], &frauds);
	}
	view_past(&view, &past);
	view_active(&view, &active);
	FUZZ_CHECK(active.days >= active.weeks && active.days <= 128);
	for (i = 0; i < 24; i++)
		view_hours(&view, i, i % 2 == 0, &hours);
	view_approved(&view, &approved);
	view_merchant_seen(&view, merchant);
	view_last_located(&view, 0, &last);
	view_last_located(&view, card, &last);
}

/* At the times that matter to this state. */
static void
view_everywhere(const ProfileState *state)
{
	int64		times[24];
	int			n = 0;
	int			i;

	times[n++] = EVENT_TIME_MIN;
	times[n++] = -1;
	times[n++] = EVENT_TIME_MAX;
	for (i = 0; i < state->n; i += Max(1, state->n / 3))
		times[n++] = event_time(state->ring + i * EVENT_SIZE);
	if (state->n > 0)
	{
		int64		newest = event_time(state->ring + (state->n - 1) * EVENT_SIZE);

		times[n++] = newest;
		times[n++] = newest - 1;
		times[n++] = Min(newest + USECS_AN_HOUR, EVENT_TIME_MAX);
		times[n++] = Min(newest + 40 * USECS_A_DAY, EVENT_TIME_MAX);
		times[n++] = Min(newest + 91 * USECS_A_DAY, EVENT_TIME_MAX);
	}
	if (state->summary)
	{
		times[n++] = state->newest_left;
		times[n++] = state->first_seen;
	}
	for (i = 0; i < n; i++)
	{
		view_all(state, times[i], false, 0);
		view_all(state, times[i], true,
				 state->n > 0 ? event_id(state->ring + (i % state->n) * EVENT_SIZE) : 0);
	}
}

/* ---- images ---- */

/* In memory of just its size, so that reading beyond it is noticed. */
static char *
encode(const ProfileState *state, size_t *size)
{
	char	   *buffer = palloc(PROFILE_BUFFER_SIZE);
	char	   *image;

	*size = profile_encode(state, buffer);
	FUZZ_CHECK(*size >= 16 && *size <= PROFILE_MAX_SIZE);
	image = palloc(*size);
	memset(image, 0, 4);
	memcpy(image + 4, buffer + 4, *size - 4);
	pfree(buffer);
	return image;
}

/*
 * Writes the state and reads it again. canonical: it must be good enough for a
 * dump, and the same bytes.
 */
static void
write_and_read(const ProfileState *state, bool canonical)
{
	ProfileState *again = palloc(sizeof(ProfileState));
	const char *why;
	size_t		size;
	size_t		size2;
	char	   *image = encode(state, &size);

	FUZZ_CHECK(profile_decode(image, size, again, &why));
	FUZZ_CHECK(profile_image_unavailable(image) == state->unavailable);
	if (canonical)
	{
		char	   *image2;

		if (!profile_decode_foreign(image, size, again, &why))
		{
			fprintf(stderr, "not taken back: %s\n", why);
			FUZZ_CHECK(false);
		}
		image2 = encode(again, &size2);
		FUZZ_CHECK(size == size2 && memcmp(image, image2, size) == 0);
		pfree(image2);
	}
	pfree(image);
	pfree(again);
}

/* An event from RECORD_SIZE bytes: times crowd together, spread or repeat. */
static void
make_event(const uint8 *p, int64 *clock, uint64 id, Event *e)
{
	static const int64 steps[] = {
		0, 1, USECS_A_SECOND, 60 * USECS_A_SECOND, USECS_AN_HOUR, USECS_A_DAY,
		10 * USECS_A_DAY, -USECS_AN_HOUR, -USECS_A_DAY, -30 * USECS_A_DAY
	};

	memset(e, 0, sizeof(*e));
	*clock += steps[p[0] % lengthof(steps)] * (1 + (p[1] & 0x3F));
	*clock = Max(Min(*clock, EVENT_TIME_MAX), EVENT_TIME_MIN);
	e->time = *clock;
	e->id = id;
	e->status = p[2] % (STATUS_APPROVED + 1);
	if (p[2] & 0x80)			/* mostly approved */
		e->status = STATUS_APPROVED;
	e->card = p[3] % 16;
	e->merchant = p[4];
	e->country = p[5] % 32;
	e->hour = p[6] % 25 < 24 ? p[6] % 25 : EVENT_HOUR_UNKNOWN;
	e->flags = p[7] & (EVENT_HAS_AMOUNT | EVENT_PRESENT | EVENT_LOCATED |
					   EVENT_WEEKEND | EVENT_ODD_STATUS);
	if (e->hour == EVENT_HOUR_UNKNOWN)
		e->flags &= ~EVENT_WEEKEND;
	if (e->flags & EVENT_LOCATED)
	{
		e->lat = p[5] * 32896;
		e->lon = p[6] * 32896;
	}
	if (e->flags & EVENT_HAS_AMOUNT)
	{
		e->amount = (int64) p[4] << (p[3] % 42);
		if ((p[7] & 0xE0) == 0xE0)
			e->amount = -e->amount;
		else if ((p[7] & 0xE0) == 0xC0)
			e->amount = EVENT_AMOUNT_MAX - p[4];
	}
}

/* Whatever SQL could do to a value that was read. */
static void
use_state(const ProfileState *state, const uint8 *data, size_t size, bool canonical)
{
	ProfileState *a = palloc(sizeof(ProfileState));
	ProfileState *b = palloc(sizeof(ProfileState));
	int64		clock;
	size_t		i;

	view_everywhere(state);
	write_and_read(state, canonical);
	if (state->unavailable)
	{
		pfree(a);
		pfree(b);
		return;
	}

	/* more events: around the newest one, and anywhere */
	memcpy(a, state, sizeof(ProfileState));
	clock = state->n > 0 ? event_time(state->ring + (state->n - 1) * EVENT_SIZE) : 0;
	for (i = 0; i + RECORD_SIZE <= size && i < 64 * RECORD_SIZE; i += RECORD_SIZE)
	{
		Event		e;

		make_event(data + i, &clock, event_load(data + i) & EVENT_ID_MASK, &e);
		profile_observe(a, &e);
		if (data[i] == 'f')
			profile_observe_fraud(a, &e, e.time + data[i + 1] * USECS_A_DAY);
	}
	view_everywhere(a);
	write_and_read(a, canonical);

	/* with itself, what it has become, and a younger and an older history */
	memcpy(b, state, sizeof(ProfileState));
	profile_merge(b, state);
	write_and_read(b, canonical);
	profile_merge(b, a);
	profile_merge(a, state);
	write_and_read(b, canonical);
	view_everywhere(b);
	write_and_read(a, canonical);
	profile_init(b, state->basis);
	for (i = 0; i < 80; i++)
	{
		uint8		p[RECORD_SIZE] = {(uint8) (5 + i % 6), (uint8) i, 0x80, 3, (uint8) i, (uint8) i, 11, 1};
		Event		e;

		make_event(p, &clock, i, &e);
		profile_observe(b, &e);
		if (i % 8 == 0)
			profile_observe_fraud(b, &e, e.time);
	}
	profile_merge(a, b);
	profile_merge(b, state);
	write_and_read(a, canonical);
	write_and_read(b, canonical);
	view_everywhere(b);
	pfree(a);
	pfree(b);
}

static void
try_image(const uint8 *data, size_t size)
{
	ProfileState *state = palloc(sizeof(ProfileState));
	char	   *image = palloc(size + 4);
	const char *why;

	memset(image, 0, 4);
	memcpy(image + 4, data, size);
	if (profile_decode_foreign(image, size + 4, state, &why))
	{
		size_t		again_size;
		char	   *again = encode(state, &again_size);

		FUZZ_CHECK(again_size == size + 4 && memcmp(again, image, again_size) == 0);
		pfree(again);
		use_state(state, data, size, true);
		if (fuzz_interesting != NULL)
			fuzz_interesting();
	}
	else
	{
		FUZZ_CHECK(why != NULL && why[0] != '\0');
		/* what was left behind by the check must not matter */
		memset(state, 0xA5, sizeof(*state));
		if (profile_decode(image, size + 4, state, &why))
		{
			use_state(state, data, size, false);
			if (fuzz_interesting != NULL)
				fuzz_interesting();
		}
		else
			FUZZ_CHECK(why != NULL && why[0] != '\0');
	}
	pfree(image);
	pfree(state);
}

/* Bytes changed here and there, mostly before the events. */
static void
damage(const char *good, size_t size, const uint8 *data, size_t len)
{
	ProfileState *state = palloc(sizeof(ProfileState));
	char	   *image = palloc(size);
	const char *why;
	uint64		random = size;
	int			round;

	for (round = 0; round < 12; round++)
	{
		int			changes;

		memcpy(image, good, size);
		for (changes = 1 + round % 3; changes > 0; changes--)
		{
			size_t		at;

			random = random * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407) +
				(len > 0 ? data[round % len] : 0);
			at = 4 + (random >> 33) % (size - 4);
			if (random & (UINT64CONST(1) << 32))
				at = 4 + at % Min(size - 4, 160);
			image[at] = random & (UINT64CONST(1) << 31) ? (char) (random >> 24) :
				(char) (image[at] ^ (1 << ((random >> 24) % 8)));
		}
		memset(state, 0xA5, sizeof(*state));
		if (profile_decode(image, size, state, &why))
		{
			ProfileState *strict = palloc(sizeof(ProfileState));

			use_state(state, data, Min(len, 8 * RECORD_SIZE),
					  profile_decode_foreign(image, size, strict, &why));
			pfree(strict);
		}
	}
	pfree(image);
	pfree(state);
}

/* ---- events ---- */

typedef struct Step
{
	Event		event;
	bool		fraud;
	int64		known;
} Step;

static void
take(ProfileState *state, const Step *step)
{
	profile_observe(state, &step->event);
	if (step->fraud)
		profile_observe_label(state, &step->event, step->known);
}

static void
same(const ProfileState *a, const ProfileState *b)
{
	size_t		a_size;
	size_t		b_size;
	char	   *a_image = encode(a, &a_size);
	char	   *b_image = encode(b, &b_size);

	FUZZ_CHECK(a_size == b_size && memcmp(a_image, b_image, a_size) == 0);
	pfree(a_image);
	pfree(b_image);
}

/* Every second one of the newest 32 has an earlier version of a lower rank. */
static bool
is_revised(const ProfileState *whole, const Step *step, int i)
{
	uint8		packed[EVENT_SIZE + EVENT_SLACK];

	event_pack(&step->event, packed);
	return i % 2 == 1 && step->event.status > STATUS_LIVE &&
		memcmp(packed, whole->ring, EVENT_SIZE) >= 0;
}

static void
try_events(const uint8 *records, size_t size)
{
	const uint8 *data = records;
	Step	   *steps = palloc(sizeof(Step) * MAX_EVENTS);
	ProfileState *whole = palloc(sizeof(ProfileState));
	ProfileState *other = palloc(sizeof(ProfileState));
	ProfileState *part = palloc(sizeof(ProfileState));
	int64		clock = INT64_C(848793600) * USECS_A_SECOND;
	uint64		basis = size;
	size_t		image_size;
	char	   *image;
	int			n = 0;
	int			i;
	int			parts;

	for (; (n + 1) * RECORD_SIZE <= (int64) size && n < MAX_EVENTS; data += RECORD_SIZE, n++)
	{
		/* ids of their own, whose order is not that of the times */
		make_event(data, &clock, (uint64) (n * 7919 % 4096) << 12 | n, &steps[n].event);
		steps[n].fraud = data[6] > 0xF0;
		if (steps[n].fraud && steps[n].event.status == STATUS_APPROVED)
			steps[n].event.status = STATUS_FRAUD;
		steps[n].known = clock + data[1] * USECS_AN_HOUR;
	}

	profile_init(whole, basis);
	for (i = 0; i < n; i++)
		take(whole, &steps[i]);
	profile_init(other, basis);
	for (i = n - 1; i >= 0; i--)
		take(other, &steps[i]);
	same(whole, other);

	/* in parts, by turns and one after the other, put together both ways */
	for (parts = 2; parts <= 5; parts++)
	{
		int			p;

		profile_init(other, basis);
		for (p = 0; p < parts; p++)
		{
			profile_init(part, basis);
			for (i = 0; i < n; i++)
				if ((parts % 2 == 0 ? i % parts : i * parts / n) == p)
					take(part, &steps[i]);
			if (p % 2 == 0)
				profile_merge(other, part);
			else
			{
				profile_merge(part, other);
				memcpy(other, part, sizeof(ProfileState));
			}
		}
		same(whole, other);
	}

	/* gathered, new versions of the newest events coming before the old ones */
	for (parts = 1; parts <= 3; parts++)
	{
		ProfileGather gather;
		int			p;

		profile_init(other, basis);
		gather_begin(&gather, other);
		for (i = 0; i < n; i++)
		{
			if (!is_revised(whole, &steps[i], i))
				continue;
			profile_init(part, basis);
			profile_observe(part, &steps[i].event);
			gather_add(&gather, part, true);
		}
		for (p = 0; p < parts; p++)
		{
			profile_init(part, basis);
			for (i = 0; i < n; i++)
			{
				Step		step = steps[i];

				if (i % parts != p)
					continue;
				if (is_revised(whole, &steps[i], i))
					step.event.status = STATUS_LIVE;
				take(part, &step);
			}
			gather_add(&gather, part, false);
		}
		FUZZ_CHECK(gather_finish(&gather));
		same(whole, other);
	}

	/* a repeat among the newest 32 changes nothing; nothing adds nothing */
	for (i = 0; i < n; i++)
	{
		uint8		packed[EVENT_SIZE + EVENT_SLACK];

		event_pack(&steps[i].event, packed);
		FUZZ_CHECK(event_ok(packed));
		if (memcmp(packed, whole->ring, EVENT_SIZE) >= 0)
			profile_observe(other, &steps[i].event);
	}
	profile_init(part, basis);
	profile_merge(other, part);
	same(whole, other);
	FUZZ_CHECK(whole->n == Min(n, PROFILE_RING) && whole->summary == (n > PROFILE_RING));

	use_state(whole, records, size, true);
	image = encode(whole, &image_size);
	damage(image, image_size, records, size);
	pfree(image);
	if (n > 0 && fuzz_interesting != NULL)
		fuzz_interesting();
	pfree(part);
	pfree(other);
	pfree(whole);
	pfree(steps);
}

/* ---- seeds ---- */

static void
write_seed(const char *dir, const char *file, char mode, const char *bytes, size_t size)
{
	char		path[1024];
	FILE	   *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "wb");
	FUZZ_CHECK(f != NULL);
	FUZZ_CHECK(fputc(mode, f) == mode && fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

static void
write_seeds(const char *dir)
{
	static const struct
	{
		const char *file;
		int			events;
		int			step;		/* kind of step in time, see make_event() */
		bool		frauds;
	}			seeds[] = {
		{"empty", 0, 0, false},
		{"few", 3, 4, false},
		{"ring", 32, 3, false},
		{"left", 40, 4, true},
		{"quarter", 150, 4, true},
	};
	ProfileState state;
	char		image[PROFILE_BUFFER_SIZE];
	char		file[64];
	int			i;
	int			j;

	for (i = 0; i < (int) lengthof(seeds); i++)
	{
		uint8		records[MAX_EVENTS * RECORD_SIZE];
		int64		clock = INT64_C(848793600) * USECS_A_SECOND;

		profile_init(&state, UINT64CONST(0x0123456789ABCDEF));
		for (j = 0; j < seeds[i].events; j++)
		{
			uint8	   *p = records + j * RECORD_SIZE;
			Event		e;

			p[0] = (uint8) seeds[i].step;
			p[1] = (uint8) (j * 5);
			p[2] = j % 4 == 3 ? (uint8) j : 0x80;
			p[3] = (uint8) (1 + j % 14);
			p[4] = (uint8) (j * 3);
			p[5] = (uint8) (1 + j % 9);
			p[6] = (uint8) (seeds[i].frauds && j % 17 == 0 ? 0xF1 : j % 26);
			p[7] = (uint8) (j % 5 == 0 ? 0x1F : 0x07);
			make_event(p, &clock, (uint64) j << 8, &e);
			profile_observe(&state, &e);
			if (seeds[i].frauds && j % 17 == 0)
				profile_observe_fraud(&state, &e, e.time + USECS_A_DAY);
		}
		snprintf(file, sizeof(file), "image_%s", seeds[i].file);
		write_seed(dir, file, 0, image + 4, profile_encode(&state, image) - 4);
		if (j > 0)
		{
			snprintf(file, sizeof(file), "events_%s", seeds[i].file);
			write_seed(dir, file, 1, (char *) records, j * RECORD_SIZE);
		}
	}
	profile_init(&state, 0);
	state.unavailable = true;
	write_seed(dir, "image_unavailable", 0, image + 4, profile_encode(&state, image) - 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool first = true;

	if (first && getenv("FRAUD_FUZZ_SEEDS") != NULL)
		write_seeds(getenv("FRAUD_FUZZ_SEEDS"));
	first = false;
	if (size == 0)
		return 0;
	if (data[0] & 1)
		try_events(data + 1, size - 1);
	else
		try_image(data + 1, size - 1);
	return 0;
}
