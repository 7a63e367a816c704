-- oracle.sql: what the rules say, computed from the event rows with plain SQL.
--
-- Included (\ir) by the property tests after they have made a scratch schema and put it first on the
-- search_path. Nothing here calls a function of the extension, so that an error there cannot hide here.
--
--   ev                       the events: the transaction columns under their own names
--   lab                      confirmed frauds: the event's row and the time since when it is known
--   o_prepare()              cleans and deduplicates ev into o_ev; call it once ev and lab are filled
--   o_facts(x, c, i, m, mode)  the numbers for transaction x; c, i, m name the customer, address and merchant
--                            whose history is looked at: NULL is "looked, none", '!' is "not looked".
--                            mode: 'true'    the windows as they are
--                                  'wide'    windows of 24 h and more reach back one cell further
--                                  'coarse'  ... one cell of the next coarser kind further
--                                  'newest'  only the newest 32 events of each history
--   o_features(facts)        jsonb: column of fraud_features -> value (an array: any one of these)
--   o_rules(facts)           jsonb: rule number -> array of accepted 'status:points'
--   o_velocity(...)          fraud_velocity
-- Amounts, counts and thresholds are exact (numeric); only distances, shares and the Wilson bound are floats.

-- A test that includes this file sets ff_part first; on its own the file checks the oracle on worked examples.
\if :{?ff_part}
\else
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
DROP SCHEMA IF EXISTS ff_oracle CASCADE;
CREATE SCHEMA ff_oracle;
SET search_path = ff_oracle, public;
\endif

CREATE TABLE ev (
	txn_id text, customer_id text, card_id text, amount numeric, currency text, occurred_at timestamptz,
	country text, home_country text, lat float8, lon float8, home_lat float8, home_lon float8, channel text,
	merchant_id text, merchant_category text, mcc text, ip inet, status text, timezone text,
	daily_limit numeric, weekly_limit numeric, is_fraud boolean);
CREATE TABLE lab (e ev, known_at timestamptz);

-- a label is used once it is known, which profiles remember to the next full second: never early, under a second late
CREATE FUNCTION o_known(known_at timestamptz, t timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN date_trunc('second', known_at + interval '0.999999 seconds', 'UTC') <= t;

-- ---- cleaning ----

CREATE FUNCTION o_text(x text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT CASE WHEN btrim(x) <> '' THEN x END $$;

CREATE FUNCTION o_status(x text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
		WHEN o_text(x) IS NULL THEN 'approved'
		WHEN x IN ('approved', 'accepted', 'authorised', 'authorized', 'captured', 'completed', 'settled',
				   'success', 'succeeded') THEN 'approved'
		WHEN x IN ('declined', 'refused', 'rejected') THEN 'declined'
		WHEN x IN ('failed', 'error', 'timeout') THEN 'failed'
		WHEN x = 'blocked' THEN 'blocked'
		ELSE 'pending' END $$;

CREATE FUNCTION o_rank(st text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT array_position(ARRAY['live', 'pending', 'failed', 'blocked', 'declined', 'approved'], st) $$;

-- numeric round() takes halves away from zero, as the rules want
CREATE FUNCTION o_amount(x numeric, currency text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
		WHEN x IS NULL OR x IN ('NaN', 'Infinity', '-Infinity') THEN NULL
		WHEN coalesce(o_text(currency), 'USD') <> 'USD' THEN NULL	-- no rates are shipped
		WHEN abs(x) > 100000000000 THEN NULL
		ELSE round(x, 4) END $$;

CREATE FUNCTION o_time(x timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT CASE WHEN x BETWEEN '0860-01-01 00:00+00' AND '3140-12-31 00:00+00' THEN x END $$;

CREATE FUNCTION o_country(x text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT CASE WHEN upper(btrim(x)) ~ '^[A-Z][A-Z]$' THEN upper(btrim(x)) END $$;

CREATE FUNCTION o_mcc(x text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT CASE WHEN x ~ '^[0-9]{4}$' THEN x END $$;

-- no channel counts as present
CREATE FUNCTION o_present(x text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT o_text(x) IS NULL OR x IN ('present', 'chip', 'contactless', 'pos', 'swipe') $$;

CREATE FUNCTION o_place_ok(lat float8, lon float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT coalesce(lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180, false) $$;

CREATE FUNCTION o_ip(x inet) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN family(x) = 6 THEN text(network(set_masklen(x, 64))) ELSE host(x) END $$;

CREATE FUNCTION o_ip_exempt(x inet) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT coalesce(bool_or(set_masklen(x, CASE family(x) WHEN 4 THEN 32 ELSE 128 END) <<= net), false)
	FROM unnest(ARRAY['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '169.254.0.0/16',
					  '100.64.0.0/10', '::1/128', 'fe80::/10', 'fc00::/7']::inet[]) net $$;

CREATE FUNCTION o_merchant_set(category text, mcc text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
		WHEN translate(lower(btrim(category)), ' -', '__') IN ('electronics', 'wire_transfer', 'gambling', 'crypto', 'adult')
			THEN translate(lower(btrim(category)), ' -', '__')
		WHEN mcc IN ('4812', '5045', '5732', '5946') THEN 'electronics'
		WHEN mcc IN ('4829', '6536', '6537', '6538', '6540') THEN 'wire_transfer'
		WHEN mcc IN ('7800', '7801', '7802', '7995', '9406') THEN 'gambling'
		WHEN mcc IN ('6051') THEN 'crypto'
		WHEN mcc IN ('5967', '7273', '7841') THEN 'adult' END $$;

CREATE FUNCTION o_ident(x ev) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN o_text(x.txn_id) IS NOT NULL THEN 'id ' || x.txn_id
		ELSE 'facts ' || jsonb_build_array(o_text(x.customer_id), o_text(x.card_id),
			extract(epoch FROM o_time(x.occurred_at)), o_amount(x.amount, x.currency), o_text(x.currency),
			o_text(x.merchant_id))::text END $$;

CREATE FUNCTION o_km(lat1 float8, lon1 float8, lat2 float8, lon2 float8) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT 2 * 6371.0088 * asin(least(1, sqrt(sin(radians(lat2 - lat1) / 2) ^ 2
		+ cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ^ 2))) $$;

-- the old edge of a window: t - seconds; in the modes 'wide' and 'coarse' one cell earlier
CREATE FUNCTION o_edge(t timestamptz, seconds bigint, mode text) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT t - interval '1 second' * (seconds + CASE
		WHEN mode NOT IN ('wide', 'coarse') OR seconds < 86400 THEN 0
		WHEN seconds <= 86400 THEN CASE mode WHEN 'wide' THEN 3600 ELSE 6 * 3600 END
		WHEN seconds <= 7 * 86400 THEN CASE mode WHEN 'wide' THEN 6 * 3600 ELSE 86400 END
		WHEN seconds <= 30 * 86400 THEN CASE mode WHEN 'wide' THEN 86400 ELSE 3 * 86400 END
		ELSE 3 * 86400 END) $$;

-- ---- distinct events ----

CREATE TABLE o_ev (
	ident text, at timestamptz, st text, amt numeric, cust text, card text, merch text, ctry text,
	lat float8, lon float8, located boolean, ipk text, lhour int, wkend boolean,
	refund boolean, attempt boolean, spend boolean, appr boolean, base boolean, known_at timestamptz,
	c_rn int, i_rn int, m_rn int);			-- place in its histories, 1 = newest

CREATE FUNCTION o_prepare() RETURNS void LANGUAGE sql AS $$
	TRUNCATE o_ev;
	WITH clean AS (
		SELECT DISTINCT ON (o_ident(e), o_time(occurred_at))
			o_ident(e) AS ident, o_time(occurred_at) AS at, o_status(status) AS st,
			o_amount(amount, currency) AS amt, o_text(customer_id) AS cust, o_text(card_id) AS card,
			o_text(merchant_id) AS merch, o_country(country) AS ctry, lat, lon,
			o_present(channel) AND o_place_ok(lat, lon) AS located, o_ip(ip) AS ipk,
			occurred_at AT TIME ZONE coalesce(o_text(timezone), 'UTC') AS local
		FROM ev e
		WHERE o_time(occurred_at) IS NOT NULL
		ORDER BY 1, 2, o_rank(o_status(status)) DESC)
	INSERT INTO o_ev
	SELECT c.ident, at, st, amt, cust, card, merch, ctry, lat, lon, located, ipk,
		extract(hour FROM local)::int, extract(isodow FROM local) IN (6, 7),
		coalesce(amt < 0, false),
		st IN ('live', 'pending', 'approved', 'declined', 'blocked') AND coalesce(amt >= 0, true),
		st IN ('live', 'pending', 'approved') AND coalesce(amt > 0, false),
		st = 'approved' AND coalesce(amt >= 0, true),
		st = 'approved' AND coalesce(amt > 0, false),
		l.known_at,
		row_number() OVER (PARTITION BY cust ORDER BY at DESC),
		row_number() OVER (PARTITION BY ipk ORDER BY at DESC),
		row_number() OVER (PARTITION BY merch ORDER BY at DESC)
	FROM clean c LEFT JOIN (SELECT o_ident(e) AS ident, known_at FROM lab) l USING (ident);
$$;
CREATE INDEX ON o_ev (cust);
CREATE INDEX ON o_ev (ipk);
CREATE INDEX ON o_ev (merch);

-- ---- the numbers ----

CREATE TYPE o_facts AS (
	-- the transaction
	t timestamptz, amt numeric, cust text, card text, merch text, ctry text, home text, lat float8, lon float8,
	present boolean, risk text, has_category boolean, mcc text, ip inet, lhour int, wkend boolean,
	dlim numeric, wlim numeric, c_ok boolean, i_ok boolean, m_ok boolean,
	-- customer: the past of 90 days, spend, limits
	n bigint, s numeric, q numeric, mx numeric, sp24 numeric, sp7 numeric, sp90 numeric, days90 bigint, weeks90 bigint,
	-- places: every event that may be "the last" (more than one where several share the instant)
	ac30 bigint, km float8[], dt numeric[],
	-- merchant
	seen boolean, mn90 bigint, mf90 bigint, mn28 bigint, mf28 bigint,
	-- velocity
	a60 bigint, a10 bigint, a1h bigint, a24 bigint, run_lo bigint, run_hi bigint,
	ipcards bigint, ipcards_any bigint, ipa24 bigint, ipd24 bigint, one int,
	-- habits
	base_all bigint, base_hours bigint, base_days bigint, ever bigint, last_appr timestamptz, first_seen timestamptz);

CREATE FUNCTION o_facts(x ev, ck text, ik text, mk text, mode text) RETURNS o_facts LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH me AS MATERIALIZED (
	SELECT o_ident(x) AS ident, o_time(x.occurred_at) AS t, o_amount(x.amount, x.currency) AS amt,
		o_text(x.customer_id) AS cust, o_text(x.card_id) AS card, o_text(x.merchant_id) AS merch,
		o_country(x.country) AS ctry, o_country(x.home_country) AS home,
		CASE WHEN o_place_ok(x.lat, x.lon) THEN x.lat END AS lat,
		CASE WHEN o_place_ok(x.lat, x.lon) THEN x.lon END AS lon,
		o_present(x.channel) AS present, o_merchant_set(x.merchant_category, x.mcc) AS risk,
		o_text(x.merchant_category) IS NOT NULL AS has_category, o_mcc(x.mcc) AS mcc, x.ip,
		o_time(x.occurred_at) AT TIME ZONE coalesce(o_text(x.timezone), 'UTC') AS local),
me2 AS MATERIALIZED (
	SELECT *, extract(hour FROM local)::int AS lhour, extract(isodow FROM local) IN (6, 7) AS wkend,
		-- this one is an attempt unless it gives money back
		CASE WHEN amt < 0 THEN 0 ELSE 1 END AS one,
		ck IS DISTINCT FROM '!' AND NOT (ck IS NULL AND cust IS NULL) AS c_ok,
		ik IS DISTINCT FROM '!' AND NOT (ik IS NULL AND ip IS NULL) AS i_ok,
		mk IS DISTINCT FROM '!' AND NOT (mk IS NULL AND merch IS NULL) AS m_ok
	FROM me),
c AS MATERIALIZED (		-- the customer's events as they were at t, without this one
	SELECT e.*, coalesce(o_known(e.known_at, me.t), false) AS fraud
	FROM o_ev e, me
	WHERE e.cust = ck AND e.at <= me.t AND e.ident <> me.ident AND (mode <> 'newest' OR e.c_rn <= 32)),
i AS MATERIALIZED (
	SELECT e.* FROM o_ev e, me
	WHERE e.ipk = ik AND e.at <= me.t AND e.ident <> me.ident AND (mode <> 'newest' OR e.i_rn <= 32)),
m AS MATERIALIZED (
	SELECT e.*, coalesce(o_known(e.known_at, me.t), false) AS fraud
	FROM o_ev e, me
	WHERE e.merch = mk AND e.at <= me.t AND e.ident <> me.ident AND (mode <> 'newest' OR e.m_rn <= 32)),
past AS (
	SELECT count(*) AS n, coalesce(sum(c.amt), 0) AS s, coalesce(sum(c.amt * c.amt), 0) AS q, max(c.amt) AS mx
	FROM c, me WHERE c.base AND NOT c.fraud AND c.at > o_edge(me.t, 7776000, mode)),
spend AS (
	SELECT coalesce(sum(c.amt) FILTER (WHERE c.at > o_edge(me.t, 86400, mode)), 0) AS sp24,
		coalesce(sum(c.amt) FILTER (WHERE c.at > o_edge(me.t, 604800, mode)), 0) AS sp7,
		coalesce(sum(c.amt), 0) AS sp90,
		count(DISTINCT (c.at AT TIME ZONE 'UTC')::date) AS days90,
		count(DISTINCT floor(((c.at AT TIME ZONE 'UTC')::date - date '1970-01-05') / 7.0)) AS weeks90
	FROM c, me WHERE c.spend AND c.at > o_edge(me.t, 7776000, mode)),
attempts AS (
	SELECT count(*) FILTER (WHERE c.at > o_edge(me.t, 60, mode)) AS a60,
		count(*) FILTER (WHERE c.at > o_edge(me.t, 600, mode)) AS a10,
		count(*) FILTER (WHERE c.at > o_edge(me.t, 3600, mode)) AS a1h,
		count(*) FILTER (WHERE c.at > o_edge(me.t, 86400, mode)) AS a24
	FROM c, me WHERE c.attempt),
habits AS (
	SELECT count(*) FILTER (WHERE c.base AND NOT c.fraud) AS base_all,
		count(*) FILTER (WHERE c.base AND NOT c.fraud AND (c.lhour - me2.lhour + 24) % 24 IN (23, 0, 1)) AS base_hours,
		count(*) FILTER (WHERE c.base AND NOT c.fraud AND c.wkend = me2.wkend) AS base_days,
		count(*) FILTER (WHERE c.appr) AS ever, max(c.at) FILTER (WHERE c.appr) AS last_appr,
		min(c.at) AS first_seen,
		count(*) FILTER (WHERE c.appr AND c.ctry = me2.ctry AND c.at > o_edge(me2.t, 2592000, mode)) AS ac30,
		coalesce(bool_or(c.appr AND c.merch = me2.merch), false) AS seen
	FROM me2 LEFT JOIN c ON true),
-- declines just before: among events of one instant the order is not ours to know, so a lowest and a highest run
oncard AS (
	SELECT c.at, c.st = 'declined' AND c.at > me.t - interval '1 hour' AS in_run
	FROM c, me
	WHERE (me.card IS NULL OR c.card = me.card) AND c.st NOT IN ('failed', 'blocked') AND NOT c.refund),
stop AS (SELECT coalesce(max(at) FILTER (WHERE NOT in_run), '-infinity') AS at FROM oncard),
run AS (
	SELECT count(*) FILTER (WHERE in_run AND oncard.at > stop.at) AS run_lo,
		count(*) FILTER (WHERE in_run AND oncard.at >= stop.at) AS run_hi
	FROM oncard, stop),
-- the last place: newest with this card or no card; the same instant as t may or may not be "before"
places AS (
	SELECT c.at, c.lat, c.lon FROM c, me
	WHERE c.appr AND c.located AND (me.card IS NULL OR c.card IS NULL OR c.card = me.card)),
place AS (
	SELECT array_agg(o_km(p.lat, p.lon, me.lat, me.lon) ORDER BY p.at, p.lat, p.lon) AS km,
		array_agg(extract(epoch FROM me.t) - extract(epoch FROM p.at) ORDER BY p.at, p.lat, p.lon) AS dt
	FROM places p, me
	WHERE me.lat IS NOT NULL
	AND (p.at = (SELECT max(at) FROM places) OR p.at = (SELECT max(at) FROM places, me WHERE at < me.t)
		AND me.t = (SELECT max(at) FROM places))),
merchant AS (
	-- approved payments lie on the three-day grid, so 28 days may reach back as far as 31 when wide
	SELECT count(*) FILTER (WHERE m.base AND m.at > o_edge(me.t, 7776000, mode)) AS mn90,
		count(*) FILTER (WHERE m.fraud AND m.at > o_edge(me.t, 7776000, mode)) AS mf90,
		count(*) FILTER (WHERE m.base AND m.at > e28) AS mn28, count(*) FILTER (WHERE m.fraud AND m.at > e28) AS mf28
	FROM me CROSS JOIN LATERAL (SELECT o_edge(me.t, CASE mode WHEN 'wide' THEN 2592000 ELSE 2419200 END, mode) AS e28) e
		LEFT JOIN m ON true),
address AS (
	SELECT (SELECT count(DISTINCT card) FROM (
				SELECT i.card FROM i, me WHERE i.attempt AND i.at > o_edge(me.t, 3600, mode)
				UNION ALL SELECT card FROM me2 WHERE one = 1) u) AS ipcards,
		(SELECT count(DISTINCT card) FROM (
				SELECT i.card FROM i, me WHERE i.attempt AND i.at > o_edge(me.t, 3600, mode)
				UNION ALL SELECT card FROM me2) u) AS ipcards_any,
		count(*) FILTER (WHERE i.attempt) AS ipa24, count(*) FILTER (WHERE i.attempt AND i.st = 'declined') AS ipd24
	FROM i, me WHERE i.at > o_edge(me.t, 86400, mode))
SELECT (me2.t, amt, cust, card, merch, ctry, home, me2.lat, me2.lon, present, risk, has_category, mcc, ip, lhour, wkend,
	x.daily_limit, x.weekly_limit, c_ok, i_ok, m_ok,
	n, s, q, mx, sp24 + greatest(amt, 0), sp7 + greatest(amt, 0), sp90, days90, weeks90,
	ac30, km, dt,
	seen, mn90, mf90, mn28, mf28,
	a60 + one, a10 + one, a1h + one, a24 + one, run_lo, run_hi, ipcards, ipcards_any, ipa24 + one, ipd24, one,
	base_all, base_hours, base_days, ever, last_appr, first_seen)::o_facts
FROM me2, past, spend, attempts, habits, run, place, merchant, address $$;

CREATE FUNCTION o_stddev(n bigint, s numeric, q numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT CASE WHEN n > 0 THEN sqrt((n * q - s * s)::numeric(80, 40)) / n END $$;

CREATE FUNCTION o_wilson(k bigint, n bigint) RETURNS float8 LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	z CONSTANT float8 := 1.959963984540054;
	p float8 := k::float8 / nullif(n, 0);
BEGIN
	RETURN CASE WHEN n > 0 THEN (p + z * z / (2 * n) - z * sqrt(greatest(0, p * (1 - p) / n + z * z / (4.0 * n * n)))) / (1 + z * z / n) END;
END $$;

-- the limit in force: the row's own, or the greater of the default and 3 x the mean of an active day (week)
CREATE FUNCTION o_limit(own numeric, dflt numeric, total numeric, periods bigint) RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT coalesce(own, greatest(dflt, 3 * total / nullif(periods, 0))) $$;

CREATE FUNCTION o_days(a timestamptz, b timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT (extract(epoch FROM b) - extract(epoch FROM a)) / 86400 $$;

-- a or b: what the texts leave open
CREATE FUNCTION o_either(a anyelement, b anyelement) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT jsonb_build_array(a, b) $$;

CREATE FUNCTION o_features(f o_facts) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT jsonb_build_object(
		'amount', f.amt, 'foreign_country', f.ctry <> f.home, 'high_risk_country', f.ctry IN ('IR', 'KP', 'MM'),
		'merchant_risk', f.risk, 'local_hour', f.lhour, 'is_weekend', f.wkend)
	|| jsonb_build_object(		-- the customer
		'past_count', CASE WHEN c THEN f.n END,
		'past_mean', CASE WHEN c AND f.n > 0 THEN f.s / f.n END,
		'past_stddev', CASE WHEN c THEN o_stddev(f.n, f.s, f.q) END,
		'past_max', CASE WHEN c THEN f.mx END,
		'amount_ratio', CASE WHEN c AND f.n > 0 THEN f.amt * f.n / f.s END,
		'amount_sigmas', CASE WHEN c AND f.n >= 2 THEN (f.amt * f.n - f.s) / f.n / nullif(o_stddev(f.n, f.s, f.q), 0) END,
		-- without an amount: unknown, or what was spent before
		'spend_24h', CASE WHEN c THEN CASE WHEN f.amt IS NULL THEN o_either(NULL, f.sp24) ELSE to_jsonb(f.sp24) END END,
		'spend_7d', CASE WHEN c THEN CASE WHEN f.amt IS NULL THEN o_either(NULL, f.sp7) ELSE to_jsonb(f.sp7) END END,
		-- without a history: the row's own limit may stand there all the same
		'daily_limit', CASE WHEN c THEN to_jsonb(o_limit(f.dlim, 2000, f.sp90, f.days90)) ELSE o_either(NULL, f.dlim) END,
		'weekly_limit', CASE WHEN c THEN to_jsonb(o_limit(f.wlim, 8000, f.sp90, f.weeks90)) ELSE o_either(NULL, f.wlim) END,
		'approved_in_country_30d', CASE WHEN c AND f.ctry IS NOT NULL THEN f.ac30 END,
		-- card not present: the distance may be told or not, no rule looks at it
		'distance_km', CASE WHEN c THEN to_jsonb(f.km) || CASE WHEN f.present THEN '[]'::jsonb ELSE '[null]' END END,
		'hours_since_present', CASE WHEN c THEN (SELECT jsonb_agg(d / 3600) FROM unnest(f.dt) d)
			|| CASE WHEN f.present THEN '[]'::jsonb ELSE '[null]' END END,
		'first_time_merchant', CASE WHEN c AND f.merch IS NOT NULL THEN NOT f.seen END,
		'attempts_60s', CASE WHEN c THEN f.a60 END, 'attempts_10m', CASE WHEN c THEN f.a10 END,
		'attempts_1h', CASE WHEN c THEN f.a1h END, 'attempts_24h', CASE WHEN c THEN f.a24 END,
		'declines_run', CASE WHEN c THEN (SELECT jsonb_agg(g) FROM generate_series(f.run_lo, f.run_hi) g) END,
		'hour_share', CASE WHEN c THEN f.base_hours::float8 / nullif(f.base_all, 0) END,
		'day_kind_share', CASE WHEN c THEN f.base_days::float8 / nullif(f.base_all, 0) END,
		'approved_ever', CASE WHEN c THEN f.ever END,
		'days_since_approved', CASE WHEN c THEN o_days(f.last_appr, f.t) END,
		'days_known', CASE WHEN c THEN o_days(f.first_seen, f.t) END)
	-- the merchant and the address; no id in the row and no history: unknown, or nothing before
	|| CASE WHEN f.t IS NULL THEN '{}' WHEN m THEN jsonb_build_object(
		'merchant_approved_90d', f.mn90, 'merchant_frauds_90d', f.mf90,
		'merchant_fraud_bound', o_wilson(f.mf90, f.mn90), 'merchant_approved_28d', f.mn28, 'merchant_frauds_28d', f.mf28)
	WHEN f.merch IS NULL THEN jsonb_build_object('merchant_approved_90d', o_either(NULL, 0), 'merchant_frauds_90d',
		o_either(NULL, 0), 'merchant_approved_28d', o_either(NULL, 0), 'merchant_frauds_28d', o_either(NULL, 0))
	ELSE '{}' END
	|| CASE WHEN f.t IS NULL THEN '{}' WHEN i THEN jsonb_build_object(
		'ip_cards_60m', o_either(f.ipcards, f.ipcards_any), 'ip_attempts_24h', f.ipa24,
		-- of all attempts, or of those whose outcome is known, without this one
		'ip_declined_share_24h', o_either(f.ipd24::float8 / nullif(f.ipa24, 0), f.ipd24::float8 / nullif(f.ipa24 - f.one, 0)))
	WHEN f.ip IS NULL THEN jsonb_build_object('ip_cards_60m', jsonb_build_array(NULL, f.ipcards, f.ipcards_any),
		'ip_attempts_24h', o_either(NULL, f.ipa24), 'ip_declined_share_24h', o_either(NULL, 0))
	ELSE '{}' END
FROM (SELECT f.t IS NOT NULL AND f.c_ok AS c, f.t IS NOT NULL AND f.i_ok AS i, f.t IS NOT NULL AND f.m_ok AS m) v $$;

-- What each rule may answer. More than one answer only where the texts leave the order of two preconditions
-- open, or where several events share the instant that decides.
CREATE FUNCTION o_rules(f o_facts) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT jsonb_build_object(
	'1', CASE WHEN f.amt IS NULL OR NOT c THEN ne
		WHEN f.n < 5 THEN CASE WHEN f.amt <= 25 THEN ne || no ELSE ne END
		WHEN f.amt * f.n > 5 * f.s AND f.amt > 25 THEN '["hit:30"]' ELSE no END,
	'2', CASE WHEN f.amt IS NULL OR NOT c THEN ne
		WHEN f.n < 10 THEN CASE WHEN f.amt >= 500 THEN '["hit:15"]' ELSE no END
		-- amount > mean + 3 sigma, without a root: d = n * amount - sum > 0 and d^2 > 9 * (n * q - s^2)
		WHEN f.amt * f.n > f.s AND (f.amt * f.n - f.s) ^ 2 > 9 * (f.n * f.q - f.s * f.s)
			AND f.amt * 2 > f.mx * 3 THEN '["hit:15"]' ELSE no END,
	'3', CASE WHEN f.amt IS NULL THEN ne WHEN f.amt > 5000 THEN '["hit:30"]' ELSE no END,
	'4', CASE WHEN f.amt IS NULL OR NOT c THEN ne
		WHEN f.dlim IS NOT NULL AND f.sp24 > f.dlim THEN '["hit:20"]'
		WHEN f.dlim IS NULL AND f.sp24 > 2000 AND f.sp24 * f.days90 > 3 * f.sp90 THEN '["hit:20"]'
		WHEN f.dlim IS NULL AND f.sp24 > 2000 AND f.days90 = 0 THEN '["hit:20"]' ELSE no END,
	'5', CASE WHEN f.amt IS NULL OR NOT c THEN ne
		WHEN f.wlim IS NOT NULL AND f.sp7 > f.wlim THEN '["hit:15"]'
		WHEN f.wlim IS NULL AND f.sp7 > 8000 AND f.sp7 * f.weeks90 > 3 * f.sp90 THEN '["hit:15"]'
		WHEN f.wlim IS NULL AND f.sp7 > 8000 AND f.weeks90 = 0 THEN '["hit:15"]' ELSE no END,
	'6', CASE WHEN f.ctry IS NULL OR f.home IS NULL THEN ne
		WHEN f.ctry = f.home THEN CASE WHEN c THEN no ELSE no || ne END
		WHEN NOT c THEN ne || CASE WHEN f.amt > 1000 THEN '["hit:30"]' ELSE '["hit:25"]'::jsonb END
		WHEN f.ac30 >= 3 THEN '["hit:10"]'
		WHEN f.amt > 1000 THEN '["hit:30"]'
		WHEN f.amt IS NULL THEN '["hit:25"]' || ne ELSE '["hit:25"]' END,
	'7', CASE WHEN f.ctry IS NULL THEN ne WHEN f.ctry IN ('IR', 'KP', 'MM') THEN '["hit:30"]' ELSE no END)
|| jsonb_build_object(
	'8', CASE WHEN NOT f.present THEN CASE WHEN c AND f.lat IS NOT NULL THEN no ELSE no || ne END
		WHEN f.lat IS NULL OR NOT c OR f.km IS NULL THEN ne
		ELSE (SELECT jsonb_agg(DISTINCT CASE WHEN km > 200 AND km / greatest(d, 60)::float8 * 3600 > 900
				THEN 'hit:30' ELSE 'no_hit:0' END) FROM unnest(f.km, f.dt) u(km, d)) END,
	'9', CASE WHEN NOT f.present THEN CASE WHEN c AND f.lat IS NOT NULL THEN no ELSE no || ne END
		WHEN f.lat IS NULL OR NOT c OR f.km IS NULL THEN ne
		ELSE (SELECT jsonb_agg(DISTINCT CASE
				WHEN km > 200 AND km / greatest(d, 60)::float8 * 3600 > 900 THEN 'no_hit:0'
				WHEN d <= 86400 AND km >= 2000 THEN 'hit:15'
				WHEN d <= 86400 AND km >= 500 THEN 'hit:10' ELSE 'no_hit:0' END)
			FROM unnest(f.km, f.dt) u(km, d)) END,
	'10', CASE WHEN NOT f.has_category AND f.mcc IS NULL THEN ne
		WHEN f.risk = 'electronics' AND f.amt > 5000 THEN '["hit:30"]'
		WHEN f.risk IS NOT NULL THEN '["hit:20"]' ELSE no END,
	'11', CASE WHEN f.merch IS NULL OR NOT c THEN ne
		WHEN f.amt IS NULL THEN CASE WHEN f.seen THEN ne || no ELSE ne END
		WHEN f.seen THEN no
		WHEN f.n >= 5 AND f.amt * f.n > f.s OR f.n < 5 AND f.amt >= 200 THEN '["hit:10"]' ELSE no END,
	'12', CASE WHEN NOT m THEN ne
		WHEN f.mf28 >= 2 AND f.mf28 * 10 >= f.mn28 THEN '["hit:30"]'
		WHEN f.mf90 >= 2 AND o_wilson(f.mf90, f.mn90) > 0.015 THEN '["hit:20"]'
		WHEN f.mf90 >= 2 AND o_wilson(f.mf90, f.mn90) > 0.009 THEN '["hit:10"]'
		WHEN f.mn90 = 0 THEN no || ne ELSE no END)
|| jsonb_build_object(
	'13', CASE WHEN exempt THEN CASE WHEN c THEN no ELSE no || ne END
		WHEN NOT c THEN ne
		WHEN f.a10 > 5 THEN '["hit:30"]' WHEN f.a10 > 3 THEN '["hit:15"]' ELSE no END,
	'14', CASE WHEN exempt THEN CASE WHEN c THEN no ELSE no || ne END
		WHEN NOT c THEN ne
		WHEN f.a60 > 2 OR f.a1h > 10 THEN '["hit:15"]' WHEN f.a24 > 25 THEN '["hit:10"]' ELSE no END,
	'15', CASE WHEN NOT c THEN ne
		WHEN f.first_seen IS NULL THEN no || ne
		ELSE (SELECT jsonb_agg(DISTINCT CASE WHEN g >= 5 THEN 'hit:30' WHEN g >= 3 THEN 'hit:20' ELSE 'no_hit:0' END)
			FROM generate_series(f.run_lo, f.run_hi) g) END,
	-- without a card of its own: cards counted all the same, or card_id is NULL
	'16', CASE WHEN f.ip IS NULL THEN ne
		WHEN o_ip_exempt(f.ip) THEN CASE WHEN i AND f.card IS NOT NULL THEN no ELSE no || ne END
		WHEN NOT i THEN ne
		WHEN f.ipa24 > 100 AND f.ipd24 * 5 < f.ipa24 - f.one THEN ne
		ELSE CASE WHEN f.ipcards >= 8 THEN '["hit:30"]' WHEN f.ipcards >= 4 THEN '["hit:20"]' ELSE no END
			|| CASE WHEN f.ipcards = f.ipcards_any THEN '[]' WHEN f.ipcards_any >= 8 THEN '["hit:30"]'
				WHEN f.ipcards_any >= 4 THEN '["hit:20"]' ELSE no END
			|| CASE WHEN f.card IS NULL OR f.ipa24 > 100 AND f.ipd24 * 5 < f.ipa24 THEN ne ELSE '[]'::jsonb END END,
	'17', CASE WHEN f.t IS NULL THEN ne
		WHEN NOT c THEN CASE WHEN night THEN ne || '["hit:10"]' ELSE ne || no END
		WHEN night AND rare THEN '["hit:15"]'
		WHEN night OR rare THEN '["hit:10"]'
		WHEN f.n < 30 THEN no || ne ELSE no END,
	'18', CASE WHEN f.amt IS NULL OR NOT c THEN ne
		WHEN f.ever < 3 THEN CASE WHEN f.amt < 50 THEN ne || no ELSE ne END
		WHEN f.amt >= 50 AND o_days(f.last_appr, f.t) >= 180 THEN '["hit:20"]'
		WHEN f.amt >= 50 AND o_days(f.last_appr, f.t) >= 90 THEN '["hit:10"]' ELSE no END,
	'19', CASE WHEN NOT c THEN ne
		WHEN f.n < 30 OR o_days(f.first_seen, f.t) < 56 THEN ne
		WHEN f.base_days * 20 < f.base_all THEN '["hit:10"]' ELSE no END)
FROM (SELECT '["not_evaluated:0"]'::jsonb AS ne, '["no_hit:0"]'::jsonb AS no,
		f.t IS NOT NULL AND f.c_ok AS c, f.t IS NOT NULL AND f.i_ok AS i, f.t IS NOT NULL AND f.m_ok AS m,
		coalesce(f.mcc IN ('4111', '4112', '4131', '4784', '7523'), false) AS exempt,
		f.lhour >= 1 AND f.lhour < 5 AS night,
		f.n >= 30 AND f.base_hours * 50 < f.base_all AS rare) v $$;

-- fraud_velocity of a customer's history; card checks and NULL amounts are attempts, refunds are not
CREATE TYPE o_velo AS (attempts bigint, declined bigint, spend numeric, distinct_cards bigint, events bigint);
CREATE FUNCTION o_velocity(ck text, seconds bigint, as_of timestamptz, mode text) RETURNS o_velo
	LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT (count(*) FILTER (WHERE e.attempt), count(*) FILTER (WHERE e.attempt AND e.st = 'declined'),
		coalesce(sum(e.amt) FILTER (WHERE e.spend), 0), count(DISTINCT e.card) FILTER (WHERE e.attempt), count(*))::o_velo
	FROM o_ev e
	WHERE e.cust = ck AND e.at <= as_of AND e.at > o_edge(as_of, seconds, mode)
	AND (mode <> 'newest' OR e.c_rn <= 32) $$;

-- ---- comparing and reporting ----

CREATE FUNCTION o_same(got jsonb, want jsonb, near float8 DEFAULT 1e-9) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT coalesce(bool_or(CASE
		WHEN jsonb_typeof(w) = 'number' AND jsonb_typeof(got) = 'number' THEN
			abs(got::float8 - w::float8) <= near + 1e-9 * abs(w::float8)
		ELSE coalesce(got, 'null') = w END), false)
	FROM jsonb_array_elements(CASE jsonb_typeof(want) WHEN 'array' THEN want
		ELSE jsonb_build_array(want) END) w $$;

CREATE TABLE chk_log (name text, ok boolean);

-- One check. The query gives one row for each thing compared: (bad boolean, detail text). No bad row among at
-- least `least_rows` is ok; an error, a NULL verdict or too few rows is not.
CREATE FUNCTION chk(name text, least_rows bigint, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen bigint;
	bad bigint;
	shown text;
	line text;
BEGIN
	BEGIN
		EXECUTE format('SELECT count(*), count(*) FILTER (WHERE bad IS NOT false),
			string_agg(left(coalesce(detail, %L), 400), %L ORDER BY nr) FILTER (WHERE bad IS NOT false AND nr <= 3)
			FROM (SELECT q.bad, q.detail, row_number() OVER (PARTITION BY q.bad IS NOT false) AS nr
				  FROM (%s) q(bad, detail)) r', '(no detail)', ' | ', query)
			INTO seen, bad, shown;
		IF bad > 0 THEN
			line := format('%s of %s differ: %s', bad, seen, shown);
		ELSIF seen < least_rows THEN
			line := format('only %s compared, wanted at least %s', seen, least_rows);
		END IF;
	EXCEPTION WHEN OTHERS THEN
		line := format('%s (%s)', sqlerrm, sqlstate);
	END;
	INSERT INTO chk_log VALUES (name, line IS NULL);
	RETURN CASE WHEN line IS NULL THEN format('ok - %s # %s compared', name, seen)
		ELSE format('not ok - %s: %s', name, regexp_replace(line, '\s+', ' ', 'g')) END;
END $$;

-- A statement that only has to work (it prepares what later checks read).
CREATE FUNCTION step(name text, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	INSERT INTO chk_log VALUES (name, true);
	RETURN format('ok - %s', name);
EXCEPTION WHEN OTHERS THEN
	INSERT INTO chk_log VALUES (name, false);
	RETURN format('not ok - %s: %s (%s)', name, regexp_replace(sqlerrm, '\s+', ' ', 'g'), sqlstate);
END $$;

CREATE FUNCTION chk_summary() RETURNS text LANGUAGE sql AS
	$$ SELECT format('# %s checks, %s failed', count(*), count(*) FILTER (WHERE NOT ok)) FROM chk_log $$;

-- ---- worked examples ----

\if :{?ff_part}
\else
CREATE FUNCTION e(id text, customer text, ago interval, amount numeric, status text DEFAULT 'approved', card text DEFAULT NULL,
	ip inet DEFAULT NULL, merchant text DEFAULT NULL, lat float8 DEFAULT NULL, lon float8 DEFAULT NULL, country text DEFAULT NULL,
	own_limit numeric DEFAULT NULL, zone text DEFAULT NULL) RETURNS ev LANGUAGE sql AS $$
	SELECT (id, customer, card, amount, NULL, timestamptz '2025-03-12 12:30+00' - ago, country, 'US', lat, lon, NULL, NULL, NULL,
		merchant, NULL, NULL, ip, status, zone, own_limit, NULL, NULL)::ev $$;
INSERT INTO ev SELECT (s.x).* FROM (
	-- flat: five payments of 20; spread: five of 10 and five of 30, mean 20, deviation 10
	SELECT e('flat' || i, 'flat', i * interval '24 hours', 20) FROM generate_series(1, 5) i
	UNION ALL SELECT e('spread' || i, 'spread', i * interval '24 hours', CASE WHEN i % 2 = 0 THEN 10 ELSE 30 END)
		FROM generate_series(1, 10) i
	-- edges: on the old edge of 60 s is outside, a microsecond later inside; refund and failure are no attempts
	UNION ALL SELECT e('edge1', 'edge', '60 seconds', 5) UNION ALL SELECT e('edge2', 'edge', '59.999999 seconds', 5)
	UNION ALL SELECT e('edge3', 'edge', '0', 5) UNION ALL SELECT e('edge4', 'edge', '-0.000001 seconds', 5)
	UNION ALL SELECT e('edge5', 'edge', '5 seconds', -5) UNION ALL SELECT e('edge6', 'edge', '6 seconds', 5, 'timeout')
	-- versions: pending and approved of one instant are one event, approved wins; the same id a second later is another
	UNION ALL SELECT e('v', 'version', '1 hour', 7, 'pending') UNION ALL SELECT e('v', 'version', '1 hour', 9)
	UNION ALL SELECT e('v', 'version', '1 hour', 9) UNION ALL SELECT e('v', 'version', '59 minutes 59 seconds', 9, 'declined')
	-- declines: approved, declined (61 minutes ago), declined x 3 with a failure and a refund between, other card between
	UNION ALL SELECT e('d1', 'decl', '61 minutes', 5, 'declined', 'c1') UNION ALL SELECT e('d2', 'decl', '30 minutes', 5, 'refused', 'c1')
	UNION ALL SELECT e('d3', 'decl', '20 minutes', 5, 'failed', 'c1') UNION ALL SELECT e('d4', 'decl', '15 minutes', -5, 'approved', 'c1')
	UNION ALL SELECT e('d5', 'decl', '10 minutes', 0, 'declined', 'c1') UNION ALL SELECT e('d6', 'decl', '9 minutes', 5, 'approved', 'c2')
	UNION ALL SELECT e('d7', 'decl', '1 minute', 5, 'declined', 'c1')
	-- place: near Paris, an hour ago
	UNION ALL SELECT e('p1', 'place', '1 hour', 5, 'approved', NULL, NULL, NULL, 48.875, 2.375)
	-- address: three cards within the hour, one exactly an hour ago
	UNION ALL SELECT e('a' || i, 'who' || i, i * interval '20 minutes', 5, 'approved', 'k' || i, '81.1.1.1') FROM generate_series(1, 4) i
	-- merchant: 40 payments, 3 of them known frauds, one more known too late
	UNION ALL SELECT e('m' || i, 'some' || i, i * interval '12 hours', 5, 'approved', NULL, NULL, 'shop') FROM generate_series(1, 40) i) s(x);
INSERT INTO lab SELECT ev, '2025-03-12 12:30+00' FROM ev WHERE txn_id IN ('m1', 'm2', 'm3');
INSERT INTO lab SELECT ev, '2025-03-12 12:30:00.000001+00' FROM ev WHERE txn_id = 'm4';
SELECT o_prepare() \gset
CREATE FUNCTION f(x ev) RETURNS jsonb LANGUAGE sql AS $$ SELECT o_features(o_facts(x, x.customer_id, o_ip(x.ip), x.merchant_id, 'true')) $$;
CREATE FUNCTION r(x ev, rule text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(a, ' ') FROM (SELECT DISTINCT a FROM jsonb_array_elements_text(
		o_rules(o_facts(x, x.customer_id, o_ip(x.ip), x.merchant_id, 'true')) -> rule) a) s $$;
SELECT chk('oracle: worked examples', 42, $$
	SELECT got IS DISTINCT FROM want, format('%s: got %s, want %s', what, got, want) FROM (VALUES
	('5 x mean is not over', r(e('n', 'flat', '0', 100), '1'), 'no_hit:0'),
	('over 5 x mean', r(e('n', 'flat', '0', 100.0001), '1'), 'hit:30'),
	('four are too few', r(e('flat1', 'flat', '0', 1000), '1'), 'not_evaluated:0'),
	('mean + 3 sigma is not over', r(e('n', 'spread', '0', 50), '2'), 'no_hit:0'),
	('over mean + 3 sigma', r(e('n', 'spread', '0', 50.0001), '2'), 'hit:15'),
	('nine: by amount', r(e('spread1', 'spread', '0', 499.9999), '2'), 'no_hit:0'),
	('nine: 500', r(e('spread1', 'spread', '0', 500), '2'), 'hit:15'),
	('a daily limit of 0 counts', r(e('n', 'flat', '0', 0.0001, own_limit => 0), '4'), 'hit:20'),
	('2,000 are not over 2,000', r(e('n', 'flat', '0', 2000), '4'), 'no_hit:0'),
	('yesterday, exactly 24 h ago, is outside', f(e('n', 'flat', '0', 1)) ->> 'spend_24h', '1.0000'),
	('a microsecond earlier it was inside', f(e('n', 'flat', '0.000001 seconds', 1)) ->> 'spend_24h', '21.0000'),
	('limit', f(e('n', 'spread', '0', 1)) ->> 'daily_limit', '2000'),
	('the 90th day', f(e('n', 'flat', '-2136 hours', 1)) ->> 'past_count', '0'),
	('and before', f(e('n', 'flat', '-2135.999 hours', 1)) ->> 'past_count', '1'),
	('60 s', f(e('n', 'edge', '0', 1)) ->> 'attempts_60s', '3'),
	('60 s, itself in the history', f(e('edge3', 'edge', '0', 1)) ->> 'attempts_60s', '2'),
	('10 min', f(e('n', 'edge', '0', 1)) ->> 'attempts_10m', '4'),
	('a refund is no attempt', f(e('n', 'edge', '0', -1)) ->> 'attempts_10m', '3'),
	('rule 13, four', r(e('n', 'edge', '0', 1), '13'), 'hit:15'),
	('rule 14, three in 60 s', r(e('n', 'edge', '0', 1), '14'), 'hit:15'),
	('versions are one event, other times two', f(e('n', 'version', '0', 1)) ->> 'attempts_24h', '3'),
	('the approved version counts', f(e('n', 'version', '0', 1)) ->> 'past_max', '9.0000'),
	('both times of the id are left out', f(e('v', 'version', '0', 1)) ->> 'attempts_24h', '1'),
	('declines on the card', f(e('n', 'decl', '0', 1, card => 'c1')) ->> 'declines_run', '[3]'),
	('declines of the customer', f(e('n', 'decl', '0', 1)) ->> 'declines_run', '[1]'),
	('rule 15', r(e('n', 'decl', '0', 1, card => 'c1'), '15'), 'hit:20'),
	('Paris to London', round((f(e('n', 'place', '0', 1, lat => 51.5, lon => -0.125)) -> 'distance_km' ->> 0)::numeric, 6)::text, '341.827140'),
	('within the hour', r(e('n', 'place', '0', 1, lat => 51.5, lon => -0.125), '8'), 'no_hit:0'),
	('twenty minutes after', r(e('n', 'place', '40 minutes', 1, lat => 51.5, lon => -0.125), '8'), 'hit:30'),
	('not far enough', r(e('n', 'place', '0', 1, lat => 51.5, lon => -0.125), '9'), 'no_hit:0'),
	('cards of the hour', f(e('n', 'who9', '0', 1, card => 'k9', ip => '81.1.1.1')) ->> 'ip_cards_60m', '[3, 3]'),
	('rule 16', r(e('n', 'who9', '0.000001 seconds', 1, card => 'k9', ip => '81.1.1.1'), '16'), 'hit:20'),
	('private address', r(e('n', 'who9', '0', 1, card => 'k9', ip => '172.31.255.255'), '16'), 'no_hit:0'),
	('frauds known', f(e('n', 'x', '0', 1, merchant => 'shop')) ->> 'merchant_frauds_90d', '3'),
	('Wilson', round((f(e('n', 'x', '0', 1, merchant => 'shop')) ->> 'merchant_fraud_bound')::numeric, 9)::text, '0.025836026'),
	('rule 12', r(e('n', 'x', '0', 1, merchant => 'shop'), '12'), 'hit:20'),
	('home', r(e('n', 'flat', '0', 1, country => ' us'), '6'), 'no_hit:0'),
	('abroad', r(e('n', 'flat', '0', 1000, country => 'FR'), '6'), 'hit:25'),
	('abroad with much', r(e('n', 'flat', '0', 1000.0001, country => 'FR'), '6'), 'hit:30'),
	('half past eleven at night in Lord Howe', f(e('n', 'flat', '0', 1, zone => 'Australia/Lord_Howe')) ->> 'local_hour', '23'),
	('dormant', r(e('n', 'flat', '-2136 hours', 50), '18'), 'hit:10'),
	('nearly dormant', r(e('n', 'flat', '-2135.9 hours', 50), '18'), 'no_hit:0')) v(what, got, want) $$);
SELECT chk_summary();
DROP SCHEMA ff_oracle CASCADE;
\endif
