/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Callers of the front door, as applications are: fraud_route(); where it
 *	  says ML, a POST to the service; fraud_decide() with what came of that.
 *
 * Payments arrive by a schedule made beforehand (exponential gaps, always the
 * same), whether or not earlier ones are done: what a caller is late for
 * counts as waiting, from the moment the payment was due. The ML service is
 * the stand-in of ml_service.c, and fails and comes back by the same clock.
 *
 * Prints a line for each payment, CSV, times in microseconds:
 *
 *	 n			which one
 *	 due		since the start of the schedule
 *	 waited		until a caller took it
 *	 took		from due to the answer
 *	 db			of that, in the database
 *	 ml			status of HTTP, "timeout", "connection"; empty: not asked
 *	 ml_at		when that was known, since the start
 *	 tier		of the server, as fraud_route() says
 *	 source		of the decision: ML, RULES, ...
 *	 error		SQLSTATE; empty: there is a decision
 *
 *	 load -d "dbname=..." -r 500 -t 20 [options]
 *	 load -S		only the service: prints its port, then reads a line for each
 *				change: up, 503 or silent
 *
 *	 -r N	payments a second		-t S	seconds of them
 *	 -q S	of quiet before them	-c N	callers, a connection and a thread each
 *	 -i N	the first transaction id, others follow
 *	 -f S	ML fails from			-u S	until, since the start of the schedule
 *	 -k 503|silent	how				-a MS	what an answer of ML takes
 *	 -m MS	the callers' patience with ML
 *	 -R SQL, -D SQL	other queries; $1 is the id, $2 to $6 are the arguments of
 *				fraud_decide(); columns as in the ones below
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include "ml_service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX	16384

typedef struct Payment
{
	int64_t		due;
	int64_t		waited;
	int64_t		took;
	int64_t		db;
	char		ml[12];
	int64_t		ml_at;
	char		tier[4];
	char		source[16];
	char		error[8];
} Payment;

typedef struct Caller
{
	PGconn	   *conn;
	int			ml;				/* socket, -1: none */
} Caller;

/* What a call of ML came to: arguments of fraud_decide(). */
typedef struct MlReply
{
	char		text[REPLY_MAX + 1];
	const char *body;			/* NULL: none */
	char		status[8];		/* empty: none */
	char		latency[40];
	const char *error;
} MlReply;

static const char *conninfo = "";
static const char *route_sql =
	"SELECT r.route, r.ticket, r.features, r.tier, (r.decision).source "
	"FROM txns t, fraud_route(t) r WHERE t.txn_id = $1";
static const char *decide_sql =
	"SELECT d.source "
	"FROM txns t, fraud_decide(t, $2, $3, $4, $5, $6) d WHERE t.txn_id = $1";
static double rate = 100,
			seconds = 20,
			quiet = 0,
			fails_from = -1,
			fails_until = -1;
static MlMode failing = ML_FAILS;
static int	callers = 32;
static long first_id = 1;
static int64_t patience = 100000;
static int64_t answer_time = 5000;
static int	ml_port;

static Payment *payments;
static long npayments;
static _Atomic long next_payment;
static int64_t start;
static pthread_barrier_t all_connected;

static void
die(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

static void
sleep_until(int64_t when)
{
	struct timespec t = {.tv_sec = when / 1000000,.tv_nsec = when % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* ---- the ML service ---- */

/* Whether there is something to read before `until`. */
static bool
readable(int fd, int64_t until)
{
	struct pollfd p = {.fd = fd,.events = POLLIN};
	int64_t		left = until - now_us();
	struct timespec t = {.tv_sec = left / 1000000,.tv_nsec = left % 1000000 * 1000};

	return left > 0 && ppoll(&p, 1, &t, NULL) > 0;
}

static bool
ml_connect(Caller *caller)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,.sin_port = htons(ml_port),.sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int			on = 1;

	if (caller->ml >= 0)
		return true;
	caller->ml = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (caller->ml >= 0 && connect(caller->ml, (struct sockaddr *) &address, sizeof(address)) == 0)
	{
		setsockopt(caller->ml, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		return true;
	}
	if (caller->ml >= 0)
		close(caller->ml);
	caller->ml = -1;
	return false;
}

/* The error, or NULL: status and body are there. */
static const char *
ml_exchange(Caller *caller, const char *features, int64_t until, MlReply *reply)
{
	char		head[160];
	size_t		len = strlen(features);
	size_t		have = 0;

	if (!ml_connect(caller))
		return "connection";
	snprintf(head, sizeof(head),
			 "POST /score HTTP/1.1\r\nHost: ml\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", len);
	if (send(caller->ml, head, strlen(head), MSG_NOSIGNAL | MSG_MORE) < 0 ||
		send(caller->ml, features, len, MSG_NOSIGNAL) != (ssize_t) len)
		return "connection";
	for (;;)
	{
		const char *body;
		const char *length;
		ssize_t		n;

		if (!readable(caller->ml, until))
			return "timeout";
		n = recv(caller->ml, reply->text + have, REPLY_MAX - have, 0);
		if (n <= 0)
			return "connection";
		have += n;
		reply->text[have] = '\0';
		body = strstr(reply->text, "\r\n\r\n");
		length = strcasestr(reply->text, "\r\ncontent-length:");
		if (body == NULL)
			continue;
		if (length == NULL || strncmp(reply->text, "HTTP/1.1 ", 9) != 0)
			return "bad answer";
		if (have < (size_t) (body + 4 - reply->text) + strtoul(length + 17, NULL, 10))
			continue;
		snprintf(reply->status, sizeof(reply->status), "%.3s", reply->text + 9);
		reply->body = body[4] != '\0' ? body + 4 : NULL;
		return NULL;
	}
}

static void
ask_ml(Caller *caller, const char *features, MlReply *reply)
{
	int64_t		begun = now_us();

	reply->body = NULL;
	reply->status[0] = '\0';
	reply->error = ml_exchange(caller, features, begun + patience, reply);
	if (reply->error != NULL && caller->ml >= 0)
	{
		/* an answer may still come, and would be taken for the next one */
		close(caller->ml);
		caller->ml = -1;
	}
	snprintf(reply->latency, sizeof(reply->latency), "%lld us", (long long) (now_us() - begun));
}

/* ---- one payment ---- */

/* A row, or NULL with the error in the payment. Its time counts as the database's. */
static PGresult *
query(Caller *caller, const char *name, int n, const char *const *values, Payment *p)
{
	int64_t		begun = now_us();
	PGresult   *result = PQexecPrepared(caller->conn, name, n, values, NULL, NULL, 0);
	const char *state;

	p->db += now_us() - begun;
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
		return result;
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	snprintf(p->error, sizeof(p->error), "%s",
			 state != NULL ? state : PQresultStatus(result) == PGRES_TUPLES_OK ? "no row" : "lost");
	PQclear(result);
	return NULL;
}

static void
pay(Caller *caller, long n)
{
	Payment    *p = &payments[n];
	char		id[24];
	const char *values[6] = {id};
	MlReply		reply;
	PGresult   *route;
	PGresult   *decision;

	snprintf(id, sizeof(id), "%ld", first_id + n);
	route = query(caller, "route", 1, values, p);
	if (route == NULL)
		return;
	snprintf(p->tier, sizeof(p->tier), "%s", PQgetvalue(route, 0, 3));
	if (strcmp(PQgetvalue(route, 0, 0), "ML") != 0)
	{
		snprintf(p->source, sizeof(p->source), "%s", PQgetvalue(route, 0, 4));
		PQclear(route);
		return;
	}
	ask_ml(caller, PQgetvalue(route, 0, 2), &reply);
	p->ml_at = now_us() - start;
	snprintf(p->ml, sizeof(p->ml), "%s", reply.error != NULL ? reply.error : reply.status);
	values[1] = reply.body;
	values[2] = reply.status[0] != '\0' ? reply.status : NULL;
	values[3] = reply.latency;
	values[4] = PQgetvalue(route, 0, 1);
	values[5] = reply.error;
	decision = query(caller, "decide", 6, values, p);
	if (decision != NULL)
		snprintf(p->source, sizeof(p->source), "%s", PQgetvalue(decision, 0, 0));
	PQclear(decision);
	PQclear(route);
}

static void *
call(void *arg)
{
	Caller		caller = {PQconnectdb(conninfo), -1};
	PGresult   *route;
	PGresult   *decide;
	long		n;

	(void) arg;
	if (PQstatus(caller.conn) != CONNECTION_OK)
		die(PQerrorMessage(caller.conn));
	route = PQprepare(caller.conn, "route", route_sql, 0, NULL);
	decide = PQprepare(caller.conn, "decide", decide_sql, 0, NULL);
	if (PQresultStatus(route) != PGRES_COMMAND_OK || PQresultStatus(decide) != PGRES_COMMAND_OK)
		die(PQerrorMessage(caller.conn));
	PQclear(route);
	PQclear(decide);
	pthread_barrier_wait(&all_connected);
	/* the main thread says when it starts */
	pthread_barrier_wait(&all_connected);
	while ((n = atomic_fetch_add(&next_payment, 1)) < npayments)
	{
		Payment    *p = &payments[n];

		sleep_until(start + p->due);
		p->waited = now_us() - start - p->due;
		pay(&caller, n);
		p->took = now_us() - start - p->due;
	}
	if (caller.ml >= 0)
		close(caller.ml);
	PQfinish(caller.conn);
	return NULL;
}

/* ---- all of them ---- */

static void
make_schedule(void)
{
	double		t = quiet;
	long		room = (long) (rate * seconds * 1.2) + 1000;

	payments = calloc(room, sizeof(Payment));
	if (payments == NULL)
		die("out of memory");
	srand48(1);
	while (npayments < room && (t -= log(1 - drand48()) / rate) < quiet + seconds)
		payments[npayments++].due = (int64_t) (t * 1000000);
}

static void *
fail_and_come_back(void *arg)
{
	(void) arg;
	sleep_until(start + (int64_t) (fails_from * 1000000));
	ml_service_mode(failing);
	sleep_until(start + (int64_t) (fails_until * 1000000));
	ml_service_mode(ML_UP);
	return NULL;
}

static void
run(void)
{
	pthread_t  *threads = calloc(callers, sizeof(pthread_t));
	pthread_t	failure;

	ml_port = ml_service_start(answer_time);
	make_schedule();
	pthread_barrier_init(&all_connected, NULL, callers + 1);
	for (int i = 0; i < callers; i++)
		if (pthread_create(&threads[i], NULL, call, NULL) != 0)
			die("too many threads");
	pthread_barrier_wait(&all_connected);
	start = now_us() + 100000;
	if (fails_from >= 0 && pthread_create(&failure, NULL, fail_and_come_back, NULL) != 0)
		die("too many threads");
	pthread_barrier_wait(&all_connected);
	for (int i = 0; i < callers; i++)
		pthread_join(threads[i], NULL);
	for (long i = 0; i < npayments; i++)
	{
		const Payment *p = &payments[i];

		printf("%ld,%lld,%lld,%lld,%lld,%s,%lld,%s,%s,%s\n", i, (long long) p->due, (long long) p->waited,
			   (long long) p->took, (long long) p->db, p->ml, (long long) p->ml_at, p->tier, p->source, p->error);
	}
}

static void
serve_alone(void)
{
	char		line[32];

	printf("%d\n", ml_service_start(answer_time));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
		ml_service_mode(strncmp(line, "up", 2) == 0 ? ML_UP : strncmp(line, "503", 3) == 0 ? ML_FAILS : ML_SILENT);
}

int
main(int argc, char **argv)
{
	bool		alone = false;
	int			option;

	while ((option = getopt(argc, argv, "d:r:t:q:c:i:f:u:k:a:m:R:D:S")) != -1)
		switch (option)
		{
			case 'd':
				conninfo = optarg;
				break;
			case 'r':
				rate = atof(optarg);
				break;
			case 't':
				seconds = atof(optarg);
				break;
			case 'q':
				quiet = atof(optarg);
				break;
			case 'c':
				callers = atoi(optarg);
				break;
			case 'i':
				first_id = atol(optarg);
				break;
			case 'f':
				fails_from = atof(optarg);
				break;
			case 'u':
				fails_until = atof(optarg);
				break;
			case 'k':
				failing = strcmp(optarg, "silent") == 0 ? ML_SILENT : ML_FAILS;
				break;
			case 'a':
				answer_time = (int64_t) (atof(optarg) * 1000);
				break;
			case 'm':
				patience = (int64_t) (atof(optarg) * 1000);
				break;
			case 'R':
				route_sql = optarg;
				break;
			case 'D':
				decide_sql = optarg;
				break;
			case 'S':
				alone = true;
				break;
			default:
				die("what the options are stands at the top of load.c");
		}
	if (alone)
		serve_alone();
	else if (rate > 0 && seconds > 0 && callers > 0)
		run();
	else
		die("-r, -t and -c must be above 0");
	return 0;
}
