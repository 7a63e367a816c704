-- Makes table :table with :rows payments of :rows / 100 customers over 180 days, in order of time.
-- Every random number is a hash of (row, purpose): the same rows in any plan, session and version.

CREATE TABLE :table
(
	txn_id            bigint NOT NULL,
	customer_id       bigint NOT NULL,
	card_id           text NOT NULL,
	amount            numeric(12, 2) NOT NULL,
	currency          text NOT NULL,
	occurred_at       timestamptz NOT NULL,
	country           text,
	home_country      text,
	lat               double precision,
	lon               double precision,
	home_lat          double precision,
	home_lon          double precision,
	channel           text,
	merchant_id       text,
	merchant_category text,
	mcc               text,
	ip                inet,
	status            text NOT NULL,
	declined          boolean,
	timezone          text,
	daily_limit       numeric(12, 2),
	weekly_limit      numeric(12, 2),
	is_fraud          boolean
);

INSERT INTO :table
SELECT g,
	   customer,
	   'K' || customer || '-' || (CASE WHEN u(g, 1) < 0.8 THEN 1 ELSE 2 END),
	   amount,
	   'USD',
	   -- one time slot a row, so that no two payments share an instant
	   timestamptz '2025-01-06 00:00:00+00' + (g + 0.9 * u(g, 2)) * interval '180 days' / :rows,
	   CASE WHEN away THEN (ARRAY['FR', 'ES', 'MX', 'TH'])[1 + floor(4 * u(g, 3))::int] ELSE home_country END,
	   home_country,
	   home_lat + (u(g, 4) - 0.5) * CASE WHEN away THEN 40 ELSE 0.4 END,
	   home_lon + (u(g, 5) - 0.5) * CASE WHEN away THEN 40 ELSE 0.4 END,
	   home_lat,
	   home_lon,
	   CASE WHEN online THEN 'online' ELSE 'present' END,
	   'M' || merchant,
	   category[1 + merchant % 16],
	   mcc[1 + merchant % 16],
	   -- at home, or (one in eight) on a carrier's address that many share
	   CASE WHEN online THEN inet '11.0.0.0' + CASE WHEN u(g, 6) < 0.125 THEN floor(200 * u(g, 7))::bigint ELSE 1000 + customer * 2 / 3 END END,
	   status,
	   status = 'declined',
	   NULL,
	   CASE WHEN customer % 10 = 0 THEN 1500 END,
	   CASE WHEN customer % 10 = 0 THEN 6000 END,
	   false
FROM (SELECT '{grocery,restaurant,coffee,fuel,transit,pharmacy,clothing,streaming,marketplace,grocery,restaurant,utilities,travel,hotel,electronics,gambling}'::text[] AS category,
			 '{5411,5812,5814,5541,4111,5912,5651,5968,5399,5411,5812,4900,4722,7011,5732,7995}'::text[] AS mcc) w,
	 generate_series(1, :rows::bigint) g,
	 -- OFFSET 0 works each number out once
	 -- one row in fifty belongs to a burst: its neighbours are of the same customer, and many are declined
	 LATERAL (SELECT u(g / 16, 8) < 0.025 AND u(g, 24) < 0.8 AS burst OFFSET 0) b,
	 -- a few customers are far busier than the rest
	 LATERAL (SELECT 1 + floor(:rows / 100 * power(u(CASE WHEN burst THEN -g / 16 ELSE g END, 9), 1.6))::bigint AS customer OFFSET 0) c,
	 LATERAL (SELECT round((exp(0.6 * (u(customer, 20) + u(customer, 21) - 1) * 3)
							* 30 * exp(1.1 * (u(g, 10) + u(g, 11) + u(g, 12) - 1.5) * 2))::numeric, 2)
					 * CASE WHEN u(g, 13) < 0.01 THEN -1 WHEN u(g, 13) < 0.013 THEN 0 ELSE 1 END AS amount,
					 (ARRAY['US', 'GB', 'DE', 'US'])[1 + customer % 4] AS home_country,
					 30 + 25 * u(customer, 22) AS home_lat,
					 -120 + 130 * u(customer, 23) AS home_lon,
					 u(g, 14) < 0.02 AS away,
					 u(g, 15) < 0.4 AS online,
					 (CASE WHEN u(g, 16) < 0.85 THEN customer * 7 + floor(15 * power(u(g, 17), 2)) ELSE floor(power(u(g, 17), 2) * :rows / 200) END)::bigint
					 % (:rows / 200) AS merchant,
					 CASE WHEN burst AND u(g, 19) < 0.5 THEN 'declined' WHEN u(g, 18) < 0.96 THEN 'approved' WHEN u(g, 18) < 0.985 THEN 'declined' WHEN u(g, 18) < 0.992 THEN 'failed'
						  WHEN u(g, 18) < 0.997 THEN 'pending' ELSE 'blocked' END AS status
			  OFFSET 0) e;

ALTER TABLE :table ADD PRIMARY KEY (txn_id);
VACUUM (ANALYZE) :table;
