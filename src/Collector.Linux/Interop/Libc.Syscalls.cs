using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>System calls that the C library has no name for, or that older ones (glibc 2.17) do not have.</summary>
internal static unsafe partial class Libc
{
    // asm/unistd_64.h and asm-generic/unistd.h
    public static readonly PerArchitecture SYS_getdents64 = new(X64: 217, Arm64: 61);
    public static readonly PerArchitecture SYS_perf_event_open = new(X64: 298, Arm64: 241);
    public static readonly PerArchitecture SYS_statx = new(X64: 332, Arm64: 291);

    // ssize_t getdents64(int fd, void *dirp, size_t count);  (glibc 2.30)
    public static ssize_t getdents64(int fd, void* dirp, size_t count) => syscall((int)SYS_getdents64, fd, dirp, count);

    // int perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd, unsigned long flags);
    public static int perf_event_open(perf_event_attr* attr, int pid, int cpu, int group_fd, uint flags) =>
        (int)syscall((int)SYS_perf_event_open, attr, pid, cpu, group_fd, flags);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf);
    // The package calls that of glibc, which is there since 2.28; the kernels have it since 4.11.
    public static int statx(int dirfd, byte* pathname, int flags, uint mask, statx* statxbuf) =>
        (int)syscall((int)SYS_statx, dirfd, pathname, flags, mask, statxbuf);
}
