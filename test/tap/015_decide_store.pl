# Decisions when histories or the journal cannot be used: locked, slow, damaged,
# gone, full. The answer is a tier 3 one, says why, and nobody waits.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Decisions;
use File::Path qw(rmtree);
use PostgreSQL::Test::Utils;
use Test::More;

my $service = "tiers: {recover_after: {minimal: 0 s, degraded: 0 s, full: 0 s}}\n";
my $node = new_shop('main', "log_min_messages = log\n", $service);
my $says = 'mode, source, tier, recommendation, reason';
sub tier { return sql($node, 'SELECT fraud_tier()'); }

# n decisions of this session: the 95th percentile and the longest, microseconds
sql($node, q{CREATE FUNCTION measure(n int, base jsonb, OUT p95 float8, OUT longest float8, OUT modes text) LANGUAGE plpgsql AS $$
	DECLARE t timestamptz; d fraud_decision; took float8[] := '{}'; all_modes text[] := '{}';
	BEGIN
		FOR i IN 1 .. n LOOP
			base := base || jsonb_build_object('txn_id', gen_random_uuid(), 'customer_id', 'ann' || 150 + i % 300);
			t := clock_timestamp();
			d := fraud_decide(base);
			took := took || (extract(epoch FROM clock_timestamp() - t) * 1e6)::float8;
			all_modes := all_modes || d.mode;
		END LOOP;
		SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY x), max(x) INTO p95, longest FROM unnest(took) x;
		SELECT string_agg(DISTINCT x, ',') INTO modes FROM unnest(all_modes) x;
	END $$});
sub measure { return split(/\|/, sql($node, 'SELECT * FROM measure(500, ' . usual() . ')')); }

# ---- locks: decisions keep their latency

my $locker = $node->background_psql('postgres');
measure();
my ($before, undef, $modes) = measure();
is($modes, 'DEGRADED', 'all rules decide');
$locker->query_safe('BEGIN; LOCK TABLE fraud_profiles IN ACCESS EXCLUSIVE MODE');
my ($under, $longest, $modes_under) = measure();
is($modes_under, 'MINIMAL', 'fraud_profiles is locked: critical rules decide');
cmp_ok($under, '<', 5 * $before + 1000, "p95 under the lock: $under us, before: $before us");
cmp_ok($longest, '<', 100_000, "the longest took $longest us");
is(decide($node, $says, usual()), 'MINIMAL|CRITICAL_RULES|3|APPROVE|store unavailable: it is locked, critical rules only; no rule fired', 'with the reason');
is(tier(), '1', 'the server is where it was');
my ($route, $decision) = split(/\|/, sql($node, 'SELECT route, decision FROM fraud_route(' . usual() . ')'), 2);
is($route, 'RULES', 'fraud_route() decides then');
like($decision, qr/MINIMAL/, 'at tier 3');
is(decide($node, 'mode, source', usual(), q{'{"risk_score": 3}'}), 'FULL|ML', 'a verdict needs no history');
$locker->query_safe('ROLLBACK');
is(decide($node, 'mode', usual()), 'DEGRADED', 'free again');
for my $lock (
	'REINDEX INDEX fraud_profiles_pkey',
	'LOCK TABLE fraud_profile_deltas IN ACCESS EXCLUSIVE MODE',
	'REINDEX INDEX fraud_profile_deltas_slot',
	'LOCK TABLE fraud_sources IN ACCESS EXCLUSIVE MODE')
{
	$locker->query_safe("BEGIN; $lock");
	is(sql($node, "SET statement_timeout = '5 s'; SELECT $says FROM fraud_decide(" . usual() . ') d'),
		'MINIMAL|CRITICAL_RULES|3|APPROVE|store unavailable: it is locked, critical rules only; no rule fired', $lock);
	$locker->query_safe('ROLLBACK');
}
# one that waits for such a lock is in the way as well
$locker->query_safe('BEGIN; LOCK TABLE fraud_profiles IN ACCESS SHARE MODE');
my $waiter = $node->background_psql('postgres');
$waiter->query_until(qr/begun/, "\\echo begun\nBEGIN; LOCK TABLE fraud_profiles IN ACCESS EXCLUSIVE MODE;\n");
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'fraud_profiles'::regclass AND NOT granted}), 'somebody waits for a lock');
is(decide($node, 'mode', usual()), 'MINIMAL', 'nobody queues behind him');
$locker->query_safe('ROLLBACK');
$waiter->query('ROLLBACK');
$_->quit for $locker, $waiter;
is(decide($node, 'mode', usual()), 'DEGRADED', 'free again');

# last known history and live attempts at tier 3
my $known = 'ann480';
decide($node, '1', usual(customer_id => $known, at => $_)) for 1 .. 2;
$locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE fraud_profiles IN ACCESS EXCLUSIVE MODE');
decide($node, '1', usual(customer_id => $known, at => 3));
is(decide($node, 'risk_score, risk_factors', usual(customer_id => $known, at => 4)), '15|{velocity_10m}', 'attempts go on counting');
$locker->query_safe('ROLLBACK');
$locker->quit;

# ---- no time

is(sql($node, "SET fraud_fallback.lookup_timeout = 0; SELECT $says FROM fraud_decide(" . usual() . ') d'),
	'MINIMAL|CRITICAL_RULES|3|APPROVE|the look-up of histories took too long, critical rules only; no rule fired', 'look-ups have no time');
like(run_as($node, 'nobody', q{SET fraud_fallback.lookup_timeout = 0}), qr/42501/, 'which is not for everybody') if sql($node, 'CREATE ROLE nobody LOGIN') eq '';

# ---- failing look-ups lower the tier of the server

is(tier(), '1', 'tier 1');
sql($node, 'SELECT fraud_test_advance(\'10 s\')') for 1 .. 3;
my $failing = 'SET fraud_fallback.lookup_timeout = 0; SELECT count(*) FROM generate_series(1, 20) g, fraud_decide(jsonb_build_object(\'txn_id\', \'failing-\' || %d || g, \'amount\', 4, \'customer_id\', \'x\' || g)) d';
my $spans = 0;
while (tier() eq '1' && $spans < 4)
{
	sql($node, sprintf($failing, ++$spans));
	advance($node, '10 s');
}
cmp_ok($spans, '<', 4, "failing look-ups: $spans spans are enough");
is(sql($node, q{SELECT health, by_probes, by_traffic FROM fraud_dependencies WHERE name = 'database'}), 'DEGRADED|HEALTHY|DEGRADED', 'the database is DEGRADED, by real traffic');
is(tier(), '3', 'so the server is at tier 3');
is(decide($node, 'mode, reason', usual()), 'MINIMAL|database degraded, critical rules only; no rule fired', 'and decisions say so');
for (1 .. 4) { advance($node, '40 s'); }
is(tier(), '1', 'it recovers') or diag(sql($node, 'SELECT reason, next FROM fraud_tier_status'));

# ---- a damaged history

sql($node, q{CREATE TYPE raw_image;
	CREATE FUNCTION raw_image_in(cstring) RETURNS raw_image LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
	CREATE FUNCTION raw_image_out(raw_image) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
	CREATE TYPE raw_image (INPUT = raw_image_in, OUTPUT = raw_image_out, ALIGNMENT = double, STORAGE = extended);
	CREATE CAST (raw_image AS fraud_profile) WITHOUT FUNCTION;
	CREATE CAST (fraud_profile AS raw_image) WITHOUT FUNCTION});
for my $damage (q{'\x00'}, q{'\x' || repeat('ff', 200)}, q{substr(state::raw_image::text, 1, 100)})
{
	sql($node, "UPDATE fraud_profiles SET state = ($damage)::text::raw_image::fraud_profile WHERE key = 'ann470'");
	is(decide($node, $says, usual(customer_id => 'ann470')), 'MINIMAL|CRITICAL_RULES|3|APPROVE|stored history of the customer is damaged, critical rules only; no rule fired', "a damaged history: $damage");
}
is(decide($node, 'mode', usual()), 'DEGRADED', 'the others are well');
sql($node, q{UPDATE fraud_profiles SET state = '\x00'::raw_image::fraud_profile WHERE key = 'shady'});
like(decide($node, 'mode, reason', usual(merchant_id => 'shady')), qr/^MINIMAL\|stored history of the merchant is damaged/, 'one of a merchant');
sql($node, 'DROP TYPE raw_image CASCADE');

# ---- a table that cannot be read

my ($heap, $index) = split(/\|/, sql($node, q{SELECT pg_relation_filepath('fraud_profiles'), pg_relation_filepath('fraud_profiles_pkey')}));
# bytes in the middle of each page, or the whole file
sub write_garbage
{
	my ($file, $whole) = @_;
	my $path = $node->data_dir . "/$file";
	my $saved = slurp_file($path);
	$node->stop;
	open(my $fh, '+<:raw', $path) or die;
	for (my $at = 0; $at < length($saved); $at += 8192)
	{
		seek($fh, $at, 0);
		print $fh "\xA5" x ($whole ? 8192 : 24);
	}
	close $fh;
	$node->start;
	return sub {
		$node->stop;
		open(my $back, '>:raw', $path) or die;
		print $back $saved;
		close $back;
		$node->start;
	};
}
for my $case ([ $heap, 0, 'headers of its pages' ], [ $heap, 1, 'all of its pages' ], [ $index, 1, 'all pages of its index' ])
{
	my ($file, $whole, $what) = @$case;
	my $restore = write_garbage($file, $whole);
	like(decide($node, $says, usual()), qr/^MINIMAL\|CRITICAL_RULES\|3\|APPROVE\|histories cannot be read: invalid page in block \d+ of relation [^;]*, critical rules only; no rule fired$/, "garbage in $what");
	is(sql($node, "BEGIN; SELECT mode FROM fraud_decide(" . usual() . ') d; SELECT 1; COMMIT'), "MINIMAL\n1", 'the transaction goes on');
	$restore->();
	is(decide($node, 'mode', usual()), 'DEGRADED', 'mended');
}
$node->stop;
my $path = $node->data_dir . "/$heap";
rename($path, "$path.away") or die;
$node->start;
like(decide($node, $says, usual()), qr/^MINIMAL\|CRITICAL_RULES\|3\|APPROVE\|histories cannot be read: could not (open|read) .*critical rules only; no rule fired$/, 'its file is gone');
$node->stop;
unlink $path;
rename("$path.away", $path) or die;
$node->start;
is(decide($node, 'mode', usual()), 'DEGRADED', 'and back');
is(log_count($node, qr/PANIC|was terminated by signal|TRAP:/), 0, 'no process has died of it');

# ---- the extension is dropped and created again: decisions before and after

sql($node, q{CREATE SCHEMA elsewhere; DROP EXTENSION fraud_fallback CASCADE; CREATE EXTENSION fraud_fallback SCHEMA elsewhere});
like(sql($node, 'SELECT mode, reason FROM elsewhere.fraud_decide(' . usual() . ') d'), qr/^DEGRADED\|.*no table is attached and nothing was learned/, 'another schema');
sql($node, q{DROP EXTENSION fraud_fallback; CREATE EXTENSION fraud_fallback; SELECT fraud_attach('payments')});
my $again = usual();
is(decide($node, q{mode, recommendation}, $again), 'DEGRADED|APPROVE', 'created anew');
is(decide($node, q{detail ->> 'repeat'}, $again), 'true', 'with repeats');

# ---- the journal is full

sub fill
{
	my ($n) = @_;
	sql($node, q{SELECT fraud_journal_append(jsonb_build_object('txn_id', 'large', 'pad', repeat('x', 60000)), } . $n . ')');
	# what is left is less than a decision needs
	sql($node, q{SELECT fraud_journal_append(jsonb_build_object('txn_id', 'small', 'pad', repeat('x', 500)), 200)});
}
# with a superuser as its role the worker leaves tables alone, and nothing is drained
sql($node, q{CREATE ROLE still SUPERUSER});
my $offset = -s $node->logfile;
sql($node, q{ALTER SYSTEM SET fraud_fallback.worker_role = 'still'});
$node->reload;
$node->wait_for_log(qr/role "still" is a superuser/, $offset);
service($node, $service . "journal: {segment_size: 128 kB, max_size: 1 MB, keep: 0 s}\n");
fill(40);
is(decide($node, q{mode, recommendation, detail ->> 'journalled', risk_factors}, usual()), 'DEGRADED|APPROVE|false|{}', 'drop_and_count: as it would be otherwise, and told');
is(decide($node, q{recommendation, detail ->> 'journalled'}, usual(amount => 250)), 'REVIEW|false', 'REVIEW, too');
cmp_ok(sql($node, 'SELECT "full" FROM fraud_journal_status'), '>=', 2, 'counted');
service($node, $service . "journal: {segment_size: 128 kB, max_size: 1 MB, keep: 0 s, on_full: block_high_risk}\n");
is(decide($node, q{recommendation, detail ->> 'journalled', risk_factors}, usual()), 'APPROVE|false|{}', 'block_high_risk: APPROVE stays');
is(decide($node, q{risk_score, recommendation, detail ->> 'journalled', risk_factors @> '{journal_full}', reason ~ 'cannot be recorded'}, usual(amount => 250)), '61|BLOCK|false|t|t', 'REVIEW becomes BLOCK');
decide($node, '1', usual(customer_id => 'ann499', amount => 250));
is(sql($node, 'SELECT live, spent FROM fraud_test_attempt(' . usual(customer_id => 'ann499', amount => 1) . ')'), '2|0', 'which was attempted, but not spent');
is(decide($node, q{recommendation}, usual(amount => 9000, country => 'IR')), 'BLOCK', 'BLOCK stays');
my $repeat = usual(amount => 250);
decide($node, '1', $repeat);
is(decide($node, q{recommendation, detail ->> 'repeat', detail ->> 'journalled'}, $repeat), 'BLOCK|true|false', 'a repeat says the same');
sql($node, q{ALTER SYSTEM RESET fraud_fallback.worker_role});
$node->reload;
$node->poll_query_until('postgres', 'SELECT bool_and(tables_off IS NULL) FROM fraud_worker') or die;
advance($node, '11 s');
is(decide($node, q{recommendation, detail ->> 'journalled'}, usual(amount => 250)), 'REVIEW|', 'drained there is room again');

# ---- its directory is removed

rmtree($node->data_dir . '/fraud_fallback/journal');
my @first = split(/\|/, decide($node, q{recommendation, coalesce(detail ->> 'journalled', 'yes')}, usual()));
is($first[0], 'APPROVE', 'without a directory there are decisions');
# the file that is open may be written still; a session that comes needs a new one
advance($node, '11 s');
is(decide($node, 'recommendation', usual()), 'APPROVE', 'and others');
advance($node, '11 s');
my $id = fresh();
is(decide($node, q{recommendation, coalesce(detail ->> 'journalled', 'yes')}, usual(txn_id => $id)), 'APPROVE|yes', 'the directory is made again');
is(scalar(split(/\n/, journal($node, '1', $id))), 1, 'and drained') or diag(sql($node, 'SELECT * FROM fraud_journal_status'));
$node->stop;
done_testing();
