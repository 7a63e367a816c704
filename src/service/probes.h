/*-------------------------------------------------------------------------
 *
 * probes.h
 *	  How probes are run: one that ends at once in a transaction of the worker,
 *	  and ones over TCP that go on while it does other things.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_PROBES_H
#define FRAUD_SERVICE_PROBES_H

#include "service/service_shared.h"

typedef enum ProbeEnd
{
	PROBE_ANSWERED,
	PROBE_FAILED,
	PROBE_GOES_ON,				/* TCP: not yet */
	PROBE_NO_SAMPLE,			/* cancelled: says nothing about what was probed */
	PROBE_IMPOSSIBLE			/* cannot be run here; the error says why */
} ProbeEnd;

typedef struct ProbeResult
{
	ProbeEnd	end;
	int64		latency;		/* microseconds, where it answered */
	char		error[SERVICE_TEXT];	/* UTF-8 */
} ProbeResult;

/* Monotonic microseconds that tests do not move. */
extern int64 probe_clock(void);

/* ---- probe_sql.c ---- */

extern void probe_sql(const DependencyConfig *config, ProbeResult *result);

/* ---- probe_tcp.c ---- */

#define PROBE_ANSWER_MAX	8192	/* bytes of an answer that are looked at */

typedef struct TcpProbe
{
	int			fd;				/* -1: none */
	bool		connected;
	int64		started;		/* probe_clock() */
	int64		looked;			/* when it was last seen not to be ready */
	size_t		sent;
	size_t		got;
	DependencyConfig config;
	char		answer[PROBE_ANSWER_MAX + 1];
} TcpProbe;

/* Begins one; PROBE_GOES_ON, or how it ended at once. */
extern void tcp_begin(TcpProbe *probe, const DependencyConfig *config, ProbeResult *result);

/* Goes on without waiting; ready: poll() says there is something to do. */
extern void tcp_go_on(TcpProbe *probe, bool ready, ProbeResult *result);

/* What poll() has to wait for. */
extern short tcp_wants(const TcpProbe *probe);

extern void tcp_end(TcpProbe *probe);

/* ---- probes.c: the worker's task ---- */

extern bool probes_run(Oid schema);

/* When the next one is due, clock_now(). */
extern int64 probes_next(void);

#endif							/* FRAUD_SERVICE_PROBES_H */
