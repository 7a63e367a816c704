/*-------------------------------------------------------------------------
 *
 * policy_scalar.h
 *	  Single values of a policy: text to value and back. Pure functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_SCALAR_H
#define FRAUD_POLICY_POLICY_SCALAR_H

#include "config/yaml_scalar.h"
#include "policy/policy.h"

/*
 * Bytes of a word of status_values and channel_values. Keys are written on one
 * line with every byte escaped in the worst case, and libyaml reads keys of at
 * most 1024 characters.
 */
#define POLICY_MAX_WORD		63

#define POLICY_DATE_LEN		10	/* YYYY-MM-DD */
#define POLICY_FIRST_DAY	(-730119)	/* 0001-01-01 */
#define POLICY_LAST_DAY		2921939	/* 9999-12-31 */
#define POLICY_MAX_RATE		(POLICY_RATE_SCALE * INT64_C(1000000000))

/* A rate, exact: over zero, at most nine decimals, no exponent. */
extern bool policy_scan_rate(const char *s, size_t len, int64 *rate);

/* A real date, years 1 to 9999. */
extern bool policy_scan_date(const char *s, size_t len, int32 *day);

/* Exactly n ASCII letters, upper-cased into dst (n bytes). */
extern bool policy_scan_letters(const char *s, size_t len, size_t n, char *dst);

/*
 * An address or a block without host bits. IPv4 in IPv6 (::ffff:0:0/96)
 * becomes IPv4, so that one address has one form.
 */
extern bool policy_scan_cidr(const char *s, size_t len, PolicyCidr *cidr);

/* customer/COUNTRY/first/last; the customer is the first *customer bytes. */
extern bool policy_scan_notice(const char *s, size_t len, size_t *customer,
							   char *country, int32 *first, int32 *last);

/* Trimmed and in ASCII lower case; 0: blank or over POLICY_MAX_WORD. */
extern size_t policy_fold_word(const char *s, size_t len, char *dst);

/* All into YAML_PRINT_LEN bytes, NUL-terminated. */
extern void policy_print_date(int32 day, char *dst);
extern void policy_print_rate(int64 rate, char *dst);
extern void policy_print_cidr(const PolicyCidr *cidr, char *dst);

#endif							/* FRAUD_POLICY_POLICY_SCALAR_H */
