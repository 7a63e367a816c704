-- What decide.sh works on: :n payments of :n / 10 customers that the store knows, as many to decide, and places for what
-- is measured.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION fraud_fallback;

CREATE TABLE past
(
	txn_id        bigint NOT NULL,
	customer_id   bigint NOT NULL,
	card_id       text NOT NULL,
	amount        numeric(12, 2) NOT NULL,
	currency      text NOT NULL,
	occurred_at   timestamptz NOT NULL,
	country       text,
	home_country  text,
	lat           double precision,
	lon           double precision,
	channel       text,
	merchant_id   text,
	ip            inet,
	status        text NOT NULL
);

CREATE TABLE txns (LIKE past);

-- ten payments of every customer within ten days, and ten more, an hour apart, that no table of the store has yet:
-- each tenth of the ids is one of every customer
INSERT INTO past
SELECT :n + g, customer, 'K' || customer, round((8 + 50 * power(u, 3))::numeric, 2), 'USD',
	   date_trunc('hour', now()) - interval '11 days' + g * interval '10 days' / :n,
	   'US', 'US', 40 + customer % 7, -74 - customer % 9, CASE WHEN online THEN 'online' ELSE 'present' END,
	   'M' || (customer * 7 + g % 5) % 500, CASE WHEN online THEN inet '11.0.0.0' + customer * 2 / 3 END,
	   CASE WHEN g % 31 = 0 THEN 'declined' ELSE 'approved' END
FROM generate_series(1, :n::bigint) g,
	 LATERAL (SELECT g % (:n / 10) AS customer, (hashint8(g) & 1023) / 1024.0 AS u, (hashint8(g) >> 10 & 1023) < 410 AS online OFFSET 0) x;
SELECT fraud_attach('past') \g /dev/null
INSERT INTO txns
SELECT txn_id - :n, customer_id, card_id, amount, currency,
	   date_trunc('hour', now()) - interval '10 hours' + (txn_id - :n - 1) / (:n / 10) * interval '1 hour',
	   country, home_country, lat, lon, channel, merchant_id, ip, 'pending'
FROM past ORDER BY txn_id;
ALTER TABLE txns ADD PRIMARY KEY (txn_id);
CREATE TABLE documents AS SELECT txn_id, to_jsonb(t) AS document FROM txns t;
ALTER TABLE documents ADD PRIMARY KEY (txn_id);
VACUUM (ANALYZE, FREEZE) past, txns, documents, fraud_profiles, fraud_profile_deltas;

-- seconds of a query; what was said meanwhile; bytes; microseconds of a paced query, and of these until it was sent
CREATE TABLE timing (key text, round int, seconds double precision);
CREATE TABLE said (key text, tier int, source text);
CREATE TABLE bytes (key text, bytes double precision);
CREATE TABLE paced (key text, took bigint, lag bigint);

-- as load.c prints them
CREATE TABLE scenario (scenario text, a_second int, failing text, fails double precision, back double precision);
CREATE TABLE load
(
	n bigint, due bigint, waited bigint, took bigint, db bigint, ml text, ml_at bigint, tier int, source text, error text,
	scenario text DEFAULT NULL
);
