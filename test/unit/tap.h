/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  Checks of a unit program, one TAP line each. Included once a program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_UNIT_TAP_H
#define FRAUD_UNIT_TAP_H

static int	tap_checks;
static int	tap_failures;

static inline bool
check(bool ok, const char *what)
{
	tap_checks++;
	tap_failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", tap_checks, what);
	fflush(stdout);
	return ok;
}

/* The plan, and the program's exit status. */
static inline int
tap_end(void)
{
	printf("1..%d\n", tap_checks);
	return tap_failures > 0;
}

#endif							/* FRAUD_UNIT_TAP_H */
