# Circuits of many sessions: permits of sessions that end, results from other
# sessions, many at the same instant; and what a restart, a crash, a full
# table, a full disk and a standby do to them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', "wal_level = replica\nfraud_fallback.max_circuits = 100\n", q(
circuits:
  bulkhead: {max_concurrent: 2}
  steps: {open_for: [30 s, 1 min, 2 min, 5 min]}
  from the file: {mode: forced_open}
), allows_streaming => 1);

sub played
{
	my ($circuit, $line) = @_;
	return sql($node, "SELECT play('$circuit', '$line')");
}

sub session { return $node->background_psql('postgres', on_error_stop => 0); }

# ---- sessions that end

played('holder', 'fail*5 +60s');
my $holder = session();
my $pid = $holder->query_safe('SELECT pg_backend_pid()');
is($holder->query_safe("BEGIN; SELECT play('holder', 'take:a take:b')"), 'a b', 'a session holds two of three permits');
is(played('holder', 'take:c take:d'), 'c refused', 'another has the third');
is(sql($node, "SELECT pid = $pid, held, role = current_user, database FROM circuit_in_flight WHERE circuit = 'holder' ORDER BY held DESC LIMIT 1"), 't|t|t|postgres', 'circuit_in_flight says who');
is(sql($node, q{SELECT count(*) FROM circuit_in_flight f JOIN pg_stat_activity a USING (pid) WHERE circuit = 'holder' AND held AND a.state = 'idle in transaction'}),
	'2', 'and joins with pg_stat_activity');
sql($node, "SELECT pg_terminate_backend($pid)");
gone($node, $pid);
is(played('holder', 'in_flight trials_under_way take:a take:b take:c'), '1 1 a b refused', 'a holder killed inside its transaction frees its permits at once');
eval { $holder->quit };

$holder = session();
$pid = $holder->query_safe('SELECT pg_backend_pid()');
$holder->query_safe("BEGIN; SELECT play('disconnect', 'take:a take:b')");
$holder->quit;
gone($node, $pid);
is(played('disconnect', 'in_flight ignored failures_total'), '0 2 0', 'so does one that disconnects');

$holder = session();
$pid = $holder->query_safe('SELECT pg_backend_pid()');
$holder->query_safe("SELECT play('later', 'take:a')");
is(sql($node, q{SELECT held, overdue FROM circuit_in_flight WHERE circuit = 'later'}), 'f|f', 'after its transaction a permit is not held');
sql($node, "SELECT pg_terminate_backend($pid)");
gone($node, $pid);
is(played('later', '+34s in_flight +1.1s in_flight failures_total'), '1 0 1', 'and stays for its lease, whoever is gone');
eval { $holder->quit };

$holder = session();
$holder->query_safe("BEGIN; SELECT play('patient', 'take:a')");
is(played('patient', '+10min in_flight failures_total'), '1 1', 'one that is held stays, and is a timeout');
is($holder->query_safe("SELECT play('patient', 'ok:a in_flight'); COMMIT"), 'late 0', 'until its transaction ends it');
$holder->quit;

# ---- other sessions finish it

my $ticket = sql($node, q{SELECT circuit_acquire('pool')});
is(sql($node, "SELECT circuit_failure($ticket, 'timeout'); SELECT play('pool', 'failures in_flight')"), "counted\n1 0", 'a ticket finished from another session counts');
is(sql($node, "SELECT circuit_success($ticket)"), 'already_finished', 'once');
my $pool = session();
$ticket = $pool->query_safe("BEGIN; SELECT circuit_acquire('pool')");
is(sql($node, "SELECT circuit_success($ticket)"), 'counted', 'while it is held, too');
is($pool->query_safe("SELECT circuit_success($ticket); COMMIT"), 'already_finished', 'which its holder sees');
$pool->quit;
sql($node, q{CREATE ROLE cashier LOGIN; GRANT EXECUTE ON FUNCTION circuit_success, circuit_failure TO cashier});
$ticket = sql($node, q{SELECT circuit_acquire('pool')});
is(run_as($node, 'cashier', "SELECT circuit_success($ticket)"), 'counted', 'by any role with the right to');

# ---- the caller's transaction

is(sql($node, q{BEGIN; SELECT play('rolled back', 'fail*5'); ROLLBACK; SELECT circuit_state('rolled back')}), "\nOPEN", 'ROLLBACK keeps the failures');
is(sql($node, q{BEGIN; SAVEPOINT s; SELECT play('savepoint', 'fail*5'); ROLLBACK TO s; SELECT circuit_state('savepoint'); COMMIT}), "\nOPEN", 'and so does a savepoint');
is(sql($node, q{BEGIN READ ONLY; SELECT play('read only', 'fail*5 state'); COMMIT}), 'OPEN', 'a transaction that reads only may fail');
my ($ret, $out, $err) = $node->psql('postgres', q{
SELECT circuit_acquire('timed out') AS ticket \gset
BEGIN;
SELECT circuit_acquire('timed out') AS inner \gset
SET statement_timeout = '20 ms';
SELECT pg_sleep(30);
SELECT circuit_success(:inner);
ROLLBACK;
SELECT circuit_success(:ticket), circuit_success(:inner);
SELECT play('timed out', 'successes in_flight');
}, on_error_stop => 0);
is($out, "counted|counted\n2 0", 'statement_timeout between acquire and success');
like($err, qr/statement timeout.*current transaction is aborted/s, 'after which nothing can be reported until ROLLBACK');

# ---- many at the same instant

sql($node, 'CREATE TABLE got (what text)');
played('crowd', 'fail*5 +60s');
my $crowd = crowd_start($node, 32, q{SELECT pg_advisory_lock_shared(42);
INSERT INTO got SELECT CASE WHEN circuit_acquire('crowd') IS NULL THEN circuit_refusal() ELSE 'admitted' END;
});
crowd_go($crowd);
ok(crowd_end($crowd), '32 sessions at the same instant');
is(sql($node, 'SELECT what, count(*) FROM got GROUP BY 1 ORDER BY 1'), "admitted|3\ncircuit crowd is half-open and all its trials are under way|29", 'exactly 3 are admitted');
is(played('crowd', 'generation state'), '3 HALF_OPEN', 'in one change of state');

played('together', 'fail*4');
sql($node, 'TRUNCATE got');
$crowd = crowd_start($node, 8, q{SELECT circuit_acquire('together') AS ticket \gset
SELECT pg_advisory_lock_shared(42);
INSERT INTO got SELECT circuit_failure(:ticket, 'timeout');
});
crowd_go($crowd);
ok(crowd_end($crowd), '8 sessions report the 5th failure');
is(sql($node, 'SELECT what, count(*) FROM got GROUP BY 1 ORDER BY 1'), "counted|1\nlate|7", 'one of them is it');
cycle($node);
is(played('together', 'generation state trips_hour late in_flight'), '2 OPEN 1 7 0', 'one transition');
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE subject = 'together'}), '1', 'one event in fraud_events');
is(log_count($node, qr/LOG:  circuit together: CLOSED -> OPEN/), 1, 'and one in the log');

sql($node, q{
SELECT circuit_state(c) FROM (VALUES ('metrics'), ('rates')) v (c) WHERE circuit_acquire(c) IS NULL;
SELECT circuit_metrics_only('metrics', 'counting', NULL);
CREATE FUNCTION report(circuit text, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n / 10 LOOP
		PERFORM circuit_success(circuit_acquire(circuit)) FROM generate_series(1, 4);
		PERFORM circuit_failure(circuit_acquire(circuit), '500');
		PERFORM circuit_ignore(circuit_acquire(circuit));
		PERFORM circuit_allow(circuit), circuit_report(circuit);
		PERFORM circuit_report(circuit), circuit_report(circuit, http_status => 200);
		PERFORM circuit_report(circuit, 'timeout');
	END LOOP;
END $$;
});
sub counted { return played($_[0], 'admitted successes failures_total ignored late refused in_flight'); }
my $before = counted('metrics');
$crowd = crowd_start($node, 10, "SELECT pg_advisory_lock_shared(42);\nSELECT report('metrics', 10000);\n");
crowd_go($crowd);
ok(crowd_end($crowd), '10 sessions with 10,000 reports each');
is($before, '1 0 0 0 0 0 1', 'before');
is(counted('metrics'), '70001 70000 20000 10000 0 0 1', 'count exactly');
cycle($node);
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE subject = 'metrics' AND message ~ 'would have opened'}), '1', 'metrics-only records "would have opened" once');

# ---- a bulkhead that changes

is(sql($node, q{SELECT play('bulkhead', 'take:a take:b take:c')}), 'a b refused', 'max_concurrent 2');
service($node, "circuits: {bulkhead: {max_concurrent: 5}, steps: {open_for: [30 s, 1 min, 2 min, 5 min]}, from the file: {mode: forced_open}}\n");
my $tickets = sql($node, q{SELECT play('bulkhead', 'take:d take:e take:f take:g'); SELECT current_setting('play.tickets')});
like($tickets, qr/^d e f refused\n/, 'grows to 5');
$tickets =~ s/^.*\n//;
service($node, "circuits: {bulkhead: {max_concurrent: 3}, steps: {open_for: [30 s, 1 min, 2 min, 5 min]}, from the file: {mode: forced_open}}\n");
is(sql($node, "SET play.tickets = '$tickets'; SELECT play('bulkhead', 'ok in_flight ok:d ok in_flight ok:e ok in_flight ok:f ok in_flight')"),
	'refused 5 counted refused 4 counted refused 3 counted 2', 'shrunk below what is in flight it refuses until that has ended');

# ---- restart: the clock of tests begins anew, so what was forced with the
# clock 40 minutes back has 40 minutes less

$node->restart;
sql($node, q{SELECT fraud_test_advance('-40 min')});
sql($node, q{
SELECT play(c, 'ok') FROM (VALUES ('forced open'), ('forced closed'), ('forced metrics'), ('forced without end'), ('forced, over'), ('forced, then reset')) v (c);
SELECT circuit_force_open('forced open', 'Wartung für Müller', '1 hour');
SELECT circuit_force_closed('forced closed', 'we know better', '2 hours');
SELECT circuit_metrics_only('forced metrics', 'looking', '1 hour');
SELECT circuit_force_open('forced without end', 'until further notice', NULL);
SELECT circuit_force_open('forced, over', 'short', '10 min');
SELECT circuit_force_open('forced, then reset', 'short', '10 min');
SELECT circuit_reset('forced, then reset');
SELECT play('forced over open', 'fail*5');
SELECT circuit_force_open('forced over open', 'and it was open', '1 hour')});
played('closed again', 'fail*5 reset');
played('healed', 'fail*5 +60s ok*3');
played('was open', 'fail*5 +40s ok');
played('had four', 'fail*4');
played('was half open', 'fail*5 +60s ok');
played('was tripped', 'ok trip');
played('was at step 3', 'ok');
played('steps', 'fail*5 +30s fail +60s fail');
$ticket = sql($node, q{SELECT circuit_acquire('had four')});
cycle($node);
$node->restart;

is(sql($node, "SELECT circuit_success($ticket)"), 'unknown', 'restart: tickets of before are unknown');
is(sql($node, q{SELECT circuit_retry_after('was open') BETWEEN '50 s' AND '60 s', play('was open', 'state failures ok +50s ok +10s state probe_due ok state')}),
	't|OPEN 0 refused refused OPEN true HALF_OPEN', 'an OPEN circuit comes back OPEN with a full wait');
is(sql($node, q{SELECT circuit_state('was tripped')}), 'OPEN', 'one that was tripped too');
is(sql($node, q{SELECT circuit_state('was half open')}), 'OPEN', 'and one that was HALF_OPEN, as nothing has shown that the service is well');
is(sql($node, q{SELECT circuit_retry_after('steps') BETWEEN '50 s' AND '60 s', play('steps', 'state')}), 't|OPEN', 'with the wait of its step');
is(sql($node, q{SELECT string_agg(name, ', ') FROM circuit_breakers WHERE name IN ('had four', 'healed', 'closed again', 'forced, then reset')}), '', 'what was CLOSED begins anew');
is(played('had four', 'fail state failures'), 'CLOSED 1', 'failure windows are lost');
is(sql($node, q{SELECT state, forced_by = session_user, forced_reason, retry_after BETWEEN '18 min' AND '19 min 1 s', retry_after IS NULL FROM circuit_breakers WHERE name IN ('forced open', 'forced without end') ORDER BY name}),
	"FORCED_OPEN|t|Wartung für Müller|t|f\nFORCED_OPEN|t|until further notice||t", 'forced modes come back with their rest, who and why');
is(sql($node, q{SELECT string_agg(concat_ws(' ', name, state), ', ' ORDER BY name) FROM circuit_breakers WHERE name ~ '^forced (closed|metrics)'}),
	'forced closed FORCED_CLOSED, forced metrics METRICS_ONLY', 'whichever mode');
is(played('forced, over', 'state ok'), 'CLOSED', 'one whose time is over does not');
is(played('forced over open', 'state +20min state ok state'), 'FORCED_OPEN OPEN HALF_OPEN', 'then what was OPEN before is OPEN');
is(sql($node, q{SELECT circuit_state('from the file')}), 'FORCED_OPEN', 'and a mode of the file is there');

# ---- kill -9 right after the call

my @left;
sub crash
{
	my ($line) = @_;
	my $victim = session();
	my $offset = -s $node->logfile;
	push @left, $victim;
	$pid = $victim->query_safe('SELECT pg_backend_pid()');
	$victim->query_safe($line);
	kill 'KILL', $pid or die;
	return comes_back($node, $offset);
}
ok(crash(q{SELECT play('struck', 'fail*5')}), 'kill -9 right after the 5th failure');
is(sql($node, q{SELECT circuit_retry_after('struck') > '50 s', play('struck', 'state failures generation in_flight admitted')}), 't|OPEN 0 2 0 0', 'the circuit is OPEN, with a full wait');
ok(crash(q{SELECT play('forced', 'ok open:1h')}), 'kill -9 right after circuit_force_open()');
is(sql($node, q{SELECT state, forced_reason, retry_after > '59 min' FROM circuit_breakers WHERE name = 'forced'}), 'FORCED_OPEN|test|t', 'it is forced open for the rest');
ok(crash(q{SELECT play('forced', 'reset')}), 'kill -9 right after circuit_reset()');
is(sql($node, q{SELECT count(*) FROM circuit_breakers WHERE name = 'forced'}), '0', 'it stays reset');
ok(crash(q{BEGIN; SELECT play('struck', 'fail*5'); SELECT play('uncommitted', 'fail*5')}), 'kill -9 inside the transaction');
is(played('uncommitted', 'state'), 'OPEN', 'it is OPEN all the same');
is(sql($node, q{SELECT circuit_state('struck')}), 'OPEN', 'and what was OPEN twice before is still');

# ---- a state file that cannot be written, or read

my $directory = $node->data_dir . '/fraud_fallback';
chmod 0500, $directory or die;
my $offset = -s $node->logfile;
is(played('no disk', 'fail*5 state'), 'OPEN', 'a circuit opens, though its state cannot be written');
$node->wait_for_log(qr/could not write file "fraud_fallback\/circuits\.state\.\d+\.tmp": Permission denied/, $offset);
pass('which the log says');
chmod 0700, $directory or die;
cycle($node);
$node->stop('immediate');
$node->start;
is(played('no disk', 'state'), 'OPEN', 'it is written when that can be done');

$node->stop;
ok(-s "$directory/circuits.state", 'the file is there');
my $bytes = slurp_file("$directory/circuits.state");
substr($bytes, length($bytes) / 2, 1) ^= "\x01";
open(my $fh, '>:raw', "$directory/circuits.state") or die;
print $fh $bytes;
close $fh;
append_to_file("$directory/circuits.state.1.tmp", 'left behind');
$offset = -s $node->logfile;
$node->start;
is(log_count($node, qr/saved state "fraud_fallback\/circuits\.state" is damaged/, $offset), 1, 'a damaged file is told');
ok(-e "$directory/circuits.damaged" && !-e "$directory/circuits.state.1.tmp", 'and set aside');
is(sql($node, q{SELECT string_agg(name, ', ') FROM circuit_breakers WHERE state <> 'CLOSED'}), 'from the file', 'the server starts without');
is(played('no disk', 'fail*5 state'), 'OPEN', 'and circuits work');
for my $what ('', substr($bytes, 0, 40), 'x' x 100_000)
{
	$node->stop;
	open($fh, '>:raw', "$directory/circuits.state") or die;
	print $fh $what;
	close $fh;
	$node->start;
	is(played('any', 'ok state'), 'CLOSED', 'a file of ' . length($what) . ' wrong bytes does not keep the server from starting');
}

# ---- a standby

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "fraud_fallback.node_name = 'standby'\n");
$standby->start;
is(sql($standby, q{SELECT pg_is_in_recovery(), play('on standby', 'ok fail*5 state ok'), play('on standby', '+60s take:a ok*2 ok:a state')}),
	't|OPEN refused|a counted CLOSED', 'a standby has circuits of its own');
is(sql($standby, q{SELECT play('on standby', 'trip'); SELECT play('forced on standby', 'ok open:1h'); SELECT state FROM circuit_breakers WHERE name = 'on standby'}), "\n\nOPEN", 'by hand, too');
like(sql($standby, q{SELECT circuit_explain('on standby')}), qr/^Circuit on standby is OPEN since .*tripped by hand/, 'and shows them');
cycle($standby);
is(log_count($standby, qr/LOG:  circuit on standby: /), 4, 'its events go to its log');
$standby->restart;
is(sql($standby, q{SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM circuit_breakers WHERE name ~ 'standby'}),
	'forced on standby FORCED_OPEN, on standby OPEN', 'and they outlive its restart');
is(sql($node, q{SELECT count(*) FROM circuit_breakers WHERE name ~ 'standby'}), '0', 'the primary knows nothing of it');
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE subject ~ 'standby'}), '0', 'nor does the table');
$node->stop;
$standby->promote;
is(sql($standby, q{SELECT circuit_state('on standby')}), 'OPEN', 'promotion changes nothing');
cycle($standby);
$standby->stop;

# ---- tables that are full

my $small = new_node('small', "fraud_fallback.max_circuits = 2\nmax_connections = 5\nmax_wal_senders = 0\n", "circuits: {first: {}}\n");
is(sql($small, q{SELECT play('second', 'ok'), circuit_acquire('third'), circuit_refusal(), circuit_allow('fourth')}),
	'||there is no room for circuit third: fraud_fallback.max_circuits is 2|f', 'registry full: refused, with the reason');
sql($small, 'CREATE FUNCTION noop(jsonb) RETURNS jsonb LANGUAGE sql RETURN $1');
is(sql($small, q{SELECT circuit_call('third', 'noop(jsonb)', '{}') IS NULL}), 't', 'by circuit_call(), too');
is(sql($small, q{SELECT circuits, max_circuits, refused_circuits FROM circuit_capacity()}), '2|2|3', 'counted in circuit_capacity()');
cycle($small);
is(sql($small, q{SELECT subject, message, cause ->> 'reason' FROM fraud_events WHERE kind = 'circuit'}),
	'third|no room for it: fraud_fallback.max_circuits is 2; its calls are refused|max_circuits', 'said in one event');
like(run_as($small, undef, q{SELECT circuit_state('third')}), qr/^ERROR:  42704: there is no circuit "third"/, 'it is not there');
is(sql($small, q{SELECT play('first', 'ok state'), play('second', 'ok state')}), 'CLOSED|CLOSED', 'the others work');

my $slots = sql($small, q{SELECT max_in_flight FROM circuit_capacity()});
is(sql($small, "SELECT count(circuit_acquire('first')) FROM generate_series(1, $slots + 10)"), $slots, 'calls in flight full: refused');
is(sql($small, q{SELECT circuit_acquire('second'), circuit_refusal() ~ 'there is no room for another call in flight', play('second', 'refused in_flight')}), '|t|1 0', 'with the reason, in any circuit');
is(sql($small, 'SELECT in_flight, refused_in_flight FROM circuit_capacity()'), "$slots|11", 'counted');
cycle($small);
is(sql($small, q{SELECT subject, message FROM fraud_events WHERE cause ->> 'reason' = 'max_in_flight'}),
	"first|no room for another call in flight: $slots are; calls of all circuits are refused", 'said in one event');
is(sql($small, q{SELECT play('second', '+35.1s'); SELECT in_flight FROM circuit_capacity(); SELECT play('second', 'ok state')}), "\n0\nCLOSED", 'when leases are over there is room again');
is(block($small, "BEGIN PERFORM play('second', 'trip'), play('first', 'reset'); PERFORM circuit_acquire('first') FROM generate_series(1, $slots);
	RETURN concat_ws(' ', play('second', '+60s ok*5 state trials_under_way'), circuit_refusal() ~ 'no room'); END"),
	'refused refused refused refused refused HALF_OPEN 0 t', 'a trial without room gives its permit back');
$small->stop;
done_testing();
