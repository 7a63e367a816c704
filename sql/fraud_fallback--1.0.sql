/* sql/fraud_fallback--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION fraud_fallback" to load this file. \quit

-- ==== policy

CREATE FUNCTION fraud_fallback_version() RETURNS pg_catalog.text
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_fallback_version() IS 'version of the loaded library';

-- ---- type fraud_rules

CREATE TYPE fraud_rules;
CREATE FUNCTION fraud_rules_in(pg_catalog.cstring) RETURNS fraud_rules
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_rules_out(fraud_rules) RETURNS pg_catalog.cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_rules_recv(pg_catalog.internal) RETURNS fraud_rules
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_rules_send(fraud_rules) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME';
CREATE TYPE fraud_rules (
	INPUT = fraud_rules_in,
	OUTPUT = fraud_rules_out,
	RECEIVE = fraud_rules_recv,
	SEND = fraud_rules_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE fraud_rules IS 'policy: compiled rules, written as YAML over the shipped default';
COMMENT ON FUNCTION fraud_rules_in(pg_catalog.cstring) IS 'I/O: YAML over the shipped default';
COMMENT ON FUNCTION fraud_rules_out(fraud_rules) IS 'I/O: canonical YAML';
COMMENT ON FUNCTION fraud_rules_recv(pg_catalog.internal) IS 'I/O: the text form';
COMMENT ON FUNCTION fraud_rules_send(fraud_rules) IS 'I/O: the text form';

CREATE FUNCTION fraud_rules_eq(fraud_rules, fraud_rules) RETURNS pg_catalog.bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_rules_ne(fraud_rules, fraud_rules) RETURNS pg_catalog.bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_rules_hash_int4(fraud_rules) RETURNS pg_catalog.int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_rules_hash_int8(fraud_rules, pg_catalog.int8) RETURNS pg_catalog.int8
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_rules_eq(fraud_rules, fraud_rules) IS 'implementation of = operator';
COMMENT ON FUNCTION fraud_rules_ne(fraud_rules, fraud_rules) IS 'implementation of <> operator';
COMMENT ON FUNCTION fraud_rules_hash_int4(fraud_rules) IS 'hash support';
COMMENT ON FUNCTION fraud_rules_hash_int8(fraud_rules, pg_catalog.int8) IS 'hash support';

CREATE OPERATOR = (
	LEFTARG = fraud_rules,
	RIGHTARG = fraud_rules,
	FUNCTION = fraud_rules_eq,
	COMMUTATOR = =,
	NEGATOR = <>,
	RESTRICT = pg_catalog.eqsel,
	JOIN = pg_catalog.eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR = (fraud_rules, fraud_rules) IS 'the same policy, however it was written';
CREATE OPERATOR <> (
	LEFTARG = fraud_rules,
	RIGHTARG = fraud_rules,
	FUNCTION = fraud_rules_ne,
	COMMUTATOR = <>,
	NEGATOR = =,
	RESTRICT = pg_catalog.neqsel,
	JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR <> (fraud_rules, fraud_rules) IS 'another policy';

CREATE OPERATOR CLASS fraud_rules_ops DEFAULT FOR TYPE fraud_rules USING hash AS
	OPERATOR 1 = (fraud_rules, fraud_rules),
	FUNCTION 1 fraud_rules_hash_int4(fraud_rules),
	FUNCTION 2 fraud_rules_hash_int8(fraud_rules, pg_catalog.int8);
COMMENT ON OPERATOR CLASS fraud_rules_ops USING hash IS 'equality of policies';
COMMENT ON OPERATOR FAMILY fraud_rules_ops USING hash IS 'equality of policies';

-- ---- policies

CREATE FUNCTION fraud_rules_hash(fraud_rules) RETURNS pg_catalog.text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_rules_hash(fraud_rules)
	IS 'hash of a policy, as in the policy_hash of a decision';

CREATE FUNCTION fraud_rules_set(fraud_rules, path pg_catalog.text, value pg_catalog.text) RETURNS fraud_rules
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_rules_set(fraud_rules, pg_catalog.text, pg_catalog.text)
	IS 'the policy with the YAML value at a dotted path, such as rules.large_amount.weight';

CREATE FUNCTION fraud_rules_default() RETURNS fraud_rules
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_rules_default() IS 'the shipped policy';

CREATE FUNCTION fraud_rules_active() RETURNS fraud_rules
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_rules_active() IS 'the policy this statement uses where none is given';

CREATE FUNCTION fraud_rules_catalog(
	policy fraud_rules DEFAULT NULL,
	OUT rule pg_catalog.text,
	OUT number pg_catalog.int4,
	OUT category pg_catalog.text,
	OUT enabled pg_catalog.bool,
	OUT critical pg_catalog.bool,
	OUT weight pg_catalog.int4,
	OUT parameters pg_catalog.jsonb,
	OUT needs pg_catalog.text[],
	OUT description pg_catalog.text
) RETURNS SETOF pg_catalog.record
	LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 19 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_rules_catalog(fraud_rules)
	IS 'the rules of a policy; the active one where none is given';

CREATE FUNCTION fraud_check(
	relation pg_catalog.regclass,
	policy fraud_rules DEFAULT NULL,
	OUT kind pg_catalog.text,
	OUT name pg_catalog.text,
	OUT found pg_catalog.bool,
	OUT detail pg_catalog.text
) RETURNS SETOF pg_catalog.record
	LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 42 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_check(pg_catalog.regclass, fraud_rules)
	IS 'which columns of a relation are found, and which rules can run on it';

-- ---- the configuration files

CREATE FUNCTION fraud_reload() RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_reload() FROM PUBLIC;
COMMENT ON FUNCTION fraud_reload()
	IS 'reads the rules file, for statements that begin later, and the service file now; returns the hash of the policy in force';

CREATE FUNCTION fraud_config_status(
	OUT file pg_catalog.text,
	OUT path pg_catalog.text,
	OUT hash pg_catalog.text,
	OUT basis_hash pg_catalog.text,
	OUT loaded_at pg_catalog.timestamptz,
	OUT error pg_catalog.text
) RETURNS SETOF pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 2 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_config_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_config_status() TO pg_monitor;
COMMENT ON FUNCTION fraud_config_status() IS 'what the view fraud_config_status shows of the files';

CREATE FUNCTION fraud_service_check(yaml pg_catalog.text) RETURNS pg_catalog.text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_service_check(pg_catalog.text)
	IS 'all settings, in YAML, as they would be with this text in the service file; an error where it is not valid';

CREATE FUNCTION fraud_service_active() RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 100 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_service_active() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_service_active() TO pg_monitor;
COMMENT ON FUNCTION fraud_service_active() IS 'the settings of the service file in force, in YAML';

-- ==== history

CREATE TYPE fraud_profile;

CREATE FUNCTION fraud_profile_in(pg_catalog.cstring) RETURNS fraud_profile
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_out(fraud_profile) RETURNS pg_catalog.cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_recv(pg_catalog.internal) RETURNS fraud_profile
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_send(fraud_profile) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

-- at most 3,500 bytes, read and written whole: plain storage, never toasted
CREATE TYPE fraud_profile (
	INPUT = fraud_profile_in,
	OUTPUT = fraud_profile_out,
	RECEIVE = fraud_profile_recv,
	SEND = fraud_profile_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE fraud_profile IS 'everything remembered about one customer, IP or merchant';
COMMENT ON FUNCTION fraud_profile_in(pg_catalog.cstring) IS 'text form of a profile, in';
COMMENT ON FUNCTION fraud_profile_out(fraud_profile) IS 'text form of a profile, out';
COMMENT ON FUNCTION fraud_profile_recv(pg_catalog.internal) IS 'binary form of a profile, in';
COMMENT ON FUNCTION fraud_profile_send(fraud_profile) IS 'binary form of a profile, out';

CREATE FUNCTION fraud_profile_eq(fraud_profile, fraud_profile) RETURNS pg_catalog.bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_ne(fraud_profile, fraud_profile) RETURNS pg_catalog.bool
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_hash(fraud_profile) RETURNS pg_catalog.int4
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_eq(fraud_profile, fraud_profile) IS 'implementation of = operator';
COMMENT ON FUNCTION fraud_profile_ne(fraud_profile, fraud_profile) IS 'implementation of <> operator';
COMMENT ON FUNCTION fraud_profile_hash(fraud_profile) IS 'hash';

CREATE OPERATOR = (
	LEFTARG = fraud_profile, RIGHTARG = fraud_profile, FUNCTION = fraud_profile_eq,
	COMMUTATOR = OPERATOR(@extschema@.=), NEGATOR = OPERATOR(@extschema@.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES
);
CREATE OPERATOR <> (
	LEFTARG = fraud_profile, RIGHTARG = fraud_profile, FUNCTION = fraud_profile_ne,
	COMMUTATOR = OPERATOR(@extschema@.<>), NEGATOR = OPERATOR(@extschema@.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR = (fraud_profile, fraud_profile) IS 'same bytes: the same set of events under the same basis';
COMMENT ON OPERATOR <> (fraud_profile, fraud_profile) IS 'not the same bytes';
CREATE OPERATOR CLASS fraud_profile_hash_ops DEFAULT FOR TYPE fraud_profile USING hash AS
	OPERATOR 1 = (fraud_profile, fraud_profile),
	FUNCTION 1 fraud_profile_hash(fraud_profile);
COMMENT ON OPERATOR CLASS fraud_profile_hash_ops USING hash IS 'equality of profiles';
COMMENT ON OPERATOR FAMILY fraud_profile_hash_ops USING hash IS 'equality of profiles';

CREATE FUNCTION fraud_profile_concat(fraud_profile, fraud_profile) RETURNS fraud_profile
	LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_concat(fraud_profile, fraud_profile) IS 'implementation of || operator';
CREATE OPERATOR || (
	LEFTARG = fraud_profile, RIGHTARG = fraud_profile, FUNCTION = fraud_profile_concat,
	COMMUTATOR = OPERATOR(@extschema@.||)
);
COMMENT ON OPERATOR || (fraud_profile, fraud_profile) IS 'the history of both; NULL adds nothing';

CREATE FUNCTION fraud_profile_unavailable() RETURNS fraud_profile
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_unavailable() IS 'history nobody looked at, as against NULL: looked, none';

CREATE FUNCTION fraud_profile_to_jsonb(fraud_profile) RETURNS pg_catalog.jsonb
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_to_jsonb(fraud_profile) IS 'a profile for people to read';
CREATE CAST (fraud_profile AS pg_catalog.jsonb) WITH FUNCTION fraud_profile_to_jsonb(fraud_profile);
COMMENT ON CAST (fraud_profile AS pg_catalog.jsonb) IS 'a profile for people to read';

CREATE FUNCTION fraud_velocity(
	profile fraud_profile,
	win pg_catalog.interval,
	as_of pg_catalog.timestamptz,
	OUT attempts pg_catalog.int8,
	OUT declined pg_catalog.int8,
	OUT spend pg_catalog.numeric,
	OUT distinct_cards pg_catalog.int4,
	OUT exact pg_catalog.bool
) RETURNS pg_catalog.record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_velocity(fraud_profile, pg_catalog.interval, pg_catalog.timestamptz)
	IS 'what happened in the window (as_of - win, as_of]';

-- ---- the composite type of transactions, for callers without a table

CREATE TYPE fraud_txn AS (
	txn_id pg_catalog.text,
	customer_id pg_catalog.text,
	card_id pg_catalog.text,
	amount pg_catalog.numeric,
	currency pg_catalog.text,
	occurred_at pg_catalog.timestamptz,
	country pg_catalog.text,
	home_country pg_catalog.text,
	lat pg_catalog.float8,
	lon pg_catalog.float8,
	home_lat pg_catalog.float8,
	home_lon pg_catalog.float8,
	channel pg_catalog.text,
	merchant_id pg_catalog.text,
	merchant_category pg_catalog.text,
	mcc pg_catalog.text,
	ip pg_catalog.inet,
	status pg_catalog.text,
	declined pg_catalog.bool,
	timezone pg_catalog.text,
	daily_limit pg_catalog.numeric,
	weekly_limit pg_catalog.numeric,
	is_fraud pg_catalog.bool
);
COMMENT ON TYPE fraud_txn IS 'a transaction: the column names that are known';

-- ---- aggregates: each for a row, jsonb and JSON text

CREATE FUNCTION fraud_profile_final(pg_catalog.internal) RETURNS fraud_profile
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_serial(pg_catalog.internal) RETURNS pg_catalog.bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_deserial(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_profile_merge_accum(pg_catalog.internal, fraud_profile) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_final(pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION fraud_profile_combine(pg_catalog.internal, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION fraud_profile_serial(pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION fraud_profile_deserial(pg_catalog.bytea, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION fraud_profile_merge_accum(pg_catalog.internal, fraud_profile) IS 'aggregate support';

CREATE AGGREGATE fraud_profile_merge(fraud_profile) (
	SFUNC = fraud_profile_merge_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile_merge(fraud_profile) IS 'the history of all';

CREATE FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.record) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.record) IS 'aggregate support';
CREATE AGGREGATE fraud_profile(txn pg_catalog.record) (
	SFUNC = fraud_profile_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile(pg_catalog.record) IS 'the history that these transactions make';
CREATE FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.record, fraud_rules) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.record, fraud_rules) IS 'aggregate support';
CREATE AGGREGATE fraud_profile(txn pg_catalog.record, policy fraud_rules) (
	SFUNC = fraud_profile_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile(pg_catalog.record, fraud_rules) IS 'the history that these transactions make, under the basis of a policy';
CREATE FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.jsonb) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.jsonb) IS 'aggregate support';
CREATE AGGREGATE fraud_profile(txn pg_catalog.jsonb) (
	SFUNC = fraud_profile_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile(pg_catalog.jsonb) IS 'the history that these transactions make';
CREATE FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.jsonb, fraud_rules) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.jsonb, fraud_rules) IS 'aggregate support';
CREATE AGGREGATE fraud_profile(txn pg_catalog.jsonb, policy fraud_rules) (
	SFUNC = fraud_profile_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile(pg_catalog.jsonb, fraud_rules) IS 'the history that these transactions make, under the basis of a policy';
CREATE FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.text) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.text) IS 'aggregate support';
CREATE AGGREGATE fraud_profile(txn pg_catalog.text) (
	SFUNC = fraud_profile_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile(pg_catalog.text) IS 'the history that these transactions make';
CREATE FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.text, fraud_rules) RETURNS pg_catalog.internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_profile_accum(pg_catalog.internal, pg_catalog.text, fraud_rules) IS 'aggregate support';
CREATE AGGREGATE fraud_profile(txn pg_catalog.text, policy fraud_rules) (
	SFUNC = fraud_profile_accum, STYPE = internal, SSPACE = 8192,
	FINALFUNC = fraud_profile_final, COMBINEFUNC = fraud_profile_combine,
	SERIALFUNC = fraud_profile_serial, DESERIALFUNC = fraud_profile_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE fraud_profile(pg_catalog.text, fraud_rules) IS 'the history that these transactions make, under the basis of a policy';

-- ---- one more event

CREATE FUNCTION fraud_observe(profile fraud_profile, txn pg_catalog.record, policy fraud_rules DEFAULT NULL)
	RETURNS fraud_profile LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_observe(fraud_profile, pg_catalog.record, fraud_rules)
	IS 'the profile with one more transaction; NULL starts one';
CREATE FUNCTION fraud_observe_fraud(profile fraud_profile, txn pg_catalog.record, known_at pg_catalog.timestamptz,
									policy fraud_rules DEFAULT NULL)
	RETURNS fraud_profile LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_observe_fraud(fraud_profile, pg_catalog.record, pg_catalog.timestamptz, fraud_rules)
	IS 'the profile with one more confirmed fraud, known since known_at';
CREATE FUNCTION fraud_observe(profile fraud_profile, txn pg_catalog.jsonb, policy fraud_rules DEFAULT NULL)
	RETURNS fraud_profile LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_observe(fraud_profile, pg_catalog.jsonb, fraud_rules)
	IS 'the profile with one more transaction; NULL starts one';
CREATE FUNCTION fraud_observe_fraud(profile fraud_profile, txn pg_catalog.jsonb, known_at pg_catalog.timestamptz,
									policy fraud_rules DEFAULT NULL)
	RETURNS fraud_profile LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_observe_fraud(fraud_profile, pg_catalog.jsonb, pg_catalog.timestamptz, fraud_rules)
	IS 'the profile with one more confirmed fraud, known since known_at';
CREATE FUNCTION fraud_observe(profile fraud_profile, txn pg_catalog.text, policy fraud_rules DEFAULT NULL)
	RETURNS fraud_profile LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_observe(fraud_profile, pg_catalog.text, fraud_rules)
	IS 'the profile with one more transaction; NULL starts one';
CREATE FUNCTION fraud_observe_fraud(profile fraud_profile, txn pg_catalog.text, known_at pg_catalog.timestamptz,
									policy fraud_rules DEFAULT NULL)
	RETURNS fraud_profile LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_observe_fraud(fraud_profile, pg_catalog.text, pg_catalog.timestamptz, fraud_rules)
	IS 'the profile with one more confirmed fraud, known since known_at';

-- ==== scoring

CREATE TYPE fraud_decision AS (
	txn_id pg_catalog.text,
	is_fraud pg_catalog.bool,
	risk_score pg_catalog.int4,
	risk_level pg_catalog.text,
	risk_factors pg_catalog.text[],
	recommendation pg_catalog.text,
	mode pg_catalog.text,
	source pg_catalog.text,
	tier pg_catalog.int4,
	degraded pg_catalog.bool,
	coverage pg_catalog.float4,
	policy_hash pg_catalog.text,
	reason pg_catalog.text,
	retry_after pg_catalog.interval,
	decided_at pg_catalog.timestamptz,
	detail pg_catalog.jsonb
);
COMMENT ON TYPE fraud_decision IS 'an answer, and what it is worth';

-- the columns stand in src/score/features_sql.c too; a test compares them
CREATE TYPE fraud_features AS (
	amount pg_catalog.float8,
	past_count pg_catalog.int8,
	past_mean pg_catalog.float8,
	past_stddev pg_catalog.float8,
	past_max pg_catalog.float8,
	amount_ratio pg_catalog.float8,
	amount_sigmas pg_catalog.float8,
	spend_24h pg_catalog.float8,
	spend_7d pg_catalog.float8,
	daily_limit pg_catalog.float8,
	weekly_limit pg_catalog.float8,
	foreign_country pg_catalog.bool,
	approved_in_country_30d pg_catalog.int8,
	high_risk_country pg_catalog.bool,
	distance_km pg_catalog.float8,
	hours_since_present pg_catalog.float8,
	speed_kmh pg_catalog.float8,
	merchant_risk pg_catalog.text,
	first_time_merchant pg_catalog.bool,
	merchant_approved_90d pg_catalog.int8,
	merchant_frauds_90d pg_catalog.int8,
	merchant_fraud_bound pg_catalog.float8,
	merchant_approved_28d pg_catalog.int8,
	merchant_frauds_28d pg_catalog.int8,
	attempts_60s pg_catalog.int8,
	attempts_10m pg_catalog.int8,
	attempts_1h pg_catalog.int8,
	attempts_24h pg_catalog.int8,
	declines_run pg_catalog.int8,
	ip_cards_60m pg_catalog.int8,
	ip_attempts_24h pg_catalog.int8,
	ip_declined_share_24h pg_catalog.float8,
	local_hour pg_catalog.int4,
	is_weekend pg_catalog.bool,
	hour_share pg_catalog.float8,
	day_kind_share pg_catalog.float8,
	approved_ever pg_catalog.int8,
	days_since_approved pg_catalog.float8,
	days_known pg_catalog.float8
);
COMMENT ON TYPE fraud_features IS 'the numbers that rules and models look at; NULL where not known';

CREATE FUNCTION fraud_score(
	txn pg_catalog.record,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable()
) RETURNS fraud_decision LANGUAGE c STABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_score(pg_catalog.record, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'the decision of the rules; reads nothing but its arguments and the policy';
CREATE FUNCTION fraud_explain(
	txn pg_catalog.record,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 19 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_explain(pg_catalog.record, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'one row a rule: what it found and why';
CREATE FUNCTION fraud_features(
	txn pg_catalog.record,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable()
) RETURNS fraud_features LANGUAGE c STABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_features(pg_catalog.record, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'the numbers that rules and models look at';
CREATE FUNCTION fraud_score(
	txn pg_catalog.jsonb,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable()
) RETURNS fraud_decision LANGUAGE c STABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_score(pg_catalog.jsonb, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'the decision of the rules; reads nothing but its arguments and the policy';
CREATE FUNCTION fraud_explain(
	txn pg_catalog.jsonb,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 19 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_explain(pg_catalog.jsonb, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'one row a rule: what it found and why';
CREATE FUNCTION fraud_features(
	txn pg_catalog.jsonb,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable()
) RETURNS fraud_features LANGUAGE c STABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_features(pg_catalog.jsonb, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'the numbers that rules and models look at';
CREATE FUNCTION fraud_score(
	txn pg_catalog.text,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable()
) RETURNS fraud_decision LANGUAGE c STABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_score(pg_catalog.text, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'the decision of the rules; reads nothing but its arguments and the policy';
CREATE FUNCTION fraud_explain(
	txn pg_catalog.text,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 19 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_explain(pg_catalog.text, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'one row a rule: what it found and why';
CREATE FUNCTION fraud_features(
	txn pg_catalog.text,
	history fraud_profile,
	policy fraud_rules DEFAULT NULL,
	ip_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable(),
	merchant_history fraud_profile DEFAULT @extschema@.fraud_profile_unavailable()
) RETURNS fraud_features LANGUAGE c STABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_features(pg_catalog.text, fraud_profile, fraud_rules, fraud_profile, fraud_profile)
	IS 'the numbers that rules and models look at';

-- ---- a whole table, each row as of its own past

CREATE FUNCTION fraud_score_table(
	relation pg_catalog.regclass,
	policy fraud_rules DEFAULT NULL,
	since pg_catalog.timestamptz DEFAULT NULL,
	until pg_catalog.timestamptz DEFAULT NULL,
	OUT txn_id pg_catalog.text,
	OUT decision fraud_decision
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE PARALLEL SAFE COST 10000 ROWS 100000 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_score_table(pg_catalog.regclass, fraud_rules, pg_catalog.timestamptz, pg_catalog.timestamptz)
	IS 'every row that occurred in [since, until) as of its own past: that of its customer, its IP and, where there are labels, its merchant; labels are used if you may SELECT from fraud_labels';

-- ==== velocity of any query

-- ---- velocity_count(ts, win)

CREATE FUNCTION velocity_count_accum(pg_catalog.internal, pg_catalog.timestamptz, pg_catalog.interval) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_count_inverse(pg_catalog.internal, pg_catalog.timestamptz, pg_catalog.interval) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_count_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_count_serial(pg_catalog.internal) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_count_deserial(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_number_final(pg_catalog.internal) RETURNS pg_catalog.int8
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION velocity_count_accum(pg_catalog.internal, pg_catalog.timestamptz, pg_catalog.interval) IS 'aggregate support';
COMMENT ON FUNCTION velocity_count_inverse(pg_catalog.internal, pg_catalog.timestamptz, pg_catalog.interval) IS 'aggregate support';
COMMENT ON FUNCTION velocity_count_combine(pg_catalog.internal, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_count_serial(pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_count_deserial(pg_catalog.bytea, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_number_final(pg_catalog.internal) IS 'aggregate support';

CREATE AGGREGATE velocity_count(ts pg_catalog.timestamptz, win pg_catalog.interval) (
	SFUNC = velocity_count_accum, STYPE = internal, SSPACE = 1024,
	FINALFUNC = velocity_number_final, COMBINEFUNC = velocity_count_combine,
	SERIALFUNC = velocity_count_serial, DESERIALFUNC = velocity_count_deserial,
	MSFUNC = velocity_count_accum, MINVFUNC = velocity_count_inverse, MSTYPE = internal, MSSPACE = 1024,
	MFINALFUNC = velocity_number_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE velocity_count(pg_catalog.timestamptz, pg_catalog.interval)
	IS 'the most rows in any span (t - win, t] of the group';

-- ---- velocity_sum(amount, ts, win)

CREATE FUNCTION velocity_sum_accum(pg_catalog.internal, pg_catalog.numeric, pg_catalog.timestamptz, pg_catalog.interval)
	RETURNS pg_catalog.internal LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_sum_inverse(pg_catalog.internal, pg_catalog.numeric, pg_catalog.timestamptz, pg_catalog.interval)
	RETURNS pg_catalog.internal LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_sum_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_sum_serial(pg_catalog.internal) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_sum_deserial(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_sum_final(pg_catalog.internal) RETURNS pg_catalog.numeric
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION velocity_sum_accum(pg_catalog.internal, pg_catalog.numeric, pg_catalog.timestamptz, pg_catalog.interval)
	IS 'aggregate support';
COMMENT ON FUNCTION velocity_sum_inverse(pg_catalog.internal, pg_catalog.numeric, pg_catalog.timestamptz, pg_catalog.interval)
	IS 'aggregate support';
COMMENT ON FUNCTION velocity_sum_combine(pg_catalog.internal, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_sum_serial(pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_sum_deserial(pg_catalog.bytea, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_sum_final(pg_catalog.internal) IS 'aggregate support';

CREATE AGGREGATE velocity_sum(amount pg_catalog.numeric, ts pg_catalog.timestamptz, win pg_catalog.interval) (
	SFUNC = velocity_sum_accum, STYPE = internal, SSPACE = 2048,
	FINALFUNC = velocity_sum_final, COMBINEFUNC = velocity_sum_combine,
	SERIALFUNC = velocity_sum_serial, DESERIALFUNC = velocity_sum_deserial,
	MSFUNC = velocity_sum_accum, MINVFUNC = velocity_sum_inverse, MSTYPE = internal, MSSPACE = 2048,
	MFINALFUNC = velocity_sum_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE velocity_sum(pg_catalog.numeric, pg_catalog.timestamptz, pg_catalog.interval)
	IS 'the largest sum of amounts in a span (t - win, t] that ends at a row of the group';

-- ---- velocity_distinct(item, ts, win)

CREATE FUNCTION velocity_distinct_accum(pg_catalog.internal, pg_catalog.anyelement, pg_catalog.timestamptz, pg_catalog.interval)
	RETURNS pg_catalog.internal LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_distinct_inverse(pg_catalog.internal, pg_catalog.anyelement, pg_catalog.timestamptz, pg_catalog.interval)
	RETURNS pg_catalog.internal LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_distinct_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_distinct_serial(pg_catalog.internal) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION velocity_distinct_deserial(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION velocity_distinct_accum(pg_catalog.internal, pg_catalog.anyelement, pg_catalog.timestamptz, pg_catalog.interval)
	IS 'aggregate support';
COMMENT ON FUNCTION velocity_distinct_inverse(pg_catalog.internal, pg_catalog.anyelement, pg_catalog.timestamptz, pg_catalog.interval)
	IS 'aggregate support';
COMMENT ON FUNCTION velocity_distinct_combine(pg_catalog.internal, pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_distinct_serial(pg_catalog.internal) IS 'aggregate support';
COMMENT ON FUNCTION velocity_distinct_deserial(pg_catalog.bytea, pg_catalog.internal) IS 'aggregate support';

CREATE AGGREGATE velocity_distinct(item pg_catalog.anyelement, ts pg_catalog.timestamptz, win pg_catalog.interval) (
	SFUNC = velocity_distinct_accum, STYPE = internal, SSPACE = 4096,
	FINALFUNC = velocity_number_final, COMBINEFUNC = velocity_distinct_combine,
	SERIALFUNC = velocity_distinct_serial, DESERIALFUNC = velocity_distinct_deserial,
	MSFUNC = velocity_distinct_accum, MINVFUNC = velocity_distinct_inverse, MSTYPE = internal, MSSPACE = 4096,
	MFINALFUNC = velocity_number_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE velocity_distinct(pg_catalog.anyelement, pg_catalog.timestamptz, pg_catalog.interval)
	IS 'the most distinct items in any span (t - win, t] of the group';

-- ==== the worker, and what happened

CREATE FUNCTION fraud_worker(
	OUT pid pg_catalog.int4,
	OUT started_at pg_catalog.timestamptz,
	OUT database pg_catalog.text,
	OUT role pg_catalog.text,
	OUT last_cycle_at pg_catalog.timestamptz,
	OUT cycles pg_catalog.int8,
	OUT tables_off pg_catalog.text,
	OUT task pg_catalog.text,
	OUT runs pg_catalog.int8,
	OUT last_run_at pg_catalog.timestamptz,
	OUT last_error pg_catalog.text,
	OUT last_error_at pg_catalog.timestamptz
) RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_worker() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_worker() TO pg_monitor;
COMMENT ON FUNCTION fraud_worker() IS 'the background worker, one row for each of its tasks; see the view fraud_worker';

CREATE VIEW fraud_worker AS
	SELECT w.pid, w.started_at, w.database, w.role, w.last_cycle_at, w.cycles, w.tables_off,
		   w.task, w.runs, w.last_run_at, w.last_error, w.last_error_at
	FROM @extschema@.fraud_worker() AS w;
GRANT SELECT ON fraud_worker TO pg_monitor;
COMMENT ON VIEW fraud_worker IS 'the background worker, one row for each of its tasks';
COMMENT ON COLUMN fraud_worker.pid IS 'its process; NULL: it is not running, the server''s log tells why';
COMMENT ON COLUMN fraud_worker.started_at IS 'when it started';
COMMENT ON COLUMN fraud_worker.database IS 'where it works; NULL: without a database';
COMMENT ON COLUMN fraud_worker.role IS 'fraud_fallback.worker_role; NULL: not set';
COMMENT ON COLUMN fraud_worker.last_cycle_at IS 'when it last went through its tasks';
COMMENT ON COLUMN fraud_worker.cycles IS 'how often, since the server started';
COMMENT ON COLUMN fraud_worker.tables_off IS 'why tasks that need tables do not run; NULL: they do';
COMMENT ON COLUMN fraud_worker.task IS 'what it does';
COMMENT ON COLUMN fraud_worker.runs IS 'how often it did, since the server started';
COMMENT ON COLUMN fraud_worker.last_run_at IS 'when it last did';
COMMENT ON COLUMN fraud_worker.last_error IS 'its last error; it may have been well since';
COMMENT ON COLUMN fraud_worker.last_error_at IS 'when that was';

CREATE FUNCTION fraud_test_advance("by" pg_catalog.interval) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_advance(pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_advance(pg_catalog.interval)
	IS 'for tests, with fraud_fallback.test_mode: moves the clock of the extension, back as well, and returns when the worker has done everything there is to do then';

-- no key: rows come back from a dump while the worker may add others
CREATE TABLE fraud_events (
	at pg_catalog.timestamptz NOT NULL,
	kind pg_catalog.text NOT NULL,
	subject pg_catalog.text NOT NULL,
	"from" pg_catalog.text,
	"to" pg_catalog.text,
	cause pg_catalog.jsonb,
	who pg_catalog.text NOT NULL,
	node pg_catalog.text NOT NULL,
	message pg_catalog.text NOT NULL
);
CREATE INDEX fraud_events_at ON fraud_events (at);
GRANT SELECT ON fraud_events TO pg_monitor;
COMMENT ON TABLE fraud_events IS 'what happened, written by the worker. Nobody may update, delete or truncate; fraud_events_purge() removes old rows. It holds against everybody but those who may drop or disable its triggers: the owner of the table and superusers';
COMMENT ON COLUMN fraud_events.at IS 'when';
COMMENT ON COLUMN fraud_events.kind IS 'of what: worker, events and others';
COMMENT ON COLUMN fraud_events.subject IS 'which of them';
COMMENT ON COLUMN fraud_events."from" IS 'state before; NULL: none';
COMMENT ON COLUMN fraud_events."to" IS 'state after; NULL: none';
COMMENT ON COLUMN fraud_events.cause IS 'why, with the numbers';
COMMENT ON COLUMN fraud_events.who IS 'role, or worker';
COMMENT ON COLUMN fraud_events.node IS 'server: fraud_fallback.node_name, cluster_name or the host';
COMMENT ON COLUMN fraud_events.message IS 'for people';
COMMENT ON INDEX fraud_events_at IS 'events by time';

CREATE FUNCTION fraud_events_keep() RETURNS pg_catalog.trigger
	LANGUAGE c AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_events_keep() FROM PUBLIC;
COMMENT ON FUNCTION fraud_events_keep() IS 'trigger of fraud_events: what was written stays';

-- the first for everybody, in sessions that replicate as well; the second for
-- what logical replication applies, which fires no triggers of statements
CREATE TRIGGER fraud_events_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON fraud_events
	FOR EACH STATEMENT EXECUTE FUNCTION fraud_events_keep();
CREATE TRIGGER fraud_events_keep_row BEFORE UPDATE OR DELETE ON fraud_events
	FOR EACH ROW EXECUTE FUNCTION fraud_events_keep();
ALTER TABLE fraud_events ENABLE ALWAYS TRIGGER fraud_events_keep, ENABLE ALWAYS TRIGGER fraud_events_keep_row;
COMMENT ON TRIGGER fraud_events_keep ON fraud_events IS 'refuses UPDATE, DELETE and TRUNCATE';
COMMENT ON TRIGGER fraud_events_keep_row ON fraud_events IS 'refuses what logical replication would change';

CREATE FUNCTION fraud_events_purge(before pg_catalog.timestamptz) RETURNS pg_catalog.int8
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_events_purge(pg_catalog.timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION fraud_events_purge(pg_catalog.timestamptz)
	IS 'removes events of earlier times and leaves one that says so; for the owner of fraud_events and superusers';

SELECT pg_catalog.pg_extension_config_dump('fraud_events', '');

-- ==== the store

-- histories that keep themselves; written by our functions only, read by people
CREATE TABLE fraud_sources (
	source pg_catalog.int4 PRIMARY KEY,
	relation pg_catalog.regclass NOT NULL UNIQUE,
	columns pg_catalog.jsonb,
	basis_hash pg_catalog.text NOT NULL,
	attached_at pg_catalog.timestamptz NOT NULL,
	attached_by pg_catalog.text NOT NULL,
	filled_at pg_catalog.timestamptz,
	filled_events pg_catalog.int8,
	missed pg_catalog.int8 NOT NULL DEFAULT 0
);
COMMENT ON TABLE fraud_sources IS 'attached tables';
COMMENT ON COLUMN fraud_sources.source IS 'number of the table in the other tables of the store; 0 there is fraud_learn()';
COMMENT ON COLUMN fraud_sources.relation IS 'the table';
COMMENT ON COLUMN fraud_sources.columns IS 'known column names that are others in this table';
COMMENT ON COLUMN fraud_sources.basis_hash IS 'basis of the policy its histories were built with';
COMMENT ON COLUMN fraud_sources.attached_at IS 'when its triggers were created';
COMMENT ON COLUMN fraud_sources.attached_by IS 'who called fraud_attach()';
COMMENT ON COLUMN fraud_sources.filled_at IS 'when its histories were last built whole; NULL while they are not';
COMMENT ON COLUMN fraud_sources.filled_events IS 'events that were counted then, one for each key of a row';
COMMENT ON COLUMN fraud_sources.missed IS 'what fraud_missed counted by then';

-- not rolled back and never waited for, as a statement that missed something needs it
CREATE SEQUENCE fraud_missed MINVALUE 0 START 1;
COMMENT ON SEQUENCE fraud_missed
	IS 'counts statements whose changes are missing in histories, because fraud_profile_deltas was locked by somebody';

-- rows are rewritten again and again: half of a page is left for new versions,
-- so that no index changes; everything is stored inline, never in TOAST
CREATE TABLE fraud_profiles (
	entity pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	key pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	state fraud_profile NOT NULL,
	stale pg_catalog.bool NOT NULL,
	updated_at pg_catalog.timestamptz NOT NULL,
	source pg_catalog.int4 NOT NULL,
	settled pg_catalog.xid8 NOT NULL,
	settled_by pg_catalog.xid8 NOT NULL,
	PRIMARY KEY (entity, key, source)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE fraud_profiles ALTER COLUMN entity SET STORAGE PLAIN, ALTER COLUMN key SET STORAGE PLAIN;
COMMENT ON TABLE fraud_profiles IS 'history of each customer, address and merchant; what waits in fraud_profile_deltas comes on top';
COMMENT ON COLUMN fraud_profiles.entity IS 'customer, ip or merchant';
COMMENT ON COLUMN fraud_profiles.key IS 'id of the customer or merchant; an address, IPv6 by its /64';
COMMENT ON COLUMN fraud_profiles.state IS 'what is remembered';
COMMENT ON COLUMN fraud_profiles.stale IS 'rows changed in a way that only fraud_rebuild() follows';
COMMENT ON COLUMN fraud_profiles.updated_at IS 'when it was written';
COMMENT ON COLUMN fraud_profiles.source IS 'table the events are from, see fraud_sources; 0: fraud_learn()';
COMMENT ON COLUMN fraud_profiles.settled IS 'deltas of earlier transactions are in the state';
COMMENT ON COLUMN fraud_profiles.settled_by IS 'transaction that says so; not believed if the row is not its own';

-- append, read, delete: vacuumed early, never truncated (that would lock
-- inserts out); vacuum cannot remove what an old snapshot may still see
CREATE TABLE fraud_profile_deltas (
	slot pg_catalog.int8 NOT NULL,
	written pg_catalog.xid8 NOT NULL,
	entity pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	key pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	source pg_catalog.int4 NOT NULL,
	kind pg_catalog."char" NOT NULL,
	events pg_catalog.int4 NOT NULL,
	state fraud_profile,
	fresh pg_catalog.bool NOT NULL GENERATED ALWAYS AS (false) STORED
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
	autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
ALTER TABLE fraud_profile_deltas ALTER COLUMN entity SET STORAGE PLAIN, ALTER COLUMN key SET STORAGE PLAIN;
CREATE INDEX fraud_profile_deltas_slot ON fraud_profile_deltas (slot, written);
COMMENT ON TABLE fraud_profile_deltas IS 'what statements added to histories and fraud_fold() has not put there yet';
COMMENT ON COLUMN fraud_profile_deltas.slot IS 'hash of entity and key';
COMMENT ON COLUMN fraud_profile_deltas.written IS 'transaction that wrote it';
COMMENT ON COLUMN fraud_profile_deltas.entity IS 'customer, ip or merchant';
COMMENT ON COLUMN fraud_profile_deltas.key IS 'as in fraud_profiles';
COMMENT ON COLUMN fraud_profile_deltas.source IS 'as in fraud_profiles';
COMMENT ON COLUMN fraud_profile_deltas.kind IS 'i: events, u: new versions of events, s: the key is stale, f: rows too far in the future, not remembered, b: rows with blanks around an id';
COMMENT ON COLUMN fraud_profile_deltas.events IS 'how many';
COMMENT ON COLUMN fraud_profile_deltas.state IS 'the events, as a profile';
COMMENT ON COLUMN fraud_profile_deltas.fresh IS 'written by us; false where SQL did, restoring a dump';
COMMENT ON INDEX fraud_profile_deltas_slot IS 'deltas of a key, in order of transactions';

CREATE TABLE fraud_labels (
	txn_id pg_catalog.text COLLATE pg_catalog."C" PRIMARY KEY,
	is_fraud pg_catalog.bool NOT NULL,
	known_at pg_catalog.timestamptz NOT NULL,
	labelled_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	labelled_by pg_catalog.text NOT NULL DEFAULT SESSION_USER
);
COMMENT ON TABLE fraud_labels IS 'what transactions turned out to be: the last word of fraud_label()';
COMMENT ON COLUMN fraud_labels.txn_id IS 'id of the transaction, as text';
COMMENT ON COLUMN fraud_labels.is_fraud IS 'confirmed fraud, or confirmed not to be';
COMMENT ON COLUMN fraud_labels.known_at IS 'since when it is known; scoring of earlier moments does not use it';
COMMENT ON COLUMN fraud_labels.labelled_at IS 'when fraud_label() was called';
COMMENT ON COLUMN fraud_labels.labelled_by IS 'by whom';

SELECT pg_catalog.pg_extension_config_dump('fraud_sources', '');
SELECT pg_catalog.pg_extension_config_dump('fraud_profiles', '');
SELECT pg_catalog.pg_extension_config_dump('fraud_profile_deltas', '');
SELECT pg_catalog.pg_extension_config_dump('fraud_labels', '');
SELECT pg_catalog.pg_extension_config_dump('fraud_missed', '');

-- ---- keeping histories

CREATE FUNCTION fraud_history() RETURNS pg_catalog.trigger
	LANGUAGE c AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_history() FROM PUBLIC;
COMMENT ON FUNCTION fraud_history() IS 'trigger of attached tables; fraud_attach() creates it';

CREATE FUNCTION fraud_history_events(txn pg_catalog.record, columns pg_catalog.text)
	RETURNS SETOF pg_catalog.bytea
	LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 3 AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_history_events(pg_catalog.record, pg_catalog.text)
	IS 'support of fraud_attach() and fraud_rebuild(): events of a row, by key';

CREATE FUNCTION fraud_attach(relation pg_catalog.regclass, columns pg_catalog.jsonb DEFAULT NULL)
	RETURNS pg_catalog.text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_attach(pg_catalog.regclass, pg_catalog.jsonb) FROM PUBLIC;
COMMENT ON FUNCTION fraud_attach(pg_catalog.regclass, pg_catalog.jsonb)
	IS 'keeps the histories of a table''s customers, addresses and merchants from now on, and builds those of the rows that are there';

CREATE FUNCTION fraud_remembers(relation pg_catalog.regclass, columns pg_catalog.jsonb) RETURNS pg_catalog.bool
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_remembers(pg_catalog.regclass, pg_catalog.jsonb)
	IS 'support of fraud_attached: whether a table has the columns that histories need';

CREATE FUNCTION fraud_detach(relation pg_catalog.regclass) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_detach(pg_catalog.regclass) FROM PUBLIC;
COMMENT ON FUNCTION fraud_detach(pg_catalog.regclass) IS 'ends what fraud_attach() began, and forgets the histories';

CREATE FUNCTION fraud_rebuild(relation pg_catalog.regclass, key pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_rebuild(pg_catalog.regclass, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_rebuild(pg_catalog.regclass, pg_catalog.text)
	IS 'builds the histories of an attached table anew, or those of one key';

CREATE FUNCTION fraud_fold(max_rows pg_catalog.int4 DEFAULT NULL) RETURNS pg_catalog.int8
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_fold(pg_catalog.int4) FROM PUBLIC;
COMMENT ON FUNCTION fraud_fold(pg_catalog.int4)
	IS 'puts waiting deltas into histories, at most about max_rows; returns how many';

CREATE FUNCTION fraud_learn(txn pg_catalog.record) RETURNS pg_catalog.bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_learn(txn pg_catalog.jsonb) RETURNS pg_catalog.bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_learn(txn pg_catalog.text) RETURNS pg_catalog.bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_learn(pg_catalog.record), fraud_learn(pg_catalog.jsonb), fraud_learn(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_learn(pg_catalog.record) IS 'remembers a transaction that is in no attached table; false where there is nothing to remember it by';
COMMENT ON FUNCTION fraud_learn(pg_catalog.jsonb) IS 'remembers a transaction that is in no attached table; false where there is nothing to remember it by';
COMMENT ON FUNCTION fraud_learn(pg_catalog.text) IS 'remembers a transaction that is in no attached table; false where there is nothing to remember it by';

CREATE FUNCTION fraud_label(txn_id pg_catalog.text, is_fraud pg_catalog.bool,
							known_at pg_catalog.timestamptz DEFAULT pg_catalog.now())
	RETURNS pg_catalog.bool LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION fraud_label(txn pg_catalog.record, is_fraud pg_catalog.bool,
							known_at pg_catalog.timestamptz DEFAULT pg_catalog.now())
	RETURNS pg_catalog.bool LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraud_label_txn';
CREATE FUNCTION fraud_label(txn pg_catalog.jsonb, is_fraud pg_catalog.bool,
							known_at pg_catalog.timestamptz DEFAULT pg_catalog.now())
	RETURNS pg_catalog.bool LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fraud_label_txn';
REVOKE ALL ON FUNCTION fraud_label(pg_catalog.text, pg_catalog.bool, pg_catalog.timestamptz),
	fraud_label(pg_catalog.record, pg_catalog.bool, pg_catalog.timestamptz),
	fraud_label(pg_catalog.jsonb, pg_catalog.bool, pg_catalog.timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION fraud_label(pg_catalog.text, pg_catalog.bool, pg_catalog.timestamptz)
	IS 'what a transaction turned out to be, and since when that is known; NULL takes it back. True where the transaction was found';
COMMENT ON FUNCTION fraud_label(pg_catalog.record, pg_catalog.bool, pg_catalog.timestamptz)
	IS 'what a transaction turned out to be, and since when that is known; NULL takes it back';
COMMENT ON FUNCTION fraud_label(pg_catalog.jsonb, pg_catalog.bool, pg_catalog.timestamptz)
	IS 'what a transaction turned out to be, and since when that is known; NULL takes it back';

CREATE FUNCTION fraud_forget(customer pg_catalog.text) RETURNS pg_catalog.int8
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_forget(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_forget(pg_catalog.text)
	IS 'removes what is remembered about a customer: histories, what waits to become part of them, live attempts and the last known history; returns the number of rows. Records of the journal stay until journal.retention removes them. Your own table is yours: unless his rows are deleted there, fraud_rebuild() learns him again';

-- ---- using histories

CREATE FUNCTION fraud_profile_of(entity pg_catalog.text, key pg_catalog.text) RETURNS fraud_profile
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_profile_of(pg_catalog.text, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_profile_of(pg_catalog.text, pg_catalog.text)
	IS 'stored history of a customer, ip or merchant, with what waits to be folded; NULL where there is none';

CREATE FUNCTION fraud_score(txn pg_catalog.record) RETURNS fraud_decision
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'fraud_score_stored';
CREATE FUNCTION fraud_explain(
	txn pg_catalog.record,
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200 ROWS 19
	AS 'MODULE_PATHNAME', 'fraud_explain_stored';
CREATE FUNCTION fraud_features(txn pg_catalog.record) RETURNS fraud_features
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'fraud_features_stored';
REVOKE ALL ON FUNCTION fraud_score(pg_catalog.record), fraud_explain(pg_catalog.record), fraud_features(pg_catalog.record) FROM PUBLIC;
COMMENT ON FUNCTION fraud_score(pg_catalog.record) IS 'the decision of the rules with the stored histories of customer, address and merchant';
COMMENT ON FUNCTION fraud_explain(pg_catalog.record) IS 'one row a rule: what it found and why, with the stored histories';
COMMENT ON FUNCTION fraud_features(pg_catalog.record) IS 'the numbers that rules and models look at, with the stored histories';
CREATE FUNCTION fraud_score(txn pg_catalog.jsonb) RETURNS fraud_decision
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'fraud_score_stored';
CREATE FUNCTION fraud_explain(
	txn pg_catalog.jsonb,
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200 ROWS 19
	AS 'MODULE_PATHNAME', 'fraud_explain_stored';
CREATE FUNCTION fraud_features(txn pg_catalog.jsonb) RETURNS fraud_features
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'fraud_features_stored';
REVOKE ALL ON FUNCTION fraud_score(pg_catalog.jsonb), fraud_explain(pg_catalog.jsonb), fraud_features(pg_catalog.jsonb) FROM PUBLIC;
COMMENT ON FUNCTION fraud_score(pg_catalog.jsonb) IS 'the decision of the rules with the stored histories of customer, address and merchant';
COMMENT ON FUNCTION fraud_explain(pg_catalog.jsonb) IS 'one row a rule: what it found and why, with the stored histories';
COMMENT ON FUNCTION fraud_features(pg_catalog.jsonb) IS 'the numbers that rules and models look at, with the stored histories';
CREATE FUNCTION fraud_score(txn pg_catalog.text) RETURNS fraud_decision
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'fraud_score_stored';
CREATE FUNCTION fraud_explain(
	txn pg_catalog.text,
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200 ROWS 19
	AS 'MODULE_PATHNAME', 'fraud_explain_stored';
CREATE FUNCTION fraud_features(txn pg_catalog.text) RETURNS fraud_features
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'fraud_features_stored';
REVOKE ALL ON FUNCTION fraud_score(pg_catalog.text), fraud_explain(pg_catalog.text), fraud_features(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_score(pg_catalog.text) IS 'the decision of the rules with the stored histories of customer, address and merchant';
COMMENT ON FUNCTION fraud_explain(pg_catalog.text) IS 'one row a rule: what it found and why, with the stored histories';
COMMENT ON FUNCTION fraud_features(pg_catalog.text) IS 'the numbers that rules and models look at, with the stored histories';

-- ---- what is attached

CREATE VIEW fraud_attached AS
	SELECT s.relation,
		   s.source,
		   CASE WHEN c.oid IS NULL THEN 'dropped' WHEN s.filled_at IS NULL THEN 'filling'
				WHEN NOT @extschema@.fraud_remembers(s.relation, s.columns) THEN 'columns missing' ELSE 'ready' END AS state,
		   s.columns, s.attached_at, s.attached_by, s.filled_at, s.filled_events,
		   s.basis_hash OPERATOR(pg_catalog.=) b.basis_hash AS basis_current,
		   g.gaps,
		   (SELECT pg_catalog.count(*) FROM @extschema@.fraud_profiles AS p
			WHERE p.source OPERATOR(pg_catalog.=) s.source AND p.stale) AS stale_keys,
		   d.waiting,
		   d.ahead,
		   CASE WHEN m.is_called THEN m.last_value OPERATOR(pg_catalog.-) s.missed ELSE 0 END AS missed
	FROM @extschema@.fraud_sources AS s
		CROSS JOIN LATERAL (SELECT x.basis_hash FROM @extschema@.fraud_config_status() AS x
							WHERE x.file OPERATOR(pg_catalog.=) 'rules') AS b
		CROSS JOIN @extschema@.fraud_missed AS m
		LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) s.relation::pg_catalog.oid
		CROSS JOIN LATERAL (
			WITH RECURSIVE tree (relid) AS (
				SELECT c.oid
				UNION
				SELECT i.inhrelid FROM tree
					JOIN pg_catalog.pg_inherits AS i ON i.inhparent OPERATOR(pg_catalog.=) tree.relid)
			SELECT pg_catalog.array_agg(tree.relid::pg_catalog.regclass ORDER BY tree.relid) AS gaps
			FROM tree
			WHERE tree.relid IS NOT NULL AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t
				   WHERE t.tgrelid OPERATOR(pg_catalog.=) tree.relid
				   AND t.tgfoid OPERATOR(pg_catalog.=) (
						SELECT f.oid FROM pg_catalog.pg_proc AS f
							JOIN pg_catalog.pg_extension AS e ON f.pronamespace OPERATOR(pg_catalog.=) e.extnamespace
						WHERE f.proname OPERATOR(pg_catalog.=) 'fraud_history'
						AND e.extname OPERATOR(pg_catalog.=) 'fraud_fallback')
				   AND pg_catalog.split_part(pg_catalog.encode(t.tgargs, 'escape'), E'\\000', 1)
					OPERATOR(pg_catalog.=) s.source::pg_catalog.text
				   AND t.tgenabled OPERATOR(pg_catalog.<>) 'D') OPERATOR(pg_catalog.<) 4) AS g
		CROSS JOIN LATERAL (
			SELECT pg_catalog.count(*) FILTER (WHERE w.slot OPERATOR(pg_catalog.<>) 0) AS waiting,
				   coalesce(pg_catalog.sum(w.events) FILTER (WHERE w.kind OPERATOR(pg_catalog.=) 'f'), 0) AS ahead
			FROM @extschema@.fraud_profile_deltas AS w
			WHERE w.source OPERATOR(pg_catalog.=) s.source) AS d;
GRANT SELECT ON fraud_attached TO pg_monitor;
COMMENT ON VIEW fraud_attached IS 'attached tables and how their histories are';
COMMENT ON COLUMN fraud_attached.relation IS 'the table';
COMMENT ON COLUMN fraud_attached.source IS 'its number in fraud_profiles and fraud_profile_deltas';
COMMENT ON COLUMN fraud_attached.state IS 'ready; columns missing: none to remember rows by, renamed perhaps; filling: the rows it had when it was attached are not in yet, call fraud_attach() again if nobody does; dropped: the table is gone';
COMMENT ON COLUMN fraud_attached.columns IS 'known column names that are others in this table';
COMMENT ON COLUMN fraud_attached.attached_at IS 'when its triggers were created';
COMMENT ON COLUMN fraud_attached.attached_by IS 'who called fraud_attach()';
COMMENT ON COLUMN fraud_attached.filled_at IS 'when its histories were last built whole';
COMMENT ON COLUMN fraud_attached.filled_events IS 'events that were counted then, one for each key of a row';
COMMENT ON COLUMN fraud_attached.basis_current IS 'whether they were built with the basis of the policy in force; if not, fraud_rebuild()';
COMMENT ON COLUMN fraud_attached.gaps IS 'it, and tables that belong to it, where triggers of ours are missing or disabled: fraud_attach() again, then fraud_rebuild()';
COMMENT ON COLUMN fraud_attached.stale_keys IS 'keys whose rows changed in a way that only fraud_rebuild() follows';
COMMENT ON COLUMN fraud_attached.waiting IS 'deltas that wait for fraud_fold()';
COMMENT ON COLUMN fraud_attached.ahead IS 'rows more than a day ahead of the clock when they came: not remembered';
COMMENT ON COLUMN fraud_attached.missed IS 'statements, on any attached table, whose changes are missing because fraud_profile_deltas was locked: fraud_rebuild()';

-- ---- what the rules find

CREATE FUNCTION fraud_rule_stats(
	relation pg_catalog.regclass DEFAULT NULL,
	policy fraud_rules DEFAULT NULL,
	since pg_catalog.timestamptz DEFAULT NULL,
	until pg_catalog.timestamptz DEFAULT NULL,
	OUT rule pg_catalog.text,
	OUT evaluated pg_catalog.int8,
	OUT hits pg_catalog.int8,
	OUT labelled_frauds pg_catalog.int8,
	OUT "precision" pg_catalog.float8,
	OUT recall pg_catalog.float8
) RETURNS SETOF pg_catalog.record LANGUAGE c STABLE PARALLEL UNSAFE COST 1000000 ROWS 19 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_rule_stats(pg_catalog.regclass, fraud_rules, pg_catalog.timestamptz, pg_catalog.timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION fraud_rule_stats(pg_catalog.regclass, fraud_rules, pg_catalog.timestamptz, pg_catalog.timestamptz)
	IS 'what each rule finds among the rows of a table (NULL: of all attached tables) that occurred in [since, until), and how much of it fraud_labels says is fraud; scores every row as fraud_score_table() does';

CREATE VIEW fraud_rule_stats AS
	SELECT s.rule, s.evaluated, s.hits, s.labelled_frauds, s."precision", s.recall
	FROM @extschema@.fraud_rule_stats() AS s;
COMMENT ON VIEW fraud_rule_stats IS 'what each rule finds in the attached tables, and how much of it is fraud; a look costs a fraud_score_table() of each of them';
COMMENT ON COLUMN fraud_rule_stats.rule IS 'the rule, custom rules last';
COMMENT ON COLUMN fraud_rule_stats.evaluated IS 'rows in which it could say yes or no';
COMMENT ON COLUMN fraud_rule_stats.hits IS 'rows in which it said yes, in shadow or not';
COMMENT ON COLUMN fraud_rule_stats.labelled_frauds IS 'hits that fraud_labels says are fraud';
COMMENT ON COLUMN fraud_rule_stats."precision" IS 'labelled_frauds / hits; NULL without hits';
COMMENT ON COLUMN fraud_rule_stats.recall IS 'labelled_frauds / all rows that fraud_labels says are fraud; NULL without any';

-- ---- files in force, and what is stored

CREATE VIEW fraud_config_status AS
	SELECT s.file, s.path, s.hash, s.basis_hash, s.loaded_at, s.error,
		   CASE WHEN s.basis_hash IS NOT NULL THEN
			   EXISTS (SELECT FROM @extschema@.fraud_sources AS a
					   WHERE a.basis_hash OPERATOR(pg_catalog.<>) s.basis_hash)
		   END AS rebuild_needed
	FROM @extschema@.fraud_config_status() AS s;
GRANT SELECT ON fraud_config_status TO pg_monitor;
COMMENT ON VIEW fraud_config_status IS 'configuration files: what is in force, since when, and what is wrong with the file';
COMMENT ON COLUMN fraud_config_status.file IS 'which file: rules or service';
COMMENT ON COLUMN fraud_config_status.path IS 'where it is read from; NULL without a file';
COMMENT ON COLUMN fraud_config_status.hash IS 'hash of the policy, or of the settings, in force';
COMMENT ON COLUMN fraud_config_status.basis_hash IS 'rules: hash of what decides how history is remembered';
COMMENT ON COLUMN fraud_config_status.loaded_at IS 'when what is in force was read; NULL for the shipped default';
COMMENT ON COLUMN fraud_config_status.error IS 'what was wrong with the last reading, and what is in force instead; NULL if nothing';
COMMENT ON COLUMN fraud_config_status.rebuild_needed IS 'rules: whether histories of an attached table were built with another basis; see fraud_attached';
COMMENT ON COLUMN fraud_config_status.rebuild_needed IS 'whether histories of an attached table were built with another basis; see fraud_attached';

-- ==== circuits

-- ---- calls

CREATE FUNCTION circuit_acquire(name pg_catalog.text) RETURNS pg_catalog.int8
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_acquire';
REVOKE ALL ON FUNCTION circuit_acquire(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION circuit_acquire(pg_catalog.text)
	IS 'a ticket for a call; NULL: refused. A permit belongs to the session until its transaction ends, afterwards to its lease; any session may finish it';

CREATE FUNCTION circuit_success(ticket pg_catalog.int8, latency pg_catalog.interval DEFAULT NULL) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_success';
REVOKE ALL ON FUNCTION circuit_success(pg_catalog.int8, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_success(pg_catalog.int8, pg_catalog.interval)
	IS 'the call succeeded, after latency or since it was admitted: counted, late, already_finished, unknown, or no_ticket. One that took longer than the timeout is a failure';

CREATE FUNCTION circuit_failure(
	ticket pg_catalog.int8,
	kind pg_catalog.text DEFAULT 'error',
	latency pg_catalog.interval DEFAULT NULL,
	retry_after pg_catalog.interval DEFAULT NULL) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_failure';
REVOKE ALL ON FUNCTION circuit_failure(pg_catalog.int8, pg_catalog.text, pg_catalog.interval, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_failure(pg_catalog.int8, pg_catalog.text, pg_catalog.interval, pg_catalog.interval)
	IS 'the call failed; retry_after: the service asked for so long. Answers as circuit_success()';

CREATE FUNCTION circuit_ignore(ticket pg_catalog.int8) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_ignore';
REVOKE ALL ON FUNCTION circuit_ignore(pg_catalog.int8) FROM PUBLIC;
COMMENT ON FUNCTION circuit_ignore(pg_catalog.int8)
	IS 'the call says nothing about the service; the permit returns. Answers as circuit_success()';

CREATE FUNCTION circuit_record(
	ticket pg_catalog.int8,
	http_status pg_catalog.int4,
	latency pg_catalog.interval DEFAULT NULL,
	retry_after pg_catalog.interval DEFAULT NULL) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_record';
REVOKE ALL ON FUNCTION circuit_record(pg_catalog.int8, pg_catalog.int4, pg_catalog.interval, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_record(pg_catalog.int8, pg_catalog.int4, pg_catalog.interval, pg_catalog.interval)
	IS 'the call ended with a status of HTTP: 2xx and 3xx succeed, 5xx and 429 fail, other 4xx are ignored. Answers as circuit_success()';

CREATE FUNCTION circuit_allow(name pg_catalog.text) RETURNS pg_catalog.bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_allow';
REVOKE ALL ON FUNCTION circuit_allow(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION circuit_allow(pg_catalog.text)
	IS 'whether a call may be made; circuit_report() says how it ended';

CREATE FUNCTION circuit_report(
	name pg_catalog.text,
	kind pg_catalog.text DEFAULT NULL,
	http_status pg_catalog.int4 DEFAULT NULL,
	latency pg_catalog.interval DEFAULT NULL,
	retry_after pg_catalog.interval DEFAULT NULL) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_report';
REVOKE ALL ON FUNCTION circuit_report(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.interval, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_report(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.interval, pg_catalog.interval)
	IS 'how a call ended: that of the oldest open circuit_allow() of this session, else evidence. kind: success, ignore, or that of a failure; with neither kind nor status a success';

CREATE FUNCTION circuit_refusal() RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_refusal';
REVOKE ALL ON FUNCTION circuit_refusal() FROM PUBLIC;
COMMENT ON FUNCTION circuit_refusal()
	IS 'why the last circuit_acquire(), circuit_allow() or circuit_call() of this session was refused, or failed inside circuit_call(); NULL: neither';

CREATE FUNCTION circuit_call(
	name pg_catalog.text,
	fn pg_catalog.regprocedure,
	arg pg_catalog.jsonb,
	"timeout" pg_catalog.interval DEFAULT NULL,
	attempts pg_catalog.int4 DEFAULT NULL) RETURNS pg_catalog.jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_call';
REVOKE ALL ON FUNCTION circuit_call(pg_catalog.text, pg_catalog.regprocedure, pg_catalog.jsonb, pg_catalog.interval, pg_catalog.int4) FROM PUBLIC;
COMMENT ON FUNCTION circuit_call(pg_catalog.text, pg_catalog.regprocedure, pg_catalog.jsonb, pg_catalog.interval, pg_catalog.int4)
	IS 'calls fn(arg) behind the circuit, with a timeout and retries; NULL: refused, or failed. The caller must have EXECUTE on fn, which takes and returns jsonb';

-- ---- reading

CREATE FUNCTION circuit_state(name pg_catalog.text) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_state';
REVOKE ALL ON FUNCTION circuit_state(pg_catalog.text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION circuit_state(pg_catalog.text) TO pg_monitor;
COMMENT ON FUNCTION circuit_state(pg_catalog.text)
	IS 'CLOSED, OPEN, HALF_OPEN, FORCED_OPEN, FORCED_CLOSED or METRICS_ONLY; reading changes nothing';

CREATE FUNCTION circuit_retry_after(name pg_catalog.text) RETURNS pg_catalog.interval
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_retry_after';
REVOKE ALL ON FUNCTION circuit_retry_after(pg_catalog.text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION circuit_retry_after(pg_catalog.text) TO pg_monitor;
COMMENT ON FUNCTION circuit_retry_after(pg_catalog.text)
	IS 'until a call may be admitted, 0: at once; NULL: not before somebody changes that';

CREATE FUNCTION circuit_explain(name pg_catalog.text) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_explain';
REVOKE ALL ON FUNCTION circuit_explain(pg_catalog.text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION circuit_explain(pg_catalog.text) TO pg_monitor;
COMMENT ON FUNCTION circuit_explain(pg_catalog.text)
	IS 'one paragraph: why the circuit is as it is, and what happens next';

CREATE FUNCTION circuit_breakers(
	OUT name pg_catalog.text,
	OUT state pg_catalog.text,
	OUT since pg_catalog.timestamptz,
	OUT generation pg_catalog.int8,
	OUT failures pg_catalog.int4,
	OUT oldest_leaves_at pg_catalog.timestamptz,
	OUT reporters pg_catalog.int4,
	OUT success_rate pg_catalog.float8,
	OUT slow_rate pg_catalog.float8,
	OUT time_open pg_catalog.interval,
	OUT trips_hour pg_catalog.int4,
	OUT trips_day pg_catalog.int4,
	OUT admitted pg_catalog.int8,
	OUT successes pg_catalog.int8,
	OUT failures_total pg_catalog.int8,
	OUT ignored pg_catalog.int8,
	OUT slow pg_catalog.int8,
	OUT refused pg_catalog.int8,
	OUT refused_trials pg_catalog.int8,
	OUT refused_full pg_catalog.int8,
	OUT late pg_catalog.int8,
	OUT in_flight pg_catalog.int8,
	OUT trials_under_way pg_catalog.int4,
	OUT trials_succeeded pg_catalog.int4,
	OUT probe_due pg_catalog.bool,
	OUT retry_after pg_catalog.interval,
	OUT last_error pg_catalog.text,
	OUT last_error_at pg_catalog.timestamptz,
	OUT forced_by pg_catalog.text,
	OUT forced_reason pg_catalog.text,
	OUT forced_until pg_catalog.timestamptz,
	OUT failures_allowed pg_catalog.int4,
	OUT "window" pg_catalog.interval,
	OUT "timeout" pg_catalog.interval) RETURNS SETOF pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION circuit_breakers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION circuit_breakers() TO pg_monitor;
COMMENT ON FUNCTION circuit_breakers() IS 'rows of the view circuit_breakers';

CREATE VIEW circuit_breakers AS
	SELECT b.* FROM @extschema@.circuit_breakers() AS b;
GRANT SELECT ON circuit_breakers TO pg_monitor;
COMMENT ON VIEW circuit_breakers IS 'every circuit and how it is';
COMMENT ON COLUMN circuit_breakers.name IS 'of the circuit';
COMMENT ON COLUMN circuit_breakers.state IS 'as circuit_state()';
COMMENT ON COLUMN circuit_breakers.since IS 'when the state began';
COMMENT ON COLUMN circuit_breakers.generation IS 'grows with each change of state; results of calls from before are late';
COMMENT ON COLUMN circuit_breakers.failures IS 'in the window';
COMMENT ON COLUMN circuit_breakers.oldest_leaves_at IS 'when the oldest of them leaves the window';
COMMENT ON COLUMN circuit_breakers.reporters IS 'different ones that reported failures in the window';
COMMENT ON COLUMN circuit_breakers.success_rate IS 'of calls that ended in the last minute, 0 to 1; NULL: none did';
COMMENT ON COLUMN circuit_breakers.slow_rate IS 'the same, slow ones';
COMMENT ON COLUMN circuit_breakers.time_open IS 'in state OPEN, since the server started';
COMMENT ON COLUMN circuit_breakers.trips_hour IS 'times it opened in the last hour';
COMMENT ON COLUMN circuit_breakers.trips_day IS 'in the last day, of at most 1,500';
COMMENT ON COLUMN circuit_breakers.admitted IS 'calls since the server started';
COMMENT ON COLUMN circuit_breakers.successes IS 'of them';
COMMENT ON COLUMN circuit_breakers.failures_total IS 'of them, timeouts too';
COMMENT ON COLUMN circuit_breakers.ignored IS 'of them, neither';
COMMENT ON COLUMN circuit_breakers.slow IS 'of them, longer than slow.after';
COMMENT ON COLUMN circuit_breakers.refused IS 'calls since the server started';
COMMENT ON COLUMN circuit_breakers.refused_trials IS 'of them, as all trials were under way';
COMMENT ON COLUMN circuit_breakers.refused_full IS 'of them, by max_concurrent';
COMMENT ON COLUMN circuit_breakers.late IS 'results that changed nothing, as they were of an earlier state';
COMMENT ON COLUMN circuit_breakers.in_flight IS 'admitted and not ended';
COMMENT ON COLUMN circuit_breakers.trials_under_way IS 'while half-open';
COMMENT ON COLUMN circuit_breakers.trials_succeeded IS 'while half-open';
COMMENT ON COLUMN circuit_breakers.probe_due IS 'OPEN, and the next call is a trial';
COMMENT ON COLUMN circuit_breakers.retry_after IS 'as circuit_retry_after()';
COMMENT ON COLUMN circuit_breakers.last_error IS 'of the last failure: its kind, or the error of circuit_call()';
COMMENT ON COLUMN circuit_breakers.last_error_at IS 'when that was';
COMMENT ON COLUMN circuit_breakers.forced_by IS 'role that forced the state, or service.yaml';
COMMENT ON COLUMN circuit_breakers.forced_reason IS 'as given';
COMMENT ON COLUMN circuit_breakers.forced_until IS 'NULL: without end';
COMMENT ON COLUMN circuit_breakers.failures_allowed IS 'setting: so many open it';
COMMENT ON COLUMN circuit_breakers."window" IS 'setting: within so long';
COMMENT ON COLUMN circuit_breakers."timeout" IS 'setting: longer is a failure';

CREATE FUNCTION circuit_in_flight_rows(
	OUT circuit pg_catalog.text,
	OUT pid pg_catalog.int4,
	OUT role_id pg_catalog.oid,
	OUT database_id pg_catalog.oid,
	OUT since pg_catalog.timestamptz,
	OUT deadline pg_catalog.timestamptz,
	OUT overdue pg_catalog.bool,
	OUT held pg_catalog.bool,
	OUT generation pg_catalog.int8) RETURNS SETOF pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION circuit_in_flight_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION circuit_in_flight_rows() TO pg_monitor;
COMMENT ON FUNCTION circuit_in_flight_rows() IS 'rows of the view circuit_in_flight';

CREATE VIEW circuit_in_flight AS
	SELECT f.circuit, f.pid, r.rolname AS role, d.datname AS database, f.since, f.deadline, f.overdue, f.held, f.generation
	FROM @extschema@.circuit_in_flight_rows() AS f
		LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) f.role_id
		LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) f.database_id;
GRANT SELECT ON circuit_in_flight TO pg_monitor;
COMMENT ON VIEW circuit_in_flight IS 'calls that were admitted and have not ended';
COMMENT ON COLUMN circuit_in_flight.circuit IS 'its name';
COMMENT ON COLUMN circuit_in_flight.pid IS 'of the session that acquired it, as in pg_stat_activity';
COMMENT ON COLUMN circuit_in_flight.role IS 'that acquired it';
COMMENT ON COLUMN circuit_in_flight.database IS 'where that was';
COMMENT ON COLUMN circuit_in_flight.since IS 'when it was admitted';
COMMENT ON COLUMN circuit_in_flight.deadline IS 'later than that it counts as a timeout';
COMMENT ON COLUMN circuit_in_flight.overdue IS 'it does already';
COMMENT ON COLUMN circuit_in_flight.held IS 'the transaction that acquired it goes on; if not, it expires with its lease';
COMMENT ON COLUMN circuit_in_flight.generation IS 'of the circuit when it was admitted; its result is late if that has moved';

CREATE FUNCTION circuit_capacity(
	OUT circuits pg_catalog.int4,
	OUT max_circuits pg_catalog.int4,
	OUT refused_circuits pg_catalog.int8,
	OUT in_flight pg_catalog.int4,
	OUT max_in_flight pg_catalog.int4,
	OUT refused_in_flight pg_catalog.int8) RETURNS pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION circuit_capacity() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION circuit_capacity() TO pg_monitor;
COMMENT ON FUNCTION circuit_capacity()
	IS 'circuits and calls in flight there are, there is room for, and that were refused for lack of it';

-- ---- by hand

CREATE FUNCTION circuit_trip(name pg_catalog.text, reason pg_catalog.text) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_trip';
REVOKE ALL ON FUNCTION circuit_trip(pg_catalog.text, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION circuit_trip(pg_catalog.text, pg_catalog.text)
	IS 'opens the circuit as if it had failed too often; it recovers by itself';

CREATE FUNCTION circuit_force_open(
	name pg_catalog.text,
	reason pg_catalog.text,
	duration pg_catalog.interval DEFAULT '1 hour') RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_force_open';
REVOKE ALL ON FUNCTION circuit_force_open(pg_catalog.text, pg_catalog.text, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_force_open(pg_catalog.text, pg_catalog.text, pg_catalog.interval)
	IS 'refuses all calls for so long, NULL: until circuit_reset()';

CREATE FUNCTION circuit_force_closed(
	name pg_catalog.text,
	reason pg_catalog.text,
	duration pg_catalog.interval DEFAULT '1 hour') RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_force_closed';
REVOKE ALL ON FUNCTION circuit_force_closed(pg_catalog.text, pg_catalog.text, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_force_closed(pg_catalog.text, pg_catalog.text, pg_catalog.interval)
	IS 'admits all calls for so long, NULL: until circuit_reset()';

CREATE FUNCTION circuit_metrics_only(
	name pg_catalog.text,
	reason pg_catalog.text,
	duration pg_catalog.interval DEFAULT '1 hour') RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_metrics_only';
REVOKE ALL ON FUNCTION circuit_metrics_only(pg_catalog.text, pg_catalog.text, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION circuit_metrics_only(pg_catalog.text, pg_catalog.text, pg_catalog.interval)
	IS 'admits all calls and says when it would have opened, for so long, NULL: until circuit_reset()';

CREATE FUNCTION circuit_reset(name pg_catalog.text) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'circuit_reset';
REVOKE ALL ON FUNCTION circuit_reset(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION circuit_reset(pg_catalog.text)
	IS 'CLOSED with empty windows; ends forced states; results of calls in flight are late';

-- ==== the journal

-- The records, a partition a day of UTC, made by the worker. Partitions are
-- not members of the extension, and indexes are theirs alone: so pg_dump brings
-- them back. Customer data: for the owner and those the owner grants it to.
CREATE TABLE fraud_journal (
	record_id pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	decided_at pg_catalog.timestamptz NOT NULL,
	node pg_catalog.text NOT NULL,
	database pg_catalog.text,
	role pg_catalog.text,
	application_name pg_catalog.text,
	txn_id pg_catalog.text,
	txn pg_catalog.jsonb,
	decision pg_catalog.jsonb,
	rules pg_catalog.jsonb,
	features pg_catalog.jsonb,
	ml pg_catalog.jsonb,
	ml_status pg_catalog.int4,
	ml_latency pg_catalog.interval,
	supersedes pg_catalog.text,
	queued pg_catalog.bool NOT NULL DEFAULT false,
	policy_hash pg_catalog.text,
	part pg_catalog.int4 NOT NULL
) PARTITION BY RANGE (decided_at);
COMMENT ON TABLE fraud_journal IS 'every decision, from the files of the journal, each once. Nobody may update, delete or truncate; the worker removes whole days that are older than journal.retention. It holds against everybody but those who may drop or disable its triggers: the owner of the table and superusers; fraud_journal_verify() shows what they changed';
COMMENT ON COLUMN fraud_journal.record_id IS 'start of the server that decided, and number within it';
COMMENT ON COLUMN fraud_journal.decided_at IS 'when; its day, in UTC, is the partition';
COMMENT ON COLUMN fraud_journal.node IS 'server that decided: fraud_fallback.node_name, cluster_name or the host';
COMMENT ON COLUMN fraud_journal.database IS 'where it was decided';
COMMENT ON COLUMN fraud_journal.role IS 'who asked';
COMMENT ON COLUMN fraud_journal.application_name IS 'of the session';
COMMENT ON COLUMN fraud_journal.txn_id IS 'the transaction';
COMMENT ON COLUMN fraud_journal.txn IS 'the transaction, its fields kept, hashed or left out as journal.fields says; {"text": ...} where a record could not be read';
COMMENT ON COLUMN fraud_journal.decision IS 'the answer';
COMMENT ON COLUMN fraud_journal.rules IS 'what each rule found';
COMMENT ON COLUMN fraud_journal.features IS 'the numbers rules and model looked at';
COMMENT ON COLUMN fraud_journal.ml IS 'the verdict of the model, as it came';
COMMENT ON COLUMN fraud_journal.ml_status IS 'its status of HTTP';
COMMENT ON COLUMN fraud_journal.ml_latency IS 'how long it took';
COMMENT ON COLUMN fraud_journal.supersedes IS 'record_id of the decision that this one replaces';
COMMENT ON COLUMN fraud_journal.queued IS 'decided in an emergency: to be decided again when service is back';
COMMENT ON COLUMN fraud_journal.policy_hash IS 'policy it was decided by';
COMMENT ON COLUMN fraud_journal.part IS '0: it came before its day was closed; else the number of the supplement it is in, see fraud_journal_days';

CREATE TABLE fraud_journal_progress (
	segment pg_catalog.text COLLATE pg_catalog."C" PRIMARY KEY,
	node pg_catalog.text,
	drained pg_catalog.int8 NOT NULL,
	records pg_catalog.int8 NOT NULL,
	skipped pg_catalog.int8 NOT NULL,
	done pg_catalog.bool NOT NULL,
	at pg_catalog.timestamptz NOT NULL
);
GRANT SELECT ON fraud_journal_progress TO pg_monitor;
COMMENT ON TABLE fraud_journal_progress IS 'how far each file of the journal has become rows, written together with them';
COMMENT ON COLUMN fraud_journal_progress.segment IS 'the file';
COMMENT ON COLUMN fraud_journal_progress.node IS 'server that wrote it';
COMMENT ON COLUMN fraud_journal_progress.drained IS 'bytes that are rows, or were set aside';
COMMENT ON COLUMN fraud_journal_progress.records IS 'rows that came of it';
COMMENT ON COLUMN fraud_journal_progress.skipped IS 'bytes that were no records';
COMMENT ON COLUMN fraud_journal_progress.done IS 'it was closed, and is drained to its end';
COMMENT ON COLUMN fraud_journal_progress.at IS 'when that was so';

CREATE TABLE fraud_journal_days (
	number pg_catalog.int8 PRIMARY KEY,
	day pg_catalog.date NOT NULL,
	part pg_catalog.int4 NOT NULL,
	kind pg_catalog.text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY ('{day,supplement,removed}')),
	records pg_catalog.int8 NOT NULL,
	hash pg_catalog.bytea NOT NULL,
	previous pg_catalog.bytea NOT NULL,
	closed_at pg_catalog.timestamptz NOT NULL
);
CREATE INDEX fraud_journal_days_day ON fraud_journal_days (day);
GRANT SELECT ON fraud_journal_days TO pg_monitor;
COMMENT ON TABLE fraud_journal_days IS 'the chain: a link for each day that was closed, for records that came later, and for each day that retention removed. Nobody may update, delete or truncate';
COMMENT ON COLUMN fraud_journal_days.number IS 'of the link, from 1';
COMMENT ON COLUMN fraud_journal_days.day IS 'of UTC';
COMMENT ON COLUMN fraud_journal_days.part IS 'its records are those with this part; 0: the day itself';
COMMENT ON COLUMN fraud_journal_days.kind IS 'day; supplement: records that came after it was closed; removed: by retention';
COMMENT ON COLUMN fraud_journal_days.records IS 'how many';
COMMENT ON COLUMN fraud_journal_days.hash IS 'SHA-256 over the link before, this one and its rows';
COMMENT ON COLUMN fraud_journal_days.previous IS 'hash of the link before';
COMMENT ON COLUMN fraud_journal_days.closed_at IS 'when';
COMMENT ON INDEX fraud_journal_days_pkey IS 'links in order';
COMMENT ON INDEX fraud_journal_days_day IS 'links of a day';

CREATE TABLE fraud_journal_open (
	day pg_catalog.date NOT NULL,
	part pg_catalog.int4 NOT NULL,
	records pg_catalog.int8 NOT NULL,
	opened pg_catalog.date NOT NULL,
	closing pg_catalog.bool NOT NULL DEFAULT false,
	mismatch_at pg_catalog.timestamptz,
	PRIMARY KEY (day, part)
);
GRANT SELECT ON fraud_journal_open TO pg_monitor;
COMMENT ON TABLE fraud_journal_open IS 'days of fraud_journal, and supplements, that are not in the chain yet';
COMMENT ON COLUMN fraud_journal_open.day IS 'of UTC';
COMMENT ON COLUMN fraud_journal_open.part IS 'as in fraud_journal';
COMMENT ON COLUMN fraud_journal_open.records IS 'how many came';
COMMENT ON COLUMN fraud_journal_open.opened IS 'day on which the first one came';
COMMENT ON COLUMN fraud_journal_open.closing IS 'it is being hashed; what comes now is of the next part';
COMMENT ON COLUMN fraud_journal_open.mismatch_at IS 'when it could not be closed, as the rows were not as many as had come';
COMMENT ON INDEX fraud_journal_open_pkey IS 'a day and its parts';
COMMENT ON INDEX fraud_journal_progress_pkey IS 'a file once';

CREATE FUNCTION fraud_journal_keep() RETURNS pg_catalog.trigger
	LANGUAGE c AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_keep() FROM PUBLIC;
COMMENT ON FUNCTION fraud_journal_keep() IS 'trigger of fraud_journal and fraud_journal_days: what was written stays';

-- triggers of rows come with each partition, those of statements the worker makes
CREATE TRIGGER fraud_journal_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON fraud_journal
	FOR EACH STATEMENT EXECUTE FUNCTION fraud_journal_keep();
CREATE TRIGGER fraud_journal_keep_row BEFORE UPDATE OR DELETE ON fraud_journal
	FOR EACH ROW EXECUTE FUNCTION fraud_journal_keep();
ALTER TABLE fraud_journal ENABLE ALWAYS TRIGGER fraud_journal_keep, ENABLE ALWAYS TRIGGER fraud_journal_keep_row;
COMMENT ON TRIGGER fraud_journal_keep ON fraud_journal IS 'refuses UPDATE, DELETE and TRUNCATE';
COMMENT ON TRIGGER fraud_journal_keep_row ON fraud_journal IS 'refuses it in partitions, and what logical replication would change';
CREATE TRIGGER fraud_journal_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON fraud_journal_days
	FOR EACH STATEMENT EXECUTE FUNCTION fraud_journal_keep();
CREATE TRIGGER fraud_journal_keep_row BEFORE UPDATE OR DELETE ON fraud_journal_days
	FOR EACH ROW EXECUTE FUNCTION fraud_journal_keep();
ALTER TABLE fraud_journal_days ENABLE ALWAYS TRIGGER fraud_journal_keep, ENABLE ALWAYS TRIGGER fraud_journal_keep_row;
COMMENT ON TRIGGER fraud_journal_keep ON fraud_journal_days IS 'refuses UPDATE, DELETE and TRUNCATE';
COMMENT ON TRIGGER fraud_journal_keep_row ON fraud_journal_days IS 'refuses what logical replication would change';

SELECT pg_catalog.pg_extension_config_dump('fraud_journal_progress', '');
SELECT pg_catalog.pg_extension_config_dump('fraud_journal_days', '');
SELECT pg_catalog.pg_extension_config_dump('fraud_journal_open', '');

-- ---- its files

CREATE FUNCTION fraud_journal_segments(
	OUT name pg_catalog.text,
	OUT bytes pg_catalog.int8,
	OUT drained pg_catalog.int8,
	OUT records pg_catalog.int8,
	OUT skipped pg_catalog.int8,
	OUT start pg_catalog.text,
	OUT number pg_catalog.int8,
	OUT node pg_catalog.text,
	OUT first_at pg_catalog.timestamptz,
	OUT state pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000 ROWS 20 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_segments() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_journal_segments() TO pg_monitor;
COMMENT ON FUNCTION fraud_journal_segments()
	IS 'files of the journal: bytes, how many of them are drained, rows that came of it, bytes that were no records, start and number, server and time of the first record; state: writing, waiting to be drained, or drained';

CREATE FUNCTION fraud_journal_read(segment pg_catalog.text) RETURNS pg_catalog.bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_read(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_journal_read(pg_catalog.text)
	IS 'a file of the journal as it is, for fraud_journal_import() elsewhere';

CREATE FUNCTION fraud_journal_import(records pg_catalog.bytea) RETURNS pg_catalog.int8
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_import(pg_catalog.bytea) FROM PUBLIC;
COMMENT ON FUNCTION fraud_journal_import(pg_catalog.bytea)
	IS 'adds the records of a file from another server; returns how many were not there yet';

CREATE FUNCTION fraud_journal_lookup(
	txn_id pg_catalog.text,
	OUT record_id pg_catalog.text,
	OUT node pg_catalog.text,
	OUT written_at pg_catalog.timestamptz,
	OUT payload pg_catalog.jsonb
) RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000 ROWS 1 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_lookup(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_journal_lookup(pg_catalog.text)
	IS 'records of a transaction that are in files and not yet in fraud_journal';

CREATE FUNCTION fraud_journal_append(payload pg_catalog.jsonb, times pg_catalog.int4 DEFAULT 1) RETURNS pg_catalog.text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_append(pg_catalog.jsonb, pg_catalog.int4) FROM PUBLIC;
COMMENT ON FUNCTION fraud_journal_append(pg_catalog.jsonb, pg_catalog.int4)
	IS 'for tests, with fraud_fallback.test_mode: appends a record, so many times; its id, or FULL, or FAILED';

CREATE FUNCTION fraud_journal_verify(
	"from" pg_catalog.date DEFAULT NULL,
	until pg_catalog.date DEFAULT NULL,
	OUT number pg_catalog.int8,
	OUT day pg_catalog.date,
	OUT part pg_catalog.int4,
	OUT kind pg_catalog.text,
	OUT records pg_catalog.int8,
	OUT found pg_catalog.int8,
	OUT ok pg_catalog.bool,
	OUT problem pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_verify(pg_catalog.date, pg_catalog.date) FROM PUBLIC;
COMMENT ON FUNCTION fraud_journal_verify(pg_catalog.date, pg_catalog.date)
	IS 'computes the chain of days again, from one day to another: each link and each part that is open, and what is wrong with it';

-- ---- its state

CREATE FUNCTION fraud_journal_status(
	OUT state pg_catalog.text,
	OUT written pg_catalog.int8,
	OUT "full" pg_catalog.int8,
	OUT failed pg_catalog.int8,
	OUT bytes pg_catalog.int8,
	OUT max_bytes pg_catalog.int8,
	OUT files pg_catalog.int4,
	OUT waiting pg_catalog.int8,
	OUT oldest_waiting pg_catalog.timestamptz,
	OUT last_written_at pg_catalog.timestamptz,
	OUT last_error pg_catalog.text,
	OUT last_error_at pg_catalog.timestamptz,
	OUT flush_failures pg_catalog.int8,
	OUT removed_files pg_catalog.int8,
	OUT drained pg_catalog.int8,
	OUT known pg_catalog.int8,
	OUT expired pg_catalog.int8,
	OUT torn pg_catalog.int8,
	OUT quarantined pg_catalog.int8,
	OUT sync pg_catalog.text
) RETURNS pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_journal_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_journal_status() TO pg_monitor;
COMMENT ON FUNCTION fraud_journal_status() IS 'the row of the view fraud_journal_status';

CREATE VIEW fraud_journal_status AS
	SELECT s.* FROM @extschema@.fraud_journal_status() AS s;
GRANT SELECT ON fraud_journal_status TO pg_monitor;
COMMENT ON VIEW fraud_journal_status IS 'how the journal is; counts are since the server started';
COMMENT ON COLUMN fraud_journal_status.state IS 'OK; FULL: journal.max_size is reached; FAILING: the disk refuses';
COMMENT ON COLUMN fraud_journal_status.written IS 'records';
COMMENT ON COLUMN fraud_journal_status."full" IS 'records refused, as the files had reached their size';
COMMENT ON COLUMN fraud_journal_status.failed IS 'records that were not written, or may be lost';
COMMENT ON COLUMN fraud_journal_status.bytes IS 'of all files; NULL: the directory cannot be read';
COMMENT ON COLUMN fraud_journal_status.max_bytes IS 'setting: so many there may be';
COMMENT ON COLUMN fraud_journal_status.files IS 'how many';
COMMENT ON COLUMN fraud_journal_status.waiting IS 'bytes that are not drained';
COMMENT ON COLUMN fraud_journal_status.oldest_waiting IS 'when the oldest record of them was written; NULL: none waits';
COMMENT ON COLUMN fraud_journal_status.last_written_at IS 'when the last record was';
COMMENT ON COLUMN fraud_journal_status.last_error IS 'of writing or flushing; it may have been well since';
COMMENT ON COLUMN fraud_journal_status.last_error_at IS 'when that was';
COMMENT ON COLUMN fraud_journal_status.flush_failures IS 'files that could not be flushed, and were left for new ones';
COMMENT ON COLUMN fraud_journal_status.removed_files IS 'files that somebody removed while they were written';
COMMENT ON COLUMN fraud_journal_status.drained IS 'records that became rows';
COMMENT ON COLUMN fraud_journal_status.known IS 'records that were rows already';
COMMENT ON COLUMN fraud_journal_status.expired IS 'records older than the retention';
COMMENT ON COLUMN fraud_journal_status.torn IS 'ends of files that were cut, as a crash had torn a record';
COMMENT ON COLUMN fraud_journal_status.quarantined IS 'damaged pieces there are in the folder quarantine';
COMMENT ON COLUMN fraud_journal_status.sync IS 'setting: when a record is on disk';

-- ==== what becomes of records

-- ---- policies that were in force

-- texts, as a later version may read policies otherwise; no key: rows come back
-- from a dump while the worker may add others
CREATE TABLE fraud_policy_history (
	hash pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	policy pg_catalog.text NOT NULL,
	author pg_catalog.text,
	activated_at pg_catalog.timestamptz NOT NULL
);
CREATE INDEX fraud_policy_history_hash ON fraud_policy_history (hash);
CREATE INDEX fraud_policy_history_activated_at ON fraud_policy_history (activated_at);
COMMENT ON TABLE fraud_policy_history IS 'every policy that was in force, written by the worker: policy_hash of a record leads here. Nobody may update, delete or truncate';
COMMENT ON COLUMN fraud_policy_history.hash IS 'as fraud_rules_hash() and policy_hash of a decision';
COMMENT ON COLUMN fraud_policy_history.policy IS 'the whole policy in YAML, defaults too; policy::fraud_rules is one to score with';
COMMENT ON COLUMN fraud_policy_history.author IS 'shipped; or the owner of the file and, where it was fraud_reload(), the role; NULL: not known';
COMMENT ON COLUMN fraud_policy_history.activated_at IS 'when the worker saw it first, within a second';
COMMENT ON INDEX fraud_policy_history_hash IS 'policies by hash';
COMMENT ON INDEX fraud_policy_history_activated_at IS 'policies by time';
CREATE TRIGGER fraud_journal_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON fraud_policy_history
	FOR EACH STATEMENT EXECUTE FUNCTION fraud_journal_keep();
CREATE TRIGGER fraud_journal_keep_row BEFORE UPDATE OR DELETE ON fraud_policy_history
	FOR EACH ROW EXECUTE FUNCTION fraud_journal_keep();
ALTER TABLE fraud_policy_history ENABLE ALWAYS TRIGGER fraud_journal_keep, ENABLE ALWAYS TRIGGER fraud_journal_keep_row;
COMMENT ON TRIGGER fraud_journal_keep ON fraud_policy_history IS 'refuses UPDATE, DELETE and TRUNCATE';
COMMENT ON TRIGGER fraud_journal_keep_row ON fraud_policy_history IS 'refuses what logical replication would change';
SELECT pg_catalog.pg_extension_config_dump('fraud_policy_history', '');

-- ---- decided again

-- decided_at is the second column for src/journal/journal_days.c, which removes by it
CREATE TABLE fraud_settlements (
	record_id pg_catalog.text COLLATE pg_catalog."C" PRIMARY KEY,
	decided_at pg_catalog.timestamptz NOT NULL,
	txn_id pg_catalog.text,
	kind pg_catalog.text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY ('{requeue,reconcile}')),
	decision pg_catalog.jsonb NOT NULL,
	was pg_catalog.text,
	now pg_catalog.text NOT NULL,
	changed pg_catalog.bool NOT NULL,
	ml pg_catalog.jsonb,
	settled_by pg_catalog.text NOT NULL,
	settled_at pg_catalog.timestamptz NOT NULL
);
COMMENT ON TABLE fraud_settlements IS 'records that were decided again, once each. Nobody may update, delete or truncate; the worker removes those of days that journal.retention removes';
COMMENT ON COLUMN fraud_settlements.record_id IS 'as in fraud_journal';
COMMENT ON COLUMN fraud_settlements.decided_at IS 'when the record was';
COMMENT ON COLUMN fraud_settlements.txn_id IS 'the transaction';
COMMENT ON COLUMN fraud_settlements.kind IS 'requeue: by the rules; reconcile: by a verdict from outside';
COMMENT ON COLUMN fraud_settlements.decision IS 'the new answer';
COMMENT ON COLUMN fraud_settlements.was IS 'recommendation of the record';
COMMENT ON COLUMN fraud_settlements.now IS 'recommendation of the new answer';
COMMENT ON COLUMN fraud_settlements.changed IS 'they are not the same';
COMMENT ON COLUMN fraud_settlements.ml IS 'reconcile: the verdict as it came';
COMMENT ON COLUMN fraud_settlements.settled_by IS 'role that called the function';
COMMENT ON COLUMN fraud_settlements.settled_at IS 'when';
COMMENT ON INDEX fraud_settlements_pkey IS 'each record once';
CREATE TRIGGER fraud_journal_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON fraud_settlements
	FOR EACH STATEMENT EXECUTE FUNCTION fraud_journal_keep();
CREATE TRIGGER fraud_journal_keep_row BEFORE UPDATE OR DELETE ON fraud_settlements
	FOR EACH ROW EXECUTE FUNCTION fraud_journal_keep();
ALTER TABLE fraud_settlements ENABLE ALWAYS TRIGGER fraud_journal_keep, ENABLE ALWAYS TRIGGER fraud_journal_keep_row;
COMMENT ON TRIGGER fraud_journal_keep ON fraud_settlements IS 'refuses UPDATE, DELETE and TRUNCATE';
COMMENT ON TRIGGER fraud_journal_keep_row ON fraud_settlements IS 'refuses what logical replication would change';
SELECT pg_catalog.pg_extension_config_dump('fraud_settlements', '');

-- what stands in src/decide/settle.c too: a record is replaced by a later one
-- that says so, or that is of the same facts
CREATE VIEW fraud_queue AS
	SELECT j.record_id, j.txn_id, j.txn,
		   CASE WHEN pg_catalog.jsonb_typeof(j.decision OPERATOR(pg_catalog.->) 'tier') OPERATOR(pg_catalog.=) 'number'
				THEN (j.decision OPERATOR(pg_catalog.->>) 'tier')::pg_catalog.numeric::pg_catalog.int4 END AS tier,
		   j.decision, j.decided_at, s.settled_at, s.now, s.changed
	FROM @extschema@.fraud_journal AS j
		LEFT JOIN @extschema@.fraud_settlements AS s ON s.record_id OPERATOR(pg_catalog.=) j.record_id
	WHERE j.queued
		AND NOT EXISTS (SELECT FROM @extschema@.fraud_journal AS l
			WHERE l.txn_id OPERATOR(pg_catalog.=) j.txn_id AND l.decided_at OPERATOR(pg_catalog.>=) j.decided_at
				AND (l.supersedes OPERATOR(pg_catalog.=) j.record_id OR (l.txn OPERATOR(pg_catalog.=) j.txn
					AND (l.decided_at OPERATOR(pg_catalog.>) j.decided_at OR l.record_id OPERATOR(pg_catalog.>) j.record_id))));
COMMENT ON VIEW fraud_queue IS 'what was decided in an emergency or during maintenance, and was not replaced since; settled_at IS NULL: it waits to be decided again';
COMMENT ON COLUMN fraud_queue.record_id IS 'as in fraud_journal, for fraud_reconcile()';
COMMENT ON COLUMN fraud_queue.txn_id IS 'the transaction';
COMMENT ON COLUMN fraud_queue.txn IS 'as in fraud_journal';
COMMENT ON COLUMN fraud_queue.tier IS 'it was decided at';
COMMENT ON COLUMN fraud_queue.decision IS 'the answer that was given';
COMMENT ON COLUMN fraud_queue.decided_at IS 'when';
COMMENT ON COLUMN fraud_queue.settled_at IS 'when it was decided again; NULL: it waits';
COMMENT ON COLUMN fraud_queue.now IS 'recommendation then';
COMMENT ON COLUMN fraud_queue.changed IS 'it is another one than was given';

CREATE FUNCTION fraud_requeue(
	since pg_catalog.timestamptz DEFAULT NULL,
	until pg_catalog.timestamptz DEFAULT NULL,
	tiers pg_catalog.int4[] DEFAULT '{4,5}',
	max_rows pg_catalog.int4 DEFAULT NULL,
	OUT txn_id pg_catalog.text,
	OUT was pg_catalog.text,
	OUT now pg_catalog.text,
	OUT changed pg_catalog.bool
) RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_requeue(pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int4[], pg_catalog.int4) FROM PUBLIC;
COMMENT ON FUNCTION fraud_requeue(pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int4[], pg_catalog.int4)
	IS 'decides what waits in fraud_queue again, oldest first, at most so many: by the rules, with the stored histories as of the transaction''s own time; on request records of tiers 2 and 3, too. Recommendations before and now';

CREATE FUNCTION fraud_reconcile(
	record_id pg_catalog.text,
	ml pg_catalog.jsonb,
	OUT txn_id pg_catalog.text,
	OUT was pg_catalog.text,
	OUT now pg_catalog.text,
	OUT changed pg_catalog.bool
) RETURNS pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_reconcile(pg_catalog.text, pg_catalog.jsonb) FROM PUBLIC;
COMMENT ON FUNCTION fraud_reconcile(pg_catalog.text, pg_catalog.jsonb)
	IS 'settles a record with a verdict of the model that came afterwards; an error where it is none, or the record is settled: the first settlement stays';

-- ---- why

CREATE FUNCTION fraud_why(
	txn_id pg_catalog.text,
	all_records pg_catalog.bool DEFAULT false,
	OUT number pg_catalog.int4,
	OUT rule pg_catalog.text,
	OUT category pg_catalog.text,
	OUT status pg_catalog.text,
	OUT points pg_catalog.int4,
	OUT value pg_catalog.float8,
	OUT threshold pg_catalog.float8,
	OUT reason pg_catalog.text,
	OUT decided_at pg_catalog.timestamptz,
	OUT policy_hash pg_catalog.text,
	OUT record_id pg_catalog.text,
	OUT recommendation pg_catalog.text,
	OUT source pg_catalog.text
) RETURNS SETOF pg_catalog.record LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER COST 10000 ROWS 20
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH records AS MATERIALIZED (
		SELECT j.record_id, j.decided_at, j.decision, j.rules, j.supersedes,
			   coalesce(j.policy_hash, j.decision OPERATOR(pg_catalog.->>) 'policy_hash') AS policy_hash
		FROM @extschema@.fraud_journal AS j
		WHERE j.txn_id OPERATOR(pg_catalog.=) fraud_why.txn_id
		UNION ALL
		-- in files; a copy of a file may have what is a row already
		SELECT f.record_id,
			   CASE WHEN f.payload OPERATOR(pg_catalog.->>) 'decided_at' OPERATOR(pg_catalog.~) '^\d{4}-\d\d-\d\dT[\d:.]+(Z|[-+]\d\d(:\d\d)?)$'
					THEN (f.payload OPERATOR(pg_catalog.->>) 'decided_at')::pg_catalog.timestamptz ELSE f.written_at END,
			   f.payload OPERATOR(pg_catalog.->) 'decision', f.payload OPERATOR(pg_catalog.->) 'rules',
			   f.payload OPERATOR(pg_catalog.->>) 'supersedes',
			   coalesce(f.payload OPERATOR(pg_catalog.->>) 'policy_hash',
						f.payload OPERATOR(pg_catalog.->) 'decision' OPERATOR(pg_catalog.->>) 'policy_hash')
		FROM @extschema@.fraud_journal_lookup(fraud_why.txn_id) AS f
		WHERE f.record_id OPERATOR(pg_catalog.<>) ALL (ARRAY(SELECT k.record_id FROM @extschema@.fraud_journal AS k
			WHERE k.txn_id OPERATOR(pg_catalog.=) fraud_why.txn_id))
	), ranked AS MATERIALIZED (
		SELECT r.record_id, r.decided_at, r.decision, r.policy_hash,
			   CASE WHEN pg_catalog.jsonb_typeof(r.rules) OPERATOR(pg_catalog.=) 'object' THEN r.rules ELSE '{}' END AS rules,
			   r.decision OPERATOR(pg_catalog.->>) 'recommendation' AS recommendation,
			   r.decision OPERATOR(pg_catalog.->>) 'source' AS source,
			   pg_catalog.row_number() OVER (ORDER BY
					EXISTS (SELECT FROM records AS l WHERE l.supersedes OPERATOR(pg_catalog.=) r.record_id),
					r.decided_at DESC, r.record_id DESC) AS place
		FROM records AS r
	), shown AS MATERIALIZED (
		SELECT r.* FROM ranked AS r
		WHERE r.place OPERATOR(pg_catalog.=) 1 OR fraud_why.all_records
	), lines AS (
		SELECT s.record_id, 1 AS part, 0 AS number, 'decision' AS rule, s.decision OPERATOR(pg_catalog.->>) 'mode' AS category,
			   s.recommendation AS status, s.decision OPERATOR(pg_catalog.->) 'risk_score' AS points,
			   NULL::pg_catalog.jsonb AS value, NULL::pg_catalog.jsonb AS threshold,
			   coalesce(s.decision OPERATOR(pg_catalog.->>) 'reason', 'the record has no reason') AS reason
		FROM shown AS s
		UNION ALL
		SELECT s.record_id, 2, 0, 'settlement', t.kind, t.now, t.decision OPERATOR(pg_catalog.->) 'risk_score', NULL, NULL,
			   pg_catalog.format('by %s at %s: %s', t.settled_by, t.settled_at, t.decision OPERATOR(pg_catalog.->>) 'reason')
		FROM shown AS s JOIN @extschema@.fraud_settlements AS t ON t.record_id OPERATOR(pg_catalog.=) s.record_id
		UNION ALL
		SELECT s.record_id, 3, c.number, e.key, coalesce(c.category, 'custom'), e.value OPERATOR(pg_catalog.->>) 'status',
			   e.value OPERATOR(pg_catalog.->) 'points', e.value OPERATOR(pg_catalog.->) 'value',
			   e.value OPERATOR(pg_catalog.->) 'threshold',
			   coalesce(e.value OPERATOR(pg_catalog.->>) 'reason',
						CASE WHEN e.value OPERATOR(pg_catalog.->>) 'status' OPERATOR(pg_catalog.=) ANY ('{not_evaluated,error}')
							 THEN pg_catalog.concat_ws(': ', pg_catalog.replace(e.value OPERATOR(pg_catalog.->>) 'status', '_', ' '),
								s.decision OPERATOR(pg_catalog.#>>) ARRAY['detail', 'not_evaluated', e.key])
							 WHEN e.value OPERATOR(pg_catalog.->>) 'status' OPERATOR(pg_catalog.=) 'skipped'
							 THEN 'skipped, the answer was certain' END,
						nullif(pg_catalog.concat_ws(', ', 'value ' OPERATOR(pg_catalog.||) (e.value OPERATOR(pg_catalog.->>) 'value'),
							'threshold ' OPERATOR(pg_catalog.||) (e.value OPERATOR(pg_catalog.->>) 'threshold')), ''),
						pg_catalog.replace(e.value OPERATOR(pg_catalog.->>) 'status', '_', ' '))
		FROM shown AS s
			CROSS JOIN LATERAL pg_catalog.jsonb_each(s.rules) AS e
			LEFT JOIN @extschema@.fraud_rules_catalog() AS c ON c.rule OPERATOR(pg_catalog.=) e.key
		UNION ALL
		SELECT s.record_id, 4, NULL, f.factor, CASE WHEN s.source OPERATOR(pg_catalog.=) ANY ('{ML,CACHED_ML}') THEN 'ml' END,
			   'factor', NULL, NULL, NULL,
			   CASE WHEN s.source OPERATOR(pg_catalog.=) ANY ('{ML,CACHED_ML}') THEN 'named by the model' ELSE 'named by the decision' END
		FROM shown AS s
			CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(
				CASE WHEN pg_catalog.jsonb_typeof(s.decision OPERATOR(pg_catalog.->) 'risk_factors') OPERATOR(pg_catalog.=) 'array'
					 THEN s.decision OPERATOR(pg_catalog.->) 'risk_factors' ELSE '[]' END) AS f(factor)
		WHERE NOT s.rules OPERATOR(pg_catalog.?) f.factor
	)
	SELECT n.number, n.rule, n.category, n.status,
		   CASE WHEN pg_catalog.jsonb_typeof(n.points) OPERATOR(pg_catalog.=) 'number' THEN n.points::pg_catalog.int4 END,
		   CASE WHEN pg_catalog.jsonb_typeof(n.value) OPERATOR(pg_catalog.=) 'number' THEN n.value::pg_catalog.float8 END,
		   CASE WHEN pg_catalog.jsonb_typeof(n.threshold) OPERATOR(pg_catalog.=) 'number' THEN n.threshold::pg_catalog.float8 END,
		   n.reason, s.decided_at, s.policy_hash, s.record_id, s.recommendation, s.source
	FROM lines AS n JOIN shown AS s ON s.record_id OPERATOR(pg_catalog.=) n.record_id
	ORDER BY s.decided_at DESC, s.record_id DESC, n.part, n.number, n.rule;
END;
REVOKE ALL ON FUNCTION fraud_why(pg_catalog.text, pg_catalog.bool) FROM PUBLIC;
COMMENT ON FUNCTION fraud_why(pg_catalog.text, pg_catalog.bool)
	IS 'the last decision of a transaction, or all of them: first the decision and, if there is one, its settlement (number 0), then what each rule found, then what else it names. From fraud_journal and from files that wait';

-- ==== live attempts and recent decisions

CREATE FUNCTION fraud_live(
	OUT customers pg_catalog.int8,
	OUT capacity pg_catalog.int8,
	OUT evicted pg_catalog.int8,
	OUT evicted_live pg_catalog.int8,
	OUT ahead_of_clock pg_catalog.int8,
	OUT decisions pg_catalog.int8,
	OUT decisions_capacity pg_catalog.int8,
	OUT decisions_evicted pg_catalog.int8,
	OUT decisions_no_place pg_catalog.int8,
	OUT decisions_too_large pg_catalog.int8,
	OUT memory_bytes pg_catalog.int8) RETURNS pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_live() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_live() TO pg_monitor;
COMMENT ON FUNCTION fraud_live() IS 'the row of the view fraud_live';

CREATE VIEW fraud_live AS
	SELECT l.* FROM @extschema@.fraud_live() AS l;
GRANT SELECT ON fraud_live TO pg_monitor;
COMMENT ON VIEW fraud_live IS 'attempts and decisions that all sessions remember together, since the server started';
COMMENT ON COLUMN fraud_live.customers IS 'remembered, of all databases; those without an attempt in the last hour make room first';
COMMENT ON COLUMN fraud_live.capacity IS 'customers there is room for: fraud_fallback.live_customers, rounded up';
COMMENT ON COLUMN fraud_live.evicted IS 'customers that made room for others';
COMMENT ON COLUMN fraud_live.evicted_live IS 'of them, with an attempt in the last hour: raise fraud_fallback.live_customers, or somebody floods the server';
COMMENT ON COLUMN fraud_live.ahead_of_clock IS 'attempts not remembered, as they were more than a day ahead of the clock';
COMMENT ON COLUMN fraud_live.decisions IS 'remembered; they are used for 10 minutes';
COMMENT ON COLUMN fraud_live.decisions_capacity IS 'decisions there is room for, if they are of usual size: four a customer';
COMMENT ON COLUMN fraud_live.decisions_evicted IS 'that made room for others within 10 minutes';
COMMENT ON COLUMN fraud_live.decisions_no_place IS 'not remembered, as too many were being made at one time';
COMMENT ON COLUMN fraud_live.decisions_too_large IS 'not remembered, as they had more than 2,000 bytes';
COMMENT ON COLUMN fraud_live.memory_bytes IS 'of shared memory';

CREATE FUNCTION fraud_test_attempt(
	txn pg_catalog.jsonb,
	stored fraud_profile DEFAULT NULL,
	OUT attempts pg_catalog.int4,
	OUT live pg_catalog.int4,
	OUT remembered pg_catalog.bool,
	OUT incomplete pg_catalog.bool,
	OUT more pg_catalog.bool,
	OUT displaced pg_catalog.bool,
	OUT left_out pg_catalog.int4,
	OUT spent pg_catalog.int8) RETURNS pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_attempt(pg_catalog.jsonb, fraud_profile) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_attempt(pg_catalog.jsonb, fraud_profile)
	IS 'for tests, with fraud_fallback.test_mode: adds a live attempt, counts those of 10 minutes with the stored ones';

CREATE FUNCTION fraud_test_mark(txn pg_catalog.jsonb, outcome pg_catalog.text) RETURNS pg_catalog.bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_mark(pg_catalog.jsonb, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_mark(pg_catalog.jsonb, pg_catalog.text)
	IS 'for tests, with fraud_fallback.test_mode: what became of a live attempt: counts, blocked or failed';

CREATE FUNCTION fraud_test_last_profile(
	customer pg_catalog.text,
	profile fraud_profile DEFAULT NULL,
	OUT kept fraud_profile,
	OUT age pg_catalog.interval) RETURNS pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_last_profile(pg_catalog.text, fraud_profile) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_last_profile(pg_catalog.text, fraud_profile)
	IS 'for tests, with fraud_fallback.test_mode: keeps a last known profile, and returns what is kept';

CREATE FUNCTION fraud_test_decision(
	txn pg_catalog.jsonb,
	verdict pg_catalog.bool DEFAULT false,
	answer pg_catalog.bytea DEFAULT NULL,
	record pg_catalog.text DEFAULT NULL,
	OUT found pg_catalog.text,
	OUT reused pg_catalog.bool,
	OUT found_answer pg_catalog.bytea,
	OUT found_record pg_catalog.text,
	OUT kept pg_catalog.bool,
	OUT other_record pg_catalog.text) RETURNS pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_decision(pg_catalog.jsonb, pg_catalog.bool, pg_catalog.bytea, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_decision(pg_catalog.jsonb, pg_catalog.bool, pg_catalog.bytea, pg_catalog.text)
	IS 'for tests, with fraud_fallback.test_mode: claims a decision, and answers it; NULL: the claim stays open as long as the transaction';

CREATE FUNCTION fraud_test_record(txn pg_catalog.record, more pg_catalog.jsonb DEFAULT '{}', policy fraud_rules DEFAULT NULL) RETURNS pg_catalog.bytea
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_record(pg_catalog.record, pg_catalog.jsonb, fraud_rules) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_record(pg_catalog.record, pg_catalog.jsonb, fraud_rules)
	IS 'for tests, with fraud_fallback.test_mode: the payload of a record as the journal would have it, in UTF-8, of a decision without history; more: other members of it';
CREATE FUNCTION fraud_test_record(txn pg_catalog.jsonb, more pg_catalog.jsonb DEFAULT '{}', policy fraud_rules DEFAULT NULL) RETURNS pg_catalog.bytea
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_record(pg_catalog.jsonb, pg_catalog.jsonb, fraud_rules) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_record(pg_catalog.jsonb, pg_catalog.jsonb, fraud_rules)
	IS 'for tests, with fraud_fallback.test_mode: the payload of a record as the journal would have it, in UTF-8, of a decision without history; more: other members of it';
CREATE FUNCTION fraud_test_record(txn pg_catalog.text, more pg_catalog.jsonb DEFAULT '{}', policy fraud_rules DEFAULT NULL) RETURNS pg_catalog.bytea
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_test_record(pg_catalog.text, pg_catalog.jsonb, fraud_rules) FROM PUBLIC;
COMMENT ON FUNCTION fraud_test_record(pg_catalog.text, pg_catalog.jsonb, fraud_rules)
	IS 'for tests, with fraud_fallback.test_mode: the payload of a record as the journal would have it, in UTF-8, of a decision without history; more: other members of it';

-- ---- verdicts

-- ==== verdicts of ML

CREATE FUNCTION fraud_verdict(
	ml pg_catalog.jsonb,
	OUT valid pg_catalog.bool,
	OUT risk_score pg_catalog.int4,
	OUT risk_level pg_catalog.text,
	OUT recommendation pg_catalog.text,
	OUT is_fraud pg_catalog.bool,
	OUT risk_factors pg_catalog.text[],
	OUT problem pg_catalog.text) RETURNS pg_catalog.record
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fraud_verdict(pg_catalog.jsonb)
	IS 'what a decision makes of an answer of the ML service, with the settings and the policy in force; problem: why it is no verdict';

-- ==== the service: tiers, dependencies, maintenance

-- ---- reading

CREATE FUNCTION fraud_tier() RETURNS pg_catalog.int4
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_tier() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_tier() TO pg_monitor;
COMMENT ON FUNCTION fraud_tier()
	IS 'the tier of the service: 1 FULL, 2 DEGRADED, 3 MINIMAL, 4 EMERGENCY, 5 MAINTENANCE';

CREATE FUNCTION fraud_tier_status(
	OUT tier pg_catalog.int4,
	OUT name pg_catalog.text,
	OUT since pg_catalog.timestamptz,
	OUT reason pg_catalog.text,
	OUT next pg_catalog.text,
	OUT recover_at pg_catalog.timestamptz,
	OUT measured pg_catalog.int4,
	OUT held pg_catalog.int4,
	OUT override pg_catalog.int4,
	OUT override_forced pg_catalog.bool,
	OUT override_until pg_catalog.timestamptz,
	OUT override_by pg_catalog.text,
	OUT override_reason pg_catalog.text,
	OUT maintenance pg_catalog.int8,
	OUT maintenance_until pg_catalog.timestamptz,
	OUT message pg_catalog.text,
	OUT contact pg_catalog.text,
	OUT retry_after pg_catalog.interval,
	OUT standby pg_catalog.bool,
	OUT replay_lag pg_catalog.interval,
	OUT read_only pg_catalog.bool,
	OUT time_in_tiers pg_catalog.interval[],
	OUT transitions_day pg_catalog.int4,
	OUT decisions pg_catalog.int8[],
	OUT ml_trials pg_catalog.bool,
	OUT evaluated_at pg_catalog.timestamptz,
	OUT restored_at pg_catalog.timestamptz) RETURNS pg_catalog.record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_tier_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_tier_status() TO pg_monitor;
COMMENT ON FUNCTION fraud_tier_status() IS 'the row of the view fraud_tier_status';

CREATE VIEW fraud_tier_status AS
	SELECT s.* FROM @extschema@.fraud_tier_status() AS s;
GRANT SELECT ON fraud_tier_status TO pg_monitor;
COMMENT ON VIEW fraud_tier_status IS 'the tier of the service, why, and what comes next';
COMMENT ON COLUMN fraud_tier_status.tier IS 'as fraud_tier()';
COMMENT ON COLUMN fraud_tier_status.name IS 'FULL, DEGRADED, MINIMAL, EMERGENCY or MAINTENANCE';
COMMENT ON COLUMN fraud_tier_status.since IS 'when it began';
COMMENT ON COLUMN fraud_tier_status.reason IS 'why, with everything that is not well';
COMMENT ON COLUMN fraud_tier_status.next IS 'what comes next';
COMMENT ON COLUMN fraud_tier_status.recover_at IS 'when it gets better if nothing fails until then, or an override or a window ends; NULL: nobody knows';
COMMENT ON COLUMN fraud_tier_status.measured IS 'what is measured this moment';
COMMENT ON COLUMN fraud_tier_status.held IS 'that, but up only one tier at a time, each after its time of health';
COMMENT ON COLUMN fraud_tier_status.override IS 'the best tier allowed by tier_override(); NULL: none';
COMMENT ON COLUMN fraud_tier_status.override_forced IS 'that tier, whatever is measured';
COMMENT ON COLUMN fraud_tier_status.override_until IS 'when it ends';
COMMENT ON COLUMN fraud_tier_status.override_by IS 'role that set it';
COMMENT ON COLUMN fraud_tier_status.override_reason IS 'as given';
COMMENT ON COLUMN fraud_tier_status.maintenance IS 'number of the window that is open; NULL: none';
COMMENT ON COLUMN fraud_tier_status.maintenance_until IS 'when it ends, and those that follow it without a gap';
COMMENT ON COLUMN fraud_tier_status.message IS 'of the window, for customers';
COMMENT ON COLUMN fraud_tier_status.contact IS 'whom to ask, of the window or of service.yaml';
COMMENT ON COLUMN fraud_tier_status.retry_after IS 'setting: what callers are told to wait during maintenance';
COMMENT ON COLUMN fraud_tier_status.standby IS 'the server is in recovery';
COMMENT ON COLUMN fraud_tier_status.replay_lag IS 'how far it is behind; NULL: no standby, or not known';
COMMENT ON COLUMN fraud_tier_status.read_only IS 'default_transaction_read_only of the server or the worker''s database';
COMMENT ON COLUMN fraud_tier_status.time_in_tiers IS 'since the server started, by tier from 1 to 5';
COMMENT ON COLUMN fraud_tier_status.transitions_day IS 'changes of the tier in the last 24 hours, since the server started; at most 500';
COMMENT ON COLUMN fraud_tier_status.decisions IS 'decisions since the server started, by tier from 1 to 5';
COMMENT ON COLUMN fraud_tier_status.ml_trials IS 'at tier 2 for nothing but ML, which is asked now and then';
COMMENT ON COLUMN fraud_tier_status.evaluated_at IS 'when the worker last looked; long ago: it is not running';
COMMENT ON COLUMN fraud_tier_status.restored_at IS 'when the saved state was read; NULL: there was none';

CREATE FUNCTION fraud_dependencies(
	OUT name pg_catalog.text,
	OUT role pg_catalog.text,
	OUT kind pg_catalog.text,
	OUT configured pg_catalog.bool,
	OUT health pg_catalog.text,
	OUT by_probes pg_catalog.text,
	OUT by_traffic pg_catalog.text,
	OUT circuit pg_catalog.text,
	OUT latency pg_catalog.interval,
	OUT recent pg_catalog.text,
	OUT last_error pg_catalog.text,
	OUT last_error_at pg_catalog.timestamptz,
	OUT last_probe_at pg_catalog.timestamptz,
	OUT samples pg_catalog.int8,
	OUT failures pg_catalog.int8,
	OUT effect pg_catalog.text,
	OUT not_probed pg_catalog.text) RETURNS SETOF pg_catalog.record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 5 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_dependencies() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_dependencies() TO pg_monitor;
COMMENT ON FUNCTION fraud_dependencies() IS 'rows of the view fraud_dependencies';

CREATE VIEW fraud_dependencies AS
	SELECT d.* FROM @extschema@.fraud_dependencies() AS d;
GRANT SELECT ON fraud_dependencies TO pg_monitor;
COMMENT ON VIEW fraud_dependencies IS 'what the service depends on, and how it is';
COMMENT ON COLUMN fraud_dependencies.name IS 'in service.yaml, or its role where nothing is configured';
COMMENT ON COLUMN fraud_dependencies.role IS 'ml, database, cache, search or other';
COMMENT ON COLUMN fraud_dependencies.kind IS 'how it is probed: sql, tcp, push or off; NULL: not configured';
COMMENT ON COLUMN fraud_dependencies.configured IS 'it is probed or reported';
COMMENT ON COLUMN fraud_dependencies.health IS 'the worse of the next two: HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN or NOT_CONFIGURED';
COMMENT ON COLUMN fraud_dependencies.by_probes IS 'what probes say; STALE: reported too long ago, which has no effect';
COMMENT ON COLUMN fraud_dependencies.by_traffic IS 'what real traffic says: calls of circuit ml, look-ups of histories; NULL: there is none for this role';
COMMENT ON COLUMN fraud_dependencies.circuit IS 'state of the circuit of ML';
COMMENT ON COLUMN fraud_dependencies.latency IS 'of the last probe; NULL: it failed';
COMMENT ON COLUMN fraud_dependencies.recent IS 'the last samples, latest first: + good, ~ slow, - failed';
COMMENT ON COLUMN fraud_dependencies.last_error IS 'of the last probe that failed; it may have been well since';
COMMENT ON COLUMN fraud_dependencies.last_error_at IS 'when that was';
COMMENT ON COLUMN fraud_dependencies.last_probe_at IS 'when it was last probed or reported';
COMMENT ON COLUMN fraud_dependencies.samples IS 'probes or reports since the server started';
COMMENT ON COLUMN fraud_dependencies.failures IS 'of them, timeouts too';
COMMENT ON COLUMN fraud_dependencies.effect IS 'the best tier possible because of it, or none';
COMMENT ON COLUMN fraud_dependencies.not_probed IS 'why it cannot be probed, which has no effect; NULL: it can';

CREATE FUNCTION fraud_health(kind pg_catalog.text, OUT ok pg_catalog.bool, OUT detail pg_catalog.jsonb)
	RETURNS pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_health(pg_catalog.text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_health(pg_catalog.text) TO pg_monitor;
COMMENT ON FUNCTION fraud_health(pg_catalog.text)
	IS 'for orchestrators: live, this session works; ready, send transactions here; startup, it has started. detail says what was checked';

-- ---- by hand

CREATE FUNCTION health_report(
	dependency pg_catalog.text,
	ok pg_catalog.bool,
	latency pg_catalog.interval DEFAULT NULL) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION health_report(pg_catalog.text, pg_catalog.bool, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION health_report(pg_catalog.text, pg_catalog.bool, pg_catalog.interval)
	IS 'how a dependency of kind push is, as somebody outside sees it; says nothing any more after three intervals';

CREATE FUNCTION tier_override(
	tier pg_catalog.int4,
	duration pg_catalog.interval,
	reason pg_catalog.text,
	force pg_catalog.bool DEFAULT false) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION tier_override(pg_catalog.int4, pg_catalog.interval, pg_catalog.text, pg_catalog.bool) FROM PUBLIC;
COMMENT ON FUNCTION tier_override(pg_catalog.int4, pg_catalog.interval, pg_catalog.text, pg_catalog.bool)
	IS 'the best tier allowed for so long, 24 hours at most; a worse one that is measured still wins. With force: this tier whatever is measured, but not during maintenance';

CREATE FUNCTION tier_override_clear() RETURNS pg_catalog.bool
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION tier_override_clear() FROM PUBLIC;
COMMENT ON FUNCTION tier_override_clear() IS 'ends the override; false: there was none';

CREATE FUNCTION maintenance_schedule(
	starts pg_catalog.timestamptz,
	ends pg_catalog.timestamptz,
	message pg_catalog.text DEFAULT NULL,
	contact pg_catalog.text DEFAULT NULL,
	every pg_catalog.interval DEFAULT NULL) RETURNS pg_catalog.int8
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION maintenance_schedule(pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.text, pg_catalog.text, pg_catalog.interval) FROM PUBLIC;
COMMENT ON FUNCTION maintenance_schedule(pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.text, pg_catalog.text, pg_catalog.interval)
	IS 'tier 5 from starts to ends, again after every so long; its number. On disk when the call returns';

CREATE FUNCTION maintenance_cancel(id pg_catalog.int8) RETURNS pg_catalog.void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION maintenance_cancel(pg_catalog.int8) FROM PUBLIC;
COMMENT ON FUNCTION maintenance_cancel(pg_catalog.int8) IS 'ends a window, also one that is open';

CREATE FUNCTION fraud_maintenance(
	OUT id pg_catalog.int8,
	OUT starts pg_catalog.timestamptz,
	OUT ends pg_catalog.timestamptz,
	OUT every pg_catalog.interval,
	OUT open pg_catalog.bool,
	OUT next_starts pg_catalog.timestamptz,
	OUT next_ends pg_catalog.timestamptz,
	OUT message pg_catalog.text,
	OUT contact pg_catalog.text,
	OUT scheduled_by pg_catalog.text,
	OUT scheduled_at pg_catalog.timestamptz) RETURNS SETOF pg_catalog.record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 5 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_maintenance() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_maintenance() TO pg_monitor;
COMMENT ON FUNCTION fraud_maintenance() IS 'rows of the view fraud_maintenance';

CREATE VIEW fraud_maintenance AS
	SELECT m.* FROM @extschema@.fraud_maintenance() AS m;
GRANT SELECT ON fraud_maintenance TO pg_monitor;
COMMENT ON VIEW fraud_maintenance IS 'maintenance windows that are open or to come';
COMMENT ON COLUMN fraud_maintenance.id IS 'for maintenance_cancel()';
COMMENT ON COLUMN fraud_maintenance.starts IS 'as scheduled; the first one where it comes again';
COMMENT ON COLUMN fraud_maintenance.ends IS 'as scheduled';
COMMENT ON COLUMN fraud_maintenance.every IS 'it comes again after so long; NULL: once';
COMMENT ON COLUMN fraud_maintenance.open IS 'now';
COMMENT ON COLUMN fraud_maintenance.next_starts IS 'of the one that is open or comes next';
COMMENT ON COLUMN fraud_maintenance.next_ends IS 'of the same';
COMMENT ON COLUMN fraud_maintenance.message IS 'for customers, its own or that of service.yaml';
COMMENT ON COLUMN fraud_maintenance.contact IS 'whom to ask';
COMMENT ON COLUMN fraud_maintenance.scheduled_by IS 'role';
COMMENT ON COLUMN fraud_maintenance.scheduled_at IS 'when';

-- ==== deciding

CREATE FUNCTION fraud_decide(
	txn pg_catalog.record,
	ml pg_catalog.jsonb DEFAULT NULL,
	ml_status pg_catalog.int4 DEFAULT NULL,
	ml_latency pg_catalog.interval DEFAULT NULL,
	ticket pg_catalog.int8 DEFAULT NULL,
	ml_error pg_catalog.text DEFAULT NULL
) RETURNS fraud_decision LANGUAGE c VOLATILE PARALLEL UNSAFE COST 200 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_decide(pg_catalog.record, pg_catalog.jsonb, pg_catalog.int4, pg_catalog.interval, pg_catalog.int8, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_decide(pg_catalog.record, pg_catalog.jsonb, pg_catalog.int4, pg_catalog.interval, pg_catalog.int8, pg_catalog.text)
	IS 'the decision about a transaction, with or without what the ML service said; counted and recorded, also if the transaction is rolled back';
CREATE FUNCTION fraud_route(
	txn pg_catalog.record,
	OUT route pg_catalog.text,
	OUT ticket pg_catalog.int8,
	OUT tier pg_catalog.int4,
	OUT reason pg_catalog.text,
	OUT features pg_catalog.jsonb,
	OUT decision fraud_decision
) RETURNS pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 200 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_route(pg_catalog.record) FROM PUBLIC;
COMMENT ON FUNCTION fraud_route(pg_catalog.record)
	IS 'whether to ask the ML service: ML, with a ticket and features for it; or RULES, with the decision, which is final';
CREATE FUNCTION fraud_decide(
	txn pg_catalog.jsonb,
	ml pg_catalog.jsonb DEFAULT NULL,
	ml_status pg_catalog.int4 DEFAULT NULL,
	ml_latency pg_catalog.interval DEFAULT NULL,
	ticket pg_catalog.int8 DEFAULT NULL,
	ml_error pg_catalog.text DEFAULT NULL
) RETURNS fraud_decision LANGUAGE c VOLATILE PARALLEL UNSAFE COST 200 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_decide(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.int4, pg_catalog.interval, pg_catalog.int8, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_decide(pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.int4, pg_catalog.interval, pg_catalog.int8, pg_catalog.text)
	IS 'the decision about a transaction, with or without what the ML service said; counted and recorded, also if the transaction is rolled back';
CREATE FUNCTION fraud_route(
	txn pg_catalog.jsonb,
	OUT route pg_catalog.text,
	OUT ticket pg_catalog.int8,
	OUT tier pg_catalog.int4,
	OUT reason pg_catalog.text,
	OUT features pg_catalog.jsonb,
	OUT decision fraud_decision
) RETURNS pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 200 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_route(pg_catalog.jsonb) FROM PUBLIC;
COMMENT ON FUNCTION fraud_route(pg_catalog.jsonb)
	IS 'whether to ask the ML service: ML, with a ticket and features for it; or RULES, with the decision, which is final';
CREATE FUNCTION fraud_decide(
	txn pg_catalog.text,
	ml pg_catalog.jsonb DEFAULT NULL,
	ml_status pg_catalog.int4 DEFAULT NULL,
	ml_latency pg_catalog.interval DEFAULT NULL,
	ticket pg_catalog.int8 DEFAULT NULL,
	ml_error pg_catalog.text DEFAULT NULL
) RETURNS fraud_decision LANGUAGE c VOLATILE PARALLEL UNSAFE COST 200 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_decide(pg_catalog.text, pg_catalog.jsonb, pg_catalog.int4, pg_catalog.interval, pg_catalog.int8, pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_decide(pg_catalog.text, pg_catalog.jsonb, pg_catalog.int4, pg_catalog.interval, pg_catalog.int8, pg_catalog.text)
	IS 'the decision about a transaction, with or without what the ML service said; counted and recorded, also if the transaction is rolled back';
CREATE FUNCTION fraud_route(
	txn pg_catalog.text,
	OUT route pg_catalog.text,
	OUT ticket pg_catalog.int8,
	OUT tier pg_catalog.int4,
	OUT reason pg_catalog.text,
	OUT features pg_catalog.jsonb,
	OUT decision fraud_decision
) RETURNS pg_catalog.record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 200 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_route(pg_catalog.text) FROM PUBLIC;
COMMENT ON FUNCTION fraud_route(pg_catalog.text)
	IS 'whether to ask the ML service: ML, with a ticket and features for it; or RULES, with the decision, which is final';

CREATE FUNCTION fraud_http(request pg_catalog.jsonb) RETURNS pg_catalog.jsonb
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT CASE WHEN pg_catalog.set_config('response.status', a.status, true) IS NOT NULL
		AND pg_catalog.set_config('response.headers', a.headers, true) IS NOT NULL THEN a.body END
	FROM (
		SELECT CASE WHEN d.source OPERATOR(pg_catalog.=) 'NONE' THEN '503' ELSE '200' END AS status,
			pg_catalog.concat('[{"X-Service-Tier": "', d.tier, '"}, {"X-Service-Mode": "', d.mode, '"}',
				CASE WHEN d.retry_after IS NOT NULL THEN pg_catalog.concat(', {"Retry-After": "',
					pg_catalog.ceil(EXTRACT(epoch FROM d.retry_after)), '"}') END,
				CASE WHEN d.tier OPERATOR(pg_catalog.=) 5 THEN ', {"X-Maintenance-Mode": "true"}' END, ']') AS headers,
			pg_catalog.to_jsonb(d) AS body
		FROM (SELECT pg_catalog.jsonb_typeof(request OPERATOR(pg_catalog.->) 'txn') OPERATOR(pg_catalog.=) 'object' AS wrapped) AS w,
			@extschema@.fraud_decide(
				CASE WHEN w.wrapped THEN request OPERATOR(pg_catalog.->) 'txn' ELSE request END,
				CASE WHEN w.wrapped AND pg_catalog.jsonb_typeof(request OPERATOR(pg_catalog.->) 'ml') OPERATOR(pg_catalog.<>) 'null' THEN request OPERATOR(pg_catalog.->) 'ml' END,
				CASE WHEN w.wrapped THEN (request OPERATOR(pg_catalog.->>) 'ml_status')::pg_catalog.int4 END,
				CASE WHEN w.wrapped THEN (request OPERATOR(pg_catalog.->>) 'ml_latency')::pg_catalog.interval END,
				CASE WHEN w.wrapped THEN (request OPERATOR(pg_catalog.->>) 'ticket')::pg_catalog.int8 END,
				CASE WHEN w.wrapped THEN request OPERATOR(pg_catalog.->>) 'ml_error' END) AS d) AS a;
END;
REVOKE ALL ON FUNCTION fraud_http(pg_catalog.jsonb) FROM PUBLIC;
COMMENT ON FUNCTION fraud_http(pg_catalog.jsonb)
	IS 'fraud_decide() for front ends of HTTP in the manner of PostgREST: the body of a request, {"txn": {...}, "ml": ...} or the transaction itself, to that of the answer; sets response.status and response.headers';
