-- For 017_always.pl: random transactions and answers of ML, a loop that decides
-- them and catches nothing, and what must hold of every answer, in plain SQL.
CREATE SCHEMA always;

-- Values of each column: as they should be; anything JSON can be; what a typed
-- column can hold; what a column of a strange type can.
CREATE TABLE always.pool (col text PRIMARY KEY, good jsonb[], bad jsonb[], typed jsonb[], odd jsonb[]);

CREATE TYPE always.texts AS (txn_id text, customer_id text, card_id text, amount text, currency text, occurred_at text, country text,
	home_country text, lat text, lon text, home_lat text, home_lon text, channel text, merchant_id text, merchant_category text, mcc text,
	ip text, status text, declined text, timezone text, daily_limit text, weekly_limit text, is_fraud text);
CREATE TYPE always.floats AS (txn_id varchar(40), customer_id char(8), amount float8, currency char(3), occurred_at timestamp, lat real,
	lon real, country char(2), mcc int, status text, daily_limit real);
CREATE TYPE always.odd AS (txn_id uuid, customer_id int8, amount money, occurred_at date, mcc int2, country text[], ip cidr, lat text,
	declined int, is_fraud int4, channel bytea, merchant_id jsonb, timezone name);
CREATE TYPE always.few AS (amount numeric, occurred_at timestamptz);

CREATE FUNCTION always.fill_pool() RETURNS void LANGUAGE sql AS $$
	INSERT INTO always.pool
	SELECT col, good::jsonb[], (bad || garbage.v)::jsonb[], coalesce(typed, good || 'null'::text)::jsonb[], coalesce(odd, ARRAY['null'])::jsonb[]
	FROM (VALUES
		('txn_id', ARRAY['"@id"'], ARRAY['17', '"  "', '"ид-✓"', '"a\tb\"c\\"'], ARRAY['"@id"', '"@id"', '""', 'null'], ARRAY['"@uuid"', 'null']),
		('customer_id', (SELECT array_agg(to_jsonb('c' || g)::text) FROM generate_series(0, 60) g), ARRAY['4711', '" c1 "', '1e30'], NULL, ARRAY['1', '-9223372036854775808']),
		('card_id', (SELECT array_agg(to_jsonb('card' || g)::text) FROM generate_series(0, 90) g), ARRAY['1234567890123456'], NULL, NULL),
		('amount', (SELECT array_agg(to_jsonb(round(exp(random() * 10)::numeric, 2))::text) FROM generate_series(1, 200)),
			ARRAY['"NaN"', '"Infinity"', '"-Infinity"', '"nan"', '1e400', '-1e30', '-5', '0', '-0.00001', '99.99', '99.99994', '99.99995', '100', '100.00001', '1000', '1000.0001', '5000.01',
				'100000000000', '100000000000.0001', '" 12 "', '"12,50"', '"1e3"', '"0x10"', '"+7."', '".5"', '"1e-400"', '"$12"', '"１２"', '1e-300'],
			ARRAY['1', '12.50', '99', '750', '6000', '"NaN"', '"Infinity"', '"-Infinity"', '1e20', '-5', '0', '1e-30', 'null'],
			ARRAY['"12.34"', '"-99999.99"', '"92233720368547758.07"', 'null']),
		('currency', ARRAY['"USD"', '"usd"', 'null'], ARRAY['"EUR"', '"XXX"', '"dollars"', '" USD "'], ARRAY['"USD"', '"EUR"', 'null'], NULL),
		('occurred_at', (SELECT array_agg(to_jsonb(now() - random() * interval '3 hours')::text) FROM generate_series(1, 200)),
			ARRAY['"infinity"', '"-infinity"', '"2026-02-30T12:00:00Z"', '"2026-03-01"', '"2026-03-01 12:00"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '"yesterday"', '"now"',
				'1767225600', '"12:00"', '"2026-03-01T12:00:00+16"', '"4713-01-01 BC"'],
			ARRAY['"2026-03-01T12:00:00Z"', to_jsonb(now())::text, '"infinity"', '"-infinity"', '"0001-01-01T00:00:00Z"', '"9999-12-31T00:00:00Z"', to_jsonb(now() + interval '3 years')::text, 'null'],
			ARRAY['"2026-03-01"', '"infinity"', '"-infinity"', '"4713-01-01 BC"', 'null']),
		('country', ARRAY['"US"', '"DE"', '"IR"', '"fr"'], ARRAY['"USA"', '"ZZ"', '"x"', '"ÄÖ"', '1'], NULL, ARRAY['["US"]']),
		('home_country', ARRAY['"US"', '"US"', '"DE"'], ARRAY['"Germany"', '"??"'], NULL, NULL),
		('lat', ARRAY['52.5', '40.7', '-33.9'], ARRAY['91', '-1e9', '1e400', '"NaN"', '"52,5"'], ARRAY['52.5', '"NaN"', '"Infinity"', '-91', 'null'], ARRAY['"garbage"', '"52"']),
		('lon', ARRAY['13.4', '-74', '151.2'], ARRAY['181', '"Infinity"', '1e-400'], ARRAY['13.4', '"NaN"', '"-Infinity"', '1e30', 'null'], NULL),
		('home_lat', ARRAY['52.5'], ARRAY['"x"'], ARRAY['52.5', '"NaN"'], NULL),
		('home_lon', ARRAY['13.4'], ARRAY['1e9'], ARRAY['13.4', '"Infinity"'], NULL),
		('channel', ARRAY['"present"', '"online"', '"pos"'], ARRAY['"telepathy"', '"PRESENT "', '0'], NULL, ARRAY['"\\x00ff"']),
		('merchant_id', (SELECT array_agg(to_jsonb('m' || g)::text) FROM generate_series(0, 30) g), ARRAY['0', '" "'], NULL, ARRAY['{"a": [1]}']),
		('merchant_category', ARRAY['"grocery"', '"Electronics"', '"wire transfer"'], ARRAY['"☃"', '5732'], NULL, NULL),
		('mcc', ARRAY['5732', '"5411"', '"0742"', '4111'], ARRAY['-1', '57.32', '"57320"', '1e10'], ARRAY['5732', '-1', '2147483647', 'null'], ARRAY['-32768', '742']),
		('ip', ARRAY['"8.8.8.8"', '"10.0.0.1"', '"2001:db8::1"'], ARRAY['"256.1.1.1"', '"8.8.8.8/33"', '"::ffff:1.2.3.4"', '"fe80::1%eth0"', '134744072'], ARRAY['"8.8.8.8"', '"10.0.0.0/8"', '"::ffff:1.2.3.4"', 'null'], ARRAY['"10.0.0.0/8"']),
		('status', ARRAY['"approved"', '"declined"', '"pending"'], ARRAY['"failed"', '"what"', '7'], NULL, NULL),
		('declined', ARRAY['true', 'false'], ARRAY['"maybe"', '2', '"t"'], ARRAY['true', 'false', 'null'], ARRAY['0', '7']),
		('timezone', ARRAY['"UTC"', '"Europe/Berlin"', '"America/New_York"'], ARRAY['"Mars/Olympus"', '"../../etc/passwd"', '"+99"'], NULL, ARRAY['"nowhere"', '"Asia/Tokyo"']),
		('daily_limit', ARRAY['500', '5000', 'null'], ARRAY['0', '-1', '"much"', '1e400'], ARRAY['500', '"NaN"', '0', '-5', 'null'], NULL),
		('weekly_limit', ARRAY['9000', 'null'], ARRAY['0', '-1'], ARRAY['9000', '"Infinity"'], NULL),
		('is_fraud', ARRAY['true', 'false', 'null'], ARRAY['"perhaps"', '3'], ARRAY['true', 'null'], ARRAY['1', '2']),
		('amount ', ARRAY['1'], ARRAY['1'], NULL, NULL),
		('AMOUNT', ARRAY['9999'], ARRAY['"x"'], NULL, NULL),
		('', ARRAY['{"deep": [[[[[1]]]]]}'], ARRAY['{}'], NULL, NULL)) p(col, good, bad, typed, odd),
		(SELECT ARRAY['null', '""', '"garbage"', 'true', 'false', '[]', '{}', '[1, 2]', '{"a": {"b": null}}', '-1', '1e308', '"\n"', '"NULL"',
			to_jsonb(repeat('long ', 700))::text, '"x'' OR 1=1 --"'] AS v) garbage
$$;

-- answers of ML, and what came with them
CREATE TABLE always.answers_of_ml (n serial, v jsonb);
INSERT INTO always.answers_of_ml (v)
	SELECT jsonb_build_object('risk_score', round((random() * 100)::numeric, 1)) FROM generate_series(1, 20)
	UNION ALL SELECT jsonb_build_object('risk_score', s, 'is_fraud', f, 'recommendation', r, 'risk_factors', '["ml"]'::jsonb)
		FROM unnest(ARRAY[0, 10, 30, 30.4, 30.5, 31, 60, 60.5, 61, 100]) s, unnest(ARRAY[true, false, NULL]) f, unnest(ARRAY['APPROVE', ' review', 'BLOCK', NULL]) r
	UNION ALL SELECT v::jsonb FROM unnest(ARRAY['null', 'true', '1', '"BLOCK"', '[]', '[{"risk_score": 10}]', '{}', '{"risk_score": null}', '{"risk_score": "NaN"}', '{"risk_score": "10"}',
		'{"risk_score": -1}', '{"risk_score": 100.1}', '{"risk_score": 1e400}', '{"risk_score": -1e400}', '{"risk_score": 0.5}', '{"risk_score": 1e-300}', '{"risk_score": true}', '{"risk_score": [10]}',
		'{"risk_score": 10, "is_fraud": "no"}', '{"risk_score": 10, "is_fraud": 0}', '{"risk_score": 10, "recommendation": "DECLINE"}', '{"risk_score": 10, "recommendation": 1}',
		'{"risk_score": 10, "risk_factors": "velocity"}', '{"risk_score": 10, "risk_factors": [null, 1, {"a": 1}, "", "ü☃"]}', '{"RISK_SCORE": 10}', '{"error": "overloaded"}']) v
	UNION ALL SELECT jsonb_build_object('risk_score', 20, 'risk_factors', (SELECT jsonb_agg('factor ' || g) FROM generate_series(1, 500) g))
	UNION ALL SELECT jsonb_build_object('risk_score', 70, 'risk_factors', jsonb_build_array(repeat('ä', 90000), repeat('b', 101)))
	UNION ALL SELECT (SELECT jsonb_object_agg('member ' || g, repeat('x', 100)) FROM generate_series(1, 3000) g) || '{"risk_score": 5}'
	UNION ALL SELECT (repeat('[', 500) || repeat(']', 500))::jsonb;

CREATE UNLOGGED TABLE always.todo (batch int, g int, form text, kind text, txn jsonb, ml jsonb, ml_status int, ml_latency interval, ticket text, made_up bigint, ml_error text,
	PRIMARY KEY (batch, g));
CREATE UNLOGGED TABLE always.got (session int, batch int, g int, seen jsonb, size int, d fraud_decision);
CREATE UNLOGGED TABLE always.given (key uuid);
CREATE INDEX ON always.given (key);
CREATE INDEX ON always.got (batch);

-- what holds in a batch; server: tier of the server, NULL: by circumstances
CREATE TABLE always.state (batch int PRIMARY KEY, name text, low int, medium int, floor real, server int, tiers int[], combine text, on_open text, low_risk boolean, function boolean, journal text, hash text);

-- n transactions; some again, some of an earlier batch again, some ids used again
CREATE FUNCTION always.make(which int, n int, prefix text, earlier int) RETURNS void LANGUAGE sql AS $$
	WITH dice AS MATERIALIZED (
		SELECT g, random() AS form, random() AS kind, random() AS dirt, random() AS gaps, 1 + floor(random() * greatest(g - 1, 1))::int AS other FROM generate_series(1, n) g),
	shaped AS MATERIALIZED (
		SELECT g, kind, other, gaps * gaps AS gaps, CASE WHEN dirt < 0.4 THEN 0 WHEN dirt < 0.7 THEN 0.05 WHEN dirt < 0.92 THEN 0.3 ELSE 0.9 END AS dirt,
			CASE WHEN form < 0.45 THEN 'jsonb' WHEN form < 0.62 THEN 'text' WHEN form < 0.77 THEN 'txn' WHEN form < 0.87 THEN 'texts' WHEN form < 0.93 THEN 'floats' WHEN form < 0.97 THEN 'odd' ELSE 'few' END AS form
		FROM dice),
	raw AS MATERIALIZED (
		SELECT g, form, kind, other,
			r.txn || CASE r.txn -> 'txn_id' WHEN '"@id"' THEN jsonb_build_object('txn_id', prefix || g) WHEN '"@uuid"' THEN jsonb_build_object('txn_id', md5(prefix || g)::uuid) ELSE '{}' END AS txn
		FROM shaped, LATERAL (
			SELECT coalesce(jsonb_object_agg(col, CASE
				WHEN form = 'odd' THEN odd[1 + floor(random() * cardinality(odd))::int]
				WHEN form IN ('txn', 'floats', 'few') THEN typed[1 + floor(random() * cardinality(typed))::int]
				WHEN random() < dirt THEN bad[1 + floor(random() * cardinality(bad))::int]
				ELSE good[1 + floor(random() * cardinality(good))::int] END), '{}') AS txn
			FROM always.pool WHERE random() >= gaps) r),
	again AS MATERIALIZED (
		SELECT row_number() OVER (ORDER BY random()) AS nr, form, txn FROM always.todo WHERE batch = earlier AND txn IS NOT NULL),
	transactions AS MATERIALIZED (
		SELECT r.g,
			CASE WHEN r.kind < 0.12 AND r.g > 1 THEN 'again' WHEN r.kind < 0.18 AND o.txn ->> 'txn_id' LIKE prefix || '%' AND o.form IN ('jsonb', 'text', 'texts', 'txn') THEN 'reused'
				WHEN r.kind < 0.185 THEN 'null' WHEN r.kind < 0.25 AND a.nr IS NOT NULL THEN 'earlier' ELSE 'new' END AS kind,
			r.form, r.txn, o.form AS other_form, o.txn AS other_txn, a.form AS earlier_form, a.txn AS earlier_txn
		FROM raw r JOIN raw o ON o.g = r.other LEFT JOIN again a ON a.nr = r.g),
	said AS MATERIALIZED (
		SELECT g, random() AS body, 1 + floor(random() * (SELECT max(n) FROM always.answers_of_ml))::int AS n, random() AS status, random() AS latency, random() AS ticket, random() AS error, random() AS x FROM generate_series(1, n) g)
	INSERT INTO always.todo
	SELECT which, t.g,
		CASE kind WHEN 'again' THEN other_form WHEN 'reused' THEN other_form WHEN 'earlier' THEN earlier_form ELSE form END,
		kind,
		CASE kind WHEN 'again' THEN other_txn WHEN 'reused' THEN other_txn || jsonb_build_object('amount', round(1 + t.g::numeric / 10000, 4)) WHEN 'earlier' THEN earlier_txn WHEN 'null' THEN NULL ELSE txn END,
		CASE WHEN body < 0.6 THEN m.v END,
		CASE WHEN status < 0.55 THEN NULL WHEN status < 0.8 THEN 200 ELSE (ARRAY[204, 302, 400, 404, 408, 429, 500, 503, 0, -5, 999, 2147483647, 299])[1 + floor(x * 13)::int] END,
		(ARRAY['1 ms', '20 ms', '29 s', '31 s', '100 years', '-1 s', '0', '-178000000 years', '178000000 years', '1 mon -30 days'])[CASE WHEN latency < 0.6 THEN NULL WHEN latency < 0.9 THEN 2 ELSE 1 + floor(x * 10)::int END]::interval,
		CASE WHEN ticket < 0.55 THEN 'none' WHEN ticket < 0.7 THEN 'real' WHEN ticket < 0.8 THEN 'made up' WHEN ticket < 0.85 THEN 'finished' ELSE 'route' END,
		(ARRAY[0, -1, 1, 9223372036854775807, -9223372036854775808, floor(x * 1e15)::bigint])[1 + floor(latency * 6)::int],
		(ARRAY['timeout', 'connection', 'skipped', '', 'Überlast ☃ ' || repeat('x', 300), 'no "such" thing'])[CASE WHEN error < 0.85 THEN NULL ELSE 1 + floor(x * 6)::int END]
	FROM transactions t JOIN said s USING (g) JOIN always.answers_of_ml m ON m.n = s.n
$$;

-- Decides the transactions of a batch, one after the other, into a temporary
-- table, which a read-only transaction may write. Every exception is one of the test.
CREATE FUNCTION always.run(which int, session int DEFAULT 0, OUT ms float8, OUT written bigint, OUT refused bigint) LANGUAGE plpgsql AS $$
DECLARE
	r always.todo;
	d fraud_decision;
	routed record;
	ticket bigint;
	seen jsonb;
	t fraud_txn;
	texts always.texts;
	floats always.floats;
	odd always.odd;
	few always.few;
	txn_text text;
	began timestamptz := clock_timestamp();
BEGIN
	SELECT s.written, s."full" + s.failed INTO written, refused FROM fraud_journal_status s;
	FOR r IN SELECT * FROM always.todo WHERE batch = which ORDER BY g LOOP
		d := NULL;
		ticket := NULL;
		seen := NULL;
		CASE r.ticket
			WHEN 'real' THEN ticket := circuit_acquire('ml');
			WHEN 'made up' THEN ticket := r.made_up;
			WHEN 'finished' THEN
				ticket := circuit_acquire('ml');
				PERFORM circuit_ignore(ticket);
			ELSE NULL;
		END CASE;
		CASE r.form
			WHEN 'jsonb' THEN
				IF r.ticket = 'route' THEN
					routed := fraud_route(r.txn);
					d := routed.decision;
					ticket := routed.ticket;
				END IF;
				IF d.decided_at IS NULL THEN
					d := fraud_decide(r.txn, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
				END IF;
			WHEN 'text' THEN
				txn_text := E' \n' || r.txn::text;
				IF r.ticket = 'route' THEN
					routed := fraud_route(txn_text);
					d := routed.decision;
					ticket := routed.ticket;
				END IF;
				IF d.decided_at IS NULL THEN
					d := fraud_decide(txn_text, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
				END IF;
			WHEN 'txn' THEN
				t := jsonb_populate_record(NULL::fraud_txn, r.txn);
				seen := to_jsonb(t);
				IF r.txn IS NULL THEN
					d := fraud_decide(NULL::fraud_txn, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
				ELSIF r.ticket = 'route' THEN
					routed := fraud_route(t);
					d := routed.decision;
					ticket := routed.ticket;
				END IF;
				IF d.decided_at IS NULL THEN
					d := fraud_decide(t, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
				END IF;
			WHEN 'texts' THEN
				texts := jsonb_populate_record(NULL::always.texts, r.txn);
				seen := to_jsonb(texts);
				d := fraud_decide(texts, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
			WHEN 'floats' THEN
				floats := jsonb_populate_record(NULL::always.floats, r.txn || jsonb_build_object('txn_id', left(r.txn ->> 'txn_id', 40)));
				seen := to_jsonb(floats);
				d := fraud_decide(floats, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
			WHEN 'odd' THEN
				odd := jsonb_populate_record(NULL::always.odd, r.txn);
				seen := to_jsonb(odd);
				d := fraud_decide(odd, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
			WHEN 'few' THEN
				few := jsonb_populate_record(NULL::always.few, r.txn);
				seen := to_jsonb(few);
				d := fraud_decide(few, r.ml, r.ml_status, r.ml_latency, ticket, r.ml_error);
		END CASE;
		INSERT INTO got VALUES (session, which, r.g, coalesce(seen, r.txn), pg_column_size(d), d);
	END LOOP;
	ms := extract(epoch FROM clock_timestamp() - began) * 1000;
	SELECT s.written - run.written, s."full" + s.failed - run.refused INTO written, refused FROM fraud_journal_status s;
END $$;

-- the ML service as a function
CREATE FUNCTION always.asked(features jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	x float8 := random();
BEGIN
	IF x < 0.1 THEN
		RAISE EXCEPTION 'service: down';
	END IF;
	RETURN (SELECT v FROM always.answers_of_ml WHERE x > 0.2 ORDER BY random() LIMIT 1);
END $$;

-- ---- the oracle

-- an amount in whole ten-thousandths, half away from zero; NULL: missing
CREATE FUNCTION always.amount(v jsonb, money boolean) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN abs(x) <= 100000000000 THEN x END
	FROM (SELECT round(CASE WHEN s ~ '^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$' THEN s::numeric END, 4) AS x
		FROM (SELECT CASE WHEN jsonb_typeof(v) IN ('number', 'string') THEN CASE WHEN money THEN translate(v #>> '{}', '$,', '') ELSE btrim(v #>> '{}', E' \t\n\r\f\v') END END AS s) a) b
$$;

-- the score a verdict decides with; NULL: it is none
CREATE FUNCTION always.verdict(ml jsonb, low int, medium int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN f AND (coalesce(r, 1) = 0 OR (r IS NULL AND score <= low)) OR NOT f AND r = 2 THEN NULL
		WHEN r = 2 THEN greatest(score, medium + 1)
		WHEN r = 1 THEN greatest(score, low + 1)
		ELSE score END
	FROM (SELECT floor((ml ->> 'risk_score')::numeric + 0.5)::int AS score, (ml ->> 'is_fraud')::boolean AS f,
			CASE upper(btrim(ml ->> 'recommendation')) WHEN 'APPROVE' THEN 0 WHEN 'REVIEW' THEN 1 WHEN 'BLOCK' THEN 2 END AS r) v
	WHERE CASE WHEN jsonb_typeof(ml) <> 'object' OR coalesce(jsonb_typeof(ml -> 'risk_score'), '') <> 'number' THEN false
		ELSE (ml ->> 'risk_score')::numeric BETWEEN 0 AND 100 AND NOT ((ml ->> 'risk_score')::numeric > 0 AND (ml ->> 'risk_score')::numeric < 1)
			AND coalesce(jsonb_typeof(ml -> 'is_fraud'), 'null') IN ('boolean', 'null')
			AND coalesce(jsonb_typeof(ml -> 'risk_factors'), 'null') IN ('array', 'null')
			AND (coalesce(jsonb_typeof(ml -> 'recommendation'), 'null') = 'null'
				OR jsonb_typeof(ml -> 'recommendation') = 'string' AND upper(btrim(ml ->> 'recommendation')) IN ('APPROVE', 'REVIEW', 'BLOCK')) END
$$;

CREATE FUNCTION always.key(d fraud_decision) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(((to_jsonb(d) - 'detail')::text))::uuid $$;
CREATE FUNCTION always.same_txn(t always.todo) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(t.form || t.txn::text)::uuid $$;

-- what does not hold of a batch; together: several sessions decided it at once
CREATE FUNCTION always.wrong(which int, together boolean DEFAULT false) RETURNS SETOF text LANGUAGE sql AS $$
	WITH answers AS MATERIALIZED (
		SELECT a.session, a.g, a.size, t.kind, t.form, t.ticket, t.txn, a.seen, s.*, (a.d).*,
			NOT coalesce((a.d).detail ? 'repeat', false) AS fresh,
			CASE WHEN (a.d).risk_score <= s.low THEN 0 WHEN (a.d).risk_score <= s.medium THEN 1 ELSE 2 END AS level,
			always.amount(a.seen -> 'amount', t.form = 'odd') AS amount,
			coalesce(btrim(a.seen ->> 'currency', E' \t\n\r\f\v'), '') IN ('', 'USD', 'usd') AS in_base,
			CASE WHEN t.ml_error IS NULL AND coalesce(t.ml_status, 200) BETWEEN 200 AND 299 AND NOT coalesce(t.ml_latency > '30 s', false) AND t.ml IS NOT NULL THEN always.verdict(t.ml, s.low, s.medium) END AS verdict,
			always.key(a.d) AS key, always.same_txn(t) AS same, coalesce('txn_id_reused' = ANY ((a.d).risk_factors), false) AS reused
		FROM always.got a JOIN always.todo t USING (batch, g) JOIN always.state s USING (batch) WHERE a.batch = which),
	noted AS (
		SELECT a.*,
			coalesce(bool_or(size <= 2000) OVER (PARTITION BY session, same ORDER BY g ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS was_there,
			coalesce(bool_or(size <= 2000 AND kind <> 'reused') OVER (PARTITION BY session, txn ->> 'txn_id' ORDER BY g ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS id_was_there,
			EXISTS (SELECT FROM always.given o WHERE o.key = a.key) AS was_given,
			coalesce(CASE WHEN together THEN bool_or(fresh) OVER (PARTITION BY key)
				ELSE bool_or(fresh) OVER (PARTITION BY key ORDER BY g ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END, false) AS was_given_here
		FROM answers a)
	SELECT format('%s: %s times, such as %s', what, count(*), (array_agg(to_jsonb(n) ORDER BY g))[1])
	FROM noted n, LATERAL (VALUES
		('something is missing', num_nulls(is_fraud, risk_score, risk_level, risk_factors, recommendation, mode, source, tier, degraded, coverage, policy_hash, reason, decided_at) > 0
			OR risk_score NOT BETWEEN 0 AND 100 OR coverage NOT BETWEEN 0 AND 1 OR reason = '' OR array_position(risk_factors, NULL) IS NOT NULL),
		('a repeat is not what was given', NOT fresh AND NOT was_given AND NOT was_given_here),
		('asked again it was decided anew', NOT together AND fresh AND kind = 'again' AND was_there AND verdict IS NULL AND coalesce(seen ->> 'txn_id' ~ '^\d+-\d+$', false)),
		('level, recommendation and is_fraud do not follow the score', fresh AND (risk_level, recommendation, is_fraud) IS DISTINCT FROM
			((ARRAY['LOW', 'MEDIUM', 'HIGH'])[level + 1], (ARRAY['APPROVE', 'REVIEW', 'BLOCK'])[level + 1], level = 2)),
		('mode, tier, source', fresh AND (mode, tier, source) NOT IN (('FULL', 1, 'ML'), ('FULL', 1, 'RULES'), ('FULL', 1, 'CRITICAL_RULES'), ('DEGRADED', 2, 'RULES'), ('DEGRADED', 2, 'ML'), ('DEGRADED', 2, 'CACHED_ML'),
			('DEGRADED', 2, 'NONE'), ('MINIMAL', 3, 'CRITICAL_RULES'), ('MINIMAL', 3, 'ML'), ('EMERGENCY_MODE', 4, 'AMOUNT_CAP'), ('EMERGENCY_MODE', 4, 'ML'), ('MAINTENANCE', 5, 'NONE'))),
		('rules at tier 1', fresh AND tier = 1 AND source <> 'ML' AND NOT low_risk AND combine NOT IN ('strictest', 'ml_with_blocks')),
		('a source that is not configured', fresh AND (source = 'CACHED_ML' AND on_open <> 'cached' OR source = 'NONE' AND tier <> 5 AND on_open <> 'refuse')),
		('degraded', fresh AND degraded <> (tier <> 1)),
		('a tier that was not possible', fresh AND tier <> ALL (tiers)),
		('approved below the coverage floor', fresh AND tier <= 3 AND coverage < floor AND recommendation = 'APPROVE'),
		('approved without amount or time', fresh AND tier <= 3 AND source LIKE '%RULES' AND recommendation = 'APPROVE' AND (amount IS NULL OR NOT in_base OR coalesce(seen ->> 'occurred_at', '') = '')),
		('approved above the cap', fresh AND tier = 4 AND recommendation = 'APPROVE' AND NOT coalesce(amount < 100 AND in_base, false)),
		('the cap says something else', fresh AND source = 'AMOUNT_CAP' AND recommendation <> 'BLOCK' AND risk_score <> low),
		('a large amount at tier 3', fresh AND tier = 3 AND in_base AND coalesce(amount > 1000 AND level = 0 OR amount > 5000 AND level < 2, false)),
		('maintenance', fresh AND tier = 5 AND (recommendation <> (CASE journal WHEN 'block' THEN 'BLOCK' ELSE 'REVIEW' END) OR risk_score <> (CASE journal WHEN 'block' THEN medium ELSE low END) + 1 OR retry_after IS NULL
			OR coalesce(detail -> 'notice' ->> 'message', '') = '')),
		('retry_after', fresh AND (retry_after IS NOT NULL) <> (source = 'NONE')),
		('policy_hash', fresh AND policy_hash <> hash),
		('a verdict was not used', fresh AND verdict IS NOT NULL AND coalesce(server, 0) = 1 AND combine IN ('ml', 'shadow') AND ticket <> 'route' AND NOT reused AND journal <> 'block' AND (source <> 'ML' OR tier <> 1 OR risk_score <> verdict)),
		('a verdict was made milder', fresh AND verdict IS NOT NULL AND tier < 5 AND ticket <> 'route' AND risk_score < verdict AND (coalesce(server, 0) IN (1, 3, 4) OR tier > 2)),
		('a verdict that was none', fresh AND verdict IS NULL AND source = 'ML' AND NOT function),
		('an id used again', fresh AND kind = 'reused' AND id_was_there AND tier < 5
			AND (NOT reused AND cardinality(risk_factors) < 64 OR recommendation = 'APPROVE' OR tier = 4 AND recommendation <> 'BLOCK')),
		('not in the journal', fresh AND (detail -> 'journalled' IS NOT NULL) AND journal = 'all'),
		('blocked as it is not in the journal', fresh AND journal = 'block' AND detail ->> 'journalled' = 'false' AND recommendation = 'REVIEW'),
		('txn_id', coalesce(txn ->> 'txn_id' ~ '^\d+-\d+$', false) AND form NOT IN ('few', 'odd') AND txn_id IS DISTINCT FROM txn ->> 'txn_id')) c(what, fails)
	WHERE fails IS NOT FALSE
	GROUP BY what
$$;

-- what repeats of later batches are compared with
CREATE FUNCTION always.keep(which int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO always.given SELECT always.key(a.d) FROM always.got a WHERE a.batch = which AND NOT coalesce((a.d).detail ? 'repeat', false)
$$;
