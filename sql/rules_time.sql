-- rules 17 to 19 at, just below and just above everything they compare with
SET client_min_messages = warning;
CREATE SCHEMA regress_rules_time;
SET search_path = regress_rules_time, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- ==== 17 unusual_hour: local hour in [1, 5): 10; at least 30 past and under 2 % of them within an hour of it: 10; both: 15
ALTER TABLE cases ALTER rule SET DEFAULT 'unusual_hour';
CREATE FUNCTION clock(t text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(10, jsonb_build_object('occurred_at', '2026-03-18T' || t) || more) $$;
INSERT INTO cases (name, want, t, h) VALUES
	('01:00', 'hit 10', clock('01:00:00Z'), NULL),
	('just before', 'no_hit', clock('00:59:59.999999Z'), NULL),
	('04:59', 'hit 10', clock('04:59:59.999999Z'), NULL),
	('05:00', 'no_hit', clock('05:00:00Z'), NULL),
	('03:00', 'hit 10', clock('03:00:00Z'), NULL),
	('noon', 'no_hit', clock('12:00:00Z'), NULL),
	('00:00', 'no_hit', clock('00:00:00Z'), NULL),
	('an offset does not make it local', 'hit 10', clock('06:00:00+02:00'), NULL),
	('in its zone: 01:00 in Berlin', 'hit 10', clock('00:00:00Z', '{"timezone": "Europe/Berlin"}'), NULL),
	('in its zone: 00:59 in Berlin', 'no_hit', clock('23:59:59Z', '{"timezone": "Europe/Berlin"}'), NULL),
	('in its zone: 05:00 in Berlin', 'no_hit', clock('04:00:00Z', '{"timezone": "Europe/Berlin"}'), NULL),
	('without offset, read in its zone', 'hit 10', clock('01:00:00', '{"timezone": "Europe/Berlin"}'), NULL),
	('without offset, read in UTC', 'hit 10', clock('01:00:00'), NULL),
	('summer time: 01:00 in Berlin is 23:00', 'hit 10', tx(1, '{"occurred_at": "2026-03-29T23:00:00Z", "timezone": "Europe/Berlin"}'), NULL),
	('half an hour off: 01:00 in Kolkata', 'hit 10', tx(1, '{"occurred_at": "2026-03-18T19:30:00Z", "timezone": "Asia/Kolkata"}'), NULL),
	('half an hour off: 00:59 in Kolkata', 'no_hit', tx(1, '{"occurred_at": "2026-03-18T19:29:59Z", "timezone": "Asia/Kolkata"}'), NULL),
	('timezone NULL', 'hit 10', clock('01:00:00Z', '{"timezone": null}'), NULL),
	-- the customer's own hours; the history is at noon
	('30 past, none at 09', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 30, 10))),
	('29 past', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 29, 10))),
	('30th exactly 90 days ago', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 29, 10) || ev('90 days 3:00', 10, '{"timezone": "Asia/Tokyo"}'))),
	('30th just within 90 days', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 29, 10) || ev('90 days 2:59:59.999999', 10, '{"timezone": "Asia/Tokyo"}'))),
	('30th declined', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 29, 10) || ev('31 days', 10, '{"status": "declined"}'))),
	('10:59 is two hours from noon', 'hit 10', clock('10:59:59.999999Z'), hist(evs('1 day', '1 day', 30, 10))),
	('11:00 is one', 'no_hit', clock('11:00:00Z'), hist(evs('1 day', '1 day', 30, 10))),
	('13:59 is one', 'no_hit', clock('13:59:59.999999Z'), hist(evs('1 day', '1 day', 30, 10))),
	('14:00 is two', 'hit 10', clock('14:00:00Z'), hist(evs('1 day', '1 day', 30, 10))),
	('1 of 50 are 2 %', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 49, 10) || ev('1 day 3:00', 10))),
	('1 of 51 are under 2 %', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 50, 10) || ev('1 day 3:00', 10))),
	('1 of 51 older than 90 days, lifetime counts', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 50, 10) || ev('200 days 3:00', 10))),
	('1 of 50 older than 90 days, lifetime counts', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 49, 10) || ev('200 days 3:00', 10))),
	('declined at this hour', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 40, 10) || ev('1 day 3:00', 10, '{"status": "declined"}'))),
	('refunded at this hour', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 40, 10) || ev('1 day 3:00', -10))),
	('23 is near 00', 'no_hit', clock('00:30:00Z'), hist(evs('1 day 13:00', '1 day', 30, 10))),
	('00 is near 23', 'no_hit', clock('23:30:00Z'), hist(evs('1 day 12:00', '1 day', 30, 10))),
	('22 is not near 00', 'hit 10', clock('00:30:00Z'), hist(evs('1 day 14:00', '1 day', 30, 10))),
	('hours of the past in their zone', 'no_hit', clock('05:00:00Z'), hist(evs('1 day', '1 day', 30, 10, '{"timezone": "America/Caracas"}') || evs('1 day 1:00', '1 day', 3, 10, '{"timezone": "America/Denver"}'))),
	('both', 'hit 15', clock('03:00:00Z'), hist(evs('1 day', '1 day', 30, 10))),
	('only the first, 29 past', 'hit 10', clock('03:00:00Z'), hist(evs('1 day', '1 day', 29, 10))),
	('only the first, a customer of the night', 'hit 10', clock('03:00:00Z'), hist(evs('1 day 9:00', '1 day', 30, 10))),
	-- what is missing
	('history unavailable, at night', 'hit 10', clock('03:00:00Z'), fraud_profile_unavailable()),
	('history unavailable, by day', 'no_hit', clock('09:00:00Z'), fraud_profile_unavailable()),
	('history newer, at night', 'hit 10', clock('03:00:00Z'), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL, at night', 'hit 10', clock('03:00:00Z', '{"customer_id": null}'), NULL),
	('amount absent', 'hit 10', clock('03:00:00Z') - 'amount', NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(10, '{"occurred_at": null}'), NULL),
	('occurred_at absent', 'off: no such column: occurred_at', tx(10) - 'occurred_at', NULL),
	('occurred_at a date', 'not_evaluated: occurred_at has no time of day', tx(10, '{"occurred_at": "2026-03-18"}'), hist(evs('1 day', '1 day', 30, 10))),
	('the year 859', 'not_evaluated: occurred_at is not usable', tx(10, '{"occurred_at": "0850-03-18T03:00:00Z"}'), NULL),
	('the year 3141', 'not_evaluated: occurred_at is not usable', tx(10, '{"occurred_at": "3150-03-18T03:00:00Z"}'), NULL);
INSERT INTO cases (name, want, t, h, policy) VALUES
	('22 to 4: 21:59', 'no_hit', clock('21:59:59Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 4}}'),
	('22 to 4: 22:00', 'hit 10', clock('22:00:00Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 4}}'),
	('22 to 4: 23:59', 'hit 10', clock('23:59:59Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 4}}'),
	('22 to 4: 00:00', 'hit 10', clock('00:00:00Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 4}}'),
	('22 to 4: 03:59', 'hit 10', clock('03:59:59Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 4}}'),
	('22 to 4: 04:00', 'no_hit', clock('04:00:00Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 4}}'),
	('22 to 24: 23:59', 'hit 10', clock('23:59:59Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 24}}'),
	('22 to 24: 00:00', 'no_hit', clock('00:00:00Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 24}}'),
	('22 to 0: 23:59', 'hit 10', clock('23:59:59Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 0}}'),
	('22 to 0: 00:00', 'no_hit', clock('00:00:00Z'), NULL, 'rules: {unusual_hour: {from: 22, to: 0}}'),
	('0 to 24', 'hit 10', clock('12:00:00Z'), NULL, 'rules: {unusual_hour: {from: 0, to: 24}}'),
	('3 to 3 is empty', 'no_hit', clock('03:00:00Z'), NULL, 'rules: {unusual_hour: {from: 3, to: 3}}'),
	('the policy''s zone', 'hit 10', clock('00:00:00Z'), NULL, 'history: {timezone: Europe/Berlin}'),
	('the row''s zone before the policy''s', 'no_hit', clock('00:00:00Z', '{"timezone": "UTC"}'), NULL, 'history: {timezone: Europe/Berlin}'),
	('without offset, read in the policy''s zone', 'hit 10', clock('01:00:00'), NULL, 'history: {timezone: Asia/Tokyo}'),
	('min_past 5', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 5, 10)), 'rules: {unusual_hour: {min_past: 5}}'),
	('min_past 5, 4 past', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 4, 10)), 'rules: {unusual_hour: {min_past: 5}}'),
	('rare_share 0.1: 3 of 30', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 27, 10) || evs('1 day 3:00', '1 day', 3, 10)), 'rules: {unusual_hour: {rare_share: 0.1}}'),
	('rare_share 0.1: 3 of 31', 'hit 10', clock('09:00:00Z'), hist(evs('1 day', '1 day', 28, 10) || evs('1 day 3:00', '1 day', 3, 10)), 'rules: {unusual_hour: {rare_share: 0.1}}'),
	('rare_share 0: none', 'no_hit', clock('09:00:00Z'), hist(evs('1 day', '1 day', 30, 10)), 'rules: {unusual_hour: {rare_share: 0}}'),
	('both_points 12', 'hit 12', clock('03:00:00Z'), hist(evs('1 day', '1 day', 30, 10)), 'rules: {unusual_hour: {both_points: 12}}'),
	('bands', 'hit 4', clock('03:00:00Z'), NULL, 'rules: {unusual_hour: {bands: [{points: 4}]}}'),
	('rare_bands', 'hit 6', clock('09:00:00Z'), hist(evs('1 day', '1 day', 30, 10)), 'rules: {unusual_hour: {rare_bands: [{points: 6}]}}'),
	('weight 12', 'hit 12', clock('03:00:00Z'), hist(evs('1 day', '1 day', 30, 10)), 'rules: {unusual_hour: {weight: 12}}'),
	('weight 7', 'hit 7', clock('03:00:00Z'), NULL, 'rules: {unusual_hour: {weight: 7}}'),
	('shadow', 'shadow_hit 10', clock('03:00:00Z'), NULL, 'rules: {unusual_hour: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', clock('03:00:00Z'), NULL, 'rules: {unusual_hour: {enabled: false}}');
SELECT * FROM show('unusual_hour');

-- ==== 18 dormant_account: at least 3 approved ever, amount at least 50, last approved at least 90 days ago: 10; 180: 20
ALTER TABLE cases ALTER rule SET DEFAULT 'dormant_account';
INSERT INTO cases (name, want, t, h) VALUES
	('90 days', 'hit 10', tx(50), hist(evs('90 days', '1 day', 3, 10))),
	('a microsecond less', 'no_hit', tx(50), hist(evs('89 days 23:59:59.999999', '1 day', 3, 10))),
	('180 days', 'hit 20', tx(50), hist(evs('180 days', '1 day', 3, 10))),
	('a microsecond less than 180 days', 'hit 10', tx(50), hist(evs('179 days 23:59:59.999999', '1 day', 3, 10))),
	('years', 'hit 20', tx(50), hist(evs('2000 days', '1 day', 3, 10))),
	('below 50', 'no_hit', tx(49.9999), hist(evs('180 days', '1 day', 3, 10))),
	('a refund', 'no_hit', tx(-100), hist(evs('180 days', '1 day', 3, 10))),
	('2 approved ever', 'not_evaluated: insufficient history', tx(50), hist(evs('180 days', '1 day', 2, 10))),
	('3rd declined', 'not_evaluated: insufficient history', tx(50), hist(evs('180 days', '1 day', 2, 10) || ev('200 days', 10, '{"status": "declined"}'))),
	('3rd a refund', 'not_evaluated: insufficient history', tx(50), hist(evs('180 days', '1 day', 2, 10) || ev('200 days', -10))),
	('3rd a card check', 'hit 20', tx(50), hist(evs('180 days', '1 day', 2, 10) || ev('200 days', 0))),
	('3rd later', 'not_evaluated: insufficient history', tx(50), hist(evs('180 days', '1 day', 2, 10) || ev('-1 us', 10))),
	('3rd is this one', 'not_evaluated: insufficient history', tx(50), hist(evs('180 days', '1 day', 2, 10) || ev('1 s', 10, '{"txn_id": "now"}'))),
	('a decline does not wake', 'hit 20', tx(50), hist(evs('180 days', '1 day', 3, 10) || ev('1 day', 10, '{"status": "declined"}'))),
	('nor does a pending one', 'hit 20', tx(50), hist(evs('180 days', '1 day', 3, 10) || ev('1 day', 10, '{"status": "pending"}'))),
	('nor does a refund', 'hit 20', tx(50), hist(evs('180 days', '1 day', 3, 10) || ev('1 day', -10))),
	('40 approved, then silence', 'hit 10', tx(50), hist(evs('90 days', '1 day', 40, 10))),
	('3 approved, then 40 declined', 'hit 10', tx(50), hist(evs('100 days', '1 day', 3, 10) || evs('1 day', '1 day', 40, 10, '{"status": "declined"}'))),
	('no history', 'not_evaluated: insufficient history', tx(50), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(50), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(50), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(50, '{"customer_id": null}'), NULL),
	('amount NULL', 'not_evaluated: amount is NULL', tx(NULL), hist(evs('180 days', '1 day', 3, 10))),
	('amount absent', 'off: no such column: amount', tx(50) - 'amount', hist(evs('180 days', '1 day', 3, 10))),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(50, '{"occurred_at": null}'), hist(evs('180 days', '1 day', 3, 10))),
	('occurred_at absent', 'off: no such column: occurred_at', tx(50) - 'occurred_at', hist(evs('180 days', '1 day', 3, 10))),
	('occurred_at a date', 'hit 20', tx(50, '{"occurred_at": "2026-03-18"}'), hist(evs('180 days 12:00', '1 day', 3, 10)));
INSERT INTO cases (name, want, t, h, policy) VALUES
	('min_approved 1', 'hit 10', tx(50), hist(evs('90 days', '1 day', 1, 10)), 'rules: {dormant_account: {min_approved: 1}}'),
	('min_approved 5, 4 approved', 'not_evaluated: insufficient history', tx(50), hist(evs('90 days', '1 day', 4, 10)), 'rules: {dormant_account: {min_approved: 5}}'),
	('min_amount 80', 'hit 10', tx(80), hist(evs('90 days', '1 day', 3, 10)), 'rules: {dormant_account: {min_amount: 80}}'),
	('below min_amount 80', 'no_hit', tx(79.9999), hist(evs('90 days', '1 day', 3, 10)), 'rules: {dormant_account: {min_amount: 80}}'),
	('bands: not above', 'no_hit', tx(50), hist(evs('10 days', '1 day', 3, 10)), 'rules: {dormant_account: {bands: [{above: 10, points: 3}]}}'),
	('bands: above', 'hit 3', tx(50), hist(evs('10 days 1 us', '1 day', 3, 10)), 'rules: {dormant_account: {bands: [{above: 10, points: 3}]}}'),
	('weight 12', 'hit 12', tx(50), hist(evs('180 days', '1 day', 3, 10)), 'rules: {dormant_account: {weight: 12}}'),
	('shadow', 'shadow_hit 20', tx(50), hist(evs('180 days', '1 day', 3, 10)), 'rules: {dormant_account: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(50), hist(evs('180 days', '1 day', 3, 10)), 'rules: {dormant_account: {enabled: false}}');
SELECT * FROM show('dormant_account');

-- ==== 19 weekend_shift: at least 30 past over at least 8 weeks, under 5 % of them on this kind of day: 10
-- The payment is made on Saturday 2026-03-21 at noon. days(n, weekend): one at noon on each
-- of the n weekdays, or days of weekends, before Wednesday 2026-03-18.
ALTER TABLE cases ALTER rule SET DEFAULT 'weekend_shift';
CREATE FUNCTION sat(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(10, '{"occurred_at": "2026-03-21T12:00:00Z"}'::jsonb || more) $$;
CREATE FUNCTION wed(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT tx(10, more) $$;
CREATE FUNCTION days(n int, weekend boolean, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(e) FROM (
		SELECT jsonb_build_object('occurred_at', to_char(d, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'amount', 10) || more AS e
		FROM generate_series(timestamp '2026-03-17 12:00', '2025-01-01', '-1 day') d
		WHERE (extract(isodow FROM d) IN (6, 7)) = weekend LIMIT n) x $$;
-- one payment at a time, for all to be known long enough
CREATE FUNCTION one(t text, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT ARRAY[jsonb_build_object('occurred_at', t, 'amount', 10) || more] $$;
INSERT INTO cases (name, want, t, h) VALUES
	('Saturday, 40 on weekdays', 'hit 10', sat(), hist(days(40, false) || one('2026-01-23T12:00:00Z'))),
	('Saturday, 2 of 41 on weekends', 'hit 10', sat(), hist(days(38, false) || days(2, true) || one('2025-10-08T12:00:00Z'))),
	('Saturday, 2 of 40 on weekends are 5 %', 'no_hit', sat(), hist(days(37, false) || days(2, true) || one('2025-10-08T12:00:00Z'))),
	('Saturday, 3 of 41', 'no_hit', sat(), hist(days(37, false) || days(3, true) || one('2025-10-08T12:00:00Z'))),
	('Sunday', 'hit 10', sat('{"occurred_at": "2026-03-22T12:00:00Z"}'), hist(days(40, false) || one('2026-01-20T12:00:00Z'))),
	('Friday', 'no_hit', sat('{"occurred_at": "2026-03-20T23:59:59.999999Z"}'), hist(days(40, false) || one('2026-01-20T12:00:00Z'))),
	('Monday', 'no_hit', sat('{"occurred_at": "2026-03-23T00:00:00Z"}'), hist(days(40, false) || one('2026-01-20T12:00:00Z'))),
	('Saturday, just begun', 'hit 10', sat('{"occurred_at": "2026-03-21T00:00:00Z"}'), hist(days(40, false) || one('2026-01-20T12:00:00Z'))),
	('Saturday in Tokyo', 'hit 10', sat('{"occurred_at": "2026-03-20T15:00:00Z", "timezone": "Asia/Tokyo"}'), hist(days(40, false) || one('2026-01-20T12:00:00Z'))),
	('Friday in Los Angeles', 'no_hit', sat('{"occurred_at": "2026-03-21T06:00:00Z", "timezone": "America/Los_Angeles"}'), hist(days(40, false) || one('2026-01-20T12:00:00Z'))),
	('the reverse: Wednesday, 40 on weekends', 'hit 10', wed(), hist(days(24, true) || days(24, true, '{"amount": 11}'))),
	('the reverse: Saturday', 'no_hit', sat(), hist(days(24, true) || days(24, true, '{"amount": 11}'))),
	('a weekend customer, 24 of them in 90 days', 'not_evaluated: insufficient history', wed(), hist(days(24, true))),
	-- 30 past: 29 on the newest weekdays and the first
	('30 past, known for 56 days', 'hit 10', sat(), hist(days(29, false) || one('2026-01-24T12:00:00Z'))),
	('known for a microsecond less', 'not_evaluated: insufficient history', sat(), hist(days(30, false) || one('2026-01-24T12:00:00.000001Z'))),
	('29 past', 'not_evaluated: insufficient history', sat(), hist(days(28, false) || one('2026-01-23T12:00:00Z'))),
	('30th too old', 'not_evaluated: insufficient history', sat(), hist(days(29, false) || one('2025-12-21T12:00:00Z'))),
	('30th declined', 'not_evaluated: insufficient history', sat(), hist(days(28, false) || one('2026-01-23T12:00:00Z') || one('2026-01-22T12:00:00Z', '{"status": "declined"}'))),
	('known by a decline', 'hit 10', sat(), hist(days(30, false) || one('2026-01-24T12:00:00Z', '{"status": "declined"}'))),
	('weekend declines do not count', 'hit 10', sat(), hist(days(40, false) || one('2026-01-23T12:00:00Z') || one('2026-03-14T12:00:00Z', '{"status": "declined"}') || one('2026-03-15T12:00:00Z', '{"status": "declined"}') || one('2026-03-08T12:00:00Z', '{"status": "declined"}'))),
	('no history', 'not_evaluated: insufficient history', sat(), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', sat(), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', sat(), hist(evs('-80 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', sat('{"customer_id": null}'), NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', sat('{"occurred_at": null}'), hist(days(60, false))),
	('occurred_at absent', 'off: no such column: occurred_at', sat() - 'occurred_at', hist(days(60, false))),
	('amount absent', 'hit 10', sat() - 'amount', hist(days(60, false))),
	-- a date has a kind of day, though no hour: only rules 13, 14 and 17 need the time of day
	('occurred_at a date', 'hit 10', sat('{"occurred_at": "2026-03-21"}'), hist(days(60, false))),
	('occurred_at a date, a weekday', 'no_hit', sat('{"occurred_at": "2026-03-20"}'), hist(days(60, false))),
	('a past of dates', 'hit 10', sat(), (SELECT fraud_profile(e || jsonb_build_object('occurred_at', left(e ->> 'occurred_at', 10))) FROM unnest(days(60, false)) e)),
	('dates throughout', 'hit 10', sat('{"occurred_at": "2026-03-21"}'), (SELECT fraud_profile(e || jsonb_build_object('occurred_at', left(e ->> 'occurred_at', 10))) FROM unnest(days(60, false)) e)),
	('dates throughout, a weekday', 'no_hit', sat('{"occurred_at": "2026-03-20"}'), (SELECT fraud_profile(e || jsonb_build_object('occurred_at', left(e ->> 'occurred_at', 10))) FROM unnest(days(60, false)) e));
INSERT INTO cases (name, want, t, h, policy) VALUES
	('min_past 5', 'hit 10', sat(), hist(days(5, false) || one('2026-01-23T12:00:00Z')), 'rules: {weekend_shift: {min_past: 5}}'),
	('min_past 7, 6 past', 'not_evaluated: insufficient history', sat(), hist(days(5, false) || one('2026-01-23T12:00:00Z')), 'rules: {weekend_shift: {min_past: 7}}'),
	('min_weeks 2: 14 days', 'hit 10', sat(), hist(days(8, false) || one('2026-03-07T12:00:00Z', '{"status": "declined"}')), 'rules: {weekend_shift: {min_past: 5, min_weeks: 2}}'),
	('min_weeks 2: less', 'not_evaluated: insufficient history', sat(), hist(days(4, false) || one('2026-03-07T12:00:00.000001Z', '{"status": "declined"}') || evs('1 hour', '1 hour', 3, 10)), 'rules: {weekend_shift: {min_past: 5, min_weeks: 2}}'),
	('rare_share 0.1: 4 of 40', 'no_hit', sat(), hist(days(36, false) || days(4, true)), 'rules: {weekend_shift: {rare_share: 0.1, min_weeks: 5}}'),
	('rare_share 0.1: 4 of 41', 'hit 10', sat(), hist(days(37, false) || days(4, true)), 'rules: {weekend_shift: {rare_share: 0.1, min_weeks: 5}}'),
	('rare_share 0: none', 'no_hit', sat(), hist(days(60, false)), 'rules: {weekend_shift: {rare_share: 0}}'),
	('weekend of Friday and Saturday', 'hit 10', sat('{"occurred_at": "2026-03-20T12:00:00Z"}'),
		(SELECT fraud_profile(e, 'history: {weekend: [5, 6]}') FROM unnest(days(60, false)) e WHERE extract(isodow FROM (e ->> 'occurred_at')::timestamptz AT TIME ZONE 'UTC') <> 5), 'history: {weekend: [5, 6]}'),
	('weekend of Friday and Saturday, Sunday', 'no_hit', sat('{"occurred_at": "2026-03-22T12:00:00Z"}'), hist(days(60, false), 'history: {weekend: [5, 6]}'), 'history: {weekend: [5, 6]}'),
	('bands', 'hit 4', sat(), hist(days(60, false)), 'rules: {weekend_shift: {bands: [{points: 4}]}}'),
	('weight 7', 'hit 7', sat(), hist(days(60, false)), 'rules: {weekend_shift: {weight: 7}}'),
	('shadow', 'shadow_hit 10', sat(), hist(days(60, false)), 'rules: {weekend_shift: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', sat(), hist(days(60, false)), 'rules: {weekend_shift: {enabled: false}}');
SELECT * FROM show('weekend_shift');

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong FROM results;
DROP SCHEMA regress_rules_time CASCADE;
