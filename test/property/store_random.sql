-- store_random.sql: whatever statements come, in whatever order, folded or not: the stored history of each key that
-- is not marked stale equals the aggregate over the rows there are; and a rebuild, of a key or of all, cures the rest.
--
-- The statements are random and the same in each run: setseed().
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_store_random CASCADE;
CREATE SCHEMA ff_store_random;
SET search_path = ff_store_random, public;

CREATE TABLE txn (
	txn_id bigint PRIMARY KEY,
	customer_id text,
	merchant_id text,
	ip inet,
	amount numeric,
	occurred_at timestamptz,
	status text,
	country text,
	note text
);
CREATE INDEX ON txn (customer_id);
CREATE SEQUENCE ids;

-- one line a test
CREATE FUNCTION ok(good boolean, name text, remark text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN good THEN 'ok - ' || name ELSE 'not ok - ' || name || coalesce(E'\n#   ' || left(remark, 300), '') END $$;

-- ---- what there is, what there should be

CREATE FUNCTION address_key(ip inet) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN family(ip) = 6 THEN host(network(set_masklen(ip, 64))) || '/64' ELSE host(ip) END $$;
CREATE VIEW truth AS
	SELECT v.entity, v.key, count(*) AS n, fraud_profile(t) AS p
	FROM txn t, LATERAL (VALUES ('customer', customer_id), ('ip', address_key(ip)), ('merchant', merchant_id)) v (entity, key)
	WHERE v.key IS NOT NULL GROUP BY v.entity, v.key;
-- as a decision sees it
CREATE FUNCTION is_stale(entity text, key text) RETURNS boolean LANGUAGE sql AS $$
	SELECT coalesce((fraud_score(jsonb_build_object('amount', 1, 'occurred_at', now(),
		CASE entity WHEN 'ip' THEN 'ip' ELSE entity || '_id' END, replace(key, '/64', '')))).reason
		LIKE '%history of the % is stale%', false) $$;
CREATE VIEW now_stored AS
	SELECT entity, key, t.n, t.p AS truth, fraud_profile_of(entity, key) AS p, is_stale(entity, key) AS stale
	FROM truth t FULL JOIN (
		SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas WHERE slot <> 0) s USING (entity, key);
CREATE FUNCTION wrong() RETURNS TABLE (n bigint, which text) LANGUAGE sql AS $$
	SELECT count(*), string_agg(entity || ' ' || key, ', ') FROM now_stored WHERE NOT stale AND p IS DISTINCT FROM truth $$;

-- ---- random rows and statements

CREATE FUNCTION r(n integer) RETURNS integer LANGUAGE sql AS $$ SELECT floor(random() * n)::integer $$;
CREATE FUNCTION some_rows(n integer) RETURNS SETOF txn LANGUAGE sql AS $$
	SELECT nextval('ids'), 'c' || r(60), CASE WHEN random() < 0.9 THEN 'm' || r(25) END,
		CASE WHEN random() < 0.7 THEN '10.0.0.0'::inet + r(20) WHEN random() < 0.5 THEN format('2001:db8:0:%s::%s', 1 + r(8), 1 + r(3))::inet END,
		round((random() * 300)::numeric, 2) - CASE WHEN random() < 0.05 THEN 100 ELSE 0 END,
		CASE WHEN random() < 0.98 THEN '2026-01-01Z'::timestamptz + random() * interval '100 days' END,
		(ARRAY['pending', 'pending', 'approved', 'approved', 'approved', 'declined', 'failed', 'blocked', NULL, 'odd'])[1 + r(10)],
		(ARRAY['DE', 'FR', 'US', NULL])[1 + r(4)], NULL
	FROM generate_series(1, n) $$;

-- runs one; true if it was one that must not leave a delta
CREATE FUNCTION step() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	what float8 := random();
	few bigint[] := ARRAY(SELECT txn_id FROM txn ORDER BY random() LIMIT 1 + r(4));
	stale record;
BEGIN
	CASE
		WHEN what < 0.25 THEN INSERT INTO txn SELECT * FROM some_rows(1);
		WHEN what < 0.37 THEN INSERT INTO txn SELECT * FROM some_rows(1 + r(60));
		WHEN what < 0.50 THEN
			UPDATE txn SET status = (ARRAY['approved', 'declined', 'failed'])[1 + r(3)] WHERE txn_id = ANY (few) AND status = 'pending';
		WHEN what < 0.54 THEN
			UPDATE txn SET status = (ARRAY['approved', 'declined', 'failed', 'pending'])[1 + r(4)] WHERE txn_id = ANY (few);
		WHEN what < 0.57 THEN UPDATE txn SET amount = amount + r(3) - 1 WHERE txn_id = ANY (few);
		WHEN what < 0.60 THEN UPDATE txn SET customer_id = 'c' || r(60) WHERE txn_id = ANY (few);
		WHEN what < 0.63 THEN UPDATE txn SET occurred_at = occurred_at + interval '1 day' WHERE txn_id = ANY (few);
		WHEN what < 0.65 THEN UPDATE txn SET ip = ip + 1, merchant_id = 'm' || r(25) WHERE txn_id = ANY (few);
		WHEN what < 0.72 THEN
			UPDATE txn SET note = random() WHERE txn_id = ANY (few) OR customer_id = 'c1';
			RETURN true;
		WHEN what < 0.75 THEN UPDATE txn SET status = 'approved', amount = amount, note = 'all' WHERE customer_id = 'c' || r(60) AND status = 'pending';
		WHEN what < 0.79 THEN DELETE FROM txn WHERE txn_id = ANY (few);
		WHEN what < 0.84 THEN
			INSERT INTO txn SELECT * FROM some_rows(3) ON CONFLICT DO NOTHING;
			INSERT INTO txn SELECT * FROM txn WHERE txn_id = ANY (few)
				ON CONFLICT (txn_id) DO UPDATE SET status = 'approved';
		WHEN what < 0.90 THEN PERFORM fraud_fold(CASE WHEN random() < 0.5 THEN 1 + r(50) END);
		WHEN what < 0.94 THEN
			BEGIN
				INSERT INTO txn SELECT * FROM some_rows(1 + r(40));
				UPDATE txn SET status = 'declined' WHERE txn_id = ANY (few);
				IF random() < 0.5 THEN
					PERFORM fraud_fold();
				END IF;
				DELETE FROM txn WHERE customer_id = 'c' || r(60);
				RAISE EXCEPTION USING ERRCODE = 'U0001';
			EXCEPTION WHEN SQLSTATE 'U0001' THEN
				RETURN true;
			END;
		ELSE
			FOR stale IN SELECT DISTINCT key FROM now_stored s WHERE s.stale LIMIT r(90) LOOP
				PERFORM fraud_rebuild('txn', stale.key);
			END LOOP;
	END CASE;
	RETURN false;
END $$;

-- statements, each in a transaction of its own or several in one; what is found is compared now and then
CREATE TABLE findings (at integer, what text, remark text);
CREATE TABLE compared (at integer, keys bigint, stale bigint);
CREATE PROCEDURE run(first integer, last integer) LANGUAGE plpgsql AS $$
DECLARE
	before bigint;
	neutral boolean;
BEGIN
	FOR i IN first .. last LOOP
		before := (SELECT count(*) FROM fraud_profile_deltas);
		neutral := step();
		IF neutral AND (SELECT count(*) FROM fraud_profile_deltas) <> before THEN
			INSERT INTO findings VALUES (i, 'a delta', 'of a statement that changes nothing that is remembered');
		END IF;
		IF random() < 0.8 THEN
			COMMIT;
		ELSIF random() < 0.2 THEN
			ROLLBACK;
		END IF;
		IF i % 50 = 0 THEN
			INSERT INTO findings SELECT i, 'wrong', which FROM wrong() WHERE n > 0;
			INSERT INTO compared SELECT i, count(*), count(*) FILTER (WHERE stale) FROM now_stored;
			-- a second half with deltas only
			IF i % 100 = 0 THEN
				PERFORM fraud_fold();
				INSERT INTO findings SELECT i, 'wrong after a fold', which FROM wrong() WHERE n > 0;
				COMMIT;
			END IF;
		END IF;
	END LOOP;
	COMMIT;
END $$;

\o /dev/null
SELECT fraud_attach('txn');
SELECT setseed(0.25);
\o
CALL run(1, 2000);
SELECT ok(count(*) FILTER (WHERE what LIKE 'wrong%') = 0, 'keys that are not stale equal the aggregate, after 2,000 random statements',
	(SELECT string_agg(format('%s: %s %s', at, what, remark), '; ') FROM findings WHERE what LIKE 'wrong%')) FROM findings;
SELECT ok(count(*) FILTER (WHERE what = 'a delta') = 0, 'updates of other columns, and what is rolled back, leave no delta') FROM findings;
SELECT ok(sum(keys - stale) > sum(keys) / 3, 'a good part of the keys was compared', format('%s of %s', sum(keys - stale), sum(keys))) FROM compared;
-- the last statements may have been rebuilds; a row that is deleted leaves stale keys
DELETE FROM txn WHERE txn_id IN (SELECT txn_id FROM txn ORDER BY random() LIMIT 3);
SELECT ok(count(*) FILTER (WHERE stale) > 0, 'some keys are stale now') FROM now_stored;

-- ---- rebuilds

\o /dev/null
SELECT fraud_rebuild('txn', key) FROM (SELECT DISTINCT key FROM now_stored WHERE stale OFFSET 0) s;
\o
SELECT ok(count(*) FILTER (WHERE stale) = 0, 'nothing is stale when each stale key is rebuilt', string_agg(entity || ' ' || key, ', ') FILTER (WHERE stale)) FROM now_stored;
SELECT ok(n = 0, 'and all are equal', which) FROM wrong();
\o /dev/null
SELECT fraud_fold();
\o
SELECT ok(bool_and(p IS NOT DISTINCT FROM truth), 'folded as well', string_agg(entity || ' ' || key, ', ') FILTER (WHERE p IS DISTINCT FROM truth))
FROM now_stored;
CALL run(2001, 2400);
\o /dev/null
SELECT fraud_rebuild('txn');
\o
SELECT ok(count(*) FILTER (WHERE stale) = 0, 'nothing is stale when the whole table is rebuilt') FROM now_stored;
SELECT ok(n = 0, 'and all are equal', which) FROM wrong();
SELECT ok(count(*) = 0, 'and nothing waits') FROM fraud_profile_deltas;
SELECT ok(count(*) = 0, 'nothing was wrong meanwhile', string_agg(format('%s: %s %s', at, what, remark), '; ')) FROM findings;

-- ---- up the rank

TRUNCATE txn;
INSERT INTO txn SELECT 1000000 + n, 'up', 'mup', '10.9.9.9', n, '2026-01-01Z'::timestamptz + n * interval '1 hour', 'pending' FROM generate_series(1, 80) n;
CREATE PROCEDURE approve(ids bigint[]) LANGUAGE sql AS $$ UPDATE txn SET status = 'approved' WHERE txn_id = ANY (ids) $$;
CREATE VIEW up AS SELECT p IS NOT DISTINCT FROM truth AS equal, stale FROM now_stored WHERE entity = 'customer' AND key = 'up';
CALL approve('{1000080}');
SELECT ok(equal AND NOT stale, 'pending to approved, the newest') FROM up;
CALL approve('{1000049, 1000060, 1000061}');
SELECT ok(equal AND NOT stale, 'pending to approved, several down to the oldest of 32') FROM up;
\o /dev/null
SELECT fraud_fold();
\o
SELECT ok(equal AND NOT stale, 'the same, folded') FROM up;
CALL approve('{1000050}');
INSERT INTO txn SELECT 1000080 + n, 'up', 'mup', '10.9.9.9', n, '2026-01-05Z'::timestamptz + n * interval '1 hour', 'pending' FROM generate_series(1, 10) n;
SELECT ok(equal AND NOT stale, 'one that leaves the newest 32 before it is folded') FROM up;
\o /dev/null
SELECT fraud_fold();
\o
SELECT ok(equal AND NOT stale, 'the same, folded') FROM up;
UPDATE txn SET status = 'declined' WHERE txn_id = 1000088;
UPDATE txn SET status = 'approved' WHERE txn_id = 1000088;
UPDATE txn SET status = 'failed' WHERE txn_id = 1000089;
SELECT ok(equal AND NOT stale, 'step by step up') FROM up;
CALL approve('{1000001}');
SELECT ok(stale, 'one that is too old makes the key stale') FROM up;
\o /dev/null
SELECT fraud_fold();
\o
SELECT ok(stale, 'and so it stays when folded') FROM up;

-- ---- labels: a rebuild gives the same bytes as what was kept live

TRUNCATE txn;
CREATE TABLE live (entity text, key text, p fraud_profile, stale boolean);
CREATE FUNCTION relive(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	bad text;
BEGIN
	TRUNCATE live;
	INSERT INTO live SELECT entity, key, p, stale FROM now_stored;
	PERFORM fraud_rebuild('txn');
	SELECT string_agg(entity || ' ' || key, ', ' ORDER BY entity, key) INTO bad
	FROM live FULL JOIN now_stored s USING (entity, key) WHERE NOT coalesce(live.stale, false) AND live.p IS DISTINCT FROM s.p;
	IF bad IS NULL AND EXISTS (SELECT FROM now_stored s WHERE s.stale) THEN
		bad := 'stale after the rebuild';
	END IF;
	RETURN ok(bad IS NULL, name, bad);
END $$;
CREATE FUNCTION fresh(n integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE txn, fraud_labels;
	INSERT INTO txn SELECT i, 'l' || i % 5, 'lm' || i % 3, '10.1.1.1', i, '2026-01-01Z'::timestamptz + i * interval '1 hour', 'approved' FROM generate_series(1, n) i;
	INSERT INTO txn SELECT 9000 + i, 'l' || i, 'lm' || i % 3, '10.1.1.1', i, '2026-02-01Z'::timestamptz + i * interval '1 hour', 'pending' FROM generate_series(1, 4) i;
END $$;
\o /dev/null
SELECT fresh(60);
SELECT fraud_label(txn_id::text, true, '2026-03-01Z') FROM txn WHERE txn_id IN (3, 41, 42, 60);
\o
SELECT relive('labels of waiting transactions');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label(txn_id::text, txn_id <> 42, '2026-03-01Z') FROM txn WHERE txn_id IN (41, 42, 59, 60);
SELECT fraud_label(t, true, '2026-03-02Z') FROM txn t WHERE txn_id = 58;
\o
SELECT ok(bool_or(stale) IS NOT TRUE, 'labels of transactions within the newest 32 make no customer stale') FROM now_stored WHERE entity = 'customer';
SELECT relive('labels of folded transactions');
\o /dev/null
SELECT fresh(400), fraud_fold();
SELECT fraud_label(txn_id::text, true, '2026-03-01Z') FROM txn WHERE txn_id % 7 = 0;
\o
SELECT relive('labels of old transactions');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('50', true, '2026-03-01Z'), fraud_label('51', true, '2026-03-01Z'), fraud_label('52', true, '2026-03-01Z');
SELECT fraud_label('50', NULL), fraud_label('51', false), fraud_label('52', true, '2026-03-03Z');
\o
SELECT relive('labels that are taken back or moved');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('9001', true, '2026-03-01Z');
UPDATE txn SET status = 'approved' WHERE txn_id = 9001;
\o
SELECT relive('a label of a pending transaction that is approved afterwards');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('7777', true, '2026-03-01Z');
INSERT INTO txn VALUES (7777, 'l1', 'lm1', '10.1.1.1', 5, '2026-02-03Z', 'approved');
\o
SELECT relive('a label that comes before its transaction');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('60', true, '2026-03-01Z');
UPDATE txn SET amount = amount + 100 WHERE txn_id = 60;
\o
SELECT relive('the amount of a labelled transaction grows');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('60', true, '2026-03-01Z');
UPDATE txn SET amount = amount - 10 WHERE txn_id = 60;
\o
SELECT relive('the amount of a labelled transaction shrinks');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('60', true, '2026-03-01Z');
UPDATE txn SET note = 'other' WHERE txn_id = 60;
UPDATE txn SET customer_id = 'l9' WHERE txn_id = 60;
\o
SELECT relive('a labelled transaction changes its customer');
\o /dev/null
SELECT fresh(60), fraud_fold();
SELECT fraud_label('60', true, '2026-03-01Z');
UPDATE txn SET status = 'declined' WHERE txn_id = 60;
\o
SELECT relive('a labelled transaction is declined afterwards');

-- ---- one customer with 100,000 events

TRUNCATE txn, fraud_labels;
CREATE FUNCTION many(who text, first integer, last integer) RETURNS SETOF txn LANGUAGE sql AS $$
	SELECT n, who, 'm' || n * 7919 % 503, '10.2.2.2'::inet, n % 900, '2026-01-01Z'::timestamptz + n * interval '1 minute',
		CASE WHEN n % 11 = 0 THEN 'declined' ELSE 'approved' END, (ARRAY['DE', 'FR', 'US'])[1 + n % 3], NULL
	FROM generate_series(first, last) n $$;
INSERT INTO txn SELECT * FROM many('bulk', 1, 100000);
CREATE VIEW large AS
	SELECT p IS NOT DISTINCT FROM truth AS equal, pg_column_size(p) AS size, n FROM now_stored WHERE entity = 'customer';
SELECT ok(equal AND size <= 3500 AND n = 100000, '100,000 events of one customer in one statement', size::text) FROM large;
\o /dev/null
SELECT fraud_fold();
\o
SELECT ok(equal AND size <= 3500 AND n = 100000, 'the same, folded', size::text) FROM large;
SELECT ok(max(pg_column_size(state)) <= 3500, 'stored in 3,500 bytes') FROM fraud_profiles;
TRUNCATE txn;
CREATE PROCEDURE singles(first integer, last integer, folds integer) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN first .. last LOOP
		INSERT INTO txn SELECT * FROM many('single', i, i);
		IF i % folds = 0 THEN
			PERFORM fraud_fold();
		END IF;
		IF i % 100 = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;
INSERT INTO txn SELECT * FROM many('single', 1, 90000);
CALL singles(90001, 95000, 900);
SELECT ok(equal, '5,000 single inserts after 90,000 in one, folded now and then') FROM large;
-- more than one fold takes at a time, and more than a look-up reads
CALL singles(95001, 100000, 1000000);
SELECT ok((fraud_score(t)).reason LIKE '%history of the customer is incomplete: it has more changes than a look-up reads%', 'a look-up says that it did not read all') FROM txn t WHERE txn_id = 100000;
\o /dev/null
SELECT fraud_fold();
\o
SELECT ok(equal AND size <= 3500 AND n = 100000, '5,000 more, folded at once', size::text) FROM large;
SELECT ok(max(pg_column_size(state)) <= 3500, 'stored in 3,500 bytes') FROM fraud_profiles;
