/*-------------------------------------------------------------------------
 *
 * verdict.h
 *	  What the ML service answered, and whether it is a verdict.
 *
 * verdict.c judges plain values, ml_outcome.c says what a call was for the
 * circuit; neither needs fmgr. verdict_json.h reads jsonb.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_ML_VERDICT_H
#define FRAUD_ML_VERDICT_H

#include "ml/ml_config.h"
#include "score/rules.h"

#define VERDICT_FACTORS_MAX		32
#define VERDICT_FACTOR_MAX		100 /* bytes, without NUL; longer ones are cut between letters */

/* A member as it was found. */
typedef enum VerdictMember
{
	MEMBER_ABSENT,				/* not there, or null where it is not needed */
	MEMBER_VALUE,
	MEMBER_WRONG				/* of another type, or a word that is none of ours */
} VerdictMember;

typedef struct VerdictInput
{
	bool		object;			/* it is a JSON object at all */
	VerdictMember score_member;
	double		score;			/* NaN and infinities too */
	VerdictMember is_fraud_member;
	bool		is_fraud;
	VerdictMember recommendation_member;
	RiskLevel	recommendation; /* LEVEL_LOW: APPROVE, LEVEL_MEDIUM: REVIEW, LEVEL_HIGH: BLOCK */
	VerdictMember factors_member;
} VerdictInput;

typedef struct Verdict
{
	int			score;			/* 0 .. MAX_SCORE, in the band of its level */
	RiskLevel	level;			/* the stricter of score and recommendation */
	int			nfactors;
	const char *factors[VERDICT_FACTORS_MAX];	/* palloc'd, server's encoding; not verdict.c's */
} Verdict;

/* NULL: it is a verdict; else what is wrong with it, a literal such as "risk_score is missing". */
extern const char *verdict_judge(const VerdictInput *input, int score_scale, int low_max, int medium_max,
								 Verdict *verdict);

/* A recommendation in any case of letters, blanks around it. False: none of ours. */
extern bool verdict_word(const char *text, int len, RiskLevel *level);

/* ---- what a call was ---- */

typedef enum MlOutcome
{
	ML_NOTHING,					/* the caller says nothing of any call */
	ML_SUCCESS,					/* a valid verdict, in time */
	ML_FAILURE,
	ML_IGNORED					/* says nothing about the service */
} MlOutcome;

/* What the caller brings. */
typedef struct MlReport
{
	bool		body;			/* an answer, whatever it is */
	const char *problem;		/* why it is no verdict, or NULL */
	bool		has_status;
	int			status;			/* of HTTP */
	const char *error;			/* the caller's word, or NULL */
	bool		ticket;
	int64		latency;		/* microseconds; -1: not known */
	int64		timeout;		/* of the circuit; 0: not known */
} MlReport;

#define ML_KIND_MAX			24	/* as CIRCUIT_KIND_MAX */

typedef struct MlJudgement
{
	MlOutcome	outcome;
	char		kind[ML_KIND_MAX];	/* of a failure: "timeout", "503", "bad answer"; ASCII */
	char		why[120];		/* for people, why there is no verdict: "ML answered 503"; empty for a success */
} MlJudgement;

extern void ml_judge(const MlReport *report, MlJudgement *judgement);

#endif							/* FRAUD_ML_VERDICT_H */
