using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// The one thread that drains every probe's buffer: it sleeps in epoll until the kernel has records.
/// </summary>
internal sealed unsafe class EventPump : IDisposable
{
    // struct epoll_event is packed on x86-64 only.
    internal static readonly PerArchitecture EventSize = new(X64: 12, Arm64: 16);
    private static readonly int DataOffset = EventSize - 8;

    private readonly Dictionary<long, Source> _sources = [];
    private readonly Lock _lock = new();
    private SafeFd? _epoll;
    private SafeFd? _wake;
    private Thread? _thread;
    private long _last;
    private volatile bool _stopping;

    /// <summary>Begins to drain a buffer; the pump owns it from now on.</summary>
    /// <returns>What <see cref="Remove"/> takes.</returns>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public long Add(EventBuffer buffer, IRecordReader reader)
    {
        lock (_lock)
        {
            Start();
            var id = ++_last;
            _sources.Add(id, new Source(buffer, reader));
            foreach (var fd in buffer.Descriptors)
                Watch(fd, id);
            return id;
        }
    }

    /// <summary>
    /// Drains a buffer for the last time and closes it. Afterwards its reader is not called any more.
    /// </summary>
    public void Remove(long id)
    {
        lock (_lock)
        {
            if (!_sources.Remove(id, out var source))
                return;
            foreach (var fd in source.Buffer.Descriptors)
                Libc.epoll_ctl(_epoll!.Value, Libc.EPOLL_CTL_DEL, fd, null);
            source.Buffer.Drain(source.Reader);
            source.Buffer.Dispose();
        }
    }

    private void Start()
    {
        if (_thread is not null)
            return;
        _epoll = Own(Libc.epoll_create1(Libc.EPOLL_CLOEXEC), "epoll_create1");
        _wake = Own(Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK), "eventfd");
        Watch(_wake.Value, 0);
        _thread = new Thread(Run) { IsBackground = true, Name = "bpf-events" };
        _thread.Start();
    }

    private static SafeFd Own(int fd, string call) => fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last(call);

    private void Watch(int fd, long id)
    {
        var what = stackalloc byte[16];
        *(uint*)what = Libc.EPOLLIN;
        *(long*)(what + DataOffset) = id;
        if (Libc.epoll_ctl(_epoll!.Value, Libc.EPOLL_CTL_ADD, fd, what) != 0)
            throw LinuxException.Last("epoll_ctl");
    }

    private void Run()
    {
        const int Most = 16;
        var events = stackalloc byte[Most * 16];
        while (!_stopping)
        {
            var count = Libc.epoll_wait(_epoll!.Value, events, Most, -1);
            if (count < 0 && SafeFd.LastErrno != Errno.EINTR)
                return;
            for (var i = 0; i < count && !_stopping; i++)
            {
                var id = *(long*)(events + (i * EventSize) + DataOffset);
                lock (_lock)
                {
                    if (_sources.TryGetValue(id, out var source))
                        source.Buffer.Drain(source.Reader);
                }
            }
        }
    }

    public void Dispose()
    {
        _stopping = true;
        if (_wake is not null)
        {
            var one = 1UL;
            Libc.write(_wake.Value, &one, sizeof(ulong));
            if (_thread != Thread.CurrentThread)
                _thread?.Join(TimeSpan.FromSeconds(5));
        }
        lock (_lock)
        {
            foreach (var source in _sources.Values)
                source.Buffer.Dispose();
            _sources.Clear();
        }
        _wake?.Dispose();
        _epoll?.Dispose();
    }

    private sealed record Source(EventBuffer Buffer, IRecordReader Reader);
}
