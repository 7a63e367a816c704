-- velocity.sql: fraud_velocity(profile, win, as_of) against the oracle, for many windows and instants.
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_velocity CASCADE;
CREATE SCHEMA ff_velocity;
SET search_path = ff_velocity, public;
\set ff_part 1
\set ff_no_tx 1
\ir oracle.sql
\ir histories.sql

CREATE TABLE prof (key text PRIMARY KEY, p fraud_profile);
SELECT step('profiles are built', $$
	INSERT INTO prof SELECT o_text(customer_id), fraud_profile(e ORDER BY occurred_at, txn_id) FROM ev e
	WHERE o_text(customer_id) IS NOT NULL AND customer_id !~ '^Q' GROUP BY 1 $$);

-- windows from a second to 90 days (seconds), and longer where every event is kept
CREATE TABLE asked AS
SELECT k.key, k.n, k.left_at, k.left_at = k.kept_from AS tie, coalesce(k.left_at IS NOT NULL AND k.kept_from > as_of, false) AS newer,
	coalesce(k.last_at > as_of, false) AS late, w.seconds, as_of
FROM key_size k JOIN cst c ON c.id = k.key,
	(VALUES (1), (60), (300), (600), (3600), (7200), (21600), (50000), (86399), (86400), (90000), (129600), (259200), (604800),
		(864000), (1209600), (2419200), (2592000), (3888000), (7776000), (15552000), (94608000)) w(seconds),
	LATERAL (SELECT c.t0 UNION SELECT c.t0 + interval '3 hours' UNION SELECT c.t0 - interval '20 hours'
		-- as_of such that some event lies exactly on the old edge or one microsecond beside it, and at an event's own time
		UNION SELECT o.at + interval '1 second' * w.seconds + us(hn(k.key || w.seconds, 3) - 1)
			FROM (SELECT at FROM o_ev WHERE cust = k.key ORDER BY md5(ident || w.seconds) LIMIT 1) o
		UNION SELECT max(at) FROM o_ev WHERE cust = k.key) a(as_of)
WHERE k.entity = 'customer';

CREATE TYPE velocity AS (attempts bigint, declined bigint, spend numeric, distinct_cards int, exact boolean);
CREATE TABLE answered (key text, n int, left_at timestamptz, tie boolean, newer boolean, late boolean, seconds int,
	as_of timestamptz, v velocity);
SELECT step('velocities are asked for', $$
	INSERT INTO answered SELECT a.*, (v.attempts, v.declined, v.spend, v.distinct_cards, v.exact)::velocity
	FROM asked a JOIN prof USING (key), fraud_velocity(p, interval '1 second' * a.seconds, a.as_of) v $$);

CREATE TABLE compared AS
SELECT c.*, format('%s, window %s s as of %s: got %s, true %s, wide %s, newest 32 %s', key, seconds, as_of, v, truth, wide, newest)
	AS detail
FROM (SELECT a.*, o_velocity(key, seconds, as_of, 'true') AS truth,
		CASE WHEN n > 32 THEN o_velocity(key, seconds, as_of, 'wide') END AS wide,
		CASE WHEN n > 32 THEN o_velocity(key, seconds, as_of, 'coarse') END AS coarse,
		CASE WHEN n > 32 THEN o_velocity(key, seconds, as_of, 'newest') END AS newest,
		CASE WHEN n > 32 THEN o_velocity(key, seconds + 1, as_of, 'wide') END AS longer FROM answered a) c;
ANALYZE compared;

SELECT chk('velocity, at most 32 events: ' || what, 20000, format($$
	SELECT ((v).%1$s = (truth).%1$s) IS NOT true, detail FROM compared WHERE n <= 32 AND left_at IS NULL $$, what))
FROM unnest(ARRAY['attempts', 'declined', 'spend', 'distinct_cards']) what;
SELECT chk('velocity, at most 32 events: says exact', 20000, $$
	SELECT (v).exact IS NOT true, detail FROM compared WHERE n <= 32 $$);
SELECT chk('velocity, more events: exact where the window lies in the newest 32', 200, $$
	SELECT ((v).exact AND ((v).attempts, (v).declined, (v).spend, (v).distinct_cards)
		= ((truth).attempts, (truth).declined, (truth).spend, (truth).distinct_cards)) IS NOT true, detail
	FROM compared WHERE n > 32 AND NOT tie AND NOT newer AND left_at <= as_of - interval '1 second' * seconds $$);
SELECT chk('velocity, more events: exact is only said of true numbers', 200, $$
	SELECT ((v).attempts, (v).declined, (v).spend, (v).distinct_cards)
		IS DISTINCT FROM ((truth).attempts, (truth).declined, (truth).spend, (truth).distinct_cards), detail
	FROM compared WHERE n > 32 AND (v).exact $$);
SELECT chk('velocity, more events: a window of more than 32 events is not called exact', 200, $$
	SELECT (v).exact IS NOT false, detail FROM compared WHERE (truth).events > 32 $$);
SELECT chk('velocity, more events: all newest ones later than as_of is not called exact', 100, $$
	SELECT (v).exact IS NOT false, detail FROM compared WHERE newer $$);
SELECT chk('velocity, more events, under 24 h: at least the newest 32, at most the truth: ' || what, 200, format($$
	SELECT ((v).%1$s BETWEEN (newest).%1$s AND (truth).%1$s) IS NOT true, detail
	FROM compared WHERE n > 32 AND NOT tie AND NOT newer AND seconds < 86400 $$, what))
FROM unnest(ARRAY['attempts', 'declined', 'spend']) what;
SELECT chk('velocity, more events, 24 h to 90 d: at most one cell too much: ' || what, 200, format($$
	SELECT ((v).%1$s BETWEEN (truth).%1$s AND (wide).%1$s) IS NOT true, detail
	FROM compared WHERE n > 32 AND NOT tie AND NOT late AND seconds BETWEEN 86400 AND 7776000 $$, what))
FROM unnest(ARRAY['attempts', 'declined', 'spend']) what;
SELECT chk('velocity, more events, 24 h to 90 d: at most one coarser cell too much: ' || what, 200, format($$
	SELECT ((v).%1$s BETWEEN (truth).%1$s AND (coarse).%1$s) IS NOT true, format('%%s, coarse %%s', detail, coarse)
	FROM compared WHERE n > 32 AND NOT tie AND NOT late AND seconds BETWEEN 86400 AND 7776000 $$, what))
FROM unnest(ARRAY['attempts', 'declined', 'spend']) what;
SELECT chk('velocity, more events: distinct cards at least those of the newest 32, at most the truth', 200, $$
	SELECT ((v).distinct_cards BETWEEN (newest).distinct_cards AND (wide).distinct_cards) IS NOT true, detail
	FROM compared WHERE n > 32 AND NOT tie AND NOT newer $$);
SELECT chk('velocity, more events: distinct cards, give or take a second at the edge', 200, $$
	SELECT ((v).distinct_cards BETWEEN (newest).distinct_cards AND (longer).distinct_cards) IS NOT true, detail
	FROM compared WHERE n > 32 AND NOT tie AND NOT newer $$);

SELECT chk_summary();
DROP SCHEMA ff_velocity CASCADE;
