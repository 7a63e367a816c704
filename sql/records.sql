-- What becomes of records, where the library is not preloaded. With a server of its own: test/tap/013_records.pl.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
-- what looks into files says what is missing
SELECT * FROM fraud_why('t1');
-- the rest works on rows that are there
SELECT record_id, txn_id, txn, tier, decision, decided_at, settled_at, now, changed FROM fraud_queue WHERE settled_at IS NOT NULL;
SELECT * FROM fraud_requeue();
SELECT * FROM fraud_reconcile('r1', '{"risk_score": 5}');
SELECT * FROM fraud_policy_history;
SELECT fraud_reconcile(NULL, '{}') IS NULL AS strict;
-- arguments
SELECT * FROM fraud_requeue(tiers => NULL);
SELECT * FROM fraud_requeue(tiers => '{1}');
SELECT * FROM fraud_requeue(tiers => '{4,NULL}');
SELECT * FROM fraud_requeue(tiers => '{6}');
SELECT * FROM fraud_requeue(max_rows => 0);
SELECT * FROM fraud_requeue(tiers => '{}');
-- a customer is forgotten: rows, and what waits
SELECT fraud_learn('{"txn_id": "a", "customer_id": "c1", "merchant_id": "c1", "amount": 5, "occurred_at": "2026-01-01T00:00:00Z"}'::jsonb);
SELECT fraud_fold() > 0 AS folded;
SELECT fraud_learn('{"txn_id": "b", "customer_id": "c1", "merchant_id": "c1", "amount": 5, "occurred_at": "2026-01-02T00:00:00Z"}'::jsonb),
	fraud_learn('{"txn_id": "c", "customer_id": "c2", "amount": 5, "occurred_at": "2026-01-02T00:00:00Z"}'::jsonb);
SELECT fraud_forget(E' \n');
SELECT fraud_forget('C1');
SELECT fraud_forget('c1');
SELECT fraud_forget('c1');
SELECT 'profiles' AS of, entity, key FROM fraud_profiles UNION ALL SELECT 'deltas', entity, key FROM fraud_profile_deltas ORDER BY 1, 2, 3;
SELECT fraud_forget(repeat('x', 1000));
BEGIN READ ONLY;
SELECT fraud_forget('c2');
ROLLBACK;
-- who may
SELECT proname, has_function_privilege('public', oid, 'EXECUTE') AS public, has_function_privilege('pg_monitor', oid, 'EXECUTE') AS pg_monitor
FROM pg_proc WHERE proname IN ('fraud_why', 'fraud_requeue', 'fraud_reconcile', 'fraud_forget') ORDER BY 1;
SELECT relname, has_table_privilege('public', oid, 'SELECT') AS public, has_table_privilege('pg_monitor', oid, 'SELECT') AS pg_monitor
FROM pg_class WHERE relname IN ('fraud_queue', 'fraud_settlements', 'fraud_policy_history') ORDER BY 1;
-- who may call them needs no rights on tables
CREATE ROLE regress_records;
GRANT EXECUTE ON FUNCTION fraud_requeue(timestamptz, timestamptz, int[], int), fraud_forget(text) TO regress_records;
SET ROLE regress_records;
SELECT * FROM fraud_requeue();
SELECT fraud_forget('c2');
SELECT FROM fraud_settlements;
RESET ROLE;
DELETE FROM fraud_profiles;
DROP OWNED BY regress_records;
DROP ROLE regress_records;
