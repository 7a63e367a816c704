-- rules 13 to 16 at, just below and just above everything they compare with
SET client_min_messages = warning;
CREATE SCHEMA regress_rules_velocity;
SET search_path = regress_rules_velocity, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- ==== 13 velocity_10m: attempts in 10 minutes including this: over 3: 15; over 5: 30 and block
ALTER TABLE cases ALTER rule SET DEFAULT 'velocity_10m';
INSERT INTO cases (name, want, t, h)
	SELECT n + 1 || ' attempts', want, tx(1), hist(evs('1 min', '1 min', n, 1))
	FROM (VALUES (0, 'no_hit'), (1, 'no_hit'), (2, 'no_hit'), (3, 'hit 15'), (4, 'hit 15'), (5, 'hit 30'), (6, 'hit 30')) v (n, want);
INSERT INTO cases (name, want, t, h) VALUES
	('4th exactly 10 min ago', 'no_hit', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('10 min', 1))),
	('4th just within 10 min', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('9 min 59.999999 s', 1))),
	('4th at the same instant', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('0', 1))),
	('4th later', 'no_hit', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('-1 us', 1))),
	('4th is this one', 'no_hit', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"txn_id": "now"}'))),
	('4th approved', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"status": "approved"}'))),
	('4th pending', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"status": "pending"}'))),
	('4th declined', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"status": "declined"}'))),
	('4th blocked', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"status": "blocked"}'))),
	('4th failed', 'no_hit', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"status": "failed"}'))),
	('4th of an unknown word', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"status": "odd"}'))),
	('4th a refund', 'no_hit', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', -1))),
	('4th a card check', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 0))),
	('4th without amount', 'hit 15', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', NULL))),
	('4th twice, pending then failed', 'no_hit', tx(1), hist(evs('1 min', '1 min', 2, 1) || ev('5 s', 1, '{"txn_id": 4, "status": "pending"}') || ev('5 s', 1, '{"txn_id": 4, "status": "failed"}'))),
	('this one a card check', 'hit 15', tx(0), hist(evs('1 min', '1 min', 3, 1))),
	('this one a refund: 3', 'no_hit', tx(-1), hist(evs('1 min', '1 min', 3, 1))),
	('this one a refund: 4', 'hit 15', tx(-1), hist(evs('1 min', '1 min', 4, 1))),
	('this one without amount', 'hit 15', tx(NULL), hist(evs('1 min', '1 min', 3, 1))),
	('amount absent', 'hit 15', tx(1) - 'amount', hist(evs('1 min', '1 min', 3, 1))),
	('the own status is not read', 'hit 15', tx(1, '{"status": "failed"}'), hist(evs('1 min', '1 min', 3, 1))),
	('40 attempts', 'hit 30', tx(1), hist(evs('1 s', '1 s', 40, 1))),
	('MCC of a bus', 'no_hit: exempt', tx(1, '{"mcc": "4131"}'), hist(evs('1 min', '1 min', 6, 1))),
	('MCC of a taxi', 'hit 30', tx(1, '{"mcc": "4121"}'), hist(evs('1 min', '1 min', 6, 1))),
	('the MCC before does not exempt', 'hit 30', tx(1), hist(evs('1 min', '1 min', 6, 1, '{"mcc": "4131"}'))),
	('no history', 'no_hit', tx(1), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(1), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(1), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(1, '{"customer_id": null}'), NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(1, '{"occurred_at": null}'), hist(evs('1 min', '1 min', 6, 1))),
	('occurred_at absent', 'off: no such column: occurred_at', tx(1) - 'occurred_at', hist(evs('1 min', '1 min', 6, 1))),
	('occurred_at a date', 'not_evaluated: occurred_at has no time of day', tx(1, '{"occurred_at": "2026-03-18"}'), hist(evs('12:01', '1 min', 6, 1)));
INSERT INTO cases (name, want, t, h)
	SELECT 'exempt MCC ' || mcc, 'no_hit: exempt', tx(1, jsonb_build_object('mcc', mcc)), hist(evs('1 min', '1 min', 6, 1))
	FROM unnest('{4111,4112,4131,4784,7523}'::text[]) mcc;
INSERT INTO cases (name, want, t, h, policy) VALUES
	('exempt_customers', 'no_hit: exempt', tx(1), hist(evs('1 min', '1 min', 6, 1)), 'lists: {exempt_customers: {values: [c0, c1]}}'),
	('another of exempt_customers', 'hit 30', tx(1), hist(evs('1 min', '1 min', 6, 1)), 'lists: {exempt_customers: {values: [c0, c11, C1]}}'),
	('exempt_mcc of its own', 'no_hit: exempt', tx(1, '{"mcc": 742}'), hist(evs('1 min', '1 min', 6, 1)), 'lists: {exempt_mcc: {values: ["0742"]}}'),
	('exempt_mcc of its own replaces', 'hit 30', tx(1, '{"mcc": "4111"}'), hist(evs('1 min', '1 min', 6, 1)), 'lists: {exempt_mcc: {values: ["0742"]}}'),
	('bands', 'hit 3', tx(1), NULL, 'rules: {velocity_10m: {bands: [{at_least: 1, points: 3}, {above: 2.5, points: 4}]}}'),
	('bands: 3 over 2.5', 'hit 4', tx(1), hist(evs('1 min', '1 min', 2, 1)), 'rules: {velocity_10m: {bands: [{at_least: 1, points: 3}, {above: 2.5, points: 4}]}}'),
	('weight 10', 'hit 10', tx(1), hist(evs('1 min', '1 min', 6, 1)), 'rules: {velocity_10m: {weight: 10}}'),
	('weight 0', 'hit', tx(1), hist(evs('1 min', '1 min', 6, 1)), 'rules: {velocity_10m: {weight: 0}}'),
	('shadow', 'shadow_hit 30', tx(1), hist(evs('1 min', '1 min', 6, 1)), 'rules: {velocity_10m: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(1), hist(evs('1 min', '1 min', 6, 1)), 'rules: {velocity_10m: {enabled: false}}');
SELECT * FROM show('velocity_10m');
-- the second band blocks, the first does not
SELECT n + 1 AS attempts, d.recommendation, d.risk_score
FROM generate_series(2, 6) n, LATERAL fraud_score(tx(1), hist(evs('1 min 1 s', '1 min', n, 1)),
	'rules: {velocity_sustained: {enabled: false}}') d;

-- ==== 14 velocity_sustained: over 2 in 60 s or over 10 in 1 h: 15; over 25 in 24 h: 10
ALTER TABLE cases ALTER rule SET DEFAULT 'velocity_sustained';
INSERT INTO cases (name, want, t, h) VALUES
	('2 in 60 s', 'no_hit', tx(1), hist(evs('10 s', '10 s', 1, 1))),
	('3 in 60 s', 'hit 15', tx(1), hist(evs('10 s', '10 s', 2, 1))),
	('3rd exactly 60 s ago', 'no_hit', tx(1), hist(ev('10 s', 1) || ev('60 s', 1))),
	('3rd just within 60 s', 'hit 15', tx(1), hist(ev('10 s', 1) || ev('59.999999 s', 1))),
	('3rd at the same instant', 'hit 15', tx(1), hist(ev('10 s', 1) || ev('0', 1))),
	('3rd failed', 'no_hit', tx(1), hist(ev('10 s', 1) || ev('20 s', 1, '{"status": "failed"}'))),
	('3rd declined', 'hit 15', tx(1), hist(ev('10 s', 1) || ev('20 s', 1, '{"status": "declined"}'))),
	('10 in an hour', 'no_hit', tx(1), hist(evs('5 min', '5 min', 9, 1))),
	('11 in an hour', 'hit 15', tx(1), hist(evs('5 min', '5 min', 10, 1))),
	('11th exactly an hour ago', 'no_hit', tx(1), hist(evs('5 min', '5 min', 9, 1) || ev('1 hour', 1))),
	('11th just within an hour', 'hit 15', tx(1), hist(evs('5 min', '5 min', 9, 1) || ev('59 min 59.999999 s', 1))),
	('25 in 24 hours', 'no_hit', tx(1), hist(evs('50 min', '50 min', 24, 1))),
	('26 in 24 hours', 'hit 10', tx(1), hist(evs('50 min', '50 min', 25, 1))),
	('26th exactly 24 hours ago', 'no_hit', tx(1), hist(evs('50 min', '50 min', 24, 1) || ev('24 hours', 1))),
	('26th just within 24 hours', 'hit 10', tx(1), hist(evs('50 min', '50 min', 24, 1) || ev('23:59:59.999999', 1))),
	('26 and 3: the dearer', 'hit 15', tx(1), hist(evs('10 s', '10 s', 2, 1) || evs('60 min', '50 min', 23, 1))),
	('41 in 24 hours', 'hit 10', tx(1), hist(evs('30 min', '30 min', 40, 1))),
	('a refund, after 2 in 60 s', 'no_hit', tx(-1), hist(evs('10 s', '10 s', 2, 1))),
	('exempt MCC', 'no_hit: exempt', tx(1, '{"mcc": "4111"}'), hist(evs('10 s', '10 s', 2, 1))),
	('no history', 'no_hit', tx(1), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(1), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(1), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(1, '{"customer_id": null}'), NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(1, '{"occurred_at": null}'), hist(evs('10 s', '10 s', 2, 1))),
	('occurred_at absent', 'off: no such column: occurred_at', tx(1) - 'occurred_at', hist(evs('10 s', '10 s', 2, 1))),
	('occurred_at a date', 'not_evaluated: occurred_at has no time of day', tx(1, '{"occurred_at": "2026-03-18"}'), hist(evs('12:00:10', '10 s', 2, 1)));
INSERT INTO cases (name, want, t, h, policy) VALUES
	('exempt_customers', 'no_hit: exempt', tx(1), hist(evs('10 s', '10 s', 2, 1)), 'lists: {exempt_customers: {values: [c1]}}'),
	('bands_60s', 'hit 4', tx(1), hist(evs('10 s', '10 s', 1, 1)), 'rules: {velocity_sustained: {bands_60s: [{at_least: 2, points: 4}]}}'),
	('bands_1h', 'hit 5', tx(1), hist(evs('5 min', '5 min', 1, 1)), 'rules: {velocity_sustained: {bands_1h: [{at_least: 2, points: 5}]}}'),
	('bands_24h', 'hit 6', tx(1), hist(evs('50 min', '50 min', 2, 1)), 'rules: {velocity_sustained: {bands_24h: [{above: 2, points: 6}]}}'),
	('the dearest of three', 'hit 9', tx(1), hist(evs('10 s', '10 s', 2, 1)), 'rules: {velocity_sustained: {bands_60s: [{above: 2, points: 4}], bands_1h: [{above: 2, points: 9}], bands_24h: [{above: 2, points: 6}]}}'),
	('weight 12', 'hit 12', tx(1), hist(evs('10 s', '10 s', 2, 1)), 'rules: {velocity_sustained: {weight: 12}}'),
	('shadow', 'shadow_hit 15', tx(1), hist(evs('10 s', '10 s', 2, 1)), 'rules: {velocity_sustained: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(1), hist(evs('10 s', '10 s', 2, 1)), 'rules: {velocity_sustained: {enabled: false}}');
SELECT * FROM show('velocity_sustained');

-- ==== 15 consecutive_declines: the run just before, within 60 min, on this card: at least 3: 20; at least 5: 30
ALTER TABLE cases ALTER rule SET DEFAULT 'consecutive_declines';
CREATE FUNCTION card(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(10, '{"card_id": "a", "status": null}'::jsonb || more) $$;
CREATE FUNCTION no(ago interval, n int, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT evs(ago, '1 min', n, 10, '{"card_id": "a", "status": "declined"}'::jsonb || more) $$;
INSERT INTO cases (name, want, t, h)
	SELECT n || ' declines', want, card(), hist(no('1 min', n))
	FROM (VALUES (0, 'no_hit'), (1, 'no_hit'), (2, 'no_hit'), (3, 'hit 20'), (4, 'hit 20'), (5, 'hit 30'), (6, 'hit 30'), (40, 'hit 30')) v (n, want);
INSERT INTO cases (name, want, t, h) VALUES
	('3rd exactly 60 min ago', 'no_hit', card(), hist(no('1 min', 2) || no('60 min', 1))),
	('3rd just within 60 min', 'hit 20', card(), hist(no('1 min', 2) || no('59 min 59.999999 s', 1))),
	('3rd at the same instant', 'hit 20', card(), hist(no('1 min', 2) || no('0', 1))),
	('3rd later', 'no_hit', card(), hist(no('1 min', 2) || no('-1 us', 1))),
	('3rd is this one', 'no_hit', card(), hist(no('1 min', 2) || no('1 s', 1, '{"txn_id": "now"}'))),
	('3rd refused', 'hit 20', card(), hist(no('1 min', 2) || no('1 s', 1, '{"status": "Refused"}'))),
	('3rd by the column declined', 'hit 20', card(), hist(no('1 min', 2) || no('1 s', 1, '{"status": null, "declined": true}'))),
	('3rd a declined card check', 'hit 20', card(), hist(no('1 min', 2) || no('1 s', 1, '{"amount": 0}'))),
	('approved just before', 'no_hit', card(), hist(no('1 min', 5) || no('1 s', 1, '{"status": "approved"}'))),
	('approved after 2', 'no_hit', card(), hist(no('1 min', 2) || no('2 min 30 s', 1, '{"status": "approved"}') || no('3 min', 5))),
	('approved after 3', 'hit 20', card(), hist(no('1 min', 3) || no('3 min 30 s', 1, '{"status": "approved"}') || no('4 min', 5))),
	('pending breaks', 'no_hit', card(), hist(no('1 min', 2) || no('90 s', 1, '{"status": "pending"}') || no('3 min', 5))),
	('failed neither counts', 'no_hit', card(), hist(no('1 min', 2) || no('90 s', 1, '{"status": "failed"}'))),
	('nor breaks', 'hit 20', card(), hist(no('1 min', 3) || no('90 s', 1, '{"status": "failed"}'))),
	('blocked neither counts', 'no_hit', card(), hist(no('1 min', 2) || no('90 s', 1, '{"status": "blocked"}'))),
	('nor breaks (blocked)', 'hit 20', card(), hist(no('1 min', 3) || no('90 s', 1, '{"status": "blocked"}'))),
	('an approved refund neither counts', 'no_hit', card(), hist(no('1 min', 2) || no('90 s', 1, '{"status": "approved", "amount": -5}'))),
	('nor breaks (refund)', 'hit 20', card(), hist(no('1 min', 3) || no('90 s', 1, '{"status": "approved", "amount": -5}'))),
	('a declined refund does not count', 'no_hit', card(), hist(no('1 min', 2) || no('90 s', 1, '{"amount": -5}'))),
	('another card does not count', 'no_hit', card(), hist(no('1 min', 2) || no('90 s', 3, '{"card_id": "b"}'))),
	('another card does not break', 'hit 20', card(), hist(no('1 min', 3) || no('90 s', 1, '{"card_id": "b", "status": "approved"}'))),
	('no card: the customer counts', 'hit 20', card('{"card_id": null}'), hist(no('1 min', 2) || no('90 s', 1, '{"card_id": "b"}'))),
	('no card: any card breaks', 'no_hit', card('{"card_id": null}'), hist(no('1 min', 3) || no('90 s', 1, '{"card_id": "b", "status": "approved"}'))),
	('card_id absent', 'hit 20', card() - 'card_id', hist(no('1 min', 3))),
	('the own status is not read', 'no_hit', card('{"status": "declined"}'), hist(no('1 min', 2))),
	('a column declined instead of status', 'hit 20', card('{"declined": null}') - 'status', hist(no('1 min', 3))),
	('neither column', 'off: no such column: status or declined', card() - 'status', hist(no('1 min', 3))),
	('no history', 'no_hit', card(), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', card(), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', card(), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', card('{"customer_id": null}'), NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', card('{"occurred_at": null}'), hist(no('1 min', 3))),
	('occurred_at absent', 'off: no such column: occurred_at', card() - 'occurred_at', hist(no('1 min', 3))),
	('occurred_at a date', 'hit 20', card('{"occurred_at": "2026-03-18"}'), hist(no('12:00:01', 3))),
	('amount absent', 'hit 20', card() - 'amount', hist(no('1 min', 3)));
INSERT INTO cases (name, want, t, h, policy) VALUES
	('within_minutes 5: 3rd exactly 5 min ago', 'no_hit', card(), hist(no('3 min', 3)), 'rules: {consecutive_declines: {within_minutes: 5}}'),
	('within_minutes 6', 'hit 20', card(), hist(no('3 min', 3)), 'rules: {consecutive_declines: {within_minutes: 6}}'),
	('status_values of its own', 'hit 20', card(), hist(no('1 min', 3, '{"status": "nope"}'), 'history: {status_values: {nope: declined}}'), 'history: {status_values: {nope: declined}}'),
	('bands', 'hit 2', card(), hist(no('1 min', 1)), 'rules: {consecutive_declines: {bands: [{at_least: 1, points: 2}, {above: 1.5, points: 3}]}}'),
	('bands: over 1.5', 'hit 3', card(), hist(no('1 min', 2)), 'rules: {consecutive_declines: {bands: [{at_least: 1, points: 2}, {above: 1.5, points: 3}]}}'),
	('weight 25', 'hit 25', card(), hist(no('1 min', 5)), 'rules: {consecutive_declines: {weight: 25}}'),
	('shadow', 'shadow_hit 30', card(), hist(no('1 min', 5)), 'rules: {consecutive_declines: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', card(), hist(no('1 min', 5)), 'rules: {consecutive_declines: {enabled: false}}');
SELECT * FROM show('consecutive_declines');

-- ==== 16 multi_card_ip: distinct cards on this IP in 60 min including this: at least 4: 20; at least 8: 30
ALTER TABLE cases ALTER rule SET DEFAULT 'multi_card_ip';
CREATE FUNCTION net(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(10, '{"card_id": "a", "ip": "203.0.113.9"}'::jsonb || more) $$;
-- n cards, one payment each
CREATE FUNCTION cards(ago interval, n int, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT coalesce(array_agg(e), '{}') FROM generate_series(1, n) i,
	   LATERAL unnest(ev(ago + (i - 1) * interval '1 s', 10, jsonb_build_object('card_id', 'card ' || i) || more)) e $$;
INSERT INTO cases (name, want, t, ip_h)
	SELECT n + 1 || ' cards', want, net(), hist(cards('1 min', n))
	FROM (VALUES (0, 'no_hit'), (2, 'no_hit'), (3, 'hit 20'), (4, 'hit 20'), (6, 'hit 20'), (7, 'hit 30'), (20, 'hit 30')) v (n, want);
INSERT INTO cases (name, want, t, ip_h) VALUES
	('4th exactly 60 min ago', 'no_hit', net(), hist(cards('1 min', 2) || ev('60 min', 1, '{"card_id": "d"}'))),
	('4th just within 60 min', 'hit 20', net(), hist(cards('1 min', 2) || ev('59 min 59.999999 s', 1, '{"card_id": "d"}'))),
	('4th at the same instant', 'hit 20', net(), hist(cards('1 min', 2) || ev('0', 1, '{"card_id": "d"}'))),
	('4th later', 'no_hit', net(), hist(cards('1 min', 2) || ev('-1 us', 1, '{"card_id": "d"}'))),
	('4th again this card', 'no_hit', net(), hist(cards('1 min', 2) || ev('1 s', 1, '{"card_id": "a"}'))),
	('4th again another', 'no_hit', net(), hist(cards('1 min', 2) || ev('1 s', 1, '{"card_id": "card 1"}'))),
	('4th without card', 'no_hit', net(), hist(cards('1 min', 2) || ev('1 s', 1))),
	('4th declined', 'hit 20', net(), hist(cards('1 min', 2) || ev('1 s', 1, '{"card_id": "d", "status": "declined"}'))),
	('4th blocked', 'hit 20', net(), hist(cards('1 min', 2) || ev('1 s', 1, '{"card_id": "d", "status": "blocked"}'))),
	('4 cards, then 40 payments of one', 'hit 20', net(), hist(cards('10 min', 3) || evs('1 min', '1 s', 40, 1, '{"card_id": "a"}'))),
	('a card and a number alike', 'no_hit', net('{"card_id": 7}'), hist(cards('1 min', 2) || ev('1 s', 1, '{"card_id": "7"}'))),
	-- shared: over 100 attempts in 24 h, under 20 % of them declined
	('101 attempts, none declined', 'not_evaluated: shared address', net(), hist(cards('1 min', 100))),
	('100 attempts', 'hit 30', net(), hist(cards('1 min', 99))),
	('101st exactly 24 hours ago', 'hit 30', net(), hist(cards('1 min', 99) || ev('25 hours', 1))),
	('151 attempts, 29 declined', 'not_evaluated: shared address', net(), hist(cards('1 min', 121) || cards('3 min', 29, '{"status": "declined"}'))),
	('151 attempts, 31 declined', 'hit 30', net(), hist(cards('1 min', 119) || cards('3 min', 31, '{"status": "declined"}'))),
	('100 attempts of others, 20 of them declined', 'hit 30', net(), hist(cards('1 min', 80) || cards('3 min', 20, '{"status": "declined"}'))),
	('100 attempts of others, 19 of them declined', 'not_evaluated: shared address', net(), hist(cards('1 min', 81) || cards('3 min', 19, '{"status": "declined"}'))),
	('failed are no attempts', 'hit 30', net(), hist(cards('1 min', 90) || evs('3 min', '1 s', 30, 1, '{"status": "failed"}'))),
	-- what is missing
	('no history', 'no_hit', net(), NULL),
	('history unavailable', 'not_evaluated: ip history unavailable', net(), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', net(), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('ip NULL', 'not_evaluated: ip is NULL', net('{"ip": null}'), hist(cards('1 min', 3))),
	('ip blank', 'not_evaluated: ip is NULL', net('{"ip": ""}'), hist(cards('1 min', 3))),
	('ip not usable', 'not_evaluated: ip is not usable', net('{"ip": "203.0.113"}'), hist(cards('1 min', 3))),
	('ip absent', 'off: no such column: ip', net() - 'ip', hist(cards('1 min', 3))),
	('card_id NULL', 'not_evaluated: card_id is NULL', net('{"card_id": null}'), hist(cards('1 min', 3))),
	('card_id absent', 'off: no such column: card_id', net() - 'card_id', hist(cards('1 min', 3))),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', net('{"occurred_at": null}'), hist(cards('1 min', 3))),
	('occurred_at absent', 'off: no such column: occurred_at', net() - 'occurred_at', hist(cards('1 min', 3))),
	('customer_id NULL', 'hit 20', net('{"customer_id": null}'), hist(cards('1 min', 3)));
-- private, loopback, link-local and 100.64/10, and what is next to them
INSERT INTO cases (name, want, t, ip_h)
	SELECT ip, want, net(jsonb_build_object('ip', ip)), hist(cards('1 min', 3))
	FROM (VALUES ('9.255.255.255', 'hit 20'), ('10.0.0.0', 'no_hit: exempt'), ('10.255.255.255', 'no_hit: exempt'), ('11.0.0.0', 'hit 20'),
		('172.15.255.255', 'hit 20'), ('172.16.0.0', 'no_hit: exempt'), ('172.31.255.255', 'no_hit: exempt'), ('172.32.0.0', 'hit 20'),
		('192.167.255.255', 'hit 20'), ('192.168.0.0', 'no_hit: exempt'), ('192.168.255.255', 'no_hit: exempt'), ('192.169.0.0', 'hit 20'),
		('126.255.255.255', 'hit 20'), ('127.0.0.1', 'no_hit: exempt'), ('127.255.255.255', 'no_hit: exempt'), ('128.0.0.0', 'hit 20'),
		('169.253.255.255', 'hit 20'), ('169.254.0.0', 'no_hit: exempt'), ('169.254.255.255', 'no_hit: exempt'), ('169.255.0.0', 'hit 20'),
		('100.63.255.255', 'hit 20'), ('100.64.0.0', 'no_hit: exempt'), ('100.127.255.255', 'no_hit: exempt'), ('100.128.0.0', 'hit 20'),
		('::1', 'no_hit: exempt'), ('::2', 'hit 20'), ('fc00::1', 'no_hit: exempt'), ('fdff::1', 'no_hit: exempt'), ('fbff::1', 'hit 20'),
		('fe80::1', 'no_hit: exempt'), ('febf::1', 'no_hit: exempt'), ('fec0::1', 'hit 20'), ('2001:db8::1', 'hit 20'),
		('::ffff:10.0.0.1', 'no_hit: exempt'), ('::ffff:203.0.113.9', 'hit 20')) v (ip, want);
INSERT INTO cases (name, want, t, ip_h, policy) VALUES
	('exempt_ips', 'no_hit: exempt', net(), hist(cards('1 min', 3)), 'lists: {exempt_ips: {values: [203.0.113.9]}}'),
	('exempt_ips: a block', 'no_hit: exempt', net(), hist(cards('1 min', 3)), 'lists: {exempt_ips: {values: [203.0.113.8/31, 198.51.100.0/24]}}'),
	('exempt_ips: the block beside', 'hit 20', net(), hist(cards('1 min', 3)), 'lists: {exempt_ips: {values: [203.0.113.10/31, 203.0.113.0/29]}}'),
	('exempt_ips: IPv6', 'no_hit: exempt', net('{"ip": "2001:db8:1:2::9"}'), hist(cards('1 min', 3)), 'lists: {exempt_ips: {values: ["2001:db8:1::/48"]}}'),
	('exempt, unavailable', 'no_hit: exempt', net(), fraud_profile_unavailable(), 'lists: {exempt_ips: {values: [203.0.113.9]}}'),
	('window_minutes 10: 4th exactly 10 min ago', 'no_hit', net(), hist(cards('1 min', 2) || ev('10 min', 1, '{"card_id": "d"}')), 'rules: {multi_card_ip: {window_minutes: 10}}'),
	('window_minutes 11', 'hit 20', net(), hist(cards('1 min', 2) || ev('10 min', 1, '{"card_id": "d"}')), 'rules: {multi_card_ip: {window_minutes: 11}}'),
	('shared_attempts 10: 10', 'hit 30', net(), hist(cards('1 min', 9)), 'rules: {multi_card_ip: {shared_attempts: 10}}'),
	('shared_attempts 10: 11', 'not_evaluated: shared address', net(), hist(cards('1 min', 10)), 'rules: {multi_card_ip: {shared_attempts: 10}}'),
	('shared_declined 0', 'hit 30', net(), hist(cards('1 min', 110)), 'rules: {multi_card_ip: {shared_declined: 0}}'),
	('shared_declined 1', 'not_evaluated: shared address', net(), hist(cards('1 min', 1) || evs('3 min', '1 s', 110, 1, '{"status": "declined"}')), 'rules: {multi_card_ip: {shared_declined: 1}}'),
	('bands', 'hit 2', net(), NULL, 'rules: {multi_card_ip: {bands: [{at_least: 1, points: 2}, {above: 1.5, points: 3}]}}'),
	('bands: over 1.5', 'hit 3', net(), hist(cards('1 min', 1)), 'rules: {multi_card_ip: {bands: [{at_least: 1, points: 2}, {above: 1.5, points: 3}]}}'),
	('weight 25', 'hit 25', net(), hist(cards('1 min', 7)), 'rules: {multi_card_ip: {weight: 25}}'),
	('shadow', 'shadow_hit 20', net(), hist(cards('1 min', 3)), 'rules: {multi_card_ip: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', net(), hist(cards('1 min', 3)), 'rules: {multi_card_ip: {enabled: false}}');
INSERT INTO cases (name, want, t, ip_h) VALUES
	('4th failed is no attempt', 'no_hit', net(), hist(cards('1 min', 2) || ev('1 s', 1, '{"card_id": "d", "status": "failed"}'))),
	('4th a refund is no attempt', 'no_hit', net(), hist(cards('1 min', 2) || ev('1 s', -1, '{"card_id": "d"}')));
SELECT * FROM show('multi_card_ip');

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong FROM results;
DROP SCHEMA regress_rules_velocity CASCADE;
