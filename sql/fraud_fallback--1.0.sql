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

-- ---- the rules file

CREATE FUNCTION fraud_reload() RETURNS pg_catalog.text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_reload() FROM PUBLIC;
COMMENT ON FUNCTION fraud_reload()
	IS 'reads the rules file now, for statements that begin later; returns the hash of the policy in force';

CREATE FUNCTION fraud_config_status(
	OUT file pg_catalog.text,
	OUT path pg_catalog.text,
	OUT hash pg_catalog.text,
	OUT basis_hash pg_catalog.text,
	OUT loaded_at pg_catalog.timestamptz,
	OUT error pg_catalog.text
) RETURNS SETOF pg_catalog.record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 1 AS 'MODULE_PATHNAME';
REVOKE ALL ON FUNCTION fraud_config_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fraud_config_status() TO pg_monitor;
COMMENT ON FUNCTION fraud_config_status() IS 'what the view fraud_config_status shows of the files';

-- nothing is stored by this version that could have been built with another basis
CREATE VIEW fraud_config_status AS
	SELECT s.file, s.path, s.hash, s.basis_hash, s.loaded_at, s.error,
		   false AS rebuild_needed
	FROM @extschema@.fraud_config_status() AS s;
GRANT SELECT ON fraud_config_status TO pg_monitor;
COMMENT ON VIEW fraud_config_status IS 'configuration files: what is in force, since when, and what is wrong with the file';
COMMENT ON COLUMN fraud_config_status.file IS 'which file: rules';
COMMENT ON COLUMN fraud_config_status.path IS 'where it is read from; NULL without a file';
COMMENT ON COLUMN fraud_config_status.hash IS 'hash of the policy in force';
COMMENT ON COLUMN fraud_config_status.basis_hash IS 'hash of what decides how history is remembered';
COMMENT ON COLUMN fraud_config_status.loaded_at IS 'when the policy in force was read; NULL for the shipped default';
COMMENT ON COLUMN fraud_config_status.error IS 'what was wrong with the last reading, and what is in force instead; NULL if nothing';
COMMENT ON COLUMN fraud_config_status.rebuild_needed IS 'whether stored histories were built with another basis';

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
	IS 'every row that occurred in [since, until) as of its own past: that of its customer and its IP';
