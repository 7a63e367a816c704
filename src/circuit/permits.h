/*-------------------------------------------------------------------------
 *
 * permits.h
 *	  Calls in flight: who holds a permit of which circuit, since when.
 *
 * A slot is free, or of one call. Its word holds the status, whether the call
 * is held, and how often the slot was used. Whoever moves it from one status to the next by
 * compare-and-swap does what the move means; nobody else does it again.
 *
 *	 FREE, DONE, EXPIRED -> BUSY	 somebody takes it
 *	 BUSY -> ACTIVE					 it is filled
 *	 ACTIVE -> DONE					 the call ended
 *	 ACTIVE -> OVERDUE				 it is counted as a timeout already
 *	 OVERDUE -> DONE, ACTIVE -> EXPIRED, OVERDUE -> EXPIRED
 *
 * While the transaction that acquired it goes on, a permit is its backend's
 * and ends with it. Afterwards any session may finish it, and it expires with
 * its lease.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_PERMITS_H
#define FRAUD_CIRCUIT_PERMITS_H

#include "circuit/circuits.h"

typedef enum SlotStatus
{
	SLOT_FREE, SLOT_BUSY, SLOT_ACTIVE, SLOT_OVERDUE, SLOT_DONE, SLOT_EXPIRED
} SlotStatus;

typedef struct Slot
{
	pg_atomic_uint64 word pg_attribute_aligned(64); /* use * 16 + held * 8 + SlotStatus */
	uint64		generation;
	int64		since;			/* clock_now() */
	int64		deadline;		/* overdue when it is later than that; its lease goes on for the grace */
	uint64		reporter;		/* who would have reported its end */
	uint32		circuit;
	int32		pid;
	Oid			role;
	Oid			database;
} Slot;

#define SLOT_STATUS(word)	((SlotStatus) ((word) & 7))
#define SLOT_HOLD			UINT64CONST(8)
#define SLOT_HELD(word)		(((word) & SLOT_HOLD) != 0)	/* its backend's transaction goes on */
#define SLOT_USE(word)		((word) >> 4)

extern Slot *permit_slot(uint32 slot);
extern Size permits_size(int slots);
extern int	permits_slots(void);

/* Before permit_take(), outside locks: may allocate. */
extern void permit_prepare(void);

/* A place for a call, filled, and its ticket; NULL where none is free. */
extern Slot *permit_take(const Circuit *c, uint64 generation, int64 now, int64 *ticket);

/* The slot of a ticket, and its word as found; NULL: not a ticket of this start. */
extern Slot *permit_find(int64 ticket, uint64 *word, bool *current);

/* Whether its call has not ended, and its lease neither. */
extern bool permit_open(int64 ticket);

/* True: it is ours to end, in this status. One that is counted as a timeout may be held still. */
extern bool permit_move(Slot *slot, uint64 word, SlotStatus to);

/* This session does not hold it any more. */
extern void permit_forget(const Slot *slot);

/*
 * Counts what is overdue, and lets go what is past its lease. Under the lock
 * of the circuit; may change its state, so the caller goes on with aftermath.
 */
extern void permits_sweep(Circuit *c, int64 now, CircuitAftermath *aftermath);

extern void permits_attach(void *memory, bool found, int slots);

#endif							/* FRAUD_CIRCUIT_PERMITS_H */
