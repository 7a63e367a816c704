-- the same answer in any session: settings, path, role
CREATE SCHEMA regress_determinism;
SET search_path = regress_determinism, public;
\set VERBOSITY terse

CREATE TYPE outcome AS ENUM ('approved', 'declined', 'odd');
CREATE TABLE txn (
	txn_id uuid, customer_id int8, card_id text, amount numeric, occurred_at text, country text, home_country char(5),
	lat float8, lon float4, merchant_id text, mcc int2, ip inet, status outcome, timezone text, daily_limit money, weekly_limit float8
);
CREATE TABLE other (txn_id int, customer_id text, amount float8, occurred_at timestamp, currency text);
CREATE TABLE dated (txn_id int, customer_id text, amount float4, occurred_at date);
SET timezone = 'UTC';
INSERT INTO txn
SELECT md5(i::text)::uuid, i % 3, 'k' || i % 7, (i * 7919 % 10000) / 7.0,
	   to_char(timestamp '2026-03-20' + i * interval '3 hours 7 minutes', 'YYYY-MM-DD"T"HH24:MI:SS') || CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN 'Z' ELSE '+05:30' END,
	   (ARRAY['US', ' fr', 'DE', 'KP'])[1 + i % 4], 'us', 40 + i % 9 / 7.0, i % 50 / 3.0, 'm' || i % 11, (ARRAY[5732, 742, 4111, 6051])[1 + i % 4],
	   ('203.0.113.' || i % 5)::inet, (ARRAY['approved', 'declined', 'odd'])[1 + i % 3]::outcome,
	   (ARRAY['Europe/Berlin', NULL, 'Asia/Kathmandu', 'nowhere'])[1 + i % 4], (i % 3 * 1000)::money, 1e3 / 3
FROM generate_series(1, 60) AS i;
INSERT INTO other SELECT i, 'C', i / 3.0 * 1e5, timestamp '2026-03-28 20:00' + i * interval '37 minutes', (ARRAY['EUR', NULL, 'JPY'])[1 + i % 3]
FROM generate_series(1, 40) AS i;
INSERT INTO dated SELECT i, 'D', i * 1.1, date '2026-03-20' + i FROM generate_series(1, 40) AS i;
SELECT $$
history: {timezone: America/New_York, rates: {EUR: {2026-03-01: 1.1}, JPY: {2026-03-29: 0.0071}}}
custom: {odd: {when: "amount_ratio > 1.5 AND local_hour > 11", points: 7}, sums: {when: "amount * 0.1 + 0.2 > 0.3 AND NOT is_weekend", points: 1}}
$$ AS policy \gset
CREATE TABLE policy AS SELECT :'policy'::fraud_rules AS r;
ANALYZE txn, other, dated, policy;

-- everything an answer consists of, as bytes
CREATE FUNCTION answers() RETURNS TABLE (key text, d public.fraud_decision, f public.fraud_features, e text[], p public.fraud_profile)
LANGUAGE sql STABLE BEGIN ATOMIC
	SELECT 'txn' || t.txn_id::text, public.fraud_score(t, h.p, r, i.p, h.p), public.fraud_features(t, h.p, r, i.p, h.p),
		   ARRAY(SELECT x.reason || x.status || encode(float8send(x.value), 'hex') FROM public.fraud_explain(t, h.p, r, i.p, h.p) AS x ORDER BY number), h.p
	FROM regress_determinism.txn AS t, regress_determinism.policy,
		 (SELECT s.customer_id, public.fraud_profile(s, q.r) AS p FROM regress_determinism.txn AS s, regress_determinism.policy AS q GROUP BY 1) AS h,
		 (SELECT s.ip, public.fraud_profile(s, q.r) AS p FROM regress_determinism.txn AS s, regress_determinism.policy AS q GROUP BY 1) AS i
	WHERE h.customer_id = t.customer_id AND i.ip = t.ip
	UNION ALL
	SELECT 'other' || t.txn_id::text, public.fraud_score(t, h.p, r), public.fraud_features(t, h.p, r),
		   ARRAY(SELECT x.reason || x.status || encode(float8send(x.value), 'hex') FROM public.fraud_explain(t, h.p, r) AS x ORDER BY number), h.p
	FROM regress_determinism.other AS t, regress_determinism.policy,
		 (SELECT public.fraud_profile(s, q.r) AS p FROM regress_determinism.other AS s, regress_determinism.policy AS q) AS h
	UNION ALL
	SELECT 'dated' || t.txn_id::text, public.fraud_score(t, h.p, r), public.fraud_features(t, h.p, r),
		   ARRAY(SELECT x.reason || x.status || encode(float8send(x.value), 'hex') FROM public.fraud_explain(t, h.p, r) AS x ORDER BY number), h.p
	FROM regress_determinism.dated AS t, regress_determinism.policy,
		 (SELECT public.fraud_profile(s, q.r) AS p FROM regress_determinism.dated AS s, regress_determinism.policy AS q) AS h;
END;
CREATE TABLE first AS SELECT * FROM answers();
ANALYZE first;
SELECT count(*) AS answers, count(DISTINCT (d).risk_score) > 5 AS varied,
	   count(*) FILTER (WHERE 'odd' = ANY ((d).risk_factors)) > 0 AS custom FROM first;
SELECT bool_and((d).decided_at IS NULL AND (d).retry_after IS NULL AND (d).tier IS NULL) AS no_clock FROM first;

-- record_image_eq: byte for byte
CREATE FUNCTION same() RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC
	SELECT pg_catalog.bool_and(a OPERATOR(pg_catalog.*=) b) FROM regress_determinism.first AS a
		FULL JOIN (SELECT * FROM regress_determinism.answers()) AS b ON a.key OPERATOR(pg_catalog.=) b.key;
END;
CREATE TABLE setting (n int GENERATED ALWAYS AS IDENTITY, name text, value text);
INSERT INTO setting (name, value) VALUES
	('timezone', 'Asia/Kathmandu'), ('timezone', 'America/St_Johns'), ('timezone', '<+03>-3'), ('timezone', 'Pacific/Apia'),
	('timezone_abbreviations', 'India'), ('datestyle', 'SQL, DMY'), ('datestyle', 'German'), ('datestyle', 'Postgres, MDY'),
	('intervalstyle', 'iso_8601'), ('intervalstyle', 'sql_standard'),
	('extra_float_digits', '-15'), ('extra_float_digits', '0'), ('extra_float_digits', '3'),
	('bytea_output', 'escape'), ('xmlbinary', 'hex'), ('quote_all_identifiers', 'on'), ('escape_string_warning', 'off'),
	('search_path', ''), ('search_path', 'pg_temp'), ('client_encoding', 'LATIN1'), ('client_encoding', 'SQL_ASCII'),
	('lc_messages', 'C'), ('lc_time', 'C'), ('jit_above_cost', '0'), ('enable_hashagg', 'off'), ('enable_sort', 'off'), ('work_mem', '64kB'),
	('row_security', 'off'), ('transform_null_equals', 'on'), ('check_function_bodies', 'off'), ('debug_print_plan', 'off'),
	('default_transaction_isolation', 'serializable'), ('default_transaction_read_only', 'on');
-- a locale that is not installed proves nothing
CREATE FUNCTION under(name text, value text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	PERFORM pg_catalog.set_config(name, value, true);
	result := regress_determinism.same();
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = coalesce(result::text, 'null');	-- puts the setting back
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN
		RETURN result;
	WHEN invalid_parameter_value THEN
		RETURN name LIKE 'lc\_%';
END $$;
SELECT name, value, under(name, value) AS same FROM setting ORDER BY n;
SELECT bool_and(under(name, locale)) AS locales
FROM unnest(ARRAY['lc_numeric', 'lc_monetary', 'lc_time']) AS name,
	 unnest(ARRAY['C', 'C.UTF-8', 'en_US.UTF-8', 'de_DE.UTF-8', 'fr_FR.UTF-8', 'tr_TR.UTF-8']) AS locale;

-- functions and operators in front of ours and of PostgreSQL's
CREATE SCHEMA regress_hostile;
CREATE FUNCTION regress_hostile.fraud_profile_unavailable() RETURNS public.fraud_profile LANGUAGE sql AS 'SELECT NULL::public.fraud_profile';
CREATE FUNCTION regress_hostile.num_gt(numeric, numeric) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION regress_hostile.flt_gt(float8, float8) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION regress_hostile.flt_num_gt(float8, numeric) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR regress_hostile.> (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = regress_hostile.num_gt);
CREATE OPERATOR regress_hostile.> (LEFTARG = float8, RIGHTARG = float8, FUNCTION = regress_hostile.flt_gt);
CREATE OPERATOR regress_hostile.> (LEFTARG = float8, RIGHTARG = numeric, FUNCTION = regress_hostile.flt_num_gt);
SELECT under('search_path', 'regress_hostile, pg_catalog, public') AS hostile_path;
-- a new session begins with nothing compiled, and with such a path
\c
SET search_path = regress_hostile, pg_catalog;
SET timezone = 'Pacific/Apia';
SET datestyle = 'German';
SET extra_float_digits = -10;
SELECT regress_determinism.same() AS new_session;
RESET ALL;
SET search_path = regress_determinism, public;
\set VERBOSITY terse

-- ids that have no text form of their own depend on nothing either
SELECT fraud_observe(NULL, t) AS p FROM (SELECT 0.1::float8 + 0.2 AS txn_id, 1234567.891::float4 AS card_id, 1e15::float8 AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t \gset
SET extra_float_digits = 0;
SELECT fraud_observe(NULL, t) = :'p' AS float_ids FROM (SELECT 0.1::float8 + 0.2 AS txn_id, 1234567.891::float4 AS card_id, 1e15::float8 AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t;
RESET extra_float_digits;

-- no function of history or scoring reads more than its arguments and the policy, but the one that reads a table
SELECT p.oid::regprocedure AS function, p.provolatile, p.proparallel, p.prosecdef
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'fraud_fallback' AND p.proname ~ '^(fraud_(score|explain|features|profile|observe|velocity|txn)|velocity_)'
	AND (p.provolatile = 'v' OR p.proparallel <> 's' OR p.prosecdef) ORDER BY 1;
-- what is not for everybody to call: what reads or writes the store, or is for the operator
SELECT p.oid::regprocedure AS not_for_everybody
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'fraud_fallback' AND p.proname ~ '^(fraud_(score|explain|features|profile|observe|velocity|txn)|velocity_)'
	AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE')
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- in parallel workers
CREATE TABLE many AS SELECT i AS txn_id, 'C' || i % 100 AS customer_id, i % 1000 AS amount, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute' AS occurred_at
FROM generate_series(1, 10000) AS i;
ANALYZE many;
CREATE TABLE alone AS SELECT md5(string_agg(d::text, '' ORDER BY (d).txn_id)) AS m FROM (SELECT fraud_score(t, NULL) AS d FROM many AS t) AS s;
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL force_parallel_mode = on;
SELECT md5(string_agg(d::text, '' ORDER BY (d).txn_id)) = (SELECT m FROM alone) AS parallel FROM (SELECT fraud_score(t, NULL) AS d FROM many AS t OFFSET 0) AS s;
COMMIT;

-- a role without any right but EXECUTE
CREATE ROLE regress_fraud_nobody;
SET ROLE regress_fraud_nobody;
SELECT (fraud_score('{"txn_id": 1, "customer_id": "C", "amount": 6000, "occurred_at": "2026-03-01T12:00:00Z"}', NULL)).risk_factors;
SELECT count(*) AS rules FROM fraud_explain('{"txn_id": 1, "customer_id": "C", "amount": 6000, "occurred_at": "2026-03-01T12:00:00Z"}', NULL);
SELECT (fraud_features('{"txn_id": 1, "customer_id": "C", "amount": 6000, "occurred_at": "2026-03-01T12:00:00Z"}', NULL)).amount;
SELECT v.* FROM fraud_velocity(fraud_observe(NULL, '{"txn_id": 1, "amount": 6, "occurred_at": "2026-03-01T12:00:00Z"}'), '1 hour', '2026-03-01 12:00Z') AS v;
SELECT fraud_profile(j) = fraud_observe(NULL, min(j::text)) AS aggregate
FROM (VALUES ('{"txn_id": 1, "amount": 6, "occurred_at": "2026-03-01T12:00:00Z"}'::jsonb)) AS v (j) GROUP BY ();
SELECT 'custom' = ANY ((fraud_score('{"txn_id": 1, "customer_id": "C", "amount": 6000, "occurred_at": "2026-03-01T12:00:00Z"}', NULL,
									'custom: {custom: {when: "amount > 5", points: 1}}')).risk_factors) AS custom;
SELECT * FROM regress_determinism.txn;
RESET ROLE;
DROP ROLE regress_fraud_nobody;

SET client_min_messages = warning;
DROP SCHEMA regress_hostile CASCADE;
DROP SCHEMA regress_determinism CASCADE;
