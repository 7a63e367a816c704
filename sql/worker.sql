-- The worker and events where the library is not preloaded. With a worker: test/tap/004_worker.pl.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';

-- what needs shared memory says so
SELECT * FROM fraud_worker;
SELECT fraud_test_advance('1 hour');

-- settings are known, so that a configuration file may have them
SELECT name, setting, context FROM pg_settings WHERE name ~ '^fraud_fallback\.(database|node_name|test_mode|worker_role)$' ORDER BY name;

-- what was written stays
CREATE ROLE regress_events;
GRANT ALL ON fraud_events TO regress_events;
GRANT EXECUTE ON FUNCTION fraud_events_purge(timestamptz) TO regress_events;
INSERT INTO fraud_events (at, kind, subject, "from", "to", cause, who, node, message)
	SELECT '2026-01-01Z'::timestamptz + g * interval '1 day', 'test', 'n' || g, 'a', 'b', '{}', 'me', 'here', 'message' FROM generate_series(1, 5) g;
UPDATE fraud_events SET message = 'other';
DELETE FROM fraud_events;
DELETE FROM fraud_events WHERE false;
TRUNCATE fraud_events;
MERGE INTO fraud_events e USING (SELECT 'n1' AS s) x ON e.subject = x.s WHEN MATCHED THEN DELETE;
SET session_replication_role = replica;
DELETE FROM fraud_events;
TRUNCATE fraud_events;
RESET session_replication_role;
SET ROLE regress_events;
DELETE FROM fraud_events;
TRUNCATE fraud_events;
SELECT fraud_events_purge('2026-01-03Z');
RESET ROLE;

-- but for retention
SELECT fraud_events_purge(NULL);
SELECT fraud_events_purge('2026-01-04Z');
BEGIN;
SELECT fraud_events_purge('2026-01-05Z');
ROLLBACK;
BEGIN READ ONLY;
SELECT fraud_events_purge('2026-01-05Z');
ROLLBACK;
SELECT kind, subject, message, cause, at > now() - interval '1 hour' AS now FROM fraud_events ORDER BY at;
SELECT fraud_events_purge('infinity');
SELECT count(*) FROM fraud_events;

-- who sees them
SELECT grantee, privilege_type FROM information_schema.table_privileges
	WHERE table_name IN ('fraud_events', 'fraud_worker') AND grantee IN ('PUBLIC', 'pg_monitor') ORDER BY table_name, 1, 2;
SELECT proname, has_function_privilege('public', oid, 'EXECUTE') AS public FROM pg_proc
	WHERE proname IN ('fraud_worker', 'fraud_test_advance', 'fraud_events_purge', 'fraud_events_keep') ORDER BY 1;

DROP OWNED BY regress_events;
DROP ROLE regress_events;
