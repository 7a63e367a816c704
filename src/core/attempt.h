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

#endif							/* FRAUD_CORE_ATTEMPT_H */
