/*
 * The image's /usr/bin/netlens: hands the capabilities that the container was given on to the agent.
 *
 * A process that is not root loses its capabilities when it starts a program, unless they are ambient, and container
 * runtimes make none ambient. This file has the agent's capabilities as permitted ones (not effective: then it also
 * starts where the container has none, or only some of them). What of them the container allows, the kernel gives; that
 * becomes ambient here and so reaches the agent, which is an ordinary file.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AGENT "/usr/lib/netlens/netlens"
#define NOT_STARTED 4 /* ExitCodes.CannotStart */

int main(int argc, char **argv)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	(void)argc;
	if (syscall(SYS_capget, &header, data) == 0) {
		for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
			data[i].inheritable |= data[i].permitted;
		/* A refusal shows in `netlens doctor`, which names every capability that is missing. */
		if (syscall(SYS_capset, &header, data) == 0)
			for (int cap = 0; cap < 32 * _LINUX_CAPABILITY_U32S_3; cap++)
				if (data[CAP_TO_INDEX(cap)].permitted & CAP_TO_MASK(cap))
					prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	}
	execv(AGENT, argv);
	fprintf(stderr, "netlens: cannot start %s: %s\n", AGENT, strerror(errno));
	return NOT_STARTED;
}
