# fraud_decide() and fraud_http() from end to end. F1 to F10 are the scenarios
# of the fallback, D1 to D10 those of degradation, as decisions show them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Circuits;
use Decisions;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $service = "tiers: {recover_after: {minimal: 5 min, degraded: 5 min, full: 5 min}}\n";
my $node = new_shop('main', "wal_level = replica\n", $service, allows_streaming => 1);
sub tier { return sql($node, 'SELECT fraud_tier()'); }

# ---- F1: the response has the form of the ML service's

my $keys = sql($node, q{SELECT string_agg(attname, ',' ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = 'fraud_decision'::regclass AND attnum > 0});
subtest 'F1 ML response format' => sub {
	my @answers = (
		[ 'by rules', usual() ],
		[ 'by ML', usual(), q{'{"risk_score": 12}'} ]);
	for (@answers)
	{
		my ($name, $txn, $args) = @$_;
		is(sql($node, "SELECT string_agg(k, ',' ORDER BY k COLLATE \"C\") FROM fraud_decide($txn" . (defined $args ? ", $args" : '') . ') d, jsonb_object_keys(to_jsonb(d)) k'),
			$keys, "$name: the same keys");
	}
	is(sql($node, q{SELECT string_agg(jsonb_typeof(j -> k), ',' ORDER BY k) FROM (SELECT to_jsonb(d) FROM fraud_decide(} . usual() . q{) d) s(j),
		unnest('{is_fraud,risk_score,risk_factors,recommendation,mode}'::text[]) k}), 'boolean,string,string,array,number', 'as an ML service types them');
	is(sql($node, q{SELECT problem IS NULL, (v.risk_score, v.risk_level, v.recommendation) = (d.risk_score, d.risk_level, d.recommendation) FROM fraud_decide(} . usual(amount => 250) . q{) d, fraud_verdict(to_jsonb(d)) v}),
		't|t', 'what rules answer would be a verdict of ML');
	is(sql($node, q{SELECT string_agg(k, ',' ORDER BY k COLLATE "C") FROM jsonb_object_keys(fraud_http(jsonb_build_object('txn', } . usual() . '))) k'), $keys, 'over HTTP, too');
};

# ---- F2, F3: rules and score

subtest 'F2 19 rules evaluate' => sub {
	my $id = fresh();
	my $txn = usual(txn_id => $id, lat => 40.7, lon => -74.0, channel => 'present', status => 'pending', mcc => '7995', amount => 300);
	is(decide($node, 'source, coverage', $txn), 'RULES|1', 'all are evaluated');
	is(journal($node, q{(SELECT count(*) FROM jsonb_object_keys(rules)), (SELECT count(*) FROM fraud_rules_catalog() WHERE NOT rules ? rule)}, $id), '19|0', 'the journal has 19');
	is(journal($node, q{(SELECT count(*) FROM fraud_explain(} . $txn .
		q{) e WHERE (rules -> e.rule ->> 'status', (rules -> e.rule ->> 'points')::int) <> (e.status, e.points))}, $id), '0', 'with what fraud_explain() says of each');
};

subtest 'F3 score right' => sub {
	for (
		[ 'nothing', '0', usual() ],
		[ 'amount, capped at 50 for its category', '50', usual(amount => 2500) ],
		[ 'foreign country', '25', usual(country => 'FR') ],
		[ 'foreign country and a gambling merchant', '45', usual(country => 'FR', mcc => '7995') ],
		[ 'at night', '10', usual(at => -9 * 3600) ],
		[ 'all that there is, capped at 100', '100', usual(amount => 9000, country => 'IR', mcc => '7995', merchant_id => 'new', at => -9 * 3600) ])
	{
		my ($name, $score, $txn) = @$_;
		is(decide($node, 'risk_score', $txn), $score, "$score: $name");
		is(decide($node, 'd.risk_score = (SELECT least(100, sum(least(p, CASE category WHEN \'amount\' THEN 50 ELSE 100 END))) FROM (SELECT category, sum(points) AS p FROM fraud_explain(' . $txn . ') GROUP BY 1) s)', $txn),
			't', 'the sum of what its rules explain');
	}
};

# ---- F4, F5, F6

subtest 'F4 high risk blocked' => sub {
	is(decide($node, 'is_fraud, risk_level, recommendation, risk_score > 60', usual(amount => 9000, country => 'IR')), 't|HIGH|BLOCK|t', 'blocked');
	is(decide($node, 'is_fraud, risk_level, recommendation', usual(country => 'FR', mcc => '7995')), 'f|MEDIUM|REVIEW', 'medium risk is reviewed');
	rules($node, "lists: {deny_cards: {values: [stolen]}}\n");
	is(decide($node, 'risk_score, recommendation, risk_factors', usual(card_id => 'stolen')), '61|BLOCK|{deny_cards}', 'a list blocks');
	rules($node, '{}');
};

subtest 'F5 low risk approved' => sub {
	is(decide($node, 'is_fraud, risk_score, risk_level, recommendation, risk_factors, reason', usual()), 'f|0|LOW|APPROVE|{}|no ML verdict was given; no rule fired', 'approved');
	is(decide($node, 'recommendation, risk_score', usual(country => 'FR')), 'APPROVE|25', 'with a little risk, too');
};

subtest 'F6 missing data handled' => sub {
	is(decide($node, 'recommendation, risk_score, reason', usual(amount => undef)), 'REVIEW|31|no ML verdict was given; amount is missing', 'no amount: REVIEW');
	like(decide($node, 'recommendation, reason', usual(occurred_at => undef)), qr/^REVIEW\|.*occurred_at is missing/, 'no time: REVIEW');
	is(decide($node, 'recommendation, coverage BETWEEN 0.5 AND 0.9', usual(merchant_id => undef, mcc => undef, country => undef)), 'APPROVE|t', 'a few values less: the rest decides');
	like(decide($node, 'recommendation, coverage < 0.5, reason', usual(customer_id => undef, card_id => undef, merchant_id => undef, mcc => undef, country => undef, ip => undef)), qr/^REVIEW\|t\|.*coverage 0.\d+ is under 0.5/, 'too many: REVIEW');
	is(decide($node, q{recommendation, detail -> 'not_evaluated' ->> 'foreign_country'}, usual(country => undef)), 'APPROVE|value missing', 'and what was not evaluated is said');
	like(decide($node, 'recommendation, risk_score, reason', 'NULL::jsonb'), qr/^REVIEW\|31\|/, 'no transaction at all: REVIEW');
	is(decide($node, 'recommendation, risk_factors', usual(customer_id => 'stranger')), 'APPROVE|{}', 'a new customer is no missing data');
};

# ---- F7: measured in the server

subtest 'F7 under 5 ms' => sub {
	sql($node, q{CREATE TABLE took (us float8);
		CREATE FUNCTION measure(n int, base jsonb) RETURNS void LANGUAGE plpgsql AS $$
		DECLARE t timestamptz; d fraud_decision;
		BEGIN
			FOR i IN 1 .. n LOOP
				base := base || jsonb_build_object('txn_id', 'f7-' || i || random());
				t := clock_timestamp();
				d := fraud_decide(base);
				INSERT INTO took VALUES (extract(epoch FROM clock_timestamp() - t) * 1e6);
			END LOOP;
		END $$});
	sql($node, 'SELECT measure(1000, ' . usual(customer_id => 'fast', card_id => 'fast') . ')');
	my ($p50, $p99) = split(/\|/, sql($node, q{SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY us), percentile_disc(0.99) WITHIN GROUP (ORDER BY us) FROM took}));
	cmp_ok($p99, '<', 5000, "p99 of 1,000 decisions by rules, recorded: $p99 us");
	note("p50 $p50 us");
};

# ---- F8: a fallback says what it is

subtest 'F8 fallback marked' => sub {
	is(decide($node, 'mode, source, tier, degraded', usual(), q{'{"risk_score": 3}'}), 'FULL|ML|1|f', 'by ML');
	is(decide($node, 'mode, source, tier, degraded, policy_hash = fraud_rules_hash(fraud_rules_active()), reason', usual()), 'DEGRADED|RULES|2|t|t|no ML verdict was given; no rule fired', 'by rules');
	like(decide($node, 'mode, source, tier, degraded, reason', usual(), q{NULL, 503}), qr/^DEGRADED\|RULES\|2\|t\|ML answered 503; /, 'by rules, after ML failed');
	is(sql($node, 'SELECT (fraud_http(' . usual() . q{)) ->> 'mode', current_setting('response.status'), current_setting('response.headers')::jsonb}), 'DEGRADED|200|[{"X-Service-Tier": "2"}, {"X-Service-Mode": "DEGRADED"}]', 'over HTTP, too');
};

# ---- F9: one transaction for each rule, and what the journal has of it

subtest 'F9 every rule trigger logged' => sub {
	my $saturday = 0;
	$saturday -= 86400 while (gmtime(noon() + $saturday))[6] != 6;
	my @fast = map { usual(customer_id => 'quick', card_id => 'quick', at => $_) } 1 .. 3;
	decide($node, '1', $_) for @fast;
	my %fires = (
		high_amount => usual(amount => 250),
		unusual_high_value => usual(customer_id => 'nobody', amount => 600),
		large_amount => usual(amount => 6000),
		daily_limit => usual(amount => 2500),
		weekly_limit => usual(amount => 9000),
		foreign_country => usual(country => 'FR'),
		high_risk_country => usual(country => 'IR'),
		impossible_travel => pay(customer_id => 'tom', card_id => "tom's", amount => 40, channel => 'present', lat => 35.7, lon => 139.7),
		distant_location => pay(customer_id => 'tim', card_id => "tim's", amount => 40, channel => 'present', lat => 51.5, lon => -0.1),
		high_risk_merchant => usual(mcc => '7995'),
		first_time_merchant => usual(amount => 60, merchant_id => 'a new shop'),
		merchant_reputation => usual(merchant_id => 'shady'),
		velocity_10m => usual(customer_id => 'quick', card_id => 'quick', at => 4),
		velocity_sustained => usual(customer_id => 'quick', card_id => 'quick', at => 5),
		consecutive_declines => pay(customer_id => 'dick', card_id => "dick's", amount => 40, status => 'pending'),
		multi_card_ip => usual(ip => '203.0.113.9'),
		unusual_hour => usual(at => -9 * 3600),
		dormant_account => pay(customer_id => 'dora', card_id => "dora's", amount => 60),
		weekend_shift => pay(customer_id => 'will', card_id => "will's", amount => 40, at => $saturday));
	my %id;
	is(join(',', sort keys %fires), sql($node, q{SELECT string_agg(rule, ',' ORDER BY rule COLLATE "C") FROM fraud_rules_catalog() WHERE number BETWEEN 1 AND 19}), 'all 19');
	for my $rule (sort keys %fires)
	{
		($id{$rule}) = $fires{$rule} =~ /"txn_id": "([^"]+)"/;
		ok(decide($node, "'$rule' = ANY (risk_factors)", $fires{$rule}) eq 't', "$rule fires") or diag(decide($node, 'to_jsonb(d)', $fires{$rule}));
	}
	advance($node, '0');
	for my $rule (sort keys %fires)
	{
		is(sql($node, "SELECT r ->> 'status', (r ->> 'points')::int > 0, r ->> 'reason' <> '', decision -> 'risk_factors' ? '$rule' FROM fraud_journal, LATERAL (SELECT rules -> '$rule') s(r) WHERE txn_id = '$id{$rule}'"),
			'hit|t|t|t', "$rule is logged, with points and reason");
	}
	is(sql($node, q{SELECT count(*) FROM fraud_journal j, jsonb_each(j.rules) r WHERE txn_id = '} . $id{foreign_country} . q{' AND r.value ->> 'status' = 'hit'}), '1', 'and no other rule, where none fired');
};

# ---- F10: configuration

subtest 'F10 configuration updates work' => sub {
	my $session = $node->background_psql('postgres');
	my $ask = sub { return $session->query_safe("SELECT $_[0] FROM fraud_decide($_[1]) d"); };
	is($ask->('risk_score', usual(country => 'FR')), '25', 'before');
	my $hash = sql($node, 'SELECT fraud_rules_hash(fraud_rules_active())');
	rules($node, "rules: {foreign_country: {weight: 5}, unusual_hour: {enabled: false}}\n");
	is($ask->('risk_score', usual(country => 'FR', at => -9 * 3600)), '5', 'another policy, in an open session');
	isnt($ask->('policy_hash', usual()), $hash, 'which its decisions name');
	write_file($node->data_dir . '/rules.yaml', "rules: {foreign_country: {weight: 500}}\n");
	my ($ret, $out, $err) = $node->psql('postgres', 'SELECT fraud_reload()');
	like($err, qr/line 1, column 35/, 'a bad one is refused');
	is($ask->('risk_score', usual(country => 'FR')), '5', 'the last good one stays');
	rules($node, '{}');
	is($ask->('risk_score', usual(country => 'FR')), '25', 'and back');
	service($node, "tiers: {minimal: {review_above: 10}}\n");
	sql($node, q{SELECT tier_override(3, '1 h', 'test')});
	is($ask->('recommendation', usual(amount => 11)), 'REVIEW', 'another service file');
	service($node, $service);
	is($ask->('recommendation', usual(amount => 11)), 'APPROVE', 'and back');
	sql($node, 'SELECT tier_override_clear()');
	$session->quit;
};

# ---- D1 to D5: the five tiers

my $says = q{mode, source, tier, degraded, risk_score, recommendation};
sub http
{
	my ($request, $what) = @_;
	$what //= q{body ->> 'mode', body ->> 'recommendation'};
	return sql($node, "SELECT $what, current_setting('response.status'), current_setting('response.headers') FROM (SELECT fraud_http($request) AS body OFFSET 0) s");
}

subtest 'D1 tier 1' => sub {
	is(tier(), '1', 'the server');
	is(decide($node, "$says, coverage, risk_factors, retry_after, reason", usual(), q{'{"risk_score": 47, "risk_factors": ["device", "graph"]}'}),
		'FULL|ML|1|f|47|REVIEW|1|{device,graph}||ML says REVIEW, score 47', 'ML decides');
	is(decide($node, $says, usual(amount => 9000, country => 'IR'), q{'{"risk_score": 5}'}), 'FULL|ML|1|f|5|APPROVE', 'alone');
	is(http("jsonb_build_object('txn', " . usual() . q{, 'ml', '{"risk_score": 70}'::jsonb)}), 'FULL|BLOCK|200|[{"X-Service-Tier": "1"}, {"X-Service-Mode": "FULL"}]', 'over HTTP');
};

subtest 'D2 tier 2, ML off' => sub {
	sql($node, q{SELECT circuit_trip('ml', 'test')});
	ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 2'), 'the server');
	is(decide($node, "$says, reason", usual()), 'DEGRADED|RULES|2|t|0|APPROVE|ML offline, its circuit is not closed; no rule fired', 'the rules decide');
	is(decide($node, $says, usual(amount => 9000, country => 'IR')), 'DEGRADED|RULES|2|t|100|BLOCK', 'all of them');
	is(sql($node, 'SELECT route, ticket, features, (decision).mode, (decision).source, reason FROM fraud_route(' . usual() . ')'), 'RULES|||DEGRADED|RULES|circuit ml is open; no rule fired', 'fraud_route() decides at once');
	is(decide($node, "$says, reason", usual(), q{'{"risk_score": 50}'}), 'DEGRADED|ML|2|t|50|REVIEW|ML offline, its circuit is not closed, but it answered; ML says REVIEW, score 50', 'a verdict is used all the same');
	sql($node, q{SELECT circuit_reset('ml')});
	sql($node, q{SELECT tier_override(2, '1 h', 'test')});
	is(decide($node, $says, usual(amount => 6000), q{'{"risk_score": 5}'}), 'DEGRADED|RULES|2|t|50|REVIEW', 'by override a verdict makes nothing milder');
	is(decide($node, $says, usual(), q{'{"risk_score": 70}'}), 'DEGRADED|ML|2|t|70|BLOCK', 'but stricter');
	sql($node, 'SELECT tier_override_clear()');
	advance($node, '5 min 1 s');
	is(tier(), '1', 'back');
};

sub minimal
{
	my ($on, $cause) = @_;
	my $ask = sub { return $on->safe_psql('postgres', "SELECT $_[0] FROM fraud_decide($_[1]) d"); };
	is($ask->("$says, reason", usual()), "MINIMAL|CRITICAL_RULES|3|t|0|APPROVE|$cause, critical rules only; no rule fired", 'critical rules decide');
	is($ask->("$says, risk_factors", usual(amount => 1000.01)), 'MINIMAL|CRITICAL_RULES|3|t|31|REVIEW|{amount_cap}', 'over 1,000: REVIEW');
	is($ask->("$says, risk_factors", usual(amount => 1000)), 'MINIMAL|CRITICAL_RULES|3|t|0|APPROVE|{}', '1,000 is not over it');
	is($ask->("$says, risk_factors", usual(amount => 5000.01)), 'MINIMAL|CRITICAL_RULES|3|t|61|BLOCK|{large_amount,amount_cap}', 'over 5,000: HIGH');
	for ([ foreign_country => 25, country => 'FR' ], [ high_risk_country => 55, country => 'IR' ], [ high_risk_merchant => 20, mcc => '7995' ], [ unusual_hour => 10, at => -9 * 3600 ])
	{
		my ($rule, $points, @fields) = @$_;
		is($ask->("risk_score, '$rule' = ANY (risk_factors)", usual(@fields)), "$points|t", "$rule");
	}
	is($ask->(q{recommendation, NOT risk_factors && '{high_amount,daily_limit,first_time_merchant}'}, usual(amount => 900, merchant_id => 'another')), 'APPROVE|t', 'no rule that needs a history');
	is($ask->('risk_score, risk_factors', usual(customer_id => 'rush', at => $_)), ($_ > 5 ? '61|{velocity_10m}' : $_ > 3 ? '15|{velocity_10m}' : '0|{}'), "attempt $_ in ten minutes") for 1 .. 6;
	is($on->safe_psql('postgres', "SELECT $says FROM fraud_decide(" . usual() . q{, '{"risk_score": 90}') d}), 'MINIMAL|ML|3|t|90|BLOCK', 'a verdict makes it stricter');
	is($on->safe_psql('postgres', "SELECT $says FROM fraud_decide(" . usual(country => 'FR') . q{, '{"risk_score": 1}') d}), 'MINIMAL|CRITICAL_RULES|3|t|25|APPROVE', 'and never milder');
}

subtest 'D3 tier 3, read-only' => sub {
	$node->append_conf('postgresql.conf', 'default_transaction_read_only = on');
	$node->reload;
	ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 3'), 'the server is read-only');
	minimal($node, 'database read-only');
	$node->append_conf('postgresql.conf', 'default_transaction_read_only = off');
	$node->reload;
	ok($node->poll_query_until('postgres', 'SELECT NOT read_only FROM fraud_tier_status'), 'read-write again');
	advance($node, '5 min 1 s') for 1 .. 2;
	is(tier(), '1', 'back');
};

subtest 'D4 tier 4, database off' => sub {
	service($node, $service . "dependencies: {database: {kind: push}}\n");
	my $id = fresh();
	decide($node, '1', usual(customer_id => 'hasty', at => $_)) for 1 .. 5;
	sql($node, q{SELECT health_report('database', false)});
	is(tier(), '4', 'its probe fails');
	is(decide($node, "$says, reason", usual(amount => 99.99)), 'EMERGENCY_MODE|AMOUNT_CAP|4|t|30|APPROVE|database offline; amount 99.99 is under 100.00', 'under the cap: approved');
	is(decide($node, "$says, risk_factors, reason", usual(txn_id => $id, amount => 100)), 'EMERGENCY_MODE|AMOUNT_CAP|4|t|61|BLOCK|{amount_cap}|database offline; amount 100.00 is not under 100.00; approve it by hand', 'else blocked');
	like(decide($node, "$says, reason", usual(amount => undef)), qr/^EMERGENCY_MODE\|AMOUNT_CAP\|4\|t\|61\|BLOCK\|.*amount is missing/, 'without an amount, too');
	is(decide($node, "$says, risk_factors", usual(customer_id => 'hasty', at => 6)), 'EMERGENCY_MODE|AMOUNT_CAP|4|t|61|BLOCK|{velocity_10m}', 'live attempts block');
	rules($node, "lists: {deny_customers: {values: [bad]}, review_customers: {values: [odd]}}\n");
	is(decide($node, "$says, risk_factors", usual(customer_id => $_->[0])), "EMERGENCY_MODE|AMOUNT_CAP|4|t|61|BLOCK|{$_->[1]}", "$_->[1] blocks") for [ bad => 'deny_customers' ], [ odd => 'review_customers' ];
	rules($node, '{}');
	is(decide($node, $says, usual(), q{'{"risk_score": 95}'}), 'EMERGENCY_MODE|ML|4|t|95|BLOCK', 'a verdict makes it stricter');
	is(decide($node, $says, usual(amount => 200), q{'{"risk_score": 1}'}), 'EMERGENCY_MODE|AMOUNT_CAP|4|t|61|BLOCK', 'and never milder');
	is(journal($node, q{queued, decision ->> 'mode'}, $id), 't|EMERGENCY_MODE', 'it is logged and queued');
	is(http(usual()), 'EMERGENCY_MODE|APPROVE|200|[{"X-Service-Tier": "4"}, {"X-Service-Mode": "EMERGENCY_MODE"}]', 'over HTTP: 200');
	sql($node, q{SELECT health_report('database', true), health_report('database', true)});
	advance($node, '5 min 1 s') for 1 .. 3;
	is(tier(), '1', 'back');
	service($node, $service);
};

subtest 'D5 tier 5 answers 503' => sub {
	my $id = sql($node, q{SELECT maintenance_schedule(evaluated_at - interval '1 min', evaluated_at + interval '2 h', 'Zurück um "sechs"', 'ops@example.com') FROM fraud_tier_status});
	is(tier(), '5', 'a window is open');
	my $txn = fresh();
	is(decide($node, "$says, retry_after, detail -> 'notice' ->> 'message', detail -> 'notice' ->> 'contact', (detail -> 'notice' ->> 'expected_recovery')::timestamptz = (SELECT maintenance_until FROM fraud_tier_status), reason", usual(txn_id => $txn)),
		qq(MAINTENANCE|NONE|5|t|31|REVIEW|01:00:00|Zur\x{c3}\x{bc}ck um "sechs"|ops\@example.com|t|maintenance: Zur\x{c3}\x{bc}ck um "sechs"), 'no verdict: come again');
	like(decide($node, q{detail -> 'notice' ->> 'expected_recovery'}, usual()), qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)$/, 'expected recovery is an ISO time');
	is(decide($node, $says, usual(), q{'{"risk_score": 95}'}), 'MAINTENANCE|NONE|5|t|31|REVIEW', 'nothing else decides');
	is(http(usual()), 'MAINTENANCE|REVIEW|503|[{"X-Service-Tier": "5"}, {"X-Service-Mode": "MAINTENANCE"}, {"Retry-After": "3600"}, {"X-Maintenance-Mode": "true"}]', 'over HTTP: 503');
	is(journal($node, 'queued, decision ->> \'tier\'', $txn), 't|5', 'it is queued');
	decide($node, '1', usual(customer_id => 'patient', at => $_)) for 1 .. 8;
	sql($node, "SELECT maintenance_cancel($id)");
	is(tier(), '1', 'over');
	is(decide($node, 'risk_score, risk_factors', usual(customer_id => 'patient', at => 9)), '0|{}', 'what came meanwhile was not attempted');
};

# ---- D6 to D9: transitions

my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN fraud_fallback');

subtest 'D6 automatic transitions' => sub {
	is(decide($node, 'mode', usual(), q{'{"risk_score": 1}'}), 'FULL', 'ML works');
	is(decide($node, 'mode, tier', usual(), q{ml_error => 'timeout'}), 'DEGRADED|2', 'it fails') for 1 .. 4;
	is(tier(), '1', 'not often enough');
	decide($node, '1', usual(), q{ml_error => 'timeout'});
	ok($node->poll_query_until('postgres', 'SELECT fraud_tier() = 2'), 'five times: tier 2, without anybody asking');
	is(sql($node, q{SELECT circuit_state('ml')}), 'OPEN', 'by the circuit that decisions told');
	advance($node, '61 s');
	my $trials = 0;
	for (1 .. 3)
	{
		my ($route, $ticket) = split(/\|/, sql($node, 'SELECT route, ticket FROM fraud_route(' . usual() . ')'));
		$trials++ if $route eq 'ML';
		decide($node, '1', usual(), qq('{"risk_score": 1}', 200, '20 ms', $ticket)) if $route eq 'ML';
	}
	is($trials . sql($node, q{SELECT circuit_state('ml')}), '3CLOSED', 'trials through fraud_route() close it');
};

subtest 'D7 recovery waits' => sub {
	advance($node, '0');
	is(tier(), '2', 'the circuit is closed, the tier waits');
	advance($node, '4 min');
	is(decide($node, 'mode', usual()), 'DEGRADED', 'four minutes later still');
	is(decide($node, 'mode, source', usual(), q{'{"risk_score": 1}'}), 'DEGRADED|ML', 'while its verdicts are used');
	advance($node, '61 s');
	is(decide($node, 'mode, source', usual(), q{'{"risk_score": 1}'}), 'FULL|ML', 'after five: tier 1');
};

subtest 'D8 no flip-flop' => sub {
	service($node, $service . "dependencies: {ml: {kind: push, interval: 30 s}}\n");
	sql($node, q{SELECT health_report('ml', false)});
	my $moves = sql($node, 'SELECT transitions_day FROM fraud_tier_status');
	my %modes;
	for (1 .. 15)
	{
		for (1 .. 8)
		{
			sql($node, $_ == 1 ? q{SELECT health_report('ml', false)} : q{SELECT health_report('ml', true, '5 ms')});
			$modes{ decide($node, 'mode', usual(), q{'{"risk_score": 1}'}) }++;
			advance($node, '30 s');
		}
	}
	is(join(' ', %modes), 'DEGRADED 120', 'one bad sample every 4 minutes for an hour never recovers');
	is(sql($node, 'SELECT transitions_day FROM fraud_tier_status'), $moves, 'nor goes back and forth');
	for (1 .. 11)
	{
		sql($node, q{SELECT health_report('ml', true, '5 ms')});
		advance($node, '30 s');
	}
	is(decide($node, 'mode', usual(), q{'{"risk_score": 1}'}), 'FULL', 'without them it does');
	service($node, $service);
};

subtest 'D9 alerts on change' => sub {
	advance($node, '0');
	like(sql($node, q{SELECT string_agg(message, E'\n' ORDER BY at) FROM fraud_events WHERE kind = 'tier' AND subject = 'service'}),
		qr/Degraded to Tier 2 - ML offline.*Degraded to Tier 3 - database read-only.*Emergency - Tier 4 activated - database offline.*Tier 5.*Recovered to Tier 1 - ML is back/s, 'the events say it plainly');
	my ($stdout) = $listener->query_safe('SELECT 1');
	my @notified = $stdout =~ /Asynchronous notification "fraud_fallback" with payload "(.*)" received from server process/g;
	my @tiers = grep { /"kind": ?"tier"/ } @notified;
	cmp_ok(scalar @tiers, '>=', 4, 'listeners of fraud_fallback got them');
	like("@tiers", qr/Degraded to Tier 2 - ML offline.*Recovered to Tier 1/, 'in order');
	$listener->quit;
};

# ---- D10: what callers get at each tier

subtest 'D10 clients notified' => sub {
	my %mode = (1 => 'FULL', 2 => 'DEGRADED', 3 => 'MINIMAL', 4 => 'EMERGENCY_MODE');
	for my $tier (1 .. 4)
	{
		sql($node, "SELECT tier_override($tier, '1 h', 'test')");
		my $request = "jsonb_build_object('txn', " . usual() . ($tier == 1 ? q{, 'ml', '{"risk_score": 1}'::jsonb)} : ')');
		is(http($request, q{body ->> 'mode', body ->> 'tier', body ->> 'degraded', body ->> 'reason' <> ''}),
			"$mode{$tier}|$tier|" . ($tier == 1 ? 'false' : 'true') . qq(|t|200|[{"X-Service-Tier": "$tier"}, {"X-Service-Mode": "$mode{$tier}"}]), "tier $tier: body, status and headers");
	}
	sql($node, 'SELECT tier_override_clear()');
	my $id = sql($node, q{SELECT maintenance_schedule(evaluated_at - interval '1 min', evaluated_at + interval '2 h') FROM fraud_tier_status});
	is(http(usual(), q{body ->> 'mode', body ->> 'tier', body ->> 'degraded', body -> 'detail' -> 'notice' ->> 'message'}),
		'MAINTENANCE|5|true|The service is under maintenance|503|[{"X-Service-Tier": "5"}, {"X-Service-Mode": "MAINTENANCE"}, {"Retry-After": "3600"}, {"X-Maintenance-Mode": "true"}]', 'tier 5, too');
	sql($node, "SELECT maintenance_cancel($id)");
	is(sql($node, q{BEGIN; SELECT fraud_http(} . usual() . q{) IS NOT NULL; COMMIT; SELECT coalesce(nullif(current_setting('response.status', true), ''), 'none')}), "t\nnone", 'the settings end with the transaction');
	my ($ret, $out, $err) = $node->psql('postgres', q{SELECT fraud_http('[1]')});
	like($err, qr/ERROR:/, 'a request that is no object is an error of the caller');
};

# ---- a standby

subtest 'D3 tier 3, a standby' => sub {
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	is($standby->safe_psql('postgres', 'SELECT fraud_tier()'), '3', 'the server is a standby');
	minimal($standby, 'the server is a standby');
	$standby->stop;
};

$node->stop;
done_testing();
