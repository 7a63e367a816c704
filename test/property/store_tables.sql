-- store_tables.sql: all ways that rows come into tables, move and go: partitions, children, COPY, ON CONFLICT, MERGE,
-- WITH, triggers of others, two tables for the same customers, ids of all types. What is stored equals the aggregate
-- over the rows there are, or is marked stale and equals it after fraud_rebuild().
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_store_tables CASCADE;
CREATE SCHEMA ff_store_tables;
SET search_path = ff_store_tables, public;

CREATE FUNCTION ok(good boolean, name text, remark text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN good THEN 'ok - ' || name ELSE 'not ok - ' || name || coalesce(E'\n#   ' || left(remark, 300), '') END $$;
CREATE FUNCTION is_stale(entity text, key text) RETURNS boolean LANGUAGE sql AS $$
	SELECT coalesce((fraud_score(jsonb_build_object('amount', 1, 'occurred_at', now(),
		CASE entity WHEN 'ip' THEN 'ip' ELSE entity || '_id' END, replace(key, '/64', '')))).reason
		LIKE '%history of the % is stale%', false) $$;

-- tables whose rows together are the histories, and what is not as it should be
CREATE TABLE tables (name regclass);
CREATE FUNCTION wrong(stale_too boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows_of_all text;
	bad text;
BEGIN
	SELECT string_agg(format('SELECT btrim(customer_id::text) AS customer_id, btrim(merchant_id::text) AS merchant_id, ip,'
		' to_jsonb(t) - ''region'' AS row FROM %s t', name), ' UNION ALL ') INTO rows_of_all FROM tables;
	EXECUTE format($q$
		SELECT string_agg(entity || ' ' || left(key, 40), ', ' ORDER BY entity, key) FROM (
			SELECT v.entity, v.key, fraud_profile(row) AS p
			FROM (%s) t, LATERAL (VALUES ('customer', customer_id), ('ip', host(ip)), ('merchant', merchant_id)) v (entity, key)
			WHERE v.key IS NOT NULL GROUP BY v.entity, v.key) truth
		FULL JOIN (SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas WHERE slot <> 0) s USING (entity, key)
		WHERE fraud_profile_of(entity, key) IS DISTINCT FROM p AND ($1 OR NOT is_stale(entity, key))$q$, rows_of_all) INTO bad USING stale_too;
	RETURN bad;
END $$;
CREATE FUNCTION stale_keys() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas WHERE slot <> 0) s
	WHERE is_stale(entity, key) $$;
-- all is equal: now, and folded; `stale`: as many keys may be stale, and are
CREATE FUNCTION equal(name text, stale bigint DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	bad text := wrong(stale = 0);
BEGIN
	IF bad IS NULL AND stale_keys() <> stale THEN
		bad := format('%s keys are stale, not %s', stale_keys(), stale);
	END IF;
	IF bad IS NULL THEN
		PERFORM fraud_fold();
		bad := 'folded: ' || wrong(stale = 0);
	END IF;
	RETURN ok(bad IS NULL, name, bad);
END $$;
CREATE FUNCTION rebuilt(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fraud_rebuild(t.name) FROM tables t;
	RETURN equal(name);
END $$;
CREATE FUNCTION attach(VARIADIC names regclass[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fraud_detach(relation) FROM fraud_attached;
	TRUNCATE tables;
	INSERT INTO tables SELECT unnest(names);
	PERFORM fraud_attach(n) FROM unnest(names) n;
END $$;
CREATE FUNCTION rows_of(first integer, last integer, OUT txn_id text, OUT customer_id text, OUT merchant_id text, OUT ip inet,
	OUT amount numeric, OUT occurred_at timestamptz, OUT status text, OUT region text) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT 't' || n, 'c' || n % 4, 'm' || n % 3, '10.0.0.1'::inet + n % 2, n, '2026-01-01Z'::timestamptz + n * interval '1 hour',
		CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'approved' END, (ARRAY['a', 'b', 'c'])[1 + n % 3]
	FROM generate_series(first, last) n $$;

-- ---- partitions

CREATE TABLE parts (txn_id text, customer_id text, merchant_id text, ip inet, amount numeric, occurred_at timestamptz, status text, region text,
	PRIMARY KEY (txn_id, region)) PARTITION BY LIST (region);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
-- another order of columns, a dropped one, a level more
CREATE TABLE parts_b (gone integer, region text NOT NULL, status text, occurred_at timestamptz, amount numeric, ip inet, merchant_id text, customer_id text, txn_id text NOT NULL)
	PARTITION BY LIST (region);
ALTER TABLE parts_b DROP COLUMN gone;
CREATE TABLE parts_b1 PARTITION OF parts_b FOR VALUES IN ('b');
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN ('b');
INSERT INTO parts SELECT * FROM rows_of(1, 20) WHERE region <> 'c';
\o /dev/null
SELECT attach('parts');
\o
SELECT equal('a partitioned table is attached');
INSERT INTO parts SELECT * FROM rows_of(21, 60) WHERE region <> 'c';
SELECT equal('inserts through the root');
INSERT INTO parts_a SELECT * FROM rows_of(61, 80) WHERE region = 'a';
INSERT INTO parts_b (txn_id, customer_id, merchant_id, ip, amount, occurred_at, status, region) SELECT * FROM rows_of(61, 80) WHERE region = 'b';
INSERT INTO parts_b1 (txn_id, customer_id, merchant_id, ip, amount, occurred_at, status, region) SELECT * FROM rows_of(81, 100) WHERE region = 'b';
SELECT equal('inserts into leaves, and into a part with parts');
COPY parts FROM STDIN;
k1	c1	m1	10.0.0.1	5	2026-02-01 10:00:00Z	approved	a
k2	c2	m2	10.0.0.2	6	2026-02-01 11:00:00Z	approved	b
\.
COPY parts_a FROM STDIN;
k3	c1	m1	10.0.0.1	5	2026-02-01 12:00:00Z	approved	a
\.
SELECT equal('COPY into the root and into a leaf');
UPDATE parts SET status = 'approved' WHERE txn_id IN ('t76', 't78', 't90', 't88', 'k2');
SELECT equal('updates of newest rows up the rank, through the root');
UPDATE parts_b1 SET status = 'declined' WHERE false;
UPDATE parts_b SET region = region, status = CASE txn_id WHEN 't94' THEN 'approved' ELSE status END;
SELECT equal('updates of a part');
CREATE TEMP TABLE before AS SELECT count(*) AS n FROM fraud_profile_deltas;
UPDATE parts SET region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END WHERE txn_id IN ('t77', 't79', 't91', 't92');
SELECT ok(count(*) = (SELECT n FROM before), 'rows that move to another partition and are the same otherwise leave no delta') FROM fraud_profile_deltas;
UPDATE parts SET region = CASE WHEN txn_id IN ('t96', 't92') THEN CASE region WHEN 'a' THEN 'b' ELSE 'a' END ELSE region END,
	status = CASE txn_id WHEN 't92' THEN 'approved' WHEN 't100' THEN 'approved' ELSE status END WHERE occurred_at > '2026-01-04Z';
SELECT equal('rows that move next to rows that stay and rows that are approved');

CREATE TABLE parts_c PARTITION OF parts FOR VALUES IN ('c');
SELECT ok(gaps = '{parts_c}', 'fraud_attached shows a new partition', gaps::text) FROM fraud_attached;
INSERT INTO parts SELECT * FROM rows_of(101, 110) WHERE region = 'c';
SELECT equal('inserts through the root into it');
INSERT INTO parts_c SELECT * FROM rows_of(111, 120) WHERE region = 'c';
\o /dev/null
SELECT fraud_attach('parts');
\o
SELECT ok(gaps IS NULL AND state = 'ready', 'fraud_attach() closes the gap', gaps::text) FROM fraud_attached;
INSERT INTO parts_c SELECT * FROM rows_of(121, 130) WHERE region = 'c';
SELECT rebuilt('what went into the gap is there after fraud_rebuild()');
INSERT INTO parts_c SELECT * FROM rows_of(131, 140) WHERE region = 'c';
SELECT equal('and inserts into the new leaf are remembered');

INSERT INTO parts VALUES ('x1', 'only a', 'm only a', '10.5.0.1', 1, '2026-03-01Z', 'approved', 'a');
TRUNCATE parts_a;
SELECT ok(coalesce(fraud_profile_of('customer', 'only a') IS NULL, true) OR is_stale('customer', 'only a'),
	'TRUNCATE of a leaf: who is known from a waiting delta only is gone or stale');
SELECT ok(wrong(false) IS NULL, 'TRUNCATE of a leaf: all others are right or stale', wrong(false));
SELECT rebuilt('and right after fraud_rebuild()');
BEGIN;
INSERT INTO parts SELECT * FROM rows_of(141, 150);
TRUNCATE parts;
INSERT INTO parts SELECT * FROM rows_of(141, 145);
COMMIT;
SELECT equal('TRUNCATE of the root');
\o /dev/null
SELECT fraud_fold();
\o
ALTER TABLE parts DETACH PARTITION parts_c;
INSERT INTO parts_c SELECT * FROM rows_of(151, 160) WHERE region = 'c';
SELECT rebuilt('a partition is detached: right after fraud_rebuild()');
INSERT INTO parts_c SELECT * FROM rows_of(161, 170) WHERE region = 'c';
SELECT equal('rows of what was a partition are not remembered any more');
DROP TABLE parts_c;

-- ---- children

CREATE TABLE parent (txn_id text, customer_id text, merchant_id text, ip inet, amount numeric, occurred_at timestamptz, status text, region text);
CREATE TABLE child (terminal integer, status text) INHERITS (parent);
\o /dev/null
SELECT attach('parent');
\o
INSERT INTO parent SELECT * FROM rows_of(1, 20);
INSERT INTO child SELECT (s).*, 7 FROM rows_of(21, 40) s;
SELECT equal('inserts into a table and its child');
UPDATE parent SET status = 'approved' WHERE txn_id IN ('t12', 't30', 't38');
UPDATE child SET terminal = 8;
SELECT equal('updates through the parent, and of a column of the child');
DELETE FROM parent WHERE txn_id IN ('t5', 't25');
SELECT equal('deletes make the keys stale', 4);
SELECT rebuilt('and right after fraud_rebuild()');
CREATE TABLE late () INHERITS (child);
SELECT ok(gaps = '{late}', 'fraud_attached shows a new child', gaps::text) FROM fraud_attached;
\o /dev/null
SELECT fraud_attach('parent');
\o
INSERT INTO late SELECT * FROM rows_of(41, 50);
SELECT equal('inserts into it once it is attached');

-- ---- statements

CREATE TABLE txn (txn_id text PRIMARY KEY, customer_id text, merchant_id text, ip inet, amount numeric, occurred_at timestamptz, status text, region text);
CREATE TABLE log (txn_id text);
\o /dev/null
SELECT attach('txn');
\o
INSERT INTO txn SELECT * FROM rows_of(1, 10);
INSERT INTO txn SELECT * FROM rows_of(6, 15) ON CONFLICT DO NOTHING;
SELECT equal('INSERT ON CONFLICT DO NOTHING');
INSERT INTO txn SELECT * FROM rows_of(11, 20) ON CONFLICT (txn_id) DO UPDATE SET status = 'approved';
SELECT equal('INSERT ON CONFLICT DO UPDATE, up the rank');
INSERT INTO txn SELECT * FROM rows_of(16, 24) ON CONFLICT (txn_id) DO UPDATE SET region = 'z';
SELECT equal('INSERT ON CONFLICT DO UPDATE of another column');
MERGE INTO txn USING (SELECT * FROM rows_of(20, 30)) s ON txn.txn_id = s.txn_id
	WHEN MATCHED THEN UPDATE SET status = 'approved'
	WHEN NOT MATCHED THEN INSERT VALUES (s.txn_id, s.customer_id, s.merchant_id, s.ip, s.amount, s.occurred_at, s.status, s.region);
SELECT equal('MERGE that inserts and updates');
MERGE INTO txn USING (SELECT * FROM rows_of(29, 32)) s ON txn.txn_id = s.txn_id
	WHEN MATCHED AND s.txn_id = 't29' THEN DELETE
	WHEN MATCHED THEN DO NOTHING
	WHEN NOT MATCHED THEN INSERT VALUES (s.txn_id, s.customer_id, s.merchant_id, s.ip, s.amount, s.occurred_at, s.status, s.region);
SELECT equal('MERGE that inserts and deletes', 3);
SELECT rebuilt('and right after fraud_rebuild()');
WITH a AS (INSERT INTO txn SELECT * FROM rows_of(33, 36) RETURNING txn_id),
	b AS (INSERT INTO txn SELECT * FROM rows_of(37, 40) RETURNING txn_id),
	c AS (UPDATE txn SET status = 'approved' WHERE txn_id IN ('t28', 't30') RETURNING txn_id)
INSERT INTO log SELECT txn_id FROM a UNION ALL SELECT txn_id FROM b UNION ALL SELECT txn_id FROM c;
SELECT equal('several statements in a WITH');
CREATE FUNCTION change_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.amount := new.amount * 2; new.customer_id := 'c9'; RETURN new; END $$;
CREATE TRIGGER change_it BEFORE INSERT ON txn FOR EACH ROW WHEN (new.txn_id LIKE 'b%') EXECUTE FUNCTION change_it();
CREATE FUNCTION one_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO txn VALUES ('n' || new.txn_id, new.customer_id, 'm1', '10.0.0.1', 1, new.occurred_at, 'approved', 'a'); RETURN NULL; END $$;
CREATE TRIGGER one_more AFTER INSERT ON txn FOR EACH ROW WHEN (new.txn_id LIKE 'b%') EXECUTE FUNCTION one_more();
INSERT INTO txn SELECT 'b' || txn_id, customer_id, merchant_id, ip, amount, occurred_at, status, region FROM rows_of(41, 44);
SELECT equal('triggers that change rows and insert others');
INSERT INTO txn (txn_id, customer_id, occurred_at, amount) VALUES ('ahead', 'c1', now() + interval '3 days', 1), ('near', 'c1', now() + interval '1 hour', 1);
SELECT ok(ahead = 1 AND (fraud_velocity(fraud_profile_of('customer', 'c1'), '30 days', now() + interval '4 days')).attempts = 1,
	'a row three days ahead is counted, not remembered') FROM fraud_attached;
DELETE FROM txn WHERE txn_id IN ('ahead', 'near');
SELECT rebuilt('rows ahead that are gone');
INSERT INTO txn VALUES ('nobody', ' ', '', NULL, 1, '2026-01-01Z', 'approved', 'a'), ('no time', 'c77', 'm77', '10.7.7.7', 1, NULL, 'approved', 'a');
SELECT ok(fraud_profile_of('customer', 'c77') IS NULL AND NOT EXISTS (SELECT FROM fraud_profile_deltas WHERE slot <> 0), 'rows without keys or without time leave no delta');
DELETE FROM txn WHERE txn_id IN ('nobody', 'no time');
SELECT equal('and when they go nothing happens');
ALTER TABLE txn DROP COLUMN region, ADD COLUMN card_id text, ALTER COLUMN amount TYPE float8;
INSERT INTO txn (txn_id, customer_id, merchant_id, ip, amount, occurred_at, status, card_id)
	SELECT txn_id, customer_id, merchant_id, ip, amount, occurred_at, status, 'k' || n FROM rows_of(51, 58) WITH ORDINALITY s (txn_id, customer_id, merchant_id, ip, amount, occurred_at, status, region, n);
SELECT equal('ALTER TABLE between inserts');
BEGIN;
INSERT INTO txn (txn_id, customer_id, occurred_at, amount) VALUES ('again', 'c1', '2026-02-02Z', 1);
DELETE FROM txn WHERE txn_id = 'again';
COMMIT;
SELECT ok(is_stale('customer', 'c1'), 'inserted and deleted in one transaction');
SELECT rebuilt('and right after fraud_rebuild()');
-- more than the memory of a statement, by somebody who may do nothing but write to the table
CREATE ROLE ff_store_tables_writer;
GRANT USAGE ON SCHEMA ff_store_tables TO ff_store_tables_writer;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON txn TO ff_store_tables_writer;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET ROLE ff_store_tables_writer;
INSERT INTO txn (txn_id, customer_id, merchant_id, ip, amount, occurred_at, status)
	SELECT 'w' || n, 'w' || n % 777, 'w' || n % 10, '10.8.0.0'::inet + n % 50, n, '2026-02-01Z'::timestamptz + n * interval '1 minute', 'pending'
	FROM generate_series(1, 5000) n;
UPDATE txn SET status = 'approved' WHERE txn_id BETWEEN 'w4985' AND 'w4999';
RESET ROLE;
RESET work_mem;
RESET hash_mem_multiplier;
SELECT equal('5,000 rows in 64 kB, of a role without rights on the store');
SET ROLE ff_store_tables_writer;
DELETE FROM txn WHERE txn_id = 'w5000';
RESET ROLE;
SELECT ok(stale_keys() = 3, 'its deletes make keys stale');
SET ROLE ff_store_tables_writer;
TRUNCATE txn;
RESET ROLE;
SELECT ok(NOT EXISTS (SELECT FROM fraud_profiles) AND NOT EXISTS (SELECT FROM fraud_profile_deltas WHERE slot <> 0), 'its TRUNCATE leaves nothing');
DROP OWNED BY ff_store_tables_writer;
DROP ROLE ff_store_tables_writer;
ALTER TABLE txn DISABLE TRIGGER fraud_history_insert;
SELECT ok(gaps = '{txn}', 'fraud_attached shows a disabled trigger', gaps::text) FROM fraud_attached;
\o /dev/null
SELECT fraud_attach('txn');
\o
SELECT ok(gaps IS NULL, 'fraud_attach() enables it', gaps::text) FROM fraud_attached;
DROP TABLE txn;

-- ---- two tables for the same customers

CREATE TABLE cards (txn_id text, customer_id text, merchant_id text, ip inet, amount numeric, occurred_at timestamptz, status text, region text);
CREATE TABLE wires (LIKE cards);
\o /dev/null
SELECT fraud_detach(relation) FROM fraud_attached;
SELECT attach('cards', 'wires');
\o
INSERT INTO cards SELECT * FROM rows_of(1, 30);
INSERT INTO wires SELECT * FROM rows_of(31, 60);
SELECT equal('two tables');
INSERT INTO cards SELECT * FROM rows_of(61, 70);
\o /dev/null
SELECT fraud_rebuild('wires');
\o
SELECT equal('one is rebuilt while deltas of the other wait, folded before');
TRUNCATE cards, wires;
INSERT INTO cards SELECT * FROM rows_of(1, 20);
INSERT INTO wires SELECT * FROM rows_of(21, 30);
\o /dev/null
SELECT fraud_rebuild('wires');
\o
SELECT equal('one is rebuilt while all that is known of the other waits');
\o /dev/null
SELECT fraud_fold();
\o
TRUNCATE cards;
SELECT equal('TRUNCATE of one');
INSERT INTO cards SELECT * FROM rows_of(31, 40);
INSERT INTO wires SELECT * FROM rows_of(41, 44);
\o /dev/null
SELECT fraud_rebuild('wires', 'c1');
\o
SELECT equal('a key of one is rebuilt while all that is known of the other waits');
INSERT INTO wires SELECT * FROM rows_of(45, 48);
\o /dev/null
SELECT fraud_detach('cards');
DELETE FROM tables WHERE name = 'cards'::regclass;
\o
INSERT INTO cards SELECT * FROM rows_of(71, 80);
SELECT equal('one is detached, the other stays');
\o /dev/null
SELECT fraud_attach('cards');
INSERT INTO tables VALUES ('cards');
\o
SELECT equal('and attached again');
\o /dev/null
SELECT attach('wires');
SELECT fraud_learn(jsonb_build_object('txn_id', 'learned', 'customer_id', 'cl', 'occurred_at', '2026-01-01T00:00:00Z', 'amount', 1));
CREATE TABLE third (LIKE cards);
INSERT INTO third VALUES ('third', 'cl', NULL, NULL, 1, '2026-01-02Z', 'approved');
SELECT fraud_attach('third');
\o
SELECT ok((fraud_velocity(fraud_profile_of('customer', 'cl'), '30 days', '2026-01-03Z')).attempts = 2, 'what was learned counts next to a table attached afterwards',
	(fraud_velocity(fraud_profile_of('customer', 'cl'), '30 days', '2026-01-03Z')).attempts::text);
DELETE FROM fraud_profiles WHERE source = 0;
DELETE FROM fraud_profile_deltas WHERE source = 0;

-- ---- ids: each key as fraud_profiles has it can be rebuilt and labelled

CREATE TABLE ids (kind text, txn_id text, customer_id text);
INSERT INTO ids VALUES
	('bigint', '1', '1'), ('bigint', '-5', '-5'), ('bigint', '9007199254740993', '999999999999999999'),
	('bigint', '9223372036854775807', '1900000000000000001'),
	('bigint', '-9223372036854775808', '-1900000000000000001'),
	('uuid', '6f9619ff-8b86-d011-b42d-00c04fc964ff', '00000000-0000-0000-0000-000000000001'),
	('text', 'a', 'plain'), ('text', ' spaced ', ' spaced '), ('text', E'tab\t', E'\tc'), ('text', 'o''quote', 'back\slash'),
	('text', repeat('x', 300), repeat('y', 300)), ('text', 'ümlaut', repeat('ü', 150)), ('text', '007', '007'),
	('char(12)', 'padded', 'padded'), ('varchar', 'v', ' v'), ('numeric', '12', '42'), ('integer', '3', '2147483647'), ('smallint', '4', '32767');
CREATE FUNCTION of_kind(kind text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	k record;
	live fraud_profile;
	kept text;
	labelled boolean;
BEGIN
	PERFORM fraud_detach(relation) FROM fraud_attached;
	EXECUTE format('CREATE TABLE t (txn_id %1$s, customer_id %1$s, merchant_id text, amount numeric, occurred_at timestamptz, status text)', kind);
	EXECUTE format('INSERT INTO t SELECT txn_id::%1$s, customer_id::%1$s, NULL, 10, ''2026-01-01Z'', ''approved'' FROM ids WHERE kind = %1$L', kind);
	PERFORM fraud_attach('t');
	FOR k IN SELECT i.txn_id, p.key, p.state FROM ids i JOIN fraud_profiles p ON left(p.key, 80) = left(btrim(i.customer_id, E' \t'), 80) WHERE i.kind = of_kind.kind ORDER BY 1 LOOP
		PERFORM fraud_rebuild('t', k.key);
		kept := left(btrim(k.key), 24) || CASE WHEN length(k.key) > 24 THEN '...' ELSE '' END;
		RETURN NEXT ok(fraud_profile_of('customer', k.key) IS NOT DISTINCT FROM k.state, format('%s id %s is rebuilt', kind, kept));
		labelled := fraud_label(k.txn_id, true, '2026-02-01Z');
		live := fraud_profile_of('customer', k.key);
		RETURN NEXT ok(labelled AND live IS DISTINCT FROM k.state, format('%s: the transaction of %s is labelled', kind, kept));
	END LOOP;
	PERFORM fraud_detach('t');
	TRUNCATE fraud_labels;
	DROP TABLE t;
END $$;
SELECT of_kind(kind) FROM (SELECT DISTINCT kind FROM ids ORDER BY kind) s;
-- an address in all its forms is one key
CREATE TABLE addresses (txn_id text, customer_id text, ip text, amount numeric, occurred_at timestamptz, status text);
INSERT INTO addresses SELECT n, 'a', ip, 10, '2026-01-01Z'::timestamptz + n * interval '1 hour', 'approved'
	FROM unnest(ARRAY['10.0.0.1', ' 10.0.0.1 ', '::ffff:10.0.0.1', '2001:db8::1', '2001:DB8:0:0:1::2', '2001:db8:0:1::3', 'no address']) WITH ORDINALITY s (ip, n);
\o /dev/null
SELECT fraud_attach('addresses');
CREATE TEMP TABLE stored AS SELECT key, state FROM fraud_profiles WHERE entity = 'ip';
SELECT fraud_rebuild('addresses', key) FROM stored;
\o
SELECT ok(count(*) > 1 AND bool_and(fraud_profile_of('ip', key) = state), 'addresses in text are rebuilt by key', string_agg(key, ', ')) FROM stored;
\o /dev/null
SELECT fraud_detach('addresses');
ALTER TABLE addresses ALTER ip TYPE inet USING CASE WHEN ip ~ '[0-9]' THEN btrim(ip)::inet END;
SELECT fraud_attach('addresses');
SELECT fraud_rebuild('addresses', key) FROM stored;
\o
SELECT ok(bool_and(fraud_profile_of('ip', key) = state), 'addresses as inet are rebuilt by key', string_agg(key, ', ') FILTER (WHERE fraud_profile_of('ip', key) IS DISTINCT FROM state)) FROM stored;
