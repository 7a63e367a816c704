/*-------------------------------------------------------------------------
 *
 * deciding.h
 *	  A decision being made. Private to the front door.
 *
 * In the order in which they are called:
 *
 *	 decide.c		the way of one decision
 *	 deciding.c		its beginning, and words
 *	 ask_ml.c		what the ML service says, and what that is for its circuit
 *	 by_rules.c		what rules say: all of them, the critical ones, none but live
 *					attempts and lists
 *	 combine.c		the answer of a tier, of both
 *	 route.c		whether ML is worth asking
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_DECIDING_H
#define FRAUD_DECIDE_DECIDING_H

#include "decide/answer.h"
#include "live/attempts.h"
#include "live/decisions.h"
#include "score/score_call.h"
#include "service/service.h"

/* What the caller says of a call of ML; NULL and zeros: nothing. */
typedef struct Brought
{
	Datum		ml;				/* jsonb, 0: none */
	bool		has_status;
	int			status;
	int64		latency;		/* microseconds, -1: not known */
	bool		has_ticket;
	int64		ticket;
	const char *error;
} Brought;

/* Which rules have run. */
typedef enum RulesRun
{
	RUN_NONE,
	RUN_ALL,
	RUN_CRITICAL,
	RUN_EMERGENCY
} RulesRun;

typedef struct Deciding
{
	ScoreCall  *call;			/* with transaction and policy */
	TupleDesc	desc;			/* of fraud_decision */
	Oid			schema;			/* of the extension */
	bool		null_txn;
	Datum		txn;			/* as given */
	const TierSettings *tiers;
	const MlSettings *ml;
	ServiceNow	now;			/* the tier of the server */
	TimestampTz decided_at;

	/* whose attempts, and what there is of them */
	bool		customer;		/* `key` is set */
	AttemptsKey key;
	RecentAttempts seen;
	bool		counted;		/* this one is among them */

	/* which decision */
	bool		known;			/* `kept` is set: it can be known again */
	bool		reused;
	KeptKey		kept;
	Claim		claim;

	/* the ML service */
	Brought		brought;
	MlJudgement judged;			/* of what was brought or asked */
	bool		has_verdict;
	Verdict		verdict;
	bool		cached;			/* an earlier one, `verdict_age` old */
	int64		verdict_age;
	const char *refused;		/* why the circuit admits no call, or NULL */

	RulesRun	run;
	const char *trouble;		/* why this answer cannot be as good as the server's tier, or NULL */

	StringInfoData reason;		/* of the server's encoding */
	StringInfoData detail;		/* members of the object, the same */
	Answer		answer;
} Deciding;

/* ---- deciding.c ---- */

/* Goes on in a list of reasons. */
extern void decide_say(Deciding *d, const char *fmt,...) pg_attribute_printf(2, 3);

/* Why the server is at its tier, for people. */
extern const char *tier_why(const Deciding *d);

/* With call, null_txn and txn set: everything else that is not of ML. fcinfo: of a function of ours. */
extern void deciding_begin(Deciding *d, FunctionCallInfo fcinfo, TupleDesc desc);

/* What rules_all() needs, where nothing is to be counted yet. */
extern void deciding_look(Deciding *d);

/* A transaction whose id was used for other facts becomes one of its own. */
extern void deciding_identify(Deciding *d);

/* ---- ask_ml.c ---- */

/* Judges what was brought: d->judged, and d->verdict if it is one. */
extern void ml_take(Deciding *d);

/* Tells the circuit about it. again: only what cannot be counted twice. */
extern void ml_report(const Deciding *d, bool again);

/* The features as ML gets them: jsonb. After rules_all(). */
extern Datum ml_features(const Deciding *d);

/* Asks the function of service.yaml, through the circuit; the same then. */
extern void ml_ask(Deciding *d);

/* Looks for an earlier verdict, as configured; before the decision is claimed. */
extern void ml_look_in_cache(Deciding *d);

/* Why there is no verdict, for people. */
extern const char *ml_absence(const Deciding *d);

/* ML is what is missing, not the caller's will to ask. */
extern bool ml_is_down(const Deciding *d);

/* How long until its circuit may admit a call, microseconds. */
extern int64 ml_retry_after(void);

/* ---- by_rules.c ---- */

/* All rules over stored histories. False, with d->trouble, where these cannot be read. */
extern bool rules_all(Deciding *d);

/* Those that need nothing but the transaction, live attempts and lists. */
extern void rules_critical(Deciding *d);

/* Only live attempts and lists. */
extern void rules_emergency(Deciding *d);

/* ---- combine.c ---- */

/* Fills d->answer. What it needs of rules runs. */
extern void combine(Deciding *d);

/* Whether the rules that ran find so little that ML need not be asked. */
extern bool is_low_risk(const Deciding *d);

/* ---- decide.c ---- */

/* The decision, counted and recorded: a fraud_decision. */
extern Datum decide(Deciding *d);

#endif							/* FRAUD_DECIDE_DECIDING_H */
