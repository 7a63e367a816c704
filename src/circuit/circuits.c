/*-------------------------------------------------------------------------
 *
 * circuits.c
 *	  The circuits of a server, in shared memory; see circuits.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/ip.h"
#include "common/pg_prng.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "circuit/circuit_events.h"
#include "circuit/circuit_saved.h"
#include "circuit/permits.h"
#include "circuit/ticket.h"
#include "config/setting_keys.h"
#include "config/settings.h"
#include "config/yaml_error.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/shared_text.h"
#include "core/shmem.h"

#define TRANCHE				"fraud_fallback_circuits"
#define LOCK_REGISTRY		0
#define LOCK_SAVED			1
#define LOCK_CIRCUITS		2

/* Calls in flight there is room for: a backend's own, and those left behind. */
#define SLOTS_A_BACKEND		4
#define SLOTS_MORE			64

CircuitsShared *circuits;

static Circuit *all;
static LWLockPadded *locks;
static int	max_circuits;

/* Generation of the settings this session has seen applied. */
static uint64 applied;

/* ---- shared memory ---- */

static int
slots_wanted(void)
{
	return Min(MaxBackends * SLOTS_A_BACKEND + SLOTS_MORE, TICKET_SLOTS);
}

static Size
circuits_at(void)
{
	return CACHELINEALIGN(sizeof(CircuitsShared));
}

static Size
slots_at(void)
{
	return add_size(circuits_at(), CACHELINEALIGN(mul_size(sizeof(Circuit), max_circuits)));
}

static Size
circuits_size(void)
{
	/* the area begins where it begins, circuits on a cache line */
	return add_size(add_size(slots_at(), permits_size(slots_wanted())), PG_CACHE_LINE_SIZE);
}

static void
circuits_shmem(void *memory, LWLockPadded *tranche, bool found)
{
	char	   *base = (char *) CACHELINEALIGN(memory);

	circuits = (CircuitsShared *) base;
	all = (Circuit *) (base + circuits_at());
	locks = tranche;
	if (!found)
	{
		memset(circuits, 0, sizeof(*circuits));
		if (!pg_strong_random(&circuits->secret, sizeof(circuits->secret)))
			circuits->secret = pg_prng_uint64(&pg_global_prng_state);
		circuits->max = max_circuits;
		circuits->slots = slots_wanted();
		pg_atomic_init_u32(&circuits->n, 0);
		pg_atomic_init_u64(&circuits->refused_names, 0);
		pg_atomic_init_u64(&circuits->refused_slots, 0);
		pg_atomic_init_u32(&circuits->dirty, 0);
		pg_atomic_init_u64(&circuits->to_save, 0);
	}
	permits_attach(base + slots_at(), found, slots_wanted());
	if (!found)
		circuits_restore();
}

Circuit *
circuit_number(uint32 number)
{
	return &all[number];
}

int
circuit_count(void)
{
	int			n = (int) pg_atomic_read_u32(&circuits->n);

	pg_read_barrier();
	return n;
}

LWLock *
circuits_saved_lock(void)
{
	return &locks[LOCK_SAVED].lock;
}

static LWLock *
lock_of(const Circuit *c)
{
	return &locks[LOCK_CIRCUITS + c->number].lock;
}

/* ---- this session ---- */

int
circuit_stripe(void)
{
	return (int) (FRAUD_PROC_NUMBER % CIRCUIT_STRIPES);
}

/* Of the session's user, whom a pool may set anew. */
static struct
{
	bool		known;
	Oid			user;
	uint64		hash;
	char		name[CIRCUIT_REPORTER_MAX]; /* UTF-8 */
}			reporter;

static pg_noinline void
learn_reporter(Oid user)
{
	const SockAddr *client = MyBEEntry != NULL ? &MyBEEntry->st_clientaddr : NULL;
	char	   *who = shared_text_to_utf8(events_who());
	char		host[64];

	if (client == NULL || (client->addr.ss_family != AF_INET && client->addr.ss_family != AF_INET6) ||
		pg_getnameinfo_all(&client->addr, client->salen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		strlcpy(host, "local", sizeof(host));
	snprintf(reporter.name, sizeof(reporter.name), "%s@%s", who, host);
	pfree(who);
	reporter.hash = hash_bytes_extended((const unsigned char *) reporter.name, (int) strlen(reporter.name), 0) | 1;
	reporter.user = user;
	reporter.known = true;
}

const char *
circuit_reporter_name(void)
{
	Oid			user = GetSessionUserId();

	if (unlikely(!reporter.known || reporter.user != user))
		learn_reporter(user);
	return reporter.name;
}

uint64
circuit_reporter(void)
{
	(void) circuit_reporter_name();
	return reporter.hash;
}

/* ---- counters ---- */

StaticAssertDecl(sizeof(CircuitTotals) == sizeof(CircuitCounters), "one total a counter");

void
circuit_totals(const Circuit *c, CircuitTotals *totals)
{
	uint64	   *sum = (uint64 *) totals;
	int			s;
	int			i;

	memset(totals, 0, sizeof(*totals));
	/* what ended first, then what was admitted: never less than none in flight */
	for (i = sizeof(CircuitTotals) / sizeof(uint64) - 1; i >= 0; i--)
		for (s = 0; s < CIRCUIT_STRIPES; s++)
			sum[i] += pg_atomic_read_u64((pg_atomic_uint64 *) &c->counters[s] + i);
}

int64
circuit_in_flight(const Circuit *c)
{
	uint64		ended = 0;
	uint64		admitted = 0;

	for (int i = 0; i < CIRCUIT_STRIPES; i++)
		ended += pg_atomic_read_u64((pg_atomic_uint64 *) &c->counters[i].ended);
	pg_read_barrier();			/* in this order: never fewer than none */
	for (int i = 0; i < CIRCUIT_STRIPES; i++)
		admitted += pg_atomic_read_u64((pg_atomic_uint64 *) &c->counters[i].admitted);
	return (int64) (admitted - ended);
}

/* ---- locking ---- */

static void
publish_state(Circuit *c)
{
	int64		until;
	Shortcut	shortcut = machine_shortcut(&c->machine, &c->config, &until);
	uint64		word = c->machine.generation << 5 | (uint64) shortcut << 3 | (uint64) c->machine.state;

	if (pg_atomic_read_u64(&c->word) == word && pg_atomic_read_u64(&c->until) == (uint64) until)
		return;
	/* who sees the new word must see its time */
	pg_atomic_write_u64(&c->until, (uint64) until);
	pg_write_barrier();
	pg_atomic_write_u64(&c->word, word);
}

void
circuit_lock(Circuit *c)
{
	LWLockAcquire(lock_of(c), LW_EXCLUSIVE);
}

void
circuit_lock_shared(Circuit *c)
{
	LWLockAcquire(lock_of(c), LW_SHARED);
}

void
circuit_unlock_shared(Circuit *c)
{
	LWLockRelease(lock_of(c));
}

void
circuit_unlock_unchanged(Circuit *c)
{
	LWLockRelease(lock_of(c));
}

/* Whether a state must be on disk before others rely on it. */
static bool
must_outlive(CircuitState state)
{
	return state != CIRCUIT_CLOSED && state != CIRCUIT_HALF_OPEN;
}

void
circuit_unlock(Circuit *c, CircuitAftermath *aftermath)
{
	bool		save = false;
	int			i;

	publish_state(c);
	if (aftermath->changes.n == 0)
	{
		LWLockRelease(lock_of(c));
		return;
	}
	for (i = 0; i < aftermath->changes.n; i++)
	{
		const CircuitChange *change = &aftermath->changes.change[i];

		aftermath->places[i] = events_reserve();
		save |= (must_outlive(change->to) && !c->machine.configured && change->reason != CHANGE_WOULD_OPEN) ||
			change->reason == CHANGE_RESET;
		c->last_change = *change;
	}
	c->changed_at = clock_wall();
	aftermath->config = c->config;
	aftermath->nrecent = c->nrecent;
	memcpy(aftermath->recent, c->recent, sizeof(c->recent));
	strlcpy(aftermath->forced_reason, c->forced_reason, sizeof(aftermath->forced_reason));

	/* a place that was reserved is published, whatever happens */
	HOLD_INTERRUPTS();
	LWLockRelease(lock_of(c));
	circuit_events(c->name, aftermath);
	RESUME_INTERRUPTS();

	pg_atomic_write_u32(&circuits->dirty, 1);
	if (save)
		circuits_save_change();
}

/* ---- configuration ---- */

static void
take_config(Circuit *c, const CircuitConfig *config, uint64 generation)
{
	c->config = *config;
	c->config_generation = generation;
	pg_atomic_write_u64(&c->timeout, (uint64) config->timeout);
	pg_atomic_write_u64(&c->slow_after, (uint64) config->slow_after);
	pg_atomic_write_u64(&c->check_at, 0);
}

/* Under its lock. One that a restart left begins with its first configuration. */
static void
configure(Circuit *c, const CircuitConfig *config, uint64 generation, CircuitAftermath *aftermath)
{
	bool		first = c->config_generation == 0;

	take_config(c, config, generation);
	if (first)
	{
		CircuitChanges none = {0};

		machine_init(&c->machine, config, c->restored_at, &none);
		machine_restore(&c->machine, config, c->restored_at, c->restored_state, c->restored_resume,
						c->restored_step, c->restored_rest, pg_prng_double(&pg_global_prng_state),
						&aftermath->changes);
	}
	machine_tick(&c->machine, config, clock_now(), &aftermath->changes);
}

/*
 * A circuit more, complete before others can see it; NULL where there is no
 * room. Under the registry lock, or before anybody else is there: then
 * settings may be NULL, they come later.
 */
Circuit *
circuit_append(const char *name, int len, const CircuitSettings *settings, uint64 generation)
{
	uint32		n = pg_atomic_read_u32(&circuits->n);
	Circuit    *c = &all[n];
	int			i;

	if (n >= (uint32) circuits->max)
		return NULL;
	memset(c, 0, sizeof(*c));
	memcpy(c->name, name, len);
	c->number = n;
	pg_atomic_init_u64(&c->word, (uint64) SHORTCUT_NONE << 3);
	pg_atomic_init_u64(&c->until, 0);
	pg_atomic_init_u64(&c->check_at, 0);
	pg_atomic_init_u64(&c->timeout, 0);
	pg_atomic_init_u64(&c->slow_after, 0);
	for (i = 0; i < CIRCUIT_STRIPES; i++)
	{
		CircuitCounters *counters = &c->counters[i];

		pg_atomic_init_u64(&counters->admitted, 0);
		pg_atomic_init_u64(&counters->ended, 0);
		pg_atomic_init_u64(&counters->successes, 0);
		pg_atomic_init_u64(&counters->failures, 0);
		pg_atomic_init_u64(&counters->ignored, 0);
		pg_atomic_init_u64(&counters->slow, 0);
		pg_atomic_init_u64(&counters->late, 0);
		pg_atomic_init_u64(&counters->refused, 0);
	}
	if (settings != NULL)
	{
		CircuitChanges none = {0};	/* it begins as its mode says */

		take_config(c, circuit_config_of(settings, c->name), generation);
		machine_init(&c->machine, &c->config, clock_now(), &none);
		publish_state(c);
	}
	pg_write_barrier();
	pg_atomic_write_u32(&circuits->n, n + 1);
	return c;
}

/* Finds it, or makes it; NULL, counted and said, where there is no room. */
static Circuit *
find_or_append(const char *name, int len, const CircuitSettings *settings, uint64 generation)
{
	Circuit    *c;

	LWLockAcquire(&locks[LOCK_REGISTRY].lock, LW_EXCLUSIVE);
	c = circuit_find(name, len);
	if (c == NULL)
		c = circuit_append(name, len, settings, generation);
	LWLockRelease(&locks[LOCK_REGISTRY].lock);
	if (c == NULL && pg_atomic_fetch_add_u64(&circuits->refused_names, 1) == 0)
		circuit_event_full(pnstrdup(name, len), circuits->max);
	return c;
}

/* Every circuit as service.yaml has it now; those it names are made. */
static void
apply_settings(void)
{
	CircuitSettings *settings = palloc(sizeof(CircuitSettings));
	uint64		generation = settings_copy(&circuit_section, settings);
	int			i;

	for (i = 0; i < settings->n; i++)
	{
		const char *name = settings->named[i].name;

		if (circuit_find(name, (int) strlen(name)) == NULL &&
			find_or_append(name, (int) strlen(name), settings, generation) == NULL)
			break;
	}
	for (i = 0; i < circuit_count(); i++)
	{
		Circuit    *c = circuit_number(i);
		CircuitAftermath aftermath;

		aftermath.changes.n = 0;
		circuit_lock(c);
		if (c->config_generation < generation)
			configure(c, circuit_config_of(settings, c->name), generation, &aftermath);
		circuit_unlock(c, &aftermath);
	}
	pfree(settings);
	applied = generation;
}

void
circuits_ready(void)
{
	if (unlikely(circuits == NULL))
		shmem_required();
	if (unlikely(settings_generation() != applied))
		apply_settings();
}

/* ---- names ---- */

Circuit *
circuit_find(const char *name, int len)
{
	static Circuit *last = NULL;	/* most sessions use one again and again */
	int			n = circuit_count();
	int			i;

	if (len >= CIRCUIT_NAME_MAX)
		return NULL;
	if (likely(last != NULL) && memcmp(last->name, name, len) == 0 && last->name[len] == '\0')
		return last;
	for (i = 0; i < n; i++)
		if (memcmp(all[i].name, name, len) == 0 && all[i].name[len] == '\0')
			return last = &all[i];
	return NULL;
}

static void
require_name(const char *name, int len)
{
	if (!setting_name_ok(name, len, CIRCUIT_NAME_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be the name of a circuit", pnstrdup(name, pg_mbcliplen(name, len, 80))),
				 errhint(CIRCUIT_NAME_HINT)));
}

Circuit *
circuit_find_or_make(const char *name, int len)
{
	Circuit    *c = circuit_find(name, len);

	if (unlikely(c == NULL))
	{
		CircuitSettings *settings;
		uint64		generation;

		require_name(name, len);
		settings = palloc(sizeof(CircuitSettings));
		generation = settings_copy(&circuit_section, settings);
		c = find_or_append(name, len, settings, generation);
		pfree(settings);
		circuits_ready();		/* settings that came meanwhile went by it */
	}
	return c;
}

Circuit *
circuit_of_text(const text *name)
{
	const char *s = VARDATA_ANY(name);
	int			len = (int) VARSIZE_ANY_EXHDR(name);
	Circuit    *c;
	const char **names;
	const char *near;
	int			n;
	int			i;

	circuits_ready();
	c = circuit_find(s, len);
	if (c != NULL)
		return c;
	n = circuit_count();
	names = palloc(sizeof(char *) * Max(n, 1));
	for (i = 0; i < n; i++)
		names[i] = all[i].name;
	near = yaml_nearest(s, len, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no circuit \"%s\"", pnstrdup(s, pg_mbcliplen(s, len, 80))),
			 near != NULL ? errhint("Did you mean \"%s\"?", near) :
			 errhint("A circuit begins with its first circuit_acquire(), or with its name in service.yaml.")));
	return NULL;				/* keep compiler quiet */
}

void
circuits_init(void)
{
	/* without preload it means nothing, but configuration files may have it */
	DefineCustomIntVariable("fraud_fallback.max_circuits",
							"Circuits there is room for in shared memory.",
							NULL,
							&max_circuits,
							64, 1, TICKET_CIRCUITS,
							process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							GUC_ALLOW_IN_PARALLEL,
							NULL, NULL, NULL);
	settings_register(&circuit_section);
	shmem_register(TRANCHE, circuits_size, circuits_shmem, LOCK_CIRCUITS + max_circuits);
}
