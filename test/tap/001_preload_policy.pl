# The rules file with shared_preload_libraries: one policy for the server.
# What test/session/policy_reload.sh shows of one session, and what only shared
# memory, restarts and other encodings can show.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $active = 'SELECT fraud_rules_hash(fraud_rules_active())';
my $status =
  'SELECT hash, loaded_at IS NOT NULL, error FROM fraud_config_status WHERE basis_hash IS NOT NULL';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
my $file = $node->data_dir . '/policy.yaml';
$node->append_conf(
	'postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.rules_file = 'policy.yaml'
restart_after_crash = on
jit = off
));

# the file changes as a whole
sub write_file
{
	my ($text) = @_;
	open(my $fh, '>:raw', "$file.new") or die "could not write $file.new: $!";
	print $fh $text;
	close($fh) or die "could not write $file.new: $!";
	rename("$file.new", $file) or die "could not rename to $file: $!";
}

sub hash_of
{
	my ($yaml) = @_;
	return $node->safe_psql('postgres', "SELECT fraud_rules_hash('$yaml')");
}

# the server has handled SIGHUP, and so has the session
sub reload
{
	my ($session) = @_;
	my $before = $session->query_safe('SELECT pg_conf_load_time()');
	$node->reload;
	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return
		  if $session->query_safe('SELECT pg_conf_load_time()') ne $before;
		$node->safe_psql('postgres', 'SELECT pg_sleep(0.01)');
	}
	die 'the reload does not arrive';
}

sub log_count
{
	my ($pattern) = @_;
	my @found = slurp_file($node->logfile) =~ /$pattern/g;
	return scalar @found;
}

write_file("description: one\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback');
my %hash = map { $_ => hash_of("description: $_") } qw(one two three four);
my $default = hash_of('{}');

# ---- the file at the start of the server

is($node->safe_psql('postgres', $active),
	$hash{one}, 'a new server reads its file');
is($node->safe_psql('postgres', $status), "$hash{one}|t|", 'and says so');

my $alice = $node->background_psql('postgres');
my $bob = $node->background_psql('postgres');
is($alice->query_safe($active), $hash{one}, 'every session has it');
is($bob->query_safe($active), $hash{one}, 'without reading');

# ---- fraud_reload() and SIGHUP are for all

write_file("description: two\n");
is($bob->query_safe($active), $hash{one},
	'a changed file without a reload changes nothing');
is($node->safe_psql('postgres', $active),
	$hash{one}, 'not for a new session either');
is($alice->query_safe('SELECT fraud_reload()'),
	$hash{two}, 'fraud_reload() returns the hash');
is($alice->query_safe($active), $hash{two}, 'the session has the policy');
is($bob->query_safe($active), $hash{two}, 'every other one from its next statement');

write_file("description: three\n");
reload($bob);
is($bob->query_safe($active), $hash{three}, 'SIGHUP: the session that notices');
is($alice->query_safe($active), $hash{three}, 'and the others');
is($node->safe_psql('postgres', $active), $hash{three}, 'and new ones');

# the same file again is no news
my $loaded = $alice->query_safe('SELECT loaded_at FROM fraud_config_status WHERE basis_hash IS NOT NULL');
reload($bob);
is($bob->query_safe('SELECT loaded_at FROM fraud_config_status WHERE basis_hash IS NOT NULL'),
	$loaded, 'SIGHUP without a change keeps the policy and its time');

# nobody is there to notice
$alice->quit;
$bob->quit;
write_file("description: four\n");
$node->reload;
ok($node->poll_query_until('postgres', $active, $hash{four}),
	'SIGHUP with no session: the first new one notices');

# ---- a bad file

$alice = $node->background_psql('postgres');
$bob = $node->background_psql('postgres');
$bob->query_safe($active);
write_file("rules:\n  large_amount:\n    weight: 31\n");
my $before =
  $alice->query_safe('SELECT hash, basis_hash, loaded_at FROM fraud_config_status WHERE basis_hash IS NOT NULL');
my ($ret, $out, $err) = $node->psql('postgres', 'SELECT fraud_reload()',
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
isnt($ret, 0, 'fraud_reload() refuses a bad file');
like(
	$err,
	qr/ERROR:  22023: invalid fraud policy in file ".*policy\.yaml" at line 3, column 13: /,
	'with line and column');
is( $alice->query_safe(
		'SELECT hash, basis_hash, loaded_at FROM fraud_config_status WHERE basis_hash IS NOT NULL'),
	$before,
	'and leaves all as it was');
my $logged = log_count(qr/LOG:  invalid fraud policy/);
reload($alice);
reload($bob);
for my $session ($alice, $bob)
{
	is($session->query_safe($active), $hash{four},
		'SIGHUP: the good policy stays');
	like(
		$session->query_safe('SELECT error FROM fraud_config_status WHERE basis_hash IS NOT NULL'),
		qr/^line 3, column 13: .*In rules\.large_amount\.weight\..*The policy read before stays in force\.$/,
		'every session sees the error');
}
is($node->safe_psql('postgres', $active),
	$hash{four}, 'a new session has the good policy');
is(log_count(qr/LOG:  invalid fraud policy/),
	$logged, 'the same bad bytes are not logged again');
write_file("rules:\n  large_amount:\n    weight: 32\n");
reload($alice);
$alice->query_safe($active);
reload($bob);
$bob->query_safe($active);
is( log_count(
		qr/LOG:  invalid fraud policy in file ".*" at line 3, column 13: /),
	$logged + 1,
	'others are, once for the server');

# ---- what is in force after a crash and a restart comes from the file

write_file("description: two\n");
is($alice->query_safe('SELECT fraud_reload()'), $hash{two}, 'a good policy');
write_file("description: one\n");
kill 'KILL', $alice->query_safe('SELECT pg_backend_pid()');
ok( $node->poll_query_until('postgres', $active, $hash{one}),
	'after a crash the file is read again');
eval { $_->quit } for ($alice, $bob);

write_file("rules: {");
$node->restart;
is( $node->safe_psql(
		'postgres',
		"SELECT hash, loaded_at IS NULL, error ~ 'line \\d+, column \\d+: .* The shipped default is in force\\.\$' FROM fraud_config_status WHERE basis_hash IS NOT NULL"
	),
	"$default|t|t",
	'a server that starts with a bad file has the shipped default and says so');
unlink $file or die;
$node->restart;
is( $node->safe_psql(
		'postgres',
		"SELECT hash, error ~ 'could not open the file: .* The shipped default is in force\\.\$' FROM fraud_config_status WHERE basis_hash IS NOT NULL"
	),
	"$default|t",
	'with a missing file as well');
like(slurp_file($node->logfile),
	qr/LOG:  could not use fraud policy file ".*policy\.yaml"/, 'and in the log');
write_file("description: one\n");
$alice = $node->background_psql('postgres');
$bob = $node->background_psql('postgres');
reload($alice);
is($bob->query_safe($status), "$hash{one}|t|", 'until there is a good one');

# ---- running statements keep their policy while another session switches

$alice->query_safe("BEGIN; DECLARE c CURSOR FOR $active FROM generate_series(1, 9)");
write_file("description: two\n");
is($bob->query_safe('SELECT fraud_reload()'), $hash{two}, 'another session switches');
is($alice->query_safe($active), $hash{two}, 'new statements notice');
is($alice->query_safe('FETCH 2 FROM c'),
	"$hash{one}\n$hash{one}", 'an open cursor does not');
$alice->query_safe('COMMIT');

$alice->query_safe('CREATE TABLE seen (hash text)');
$bob->query_safe('SELECT pg_advisory_lock(1)');
$alice->query_until(
	qr/begun/, qq(
\\echo begun
DO \$\$
DECLARE
	h text;
BEGIN
	INSERT INTO seen $active;
	PERFORM pg_advisory_xact_lock_shared(1);
	h := fraud_rules_hash(fraud_rules_active());
	INSERT INTO seen VALUES (h);
	FOR h IN $active LOOP
		INSERT INTO seen VALUES (h);
	END LOOP;
END \$\$;
));
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
	),
	'a DO waits in its middle');
write_file("description: three\n");
is($bob->query_safe('SELECT fraud_reload()'), $hash{three}, 'another session switches');
$bob->query_safe('SELECT pg_advisory_unlock(1)');
is($alice->query_safe('SELECT hash, count(*) FROM seen GROUP BY hash'),
	"$hash{two}|3", 'the DO has had one policy all along');
is($alice->query_safe($active), $hash{three}, 'the next statement has the new one');

is( $alice->query_safe("PREPARE p AS $active; EXECUTE p"),
	$hash{three}, 'a prepared statement');
write_file("description: four\n");
$bob->query_safe('SELECT fraud_reload()');
is($alice->query_safe('EXECUTE p'), $hash{four}, 'has the policy of its execution');

# ---- a portal that is read in several messages keeps its policy as well

SKIP:
{
	skip 'no raw connections here', 6
	  unless $node->can('raw_connect_works') && $node->raw_connect_works;

	$node->safe_psql(
		'postgres', "
CREATE FUNCTION in_a_loop() RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	h text;
BEGIN
	FOR h IN $active LOOP
		RETURN h;
	END LOOP;
END \$\$");
	my $socket = $node->raw_connect;
	my $user = $node->safe_psql('postgres', 'SELECT current_user');
	my $message = sub {
		my ($type, $body) = @_;
		return $type . pack('N', 4 + length $body) . $body;
	};
	my $exactly = sub {
		my ($wanted) = @_;
		my $got = '';
		while (length $got < $wanted)
		{
			sysread($socket, $got, $wanted - length $got, length $got)
			  or die 'the server hung up';
		}
		return $got;
	};

	# what the first columns of the rows hold, up to ReadyForQuery
	my $talk = sub {
		my @values;
		syswrite($socket, join('', @_)) or die "could not send: $!";
		while (1)
		{
			my ($type, $length) = unpack('a N', $exactly->(5));
			my $body = $exactly->($length - 4);
			die "server says: $body" if $type eq 'E';
			push @values, unpack('x2 N/a', $body) if $type eq 'D';
			last if $type eq 'Z';
		}
		return join(' ', @values);
	};
	my $bind = sub {
		my ($portal, $query) = @_;
		$query //= $active;
		return
			$message->('P', "\0$query FROM generate_series(1, 9)\0" . pack('n', 0))
		  . $message->('B', "$portal\0\0" . pack('n3', 0, 0, 0));
	};
	my $rows = sub {
		my ($portal, $n) = @_;
		return $message->('E', "$portal\0" . pack('N', $n));
	};
	my $sync = $message->('S', '');

	$talk->($message->('', pack('N', 196608) . "user\0$user\0database\0postgres\0\0"));
	$talk->($message->('Q', "BEGIN\0"));
	is($talk->($bind->('p1'), $rows->('p1', 1), $sync),
		$hash{four}, 'a portal begins');
	$talk->($bind->('unread'), $sync);
	$talk->($bind->('loop', 'SELECT in_a_loop()'), $sync);
	write_file("description: one\n");
	$bob->query_safe('SELECT fraud_reload()');
	is($talk->($rows->('p1', 2), $sync),
		"$hash{four} $hash{four}", 'and goes on with its policy');
	is( $talk->(
			$bind->('p2'), $rows->('p2', 1),
			$rows->('p1', 1), $rows->('p2', 1),
			$sync),
		"$hash{one} $hash{four} $hash{one}",
		'next to another one');
	is($talk->($rows->('unread', 1), $sync),
		$hash{four}, 'one that was only bound has the policy of then');
	is($talk->($rows->('loop', 1), $sync),
		$hash{four}, 'and the cursors of its functions too');
	is($talk->($message->('Q', "$active\0")),
		$hash{one}, 'a simple query has the new one');
	close($socket);
	write_file("description: four\n");
	$bob->query_safe('SELECT fraud_reload()');
}

# ---- parallel workers

$node->safe_psql(
	'postgres', q(
CREATE TABLE some_rows AS SELECT n FROM generate_series(1, 20000) n;
ANALYZE some_rows;
CREATE FUNCTION process() RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN pg_backend_pid(); END';
CREATE FUNCTION waiting(n integer) RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS $$
BEGIN
	IF n = 1 THEN
		PERFORM pg_advisory_xact_lock_shared(1);
	END IF;
	RETURN n;
END $$;
));
my $parallel = q(
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off);
my $in_workers =
  'SELECT hash, bool_and(worker) FROM (SELECT fraud_rules_hash(fraud_rules_active()) AS hash,'
  . ' process() <> (SELECT pg_backend_pid()) AS worker FROM some_rows %s) s GROUP BY hash';
$alice->query_safe($parallel);
is($alice->query_safe(sprintf($in_workers, '')),
	"$hash{four}|t", 'workers have the policy of the leader');
$bob->query_safe('SELECT pg_advisory_lock(1)');
$alice->query_until(qr/begun/,
	"\\echo begun\n"
	  . sprintf($in_workers, 'WHERE waiting(n) > 0')
	  . ";\n");
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
	),
	'workers wait in the middle');
write_file("description: one\n");
is($bob->query_safe('SELECT fraud_reload()'), $hash{one}, 'another session switches');
$bob->query_safe('SELECT pg_advisory_unlock(1)');
is($alice->query_safe('SELECT 1'), "$hash{four}|t\n1", 'the workers keep the policy');
is($alice->query_safe(sprintf($in_workers, '')),
	"$hash{one}|t", 'those of the next statement have the new one');

# ---- many sessions read, reload and replace the file at once

$node->safe_psql(
	'postgres', q(
CREATE FUNCTION whole(p fraud_rules) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF p::text::fraud_rules <> p OR p::text !~ '\ndescription: (one|two|three|four)\n' THEN
		RAISE EXCEPTION 'torn policy %', p;
	END IF;
END $$;
));
my $scripts = PostgreSQL::Test::Utils::tempdir;
append_to_file("$scripts/read.sql", "SELECT whole(fraud_rules_active());\n");
append_to_file("$scripts/reload.sql", "SELECT fraud_reload();\n");
my ($bench_out, $bench_err) = ('', '');
my $bench = IPC::Run::start(
	[
		'pgbench', '-n',
		'-h', $node->host,
		'-p', $node->port,
		'-c', '6', '-j', '2', '-t', '1000', '-M', 'prepared',
		'-f', "$scripts/read.sql\@3",
		'-f', "$scripts/reload.sql\@1", 'postgres'
	],
	'<', \undef, '>', \$bench_out, '2>', \$bench_err);
my $turns = 0;
while ($bench->pumpable)
{
	write_file('description: '
		  . (qw(one two three four))[ $turns++ % 4 ] . "\n"
		  . ('#' x ($turns % 50000)) . "\n");
	$bench->pump_nb;
}
ok($bench->finish, 'readers see whole policies while the file and the policy change')
  or diag $bench_err;
like($bench_out, qr/number of failed transactions: 0 /, 'and nobody fails');
write_file("description: three\n");
is($alice->query_safe('SELECT fraud_reload()'), $hash{three}, 'the last one wins');
is($bob->query_safe($active), $hash{three}, 'for all');

# ---- other encodings have the same policy: it is UTF-8 by itself

for my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $db = lc $encoding;
	$node->safe_psql('postgres',
		"CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($db, 'CREATE EXTENSION fraud_fallback');
	write_file("description: caf\xc3\xa9\nlists: {deny_cards: {values: [\"\xe2\x82\xac1\"]}}\n");
	my $here = $node->safe_psql($db, 'SELECT fraud_reload()');
	is($here, $node->safe_psql('postgres', $active), "$encoding: the same hash");
	is( $node->safe_psql(
			$db,
			'SELECT fraud_rules_active()::text::fraud_rules = fraud_rules_active()'
		),
		't',
		'canonical text reads back');
	write_file("rules: {\xe2\x82\xac: {}}\n");
	($ret, $out, $err) = $node->psql($db, 'SELECT fraud_reload()');
	like($err, qr/invalid fraud policy in file .* line 1, column 9: unknown rule/,
		'errors that quote what cannot be shown');
}
($ret, $out, $err) = $node->psql('sql_ascii', q(SELECT E'description: caf\351'::fraud_rules));
like($err, qr/line 1, column 1\d: .*UTF-8/, 'bytes that are not UTF-8 in SQL_ASCII');
is( $node->safe_psql(
		'latin1',
		q(SELECT fraud_rules_hash(('description: caf' || chr(233))::fraud_rules))),
	$node->safe_psql(
		'postgres',
		q(SELECT fraud_rules_hash(('description: caf' || chr(233))::fraud_rules))),
	'the same text in two encodings is the same policy');

$alice->quit;
$bob->quit;
$node->stop;
done_testing();
