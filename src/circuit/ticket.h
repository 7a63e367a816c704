/*-------------------------------------------------------------------------
 *
 * ticket.h
 *	  What an admitted call holds: one number that names its place.
 *
 * 63 bits: a mark of 14, the circuit 10, the slot 15, and how often the slot
 * had been used, 24. The mark is a hash of the rest and a secret of this start
 * of the server: a number that was made up, or is of another start, is known
 * as such but for one in 16,384.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_TICKET_H
#define FRAUD_CIRCUIT_TICKET_H

#define TICKET_CIRCUITS		1024
#define TICKET_SLOTS		32768
#define TICKET_USES			(1 << 24)

typedef struct Ticket
{
	uint32		circuit;
	uint32		slot;
	uint32		use;			/* modulo TICKET_USES */
} Ticket;

extern int64 ticket_encode(const Ticket *ticket, uint64 secret);

/* False: not one of this start of the server. */
extern bool ticket_decode(int64 number, uint64 secret, Ticket *ticket);

#endif							/* FRAUD_CIRCUIT_TICKET_H */
