-- custom rules: SQL boolean expressions over the features
SET client_min_messages = warning;
CREATE SCHEMA regress_custom;
SET search_path = regress_custom, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- a policy with one rule of its own
ALTER TABLE cases ALTER rule SET DEFAULT 'x';
CREATE FUNCTION rule(condition text, more text DEFAULT '') RETURNS fraud_rules LANGUAGE sql STABLE AS
	$$ SELECT format('custom: {x: {when: %s, points: 10%s}}', to_json(condition), more)::fraud_rules $$;

-- ==== hits and misses
INSERT INTO cases (name, want, t, h, policy) VALUES
	('as written in YAML', 'hit 10', tx(2), NULL, 'custom: {x: {when: "amount > 1", points: 10}}'),
	('as a block', 'hit 20', tx(400, '{"occurred_at": "2026-03-18T23:00:00Z"}'), hist(evs('1 day', '1 day', 5, 100)),
		E'custom:\n  x:\n    when: amount_ratio > 3 AND local_hour NOT BETWEEN 5 AND 21\n    points: 20\n    action: none\n    description: large for the customer, at night\n'),
	('by day', 'no_hit', tx(400), hist(evs('1 day', '1 day', 5, 100)), rule('amount_ratio > 3 AND local_hour NOT BETWEEN 5 AND 21')),
	('at the threshold', 'no_hit', tx(300, '{"occurred_at": "2026-03-18T23:00:00Z"}'), hist(evs('1 day', '1 day', 5, 100)), rule('amount_ratio > 3 AND local_hour NOT BETWEEN 5 AND 21')),
	('over it', 'hit 10', tx(300.0001, '{"occurred_at": "2026-03-18T23:00:00Z"}'), hist(evs('1 day', '1 day', 5, 100)), rule('amount_ratio > 3 AND local_hour NOT BETWEEN 5 AND 21')),
	('true', 'hit 10', tx(1), NULL, rule('true')),
	('false', 'no_hit', tx(1), NULL, rule('false')),
	('a boolean feature', 'hit 10', tx(1, '{"country": "IR"}'), NULL, rule('high_risk_country')),
	('NOT', 'no_hit', tx(1, '{"country": "IR"}'), NULL, rule('NOT high_risk_country')),
	('a text feature', 'hit 10', tx(1, '{"mcc": "6051"}'), NULL, rule('merchant_risk IN (''crypto'', ''gambling'')')),
	('LIKE', 'hit 10', tx(1, '{"mcc": "6051"}'), NULL, rule('merchant_risk LIKE ''cr%'' AND merchant_risk ~ ''o$''')),
	('length, concatenation, upper', 'hit 10', tx(1, '{"mcc": "6051"}'), NULL, rule('length(merchant_risk || upper(''x'')) = 7')),
	('bigint', 'hit 10', tx(1), hist(evs('1 s', '1 s', 2, 1)), rule('attempts_60s = 3 AND past_count = 2')),
	('int and arithmetic', 'hit 10', tx(1), NULL, rule('(local_hour + 1) % 13 = 0 AND local_hour * 2 - 24 = 0')),
	('float functions', 'hit 10', tx(100), NULL, rule('sqrt(amount) = 10 AND abs(-amount) = power(10, 2) AND floor(amount / 3) = 33 AND log(amount) = 2')),
	('a cast', 'hit 10', tx(10.5), NULL, rule('amount::numeric % 1 = 0.5 AND amount::int = 10')),
	('CASE', 'hit 10', tx(10), NULL, rule('CASE WHEN amount > 5 THEN local_hour = 12 ELSE false END')),
	('COALESCE, NULLIF, GREATEST', 'hit 10', tx(10), NULL, rule('COALESCE(amount_ratio, 7) = 7 AND NULLIF(amount, 10) IS NULL AND GREATEST(amount, 3, local_hour) = 12')),
	('ANY', 'hit 10', tx(10), NULL, rule('local_hour = ANY (ARRAY[11, 12])')),
	('IS DISTINCT FROM', 'hit 10', tx(10), NULL, rule('amount_ratio IS DISTINCT FROM amount')),
	('a name in capitals', 'hit 10', tx(10), NULL, rule('AMOUNT > 1 And Local_Hour = 12')),
	('a comment', 'hit 10', tx(10), NULL, rule('amount > 1 /* much */')),
	('no history needed', 'hit 10', tx(10), fraud_profile_unavailable(), rule('amount > 1')),
	('of the address', 'hit 10', tx(1, '{"ip": "203.0.113.9", "card_id": "a"}'), NULL, rule('ip_cards_60m = 1 AND ip_attempts_24h = 1'));
UPDATE cases SET ip_h = NULL WHERE name = 'of the address';
-- ==== NULL is not evaluated, as usual in SQL
INSERT INTO cases (name, want, t, h, policy) VALUES
	('NULL', 'not_evaluated: expression is NULL or failed', tx(400), NULL, rule('amount_ratio > 3')),
	('NULL, by the constant', 'not_evaluated: expression is NULL or failed', tx(400), NULL, rule('NULL')),
	('NULL, history unavailable', 'not_evaluated: expression is NULL or failed', tx(400), fraud_profile_unavailable(), rule('past_count = 0')),
	('NULL AND true', 'not_evaluated: expression is NULL or failed', tx(400), NULL, rule('amount_ratio > 3 AND amount > 1')),
	('NULL AND false', 'no_hit', tx(400), NULL, rule('amount_ratio > 3 AND amount < 1')),
	('NULL OR true', 'hit 10', tx(400), NULL, rule('amount_ratio > 3 OR amount > 1')),
	('IS NULL', 'hit 10', tx(400), NULL, rule('amount_ratio IS NULL')),
	('IS NOT TRUE', 'hit 10', tx(400), NULL, rule('(amount_ratio > 3) IS NOT TRUE')),
	('amount missing', 'not_evaluated: expression is NULL or failed', tx(NULL), NULL, rule('amount > 3'));
-- ==== an error of the values is the rule's own
INSERT INTO cases (name, want, t, h, policy) VALUES
	('division by zero', 'error', tx(1), NULL, rule('1 / (attempts_60s - 1) > 0')),
	('division by zero of floats', 'error', tx(0), NULL, rule('1 / amount > 0')),
	('no division where AND ends before', 'no_hit', tx(1), NULL, rule('attempts_60s > 1 AND 1 / (attempts_60s - 1) > 0')),
	('root of a negative number', 'error', tx(-4), NULL, rule('sqrt(amount) > 0')),
	('logarithm of zero', 'error', tx(0), NULL, rule('ln(amount) > 0')),
	('overflow of int', 'error', tx(1), NULL, rule('local_hour * 2147483647 > 0')),
	('overflow of float', 'error', tx(1000), NULL, rule('exp(amount) > 0')),
	('a cast out of range', 'error', tx(100000), NULL, rule('amount::int2 > 0')),
	('a cast of a word', 'error', tx(1, '{"mcc": "6051"}'), NULL, rule('merchant_risk::int > 0')),
	('a wrong regular expression', 'error', tx(1, '{"mcc": "6051"}'), NULL, rule('merchant_risk ~ ''(''')),
	('not an error for others: a value', 'hit 10', tx(2), NULL, rule('1 / (amount - 1) = 1')),
	('not an error for others: zero', 'error', tx(1), NULL, rule('1 / (amount - 1) = 1'));
SELECT * FROM show('x');

-- ==== refused: anything but features, constants and built-in immutable functions
CREATE FUNCTION mine(float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION mine() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION yes(float8, float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR @#@ (LEFTARG = float8, RIGHTARG = float8, FUNCTION = yes);
CREATE DOMAIN mine_domain AS float8 CHECK (mine(VALUE));
CREATE TYPE mine_enum AS ENUM ('a');
CREATE TABLE mine_table (amount float8);
CREATE FUNCTION wrong(yaml text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN 'accepted as ' || fraud_rules_hash(yaml::fraud_rules);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE said (n int GENERATED ALWAYS AS IDENTITY, name text, got text, want text);
INSERT INTO said (name, got, want)
	SELECT expression, CASE WHEN wrong(format('custom: {x: {when: %s, points: 10}}', to_json(expression))) ~ '^accepted' THEN 'accepted' ELSE 'refused' END, 'refused'
	FROM unnest(ARRAY[
		'(SELECT true)', 'EXISTS (SELECT 1)', 'amount IN (SELECT 1)', 'amount > ALL (SELECT 0)', 'ARRAY(SELECT 1) IS NOT NULL',
		'mine(amount)', 'regress_custom.mine(amount)', 'regress_custom.mine()', 'amount OPERATOR(regress_custom.@#@) 1', 'amount @#@ 1',
		'amount::regress_custom.mine_domain > 0', 'public.fraud_fallback_version() = ''1.0''',
		'now() IS NOT NULL', 'clock_timestamp() IS NOT NULL', 'current_timestamp IS NOT NULL', 'current_date > ''2000-01-01''', 'localtime IS NOT NULL',
		'current_user = ''postgres''', 'session_user = ''postgres''', 'current_schema IS NOT NULL', 'random() >= 0', 'pg_backend_pid() > 0', 'pg_sleep(0) IS NULL',
		'current_setting(''TimeZone'') <> ''x''', 'set_config(''work_mem'', ''64kB'', true) <> ''x''', 'txid_current() > 0', 'version() <> ''x''',
		'pg_read_file(''PG_VERSION'') <> ''x''', 'nextval(''x'') > 0', 'query_to_xml(''SELECT 1'', true, true, '''') IS NOT NULL', 'has_table_privilege(''pg_class'', ''SELECT'')',
		'''pg_class''::regclass IS NOT NULL', 'timestamptz ''2020-01-01'' IS NOT NULL', 'to_char(amount, ''9'') <> ''x''', 'jsonb ''{}'' IS NOT NULL',
		'sum(amount) > 0', 'count(*) > 0', 'row_number() OVER () > 0', 'generate_series(1, 2) > 0', 'unnest(ARRAY[1]) > 0', 'grouping(amount) = 0',
		'no_such_feature > 1', 'fraud_features.amount > 1', 'mine_table.amount > 1', 'x', 'ctid IS NOT NULL', '$1 > 0', 'txn_id = ''now''',
		'amount', 'merchant_risk', '1', '''yes'' || ''no''', 'amount > ''abc''', 'amount = true', 'no_such_function(amount)', 'amount AND true',
		'amount > 1; SELECT true', 'amount > 1, true', 'true FROM pg_class', 'true WHERE true', 'true UNION SELECT true', 'true ORDER BY 1', 'true LIMIT 1',
		'DISTINCT true', 'true INTO x', 'amount >', '(amount > 1', 'amount > 1)', 'SELECT true', 'DEFAULT', 'CURRENT OF c',
		'fraud_features.*', '5::regress_custom.mine_domain > 0', '''a''::regress_custom.mine_enum = ''a''',
		'1 / 0 > 0', '''x''::int > 0', 'sqrt(-1) > 0'
	]) expression;
SELECT name AS expression, got, want, got = want AS ok FROM said ORDER BY n;
-- how that reads
SELECT expression, wrong(format('custom: {x: {when: %s, points: 10}}', to_json(expression)))
FROM unnest(ARRAY['amount > (SELECT 1)', 'now() IS NOT NULL', 'no_such_feature > 1', 'amount', 'amount > 1, true', 'regress_custom.mine(amount)']) expression;
-- also where the rule is off, and in a part of a policy
SELECT wrong('custom: {x: {when: "now() IS NULL", points: 1, enabled: false}}') ~ '^accepted' AS off_is_accepted,
	   wrong('custom: {a: {when: "true", points: 1}, b: {when: "amnt > 1", points: 1}}') ~ '^accepted' AS second_is_accepted;

-- ==== points, actions, the shadow, off
INSERT INTO cases (name, want, t, policy) VALUES
	('points 0', 'hit', tx(1), 'custom: {x: {when: "true", points: 0}}'),
	('points 30', 'hit 30', tx(1), 'custom: {x: {when: "true", points: 30}}'),
	('shadow', 'shadow_hit 10', tx(1), rule('true', ', shadow: true')),
	('shadow, no hit', 'no_hit', tx(1), rule('false', ', shadow: true')),
	('shadow, error', 'error', tx(1), rule('1 / (attempts_60s - 1) > 1', ', shadow: true')),
	('not enabled', 'off: disabled by policy', tx(1), rule('true', ', enabled: false'));
SELECT "case", got, want, ok FROM show('x') WITH ORDINALITY WHERE ordinality > (SELECT count(*) - 6 FROM cases) ORDER BY ordinality;
-- what the decision makes of it
INSERT INTO said (name, got, want)
SELECT 'decision: ' || name, concat_ws(' ', d.risk_score, d.recommendation, d.risk_factors, round(d.coverage::numeric, 4), d.detail - 'not_evaluated', d.detail -> 'not_evaluated' ->> 'x'), want
FROM (VALUES
	('a hit', tx(1), rule('true'), '10 APPROVE {x} 1.0000 {}'),
	('review', tx(1), rule('true', ', action: review'), '31 REVIEW {x} 1.0000 {}'),
	('block', tx(1), rule('true', ', action: block'), '61 BLOCK {x} 1.0000 {}'),
	('block in the shadow', tx(1), rule('true', ', action: block, shadow: true'), '0 APPROVE {} 1.0000 {"shadow": {"x": 10}}'),
	('an error: 200 of 210', tx(1), rule('1 / (attempts_60s - 1) > 1', ', action: block'), '0 APPROVE {} 0.9524 {} expression is NULL or failed'),
	('NULL: 200 of 210', tx(1), rule('amount_ratio > 1'), '0 APPROVE {} 0.9524 {} expression is NULL or failed'),
	('off', tx(1), rule('true', ', enabled: false'), '0 APPROVE {} 1.0000 {}')) v (name, t, p, want),
	LATERAL fraud_score(t, NULL, p) d;
SELECT name AS "case", got, want, got IS NOT DISTINCT FROM want AS ok FROM said WHERE name ~ '^decision: ' ORDER BY n;
-- numbers, order of names, category, sentences
SELECT number, rule, category, status, points, value, threshold, reason
FROM fraud_explain(tx(2, '{"mcc": "6051"}'), NULL, 'custom: {zebra: {when: "amount > 1", points: 7}, ant: {when: "amount > 5", points: 8}, bee: {when: "1 / (amount - 2) > 1", points: 9}, cat: {when: "amount_ratio > 1", points: 3}, eel: {when: "true", points: 3, enabled: false}}')
WHERE number > 19 ORDER BY number;
-- one call site, many rows: an error of one is not an error of the next, and policies may change from row to row
SELECT i, string_agg(e.rule || ' ' || e.status, ', ' ORDER BY e.rule) AS results
FROM generate_series(0, 5) i, LATERAL fraud_explain(tx(i), NULL,
	CASE WHEN i < 3 THEN rule('10 / (amount - 1) > 5') ELSE 'custom: {x: {when: "10 / (amount - 4) > 5", points: 1}, y: {when: "amount > 4", points: 1}}'::fraud_rules END) e
WHERE e.category = 'custom' GROUP BY i ORDER BY i;
-- neither search_path nor what stands on it matters
CREATE FUNCTION abs(float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT -1::float8';
SET search_path = regress_custom, pg_catalog, public;
SELECT status, current_setting('search_path') AS search_path FROM fraud_explain(tx(2), NULL, rule('abs(amount) = 2')) WHERE rule = 'x';
SET search_path = regress_custom, public;
-- an error leaves the transaction as it was
BEGIN;
SELECT status FROM fraud_explain(tx(1), NULL, rule('1 / (attempts_60s - 1) > 0')) WHERE rule = 'x';
SELECT status FROM fraud_explain(tx(1), NULL, rule('1 / attempts_60s > 0')) WHERE rule = 'x';
COMMIT;

-- ==== what else the policy refuses
SELECT name, wrong(yaml) FROM (VALUES
	('no expression', 'custom: {x: {points: 10}}'),
	('an empty one', 'custom: {x: {when: "", points: 10}}'),
	('no points', 'custom: {x: {when: "true"}}'),
	('points over 30', 'custom: {x: {when: "true", points: 31}}'),
	('points under 0', 'custom: {x: {when: "true", points: -1}}'),
	('an unknown key', 'custom: {x: {when: "true", points: 1, wieght: 2}}'),
	('an unknown action', 'custom: {x: {when: "true", points: 1, action: deny}}'),
	('the name of a rule', 'custom: {large_amount: {when: "true", points: 1}}'),
	('a name in capitals', 'custom: {Night: {when: "true", points: 1}}'),
	('not a string', 'custom: {x: {when: [1], points: 1}}')) v (name, yaml);

-- a star is no expression
SELECT wrong('custom: {x: {when: "*", points: 10}}') ~ '^accepted' AS accepted;

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
-- a long expression is cut in the reason, but never inside a letter: the answer stays valid text
SELECT e.status, convert_from(convert_to(e.reason, 'UTF8'), 'UTF8') = e.reason AS valid,
	   convert_from(convert_to(d.reason, 'UTF8'), 'UTF8') = d.reason AS decision_valid
FROM generate_series(1, 3) pad,
	LATERAL (SELECT format('custom: {x: {when: "amount > 0 OR merchant_risk = ''%s%s''", points: 1}}', repeat('a', pad), repeat('é', 120))::fraud_rules AS p) v,
	LATERAL fraud_explain('{"amount": 5}'::jsonb, NULL, p) e, LATERAL fraud_score('{"amount": 5}'::jsonb, NULL, p) d
WHERE e.rule = 'x';

\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong
FROM (SELECT got, want FROM results UNION ALL SELECT got, want FROM said) r;
DROP SCHEMA regress_custom CASCADE;
