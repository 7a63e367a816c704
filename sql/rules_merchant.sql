-- rules 10 to 12 at, just below and just above everything they compare with
SET client_min_messages = warning;
CREATE SCHEMA regress_rules_merchant;
SET search_path = regress_rules_merchant, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- ==== 10 high_risk_merchant: category or MCC in a set: 20; electronics and over 5,000: 30
ALTER TABLE cases ALTER rule SET DEFAULT 'high_risk_merchant';
INSERT INTO cases (name, want, t)
	SELECT 'category ' || c, 'hit 20', tx(10, jsonb_build_object('merchant_category', c))
	FROM unnest('{electronics,wire_transfer,gambling,crypto,adult,Electronics,Wire Transfer,wire-transfer, GAMBLING }'::text[]) c;
INSERT INTO cases (name, want, t)
	SELECT 'category ' || c, 'no_hit', tx(10, jsonb_build_object('merchant_category', c))
	FROM unnest('{grocery,electronic,electronics store,cryptocurrency,exempt_mcc,deny_cards}'::text[]) c;
-- ISO 18245, by set
INSERT INTO cases (name, want, t)
	SELECT 'MCC ' || mcc, 'hit 20', tx(5000, jsonb_build_object('mcc', mcc))
	FROM unnest('{5732,4812,5045,5946,4829,6536,6537,6538,6540,7995,7800,7801,7802,9406,6051,5967,7273,7841}'::text[]) mcc;
INSERT INTO cases (name, want, t)
	SELECT 'MCC ' || mcc || ', over 5000', want, tx(5000.0001, jsonb_build_object('mcc', mcc))
	FROM (VALUES ('5732', 'hit 30'), ('4812', 'hit 30'), ('5045', 'hit 30'), ('5946', 'hit 30'), ('4829', 'hit 20'),
				 ('6540', 'hit 20'), ('7995', 'hit 20'), ('9406', 'hit 20'), ('6051', 'hit 20'), ('7841', 'hit 20')) v (mcc, want);
INSERT INTO cases (name, want, t)
	SELECT 'MCC ' || mcc, 'no_hit', tx(5001, jsonb_build_object('mcc', mcc))
	FROM unnest('{5731,5733,4811,4813,6539,7799,7803,7996,9405,6050,6052,7840,7842,0000,9999,4111}'::text[]) mcc;
INSERT INTO cases (name, want, t) VALUES
	('electronics, 5000', 'hit 20', tx(5000, '{"merchant_category": "electronics"}')),
	('electronics, over 5000', 'hit 30', tx(5000.0001, '{"merchant_category": "electronics"}')),
	('electronics, a refund', 'hit 20', tx(-6000, '{"merchant_category": "electronics"}')),
	('electronics, amount NULL', 'hit 20', tx(NULL, '{"merchant_category": "electronics"}')),
	('electronics, amount absent', 'hit 20', tx(1, '{"merchant_category": "electronics"}') - 'amount'),
	('gambling, over 5000', 'hit 20', tx(5000.0001, '{"merchant_category": "gambling"}')),
	('gambling with the MCC of electronics, over 5000', 'hit 30', tx(6000, '{"merchant_category": "gambling", "mcc": "5732"}')),
	('electronics with the MCC of gambling, over 5000', 'hit 30', tx(6000, '{"merchant_category": "electronics", "mcc": "7995"}')),
	('harmless with the MCC of gambling', 'hit 20', tx(10, '{"merchant_category": "grocery", "mcc": "7995"}')),
	('MCC an integer', 'hit 20', tx(10, '{"mcc": 7995}')),
	('both NULL', 'not_evaluated: merchant_category and mcc are NULL', tx(10, '{"merchant_category": null, "mcc": null}')),
	('category NULL, MCC known', 'hit 20', tx(10, '{"merchant_category": null, "mcc": "7995"}')),
	('category known, MCC NULL', 'no_hit', tx(10, '{"merchant_category": "grocery", "mcc": null}')),
	('category NULL, MCC absent', 'not_evaluated: merchant_category is NULL', tx(10, '{"merchant_category": null}')),
	('category blank, MCC absent', 'not_evaluated: merchant_category is NULL', tx(10, '{"merchant_category": " "}')),
	('category absent, MCC NULL', 'not_evaluated: mcc is NULL', tx(10, '{"mcc": null}')),
	('category absent, MCC not usable', 'not_evaluated: mcc is not usable', tx(10, '{"mcc": "57x2"}')),
	('category absent, MCC too long', 'not_evaluated: mcc is not usable', tx(10, '{"mcc": "57320"}')),
	('both absent', 'off: no such column: merchant_category or mcc', tx(10)),
	('amount and occurred_at absent', 'hit 20', '{"mcc": "7995"}'),
	('not a string', 'no_hit', tx(10, '{"merchant_category": 7995}'));
INSERT INTO cases (name, want, t, policy) VALUES
	('a list of its own', 'hit 20', tx(10, '{"mcc": "1234"}'), 'lists: {gambling: {values: ["1234"]}}'),
	('a list of its own replaces', 'no_hit', tx(10, '{"mcc": "7995"}'), 'lists: {gambling: {values: ["1234"]}}'),
	('the name stays', 'hit 20', tx(10, '{"merchant_category": "gambling"}'), 'lists: {gambling: {values: []}}'),
	('MCC an integer, zero-padded', 'hit 20', tx(10, '{"mcc": 742}'), 'lists: {adult: {values: ["0742"]}}'),
	('bands', 'hit 7', tx(10, '{"mcc": "7995"}'), 'rules: {high_risk_merchant: {bands: [{points: 7}]}}'),
	('electronics_bands: the first', 'hit 20', tx(100, '{"mcc": "5732"}'), 'rules: {high_risk_merchant: {electronics_bands: [{above: 100, points: 22}, {at_least: 200, points: 24}]}}'),
	('electronics_bands: the second', 'hit 22', tx(100.0001, '{"mcc": "5732"}'), 'rules: {high_risk_merchant: {electronics_bands: [{above: 100, points: 22}, {at_least: 200, points: 24}]}}'),
	('electronics_bands: the third', 'hit 24', tx(200, '{"mcc": "5732"}'), 'rules: {high_risk_merchant: {electronics_bands: [{above: 100, points: 22}, {at_least: 200, points: 24}]}}'),
	('weight 25', 'hit 25', tx(6000, '{"mcc": "5732"}'), 'rules: {high_risk_merchant: {weight: 25}}'),
	('weight 15', 'hit 15', tx(6000, '{"mcc": "5732"}'), 'rules: {high_risk_merchant: {weight: 15}}'),
	('shadow', 'shadow_hit 20', tx(10, '{"mcc": "7995"}'), 'rules: {high_risk_merchant: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(10, '{"mcc": "7995"}'), 'rules: {high_risk_merchant: {enabled: false}}');
SELECT * FROM show('high_risk_merchant');

-- ==== 11 first_time_merchant: never approved there; over the mean of at least 5 past, or at least 200: 10
ALTER TABLE cases ALTER rule SET DEFAULT 'first_time_merchant';
CREATE FUNCTION shop(amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(amount, '{"merchant_id": "m1"}'::jsonb || more) $$;
INSERT INTO cases (name, want, t, h) VALUES
	('5 past: the mean', 'no_hit', shop(100), hist(evs('1 day', '1 day', 5, 100))),
	('5 past: just below', 'no_hit', shop(99.9999), hist(evs('1 day', '1 day', 5, 100))),
	('5 past: just above', 'hit 10', shop(100.0001), hist(evs('1 day', '1 day', 5, 100))),
	('5 past, mean 10.00002', 'no_hit', shop(10), hist(evs('1 day', '1 day', '{10,10,10,10,10.0001}'))),
	('5 past, mean 10.00002: above', 'hit 10', shop(10.0001), hist(evs('1 day', '1 day', '{10,10,10,10,10.0001}'))),
	('5 past of 1000: 200', 'no_hit', shop(200), hist(evs('1 day', '1 day', 5, 1000))),
	('4 past: 200', 'hit 10', shop(200), hist(evs('1 day', '1 day', 4, 1000))),
	('4 past: just below', 'no_hit', shop(199.9999), hist(evs('1 day', '1 day', 4, 100))),
	('5th exactly 90 days ago', 'hit 10', shop(200), hist(evs('1 day', '1 day', 4, 1000) || ev('90 days', 1000))),
	('5th just within 90 days', 'no_hit', shop(200), hist(evs('1 day', '1 day', 4, 1000) || ev('89 days 23:59:59.999999', 1000))),
	('no history: 200', 'hit 10', shop(200), NULL),
	('no history: just below', 'no_hit', shop(199.9999), NULL),
	('no history: refund', 'no_hit', shop(-200), NULL),
	-- seen before
	('approved there', 'no_hit', shop(500), hist(ev('1 day', 1, '{"merchant_id": "m1"}'))),
	('approved there, years ago', 'no_hit', shop(500), hist(ev('900 days', 1, '{"merchant_id": "m1"}'))),
	('approved there, before 40 elsewhere', 'no_hit', shop(500), hist(ev('50 days', 1, '{"merchant_id": "m1"}') || evs('1 day', '1 day', 40, 100, '{"merchant_id": "m2"}'))),
	('approved there, at the same instant', 'no_hit', shop(500), hist(ev('0', 1, '{"merchant_id": "m1"}'))),
	('approved there, an amount of 0', 'no_hit', shop(500), hist(ev('1 day', 0, '{"merchant_id": "m1"}'))),
	('approved elsewhere', 'hit 10', shop(500), hist(ev('1 day', 1, '{"merchant_id": "m2"}'))),
	('approved there later', 'hit 10', shop(500), hist(ev('-1 us', 1, '{"merchant_id": "m1"}'))),
	('declined there', 'hit 10', shop(500), hist(ev('1 day', 1, '{"merchant_id": "m1", "status": "declined"}'))),
	('pending there', 'hit 10', shop(500), hist(ev('1 day', 1, '{"merchant_id": "m1", "status": "pending"}'))),
	('refunded there', 'hit 10', shop(500), hist(ev('1 day', -1, '{"merchant_id": "m1"}'))),
	('an earlier version of this one', 'hit 10', shop(500), hist(ev('1 hour', 500, '{"merchant_id": "m1", "txn_id": "now"}'))),
	('a number is its text', 'no_hit', shop(500, '{"merchant_id": 7}'), hist(ev('1 day', 1, '{"merchant_id": "7"}'))),
	-- what is missing
	('merchant_id NULL', 'not_evaluated: merchant_id is NULL', shop(500, '{"merchant_id": null}'), NULL),
	('merchant_id blank', 'not_evaluated: merchant_id is NULL', shop(500, '{"merchant_id": ""}'), NULL),
	('merchant_id absent', 'off: no such column: merchant_id', tx(500), NULL),
	('amount NULL', 'not_evaluated: amount is NULL', shop(NULL), NULL),
	('amount absent', 'off: no such column: amount', shop(1) - 'amount', NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', shop(500, '{"occurred_at": null}'), NULL),
	('occurred_at absent', 'off: no such column: occurred_at', shop(500) - 'occurred_at', NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', shop(500), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', shop(500), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', shop(500, '{"customer_id": null}'), NULL);
INSERT INTO cases (name, want, t, h, policy) VALUES
	('min_past 2: over the mean', 'hit 10', shop(101), hist(evs('1 day', '1 day', 2, 100)), 'rules: {first_time_merchant: {min_past: 2}}'),
	('min_past 2: 1 past', 'no_hit', shop(101), hist(evs('1 day', '1 day', 1, 100)), 'rules: {first_time_merchant: {min_past: 2}}'),
	('new_amount 50', 'hit 10', shop(50), NULL, 'rules: {first_time_merchant: {new_amount: 50}}'),
	('below new_amount 50', 'no_hit', shop(49.9999), NULL, 'rules: {first_time_merchant: {new_amount: 50}}'),
	('new_amount 0, amount 0', 'hit 10', shop(0), NULL, 'rules: {first_time_merchant: {new_amount: 0}}'),
	('bands', 'hit 6', shop(200), NULL, 'rules: {first_time_merchant: {bands: [{points: 6}]}}'),
	('weight 4', 'hit 4', shop(200), NULL, 'rules: {first_time_merchant: {weight: 4}}'),
	('shadow', 'shadow_hit 10', shop(200), NULL, 'rules: {first_time_merchant: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', shop(200), NULL, 'rules: {first_time_merchant: {enabled: false}}');
SELECT * FROM show('first_time_merchant');

-- ==== 12 merchant_reputation: at least 2 frauds of 90 days, Wilson bound over 0.9 %: 10, over 1.5 %: 20; at least 2 and 10 % of 28 days: 30
-- Lower 95 % bounds of 2 frauds: 1.537 % of 36, 1.495 % of 37, 0.904 % of 61, 0.889 % of 62;
-- of 3: 1.512 % of 68, 1.490 % of 69, 0.907 % of 113, 0.899 % of 114. Of 1: 1.79 % of 10.
ALTER TABLE cases ALTER rule SET DEFAULT 'merchant_reputation';
-- n approved payments of the merchant, one of them a fraud at each of the times given
CREATE FUNCTION merchant(n int, frauds interval[], known timestamptz DEFAULT '2026-03-18 12:00Z') RETURNS fraud_profile LANGUAGE plpgsql STABLE AS $$
DECLARE
	p fraud_profile := hist(evs('1 hour', '1 hour', n - cardinality(frauds), 10));
	e jsonb;
	i int;
BEGIN
	FOR i IN 1 .. cardinality(frauds) LOOP
		e := (ev(frauds[i], 20, jsonb_build_object('txn_id', 'fraud ' || i)))[1];
		p := fraud_observe_fraud(fraud_observe(p, e), e, known);
	END LOOP;
	RETURN p;
END $$;
INSERT INTO cases (name, want, t, merchant_h) VALUES
	('1 of 1', 'no_hit', shop(10), merchant(1, '{40 days}')),
	('2 of 2', 'hit 20', shop(10), merchant(2, '{40 days, 41 days}')),
	('2 of 36', 'hit 20', shop(10), merchant(36, '{40 days, 41 days}')),
	('2 of 37', 'hit 10', shop(10), merchant(37, '{40 days, 41 days}')),
	('2 of 61', 'hit 10', shop(10), merchant(61, '{40 days, 41 days}')),
	('2 of 62', 'no_hit', shop(10), merchant(62, '{40 days, 41 days}')),
	('3 of 68', 'hit 20', shop(10), merchant(68, '{40 days, 41 days, 42 days}')),
	('3 of 69', 'hit 10', shop(10), merchant(69, '{40 days, 41 days, 42 days}')),
	('3 of 113', 'hit 10', shop(10), merchant(113, '{40 days, 41 days, 42 days}')),
	('3 of 114', 'no_hit', shop(10), merchant(114, '{40 days, 41 days, 42 days}')),
	('surge: 2 of 20 within 28 days', 'hit 30', shop(10), merchant(20, '{3 days, 5 days}')),
	('no surge: 2 of 21', 'hit 20', shop(10), merchant(21, '{3 days, 5 days}')),
	('no surge: 1 within 28 days', 'hit 20', shop(10), merchant(10, '{3 days, 40 days}')),
	('surge: the second just within 28 days', 'hit 30', shop(10), merchant(10, '{3 days, 27 days 23:59:59.999999}')),
	('no surge: the second exactly 28 days ago', 'hit 20', shop(10), merchant(10, '{3 days, 28 days}')),
	('no surge: the second a minute more', 'hit 20', shop(10), merchant(10, '{3 days, 28 days 00:01}')),
	('the second just within 90 days', 'hit 20', shop(10), merchant(10, '{40 days, 89 days 23:59:59.999999}')),
	('the second exactly 90 days ago', 'no_hit', shop(10), merchant(10, '{40 days, 90 days}')),
	('the second a minute more', 'no_hit', shop(10), merchant(10, '{40 days, 90 days 00:01}')),
	('the second a minute more, at half past', 'no_hit', shop(10, '{"occurred_at": "2026-03-18T12:30:00Z"}'), merchant(10, '{40 days, 89 days 23:31}')),
	('known at t', 'hit 30', shop(10), merchant(10, '{3 days, 5 days}', '2026-03-18 12:00Z')),
	('known a second later', 'no_hit', shop(10), merchant(10, '{3 days, 5 days}', '2026-03-18 12:00:01Z')),
	('known a microsecond later', 'no_hit', shop(10), merchant(10, '{3 days, 5 days}', '2026-03-18 12:00:00.000001Z')),
	('one is this one', 'no_hit', shop(10, '{"txn_id": "fraud 2"}'), merchant(10, '{3 days, 5 days}')),
	('one later', 'no_hit', shop(10), merchant(10, '{3 days, -2 hours}')),
	('none', 'no_hit', shop(10), merchant(10, '{}')),
	('no history', 'no_hit', shop(10), NULL),
	('history unavailable', 'not_evaluated: merchant history unavailable', shop(10), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', shop(10), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('merchant_id NULL', 'not_evaluated: merchant_id is NULL', shop(10, '{"merchant_id": null}'), merchant(10, '{3 days, 5 days}')),
	('merchant_id absent', 'off: no such column: merchant_id', tx(10), merchant(10, '{3 days, 5 days}')),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', shop(10, '{"occurred_at": null}'), merchant(10, '{3 days, 5 days}')),
	('occurred_at absent', 'off: no such column: occurred_at', shop(10) - 'occurred_at', merchant(10, '{3 days, 5 days}')),
	('amount absent', 'hit 30', shop(10) - 'amount', merchant(10, '{3 days, 5 days}')),
	('customer_id NULL', 'hit 30', shop(10, '{"customer_id": null}'), merchant(10, '{3 days, 5 days}'));
INSERT INTO cases (name, want, t, merchant_h, policy) VALUES
	('min_frauds 3: 2', 'no_hit', shop(10), merchant(10, '{40 days, 41 days}'), 'rules: {merchant_reputation: {min_frauds: 3}}'),
	('min_frauds 3: 3', 'hit 20', shop(10), merchant(10, '{40 days, 41 days, 42 days}'), 'rules: {merchant_reputation: {min_frauds: 3}}'),
	('min_frauds 1: 1 of 11', 'hit 20', shop(10), merchant(11, '{40 days}'), 'rules: {merchant_reputation: {min_frauds: 1}}'),
	('min_frauds 1: 1 of 12', 'hit 10', shop(10), merchant(12, '{40 days}'), 'rules: {merchant_reputation: {min_frauds: 1}}'),
	('min_frauds 1: 1 of 19', 'hit 10', shop(10), merchant(19, '{40 days}'), 'rules: {merchant_reputation: {min_frauds: 1}}'),
	('min_frauds 1: 1 of 20', 'no_hit', shop(10), merchant(20, '{40 days}'), 'rules: {merchant_reputation: {min_frauds: 1}}'),
	('surge_min_frauds 3: 2', 'hit 20', shop(10), merchant(10, '{3 days, 5 days}'), 'rules: {merchant_reputation: {surge_min_frauds: 3}}'),
	('surge_min_frauds 1: 1', 'hit 30', shop(10), merchant(10, '{3 days}'), 'rules: {merchant_reputation: {surge_min_frauds: 1}}'),
	('surge_bands above', 'hit 20', shop(10), merchant(20, '{3 days, 5 days}'), 'rules: {merchant_reputation: {surge_bands: [{above: 0.1, points: 30}]}}'),
	('surge_bands above: more', 'hit 30', shop(10), merchant(19, '{3 days, 5 days}'), 'rules: {merchant_reputation: {surge_bands: [{above: 0.1, points: 30}]}}'),
	('bands', 'hit 3', shop(10), merchant(62, '{40 days, 41 days}'), 'rules: {merchant_reputation: {bands: [{above: 0.008, points: 3}, {above: 0.009, points: 4}]}}'),
	('weight 12', 'hit 12', shop(10), merchant(20, '{3 days, 5 days}'), 'rules: {merchant_reputation: {weight: 12}}'),
	('shadow', 'shadow_hit 30', shop(10), merchant(20, '{3 days, 5 days}'), 'rules: {merchant_reputation: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', shop(10), merchant(20, '{3 days, 5 days}'), 'rules: {merchant_reputation: {enabled: false}}');
SELECT * FROM show('merchant_reputation');

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong FROM results;
DROP SCHEMA regress_rules_merchant CASCADE;
