# Sessions and servers that are killed under load: who asks gets a decision, here
# or from the standby, and every decision that was given is in the journal, once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use IPC::Open2;
use List::Util qw(max min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $clients = 4;
my $enough = $ENV{FF_LONG} ? 3000 : 300;
my $conf = q(
fraud_fallback.database = 'postgres'
log_connections = off
log_disconnections = off
log_statement = none
wal_level = replica
fsync = on
);

sub advance { sql($_[0], "SELECT fraud_test_advance('$_[1]')"); }

# ---- clients: each asks, notes what it is told, and moves on where a server is gone

my $notes = PostgreSQL::Test::Utils::tempdir;
my @children;

# notes, each line at once: given, server, id, now, decided_at, tier, mode, whether the journal or a
# repeat is mentioned, reason; or lost, server, id, now
sub client
{
	my ($name, @servers) = @_;
	my $connstr = 'dbname=postgres host=' . join(',', map { $_->host } @servers) . ' port=' . join(',', map { $_->port } @servers);
	my $pid = fork() // die "could not fork: $!";
	if ($pid != 0)
	{
		push @children, $pid;
		return;
	}
	my $stop = 0;
	$SIG{TERM} = sub { $stop = 1 };
	$SIG{PIPE} = 'IGNORE';
	open(my $log, '>>', "$notes/$name") or POSIX::_exit(1);
	my $note = sub { syswrite($log, join('|', @_) . "\n") };
	my $n = 1;
	until ($stop)
	{
		my ($out, $in);
		my $psql = open2($out, $in, "exec psql -XqAt -v ON_ERROR_STOP=1 '$connstr' 2>>$notes/$name.errors");
		$in->autoflush(1);
		print $in "SELECT current_setting('fraud_fallback.node_name');\n";
		my $server = <$out>;
		chomp($server) if defined $server;
		while (defined $server && !$stop)
		{
			my $id = "$name-$n";
			print $in "SELECT concat_ws('|', extract(epoch FROM decided_at), tier, mode, coalesce(detail ?| '{journalled,repeat}', false), reason)" .
				" FROM fraud_decide(jsonb_build_object('txn_id', '$id', 'customer_id', 'c' || @{[ $n % 40 ]}, 'amount', @{[ $n % 90 ]}, 'merchant_id', 'm', 'occurred_at', now()));\n";
			my $answer = <$out>;
			if (!defined $answer)
			{
				# whether it was decided nobody knows: ask again
				$note->('lost', $server, $id, time);
				last;
			}
			chomp $answer;
			$note->('given', $server, $id, time, $answer);
			$n++;
			sleep 0.001;
		}
		close $in;
		close $out;
		waitpid($psql, 0);
		sleep 0.01 unless $stop;
	}
	POSIX::_exit(0);
}

sub stop_clients
{
	kill('TERM', @children);
	waitpid($_, 0) for @children;
	@children = ();
}
END { my $status = $?; kill('KILL', @children) if @children; $? = $status; }

# notes of all clients of a name
sub notes
{
	my ($name) = @_;
	my @lines;
	for my $file (glob("$notes/$name*"))
	{
		next if $file =~ /\.errors$/;
		push @lines, map { [ split(/\|/, $_, 9) ] } grep { /\n/ } slurp_file($file) =~ /(.*\n)/g;
	}
	$_->[-1] =~ s/\n// for @lines;
	return @lines;
}

# until each client has so many answers of a server, since a time
sub given_each
{
	my ($name, $server, $count, $since) = @_;
	for (1 .. 1200)
	{
		my %have;
		$have{ $_->[2] =~ s/-\d+$//r }++ for grep { $_->[0] eq 'given' && $_->[1] eq $server && $_->[3] >= $since } notes($name);
		return 1 if (grep { $_ >= $count } values %have) == $clients;
		sleep 0.1;
	}
	return 0;
}

sub errors_of
{
	my ($name) = @_;
	return join('', map { slurp_file($_) } glob("$notes/$name*.errors"));
}

# what was given, against what is in the journal of a server
sub compare
{
	my ($node, $name, $what) = @_;
	my @notes = notes($name);
	my @given = map { "('$_->[1]', '$_->[2]', $_->[4])" } grep { $_->[0] eq 'given' } @notes;
	my @lost = map { "('$_->[1]', '$_->[2]')" } grep { $_->[0] eq 'lost' } @notes;
	push @lost, "('', '')";
	sql($node, q{DROP TABLE IF EXISTS given, lost; CREATE TABLE given (node text, txn_id text, at numeric); CREATE TABLE lost (node text, txn_id text)});
	while (my @some = splice(@given, 0, 1000)) { sql($node, 'INSERT INTO given VALUES ' . join(', ', @some)); }
	sql($node, 'INSERT INTO lost VALUES ' . join(', ', @lost));
	my $recorded = qq{SELECT node, txn_id, extract(epoch FROM decided_at) FROM fraud_journal WHERE txn_id LIKE '$name%'};
	is(sql($node, "SELECT count(*) FROM (SELECT * FROM given EXCEPT ALL $recorded) x"), '0', "$what: every decision that was given is in the journal");
	is(sql($node, "SELECT count(*) FROM ($recorded EXCEPT ALL SELECT * FROM given) x WHERE (node, txn_id) NOT IN (SELECT * FROM lost)"), '0', "$what: what else is in it was on its way when a server was killed");
	is(sql($node, "SELECT count(*) - count(DISTINCT record_id) FROM fraud_journal"), '0', "$what: each once");
	is(sql($node, "SELECT count(*) FROM (SELECT FROM fraud_journal WHERE txn_id LIKE '$name%' GROUP BY node, txn_id, decided_at HAVING count(*) > 1) x"), '0', "$what: no decision has two records");
	is(scalar(grep { $_->[0] eq 'given' && $_->[7] ne 'f' } @notes), 0, "$what: none says that it is not in the journal");
	note("$what: " . sql($node, "SELECT (SELECT count(*) FROM given) || ' given, ' || (SELECT count(*) - 1 FROM lost) || ' on their way, ' || (SELECT count(*) FROM ($recorded) x) || ' records'"));
}

sub drained
{
	my ($node) = @_;
	return $node->poll_query_until('postgres', q{SELECT fraud_test_advance('0'); SELECT waiting = 0 FROM fraud_journal_status}, "\nt");
}

my $alpha = new_node('alpha', "$conf\nfraud_fallback.node_name = 'alpha'\n", 'journal: {sync: interval, segment_size: 1 MB}', allows_streaming => 1);
sql($alpha, q{
CREATE TABLE past AS SELECT 'p' || g AS txn_id, 'c' || g % 40 AS customer_id, 'm'::text AS merchant_id, 30::numeric AS amount, now() - g * interval '1 hour' AS occurred_at, 'approved'::text AS status
	FROM generate_series(1, 2000) g;
SELECT fraud_attach('past')});
advance($alpha, '0');

# ---- kill -9 of a session: the server restarts where it is

client("crash-$_", $alpha) for 1 .. $clients;
my $since = 0;
my @back;
for my $kill (1 .. 2)
{
	ok(given_each('crash', 'alpha', $enough, $since), "kill -9 of session no. $kill: under load");
	my $victim = sql($alpha, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query ~ 'fraud_decide' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1});
	my $offset = -s $alpha->logfile;
	$since = time;
	kill('KILL', $victim);
	$alpha->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
}
ok(given_each('crash', 'alpha', $enough, $since), 'the server is back, and decides');
stop_clients();
ok(drained($alpha), 'the journal becomes rows');
compare($alpha, 'crash', 'sessions killed');
my ($longest, $last_seen) = (0, 0);
for my $t (sort { $a <=> $b } map { $_->[3] } grep { $_->[0] eq 'given' } notes('crash'))
{
	$longest = $t - $last_seen if $last_seen && $t - $last_seen > $longest;
	$last_seen = $t;
}
note(sprintf('sessions killed: nobody had an answer for %.2f s at most', $longest));

# ---- kill -9 of the primary: clients move to the standby

$alpha->backup('base');
my $beta = PostgreSQL::Test::Cluster->new('beta');
$beta->init_from_backup($alpha, 'base', has_streaming => 1);
$beta->append_conf('postgresql.conf', "fraud_fallback.node_name = 'beta'\n");
$beta->start;
$alpha->wait_for_catchup($beta, 'replay');
advance($beta, '0');
is(sql($beta, 'SELECT fraud_tier(), reason FROM fraud_tier_status'), '3|the server is a standby', 'the standby is at its tier');

client("move-$_", $alpha, $beta) for 1 .. $clients;
ok(given_each('move', 'alpha', $enough, 0), 'the primary is under load');
my $postmaster = (split(/\n/, slurp_file($alpha->data_dir . '/postmaster.pid')))[0];
my @processes = ($postmaster, grep { /^\d+$/ } split(/\s+/, `ps -o pid= --ppid $postmaster`));
cmp_ok(scalar @processes, '>', $clients + 3, 'with its processes');
my $killed = time;
kill('KILL', @processes);
ok(given_each('move', 'beta', $enough, $killed), 'killed: every client has decisions of the standby');
$alpha->{_pid} = undef;
my @first = map { my $c = $_; min(map { $_->[3] } grep { $_->[0] eq 'given' && $_->[1] eq 'beta' && $_->[2] =~ /^move-$c-/ } notes('move')) - $killed } 1 .. $clients;
my %told;
$told{"$_->[5]|$_->[6]"}++ for grep { $_->[0] eq 'given' && $_->[1] eq 'beta' } notes('move');
is(join(', ', sort keys %told), '3|MINIMAL', 'at the tier of a standby');
is(scalar(grep { $_->[0] eq 'given' && $_->[1] eq 'beta' && $_->[-1] !~ /standby/ } notes('move')), 0, 'with the reason');
my $errors = errors_of('move');
unlike($errors, qr/ERROR:/, 'no statement failed');
is(scalar(grep { !/server closed the connection|terminated abnormally|before or while processing|connection to server|terminating connection|recovery mode|Is the server running|accepting connections|^DETAIL|^HINT|could not receive|Connection reset|connection .*lost|no connection to the server/ } split(/\n/, $errors)), 0,
	'all they saw of it is that a connection was lost') or diag($errors);

# ---- promotion, under load

my $promoted = time;
$beta->promote;
$promoted = time - $promoted;
my $after = time;
ok(given_each('move', 'beta', $enough, $after), 'promoted: decisions go on');
advance($beta, '0');
is(sql($beta, 'SELECT fraud_tier()'), '3', 'the tier waits');
advance($beta, '5 min 1 s');
is(sql($beta, 'SELECT fraud_tier()'), '2', 'and is better after five minutes');
advance($beta, '5 min 1 s');
is(sql($beta, 'SELECT fraud_tier()'), '1', 'and again');
$after = time;
ok(given_each('move', 'beta', 20, $after), 'with decisions all the time');
stop_clients();
unlike(errors_of('move'), qr/ERROR:/, 'still none failed');
ok((grep { $_->[0] eq 'given' && $_->[3] >= $after && "$_->[5]|$_->[6]" eq '2|DEGRADED' } notes('move')) > 0, 'by all rules again');
ok(drained($beta), 'the journal of the standby becomes rows');
my $alone = sql($beta, q{SELECT count(*) FROM fraud_journal WHERE node = 'beta'});
cmp_ok($alone, '>', 2 * $clients * $enough, 'those of its time as a standby, too');

# ---- the old primary's files

my @files = glob($alpha->data_dir . '/fraud_fallback/journal/*.journal');
cmp_ok(scalar @files, '>', 0, 'the old primary left files');
my $missing = sql($beta, q{SELECT count(*) FROM fraud_journal WHERE node = 'alpha' AND txn_id LIKE 'move%'});
my ($new, $again) = (0, 0);
$new += sql($beta, "SELECT fraud_journal_import(pg_read_binary_file('$_'))") for reverse @files;
compare($beta, 'move', 'primary killed');
compare($beta, 'crash', 'sessions killed, on the new primary');
$again += sql($beta, "SELECT fraud_journal_import(pg_read_binary_file('$_'))") for @files;
is($again, 0, 'imported again they add nothing');
is(sql($beta, q{SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok}), '0', 'the chain holds');
is(sql($beta, 'SELECT quarantined FROM fraud_journal_status'), '0', 'and no byte was set aside');
my %per_second;
$per_second{ int($_->[3]) }++ for grep { $_->[0] eq 'given' } notes('move');
note(sprintf('primary killed: first decisions of the standby after %s s; %d clients, up to %d decisions a second; promotion %.1f s; %d rows were replicated, %d came from %d files',
	join(', ', map { sprintf '%.2f', $_ } sort { $a <=> $b } @first), $clients, max(values %per_second), $promoted, $missing, $new, scalar @files));
$beta->stop;
done_testing();
