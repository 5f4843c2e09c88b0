using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

internal static unsafe partial class Libc
{
    public const int SEEK_SET = 0;
    public const uint STATX_SIZE = 0x200;

    // asm/unistd_64.h and asm-generic/unistd.h. The C library wraps getdents64 only since glibc 2.30.
    public static readonly PerArchitecture SYS_getdents64 = new(X64: 217, Arm64: 61);

    // asm-generic/resource.h
    public const int RLIMIT_NOFILE = 7;

    // int getrlimit(int resource, struct rlimit *rlim); soft and hard limit.
    [LibraryImport("libc", SetLastError = true)]
    public static partial int getrlimit(int resource, ulong* limits);

    // int openat(int dirfd, const char *pathname, int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int openat(int dirfd, byte* pathname, int flags);

    // ssize_t read(int fd, void *buf, size_t count);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, void* buf, nuint count);

    // off_t lseek(int fd, off_t offset, int whence);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint lseek(int fd, nint offset, int whence);

    // long syscall(long number, ...);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint syscall(nint number, nint fd, void* dirp, nint count);
}
