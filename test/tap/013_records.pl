# What becomes of records: why, the queue, settlements, policies that were in
# force; and forgetting a customer.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub write_file
{
	my ($path, $text) = @_;
	open(my $fh, '>:raw', $path) or die "could not write $path: $!";
	print $fh $text;
	close($fh) or die "could not write $path: $!";
}

my $node = PostgreSQL::Test::Cluster->new('alpha');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', qq(
shared_preload_libraries = 'fraud_fallback'
fraud_fallback.test_mode = on
fraud_fallback.service_file = 'service.yaml'
fraud_fallback.node_name = 'alpha'
max_prepared_transactions = 5
jit = off
timezone = 'UTC'
));
write_file($node->data_dir . '/service.yaml', "journal: {keep: 0 s, retention: 3 d}\n");
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub advance { sql("SELECT fraud_test_advance('$_[0]')"); }

# sqlstate and message of what fails
sub failure
{
	my ($sql, $on) = @_;
	my ($ret, $out, $err) = ($on // $node)->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err =~ /ERROR:  (\w{5}): (.*)/ ? "$1 $2" : "no error: $out";
}

sql(q{CREATE EXTENSION fraud_fallback;
CREATE ROLE still SUPERUSER;
CREATE TABLE payments (txn_id text PRIMARY KEY, customer_id text, amount numeric, occurred_at timestamptz, status text, country text, home_country text);
SELECT fraud_attach('payments')});

# with a superuser as its role the worker leaves tables alone
sub drain_off
{
	my $offset = -s $node->logfile;
	sql(q{ALTER SYSTEM SET fraud_fallback.worker_role = 'still'});
	$node->reload;
	$node->wait_for_log(qr/role "still" is a superuser/, $offset);
}

sub drain_on
{
	sql('ALTER SYSTEM RESET fraud_fallback.worker_role');
	$node->reload;
	$node->poll_query_until('postgres', 'SELECT bool_and(tables_off IS NULL) FROM fraud_worker') or die;
	advance('0');
}

# a record of a transaction; members of the decision, of the transaction, of the record
sub record
{
	my ($txn_id, $tier, $recommendation, %more) = @_;
	my $decision = $more{decision} // '{}';
	my $txn = $more{txn} // q({"amount": 20});
	my $record = $more{record} // '{}';
	my $at = $more{at} // 'clock_timestamp()';
	my $queued = $tier >= 4 ? 'true' : 'false';
	return sql(qq{SELECT fraud_journal_append(jsonb_build_object('txn_id', '$txn_id', 'decided_at', to_jsonb($at), 'queued', $queued,
		'txn', '$txn'::jsonb || jsonb_build_object('txn_id', '$txn_id'),
		'decision', jsonb_build_object('txn_id', '$txn_id', 'tier', $tier, 'recommendation', '$recommendation') || '$decision') || '$record')});
}

# ---- fraud_why()

my $decision = q({"mode": "DEGRADED", "source": "RULES", "risk_score": 42, "risk_factors": ["high_amount", "deny_merchants"], "policy_hash": "00112233aabbccdd",
	"reason": "high_amount: 6.2 times the usual amount", "detail": {"not_evaluated": {"impossible_travel": "lat is missing"}}});
my ($r1, $r2, $r3, $r4) = split /,/, sql(q{SELECT string_agg(rule, ',' ORDER BY number) FROM fraud_rules_catalog() WHERE number IN (2, 7, 9, 12)});
my $by_rules = qq({"rules": {
	"high_amount": {"status": "hit", "points": 30, "value": 6.2, "threshold": 5, "reason": "6.2 times the usual amount"},
	"$r4": {"status": "no_hit", "points": 0, "value": 1.2, "threshold": 5},
	"$r2": {"status": "not_evaluated", "points": 0},
	"$r1": {"status": "skipped"},
	"$r3": {"status": "no_hit", "points": 0},
	"mine": {"status": "shadow_hit", "points": 7, "reason": "own rule"},
	"broken": {"status": "error", "value": "much", "points": {}}}});
$decision =~ s/impossible_travel/$r2/;
my $shown = q{SELECT concat_ws('|', coalesce(number::text, '-'), rule, coalesce(category, '-'), status, points, value, threshold, reason) FROM fraud_why('%s')};
my $category = q{SELECT category FROM fraud_rules_catalog() WHERE rule = '%s'};
my $categories = {map { $_ => sql(sprintf($category, $_)) } ('high_amount', $r1, $r2, $r3, $r4)};

drain_off();
my $first = record('w1', 2, 'REVIEW', decision => $decision, record => $by_rules);
my $expected = "0|decision|DEGRADED|REVIEW|42|high_amount: 6.2 times the usual amount
1|high_amount|$categories->{high_amount}|hit|30|6.2|5|6.2 times the usual amount
2|$r1|$categories->{$r1}|skipped|skipped, the answer was certain
7|$r2|$categories->{$r2}|not_evaluated|0|not evaluated: lat is missing
9|$r3|$categories->{$r3}|no_hit|0|no hit
12|$r4|$categories->{$r4}|no_hit|0|1.2|5|value 1.2, threshold 5
-|broken|custom|error|error
-|mine|custom|shadow_hit|7|own rule
-|deny_merchants|-|factor|named by the decision";
is(sql('SELECT count(*) FROM fraud_journal'), '0', 'nothing is drained');
is(sql(sprintf($shown, 'w1')), $expected, 'why, from a file');
my $facts = sql(q{SELECT DISTINCT record_id, decided_at, policy_hash, recommendation, source FROM fraud_why('w1')});
like($facts, qr/^$first\|20[^|]+\|00112233aabbccdd\|REVIEW\|RULES$/, 'when, and by which policy');
drain_on();
is(sql(q{SELECT (SELECT count(*) FROM fraud_journal) || ' ' || (SELECT count(*) FROM fraud_journal_lookup('w1'))}), '1 0', 'it is drained');
is(sql(sprintf($shown, 'w1')), $expected, 'why, from the table: the same');
is(sql(q{SELECT DISTINCT record_id, decided_at, policy_hash, recommendation, source FROM fraud_why('w1')}), $facts, 'so is the rest');
is(sql(q{SELECT count(*) FROM fraud_why('nobody')}), '0', 'an unknown transaction has no rows');
is(sql(q{SELECT count(*) FROM fraud_why(NULL)}), '0', 'nor has none');

my $ml = record('w1', 1, 'BLOCK', decision => q({"mode": "FULL", "source": "ML", "risk_score": 90, "risk_factors": ["device", "amount"], "reason": "ML says so"}),
	record => qq({"rules": null, "ml": {"risk_score": 90}, "supersedes": "$first"}));
is(sql(sprintf($shown, 'w1')), "0|decision|FULL|BLOCK|90|ML says so\n-|amount|ml|factor|named by the model\n-|device|ml|factor|named by the model",
	'a verdict of ML: the last record, and its factors');
is(sql(q{SELECT string_agg(record_id, ',') FROM (SELECT record_id FROM fraud_why('w1', true) WHERE rule = 'decision') AS r}), "$ml,$first", 'all records, the last one first');
is(sql(q{SELECT count(*) FROM fraud_why('w1', true)}), '12', 'with all their rows');
record('w1', 2, 'APPROVE', decision => q({"reason": "decided before, came late"}), at => q{clock_timestamp() - interval '1 hour'});
advance('0');
is(sql(q{SELECT DISTINCT record_id FROM fraud_why('w1')}), $ml, 'the last decision, not the last that came');
sql(q{SELECT fraud_journal_append('{"txn_id": "w2"}')});
is(sql(sprintf($shown, 'w2')), '0|decision|-|the record has no reason', 'a record with nothing in it');
sql(q{SELECT fraud_journal_append('{"txn_id": "w3", "decision": [1], "rules": "x", "decided_at": "tomorrow", "policy_hash": null}')});
is(sql(sprintf($shown, 'w3')), '0|decision|-|the record has no reason', 'or with something else');

# ---- who may

is(sql(q{SELECT string_agg(p.oid::regprocedure::text, ',') FROM pg_proc AS p
	WHERE proname IN ('fraud_why', 'fraud_requeue', 'fraud_reconcile', 'fraud_forget') AND has_function_privilege('public', p.oid, 'EXECUTE')}), '', 'functions are not for everybody');
is(sql(q{SELECT string_agg(c.relname, ',') FROM pg_class AS c WHERE relname IN ('fraud_queue', 'fraud_settlements', 'fraud_policy_history')
	AND (has_table_privilege('public', c.oid, 'SELECT') OR has_table_privilege('pg_monitor', c.oid, 'SELECT'))}), '', 'nor are tables, nor for monitors');
sql('CREATE ROLE analyst LOGIN; GRANT EXECUTE ON FUNCTION fraud_why(text, boolean) TO analyst');
is($node->safe_psql('postgres', q{SET ROLE analyst; SELECT status FROM fraud_why('w1') WHERE number = 0}), 'BLOCK', 'who may ask why need not read the journal');
like(failure('SET ROLE analyst; SELECT FROM fraud_journal'), qr/^42501/, 'and cannot');

# ---- the queue

my $queue = q{SELECT string_agg(concat_ws(' ', txn_id, tier, decision ->> 'recommendation', now), ',' ORDER BY decided_at) FROM fraud_queue};
my $open = "$queue WHERE settled_at IS NULL";
my $settled = q{SELECT string_agg(concat_ws(' ', txn_id, kind, was, now, changed), ',' ORDER BY settled_at, txn_id) FROM fraud_settlements};
my $requeue = q{SELECT coalesce(string_agg(concat_ws(' ', txn_id, was, now, changed), ','), '') FROM fraud_requeue(%s)};

# a customer with a past: six payments of 20 within an hour, and more after it
sql(q{INSERT INTO payments SELECT 'p' || n, 'c1', 20, '2026-05-01 12:00:00Z'::timestamptz - n * interval '1 day', 'approved', 'DE', 'DE' FROM generate_series(1, 20) AS n;
INSERT INTO payments SELECT 'later' || n, 'c1', 20, '2026-05-01 12:00:00Z'::timestamptz + n * interval '1 second', 'approved', 'DE', 'DE' FROM generate_series(1, 6) AS n});
my $calm = q({"customer_id": "c1", "amount": 21, "occurred_at": "2026-05-01T12:00:00Z", "country": "DE", "home_country": "DE"});
my $wild = q({"customer_id": "c1", "amount": 90000, "occurred_at": "2026-05-01T12:00:00Z", "country": "KP", "home_country": "DE"});
record('q1', 4, 'BLOCK', txn => $calm);
record('q2', 5, 'REVIEW', txn => $wild);
record('q3', 4, 'APPROVE', txn => $calm);
record('q4', 2, 'BLOCK', txn => $calm);
my $q5 = record('q5', 4, 'BLOCK', txn => $calm);
record('q5', 1, 'APPROVE', txn => $calm, record => qq({"supersedes": "$q5"}));
record('q6', 4, 'BLOCK', txn => $calm);
record('q6', 5, 'REVIEW', txn => $calm);
my $q7 = record('q7', 4, 'APPROVE', txn => $calm);
record('q7', 2, 'REVIEW', txn => $wild);
my $q8 = record('q8', 4, 'BLOCK', record => '{"txn": null}');
my $q9 = record('q9', 4, 'BLOCK', record => '{"txn": [1, 2]}');
record('q10', 3, 'APPROVE', txn => $wild);
advance('0');
my $waiting = 'q1 4 BLOCK,q2 5 REVIEW,q3 4 APPROVE,q6 5 REVIEW,q7 4 APPROVE,q8 4 BLOCK,q9 4 BLOCK';
is(sql($open), $waiting, 'the queue: what was replaced is not in it, but by another payment under its id');

my $now_calm = sql("SELECT recommendation FROM fraud_score('$calm'::jsonb)");
my $now_wild = sql("SELECT recommendation FROM fraud_score('$wild'::jsonb)");
is("$now_calm $now_wild", 'APPROVE BLOCK', 'what the rules say of both');
is(sql(q{SELECT recommendation FROM fraud_score('{"customer_id": "c1", "amount": 21, "occurred_at": "2026-05-01T12:00:07Z", "country": "DE", "home_country": "DE"}'::jsonb)}) ne 'APPROVE', 1,
	'and what they would say if later payments counted');

like(failure('SELECT FROM fraud_requeue(tiers => NULL)'), qr/^22004/, 'tiers must be given');
like(failure(q{SELECT FROM fraud_requeue(tiers => '{1}')}), qr/^22023 only tiers 2 to 5/, 'and be such that are worse than full');
like(failure('SELECT FROM fraud_requeue(max_rows => 0)'), qr/^22023/, 'at least one record');
like(failure('BEGIN READ ONLY; SELECT FROM fraud_requeue()'), qr/^25006/, 'not in a read-only transaction');
is(sql(sprintf($requeue, q{since => now() + interval '1 hour'})) . sql(sprintf($requeue, q{until => now() - interval '1 day'})), '', 'outside the time there is nothing');
is(sql($open), $waiting, 'nothing has changed');

my $live = sql('SELECT customers, decisions FROM fraud_live');
my $records = sql('SELECT written FROM fraud_journal_status');
my $session = $node->background_psql('postgres');
is($session->query_safe('BEGIN; ' . sprintf($requeue, 'max_rows => 2')), 'q1 BLOCK APPROVE t,q2 REVIEW BLOCK t', 'the oldest ones, as of their own time');
is(sql(sprintf($requeue, 'max_rows => 1')), 'q3 APPROVE APPROVE f', 'another operator gets the next one, and waits for nothing');
$session->query_safe('ROLLBACK');
is(sql($open), 'q1 4 BLOCK,q2 5 REVIEW,q6 5 REVIEW,q7 4 APPROVE,q8 4 BLOCK,q9 4 BLOCK', 'a ROLLBACK brings back what was settled');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');
my ($ret, $out, $err) = $node->psql('postgres', sprintf($requeue, ''));
is($out, 'q1 BLOCK APPROVE t,q2 REVIEW BLOCK t,q6 REVIEW APPROVE t,q7 APPROVE APPROVE f', 'all of them');
like($err, qr/WARNING:  records that could not be decided again, and stay in the queue: 2\nDETAIL:  The last one: the record has no transaction/, 'damaged ones are told of');
$session->quit;
is(sql($open), 'q8 4 BLOCK,q9 4 BLOCK', 'and stay');
is(sql("$queue WHERE changed"), 'q1 4 BLOCK APPROVE,q2 5 REVIEW BLOCK,q6 5 REVIEW APPROVE', 'where the answer changed');
is(sql(sprintf($requeue, '')), '', 'each once');
is(sql('SELECT customers, decisions FROM fraud_live') . sql('SELECT written FROM fraud_journal_status'), $live . $records, 'no attempt, no decision, no record came of it');
is(sql(sprintf($requeue, q{tiers => '{2,3}'})), 'q4 BLOCK APPROVE t,q7 REVIEW BLOCK t,q10 APPROVE BLOCK t', 'others on request');
is(sql(q{SELECT count(*) FROM fraud_settlements WHERE kind = 'requeue' AND decision ->> 'mode' = 'FALLBACK' AND settled_by = session_user
	AND (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(decision) AS k) = (SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_attribute WHERE attrelid = 'fraud_decision'::regclass AND attnum > 0)}),
	'8', 'settlements are decisions');
like(sql(q{SELECT reason FROM fraud_why('q2') WHERE rule = 'settlement' AND status = 'BLOCK' AND category = 'requeue'}), qr/^by \w+ at 20/, 'fraud_why tells of it');

# two at the same moment, many records: each is settled once
sql(qq{SELECT fraud_journal_append(jsonb_build_object('txn_id', 'm' || n, 'queued', true, 'txn', '$calm'::jsonb || jsonb_build_object('txn_id', 'm' || n),
	'decision', '{"tier": 4, "recommendation": "BLOCK"}'::jsonb)) FROM generate_series(1, 1500) AS n});
advance('0');
my @counts = ('') x 2;
my @running = map { IPC::Run::start(['psql', '-XAtq', '-p', $node->port, '-h', $node->host, '-c', q{SELECT count(*) FROM fraud_requeue() WHERE txn_id LIKE 'm%'}, 'postgres'],
		'>', \$counts[$_], '2>', \my $said) } 0 .. 1;
$_->finish for @running;
my $sum = $counts[0] + $counts[1];
$sum += sql(q{SELECT count(*) FROM fraud_requeue() WHERE txn_id LIKE 'm%'});
is($sum, '1500', 'two operators at the same moment: each record once');
is(sql(q{SELECT count(*) FROM fraud_settlements WHERE txn_id LIKE 'm%'}), '1500', 'and settled');

# ---- a verdict from outside

is(failure(qq{SELECT FROM fraud_reconcile('$q8', '{"risk_score": "high"}')}) =~ /^22023 this is no verdict: ./ ? 1 : failure(qq{SELECT FROM fraud_reconcile('$q8', '{"risk_score": "high"}')}), 1, 'what is no verdict is refused');
is(sql($open), 'q8 4 BLOCK,q9 4 BLOCK', 'and nothing changes');
like(failure(q{SELECT FROM fraud_reconcile('r0', '{"risk_score": 5}')}), qr/^42704 there is no record "r0"/, 'an unknown record');
$session = $node->background_psql('postgres');
is($session->query_safe(qq{BEGIN; SELECT txn_id, was, now, changed FROM fraud_reconcile('$q8', '{"risk_score": 5, "risk_factors": ["quiet"]}')}), 'q8|BLOCK|APPROVE|t', 'a verdict');
like(failure(qq{SELECT FROM fraud_reconcile('$q8', '{"risk_score": 95}')}), qr/^55P03 record "$q8" is being settled by another session/, 'another one meanwhile does not wait');
$session->query_safe('COMMIT');
$session->quit;
like(failure(qq{SELECT FROM fraud_reconcile('$q8', '{"risk_score": 95}')}), qr/^55000 record "$q8" is settled already/, 'the first one stays');
is(sql(q{SELECT kind, now, ml, decision ->> 'source', decision ->> 'risk_score', decision -> 'risk_factors' FROM fraud_settlements WHERE txn_id = 'q8'}),
	'reconcile|APPROVE|{"risk_score": 5, "risk_factors": ["quiet"]}|ML|5|["quiet"]', 'what was written of it');
is(sql(qq{SELECT now, changed FROM fraud_reconcile('$ml', '{"risk_score": 91}')}), 'BLOCK|f', 'any record can be settled');
is(sql(sprintf($requeue, '')), '', 'a settled one is not decided again');

# ---- from a decision to its settlement

sub decide { return sql(sprintf(q{SELECT recommendation FROM fraud_decide('%s'::jsonb || '{"txn_id": "%s"}')}, @_)); }
decide($wild, 'e1');
is(sql(q{SELECT array_agg(rule ORDER BY rule) = (SELECT array_agg(f ORDER BY f) FROM fraud_journal_lookup('e1'), jsonb_array_elements_text(payload -> 'decision' -> 'risk_factors') AS f)
	FROM fraud_why('e1') WHERE status = 'hit'}), 't', 'a decision of the rules: those that fired are its factors') or diag(sql(q{SELECT payload FROM fraud_journal_lookup('e1')}));
sql(q{SELECT tier_override(4, '1 hour', 'test')});
is(decide($wild, 'e2') . decide($calm, 'e3'), 'BLOCKAPPROVE', 'an emergency');
advance('0');
sql('SELECT tier_override_clear()');
is(sql(q{SELECT string_agg(concat_ws(' ', txn_id, tier, decision ->> 'mode'), ',' ORDER BY decided_at) FROM fraud_queue WHERE settled_at IS NULL AND txn_id ~ '^e'}),
	'e2 4 EMERGENCY_MODE,e3 4 EMERGENCY_MODE', 'waits');
is(sql(sprintf($requeue, '')), 'e2 BLOCK BLOCK f,e3 APPROVE APPROVE f', 'and is decided again');
# from a table with names of its own
sql(q{CREATE TABLE wallet (id text PRIMARY KEY, owner text, sum numeric, created timestamptz, land text, home text)});
sql(q{SELECT fraud_attach('wallet', '{"txn_id": "id", "customer_id": "owner", "amount": "sum", "occurred_at": "created", "country": "land", "home_country": "home"}')});
sql(q{INSERT INTO wallet SELECT 'old' || n, 'w', 20, '2026-05-01 12:00:00Z'::timestamptz - n * interval '1 day', 'DE', 'DE' FROM generate_series(1, 20) n});
sql(q{INSERT INTO wallet VALUES ('w-1', 'w', 90, '2026-05-01 12:30:00Z', 'KP', 'DE'), ('w-2', 'w', 900, '2026-05-01 12:40:00Z', 'KP', 'DE')});
sql(q{SELECT tier_override(4, '1 hour', 'test')});
is(sql(q{SELECT string_agg(d.recommendation, ',' ORDER BY w.id) FROM wallet w, fraud_decide(w) d WHERE w.id LIKE 'w-%'}), 'APPROVE,BLOCK', 'an emergency of another table');
sql('SELECT tier_override_clear()');
advance('0');
is(sql(sprintf($requeue, '')), 'w-1 APPROVE BLOCK t,w-2 BLOCK BLOCK f', 'which is decided again with its history, whatever its columns are called');

is(sql(q{SELECT count(*) FROM (SELECT decision ->> 'policy_hash' FROM fraud_journal WHERE txn_id ~ '^(e|w-)' UNION SELECT decision ->> 'policy_hash' FROM fraud_settlements
	EXCEPT SELECT hash FROM fraud_policy_history) AS h}), '0', 'all their policies are known');

for my $table ('fraud_settlements', 'fraud_policy_history')
{
	like(failure("$_ "), qr/^42501 rows of $table cannot be updated or deleted/, "no $_")
		for "UPDATE $table SET " . ($table eq 'fraud_settlements' ? "now = 'APPROVE'" : "policy = ''"), "DELETE FROM $table", "TRUNCATE $table";
}

# ---- policies that were in force

my $history = q{SELECT string_agg(hash, ',' ORDER BY activated_at) FROM fraud_policy_history};
my $default = sql('SELECT fraud_rules_hash(fraud_rules_default())');
is(sql('SELECT hash, author FROM fraud_policy_history'), "$default|shipped", 'the shipped policy is kept');
my $rules_file = $node->data_dir . '/rules.yaml';
write_file($rules_file, "description: one\n");
sql(q{ALTER SYSTEM SET fraud_fallback.rules_file = 'rules.yaml'});
$node->reload;
$node->poll_query_until('postgres', q{SELECT policy LIKE '%description: one%' FROM fraud_policy_history ORDER BY activated_at DESC LIMIT 1}) or die;
my $one = sql('SELECT fraud_rules_hash(fraud_rules_active())');
my $owner = getpwuid((stat($rules_file))[4]);
is(sql(qq{SELECT author FROM fraud_policy_history WHERE hash = '$one'}), "file of $owner", 'a file, read by the server');
write_file($rules_file, "description: two\n");
my $two = $node->safe_psql('postgres', q{CREATE ROLE fraud_team LOGIN; GRANT EXECUTE ON FUNCTION fraud_reload() TO fraud_team; SET SESSION AUTHORIZATION fraud_team; SELECT fraud_reload()});
advance('0');
is(sql(qq{SELECT author FROM fraud_policy_history WHERE hash = '$two'}), "file of $owner, loaded by fraud_team", 'and by fraud_reload()');
write_file($rules_file, "description: one\n");
sql('SELECT fraud_reload()');
advance('0');
advance('1 minute');
is(sql($history), "$default,$one,$two,$one", 'a policy that comes back is a row again; one that stays is not');
advance('-1 hour');
write_file($rules_file, "description: three\n");
my $three = sql('SELECT fraud_reload()');
advance('0');
advance('2 seconds');
is(sql($history), "$default,$one,$two,$one,$three", 'in order, when the clock is set back too');
advance('59 minutes');
write_file($rules_file, "description: [\n");
like(failure('SELECT fraud_reload()'), qr/^22023/, 'a bad file');
advance('0');
is(sql($history), "$default,$one,$two,$one,$three", 'was never in force');
is(sql('SELECT bool_and(fraud_rules_hash(policy::fraud_rules) = hash) FROM fraud_policy_history'), 't', 'each is what its hash says');
is(sql(qq{SELECT count(*) FROM fraud_policy_history WHERE hash = (SELECT (fraud_score('{"amount": 1}'::jsonb)).policy_hash)}), '1', 'that of a decision leads there');
$node->restart;
advance('0');
is(sql($history), "$default,$one,$two,$one,$three,$default", 'after a start with a bad file the shipped policy is in force');
sql('ALTER SYSTEM RESET fraud_fallback.rules_file');
$node->reload;
advance('0');

# ---- forgetting a customer

my $remembered = q{SELECT concat_ws(' ', (SELECT count(*) FROM fraud_profiles WHERE entity = 'customer' AND key = '%1$s'), (SELECT count(*) FROM fraud_profile_deltas WHERE entity = 'customer' AND key = '%1$s'),
	(SELECT kept IS NOT NULL FROM fraud_test_last_profile('%1$s')), (SELECT live FROM fraud_test_attempt('{"txn_id": "a0", "customer_id": "%1$s", "amount": 1, "occurred_at": "2026-05-01T12:00:00Z"}')))};
sub remember
{
	my ($customer) = @_;
	sql(qq{INSERT INTO payments VALUES ('$customer/1', '$customer', 20, '2026-05-01 12:00:00Z', 'approved');
		SELECT fraud_fold();
		SELECT FROM fraud_test_attempt('{"txn_id": "a1", "customer_id": "$customer", "amount": 1, "occurred_at": "2026-05-01T12:00:00Z"}');
		SELECT FROM fraud_test_last_profile('$customer', fraud_profile_of('customer', '$customer'))});
}
remember('f1');
remember('f2');
drain_off();
sql(q{SELECT fraud_learn('{"txn_id": "l1", "customer_id": "f1", "amount": 20, "occurred_at": "2026-05-01T13:00:00Z"}'::jsonb)});
is(sql(sprintf($remembered, 'f1')), '1 1 t 2', 'a customer is known');
is(failure(q{SELECT fraud_forget(' ')}), '22023 a blank customer is none', 'a blank one is none');
is(sql(q{SELECT fraud_forget(NULL) IS NULL}), 't', 'nor is NULL');
is(sql(q{BEGIN; SELECT fraud_forget('f1'); ROLLBACK}), '2', 'his rows');
is(sql(sprintf($remembered, 'f1')), '1 1 t 2', 'a ROLLBACK keeps all');
sql(q{BEGIN; SAVEPOINT a; SELECT fraud_forget('f1'); ROLLBACK TO a; COMMIT});
is(sql(sprintf($remembered, 'f1')), '1 1 t 2', 'so does that of a part');
like(failure(q{BEGIN; SELECT fraud_forget('f1'); PREPARE TRANSACTION 'x'}), qr/^0A000/, 'two phases are refused') if sql('SHOW max_prepared_transactions') > 0;
is(sql(q{BEGIN; SAVEPOINT a; SELECT fraud_forget(' f1 '); RELEASE a; COMMIT}), '2', 'he is forgotten');
is(sql(sprintf($remembered, 'f1')), '0 0 f 1', 'rows, deltas, his history in memory, his attempts');
is(sql(sprintf($remembered, 'f2')), '1 0 t 2', 'others are not');
is(sql(q{SELECT fraud_profile_of('customer', 'f1') IS NULL}), 't', 'nothing is found of him');
is(sql(q{SELECT fraud_forget('f1')}), '0', 'a second time there is nothing');
drain_on();

# a payment that has not committed yet, folded before and after
$session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; INSERT INTO payments VALUES ('f2/2', 'f2', 30, '2026-05-02 12:00:00Z', 'approved')});
my $forgetting = $node->background_psql('postgres');
is($forgetting->query_safe(q{BEGIN; SELECT fraud_forget('f2')}), '1', 'forgetting waits for no payment');
$session->query_safe('COMMIT');
sql('SELECT fraud_fold()');
is(sql(q{SELECT count(*) FROM fraud_profile_deltas WHERE key = 'f2'}), '1', 'no fold meanwhile');
$forgetting->query_safe('COMMIT');
sql('SELECT fraud_fold()');
is(sql(q{SELECT fraud_profile_of('customer', 'f2') = (SELECT fraud_profile(p) FROM payments AS p WHERE txn_id = 'f2/2')}), 't', 'the payment that came later is known, and nothing else');
$session->quit;
$forgetting->quit;
sql(q{SELECT fraud_rebuild('payments', 'f2')});
is(sql(q{SELECT fraud_profile_of('customer', 'f2') = (SELECT fraud_profile(p) FROM payments AS p WHERE customer_id = 'f2')}), 't', 'his rows in the table teach all of it again');
is(sql(q{DELETE FROM payments WHERE customer_id = 'f2'; SELECT fraud_forget('f2') > 0}), 't', 'so they must go as well');
sql(q{SELECT fraud_rebuild('payments', 'f2')});
is(sql(q{SELECT fraud_profile_of('customer', 'f2') IS NULL}), 't', 'then he is gone');

# ---- a standby

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('beta');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT status FROM fraud_why('w1') WHERE rule = 'decision'}), 'BLOCK', 'a standby tells why');
$standby->safe_psql('postgres', q{SELECT fraud_journal_append('{"txn_id": "s1", "decision": {"recommendation": "REVIEW", "risk_score": 31, "tier": 3, "reason": "on a standby"}}')});
is($standby->safe_psql('postgres', sprintf($shown, 's1')), '0|decision|-|REVIEW|31|on a standby', 'of its own decisions too');
is($standby->safe_psql('postgres', $open), 'q9 4 BLOCK', 'and what waits');
like(failure('SELECT FROM fraud_requeue()', $standby), qr/^25006/, 'it settles nothing');
like(failure(qq{SELECT FROM fraud_reconcile('$q9', '{"risk_score": 5}')}, $standby), qr/^25006/, 'by no verdict either');
like(failure(q{SELECT fraud_forget('f1')}, $standby), qr/^25006/, 'and forgets nobody');
$standby->stop;

# ---- dump and restore

my $dump = "$PostgreSQL::Test::Utils::tmp_check/records.sql";
$node->command_ok(['pg_dump', '-p', $node->port, '-h', $node->host, '-f', $dump, 'postgres'], 'a dump');
my $other = PostgreSQL::Test::Cluster->new('gamma');
$other->init;
$other->append_conf('postgresql.conf', "shared_preload_libraries = 'fraud_fallback'\nfraud_fallback.database = ''\ntimezone = 'UTC'\n");
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE still; CREATE ROLE analyst; CREATE ROLE fraud_team');
$other->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-p', $other->port, '-h', $other->host, '-f', $dump, 'postgres'], 'is restored');
for my $what ($queue, $settled, $history, sprintf($shown, 'w1'), sprintf($shown, 'q2'))
{
	is($other->safe_psql('postgres', $what), sql($what), 'and has ' . ($what =~ /FROM (\w+)/)[0]);
}
like(failure('DELETE FROM fraud_settlements', $other), qr/^42501/, 'kept as before');
$other->stop;

# ---- retention

my $kept = sql('SELECT count(*) FROM fraud_settlements');
cmp_ok($kept, '>', 1500, 'settlements are there');
advance('2 days');
record('z1', 4, 'BLOCK', txn => $calm, at => q{(SELECT last_cycle_at FROM fraud_worker LIMIT 1)});
advance('0');
sql(sprintf($requeue, ''));
advance('1 minute') for 1 .. 3;
is(sql('SELECT count(*) FROM fraud_settlements'), $kept + 1, 'as long as their day is');
advance('2 days');
advance('1 minute') for 1 .. 3;
is(sql($settled), 'z1 requeue BLOCK APPROVE t', 'when retention removes a day, its settlements go');
is(sql('SELECT count(*) FROM fraud_queue'), '1', 'with what they were of');
is(sql('SELECT count(*) FROM fraud_policy_history') > 5, 1, 'policies stay');

$node->stop;
done_testing();
