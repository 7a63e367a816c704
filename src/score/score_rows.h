/*-------------------------------------------------------------------------
 *
 * score_rows.h
 *	  Rows of a table on their way through the sorts of score_pass.c.
 *
 * Stores and sorts hold (key, time, id, payload): three numbers and some of
 * the structs below as bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_SCORE_ROWS_H
#define FRAUD_SCORE_SCORE_ROWS_H

#include "lib/stringinfo.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

#include "score/score_pass.h"
#include "score/timeline.h"

/* The numbers of features.h that come from an IP's history. */
typedef struct IpPart
{
	int32		use;			/* HistoryUse */
	int32		cards;
	int64		attempts_24h;
	double		declined_share;
} IpPart;

/* The same of a merchant's. */
typedef struct MerchantPart
{
	int64		use;
	FraudStats	frauds_90d;
	FraudStats	frauds_28d;
	double		fraud_bound;
} MerchantPart;

/*
 * A row: this, the fixed part of its Txn, the texts, and a MerchantPart if it
 * has one.
 */
typedef struct RowPart
{
	bool		has_ip;
	bool		has_merchant;
	bool		is_fraud;		/* by its label */
	int64		known;			/* valid with is_fraud */
	IpPart		ip;				/* valid with has_ip */
} RowPart;

#define NOT_FRAUD	PG_INT64_MIN

/* What the sorts by address and by merchant carry. */
typedef struct EventPart
{
	int64		row;
	int64		known;			/* NOT_FRAUD: no approved payment that labels say is fraud */
	Event		event;
} EventPart;

/* What a row is given by them. */
typedef struct FoundPart
{
	int64		of;				/* HISTORY_IP or HISTORY_MERCHANT */
	union
	{
		IpPart		ip;
		MerchantPart merchant;
	}			u;
} FoundPart;

#define TXN_FIXED	offsetof(Txn, scratch)

typedef struct Work
{
	const ScorePass *pass;
	ScoreCall  *call;
	TimestampTz last;			/* time of the latest row */
	int64		frauds;			/* labelled rows */
	bool		merchant_features;	/* asked for by custom rules */

	TupleDesc	desc;			/* of a store or sort */
	TupleTableSlot *in;
	TupleTableSlot *out;
	MemoryContext per_row;
	StringInfoData payload;		/* a varlena being built */

	Timeline	timeline;		/* of the entity whose rows pass */
} Work;

extern Work *work_begin(const ScorePass *pass);
extern void work_end(Work *work);

/* Over the first nkeys of (key, time, id). */
extern Tuplesortstate *work_sort(Work *work, int nkeys);

/* Starts a payload of these bytes; work->payload takes more. */
extern void set_payload(Work *work, const void *bytes, size_t len);

/* Sets work->in to a row of that payload. */
extern void set_slot(Work *work, int64 key, int64 time, int64 id);

/* Columns 1 to 3, and the payload, of the row in work->out. */
extern int64 slot_int(Work *work, int column);
extern const char *slot_payload(Work *work, int *len);

/* Since when an event of this row is known to be fraud, or NOT_FRAUD. */
static inline int64
fraud_known(const RowPart *part, const Event *event)
{
	return part->is_fraud && event->status == STATUS_APPROVED ? part->known : NOT_FRAUD;
}

/* Takes a row's payload apart; texts point into it. Returns what follows them. */
extern const char *read_row(const char *payload, RowPart *part, Txn *txn);

/*
 * Reads the table. Every row goes into `rows`; those with a time and an
 * address also into by_ip, those with a time and a merchant into by_merchant,
 * where these are wanted.
 */
extern void take_rows(Work *work, Tuplestorestate *rows, Tuplesortstate *by_ip,
					  Tuplesortstate *by_merchant);

#endif							/* FRAUD_SCORE_SCORE_ROWS_H */
