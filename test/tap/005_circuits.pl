# Circuits with preload: the states and what moves between them, through SQL.
# The clock is moved, so 10 s and 60 s pass in no time; what must happen before
# a moment is tried 300 ms before it, as real time passes as well. Exact to the
# microsecond: test/unit.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use PostgreSQL::Test::Utils;
use Test::More;

my $yaml = q(
circuits:
  rate 49.5: {failures: off, failure_rate: {percent: 49.5, minimum_calls: 200}}
  rate 50: {failures: off, failure_rate: {percent: 50, minimum_calls: 50}}
  rate 49.5 of 50: {failures: off, failure_rate: {percent: 49.5, minimum_calls: 50}}
  slow counts: {slow: {after: 1 s}}
  slow rate: {slow: {after: 1 s, percent: 50, minimum_calls: 4}}
  steps: {open_for: [30 s, 1 min, 2 min, 5 min], step_back: 10 min}
  jittery: {open_for: [100 s], jitter: 50}
  quorum: {reporters: 2}
  none at all: {max_concurrent: 0}
  two at a time: {max_concurrent: 2}
  fast: {timeout: 100 ms, grace: 50 ms}
  disabled: {mode: disabled}
  watched: {mode: metrics_only}
  closed for now: {mode: forced_open}
);
my $node = new_node('main', "fraud_fallback.max_circuits = 250\n", $yaml);

# what play() says of a circuit; each scene has its own unless named; "/"
# begins another transaction
my $scenes = 0;
sub scene
{
	my ($name, $line, $expected, $circuit) = @_;
	$circuit //= 'scene ' . ++$scenes;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $said = sql($node, join '; ', map { "SELECT play('$circuit', '$_')" } split qr{ / }, $line);
	$said =~ s/\n/ /g;
	return ref $expected ? like($said, $expected, $name) : is($said, $expected, $name);
}

# ---- CLOSED

scene('a new circuit is CLOSED', 'ok state failures', 'CLOSED 0');
scene('4 failures stay CLOSED', 'fail*4 state failures', 'CLOSED 4');
scene('the 5th opens', 'fail*5 state', 'OPEN');
scene('failures at 0, 1, 2, 3, 11 s stay CLOSED', 'fail +1s fail +1s fail +1s fail +8s fail state failures', 'CLOSED 3');
scene('failures at 0, 1, 2, 3, 9 s open', 'fail +1s fail +1s fail +1s fail +6s fail state', 'OPEN');
scene('before 10 s the first failure is inside', 'fail +9.7s failures fail*4 state', '1 OPEN');
scene('at 10.000 s it is outside', 'fail +10s failures fail*4 state failures', '0 CLOSED 4');
scene('and so are four', 'fail*4 +10s fail state failures', 'CLOSED 1');
scene('a burst over the edge of a second opens', 'fail*2 +0.999s fail*2 +0.002s fail state', 'OPEN');
scene('100 successes between 5 failures still open', 'fail ok*25 fail ok*25 fail ok*25 fail ok*25 fail state', 'OPEN');
scene('in a circuit with a bulkhead, too', 'fail ok*25 fail ok*25 fail ok*25 fail ok*25 fail state reset', 'OPEN', 'two at a time');
scene('failures that have left do not come back', 'fail*4 +11s fail*4 +11s fail*4 state', 'CLOSED');
scene('the oldest leaves when the window says',
	'fail +3s fail*2 +6.7s failures +0.3s failures +2.7s failures +0.3s failures', '3 2 2 0');
scene('calls that are ignored do not count', 'ignore*20 state failures ignored', 'CLOSED 0 20');

# ---- OPEN

scene('refused before 60 s', 'fail*5 +59.7s ok state', 'refused OPEN');
scene('admitted at 60.000 s', 'fail*5 +60s ok state', 'HALF_OPEN');
scene('reading never changes state, but shows probe_due',
	'fail*5 probe_due +60s state probe_due generation state', 'false OPEN true 2 OPEN');
scene('a refused call says why', 'fail*5 ok why', qr/^refused \[circuit scene \d+ is open\]$/);
scene('a late failure while OPEN does not extend the wait',
	'take:a take:b fail*5 +20s fail:a fail:b late +40s ok state', 'a b late late 2 HALF_OPEN');
is(block($node, q{
	DECLARE
		now_ interval;
		before interval := '1 min';
		falls boolean := true;
		negative boolean := false;
	BEGIN
		PERFORM play('retry', 'fail*5');
		FOR i IN 1 .. 15 LOOP
			PERFORM fraud_test_advance('7 s');
			now_ := circuit_retry_after('retry');
			falls := falls AND (now_ <= before - interval '7 s' OR now_ = '0');
			negative := negative OR now_ < '0';
			before := now_;
		END LOOP;
		RETURN concat_ws(' ', falls, negative, before, circuit_state('retry'));
	END}), 't f 00:00:00 OPEN', 'retry_after falls and is never negative');
is(block($node, q{
	BEGIN
		PERFORM play('retry after', 'take:a fail*5');
		PERFORM fraud_test_advance('60 s');
		RETURN circuit_retry_after('retry after');
	END}), '00:00:00', 'retry_after is 0 at the end of the wait');
scene('without a failure retry_after is 0', 'ok retry_after', '00:00:00');

# ---- Retry-After

is(block($node, q{
	DECLARE
		rest interval;
	BEGIN
		PERFORM circuit_failure(circuit_acquire('busy'), '429', retry_after => '3 min') FROM generate_series(1, 5);
		rest := circuit_retry_after('busy');
		RETURN concat_ws(' ', rest BETWEEN '179 s' AND '180 s', play('busy', '+179.7s ok +0.3s ok state'));
	END}), 't refused HALF_OPEN', 'a 429 that asks for more than the wait gets it');
is(block($node, q{
	BEGIN
		PERFORM circuit_failure(circuit_acquire('busy for days'), '429', retry_after => '30 days') FROM generate_series(1, 5);
		RETURN play('busy for days', '+3601s ok state');
	END}), 'HALF_OPEN', 'but not more than an hour');
is(block($node, q{
	BEGIN
		PERFORM circuit_failure(circuit_acquire('not so busy'), '429', retry_after => '5 s') FROM generate_series(1, 5);
		RETURN play('not so busy', '+59.7s ok +0.3s ok state');
	END}), 'refused HALF_OPEN', 'one that asks for less changes nothing');

# ---- HALF_OPEN

scene('3 permits, then refusal with reason',
	'fail*5 +60s take:a take:b take:c take:d refused_trials why trials_under_way state',
	qr/^a b c refused 1 \[circuit scene \d+ is half-open and all its trials are under way\] 3 HALF_OPEN$/);
scene('3 successes close it, with an empty window', 'fail*5 +60s ok*3 state failures', 'CLOSED 0');
scene('2 successes do not', 'fail*5 +60s ok*2 state trials_succeeded', 'HALF_OPEN 2');
scene('1 failure re-opens with a fresh wait', 'fail*5 +60s fail state +59.7s ok +0.3s ok state', 'OPEN refused HALF_OPEN');
scene('2 successes and 1 failure re-open', 'fail*5 +60s ok*2 fail state', 'OPEN');
scene('re-entering HALF_OPEN gives 3 fresh permits',
	'fail*5 +60s take:a take:b fail state +60s take:c take:d take:e take:f', 'a b OPEN c d e refused');
scene('ignore() returns the permit', 'fail*5 +60s take:a take:b take:c ignore:a take:d take:e state', 'a b c counted d refused HALF_OPEN');
scene('and is no success', 'fail*5 +60s ignore*10 state trials_succeeded', 'HALF_OPEN 0');
scene('what succeeded takes a permit of the three', 'fail*5 +60s ok*2 take:a take:b ok:a state', 'a refused counted CLOSED');
for my $how (qw(ok fail ignore))
{
	scene("late $how of an earlier generation does nothing in HALF_OPEN, and adds no permit",
		"take:a fail*5 +25s $how:a +35s take:b take:c take:d take:e trials_succeeded state",
		'a late b c d refused 0 HALF_OPEN');
	scene("$how of round 1 is late in round 2",
		"fail*5 +60s take:a take:b fail:b +25s +35s take:c $how:a trials_under_way trials_succeeded state",
		'a b counted c late 1 0 HALF_OPEN');
	scene("$how of before a reset is late", "take:a reset $how:a failures late state", 'a late 0 1 CLOSED');
	scene("$how twice is said and counts once", "take:a $how:a $how:a ok:a admitted in_flight", 'a counted already_finished already_finished 1 0');
}
scene('stuck permits time out and re-open',
	'fail*5 +60s take:a take:b take:c take:d +29s take:e state +1.1s ok state last_error',
	'a b c refused refused HALF_OPEN refused OPEN no answer within the timeout');
scene('without anybody calling', 'fail*5 +60s take:a / +30.1s state', 'a OPEN');
scene('the permit is held until timeout and grace are over', 'take:a / +34.7s in_flight +0.4s in_flight', 'a 1 0');
scene('or its transaction is', 'take:a +36s in_flight / +0s in_flight', 'a 1 0');
scene('the result of one that timed out is late', 'take:a / +30.1s failures ok:a failures in_flight', 'a 1 late 1 0');
scene('and of one whose lease is over', 'take:a / +35.1s in_flight ok:a fail:a failures', 'a 0 late late 1');
scene('5 calls that never come back open it', 'take:a take:b take:c take:d take:e +29s state +1.1s state', 'a b c d e CLOSED OPEN');

# ---- results that are not what they say, or nobody's

is(block($node, q{
	DECLARE
		t bigint := circuit_acquire('long');
		long text := circuit_success(t, '30 s') || ' ' || play('long', 'failures');
		longer text := circuit_success(circuit_acquire('long'), '30.000001 s') || ' ' || play('long', 'failures last_error');
	BEGIN
		RETURN long || ', ' || longer;
	END}), 'counted 0, counted 1 timeout', 'a success after more than 30 s is a timeout');
is(block($node, q{BEGIN RETURN concat_ws(' ', circuit_success(NULL), circuit_failure(NULL), circuit_ignore(NULL), circuit_record(NULL, 200)); END}),
	'no_ticket no_ticket no_ticket no_ticket', 'no ticket');
is(block($node, q{
	DECLARE
		t bigint;
		foreign_ int := 0;
	BEGIN
		-- one in 16,384 may look like a ticket
		FOR i IN 1 .. 20 LOOP
			t := circuit_acquire('mine');
			foreign_ := foreign_ + (circuit_success(t # 1) <> 'unknown')::int + (circuit_failure(t # (1::bigint << 24)) <> 'unknown')::int
				+ (circuit_failure(t # (1::bigint << 39)) <> 'unknown')::int + (circuit_ignore(t # (1::bigint << 60)) <> 'unknown')::int;
		END LOOP;
		RETURN concat_ws(' ', foreign_ < 4, circuit_success(-1), circuit_failure(-9223372036854775808), circuit_ignore(-t), play('mine', 'in_flight failures'));
	END}), 't unknown unknown unknown 20 0', 'forged tickets are unknown and change nothing');
is(block($node, q{
	DECLARE
		foreign_ bigint := 0;
	BEGIN
		FOR i IN 1 .. 3000 LOOP
			foreign_ := foreign_ + (circuit_failure((random() * 9e18)::bigint) <> 'unknown')::int;
		END LOOP;
		RETURN foreign_ < 5;
	END}), 'true', 'and so are numbers at random');

# ---- circuit_record(): statuses

is(block($node, q{
	DECLARE
		said text := '';
		s int;
	BEGIN
		FOR s IN SELECT unnest('{200,204,301,399,400,401,403,404,408,422,499,429,500,503,599,100,0,-1,600,2147483647,-2147483648,NULL}'::int[]) LOOP
			PERFORM circuit_record(circuit_acquire('status ' || coalesce(s, 7)), s);
			said := said || (SELECT concat(coalesce(s::text, 'null'), CASE WHEN failures_total = 1 THEN 'f' WHEN ignored = 1 THEN 'i' WHEN successes = 1 THEN 's' END, ' ')
				FROM circuit_breakers WHERE name = 'status ' || coalesce(s, 7));
		END LOOP;
		RETURN said;
	END}),
	'200s 204s 301s 399s 400i 401i 403i 404i 408i 422i 499i 429f 500f 503f 599f 100f 0f -1f 600f 2147483647f -2147483648f nullf ',
	'2xx and 3xx succeed, 429 and 5xx fail, other 4xx are ignored, and what is no status fails');

# ---- other ways to open

scene('the exact rate opens: 99 of 200 at 49.5 %', 'ok*101 fail*98 state fail state', 'CLOSED OPEN', 'rate 49.5');
scene('one less does not', 'reset ok*102 fail*98 state', 'CLOSED', 'rate 49.5');
scene('a success that completes the minimum opens as well', 'reset fail*99 ok*100 state ok state', 'CLOSED OPEN', 'rate 49.5');
scene('25 of 50 at 50 % open', 'ok*25 fail*24 state fail state', 'CLOSED OPEN', 'rate 50');
scene('24 of 50 do not', 'reset ok*26 fail*24 state', 'CLOSED', 'rate 50');
scene('with less than the minimum the rate says nothing', 'reset fail*49 state', 'CLOSED', 'rate 50');
scene('calls leave the window', 'reset fail*25 +10s ok*25 fail*24 state fail state', 'CLOSED OPEN', 'rate 50');
scene('49.5 % of 50 are 25, not 24', 'ok*26 fail*24 state reset ok*25 fail*24 state fail state', 'CLOSED CLOSED OPEN', 'rate 49.5 of 50');
is(block($node, q{
	BEGIN
		PERFORM circuit_success(circuit_acquire('slow counts'), '1 s') FROM generate_series(1, 5);
		PERFORM circuit_success(circuit_acquire('slow counts'), '1.000001 s') FROM generate_series(1, 4);
		RETURN concat_ws(' ', play('slow counts', 'state failures slow'), circuit_success(circuit_acquire('slow counts'), '2 s'), play('slow counts', 'state last_error'));
	END}), 'CLOSED 4 4 counted OPEN slow', 'slow answers count when configured');
is(block($node, q{
	BEGIN
		PERFORM circuit_success(circuit_acquire('slow rate'), '2 s');
		PERFORM circuit_success(circuit_acquire('slow rate'), '10 ms') FROM generate_series(1, 2);
		RETURN concat_ws(' ', play('slow rate', 'state failures'), circuit_success(circuit_acquire('slow rate'), '2 s'), play('slow rate', 'state'));
	END}), 'CLOSED 0 counted OPEN', 'a rate of slow answers opens');
scene('the wait grows 30 s, 1, 2, 5 min with each trial that fails',
	'fail*5 +29.7s ok +0.3s fail +59.7s ok +0.3s fail +119.7s ok +0.3s fail +299.7s ok +0.3s fail +299.7s ok +0.3s ok state',
	'refused refused refused refused refused HALF_OPEN', 'steps');
scene('and goes one step back for each healthy interval',
	'ok*2 state +21min fail*5 +59.7s ok +0.3s ok state', 'CLOSED refused HALF_OPEN', 'steps');
is(block($node, q{
	DECLARE
		rest interval;
		lowest interval := '1 day';
		highest interval := '0';
	BEGIN
		FOR i IN 1 .. 60 LOOP
			PERFORM play('jittery', 'reset fail*5');
			rest := circuit_retry_after('jittery');
			lowest := least(lowest, rest);
			highest := greatest(highest, rest);
		END LOOP;
		RETURN concat_ws(' ', lowest >= '99 s', lowest < '115 s', highest > '135 s', highest <= '150 s');
	END}), 't t t t', 'jitter makes the wait up to so much longer');
scene('one reporter alone does not open it', 'fail*20 state reporters', 'CLOSED 1', 'quorum');
sql($node, 'CREATE ROLE second LOGIN; GRANT EXECUTE ON FUNCTION circuit_acquire, circuit_failure, circuit_success, circuit_ignore, circuit_allow, circuit_report TO second');
is($node->safe_psql('postgres', q{SELECT circuit_failure(circuit_acquire('quorum'))}, extra_params => [ '-U', 'second' ]), 'counted', 'a second one');
is(sql($node, q{SELECT play('quorum', 'state reporters')}), 'OPEN 2', 'does');

# ---- bulkhead

scene('max_concurrent 0 refuses all', 'ok why state admitted refused_full', qr/^refused \[circuit none at all has as many calls in flight as max_concurrent allows\] CLOSED 0 1$/, 'none at all');
scene('max_concurrent 2', 'take:a take:b take:c ok:a take:d take:e in_flight', 'a b refused counted d refused 2', 'two at a time');
scene('what nobody finishes gives its place back', '+35.1s in_flight take:a take:b take:c', '0 a b refused', 'two at a time');

# ---- without tickets

is(block($node, q{
	BEGIN
		RETURN concat_ws(' ', circuit_allow('loose'), circuit_allow('loose'), play('loose', 'in_flight'),
			circuit_report('loose', 'timeout'), play('loose', 'in_flight failures'), circuit_report('loose'), play('loose', 'in_flight successes'),
			circuit_report('loose', http_status => 503), play('loose', 'failures admitted'));
	END}), 't t 2 counted 1 1 counted 0 1 counted 2 2', 'circuit_report() finishes the oldest circuit_allow(), else it is evidence');
is(sql($node, q{SELECT circuit_allow('forgotten'); SELECT play('forgotten', '+36s in_flight');
	SELECT concat_ws(' ', circuit_allow('forgotten'), circuit_report('forgotten', 'timeout'), play('forgotten', 'in_flight failures'))}),
	"t\n0\nt counted 0 2", 'one whose lease is over is not open any more');
is(block($node, q{
	BEGIN
		PERFORM circuit_allow('evidence');
		PERFORM circuit_report('evidence', 'ignore');
		PERFORM circuit_report('evidence', 'connection') FROM generate_series(1, 5);
		RETURN concat_ws(' ', play('evidence', 'state'), circuit_report('evidence'), play('evidence', 'late +60s'), circuit_report('evidence'),
			play('evidence', 'state take:a'), circuit_report('evidence', 'x'), circuit_report('evidence'), play('evidence', 'state trials_succeeded'));
	END}), 'OPEN late 1 late OPEN a late late HALF_OPEN 0', 'evidence opens, but is no trial');

is(block($node, q{
	BEGIN
		PERFORM circuit_allow('statuses');
		PERFORM circuit_report('statuses', http_status => s) FROM unnest('{200,404,429,500,-2147483648,2147483647}'::int[]) s;
		RETURN play('statuses', 'successes ignored failures_total in_flight');
	END}), '1 1 4 0', 'circuit_report() takes statuses as well');
is(block($node, q{
	BEGIN
		PERFORM circuit_allow('many') FROM generate_series(1, 70);
		PERFORM circuit_report('many') FROM generate_series(1, 70);
		RETURN play('many', 'in_flight successes');
	END}), '6 70', 'a session remembers its last 64 circuit_allow()');

# ---- by hand

scene('reset empties everything and makes tickets in flight late',
	'take:a fail*4 reset failures generation ok:a fail*4 state failures_total refused last_error', 'a 0 2 late CLOSED 8 0 503');
scene('reset closes an open circuit', 'fail*5 state reset state ok failures last_error', 'OPEN CLOSED 0 none');
scene('trip opens, and recovers by itself', 'ok trip state +59.7s ok +0.3s ok*3 state', 'OPEN refused CLOSED');
scene('trip again begins the wait anew', 'ok trip +50s trip +30s ok +30s ok state', 'refused HALF_OPEN');
scene('forced open ignores time', 'ok open:1h +59min ok state why', qr/^refused FORCED_OPEN \[circuit scene \d+ is forced open\]$/);
scene('and ends with its duration', 'ok open:1h +59min +59s state +1s state ok', 'FORCED_OPEN CLOSED');
scene('forced open over OPEN ends in OPEN', 'fail*5 open:10s state ok +10s state +49.7s ok +0.3s ok state', 'FORCED_OPEN refused OPEN refused HALF_OPEN');
scene('successes do not end it', 'take:a open:1h ok:a state', 'a late FORCED_OPEN');
scene('forced closed admits all', 'fail*5 closed:1h state fail*30 ok state', 'FORCED_CLOSED FORCED_CLOSED');
scene('and ends with its duration, with an empty window', 'ok closed:1h fail*4 +1h state fail*4 state failures', 'CLOSED CLOSED 4');
scene('metrics-only admits all and records failures', 'ok metrics:1h fail*20 ok state failures', 'METRICS_ONLY 20');
scene('and ends with its duration', 'ok metrics:30s fail*20 +30s state failures', 'CLOSED 0');
scene('reset ends every forced mode', 'ok open:1h reset state closed:1h reset state metrics:1h reset state forced_by', 'CLOSED CLOSED CLOSED none');
scene('a forced mode replaces another', 'ok open:1h closed:1h state metrics:1h state open:1s state +1s state', 'FORCED_CLOSED METRICS_ONLY FORCED_OPEN CLOSED');
scene('mode: disabled admits all', 'fail*10 ok state forced_by', 'FORCED_CLOSED service.yaml', 'disabled');
scene('mode: metrics_only', 'fail*10 ok state', 'METRICS_ONLY', 'watched');
scene('mode: forced_open refuses all', 'ok +25h ok state', 'refused refused FORCED_OPEN', 'closed for now');
is(sql($node, q{SELECT circuit_force_open('watched', 'no end', NULL); SELECT play('watched', '+9y state forced_until retry_after reset state -9y')}),
	"\nFORCED_OPEN none none METRICS_ONLY", 'NULL is without end, and reset goes back to what the file says');

# ---- the clock

scene('the clock moved back changes nothing that is counted', 'fail*4 -2h failures fail state', '4 OPEN');
scene('nor the wait', 'fail*5 +20s -3h ok +39.7s ok +0.3s ok state', 'refused refused HALF_OPEN');
scene('the clock moved far forward', 'fail*5 +5y probe_due ok*3 state', 'true CLOSED');
scene('back and forward', 'fail*3 -1h failures +9s failures -1h failures +2s failures', '3 3 3 0');
scene('a forced state does not become longer', 'ok open:1h -5h +59min state +1min state', 'FORCED_OPEN CLOSED');

# ---- what happened, in numbers

scene('counters', 'ok*3 ignore*2 fail*5 ok*4 admitted successes failures_total ignored refused',
	'refused refused refused refused 10 3 5 2 4');
scene('trips_hour and trips_day', 'fail*5 reset trip reset trips_hour +2h trips_hour trips_day +23h trips_day', '2 0 2 0');
is(block($node, q{
	DECLARE
		b circuit_breakers;
	BEGIN
		PERFORM play('numbers', 'ok*3 fail');
		PERFORM fraud_test_advance('3 s');
		SELECT * INTO b FROM circuit_breakers WHERE name = 'numbers';
		PERFORM play('numbers', 'fail*4 +20s');
		RETURN concat_ws(' ', b.success_rate, b.slow_rate, extract(epoch FROM b.oldest_leaves_at - b.last_error_at)::int, b.failures_allowed, b."window", b."timeout", b.since < b.last_error_at,
			(SELECT time_open BETWEEN '20 s' AND '40 s' FROM circuit_breakers WHERE name = 'numbers'));
	END}), '0.75 0 10 5 00:00:10 00:00:30 t t', 'rates, times and settings in the view');
is(block($node, q{
	BEGIN
		PERFORM play('numbers', '+70s');
		RETURN (SELECT success_rate IS NULL AND time_open BETWEEN '90 s' AND '120 s' FROM circuit_breakers WHERE name = 'numbers');
	END}), 'true', 'rates are of the last minute');

$node->stop;
done_testing();
