# Tiers of the service: dependencies and probes, the choice, recovery, overrides,
# maintenance, restarts and crashes, a standby. D1 to D9 are the scenarios of
# degradation: full service, ML off, read-only, database off, maintenance,
# transitions, waiting, no flip-flop, alerts.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $base = "tiers: {recover_after: {minimal: 5 min, degraded: 5 min, full: 5 min}}\n";

sub new_node
{
	my ($name, $conf, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.service_file = 'service.yaml'
restart_after_crash = on
jit = off
$conf));
	write_service($node, $base);
	$node->start;
	return $node;
}

# the file changes as a whole
sub write_service
{
	my ($node, $text) = @_;
	my $file = $node->data_dir . '/service.yaml';
	open(my $fh, '>:raw', "$file.new") or die "could not write $file.new: $!";
	print $fh $text;
	close($fh) or die "could not write $file.new: $!";
	rename("$file.new", $file) or die "could not rename to $file: $!";
}

# everything done at a time so much later
sub advance
{
	my ($node, $by) = @_;
	$node->safe_psql('postgres', "SELECT fraud_test_advance('$by')");
}

sub sql { my ($node, $sql) = @_; return $node->safe_psql('postgres', $sql); }
sub tier { my ($node) = @_; return sql($node, 'SELECT fraud_tier()'); }
sub status { my ($node, $columns) = @_; return sql($node, "SELECT $columns FROM fraud_tier_status"); }
sub dependency { my ($node, $name, $columns) = @_; return sql($node, "SELECT $columns FROM fraud_dependencies WHERE name = '$name'"); }

sub settings
{
	my ($node, $text) = @_;
	write_service($node, $text . $base);
	sql($node, 'SELECT fraud_reload()');
	advance($node, '0');
}

# as long as it takes to recover from anything
sub settle_down { my ($node) = @_; for (1 .. 4) { advance($node, '5 min'); advance($node, '10 s') for 1 .. 3; } }

# the last events of a kind, oldest first
sub events
{
	my ($node, $kind, $n) = @_;
	advance($node, '0');
	return sql($node, qq{SELECT string_agg(concat_ws('|', subject, "from", "to", message), E'\\n' ORDER BY at, n) FROM
		(SELECT *, row_number() OVER (ORDER BY ctid) AS n FROM fraud_events WHERE kind = '$kind' ORDER BY at DESC, ctid DESC LIMIT $n) e});
}

sub refused
{
	my ($node, $sql, $pattern, $name, @params) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql, @params);
	like($err, $pattern, $name // "refused: $sql");
}

# A server of one's own that answers, is silent, answers late or wrong, or hangs up.
my @children;
sub listener
{
	my ($mode, $port) = @_;
	my $socket = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', LocalPort => $port // 0, ReuseAddr => 1, Proto => 'tcp')
		or die "could not listen: $!";
	my $pid = fork() // die "could not fork: $!";
	if ($pid == 0)
	{
		my @open;
		while (my $client = $socket->accept)
		{
			my $got = '';
			if ($mode eq 'dying') { close($client); next; }
			if ($mode eq 'silent') { push @open, $client; next; }
			sysread($client, $got, 100) while $got !~ /\r\n/;
			select(undef, undef, undef, 0.3) if $mode eq 'slow';
			syswrite($client, $mode eq 'wrong' ? "-NOAUTH Authentication required\r\n" : "+PO");
			syswrite($client, "NG\r\n") if $mode ne 'wrong';
			push @open, $client if $mode eq 'wrong';
			close($client) if $mode ne 'wrong';
		}
		POSIX::_exit(0);
	}
	push @children, $pid;
	my $chosen = $socket->sockport;
	close($socket);
	return ($pid, $chosen);
}

sub end_listener
{
	my ($pid) = @_;
	kill('CONT', $pid);
	kill('KILL', $pid);
	waitpid($pid, 0);
	@children = grep { $_ != $pid } @children;
}
END { my $status = $?; end_listener($_) for @children; $? = $status; }

my $node = new_node('main', "fraud_fallback.node_name = 'alpha'\nwal_level = replica\n", allows_streaming => 1);
sql($node, 'CREATE EXTENSION fraud_fallback');
advance($node, '0');

# ---- D1: all is well

is(tier($node), '1', 'D1: tier 1');
is(status($node, 'tier, name, reason, next, recover_at, measured, held, override, maintenance, standby, read_only, transitions_day, ml_trials'),
	'1|FULL|all is well|stays as long as all is well||1|1|||f|f|0|f', 'D1: and says so');
is(sql($node, 'SELECT name, role, kind, configured, health, by_probes, by_traffic, effect FROM fraud_dependencies'),
	"ml|ml||f|NOT_CONFIGURED||UNKNOWN|none\n" .
	"database|database|sql|t|HEALTHY|HEALTHY|UNKNOWN|none\n" .
	"cache|cache||f|NOT_CONFIGURED|||none\n" .
	'search|search||f|NOT_CONFIGURED|||none', 'only the database is probed, and what is not configured has no effect');
my $samples = dependency($node, 'database', 'samples');
advance($node, '0') for 1 .. 3;
is(dependency($node, 'database', 'samples'), $samples, 'not before its time');
advance($node, '10 s');
is(dependency($node, 'database', 'samples'), $samples + 1, 'and then once');

# health for orchestrators
is(sql($node, q{SELECT k, ok, (SELECT string_agg(key || '=' || (value->>'ok'), ',') FROM jsonb_each(detail->'checks')) FROM unnest('{live,ready,startup}'::text[]) k, fraud_health(k)}),
	"live|t|session=true\nready|t|tier=true,policy=true,journal=true,standby_lag=true\nstartup|t|policy=true,histories=true,saved_state=true", 'fraud_health()');
refused($node, q{SELECT fraud_health('alive')}, qr/ERROR:  there is no kind of health "alive"\nHINT:  It is live, ready or startup/);

# ---- D2: ML off, by its circuit; D6, D7: recovery

sql($node, q{SELECT circuit_allow('ml')});
sql($node, q{SELECT circuit_report('ml', 'timeout') FROM generate_series(1, 4)});
advance($node, '0');
is(tier($node), '1', 'D2: four failures are not enough for the circuit');
sql($node, q{SELECT circuit_report('ml', 'timeout') FROM generate_series(1, 5)});
ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 2'), 'D2, D6: the circuit opens, tier 2 without anybody asking');
is(status($node, 'name, reason, ml_trials, transitions_day'), 'DEGRADED|ML offline, its circuit is not closed|t|1', 'D2: with its reason');
is(events($node, 'tier', 1),
	'service|FULL|DEGRADED|Degraded to Tier 2 - ML offline, its circuit is not closed; Tier 1 after 5 min of continuous health', 'D9: an event');
like(slurp_file($node->logfile), qr/LOG:  tier service: Degraded to Tier 2 - ML offline/, 'D9: in the log');
is(dependency($node, 'ml', 'health, by_traffic, circuit, effect'), 'UNHEALTHY|UNHEALTHY|OPEN|Tier 2', 'by real traffic');

sub close_circuit
{
	advance($node, '61 s');
	sql($node, q{SELECT circuit_success(circuit_acquire('ml')) FROM generate_series(1, 3)});
	advance($node, '0');
}
close_circuit();
is(sql($node, q{SELECT circuit_state('ml'), fraud_tier()}), 'CLOSED|2', 'D7: the circuit closes, the tier waits');
like(status($node, 'next'), qr/^Tier 1 in (5 min|4 min 5\d s) unless something fails before$/, 'D7: and says how long');
advance($node, '4 min');
is(tier($node), '2', 'D7: 4 minutes later it still waits');
sql($node, q{SELECT circuit_report('ml', 'timeout')});
advance($node, '0');
advance($node, '4 min');
is(tier($node), '2', 'D7: a failure in between, and it begins anew');
advance($node, '1 min 15 s');
is(tier($node), '1', 'D6, D7: 5 minutes without one, without a probe: tier 1');
is(events($node, 'tier', 1), 'service|DEGRADED|FULL|Recovered to Tier 1 - ML is back', 'D9: an event');
is(status($node, 'transitions_day, time_in_tiers[2] > interval \'9 min\', time_in_tiers[3]'), '2|t|00:00:00', 'time in each tier, transitions');
sql($node, q{SELECT circuit_force_open('ml', 'test')});
ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 2'), 'a circuit forced open is no ML either');
sql($node, q{SELECT circuit_reset('ml')});
advance($node, '5 min 1 s');
is(tier($node), '1', 'back');

# ---- D3: read-only

sub set_conf
{
	my ($node, $name, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'", extra_params => [ '-c', 'SET default_transaction_read_only = off' ]);
	$node->reload;
}

sql($node, 'SET default_transaction_read_only = on; BEGIN READ ONLY; SELECT fraud_test_advance(\'0\'); COMMIT');
is(tier($node), '1', 'a session that is read-only lowers nothing');
$node->append_conf('postgresql.conf', 'default_transaction_read_only = on');
$node->reload;
ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 3'), 'D3: a read-only server: tier 3');
is(status($node, 'name, reason, read_only, ml_trials'), 'MINIMAL|database read-only|t|f', 'D3: with its reason');
is(events($node, 'tier', 1), 'service|FULL|MINIMAL|Degraded to Tier 3 - database read-only; Tier 2 after 5 min of continuous health', 'D9: and an event, which the worker may write');
$node->append_conf('postgresql.conf', 'default_transaction_read_only = off');
$node->reload;
ok($node->poll_query_until('postgres', 'SELECT NOT read_only FROM fraud_tier_status'), 'read-write again');
is(tier($node), '3', 'D7: it waits');
advance($node, '5 min 1 s');
is(tier($node), '2', 'D7: one tier up');
is(status($node, 'reason, ml_trials'), 'recovering one tier at a time|f', 'D7: on the way');
advance($node, '5 min 1 s');
is(tier($node), '1', 'D7: and another');

# ---- D4: the database is off, as a query sees it

sql($node, q{
CREATE ROLE prober;
CREATE SCHEMA app;
CREATE TABLE app.state (mode text);
INSERT INTO app.state VALUES ('well');
CREATE TABLE app.secret (x int);
CREATE FUNCTION app.ping() RETURNS boolean LANGUAGE plpgsql SET search_path = app, pg_catalog AS $$
DECLARE m text := (SELECT mode FROM state);
BEGIN
	PERFORM set_config('application_name', 'mine', false), set_config('search_path', 'app', false);
	IF m = 'error' THEN RAISE EXCEPTION 'the disk is on fire'; END IF;
	IF m = 'sleep' THEN PERFORM pg_sleep(30); END IF;
	IF m = 'write' THEN INSERT INTO state VALUES ('x'); END IF;
	IF m = 'secret' THEN PERFORM FROM secret; END IF;
	IF m = 'role' THEN SET ROLE postgres; END IF;
	RETURN m = 'well';
END $$;
GRANT USAGE ON SCHEMA app TO prober;
GRANT SELECT, INSERT ON app.state TO prober});
sub mode { my ($mode) = @_; sql($node, "UPDATE app.state SET mode = '$mode'"); }

settings($node, "dependencies: {database: {query: SELECT app.ping(), timeout: 300 ms, unhealthy: {after: 250 ms}}}\n");
is(dependency($node, 'database', 'health, by_probes, not_probed, effect'),
	'UNKNOWN|UNKNOWN|the query needs fraud_fallback.worker_role, which is not set|none', 'nobody\'s SQL runs as the superuser');
is(tier($node), '1', 'which has no effect');
$node->append_conf('postgresql.conf', "fraud_fallback.worker_role = 'prober'");
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT fraud_test_advance('10 s'); SELECT health = 'HEALTHY' FROM fraud_dependencies WHERE name = 'database'}, "\nt"),
	'with a role it does');
for my $case (
	[ 'false', qr/^the query answered false$/ ],
	[ 'error', qr/^the disk is on fire$/ ],
	[ 'sleep', qr/^timeout$/ ],
	[ 'write', qr/^cannot execute INSERT in a read-only transaction$/ ],
	[ 'secret', qr/^permission denied for table secret$/ ],
	[ 'role', qr/^cannot set parameter "role" within security-(definer function|restricted operation)$/ ])
{
	my ($mode, $error) = @$case;
	mode($mode);
	advance($node, '10 s');
	like(dependency($node, 'database', 'last_error'), $error, "D4: a query that fails: $mode");
	is(tier($node), '4', 'D4: tier 4 at once');
	mode('well');
	advance($node, '10 s') for 1 .. 2;
	is(dependency($node, 'database', 'health, left(recent, 3)'), 'HEALTHY|++-', 'D4: two good ones heal');
}
is(sql($node, q{SELECT application_name FROM pg_stat_activity WHERE backend_type = 'fraud_fallback worker'}), 'fraud_fallback worker',
	'what a probe has set is gone');
is(status($node, 'name, reason, held, measured'), 'EMERGENCY|recovering from: database offline|4|1', 'D4: the tier waits');
like(events($node, 'tier', 20), qr/^service\|FULL\|EMERGENCY\|Emergency - Tier 4 activated - database offline; Tier 3 after 5 min of continuous health$/m, 'D9: said plainly');
like(events($node, 'dependency', 20), qr/^database\|HEALTHY\|UNHEALTHY\|HEALTHY -> UNHEALTHY by probes: the disk is on fire$/m, 'D9: and what was wrong');
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE kind = 'dependency' AND cause->>'source' = 'probes' AND who = 'worker'}),
	sql($node, q{SELECT count(*) FROM fraud_events WHERE kind = 'dependency' AND subject = 'database'}), 'by whom');
is(sql($node, q{SELECT (ok, detail->'checks'->'tier'->>'says') FROM fraud_health('ready')}), '(t,"Tier 4 EMERGENCY, database offline")', 'tier 4 is ready, decisions are given');
for my $wanted (3, 2, 1)
{
	advance($node, '4 min 30 s');
	advance($node, '10 s') for 1 .. 3;
	is(tier($node), $wanted, "D7: up to tier $wanted");
}

# ---- D8: no flip-flop; push

settings($node, "dependencies: {ml: {kind: push}, gateway: {kind: push}, database: {kind: push}}\n");
is(dependency($node, 'ml', 'health, by_probes, configured'), 'UNKNOWN|UNKNOWN|t', 'a push that never came');
sub report { my ($name, $ok, $latency) = @_; sql($node, "SELECT health_report('$name', $ok" . (defined $latency ? ", '$latency'" : '') . ')'); }
report('ml', 'true', '12 ms');
is(dependency($node, 'ml', 'health, latency, samples, failures, recent, last_probe_at IS NOT NULL'), 'HEALTHY|00:00:00.012|1|0|+|t', 'a report');
report('ml', 'true', '150 ms');
is(dependency($node, 'ml', 'health'), 'HEALTHY', 'one slow one is nothing');
report('ml', 'true', '150 ms');
is(dependency($node, 'ml', 'health, recent, effect') . tier($node), 'DEGRADED|~~+|none1', 'two are DEGRADED, which ML may be');
report('ml', 'true', '3 s');
is(dependency($node, 'ml', 'health, last_error') . tier($node), 'UNHEALTHY|reported, but later than the timeout2', 'too late is no answer: tier 2 when the call returns');
report('gateway', 'false');
is(dependency($node, 'gateway', 'role, health, effect'), 'other|UNHEALTHY|none', 'another dependency has no effect');
is(status($node, 'reason'), 'ML offline; another dependency offline, which has no effect on the tier', 'but is said');
advance($node, '31 s');
is(dependency($node, 'ml', 'health, by_probes'), 'UNKNOWN|STALE', 'a report is stale after three intervals');
is(tier($node), '2', 'the tier waits all the same');
report('ml', 'true');
is(dependency($node, 'ml', 'health'), 'HEALTHY', 'a good one after that is the first again');
advance($node, '5 min 1 s');
is(tier($node), '1', 'and recovers');
my ($worst, $moves) = ('1', status($node, 'transitions_day'));
for my $quarter (1 .. 15)
{
	report('ml', 'false');
	advance($node, '30 s');
	for (1 .. 7)
	{
		report('ml', 'true', '5 ms');
		advance($node, '30 s');
	}
	$worst = '0' if tier($node) ne '2';
}
is($worst, '1', 'D8: one bad sample every 4 minutes for an hour never recovers');
is(status($node, 'transitions_day') - $moves, 1, 'D8: nor does it go back and forth');
report('ml', 'true');
advance($node, '5 min 1 s');
is(tier($node), '1', 'D8: without them it does');
report('database', 'false');
is(tier($node), '4', 'a database that is reported as off');
refused($node, q{SELECT health_report('gatway', true)}, qr/ERROR:  there is no dependency "gatway"\nHINT:  Did you mean "gateway"\?/);
refused($node, q{SELECT health_report('x', true)}, qr/ERROR:  there is no dependency "x"\nHINT:  Dependencies are named in the service file/);
refused($node, q{SELECT health_report('ml', NULL)}, qr/ERROR:  ok must not be NULL/);
refused($node, q{SELECT health_report(NULL, true)}, qr/ERROR:  dependency must not be NULL/);
sql($node, q{BEGIN; SELECT health_report('gateway', true); ROLLBACK});
is(dependency($node, 'gateway', 'samples'), '2', 'a report counts, rolled back or not');

# ---- probes and real traffic: either lowers, it takes both to recover

settings($node, "dependencies: {ml: {kind: push, interval: 1 h}}\ncircuits: {ml: {failures: 100}}\n");
sql($node, q{SELECT tier_override(1, '1 h', 'clean up', true)});
settle_down($node);
advance($node, '4 h');
sql($node, q{SELECT tier_override_clear()});
report('ml', 'true');
is(dependency($node, 'ml', 'health, by_probes, by_traffic, circuit') . tier($node), 'HEALTHY|HEALTHY|UNKNOWN|CLOSED1', 'no calls, nothing known by traffic');
sql($node, q{SELECT circuit_report('ml', CASE WHEN g % 3 = 0 THEN 'success' ELSE 'timeout' END) FROM generate_series(1, 20) g});
advance($node, '0');
is(dependency($node, 'ml', 'health, by_probes, by_traffic, circuit') . tier($node), 'UNHEALTHY|HEALTHY|UNHEALTHY|CLOSED2', 'most of its calls fail: by traffic alone, the circuit still closed');
is(events($node, 'dependency', 1), 'ml|UNKNOWN|UNHEALTHY|UNKNOWN -> UNHEALTHY by real traffic: 14 of 20 calls failed', 'as an event')
	or diag(events($node, 'dependency', 3));
is(status($node, 'ml_trials'), 't', 'ML is asked now and then');
sub calls { my ($good, $bad) = @_; sql($node, "SELECT circuit_report('ml', CASE WHEN g <= $bad THEN 'timeout' ELSE 'success' END) FROM generate_series(1, $good + $bad) g"); advance($node, '0'); }
for my $span (1 .. 2)
{
	calls(200, 1);
	report('ml', 'true');
	advance($node, '1 h');
}
is(dependency($node, 'ml', 'by_traffic') . tier($node), 'HEALTHY1', 'two good spans, and its time: one failure of 201 is nothing');
report('ml', 'false');
is(dependency($node, 'ml', 'health, by_probes, by_traffic') . tier($node), 'UNHEALTHY|UNHEALTHY|HEALTHY2', 'the probe alone lowers, too');
report('ml', 'true') for 1 .. 2;
sql($node, q{SELECT circuit_force_open('ml', 'test')});
advance($node, '6 min');
is(tier($node), '2', 'well by probes, not by traffic: it does not recover');
sql($node, q{SELECT circuit_reset('ml')});
report('ml', 'false');
advance($node, '6 min');
is(tier($node), '2', 'nor the other way round');
report('ml', 'true') for 1 .. 2;
advance($node, '5 min 1 s');
is(tier($node), '1', 'well by both: it does');

# ---- probes over TCP

my ($good, $good_port) = listener('good');
my ($silent, $silent_port) = listener('silent');
my ($slow, $slow_port) = listener('slow');
my ($dying, $dying_port) = listener('dying');
my ($wrong, $wrong_port) = listener('wrong');
my $unused = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp');
my $closed_port = $unused->sockport;
close($unused);
my $ping = 'send: "PING\r\n", expect: +PONG';
settings($node, qq(dependencies:
  template: {timeout: 5 s, degraded: {after: 3 s}, unhealthy: {after: 4 s}}
  ml: {kind: tcp, host: 127.0.0.1, port: $good_port, $ping}
  cache: {kind: tcp, host: localhost, port: $silent_port, timeout: 400 ms, $ping}
  search: {kind: tcp, host: 127.0.0.1, port: $slow_port, degraded: {after: 150 ms}, $ping}
  a: {kind: tcp, host: 127.0.0.1, port: $dying_port, $ping}
  b: {kind: tcp, host: 127.0.0.1, port: $wrong_port, timeout: 400 ms, $ping}
  c: {kind: tcp, host: 127.0.0.1, port: $closed_port, $ping}
  d: {kind: tcp, host: 127.0.0.1, port: $silent_port}
));
my $before = sql($node, q{SELECT name, samples FROM fraud_dependencies ORDER BY name});
advance($node, '10 s');
is(sql($node, q{SELECT name, by_probes, left(recent, 2), latency IS NULL, replace(last_error, 'read: connection reset', 'connection closed without an answer') FROM fraud_dependencies WHERE name <> 'database' ORDER BY name}),
	qq(a|UNHEALTHY|--|t|connection closed without an answer
b|UNHEALTHY|--|t|timeout, not the expected answer: "-NOAUTH Authentication required  "
c|UNHEALTHY|--|t|connect: connection refused
cache|UNHEALTHY|--|t|timeout, no answer
d|HEALTHY|++|f|
ml|HEALTHY|++|f|
search|DEGRADED|~~|f|), 'each is what it is, side by side');
is(dependency($node, 'database', 'health'), 'HEALTHY', 'and the query had its turn');
like(status($node, 'reason'), qr/cache offline, which has no effect on the tier; search degraded, which has no effect/, 'cache and search are said');

# it dies, comes back, hangs
sub follows
{
	my ($health, $what) = @_;
	advance($node, '10 s');
	is(dependency($node, 'ml', 'by_probes'), $health, $what);
}
sql($node, q{SELECT tier_override_clear()});
sql($node, q{SELECT tier_override(1, '1 h', 'TCP', true)});
end_listener($good);
follows('UNHEALTHY', 'a service that was killed is noticed with the next probe');
($good) = listener('good', $good_port);
follows('UNHEALTHY', 'back, one answer is not enough');
follows('HEALTHY', 'two are');
kill('STOP', $good);
write_service($node, slurp_file($node->data_dir . '/service.yaml') =~ s/(ml: \{kind: tcp,)/$1 timeout: 400 ms, degraded: {after: 300 ms}, unhealthy: {after: 350 ms},/r);
sql($node, 'SELECT fraud_reload()');
follows('UNHEALTHY', 'one that hangs, too');
like(dependency($node, 'ml', 'last_error'), qr/^timeout, no answer$/, 'as a timeout');
my $cycles = sql($node, 'SELECT max(cycles) FROM fraud_worker');
kill('CONT', $good);
follows('UNHEALTHY', 'it goes on');
follows('HEALTHY', 'and is back');
is(sql($node, q{SELECT count(*) FROM fraud_worker WHERE last_error IS NOT NULL}), '0', 'no task of the worker has failed');
end_listener($_) for ($silent, $slow, $dying, $wrong, $good);
sql($node, q{SELECT tier_override_clear()});

# ---- overrides

settings($node, '');
sql($node, q{SELECT tier_override(1, '1 h', 'clean up', true)});
advance($node, '30 min');
advance($node, '10 s') for 1 .. 3;
settle_down($node);
sql($node, q{SELECT tier_override_clear()});
is(tier($node), '1', 'all is well again');
sql($node, q{SELECT tier_override(3, '50 min', 'load test')});
is(status($node, 'tier, reason, next, held, override, override_forced, override_by = session_user, override_reason, override_until IS NOT NULL'),
	'3|override|the override ends in 49 min 59 s, by itself it would be Tier 1|1|3|f|t|load test|t', 'an override is in force when the call returns')
	or diag(status($node, 'next'));
like(events($node, 'tier', 2), qr/override\|MINIMAL\|override: at best Tier 3 for 50 min: load test\nservice\|FULL\|MINIMAL\|Degraded to Tier 3 - override: load test/, 'with events');
advance($node, '51 min');
is(tier($node), '1', 'it ends by itself');
like(events($node, 'tier', 2), qr/override\|the override has ended: load test\nservice\|MINIMAL\|FULL\|Recovered to Tier 1 - the override is over/, 'with events');
my ($ret, $out, $err) = $node->psql('postgres', q{SELECT circuit_force_open('ml', 'test'); SELECT fraud_test_advance('0'); SELECT tier_override(1, '1 h', 'no')});
like($err, qr/NOTICE:  the service stays at Tier 2, which is what was measured\n.*force => true/, 'better than measured needs force');
is(tier($node), '2', 'without it the tier stays');
sql($node, q{SELECT tier_override(1, '1 h', 'I know better', force => true)});
is(status($node, 'tier, reason, ml_trials'), '1|forced by override; Tier 2 by itself: ML offline, its circuit is not closed|f', 'with it the tier is what was said');
is(sql($node, 'SELECT tier_override_clear(), fraud_tier()'), 't|2', 'cleared');
is(sql($node, 'SELECT tier_override_clear()'), 'f', 'once');
sql($node, q{BEGIN; SELECT tier_override(3, '1 h', 'in a transaction'); ROLLBACK});
is(tier($node), '3', 'an override is in force, rolled back or not');
sql($node, 'SELECT tier_override_clear()');
sql($node, q{SELECT circuit_reset('ml')});
refused($node, q{SELECT tier_override(0, '1 h', 'x')}, qr/ERROR:  there is no tier 0\nHINT:  Tiers are 1 FULL/);
refused($node, q{SELECT tier_override(6, '1 h', 'x')}, qr/ERROR:  there is no tier 6/);
refused($node, q{SELECT tier_override(2, '25 h', 'x')}, qr/ERROR:  duration must be longer than nothing and at most 24 hours/);
refused($node, q{SELECT tier_override(2, '-1 h', 'x')}, qr/ERROR:  duration must be longer than nothing/);
refused($node, q{SELECT tier_override(2, '1 h', '')}, qr/ERROR:  a reason is needed/);
refused($node, q{SELECT tier_override(2, NULL, 'x')}, qr/ERROR:  duration must not be NULL/);

# ---- D5: maintenance

# the time of the extension, as a literal
sub wall
{
	my ($node) = @_;
	advance($node, '0');
	return "'" . status($node, 'evaluated_at') . "'::timestamptz";
}
settle_down($node);
is(tier($node), '1', 'before the window');
my $now;
$now = wall($node);
my $id = sql($node, qq{SELECT maintenance_schedule($now + interval '10 min', $now + interval '20 min', 'Wir sind gleich zurück', 'ops\@example.com')});
is(sql($node, q{SELECT id, ends - starts, every, open, next_starts = starts, message, contact, scheduled_by = session_user FROM fraud_maintenance}),
	"$id|00:10:00||f|t|Wir sind gleich zur\x{c3}\x{bc}ck|ops\@example.com|t", 'a window is scheduled');
is(tier($node), '1', 'D5: not yet');
advance($node, '11 min');
is(status($node, 'tier, name, reason, maintenance, message, contact, retry_after'),
	"5|MAINTENANCE|maintenance|$id|Wir sind gleich zur\x{c3}\x{bc}ck|ops\@example.com|01:00:00", 'D5: tier 5 while it is open');
like(status($node, 'next'), qr/^maintenance ends in (9 min|8 min \d+ s)$/, 'D5: and when it ends');
is(status($node, 'recover_at = maintenance_until'), 't', 'D5: the expected recovery') or diag(status($node, 'recover_at, maintenance_until'));
is(sql($node, q{SELECT ok FROM fraud_health('ready')}) . sql($node, q{SELECT ok FROM fraud_health('live')}), 'ft', 'D5: not ready, but alive');
sql($node, q{SELECT tier_override(1, '1 h', 'no', true)});
is(tier($node), '5', 'D5: nothing is better than maintenance');
sql($node, q{SELECT tier_override_clear()});
advance($node, '10 min');
is(tier($node), '1', 'D5: over');
is(sql($node, 'SELECT count(*) FROM fraud_maintenance'), '0', 'and gone');
is(events($node, 'maintenance', 3), "$id|scheduled|maintenance scheduled, 10 min: Wir sind gleich zur\x{c3}\x{bc}ck\n" .
	"$id|started|maintenance started, 10 min: Wir sind gleich zur\x{c3}\x{bc}ck\n$id|ended|maintenance ended, 10 min: Wir sind gleich zur\x{c3}\x{bc}ck", 'D9: its events');
$now = wall($node);
my $daily = sql($node, qq{SELECT maintenance_schedule($now, $now + interval '1 h', every => '1 day')});
is(tier($node), '5', 'a window that begins now is open when the call returns');
is(status($node, 'message, contact'), 'The service is under maintenance|', 'without words of its own it has those of the file');
advance($node, '61 min');
is(tier($node), '1', 'over');
advance($node, '23 h');
is(tier($node), '5', 'open again the next day');
advance($node, '7 days');
is(tier($node), '5', 'and a week later');
is(sql($node, 'SELECT open, every, next_starts - starts FROM fraud_maintenance'), 't|24:00:00|8 days', 'as the view says');
sql($node, "SELECT maintenance_cancel($daily)");
is(tier($node), '1', 'cancelled, it is over when the call returns');
refused($node, "SELECT maintenance_cancel($daily)", qr/ERROR:  there is no maintenance window $daily/);
$now = wall($node);
refused($node, "SELECT maintenance_schedule($now, $now)", qr/ERROR:  a window ends after it starts/);
refused($node, "SELECT maintenance_schedule($now - interval '2 h', $now - interval '1 h')", qr/ERROR:  this window is over already/);
refused($node, "SELECT maintenance_schedule($now, $now + interval '31 days')", qr/ERROR:  a window ends after it starts, 30 days later at most/);
refused($node, "SELECT maintenance_schedule($now, 'infinity')", qr/ERROR:  a window begins and ends within ten years/);
refused($node, "SELECT maintenance_schedule($now, $now + interval '2 h', every => '1 h')", qr/ERROR:  "every" must be at least as long as the window/);
refused($node, "SELECT maintenance_schedule($now, $now + interval '2 h', every => '1 month')", qr/ERROR:  "every" cannot have months/);
refused($node, "SELECT maintenance_schedule($now, $now + interval '2 h', repeat('\x{c3}\x{bc}', 128))", qr/ERROR:  message is too long\nHINT:  It has at most 255 bytes in UTF-8/);
refused($node, "SELECT maintenance_schedule($now, $now + interval '2 h', 'x', repeat('x', 128))", qr/ERROR:  contact is too long/);
refused($node, "SELECT maintenance_schedule(NULL, $now)", qr/ERROR:  starts must not be NULL/);
sql($node, "SELECT maintenance_schedule($now + g * interval '1 day', $now + g * interval '1 day' + interval '1 h') FROM generate_series(1, 32) g");
refused($node, "SELECT maintenance_schedule($now + interval '2 h', $now + interval '3 h')", qr/ERROR:  there are 32 maintenance windows already\nHINT:  maintenance_cancel\(\) makes room/);
sql($node, 'SELECT maintenance_cancel(id) FROM fraud_maintenance');

# ---- rights

sql($node, q{CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE operator LOGIN IN ROLE pg_monitor;
GRANT EXECUTE ON FUNCTION tier_override, tier_override_clear, maintenance_schedule, maintenance_cancel, health_report TO operator});
for my $sql ('SELECT fraud_tier()', 'SELECT * FROM fraud_tier_status', 'SELECT * FROM fraud_dependencies', 'SELECT * FROM fraud_maintenance',
	q{SELECT fraud_health('live')}, q{SELECT tier_override(2, '1 h', 'x')}, 'SELECT maintenance_cancel(1)', q{SELECT health_report('ml', true)})
{
	refused($node, $sql, qr/permission denied for (function|view)/, undef, extra_params => [ '-U', 'nobody' ]);
}
is($node->safe_psql('postgres', q{SELECT fraud_tier(), tier, (SELECT count(*) FROM fraud_dependencies), (SELECT ok FROM fraud_health('ready')) FROM fraud_tier_status},
	extra_params => [ '-U', 'watcher' ]), '1|1|4|t', 'pg_monitor reads');
refused($node, q{SELECT tier_override(2, '1 h', 'x')}, qr/permission denied for function tier_override/, 'and no more', extra_params => [ '-U', 'watcher' ]);
$node->safe_psql('postgres', q{SELECT tier_override(2, '1 h', 'x')}, extra_params => [ '-U', 'operator' ]);
is(status($node, 'tier, override_by'), '2|operator', 'who was granted it writes');
sql($node, 'SELECT tier_override_clear()');

# ---- restart, and a crash right after the call

sql($node, q{SELECT circuit_force_open('ml', 'restart')});
ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 2'), 'tier 2 before the restart');
$now = wall($node);
sql($node, qq{SELECT tier_override(4, '10 h', 'Prüfung'), maintenance_schedule($now + interval '20 h', $now + interval '21 h', 'later')});
$node->stop('immediate');
$node->start;
is(tier($node), '4', 'after an immediate stop: the override');
$now = wall($node);
is(status($node, "override, override_by = session_user, override_reason, override_until - $now BETWEEN interval '9 h 59 min' AND interval '10 h', held, restored_at IS NOT NULL"),
	"4|t|Pr\x{c3}\x{bc}fung|t|2|t", 'as it was, for the rest of its time');
is(sql($node, 'SELECT count(*), max(message) FROM fraud_maintenance'), '1|later', 'and the window');
advance($node, '0');
is(sql($node, q{SELECT ok, detail->'checks'->'saved_state'->>'says' FROM fraud_health('startup')}), 't|saved state restored', 'fraud_health() says so');
sql($node, 'SELECT tier_override_clear()');
sql($node, q{SELECT circuit_reset('ml')});
advance($node, '4 min');
is(tier($node), '2', 'the tier was saved, too, and has its full wait');
my $crashing = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $crashing->query('SELECT pg_backend_pid()');
$crashing->query(q{SELECT tier_override(3, '2 h', 'crash')});
kill('KILL', $pid);
$node->wait_for_log(qr/all server processes terminated; reinitializing/);
eval { $crashing->quit };
ok($node->poll_query_until('postgres', 'SELECT 1', '1'), 'the server comes back after kill -9');
is(status($node, 'tier, override, override_reason, held'), '3|3|crash|2', 'with what was on disk before the call returned');
sql($node, 'SELECT tier_override_clear()');

# a disk that refuses
my $directory = $node->data_dir . '/fraud_fallback';
chmod(0500, $directory) or die;
refused($node, q{SELECT tier_override(3, '2 h', 'full disk')}, qr/WARNING:  this could not be written to disk\n.*DETAIL:  It is in force/s, 'a warning where the disk refuses');
is(tier($node), '3', 'it is in force all the same');
chmod(0700, $directory) or die;
advance($node, '0');
$node->stop('immediate');
$node->start;
is(status($node, 'tier, override_reason'), '3|full disk', 'the worker writes it when it can');
sql($node, 'SELECT tier_override_clear()');

# what was in the middle of a window is there again
$now = wall($node);
sql($node, qq{SELECT maintenance_schedule($now - interval '1 min', $now + interval '5 h', 'long')});
$node->restart;
is(tier($node), '5', 'a server that starts in a window is in maintenance from the first moment');
sql($node, q{SELECT maintenance_cancel(id) FROM fraud_maintenance});
is(tier($node), '2', 'until it is cancelled');

# a damaged file is no reason not to start
$node->stop;
my $saved = $node->data_dir . '/fraud_fallback/service.state';
ok(-f $saved, 'the saved file');
open(my $fh, '+<', $saved) or die;
seek($fh, 200, 0);
print $fh 'damage';
close $fh;
$node->start;
is(tier($node), '1', 'a damaged file is set aside, the service begins anew');
like(slurp_file($node->logfile), qr/saved state "fraud_fallback\/service\.state" is damaged/, 'and the log says so');

# ---- without a database for the worker

$node->append_conf('postgresql.conf', "fraud_fallback.database = ''\n");
$node->restart;
advance($node, '0');
is(dependency($node, 'database', 'health, not_probed') . tier($node), 'UNKNOWN|the worker has no database, see fraud_fallback.database1', 'a worker without a database cannot ask it');
$node->append_conf('postgresql.conf', "fraud_fallback.database = 'postgres'\nfraud_fallback.worker_role = 'stranger'\n");
$node->restart;
advance($node, '0');
is(dependency($node, 'database', 'health, not_probed'), 'UNKNOWN|fraud_fallback.worker_role: role "stranger" does not exist', 'nor one with a role that does not exist');
$node->append_conf('postgresql.conf', "fraud_fallback.worker_role = ''\n");
$node->restart;

# ---- a standby

advance($node, '0');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "fraud_fallback.node_name = 'beta'\n");
$standby->start;
advance($standby, '0');
ok($standby->poll_query_until('postgres', q{SELECT replay_lag < interval '10 s' FROM fraud_tier_status}), 'a standby that streams');
is(status($standby, 'tier, reason, standby, read_only, ml_trials'), '3|the server is a standby|t|f|f', 'is at tier 3');
is(dependency($standby, 'database', 'health'), 'HEALTHY', 'where the database is probed all the same');
is(sql($standby, q{SELECT ok, detail->'checks'->'standby_lag'->>'says' ~ 'behind' FROM fraud_health('ready')}), 't|t', 'it is ready');
like(slurp_file($standby->logfile), qr/LOG:  tier service: Degraded to Tier 3 - the server is a standby/, 'its log says why');
write_service($standby, "tiers: {standby_tier: 2, standby_lag: 10 s}\n");
sql($standby, 'SELECT fraud_reload()');
advance($standby, '5 min 1 s');
ok($standby->poll_query_until('postgres', q{SELECT fraud_tier() = 2 OR fraud_test_advance('10 s') IS NULL}), 'with standby_tier 2 it is at tier 2 after its wait');
is(status($standby, 'reason, ml_trials'), 'the server is a standby|f', 'where ML is not asked');
sql($standby, q{SELECT tier_override(4, '1 h', 'on a standby')});
is(tier($standby), '4', 'overrides work there');
sql($standby, 'SELECT tier_override_clear()');
$node->stop;
ok($standby->poll_query_until('postgres', q{SELECT fraud_test_advance('5 s') IS NOT NULL AND fraud_tier() = 3}), 'without its primary it falls behind: tier 3');
is(status($standby, 'reason'), 'the server is a standby that is behind', 'and says so');
is(sql($standby, q{SELECT ok FROM fraud_health('ready')}), 'f', 'it is not ready then');
$standby->promote;
advance($standby, '0');
is(status($standby, 'tier, standby, replay_lag'), '3|f|', 'promoted');
advance($standby, '5 min 1 s');
advance($standby, '10 s');
is(tier($standby), '2', 'it recovers one tier');
advance($standby, '5 min 1 s');
advance($standby, '10 s');
is(tier($standby), '1', 'after the other');
ok(sql($standby, q{SELECT count(*) > 0 FROM fraud_events WHERE node = 'beta' AND kind = 'tier'}) eq 't', 'what happened there is in the table now');
$standby->stop;
done_testing();
