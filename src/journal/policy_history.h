/*-------------------------------------------------------------------------
 *
 * policy_history.h
 *	  The worker's task that keeps every policy; see policy_history.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_POLICY_HISTORY_H
#define FRAUD_JOURNAL_POLICY_HISTORY_H

extern void policy_history_init(void);

#endif							/* FRAUD_JOURNAL_POLICY_HISTORY_H */
