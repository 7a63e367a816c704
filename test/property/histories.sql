-- histories.sql: customers with histories to test on. Everything follows from md5 of a seed text, so every
-- run and every server makes the same rows; no clock, no random().
--
-- Included after oracle.sql. Fills ev and lab, calls o_prepare(), and makes
--   cst        the customers: id, class, number of events, the instant t0 that most things aim at
--   key_size   distinct events of each customer, address and merchant, and the time of the 33rd newest
--   tx         transactions to score, each with the keys of the histories to be used (NULL none, '!' unavailable)
-- Classes: M mixed, G good, U burst, R refused, E on the edges of windows, F flat amounts, L long habit,
-- D dormant (all of at most 32 distinct events), B big (33 to 400).

-- A test that includes this file sets ff_part first; on its own the file checks what it made.
\if :{?ff_part}
\else
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
DROP SCHEMA IF EXISTS ff_histories CASCADE;
CREATE SCHEMA ff_histories;
SET search_path = ff_histories, public;
\set ff_part 1
\ir oracle.sql
\unset ff_part
\endif

-- a number in [0, 1), an integer in 0 .. n-1, an element
CREATE FUNCTION hx(seed text) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('x' || substr(md5(seed), 1, 13))::bit(52)::bigint / 4503599627370496.0::float8 $$;
CREATE FUNCTION hn(seed text, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
	$$ SELECT (('x' || substr(md5(seed), 1, 13))::bit(52)::bigint % n)::int $$;
CREATE FUNCTION pick(arr anyarray, seed text) RETURNS anyelement LANGUAGE sql IMMUTABLE AS
	$$ SELECT arr[1 + (('x' || substr(md5(seed), 1, 13))::bit(52)::bigint % array_length(arr, 1))] $$;
CREATE FUNCTION us(n numeric) RETURNS interval LANGUAGE sql IMMUTABLE AS
	$$ SELECT interval '1 microsecond' * trunc(n)::float8 $$;

CREATE TABLE cst (i int, id text PRIMARY KEY, cls text, n int, grp int, t0 timestamptz, tz text, home text,
				  lat0 float8, lon0 float8);
INSERT INTO cst
SELECT i, id, cls, n, grp,
	timestamptz '2025-03-27 22:17:05.250001+00' + grp * interval '31 hours' + us(grp * 1234567),
	CASE WHEN cls = 'L' AND i % 3 = 0 THEN NULL ELSE
		pick(ARRAY[NULL, NULL, 'UTC', 'America/New_York', 'Asia/Kolkata', 'Europe/Berlin', 'Australia/Lord_Howe', ''],
			id || 'tz') END,
	pick(ARRAY['US', 'US', 'DE', 'FR', 'GB', NULL], id || 'home'),
	30 + hn(id || 'lat', 120) * 0.125, -10 + hn(id || 'lon', 240) * 0.125
FROM (SELECT cls, i, cls || lpad(i::text, 3, '0') AS id,
		(row_number() OVER (ORDER BY i, cls) % 40)::int AS grp,
		CASE cls WHEN 'B' THEN 33 + i * i * 367 / 1521 WHEN 'L' THEN 30 + i % 3
			WHEN 'D' THEN 2 + i % 6 WHEN 'F' THEN 6 + i * 2 ELSE i % 33 END AS n
	FROM (VALUES ('M', 66), ('G', 66), ('U', 33), ('R', 33), ('E', 66), ('F', 14), ('L', 30), ('D', 24), ('B', 40))
			v(cls, members), generate_series(0, members - 1) i) c;

-- edges of windows, in seconds: 60 s, 10 min, 1 h, 24 h, 7 d, 28 d, 30 d, 90 d, 180 d, now
CREATE FUNCTION edge_seconds(seed text) RETURNS int LANGUAGE sql IMMUTABLE AS
	$$ SELECT pick(ARRAY[60, 600, 3600, 86400, 604800, 2419200, 2592000, 7776000, 15552000, 0], seed) $$;

-- when the k-th event of a customer happened
CREATE FUNCTION g_at(c cst, k int) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
RETURN (SELECT CASE
	WHEN c.cls = 'E' OR c.cls = 'M' AND u < 0.3 OR c.cls = 'U' AND u < 0.2 OR c.cls = 'B' AND k % 17 = 0
		-- on an edge, or one microsecond to either side
		THEN c.t0 - interval '1 second' * edge_seconds(s || 'edge')
			+ us(CASE WHEN c.cls = 'B' THEN -1 - k ELSE hn(s || 'side', 3) - 1 END)
	WHEN c.cls = 'M' AND u < 0.6 THEN c.t0 - us((v * 86400e6)::numeric)
	WHEN c.cls = 'M' AND u < 0.95 THEN c.t0 - us((v * 120 * 86400e6)::numeric)
	WHEN c.cls = 'M' THEN c.t0 + us((v * 2 * 86400e6)::numeric)
	WHEN c.cls = 'G' THEN c.t0 - us((v * 100 * 86400e6)::numeric)
	WHEN c.cls IN ('U', 'R') AND u < 0.85 THEN c.t0 - us((v * 70 * 60e6)::numeric)
	WHEN c.cls IN ('U', 'R') THEN c.t0 - us((v * 30 * 86400e6)::numeric)
	WHEN c.cls = 'F' THEN c.t0 - k * interval '48 hours' - us((v * 3600e6)::numeric)
	WHEN c.cls = 'L' THEN		-- office hours every other day; weekends moved to the Friday for two in three
		(d - CASE WHEN c.i % 3 < 2 AND extract(isodow FROM d) > 5 THEN extract(isodow FROM d)::int - 5 ELSE 0 END
			+ interval '9 hours' + us((v * 7 * 3600e6)::numeric)) AT TIME ZONE coalesce(nullif(c.tz, ''), 'UTC')
	WHEN c.cls = 'D' AND k = 1 THEN c.t0 - interval '1 second' * pick(ARRAY[7776000, 15552000, 7000000], s)
		+ us(c.i % 3 - 1)
	WHEN c.cls = 'D' THEN c.t0 - interval '4320 hours' - us((v * 200 * 86400e6)::numeric)
	ELSE c.t0 - us((CASE c.i % 4 WHEN 0 THEN v * 120 WHEN 1 THEN v * 3 WHEN 2 THEN v * 1.08
		ELSE v ^ 4 * 120 END * 86400e6)::numeric) END
FROM (SELECT s, hx(s || 'u') AS u, hx(s || 'v') AS v, c.t0::date - (2 * k + 1) AS d
	FROM (SELECT c.id || '/' || k || '/at/' AS s) s0) v);
END $$;

CREATE FUNCTION g_amount(c cst, k int) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
RETURN (SELECT CASE
	WHEN c.cls = 'F' THEN CASE WHEN c.i % 2 = 0 THEN 20 WHEN k % 2 = 0 THEN 10 ELSE 30 END
	WHEN c.cls IN ('L', 'D') THEN 20 + hn(s, 9000) / 100.0
	WHEN c.cls = 'B' AND c.i % 5 = 0 AND u < 0.02 THEN pick(ARRAY['NaN', 'Infinity', '200000000000', '-1e15']::numeric[], s)
	WHEN c.cls IN ('M', 'E') AND c.i % 5 = 0 AND u < 0.02 THEN pick(
		ARRAY['NaN', 'Infinity', '-Infinity', '100000000000', '-100000000000', '200000000000', '-1e15']::numeric[], s)
	WHEN c.cls <> 'G' AND u < 0.06 THEN 0
	WHEN c.cls <> 'G' AND u < 0.12 THEN -round((5 + 200 * v)::numeric, 2)
	WHEN c.cls <> 'G' AND u < 0.16 THEN NULL
	WHEN u < 0.20 THEN trunc((1 + 90 * v)::numeric, 4) + 0.00005			-- a half at the fifth place
	WHEN u < 0.22 THEN round((2000 + 9000 * v)::numeric, 2)
	ELSE round((3 + 400 * v * v)::numeric, hn(s || 'r', 5)) END
FROM (SELECT s, hx(s || 'u') AS u, hx(s || 'v') AS v FROM (SELECT c.id || '/' || k || '/amount/' AS s) s0) v);
END $$;

CREATE FUNCTION g_status(c cst, k int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
RETURN (SELECT CASE
	WHEN c.cls IN ('F', 'L', 'D') OR c.cls = 'G' AND c.i % 2 = 0 OR c.cls = 'B' AND c.i % 3 = 0
		THEN pick(ARRAY['approved', 'settled', NULL], s)
	WHEN c.cls = 'G' THEN pick(ARRAY['approved', 'approved', 'approved', 'captured', 'success', 'declined', ''], s)
	WHEN c.cls = 'R' OR c.cls = 'B' AND c.i % 3 = 1 THEN pick(ARRAY['declined', 'refused', 'declined', 'rejected',
		'declined', 'refused', 'declined', 'failed', 'blocked', 'timeout', 'declined', 'approved'], s)
	WHEN c.cls = 'U' THEN pick(ARRAY['approved', 'approved', 'pending', 'declined', 'failed', 'blocked', 'on_hold'], s)
	ELSE pick(ARRAY['approved', 'approved', 'approved', 'approved', 'approved', 'captured', 'pending', 'declined',
		'refused', 'failed', 'error', 'timeout', 'blocked', 'on_hold', 'chargeback?', NULL, '', ' ', 'completed'], s) END
FROM (SELECT c.id || '/' || k || '/status/' AS s) v);
END $$;

-- one transaction of a customer; k >= 1000: one to be scored, not in the history
CREATE FUNCTION g_row(c cst, k int, at timestamptz) RETURNS ev LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
RETURN (SELECT (
	CASE WHEN hx(s || 'id') >= 0.08 THEN c.id || '-' || k END,
	c.id,
	CASE WHEN hx(s || 'card?') < 0.12 THEN NULL WHEN hx(s || 'card?') < 0.14 THEN ' '
		ELSE c.id || '/c' || hn(s || 'card', CASE WHEN c.cls = 'U' THEN 10 ELSE 3 END) END,
	g_amount(c, k),
	CASE WHEN g_amount(c, k) > 0 AND c.cls IN ('M', 'E', 'U', 'B') AND hx(s || 'ccy') < 0.04 THEN 'EUR'
		ELSE pick(ARRAY['USD', NULL, NULL], s || 'ccy2') END,
	at,
	CASE WHEN c.cls = 'G' AND c.i % 4 = 1 AND hx(s || 'ctry') < 0.8 THEN pick(ARRAY['FR', ' fr', 'IT'], s || 'ctry2')
		WHEN hx(s || 'ctry') < 0.7 THEN coalesce(c.home, 'US')
		ELSE pick(ARRAY['FR', 'de', ' gb ', 'US', 'IR', 'kp', 'MM', 'XX1', '', 'U1', 'CA', 'JP', NULL], s || 'ctry2') END,
	CASE WHEN hx(s || 'home?') < 0.1 THEN NULL ELSE c.home END,
	place.lat, place.lon, c.lat0, c.lon0,
	pick(ARRAY[NULL, NULL, 'present', 'present', 'pos', 'chip', 'contactless', 'swipe', 'online', 'web', 'moto',
		'kiosk', ''], s || 'channel'),
	CASE WHEN hx(s || 'm?') < 0.08 THEN NULL WHEN hx(s || 'm?') < 0.1 THEN ''
		WHEN c.cls = 'B' THEN CASE WHEN hx(s || 'm?') < 0.9 THEN 'mb' || c.i || '-' || hn(s || 'm', 60)
			ELSE 'mbnew' || c.i || '-' || k END
		WHEN hx(s || 'm?') < 0.65 THEN 'm' || c.grp || '-' || hn(s || 'm', 6)
		ELSE 'global' || hn(s || 'm', 10) END,
	CASE WHEN kind.category <> 'NULL' THEN kind.category END, CASE WHEN kind.mcc <> 'NULL' THEN kind.mcc END,
	CASE WHEN hx(s || 'ip?') < 0.12 THEN NULL
		WHEN c.cls = 'B' THEN format('91.%s.1.%s', c.i, hn(s || 'ip', 2))
		WHEN hx(s || 'ip?') < 0.72 THEN format('81.%s.7.%s', c.grp, hn(s || 'ip', 3))
		WHEN hx(s || 'ip?') < 0.85 THEN format('2a02:8:%s:1::%s', to_hex(c.grp), to_hex(1 + hn(s || 'ip', 60000)))
		ELSE pick(ARRAY['10.1.2.3', '192.168.7.7', '172.16.255.1', '172.31.0.9', '127.0.0.1', '169.254.3.3',
			'100.64.1.5', '100.127.255.254', '::1', 'fe80::1', 'fd00::12', '100.128.0.1', '172.32.0.1', '11.0.0.1'],
			s || 'ip') END::inet,
	g_status(c, k),
	CASE WHEN hx(s || 'tz') < 0.8 OR c.cls = 'L' THEN c.tz END,
	CASE WHEN k >= 1000 THEN pick(ARRAY[NULL, NULL, NULL, NULL, 0, 150.5, 600, 2000, 1000000]::numeric[], s || 'dl') END,
	CASE WHEN k >= 1000 THEN pick(ARRAY[NULL, NULL, NULL, NULL, 0, 300, 1500.25, 8000, 1000000]::numeric[], s || 'wl') END,
	pick(ARRAY[true, false, NULL], s || 'f'))::ev
FROM (SELECT c.id || '/' || k || '/row/' AS s) v,
	LATERAL (SELECT
		CASE WHEN p < 0.12 THEN NULL WHEN p < 0.14 THEN 95 WHEN p < 0.6 THEN c.lat0 + (hn(s || 'la', 9) - 4) * 0.125
			ELSE 20 + hn(s || 'la', 320) * 0.125 END AS lat,
		CASE WHEN p < 0.1 THEN NULL WHEN p < 0.6 THEN c.lon0 + (hn(s || 'lo', 9) - 4) * 0.125
			ELSE -20 + hn(s || 'lo', 640) * 0.125 END AS lon
		FROM (SELECT hx(s || 'place') AS p) p0) place,
	LATERAL (SELECT split_part(both_codes, '|', 1) AS category, split_part(both_codes, '|', 2) AS mcc
		FROM pick(ARRAY['NULL|NULL', 'NULL|NULL', 'grocery|5411', 'grocery|5411', 'grocery|NULL', 'fuel|5541', 'NULL|5812',
			'travel|NULL', 'electronics|NULL', 'Electronics|5732', 'Wire Transfer|NULL', 'wire-transfer|4829',
			'gambling|NULL', 'NULL|7995', 'crypto|6051', 'ADULT|NULL', 'grocery|5732', 'NULL|5967', 'NULL|4111',
			'transit|4112', 'NULL|57a2', '|', 'tolls|4784', 'NULL|5045'], s || 'kind') both_codes) kind);
END $$;

INSERT INTO ev SELECT r.* FROM cst c, generate_series(1, c.n) k, g_row(c, k, g_at(c, k)) r ORDER BY c.i, k, c.cls;

-- Merchants with 34 to 67 payments of 50, each by another customer, 18 hours apart.
CREATE VIEW reputation AS SELECT j, k, 'rep' || j AS merchant, timestamptz '2025-05-20 10:00+00' AS t0
FROM generate_series(1, 12) j, generate_series(1, 31 + 3 * j) k;
INSERT INTO ev (txn_id, customer_id, amount, occurred_at, merchant_id, status)
SELECT merchant || '-' || k, 'Q' || j || '-' || k, 50, t0 - k * interval '18 hours', merchant, 'approved' FROM reputation;

-- Weekday noon customers of 40 or 50 payments, one to three of them on a Saturday, one of 50 at 23 h: shares of
-- exactly 0.05 and 0.02, and beside them.
CREATE VIEW weekday AS SELECT j, k, 'W' || j AS customer,
	(date '2025-05-02' - 7 * ((k - 1) / 5) - (k - 1) % 5 - CASE WHEN k > 20 THEN 7 ELSE 0 END + CASE WHEN (k - 1) % 5 = 0 AND k / 5 < 1 + j % 3 THEN 1 ELSE 0 END
		+ CASE WHEN j >= 3 AND k = 12 THEN interval '23 hours' ELSE interval '12 hours' END + k * interval '37 seconds')
		AT TIME ZONE 'UTC' AS at
FROM generate_series(0, 5) j, generate_series(1, CASE WHEN j < 3 THEN 40 ELSE 50 END) k;
INSERT INTO ev (txn_id, customer_id, amount, occurred_at, status)
SELECT customer || '-' || k, customer, 30 + k, at, 'approved' FROM weekday;

-- One id with two times: the later row takes over the id of its predecessor (still two events).
UPDATE ev SET txn_id = customer_id || '-' || (split_part(txn_id, '-', 2)::int - 1)
WHERE customer_id !~ '^[BFLDQW]' AND hn(txn_id || 'reuse', 20) = 0 AND split_part(txn_id, '-', 2)::int > 1;

-- Versions and plain repeats. A version keeps id, time and entities; what is not approved may differ in amount.
INSERT INTO ev
SELECT txn_id, customer_id, card_id, CASE WHEN amount > 0 AND st <> 'approved' THEN amount + 1.5 ELSE amount END, currency,
	occurred_at, country, home_country, lat, lon, home_lat, home_lon, channel, merchant_id, merchant_category, mcc, ip,
	st, timezone, daily_limit, weekly_limit, is_fraud
FROM (SELECT ev.*, pick(ARRAY['pending', 'declined', 'failed', 'blocked', 'approved'], ev.txn_id || 'version') AS st
	FROM ev WHERE customer_id !~ '^[QW]' AND hn(txn_id || 'twice', 12) = 0) e;
INSERT INTO ev SELECT * FROM ev WHERE customer_id !~ '^[QW]' AND hn(coalesce(txn_id, customer_id || occurred_at::text) || 'repeat', 15) = 0;

-- Two different rows of one id, instant and rank: the tie goes by bytes no oracle knows, so keep the first.
CREATE TABLE firsts AS
SELECT DISTINCT e.ident, e.at, e.rank, e.row FROM (
	SELECT o_ident(ev) AS ident, occurred_at AS at, o_rank(o_status(status)) AS rank, ev::text AS row,
		first_value(ev::text) OVER (PARTITION BY o_ident(ev), occurred_at, o_rank(o_status(status))
			ORDER BY ev::text) AS first FROM ev) e WHERE e.row = e.first;
DELETE FROM ev WHERE NOT EXISTS (SELECT FROM firsts f WHERE f.row = ev::text);
DROP TABLE firsts;

-- Rows that are no events at all: no time, or one that no calendar of ours holds.
INSERT INTO ev SELECT r.* FROM cst c, generate_series(1, 3) a,
	g_row(c, 900 + a, CASE a WHEN 1 THEN 'infinity' WHEN 2 THEN timestamptz '4000-01-01 00:00+00' END) r
WHERE c.i % 11 = a AND c.cls IN ('M', 'E', 'B');

-- Confirmed frauds: approved events at one of the group's small merchants, known a while later; and two or three
-- among the newest of the merchants above.
SELECT o_prepare() \gset
ANALYZE ev;
ANALYZE o_ev;
WITH rows_of AS MATERIALIZED (SELECT o_ident(e) AS ident, occurred_at AS at, o_status(status) AS st, e FROM ev e),
	small AS (SELECT merch FROM o_ev GROUP BY 1 HAVING count(*) <= 32),
	one_time AS (SELECT ident FROM o_ev GROUP BY 1 HAVING count(*) = 1)
INSERT INTO lab
SELECT DISTINCT ON (o.ident, o.at) r.e, CASE WHEN hx(o.ident || 'known?') < 0.8
	THEN o.at + us((hx(o.ident || 'known') * 20 * 86400e6)::numeric)
	-- just before, at or just after the customer's instant, by a microsecond or most of a second
	ELSE c.t0 + us((hn(o.ident || 'known', 3) - 1) * pick(ARRAY[1, 400000, 999999], o.ident || 'by')::numeric) END
FROM o_ev o JOIN small USING (merch) JOIN one_time USING (ident) JOIN cst c ON c.id = o.cust
	JOIN rows_of r ON r.ident = o.ident AND r.at = o.at AND r.st = 'approved'
WHERE o.base AND o.cust ~ '^[MGE]' AND o.merch ~ '^m[0-9]'
AND hx(o.ident || 'fraud') < CASE WHEN o.merch ~ '-[01]$' THEN 0.4 ELSE 0.08 END
ORDER BY o.ident, o.at;
INSERT INTO lab
SELECT e, t0 - interval '1 hour' FROM reputation JOIN ev e ON txn_id = merchant || '-' || k
WHERE k IN (3, 7) OR k = 11 AND j % 3 = 0;
SELECT o_prepare() \gset
ANALYZE ev;
ANALYZE o_ev;

CREATE TABLE key_size AS
SELECT entity, key, count(*)::int AS n, min(at) AS first_at, max(at) AS last_at,
	max(at) FILTER (WHERE rn > 32) AS left_at,				-- the newest event outside the newest 32
	min(at) FILTER (WHERE rn <= 32) AS kept_from, bool_or(known_at IS NOT NULL) AS labelled,
	min(at) FILTER (WHERE known_at IS NOT NULL) AS fraud_at	-- the oldest confirmed fraud
FROM o_ev, LATERAL (VALUES ('customer', cust, c_rn), ('ip', ipk, i_rn), ('merchant', merch, m_rn)) v(entity, key, rn)
WHERE key IS NOT NULL
GROUP BY 1, 2;
ALTER TABLE key_size ADD PRIMARY KEY (entity, key);

-- ---- transactions to score (left out where a test sets ff_no_tx) ----

\if :{?ff_no_tx}
\else

CREATE TABLE tx (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, cust text, t ev, ck text, ik text, mk text);

CREATE TABLE made (kind text, cust text, t ev, ck text);
INSERT INTO made
SELECT 'new', id, g_row(c, 1001, t0), id FROM cst c
UNION ALL SELECT 'new later', id, g_row(c, 1002, t0 + us((hx(id || 'nl') * 3 * 86400e6)::numeric)), id FROM cst c
UNION ALL SELECT 'new late', id, g_row(c, 1003, t0 - us((hx(id || 'la') * 2 * 86400e6)::numeric)), id FROM cst c
UNION ALL SELECT 'habit', id, g_row(c, 1010 + j, t0 + j * interval '5 hours'), id
	FROM cst c, generate_series(1, 10) j WHERE cls = 'L'
UNION ALL SELECT 'dormant', id, g_row(c, 1030 + j, t0 + us(j)), id FROM cst c, generate_series(-1, 1) j WHERE cls = 'D'
-- before everything: nothing is known yet
UNION ALL SELECT 'first', id, g_row(c, 1004, k.first_at - interval '1 second'), id
	FROM cst c JOIN key_size k ON entity = 'customer' AND key = id WHERE k.n < 32
-- an event of the history stands exactly on the old edge of a window, or beside it
UNION ALL SELECT 'edge', id, g_row(c, 1100 + j, o.at + interval '1 second' * edge_seconds(id || 'tx edge' || j)
		+ us(hn(id || 'tx side' || j, 3) - 1)), id
	FROM cst c, generate_series(1, 3) j, LATERAL (SELECT at FROM o_ev WHERE cust = id AND at < c.t0
		ORDER BY md5(ident || j) LIMIT 1) o
-- odd amounts
UNION ALL SELECT 'amount missing', id, g_row(c, 1005, t0), id FROM cst c WHERE i % 4 = 0
UNION ALL SELECT 'refund', id, g_row(c, 1006, t0), id FROM cst c WHERE i % 4 = 1
UNION ALL SELECT 'card check', id, g_row(c, 1007, t0), id FROM cst c WHERE i % 4 = 2
-- histories not looked at, not there, not needing the id in the row
UNION ALL SELECT 'unavailable', id, g_row(c, 1008, t0), '!' FROM cst c WHERE i % 4 = 3
UNION ALL SELECT 'no history', id, g_row(c, 1009, t0), NULL FROM cst c WHERE i % 4 = 3
UNION ALL SELECT 'no customer', id, g_row(c, 1021, t0), NULL FROM cst c WHERE i % 8 = 2
UNION ALL SELECT 'id not in the row', id, g_row(c, 1022, t0), id FROM cst c WHERE i % 4 = 2
UNION ALL SELECT 'time missing', id, g_row(c, 1023, CASE i % 3 WHEN 0 THEN 'infinity'::timestamptz END), id
	FROM cst c WHERE i % 5 = 3
-- merchants with a reputation, for somebody new
UNION ALL SELECT 'reputation', 'Q' || merchant || h, ('new ' || merchant || h, 'Q' || merchant || h, NULL, 70, NULL,
		t0 + h * interval '12 hours', NULL, NULL, NULL, NULL, NULL, NULL, NULL, merchant, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL)::ev, NULL FROM reputation, generate_series(0, 90, 15) h WHERE k = 1
-- so far north of the newest place, so many seconds later: 200, 500, 2000 km, 900 km/h, 24 h, less than a minute
UNION ALL SELECT 'far', cust, ('far ' || cust || d, cust, NULL, 40, NULL, at + us((dt * 1e6)::numeric), NULL, NULL, lat + d, lon,
		NULL, NULL, 'present', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ev, cust
	FROM (SELECT DISTINCT ON (cust) cust, at, lat, lon, count(*) OVER (PARTITION BY cust, at) AS same
			FROM o_ev WHERE appr AND located AND cust ~ '^[GFB]' ORDER BY cust, at DESC) o,
		(VALUES (1.7981, 600), (1.7991, 600), (4.4961, 7200), (4.4971, 7200), (17.9859, 86400), (17.9869, 86400),
			(8.9932, 3995), (8.9932, 4005), (5.4, 86400), (5.4, 86400.000001), (2.1, 0.000001), (2.1, 30)) v(d, dt)
	WHERE same = 1
UNION ALL SELECT 'weekday', customer, ('weekday ' || customer || h, customer, NULL, 40, NULL,
		timestamptz '2025-05-03 12:30+00' + h * interval '1 hour', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL)::ev, customer FROM weekday, generate_series(0, 60, 11) h WHERE k = 1
-- transactions that stand in the history already: as they are; with the same id and other facts
UNION ALL SELECT 'inside', cust, e, cust FROM (
	SELECT customer_id AS cust, e, row_number() OVER (PARTITION BY customer_id ORDER BY md5(e::text)) AS rn
	FROM ev e WHERE o_time(occurred_at) IS NOT NULL) r WHERE rn <= CASE WHEN cust ~ '^B' THEN 12 ELSE 4 END
UNION ALL SELECT 'inside, new facts', cust, (txn_id, customer_id, card_id, amount * 2, currency, t0, country, home_country,
		lat, lon, home_lat, home_lon, channel, merchant_id, merchant_category, mcc, ip, status, timezone,
		NULL, NULL, is_fraud)::ev, cust
	FROM (SELECT customer_id AS cust, e.*, c.t0, row_number() OVER (PARTITION BY customer_id ORDER BY md5(txn_id)) AS rn
		FROM ev e JOIN cst c ON c.id = customer_id
		WHERE o_text(txn_id) IS NOT NULL AND o_time(occurred_at) IS NOT NULL AND cls <> 'B') r WHERE rn = 1;

UPDATE made SET t.amount = NULL WHERE kind = 'amount missing' AND hn(cust, 2) = 0;
UPDATE made SET t.amount = 'NaN' WHERE kind = 'amount missing' AND hn(cust, 2) = 1;
UPDATE made SET t.amount = -50, t.currency = NULL WHERE kind = 'refund';
UPDATE made SET t.amount = 0, t.currency = NULL WHERE kind = 'card check';
UPDATE made SET t.customer_id = CASE WHEN hn(cust, 2) = 0 THEN ' ' END WHERE kind IN ('no customer', 'id not in the row');
UPDATE made SET t.amount = 80 WHERE kind = 'dormant' AND hn(cust, 4) > 0;

-- A transaction uses the histories of the address and the merchant in its row; none where nothing is stored.
CREATE FUNCTION add_tx(m made) RETURNS void LANGUAGE sql AS $$
	INSERT INTO tx (kind, cust, t, ck, ik, mk)
	SELECT m.kind, m.cust, m.t, (SELECT key FROM key_size WHERE entity = 'customer' AND key = m.ck
								 UNION ALL SELECT '!' WHERE m.ck = '!'),
		CASE WHEN m.kind = 'unavailable' THEN '!' ELSE
			(SELECT key FROM key_size WHERE entity = 'ip' AND key = o_ip((m.t).ip)) END,
		CASE WHEN m.kind = 'unavailable' THEN '!' ELSE
			(SELECT key FROM key_size WHERE entity = 'merchant' AND key = (m.t).merchant_id) END $$;
SELECT count(add_tx(m)) AS n FROM (SELECT m FROM made m ORDER BY m.cust, m.kind, m::text) s \gset

-- Boundary amounts: for the newcomer at t0 the amounts where a comparison turns, and one ten-thousandth more.
TRUNCATE made;
INSERT INTO made
SELECT 'boundary', x.cust, x.t, x.ck FROM (
	SELECT DISTINCT x.cust, x.ck, trunc(b.amt, 4) + more.amt AS amt, x.t
	FROM tx x, o_facts(x.t, x.ck, NULL, NULL, 'true') f,
		LATERAL (SELECT o_limit(f.dlim, 2000, f.sp90, f.days90) - f.sp24 + greatest(f.amt, 0) AS day,
			o_limit(f.wlim, 8000, f.sp90, f.weeks90) - f.sp7 + greatest(f.amt, 0) AS week) l,
		LATERAL (VALUES (5 * f.s / nullif(f.n, 0)), (f.s / nullif(f.n, 0)), (1.5 * f.mx),
			(f.s / nullif(f.n, 0) + 3 * o_stddev(f.n, f.s, f.q)), (l.day), (l.week),
			(pick(ARRAY[500, 5000, 1000, 25, 200, 50]::numeric[], x.cust || 'b1')),
			(pick(ARRAY[500, 5000, 1000, 25, 200, 50]::numeric[], x.cust || 'b2'))) b(amt),
		(VALUES (0::numeric), (0.0001)) more(amt)
	WHERE x.kind = 'new' AND hn(x.cust, 3) > 0 AND b.amt BETWEEN 0 AND 1e11) y,
	LATERAL (SELECT y.cust, y.ck, ((y.t).txn_id, (y.t).customer_id, (y.t).card_id, y.amt, NULL, (y.t).occurred_at, (y.t).country,
		(y.t).home_country, (y.t).lat, (y.t).lon, (y.t).home_lat, (y.t).home_lon, (y.t).channel, (y.t).merchant_id,
		(y.t).merchant_category, (y.t).mcc, (y.t).ip, (y.t).status, (y.t).timezone, (y.t).daily_limit, (y.t).weekly_limit,
		NULL)::ev AS t) x;
SELECT count(add_tx(m)) AS n FROM (SELECT m FROM made m ORDER BY m.cust, m.kind, m::text) s \gset
DROP FUNCTION add_tx(made);
DROP TABLE made;
ANALYZE tx;
\endif

\if :{?ff_part}
\else
-- Every kind of history must be there, or the comparisons prove little.
SELECT chk('histories: sizes from none to 400 distinct events', 1, $$
	SELECT count(DISTINCT n) FILTER (WHERE n <= 32) < 31 OR count(*) FILTER (WHERE n > 32) < 38 OR max(n) < 380
		OR (SELECT count(*) FROM cst WHERE cls <> 'B' AND NOT EXISTS (SELECT FROM o_ev WHERE cust = id)) < 5
		OR bool_or(n > 32 AND key !~ '^[BW]'), format('%s sizes, largest %s', count(DISTINCT n), max(n))
	FROM key_size WHERE entity = 'customer' $$);
SELECT chk('histories: repeats, versions, ids with two times, rows without id, rows at the scored instant', 1, $$
	SELECT least(repeats, versions, two_times, no_id, same_instant, later) < 50,
		format('%s %s %s %s %s %s', repeats, versions, two_times, no_id, same_instant, later)
	FROM (SELECT count(*) FROM (SELECT FROM ev GROUP BY ev HAVING count(*) > 1) s) r(repeats),
		(SELECT count(*) FROM (SELECT FROM ev GROUP BY txn_id, occurred_at
			HAVING count(DISTINCT o_status(status)) > 1) s) v(versions),
		(SELECT count(*) FROM (SELECT FROM ev GROUP BY txn_id HAVING count(DISTINCT occurred_at) > 1) s) t(two_times),
		(SELECT count(*) FROM ev WHERE txn_id IS NULL) i(no_id),
		(SELECT count(*) FROM tx x JOIN ev e ON e.customer_id = x.ck AND e.occurred_at = (x.t).occurred_at
			WHERE kind = 'new') s(same_instant),
		(SELECT count(*) FROM tx x JOIN ev e ON e.customer_id = x.ck AND e.occurred_at > (x.t).occurred_at) l(later) $$);
SELECT chk('histories: customers, addresses and merchants with confirmed frauds', 1, $$
	SELECT count(*) < 100 OR count(*) FILTER (WHERE m >= 2) < 20, format('%s', count(*))
	FROM (SELECT (e).merchant_id, count(*) OVER (PARTITION BY (e).merchant_id) AS m FROM lab) l $$);
SELECT chk('histories: big ones are free of repeats except of rows at the same instant', 1, $$
	SELECT bool_or(d.n > 1), min(d.key) FROM (SELECT txn_id AS key, count(DISTINCT occurred_at) AS n FROM ev
		WHERE customer_id ~ '^B' AND txn_id IS NOT NULL GROUP BY 1) d $$);
SELECT chk_summary();
DROP SCHEMA ff_histories CASCADE;
\endif
