-- Table data_txn in the layout of the labelled data sets; load with
--   zcat set.csv.gz | psql -c "COPY data_txn FROM STDIN (FORMAT csv, HEADER)"

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
DROP TABLE IF EXISTS data_txn;
CREATE TABLE data_txn
(
	txn_id       bigint NOT NULL,
	customer_id  text,
	card_id      text,
	occurred_at  timestamptz,
	amount       numeric,
	currency     text,
	country      text,
	lat          double precision,
	lon          double precision,
	home_country text,
	home_lat     double precision,
	home_lon     double precision,
	merchant_id  text,
	category     text,
	mcc          text,
	ip           inet,
	channel      text,
	declined     boolean,
	is_fraud     int NOT NULL
);
