/*-------------------------------------------------------------------------
 *
 * attempt.h
 *	  Running something that data may be to blame for; see attempt.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_ATTEMPT_H
#define FRAUD_CORE_ATTEMPT_H

/*
 * Runs it in a subtransaction. False where it raised an error that its data
 * are to blame for, with everything undone; other errors go through. What it
 * allocates in the current context stays. why: the error's message, or NULL.
 */
extern bool attempt(void (*run) (void *arg), void *arg, const char **why);

/*
 * False whatever it raised: for code of others that must not be in the way.
 * Cancelling waits until it is over. False too in parallel mode, where there
 * are no subtransactions.
 */
extern bool attempt_guarded(void (*run) (void *arg), void *arg);

#endif							/* FRAUD_CORE_ATTEMPT_H */
