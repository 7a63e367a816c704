# Real dependencies: lighttpd as the ML service and as the search service, Redis
# as the cache. They are killed, started again, made to hang and go on; the tier
# follows within one interval of the probe and its timeout. Here time is real,
# but for what recovery waits.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Ml;
use PostgreSQL::Test::Utils;
use Services;
use Test::More;
use Time::HiRes qw(sleep time);

# Seconds: as configured below, and what a busy machine may add. Without load
# it adds some hundredths.
my ($interval, $timeout) = (1, 0.3);
my $slack = 0.45;

my $green = '{"cluster_name":"search","status":"green","number_of_nodes":1}';
my $ml = Services->http(name => 'ml', health => 'fine');
my $cache = Services->redis(name => 'cache');
my $search = Services->http(name => 'search', '_cluster/health' => $green);
my %service = (ml => $ml, cache => $cache, search => $search);

# A server of one's own that answers PING so many seconds later.
sub late_server
{
	my ($delay) = @_;
	my $socket = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "could not listen: $!";
	my $parent = $$;
	my $pid = fork() // die "could not fork: $!";
	return ($pid, $socket->sockport) if $pid;
	while (getppid() == $parent)
	{
		my $ready = '';
		vec($ready, fileno($socket), 1) = 1;
		next if select($ready, undef, undef, 1) < 1;
		my $client = $socket->accept or next;
		sysread($client, my $got, 100);
		sleep($delay);
		syswrite($client, "+PONG\r\n");
	}
	POSIX::_exit(0);
}
my ($late, $late_port) = late_server(0.15);
END { my $status = $?; if ($late) { kill('KILL', $late); waitpid($late, 0); } $? = $status; }

my $ping = 'send: "PING\r\n", expect: +PONG';
my %send = (
	ml => 'send: "GET /health HTTP/1.0\r\n\r\n", expect: " 200 "',
	cache => $ping,
	search => q(send: "GET /_cluster/health HTTP/1.0\r\n\r\n", expect: '"status":"green"'));

# service.yaml, with dependencies that are more or different
sub yaml
{
	my %all = (map({ $_ => "{kind: tcp, host: 127.0.0.1, port: " . $service{$_}->port . ", $send{$_}}" } keys %service), @_);
	return "dependencies:\n  template: {interval: 1 s, timeout: 300 ms}\n" . join('', map { "  $_: $all{$_}\n" } sort keys %all) .
		"tiers: {recover_after: {minimal: 5 min, degraded: 5 min, full: 5 min}}\n";
}
my $node = new_node('main', '', yaml());

# Waits until a condition on d, a dependency, and t, the tier, holds. When that
# was, and what was to be seen then.
sql($node, q{
CREATE FUNCTION see(dependency text, condition text, OUT at float8, OUT seen text) LANGUAGE plpgsql AS $$
DECLARE
	holds boolean;
BEGIN
	FOR i IN 1 .. 2000 LOOP
		EXECUTE 'SELECT ' || condition || $q$, concat_ws('|', fraud_tier(), d.health, left(d.recent, 3), d.last_error, t.reason)
			FROM fraud_tier_status t, fraud_dependencies d WHERE d.name = $1$q$ INTO holds, seen USING dependency;
		at := extract(epoch FROM clock_timestamp());
		IF holds THEN RETURN; END IF;
		PERFORM pg_sleep(0.005);
	END LOOP;
	at := 'infinity';
END $$;
});

sub wait_until
{
	my ($name, $condition) = @_;
	return split(/\|/, sql($node, qq{SELECT * FROM see('$name', \$c\$$condition\$c\$)}), 2);
}

# Does it, and sees that the condition holds so many seconds later at most.
# Returns what was to be seen.
my %took;
sub follows
{
	my ($what, $name, $condition, $bound, $do) = @_;
	my $start = time;
	$do->();
	my ($at, $seen) = wait_until($name, $condition);
	my $took = $at - $start;
	push @{ $took{ $what =~ s/^\S+ //r } }, $took;
	cmp_ok($took, '<=', $bound + $slack, sprintf('%s: followed within %.1f s', $what, $bound)) or diag($seen);
	return $seen;
}

sub advance { my ($by) = @_; sql($node, "SELECT fraud_test_advance('$by')"); }
sub tier { return sql($node, 'SELECT fraud_tier()'); }
sub reason { return sql($node, 'SELECT reason FROM fraud_tier_status'); }
sub dependency { my ($name, $columns) = @_; return sql($node, "SELECT $columns FROM fraud_dependencies WHERE name = '$name'"); }

# the time that recovery waits, with the probes due at its end
sub recover
{
	advance('5 min');
	advance('1 s') for 1 .. 2;
}

# ---- each of them dies, comes back, hangs, goes on

recover();
is(sql($node, q{SELECT name, health FROM fraud_dependencies ORDER BY name}), "cache|HEALTHY\ndatabase|HEALTHY\nml|HEALTHY\nsearch|HEALTHY", 'all are well');
is(tier() . reason(), '1all is well', 'tier 1');

my %says = (ml => 'ML offline', cache => 'cache offline, which has no effect on the tier', search => 'search offline, which has no effect on the tier');
for my $name ('ml', 'cache', 'search')
{
	my $wanted = $name eq 'ml' ? 2 : 1;
	my $down = "d.health = 'UNHEALTHY' AND t.tier = $wanted AND t.reason = '$says{$name}'";
	my $service = $service{$name};

	like(follows("$name killed", $name, $down, $interval + $timeout, sub { $service->kill9 }),
		qr/connect: connection refused/, "$name killed: found as what it is");
	like(follows("$name started again", $name, "d.health = 'HEALTHY'", 2 * $interval, sub { $service->start }),
		qr/^$wanted\|HEALTHY\|\+\+-/, "$name started again: well after two good answers");
	like(follows("$name hanging", $name, $down, $interval + $timeout, sub { $service->stop }),
		qr/timeout, no answer/, "$name hanging: found by the timeout");
	like(follows("$name going on", $name, "d.health = 'HEALTHY'", 2 * $interval + $timeout, sub { $service->cont }),
		qr/^$wanted\|HEALTHY\|\+\+-/, "$name going on: well after two good answers");
	next if $name ne 'ml';
	like(sql($node, 'SELECT next FROM fraud_tier_status'), qr/^Tier 1 in (5 min|4 min 5\d s) unless something fails before$/, 'ML is back, tier 1 waits');
	advance('4 min 50 s');
	is(tier(), '2', 'as long as it has to');
	advance('10 s') for 1 .. 2;
	is(tier() . reason(), '1all is well', 'and comes');
}
is(tier() . reason(), '1all is well', 'all are well again');
is(sql($node, q{SELECT string_agg(message, E'\n' ORDER BY at) FROM fraud_events WHERE kind = 'tier'}),
	"Degraded to Tier 2 - ML offline; Tier 1 after 5 min of continuous health\nRecovered to Tier 1 - ML is back", 'cache and search have never moved the tier');

# ---- they run and answer, but not as they should

like(follows('ml answering 503', 'ml', "d.health = 'UNHEALTHY' AND t.tier = 2", $interval + $timeout, sub { $ml->remove('health') }),
	qr{not the expected answer: "HTTP/1.[01] 503 Service Unavailable}, 'ml answering 503: said');
$ml->put('health', 'fine');
like(follows('search yellow', 'search', "d.health = 'UNHEALTHY'", $interval + $timeout, sub { $search->put('_cluster/health', $green =~ s/green/yellow/r) }),
	qr{ML offline; search offline, which has no effect on the tier}, 'search not being green: said beside ML');
$search->put('_cluster/health', $green);
like(follows('cache wanting a password', 'cache', "d.health = 'UNHEALTHY' AND d.last_error ~ 'NOAUTH'", $interval + $timeout, sub { $cache->restart(password => 'secret') }),
	qr/not the expected answer: "-NOAUTH Authentication required/, 'cache wanting a password: said');
$cache->restart;
advance('1 s') for 1 .. 2;
recover();
is(tier() . reason(), '1all is well', 'all are well again');

# ---- slow, but not too slow

sub settings
{
	service($node, yaml(@_));
	advance('0');
}

settings(gateway => "{kind: tcp, host: 127.0.0.1, port: $late_port, $ping}");
my $seen = follows('gateway slow', 'gateway', "d.health = 'DEGRADED'", 2 * $interval + $timeout, sub { });
like($seen, qr/^1\|DEGRADED\|~~/, 'two answers after 150 ms are DEGRADED');
is(dependency('gateway', q{latency BETWEEN '150 ms' AND '290 ms'}), 't', 'and the latency is what it was') or diag(dependency('gateway', 'latency'));
settings();

# ---- all of them at once: nobody waits for another

my $unhealthy = q{(SELECT string_agg(name, ' ' ORDER BY name) FROM fraud_dependencies WHERE health = 'UNHEALTHY')};
like(follows('all hanging', 'ml', "t.tier = 2 AND $unhealthy = 'cache ml search'", $interval + $timeout, sub { $_->stop for values %service }),
	qr/\|ML offline; cache offline, which has no effect on the tier; search offline, /, 'all hanging: all are said');
is(dependency('database', 'health'), 'HEALTHY', 'the database is well');

# so often a probe comes: each has its interval, whatever the others do
sub keeps_pace
{
	my ($what, $name) = @_;
	my $wanted = dependency($name, 'samples') + 1;
	my ($first) = wait_until($name, "d.samples >= $wanted");
	my ($last) = wait_until($name, "d.samples >= $wanted + 3");
	push @{ $took{"3 intervals of $name"} }, $last - $first;
	cmp_ok($last - $first, '<=', 3 * $interval + $slack, "$what: $name is probed every second");
}
keeps_pace('all hanging', 'database');
$ml->cont;
keeps_pace('two hanging', 'ml');
$_->cont for $cache, $search;

# one whose timeout is as long as its interval hangs all the time
$cache->stop;
settings(cache => "{kind: tcp, host: 127.0.0.1, port: @{[ $cache->port ]}, timeout: 1 s, $ping}");
wait_until('cache', "d.health = 'UNHEALTHY'");
keeps_pace('one hanging all the time', 'database');
follows('ml killed beside that', 'ml', "d.health = 'UNHEALTHY' AND t.tier = 2", $interval + $timeout, sub { $ml->kill9 });
$ml->start;
$cache->cont;
settings();
advance('1 s') for 1 .. 2;
recover();
is(tier() . reason(), '1all is well', 'all are well again');

# ---- the database hangs: a query that sleeps, one that waits for a lock

sql($node, q{
CREATE ROLE prober;
CREATE TABLE state (nap float8);
INSERT INTO state VALUES (0);
GRANT SELECT ON state TO prober;
CREATE FUNCTION ping() RETURNS boolean LANGUAGE sql SET search_path = public, pg_catalog AS $$ SELECT pg_sleep(nap) IS NOT NULL FROM state $$});
$node->append_conf('postgresql.conf', "fraud_fallback.worker_role = 'prober'");
$node->reload;
settings(database => '{query: SELECT public.ping()}');
wait_until('database', "d.not_probed IS NULL AND d.health = 'HEALTHY'");
my $off = "d.health = 'UNHEALTHY' AND t.tier = 4 AND t.reason = 'database offline'";
like(follows('database hanging', 'database', $off, $interval + $timeout, sub { sql($node, 'UPDATE state SET nap = 60') }),
	qr/^4\|UNHEALTHY\|-\S*\|timeout\|/, 'a query that sleeps: tier 4 by the timeout');
follows('cache killed beside that', 'cache', "d.health = 'UNHEALTHY'", $interval + 2 * $timeout, sub { $cache->kill9 });
$cache->start;
follows('database going on', 'database', "d.health = 'HEALTHY'", 2 * $interval + $timeout, sub { sql($node, 'UPDATE state SET nap = 0') });
my $locker = $node->background_psql('postgres');
follows('database locked', 'database', $off, $interval + $timeout, sub { $locker->query_safe('BEGIN; LOCK TABLE state') });
follows('database unlocked', 'database', "d.health = 'HEALTHY'", 2 * $interval + $timeout, sub { $locker->query_safe('COMMIT') });
$locker->quit;
is(tier(), '4', 'tier 4 waits');
recover() for 1 .. 3;
is(tier() . reason(), '1all is well', 'and one tier at a time all are well again');

# ---- the stand-in for an ML service that other tests use

my $model = Ml->new('model');
my $asks = sub { my ($status, $body, $latency, $error) = post_json($model->port, '/score', '{"amount": 10}', 0.4); return ($error // $status, $body, $latency); };
my $say = sub { return join ' ', map { ($asks->())[0] } 1 .. $_[0]; };
is(($asks->())[1], $Ml::good, 'the stand-in answers');
$model->mode('fail', after => 3);
is($say->(5), '200 200 200 503 503', 'and fails after three');
is($model->requests, 6, 'it counts');
$model->mode('ok', answer => '{"risk_score": 97}');
is(($asks->())[1], '{"risk_score": 97}', 'it answers what it is told');
$model->mode('slow', ms => 150);
my ($status, undef, $latency) = $asks->();
ok($status == 200 && $latency >= 0.15, 'slowly');
$model->mode('hang');
is($say->(1), 'timeout', 'not at all');
$model->mode('close');
is($say->(1), 'connection', 'with the end of the connection');
$model->mode('garbage');
unlike(($asks->())[1], qr/^\{/, 'nonsense');
$model->mode('limit', retry_after => 3);
is(join(' ', map { ref $_ ? $_->{'retry-after'} : $_ // '' } (post_json($model->port, '/score', '{}', 1))[0, 3, 4]), '429  3', 'and that it is asked too often');
settings(ml => "{kind: tcp, host: 127.0.0.1, port: @{[ $model->port ]}, $send{ml}}");
is(dependency('ml', 'health'), 'HEALTHY', 'its health can be probed');
$model->mode('ok', health => 503);
advance('1 s');
is(dependency('ml', 'health'), 'UNHEALTHY', 'as it says it is');
$model->kill9;
is($say->(1), 'connection', 'it can be killed');
$model->start;
is($say->(1) . $model->requests, '2001', 'and started again');

for my $what (sort keys %took)
{
	my @sorted = sort { $a <=> $b } @{ $took{$what} };
	note(sprintf('%-40s %d times, %.3f to %.3f s', $what, scalar @sorted, $sorted[0], $sorted[-1]));
}
done_testing();
