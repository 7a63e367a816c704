/*-------------------------------------------------------------------------
 *
 * yaml_scalar.h
 *	  Single values of any text in YAML: characters and numbers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_YAML_SCALAR_H
#define FRAUD_CONFIG_YAML_SCALAR_H

#define YAML_PRINT_LEN		64	/* room for any printed value and its NUL */

/* Bytes of the UTF-8 character at s, its code point in *cp; 0: not UTF-8. */
extern size_t yaml_utf8_next(const char *s, size_t left, uint32 *cp);
extern bool yaml_utf8_ok(const char *s, size_t len);

extern bool yaml_is_digit(char c);
extern bool yaml_is_space(char c);

/* Decimal numbers only: no hexadecimal, infinity, nan or leading zeros. */
extern bool yaml_scan_number(const char *s, double *value);

/* Into YAML_PRINT_LEN bytes, NUL-terminated. */
extern void yaml_print_number(double value, char *dst);

#endif							/* FRAUD_CONFIG_YAML_SCALAR_H */
