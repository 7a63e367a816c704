# A stand-in for an ML service: a process of its own that answers over HTTP, and
# does wrong what it is told to. And post_json(), a caller of such a service.
#
#   my $ml = Ml->new;
#   $ml->mode('fail', after => 3);      # three more good answers, then 503
#   my ($status, $body, $latency, $error, $headers) = post_json($ml->port, '/score', '{"amount": 10}', 1);
#
# GET /health answers 200, or 503 with `health => 503`. POST /score answers as
# the mode says:
#
#   ok          200 and `answer`, a JSON text; without it $Ml::good
#   fail        `status`, which is 503 unless given
#   slow        as ok, but after `ms` milliseconds, 200 unless given
#   hang        nothing, and the connection stays
#   garbage     200 and no JSON
#   close       nothing, and the connection ends
#   limit       429 with Retry-After: `retry_after` seconds, 7 unless given
#
# start(), kill9(), restart(), stop() (SIGSTOP), cont(), port() are those of
# Services. A service that was started again is ok and has counted nothing.
package Ml;
use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Services;
use Time::HiRes 'time';

our @ISA = ('Services');
our @EXPORT = ('post_json');

our $good = '{"risk_score": 12, "is_fraud": false, "risk_factors": ["usual amount"], "recommendation": "APPROVE"}';

my %reason = (200 => 'OK', 400 => 'Bad Request', 404 => 'Not Found', 429 => 'Too Many Requests', 500 => 'Internal Server Error', 503 => 'Service Unavailable');
my %mode = map { $_ => 1 } qw(ok fail slow hang garbage close limit);

# ---- the caller's side

sub new
{
	my ($class, $name) = @_;
	return $class->create($name // 'ml', hello => "GET /health HTTP/1.0\r\n\r\n");
}

# From the next request on, and `after` so many more good ones.
sub mode
{
	my ($self, $mode, %options) = @_;
	die "there is no mode $mode" unless $mode{$mode};
	my ($status) = post_json($self->{port}, '/control', encode_json({ mode => $mode, %options }), 10);
	die 'the service does not listen' unless defined $status && $status == 200;
}

# how often POST /score came since it was started
sub requests
{
	my ($self) = @_;
	my ($status, $body) = post_json($self->{port}, '/control', '', 10);
	return decode_json($body)->{requests};
}

# One request. The time it took in seconds. Where there is no answer, status and
# body are undefined and the error is "timeout" or "connection".
sub post_json
{
	my ($port, $path, $json, $timeout) = @_;
	my $http = HTTP::Tiny->new(timeout => $timeout, keep_alive => 0, max_redirect => 0, proxy => undef, http_proxy => undef, https_proxy => undef);
	my $start = time;
	my $answer = $http->post("http://127.0.0.1:$port$path", { headers => { 'Content-Type' => 'application/json' }, content => $json });
	my $latency = time - $start;
	# what HTTP::Tiny says when it has no answer
	return (undef, undef, $latency, $answer->{content} =~ /timed out/i ? 'timeout' : 'connection', {}) if $answer->{status} == 599;
	return ($answer->{status}, $answer->{content}, $latency, undef, $answer->{headers});
}

# ---- the service's side

sub launch
{
	my ($self) = @_;
	my $parent = $$;
	my $pid = fork() // die "could not fork: $!";
	return $pid if $pid;
	$SIG{$_} = 'DEFAULT' for qw(TERM INT __DIE__);
	$SIG{PIPE} = 'IGNORE';
	open(STDOUT, '>>', $self->log_file);
	open(STDERR, '>&', \*STDOUT);
	POSIX::close($_) for 3 .. 255;		# what belongs to the test
	eval { serve($self->{port}, $parent); 1 } or print STDERR $@;
	POSIX::_exit(1);
}

# Any number of callers at a time, one request a connection. It ends when the
# test has.
sub serve
{
	my ($port, $parent) = @_;
	my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1, Proto => 'tcp')
		or die "could not listen: $!\n";
	my $state = { mode => 'ok', requests => 0 };
	my %client;			# by file number: socket, what it has said, and when it is answered what

	while (getppid() == $parent)
	{
		my $ready = '';
		my $wait = 0.5;
		vec($ready, fileno($listener), 1) = 1;
		for my $number (keys %client)
		{
			vec($ready, $number, 1) = 1;
			my $left = ($client{$number}{at} // next) - time;
			$wait = $left > 0 ? $left : 0 if $left < $wait;
		}
		next if select($ready, undef, undef, $wait) < 0;
		for my $number (keys %client)
		{
			my $client = $client{$number};
			if (vec($ready, $number, 1))
			{
				if (!sysread($client->{socket}, $client->{said}, 65536, length $client->{said}))
				{
					delete $client{$number};
					next;
				}
				@$client{qw(at answer)} = answer($state, $1, $2, $3)
					if !$client->{asked} && whole($client->{said}) =~ m{^(\S+) (\S+)\0(.*)}s && ($client->{asked} = 1);
			}
			if (defined $client->{at} && $client->{at} <= time)
			{
				syswrite($client->{socket}, $client->{answer});
				delete $client{$number};
			}
		}
		if (vec($ready, fileno($listener), 1) && (my $socket = $listener->accept))
		{
			$client{ fileno($socket) } = { socket => $socket, said => '' };
		}
	}
}

# "method path", NUL and the body of a request, once it is all there
sub whole
{
	my ($said) = @_;
	my ($head, $body) = $said =~ /^(.*?)\r\n\r\n(.*)/s or return '';
	my ($length) = $head =~ /^content-length: *(\d+)/mi;
	return '' if length $body < ($length // 0);
	return ($head =~ /^(\S+ \S+)/)[0] . "\0$body";
}

sub response
{
	my ($status, $body, @headers) = @_;
	return join("\r\n", "HTTP/1.1 $status " . ($reason{$status} // 'Status'), 'Content-Type: application/json',
		'Content-Length: ' . length $body, 'Connection: close', @headers, '', $body);
}

# When to send what; an undefined time is never.
sub answer
{
	my ($state, $method, $path, $body) = @_;
	my $now = time;
	return ($now, response($state->{health} // 200, '{"status": "known"}')) if "$method $path" eq 'GET /health';
	if ("$method $path" eq 'POST /control')
	{
		%$state = (requests => $state->{requests}, %{ decode_json($body) }) if $body ne '';
		return ($now, response(200, encode_json($state)));
	}
	return ($now, response(404, '{"error": "no such page"}')) if "$method $path" ne 'POST /score';
	$state->{requests}++;
	return ($now, response(400, '{"error": "no JSON"}')) unless eval { decode_json($body) };

	my $mode = $state->{mode};
	$mode = 'ok' if ($state->{after} // 0) > 0 && $state->{after}--;
	my $fine = response(200, $state->{answer} // $good);
	return ($now, $fine) if $mode eq 'ok';
	return ($now + ($state->{ms} // 200) / 1000, $fine) if $mode eq 'slow';
	return ($now, response($state->{status} // 503, '{"error": "out of order"}')) if $mode eq 'fail';
	return ($now, response(429, '{"error": "too many"}', 'Retry-After: ' . ($state->{retry_after} // 7))) if $mode eq 'limit';
	return ($now, response(200, '<html>{"risk_score": </html>')) if $mode eq 'garbage';
	return ($now, '') if $mode eq 'close';
	return (undef, undef);
}

1;
