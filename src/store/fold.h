/*-------------------------------------------------------------------------
 *
 * fold.h
 *	  The worker's task that folds; see fold.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_FOLD_H
#define FRAUD_STORE_FOLD_H

extern void fold_init(void);

#endif							/* FRAUD_STORE_FOLD_H */
