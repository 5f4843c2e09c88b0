using System.Net.Sockets;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// The part <c>sockstat</c>: sockets in use, TIME_WAIT and fragments of each namespace, which <see cref="MibPass"/>
/// reads with the counters. Used where it agrees with /proc in the node's own namespace.
/// </summary>
internal sealed class SockstatPart(CollectedParts parts)
{
    // Sockets come and go while they are compared.
    private const int Attempts = 20;

    private static readonly SockstatField[] Compared =
    [
        SockstatField.SocketsUsed, SockstatField.TcpInuse, SockstatField.TcpTw, SockstatField.UdpInuse,
        SockstatField.UdpliteInuse, SockstatField.RawInuse, SockstatField.FragInuse, SockstatField.FragMemory,
    ];

    private readonly CollectedPart _part = parts.Add("sockstat");
    private ProtocolSlots? _slots;

    public bool IsChosen => _part.IsChosen;

    public bool IsInUse => _part.FromKernel;

    public void CountFallback(string reason) => _part.CountFallback(reason);

    /// <summary>There is no pass that it could be read with.</summary>
    public void Refuse(string reason)
    {
        if (!_part.IsDeclined())
            _part.Choose(false, reason);
    }

    /// <param name="programs">Those of namespaces.bpf.c.</param>
    /// <param name="host">The node's own namespace.</param>
    /// <param name="read">Reads it by the pass: null, or why it failed.</param>
    public void Choose(BpfObject programs, NamespaceHandle host, Func<string?> read)
    {
        try
        {
            _slots = ProtocolSlots.Find(programs);
            var difference = Difference(host, read);
            _part.Choose(difference is null, difference ?? "read with mib, agrees with /proc");
        }
        catch (Exception e) when (e is LinuxException or SocketException)
        {
            _part.Choose(false, e.Message);
        }
    }

    /// <param name="figures">Of a namespace.</param>
    /// <param name="inUse">Its sockets in use by slot.</param>
    /// <param name="once">What it has once.</param>
    public void Fill(SocketUse figures, ReadOnlySpan<int> inUse, ReadOnlySpan<long> once) =>
        figures.Fill(_slots!, inUse, once);

    private static string? Difference(NamespaceHandle host, Func<string?> read)
    {
        string? difference = null;
        for (var i = 0; i < Attempts; i++)
        {
            using var before = new SockstatFile();
            using var before6 = new Sockstat6File();
            using var after = new SockstatFile();
            using var after6 = new Sockstat6File();
            if (!before.EnsureRead(host, 1))
                return "/proc/net/sockstat of the node's own namespace cannot be read, to compare with it";
            var has6 = before6.EnsureRead(host, 1);
            if (read() is { } failure)
                return failure;
            after.EnsureRead(host, 1);
            after6.EnsureRead(host, 1);
            var pass = host.Source<MibFigures>().Sockets;
            if (!pass.IsWhole)
                return "not all that sockstat tells is found in the kernel's structures";
            if (pass.HasIPv6 != has6)
                return $"sockstat6 {(has6 ? "is there, and the kernel's structures have none" : "is not there")}";
            difference = Compare("sockstat", before.Figures, pass.IPv4, after.Figures)
                ?? (has6 ? Compare("sockstat6", before6.Figures, pass.IPv6, after6.Figures) : null);
            if (difference is null)
                return null;
        }
        return difference;
    }

    /// <summary>Null, or the first figure that is not between what the file said before and after.</summary>
    internal static string? Compare(
        string name, SockstatFigures before, SockstatFigures pass, SockstatFigures after)
    {
        foreach (var field in Compared)
        {
            var (low, value, high) = (before[field], pass[field], after[field]);
            if (value < Math.Min(low, high) || value > Math.Max(low, high))
                return $"{name} {field} is {value} in the kernel's structures, in /proc {low} before and {high} after";
        }
        return null;
    }
}
