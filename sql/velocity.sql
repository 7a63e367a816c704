-- fraud_velocity(profile, win, as_of): windows (as_of - win, as_of]
CREATE SCHEMA regress_velocity;
SET search_path = regress_velocity, public;
SET timezone = 'UTC';
\set VERBOSITY terse

CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

CREATE TABLE ev (txn_id int, card_id text, amount numeric, occurred_at timestamptz, status text);
INSERT INTO ev VALUES
	(1, 'a', 10, '2026-03-01 12:00:00Z', 'approved'),
	(2, 'b', 20, '2026-03-01 11:00:00Z', 'declined'),
	(3, 'a', 30, '2026-03-01 11:00:00.000001Z', 'approved'),
	(4, 'c', 40, '2026-03-01 11:50:00Z', 'failed'),			-- technical: no attempt, no spend
	(5, 'd', 50, '2026-03-01 11:40:00Z', 'blocked'),		-- our refusal: an attempt, no spend, no decline
	(6, 'e', -5, '2026-03-01 11:55:00Z', 'approved'),		-- a refund: neither
	(7, 'f', 0, '2026-03-01 11:58:00Z', 'approved'),		-- a card check: an attempt
	(8, 'a', 7, '2026-03-01 11:57:00Z', 'pending'),
	(9, NULL, 1, '2026-03-01 11:56:00Z', 'whatever'),		-- counts as pending
	(10, 'g', NULL, '2026-03-01 11:59:00Z', 'declined'),	-- amount missing: an attempt
	(11, 'h', 100, '2026-03-01 12:00:00.000001Z', 'approved'),	-- later
	(12, 'i', 1000, '2026-01-30 12:00:00Z', 'approved'),	-- 30 days before
	(13, 'j', 2000, '2026-01-30 12:00:00.000001Z', 'approved');
SELECT fraud_profile(ev) AS p FROM ev \gset

CREATE TABLE want (n int, win interval, as_of timestamptz, attempts bigint, declined bigint, spend numeric, cards int);
INSERT INTO want VALUES
	-- to the microsecond at both ends
	(1, '1 hour', '2026-03-01 12:00Z', 7, 1, 48, 4),
	(2, '1 hour 0.000001 seconds', '2026-03-01 12:00Z', 8, 2, 48, 5),
	(3, '59 minutes 59.999999 seconds', '2026-03-01 12:00Z', 6, 1, 18, 4),
	(4, '1 hour', '2026-03-01 12:00:00.000001Z', 7, 1, 118, 5),
	(5, '0.000001 seconds', '2026-03-01 12:00Z', 1, 0, 10, 1),
	(6, '0.000001 seconds', '2026-03-01 12:00:00.000002Z', 0, 0, 0, 0),
	(7, '0.000002 seconds', '2026-03-01 12:00:00.000002Z', 1, 0, 100, 1),
	-- what is an attempt and what is spend
	(8, '5 minutes', '2026-03-01 12:00Z', 5, 1, 18, 3),
	(9, '1 minute', '2026-03-01 11:50:30Z', 0, 0, 0, 0),
	(10, '1 minute', '2026-03-01 11:40:30Z', 1, 0, 0, 1),
	(11, '1 minute', '2026-03-01 11:55:30Z', 0, 0, 0, 0),
	(12, '30 seconds', '2026-03-01 11:58:10Z', 1, 0, 0, 1),
	(13, '30 seconds', '2026-03-01 11:57:10Z', 1, 0, 7, 1),
	(14, '30 seconds', '2026-03-01 11:56:10Z', 1, 0, 1, 0),
	(15, '30 seconds', '2026-03-01 11:59:10Z', 1, 1, 0, 1),
	-- a month is 30 days, a day 24 hours, whatever their mix
	(16, '1 month', '2026-03-01 12:00Z', 9, 2, 2048, 6),
	(17, '1 month 0.000001 seconds', '2026-03-01 12:00Z', 10, 2, 3048, 7),
	(18, '30 days', '2026-03-01 12:00Z', 9, 2, 2048, 6),
	(19, '720 hours', '2026-03-01 12:00Z', 9, 2, 2048, 6),
	(20, '1 month -29 days -23 hours', '2026-03-01 12:00Z', 7, 1, 48, 4),
	(21, '-1 day 25 hours', '2026-03-01 12:00Z', 7, 1, 48, 4),
	(22, '1 year', '2026-03-01 12:00Z', 10, 2, 3048, 7),
	(23, '9000 years', '2026-03-02 00:00Z', 11, 2, 3148, 8),
	-- before anything happened
	(24, '1 year', '2020-01-01 00:00Z', 0, 0, 0, 0),
	(25, '1 year', '3000-01-01 00:00Z', 0, 0, 0, 0);
SELECT w.n, w.win, v.attempts, v.declined, v.spend, v.distinct_cards AS cards, v.exact,
	   (v.attempts, v.declined, v.spend, v.distinct_cards, v.exact) = (w.attempts, w.declined, w.spend, w.cards, true) AS ok
FROM want AS w, LATERAL fraud_velocity(:'p', w.win, w.as_of) AS v ORDER BY n;

-- what is no window, no moment, no history
SELECT n AS "case", raised(format('SELECT fraud_velocity(%L, %s)', :'p', rest)) AS got, want
FROM (VALUES
	(1, $$'0', '2026-03-01'$$, '22023'),
	(2, $$'-1 hour', '2026-03-01'$$, '22023'),
	(3, $$'1 month -30 days', '2026-03-01'$$, '22023'),
	(4, $$'1 day -25 hours', '2026-03-01'$$, '22023'),
	(5, $$'170000000 years', '2026-03-01'$$, '22023'),
	(6, $$'-170000000 years', '2026-03-01'$$, '22023'),
	(7, $$'1 hour', 'infinity'$$, '22008'),
	(8, $$'1 hour', '-infinity'$$, '22008'),
	(9, $$'1 hour', '4000-01-01'$$, '22008'),
	(10, $$'1 hour', '4000-01-01 BC'$$, '22008')
) AS v (n, rest, want) ORDER BY n;
SELECT * FROM fraud_velocity(NULL, '1 hour', '2026-03-01');
SELECT * FROM fraud_velocity(:'p', NULL, '2026-03-01');
SELECT * FROM fraud_velocity(:'p', '1 hour', NULL);
SELECT * FROM fraud_velocity(fraud_profile_unavailable(), '1 hour', '2026-03-01');
-- a history without anything in it
SELECT v.* FROM fraud_observe(NULL, '{"txn_id": 1}') AS p, LATERAL fraud_velocity(p, '1 hour', '2026-03-01') AS v;

-- 40 events, one a minute from 10:00 to 10:39: those before 10:08 are no longer kept whole
SELECT fraud_profile(to_jsonb(e)) AS q
FROM (SELECT i AS txn_id, 'k' || i AS card_id, 2 AS amount, timestamptz '2026-03-01 10:00Z' + i * interval '1 minute' AS occurred_at,
			 CASE i % 4 WHEN 0 THEN 'declined' ELSE 'approved' END AS status FROM generate_series(0, 39) AS i) AS e \gset
TRUNCATE want;
ALTER TABLE want ADD COLUMN exact bool, ADD COLUMN about text;
INSERT INTO want VALUES
	(1, '10 minutes', '2026-03-01 10:39Z', 10, 2, 16, 10, true, '10:30 .. 10:39'),
	(2, '32 minutes', '2026-03-01 10:39Z', 32, 8, 48, 32, true, 'all that is whole'),
	(3, '31 minutes', '2026-03-01 10:38Z', 31, 8, 46, 31, true, 'the newest left out'),
	(4, '32 minutes 1 second', '2026-03-01 10:39Z', 32, 8, 48, 33, false, 'one more: a lower bound'),
	(5, '23 hours 59 minutes', '2026-03-01 10:39Z', 32, 8, 48, 40, false, 'the same'),
	(6, '24 hours', '2026-03-01 10:39Z', 40, 10, 60, 40, false, 'with the older ones'),
	(7, '24 hours', '2026-03-02 10:05:30Z', 40, 10, 60, 34, false, 'the hour across the edge counts whole'),
	(8, '24 hours', '2026-03-02 10:07Z', 32, 8, 48, 32, true, 'exactly behind the last that left'),
	(9, '24 hours', '2026-03-02 10:20Z', 19, 4, 30, 19, true, 'the edge among the whole ones'),
	(10, '90 days', '2026-03-02 10:07Z', 40, 10, 60, 40, false, 'everything'),
	(11, '10 minutes', '2026-03-01 10:08Z', 1, 1, 0, 3, false, 'the oldest whole one, a lower bound');
SELECT w.n, w.about, v.attempts, v.declined, v.spend, v.distinct_cards AS cards, v.exact,
	   (v.attempts, v.declined, v.spend, v.exact) = (w.attempts, w.declined, w.spend, w.exact)
	   AND (v.distinct_cards = w.cards OR NOT w.exact AND v.distinct_cards <= 40) AS ok
FROM want AS w, LATERAL fraud_velocity(:'q', w.win, w.as_of) AS v ORDER BY n;
-- all that is kept whole is later: nothing is known
SELECT * FROM fraud_velocity(:'q', '10 minutes', '2026-03-01 10:07:59.999999Z');

-- beyond the newest 32 the cell across the edge counts whole: at most 1/24 too much, never too little.
-- One event every 17 minutes for 110 days; 40 more in the last minute, so that the cells end where the window does.
CREATE TABLE steady AS
SELECT i AS txn_id, 1 AS amount, timestamptz '2026-04-21 05:59:30Z' - i * interval '17 minutes' AS occurred_at
FROM generate_series(0, 9300) AS i;
CREATE TABLE burst AS
SELECT 100000 + i AS txn_id, 1 AS amount, timestamptz '2026-04-21 05:59:30Z' - i * interval '1 second' AS occurred_at
FROM generate_series(1, 40) AS i;
SELECT k.name, w.win, v.attempts BETWEEN c.n AND c.n * 25.0 / 24 + 1 AND NOT v.exact AS ok
FROM (SELECT 'steady' AS name, 0 AS hours, fraud_profile(s) AS p FROM steady AS s
	  UNION ALL SELECT 'burst', 0, fraud_profile(s) FROM (TABLE steady UNION ALL TABLE burst) AS s
	  UNION ALL SELECT 'burst, asked two hours later', 2, fraud_profile(s) FROM (TABLE steady UNION ALL TABLE burst) AS s) AS k,
	 (VALUES (interval '24 hours'), ('7 days'), ('30 days'), ('90 days')) AS w (win),
	 LATERAL (SELECT timestamptz '2026-04-21 05:59:30Z' + hours * interval '1 hour' AS t) AS t,
	 LATERAL (SELECT count(*) FROM (TABLE steady UNION ALL SELECT * FROM burst WHERE name <> 'steady') AS e
			  WHERE occurred_at > t - win AND occurred_at <= t) AS c (n),
	 LATERAL fraud_velocity(p, win, t) AS v
ORDER BY k.name, w.win;

DROP SCHEMA regress_velocity CASCADE;
