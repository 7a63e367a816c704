# Live attempts and recent decisions: what sessions remember together, beyond
# ROLLBACK, apart from other databases, on a standby; floods, the clock, races.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.live_customers = 128
max_connections = 60
jit = off
));
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback');

# a transaction as SQL; the time is seconds before the clock's noon of today
my $base = $node->safe_psql('postgres', q{SELECT extract(epoch FROM clock_timestamp())::bigint});

sub txn
{
	my ($customer, $id, $seconds, %more) = @_;
	my $rest = join('', map { ", '$_', '$more{$_}'" } sort keys %more);
	return "jsonb_build_object('customer_id', '$customer', 'txn_id', $id, 'amount', 10, 'occurred_at', to_timestamp($base + $seconds)$rest)";
}

sub attempt
{
	my ($customer, $id, $seconds, $what, $stored) = @_;
	return 'SELECT ' . ($what // 'attempts') . ' FROM fraud_test_attempt(' . txn($customer, $id, $seconds) .
		(defined $stored ? ", ($stored)" : '') . ')';
}

sub run { return $node->safe_psql('postgres', $_[0]); }

# SQL of pgbench by so many sessions at once, each so many times
sub pgbench
{
	my ($clients, $times, $sql) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir . '/script.sql';
	open(my $fh, '>', $script) or die;
	print $fh $sql;
	close $fh;
	return $node->command_ok([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $times, '-D', 'i=0', '-f', $script, '-d', $node->connstr('postgres') ], "$clients sessions");
}

# ---- six sessions

my @sessions = map { $node->background_psql('postgres') } 1 .. 6;
my @seen;
for my $i (1 .. 6)
{
	$sessions[ $i - 1 ]->query_safe('BEGIN');
	push @seen, $sessions[ $i - 1 ]->query_safe(attempt('six', "'t$i'", 0));
}
is("@seen", '1 2 3 4 5 6', 'six open transactions see 1 to 6');
for my $s (@sessions)
{
	$s->query_safe('ROLLBACK');
	$s->quit;
}
is(run(attempt('six', q{'t7'}, 1)), '7', 'rolled back, they count');
is(run(attempt('six', q{'t7'}, 1)), '7', 'the same transaction counts once');
is(run(attempt(' six ', q{'t8'}, 1)), '8', 'blanks around an id do not make another customer');

run('CREATE TABLE seen (n int, session int)');
pgbench(6, 1, 'INSERT INTO seen SELECT attempts, :client_id FROM fraud_test_attempt(' . txn('together', q{'t' || :client_id}, 0) . ");\n");
is(run(q{SELECT string_agg(n::text, ' ' ORDER BY n) FROM seen}), '1 2 3 4 5 6', 'six at the same moment see 1 to 6');
pgbench(6, 20, "\\set i :i + 1\nSELECT * FROM fraud_test_attempt(" . txn('crowd', q{:client_id || '-' || :i}, 0) . ");\n");
is(run(attempt('crowd', q{'last'}, 0, 'live, more')), '32|t', 'a crowd: the newest 32, and told that there were more');

# ---- windows

run(attempt('window', q{'a'}, 0));
is(run(attempt('window', q{'b'}, 599)), '2', 'within ten minutes');
is(run(attempt('window', q{'c'}, 600)), '2', 'the window does not hold its old edge');
is(run(attempt('window', q{'d'}, -1)), '1', 'what is later does not count');
is(run(attempt('window', q{'a'}, 300)), '2', 'the same id at another time replaces');
is(run(attempt('window', q{'e'}, 1200)), '1', 'nor what is long ago');

# ---- what became of an attempt

is(run('SELECT fraud_test_mark(' . txn('window', q{'b'}, 599) . ', \'failed\')'), 't', 'an attempt failed');
is(run(attempt('window', q{'f'}, 601)), '3', 'and does not count');
is(run('SELECT fraud_test_mark(' . txn('window', q{'b'}, 599) . ', \'counts\')'), 't', 'it is put back');
is(run(attempt('window', q{'f'}, 601)), '4', 'and counts');
is(run('SELECT fraud_test_mark(' . txn('window', q{'x'}, 599) . ', \'failed\')'), 'f', 'an unknown one is not');

is(run(attempt('window', q{'f'}, 601, 'attempts, spent')), '4|30', 'live attempts are spend');
run('SELECT fraud_test_mark(' . txn('window', q{'b'}, 599) . q{, 'blocked')});
is(run(attempt('window', q{'f'}, 601, 'attempts, spent')), '4|20', 'one that was blocked counts, but nothing was spent');
run(attempt('window', q{'b'}, 599));
is(run(attempt('window', q{'f'}, 601, 'attempts, spent')), '4|30', 'made again, nothing is known of it');
run('SELECT fraud_test_mark(' . txn('window', q{'b'}, 599) . q{, 'blocked')});
sub stored
{
	return "SELECT fraud_profile(v) FROM jsonb_array_elements(jsonb_build_array(" . join(', ', @_) . ")) v";
}
is(run(attempt('window', q{'f'}, 601, 'attempts, spent', stored(txn('window', q{'b'}, 599, status => 'approved')))), '4|30',
	'what was approved after all was spent');

# ---- with a stored history

run(attempt('stored', qq{'$_'}, 10)) for qw(a b c);
is(run(attempt('stored', q{'d'}, 11, 'attempts, live', stored(txn('stored', q{'a'}, 10, status => 'approved'), txn('stored', q{'y'}, 10, status => 'approved')))),
	'5|4', 'stored and live attempts of one id count once');
is(run(attempt('stored', q{'d'}, 11, 'attempts, live', stored(txn('stored', q{'a'}, 10, status => 'failed')))), '3|4', 'the stored version wins');
is(run(attempt('stored', q{'d'}, 11, 'attempts, left_out', 'SELECT fraud_profile(v) FROM (SELECT ' . txn('stored', 'g', 0) . ' FROM generate_series(1, 40) g) x(v)')),
	'33|0', 'beyond 32 and itself a lower bound');
is(run(attempt('stored', q{'e'}, 100, 'left_out', 'SELECT fraud_profile(v) FROM (SELECT ' . txn('stored', 'g', 50) . ' FROM generate_series(1, 40) g) x(v)')),
	'4', 'older live attempts may be in a long history already');

# ---- databases

run('CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION fraud_fallback');
is($node->safe_psql('other', attempt('six', q{'t1'}, 0)), '1', 'another database has customers of its own');

# ---- last known profiles

my $keep = q{SELECT (SELECT fraud_profile(v) FROM (SELECT } . txn('kept', 'g', 0) . q{ FROM generate_series(1, 50) g) x(v)) AS p};
is(run("SELECT kept = p, age < '1 h' FROM ($keep) s, fraud_test_last_profile('kept', p)"), 't|t', 'a history is kept');
is(run(q{SELECT kept IS NULL, age IS NULL FROM fraud_test_last_profile('nobody')}), 't|t', 'of those who have one');
is($node->safe_psql('other', q{SELECT kept IS NULL FROM fraud_test_last_profile('kept')}), 't', 'in its database');
run(q{SELECT fraud_test_advance('2 hours')});
is(run("SELECT kept = p, age >= '2 h' FROM ($keep) s, fraud_test_last_profile('kept')"), 't|t', 'and grows old');
run(q{SELECT fraud_test_advance('-2 hours')});

# ---- the clock

is(run(attempt('clock', q{'a'}, 0)), '1', 'an attempt');
run(q{SELECT fraud_test_advance('50 min')});
is(run(attempt('clock', q{'b'}, 0)), '2', 'is there for an hour, whatever it says of its own time');
run(q{SELECT fraud_test_advance('20 min')});
is(run(attempt('clock', q{'c'}, 0)), '2', 'and no longer');
is(run(attempt('clock', q{'d'}, 26 * 3600, 'remembered, live')), 'f|2', 'one that is more than a day ahead is not remembered');
is(run('SELECT ahead_of_clock FROM fraud_live'), '1', 'but counted');
is(run(attempt('clock', q{'e'}, 24 * 3600, 'remembered, live')), 't|3', 'within a day it is');
run(q{SELECT fraud_test_advance('2 hours')});
is(run(attempt('clock', q{'d'}, 26 * 3600, 'remembered, live')), 't|1', 'when its time comes nearer, too');
run(q{SELECT fraud_test_advance('-190 min')});

# ---- floods

$node->restart;
is(run(attempt('six', q{'t1'}, 0, 'attempts, live, incomplete')), '1|1|f', 'a restart forgets');
is(run('SELECT customers, capacity, evicted, evicted_live, ahead_of_clock, decisions, decisions_capacity FROM fraud_live'), '1|128|0|0|0|0|512', 'all');
run('DROP TABLE IF EXISTS flood; CREATE TABLE flood AS SELECT f.* FROM generate_series(1, 2000) g, fraud_test_attempt(' . txn('flood', q{'t'}, 0) .
	q{ || jsonb_build_object('customer_id', 'flood' || g)) f});
is(run('SELECT customers, evicted, evicted_live FROM fraud_live'), '128|1873|1873', 'a flood: each customer too much makes another one go');
is(run('SELECT count(*) FILTER (WHERE displaced), bool_and(remembered), max(attempts) FROM flood'), '1873|t|1', 'and is told so');
is(run(attempt('six', q{'t2'}, 0, 'attempts, incomplete')), '1|t', 'who comes back is told that his attempts may be missing');
is(run(attempt('six', q{'t3'}, 0, 'attempts, incomplete')), '2|t', 'and again');
run(q{SELECT fraud_test_advance('0')});
is(run(q{SELECT subject, who, message, cause FROM fraud_events WHERE kind = 'attempts'}),
	'flood|server|no room for all customers: attempts of the last hour are forgotten; fraud_fallback.live_customers is 128|{"live_customers": 128}',
	'one event tells of it');
run(q{SELECT fraud_test_advance('61 min')});
is(run(attempt('six', q{'t4'}, 0, 'attempts, incomplete')), '1|f', 'until they would not count any more');
run('SELECT count(*) FROM generate_series(1, 500) g, fraud_test_attempt(' . txn('later', q{'t'}, 0) . q{ || jsonb_build_object('customer_id', 'flood' || g))});
like(run('SELECT customers, evicted, evicted_live > 1873 FROM fraud_live'), qr/^128\|\d+\|t$/, 'old customers make room first, then the flood goes on');
run(q{SELECT fraud_test_advance('0')});
is(run(q{SELECT count(*) FROM fraud_events WHERE kind = 'attempts'}), '2', 'and another one an hour later');
run(q{SELECT fraud_test_advance('-61 min')});

# ---- recent decisions

sub decision
{
	my ($id, $amount, %more) = @_;
	my $answer = exists $more{answer} ? (defined $more{answer} ? "'$more{answer}'" : 'NULL') : "'answer'";
	my $what = $more{what} // q{found, reused, convert_from(found_answer, 'UTF8'), found_record, kept, other_record};
	return "SELECT $what FROM fraud_test_decision(" . txn('c', $id, 0) . " || jsonb_build_object('amount', $amount), " .
		($more{verdict} // 'false') . ", $answer, '" . ($more{record} // 'r1') . "')";
}
is(run(decision(q{'d1'}, 1)), 'first|f|||t|', 'a decision');
is(run(decision(q{'d1'}, '1.00', record => 'r2')), 'repeat|f|answer|r1|f|', 'is repeated');
is(run(decision(q{'d1'}, 2, answer => 'other', record => 'r3')), 'first|t|||t|', 'other facts are a decision of their own, and reuse the id');
is(run(decision(q{'d1'}, 2)), 'repeat|t|other|r3|f|', 'which is repeated like it');
is(run(decision(q{'d1'}, 1, verdict => 'true', answer => 'ml', record => 'r4')), 'supersedes|t|answer|r1|t|r1', 'a verdict supersedes');
is(run(decision(q{'d1'}, 1, verdict => 'true')), 'repeat|t|ml|r4|f|', 'once');
is(run(decision(q{'d1'}, 1)), 'repeat|t|ml|r4|f|', 'and stays');
is($node->safe_psql('other', decision(q{'d1'}, 1)), 'first|f|||t|', 'another database has decisions of its own');
is(run(q{SELECT coalesce(found, 'none') FROM fraud_test_decision('{"amount": 1}')}), 'none', 'a transaction that cannot be known again has none');
is(run(decision(q{'large'}, 1, answer => 'x' x 2001)), 'first|f|||f|', 'too large an answer');
is(run(decision(q{'large'}, 1, answer => 'x' x 2000)), 'first|f|||t|', 'is not kept, one just as large as may be is');
is(run('SELECT decisions, decisions_too_large, decisions_no_place, decisions_evicted FROM fraud_live'), '4|1|0|0', 'which is counted');
run(q{SELECT fraud_test_advance('9 min')});
is(run(decision(q{'large'}, 1, what => 'found, length(found_answer)')), 'repeat|2000', 'for ten minutes');
run(q{SELECT fraud_test_advance('2 min')});
is(run(decision(q{'large'}, 1, what => 'found, found_answer')), 'first|', 'and no longer');
run(q{SELECT fraud_test_advance('-11 min')});

# claims that stay open
my $open = $node->background_psql('postgres');
my %open = (answer => undef, what => 'found');
my $ask = decision(q{'open'}, 1, %open);
$open->query_safe('BEGIN');
is($open->query_safe($ask), 'first', 'a session decides');
is(run($ask), 'being decided', 'another one is told so, and does not wait');
is(run(decision(q{'open'}, 1, %open, verdict => 'true')), 'supersedes', 'unless it brings a verdict');
is(run($ask), 'being decided', 'which, given up, leaves the first one at it');
is(run(decision(q{'open'}, 2, %open, what => 'found, reused')), 'first|t', 'other facts reuse the id');
$open->query_safe('ROLLBACK');
is(run($ask), 'first', 'rolled back, it decides no more');
$open->query_safe('BEGIN; SAVEPOINT s');
$open->query_safe($ask);
$open->query_safe('RELEASE s; SAVEPOINT t; SAVEPOINT u');
my $inner = decision(q{'inner'}, 1, %open);
$open->query_safe($inner);
$open->query_safe('RELEASE u; ROLLBACK TO t');
is(run($inner), 'first', 'a claim ends with its subtransaction');
is(run($ask), 'being decided', 'one of a subtransaction that was released does not');
$open->query_safe('COMMIT');
is(run($ask), 'first', 'but with the transaction');
$open->query_safe('BEGIN');
$open->query_safe($ask);
run(q{SELECT fraud_test_advance('61 s')});
is(run($ask), 'first', 'nor does one outlive its lease');
run(q{SELECT fraud_test_advance('-61 s')});
$open->query_safe('ROLLBACK; BEGIN');
my $pid = $open->query_safe('SELECT pg_backend_pid()');
$open->query_safe($ask);
run("SELECT pg_terminate_backend($pid, 30000)");
is(run($ask), 'first', 'nor its session');
$open->{run}->finish if exists $open->{run};

# races
run('CREATE TABLE race (txn int, found text)');
pgbench(32, 10, "\\set i :i + 1\nINSERT INTO race SELECT :i, found FROM fraud_test_decision(" . txn('c', q{'race' || :i}, 0) . ", false, 'answer');\n");
is(run(q{SELECT count(*), count(*) FILTER (WHERE found = 'first') FROM race}), '320|10', 'of 32 sessions at once exactly one is the first');
is(run(q{SELECT count(*) FROM race WHERE found NOT IN ('first', 'repeat', 'being decided')}), '0', 'the others have its answer, or are told it is on its way');
is(run('SELECT max(n) FROM (SELECT count(*) AS n FROM race WHERE found = ' . q{'first'} . ' GROUP BY txn) s'), '1', 'for each transaction');

# more than there is room for
run('SELECT count(*) FROM generate_series(1, 3000) g, fraud_test_decision(' . txn('c', q{'t'}, 0) . q{ || jsonb_build_object('txn_id', g), false, 'answer')});
is(run('SELECT decisions, decisions_capacity, decisions_evicted > 2000, decisions_no_place FROM fraud_live'), '512|512|t|0', 'old decisions make room');
run('SELECT count(*) FROM generate_series(1, 3000) g, fraud_test_decision(' . txn('c', q{'t'}, 0) . q{ || jsonb_build_object('txn_id', 'l' || g), false, repeat('x', 2000)::bytea)});
like(run('SELECT decisions BETWEEN 96 AND 160, decisions_no_place FROM fraud_live'), qr/^t\|0$/, 'large ones the more');

# ---- rights

run('CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO nobody');
run('REVOKE EXECUTE ON FUNCTION fraud_live() FROM nobody');
my %refused = (
	'SELECT * FROM fraud_live' => qr/permission denied for view fraud_live/,
	'SELECT * FROM fraud_live()' => qr/permission denied for function fraud_live/,
	attempt('six', q{'t'}, 0) => qr/only superusers may use functions of tests/,
	'SELECT fraud_test_mark(' . txn('six', q{'t'}, 0) . ', \'failed\')' => qr/only superusers may use functions of tests/,
	q{SELECT * FROM fraud_test_last_profile('six')} => qr/only superusers may use functions of tests/,
	$ask => qr/only superusers may use functions of tests/);
for my $sql (sort keys %refused)
{
	my ($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'nobody' ]);
	like($err, $refused{$sql}, 'refused: ' . substr($sql, 0, 50));
}
is($node->safe_psql('postgres', 'SELECT memory_bytes BETWEEN 1000000 AND 1200000 FROM fraud_live', extra_params => [ '-U', 'watcher' ]), 't', 'pg_monitor sees fraud_live');

# ---- a standby

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', attempt('six', qq{'s$_'}, 0)), "$_", "attempt $_ on a standby") for 1 .. 3;
is($standby->safe_psql('postgres', decision(q{'standby'}, 1)), 'first|f|||t|', 'a decision on a standby');
is($standby->safe_psql('postgres', decision(q{'standby'}, 1)), 'repeat|f|answer|r1|f|', 'is repeated');
$node->wait_for_catchup($standby, 'replay');
$standby->promote;
is($standby->safe_psql('postgres', attempt('six', q{'s4'}, 0)), '4', 'promotion forgets nothing');
$standby->stop;

# ---- without test mode

$node->append_conf('postgresql.conf', "fraud_fallback.test_mode = off\nfraud_fallback.live_customers = 1000\n");
$node->restart;
my ($ret, $out, $err) = $node->psql('postgres', $ask);
like($err, qr/the server does not run in test mode/, 'functions of tests want test mode');
is(run('SELECT capacity >= 1000, decisions_capacity >= 4000, memory_bytes BETWEEN 8000000 AND 8800000 FROM fraud_live'), 't|t|t', 'room for as many as are set');
$node->stop;
done_testing();
