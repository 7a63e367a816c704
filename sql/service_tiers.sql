-- Tiers, dependencies and maintenance where the library is not preloaded: what
-- needs shared memory says so; the sections of the service file; rights.
-- With a worker: test/tap/010_tiers.pl.
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';

-- what needs shared memory says so
SELECT fraud_tier();
SELECT * FROM fraud_tier_status;
SELECT * FROM fraud_dependencies;
SELECT * FROM fraud_maintenance;
SELECT * FROM fraud_health('live');
SELECT health_report('ml', true, '10 ms');
SELECT tier_override(2, '1 hour', 'test');
SELECT tier_override_clear();
SELECT maintenance_schedule(now(), now() + interval '1 hour');
SELECT maintenance_cancel(1);

-- who may do what
SELECT proname, has_function_privilege('public', oid, 'EXECUTE') AS public,
	   has_function_privilege('pg_monitor', oid, 'EXECUTE') AS monitor
FROM pg_proc WHERE proname ~ '^(fraud_tier|fraud_tier_status|fraud_dependencies|fraud_maintenance|fraud_health|health_report|tier_override|tier_override_clear|maintenance_.*)$'
ORDER BY 1;
SELECT table_name, privilege_type FROM information_schema.table_privileges
WHERE table_name IN ('fraud_tier_status', 'fraud_dependencies', 'fraud_maintenance') AND grantee IN ('PUBLIC', 'pg_monitor') ORDER BY 1, 2;
-- everything has a comment
SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
WHERE obj_description(p.oid, 'pg_proc') IS NULL AND p.proname ~ '^(fraud_tier|fraud_dep|fraud_maint|fraud_health|health_|tier_|maintenance_)';
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname IN ('fraud_tier_status', 'fraud_dependencies', 'fraud_maintenance')
  AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL);

-- ---- the sections of the service file

CREATE FUNCTION pg_temp.changes(yaml text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT line FROM string_to_table(fraud_service_check(yaml), E'\n') WITH ORDINALITY AS l (line, n)
	WHERE line NOT IN (SELECT string_to_table(fraud_service_check('{}'), E'\n')) ORDER BY n
$$;
SELECT pg_temp.changes('dependencies: {template: {interval: 20 s}}');
SELECT pg_temp.changes('dependencies: {database: {query: SELECT my.check()}}');
SELECT pg_temp.changes('dependencies: {database: {kind: off}}');
SELECT pg_temp.changes('dependencies: {ml: {kind: tcp, host: 10.0.0.5, port: 8000, send: "GET / HTTP/1.0\r\n\r\n", expect: " 200 "}}');
SELECT pg_temp.changes('dependencies: {gateway: {kind: push, role: ml, unhealthy: {failures: 2, of: 3}}}');
SELECT pg_temp.changes('tiers: {minimal: {review_above: 99.5}, maintenance: {message: "Zur\u00fcck um 6", contact: ops@example.com}, recovery_rate: off}');
SELECT pg_temp.changes('tiers: {recover_after: {full: 0 s}, standby_tier: 2, traffic: {unhealthy_percent: 100}}');
SELECT pg_temp.changes('dependencies:') IS NULL AS nothing, pg_temp.changes('tiers:') IS NULL AS nothing_here;
SELECT fraud_service_check(t) = t AS reads_back
FROM fraud_service_check('dependencies: {"off": {kind: push}, a: {kind: sql, query: "SELECT ''x''::text -- \"y\"\n"},
	c: {kind: tcp, host: "::1", port: 1, send: "\x01\t\\", expect: "off"}}
tiers: {maintenance: {message: "off", contact: "\u00e9\U0001F600"}, minimal: {review_above: 0.1, high_above: 1000000000000}}') AS t;
-- as many as there may be, as long as they may be
SELECT fraud_service_check(t) = t AS reads_back, length(t) < 256 * 1024 AS fits
FROM fraud_service_check((SELECT 'dependencies: {' || string_agg(format('"%s": {kind: sql, query: "%s"}', repeat('#', 61) || lpad(n::text, 2, '0'), repeat(chr(233), 500)), ', ') || '}'
	FROM generate_series(1, 15) n)) AS t;

CREATE FUNCTION pg_temp.refused(yaml text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	detail text;
	hint text;
BEGIN
	PERFORM fraud_service_check(yaml);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n\t', SQLSTATE || ' ' || said, nullif(detail, ''), nullif(hint, ''));
END $$;
-- keys and names
SELECT pg_temp.refused('dependencies: {template: {kind: sql}}');
SELECT pg_temp.refused('dependencies: {cache: {knd: tcp}}');
SELECT pg_temp.refused('dependencies: {cache: {}}');
SELECT pg_temp.refused('dependencies: {cache: {kind: http}}');
SELECT pg_temp.refused('dependencies: {cache: {kind: push, role: redis}}');
SELECT pg_temp.refused('dependencies: {"caf\u00e9": {kind: push}}');
SELECT pg_temp.refused('dependencies: {"": {kind: push}}');
SELECT pg_temp.refused('dependencies: {' || string_agg(format('d%s: {kind: push}', n), ', ') || '}') FROM generate_series(1, 16) n;
SELECT pg_temp.refused('dependencies: {' || string_agg(format('d%s: {kind: push}', n), ', ') || ', database: {kind: push}}') FROM generate_series(1, 15) n;
SELECT pg_temp.refused('tiers: {minmal: {}}');
SELECT pg_temp.refused('tiers: {minimal: {review_over: 1}}');
-- what a kind needs, and what it does not
SELECT pg_temp.refused('dependencies: {ml: {kind: sql}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: tcp, port: 80}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: tcp, host: 127.0.0.1}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: tcp, host: ml.example.com, port: 80}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: tcp, host: 127.0.0.1, port: 80, query: SELECT 1}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, host: 127.0.0.1}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: sql, query: SELECT 1, expect: "1"}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: off, send: x}}');
-- values
SELECT pg_temp.refused('dependencies: {ml: {kind: tcp, host: 127.0.0.1, port: 65536}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: sql, query: {}}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: sql, query: "' || repeat('x', 1001) || '"}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: tcp, host: 127.0.0.1, port: 80, send: "a\0b"}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, interval: 500 ms}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, interval: 10}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, unhealthy: {failures: 11}}}');
SELECT pg_temp.refused('tiers: {minimal: {review_above: many}}');
SELECT pg_temp.refused('tiers: {minimal: {review_above: -1}}');
SELECT pg_temp.refused('tiers: {emergency: {approve_below: 1000000000001}}');
SELECT pg_temp.refused('tiers: {maintenance: {message: ""}}');
SELECT pg_temp.refused('tiers: {maintenance: {message: }}');
SELECT pg_temp.refused('tiers: {standby_tier: 4}');
SELECT pg_temp.refused('tiers: {recovery_rate: 0}');
-- values that do not go together
SELECT pg_temp.refused('dependencies: {ml: {kind: push, timeout: 20 s}}');
SELECT pg_temp.refused('dependencies: {template: {interval: 1 s}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, degraded: {after: 2 s}}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, degraded: {failures: 4}}}');
SELECT pg_temp.refused('dependencies: {ml: {kind: push, unhealthy: {failures: 2}}}');
SELECT pg_temp.refused('tiers: {minimal: {review_above: 6000}}');
SELECT pg_temp.refused('tiers: {traffic: {unhealthy_percent: 4}}');

-- an error as it is shown
SELECT fraud_service_check('dependencies: {ml: {kind: tcp, host: redis, port: 6379}}');
