# What gets better by itself, and what must not seem to: callers without tickets
# close the circuit, answers while health has to last, look-ups that go on
# failing, a worker that nobody's lock holds up.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Decisions;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $node = new_shop('main', '', "{}\n");
my $what = q{concat_ws(' ', source, mode, recommendation)};
my $good = q{'{"risk_score": 12}', 200};

sub service
{
	write_file($node->data_dir . '/service.yaml', $_[0] . "\n");
	$node->reload;
	advance($node, '0');
}
sub state_of { return sql($node, q{SELECT circuit_state('ml')}); }
sub tier { return sql($node, 'SELECT fraud_tier()'); }

# ---- callers without tickets

decide($node, $what, usual(), q{ml_error => 'timeout'}) for 1 .. 5;
advance($node, '0');
is(state_of() . tier(), 'OPEN2', 'calls that nobody had a ticket for open the circuit');
is(decide($node, $what, usual(), $good), 'ML DEGRADED APPROVE', 'a verdict that comes all the same is used');
is(state_of(), 'OPEN', 'and is no trial before its time');
advance($node, '61 s');
is(decide($node, $what, usual(), q{NULL, 503}), 'RULES DEGRADED APPROVE', 'when it is time, one that failed');
is(state_of(), 'OPEN', 'opens it again');
advance($node, '61 s');
decide($node, $what, usual(), $good);
is(state_of(), 'HALF_OPEN', 'one that succeeded is a trial');
decide($node, $what, usual(), $good) for 1 .. 2;
is(state_of(), 'CLOSED', 'the third closes it');
is(circuit($node) =~ / 0$/ ? 1 : 0, 1, 'and none is in flight');

# ---- while health has to last

service('ml: {on_open: refuse}');
is(tier(), '2', 'the server waits at tier 2');
like(decide($node, "$what || ' ' || reason", usual()), qr/^RULES DEGRADED APPROVE recovering from: ML offline/, 'on_open is for circuits that are open');
like(decide($node, 'reason', usual(), $good), qr/^recovering from: ML offline.*, but it answered/, 'and nothing is said to be offline that is not');
for (1 .. 33)
{
	advance($node, '10 s');
	decide($node, $what, usual(), $good);
}
is(tier(), '1', 'verdicts without tickets are health, too');
service('{}');

# ---- a circuit that is closed and refuses

service('circuits: {ml: {max_concurrent: 0}}');
is(sql($node, 'SELECT route, tier, (decision).reason FROM fraud_route(' . usual() . ')'),
	'RULES|2|circuit ml has as many calls in flight as max_concurrent allows; no rule fired', 'why ML was not asked is said though nothing is wrong with it');
service('{}');

# ---- look-ups that go on failing

my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE fraud_profiles IN ACCESS EXCLUSIVE MODE');
my $start = time;
advance($node, '1 s') for 1 .. 3;
cmp_ok(time - $start, '<', 3, 'the worker does not wait for the lock');
my %tiers;
for my $n (1 .. 120)
{
	decide($node, $what, usual()) for 1 .. 2;
	advance($node, '10 s');
	$tiers{ tier() }++ if $n > 6;
}
is(join(',', sort keys %tiers), '3', 'while look-ups fail for twenty minutes the tier stays, although tier 3 needs none');
is(sql($node, q{SELECT count(*) FROM fraud_events WHERE kind = 'tier' AND "from" <> "to" AND at > (SELECT max(at) FROM fraud_events WHERE message LIKE 'Recovered to Tier 1%')}), '1',
	'it changed once');
$holder->query_safe('COMMIT');
$holder->quit;
for (1 .. 70)
{
	decide($node, $what, usual());
	advance($node, '10 s');
}
is(tier(), '1', 'and is back when they work again');

# ---- the cap

sql($node, q{SELECT tier_override(4, '1 hour', 'test')});
is(decide($node, $what, usual(amount => -5000)), 'AMOUNT_CAP EMERGENCY_MODE APPROVE', 'a refund is under the cap');
is(decide($node, "$what || ': ' || reason", usual(amount => undef)), 'AMOUNT_CAP EMERGENCY_MODE BLOCK: override; amount is missing; approve it by hand', 'an amount that is missing is said once');
service('tiers: {emergency: {approve_below: 0}}');
is(decide($node, $what, usual(amount => $_)), 'AMOUNT_CAP EMERGENCY_MODE BLOCK', "with a cap of 0 nothing is approved, $_ neither") for -5000, 0, 1;
service('{}');

# ---- and afterwards

my $id = fresh();
is(decide($node, "$what || ' ' || risk_score", usual(txn_id => $id), q{'{"risk_score": 45}'}), 'ML EMERGENCY_MODE BLOCK 61', 'a verdict that asks for a review blocks: nobody reviews in an emergency');
sql($node, 'SELECT tier_override_clear()');
advance($node, '0');
is(sql($node, qq{SELECT was, now FROM fraud_requeue() WHERE txn_id = '$id'}), 'BLOCK|REVIEW', 'and is what it is when it is decided again');
is(sql($node, qq{SELECT decision ->> 'source', ml ->> 'risk_score' FROM fraud_settlements WHERE txn_id = '$id'}), 'ML|45', 'as the settlement says');

$node->stop;
done_testing();
