# Circuits under traffic of 32 sessions while random backends are ended, and
# killed with kill -9. 6 seconds of traffic with 3 kills; FF_LONG=1: 30 seconds.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{FF_LONG} ? 30 : 6;

# "steady" is never left without an end; the others open, close and are full
# all the time, with permits that nobody returns
my $node = new_node('main', "log_statement = none\nlog_disconnections = off\nlog_connections = off\n", q(
circuits:
  steady: {mode: metrics_only}
  flapping: {open_for: [100 ms], window: 1 s, timeout: 200 ms, grace: 100 ms}
  narrow: {max_concurrent: 4, open_for: [100 ms], window: 1 s, timeout: 200 ms, grace: 100 ms}
));
sql($node, q{
SELECT play('open', 'ok trip');
SELECT play('forced', 'ok');
SELECT circuit_force_open('forced', 'through all of it', NULL)});

my $script = PostgreSQL::Test::Utils::tempdir . '/mixed.sql';
append_to_file($script, q{
\set r random(1, 100)
\set c random(1, 3)
\if :c = 1
SELECT circuit_success(circuit_acquire('steady'));
SELECT circuit_failure(circuit_acquire('steady'), 'timeout'), circuit_ignore(circuit_acquire('steady'));
BEGIN;
SELECT coalesce(circuit_acquire('steady'), 0) AS ticket \gset
SELECT circuit_success(:ticket);
ROLLBACK;
\elif :c = 2
\set name random(1, 2)
\if :r <= 60
SELECT circuit_success(circuit_acquire((ARRAY['flapping', 'narrow'])[:name]));
\elif :r <= 70
SELECT circuit_failure(circuit_acquire((ARRAY['flapping', 'narrow'])[:name]), '503');
\elif :r <= 80
SELECT circuit_ignore(circuit_acquire((ARRAY['flapping', 'narrow'])[:name]));
\elif :r <= 85
SELECT circuit_acquire((ARRAY['flapping', 'narrow'])[:name]);
\elif :r <= 95
SELECT circuit_allow('flapping'), circuit_report('flapping');
\else
BEGIN;
SELECT circuit_acquire('narrow'), circuit_acquire('flapping');
COMMIT;
\endif
\else
SELECT count(*) FROM circuit_breakers;
SELECT count(*) FROM circuit_in_flight;
\endif
});

my $others = q{FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()};
my $victims = "SELECT pid $others ORDER BY random() LIMIT 1";

# consistent: what the view says is in flight are the rows there are
my $inconsistent = q{SELECT coalesce(string_agg(b.name || ': ' || to_jsonb(b), '; '), 'nothing')
	FROM circuit_breakers b LEFT JOIN (SELECT circuit, count(*) AS n FROM circuit_in_flight GROUP BY 1) f ON f.circuit = b.name
	WHERE in_flight <> coalesce(n, 0) OR admitted < in_flight OR retry_after < '0' OR trials_under_way > in_flight
		OR (state = 'HALF_OPEN') <> (trials_under_way IS NOT NULL)};

my ($traffic, $out, $err);
sub start_traffic
{
	($out, $err) = ('', '');
	$traffic = IPC::Run::start(
		[ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-c', 32, '-j', 2, '-T', 120, '-f', $script, 'postgres' ],
		'<', \undef, '>', \$out, '2>', \$err);
	return $node->poll_query_until('postgres', q{SELECT coalesce(sum(admitted), 0) > 200 FROM circuit_breakers WHERE name = 'steady'});
}

sub stop_traffic
{
	$traffic->signal('INT');
	eval { $traffic->finish };
	return $node->poll_query_until('postgres', "SELECT count(*) = 0 $others");
}

my ($kills, $ends, $lasted, $round) = (0, 0, 0, 0);
my $calls = 0;
while ($lasted < $seconds || $kills < 3)
{
	$round++;
	start_traffic() or die "no traffic: $err";
	my $began = time;
	my $until = $began + 2 - ($ENV{FF_LONG} ? rand(1.5) : 0);

	# some are ended in order: the others go on
	while (time < $until)
	{
		my $pid = sql($node, $victims);
		sql($node, "SELECT pg_terminate_backend($pid)") if $pid ne '' && $ends++ < 8 * $round;
		sql($node, q{SELECT circuit_trip('flapping', 'by hand')}) if $round % 2;
	}
	$calls += sql($node, 'SELECT sum(admitted + refused) FROM circuit_breakers');

	my $pid = sql($node, $victims);
	my $offset = -s $node->logfile;
	$lasted += time - $began;
	$kills += kill 'KILL', $pid;
	eval { $traffic->finish };
	ok(comes_back($node, $offset), "kill -9 no. $round: the server recovers");
	is(sql($node, q{SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM circuit_breakers WHERE name IN ('open', 'forced', 'steady')}),
		'forced FORCED_OPEN, open OPEN, steady METRICS_ONLY', 'what was open or forced is');
	is(sql($node, $inconsistent), 'nothing', 'views are consistent');
	is(sql($node, 'SELECT sum(in_flight), (SELECT count(*) FROM circuit_in_flight) FROM circuit_breakers'), '0|0', 'no permit outlives it');
}
my $figures = sprintf '%.1f s of traffic, %d kills, %d sessions ended, %d calls', $lasted, $kills, $ends, $calls;
$ENV{FF_LONG} ? diag($figures) : note($figures);

# ---- and once without kill -9, so that what is counted stays

start_traffic();
for (1 .. 10)
{
	my $pid = sql($node, $victims);
	sql($node, "SELECT pg_terminate_backend($pid)") if $pid ne '';
}
ok(stop_traffic(), 'traffic ends');
cycle($node);
is(sql($node, $inconsistent), 'nothing', 'views are consistent after it');
is(sql($node, q{SELECT admitted - successes - failures_total - ignored - late - in_flight FROM circuit_breakers WHERE name = 'steady'}), '0',
	'each call that was admitted has ended in one way, or is in flight');
is(sql($node, q{SELECT count(*) FROM circuit_in_flight WHERE held}), '0', 'nobody holds a permit');
sql($node, q{SELECT fraud_test_advance('200 ms'); SELECT fraud_test_advance('101 ms')});
is(sql($node, q{SELECT count(*) FROM circuit_in_flight WHERE circuit <> 'steady'}), '0', 'no permit is held for longer than timeout and grace');
is(sql($node, q{SELECT play('narrow', 'reset take:a take:b take:c take:d take:e')}), 'a b c d refused', 'and all of a bulkhead are there again');
sql($node, q{SELECT fraud_test_advance('36 s')});
is(sql($node, 'SELECT sum(in_flight), (SELECT count(*) FROM circuit_in_flight), (SELECT in_flight FROM circuit_capacity()) FROM circuit_breakers'), '0|0|0', 'at the end nothing is in flight');
is(sql($node, q{SELECT play('flapping', 'reset fail*5 +100ms take:a take:b take:c take:d')}), 'a b c refused', 'and trials are three');
is(log_count($node, qr/was terminated by signal/), $kills, 'nothing else has crashed');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|is damaged/, 'nor is anything damaged');

$node->stop;
done_testing();
