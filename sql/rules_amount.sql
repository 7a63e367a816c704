-- rules 1 to 5 at, just below and just above everything they compare with
SET client_min_messages = warning;
CREATE SCHEMA regress_rules_amount;
SET search_path = regress_rules_amount, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- ==== 1 high_amount: over 5 x the mean of at least 5 past payments, and over 25: 30
ALTER TABLE cases ALTER rule SET DEFAULT 'high_amount';
INSERT INTO cases (name, want, t, h) VALUES
	('5 x the mean', 'no_hit', tx(500), hist(evs('1 day', '1 day', 5, 100))),
	('just below', 'no_hit', tx(499.9999), hist(evs('1 day', '1 day', 5, 100))),
	('just above', 'hit 30', tx(500.0001), hist(evs('1 day', '1 day', 5, 100))),
	('half of a ten-thousandth rounds up', 'hit 30', tx(500.00005), hist(evs('1 day', '1 day', 5, 100))),
	('less rounds down', 'no_hit', tx(500.00004), hist(evs('1 day', '1 day', 5, 100))),
	('mean of 10.00002, exactly 5 x', 'no_hit', tx(50.0001), hist(evs('1 day', '1 day', '{10,10,10,10,10.0001}'))),
	('mean of 10.00002, above', 'hit 30', tx(50.0002), hist(evs('1 day', '1 day', '{10,10,10,10,10.0001}'))),
	('4 past', 'not_evaluated: insufficient history', tx(9999), hist(evs('1 day', '1 day', 4, 100))),
	('none past', 'not_evaluated: insufficient history', tx(9999), NULL),
	('min_amount', 'no_hit', tx(25), hist(evs('1 day', '1 day', 5, 1))),
	('below min_amount', 'no_hit', tx(24.9999), hist(evs('1 day', '1 day', 5, 1))),
	('above min_amount', 'hit 30', tx(25.0001), hist(evs('1 day', '1 day', 5, 1))),
	('refund', 'no_hit', tx(-5000), hist(evs('1 day', '1 day', 5, 100))),
	('zero', 'no_hit', tx(0), hist(evs('1 day', '1 day', 5, 100))),
	-- what is past
	('5th exactly 90 days ago', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('90 days', 100))),
	('5th just within 90 days', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('89 days 23:59:59.999999', 100))),
	('5th at the same instant', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('0', 100))),
	('5th a microsecond later', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('-0.000001 s', 100))),
	('5th is this one', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"txn_id": "now"}'))),
	('5th is zero', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 0))),
	('5th is a refund', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', -100))),
	('5th without amount', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', NULL))),
	('5th of the least amount', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 0.0001))),
	('5th declined', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "declined"}'))),
	('5th pending', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "pending"}'))),
	('5th failed', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "failed"}'))),
	('5th blocked', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "blocked"}'))),
	('5th approved', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "approved"}'))),
	('5th by a word for approved', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "Settled"}'))),
	('5th by an unknown word', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": "odd"}'))),
	('5th with a NULL status', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"status": null}'))),
	('5th twice, pending then approved', 'hit 30', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 hour', 100, '{"txn_id": 5, "status": "pending"}') || ev('1 hour', 100, '{"txn_id": 5, "status": "approved"}'))),
	('one of 4 twice', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 4, 100) || ev('1 day', 100))),
	('5th a fraud, known at t', 'not_evaluated: insufficient history', tx(501), fraud_observe_fraud(hist(evs('1 day', '1 day', 5, 100)), (ev('5 days', 100))[1], '2026-03-18 12:00Z')),
	('5th a fraud, known a second later', 'hit 30', tx(501), fraud_observe_fraud(hist(evs('1 day', '1 day', 5, 100)), (ev('5 days', 100))[1], '2026-03-18 12:00:01Z')),
	('5th a fraud, known a microsecond later', 'hit 30', tx(501), fraud_observe_fraud(hist(evs('1 day', '1 day', 5, 100)), (ev('5 days', 100))[1], '2026-03-18 12:00:00.000001Z')),
	('40 past, 5 x the mean', 'no_hit', tx(500), hist(evs('1 day', '1 day', 40, 100))),
	('40 past, above', 'hit 30', tx(500.0001), hist(evs('1 day', '1 day', 40, 100))),
	-- what is missing
	('amount NULL', 'not_evaluated: amount is NULL', tx(NULL), hist(evs('1 day', '1 day', 5, 100))),
	('amount blank', 'not_evaluated: amount is NULL', tx(1, '{"amount": " "}'), hist(evs('1 day', '1 day', 5, 100))),
	('amount absent', 'off: no such column: amount', tx(1) - 'amount', hist(evs('1 day', '1 day', 5, 100))),
	('amount NaN', 'not_evaluated: amount is not usable', tx(1, '{"amount": "NaN"}'), hist(evs('1 day', '1 day', 5, 100))),
	('amount infinite', 'not_evaluated: amount is not usable', tx(1, '{"amount": "Infinity"}'), hist(evs('1 day', '1 day', 5, 100))),
	('amount a word', 'not_evaluated: amount is not usable', tx(1, '{"amount": "much"}'), hist(evs('1 day', '1 day', 5, 100))),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(501, '{"occurred_at": null}'), hist(evs('1 day', '1 day', 5, 100))),
	('occurred_at not ISO 8601', 'not_evaluated: occurred_at is not usable', tx(501, '{"occurred_at": "18/03/2026"}'), hist(evs('1 day', '1 day', 5, 100))),
	('occurred_at absent', 'off: no such column: occurred_at', tx(501) - 'occurred_at', hist(evs('1 day', '1 day', 5, 100))),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(501), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(501), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('history newer, 40 of 45 of it', 'not_evaluated: history newer than transaction', tx(501), hist(evs('-1 hour', '-1 hour', 40, 100) || evs('1 day', '1 day', 5, 100))),
	('10 of 15 newer', 'hit 30', tx(501), hist(evs('-1 hour', '-1 hour', 10, 100) || evs('1 day', '1 day', 5, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(501, '{"customer_id": null}'), NULL),
	('customer_id blank', 'not_evaluated: customer_id is NULL', tx(501, '{"customer_id": "  "}'), NULL),
	('customer_id absent', 'not_evaluated: insufficient history', tx(501) - 'customer_id', NULL),
	('customer_id NULL, history given', 'hit 30', tx(501, '{"customer_id": null}'), hist(evs('1 day', '1 day', 5, 100)));
-- parameters and bands
INSERT INTO cases (name, want, t, h, policy) VALUES
	('min_past 3, 3 past', 'hit 30', tx(501), hist(evs('1 day', '1 day', 3, 100)), 'rules: {high_amount: {min_past: 3}}'),
	('min_past 3, 2 past', 'not_evaluated: insufficient history', tx(501), hist(evs('1 day', '1 day', 2, 100)), 'rules: {high_amount: {min_past: 3}}'),
	('min_amount 600', 'no_hit', tx(600), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {min_amount: 600}}'),
	('above min_amount 600', 'hit 30', tx(600.0001), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {min_amount: 600}}'),
	('bands: below all', 'no_hit', tx(199.9999), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {bands: [{at_least: 2, points: 7}, {above: 3, points: 12}]}}'),
	('bands: at least 2', 'hit 7', tx(200), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {bands: [{at_least: 2, points: 7}, {above: 3, points: 12}]}}'),
	('bands: not above 3', 'hit 7', tx(300), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {bands: [{at_least: 2, points: 7}, {above: 3, points: 12}]}}'),
	('bands: above 3', 'hit 12', tx(300.0001), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {bands: [{at_least: 2, points: 7}, {above: 3, points: 12}]}}'),
	('bands: the highest counts, not the dearest', 'hit 3', tx(300.0001), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {bands: [{at_least: 2, points: 7}, {above: 3, points: 3}]}}'),
	('weight 12', 'hit 12', tx(501), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {weight: 12}}'),
	('weight 0', 'hit', tx(501), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {weight: 0}}'),
	('shadow', 'shadow_hit 30', tx(501), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {shadow: true}}'),
	('shadow, no hit', 'no_hit', tx(500), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(501), hist(evs('1 day', '1 day', 5, 100)), 'rules: {high_amount: {enabled: false}}'),
	('other column names', 'hit 30', '{"id": 1, "paid": 501, "created": "2026-03-18T12:00:00Z"}', hist(evs('1 day', '1 day', 5, 100)), 'history: {columns: {txn_id: id, amount: paid, occurred_at: created}}'),
	('other column names, absent', 'off: no such column: amount', tx(501), hist(evs('1 day', '1 day', 5, 100)), 'history: {columns: {amount: paid}}');
-- currencies
INSERT INTO cases (name, want, t, h, policy) VALUES
	('currency NULL is the base', 'hit 30', tx(501, '{"currency": null}'), hist(evs('1 day', '1 day', 5, 100)), NULL),
	('base currency', 'hit 30', tx(501, '{"currency": "USD"}'), hist(evs('1 day', '1 day', 5, 100)), NULL),
	('no rates', 'not_evaluated: amount is not usable', tx(501, '{"currency": "EUR"}'), hist(evs('1 day', '1 day', 5, 100)), NULL),
	('rate of the day: 5 x', 'no_hit', tx(250, '{"currency": "EUR"}'), hist(evs('1 day', '1 day', 5, 100)), 'history: {rates: {EUR: {2026-03-17: 3, 2026-03-18: 2, 2026-03-19: 4}}}'),
	('rate of the day: above', 'hit 30', tx(250.0001, '{"currency": "EUR"}'), hist(evs('1 day', '1 day', 5, 100)), 'history: {rates: {EUR: {2026-03-17: 3, 2026-03-18: 2, 2026-03-19: 4}}}'),
	('first rate later', 'not_evaluated: amount is not usable', tx(501, '{"currency": "EUR"}'), hist(evs('1 day', '1 day', 5, 100)), 'history: {rates: {EUR: {2026-03-19: 4}}}'),
	('history of 5 x 50 at rate 2', 'no_hit', tx(500), hist(evs('1 day', '1 day', 5, 50, '{"currency": "EUR"}'), 'history: {rates: {EUR: {2026-01-01: 2}}}'), 'history: {rates: {EUR: {2026-01-01: 2}}}');
SELECT * FROM show('high_amount');

-- ==== 2 unusual_high_value: at least 10 past, over mean + 3 sigma and over 1.5 x the largest; fewer: at least 500: 15
ALTER TABLE cases ALTER rule SET DEFAULT 'unusual_high_value';
INSERT INTO cases (name, want, t, h) VALUES
	-- mean 51, sigma 50: 201; largest 101: 151.5
	('mean + 3 sigma', 'no_hit', tx(201), hist(evs('1 day', '1 day', '{1,101,1,101,1,101,1,101,1,101}'))),
	('just below', 'no_hit', tx(200.9999), hist(evs('1 day', '1 day', '{1,101,1,101,1,101,1,101,1,101}'))),
	('just above', 'hit 15', tx(201.0001), hist(evs('1 day', '1 day', '{1,101,1,101,1,101,1,101,1,101}'))),
	-- mean 100, sigma 10: 130; largest 110: 165
	('1.5 x the largest', 'no_hit', tx(165), hist(evs('1 day', '1 day', '{90,110,90,110,90,110,90,110,90,110}'))),
	('just above the largest', 'hit 15', tx(165.0001), hist(evs('1 day', '1 day', '{90,110,90,110,90,110,90,110,90,110}'))),
	('sigma 0: 1.5 x', 'no_hit', tx(150), hist(evs('1 day', '1 day', 10, 100))),
	('sigma 0: above', 'hit 15', tx(150.0001), hist(evs('1 day', '1 day', 10, 100))),
	('9 past: 500', 'hit 15', tx(500), hist(evs('1 day', '1 day', 9, 100))),
	('9 past: just below', 'no_hit', tx(499.9999), hist(evs('1 day', '1 day', 9, 100))),
	('10 past of 1000: 500', 'no_hit', tx(500), hist(evs('1 day', '1 day', 10, 1000))),
	('9 past of 1000: 500', 'hit 15', tx(500), hist(evs('1 day', '1 day', 9, 1000))),
	('10th exactly 90 days ago', 'hit 15', tx(500), hist(evs('1 day', '1 day', 9, 1000) || ev('90 days', 1000))),
	('10th just within 90 days', 'no_hit', tx(500), hist(evs('1 day', '1 day', 9, 1000) || ev('89 days 23:59:59.999999', 1000))),
	('largest is a known fraud', 'hit 15', tx(151), fraud_observe_fraud(hist(evs('1 day', '1 day', 10, 100) || ev('20 days', 900)), (ev('20 days', 900))[1], '2026-03-10Z')),
	('largest is not known as a fraud yet', 'no_hit', tx(151), fraud_observe_fraud(hist(evs('1 day', '1 day', 10, 100) || ev('20 days', 900)), (ev('20 days', 900))[1], '2026-03-19Z')),
	('no history: 500', 'hit 15', tx(500), NULL),
	('no history: just below', 'no_hit', tx(499.9999), NULL),
	('no history: refund', 'no_hit', tx(-500), NULL),
	('amount NULL', 'not_evaluated: amount is NULL', tx(NULL), NULL),
	('amount absent', 'off: no such column: amount', tx(1) - 'amount', NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(501, '{"occurred_at": null}'), NULL),
	('occurred_at absent', 'off: no such column: occurred_at', tx(501) - 'occurred_at', NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(501), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(501), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(501, '{"customer_id": null}'), NULL);
INSERT INTO cases (name, want, t, h, policy) VALUES
	('min_past 2: 2 past', 'hit 15', tx(150.0001), hist(evs('1 day', '1 day', 2, 100)), 'rules: {unusual_high_value: {min_past: 2}}'),
	('min_past 2: 1 past', 'no_hit', tx(150.0001), hist(evs('1 day', '1 day', 1, 100)), 'rules: {unusual_high_value: {min_past: 2}}'),
	('largest_factor 2', 'no_hit', tx(220), hist(evs('1 day', '1 day', '{90,110,90,110,90,110,90,110,90,110}')), 'rules: {unusual_high_value: {largest_factor: 2}}'),
	('above largest_factor 2', 'hit 15', tx(220.0001), hist(evs('1 day', '1 day', '{90,110,90,110,90,110,90,110,90,110}')), 'rules: {unusual_high_value: {largest_factor: 2}}'),
	('above: 5, 5 sigma', 'no_hit', tx(301), hist(evs('1 day', '1 day', '{1,101,1,101,1,101,1,101,1,101}')), 'rules: {unusual_high_value: {bands: [{above: 5, points: 9}]}}'),
	('above: 5, more', 'hit 9', tx(301.0001), hist(evs('1 day', '1 day', '{1,101,1,101,1,101,1,101,1,101}')), 'rules: {unusual_high_value: {bands: [{above: 5, points: 9}]}}'),
	('new_bands: the lower', 'hit 4', tx(99.9999), NULL, 'rules: {unusual_high_value: {new_bands: [{above: 50, points: 4}, {at_least: 100, points: 8}]}}'),
	('new_bands: the upper', 'hit 8', tx(100), NULL, 'rules: {unusual_high_value: {new_bands: [{above: 50, points: 4}, {at_least: 100, points: 8}]}}'),
	('new_bands: none', 'no_hit', tx(50), NULL, 'rules: {unusual_high_value: {new_bands: [{above: 50, points: 4}, {at_least: 100, points: 8}]}}'),
	('weight 5', 'hit 5', tx(500), NULL, 'rules: {unusual_high_value: {weight: 5}}'),
	('shadow', 'shadow_hit 15', tx(500), NULL, 'rules: {unusual_high_value: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(500), NULL, 'rules: {unusual_high_value: {enabled: false}}');
SELECT * FROM show('unusual_high_value');

-- ==== 3 large_amount: over 5,000: 30
ALTER TABLE cases ALTER rule SET DEFAULT 'large_amount';
INSERT INTO cases (name, want, t, h) VALUES
	('5000', 'no_hit', tx(5000), NULL),
	('just below', 'no_hit', tx(4999.9999), NULL),
	('just above', 'hit 30', tx(5000.0001), NULL),
	('half of a ten-thousandth', 'hit 30', tx(5000.00005), NULL),
	('less', 'no_hit', tx(5000.000049), NULL),
	('as text', 'hit 30', tx(1, '{"amount": " 5000.0001 "}'), NULL),
	('with an exponent', 'hit 30', tx(1, '{"amount": 5.0000001e3}'), NULL),
	('the largest', 'hit 30', tx(100000000000), NULL),
	('larger', 'not_evaluated: amount is not usable', tx(100000000000.0001), NULL),
	('the smallest', 'no_hit', tx(-100000000000), NULL),
	('smaller', 'not_evaluated: amount is not usable', tx(-100000000000.0001), NULL),
	('amount NULL', 'not_evaluated: amount is NULL', tx(NULL), NULL),
	('amount absent', 'off: no such column: amount', tx(1) - 'amount', NULL),
	('amount a boolean', 'not_evaluated: amount is not usable', tx(1, '{"amount": true}'), NULL),
	('occurred_at absent', 'hit 30', tx(5001) - 'occurred_at', NULL),
	('history unavailable', 'hit 30', tx(5001), fraud_profile_unavailable()),
	('history newer', 'hit 30', tx(5001), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'hit 30', tx(5001, '{"customer_id": null}'), NULL);
INSERT INTO cases (name, want, t, policy) VALUES
	('bands: below', 'no_hit', tx(99.9999), 'rules: {large_amount: {bands: [{at_least: 100, points: 5}, {above: 1000, points: 12}]}}'),
	('bands: first', 'hit 5', tx(100), 'rules: {large_amount: {bands: [{at_least: 100, points: 5}, {above: 1000, points: 12}]}}'),
	('bands: still first', 'hit 5', tx(1000), 'rules: {large_amount: {bands: [{at_least: 100, points: 5}, {above: 1000, points: 12}]}}'),
	('bands: second', 'hit 12', tx(1000.0001), 'rules: {large_amount: {bands: [{at_least: 100, points: 5}, {above: 1000, points: 12}]}}'),
	('a threshold with a fraction', 'no_hit', tx(0.3), 'rules: {large_amount: {bands: [{above: 0.3, points: 5}]}}'),
	('above a threshold with a fraction', 'hit 5', tx(0.3001), 'rules: {large_amount: {bands: [{above: 0.3, points: 5}]}}'),
	('at a threshold with a fraction', 'hit 5', tx(1234.5678), 'rules: {large_amount: {bands: [{at_least: 1234.5678, points: 5}]}}'),
	('at any threshold of cents', 'no_hit', tx(4.35), 'rules: {large_amount: {bands: [{above: 4.35, points: 5}]}}'),
	('at least any threshold of cents', 'hit 5', tx(8.2), 'rules: {large_amount: {bands: [{at_least: 8.2, points: 5}]}}'),
	('weight 20', 'hit 20', tx(5001), 'rules: {large_amount: {weight: 20}}'),
	('shadow', 'shadow_hit 30', tx(5001), 'rules: {large_amount: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(5001), 'rules: {large_amount: {enabled: false}}');
SELECT * FROM show('large_amount');
-- every threshold of whole ten-thousandths compares exactly
SELECT count(*) AS thresholds,
	   count(*) FILTER (WHERE (fraud_score(tx(x), NULL, p)).risk_factors @> '{large_amount}') AS hit_at,
	   count(*) FILTER (WHERE (fraud_score(tx(x + 0.0001), NULL, p)).risk_factors @> '{large_amount}') AS hit_above
FROM generate_series(1, 2000) AS i, LATERAL (SELECT i * 137.0317) AS v (x),
	 LATERAL fraud_rules_set(fraud_rules_default(), 'rules.large_amount.bands', format('[{above: %s, points: 30}]', x)) AS p;

-- ==== 4 daily_limit: spend in 24 hours with this over the limit; default the greater of 2,000 and 3 x the mean of an active day: 20
ALTER TABLE cases ALTER rule SET DEFAULT 'daily_limit';
INSERT INTO cases (name, want, t, h) VALUES
	('default', 'no_hit', tx(2000), NULL),
	('just below', 'no_hit', tx(1999.9999), NULL),
	('just above', 'hit 20', tx(2000.0001), NULL),
	('limit of the row', 'no_hit', tx(100, '{"daily_limit": 100}'), NULL),
	('over the limit of the row', 'hit 20', tx(100.0001, '{"daily_limit": 100}'), NULL),
	('a limit above the default', 'no_hit', tx(2500, '{"daily_limit": 2500}'), NULL),
	('a limit below 3 x the mean', 'hit 20', tx(2500.0001, '{"daily_limit": 2500}'), hist(evs('2 days', '1 day', 3, 1000))),
	('limit 0', 'hit 20', tx(0.0001, '{"daily_limit": 0}'), NULL),
	('limit 0, amount 0', 'no_hit', tx(0, '{"daily_limit": 0}'), NULL),
	('limit NULL', 'no_hit', tx(2000, '{"daily_limit": null}'), NULL),
	('limit NULL, over the default', 'hit 20', tx(2000.0001, '{"daily_limit": null}'), NULL),
	('limit NaN', 'hit 20', tx(2000.0001, '{"daily_limit": "NaN"}'), NULL),
	-- the window
	('with one exactly 24 h ago', 'no_hit', tx(2000), hist(ev('24 hours', 600))),
	('with one just within 24 h: at the limit', 'no_hit', tx(1400), hist(ev('23:59:59.999999', 600))),
	('with one just within 24 h: over', 'hit 20', tx(1400.0001), hist(ev('23:59:59.999999', 600))),
	('with one at the same instant', 'hit 20', tx(1400.0001), hist(ev('0', 600))),
	('with one later', 'no_hit', tx(2000), hist(ev('-0.000001 s', 600))),
	('with an earlier version of this one', 'no_hit', tx(1900), hist(ev('1 hour', 600, '{"txn_id": "now"}'))),
	-- what is spend
	('pending', 'hit 20', tx(1400.0001), hist(ev('1 hour', 600, '{"status": "pending"}'))),
	('an unknown word', 'hit 20', tx(1400.0001), hist(ev('1 hour', 600, '{"status": "odd"}'))),
	('declined', 'no_hit', tx(2000), hist(ev('1 hour', 600, '{"status": "declined"}'))),
	('failed', 'no_hit', tx(2000), hist(ev('1 hour', 600, '{"status": "failed"}'))),
	('blocked', 'no_hit', tx(2000), hist(ev('1 hour', 600, '{"status": "blocked"}'))),
	('a refund gives nothing back', 'hit 20', tx(1400.0001), hist(ev('1 hour', 600) || ev('2 hours', -500))),
	('the own status is not read', 'hit 20', tx(2000.0001, '{"status": "declined", "declined": true}'), NULL),
	-- the mean of an active day
	('3 x 1000', 'no_hit', tx(3000), hist(evs('2 days', '1 day', 3, 1000))),
	('over 3 x 1000', 'hit 20', tx(3000.0001), hist(evs('2 days', '1 day', 3, 1000))),
	('3 x 1500: 500 and 1500 of one day, 1000 of another', 'no_hit', tx(4500), hist(ev('2 days', 500) || ev('2 days 1 hour', 1500) || ev('5 days', 1000))),
	('over 3 x 1500', 'hit 20', tx(4500.0001), hist(ev('2 days', 500) || ev('2 days 1 hour', 1500) || ev('5 days', 1000))),
	('days end at midnight UTC: two days', 'hit 20', tx(3000.0001), hist(ev('2 days 12:00', 1000) || ev('2 days 12:00:00.000001', 1000))),
	('days end at midnight UTC: one day', 'no_hit', tx(6000), hist(ev('2 days 12:00', 1000) || ev('2 days 11:59:59.999999', 1000))),
	('days are UTC whatever the zone', 'hit 20', tx(3000.0001, '{"timezone": "Asia/Tokyo"}'), hist(evs('2 days 12:00', '1 us', 2, 1000, '{"timezone": "Asia/Tokyo"}'))),
	('today counts: 800 + 1600 of 2400', 'no_hit', tx(1600), hist(ev('10 hours', 800))),
	('today counts: over 2400', 'hit 20', tx(1600.0001), hist(ev('10 hours', 800))),
	('declined spend nothing', 'hit 20', tx(2000.0001), hist(evs('2 days', '1 day', 3, 1000, '{"status": "declined"}'))),
	('pending spend', 'no_hit', tx(3000), hist(evs('2 days', '1 day', 3, 1000, '{"status": "pending"}'))),
	('90 days ago is too old', 'hit 20', tx(2000.0001), hist(ev('90 days', 1000))),
	('just within 90 days', 'no_hit', tx(3000), hist(ev('89 days 23:59:59.999999', 1000))),
	('amount NULL', 'not_evaluated: amount is NULL', tx(NULL), NULL),
	('amount absent', 'off: no such column: amount', tx(1) - 'amount', NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(5000, '{"occurred_at": null}'), NULL),
	('occurred_at absent', 'off: no such column: occurred_at', tx(5000) - 'occurred_at', NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(5000), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(5000), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(5000, '{"customer_id": null}'), NULL);
INSERT INTO cases (name, want, t, h, policy) VALUES
	('default_limit 100', 'no_hit', tx(100), NULL, 'rules: {daily_limit: {default_limit: 100}}'),
	('over default_limit 100', 'hit 20', tx(100.0001), NULL, 'rules: {daily_limit: {default_limit: 100}}'),
	('default_factor 2', 'no_hit', tx(2200), hist(evs('2 days', '1 day', 3, 1100)), 'rules: {daily_limit: {default_factor: 2}}'),
	('over default_factor 2', 'hit 20', tx(2200.0001), hist(evs('2 days', '1 day', 3, 1100)), 'rules: {daily_limit: {default_factor: 2}}'),
	('default_factor 0', 'hit 20', tx(2000.0001), hist(evs('2 days', '1 day', 3, 1100)), 'rules: {daily_limit: {default_factor: 0}}'),
	('bands: at least 1', 'hit 5', tx(100, '{"daily_limit": 100}'), NULL, 'rules: {daily_limit: {bands: [{at_least: 1, points: 5}, {above: 2, points: 9}]}}'),
	('bands: twice', 'hit 5', tx(200, '{"daily_limit": 100}'), NULL, 'rules: {daily_limit: {bands: [{at_least: 1, points: 5}, {above: 2, points: 9}]}}'),
	('bands: more than twice', 'hit 9', tx(200.0001, '{"daily_limit": 100}'), NULL, 'rules: {daily_limit: {bands: [{at_least: 1, points: 5}, {above: 2, points: 9}]}}'),
	('bands: below', 'no_hit', tx(99.9999, '{"daily_limit": 100}'), NULL, 'rules: {daily_limit: {bands: [{at_least: 1, points: 5}, {above: 2, points: 9}]}}'),
	('bands: half of 3 x the mean', 'hit 5', tx(1500.0001), hist(evs('2 days', '1 day', 3, 1000)), 'rules: {daily_limit: {bands: [{above: 0.5, points: 5}]}}'),
	('weight 7', 'hit 7', tx(2000.0001), NULL, 'rules: {daily_limit: {weight: 7}}'),
	('shadow', 'shadow_hit 20', tx(2000.0001), NULL, 'rules: {daily_limit: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(2000.0001), NULL, 'rules: {daily_limit: {enabled: false}}');
SELECT * FROM show('daily_limit');

-- ==== 5 weekly_limit: the same for 7 days; 8,000, 3 x the mean of an active week: 15
ALTER TABLE cases ALTER rule SET DEFAULT 'weekly_limit';
INSERT INTO cases (name, want, t, h) VALUES
	('default', 'no_hit', tx(8000), NULL),
	('just below', 'no_hit', tx(7999.9999), NULL),
	('just above', 'hit 15', tx(8000.0001), NULL),
	('limit of the row', 'no_hit', tx(100, '{"weekly_limit": 100}'), NULL),
	('over the limit of the row', 'hit 15', tx(100.0001, '{"weekly_limit": 100}'), NULL),
	('limit 0', 'hit 15', tx(0.0001, '{"weekly_limit": 0}'), NULL),
	('limit 0, amount 0', 'no_hit', tx(0, '{"weekly_limit": 0}'), NULL),
	('limit NULL', 'no_hit', tx(8000, '{"weekly_limit": null}'), NULL),
	('the daily limit is another', 'no_hit', tx(8000, '{"daily_limit": 100}'), NULL),
	('with one exactly 7 days ago', 'no_hit', tx(8000), hist(ev('7 days', 2000))),
	('with one just within 7 days: at the limit', 'no_hit', tx(6000), hist(ev('6 days 23:59:59.999999', 2000))),
	('with one just within 7 days: over', 'hit 15', tx(6000.0001), hist(ev('6 days 23:59:59.999999', 2000))),
	('pending', 'hit 15', tx(6000.0001), hist(ev('3 days', 2000, '{"status": "pending"}'))),
	('declined', 'no_hit', tx(8000), hist(ev('3 days', 2000, '{"status": "declined"}'))),
	-- weeks begin on Monday, 2026-03-16
	('two weeks of 3000: 9000', 'no_hit', tx(3000), hist(ev('2 days 12:00', 3000) || ev('2 days 12:00:00.000001', 3000))),
	('two weeks of 3000: over', 'hit 15', tx(3000.0001), hist(ev('2 days 12:00', 3000) || ev('2 days 12:00:00.000001', 3000))),
	('one week of 6000: 18000', 'no_hit', tx(12000), hist(ev('2 days 12:00', 3000) || ev('1 day', 3000))),
	('one week of 6000: over', 'hit 15', tx(12000.0001), hist(ev('2 days 12:00', 3000) || ev('1 day', 3000))),
	('Monday and Sunday are one week of 4000: 12000', 'no_hit', tx(10000), hist(ev('9 days 12:00', 2000) || ev('2 days 12:00:01', 2000))),
	('Monday and Sunday are one week of 4000: over', 'hit 15', tx(10000.0001), hist(ev('9 days 12:00', 2000) || ev('2 days 12:00:01', 2000))),
	('90 days ago is too old', 'hit 15', tx(8000.0001), hist(ev('90 days', 4000))),
	('just within 90 days', 'no_hit', tx(12000), hist(ev('89 days 23:59:59.999999', 4000))),
	('amount NULL', 'not_evaluated: amount is NULL', tx(NULL), NULL),
	('amount absent', 'off: no such column: amount', tx(1) - 'amount', NULL),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', tx(9000, '{"occurred_at": null}'), NULL),
	('occurred_at absent', 'off: no such column: occurred_at', tx(9000) - 'occurred_at', NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', tx(9000), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', tx(9000), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', tx(9000, '{"customer_id": null}'), NULL);
INSERT INTO cases (name, want, t, h, policy) VALUES
	('default_limit 100', 'no_hit', tx(100), NULL, 'rules: {weekly_limit: {default_limit: 100}}'),
	('over default_limit 100', 'hit 15', tx(100.0001), NULL, 'rules: {weekly_limit: {default_limit: 100}}'),
	('default_factor 2', 'no_hit', tx(10000), hist(ev('8 days', 5000)), 'rules: {weekly_limit: {default_factor: 2}}'),
	('over default_factor 2', 'hit 15', tx(10000.0001), hist(ev('8 days', 5000)), 'rules: {weekly_limit: {default_factor: 2}}'),
	('bands: at least 1', 'hit 5', tx(100, '{"weekly_limit": 100}'), NULL, 'rules: {weekly_limit: {bands: [{at_least: 1, points: 5}, {above: 2, points: 9}]}}'),
	('bands: more than twice', 'hit 9', tx(200.0001, '{"weekly_limit": 100}'), NULL, 'rules: {weekly_limit: {bands: [{at_least: 1, points: 5}, {above: 2, points: 9}]}}'),
	('weight 7', 'hit 7', tx(8000.0001), NULL, 'rules: {weekly_limit: {weight: 7}}'),
	('shadow', 'shadow_hit 15', tx(8000.0001), NULL, 'rules: {weekly_limit: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(8000.0001), NULL, 'rules: {weekly_limit: {enabled: false}}');
SELECT * FROM show('weekly_limit');

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong FROM results;
DROP SCHEMA regress_rules_amount CASCADE;
