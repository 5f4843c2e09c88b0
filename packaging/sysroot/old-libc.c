#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "old.h"

/* 2.22: another treatment of "b" in the mode, for those who write; libbpf reads. */
FILE *old_fmemopen(void *buffer, size_t size, const char *mode);
OLD(fmemopen);
FILE *__wrap_fmemopen(void *buffer, size_t size, const char *mode);
FILE *__wrap_fmemopen(void *buffer, size_t size, const char *mode)
{
	return old_fmemopen(buffer, size, mode);
}

/* 2.28: fcntl by another name. */
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
	va_list more;
	void *argument;

	va_start(more, command);
	argument = va_arg(more, void *);
	va_end(more);
	return (int)syscall(SYS_fcntl, fd, command, argument);
}
