-- The numbers of the 19 rules for one payment, by one SQL function over the rows of :source: what a team without the
-- extension would put behind its payment service. Each history is read once, by index, with one aggregate a number;
-- windows are (t - w, t], and the payment itself is left out by its txn_id. See plain_sql.sql for the statuses.
--
-- Called as a table, FROM :source t, :function(t), its query becomes part of the one that calls it and is planned with it:
-- once, if that is prepared. Called as a value, SELECT :function(t), it is planned again in every query.

CREATE FUNCTION :function(p :source)
RETURNS TABLE
(
	past_count bigint, past_mean double precision, past_stddev double precision, past_max double precision,
	amount_ratio double precision, amount_sigmas double precision, spend_24h double precision, spend_7d double precision,
	daily_limit double precision, weekly_limit double precision, foreign_country boolean, approved_in_country_30d bigint,
	distance_km double precision, hours_since_present double precision, speed_kmh double precision,
	first_time_merchant boolean, merchant_approved_90d bigint, merchant_approved_28d bigint,
	attempts_60s bigint, attempts_10m bigint, attempts_1h bigint, attempts_24h bigint, declines_run bigint,
	ip_cards_60m bigint, ip_attempts_24h bigint, ip_declined_share_24h double precision,
	local_hour int, is_weekend boolean, hour_share double precision, day_kind_share double precision,
	approved_ever bigint, days_since_approved double precision, days_known double precision
)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.past_count, c.past_mean, c.past_stddev, c.past_max,
		   p.amount / nullif(c.past_mean, 0),
		   (p.amount - c.past_mean) / nullif(c.past_stddev, 0),
		   c.spend_24h + greatest(p.amount, 0),
		   c.spend_7d + greatest(p.amount, 0),
		   coalesce(p.daily_limit, greatest(2000, 3 * c.spend_90d / nullif(c.active_days, 0))),
		   coalesce(p.weekly_limit, greatest(8000, 3 * c.spend_90d / nullif(c.active_weeks, 0))),
		   p.country <> p.home_country,
		   c.approved_in_country_30d,
		   d.km,
		   d.hours,
		   d.km / greatest(d.hours, 60.0 / 3600),
		   c.approved_at_merchant = 0,
		   m.approved_90d,
		   m.approved_28d,
		   c.attempts_60s + (p.amount >= 0)::int,
		   c.attempts_10m + (p.amount >= 0)::int,
		   c.attempts_1h + (p.amount >= 0)::int,
		   c.attempts_24h + (p.amount >= 0)::int,
		   r.declines,
		   CASE WHEN p.ip IS NOT NULL THEN i.cards + (NOT i.same_card)::int END,
		   CASE WHEN p.ip IS NOT NULL THEN i.attempts + (p.amount >= 0)::int END,
		   CASE WHEN p.ip IS NOT NULL THEN i.declined / nullif(i.attempts, 0)::double precision END,
		   n.hour,
		   n.weekend,
		   c.past_this_hour / nullif(c.past_ever, 0)::double precision,
		   CASE WHEN n.weekend THEN c.past_weekend ELSE c.past_ever - c.past_weekend END / nullif(c.past_ever, 0)::double precision,
		   c.approved_ever,
		   extract(epoch FROM p.occurred_at - c.last_approved) / 86400,
		   extract(epoch FROM p.occurred_at - c.first_seen) / 86400
	FROM (SELECT extract(hour FROM p.occurred_at AT TIME ZONE coalesce(p.timezone, 'UTC'))::int AS hour,
				 extract(isodow FROM p.occurred_at AT TIME ZONE coalesce(p.timezone, 'UTC')) >= 6 AS weekend) n
	CROSS JOIN LATERAL
	(
		SELECT count(*) FILTER (WHERE past AND age < '90 days') AS past_count,
			   avg(amount) FILTER (WHERE past AND age < '90 days') AS past_mean,
			   stddev_pop(amount) FILTER (WHERE past AND age < '90 days') AS past_stddev,
			   max(amount) FILTER (WHERE past AND age < '90 days') AS past_max,
			   coalesce(sum(amount) FILTER (WHERE spend AND age < '24 hours'), 0) AS spend_24h,
			   coalesce(sum(amount) FILTER (WHERE spend AND age < '7 days'), 0) AS spend_7d,
			   coalesce(sum(amount) FILTER (WHERE spend AND age < '90 days'), 0) AS spend_90d,
			   count(DISTINCT day) FILTER (WHERE spend AND age < '90 days') AS active_days,
			   count(DISTINCT day / 7) FILTER (WHERE spend AND age < '90 days') AS active_weeks,
			   count(*) FILTER (WHERE approved AND country = p.country AND age < '30 days') AS approved_in_country_30d,
			   count(*) FILTER (WHERE approved AND merchant_id = p.merchant_id) AS approved_at_merchant,
			   count(*) FILTER (WHERE attempt AND age < '60 seconds') AS attempts_60s,
			   count(*) FILTER (WHERE attempt AND age < '10 minutes') AS attempts_10m,
			   count(*) FILTER (WHERE attempt AND age < '1 hour') AS attempts_1h,
			   count(*) FILTER (WHERE attempt AND age < '24 hours') AS attempts_24h,
			   count(*) FILTER (WHERE past) AS past_ever,
			   count(*) FILTER (WHERE past AND weekend) AS past_weekend,
			   count(*) FILTER (WHERE past AND (hour - n.hour + 25) % 24 <= 2) AS past_this_hour,
			   count(*) FILTER (WHERE approved) AS approved_ever,
			   max(occurred_at) FILTER (WHERE approved) AS last_approved,
			   min(occurred_at) AS first_seen
		FROM (SELECT h.occurred_at, h.amount, h.country, h.merchant_id,
					 p.occurred_at - h.occurred_at AS age,
					 h.status = 'approved' AND h.amount >= 0 AS approved,
					 h.status = 'approved' AND h.amount > 0 AS past,
					 h.status IN ('approved', 'pending') AND h.amount > 0 AS spend,
					 h.status IN ('approved', 'pending', 'declined', 'blocked') AND h.amount >= 0 AS attempt,
					 extract(hour FROM h.occurred_at AT TIME ZONE coalesce(h.timezone, 'UTC'))::int AS hour,
					 extract(isodow FROM h.occurred_at AT TIME ZONE coalesce(h.timezone, 'UTC')) >= 6 AS weekend,
					 (h.occurred_at AT TIME ZONE 'UTC')::date - date '1970-01-05' AS day
			  FROM :source h
			  WHERE h.customer_id = p.customer_id AND h.occurred_at <= p.occurred_at AND h.txn_id <> p.txn_id) x
	) c
	-- declines of the card within the hour, since its last payment that went through
	CROSS JOIN LATERAL
	(
		SELECT count(*) AS declines
		FROM :source h
		WHERE h.customer_id = p.customer_id AND h.card_id = p.card_id AND h.status = 'declined' AND h.amount >= 0
			  AND h.occurred_at > p.occurred_at - interval '1 hour' AND h.occurred_at <= p.occurred_at AND h.txn_id <> p.txn_id
			  AND h.occurred_at > (SELECT coalesce(max(e.occurred_at), '-infinity')
								   FROM :source e
								   WHERE e.customer_id = p.customer_id AND e.card_id = p.card_id
										 AND e.status IN ('approved', 'pending') AND e.amount >= 0
										 AND e.occurred_at > p.occurred_at - interval '1 hour' AND e.occurred_at <= p.occurred_at
										 AND e.txn_id <> p.txn_id)
	) r
	-- where the card was last present
	LEFT JOIN LATERAL
	(
		SELECT h.lat, h.lon, h.occurred_at
		FROM :source h
		WHERE p.channel = 'present' AND h.customer_id = p.customer_id AND h.card_id = p.card_id AND h.occurred_at <= p.occurred_at
			  AND h.txn_id <> p.txn_id AND h.channel = 'present' AND h.status = 'approved' AND h.amount >= 0
			  AND h.lat IS NOT NULL AND h.lon IS NOT NULL
		ORDER BY h.occurred_at DESC LIMIT 1
	) l ON true
	CROSS JOIN LATERAL
	(
		SELECT CASE WHEN p.lat IS NOT NULL AND p.lon IS NOT NULL AND l.lat IS NOT NULL THEN
				   2 * 6371.0088 * asin(sqrt(least(1, power(sin(radians(p.lat - l.lat) / 2), 2)
						+ cos(radians(p.lat)) * cos(radians(l.lat)) * power(sin(radians(p.lon - l.lon) / 2), 2)))) END AS km,
			   CASE WHEN p.lat IS NOT NULL AND p.lon IS NOT NULL THEN extract(epoch FROM p.occurred_at - l.occurred_at) / 3600 END AS hours
	) d
	CROSS JOIN LATERAL
	(
		SELECT count(*) FILTER (WHERE attempt) AS attempts,
			   count(*) FILTER (WHERE attempt AND status = 'declined') AS declined,
			   count(DISTINCT card_id) FILTER (WHERE attempt AND age < '1 hour') AS cards,
			   coalesce(bool_or(card_id = p.card_id) FILTER (WHERE attempt AND age < '1 hour'), false) AS same_card
		FROM (SELECT h.card_id, h.status, p.occurred_at - h.occurred_at AS age,
					 h.status IN ('approved', 'pending', 'declined', 'blocked') AND h.amount >= 0 AS attempt
			  FROM :source h
			  WHERE h.ip = p.ip AND h.occurred_at > p.occurred_at - interval '24 hours' AND h.occurred_at <= p.occurred_at
					AND h.txn_id <> p.txn_id) x
	) i
	CROSS JOIN LATERAL
	(
		SELECT count(*) AS approved_90d,
			   count(*) FILTER (WHERE h.occurred_at > p.occurred_at - interval '28 days') AS approved_28d
		FROM :source h
		WHERE h.merchant_id = p.merchant_id AND h.occurred_at > p.occurred_at - interval '90 days' AND h.occurred_at <= p.occurred_at
			  AND h.status = 'approved' AND h.amount > 0 AND h.txn_id <> p.txn_id
	) m;
END;
