/*-------------------------------------------------------------------------
 *
 * ring.h
 *	  A bounded queue of items of one size, for many writers and any number of
 *	  readers, none of whom waits for another.
 *
 * A writer takes the next place, which decides the order, and fills it later.
 * Place p is in cell p % places. A reader keeps its own position. What it is
 * too late for is lost, and it sees how much.
 *
 * Atomics are C11's: the file also compiles without the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_RING_H
#define FRAUD_CORE_RING_H

#include <stdatomic.h>

#include "core/c_base.h"

typedef struct Ring
{
	_Atomic uint64 next;		/* place of the next writer */
	uint32		places;
	uint32		item_size;
	/* cells follow */
} Ring;

typedef enum RingRead
{
	RING_READ,
	RING_END,					/* nobody has taken this place */
	RING_PENDING,				/* somebody has, and has not filled it */
	RING_LOST					/* overwritten, or given up by its writer */
} RingRead;

extern size_t ring_size(uint32 places, uint32 item_size);
extern void ring_init(Ring *ring, uint32 places, uint32 item_size);

extern uint64 ring_reserve(Ring *ring);

/*
 * Where to put the item, NULL where the place cannot be had: a later writer of
 * the cell was faster, or an earlier one is still in it. Then ring_publish().
 */
extern void *ring_begin(Ring *ring, uint64 place);
extern void ring_publish(Ring *ring, uint64 place);

/* Copies the item out if it is there. */
extern RingRead ring_read(Ring *ring, uint64 place, void *item);

#endif							/* FRAUD_CORE_RING_H */
