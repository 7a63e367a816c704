/*-------------------------------------------------------------------------
 *
 * traffic.h
 *	  Calls through a circuit: admitted or refused, and how they ended.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_TRAFFIC_H
#define FRAUD_CIRCUIT_TRAFFIC_H

#include "circuit/permits.h"

/* How a call ended. */
typedef enum CallResult
{
	CALL_SUCCESS,
	CALL_FAILURE,
	CALL_IGNORE					/* neither; the permit returns */
} CallResult;

typedef struct CallEnd
{
	CallResult	result;
	const char *kind;			/* of a failure: "timeout", "503", ... */
	int64		latency;		/* microseconds; -1: since it was admitted */
	int64		retry_after;	/* microseconds; 0: the service did not say */
	const char *error;			/* text of the error, or NULL */
} CallEnd;

typedef enum FinishResult
{
	FINISH_COUNTED,
	FINISH_LATE,				/* of an earlier state; nothing changed */
	FINISH_ALREADY,				/* ended before */
	FINISH_UNKNOWN,				/* no ticket of this start of the server */
	FINISH_NO_TICKET			/* NULL */
} FinishResult;

/* True: admitted, with a ticket; false: refused, with why. circuits_ready() comes first. */
extern bool traffic_admit(Circuit *c, int64 *ticket, Admission *why);

extern FinishResult traffic_finish(int64 ticket, CallEnd *end);

/* What somebody saw of the service without a permit. */
extern FinishResult traffic_evidence(Circuit *c, CallEnd *end);

/* What a status of HTTP says about the service: 5xx and 429 are failures, other 4xx nobody's. */
extern void traffic_http(int status, CallEnd *end, char *kind, size_t size);

/* permits.c's: a call that has not come back in time; under the lock. */
extern void traffic_overdue(Circuit *c, const Slot *slot, int64 now, CircuitAftermath *aftermath);

/* permits.c's: the session that held it goes; nobody else has used the slot since. */
extern void permit_abandon(Slot *slot, uint64 use);

/* Counts what is overdue in all circuits, ends forced states whose time is over, takes samples. */
extern void traffic_tend(void);

#endif							/* FRAUD_CIRCUIT_TRAFFIC_H */
