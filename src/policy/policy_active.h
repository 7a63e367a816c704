/*-------------------------------------------------------------------------
 *
 * policy_active.h
 *	  The policy of the running statement, and the shipped default.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_ACTIVE_H
#define FRAUD_POLICY_POLICY_ACTIVE_H

#include "policy/policy.h"

extern void policy_active_init(void);

/*
 * The policy the running statement uses, from its first look to its end, in
 * its parallel workers too. A few instructions after the first call. Valid
 * until the statement ends; keep it no longer than one function call, ask
 * again in the next, and compare by hash: an older cursor may run in between.
 */
extern const Policy *policy_active(void);

#endif							/* FRAUD_POLICY_POLICY_ACTIVE_H */
