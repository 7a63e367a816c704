/*-------------------------------------------------------------------------
 *
 * answer.h
 *	  What fraud_decide() answers, in C; and as a row of type fraud_decision.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_ANSWER_H
#define FRAUD_DECIDE_ANSWER_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#include "ml/verdict.h"
#include "score/rules.h"
#include "service/tiers.h"

/* What the score comes from. */
typedef enum AnswerSource
{
	SOURCE_ML,
	SOURCE_CACHED_ML,
	SOURCE_RULES,
	SOURCE_CRITICAL_RULES,
	SOURCE_AMOUNT_CAP,
	SOURCE_NONE
} AnswerSource;

extern const char *const answer_sources[];

/* mode of fraud_decision, by tier from 1; [0] is empty. */
extern const char *const answer_modes[TIERS + 1];

#define ANSWER_FACTORS_MAX	(MAX_RESULTS + NLISTS + VERDICT_FACTORS_MAX + 2)

/* Texts live as long as the call. All but the id are of the server's encoding. */
typedef struct Answer
{
	TxnText		txn_id;			/* in UTF-8; len 0: none */
	int			score;			/* 0 .. MAX_SCORE */
	RiskLevel	level;			/* follows the score, and so does all that is recommended */
	int			nfactors;
	const char *factors[ANSWER_FACTORS_MAX];
	AnswerSource source;
	Tier		tier;			/* of this answer */
	bool		degraded;
	float		coverage;		/* 0 .. 1 */
	uint64		policy_hash;
	const char *reason;
	int64		retry_after;	/* microseconds; 0: none */
	TimestampTz decided_at;
	const char *detail;			/* a JSON object; NULL: none */
} Answer;

/* A score, in the band of this level at least; never lowers it. */
extern void answer_raise(Answer *answer, const Policy *policy, RiskLevel least);

/* Sets score and level that go with it. */
extern void answer_set_score(Answer *answer, const Policy *policy, int score);

/* Another factor, once; a text that lives as long as the answer. */
extern void answer_add_factor(Answer *answer, const char *factor);

/*
 * The row, of desc. Where that makes it small enough to be remembered
 * (KEPT_MAX), the reason is cut.
 */
extern Datum answer_datum(TupleDesc desc, const Answer *answer);

/* ---- of rows that were answers; false, 0: the bytes are no such row ---- */

/* The same row again, with detail.repeat. */
extern Datum answer_repeat(TupleDesc desc, const char *bytes, int len);

/* Its score and factors, for answer_set_score() and answer_add_factor(). */
extern bool answer_read(TupleDesc desc, const char *bytes, int len, Verdict *verdict);

#endif							/* FRAUD_DECIDE_ANSWER_H */
