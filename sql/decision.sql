-- from results to a decision: levels, floors, caps, lists, coverage, and every column
SET client_min_messages = warning;
CREATE SCHEMA regress_decision;
SET search_path = regress_decision, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- got and want are decisions here: score, level, recommendation, risk factors; a topic stands for the rule
CREATE OR REPLACE VIEW results AS
	SELECT n, rule, name,
		   concat_ws(' ', d.risk_score, d.risk_level, d.recommendation, nullif(array_to_string(d.risk_factors, ','), '')) ||
		   CASE WHEN rule = 'coverage' THEN ' of ' || round(d.coverage::numeric, 4) ELSE '' END AS got, want
	FROM cases c, LATERAL fraud_score(t, h, policy, ip_h, merchant_h) d;

-- only these of the shipped rules, and more YAML
CREATE FUNCTION just(keep text[], more text DEFAULT '') RETURNS fraud_rules LANGUAGE sql STABLE AS $$
	SELECT (format(E'rules: {%s}\n', string_agg(format('%s: {enabled: false}', rule), ', ')) || more)::fraud_rules
	FROM fraud_rules_catalog(fraud_rules_default()) WHERE rule <> ALL (keep) $$;
-- no shipped rule, and rules of its own that always hit with so many points
CREATE FUNCTION points(p int[], more text DEFAULT '') RETURNS fraud_rules LANGUAGE sql STABLE AS $$
	SELECT just('{}', format(E'custom: {%s}\n', string_agg(format('c%s: {when: "true", points: %s}', i, v), ', ')) || more)
	FROM unnest(p) WITH ORDINALITY AS u (v, i) $$;

-- ==== levels: to 30 LOW APPROVE, to 60 MEDIUM REVIEW, above HIGH BLOCK; at most 100
ALTER TABLE cases ALTER rule SET DEFAULT 'levels';
INSERT INTO cases (name, want, t, policy) VALUES
	-- a rule with 0 points that hits is a factor all the same
	('0', '0 LOW APPROVE c1', tx(1), just('{unusual_hour}', 'custom: {c1: {when: "true", points: 0}}')),
	('1', '1 LOW APPROVE c1', tx(1), points('{1}')),
	('30', '30 LOW APPROVE c1', tx(1), points('{30}')),
	('31', '31 MEDIUM REVIEW c1,c2', tx(1), points('{30,1}')),
	('60', '60 MEDIUM REVIEW c1,c2', tx(1), points('{30,30}')),
	('61', '61 HIGH BLOCK c1,c2,c3', tx(1), points('{30,30,1}')),
	('99', '99 HIGH BLOCK c1,c2,c3,c4', tx(1), points('{30,30,30,9}')),
	('100', '100 HIGH BLOCK c1,c2,c3,c4', tx(1), points('{30,30,30,10}')),
	('101', '100 HIGH BLOCK c1,c2,c3,c4', tx(1), points('{30,30,30,11}')),
	('300', '100 HIGH BLOCK c1,c10,c2,c3,c4,c5,c6,c7,c8,c9', tx(1), points('{30,30,30,30,30,30,30,30,30,30}')),
	('bands of its own: 20', '20 LOW APPROVE c1', tx(1), points('{20}', 'scoring: {low_max: 20, medium_max: 70}')),
	('bands of its own: 21', '21 MEDIUM REVIEW c1', tx(1), points('{21}', 'scoring: {low_max: 20, medium_max: 70}')),
	('bands of its own: 70', '70 MEDIUM REVIEW c1,c2,c3', tx(1), points('{30,30,10}', 'scoring: {low_max: 20, medium_max: 70}')),
	('bands of its own: 71', '71 HIGH BLOCK c1,c2,c3', tx(1), points('{30,30,11}', 'scoring: {low_max: 20, medium_max: 70}')),
	('low_max 0: 0', '0 LOW APPROVE', tx(1), just('{large_amount}', 'scoring: {low_max: 0}')),
	('low_max 0: 1', '1 MEDIUM REVIEW c1', tx(1), points('{1}', 'scoring: {low_max: 0}'));
SELECT * FROM show('levels');

-- ==== risk factors: by points, then by number of the rule; custom rules last, by name
ALTER TABLE cases ALTER rule SET DEFAULT 'factors';
INSERT INTO cases (name, want, t, policy) VALUES
	('by points', '60 MEDIUM REVIEW c3,c2,c1', tx(1), points('{10,20,30}')),
	('equal points by number', '60 MEDIUM REVIEW c1,c2,c3,c4', tx(1), points('{15,15,15,15}')),
	('shipped ones before custom ones', '60 MEDIUM REVIEW large_amount,a', tx(6000), just('{large_amount}', 'custom: {a: {when: "true", points: 30}}')),
	('points after the weight count', '38 MEDIUM REVIEW a,large_amount', tx(6000), fraud_rules_set(just('{large_amount}', 'custom: {a: {when: "true", points: 30}}'), 'rules.large_amount.weight', '8')),
	('7 before 6 by points', '55 MEDIUM REVIEW high_risk_country,foreign_country', tx(1, '{"country": "IR", "home_country": "US"}'), NULL),
	('6 before 7 by number', '60 MEDIUM REVIEW foreign_country,high_risk_country', tx(1001, '{"country": "IR", "home_country": "US"}'), just('{foreign_country,high_risk_country}')),
	('lists after rules', '61 HIGH BLOCK large_amount,deny_customers,review_customers', tx(6000), just('{large_amount}', 'lists: {deny_customers: {values: [c1]}, review_customers: {values: [c1]}}')),
	('all five of a large, new and foreign one', '80 HIGH BLOCK large_amount,foreign_country,daily_limit,unusual_high_value', tx(6000, '{"country": "FR", "home_country": "US"}'), NULL);
SELECT * FROM show('factors');

-- ==== actions: block lifts to 61, review to 31, and neither pulls down
ALTER TABLE cases ALTER rule SET DEFAULT 'actions';
INSERT INTO cases (name, want, t, h, policy) VALUES
	('block, 10 points', '61 HIGH BLOCK a', tx(1), NULL, just('{}', 'custom: {a: {when: "true", points: 10, action: block}}')),
	('block, 0 points', '61 HIGH BLOCK a', tx(1), NULL, just('{}', 'custom: {a: {when: "true", points: 0, action: block}}')),
	('block, 70 points', '70 HIGH BLOCK a,b,c', tx(1), NULL, just('{}', 'custom: {a: {when: "true", points: 30, action: block}, b: {when: "true", points: 30}, c: {when: "true", points: 10}}')),
	('block does not hit', '0 LOW APPROVE', tx(1), NULL, just('{}', 'custom: {a: {when: "amount > 1", points: 10, action: block}}')),
	('review, 10 points', '31 MEDIUM REVIEW a', tx(1), NULL, just('{}', 'custom: {a: {when: "true", points: 10, action: review}}')),
	('review, 45 points', '45 MEDIUM REVIEW a,b', tx(1), NULL, just('{}', 'custom: {a: {when: "true", points: 30, action: review}, b: {when: "true", points: 15}}')),
	('review and block', '61 HIGH BLOCK a,b', tx(1), NULL, just('{}', 'custom: {a: {when: "true", points: 1, action: review}, b: {when: "true", points: 1, action: block}}')),
	('block with medium_max 80', '81 HIGH BLOCK a', tx(1), NULL, just('{}', E'scoring: {medium_max: 80}\ncustom: {a: {when: "true", points: 10, action: block}}')),
	('review with low_max 40', '41 MEDIUM REVIEW a', tx(1), NULL, just('{}', E'scoring: {low_max: 40}\ncustom: {a: {when: "true", points: 10, action: review}}')),
	('velocity_10m, 6 attempts', '61 HIGH BLOCK velocity_10m', tx(1), hist(evs('61 s', '1 min', 5, 1)), NULL),
	('velocity_10m, 5 attempts', '15 LOW APPROVE velocity_10m', tx(1), hist(evs('61 s', '1 min', 4, 1)), NULL),
	('weight 0 keeps the action', '61 HIGH BLOCK velocity_10m', tx(1), hist(evs('61 s', '1 min', 5, 1)), 'rules: {velocity_10m: {weight: 0}}'),
	('the action of the first band', '31 MEDIUM REVIEW large_amount', tx(20), NULL, 'rules: {large_amount: {bands: [{above: 10, points: 1, action: review}, {above: 100, points: 2}]}}'),
	('the highest band counts, its action too', '2 LOW APPROVE large_amount', tx(200), NULL, 'rules: {large_amount: {bands: [{above: 10, points: 1, action: review}, {above: 100, points: 2}]}}'),
	('in the shadow', '0 LOW APPROVE', tx(1), hist(evs('61 s', '1 min', 5, 1)), 'rules: {velocity_10m: {shadow: true}}'),
	('not enabled', '0 LOW APPROVE', tx(1), hist(evs('61 s', '1 min', 5, 1)), 'rules: {velocity_10m: {enabled: false}}'),
	('a cap keeps the action', '61 HIGH BLOCK velocity_10m', tx(1), hist(evs('61 s', '1 min', 5, 1)), 'scoring: {category_caps: {velocity: 0}}');
SELECT * FROM show('actions');

-- ==== weights and category caps: amount 50, the others none
ALTER TABLE cases ALTER rule SET DEFAULT 'caps';
INSERT INTO cases (name, want, t, h, policy) VALUES
	-- high_amount 30, large_amount 30, daily_limit 20, unusual_high_value 15, weekly_limit 15
	('all of amount: 110, capped', '50 MEDIUM REVIEW high_amount,large_amount,daily_limit,unusual_high_value,weekly_limit', tx(9000), hist(evs('1 day', '1 day', 10, 100)), NULL),
	('two of amount: 50', '50 MEDIUM REVIEW high_amount,daily_limit', tx(2001), hist(evs('1 day', '1 day', 10, 100)), just('{high_amount,daily_limit}')),
	('none is the plain sum', '100 HIGH BLOCK high_amount,large_amount,daily_limit,unusual_high_value,weekly_limit', tx(9000), hist(evs('1 day', '1 day', 10, 100)), 'scoring: {category_caps: {amount: none}}'),
	('none, without two', '80 HIGH BLOCK high_amount,large_amount,daily_limit', tx(9000), hist(evs('1 day', '1 day', 10, 100)), just('{high_amount,large_amount,daily_limit}', 'scoring: {category_caps: {amount: none}}')),
	('a cap of 49', '49 MEDIUM REVIEW high_amount,large_amount', tx(9000), hist(evs('1 day', '1 day', 10, 100)), just('{high_amount,large_amount}', 'scoring: {category_caps: {amount: 49}}')),
	('a cap of 0', '0 LOW APPROVE high_amount,large_amount', tx(9000), hist(evs('1 day', '1 day', 10, 100)), just('{high_amount,large_amount}', 'scoring: {category_caps: {amount: 0}}')),
	('amount 50 and location 60', '100 HIGH BLOCK large_amount,foreign_country,high_risk_country,daily_limit,unusual_high_value', tx(6000, '{"country": "IR", "home_country": "US"}'), NULL, NULL),
	('amount 50 and location capped at 20', '70 HIGH BLOCK large_amount,foreign_country,high_risk_country,daily_limit,unusual_high_value', tx(6000, '{"country": "IR", "home_country": "US"}'), NULL, 'scoring: {category_caps: {location: 20}}'),
	('merchant capped', '12 LOW APPROVE high_risk_merchant', tx(1, '{"mcc": "7995"}'), NULL, 'scoring: {category_caps: {merchant: 12}}'),
	('velocity capped', '12 LOW APPROVE velocity_10m', tx(1), hist(evs('61 s', '1 min', 4, 1)), 'scoring: {category_caps: {velocity: 12}}'),
	('time capped', '3 LOW APPROVE unusual_hour', tx(1, '{"occurred_at": "2026-03-18T02:00:00Z"}'), NULL, 'scoring: {category_caps: {time: 3}}'),
	('custom capped', '31 MEDIUM REVIEW c1,c2,c3', tx(1), NULL, points('{30,30,30}', 'scoring: {category_caps: {custom: 31}}')),
	('weights cap points', '9 LOW APPROVE large_amount', tx(6000), NULL, fraud_rules_set(just('{large_amount}'), 'rules.large_amount.weight', '9')),
	('weight 0', '0 LOW APPROVE large_amount', tx(6000), NULL, fraud_rules_set(just('{large_amount,unusual_hour}'), 'rules.large_amount.weight', '0')),
	('nothing is on', '31 MEDIUM REVIEW', tx(6000), NULL, just('{}'));
SELECT * FROM show('caps');

-- ==== deny and review lists
ALTER TABLE cases ALTER rule SET DEFAULT 'lists';
INSERT INTO cases (name, want, t, policy)
	SELECT list, want, tx(1, '{"customer_id": "x1", "card_id": "x2", "merchant_id": "x3", "ip": "198.51.100.7"}'),
		   fraud_rules_set(fraud_rules_default(), 'lists.' || list || '.values', vals)
	FROM (VALUES
		('deny_customers', '[x1]', '61 HIGH BLOCK deny_customers'), ('deny_cards', '[x2]', '61 HIGH BLOCK deny_cards'),
		('deny_merchants', '[x3]', '61 HIGH BLOCK deny_merchants'), ('deny_ips', '[198.51.100.7]', '61 HIGH BLOCK deny_ips'),
		('deny_ips', '[198.51.100.0/29]', '61 HIGH BLOCK deny_ips'), ('deny_ips', '[198.51.100.8/29]', '0 LOW APPROVE'),
		('review_customers', '[x1]', '31 MEDIUM REVIEW review_customers'), ('review_cards', '[x2]', '31 MEDIUM REVIEW review_cards'),
		('review_merchants', '[x3]', '31 MEDIUM REVIEW review_merchants'), ('review_ips', '[198.51.100.7/32]', '31 MEDIUM REVIEW review_ips'),
		('deny_customers', '[x2, x3, X1, x]', '0 LOW APPROVE'), ('deny_cards', '[x1, x3]', '0 LOW APPROVE'),
		('deny_merchants', '[x1, x2]', '0 LOW APPROVE')) v (list, vals, want);
INSERT INTO cases (name, want, t, policy) VALUES
	('deny before review', '61 HIGH BLOCK deny_cards,review_customers', tx(1, '{"card_id": "k"}'), 'lists: {deny_cards: {values: [k]}, review_customers: {values: [c1]}}'),
	('deny keeps a higher score', '81 HIGH BLOCK c1,c2,c3,deny_customers', tx(1), points('{30,30,21}', 'lists: {deny_customers: {values: [c1]}}')),
	('review keeps a higher score', '40 MEDIUM REVIEW c1,c2,review_customers', tx(1), points('{30,10}', 'lists: {review_customers: {values: [c1]}}')),
	('deny with medium_max 80', '81 HIGH BLOCK deny_customers', tx(1), E'scoring: {medium_max: 80}\nlists: {deny_customers: {values: [c1]}}'),
	('review with low_max 10', '11 MEDIUM REVIEW review_customers', tx(1), E'scoring: {low_max: 10}\nlists: {review_customers: {values: [c1]}}'),
	('a number', '61 HIGH BLOCK deny_customers', tx(1, '{"customer_id": 17}'), 'lists: {deny_customers: {values: [17]}}'),
	('IPv6', '61 HIGH BLOCK deny_ips', tx(1, '{"ip": "2001:db8:1:2:3::4"}'), 'lists: {deny_ips: {values: ["2001:db8:1:2::/64"]}}'),
	('IPv4 in IPv6', '61 HIGH BLOCK deny_ips', tx(1, '{"ip": "::ffff:198.51.100.7"}'), 'lists: {deny_ips: {values: [198.51.100.7]}}'),
	('blank is nobody', '0 LOW APPROVE', tx(1, '{"card_id": ""}'), 'lists: {deny_cards: {values: [" "]}}');
SELECT * FROM show('lists');

-- ==== coverage: the share of the runnable weight that was looked at; under 0.5 at least REVIEW
-- Amount and time alone run the rules 1 to 5, 13, 14, 17 to 19: a weight of 200 of 435.
ALTER TABLE cases ALTER rule SET DEFAULT 'coverage';
INSERT INTO cases (name, want, t, h, policy) VALUES
	('a new customer', '0 LOW APPROVE of 1.0000', tx(10), NULL, NULL),
	('history unavailable: rules 3 and 17', '31 MEDIUM REVIEW of 0.2250', tx(10), fraud_profile_unavailable(), NULL),
	('history newer', '31 MEDIUM REVIEW of 0.2250', tx(10), hist(evs('-1 hour', '-1 hour', 33, 100)), NULL),
	('customer_id NULL', '31 MEDIUM REVIEW of 0.2250', tx(10, '{"customer_id": null}'), NULL, NULL),
	('customer_id absent', '0 LOW APPROVE of 1.0000', tx(10) - 'customer_id', NULL, NULL),
	('amount NULL: not 1 to 5 and 18', '31 MEDIUM REVIEW of 0.3500', tx(NULL), NULL, NULL),
	('amount absent: 70 run', '31 MEDIUM REVIEW of 1.0000', tx(10) - 'amount', NULL, NULL),
	('occurred_at NULL: only 3', '31 MEDIUM REVIEW of 0.1500', tx(10, '{"occurred_at": null}'), NULL, NULL),
	('occurred_at absent: 30 run', '31 MEDIUM REVIEW of 1.0000', tx(10) - 'occurred_at', NULL, NULL),
	('neither', '31 MEDIUM REVIEW of 0.0000', '{"txn_id": 1}', NULL, NULL),
	('all columns, most of them NULL', '0 LOW APPROVE of 0.5287', to_jsonb(jsonb_populate_record(NULL::fraud_txn, tx(10))), NULL, NULL),
	('merchant history unavailable: 10 of 240', '0 LOW APPROVE of 0.8750', tx(10, '{"merchant_id": "m"}'), NULL, NULL),
	('exempt is looked at', '0 LOW APPROVE of 1.0000', tx(10, '{"ip": "10.0.0.1", "card_id": "k"}'), NULL, NULL),
	('exactly a half', '0 LOW APPROVE of 0.5000', tx(10), fraud_profile_unavailable(), just('{high_amount,large_amount}')),
	('a little less', '31 MEDIUM REVIEW of 0.4918', tx(10), fraud_profile_unavailable(), just('{high_amount,large_amount}', E'custom: {a: {when: "past_count > 0", points: 1}}')),
	('less, but more points than 31', '60 MEDIUM REVIEW large_amount,b of 0.5000', tx(6000), fraud_profile_unavailable(), just('{high_amount,large_amount}', E'custom: {a: {when: "past_count > 0", points: 30}, b: {when: "true", points: 30}}')),
	('min_coverage 0.6', '31 MEDIUM REVIEW of 0.5000', tx(10), fraud_profile_unavailable(), just('{high_amount,large_amount}', 'scoring: {min_coverage: 0.6}')),
	('min_coverage 0', '0 LOW APPROVE of 0.2250', tx(10), fraud_profile_unavailable(), 'scoring: {min_coverage: 0}'),
	('min_coverage 1', '0 LOW APPROVE of 1.0000', tx(10), NULL, 'scoring: {min_coverage: 1}'),
	('low_max 40', '41 MEDIUM REVIEW of 0.2250', tx(10), fraud_profile_unavailable(), 'scoring: {low_max: 40}'),
	('weights weigh: 10 of 40', '31 MEDIUM REVIEW of 0.2500', tx(10), fraud_profile_unavailable(), fraud_rules_set(just('{high_amount,large_amount}'), 'rules.large_amount.weight', '10')),
	('weight 0 weighs nothing', '0 LOW APPROVE of 1.0000', tx(10), fraud_profile_unavailable(), fraud_rules_set(just('{high_amount,large_amount}'), 'rules.high_amount.weight', '0')),
	('the shadow weighs nothing', '0 LOW APPROVE of 1.0000', tx(10), fraud_profile_unavailable(), fraud_rules_set(just('{high_amount,large_amount}'), 'rules.high_amount.shadow', 'true'));
INSERT INTO cases (name, want, t, ip_h) VALUES
	('a shared address lowers nothing', '0 LOW APPROVE of 1.0000', tx(10, '{"ip": "203.0.113.9", "card_id": "k"}'), hist(evs('1 min', '1 s', 101, 1))),
	('an unavailable one does: 30 of 230', '0 LOW APPROVE of 0.8696', tx(10, '{"ip": "203.0.113.9", "card_id": "k"}'), fraud_profile_unavailable());
SELECT * FROM show('coverage');
-- a coverage of exactly min_coverage is enough, whatever the fraction
SELECT count(*) AS fractions, count(*) FILTER (WHERE (fraud_score(tx(10), fraud_profile_unavailable(), p)).risk_score <> 0) AS lifted
FROM generate_series(1, 30) a, generate_series(1, 30) b,
	 LATERAL (SELECT fraud_rules_set(fraud_rules_set(fraud_rules_set(just('{high_amount,large_amount}'),
		'rules.large_amount.weight', a::text), 'rules.high_amount.weight', b::text), 'scoring.min_coverage', round(a::numeric / (a + b), 2)::text)) AS v (p)
WHERE 100 * a % (a + b) = 0;

-- ==== what is missing
ALTER TABLE cases ALTER rule SET DEFAULT 'missing';
INSERT INTO cases (name, want, t, h) VALUES
	-- 30 + 30 + 25 + 15
	('amount NULL, much else', '100 HIGH BLOCK high_risk_country,velocity_10m,foreign_country,velocity_sustained', tx(NULL, '{"country": "IR", "home_country": "US"}'), hist(evs('1 s', '1 s', 5, 1))),
	('amount not usable', '31 MEDIUM REVIEW', tx(1, '{"amount": "1e12"}'), NULL),
	('occurred_at not usable', '31 MEDIUM REVIEW', tx(1, '{"occurred_at": "soon"}'), NULL),
	('occurred_at blank', '31 MEDIUM REVIEW', tx(1, '{"occurred_at": ""}'), NULL),
	('nothing', '31 MEDIUM REVIEW', '{}', NULL),
	('zero is an amount', '0 LOW APPROVE', tx(0), NULL),
	('a refund is an amount', '0 LOW APPROVE', tx(-10), NULL),
	('a date is a time', '0 LOW APPROVE', tx(10, '{"occurred_at": "2026-03-18"}'), NULL);
SELECT * FROM show('missing');

-- ==== short_circuit: nothing more once BLOCK is certain; the same recommendation
ALTER TABLE cases ALTER rule SET DEFAULT 'short';
INSERT INTO cases (name, want, t, h, policy) VALUES
	('60 is not certain', '60 MEDIUM REVIEW c1,c2,c3', tx(1), NULL, points('{30,30,0}', 'scoring: {short_circuit: true}')),
	('61 is', '61 HIGH BLOCK c1,c2,c3', tx(1), NULL, points('{30,30,1,30}', 'scoring: {short_circuit: true}')),
	('a capped sum is not', '50 MEDIUM REVIEW c1,c2,c4,c3', tx(1), NULL, points('{30,30,1,30}', 'scoring: {short_circuit: true, category_caps: {custom: 50}}')),
	('a block is', '61 HIGH BLOCK velocity_10m', tx(1), hist(evs('1 s', '1 s', 5, 1)), 'scoring: {short_circuit: true}'),
	('without short_circuit', '61 HIGH BLOCK velocity_10m,velocity_sustained', tx(1), hist(evs('1 s', '1 s', 5, 1)), NULL),
	('a deny list is', '61 HIGH BLOCK deny_customers', tx(6000), NULL, 'lists: {deny_customers: {values: [c1]}}
scoring: {short_circuit: true}'),
	('a review list is not', '50 MEDIUM REVIEW large_amount,daily_limit,unusual_high_value,review_customers', tx(6000), NULL, 'lists: {review_customers: {values: [c1]}}
scoring: {short_circuit: true}'),
	('medium_max 40', '60 HIGH BLOCK c1,c2', tx(1), NULL, points('{30,30,30}', 'scoring: {short_circuit: true, medium_max: 40}'));
SELECT * FROM show('short');
SELECT string_agg(number || ' ' || status, ', ' ORDER BY number) AS after_13
FROM fraud_explain(tx(1, '{"status": null, "country": "US"}'), hist(evs('1 s', '1 s', 5, 1)), 'scoring: {short_circuit: true}') WHERE number > 11;
SELECT count(*) FILTER (WHERE status = 'skipped') AS skipped, count(*) AS rules, min(points) AS least, max(points) AS most
FROM fraud_explain(tx(6000), NULL, E'lists: {deny_customers: {values: [c1]}}\nscoring: {short_circuit: true}');
SELECT d.coverage, d.reason FROM fraud_score(tx(1), NULL, points('{30,30,1,30}', 'scoring: {short_circuit: true}')) d;

-- ==== the other columns
CREATE TABLE said (n int GENERATED ALWAYS AS IDENTITY, name text, got text, want text);
INSERT INTO said (name, got, want)
	SELECT 'columns', to_jsonb(d)::text, jsonb_build_object(
		'txn_id', 'now', 'is_fraud', false, 'risk_score', 50, 'risk_level', 'MEDIUM', 'recommendation', 'REVIEW',
		'risk_factors', '["large_amount", "daily_limit", "unusual_high_value"]'::jsonb,
		'mode', 'FALLBACK', 'source', 'RULES', 'tier', NULL, 'degraded', true, 'coverage', 1,
		'policy_hash', fraud_rules_hash(fraud_rules_default()), 'retry_after', NULL, 'decided_at', NULL,
		'reason', 'large_amount: amount 6000.00, over 5000; daily_limit: spend of 24 hours with this 6000.00, default limit 2000.00; unusual_high_value: amount 6000.00 with only 0 past payments, at least 500',
		'detail', '{"not_evaluated": {"high_amount": "insufficient history", "dormant_account": "insufficient history", "weekend_shift": "insufficient history"}}'::jsonb)::text
	FROM fraud_score(tx(6000), NULL) d
	UNION ALL SELECT 'is_fraud is BLOCK', string_agg(concat_ws(' ', d.risk_score, d.is_fraud), ', ' ORDER BY d.risk_score), '30 f, 31 f, 60 f, 61 t, 100 t'
	FROM unnest(ARRAY[points('{30}'), points('{30,1}'), points('{30,30}'), points('{30,30,1}'), points('{30,30,30,30}')]) p, LATERAL fraud_score(tx(1), NULL, p) d
	UNION ALL SELECT 'policy_hash', d.policy_hash, fraud_rules_hash('rules: {large_amount: {weight: 3}}')
	FROM fraud_score(tx(1), NULL, 'rules: {large_amount: {weight: 3}}') d
	UNION ALL SELECT 'txn_id a number', d.txn_id, '42' FROM fraud_score('{"txn_id": 42, "amount": 1}'::jsonb, NULL) d
	UNION ALL SELECT 'txn_id absent', d.txn_id, NULL FROM fraud_score('{"amount": 1}'::jsonb, NULL) d
	UNION ALL SELECT 'a NULL transaction', fraud_score(NULL::jsonb, NULL)::text, NULL
	UNION ALL SELECT 'a NULL row', fraud_score(NULL::fraud_txn, NULL)::text, NULL
	UNION ALL SELECT 'no factor is an empty array', d.risk_factors::text, '{}' FROM fraud_score(tx(1), NULL) d
	UNION ALL SELECT 'detail: nothing to say', d.detail::text, NULL FROM fraud_score(tx(1), NULL, just('{large_amount}')) d
	UNION ALL SELECT 'detail: shadow', d.detail::text, '{"shadow": {"large_amount": 30}}' FROM fraud_score(tx(6000), NULL, fraud_rules_set(just('{large_amount}'), 'rules.large_amount.shadow', 'true')) d
	UNION ALL SELECT 'detail: shadow, under its weight', d.detail::text, '{"shadow": {"a": 12, "large_amount": 5}}'
	FROM fraud_score(tx(6000), NULL, fraud_rules_set(just('{large_amount}', 'custom: {a: {when: "true", points: 12, shadow: true}}'), 'rules.large_amount', '{shadow: true, weight: 5}')) d
	UNION ALL SELECT 'detail: unavailable', d.detail::text, '{"not_evaluated": {"daily_limit": "customer history unavailable"}}' FROM fraud_score(tx(1), fraud_profile_unavailable(), just('{large_amount,daily_limit}')) d
	UNION ALL SELECT 'detail: off is not in it', d.detail::text, NULL FROM fraud_score(tx(1), NULL, just('{large_amount,multi_card_ip}')) d
	UNION ALL SELECT 'reason: nothing', d.reason, 'no rule fired' FROM fraud_score(tx(1), NULL) d
	UNION ALL SELECT 'reason: in the shadow', d.reason, 'no rule fired' FROM fraud_score(tx(6000), NULL, fraud_rules_set(just('{large_amount,unusual_hour}'), 'rules.large_amount.shadow', 'true')) d
	UNION ALL SELECT 'reason: list', d.reason, 'on the list deny_customers' FROM fraud_score(tx(1), NULL, 'lists: {deny_customers: {values: [c1]}}') d
	UNION ALL SELECT 'reason: two lists', d.reason, 'on the list deny_customers; on the list review_customers' FROM fraud_score(tx(1), NULL, 'lists: {deny_customers: {values: [c1]}, review_customers: {values: [c1]}}') d
	UNION ALL SELECT 'reason: amount', d.reason, 'amount is missing' FROM fraud_score(tx(1) - 'amount', NULL) d
	UNION ALL SELECT 'reason: amount and time', d.reason, 'amount is missing; occurred_at is missing' FROM fraud_score('{}'::jsonb, NULL, 'scoring: {min_coverage: 0}') d
	UNION ALL SELECT 'reason: coverage', d.reason, 'coverage 0.22 is under 0.5' FROM fraud_score(tx(1), fraud_profile_unavailable()) d;
\pset format unaligned
SELECT name AS "case", got, want, got IS NOT DISTINCT FROM want AS ok FROM said ORDER BY n;
\pset format aligned
SELECT attnum, attname, format_type(atttypid, atttypmod) AS type
FROM pg_attribute WHERE attrelid = 'fraud_decision'::regclass AND attnum > 0 ORDER BY attnum;

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong
FROM (SELECT got, want FROM results UNION ALL SELECT got, want FROM said) r;
DROP SCHEMA regress_decision CASCADE;
