/* SPDX-License-Identifier: Apache-2.0
 *
 * The pods of a scale run: one process per network namespace, each with loopback connections, a listener and a UDP
 * socket. Prints one line "INDEX PID" per pod once its namespace exists, waits until the run has moved an eth0 into
 * each, gives it an address, opens the sockets, prints "ready", and ends with everything when its input ends.
 *
 *	pods COUNT CONNECTIONS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT = 8080,
	UDP_PORT = 5353,
	BACKLOG = 128,
	WAIT_MS = 60000,
	STEP_MS = 10
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

/* The run moves eth0 here some time after it has read our process id. */
static void wait_for_eth0(void)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	for (int waited = 0; if_nametoindex("eth0") == 0; waited += STEP_MS) {
		if (waited > WAIT_MS) {
			fprintf(stderr, "no eth0 appeared\n");
			exit(1);
		}
		nanosleep(&step, NULL);
	}
}

static int open_bound(int type, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("bind");
	return fd;
}

static void open_sockets(int connections)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = open_bound(SOCK_STREAM, PORT);

	open_bound(SOCK_DGRAM, UDP_PORT);
	if (listen(listener, BACKLOG) < 0)
		fail("listen");
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < connections; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);

		if (client < 0 || connect(client, (struct sockaddr *)&to, sizeof(to)) < 0)
			fail("connect");
		if (accept(listener, NULL, NULL) < 0)
			fail("accept");
	}
}

static void run_pod(int index, int connections, int report)
{
	int control;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare");
	control = socket(AF_INET, SOCK_DGRAM, 0);
	set_flags(control, "lo");
	if (write(report, "n", 1) != 1)
		fail("report");
	wait_for_eth0();
	set_address(control, SIOCSIFADDR, "eth0", htonl(0x0a640000 + 256 + index));
	set_address(control, SIOCSIFNETMASK, "eth0", htonl(0xffff0000));
	set_flags(control, "eth0");
	close(control);
	open_sockets(connections);
	if (write(report, "r", 1) != 1)
		fail("report");
	close(report);
	for (;;)
		pause();
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
	int count = argc == 3 ? atoi(argv[1]) : 0;
	int connections = argc == 3 ? atoi(argv[2]) : 0;
	pid_t *pods;
	int report[2];
	char end;

	if (count < 1 || connections < 0) {
		fprintf(stderr, "usage: pods COUNT CONNECTIONS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	pods = calloc(count, sizeof(*pods));
	if (pods == NULL || pipe(report) < 0)
		fail("pipe");
	for (int i = 0; i < count; i++) {
		pods[i] = fork();
		if (pods[i] < 0)
			fail("fork");
		if (pods[i] == 0) {
			close(0);
			close(report[0]);
			run_pod(i, connections, report[1]);
		}
		printf("%d %d\n", i, pods[i]);
	}
	close(report[1]);
	expect(report[0], count);
	printf("made\n");
	expect(report[0], count);
	printf("ready\n");
	while (read(0, &end, 1) > 0)
		;
	/* Gone before we are: whoever waits for us finds none of them any more. */
	for (int i = 0; i < count; i++)
		kill(pods[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
