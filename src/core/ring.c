/*-------------------------------------------------------------------------
 *
 * ring.c
 *	  A bounded queue without locks; see ring.h.
 *
 * The stamp of a cell is 2 * place + 1 while that place is being written and
 * 2 * place + 2 when it is done, so it only grows. A writer takes the cell by
 * compare-and-swap from an even, smaller stamp, and nobody else writes until
 * it is done: bytes of two writers never mix. One that finds the cell taken, a
 * whole ring earlier or later, gives up and says so in `given_up`, lest
 * readers wait for it. Readers copy between two looks at the stamp.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "core/ring.h"

StaticAssertDecl(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics need locks");

typedef struct Cell
{
	_Atomic uint64 stamp;		/* 0: never written */
	_Atomic uint64 given_up;	/* largest place + 1 whose writer gave up */
} Cell;

static size_t
cell_size(uint32 item_size)
{
	return sizeof(Cell) + TYPEALIGN(sizeof(uint64), (size_t) item_size);
}

static Cell *
cell_of(Ring *ring, uint64 place)
{
	return (Cell *) ((char *) (ring + 1) + (place % ring->places) * cell_size(ring->item_size));
}

size_t
ring_size(uint32 places, uint32 item_size)
{
	return sizeof(Ring) + places * cell_size(item_size);
}

void
ring_init(Ring *ring, uint32 places, uint32 item_size)
{
	memset(ring, 0, ring_size(places, item_size));
	ring->places = places;
	ring->item_size = item_size;
	atomic_init(&ring->next, 0);
	for (uint64 i = 0; i < places; i++)
	{
		Cell	   *cell = cell_of(ring, i);

		atomic_init(&cell->stamp, 0);
		atomic_init(&cell->given_up, 0);
	}
}

uint64
ring_reserve(Ring *ring)
{
	return atomic_fetch_add(&ring->next, 1);
}

void *
ring_begin(Ring *ring, uint64 place)
{
	Cell	   *cell = cell_of(ring, place);
	uint64		stamp = atomic_load(&cell->stamp);

	while (stamp % 2 == 0 && stamp <= 2 * place)
		if (atomic_compare_exchange_weak(&cell->stamp, &stamp, 2 * place + 1))
		{
			/* no byte of the item before the stamp */
			atomic_thread_fence(memory_order_release);
			return cell + 1;
		}
	if (stamp <= 2 * place)
	{
		uint64		seen = atomic_load(&cell->given_up);

		while (seen < place + 1 && !atomic_compare_exchange_weak(&cell->given_up, &seen, place + 1))
			;
	}
	return NULL;
}

void
ring_publish(Ring *ring, uint64 place)
{
	atomic_store_explicit(&cell_of(ring, place)->stamp, 2 * place + 2, memory_order_release);
}

RingRead
ring_read(Ring *ring, uint64 place, void *item)
{
	Cell	   *cell = cell_of(ring, place);
	uint64		stamp;

	if (place >= atomic_load(&ring->next))
		return RING_END;
	stamp = atomic_load(&cell->stamp);
	if (stamp < 2 * place + 2)
	{
		/* not this writer inside, and this one gave up, or one a whole ring later did already */
		if (stamp != 2 * place + 1 && atomic_load(&cell->given_up) > place)
			return RING_LOST;
		return RING_PENDING;
	}
	if (stamp > 2 * place + 2)
		return RING_LOST;
	memcpy(item, cell + 1, ring->item_size);
	/* no look at the stamp before the last byte */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&cell->stamp, memory_order_relaxed) == stamp ? RING_READ : RING_LOST;
}
