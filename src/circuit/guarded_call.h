/*-------------------------------------------------------------------------
 *
 * guarded_call.h
 *	  A function behind a circuit, with a timeout of its own and retries.
 *
 * For C; circuit_call.c is the same for SQL. What still raises an error is a
 * cancel or the end of the session that comes meanwhile; without
 * GuardedRequest.quiet also what guarded_call.c's must_pass() names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_GUARDED_CALL_H
#define FRAUD_CIRCUIT_GUARDED_CALL_H

#include "access/htup.h"

#include "circuit/circuits.h"

#define GUARDED_ATTEMPTS_MAX	10

typedef struct GuardedRequest
{
	Oid			function;		/* of guarded_function(); nothing of it is checked here */
	Datum		arg;			/* jsonb */
	bool		null_arg;		/* not for a strict function */
	int64		timeout;		/* of an attempt, microseconds, the circuit's at most; 0: the circuit's */
	int			attempts;		/* in all, 1 .. GUARDED_ATTEMPTS_MAX; 0: the circuit's */

	/*
	 * No warning for the caller's own mistakes; serialization failures,
	 * deadlocks, lack of memory and SQLSTATEs of a server that goes down are
	 * failures and no errors. On a standby the first two may be conflicts with
	 * recovery, which pass.
	 */
	bool		quiet;

	/*
	 * Where not NULL: asked of answers that would be a success; false makes a
	 * failure of it, of the kind set ("bad answer"), which is not tried again.
	 * It runs before the circuit is told and while what the function wrote can
	 * be undone. What it raises counts as if the function had.
	 */
	bool		(*judge) (Datum value, void *judge_arg, const char **kind);
	void	   *judge_arg;
} GuardedRequest;

typedef enum GuardedResult
{
	GUARDED_ANSWER,				/* a success: value */
	GUARDED_REFUSED,			/* by the circuit: why; attempts before that may have failed */
	GUARDED_FAILED,				/* a failure: kind, and error where one was raised */
	GUARDED_IGNORED				/* says nothing about the service: value (status 4xx), or kind and error */
} GuardedResult;

typedef struct GuardedAnswer
{
	Datum		value;			/* jsonb of the caller's context; 0: none */
	Admission	why;			/* of a refusal */
	char		kind[CIRCUIT_KIND_MAX]; /* of the last attempt: "timeout", "503", a SQLSTATE; may be empty */
	char		error[CIRCUIT_ERROR_MAX];	/* message of the last attempt, UTF-8; empty: none */
	int64		latency;		/* of the last attempt, microseconds; 0: none was made */
	int			attempts;		/* made */
} GuardedAnswer;

/* circuits_ready() comes first. Allocates in the current context. */
extern GuardedResult guarded_call(Circuit *c, const GuardedRequest *request, GuardedAnswer *answer);

/*
 * The function jsonb -> jsonb that a name means, "schema.f" or
 * "schema.f(jsonb)" with identifiers as in SQL, UTF-8, and that the current
 * role may execute. InvalidOid where there is none, with a text that holds
 * until the next call. Raises nothing, and is cheap for the same name again.
 */
extern Oid	guarded_function(const char *name, const char **why);

/* Whether this tuple of pg_proc is a plain function of one jsonb that returns one. */
extern bool guarded_shape(HeapTuple procedure);

#endif							/* FRAUD_CIRCUIT_GUARDED_CALL_H */
