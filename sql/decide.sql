-- The front door where the library is not preloaded: what it is, and that it
-- says what it needs. With shared memory: test/tap/015_decide*.pl, 016_decide_ml.pl.
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned

-- every function that takes a transaction exists for rows, jsonb and text
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, p.provolatile, p.proparallel, p.proisstrict
FROM pg_proc p WHERE p.proname IN ('fraud_decide', 'fraud_route', 'fraud_http') ORDER BY 1, 2;

-- what needs shared memory says so, for each of them
SELECT fraud_decide('{"txn_id": "t", "amount": 40}');
\set VERBOSITY sqlstate
SELECT fraud_decide('{"txn_id": "t", "amount": 40}'::text);
SELECT fraud_decide('{"txn_id": "t", "amount": 40}'::jsonb);
SELECT fraud_decide(t) FROM (SELECT 't' AS txn_id, 40 AS amount) t;
SELECT fraud_decide(NULL::fraud_txn);
SELECT fraud_decide('{"txn_id": "t"}', ml => '{"risk_score": 1}', ml_status => 200, ml_latency => '1 s', ticket => 1, ml_error => 'timeout');
SELECT fraud_decide('no JSON');
SELECT fraud_route('{"txn_id": "t", "amount": 40}'::text);
SELECT fraud_route('{"txn_id": "t", "amount": 40}'::jsonb);
SELECT fraud_route(t) FROM (SELECT 't' AS txn_id, 40 AS amount) t;
SELECT fraud_http('{"txn_id": "t", "amount": 40}');
SELECT fraud_http('{"txn": {"txn_id": "t"}, "ml": {"risk_score": 1}}');
\set VERBOSITY default

-- the answer is the ML service's
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'fraud_decision'::regclass AND attnum > 0 ORDER BY attnum;

-- who may, and comments
SELECT p.oid::regprocedure, has_function_privilege('public', p.oid, 'EXECUTE') AS public, obj_description(p.oid, 'pg_proc') IS NOT NULL AS has_comment
FROM pg_proc p WHERE p.proname IN ('fraud_decide', 'fraud_route', 'fraud_http') ORDER BY p.oid::regprocedure::text COLLATE "C";

-- the setting is known, so that a configuration file may have it
SELECT name, setting, unit, min_val, max_val, context, short_desc, extra_desc FROM pg_settings WHERE name = 'fraud_fallback.lookup_timeout';
