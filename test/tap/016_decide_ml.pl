# What ML says to decisions: brought by callers and what that is for its
# circuit, combined with rules, remembered, saved for low risk, asked by a
# function; and fraud_route(), which says whether to ask.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Decisions;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

# nothing but its circuit keeps ML off
my $calm = "tiers: {traffic: {minimum_calls: 100000}, recover_after: {full: 5 min}}\n";
my $node = new_shop('main', '', $calm . "circuits: {ml: {failures: 100}}\n");
my $says = 'mode, source, tier, degraded, risk_score, recommendation';
sub ml { service($node, $calm . "circuits: {ml: {failures: 100}}\nml: {$_[0]}\n"); }

# what a decision was for the circuit: "s", "f", "i" or nothing
sub counts
{
	my ($call) = @_;
	my @before = split(/ /, circuit($node));
	my $result = $call->();
	my @after = split(/ /, circuit($node));
	my $what = join('', map { $after[$_] > $before[$_] ? (qw(s f i))[$_] x ($after[$_] - $before[$_]) : '' } 0 .. 2);
	return ($result, $what, $after[4]);
}
# as text: source, what it was, and calls in flight if there are any
sub told
{
	my ($result, $what, $flying) = counts(@_);
	return join(' ', $result, $what || '-', $flying ? "in flight $flying" : ());
}
sub last_kind { return sql($node, q{SELECT last_error FROM circuit_breakers WHERE name = 'ml'}); }

sql($node, q{SELECT circuit_ignore(circuit_acquire('ml'))});

# ---- the table of docs/ml.md

my $verdict = q{ml => '{"risk_score": 12}'};
my $bad = q{ml => '{"risk_score": "12"}'};
for (
	# what, arguments, source, with a ticket, without
	[ 'skipped', q{ml_error => 'skipped'}, 'RULES', 'i', '-' ],
	[ 'skipped, with a verdict', qq{ml_error => 'skipped', $verdict}, 'RULES', 'i', '-' ],
	[ 'a timeout', q{ml_error => 'timeout'}, 'RULES', 'f', 'f' ],
	[ 'no connection, status and verdict or not', qq{ml_error => 'connection', ml_status => 200, $verdict}, 'RULES', 'f', 'f' ],
	[ 'an error without a word', q{ml_error => ''}, 'RULES', 'f', 'f' ],
	[ 'no status of HTTP', qq{ml_status => 42, $verdict}, 'RULES', 'f', 'f' ],
	[ 'status 1000', qq{ml_status => 1000, $verdict}, 'RULES', 'f', 'f' ],
	[ '429', q{ml_status => 429}, 'RULES', 'f', 'f' ],
	[ '500', q{ml_status => 500}, 'RULES', 'f', 'f' ],
	[ '503 with a verdict', qq{ml_status => 503, $verdict}, 'RULES', 'f', 'f' ],
	[ '400', q{ml_status => 400}, 'RULES', 'i', '-' ],
	[ '404 with a verdict', qq{ml_status => 404, $verdict}, 'RULES', 'i', '-' ],
	[ '302', qq{ml_status => 302, $verdict}, 'RULES', 'f', 'f' ],
	[ '100', qq{ml_status => 100}, 'RULES', 'f', 'f' ],
	[ '200, no verdict', qq{ml_status => 200, $bad}, 'RULES', 'f', 'f' ],
	[ 'no status, no verdict', $bad, 'RULES', 'f', 'f' ],
	[ 'JSON null', q{ml => 'null'}, 'RULES', 'f', 'f' ],
	[ 'contradictory', q{ml => '{"risk_score": 10, "is_fraud": true}'}, 'RULES', 'f', 'f' ],
	[ 'a verdict, too late', qq{ml_status => 200, $verdict, ml_latency => '31 s'}, 'RULES', 'f', 'f' ],
	[ 'a verdict', $verdict, 'ML', 's', 's' ],
	[ 'a verdict, 200', qq{ml_status => 200, $verdict, ml_latency => '20 ms'}, 'ML', 's', 's' ],
	[ 'a verdict, 299', qq{ml_status => 299, $verdict}, 'ML', 's', 's' ],
	[ '200 and nothing', q{ml_status => 200}, 'RULES', 'f', 'f' ],
	[ 'nothing', '', 'RULES', 'f', '-' ],
	[ 'a latency alone', q{ml_latency => '20 ms'}, 'RULES', 'f', '-' ])
{
	my ($what, $args, $source, $with, $without) = @$_;
	is(told(sub { decide($node, 'source', usual(), $args eq '' ? undef : $args) }), "$source $without", "$what: $source $without");
	is(told(sub { decide($node, 'source', usual(), join(', ', $args || (), q{ticket => circuit_acquire('ml')})) }), "$source $with", "$what, with a ticket: $source $with");
}
decide($node, '1', usual(), q{ml_error => 'tls'});
is(last_kind(), "the call of ML failed: tls", "the circuit has the reason");
is(decide($node, 'reason', usual(), q{ml_status => 503}), 'ML answered 503; no rule fired', 'the answer has the reason');
is(decide($node, 'reason', usual(), $bad), 'ML\'s answer is no verdict: risk_score is not a number; no rule fired', 'whatever it is');
is(sql($node, q{SELECT ml, ml_status, ml_latency FROM fraud_journal WHERE txn_id = 'told'}) . decide($node, 'mode', usual(txn_id => 'told'), q{ml => '{"risk_score": 55, "x": 1}', ml_status => 201, ml_latency => '1.5 s'}) .
	journal($node, 'ml, ml_status, ml_latency', 'told'), 'FULL{"x": 1, "risk_score": 55}|201|00:00:01.5', 'the journal has what was brought');

# tickets: of others, used ones, unknown ones, late ones
my $ticket = sql($node, q{SELECT circuit_acquire('ml')});
is(told(sub { decide($node, 'source', usual(), "$verdict, ticket => $ticket") }), 'ML s', 'a ticket of another session');
is(told(sub { decide($node, 'source', usual(), "$verdict, ticket => $ticket") }), 'ML -', 'once: the second time the verdict is used, and nothing counted');
is(told(sub { decide($node, 'source', usual(), "$verdict, ticket => 4711") }), 'ML -', 'nor for one that is none');
$ticket = sql($node, q{SELECT circuit_acquire('ml')});
advance($node, '36 s');
sql($node, q{SELECT circuit_state('ml')});
is(told(sub { decide($node, 'source', usual(), "$verdict, ticket => $ticket") }), 'ML -', 'a late ticket: verdict used, circuit unchanged');

# repeats count nothing twice, but end calls
my $txn = usual();
decide($node, '1', $txn, $verdict);
is(told(sub { decide($node, q{source || (detail ->> 'repeat')}, $txn, $verdict) }), 'MLtrue -', 'a repeat reports nothing again');
is(told(sub { decide($node, q{source || (detail ->> 'repeat')}, $txn, "$verdict, ticket => circuit_acquire('ml')") }), 'MLtrue s', 'but a ticket is a call');
is(told(sub { decide($node, 'source', 'NULL::jsonb', $verdict) }), 'ML s', 'no payment, but a verdict');

# ---- combine

my %answer = (ml => [ 'ML|10|APPROVE|', 'ML|70|BLOCK|', 'ML|10|APPROVE|' ],
	strictest => [ 'RULES|50|REVIEW|', 'ML|70|BLOCK|', 'RULES|61|BLOCK|' ],
	ml_with_blocks => [ 'ML|10|APPROVE|', 'ML|70|BLOCK|', 'RULES|61|BLOCK|' ],
	shadow => [ 'ML|10|APPROVE|{"source": "RULES", "risk_score": 50, "recommendation": "REVIEW"}', 'ML|70|BLOCK|{"source": "RULES", "risk_score": 50, "recommendation": "REVIEW"}',
		'ML|10|APPROVE|{"source": "RULES", "risk_score": 61, "recommendation": "BLOCK"}' ]);
rules($node, "lists: {deny_cards: {values: [stolen]}}\n");
for my $combine (sort keys %answer)
{
	ml("combine: $combine");
	my $what = q{source, risk_score, recommendation, detail ->> 'beside'};
	my ($low, $high, $denied) = @{ $answer{$combine} };
	my $id = fresh();
	is(decide($node, $what, usual(txn_id => $id, amount => 2500), q{'{"risk_score": 10}'}), $low, "$combine: ML 10, rules 50");
	is(decide($node, $what, usual(amount => 2500), q{'{"risk_score": 70}'}), $high, "$combine: ML 70, rules 50");
	is(decide($node, $what, usual(card_id => 'stolen'), q{'{"risk_score": 10}'}), $denied, "$combine: ML 10, a deny list");
	is(decide($node, $what, usual(), q{'{"risk_score": 10}'}) =~ /^ML\|10\|APPROVE\|/ ? 1 : 0, 1, "$combine: ML 10, rules nothing");
	is(journal($node, q{rules IS NOT NULL}, $id), $combine eq 'ml' ? 'f' : 't', "$combine: " . ($combine eq 'ml' ? 'no rules ran' : 'the journal has what they said'));
	is(decide($node, 'mode, tier, degraded', usual(amount => 2500), q{'{"risk_score": 10}'}), 'FULL|1|f', "$combine: tier 1");
	decide($node, '1', usual(customer_id => "hasty $combine", at => $_)) for 1 .. 5;
	is(decide($node, 'recommendation', usual(customer_id => "hasty $combine", at => 6), q{'{"risk_score": 10}'}), $combine =~ /strictest|blocks/ ? 'BLOCK' : 'APPROVE', "$combine: a rule that blocks");
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK fraud_profiles');
	is(decide($node, 'source, recommendation', usual(country => 'IR'), q{'{"risk_score": 10}'}), $combine eq 'strictest' ? 'CRITICAL_RULES|REVIEW' : 'ML|APPROVE', "$combine: no history, critical rules beside");
	$locker->query_safe('ROLLBACK');
	$locker->quit;
}
rules($node, '{}');

# ---- low risk: ML need not be asked

ml('low_risk: {amount_below: 50, max_score: 10}');
is(decide($node, "$says, reason", usual()), 'FULL|RULES|1|f|0|APPROVE|low risk, ML need not be asked; no rule fired', 'low risk: rules, at tier 1');
is(decide($node, $says, usual(amount => 50)), 'DEGRADED|RULES|2|t|0|APPROVE', 'not under the amount');
is(decide($node, $says, usual(country => 'FR')), 'DEGRADED|RULES|2|t|25|APPROVE', 'more than the score');
is(decide($node, $says, usual(), q{ml_error => 'timeout'}), 'DEGRADED|RULES|2|t|0|APPROVE', 'where ML was asked and failed it is a fallback');
is(decide($node, $says, usual(), $verdict), 'FULL|ML|1|f|12|APPROVE', 'a verdict decides');
is(sql($node, "SELECT route, (decision).mode, (decision).source, ticket, features FROM fraud_route(" . usual() . ')'), 'RULES|FULL|RULES||', 'fraud_route() decides it');
is(sql($node, "SELECT route, decision FROM fraud_route(" . usual(amount => 51) . ')'), 'ML|', 'and sends others to ML');
is(decide($node, 'mode', usual(txn_id => 'low')) . decide($node, 'mode, source', usual(txn_id => 'low', amount => 41)), 'FULLDEGRADED|RULES', 'an id used again is no low risk');
ml('');

# ---- on_open

sub trip { sql($node, q{SELECT circuit_trip('ml', 'test')}); $node->poll_query_until('postgres', 'SELECT fraud_tier() = 2') or die; }
sub back { sql($node, q{SELECT circuit_reset('ml')}); advance($node, '5 min 1 s'); sql($node, 'SELECT fraud_tier()') eq '1' or die sql($node, 'SELECT reason FROM fraud_tier_status'); }

ml('on_open: cached, cache: {ttl: 20 min, stale_ttl: 40 min}');
$txn = usual(country => 'FR');
decide($node, '1', $txn, q{'{"risk_score": 44, "risk_factors": ["graph"]}'});
advance($node, '11 min');
is(decide($node, 'source', $txn), 'RULES', 'cached: while ML is well it is not used');
advance($node, '4 min 55 s');
trip();
is(decide($node, q{source, detail ->> 'repeat'}, $txn), 'RULES|true', 'a repeat is a repeat');
my $other = usual();
is(decide($node, 'source', $other), 'RULES', 'without one the rules decide');
# another, with nothing decided between
back();
$txn = usual(country => 'FR');
decide($node, '1', $txn, q{'{"risk_score": 44, "risk_factors": ["graph"]}'});
advance($node, '11 min');
trip();
is(decide($node, "$says, risk_factors, coverage, reason", $txn), 'DEGRADED|CACHED_ML|2|t|44|REVIEW|{graph}|1|ML offline, its circuit is not closed; ML\'s verdict of 11 min ago: REVIEW, score 44', 'cached: an earlier verdict decides');
is(decide($node, 'source', $txn =~ s/"amount": 40/"amount": 41/r), 'RULES', 'of the same facts only');
advance($node, '12 min');
like(decide($node, 'source, reason', $txn), qr/^CACHED_ML\|.*ML's stale verdict of 23 min ago/, 'stale, it is said') or diag(decide($node, 'to_jsonb(d)', $txn));
advance($node, '18 min');
is(decide($node, 'source', $txn), 'RULES', 'older than that it is not used');
back();
$txn = usual();
decide($node, '1', $txn, q{'{"risk_score": 44}'});
advance($node, '11 min');
is(decide($node, 'source, risk_score', $txn, q{ml_error => 'timeout'}), 'CACHED_ML|44', 'one failed call is enough');

ml('on_open: refuse');
is(decide($node, $says, usual()), 'DEGRADED|RULES|2|t|0|APPROVE', 'refuse: while ML is well rules decide');
trip();
is(decide($node, "$says, retry_after BETWEEN interval '30 s' AND interval '61 s'", usual()), 'DEGRADED|NONE|2|t|31|REVIEW|t', 'refuse: REVIEW, and when to come again');
like(decide($node, 'reason', usual()), qr/^ML offline, its circuit is not closed; not decided, as on_open is refuse: try again after \d+ s$/, 'with the reason');
is(decide($node, $says, usual(), $verdict), 'DEGRADED|ML|2|t|12|APPROVE', 'a verdict is used');
is(sql($node, 'SELECT route, (decision).source, (decision).retry_after IS NOT NULL FROM fraud_route(' . usual() . ')'), 'RULES|NONE|t', 'fraud_route() refuses, too');
like(sql($node, 'SELECT fraud_http(' . usual() . q{) ->> 'source', current_setting('response.status'), current_setting('response.headers')}), qr/^NONE\|503\|.*"Retry-After": "\d+"/, 'over HTTP: 503');
ml('on_open: rules');
is(decide($node, $says, usual()), 'DEGRADED|RULES|2|t|0|APPROVE', 'rules: the rules decide');
back();
ml('');

# ---- fraud_route()

my $features = sql($node, q{SELECT string_agg(attname, ',' ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = 'fraud_features'::regclass AND attnum > 0});
sub decided { return sql($node, 'SELECT sum(n) FROM fraud_tier_status, unnest(decisions) n'); }
my $before = decided();
my $id = fresh();
$txn = usual(txn_id => $id, customer_id => 'router');
sql($node, 'CREATE TABLE routed AS SELECT * FROM fraud_route(' . $txn . ')');
is(sql($node, 'SELECT route, ticket IS NOT NULL, tier, reason, decision IS NULL FROM routed'), 'ML|t|1|ML is well|t', 'ML, with a ticket');
is(sql($node, 'SELECT string_agg(k, \',\' ORDER BY k COLLATE "C") FROM routed, jsonb_object_keys(features) k'), $features, 'and features');
is(sql($node, "SELECT features = to_jsonb(f) FROM routed, fraud_features($txn) f"), 't', 'those of fraud_features()');
is((split(/ /, circuit($node)))[4], '1', 'the call is in flight');
is(decided() - $before, 0, 'nothing is decided');
is(journal($node, '1', $id), '', 'nothing recorded');
$ticket = sql($node, 'SELECT ticket FROM routed');
is(told(sub { decide($node, 'mode, source', $txn, qq(ml => '{"risk_score": 7}', ml_status => 200, ml_latency => '30 ms', ticket => $ticket)) }), 'FULL|ML s', 'fraud_decide() ends it');
is(decide($node, 'risk_factors', usual(customer_id => 'router', at => 1)), '{}', 'one attempt in all');
is(sql($node, "SELECT route, reason, ticket, (decision).source, (decision).detail ->> 'repeat' FROM fraud_route($txn)"), 'RULES|decided before||ML|true', 'what was decided is not asked again');
is(sql($node, "SELECT route FROM fraud_route(" . usual(txn_id => $id, customer_id => 'router', amount => 1) . ')'), 'ML', 'other facts are');

# RULES is final
trip();
$id = fresh();
$txn = usual(txn_id => $id);
is(sql($node, "SELECT route, tier, (decision).mode, (decision).recommendation FROM fraud_route($txn)"), 'RULES|2|DEGRADED|APPROVE', 'ML is off: RULES');
is(decide($node, q{detail ->> 'repeat'}, $txn), 'true', 'which is final');
is(journal($node, '1', $id), '1', 'and recorded once');
is(sql($node, 'SELECT route, (decision).risk_factors FROM fraud_route(' . usual(txn_id => $id, amount => 41) . ')'), 'RULES|{txn_id_reused}', 'an id used again');

# at tier 2: trials, then one call a second, by the clock
sub routes
{
	my ($n) = @_;
	my $number = fresh();
	return sql($node, qq{SELECT string_agg(route, ' ' ORDER BY g) FROM generate_series(1, $n) g, fraud_route(} . usual(txn_id => 'T') =~ s/'(\{.*)"T"(.*\})'::jsonb/('$1"$number-' || g || '"$2')::jsonb/r . ')');
}
is(routes(3), 'RULES RULES RULES', 'open: no call');
advance($node, '61 s');
is(sql($node, 'SELECT fraud_tier()'), '2', 'the wait is over, tier 2 still');
sql($node, 'DROP TABLE routed; CREATE TABLE routed AS SELECT g, r.* FROM generate_series(1, 5) g, fraud_route(' . usual(txn_id => 'T') =~ s/'(\{.*)"T"(.*\})'::jsonb/('$1"trial-' || g || '"$2')::jsonb/r . ') r');
is(sql($node, q{SELECT string_agg(route, ' ' ORDER BY g), string_agg(DISTINCT reason, '; ') FILTER (WHERE route = 'ML') FROM routed}),
	'ML ML ML RULES RULES|ML offline, its circuit is not closed: a trial', 'half-open: its three trials');
sql($node, q{SELECT circuit_success(ticket) FROM routed WHERE ticket IS NOT NULL});
is(sql($node, q{SELECT circuit_state('ml'), fraud_tier()}), 'CLOSED|2', 'closed, tier 2');
advance($node, '2 s');
is(routes(3), 'ML RULES RULES', 'now one call a second');
advance($node, '1 s');
is(routes(3), 'ML RULES RULES', 'one in the next');
is(decide($node, $says, usual(), $verdict), 'DEGRADED|ML|2|t|12|APPROVE', 'their verdicts are used, at tier 2');
advance($node, '40 s');
back();

# ---- a function asks

sql($node, q{
CREATE SCHEMA scoring;
CREATE TABLE scoring.asked (features jsonb);
CREATE FUNCTION scoring.ask(features jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	how text := coalesce(current_setting('ask.how', true), '');
BEGIN
	IF how ~ '^[0-9A-Z]{5}$' THEN
		INSERT INTO scoring.asked VALUES (features);
		RAISE EXCEPTION 'scoring is broken' USING ERRCODE = how;
	END IF;
	CASE how
		WHEN 'answer' THEN RETURN features; -- has no risk_score
		WHEN 'none' THEN RETURN NULL;
		WHEN 'write' THEN INSERT INTO scoring.asked VALUES (features); RETURN '{"risk_score": 33}';
		WHEN 'write badly' THEN INSERT INTO scoring.asked VALUES (features); RETURN '{"risk_score": 133}';
		WHEN '503' THEN RETURN '{"status": 503}';
		WHEN '404' THEN RETURN '{"status": 404}';
		WHEN 'sleep' THEN PERFORM pg_sleep(20); RETURN '{"risk_score": 33}';
		WHEN 'nested' THEN
			PERFORM set_config('ask.how', '', true);
			PERFORM public.fraud_decide('{"txn_id": "inner", "customer_id": "inner", "amount": 40}');
			RETURN '{"risk_score": 33}';
		WHEN 'endless' THEN
			RETURN jsonb_build_object('risk_score', (public.fraud_decide(jsonb_build_object('txn_id', 'deep-' || random(), 'amount', 40))).risk_score);
		ELSE RETURN '{"risk_score": 33, "risk_factors": ["function"]}';
	END CASE;
END $$;
CREATE FUNCTION scoring.wrong(jsonb) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'});
sub asked
{
	my ($how, $what, $more) = @_;
	return told(sub { sql($node, "SET ask.how = '$how'; " . ($more // '') . "SELECT $what FROM fraud_decide(" . usual() . ') d') });
}
ml('function: scoring.ask, timeout: 300 ms');
is(asked('', "$says, risk_factors, reason"), 'FULL|ML|1|f|33|REVIEW|{function}|ML says REVIEW, score 33 s', 'a function answers');
is(asked('answer', 'source, reason'), 'RULES|ML answered badly: risk_score is missing; no rule fired f', 'no verdict: a failure');
is(asked('none', 'source, reason'), 'RULES|ML failed: no answer; no rule fired f', 'no answer');
is(asked('503', 'source, reason'), 'RULES|ML failed: 503; no rule fired f', 'a status');
is(asked('404', 'source'), 'RULES i', 'that is the caller\'s');
for ([ '08006', 'f', 'connection' ], [ '40001', 'f', '40001' ], [ '40P01', 'f', '40P01' ], [ '53200', 'f', '53200' ], [ '57P01', 'f', '57P01' ], [ '57014', 'f', 'timeout' ], [ 'XX000', 'f', 'XX000' ],
	[ 'P0001', 'f', 'P0001' ], [ '22012', 'i', '22012' ], [ '42P01', 'i', '42P01' ], [ '23505', 'i', '23505' ])
{
	my ($sqlstate, $what, $kind) = @$_;
	is(asked($sqlstate, 'source, reason'), "RULES|ML failed: $kind; no rule fired $what", "SQLSTATE $sqlstate");
}
is(sql($node, 'SELECT count(*) FROM scoring.asked'), '0', 'errors leave nothing behind');
is(asked('write', 'source'), 'ML s', 'it may write');
is(sql($node, 'SELECT count(*) FROM scoring.asked'), '1', 'which stays');
is(asked('write badly', 'source'), 'RULES f', 'where it is no verdict');
is(sql($node, 'SELECT count(*) FROM scoring.asked'), '1', 'it does not');
is(sql($node, q{SELECT bool_and(features ? 'amount_ratio') FROM scoring.asked}), 't', 'it gets the features');
is(asked('write', 'source', 'BEGIN READ ONLY; '), 'RULES i', 'in a read-only transaction it may not, and the decision is made');
is(asked('', 'source', 'BEGIN READ ONLY; '), 'ML s', 'one that only reads answers there');
is(asked('', 'source', 'BEGIN ISOLATION LEVEL SERIALIZABLE; '), 'ML s', 'or in a serializable one');
is(asked('sleep', "source, reason, clock_timestamp() - statement_timestamp() < interval '5 s'"), 'RULES|ML failed: timeout; no rule fired|t f', 'longer than ml.timeout');
is(asked('nested', 'source'), 'ML ss', 'a function that decides itself');
is(decide($node, q{detail ->> 'repeat'}, q{'{"txn_id": "inner", "customer_id": "inner", "amount": 40}'::jsonb}), 'true', 'whose decision is one as well');
like(asked('endless', 'source', "SET max_stack_depth = '200 kB'; "), qr/^(ML|RULES) [sfi]+$/, 'or endlessly: it comes to an end');
is(asked('', 'source'), 'ML s', 'and the session goes on');
is(told(sub { sql($node, 'SELECT source FROM fraud_decide(' . usual() . ", $verdict)") }), 'ML s', 'what is brought is not asked for');
is(told(sub { sql($node, 'SELECT source FROM fraud_decide(' . usual() . q{, ml_error => 'skipped')}) }), 'RULES -', 'nor where the call was skipped');
$txn = usual();
is(told(sub { decide($node, 'source', $txn) }) . told(sub { decide($node, q{detail ->> 'repeat'}, $txn) }), 'ML strue -', 'nor for a repeat');
like(run_as($node, undef, "SET ask.how = 'sleep'; SET statement_timeout = '100 ms'; SELECT fraud_decide(" . usual() . ')'), qr/57014: canceling statement due to statement timeout/, 'the caller\'s statement_timeout passes');
ml('function: scoring.ask, timeout: 1 min');
trip();
is(asked('', 'source, reason'), 'RULES|circuit ml is open; no rule fired -', 'an open circuit: no call');
back();

# a cancel by somebody else, in the middle of its call
my ($output, $errors) = ('', '');
my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', q{SET application_name = 'sleeper'}, '-c', q{SET ask.how = 'sleep'}, '-c', 'SELECT fraud_decide(' . usual() . ')' ],
	'<', \undef, '>', \$output, '2>', \$errors);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'sleeper' AND wait_event = 'PgSleep'}), 'a session asks');
sql($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'sleeper'});
$run->finish;
like($errors, qr/canceling statement due to user request/, 'a cancel passes');
is(circuit($node) =~ /^\d+ \d+ \d+ \d+ 0$/ ? 1 : 0, 1, 'and leaves no call in flight');

# functions that cannot be called
ml('function: scoring.missing');
is(asked('', 'source, reason'), 'RULES|there is no function scoring.missing(jsonb); no rule fired -', 'a function that is not there');
ml('function: nowhere.ask');
is(asked('', 'source, reason'), 'RULES|there is no schema "nowhere"; no rule fired -', 'or its schema');
ml('function: scoring.wrong');
is(asked('', 'source, reason'), 'RULES|scoring.wrong(jsonb) is no function that returns one jsonb; no rule fired -', 'or another kind of function');
ml('function: scoring.ask');
sql($node, 'CREATE ROLE app LOGIN; GRANT EXECUTE ON FUNCTION fraud_decide(jsonb, jsonb, int, interval, bigint, text) TO app');
is(told(sub { run_as($node, 'app', 'SELECT source, reason FROM fraud_decide(' . usual() . ')') }), 'RULES|the role has no EXECUTE on the function, or no USAGE on its schema; no rule fired -', 'or no right');
sql($node, 'GRANT USAGE ON SCHEMA scoring TO app');
is(told(sub { run_as($node, 'app', 'SELECT source FROM fraud_decide(' . usual() . ')') }), 'ML s', 'with it');
my $yaml = $calm . "ml: {function: ask}\n";
write_file($node->data_dir . '/service.yaml', $yaml);
my (undef, undef, $refused) = $node->psql('postgres', 'SELECT fraud_reload()');
like($refused, qr/ERROR: .*function/, 'a name without a schema is refused with the file');
ml('function: scoring.ask, low_risk: {amount_below: 50, max_score: 10}');
is(asked('', 'mode, source'), 'FULL|RULES -', 'for low risk it is not asked');
ml('function: scoring.ask');
sql($node, q{SELECT tier_override(3, '1 h', 'test')});
is(asked('', 'source'), 'CRITICAL_RULES -', 'nor at tier 3');
sql($node, q{SELECT tier_override_clear()});
is(asked('', 'source'), 'ML s', 'at tier 1 it is');

$node->stop;
done_testing();
