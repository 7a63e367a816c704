-- What the measurements of store.sh work on: :n payments of about 100 a customer, indexed by each entity, and a place
-- for the times.

\set ON_ERROR_STOP on
\set QUIET on
CREATE EXTENSION fraud_fallback;

-- uniform in [0, 1), a function of the row and the purpose
CREATE FUNCTION u(bigint, int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended($1, $2) & 2147483647)::double precision / 2147483648;

\set table payments
\set rows :n
\ir bench_rows.sql
CREATE INDEX ON payments (customer_id, occurred_at);
CREATE INDEX ON payments (ip, occurred_at);
CREATE INDEX ON payments (merchant_id, occurred_at);
VACUUM (ANALYZE) payments;

-- seconds for so many things
CREATE TABLE timing (key text, round int, seconds double precision, things double precision DEFAULT 1);

CREATE FUNCTION once(key text, round int, sql text, things bigint DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
BEGIN
	EXECUTE sql;
	INSERT INTO timing VALUES (key, round, extract(epoch FROM clock_timestamp() - started), things);
END $$;

CREATE FUNCTION fold_once(round int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
	folded bigint := fraud_fold();
BEGIN
	INSERT INTO timing VALUES ('fold', round, extract(epoch FROM clock_timestamp() - started), folded);
END $$;

-- The function that plain SQL would use, and whether its numbers are ours: where both are exact, up to 32 payments of a key.
\set source payments
\set function plain_now
\ir store_plain.sql
CREATE TABLE few AS SELECT * FROM payments LIMIT 0;
INSERT INTO few
SELECT (numbered.p).*
FROM (SELECT p, row_number() OVER (PARTITION BY customer_id ORDER BY occurred_at DESC) AS n
	  FROM payments p WHERE customer_id <= greatest(100, :n / 5000)) numbered
WHERE n <= 31;
CREATE INDEX ON few (customer_id, occurred_at);
ANALYZE few;
\set source few
\set function plain_few
\ir store_plain.sql
CREATE TABLE agreement AS
WITH latest AS
(
	SELECT DISTINCT ON (customer_id) * FROM few WHERE ip IS NOT NULL AND amount > 0 ORDER BY customer_id, occurred_at DESC
),
compared AS
(
	SELECT to_jsonb(plain) AS plain, to_jsonb(ours) AS ours
	FROM latest t,
		 LATERAL (SELECT fraud_profile(h) AS profile FROM few h WHERE h.customer_id = t.customer_id AND h.occurred_at <= t.occurred_at) c,
		 LATERAL (SELECT fraud_profile(h) AS profile FROM few h WHERE h.ip = t.ip AND h.occurred_at <= t.occurred_at) i,
		 LATERAL (SELECT fraud_profile(h) AS profile FROM few h WHERE h.merchant_id = t.merchant_id AND h.occurred_at <= t.occurred_at) m,
		 LATERAL fraud_features(t, c.profile, NULL, i.profile, m.profile) ours,
		 plain_few(t) plain
)
SELECT key AS feature, plain -> key AS plain, ours -> key AS ours FROM compared, jsonb_object_keys(plain) key
-- plain SQL works the way travelled out for card-present payments only
WHERE NOT (key IN ('distance_km', 'hours_since_present', 'speed_kmh') AND plain ->> key IS NULL);

\ir store_inserts.sql

CREATE TABLE growth
(
	held boolean, inserts bigint, rate double precision, profiles bigint, profiles_index bigint, deltas bigint, deltas_index bigint,
	waiting bigint, vacuums bigint
);
