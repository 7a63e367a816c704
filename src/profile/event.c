/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Packing of events; the layout is in event.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "policy/policy.h"
#include "profile/event.h"

static inline void
event_store(uint8 *p, uint64 v, int nbytes)
{
	while (nbytes-- > 0)
	{
		p[nbytes] = (uint8) v;
		v >>= 8;
	}
}

void
event_pack(const Event *e, uint8 *p)
{
	Assert(e->time >= EVENT_TIME_MIN && e->time <= EVENT_TIME_MAX);
	Assert(e->amount >= -EVENT_AMOUNT_MAX && e->amount <= EVENT_AMOUNT_MAX);

	event_store(p, (uint64) (e->time + EVENT_TIME_BIAS), 7);
	event_store(p + 7, e->id, 6);
	p[13] = (uint8) (e->status << 5 | e->flags);
	event_store(p + 14, (uint64) (e->amount + EVENT_AMOUNT_BIAS) << 5 | e->hour, 7);
	event_store(p + 21, e->merchant, 3);
	event_store(p + 24, e->card, 4);
	event_store(p + 28,
				(uint64) e->country << 46 | (uint64) e->lat << 23 | e->lon, 7);
}

bool
event_ok(const uint8 *p)
{
	Event		e;

	event_unpack(p, &e);
	if (e.status > STATUS_FRAUD || e.country > EVENT_COUNTRY_MAX)
		return false;
	if (e.hour > 23 && e.hour != EVENT_HOUR_UNKNOWN)
		return false;
	if (e.amount < -EVENT_AMOUNT_MAX || e.amount > EVENT_AMOUNT_MAX)
		return false;
	if (!(e.flags & EVENT_HAS_AMOUNT) && e.amount != 0)
		return false;
	if (!(e.flags & EVENT_LOCATED) && (e.lat != 0 || e.lon != 0))
		return false;
	return true;
}
