-- rules 6 to 9 at, just below and just above everything they compare with
SET client_min_messages = warning;
CREATE SCHEMA regress_rules_location;
SET search_path = regress_rules_location, public;

\getenv srcdir PG_ABS_SRCDIR
\set cases :srcdir '/test/regress/rule_cases.sql'
\i :cases

-- ==== 6 foreign_country: 25; over 1,000: 30; 10 after 3 approved there within 30 days, or with a travel notice
ALTER TABLE cases ALTER rule SET DEFAULT 'foreign_country';
CREATE FUNCTION fr(amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(amount, '{"country": "FR", "home_country": "US"}'::jsonb || more) $$;
INSERT INTO cases (name, want, t, h) VALUES
	('at home', 'no_hit', tx(5000, '{"country": "US", "home_country": "US"}'), NULL),
	('at home, written otherwise', 'no_hit', tx(5000, '{"country": " us ", "home_country": "US"}'), NULL),
	('abroad', 'hit 25', fr(10), NULL),
	('abroad, 1000', 'hit 25', fr(1000), NULL),
	('abroad, over 1000', 'hit 30', fr(1000.0001), NULL),
	('abroad, a refund', 'hit 25', fr(-5000), NULL),
	('abroad, amount NULL', 'hit 25', fr(NULL), NULL),
	('abroad, amount absent', 'hit 25', fr(1) - 'amount', NULL),
	('2 approved there', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}'))),
	('3 approved there', 'hit 10', fr(10), hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}'))),
	('3 approved there, over 1000', 'hit 10', fr(1000.0001), hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}'))),
	('3 written fr', 'hit 10', fr(10), hist(evs('1 day', '1 day', 3, 10, '{"country": "fr"}'))),
	('3 approved elsewhere', 'hit 25', fr(10), hist(evs('1 day', '1 day', 3, 10, '{"country": "DE"}'))),
	('3rd exactly 30 days ago', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('30 days', 10, '{"country": "FR"}'))),
	('3rd just within 30 days', 'hit 10', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('29 days 23:59:59.999999', 10, '{"country": "FR"}'))),
	('3rd at the same instant', 'hit 10', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('0', 10, '{"country": "FR"}'))),
	('3rd later', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('-1 us', 10, '{"country": "FR"}'))),
	('3rd is this one', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('1 hour', 10, '{"country": "FR", "txn_id": "now"}'))),
	('3rd declined', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('1 hour', 10, '{"country": "FR", "status": "declined"}'))),
	('3rd pending', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('1 hour', 10, '{"country": "FR", "status": "pending"}'))),
	('3rd a refund', 'hit 25', fr(10), hist(evs('1 day', '1 day', 2, 10, '{"country": "FR"}') || ev('1 hour', -10, '{"country": "FR"}'))),
	('3 approved there, then 40 at home', 'hit 10', fr(10), hist(evs('1 hour', '1 hour', 40, 10, '{"country": "US"}') || evs('3 days', '1 day', 3, 10, '{"country": "FR"}'))),
	('history unavailable', 'hit 25', fr(10), fraud_profile_unavailable()),
	('history newer', 'hit 25', fr(10), hist(evs('-1 hour', '-1 hour', 33, 100, '{"country": "FR"}'))),
	('customer_id NULL', 'hit 25', fr(10, '{"customer_id": null}'), NULL),
	('occurred_at NULL', 'hit 25', fr(10, '{"occurred_at": null}'), hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}'))),
	('occurred_at absent', 'hit 30', fr(1001) - 'occurred_at', hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}'))),
	('country NULL', 'not_evaluated: country is NULL', fr(10, '{"country": null}'), NULL),
	('country of three letters', 'not_evaluated: country is not usable', fr(10, '{"country": "FRA"}'), NULL),
	('country of digits', 'not_evaluated: country is not usable', fr(10, '{"country": "75"}'), NULL),
	('country blank', 'not_evaluated: country is NULL', fr(10, '{"country": ""}'), NULL),
	('country absent', 'off: no such column: country', fr(10) - 'country', NULL),
	('home_country NULL', 'not_evaluated: home_country is NULL', fr(10, '{"home_country": null}'), NULL),
	('home_country absent', 'off: no such column: home_country', fr(10) - 'home_country', NULL);
INSERT INTO cases (name, want, t, h, policy) VALUES
	('eased_after 1', 'hit 10', fr(10), hist(ev('1 day', 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_after: 1}}'),
	('eased_after 2, 1 there', 'hit 25', fr(10), hist(ev('1 day', 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_after: 2}}'),
	('eased_days 2, 3rd exactly 2 days ago', 'hit 25', fr(10), hist(ev('2 days', 10, '{"country": "FR"}') || evs('1 hour', '1 hour', 2, 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_days: 2}}'),
	('eased_days 2, 3rd just within', 'hit 10', fr(10), hist(ev('1 day 23:59:59.999999', 10, '{"country": "FR"}') || evs('1 hour', '1 hour', 2, 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_days: 2}}'),
	('eased_points 17', 'hit 17', fr(10), hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_points: 17}}'),
	('eased_points 0', 'hit', fr(10), hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_points: 0}}'),
	('eased_points 17, weight 12', 'hit 12', fr(10), hist(evs('1 day', '1 day', 3, 10, '{"country": "FR"}')), 'rules: {foreign_country: {eased_points: 17, weight: 12}}'),
	('a first band with a threshold: below', 'no_hit', fr(99.9999), NULL, 'rules: {foreign_country: {bands: [{at_least: 100, points: 9}]}}'),
	('a first band with a threshold: at', 'hit 9', fr(100), NULL, 'rules: {foreign_country: {bands: [{at_least: 100, points: 9}]}}'),
	('weight 26, over 1000', 'hit 26', fr(1001), NULL, 'rules: {foreign_country: {weight: 26}}'),
	('weight 26', 'hit 25', fr(10), NULL, 'rules: {foreign_country: {weight: 26}}'),
	('shadow', 'shadow_hit 25', fr(10), NULL, 'rules: {foreign_country: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', fr(10), NULL, 'rules: {foreign_country: {enabled: false}}');
-- travel notices: local days, both ends included
INSERT INTO cases (name, want, t, h, policy) VALUES
	('first day', 'hit 10', fr(1001, '{"occurred_at": "2026-03-18T00:00:00Z"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('the day before', 'hit 30', fr(1001, '{"occurred_at": "2026-03-17T23:59:59.999999Z"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('last day', 'hit 10', fr(1001, '{"occurred_at": "2026-03-20T23:59:59.999999Z"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('the day after', 'hit 30', fr(1001, '{"occurred_at": "2026-03-21T00:00:00Z"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('the day after, still the last in New York', 'hit 10', fr(1001, '{"occurred_at": "2026-03-21T00:00:00Z", "timezone": "America/New_York"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('a date', 'hit 10', fr(1001, '{"occurred_at": "2026-03-20"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('another customer', 'hit 25', fr(10, '{"customer_id": "c2"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('another country', 'hit 25', fr(10, '{"country": "DE"}'), NULL, 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('one of several', 'hit 10', fr(10), NULL, 'lists: {travel_notices: {values: [c1/DE/2026-03-18/2026-03-20, c1/FR/2026-01-01/2026-01-03, c1/FR/2026-03-18/2026-03-18, c2/FR/2026-04-01/2026-04-02]}}'),
	('history unavailable, with notice', 'hit 10', fr(10), fraud_profile_unavailable(), 'lists: {travel_notices: {values: [c1/FR/2026-03-18/2026-03-20]}}'),
	('a customer with a number', 'hit 10', fr(10, '{"customer_id": 17}'), NULL, 'lists: {travel_notices: {values: [17/FR/2026-03-18/2026-03-20]}}');
SELECT * FROM show('foreign_country');

-- ==== 7 high_risk_country: IR, KP, MM: 30
ALTER TABLE cases ALTER rule SET DEFAULT 'high_risk_country';
INSERT INTO cases (name, want, t, h) VALUES
	('IR', 'hit 30', tx(1, '{"country": "IR"}'), NULL),
	('KP', 'hit 30', tx(1, '{"country": "KP"}'), NULL),
	('MM', 'hit 30', tx(1, '{"country": "MM"}'), NULL),
	('mm', 'hit 30', tx(1, '{"country": " mm"}'), NULL),
	('at home there', 'hit 30', tx(1, '{"country": "IR", "home_country": "IR"}'), NULL),
	('home only', 'no_hit', tx(1, '{"country": "FR", "home_country": "IR"}'), NULL),
	('IQ', 'no_hit', tx(1, '{"country": "IQ"}'), NULL),
	('IS', 'no_hit', tx(1, '{"country": "IS"}'), NULL),
	('amount and occurred_at absent', 'hit 30', tx(1, '{"country": "IR"}') - 'amount' - 'occurred_at', NULL),
	('history unavailable', 'hit 30', tx(1, '{"country": "IR"}'), fraud_profile_unavailable()),
	('country NULL', 'not_evaluated: country is NULL', tx(1, '{"country": null}'), NULL),
	('country not usable', 'not_evaluated: country is not usable', tx(1, '{"country": "IRN"}'), NULL),
	('country absent', 'off: no such column: country', tx(1), NULL);
INSERT INTO cases (name, want, t, policy) VALUES
	('a list of its own', 'hit 30', tx(1, '{"country": "FR"}'), 'lists: {high_risk_countries: {values: [FR]}}'),
	('a list of its own replaces', 'no_hit', tx(1, '{"country": "IR"}'), 'lists: {high_risk_countries: {values: [FR]}}'),
	('an empty list', 'no_hit', tx(1, '{"country": "IR"}'), 'lists: {high_risk_countries: {values: []}}'),
	('band', 'hit 12', tx(1, '{"country": "IR"}'), 'rules: {high_risk_country: {bands: [{points: 12}]}}'),
	('weight 8', 'hit 8', tx(1, '{"country": "IR"}'), 'rules: {high_risk_country: {weight: 8}}'),
	('shadow', 'shadow_hit 30', tx(1, '{"country": "IR"}'), 'rules: {high_risk_country: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', tx(1, '{"country": "IR"}'), 'rules: {high_risk_country: {enabled: false}}');
SELECT * FROM show('high_risk_country');

-- ==== 8 impossible_travel: card present, over 200 km at over 900 km/h since the last located card-present payment: 30
-- The payment is on the equator, the one before so many km to the north. Positions are kept to some metres, so
-- "just" is 20 m here.
ALTER TABLE cases ALTER rule SET DEFAULT 'impossible_travel';
CREATE FUNCTION here(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT tx(10, '{"lat": 0, "lon": 10}'::jsonb || more) $$;
CREATE FUNCTION north(ago interval, km float8, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT ev(ago, 10, jsonb_build_object('lat', km / 6371.0088 * 180 / pi(), 'lon', 10) || more) $$;
INSERT INTO cases (name, want, t, h) VALUES
	('just under 200 km in a minute', 'no_hit', here(), hist(north('1 min', 199.98))),
	('just over 200 km in a minute', 'hit 30', here(), hist(north('1 min', 200.02))),
	('just under 900 km in an hour', 'no_hit', here(), hist(north('1 hour', 899.98))),
	('just over 900 km in an hour', 'hit 30', here(), hist(north('1 hour', 900.02))),
	('just under 9000 km in 10 hours', 'no_hit', here(), hist(north('10 hours', 8999.98))),
	('just over 9000 km in 10 hours', 'hit 30', here(), hist(north('10 hours', 9000.02))),
	('201 km at the same instant', 'hit 30', here(), hist(north('0', 201))),
	('199 km at the same instant', 'no_hit', here(), hist(north('0', 199))),
	('the same place', 'no_hit', here(), hist(north('0', 0))),
	('across the date line', 'no_hit', here('{"lon": 179.9}'), hist(ev('1 min', 1, '{"lat": 0, "lon": -179.9}'))),
	('far across the date line', 'hit 30', here('{"lon": 179}'), hist(ev('1 min', 1, '{"lat": 0, "lon": -179}'))),
	('over the pole', 'no_hit', here('{"lat": 89.5, "lon": 10}'), hist(ev('1 min', 1, '{"lat": 89.5, "lon": -170}'))),
	('antipodes', 'hit 30', here('{"lat": 0, "lon": 0}'), hist(ev('22 hours', 1, '{"lat": 0, "lon": 180}'))),
	('antipodes, 23 hours', 'no_hit', here('{"lat": 0, "lon": 0}'), hist(ev('23 hours', 1, '{"lat": 0, "lon": 180}'))),
	-- card present
	('channel present', 'hit 30', here('{"channel": "Present"}'), hist(north('1 hour', 1000))),
	('channel chip', 'hit 30', here('{"channel": "chip"}'), hist(north('1 hour', 1000))),
	('channel NULL', 'hit 30', here('{"channel": null}'), hist(north('1 hour', 1000))),
	('channel online', 'no_hit: card not present', here('{"channel": "online"}'), hist(north('1 hour', 1000))),
	('channel web', 'no_hit: card not present', here('{"channel": "web"}'), hist(north('1 hour', 1000))),
	('a channel of another name', 'no_hit: card not present', here('{"channel": "kiosk"}'), hist(north('1 hour', 1000))),
	-- the last located approved card-present payment
	('before: present', 'hit 30', here(), hist(north('1 hour', 1000, '{"channel": "pos"}'))),
	('before: online', 'not_evaluated: insufficient history', here(), hist(north('1 hour', 1000, '{"channel": "online"}'))),
	('before: a channel of another name', 'not_evaluated: insufficient history', here(), hist(north('1 hour', 1000, '{"channel": "kiosk"}'))),
	('before: declined', 'not_evaluated: insufficient history', here(), hist(north('1 hour', 1000, '{"status": "declined"}'))),
	('before: pending', 'not_evaluated: insufficient history', here(), hist(north('1 hour', 1000, '{"status": "pending"}'))),
	('before: a refund', 'not_evaluated: insufficient history', here(), hist(north('1 hour', 1000, '{"amount": -1}'))),
	('before: no position', 'not_evaluated: insufficient history', here(), hist(ev('1 hour', 10))),
	('before: half a position', 'not_evaluated: insufficient history', here(), hist(ev('1 hour', 10, '{"lat": 10}'))),
	('before: position not usable', 'not_evaluated: insufficient history', here(), hist(ev('1 hour', 10, '{"lat": 10, "lon": 181}'))),
	('before: this one', 'not_evaluated: insufficient history', here(), hist(north('1 hour', 1000, '{"txn_id": "now"}'))),
	('later', 'not_evaluated: insufficient history', here(), hist(north('-1 us', 1000))),
	('the newest counts: near', 'no_hit', here(), hist(north('1 hour', 1000) || north('59 min', 1))),
	('the newest counts: far', 'hit 30', here(), hist(north('1 hour', 1) || north('59 min', 1000))),
	('the newest online does not', 'hit 30', here(), hist(north('1 hour', 1000) || north('59 min', 1, '{"channel": "online"}'))),
	('the newest declined does not', 'hit 30', here(), hist(north('1 hour', 1000) || north('59 min', 1, '{"status": "declined"}'))),
	('another card', 'not_evaluated: insufficient history', here('{"card_id": "a"}'), hist(north('1 hour', 1000, '{"card_id": "b"}'))),
	('the same card before another', 'hit 30', here('{"card_id": "a"}'), hist(north('1 hour', 1000, '{"card_id": "a"}') || north('59 min', 1, '{"card_id": "b"}'))),
	('card not known before', 'hit 30', here('{"card_id": "a"}'), hist(north('1 hour', 1000))),
	('card not known now', 'hit 30', here('{"card_id": null}'), hist(north('1 hour', 1000, '{"card_id": "b"}'))),
	('before 40 without position', 'hit 30', here(), hist(north('1 hour', 1000) || evs('1 min', '1 s', 40, 1))),
	-- what is missing
	('no history', 'not_evaluated: insufficient history', here(), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', here(), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', here(), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', here('{"customer_id": null}'), NULL),
	('lat NULL', 'not_evaluated: lat is NULL', here('{"lat": null}'), hist(north('1 hour', 1000))),
	('lon NULL', 'not_evaluated: lon is NULL', here('{"lon": null}'), hist(north('1 hour', 1000))),
	('lat 90', 'hit 30', here('{"lat": 90}'), hist(north('1 hour', 1000))),
	('lat over 90', 'not_evaluated: lat is not usable', here('{"lat": 90.0001}'), hist(north('1 hour', 1000))),
	('lon -180', 'hit 30', here('{"lon": -180}'), hist(north('1 hour', 1000))),
	('lon under -180', 'not_evaluated: lon is not usable', here('{"lon": -180.0001}'), hist(north('1 hour', 1000))),
	('lat NaN', 'not_evaluated: lat is not usable', here('{"lat": "NaN"}'), hist(north('1 hour', 1000))),
	('lat absent', 'off: no such column: lat', here() - 'lat', hist(north('1 hour', 1000))),
	('lon absent', 'off: no such column: lon', here() - 'lon', hist(north('1 hour', 1000))),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', here('{"occurred_at": null}'), hist(north('1 hour', 1000))),
	('occurred_at absent', 'off: no such column: occurred_at', here() - 'occurred_at', hist(north('1 hour', 1000)));
INSERT INTO cases (name, want, t, h, policy) VALUES
	('at least 60 s: 201 km in 1 s are 12060 km/h, not over', 'no_hit', here(), hist(north('1 s', 201)), 'rules: {impossible_travel: {bands: [{above: 12061, points: 30}]}}'),
	('at least 60 s: over', 'hit 30', here(), hist(north('1 s', 201)), 'rules: {impossible_travel: {bands: [{above: 12059, points: 30}]}}'),
	('61 s are 61 s', 'no_hit', here(), hist(north('61 s', 201)), 'rules: {impossible_travel: {bands: [{above: 12059, points: 30}]}}'),
	('min_seconds 3600: just under', 'no_hit', here(), hist(north('1 min', 899.98)), 'rules: {impossible_travel: {min_seconds: 3600}}'),
	('min_seconds 3600: just over', 'hit 30', here(), hist(north('1 min', 900.02)), 'rules: {impossible_travel: {min_seconds: 3600}}'),
	('min_seconds 1', 'hit 30', here(), hist(north('1 s', 201)), 'rules: {impossible_travel: {min_seconds: 1, bands: [{above: 100000, points: 30}]}}'),
	('min_km 0, the same place', 'no_hit', here(), hist(north('1 min', 0)), 'rules: {impossible_travel: {min_km: 0, bands: [{at_least: 0, points: 30}]}}'),
	('min_km 100', 'no_hit', here(), hist(north('1 min', 99.98)), 'rules: {impossible_travel: {min_km: 100}}'),
	('over min_km 100', 'hit 30', here(), hist(north('1 min', 100.02)), 'rules: {impossible_travel: {min_km: 100}}'),
	('bands: the first', 'hit 10', here(), hist(north('1 hour', 1499.98)), 'rules: {impossible_travel: {bands: [{above: 900, points: 10}, {above: 1500, points: 20}]}}'),
	('bands: the second', 'hit 20', here(), hist(north('1 hour', 1500.02)), 'rules: {impossible_travel: {bands: [{above: 900, points: 10}, {above: 1500, points: 20}]}}'),
	('channel_values of its own', 'hit 30', here('{"channel": "kiosk"}'), hist(north('1 hour', 1000)), 'history: {channel_values: {kiosk: present}}'),
	('weight 7', 'hit 7', here(), hist(north('1 hour', 1000)), 'rules: {impossible_travel: {weight: 7}}'),
	('shadow', 'shadow_hit 30', here(), hist(north('1 hour', 1000)), 'rules: {impossible_travel: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', here(), hist(north('1 hour', 1000)), 'rules: {impossible_travel: {enabled: false}}');
SELECT * FROM show('impossible_travel');

-- ==== 9 distant_location: possible, within 24 hours: at least 500 km 10, at least 2,000 km 15
ALTER TABLE cases ALTER rule SET DEFAULT 'distant_location';
INSERT INTO cases (name, want, t, h) VALUES
	('just under 500 km', 'no_hit', here(), hist(north('20 hours', 499.98))),
	('just over 500 km', 'hit 10', here(), hist(north('20 hours', 500.02))),
	('just under 2000 km', 'hit 10', here(), hist(north('20 hours', 1999.98))),
	('just over 2000 km', 'hit 15', here(), hist(north('20 hours', 2000.02))),
	('exactly 24 hours ago', 'hit 10', here(), hist(north('24 hours', 600))),
	('a microsecond more', 'no_hit', here(), hist(north('24:00:00.000001', 600))),
	('just under 900 km in an hour', 'hit 10', here(), hist(north('1 hour', 899.98))),
	('just over 900 km in an hour is for rule 8', 'no_hit', here(), hist(north('1 hour', 900.02))),
	('channel online', 'no_hit: card not present', here('{"channel": "online"}'), hist(north('20 hours', 600))),
	('channel chip', 'hit 10', here('{"channel": "chip"}'), hist(north('20 hours', 600))),
	('before: online', 'not_evaluated: insufficient history', here(), hist(north('20 hours', 600, '{"channel": "online"}'))),
	('another card', 'not_evaluated: insufficient history', here('{"card_id": "a"}'), hist(north('20 hours', 600, '{"card_id": "b"}'))),
	('the same card before another', 'hit 10', here('{"card_id": "a"}'), hist(north('20 hours', 600, '{"card_id": "a"}') || north('19 hours', 1, '{"card_id": "b"}'))),
	('no history', 'not_evaluated: insufficient history', here(), NULL),
	('history unavailable', 'not_evaluated: customer history unavailable', here(), fraud_profile_unavailable()),
	('history newer', 'not_evaluated: history newer than transaction', here(), hist(evs('-1 hour', '-1 hour', 33, 100))),
	('customer_id NULL', 'not_evaluated: customer_id is NULL', here('{"customer_id": null}'), NULL),
	('lat NULL', 'not_evaluated: lat is NULL', here('{"lat": null}'), hist(north('20 hours', 600))),
	('lon NULL', 'not_evaluated: lon is NULL', here('{"lon": null}'), hist(north('20 hours', 600))),
	('lat absent', 'off: no such column: lat', here() - 'lat', hist(north('20 hours', 600))),
	('lon absent', 'off: no such column: lon', here() - 'lon', hist(north('20 hours', 600))),
	('occurred_at NULL', 'not_evaluated: occurred_at is NULL', here('{"occurred_at": null}'), hist(north('20 hours', 600))),
	('occurred_at absent', 'off: no such column: occurred_at', here() - 'occurred_at', hist(north('20 hours', 600)));
INSERT INTO cases (name, want, t, h, policy) VALUES
	('within_hours 30', 'hit 10', here(), hist(north('30 hours', 600)), 'rules: {distant_location: {within_hours: 30}}'),
	('over within_hours 30', 'no_hit', here(), hist(north('30:00:00.000001', 600)), 'rules: {distant_location: {within_hours: 30}}'),
	('bands: at the threshold', 'hit 3', here(), hist(north('20 hours', 0)), 'rules: {distant_location: {bands: [{at_least: 0, points: 3}]}}'),
	('bands: not above it', 'no_hit', here(), hist(north('20 hours', 0)), 'rules: {distant_location: {bands: [{above: 0, points: 3}]}}'),
	('rule 8 with another speed leaves more', 'hit 10', here(), hist(north('1 hour', 999)), 'rules: {impossible_travel: {bands: [{above: 1000, points: 30}]}}'),
	('rule 8 in the shadow still stands before', 'no_hit', here(), hist(north('1 hour', 1001)), 'rules: {impossible_travel: {shadow: true}}'),
	('weight 12', 'hit 12', here(), hist(north('20 hours', 2001)), 'rules: {distant_location: {weight: 12}}'),
	('shadow', 'shadow_hit 10', here(), hist(north('20 hours', 600)), 'rules: {distant_location: {shadow: true}}'),
	('not enabled', 'off: disabled by policy', here(), hist(north('20 hours', 600)), 'rules: {distant_location: {enabled: false}}');
SELECT * FROM show('distant_location');

-- ==== the three forms of a transaction give the same answers, and fraud_score() agrees with fraud_explain()
\set forms :srcdir '/test/regress/rule_forms.sql'
\i :forms

SELECT count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong FROM results;
DROP SCHEMA regress_rules_location CASCADE;
