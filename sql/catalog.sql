-- the rule catalogue

SELECT number, rule, category, critical, weight, needs, description
FROM fraud_rules_catalog() ORDER BY number;

-- every parameter and band list with the name it has in the YAML
SELECT rule, parameters FROM fraud_rules_catalog() ORDER BY number;

-- the catalogue and the YAML name the same rules and parameters
SELECT string_agg(rule, ' ' ORDER BY number) AS rules FROM fraud_rules_catalog();
SELECT count(*) AS parameters, count(*) FILTER (WHERE
	fraud_rules_default()::text ~ format(E'\n  %s:\n(    .*\n)*    %s:', rule, parameter)) AS in_the_yaml
FROM fraud_rules_catalog(), LATERAL jsonb_object_keys(parameters) AS parameter;

-- and every parameter can be set by its name to what it is
SELECT count(*) AS settable
FROM fraud_rules_catalog(), LATERAL jsonb_each(parameters) AS p (parameter, value)
WHERE fraud_rules_set(fraud_rules_default(), format('rules.%s.%s', rule, parameter), value::text) = fraud_rules_default();

SELECT category, count(*) AS rules, sum(weight) AS weight, count(*) FILTER (WHERE critical) AS critical
FROM fraud_rules_catalog() GROUP BY category ORDER BY min(number);

-- a policy of one's own, with rules of one's own
SELECT number, rule, category, enabled, weight, parameters, needs, description
FROM fraud_rules_catalog('
rules:
  high_amount: {enabled: false}
  large_amount: {shadow: true, weight: 12, bands: [{above: 0.5, points: 1, action: review}, {at_least: 1e6, points: 12}]}
custom:
  night_spree: {when: "amount_ratio > 3", points: 20, description: large}
  a_first: {when: "amount > 1", points: 7, action: block, enabled: false, shadow: true}
')
WHERE number IN (1, 3) OR number > 19
ORDER BY number;

-- without an argument it is the active policy
SELECT count(*) FROM (SELECT * FROM fraud_rules_catalog() EXCEPT SELECT * FROM fraud_rules_catalog(fraud_rules_active())) d;
SELECT count(*) FROM (SELECT * FROM fraud_rules_catalog(NULL) EXCEPT SELECT * FROM fraud_rules_catalog(fraud_rules_default())) d;

-- everything of the extension has a comment
SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fraud_fallback')
	AND obj_description(objid, classid::regclass::name) IS NULL
	-- array types come along with their elements
	AND NOT (classid = 'pg_type'::regclass AND EXISTS (
		SELECT FROM pg_type WHERE oid = objid AND typcategory = 'A'))
ORDER BY 1;
