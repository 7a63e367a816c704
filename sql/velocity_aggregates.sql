-- velocity_count(ts, win), velocity_sum(amount, ts, win), velocity_distinct(item, ts, win):
-- the most in any span (t - win, t] of the group
CREATE SCHEMA regress_velocity_aggregates;
SET search_path = regress_velocity_aggregates, public;
SET timezone = 'UTC';
\set VERBOSITY terse

CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE TABLE pay (id int, card text, amount numeric, at timestamptz);
INSERT INTO pay VALUES
	(1, 'a', 10.5, '2026-03-01 12:00Z'),
	(2, 'b', 20, '2026-03-01 12:10Z'),
	(3, 'a', 30.25, '2026-03-01 12:59:59.999999Z'),
	(4, 'c', -5, '2026-03-01 13:00Z'),		-- exactly an hour after 1: not in one span
	(5, 'c', 100, '2026-03-02 13:00Z'),
	(6, 'c', 1, '2026-03-02 13:00Z'),		-- the same time
	(7, NULL, NULL, '2026-03-01 12:30Z'),
	(8, 'd', 1000, NULL);
SELECT velocity_count(at, '1 hour'), velocity_sum(amount, at, '1 hour'), velocity_distinct(card, at, '1 hour') FROM pay;

-- both edges, to the microsecond
SELECT n, velocity_count(at, win) AS count, velocity_sum(1, at, win) AS sum, velocity_distinct(at, at, win) AS distinct
FROM (VALUES
	(1, interval '1 hour', '{12:00, 13:00}'::text[]),
	(2, '1 hour 0.000001 seconds', '{12:00, 13:00}'),
	(3, '1 hour', '{12:00:00.000001, 13:00}'),
	(4, '0.000001 seconds', '{12:00, 12:00, 12:00:00.000001}'),
	(5, '0.000002 seconds', '{12:00, 12:00, 12:00:00.000001}'),
	-- a month is 30 days, a day 24 hours, whatever their mix
	(6, '1 month', '{2026-03-01, 2026-03-31}'),
	(7, '1 month 0.000001 seconds', '{2026-03-01, 2026-03-31}'),
	(8, '1 month -29 days -23 hours', '{12:00, 12:59:59.999999, 13:00}'),
	-- as far as time goes
	(9, '106751991 days 04:00:54.775807', '{2000-01-01, 294276-12-31 23:59:59.999999}'),
	(10, '106751991 days 04:00:54.775807', '{4713-11-24 BC, 2000-01-01, 294276-12-31 23:59:59.999999}'),
	(11, '1 second', '{294276-12-31 23:59:59.999999, 4713-11-24 BC, 4713-11-24 BC}')
) AS c (n, win, ats), LATERAL unnest(ats) AS a, LATERAL (SELECT CASE WHEN a ~ '-' THEN a ELSE '2026-03-01 ' || a END::timestamptz AS at) AS t
GROUP BY n ORDER BY n;

-- nothing there, or nothing that counts
SELECT velocity_count(at, '1 hour'), velocity_sum(amount, at, '1 hour'), velocity_distinct(card, at, '1 hour') FROM pay WHERE false;
SELECT velocity_count(at, '1 hour'), velocity_sum(amount, at, '1 hour'), velocity_distinct(card, at, '1 hour') FROM pay WHERE at IS NULL;
SELECT velocity_count(at, '1 hour'), velocity_sum(amount, at, '1 hour'), velocity_distinct(card, at, '1 hour') FROM pay WHERE id = 7;
SELECT velocity_count(NULL, '1 hour'), velocity_sum(NULL, NULL, '1 hour'), velocity_distinct(NULL::text, NULL, '1 hour') FROM pay;

-- what is no window, no moment, no item
SELECT n AS "case", raised(format('SELECT %s FROM pay', call)) AS got
FROM (VALUES
	(1, $$velocity_count(at, NULL)$$),
	(2, $$velocity_sum(amount, at, NULL)$$),
	(3, $$velocity_distinct(card, at, NULL)$$),
	(4, $$velocity_count(at, '0')$$),
	(5, $$velocity_sum(amount, at, '-1 hour')$$),
	(6, $$velocity_distinct(card, at, '1 month -30 days')$$),
	(7, $$velocity_count(at, '1 day -25 hours')$$),
	(8, $$velocity_count(at, '170000000 years')$$),
	(9, $$velocity_count(at, '-170000000 years')$$),
	(10, $$velocity_count(at, id * interval '1 hour')$$),
	(11, $$velocity_sum(amount, at, id * interval '1 hour')$$),
	(12, $$velocity_distinct(card, at, id * interval '1 hour')$$),
	(13, $$velocity_count(at, CASE WHEN id > 4 THEN interval '1 hour' END)$$),
	-- the window of a row that does not count is read all the same
	(14, $$velocity_count(at, CASE WHEN id = 8 THEN interval '2 hours' ELSE '1 hour' END)$$),
	(15, $$velocity_count(at, CASE id % 3 WHEN 0 THEN interval '1 month' WHEN 1 THEN '30 days' ELSE '720 hours' END)$$),
	(16, $$velocity_count('infinity', '1 hour')$$),
	(17, $$velocity_sum(amount, '-infinity', '1 hour')$$),
	(18, $$velocity_distinct(card, 'infinity', '1 hour')$$),
	(19, $$velocity_count('infinity', '1 hour') FILTER (WHERE id < 0)$$),
	(20, $$velocity_distinct('{}'::json, at, '1 hour')$$),
	(21, $$velocity_distinct('<a/>'::xml, at, '1 hour')$$),
	(22, $$velocity_distinct(point '(1,2)', at, '1 hour')$$),
	(23, $$velocity_distinct(ARRAY[json '1'], at, '1 hour')$$),
	(24, $$velocity_sum(card, at, '1 hour')$$),
	(25, $$velocity_count(card, '1 hour')$$)
) AS v (n, call) ORDER BY n;
\set VERBOSITY default
SELECT velocity_count(at, id * interval '1 hour') FROM pay;
SELECT velocity_count(at, NULL) FROM pay;
SELECT velocity_count(at, '0') FROM pay;
SELECT velocity_sum(amount, 'infinity', '1 hour') FROM pay;
SELECT velocity_distinct(json '1', at, '1 hour') FROM pay;
\set VERBOSITY terse

-- ---- sums

-- amounts may be negative: the largest over the rows of what their own spans sum up to
SELECT velocity_sum(amount, at, '1 hour') FROM pay WHERE id = 4;
SELECT velocity_sum(a, '2026-03-01 12:00Z'::timestamptz + m * interval '1 minute', '10 minutes')
FROM (VALUES (50, 0), (-20, 0), (-40, 1), (5, 9), (6, 10)) AS v (a, m);
-- exact, in the places of the finest amount, whatever their size
SELECT n, velocity_sum(a::numeric, at, '1 hour'), sum(a::numeric)
FROM (VALUES
	(1, '{0.1, 0.2}'::text[]), (2, '{1, 2.50, 0.500}'), (3, '{-1.5, -2.25}'), (4, '{0, 0.00}'), (5, '{-0.000, 0}'),
	(6, '{12345678901234567, 0.01}'), (7, '{999999999999999999, 1}'), (8, '{9223372036854775807, 0.1}'), (9, '{-9223372036854775808, -1}'),
	(10, '{1.000000000000000001, -1.0000000000000000000}'), (11, '{9.223372036854775807, 0.000000000000000001}'),
	-- up to 35 digits and 31 places are one representation, more another
	(12, '{99999999999999999999999999999999999, 1}'), (13, '{-100000000000000000000000000000000000, 1}'),
	(14, '{0.0000000000000000000000000000001, 1}'), (15, '{0.00000000000000000000000000000001, 1}'),
	(16, '{85070591, 0.7302346158652931636923005312512, 5}'), (17, '{99999999, 0.0000000000000000000000000000001}'),
	(18, '{1e40, 1e-40}'), (19, '{1e100, -1e100, 0.5}'), (20, '{1.5, 1e40}'), (21, '{1e40, 1.50}'),
	(22, '{NaN, 1}'), (23, '{1, NaN, Infinity}'), (24, '{Infinity, 1.5}'), (25, '{-Infinity, 1}'),
	(26, '{Infinity, -Infinity}'), (27, '{1.25, -Infinity, -2}')
) AS c (n, list), LATERAL unnest(list) AS a, (VALUES (timestamptz '2026-03-01 12:00Z')) AS t (at)
GROUP BY n ORDER BY n;
-- NaN is more than all, as everywhere; what has left the span no longer counts
SELECT id, velocity_sum(a, t, '1 hour') OVER (ORDER BY t) AS so_far, velocity_sum(a, t, '1 hour') OVER (ORDER BY t ROWS 1 PRECEDING) AS of_two
FROM (VALUES (1, '1.50'::numeric, 0), (2, '-Infinity', 1), (3, '7', 3), (4, 'Infinity', 5), (5, '-1', 7), (6, 'NaN', 9), (7, '3', 11), (8, '1e25', 13)) AS v (id, a, h),
	 LATERAL (SELECT timestamptz '2026-03-01 12:00Z' + h * interval '25 minutes' AS t) AS t
ORDER BY id;
SELECT raised($$SELECT velocity_sum(a, t, '1 hour') FROM (VALUES (repeat('9', 131072)::numeric), (repeat('9', 131072)::numeric)) AS v (a), now() AS t$$);
-- float8 has no implicit cast to numeric: say which decimals are meant
SELECT raised($$SELECT velocity_sum(0.1::float8, at, '1 hour') FROM pay$$), velocity_sum(0.1::float8::numeric, at, '1 hour') FROM pay;
SELECT velocity_sum(id, at, '1 hour') FROM pay;

-- ---- items

CREATE TYPE mood AS ENUM ('ok', 'meh');
CREATE DOMAIN code AS text CHECK (value <> '');
CREATE TYPE pair AS (a int, b text);
-- what the type calls equal
SELECT velocity_distinct(v::int, t, '1 h') AS int4, velocity_distinct(v::numeric / 1.0, t, '1 h') AS numeric,
	   velocity_distinct(v::float8, t, '1 h') AS float8, velocity_distinct(v::text, t, '1 h') AS text,
	   velocity_distinct(v::text::name, t, '1 h') AS name, velocity_distinct(v::text::code, t, '1 h') AS domain,
	   velocity_distinct(v::int::bool, t, '1 h') AS bool, velocity_distinct(CASE v::int WHEN 1 THEN mood 'ok' ELSE 'meh' END, t, '1 h') AS enum,
	   velocity_distinct(v::text::money, t, '1 h') AS money, velocity_distinct(v::int::bit(4), t, '1 h') AS bit,
	   velocity_distinct(v::int::text::xid, t, '1 h') AS xid, velocity_distinct((v::text || '.0.0.1')::inet, t, '1 h') AS inet
FROM (VALUES ('1'), ('1'), ('2'), ('2'), ('3'), ('3')) AS v (v), (VALUES (timestamptz '2026-03-01')) AS t (t);
SELECT velocity_distinct(x, t, '1 h') AS numeric, velocity_distinct(ARRAY[x], t, '1 h') AS numerics, velocity_distinct((x::int, 'b')::pair, t, '1 h') AS composite,
	   velocity_distinct(ROW(x, 1), t, '1 h') AS record, velocity_distinct(ROW(x::int::money, 1), t, '1 h') AS sorted_record,
	   velocity_distinct(to_jsonb(x), t, '1 h') AS jsonb, velocity_distinct(-x::float8, t, '1 h') AS zero
FROM (VALUES (0, 1.0), (0, 1.00), (0, 1), (0, 2.5)) AS v (_, x), (VALUES (timestamptz '2026-03-01')) AS t (t);
SELECT velocity_distinct(x, t, '1 h') AS zeroes FROM (VALUES (float8 '0'), ('-0'), ('NaN'), ('NaN')) AS v (x), (VALUES (timestamptz '2026-03-01')) AS t (t);
-- the collation is the argument's
SELECT count(*) > 0 AS icu FROM pg_collation WHERE collname = 'und-x-icu' \gset
\if :icu
CREATE COLLATION regardless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT velocity_distinct(x COLLATE regardless, t, '1 h') AS regardless, velocity_distinct(x, t, '1 h') AS strict FROM (VALUES ('Ab'), ('aB'), ('c')) AS v (x), (VALUES (timestamptz '2026-03-01')) AS t (t);
\else
SELECT 2 AS regardless, 3 AS strict;
\endif
-- large values, stored elsewhere and compressed
CREATE TABLE large (id int, doc text, at timestamptz);
ALTER TABLE large ALTER doc SET STORAGE external;
INSERT INTO large SELECT i, repeat(chr(97 + i % 3), 10000), timestamptz '2026-03-01' + i * interval '1 minute' FROM generate_series(1, 12) AS i;
ALTER TABLE large ALTER doc SET STORAGE main;
INSERT INTO large SELECT i, repeat(chr(97 + i % 4), 10000), timestamptz '2026-03-01' + i * interval '1 minute' FROM generate_series(13, 24) AS i;
SELECT velocity_distinct(doc, at, '3 minutes') AS three, velocity_distinct(doc, at, '1 hour') AS hour, velocity_distinct(ARRAY[doc], at, '1 hour') AS arrays FROM large;
SELECT string_agg(d::text, ' ' ORDER BY id) FROM (SELECT id, velocity_distinct(doc, at, '1 hour') OVER (ORDER BY at ROWS 2 PRECEDING) AS d FROM large) AS w;

-- ---- as other aggregates

SELECT velocity_count(DISTINCT at, '1 day'), velocity_sum(DISTINCT amount, at, '1 day'), velocity_distinct(DISTINCT card, at, '1 day'),
	   velocity_count(at, '1 day') FILTER (WHERE amount > 15), velocity_sum(amount, at, '1 day') FILTER (WHERE card = 'a'),
	   velocity_distinct(card, at, '1 day' ORDER BY amount DESC), velocity_count(at, '1 day' ORDER BY at DESC) FROM pay;
SELECT coalesce(card, '(null)') AS card, velocity_count(at, '1 hour') AS count, velocity_sum(amount, at, '1 hour') AS sum, velocity_distinct(amount, at, '1 hour') AS distinct,
	   velocity_count(at, '1 hour') + velocity_count(at, '2 hours') AS twice
FROM pay GROUP BY card ORDER BY card;
SELECT card, id % 2 AS odd, velocity_count(at, '1 hour'), velocity_sum(amount, at, '1 hour'), velocity_distinct(card, at, '1 hour')
FROM pay WHERE card < 'd' GROUP BY GROUPING SETS ((card), (id % 2), ()) ORDER BY card, odd;
SELECT aggfnoid::regprocedure, aggfinalmodify, aggmfinalmodify, aggcombinefn <> 0 AS combines, aggmtransfn <> 0 AND aggminvtransfn <> 0 AS moves, proparallel, provolatile
FROM pg_aggregate JOIN pg_proc ON oid = aggfnoid WHERE proname ~ '^velocity_' ORDER BY proname;

-- order of arrival does not matter
CREATE TABLE ev AS
SELECT i AS id, i % 7 AS g, timestamptz '2026-03-01' + (i * 7919 % 1000) * interval '7 seconds' AS at,
	   CASE WHEN i % 11 <> 0 THEN (i * 31 % 400 - 100)::numeric / (10 ^ (i % 3))::int END::numeric(10, 2) AS amount,
	   CASE WHEN i % 13 <> 0 THEN 'm' || i * 17 % 23 END AS item
FROM generate_series(1, 1200) AS i;
INSERT INTO ev SELECT 1200 + i, i % 7, NULL, i, 'none' FROM generate_series(1, 20) AS i;
CREATE VIEW answers AS
SELECT g, velocity_count(at, '5 minutes') AS c, velocity_sum(amount, at, '5 minutes') AS s, velocity_distinct(item, at, '5 minutes') AS d,
	   velocity_distinct(amount::float8::text::money, at, '5 minutes') AS m FROM ev GROUP BY g;
CREATE TABLE plain AS TABLE answers;
SELECT * FROM plain ORDER BY g;
SELECT count(*) AS groups, count(*) FILTER (WHERE ROW(p.*)::text = ROW(o.*)::text) AS same
FROM plain AS p JOIN (SELECT g, velocity_count(at, '5 minutes' ORDER BY at), velocity_sum(amount, at, '5 minutes' ORDER BY at DESC), velocity_distinct(item, at, '5 minutes' ORDER BY id DESC),
							 velocity_distinct(amount::float8::text::money, at, '5 minutes' ORDER BY amount) FROM ev GROUP BY g) AS o USING (g);

-- ---- parallel

ANALYZE ev;
ALTER TABLE ev SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT g, velocity_count(at, '5 minutes'), velocity_sum(amount, at, '5 minutes'), velocity_distinct(item, at, '5 minutes') FROM ev GROUP BY g;
SELECT count(*) AS groups, count(*) FILTER (WHERE ROW(p.*)::text = ROW(a.*)::text) AS same FROM plain AS p JOIN answers AS a USING (g);
RESET enable_sort;
SET parallel_leader_participation = off;
SELECT count(*) AS groups, count(*) FILTER (WHERE ROW(p.*)::text = ROW(a.*)::text) AS same FROM plain AS p JOIN answers AS a USING (g);
CREATE VIEW all_in_one AS
SELECT velocity_count(at, '5 minutes') AS c, velocity_sum(amount, at, '5 minutes') AS s, velocity_distinct(item, at, '5 minutes') AS d, velocity_distinct(id::bit(12), at, '5 minutes') AS bits,
	   velocity_sum(amount * 1e20, at, '5 minutes') AS long, velocity_sum(amount * 1e40, at, '5 minutes') AS wide, velocity_sum(CASE id WHEN 600 THEN 'NaN' WHEN 700 THEN 'Infinity' ELSE amount END, at, '5 minutes') AS nan,
	   velocity_sum(CASE id % 100 WHEN 0 THEN 1e-40 ELSE amount END, at, '5 minutes') AS mixed,
	   velocity_distinct(ROW(g, item), at, '5 minutes') AS records, velocity_distinct(repeat(item, 2000), at, '5 minutes') AS large,
	   velocity_count(at, '5 minutes') FILTER (WHERE id < 0) AS no_count, velocity_sum(amount, at, '5 minutes') FILTER (WHERE id < 0) AS no_sum,
	   velocity_count(at, '5 minutes') FILTER (WHERE at IS NULL) AS ignored
FROM ev;
EXPLAIN (COSTS OFF) SELECT * FROM all_in_one;
SELECT * FROM all_in_one \gx
SELECT a::text AS in_parallel FROM all_in_one AS a \gset
SET max_parallel_workers_per_gather = 0;
SELECT a::text = :'in_parallel' AS same FROM all_in_one AS a;
-- windows are compared when states meet
SET max_parallel_workers_per_gather = 2;
SELECT raised('SELECT velocity_count(at, ''1 hour'' + CASE WHEN id = 900 THEN interval ''1 hour'' ELSE ''0'' END) FROM ev');
RESET parallel_leader_participation;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- ---- windows

SELECT id, velocity_count(at, '1 hour') OVER w AS count, velocity_sum(amount, at, '1 hour') OVER w AS sum, velocity_distinct(card, at, '1 hour') OVER w AS distinct,
	   velocity_count(at, '1 hour') OVER m AS count_2, velocity_sum(amount, at, '1 hour') OVER m AS sum_2, velocity_distinct(card, at, '1 hour') OVER m AS distinct_2
FROM pay WINDOW w AS (ORDER BY id), m AS (ORDER BY id ROWS 1 PRECEDING) ORDER BY id;

-- frames that grow, move, jump and fall empty; rows in order of time, against it, in no order:
-- each answer is compared with the plain aggregate over the rows of the frame
CREATE TABLE seq AS
SELECT *, row_number() OVER (ORDER BY at NULLS FIRST, id) AS up, row_number() OVER (ORDER BY at DESC NULLS LAST, id) AS down, row_number() OVER (ORDER BY md5(id::text)) AS mixed
FROM ev WHERE g IN (1, 2) OR at IS NULL AND g = 3;
CREATE FUNCTION compared(by text, win interval, pre int, fol int, amount text, OUT row_count bigint, OUT differ bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($q$
		WITH input AS (SELECT *, (%7$s)::numeric AS a, CASE WHEN item <> 'none' THEN substr(item, 2)::money END AS m FROM seq),
		f AS (
			SELECT %1$I AS n, velocity_count(at, %2$L) OVER w AS c, velocity_sum(a, at, %2$L) OVER w AS s, velocity_distinct(item, at, %2$L) OVER w AS d,
				   velocity_distinct(m, at, %2$L) OVER w AS m
			FROM input WINDOW w AS (ORDER BY %1$I ROWS BETWEEN %3$s AND %4$s))
		SELECT count(*), count(*) FILTER (WHERE (f.c, f.s::text, f.d, f.m) IS DISTINCT FROM (p.c, p.s::text, p.d, p.d))
		FROM f, LATERAL (SELECT velocity_count(at, %2$L) AS c, velocity_sum(a, at, %2$L) AS s, velocity_distinct(item, at, %2$L) AS d
						 FROM input WHERE %1$I BETWEEN f.n + %5$s AND f.n + %6$s) AS p $q$,
		by, win, coalesce(CASE WHEN pre < 0 THEN -pre || ' PRECEDING' ELSE pre || ' FOLLOWING' END, 'UNBOUNDED PRECEDING'),
		coalesce(CASE WHEN fol < 0 THEN -fol || ' PRECEDING' ELSE fol || ' FOLLOWING' END, 'UNBOUNDED FOLLOWING'),
		coalesce(pre, -10000), coalesce(fol, 10000), amount) INTO row_count, differ;
END $$;
SELECT v.by, f.pre, f.fol, sum(row_count) AS rows, sum(differ) AS differ
FROM (VALUES ('up'), ('down'), ('mixed')) AS v (by),
	 (VALUES (NULL, 0), (0, NULL), (-1, 0), (-9, 0), (-60, 0), (-20, 20), (-3, -2), (5, 25), (-60, -30), (0, 0), (400, 500)) AS f (pre, fol),
	 (VALUES (interval '1 second'), ('10 minutes'), ('2 days')) AS i (win),
	 (VALUES ('amount')) AS a (amount),
	 LATERAL compared(v.by, win, pre, fol, amount)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- no negative amounts; many decimals come and go; long and very long ones; NaN and infinities come and go
SELECT v.by, a.kind, sum(row_count) AS rows, sum(differ) AS differ
FROM (VALUES ('up'), ('down'), ('mixed')) AS v (by),
	 (VALUES (NULL, 0), (-9, 0), (-60, 0), (-60, -30)) AS f (pre, fol),
	 (VALUES (interval '10 minutes'), ('2 days')) AS i (win),
	 (VALUES ('positive', 'abs(amount)'), ('decimals', 'CASE id % 40 WHEN 0 THEN 1e-12 WHEN 1 THEN 0.5 ELSE trunc(amount) END'),
			 ('long', 'amount * 123456789012345678901'), ('wide', 'amount * 1e40'), ('turns wide', $$CASE WHEN id % 40 = 0 THEN 1e-40 ELSE amount END$$),
			 ('special', $$CASE id % 60 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN 'Infinity' ELSE amount END$$)) AS a (kind, amount),
	 LATERAL compared(v.by, win, pre, fol, amount)
GROUP BY 1, 2 ORDER BY 1, 2;
-- frames by time and by group of equal times, and with rows left out
SELECT count(*) AS rows, count(*) FILTER (WHERE (c, s, d) IS DISTINCT FROM (SELECT ROW(velocity_count(at, '1 minute'), velocity_sum(amount, at, '1 minute'), velocity_distinct(item, at, '1 minute'))
		FROM seq AS p WHERE p.at BETWEEN w.at - interval '3 minutes' AND w.at)) AS differ
FROM (SELECT at, velocity_count(at, '1 minute') OVER f AS c, velocity_sum(amount, at, '1 minute') OVER f AS s, velocity_distinct(item, at, '1 minute') OVER f AS d
	  FROM seq WHERE at IS NOT NULL WINDOW f AS (ORDER BY at RANGE '3 minutes' PRECEDING)) AS w;
SELECT count(*) AS rows, count(*) FILTER (WHERE (c, s, d) IS DISTINCT FROM (SELECT ROW(velocity_count(at, '1 minute'), velocity_sum(amount, at, '1 minute'), velocity_distinct(item, at, '1 minute'))
		FROM seq AS p WHERE p.at BETWEEN w.at - interval '3 minutes' AND w.at AND p.id <> w.id)) AS differ
FROM (SELECT id, at, velocity_count(at, '1 minute') OVER f AS c, velocity_sum(amount, at, '1 minute') OVER f AS s, velocity_distinct(item, at, '1 minute') OVER f AS d
	  FROM seq WHERE at IS NOT NULL WINDOW f AS (ORDER BY at RANGE '3 minutes' PRECEDING EXCLUDE CURRENT ROW)) AS w;
SELECT g, n, velocity_count(at, '1 hour') OVER f AS count, velocity_sum(amount, at, '1 hour') FILTER (WHERE amount > 0) OVER f AS sum, velocity_distinct(item, at, '1 hour') OVER f AS distinct
FROM (SELECT *, row_number() OVER (PARTITION BY g ORDER BY id) AS n FROM ev WHERE id < 70) AS e WHERE n <= 4 AND g < 3
WINDOW f AS (PARTITION BY g ORDER BY at GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY g, at;
-- the window must be one within a frame
SELECT raised('SELECT velocity_count(at, id * interval ''1 hour'') OVER (ORDER BY id ROWS 1 PRECEDING) FROM pay'),
	   raised('SELECT velocity_count(at, NULL) OVER (ORDER BY id ROWS 1 PRECEDING) FROM pay');

SET client_min_messages = warning;
DROP SCHEMA regress_velocity_aggregates CASCADE;
