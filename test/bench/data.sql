-- What the shipped rules find in the labelled set loaded into data_txn: each row scored as of its own history,
-- no label known to the rules.
--
--   psql -X -v name=sparkov-dev -f data.sql

\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset footer off
\pset border 2
\pset linestyle unicode
\pset null '-'
\if :{?name} \else \set name data_txn \endif
SET client_min_messages = warning;
SET timezone = 'UTC';
SET work_mem = '1GB';
SET max_parallel_workers_per_gather = 0;
SET max_parallel_maintenance_workers = 0;
SET jit = off;

CREATE EXTENSION IF NOT EXISTS fraud_fallback;
VACUUM (ANALYZE) data_txn;

\echo
SELECT count(*) AS rows, sum(is_fraud) AS frauds, round(100.0 * sum(is_fraud) / count(*), 3) AS fraud_rate,
	   count(DISTINCT customer_id) AS customers, count(*) > sum(is_fraud) AND sum(is_fraud) > 0 AS both_kinds
FROM data_txn \gset
\echo :name: :rows rows, :customers customers, :frauds frauds (:fraud_rate %)
\echo '  ' scoring each row as of its own history of customer, IP address and merchant ...

-- the only difference from the shipped policy: what the sets call the merchant's category
\set policy 'history: {columns: {merchant_category: category}}'
SELECT clock_timestamp() AS started \gset
CREATE TEMP TABLE scored AS
	SELECT s.txn_id::bigint AS txn_id, (s.decision).risk_score, (s.decision).recommendation, (s.decision).risk_factors, (s.decision).coverage
	FROM fraud_score_table('data_txn', :'policy'::fraud_rules) s;
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz)::numeric, 1) AS seconds,
	   to_char(count(*) / extract(epoch FROM clock_timestamp() - :'started'::timestamptz), 'FM99,999,999') AS speed,
	   count(*) = :rows AS complete, count(*) AS scored_rows, round(avg(coverage)::numeric, 2) AS coverage
FROM scored \gset
\echo '  ' :scored_rows rows in :seconds s: :speed rows/s on one core; mean coverage :coverage
\if :complete
\else
\echo '   NOT EVERY ROW CAME BACK'
\endif
CREATE TEMP TABLE judged AS SELECT s.*, t.is_fraud = 1 AS fraud FROM scored s JOIN data_txn t USING (txn_id);
ANALYZE judged;

SELECT flag AS "flagged", count(*) FILTER (WHERE hit) AS "rows", count(*) FILTER (WHERE hit AND fraud) AS "frauds",
	   round(100.0 * count(*) FILTER (WHERE hit AND fraud) / nullif(count(*) FILTER (WHERE hit), 0), 2) AS "precision %",
	   round(100.0 * count(*) FILTER (WHERE hit AND fraud) / nullif(count(*) FILTER (WHERE fraud), 0), 2) AS "recall %",
	   round(100.0 * count(*) FILTER (WHERE hit AND NOT fraud) / nullif(count(*) FILTER (WHERE NOT fraud), 0), 3) AS "false alarms %"
FROM judged, LATERAL (VALUES (1, 'REVIEW or BLOCK', recommendation <> 'APPROVE'), (2, 'BLOCK', recommendation = 'BLOCK')) f (place, flag, hit)
GROUP BY place, flag ORDER BY place;

-- Exact, from the counts at each score. ROC-AUC: the chance that a fraud scores above a good row, ties half (Mann-Whitney).
-- Average precision: precision at each distinct score as threshold, weighted by the recall it adds.
\if :both_kinds
WITH at_score AS
(
	SELECT risk_score, count(*) FILTER (WHERE fraud) AS bad, count(*) FILTER (WHERE NOT fraud) AS good FROM judged GROUP BY risk_score
),
summed AS
(
	SELECT bad, good, sum(good) OVER up - good AS good_below, sum(bad) OVER down AS bad_from, sum(bad + good) OVER down AS all_from,
		   sum(bad) OVER () AS bad_all, sum(good) OVER () AS good_all
	FROM at_score WINDOW up AS (ORDER BY risk_score), down AS (ORDER BY risk_score DESC)
)
SELECT round(sum(bad * (good_below + good / 2.0)) / (min(bad_all) * min(good_all)), 4) AS "ROC-AUC of risk_score",
	   round(sum((bad / bad_all) * (bad_from / all_from)), 4) AS "average precision",
	   round(min(bad_all) / (min(bad_all) + min(good_all)), 4) AS "by chance",
	   count(*) AS "distinct scores"
FROM summed;
\else
\echo '   ROC-AUC and average precision need frauds and good rows'
\endif

SELECT c.number AS "no", c.rule, round(100 * good, 2) AS "% of good rows", round(100 * bad, 2) AS "% of fraudulent rows",
	   round(bad / nullif(good, 0), 1) AS "times as often",
	   CASE WHEN good > 0.10 THEN '!! over 10 %' WHEN good > 0.05 THEN 'near (over 5 %)' END AS "good rows"
FROM fraud_rules_catalog(:'policy'::fraud_rules) c
	 LEFT JOIN (SELECT rule, count(*) FILTER (WHERE fraud) AS bad_hits, count(*) FILTER (WHERE NOT fraud) AS good_hits
				FROM judged, unnest(risk_factors) rule GROUP BY rule) h USING (rule)
	 CROSS JOIN LATERAL (SELECT coalesce(good_hits, 0)::numeric / nullif(:rows - :frauds, 0) AS good, coalesce(bad_hits, 0)::numeric / nullif(:frauds, 0) AS bad) s
ORDER BY c.number;
