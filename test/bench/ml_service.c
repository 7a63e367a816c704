/*-------------------------------------------------------------------------
 *
 * ml_service.c
 *	  The stand-in for a ML service; see ml_service.h.
 *
 * One thread with epoll. Whatever is asked gets the same verdict, after the
 * same time: so answers leave in the order in which requests came, and a queue
 * of them needs no more than its two ends. What the service does with a
 * request is settled when it would answer.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include "ml_service.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS		1024	/* descriptors */
#define REQUEST_MAX		65536	/* bytes, with its header */
#define QUEUE			65536	/* answers that wait */

typedef struct Connection
{
	char	   *request;
	size_t		len;
	uint32_t	generation;		/* another one each time the descriptor is used */
} Connection;

typedef struct Waiting
{
	int64_t		due;
	int			fd;
	uint32_t	generation;
} Waiting;

static Connection connections[CONNECTIONS];
static Waiting queue[QUEUE];
static uint64_t queue_first,
			queue_end;
static int64_t answer_delay;
static int	listener;
static int	poller;
static _Atomic int mode = ML_UP;
static _Atomic uint64_t requests;

int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

void
ml_service_mode(MlMode new_mode)
{
	atomic_store(&mode, new_mode);
}

uint64_t
ml_service_requests(void)
{
	return atomic_load(&requests);
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
watch(int fd)
{
	struct epoll_event event = {.events = EPOLLIN,.data.fd = fd};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

static void
drop(int fd)
{
	close(fd);
	connections[fd].generation++;
	connections[fd].len = 0;
}

static void
take_connection(void)
{
	int			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int			on = 1;

	if (fd < 0)
		return;
	if (fd >= CONNECTIONS)
	{
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connections[fd].request == NULL && (connections[fd].request = malloc(REQUEST_MAX + 1)) == NULL)
		die("malloc");
	connections[fd].len = 0;
	watch(fd);
}

/* Bytes of the first whole request in what has come, 0: there is none yet. */
static size_t
whole_request(Connection *c)
{
	const char *line;
	const char *body;
	size_t		content = 0;

	c->request[c->len] = '\0';
	body = strstr(c->request, "\r\n\r\n");
	if (body == NULL)
		return 0;
	body += 4;
	for (line = c->request; line < body; line = strstr(line, "\r\n") + 2)
		if (strncasecmp(line, "content-length:", 15) == 0)
			content = strtoul(line + 15, NULL, 10);
	content += body - c->request;
	return content <= c->len ? content : 0;
}

static void
take_requests(int fd)
{
	Connection *c = &connections[fd];
	ssize_t		n = recv(fd, c->request + c->len, REQUEST_MAX - c->len, 0);
	size_t		size;

	if (n <= 0)
	{
		drop(fd);
		return;
	}
	c->len += n;
	while ((size = whole_request(c)) > 0)
	{
		c->len -= size;
		memmove(c->request, c->request + size, c->len);
		atomic_fetch_add(&requests, 1);
		if (queue_end - queue_first == QUEUE)
			die("too many requests wait");
		queue[queue_end++ % QUEUE] = (Waiting) {now_us() + answer_delay, fd, c->generation};
	}
	if (c->len == REQUEST_MAX)
		drop(fd);
}

static void
answer(const Waiting *w)
{
	static const char verdict[] =
		"{\"is_fraud\": false, \"risk_score\": 12, \"risk_factors\": [], \"recommendation\": \"APPROVE\"}";
	char		text[256];
	int			len;

	if (connections[w->fd].generation != w->generation)
		return;
	switch (atomic_load(&mode))
	{
		case ML_UP:
			len = snprintf(text, sizeof(text),
						   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
						   strlen(verdict), verdict);
			break;
		case ML_FAILS:
			len = snprintf(text, sizeof(text), "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
			break;
		default:
			return;
	}
	/* what cannot be sent at once ends the connection, in take_requests() */
	if (send(w->fd, text, len, MSG_NOSIGNAL) != len)
		shutdown(w->fd, SHUT_RDWR);
}

static void *
serve(void *arg)
{
	struct epoll_event events[64];

	(void) arg;
	for (;;)
	{
		struct timespec wait;
		int64_t		left = 1000000;
		int			n;

		while (queue_first < queue_end && (left = queue[queue_first % QUEUE].due - now_us()) <= 0)
			answer(&queue[queue_first++ % QUEUE]);
		if (queue_first == queue_end)
			left = 1000000;
		wait.tv_sec = left / 1000000;
		wait.tv_nsec = left % 1000000 * 1000;
		n = epoll_pwait2(poller, events, 64, &wait, NULL);
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				take_connection();
			else
				take_requests(events[i].data.fd);
	}
	return NULL;
}

int
ml_service_start(int64_t delay)
{
	struct sockaddr_in address = {.sin_family = AF_INET,.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	len = sizeof(address);
	pthread_t	thread;

	answer_delay = delay;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *) &address, len) != 0 || listen(listener, 1024) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		die("cannot listen");
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		die("epoll_create1");
	watch(listener);
	if (pthread_create(&thread, NULL, serve, NULL) != 0)
		die("pthread_create");
	return ntohs(address.sin_port);
}
