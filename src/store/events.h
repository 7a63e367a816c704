/*-------------------------------------------------------------------------
 *
 * events.h
 *	  A row's events as sortable bytes, one for each of its keys.
 *
 * The bytes begin with what tells keys apart, so sorting by them brings the
 * events of a key together: slot, entity, length of the key, key; then the
 * packed event.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_EVENTS_H
#define FRAUD_STORE_EVENTS_H

#include "store/key.h"

#define KEYED_HEAD		10		/* slot, entity, length */
#define KEYED_MAX		(KEYED_HEAD + STORE_KEY_MAX + EVENT_SIZE)

typedef struct KeyedEvent
{
	StoreKey	key;
	Event		event;
} KeyedEvent;

/* Returns the number of bytes written, at most KEYED_MAX. */
extern int	keyed_event_write(const KeyedEvent *e, uint8 *bytes);

/* False where these are not such bytes. */
extern bool keyed_event_read(const uint8 *bytes, int len, KeyedEvent *e);

#endif							/* FRAUD_STORE_EVENTS_H */
