# For tests of dependencies: services of Debian's packages as real processes on
# ports of loopback, which can be killed, stopped and started again. They end
# with the test script, however that ends.
#
#   my $cache = Services->redis;                        # answers PING
#   my $web = Services->http(health => 'fine');         # lighttpd: GET /health
#   $cache->kill9; $cache->start(password => 'x'); $cache->stop; $cache->cont;
package Services;
use strict;
use warnings;

use File::Path 'make_path';
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

my @started;

# What is the same for all: a name, a directory below the test's, a port.
sub create
{
	my ($class, $name, %more) = @_;
	my $dir = "$PostgreSQL::Test::Utils::tmp_check/service_$name";
	make_path($dir);
	my $self = bless { name => $name, dir => $dir, owner => $$, %more }, $class;
	push @started, $self;
	return $self->start;
}

sub redis
{
	my ($class, %options) = @_;
	return $class->create($options{name} // 'redis', command => \&redis_command, hello => "PING\r\n");
}

# Each option is a file, by its path: (health => 'fine', '_cluster/health' => '{...}').
sub http
{
	my ($class, %files) = @_;
	my $name = delete $files{name} // 'http';
	my $self = $class->create($name, command => \&lighttpd_command, hello => "GET / HTTP/1.0\r\n\r\n");
	$self->put($_, $files{$_}) for keys %files;
	return $self;
}

sub port { return $_[0]{port}; }
sub pid { return $_[0]{pid}; }

# what it said
sub log_file { return "$_[0]{dir}/log"; }

# ---- what is run

sub program
{
	my ($path, $package) = @_;
	-x $path or die "there is no $path: install Debian's package $package, or run test/setup.sh run.sh\n";
	return $path;
}

sub redis_command
{
	my ($self, %options) = @_;
	return (program('/usr/bin/redis-server', 'redis-server'),
		'--port', $self->{port}, '--bind', '127.0.0.1', '--dir', $self->{dir},
		'--save', '', '--appendonly', 'no', '--daemonize', 'no',
		defined $options{password} ? ('--requirepass', $options{password}) : ());
}

# A page that is not there is 503: the server runs, what it is for does not.
sub lighttpd_command
{
	my ($self) = @_;
	my $dir = $self->{dir};
	make_path("$dir/pages", "$dir/tmp");
	write_page("$dir/pages/broken.cgi", "printf 'Status: 503 Service Unavailable\\r\\n\\r\\nbroken\\n'\n");
	write_page("$dir/conf", qq(
server.modules = ("mod_cgi")
server.bind = "127.0.0.1"
server.port = $self->{port}
server.document-root = "$dir/pages"
server.upload-dirs = ("$dir/tmp")
server.errorlog = "/dev/stderr"
server.stat-cache-engine = "disable"
server.error-handler-404 = "/broken.cgi"
cgi.assign = (".cgi" => "/bin/sh")
));
	return (program('/usr/sbin/lighttpd', 'lighttpd'), '-D', '-f', "$dir/conf");
}

sub write_page
{
	my ($file, $text) = @_;
	open(my $fh, '>:raw', "$file.new") or die "could not write $file.new: $!";
	print $fh $text;
	close($fh) or die "could not write $file.new: $!";
	rename("$file.new", $file) or die "could not rename to $file: $!";
}

# pages of the HTTP server while it runs
sub put
{
	my ($self, $path, $text) = @_;
	my $file = "$self->{dir}/pages/$path";
	make_path($file =~ s{/[^/]+$}{}r);
	write_page($file, $text);
}

sub remove
{
	my ($self, $path) = @_;
	unlink("$self->{dir}/pages/$path") or die "could not remove page $path: $!";
}

# ---- life and death

# Below the ports from which connections go out, so that none has it when the
# service starts again.
sub free_port
{
	for (1 .. 100)
	{
		my $port = 20000 + int(rand(10000));
		my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp') or next;
		close($socket);
		return $port;
	}
	die 'no free port';
}

# Starts it and waits until it answers. A port that somebody took meanwhile is
# given up the first time; later it has to be the same.
sub start
{
	my ($self, %options) = @_;
	die "$self->{name} runs" if $self->{pid};
	my $fixed = defined $self->{port};
	for (1 .. ($fixed ? 1 : 5))
	{
		$self->{port} = free_port() unless $fixed;
		$self->{pid} = $self->launch(%options);
		return $self if $self->answers;
		$self->kill9;
	}
	die "$self->{name} does not start: " . slurp_file($self->log_file);
}

# The process. It ends when this one is killed, too.
sub launch
{
	my ($self, %options) = @_;
	my @command = $self->{command}->($self, %options);
	my $pid = fork() // die "could not fork: $!";
	return $pid if $pid;
	open(STDIN, '<', '/dev/null')
		and open(STDOUT, '>>', $self->log_file)
		and open(STDERR, '>&', \*STDOUT)
		and exec('setpriv', '--pdeathsig', 'KILL', @command);
	POSIX::_exit(1);
}

# within 10 s, and as long as it runs
sub answers
{
	my ($self) = @_;
	my $end = time + 10;
	while (time < $end)
	{
		if (waitpid($self->{pid}, POSIX::WNOHANG) != 0)
		{
			delete $self->{pid};
			last;
		}
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 1);
		if ($socket)
		{
			my $answer;
			syswrite($socket, $self->{hello});
			my $ready = '';
			vec($ready, fileno($socket), 1) = 1;
			return 1 if select($ready, undef, undef, 1) && sysread($socket, $answer, 1000);
		}
		sleep(0.01);
	}
	return 0;
}

sub kill9
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill('CONT', $pid);
	kill('KILL', $pid);
	waitpid($pid, 0);
}

# It takes connections, as far as the system does that alone, and says nothing.
sub stop { kill('STOP', $_[0]{pid}) or die "could not stop $_[0]{name}: $!"; }
sub cont { kill('CONT', $_[0]{pid}) or die "could not continue $_[0]{name}: $!"; }

sub restart
{
	my ($self, %options) = @_;
	$self->kill9;
	return $self->start(%options);
}

END
{
	my $status = $?;
	$_->kill9 for grep { $_->{owner} == $$ } @started;
	$? = $status;
}

1;
