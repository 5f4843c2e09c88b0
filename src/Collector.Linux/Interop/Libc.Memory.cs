using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <summary>Mapped memory, event loops, and the system calls that the C library has no name for.</summary>
internal static unsafe partial class Libc
{
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int EPOLL_CLOEXEC = 0x80000;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const uint EPOLLIN = 1;
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;

    // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint mmap(nint addr, nuint length, int prot, int flags, int fd, nint offset);

    // int munmap(void *addr, size_t length);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int munmap(nint addr, nuint length);

    // int epoll_create1(int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_create1(int flags);

    // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_ctl(int epfd, int op, int fd, byte* @event);

    // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_wait(int epfd, byte* events, int maxevents, int timeout);

    // malloc.h
    public const int M_TRIM_THRESHOLD = -1;
    public const int M_MMAP_THRESHOLD = -3;

    // int mallopt(int param, int value);
    [LibraryImport("libc")]
    public static partial int mallopt(int param, int value);

    // sys/inotify.h
    public const uint IN_MOVED_TO = 0x80;
    public const uint IN_CREATE = 0x100;
    public const uint IN_ONLYDIR = 0x01000000;
    public const int IN_CLOEXEC = 0x80000;

    // int inotify_init1(int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int inotify_init1(int flags);

    // int inotify_add_watch(int fd, const char *pathname, uint32_t mask);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int inotify_add_watch(int fd, string pathname, uint mask);

    // int eventfd(unsigned int initval, int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initval, int flags);

    // ssize_t write(int fd, const void *buf, size_t count);
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, void* buf, nuint count);

    // int ioctl(int fd, unsigned long request, ...);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int ioctl(int fd, nuint request, nint arg);

    public static readonly PerArchitecture SYS_perf_event_open = new(X64: 298, Arm64: 241);

    // long syscall(long number, ...);  as perf_event_open(attr, pid, cpu, group_fd, flags)
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint perf_event_open(
        nint number, perf_event_attr* attr, int pid, int cpu, int group_fd, nuint flags);

    // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockopt(int sockfd, int level, int optname, void* optval, uint* optlen);

    // int vsnprintf(char *str, size_t size, const char *format, va_list ap);
    // A va_list is an array of one structure (x86-64) or a structure passed by reference (arm64): a pointer either way.
    [LibraryImport("libc")]
    public static partial int vsnprintf(byte* str, nuint size, byte* format, nint ap);
}

// include/uapi/linux/perf_event.h, as far as PERF_ATTR_SIZE_VER0
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct perf_event_attr
{
    public const uint PERF_TYPE_SOFTWARE = 1;
    public const ulong PERF_COUNT_SW_BPF_OUTPUT = 10;
    public const ulong PERF_SAMPLE_RAW = 1 << 10;
    public const nuint PERF_EVENT_IOC_ENABLE = 0x2400;
    public const nuint PERF_FLAG_FD_CLOEXEC = 8;
    public const uint PERF_RECORD_SAMPLE = 9;

    [FieldOffset(0)]
    public uint type;

    [FieldOffset(4)]
    public uint size;

    [FieldOffset(8)]
    public ulong config;

    [FieldOffset(16)]
    public ulong sample_period;

    [FieldOffset(24)]
    public ulong sample_type;

    [FieldOffset(48)]
    public uint wakeup_events;
}
