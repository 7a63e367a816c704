/*-------------------------------------------------------------------------
 *
 * events.h
 *	  What happened: a ring in shared memory that the worker empties into the
 *	  server's log, the table fraud_events and the channel fraud_fallback.
 *
 * An event is reserved where its order is decided, under the lock of its
 * subject, and published outside all locks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_EVENTS_H
#define FRAUD_CORE_EVENTS_H

#include "datatype/timestamp.h"

#define EVENT_CAUSE_MAX		1200

/* Texts are UTF-8. */
typedef struct FraudEvent
{
	TimestampTz at;
	char		kind[16];		/* "circuit" */
	char		subject[64];
	char		from[20];		/* state before; empty: none */
	char		to[20];			/* state after */
	char		who[NAMEDATALEN];	/* role, or "worker" */
	char		message[256];	/* for people, one line */
	char		cause[EVENT_CAUSE_MAX]; /* a JSON object */
} FraudEvent;

/* Takes the next place. Interrupts must be held from here to publish. */
extern uint64 events_reserve(void);

/* Fills it and wakes the worker. Never waits, never fails. */
extern void events_publish(uint64 place, const FraudEvent *event);

/* The session's role, or "worker". */
extern const char *events_who(void);

extern void events_init(void);

#endif							/* FRAUD_CORE_EVENTS_H */
