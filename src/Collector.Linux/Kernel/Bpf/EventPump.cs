using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// The one thread that drains every probe's buffer. It sleeps in epoll until the kernel has records, and gives each
/// buffer a turn of a bounded length, so that none keeps the others out. It never waits for another thread.
/// </summary>
internal sealed unsafe class EventPump : IDisposable
{
    /// <summary>Records of a turn.</summary>
    private const int Turn = 256;

    private readonly Dictionary<long, EventSource> _sources = [];
    private readonly List<EventSource> _busy = [];
    private readonly Lock _lock = new();
    private SafeFd? _epoll;
    private SafeFd? _wake;
    private Thread? _thread;
    private long _last;
    private volatile bool _stopping;
    private volatile string? _fault;

    /// <summary>Why the thread ended by itself; null otherwise. Nothing is drained any more then.</summary>
    public string? Fault => _fault;

    /// <summary>Begins to drain a buffer; the pump owns it from now on.</summary>
    /// <returns>What <see cref="Remove"/> takes.</returns>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public long Add(EventBuffer buffer, IRecordReader reader)
    {
        lock (_lock)
        {
            try
            {
                Start();
                foreach (var fd in buffer.Descriptors)
                    Watch(fd, _last + 1);
            }
            catch
            {
                buffer.Dispose();
                throw;
            }
            _sources.Add(++_last, new EventSource(buffer, reader));
            return _last;
        }
    }

    /// <summary>
    /// Drains a buffer for the last time and closes it: after a turn of its own at most. Afterwards its reader is not
    /// called any more.
    /// </summary>
    public void Remove(long id)
    {
        EventSource? source;
        lock (_lock)
        {
            if (!_sources.Remove(id, out source))
                return;
            foreach (var fd in source.Descriptors)
                _ = epoll_ctl(_epoll!.Value, EPOLL_CTL_DEL, fd, null);
        }
        source.Close(drain: true);
    }

    private void Start()
    {
        if (_thread is not null)
            return;
        _epoll = Own(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        _wake = Own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
        Watch(_wake.Value, 0);
        _thread = new Thread(Run) { IsBackground = true, Name = "bpf-events" };
        _thread.Start();
    }

    private static SafeFd Own(int fd, string call) => fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last(call);

    private void Watch(int fd, long id)
    {
        var what = new epoll_event { events = EPOLLIN, data = { u64 = (ulong)id } };
        if (epoll_ctl(_epoll!.Value, EPOLL_CTL_ADD, fd, &what) != 0)
            throw LinuxException.Last("epoll_ctl");
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
            {
                Wait();
                // From the end: those that are done leave.
                for (var i = _busy.Count - 1; i >= 0 && !_stopping; i--)
                {
                    if (!_busy[i].Drain(Turn))
                        _busy.RemoveAt(i);
                }
            }
        }
        catch (Exception e)
        {
            // A fault of the program, or of its limits: the agent goes on, and says that it is deaf.
            _fault = $"the thread that reads events ended: {e.Message}";
        }
    }

    // Perf buffers tell once, not as long as there are records: those with a rest are kept by us.
    private void Wait()
    {
        const int Most = 16;
        var events = stackalloc epoll_event[Most];
        var count = epoll_wait(_epoll!.Value, events, Most, _busy.Count > 0 ? 0 : -1);
        if (count < 0 && SafeFd.LastErrno != EINTR)
            throw LinuxException.Last("epoll_wait");
        for (var i = 0; i < count; i++)
        {
            if (Find((long)events[i].data.u64) is { } source && !_busy.Contains(source))
                _busy.Add(source);
        }
    }

    // Held by others for a few instructions and a system call that does not wait.
    private EventSource? Find(long id)
    {
        lock (_lock)
            return _sources.GetValueOrDefault(id);
    }

    public void Dispose()
    {
        _stopping = true;
        if (_wake is not null)
        {
            var one = 1UL;
            write(_wake.Value, &one, sizeof(ulong));
            if (_thread != Thread.CurrentThread)
                _thread?.Join(TimeSpan.FromSeconds(5));
        }
        lock (_lock)
        {
            foreach (var source in _sources.Values)
                source.Close(drain: false);
            _sources.Clear();
        }
        _wake?.Dispose();
        _epoll?.Dispose();
    }
}
