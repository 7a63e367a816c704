/*-------------------------------------------------------------------------
 *
 * service.h
 *	  What others ask the service for: the tier, its numbers, whether ML may be
 *	  asked; and what they tell it.
 *
 * For the path of a decision: nothing here waits for a lock, raises an error or
 * allocates, but for service_settings(), which may read the service file after
 * a reload, and service_notice(), which copies under a lock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_SERVICE_H
#define FRAUD_SERVICE_SERVICE_H

#include "datatype/timestamp.h"

#include "service/tiers.h"

/* The circuit of calls of the ML service. */
#define SERVICE_CIRCUIT			"ml"

/* The tier and why, of one moment. */
typedef struct ServiceNow
{
	Tier		tier;
	TierCause	cause;			/* tier_cause_texts[cause] says it */
	bool		only_ml;		/* tier 2, and nothing but ML is the reason */
	bool		recovering;		/* the cause is over; health has to last */
} ServiceNow;

/* Raises 55000 without preload, and applies what service.yaml says now. */
extern void service_ready(void);

/* One atomic word; tier 1 without preload. */
extern ServiceNow service_now(void);
extern Tier service_tier(void);

/* The numbers of the tiers in force; this session's copy, until it asks again. */
extern const TierSettings *service_settings(void);

/*
 * Whether the ML service is worth asking at clock_now(): tier 1; tier 2 where
 * ML alone is the reason, and then its circuit's trials, or recovery_rate calls
 * a second. The circuit may still refuse. True takes one of these calls.
 */
extern bool service_ml_allowed(int64 now);

/*
 * Whether at clock_now() a look-up of histories is wanted although the tier
 * needs none: one a second, where failing look-ups may be the reason for tier
 * 3. Else nobody would see that they still fail. True takes it.
 */
extern bool service_lookup_wanted(int64 now);

/* What a maintenance answer says. Texts are UTF-8. */
typedef struct ServiceNotice
{
	char		message[NOTICE_MESSAGE_MAX];
	char		contact[NOTICE_CONTACT_MAX];	/* empty: none */
	int64		retry_after;	/* microseconds */
	TimestampTz expected_recovery;	/* 0: not known */
} ServiceNotice;

extern void service_notice(ServiceNotice *notice);

/* A look-up of histories answered, or could not. */
extern void service_report_database(bool ok);

/* One more decision was given at this tier. */
extern void service_count_decision(Tier tier);
extern uint64 service_decisions(Tier tier);

#endif							/* FRAUD_SERVICE_SERVICE_H */
