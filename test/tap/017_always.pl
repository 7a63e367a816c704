# Always a decision: random transactions, random answers of ML, random faults.
# 100 batches of 1,000, each in another state of the server; FF_LONG=1: of 10,000.
# FF_SEED=n repeats a run.
use strict;
use warnings;

use IPC::Run ();
use List::Util qw(shuffle sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{FF_SEED} // int(rand(1_000_000));
my $rows = $ENV{FF_LONG} ? 10_000 : 1_000;
my $batches = 100;
diag("FF_SEED=$seed");
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.service_file = 'service.yaml'
fraud_fallback.rules_file = 'rules.yaml'
fraud_fallback.live_customers = 100000
log_statement = none
log_connections = off
log_disconnections = off
autovacuum = off
jit = off
));

sub write_file
{
	my ($name, $text) = @_;
	my $path = $node->data_dir . "/$name";
	open(my $fh, '>:raw', "$path.new") or die "could not write $path.new: $!";
	print $fh $text;
	close($fh) or die "could not write $path.new: $!";
	rename("$path.new", $path) or die "could not rename to $path: $!";
}

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub advance { sql("SET default_transaction_read_only = off; SELECT fraud_test_advance('$_[0]')"); }

sub files
{
	my (%state) = @_;
	write_file('rules.yaml', ($state{rules} // 'version: 1') . "\n");
	write_file('service.yaml', 'journal: {' . ($state{journal} // 'max_size: 8 GB, keep: 0 s') . "}\n" .
		"tiers: {recover_after: {minimal: 0 s, degraded: 0 s, full: 0 s}}\n" .
		(exists $state{ml} ? "ml: {$state{ml}}\n" : ''));
}

files();
$node->start;
sql('CREATE EXTENSION fraud_fallback; CREATE ROLE still SUPERUSER');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', 'test/tap/always.sql' ], 'the test itself');

# histories: customers with a past
sql(qq{
SELECT setseed(@{[ ($seed % 10000) / 10000 ]});
SELECT always.fill_pool();
CREATE TABLE past AS
	SELECT g AS txn_id, 'c' || g % 41 AS customer_id, 'm' || g % 20 AS merchant_id, (20 + g % 77)::numeric AS amount, now() - g * interval '7 min' AS occurred_at,
		'US'::text AS country, 'US'::text AS home_country, (ARRAY['approved', 'approved', 'approved', 'declined'])[1 + g % 4] AS status, '8.8.8.8'::inet AS ip, 'card' || g % 60 AS card_id
	FROM generate_series(1, 4000) g;
SELECT fraud_attach('past');});
advance('0');
sql(q{SELECT fraud_fold(); SELECT circuit_ignore(circuit_acquire('ml'))});

# ---- states of the server

my $off = join(', ', map { "$_: {enabled: false}" } split(/\n/, sql('SELECT rule FROM fraud_rules_catalog()')));
my $blocker;

sub locked
{
	my ($tables) = @_;
	return (
		before => sub { $blocker = $node->background_psql('postgres'); $blocker->query_safe("BEGIN; LOCK TABLE $tables IN ACCESS EXCLUSIVE MODE"); },
		after => sub { $blocker->query_safe('ROLLBACK'); $blocker->quit; });
}

sub circuit { my ($how) = @_; return (tier => undef, before => sub { sql("SELECT $how") }, tiers => '1,2'); }

sub set_conf
{
	my ($name, $value, $until) = @_;
	sql('SET default_transaction_read_only = off; ALTER SYSTEM ' . (defined $value ? "SET $name = '$value'" : "RESET $name"));
	$node->reload;
	$node->poll_query_until('postgres', $until) or die "no $until";
}

# with a superuser as its role the worker leaves tables alone, and files full
sub full
{
	my ($on_full) = @_;
	return (
		journal => "segment_size: 128 kB, max_size: 1 MB, keep: 0 s, on_full: $on_full",
		before => sub { set_conf('fraud_fallback.worker_role', 'still', 'SELECT bool_or(tables_off IS NOT NULL) FROM fraud_worker') },
		after => sub { set_conf('fraud_fallback.worker_role', undef, 'SELECT bool_and(tables_off IS NULL) FROM fraud_worker') },
		expect_journal => $on_full eq 'block_high_risk' ? 'block' : 'some');
}

my $journal_dir = $node->data_dir . '/fraud_fallback/journal';
my @states = (
	[ { name => 'tier 1', tiers => '1,2' } ],
	[ { name => 'tier 1, all measured', tier => undef, tiers => '1,2' } ],
	[ { name => 'tier 2', tier => 2, tiers => '2' } ],
	[ { name => 'tier 3', tier => 3, tiers => '3' } ],
	[ { name => 'tier 4', tier => 4, tiers => '4' } ],
	[ { name => 'tier 5', tier => 5, tiers => '5' } ],
	[ { name => 'maintenance', tiers => '5', server => 5,
		before => sub { sql(q{SELECT maintenance_schedule(clock_timestamp() - interval '1 min', clock_timestamp() + interval '1 day', 'back soon', 'ops')}); advance('0'); },
		after => sub { sql('SELECT maintenance_cancel(id) FROM fraud_maintenance'); advance('0'); } } ],
	[ { name => 'circuit tripped', circuit(q{circuit_trip('ml', 'test')}) } ],
	[ { name => 'circuit forced open', circuit(q{circuit_force_open('ml', 'test')}) } ],
	[ { name => 'circuit forced closed', circuit(q{circuit_force_closed('ml', 'test')}) } ],
	[ { name => 'circuit metrics only', circuit(q{circuit_metrics_only('ml', 'test')}) } ],
	[ { name => 'profiles locked', tiers => '1,3', locked('fraud_profiles') } ],
	[ { name => 'profiles locked, circuit closed', circuit(q{circuit_force_closed('ml', 'test')}), tier => 1, tiers => '1,3', locked('fraud_profiles, fraud_labels') } ],
	[ { name => 'deltas locked', tiers => '1,2,3', locked('fraud_profile_deltas') } ],
	[ { name => 'profiles locked, combined', tiers => '1,3', ml => 'combine: strictest', combine => 'strictest', locked('fraud_profiles') } ],
	[ { name => 'tables of ours and the user locked', tiers => '1,2,3', locked('fraud_profiles, fraud_profile_deltas, fraud_labels, fraud_sources, fraud_journal, fraud_events, past') } ],
	[ { name => 'no time to look up', tiers => '1,3', session => 'SET fraud_fallback.lookup_timeout = 0' } ],
	[ { name => 'journal full', tiers => '1,2', full('drop_and_count') } ],
	[ { name => 'journal full, blocking', tiers => '1,2', full('block_high_risk') } ],
	[ { name => 'journal full, blocking, maintenance', tier => 5, tiers => '5', full('block_high_risk') } ],
	[ { name => 'journal full, blocking, emergency', tier => 4, tiers => '4', full('block_high_risk') } ],
	[ { name => 'the directory of the journal takes no files', tiers => '1,2', expect_journal => 'some', journal => 'segment_size: 128 kB, max_size: 8 GB, keep: 0 s',
		before => sub { chmod(0500, $journal_dir) or die }, after => sub { chmod(0700, $journal_dir) or die } } ],
	[ { name => 'narrow bands', tiers => '1,2', rules => 'scoring: {low_max: 10, medium_max: 12}', low => 10, medium => 12 } ],
	[ { name => 'wide bands', tier => undef, tiers => '1,2', rules => 'scoring: {low_max: 45, medium_max: 90}', low => 45, medium => 90 } ],
	[ { name => 'bands at tier 4', tier => 4, tiers => '4', rules => 'scoring: {low_max: 45, medium_max: 90}', low => 45, medium => 90 } ],
	[ { name => 'lists', tiers => '1,2', rules => 'lists: {deny_customers: {values: [c1, c2]}, review_cards: {values: [card1]}, deny_ips: {values: [8.8.8.8]}, review_merchants: {values: [m1]}}' } ],
	[ { name => 'lists at tier 3', tier => 3, tiers => '3', rules => 'lists: {deny_customers: {values: [c1, c2]}, review_cards: {values: [card1]}}' } ],
	[ { name => 'lists at tier 4', tier => 4, tiers => '4', rules => 'lists: {deny_customers: {values: [c1, c2]}, review_cards: {values: [card1]}}' } ],
	[ { name => 'full coverage wanted', tiers => '1,2', rules => 'scoring: {min_coverage: 1}', floor => 1 } ],
	[ { name => 'full coverage wanted at tier 3', tier => 3, tiers => '3', rules => 'scoring: {min_coverage: 1}', floor => 1 } ],
	[ { name => 'three quarters wanted, combined', tiers => '1,2', rules => 'scoring: {min_coverage: 0.75}', floor => 0.75, ml => 'combine: strictest', combine => 'strictest' } ],
	[ { name => 'no coverage wanted', tiers => '1,2', rules => 'scoring: {min_coverage: 0}', floor => 0 } ],
	[ { name => 'custom rules that fail', tiers => '1,2', rules => 'custom: {broken: {when: "1 / (amount - amount) > 1", points: 30}, worse: {when: "sqrt(-1 - amount) > 1", points: 30}, fine: {when: "amount > 500", points: 5}}' } ],
	[ { name => 'all rules off', tiers => '1,2', rules => "rules: {$off}" } ],
	[ { name => 'all rules off at tier 3', tier => 3, tiers => '3', rules => "rules: {$off}" } ],
	[ { name => 'short circuit', tiers => '1,2', rules => 'scoring: {short_circuit: true, medium_max: 40}', medium => 40 } ],
	[ { name => 'another basis', tiers => '1,2', rules => 'history: {timezone: Europe/Berlin, weekend: [5]}' } ],
	[ { name => 'strictest', tiers => '1,2', ml => 'combine: strictest', combine => 'strictest' } ],
	[ { name => 'with blocks', tiers => '1,2', ml => 'combine: ml_with_blocks', combine => 'ml_with_blocks', rules => 'lists: {deny_customers: {values: [c1, c2]}}' } ],
	[ { name => 'shadow', tiers => '1,2', ml => 'combine: shadow', combine => 'shadow' } ],
	[ { name => 'refuse', circuit(q{circuit_force_open('ml', 'test')}), ml => 'on_open: refuse', on_open => 'refuse' } ],
	[ { name => 'refuse, asked by function', circuit(q{circuit_force_open('ml', 'test')}), tier => 1, ml => 'on_open: refuse, function: always.asked', on_open => 'refuse', function => 't' } ],
	[ { name => 'low risk', tiers => '1,2', ml => 'low_risk: {amount_below: 50, max_score: 10}', low_risk => 't' } ],
	[ { name => 'asked by function', tiers => '1,2', ml => 'function: always.asked', function => 't' } ],
	[ { name => 'asked by function, closed', circuit(q{circuit_force_closed('ml', 'test')}), tier => 1, ml => 'function: always.asked, combine: strictest', combine => 'strictest', function => 't' } ],
	[ { name => 'to be kept', circuit(q{circuit_force_closed('ml', 'test')}), tier => 1, ml => 'on_open: cached', on_open => 'cached' },
		{ name => 'kept verdicts', circuit(q{circuit_force_open('ml', 'test')}), ml => 'on_open: cached', on_open => 'cached', advance => '11 min' },
		{ name => 'kept verdicts, failures', tiers => '1,2', ml => 'on_open: cached', on_open => 'cached', advance => '30 min' } ],
	[ { name => 'server read-only', tier => undef, tiers => '3', server => 3,
		before => sub { set_conf('default_transaction_read_only', 'on', 'SELECT fraud_tier() = 3') },
		after => sub { set_conf('default_transaction_read_only', undef, 'SELECT NOT read_only FROM fraud_tier_status') } } ],
	[ { name => 'transaction read-only', tiers => '1,2', begin => 'BEGIN READ ONLY;' } ],
	[ { name => 'transaction serializable', tiers => '1,2', begin => 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;' } ],
	[ { name => 'strange session', tiers => '1,2', session => q{SET timezone = 'Asia/Kathmandu'; SET datestyle = 'SQL, DMY'; SET intervalstyle = 'iso_8601'; SET extra_float_digits = -5; SET row_security = off} } ],
);

# every state, and then whatever comes
my @order = map { @$_ } shuffle(@states);
push @order, map { @$_ } (shuffle(@states)) while @order < $batches;
splice(@order, $batches);

# ---- the batches

my ($fresh, $written, $spent, $earlier, $n) = (0, 0, 0, 0, 0);

sub prepare
{
	my (%state) = @_;
	advance($state{advance}) if $state{advance};
	files(%state);
	sql('SET default_transaction_read_only = off; SELECT fraud_reload()');
	sql(q{SELECT circuit_reset(name) FROM circuit_breakers WHERE name = 'ml'});
	my $tier = exists $state{tier} ? $state{tier} : 1;
	if (defined $tier)
	{
		sql("SELECT tier_override($tier, '2 hours', 'test', true)");
	}
	else
	{
		# what batches before did to the service is over
		sql('SELECT tier_override_clear()');
		for (1 .. 20)
		{
			advance('20 s');
			last if sql('SELECT fraud_tier()') eq '1';
		}
		is(sql('SELECT fraud_tier()'), '1', "batch $n: all is well before") or diag(sql('SELECT tier, reason FROM fraud_tier_status'));
	}
	my $server = $state{server} // $tier // 'NULL';
	sql(qq{INSERT INTO always.state VALUES ($n, '$state{name}', @{[ $state{low} // 30 ]}, @{[ $state{medium} // 60 ]}, @{[ $state{floor} // 0.5 ]}, $server, '{$state{tiers}}',
		'@{[ $state{combine} // 'ml' ]}', '@{[ $state{on_open} // 'rules' ]}', '@{[ $state{low_risk} // 'f' ]}', '@{[ $state{function} // 'f' ]}', '@{[ $state{expect_journal} // 'all' ]}',
		(SELECT hash FROM fraud_config_status WHERE file = 'rules'))});
	$state{before}->() if $state{before};
}

my $began = time;
for my $state (@order)
{
	$n++;
	prepare(%$state);
	my $number = ($seed + $n) % 10000 / 10000;
	my $output = sql(qq{
BEGIN READ WRITE;
CREATE TEMP TABLE got (LIKE always.got);
SELECT setseed($number) \\g /dev/null
SELECT always.make($n, $rows, '$n-', $earlier) \\g /dev/null
COMMIT;
@{[ $state->{session} // '' ]};
@{[ $state->{begin} // '' ]}
SELECT * FROM always.run($n);
@{[ $state->{begin} ? 'COMMIT;' : '' ]}
BEGIN READ WRITE;
INSERT INTO always.got SELECT * FROM got;
COMMIT});
	$state->{after}->() if $state->{after};
	my ($ms, $new, $refused) = split(/\|/, $output);
	$spent += $ms;
	my $wrong = sql("SELECT always.wrong($n)");
	my ($count, $here, $recorded) = split(/\|/, sql(qq{SELECT count(*), count(*) FILTER (WHERE NOT coalesce((d).detail ? 'repeat', false)),
		count(*) FILTER (WHERE NOT coalesce((d).detail ?| '{repeat,journalled}', false)) FROM always.got WHERE batch = $n}));
	is("$wrong|$count|$new|" . ($new + $refused), "|$rows|$recorded|$here", "batch $n, $state->{name}") or diag("seed $seed, batch $n: " . substr($wrong, 0, 5000));
	sql("SELECT always.keep($n)");
	$fresh += $here;
	$written += $new;
	# answers of the last batch alone may be needed again
	$earlier = $n;
}
my $elapsed = time - $began;

# ---- it was a test of something

is(sql(q{SELECT string_agg(DISTINCT (d).mode || ' ' || (d).source, ', ' ORDER BY (d).mode || ' ' || (d).source) FROM always.got}),
	'DEGRADED CACHED_ML, DEGRADED ML, DEGRADED NONE, DEGRADED RULES, EMERGENCY_MODE AMOUNT_CAP, EMERGENCY_MODE ML, FULL CRITICAL_RULES, FULL ML, FULL RULES, MAINTENANCE NONE, MINIMAL CRITICAL_RULES, MINIMAL ML',
	'answers of every kind');
is(sql(q{SELECT count(*) FILTER (WHERE (d).detail ? 'repeat') > 1000, count(*) FILTER (WHERE (d).detail ? 'supersedes') > 100,
	count(*) FILTER (WHERE (d).detail ->> 'journalled' = 'false') > 1000, count(*) FILTER (WHERE 'txn_id_reused' = ANY ((d).risk_factors)) > 1000,
	count(DISTINCT (d).policy_hash) > 10, count(*) FILTER (WHERE (d).recommendation = 'APPROVE') > 1000 FROM always.got}), 't|t|t|t|t|t', 'enough of each');

# ---- the journal: a record for each decision, and no other

sub drained
{
	for (1 .. 200)
	{
		advance('0');
		return 1 if sql('SELECT waiting = 0 FROM fraud_journal_status') eq 't';
	}
	return 0;
}
files();
sql('SELECT fraud_reload()');
my $drain = time;
ok(drained(), 'all records became rows');
$drain = time - $drain;
my $in_journal = q{SELECT decided_at, (decision ->> 'risk_score')::int, decision ->> 'risk_level', decision ->> 'recommendation', (decision ->> 'is_fraud')::boolean, decision ->> 'mode', decision ->> 'source',
	(decision ->> 'tier')::int, decision ->> 'policy_hash', policy_hash, queued, supersedes FROM fraud_journal};
my $in_answers = q{SELECT (d).decided_at, (d).risk_score, (d).risk_level, (d).recommendation, (d).is_fraud, (d).mode, (d).source, (d).tier, (d).policy_hash, (d).policy_hash, (d).tier >= 4, (d).detail ->> 'supersedes'
	FROM always.got WHERE NOT coalesce((d).detail ?| '{repeat,journalled}', false)};
is(sql("SELECT count(*) FROM ($in_answers EXCEPT ALL $in_journal) x"), '0', 'no answer is missing in the journal');
is(sql("SELECT count(*) FROM ($in_journal EXCEPT ALL $in_answers) x"), '0', 'and nothing else is in it');
is(sql('SELECT count(*), count(DISTINCT record_id) FROM fraud_journal'), "$written|$written", 'each once');
is(sql('SELECT count(*) FROM fraud_journal j WHERE supersedes IS NOT NULL AND NOT EXISTS (SELECT FROM fraud_journal o WHERE o.record_id = j.supersedes)'), '0', 'what is superseded is there');
is(sql('SELECT "full" > 0, failed > 0, torn, quarantined FROM fraud_journal_status'), 't|t|0|0', 'nothing of it was damaged');

# ---- four sessions at once, the same transactions of the same customers

my $script = PostgreSQL::Test::Utils::tempdir . '/together.sql';
sub together
{
	my ($name, $with_ml) = @_;
	$n++;
	my $number = ($seed + $n) % 10000 / 10000;
	prepare(name => $name, tiers => '1,2');
	# such as can be known again
	sql(qq{SELECT setseed($number); SELECT always.make($n, 2 * $rows, '$n-', 0);
		DELETE FROM always.todo WHERE batch = $n AND (form IN ('few', 'odd') OR coalesce(txn ->> 'txn_id', '') !~ '^\\d+-\\d+\$')});
	sql("UPDATE always.todo SET ml = NULL, ml_status = NULL, ml_latency = NULL, ticket = 'none', ml_error = NULL WHERE batch = $n") unless $with_ml;
	open(my $fh, '>', $script) or die;
	print $fh "CREATE TEMP TABLE got (LIKE always.got);\nSELECT always.run($n, :client_id);\nINSERT INTO always.got SELECT * FROM got;\n";
	close($fh);
	my $was = sql('SELECT written FROM fraud_journal_status');
	$node->command_ok([ 'pgbench', '-n', '-c', 4, '-j', 2, '-t', 1, '-f', $script, '-d', $node->connstr('postgres') ], "$name: 4 sessions");
	is(sql("SELECT count(*) - 4 * (SELECT count(*) FROM always.todo WHERE batch = $n) FROM always.got WHERE batch = $n"), '0', "$name: an answer for each");
	is(sql("SELECT always.wrong($n, true)"), '', "$name: as it should be");
	my ($records, $transactions) = (sql('SELECT written FROM fraud_journal_status') - $was, sql("SELECT count(DISTINCT always.same_txn(t)) FROM always.todo t WHERE batch = $n"));
	note("$name: $transactions transactions, $records records, fresh answers: " . sql("SELECT count(*) FILTER (WHERE NOT coalesce((d).detail ? 'repeat', false)) FROM always.got WHERE batch = $n"));
	return ($records, $transactions);
}
my ($records, $transactions) = together('at once', 0);
is($records, $transactions, 'at once: a record for each transaction');
($records, $transactions) = together('at once, with answers of ML', 1);
ok($records >= $transactions && $records <= 2 * $transactions, 'at once, with answers of ML: one, and one more where a verdict came later');
ok(drained(), 'these became rows, too');
is(sql('SELECT count(*) - count(DISTINCT record_id) FROM fraud_journal'), '0', 'each once');
is(sql("SELECT count(*) FROM (SELECT txn_id, txn FROM fraud_journal WHERE txn_id LIKE '" . ($n - 1) . "-%' GROUP BY 1, 2 HAVING count(*) > 1) x"), '0', 'and no transaction twice');

is(sql('SELECT decisions_no_place, evicted_live FROM fraud_live'), '0|0', 'there was room for all');
my $figures = sprintf('%d transactions in %d batches, %.0f s; decisions alone %.1f s, %.0f a second; %d records, %.1f s to drain the rest', $rows * $batches, $batches, $elapsed, $spent / 1000, $rows * $batches * 1000 / $spent, $written, $drain);
$ENV{FF_LONG} ? diag($figures) : note($figures);
$node->stop;
done_testing();
