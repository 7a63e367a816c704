-- What decide.sh measured, as tables.

\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset null ''
\pset footer off
\pset linestyle unicode
\pset border 2
SET client_min_messages = warning;

-- each ratio within a round, then the median of the rounds
CREATE VIEW cost AS
	SELECT t.key, percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds) * 1e6 AS us,
		   percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds / r.seconds) AS times,
		   min(t.seconds / r.seconds) AS lowest, max(t.seconds / r.seconds) AS highest
	FROM timing t JOIN timing r ON r.round = t.round AND r.key = 'read' GROUP BY t.key;

\echo
\echo A decision, one client, prepared, :rounds rounds of :short, in a session that has touched its memory. times: of the plain read by key.
\echo
SELECT work, round(us::numeric, 1) AS "µs", round(times::numeric, 2) AS "times",
	   round(lowest::numeric, 2) || ' - ' || round(highest::numeric, 2) AS "rounds", '<= ' || bar || ' x' AS "bar",
	   CASE WHEN times <= bar THEN 'reached' WHEN times > bar THEN 'missed' END AS "verdict"
FROM (VALUES
		(1, 'read', 'SELECT * FROM txns WHERE txn_id = $1', NULL),
		(2, 'score', 'SELECT fraud_score(t) FROM txns t WHERE txn_id = $1', NULL),
		(3, 'decide', 'SELECT fraud_decide(t) FROM txns t WHERE txn_id = $1', 2),
		(4, 'columns', 'SELECT d.* FROM txns t, fraud_decide(t) d WHERE t.txn_id = $1', NULL),
		(5, 'verdict', 'fraud_decide(t, ml, 200, ''5 ms''), a valid verdict', NULL),
		(6, 'route', 'fraud_route(t), route ML', NULL),
		(7, 'document', 'fraud_decide(jsonb), the document read by key', NULL),
		(8, 'repeat', 'fraud_decide(t), decided a moment ago', NULL),
		(9, 'tier_3', 'fraud_decide(t), tier 3', NULL),
		(10, 'tier_4', 'fraud_decide(t), tier 4', NULL),
		(11, 'tier_5', 'fraud_decide(t), tier 5', NULL)
	) AS line (place, key, work, bar) JOIN cost USING (key)
ORDER BY place;
SELECT string_agg(DISTINCT key || ': tier ' || tier || ', ' || source, '; ') AS said FROM said \gset
SELECT max(round(bytes)) FILTER (WHERE key = 'path') AS path, max(round(bytes)) FILTER (WHERE key = 'journal') AS journal,
	   max(round(bytes)) FILTER (WHERE key = 'drain') AS drain FROM bytes \gset
\echo Said meanwhile: :said.
\echo Bytes a decision: WAL of the decision :path, journal :journal, WAL of the worker that moves it into the table :drain.

\echo
\echo 1,000 a second by schedule, 10 clients, :seconds seconds; ms from when a query was due, and from when it was sent. The first is the bar.
\echo
SELECT work, queries AS "queries", round(queries / :seconds::numeric) AS "a second", round(p[1]::numeric, 2) AS "p50", round(p[2]::numeric, 2) AS "p95",
	   round(p[3]::numeric, 2) AS "p99", round(p[4]::numeric, 2) AS "p99.9", round(p[5]::numeric, 2) AS "max",
	   CASE WHEN bar THEN '< 5 ms' END AS "bar: p99", CASE WHEN bar AND p[3] < 5 THEN 'reached' WHEN bar THEN 'missed' END AS "verdict"
FROM (SELECT line.place, line.work, line.bar, percentile_cont('{0.5,0.95,0.99,0.999,1}'::float8[]) WITHIN GROUP (ORDER BY (took - CASE WHEN line.sent THEN lag ELSE 0 END) / 1e3) AS p,
			 count(*) AS queries
	  FROM (VALUES
				(1, 'paced_read', false, 'SELECT * FROM txns WHERE txn_id = $1', false),
				(2, 'paced_read', true, 'the same, from when it was sent', false),
				(3, 'paced_decide', false, 'SELECT fraud_decide(t) FROM txns t WHERE txn_id = $1', true),
				(4, 'paced_decide', true, 'the same, from when it was sent', false)
			) AS line (place, key, sent, work, bar) JOIN paced USING (key)
	  GROUP BY place, work, bar) x
ORDER BY place;

-- a request is one decision: fraud_route(), the ML service where it says so, and fraud_decide()
CREATE VIEW called AS
	SELECT l.*, due + waited AS began, coalesce(ml, '') <> '' AS asked, coalesce(ml, '') NOT IN ('', '200') AS failed,
		   s.fails * 1e6 AS fails, s.back * 1e6 AS back
	FROM load l JOIN scenario s USING (scenario);
CREATE VIEW first_failure AS SELECT scenario, min(ml_at) AS at FROM called WHERE failed AND ml_at > fails GROUP BY scenario;
CREATE VIEW turns AS
	SELECT scenario, string_agg(tier::text, ' ' ORDER BY began, n) AS tiers
	FROM (SELECT scenario, n, began, tier, lag(tier) OVER (PARTITION BY scenario ORDER BY began, n) AS before FROM called WHERE tier IS NOT NULL) x
	WHERE tier IS DISTINCT FROM before GROUP BY scenario;

\echo
\echo Callers with a ML service that answers in 5 ms, patience 250 ms, :load_seconds seconds each. It fails after a fifth of that, and is back after half of it.
\echo Shortened for that: open_for 2 s (60 s), recover_after 3 s (5 min), recovery_rate 20 (1). L1 and L2: up; L3 and L4: answers 503; L4s: does not answer;
\echo L5, L6, L6s: the same from 0 to 1,000 a second. All times from when a payment was due, ms; database: of that in both queries.
\echo
SELECT scenario AS " ", a_second AS "/s", requests AS "requests", errors AS "errors",
	   round(t[1]::numeric, 1) AS "p50", round(t[2]::numeric, 1) AS "p95", round(t[3]::numeric, 1) AS "p99", round(t[4]::numeric, 1) AS "max",
	   round(d[1]::numeric, 1) AS "database p50", round(d[2]::numeric, 1) AS "p95", round(d[3]::numeric, 1) AS "p99", round(d[4]::numeric, 1) AS "max",
	   ml AS "by ML", rules AS "by rules", others AS "other",
	   failed AS "failed calls", round((opened - failure)::numeric / 1e3, 1) AS "opened after, ms",
	   tiers AS "tiers", round((ml_again - back)::numeric / 1e6, 2) AS "ML again after, s", round((full_again - back)::numeric / 1e6, 2) AS "tier 1 again after, s"
FROM (SELECT c.scenario, s.a_second, count(*) AS requests, count(error) AS errors, u.tiers, s.back * 1e6 AS back, f.at AS failure,
			 percentile_cont('{0.5,0.95,0.99,1}'::float8[]) WITHIN GROUP (ORDER BY took / 1e3) AS t,
			 percentile_cont('{0.5,0.95,0.99,1}'::float8[]) WITHIN GROUP (ORDER BY db / 1e3) AS d,
			 count(*) FILTER (WHERE source = 'ML') AS ml, count(*) FILTER (WHERE source = 'RULES') AS rules,
			 count(*) FILTER (WHERE source NOT IN ('ML', 'RULES')) AS others, count(*) FILTER (WHERE failed) AS failed,
			 min(began) FILTER (WHERE NOT asked AND began > f.at) AS opened,
			 min(due + took) FILTER (WHERE source = 'ML' AND due > c.back) AS ml_again,
			 min(due + took) FILTER (WHERE tier = 1 AND source = 'ML' AND due > c.back) AS full_again
	  FROM called c JOIN scenario s USING (scenario) JOIN turns u USING (scenario) LEFT JOIN first_failure f USING (scenario)
	  GROUP BY c.scenario, s.a_second, s.back, u.tiers, f.at) x
ORDER BY scenario;
\echo Took :took s in all.
