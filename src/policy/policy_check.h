/*-------------------------------------------------------------------------
 *
 * policy_check.h
 *	  The columns a rule needs, for people.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_CHECK_H
#define FRAUD_POLICY_POLICY_CHECK_H

#include "policy/policy.h"

/*
 * Sets of columns, one of each of which must be there: RuleDef.needs behind
 * the key of the history the rule reads, unless that only eases it. Returns
 * how many.
 */
extern int	policy_rule_needs(const RuleDef *def, uint32 *needs /* RULE_MAX_NEEDS + 1 */ );

/* "merchant_category|mcc"; with a policy, by its names for the columns. */
extern char *policy_needs_text(uint32 columns, const Policy *policy, const char *separator);

#endif							/* FRAUD_POLICY_POLICY_CHECK_H */
