# circuit_call(): a function behind a circuit, with a timeout of its own and
# retries. These timers are the server's, so some calls take real time.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', "fraud_fallback.max_circuits = 150\n", q(
circuits:
  template: {failures: 50, retry: {attempts: 2, base: 1 ms, cap: 1 ms, budget_minimum: 100}}
  opens: {failures: 2, retry: {attempts: 10, base: 1 ms, cap: 1 ms, budget_minimum: 100}}
  once: {retry: {attempts: 1}}
  short: {timeout: 250 ms, retry: {attempts: 1}}
  deadline: {retry: {attempts: 10, base: 1 ms, cap: 1 ms, deadline: 150 ms}}
  capped: {retry: {attempts: 10, base: 15 ms, cap: 15 ms, budget_minimum: 100}}
  percent: {failures: 100, retry: {attempts: 2, base: 1 ms, cap: 1 ms, budget_minimum: 0, budget_percent: 20}}
  at least three: {failures: 100, retry: {attempts: 2, base: 1 ms, cap: 1 ms, budget_minimum: 3, budget_percent: 0}}
  none: {retry: {attempts: 10, base: 1 ms, cap: 1 ms, budget_minimum: 0, budget_percent: 0}}
  patient: {failures: 100, retry: {attempts: 2, base: 1 ms, cap: 2 s}}
  waits: {failures: 100, retry: {attempts: 2, base: 1 ms, cap: 1 min}}
  refusing: {mode: forced_open}
));

# the n-th call does what the n-th element says, the last one again and again:
# a text is a SQLSTATE to raise, a number seconds to sleep, the rest an answer
sql($node, q{
CREATE SEQUENCE called;
CREATE TABLE wrote (n bigint);
CREATE FUNCTION service(arg jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	n bigint := nextval('called');
	step jsonb := arg -> least(n, jsonb_array_length(arg))::int - 1;
BEGIN
	INSERT INTO wrote VALUES (n);
	CASE jsonb_typeof(step)
		WHEN 'string' THEN RAISE EXCEPTION 'the service is broken' USING ERRCODE = step #>> '{}';
		WHEN 'number' THEN PERFORM pg_sleep(step::float); RETURN '"slept"';
		WHEN 'null' THEN RETURN NULL;
		ELSE RETURN step;
	END CASE;
END $$;
CREATE FUNCTION calls() RETURNS bigint LANGUAGE sql AS 'SELECT last_value - (NOT is_called)::int FROM called';
-- the answer, how often it was called, whose writes stayed; what the circuit counted
CREATE FUNCTION try(circuit text, steps text, attempts int DEFAULT NULL, "timeout" interval DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	before circuit_breakers;
BEGIN
	PERFORM setval('called', 1, false);
	DELETE FROM wrote;
	SELECT * INTO before FROM circuit_breakers WHERE name = circuit;
	answer := circuit_call(circuit, 'service(jsonb)', steps::jsonb, "timeout", attempts);
	RETURN (SELECT concat_ws(' ', coalesce(answer::text, 'NULL'), 'calls', calls(), 'wrote', (SELECT coalesce(string_agg(n::text, ',' ORDER BY n), 'nothing') FROM wrote),
		nullif('s' || b.successes - coalesce(before.successes, 0), 's0'), nullif('f' || b.failures_total - coalesce(before.failures_total, 0), 'f0'),
		nullif('i' || b.ignored - coalesce(before.ignored, 0), 'i0'), nullif('r' || b.refused - coalesce(before.refused, 0), 'r0'), nullif('in flight ' || b.in_flight, 'in flight 0'))
		FROM circuit_breakers b WHERE name = circuit);
END $$;
});

my $ok = '{"status": 200}';

# a session that is inside a call
sub caller_of
{
	my ($query, $event) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/started/, "\\echo started\n$query;\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND wait_event = '$event'") or die;
	return ($session, $pid);
}

sub try_it
{
	my ($name, $expected, @arguments) = @_;
	my $list = join ', ', @arguments;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(sql($node, "SET client_min_messages = error; SELECT try($list)"), $expected, $name);
}

sub takes
{
	my ($from, $to, $name, $query) = @_;
	my $took = block($node, "DECLARE began timestamptz := clock_timestamp(); BEGIN EXECUTE \$query\$ $query \$query\$; RETURN extract(epoch FROM clock_timestamp() - began); END");
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($took >= $from && $took < $to, $name) || diag "$took s";
}

# ---- answers

try_it('success returns what the function returned', "$ok calls 1 wrote 1 s1", "'plain'", "'[$ok]'");
try_it('an answer without a status is a success', '{"score": 17} calls 1 wrote 1 s1', "'plain'", q{'[{"score": 17}]'});
try_it('so is one that is no object', '[1, 2] calls 1 wrote 1 s1', "'plain'", q{'[[1, 2]]'});
try_it('or whose status is none of HTTP', '{"status": "down"} calls 1 wrote 1 s1', "'plain'", q{'[{"status": "down"}]'});
try_it('refusal returns NULL and does not call', 'NULL calls 0 wrote nothing r1', "'refusing'", "'[$ok]'");
like(sql($node, "SELECT circuit_call('refusing', 'service(jsonb)', '[]') IS NULL; SELECT circuit_state('refusing')"), qr/^t\nFORCED_OPEN$/, 'and raises nothing');
try_it('no answer is a failure', 'NULL calls 1 wrote nothing f1', "'plain'", q{'[null]'});

# ---- what is tried again, and what counts

my %status = (
	(map { $_ => "NULL calls 2 wrote nothing f2" } 429, 500, 502, 503, 504, 599),
	(map { $_ => "{\"status\": $_} calls 1 wrote 1 i1" } 400, 401, 403, 404, 422, 409, 418, 499),
	(map { $_ => "{\"status\": $_} calls 1 wrote 1 s1" } 200, 204, 302, 399, 600, 99, 0, -1),
	408 => '{"status": 408} calls 2 wrote nothing i2');
is(sql($node, "SET client_min_messages = error; SELECT try('status ' || s, format('[{\"status\": %s}]', s)) FROM unnest('{"
		. join(',', sort keys %status) . "}'::int[]) s"),
	join("\n", map { $status{$_} } sort keys %status),
	'statuses: 408, 429 and 5xx are tried again, 400, 401, 403, 404, 422 never; 4xx are answers');
try_it('408, 429 and 503 that heal', "$ok calls 4 wrote 4 s1 f2 i1", "'plain'", qq{'[{"status": 408}, {"status": 429}, {"status": 503}, $ok]'}, 4);

my %state = (
	(map { $_ => 'NULL calls 2 wrote nothing f2' } qw(08000 08001 08003 08004 08006 57P03 53300 55P03 HV00N 57014)),
	(map { $_ => 'NULL calls 1 wrote nothing f1' } qw(P0001 XX000 58030 53100 HV000 25006)),
	(map { $_ => 'NULL calls 1 wrote nothing i1' } qw(22012 22P02 23505 23514 42501 42P01 42601 0A000)));
is(sql($node, "SET client_min_messages = error; SELECT try('state ' || s, format('[\"%s\"]', s)) FROM unnest('{"
		. join(',', sort keys %state) . "}'::text[]) WITH ORDINALITY u (s, n) ORDER BY n"),
	join("\n", map { $state{$_} } sort keys %state),
	'errors: connections, servers that start or are full and locks are tried again; mistakes of the caller do not count');
is(sql($node, q{SELECT string_agg(name || ' ' || last_error, ', ' ORDER BY name) FROM circuit_breakers WHERE name IN ('state 08006', 'state 57014', 'state P0001', 'state 42601')}),
	'state 08006 the service is broken, state 57014 the service is broken, state P0001 the service is broken', 'the error is in the view, but for what does not count');
is(sql($node, q{SELECT circuit_call('elsewhere', 'service(jsonb)', '["57014"]', attempts => 1) IS NULL; SELECT circuit_refusal()}),
	"t\nthe call through circuit elsewhere failed: timeout", 'a cancel that nobody sent to this session is a timeout of the service');
for my $state (qw(57P01 53200 40001 40P01))
{
	like(run_as($node, undef, "SELECT circuit_call('passes', 'service(jsonb)', '[\"$state\"]')"),
		qr/^ERROR:  $state: the service is broken/, "$state passes to the caller");
}
is(sql($node, q{SELECT concat_ws(' ', failures_total, ignored, in_flight) FROM circuit_breakers WHERE name = 'passes'}), '0 4 0', 'and the permit returns');
my ($ret, $out, $err) = $node->psql('postgres', q{SELECT circuit_call('plain', 'service(jsonb)', '["22012"]')});
like($err, qr/^psql:<stdin>:1: WARNING:  circuit_call\(\) of a function failed: the service is broken\nHINT:  The circuit does not count this/,
	'a mistake of the caller is told');

# ---- attempts, waits, deadline, budget

try_it('one attempt where one is configured', 'NULL calls 1 wrote nothing f1', "'once'", q{'["08006"]'});
try_it('or asked for', 'NULL calls 1 wrote nothing f1', "'plain'", q{'["08006"]'}, 1);
try_it('as many as asked for', "$ok calls 7 wrote 7 s1 f6", "'plain'", q{'["08006", "08006", {"status": 503}, "08006", "08006", "08006", {"status": 200}]'}, 7);
takes(0, 2, 'waits do not grow above the cap', q{SELECT try('capped', '["08006"]')});
is(sql($node, 'SELECT calls()'), '10', 'in ten calls');
takes(0.4, 5, 'a 429 with retry_after is honoured', q{SELECT try('patient', '[{"status": 429, "retry_after": 0.4}, {"status": 200}]')});
is(sql($node, 'SELECT calls()'), '2', 'then it is tried again');
takes(0, 2, 'one that asks for longer than the cap is not waited for', q{SELECT try('patient', '[{"status": 429, "retry_after": 2.1}]')});
is(sql($node, 'SELECT calls()'), '1', 'nor tried again');
takes(0, 2, 'one that asks for longer than the deadline is not waited for', q{SELECT try('deadline', '[{"status": 429, "retry_after": 30}]')});
is(sql($node, 'SELECT calls()'), '1', 'nor tried again');
takes(0.1, 2, 'the deadline ends a call that is under way', q{SELECT try('deadline', '[30]', "timeout" => '20 s')});
is(sql($node, 'SELECT calls()'), '1', 'and none follows');
takes(0.1, 2, 'and it ends many short ones', q{SELECT try('deadline', '[30]', "timeout" => '40 ms')});
ok(sql($node, 'SELECT calls()') < 5, 'of which few find time');
is(sql($node, q{SET client_min_messages = error; SELECT sum(split_part(try('percent', '["08006"]'), ' ', 3)::int) FROM generate_series(1, 50)}),
	'60', 'retry budget: 20 % of the calls');
is(block($node, q{
	DECLARE
		said text := '';
	BEGIN
		FOR i IN 1 .. 3 LOOP
			said := said || (SELECT sum(split_part(try('at least three', '["08006"]'), ' ', 3)::int) FROM generate_series(1, 6)) || ' ';
			PERFORM fraud_test_advance('10 s');
		END LOOP;
		RETURN said;
	END}), '9 9 9 ', 'but three in 10 s in any case');
try_it('without a budget nothing is tried again', 'NULL calls 1 wrote nothing f1', "'none'", q{'["08006"]'});
takes(0, 2, 'it stops at once when the circuit opens', q{SELECT try('opens', '["08006", {"status": 503, "retry_after": 5}]')});
is(sql($node, q{SELECT circuit_state('opens') || ' ' || calls()}), 'OPEN 2', 'which it did');
sql($node, q{SELECT circuit_reset('opens')});

# ---- its own timeout

takes(0.25, 3, 'the timeout ends a call', q{SELECT try('short', '[30]')});
is(sql($node, q{SELECT concat_ws(' ', failures_total, ignored, in_flight, last_error) FROM circuit_breakers WHERE name = 'short'}), '1 0 0 timeout', 'and is a failure');
try_it('given by the caller', 'NULL calls 1 wrote nothing f1', "'once'", q{'[30]'}, 'NULL', q{'30 ms'});
try_it('a timeout is tried again', "$ok calls 2 wrote 2 s1 f1", "'plain'", qq{'[30, $ok]'}, 2, q{'250 ms'});
is(sql($node, qq{SELECT circuit_call('short', 'service(jsonb)', '[$ok]') IS NOT NULL; SELECT pg_sleep(0.3); SELECT 'still here'}),
	"t\n\nstill here", 'after the call the timer is off');
is(sql($node, qq{SELECT circuit_call('short', 'service(jsonb)', '["P0001"]') IS NULL; SELECT pg_sleep(0.3); SELECT 'still here'}),
	"t\n\nstill here", 'after one that failed too');
is(sql($node, q{SET statement_timeout = '20 s'; SELECT try('short', '[30]'); SHOW statement_timeout}),
	"NULL calls 1 wrote nothing f1\n20s", 'statement_timeout is as it was');
sql($node, q{CREATE FUNCTION stubborn(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO wrote VALUES (99); PERFORM pg_sleep(30); RETURN '{}';
	EXCEPTION WHEN query_canceled THEN INSERT INTO wrote VALUES (100); RETURN '{"status": 200}'; END $$});
is(sql($node, q{DELETE FROM wrote; SELECT circuit_call('stubborn', 'stubborn(jsonb)', '{}', '50 ms') IS NULL;
	SELECT count(*) FROM wrote; SELECT failures_total FROM circuit_breakers WHERE name = 'stubborn'}), "t\n0\n2", 'a function that swallows the timeout has failed all the same');
like(run_as($node, undef, q{SET statement_timeout = '300 ms'; SELECT circuit_call('stopped', 'service(jsonb)', '[30]', '20 s')}),
	qr/^ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout still works');
is(sql($node, q{SELECT concat_ws(' ', failures_total, ignored, in_flight) FROM circuit_breakers WHERE name = 'stopped'}), '0 1 0', 'the permit returns');
# both timers end while nobody looks for interrupts
sql($node, q{CREATE FUNCTION busy(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN PERFORM md5(lpad('', 150000000, 'x')); RETURN '{}'; END $$});
like(run_as($node, undef, q{SET statement_timeout = '10 ms'; SELECT circuit_call('stopped', 'busy(jsonb)', '{}', '20 ms')}),
	qr/^ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout is not taken for the timeout, where both are over');
sql($node, q{CREATE FUNCTION canceled(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN PERFORM md5(lpad('', 150000000, chr(120 + (random() * 0)::int))) || pg_cancel_backend(pg_backend_pid()); RETURN '{}'; END $$});
like(run_as($node, undef, q{SELECT circuit_call('stopped', 'canceled(jsonb)', '{}', '20 ms')}),
	qr/^ERROR:  57014: canceling statement due to user request/, 'nor is a cancel by somebody');
# evaluated one after the other, with no look for interrupts between
like(run_as($node, undef, q{SELECT pg_cancel_backend(pg_backend_pid()), circuit_call('stopped', 'service(jsonb)', '[30]', '20 s')}),
	qr/^ERROR:  57014: canceling statement due to user request/, 'nor one that came just before the call');
# a session with a lock, for functions that wait
my $holder = $node->background_psql('postgres');
$holder->query_safe('CREATE TABLE held (); BEGIN; LOCK TABLE held');
sql($node, q{CREATE FUNCTION waiting(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN LOCK TABLE held; RETURN '{}';
	EXCEPTION WHEN lock_not_available THEN PERFORM pg_sleep(30); RETURN '{}'; END $$});
is(sql($node, q{SET lock_timeout = '20 ms'; SELECT circuit_call('held', 'waiting(jsonb)', '{}', '200 ms', 1) IS NULL; SELECT circuit_refusal()}),
	"t\nthe call through circuit held failed: timeout", 'a lock_timeout inside is no cancel by somebody: the timeout still works');
$holder->quit;
like(run_as($node, undef, q{SET lock_timeout = '30 ms'; BEGIN; SELECT circuit_call('stopped', 'service(jsonb)', '[{}]') IS NOT NULL; COMMIT}), qr/^t$/m, 'lock_timeout is nobody\'s');

# another server's statement_timeout: this one, by way of dblink
SKIP:
{
	skip 'no dblink', 2 if sql($node, q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'}) eq '0';
	my $self = $node->connstr('postgres') . ' options=-cstatement_timeout=50ms';
	$self =~ s/'/''/g;
	sql($node, "CREATE EXTENSION dblink; CREATE FUNCTION remote(jsonb) RETURNS jsonb LANGUAGE plpgsql AS \$\$
		BEGIN RETURN (SELECT r FROM dblink('$self', 'SELECT to_jsonb(1) FROM pg_sleep(30)') AS t (r jsonb)); END \$\$");
	is(sql($node, q{SELECT circuit_call('remote', 'remote(jsonb)', '{}', '20 s', 1) IS NULL; SELECT circuit_refusal()}),
		"t\nthe call through circuit remote failed: timeout", 'a statement_timeout of another server is a failure');
	like(run_as($node, undef, q{SET statement_timeout = '200 ms'; SELECT circuit_call('remote', 'service(jsonb)', '[30]', '20 s', 1)}),
		qr/^ERROR:  57014: canceling statement due to statement timeout/, 'one of this session is not');
}

my ($session, $pid) = caller_of(q{SELECT circuit_call('cancelled', 'service(jsonb)', '[30]')}, 'PgSleep');
is(sql($node, "SELECT circuit, held FROM circuit_in_flight WHERE pid = $pid"), 'cancelled|t', 'a call is in flight');
sql($node, "SELECT pg_cancel_backend($pid)");
$session->query('SELECT 1');
like($session->{stderr}, qr/ERROR:  canceling statement due to user request/, 'a cancel passes through');
is(sql($node, q{SELECT concat_ws(' ', failures_total, ignored, in_flight) FROM circuit_breakers WHERE name = 'cancelled'}), '0 1 0', 'and the permit returns');
$session->quit;
($session, $pid) = caller_of(q{SELECT circuit_call('terminated', 'service(jsonb)', '[30]')}, 'PgSleep');
sql($node, "SELECT pg_terminate_backend($pid)");
gone($node, $pid);
is(sql($node, q{SELECT concat_ws(' ', failures_total, in_flight) FROM circuit_breakers WHERE name = 'terminated'}), '0 0', 'so does the end of the session');
eval { $session->quit };
($session, $pid) = caller_of(q{SELECT circuit_call('waits', 'service(jsonb)', '[{"status": 429, "retry_after": 30}]')}, 'Extension');
is(sql($node, q{SELECT concat_ws(' ', failures_total, in_flight) FROM circuit_breakers WHERE name = 'waits'}), '1 0', 'between two attempts nothing is in flight');
sql($node, "SELECT pg_cancel_backend($pid)");
$session->query('SELECT 1');
like($session->{stderr}, qr/ERROR:  canceling statement due to user request/, 'and a cancel passes, too');
$session->quit;

# ---- what attempts write

try_it('what a failed attempt wrote is rolled back, what a good one wrote stays', "$ok calls 3 wrote 3 s1 f2", "'plain'", qq{'["08006", "08006", $ok]'}, 3);
try_it('an answer that is a failure is a failed attempt', 'NULL calls 1 wrote nothing f1', "'plain'", q{'[{"status": 503}]'}, 1);
try_it('one that is not counted is an answer', '{"status": 404} calls 1 wrote 1 i1', "'plain'", q{'[{"status": 404}]'}, 1);
try_it('and of one that took too long nothing stays', 'NULL calls 1 wrote nothing f1', "'plain'", q{'[30]'}, 1, q{'50 ms'});
is(sql($node, qq{BEGIN; CREATE TEMP TABLE mine (n int); INSERT INTO mine VALUES (1); SELECT circuit_call('plain', 'service(jsonb)', '["08006"]', attempts => 3) IS NULL;
	INSERT INTO mine VALUES (2); COMMIT; SELECT count(*) FROM mine}), "t\n2", 'the transaction of the caller goes on');
is(sql($node, q{BEGIN; SELECT circuit_call('undone', 'service(jsonb)', '["08006"]', attempts => 3) IS NULL; ROLLBACK; SELECT failures FROM circuit_breakers WHERE name = 'undone'}),
	"t\n3", 'failures stay when it is rolled back');

# ---- who may call what

sql($node, q{CREATE ROLE teller LOGIN; GRANT EXECUTE ON FUNCTION circuit_call TO teller;
	CREATE FUNCTION vault(jsonb) RETURNS jsonb LANGUAGE sql RETURN $1; REVOKE ALL ON FUNCTION vault FROM PUBLIC;
	CREATE FUNCTION whoami(jsonb) RETURNS jsonb LANGUAGE sql RETURN to_jsonb(current_user::text)});
like(run_as($node, 'teller', q{SELECT circuit_call('safe', 'vault(jsonb)', '{}')}), qr/^ERROR:  42501: permission denied for function vault$/, 'EXECUTE is checked as the caller');
is(sql($node, q{SELECT count(*) FROM circuit_breakers WHERE name = 'safe'}), '0', 'before anything else');
is(run_as($node, 'teller', q{SELECT circuit_call('safe', 'whoami(jsonb)', '{}')}), '"teller"', 'a function runs as the caller');
sql($node, 'ALTER FUNCTION whoami SECURITY DEFINER');
is(run_as($node, 'teller', q{SELECT circuit_call('safe', 'whoami(jsonb)', '{}') = to_jsonb((SELECT rolname FROM pg_roles WHERE oid = 10)::text)}), 't', 'or as its owner where it says so');

# ---- calls in calls

sql($node, q{CREATE FUNCTION outer_service(arg jsonb) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT coalesce(circuit_call(arg ->> 'circuit', 'service(jsonb)', arg -> 'steps', (arg ->> 'timeout')::interval, 1), '{"status": 503}') $$});
sub both
{
	return sql($node, q{SELECT string_agg(concat_ws(' ', name, successes, failures_total, ignored, in_flight), ', ' ORDER BY name) FROM circuit_breakers WHERE name IN ('inner', 'outer')});
}
is(sql($node, q{SELECT circuit_call('outer', 'outer_service(jsonb)', '{"circuit": "inner", "steps": [{"status": 200}]}')}), $ok, 'a guarded function may use circuit_call()');
is(both(), 'inner 1 0 0 0, outer 1 0 0 0', 'both are counted');
is(sql($node, q{SELECT circuit_call('outer', 'outer_service(jsonb)', '{"circuit": "inner", "steps": [30], "timeout": "50 ms"}', '20 s', 1) IS NULL}), 't', 'the timeout of the inner one ends the inner one');
is(both(), 'inner 1 1 0 0, outer 1 1 0 0', 'and the outer one goes on');
takes(0.05, 2, 'the timeout of the outer one ends both', q{SELECT circuit_call('outer', 'outer_service(jsonb)', '{"circuit": "inner", "steps": [30], "timeout": "20 s"}', '50 ms', 1) IS NULL});
is(both(), 'inner 1 1 1 0, outer 1 2 0 0', 'and is no failure of the inner one');
takes(0.05, 2, 'the same timeout for both', q{SELECT circuit_call('outer', 'outer_service(jsonb)', '{"circuit": "inner", "steps": [30], "timeout": "50 ms"}', '50 ms', 1) IS NULL});
is(sql($node, q{SELECT circuit_call('outer', 'outer_service(jsonb)', '{"circuit": "outer", "steps": [{"status": 200}]}')}), $ok, 'in the same circuit too');
is(sql($node, q{SELECT pg_sleep(0.1); SELECT sum(in_flight) FROM circuit_breakers}), "\n0", 'and nothing is left in flight');

# ---- what cannot be called

sql($node, q{
CREATE FUNCTION of_text(text) RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb;
CREATE FUNCTION of_two(jsonb, int DEFAULT 1) RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb;
CREATE FUNCTION of_none() RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb;
CREATE FUNCTION to_text(jsonb) RETURNS text LANGUAGE sql RETURN 'x';
CREATE FUNCTION to_many(jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION to_any(anyelement) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb($1)';
CREATE PROCEDURE proc(INOUT jsonb) LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION add(jsonb, jsonb) RETURNS jsonb LANGUAGE sql RETURN $1;
CREATE AGGREGATE total(jsonb) (SFUNC = add, STYPE = jsonb);
CREATE FUNCTION strict_(jsonb) RETURNS jsonb STRICT LANGUAGE sql RETURN '{"status": 500}'::jsonb;
CREATE FUNCTION lax(jsonb) RETURNS jsonb LANGUAGE sql RETURN to_jsonb($1 IS NULL);
});
for my $function (split ' ', 'of_text(text) of_two(jsonb,integer) of_none() to_text(jsonb) to_many(jsonb) to_any(anyelement) proc(jsonb) total(jsonb)')
{
	like(run_as($node, undef, "SELECT circuit_call('wrong', '$function', '{}')"),
		qr/^ERROR:  42P13: circuit_call\(\) cannot call \Q$function\E\nHINT:  It calls functions of one argument, jsonb, that return jsonb\.$/, "refused: $function");
}
my %refused = (
	q{'wrong', 4294967295::oid::regprocedure, '{}'} => qr/42883: there is no function with OID 4294967295/,
	q{'wrong', 0, '{}'} => qr/42883: there is no function with OID 0/,
	q{'wrong', 'service(jsonb)', '[{}]', '0'} => qr/22023: timeout must be longer than nothing/,
	q{'wrong', 'service(jsonb)', '[{}]', '-1 s'} => qr/22023: timeout must be longer than nothing/,
	q{'wrong', 'service(jsonb)', '[{}]', '-2000000000 days'} => qr/22023: timeout must be longer than nothing/,
	q{'wrong', 'service(jsonb)', '[{}]', NULL, 0} => qr/22023: attempts must be from 1 to 10/,
	q{'wrong', 'service(jsonb)', '[{}]', NULL, 11} => qr/22023: attempts must be from 1 to 10/,
	q{'wrong', 'service(jsonb)', '[{}]', NULL, -2147483648} => qr/22023: attempts must be from 1 to 10/,
	q{NULL, 'service(jsonb)', '[{}]'} => qr/22004: name and function must not be NULL/,
	q{'wrong', NULL, '[{}]'} => qr/22004: name and function must not be NULL/,
	q{'', 'service(jsonb)', '[{}]'} => qr/22023: "" cannot be the name of a circuit/);
like(run_as($node, undef, "SELECT circuit_call($_)"), qr/^ERROR:  $refused{$_}/, "refused: $_") for (sort keys %refused);
is(sql($node, q{SELECT count(*) FILTER (WHERE admitted > 0) FROM circuit_breakers WHERE name = 'wrong'}), '0', 'and nothing was admitted');
is(sql($node, q{SELECT circuit_call('null', 'strict_(jsonb)', NULL) IS NULL; SELECT count(*) FROM circuit_breakers WHERE name = 'null'}), "t\n0", 'NULL for a strict function is NULL, and no call');
is(sql($node, q{SELECT circuit_call('null', 'lax(jsonb)', NULL)}), 'true', 'others get it');
is(sql($node, q{SELECT circuit_call('long', 'lax(jsonb)', '{}', '178000000 years', 10)}), 'false', 'a timeout longer than any call');

$node->stop;
done_testing();
