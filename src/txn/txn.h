/*-------------------------------------------------------------------------
 *
 * txn.h
 *	  One transaction, whatever it came from: a row or a JSON object.
 *
 * values.c reads single values (no fmgr), txn_row.c finds the columns of a row
 * type, txn_fill.c fills a Txn. What cannot be used (a NaN amount, a country
 * of three letters) counts as missing and is marked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_TXN_TXN_H
#define FRAUD_TXN_TXN_H

#include "policy/policy.h"
#include "profile/event.h"

#define TXN_SCRATCH		256

typedef struct TxnText
{
	const char *p;				/* not terminated */
	int			len;			/* 0: missing */
} TxnText;

typedef struct Txn
{
	uint32		columns;		/* COL_BITs the row type or object has */
	uint32		known;			/* COL_BITs with a usable value */
	uint32		unusable;		/* COL_BITs with a value that cannot be used */

	TxnText		txn_id;
	TxnText		customer;
	TxnText		card;
	TxnText		merchant;
	bool		blanks;			/* the id of transaction, customer or merchant had some around it */
	TxnText		category;		/* lower case, blanks and hyphens as underscores */
	uint64		identity;		/* always set; 48 bits */
	uint32		card_hash;		/* 0 none */
	uint32		merchant_hash;	/* 24 bits, 0 none */

	int64		amount;			/* ten-thousandths of the base currency */
	uint64		odd_amount;		/* hash of amount and currency as they came, where they are none */
	int64		time;			/* microseconds since 2000-01-01 UTC */
	bool		date_only;		/* occurred_at has no time of day */
	int			hour;			/* local, valid with COL_OCCURRED_AT */
	int			iso_dow;		/* local, 1 Monday .. 7 Sunday */
	bool		weekend;
	int32		day;			/* local, days since 2000-01-01 */

	uint16		country;		/* as Event.country */
	uint16		home_country;
	uint32		lat;			/* as Event.lat */
	uint32		lon;
	uint8		channel;		/* TxnChannel */
	uint8		status;			/* TxnStatus, for history only */
	bool		odd_status;		/* a word the policy does not know */
	char		mcc[5];			/* four digits, valid with COL_MCC */
	uint8		ip_family;		/* 4, 6, or 0 none */
	uint8		ip[16];
	int64		daily_limit;	/* ten-thousandths */
	int64		weekly_limit;

	int			scratch_used;
	char		scratch[TXN_SCRATCH];	/* text forms of ids that were not text */
} Txn;

/* A moment read from text: the clock fields, and the offset if it had one. */
typedef struct IsoTime
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			usec;
	bool		has_time;
	bool		has_offset;
	int			offset;			/* seconds east of UTC */
} IsoTime;

/* ---- values.c ---- */

/* Decimal text to ten-thousandths, half away from zero. */
extern bool value_amount(const char *s, int len, int64 *amount);
extern bool value_double_amount(double v, int64 *amount);

/* Converts an amount with Policy rates; false if out of range. */
extern bool value_convert(int64 amount, int64 rate, int64 *converted);
extern bool value_iso_time(const char *s, int len, IsoTime *t);
extern uint16 value_country(const char *s, int len);	/* 0: unusable */
extern bool value_mcc(const char *s, int len, char *mcc);
extern int	value_bool(const char *s, int len); /* -1: unusable */
extern bool value_coordinate(double v, double limit, uint32 *position);
extern bool value_ip(const char *s, int len, uint8 *family, uint8 *addr);
extern void value_ip_normal(uint8 *family, uint8 *addr);
extern void value_trim(const char **s, int *len);
extern uint64 value_hash(TxnColumn column, const char *s, int len);

/* Private, loopback, link-local or shared (100.64/10) address. */
extern bool ip_is_private(uint8 family, const uint8 *addr);

/* Kilometres between two positions (haversine, mean Earth radius). */
extern double distance_km(uint32 lat1, uint32 lon1, uint32 lat2, uint32 lon2);

/* ---- txn_event.c ---- */

/* Hashes, status and identity, once the values are in. */
extern void txn_finish(Txn *txn, TxnText currency);

/* What history remembers of it; false without a usable occurred_at. */
extern bool txn_event(const Txn *txn, Event *event);

#endif							/* FRAUD_TXN_TXN_H */
