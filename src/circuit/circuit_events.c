/*-------------------------------------------------------------------------
 *
 * circuit_events.c
 *	  Changes of circuits as events: who, what, when, why, and what comes next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "circuit/circuit_events.h"
#include "core/clock.h"
#include "core/events.h"
#include "core/json_text.h"
#include "core/shared_text.h"

/* Words for programs, in the cause. */
static const char *const reason_words[] = {
	[CHANGE_FAILURES] = "failures",
	[CHANGE_FAILURE_RATE] = "failure_rate",
	[CHANGE_SLOW_RATE] = "slow_rate",
	[CHANGE_TRIAL_FAILED] = "trial_failed",
	[CHANGE_TRIALS_SUCCEEDED] = "trials_succeeded",
	[CHANGE_WAITED] = "waited",
	[CHANGE_TRIPPED] = "tripped",
	[CHANGE_FORCED] = "forced",
	[CHANGE_FORCE_ENDED] = "force_ended",
	[CHANGE_RESET] = "reset",
	[CHANGE_CONFIGURED] = "configured",
	[CHANGE_WOULD_OPEN] = "would_open",
	[CHANGE_RESTORED] = "restored"
};

char *
circuit_duration(char *dst, size_t size, int64 us)
{
	if (us == CIRCUIT_FOR_EVER)
		strlcpy(dst, "without end", size);
	else if (us < 1000000)
		snprintf(dst, size, "%lld ms", (long long) (us / 1000));
	else if (us < 60 * INT64CONST(1000000))
		snprintf(dst, size, us % 1000000 == 0 ? "%.0f s" : "%.1f s", us / 1e6);
	else if (us < 3600 * INT64CONST(1000000))
	{
		if (us / 1000000 % 60 == 0)
			snprintf(dst, size, "%lld min", (long long) (us / 60000000));
		else
			snprintf(dst, size, "%lld min %lld s", (long long) (us / 60000000),
					 (long long) (us / 1000000 % 60));
	}
	else if (us / 60000000 % 60 == 0)
		snprintf(dst, size, "%lld h", (long long) (us / INT64CONST(3600000000)));
	else
		snprintf(dst, size, "%lld h %lld min", (long long) (us / INT64CONST(3600000000)),
				 (long long) (us / 60000000 % 60));
	return dst;
}

void
circuit_change_text(char *dst, size_t size, const CircuitChange *change, const CircuitConfig *config,
					const char *forced_reason)
{
	char		window[40];
	const char *colon = forced_reason[0] != '\0' ? ": " : "";

	circuit_duration(window, sizeof(window), config->window);
	switch (change->reason)
	{
		case CHANGE_FAILURES:
			snprintf(dst, size, "%d failures within %s", config->failures, window);
			break;
		case CHANGE_FAILURE_RATE:
			snprintf(dst, size, "%g %% or more of at least %d calls within %s failed",
					 config->rate_percent_x100 / 100.0, config->rate_calls, window);
			break;
		case CHANGE_SLOW_RATE:
			snprintf(dst, size, "%g %% or more of at least %d calls within %s were slow",
					 config->slow_percent_x100 / 100.0, config->slow_calls, window);
			break;
		case CHANGE_TRIAL_FAILED:
			strlcpy(dst, "a trial failed", size);
			break;
		case CHANGE_TRIALS_SUCCEEDED:
			snprintf(dst, size, "%d trials succeeded", config->successes);
			break;
		case CHANGE_WAITED:
			strlcpy(dst, "the wait is over, trials are admitted", size);
			break;
		case CHANGE_TRIPPED:
			snprintf(dst, size, "tripped by hand%s%s", colon, forced_reason);
			break;
		case CHANGE_FORCED:
			snprintf(dst, size, "forced by hand%s%s", colon, forced_reason);
			break;
		case CHANGE_FORCE_ENDED:
			strlcpy(dst, "the time of the forced state is over", size);
			break;
		case CHANGE_RESET:
			strlcpy(dst, "reset by hand", size);
			break;
		case CHANGE_CONFIGURED:
			strlcpy(dst, "the mode in service.yaml", size);
			break;
		case CHANGE_RESTORED:
			strlcpy(dst, "as it was before the restart", size);
			break;
		case CHANGE_WOULD_OPEN:
			strlcpy(dst, "it would have opened, but only metrics are kept", size);
			break;
	}
}

/* What a change to a state means for callers. */
static void
outlook(char *dst, size_t size, const CircuitChange *change)
{
	char		wait[40];

	circuit_duration(wait, sizeof(wait), change->wait);
	dst[0] = '\0';
	if (change->reason == CHANGE_WOULD_OPEN)
		return;
	switch (change->to)
	{
		case CIRCUIT_OPEN:
			if (change->wait == 0)
				strlcpy(dst, "; the next call is a trial", size);
			else
				snprintf(dst, size, "; calls are refused for %s", wait);
			break;
		case CIRCUIT_FORCED_OPEN:
			snprintf(dst, size, "; calls are refused, %s%s",
					 change->wait == CIRCUIT_FOR_EVER ? "" : "for ", wait);
			break;
		case CIRCUIT_FORCED_CLOSED:
		case CIRCUIT_METRICS_ONLY:
			snprintf(dst, size, "; calls are admitted whatever comes, %s%s",
					 change->wait == CIRCUIT_FOR_EVER ? "" : "for ", wait);
			break;
		default:
			break;
	}
}

static void
cause_of(FraudEvent *event, const CircuitChange *change, const CircuitAftermath *a)
{
	JsonText	json;
	int			i;

	json_begin(&json, event->cause, sizeof(event->cause));
	json_text(&json, "reason", reason_words[change->reason]);
	json_number(&json, "generation", (double) change->generation);
	if (change->wait != CIRCUIT_FOR_EVER && change->to != CIRCUIT_CLOSED && change->to != CIRCUIT_HALF_OPEN)
		json_number(&json, "seconds", change->wait / 1e6);
	if (a->forced_reason[0] != '\0' && (change->reason == CHANGE_TRIPPED || change->reason == CHANGE_FORCED))
		json_text(&json, "text", a->forced_reason);
	json_number(&json, "pid", MyProcPid);
	if (change->reason <= CHANGE_TRIAL_FAILED || change->reason == CHANGE_WOULD_OPEN)
	{
		json_open(&json, "last_failures", '[');
		for (i = 0; i < Min(a->nrecent, CIRCUIT_RECENT); i++)
		{
			const CircuitFailure *f = &a->recent[(a->nrecent - 1 - i) % CIRCUIT_RECENT];

			json_open(&json, NULL, '{');
			json_time(&json, "at", f->at);
			json_text(&json, "kind", f->kind);
			json_text(&json, "reporter", f->reporter);
			json_close(&json, '}');
		}
		json_close(&json, ']');
	}
	json_end(&json);
}

void
circuit_events(const char *name, const CircuitAftermath *a)
{
	TimestampTz now = clock_wall();
	int			i;

	for (i = 0; i < a->changes.n; i++)
	{
		const CircuitChange *change = &a->changes.change[i];
		FraudEvent	event = {.at = now};
		char		why[160 + CIRCUIT_REASON_MAX];
		char		next[80];

		strlcpy(event.kind, "circuit", sizeof(event.kind));
		strlcpy(event.subject, name, sizeof(event.subject));
		strlcpy(event.from, circuit_state_names[change->from], sizeof(event.from));
		strlcpy(event.to, circuit_state_names[change->to], sizeof(event.to));
		strlcpy(event.who, shared_text_to_utf8(events_who()), sizeof(event.who));
		circuit_change_text(why, sizeof(why), change, &a->config, a->forced_reason);
		outlook(next, sizeof(next), change);
		if (change->reason == CHANGE_WOULD_OPEN)
			strlcpy(event.message, why, sizeof(event.message));
		else
			snprintf(event.message, sizeof(event.message), "%s -> %s: %s%s",
					 event.from, event.to, why, next);
		cause_of(&event, change, a);
		events_publish(a->places[i], &event);
	}
}

static void
say_full(const char *name, const char *message, const char *what, int max)
{
	FraudEvent	event = {.at = clock_wall()};
	JsonText	json;

	strlcpy(event.kind, "circuit", sizeof(event.kind));
	strlcpy(event.subject, name, sizeof(event.subject));
	strlcpy(event.who, shared_text_to_utf8(events_who()), sizeof(event.who));
	strlcpy(event.message, message, sizeof(event.message));
	json_begin(&json, event.cause, sizeof(event.cause));
	json_text(&json, "reason", what);
	json_number(&json, what, max);
	json_end(&json);
	HOLD_INTERRUPTS();
	events_publish(events_reserve(), &event);
	RESUME_INTERRUPTS();
}

void
circuit_event_full(const char *name, int max)
{
	char		message[120];

	snprintf(message, sizeof(message),
			 "no room for it: fraud_fallback.max_circuits is %d; its calls are refused", max);
	say_full(name, message, "max_circuits", max);
}

void
circuit_event_no_slot(const char *name, int max)
{
	char		message[120];

	snprintf(message, sizeof(message),
			 "no room for another call in flight: %d are; calls of all circuits are refused", max);
	say_full(name, message, "max_in_flight", max);
}
