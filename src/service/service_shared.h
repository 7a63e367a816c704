/*-------------------------------------------------------------------------
 *
 * service_shared.h
 *	  The service in shared memory; private to src/service.
 *
 * Locking protocol
 *	 word, ml_next, lookup_next, looked_up, failed_at, dirty, decisions
 *						atomics, no lock; word is written under the state lock
 *	 everything else	the state lock: exclusive to write, shared to read
 *	 the saved file		the saved lock, held while it is written
 * Order: saved, state, a circuit's. Under the state lock there is arithmetic and
 * copying: nothing is allocated, logged, written or called. What a change means
 * for others is collected in ServiceNews and told afterwards.
 *
 * The worker probes and looks at the server. Anybody may evaluate: what a
 * session does by hand is in force when its call returns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_SERVICE_SHARED_H
#define FRAUD_SERVICE_SERVICE_SHARED_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "service/service.h"
#include "service/windows.h"

#define SERVICE_TEXT			200
#define SERVICE_STRIPES			16

typedef struct Dependency
{
	char		name[DEPENDENCY_NAME_MAX];
	DependencyConfig config;
	HealthTrack probes;
	TimestampTz probed_at;		/* 0: never */
	char		not_probed[SERVICE_TEXT];	/* why it cannot be; empty: it can */
	char		error[SERVICE_TEXT];	/* of the last failure, UTF-8 */
	TimestampTz error_at;		/* 0: none */
} Dependency;

/* Real traffic, in spans of an interval. */
typedef struct Traffic
{
	HealthTrack track;
	int64		opened_at;		/* of the span; its first call */
	int64		last_at;		/* last time one was seen */
	int64		failed_at;		/* last time one had failed */
	uint64		calls;			/* totals when the span began */
	uint64		failed;
	uint64		slow;
	uint64		seen;			/* totals at the last look: calls */
	uint64		seen_failed;
} Traffic;

typedef struct ServiceShared
{
	pg_atomic_uint64 word;		/* tier + only_ml * 8 + recovering * 16 + cause * 256 */
	pg_atomic_uint64 lookup_next;	/* the same of look-ups at tier 3 */
	pg_atomic_uint64 ml_next;	/* clock_now(): the next call while ML recovers */
	pg_atomic_uint64 looked_up[2];	/* look-ups: failed, done */
	pg_atomic_uint64 failed_at; /* clock_now() of the last that failed */
	pg_atomic_uint32 dirty;		/* what is on disk is not what is */

	uint64		generation;		/* of the settings applied */
	TierSettings settings;
	int64		interval;		/* of the template */
	int32		ndependencies;
	Dependency	dependency[DEPENDENCIES_MAX];
	Traffic		ml;
	Traffic		database;
	TierMachine tiers;
	WindowTable windows;
	char		override_by[NAMEDATALEN];
	char		override_reason[SERVICE_TEXT];	/* UTF-8 */
	TimestampTz override_at;

	/* what the worker found of the server */
	bool		read_only;
	bool		standby;
	int64		lag;			/* microseconds; -1: not known */
	TimestampTz evaluated_at;	/* by the worker; 0: never */
	TimestampTz restored_at;	/* from the saved file; 0: there was none */
} ServiceShared;

extern ServiceShared *service;	/* NULL: not preloaded */

/* ---- what a change leads to, outside the lock ---- */

typedef enum NewsKind
{
	NEWS_TIER,
	NEWS_OVERRIDE_SET,
	NEWS_OVERRIDE_CLEARED,
	NEWS_OVERRIDE_ENDED,
	NEWS_HEALTH,
	NEWS_WINDOW_SCHEDULED,
	NEWS_WINDOW_CANCELLED,
	NEWS_WINDOW_STARTED,
	NEWS_WINDOW_ENDED
} NewsKind;

typedef struct News
{
	NewsKind	kind;
	uint64		place;			/* of its event */
	char		remark[NOTICE_MESSAGE_MAX]; /* reason, message or error; UTF-8 */
	union
	{
		TierChange	change;
		struct
		{
			Tier		tier;
			bool		forced;
			int64		duration;
		}			override;
		struct
		{
			char		name[DEPENDENCY_NAME_MAX];
			bool		traffic;
			Health		from;
			Health		to;
			int64		latency;
		}			health;
		struct
		{
			int64		id;
			int64		starts;
			int64		ends;
			int64		every;
			char		contact[NOTICE_CONTACT_MAX];
		}			window;
	};
} News;

/* More than one evaluation can make, but for that many windows at once: they wait for the next. */
#define NEWS_MAX				24

typedef struct ServiceNews
{
	int			n;
	bool		save;			/* it must outlive a crash */
	News		news[NEWS_MAX];
} ServiceNews;

/* ---- service_state.c ---- */

/* First call of everything that changes something; gives back empty news. */
extern ServiceNews *service_lock(void);

/* Another piece of news, under the lock; NULL: no room. */
extern News *service_news(ServiceNews *news, NewsKind kind);

/*
 * Ends what service_lock() began: evaluates, lets go, publishes events and
 * writes what must outlive a crash. False: that could not be written.
 */
extern bool service_unlock(ServiceNews *news);

extern void service_lock_shared(void);
extern void service_unlock_shared(void);
extern LWLock *service_saved_lock(void);

/* Under either lock. */
extern Dependency *service_find(const char *name, size_t len);

/* The end of a probe or a push: latency or HEALTH_FAILED and an error in UTF-8. Under the lock. */
extern void service_sample(Dependency *dependency, int64 now, int64 latency, const char *error,
						   ServiceNews *news);

/* The health of a dependency by its probes, as of now. */
extern Health service_probed(const Dependency *dependency, int64 now);

/* That of a role by real traffic; NULL track: the role has none. */
extern const Traffic *service_traffic(ServiceRole role);
extern Health service_traffic_health(ServiceRole role, int64 now);

extern void service_init(void);

/* ---- service_facts.c ---- */

/* Real traffic since the last look. Under the lock. */
extern void service_look_at_traffic(int64 now, ServiceNews *news);

/* Windows that open and end. Under the lock. */
extern void service_look_at_windows(int64 wall, ServiceNews *news);

extern void service_facts(TierFacts *facts, int64 now, int64 wall);

/* ---- service_events.c ---- */

/* Publishes; outside locks, with interrupts held. Never fails. */
extern void service_events(const ServiceNews *news);

/* ---- service_saved.c ---- */

/* False: the disk refuses; the worker tries again. */
extern bool service_save(void);
extern void service_save_if_dirty(void);

/* While the server starts. */
extern void service_restore(void);

#endif							/* FRAUD_SERVICE_SERVICE_SHARED_H */
