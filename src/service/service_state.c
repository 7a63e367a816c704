/*-------------------------------------------------------------------------
 *
 * service_state.c
 *	  The service in shared memory; see service_shared.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "circuit/circuits.h"
#include "config/settings.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/shmem.h"
#include "core/worker.h"
#include "service/service_shared.h"

#define TRANCHE				"fraud_fallback_service"
#define LOCK_STATE			0
#define LOCK_SAVED			1
#define LOCKS				2

#define WORD_TIER(word)		((Tier) ((word) & 7))
#define WORD_ONLY_ML(word)	(((word) & 8) != 0)
#define WORD_RECOVERING(word)	(((word) & 16) != 0)
#define WORD_CAUSE(word)	((TierCause) ((word) >> 8))

/* Next to this, a moment that far ahead is from before the clock was set back. */
#define STEP_BACK_MIN		INT64CONST(1000000)

ServiceShared *service;

/*
 * One cache line; sessions spread over SERVICE_STRIPES of them. Apart from the
 * rest, which is copied to where lines do not begin.
 */
typedef union DecisionCounters
{
	pg_atomic_uint64 n[TIERS + 1];
	char		line[PG_CACHE_LINE_SIZE];
} DecisionCounters;

static DecisionCounters *decisions;
static LWLockPadded *locks;

/* Generation of the settings this session has seen applied, and copied. */
static uint64 applied;
static uint64 copied;

/* What the call that runs has to tell; nothing calls back meanwhile. */
static ServiceNews collected;

/* ---- the word ---- */

static void
publish_word(void)
{
	const TierMachine *m = &service->tiers;

	pg_atomic_write_u64(&service->word,
						(uint64) m->tier | (uint64) tiers_only_ml(m) << 3 |
						(uint64) (m->tier == m->held && m->measured < m->held) << 4 | (uint64) m->cause << 8);
}

ServiceNow
service_now(void)
{
	uint64		word = service == NULL ? TIER_FULL : pg_atomic_read_u64(&service->word);

	return (ServiceNow)
	{
		WORD_TIER(word), WORD_CAUSE(word), WORD_ONLY_ML(word), WORD_RECOVERING(word)
	};
}

Tier
service_tier(void)
{
	return service == NULL ? TIER_FULL : WORD_TIER(pg_atomic_read_u64(&service->word));
}

/* ---- settings ---- */

const TierSettings *
service_settings(void)
{
	static TierSettings settings;
	uint64		generation = settings_generation();

	if (unlikely(generation != copied))
		copied = settings_copy(&tier_section, &settings);
	return &settings;
}

/* Whether what was seen of the one still says something of the other. */
static bool
same_target(const DependencyConfig *a, const DependencyConfig *b)
{
	return a->kind == b->kind && a->port == b->port && strcmp(a->query, b->query) == 0 &&
		strcmp(a->host, b->host) == 0 && strcmp(a->send, b->send) == 0 && strcmp(a->expect, b->expect) == 0;
}

static void
apply_settings(void)
{
	DependencySettings *wanted = palloc(sizeof(DependencySettings));
	TierSettings *settings = palloc(sizeof(TierSettings));
	Dependency *old = palloc(sizeof(service->dependency));
	uint64		generation = settings_copy(&dependency_section, wanted);
	int			nold;
	int64		now;

	/* of the same file, or the next look finds out */
	generation = Min(generation, settings_copy(&tier_section, settings));
	LWLockAcquire(&locks[LOCK_STATE].lock, LW_EXCLUSIVE);
	if (service->generation < generation)
	{
		now = clock_now();
		nold = service->ndependencies;
		memcpy(old, service->dependency, sizeof(service->dependency));
		service->generation = generation;
		service->settings = *settings;
		service->interval = wanted->template.interval;
		service->ndependencies = wanted->n;
		for (int i = 0; i < wanted->n; i++)
		{
			Dependency *d = &service->dependency[i];
			int			j = 0;

			while (j < nold && (strcmp(old[j].name, wanted->named[i].name) != 0 ||
								!same_target(&old[j].config, &wanted->named[i].config)))
				j++;
			if (j < nold)
				*d = old[j];
			else
			{
				memset(d, 0, sizeof(*d));
				strlcpy(d->name, wanted->named[i].name, sizeof(d->name));
				health_init(&d->probes, now);
			}
			d->config = wanted->named[i].config;
		}
	}
	LWLockRelease(&locks[LOCK_STATE].lock);
	pfree(old);
	pfree(settings);
	pfree(wanted);
	applied = generation;
}

void
service_ready(void)
{
	if (unlikely(service == NULL))
		shmem_required();
	if (unlikely(settings_generation() != applied))
		apply_settings();
}

/* ---- locking ---- */

ServiceNews *
service_lock(void)
{
	service_ready();
	collected.n = 0;
	collected.save = false;
	LWLockAcquire(&locks[LOCK_STATE].lock, LW_EXCLUSIVE);
	return &collected;
}

void
service_lock_shared(void)
{
	LWLockAcquire(&locks[LOCK_STATE].lock, LW_SHARED);
}

void
service_unlock_shared(void)
{
	LWLockRelease(&locks[LOCK_STATE].lock);
}

LWLock *
service_saved_lock(void)
{
	return &locks[LOCK_SAVED].lock;
}

News *
service_news(ServiceNews *news, NewsKind kind)
{
	News	   *item;

	if (news->n == NEWS_MAX)
		return NULL;
	item = &news->news[news->n++];
	memset(item, 0, sizeof(*item));
	item->kind = kind;
	return item;
}

/* What the machine has changed, as news. */
static void
collect_changes(const TierChanges *changes, int64 wall, ServiceNews *news)
{
	News	   *item;
	int64		ends;

	if (changes->override_ended && (item = service_news(news, NEWS_OVERRIDE_ENDED)) != NULL)
		strlcpy(item->remark, service->override_reason, sizeof(item->remark));
	for (int i = 0; i < changes->n; i++)
	{
		const TierChange *change = &changes->change[i];
		int			w;

		item = service_news(news, NEWS_TIER);
		if (item == NULL)
			break;
		item->change = *change;
		if (change->cause == CAUSE_OVERRIDE || change->cause == CAUSE_FORCED)
			strlcpy(item->remark, service->override_reason, sizeof(item->remark));
		else if (change->cause == CAUSE_MAINTENANCE)
		{
			w = windows_current(&service->windows, wall, &ends);
			strlcpy(item->remark, w >= 0 && service->windows.window[w].message[0] != '\0' ?
					service->windows.window[w].message : service->settings.message, sizeof(item->remark));
		}
	}
	if (changes->n > 0 || changes->override_ended)
		pg_atomic_write_u32(&service->dirty, 1);
}

bool
service_unlock(ServiceNews *news)
{
	int64		now = clock_now();
	int64		wall = clock_wall();
	TierChanges changes = {0};
	TierFacts	facts;
	Tier		held = service->tiers.held;

	service_look_at_traffic(now, news);
	service_look_at_windows(wall, news);
	service_facts(&facts, now, wall);
	tiers_tick(&service->tiers, &service->settings, &facts, now, &changes);
	collect_changes(&changes, wall, news);
	if (service->tiers.held != held)
		pg_atomic_write_u32(&service->dirty, 1);
	publish_word();
	for (int i = 0; i < news->n; i++)
		news->news[i].place = events_reserve();

	/* a place that was reserved is published, whatever happens */
	HOLD_INTERRUPTS();
	LWLockRelease(&locks[LOCK_STATE].lock);
	service_events(news);
	RESUME_INTERRUPTS();
	if (!news->save)
		return true;
	pg_atomic_write_u32(&service->dirty, 1);
	return service_save();
}

/* ---- dependencies ---- */

Dependency *
service_find(const char *name, size_t len)
{
	for (int i = 0; i < service->ndependencies; i++)
		if (strlen(service->dependency[i].name) == len && memcmp(service->dependency[i].name, name, len) == 0)
			return &service->dependency[i];
	return NULL;
}

Health
service_probed(const Dependency *d, int64 now)
{
	if (d->probes.samples == 0 || d->not_probed[0] != '\0' || d->config.kind == PROBE_OFF)
		return HEALTH_NONE;
	return health_now(&d->probes, now,
					  d->config.kind == PROBE_PUSH ? PUSH_STALE_INTERVALS * d->config.interval : 0);
}

void
service_sample(Dependency *d, int64 now, int64 latency, const char *error, ServiceNews *news)
{
	Health		before = service_probed(d, now);
	Health		after;
	News	   *item;

	/* a good report after a long silence must not bring the bad ones before it back */
	if (before == HEALTH_NONE && d->probes.samples > 0)
		health_forget(&d->probes, now);
	d->probed_at = clock_wall();
	(void) health_sample(&d->probes, &d->config.rules, now, latency);
	if (error != NULL)
	{
		strlcpy(d->error, error, sizeof(d->error));
		d->error_at = d->probed_at;
	}
	after = service_probed(d, now);
	if (after == before || Max(before, after) < HEALTH_DEGRADED)
		return;
	item = service_news(news, NEWS_HEALTH);
	if (item == NULL)
		return;
	strlcpy(item->health.name, d->name, sizeof(item->health.name));
	item->health.from = before;
	item->health.to = after;
	item->health.latency = latency;
	strlcpy(item->remark, error != NULL ? error : "", sizeof(item->remark));
}

/* ---- what the path of a decision asks and tells ---- */

/* One in so many microseconds gets true. */
static bool
its_time(pg_atomic_uint64 *moment, int64 now, int64 step)
{
	uint64		next = pg_atomic_read_u64(moment);

	if (now < (int64) next && (int64) next - now <= step + STEP_BACK_MIN)
		return false;
	return pg_atomic_compare_exchange_u64(moment, &next, (uint64) (now + step));
}

bool
service_ml_allowed(int64 now)
{
	ServiceNow	is = service_now();
	Circuit    *c;
	CircuitState state;

	if (is.tier == TIER_FULL)
		return true;
	if (!is.only_ml)
		return false;
	c = circuits == NULL ? NULL : circuit_find(SERVICE_CIRCUIT, (int) strlen(SERVICE_CIRCUIT));
	state = c == NULL ? CIRCUIT_CLOSED : WORD_STATE(pg_atomic_read_u64(&c->word));
	if (state == CIRCUIT_FORCED_OPEN)
		return false;
	/* it lets its trials through when their time has come, and nothing else */
	if (state == CIRCUIT_OPEN || state == CIRCUIT_HALF_OPEN)
		return true;
	if (service_settings()->recovery_rate == 0)
		return false;
	return its_time(&service->ml_next, now, USECS_PER_SEC / service_settings()->recovery_rate);
}

bool
service_lookup_wanted(int64 now)
{
	ServiceNow	is = service_now();

	return is.tier == TIER_MINIMAL && is.cause == CAUSE_DATABASE_DEGRADED &&
		its_time(&service->lookup_next, now, USECS_PER_SEC);
}

void
service_notice(ServiceNotice *notice)
{
	const Window *w = NULL;
	int64		ends = 0;
	int			i;

	memset(notice, 0, sizeof(*notice));
	if (service == NULL)
		return;
	service_ready();
	service_lock_shared();
	i = windows_current(&service->windows, clock_wall(), &ends);
	if (i >= 0)
		w = &service->windows.window[i];
	else if (service->tiers.tier == TIER_MAINTENANCE && service->tiers.override != 0)
		ends = clock_wall_of(service->tiers.override_until);
	strlcpy(notice->message, w != NULL && w->message[0] != '\0' ? w->message : service->settings.message,
			sizeof(notice->message));
	strlcpy(notice->contact, w != NULL && w->contact[0] != '\0' ? w->contact : service->settings.contact,
			sizeof(notice->contact));
	notice->retry_after = service->settings.retry_after;
	service_unlock_shared();
	notice->expected_recovery = ends;
}

void
service_report_database(bool ok)
{
	if (service == NULL)
		return;
	if (!ok)
		pg_atomic_write_u64(&service->failed_at, (uint64) clock_now());
	(void) pg_atomic_fetch_add_u64(&service->looked_up[ok], 1);
}

void
service_count_decision(Tier tier)
{
	if (service != NULL)
		(void) pg_atomic_fetch_add_u64(&decisions[FRAUD_PROC_NUMBER % SERVICE_STRIPES].n[tier], 1);
}

uint64
service_decisions(Tier tier)
{
	uint64		sum = 0;

	for (int i = 0; service != NULL && i < SERVICE_STRIPES; i++)
		sum += pg_atomic_read_u64(&decisions[i].n[tier]);
	return sum;
}

/* ---- shared memory ---- */

static Size
service_size(void)
{
	/* the area begins where it begins, counters on a cache line */
	return add_size(MAXALIGN(sizeof(ServiceShared)) + PG_CACHE_LINE_SIZE,
					mul_size(sizeof(DecisionCounters), SERVICE_STRIPES));
}

static void
service_shmem(void *memory, LWLockPadded *tranche, bool found)
{
	int64		now = clock_now();

	service = memory;
	decisions = (DecisionCounters *) CACHELINEALIGN((char *) memory + sizeof(ServiceShared));
	locks = tranche;
	if (found)
		return;
	memset(service, 0, sizeof(*service));
	pg_atomic_init_u64(&service->word, TIER_FULL);
	pg_atomic_init_u64(&service->lookup_next, 0);
	pg_atomic_init_u64(&service->ml_next, 0);
	pg_atomic_init_u64(&service->looked_up[0], 0);
	pg_atomic_init_u64(&service->looked_up[1], 0);
	pg_atomic_init_u64(&service->failed_at, 0);
	pg_atomic_init_u32(&service->dirty, 0);
	for (int i = 0; i < SERVICE_STRIPES; i++)
		for (int tier = 0; tier <= TIERS; tier++)
			pg_atomic_init_u64(&decisions[i].n[tier], 0);
	service->lag = -1;
	health_init(&service->ml.track, now);
	health_init(&service->database.track, now);
	tiers_init(&service->tiers, now);
	service_restore();
	publish_word();
}

void
service_init(void)
{
	settings_register(&dependency_section);
	settings_register(&tier_section);
	shmem_register(TRANCHE, service_size, service_shmem, LOCKS);
}
