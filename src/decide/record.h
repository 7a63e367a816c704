/*-------------------------------------------------------------------------
 *
 * record.h
 *	  A decision as the payload of its record in the journal: a JSON object in
 *	  UTF-8 with the members that journal_rows.h names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_RECORD_H
#define FRAUD_DECIDE_RECORD_H

#include "decide/answer.h"
#include "journal/journal_config.h"
#include "score/score_call.h"

typedef struct Record
{
	Oid			txn_type;		/* RECORDOID for rows, JSONBOID, TEXTOID */
	bool		txn_null;
	Datum		txn;			/* the argument as given */
	const TxnReader *reader;	/* that read it, and nothing since */
	const Policy *policy;		/* it was read with */
	const Txn  *read;			/* as read */
	const Answer *answer;
	const ScoreCall *call;		/* its decision's results, and features if `features`; NULL: no rules ran */
	bool		features;
	Datum		ml;				/* jsonb, 0: none */
	bool		has_ml_status;
	int			ml_status;
	int64		ml_latency;		/* microseconds; -1: none */
	const char *supersedes;		/* text of a record id, or NULL */
	bool		queued;
} Record;

/* Bytes of a payload, all in all; less than JOURNAL_PAYLOAD_MAX. */
#define RECORD_MAX				60000

/* Of the JSON of one member of the transaction; longer ones are left out. */
#define RECORD_MEMBER_MAX		4096

/* Of the verdict of ML; a longer one is left out. */
#define RECORD_ML_MAX			8192

/* Of a transaction's id; a longer one is hashed. */
#define RECORD_TXN_ID_MAX		1000

/*
 * In the current context. The payload begins the buffer and has a NUL behind
 * it; it has RECORD_MAX bytes at most. Raises nothing but out of memory. In
 * the transaction of the call: other types than the usual ones are printed in
 * a subtransaction.
 */
extern void record_write(const Record *record, StringInfo payload);

/* ---- answer_json.c ---- */

/*
 * Appends the answer as an object like that of to_jsonb(fraud_decision), with
 * times in UTC; without a NUL. txn_id: JSON to stand for the id, NULL: itself.
 */
extern void answer_put(const Answer *answer, const char *txn_id, StringInfo out);

/* The same with a NUL. */
extern void answer_json(const Answer *answer, StringInfo out);

/* ---- record_txn.c ---- */

/* How the transaction's id may be written. */
extern JournalFieldRule record_txn_id_rule(const Record *record);

/* Appends the members that are kept, at most `budget` bytes, of which it needs 2,000. */
extern void record_put_txn(const Record *record, int budget, StringInfo out);

#endif							/* FRAUD_DECIDE_RECORD_H */
