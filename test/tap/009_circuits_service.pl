# Circuits as a service: the ten scenarios of the mission, service.yaml read
# again, events, rights, names and values that are wrong or strange.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', "fraud_fallback.max_circuits = 100\nlog_min_messages = debug1\n", "circuits: {named: {}}\n");

sub played
{
	my ($circuit, $line) = @_;
	return sql($node, "SELECT play('$circuit', '$line')");
}

# ---- the scenarios, one after the other in the same circuit

sql($node, q{
CREATE FUNCTION service(arg jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF arg ? 'down' THEN RAISE EXCEPTION 'no route to the service' USING ERRCODE = '08006'; END IF;
	RETURN '{"source": "ML"}';
END $$;
CREATE FUNCTION decide(arg jsonb) RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(circuit_call('ml', 'service(jsonb)', arg, attempts => 1) ->> 'source', 'RULES') $$;
});
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN fraud_fallback');

is(block($node, q{DECLARE said text; BEGIN
	SELECT string_agg(decide('{"down": 1}'), ' ') INTO said FROM generate_series(1, 4);
	RETURN concat_ws(' ', said, circuit_state('ml'), decide('{"down": 1}'), circuit_state('ml')); END}),
	'RULES RULES RULES RULES CLOSED RULES OPEN', 'C1: 5 failures open it');
is(played('ml', '+30s ok state +29.5s ok state'), 'refused OPEN refused OPEN', 'C2: it stays open 60 s');
is(sql($node, q{SELECT decide('{}') FROM generate_series(1, 3); SELECT play('ml', 'refused')}), "RULES\nRULES\nRULES\n5", 'C6: the fallback answers when it is open, the service is not called');
is(played('ml', '+0.5s take:a take:b take:c take:d ignore:a ignore:b ignore:c state'), 'a b c refused counted counted counted HALF_OPEN', 'C3: then 3 trials');
is(played('ml', 'fail state +59.5s ok'), 'OPEN refused', 'C5: 1 failure in HALF_OPEN opens it again, for 60 s');
is(sql($node, q{SELECT play('ml', '+0.5s'); SELECT decide('{}') FROM generate_series(1, 3); SELECT circuit_state('ml')}), "\nML\nML\nML\nCLOSED", 'C4: 3 successes close it, and the service answers again');
cycle($node);
is(sql($node, q{SELECT concat_ws(' ', state, failures, admitted, successes, failures_total, ignored, refused, trips_hour, in_flight, time_open BETWEEN '119 s' AND '150 s', last_error) FROM circuit_breakers WHERE name = 'ml'}),
	'CLOSED 0 12 3 6 3 7 2 0 t 503', 'C7: metrics track the state');
is(sql($node, q{SELECT string_agg("from" || ' -> ' || "to", ', ' ORDER BY (cause ->> 'generation')::int) FROM fraud_events WHERE kind = 'circuit' AND subject = 'ml'}),
	'CLOSED -> OPEN, OPEN -> HALF_OPEN, HALF_OPEN -> OPEN, OPEN -> HALF_OPEN, HALF_OPEN -> CLOSED', 'C8: an alert on each change, once');
my $told = $listener->query('SELECT 1');
is(scalar(() = $told =~ /"kind": "circuit", "subject": "ml"/g), 5, 'to listeners, too');
service($node, "circuits: {ml: {failures: 2, open_for: [5 s]}, named: {}}\n");
is(played('ml', 'fail state fail state +4.7s ok +0.3s ok*3 state'), 'CLOSED OPEN refused CLOSED', 'C9: a configuration change takes effect');
my $crowd = crowd_start($node, 16, "SELECT pg_advisory_lock_shared(42);\nSELECT circuit_success(circuit_acquire('ml')) FROM generate_series(1, 500);\n");
crowd_go($crowd);
ok(crowd_end($crowd), 'C10: 16 sessions at a time');
is(played('ml', 'successes in_flight state'), '8006 0 CLOSED', 'C10: all of them counted right');

# ---- events: who, what, when, where, why

is(sql($node, q{SELECT kind, "from", "to", who = session_user, node, message, cause ->> 'reason', cause ->> 'generation', cause ->> 'seconds', (cause ->> 'pid')::int > 0,
	jsonb_array_length(cause -> 'last_failures'), cause #>> '{last_failures,0,kind}', cause #>> '{last_failures,0,reporter}' = session_user || '@local',
	at - (cause #>> '{last_failures,0,at}')::timestamptz BETWEEN '0' AND '1 s' FROM fraud_events WHERE subject = 'ml' AND "to" = 'OPEN' ORDER BY at LIMIT 1}),
	'circuit|CLOSED|OPEN|t|main|CLOSED -> OPEN: 5 failures within 10 s; calls are refused for 1 min|failures|2|60|t|5|connection|t|t', 'an event says why: kind, reporter and time of the last failures');
like(slurp_file($node->logfile), qr/LOG:  circuit ml: CLOSED -> OPEN: 5 failures within 10 s; calls are refused for 1 min\n.*DETAIL:  by \w+: \{"reason": "failures", "generation": 2, .*"kind": "connection"/, 'and so does the log');
like(slurp_file($node->logfile), qr/DEBUG:  circuit "ml": failure connection by \w+\@local\n/, 'with single failures at DEBUG1');
like($told, qr/Asynchronous notification "fraud_fallback" with payload "\{"at": "[^"]+\+00:00", "kind": "circuit", "subject": "ml", "from": "CLOSED", "to": "OPEN", .*"message": "CLOSED -> OPEN: 5 failures within 10 s; calls are refused for 1 min", "cause": \{"reason": "failures", "seconds": 60, "generation": 2\}\}"/, 'as JSON for listeners, without who called from where');
$listener->quit;
played('by hand', 'ok trip reset');
sql($node, q{SELECT circuit_force_open('by hand', 'the night of the move', '90 s'); SELECT play('by hand', '+90s');
	SELECT circuit_metrics_only('by hand', 'watch', '1 min'); SELECT play('by hand', 'fail*7 +30s fail*7 +31s fail*7 +60s')});
is(sql($node, q{SELECT message || coalesce(' - ' || (cause ->> 'text'), '') FROM fraud_events WHERE subject = 'by hand' ORDER BY at, (cause ->> 'generation')::int}), join("\n",
		'CLOSED -> OPEN: tripped by hand: test; calls are refused for 1 min - test',
		'OPEN -> CLOSED: reset by hand',
		'CLOSED -> FORCED_OPEN: forced by hand: the night of the move; calls are refused, for 1 min 30 s - the night of the move',
		'FORCED_OPEN -> CLOSED: the time of the forced state is over',
		'CLOSED -> METRICS_ONLY: forced by hand: watch; calls are admitted whatever comes, for 1 min - watch',
		'it would have opened, but only metrics are kept',
		'METRICS_ONLY -> CLOSED: the time of the forced state is over',
		'CLOSED -> OPEN: 5 failures within 10 s; calls are refused for 1 min'),
	'what is done by hand, what time ends, and "would have opened" once a wait');
sql($node, q{BEGIN; SELECT play('rolled back', 'fail*5'); ROLLBACK});
cycle($node);
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE subject = 'rolled back'}), '1', 'an event does not depend on the caller\'s transaction');
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE subject = 'named'}), '0', 'what has not changed has no event');

# ---- circuit_explain()

played('explained', 'fail*3');
like(sql($node, q{SELECT circuit_explain('explained')}),
	qr/^Circuit explained is CLOSED since .*\. Nothing has happened to it since the server started\. Calls are admitted\. 3 of 5 failures within 10 s have been counted, the oldest of them leaves in (10|[5-9]\.\d) s\. When it opens, calls are refused for 1 min\. The last failure was 503, reported by \w+\@local at \S+ \S+\.$/, 'explain: CLOSED');
like(sql($node, q{SELECT play('explained', 'fail*2 ok'); SELECT circuit_explain('explained')}),
	qr/Circuit explained is OPEN since .* It came from CLOSED: 5 failures within 10 s\. Calls are refused, 1 since the server started\. In (1 min|5\d(\.\d)? s) the next call is admitted as a trial; 3 trials that succeed close it, one that fails opens it again for 1 min\./, 'explain: OPEN');
like(sql($node, q{SELECT play('explained', '+60s'); SELECT circuit_explain('explained')}), qr/OPEN since.* The wait is over: the next call is admitted as a trial;/, 'explain: the wait is over');
like(sql($node, q{SELECT play('explained', 'ok take:a'); SELECT circuit_explain('explained')}), qr/HALF_OPEN since.* Trials decide: 1 of 3 have succeeded, 1 are under way\. One that fails, or takes longer than 30 s, opens it again for 1 min\./, 'explain: HALF_OPEN');
like(sql($node, q{SELECT circuit_force_open('explained', 'Müller sagt nein', '10 min'); SELECT circuit_explain('explained')}),
	qr/FORCED_OPEN since.* forced by hand: Müller sagt nein, by \w+\. Calls are refused whatever the service does\. It ends in (10 min|9 min 5\d s), or with circuit_reset\(\); then it is OPEN\./, 'explain: FORCED_OPEN');
like(sql($node, q{SELECT circuit_force_closed('explained', 'x', NULL); SELECT circuit_explain('explained')}), qr/FORCED_CLOSED since.* Calls are admitted whatever the service does\. It ends with circuit_reset\(\)\./, 'explain: FORCED_CLOSED');
is(sql($node, q{SELECT generation FROM circuit_breakers WHERE name = 'explained'; SELECT count(circuit_explain(name)) = count(*) FROM circuit_breakers; SELECT generation FROM circuit_breakers WHERE name = 'explained'}) =~ s/^(\d+)\nt\n\1$/same/r, 'same', 'explaining changes nothing');

# ---- service.yaml, read again

my @open = map { $node->background_psql('postgres') } 1 .. 2;
$open[0]->query_safe(q{SELECT play('reload', 'fail*3')});
service($node, "circuits: {template: {failures: 4}, named: {failures: 3}}\n");
is($open[1]->query_safe(q{SELECT play('reload', 'state failures failures_allowed fail state')}), 'CLOSED 3 4 OPEN', 'a threshold takes effect for every session, and what was counted stays');
service($node, "circuits: {template: {failures: 20, open_for: [3 min]}}\n");
is($open[0]->query_safe(q{SELECT play('reload', 'state +59.5s ok +0.5s ok*2 state')}), 'OPEN refused HALF_OPEN', 'an OPEN circuit keeps its state and its wait');
service($node, "circuits: {template: {failures: 20, successes: 4}}\n");
is($open[1]->query_safe(q{SELECT play('reload', 'ok state ok state')}), 'HALF_OPEN CLOSED', 'a HALF_OPEN one its trials');
for my $mode ([ disabled => 'FORCED_CLOSED' ], [ metrics_only => 'METRICS_ONLY' ], [ forced_open => 'FORCED_OPEN' ])
{
	service($node, "circuits: {reload: {mode: $mode->[0]}}\n");
	is($open[0]->query_safe(q{SELECT play('reload', 'state forced_by')}), "$mode->[1] service.yaml", "mode: $mode->[0]");
}
service($node, "circuits: {template: {}}\n");
is($open[1]->query_safe(q{SELECT play('reload', 'state forced_by')}), 'CLOSED none', 'mode: normal');
cycle($node);
is(sql($node, q{SELECT string_agg("to", ' ' ORDER BY (cause ->> 'generation')::int) FROM fraud_events WHERE subject = 'reload' AND cause ->> 'reason' = 'configured'}),
	'FORCED_CLOSED METRICS_ONLY FORCED_OPEN CLOSED', 'events say so');
played('by mode', 'fail*5');
service($node, "circuits: {by mode: {mode: disabled}}\n");
is(played('by mode', 'ok state'), 'FORCED_CLOSED', 'a mode over OPEN');
service($node, "circuits: {template: {}}\n");
is(played('by mode', 'state +60s ok state'), 'OPEN HALF_OPEN', 'then it is OPEN as before');
write_file($node->data_dir . '/service.yaml', "circuits: {template: {failures: 0}, reload: {mode: forced_open}}\n");
like(run_as($node, undef, 'SELECT fraud_reload()'), qr/^ERROR:  .*line 1, column 33/s, 'a bad file is refused');
is($open[0]->query_safe(q{SELECT play('reload', 'state failures_allowed fail*4 state fail state')}), 'CLOSED 5 CLOSED OPEN', 'and changes nothing');
service($node, "circuits: {template: {timeout: 1 s, grace: 0 s}}\n");
is(sql($node, q{SELECT play('quick', 'take:a'); SELECT play('quick', '+1.1s failures in_flight')}), "a\n1 0", 'a timeout takes effect');
service($node, "circuits: {template: {}}\n");
$_->quit for @open;

# ---- rights

sql($node, q{CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE ROLE application LOGIN; GRANT EXECUTE ON FUNCTION circuit_acquire, circuit_success, circuit_failure, circuit_ignore, circuit_record TO application});
my @calls = (q{circuit_acquire('ml')}, q{circuit_success(1)}, q{circuit_failure(1)}, q{circuit_ignore(1)}, q{circuit_record(1, 200)},
	q{circuit_allow('ml')}, q{circuit_report('ml')}, q{circuit_refusal()}, q{circuit_call('ml', 'service(jsonb)', '{}')});
my @reads = (q{circuit_state('ml')}, q{circuit_retry_after('ml')}, q{circuit_explain('ml')}, q{circuit_capacity()}, q{circuit_breakers()}, q{circuit_in_flight_rows()});
my @hands = (q{circuit_trip('ml', 'x')}, q{circuit_force_open('ml', 'x')}, q{circuit_force_closed('ml', 'x')}, q{circuit_metrics_only('ml', 'x')}, q{circuit_reset('ml')});
for my $call (@calls, @reads, @hands)
{
	my ($function) = $call =~ /^(\w+)/;
	is(run_as($node, 'nobody', "SELECT $call"), "ERROR:  42501: permission denied for function $function\n", "without rights: $function()");
}
for my $view (qw(circuit_breakers circuit_in_flight))
{
	is(run_as($node, 'nobody', "SELECT * FROM $view"), "ERROR:  42501: permission denied for view $view\n", "without rights: view $view");
	like(run_as($node, 'watcher', "SELECT count(*) FROM $view"), qr/^\d+$/, "pg_monitor: view $view");
}
unlike(run_as($node, 'watcher', "SELECT $_"), qr/ERROR/, "pg_monitor: $_") for @reads;
like(run_as($node, 'watcher', "SELECT $_"), qr/^ERROR:  42501/, "not for pg_monitor: $_") for (@calls, @hands);
like(run_as($node, 'application', "SELECT $_"), qr/^ERROR:  42501/, "not for an application: $_") for (@reads, @hands);
is(run_as($node, 'application', q{SELECT circuit_success(circuit_acquire('ml'))}), 'counted', 'which may make calls');
is(run_as($node, undef, q{SELECT count(*) FROM circuit_breakers WHERE forced_by IS NOT NULL AND name = 'ml'}), '0', 'nothing of it was done');
sql($node, q{GRANT EXECUTE ON FUNCTION circuit_force_open, circuit_reset TO application});
run_as($node, 'application', q{SELECT circuit_force_open('named', 'by the application')});
is(played('named', 'forced_by state reset state'), 'application FORCED_OPEN CLOSED', 'who has forced it is shown');

# ---- names

for my $call ((grep { $_ !~ /breakers|rows|capacity/ } @reads), @hands, q{circuit_report('ml')})
{
	(my $wrong = $call) =~ s/'ml'/'explaned'/;
	is(run_as($node, undef, "SELECT $wrong"), qq{ERROR:  42704: there is no circuit "explaned"\nHINT:  Did you mean "explained"?\n}, "unknown name: $wrong");
}
like(run_as($node, undef, q{SELECT circuit_state('zzzzzzzzzzzzzzz')}), qr/^ERROR:  42704: there is no circuit "z+"\nHINT:  A circuit begins with its first circuit_acquire\(\)/, 'with nothing near');
is(sql($node, q{SELECT count(*) FROM circuit_breakers WHERE name IN ('explaned', 'zzzzzzzzzzzzzzz')}), '0', 'which made none');
my @bad = (q{''}, q{repeat('x', 64)}, q{repeat('x', 100000)}, q{'Müller'}, q{E'a\tb'}, q{E'a\nb'}, q{E'\x7f'}, q{'日本'});
like(run_as($node, undef, "SELECT circuit_acquire($_)"), qr/^ERROR:  22023: "[^"]*" cannot be the name of a circuit\nHINT:  The name of a circuit has 1 to 63 printable ASCII characters/s, "not a name: $_") for @bad;
like(run_as($node, undef, "SELECT circuit_state($_)"), qr/^ERROR:  42704: there is no circuit/, "nor there: $_") for @bad;
is(sql($node, "SELECT circuit_success(circuit_acquire(n)), circuit_state(n) FROM (VALUES (repeat('x', 63)), (' '), ('a\"b''c\\d%s'), ('-')) v (n)"), join("\n", ('counted|CLOSED') x 4), 'names that look strange');
is(sql($node, q{SELECT circuit_state('ml') = circuit_state('ml'), circuit_success(circuit_acquire('ML')), (SELECT count(*) FROM circuit_breakers WHERE lower(name) = 'ml')}), 't|counted|2', 'case counts');

# ---- values

is(sql($node, q{SELECT circuit_acquire(NULL), circuit_allow(NULL), circuit_state(NULL), circuit_retry_after(NULL), circuit_explain(NULL), circuit_report(NULL)}), '|||||', 'NULL for a name is NULL where it is asked');
my %refused = (
	q{circuit_trip(NULL, 'x')} => '22004: name must not be NULL',
	q{circuit_reset(NULL)} => '22004: name must not be NULL',
	q{circuit_trip('ml', NULL)} => '22004: a reason is needed',
	q{circuit_force_open('ml', '')} => '22004: a reason is needed',
	q{circuit_force_closed('ml', NULL)} => '22004: a reason is needed',
	q{circuit_force_open('ml', 'x', '0')} => '22023: duration must be longer than nothing',
	q{circuit_force_closed('ml', 'x', '-1 hour')} => '22023: duration must be longer than nothing',
	q{circuit_metrics_only('ml', 'x', '-178000000 years')} => '22023: duration must be longer than nothing',
	q{circuit_metrics_only('ml', 'x', '1 month -31 days')} => '22023: duration must be longer than nothing',
	q{circuit_trip('forced', 'x')} => '55000: circuit "forced" is FORCED_OPEN, which a trip does not end');
played('forced', 'ok open:1h');
like(run_as($node, undef, "SELECT $_"), qr/^ERROR:  \Q$refused{$_}\E/, "refused: $_") for (sort keys %refused);
is(block($node, q{DECLARE said text := ''; d interval; BEGIN
	PERFORM play('far', 'ok');
	FOREACH d IN ARRAY '{178000000 years,-2147483648 months 2147483647 days 2562047788:00:54.775807,2147483647 days,1 microsecond}'::interval[] LOOP
		BEGIN
			PERFORM circuit_force_open('far', 'x', d);
			said := said || (SELECT concat_ws(' ', state, forced_until > now(), retry_after >= '0') FROM circuit_breakers WHERE name = 'far') || ', ';
			PERFORM length(circuit_explain('far')), play('far', 'reset');
		EXCEPTION WHEN OTHERS THEN said := said || SQLSTATE || ', '; END;
	END LOOP; RETURN said || circuit_state('far'); END}),
	'FORCED_OPEN t t, 22023, FORCED_OPEN t t, CLOSED t, CLOSED', 'durations that are huge, mixed and tiny');
is(block($node, q{DECLARE said text; BEGIN
	SELECT string_agg(circuit_success(circuit_acquire('latencies'), l), ' ') INTO said FROM unnest('{-1 s,-178000000 years,0,30 s}'::interval[]) l;
	RETURN concat_ws(' ', said, play('latencies', 'successes failures'), circuit_success(circuit_acquire('latencies'), '178000000 years'),
		circuit_failure(circuit_acquire('latencies'), 'x', '-1 s', '-1 s'), play('latencies', 'failures_total retry_after state')); END}),
	'counted counted counted counted 4 0 counted counted 2 00:00:00 CLOSED', 'latencies that are negative or huge');
is(block($node, q{DECLARE k text; said text := ''; BEGIN
	FOREACH k IN ARRAY ARRAY[NULL, '', repeat('k', 23), repeat('k', 24), repeat('k', 1000000), 'Müller', E'a\nb', '日本', '"', '{}', '%s%n'] LOOP
		PERFORM circuit_failure(circuit_acquire('kinds'), k);
		said := said || (SELECT last_error FROM circuit_breakers WHERE name = 'kinds') || '|';
		PERFORM circuit_reset('kinds');
	END LOOP; RETURN said; END}),
	join('|', 'error', 'error', 'k' x 23, 'k' x 23, 'k' x 23, 'M??ller', 'a?b', '??????', '"', '{}', '%s%n', ''), 'kinds that are long, empty or not ASCII');
is(block($node, q{BEGIN
	PERFORM circuit_failure(circuit_acquire('kinds'), k) FROM unnest('{"\"","\\\\","日本","%s",x}'::text[]) k;
	RETURN circuit_state('kinds'); END}), 'OPEN', 'such failures open it');
is(block($node, q{BEGIN PERFORM play('reasons', 'ok'), circuit_force_open('reasons', repeat('ä', 5000)), play('reasons', '+1s');
	RETURN (SELECT concat_ws(' ', length(forced_reason), octet_length(forced_reason)) FROM circuit_breakers WHERE name = 'reasons') || ' ' || (circuit_explain('reasons') ~ 'ääää'); END}), '99 198 true', 'a long reason ends between two characters');
sql($node, q{SELECT circuit_force_open('reasons', E'a "quote", a \\\\ and a \n line')});
cycle($node);
is(sql($node, q{SELECT jsonb_typeof(cause), cause ->> 'text' FROM fraud_events WHERE subject = 'reasons' ORDER BY at DESC LIMIT 1}), "object|a \"quote\", a \\ and a \n line", 'any reason is good JSON');
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE subject = 'kinds' AND cause #>> '{last_failures,1,kind}' = '%s'}), '1', 'and any kind');
is(sql($node, q{SELECT max(length(cause::text)) < 4000 FROM fraud_events}), 't', 'events are of bounded size');

# ---- databases of other encodings

sql($node, q{CREATE DATABASE latin TEMPLATE template0 ENCODING latin1 LOCALE 'C'});
$node->safe_psql('latin', 'CREATE EXTENSION fraud_fallback');
is($node->safe_psql('latin', q{SET client_encoding = utf8; SELECT circuit_force_open('ml', 'für Müller'); SELECT forced_reason FROM circuit_breakers WHERE name = 'ml'}) =~ s/^\n//r, 'für Müller', 'a reason in a database of another encoding');
is(sql($node, q{SELECT forced_reason FROM circuit_breakers WHERE name = 'ml'}), 'für Müller', 'is read in this one');
sql($node, q{SELECT circuit_force_open('ml', '日 für 本')});
is($node->safe_psql('latin', q{SET client_encoding = utf8; SELECT state, forced_reason FROM circuit_breakers WHERE name = 'ml'; SELECT circuit_explain('ml') ~ 'by hand: . für .,'}),
	"FORCED_OPEN|? für ?\nt", 'what cannot be shown has a question mark');
sql($node, q{CREATE DATABASE bytes TEMPLATE template0 ENCODING sql_ascii LOCALE 'C'});
$node->safe_psql('bytes', q{CREATE EXTENSION fraud_fallback;
	CREATE FUNCTION broken(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION E'\x80 is \xe9'; END $$});
is($node->safe_psql('bytes', q{SELECT circuit_call('bytes', 'broken(jsonb)', '{}') IS NULL, (SELECT last_error FROM circuit_breakers WHERE name = 'bytes')}), 't|? is ?', 'an error in no encoding is a failure like others');
$node->safe_psql('bytes', q{SELECT circuit_force_open('bytes', E'wei\xdf ich')});
is(sql($node, q{SELECT forced_reason FROM circuit_breakers WHERE name = 'bytes'}), 'wei? ich', 'a reason, too');

$node->stop;
done_testing();
