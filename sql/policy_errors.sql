-- every kind of wrong policy: what was found, where, and what is allowed
\set VERBOSITY default

-- one as the user sees it
SELECT $$
rules:
  large_amount:
    weight: 40
$$::fraud_rules;

-- the others in short: state, message, detail, hint
CREATE FUNCTION wrong(yaml text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	RETURN 'accepted as ' || fraud_rules_hash(yaml::fraud_rules);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', state || ' ' || message, NULLIF(detail, ''), NULLIF(hint, ''));
END $$;
SELECT fraud_rules_hash(fraud_rules_active()) AS before \gset
\pset format unaligned
\pset tuples_only on

-- keys
SELECT wrong('ruels: {}');
SELECT wrong('rules: {large_amont: {weight: 3}}');
SELECT wrong('rules: {large_amount: {wieght: 3}}');
SELECT wrong('rules: {large_amount: {min_past: 3}}');
SELECT wrong('rules: {large_amount: {bands: [{over: 1, points: 3}]}}');
SELECT wrong('lists: {deny_people: {values: []}}');
SELECT wrong('history: {columns: {amuont: a}}');
SELECT wrong('scoring: {category_caps: {money: 3}}');
SELECT wrong(E'rules: {}\nversion: 1\nrules: {}');
SELECT wrong('rules: {large_amount: {weight: 3, weight: 3}}');
SELECT wrong('{[a]: b}');

-- types and ranges
SELECT wrong('version: 2');
SELECT wrong('- rules');
SELECT wrong('just text');
SELECT wrong('rules: []');
SELECT wrong('rules: {large_amount: {weight: heavy}}');
SELECT wrong('rules: {large_amount: {weight: "20"}}');
SELECT wrong('rules: {large_amount: {weight: 31}}');
SELECT wrong('rules: {large_amount: {weight: -1}}');
SELECT wrong('rules: {large_amount: {weight: 1.5}}');
SELECT wrong('rules: {large_amount: {weight: .nan}}');
SELECT wrong('rules: {large_amount: {weight: 1e99}}');
SELECT wrong('rules: {large_amount: {weight: [1]}}');
SELECT wrong('rules: {large_amount: {weight: }}');
SELECT wrong('rules: {large_amount: {enabled: perhaps}}');
SELECT wrong('rules: {unusual_hour: {from: 24}}');
SELECT wrong('rules: {multi_card_ip: {shared_declined: 1.01}}');
SELECT wrong('scoring: {min_coverage: 2}');
SELECT wrong('scoring: {low_max: 60, medium_max: 60}');
SELECT wrong('scoring: {category_caps: {amount: 101}}');

-- bands
SELECT wrong('rules: {large_amount: {bands: []}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2, points: 1}, {above: 1, points: 2}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2, points: 1}, {at_least: 2, points: 2}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2, at_least: 2, points: 1}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2, points: 1}, {points: 2}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2, points: 31}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 2, points: 3, action: deny}]}}');
SELECT wrong('rules: {large_amount: {bands: [{above: 1, points: 1}, {above: 2, points: 2}, {above: 3, points: 3}, {above: 4, points: 4}, {above: 5, points: 5}, {above: 6, points: 6}]}}');

-- history
SELECT wrong('history: {timezone: Europe/Atlantis}');
SELECT wrong('history: {timezone: UTC+3}');
SELECT wrong('history: {weekend: [0]}');
SELECT wrong('history: {weekend: [6, 6]}');
SELECT wrong('history: {base_currency: DOLLAR}');
SELECT wrong('history: {status_values: {done: finished}}');
SELECT wrong('history: {rates: {EUR: {2024-02-30: 1.1}}}');
SELECT wrong('history: {rates: {EUR: {2024-02-01: 0}}}');
SELECT wrong('history: {rates: {USD: {2024-02-01: 1.5}}}');

-- lists
SELECT wrong('lists: {high_risk_countries: {values: [IRN]}}');
SELECT wrong('lists: {high_risk_countries: {values: [ir, IR]}}');
SELECT wrong('lists: {gambling: {values: [79955]}}');
SELECT wrong('lists: {deny_ips: {values: [10.0.0.256]}}');
SELECT wrong('lists: {deny_ips: {values: [10.0.0.0/33]}}');
SELECT wrong('lists: {deny_cards: {values: [a, b, a]}}');
SELECT wrong('lists: {travel_notices: {values: [C17/FR/2026-07-14/2026-07-01]}}');
SELECT wrong('lists: {travel_notices: {values: [C17/FR]}}');

-- custom rules
SELECT wrong('custom: {large_amount: {when: "true", points: 1}}');
SELECT wrong('custom: {Big Spender: {when: "true", points: 1}}');
SELECT wrong('custom: {big_spender: {points: 1}}');
SELECT wrong('custom: {big_spender: {when: "amount > 3"}}');
SELECT wrong('custom: {big_spender: {when: "amount > 3", points: 99}}');

-- YAML itself
SELECT wrong('');
SELECT wrong(E'# nothing\n\n');
SELECT wrong('---');
SELECT wrong('rules: {');
SELECT wrong(E'rules:\n\tlarge_amount: {}');
SELECT wrong('rules: &r {}');
SELECT wrong('rules: *r');
SELECT wrong('rules: !!map {}');
SELECT wrong(E'version: 1\n---\nversion: 1');
SELECT wrong(E'%YAML 9.9\n---\nversion: 1');
SELECT wrong(repeat('[', 9) || repeat(']', 9));
SELECT wrong('lists: ' || repeat('{a: ', 1000) || repeat('}', 1000));
SELECT wrong('description: ' || repeat('x', 300000));
SELECT wrong('lists: {deny_cards: {values: [' || string_agg('c' || n, ',') || ']}}')
FROM generate_series(1, 50001) n;
SELECT wrong(E'description: "\x01"');
SELECT wrong('description: "\u0000"');

\pset tuples_only off
\pset format aligned

-- nothing of all this has left a trace
SELECT fraud_rules_hash(fraud_rules_active()) = :'before' AS same_policy,
	   (SELECT error IS NULL AND hash = :'before' FROM fraud_config_status WHERE file = 'rules') AS same_status;
CREATE TABLE kept (policy fraud_rules);
INSERT INTO kept VALUES ('description: good');
UPDATE kept SET policy = 'description: [bad]';
SELECT policy = 'description: good' AS kept FROM kept;
DROP TABLE kept;
DROP FUNCTION wrong(text);
