// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Loads every program of BPF objects, each alone, and attaches none. Prints per program "OBJECT PROGRAM ... loads" or
// "... refused: REASON". Programs of one object are often several ways to one fact, of which a kernel accepts some.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>

// The last line that libbpf printed with a reason in it: of the verifier's log the line before its statistics.
static char reason[512];

static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	static char text[1 << 20];
	char *line, *rest = text;

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	while ((line = strsep(&rest, "\n"))) {
		int said = *line && strncmp(line, "libbpf: failed to load object", 29) != 0 &&
			   strncmp(line, "processed ", 10) != 0 && !strstr(line, "END PROG LOAD LOG") &&
			   !strstr(line, "BEGIN PROG LOAD LOG") && !strstr(line, "failed to load: -");
		if (said)
			snprintf(reason, sizeof(reason), "%s", line);
	}
	return 0;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

// Loads the program with the given index alone. Returns 1 where the object has no such program.
static int load(const char *path, int index)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program, *chosen = NULL;
	int count = 0;

	if (!object) {
		printf("%s object ... refused: %s\n", name_of(path), strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(program, object) {
		bpf_program__set_autoload(program, count == index);
		if (count++ == index)
			chosen = program;
	}
	if (chosen) {
		int error;

		reason[0] = 0;
		error = bpf_object__load(object);
		printf("%s %s (%s) ... ", name_of(path), bpf_program__name(chosen), bpf_program__section_name(chosen));
		if (error)
			printf("refused: %s\n", reason[0] ? reason : strerror(-error));
		else
			printf("loads\n");
	}
	bpf_object__close(object);
	return !chosen;
}

int main(int argc, char **argv)
{
	libbpf_set_print(keep);
	for (int i = 1; i < argc; i++)
		for (int index = 0; !load(argv[i], index); index++)
			;
	return 0;
}
