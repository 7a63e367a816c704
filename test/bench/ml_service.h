/*-------------------------------------------------------------------------
 *
 * ml_service.h
 *	  A stand-in for a ML service: HTTP/1.1 on a port of 127.0.0.1, in a thread.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BENCH_ML_SERVICE_H
#define BENCH_ML_SERVICE_H

#include <stdint.h>

typedef enum MlMode
{
	ML_UP,						/* 200 and a verdict */
	ML_FAILS,					/* 503 */
	ML_SILENT					/* takes requests and never answers */
} MlMode;

/* Starts it; every answer takes `delay` microseconds. Returns the port. */
extern int	ml_service_start(int64_t delay);

extern void ml_service_mode(MlMode mode);

/* Requests that came so far. */
extern uint64_t ml_service_requests(void);

/* Microseconds of a clock that only goes on. */
extern int64_t now_us(void);

#endif							/* BENCH_ML_SERVICE_H */
