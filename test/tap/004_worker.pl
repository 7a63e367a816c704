# The background worker, and where events go: cycles in test mode, rights,
# crashes, what is missing or refused, a standby, a dump.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub new_node
{
	my ($name, $conf, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
restart_after_crash = on
jit = off
$conf));
	$node->start;
	return $node;
}

# everything done, without sleeping
sub cycle
{
	my ($node, $db) = @_;
	$node->safe_psql($db // 'postgres', q{SELECT fraud_test_advance('0')});
}

sub log_count
{
	my ($node, $pattern) = @_;
	my @found = slurp_file($node->logfile) =~ /$pattern/g;
	return scalar @found;
}

sub off
{
	my ($node) = @_;
	return $node->safe_psql('postgres', 'SELECT DISTINCT tables_off FROM fraud_worker');
}

my $events = q{SELECT kind, subject, "from", "to", who, node, message, jsonb_typeof(cause) FROM fraud_events};
my $payments = q{
CREATE TABLE payments (txn_id int PRIMARY KEY, customer_id text, amount numeric, occurred_at timestamptz, status text);
CREATE FUNCTION pay(first int, last int) RETURNS void LANGUAGE sql AS
	$$ INSERT INTO payments SELECT g, 'C' || g % 5, g, '2026-01-01Z'::timestamptz + g * interval '1 hour', 'approved'
	   FROM generate_series(first, last) g $$;
SELECT fraud_attach('payments');
};

my $node = new_node('main', "fraud_fallback.node_name = 'alpha'\nwal_level = replica\n", allows_streaming => 1);

# ---- before the extension is there

ok($node->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'fraud_fallback worker'
		  AND application_name = 'fraud_fallback worker' AND datname = 'postgres'}),
	'the worker is a session of the database');
$node->wait_for_log(qr/LOG:  worker start: the worker has started\n.*DETAIL:  by worker: \{"pid": \d+, "database": "postgres"\}/);
$node->wait_for_log(qr/finds no extension in database "postgres"\n.*HINT:  CREATE EXTENSION/);
pass('it logs its start, and that there is no extension');

# ---- a cycle

$node->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback');
cycle($node);
is($node->safe_psql('postgres', $events), 'worker|start|||worker|alpha|the worker has started|object',
	'its start is in fraud_events');
is(log_count($node, qr/finds no extension/), 1, 'the missing extension was told once');
is(log_count($node, qr/LOG:  worker start:/), 1, 'each event is logged once');
is($node->safe_psql('postgres', q{SELECT DISTINCT pid IS NOT NULL, started_at < now(), database, role, last_cycle_at IS NOT NULL, cycles > 0, tables_off FROM fraud_worker}),
	't|t|postgres||t|t|', 'fraud_worker');
is($node->safe_psql('postgres', q{SELECT string_agg(task, ', ' ORDER BY task), bool_and(runs > 0 AND last_run_at IS NOT NULL), count(last_error) FROM fraud_worker}),
	'circuits, event log, event table, fold, journal, journal files, policy history, probes, tiers|t|0', 'its tasks');

$node->safe_psql('postgres', $payments);
$node->safe_psql('postgres', 'SELECT pay(1, 100)');
cycle($node);
is($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'a cycle folds');
is($node->safe_psql('postgres', q{SELECT sum((fraud_velocity(state, '90 days', '2026-02-01Z')).attempts) FROM fraud_profiles}),
	'100', 'into histories');
$node->safe_psql('postgres', q{BEGIN; SAVEPOINT a; SELECT pay(101, 130); COMMIT});
cycle($node);
is($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'what subtransactions wrote too');
$node->safe_psql('postgres', q{INSERT INTO payments SELECT g, 'N' || g, g, '2026-01-01Z', 'approved' FROM generate_series(1000, 50999) g});
cycle($node);
is($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'and several batches in one');

# the clock
my $drift = q{SELECT round(extract(epoch FROM max(last_cycle_at) - clock_timestamp()) / 3600) FROM fraud_worker};
$node->safe_psql('postgres', q{SELECT fraud_test_advance('2 hours')});
is($node->safe_psql('postgres', $drift), '2', 'the clock is two hours ahead');
$node->safe_psql('postgres', q{SELECT fraud_test_advance('-5 hours')});
is($node->safe_psql('postgres', $drift), '-3', 'and goes back');
my $runs = $node->safe_psql('postgres', q{SELECT runs FROM fraud_worker WHERE task = 'fold'});
ok($node->poll_query_until('postgres', qq{SELECT runs > $runs + 1 FROM fraud_worker WHERE task = 'fold'}),
	'the worker goes on every second, with the clock set back');
$node->safe_psql('postgres', q{SELECT fraud_test_advance('3 hours')});
my ($ret, $out, $err) = $node->psql('postgres', q{SELECT fraud_test_advance('11 years')});
like($err, qr/ERROR:  the clock moves by ten years at most/, 'not too far');

# ---- rights

$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; GRANT EXECUTE ON FUNCTION fraud_test_advance(interval) TO nobody');
my %refused = (
	q{SELECT fraud_test_advance('1s')} => qr/only superusers may move the clock/,
	q{SELECT * FROM fraud_worker} => qr/permission denied for view fraud_worker/,
	q{SELECT * FROM fraud_worker()} => qr/permission denied for function fraud_worker/,
	q{SELECT * FROM fraud_events} => qr/permission denied for table fraud_events/);
for my $sql (sort keys %refused)
{
	($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'nobody' ]);
	like($err, $refused{$sql}, "refused: $sql");
}
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM fraud_worker', extra_params => [ '-U', 'watcher' ]), 't', 'pg_monitor sees fraud_worker');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraud_events', extra_params => [ '-U', 'watcher' ]), '1', 'and fraud_events');

# ---- worker_role

sub set_conf
{
	my ($name, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	$node->reload;
}

$node->safe_psql('postgres', 'CREATE ROLE chief SUPERUSER; CREATE ROLE helper');
set_conf('fraud_fallback.worker_role', 'chief');
$node->safe_psql('postgres', 'SELECT pay(131, 140)');
$node->wait_for_log(qr/does not use tables: role "chief" is a superuser/);
cycle($node) for 1 .. 3;
is(off($node), 'role "chief" is a superuser', 'a superuser is refused');
is(log_count($node, qr/role "chief" is a superuser/), 1, 'which is logged once');
isnt($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'nothing is folded then');
set_conf('fraud_fallback.worker_role', 'stranger');
$node->wait_for_log(qr/does not use tables: role "stranger" does not exist/);
pass('nor as a role that does not exist');
set_conf('fraud_fallback.worker_role', 'helper');
ok($node->poll_query_until('postgres', q{SELECT bool_and(role = 'helper' AND tables_off IS NULL) FROM fraud_worker}), 'an ordinary role is taken');
cycle($node);
is($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'and folds without rights on anything');
set_conf('fraud_fallback.worker_role', '');

# ---- a listener, a restart of the worker

my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN fraud_fallback');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM fraud_worker LIMIT 1});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM fraud_events WHERE kind = 'worker'}),
	'a worker that was ended is started again, and goes on with the events');
my $told = $listener->query('SELECT 1');
like($told, qr/Asynchronous notification "fraud_fallback" with payload "\{"at": "[^"]+\+00:00", "kind": "worker", "subject": "start", "from": null, "to": null, "who": "worker", "node": "alpha", "message": "the worker has started", "cause": \{"database": "postgres"\}\}"/,
	'listeners get it as JSON');
$listener->quit;
is(log_count($node, qr/LOG:  worker start:/), 2, 'the log has each start once');

# ---- one failing task

$node->safe_psql('postgres', 'ALTER TABLE fraud_profiles RENAME TO elsewhere');
$node->safe_psql('postgres', 'SELECT pay(141, 150)');
cycle($node) for 1 .. 3;
like($node->safe_psql('postgres', q{SELECT last_error FROM fraud_worker WHERE task = 'fold' AND last_error_at IS NOT NULL}),
	qr/fraud_profiles/, 'the error of a task is kept');
is(log_count($node, qr/CONTEXT:  task "fold" of the fraud_fallback worker/), 1, 'and logged once, not each time');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM fraud_worker LIMIT 1});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 3 FROM fraud_events WHERE kind = 'worker'}), 'others go on');
$node->safe_psql('postgres', 'ALTER TABLE elsewhere RENAME TO fraud_profiles');
cycle($node);
is($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'and it does, when it can');

# ---- kill -9

my $pid = $node->safe_psql('postgres', 'SELECT pid FROM fraud_worker LIMIT 1');
$node->safe_psql('postgres', 'SELECT pay(151, 160)');
is(kill('KILL', $pid), 1, 'the worker is killed');
$node->wait_for_log(qr/all server processes terminated; reinitializing/);
ok($node->poll_query_until('postgres', 'SELECT 1', '1'), 'the server comes back');
cycle($node);
is($node->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'with a worker that folds');
is($node->safe_psql('postgres', q{SELECT count(*) FROM fraud_events WHERE kind = 'worker'}), '4', 'and says it has started');

# ---- rows of events stay

$node->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; GRANT ALL ON fraud_events TO keeper; GRANT EXECUTE ON FUNCTION fraud_events_purge(timestamptz) TO keeper');
for my $sql (
	q{UPDATE fraud_events SET who = 'nobody'}, 'DELETE FROM fraud_events', 'TRUNCATE fraud_events',
	'SET session_replication_role = replica; DELETE FROM fraud_events')
{
	($ret, $out, $err) = $node->psql('postgres', $sql);
	like($err, qr/ERROR:  rows of fraud_events cannot be updated or deleted/, "refused: $sql");
}
($ret, $out, $err) = $node->psql('postgres', q{SELECT fraud_events_purge(now())}, extra_params => [ '-U', 'keeper' ]);
like($err, qr/must be owner of table fraud_events/, 'only the owner purges');
is($node->safe_psql('postgres', q{SELECT fraud_events_purge('infinity')}), '4', 'fraud_events_purge()');
is($node->safe_psql('postgres', q{SELECT kind, subject, who, node, message, cause FROM fraud_events}) =~ s/alpha.*//sr,
	'events|purge|' . $node->safe_psql('postgres', 'SELECT session_user') . '|', 'leaves a row about it');
is($node->safe_psql('postgres', q{SELECT fraud_events_purge('2026-01-01Z')}), '0', 'removing nothing leaves none');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fraud_events'), '1', 'of it');

# ---- a dump comes back, with deltas that wait, while the worker is there

$node->safe_psql('postgres', 'CREATE ROLE still SUPERUSER');
set_conf('fraud_fallback.worker_role', 'still');
$node->wait_for_log(qr/role "still" is a superuser/);
$node->safe_psql('postgres', 'SELECT pay(161, 200)');
$node->safe_psql('postgres', q{SELECT fraud_learn(jsonb_build_object('txn_id', 'l', 'customer_id', 'learned', 'occurred_at', '2026-01-01T00:00:00Z'))});
my %asked = (
	'events' => 'SELECT * FROM fraud_events ORDER BY at LIMIT 1',
	'histories' => q{SELECT count(*), md5(string_agg(entity || key || fraud_profile_of(entity, key)::text, ',' ORDER BY entity, key))
		FROM (SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas WHERE slot <> 0) s});
my %was = map { $_ => $node->safe_psql('postgres', $asked{$_}) } keys %asked;
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$node->command_ok([ 'pg_dump', '--no-privileges', '-d', $node->connstr('postgres'), '-f', $dump ], 'pg_dump');
set_conf('fraud_fallback.worker_role', '');
my $restored = new_node('restored', '');
# between the deltas and the histories there is time for a cycle
my $text = slurp_file($dump);
ok($text =~ s/(?=COPY public\.fraud_profiles )/SELECT public.fraud_test_advance('0');\n/, 'deltas come before histories');
open(my $fh, '>', $dump) or die;
print $fh $text;
close $fh;
$restored->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $restored->connstr('postgres'), '-f', $dump ], 'restored');
is($restored->safe_psql('postgres', $asked{$_}), $was{$_}, "the same $_") for (sort keys %asked);
cycle($restored) for 1 .. 2;
is($restored->safe_psql('postgres', $asked{histories}), $was{histories}, 'and after the worker came');
is($restored->safe_psql('postgres', 'SELECT count(*) FROM fraud_profile_deltas WHERE slot <> 0'), '0', 'which folded what the dump brought');
is($restored->safe_psql('postgres', q{SELECT count(*) FROM fraud_events WHERE kind = 'worker'}), '1', 'and adds its own events');

# a dump without a single history: the worker cannot know that none will come
$restored->safe_psql('postgres', q{
CREATE TABLE waiting AS SELECT slot, written, entity, key || 'x' AS key, source, kind, events, state FROM fraud_profiles
	CROSS JOIN LATERAL (VALUES (77::bigint, '1'::xid8, 'i'::"char", 1)) v (slot, written, kind, events) LIMIT 1;
INSERT INTO fraud_profile_deltas SELECT * FROM waiting});
cycle($restored) for 1 .. 2;
is(log_count($restored, qr/has rows from a dump/), 2, 'the worker says that it waits: now, and in the restore');
is($restored->safe_psql('postgres', 'SELECT fraud_fold()'), '1', 'a call folds them');
$restored->stop;

# ---- a standby

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "fraud_fallback.node_name = 'beta'\n");
$standby->start;
cycle($standby);
is(off($standby), 'standby', 'on a standby the worker writes no tables');
is(log_count($standby, qr/LOG:  worker start:/), 1, 'but the log');
is($standby->safe_psql('postgres', q{SELECT string_agg(task, ',' ORDER BY task) FROM fraud_worker WHERE runs > 0}), 'circuits,event log,journal files,probes,tiers', 'tasks without tables run');
$node->safe_psql('postgres', 'SELECT pay(201, 210)');
$node->wait_for_catchup($standby, 'replay');
$node->stop;
$standby->promote;
cycle($standby);
is($standby->safe_psql('postgres', q{SELECT kind, node FROM fraud_events WHERE node = 'beta' AND kind = 'worker'}), 'worker|beta', 'promoted: what happened on the standby is in the table');
is($standby->safe_psql('postgres', 'SELECT waiting FROM fraud_attached'), '0', 'and it folds');

# ---- no database, and a missing one

$standby->safe_psql('postgres', 'CREATE DATABASE other');
$standby->safe_psql('other', 'CREATE EXTENSION fraud_fallback');
$standby->append_conf('postgresql.conf', "fraud_fallback.database = ''\n");
$standby->restart;
cycle($standby);
is(off($standby), 'no database', 'without a database');
is($standby->safe_psql('postgres', q{SELECT DISTINCT database IS NULL FROM fraud_worker}), 't', 'the worker has none');
$standby->safe_psql('postgres', 'DROP DATABASE other');
pass('and is in nobody\'s way');

my $offset = -s $standby->logfile;
$standby->append_conf('postgresql.conf', "fraud_fallback.database = 'missing'\n");
$standby->restart;
cycle($standby);
like(slurp_file($standby->logfile, $offset), qr/FATAL:  database "missing" does not exist/, 'a missing database');
like(slurp_file($standby->logfile, $offset), qr/could not use database "missing", and works without/, 'is told');
is(off($standby), 'no database', 'the worker goes on without');
like(slurp_file($standby->logfile, $offset), qr/worker start: the worker has started without a database/, 'and logs events');

# ---- not in test mode

$standby->append_conf('postgresql.conf', "fraud_fallback.database = 'postgres'\nfraud_fallback.test_mode = off\n");
$standby->restart;
($ret, $out, $err) = $standby->psql('postgres', q{SELECT fraud_test_advance('1s')});
like($err, qr/ERROR:  the server does not run in test mode\nHINT:  Set "fraud_fallback.test_mode"/, 'fraud_test_advance() needs test mode');
$standby->safe_psql('postgres', 'SELECT pay(211, 220)');
ok($standby->poll_query_until('postgres', 'SELECT waiting = 0 FROM fraud_attached'), 'the worker folds by itself');

# ---- the extension leaves while the worker is there

$standby->safe_psql('postgres', 'DROP EXTENSION fraud_fallback CASCADE');
$standby->wait_for_log(qr/finds no extension in database "postgres"/);
$standby->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback');
ok($standby->poll_query_until('postgres', 'SELECT bool_and(tables_off IS NULL) FROM fraud_worker'), 'dropped and created again');
$standby->stop;
done_testing();
