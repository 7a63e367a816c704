-- Circuits where the library is not preloaded: each function and view says so.
-- And what the catalog says of them. With preload: test/tap/005_circuits.pl and
-- its neighbours.
\set VERBOSITY default
\set SHOW_CONTEXT never

CREATE FUNCTION noop(jsonb) RETURNS jsonb LANGUAGE sql RETURN $1;
CREATE FUNCTION said(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;

-- as people see it
SELECT circuit_acquire('ml');
SELECT * FROM circuit_breakers;

CREATE TEMP TABLE calls (call text);
INSERT INTO calls VALUES
	('circuit_acquire(''ml'')'), ('circuit_success(1)'), ('circuit_success(NULL)'), ('circuit_failure(1, ''timeout'')'),
	('circuit_ignore(1)'), ('circuit_record(1, 503)'), ('circuit_allow(''ml'')'), ('circuit_report(''ml'')'), ('circuit_refusal()'),
	('circuit_call(''ml'', ''noop(jsonb)'', ''{}'')'),
	('circuit_state(''ml'')'), ('circuit_retry_after(''ml'')'), ('circuit_explain(''ml'')'), ('circuit_capacity()'),
	('circuit_breakers()'), ('circuit_in_flight_rows()'), ('count(*) FROM circuit_breakers'), ('count(*) FROM circuit_in_flight'),
	('circuit_trip(''ml'', ''why'')'), ('circuit_force_open(''ml'', ''why'')'), ('circuit_force_closed(''ml'', ''why'')'),
	('circuit_metrics_only(''ml'', ''why'')'), ('circuit_reset(''ml'')');
SELECT call, said('SELECT ' || call) = '55000 | fraud_fallback is not loaded by the server | Add "fraud_fallback" to "shared_preload_libraries" and restart the server.' AS says_so
FROM calls;

-- none is forgotten above
SELECT proname FROM pg_proc WHERE proname ~ '^circuit_' AND NOT EXISTS (SELECT FROM calls WHERE call LIKE proname || '(%');
SELECT relname FROM pg_class WHERE relname ~ '^circuit_' AND relkind = 'v' AND NOT EXISTS (SELECT FROM calls WHERE call LIKE '% FROM ' || relname);

-- the setting is known, so that a configuration file may have it
SELECT name, setting, min_val, max_val, context FROM pg_settings WHERE name = 'fraud_fallback.max_circuits';
SET fraud_fallback.max_circuits = 1000;

-- the catalog: what they are, and that PUBLIC may call none of them
SELECT oid::regprocedure AS function, prorettype::regtype AS returns, provolatile AS volatility, proisstrict AS strict, proparallel AS parallel, prosecdef AS definer,
	has_function_privilege('public', oid, 'EXECUTE') AS public, has_function_privilege('pg_monitor', oid, 'EXECUTE') AS pg_monitor
FROM pg_proc WHERE proname ~ '^circuit_' ORDER BY proname COLLATE "C";
SELECT relname AS view, has_table_privilege('public', c.oid, 'SELECT') AS public, has_table_privilege('pg_monitor', c.oid, 'SELECT') AS pg_monitor,
	has_table_privilege('pg_monitor', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS write
FROM pg_class c WHERE relname ~ '^circuit_' AND relkind = 'v' ORDER BY 1;

-- defaults
SELECT proname AS function, pg_get_function_arguments(oid) AS arguments FROM pg_proc WHERE proname ~ '^circuit_' AND pronargdefaults > 0 ORDER BY proname COLLATE "C";

-- every object and column has a comment, and belongs to the extension
SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^circuit_'
	AND (obj_description(oid, 'pg_proc') IS NULL OR NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'));
SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid WHERE relname ~ '^circuit_' AND relkind = 'v' AND attnum > 0
	AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, attnum) IS NULL
		OR NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'));
SELECT relname AS view, string_agg(attname, ' ' ORDER BY attnum) AS columns FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
WHERE relname ~ '^circuit_' AND relkind = 'v' AND attnum > 0 GROUP BY 1 ORDER BY 1;

DROP FUNCTION noop(jsonb), said(text);
