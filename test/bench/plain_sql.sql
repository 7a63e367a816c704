-- The numbers of the 19 rules in plain SQL windows over :source, the way a developer who knows window
-- functions would write them: one window a span, moving aggregates where PostgreSQL has them, no row
-- visited by a subquery. View plain_customer: history of the customer. View plain_all: of IP and merchant too.
--
-- Windows are (t - w, t]: RANGE counts its edges, hence the missing microsecond. Only what a payment is to
-- the history of others depends on its status: the row itself counts whatever became of it.

CREATE VIEW plain_customer AS
WITH event AS
(
	SELECT txn_id, customer_id, card_id, merchant_id, ip, country, home_country, occurred_at, amount, channel, lat, lon, mcc, merchant_category,
		   daily_limit AS own_daily_limit, weekly_limit AS own_weekly_limit,
		   status = 'approved' AND amount >= 0 AS approved,
		   status = 'approved' AND amount > 0 AS past,
		   status IN ('approved', 'pending') AND amount > 0 AS spend,
		   status IN ('approved', 'pending', 'declined', 'blocked') AND amount >= 0 AS attempt,
		   status = 'declined' AND amount >= 0 AS declined,
		   status IN ('approved', 'pending') AND amount >= 0 AS ends_run,
		   channel = 'present' AND lat IS NOT NULL AND lon IS NOT NULL AS located,
		   extract(hour FROM local_time)::int AS hour,
		   extract(isodow FROM local_time) >= 6 AS weekend,
		   (occurred_at AT TIME ZONE 'UTC')::date - date '1970-01-05' AS day
	FROM (SELECT *, occurred_at AT TIME ZONE coalesce(timezone, 'UTC') AS local_time FROM :source OFFSET 0) t
),
marked AS
(
	-- the first spending of a day and of a week stand for the day and the week (one astride the old edge of a
	-- window may so be missed: at most one of its days or weeks); declines are numbered on their card
	SELECT *,
		   spend AND max(day) FILTER (WHERE spend) OVER before IS DISTINCT FROM day AS first_of_day,
		   spend AND div(max(day) FILTER (WHERE spend) OVER before, 7) IS DISTINCT FROM div(day, 7) AS first_of_week,
		   count(*) FILTER (WHERE declined) OVER on_card AS declines_before
	FROM event
	WINDOW before AS (PARTITION BY customer_id ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
		   on_card AS (PARTITION BY customer_id, card_id ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
windowed AS
(
	SELECT *,
		   count(*) FILTER (WHERE attempt) OVER s60 AS prior_60s,
		   count(*) FILTER (WHERE attempt) OVER m10 AS prior_10m,
		   count(*) FILTER (WHERE attempt) OVER h1 AS prior_1h,
		   count(*) FILTER (WHERE attempt) OVER h24 AS prior_24h,
		   coalesce(sum(amount) FILTER (WHERE spend) OVER h24, 0) AS prior_spend_24h,
		   coalesce(sum(amount) FILTER (WHERE spend) OVER d7, 0) AS prior_spend_7d,

		   count(*) FILTER (WHERE past) OVER d90 AS past_count,
		   avg(amount) FILTER (WHERE past) OVER d90 AS past_mean,
		   stddev_pop(amount) FILTER (WHERE past) OVER d90 AS past_stddev,
		   max(amount) FILTER (WHERE past) OVER d90 AS past_max,
		   coalesce(sum(amount) FILTER (WHERE spend) OVER d90, 0) AS spend_90d,
		   count(*) FILTER (WHERE first_of_day) OVER d90 AS active_days,
		   count(*) FILTER (WHERE first_of_week) OVER d90 AS active_weeks,

		   count(*) FILTER (WHERE approved) OVER before AS approved_ever,
		   max(occurred_at) FILTER (WHERE approved) OVER before AS last_approved,
		   min(occurred_at) OVER before AS first_seen,
		   count(*) FILTER (WHERE past) OVER before AS past_ever,
		   count(*) FILTER (WHERE past AND weekend) OVER before AS past_weekend,
		   -- a filter cannot see the current row's hour: count the three hours around every hour, pick one later
		   ARRAY[count(*) FILTER (WHERE past AND hour IN (23, 0, 1)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (0, 1, 2)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (1, 2, 3)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (2, 3, 4)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (3, 4, 5)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (4, 5, 6)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (5, 6, 7)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (6, 7, 8)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (7, 8, 9)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (8, 9, 10)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (9, 10, 11)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (10, 11, 12)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (11, 12, 13)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (12, 13, 14)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (13, 14, 15)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (14, 15, 16)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (15, 16, 17)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (16, 17, 18)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (17, 18, 19)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (18, 19, 20)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (19, 20, 21)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (20, 21, 22)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (21, 22, 23)) OVER before,
				 count(*) FILTER (WHERE past AND hour IN (22, 23, 0)) OVER before] AS past_around_hour,

		   -- declines since the last payment that went through, as far as they are within the hour
		   least(count(*) FILTER (WHERE declined) OVER on_card_1h,
				 declines_before - coalesce(max(declines_before) FILTER (WHERE ends_run) OVER on_card, 0)) AS declines_run,
		   -- there is no IGNORE NULLS: the greatest array is the latest place
		   max(CASE WHEN located AND approved THEN ARRAY[extract(epoch FROM occurred_at)::double precision, lat, lon] END) OVER on_card AS last_place,

		   count(*) FILTER (WHERE approved) OVER at_merchant AS approved_at_merchant,
		   count(*) FILTER (WHERE approved) OVER in_country AS approved_in_country_30d
	FROM marked
	WINDOW customer AS (PARTITION BY customer_id ORDER BY occurred_at),
		   s60 AS (customer RANGE BETWEEN '59.999999 seconds' PRECEDING AND '1 microsecond' PRECEDING),
		   m10 AS (customer RANGE BETWEEN '9:59.999999' PRECEDING AND '1 microsecond' PRECEDING),
		   h1 AS (customer RANGE BETWEEN '0:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING),
		   h24 AS (customer RANGE BETWEEN '23:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING),
		   d7 AS (customer RANGE BETWEEN '167:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING),
		   d90 AS (customer RANGE BETWEEN '2159:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING),
		   before AS (customer ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
		   card AS (PARTITION BY customer_id, card_id ORDER BY occurred_at),
		   on_card AS (card ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
		   on_card_1h AS (card RANGE BETWEEN '0:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING),
		   at_merchant AS (PARTITION BY customer_id, merchant_id ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
		   in_country AS (PARTITION BY customer_id, country ORDER BY occurred_at
						  RANGE BETWEEN '719:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING)
),
placed AS
(
	SELECT *,
		   CASE WHEN located AND last_place IS NOT NULL THEN
			   2 * 6371.0088 * asin(sqrt(least(1, power(sin(radians(lat - last_place[2]) / 2), 2)
					+ cos(radians(lat)) * cos(radians(last_place[2])) * power(sin(radians(lon - last_place[3]) / 2), 2)))) END AS distance_km,
		   CASE WHEN located AND last_place IS NOT NULL THEN
			   (extract(epoch FROM occurred_at)::double precision - last_place[1]) / 3600 END AS hours_since_present
	FROM windowed
	OFFSET 0
)
SELECT txn_id, customer_id, card_id, merchant_id, ip, country, home_country, occurred_at, attempt, declined, approved, mcc, merchant_category,
	   amount,
	   past_count, past_mean, past_stddev, past_max,
	   amount / nullif(past_mean, 0) AS amount_ratio,
	   (amount - past_mean) / nullif(past_stddev, 0) AS amount_sigmas,
	   prior_spend_24h + greatest(amount, 0) AS spend_24h,
	   prior_spend_7d + greatest(amount, 0) AS spend_7d,
	   coalesce(own_daily_limit, greatest(2000, 3 * spend_90d / nullif(active_days, 0))) AS daily_limit,
	   coalesce(own_weekly_limit, greatest(8000, 3 * spend_90d / nullif(active_weeks, 0))) AS weekly_limit,
	   country <> home_country AS foreign_country,
	   approved_in_country_30d,
	   distance_km,
	   hours_since_present,
	   distance_km / greatest(hours_since_present, 60.0 / 3600) AS speed_kmh,
	   approved_at_merchant = 0 AS first_time_merchant,
	   prior_60s + (amount >= 0)::int AS attempts_60s,
	   prior_10m + (amount >= 0)::int AS attempts_10m,
	   prior_1h + (amount >= 0)::int AS attempts_1h,
	   prior_24h + (amount >= 0)::int AS attempts_24h,
	   declines_run,
	   hour AS local_hour,
	   weekend AS is_weekend,
	   past_around_hour[hour + 1]::double precision / nullif(past_ever, 0) AS hour_share,
	   CASE WHEN weekend THEN past_weekend ELSE past_ever - past_weekend END::double precision / nullif(past_ever, 0) AS day_kind_share,
	   approved_ever,
	   extract(epoch FROM occurred_at - last_approved) / 86400 AS days_since_approved,
	   extract(epoch FROM occurred_at - first_seen) / 86400 AS days_known
FROM placed;

CREATE VIEW plain_all AS
SELECT c.*,
	   i.ip_cards_60m,
	   i.ip_attempts_24h,
	   i.ip_declined_share_24h,
	   count(*) FILTER (WHERE c.approved) OVER (merchant RANGE BETWEEN '2159:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING) AS merchant_approved_90d,
	   count(*) FILTER (WHERE c.approved) OVER (merchant RANGE BETWEEN '671:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING) AS merchant_approved_28d
FROM plain_customer c
-- apart, so that the many rows without an address do not become one huge partition
LEFT JOIN (SELECT txn_id,
				  -- count(DISTINCT …) is no window function; mostly there is one attempt in the window
				  CASE WHEN cardinality(cards) = 1 THEN 1 ELSE (SELECT count(DISTINCT k) FROM unnest(cards) k) END AS ip_cards_60m,
				  ip_attempts_24h,
				  declined_24h::double precision / nullif(ip_attempts_24h, 0) AS ip_declined_share_24h
		   FROM (SELECT txn_id,
						array_agg(card_id) OVER (address RANGE BETWEEN '0:59:59.999999' PRECEDING AND CURRENT ROW) AS cards,
						count(*) FILTER (WHERE status IN ('approved', 'pending', 'declined', 'blocked') AND amount >= 0)
							OVER (address RANGE BETWEEN '23:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING) + (amount >= 0)::int AS ip_attempts_24h,
						count(*) FILTER (WHERE status = 'declined' AND amount >= 0)
							OVER (address RANGE BETWEEN '23:59:59.999999' PRECEDING AND '1 microsecond' PRECEDING) AS declined_24h
				 FROM :source
				 WHERE ip IS NOT NULL
				 WINDOW address AS (PARTITION BY ip ORDER BY occurred_at)) x) i USING (txn_id)
WINDOW merchant AS (PARTITION BY c.merchant_id ORDER BY c.occurred_at);
