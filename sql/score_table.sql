-- fraud_score_table: every row as of its own past
CREATE SCHEMA regress_score_table;
SET search_path = regress_score_table, public;
SET timezone = 'UTC';
\set VERBOSITY terse

CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE TABLE txn (
	gone int, txn_id int, customer_id text, card_id text, amount numeric, occurred_at timestamptz, country text, home_country text,
	lat float8, lon float8, merchant_id text, mcc int, ip inet, status text
);
ALTER TABLE txn DROP COLUMN gone;
INSERT INTO txn
SELECT i, CASE WHEN i % 10 = 9 THEN NULL WHEN i % 50 = 8 THEN ' ' ELSE 'C' || i % 4 END, CASE i % 4 WHEN 0 THEN 'k' ELSE 'k' || i % 7 END,
	   CASE WHEN i % 40 = 7 THEN NULL WHEN i % 33 = 0 THEN -5 WHEN i % 29 = 0 THEN 7000 ELSE i % 90 + 0.25 END,
	   -- steps of hours, then bursts of seconds; ties too
	   timestamptz '2026-01-01 03:00Z' + CASE WHEN i % 100 < 60 THEN i * interval '5 hours' ELSE i / 100 * interval '500 hours' + interval '300 hours' + (i % 100 / 2) * interval '5 seconds' END,
	   (ARRAY['US', 'FR', 'US', 'KP', NULL])[1 + i % 5], 'US', 40 + i % 3 * 5, i % 7, 'm' || i % 13, (ARRAY[5411, 5732, 4111, 6051])[1 + i % 4],
	   CASE WHEN i % 17 = 0 THEN NULL WHEN i % 19 = 0 THEN '10.0.0.1' ELSE ('203.0.113.' || i % 3) END::inet,
	   (ARRAY['approved', 'declined', 'declined', 'approved', 'failed', 'pending', 'blocked', 'declined'])[CASE WHEN i % 100 > 75 THEN 2 ELSE 1 + i / 4 % 8 END]
FROM generate_series(1, 400) AS i;
INSERT INTO txn (txn_id, customer_id, amount) VALUES (9001, 'C1', 5);		-- no time
INSERT INTO txn (txn_id, customer_id, amount, occurred_at) VALUES (9002, 'C1', 5, 'infinity'), (NULL, 'C1', 5, '2026-03-20 12:00Z'), (NULL, 'C2', 6000, '2026-03-20 12:00Z');

-- the identity that decides between rows of one time, in the order that profiles keep
CREATE TABLE keyed AS
SELECT t, txn_id, NULLIF(trim(customer_id), '') AS customer, ip, occurred_at AS at,
	   fraud_observe(NULL, t)::jsonb -> 'newest' -> 0 ->> 'id_hash' AS id, row_number() OVER () AS n
FROM txn AS t;
-- the query of the bulk kernel
CREATE TABLE history AS
SELECT n, t, at, customer, CASE WHEN customer IS NOT NULL AND isfinite(at) THEN
	   fraud_profile(t) OVER (PARTITION BY customer ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS p,
	   CASE WHEN ip IS NOT NULL AND isfinite(at) THEN
	   fraud_profile(t) OVER (PARTITION BY ip ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS by_ip
FROM keyed;

-- customer history alone: every byte of the decision
SELECT $$rules: {multi_card_ip: {enabled: false}, merchant_reputation: {enabled: false}}$$ AS customers_only \gset
SELECT count(*) AS rows,
	   count(*) FILTER (WHERE s.n IS NULL) AS only_in_query, count(*) FILTER (WHERE h.n IS NULL) AS only_in_function
FROM (SELECT d, row_number() OVER (PARTITION BY d::text) AS n FROM (SELECT fraud_score(t, p, :'customers_only') AS d FROM history) AS x) AS h
	FULL JOIN (SELECT decision AS d, row_number() OVER (PARTITION BY decision::text) AS n FROM fraud_score_table('txn', :'customers_only')) AS s
	ON h.d::text = s.d::text AND h.n = s.n;
-- and with the addresses; without labels the history of a merchant says nothing
CREATE TABLE wanted AS SELECT h.n, h.at, fraud_score(t, p, NULL, by_ip, NULL) AS d FROM history AS h;
CREATE TABLE given AS SELECT * FROM fraud_score_table('txn');
SELECT count(*) AS rows,
	   count(*) FILTER (WHERE s.n IS NULL) AS only_in_query, count(*) FILTER (WHERE h.n IS NULL) AS only_in_function
FROM (SELECT d, row_number() OVER (PARTITION BY d::text) AS n FROM wanted) AS h
	FULL JOIN (SELECT decision AS d, row_number() OVER (PARTITION BY decision::text) AS n FROM given) AS s
	ON h.d::text = s.d::text AND h.n = s.n;
SELECT bool_and(txn_id IS NOT DISTINCT FROM (decision).txn_id) AS ids, count(*) FILTER (WHERE txn_id IS NULL) AS without FROM given;
-- it is a varied table
SELECT f AS factor, count(*) > 0 AS some FROM given, unnest((decision).risk_factors) AS f
WHERE f IN ('velocity_10m', 'velocity_sustained', 'consecutive_declines', 'multi_card_ip', 'large_amount', 'foreign_country') GROUP BY 1 ORDER BY 1;
SELECT (decision).risk_score, (decision).reason ~ 'occurred_at is missing' AS says_so, count(*) FROM given
WHERE txn_id IN ('9001', '9002') GROUP BY 1, 2 ORDER BY 1, 2;

-- rule 16, row by row
CREATE TABLE address (txn_id int, customer_id text, card_id text, amount int, occurred_at timestamptz, ip text, status text);
INSERT INTO address
SELECT i, 'P' || i, 'q' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '5 minutes', '198.51.100.7', 'approved' FROM generate_series(1, 9) AS i
UNION ALL	-- one /64 is one address, another /64 is another
SELECT 10 + i, 'R' || i, 'r' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute', '2001:db8:0:1:' || i || '::' || i, 'approved' FROM generate_series(1, 4) AS i
UNION ALL
SELECT 20 + i, 'S' || i, 's' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute', '2001:db8:0:' || i || '2::1', 'approved' FROM generate_series(1, 5) AS i
UNION ALL	-- IPv4 in IPv6 is IPv4
SELECT 30 + i, 'T' || i, 't' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute',
	   CASE i % 2 WHEN 0 THEN '::ffff:198.51.100.8' ELSE '198.51.100.8' END, 'approved' FROM generate_series(1, 4) AS i
UNION ALL	-- private, and the same card again and again
SELECT 40 + i, 'U' || i, 'u' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute', '192.168.0.9', 'approved' FROM generate_series(1, 6) AS i
UNION ALL
SELECT 50 + i, 'V' || i, 'v', 5, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute', '198.51.100.9', 'approved' FROM generate_series(1, 6) AS i
UNION ALL	-- further apart than an hour
SELECT 60 + i, 'W' || i, 'w' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '20 minutes', '198.51.100.10', 'approved' FROM generate_series(1, 6) AS i
UNION ALL	-- a shared address: the 102nd attempt within a day is over 100
SELECT 1000 + i, 'X' || i, 'x' || i, 5, timestamptz '2026-03-01 12:00Z' + i * interval '1 minute', '198.51.100.11', 'approved' FROM generate_series(1, 110) AS i;
SELECT txn_id::int / 10 * 10 AS family, string_agg(txn_id, ' ' ORDER BY txn_id::int) AS hits
FROM fraud_score_table('address') WHERE 'multi_card_ip' = ANY ((decision).risk_factors) AND txn_id::int < 1000 GROUP BY 1 ORDER BY 1;
SELECT txn_id, (decision).risk_score FROM fraud_score_table('address') WHERE txn_id IN ('3', '4', '7', '8') ORDER BY txn_id;
SELECT min(txn_id::int) FILTER (WHERE 'multi_card_ip' = ANY ((decision).risk_factors)) AS first,
	   max(txn_id::int) FILTER (WHERE 'multi_card_ip' = ANY ((decision).risk_factors)) AS last,
	   min(txn_id::int) FILTER (WHERE (decision).detail -> 'not_evaluated' ->> 'multi_card_ip' ~ 'shared address') AS shared
FROM fraud_score_table('address') WHERE txn_id::int > 1000;

-- rows of one moment see each other, (t - w, t], whichever stands first in the table
CREATE TABLE tie (txn_id text, customer_id text, card_id text, amount int, occurred_at timestamptz, ip text);
INSERT INTO tie SELECT 'x' || i, 'C', 'k' || i, 5, timestamptz '2026-03-01 12:00Z' + i / 7 * interval '1 hour', '198.51.100.7' FROM generate_series(1, 9) AS i;
CREATE TABLE tie_first AS SELECT * FROM fraud_score_table('tie');
SELECT string_agg((decision).risk_score::text, ' ' ORDER BY txn_id) AS scores FROM tie_first;
SELECT count(*) FILTER (WHERE f.decision *= fraud_score(h.t, h.p, NULL, h.by_ip, NULL)) AS same, count(*) AS rows
FROM tie_first AS f JOIN (
	SELECT t, fraud_profile(t) OVER (PARTITION BY customer_id ORDER BY occurred_at) AS p, fraud_profile(t) OVER (PARTITION BY ip ORDER BY occurred_at) AS by_ip
	FROM tie AS t) AS h ON (h.t).txn_id = f.txn_id;
CREATE TABLE tie_backwards AS SELECT * FROM tie ORDER BY txn_id DESC;
SELECT count(*) AS differ FROM (TABLE tie_first EXCEPT SELECT * FROM fraud_score_table('tie_backwards')) AS d;
-- the same transaction twice is one
INSERT INTO tie_backwards SELECT * FROM tie_backwards;
SELECT count(*) AS rows, count(*) FILTER (WHERE s.decision *= f.decision) AS same FROM fraud_score_table('tie_backwards') AS s JOIN tie_first AS f USING (txn_id);

-- since (included) and until (not): the past before since counts all the same
SELECT n AS "case", count(s.*) AS rows,
	   count(s.*) = (SELECT count(*) FROM txn WHERE isfinite(occurred_at) AND occurred_at >= since AND occurred_at < until) AS ok,
	   count(s.*) FILTER (WHERE NOT EXISTS (SELECT FROM given AS g WHERE g.decision *= s.decision)) AS otherwise
FROM (VALUES (1, '2026-02-01 00:00Z'::timestamptz, '2026-02-20 00:00Z'::timestamptz),
			 (2, (SELECT occurred_at FROM txn WHERE txn_id = 150), (SELECT occurred_at FROM txn WHERE txn_id = 259)),
			 (3, '-infinity', '2026-01-10'), (4, '2026-03-01', 'infinity'), (5, '2030-01-01', '2031-01-01'), (6, '2026-02-01', '2026-01-01')) AS v (n, since, until)
	LEFT JOIN LATERAL (SELECT * FROM fraud_score_table('txn', NULL, since, until) AS f WHERE (f.decision).reason !~ 'occurred_at is missing') AS s ON true
GROUP BY n, since, until ORDER BY n;
SELECT count(*) FILTER (WHERE (decision).reason !~ 'occurred_at is missing') AS until_only FROM fraud_score_table('txn', until => '2026-01-02 00:00Z');
SELECT count(*) AS wanted FROM txn WHERE occurred_at < '2026-01-02 00:00Z';

-- partitioned, through a view, materialized, temporary, of odd names
CREATE TABLE parts (LIKE txn) PARTITION BY HASH (txn_id);
CREATE TABLE part0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part1 (extra text, LIKE txn);		-- its columns lie elsewhere
ALTER TABLE part1 DROP COLUMN extra;
ALTER TABLE parts ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT * FROM txn;
CREATE VIEW seen AS SELECT * FROM txn;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM txn;
CREATE TEMP TABLE passing AS SELECT * FROM txn;
CREATE TABLE "Odd ""name" AS SELECT * FROM txn;
SELECT name, (SELECT count(*) FROM fraud_score_table(name)) AS rows,
	   (SELECT count(*) FROM (SELECT decision::text FROM fraud_score_table(name) EXCEPT SELECT decision::text FROM given) AS d) AS differ
FROM unnest(ARRAY['parts', 'seen', 'kept', 'passing', '"Odd ""name"']::regclass[]) AS name;
SELECT count(*) AS nothing FROM fraud_score_table('tie', since => '2030-01-01');
TRUNCATE tie;
SELECT count(*) AS empty FROM fraud_score_table('tie');

-- other column names
CREATE VIEW mapped AS SELECT txn_id AS id, customer_id AS payer, card_id, amount AS value, occurred_at AS created, country, home_country, lat, lon,
	merchant_id, mcc, ip AS address, status, 1 AS amount FROM txn;
SELECT $$history: {columns: {txn_id: id, customer_id: payer, amount: value, occurred_at: created, ip: address}}$$ AS names \gset
SELECT count(*) AS rows, count(*) FILTER (WHERE g.txn_id IS NULL) AS differ
FROM fraud_score_table('mapped', :'names') AS s
	LEFT JOIN given AS g ON to_jsonb(g.decision) - 'policy_hash' = to_jsonb(s.decision) - 'policy_hash' AND g.txn_id = s.txn_id
WHERE s.txn_id IS NOT NULL;
-- no customer at all: every row is of a new one
CREATE TABLE bare AS SELECT i AS txn_id, 5000 + i AS amount, timestamptz '2026-03-01 12:00Z' AS occurred_at FROM generate_series(0, 1) AS i;
SELECT s.txn_id, (s.decision).risk_factors, s.decision *= fraud_score(b, NULL, NULL, NULL, NULL) AS same FROM fraud_score_table('bare') AS s JOIN bare AS b ON b.txn_id::text = s.txn_id ORDER BY 1;

-- a policy as the argument, and a custom rule
SELECT bool_and((decision).policy_hash = fraud_rules_hash('custom: {even: {when: "attempts_1h >= 2", points: 3}}')) AS hash,
	   count(*) FILTER (WHERE 'even' = ANY ((decision).risk_factors)) > 0 AS custom
FROM fraud_score_table('txn', 'custom: {even: {when: "attempts_1h >= 2", points: 3}}');
SELECT count(*) FILTER (WHERE s.decision *= fraud_score(t, p, 'custom: {even: {when: "attempts_1h >= 2 AND ip_cards_60m > 1", points: 3}}', by_ip, NULL)) AS same, count(*) AS rows
FROM history AS h JOIN fraud_score_table('txn', 'custom: {even: {when: "attempts_1h >= 2 AND ip_cards_60m > 1", points: 3}}') AS s ON s.txn_id = (h.t).txn_id::text;
SELECT bool_and((decision).policy_hash = fraud_rules_hash(fraud_rules_active())) AS active FROM given;

-- little memory
SET work_mem = '64kB';
SELECT count(*) AS rows, count(*) FILTER (WHERE g.txn_id IS NULL) AS differ
FROM fraud_score_table('txn') AS s LEFT JOIN given AS g ON g.txn_id = s.txn_id AND g.decision *= s.decision WHERE s.txn_id IS NOT NULL;
RESET work_mem;

-- rights: those of the caller
CREATE ROLE regress_fraud_analyst;
GRANT USAGE ON SCHEMA regress_score_table TO regress_fraud_analyst;
GRANT EXECUTE ON FUNCTION raised TO regress_fraud_analyst;
SET ROLE regress_fraud_analyst;
SELECT raised($$SELECT * FROM regress_score_table.txn$$), raised($$SELECT * FROM fraud_score_table('txn')$$) AS of_the_function;
RESET ROLE;
GRANT SELECT (txn_id, amount, occurred_at) ON txn TO regress_fraud_analyst;
SET ROLE regress_fraud_analyst;
SELECT raised($$SELECT * FROM fraud_score_table('txn')$$) AS some_columns;
RESET ROLE;
GRANT SELECT ON txn TO regress_fraud_analyst;
ALTER TABLE txn ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON txn TO regress_fraud_analyst USING (customer_id = 'C1');
SET ROLE regress_fraud_analyst;
SELECT count(*) > 0 AS some, count(*) = (SELECT count(*) FROM txn) AS the_visible_ones FROM fraud_score_table('txn');
RESET ROLE;
REVOKE ALL ON txn FROM regress_fraud_analyst;
REVOKE ALL ON FUNCTION raised FROM regress_fraud_analyst;
REVOKE ALL ON SCHEMA regress_score_table FROM regress_fraud_analyst;
DROP POLICY own ON txn;
DROP ROLE regress_fraud_analyst;

-- what is no table
CREATE INDEX an_index ON txn (txn_id);
CREATE SEQUENCE a_sequence;
CREATE TYPE a_type AS (txn_id int);
SELECT n AS "case", left(raised(statement), 5) AS state
FROM (VALUES (1, $$SELECT * FROM fraud_score_table('no_such_table')$$), (2, $$SELECT * FROM fraud_score_table(1::oid)$$),
			 (3, $$SELECT * FROM fraud_score_table(NULL)$$), (4, $$SELECT * FROM fraud_score_table('an_index')$$), (5, $$SELECT * FROM fraud_score_table('a_type')$$)) AS v (n, statement) ORDER BY n;

-- no answer depends on the path, and a failing row type leaves nothing open
SET search_path = '';
SELECT count(*) AS rows FROM public.fraud_score_table('regress_score_table.txn');
SET search_path = regress_score_table, public;
CREATE VIEW failing AS SELECT txn_id, customer_id, 1 / (txn_id - 200) AS amount, occurred_at FROM txn;
SELECT raised($$SELECT * FROM fraud_score_table('failing')$$);
SELECT count(*) AS rows FROM fraud_score_table('txn') LIMIT 1;

SET client_min_messages = warning;
DROP SCHEMA regress_score_table CASCADE;
