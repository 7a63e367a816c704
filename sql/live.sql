-- Live attempts and recent decisions where the library is not preloaded. With
-- shared memory: test/tap/011_attempts.pl.
\set VERBOSITY default
\set SHOW_CONTEXT never

-- what needs shared memory says so
\set VERBOSITY sqlstate
SELECT * FROM fraud_live;
SELECT * FROM fraud_test_attempt('{"customer_id": "c", "txn_id": "t", "occurred_at": "2026-01-01T00:00:00Z", "amount": 1}');
SELECT fraud_test_mark('{"customer_id": "c", "txn_id": "t"}', 'failed');
SELECT * FROM fraud_test_last_profile('c');
SELECT * FROM fraud_test_decision('{"txn_id": "t"}');
\set VERBOSITY default
SELECT * FROM fraud_live;

-- the setting is known, so that a configuration file may have it
SELECT name, setting, min_val, max_val, context, short_desc, extra_desc FROM pg_settings WHERE name = 'fraud_fallback.live_customers' \gx

-- who may
SELECT proname, has_function_privilege('public', oid, 'EXECUTE') AS public, has_function_privilege('pg_monitor', oid, 'EXECUTE') AS pg_monitor
FROM pg_proc WHERE proname IN ('fraud_live', 'fraud_test_attempt', 'fraud_test_mark', 'fraud_test_last_profile', 'fraud_test_decision') ORDER BY 1;
SELECT grantee, privilege_type FROM information_schema.table_privileges
	WHERE table_name = 'fraud_live' AND grantee IN ('PUBLIC', 'pg_monitor') ORDER BY 1, 2;
CREATE ROLE regress_live;
GRANT EXECUTE ON FUNCTION fraud_test_last_profile(text, fraud_profile) TO regress_live;
SET ROLE regress_live;
SELECT * FROM fraud_test_last_profile('c');
RESET ROLE;
DROP OWNED BY regress_live;
DROP ROLE regress_live;
