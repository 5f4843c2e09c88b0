using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Pods;

/// <summary>Tells of new entries in folders as they are made: inotify(7), one thread that sleeps in poll.</summary>
internal sealed unsafe class FolderWatch : IDisposable
{
    private readonly Action<string, string> _created;
    private readonly ConcurrentDictionary<int, string> _folders = new();
    private readonly SafeFd _inotify;
    private readonly SafeFd _wake;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <param name="created">Called on the watch's own thread with the folder and each new entry's name.</param>
    /// <exception cref="LinuxException">The kernel has no inotify left for this user.</exception>
    public FolderWatch(Action<string, string> created)
    {
        _created = created;
        _inotify = Own(Libc.inotify_init1(Libc.IN_CLOEXEC), "inotify_init1");
        _wake = Own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
        _thread = new Thread(Run, 128 * 1024) { IsBackground = true, Name = "pod-folders" };
        _thread.Start();
    }

    private static SafeFd Own(int fd, string call) => fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last(call);

    /// <summary>Watches a folder. The second time changes nothing, and neither does one that does not exist.</summary>
    public void Watch(string folder)
    {
        var watch = Libc.inotify_add_watch(
            _inotify.Value, folder, Libc.IN_CREATE | Libc.IN_MOVED_TO | Libc.IN_ONLYDIR);
        if (watch >= 0)
            _folders[watch] = folder;
    }

    private void Run()
    {
        var buffer = stackalloc byte[4096];
        var wanted = stackalloc pollfd[2];
        while (!_stopping)
        {
            wanted[0] = new() { fd = _inotify.Value, events = POLLIN };
            wanted[1] = new() { fd = _wake.Value, events = POLLIN };
            if (Libc.poll(wanted, 2, -1) < 0 && SafeFd.LastErrno != EINTR)
                return;
            if (_stopping || (wanted[0].revents & POLLIN) == 0)
                continue;
            var length = (int)read(_inotify.Value, buffer, 4096);
            if (length > 0)
                Tell(new ReadOnlySpan<byte>(buffer, length));
        }
    }

    // struct inotify_event { int wd; u32 mask; u32 cookie; u32 len; char name[len]; }
    private void Tell(ReadOnlySpan<byte> events)
    {
        const int Head = 16;
        while (events.Length >= Head)
        {
            var length = MemoryMarshal.Read<int>(events[12..]);
            var name = events.Slice(Head, length);
            var end = name.IndexOf((byte)0);
            // A queue that ran over has neither folder nor name; the poll finds what was missed.
            if (_folders.TryGetValue(MemoryMarshal.Read<int>(events), out var folder))
                _created(folder, NamePool.Of(end < 0 ? name : name[..end]));
            events = events[(Head + length)..];
        }
    }

    public void Dispose()
    {
        _stopping = true;
        var one = 1UL;
        write(_wake.Value, &one, sizeof(ulong));
        _thread.Join(TimeSpan.FromSeconds(5));
        _inotify.Dispose();
        _wake.Dispose();
    }
}
