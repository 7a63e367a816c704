-- profile_set.sql: a profile is a function of the set of distinct events. Whatever the order, the split, the
-- merge, the path (aggregate, window, parallel plan, one by one) and the repeats: the same bytes.
--
-- Bytes are compared through the text form, which must round-trip.
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_profile_set CASCADE;
CREATE SCHEMA ff_profile_set;
SET search_path = ff_profile_set, public;
\set ff_part 1
\set ff_no_tx 1
\ir oracle.sql
\ir histories.sql

-- Histories: small ones with all their repeats and versions; big ones (also all of an address or a merchant)
-- with each event once, because repeats older than the newest 32 are the table's job.
CREATE TABLE src (key text, seq int, big boolean, e ev);
INSERT INTO src
SELECT key, row_number() OVER (PARTITION BY key ORDER BY md5(e::text || copy)), big, e FROM (
	SELECT customer_id AS key, false AS big, e, row_number() OVER (PARTITION BY e) AS copy FROM ev e
	WHERE customer_id ~ '^[A-P]' AND customer_id !~ '^B' OR customer_id ~ '^[RU]'
	UNION ALL
	SELECT key, true, e, 1 FROM (
		SELECT DISTINCT ON (o_ident(e), occurred_at) e FROM ev e WHERE o_time(occurred_at) IS NOT NULL
		ORDER BY o_ident(e), occurred_at, o_rank(o_status(status)) DESC, e::text) d,
	LATERAL (VALUES (CASE WHEN (e).customer_id ~ '^B' THEN (e).customer_id END),
		(CASE WHEN (e).merchant_id ~ '^global' THEN 'at ' || (e).merchant_id END),
		(CASE WHEN (e).ip <<= '81.0.0.0/14' THEN 'from ' || host((e).ip) END)) v(key)
	WHERE key IS NOT NULL) u;
CREATE INDEX ON src (key);
ANALYZE src;

-- The reference, in the order of seq; own tables so that nothing is computed twice.
CREATE TABLE ref (key text PRIMARY KEY, n int, big boolean, p fraud_profile, b text);
SELECT step('profiles are built', $$
	INSERT INTO ref SELECT key, count(*), bool_or(big), fraud_profile(e ORDER BY seq), NULL FROM src GROUP BY key $$);
UPDATE ref SET b = p::text;
ANALYZE ref;
CREATE TABLE alt (way text, key text, p fraud_profile);
CREATE INDEX ON alt (way);

-- fills alt with one way of building, and checks it
CREATE FUNCTION same(name text, least_rows bigint, build text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE format('INSERT INTO alt SELECT %L, q.* FROM (%s) q(key, p)', name, build);
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO chk_log VALUES (name, false);
		RETURN format('not ok - %s: %s (%s)', name, sqlerrm, sqlstate);
	END;
	RETURN chk(name, least_rows, format('SELECT NOT (equal AND bytes),
		CASE WHEN NOT (equal AND bytes) THEN format(''%%s: %%s events, equal %%s, same bytes %%s'', key, n, equal, bytes) END
		FROM (SELECT key, n, a.p = r.p AS equal, a.p::text = r.b AS bytes
			  FROM alt a JOIN ref r USING (key) WHERE way = %L OFFSET 0) c', name));
END $$;

-- ---- the comparison itself can fail ----

SELECT chk('one event more or less is another profile', 300, $$
	SELECT (a.p = r.p) IS NOT false OR a.p::text = r.b, key FROM ref r JOIN (
		SELECT key, fraud_profile(e) AS p FROM (
			SELECT key, e, dense_rank() OVER (PARTITION BY key ORDER BY o_time((e).occurred_at) DESC NULLS LAST, o_ident(e)) AS nr
			FROM src) s
		WHERE nr > 1 GROUP BY key) a USING (key) $$);

-- ---- order ----

SELECT same(format('order: %s', what), 300, format('SELECT key, fraud_profile(e ORDER BY %s) FROM src GROUP BY key', how))
FROM (VALUES ('oldest first', '(e).occurred_at, seq'), ('newest first', '(e).occurred_at DESC, seq'), ('reverse', 'seq DESC'),
	('amounts', '(e).amount NULLS FIRST, seq'), ('shuffle 1', 'md5(key || seq || 1)'), ('shuffle 2', 'md5(key || seq || 2)'),
	('shuffle 3', 'md5(key || seq || 3)'), ('shuffle 4', 'md5(key || seq || 4)')) v(what, how);
SELECT same('order: as the table has it, hashed groups', 300, 'SELECT key, fraud_profile(e) FROM src GROUP BY key');

-- ---- split and merge ----

CREATE TABLE part (way text, k int, key text, nr int, p fraud_profile);
SELECT step('parts are built', $$
	INSERT INTO part SELECT way, k, key, nr, fraud_profile(e ORDER BY seq) FROM (
		SELECT s.*, k, way, CASE way WHEN 'dealt' THEN seq % k WHEN 'hashed' THEN hn(key || seq || k, k)
			WHEN 'in time' THEN (rank() OVER (PARTITION BY key, k, way ORDER BY (e).occurred_at, seq) - 1) * k
				/ count(*) OVER (PARTITION BY key, k, way)
			-- lopsided: almost everything in the first part
			WHEN 'lopsided' THEN CASE WHEN hn(key || seq || 'l', 12) < k THEN hn(key || seq || 'l', 12) ELSE 0 END END AS nr
		FROM src s, unnest(ARRAY[2, 3, 7]) k, unnest(ARRAY['dealt', 'hashed', 'in time', 'lopsided']) way) x
	GROUP BY 1, 2, 3, 4 $$);
CREATE INDEX ON part (way, k, key, nr);
ANALYZE part;
SELECT same(format('split %s into %s, fraud_profile_merge %s', way, k, what), 300, format(
	'SELECT key, fraud_profile_merge(p %s) FROM part WHERE k = %s AND way = %L GROUP BY key', how, k, way))
FROM unnest(ARRAY['dealt', 'hashed', 'in time', 'lopsided']) way, unnest(ARRAY[2, 3, 7]) k,
	(VALUES ('forwards', 'ORDER BY nr'), ('backwards', 'ORDER BY nr DESC')) v(what, how);
SELECT same(format('split %s into 3: %s', way, replace(replace(replace(shape, 'x', o.x), 'y', o.y), 'z', o.z)), 250, format($$
	SELECT a.key, %s FROM part a JOIN part b USING (way, k, key) JOIN part c USING (way, k, key)
	WHERE way = %L AND k = 3 AND a.nr = 0 AND b.nr = 1 AND c.nr = 2 $$,
	replace(replace(replace(shape, 'x', o.x || '.p'), 'y', o.y || '.p'), 'z', o.z || '.p'), way))
FROM unnest(ARRAY['hashed', 'in time']) way, unnest(ARRAY['(x || y) || z', 'x || (y || z)']) shape,
	(VALUES ('a', 'b', 'c'), ('a', 'c', 'b'), ('b', 'a', 'c'), ('b', 'c', 'a'), ('c', 'a', 'b'), ('c', 'b', 'a')) o(x, y, z);
SELECT same('split in time into 2: merged with || both ways', 250, $$
	SELECT key, unnest(ARRAY[a.p || b.p, b.p || a.p]) FROM part a JOIN part b USING (way, k, key)
	WHERE way = 'in time' AND k = 2 AND a.nr = 0 AND b.nr = 1 $$);

-- ---- one by one ----

CREATE FUNCTION one_by_one(k text, start fraud_profile, after int, backwards boolean) RETURNS fraud_profile LANGUAGE plpgsql AS $$
DECLARE
	p fraud_profile := start;
	x ev;
BEGIN
	FOR x IN SELECT (s.e).* FROM src s WHERE s.key = k AND s.seq > after
		ORDER BY CASE WHEN backwards THEN -s.seq ELSE s.seq END LOOP
		p := fraud_observe(p, x);
	END LOOP;
	RETURN p;
END $$;
SELECT same('fraud_observe one by one', 300, 'SELECT key, one_by_one(key, NULL, 0, false) FROM ref');
SELECT same('fraud_observe one by one, backwards', 300, 'SELECT key, one_by_one(key, NULL, 0, true) FROM ref');
SELECT same('the first half by aggregate, the second by fraud_observe', 300, $$
	SELECT key, one_by_one(key, (SELECT fraud_profile(s.e) FROM src s WHERE s.key = r.key AND s.seq <= r.n / 2), r.n / 2, false)
	FROM ref r $$);

-- ---- repeats and versions ----

SELECT same('every event a second time (small histories)', 250, $$
	SELECT key, fraud_profile(e ORDER BY md5(key || seq || copy)) FROM src, generate_series(1, 2) copy WHERE NOT big GROUP BY key $$);
SELECT same('small histories merged with themselves', 250, 'SELECT key, p || p FROM ref WHERE NOT big');
CREATE TABLE recent AS SELECT key, e, rn FROM (
	SELECT key, e, row_number() OVER (PARTITION BY key ORDER BY (e).occurred_at DESC, seq) AS rn FROM src
	WHERE big AND o_time((e).occurred_at) IS NOT NULL) s WHERE rn <= 33;
-- where the 32nd and 33rd share the instant, which one is kept is not ours to know
DELETE FROM recent r WHERE (SELECT count(DISTINCT (e).occurred_at) FROM recent s WHERE s.key = r.key AND s.rn IN (32, 33)) = 1;
DELETE FROM recent WHERE rn = 33;
CREATE INDEX ON recent (key);
CREATE FUNCTION again(k text, start fraud_profile) RETURNS fraud_profile LANGUAGE plpgsql AS $$
DECLARE
	p fraud_profile := start;
	x ev;
BEGIN
	FOR x IN SELECT (r.e).* FROM recent r WHERE r.key = k ORDER BY md5(r::text) LOOP
		p := fraud_observe(p, x);
	END LOOP;
	RETURN p;
END $$;
SELECT same('the newest 32 a second time (big histories)', 50, $$
	SELECT key, again(key, p) FROM ref WHERE key IN (SELECT key FROM recent) $$);
-- a lower version after the event, before it, and between: the event wins
CREATE TABLE lower_version AS
SELECT key, seq, e, version, jsonb_populate_record(e, jsonb_build_object('status', version, 'amount', 12.34)) AS v
FROM (SELECT key, seq, e, CASE o_status((e).status) WHEN 'approved' THEN pick(ARRAY['pending', 'failed', 'blocked', 'declined'],
			key) WHEN 'declined' THEN 'blocked' WHEN 'blocked' THEN 'failed' WHEN 'failed' THEN 'pending' END AS version,
		row_number() OVER (PARTITION BY key ORDER BY (e).occurred_at DESC) AS rn
	FROM src s WHERE o_time((e).occurred_at) IS NOT NULL AND o_text((e).txn_id) IS NOT NULL) s
WHERE rn <= 4 AND version IS NOT NULL
-- the event must be the winning version of its kind itself
AND NOT EXISTS (SELECT FROM src o WHERE o.key = s.key AND (o.e).txn_id = (s.e).txn_id AND o.e <> s.e);
SELECT same('a lower version after the event', 300, 'SELECT key, fraud_observe(p, v) FROM ref JOIN lower_version USING (key)');
SELECT same('a lower version before the event', 300, $$
	SELECT l.key, fraud_observe(fraud_observe((SELECT fraud_profile(s.e) FROM src s WHERE s.key = l.key
		AND (s.e).txn_id IS DISTINCT FROM (l.e).txn_id), v), e) FROM lower_version l $$);
SELECT same('a lower version in the other part', 300, $$
	SELECT l.key, (SELECT fraud_profile(x) FROM (SELECT s.e AS x FROM src s WHERE s.key = l.key
			AND (s.e).txn_id IS DISTINCT FROM (l.e).txn_id AND s.seq % 2 = 0 UNION ALL SELECT l.v) y)
		|| (SELECT fraud_profile(x) FROM (SELECT s.e AS x FROM src s WHERE s.key = l.key
			AND (s.e).txn_id IS DISTINCT FROM (l.e).txn_id AND s.seq % 2 = 1 UNION ALL SELECT l.e) y) FROM lower_version l $$);
SELECT chk('the same id at another time is another event', 100, $$
	SELECT (fraud_observe(r.p, jsonb_populate_record(l.e, jsonb_build_object('occurred_at',
		(l.e).occurred_at + interval '1 microsecond'))) = r.p) IS NOT false, l.key
	FROM lower_version l JOIN ref r USING (key) WHERE NOT r.big $$);

-- ---- other column types, other sessions ----

SELECT same('events as jsonb', 300, 'SELECT key, fraud_profile(to_jsonb(e) ORDER BY seq) FROM src GROUP BY key');
SELECT same('events as JSON text', 300, 'SELECT key, fraud_profile(to_jsonb(e)::text ORDER BY seq) FROM src GROUP BY key');
SELECT same('columns in another order, floats and texts, more columns', 300, $$
	SELECT key, fraud_profile(r) FROM (SELECT key, row_order, r FROM (
		SELECT key, (e).amount, host((e).ip) AS ip, 'x' AS unknown_column, (e).status::varchar(30) AS status, (e).occurred_at,
			(e).lat::numeric AS lat, (e).lon::numeric AS lon, (e).customer_id, (e).card_id, (e).currency, (e).country,
			(e).channel, (e).merchant_id, (e).merchant_category, (e).mcc, (e).timezone, (e).txn_id, seq AS row_order FROM src) r) q
	GROUP BY key $$);
SET timezone = 'America/St_Johns';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = 0;
SELECT same('another session time zone, date style and float digits', 300,
	'SELECT key, fraud_profile(e ORDER BY seq) FROM src GROUP BY key');
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
SET timezone = 'UTC';

-- ---- parallel plans ----

SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = on;
ALTER TABLE src SET (parallel_workers = 4);
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;
SELECT chk('the plan has a partial aggregate and workers: ' || what, 1, format($$
	SELECT plan !~ 'Partial (Hash|Group)?Aggregate' OR plan !~ 'Workers Launched: [1-9]', plan FROM plan_of(%L) plan $$, query))
FROM (VALUES ('grouped', 'SELECT key, fraud_profile(e) FROM src GROUP BY key'),
	('all rows', 'SELECT fraud_profile(e) FROM src WHERE key = ''B039'''),
	('merge', 'SELECT fraud_profile_merge(p) FROM ref')) v(what, query);
-- INSERT ... SELECT never runs in parallel, CREATE TABLE AS does
SELECT step('parallel results are stored', 'CREATE TABLE par_grouped AS SELECT key, fraud_profile(e) AS p FROM src GROUP BY key');
SELECT same('parallel, grouped', 300, 'SELECT key, p FROM par_grouped');
SET parallel_leader_participation = off;
SELECT step('parallel results are stored again', 'CREATE TABLE par_again AS SELECT key, fraud_profile(e) AS p FROM src GROUP BY key');
SELECT same('parallel, workers only', 300, 'SELECT key, p FROM par_again');
SET enable_hashagg = off;
SELECT step('parallel results are stored, sorted groups', 'CREATE TABLE par_sorted AS SELECT key, fraud_profile(e) AS p FROM src GROUP BY key');
RESET enable_hashagg;
SELECT same('parallel, sorted groups', 300, 'SELECT key, p FROM par_sorted');
SELECT step('parallel merge is stored', $$CREATE TABLE par_merge AS SELECT key, fraud_profile_merge(p) AS p FROM part
	WHERE k = 7 AND way = 'hashed' GROUP BY key$$);
SELECT same('parallel merge', 300, 'SELECT key, p FROM par_merge');
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;

-- ---- window aggregate ----

CREATE TABLE framed AS SELECT * FROM src
WHERE key ~ '^(M0[1-3]|E02|R02|U01|B00|B01[0-4]|B03[69])' OR key = 'at global3';
SELECT chk('window: the growing frame is the aggregate over the prefix', 1500, $$
	SELECT w.p::text IS DISTINCT FROM a.p::text OR (w.p = a.p) IS FALSE, format('%s, row %s', w.key, w.seq)
	FROM (SELECT key, seq, fraud_profile(e) OVER (PARTITION BY key ORDER BY seq
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS p FROM framed) w,
		LATERAL (SELECT fraud_profile(e ORDER BY seq) AS p FROM framed f WHERE f.key = w.key AND f.seq < w.seq) a
	WHERE w.seq <= 80 OR w.seq % 29 = 0 $$);
SELECT chk('window: a frame that moves', 500, $$
	SELECT w.p::text IS DISTINCT FROM a.p::text, format('%s, row %s', w.key, w.seq)
	FROM (SELECT key, seq, fraud_profile(e) OVER (PARTITION BY key ORDER BY seq
			ROWS BETWEEN 40 PRECEDING AND 3 PRECEDING) AS p FROM framed) w,
		LATERAL (SELECT fraud_profile(e ORDER BY seq) AS p FROM framed f
			WHERE f.key = w.key AND f.seq BETWEEN w.seq - 40 AND w.seq - 3) a
	WHERE w.seq <= 60 OR w.seq % 17 = 0 $$);
SELECT same('window: the whole partition', 20, $$
	SELECT key, p FROM (SELECT key, row_number() OVER w AS nr, fraud_profile(e) OVER w AS p FROM framed
		WINDOW w AS (PARTITION BY key ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) x WHERE nr = 1 $$);

-- ---- in and out ----

SELECT same('text and back', 300, 'SELECT key, p::text::fraud_profile FROM ref');
SELECT chk('parts, text and back', 2000, $$
	SELECT NOT (p::text::fraud_profile = p AND p::text::fraud_profile::text = p::text), key FROM part WHERE way = 'dealt' $$);
-- binary: through COPY into a file of the server, removed afterwards
SELECT rolsuper AS is_super FROM pg_roles WHERE rolname = current_user \gset
\if :is_super
CREATE FUNCTION binary_copy() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	file text := format('%s/ff_profile_set.%s.bin', current_setting('data_directory'), pg_backend_pid());
BEGIN
	CREATE TABLE via_binary (key text, p fraud_profile);
	EXECUTE format('COPY (SELECT key, p FROM ref) TO %L WITH (FORMAT binary)', file);
	EXECUTE format('COPY via_binary FROM %L WITH (FORMAT binary)', file);
	EXECUTE format('COPY (SELECT 1 WHERE false) TO PROGRAM %L', 'rm -f "' || file || '"');
END $$;
SELECT step('COPY (FORMAT binary) out and in', 'SELECT binary_copy()');
SELECT same('binary and back', 300, 'SELECT key, p FROM via_binary');
\else
SELECT 'ok - COPY (FORMAT binary) out and in # SKIP needs a superuser';
\endif
-- ---- size ----

CREATE TABLE hostile (part int, e ev);
INSERT INTO hostile
SELECT i % 4, ('h' || i, 'H' || i % 977, 'card' || i, CASE i % 7 WHEN 0 THEN -100000000000 WHEN 1 THEN 0 WHEN 2 THEN 0.0001
		WHEN 3 THEN NULL ELSE 100000000000 END, CASE WHEN i % 50 = 0 THEN 'EUR' ELSE 'USD' END,
	timestamptz '2024-01-01 00:00+00' + us(hn('h' || i, 400) * 86400e6 + hx('h2' || i)::numeric * 86400e6),
	chr(65 + i % 26) || chr(65 + i / 26 % 26), 'US', i % 181 - 90, i % 361 - 180, NULL, NULL,
	CASE WHEN i % 3 > 0 THEN 'present' END, 'merchant' || i, 'category' || i, lpad((i % 10000)::text, 4, '0'),
	('91.' || i % 250 || '.' || i / 250 % 250 || '.' || i % 199)::inet, (ARRAY['approved', 'pending', 'declined', 'failed', 'blocked',
		'approved', 'approved', 'odd word ' || i])[1 + i % 8], (ARRAY['UTC', 'Asia/Tokyo', 'America/New_York', NULL])[1 + i % 4],
	NULL, NULL, i % 2 = 0)::ev
FROM generate_series(1, 100000) i;
CREATE TABLE hostile_prof (way text, p fraud_profile);
SELECT step('a hostile history of 100,000 events', $$
	INSERT INTO hostile_prof SELECT 'whole', fraud_profile(e) FROM hostile
	UNION ALL SELECT 'backwards', fraud_profile(e ORDER BY (e).occurred_at DESC) FROM hostile
	UNION ALL SELECT 'parts', fraud_profile_merge(p) FROM (SELECT fraud_profile(e) AS p FROM hostile GROUP BY part) x $$);
SELECT chk('hostile: the same bytes whole, backwards, in parts', 3, $$
	SELECT NOT (p = (SELECT p FROM hostile_prof WHERE way = 'whole')
		AND p::text = (SELECT p::text FROM hostile_prof WHERE way = 'whole')), way FROM hostile_prof $$);
SELECT chk('hostile: text and back', 3, 'SELECT p::text::fraud_profile::text <> p::text, way FROM hostile_prof');
SELECT chk('no profile is larger than 3,500 bytes', 2000, $$
	SELECT pg_column_size(p) > 3500, format('%s %s bytes', key, pg_column_size(p)) FROM (
		SELECT 'hostile ' || way AS key, p FROM hostile_prof UNION ALL SELECT key, p FROM ref UNION ALL SELECT key, p FROM part
		UNION ALL SELECT key, p FROM alt) a $$);
SELECT chk('profiles are stored plain, never toasted', 1, $$
	SELECT typstorage <> 'p', typstorage::text FROM pg_type WHERE oid = 'fraud_profile'::regtype $$);

-- ---- bases ----

CREATE FUNCTION other_basis(x ev) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	p fraud_profile := fraud_observe(NULL::fraud_profile, x);
	q fraud_profile := fraud_observe(NULL::fraud_profile, x, 'history: {timezone: Europe/Berlin}'::fraud_rules);
BEGIN
	p := p || q;
	RETURN 'merged';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
SELECT chk('profiles of different bases do not merge (22023)', 9, $$
	SELECT state <> '22023', format('%s: %s', key, state) FROM src, other_basis(e) state WHERE seq = 1 AND key ~ '^G00' $$);

SELECT chk_summary();
DROP SCHEMA ff_profile_set CASCADE;
