-- How fast scoring is, as ratios within one run: every query is timed in turn, round after round, and the
-- medians are compared. One process: no parallel workers, no JIT, sorts in memory.
--
--   psql -X -f bench.sql [-v n=1000000] [-v rounds=3] [-v mem=1GB] [-v calls=200000] [-v big=auto|1|0]
--
-- n rows, big: also 4 n rows (auto: when that takes less than three minutes). Works in schema fraud_bench.

\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset null '-'
\pset footer off
\pset linestyle unicode
\if :{?n} \else \set n 1000000 \endif
\if :{?rounds} \else \set rounds 3 \endif
\if :{?mem} \else \set mem 1GB \endif
\if :{?calls} \else \set calls 200000 \endif
\if :{?big} \else \set big auto \endif

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET max_parallel_maintenance_workers = 0;
SET jit = off;
SET work_mem = :'mem';
SET timezone = 'UTC';

CREATE EXTENSION IF NOT EXISTS fraud_fallback;
DROP SCHEMA IF EXISTS fraud_bench CASCADE;
CREATE SCHEMA fraud_bench;
SET search_path = fraud_bench, public;

-- uniform in [0, 1), a function of the row and the purpose
CREATE FUNCTION u(bigint, int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended($1, $2) & 2147483647)::double precision / 2147483648;

CREATE TABLE query (key text PRIMARY KEY, place int GENERATED ALWAYS AS IDENTITY, what text, sql text, source text, rows bigint);
CREATE TABLE timing (key text REFERENCES query, round int, seconds double precision);
CREATE VIEW median AS
	SELECT key, what, rows, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
	FROM query JOIN timing USING (key) GROUP BY key;

-- @ in a query stands for the table it reads
CREATE FUNCTION once(of_key text, round int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	q query;
	started timestamptz;
	took double precision;
BEGIN
	SELECT * INTO STRICT q FROM query WHERE key = of_key;
	started := clock_timestamp();
	EXECUTE replace(q.sql, '@', q.source);
	took := extract(epoch FROM clock_timestamp() - started);
	INSERT INTO timing VALUES (of_key, round, took);
	RETURN format('    round %s  %s %s s', round, rpad(q.what, 62), lpad(round(took::numeric, 3)::text, 8));
END $$;

SELECT sum(temp_bytes) AS temp_before FROM pg_stat_database WHERE datname = current_database() \gset
SELECT split_part(version(), ' on ', 1) AS server,
	   (SELECT extversion FROM pg_extension WHERE extname = 'fraud_fallback') AS extension,
	   current_setting('work_mem') AS work_mem, current_setting('shared_buffers') AS shared_buffers, :rounds AS rounds \gset
\echo
\echo fraud_fallback :extension on :server
\echo one process, no parallel workers, no JIT, work_mem :work_mem, shared_buffers :shared_buffers; medians of :rounds rounds, of two more for short queries
\echo

-- ---------------------------------------------------------------- rows

\echo Making :n payments of about 100 a customer
SELECT clock_timestamp() AS started \gset
\set table txn
\set rows :n
\ir bench_rows.sql
\set source txn
\ir plain_sql.sql
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz)::numeric, 1) AS making,
	   pg_size_pretty(pg_table_size('txn')) AS size, pg_table_size('txn') / :n AS bytes \gset
SELECT count(DISTINCT customer_id) AS customers FROM txn \gset
\echo '    ' :customers customers, :size, :bytes bytes a row, made, vacuumed, analyzed in :making s
\echo

-- ---------------------------------------------------------------- the same rows, one query after another

INSERT INTO query (key, what, sql, source, rows)
SELECT key, what, sql, 'txn', :n
FROM (VALUES
	-- c is consumed, or the planner drops the window
	('lean', 'built-in pass, no row carried: count(*) OVER', $$
		SELECT count(*), sum(c)
		FROM (SELECT count(*) OVER (PARTITION BY customer_id ORDER BY occurred_at
					ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS c
			  FROM @ t) x $$),
	-- sorts and hands on the whole row, as scoring must
	('pass', 'a   built-in pass, row carried: t, count(*) OVER', $$
		SELECT count(t), sum(c)
		FROM (SELECT t, count(*) OVER (PARTITION BY customer_id ORDER BY occurred_at
					ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS c
			  FROM @ t OFFSET 0) x $$),
	('score', 'b   fraud_profile OVER and fraud_score', $$
		SELECT count(*), sum((d).risk_score)
		FROM (SELECT fraud_score(h.t, h.p) AS d
			  FROM (SELECT t, fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
						  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS p
					FROM @ t) h
			  OFFSET 0) x $$),
	('lateral', 'b2  the same, LATERAL fraud_score', $$
		SELECT count(*), sum(s.risk_score)
		FROM (SELECT t, fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
					ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS p
			  FROM @ t) h,
			 LATERAL fraud_score(h.t, h.p) s $$),
	('profile', '    fraud_profile OVER alone', $$
		SELECT count(t), count(p)
		FROM (SELECT t, fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
					ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS p
			  FROM @ t OFFSET 0) x $$),
	('scan', '    one ordered scan (customer, time), row carried', $$
		SELECT count(t) FROM (SELECT t FROM @ t ORDER BY customer_id, occurred_at OFFSET 0) x $$),
	('scans', '    three ordered scans (customer, IP, merchant)', $$
		SELECT (SELECT count(t) FROM (SELECT t FROM @ t ORDER BY customer_id, occurred_at OFFSET 0) x)
			 + (SELECT count(t) FROM (SELECT t FROM @ t ORDER BY ip, occurred_at OFFSET 0) x)
			 + (SELECT count(t) FROM (SELECT t FROM @ t ORDER BY merchant_id, occurred_at OFFSET 0) x) $$),
	('table', 'c   fraud_score_table (customer, IP, merchant)', $$
		SELECT count(*), sum((decision).risk_score) FROM fraud_score_table('@') $$),
	-- the numbers only: no points, no reasons, no decision
	('plain', 'd   the same numbers in plain SQL windows, customer', $$
		SELECT count(*), count(f) FROM plain_customer f $$),
	('plain_all', 'd2  the same with IP and merchant', $$
		SELECT count(*), count(f) FROM plain_all f $$)) v (key, what, sql);

\echo Is fraud_score evaluated once a row?
CREATE TABLE few AS SELECT * FROM txn WHERE customer_id <= greatest(1, :n / 10000);
ANALYZE few;
SELECT count(*) AS few_rows FROM few \gset
-- checked by counting calls: the plan prints one evaluation in several places
BEGIN;
SET LOCAL track_functions = 'all';
SELECT replace(sql, '@', 'few') AS score_few FROM query WHERE key = 'score' \gset
:score_few \g /dev/null
SELECT coalesce(max(pg_stat_get_xact_function_calls(oid)), 0) AS calls_made FROM pg_proc WHERE proname = 'fraud_score' \gset
COMMIT;
SELECT CASE WHEN :calls_made = :few_rows THEN 'yes' ELSE 'NO' END AS once_a_row \gset
\echo '    ' :once_a_row, :calls_made calls for :few_rows rows
\echo

\echo Timing
SELECT sum(length(t::text)) > 0 AS warm FROM txn t \gset
\pset tuples_only on
\pset format unaligned
-- the short ones twice more: they decide the first bar
SELECT format('SELECT once(%L, %s)', key, round) FROM query, generate_series(1, :rounds + 2) round
WHERE round <= :rounds OR key IN ('lean', 'pass', 'score', 'lateral') ORDER BY round, place
\gexec

-- ---------------------------------------------------------------- one call

SELECT :'big' = '1' OR (:'big' = 'auto' AND 4 * (:making + :rounds * sum(seconds)) < 180) AS run_big,
	   round((4 * (:making + :rounds * sum(seconds)))::numeric) AS big_seconds
FROM median WHERE key IN ('score', 'table') \gset

\echo
\echo Timing single calls with the history of a customer of about 100 payments
CREATE TABLE one AS
	SELECT t, (SELECT fraud_profile(h) FROM txn h WHERE h.customer_id = t.customer_id AND h.txn_id < t.txn_id) AS p,
		   (SELECT fraud_profile(h) FROM txn h WHERE h.customer_id = t.customer_id AND h.txn_id < t.txn_id AND h.occurred_at <= m.middle) AS older,
		   (SELECT fraud_profile(h) FROM txn h WHERE h.customer_id = t.customer_id AND h.txn_id < t.txn_id AND h.occurred_at > m.middle) AS newer,
		   to_jsonb(t) AS j, m.events
	FROM (SELECT customer_id, max(txn_id) AS last, count(*) - 1 AS events,
				 percentile_disc(0.5) WITHIN GROUP (ORDER BY occurred_at) AS middle
		  FROM txn GROUP BY customer_id ORDER BY abs(count(*) - 101), customer_id LIMIT 1) m
	JOIN txn t ON t.txn_id = m.last;

-- a loop round one assignment; the no-op is as small as a C function gets
CREATE FUNCTION make_loop(of_key text, expression text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$
		CREATE FUNCTION %I(calls int) RETURNS void LANGUAGE plpgsql AS $body$
		DECLARE
			t txn;
			j jsonb;
			p fraud_profile;
			older fraud_profile;
			newer fraud_profile;
			x int;
		BEGIN
			SELECT (o.t).* INTO t FROM one o;
			SELECT o.p, o.older, o.newer, o.j INTO p, older, newer, j FROM one o;
			FOR i IN 1 .. calls LOOP
				x := %s;
			END LOOP;
		END $body$ $f$, 'loop_' || of_key, expression);
END $$;

CREATE TABLE call (key text, place int GENERATED ALWAYS AS IDENTITY, what text, expression text, minus text, loop boolean);
INSERT INTO call (key, what, expression, minus, loop) VALUES
	('noop', 'no-op C function', 'int4larger(i, 1)', NULL, true),
	('size', 'pg_column_size(profile)', 'pg_column_size(p)', NULL, true),
	('score', 'fraud_score(row, profile)', '(fraud_score(t, p)).risk_score', 'noop', true),
	('score_jsonb', 'fraud_score(jsonb, profile)', '(fraud_score(j, p)).risk_score', 'noop', true),
	('observe', 'fraud_observe(profile, row)', 'pg_column_size(fraud_observe(p, t))', 'size', true),
	('merge', 'profile || profile', 'pg_column_size(older || newer)', 'size', true),
	('q_noop', 'no-op C function', 'int4larger(i, 1)', NULL, false),
	('q_score', 'fraud_score(row, profile)', '(fraud_score(o.t, o.p)).risk_score', 'q_noop', false);
SELECT FROM call, LATERAL make_loop(key, expression) WHERE loop \g /dev/null

INSERT INTO query (key, what, sql, rows)
SELECT 'call_' || key,
	   CASE WHEN loop THEN 'plpgsql loop: ' ELSE 'SELECT over generate_series: ' END || what,
	   CASE WHEN loop THEN format('SELECT loop_%s(%s)', key, :calls)
			ELSE format('SELECT sum(%s) FROM one o, generate_series(1, %s) i', expression, :calls) END,
	   :calls
FROM call ORDER BY place;
UPDATE query SET source = '' WHERE source IS NULL;

SELECT format('SELECT once(%L, %s)', key, round) FROM query, generate_series(1, :rounds) round
WHERE key LIKE 'call%' ORDER BY round, place
\gexec

-- ---------------------------------------------------------------- four times the rows

\echo
\if :run_big
\echo Making and timing four times the rows, about :big_seconds s (big=0 leaves this out)
SELECT 4 * :n AS rows, pg_size_pretty(4 * pg_size_bytes(:'mem')) AS big_mem \gset
SELECT replace(:'big_mem', ' ', '') AS big_mem \gset
\set table txn_big
\ir bench_rows.sql
SET work_mem = :'big_mem';
\echo '    ' work_mem :big_mem here
INSERT INTO query (key, what, sql, source, rows)
	SELECT 'big_' || key, what, sql, 'txn_big', :rows FROM query WHERE key IN ('score', 'table') ORDER BY place;
SELECT sum(length(t::text)) > 0 AS warm FROM txn_big t \gset
SELECT format('SELECT once(%L, %s)', key, round) FROM query, generate_series(1, :rounds) round
WHERE key LIKE 'big%' ORDER BY round, place
\gexec
SET work_mem = :'mem';
\else
\echo Four times the rows: left out, would take about :big_seconds s (big=1 runs it)
\endif

-- ---------------------------------------------------------------- sizes and agreement

\echo
\echo Measuring profiles after each number of payments
CREATE TABLE size AS
	SELECT events, pg_column_size(p) AS bytes
	FROM (SELECT count(*) OVER w AS events, fraud_profile(t) OVER w AS p FROM txn t
		  WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) x
	WHERE events IN (1, 5, 10, 20, 32, 50, 100, 150, 200, 400, 800);

\echo Comparing the numbers of plain SQL and of fraud_features (first 32 payments of a customer, where both are exact)
CREATE TABLE agreement AS
WITH ours AS
(
	SELECT (t).txn_id AS txn_id, to_jsonb(f) AS features
	FROM (SELECT t, fraud_features(t, p) AS f
		  FROM (SELECT t, count(*) OVER w AS past, fraud_profile(t) OVER w AS p FROM few t
				WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) h
		  WHERE past BETWEEN 1 AND 32 AND (t).amount > 0
		  OFFSET 0) x
),
plain AS
(
	SELECT txn_id, to_jsonb(p) AS features FROM plain_customer p WHERE customer_id <= greatest(1, :n / 10000)
)
SELECT key AS feature, p.features -> key AS plain, o.features -> key AS ours
FROM ours o JOIN plain p USING (txn_id), jsonb_object_keys(o.features) key
WHERE p.features ? key
	  -- plain SQL works the way travelled out for card-present payments only
	  AND NOT (key IN ('distance_km', 'hours_since_present', 'speed_kmh') AND p.features ->> key IS NULL);
ALTER TABLE agreement ADD same boolean;
-- profiles keep positions to about a metre
UPDATE agreement SET same = CASE WHEN jsonb_typeof(plain) = 'number' AND jsonb_typeof(ours) = 'number'
	THEN abs(plain::numeric - ours::numeric) <= CASE WHEN feature IN ('distance_km', 'speed_kmh') THEN 0.1 + 1e-3 * abs(plain::numeric) ELSE 1e-6 * greatest(1, abs(plain::numeric)) END
	ELSE plain = ours END;
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT pg_size_pretty(sum(temp_bytes) - :temp_before) AS spilled FROM pg_stat_database WHERE datname = current_database() \gset

-- ---------------------------------------------------------------- results

\pset tuples_only off
\pset format aligned
\pset border 2
\echo
\echo
\echo Passes over the same :n rows
SELECT m.what AS "query", round(m.seconds::numeric, 2) AS "median s",
	   round((m.seconds * 1e6 / m.rows)::numeric, 2) AS "µs a row",
	   to_char(m.rows / m.seconds, 'FM99,999,999') AS "rows/s, one core",
	   round((m.seconds / a.seconds)::numeric, 2) AS "× pass a"
FROM median m JOIN query q USING (key), median a
WHERE a.key = 'pass' AND q.source = 'txn'
ORDER BY q.place;

\echo
\echo Against the bars of the contract (each ratio within a round, then the median of the rounds)
SELECT line.what AS "measured", round(ratio::numeric, 2) AS "ratio", format('%s - %s', round(least::numeric, 2), round(most::numeric, 2)) AS "rounds",
	   line.bar AS "bar",
	   CASE WHEN line.bar LIKE '<=%' AND ratio <= trim(line.bar, '<=x ')::numeric
			  OR line.bar LIKE '>=%' AND ratio >= trim(line.bar, '>=x ')::numeric THEN 'pass'
			WHEN line.bar IS NOT NULL THEN 'missed' END AS "verdict"
FROM (VALUES
		(1, 'b / a   window profile + score, against a built-in pass with the row', 'score', 'pass', 1, '<= 3x'),
		(2, 'b2 / a  LATERAL form', 'lateral', 'pass', 1, '<= 3x'),
		(3, 'b / lean  the same b, against the pass that carries no row', 'score', 'lean', 1, NULL),
		(4, 'd / b   plain SQL windows, numbers only, against b', 'plain', 'score', 1, '>= 4x'),
		(5, 'd2 / c  with IP and merchant, against fraud_score_table', 'plain_all', 'table', 1, NULL),
		(6, 'c / three ordered scans, one by each key', 'table', 'scans', 1, '<= 1.5x'),
		(7, 'c / three times the ordered scan by customer', 'table', 'scan', 3, '<= 1.5x')) line (place, what, above, below, times, bar),
	 LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r) AS ratio, min(r) AS least, max(r) AS most
			  FROM (SELECT n.seconds / (d.seconds * line.times) AS r
					FROM timing n JOIN timing d USING (round) WHERE n.key = line.above AND d.key = line.below) x) m
ORDER BY line.place;

\echo
\echo One call, :calls calls a round, net of the same loop round a function that does nothing more
SELECT m.what AS "call", round(((m.seconds - coalesce(base.seconds, 0)) * 1e9 / m.rows)::numeric) AS "ns a call",
	   round((m.seconds * 1e9 / m.rows)::numeric) AS "ns with loop"
FROM call c JOIN median m ON m.key = 'call_' || c.key LEFT JOIN median base ON base.key = 'call_' || c.minus
ORDER BY c.place;

\if :run_big
\echo
\echo Cost a row as the table grows
SELECT m.what AS "query", to_char(m.rows, 'FM99,999,999') AS "rows", round((m.seconds * 1e6 / m.rows)::numeric, 2) AS "µs a row",
	   to_char(m.rows / m.seconds, 'FM99,999,999') AS "rows/s, one core",
	   round(((m.seconds / m.rows) / (s.seconds / s.rows))::numeric, 2) AS "× at n"
FROM median m JOIN query q USING (key) JOIN median s ON s.key = regexp_replace(m.key, '^big_', '')
WHERE m.key IN ('score', 'table', 'big_score', 'big_table')
ORDER BY s.key, m.rows;
\endif

\echo
\echo Bytes of a stored profile (bar: at most 3500; an ordinary customer with 100 payments about 2000)
SELECT events AS "payments seen", count(*) AS "customers", min(bytes) AS "min",
	   percentile_disc(0.5) WITHIN GROUP (ORDER BY bytes) AS "p50", percentile_disc(0.9) WITHIN GROUP (ORDER BY bytes) AS "p90",
	   percentile_disc(0.99) WITHIN GROUP (ORDER BY bytes) AS "p99", max(bytes) AS "max",
	   CASE WHEN max(bytes) <= 3500 THEN 'pass' ELSE 'missed' END AS "max <= 3500"
FROM size GROUP BY events ORDER BY events;

\echo
SELECT count(*) FILTER (WHERE same) AS agree, count(*) AS compared, count(*) FILTER (WHERE NOT same) > 0 AS differ FROM agreement \gset
\echo Plain SQL and fraud_features agree in :agree of :compared numbers
\if :differ
SELECT feature AS "feature", count(*) AS "compared", count(*) FILTER (WHERE NOT same) AS "differ",
	   (array_agg(plain::text || ' / ' || ours::text) FILTER (WHERE NOT same))[1:2] AS "plain / ours, for example"
FROM agreement GROUP BY feature HAVING count(*) FILTER (WHERE NOT same) > 0 ORDER BY 3 DESC;
\endif
\echo Temporary files written: :spilled
\echo
