# A payment is decided, counted and recorded once: repeats, verdicts that come
# later, ids used again, sessions side by side, what blocks do to the count.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Decisions;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_shop('main', "wal_level = replica\n", "tiers: {recover_after: {minimal: 0 s, degraded: 0 s, full: 0 s}}\n", allows_streaming => 1);
sub records { my ($id) = @_; return scalar(split(/\n/, journal($node, '1', $id))); }
sub decisions { return sql($node, 'SELECT sum(n) FROM fraud_tier_status, unnest(decisions) n'); }

# ---- repeats

my $id = fresh();
my $txn = usual(txn_id => $id, country => 'FR');
my $first = decide($node, q{to_jsonb(d) #- '{detail,repeat}'}, $txn);
my $again = decide($node, 'to_jsonb(d)', $txn);
like($again, qr/"repeat": true/, 'the same payment: a repeat');
is(sql($node, "SELECT ('$again'::jsonb #- '{detail,repeat}') - 'detail' = '$first'::jsonb - 'detail'"), 't', 'the same decision, to the microsecond');
advance($node, '9 min 50 s');
is(decide($node, q{detail ->> 'repeat'}, $txn), 'true', 'within ten minutes');
is(records($id), 1, 'recorded once');
is(decide($node, q{detail ->> 'repeat', to_jsonb(d)}, $txn) eq "true|$again" ? 'same' : 'other', 'same', 'the repeats are one like the other');
advance($node, '15 s');
is(decide($node, q{detail ->> 'repeat', decided_at > '} . sql($node, "SELECT '$first'::jsonb ->> 'decided_at'") . q{'::timestamptz + interval '10 min'}, $txn), '|t', 'after ten minutes it is decided anew');
is(records($id), 2, 'and recorded');
is(decide($node, 'risk_score', usual(customer_id => 'ann1', at => 1, country => 'FR')), '25', 'counted once all the same: two attempts, not five');

# facts: what is written in another way is the same, status and labels are none
$id = fresh();
decide($node, '1', usual(txn_id => $id, customer_id => 'facts'));
for ([ 'amount' => amount => '40.00' ], [ 'a status' => status => 'approved' ], [ 'a label' => is_fraud => 'true' ], [ 'country' => country => ' us ' ])
{
	my ($what, @fields) = @$_;
	is(decide($node, q{detail ->> 'repeat'}, usual(txn_id => $id, customer_id => 'facts', @fields)), 'true', "$what does not make it another one");
}
is(records($id), 1, 'one record');

# without an id: customer, time and the rest are the identity; without a time there is none
my $nameless = usual(customer_id => 'nameless') =~ s/, "txn_id": "[^"]*"//r;
decide($node, '1', $nameless);
is(decide($node, q{detail ->> 'repeat', txn_id IS NULL}, $nameless), 'true|t', 'without an id the facts tell');
my $timeless = $nameless =~ s/"occurred_at": "[^"]*"/"occurred_at": null/r;
decide($node, '1', $timeless);
is(decide($node, q{detail ->> 'repeat'}, $timeless), '', 'without a time nothing does');

# (fraud_decide(t)).*: a call for each column
$id = fresh();
my $before = decisions();
is(sql($node, 'SELECT risk_score, recommendation FROM (SELECT (fraud_decide(' . usual(txn_id => $id) . ')).*) s'), '0|APPROVE', '(fraud_decide(t)).*');
is(decisions() - $before, 1, 'counts once');
is(records($id), 1, 'is recorded once');

# ---- a verdict that comes later

$id = fresh();
$txn = usual(txn_id => $id);
decide($node, '1', $txn);
my $record = journal($node, 'record_id', $id);
is(decide($node, q{source, risk_score, detail ->> 'repeat', detail ->> 'supersedes'}, $txn, q{'{"risk_score": 88}'}), "ML|88||$record", 'a verdict supersedes what was decided without');
is(journal($node, q{coalesce(supersedes, '-')}, $id), "-\n$record", 'its record says so');
is(decide($node, q{source, risk_score, detail ->> 'repeat'}, $txn, q{'{"risk_score": 1}'}), 'ML|88|true', 'once');
is(decide($node, q{source, risk_score, detail ->> 'repeat'}, $txn), 'ML|88|true', 'and stays');
is(records($id), 2, 'two records in all');
$id = fresh();
$txn = usual(txn_id => $id);
decide($node, '1', $txn);
is(decide($node, q{detail ->> 'repeat'}, $txn, q{'{"risk_score": "no"}'}), 'true', 'what is no verdict supersedes nothing');
is(decide($node, q{source, detail ->> 'repeat'}, $txn, q{ml_error => 'timeout'}), 'RULES|true', 'nor does a failure');

# ---- an id used again

$id = fresh();
decide($node, '1', usual(txn_id => $id, customer_id => 'first'));
is(decide($node, 'risk_score, recommendation, risk_factors, reason', usual(txn_id => $id, customer_id => 'first', amount => 41)),
	'31|REVIEW|{txn_id_reused}|no ML verdict was given; no rule fired; txn_id reused: it was another transaction\'s in the last 10 minutes', 'other facts: REVIEW at least');
is(decide($node, 'recommendation, risk_factors', usual(txn_id => $id, customer_id => 'first', amount => 42), q{'{"risk_score": 2}'}), 'REVIEW|{txn_id_reused}', 'whatever ML says');
is(records($id), 3, 'each is a decision of its own');
is(decide($node, q{risk_score, risk_factors}, usual(customer_id => 'first', at => 1)), '30|{velocity_10m,velocity_sustained}', 'and an attempt: this is the fourth');
is(decide($node, q{detail ->> 'repeat', risk_factors}, usual(txn_id => $id, customer_id => 'first')), 'true|{}', 'the first one is what it was');
is(decide($node, q{detail ->> 'repeat', risk_factors}, usual(txn_id => $id, customer_id => 'first', amount => 41)), 'true|{txn_id_reused}', 'and so is the second');
sql($node, q{SELECT tier_override(4, '1 h', 'test')});
is(decide($node, 'recommendation, risk_factors', usual(txn_id => $id, customer_id => 'fourth', amount => 43)), 'BLOCK|{txn_id_reused}', 'at tier 4: BLOCK');
sql($node, 'SELECT tier_override_clear()');
advance($node, '10 min 1 s');
is(decide($node, 'recommendation, risk_factors', usual(txn_id => $id, customer_id => 'later', amount => 44)), 'APPROVE|{}', 'ten minutes later nobody knows');

# ---- six sessions

# six transactions that are open at once, each with a decision; what they see
sub six
{
	my ($on, $customer) = @_;
	my @sessions = map { $on->background_psql('postgres') } 1 .. 6;
	my @seen;
	for my $session (@sessions)
	{
		$session->query_safe('BEGIN');
		push @seen, $session->query_safe('SELECT risk_score FROM fraud_decide(' . usual(customer_id => $customer) . ')');
	}
	for my $session (@sessions)
	{
		$session->query_safe('ROLLBACK');
		$session->quit;
	}
	return "@seen";
}
# more than 2 in a minute: 15; more than 3 in ten: 15 more, more than 5: 30 and block
is(six($node, 'parallel'), '0 0 15 30 30 61', 'six open transactions see 1 to 6');
is(decide($node, 'risk_score, reason', usual(customer_id => 'parallel')) =~ /^61\|.*7 attempts in 10 minutes/ ? 1 : 0, 1, 'rolled back they count');
sql($node, 'CREATE TABLE seen (attempts int)');
my $crowd = crowd_start($node, 6, 'SELECT pg_advisory_lock_shared(42); INSERT INTO seen SELECT substring(reason FROM \'([0-9]+) attempts in 10 minutes\')::int FROM fraud_decide(' .
	usual(customer_id => 'crowd', txn_id => 'CROWD') =~ s/"CROWD"/"crowd:client_id"/r . ");\n");
crowd_go($crowd);
ok(crowd_end($crowd), 'six at the same moment');
is(sql($node, q{SELECT string_agg(attempts::text, ' ' ORDER BY attempts) FROM seen}), '4 5 6', 'see 1 to 6, and say so from the fourth on');

# the same payment by many at once: one decides and counts, nobody waits
$crowd = crowd_start($node, 8, 'SELECT pg_advisory_lock_shared(42); SELECT fraud_decide(' . usual(customer_id => 'once', txn_id => 'once') . ");\n");
crowd_go($crowd);
ok(crowd_end($crowd), 'eight sessions with one payment');
is(records('once'), 1, 'one record');
is(decide($node, 'risk_factors', usual(customer_id => 'once', at => 1)), '{}', 'one attempt');

# ---- what counts

my @two = map { usual(customer_id => 'ann491', amount => 9000, country => 'IR', at => $_) } 1 .. 2;
is(decide($node, 'recommendation', $_), 'BLOCK', 'blocked') for @two;
is(decide($node, q{risk_factors @> '{velocity_sustained}', risk_factors && '{daily_limit,weekly_limit}'}, usual(customer_id => 'ann491', at => 3)), 't|f', 'what we blocked was attempted, but not spent');
my @spent = map { usual(customer_id => 'ann490', amount => 1900, at => $_) } 1 .. 2;
decide($node, '1', $_) for @spent;
is(decide($node, q{risk_factors @> '{daily_limit}'}, usual(customer_id => 'ann490', at => 3)), 't', 'what was not blocked was');
for my $tier (3, 4)
{
	sql($node, "SELECT tier_override($tier, '1 h', 'test')");
	my $customer = "outage$tier";
	is(decide($node, 'recommendation', usual(customer_id => $customer, amount => 9000, country => 'IR', at => $_)), 'BLOCK', "tier $tier blocks") for 1 .. 6;
	is(decide($node, 'recommendation, risk_factors', usual(customer_id => $customer, at => 7)), 'APPROVE|{}', 'our own outage does not count against the customer');
	sql($node, 'SELECT tier_override_clear()');
	is(decide($node, 'risk_factors', usual(customer_id => $customer, at => 8)), '{}', 'nor afterwards');
}

# a payment that is stored meanwhile counts once; what failed there does not count
my @ids = map { fresh() } 1 .. 3;
decide($node, '1', usual(customer_id => 'stored', txn_id => $ids[$_], at => $_)) for 0 .. 2;
sub store
{
	my ($on, $status) = @_;
	sql($node, "INSERT INTO payments (txn_id, customer_id, amount, occurred_at, status) SELECT j ->> 'txn_id', j ->> 'customer_id', 40, (j ->> 'occurred_at')::timestamptz, '$status' FROM (SELECT $on AS j) s");
}
store(usual(customer_id => 'stored', txn_id => $ids[$_], at => $_), 'approved') for 0 .. 2;
is(decide($node, 'risk_score', usual(customer_id => 'stored', at => 3)), '30', 'the fourth attempt, not the seventh');
@ids = map { fresh() } 1 .. 3;
decide($node, '1', usual(customer_id => 'failing', txn_id => $ids[$_], at => $_)) for 0 .. 2;
store(usual(customer_id => 'failing', txn_id => $ids[$_], at => $_), 'failed') for 0 .. 1;
is(decide($node, 'risk_score', usual(customer_id => 'failing', at => 3)), '0', 'two of three failed: the second');

# ---- on a standby

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is(six($standby, 'standby'), '0 0 0 15 15 61', 'six on a standby see 1 to 6, with critical rules');
$txn = usual(customer_id => 'standby too');
$standby->safe_psql('postgres', "SELECT fraud_decide($txn)");
is($standby->safe_psql('postgres', "SELECT detail ->> 'repeat' FROM fraud_decide($txn)"), 'true', 'and repeats are known there');
is($standby->safe_psql('postgres', q{SELECT written, waiting > 0 FROM fraud_journal_status}), '7|t', 'all is recorded');
$standby->stop;
$node->stop;
done_testing();
