/*-------------------------------------------------------------------------
 *
 * profile_show.c
 *	  A profile for people (::jsonb), and fraud_velocity().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "profile/profile_type.h"
#include "profile/view.h"

static const char *const status_names[] = {
	"live", "pending", "failed", "blocked", "declined", "approved", "fraud", "?"
};

static void
add_time(StringInfo s, const char *key, int64 time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return;
	appendStringInfo(s, ", \"%s\": \"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", key,
					 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

static void
add_amount(StringInfo s, const char *key, int64 amount)
{
	uint64		v = amount < 0 ? -(uint64) amount : (uint64) amount;

	appendStringInfo(s, ", \"%s\": %s" UINT64_FORMAT ".%04d", key, amount < 0 ? "-" : "",
					 v / 10000, (int) (v % 10000));
}

static void
add_position(StringInfo s, uint32 lat, uint32 lon)
{
	appendStringInfo(s, ", \"lat\": %.5f, \"lon\": %.5f",
					 (double) lat * 180 / EVENT_POSITION_MAX - 90,
					 (double) lon * 360 / EVENT_POSITION_MAX - 180);
}

static void
add_event(StringInfo s, const uint8 *packed)
{
	Event		e;
	char		two[4];

	event_unpack(packed, &e);
	appendStringInfo(s, "{\"status\": \"%s\"", status_names[e.status]);
	add_time(s, "occurred_at", e.time);
	if (e.flags & EVENT_HAS_AMOUNT)
		add_amount(s, "amount", e.amount);
	if (e.country != 0 && e.country <= EVENT_COUNTRY_MAX)
	{
		country_letters(e.country, two);
		appendStringInfo(s, ", \"country\": \"%s\"", two);
	}
	if (e.flags & EVENT_LOCATED)
		add_position(s, e.lat, e.lon);
	if (e.hour != EVENT_HOUR_UNKNOWN)
		appendStringInfo(s, ", \"local_hour\": %d", e.hour);
	appendStringInfo(s, ", \"weekend\": %s", (e.flags & EVENT_WEEKEND) ? "true" : "false");
	appendStringInfo(s, ", \"card_present\": %s", (e.flags & EVENT_PRESENT) ? "true" : "false");
	appendStringInfo(s, ", \"id_hash\": \"%012llx\"", (unsigned long long) e.id);
	if (e.card != 0)
		appendStringInfo(s, ", \"card_hash\": \"%08x\"", e.card);
	if (e.merchant != 0)
		appendStringInfo(s, ", \"merchant_hash\": \"%06x\"", e.merchant);
	appendStringInfoChar(s, '}');
}

static void
add_older(StringInfo s, const ProfileState *state)
{
	uint64		attempts = 0;
	uint64		declined = 0;
	uint64		spend = 0;
	int			i;

	for (i = 0; i < state->ncells; i++)
	{
		attempts += state->cells[i].attempts;
		declined += state->cells[i].declined;
		spend += state->cells[i].spend;
	}
	appendStringInfo(s, ", \"older\": {\"attempts_90d\": " UINT64_FORMAT ", \"declined_90d\": " UINT64_FORMAT,
					 attempts, declined);
	add_amount(s, "spend_90d", (int64) spend);
	add_time(s, "first_seen", state->first_seen);
	add_time(s, "newest", state->newest_left);
	if (state->has_approved)
		add_time(s, "last_approved", state->last_approved);
	appendStringInfo(s, ", \"approved_ever\": %u", state->approved_ever);
	if (state->located)
	{
		appendStringInfoString(s, ", \"last_located\": {\"card_present\": true");
		add_time(s, "occurred_at", state->last_located.time);
		add_position(s, state->last_located.lat, state->last_located.lon);
		appendStringInfoChar(s, '}');
	}
	appendStringInfo(s, ", \"cards\": %d, \"cells\": %d", state->ncards, state->ncells);
	if (state->ncountries > 0)
	{
		appendStringInfoString(s, ", \"countries\": [");
		for (i = 0; i < state->ncountries; i++)
		{
			char		two[4];

			country_letters(state->countries[i].country, two);
			appendStringInfo(s, "%s\"%s\"", i > 0 ? ", " : "", two);
		}
		appendStringInfoChar(s, ']');
	}
	if (state->hours_known)
	{
		appendStringInfoString(s, ", \"hours\": [");
		for (i = 0; i < 24; i++)
			appendStringInfo(s, "%s%u", i > 0 ? ", " : "", state->hours[i]);
		appendStringInfo(s, "], \"weekdays\": %u, \"weekends\": %u", state->day_kind[0], state->day_kind[1]);
	}
	appendStringInfoChar(s, '}');
}

PG_FUNCTION_INFO_V1(fraud_profile_to_jsonb);
Datum
fraud_profile_to_jsonb(PG_FUNCTION_ARGS)
{
	ProfileState state;
	StringInfoData s;
	uint64		odd;
	int			i;

	profile_from_datum(PG_GETARG_DATUM(0), &state);
	odd = state.odd_statuses;
	initStringInfo(&s);
	if (state.unavailable)
		appendStringInfoString(&s, "{\"unavailable\": true");
	else
	{
		appendStringInfo(&s, "{\"basis\": \"%016llx\", \"bytes\": %d, \"newest\": [",
						 (unsigned long long) state.basis, (int) VARSIZE_ANY(PG_GETARG_POINTER(0)));
		for (i = state.n - 1; i >= 0; i--)
		{
			add_event(&s, state.ring + i * EVENT_SIZE);
			if (i > 0)
				appendStringInfoString(&s, ", ");
		}
		appendStringInfoChar(&s, ']');
		for (i = 0; i < state.n; i++)
			odd += (state.ring[i * EVENT_SIZE + 13] & EVENT_ODD_STATUS) != 0;
		if (odd > 0)
			appendStringInfo(&s, ", \"unknown_status_words\": " UINT64_FORMAT, odd);
		if (state.summary)
			add_older(&s, &state);
		if (state.nfrauds > 0)
		{
			uint64		frauds = 0;

			for (i = 0; i < state.nfrauds; i++)
				frauds += state.frauds[i].count;
			appendStringInfo(&s, ", \"confirmed_frauds_90d\": " UINT64_FORMAT, frauds);
		}
	}
	appendStringInfoChar(&s, '}');
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(s.data)));
}

/* ---- fraud_velocity(profile, win, as_of) ---- */

PG_FUNCTION_INFO_V1(fraud_velocity);
Datum
fraud_velocity(PG_FUNCTION_ARGS)
{
	Interval   *win = PG_GETARG_INTERVAL_P(1);
	TimestampTz as_of = PG_GETARG_TIMESTAMPTZ(2);
	int64		w;
	int64		days = (int64) win->month * DAYS_PER_MONTH + win->day;
	ProfileState state;
	ProfileView view;
	WindowSums	sums;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, true};

	if (pg_mul_s64_overflow(days, USECS_A_DAY, &w) || pg_add_s64_overflow(w, win->time, &w))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window is out of range")));
	if (w <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window must be longer than nothing"),
				 errhint("Windows reach back from as_of, for example interval '1 hour'.")));
	if (as_of < EVENT_TIME_MIN || as_of > EVENT_TIME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("as_of is out of range"),
				 errhint("Histories hold the years 859 to 3140.")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	profile_from_datum(PG_GETARG_DATUM(0), &state);
	profile_view(&state, as_of, false, 0, &view);
	if (state.unavailable || view.newer)
	{
		/* nothing is known of that time */
		nulls[0] = nulls[1] = nulls[2] = nulls[3] = true;
		nulls[4] = false;
		values[4] = BoolGetDatum(false);
	}
	else
	{
		view_windows(&view, 1, &w, &sums);
		values[0] = Int64GetDatum((int64) sums.attempts);
		values[1] = Int64GetDatum((int64) sums.declined);
		values[2] = NumericGetDatum(int64_div_fast_to_numeric((int64) sums.spend, 4));
		values[3] = Int32GetDatum(view_cards(&view, w, 0));
		values[4] = BoolGetDatum(sums.exact);
		nulls[4] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
