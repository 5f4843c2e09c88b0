using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <summary>The C library, as C spells it. The next folder speaks .NET.</summary>
internal static unsafe partial class Libc
{
    public const int O_RDONLY = 0;
    public static readonly PerArchitecture O_DIRECTORY = new(X64: 0x10000, Arm64: 0x4000);
    public const int O_CLOEXEC = 0x80000;
    public const int AT_FDCWD = -100;
    public const int AT_EMPTY_PATH = 0x1000;
    public const uint STATX_INO = 0x100;
    public const int CLONE_NEWNET = 0x40000000;
    public const short POLLIN = 0x1;
    public const short POLLPRI = 0x2;
    public const short POLLOUT = 0x4;
    public const short POLLERR = 0x8;
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOL_SOCKET = 1;
    public const int SO_RCVBUF = 8;
    public const int SO_RCVTIMEO = 20;

    /// <summary>Since Linux 5.14.</summary>
    public const int SO_NETNS_COOKIE = 71;

    public const int SOL_NETLINK = 270;
    public const int MSG_PEEK = 0x2;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int _SC_PAGESIZE = 30;
    public const int CLOCK_REALTIME = 0;
    public const int CLOCK_MONOTONIC = 1;
    public const int CLOCK_THREAD_CPUTIME_ID = 3;
    public const int CLOCK_BOOTTIME = 7;

    // int open(const char *pathname, int flags);
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string pathname, int flags);

    // int close(int fd);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    // ssize_t pread(int fd, void *buf, size_t count, off_t offset);
    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint pread(int fd, void* buf, nuint count, nint offset);

    // ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint readlink(byte* pathname, byte* buf, nuint bufsiz);

    // ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint readlinkat(int dirfd, byte* pathname, byte* buf, nuint bufsiz);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf);  (glibc 2.28)
    [LibraryImport("libc", SetLastError = true)]
    public static partial int statx(int dirfd, byte* pathname, int flags, uint mask, statx_t* statxbuf);

    // int setns(int fd, int nstype);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setns(int fd, int nstype);

    // int socket(int domain, int type, int protocol);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int socket(int domain, int type, int protocol);

    // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setsockopt(int sockfd, int level, int optname, void* optval, uint optlen);

    // ssize_t send(int sockfd, const void *buf, size_t len, int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint send(int sockfd, void* buf, nuint len, int flags);

    // ssize_t recv(int sockfd, void *buf, size_t len, int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recv(int sockfd, void* buf, nuint len, int flags);

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(pollfd* fds, nuint nfds, int timeout);

    // long sysconf(int name);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sysconf(int name);

    // int clock_gettime(clockid_t clockid, struct timespec *tp);
    [LibraryImport("libc")]
    [SuppressGCTransition]
    public static partial int clock_gettime(int clockid, out timespec tp);

    // uid_t geteuid(void);
    [LibraryImport("libc")]
    public static partial uint geteuid();

    // struct pollfd { int fd; short events; short revents; };  (poll.h)
    public struct pollfd
    {
        public int fd;
        public short events;
        public short revents;
    }

    // struct statx, include/uapi/linux/stat.h: the same on every architecture, unlike struct stat.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct statx_t
    {
        [FieldOffset(32)]
        public ulong stx_ino;

        [FieldOffset(40)]
        public ulong stx_size;

        [FieldOffset(136)]
        public uint stx_dev_major;

        [FieldOffset(140)]
        public uint stx_dev_minor;
    }

    // struct timespec { long tv_sec; long tv_nsec; };  (64-bit)
    public struct timespec
    {
        public nint tv_sec;
        public nint tv_nsec;
    }

    // struct timeval { long tv_sec; long tv_usec; };  (64-bit)
    public struct timeval
    {
        public nint tv_sec;
        public nint tv_usec;
    }
}
