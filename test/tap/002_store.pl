# Stored histories where SQL alone cannot go: after a crash, on a standby and
# after its promotion, in another cluster by way of pg_dump, and at the end of
# logical replication.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $columns =
  'txn_id text, customer_id text, merchant_id text, ip inet, amount numeric, occurred_at timestamptz, status text, region text';

# functions of the tests; they are dumped and replicated like everything else
my $functions = q{
CREATE FUNCTION rows_of(first integer, last integer) RETURNS SETOF txn LANGUAGE sql AS $$
	SELECT 't' || n, 'c' || n % 7, 'm' || n % 3, '10.0.0.1'::inet + n % 2, n, '2026-01-01Z'::timestamptz + n * interval '1 hour',
		CASE WHEN n % 5 = 0 THEN 'pending' ELSE 'approved' END, (ARRAY['a', 'b'])[1 + n % 2]
	FROM generate_series(first, last) n $$;
CREATE FUNCTION wrong() RETURNS text STABLE LANGUAGE sql AS $$
	SELECT coalesce(string_agg(entity || ' ' || key, ', ' ORDER BY entity, key), 'nothing') FROM (
		SELECT v.entity, v.key, fraud_profile(t) AS p
		FROM txn t, LATERAL (VALUES ('customer', customer_id), ('ip', host(ip)), ('merchant', merchant_id)) v (entity, key)
		GROUP BY v.entity, v.key) truth
	FULL JOIN (SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas) s USING (entity, key)
	WHERE fraud_profile_of(entity, key) IS DISTINCT FROM p $$;
};

# what is remembered, and what decisions follow
my $all_profiles =
  q{SELECT count(*), md5(string_agg(concat_ws(' ', entity, key, fraud_profile_of(entity, key)), ',' ORDER BY entity, key))
	FROM (SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas) s};
my $all_scores = q{SELECT count(*), md5(string_agg(fraud_score(t)::text, ',' ORDER BY txn_id)) FROM txn t};

sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf', "jit = off\nautovacuum = off\n");
	$node->start;
	return $node;
}

sub wrong
{
	my ($node, $db) = @_;
	return $node->safe_psql($db // 'postgres', 'SELECT wrong()');
}

# equal now and, folded, still
sub all_equal
{
	my ($node, $name, $db) = @_;
	is(wrong($node, $db), 'nothing', "$name: all are equal");
	$node->safe_psql($db // 'postgres', 'SELECT fraud_fold()');
	is(wrong($node, $db), 'nothing', "$name: and folded");
}

my $primary = new_node('primary', allows_streaming => 'logical');
$primary->safe_psql(
	'postgres', qq{
CREATE EXTENSION fraud_fallback;
CREATE TABLE txn ($columns, PRIMARY KEY (txn_id, region)) PARTITION BY LIST (region);
CREATE TABLE txn_a PARTITION OF txn FOR VALUES IN ('a');
CREATE TABLE txn_b PARTITION OF txn FOR VALUES IN ('b');
$functions
INSERT INTO txn SELECT * FROM rows_of(1, 200);
});
$primary->safe_psql('postgres', q{SELECT fraud_attach('txn')});
is(wrong($primary), 'nothing', 'a partitioned table is attached');

# ---- immediate stop in the middle of inserts, and of a fold

$primary->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(201, 300)');
$primary->safe_psql('postgres', 'SELECT fraud_fold(20)');
my $inserter = $primary->background_psql('postgres', on_error_stop => 0);
my $folder = $primary->background_psql('postgres', on_error_stop => 0);
$inserter->query_safe('BEGIN; INSERT INTO txn SELECT * FROM rows_of(301, 400)');
$folder->query_safe('BEGIN; SELECT fraud_fold()');
$inserter->query_safe('INSERT INTO txn SELECT * FROM rows_of(401, 500)');
my $scripts = PostgreSQL::Test::Utils::tempdir;
append_to_file("$scripts/insert.sql",
	"\\set n random(1, 20)\nINSERT INTO txn SELECT gen_random_uuid(), 'c' || :n, 'm' || :n, '10.0.0.1'::inet + :n, :n, now(), 'approved', 'a';\n");
append_to_file("$scripts/fold.sql", "SELECT fraud_fold();\n");
my $bench = IPC::Run::start(
	[
		'pgbench', '-n', '-h', $primary->host, '-p', $primary->port,
		'-c', '4', '-T', '60',
		'-f', "$scripts/insert.sql\@9", '-f', "$scripts/fold.sql\@1", 'postgres'
	],
	'<', \undef, '>', \my $bench_out, '2>', \my $bench_err);
ok( $primary->poll_query_until(
		'postgres', 'SELECT count(*) > 800 FROM txn'),
	'inserts are under way');
$primary->stop('immediate');
$bench->finish;
eval { $_->quit } for ($inserter, $folder);
$primary->start;
cmp_ok($primary->safe_psql('postgres', 'SELECT count(*) FROM txn'),
	'>', 800, 'after a crash what was committed is there');
all_equal($primary, 'after a crash');
$primary->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(301, 350)');
all_equal($primary, 'inserts go on');

# ---- a standby

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\n");
$standby->start;
$primary->safe_psql(
	'postgres', q{
INSERT INTO txn SELECT * FROM rows_of(351, 380);
UPDATE txn SET status = 'declined' WHERE txn_id = 't380';
SELECT fraud_label('t379', true, '2026-03-01Z');
});
my $same = sub {
	my ($name) = @_;
	$primary->wait_for_catchup($standby, 'replay');
	is( $standby->safe_psql('postgres', $all_profiles),
		$primary->safe_psql('postgres', $all_profiles),
		"$name: the standby has the histories of the primary");
	is( $standby->safe_psql('postgres', $all_scores),
		$primary->safe_psql('postgres', $all_scores),
		"$name: and decides alike");
};
$same->('with deltas that wait');
$primary->safe_psql('postgres', 'SELECT fraud_fold()');
$same->('folded');
$primary->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(381, 390)');
$primary->safe_psql('postgres', q{SELECT fraud_rebuild('txn')});
$same->('rebuilt');

# a snapshot of the standby from before a fold
my $reader = $standby->background_psql('postgres');
$primary->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(391, 400)');
$primary->wait_for_catchup($standby, 'replay');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $reader->query_safe($all_profiles);
$primary->safe_psql('postgres', 'SELECT fraud_fold()');
$primary->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(401, 410)');
$primary->wait_for_catchup($standby, 'replay');
is($reader->query_safe($all_profiles), $before, 'a snapshot of the standby keeps its histories while folds are replayed');
$reader->query_safe('COMMIT');
$reader->quit;

my %refused = (
	'an insert' => q{INSERT INTO txn SELECT * FROM rows_of(900, 900)},
	'fraud_attach()' => q{SELECT fraud_attach('txn')},
	'fraud_detach()' => q{SELECT fraud_detach('txn')},
	'fraud_rebuild()' => q{SELECT fraud_rebuild('txn')},
	'fraud_fold()' => q{SELECT fraud_fold()},
	'fraud_label()' => q{SELECT fraud_label('t1', true)},
	'fraud_learn()' => q{SELECT fraud_learn(t) FROM txn t LIMIT 1});
for my $what (sort keys %refused)
{
	my ($ret, $out, $err) = $standby->psql('postgres', $refused{$what});
	my $named = $what =~ /\(\)/ ? quotemeta($what) : 'INSERT';
	like($err, qr/ERROR:  cannot execute $named (in a read-only transaction|during recovery)/,
		"$what is refused on a standby");
}
is( $standby->safe_psql('postgres', 'SELECT state, gaps IS NULL FROM fraud_attached'),
	'ready|t', 'fraud_attached can be read there');

$primary->stop;
$standby->promote;
is($standby->safe_psql('postgres', $all_profiles) ne '', 1, 'a promoted standby has histories');
$standby->safe_psql('postgres', q{SELECT fraud_rebuild('txn')});
$standby->safe_psql('postgres', q{SELECT fraud_label('t379', NULL)});
$standby->safe_psql('postgres', q{SELECT fraud_rebuild('txn')});
all_equal($standby, 'after the promotion');
$standby->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(411, 500)');
all_equal($standby, 'inserts and folds go on');

# ---- into another cluster by pg_dump: transactions have other numbers there

# many transactions, so that those of the new cluster have smaller numbers
$standby->safe_psql('postgres',
	'DO $$ BEGIN FOR i IN 1 .. 3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
$standby->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(501, 560)');
$standby->safe_psql('postgres', 'SELECT fraud_fold(30)');
$standby->safe_psql('postgres', 'INSERT INTO txn SELECT * FROM rows_of(561, 600)');
$standby->safe_psql('postgres', q{
CREATE TABLE other (id text, who text, at timestamptz, amount numeric);
INSERT INTO other SELECT n, 'o' || n % 3, '2026-01-01Z'::timestamptz + n * interval '1 hour', n FROM generate_series(1, 50) n;
});
$standby->safe_psql('postgres',
	q{SELECT fraud_attach('other', '{"txn_id": "id", "customer_id": "who", "occurred_at": "at"}')});
$standby->safe_psql('postgres', q{SELECT fraud_label('t599', true, '2026-03-01Z'); SELECT fraud_learn(jsonb_build_object('txn_id', 'l', 'customer_id', 'learned', 'occurred_at', '2026-01-01T00:00:00Z'))});
my $waiting = 'SELECT relation, source, state, columns, gaps, stale_keys, waiting > 0 FROM fraud_attached ORDER BY 1';
my %asked = (
	'histories' => $all_profiles,
	'decisions' => $all_scores,
	'fraud_attached' => $waiting,
	'labels' => 'SELECT * FROM fraud_labels ORDER BY txn_id');
my %was = map { $_ => $standby->safe_psql('postgres', $asked{$_}) } keys %asked;
like($was{fraud_attached}, qr/^txn\|1\|ready\|\|\|0\|t$/m, 'deltas wait when it is dumped');

my $dump = "$scripts/dump.sql";
my $restored = new_node('restored');
$standby->command_ok([ 'pg_dump', '-d', $standby->connstr('postgres'), '-f', $dump ], 'pg_dump');
# once into a new cluster, once into a database next to it
$standby->safe_psql('postgres', 'CREATE DATABASE copy');
for my $to ([ $restored, 'postgres', 'a new cluster' ], [ $standby, 'copy', 'a new database' ])
{
	my ($node, $db, $name) = @$to;
	$node->command_ok(
		[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', $dump ],
		"restored into $name");
	is($node->safe_psql($db, $asked{$_}), $was{$_}, "$name: the same $_") for (sort keys %asked);
	is( $node->safe_psql(
			$db,
			q{SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE tgname LIKE 'fraud_history%' GROUP BY tgrelid ORDER BY tgrelid::regclass::text}
		),
		"other|4\ntxn|4\ntxn_a|4\ntxn_b|4",
		"$name: the triggers are there");
	is( $node->safe_psql($db, 'SELECT count(*) FROM fraud_profiles WHERE settled_by < pg_current_xact_id()') > 0,
		$db eq 'copy' ? 1 : '', "$name: its transactions have " . ($db eq 'copy' ? 'larger' : 'smaller') . ' numbers');
	$node->safe_psql($db, q{SELECT fraud_label('t599', NULL)});
	$node->safe_psql($db, q{SELECT fraud_rebuild('txn', 'c4'), fraud_rebuild('txn', 'm2'), fraud_rebuild('txn', '10.0.0.2')});
	# what the other table and fraud_learn() have is not txn's
	$node->safe_psql($db, q{DELETE FROM other; SELECT fraud_detach('other'); DELETE FROM fraud_profile_deltas WHERE source = 0});
	is(wrong($node, $db), 'nothing', "$name: all are equal");
	$node->safe_psql($db, 'INSERT INTO txn SELECT * FROM rows_of(601, 640)');
	$node->safe_psql($db, 'INSERT INTO txn_a SELECT * FROM rows_of(641, 650) WHERE region = \'a\'');
	is(wrong($node, $db), 'nothing', "$name: with inserts after the restore");
	$node->safe_psql($db, 'SELECT fraud_fold(25)');
	all_equal($node, "$name: half of it folded", $db);
	$node->safe_psql($db, 'INSERT INTO txn SELECT * FROM rows_of(651, 660)');
	all_equal($node, "$name: inserts and folds go on", $db);
}

# ---- logical replication: apply fires no statement triggers

$restored->safe_psql('postgres', 'CREATE DATABASE subscriber');
$restored->safe_psql(
	'subscriber', qq{
CREATE EXTENSION fraud_fallback;
CREATE TABLE txn ($columns, PRIMARY KEY (txn_id, region));
$functions
});
$restored->safe_psql('subscriber', q{SELECT fraud_attach('txn')});
$standby->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE txn WITH (publish_via_partition_root = true)');
my $connection = $standby->connstr('postgres') =~ s/'/''/gr;
$restored->safe_psql('subscriber', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p");
$restored->wait_for_subscription_sync($standby, 's', 'subscriber');
$standby->safe_psql('postgres', q{INSERT INTO txn SELECT * FROM rows_of(2001, 2050)});
$standby->wait_for_catchup('s');
is($restored->safe_psql('subscriber', 'SELECT count(*) FROM txn'),
	$standby->safe_psql('postgres', 'SELECT count(*) FROM txn'),
	'logical replication brings the rows');
isnt(wrong($restored, 'subscriber'), 'nothing', 'but not their histories');
$restored->safe_psql('subscriber', q{SELECT fraud_rebuild('txn')});
all_equal($restored, 'after fraud_rebuild() on the subscriber', 'subscriber');
$restored->safe_psql('subscriber', 'DROP SUBSCRIPTION s');
$restored->safe_psql('subscriber', 'INSERT INTO txn SELECT * FROM rows_of(3001, 3010)');
all_equal($restored, 'inserts on the subscriber', 'subscriber');

$restored->stop;
$standby->stop;
done_testing();
