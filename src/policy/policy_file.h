/*-------------------------------------------------------------------------
 *
 * policy_file.h
 *	  The rules file and the policy in force; see policy_file.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_FILE_H
#define FRAUD_POLICY_POLICY_FILE_H

#include "policy/policy.h"

extern void policy_file_init(void);

/*
 * Reads the file again if the server was told to reload, then tells whether
 * the policy in force is another than the one taken last. Never raises an
 * error because of the file.
 */
extern bool policy_file_changed(void);

/*
 * Who put the policy with this hash in force, as far as that is known: "shipped",
 * or the owner of the file and who loaded it. NULL: another is in force.
 */
extern char *policy_file_author(uint64 hash);

/* A copy of the policy in force; NULL where that is the shipped default. */
extern Policy *policy_file_take(void);

#endif							/* FRAUD_POLICY_POLICY_FILE_H */
