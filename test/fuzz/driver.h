/*-------------------------------------------------------------------------
 *
 * driver.h
 *	  What a fuzz target shares with test/fuzz/driver.c.
 *
 * A target is one LLVMFuzzerTestOneInput(). It is linked with the driver, or
 * built with clang -fsanitize=fuzzer, which brings its own main().
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_FUZZ_DRIVER_H
#define FRAUD_FUZZ_DRIVER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A target calls this when the input got far (was accepted): the driver counts
 * it and mutates it further. NULL under libFuzzer, which measures coverage.
 */
extern void fuzz_interesting(void) __attribute__((weak));

/* A property that does not hold; the input is saved by whoever runs us. */
#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: check failed: %s\n", \
					__FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif							/* FRAUD_FUZZ_DRIVER_H */
