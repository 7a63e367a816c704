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

#include "policy/policy_server.h"

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

/* Its canonical YAML, in the server's encoding. */
extern char *policy_text(const Policy *policy);

/* The policy of a datum, checked in full. */
extern const Policy *policy_from_datum(Datum value);

#endif							/* FRAUD_POLICY_POLICY_TYPE_H */
