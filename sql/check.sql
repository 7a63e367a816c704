-- fraud_check: what of a table a policy can use

-- everything there
CREATE TABLE full_txn (
	txn_id bigint, customer_id uuid, card_id text, amount numeric(12,2), currency char(3),
	occurred_at timestamptz, country varchar(2), home_country text, lat double precision, lon real,
	home_lat numeric, home_lon integer, channel text, merchant_id integer, merchant_category text,
	mcc smallint, ip inet, status text, declined boolean, timezone text, daily_limit money,
	weekly_limit bigint, is_fraud integer
);
SELECT * FROM fraud_check('full_txn');

-- little there, and under other names
CREATE TYPE state AS ENUM ('ok', 'no');
CREATE DOMAIN amount AS numeric(10,2) CHECK (VALUE < 1000);
CREATE TABLE other_txn (id text, payer integer, value amount, gone text, created date, state state, mcc text, "Ort" text);
ALTER TABLE other_txn DROP COLUMN gone;
SELECT * FROM fraud_check('other_txn', '
history: {columns: {txn_id: id, customer_id: payer, amount: value, occurred_at: created, status: state, country: Ort, ip: gone}}
rules: {large_amount: {enabled: false}, high_amount: {shadow: true}}
custom: {big: {when: "amount > 1", points: 1}, off: {when: "true", points: 1, enabled: false}}
') WHERE found OR kind = 'rule' OR name = 'ip';

-- types that cannot be used
CREATE TABLE odd_txn (customer_id text, amount point, occurred_at bigint, ip bytea, mcc text[], country integer, merchant_category json, declined text);
SELECT * FROM fraud_check('odd_txn')
WHERE detail !~ '^no such column';

-- every kind of relation that has rows
CREATE VIEW a_view AS SELECT txn_id, amount FROM full_txn;
CREATE MATERIALIZED VIEW a_matview AS SELECT amount, occurred_at FROM full_txn WITH NO DATA;
CREATE TABLE a_partitioned (LIKE full_txn) PARTITION BY RANGE (occurred_at);
CREATE TYPE a_composite AS (amount float8, mcc text);
CREATE FOREIGN DATA WRAPPER regress_fraud_wrapper;
CREATE SERVER regress_fraud_server FOREIGN DATA WRAPPER regress_fraud_wrapper;
CREATE FOREIGN TABLE a_foreign (amount numeric) SERVER regress_fraud_server;
SELECT relation, count(*) FILTER (WHERE kind = 'column' AND found) AS columns,
	   string_agg(name, ' ' ORDER BY name) FILTER (WHERE kind = 'rule' AND found) AS rules
FROM unnest(ARRAY['a_view', 'a_matview', 'a_composite', 'a_foreign']) AS relation,
	 LATERAL fraud_check(relation::regclass)
GROUP BY relation ORDER BY relation;
SELECT count(*) FILTER (WHERE found) AS found, count(*) AS rows FROM fraud_check('a_partitioned');

-- and those that have none
CREATE INDEX an_index ON full_txn (txn_id);
CREATE SEQUENCE a_sequence;
SELECT * FROM fraud_check('an_index');
SELECT * FROM fraud_check('a_sequence');
SELECT * FROM fraud_check(NULL);
SELECT * FROM fraud_check('no_such_table');
SELECT * FROM fraud_check(1::oid);

-- ALTER TABLE is noticed
ALTER TABLE other_txn ADD COLUMN amount text;
SELECT * FROM fraud_check('other_txn') WHERE name IN ('amount', 'large_amount');

-- one must be allowed to read the table
CREATE ROLE regress_fraud_reader;
SET ROLE regress_fraud_reader;
SELECT * FROM fraud_check('full_txn');
SELECT * FROM fraud_check('a_view');
RESET ROLE;
GRANT SELECT ON a_view TO regress_fraud_reader;
SET ROLE regress_fraud_reader;
SELECT name FROM fraud_check('a_view') WHERE found;
RESET ROLE;
REVOKE SELECT ON a_view FROM regress_fraud_reader;
DROP ROLE regress_fraud_reader;

DROP FOREIGN TABLE a_foreign;
DROP SERVER regress_fraud_server;
DROP FOREIGN DATA WRAPPER regress_fraud_wrapper;
DROP VIEW a_view;
DROP MATERIALIZED VIEW a_matview;
DROP TABLE full_txn, other_txn, odd_txn, a_partitioned;
DROP SEQUENCE a_sequence;
DROP TYPE a_composite;
DROP TYPE state;
DROP DOMAIN amount;
