-- Answers of the ML service: fraud_verdict() line by line of docs/ml.md, and
-- the section ml of the service file. Other scales and names are in force in
-- test/session/service_reload.sh.
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

-- a line of an answer each: what it becomes
CREATE FUNCTION pg_temp.verdict(ml jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN valid THEN concat_ws(' ', risk_score, risk_level, recommendation, CASE WHEN is_fraud THEN 'fraud' END, risk_factors)
		WHEN num_nulls(risk_score, risk_level, recommendation, is_fraud, risk_factors) = 5 THEN problem END
		|| CASE WHEN valid = (problem IS NULL) THEN '' ELSE ' ???' END
	FROM fraud_verdict(ml)
$$;
CREATE FUNCTION pg_temp.verdicts(answers text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s -> %s', line, pg_temp.verdict(line::jsonb))
	FROM string_to_table(answers, E'\n') WITH ORDINALITY l (line, n) WHERE line <> '' ORDER BY n
$$;

-- all of it
\pset tuples_only off
SELECT * FROM fraud_verdict('{"risk_score": 72, "is_fraud": true, "risk_factors": ["velocity", "country"], "recommendation": "BLOCK", "model": "v7"}') \gx
SELECT * FROM fraud_verdict('{"risk_score": 172}') \gx
SELECT * FROM fraud_verdict(NULL) \gx
\pset tuples_only on

-- what is no object
SELECT pg_temp.verdicts('null
true
72
"BLOCK"
[]
[{"risk_score": 72}]
{}');

-- the score
SELECT pg_temp.verdicts('{"risk_score": null}
{"score": 72}
{"RISK_SCORE": 72}
{"risk_score": "72"}
{"risk_score": true}
{"risk_score": [72]}
{"risk_score": {"value": 72}}
{"risk_score": -0.01}
{"risk_score": 0}
{"risk_score": 0.01}
{"risk_score": 0.85}
{"risk_score": 0.999}
{"risk_score": 1}
{"risk_score": 1.0}
{"risk_score": 29.5}
{"risk_score": 30.4}
{"risk_score": 30.5}
{"risk_score": 60.49}
{"risk_score": 60.5}
{"risk_score": 99.5}
{"risk_score": 1e2}
{"risk_score": 100.01}
{"risk_score": 101}
{"risk_score": 1e400}
{"risk_score": -1e400}');

-- is_fraud, recommendation, risk_factors: absent or null is fine, another type is not
SELECT pg_temp.verdicts('{"risk_score": 10, "is_fraud": null, "recommendation": null, "risk_factors": null}
{"risk_score": 10, "is_fraud": "true"}
{"risk_score": 10, "is_fraud": 0}
{"risk_score": 10, "is_fraud": {}}
{"risk_score": 10, "recommendation": ""}
{"risk_score": 10, "recommendation": "DECLINE"}
{"risk_score": 10, "recommendation": "APPROVED"}
{"risk_score": 10, "recommendation": 1}
{"risk_score": 10, "recommendation": ["APPROVE"]}
{"risk_score": 10, "recommendation": "approve"}
{"risk_score": 10, "recommendation": " Review\t"}
{"risk_score": 10, "recommendation": "bLoCk\n"}
{"risk_score": 10, "risk_factors": "velocity"}
{"risk_score": 10, "risk_factors": {"velocity": 1}}
{"risk_score": 10, "risk_factors": 3}
{"risk_score": 10, "risk_factors": []}
{"risk_score": 10, "risk_factors": ["velocity", "", "new \"card\"", 12.50, 1e3, true, false, null, [1, 2], {"feature": "ip", "weight": 0.3}]}');

-- the stricter of score and recommendation
SELECT pg_temp.verdicts(format('{"risk_score": %s, "recommendation": "%s"}', s, r))
FROM unnest('{10,45,90}'::int[]) s, unnest('{APPROVE,REVIEW,BLOCK}'::text[]) r;

-- is_fraud with them: contradictory or not
SELECT pg_temp.verdicts(format('{"risk_score": %s, "is_fraud": %s%s}', s, f, CASE WHEN r <> 'none' THEN format(', "recommendation": "%s"', r) END))
FROM unnest('{true,false}'::text[]) f, unnest('{none,APPROVE,REVIEW,BLOCK}'::text[]) r, unnest('{10,45,90}'::int[]) s;

-- at most 32 factors of 100 bytes; letters stay whole, what is huge is not written out
SELECT cardinality(risk_factors), risk_factors[1], risk_factors[32] FROM fraud_verdict((
	SELECT jsonb_build_object('risk_score', 10, 'risk_factors', jsonb_agg(n)) FROM generate_series(1, 40) n));
SELECT length(f), octet_length(f), ascii(right(f, 1)) FROM fraud_verdict(jsonb_build_object('risk_score', 10, 'risk_factors',
	jsonb_build_array(repeat('a', 100), repeat('a', 101), jsonb_build_array(repeat('b', 200)), power(10::numeric, 150), repeat(chr(233), 60), 'a' || repeat(chr(233), 60)))), unnest(risk_factors) f;
SELECT f FROM fraud_verdict(jsonb_build_object('risk_score', 10, 'risk_factors', jsonb_build_array(jsonb_build_array(repeat('b', 70000))))), unnest(risk_factors) f;

-- who may, and how
SELECT provolatile, proparallel, has_function_privilege('public', oid, 'EXECUTE') AS public, obj_description(oid, 'pg_proc') IS NOT NULL AS commented
FROM pg_proc WHERE proname = 'fraud_verdict';

-- ---- the section ml of the service file

CREATE FUNCTION pg_temp.changes(yaml text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT line FROM string_to_table(fraud_service_check(yaml), E'\n') WITH ORDINALITY AS l (line, n)
	WHERE line NOT IN (SELECT string_to_table(fraud_service_check('{}'), E'\n')) ORDER BY n
$$;
SELECT pg_temp.changes('ml: {score_scale: 1, fields: {risk_score: p_fraud, is_fraud: '''', risk_factors: "gr\u00fcnde", recommendation: ''''}}');
SELECT pg_temp.changes('ml: {function: scoring.ask_ml, timeout: 500 ms, attempts: 2}');
SELECT pg_temp.changes('ml: {combine: strictest, on_open: refuse}');
SELECT pg_temp.changes('ml: {cache: {ttl: 0 s, stale_ttl: 0 s}, low_risk: {amount_below: 25, max_score: 0}}');
SELECT fraud_service_check(same) = fraud_service_check('{}') AS same
FROM unnest(ARRAY['ml:', 'ml: {function: none}', 'ml: {low_risk: {amount_below: 0}}']) same;
SELECT fraud_service_check(t) = t AS reads_back
FROM fraud_service_check('ml: {score_scale: 1, fields: {risk_score: "off", is_fraud: "a b: c", risk_factors: "#", recommendation: "\u00e9\U0001F600"}, function: "\"a.b\".\"c d\"", low_risk: {amount_below: 1000000000000}}') AS t;

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
SELECT pg_temp.refused('ml: {scale: 1}');
SELECT pg_temp.refused('ml: {score_scale: 10}');
SELECT pg_temp.refused('ml: {score_scale: off}');
SELECT pg_temp.refused('ml: {fields: {score: s}}');
SELECT pg_temp.refused('ml: {fields: {risk_score: ''''}}');
SELECT pg_temp.refused('ml: {fields: {is_fraud: ' || repeat('f', 64) || '}}');
SELECT pg_temp.refused('ml: {function: ask_ml}');
SELECT pg_temp.refused('ml: {function: off}');
SELECT pg_temp.refused('ml: {timeout: 2}');
SELECT pg_temp.refused('ml: {timeout: 61 s}');
SELECT pg_temp.refused('ml: {attempts: 11}');
SELECT pg_temp.refused('ml: {combine: rules}');
SELECT pg_temp.refused('ml: {on_open: approve}');
SELECT pg_temp.refused('ml: {cache: {ttl: 2 h}}');
SELECT pg_temp.refused('ml: {cache: {stale_ttl: 25 h}}');
SELECT pg_temp.refused(E'ml:\n  cache: {ttl: 20 min, stale_ttl: 10 min}');
SELECT pg_temp.refused(E'ml:\n  cache:\n    stale_ttl: 5 min');
SELECT pg_temp.refused('ml: {low_risk: {amount_below: -1}}');
SELECT pg_temp.refused('ml: {low_risk: {amount_below: few}}');
SELECT pg_temp.refused('ml: {low_risk: {max_score: 31}}');
