# Records of decisions: what stands in them of a transaction, what is hashed,
# what is left out; that nothing that a transaction holds breaks one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub write_file
{
	my ($path, $text) = @_;
	open(my $fh, '>:raw', $path) or die "could not write $path: $!";
	print $fh $text;
	close($fh) or die "could not write $path: $!";
}

my $conf = qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.service_file = 'service.yaml'
timezone = 'UTC'
jit = off
);
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', $conf);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback');

sub run { return $node->safe_psql('postgres', $_[0]); }

# fields: of the section `journal`
sub fields
{
	write_file($node->data_dir . '/service.yaml', "journal: {fields: {$_[0]}}\n");
	run('SELECT fraud_reload()');
}

# the record of a row, as SQL of type jsonb
sub record
{
	my ($what, $more, $policy) = @_;
	$more //= '{}';
	$policy = defined $policy ? ", $policy" : '';
	return "convert_from(fraud_test_record($what, '$more'$policy), 'UTF8')::jsonb";
}

# ---- the whole

run(q{CREATE TABLE pay (txn_id text, customer_id text, card_id text, amount numeric(12,2), currency text,
	occurred_at timestamptz, country text, merchant_id text, merchant_category text, mcc text, ip inet,
	channel text, lat float8, lon float8, note text);
INSERT INTO pay VALUES ('t1', 'c1', '4111111111111111', 6200.50, 'USD', '2026-03-01 12:00:00.25+01', 'US', 'm1',
	'electronics', '5732', '203.0.113.7', 'online', 40.7128, -74.006, NULL)});

my $more = q({"features": 1, "decided_at": 826000000123400, "reason": "because of \"x\"", "detail": {"a": [1, "\\\\"]},
	"retry_after": 3723500000, "ml": {"risk_score": 0.25, "s": "ä"}, "ml_status": 200, "ml_latency": 12345,
	"supersedes": "00ff-01", "queued": 1});
is(run('SELECT string_agg(k, \' \' ORDER BY k) FROM pay p, jsonb_object_keys(' . record('p', $more) . ') k'),
	'application_name database decided_at decision features ml ml_latency ml_status policy_hash queued role rules supersedes txn txn_id',
	'the members of a record');
is(run("WITH r AS (SELECT " . record('p', $more) . " AS r FROM pay p) SELECT concat_ws('|', r->>'txn_id', r->>'decided_at',
	r->>'database', r->>'role' = session_user, r->>'queued', r->>'supersedes', r->'ml', r->'ml_status', r->>'ml_latency',
	r->>'policy_hash' = fraud_rules_hash(fraud_rules_active())) FROM r"),
	't1|2026-03-05T04:26:40.1234+00:00|postgres|t|true|00ff-01|{"s": "ä"' . ', "risk_score": 0.25}|200|00:00:00.012345|t',
	'what is said of the decision');
is(run("SET application_name = 'one'; SELECT " . record('p') . "->>'application_name' FROM pay p; SET application_name = 'two';
	SELECT " . record('p') . "->>'application_name' FROM pay p"), "one\ntwo", 'the application is that of the moment');

is(run("SELECT " . record('p', $more) . "->'decision' = to_jsonb(fraud_score(p, NULL)) || jsonb_build_object('mode', 'DEGRADED',
	'tier', 2, 'decided_at', '2026-03-05T04:26:40.1234+00:00'::timestamptz, 'retry_after', '01:02:03.5'::interval,
	'reason', 'because of \"x\"', 'detail', '{\"a\": [1, \"\\\\\"]}'::jsonb) FROM pay p"), 't', 'decision is to_jsonb(fraud_decision)');
is(run("WITH d AS (SELECT " . record('p', $more) . "->'decision' AS d FROM pay p)
	SELECT to_jsonb(jsonb_populate_record(NULL::fraud_decision, d)) = d FROM d"), 't', 'and reads back as one');
is(run("SELECT " . record('p', '{"features": 1, "explain": 1}') . "->'features' = to_jsonb(fraud_features(p, NULL)) FROM pay p"),
	't', 'features are to_jsonb(fraud_features)');
for my $explain (0, 1)
{
	is(run("SELECT count(*) FROM pay p, jsonb_each(" . record('p', qq({"explain": $explain})) . "->'rules') r
		FULL JOIN (SELECT e.* FROM pay p, fraud_explain(p, NULL) e WHERE e.status <> 'off') e ON r.key = e.rule
		WHERE r.key IS NULL OR e.rule IS NULL OR r.value - 'reason' <> jsonb_strip_nulls(jsonb_build_object('status', e.status,
		'points', e.points, 'value', e.value, 'threshold', e.threshold))
		OR r.value->>'reason' IS DISTINCT FROM CASE WHEN $explain = 1 OR e.status = 'hit' THEN nullif(e.reason, '') END"), '0',
		"rules are those of fraud_explain(), explain $explain");
}
is(run("SELECT " . record('p', '{"rules": 0}') . " ? 'rules', " . record('p', '{"txn_null": 1}') . "->'txn' FROM pay p"), 'f|null',
	'no rules ran; there is no transaction');

# ---- columns

# what is in the record of one column; the same as to_jsonb() unless said otherwise
sub column
{
	my ($value, $expected) = @_;
	my $got = run("SELECT " . record('t') . "->'txn'->'x' FROM (SELECT $value AS x) t");
	my $same = defined $expected ? 'as a number or text' : 'as to_jsonb';
	$expected //= run("SELECT to_jsonb(x) FROM (SELECT $value AS x) t");
	is($got, $expected, "$value $same");
}

run(q{CREATE TYPE mood AS ENUM ('good', 'so "so"'); CREATE DOMAIN euros AS numeric CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text)});
column($_) for (
	'true', '-7::int2', '2147483647', "'-9223372036854775808'::int8", '1.50::numeric', '1e-20::numeric', "'NaN'::numeric",
	"'-Infinity'::numeric", '0.1::float4', '1e30::float4', '0.1::float8', "'NaN'::float8", "'-Infinity'::float8",
	'1e20::float8', '123456789012345678::float8', '-2.5::float8', "'-0'::float8", "''::text", "'abc'::varchar(9)",
	"'a'::char(3)", "'a'::\"char\"", "'n'::name", "timestamptz '2026-01-01 00:00:00+00'", "timestamptz '1999-12-31 23:59:59.999999+00'",
	"timestamptz 'infinity'", "timestamptz '0044-03-15 12:00:00 BC'", "timestamp '2026-01-01 00:00:00.5'", "timestamp '-infinity'",
	"date '2026-02-28'", "date 'infinity'", "date '4713-01-01 BC'", "time '12:00:01.5'", "interval '1 day 02:03:04'", "'10.1.2.3'::inet",
	"'10.0.0.0/8'::cidr", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "'{\"a\": [1.10, null, {\"b\": \"\\u00e4\"}]}'::jsonb",
	"'\"s\"'::jsonb", "'null'::jsonb", "'1.10'::jsonb", "'{}'::jsonb", "'good'::mood", "'so \"so\"'::mood", '3.20::euros',
	"'{\"a\":1, \"b\":[true]}'::json", "'[1.10,2]'::json", "'\\\\x00ff'::bytea", "B'101'", "'<a/>'::xml", "'a b'::tsvector");
column('NULL::text', 'null');
column("'\$1,234.50'::money", '1234.50');
column("ARRAY[1,2]", '"{1,2}"');
column("(1, 'a b')::pair", '"(1,\"a b\")"');
is(run("SELECT " . record('t') . "->'txn'->>'x' = x FROM (SELECT (SELECT string_agg(chr(n), '') FROM generate_series(1, 1000) n) AS x) t"),
	't', 'control characters, quotes and letters');
is(run("SELECT " . record('t') . "->'txn'->>'x' FROM (SELECT '\\u0000'::text AS x) t"), '\u0000', 'what looks like an escape');
is(run("SELECT " . record('t') . "->'txn' FROM (SELECT '{\"a\": \"\\u0000\"}'::json AS x, 1 AS y) t"), '{"y": 1, "omitted": ["x"]}',
	'json that jsonb cannot hold is left out');
is(run("SELECT string_agg(k, ',' ORDER BY k COLLATE \"C\") FROM (SELECT 1 AS \"a\"\"b\", 2 AS \"ü\", 3 AS \"\\\") t, jsonb_object_keys(" .
	record('t') . "->'txn') k"), '\,a"b,ü', 'names of columns');

run('CREATE TABLE wide (a int, gone int, b text); INSERT INTO wide VALUES (1, 2, \'x\'); ALTER TABLE wide DROP COLUMN gone');
is(run('SELECT ' . record('w') . "->'txn' FROM wide w"), '{"a": 1, "b": "x"}', 'a column that was dropped');
is(run('SELECT ' . record('w') . "->'txn' FROM wide w; ALTER TABLE wide ADD c int DEFAULT 3; SELECT " . record('w') .
	"->'txn' FROM wide w; ALTER TABLE wide RENAME b TO card_id; SELECT " . record('w') . "->'txn'->>'card_id' LIKE 'hmac:%' FROM wide w"),
	"{\"a\": 1, \"b\": \"x\"}\n{\"a\": 1, \"b\": \"x\", \"c\": 3}\nt", 'a table that changes meanwhile');

# enum_out() of what is no enum raises an error
run(q{CREATE TYPE bad;
CREATE FUNCTION bad_in(cstring) RETURNS bad LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION bad_out(bad) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'enum_out';
CREATE TYPE bad (INPUT = bad_in, OUTPUT = bad_out, LIKE = text)});
is(run("SELECT " . record('t') . "->'txn' FROM (SELECT 1 AS a, 'text'::bad AS b, ARRAY[1] AS c, 2 AS d) t"),
	'{"a": 1, "c": "{1}", "d": 2, "omitted": ["b"]}', 'an output function that fails: its column alone is left out');
is(run(qq{SET extra_float_digits = -15; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape'; SET TimeZone = 'Asia/Tokyo';
	SELECT } . record('t') . qq{->'txn' FROM (SELECT 0.1::float8 AS f, timestamptz '2026-01-01 00:00:00+00' AS at, date '2026-01-02' AS d) t}),
	'{"d": "2026-01-02", "f": 0.1, "at": "2026-01-01T00:00:00+00:00"}', 'settings of the session do not matter');

# ---- rules of fields

my $card = run("SELECT " . record('p') . "->'txn'->>'card_id' FROM pay p");
like($card, qr/^hmac:[0-9a-f]{32}$/, 'ids of cards are hashed as shipped');
my $hashed = sub { return run("SELECT " . record('t') . "->'txn'->>'card_id' FROM (SELECT $_[0] AS card_id) t"); };
is($hashed->($_), $card, "$_ has the same hash") for ('4111111111111111::int8', '4111111111111111::numeric',
	"' 4111111111111111 '::text", "'4111111111111111'::char(20)", "'4111111111111111'::jsonb", "'\"4111111111111111\"'::jsonb",
	"'4111111111111111'::varchar", "'4111111111111111'::json");
isnt($hashed->("'4111111111111112'::text"), $card, 'another card has another');
is($hashed->('NULL::text'), '', 'NULL is NULL');
is($hashed->("'  '::text"), '', 'nothing is nothing');
is(run("SELECT " . record(q('{"card_id": 4111111111111111, "a": 1.10}'::jsonb)) . "->'txn'"), qq({"a": 1.10, "card_id": "$card"}), 'in an object');
is(run("SELECT " . record(q('{"card_id": "4111111111111111", "a": 1.10}'::text)) . "->'txn'"), qq({"a": 1.10, "card_id": "$card"}), 'and in its text');
is(run(q{SELECT convert_from(fraud_test_record(p, '{"features": 1, "explain": 1}'), 'UTF8') LIKE '%4111111111111111%' FROM pay p}), 'f',
	'the number is nowhere else');

fields('customer_id: drop, txn_id: hash, note: drop, ip: hash, "größe": drop, occurred_at: hash, data: hash');
my $id = run("SELECT " . record('p') . "->>'txn_id' FROM pay p");
like($id, qr/^hmac:[0-9a-f]{32}$/, 'an id of a transaction that is hashed');
is(run("SELECT concat_ws('|', r->'txn'->>'txn_id', r->'decision'->>'txn_id', r->'txn' ? 'customer_id', r->'txn' ? 'note', r->'txn'->>'ip' LIKE 'hmac:%',
	r->'txn'->>'occurred_at' LIKE 'hmac:%', r::text LIKE '%t1%') FROM (SELECT " . record('p') . " AS r FROM pay p) r"),
	"$id|$id|f|f|t|t|f", 'is hashed everywhere; others are dropped or hashed');
is(run("SELECT (" . record(q('{"txn_id": "t1", "customer_id": "c1", "größe": 1, "grö": 2, "data": {"a": 1}}'::jsonb)) . "->'txn') - 'data' = '{\"txn_id\": \"$id\", \"grö\": 2}'"),
	't', 'the same of an object');
is(run("SELECT " . record('t') . "->'txn' FROM (SELECT 1 AS \"größe\", 2 AS a) t"), '{"a": 2}', 'and of names that are not ASCII');
fields('txn_id: drop');
is(run("SELECT r->'txn_id', r->'decision'->'txn_id', r->'txn' ? 'txn_id' FROM (SELECT " . record('p') . " AS r FROM pay p) r"), 'null|null|f', 'an id that is dropped');
fields('country: keep, amount: hash, card_id: keep');
is(run("SELECT r->>'card_id', r->>'amount' LIKE 'hmac:%', r->>'country' FROM (SELECT " . record('p') . "->'txn' AS r FROM pay p) r"),
	'4111111111111111|t|US', 'rules change while sessions run');

# the policy calls columns otherwise
fields('customer_id: drop, customer: keep, home_lat: hash');
my $policy = "'history: {columns: {card_id: pan_token, customer_id: customer, txn_id: id, home_lat: hlat}}'::fraud_rules";
my $renamed = qq({"id": "t1", "pan_token": "$card", "hlat_hashed": true});
for my $what ("(SELECT 't1' AS id, 4111111111111111 AS pan_token, 'c1' AS customer, 7 AS hlat)",
	"(SELECT '{\"id\": \"t1\", \"pan_token\": 4111111111111111, \"customer\": \"c1\", \"hlat\": 7}'::jsonb AS j)")
{
	my $arg = $what =~ /jsonb/ ? 't.j' : 't';
	is(run("SELECT r - 'hlat' || jsonb_build_object('hlat_hashed', r->>'hlat' LIKE 'hmac:%') = '$renamed' FROM (SELECT " .
		record($arg, '{}', $policy) . "->'txn' AS r FROM $what t) r"), 't', "columns renamed by the policy: $arg");
}
fields('id: drop');
is(run("SELECT r->'txn_id', r->'txn' ? 'id' FROM (SELECT " . record('t', '{}', $policy) . " AS r FROM (SELECT 't1' AS id) t) r"), 'null|f',
	'a rule for what the policy calls the id');
# and so does an attached table
run(q{CREATE TABLE sales (nr text PRIMARY KEY, who text, token text, total numeric, at timestamptz);
	INSERT INTO sales VALUES ('s1', 'c1', '4111111111111111', 10, '2026-03-01 12:00+00')});
run(q{SELECT fraud_attach('sales', columns => '{"txn_id": "nr", "customer_id": "who", "card_id": "token", "amount": "total", "occurred_at": "at"}')});
is(run("SELECT string_agg(key, ',' ORDER BY key) FROM sales s, jsonb_each(" . record('s') . "->'txn')"), 'amount,card_id,customer_id,occurred_at,txn_id',
	'columns renamed when the table was attached have the names of the policy');
is(run("SELECT " . record('s') . "->'txn'->>'card_id' FROM sales s"), $card, 'and the rules for these');
run(q{ALTER TABLE sales ADD amount text DEFAULT 'of another kind', ADD note text DEFAULT 'n'});
is(run("SELECT r->>'amount', r->>'note' FROM (SELECT " . record('s') . "->'txn' AS r FROM sales s) r"), '10|n', 'a column called like one that another is read as goes');
fields('');

# ---- bounds

my $max = 60000;
sub bounded
{
	my ($from, $name, $arg, $more) = @_;
	$arg //= 't';
	$more //= '{}';
	my ($len, $omitted, $rest) = split /\|/, run("WITH r AS (SELECT fraud_test_record($arg, '$more') AS b FROM $from t)
		SELECT length(b), convert_from(b, 'UTF8')::jsonb->'txn'->'omitted', convert_from(b, 'UTF8')::jsonb->'txn'->>'last' FROM r");
	cmp_ok($len, '<=', $max, "$name: $len bytes");
	return ($omitted, $rest);
}
my $big = "(SELECT 1 AS a, repeat('x', 1000000) AS big, repeat('\"', 2500) AS quotes, repeat('y', 4094) AS fits, repeat('z', 4095) AS not, 'z' AS last)";
is_deeply([ bounded($big, 'a text of 1 MB') ], [ '["big", "quotes", "not"]', 'z' ], 'long members are named');
is_deeply([ bounded("(SELECT to_jsonb(t) AS j FROM $big t)", 'in an object', 't.j') ], [ '["big", "not", "quotes"]', 'z' ], 'and of an object');
is_deeply([ bounded("(SELECT (SELECT jsonb_agg(n) FROM generate_series(1, 100000) n) AS big, array_fill(1, ARRAY[100000]) AS arr, '1e5000'::numeric AS n, 'z' AS last)",
	'large values of other types') ], [ '["big", "n", "arr"]', 'z' ], 'are left out as well');
for my $columns (200, 1600)
{
	my ($omitted) = bounded('(SELECT ' . join(', ', map { "repeat('" . ($_ % 10) . "', 1000) AS c$_" } 1 .. $columns) . ')', "$columns columns of 1 kB");
	like($omitted, $columns > 200 ? qr/^\["c58", .*, \d{4}\]$/ : qr/^\["c58", .*, "c200"\]$/, 'those that do not fit are named, or counted');
}
my ($omitted) = bounded("(SELECT jsonb_object_agg('k' || n, repeat('x', 100)) AS j FROM generate_series(1, 20000) n)", '20,000 members', 't.j');
like($omitted, qr/, 19\d\d\d\]$/, 'the same');
($omitted) = bounded("(SELECT jsonb_build_object(repeat('k', 100000), 1, repeat('ü', 3000), 2, 'last', 'z') AS j)", 'long names', 't.j');
is($omitted, '["' . 'ü' x 31 . '", "' . 'k' x 63 . '"]', 'are cut where they are named');
bounded("(SELECT 1 AS a)", 'a reason of 1 MB', 't', '{"reason": "' . 'r' x 1000000 . '"}');
bounded("(SELECT 1 AS a)", 'many long factors', 't', '{"factors": 200, "factor": "' . '\\u0001' x 100 . '"}');
is(run("SELECT " . record('t', '{"ml": {"a": "' . 'm' x 20000 . '"}}') . "->'ml' FROM (SELECT 1 AS a) t"), '{"omitted": 20013}', 'a verdict that is too long');
is(run("SELECT length(r->'ml'->>'a') FROM (SELECT " . record('t', '{"ml": {"a": "' . 'm' x 8000 . '"}}') . " AS r FROM (SELECT 1 AS a) t) r"), '8000', 'and one that is not');
my $long_id = run("SELECT " . record("(SELECT t FROM (SELECT repeat('i', 1001) AS txn_id, 1 AS a) t)") . "->>'txn_id'");
like($long_id, qr/^hmac:/, 'an id that is too long is hashed');
my $heavy = 'custom: {' . join(', ', map { 'r' . 'x' x 58 . sprintf('%02d', $_) . ": {when: \"amount > 0\", points: 1, description: \"" . 'é' x 200 . '"}' } 1 .. 32) . '}';
my ($heavy_len) = split /\|/, run("SELECT length(fraud_test_record(t, '{\"explain\": 1, \"features\": 1, \"factors\": 200, \"factor\": \"" . '\\u0001' x 100 .
	"\", \"ml\": {\"a\": \"" . 'm' x 8000 . "\"}}', '$heavy'::fraud_rules)) FROM (SELECT " .
	join(', ', map { "repeat('x', 4000) AS c$_" } 1 .. 30) . ", 10 AS amount) t");
cmp_ok($heavy_len, '<=', $max, "everything at once: $heavy_len bytes");
cmp_ok($heavy_len, '>', $max - 6000, 'which is what there is room for');

# ---- other encodings

for my $encoding (qw(LATIN1 EUC_JP SQL_ASCII))
{
	my $db = lc $encoding;
	run("CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($db, 'CREATE EXTENSION fraud_fallback');
}
# text as bytes of UTF-8, for what the client's encoding cannot say
sub utf8_of { return "encode(fraud_test_record($_[0]), 'hex')"; }
my $latin = $node->safe_psql('latin1', 'SELECT ' . utf8_of('t') . q{ FROM (SELECT 'b' || chr(228) AS txn_id, chr(228) || chr(255) AS x, '{"k": "' || chr(228) || '"}' AS y, 1 AS a) t});
my $text = pack('H*', $latin);
ok(utf8::decode(my $latin_text = $text), 'a record in LATIN1 is UTF-8');
like($text, qr/"txn_id":"bä".*"txn":\{"txn_id":"bä","x":"äÿ",/, 'with the same letters');
is($node->safe_psql('latin1', q{SELECT encode(convert_to((fraud_score(t, NULL)).txn_id, 'LATIN1'), 'hex') FROM (SELECT 'b' || chr(228) AS txn_id) t}), '62e4',
	'and the decision has the id as it is');
is($node->safe_psql('latin1', q{SELECT length(b) <= 60000 AND convert_from(b, 'UTF8')::jsonb->'txn' ? 'omitted' FROM (SELECT fraud_test_record(t) AS b FROM
	(SELECT } . join(', ', map { "repeat(chr(228), 2000) AS c$_" } 1 .. 30) . ") t) r"), 't', 'and its bounds are those of UTF-8');
# a key is found by the letters that the user writes
is($node->safe_psql('latin1', q{SELECT fraud_learn(jsonb_build_object('txn_id', 'k1', 'customer_id', 'k' || chr(228), 'amount', 5, 'occurred_at', '2026-03-01T12:00:00Z'));
	SELECT fraud_profile_of('customer', 'k' || chr(228)) IS NOT NULL, fraud_forget('k' || chr(228))}), "\nt|1", 'histories by keys that are not ASCII');
my $hash_in = sub { return $node->safe_psql($_[0], "SELECT substring(convert_from(fraud_test_record(t), 'UTF8') FROM 'hmac:[0-9a-f]*') FROM (SELECT $_[1] AS card_id) t"); };
is($hash_in->('latin1', q{'b' || chr(228)}), $hash_in->('postgres', q{'b' || chr(228)}), 'and so are its hashes');
is($node->safe_psql('euc_jp', q{SELECT encode(convert_to(convert_from(fraud_test_record(t), 'UTF8')::jsonb->'txn'->>'x', 'UTF8'), 'hex')
	FROM (SELECT E'\xb4\xc1' AS x) t}), 'e6bca2', 'letters of Japan');
is($node->safe_psql('sql_ascii', q{SELECT encode(convert_to((fraud_score(t, NULL)).txn_id, 'SQL_ASCII'), 'hex') FROM (SELECT E'\xe4' AS txn_id) t}), 'e4',
	'an id that is no UTF-8 in SQL_ASCII');
$text = pack('H*', $node->safe_psql('sql_ascii', 'SELECT ' . utf8_of('t') . q{ FROM (SELECT E'\xe4\xc3\xa4' AS txn_id, E'\xff' AS x) t}));
ok(utf8::decode(my $ascii_text = $text), 'what is not UTF-8 in SQL_ASCII');
like($text, qr/"txn":\{"txn_id":"\?ä","x":"\?"/, 'are question marks in its record');

# ---- the key

sub hash_on { return $_[0]->safe_psql('postgres', "SELECT " . record('p') . "->'txn'->>'card_id' FROM pay p"); }
is(hash_on($node), $card, 'the hash');
$node->backup('base');
$node->restart;
is(hash_on($node), $card, 'is the same after a restart');
$node->stop('immediate');
$node->start;
is(hash_on($node), $card, 'and after a crash');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is(hash_on($standby), $card, 'and on a standby');
$standby->stop;

my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', $conf);
$other->start;
$other->safe_psql('postgres', q{CREATE EXTENSION fraud_fallback; CREATE TABLE pay (card_id text); INSERT INTO pay VALUES ('4111111111111111')});
like(hash_on($other), qr/^hmac:/, 'another server');
isnt(hash_on($other), $card, 'has other hashes');
my $key = $other->data_dir . '/fraud_fallback/journal_key.state';
is((stat $key)[2] & 07077, 0, 'nobody else reads the key');

# a file that cannot be read is left alone
$other->stop;
rename($key, "$key.kept") or die;
mkdir($key) or die;
$other->start;
is($other->safe_psql('postgres', "SELECT " . record('p') . "->'txn' FROM pay p"), '{"omitted": ["card_id"]}', 'without a key, what is to be hashed is left out');
ok(-d $key, 'and the file stays');
like(slurp_file($other->logfile), qr/the journal has no key to hash with/, 'and the log says so');
$other->stop;
rmdir($key) or die;
open(my $fh, '>', $key) or die;
print $fh 'damaged';
close $fh;
$other->start;
like(hash_on($other), qr/^hmac:/, 'a damaged file is set aside for a new one');
ok(-e $other->data_dir . '/fraud_fallback/journal_key.damaged', 'and kept');
$other->stop;

# ---- what a record is for: a row

# (decided now: a record that says another day is none)
$more =~ s/"decided_at": \d+, //;
$node->safe_psql('postgres', "SELECT fraud_journal_append(" . record('p', $more) . ") FROM pay p");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM fraud_journal WHERE txn_id = 't1'") or die;
is(run("SELECT concat_ws('|', txn->>'card_id', decision->>'txn_id', ml_latency, queued, supersedes, rules ? 'high_amount', features ? 'amount',
	decided_at - (decision->>'decided_at')::timestamptz, application_name = '012_record.pl') FROM fraud_journal"),
	"$card|t1|00:00:00.012345|t|00ff-01|t|t|00:00:00|t", 'becomes a row');
run(q{SELECT fraud_journal_append('{"txn_id": "t2", "ml_latency": 0.000249}')});
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM fraud_journal WHERE txn_id = 't2'") or die;
is(run("SELECT ml_latency FROM fraud_journal WHERE txn_id = 't2'"), '00:00:00.000249', 'seconds of a record are rounded, not cut');
$node->stop;

done_testing();
