/*-------------------------------------------------------------------------
 *
 * policy_type.h
 *	  The type fraud_rules, and policies as arguments of functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_TYPE_H
#define FRAUD_POLICY_POLICY_TYPE_H

#include "fmgr.h"

#include "policy/policy.h"

#define POLICY_HASH_CHARS	16	/* a hash as text, without the NUL */

/*
 * What policy_arg() remembers between calls. Zeroed memory of the caller's,
 * one per argument, living as long as fn_extra (fn_mcxt).
 */
typedef struct PolicyArg
{
	const Policy *constant;		/* the argument is this constant of the plan */
	Policy	   *copy;			/* of the last image that was checked in full */
} PolicyArg;

/*
 * The policy of an argument, the active one where it is NULL. Raises an error
 * on an image that is damaged or of another version. An image is checked in
 * full when it differs from the last one: a constant is recognised by its
 * place, anything else by its bytes; without `arg` always. The result is
 * read-only; use it during this call only.
 */
extern const Policy *policy_arg(FunctionCallInfo fcinfo, int argno, PolicyArg *arg);

/* The policy of a datum, checked in full. */
extern const Policy *policy_from_datum(Datum value);

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

#endif							/* FRAUD_POLICY_POLICY_TYPE_H */
