# The journal: what is written is in the table, once, whatever happens to the
# session, the worker, the server, the disk or the bytes.
use strict;
use warnings;

use File::Path qw(rmtree);
use IPC::Run ();
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $outside = PostgreSQL::Test::Utils::tempdir;

sub write_file
{
	my ($path, $text) = @_;
	open(my $fh, '>:raw', $path) or die "could not write $path: $!";
	print $fh $text;
	close($fh) or die "could not write $path: $!";
}

# journal: the section of the service file
sub settings
{
	my ($node, $journal) = @_;
	write_file($node->data_dir . '/service.yaml', "journal: {$journal}\n");
	$node->safe_psql('postgres', 'SELECT fraud_reload()');
}

sub new_node
{
	my ($name, $conf, $journal, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.service_file = 'service.yaml'
fraud_fallback.node_name = '$name'
restart_after_crash = on
jit = off
timezone = 'UTC'
$conf));
	write_file($node->data_dir . '/service.yaml', "journal: {$journal}\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION fraud_fallback; CREATE ROLE still SUPERUSER') unless $options{plain};
	return $node;
}

# everything done, without sleeping
sub advance
{
	my ($node, $by) = @_;
	$node->safe_psql('postgres', "SELECT fraud_test_advance('$by')");
}

sub sql { return $_[0]->safe_psql('postgres', $_[1]); }

# with a superuser as its role the worker leaves tables alone
sub drain_off
{
	my ($node) = @_;
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', q{ALTER SYSTEM SET fraud_fallback.worker_role = 'still'});
	$node->reload;
	$node->wait_for_log(qr/role "still" is a superuser/, $offset);
}

sub drain_on
{
	my ($node) = @_;
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET fraud_fallback.worker_role');
	$node->reload;
	$node->poll_query_until('postgres', 'SELECT bool_and(tables_off IS NULL) FROM fraud_worker') or die;
	advance($node, '0');
}

sub log_count
{
	my ($node, $pattern) = @_;
	my @found = slurp_file($node->logfile) =~ /$pattern/g;
	return scalar @found;
}

sub files
{
	my ($node) = @_;
	my @files = glob($node->data_dir . '/fraud_fallback/journal/*.journal');
	return @files;
}

my $append = q{SELECT fraud_journal_append(jsonb_build_object('txn_id', '%s', 'decided_at', to_jsonb(now())))};
sub append { my ($node, $txn_id) = @_; return sql($node, sprintf($append, $txn_id)); }

my $status = 'SELECT %s FROM fraud_journal_status';
sub status { my ($node, $columns) = @_; return sql($node, sprintf($status, $columns)); }

# rows, records that are there twice, and rows that are nobody's
my $all = q{SELECT count(*), count(*) - count(DISTINCT record_id), (SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok) FROM fraud_journal};

my $node = new_node('alpha', "wal_level = replica\nmax_connections = 30\n", 'segment_size: 128 kB, max_size: 32 MB, keep: 0 s', allows_streaming => 1);

# ---- one record

is(status($node, 'state, written, "full", failed, files, waiting, oldest_waiting, last_error, sync'), 'OK|0|0|0|0|0|||interval', 'an empty journal');
my $id = append($node, 't1');
like($id, qr/^[0-9a-f]{32}-0{15}1$/, 'a record has an id');
my $session = $node->background_psql('postgres');
my $rolled_back = $session->query_safe('BEGIN; ' . sprintf($append, 't2'));
$session->query_safe('ROLLBACK');
my $read_only = $session->query_safe('BEGIN READ ONLY; ' . sprintf($append, 't3') . '; ROLLBACK');
$session->quit;
advance($node, '0');
is(sql($node, q{SELECT string_agg(txn_id || ' ' || record_id || ' ' || node, ',' ORDER BY txn_id) FROM fraud_journal}),
	"t1 $id alpha,t2 $rolled_back alpha,t3 $read_only alpha", 'it becomes a row, rolled back or read only');
is(status($node, 'written, drained, waiting, oldest_waiting IS NULL'), '3|3|0|t', 'and nothing waits');
is(sql($node, q{SELECT count(*) FROM fraud_journal_lookup('t1')}), '0', 'nor is in files alone');
is(sql($node, q{SELECT state, bytes = drained, records, skipped, node, number FROM fraud_journal_segments()}), 'writing|t|3|0|alpha|1', 'the file it is in');

drain_off($node);
$id = append($node, 'waits');
sql($node, q{SELECT fraud_journal_append('{"txn_id": 4711, "n": 1}')});
is(sql($node, q{SELECT record_id, node, payload ->> 'txn_id', written_at > now() - interval '1 hour' FROM fraud_journal_lookup('waits')}), "$id|alpha|waits|t", 'what waits can be looked up');
is(sql($node, q{SELECT payload FROM fraud_journal_lookup('4711')}), '{"n": 1, "txn_id": 4711}', 'by a number, too');
is(sql($node, q{SELECT count(*) FROM fraud_journal_lookup('4712')}), '0', 'and nothing else');
is(status($node, 'waiting > 0, oldest_waiting IS NOT NULL'), 't|t', 'it is shown');

# a server in test mode, a superuser
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN; GRANT EXECUTE ON FUNCTION fraud_journal_append(jsonb, int) TO nobody');
my ($ret, $out, $err) = $node->psql('postgres', q{SELECT fraud_journal_append('{}')}, extra_params => [ '-U', 'nobody' ]);
like($err, qr/only superusers may append records by hand/, 'the hook of tests is for superusers');
drain_on($node);

# ---- what a payload may be

sql($node, q{SELECT fraud_journal_append(p::jsonb) FROM unnest(ARRAY['"text"', '[]', '{"txn_id": []}', '{"ml_status": 1e100}', '{"decided_at": "yesterday"}',
	'{"decided_at": "2000-01-01T00:00:00Z"}', '{"decided_at": "infinity"}', '{"ml_latency": -1}', '{"queued": "yes"}', '{"role": "\u00e4"}']) p});
my $too_large = sql($node, q{SELECT fraud_journal_append(jsonb_build_object('txn_id', 'large', 'pad', repeat('x', 65400)))});
is($too_large, 'FAILED', 'a record that is too large is not written');
like(status($node, 'last_error'), qr/could not record a decision of the journal: it is larger than a record may be/, 'and told');
is(status($node, 'failed, state'), '1|OK', 'and counted; others go on');
advance($node, '0');
is(sql($node, q{SELECT count(*) FROM fraud_journal WHERE txn ? 'text' AND txn_id IS NULL}), '9', 'what does not fit is kept as text');
is(sql($node, q{SELECT count(*) FROM fraud_journal WHERE role = 'ä'}), '1', 'texts are read as UTF-8');
is(sql($node, $all), '15|0|0', 'all of it');

# ---- many sessions

my $scripts = PostgreSQL::Test::Utils::tempdir;
write_file("$scripts/append.sql", "\\set n random(0, 3000)\nSELECT fraud_journal_append(jsonb_build_object('txn_id', 'many', 'pad', repeat('x', :n)));\n");
my @pgbench = ('pgbench', '-n', '-h', $node->host, '-p', $node->port, '-f', "$scripts/append.sql", 'postgres');
$node->command_ok([ @pgbench, '-c', '8', '-t', '500' ], '8 sessions append 500 records each');
advance($node, '0');
is(sql($node, q{SELECT count(*), count(DISTINCT record_id), max(record_id) = (SELECT split_part(max(record_id), '-', 1) || '-' || lpad(to_hex(4016), 16, '0') FROM fraud_journal)
	FROM fraud_journal WHERE txn_id = 'many'}), '4000|4000|t', 'none is lost, none has the id of another, the last is the last');
is(sql($node, $all), '4015|0|0', 'all are rows, once');
is(sql($node, 'SELECT count(*), min(state) FROM fraud_journal_segments()'), '1|writing', 'files that were drained are removed');
cmp_ok(sql($node, 'SELECT count(*) FROM fraud_journal_progress WHERE done'), '>', 30, 'there were many');
is(status($node, 'torn, quarantined, known'), '0|0|0', 'and nothing was wrong with them');

# ---- a worker that is ended or killed between rows and progress

my $blocker = $node->background_psql('postgres');
for my $signal ('TERM', 'KILL')
{
	$blocker = $node->background_psql('postgres');
	$blocker->query_safe('BEGIN; LOCK fraud_journal_open IN SHARE MODE');
	sql($node, sprintf(q{SELECT count(fraud_journal_append(jsonb_build_object('txn_id', '%s', 'n', n))) FROM generate_series(1, 700) n}, $signal));
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'fraud_journal_open'::regclass AND NOT granted}),
		"$signal: the worker is in the middle of a batch");
	is(sql($node, "SELECT count(*) FROM fraud_journal WHERE txn_id = '$signal'"), '0', "$signal: of which nothing is seen");
	my $offset = -s $node->logfile;
	my $pid = sql($node, 'SELECT pid FROM fraud_worker LIMIT 1');
	kill($signal, $pid);
	$node->wait_for_log($signal eq 'KILL' ? qr/all server processes terminated; reinitializing/ : qr/\(PID $pid\) exited with exit code 1/, $offset);
	$node->poll_query_until('postgres', 'SELECT 1', '1');
	eval { $blocker->query('ROLLBACK'); $blocker->quit; };
	$node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM fraud_worker LIMIT 1');
	advance($node, '0');
	is(sql($node, "SELECT count(*), count(DISTINCT record_id) FROM fraud_journal WHERE txn_id = '$signal'"), '700|700', "$signal: each record is a row, once");
}
is(sql($node, q{SELECT count(DISTINCT split_part(record_id, '-', 1)) FROM fraud_journal}), '1', 'the killed server had one start');
append($node, 'after');
advance($node, '0');
is(sql($node, q{SELECT count(DISTINCT split_part(record_id, '-', 1)) FROM fraud_journal}), '2', 'its successor has another');

# ---- kill -9 of a session while others write

write_file("$scripts/many.sql", join('', map { sprintf($append, 'killed') . ";\n" } 1 .. 1000));
write_file("$scripts/for_long.sql", "\\i $scripts/many.sql\n" x 1000);
my @writers = map {
	my $output = "$scripts/out$_";
	IPC::Run::start([ 'psql', '-XqAt', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-f', "$scripts/for_long.sql" ],
		'<', \undef, '>', $output, '2>', '/dev/null');
} 1 .. 2;
$node->poll_query_until('postgres', q{SELECT count(*) > 500 FROM fraud_journal WHERE txn_id = 'killed'}) or die;
my $offset = -s $node->logfile;
kill('KILL', sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query ~ 'append' AND pid <> pg_backend_pid() LIMIT 1}));
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
eval { $_->finish } for @writers;
$node->poll_query_until('postgres', 'SELECT 1', '1');
$node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM fraud_worker LIMIT 1');
advance($node, '0');
# there may be more than the worker drains in one go
$node->poll_query_until('postgres', 'SELECT waiting = 0 FROM fraud_journal_status') or die;
my @answered = map { grep { /^[0-9a-f]{32}-[0-9a-f]{16}$/ } split(/\n/, slurp_file("$scripts/out$_")) } 1 .. 2;
cmp_ok(scalar @answered, '>', 100, 'sessions got ids before they were killed');
my %rows = map { $_ => 1 } split(/\n/, sql($node, q{SELECT record_id FROM fraud_journal WHERE txn_id = 'killed'}));
is(scalar(grep { !$rows{$_} } @answered), 0, 'every record that was answered is a row');
is((split(/\|/, sql($node, $all)))[1], '0', 'and once');
append($node, 'immediate');
$node->stop('immediate');
$node->start;
$node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM fraud_worker LIMIT 1');
advance($node, '0');
is(sql($node, q{SELECT count(*) FROM fraud_journal WHERE txn_id = 'immediate'}), '1', 'the same after an immediate stop');

# ---- full

drain_off($node);
settings($node, 'segment_size: 128 kB, max_size: 1 MB, keep: 0 s');
my $large = q{SELECT fraud_journal_append(jsonb_build_object('txn_id', 'large', 'pad', repeat('x', 60000)), %d)};
is(sql($node, sprintf($large, 40)), 'FULL', 'max_size is reached: FULL, and no error');
is(status($node, 'state, bytes <= max_bytes, bytes > max_bytes - 61000, written + "full"'), 'FULL|t|t|40', 'exactly, and every record is counted');
is(append($node, 'small') =~ /-/ ? 'written' : 'refused', 'written', 'a smaller one may fit');
advance($node, '11 s');
is(log_count($node, qr/LOG:  journal files: OK -> FULL: its files have reached journal.max_size, 1 MB/), 1, 'it is told once');
drain_on($node);
advance($node, '11 s');
is(status($node, 'state, waiting'), 'OK|0', 'what is drained makes room');
is(sql($node, q{SELECT "from", "to", count(*) FROM fraud_events WHERE kind = 'journal' AND subject = 'files' GROUP BY 1, 2 ORDER BY 1}), "FULL|OK|1\nOK|FULL|1", 'which is told, too');
is(sql($node, q{SELECT count(*) + (SELECT "full" FROM fraud_journal_status) FROM fraud_journal WHERE txn_id = 'large'}), '40', 'rows and refused records are all there were');
is(append($node, 'again') =~ /-/ ? 'written' : 'refused', 'written', 'and records are written');

# ---- a short write: the process may not make files of more than 20 MB

SKIP:
{
	skip 'no prlimit', 4 unless IPC::Run::run([ 'prlimit', '--version' ], '>', '/dev/null', '2>', '/dev/null');
	settings($node, 'segment_size: 64 MB, max_size: 200 MB, keep: 0 s');
	advance($node, '0');
	my $before = sql($node, 'SELECT count(*) FROM fraud_journal');
	my $one = $node->background_psql('postgres');
	my $pid = $one->query_safe('SELECT pg_backend_pid()');
	system_or_bail('prlimit', "--pid=$pid", '--fsize=20971520:');
	my $ids = $one->query_safe(q{SELECT string_agg(fraud_journal_append(jsonb_build_object('txn_id', 'short', 'pad', repeat('x', 60000), 'n', n)), ' ') FROM generate_series(1, 400) n});
	$one->quit;
	is(scalar(() = $ids =~ /FAILED/g), 1, 'a record that does not fit fails');
	is(scalar(() = $ids =~ /-/g), 399, 'the next one goes to another file');
	advance($node, '11 s');
	is(sql($node, 'SELECT count(*) FROM fraud_journal') - $before, 399, 'all that were written are rows');
	is(status($node, 'torn, quarantined, state'), '1|0|OK', 'the torn one was cut');
}

# ---- damaged files

my $dir = $node->data_dir . '/fraud_fallback/journal';
my @records = map { decode_base64($_) } slurp_file('sql/journal.sql') =~ /^\t\(\d, '([^']+)'\)/mg;
is(scalar @records, 4, 'records of another server');
write_file("$dir/" . ('ab' x 16) . '-0000000007.journal', "no record\n" . $records[0] . "\xFFFJ1 nor this" . $records[1] . substr($records[2], 0, 60));
write_file("$dir/" . ('ab' x 16) . '-0000000008.journal', '');
write_file("$dir/" . ('ab' x 16) . '-0000000009.journal', "\0" x 3_000_000);
write_file("$dir/not a segment", 'x');
advance($node, '0');
is(sql($node, q{SELECT string_agg(right(record_id, 1), ',' ORDER BY record_id) FROM fraud_journal WHERE node = 'old primary'}), '1,2', 'records between damage become rows');
is(sql($node, q{SELECT done, records, skipped FROM fraud_journal_progress WHERE segment ~ '^(ab)+-' ORDER BY segment}), "t|2|83\nt|0|0\nt|0|3000000", 'the rest is skipped, to the end');
is(slurp_file("$dir/quarantine/" . ('ab' x 16) . '-0000000007.0'), "no record\n", 'and set aside as it was');
is(status($node, 'quarantined >= 4, files'), 't|1', 'counted; the files are gone');
is(sql($node, q{SELECT count(*), min(message), bool_and((cause ->> 'bytes')::int > 0) FROM fraud_events WHERE subject = 'quarantine' AND cause ->> 'file' ~ '0007'}),
	'1|bytes of ' . ('ab' x 16) . '-0000000007.journal were set aside in "quarantine": they are no records|t', 'and told');

# a record that the table refuses holds nobody up
sql($node, q{ALTER TABLE fraud_journal ADD CONSTRAINT no_bad CHECK (txn_id <> 'bad') NOT VALID});
append($node, $_) for ('good1', 'bad', 'good2');
advance($node, '1 s') for 1 .. 2;
is(sql($node, q{SELECT string_agg(txn_id, ',' ORDER BY txn_id) FROM fraud_journal WHERE txn_id ~ '^(good|bad)'}), 'good1,good2', 'a refused record is set aside, the others are rows');
like(sql($node, q{SELECT cause ->> 'reason' FROM fraud_events WHERE subject = 'quarantine' ORDER BY at DESC LIMIT 1}), qr/violates check constraint "no_bad"/, 'with the reason');
sql($node, 'ALTER TABLE fraud_journal DROP CONSTRAINT no_bad');

# ---- a file that is removed while it is written

settings($node, 'segment_size: 128 kB, max_size: 32 MB, keep: 0 s');
append($node, 'before');
advance($node, '0');
unlink(files($node));
like(append($node, 'removed'), qr/-/, 'the file was removed: the next one is begun');
is(status($node, 'removed_files, failed'), '1|' . status($node, 'failed'), 'which is counted');
rmtree($dir);
like(append($node, 'gone'), qr/-/, 'the directory inside the data directory is made anew');
advance($node, '0');
is(sql($node, q{SELECT string_agg(txn_id, ',' ORDER BY txn_id) FROM fraud_journal WHERE txn_id IN ('before', 'gone')}), 'before,gone', 'and drained');

# ---- sync each

settings($node, 'sync: each, segment_size: 128 kB, max_size: 32 MB, keep: 0 s');
sql($node, 'ALTER SYSTEM SET fsync = on');
$node->reload;
$node->poll_query_until('postgres', q{SELECT current_setting('fsync') = 'on'});
my $before = sql($node, q{SELECT count(*) FROM fraud_journal WHERE txn_id = 'many'});
$node->command_ok([ @pgbench, '-c', '4', '-t', '25' ], 'sync each: 4 sessions');
advance($node, '0');
is(sql($node, q{SELECT count(*) FROM fraud_journal WHERE txn_id = 'many'}) - $before, 100, 'all their records');
# /dev/null takes bytes, and cannot be flushed
my ($start, $number) = split(/\|/, sql($node, q{SELECT start, max(number) FROM fraud_journal_segments() WHERE state = 'writing' GROUP BY 1}));
symlink('/dev/null', sprintf('%s/%s-%010d.journal', $dir, $start, $number + 1)) or die;
is(scalar(() = sql($node, q{SELECT string_agg(fraud_journal_append(jsonb_build_object('txn_id', 'large', 'pad', repeat('x', 60000), 'n', n)), ' ') FROM generate_series(1, 3) n}) =~ /FAILED/g),
	1, 'a record that cannot be flushed fails');
is(status($node, 'flush_failures, state'), '1|FAILING', 'as its file did');
like(status($node, 'last_error'), qr/could not flush a file of the journal: Invalid argument/, 'with the reason');
like(append($node, 'flushed'), qr/-/, 'the next goes to another file');
advance($node, '11 s');
is(status($node, 'state, flush_failures'), 'OK|1', 'and all is well');
is(sql($node, q{SELECT count(*) FROM fraud_journal WHERE txn_id = 'flushed'}), '1', 'it is a row');
# by the worker
settings($node, 'sync: interval, segment_size: 128 kB, max_size: 32 MB, keep: 0 s');
($start, $number) = split(/\|/, sql($node, q{SELECT start, max(number) FROM fraud_journal_segments() WHERE state = 'writing' GROUP BY 1}));
symlink('/dev/null', sprintf('%s/%s-%010d.journal', $dir, $start, $number + 1)) or die;
sql($node, sprintf($large, 3));
$node->poll_query_until('postgres', 'SELECT flush_failures = 2 FROM fraud_journal_status');
is(status($node, 'flush_failures, state'), '2|FAILING', 'sync interval: the worker finds it');
advance($node, '11 s');
is(status($node, 'flush_failures, state'), '2|OK', 'and tries the file no more');
sql($node, 'ALTER SYSTEM RESET fsync');
$node->reload;
is((split(/\|/, sql($node, $all)))[1], '0', 'still no record twice');

# ---- a standby

drain_off($node);
append($node, 'copied');
$node->backup('base');
drain_on($node);
my $standby = PostgreSQL::Test::Cluster->new('beta');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "fraud_fallback.node_name = 'beta'\nfraud_fallback.worker_role = ''\n");
$standby->append_conf('postgresql.auto.conf', "fraud_fallback.worker_role = ''\n");
$standby->start;
is(scalar(files($standby)), 1, 'a base backup brings the files along');
my $on_standby = append($standby, 'standby');
like($on_standby, qr/-0{15}1$/, 'a standby writes its own');
is(sql($standby, q{SELECT payload ->> 'txn_id', node FROM fraud_journal_lookup('standby')}), 'standby|beta', 'and finds them');
advance($standby, '1 s');
is(status($standby, 'state, waiting > 0, drained, files'), 'OK|t|0|2', 'they wait');
$node->wait_for_catchup($standby, 'replay');
is(sql($standby, 'SELECT count(*) > 0, count(*) FILTER (WHERE NOT ok) FROM fraud_journal_verify()'), 't|0', 'what is replicated can be verified');
# the old primary has records that it did not drain
drain_off($node);
append($node, "old$_") for 1 .. 3;
my ($last) = sort { (stat($b))[9] <=> (stat($a))[9] } files($node);
sql($node, 'CHECKPOINT');
$node->wait_for_catchup($standby, 'replay');
$node->stop('immediate');
$standby->promote;
advance($standby, '0');
is(sql($standby, q{SELECT string_agg(txn_id || ' ' || node, ',' ORDER BY txn_id) FROM fraud_journal WHERE txn_id IN ('standby', 'copied')}), 'copied alpha,standby beta',
	'promoted: its records are rows; what came with the backup was one already');
is(status($standby, 'drained, waiting'), '1|0', 'nothing is counted twice');
is(sql($standby, "SELECT fraud_journal_import(pg_read_binary_file('$last'))"), '3', 'the file of the old primary adds what was missing');
is(sql($standby, "SELECT fraud_journal_import(pg_read_binary_file('$last'))"), '0', 'once');
is(sql($standby, q{SELECT string_agg(txn_id || ' ' || node, ',' ORDER BY txn_id) FROM fraud_journal WHERE txn_id ~ '^old'}), 'old1 alpha,old2 alpha,old3 alpha', 'as it wrote them');
my ($name) = map { s|.*/||r } files($standby);
append($standby, 'read');
is(sql($standby, qq{SELECT fraud_journal_import(fraud_journal_read(name)) FROM fraud_journal_segments() WHERE state = 'writing'}), '1', 'a file that is still there can be imported before it is drained');
advance($standby, '0');
is((split(/\|/, sql($standby, $all)))[1], '0', 'and no record is there twice');
is(status($standby, 'known'), '1', 'the drain knew it');
$standby->stop;

# ---- a directory outside, and another server with the same

mkdir "$outside/journal" or die;
my $gamma = new_node('gamma', "fraud_fallback.journal_directory = '$outside/journal'\n", 'segment_size: 128 kB, max_size: 32 MB, keep: 0 s');
like(append($gamma, 'outside'), qr/-/, 'a directory outside the data directory');
advance($gamma, '0');
is(sql($gamma, q{SELECT count(*) FROM fraud_journal WHERE txn_id = 'outside'}), '1', 'is drained');
my $delta = new_node('delta', "fraud_fallback.journal_directory = '$outside/journal'\n", 'segment_size: 128 kB, max_size: 32 MB, keep: 0 s');
like(append($delta, 'other'), qr/-/, 'another server with the same directory writes');
advance($delta, '1 s') for 1 .. 3;
is(sql($delta, 'SELECT count(*) FROM fraud_journal'), '0', 'but drains nothing');
is(log_count($delta, qr/the journal is not drained: directory "[^"]+" cannot be locked/), 1, 'and says so once');
$delta->stop('immediate');
advance($gamma, '0');
is(sql($gamma, q{SELECT string_agg(txn_id || ' ' || node, ',' ORDER BY txn_id) FROM fraud_journal}), 'other delta,outside gamma', 'who owns it drains for both');

rename("$outside/journal", "$outside/elsewhere") or die;
sql($gamma, sprintf($large, 3));
is(append($gamma, 'nowhere'), 'FAILED', 'the directory is gone: FAILED, and no error');
cmp_ok(status($gamma, 'failed'), '>', 1, 'which is counted');
is(status($gamma, 'state, last_error'), 'FAILING|could not open a file of the journal: No such file or directory', 'and told why');
advance($gamma, '11 s');
is(status($gamma, 'state'), 'FAILING', 'it stays so');
rename("$outside/elsewhere", "$outside/journal") or die;
like(append($gamma, 'back'), qr/-/, 'the directory is back, and so are records');
advance($gamma, '11 s');
is(status($gamma, 'state'), 'OK', 'which is seen');
is(sql($gamma, q{SELECT string_agg("from" || ' ' || "to", ',' ORDER BY at) FROM fraud_events WHERE kind = 'journal' AND subject = 'files'}), 'OK FAILING,FAILING OK', 'told once each');
chmod(0555, "$outside/journal");
sql($gamma, sprintf($large, 3));
is(append($gamma, 'read only'), 'FAILED', 'a directory without the right to write');
chmod(0, "$outside/journal");
is(status($gamma, 'bytes IS NULL, files IS NULL, waiting IS NULL, failed > 0'), 't|t|t|t', 'one that cannot be read is no error: this is where somebody looks then');
chmod(0755, "$outside/journal");
like(append($gamma, 'writable'), qr/-/, 'and with it');
advance($gamma, '11 s');
is(sql($gamma, q{SELECT string_agg(txn_id, ',' ORDER BY txn_id) FROM fraud_journal WHERE txn_id <> 'large'}), 'back,other,outside,writable', 'what was written is there');
is(sql($gamma, $all =~ s/count\(\*\), //r), '0|0', 'once');
$gamma->stop;

# ---- days, their chain, retention; the clock moves

my $days = new_node('days', '', 'segment_size: 128 kB, max_size: 32 MB, keep: 0 s, retention: 10 d');
my $twin = new_node('twin', '', 'segment_size: 128 kB, max_size: 32 MB');
my $chain = 'SELECT number, part, kind, records, found, ok, problem FROM fraud_journal_verify()';
for my $day (1 .. 3)
{
	sql($days, qq{SELECT fraud_journal_append('{"txn_id": "day$day"}', $day)});
	advance($days, '1 day');
}
sql($days, q{SELECT fraud_journal_append('{"txn_id": "open"}')});
advance($days, '0');
is(sql($days, $chain), "1|0|day|1|1|t|\n2|0|day|2|2|t|\n3|0|day|3|3|t|\n|0|open|1|1|t|", 'a day is closed when it is over');
is(sql($days, q{SELECT count(*) FROM fraud_journal_days d JOIN fraud_journal_days p ON p.number = d.number - 1 WHERE d.previous = p.hash}), '2', 'each links to the one before');
is(sql($days, q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'fraud_journal'::regclass}), '5', 'a partition a day, and one ahead');
is(sql($days, q{SELECT count(*) FROM fraud_events WHERE kind = 'journal' AND subject = 'closed' AND cause ->> 'hash' = (SELECT encode(hash, 'hex') FROM fraud_journal_days WHERE number = 3)}), '1', 'the hash is told');

# a late record: a supplement
append($twin, 'late');
my $late = sql($twin, 'SELECT fraud_journal_read(name) FROM fraud_journal_segments()');
is(sql($days, "SELECT fraud_journal_import('$late')"), '1', 'a record for a day that is closed');
is(sql($days, q{SELECT part FROM fraud_journal WHERE txn_id = 'late'}), '1', 'is of a supplement');
like(sql($days, $chain), qr/^1\|0\|day\|1\|1\|t\|\n/, 'the day stays as it was');
append($twin, 'later');
$late = sql($twin, 'SELECT fraud_journal_read(name) FROM fraud_journal_segments()');
advance($days, '0');
is(sql($days, "SELECT fraud_journal_import('$late')"), '1', 'a later one');
is(sql($days, q{SELECT part FROM fraud_journal WHERE txn_id = 'later'}), '1', 'is of the same one');
advance($days, '1 day');
is(sql($days, q{SELECT kind, part, records FROM fraud_journal_days WHERE number > 3 ORDER BY number}), "supplement|1|2\nday|0|1", 'which is closed when the day is over');
is(sql($days, 'SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok'), '0', 'the chain holds');

# a session in another zone, in another format, sees the same
is(sql($days, q{SET timezone = 'Asia/Tokyo'; SET datestyle = 'SQL, DMY'; SET intervalstyle = 'iso_8601'; SET search_path = pg_temp; SET extra_float_digits = 0;
	SELECT count(*) FROM public.fraud_journal_verify() WHERE ok}), '5', 'whatever the session is like');

# who can change something is found out
sub tampered
{
	my ($what, $partition, $sql, $found) = @_;
	is( sql($days, qq{
SET client_min_messages = warning;
BEGIN; ALTER TABLE $partition DISABLE TRIGGER ALL; $sql; ALTER TABLE $partition ENABLE ALWAYS TRIGGER fraud_journal_keep, ENABLE ALWAYS TRIGGER fraud_journal_keep_row;
SELECT number, problem FROM fraud_journal_verify() WHERE NOT ok; ROLLBACK}), $found, $what);
}
my $part = sub { 'fraud_journal_' . sql($days, "SELECT to_char(day, 'YYYYMMDD') FROM fraud_journal_days WHERE number = $_[0]") };
my $second = $part->(2);
tampered('a row that was changed', $second, qq{UPDATE $second SET decision = '{"risk_score": 1}' WHERE record_id = (SELECT min(record_id) FROM $second)}, '2|rows were changed, or the hash was');
tampered('a NULL that became null', $second, qq{UPDATE $second SET ml = 'null'}, '2|rows were changed, or the hash was');
tampered('a row that was deleted', $second, qq{DELETE FROM $second WHERE record_id = (SELECT min(record_id) FROM $second)}, '2|rows are missing');
tampered('a row that was added', $second, qq{INSERT INTO $second (record_id, decided_at, node, part) SELECT 'x', decided_at, node, 0 FROM $second LIMIT 1},
	'2|there are rows that did not come before it was closed');
tampered('a row of no part', $second, qq{INSERT INTO $second (record_id, decided_at, node, part) SELECT 'x', decided_at, node, 9 FROM $second LIMIT 1}, '|rows that no record became');
tampered('a hash', 'fraud_journal_days', q{UPDATE fraud_journal_days SET hash = sha256('x') WHERE number = 2}, "2|rows were changed, or the hash was\n3|it does not follow the link before it");
tampered('a link that is gone', 'fraud_journal_days', q{DELETE FROM fraud_journal_days WHERE number = 1}, "2|links before it are missing\n3|links before it are missing\n4|links before it are missing\n5|links before it are missing\n|rows that no record became\n" =~ s/\n$//r);
is(sql($days, qq{SET client_min_messages = warning; BEGIN; DROP TABLE $second; SELECT number, problem FROM fraud_journal_verify() WHERE NOT ok; ROLLBACK}), '2|rows are missing', 'a day that is gone');

# a day that is hashed in slices
sql($days, q{SELECT fraud_journal_append('{"txn_id": "big"}', 20500)});
advance($days, '0');
advance($days, '1 day');
is(sql($days, q{SELECT kind, records FROM fraud_journal_days ORDER BY number DESC LIMIT 1}), 'day|20500', 'a large day is closed');
is(sql($days, 'SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok'), '0', 'with the same hash as at one go');

# records that come while their day is hashed are of the next part
sql($days, q{SELECT fraud_journal_append('{"txn_id": "before"}')});
advance($days, '0');
sql($days, 'UPDATE fraud_journal_open SET closing = true');
sql($days, q{SELECT fraud_journal_append('{"txn_id": "while"}')});
advance($days, '0');
is(sql($days, q{SELECT txn_id, part FROM fraud_journal WHERE txn_id IN ('before', 'while') ORDER BY 2}), "before|0\nwhile|1", 'while a day is closed, records go on');
advance($days, '1 day');
is(sql($days, q{SELECT kind, part, records FROM fraud_journal_days ORDER BY number DESC LIMIT 2}), "supplement|1|1\nday|0|1", 'both are closed');
is(sql($days, 'SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok'), '0', 'each with its own');

# a day whose rows are not what came is not closed
sql($days, q{SELECT fraud_journal_append('{"txn_id": "counted"}', 2)});
advance($days, '0');
my $today = 'fraud_journal_' . sql($days, q{SELECT to_char(max(decided_at), 'YYYYMMDD') FROM fraud_journal});
my $kept = sql($days, "ALTER TABLE $today DISABLE TRIGGER ALL; CREATE TABLE kept AS SELECT * FROM $today LIMIT 1; DELETE FROM $today WHERE record_id IN (SELECT record_id FROM kept)");
advance($days, '1 day');
is(sql($days, q{SELECT kind, records, found, problem FROM fraud_journal_verify() WHERE NOT ok}), 'open|2|1|rows are missing', 'rows that are missing keep a day open');
advance($days, '2 hours') for 1 .. 2;
is(sql($days, q{SELECT count(*) FROM fraud_events WHERE kind = 'journal' AND subject = 'mismatch'}), '1', 'which is told once');
sql($days, "INSERT INTO $today SELECT * FROM kept; ALTER TABLE $today ENABLE ALWAYS TRIGGER fraud_journal_keep, ENABLE ALWAYS TRIGGER fraud_journal_keep_row; DROP TABLE kept");
advance($days, '2 hours');
is(sql($days, q{SELECT kind, records FROM fraud_journal_days ORDER BY number DESC LIMIT 1}), 'day|2', 'when they are back it is closed');
is(sql($days, 'SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok'), '0', 'and all is well');

# a dump, and what comes after it
my $asked = q{SELECT count(*), md5(string_agg(j::text, ',' ORDER BY record_id)) FROM fraud_journal j};
my $was = sql($days, $asked);
my $was_chain = sql($days, $chain);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$days->command_ok([ 'pg_dump', '--no-privileges', '-d', $days->connstr('postgres'), '-f', $dump ], 'pg_dump');
my $restored = new_node('restored', '', 'segment_size: 128 kB, max_size: 32 MB, retention: off', plain => 1);
my $text = slurp_file($dump);
ok($text =~ s/(?=COPY public\.)/SELECT public.fraud_test_advance('20 days');\n/g, 'the worker comes between all tables');
write_file($dump, $text);
$restored->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $restored->connstr('postgres'), '-f', $dump ], 'restored, with a worker');
advance($restored, '-' . 20 * (() = $text =~ /fraud_test_advance/g) . ' days');
is(sql($restored, $asked), $was, 'the same rows');
is(sql($restored, $chain), $was_chain, 'and the same chain');
($ret, $out, $err) = $restored->psql('postgres', "TRUNCATE $second");
like($err, qr/rows of $second cannot be updated or deleted/, 'that cannot be changed');
append($restored, 'restored');
advance($restored, '0');
is(sql($restored, q{SELECT count(*) FROM fraud_journal WHERE txn_id = 'restored'}), '1', 'it goes on');
$restored->safe_psql('postgres', 'DROP EXTENSION fraud_fallback');
is(sql($restored, q{SELECT count(*) FROM pg_class WHERE relname ~ '^fraud_journal'}), '0', 'DROP EXTENSION takes the partitions along');
$restored->stop;

# retention
my $reader = $days->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM fraud_journal');
advance($days, '8 days');
is(sql($days, q{SELECT count(*) FROM fraud_journal_days WHERE kind = 'removed'}), '0', 'a day that is too old stays while somebody reads');
$reader->query_safe('ROLLBACK');
$reader->quit;
advance($days, '2 minutes');
cmp_ok(sql($days, q{SELECT count(*) FROM fraud_journal_days WHERE kind = 'removed'}), '>', 1, 'then it is removed, as a link of the chain');
is(sql($days, qq{SELECT to_regclass('$second') IS NULL}), 't', 'with its partition');
is(sql($days, 'SELECT count(*) FROM fraud_journal_verify() WHERE NOT ok'), '0', 'the chain holds');
is(sql($days, q{SELECT count(*) = (SELECT count(*) FROM fraud_journal_days WHERE kind = 'removed') FROM fraud_events WHERE kind = 'journal' AND subject = 'removed'}), 't', 'it is told');
append($twin, 'latest');
$late = sql($twin, 'SELECT fraud_journal_read(name) FROM fraud_journal_segments()');
($ret, $out, $err) = $days->psql('postgres', "SELECT fraud_journal_import('$late')");
is($out, '0', 'a record of a day that was removed');
like($err, qr/older than journal\.retention: 3/, 'stays out');

# files that were drained stay a while
is(sql($twin, q{SELECT count(*) FROM fraud_journal_segments() WHERE state = 'writing'}), '1', 'a file is written');
sql($twin, sprintf($large, 6));
advance($twin, '1 minute');
is(sql($twin, q{SELECT count(*) FROM fraud_journal_segments() WHERE state = 'drained'}), '2', 'journal.keep: files that were drained stay');
advance($twin, '11 minutes');
is(sql($twin, q{SELECT string_agg(state, ',') FROM fraud_journal_segments()}), 'writing', 'for a while');
settings($twin, 'segment_size: 128 kB, max_size: 1 MB');
is(sql($twin, sprintf($large, 12)) =~ /-/ ? 'written' : 'refused', 'written', 'with little room');
advance($twin, '1 s');
is(status($twin, 'bytes < 600000'), 't', 'not so long');
$_->stop for ($days, $twin);

done_testing();
