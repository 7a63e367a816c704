# docs/runbooks/circuit-breaker.md, command by command in its order, as the
# roles it speaks of; then the blocks of README.md that need a preloaded server.
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

# ---- the runbook

my $node = new_node('runbook', "fraud_fallback.test_mode = on\nfraud_fallback.node_name = 'db1'\n");
my @steps = steps('docs/runbooks/circuit-breaker.md');
my %kinds;
my (@held, $listener);

for my $step (@steps)
{
	my ($kind, $body, $role) = @$step{qw(kind body role)};
	$kinds{$kind}++;
	if ($kind eq 'sql' || $kind eq 'inline')
	{
		run_step($node, $step, 'loosely', $role || 'oncall');
		# the listener of the page is there from the beginning
		if (!$listener && $body =~ /CREATE EXTENSION/)
		{
			$listener = $node->background_psql('shop');
			my ($listen) = grep { $_->{body} =~ /^LISTEN/ } @steps;
			$listener->query_safe($listen->{body});
		}
	}
	elsif ($kind eq 'run')
	{
		run_step($node, $step, 'loosely', $role);
	}
	elsif ($kind eq 'hold')
	{
		push @held, $node->background_psql('shop', on_error_stop => 0, extra_params => [ role_options($role) ]);
		$held[-1]->query($body);
	}
	elsif ($kind eq 'release')
	{
		(pop @held)->{run}->finish;
		ok($node->poll_query_until('shop', 'SELECT count(*) = 0 FROM circuit_in_flight WHERE held'),
			"$step->{name}: its session is gone");
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
		$listener = $node->background_psql('shop');
		$listener->query_safe((grep { $_->{body} =~ /^LISTEN/ } @steps)[0]{body});
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
is(scalar @held, 0, 'nothing is held any more');
cmp_ok($kinds{$_} // 0, '>', $kinds{$_} ? 0 : 1, "the runbook has its $_") for qw(sql inline yaml ini json log restart);

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
