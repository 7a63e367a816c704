-- profile_vs_oracle.sql: fraud_features(), fraud_explain() and fraud_score() on profiles against the oracle.
--
-- Up to 32 distinct events in a history: every number exactly, every rule. More: exact where the window lies
-- in the newest 32, else within what is promised (windows of 24 h and more: at most the cell astride the old
-- edge too much; shorter ones: a lower bound; lifetime numbers: exact).
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE EXTENSION IF NOT EXISTS fraud_fallback SCHEMA public;
DROP SCHEMA IF EXISTS ff_profile_vs_oracle CASCADE;
CREATE SCHEMA ff_profile_vs_oracle;
SET search_path = ff_profile_vs_oracle, public;
\set ff_part 1
\ir oracle.sql
\ir histories.sql

-- ---- what the extension says ----

CREATE TABLE prof (entity text, key text, p fraud_profile, PRIMARY KEY (entity, key));
SELECT step('profiles of customers, addresses and merchants are built', $$
	INSERT INTO prof
	SELECT 'customer', o_text(customer_id), fraud_profile(e ORDER BY occurred_at, txn_id) FROM ev e
	WHERE o_text(customer_id) IS NOT NULL GROUP BY 2
	UNION ALL
	SELECT 'ip', o_ip(ip), fraud_profile(e ORDER BY occurred_at, txn_id) FROM ev e WHERE ip IS NOT NULL GROUP BY 2
	UNION ALL
	SELECT 'merchant', o_text(merchant_id), fraud_profile(e ORDER BY occurred_at, txn_id) FROM ev e
	WHERE o_text(merchant_id) IS NOT NULL GROUP BY 2 $$);
CREATE TABLE prof_unlabelled AS SELECT * FROM prof;
SELECT step('confirmed frauds are observed', $$
	DO $do$
	DECLARE
		l lab;
	BEGIN
		FOR l IN SELECT * FROM lab LOOP
			UPDATE prof SET p = fraud_observe_fraud(p, l.e, l.known_at)
			WHERE entity = 'customer' AND key = (l.e).customer_id
			OR entity = 'merchant' AND key = (l.e).merchant_id;
		END LOOP;
	END $do$ $$);

CREATE TABLE got (n int PRIMARY KEY, f jsonb, r jsonb, reasons jsonb, d jsonb, error text);
CREATE FUNCTION history(e text, k text) RETURNS fraud_profile LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN k = '!' THEN fraud_profile_unavailable()
		ELSE (SELECT p FROM prof WHERE entity = e AND key = k) END;
END $$;
CREATE FUNCTION ask(x tx) RETURNS got LANGUAGE plpgsql AS $$
DECLARE
	g got;
	c fraud_profile := history('customer', x.ck);
	i fraud_profile := history('ip', x.ik);
	m fraud_profile := history('merchant', x.mk);
BEGIN
	g.n := x.n;
	g.f := to_jsonb(fraud_features(x.t, c, NULL, i, m));
	SELECT jsonb_object_agg(number, status || ':' || coalesce(points, 0)), jsonb_object_agg(number, reason)
		INTO g.r, g.reasons FROM fraud_explain(x.t, c, NULL, i, m);
	g.d := to_jsonb(fraud_score(x.t, c, NULL, i, m));
	RETURN g;
EXCEPTION WHEN OTHERS THEN
	g.error := sqlerrm;
	RETURN g;
END $$;
SELECT step('transactions are scored', 'INSERT INTO got SELECT g.* FROM tx x, ask(x) g');
ANALYZE got;

-- ---- what the rows say ----

SET max_parallel_workers_per_gather = 2;		-- for the oracle's own work
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE tx SET (parallel_workers = 2);
CREATE TABLE want AS
SELECT x.n, x.kind, (x.t).occurred_at AS t, f, o_features(f) AS fs, o_rules(f) AS rs,
	coalesce(c.n, 0) AS cn, coalesce(i.n, 0) AS in_, coalesce(m.n, 0) AS mn,
	c.left_at AS c_left, i.left_at AS i_left, m.left_at AS m_left,
	coalesce(c.left_at = c.kept_from, false) AS c_tie, coalesce(i.left_at = i.kept_from, false) AS i_tie,
	coalesce(m.left_at = m.kept_from, false) AS m_tie,
	coalesce(c.last_at > (x.t).occurred_at, false) AS c_late, coalesce(i.last_at > (x.t).occurred_at, false) AS i_late,
	coalesce(m.last_at > (x.t).occurred_at, false) AS m_late,
	coalesce(c.left_at IS NOT NULL AND c.kept_from > (x.t).occurred_at, false) AS c_newer,
	coalesce(i.left_at IS NOT NULL AND i.kept_from > (x.t).occurred_at, false) AS i_newer,
	coalesce(m.left_at IS NOT NULL AND m.kept_from > (x.t).occurred_at, false) AS m_newer,
	coalesce(c.labelled, false) AS labelled,
	-- frauds 90 days older than the merchant's newest event need not be remembered any more
	-- and of those that become known later than t, the four latest are told apart
	coalesce(m.fraud_at <= m.last_at - interval '2160 hours' AND m.last_at > (x.t).occurred_at, false)
		OR (SELECT count(*) FROM o_ev o WHERE o.merch = x.mk AND NOT o_known(o.known_at, (x.t).occurred_at)) > 4 AS m_forgotten,
	-- something about a confirmed fraud turns within an hour of an edge, or within a second of being known
	EXISTS (SELECT FROM o_ev o WHERE o.cust = x.ck AND o.known_at BETWEEN f.t - interval '1 second'
		AND f.t + interval '1 second') AS c_turns,
	EXISTS (SELECT FROM o_ev o WHERE o.merch = x.mk AND (o.known_at BETWEEN f.t - interval '1 second'
			AND f.t + interval '1 second'
		OR o.known_at IS NOT NULL AND (f.t - o.at BETWEEN interval '2159 hours' AND '2161 hours'
			OR f.t - o.at BETWEEN interval '671 hours' AND '673 hours'))) AS m_turns,
	x.kind NOT IN ('unavailable', 'no customer', 'time missing', 'no history') AND f.amt IS NOT NULL AS plain
FROM tx x LEFT JOIN key_size c ON c.entity = 'customer' AND c.key = x.ck
	LEFT JOIN key_size i ON i.entity = 'ip' AND i.key = x.ik
	LEFT JOIN key_size m ON m.entity = 'merchant' AND m.key = x.mk,
	o_facts(x.t, x.ck, x.ik, x.mk, 'true') f;
ALTER TABLE want ADD PRIMARY KEY (n);
ALTER TABLE want SET (parallel_workers = 2);
CREATE TABLE big AS
SELECT w.n, wide AS wf, newest AS nf, o_features(wide) AS wfs, o_features(newest) AS nfs,
	o_rules(wide) AS wrs, o_rules(newest) AS nrs, o_features(coarse) AS cfs
FROM want w JOIN tx x USING (n), o_facts(x.t, x.ck, x.ik, x.mk, 'wide') wide, o_facts(x.t, x.ck, x.ik, x.mk, 'newest') newest,
	o_facts(x.t, x.ck, x.ik, x.mk, 'coarse') coarse
WHERE plain AND greatest(cn, in_, mn) > 32;
ALTER TABLE big ADD PRIMARY KEY (n);
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
ANALYZE want;
ANALYZE big;

-- feature -> history it comes from, its window in seconds, and whether labels change it
CREATE TABLE col (name text, entity text, seconds int, labels boolean DEFAULT false);
INSERT INTO col VALUES
	('amount', NULL, NULL, false), ('foreign_country', NULL, NULL, false), ('high_risk_country', NULL, NULL, false),
	('merchant_risk', NULL, NULL, false), ('local_hour', NULL, NULL, false), ('is_weekend', NULL, NULL, false),
	('past_count', 'customer', 7776000, true), ('past_mean', 'customer', 7776000, true),
	('past_stddev', 'customer', 7776000, true), ('past_max', 'customer', 7776000, true),
	('amount_ratio', 'customer', 7776000, true), ('amount_sigmas', 'customer', 7776000, true),
	('spend_24h', 'customer', 86400, false), ('spend_7d', 'customer', 604800, false),
	('daily_limit', 'customer', 7776000, false), ('weekly_limit', 'customer', 7776000, false),
	('approved_in_country_30d', 'customer', 2592000, false), ('distance_km', 'customer', NULL, false),
	('hours_since_present', 'customer', NULL, false),
	('first_time_merchant', 'customer', NULL, false), ('attempts_60s', 'customer', 60, false),
	('attempts_10m', 'customer', 600, false), ('attempts_1h', 'customer', 3600, false),
	('attempts_24h', 'customer', 86400, false), ('declines_run', 'customer', NULL, false),
	('hour_share', 'customer', NULL, false), ('day_kind_share', 'customer', NULL, false),
	('approved_ever', 'customer', NULL, false), ('days_since_approved', 'customer', NULL, false),
	('days_known', 'customer', NULL, false),
	('merchant_approved_90d', 'merchant', 7776000, false), ('merchant_frauds_90d', 'merchant', 7776000, false),
	('merchant_fraud_bound', 'merchant', 7776000, false), ('merchant_approved_28d', 'merchant', 2419200, false),
	('merchant_frauds_28d', 'merchant', 2419200, false),
	('ip_cards_60m', 'ip', 3600, false), ('ip_attempts_24h', 'ip', 86400, false),
	('ip_declined_share_24h', 'ip', 86400, false);

SELECT chk('no scoring raises an error', 5000, $$
	SELECT error IS NOT NULL, format('transaction %s: %s', n, error) FROM got $$);
SELECT chk('fraud_features has exactly the known columns', 39, $$
	SELECT o.name IS NULL OR e.key IS NULL, coalesce(o.name, e.key)
	FROM (SELECT name FROM col UNION SELECT 'speed_kmh') o FULL JOIN (SELECT DISTINCT key FROM got, jsonb_object_keys(f) key) e ON e.key = o.name $$);
SELECT chk('every transaction gets 19 rules', 5000, $$
	SELECT (SELECT count(*) FROM jsonb_object_keys(r)) <> 19, format('transaction %s: %s', n, r) FROM got $$);

SELECT chk('the transactions reach everything: every rule fires with each of its points, stays silent, and lacks something', 19, $$
	SELECT count(*) FILTER (WHERE answer = '["no_hit:0"]') < 20
		OR count(*) FILTER (WHERE answer = '["not_evaluated:0"]') < 20
		OR (SELECT bool_or(format('["hit:%s"]', p) <> ALL (array_agg(answer))) FROM unnest(string_to_array(points, ' ')) p),
		format('rule %s: %s', rule, (SELECT jsonb_object_agg(a, c) FROM (SELECT a, count(*) AS c
			FROM unnest(array_agg(answer)) a GROUP BY 1) h))
	FROM (VALUES ('1', '30'), ('2', '15'), ('3', '30'), ('4', '20'), ('5', '15'), ('6', '10 25 30'), ('7', '30'), ('8', '30'),
			('9', '10 15'), ('10', '20 30'), ('11', '10'), ('12', '10 20 30'), ('13', '15 30'), ('14', '10 15'), ('15', '20 30'),
			('16', '20 30'), ('17', '10 15'), ('18', '10 20'), ('19', '10')) v(rule, points)
		JOIN (SELECT key AS rule, value::text AS answer FROM want, jsonb_each(rs)) a USING (rule)
	GROUP BY rule, points $$);

-- ---- histories of at most 32 events: everything exactly ----

-- one row a (transaction, feature) whose history holds at most 32 events
CREATE VIEW exact_feature AS
SELECT w.n, w.kind, w.plain, w.labelled, w.f, c.name, c.labels,
	CASE WHEN c.entity = 'merchant' THEN m_turns AND c.name NOT LIKE '%approved%' ELSE c.labels AND c_turns END AS turns,
	NOT o_same(g.f -> c.name, w.fs -> c.name, CASE c.name WHEN 'distance_km' THEN 0.005 ELSE 1e-9 END) AS bad,
	format('transaction %s (%s) %s: got %s, want %s', w.n, w.kind, c.name, g.f -> c.name, w.fs -> c.name) AS detail
FROM want w JOIN got g USING (n), col c
WHERE CASE c.entity WHEN 'customer' THEN cn <= 32 WHEN 'ip' THEN in_ <= 32 WHEN 'merchant' THEN mn <= 32 AND (NOT m_forgotten OR c.name LIKE '%approved%')
	ELSE true END
AND g.error IS NULL;
CREATE TABLE ef AS SELECT n, kind, plain, labelled, (f).amt IS NULL AS no_amount, name, labels, turns, bad,
	CASE WHEN bad IS NOT false THEN detail END AS detail FROM exact_feature;
ANALYZE ef;
SELECT chk('exact: ' || name, 1000, format($$
	SELECT bad, detail FROM ef WHERE name = %L AND plain AND NOT turns AND NOT (labels AND labelled) $$, name))
FROM col ORDER BY ctid;
SELECT chk('exact, with confirmed frauds taken out: ' || name, 300, format($$
	SELECT bad, detail FROM ef WHERE name = %L AND plain AND labelled AND NOT turns $$, name))
FROM col WHERE labels ORDER BY ctid;
SELECT chk('exact, to the second of being known: confirmed frauds taken out of the past', 100, $$
	SELECT bad, detail FROM ef WHERE plain AND turns AND labels $$);
SELECT chk('exact, to the microsecond of the edge and the second of being known: confirmed frauds of the merchant', 100, $$
	SELECT bad, detail FROM ef WHERE plain AND turns AND NOT labels $$);
SELECT chk('speed_kmh is distance_km by hours_since_present, taken as a minute at least', 2000, $$
	SELECT NOT o_same(f -> 'speed_kmh', to_jsonb((f ->> 'distance_km')::float8
		/ greatest((f ->> 'hours_since_present')::float8, 1 / 60.0::float8))), format('transaction %s: %s', n, f)
	FROM got WHERE f IS NOT NULL $$);
SELECT chk('exact: features without an amount', 1000, $$
	SELECT bad, detail FROM ef WHERE no_amount AND kind NOT IN ('unavailable', 'no customer', 'time missing', 'no history')
	AND NOT turns AND NOT (labels AND labelled) $$);
SELECT chk(format('exact: features, %s', what), 100, format($$
	SELECT bad, detail FROM ef WHERE kind = %L AND NOT turns $$, kind))
FROM (VALUES ('unavailable', 'history not looked at'), ('no history', 'new customer'), ('no customer', 'no customer in the row'))
	v(kind, what);
SELECT chk('exact: features without a time', 100, $$
	SELECT bad, detail FROM ef WHERE kind = 'time missing' AND name NOT IN ('daily_limit', 'weekly_limit') $$);

CREATE TABLE er AS
SELECT w.n, w.kind, w.plain, w.labelled, (w.f).amt IS NULL AS no_amount, rule,
	CASE WHEN rule = '12' THEN m_turns WHEN rule IN ('1', '2', '11', '17', '19') THEN c_turns ELSE false END AS turns,
	NOT coalesce(w.rs -> rule ? (g.r ->> rule), false) AS bad,
	format('transaction %s (%s): got %s (%s), want %s', w.n, w.kind, g.r -> rule, g.reasons ->> rule, w.rs -> rule) AS detail
FROM want w JOIN got g USING (n), (SELECT r::text AS rule FROM generate_series(1, 19) r) r
WHERE CASE WHEN rule IN ('3', '7', '10') THEN true WHEN rule = '12' THEN mn <= 32 AND NOT m_forgotten
	WHEN rule = '16' THEN in_ <= 32
	ELSE cn <= 32 END AND g.error IS NULL;
UPDATE er SET detail = NULL WHERE NOT bad;
ANALYZE er;
SELECT chk('exact: rule ' || rule, 1000, format($$
	SELECT bad, detail FROM er WHERE rule = '%s' AND plain AND NOT turns AND NOT (labelled AND rule IN ('1', '2', '11', '17', '19')) $$, rule))
FROM generate_series(1, 19) rule;
SELECT chk('exact, with confirmed frauds taken out: rules 1, 2, 11, 17, 19', 1000, $$
	SELECT bad, 'rule ' || rule || ', ' || detail FROM er WHERE plain AND labelled AND NOT turns
	AND rule IN ('1', '2', '11', '17', '19') $$);
SELECT chk('exact: rules without an amount', 1000, $$
	SELECT bad, 'rule ' || rule || ', ' || detail FROM er WHERE no_amount AND NOT turns
	AND kind NOT IN ('unavailable', 'no customer', 'time missing', 'no history') AND NOT labelled $$);
SELECT chk(format('exact: rules, %s', what), 100, format($$
	SELECT bad, 'rule ' || rule || ', ' || detail FROM er WHERE kind = %L AND NOT turns $$, kind))
FROM (VALUES ('unavailable', 'history not looked at'), ('no history', 'new customer'), ('no customer', 'no customer in the row'))
	v(kind, what);
SELECT chk('exact: rules without a time', 100, $$
	SELECT bad, 'rule ' || rule || ', ' || detail FROM er WHERE kind = 'time missing'
	AND rule IN ('3', '7', '10', '13', '14', '17', '18') $$);

-- The decision follows from the rules: categories (amount capped at 50), sum capped at 100, block of rule 13.
CREATE TABLE decided AS
SELECT w.n, d, least(100, greatest(least(50, s.amount) + s.other, CASE WHEN g.r ->> '13' = 'hit:30' THEN 61 ELSE 0 END)) AS score,
	s.factors
FROM want w JOIN got g USING (n), LATERAL (
	SELECT coalesce(sum(p) FILTER (WHERE r <= 5), 0) AS amount, coalesce(sum(p) FILTER (WHERE r > 5), 0) AS other,
		coalesce(jsonb_agg(c.rule ORDER BY p DESC, r) FILTER (WHERE p > 0), '[]') AS factors
	FROM (SELECT key::int AS r, split_part(value #>> '{0}', ':', 2)::int AS p FROM jsonb_each(w.rs)) a
		JOIN (VALUES (1, 'high_amount'), (2, 'unusual_high_value'), (3, 'large_amount'), (4, 'daily_limit'), (5, 'weekly_limit'),
			(6, 'foreign_country'), (7, 'high_risk_country'), (8, 'impossible_travel'), (9, 'distant_location'),
			(10, 'high_risk_merchant'), (11, 'first_time_merchant'), (12, 'merchant_reputation'), (13, 'velocity_10m'),
			(14, 'velocity_sustained'), (15, 'consecutive_declines'), (16, 'multi_card_ip'), (17, 'unusual_hour'),
			(18, 'dormant_account'), (19, 'weekend_shift')) c(r, rule) USING (r)) s
WHERE plain AND NOT labelled AND NOT m_forgotten AND NOT m_turns AND greatest(cn, in_, mn) <= 32
-- only where every rule has points one way, and enough was looked at
AND NOT EXISTS (SELECT FROM jsonb_each(w.rs) a WHERE (SELECT count(DISTINCT split_part(v, ':', 2))
	FROM jsonb_array_elements_text(a.value) v) > 1)
AND (d ->> 'coverage')::float8 >= 0.5;
SELECT chk('exact: risk_score', 300, $$
	SELECT (d ->> 'risk_score')::int IS DISTINCT FROM score, format('transaction %s: got %s, want %s', n, d ->> 'risk_score', score)
	FROM decided $$);
SELECT chk('exact: risk_level, recommendation and is_fraud follow the score', 5000, $$
	SELECT concat_ws(' ', d ->> 'risk_level', d ->> 'recommendation', d ->> 'is_fraud') <> CASE
		WHEN (d ->> 'risk_score')::int <= 30 THEN 'LOW APPROVE false'
		WHEN (d ->> 'risk_score')::int <= 60 THEN 'MEDIUM REVIEW false' ELSE 'HIGH BLOCK true' END,
		format('transaction %s: %s', n, d) FROM got $$);
SELECT chk('exact: risk_factors', 300, $$
	SELECT d -> 'risk_factors' IS DISTINCT FROM factors, format('transaction %s: got %s, want %s', n, d -> 'risk_factors', factors)
	FROM decided $$);
SELECT chk('without amount or time at least REVIEW', 100, $$
	SELECT (d ->> 'risk_score')::int < 31 OR d ->> 'recommendation' = 'APPROVE', format('transaction %s: %s', n, d)
	FROM got JOIN want w USING (n) WHERE (w.f).amt IS NULL OR (w.f).t IS NULL $$);

-- ---- larger histories ----

-- whole: the newest 32 reach back over the old edge, so the window must be exact; past: later events stand in
-- the history, so what older cells can say is not promised
CREATE TABLE bf AS
SELECT b.n, w.kind, c.name, c.entity, c.seconds, w.f, b.wf, b.nf, g.f AS got_all, g.f -> c.name AS got,
	w.fs -> c.name AS true_value, b.wfs -> c.name AS wide_value, b.cfs -> c.name AS coarse_value, b.nfs -> c.name AS newest_value,
	h.left_at <= w.t - interval '1 second' * coalesce(c.seconds, 0) AND c.seconds IS NOT NULL AS whole, h.late,
	format('transaction %s (%s) %s: got %s, true %s, wide %s, newest 32 %s', b.n, w.kind, c.name, g.f -> c.name,
		w.fs -> c.name, b.wfs -> c.name, b.nfs -> c.name) AS detail
FROM big b JOIN want w USING (n) JOIN got g USING (n), col c,
	LATERAL (SELECT v.* FROM (VALUES ('customer', cn, c_left, c_tie, c_late, c_newer), ('ip', in_, i_left, i_tie, i_late, i_newer),
		('merchant', mn, m_left, m_tie, m_late, m_newer)) v(entity, size, left_at, tie, late, newer)
		WHERE v.entity = c.entity) h
WHERE h.size > 32 AND NOT h.tie AND NOT h.newer AND g.error IS NULL;
ANALYZE bf;
SELECT chk('more than 32 events, window within the newest 32: ' || name, least_rows, format($$
	SELECT NOT o_same(got, true_value), detail FROM bf WHERE name = %L AND whole $$, name))
FROM (SELECT name, CASE WHEN seconds > 604800 OR entity <> 'customer' THEN 5 ELSE 40 END AS least_rows
	FROM col WHERE seconds IS NOT NULL ORDER BY ctid) c;
SELECT chk('more than 32 events, longer window, at most one cell too much: ' || name, 20, format($$
	SELECT (got::float8 BETWEEN true_value::float8 * (1 - 1e-9) AND wide_value::float8 * (1 + 1e-9)) IS NOT true, detail
	FROM bf WHERE name = %L AND NOT whole AND NOT late AND jsonb_typeof(coalesce(true_value, 'null')) <> 'null' $$, name))
FROM unnest(ARRAY['past_count', 'past_max', 'spend_24h', 'spend_7d', 'attempts_24h', 'merchant_approved_90d',
	'merchant_frauds_90d', 'merchant_approved_28d', 'merchant_frauds_28d', 'ip_attempts_24h']) name;
SELECT chk('more than 32 events, longer window, at most one coarser cell too much: spend and attempts', 100, $$
	SELECT (got::float8 BETWEEN true_value::float8 * (1 - 1e-9) AND coarse_value::float8 * (1 + 1e-9)) IS NOT true,
		format('%s, coarse %s', detail, coarse_value)
	FROM bf WHERE name IN ('spend_24h', 'spend_7d', 'attempts_24h', 'ip_attempts_24h') AND NOT whole AND NOT late
	AND jsonb_typeof(coalesce(true_value, 'null')) <> 'null' $$);
SELECT chk('more than 32 events, longer window: the sum behind past_mean', 20, $$
	SELECT (got::float8 * (got_all ->> 'past_count')::float8 BETWEEN (f).s * (1 - 1e-9) AND (wf).s * (1 + 1e-9)) IS NOT true, detail
	FROM bf WHERE name = 'past_mean' AND NOT whole AND NOT late AND (f).n > 0 $$);
SELECT chk('more than 32 events, longer window: the sum of squares behind past_stddev', 20, $$
	SELECT ((got::float8 ^ 2 + (got_all ->> 'past_mean')::float8 ^ 2) * (got_all ->> 'past_count')::float8
		BETWEEN (f).q * (1 - 1e-6) AND (wf).q * (1 + 1e-6)) IS NOT true, detail
	FROM bf WHERE name = 'past_stddev' AND NOT whole AND NOT late AND (f).n > 0 $$);
SELECT chk('more than 32 events: ratio, sigmas, fraud bound and share follow from their parts', 1000, $$
	SELECT NOT o_same(got, CASE name
		WHEN 'amount_ratio' THEN to_jsonb((got_all ->> 'amount')::float8 / (got_all ->> 'past_mean')::float8)
		WHEN 'amount_sigmas' THEN to_jsonb(((got_all ->> 'amount')::float8 - (got_all ->> 'past_mean')::float8)
			/ nullif((got_all ->> 'past_stddev')::float8, 0))
		ELSE to_jsonb(o_wilson((got_all ->> 'merchant_frauds_90d')::bigint, (got_all ->> 'merchant_approved_90d')::bigint)) END),
		detail
	FROM bf WHERE name IN ('amount_ratio', 'amount_sigmas', 'merchant_fraud_bound')
	AND (name <> 'amount_sigmas' OR (got_all ->> 'past_count')::bigint > 1) $$);
SELECT chk('more than 32 events, longer window: declines behind ip_declined_share_24h', 20, $$
	SELECT (got::float8 * ((got_all ->> 'ip_attempts_24h')::float8 - (f).one) >= (f).ipd24 - 1e-6
		AND got::float8 * (got_all ->> 'ip_attempts_24h')::float8 <= (wf).ipd24 + 1 + 1e-6) IS NOT true, detail
	FROM bf WHERE name = 'ip_declined_share_24h' AND NOT whole AND NOT late AND (f).ipa24 > 1 $$);
SELECT chk('more than 32 events, window under 24 h: at least the newest 32, at most the truth: ' || name, 20, format($$
	SELECT (got::float8 BETWEEN newest_value::float8 AND true_value::float8) IS NOT true, detail
	FROM bf WHERE name = %L AND jsonb_typeof(true_value) = 'number' $$, name))
FROM unnest(ARRAY['attempts_60s', 'attempts_10m', 'attempts_1h']) name;
SELECT chk('more than 32 events, window under 24 h: at least the newest 32, at most the truth: ip_cards_60m', 20, $$
	SELECT (got::bigint BETWEEN (nf).ipcards AND (f).ipcards_any) IS NOT true, detail FROM bf WHERE name = 'ip_cards_60m' $$);
SELECT chk('more than 32 events, exact over a lifetime: ' || name, 100, format($$
	SELECT NOT o_same(got, true_value), detail FROM bf WHERE name = %L $$, name))
FROM unnest(ARRAY['hour_share', 'day_kind_share', 'approved_ever', 'days_since_approved', 'days_known']) name;
SELECT chk('more than 32 events: declines_run', 100, $$
	SELECT (got::bigint BETWEEN (nf).run_lo AND (f).run_hi) IS NOT true, detail FROM bf WHERE name = 'declines_run' $$);
SELECT chk('more than 32 events: the last place, when among the newest 32: ' || name, 100, format($$
	SELECT NOT o_same(got, true_value, CASE name WHEN 'distance_km' THEN 0.005 ELSE 1e-9 END), detail
	FROM bf WHERE name = %L AND (f).present AND true_value = newest_value $$, name))
FROM unnest(ARRAY['distance_km', 'hours_since_present']) name;
SELECT chk('more than 32 events: approved_in_country_30d', 20, $$
	SELECT (got::bigint BETWEEN newest_value::bigint AND wide_value::bigint) IS NOT true, detail
	FROM bf WHERE name = 'approved_in_country_30d' AND jsonb_typeof(true_value) = 'number' $$);
SELECT chk('more than 32 events: a merchant once approved is never new', 20, $$
	SELECT got IS DISTINCT FROM 'false', detail FROM bf WHERE name = 'first_time_merchant' AND true_value = 'false' $$);
SELECT chk('more than 32 events: hardly a new merchant is taken for known', 1, $$
	SELECT count(*) < 50 OR count(*) FILTER (WHERE got IS DISTINCT FROM 'true') * 20 > count(*),
		format('%s of %s', count(*) FILTER (WHERE got IS DISTINCT FROM 'true'), count(*))
	FROM bf WHERE name = 'first_time_merchant' AND true_value = 'true' $$);

-- rules: where the numbers behind them leave no doubt
CREATE TABLE br AS
SELECT w.n, rule, NOT coalesce(w.rs -> rule ? (g.r ->> rule), false) AS bad,
	format('transaction %s (%s): got %s (%s), want %s', w.n, w.kind, g.r -> rule, g.reasons ->> rule, w.rs -> rule) AS detail
FROM big b JOIN want w USING (n) JOIN got g USING (n), (SELECT r::text AS rule FROM generate_series(1, 19) r) r
WHERE g.error IS NULL AND CASE
	WHEN rule IN ('3', '7', '10') THEN true
	WHEN rule = '12' THEN mn > 32 AND NOT m_tie AND NOT m_newer AND NOT m_late AND rs -> rule = wrs -> rule
	WHEN rule = '16' THEN in_ > 32 AND NOT i_tie AND NOT i_newer AND NOT i_late AND rs -> rule = wrs -> rule AND rs -> rule = nrs -> rule
		-- a lower bound of cards, or a different share of declines, must not change the answer
		AND (w.f).ipcards_any = (nf).ipcards_any AND (w.f).ipa24 = (wf).ipa24
	WHEN cn <= 32 OR c_tie OR c_newer THEN false
	WHEN rule IN ('8', '9') THEN (w.f).km = (nf).km OR NOT (w.f).present
	WHEN rule IN ('15', '18') THEN rs -> rule = nrs -> rule
	WHEN c_left <= w.t - interval '2160 hours' THEN rule <> '11' OR (w.f).seen OR (w.f).merch IS NULL
	WHEN c_late THEN false
	WHEN rule IN ('13', '14') THEN rs -> rule = nrs -> rule AND rs -> rule = wrs -> rule
	WHEN rule IN ('17', '19') THEN rs -> rule = wrs -> rule
	ELSE false END;
SELECT chk('more than 32 events: rule ' || rule, CASE WHEN rule IN (1, 2, 4, 5, 6, 11) THEN 5 ELSE 50 END, format($$
	SELECT bad, detail FROM br WHERE rule = '%s' $$, rule))
FROM generate_series(1, 19) rule;
SELECT chk('all of the newest 32 later than the transaction: history newer than transaction', 100, $$
	SELECT NOT (g.r ->> rule = 'not_evaluated:0' AND g.reasons ->> rule LIKE '%history newer than transaction%') IS NOT false,
		format('transaction %s, rule %s: %s (%s)', w.n, rule, g.r ->> rule, g.reasons ->> rule)
	FROM want w JOIN got g USING (n), unnest(ARRAY['1', '2', '4', '5', '13', '14', '18', '19']) rule
	WHERE c_newer AND plain AND NOT (rule IN ('13', '14') AND coalesce((w.f).mcc IN ('4111', '4112', '4131', '4784', '7523'), false)) $$);

-- ---- the same question in other words ----

CREATE FUNCTION ask_otherwise(x tx, OUT bad boolean, OUT detail text) LANGUAGE plpgsql AS $$
DECLARE
	c fraud_profile := history('customer', x.ck);
	i fraud_profile := history('ip', x.ik);
	m fraud_profile := history('merchant', x.mk);
	f jsonb := to_jsonb(fraud_features(x.t, c, NULL, i, m));
	d text := fraud_score(x.t, c, NULL, i, m)::text;
	other ev := x.t;
BEGIN
	bad := true;
	detail := format('transaction %s as jsonb', x.n);
	IF f <> to_jsonb(fraud_features(to_jsonb(x.t), c, NULL, i, m)) OR d <> fraud_score(to_jsonb(x.t), c, NULL, i, m)::text THEN
		RETURN;
	END IF;
	detail := format('transaction %s as text', x.n);
	IF f <> to_jsonb(fraud_features(to_jsonb(x.t)::text, c, NULL, i, m))
		OR d <> fraud_score(to_jsonb(x.t)::text, c, NULL, i, m)::text THEN
		RETURN;
	END IF;
	detail := format('transaction %s with another status and label', x.n);
	other.status := CASE WHEN other.status = 'declined' THEN NULL ELSE 'declined' END;
	other.is_fraud := other.is_fraud IS NOT true;
	IF f <> to_jsonb(fraud_features(other, c, NULL, i, m)) OR d <> fraud_score(other, c, NULL, i, m)::text THEN
		RETURN;
	END IF;
	detail := format('transaction %s in a session of other settings', x.n);
	PERFORM set_config('timezone', 'Australia/Lord_Howe', true), set_config('datestyle', 'SQL, DMY', true);
	bad := f <> to_jsonb(fraud_features(x.t, c, NULL, i, m)) OR d <> fraud_score(x.t, c, NULL, i, m)::text;
	PERFORM set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, MDY', true);
END $$;
SELECT chk('record, jsonb, text, other status, other session: the same answer', 500, $$
	SELECT o.bad, o.detail FROM tx x, ask_otherwise(x) o WHERE x.n % 13 = 0 $$);
SELECT chk('an event later than the transaction changes nothing', 200, $$
	SELECT to_jsonb(fraud_features(x.t, p.p)) <> to_jsonb(fraud_features(x.t, q.p)), format('transaction %s', x.n)
	FROM tx x JOIN want w USING (n) JOIN prof_unlabelled p ON p.entity = 'customer' AND p.key = x.ck,
		LATERAL (SELECT fraud_observe(p.p, e) AS p FROM (SELECT ('later ' || x.n, x.ck, NULL, 777, NULL,
			(x.t).occurred_at + interval '1 microsecond', 'JP', NULL, 1, 2, NULL, NULL, NULL, (x.t).merchant_id, NULL, NULL,
			(x.t).ip, 'approved', NULL, NULL, NULL, NULL)::ev AS e) l) q
	WHERE w.cn < 32 AND x.n % 11 = 0 AND w.kind <> 'time missing' $$);
SELECT chk('the transaction itself in the history changes nothing', 200, $$
	SELECT to_jsonb(fraud_features(x.t, p.p)) <> to_jsonb(fraud_features(x.t, fraud_observe(p.p, x.t))), format('transaction %s', x.n)
	FROM tx x JOIN want w USING (n) JOIN prof_unlabelled p ON p.entity = 'customer' AND p.key = x.ck
	WHERE w.cn < 32 AND x.n % 11 = 5 AND w.kind <> 'time missing' AND o_text((x.t).txn_id) IS NOT NULL $$);

SELECT chk_summary();
DROP SCHEMA ff_profile_vs_oracle CASCADE;
