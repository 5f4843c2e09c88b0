using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Findings.Faults;

/// <summary>
/// A network namespace of its own with a name, its loopback up, in which faults are caused: nothing of them gets out.
/// It goes, with all that was made in it, when it is disposed.
/// </summary>
public sealed class FaultNamespace : IDisposable
{
    private const string Folder = "/run/netns";

    private readonly BlockingCollection<Action> _work = [];
    private readonly List<IDisposable> _kept = [];
    private readonly Thread _thread;

    /// <exception cref="LinuxException">It cannot be made (needs CAP_SYS_ADMIN and CAP_NET_ADMIN).</exception>
    public FaultNamespace(string name)
    {
        Name = name;
        // Only this thread is ever in it.
        _thread = new Thread(Loop) { IsBackground = true, Name = "fault" };
        _thread.Start();
        try
        {
            Directory.CreateDirectory(Folder);
            File.WriteAllText(Path, "");
            Run(Make);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Below /run/netns.</summary>
    public string Name { get; }

    /// <summary>Inode number of the namespace.</summary>
    public ulong Inode { get; private set; }

    private string Path => $"{Folder}/{Name}";

    /// <summary>Runs code inside and waits for it.</summary>
    public void Run(Action inside)
    {
        ExceptionDispatchInfo? failure = null;
        using var done = new ManualResetEventSlim();
        _work.Add(() =>
        {
            try
            {
                inside();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            done.Set();
        });
        done.Wait();
        failure?.Throw();
    }

    /// <summary>Keeps what belongs to it until it goes.</summary>
    public T Keep<T>(T made) where T : IDisposable
    {
        _kept.Add(made);
        return made;
    }

    /// <summary>Closes what was kept.</summary>
    public void Clear()
    {
        foreach (var kept in _kept)
            kept.Dispose();
        _kept.Clear();
    }

    /// <summary>For code that runs inside: sets a sysctl of it.</summary>
    public static void Set(string sysctl, string value) =>
        File.WriteAllText($"/proc/sys/{sysctl.Replace('.', '/')}", value);

    private void Make()
    {
        Check(Libc.unshare(CLONE_NEWNET), "unshare a network namespace (needs CAP_SYS_ADMIN)");
        SetUp();
        var link = File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;
        Inode = ulong.Parse(link[(link.IndexOf('[', StringComparison.Ordinal) + 1)..^1], CultureInfo.InvariantCulture);
        Check(Libc.mount("/proc/thread-self/ns/net", Path, "none", Libc.MS_BIND, 0), $"mount a namespace at {Path}");
    }

    // struct ifreq: a name of 16 bytes, then flags.
    private static unsafe void SetUp()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        "lo"u8.CopyTo(new Span<byte>(request, 16));
        *(short*)(request + 16) = (short)Rtnl.IFF_UP;
        Check(ioctl((int)socket.Handle, SIOCSIFFLAGS, request), "set loopback up (needs CAP_NET_ADMIN)");
    }

    private static void Check(int result, string what)
    {
        if (result != 0)
            throw LinuxException.Last(what);
    }

    private void Loop()
    {
        foreach (var work in _work.GetConsumingEnumerable())
            work();
    }

    public void Dispose()
    {
        Clear();
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
        _ = Libc.umount2(Path, Libc.MNT_DETACH);
        try
        {
            File.Delete(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What went wrong before is what there is to tell.
        }
    }
}
