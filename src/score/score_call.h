/*-------------------------------------------------------------------------
 *
 * score_call.h
 *	  One call site of a scoring function, and its answers as datums.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_SCORE_CALL_H
#define FRAUD_SCORE_SCORE_CALL_H

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"

#include "policy/policy_type.h"
#include "profile/profile_type.h"
#include "score/rules.h"
#include "txn/txn_read.h"

#define DECISION_COLUMNS	16	/* of fraud_decision */

/* Which rules were not evaluated repeats from row to row, and so its words. */
#define DETAIL_CACHE	64

typedef struct DetailEntry
{
	uint8		key[MAX_RESULTS];
	bool		known;
	Datum		detail;			/* jsonb, 0: none */
} DetailEntry;

/* Everything a call needs between and during calls; kept in fn_extra. */
typedef struct ScoreCall
{
	TxnReader	reader;
	PolicyArg	policy_arg;
	struct CustomRules *custom; /* compiled expressions, by policy */
	TupleDesc	desc;			/* of the result, where that is a row */

	/* texts that come back in every answer */
	Datum		levels[3];
	Datum		recommendations[3];
	Datum		mode;
	Datum		source;
	Datum		no_factors;		/* empty text[] */
	Datum		no_rule_fired;
	uint64		policy_hash;	/* the two below are for this one */
	Datum		policy_hash_text;
	Datum		names[MAX_RESULTS];
	int			nnames;
	DetailEntry *details;		/* DETAIL_CACHE of them */
	MemoryContext texts;		/* holds what depends on the policy */

	/* the present call */
	const Policy *policy;
	Txn			txn;
	Histories	histories;
	ProfileState states[HISTORY_MERCHANT + 1];
	Features	features;
	uint32		left_out;		/* rules that do not run, see evaluate(); mostly none */
	CustomResult custom_results[POLICY_MAX_CUSTOM];
	Decision	decision;
} ScoreCall;

/* The call site's memory; argno: the transaction's argument, wanted: its columns. */
extern ScoreCall *score_call(FunctionCallInfo fcinfo, int argno, uint32 wanted);

/* The same for functions called for a row a statement; `wanted` is the same in all. */
extern ScoreCall *score_call_kept(FunctionCallInfo fcinfo, int argno, uint32 wanted);

/* The same for rows that are no function's argument, in the current context. */
extern ScoreCall *score_call_for_rows(uint32 wanted);

/*
 * Reads (txn, history, policy, ip_history, merchant_history), computes the
 * features and, if asked, the decision. False where the transaction is NULL.
 */
extern bool score_run(FunctionCallInfo fcinfo, ScoreCall *call, bool decide, bool explain);

/* features, custom rules and decision of what stands in call->txn and histories. */
extern void score_decide(ScoreCall *call, bool explain);

/* The same behind features_compute(); without decide, only the features. */
extern void score_histories(ScoreCall *call, bool decide, bool explain);

/* What fraud_score(), fraud_explain() and fraud_features() return of it. */
extern Datum score_answer(FunctionCallInfo fcinfo, ScoreCall *call);
extern void explain_answer(FunctionCallInfo fcinfo, ScoreCall *call);
extern Datum features_answer(FunctionCallInfo fcinfo, ScoreCall *call);

/* Sets call->desc to the result's row type, which must have ncolumns. */
extern void score_result_desc(FunctionCallInfo fcinfo, ScoreCall *call, int ncolumns);

/* The id of a transaction in the encoding of the database. */
extern Datum txn_id_datum(const TxnText *txn_id);

/* The decision as a fraud_decision. */
extern Datum decision_datum(ScoreCall *call);

/* The same in one sentence for a person: UTF-8, behind what stands there; nothing where no rule fired. */
extern void decision_reason(const ScoreCall *call, StringInfo reason);

/* Members of its detail, behind what stands there. */
extern void decision_detail(const ScoreCall *call, StringInfo detail);

/* Before what is said next in a list. */
#define SAY_NEXT(s, between)	((s)->len > 0 ? (between) : "")

/* ---- features_sql.c ---- */
extern int	features_ncolumns(void);
extern void features_values(const Txn *txn, const Features *f, Datum *values, bool *nulls);

#endif							/* FRAUD_SCORE_SCORE_CALL_H */
