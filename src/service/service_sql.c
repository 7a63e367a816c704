/*-------------------------------------------------------------------------
 *
 * service_sql.c
 *	  SQL: fraud_tier(), and the service by hand: tier_override(),
 *	  maintenance_schedule() and the like, health_report().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "circuit/circuit_sql.h"
#include "config/yaml_error.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "core/shared_text.h"
#include "service/service_shared.h"

#define WINDOW_LENGTH_MAX	(30 * USECS_PER_DAY)
#define WINDOW_AHEAD_MAX	(3660 * USECS_PER_DAY)

/* ---- arguments ---- */

/* A text in UTF-8, whatever the encoding of this database is; empty for NULL. */
static void
utf8_arg(FunctionCallInfo fcinfo, int n, char *dst, size_t size)
{
	dst[0] = '\0';
	if (PG_NARGS() > n && !PG_ARGISNULL(n))
		shared_text_store(dst, size, text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/* The same, where customers would see that something is missing. */
static void
whole_utf8_arg(FunctionCallInfo fcinfo, int n, const char *name, char *dst, size_t size)
{
	utf8_arg(fcinfo, n, dst, size);
	if (!PG_ARGISNULL(n))
	{
		if (strlen(shared_text_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(n)))) >= size)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s is too long", name),
					 errhint("It has at most %zu bytes in UTF-8.", size - 1)));
	}
}

static void
need(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
}

/* In force, but not safe from a crash. */
static void
warn_not_saved(void)
{
	ereport(WARNING,
			(errmsg("this could not be written to disk"),
			 errdetail("It is in force, and lost if the server stops before it can be written."),
			 errhint("The server's log tells why; the worker tries again every second.")));
}

/* ---- the tier ---- */

PG_FUNCTION_INFO_V1(fraud_tier);
Datum
fraud_tier(PG_FUNCTION_ARGS)
{
	service_ready();
	PG_RETURN_INT32(service_tier());
}

/* tier_override(tier, duration, reason, force) */
PG_FUNCTION_INFO_V1(tier_override);
Datum
tier_override(PG_FUNCTION_ARGS)
{
	char		reason[SERVICE_TEXT];
	ServiceNews *news;
	News	   *item;
	int64		duration;
	int			tier;
	int			held;
	bool		force;
	bool		saved;

	service_ready();
	need(fcinfo, 0, "tier");
	need(fcinfo, 1, "duration");
	tier = PG_GETARG_INT32(0);
	duration = circuit_interval(PG_GETARG_INTERVAL_P(1));
	utf8_arg(fcinfo, 2, reason, sizeof(reason));
	force = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	if (tier < TIER_FULL || tier > TIER_MAINTENANCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no tier %d", tier),
				 errhint("Tiers are 1 FULL, 2 DEGRADED, 3 MINIMAL, 4 EMERGENCY and 5 MAINTENANCE.")));
	if (duration <= 0 || duration > OVERRIDE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duration must be longer than nothing and at most 24 hours"),
				 errhint("An override is for people who watch; call it again when it ends.")));
	if (reason[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a reason is needed"),
				 errhint("Say why, for those who find the service like this.")));

	news = service_lock();
	strlcpy(service->override_by, events_who(), sizeof(service->override_by));
	strlcpy(service->override_reason, reason, sizeof(service->override_reason));
	service->override_at = clock_wall();
	tiers_override(&service->tiers, clock_now(), tier, force, duration);
	item = service_news(news, NEWS_OVERRIDE_SET);
	item->override.tier = tier;
	item->override.forced = force;
	item->override.duration = duration;
	strlcpy(item->remark, reason, sizeof(item->remark));
	held = service->tiers.held;
	news->save = true;
	saved = service_unlock(news);
	if (!saved)
		warn_not_saved();
	if (!force && tier < held)
		ereport(NOTICE,
				(errmsg("the service stays at Tier %d, which is what was measured", held),
				 errhint("An override is the best tier allowed; with force => true it goes better than measured.")));
	PG_RETURN_VOID();
}

/* tier_override_clear() */
PG_FUNCTION_INFO_V1(tier_override_clear);
Datum
tier_override_clear(PG_FUNCTION_ARGS)
{
	ServiceNews *news = service_lock();
	bool		was = service->tiers.override != 0;
	News	   *item;

	if (was)
	{
		tiers_override_clear(&service->tiers);
		item = service_news(news, NEWS_OVERRIDE_CLEARED);
		strlcpy(item->remark, service->override_reason, sizeof(item->remark));
		news->save = true;
	}
	if (!service_unlock(news))
		warn_not_saved();
	PG_RETURN_BOOL(was);
}

/* ---- maintenance ---- */

static void
fill_window_news(News *item, const Window *w)
{
	item->window.id = w->id;
	item->window.starts = w->starts;
	item->window.ends = w->ends;
	item->window.every = w->every;
	strlcpy(item->window.contact, w->contact, sizeof(item->window.contact));
	strlcpy(item->remark, w->message, sizeof(item->remark));
}

/* "every" as a span of fixed length: windows are compared with one another. */
static int64
every_arg(FunctionCallInfo fcinfo, int n, int64 length)
{
	const Interval *every;
	int64		span;

	if (PG_ARGISNULL(n))
		return 0;
	every = PG_GETARG_INTERVAL_P(n);
	span = circuit_interval(every);
	if (every->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"every\" cannot have months or years, which are of different lengths"),
				 errhint("Give days or weeks, such as '7 days'.")));
	if (span < length || span > 366 * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"every\" must be at least as long as the window, and at most 366 days")));
	return span;
}

/* maintenance_schedule(starts, ends, message, contact, every) */
PG_FUNCTION_INFO_V1(maintenance_schedule);
Datum
maintenance_schedule(PG_FUNCTION_ARGS)
{
	Window		window;
	ServiceNews *news;
	News	   *item;
	int64		id;
	TimestampTz now = clock_wall();
	bool		saved;

	service_ready();
	memset(&window, 0, sizeof(window));
	need(fcinfo, 0, "starts");
	need(fcinfo, 1, "ends");
	window.starts = PG_GETARG_TIMESTAMPTZ(0);
	window.ends = PG_GETARG_TIMESTAMPTZ(1);
	if (TIMESTAMP_NOT_FINITE(window.starts) || TIMESTAMP_NOT_FINITE(window.ends) ||
		window.starts > now + WINDOW_AHEAD_MAX || window.starts < now - WINDOW_AHEAD_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a window begins and ends within ten years from now")));
	if (window.ends <= window.starts || window.ends - window.starts > WINDOW_LENGTH_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a window ends after it starts, 30 days later at most")));
	window.every = every_arg(fcinfo, 4, window.ends - window.starts);
	if (window.every == 0 && window.ends <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this window is over already")));
	whole_utf8_arg(fcinfo, 2, "message", window.message, sizeof(window.message));
	whole_utf8_arg(fcinfo, 3, "contact", window.contact, sizeof(window.contact));
	window.created_at = now;
	strlcpy(window.by, events_who(), sizeof(window.by));

	news = service_lock();
	id = windows_add(&service->windows, &window);
	if (id != 0)
	{
		window.id = id;
		item = service_news(news, NEWS_WINDOW_SCHEDULED);
		fill_window_news(item, &window);
		news->save = true;
	}
	saved = service_unlock(news);
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("there are %d maintenance windows already", WINDOWS_MAX),
				 errhint("maintenance_cancel() makes room; the view fraud_maintenance has them all.")));
	if (!saved)
		warn_not_saved();
	PG_RETURN_INT64(id);
}

/* maintenance_cancel(id) */
PG_FUNCTION_INFO_V1(maintenance_cancel);
Datum
maintenance_cancel(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	ServiceNews *news = service_lock();
	int			i = windows_find(&service->windows, id);

	if (i >= 0)
	{
		fill_window_news(service_news(news, NEWS_WINDOW_CANCELLED), &service->windows.window[i]);
		windows_remove(&service->windows, i);
		news->save = true;
	}
	if (!service_unlock(news))
		warn_not_saved();
	if (i < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no maintenance window " INT64_FORMAT, id),
				 errhint("The view fraud_maintenance has those that are to come.")));
	PG_RETURN_VOID();
}

/* ---- health_report(dependency, ok, latency) ---- */

static void
no_such_dependency(const char *name, int len)
{
	char		names[DEPENDENCIES_MAX][DEPENDENCY_NAME_MAX];
	const char *list[DEPENDENCIES_MAX];
	const char *near;
	int			n;

	service_lock_shared();
	n = service->ndependencies;
	for (int i = 0; i < n; i++)
		strlcpy(names[i], service->dependency[i].name, sizeof(names[i]));
	service_unlock_shared();
	for (int i = 0; i < n; i++)
		list[i] = names[i];
	near = yaml_nearest(name, len, list, n);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no dependency \"%s\"", pnstrdup(name, pg_mbcliplen(name, len, 80))),
			 near != NULL ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Dependencies are named in the service file; the view fraud_dependencies has them.")));
}

PG_FUNCTION_INFO_V1(health_report);
Datum
health_report(PG_FUNCTION_ARGS)
{
	const text *name;
	ServiceNews *news;
	Dependency *d;
	int64		latency;
	int			kind = PROBE_OFF;

	service_ready();
	need(fcinfo, 0, "dependency");
	need(fcinfo, 1, "ok");
	name = PG_GETARG_TEXT_PP(0);
	latency = PG_ARGISNULL(2) ? 0 : circuit_interval(PG_GETARG_INTERVAL_P(2));
	news = service_lock();
	d = service_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	if (d != NULL)
	{
		kind = d->config.kind;
		if (kind == PROBE_PUSH && PG_GETARG_BOOL(1) && latency <= d->config.timeout)
			service_sample(d, clock_now(), latency, NULL, news);
		else if (kind == PROBE_PUSH)
			service_sample(d, clock_now(), HEALTH_FAILED,
						   PG_GETARG_BOOL(1) ? "reported, but later than the timeout" : "reported as failed", news);
	}
	(void) service_unlock(news);
	if (d == NULL)
		no_such_dependency(VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name));
	if (kind != PROBE_PUSH)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dependency \"%s\" is of kind %s, nobody reports about it",
						text_to_cstring(name), probe_kind_names[kind]),
				 errhint("Only those of kind push are reported by health_report().")));
	PG_RETURN_VOID();
}
