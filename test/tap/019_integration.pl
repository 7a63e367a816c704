# The whole way, as an application goes it: a payment comes, fraud_route, the ML
# service over HTTP, fraud_decide; the service fails after three requests, the
# circuit opens, the rules answer; the service comes back and all is as before.
# The numbers are those of docs/scenarios.md.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Ml;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $ml = Ml->new('ml');
my $node = PostgreSQL::Test::Cluster->new('bank');

$node->init;
$node->append_conf('postgresql.conf', <<'EOC');
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.database = 'postgres'
jit = off
EOC
$node->start;
$node->safe_psql('postgres', <<'EOC');
CREATE EXTENSION fraud_fallback;
CREATE TABLE payments (txn_id text PRIMARY KEY, customer_id text, amount numeric, occurred_at timestamptz,
	country text, home_country text, merchant_id text, status text);
SELECT fraud_attach('payments');
INSERT INTO payments SELECT 'old' || c || '-' || n, 'c' || c, 20 + n % 5, now() - n * interval '1 day', 'DE', 'DE', 'grocer', 'approved'
FROM generate_series(1, 3) c, generate_series(1, 40) n;
EOC

sub sql { return $node->safe_psql('postgres', shift); }

sub quoted { return "'" . ($_[0] =~ s/'/''/gr) . "'"; }

# ---- the application

my $payments = 0;

sub payment
{
	my (%what) = @_;
	my $n = ++$payments;
	return encode_json({ txn_id => "pay-$n", customer_id => 'c' . ($n % 3 + 1), amount => 22, occurred_at => sql(q{SELECT to_jsonb(clock_timestamp()) #>> '{}'}),
			country => 'DE', home_country => 'DE', merchant_id => 'grocer', %what });
}

# What the application does with each payment: decision, and whether ML was called.
sub pay
{
	my ($txn) = @_;
	my $row = decode_json(sql('SELECT to_jsonb(r) FROM fraud_route(' . quoted($txn) . '::jsonb) r'));

	return ($row->{decision}, 0) if $row->{route} eq 'RULES';
	my ($status, $body, $latency, $error) = post_json($ml->port, '/score', encode_json($row->{features}), 1);
	my $json = defined $body && eval { decode_json($body) } ? quoted($body) . '::jsonb' : 'NULL';
	my $decision = sql('SELECT to_jsonb(d) FROM fraud_decide(' . quoted($txn) . "::jsonb, ml => $json, ml_status => " . ($status // 'NULL') .
			", ml_latency => make_interval(secs => $latency), ticket => $row->{ticket}, ml_error => " . (defined $error ? quoted($error) : 'NULL') . ') d');
	return (decode_json($decision), 1);
}

# What it tells its customer: it knows three answers, and that some are worth less.
sub words_for
{
	my ($decision) = @_;
	my %words = (APPROVE => 'paid', REVIEW => 'we call you back', BLOCK => 'please use another way');
	my $words = $words{ $decision->{recommendation} } or die 'not a decision';
	return $words . ($decision->{degraded} ? ' (checked by rules)' : '');
}

sub state_of { return sql(q{SELECT circuit_state('ml')}); }

# ---- all is well

my ($decision, $called) = pay(payment());
is($decision->{txn_id}, 'pay-1', 'I1 the request reaches the decision');
is_deeply([ @$decision{qw(mode source tier recommendation risk_score)}, $decision->{degraded} ? 1 : 0 ], [ 'FULL', 'ML', 1, 'APPROVE', 12, 0 ],
	'I1 and it is that of ML');
is($called . $ml->requests, '11', 'I2 ML was called, once');
is(state_of(), 'CLOSED', 'I2 its circuit is closed');

# ---- it fails after three requests

$ml->mode('fail', after => 2);
for my $n (2, 3)
{
	($decision) = pay(payment());
	is($decision->{source}, 'ML', "I3 request $n is answered by ML");
}
my @failing;
for (1 .. 12)
{
	push @failing, [ pay(payment()) ];
	last if state_of() eq 'OPEN';
}
is(scalar(@failing), 5, 'I4 the circuit opens with the fifth failure');
is($ml->requests, 8, 'I3 which were requests');
is(join(',', map { $_->[0]{source} . ' ' . $_->[0]{mode} } @failing), join(',', ('RULES DEGRADED') x 5), 'I5 the rules answer each of them');
like($failing[0][0]{reason}, qr/^ML answered 503; no rule fired$/, 'I5 and say why');

# ---- while it is down

my @meanwhile = map { [ pay(payment()) ] } 1 .. 20;
is(scalar(grep { $_->[1] } @meanwhile), 0, 'I5 ML is not called any more');
is($ml->requests, 8, 'I5 the service has had no more requests');
is(scalar(grep { $_->[0]{mode} eq 'DEGRADED' && $_->[0]{tier} == 2 && $_->[0]{degraded} } @meanwhile), 20, 'I6 the caller gets DEGRADED');
like($meanwhile[-1][0]{reason}, qr/^(?:ML offline|circuit ml)/, 'I6 with the reason');
is(words_for($meanwhile[0][0]), 'paid (checked by rules)', 'I7 the caller handles it');
($decision) = pay(payment(amount => 9500, country => 'KP'));
is(words_for($decision), 'please use another way (checked by rules)', 'I7 and fraud is still caught');
is(sql('SELECT fraud_tier()'), '2', 'I6 the server is at tier 2');

# ---- it comes back

sql(q{SELECT fraud_test_advance('61 s')});
($decision, $called) = pay(payment());
is("$called $decision->{source} " . state_of(), '1 RULES OPEN', 'I8 a trial while it still fails opens the circuit again');
$ml->mode('ok');
sql(q{SELECT fraud_test_advance('61 s')});
my @trials;
for (1 .. 10)
{
	push @trials, [ pay(payment()) ];
	last if state_of() eq 'CLOSED';
	sql(q{SELECT fraud_test_advance('1 s')});
}
is(scalar(grep { $_->[1] } @trials), 3, 'I8 three trials');
is(join(',', map { "$_->[0]{source} $_->[0]{tier}" } grep { $_->[1] } @trials), 'ML 2,ML 2,ML 2', 'I8 whose verdicts are used, at tier 2');
is(state_of(), 'CLOSED', 'I9 the circuit closes');

# ---- and health has to last

is(sql('SELECT fraud_tier()'), '2', 'I10 not at once');
for (1 .. 32)
{
	sql(q{SELECT fraud_test_advance('10 s')});
	pay(payment());
	last if sql('SELECT fraud_tier()') eq '1';
}
is(sql('SELECT fraud_tier()'), '1', 'I10 after five minutes of health it is tier 1');
($decision, $called) = pay(payment());
is_deeply([ $called, @$decision{qw(mode source tier)} ], [ 1, 'FULL', 'ML', 1 ], 'I10 normal again');

# ---- what is left of it

$node->poll_query_until('postgres', 'SELECT waiting = 0 FROM fraud_journal_status');
is(sql(q{SELECT count(*), count(DISTINCT txn_id) FROM fraud_journal}), "$payments|$payments", 'every payment has one decision on record');
is(sql(q{SELECT string_agg(decision ->> 'mode', ',' ORDER BY n) FROM (SELECT decision ->> 'mode' AS m, decision, min(decided_at) AS n
	FROM fraud_journal GROUP BY 1, 2 ORDER BY 3) j WHERE decision ->> 'txn_id' IN ('pay-1', 'pay-4')}), 'FULL,DEGRADED', 'with its mode');
is(sql(q{SELECT string_agg(from_state || '>' || to_state, ' ' ORDER BY at) FROM (SELECT at, "from" AS from_state, "to" AS to_state FROM fraud_events
	WHERE kind = 'circuit' AND subject = 'ml' AND "from" <> "to") e}), 'CLOSED>OPEN OPEN>HALF_OPEN HALF_OPEN>OPEN OPEN>HALF_OPEN HALF_OPEN>CLOSED', 'and every change of the circuit is an event');
cmp_ok(sql(q{SELECT count(*) FROM fraud_events WHERE kind = 'tier' AND message LIKE 'Degraded to Tier 2 - ML%'}), '>=', 1, 'so is the tier');

$ml->kill9;
$node->stop;
done_testing();
