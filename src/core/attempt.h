/*-------------------------------------------------------------------------
 *
 * attempt.h
 *	  Running something that may fail; see attempt.c.
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

/* The same for every error but those that must pass. */
extern bool attempt_anything(void (*run) (void *arg), void *arg, const char **why);

/*
 * Errors that are orders to stop and nobody may swallow: cancel, shutdown, out
 * of memory; on a standby a recovery conflict.
 */
extern bool error_must_pass(int sqlerrcode);

#endif							/* FRAUD_CORE_ATTEMPT_H */
