/*-------------------------------------------------------------------------
 *
 * policy_server.h
 *	  What the server adds to policies; the lowest of the files that need it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_SERVER_H
#define FRAUD_POLICY_POLICY_SERVER_H

#include "policy/policy.h"

/* The policy built into the library; valid for ever. */
extern const Policy *policy_default(void);

/*
 * Whether the custom rules can be compiled. Set by src/score, which knows the
 * features; asked for every policy that comes in. The first raises PostgreSQL's
 * own error, the second fills *error and raises nothing.
 */
extern void (*policy_check_custom) (const Policy *policy);
extern bool (*policy_custom_ok) (const Policy *policy, YamlError *error);

/* Whether this is the name of a time zone, by the server's own database. */
extern bool policy_zone_ok(const char *name);

#endif							/* FRAUD_POLICY_POLICY_SERVER_H */
