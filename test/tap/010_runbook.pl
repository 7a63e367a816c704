# The pages of docs/runbooks, command by command in their order, as the roles
# they speak of; then the blocks of README.md that need a preloaded server.
# What the pages may say: test/blocks.sh.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::Bin/../..";
my $blocks = "$root/test/blocks.sh";
my $dir = PostgreSQL::Test::Utils::tempdir;

sub new_node
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\n$conf");
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE shop');
	return $node;
}

# steps of a page: kind, body, role, where it stands
sub steps
{
	my ($page) = @_;
	my $to = "$dir/" . ($page =~ s/\W/_/gr);
	mkdir $to or die;
	system_or_bail('bash', $blocks, 'split', "$root/$page", $to);
	my @steps;
	for (my $n = 1; -e "$to/$n.kind"; $n++)
	{
		my %step = (dir => $to, n => $n);
		for my $what (qw(kind name role body))
		{
			$step{$what} = -e "$to/$n.$what" ? slurp_file("$to/$n.$what") : '';
			chomp $step{$what};
		}
		my ($first) = $step{body} =~ /^(?!--)(.+)/m;
		$step{name} = "$page, $step{name}: $step{kind} " . ($first // '');
		push @steps, \%step;
	}
	return @steps;
}

sub role_options
{
	my ($role) = @_;
	return $role eq 'superuser' ? () : ('-U', $role);
}

# runs SQL of a step
sub run_step
{
	my ($node, $step, $how, $role) = @_;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my $wrong = '';
	my $ok = IPC::Run::run([ 'bash', $blocks, 'run', $step->{dir}, $step->{n}, $how, '-d', 'shop', role_options($role) ],
		'>', \$wrong, '2>&1');
	ok($ok, $step->{name}) or diag $wrong;
}

# without what differs from run to run
sub normal
{
	my ($text) = @_;
	my $out;
	IPC::Run::run([ 'bash', $blocks, 'normal' ], '<', \$text, '>', \$out) or die;
	return $out;
}

sub write_file
{
	my ($file, $text) = @_;
	open(my $fh, '>', $file) or die "could not write $file: $!";
	print $fh $text;
	close $fh or die;
}

# a session that holds something, and waits
sub hold
{
	my ($node, $step) = @_;
	my $session = $node->background_psql('shop', on_error_stop => 0, extra_params => [ role_options($step->{role}) ]);
	my $pid = $session->query('SELECT pg_backend_pid()');
	# query() ends it, too
	$session->query($step->{body} =~ s/;\s*$//r);
	return { session => $session, pid => $pid };
}

sub release
{
	my ($node, $step, $held) = @_;
	$held->{session}{run}->finish;
	ok($node->poll_query_until('shop', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $held->{pid}"),
		"$step->{name}: its session is gone");
}

sub listen_as
{
	my ($node, @steps) = @_;
	my ($listen) = grep { $_->{body} =~ /^LISTEN/ } @steps;
	my $listener = $node->background_psql('shop');
	$listener->query_safe($listen->{body});
	return $listener;
}

# every step of a page; it has at least these kinds
sub run_page
{
	my ($node, $page, @wanted) = @_;
	my @steps = steps($page);
	my %kinds;
	my (@held, $listener);

	for my $step (@steps)
	{
		my ($kind, $body, $role) = @$step{qw(kind body role)};
		$kinds{$kind}++;
		if ($kind =~ /^(sql|inline|run)$/)
		{
			run_step($node, $step, 'loosely', $role || 'oncall');
			# the listener of the page is there from the beginning
			$listener = listen_as($node, @steps) if !$listener && $body =~ /CREATE EXTENSION/;
		}
		elsif ($kind eq 'hold')
		{
			push @held, hold($node, $step);
		}
		elsif ($kind eq 'release')
		{
			release($node, $step, pop @held);
		}
		elsif ($kind eq 'ini')
		{
			$node->append_conf('postgresql.conf', "$body\n");
			$node->restart;
		}
		elsif ($kind eq 'yaml')
		{
			write_file($node->data_dir . '/service.yaml', "$body\n");
		}
		elsif ($kind eq 'restart')
		{
			if ($listener) { $listener->{run}->kill_kill; undef $listener; }
			$node->restart;
			$node->poll_query_until('shop', 'SELECT count(*) > 0 FROM fraud_worker WHERE database IS NOT NULL');
			$listener = listen_as($node, @steps);
		}
		elsif ($kind eq 'json')
		{
			like(normal($listener->query('SELECT 1')), qr/\Q@{[ normal($body) ]}\E/, "$step->{name}: a listener got it");
		}
		elsif ($kind eq 'log')
		{
			my $log = normal(join("\n", slurp_file($node->logfile) =~ /^.*(LOG:  .*)$/mg));
			like($log, qr/^\Q$_\E$/m, "$step->{name}: in the log: $_") for split(/\n/, normal($body));
		}
		else
		{
			fail("$step->{name}: nobody runs it");
		}
	}
	is(scalar @held, 0, "$page: nothing is held any more");
	cmp_ok($kinds{$_} // 0, '>', 0, "$page has its $_") for @wanted;
}

# ---- the runbooks

my $test_mode = "fraud_fallback.test_mode = on\nfraud_fallback.node_name = 'db1'\n";

my $node = new_node('breaker', $test_mode);
run_page($node, 'docs/runbooks/circuit-breaker.md', qw(sql inline yaml ini json log restart));
$node->stop;

# the worker asks whether it can read a table, so that a lock is an outage
$node = new_node('degradation', $test_mode);
$node->append_conf('postgresql.conf', qq(
autovacuum = off
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.database = 'shop'
fraud_fallback.worker_role = 'fraud_worker'
fraud_fallback.service_file = 'service.yaml'
));
write_file($node->data_dir . '/service.yaml',
	"dependencies:\n  database: {query: SELECT count(*) >= 0 FROM public.heartbeat, timeout: 300 ms}\n");
$node->restart;
run_page($node, 'docs/runbooks/degradation.md', qw(sql inline yaml json log hold));
$node->stop;

# ---- README.md

my $in_readme = 0;
$node = new_node('readme', "shared_preload_libraries = 'fraud_fallback'\n");
$node->safe_psql('shop', 'CREATE EXTENSION fraud_fallback');
for my $step (grep { $_->{kind} eq 'preloaded' } steps('README.md'))
{
	run_step($node, $step, 'exactly', $step->{role} || 'superuser');
	$in_readme++;
}
cmp_ok($in_readme, '>', 2, 'README.md has its circuits');

$node->stop;
done_testing();
