# The service file with shared_preload_libraries: one set of settings for the
# server. test/session/service_reload.sh shows what a session sees by itself.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
my $file = $node->data_dir . '/service.yaml';
$node->append_conf(
	'postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.service_file = 'service.yaml'
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

sub failures_are { write_file("circuits: {template: {failures: $_[0]}, ml: {timeout: 2 s}}\n"); }

# as many as there are circuits in the text, all with the same number
my $failures =
  q(SELECT DISTINCT line FROM string_to_table(fraud_service_active(), E'\n') line WHERE line ~ 'failures');
my $status =
  q(SELECT loaded_at IS NOT NULL, error FROM fraud_config_status WHERE file = 'service');

failures_are(6);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback');
is($node->safe_psql('postgres', $failures), '    failures: 6', 'a new server reads its file');
is($node->safe_psql('postgres', $status), 't|', 'and says so');

my $alice = $node->background_psql('postgres');
my $bob = $node->background_psql('postgres');
is($alice->query_safe($failures), '    failures: 6', 'every session has the settings');
failures_are(7);
is($bob->query_safe($failures), '    failures: 6', 'a changed file is not read by itself');
$alice->query_safe('SELECT fraud_reload()');
is($bob->query_safe($failures), '    failures: 7', 'fraud_reload() of one session reaches all');
failures_are(8);
$node->reload;
ok($node->poll_query_until('postgres', $failures, '    failures: 8'), 'so does SIGHUP');
is($alice->query_safe($failures), $bob->query_safe($failures), 'for open sessions too');

# ---- bad files

write_file("circuits: {template: {failures: 1000}}\n");
$node->reload;
ok( $node->poll_query_until(
		'postgres',
		q(SELECT error ~ 'The settings read before stay in force' FROM fraud_config_status WHERE file = 'service')),
	'a bad file is noticed');
is($node->safe_psql('postgres', $failures),
	'    failures: 8', 'and replaces nothing, for new sessions either');
like(
	slurp_file($node->logfile),
	qr/LOG:  invalid fraud service settings in file ".*service\.yaml" at line 1, column 33/,
	'it is in the log');
$node->restart;
is($node->safe_psql('postgres', "$failures; $status"),
	"    failures: 5\nf|line 1, column 33: invalid value for \"failures\": 1000. In circuits.template.failures. \"failures\" must be off, or a whole number from 1 to 100. The shipped default is in force.",
	'a restart with a bad file gives the shipped settings');
$alice->quit;
$bob->quit;

# ---- a crash

failures_are(9);
is($node->safe_psql('postgres', "SELECT fraud_reload() IS NOT NULL; $failures"), "t\n    failures: 9", 'a good file again');
my $victim = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
kill 'KILL', $pid;
ok( $node->poll_query_until('postgres', $failures, '    failures: 9'),
	'after a crash they come back from the file');
$victim->{run}->finish;

# ---- many sessions read and reload while the file changes

my $scripts = PostgreSQL::Test::Utils::tempdir;
append_to_file("$scripts/read.sql",
	"SELECT 1 / (count(*) = 1)::int FROM ($failures) f;\n");
append_to_file("$scripts/reload.sql", "SELECT fraud_reload();\n");
my ($out, $err) = ('', '');
my $bench = IPC::Run::start(
	[
		'pgbench', '-n', '-h', $node->host, '-p', $node->port,
		'-c', '6', '-j', '2', '-t', '500',
		'-f', "$scripts/read.sql\@3",
		'-f', "$scripts/reload.sql\@1", 'postgres'
	],
	'<', \undef, '>', \$out, '2>', \$err);
my $turns = 0;
while ($bench->pumpable)
{
	failures_are(1 + $turns++ % 100);
	$bench->pump_nb;
}
ok($bench->finish, 'readers see whole settings while they change') or diag $err;
like($out, qr/number of failed transactions: 0 /, 'and nobody fails');

$node->stop;
done_testing();
