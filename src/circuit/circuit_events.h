/*-------------------------------------------------------------------------
 *
 * circuit_events.h
 *	  Changes of circuits as events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUIT_EVENTS_H
#define FRAUD_CIRCUIT_CIRCUIT_EVENTS_H

#include "circuit/circuits.h"

/* Publishes the changes; outside locks, with interrupts held. Never fails. */
extern void circuit_events(const char *name, const CircuitAftermath *aftermath);

/* There was no room for a circuit of this name. */
extern void circuit_event_full(const char *name, int max);

/* There was no room for a call in flight. */
extern void circuit_event_no_slot(const char *name, int max);

/* What a change means, for people: "5 failures within 10 s". */
extern void circuit_change_text(char *dst, size_t size, const CircuitChange *change,
								const CircuitConfig *config, const char *forced_reason);

/* "1 min 30 s", "250 ms". */
extern char *circuit_duration(char *dst, size_t size, int64 microseconds);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_EVENTS_H */
