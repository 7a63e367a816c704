-- labels in fraud_score_table(), and fraud_rule_stats()
CREATE SCHEMA regress_rule_stats;
SET search_path = regress_rule_stats, public;
SET timezone = 'UTC';
\set VERBOSITY terse

CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION day(d float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2026-02-28 12:00Z' + d * interval '1 day' $$;

-- ==== a merchant: new customers who pay 20, one a day; p2 is declined
CREATE TABLE shop (txn_id text, customer_id text, amount numeric, occurred_at timestamptz, merchant_id text, status text);
INSERT INTO shop SELECT 'p' || i, 'A' || i, 20, day(i), 'phones', CASE i WHEN 2 THEN 'declined' ELSE 'approved' END FROM generate_series(1, 22) AS i;
INSERT INTO shop VALUES
	('p14b', 'A14b', 20, day(14) + interval '1 second', 'phones', 'approved'),
	('q1', 'B1', 20, day(14), 'other', 'approved'),		-- another merchant
	(NULL, 'B2', 20, day(20), NULL, 'approved');		-- none, and no id
CREATE VIEW scored AS SELECT txn_id, (decision).risk_score, (decision).reason FROM fraud_score_table('shop') ORDER BY substring(txn_id, '[0-9]+')::int, txn_id COLLATE "C";
SELECT count(*) AS without_labels FROM scored WHERE reason ~ 'fraud';

SELECT fraud_label('p3', true, day(12)), fraud_label('p5', true, day(14) + interval '1 microsecond'),
	   fraud_label('p7', true, day(6)), fraud_label('p9', false, day(9)), fraud_label('p2', true, day(3)), fraud_label('nobody', true, day(1)),
	   fraud_label('p8', true, 'infinity');
SELECT fraud_label('p7', NULL);
-- p3 is known from p12 on, p5 a second after p14. Two of 20 are a surge, of 21 they are not, but the bound is over 1.5 %
SELECT * FROM scored WHERE risk_score > 0;
-- a label that is known before its payment: at p12 two of the ten others are
BEGIN;
SELECT fraud_label('p7', true, day(6));
SELECT * FROM scored WHERE risk_score > 0 LIMIT 2;
ROLLBACK;
-- the same transaction twice is one
BEGIN;
INSERT INTO shop SELECT * FROM shop;
SELECT count(*) AS rows, count(DISTINCT s) AS different FROM scored AS s WHERE risk_score > 0;
ROLLBACK;
-- the statement's own snapshot
BEGIN;
DELETE FROM fraud_labels;
SELECT count(*) AS without_labels FROM scored WHERE reason ~ 'fraud';
ROLLBACK;
SELECT count(*) AS with_labels FROM scored WHERE reason ~ 'fraud';
-- rule 12 off: nobody asks
SELECT count(*) AS off FROM fraud_score_table('shop', 'rules: {merchant_reputation: {enabled: false}}') WHERE (decision).reason ~ 'fraud';
-- custom rules see the merchant's numbers, without labels too
SELECT string_agg(txn_id, ' ' ORDER BY substring(txn_id, '[0-9]+')::int) AS fives
FROM fraud_score_table('shop', 'custom: {fives: {when: "merchant_approved_90d % 5 = 0 AND merchant_frauds_28d < 2", points: 1}}') WHERE 'fives' = ANY ((decision).risk_factors);
BEGIN;
DELETE FROM fraud_labels;
SELECT string_agg(txn_id, ' ' ORDER BY substring(txn_id, '[0-9]+')::int) AS fives
FROM fraud_score_table('shop', 'custom: {fives: {when: "Merchant_Approved_90d % 5 = 0", points: 1}}') WHERE 'fives' = ANY ((decision).risk_factors);
ROLLBACK;

-- ==== customers: what they usually pay is without the fraud, once it is known
CREATE TABLE paid (id int, payer text, total numeric, made timestamptz);
INSERT INTO paid SELECT i, 'B', 10, day(i) FROM generate_series(1, 6) AS i
	UNION ALL VALUES (7, 'B', 1000, day(7)), (8, 'B', 200, day(8)), (9, 'B', 200, day(9)), (10, 'B', 500, day(10))
	-- long ago: 40 payments have come since, and it is the largest of its days
	UNION ALL SELECT 101, 'C', 1000, day(1)
	UNION ALL SELECT 101 + i, 'C', 10, day(1 + i / 100.0) FROM generate_series(1, 40) AS i
	UNION ALL VALUES (142, 'C', 100, day(2)), (143, 'C', 100, day(3));
SET client_min_messages = warning;
SELECT fraud_attach('paid', '{"txn_id": "id", "customer_id": "payer", "amount": "total", "occurred_at": "made"}') IS NOT NULL AS attached;
SELECT fraud_label('7', true, day(9)), fraud_label('101', true, day(3));
-- 8: the mean is 151.43; 9: that of six payments of 10 and one of 200, 37.14; 142: 34.15; 143: 40 of 10 and one of 100, 12.20
SELECT s.txn_id, (s.decision).risk_factors, (s.decision).reason FROM fraud_score_table('paid') AS s WHERE s.txn_id IN ('8', '9', '142', '143') ORDER BY txn_id::int;
BEGIN;
DELETE FROM fraud_labels;
SELECT s.txn_id, (s.decision).risk_factors, (s.decision).reason FROM fraud_score_table('paid') AS s WHERE s.txn_id IN ('8', '9', '142', '143') ORDER BY txn_id::int;
ROLLBACK;

-- ==== what the rules find
-- merchant_reputation: p14b to p22 are 9 of the 24 rows with a merchant, none of them is a fraud; frauds among the rows: p2 p3 p5 p8
SELECT * FROM fraud_rule_stats('shop', 'rules: {merchant_reputation: {shadow: true}}
custom: {early: {when: "merchant_approved_90d < 3", points: 5}, half: {when: "attempts_24h / 0 = 1", points: 1, enabled: false}}')
WHERE rule IN ('merchant_reputation', 'multi_card_ip', 'early', 'half');
-- high_amount: at least 5 past, so 6 to 10, 106 to 143, of which 7 9 10 143 hit
SELECT * FROM fraud_rule_stats('paid') WHERE rule = 'high_amount';
SELECT * FROM fraud_rule_stats('paid', since => day(7), until => day(9)) WHERE rule = 'high_amount';
SELECT * FROM fraud_rule_stats('paid', since => day(8), until => day(9)) WHERE rule = 'high_amount';
-- every rule against the decisions
SELECT count(*) AS rules, count(*) FILTER (WHERE (r.hits, r.labelled_frauds) IS DISTINCT FROM (coalesce(d.hits, 0), coalesce(d.frauds, 0))) AS differ,
	   count(*) FILTER (WHERE r.precision IS DISTINCT FROM d.frauds / nullif(d.hits, 0)::float8 OR r.recall IS DISTINCT FROM coalesce(d.frauds, 0) / 2::float8) AS shares_differ
FROM fraud_rule_stats('paid') AS r LEFT JOIN (
	SELECT f AS rule, count(*) AS hits, count(l.txn_id) AS frauds
	FROM fraud_score_table('paid') AS s CROSS JOIN unnest((s.decision).risk_factors) AS f LEFT JOIN fraud_labels AS l ON l.txn_id = s.txn_id AND l.is_fraud
	GROUP BY 1) AS d USING (rule);
-- the view: all attached tables, in order of number
SELECT fraud_attach('shop') IS NOT NULL AS attached;
SELECT count(*) AS rules, bool_and(v.rule = c.name) AS in_order,
	   count(*) FILTER (WHERE (v.evaluated, v.hits, v.labelled_frauds) IS DISTINCT FROM (a.evaluated + b.evaluated, a.hits + b.hits, a.labelled_frauds + b.labelled_frauds)) AS differ,
	   count(*) FILTER (WHERE v.recall IS DISTINCT FROM v.labelled_frauds / 6::float8) AS recall_differs
FROM (SELECT *, row_number() OVER () AS n FROM fraud_rule_stats) AS v
	JOIN fraud_rule_stats('shop') AS a USING (rule) JOIN fraud_rule_stats('paid') AS b USING (rule)
	JOIN (SELECT number, rule AS name FROM fraud_explain('{}'::jsonb, NULL::fraud_profile)) AS c ON c.number = v.n;
SELECT sum(hits) AS hits, sum(labelled_frauds) AS frauds FROM fraud_rule_stats;
DROP TABLE paid;
SELECT sum(hits) AS hits, sum(labelled_frauds) AS frauds FROM fraud_rule_stats;

-- ==== a column with the name that our query uses
CREATE TABLE t AS SELECT 1 AS t, txn_id, amount, occurred_at FROM shop LIMIT 1;
SELECT txn_id, (decision).risk_score FROM fraud_score_table('t');

-- ==== rights
CREATE ROLE regress_fraud_stats;
GRANT USAGE ON SCHEMA regress_rule_stats TO regress_fraud_stats;
GRANT EXECUTE ON FUNCTION raised TO regress_fraud_stats;
GRANT SELECT ON shop TO regress_fraud_stats;
SET ROLE regress_fraud_stats;
SELECT raised('SELECT * FROM fraud_rule_stats') AS of_the_view, raised($$SELECT * FROM fraud_rule_stats('shop')$$) AS of_the_function;
-- who may not read labels is not told of them
SELECT count(*) AS rows, count(*) FILTER (WHERE (decision).reason ~ 'fraud') AS with_labels FROM fraud_score_table('shop');
RESET ROLE;
GRANT EXECUTE ON FUNCTION fraud_rule_stats TO regress_fraud_stats;
GRANT SELECT ON fraud_rule_stats TO regress_fraud_stats;
SET ROLE regress_fraud_stats;
SELECT raised('SELECT * FROM fraud_rule_stats') AS of_labels;
RESET ROLE;
GRANT SELECT ON fraud_labels TO regress_fraud_stats;
SET ROLE regress_fraud_stats;
SELECT sum(hits) AS hits, sum(labelled_frauds) AS frauds FROM fraud_rule_stats;
SELECT count(*) FILTER (WHERE (decision).reason ~ 'fraud') AS with_labels FROM fraud_score_table('shop');
RESET ROLE;
REVOKE ALL ON shop FROM regress_fraud_stats;
SET ROLE regress_fraud_stats;
SELECT raised('SELECT * FROM fraud_rule_stats') AS of_the_table;
RESET ROLE;
SELECT raised('SELECT * FROM fraud_rule_stats(1::oid)');
DROP OWNED BY regress_fraud_stats;
DROP ROLE regress_fraud_stats;

DROP SCHEMA regress_rule_stats CASCADE;
-- as if it had never been: other tests begin with an empty store
TRUNCATE fraud_sources, fraud_profiles, fraud_profile_deltas, fraud_labels;
