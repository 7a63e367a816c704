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

#define POLICY_HASH_CHARS	16	/* a hash as text, without the NUL */

/* The policy built into the library; valid for ever. */
extern const Policy *policy_default(void);

/*
 * Whether the custom rules can be compiled. Set by src/score, which knows the
 * features; asked for every policy that comes in. The first raises PostgreSQL's
 * own error, the second fills *error and raises nothing.
 */
extern void (*policy_check_custom) (const Policy *policy);
extern bool (*policy_custom_ok) (const Policy *policy, PolicyError *error);

/* Whether this is the name of a time zone, by the server's own database. */
extern bool policy_zone_ok(const char *name);

extern void policy_hash_text(uint64 hash, char *buf /* POLICY_HASH_CHARS + 1 */ );

/*
 * Policies are UTF-8 whatever the database is. policy_text() converts to the
 * server's encoding and raises an error where that cannot be done;
 * policy_message() never does, it replaces what cannot be shown.
 */
extern char *policy_text(const char *utf8, size_t len);
extern char *policy_message(const char *utf8);

/* "line 3, column 5: message. Detail. Hint." */
extern char *policy_error_text(const PolicyError *error);

#endif							/* FRAUD_POLICY_POLICY_SERVER_H */
