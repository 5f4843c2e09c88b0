using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Listeners;

/// <summary>Why a listener dropped handshakes.</summary>
internal enum ListenCause : byte
{
    /// <summary>Connections are accepted more slowly than they come.</summary>
    AcceptQueue,

    /// <summary>Too many handshakes were under way, and the node sends no cookies.</summary>
    SynQueue,

    /// <summary>Neither, by the namespace's counters.</summary>
    Other,

    /// <summary>Nothing was dropped: too many handshakes were under way, and further SYNs got cookies.</summary>
    Cookies,
}

/// <summary>A listener that dropped handshakes, or sent cookies, since the collection before.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ListenRecord
{
    public EventHead Head;
    public UInt128 Address;
    public ulong Inode;
    public long Dropped;

    /// <summary>SYNs of the namespace that were answered with a cookie.</summary>
    public long CookiesSent;

    /// <summary>Handshakes that were completed with one.</summary>
    public long CookiesReceived;

    /// <summary>Handshakes under way; -1 where it is not known.</summary>
    public long HalfOpen;

    /// <summary>What no listener of the namespace may have more of; 0 where it is not known.</summary>
    public long Somaxconn;

    public uint Depth;
    public uint Limit;
    public ushort Port;
    public ListenCause Cause;

    /// <summary>Of a listener that dropped for the first time: nobody yet.</summary>
    public UnansweredPeers Unanswered;
}
