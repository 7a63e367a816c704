/*-------------------------------------------------------------------------
 *
 * event.h
 *	  One transaction as history remembers it: 35 bytes.
 *
 * Packed events compare with memcmp(): first the time, then the identity,
 * then the rank of the status, then the rest. That is the order of RULES.md
 * section 1, and of two versions of one transaction at one time the greater
 * is the one to keep.
 *
 *	bytes	 0 ..  6	time, microseconds since 2000-01-01 UTC, biased, 56 bits
 *			 7 .. 12	identity hash, 48 bits
 *			13			status (3 bits), flags (5 bits)
 *			14 .. 20	amount in ten-thousandths, biased, 51 bits; local hour, 5 bits
 *			21 .. 23	merchant hash, 24 bits, 0 none
 *			24 .. 27	card hash, 32 bits, 0 none
 *			28 .. 34	country, 10 bits; latitude, longitude, 23 bits each
 *
 * Positions are kept to 2.4 m (latitude) and 4.8 m (longitude, at the
 * equator). Merchant, card and identity are told apart by hash alone.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_PROFILE_EVENT_H
#define FRAUD_PROFILE_EVENT_H

#include "port/pg_bswap.h"

#define EVENT_SIZE			35
#define EVENT_KEY_SIZE		13	/* time and identity */
#define EVENT_SLACK			8	/* readable bytes wanted after the last event */

#define EVENT_TIME_BIAS		(INT64_C(1) << 55)
#define EVENT_TIME_MAX		(EVENT_TIME_BIAS - 1)	/* about the year 3141 */
#define EVENT_TIME_MIN		(-EVENT_TIME_BIAS)	/* about the year 858 */
#define EVENT_AMOUNT_BIAS	(INT64_C(1) << 50)
#define EVENT_AMOUNT_MAX	INT64_C(1000000000000000)	/* 10^11 units */
#define EVENT_ID_MASK		((UINT64_C(1) << 48) - 1)
#define EVENT_MERCHANT_MASK 0xFFFFFF
#define EVENT_HOUR_UNKNOWN	31
#define EVENT_COUNTRY_MAX	676 /* 1 + 26 * 26 - 1 */
#define EVENT_POSITION_MAX	((1 << 23) - 1)

#define EVENT_HAS_AMOUNT	0x01
#define EVENT_PRESENT		0x02	/* card present, or no channel known */
#define EVENT_LOCATED		0x04	/* position known */
#define EVENT_WEEKEND		0x08	/* by the local date */
#define EVENT_ODD_STATUS	0x10	/* status word unknown to the policy */

/* An event unpacked. Times are microseconds, amounts ten-thousandths. */
typedef struct Event
{
	int64		time;
	uint64		id;
	int64		amount;			/* 0 without EVENT_HAS_AMOUNT */
	uint32		card;
	uint32		merchant;
	uint32		lat;			/* 0 .. EVENT_POSITION_MAX over -90 .. 90 */
	uint32		lon;			/* the same over -180 .. 180 */
	uint16		country;		/* 0 none, else 1 + 26 * first + second letter */
	uint8		status;			/* TxnStatus */
	uint8		flags;
	uint8		hour;			/* local, 0 .. 23 or EVENT_HOUR_UNKNOWN */
	uint8		is;				/* what it counts as: EVENT_IS_ bits, set by unpacking */
} Event;

/* What an event counts as; see RULES.md section 1. A refund counts as nothing. */
#define EVENT_IS_ATTEMPT	0x01
#define EVENT_IS_DECLINED	0x02
#define EVENT_IS_SPEND		0x04
#define EVENT_IS_APPROVED	0x08
#define EVENT_IS_PAST		0x10	/* approved, over zero */
#define EVENT_IS_LOCATED	0x20	/* approved, card present, position known */
#define EVENT_IS_FRAUD		0x40	/* as EVENT_IS_PAST, but confirmed to be fraud */

static inline uint64
event_load(const uint8 *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
	return pg_ntoh64(v);
}

static inline int64
event_time(const uint8 *p)
{
	return (int64) (event_load(p) >> 8) - EVENT_TIME_BIAS;
}

static inline uint64
event_id(const uint8 *p)
{
	return event_load(p + 7) >> 16;
}

/* Time, identity, status, amount, hour and what it counts as. */
static inline void
event_unpack_counts(const uint8 *p, Event *e)
{
	static const uint8 status_is[8] = {
		[STATUS_LIVE] = EVENT_IS_ATTEMPT | EVENT_IS_SPEND,
		[STATUS_PENDING] = EVENT_IS_ATTEMPT | EVENT_IS_SPEND,
		[STATUS_BLOCKED] = EVENT_IS_ATTEMPT,
		[STATUS_DECLINED] = EVENT_IS_ATTEMPT | EVENT_IS_DECLINED,
		[STATUS_APPROVED] = EVENT_IS_ATTEMPT | EVENT_IS_SPEND | EVENT_IS_APPROVED |
		EVENT_IS_PAST | EVENT_IS_LOCATED,
		[STATUS_FRAUD] = EVENT_IS_ATTEMPT | EVENT_IS_SPEND | EVENT_IS_APPROVED |
		EVENT_IS_FRAUD | EVENT_IS_LOCATED,
	};
	uint64		v;

	e->time = event_time(p);
	e->id = event_id(p);
	v = event_load(p + 13);
	e->status = (uint8) (v >> 61);
	e->flags = (v >> 56) & 0x1F;
	e->amount = (int64) ((v >> 5) & ((UINT64_C(1) << 51) - 1)) - EVENT_AMOUNT_BIAS;
	e->hour = v & 0x1F;

	e->is = e->amount < 0 ? 0 : status_is[e->status];
	if (e->amount == 0)
		e->is &= ~(EVENT_IS_SPEND | EVENT_IS_PAST | EVENT_IS_FRAUD);
	if ((e->flags & (EVENT_PRESENT | EVENT_LOCATED)) != (EVENT_PRESENT | EVENT_LOCATED))
		e->is &= ~EVENT_IS_LOCATED;
}

static inline uint32
event_merchant(const uint8 *p)
{
	return (uint32) (event_load(p + 21) >> 40);
}

static inline uint32
event_card(const uint8 *p)
{
	return (uint32) (event_load(p + 21) >> 8);
}

static inline void
event_unpack_place(const uint8 *p, Event *e)
{
	uint64		v = event_load(p + 27);

	e->country = (v >> 46) & 0x3FF;
	e->lat = (uint32) (v >> 23) & EVENT_POSITION_MAX;
	e->lon = (uint32) v & EVENT_POSITION_MAX;
}

static inline void
event_unpack(const uint8 *p, Event *e)
{
	event_unpack_counts(p, e);
	e->merchant = event_merchant(p);
	e->card = event_card(p);
	event_unpack_place(p, e);
}

/* Event.country as two letters and a NUL. */
static inline void
country_letters(uint16 country, char *two)
{
	two[0] = 'A' + (country - 1) / 26;
	two[1] = 'A' + (country - 1) % 26;
	two[2] = '\0';
}

extern void event_pack(const Event *e, uint8 *p);

/* Whether 35 bytes from outside are an event this code could have packed. */
extern bool event_ok(const uint8 *p);

#endif							/* FRAUD_PROFILE_EVENT_H */
