-- Tables transactions (what a payment system would have) and truth (what happened; scoring never sees it):
-- 1,000 customers over 26 weeks, and attacks on some of them.
-- Every random number is a hash of (who, which, purpose): the same rows in any plan, session and version.

CREATE FUNCTION u(who bigint, which bigint, purpose int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended(who * 100003 + which, purpose) & 2147483647)::double precision / 2147483648;
-- standard normal
CREATE FUNCTION z(who bigint, which bigint, purpose int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN sqrt(-2 * ln(1 - u(who, which, purpose))) * cos(2 * pi() * u(who, which, purpose + 1000));

CREATE TABLE city (city int PRIMARY KEY, name text, country text, lat float8, lon float8, zone text);
INSERT INTO city VALUES
	(0, 'New York', 'US', 40.71, -74.01, 'America/New_York'), (1, 'Chicago', 'US', 41.88, -87.63, 'America/Chicago'),
	(2, 'Denver', 'US', 39.74, -104.99, 'America/Denver'), (3, 'Seattle', 'US', 47.61, -122.33, 'America/Los_Angeles'),
	(4, 'London', 'GB', 51.51, -0.13, 'Europe/London'), (5, 'Manchester', 'GB', 53.48, -2.24, 'Europe/London'),
	(6, 'Berlin', 'DE', 52.52, 13.41, 'Europe/Berlin'), (7, 'Munich', 'DE', 48.14, 11.58, 'Europe/Berlin'),
	(8, 'Paris', 'FR', 48.86, 2.35, 'Europe/Paris'), (9, 'Madrid', 'ES', 40.42, -3.70, 'Europe/Madrid'),
	(10, 'Rome', 'IT', 41.90, 12.50, 'Europe/Rome'), (11, 'Warsaw', 'PL', 52.23, 21.01, 'Europe/Warsaw'),
	-- only travelled to, or attacked from
	(12, 'Lisbon', 'PT', 38.72, -9.14, 'Europe/Lisbon'), (13, 'Athens', 'GR', 37.98, 23.73, 'Europe/Athens'),
	(14, 'Bangkok', 'TH', 13.76, 100.50, 'Asia/Bangkok'), (15, 'Tokyo', 'JP', 35.68, 139.69, 'Asia/Tokyo'),
	(16, 'São Paulo', 'BR', -23.55, -46.63, 'America/Sao_Paulo'), (17, 'Lagos', 'NG', 6.52, 3.38, 'Africa/Lagos'),
	(18, 'Hanoi', 'VN', 21.03, 105.85, 'Asia/Ho_Chi_Minh'), (19, 'Bogotá', 'CO', 4.71, -74.07, 'America/Bogota');

-- share of the merchants, usual amount, part of them on line
CREATE TABLE category (category text, mcc text, share float8, price float8, online float8);
INSERT INTO category VALUES
	('grocery', '5411', 24, 38, 0.05), ('restaurant', '5812', 16, 31, 0), ('coffee', '5814', 12, 6.5, 0), ('fuel', '5541', 8, 44, 0),
	('transit', '4111', 9, 3.2, 0), ('pharmacy', '5912', 5, 17, 0.1), ('clothing', '5651', 6, 58, 0.4), ('streaming', '5968', 5, 12, 1),
	('marketplace', '5399', 9, 40, 1), ('utilities', '4900', 2, 85, 1), ('electronics', '5732', 1.2, 190, 0.5), ('travel', '4722', 1, 290, 1),
	('hotel', '7011', 0.8, 160, 0), ('gambling', '7995', 0.5, 25, 1), ('wire_transfer', '4829', 0.3, 140, 1), ('crypto', '6051', 0.2, 110, 1);

-- 30 merchants in each of the 20 cities, 0 to 599, and 200 on line, 600 to 799
CREATE TABLE merchant AS
WITH slice AS
(
	SELECT category, mcc, price, true AS online, sum(share * online) OVER w / sum(share * online) OVER () AS upto, share * online AS width FROM category
	WINDOW w AS (ORDER BY mcc)
	UNION ALL
	SELECT category, mcc, price, false, sum(share * (1 - online)) OVER w / sum(share * (1 - online)) OVER (), share * (1 - online) FROM category
	WINDOW w AS (ORDER BY mcc)
)
SELECT m AS merchant, m >= 600 AS online, s.category, s.mcc, s.price * exp(0.25 * z(m, 0, 1)) AS price
FROM generate_series(0, 799) m,
	 LATERAL (SELECT * FROM slice WHERE online = (m >= 600) AND width > 0 AND upto > u(m, 0, 2) ORDER BY upto LIMIT 1) s;

CREATE TABLE customer AS
SELECT c AS customer, home, country, zone, lat, lon,
	   exp(0.45 * z(c, 0, 10)) AS level,                                              -- spends so many times the usual
	   round(105 * exp(0.4 * z(c, 0, 11) - 0.08))::int AS payments,
	   1 + (u(c, 0, 12) < 0.45)::int + (u(c, 0, 12) < 0.12)::int AS cards,
	   CASE WHEN u(c, 0, 13) < 0.1 THEN 0.02 ELSE 0.2 + 0.15 * u(c, 0, 14) END AS weekend_share,
	   CASE WHEN u(c, 0, 15) < 0.03 THEN 8 ELSE 1.2 * z(c, 0, 16) END AS hours_later, -- early birds, night shifts
	   0.05 + 0.5 * u(c, 0, 17) AS online_share,
	   CASE WHEN role IS NULL AND u(c, 0, 18) < 0.12 THEN 20 + floor(130 * u(c, 0, 19))::int END AS leaves,
	   4 + floor(8 * u(c, 0, 20))::int AS stays,
	   (home + 4 + floor(12 * u(c, 0, 21))::int) % 20 AS travels_to,
	   role
FROM generate_series(1, 1000) c,
	 LATERAL (SELECT floor(12 * u(c, 0, 22))::int AS home,
					 CASE WHEN c % 100 IN (7, 32, 57, 82) THEN 'account takeover'
						  WHEN c % 100 IN (13, 38, 63, 88) THEN 'impossible travel'
						  WHEN c % 100 IN (21, 55, 89) THEN 'burst'
						  WHEN c % 100 IN (44, 77) THEN 'dormant account'
						  WHEN c % 100 = 66 THEN 'comes back' END AS role) r
	 JOIN city ON city = home;

-- ---------------------------------------------------------------- what customers do

CREATE TABLE payment
(
	customer int, card int, amount float8, occurred_at timestamptz, place int, zone text, merchant int, ip inet, status text,
	attack text, attack_case int
);

INSERT INTO payment
SELECT c.customer,
	   CASE WHEN u(c.customer, i, 30) < 0.75 THEN 1 ELSE 1 + floor(c.cards * u(c.customer, i, 31))::int END,
	   greatest(0.5, m.price * c.level * exp(0.45 * z(c.customer, i, 32))) * CASE WHEN u(c.customer, i, 33) < 0.005 THEN -1 ELSE 1 END,
	   date_trunc('second', timestamp '2025-01-06' + day * interval '1 day' + hour * interval '1 hour') AT TIME ZONE p.zone,
	   place, p.zone, m.merchant,
	   CASE WHEN NOT m.online THEN NULL
			WHEN u(c.customer, i, 34) < 0.2 THEN inet '198.51.100.0' + p.city                -- a carrier's address, shared
			ELSE ('2001:db8:0:' || to_hex(c.customer) || '::1')::inet END,                   -- at home
	   CASE WHEN u(c.customer, i, 35) < 0.02 THEN 'declined' WHEN u(c.customer, i, 35) < 0.024 THEN 'failed' ELSE 'approved' END
FROM customer c
	 CROSS JOIN LATERAL generate_series(1, payments) i
	 -- weekdays and weekends; mornings, middays, evenings and now and then any hour
	 CROSS JOIN LATERAL (SELECT 7 * floor(26 * u(c.customer, i, 40))::int
					 + CASE WHEN u(c.customer, i, 41) < weekend_share THEN 5 + floor(2 * u(c.customer, i, 42)) ELSE floor(5 * u(c.customer, i, 42)) END::int AS day,
					 mod((72 + hours_later
						  + CASE WHEN u(c.customer, i, 43) < 0.25 THEN 8.3 + z(c.customer, i, 44)
								 WHEN u(c.customer, i, 43) < 0.55 THEN 12.8 + 1.2 * z(c.customer, i, 44)
								 WHEN u(c.customer, i, 43) < 0.97 THEN 18.3 + 1.7 * z(c.customer, i, 44)
								 ELSE 24 * u(c.customer, i, 44) END)::numeric, 24)::float8 AS hour) d
	 CROSS JOIN LATERAL (SELECT coalesce(day BETWEEN leaves AND leaves + stays, false) AS away) a
	 CROSS JOIN LATERAL (SELECT CASE WHEN away THEN travels_to ELSE home END AS place) w
	 JOIN city p ON p.city = place
	 -- nine in ten at one of twelve usual merchants, the first of them most
	 CROSS JOIN LATERAL (SELECT CASE WHEN u(c.customer, i, 45) < 0.9 AND NOT away THEN -1 - floor(12 * power(u(c.customer, i, 46), 2))::bigint ELSE i END AS choice) f
	 JOIN merchant m ON m.merchant = CASE WHEN u(c.customer, choice, 47) < online_share THEN 600 + floor(200 * u(c.customer, choice, 48))
										  ELSE place * 30 + floor(30 * u(c.customer, choice, 48)) END
WHERE day IS DISTINCT FROM leaves AND day IS DISTINCT FROM leaves + stays           -- in the air
	  AND NOT (role = 'dormant account' AND day >= 45 AND role IS NOT NULL)
	  AND (role IS DISTINCT FROM 'comes back' OR day NOT BETWEEN 40 AND 150);

-- ---------------------------------------------------------------- what attackers do

-- Card testing: one address tries the cards of many customers for next to nothing; half of the six sit in the victims' country.
INSERT INTO payment
SELECT customer, 1, CASE WHEN u(k, n, 50) < 0.3 THEN 0 ELSE 0.5 + 1.5 * u(k, n, 51) END,
	   date_trunc('second', timestamptz '2025-01-06 00:00+00' + (40 + 22 * k + u(k, 0, 52)) * interval '1 day' + (n * 20 + 12 * u(k, n, 53)) * interval '1 second'),
	   from_city, c.zone, shop, inet '203.0.113.0' + k, CASE WHEN u(k, n, 54) < 0.75 THEN 'declined' ELSE 'approved' END, 'card testing', k
FROM (SELECT k, from_city, x.*, row_number() OVER (PARTITION BY k ORDER BY u(k, customer, 55), try) AS n
	  FROM (VALUES (1, 17), (2, 0), (3, 18), (4, 4), (5, 16), (6, 6)) attack (k, from_city),
		   LATERAL (SELECT customer FROM customer
					WHERE role IS NULL AND (k % 2 = 1 OR country = (SELECT country FROM city WHERE city = from_city))
					ORDER BY u(k, customer, 55) LIMIT 36) x,
		   generate_series(1, 2) try
	  WHERE try = 1 OR u(k, customer, 56) < 0.5) x
	 JOIN city c ON c.city = from_city,
	 LATERAL (SELECT merchant AS shop FROM merchant WHERE online AND category = 'streaming' ORDER BY u(k, merchant, 57) LIMIT 1) s;

-- Account takeover: at night, new merchants, what can be sold on; two in five hide behind an address in the customer's country.
INSERT INTO payment
SELECT customer, 1, 380 * level * exp(0.5 * z(customer, n, 60)),
	   date_trunc('second', timestamp '2025-01-06' + (60 + floor(110 * u(customer, 0, 61))) * interval '1 day'
		   + (1 + 2 * u(customer, 0, 62)) * interval '1 hour' + (n * 9 + 4 * u(customer, n, 63)) * interval '1 minute') AT TIME ZONE zone,
	   CASE WHEN u(customer, 0, 64) < 0.4 THEN home ELSE 14 + floor(5 * u(customer, 0, 65))::int END, zone, shop,
	   inet '203.0.113.20' + row_number() OVER (PARTITION BY n ORDER BY customer), CASE WHEN u(customer, n, 66) < 0.15 THEN 'declined' ELSE 'approved' END, role, customer
FROM customer, LATERAL generate_series(1, 4 + floor(3 * u(customer, 0, 67))::int) n,
	 LATERAL (SELECT merchant AS shop FROM merchant WHERE online AND category IN ('electronics', 'wire_transfer', 'crypto', 'travel')
			  ORDER BY u(customer * 10 + n, merchant, 68) LIMIT 1) s
WHERE role = 'account takeover';

-- Impossible travel: a copy of the card is used far away within the hour.
INSERT INTO payment
SELECT customer, card, 80 * level * exp(0.4 * z(customer, n, 70)),
	   date_trunc('second', seen + (20 + 40 * u(customer, 0, 71) + 6 * n) * interval '1 minute'),
	   city, c.zone, city * 30 + floor(30 * u(customer, n, 72))::int, NULL, CASE WHEN u(customer, n, 73) < 0.2 THEN 'declined' ELSE 'approved' END, role, customer
FROM customer v
	 CROSS JOIN LATERAL (SELECT card, occurred_at AS seen FROM payment p
			  WHERE p.customer = v.customer AND ip IS NULL AND status = 'approved' AND amount > 0
					AND occurred_at BETWEEN '2025-03-01 00:00+00' AND '2025-06-25 00:00+00'
			  ORDER BY u(p.customer, extract(epoch FROM occurred_at)::bigint, 74) LIMIT 1) last
	 CROSS JOIN LATERAL generate_series(1, 1 + floor(3 * u(v.customer, 0, 75))::int) n
	 CROSS JOIN LATERAL (SELECT 14 + floor(5 * u(v.customer, 0, 76))::int AS far) f
	 JOIN city c ON c.city = far
WHERE role = 'impossible travel';

-- Burst: ten payments within eight minutes at one shop.
INSERT INTO payment
SELECT customer, 1, 42 * level * exp(0.3 * z(customer, n, 80)),
	   date_trunc('second', timestamp '2025-01-06' + (50 + floor(120 * u(customer, 0, 81))) * interval '1 day'
		   + (10 + 11 * u(customer, 0, 82)) * interval '1 hour' + (n * 50 + 15 * u(customer, n, 83)) * interval '1 second') AT TIME ZONE zone,
	   home, zone, shop, inet '203.0.113.100' + row_number() OVER (PARTITION BY n ORDER BY customer), CASE WHEN u(customer, n, 84) < 0.3 THEN 'declined' ELSE 'approved' END, role, customer
FROM customer, generate_series(0, 9) n,
	 LATERAL (SELECT merchant AS shop FROM merchant WHERE online AND category = 'marketplace' ORDER BY u(customer, merchant, 85) LIMIT 1) s
WHERE role = 'burst';

-- Dormant account: silent for 120 days and more, then large.
INSERT INTO payment
SELECT customer, 1, 250 + 450 * exp(0.5 * z(customer, n, 90)),
	   date_trunc('second', timestamp '2025-01-06' + (166 + floor(14 * u(customer, 0, 91))) * interval '1 day'
		   + (9 + 10 * u(customer, 0, 92)) * interval '1 hour' + n * 17 * interval '1 minute') AT TIME ZONE zone,
	   home, zone, shop, inet '203.0.113.150' + row_number() OVER (PARTITION BY n ORDER BY customer), 'approved', role, customer
FROM customer, LATERAL generate_series(1, 1 + floor(3 * u(customer, 0, 93))::int) n,
	 LATERAL (SELECT merchant AS shop FROM merchant WHERE online AND category IN ('electronics', 'marketplace') ORDER BY u(customer * 10 + n, merchant, 94) LIMIT 1) s
WHERE role = 'dormant account';

-- ---------------------------------------------------------------- the tables

CREATE TABLE numbered AS SELECT row_number() OVER (ORDER BY occurred_at, customer, merchant, amount) AS txn_id, * FROM payment;

CREATE TABLE transactions AS
SELECT txn_id,
	   format('C%s', lpad(customer::text, 4, '0')) AS customer_id,
	   format('K%s-%s', lpad(p.customer::text, 4, '0'), card) AS card_id,
	   round(amount::numeric, 2) AS amount,
	   'USD' AS currency,
	   occurred_at,
	   p.zone AS timezone,
	   place.country,
	   c.country AS home_country,
	   round((place.lat + 0.04 * z(txn_id, 0, 95))::numeric, 4)::float8 AS lat,
	   round((place.lon + 0.04 * z(txn_id, 0, 96))::numeric, 4)::float8 AS lon,
	   CASE WHEN m.online THEN 'online' ELSE 'pos' END AS channel,
	   format('M%s', lpad(merchant::text, 3, '0')) AS merchant_id,
	   m.category AS merchant_category,
	   m.mcc,
	   p.ip,
	   p.status
FROM numbered p JOIN customer c USING (customer) JOIN merchant m USING (merchant) JOIN city place ON place.city = p.place
ORDER BY txn_id;

CREATE TABLE truth AS SELECT txn_id, attack, attack_case, customer FROM numbered WHERE attack IS NOT NULL;

ALTER TABLE transactions ADD PRIMARY KEY (txn_id);
ALTER TABLE truth ADD PRIMARY KEY (txn_id);
CREATE INDEX ON transactions (customer_id, occurred_at);
DROP TABLE payment, numbered, customer, merchant, category, city;
VACUUM (ANALYZE) transactions, truth;
