using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Collector.Linux.Interop;

/// <summary>What Tmds.LibC lacks of the C library, as C spells it. The next folder speaks .NET.</summary>
internal static unsafe partial class Libc
{
    /// <summary>Since Linux 5.14.</summary>
    public const int SO_NETNS_COOKIE = 71;

    // linux/nsfs.h: _IO(0xb7, 1)
    public const int NS_GET_USERNS = 0xb701;

    public const int CLOCK_REALTIME = 0;
    public const int CLOCK_MONOTONIC = 1;
    public const int CLOCK_THREAD_CPUTIME_ID = 3;
    public const int CLOCK_MONOTONIC_COARSE = 6;
    public const int CLOCK_BOOTTIME = 7;
    public const int CLOCK_TAI = 11;

    // asm-generic/resource.h
    public const int RLIMIT_NOFILE = 7;

    // signal.h
    public const int SIG_UNBLOCK = 1;

    // malloc.h
    public const int M_TRIM_THRESHOLD = -1;
    public const int M_MMAP_THRESHOLD = -3;

    // sys/inotify.h
    public const uint IN_MOVED_TO = 0x80;
    public const uint IN_CREATE = 0x100;
    public const uint IN_ONLYDIR = 0x01000000;
    public const int IN_CLOEXEC = 0x80000;

    /// <summary>FILEID_KERNFS of include/linux/exportfs.h: the handle is the 64-bit id of a kernfs node.</summary>
    public const int KernfsHandle = 0xfe;

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout);  The package's leaves errno behind, and with it EINTR.
    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(pollfd* fds, nuint nfds, int timeout);

    // int clock_gettime(clockid_t clockid, struct timespec *tp);
    [LibraryImport("libc")]
    [SuppressGCTransition]
    public static partial int clock_gettime(int clockid, out timespec tp);

    // int clock_getres(clockid_t clockid, struct timespec *res);
    [LibraryImport("libc")]
    [SuppressGCTransition]
    public static partial int clock_getres(int clockid, out timespec res);

    // int getrlimit(int resource, struct rlimit *rlim); soft and hard limit.
    [LibraryImport("libc", SetLastError = true)]
    public static partial int getrlimit(int resource, ulong* limits);

    // int sigprocmask(int how, const sigset_t *set, sigset_t *oldset); of the calling thread, on Linux.
    [LibraryImport("libc", SetLastError = true)]
    public static partial int sigprocmask(int how, ulong* set, ulong* old);

    // int mallopt(int param, int value);
    [LibraryImport("libc")]
    public static partial int mallopt(int param, int value);

    // int inotify_init1(int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int inotify_init1(int flags);

    // int inotify_add_watch(int fd, const char *pathname, uint32_t mask);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int inotify_add_watch(int fd, string pathname, uint mask);

    // int vsnprintf(char *str, size_t size, const char *format, va_list ap);
    // A va_list is an array of one structure (x86-64) or a structure passed by reference (arm64): a pointer either way.
    [LibraryImport("libc")]
    public static partial int vsnprintf(byte* str, nuint size, byte* format, nint ap);

    // struct timeval { long tv_sec; long tv_usec; };  (64-bit)
    public struct timeval
    {
        public nint tv_sec;
        public nint tv_usec;
    }
}
