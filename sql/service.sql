-- The service file: defaults, inheritance, canonical text, what is refused.
-- Reloading has tests of its own: test/session/service_reload.sh.
\pset format unaligned
\pset tuples_only on

-- the shipped settings
SELECT fraud_service_check('{}');
SELECT fraud_service_check('{}') = fraud_service_active() AS shipped_in_force;
SELECT fraud_service_check(fraud_service_active()) = fraud_service_active() AS reads_back;
SELECT fraud_service_check(NULL) IS NULL AS strict;
SELECT fraud_service_check('circuits:') = fraud_service_check('{}') AS nothing_changed,
	   fraud_service_check('circuits: {template: {retry: }}') = fraud_service_check('{}') AS nothing_here;

-- what a text changes of it, line by line
CREATE FUNCTION changes(yaml text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT line FROM string_to_table(fraud_service_check(yaml), E'\n') WITH ORDINALITY AS l (line, n)
	WHERE line NOT IN (SELECT string_to_table(fraud_service_check('{}'), E'\n')) ORDER BY n
$$;
SELECT changes('circuits: {template: {failures: 7, retry: {attempts: 4}}}');
SELECT changes('circuits: {template: {mode: disabled}}');
SELECT changes('circuits: {template: {open_for: [30 s, 1 min, 1 min, 2min, 300 s, 24 h], max_concurrent: 0}}');
SELECT changes('circuits: {template: {failure_rate: {percent: 49.5}, slow: {after: 0.25 s, percent: 100}}}');

-- every unit, exactly
SELECT changes(format('circuits: {template: {window: %s}}', w))
FROM unnest('{1 ms,1ms,1.001 ms,"0.000001 h",1.5 s,1.5min,0.5 h,1 h,0.01 d,60 min,3600000 ms,"\"90 s\""}'::text[]) AS w;

-- a named circuit has the template's values but what it lists, wherever the template stands
SELECT changes('circuits: {ml: {timeout: 4 s}, template: {failures: 9, timeout: 3 s}, "a: b": }');
SELECT fraud_service_check('circuits: {ml: {timeout: 2 s}, template: {failures: 9}}')
	 = fraud_service_check('circuits: {template: {failures: 9}, ml: {timeout: 2 s}}') AS order_means_nothing;
-- names that could be something else
SELECT changes('circuits: {null: , "on": , "Template": , "\u00e9 - #": , "%": , "1": }') LIMIT 1;
SELECT line FROM string_to_table(
	fraud_service_check('circuits: {"null": , "on": , Template: , "\u00e9 - #": , "%": , 1: }'), E'\n') AS line
WHERE line ~ '^  [^ ]';
SELECT fraud_service_check(t) = t AS reads_back
FROM fraud_service_check('circuits: {"null": , "on": , Template: , "\u00e9 - #": , "%": , 1: {mode: forced_open}}') AS t;
-- as many as there may be, as long as they may be
SELECT fraud_service_check(t) = t AS reads_back, length(t) < 256 * 1024 AS fits
FROM fraud_service_check((
	SELECT 'circuits: {template: {open_for: [1.001 s, 100.001 s, 1000.001 s, 86399999.999 ms, 86399999.999 ms, 86399999.999 ms],
		window: 3599999.999 ms, timeout: 3599999.999 ms, grace: 3599999.999 ms, step_back: 86399999.999 ms, mode: metrics_only,
		failure_rate: {percent: 99.99, minimum_calls: 1000}, slow: {after: 3599999.999 ms, percent: 99.99, minimum_calls: 1000},
		retry: {base: 59999.999 ms, cap: 599999.999 ms, deadline: 3599999.999 ms}}, '
		|| string_agg(format('"%s%s": ', repeat(chr(233), 30), lpad(n::text, 3, '0')), ', ') || '}'
	FROM generate_series(1, 256) n)) AS t;

-- ---- what is refused

CREATE FUNCTION refused(yaml text) RETURNS text LANGUAGE plpgsql AS $$
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

-- the text as a whole
SELECT refused('');
SELECT refused('# nothing');
SELECT refused('[]');
SELECT refused('circuits: 3');
SELECT refused('circuits: {template: {failures: &a 3}}');
SELECT refused('circuits: {template: {failures: !!int 3}}');
SELECT refused(E'circuits:\n  template: {');
SELECT refused(E'circuits: {}\n---\ncircuits: {}');
SELECT refused(repeat('#', 262145));
SELECT refused('{a: {b: {c: {d: {e: {f: {g: {h: {i: }}}}}}}}}');
-- keys
SELECT refused(E'circiuts:\n  template: {failures: 3}');
SELECT refused(E'circuits:\n  template:\n    failure: 3');
SELECT refused(E'circuits:\n  ml:\n    retry:\n      atempts: 3');
SELECT refused(E'circuits:\n  ml: {failures: 3}\n  ml: {failures: 4}');
SELECT refused(E'circuits:\n  ml: {failures: 3, failures: 4}');
SELECT refused('circuits: {failures: 3}');
SELECT refused('circuits: {ml: [1]}');
SELECT refused('circuits: {template: {retry: 3}}');
SELECT refused('circuits: {template: {mode: {}}}');
-- names
SELECT refused('circuits: {' || repeat('x', 64) || ': }');
SELECT refused(E'circuits: {"a\\tb": }');
SELECT refused(E'circuits: {"\\x85": }');
SELECT refused('circuits: {"": }');
SELECT refused('circuits: {' || string_agg('c' || n || ': ', ', ') || '}') FROM generate_series(1, 257) n;
-- values
SELECT refused('circuits: {template: {mode: closed}}');
SELECT refused('circuits: {template: {failures: 0}}');
SELECT refused('circuits: {template: {failures: 101}}');
SELECT refused('circuits: {template: {failures: 2.5}}');
SELECT refused('circuits: {template: {failures: off}}');
SELECT changes('circuits: {template: {failures: off, failure_rate: {percent: 50}}}');
SELECT refused(E'circuits: {"ml\u00e4": {failures: 3}}');
SELECT refused('circuits: {template: {failures: "3"}}');
SELECT refused('circuits: {template: {failures: }}');
SELECT refused('circuits: {template: {max_concurrent: -1}}');
SELECT refused('circuits: {template: {window: 10}}');
SELECT refused('circuits: {template: {window: 10 sec}}');
SELECT refused('circuits: {template: {window: 2 h}}');
SELECT refused('circuits: {template: {window: 0.5 ms}}');
SELECT refused('circuits: {template: {window: 1.0000001 s}}');
SELECT refused('circuits: {template: {window: -1 s}}');
SELECT refused('circuits: {template: {window: 999999999999999999999 s}}');
SELECT refused('circuits: {template: {window: .5 s}}');
SELECT refused('circuits: {template: {window: off}}');
SELECT refused('circuits: {template: {slow: {after: 0 s}}}');
SELECT refused('circuits: {template: {failure_rate: {percent: 49.555}}}');
SELECT refused('circuits: {template: {failure_rate: {percent: 50%}}}');
SELECT refused('circuits: {template: {failure_rate: {percent: 0}}}');
SELECT refused('circuits: {template: {failure_rate: {percent: 100.01}}}');
SELECT refused('circuits: {template: {open_for: 60 s}}');
SELECT refused('circuits: {template: {open_for: []}}');
SELECT refused('circuits: {template: {open_for: [1 s, 1 s, 1 s, 1 s, 1 s, 1 s, 1 s]}}');
SELECT refused('circuits: {template: {open_for: [1 s, 2]}}');
SELECT refused(E'circuits:\n  ml:\n    open_for: [1 min, 30 s]');
-- values that do not go together
SELECT refused(E'circuits:\n  template:\n    retry: {base: 5 s}');
SELECT refused(E'circuits:\n  ml:\n    retry: {base: 3 s, cap: 1 s}');
SELECT refused('circuits: {template: {reporters: 6}}');
SELECT refused('circuits: {template: {failures: 4, reporters: 4}, ml: {failures: 3}}');
SELECT refused('circuits: {template: {slow: {percent: 50}}}');
SELECT refused('circuits: {template: {slow: {percent: 50, after: 1 s}}, ml: {slow: {after: off}}}');

-- an error as it is shown
SELECT fraud_service_check('circuits: {template: {trials: 0}}');

-- ---- status and rights

SELECT file, path IS NULL AS no_file, hash ~ '^[0-9a-f]{16}$' AS hash, basis_hash IS NULL AS no_basis,
	   loaded_at, error, rebuild_needed
FROM fraud_config_status ORDER BY file;
SET fraud_fallback.service_file = 'x';
CREATE ROLE fraud_service_reader;
SET ROLE fraud_service_reader;
SELECT fraud_service_active();
SELECT length(fraud_service_check('{}')) > 0 AS anybody_may_check;
RESET ROLE;
GRANT pg_monitor TO fraud_service_reader;
SET ROLE fraud_service_reader;
SELECT length(fraud_service_active()) > 0 AS monitors_may_look;
RESET ROLE;
DROP ROLE fraud_service_reader;

-- ---- journal

SELECT changes('journal: {sync: each, interval: 30 s, segment_size: 1.5 MB, max_size: 4 GB, on_full: block_high_risk, keep: 0 s, retention: off}');
SELECT changes('journal: {fields: {"na: me": drop, account: hash, card_id: keep, pan: drop}}');
SELECT fraud_service_check(t) = t AS reads_back FROM fraud_service_check('journal: {sync: off, segment_size: 128.5 kB, fields: {"é, x": hash, "null": drop}}'::text) t;
SELECT fraud_service_check('journal: {fields: }') = fraud_service_check('{}') AS nothing_changed;
SELECT refused('journal: {sync: always}');
SELECT refused('journal: {segment_size: 16}');
SELECT refused('journal: {segment_size: 16 M}');
SELECT refused('journal: {segment_size: 1 kB}');
SELECT refused('journal: {segment_size: 1 GB}');
SELECT refused('journal: {max_size: 0.0001 MB}');
SELECT refused(E'journal:\n  segment_size: 256 MB\n  max_size: 300 MB');
SELECT refused('journal: {interval: 10 ms}');
SELECT refused('journal: {retention: 1 h}');
SELECT refused('journal: {fields: [pan]}');
SELECT refused('journal: {fields: {amount: encrypt}}');
SELECT refused('journal: {fields: {"": hash}}');
SELECT refused(E'journal:\n  fields:\n    amount: keep\n    card_number: keep');
SELECT refused('journal: {fields: {' || repeat('x', 64) || ': drop}}');
SELECT refused('journal: {fields: {' || string_agg('f' || n || ': drop', ', ') || '}}') FROM generate_series(1, 62) n;
