/*-------------------------------------------------------------------------
 *
 * by_rules.h
 *	  The setting of look-ups; the rest is in deciding.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_BY_RULES_H
#define FRAUD_DECIDE_BY_RULES_H

extern void by_rules_init(void);

#endif							/* FRAUD_DECIDE_BY_RULES_H */
