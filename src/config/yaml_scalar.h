/*-------------------------------------------------------------------------
 *
 * yaml_scalar.h
 *	  Single values of any text in YAML: characters, numbers, times.
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

/*
 * A time, exact to the microsecond, below YAML_MAX_DURATION: a decimal number
 * with its unit ms, s, min, h or d, blanks between them allowed.
 */
#define YAML_MAX_DURATION	(INT64CONST(1000000) * 86400 * 10000)

typedef enum YamlDuration
{
	DURATION_OK,
	DURATION_NO_UNIT,			/* a number alone */
	DURATION_BAD
} YamlDuration;

extern YamlDuration yaml_scan_duration(const char *s, int64 *usec);

/* A size in bytes, below 10^9 GB: a decimal number with its unit kB, MB or GB. */
extern YamlDuration yaml_scan_size(const char *s, int64 *bytes);

/* A percentage from 0 to 100 with at most two decimals, in hundredths. */
extern bool yaml_scan_percent(const char *s, int32 *hundredths);

/* All into YAML_PRINT_LEN bytes, NUL-terminated. */
extern void yaml_print_number(double value, char *dst);
extern void yaml_print_duration(int64 usec, char *dst);
extern void yaml_print_percent(int32 hundredths, char *dst);
extern void yaml_print_size(int64 bytes, char *dst);

#endif							/* FRAUD_CONFIG_YAML_SCALAR_H */
