/*-------------------------------------------------------------------------
 *
 * decide_health.h
 *	  What has to be well for decisions, for fraud_health(); see decide_health.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_DECIDE_DECIDE_HEALTH_H
#define FRAUD_DECIDE_DECIDE_HEALTH_H

/* After the checks of the service. */
extern void decide_health_init(void);

#endif							/* FRAUD_DECIDE_DECIDE_HEALTH_H */
