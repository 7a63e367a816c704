/*-------------------------------------------------------------------------
 *
 * event_reader.h
 *	  The worker's side of events.h: each reader sees each event once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_EVENT_READER_H
#define FRAUD_CORE_EVENT_READER_H

#include "core/events.h"

typedef enum EventReader
{
	EVENT_READER_LOG,
	EVENT_READER_TABLE
} EventReader;

#define EVENT_READERS		(EVENT_READER_TABLE + 1)

/* Where the reader has been; kept in shared memory. */
extern uint64 events_position(EventReader reader);
extern void events_advance(EventReader reader, uint64 position, uint64 lost);

/*
 * The event at *place or behind, and the place behind that. Adds what is
 * overwritten on the way to *lost. False at the end.
 */
extern bool events_next(EventReader reader, uint64 *place, uint64 *lost, FraudEvent *event);

#endif							/* FRAUD_CORE_EVENT_READER_H */
