/*-------------------------------------------------------------------------
 *
 * probe_tcp.c
 *	  A TCP connection as a probe: connect, send, expect.
 *
 * Nothing here waits. A probe goes on a step whenever the worker comes by, and
 * the worker may have been busy: so a probe first looks whether its answer is
 * there, and only then at the time. What it has waited for us is not held
 * against the other side: the latency is that of the last look at which there
 * was no answer, where that was long ago.
 *
 * Without "expect" it is enough to be connected and to have sent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mb/pg_wchar.h"

#include "service/probes.h"

/* Looks that were closer together than this are one. */
#define LOOK				INT64CONST(20000)

static void
end_with(TcpProbe *probe, ProbeResult *result, ProbeEnd end, const char *error)
{
	int64		now = probe_clock();

	result->end = end;
	result->latency = (now - probe->looked > LOOK ? probe->looked : now) - probe->started;
	strlcpy(result->error, error != NULL ? error : "", sizeof(result->error));
	tcp_end(probe);
}

static void
fail(TcpProbe *probe, ProbeResult *result, const char *what, int errnum)
{
	char		error[SERVICE_TEXT];

	/* in English and ASCII, whatever the server speaks: databases share it */
	snprintf(error, sizeof(error), "%s: %s", what,
			 errnum == ECONNREFUSED ? "connection refused" :
			 errnum == ECONNRESET || errnum == EPIPE ? "connection reset" :
			 errnum == EHOSTUNREACH ? "no route to host" :
			 errnum == ENETUNREACH ? "network unreachable" :
			 errnum == ETIMEDOUT ? "connection timed out" : psprintf("error %d", errnum));
	end_with(probe, result, PROBE_FAILED, error);
}

/* The address, which is numeric or localhost. */
static socklen_t
address_of(const DependencyConfig *config, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *) address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) address;
	const char *host = strcmp(config->host, "localhost") == 0 ? "127.0.0.1" : config->host;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
	{
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16) config->port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
	{
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16) config->port);
		return sizeof(*v6);
	}
	return 0;
}

void
tcp_begin(TcpProbe *probe, const DependencyConfig *config, ProbeResult *result)
{
	struct sockaddr_storage address;
	socklen_t	len = address_of(config, &address);

	memset(result, 0, sizeof(*result));
	result->end = PROBE_GOES_ON;
	probe->config = *config;
	probe->connected = false;
	probe->sent = probe->got = 0;
	probe->started = probe->looked = probe_clock();
	probe->fd = socket(address.ss_family, SOCK_STREAM, 0);
	if (probe->fd < 0)
	{
		/* ours, not theirs */
		int			errnum = errno;

		fail(probe, result, "socket", errnum);
		result->end = PROBE_NO_SAMPLE;
		return;
	}
	if (!pg_set_noblock(probe->fd) || fcntl(probe->fd, F_SETFD, FD_CLOEXEC) < 0)
	{
		fail(probe, result, "socket", errno);
		result->end = PROBE_NO_SAMPLE;
		return;
	}
	if (connect(probe->fd, (struct sockaddr *) &address, len) == 0)
		probe->connected = true;
	else if (errno != EINPROGRESS && errno != EINTR)
		fail(probe, result, "connect", errno);
}

/* Whether the answer has what is expected. */
static bool
is_expected(const TcpProbe *probe)
{
	size_t		len = strlen(probe->config.expect);

	for (size_t i = 0; len > 0 && i + len <= probe->got; i++)
		if (memcmp(probe->answer + i, probe->config.expect, len) == 0)
			return true;
	return len == 0;
}

/* What came instead, as far as it can be shown. */
static void
say_answer(const TcpProbe *probe, const char *what, char *error, size_t size)
{
	char		start[60];
	size_t		n = Min(probe->got, sizeof(start) - 1);

	for (size_t i = 0; i < n; i++)
		start[i] = probe->answer[i] >= ' ' && probe->answer[i] <= '~' ? probe->answer[i] : ' ';
	start[n] = '\0';
	if (probe->got > 0)
		snprintf(error, size, "%s: \"%s\"", what, start);
	else
		strlcpy(error, what, size);
}

/* Reads what is there. */
static void
read_some(TcpProbe *probe, ProbeResult *result)
{
	char		error[SERVICE_TEXT];

	for (;;)
	{
		ssize_t		n = recv(probe->fd, probe->answer + probe->got, PROBE_ANSWER_MAX - probe->got, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
		{
			fail(probe, result, "read", errno);
			return;
		}
		probe->got += n;
		if (is_expected(probe))
		{
			end_with(probe, result, PROBE_ANSWERED, NULL);
			return;
		}
		if (n == 0 || probe->got == PROBE_ANSWER_MAX)
		{
			say_answer(probe, probe->got > 0 ? "not the expected answer" : "connection closed without an answer",
					   error, sizeof(error));
			end_with(probe, result, PROBE_FAILED, error);
			return;
		}
	}
}

static void
step(TcpProbe *probe, ProbeResult *result)
{
	size_t		len = strlen(probe->config.send);

	if (!probe->connected)
	{
		int			errnum = 0;
		socklen_t	size = sizeof(errnum);

		if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &errnum, &size) < 0)
			errnum = errno;
		if (errnum != 0)
		{
			fail(probe, result, "connect", errnum);
			return;
		}
		probe->connected = true;
	}
	while (probe->sent < len)
	{
		ssize_t		n = send(probe->fd, probe->config.send + probe->sent, len - probe->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
		{
			fail(probe, result, "send", errno);
			return;
		}
		probe->sent += n;
	}
	if (probe->config.expect[0] == '\0')
		end_with(probe, result, PROBE_ANSWERED, NULL);
	else
		read_some(probe, result);
}

void
tcp_go_on(TcpProbe *probe, bool ready, ProbeResult *result)
{
	char		error[SERVICE_TEXT];

	memset(result, 0, sizeof(*result));
	result->end = PROBE_GOES_ON;
	if (ready)
		step(probe, result);
	if (result->end != PROBE_GOES_ON)
		return;
	probe->looked = probe_clock();
	if (probe->looked - probe->started >= probe->config.timeout)
	{
		say_answer(probe, probe->got > 0 ? "timeout, not the expected answer" :
				   probe->connected ? "timeout, no answer" : "timeout, no connection",
				   error, sizeof(error));
		end_with(probe, result, PROBE_FAILED, error);
	}
}

short
tcp_wants(const TcpProbe *probe)
{
	return !probe->connected || probe->sent < strlen(probe->config.send) ? POLLOUT : POLLIN;
}

void
tcp_end(TcpProbe *probe)
{
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
}
