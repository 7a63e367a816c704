/*-------------------------------------------------------------------------
 *
 * circuit_sql.c
 *	  SQL: circuit_acquire() and how calls end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "circuit/circuit_sql.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"

/* Calls of circuit_allow() whose result is still to come. */
#define ALLOWED_MAX			64

/* ---- arguments and answers ---- */

/* The circuit of a call site; names seldom change there. */
typedef struct CallSite
{
	Circuit    *circuit;
	int			len;
	char		name[CIRCUIT_NAME_MAX];
} CallSite;

static pg_noinline Circuit *
find_circuit(FunctionCallInfo fcinfo, const char *name, int len)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	Circuit    *c = circuit_find_or_make(name, len);

	if (c == NULL)
		return NULL;
	if (site == NULL)
		site = fcinfo->flinfo->fn_extra = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	site->circuit = c;
	site->len = len;
	memcpy(site->name, name, len);
	return c;
}

/* NULL: there is no room for another circuit. */
static inline Circuit *
circuit_arg(FunctionCallInfo fcinfo)
{
	const text *name = PG_GETARG_TEXT_PP(0);
	const char *s = VARDATA_ANY(name);
	int			len = (int) VARSIZE_ANY_EXHDR(name);
	const CallSite *site = fcinfo->flinfo->fn_extra;

	circuits_ready();
	if (likely(site != NULL && site->len == len && memcmp(site->name, s, len) == 0))
		return site->circuit;
	return find_circuit(fcinfo, s, len);
}

int64
circuit_interval(const Interval *interval)
{
	double		us = interval->time + (interval->day + interval->month * (double) DAYS_PER_MONTH) * USECS_PER_DAY;

	return us <= 0 ? 0 : us >= 1e17 ? INT64CONST(100000000000000000) : (int64) us;
}

/* Microseconds of an optional interval; `absent` where it is NULL. */
static int64
interval_arg(FunctionCallInfo fcinfo, int n, int64 absent)
{
	return PG_NARGS() <= n || PG_ARGISNULL(n) ? absent : circuit_interval(PG_GETARG_INTERVAL_P(n));
}

/* A word of the caller's as kind of a failure. */
static const char *
kind_arg(FunctionCallInfo fcinfo, int n, char *kind)
{
	strlcpy(kind, "error", CIRCUIT_KIND_MAX);
	if (!PG_ARGISNULL(n))
	{
		const text *t = PG_GETARG_TEXT_PP(n);
		const char *s = VARDATA_ANY(t);
		int			len = (int) Min(VARSIZE_ANY_EXHDR(t), CIRCUIT_KIND_MAX - 1);
		int			i;

		/* shared between databases of any encoding */
		for (i = 0; i < len; i++)
			kind[i] = s[i] >= ' ' && s[i] < 0x7f ? s[i] : '?';
		if (len > 0)
			kind[len] = '\0';
	}
	return kind;
}

/* The answer as text, made once: it is read only. */
static Datum
answer(FinishResult result)
{
	static const char *const words[] = {
		[FINISH_COUNTED] = "counted",
		[FINISH_LATE] = "late",
		[FINISH_ALREADY] = "already_finished",
		[FINISH_UNKNOWN] = "unknown",
		[FINISH_NO_TICKET] = "no_ticket"
	};
	static text *texts[lengthof(words)];

	if (unlikely(texts[result] == NULL))
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		texts[result] = cstring_to_text(words[result]);
		MemoryContextSwitchTo(old);
	}
	return PointerGetDatum(texts[result]);
}

/* ---- refusals ---- */

/* Of the last call of this session; texts are made when somebody asks. */
static struct
{
	enum
	{
		NOTE_NOTHING,
		NOTE_NO_ROOM,
		NOTE_REFUSED,
		NOTE_FAILED
	}			what;
	Admission	why;
	const char *name;			/* circuits stay where they are */
	char		no_room[CIRCUIT_NAME_MAX];
	char		kind[CIRCUIT_KIND_MAX];
}			last;

void
circuit_note_no_room(const text *name)
{
	/* short enough, or it would not be a name */
	last.what = NOTE_NO_ROOM;
	text_to_cstring_buffer(name, last.no_room, sizeof(last.no_room));
	last.name = last.no_room;
}

void
circuit_note_refusal(const Circuit *c, Admission why)
{
	last.what = NOTE_REFUSED;
	last.why = why;
	last.name = c->name;
}

void
circuit_note_failure(const Circuit *c, const char *kind)
{
	last.what = NOTE_FAILED;
	last.name = c->name;
	strlcpy(last.kind, kind, sizeof(last.kind));
}

void
circuit_note_success(void)
{
	last.what = NOTE_NOTHING;
}

static bool
admit(FunctionCallInfo fcinfo, int64 *ticket, Circuit **circuit)
{
	Circuit    *c = circuit_arg(fcinfo);
	Admission	why;

	*circuit = c;
	if (likely(c != NULL && traffic_admit(c, ticket, &why)))
	{
		circuit_note_success();
		return true;
	}
	if (c != NULL)
		circuit_note_refusal(c, why);
	else
		circuit_note_no_room(PG_GETARG_TEXT_PP(0));
	return false;
}

char *
circuit_refusal_text(const char *name, Admission why)
{
	switch (why)
	{
		case REFUSED_OPEN:
			return psprintf("circuit %s is open", name);
		case REFUSED_FORCED:
			return psprintf("circuit %s is forced open", name);
		case REFUSED_TRIALS:
			return psprintf("circuit %s is half-open and all its trials are under way", name);
		case REFUSED_FULL:
			return psprintf("circuit %s has as many calls in flight as max_concurrent allows", name);
		default:
			return psprintf("there is no room for another call in flight: fraud_fallback has %d", circuits->slots);
	}
}

/* circuit_refusal(): why the last call of this session was refused, or failed */
PG_FUNCTION_INFO_V1(circuit_refusal);
Datum
circuit_refusal(PG_FUNCTION_ARGS)
{
	circuits_ready();
	switch (last.what)
	{
		case NOTE_NO_ROOM:
			PG_RETURN_TEXT_P(cstring_to_text(psprintf("there is no room for circuit %s: fraud_fallback.max_circuits is %d",
													  last.name, circuits->max)));
		case NOTE_REFUSED:
			PG_RETURN_TEXT_P(cstring_to_text(circuit_refusal_text(last.name, last.why)));
		case NOTE_FAILED:
			PG_RETURN_TEXT_P(cstring_to_text(psprintf("the call through circuit %s failed: %s", last.name, last.kind)));
		default:
			PG_RETURN_NULL();
	}
}

/* ---- with tickets ---- */

PG_FUNCTION_INFO_V1(circuit_acquire);
Datum
circuit_acquire(PG_FUNCTION_ARGS)
{
	Circuit    *c;
	int64		ticket;

	if (!admit(fcinfo, &ticket, &c))
		PG_RETURN_NULL();
	PG_RETURN_INT64(ticket);
}

/* circuit_success(ticket, latency) */
PG_FUNCTION_INFO_V1(circuit_success);
Datum
circuit_success(PG_FUNCTION_ARGS)
{
	CallEnd		end = {.result = CALL_SUCCESS};

	circuits_ready();
	if (PG_ARGISNULL(0))
		return answer(FINISH_NO_TICKET);
	end.latency = interval_arg(fcinfo, 1, -1);
	return answer(traffic_finish(PG_GETARG_INT64(0), &end));
}

/* circuit_failure(ticket, kind, latency, retry_after) */
PG_FUNCTION_INFO_V1(circuit_failure);
Datum
circuit_failure(PG_FUNCTION_ARGS)
{
	CallEnd		end = {.result = CALL_FAILURE};
	char		kind[CIRCUIT_KIND_MAX];

	circuits_ready();
	if (PG_ARGISNULL(0))
		return answer(FINISH_NO_TICKET);
	end.kind = kind_arg(fcinfo, 1, kind);
	end.latency = interval_arg(fcinfo, 2, -1);
	end.retry_after = interval_arg(fcinfo, 3, 0);
	return answer(traffic_finish(PG_GETARG_INT64(0), &end));
}

/* circuit_ignore(ticket) */
PG_FUNCTION_INFO_V1(circuit_ignore);
Datum
circuit_ignore(PG_FUNCTION_ARGS)
{
	CallEnd		end = {.result = CALL_IGNORE, .latency = -1};

	circuits_ready();
	if (PG_ARGISNULL(0))
		return answer(FINISH_NO_TICKET);
	return answer(traffic_finish(PG_GETARG_INT64(0), &end));
}

/* circuit_record(ticket, http_status, latency, retry_after) */
PG_FUNCTION_INFO_V1(circuit_record);
Datum
circuit_record(PG_FUNCTION_ARGS)
{
	CallEnd		end = {.result = CALL_FAILURE};
	char		kind[CIRCUIT_KIND_MAX];

	circuits_ready();
	if (PG_ARGISNULL(0))
		return answer(FINISH_NO_TICKET);
	if (PG_ARGISNULL(1))
		end.kind = "no status";
	else
		traffic_http(PG_GETARG_INT32(1), &end, kind, sizeof(kind));
	end.latency = interval_arg(fcinfo, 2, -1);
	end.retry_after = interval_arg(fcinfo, 3, 0);
	return answer(traffic_finish(PG_GETARG_INT64(0), &end));
}

/* ---- without tickets ---- */

/* What this session was allowed and has not reported, oldest first. */
static struct
{
	const Circuit *circuit;
	int64		ticket;
}			allowed[ALLOWED_MAX];
static int	nallowed;

/* circuit_allow(name) */
PG_FUNCTION_INFO_V1(circuit_allow);
Datum
circuit_allow(PG_FUNCTION_ARGS)
{
	Circuit    *c;
	int64		ticket;

	if (!admit(fcinfo, &ticket, &c))
		PG_RETURN_BOOL(false);
	if (nallowed == ALLOWED_MAX)
		memmove(&allowed[0], &allowed[1], sizeof(allowed[0]) * --nallowed);
	allowed[nallowed].circuit = c;
	allowed[nallowed++].ticket = ticket;
	PG_RETURN_BOOL(true);
}

/* circuit_report(name, kind, http_status, latency, retry_after) */
PG_FUNCTION_INFO_V1(circuit_report);
Datum
circuit_report(PG_FUNCTION_ARGS)
{
	CallEnd		end = {.result = CALL_SUCCESS};
	char		kind[CIRCUIT_KIND_MAX];
	Circuit    *c;
	int			i;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = circuit_of_text(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
	{
		end.kind = kind_arg(fcinfo, 1, kind);
		end.result = strcmp(kind, "success") == 0 ? CALL_SUCCESS :
			strcmp(kind, "ignore") == 0 ? CALL_IGNORE : CALL_FAILURE;
	}
	else if (!PG_ARGISNULL(2))
		traffic_http(PG_GETARG_INT32(2), &end, kind, sizeof(kind));
	end.latency = interval_arg(fcinfo, 3, -1);
	end.retry_after = interval_arg(fcinfo, 4, 0);

	for (i = 0; i < nallowed;)
	{
		int64		ticket = allowed[i].ticket;

		if (allowed[i].circuit != c)
		{
			i++;
			continue;
		}
		memmove(&allowed[i], &allowed[i + 1], sizeof(allowed[0]) * (--nallowed - i));
		/* one that was never reported must not take the place of a later one */
		if (permit_open(ticket))
			return answer(traffic_finish(ticket, &end));
	}
	return answer(traffic_evidence(c, &end));
}

/* ---- reading ---- */

/* circuit_state(name) */
PG_FUNCTION_INFO_V1(circuit_state);
Datum
circuit_state(PG_FUNCTION_ARGS)
{
	Circuit    *c = circuit_of_text(PG_GETARG_TEXT_PP(0));
	CircuitState state;

	circuit_lock_shared(c);
	state = machine_state(&c->machine, &c->config, clock_now());
	circuit_unlock_shared(c);
	PG_RETURN_TEXT_P(cstring_to_text(circuit_state_names[state]));
}

/* circuit_retry_after(name): NULL: not before somebody says so */
PG_FUNCTION_INFO_V1(circuit_retry_after);
Datum
circuit_retry_after(PG_FUNCTION_ARGS)
{
	Circuit    *c = circuit_of_text(PG_GETARG_TEXT_PP(0));
	Interval   *interval = palloc0(sizeof(Interval));
	int64		after;

	circuit_lock_shared(c);
	after = machine_retry_after(&c->machine, &c->config, clock_now());
	circuit_unlock_shared(c);
	if (after == CIRCUIT_FOR_EVER)
		PG_RETURN_NULL();
	interval->time = after;
	PG_RETURN_INTERVAL_P(interval);
}
