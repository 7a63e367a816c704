/*-------------------------------------------------------------------------
 *
 * probes.c
 *	  The worker's task that probes dependencies.
 *
 * Each is due every interval of the extension's clock; how long it takes and
 * when its time is over goes by one that tests do not move. Probes over TCP go
 * on side by side: while one is under way the task waits for all of them
 * together, a moment at a time, so that other tasks have their turn. A query
 * holds the worker, so one a turn, and not while a connection was just begun:
 * it must not be what makes the other look slow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <poll.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "config/settings.h"
#include "core/clock.h"
#include "service/probes.h"

/* So long the worker waits for sockets before it looks at its other tasks. */
#define SLICE_MS			20

/*
 * A connection that is older is slow anyway, or hangs: no query waits for it,
 * nor for others longer than this. In microseconds.
 */
#define QUERY_WAITS			INT64CONST(100000)

/* The worker's own: what it knows of a dependency, by its place. */
typedef struct Probe
{
	char		name[DEPENDENCY_NAME_MAX];
	DependencyConfig config;
	int64		due;			/* clock_now() */
	TcpProbe   *tcp;			/* NULL: not over TCP */
} Probe;

static Probe probe[DEPENDENCIES_MAX];
static int	nprobes;
static uint64 generation;

/* Takes over what is configured now; what is under way is given up. */
static void
follow_settings(int64 now)
{
	service_ready();
	if (generation == settings_generation())
		return;
	generation = settings_generation();
	for (int i = 0; i < nprobes; i++)
		if (probe[i].tcp != NULL)
			tcp_end(probe[i].tcp);
	service_lock_shared();
	nprobes = service->ndependencies;
	for (int i = 0; i < nprobes; i++)
	{
		const Dependency *d = &service->dependency[i];

		strlcpy(probe[i].name, d->name, sizeof(probe[i].name));
		probe[i].config = d->config;
		/* one that is known waits for its time */
		probe[i].due = d->probes.samples > 0 ? Min(d->probes.at, now) + d->config.interval : now;
	}
	service_unlock_shared();
	for (int i = 0; i < nprobes; i++)
		if (probe[i].config.kind == PROBE_TCP && probe[i].tcp == NULL)
		{
			probe[i].tcp = MemoryContextAllocZero(TopMemoryContext, sizeof(TcpProbe));
			probe[i].tcp->fd = -1;
		}
}

static bool
under_way(const Probe *p)
{
	return p->config.kind == PROBE_TCP && p->tcp->fd >= 0;
}

static void
note(const Probe *p, const ProbeResult *result)
{
	ServiceNews *news;
	Dependency *d;

	if (result->end == PROBE_GOES_ON)
		return;
	news = service_lock();
	d = service_find(p->name, strlen(p->name));
	/* the settings may just have changed */
	if (d != NULL && d->config.kind == p->config.kind)
	{
		strlcpy(d->not_probed, result->end == PROBE_IMPOSSIBLE ? result->error : "", sizeof(d->not_probed));
		if (result->end == PROBE_ANSWERED)
			service_sample(d, clock_now(), result->latency, NULL, news);
		else if (result->end == PROBE_FAILED)
			service_sample(d, clock_now(), HEALTH_FAILED, result->error, news);
	}
	(void) service_unlock(news);
}

static int
begin_tcp(int64 now)
{
	int			n = 0;

	for (int i = 0; i < nprobes; i++)
	{
		Probe	   *p = &probe[i];
		ProbeResult result;

		if (p->config.kind == PROBE_TCP && !under_way(p) && p->due <= now)
		{
			p->due = now + p->config.interval;
			tcp_begin(p->tcp, &p->config, &result);
			note(p, &result);
		}
		n += under_way(p);
	}
	return n;
}

static void
go_on_with_tcp(void)
{
	struct pollfd fds[DEPENDENCIES_MAX];
	int			which[DEPENDENCIES_MAX];
	int			n = 0;
	int			ready;

	for (int i = 0; i < nprobes; i++)
		if (under_way(&probe[i]))
		{
			fds[n].fd = probe[i].tcp->fd;
			fds[n].events = tcp_wants(probe[i].tcp);
			fds[n].revents = 0;
			which[n++] = i;
		}
	ready = poll(fds, n, SLICE_MS);
	for (int i = 0; i < n; i++)
	{
		ProbeResult result;

		tcp_go_on(probe[which[i]].tcp, ready > 0 && fds[i].revents != 0, &result);
		note(&probe[which[i]], &result);
	}
}

static bool
is_young(const Probe *p)
{
	return under_way(p) && probe_clock() - p->tcp->started < QUERY_WAITS;
}

/* Runs the query that has waited longest. True: one waits. */
static bool
run_query(int64 now)
{
	static int64 waits_since = 0;	/* probe_clock(); 0: none waits for connections */
	Probe	   *first = NULL;
	bool		more = false;
	bool		young = false;
	ProbeResult result;

	for (int i = 0; i < nprobes; i++)
	{
		young |= is_young(&probe[i]);
		if (probe[i].config.kind == PROBE_SQL && probe[i].due <= now)
		{
			more = first != NULL;
			if (first == NULL || probe[i].due < first->due)
				first = &probe[i];
		}
	}
	if (first != NULL && young)
	{
		if (waits_since == 0)
			waits_since = probe_clock();
		if (probe_clock() - waits_since < QUERY_WAITS)
			return true;
	}
	waits_since = 0;
	if (first == NULL)
		return false;
	first->due = now + first->config.interval;
	probe_sql(&first->config, &result);
	note(first, &result);
	return more;
}

bool
probes_run(Oid schema)
{
	int64		now = clock_now();
	bool		tcp;

	follow_settings(now);
	/* the clock was set back */
	for (int i = 0; i < nprobes; i++)
		probe[i].due = Min(probe[i].due, now + probe[i].config.interval);
	tcp = begin_tcp(now) > 0;
	if (tcp)
		go_on_with_tcp();
	return run_query(now) || tcp;
}

int64
probes_next(void)
{
	int64		next = PG_INT64_MAX;

	for (int i = 0; i < nprobes; i++)
		if (probe[i].config.kind == PROBE_TCP || probe[i].config.kind == PROBE_SQL)
			next = Min(next, probe[i].due);
	return next;
}
