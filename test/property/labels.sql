-- labels.sql: fraud_score_table() with labels against self-joins: a merchant's approved payments and known frauds, and
-- what a customer usually pays, as of every row. Custom rules bring the numbers out, a bit each. Payments of 27 days
-- with hundreds at a merchant, where no window has an old edge; and 200 days with few at each, where every event is
-- kept whole.
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_labels CASCADE;
CREATE SCHEMA ff_labels;
SET search_path = ff_labels, public;
\set ff_part 1
\ir oracle.sql

-- a number in 0 .. n-1 that follows from a text
CREATE FUNCTION hn(seed text, n int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT (('x' || substr(md5(seed), 1, 13))::bit(52)::bigint % n)::int $$;

-- times in steps of half a second, many of them shared
CREATE FUNCTION rows_of(prefix text, n int, merchants int, customers int, days int)
RETURNS TABLE (txn_id text, customer_id text, amount numeric, occurred_at timestamptz, merchant_id text, status text)
LANGUAGE sql AS $$
	SELECT s, CASE WHEN hn(s || 'no c', 40) > 0 THEN 'c' || least(hn(s || 'c', customers), hn(s || 'c2', customers)) END,
		CASE WHEN hn(s || 'no a', 50) = 0 THEN NULL ELSE 1 + hn(s || 'a', 300) * CASE WHEN hn(s || 'big', 20) = 0 THEN 40 ELSE 1 END END,
		timestamptz '2026-01-01' + hn(s || 't', days * 24) * interval '1 hour' + (hn(s || 'u', 7) - 3) * hn(s || 'v', 2) * interval '0.5 seconds',
		CASE WHEN hn(s || 'no m', 30) > 0 THEN 'm' || least(hn(s || 'm', merchants), hn(s || 'm2', merchants), hn(s || 'm3', merchants)) END,
		(ARRAY['approved', 'approved', 'approved', 'approved', 'declined', 'pending', 'failed', 'blocked'])[1 + hn(s || 's', 8)]
	FROM generate_series(1, n) AS i, LATERAL (SELECT prefix || i AS s) AS x
$$;
CREATE TABLE short AS SELECT * FROM rows_of('s', 5000, 25, 150, 27);
-- no key has more than 32 rows
CREATE TABLE long AS SELECT r.* FROM (
	SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY txn_id) AS nc, row_number() OVER (PARTITION BY merchant_id ORDER BY txn_id) AS nm
	FROM rows_of('l', 5000, 250, 250, 200)) AS r WHERE nc <= 32 AND nm <= 32;
ALTER TABLE long DROP COLUMN nc, DROP COLUMN nm;

-- frauds, known at once, some hours or weeks later, at parts of a second, never; and what is not fraud
CREATE TABLE labelled AS
SELECT txn_id, hn(txn_id || 'is', 8) > 0 AS is_fraud,
	CASE hn(txn_id || 'k', 6) WHEN 0 THEN occurred_at WHEN 1 THEN occurred_at + hn(txn_id || 'h', 48) * interval '1 hour'
		WHEN 2 THEN date_trunc('day', occurred_at) + interval '7 days' WHEN 3 THEN occurred_at + interval '0.000001 seconds'
		WHEN 4 THEN occurred_at + hn(txn_id || 'h', 600) * interval '1 hour' ELSE CASE hn(txn_id || 'i', 3) WHEN 0 THEN 'infinity' ELSE '2027-01-01'::timestamptz END END AS known_at
FROM (SELECT * FROM short WHERE hn(txn_id || 'l', 100) < 8
	-- more than four known ones of a merchant go by blocks of days
	UNION ALL SELECT txn_id, customer_id, amount, occurred_at, merchant_id, status
		FROM (SELECT *, row_number() OVER (PARTITION BY merchant_id ORDER BY md5(txn_id)) AS n FROM long WHERE status = 'approved') AS x
		WHERE n <= CASE WHEN merchant_id IS NULL THEN 10 ELSE 4 END AND hn(txn_id || 'l', 3) > 0) AS r
WHERE amount > 0;
SELECT step('labels are stored', $$ SELECT fraud_label(txn_id, is_fraud, known_at) FROM labelled $$);
CREATE VIEW frauds AS SELECT txn_id, date_trunc('second', known_at + interval '0.999999 seconds') AS known_at FROM labelled WHERE is_fraud;

-- ---- what the extension says ----

CREATE FUNCTION bits(prefix text, value text, n int) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('  %s_%s: {when: "(%s >> %s) & 1 = 1", points: 0}', prefix, i, value, i), E'\n') FROM generate_series(0, n - 1) AS i $$;
CREATE FUNCTION bits_of(prefix text, factors text[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(sum(1::bigint << substr(f, length(prefix) + 2)::int), 0) FROM unnest(factors) AS f WHERE f ~ ('^' || prefix || '_[0-9]+$') $$;
SELECT E'custom:\n' || bits('ma', 'merchant_approved_90d', 9) || E'\n' || bits('mf', 'merchant_frauds_90d', 6) || E'\n' || bits('pc', 'past_count', 9) AS counts \gset
SELECT E'custom:\n' || bits('sa', 'merchant_approved_28d', 9) || E'\n' || bits('sf', 'merchant_frauds_28d', 6)
	|| E'\n' || bits('ps', 'coalesce(round(past_mean * past_count), 0)::int8', 17) AS sums \gset

CREATE FUNCTION told(relation regclass, counts fraud_rules, sums fraud_rules)
RETURNS TABLE (txn_id text, d fraud_decision, approved_90 bigint, frauds_90 bigint, approved_28 bigint, frauds_28 bigint, past bigint, past_sum bigint)
LANGUAGE sql AS $$
	SELECT a.txn_id, d.decision, bits_of('ma', f), bits_of('mf', f), bits_of('sa', g), bits_of('sf', g), bits_of('pc', f), bits_of('ps', g)
	FROM fraud_score_table(relation, counts) AS a JOIN fraud_score_table(relation, sums) AS b USING (txn_id) JOIN fraud_score_table(relation) AS d USING (txn_id),
		LATERAL (SELECT (a.decision).risk_factors AS f, (b.decision).risk_factors AS g) AS x $$;
CREATE TABLE told_short AS SELECT * FROM told('short', :'counts', :'sums');
CREATE TABLE told_long AS SELECT * FROM told('long', :'counts', :'sums');

-- ---- what self-joins say ----

CREATE FUNCTION want(relation regclass)
RETURNS TABLE (txn_id text, approved_90 bigint, frauds_90 bigint, approved_28 bigint, frauds_28 bigint, past bigint, past_sum bigint) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('
	WITH paid AS MATERIALIZED (
		SELECT p.txn_id, p.customer_id, p.merchant_id, p.amount, p.occurred_at AS at, f.known_at AS known
		FROM %1$s AS p LEFT JOIN frauds AS f USING (txn_id) WHERE p.status = ''approved'' AND p.amount > 0)
	SELECT r.txn_id, m.*, c.*
	FROM %1$s AS r
		CROSS JOIN LATERAL (SELECT count(*), count(*) FILTER (WHERE known <= r.occurred_at), count(*) FILTER (WHERE late),
				count(*) FILTER (WHERE late AND known <= r.occurred_at)
			FROM (SELECT p.*, p.at > r.occurred_at - interval ''28 days'' AS late FROM paid AS p) AS p
			WHERE p.merchant_id = r.merchant_id AND p.at <= r.occurred_at AND p.at > r.occurred_at - interval ''90 days'' AND p.txn_id <> r.txn_id) AS m
		CROSS JOIN LATERAL (SELECT count(*), coalesce(sum(p.amount), 0)::bigint FROM paid AS p
			WHERE p.customer_id = r.customer_id AND p.at <= r.occurred_at AND p.at > r.occurred_at - interval ''90 days'' AND p.txn_id <> r.txn_id
				AND (p.known <= r.occurred_at) IS NOT true) AS c', relation);
END $$;
CREATE TABLE want_short AS SELECT * FROM want('short');
CREATE TABLE want_long AS SELECT * FROM want('long');

SELECT chk(format('%s: %s', t, what), 3000, format($$
	SELECT t.%1$s IS DISTINCT FROM w.%1$s, format('%%s: got %%s, want %%s', w.txn_id, t.%1$s, w.%1$s)
	FROM want_%2$s AS w LEFT JOIN told_%2$s AS t USING (txn_id) $$, what, t))
FROM unnest(ARRAY['short', 'long']) AS t, unnest(ARRAY['approved_90', 'frauds_90', 'approved_28', 'frauds_28', 'past', 'past_sum']) AS what;

-- the rule: Wilson's lower bound over 0.9 %, or 10 % of 28 days
SELECT chk(format('%s: merchant_reputation', t), 3000, format($$
	SELECT ('merchant_reputation' = ANY ((t.d).risk_factors)) IS DISTINCT FROM (
		(w.frauds_90 >= 2 AND (p + z2 / (2 * n) - z * sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n) > 0.009)
		OR (w.frauds_28 >= 2 AND w.frauds_28 >= 0.1 * w.approved_28)), w::text
	FROM want_%1$s AS w JOIN told_%1$s AS t USING (txn_id),
		LATERAL (SELECT 1.959963984540054::float8 AS z, 1.959963984540054 ^ 2 AS z2, nullif(w.approved_90, 0)::float8 AS n,
				w.frauds_90 / nullif(w.approved_90, 0)::float8 AS p) AS x
	WHERE w.frauds_90 < 2 OR n > 0 $$, t))
FROM unnest(ARRAY['short', 'long']) AS t;
SELECT chk('the tables hold all of it', 1, $$
	SELECT NOT (max(frauds_90) > 10 AND max(approved_90) > 150 AND count(*) FILTER (WHERE 'merchant_reputation' = ANY ((d).risk_factors)) BETWEEN 100 AND 4900), NULL
	FROM told_short $$);
SELECT chk('labels matter to customers', 1, $$
	SELECT count(*) < 500, count(*)::text FROM want_short AS w JOIN short AS r USING (txn_id), LATERAL (SELECT count(*) AS n FROM short AS p
		WHERE p.customer_id = r.customer_id AND p.status = 'approved' AND p.amount > 0 AND p.occurred_at <= r.occurred_at AND p.txn_id <> r.txn_id) AS x
	WHERE n > past $$);

-- the order of rows, little memory and the window asked for change nothing
CREATE TABLE backwards AS SELECT * FROM short ORDER BY txn_id DESC;
SET work_mem = '64kB';
SELECT chk('any order, little memory', 4000, $$
	SELECT (s.decision *= t.d) IS NOT true, t.txn_id FROM told_short AS t LEFT JOIN fraud_score_table('backwards') AS s USING (txn_id) $$);
RESET work_mem;
SELECT chk('since and until', 1000, $$
	SELECT (s.decision *= t.d) IS NOT true, t.txn_id
	FROM (SELECT t.* FROM told_short AS t JOIN short USING (txn_id) WHERE occurred_at >= '2026-01-10 12:00Z' AND occurred_at < '2026-01-20') AS t
		FULL JOIN fraud_score_table('short', NULL, '2026-01-10 12:00Z', '2026-01-20') AS s USING (txn_id) $$);

-- ---- fraud_rule_stats() ----
SELECT chk('rule stats: ' || t, 19, format($$
	SELECT (r.hits, r.labelled_frauds, r.precision, r.recall) IS DISTINCT FROM
		(coalesce(d.hits, 0), coalesce(d.frauds, 0), d.frauds / nullif(d.hits, 0)::float8, coalesce(d.frauds, 0) / nullif(a.frauds, 0)::float8), r::text
	FROM fraud_rule_stats('%1$s') AS r
		LEFT JOIN (SELECT f AS rule, count(*) AS hits, count(l.txn_id) AS frauds
			FROM told_%1$s AS t CROSS JOIN unnest((t.d).risk_factors) AS f LEFT JOIN frauds AS l USING (txn_id) GROUP BY 1) AS d USING (rule),
		(SELECT count(*) AS frauds FROM %1$s JOIN frauds USING (txn_id)) AS a $$, t))
FROM unnest(ARRAY['short', 'long']) AS t;

-- ---- stored histories agree, as of the end ----
SELECT fraud_attach('short') IS NULL AS failed \gset
CREATE TABLE at_end AS
SELECT 'z' || row_number() OVER () AS txn_id, customer_id, 5 AS amount, timestamptz '2026-02-01' AS occurred_at, merchant_id, 'pending' AS status
FROM (SELECT merchant_id, 'c' || row_number() OVER (ORDER BY merchant_id) AS customer_id FROM (SELECT DISTINCT merchant_id FROM short) AS m WHERE merchant_id IS NOT NULL) AS x;
CREATE TABLE both_ends AS SELECT * FROM short UNION ALL SELECT * FROM at_end;
SELECT chk('stored histories', 15, $$
	SELECT ((s.decision).risk_score, (s.decision).risk_factors) IS DISTINCT FROM (d.risk_score, d.risk_factors), format('%s got %s, stored %s', e.txn_id, s.decision, d)
	FROM at_end AS e JOIN fraud_score_table('both_ends', NULL, '2026-02-01') AS s USING (txn_id), LATERAL fraud_score(e) AS d $$);
SELECT fraud_detach('short');
DELETE FROM fraud_labels;

SELECT chk_summary();
DROP SCHEMA ff_labels CASCADE;
