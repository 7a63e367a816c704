-- Passes over the :n payments of store_tables.sql, round after round. After it, payments is attached.

\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
SET client_min_messages = warning;
SET work_mem = '256MB';
SELECT CASE WHEN key IS NULL THEN sql ELSE format('SELECT once(%L, %s, %L)', key, round, sql) END
FROM (VALUES
		(1, 'scan', 'SELECT count(*) FROM payments'),
		(2, 'index', 'CREATE INDEX yardstick ON payments (customer_id, occurred_at)'),
		(3, NULL, 'DROP INDEX yardstick'),
		(4, 'attach', 'SELECT fraud_attach(''payments'')'),
		(5, NULL, 'SELECT fraud_detach(''payments'')'),
		(6, NULL, 'VACUUM fraud_profiles, fraud_profile_deltas'),
		(7, 'group_count', 'SELECT count(c) FROM (SELECT count(*) AS c FROM payments GROUP BY customer_id) x'),
		(8, 'group_velocity', 'SELECT count(c) FROM (SELECT velocity_count(occurred_at, ''10 minutes'') AS c FROM payments GROUP BY customer_id) x'),
		(9, 'frame_sum', 'SELECT count(s) FROM (SELECT sum(amount) OVER w AS s FROM payments
			WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at RANGE BETWEEN ''1 day'' PRECEDING AND CURRENT ROW)) x'),
		(10, 'frame_velocity', 'SELECT count(s) FROM (SELECT velocity_sum(amount, occurred_at, ''10 minutes'') OVER w AS s FROM payments
			WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at RANGE BETWEEN ''1 day'' PRECEDING AND CURRENT ROW)) x')) step (place, key, sql),
	 generate_series(1, :rounds) round
WHERE key IS NOT NULL OR place = 3 OR round < :rounds
ORDER BY round, place
\gexec
