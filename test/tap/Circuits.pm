# For tests of circuits: a server whose clock is moved, and play(), which does
# what a line of words says to a circuit and returns what came of it.
package Circuits;
use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(new_node write_file service sql block run_as crowd_start crowd_go crowd_end cycle log_count gone comes_back);

# Words, each with *n for n times; tickets are the session's:
#   +10s -1h             moves the clock
#   ok fail ignore       a call that ends like that; says what is not "counted"
#   take:a               acquires ticket a; says a, or "refused"
#   ok:a fail:a ignore:a ends it; says the answer
#   trip reset           and open: closed: metrics: with a duration
#   state why, or a column of circuit_breakers: says it
our $play = q{
CREATE FUNCTION play(circuit text, line text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	word text;
	said text[] := '{}';
	tickets jsonb := coalesce(nullif(current_setting('play.tickets', true), ''), '{}');
	ticket bigint;
	verb text;
	what text;
	n int;
	r text;
BEGIN
	FOREACH word IN ARRAY regexp_split_to_array(btrim(line), '\s+') LOOP
		n := coalesce(substring(word FROM '\*(\d+)$')::int, 1);
		word := regexp_replace(word, '\*\d+$', '');
		verb := split_part(word, ':', 1);
		what := split_part(word, ':', 2);
		FOR i IN 1 .. n LOOP
			r := NULL;
			IF word ~ '^[+-]' THEN
				PERFORM fraud_test_advance(word::interval);
			ELSIF verb = 'take' THEN
				ticket := circuit_acquire(circuit);
				tickets := tickets || jsonb_build_object(what, ticket);
				PERFORM set_config('play.tickets', tickets::text, false);
				r := CASE WHEN ticket IS NULL THEN 'refused' ELSE what END;
			ELSIF verb IN ('ok', 'fail', 'ignore') THEN
				ticket := CASE WHEN what <> '' THEN (tickets ->> what)::bigint ELSE circuit_acquire(circuit) END;
				r := CASE WHEN ticket IS NULL THEN 'refused'
					WHEN verb = 'ok' THEN circuit_success(ticket)
					WHEN verb = 'fail' THEN circuit_failure(ticket, '503')
					ELSE circuit_ignore(ticket) END;
				r := CASE WHEN what <> '' OR r <> 'counted' THEN r END;
			ELSIF verb = 'trip' THEN
				PERFORM circuit_trip(circuit, 'test');
			ELSIF verb = 'reset' THEN
				PERFORM circuit_reset(circuit);
			ELSIF verb = 'open' THEN
				PERFORM circuit_force_open(circuit, 'test', what::interval);
			ELSIF verb = 'closed' THEN
				PERFORM circuit_force_closed(circuit, 'test', what::interval);
			ELSIF verb = 'metrics' THEN
				PERFORM circuit_metrics_only(circuit, 'test', what::interval);
			ELSIF verb = 'state' THEN
				r := circuit_state(circuit);
			ELSIF verb = 'why' THEN
				r := '[' || coalesce(circuit_refusal(), '') || ']';
			ELSE
				SELECT coalesce(to_jsonb(b) ->> verb, 'none') INTO STRICT r FROM circuit_breakers b WHERE name = circuit;
			END IF;
			said := said || r;
		END LOOP;
	END LOOP;
	RETURN array_to_string(said, ' ');
END $$;
};

sub new_node
{
	my ($name, $conf, $yaml, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf(
		'postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.node_name = '$name'
fraud_fallback.service_file = 'service.yaml'
restart_after_crash = on
max_connections = 60
autovacuum = off
jit = off
$conf));
	write_file($node->data_dir . '/service.yaml', $yaml);
	$node->start;
	$node->safe_psql('postgres', "CREATE EXTENSION fraud_fallback; $play");
	return $node;
}

# the file changes as a whole
sub write_file
{
	my ($file, $text) = @_;
	open(my $fh, '>:raw', "$file.new") or die "could not write $file.new: $!";
	print $fh $text;
	close($fh) or die "could not write $file.new: $!";
	rename("$file.new", $file) or die "could not rename to $file: $!";
}

# another service.yaml, for every session
sub service
{
	my ($node, $yaml) = @_;
	write_file($node->data_dir . '/service.yaml', $yaml);
	return $node->safe_psql('postgres', 'SELECT fraud_reload()');
}

sub sql
{
	my ($node, $query) = @_;
	return $node->safe_psql('postgres', $query);
}

# what a block of plpgsql returns: one statement, so that no time passes in it
# but what it moves itself
sub block
{
	my ($node, $body) = @_;
	return sql($node, "CREATE FUNCTION pg_temp.block() RETURNS text LANGUAGE plpgsql AS \$block\$ $body \$block\$; SELECT pg_temp.block()");
}

# what a role gets (undef: who runs the tests): the answer, or SQLSTATE and message with detail and hint
sub run_as
{
	my ($node, $role, $query) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$query",
		extra_params => defined $role ? [ '-U', $role ] : []);
	return $out if $err eq '';
	$err =~ s/^psql:\S+ //mg;
	$err =~ s/^(LOCATION|LINE|CONTEXT|\s).*\n?//mg;
	return $err;
}

# ---- sessions that do something at the same instant: a script of pgbench
# waits at "SELECT pg_advisory_lock_shared(42)" until crowd_go()

sub crowd_start
{
	my ($node, $clients, $script, $db) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir . '/crowd.sql';
	append_to_file($file, $script);
	my $gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(42)');
	my $crowd = { gate => $gate, node => $node, err => '', out => '' };
	$crowd->{run} = IPC::Run::start(
		[ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-c', $clients, '-j', 2, '-t', 1, '-f', $file, 'postgres' ],
		'<', \undef, '>', \$crowd->{out}, '2>', \$crowd->{err});
	$node->poll_query_until('postgres',
		"SELECT count(*) = $clients FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
	  or die "the crowd does not come: $crowd->{err}";
	return $crowd;
}

sub crowd_go
{
	my ($crowd) = @_;
	$crowd->{gate}->query_safe('SELECT pg_advisory_unlock(42)');
}

sub crowd_end
{
	my ($crowd) = @_;
	my $ok = $crowd->{run}->finish && $crowd->{out} =~ /number of failed transactions: 0 /;
	$crowd->{gate}->quit;
	return $ok;
}

# the worker has done what is due
sub cycle
{
	my ($node) = @_;
	sql($node, q{SELECT fraud_test_advance('0')});
}

sub log_count
{
	my ($node, $pattern, $offset) = @_;
	my @found = slurp_file($node->logfile, $offset // 0) =~ /$pattern/g;
	return scalar @found;
}

# the process is not there any more
sub gone
{
	my ($node, $pid) = @_;
	return $node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
}

# after a crash
sub comes_back
{
	my ($node, $offset) = @_;
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
	return $node->poll_query_until('postgres', 'SELECT 1', '1');
}

1;
