-- The store: attaching, what it refuses, learning, labels, reasons, rights. Concurrency is in test/isolation, random
-- changes and partitions are in test/property and test/session.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA regress_store;
SET search_path = regress_store, public;
SET timezone = 'UTC';

-- nothing is stored yet
SELECT risk_score, coverage, reason FROM fraud_score('{"txn_id": 1, "customer_id": "C1", "amount": 20, "occurred_at": "2026-10-01T12:00:00Z"}'::text);
SELECT fraud_profile_of('customer', 'C1') IS NULL AS none;

-- ==== what cannot be attached
CREATE TABLE bare (a int, amount numeric);
CREATE TABLE no_key (occurred_at timestamptz, amount numeric);
CREATE VIEW seen AS SELECT 1 AS customer_id, now() AS occurred_at;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS customer_id, now() AS occurred_at;
CREATE TEMPORARY TABLE passing (customer_id text, occurred_at timestamptz);
CREATE TABLE parted (customer_id text, occurred_at timestamptz) PARTITION BY RANGE (occurred_at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE named (customer_id text, created timestamptz, amount numeric);
SELECT fraud_attach(NULL);
SELECT fraud_attach('bare');
SELECT fraud_attach('no_key');
SELECT fraud_attach('seen');
SELECT fraud_attach('kept');
SELECT fraud_attach('passing');
SELECT fraud_attach('parted_1');
SELECT fraud_attach('public.fraud_profiles');
SELECT fraud_attach('named', '[1]');
SELECT fraud_attach('named', '{"occured_at": "created"}');
SELECT fraud_attach('named', '{"occurred_at": 1}');
SELECT fraud_attach('named', '{"occurred_at": "made"}');
SELECT fraud_attach('named');
SELECT fraud_detach('named');
SELECT fraud_rebuild('named');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE 'fraud_history%';

-- ==== a table
CREATE TABLE payments (
	txn_id bigint PRIMARY KEY,
	customer_id text,
	card_id text,
	amount numeric,
	occurred_at timestamptz,
	merchant_id text,
	ip inet,
	status text,
	note text
);
INSERT INTO payments
SELECT g, 'C' || g % 4, 'K' || g % 4, 10 + g % 5, '2026-09-01 12:00+00'::timestamptz + g * interval '3 hours',
	'shop' || g % 3, CASE WHEN g % 2 = 0 THEN '192.0.2.1' ELSE '2001:db8::' || g END::inet, 'approved'
FROM generate_series(1, 200) g;

CREATE FUNCTION unequal() RETURNS TABLE (entity text, key text) LANGUAGE sql AS $$
	SELECT k.entity, k.key
	FROM (SELECT 'customer' AS entity, customer_id AS key, fraud_profile(p) AS want FROM payments p GROUP BY customer_id
		  UNION ALL SELECT 'merchant', merchant_id, fraud_profile(p) FROM payments p GROUP BY merchant_id
		  UNION ALL SELECT 'ip', CASE family(ip) WHEN 4 THEN host(ip) ELSE network(set_masklen(ip, 64))::text END, fraud_profile(p)
			FROM payments p GROUP BY 2) k
	WHERE fraud_profile_of(k.entity, k.key) IS DISTINCT FROM k.want $$;

SELECT fraud_attach('payments');
SELECT fraud_attach('payments');
SELECT relation, state, columns, filled_events, basis_current, gaps, stale_keys, waiting, ahead, missed FROM fraud_attached;
SELECT * FROM unequal();
SELECT entity, count(*) FROM fraud_profiles GROUP BY 1 ORDER BY 1;
SELECT rebuild_needed FROM fraud_config_status WHERE file = 'rules';

-- more rows: deltas first, histories when they are folded
INSERT INTO payments VALUES (201, 'C1', 'K1', 900, '2026-10-01 12:00+00', 'shop1', '192.0.2.1', 'approved'),
	(202, 'C1', 'K1', 15, '2026-10-01 12:10+00', 'shop2', '192.0.2.1', 'pending');
SELECT entity, key, kind, events FROM fraud_profile_deltas ORDER BY entity, key;
SELECT * FROM unequal();
SELECT fraud_fold() AS folded;
SELECT fraud_fold() AS folded;
SELECT * FROM unequal();

-- an update of columns that history does not know adds nothing
UPDATE payments SET note = 'seen' WHERE txn_id < 50;
SELECT count(*) AS waiting FROM fraud_profile_deltas;
-- up the rank: exact
UPDATE payments SET status = 'approved' WHERE txn_id = 202;
SELECT entity, key, kind, events FROM fraud_profile_deltas ORDER BY entity, key;
SELECT * FROM unequal();
SELECT fraud_fold() AS folded;
SELECT * FROM unequal();
SELECT count(*) FROM fraud_profiles WHERE stale;

-- down the rank, and a delete: stale until rebuilt
UPDATE payments SET status = 'declined' WHERE txn_id = 202;
DELETE FROM payments WHERE txn_id = 201;
SELECT reason FROM payments p, fraud_score(p) WHERE p.txn_id = 202;
SELECT count(*) > 0 AS differs FROM unequal();
SELECT fraud_fold() > 0 AS folded;
SELECT entity, key FROM fraud_profiles WHERE stale ORDER BY 1, 2;
SELECT stale_keys FROM fraud_attached;
SELECT fraud_rebuild('payments', 'C1');
SELECT entity, key FROM fraud_profiles WHERE stale ORDER BY 1, 2;
SELECT fraud_rebuild('payments', '192.0.2.1');
SELECT fraud_rebuild('payments', 'nobody');
SELECT fraud_rebuild('payments');
SELECT count(*) FROM fraud_profiles WHERE stale;
SELECT * FROM unequal();

-- a row more than a day ahead is not remembered, but counted
INSERT INTO payments VALUES (300, 'C2', 'K2', 15, now() + interval '30 hours', 'shop2', '192.0.2.1', 'approved');
SELECT waiting, ahead FROM fraud_attached;
INSERT INTO payments VALUES (301, 'C2', 'K2', 15, now() + interval '30 hours', 'shop2', '192.0.2.1', 'approved');
SELECT fraud_fold() AS folded;
SELECT waiting, ahead FROM fraud_attached;
DELETE FROM payments WHERE txn_id >= 300;
SELECT fraud_rebuild('payments');

-- ==== scoring with what is stored
SELECT risk_score, recommendation, risk_factors, coverage
FROM fraud_score('{"txn_id": 400, "customer_id": "C3", "amount": 900, "occurred_at": "2026-09-26T12:00:00Z", "merchant_id": "new"}'::jsonb);
SELECT d = fraud_score(row_to_json(x)::jsonb) AS jsonb_same, d = fraud_score(row_to_json(x)::text) AS text_same,
	   d = fraud_score(x, fraud_profile_of('customer', 'C3'), NULL, fraud_profile_of('ip', '192.0.2.1'),
					   fraud_profile_of('merchant', 'shop0')) AS explicit_same
FROM (SELECT 400 AS txn_id, 'C3' AS customer_id, 900 AS amount, '2026-09-26 12:00+00'::timestamptz AS occurred_at,
	  'shop0' AS merchant_id, '192.0.2.1'::inet AS ip) x, fraud_score(x) d;
SELECT count(*) AS rules, count(*) FILTER (WHERE status = 'hit') AS hits
FROM fraud_explain('{"txn_id": 400, "customer_id": "C3", "amount": 900, "occurred_at": "2026-09-26T12:00:00Z"}'::text);
SELECT past_count, attempts_24h, merchant_approved_90d
FROM fraud_features('{"txn_id": 400, "customer_id": " C3 ", "amount": 900, "occurred_at": "2026-09-26T12:00:00Z", "merchant_id": "shop0"}'::text);
SELECT fraud_profile_of('ip', ' 2001:0DB8::ffff ') = fraud_profile_of('ip', '2001:db8::/64') AS by_network,
	   fraud_profile_of('ip', '::ffff:192.0.2.1') = fraud_profile_of('ip', '192.0.2.1') AS mapped,
	   fraud_profile_of('ip', 'nonsense') IS NULL AS none;
SELECT fraud_profile_of('card', 'K1');

-- ==== learning without a table
SELECT fraud_learn('{"txn_id": "L1", "customer_id": "L", "amount": 5, "occurred_at": "2026-09-01T12:00:00Z"}'::text),
	   fraud_learn('{"txn_id": "L2", "customer_id": "L", "amount": 6, "occurred_at": "2026-09-02T12:00:00Z"}'::jsonb),
	   fraud_learn(ROW('L3', 'L', NULL, 7, NULL, '2026-09-03 12:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
					   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::fraud_txn);
SELECT fraud_learn('{"customer_id": "L", "amount": 5}'::text) AS no_time, fraud_learn('{"occurred_at": "2026-09-01T12:00:00Z"}'::text) AS no_key,
	   fraud_learn('[]'::text);
SELECT jsonb_array_length(fraud_profile_of('customer', 'L')::jsonb -> 'newest') AS events;
SELECT fraud_fold() AS folded;
SELECT jsonb_array_length(fraud_profile_of('customer', 'L')::jsonb -> 'newest') AS events;

-- ==== labels
SELECT fraud_label('100', true, '2026-10-05');
SELECT txn_id, is_fraud, known_at FROM fraud_labels;
-- the merchant's reputation knows it from then on, the customer's past is without it
SELECT at, f.merchant_frauds_90d AS frauds, f.merchant_approved_90d AS approved, f.past_count
FROM unnest(ARRAY['2026-10-04', '2026-10-06']) at,
	 fraud_features(jsonb_build_object('txn_id', 500, 'customer_id', 'C0', 'amount', 10, 'merchant_id', 'shop1', 'occurred_at', at)) f;
SELECT count(*) AS rows FROM payments WHERE customer_id = 'C0';
-- said again: nothing changes
SELECT fraud_label('100', true, '2026-10-05'), count(*) AS waiting FROM fraud_profile_deltas;
SELECT fraud_fold() AS folded;
-- the same bytes as a rebuild makes
CREATE TABLE live AS SELECT entity, key, state FROM fraud_profiles WHERE source = 1;
SELECT fraud_rebuild('payments');
SELECT count(*) AS histories, count(*) FILTER (WHERE p.state <> l.state) AS unequal FROM fraud_profiles p JOIN live l USING (entity, key) WHERE p.source = 1;
-- taken back: stale until rebuilt, then as if it had never been said
SELECT fraud_label('100', NULL);
SELECT count(*) FROM fraud_labels;
SELECT fraud_fold() AS folded;
SELECT entity, key FROM fraud_profiles WHERE stale ORDER BY 1, 2;
SELECT fraud_rebuild('payments');
SELECT * FROM unequal();
-- not fraud: kept, histories stay; of no known transaction: kept
SELECT fraud_label('100', false), fraud_label('no such', true, '2026-10-05'), count(*) AS waiting FROM fraud_profile_deltas;
SELECT fraud_label(p, true, '2026-10-07') FROM payments p WHERE txn_id = 101;
SELECT fraud_label('{"txn_id": "L2", "customer_id": "L", "amount": 6, "occurred_at": "2026-09-02T12:00:00Z"}'::jsonb, true, '2026-10-07');
SELECT fraud_profile_of('customer', 'L')::jsonb -> 'newest' -> 1 ->> 'status' AS status;
-- the same row again, and taken back
SELECT fraud_label('101', true, '2026-10-07'), fraud_label('101', NULL), fraud_label('101', NULL);
SELECT fraud_rebuild('payments');
SELECT fraud_label('', true);
SELECT fraud_label('{"amount": 1}'::jsonb, true);

-- ==== names of its own, and a second table for the same customers
SELECT fraud_attach('named', '{"occurred_at": "created"}');
SELECT fraud_attach('named', '{"occurred_at": "created", "amount": "amount"}');
INSERT INTO named VALUES ('C1', '2026-10-02 12:00+00', 44);
SELECT fraud_profile_of('customer', 'C1') =
	   (SELECT fraud_profile(p) FROM payments p WHERE customer_id = 'C1')
	   || (SELECT fraud_profile(jsonb_build_object('customer_id', customer_id, 'occurred_at', created, 'amount', amount)) FROM named) AS both;
SELECT n.created, d.reason FROM named n, fraud_score(n) d;
SELECT fraud_fold() > 0 AS folded;
TRUNCATE named;
SELECT count(*) FROM fraud_profiles WHERE source = 2;
SELECT fraud_detach('named');
SELECT relation, state FROM fraud_attached ORDER BY 1;

SELECT fraud_detach('payments');
SELECT count(*) FROM fraud_profiles WHERE source <> 0;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE 'fraud_history%';

-- a column may have any name
CREATE TABLE lettered (t int, txn_id int PRIMARY KEY, customer_id text, amount numeric, occurred_at timestamptz);
INSERT INTO lettered VALUES (1, 1, 'T', 5, '2026-09-01');
SELECT fraud_attach('lettered');
SELECT fraud_label('1', true, '2026-10-05');
SELECT fraud_profile_of('customer', 'T')::jsonb -> 'newest' -> 0 ->> 'status' AS status;
SELECT fraud_label('1', NULL), fraud_rebuild('lettered', 'T');
SELECT fraud_profile_of('customer', 'T') = (SELECT fraud_profile(l.*) FROM lettered l) AS same;
SELECT fraud_detach('lettered');

-- ==== rights
CREATE ROLE regress_store_app;
CREATE ROLE regress_store_owner;
GRANT USAGE ON SCHEMA regress_store TO regress_store_app, regress_store_owner;
GRANT SELECT, INSERT ON payments TO regress_store_app;
SELECT fraud_attach('payments');
SET ROLE regress_store_app;
INSERT INTO payments VALUES (600, 'C1', 'K1', 15, '2026-10-02 12:00+00', 'shop2', '192.0.2.1', 'approved');
SELECT * FROM fraud_profiles;
SELECT fraud_score(p) FROM payments p WHERE txn_id = 600;
SELECT fraud_attach('payments');
SELECT fraud_fold();
SELECT fraud_label('1', true);
SELECT fraud_learn('{}'::text);
SELECT fraud_profile_of('customer', 'C1');
CREATE TEMPORARY TABLE mine (customer_id text, occurred_at timestamptz);
CREATE TRIGGER forged AFTER INSERT ON mine REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION public.fraud_history('1');
RESET ROLE;
GRANT EXECUTE ON FUNCTION fraud_score(record), fraud_attach(regclass, jsonb), fraud_detach(regclass), fraud_rebuild(regclass, text) TO regress_store_app;
SET ROLE regress_store_app;
SELECT (fraud_score(p)).risk_score FROM payments p WHERE txn_id = 600;
SELECT fraud_attach('payments');
SELECT fraud_rebuild('payments');
SELECT fraud_detach('payments');
RESET ROLE;
SELECT * FROM unequal();

-- ==== the trigger is nobody else's
CREATE TABLE other (customer_id text, occurred_at timestamptz);
CREATE TRIGGER wrong BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION public.fraud_history('1');
INSERT INTO other VALUES ('C1', now());

-- ==== ids with blanks around them are noted: looking for rows by id may not trust an index then
CREATE TABLE spaced (txn_id text, customer_id text, occurred_at timestamptz);
INSERT INTO spaced VALUES ('s1', E' C1\t', '2026-10-03 12:00+00'), ('s2', 'C1', '2026-10-03 12:01+00');
SELECT fraud_attach('spaced');
CREATE VIEW notes AS SELECT d.kind, d.events FROM fraud_profile_deltas d JOIN fraud_sources s USING (source) WHERE d.slot = 0 AND s.relation = 'spaced'::regclass;
SELECT * FROM notes;
SELECT fraud_rebuild('spaced', 'C1');
SELECT (fraud_velocity(state, '1 day', '2026-10-03 13:00+00')).attempts FROM fraud_profiles WHERE entity = 'customer' AND key = 'C1' AND source = (SELECT source FROM fraud_sources WHERE relation = 'spaced'::regclass);
SELECT fraud_label('s1', true, '2026-10-04'), fraud_label('s', true, '2026-10-04');
TRUNCATE spaced;
SELECT count(*) AS none FROM notes;
INSERT INTO spaced VALUES ('s2', 'C2', '2026-10-03 12:01+00');
SELECT count(*) AS none FROM notes;
INSERT INTO spaced VALUES ('s3 ', 'C2', '2026-10-03 12:02+00');
UPDATE spaced SET customer_id = 'C2 ' WHERE txn_id = 's2';
SELECT fraud_fold() > 0 AS folded;
SELECT * FROM notes;
SELECT fraud_label('s3', NULL);
SELECT fraud_detach('spaced');

-- ==== bounds
SELECT fraud_fold(0);
SELECT fraud_fold(-1);
START TRANSACTION READ ONLY;
SELECT fraud_fold();
ROLLBACK;
START TRANSACTION READ ONLY;
SELECT fraud_learn('{"customer_id": "L", "occurred_at": "2026-09-01T12:00:00Z"}'::text);
ROLLBACK;

SET client_min_messages = warning;
SELECT fraud_detach('payments');
DROP SCHEMA regress_store CASCADE;
DROP OWNED BY regress_store_app, regress_store_owner;
DROP ROLE regress_store_app, regress_store_owner;
