-- the type fraud_rules: what goes in, what comes out, what is the same

-- absent keys take the shipped default
SELECT '{}'::fraud_rules = fraud_rules_default() AS nothing_changed,
	   'rules: {}'::fraud_rules = fraud_rules_default() AS no_rule_changed;
SELECT fraud_rules_hash(p) = fraud_rules_hash(fraud_rules_default()) AS same_hash,
	   fraud_rules_hash(p) ~ '^[0-9a-f]{16}$' AS hash_form,
	   p <> fraud_rules_default() AS changed
FROM (VALUES ('rules: {large_amount: {weight: 20}}'::fraud_rules)) AS v (p);

-- the default is written as it was shipped, and is what is active
SELECT fraud_rules_active() = fraud_rules_default() AS active_is_default;
SELECT line
FROM string_to_table(fraud_rules_default()::text, E'\n') WITH ORDINALITY AS t (line, n)
WHERE n <= 5 OR line ~ '^[a-z]' OR line ~ '^  [a-z_]+: [^{]'
ORDER BY n;

-- canonical output prints everything and reads back to the same policy
CREATE TABLE policies (name text PRIMARY KEY, policy fraud_rules NOT NULL);
INSERT INTO policies VALUES
	('default', fraud_rules_default()),
	('description', 'description: "a \"quoted\" text: with colon, and more"'),
	('columns', 'history: {columns: {occurred_at: created, merchant_category: category}}'),
	('words', 'history: {status_values: {done: approved, "no": declined}, channel_values: {}}'),
	('time', 'history: {timezone: Europe/Berlin, weekend: [5, 6]}'),
	('rates', 'history: {base_currency: EUR, rates: {USD: {2024-01-01: 0.9059, 2024-02-01: 0.92}}}'),
	('scoring', 'scoring: {low_max: 20, medium_max: 70, min_coverage: 0, short_circuit: true, category_caps: {amount: none, time: 5}}'),
	('lists', 'lists: {deny_ips: {as_of: 2025-01-01, source: "us", values: [10.0.0.0/8, "2001:db8::/32"]}, travel_notices: {values: [C17/FR/2026-07-01/2026-07-14]}, deny_cards: {values: [b, a, "007"]}}'),
	('rules', 'rules: {high_amount: {enabled: false}, velocity_10m: {shadow: true, weight: 0, bands: [{at_least: 1.5, points: 3, action: review}, {above: 2, points: 4, action: block}]}}'),
	('custom', 'custom: {night_spree: {when: "amount_ratio > 3 AND local_hour NOT BETWEEN 5 AND 21", points: 20, description: "large, at night"}}');
SELECT name, policy::text::fraud_rules = policy AS reads_back,
	   policy::text = policy::text::fraud_rules::text AS same_text
FROM policies ORDER BY name;
SELECT line
FROM policies, string_to_table(policy::text, E'\n') AS line
WHERE (name, line) IN (
	SELECT p.name, l FROM policies p, string_to_table(p.policy::text, E'\n') AS l
	WHERE l NOT IN (SELECT string_to_table(fraud_rules_default()::text, E'\n')))
ORDER BY name COLLATE "C", line COLLATE "C";

-- the order in which things are written does not matter
SELECT 'lists: {deny_cards: {values: [b, a]}}'::fraud_rules = 'lists: {deny_cards: {values: [a, b]}}'::fraud_rules AS lists,
	   E'rules:\n  large_amount: {weight: 1}\n  high_amount: {weight: 2}\n'::fraud_rules
	   = 'rules: {high_amount: {weight: 2}, large_amount: {weight: 1}}'::fraud_rules AS maps,
	   'lists: {deny_cards: {values: [a]}}'::fraud_rules = 'lists: {deny_cards: {values: [b]}}'::fraud_rules AS different;

-- stored, toasted, hashed, joined, grouped
SELECT count(*) AS n, count(DISTINCT fraud_rules_hash(policy)) AS hashes FROM policies;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM policies a JOIN policies b USING (policy) WHERE a.name = b.name;
RESET enable_mergejoin;
RESET enable_nestloop;
SELECT count(*) FROM (SELECT policy FROM policies UNION ALL SELECT policy FROM policies) p
GROUP BY policy ORDER BY 1 LIMIT 1;

-- binary form
SELECT name, convert_from(fraud_rules_send(policy), 'UTF8') = policy::text AS text_form
FROM policies WHERE name IN ('default', 'lists') ORDER BY name;

-- fraud_rules_set
SELECT fraud_rules_set(fraud_rules_default(), 'rules.large_amount.weight', '20')
	   = 'rules: {large_amount: {weight: 20}}' AS a_number,
	   fraud_rules_set(fraud_rules_default(), 'rules.large_amount', '{weight: 20, shadow: true}')
	   = 'rules: {large_amount: {weight: 20, shadow: true}}' AS a_mapping,
	   fraud_rules_set(fraud_rules_default(), 'lists.deny_cards.values', '[b, a]')
	   = 'lists: {deny_cards: {values: [a, b]}}' AS a_list,
	   fraud_rules_set(fraud_rules_default(), 'rules.large_amount.weight', '30')
	   = fraud_rules_default() AS no_change,
	   fraud_rules_set(NULL, 'version', '1') IS NULL AS strict;
SELECT fraud_rules_set(fraud_rules_default(), 'rules.large_amount.weight', '31');
SELECT fraud_rules_set(fraud_rules_default(), 'rules.larg_amount.weight', '3');
SELECT fraud_rules_set(fraud_rules_default(), '', '3');
SELECT fraud_rules_set(fraud_rules_default(), 'rules..weight', '3');
SELECT fraud_rules_set(fraud_rules_default(), 'rules.large_amount.bands', E'\n- {above: 2, points: 3}\n- {above: 1, points: 5}');

-- time zones are the server's, by name; POSIX specifications are not names
DO $$
DECLARE
	zone text;
BEGIN
	FOREACH zone IN ARRAY ARRAY['Asia/Kolkata', 'utc', 'EST5EDT', 'Etc/GMT+5', 'UTC+3', 'XYZ4', 'Mars/Olympus', '../UTC']
	LOOP
		BEGIN
			PERFORM fraud_rules_set(fraud_rules_default(), 'history.timezone', quote_ident(zone));
			RAISE NOTICE '% is a zone', zone;
		EXCEPTION WHEN invalid_parameter_value THEN
			RAISE NOTICE '% is none', zone;
		END;
	END LOOP;
END $$;

-- soft errors, where the server knows them
DO $$
DECLARE
	good boolean := true;
	bad boolean := false;
BEGIN
	IF current_setting('server_version_num')::int >= 160000 THEN
		EXECUTE $q$SELECT pg_input_is_valid('version: 1', 'fraud_rules'),
						  pg_input_is_valid('version: 2', 'fraud_rules')$q$ INTO good, bad;
	END IF;
	ASSERT good AND NOT bad;
END $$;

-- Damaged images are refused, whichever byte it is. Only a superuser can make
-- one: through a type of the same storage and a cast.
CREATE TYPE raw_image;
CREATE FUNCTION raw_image_in(cstring) RETURNS raw_image LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION raw_image_out(raw_image) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE raw_image (INPUT = raw_image_in, OUTPUT = raw_image_out, ALIGNMENT = double, STORAGE = extended);
CREATE CAST (fraud_rules AS raw_image) WITHOUT FUNCTION;
CREATE CAST (raw_image AS fraud_rules) WITHOUT FUNCTION;
CREATE FUNCTION refused(image bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fraud_rules_hash(image::text::raw_image::fraud_rules);
	RETURN false;
EXCEPTION WHEN data_corrupted OR feature_not_supported THEN
	RETURN true;
END $$;
SELECT refused(image) AS whole,
	   refused(image || '\x00') AS longer,
	   refused(image || '\x0000000000000000') AS longer_by_a_word,
	   refused('') AS nothing,
	   refused(set_byte(image, 0, 2)) AS other_version,
	   (SELECT bool_and(refused(substr(image, 1, n))) FROM generate_series(0, length(image) - 1, 97) n) AS shorter
FROM (SELECT policy::raw_image::text::bytea AS image FROM policies WHERE name = 'lists') p;
SELECT name, bool_and(refused(set_byte(image, n, get_byte(image, n) # (1 << n % 8)))) AS every_byte_counts
FROM (SELECT name, policy::raw_image::text::bytea AS image FROM policies WHERE name IN ('lists', 'rates', 'words', 'custom')) p,
	 LATERAL generate_series(0, length(image) - 1, 7) n
GROUP BY name ORDER BY name;
SELECT ('\x' || repeat('00', 10000))::raw_image::fraud_rules;
DROP FUNCTION refused(bytea);
SET client_min_messages = warning;
DROP TYPE raw_image CASCADE;
RESET client_min_messages;

DROP TABLE policies;

-- what strangers may not do
CREATE ROLE regress_fraud_policy;
SET ROLE regress_fraud_policy;
SELECT fraud_reload();
SELECT * FROM fraud_config_status;
SELECT fraud_rules_active() = fraud_rules_default() AS may_read;
SET fraud_fallback.rules_file = 'x';
SET fraud_fallback.statement_policy = 'default';
RESET ROLE;
SET fraud_fallback.rules_file = 'x';
SET fraud_fallback.statement_policy = 'default';
SET fraud_fallback.statement_policy = '';
ALTER ROLE regress_fraud_policy SET fraud_fallback.statement_policy = 'default';
DROP ROLE regress_fraud_policy;

-- without a file
SELECT file, path, hash = fraud_rules_hash(fraud_rules_default()) AS default_hash,
	   basis_hash ~ '^[0-9a-f]{16}$' AS basis, loaded_at, error, rebuild_needed
FROM fraud_config_status WHERE file = 'rules';
SELECT fraud_reload() = fraud_rules_hash(fraud_rules_default()) AS reloaded;
