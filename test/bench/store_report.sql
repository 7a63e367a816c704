-- What store.sh measured, as tables.

\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset null ''
\pset footer off
\pset linestyle unicode
\pset border 2
SET client_min_messages = warning;

CREATE VIEW figure AS
	SELECT key, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds / things) AS one, count(*) AS rounds FROM timing GROUP BY key;

-- each ratio within a round, then the median of the rounds
CREATE FUNCTION ratio(above text, below text, OUT middle double precision, OUT lowest double precision, OUT highest double precision)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r), min(r), max(r)
	FROM (SELECT (a.seconds / a.things) / (b.seconds / b.things) AS r
		  FROM timing a JOIN timing b USING (round) WHERE a.key = ratio.above AND b.key = ratio.below) x;
END;

ALTER TABLE agreement ADD same boolean;
-- profiles keep positions to about a metre
UPDATE agreement SET same = CASE WHEN jsonb_typeof(plain) = 'number' AND jsonb_typeof(ours) = 'number'
	THEN abs(plain::numeric - ours::numeric) <= CASE WHEN feature IN ('distance_km', 'speed_kmh') THEN 0.1 + 1e-3 * abs(plain::numeric) ELSE 1e-6 * greatest(1, abs(plain::numeric)) END
	ELSE plain = ours END;
SELECT count(*) AS compared, count(*) FILTER (WHERE same) AS agree, count(*) FILTER (WHERE NOT same) > 0 AS differ FROM agreement \gset
SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
	   current_setting('full_page_writes') AS full_page_writes, current_setting('wal_level') AS wal_level,
	   current_setting('work_mem') AS work_mem, (SELECT deltas FROM copied) AS copied \gset

\echo
\echo
\echo The store, :n payments: fsync :fsync, synchronous_commit :synchronous_commit, full_page_writes :full_page_writes, wal_level :wal_level, work_mem :work_mem.
\echo With fsync off a commit costs little: what histories cost shows more than it would on a disk that is waited for.
\echo
SELECT line.work, concat_ws(' ', CASE WHEN line.inverse THEN to_char(1 / f.one, 'FM999,999,999')
									  WHEN f.one * line.factor < 100 THEN round((f.one * line.factor)::numeric, 2)::text
									  ELSE to_char(f.one * line.factor, 'FM999,999,990') END, line.unit) AS "figure",
	   concat_ws(' × ', round(r.middle::numeric, 2), line.of) AS "ratio",
	   CASE WHEN r.lowest IS NOT NULL THEN format('%s - %s', round(r.lowest::numeric, 2), round(r.highest::numeric, 2)) END AS "rounds",
	   line.bar AS "bar",
	   CASE WHEN line.bar LIKE '<=%' AND r.middle <= trim(line.bar, '<=x ')::numeric
			  OR line.bar LIKE '>=%' AND r.middle >= trim(line.bar, '>=x ')::numeric THEN 'reached'
			WHEN line.bar IS NOT NULL THEN 'missed' END AS "verdict"
FROM (VALUES
		(1, 'one payment read by key, prepared', 'read', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(2, 'fraud_score(t) by key, nothing waits', 'score', 1e6, 'µs', false, 'score', 'read', 'the read', '<= 1.5x'),
		(3, 'fraud_score(t) by key, 10 deltas a customer wait', 'score_waiting', 1e6, 'µs', false, 'score_waiting', 'read_waiting', 'the read', '<= 1.5x'),
		(3.1, 'fraud_score(t) in one query over them, nothing waits', 'score_here', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(3.2, 'fraud_score(t) in one query over them, 10 wait', 'score_here_waiting', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(4, 'the numbers by one SQL function, SELECT plain_now(t)', 'plain_value', 1e6, 'µs', false, 'plain_value', 'score', 'fraud_score(t)', '>= 20x'),
		(5, 'the same planned once, FROM payments t, plain_now(t)', 'plain_table', 1e6, 'µs', false, 'plain_table', 'score', 'fraud_score(t)', '>= 20x'),
		(6, 'INSERT of a row, prepared, without triggers', 'insert_plain', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(7, 'INSERT of a row, prepared, with', 'insert_kept', 1e6, 'µs', false, 'insert_kept', 'insert_plain', 'without', '<= 2x'),
		(8, 'INSERT and COMMIT in a procedure, without', 'pay_plain', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(9, 'INSERT and COMMIT in a procedure, with', 'pay_kept', 1e6, 'µs', false, 'pay_kept', 'pay_plain', 'without', '<= 2x'),
		(10, 'WAL of an INSERT, without', 'wal_insert_plain', 1, 'bytes', false, NULL, NULL, NULL, NULL),
		(11, 'WAL of an INSERT, with', 'wal_insert_kept', 1, 'bytes', false, 'wal_insert_kept', 'wal_insert_plain', 'without', NULL),
		(12, 'COPY, a row, without', 'copy_plain', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(13, 'COPY, a row, with', 'copy_kept', 1e6, 'µs', false, 'copy_kept', 'copy_plain', 'without', '<= 3x'),
		(14, 'WAL of COPY, a row, without', 'wal_copy_plain', 1, 'bytes', false, NULL, NULL, NULL, NULL),
		(15, 'WAL of COPY, a row, with', 'wal_copy_kept', 1, 'bytes', false, 'wal_copy_kept', 'wal_copy_plain', 'without', NULL),
		(16, 'hot keys, 50 sessions, without', 'hot_plain', NULL, 'inserts/s', true, NULL, NULL, NULL, NULL),
		(17, 'hot keys, 50 sessions, with, folded meanwhile', 'hot_kept', NULL, 'inserts/s', true, 'hot_plain', 'hot_kept', 'without', '>= 0.5x'),
		(18, 'count(*) of the table', 'scan', 1e3, 'ms', false, NULL, NULL, NULL, NULL),
		(19, 'CREATE INDEX (customer_id, occurred_at)', 'index', 1, 's', false, 'index', 'scan', 'count(*)', NULL),
		(20, 'fraud_attach of the table', 'attach', 1, 's', false, 'attach', 'scan', 'count(*)', NULL),
		(21, '', 'attach', 1, 's', false, 'attach', 'index', 'CREATE INDEX', NULL),
		(22, 'fraud_fold, a delta', 'fold', 1e6, 'µs', false, NULL, NULL, NULL, NULL),
		(23, 'fraud_rebuild of a customer, about 100 payments', 'rebuild', 1e3, 'ms', false, NULL, NULL, NULL, NULL),
		(24, 'count(*) GROUP BY customer', 'group_count', 1e3, 'ms', false, NULL, NULL, NULL, NULL),
		(25, 'velocity_count, 10 minutes, GROUP BY customer', 'group_velocity', 1e3, 'ms', false, 'group_velocity', 'group_count', 'count(*)', NULL),
		(26, 'sum(amount) OVER a moving frame of a day', 'frame_sum', 1, 's', false, NULL, NULL, NULL, NULL),
		(27, 'velocity_sum, 10 minutes, OVER the same frame', 'frame_velocity', 1, 's', false, 'frame_velocity', 'frame_sum', 'sum()', NULL))
		line (place, work, key, factor, unit, inverse, above, below, "of", bar)
	 JOIN figure f USING (key)
	 LEFT JOIN LATERAL ratio(line.above, line.below) r ON line.above IS NOT NULL
ORDER BY line.place;

SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY (v.seconds - r.seconds) / (s.seconds - r.seconds))::numeric, 1) AS value_net,
	   round(percentile_cont(0.5) WITHIN GROUP (ORDER BY (t.seconds - r.seconds) / (s.seconds - r.seconds))::numeric, 1) AS table_net
FROM timing r JOIN timing s USING (round) JOIN timing v USING (round) JOIN timing t USING (round)
WHERE r.key = 'read' AND s.key = 'score' AND v.key = 'plain_value' AND t.key = 'plain_table' \gset
\echo Without the read, which both do, fraud_score(t) is :value_net and :table_net times as fast as the SQL function.
\echo The SQL function and fraud_features agree in :agree of :compared numbers (keys of at most 32 payments).
\if :differ
SELECT feature AS "feature", plain, ours FROM agreement WHERE NOT same ORDER BY 1 LIMIT 10;
\endif
\echo WAL: tables empty at a CHECKPOINT before, so hardly any full page images. COPY left :copied deltas.

\echo
\echo The store while payments come in (two sessions, each row a transaction, fraud_fold(20000) in a third, autovacuum every 5 s)
SELECT CASE WHEN held THEN 'a snapshot held open' ELSE 'no old snapshot' END AS "run", to_char(inserts, 'FM999,999,999') AS "inserts",
	   to_char(rate, 'FM999,999') AS "inserts/s", pg_size_pretty(profiles) AS "fraud_profiles", pg_size_pretty(profiles_index) AS "index",
	   pg_size_pretty(deltas) AS "deltas", pg_size_pretty(deltas_index) AS "index", to_char(waiting, 'FM999,999,990') AS "waiting", vacuums
FROM growth g ORDER BY held, g.inserts;
SELECT CASE WHEN key LIKE '%true' THEN 'a snapshot held open' ELSE 'no old snapshot' END AS "at the end of the run",
	   round((f.one * 1e6)::numeric, 1) AS "fraud_score(t), µs", round(r.middle::numeric, 2) AS "× the read"
FROM figure f, LATERAL ratio(f.key, replace(f.key, 'score', 'read')) r
WHERE key IN ('score_false', 'score_true') ORDER BY key;
\echo :seconds s
\echo
