using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>
/// The agent's hold on one network namespace: its nsfs descriptor and what was opened inside. Holding it keeps the
/// namespace's inode from being reused; the registry lets go within a second of its last user's end, so that devices
/// in it are not kept alive.
/// </summary>
public sealed class NamespaceHandle : IDisposable
{
    private readonly NamespaceAccess _access;
    private readonly SafeFd? _fd;
    private NamespaceSource?[] _sources = [];

    internal NamespaceHandle(NamespaceAccess access, NetNamespace ns, SafeFd? fd)
    {
        _access = access;
        _fd = fd;
        Namespace = ns;
    }

    public NetNamespace Namespace { get; }

    /// <summary>For text files; shared by all namespaces, so what is read is to be taken over at once.</summary>
    internal ReadBuffer Buffer => _access.Buffer;

    /// <summary>For netlink datagrams; shared in the same way.</summary>
    internal byte[] NetlinkBuffer => _access.NetlinkBuffer;

    /// <summary>True once the namespace is gone; readers of it are to be dropped.</summary>
    public bool Closed { get; private set; }

    /// <summary>True when the agent itself runs in this namespace: nothing need be entered.</summary>
    internal bool IsOwn { get; init; }

    /// <summary>
    /// Where the kernel keeps it: the address of its struct net, true until it is closed; 0 where that is not known.
    /// </summary>
    internal ulong NetAddress { get; set; }

    /// <summary>Number of the descriptor that holds it; -1 where there is none.</summary>
    internal int Descriptor => _fd?.Value ?? -1;

    /// <summary>It is of another user namespace than the node's own.</summary>
    internal bool IsOfUsers { get; set; }

    /// <summary>It is, and yet not any user's: root has mounted it.</summary>
    internal bool IsVouched => IsOfUsers && MountPath is not null;

    /// <summary>The mount by which it is known to be alive; null where there is none.</summary>
    public string? MountPath { get; private set; }

    /// <summary>
    /// A process by which it is known to be alive, or a thread of one whose main thread has ended; 0 where none was
    /// looked for.
    /// </summary>
    public int Pid { get; internal set; }

    /// <summary>Version of the names among which its own were looked up last.</summary>
    internal long NamesVersion { get; set; } = -1;

    /// <summary>How often its processes were asked for its names.</summary>
    internal int NameLooks { get; set; }

    /// <summary>
    /// Takes the mount, and the name with it, which goes when the mount does. The node's own namespace keeps none:
    /// programs mount it as well (<c>docker run --net=host</c>), and it is the node all the same.
    /// </summary>
    internal void SetMount(string? path)
    {
        if (path == MountPath)
            return;
        MountPath = path;
        // Only root can mount it where the node's mounts are.
        Namespace.Rootless &= path is null;
        if (path is not null && !Namespace.IsHost)
            Namespace.Names = Namespace.Names with { NetnsName = Path.GetFileName(path) };
    }

    /// <summary>
    /// Takes the name from one that has lived on without its mount; what ends with it keeps its name to the last.
    /// </summary>
    internal void DropNameWithoutMount()
    {
        if (MountPath is null && !Namespace.IsHost && Namespace.Names.NetnsName is not null)
            Namespace.Names = Namespace.Names with { NetnsName = null };
    }

    /// <summary>
    /// Opens a file below /proc as seen in this namespace: <c>net/snmp</c>, <c>sys/net/ipv4/ip_forward</c>.
    /// </summary>
    /// <exception cref="LinuxException">The file does not exist there, or the namespace cannot be entered.</exception>
    public ProcFile OpenFile(string pathBelowProc)
    {
        var proc = _access.Paths.Proc;
        if (_access.Paths.Recorded)
            return ProcFile.Open($"{proc}/{pathBelowProc}");
        // "net" itself is a link to self/net: the main thread's namespace, not the calling thread's.
        var path = pathBelowProc.StartsWith("net/", StringComparison.Ordinal)
            ? $"{proc}/thread-self/{pathBelowProc}"
            : $"{proc}/{pathBelowProc}";
        try
        {
            return Enter(() => Namespace.IsHost ? ProcFile.Open(path) : ProcFile.OpenOfNamespace(path));
        }
        catch (LinuxException e) when (e.Errno == EPERM && Pid > 0 && path != $"{proc}/{pathBelowProc}")
        {
            // Without CAP_SYS_ADMIN the files are still readable through a process of the namespace.
            return ProcFile.OpenOfNamespace($"{proc}/{Pid}/{pathBelowProc}");
        }
    }

    /// <summary>Opens a netlink socket inside this namespace.</summary>
    /// <exception cref="LinuxException">The kernel lacks the family, or the namespace cannot be entered.</exception>
    public NetlinkSocket OpenNetlink(NetlinkFamily family) => Enter(() =>
        Namespace.IsHost ? NetlinkSocket.Open(family) : NetlinkSocket.OpenOfNamespace(family));

    /// <summary>Runs code on a thread that is inside this namespace.</summary>
    /// <exception cref="LinuxException">It cannot be entered, or what <paramref name="open"/> threw.</exception>
    public T Enter<T>(Func<T> open) => IsOwn ? open()
        : _fd is null ? throw new LinuxException("setns to a network namespace (needs CAP_SYS_ADMIN)", EPERM)
        : _access.Entry.Run(_fd, open);

    /// <summary>
    /// The one source of type <typeparamref name="T"/> in this namespace, shared by all probes. Ask for it in every
    /// collection and do not keep it: the registry closes sources that nobody used for three collections.
    /// </summary>
    public T Source<T>() where T : NamespaceSource, new()
    {
        var place = Place<T>.Number;
        if (place >= _sources.Length)
            Array.Resize(ref _sources, place + 1);
        return (T)(_sources[place] ??= new T());
    }

    /// <summary>Closes sources that no probe asked for since the given collection.</summary>
    internal void CloseUnused(long since)
    {
        foreach (ref var source in _sources.AsSpan())
        {
            if (source is null || source.LastUsed >= since)
                continue;
            source.Dispose();
            source = null;
        }
    }

    public void Dispose()
    {
        Closed = true;
        NetAddress = 0;
        foreach (var source in _sources)
            source?.Dispose();
        _sources = [];
        _fd?.Dispose();
    }

    public override string ToString() => Namespace.ToString();

    private static int _kinds;

    /// <summary>Where the handle keeps its source of a type: the same place in all of them.</summary>
    private static class Place<T>
    {
        public static readonly int Number = Interlocked.Increment(ref _kinds) - 1;
    }
}
