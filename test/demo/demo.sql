-- A hundred thousand payments with known attacks among them, scored as of their own history.
--
--   psql -X -f demo.sql        in a scratch database; works in schema fraud_demo, takes well under a minute

\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset footer off
\pset border 2
\pset linestyle unicode
\pset null ''
SET client_min_messages = warning;
SET timezone = 'UTC';
SET work_mem = '256MB';
SET max_parallel_workers_per_gather = 0;
SET jit = off;

CREATE EXTENSION IF NOT EXISTS fraud_fallback;
DROP SCHEMA IF EXISTS fraud_demo CASCADE;
CREATE SCHEMA fraud_demo;
SET search_path = fraud_demo, public;

\echo
\echo 1. Making payments: 1,000 customers, 26 weeks, five kinds of attack ...
SELECT clock_timestamp() AS started \gset
\ir generate.sql
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz)::numeric, 1) AS seconds,
	   count(*) AS payments, count(DISTINCT customer_id) AS customers,
	   (SELECT count(*) FROM truth) AS frauds, (SELECT count(DISTINCT (attack_case, attack, customer)) FROM truth) AS victims
FROM transactions \gset
\echo '  ' :payments payments, :frauds of them fraudulent (:victims attacks on a customer), in :seconds s

\echo
\echo 2. Scoring each payment by what was known just before it: history of the customer, the IP address and the merchant ...
\echo '   SELECT txn_id, (decision).* FROM fraud_score_table(\'transactions\')'
SELECT clock_timestamp() AS started \gset
CREATE TABLE scored AS
	SELECT s.txn_id::bigint AS txn_id, (s.decision).risk_score, (s.decision).risk_level, (s.decision).risk_factors, (s.decision).recommendation
	FROM fraud_score_table('transactions') s;
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz)::numeric, 1) AS seconds,
	   to_char(count(*) / extract(epoch FROM clock_timestamp() - :'started'::timestamptz), 'FM9,999,999') AS speed
FROM scored \gset
ALTER TABLE scored ADD PRIMARY KEY (txn_id);
ANALYZE scored;
CREATE VIEW judged AS
	SELECT s.*, t.attack, (t.attack, t.attack_case, t.customer)::text AS victim, t.attack IS NOT NULL AS fraud, recommendation <> 'APPROVE' AS flagged
	FROM scored s LEFT JOIN truth t USING (txn_id);
\echo '  ' :payments payments in :seconds s: :speed rows per second on one core

\echo
\echo 3. The decisions
\echo '   Most payments pass untouched; REVIEW asks somebody, BLOCK refuses.'
SELECT risk_level AS "level", recommendation, count(*) AS "payments", round(100.0 * count(*) / :payments, 2) AS "% of all",
	   count(*) FILTER (WHERE fraud) AS "frauds among them", round(100.0 * count(*) FILTER (WHERE fraud) / count(*), 2) AS "% frauds"
FROM judged GROUP BY risk_level, recommendation ORDER BY min(risk_score);

\echo
\echo 4. The rules that fired
\echo '   A rule alone rarely decides: points of several add up. Precision: the share of frauds among the payments it hit.'
SELECT rule, count(*) AS "hits", count(*) FILTER (WHERE fraud) AS "frauds",
	   round(100.0 * count(*) FILTER (WHERE fraud) / count(*), 1) AS "precision %",
	   round(100.0 * count(*) FILTER (WHERE fraud) / :frauds, 1) AS "% of all frauds",
	   round(100.0 * count(*) FILTER (WHERE NOT fraud) / (:payments - :frauds), 2) AS "% of good ones"
FROM judged, unnest(risk_factors) rule GROUP BY rule ORDER BY count(*) DESC, rule;

\echo
\echo 5. Caught and missed
\echo '   Caught is REVIEW or BLOCK. The first payments of an attack often look harmless, so the last columns ask'
\echo '   whether each attack on a customer was caught at least once.'
SELECT coalesce(attack, 'all attacks') AS "attack", count(*) AS "payments", count(*) FILTER (WHERE flagged) AS "caught",
	   round(100.0 * count(*) FILTER (WHERE flagged) / count(*), 1) AS "recall %",
	   round(100.0 * count(*) FILTER (WHERE recommendation = 'BLOCK') / count(*), 1) AS "blocked %",
	   count(DISTINCT victim) AS "customers attacked", count(DISTINCT victim) FILTER (WHERE flagged) AS "caught once",
	   round(100.0 * count(DISTINCT victim) FILTER (WHERE flagged) / count(DISTINCT victim), 1) AS "once %"
FROM judged WHERE fraud GROUP BY ROLLUP (attack) ORDER BY GROUPING(judged.attack), judged.attack;

\echo '   And the honest customers:'
SELECT count(*) AS "good payments", count(*) FILTER (WHERE flagged) AS "flagged", round(100.0 * count(*) FILTER (WHERE flagged) / count(*), 3) AS "false alarms %",
	   count(*) FILTER (WHERE recommendation = 'BLOCK') AS "blocked", round(100.0 * count(*) FILTER (WHERE recommendation = 'BLOCK') / count(*), 3) AS "blocked %",
	   (SELECT round(100.0 * count(*) FILTER (WHERE fraud) / nullif(count(*), 0), 1) FROM judged WHERE flagged) AS "precision of flags %"
FROM judged WHERE NOT fraud;

\echo
\echo 6. One decision explained
-- the account takeover with the highest score, and what was known at the time
SELECT txn_id AS explained FROM judged WHERE attack = 'account takeover' ORDER BY risk_score DESC, txn_id LIMIT 1 \gset
\echo '   Every rule says what it saw: SELECT * FROM fraud_explain(payment, customer history, ip_history => ..., merchant_history => ...)'
SELECT t.txn_id AS "payment", t.customer_id AS "customer", t.amount, to_char(t.occurred_at AT TIME ZONE t.timezone, 'YYYY-MM-DD HH24:MI') AS "local time",
	   t.country || ', home ' || t.home_country AS "country", t.merchant_category AS "category", s.risk_score AS "score", s.recommendation
FROM transactions t JOIN scored s USING (txn_id) WHERE txn_id = :explained;

\pset format wrapped
\pset columns 166
SELECT e.number AS "no", e.rule, e.status, e.points, round(e.value::numeric, 2) AS "value", round(e.threshold::numeric, 2) AS "threshold", e.reason
FROM transactions t,
	 LATERAL (SELECT fraud_profile(h) AS profile FROM transactions h WHERE h.customer_id = t.customer_id AND h.occurred_at <= t.occurred_at) customer,
	 LATERAL (SELECT fraud_profile(h) AS profile FROM transactions h WHERE h.ip = t.ip AND h.occurred_at <= t.occurred_at) address,
	 LATERAL (SELECT fraud_profile(h) AS profile FROM transactions h WHERE h.merchant_id = t.merchant_id AND h.occurred_at <= t.occurred_at) merchant,
	 LATERAL fraud_explain(t, customer.profile, ip_history => address.profile, merchant_history => merchant.profile) e
WHERE t.txn_id = :explained
ORDER BY e.points DESC NULLS LAST, e.number;
\pset format aligned

\echo
\echo 7. A changed policy in one line
\echo '   Card testers use many cards on one address. Many cards are worth 20 or 30 points, which alone is no REVIEW; make it one:'
\set policy 'rules: {multi_card_ip: {bands: [{at_least: 4, points: 20, action: review}, {at_least: 8, points: 30, action: block}]}}'
\echo '   SELECT ... FROM fraud_score_table(\'transactions\',' :'policy'::fraud_rules)
SELECT clock_timestamp() AS started \gset
CREATE TABLE scored_again AS
	SELECT s.txn_id::bigint AS txn_id, (s.decision).recommendation FROM fraud_score_table('transactions', :'policy'::fraud_rules) s;
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz)::numeric, 1) AS seconds \gset
\echo '  ' scored again in :seconds s
SELECT policy, count(*) FILTER (WHERE flagged AND attack = 'card testing') AS "card testing caught",
	   round(100.0 * count(*) FILTER (WHERE flagged AND attack = 'card testing') / count(*) FILTER (WHERE attack = 'card testing'), 1) AS "recall %",
	   count(*) FILTER (WHERE flagged AND attack IS NOT NULL) AS "frauds caught",
	   round(100.0 * count(*) FILTER (WHERE flagged AND attack IS NOT NULL) / :frauds, 1) AS "recall, all %",
	   count(*) FILTER (WHERE flagged AND attack IS NULL) AS "false alarms"
FROM (SELECT 1 AS place, 'shipped' AS policy, txn_id, recommendation <> 'APPROVE' AS flagged FROM scored
	  UNION ALL SELECT 2, 'changed', txn_id, recommendation <> 'APPROVE' FROM scored_again) s LEFT JOIN truth t USING (txn_id)
GROUP BY place, policy ORDER BY place;

\ir attach.sql

\echo
\echo 9. Speed
\echo '  ' :speed rows per second on one core, with all three histories. The tables stay in schema fraud_demo.
\echo
