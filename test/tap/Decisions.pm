# For tests of decisions: a server with a table of payments whose histories are
# kept, and payments to decide about.
package Decisions;
use strict;
use warnings;

use Exporter 'import';
use FindBin;
use lib $FindBin::Bin;
use Circuits;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(new_shop rules pay usual decide advance noon columns journal circuit fresh);

my $noon = int(time / 86400) * 86400 + 12 * 3600;
my $number = 0;

my $columns = q{txn_id text, customer_id text, card_id text, amount numeric, currency text, occurred_at timestamptz,
	country text, home_country text, lat float8, lon float8, channel text, merchant_id text, mcc text, ip inet, status text};

# Payments of days before noon of today. ann1 to ann500 pay at the grocer's every
# fourth day; tom and tim were in New York this morning; dora has not come for long;
# will never pays on a weekend; dick was declined; cards of three others are on
# one address; shady has frauds.
my $payments = qq{
CREATE TABLE payments ($columns);
INSERT INTO payments (txn_id, customer_id, card_id, amount, currency, occurred_at, country, home_country, channel, merchant_id, mcc, ip, status)
	SELECT concat_ws('-', 'ann', c, d), 'ann' || c, 'card' || c, 40, 'USD', to_timestamp($noon) - d * interval '1 day', 'US', 'US', 'online', 'grocer', '5411', '198.51.100.1', 'approved'
	FROM generate_series(1, 500) c, generate_series(4, 80, 4) d;
INSERT INTO payments (txn_id, customer_id, card_id, amount, currency, occurred_at, country, home_country, lat, lon, channel, merchant_id, status)
	VALUES ('tom-1', 'tom', 'tom''s', 40, 'USD', to_timestamp($noon - 3600), 'US', 'US', 40.7, -74.0, 'present', 'grocer', 'approved'),
		('tim-1', 'tim', 'tim''s', 40, 'USD', to_timestamp($noon - 36000), 'US', 'US', 40.7, -74.0, 'present', 'grocer', 'approved');
INSERT INTO payments (txn_id, customer_id, card_id, amount, currency, occurred_at, merchant_id, ip, status)
	SELECT 'dora-' || d, 'dora', 'dora''s', 40, 'USD', to_timestamp($noon) - d * interval '1 day', 'grocer', NULL::inet, 'approved' FROM generate_series(200, 202) d
	UNION ALL SELECT 'will-' || d, 'will', 'will''s', 40, 'USD', to_timestamp($noon) - d * interval '1 day', 'grocer', NULL, 'approved' FROM generate_series(10, 85) d
		WHERE extract(isodow FROM (to_timestamp($noon) - d * interval '1 day') AT TIME ZONE 'UTC') < 6
	UNION ALL SELECT 'dick-' || n, 'dick', 'dick''s', 40, 'USD', to_timestamp($noon - 600 * n), 'grocer', NULL, 'declined' FROM generate_series(1, 3) n
	UNION ALL SELECT 'many-' || n, 'many-' || n, 'many''s ' || n, 40, 'USD', to_timestamp($noon - 600 * n), 'grocer', '203.0.113.9'::inet, 'approved' FROM generate_series(1, 3) n
	UNION ALL SELECT 'shady-' || n, 'shady-' || n, 'shady''s ' || n, 40, 'USD', to_timestamp($noon) - n * interval '1 day', 'shady', NULL, 'approved' FROM generate_series(1, 12) n;
SELECT fraud_attach('payments');
SELECT fraud_label('shady-' || n, true, to_timestamp($noon - 3600)) FROM generate_series(1, 4) n;
SELECT fraud_fold();
};

sub noon { return $noon; }
sub columns { return $columns; }

# a server with its payments; service: text of service.yaml
sub new_shop
{
	my ($name, $conf, $service, %options) = @_;
	my $node = new_node($name, "timezone = 'UTC'\nfraud_fallback.rules_file = 'rules.yaml'\n$conf", $service, %options);
	rules($node, '{}');
	sql($node, $payments);
	advance($node, '0');
	return $node;
}

# another policy
sub rules
{
	my ($node, $yaml) = @_;
	write_file($node->data_dir . '/rules.yaml', $yaml);
	sql($node, 'SELECT fraud_reload()');
}

sub advance { my ($node, $by) = @_; sql($node, "SELECT fraud_test_advance('$by')"); }

# an id that was not used before
sub fresh { return 'p' . ++$number; }

sub json
{
	my ($value) = @_;
	return 'null' unless defined $value;
	return $value if $value =~ /^-?\d+(\.\d+)?$/ || $value =~ /^(true|false)$/;
	$value =~ s/([\\"])/\\$1/g;
	return qq("$value");
}

# a payment as a literal of jsonb; at: seconds behind noon
sub pay
{
	my %fields = @_;
	my $at = delete $fields{at};
	$fields{txn_id} //= fresh();
	$fields{occurred_at} = Decisions::iso($noon + ($at // 0)) unless exists $fields{occurred_at};
	my $text = join(', ', map { qq("$_": ) . json($fields{$_}) } sort keys %fields);
	$text =~ s/'/''/g;
	return "'{$text}'::jsonb";
}

sub iso
{
	my @t = gmtime($_[0]);
	return sprintf('%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1, @t[ 3, 2, 1, 0 ]);
}

# one that looks like those of its customer, the next ann where none is named
my $ann = 0;
sub usual
{
	my %fields = @_;
	$ann++ unless exists $fields{customer_id};
	return pay(customer_id => "ann$ann", card_id => "card$ann", amount => 40, currency => 'USD', country => 'US', home_country => 'US',
		channel => 'online', merchant_id => 'grocer', mcc => '5411', ip => '198.51.100.1', %fields);
}

# columns of a decision; args: what follows the transaction in the call
sub decide
{
	my ($node, $what, $txn, $args) = @_;
	return sql($node, "SELECT $what FROM fraud_decide($txn" . (defined $args ? ", $args" : '') . ') d');
}

# of the records of a transaction, in order
sub journal
{
	my ($node, $what, $id) = @_;
	advance($node, '0');
	return sql($node, "SELECT $what FROM fraud_journal WHERE txn_id = '$id' ORDER BY record_id");
}

# what circuit ml has counted: successes, failures, ignored, refused, in flight
sub circuit
{
	my ($node) = @_;
	return sql($node, q{SELECT concat_ws(' ', successes, failures_total, ignored, refused, in_flight) FROM circuit_breakers WHERE name = 'ml'});
}

1;
