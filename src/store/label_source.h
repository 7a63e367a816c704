/*-------------------------------------------------------------------------
 *
 * label_source.h
 *	  Labels for what is scored as of its own past.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_LABEL_SOURCE_H
#define FRAUD_STORE_LABEL_SOURCE_H

/* Gives src/score the confirmed frauds of fraud_labels. */
extern void label_source_init(void);

#endif							/* FRAUD_STORE_LABEL_SOURCE_H */
