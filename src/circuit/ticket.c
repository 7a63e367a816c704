/*-------------------------------------------------------------------------
 *
 * ticket.c
 *	  Tickets as numbers; see ticket.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/ticket.h"

#define MARK_SHIFT			49

/* The finalizer of MurmurHash3 (A. Appleby, public domain). */
static uint64
mark_of(uint64 rest, uint64 secret)
{
	uint64		h = rest ^ secret;

	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h += secret;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h >> (64 - 14);
}

int64
ticket_encode(const Ticket *ticket, uint64 secret)
{
	uint64		rest = ((uint64) ticket->circuit << 39) | ((uint64) ticket->slot << 24) |
		(ticket->use & (TICKET_USES - 1));

	return (int64) (mark_of(rest, secret) << MARK_SHIFT | rest);
}

bool
ticket_decode(int64 number, uint64 secret, Ticket *ticket)
{
	uint64		rest = (uint64) number & ((UINT64CONST(1) << MARK_SHIFT) - 1);

	ticket->circuit = (uint32) (rest >> 39);
	ticket->slot = (uint32) (rest >> 24) & (TICKET_SLOTS - 1);
	ticket->use = (uint32) rest & (TICKET_USES - 1);
	return number >= 0 && (uint64) number >> MARK_SHIFT == mark_of(rest, secret);
}
