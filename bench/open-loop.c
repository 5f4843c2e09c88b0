// SPDX-License-Identifier: Apache-2.0
// Asks an HTTP server at a constant rate, whether it answers in time or not:
// open-loop ADDRESS PORT RATE SECONDS CONNECTIONS.
// A request counts from when it was due, so that a server that stalls is not asked less often. Prints one line:
// requests answered, requests late or open at the end, and microseconds at the 50th, 90th, 99th and 99.9th per cent.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";

struct connection {
	int fd;
	uint64_t due;
	size_t got;
	char answer[1024];
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int less(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void ask(struct connection *c, uint64_t due)
{
	c->due = due;
	c->got = 0;
	if (write(c->fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		fail("write");
}

// The whole answer is there: a head with a length, and so many bytes behind it.
static int complete(struct connection *c)
{
	c->answer[c->got] = 0;
	char *end = strstr(c->answer, "\r\n\r\n"), *length = strstr(c->answer, "Content-Length: ");
	return end && length && length < end &&
	       c->got >= (size_t)(end + 4 - c->answer) + strtoul(length + 16, NULL, 10);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "open-loop ADDRESS PORT RATE SECONDS CONNECTIONS\n");
		return 2;
	}
	double rate = atof(argv[3]), seconds = atof(argv[4]);
	int n = atoi(argv[5]), idle = 0, one = 1;
	uint64_t total = (uint64_t)(rate * seconds), asked = 0, answered = 0, late = 0;
	uint64_t *times = malloc(total * sizeof(*times));
	struct connection *all = calloc(n, sizeof(*all)), **free_ones = calloc(n, sizeof(*free_ones));
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
	if (!times || !all || !free_ones || n < 1 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		fail("arguments");
	int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };
	if (poll < 0 || timer < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, timer, &e))
		fail("epoll");
	for (int i = 0; i < n; i++) {
		all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(all[i].fd, (struct sockaddr *)&to, sizeof(to)))
			fail("connect");
		setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
		e.data.ptr = &all[i];
		if (epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e))
			fail("epoll_ctl");
		free_ones[idle++] = &all[i];
	}
	uint64_t begin = now() + 10000000, end = begin + (uint64_t)(seconds * 1e9) + 1000000000ull;
	double gap = 1e9 / rate;
	while (answered < total && now() < end) {
		uint64_t t = now();
		while (asked < total && idle && begin + (uint64_t)(asked * gap) <= t) {
			uint64_t due = begin + (uint64_t)(asked++ * gap);
			late += t - due > 1000000;
			ask(free_ones[--idle], due);
		}
		if (asked < total && idle) {
			uint64_t next = begin + (uint64_t)(asked * gap);
			struct itimerspec at = { .it_value = { next / 1000000000ull, next % 1000000000ull } };
			timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
		}
		struct epoll_event ready[64];
		int count = epoll_wait(poll, ready, 64, 100);
		for (int i = 0; i < count; i++) {
			struct connection *c = ready[i].data.ptr;
			if (!c) {
				uint64_t ticks;
				if (read(timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
					fail("timer");
				continue;
			}
			ssize_t got = read(c->fd, c->answer + c->got, sizeof(c->answer) - 1 - c->got);
			if (got <= 0 && !(got < 0 && errno == EAGAIN))
				fail("the server closed a connection");
			c->got += got > 0 ? got : 0;
			if (complete(c)) {
				times[answered++] = now() - c->due;
				free_ones[idle++] = c;
			}
		}
	}
	if (!answered)
		fail("no answer");
	qsort(times, answered, sizeof(*times), less);
	printf("%llu %llu", (unsigned long long)answered, (unsigned long long)(late + total - answered));
	double cents[] = { 0.5, 0.9, 0.99, 0.999 };
	for (int i = 0; i < 4; i++)
		printf(" %.1f", times[(uint64_t)((answered - 1) * cents[i])] / 1e3);
	printf("\n");
	return 0;
}
