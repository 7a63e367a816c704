/*-------------------------------------------------------------------------
 *
 * ring_unit.c
 *	  The ring of events: order, overwriting, writers that are slow, and many
 *	  at once. The header of saved files. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <pthread.h>

#include "core/ring.h"
#include "core/state_image.h"
#include "tap.h"

#define PLACES		4
#define WORDS		200

typedef struct Item
{
	uint64		word[WORDS];
} Item;

static Ring *
new_ring(uint32 places)
{
	Ring	   *ring = malloc(ring_size(places, sizeof(Item)));

	ring_init(ring, places, sizeof(Item));
	return ring;
}

static void
fill(Item *item, uint64 value)
{
	for (int i = 0; i < WORDS; i++)
		item->word[i] = value;
}

static bool
is_whole(const Item *item, uint64 value)
{
	for (int i = 0; i < WORDS; i++)
		if (item->word[i] != value)
			return false;
	return true;
}

static bool
put(Ring *ring, uint64 value)
{
	uint64		place = ring_reserve(ring);
	Item	   *item = ring_begin(ring, place);

	if (item == NULL)
		return false;
	fill(item, value);
	ring_publish(ring, place);
	return true;
}

static bool
reads(Ring *ring, uint64 place, uint64 value)
{
	Item		item;

	return ring_read(ring, place, &item) == RING_READ && is_whole(&item, value);
}

static RingRead
result(Ring *ring, uint64 place)
{
	Item		item;

	return ring_read(ring, place, &item);
}

static void
order(void)
{
	Ring	   *ring = new_ring(PLACES);
	uint64		early;
	uint64		late;

	check(result(ring, 0) == RING_END, "an empty ring has nothing");
	check(put(ring, 10) && reads(ring, 0, 10) && result(ring, 1) == RING_END, "what is put is read");
	check(reads(ring, 0, 10), "by every reader");

	early = ring_reserve(ring);
	late = ring_reserve(ring);
	fill(ring_begin(ring, late), 30);
	ring_publish(ring, late);
	check(result(ring, early) == RING_PENDING && reads(ring, late, 30), "a place that is not filled is waited for");
	fill(ring_begin(ring, early), 20);
	check(result(ring, early) == RING_PENDING, "while it is being filled as well");
	ring_publish(ring, early);
	check(reads(ring, early, 20) && reads(ring, late, 30), "then the order is that of the places");

	for (int i = 3; i < 7; i++)
		put(ring, i);
	check(result(ring, 0) == RING_LOST && result(ring, 2) == RING_LOST && reads(ring, 3, 3) && reads(ring, 6, 6),
		  "the newest are kept, older ones are lost");
	free(ring);
}

/* Writers that take a place and come back much later. */
static void
slow(void)
{
	Ring	   *ring = new_ring(PLACES);
	uint64		place = ring_reserve(ring);
	Item	   *item;

	for (int i = 1; i < PLACES; i++)
		put(ring, i);
	check(put(ring, 100), "a whole ring later the place of a writer that has not begun is taken");
	check(ring_begin(ring, place) == NULL, "who comes too late gives up");
	check(result(ring, place) == RING_LOST && reads(ring, PLACES, 100), "and is lost, nothing else");
	free(ring);

	ring = new_ring(PLACES);
	place = ring_reserve(ring);
	item = ring_begin(ring, place);
	fill(item, 7);
	for (int i = 1; i < PLACES; i++)
		put(ring, i);
	check(!put(ring, 100), "where a writer is inside, one a whole ring later gives up");
	check(result(ring, PLACES) == RING_LOST && result(ring, place) == RING_PENDING, "nobody waits for it");
	check(put(ring, 101) && reads(ring, PLACES + 1, 101), "others go on");
	fill(item, 8);
	ring_publish(ring, place);
	check(reads(ring, place, 8), "the slow one is whole");
	for (int i = 2; i < PLACES; i++)
		put(ring, i);
	check(put(ring, 200) && reads(ring, 2 * PLACES, 200) && result(ring, PLACES) == RING_LOST && result(ring, place) == RING_LOST,
		  "and its cell is used again");
	free(ring);

	ring = new_ring(PLACES);
	place = ring_reserve(ring);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < PLACES; i++)
			put(ring, round);
	check(result(ring, place) == RING_LOST, "a place that is never filled is lost a ring later");
	free(ring);
}

/* ---- threads ---- */

#define WRITERS		4
#define ITEMS		50000

static Ring *shared;
static _Atomic int writing;

static void *
writer(void *arg)
{
	for (int i = 0; i < ITEMS; i++)
	{
		uint64		place = ring_reserve(shared);
		Item	   *item = ring_begin(shared, place);

		if (item == NULL)
			continue;
		fill(item, place);
		ring_publish(shared, place);
	}
	writing--;
	return NULL;
}

static void
threads(void)
{
	pthread_t	thread[WRITERS];
	uint64		place = 0;
	uint64		count[RING_LOST + 1] = {0};
	uint64		torn = 0;

	shared = new_ring(8);
	writing = WRITERS;
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&thread[i], NULL, writer, NULL);
	for (;;)
	{
		bool		last = writing == 0;
		Item		item;
		RingRead	got = ring_read(shared, place, &item);

		if (got == RING_END && last)
			break;
		if (got == RING_READ && !is_whole(&item, place))
			torn++;
		count[got]++;
		if (got == RING_READ || got == RING_LOST)
			place++;
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	printf("# read " UINT64_FORMAT ", lost " UINT64_FORMAT ", waited " UINT64_FORMAT "\n",
		   count[RING_READ], count[RING_LOST], count[RING_PENDING]);
	check(torn == 0, "many writers: every item read is whole and of its place");
	check(count[RING_READ] + count[RING_LOST] == WRITERS * ITEMS, "and each is read or known to be lost");
	check(count[RING_READ] > 0, "some are read");
	free(shared);
}

/* ---- saved files ---- */

static void
images(void)
{
	char		bytes[100];
	StateHeader header;
	int			missed = 0;

	for (int i = 0; i < (int) sizeof(bytes); i++)
		bytes[i] = (char) i;
	state_header_make(&header, bytes, sizeof(bytes));
	check(state_header_check(&header, bytes, sizeof(bytes)) == NULL, "a saved file is good");
	check(state_header_check(&header, bytes, sizeof(bytes) - 1) != NULL, "a short one is not");
	for (int i = 0; i < (int) sizeof(bytes) * 8; i++)
	{
		bytes[i / 8] ^= (char) (1 << i % 8);
		missed += state_header_check(&header, bytes, sizeof(bytes)) == NULL;
		bytes[i / 8] ^= (char) (1 << i % 8);
	}
	check(missed == 0, "nor one with a flipped bit");
	missed = 0;
	for (int i = 0; i < (int) sizeof(header) * 8; i++)
	{
		((char *) &header)[i / 8] ^= (char) (1 << i % 8);
		missed += state_header_check(&header, bytes, sizeof(bytes)) == NULL;
		((char *) &header)[i / 8] ^= (char) (1 << i % 8);
	}
	check(missed == 0, "in its header neither");
	state_header_make(&header, bytes, 0);
	check(state_header_check(&header, bytes, 0) == NULL, "an empty one is good");
}

int
main(void)
{
	order();
	slow();
	threads();
	images();
	return tap_end();
}
