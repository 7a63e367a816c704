/*-------------------------------------------------------------------------
 *
 * policy_error.h
 *	  Filling PolicyError: what was found, where it stands, what is allowed.
 *
 * Every function returns false, so that readers can `return policy_fail(...)`.
 * None allocates.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_ERROR_H
#define FRAUD_POLICY_POLICY_ERROR_H

#include "policy/yaml_tree.h"

/* Place and path come from the node; NULL: no place. hint may be NULL. */
extern bool policy_fail(PolicyError *error, const YamlNode *at,
						const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);

/* `allowed` completes the sentence '"weight" must be ...'. */
extern bool policy_bad_value(PolicyError *error, const YamlNode *at,
							 const char *allowed);

/* `what` is "key", "rule", ...; `at` is the value under the unknown key. */
extern bool policy_unknown_key(PolicyError *error, const YamlNode *at,
							   const char *what,
							   const char *const *names, int n);

/* A key that cannot be a `what`, or stands twice where `what` is NULL. */
extern bool policy_bad_key(PolicyError *error, const YamlNode *at,
						   const char *what, const char *hint);

/* Text as it may stand in a message: clipped, on one line. */
extern const char *policy_clip(char *dst, size_t size,
							   const char *text, size_t len);

/* The nearest of the names, or NULL where none is near. */
extern const char *policy_nearest(const char *text, size_t len,
								  const char *const *names, int n);

#endif							/* FRAUD_POLICY_POLICY_ERROR_H */
