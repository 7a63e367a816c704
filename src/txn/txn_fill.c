/*-------------------------------------------------------------------------
 *
 * txn_fill.c
 *	  From the values of the columns to a Txn.
 *
 * What cannot be used is marked and counts as missing; nothing here raises an
 * error over a value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/shared_text.h"
#include "profile/profile.h"
#include "txn/txn_value.h"

static inline void
mark(Txn *txn, TxnColumn column, bool ok)
{
	if (ok)
		txn->known |= COL_BIT(column);
	else
		txn->unusable |= COL_BIT(column);
}

/* Memory that lives as long as the Txn, or the row. */
static char *
scratch(Txn *txn, int len)
{
	char	   *p = txn->scratch + txn->scratch_used;

	if (txn->scratch_used + len > TXN_SCRATCH)
		return palloc(len);
	txn->scratch_used += len;
	return p;
}

/* The text form of anything. */
static TxnText
value_text(Txn *txn, const Value *v)
{
	TxnText		t = {NULL, 0};
	char	   *buf;

	switch (v->type)
	{
		case VALUE_TEXT:
			/* trimmed when it was found; policies and hashes are UTF-8 */
			t.p = v->u.text;
			t.len = v->len;
			if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
			{
				t.p = shared_text_to_utf8(pnstrdup(v->u.text, v->len));
				t.len = (int) strlen(t.p);
			}
			break;
		case VALUE_INT:
			t.p = buf = scratch(txn, MAXINT8LEN + 1);
			t.len = pg_lltoa(v->u.integer, buf);
			break;
		case VALUE_DOUBLE:
			/* not float8out(): that follows extra_float_digits */
			t.p = buf = scratch(txn, DOUBLE_SHORTEST_DECIMAL_LEN);
			t.len = double_to_shortest_decimal_buf(v->u.real, buf);
			break;
		case VALUE_NUMERIC:
			t.p = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->u.numeric)));
			t.len = (int) strlen(t.p);
			break;
		case VALUE_BOOL:
			t.p = v->u.integer ? "t" : "f";
			t.len = 1;
			break;
		default:
			break;
	}
	return t;
}

static bool
read_amount(Txn *txn, const Value *v, int64 *amount)
{
	TxnText		t;

	switch (v->type)
	{
		case VALUE_INT:
			if (v->u.integer > EVENT_AMOUNT_MAX / 10000 || v->u.integer < -EVENT_AMOUNT_MAX / 10000)
				return false;
			*amount = v->u.integer * 10000;
			return true;
		case VALUE_DOUBLE:
			return value_double_amount(v->u.real, amount);
		case VALUE_NUMERIC:
		case VALUE_TEXT:
			t = value_text(txn, v);
			return value_amount(t.p, t.len, amount);
		default:
			return false;
	}
}

/*
 * What no amount could be made of tells transactions apart all the same. given:
 * in a currency without a rate, else NULL.
 */
static uint64
odd_amount(Txn *txn, const Value *v, const int64 *given, const TxnText *currency)
{
	TxnText		t = {(const char *) given, sizeof(*given)};

	if (given == NULL)
		t = value_text(txn, v);
	return hash_bytes_extended((const unsigned char *) currency->p, currency->len,
							   hash_bytes_extended((const unsigned char *) t.p, t.len, 0));
}

static bool
read_double(Txn *txn, const Value *v, double *d)
{
	TxnText		t;
	char		buf[64];
	char	   *end;

	switch (v->type)
	{
		case VALUE_INT:
			*d = (double) v->u.integer;
			return true;
		case VALUE_DOUBLE:
			*d = v->u.real;
			return isfinite(*d);
		case VALUE_NUMERIC:
		case VALUE_TEXT:
			t = value_text(txn, v);
			if (t.len == 0 || t.len >= (int) sizeof(buf))
				return false;
			memcpy(buf, t.p, t.len);
			buf[t.len] = '\0';
			if (strspn(buf, "+-.0123456789eE") != (size_t) t.len)
				return false;
			/* backends keep LC_NUMERIC at C */
			*d = strtod(buf, &end);
			return *end == '\0' && isfinite(*d);
		default:
			return false;
	}
}

static bool
read_time(Txn *txn, const Value *v, pg_tz *zone)
{
	IsoTime		iso = {0};
	fsec_t		fsec;
	struct pg_tm tm;

	switch (v->type)
	{
		case VALUE_TIMESTAMPTZ:
			txn->time = v->u.integer;
			/* infinities are out of this range too */
			return v->u.integer >= EVENT_TIME_MIN && v->u.integer <= EVENT_TIME_MAX;
		case VALUE_TIMESTAMP:
			if (v->u.integer < EVENT_TIME_MIN || v->u.integer > EVENT_TIME_MAX ||
				timestamp2tm(v->u.integer, NULL, &tm, &fsec, NULL, NULL) != 0)
				return false;
			iso.year = tm.tm_year;
			iso.month = tm.tm_mon;
			iso.day = tm.tm_mday;
			iso.hour = tm.tm_hour;
			iso.minute = tm.tm_min;
			iso.second = tm.tm_sec;
			iso.usec = (int) fsec;
			break;
		case VALUE_DATE:
			/* the same range, in days */
			if (v->u.integer < EVENT_TIME_MIN / USECS_PER_DAY || v->u.integer > EVENT_TIME_MAX / USECS_PER_DAY)
				return false;
			j2date((int) v->u.integer + POSTGRES_EPOCH_JDATE, &iso.year, &iso.month, &iso.day);
			txn->date_only = true;
			break;
		case VALUE_TEXT:
			if (!value_iso_time(v->u.text, v->len, &iso))
				return false;
			txn->date_only = !iso.has_time;
			break;
		default:
			return false;
	}
	return local_to_time(&iso, zone, &txn->time);
}

static bool
read_ip(Txn *txn, const Value *v)
{
	if (v->type == VALUE_TEXT)
		return value_ip(v->u.text, v->len, &txn->ip_family, txn->ip);
	if (v->type != VALUE_INET)
		return false;
	txn->ip_family = ip_family(v->u.address) == PGSQL_AF_INET ? 4 : 6;
	memcpy(txn->ip, ip_addr(v->u.address), txn->ip_family == 4 ? 4 : 16);
	value_ip_normal(&txn->ip_family, txn->ip);
	return true;
}

static bool
read_mcc(Txn *txn, const Value *v)
{
	TxnText		t = value_text(txn, v);

	return value_mcc(t.p, t.len, txn->mcc);
}

static int
read_bool(Txn *txn, const Value *v)
{
	TxnText		t;

	if (v->type == VALUE_BOOL)
		return v->u.integer != 0;
	t = value_text(txn, v);
	return value_bool(t.p, t.len);
}

/* Category names compare with the names of the merchant sets. */
static TxnText
normal_category(Txn *txn, TxnText t)
{
	char	   *buf = scratch(txn, t.len);
	int			i;

	for (i = 0; i < t.len; i++)
	{
		unsigned char c = (unsigned char) t.p[i];

		buf[i] = c == ' ' || c == '-' ? '_' : (c >= 'A' && c <= 'Z') ? c | 0x20 : c;
	}
	t.p = buf;
	return t;
}

/* The status words that need no policy. */
static int
status_word(const char *s, int len)
{
	static const struct
	{
		const char *word;
		int			len;
		TxnStatus	status;
	}			words[] = {
		{"approved", 8, STATUS_APPROVED},
		{"declined", 8, STATUS_DECLINED},
		{"pending", 7, STATUS_PENDING},
		{"failed", 6, STATUS_FAILED},
		{"blocked", 7, STATUS_BLOCKED},
	};
	int			i;

	for (i = 0; i < (int) lengthof(words); i++)
		if (words[i].len == len && pg_strncasecmp(words[i].word, s, len) == 0)
			return words[i].status;
	return -1;
}

/*
 * The columns one by one. `occurred_at` and `amount` wait for the zone and the
 * currency, so the caller hands all values over at once.
 */
void
txn_fill(Txn *txn, const TxnReader *reader, const Policy *policy, Value *values)
{
	pg_tz	   *zone = reader->zone;
	bool		utc = reader->utc;
	TxnText		currency = {NULL, 0};
	TxnText		t;
	double		d;
	int			declined = -1;

#define HAVE(c)		(values[c].type != VALUE_NULL)
#define READ_ID(c, field) \
	do { \
		if (HAVE(c)) \
		{ \
			txn->field = value_text(txn, &values[c]); \
			txn->blanks |= values[c].type == VALUE_TEXT && values[c].trimmed; \
			mark(txn, c, txn->field.len > 0); \
		} \
	} while (0)

	READ_ID(COL_TXN_ID, txn_id);
	READ_ID(COL_CUSTOMER_ID, customer);
	READ_ID(COL_CARD_ID, card);
	READ_ID(COL_MERCHANT_ID, merchant);
	if (HAVE(COL_MERCHANT_CATEGORY))
	{
		t = value_text(txn, &values[COL_MERCHANT_CATEGORY]);
		mark(txn, COL_MERCHANT_CATEGORY, t.len > 0);
		txn->category = normal_category(txn, t);
	}
	if (HAVE(COL_MCC))
		mark(txn, COL_MCC, read_mcc(txn, &values[COL_MCC]));
	if (HAVE(COL_IP))
		mark(txn, COL_IP, read_ip(txn, &values[COL_IP]));

	if (HAVE(COL_TIMEZONE))
	{
		pg_tz	   *own;

		t = value_text(txn, &values[COL_TIMEZONE]);
		own = local_zone(t.p, t.len);
		mark(txn, COL_TIMEZONE, own != NULL);
		if (own != NULL)
		{
			zone = own;
			utc = false;
		}
	}
	if (HAVE(COL_OCCURRED_AT))
	{
		mark(txn, COL_OCCURRED_AT, read_time(txn, &values[COL_OCCURRED_AT], zone));
		if (txn->known & COL_BIT(COL_OCCURRED_AT))
		{
			local_fields(txn->time, zone, utc, txn);
			txn->weekend = (policy->weekend >> (txn->iso_dow - 1)) & 1;
		}
	}

	if (HAVE(COL_CURRENCY))
	{
		currency = value_text(txn, &values[COL_CURRENCY]);
		mark(txn, COL_CURRENCY, currency.len == 3);
	}
	if (HAVE(COL_AMOUNT))
	{
		bool		ok = read_amount(txn, &values[COL_AMOUNT], &txn->amount);
		bool		is_number = ok;
		int64		given = txn->amount;
		const char *base = policy_str(policy, policy->base_currency);

		if (ok && HAVE(COL_CURRENCY) &&
			!(currency.len == 3 && (memcmp(currency.p, base, 3) == 0 ||
									 pg_strncasecmp(currency.p, base, 3) == 0)))
		{
			char		code[4];
			int64		rate = 0;
			int			i;

			for (i = 0; i < 3 && i < currency.len; i++)
				code[i] = (char) pg_toupper((unsigned char) currency.p[i]);
			code[i] = '\0';
			if (currency.len == 3 && (txn->known & COL_BIT(COL_OCCURRED_AT)))
				rate = policy_rate(policy, code, floor_div(hour_of(txn->time), 24));
			ok = rate > 0 && value_convert(txn->amount, rate, &txn->amount);
		}
		if (!ok)
		{
			txn->amount = 0;
			txn->odd_amount = odd_amount(txn, &values[COL_AMOUNT], is_number ? &given : NULL, &currency);
		}
		mark(txn, COL_AMOUNT, ok);
	}
	if (HAVE(COL_DAILY_LIMIT))
		mark(txn, COL_DAILY_LIMIT,
			 read_amount(txn, &values[COL_DAILY_LIMIT], &txn->daily_limit) && txn->daily_limit >= 0);
	if (HAVE(COL_WEEKLY_LIMIT))
		mark(txn, COL_WEEKLY_LIMIT,
			 read_amount(txn, &values[COL_WEEKLY_LIMIT], &txn->weekly_limit) && txn->weekly_limit >= 0);

	if (HAVE(COL_COUNTRY))
	{
		t = value_text(txn, &values[COL_COUNTRY]);
		txn->country = value_country(t.p, t.len);
		mark(txn, COL_COUNTRY, txn->country != 0);
	}
	if (HAVE(COL_HOME_COUNTRY))
	{
		t = value_text(txn, &values[COL_HOME_COUNTRY]);
		txn->home_country = value_country(t.p, t.len);
		mark(txn, COL_HOME_COUNTRY, txn->home_country != 0);
	}
	if (HAVE(COL_LAT))
		mark(txn, COL_LAT, read_double(txn, &values[COL_LAT], &d) &&
			 value_coordinate(d, 90, &txn->lat));
	if (HAVE(COL_LON))
		mark(txn, COL_LON, read_double(txn, &values[COL_LON], &d) &&
			 value_coordinate(d, 180, &txn->lon));
	if (HAVE(COL_CHANNEL))
	{
		int			code;

		t = value_text(txn, &values[COL_CHANNEL]);
		if (t.len > 0)
		{
			if (t.len == 7 && pg_strncasecmp(t.p, "present", 7) == 0)
				code = CHANNEL_PRESENT;
			else if (t.len == 6 && pg_strncasecmp(t.p, "online", 6) == 0)
				code = CHANNEL_ONLINE;
			else
				code = policy_word(policy, policy->channel_values, t.p, t.len);
			txn->channel = code < 0 ? CHANNEL_OTHER : (uint8) code;
			mark(txn, COL_CHANNEL, true);
		}
	}

	if (HAVE(COL_DECLINED))
	{
		declined = read_bool(txn, &values[COL_DECLINED]);
		mark(txn, COL_DECLINED, declined >= 0);
	}
	txn->status = declined == 1 ? STATUS_DECLINED : STATUS_APPROVED;
	if (HAVE(COL_STATUS))
	{
		t = value_text(txn, &values[COL_STATUS]);
		if (t.len > 0)
		{
			int			code = status_word(t.p, t.len);

			if (code < 0)
				code = policy_word(policy, policy->status_values, t.p, t.len);
			txn->odd_status = code < 0;
			txn->status = code < 0 ? STATUS_PENDING : (uint8) code;
			mark(txn, COL_STATUS, true);
		}
	}
	txn_finish(txn, currency);
}
