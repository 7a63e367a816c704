/*-------------------------------------------------------------------------
 *
 * service_events.c
 *	  Changes of the service as events: who, what, when, why, and what comes
 *	  next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/events.h"
#include "core/json_text.h"
#include "service/service_shared.h"

/* Words for programs, in the cause. */
static const char *const cause_words[TIER_CAUSES] = {
	[CAUSE_NONE] = "healthy",
	[CAUSE_ML_UNHEALTHY] = "ml_unhealthy",
	[CAUSE_ML_CIRCUIT] = "ml_circuit",
	[CAUSE_STANDBY] = "standby",
	[CAUSE_READ_ONLY] = "read_only",
	[CAUSE_STANDBY_LAG] = "standby_lag",
	[CAUSE_DATABASE_DEGRADED] = "database_degraded",
	[CAUSE_DATABASE_UNHEALTHY] = "database_unhealthy",
	[CAUSE_RECOVERING] = "recovering",
	[CAUSE_OVERRIDE] = "override",
	[CAUSE_FORCED] = "forced",
	[CAUSE_MAINTENANCE] = "maintenance"
};

static void
say_tier(FraudEvent *event, const News *news, JsonText *json)
{
	const TierChange *change = &news->change;

	strlcpy(event->kind, "tier", sizeof(event->kind));
	strlcpy(event->subject, "service", sizeof(event->subject));
	strlcpy(event->from, tier_names[change->from], sizeof(event->from));
	strlcpy(event->to, tier_names[change->to], sizeof(event->to));
	tier_change_text(change, news->remark, event->message, sizeof(event->message));
	json_number(json, "from_tier", change->from);
	json_number(json, "to_tier", change->to);
	json_text(json, "reason", cause_words[change->cause]);
	json_text(json, "was", cause_words[change->was]);
	json_open(json, "measured", '[');
	for (int i = 1; i < TIER_CAUSES; i++)
		if ((change->causes & CAUSE_BIT(i)) != 0)
			json_text(json, NULL, cause_words[i]);
	json_close(json, ']');
	if (change->wait > 0)
		json_number(json, "recovery_seconds", change->wait / 1e6);
	if (news->remark[0] != '\0')
		json_text(json, "text", news->remark);
}

static void
say_override(FraudEvent *event, const News *news, JsonText *json)
{
	char		duration[40];

	strlcpy(event->kind, "tier", sizeof(event->kind));
	strlcpy(event->subject, "override", sizeof(event->subject));
	if (news->kind == NEWS_OVERRIDE_SET)
	{
		strlcpy(event->to, tier_names[news->override.tier], sizeof(event->to));
		snprintf(event->message, sizeof(event->message), "override: %s Tier %d for %s: %s",
				 news->override.forced ? "forced to" : "at best", news->override.tier,
				 tier_duration(duration, sizeof(duration), news->override.duration), news->remark);
		json_number(json, "tier", news->override.tier);
		json_number(json, "seconds", news->override.duration / 1e6);
		json_number(json, "forced", news->override.forced);
	}
	else
		snprintf(event->message, sizeof(event->message), "the override %s: %s",
				 news->kind == NEWS_OVERRIDE_ENDED ? "has ended" : "was cleared", news->remark);
	json_text(json, "text", news->remark);
}

static void
say_health(FraudEvent *event, const News *news, JsonText *json)
{
	char		latency[40];

	strlcpy(event->kind, "dependency", sizeof(event->kind));
	strlcpy(event->subject, news->health.name, sizeof(event->subject));
	strlcpy(event->from, health_names[news->health.from], sizeof(event->from));
	strlcpy(event->to, health_names[news->health.to], sizeof(event->to));
	tier_duration(latency, sizeof(latency), Max(news->health.latency, 0));
	snprintf(event->message, sizeof(event->message), "%s -> %s by %s%s%s%s", event->from, event->to,
			 news->health.traffic ? "real traffic" : "probes",
			 news->remark[0] != '\0' ? ": " : news->health.latency >= 0 ? ": answered after " : "",
			 news->remark, news->remark[0] == '\0' && news->health.latency >= 0 ? latency : "");
	json_text(json, "source", news->health.traffic ? "traffic" : "probes");
	if (news->health.latency >= 0)
		json_number(json, "milliseconds", news->health.latency / 1e3);
	if (news->remark[0] != '\0')
		json_text(json, "text", news->remark);
}

static void
say_window(FraudEvent *event, const News *news, JsonText *json)
{
	static const char *const what[] = {
		[NEWS_WINDOW_SCHEDULED] = "scheduled", [NEWS_WINDOW_CANCELLED] = "cancelled",
		[NEWS_WINDOW_STARTED] = "started", [NEWS_WINDOW_ENDED] = "ended"
	};
	char		duration[40];
	char		every[40];

	strlcpy(event->kind, "maintenance", sizeof(event->kind));
	snprintf(event->subject, sizeof(event->subject), INT64_FORMAT, news->window.id);
	strlcpy(event->to, what[news->kind], sizeof(event->to));
	tier_duration(duration, sizeof(duration), news->window.ends - news->window.starts);
	tier_duration(every, sizeof(every), news->window.every);
	snprintf(event->message, sizeof(event->message), "maintenance %s, %s%s%s%s%s", what[news->kind], duration,
			 news->window.every > 0 ? " every " : "", news->window.every > 0 ? every : "",
			 news->remark[0] != '\0' ? ": " : "", news->remark);
	json_time(json, "starts", news->window.starts);
	json_time(json, "ends", news->window.ends);
	if (news->window.every > 0)
		json_number(json, "every_seconds", news->window.every / 1e6);
	if (news->remark[0] != '\0')
		json_text(json, "text", news->remark);
	if (news->window.contact[0] != '\0')
		json_text(json, "contact", news->window.contact);
}

void
service_events(const ServiceNews *all)
{
	for (int i = 0; i < all->n; i++)
	{
		const News *news = &all->news[i];
		FraudEvent	event = {.at = clock_wall()};
		JsonText	json;

		strlcpy(event.who, events_who(), sizeof(event.who));
		json_begin(&json, event.cause, sizeof(event.cause));
		switch (news->kind)
		{
			case NEWS_TIER:
				say_tier(&event, news, &json);
				break;
			case NEWS_OVERRIDE_SET:
			case NEWS_OVERRIDE_CLEARED:
			case NEWS_OVERRIDE_ENDED:
				say_override(&event, news, &json);
				break;
			case NEWS_HEALTH:
				say_health(&event, news, &json);
				break;
			default:
				say_window(&event, news, &json);
				break;
		}
		json_number(&json, "pid", MyProcPid);
		json_end(&json);
		events_publish(news->place, &event);
	}
}
