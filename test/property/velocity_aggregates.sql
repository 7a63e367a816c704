-- velocity_aggregates.sql: velocity_count, velocity_sum and velocity_distinct against self-joins, for groups of many
-- sizes: in any order, in parallel, in frames that grow and move. Times are whole microseconds (t), so that the oracle
-- needs no interval; half of the rows stand on an edge of another row's span, or a microsecond beside it.
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_velocity_aggregates CASCADE;
CREATE SCHEMA ff_velocity_aggregates;
SET search_path = ff_velocity_aggregates, public;
\set ff_part 1
\ir oracle.sql

-- a number in 0 .. n-1 that follows from a text
CREATE FUNCTION hn(seed text, n int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT (('x' || substr(md5(seed), 1, 13))::bit(52)::bigint % n)::int $$;

-- kind of amounts: 0 cents, 1 with refunds, 2 many decimals, 3 some 50 digits, 4 from few to 39, 5 NaN and infinities, 6 up to 35
CREATE TABLE grp AS
SELECT g, CASE WHEN g % 40 = 0 THEN 300 + hn('n' || g, 300) ELSE hn('n' || g, 60) END AS n, g % 7 AS kind,
	(ARRAY[1, 2, 1000, 60000000, 3600000000, 86400000000, 7776000000000])[1 + hn('w' || g, 7)] AS win
FROM generate_series(1, 600) AS g;

CREATE TABLE paid AS
SELECT g, i, s.t, timestamptz '2026-03-01' + s.t * interval '1 microsecond' AS at, amount, item
FROM grp, generate_series(1, n) AS i, LATERAL (SELECT g || '/' || i AS seed) AS x, LATERAL (SELECT
	CASE WHEN hn(seed || 'null', 30) > 0 THEN
		CASE hn(seed || 'where', 4)
			WHEN 0 THEN hn(seed || 'k', 6) * win			-- multiples of the window: ties, and exactly one window apart
			WHEN 1 THEN hn(seed || 'k', 6) * win + hn(seed || 'b', 3) - 1
			WHEN 2 THEN hn(seed || 'k', 20) * win / 4
			ELSE (hn(seed || 'k', 1000000) * 5e-6 * win)::bigint END END AS t,
	CASE WHEN hn(seed || 'noamount', 20) > 0 THEN
		CASE kind
			WHEN 0 THEN hn(seed || 'a', 100000) / 100.00
			WHEN 1 THEN (hn(seed || 'a', 100000) - 40000) / 100.00
			WHEN 2 THEN trunc((hn(seed || 'a', 100000) - 10000) / 100.0, hn(seed || 'd', 16))
			WHEN 3 THEN (hn(seed || 'a', 100000) - 30000) * 1e25 + hn(seed || 'd', 3) * 1e-20
			WHEN 4 THEN CASE hn(seed || 'big', 12) WHEN 0 THEN 123456789012345678901 WHEN 1 THEN 0.000000000000000001 ELSE hn(seed || 'a', 500) - 99 END
			WHEN 6 THEN (hn(seed || 'a', 100000) - 30000) * 12345678901 * hn(seed || 'f', 100000)::numeric / (10.0 ^ (2 * hn(seed || 'd', 9)))
			ELSE CASE hn(seed || 'special', 25) WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' ELSE hn(seed || 'a', 500) - 99.5 END
		END::numeric END AS amount,
	CASE WHEN hn(seed || 'noitem', 15) > 0 THEN hn(seed || 'item', 1 + hn('items' || g, 40)) END AS item) AS s;
-- one text an item, one numeric an item in several forms, and a type that only sorts
ALTER TABLE paid ADD COLUMN word text, ADD COLUMN num numeric, ADD COLUMN cash money;
UPDATE paid SET word = repeat('item ' || item, 1 + item % 5 * 100), num = round(item::numeric / 4, 2 + i % 4), cash = item::money;
-- orders of arrival
ALTER TABLE paid ADD COLUMN up int, ADD COLUMN down int, ADD COLUMN mixed int;
UPDATE paid SET up = o.up, down = o.down, mixed = o.mixed
FROM (SELECT g, i, row_number() OVER (PARTITION BY g ORDER BY t, i) AS up, row_number() OVER (PARTITION BY g ORDER BY t DESC, i) AS down,
	  row_number() OVER (PARTITION BY g ORDER BY md5(i::text)) AS mixed FROM paid) AS o WHERE (paid.g, paid.i) = (o.g, o.i);
CREATE INDEX ON paid (g, t);
ANALYZE paid;

-- the sum as text: in the places of the finest amount there is
CREATE FUNCTION shown(s numeric, places int) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT CASE WHEN s IN ('NaN', 'Infinity', '-Infinity') THEN s::text ELSE round(s, places)::text END $$;

-- ---- whole groups

CREATE TABLE truth AS
SELECT g, coalesce(max(c), 0) AS c, shown(max(s), max(places)) AS s, coalesce(max(d), 0) AS d FROM grp LEFT JOIN (
	SELECT r.g, r.i, count(*) AS c, count(DISTINCT q.item) AS d, max(scale(q.amount)) AS places,
		CASE WHEN r.amount IS NOT NULL THEN sum(q.amount) END AS s
	FROM paid r JOIN paid q ON q.g = r.g AND q.t > r.t - (SELECT win FROM grp WHERE grp.g = r.g) AND q.t <= r.t
	GROUP BY r.g, r.i, r.amount) AS spans USING (g) GROUP BY g;

CREATE TABLE answer (way text, g int, c bigint, s numeric, d bigint, d_num bigint, d_cash bigint);
CREATE FUNCTION ask(way text, source text, ordered text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT step('asked: ' || way, format('INSERT INTO answer SELECT %L, a.* FROM (
		SELECT g, velocity_count(at, win %2$s), velocity_sum(amount, at, win %2$s), velocity_distinct(word, at, win %2$s),
			velocity_distinct(num, at, win %2$s), velocity_distinct(cash, at, win %2$s)
		FROM (SELECT e.*, interval ''1 microsecond'' * win AS win FROM %3$s e JOIN grp USING (g)) e GROUP BY g) a', way, ordered, source)) $$;
SELECT ask('as stored', 'paid');
SELECT ask('in order of time', 'paid', 'ORDER BY up');
SELECT ask('against time', 'paid', 'ORDER BY down');
SELECT ask('in no order', 'paid', 'ORDER BY mixed');

-- INSERT does not run in parallel, CREATE TABLE AS does
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
SET enable_hashjoin = on;
ALTER TABLE paid SET (parallel_workers = 3);
SET parallel_leader_participation = off;
SELECT step('asked: in parallel', $$ CREATE TABLE parallel AS
	SELECT g, velocity_count(at, win) AS c, velocity_sum(amount, at, win) AS s, velocity_distinct(word, at, win) AS d,
		velocity_distinct(num, at, win) AS d_num, velocity_distinct(cash, at, win) AS d_cash
	FROM (SELECT paid.*, interval '1 microsecond' * win AS win FROM paid JOIN grp USING (g)) AS e GROUP BY g $$);
INSERT INTO answer SELECT 'in parallel', * FROM parallel;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;

CREATE VIEW compared AS
SELECT a.*, t.c AS true_c, t.s AS true_s, t.d AS true_d, shown(a.s, scale(a.s)) AS s_text,
	format('group %s %s: got %s %s %s %s %s, true %s', g, way, a.c, a.s, a.d, a.d_num, a.d_cash, t) AS detail FROM answer a JOIN truth t USING (g);
SELECT chk(format('velocity_count %s', w), 500, format('SELECT c <> true_c, detail FROM compared WHERE way = %L', w))
FROM unnest(ARRAY['as stored', 'in order of time', 'against time', 'in no order', 'in parallel']) AS w;
SELECT chk(format('velocity_sum %s, its value', w), 500, format('SELECT s IS DISTINCT FROM true_s::numeric, detail FROM compared WHERE way = %L', w))
FROM unnest(ARRAY['as stored', 'in order of time', 'against time', 'in no order', 'in parallel']) AS w;
SELECT chk('velocity_distinct of text', 2500, 'SELECT d <> true_d, detail FROM compared');
SELECT chk('velocity_distinct of numeric', 2500, 'SELECT d_num <> true_d, detail FROM compared');
SELECT chk('velocity_distinct of money', 2500, 'SELECT d_cash <> true_d, detail FROM compared');
SELECT chk('velocity_sum has the places of the finest amount', 2500, $$
	SELECT a.s::text IS DISTINCT FROM shown(t.s::numeric, p.places), format('group %s %s: %s, places %s', g, way, a.s, p.places)
	FROM answer a JOIN truth t USING (g) JOIN (SELECT g, max(scale(amount)) AS places FROM paid WHERE t IS NOT NULL GROUP BY g) p USING (g) $$);
SELECT chk('there are NaN, infinities and sums over 35 digits among the results', 3, $$
	SELECT NOT bool_or(b), what FROM truth, (VALUES ('NaN'), ('Infinity'), ('[0-9]{20}.*[0-9]{15}')) v(what), LATERAL (SELECT s ~ what AS b) b GROUP BY what $$);

-- ---- frames, of groups of at most 45 rows; max over the rows r of the frame, of the rows q of the frame in r's span

CREATE TABLE small AS SELECT paid.*, win, kind, interval '1 microsecond' * win AS w FROM paid JOIN grp USING (g) WHERE n <= 45 AND g <= 330;
CREATE INDEX ON small (g);
ANALYZE small;
-- asks for the frame of rows from n - before to n + after by one of the orders; NULL: all rows on that side
CREATE FUNCTION frames(by text, before int, after int) RETURNS text LANGUAGE sql AS $$
	SELECT chk(format('frames by %s, %s before, %s after', by, coalesce(before::text, 'all'), coalesce(after::text, 'all')), 3000, format($q$
		WITH asked AS (
			SELECT g, %1$I AS n, velocity_count(at, w) OVER f AS c, velocity_sum(amount, at, w) OVER f AS s, velocity_distinct(word, at, w) OVER f AS d,
				velocity_distinct(num, at, w) OVER f AS d_num, velocity_distinct(cash, at, w) OVER f AS d_cash
			FROM small WINDOW f AS (PARTITION BY g ORDER BY %1$I ROWS BETWEEN %2$s AND %3$s)),
		spans AS (
			SELECT a.g, a.n, r.i, count(*) AS c, CASE WHEN r.amount IS NOT NULL THEN sum(q.amount) END AS s, count(DISTINCT q.item) AS d,
				max(scale(q.amount)) AS places
			FROM asked a JOIN small r ON r.g = a.g AND r.%1$I BETWEEN a.n - %4$s AND a.n + %5$s
				JOIN small q ON q.g = a.g AND q.%1$I BETWEEN a.n - %4$s AND a.n + %5$s AND q.t > r.t - r.win AND q.t <= r.t
			GROUP BY a.g, a.n, r.i, r.amount),
		best AS (SELECT g, n, max(c) AS c, shown(max(s), max(places)) AS s, max(d) AS d FROM spans GROUP BY g, n)
		SELECT (a.c, a.s::text, a.d, a.d_num, a.d_cash) IS DISTINCT FROM (coalesce(b.c, 0), b.s, coalesce(b.d, 0), coalesce(b.d, 0), coalesce(b.d, 0)),
			format('group %%s row %%s: got %%s, true %%s', g, n, a, b)
		FROM asked a LEFT JOIN best b USING (g, n) $q$,
		by, coalesce(before || CASE WHEN before < 0 THEN ' FOLLOWING' ELSE ' PRECEDING' END, 'UNBOUNDED PRECEDING'),
		coalesce(abs(after) || CASE WHEN after < 0 THEN ' PRECEDING' ELSE ' FOLLOWING' END, 'UNBOUNDED FOLLOWING'),
		coalesce(before, 1000), coalesce(after, 1000))) $$;
SELECT frames(by, before, after)
FROM (VALUES ('up'), ('down'), ('mixed')) AS o (by), (VALUES (NULL::int, 0), (0, NULL), (1, 0), (4, 0), (12, 0), (6, 6), (9, -3), (30, -10)) AS f (before, after);

-- a long moving frame, large enough that arrays are moved and queues wrap: against the plain aggregate of each frame
CREATE TABLE long AS
SELECT i, timestamptz '2026-03-01' + interval '1 second' * (i * 3 - hn('long' || i, 2) * 3) AS at, (hn('amount' || i, 1000) - 20 * (i / 3000))::numeric / 10 AS amount,
	'item ' || hn('item' || i, 1 + i / 100) AS item
FROM generate_series(1, 6000) AS i;
CREATE TABLE long_answers AS
SELECT i, velocity_count(at, '40 seconds') OVER f AS c, velocity_sum(amount, at, '40 seconds') OVER f AS s, velocity_sum(abs(amount), at, '40 seconds') OVER f AS p,
	velocity_distinct(item, at, '40 seconds') OVER f AS d, velocity_count(at, '1 day') OVER f AS c_day, velocity_sum(abs(amount), at, '1 day') OVER f AS s_day,
	velocity_distinct(item, at, '1 day') OVER f AS d_day
FROM long WINDOW f AS (ORDER BY at, i ROWS 500 PRECEDING);
SELECT chk('a long moving frame', 800, $$
	WITH ordered AS (SELECT *, row_number() OVER (ORDER BY at, i) AS n FROM long)
	SELECT (a.c, a.s, a.p, a.d, a.c_day, a.s_day, a.d_day) IS DISTINCT FROM (x.c, x.s, x.p, x.d, x.c_day, x.s_day, x.d_day), format('row %s: %s, true %s', o.n, a, x)
	FROM ordered o JOIN long_answers a USING (i), LATERAL (
		SELECT velocity_count(at, '40 seconds') AS c, velocity_sum(amount, at, '40 seconds') AS s, velocity_sum(abs(amount), at, '40 seconds') AS p,
			velocity_distinct(item, at, '40 seconds') AS d, count(*) AS c_day, sum(abs(amount)) AS s_day, count(DISTINCT item) AS d_day
		FROM ordered q WHERE q.n BETWEEN o.n - 500 AND o.n) AS x
	WHERE o.n % 7 = 0 $$);

SELECT chk_summary();
DROP SCHEMA ff_velocity_aggregates CASCADE;
