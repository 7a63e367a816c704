-- fraud_explain() and fraud_features(): statuses, numbers, sentences
SET client_min_messages = warning;
CREATE SCHEMA regress_explain;
SET search_path = regress_explain, public;

-- Payments are made on Wednesday 2026-03-18 at noon UTC unless they say otherwise; `ago` counts back from there.
CREATE FUNCTION stamp(ago interval) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT to_char(timestamp '2026-03-18 12:00' - ago, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
CREATE FUNCTION tx(amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT jsonb_build_object('txn_id', 'now', 'customer_id', 'c1', 'occurred_at', stamp('0'), 'amount', amount) || more $$;

-- events: one; n alike, `step` apart from `ago` on; one an amount
CREATE FUNCTION ev(ago interval, amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT ARRAY[jsonb_build_object('occurred_at', stamp(ago), 'amount', amount) || more] $$;
CREATE FUNCTION evs(ago interval, step interval, amounts numeric[], more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(jsonb_build_object('occurred_at', stamp(ago + (i - 1) * step), 'amount', a) || more)
	   FROM unnest(amounts) WITH ORDINALITY AS u (a, i) $$;
CREATE FUNCTION evs(ago interval, step interval, n int, amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT CASE WHEN n = 0 THEN '{}' ELSE evs(ago, step, array_fill(amount, ARRAY[n]), more) END $$;
CREATE FUNCTION hist(events jsonb[], policy fraud_rules DEFAULT NULL) RETURNS fraud_profile LANGUAGE sql STABLE AS
	$$ SELECT fraud_profile(e, policy) FROM unnest(events) AS e $$;

-- want: status, points if any; the reason (its kind) of what was not evaluated or exempt
CREATE TABLE cases (
	n int GENERATED ALWAYS AS IDENTITY, rule text, name text, want text, t jsonb, h fraud_profile, policy fraud_rules,
	ip_h fraud_profile DEFAULT fraud_profile_unavailable(), merchant_h fraud_profile DEFAULT fraud_profile_unavailable());
CREATE VIEW results AS
	SELECT n, c.rule, name,
		   status || CASE WHEN points > 0 THEN ' ' || points ELSE '' END ||
		   CASE WHEN status IN ('not_evaluated', 'off') OR reason ~ '^(exempt|card not present)'
				THEN ': ' || regexp_replace(reason, '^(insufficient history|shared address|exempt).*', '\1') ELSE '' END AS got,
		   want
	FROM cases c LEFT JOIN LATERAL fraud_explain(t, h, policy, ip_h, merchant_h) e ON e.rule = c.rule;
CREATE FUNCTION show(which text) RETURNS TABLE ("case" text, got text, want text, ok boolean) LANGUAGE sql STABLE AS
	$$ SELECT name, got, want, got IS NOT DISTINCT FROM want FROM results WHERE rule = which ORDER BY n $$;

-- want: status, points, the value shown and what it is compared with; then numbers that the sentence must hold
ALTER TABLE cases ADD numbers text[] DEFAULT '{}';
CREATE VIEW explained AS
	SELECT n, c.rule, name, status || ' ' || points || ' ' || coalesce(round(value::numeric, CASE WHEN c.rule IN ('impossible_travel', 'distant_location') THEN 0 ELSE 4 END)::float8::text, '-') ||
		   ' ' || coalesce(round(threshold::numeric, 4)::float8::text, '-') AS got, want, reason,
		   (SELECT bool_and(strpos(reason, x) > 0) FROM unnest(numbers) x) IS NOT FALSE AS numbers_ok
	FROM cases c LEFT JOIN LATERAL fraud_explain(t, h, policy, ip_h, merchant_h) e ON e.rule = c.rule;

-- ==== one hit a rule; the value is the number that rules.yaml names
INSERT INTO cases (rule, name, want, numbers, t, h, ip_h, merchant_h) VALUES
	('high_amount', 'hit', 'hit 30 6 5', '{600.00,6,100.00,5}', tx(600), hist(evs('1 day', '1 day', 5, 100)), NULL, NULL),
	('unusual_high_value', 'hit', 'hit 15 5 3', '{301.00,5,51.00,10,3}', tx(301), hist(evs('1 day', '1 day', '{1,101,1,101,1,101,1,101,1,101}')), NULL, NULL),
	('unusual_high_value', 'hit, new', 'hit 15 700 500', '{700.00,500}', tx(700), NULL, NULL, NULL),
	('large_amount', 'hit', 'hit 30 5000.5 5000', '{5000.50,5000}', tx(5000.5), NULL, NULL, NULL),
	('daily_limit', 'hit, default', 'hit 20 2500 2000', '{2500.00,2000.00,24 hours}', tx(2000), hist(ev('1 hour', 500)), NULL, NULL),
	('daily_limit', 'hit, 3 x the mean', 'hit 20 4000 3000', '{4000.00,3000.00,24 hours}', tx(4000), hist(evs('2 days', '1 day', 3, 1000)), NULL, NULL),
	('daily_limit', 'hit, own', 'hit 20 150.0001 100', '{150.0001,100.00}', tx(150.0001, '{"daily_limit": 100}'), NULL, NULL, NULL),
	('weekly_limit', 'hit', 'hit 15 9000 8000', '{9000.00,8000.00,7 days}', tx(9000), NULL, NULL, NULL),
	('foreign_country', 'hit', 'hit 25 - -', '{FR,US}', tx(10, '{"country": "FR", "home_country": "US"}'), NULL, NULL, NULL),
	('foreign_country', 'hit, over 1000', 'hit 30 1500 1000', '{FR,US,1500.00,1000}', tx(1500, '{"country": "FR", "home_country": "US"}'), NULL, NULL, NULL),
	('foreign_country', 'hit, eased', 'hit 10 - -', '{FR,US,4,30}', tx(10, '{"country": "FR", "home_country": "US"}'), hist(evs('1 day', '1 day', 4, 1, '{"country": "FR"}')), NULL, NULL),
	('high_risk_country', 'hit', 'hit 30 - -', '{IR,high_risk_countries}', tx(1, '{"country": "IR"}'), NULL, NULL, NULL),
	('high_risk_merchant', 'hit', 'hit 20 - -', '{gambling}', tx(1, '{"mcc": "7995"}'), NULL, NULL, NULL),
	('high_risk_merchant', 'hit, electronics', 'hit 30 6000 5000', '{electronics,6000.00,5000}', tx(6000, '{"mcc": "5732"}'), NULL, NULL, NULL),
	('first_time_merchant', 'hit', 'hit 10 150 100', '{150.00,100.00,5}', tx(150, '{"merchant_id": "m"}'), hist(evs('1 day', '1 day', 5, 100)), NULL, NULL),
	('first_time_merchant', 'hit, new', 'hit 10 250 200', '{250.00,200}', tx(250, '{"merchant_id": "m"}'), NULL, NULL, NULL),
	('velocity_10m', 'hit', 'hit 15 5 3', '{5 attempts,10 minutes,3}', tx(1), hist(evs('61 s', '1 min', 4, 1)), NULL, NULL),
	('velocity_10m', 'hit, the second band', 'hit 30 7 5', '{7 attempts,10 minutes,5}', tx(1), hist(evs('61 s', '1 min', 6, 1)), NULL, NULL),
	('velocity_sustained', 'hit, 60 s', 'hit 15 4 2', '{4 attempts,60 seconds,2}', tx(1), hist(evs('1 s', '1 s', 3, 1)), NULL, NULL),
	('velocity_sustained', 'hit, 1 hour', 'hit 15 12 10', '{12 attempts,1 hour,10}', tx(1), hist(evs('5 min', '5 min', 11, 1)), NULL, NULL),
	('velocity_sustained', 'hit, 24 hours', 'hit 10 27 25', '{27 attempts,24 hours,25}', tx(1), hist(evs('50 min', '50 min', 26, 1)), NULL, NULL),
	('consecutive_declines', 'hit', 'hit 20 4 3', '{4 declines,60,3}', tx(1, '{"status": null}'), hist(evs('1 min', '1 min', 4, 1, '{"status": "declined"}')), NULL, NULL),
	('multi_card_ip', 'hit', 'hit 20 5 4', '{5 cards,60,4}', tx(1, '{"ip": "203.0.113.9", "card_id": "a"}'), NULL,
		hist(ev('1 min', 1, '{"card_id": "b"}') || ev('2 min', 1, '{"card_id": "c"}') || ev('3 min', 1, '{"card_id": "d"}') || ev('4 min', 1, '{"card_id": "e"}')), NULL),
	('unusual_hour', 'hit', 'hit 10 2 -', '{2,"[1, 5)"}', tx(1, '{"occurred_at": "2026-03-18T02:59:00Z"}'), NULL, NULL, NULL),
	('unusual_hour', 'hit, rare', 'hit 10 9 -', '{9,0.02}', tx(1, '{"occurred_at": "2026-03-18T09:00:00Z"}'), hist(evs('1 day', '1 day', 30, 1)), NULL, NULL),
	('unusual_hour', 'hit, both', 'hit 15 3 -', '{3,"[1, 5)",0.02}', tx(1, '{"occurred_at": "2026-03-18T03:00:00Z"}'), hist(evs('1 day', '1 day', 30, 1)), NULL, NULL),
	('dormant_account', 'hit', 'hit 10 100.5 90', '{100.5 days,90}', tx(60), hist(evs('100 days 12:00', '1 day', 3, 1)), NULL, NULL),
	('weekend_shift', 'hit', 'hit 10 0.0476 0.05', '{0.05,weekends}', tx(1, '{"occurred_at": "2026-03-21T12:00:00Z"}'),
		(SELECT fraud_profile(jsonb_build_object('amount', 1, 'occurred_at', to_char(d, 'YYYY-MM-DD"T12:00:00Z"')))
		 FROM generate_series(timestamp '2026-01-19', '2026-03-17', '1 day') d
		 WHERE extract(isodow FROM d) < 6 AND d <> '2026-03-17' AND d <> '2026-03-16' OR d IN ('2026-03-14', '2026-03-15')), NULL, NULL);
-- 10 degrees of the equator are 1111.95 km; positions are kept to some metres, so km are rounded here
INSERT INTO cases (rule, name, want, numbers, t, h) VALUES
	('impossible_travel', 'hit', 'hit 30 1112 900', '{1112 km,1112 km/h,1 hours,900}', tx(1, '{"lat": 0, "lon": 10}'), hist(ev('1 hour', 1, '{"lat": 0, "lon": 0}'))),
	('distant_location', 'hit', 'hit 10 1112 500', '{1112 km,20 hours,500}', tx(1, '{"lat": 0, "lon": 10}'), hist(ev('20 hours', 1, '{"lat": 0, "lon": 0}')));
-- 2 of 20 at the merchant: 0.1 of 28 days
CREATE FUNCTION merchant(n int, frauds interval[]) RETURNS fraud_profile LANGUAGE plpgsql STABLE AS $$
DECLARE
	p fraud_profile := hist(evs('1 hour', '1 hour', n - cardinality(frauds), 10));
	e jsonb;
	i int;
BEGIN
	FOR i IN 1 .. cardinality(frauds) LOOP
		e := (ev(frauds[i], 20, jsonb_build_object('txn_id', 'fraud ' || i)))[1];
		p := fraud_observe_fraud(fraud_observe(p, e), e, '2026-03-18 12:00Z');
	END LOOP;
	RETURN p;
END $$;
INSERT INTO cases (rule, name, want, numbers, t, merchant_h) VALUES
	('merchant_reputation', 'hit', 'hit 20 0.0154 0.015', '{2,36,90 days,0.0154,0.015}', tx(1, '{"merchant_id": "m"}'), merchant(36, '{40 days, 41 days}')),
	('merchant_reputation', 'hit, a surge', 'hit 30 0.1 0.1', '{2,20,28 days,0.1}', tx(1, '{"merchant_id": "m"}'), merchant(20, '{3 days, 4 days}'));
\pset format unaligned
SELECT rule, name AS "case", got, want, got IS NOT DISTINCT FROM want AND numbers_ok AS ok, reason FROM explained ORDER BY n;

-- ==== all of one: an ordinary payment of a customer who is known, every status and sentence
CREATE FUNCTION known() RETURNS fraud_profile LANGUAGE sql STABLE AS $$
	SELECT hist(evs('1 day', '1 day', 40, 100, '{"merchant_id": "m1", "card_id": "a", "country": "US", "lat": 40, "lon": -74, "channel": "present"}')) $$;
SELECT number, rule, category, status, points, round(value::numeric, 4)::float8 AS value, round(threshold::numeric, 4)::float8 AS threshold, reason
FROM fraud_explain(tx(120, '{"merchant_id": "m1", "card_id": "a", "country": "US", "home_country": "US", "lat": 40, "lon": -74,
	"channel": "present", "mcc": "5411", "ip": "203.0.113.9", "status": null}'), known(), NULL, NULL, merchant(100, '{}'));
-- the same row, nothing known but what it says
SELECT number, rule, status, reason
FROM fraud_explain(jsonb_populate_record(NULL::fraud_txn, tx(120)), fraud_profile_unavailable(), 'rules: {weekend_shift: {enabled: false}, large_amount: {shadow: true}}');
-- all seven statuses
SELECT string_agg(DISTINCT status, ' ' ORDER BY status) AS statuses, count(*) AS rows
FROM fraud_explain(tx(6000, '{"country": "IR"}'), hist(evs('1 s', '1 s', 9, 1)), E'rules: {large_amount: {shadow: true}}
scoring: {short_circuit: true}
custom: {a: {when: "true", points: 1}}')
UNION ALL
SELECT string_agg(DISTINCT status, ' ' ORDER BY status), count(*)
FROM fraud_explain(tx(6000, '{"country": "IR"}'), NULL, 'custom: {a: {when: "1 / attempts_60s > 0", points: 1}, b: {when: "1 / (attempts_60s - 1) > 0", points: 1}}');
\pset format aligned
SELECT count(*) AS rows_for_null FROM fraud_explain(NULL::jsonb, NULL);

-- ==== fraud_features: names and types, in order
CREATE TABLE wanted (n int GENERATED ALWAYS AS IDENTITY, name text, type text);
INSERT INTO wanted (name, type)
	SELECT split_part(x, ' ', 1), coalesce(nullif(split_part(x, ' ', 2), ''), 'float8')
	FROM regexp_split_to_table('amount, past_count int8, past_mean, past_stddev, past_max, amount_ratio, amount_sigmas, spend_24h, spend_7d, ' ||
		'daily_limit, weekly_limit, foreign_country bool, approved_in_country_30d int8, high_risk_country bool, distance_km, hours_since_present, ' ||
		'speed_kmh, merchant_risk text, first_time_merchant bool, merchant_approved_90d int8, merchant_frauds_90d int8, merchant_fraud_bound, ' ||
		'merchant_approved_28d int8, merchant_frauds_28d int8, attempts_60s int8, attempts_10m int8, attempts_1h int8, attempts_24h int8, ' ||
		'declines_run int8, ip_cards_60m int8, ip_attempts_24h int8, ip_declined_share_24h, local_hour int4, is_weekend bool, hour_share, ' ||
		'day_kind_share, approved_ever int8, days_since_approved, days_known', ', ') WITH ORDINALITY AS t (x, i) ORDER BY i;
SELECT n, coalesce(name, attname) AS name, type, format_type(atttypid, NULL) AS is, attname = name AND atttypid = type::regtype AS ok
FROM wanted FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = 'fraud_features'::regclass AND attnum > 0) a ON attnum = n ORDER BY n;

-- ==== and values, each worked out by hand
CREATE TABLE features (n int GENERATED ALWAYS AS IDENTITY, name text, got jsonb, want jsonb);
-- approved 1, 101, 1, 101 on the Tuesday before, Monday, Sunday, Saturday at 11 in FR at m1; declined, declined and pending just before
INSERT INTO features (name, got, want)
SELECT 'all known', to_jsonb(fraud_features(
		tx(201, '{"card_id": "a", "merchant_id": "m2", "mcc": "7995", "ip": "203.0.113.9", "country": "FR", "home_country": "US", "lat": 0, "lon": 10, "daily_limit": 300}'),
		hist(evs('1 day 1 hour', '1 day', '{1,101,1,101}'::numeric[], '{"merchant_id": "m1", "country": "FR", "card_id": "a"}') || ev('30 s', 5, '{"status": "declined", "card_id": "a"}')
			|| ev('5 min', 7, '{"status": "declined", "card_id": "a"}') || ev('30 min', 11, '{"status": "pending", "card_id": "b"}') || ev('-1 s', 50)),
		NULL,
		hist(ev('30 min', 1, '{"card_id": "b"}') || ev('61 min', 1, '{"card_id": "c"}') || ev('2 hours', 1, '{"card_id": "a", "status": "declined"}') || ev('25 hours', 1)),
		fraud_observe_fraud(hist(evs('1 day', '1 day', 20, 5) || evs('40 days', '1 day', 4, 5)), (ev('40 days', 5))[1], '2026-03-01Z'))),
	'{"amount": 201, "past_count": 4, "past_mean": 51, "past_stddev": 50, "past_max": 101, "amount_sigmas": 3, "spend_24h": 212, "spend_7d": 416,
	"daily_limit": 300, "weekly_limit": 8000, "foreign_country": true, "approved_in_country_30d": 4, "high_risk_country": false,
	"distance_km": null, "hours_since_present": null, "speed_kmh": null, "merchant_risk": "gambling", "first_time_merchant": true,
	"merchant_approved_90d": 24, "merchant_frauds_90d": 1, "merchant_approved_28d": 20, "merchant_frauds_28d": 0,
	"attempts_60s": 2, "attempts_10m": 3, "attempts_1h": 4, "attempts_24h": 4, "declines_run": 2,
	"ip_cards_60m": 2, "ip_attempts_24h": 4, "local_hour": 12, "is_weekend": false, "hour_share": 1, "day_kind_share": 0.5,
	"approved_ever": 4}'
UNION ALL
SELECT 'nothing known', to_jsonb(fraud_features('{}'::text, NULL)), (SELECT jsonb_object_agg(name, NULL) FROM wanted)
UNION ALL
SELECT 'a new customer', to_jsonb(fraud_features('{"amount": 10, "occurred_at": "2026-03-21T23:30:00Z"}'::text, NULL)),
	(SELECT jsonb_object_agg(name, NULL) FROM wanted) || '{"amount": 10, "past_count": 0, "spend_24h": 10, "spend_7d": 10, "daily_limit": 2000, "weekly_limit": 8000,
	"attempts_60s": 1, "attempts_10m": 1, "attempts_1h": 1, "attempts_24h": 1, "declines_run": 0, "local_hour": 23, "is_weekend": true, "approved_ever": 0}'
UNION ALL
SELECT 'history unavailable', to_jsonb(fraud_features(jsonb_populate_record(NULL::fraud_txn, tx(10, '{"country": "FR", "home_country": "FR", "mcc": "6051"}')), fraud_profile_unavailable())),
	(SELECT jsonb_object_agg(name, NULL) FROM wanted) || '{"amount": 10, "foreign_country": false, "high_risk_country": false, "merchant_risk": "crypto", "local_hour": 12, "is_weekend": false}'
UNION ALL
SELECT 'a refund', to_jsonb(fraud_features(tx(-10), NULL)),
	'{"amount": -10, "spend_24h": 0, "spend_7d": 0, "attempts_60s": 0, "attempts_24h": 0}'
UNION ALL
SELECT 'one past: no spread', to_jsonb(fraud_features(tx(20), hist(ev('1 day', 10)))),
	'{"past_count": 1, "past_mean": 10, "past_max": 10, "past_stddev": 0, "amount_ratio": 2, "amount_sigmas": null, "days_since_approved": 1, "days_known": 1}'
UNION ALL
SELECT 'two alike: no spread', to_jsonb(fraud_features(tx(20), hist(evs('1 day', '1 day', 2, 10)))),
	'{"past_count": 2, "past_stddev": 0, "amount_ratio": 2, "amount_sigmas": null, "days_since_approved": 1, "days_known": 2}'
UNION ALL
SELECT 'a past older than 90 days', to_jsonb(fraud_features(tx(20), hist(evs('100 days', '1 day', 3, 10)))),
	'{"past_count": 0, "past_mean": null, "past_max": null, "past_stddev": null, "amount_ratio": null, "amount_sigmas": null, "approved_ever": 3, "days_since_approved": 100, "days_known": 102, "hour_share": 1, "day_kind_share": 0.3333333333333333}'
UNION ALL
SELECT 'active days: 3 x 1000', to_jsonb(fraud_features(tx(1), hist(evs('2 days', '1 day', 3, 1000)))),
	'{"daily_limit": 3000, "weekly_limit": 8000, "spend_24h": 1, "spend_7d": 3001}'
UNION ALL
SELECT 'a NULL transaction', to_jsonb(fraud_features(NULL::jsonb, NULL)), NULL;
SELECT name AS "case", CASE WHEN got @> want OR got IS NULL AND want IS NULL THEN 'as wanted' ELSE
	(SELECT string_agg(format('%s: got %s, want %s', key, got -> key, value), '; ') FROM jsonb_each(want) WHERE got -> key IS DISTINCT FROM value) END AS result
FROM features ORDER BY n;

SELECT (SELECT count(*) FROM explained WHERE NOT numbers_ok OR got IS DISTINCT FROM want) +
	   (SELECT count(*) FROM features WHERE NOT (got @> want OR got IS NULL AND want IS NULL)) AS wrong;
DROP SCHEMA regress_explain CASCADE;
