/* SPDX-License-Identifier: Apache-2.0
 *
 * The pods of a scale run: one process per network namespace, each with loopback connections, a listener and a UDP
 * socket. Prints one line "INDEX PID" per pod once its namespace exists, waits until the run has moved an eth0 into
 * each, gives it an address, opens the sockets, prints "ready", and ends with everything when its input ends. Pods do
 * not look for IPv6 routers: the bridge gives each question to all of them, and many that begin at once would overflow
 * the backlogs of the processors, which no healthy node's do.
 *
 *	pods COUNT CONNECTIONS PERIOD
 *
 * The connections are those of all pods together. With a period of 0 the pods then sleep; else each, once per period
 * of so many milliseconds, asks and answers over its first connections, and over eth0 asks us, who answer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT = 8080,
	UDP_PORT = 25353,
	BACKLOG = 128,
	WAIT_MS = 60000,
	STEP_MS = 10,
	/* Of one address: fewer than there are ports for the other end. */
	CONNECTIONS_PER_ADDRESS = 20000,
	/* What a pod has open beside its connections. */
	OTHER_FILES = 64,
	MOST_BUSY = 50,
	MESSAGE = 100,
	NODE = 0x0a640001
};

struct connection {
	int client;
	int server;
};

struct pod {
	int index;
	int connections;
	/* Milliseconds; 0 for one that is idle. */
	int period;
	/* From the first message of the first pod to that of this one, so that they do not all speak at once. */
	int delay;
	struct connection *open;
	int report;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void set_flags(int control, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(control, SIOCSIFFLAGS, &request) < 0)
		fail("link up");
}

static void set_address(int control, int request_code, const char *name, in_addr_t address)
{
	struct ifreq request = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = address;
	if (ioctl(control, request_code, &request) < 0)
		fail("address");
}

static void sleep_ms(int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* Of devices that come from now on; what is mounted at /proc/sys shows the network namespace of whoever looks. */
static void ask_no_router(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/router_solicitations", O_WRONLY);

	if (fd < 0 && errno == ENOENT)
		return; /* No IPv6. */
	if (fd < 0 || write(fd, "0", 1) != 1)
		fail("router_solicitations");
	close(fd);
}

/* The run moves eth0 here some time after it has read our process id. */
static void wait_for_eth0(void)
{
	for (int waited = 0; if_nametoindex("eth0") == 0; waited += STEP_MS) {
		if (waited > WAIT_MS) {
			fprintf(stderr, "no eth0 appeared\n");
			exit(1);
		}
		sleep_ms(STEP_MS);
	}
}

static int open_bound(int type, in_addr_t address, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0);

	at.sin_addr.s_addr = htonl(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("bind");
	return fd;
}

static void allow_files(int count)
{
	struct rlimit limit = { .rlim_cur = count, .rlim_max = count };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("setrlimit");
}

static void open_sockets(struct pod *pod)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = open_bound(SOCK_STREAM, INADDR_ANY, PORT);

	open_bound(SOCK_DGRAM, INADDR_LOOPBACK, UDP_PORT);
	if (listen(listener, BACKLOG) < 0)
		fail("listen");
	pod->open = calloc(pod->connections + 1, sizeof(*pod->open));
	if (pod->open == NULL)
		fail("calloc");
	for (int i = 0; i < pod->connections; i++) {
		struct connection *made = &pod->open[i];

		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / CONNECTIONS_PER_ADDRESS);
		made->client = socket(AF_INET, SOCK_STREAM, 0);
		if (made->client < 0 || connect(made->client, (struct sockaddr *)&to, sizeof(to)) < 0)
			fail("connect");
		made->server = accept(listener, NULL, NULL);
		if (made->server < 0)
			fail("accept");
	}
}

static void pass(int from, int to)
{
	char message[MESSAGE] = { 0 };

	if (send(from, message, sizeof(message), 0) != sizeof(message) ||
	    recv(to, message, sizeof(message), MSG_WAITALL) != sizeof(message))
		fail("message");
}

/* Whoever answers is the parent, in the node's namespace; a lost answer is no matter. */
static void ask_node(int socket)
{
	char message[MESSAGE] = { 0 };

	if (send(socket, message, sizeof(message), 0) == sizeof(message))
		(void)!recv(socket, message, sizeof(message), 0);
}

static int open_to_node(void)
{
	struct sockaddr_in node = { .sin_family = AF_INET, .sin_port = htons(UDP_PORT) };
	struct timeval patience = { .tv_usec = 100000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	node.sin_addr.s_addr = htonl(NODE);
	if (fd < 0 || connect(fd, (struct sockaddr *)&node, sizeof(node)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		fail("socket to the node");
	return fd;
}

static void be_busy(const struct pod *pod)
{
	int moved = pod->connections < MOST_BUSY ? pod->connections : MOST_BUSY;
	int node = open_to_node();

	sleep_ms(pod->delay);
	for (;;) {
		for (int i = 0; i < moved; i++) {
			pass(pod->open[i].client, pod->open[i].server);
			pass(pod->open[i].server, pod->open[i].client);
		}
		ask_node(node);
		sleep_ms(pod->period);
	}
}

static void run_pod(struct pod *pod)
{
	int control;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	allow_files(2 * pod->connections + OTHER_FILES);
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare");
	control = socket(AF_INET, SOCK_DGRAM, 0);
	set_flags(control, "lo");
	ask_no_router();
	if (write(pod->report, "n", 1) != 1)
		fail("report");
	wait_for_eth0();
	set_address(control, SIOCSIFADDR, "eth0", htonl(0x0a640000 + 256 + pod->index));
	set_address(control, SIOCSIFNETMASK, "eth0", htonl(0xffff0000));
	set_flags(control, "eth0");
	close(control);
	open_sockets(pod);
	if (write(pod->report, "r", 1) != 1)
		fail("report");
	close(pod->report);
	if (pod->period > 0)
		be_busy(pod);
	for (;;)
		pause();
}

/* The other end of what pods send over eth0. */
static pid_t answer_pods(void)
{
	char message[MESSAGE];
	struct sockaddr_in from;
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(0);
	fd = open_bound(SOCK_DGRAM, NODE, UDP_PORT);
	for (;;) {
		socklen_t length = sizeof(from);
		ssize_t got = recvfrom(fd, message, sizeof(message), 0, (struct sockaddr *)&from, &length);

		if (got > 0)
			(void)!sendto(fd, message, got, 0, (struct sockaddr *)&from, length);
	}
}

static pid_t start_pod(int index, int count, int connections, int period, int report[2])
{
	struct pod pod = { .index = index, .period = period, .report = report[1] };
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	pod.connections = connections / count + (index < connections % count);
	pod.delay = (int)((long)period * index / count);
	close(0);
	close(report[0]);
	run_pod(&pod);
	exit(1);
}

static void expect(int report, int count)
{
	char byte;

	for (int i = 0; i < count; i++)
		if (read(report, &byte, 1) != 1) {
			fprintf(stderr, "a pod ended early\n");
			exit(1);
		}
}

int main(int argc, char **argv)
{
	int count = argc == 4 ? atoi(argv[1]) : -1;
	int connections = argc == 4 ? atoi(argv[2]) : 0;
	int period = argc == 4 ? atoi(argv[3]) : 0;
	pid_t *pods;
	int report[2];
	char end;

	if (count < 0 || connections < 0 || period < 0) {
		fprintf(stderr, "usage: pods COUNT CONNECTIONS PERIOD\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	pods = calloc(count + 1, sizeof(*pods));
	if (pods == NULL || pipe(report) < 0)
		fail("pipe");
	for (int i = 0; i < count; i++) {
		pods[i] = start_pod(i, count, connections, period, report);
		printf("%d %d\n", i, pods[i]);
	}
	close(report[1]);
	pods[count] = answer_pods();
	expect(report[0], count);
	printf("made\n");
	expect(report[0], count);
	printf("ready\n");
	while (read(0, &end, 1) > 0)
		;
	/* Gone before we are: whoever waits for us finds none of them any more. */
	for (int i = 0; i <= count; i++)
		kill(pods[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
