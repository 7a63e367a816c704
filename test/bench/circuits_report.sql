-- What circuits.sh measured, as a table.

\pset null ''
\pset footer off
\pset linestyle unicode
\pset border 2
SET client_min_messages = warning;
SELECT n FROM size \gset

CREATE VIEW calls AS
	SELECT round, max(seconds) FILTER (WHERE key = 'nothing in 1') / :n * 1e9 AS nothing,
		   max(seconds) FILTER (WHERE key = 'call in 1') / :n * 1e9 AS call,
		   max(seconds) FILTER (WHERE key = 'call in 2') / :n * 1e9 AS call_2,
		   max(seconds) FILTER (WHERE key = 'nothing in 2') / :n * 1e9 AS nothing_2,
		   max(seconds) FILTER (WHERE key = 'length') * 1e9 AS length,
		   max(seconds) FILTER (WHERE key = 'refusal') * 1e9 AS refusal,
		   max(seconds) FILTER (WHERE key = 'nothing in a transaction') * 1e9 AS empty,
		   max(seconds) FILTER (WHERE key = 'circuit in a transaction') * 1e9 AS circuit,
		   max(seconds) FILTER (WHERE key = 'row in a transaction') * 1e9 AS kept_row
	FROM timing GROUP BY round;

\echo
\echo Circuits: calls in a query over generate_series, less the same with two functions that do next to nothing; :n a round.
\echo
SELECT work, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY figure)::numeric, digits) || ' ' || unit AS "figure",
	   round(min(figure)::numeric, digits) || ' - ' || round(max(figure)::numeric, digits) AS "rounds", bar AS "bar",
	   CASE WHEN bar LIKE '<=%' AND percentile_cont(0.5) WITHIN GROUP (ORDER BY figure) <= substring(bar, '[0-9.]+')::numeric
			  OR bar LIKE '>=%' AND percentile_cont(0.5) WITHIN GROUP (ORDER BY figure) >= substring(bar, '[0-9.]+')::numeric THEN 'reached'
			WHEN bar IS NOT NULL THEN 'missed' END AS "verdict"
FROM calls, LATERAL (VALUES
		(1, 'two built-in functions', nothing, 0, 'ns', NULL),
		(2, 'circuit_success(circuit_acquire(name)), less that', call - nothing, 0, 'ns', '<= 200 ns'),
		(3, 'circuit_acquire(name), refused, less one function', refusal - length, 0, 'ns', '<= 80 ns'),
		(4, 'calls a second of two sessions, one circuit, of one', 2 * call / call_2, 2, 'x', '>= 1.6 x'),
		(5, 'the same of the two built-in functions', 2 * nothing / nothing_2, 2, 'x', NULL),
		(6, 'a breaker in a row of a table, each call a transaction, less nothing', (kept_row - empty) / 1000, 2, 'µs', NULL),
		(7, 'the circuit, less nothing', (circuit - empty) / 1000, 2, 'µs', NULL),
		(8, 'the row, of the circuit', (kept_row - empty) / (circuit - empty), 0, 'x', '>= 40 x')
	) AS line (place, work, figure, digits, unit, bar)
GROUP BY place, work, digits, unit, bar ORDER BY place;
