/*-------------------------------------------------------------------------
 *
 * drain.h
 *	  The worker's tasks of the journal; see drain.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_DRAIN_H
#define FRAUD_JOURNAL_DRAIN_H

extern void drain_init(void);

#endif							/* FRAUD_JOURNAL_DRAIN_H */
