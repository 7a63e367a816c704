# fraud_decide() with any payment, anywhere in SQL, for any role: always a
# decision, and only what is not ours to swallow gets through.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Decisions;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_shop('main', "max_parallel_workers_per_gather = 2\nparallel_setup_cost = 0\nparallel_tuple_cost = 0\nmin_parallel_table_scan_size = 0\n", '{}');
my $short = 'risk_score, recommendation, source';

# ---- odd payments

for ([ q{'1'}, 'a number' ], [ q{'"x"'}, 'a string' ], [ q{'null'}, 'null' ], [ q{'[]'}, 'an array' ], [ q{'true'}, 'a boolean' ])
{
	my ($json, $what) = @$_;
	for my $function ('fraud_decide', 'fraud_route')
	{
		like(run_as($node, undef, "SELECT $function($json\::$_)"), qr/ERROR:  22023: /, "$function: $what is no payment, as $_") for 'jsonb', 'text';
	}
}
like(run_as($node, undef, "SELECT fraud_decide('no JSON')"), qr/ERROR:  22P02: /, 'nor is what is no JSON');
is(sql($node, 'SELECT sum(n) FROM fraud_tier_status, unnest(decisions) n'), '0', 'and none of it was decided');

# each is a decision, with its recommendation, and has a record
my $long = 'x' x 1_000_000;
my $i = 0;
for (
	[ 'an empty object', '', 'REVIEW' ],
	[ 'NULLs', join(', ', map { qq("$_": null) } columns() =~ /(\w+) \w+(?:,|$)/g), 'REVIEW' ],
	[ 'objects in place of values', '"txn_id": {"a": 1}, "customer_id": [1, 2], "amount": {}, "occurred_at": [], "country": {}', 'REVIEW' ],
	[ 'booleans', '"txn_id": true, "customer_id": false, "amount": true, "occurred_at": false', 'REVIEW' ],
	[ 'no number', '"amount": "NaN", "occurred_at": "2026-01-05T12:00:00Z"', 'REVIEW' ],
	[ 'an infinite amount', '"amount": "Infinity", "occurred_at": "2026-01-05T12:00:00Z"', 'REVIEW' ],
	[ 'a huge amount', '"amount": 1e300, "occurred_at": "2026-01-05T12:00:00Z"', 'REVIEW' ],
	[ 'an amount with 10,000 digits', '"amount": ' . '9' x 10_000 . ', "occurred_at": "2026-01-05T12:00:00Z"', 'REVIEW' ],
	[ 'a negative amount', '"customer_id": "ann1", "amount": -40, "occurred_at": "2026-01-05T12:00:00Z"', undef ],
	[ 'an infinite time', '"amount": 40, "occurred_at": "infinity"', 'REVIEW' ],
	[ 'minus infinity', '"amount": 40, "occurred_at": "-infinity"', 'REVIEW' ],
	[ 'a time of before Christ', '"amount": 40, "occurred_at": "4000-01-01T00:00:00Z BC"', 'REVIEW' ],
	[ 'a time far ahead', '"customer_id": "ann2", "amount": 40, "occurred_at": "9999-12-31T23:59:59Z"', undef ],
	[ 'a date', '"customer_id": "ann3", "amount": 40, "occurred_at": "2026-01-05"', undef ],
	[ 'no place on earth', '"amount": 40, "occurred_at": "2026-01-05T12:00:00Z", "lat": 1e308, "lon": -1e308, "ip": "999.1.1.1", "country": "XXXX"', undef ],
	[ 'a megabyte of id', qq("txn_id": "$long", "customer_id": "$long", "card_id": "$long", "amount": 40, "occurred_at": "2026-01-05T12:00:00Z"), undef ],
	[ 'a megabyte of all else', join(', ', map { qq("$_": "$long") } qw(merchant_id country mcc ip channel timezone status note)), 'REVIEW' ],
	[ 'control characters, quotes, other letters', q["txn_id": "\u0001\n\t\"\\\u00e4\ud83d\ude00''", "customer_id": "\u0007", "amount": 40, "occurred_at": "2026-01-05T12:00:00Z"], undef ],
	[ 'ten thousand other members', join(', ', '"amount": 40', map { qq("m$_": $_) } 1 .. 10_000), 'REVIEW' ])
{
	my ($what, $members, $recommendation) = @$_;
	# without an id some of them would be known as one
	$members = qq("txn_id": "odd$i", $members) if $members =~ /occurred_at/ && $members !~ /txn_id/;
	my ($got, $reason) = split(/\|/, sql($node, "SELECT recommendation, reason FROM fraud_decide('{$members}'::jsonb) d"), 2);
	$recommendation //= $got =~ /^(APPROVE|REVIEW)$/ ? $got : 'a decision';
	is($got, $recommendation, "$what: $got") or diag($reason);
	$i++;
}
is(sql($node, 'SELECT recommendation, txn_id FROM fraud_decide(NULL::jsonb) d'), 'REVIEW|', 'NULL: REVIEW');
is(sql($node, 'SELECT recommendation FROM fraud_decide(NULL::payments) d'), 'REVIEW', 'a NULL row');
sql($node, 'CREATE TYPE odd_row AS (txn_id text, amount float8, occurred_at timestamptz); CREATE TYPE odd_date AS (amount float8, occurred_at date)');
is(sql($node, 'SELECT recommendation FROM fraud_decide(ROW(NULL, NULL, NULL)::odd_row) d'), 'REVIEW', 'a row of NULLs');
is(sql($node, q{SELECT recommendation FROM fraud_decide(ROW('odd', 'NaN', 'infinity')::odd_row) d}), 'REVIEW', 'a row with NaN and infinity');
is(sql($node, q{SELECT recommendation FROM fraud_decide(ROW('infinity', '-infinity')::odd_date) d}), 'REVIEW', 'or a date that is none');
$i += 5;
advance($node, '0');
is(sql($node, 'SELECT count(*), count(*) FILTER (WHERE decision ->> \'recommendation\' IS NOT NULL) FROM fraud_journal'), "$i|$i", 'each has a record');
is(sql($node, q{SELECT state, failed FROM fraud_journal_status}), 'OK|0', 'and none of them failed');

# ---- overloads

my $keys = q{to_jsonb(d) - '{txn_id,decided_at,detail}'::text[], detail -> 'not_evaluated'};
my %form = (
	record => sub { "jsonb_populate_record(NULL::payments, $_[0])" },
	jsonb => sub { "to_jsonb(jsonb_populate_record(NULL::payments, $_[0]))" },
	text => sub { "to_jsonb(jsonb_populate_record(NULL::payments, $_[0]))::text" });
my %answers;
for my $form (sort keys %form)
{
	$answers{ decide($node, $keys, $form{$form}->(usual(amount => 250, country => 'FR', status => 'pending'))) }++;
}
is(join(',', values %answers), '3', 'record, jsonb and text: the same answer');
my $txn = usual(status => 'pending');
decide($node, '1', $form{record}->($txn));
is(decide($node, q{detail ->> 'repeat'}, $form{$_}->($txn)), 'true', "the row is known again as $_") for sort keys %form;
is(decide($node, $short, usual() =~ s/::jsonb$//r), '0|APPROVE|RULES', 'a literal without a type is text');

# a view, a table with other names
sql($node, 'CREATE VIEW recent AS SELECT * FROM payments WHERE false UNION ALL SELECT (jsonb_populate_record(NULL::payments, ' . usual(country => 'FR') . ')).*');
is(sql($node, "SELECT $short FROM recent r, fraud_decide(r) d"), '25|APPROVE|RULES', 'a row of a view');
sql($node, q{CREATE TABLE zahlungen (nr int, kunde text, betrag float8, wann timestamptz);
	INSERT INTO zahlungen VALUES (4711, 'ann10', 6000, to_timestamp(} . noon() . '))');
like(sql($node, 'SELECT recommendation, reason FROM zahlungen z, fraud_decide(z) d'), qr/^REVIEW\|.*missing/, 'a table with other names');
rules($node, "history: {columns: {txn_id: nr, customer_id: kunde, amount: betrag, occurred_at: wann}}\n");
is(sql($node, 'SELECT txn_id, risk_factors FROM zahlungen z, fraud_decide(z) d'), '4711|{high_amount,large_amount,daily_limit,unusual_high_value}', 'which the policy knows')
	or diag(sql($node, 'SELECT to_jsonb(d) FROM zahlungen z, fraud_decide(z) d'));
rules($node, '{}');

# ---- anywhere in SQL

is(sql($node, "BEGIN READ ONLY; SELECT $short FROM fraud_decide(" . usual() . ') d; COMMIT'), '0|APPROVE|RULES', 'in a read-only transaction');
is(sql($node, "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT $short FROM fraud_decide(" . usual() . ") d; INSERT INTO payments (txn_id) VALUES ('s'); COMMIT"), '0|APPROVE|RULES', 'in a serializable one');
is(sql($node, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT $short FROM fraud_decide(" . usual() . ') d; COMMIT'), '0|APPROVE|RULES', 'in one that is deferrable');
# two of them, each deciding and writing, at once
my @pair = map { $node->background_psql('postgres') } 1 .. 2;
$_->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE') for @pair;
$_->query_safe('SELECT fraud_decide(' . usual(customer_id => 'ann20') . '); INSERT INTO payments SELECT (jsonb_populate_record(NULL::payments, ' . usual(customer_id => 'ann20') . ')).*') for @pair;
is(join(' ', map { scalar $_->query('COMMIT; SELECT 1') } @pair), '1 1', 'two at once, deciding about one customer and storing, do not fail for each other');
$_->quit for @pair;

is(block($node, 'DECLARE d fraud_decision; said text := \'\'; BEGIN
		BEGIN d := fraud_decide(' . usual(txn_id => 'sub') . '); said := d.recommendation; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END;
		d := fraud_decide(' . ($txn = usual()) . ');
		RETURN said || d.recommendation; END'), 'APPROVEAPPROVE', 'in a block with an EXCEPTION');
is(scalar(split(/\n/, journal($node, '1', 'sub'))), 1, 'what was undone is recorded');
is(sql($node, 'BEGIN; SAVEPOINT a; SELECT recommendation FROM fraud_decide(' . ($txn = usual()) . '); ROLLBACK TO a; SELECT detail ->> \'repeat\' FROM fraud_decide(' . $txn . '); COMMIT'), "APPROVE\ntrue", 'a savepoint undoes nothing');
my (undef, undef, $failed) = $node->psql('postgres', "BEGIN; SELECT 1 / 0; SELECT fraud_decide(" . usual() . ')', on_error_stop => 0);
like($failed, qr/current transaction is aborted/, 'a transaction that has failed is the caller\'s');
is(sql($node, 'PREPARE p (jsonb) AS SELECT recommendation FROM fraud_decide($1); ' . join('; ', map { 'EXECUTE p (' . usual() . ')' } 1 .. 8)), join("\n", ('APPROVE') x 8), 'a prepared statement');
is(sql($node, 'BEGIN; DECLARE c CURSOR FOR SELECT recommendation FROM generate_series(1, 3) g, fraud_decide(' . usual(txn_id => 'CUR') =~ s/'(\{.*)"CUR"(.*\})'::jsonb/('$1"cursor-' || g || '"$2')::jsonb/r . '); FETCH c; FETCH 2 c; COMMIT'),
	join("\n", ('APPROVE') x 3), 'a cursor');
is(sql($node, q{SELECT count(*), count(DISTINCT d.txn_id), count(*) FILTER (WHERE d.recommendation IS NULL) FROM (SELECT p FROM payments p LIMIT 5000) s, LATERAL fraud_decide(s.p) d}), '5000|5000|0', 'LATERAL over 5,000 rows');
sql($node, q{CREATE FUNCTION decide_plpgsql(j jsonb) RETURNS text LANGUAGE plpgsql AS 'DECLARE d fraud_decision; BEGIN SELECT * INTO d FROM fraud_decide(j); RETURN d.recommendation; END';
	CREATE FUNCTION decide_sql(j jsonb) RETURNS text LANGUAGE sql AS 'SELECT recommendation FROM fraud_decide(j)';
	CREATE FUNCTION decide_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.status := (fraud_decide(NEW)).recommendation; RETURN NEW; END';
	CREATE TABLE guarded (LIKE payments);
	CREATE TRIGGER t BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION decide_trigger()});
is(sql($node, "SELECT decide_$_(" . usual() . ')'), 'APPROVE', "in a function of $_") for 'plpgsql', 'sql';
is(sql($node, 'INSERT INTO guarded SELECT (jsonb_populate_record(NULL::payments, ' . usual() . ')).* RETURNING status'), 'APPROVE', 'in a trigger');
is(sql($node, 'SELECT count(*) FROM payments p WHERE txn_id LIKE \'ann-1-%\' AND (fraud_decide(p)).recommendation IS NOT NULL'), '20', 'in a WHERE clause');
sql($node, "SET search_path = ''; SELECT public.fraud_decide(" . usual() . ')');
is(sql($node, "SET timezone = 'Asia/Tokyo'; SET datestyle = 'SQL, DMY'; SET lc_messages = 'C'; SELECT $short FROM fraud_decide(" . usual() . ') d'), '0|APPROVE|RULES', 'whatever the session has set');

# ---- parallel query

like(sql($node, 'EXPLAIN SELECT (fraud_decide(p)).recommendation FROM payments p'), qr/^(?!.*Gather)/s, 'it keeps a query from being parallel');
sql($node, q{CREATE FUNCTION lied(p payments) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS 'DECLARE d fraud_decision; BEGIN d := fraud_decide(p); RETURN d.recommendation; END'});
like(sql($node, 'EXPLAIN SELECT count(*) FROM payments p WHERE lied(p) IS NOT NULL'), qr/Gather/, 'a function that claims to be safe for it');
my $offset = -s $node->logfile;
my ($ret, $out, $err) = $node->psql('postgres', q{SELECT count(*) FROM (SELECT p FROM payments p WHERE txn_id LIKE 'ann-2%' OFFSET 0) s WHERE lied(p) IS NOT NULL; SELECT count(*) FROM payments p WHERE lied(p) IS NOT NULL});
ok(($out =~ /^\d+$/m || $err =~ /ERROR/) && $node->safe_psql('postgres', 'SELECT 1') eq '1', 'does no harm to the server') or diag("$out $err");
note($err);
is(log_count($node, qr/was terminated by signal|server process .* exited/, $offset), 0, 'nor ends a process');

# ---- what passes: cancel and timeout

my $forever = q{SELECT count(*) FROM generate_series(1, 100000000) g, fraud_decide(jsonb_build_object('txn_id', 'long-' || g, 'customer_id', 'c' || g % 1000, 'amount', 40, 'occurred_at', to_timestamp(} . noon() . ')))';
like(run_as($node, undef, "SET statement_timeout = '300 ms'; $forever"), qr/57014: canceling statement due to statement timeout/, 'statement_timeout');
for my $how ([ 'pg_cancel_backend', qr/canceling statement due to user request/ ], [ 'pg_terminate_backend', qr/terminating connection due to administrator command/ ])
{
	my ($function, $error) = @$how;
	my ($output, $errors) = ('', '');
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET application_name = '$function'", '-c', $forever ], '<', \undef, '>', \$output, '2>', \$errors);
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$function' AND state = 'active'"), 'a session decides');
	sql($node, "SELECT $function(pid) FROM pg_stat_activity WHERE application_name = '$function'");
	eval { $run->finish };
	like($errors, $error, $function);
}
is(decide($node, $short, usual()), '0|APPROVE|RULES', 'and others go on');

# ---- rights

is(sql($node, q{SELECT count(*) FROM pg_proc WHERE proname IN ('fraud_decide', 'fraud_route', 'fraud_http') AND has_function_privilege('public', oid, 'EXECUTE')}), '0', 'none is for everyone');
sql($node, q{CREATE ROLE stranger LOGIN; CREATE ROLE app LOGIN; CREATE ROLE web LOGIN;
	GRANT EXECUTE ON FUNCTION fraud_decide(jsonb, jsonb, int, interval, bigint, text), fraud_route(jsonb) TO app;
	GRANT EXECUTE ON FUNCTION fraud_http(jsonb) TO web});
like(run_as($node, 'stranger', 'SELECT ' . $_ . '(' . usual() . ')'), qr/42501: permission denied for function $_/, "$_: refused to a stranger") for 'fraud_decide', 'fraud_route', 'fraud_http';
like(run_as($node, 'app', "SELECT * FROM $_"), qr/42501/, "$_ cannot be read by an application") for qw(fraud_profiles fraud_profile_deltas fraud_sources fraud_labels fraud_journal payments);
is(run_as($node, 'app', "SELECT $short, coverage FROM fraud_decide(" . usual(amount => 250) . ') d'), decide($node, "$short, coverage", usual(amount => 250)), 'which decides all the same, by stored history');
like(run_as($node, 'app', 'SELECT route, ticket IS NOT NULL FROM fraud_route(' . usual() . ')'), qr/^ML\|t$/, 'and routes');
like(run_as($node, 'web', 'SELECT fraud_http(' . usual() . ')'), qr/42501: permission denied for function fraud_decide/, 'fraud_http() decides with the rights of its caller');
sql($node, 'GRANT EXECUTE ON FUNCTION fraud_decide(jsonb, jsonb, int, interval, bigint, text) TO web');
is(run_as($node, 'web', 'SELECT fraud_http(' . usual() . q{) ->> 'recommendation'}), 'APPROVE', 'who may both answers over HTTP');
$node->stop;
done_testing();
