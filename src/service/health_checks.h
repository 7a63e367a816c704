/*-------------------------------------------------------------------------
 *
 * health_checks.h
 *	  What fraud_health() asks: checks of all modules, by kind.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_HEALTH_CHECKS_H
#define FRAUD_SERVICE_HEALTH_CHECKS_H

#include "lib/stringinfo.h"

typedef enum HealthKind
{
	CHECK_LIVE,					/* this session works */
	CHECK_READY,				/* send transactions here */
	CHECK_STARTUP				/* it has started */
} HealthKind;

/*
 * Says how it is, a few words, in the server's encoding; false: not well. May
 * raise an error, which counts as not well.
 */
typedef bool (*HealthCheck) (StringInfo says);

/* For init functions; name is a literal. */
extern void health_check_register(HealthKind kind, const char *name, HealthCheck check);

extern void health_checks_init(void);

#endif							/* FRAUD_SERVICE_HEALTH_CHECKS_H */
