/*-------------------------------------------------------------------------
 *
 * clock.h
 *	  The extension's clock.
 *
 * State is decided by a monotonic clock: setting the system's time changes
 * nothing. Wall time is for people and for event time. In test mode
 * (fraud_fallback.test_mode) one shared offset moves both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_CLOCK_H
#define FRAUD_CORE_CLOCK_H

#include "datatype/timestamp.h"

/* Microseconds since some moment before the server started. */
extern int64 clock_now(void);
extern TimestampTz clock_wall(void);

/* The wall time of a moment of clock_now(), as of now. */
extern TimestampTz clock_wall_of(int64 moment);

/* Of functions for tests: raises an error unless a superuser calls in test mode. what: "move the clock" */
extern void clock_require_test_mode(const char *what);

/* Moves the clock of all sessions; back as well. */
extern void clock_move(int64 microseconds);

extern void clock_init(void);

#endif							/* FRAUD_CORE_CLOCK_H */
