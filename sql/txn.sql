-- what is read from a transaction: types, units, words, zones
CREATE SCHEMA regress_txn;
SET search_path = regress_txn, public;
SET timezone = 'America/Caracas';		-- must not matter
SET datestyle = 'SQL, DMY';
\set VERBOSITY terse

CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- one value of a JSON transaction, as history keeps it
CREATE FUNCTION kept(fields jsonb, key text, policy fraud_rules DEFAULT fraud_rules_default()) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT public.fraud_observe(NULL, '{"txn_id": 1, "occurred_at": "2026-03-01T12:00:00Z"}' || fields, policy)::jsonb -> 'newest' -> 0 ->> key
$$;
CREATE FUNCTION explained(fields jsonb, rule_name text, policy fraud_rules DEFAULT fraud_rules_default()) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT status || ': ' || reason
	FROM public.fraud_explain('{"txn_id": 1, "customer_id": "C", "amount": 1, "occurred_at": "2026-03-01T12:00:00Z"}' || fields, NULL, policy)
	WHERE rule = rule_name
$$;
CREATE DOMAIN words AS text CHECK (VALUE <> 'x');
CREATE DOMAIN price AS numeric(12, 2);
CREATE TYPE state AS ENUM ('approved', 'DECLINED', 'Settled', 'odd');

-- ids: the type does not matter
SELECT n AS "case", p = fraud_observe(NULL, '{"txn_id": "42", "card_id": "42", "merchant_id": "42", "occurred_at": "2026-03-01T12:00:00Z"}') AS ok
FROM (
	SELECT 1, fraud_observe(NULL, t) FROM (SELECT 42::int2 AS txn_id, 42::int2 AS card_id, 42::int2 AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 2, fraud_observe(NULL, t) FROM (SELECT 42::int4 AS txn_id, 42::int4 AS card_id, 42::int4 AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 3, fraud_observe(NULL, t) FROM (SELECT 42::int8 AS txn_id, 42::int8 AS card_id, 42::int8 AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 4, fraud_observe(NULL, t) FROM (SELECT 42::numeric AS txn_id, 42::numeric AS card_id, 42::numeric AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 5, fraud_observe(NULL, t) FROM (SELECT '42'::varchar AS txn_id, '42'::char(10) AS card_id, ' 42 '::text AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 6, fraud_observe(NULL, t) FROM (SELECT '42'::words AS txn_id, '42'::name AS card_id, 42::float8 AS merchant_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 7, fraud_observe(NULL, '{"txn_id": 42, "card_id": 42, "merchant_id": "  42\t", "occurred_at": "2026-03-01T12:00:00Z"}'::jsonb)
	UNION ALL SELECT 8, fraud_observe(NULL, ROW(42, NULL, 42, NULL, NULL, '2026-03-01 12:00Z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 42,
												NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::fraud_txn)
) AS v (n, p) ORDER BY n;
SELECT fraud_observe(NULL, t) = fraud_observe(NULL, to_jsonb(t)) AS uuid, (fraud_score(t, NULL)).txn_id
FROM (SELECT 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid AS txn_id, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t;
-- without txn_id the rest is the identity, and blank text is NULL
SELECT n AS "case", got, want, got = want AS ok
FROM (SELECT 1, fraud_observe(NULL, '{"card_id": "k", "amount": 1, "occurred_at": "2026-03-01T12:00:00Z"}')
				= fraud_observe(NULL, '{"card_id": "k", "amount": 1, "txn_id": " \t", "customer_id": "", "occurred_at": "2026-03-01T12:00:00Z"}'), true
	  UNION ALL SELECT 2, fraud_observe(NULL, '{"card_id": "k", "amount": 1, "occurred_at": "2026-03-01T12:00:00Z"}')
				= fraud_observe(NULL, '{"card_id": "k", "amount": 1, "customer_id": "C", "occurred_at": "2026-03-01T12:00:00Z"}'), false
	  UNION ALL SELECT 3, (fraud_score('{"txn_id": "  ", "amount": 1, "occurred_at": "2026-03-01T12:00:00Z"}', NULL)).txn_id IS NULL, true
	  UNION ALL SELECT 4, (fraud_score('{"txn_id": " a b ", "amount": 1, "occurred_at": "2026-03-01T12:00:00Z"}', NULL)).txn_id = 'a b', true
) AS v (n, got, want) ORDER BY n;

-- amounts as text: four places, half away from zero
SELECT value, got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	('10', '10.0000'), ('-10.5', '-10.5000'), (' 12.5 ', '12.5000'), ('+3', '3.0000'), ('.5', '0.5000'), ('5.', '5.0000'), ('0', '0.0000'),
	('10.00005', '10.0001'), ('10.00004999999', '10.0000'), ('-10.00005', '-10.0001'), ('-10.000049', '-10.0000'),
	('0.00005', '0.0001'), ('-0.00005', '-0.0001'), ('0.00004', '0.0000'), ('99.99995', '100.0000'),
	('1e2', '100.0000'), ('1.5E+3', '1500.0000'), ('12345e-2', '123.4500'), ('5e-5', '0.0001'), ('4.9e-5', '0.0000'),
	('15e-5', '0.0002'), ('123456e-5', '1.2346'), ('1234567890e-8', '12.3457'), ('0.000015e1', '0.0002'), ('0.0000123e5', '1.2300'),
	('00000000000000000000000000012.5', '12.5000'), ('12.50000000000000000000000000000000000', '12.5000'),
	('100000000000', '100000000000.0000'), ('-100000000000', '-100000000000.0000'), ('1e11', '100000000000.0000'),
	('100000000000.00004', '100000000000.0000'), ('100000000000.00005', NULL), ('-100000000000.0001', NULL), ('100000000001', NULL), ('1e12', NULL),
	('1e400', NULL), ('-1e400', NULL), ('99999999999999999999999999999999', NULL), ('1e-400', '0.0000'),
	('NaN', NULL), ('Infinity', NULL), ('-inf', NULL), ('', NULL), ('   ', NULL), ('.', NULL), ('-', NULL), ('e5', NULL), ('1e', NULL),
	('--1', NULL), ('1.2.3', NULL), ('12,5', NULL), ('1,000', NULL), ('1_000', NULL), ('0x10', NULL), ('$5', NULL), ('5 USD', NULL), ('1 0', NULL), ('1e1.5', NULL)
) AS v (value, want), LATERAL kept(jsonb_build_object('amount', value), 'amount') AS got;

-- and of the other types
SELECT n AS "case", fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ->> 'amount' AS got, want,
	   fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ->> 'amount' IS NOT DISTINCT FROM want AS ok
FROM (SELECT n, want, timestamptz '2026-03-01 12:00Z' AS occurred_at, amount FROM (VALUES
		(1, 10.00005::numeric, '10.0001'), (2, -0.00005, '-0.0001'), (3, 'NaN', NULL), (4, 'Infinity', NULL), (5, 1e11, '100000000000.0000'),
		(6, 100000000000.0001, NULL), (7, NULL, NULL), (8, 1e100, NULL), (9, 1e-100, '0.0000'), (10, -1e11, '-100000000000.0000')) AS v (n, amount, want)) AS t;
SELECT n AS "case", fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ->> 'amount' AS got, want,
	   fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ->> 'amount' IS NOT DISTINCT FROM want AS ok
FROM (SELECT n, want, timestamptz '2026-03-01 12:00Z' AS occurred_at, amount FROM (VALUES
		(1, 0.1::float8 + 0.2, '0.3000'), (2, 1.00005, '1.0001'), (3, 'NaN', NULL), (4, 'Infinity', NULL), (5, '-Infinity', NULL), (6, 1e11, '100000000000.0000'),
		(7, 1.0000000001e11, NULL), (8, -0.0, '0.0000'), (9, 1.5e-5, '0.0000'), (10, 5e-5, '0.0001'), (11, 1e300, NULL), (12, 2.675, '2.6750')) AS v (n, amount, want)) AS t;
SELECT n AS "case", got ->> 'amount' AS got, want, got ->> 'amount' IS NOT DISTINCT FROM want AS ok
FROM (
	SELECT 1, fraud_observe(NULL, t), '7.0000' FROM (SELECT 7::int2 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 2, fraud_observe(NULL, t), '-7.0000' FROM (SELECT -7::int4 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 3, fraud_observe(NULL, t), '100000000000.0000' FROM (SELECT 100000000000::int8 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 4, fraud_observe(NULL, t), NULL FROM (SELECT 100000000001::int8 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 5, fraud_observe(NULL, t), NULL FROM (SELECT (-9223372036854775808)::int8 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 6, fraud_observe(NULL, t), '1.1000' FROM (SELECT 1.1::float4 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 7, fraud_observe(NULL, t), NULL FROM (SELECT 'NaN'::float4 AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 8, fraud_observe(NULL, t), '1234.5600' FROM (SELECT 1234.56::numeric::money AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 9, fraud_observe(NULL, t), '-5.0000' FROM (SELECT (-5)::numeric::money AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 10, fraud_observe(NULL, t), '12.3500' FROM (SELECT 12.345::price AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 11, fraud_observe(NULL, t), '12.3450' FROM (SELECT '12.345'::words AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 12, fraud_observe(NULL, t), '12.5000' FROM (SELECT '12.5'::char(20) AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 13, fraud_observe(NULL, t), NULL FROM (SELECT true AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 14, fraud_observe(NULL, t), NULL FROM (SELECT ARRAY[1] AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
) AS v (n, p, want), LATERAL (SELECT p::jsonb -> 'newest' -> 0) AS j (got) ORDER BY n;
-- an amount that cannot be used is missing: REVIEW, and says so
SELECT d.risk_score, d.recommendation, d.reason ~ 'amount is missing' AS says_so, (fraud_features(t, NULL)).past_count AS past
FROM (SELECT 1 AS txn_id, 'C' AS customer_id, 'NaN'::numeric AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t, LATERAL fraud_score(t, NULL) AS d;

-- time
SELECT value, got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	('2026-03-01T10:00:00Z', '2026-03-01T10:00:00.000000Z'),
	('2026-03-01T10:00:00+02:00', '2026-03-01T08:00:00.000000Z'),
	('2026-03-01T10:00:00-0530', '2026-03-01T15:30:00.000000Z'),
	('2026-03-01 10:00+02', '2026-03-01T08:00:00.000000Z'),
	('2026-03-01T10:00', '2026-03-01T10:00:00.000000Z'),
	(' 2026-03-01t10:00:01.5z ', '2026-03-01T10:00:01.500000Z'),
	('2026-03-01T10:00:01,123456', '2026-03-01T10:00:01.123456Z'),
	('2026-03-01T10:00:01.1234569', '2026-03-01T10:00:01.123456Z'),
	('2026-03-01', '2026-03-01T00:00:00.000000Z'),
	('2024-02-29', '2024-02-29T00:00:00.000000Z'),
	('1000-01-01T00:00:00Z', '1000-01-01T00:00:00.000000Z'),
	('3000-01-01T00:00:00Z', '3000-01-01T00:00:00.000000Z'),
	-- not ISO 8601, or no such moment, or out of range: missing
	('01.03.2026', NULL), ('03/01/2026', NULL), ('March 1, 2026', NULL), ('2026-3-1', NULL), ('20260301', NULL), ('2026-03-01T', NULL),
	('2026-02-29', NULL), ('2026-13-01', NULL), ('2026-03-32', NULL), ('2026-03-01T24:00', NULL), ('2026-03-01T10:60', NULL),
	('2026-03-01T10', NULL), ('2026-03-01T10:00:00 UTC', NULL), ('2026-03-01T10:00:00 America/Caracas', NULL), ('2026-03-01T10:00:00+25', NULL), ('2026-03-01T10:00:00Z1', NULL),
	('now', NULL), ('today', NULL), ('infinity', NULL), ('-infinity', NULL), ('epoch', NULL), ('1772362800', NULL), ('', NULL),
	('0700-01-01T00:00:00Z', NULL), ('3500-01-01T00:00:00Z', NULL), ('9999-12-31T23:59:59Z', NULL), ('0000-01-01', NULL), ('12026-03-01', NULL)
) AS v (value, want), LATERAL kept(jsonb_build_object('occurred_at', value), 'occurred_at') AS got;
SELECT n AS "case", got ->> 'occurred_at' AS got, want, got ->> 'occurred_at' IS NOT DISTINCT FROM want AS ok
FROM (
	SELECT 1, fraud_observe(NULL, t), '2026-03-01T12:00:00.000000Z' FROM (SELECT timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t
	UNION ALL SELECT 2, fraud_observe(NULL, t), '2026-03-01T12:00:00.000000Z' FROM (SELECT timestamp '2026-03-01 12:00' AS occurred_at) AS t
	UNION ALL SELECT 3, fraud_observe(NULL, t), '2026-03-01T00:00:00.000000Z' FROM (SELECT date '2026-03-01' AS occurred_at) AS t
	UNION ALL SELECT 4, fraud_observe(NULL, t), '2026-03-01T11:00:00.000000Z' FROM (SELECT timestamp '2026-03-01 12:00' AS occurred_at, 'Europe/Berlin' AS timezone) AS t
	UNION ALL SELECT 5, fraud_observe(NULL, t), '2026-02-28T23:00:00.000000Z' FROM (SELECT date '2026-03-01' AS occurred_at, 'Europe/Berlin' AS timezone) AS t
	UNION ALL SELECT 6, fraud_observe(NULL, t), '2026-03-01T12:00:00.000000Z' FROM (SELECT timestamptz '2026-03-01 12:00Z' AS occurred_at, 'Europe/Berlin' AS timezone) AS t
	UNION ALL SELECT 7, fraud_observe(NULL, t), '2026-03-01T12:00:00.000000Z' FROM (SELECT '2026-03-01 12:00'::char(30) AS occurred_at, 'Mars/Olympus' AS timezone) AS t
	UNION ALL SELECT 8, fraud_observe(NULL, t), NULL FROM (SELECT timestamptz 'infinity' AS occurred_at) AS t
	UNION ALL SELECT 9, fraud_observe(NULL, t), NULL FROM (SELECT date '-infinity' AS occurred_at) AS t
	UNION ALL SELECT 10, fraud_observe(NULL, t), NULL FROM (SELECT timestamp 'infinity' AS occurred_at) AS t
	UNION ALL SELECT 11, fraud_observe(NULL, t), NULL FROM (SELECT date '5000-01-01' AS occurred_at) AS t
	UNION ALL SELECT 12, fraud_observe(NULL, t), NULL FROM (SELECT timestamptz '0700-01-01 BC' AS occurred_at) AS t
	UNION ALL SELECT 13, fraud_observe(NULL, t), NULL FROM (SELECT 5 AS occurred_at) AS t
	UNION ALL SELECT 14, fraud_observe(NULL, t), NULL FROM (SELECT 1 AS txn_id) AS t
) AS v (n, p, want), LATERAL (SELECT p::jsonb -> 'newest' -> 0) AS j (got) ORDER BY n;
-- the policy's zone on the days its clocks change, as PostgreSQL reads them there
SELECT value, kept(jsonb_build_object('occurred_at', value), 'occurred_at', 'history: {timezone: Europe/Berlin}')
	   = to_char(value::timestamp AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ok
FROM (VALUES ('2026-03-29T01:59:59'), ('2026-03-29T02:30:00'), ('2026-03-29T03:00:00'), ('2026-10-25T01:59:59'), ('2026-10-25T02:30:00'), ('2026-10-25T03:00:00')) AS v (value);
-- the local hour and weekend: of the row's zone, else the policy's
SELECT n AS "case", f.local_hour, f.is_weekend, f.local_hour IS NOT DISTINCT FROM hour AND f.is_weekend IS NOT DISTINCT FROM weekend AS ok
FROM (VALUES
	(1, '{}', 'UTC', 23, true),			-- Sunday, 23:30
	(2, '{"timezone": "Europe/Berlin"}', 'UTC', 0, false),
	(3, '{"timezone": "Asia/Kathmandu"}', 'UTC', 5, false),
	(4, '{"timezone": "America/New_York"}', 'Europe/Berlin', 18, true),
	(5, '{}', 'Europe/Berlin', 0, false),
	(6, '{"timezone": ""}', 'Europe/Berlin', 0, false),
	(7, '{"timezone": null}', 'Europe/Berlin', 0, false),
	(8, '{"timezone": "no such zone"}', 'Europe/Berlin', 0, false),
	(9, '{"timezone": 5}', 'Europe/Berlin', 0, false),
	(10, '{"timezone": "../../etc/passwd"}', 'Europe/Berlin', 0, false),
	(11, '{"occurred_at": "2026-03-29T01:30:00Z"}', 'Europe/Berlin', 3, true),		-- summer time begins at 2:00
	(12, '{"occurred_at": "2026-10-25T00:30:00Z"}', 'Europe/Berlin', 2, true),		-- and ends at 3:00
	(13, '{"occurred_at": "2026-10-25T01:30:00Z"}', 'Europe/Berlin', 2, true),
	(14, '{"occurred_at": "1970-01-01T00:30:00Z"}', 'UTC', 0, false),
	(15, '{"occurred_at": "1999-12-31T23:30:00Z"}', 'UTC', 23, false)
) AS v (n, fields, zone, hour, weekend),
	LATERAL fraud_features('{"txn_id": 1, "occurred_at": "2026-03-01T23:30:00Z"}' || fields::jsonb, NULL,
						   fraud_rules_set(fraud_rules_default(), 'history.timezone', zone)) AS f ORDER BY n;
SELECT f.is_weekend AS friday FROM fraud_features('{"occurred_at": "2026-03-06T12:00:00Z"}', NULL, 'history: {weekend: [5, 6]}') AS f;
-- a date has no time of day
SELECT rule, status, reason FROM (SELECT 'C' AS customer_id, 5 AS amount, date '2026-03-01' AS occurred_at) AS t, LATERAL fraud_explain(t, NULL)
WHERE number IN (13, 14, 17);
SELECT fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ? 'local_hour' AS hour_of_a_date FROM (SELECT date '2026-03-01' AS occurred_at) AS t;

-- country, position, channel
SELECT v.field, v.value, got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	('country', '"FR"', 'FR'), ('country', '" fr "', 'FR'), ('country', '"fRA"', NULL), ('country', '"F"', NULL), ('country', '"F1"', NULL), ('country', '""', NULL),
	('country', '"é"', NULL), ('country', '"[["', NULL), ('country', '"@A"', NULL), ('country', '"AA"', 'AA'), ('country', '"zz"', 'ZZ'), ('country', '5', NULL), ('country', '[]', NULL),
	('card_present', 'null', 'true'), ('card_present', '"present"', 'true'), ('card_present', '"PRESENT "', 'true'), ('card_present', '"online"', 'false'),
	('card_present', '"pos"', 'true'), ('card_present', '"Web"', 'false'), ('card_present', '"mail"', 'false'), ('card_present', '" "', 'true'), ('card_present', '{}', 'true')
) AS v (field, value, want), LATERAL kept(jsonb_build_object(CASE v.field WHEN 'card_present' THEN 'channel' ELSE v.field END, v.value::jsonb), v.field) AS got;
SELECT lat, lon, got -> 'lat' AS got_lat, got -> 'lon' AS got_lon,
	   CASE WHEN want_lat IS NULL THEN NOT got ? 'lat' AND NOT got ? 'lon'
			ELSE abs((got -> 'lat')::float8 - want_lat) < 0.00003 AND abs((got -> 'lon')::float8 - want_lon) < 0.00005 END AS ok
FROM (VALUES
	('48.8566', '2.3522', 48.8566, 2.3522), ('-90', '180', -90, 180), ('90', '-180', 90, -180), ('"48.8566"', '" 2.3522 "', 48.8566, 2.3522), ('4e1', '1e-3', 40, 0.001),
	('90.0001', '0', NULL, NULL), ('0', '180.5', NULL, NULL), ('0', '-1e300', NULL, NULL), ('"NaN"', '0', NULL, NULL), ('"inf"', '0', NULL, NULL), ('"0x10"', '0', NULL, NULL),
	('"48,8"', '2', NULL, NULL), ('""', '2', NULL, NULL), ('null', '2', NULL, NULL), ('2', 'null', NULL, NULL), ('true', '2', NULL, NULL), ('[1]', '2', NULL, NULL)
) AS v (lat, lon, want_lat, want_lon),
	LATERAL (SELECT fraud_observe(NULL, jsonb_build_object('txn_id', 1, 'occurred_at', '2026-03-01T12:00:00Z', 'lat', lat::jsonb, 'lon', lon::jsonb))::jsonb -> 'newest' -> 0) AS j (got);

-- status: the known words, the policy's, others; declined counts where status says nothing
SELECT n AS "case", fields, got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, '{}', 'approved'), (2, '{"status": "approved"}', 'approved'), (3, '{"status": " DECLINED "}', 'declined'), (4, '{"status": "pending"}', 'pending'),
	(5, '{"status": "Failed"}', 'failed'), (6, '{"status": "blocked"}', 'blocked'), (7, '{"status": "settled"}', 'approved'), (8, '{"status": "REFUSED"}', 'declined'),
	(9, '{"status": "timeout"}', 'failed'), (10, '{"status": "maybe"}', 'pending'), (11, '{"status": 5}', 'pending'), (12, '{"status": ""}', 'approved'),
	(13, '{"status": null}', 'approved'), (14, '{"declined": true}', 'declined'), (15, '{"declined": false}', 'approved'), (16, '{"declined": "yes"}', 'declined'),
	(17, '{"declined": "T"}', 'declined'), (18, '{"declined": 1}', 'declined'), (19, '{"declined": 0}', 'approved'), (20, '{"declined": null}', 'approved'),
	(21, '{"status": null, "declined": true}', 'declined'), (22, '{"status": "approved", "declined": false}', 'approved'), (23, '{"declined": []}', 'approved')
) AS v (n, fields, want), LATERAL kept(fields::jsonb, 'status') AS got ORDER BY n;
SELECT s::text AS value, fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ->> 'status' AS enum
FROM unnest(enum_range(NULL::state)) AS s, LATERAL (SELECT timestamptz '2026-03-01 12:00Z' AS occurred_at, s AS status) AS t;
SELECT kept('{"status": "ok"}', 'status', 'history: {status_values: {OK: approved, nix: failed}}') AS ok,
	   kept('{"status": "NIX"}', 'status', 'history: {status_values: {OK: approved, nix: failed}}') AS nix;
-- unknown words are counted, wherever they stand
SELECT n AS "case", events, (regexp_match(p::jsonb::text, '"unknown_status_words": (\d+)'))[1] AS got,
	   (regexp_match(p::jsonb::text, '"unknown_status_words": (\d+)'))[1] IS NOT DISTINCT FROM want AS ok
FROM (VALUES (1, 1, '1'), (2, 10, '10'), (3, 40, '40')) AS v (n, events, want),
	LATERAL (SELECT fraud_profile(jsonb_build_object('txn_id', i, 'status', 'maybe', 'occurred_at', timestamptz '2026-03-01 12:00Z' + i * interval '1 minute'))
			 FROM generate_series(1, events) AS i) AS q (p) ORDER BY n;

-- currencies: rates by date
SELECT $$history: {base_currency: USD, rates: {EUR: {2024-01-01: 1.1039, 2024-02-01: 1.0812}, JPY: {2024-01-01: 0.0071}, KWD: {2024-01-01: 3.25}}}$$ AS rates \gset
SELECT n AS "case", currency, amount, got, want, got IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, '"EUR"', '10', '2024-01-15T12:00:00Z', '11.0390'), (2, '"EUR"', '10', '2024-02-01T00:00:00Z', '10.8120'), (3, '"EUR"', '10', '2024-01-31T23:59:59Z', '11.0390'),
	(4, '"EUR"', '10', '2030-01-01T00:00:00Z', '10.8120'), (5, '"EUR"', '10', '2023-12-31T23:59:59Z', NULL), (6, '"JPY"', '1000', '2024-01-15T12:00:00Z', '7.1000'),
	(7, '"KWD"', '-2.5', '2024-01-15T12:00:00Z', '-8.1250'), (8, '"CHF"', '10', '2024-01-15T12:00:00Z', NULL), (9, 'null', '10', '2024-01-15T12:00:00Z', '10.0000'),
	(10, '""', '10', '2024-01-15T12:00:00Z', '10.0000'), (11, '"USD"', '10', '2020-01-15T12:00:00Z', '10.0000'), (12, '" usd "', '10', '2024-01-15T12:00:00Z', '10.0000'),
	(13, '" eur"', '10', '2024-01-15T12:00:00Z', '11.0390'), (14, '"EURO"', '10', '2024-01-15T12:00:00Z', NULL), (15, '"EU"', '10', '2024-01-15T12:00:00Z', NULL),
	(16, '"JPY"', '0.01', '2024-01-15T12:00:00Z', '0.0001'), (17, '"JPY"', '-0.0071', '2024-01-15T12:00:00Z', '-0.0001'),	-- 0.00005041 to -0.0001
	(18, '"EUR"', '99000000000', '2024-01-15T12:00:00Z', NULL), (19, '"EUR"', '"NaN"', '2024-01-15T12:00:00Z', NULL), (20, '978', '10', '2024-01-15T12:00:00Z', NULL)
) AS v (n, currency, amount, at, want),
	LATERAL kept(jsonb_build_object('currency', currency::jsonb, 'amount', amount::jsonb, 'occurred_at', at), 'amount', :'rates') AS got ORDER BY n;
SELECT d.risk_score, d.reason ~ 'amount is missing' AS says_so
FROM fraud_score('{"txn_id": 1, "customer_id": "C", "amount": 5, "currency": "CHF", "occurred_at": "2024-01-15T12:00:00Z"}', NULL) AS d;
SELECT fraud_observe(NULL, t, :'rates')::jsonb -> 'newest' -> 0 -> 'amount' AS char_n
FROM (SELECT 10 AS amount, 'EUR'::char(5) AS currency, timestamptz '2024-01-15 12:00Z' AS occurred_at) AS t;

-- merchant category and MCC
SELECT n AS "case", fields, f.merchant_risk, f.merchant_risk IS NOT DISTINCT FROM want AS ok
FROM (VALUES
	(1, '{"mcc": "5732"}', 'electronics'), (2, '{"mcc": 5732}', 'electronics'), (3, '{"mcc": " 6051 "}', 'crypto'), (4, '{"mcc": 742}', 'adult'), (5, '{"mcc": "0742"}', 'adult'),
	(6, '{"mcc": "57321"}', NULL), (7, '{"mcc": "57A2"}', NULL), (8, '{"mcc": -742}', NULL), (9, '{"mcc": ""}', NULL), (10, '{"mcc": []}', NULL), (11, '{"mcc": 5732.5}', NULL),
	(12, '{"merchant_category": "Wire Transfer"}', 'wire_transfer'), (13, '{"merchant_category": "wire-transfer"}', 'wire_transfer'), (14, '{"merchant_category": " GAMBLING "}', 'gambling'),
	(15, '{"merchant_category": "groceries"}', NULL), (16, '{"merchant_category": "groceries", "mcc": 7995}', 'gambling'), (17, '{"mcc": null}', NULL)
) AS v (n, fields, want),
	LATERAL fraud_features('{"txn_id": 1, "amount": 5, "occurred_at": "2026-03-01T12:00:00Z"}' || fields::jsonb, NULL, 'lists: {adult: {values: ["0742"]}}') AS f ORDER BY n;
SELECT f.merchant_risk AS int2 FROM (SELECT 742::int2 AS mcc) AS t, LATERAL fraud_features(t, NULL, 'lists: {adult: {values: ["0742"]}}') AS f;

-- addresses, by a deny list
SELECT n AS "case", value, 'deny_ips' = ANY (d.risk_factors) AS got, 'deny_ips' = ANY (d.risk_factors) = want AS ok
FROM (VALUES
	(1, '203.0.113.7', true), (2, ' 203.0.113.7 ', true), (3, '::ffff:203.0.113.7', true), (4, '::FFFF:CB00:7107', true), (5, '203.0.113.8', false),
	(6, '2001:db8:1:2:3:4:5:6', true), (7, '2001:DB8:0001:2::1', true), (8, '2001:db8:1:3::1', false), (9, '203.0.113.7/32', false), (10, '203.0.113.007', false),
	(11, 'localhost', false), (12, '', false), (13, '203.0.113', false), (14, '203.0.113.7:80', false), (15, '2001:db8:1:2::1%eth0', false), (16, '::203.0.113.7', false)
) AS v (n, value, want),
	LATERAL fraud_score(jsonb_build_object('txn_id', 1, 'amount', 5, 'ip', value, 'occurred_at', '2026-03-01T12:00:00Z'), NULL,
						'lists: {deny_ips: {values: [203.0.113.7, "2001:db8:1:2::/64"]}}') AS d ORDER BY n;
SELECT n AS "case", 'deny_ips' = ANY ((d).risk_factors) AS ok
FROM (
	SELECT 1, fraud_score(t, NULL, 'lists: {deny_ips: {values: [203.0.113.7]}}') FROM (SELECT '203.0.113.7'::inet AS ip) AS t
	UNION ALL SELECT 2, fraud_score(t, NULL, 'lists: {deny_ips: {values: [203.0.113.7]}}') FROM (SELECT '203.0.113.7/8'::inet AS ip) AS t
	UNION ALL SELECT 3, fraud_score(t, NULL, 'lists: {deny_ips: {values: [203.0.113.7]}}') FROM (SELECT '203.0.113.7'::cidr AS ip) AS t
	UNION ALL SELECT 4, fraud_score(t, NULL, 'lists: {deny_ips: {values: [203.0.113.7]}}') FROM (SELECT '::ffff:203.0.113.7'::inet AS ip) AS t
	UNION ALL SELECT 5, fraud_score(t, NULL, 'lists: {deny_ips: {values: [203.0.113.7]}}') FROM (SELECT '203.0.113.7'::varchar AS ip) AS t
) AS v (n, d) ORDER BY n;
SELECT explained('{"ip": "192.168.1.1", "card_id": "k"}', 'multi_card_ip') AS private, explained('{"ip": "fe80::1", "card_id": "k"}', 'multi_card_ip') AS link_local;
SELECT explained('{"ip": "nonsense", "card_id": "k"}', 'multi_card_ip') AS unusable, explained('{"ip": null, "card_id": "k"}', 'multi_card_ip') AS missing,
	   explained('{"card_id": "k"}', 'multi_card_ip') AS no_column;

-- limits
SELECT n AS "case", f.daily_limit, f.weekly_limit, (f.daily_limit, f.weekly_limit) = (daily, weekly) AS ok
FROM (VALUES
	(1, '{}', 2000, 8000), (2, '{"daily_limit": 0, "weekly_limit": "50.5"}', 0, 50.5), (3, '{"daily_limit": null, "weekly_limit": null}', 2000, 8000),
	(4, '{"daily_limit": -1, "weekly_limit": "x"}', 2000, 8000), (5, '{"daily_limit": [], "weekly_limit": {}}', 2000, 8000)
) AS v (n, fields, daily, weekly),
	LATERAL fraud_features('{"txn_id": 1, "customer_id": "C", "amount": 5, "occurred_at": "2026-03-01T12:00:00Z"}' || fields::jsonb, NULL) AS f ORDER BY n;

-- other names, from the policy; the shipped name is then not read
SELECT $$history: {columns: {txn_id: id, customer_id: payer, amount: value, occurred_at: created, status: state, card_id: "Karte"}}$$ AS names \gset
SELECT fraud_observe(NULL, t, :'names') = fraud_observe(NULL, j, :'names') AS same, (fraud_score(t, NULL, :'names')).txn_id,
	   fraud_observe(NULL, t, :'names')::jsonb -> 'newest' -> 0 ->> 'amount' AS amount, fraud_observe(NULL, t, :'names')::jsonb -> 'newest' -> 0 ->> 'status' AS status
FROM (SELECT 7 AS id, 'C' AS payer, 12.5 AS value, timestamptz '2026-03-01 12:00Z' AS created, 'declined' AS state, 'k' AS "Karte", 99 AS amount, 8 AS txn_id, 'x' AS karte) AS t,
	 LATERAL (SELECT '{"id": 7, "payer": "C", "value": 12.5, "created": "2026-03-01T12:00:00Z", "state": "declined", "Karte": "k", "amount": 3}'::jsonb) AS j (j);

-- columns dropped, added, renamed and retyped under a prepared statement and a function
CREATE TABLE changing (gone1 text, txn_id int, gone2 int, amount text, occurred_at timestamptz);
ALTER TABLE changing DROP COLUMN gone1;
INSERT INTO changing VALUES (1, 5, '10.5', '2026-03-01 12:00Z');
PREPARE ask AS SELECT p -> 'newest' -> 0 ->> 'amount' AS amount, p -> 'newest' -> 0 ->> 'country' AS country, p -> 'newest' -> 0 ->> 'status' AS status
	FROM changing AS t, LATERAL (SELECT fraud_observe(NULL, t)::jsonb AS p) AS o;
CREATE FUNCTION ask_again() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	total text := '';
BEGIN
	FOR r IN SELECT * FROM changing LOOP
		total := total || coalesce(fraud_observe(NULL, r)::jsonb -> 'newest' -> 0 ->> 'amount', 'none') || ' ';
	END LOOP;
	RETURN total;
END $$;
EXECUTE ask; SELECT ask_again();
ALTER TABLE changing DROP COLUMN gone2;
EXECUTE ask; SELECT ask_again();
ALTER TABLE changing ADD COLUMN country text DEFAULT 'fr', ADD COLUMN status text DEFAULT 'declined';
EXECUTE ask; SELECT ask_again();
ALTER TABLE changing ALTER COLUMN amount TYPE numeric USING amount::numeric * 2;
EXECUTE ask; SELECT ask_again();
ALTER TABLE changing RENAME COLUMN amount TO value;
EXECUTE ask; SELECT ask_again();
ALTER TABLE changing RENAME COLUMN value TO amount;
ALTER TABLE changing ALTER COLUMN amount TYPE int8;
EXECUTE ask; SELECT ask_again();
ALTER TABLE changing DROP COLUMN country;
EXECUTE ask; SELECT ask_again();
-- rows of other types through one call site
CREATE TABLE other_kind (occurred_at timestamptz, amount float8, card_id int);
INSERT INTO other_kind VALUES ('2026-03-02 12:00Z', 3.25, 1);
CREATE FUNCTION mixed_rows() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	p fraud_profile;
	i int;
BEGIN
	FOR i IN 1 .. 4 LOOP
		IF i % 2 = 0 THEN
			SELECT * INTO r FROM changing;
		ELSE
			SELECT * INTO r FROM other_kind;
		END IF;
		p := fraud_observe(p, r);
	END LOOP;
	RETURN (SELECT string_agg(e ->> 'amount', ' ') FROM jsonb_array_elements(p::jsonb -> 'newest') AS e);
END $$;
SELECT mixed_rows();
-- composite columns of a domain, and a domain over the row type
CREATE DOMAIN row_domain AS other_kind CHECK ((VALUE).amount > 0);
SELECT fraud_observe(NULL, ROW('2026-03-02 12:00Z', 3.25, 1)::row_domain) = fraud_observe(NULL, o) AS domain FROM other_kind AS o;
-- long values, kept out of line
SELECT fraud_observe(NULL, t) = fraud_observe(NULL, to_jsonb(t)) AS long FROM (SELECT repeat('0123456789', 2000) AS txn_id, repeat('é', 5000) AS card_id,
	repeat(' ', 3000) || '5' AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at) AS t;

-- the four forms say the same
WITH t AS (
	SELECT ROW('T1', 'C', 'k', 12.34, 'USD', '2026-03-01 12:00Z', 'FR', 'US', 48.85, 2.35, NULL, NULL, 'online', 'm', 'crypto', '6051', '203.0.113.9',
			   'approved', false, 'Europe/Paris', 100, 500, true)::fraud_txn AS t
), d AS (
	SELECT fraud_score(t, NULL) AS a, fraud_score(to_jsonb(t), NULL) AS b, fraud_score(to_jsonb(t)::text, NULL) AS c,
		   (SELECT fraud_score(r, NULL) FROM (SELECT (t.t).*) AS r) AS d FROM t
)
SELECT a *= b AS jsonb, a *= c AS json_text, a *= d AS record, (a).risk_score FROM d;

-- no transaction, no answer
SELECT n AS "case", ok
FROM (VALUES
	(1, fraud_score(NULL::jsonb, NULL) IS NULL), (2, fraud_score(NULL::text, NULL) IS NULL), (3, fraud_score(NULL::fraud_txn, NULL) IS NULL),
	(4, fraud_features(NULL::jsonb, NULL) IS NULL), (5, (SELECT count(*) FROM fraud_explain(NULL::jsonb, NULL)) = 0),
	(6, fraud_score(NULL::changing, NULL) IS NULL), (7, (fraud_score('{}', NULL)).risk_score >= 31)
) AS v (n, ok) ORDER BY n;
-- all values NULL is a transaction all the same
SELECT d.risk_score >= 31 AS review FROM (SELECT NULL::timestamptz AS occurred_at, NULL::numeric AS amount) AS t, LATERAL fraud_score(t, NULL) AS d;

-- JSON that is no object, or no JSON
SELECT value, raised(format('SELECT fraud_score(%L::%s, NULL)', value, type)), raised(format('SELECT fraud_observe(NULL, %L::%s)', value, type)) ~ '^22' AS observe
FROM (VALUES ('[1]', 'jsonb'), ('5', 'jsonb'), ('"x"', 'jsonb'), ('null', 'jsonb'), ('true', 'text'), ('[{"txn_id": 1}]', 'text')) AS v (value, type);
SELECT value, left(raised(format('SELECT fraud_score(%L::text, NULL)', value)), 5) AS state
FROM (VALUES (''), ('{'), ('{"a": 1}}'), ('{"a": "\u0000"}'), ('x')) AS v (value);
-- values of the wrong kind are missing, never an error
SELECT key, bool_and(d.risk_score BETWEEN 0 AND 100) AS ok, count(*)
FROM unnest('{txn_id,customer_id,card_id,amount,currency,occurred_at,country,home_country,lat,lon,home_lat,home_lon,channel,merchant_id,merchant_category,mcc,ip,status,declined,timezone,daily_limit,weekly_limit,is_fraud}'::text[]) AS key,
	 unnest('{"null","[]","[1]","{}","{\"a\": 1}","true","false","\"\"","\" \"","\"x\"","0","-1","1e1000","-1e-1000","\"\\u00e9\\ud83d\\ude00\"","\"NaN\"","\"%s%n\""}'::jsonb[]::text[]) AS value,
	 LATERAL (SELECT '{"txn_id": 1, "customer_id": "C", "card_id": "k", "amount": 5, "occurred_at": "2026-03-01T12:00:00Z", "lat": 1, "lon": 1, "country": "FR", "home_country": "US"}'
					 || jsonb_build_object(key, value::jsonb)) AS j (j),
	 LATERAL fraud_score(j, fraud_observe(NULL, j)) AS d
GROUP BY key ORDER BY key;
SELECT n AS "case", d.risk_score >= 31 AS review, d.reason ~ what AS says_so
FROM (VALUES (1, '{"amount": [5]}', 'amount is missing'), (2, '{"amount": {"value": 5}}', 'amount is missing'), (3, '{"amount": true}', 'amount is missing'),
			 (4, '{"occurred_at": 1772362800}', 'occurred_at is missing'), (5, '{"occurred_at": ["2026-03-01"]}', 'occurred_at is missing')) AS v (n, fields, what),
	 LATERAL fraud_score('{"txn_id": 1, "customer_id": "C", "amount": 5, "occurred_at": "2026-03-01T12:00:00Z"}' || fields::jsonb, NULL) AS d ORDER BY n;
-- names are exact; the last of two keys counts, as in jsonb
SELECT d.txn_id, 'large_amount' = ANY (d.risk_factors) AS large
FROM fraud_score('{"TXN_ID": 1, "amount": 1, "amount": 6000, "occurred_at": "2026-03-01T12:00:00Z"}', NULL) AS d;

DROP SCHEMA regress_txn CASCADE;
