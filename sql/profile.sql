-- the type fraud_profile: aggregates, operators, text and binary form
CREATE SCHEMA regress_profile;
SET search_path = regress_profile, public;
SET timezone = 'UTC';
\set VERBOSITY terse

CREATE TABLE txn (
	txn_id int, customer_id text, card_id text, amount numeric, occurred_at timestamptz, country text,
	merchant_id int, status text, lat float8, lon float8
);
INSERT INTO txn
SELECT i, 'A', 'k' || i % 5, i * 1.25, timestamptz '2026-01-01 00:00Z' + i * interval '7 hours',
	   (ARRAY['US', 'FR', 'DE', 'JP'])[1 + i % 4], i % 17, (ARRAY['approved', 'declined', 'approved', 'pending', 'approved'])[1 + i % 5],
	   50 + i % 10, i % 100
FROM generate_series(1, 100) AS i
UNION ALL
SELECT 1000 + i, 'B', 'b', i, timestamptz '2026-02-01 00:00Z' + i * interval '1 minute', 'US', 3, 'approved', NULL, NULL
FROM generate_series(1, 32) AS i
UNION ALL
SELECT 2000 + i, 'C', NULL, 5, timestamptz '2026-02-01 00:00Z' + i * interval '1 minute', NULL, NULL, NULL, NULL, NULL
FROM generate_series(1, 3) AS i;

-- what a statement raises: state and message
CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (COSTS OFF, FORMAT json, VERBOSE) ' || statement INTO plan;
	RETURN replace(plan::text, '"Partial Mode": "Partial"', 'Partial Aggregate');
END $$;
CREATE FUNCTION one_by_one(customer text) RETURNS fraud_profile LANGUAGE plpgsql AS $$
DECLARE
	p fraud_profile;
	r txn;
BEGIN
	FOR r IN SELECT * FROM txn WHERE customer_id = customer ORDER BY md5(txn_id::text) LOOP
		p := fraud_observe(p, r);
	END LOOP;
	RETURN p;
END $$;
CREATE TABLE whole AS SELECT customer_id, fraud_profile(t) AS p FROM txn AS t GROUP BY customer_id;
CREATE FUNCTION p_of(customer text) RETURNS fraud_profile STABLE LANGUAGE sql AS
	'SELECT p FROM regress_profile.whole WHERE customer_id = customer';
SELECT fraud_rules_set(fraud_rules_default(), 'history.base_currency', 'EUR')::text AS other_policy \gset
CREATE FUNCTION other_basis(customer text) RETURNS fraud_profile STABLE LANGUAGE sql AS
	$$SELECT fraud_profile(t, 'history: {base_currency: EUR}') FROM regress_profile.txn AS t WHERE customer_id = customer$$;

-- any order, one by one, or in parts
SELECT w.customer_id,
	   (SELECT fraud_profile(t ORDER BY occurred_at) FROM txn AS t WHERE t.customer_id = w.customer_id) = w.p AS forward,
	   (SELECT fraud_profile(t ORDER BY occurred_at DESC) FROM txn AS t WHERE t.customer_id = w.customer_id) = w.p AS backward,
	   (SELECT fraud_profile(t ORDER BY md5(txn_id::text)) FROM txn AS t WHERE t.customer_id = w.customer_id) = w.p AS mixed,
	   one_by_one(w.customer_id) = w.p AS one_by_one,
	   (SELECT fraud_profile(to_jsonb(t)) FROM txn AS t WHERE t.customer_id = w.customer_id) = w.p AS jsonb,
	   (SELECT fraud_profile(to_jsonb(t)::text) FROM txn AS t WHERE t.customer_id = w.customer_id) = w.p AS json_text,
	   (SELECT fraud_profile_merge(q) FROM (SELECT fraud_profile(t) AS q FROM txn AS t WHERE t.customer_id = w.customer_id
											GROUP BY t.txn_id % 7) AS s) = w.p AS merged,
	   (SELECT fraud_profile(t) FILTER (WHERE txn_id % 2 = 0) || fraud_profile(t) FILTER (WHERE txn_id % 2 = 1)
		FROM txn AS t WHERE t.customer_id = w.customer_id) = w.p AS concatenated
FROM whole AS w ORDER BY 1;

-- in parallel
CREATE TABLE many AS
SELECT i AS txn_id, 'c' || i % 3 AS customer_id, (i % 100) + 0.5 AS amount,
	   timestamptz '2026-01-01 00:00Z' + i * interval '5 minutes' AS occurred_at
FROM generate_series(1, 6000) AS i;
ANALYZE many;
CREATE TABLE serial AS SELECT customer_id, fraud_profile(t) AS p FROM many AS t GROUP BY 1;
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT plan_of('SELECT fraud_profile(t) FROM many AS t') ~ 'Partial Aggregate' AS parallel;
SELECT s.customer_id, p.p = s.p AS same
FROM serial AS s JOIN (SELECT customer_id, fraud_profile(t) AS p FROM many AS t GROUP BY 1) AS p USING (customer_id) ORDER BY 1;
SELECT fraud_profile(t) = (SELECT fraud_profile_merge(p) FROM serial) AS all_of_them FROM many AS t;
COMMIT;

-- windows: the frame of the bulk query, and frames that move
CREATE TABLE windowed AS
SELECT t.*,
	   fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
							  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
	   fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
							  ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS six,
	   fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
							  RANGE BETWEEN '3 days' PRECEDING AND '1 second' PRECEDING) AS three_days,
	   fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at
							  ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS after,
	   fraud_profile(t) OVER (PARTITION BY customer_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
							  EXCLUDE CURRENT ROW) AS others
FROM txn AS t;
SELECT count(*) AS rows,
	   count(*) FILTER (WHERE before IS NOT DISTINCT FROM
		   (SELECT fraud_profile(t) FROM txn AS t WHERE t.customer_id = w.customer_id AND t.occurred_at < w.occurred_at)) AS before,
	   count(*) FILTER (WHERE six IS NOT DISTINCT FROM
		   (SELECT fraud_profile(t) FROM txn AS t WHERE t.customer_id = w.customer_id AND t.txn_id BETWEEN w.txn_id - 5 AND w.txn_id)) AS six,
	   count(*) FILTER (WHERE three_days IS NOT DISTINCT FROM
		   (SELECT fraud_profile(t) FROM txn AS t WHERE t.customer_id = w.customer_id AND t.occurred_at < w.occurred_at
			AND t.occurred_at >= w.occurred_at - interval '3 days')) AS three_days,
	   count(*) FILTER (WHERE after IS NOT DISTINCT FROM
		   (SELECT fraud_profile(t) FROM txn AS t WHERE t.customer_id = w.customer_id AND t.occurred_at > w.occurred_at)) AS after,
	   count(*) FILTER (WHERE others IS NOT DISTINCT FROM
		   (SELECT fraud_profile(t) FROM txn AS t WHERE t.customer_id = w.customer_id AND t.txn_id <> w.txn_id)) AS others,
	   count(*) FILTER (WHERE before IS NULL) AS firsts
FROM windowed AS w;
SELECT bool_and(m = fraud_profile_merge) AS merge_over_windows
FROM (SELECT fraud_profile_merge(p) OVER (ORDER BY customer_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS m,
			 lag(p) OVER (ORDER BY customer_id) || p AS fraud_profile_merge FROM whole) AS s;

-- what may go with an aggregate
SELECT n AS "case", got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, (SELECT fraud_profile(t) FROM txn AS t WHERE false) IS NULL, true),
	(2, (SELECT fraud_profile(t) FILTER (WHERE false) FROM txn AS t) IS NULL, true),
	(3, (SELECT fraud_profile_merge(p) FROM whole WHERE false) IS NULL, true),
	(4, (SELECT fraud_profile_merge(NULL::fraud_profile) FROM whole) IS NULL, true),
	(5, (SELECT fraud_profile_merge(p) FROM (SELECT p FROM whole UNION ALL SELECT NULL) AS s) = (SELECT fraud_profile_merge(p) FROM whole), true),
	(6, (SELECT fraud_profile(DISTINCT t) FROM (SELECT t FROM txn AS t UNION ALL SELECT t FROM txn AS t) AS s
		 WHERE (t).customer_id = 'A') = p_of('A'), true),
	-- NULL rows and rows without a time leave nothing behind
	(7, (SELECT fraud_profile(x) FROM (SELECT t AS x FROM txn AS t WHERE customer_id = 'C' UNION ALL SELECT NULL) AS s) = p_of('C'), true),
	(8, (SELECT fraud_profile(x) FROM (SELECT to_jsonb(t) AS x FROM txn AS t WHERE customer_id = 'C'
									   UNION ALL SELECT '{"txn_id": 9, "amount": 1}') AS s) = p_of('C'), true),
	-- a repeat among the newest 32
	(9, (SELECT fraud_profile(t) FROM (SELECT * FROM txn UNION ALL SELECT * FROM txn) AS t WHERE customer_id = 'B') = p_of('B'), true),
	(10, (SELECT count(*) FROM (SELECT fraud_profile(t) FROM txn AS t GROUP BY GROUPING SETS ((customer_id), ())) AS s) = 4, true)
) AS v (n, got, want) ORDER BY n;

-- || , = and NULL
SELECT n AS "case", got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, p_of('A') || NULL = p_of('A'), true),
	(2, NULL || p_of('A') = p_of('A'), true),
	(3, (NULL::fraud_profile || NULL) IS NULL, true),
	(4, p_of('A') || p_of('B') = p_of('B') || p_of('A'), true),
	(5, p_of('A') || (p_of('B') || p_of('C')) = (p_of('A') || p_of('B')) || p_of('C'), true),
	(6, p_of('B') || p_of('B') = p_of('B'), true),
	-- what left the newest 32 counts again
	(7, p_of('A') || p_of('A') = p_of('A'), false),
	(8, ((p_of('A') || p_of('A'))::jsonb #> '{older,approved_ever}')::int = 2 * (p_of('A')::jsonb #> '{older,approved_ever}')::int, true),
	(9, p_of('A') || fraud_profile_unavailable() = fraud_profile_unavailable(), true),
	(10, fraud_profile_unavailable() || p_of('A') = fraud_profile_unavailable(), true),
	(11, p_of('A') = p_of('B'), false),
	(12, p_of('A') <> p_of('B'), true),
	(13, p_of('A') <> p_of('A'), false),
	(14, p_of('A') = NULL, NULL),
	(15, p_of('A') <> NULL, NULL),
	(16, other_basis('C') = p_of('C'), false),
	(17, (SELECT fraud_profile_merge(p) FROM (SELECT p FROM whole UNION ALL SELECT fraud_profile_unavailable()) AS s)
		 = fraud_profile_unavailable(), true)
) AS v (n, got, want) ORDER BY n;

-- hashing
SELECT count(*) AS groups, min(n) AS least, max(n) AS most
FROM (SELECT p, count(*) AS n FROM (SELECT p FROM whole UNION ALL SELECT one_by_one(customer_id) FROM whole) AS s GROUP BY p) AS g;
SELECT count(*) AS joined FROM whole AS a JOIN whole AS b ON a.p = b.p;
SELECT count(DISTINCT p::text) AS values, count(*) AS rows FROM (SELECT p FROM whole UNION SELECT p FROM whole) AS s;

-- fraud_observe and fraud_observe_fraud
SELECT n AS "case", got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, fraud_observe(NULL, NULL::jsonb) IS NULL, true),
	(2, fraud_observe(p_of('C'), NULL::jsonb) = p_of('C'), true),
	(3, fraud_observe(p_of('C'), NULL::txn) = p_of('C'), true),
	(4, fraud_observe(p_of('B'), (SELECT t FROM txn AS t WHERE txn_id = 1032)) = p_of('B'), true),
	(5, fraud_observe(p_of('C'), '{"txn_id": 1}') = p_of('C'), true),
	(6, fraud_observe(fraud_profile_unavailable(), '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}') = fraud_profile_unavailable(), true),
	(7, fraud_observe(NULL, '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}')
		= fraud_observe(NULL, '{"txn_id": "1", "occurred_at": "2026-01-01T01:00:00+01:00"}'::jsonb), true),
	-- of two versions at one time the higher rank stays, whatever came first
	(8, fraud_observe(fraud_observe(NULL, '{"txn_id": 1, "status": "pending", "occurred_at": "2026-01-01T00:00:00Z"}'),
					  '{"txn_id": 1, "status": "declined", "occurred_at": "2026-01-01T00:00:00Z"}')
		= fraud_observe(NULL, '{"txn_id": 1, "status": "declined", "occurred_at": "2026-01-01T00:00:00Z"}'), true),
	(9, fraud_observe(fraud_observe(NULL, '{"txn_id": 1, "status": "declined", "occurred_at": "2026-01-01T00:00:00Z"}'),
					  '{"txn_id": 1, "status": "pending", "occurred_at": "2026-01-01T00:00:00Z"}')
		= fraud_observe(NULL, '{"txn_id": 1, "status": "declined", "occurred_at": "2026-01-01T00:00:00Z"}'), true),
	-- with different times they are two
	(10, jsonb_array_length(fraud_observe(fraud_observe(NULL, '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}'),
					  '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:01Z"}')::jsonb -> 'newest') = 2, true),
	(11, fraud_observe_fraud(p_of('C'), NULL::jsonb, '2026-01-01') = p_of('C'), true),
	(12, fraud_observe_fraud(p_of('C'), (SELECT t FROM txn AS t WHERE txn_id = 2001), NULL) = p_of('C'), true),
	(13, (fraud_observe_fraud(p_of('C'), (SELECT t FROM txn AS t WHERE txn_id = 2001), '2026-03-01')::jsonb
		  -> 'confirmed_frauds_90d')::int = 1, true),
	(14, fraud_observe_fraud(fraud_profile_unavailable(), '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}', '2026-01-02')
		 = fraud_profile_unavailable(), true),
	(15, fraud_observe_fraud(p_of('C'), '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}', 'infinity') = p_of('C'), false),
	(16, fraud_observe(fraud_observe_fraud(NULL, '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}', '2026-01-02'),
					   '{"txn_id": 2, "occurred_at": "2026-01-01T00:00:00Z"}')
		 = fraud_observe_fraud(fraud_observe(NULL, '{"txn_id": 2, "occurred_at": "2026-01-01T00:00:00Z"}'),
							   '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}', '2026-01-02'), true)
) AS v (n, got, want) ORDER BY n;

-- different bases
SELECT n AS "case", raised(statement)
FROM (VALUES
	(1, $$SELECT p_of('A') || other_basis('C')$$),
	(2, $$SELECT fraud_profile_merge(p) FROM (SELECT p_of('A') UNION ALL SELECT other_basis('A')) AS s (p)$$),
	(3, $$SELECT fraud_observe(other_basis('A'), '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}')$$),
	(4, $$SELECT fraud_observe_fraud(other_basis('A'), '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}', '2026-01-02')$$),
	(5, $$SELECT fraud_profile(t, CASE WHEN txn_id % 2 = 0 THEN fraud_rules_default()
			ELSE 'history: {base_currency: EUR}'::fraud_rules END) FROM txn AS t$$),
	-- which is no matter of rules
	(6, $$SELECT p_of('A') || fraud_profile(t, 'rules: {large_amount: {weight: 1}}') FROM txn AS t$$),
	(7, $$SELECT fraud_observe(other_basis('A'), '{"txn_id": 1, "occurred_at": "2026-01-01T00:00:00Z"}', 'history: {base_currency: EUR}')$$)
) AS v (n, statement) ORDER BY n;
SELECT raised('SELECT fraud_profile_final(NULL)') ~ '^(0A000|42883|42804)' AS outside_of_an_aggregate;

-- for people
SELECT fraud_profile_unavailable()::jsonb;
SELECT jsonb_pretty(fraud_observe(NULL, '{"txn_id": 7, "card_id": "k", "merchant_id": "m", "amount": 12.3456, "country": "fr",
	"lat": 0, "lon": 0, "status": "declined", "channel": "online", "occurred_at": "2026-03-01T23:30:00.25+01:00"}')::jsonb
	#- '{basis}' #- '{newest,0,id_hash}' #- '{newest,0,card_hash}' #- '{newest,0,merchant_hash}');
SELECT n AS "case", got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, jsonb_array_length(p_of('A')::jsonb -> 'newest'), 32),
	(2, (p_of('A')::jsonb #> '{older,attempts_90d}')::int, 68),
	(3, (p_of('A')::jsonb #> '{older,declined_90d}')::int, 14),		-- 1, 6, ... 66
	(4, (p_of('A')::jsonb -> 'bytes')::int, pg_column_size(p_of('A'))),
	(5, (p_of('A')::jsonb #> '{older,approved_ever}')::int, 40),	-- 13 of i % 5 = 0, 14 of 2, 13 of 4
	(6, (SELECT round(sum(amount) * 100) FROM txn WHERE txn_id <= 68 AND status <> 'declined')::int,
		((p_of('A')::jsonb #> '{older,spend_90d}')::numeric * 100)::int),
	(7, (p_of('A')::jsonb -> 'older' ->> 'first_seen' = '2026-01-01T07:00:00.000000Z')::int, 1)
) AS v (n, got, want) ORDER BY n;

-- size and storage
SELECT n AS "case", ok
FROM (VALUES
	(1, (SELECT max(pg_column_size(before)) <= 3500 FROM windowed)),
	(2, pg_column_size(p_of('A')) BETWEEN 1200 AND 2600),
	(3, (SELECT pg_column_size(fraud_profile(to_jsonb(t))) BETWEEN 2000 AND 3500
		 FROM (SELECT i AS txn_id, 'k' || i % 50 AS card_id, (i * 7919 % 100000) * 1000000.0001 AS amount, 'm' || i AS merchant_id,
					  timestamptz '2026-01-01' + i * interval '11 minutes' AS occurred_at,
					  chr(65 + i % 26) || chr(65 + i / 26 % 26) AS country, 1 AS lat, 1 AS lon
			   FROM generate_series(1, 12000) AS i) AS t)),
	(4, (SELECT typstorage = 'p' AND typlen = -1 AND typalign = 'd' FROM pg_type WHERE oid = 'fraud_profile'::regtype)),
	(5, (SELECT attstorage = 'p' FROM pg_attribute WHERE attrelid = 'whole'::regclass AND attname = 'p'))
) AS v (n, ok) ORDER BY n;

-- there and back as text, whatever the size; labels too
CREATE TABLE every_size AS
SELECT customer_id, txn_id, before AS p FROM windowed WHERE before IS NOT NULL
UNION ALL
SELECT customer_id, txn_id, fraud_observe_fraud(fraud_observe_fraud(before, (SELECT t FROM txn AS t WHERE t.txn_id = w.txn_id), now()),
	'{"txn_id": 5, "occurred_at": "2026-01-01T00:00:00Z"}', '2026-01-02') FROM windowed AS w WHERE txn_id % 9 = 0;
SELECT count(*) AS rows, count(*) FILTER (WHERE p::text::fraud_profile = p) AS same FROM every_size;

-- hostile text
CREATE TABLE stored (p fraud_profile);
SELECT reltoastrelid = 0 AS never_toasted FROM pg_class WHERE oid = 'stored'::regclass;
CREATE FUNCTION state_of(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_profile.stored VALUES (value::fraud_profile);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT n AS "case", raised(format('INSERT INTO stored VALUES (%L)', value))
FROM (VALUES
	(1, ''),
	(2, '0'),
	(3, p_of('C')::text || '0'),
	(4, p_of('C')::text || '00'),
	(5, upper(p_of('C')::text)),
	(6, ' ' || p_of('C')::text),
	(7, overlay(p_of('C')::text PLACING '02' FROM 1)),
	(8, overlay(p_of('C')::text PLACING '00' FROM 1)),
	(9, repeat('01', 3497)),
	(10, repeat('00', 3496)),
	(11, 'ä' || p_of('C')::text),
	(12, '\x' || p_of('C')::text),
	(13, '{"unavailable": true}'),
	(14, overlay(fraud_profile_unavailable()::text PLACING '01' FROM 5)),
	-- two events that change places, and one twice
	(15, left(p_of('C')::text, 24) || substr(p_of('C')::text, 25 + 70, 70) || substr(p_of('C')::text, 25, 70) || right(p_of('C')::text, 70)),
	(16, left(p_of('C')::text, 24) || substr(p_of('C')::text, 25, 70) || substr(p_of('C')::text, 25, 140))
) AS v (n, value) ORDER BY n;
DO $$
BEGIN
	PERFORM 'zz'::fraud_profile;
EXCEPTION WHEN invalid_text_representation THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
-- cut anywhere
SELECT state_of(left(p::text, n)) AS state, count(*) > 0 AS some
FROM (SELECT p_of('A') AS p UNION ALL SELECT p_of('C')) AS s, LATERAL generate_series(0, length(p::text) - 1) AS n GROUP BY 1;
SELECT count(*) AS stored FROM stored;
-- any digit changed: refused, or a value like any other
CREATE TABLE flipped AS
SELECT n, overlay(p::text PLACING d FROM n) AS value
FROM (SELECT 'A' AS c, p_of('A') AS p
	  UNION ALL SELECT 'F', p FROM (SELECT p FROM every_size WHERE txn_id = 99 ORDER BY length(p::text) DESC LIMIT 1) AS f) AS s,
	 LATERAL (SELECT n FROM generate_series(1, length(p::text)) AS n WHERE n < 700 OR n % 3 = 0) AS at,
	 LATERAL (SELECT DISTINCT d FROM (VALUES ('0'), ('f'), (to_hex((('x' || substr(p::text, n, 1))::bit(4)::int + 1) % 16))) AS v (d)
			  WHERE d <> substr(p::text, n, 1)) AS digit;
SELECT state_of(value) AS state, count(*) > 1000 AS many FROM flipped GROUP BY 1 ORDER BY 1;
SELECT count(*) = count(*) FILTER (WHERE p::text::fraud_profile = p) AS come_back FROM stored;
SELECT count(*) FILTER (WHERE p::jsonb IS NULL) AS jsonb,
	   count(*) FILTER (WHERE (p || p) IS NULL OR (p || p)::text::fraud_profile <> p || p) AS merged,
	   count(*) FILTER (WHERE fraud_observe(NULL, '{"txn_id": 1, "occurred_at": "2026-02-01T00:00:00Z"}') IS NULL) AS observed,
	   count(*) FILTER (WHERE (fraud_velocity(p, '30 days', '2026-02-01')).exact IS NULL) AS velocity,
	   count(*) FILTER (WHERE (fraud_score('{"txn_id": 1, "customer_id": "A", "amount": 5, "lat": 1, "lon": 1, "occurred_at": "2026-02-01T00:00:00Z"}',
										   p, NULL, p, p)).risk_score NOT BETWEEN 0 AND 100) AS score
FROM stored;

-- binary form: the bytes of the text form; checked as hard
\getenv dir PG_ABS_BUILDDIR
\if :{?dir}
\set file :dir '/results/profile.bin'
\else
\set file '/tmp/regress_profile.bin'
\endif
\set copy_in '\\copy received FROM ' :'file' ' WITH (FORMAT binary)'
CREATE TABLE received (p fraud_profile);
COPY (SELECT p FROM whole ORDER BY customer_id) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
COPY (SELECT decode(p::text, 'hex') FROM whole ORDER BY customer_id) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
SELECT w.customer_id, count(*) FROM received AS r JOIN whole AS w USING (p) GROUP BY 1 ORDER BY 1;
-- cut, another version, events in the wrong order, empty, too long
COPY (SELECT substr(decode(p_of('A')::text, 'hex'), 1, 1000)) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
COPY (SELECT set_byte(decode(p_of('A')::text, 'hex'), 0, 2)) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
COPY (SELECT decode(left(p_of('C')::text, 24) || substr(p_of('C')::text, 25 + 70, 70) || substr(p_of('C')::text, 25, 70)
					|| right(p_of('C')::text, 70), 'hex')) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
COPY (SELECT ''::bytea) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
COPY (SELECT decode(repeat('01', 5000), 'hex')) TO STDOUT WITH (FORMAT binary) \g :file
:copy_in
SELECT count(*) AS received FROM received;
\setenv FRAUD_FILE :file
\! rm -f "$FRAUD_FILE"

DROP SCHEMA regress_profile CASCADE;
