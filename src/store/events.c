/*-------------------------------------------------------------------------
 *
 * events.c
 *	  A row's events as sortable bytes; see events.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "store/events.h"

int
keyed_event_write(const KeyedEvent *e, uint8 *bytes)
{
	uint64		slot = pg_hton64((uint64) e->key.slot);
	uint8		packed[EVENT_SIZE + EVENT_SLACK];
	uint8	   *p = bytes;

	memcpy(p, &slot, 8);
	p[8] = (uint8) e->key.entity;
	p[9] = (uint8) e->key.len;
	p += KEYED_HEAD;
	memcpy(p, e->key.text, e->key.len);
	p += e->key.len;
	event_pack(&e->event, packed);
	memcpy(p, packed, EVENT_SIZE);
	p += EVENT_SIZE;
	return (int) (p - bytes);
}

bool
keyed_event_read(const uint8 *bytes, int len, KeyedEvent *e)
{
	uint8		packed[EVENT_SIZE + EVENT_SLACK] = {0};
	uint64		v;

	if (len < KEYED_HEAD || bytes[8] < FIRST_ENTITY || bytes[8] > LAST_ENTITY || bytes[9] > STORE_KEY_MAX)
		return false;
	memcpy(&v, bytes, 8);
	e->key.slot = (int64) pg_ntoh64(v);
	e->key.entity = (RuleHistory) bytes[8];
	e->key.len = bytes[9];
	if (len != KEYED_HEAD + e->key.len + EVENT_SIZE)
		return false;
	memcpy(e->key.text, bytes + KEYED_HEAD, e->key.len);
	e->key.text[e->key.len] = '\0';
	memcpy(packed, bytes + KEYED_HEAD + e->key.len, EVENT_SIZE);
	event_unpack(packed, &e->event);
	return true;
}
