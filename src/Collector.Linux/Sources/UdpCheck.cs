using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Compares the pass over UDP with sockstat in one namespace, before it is relied on. sock_diag needs a module for UDP,
/// which may not be there.
/// </summary>
internal static class UdpCheck
{
    private const int Attempts = 20;

    /// <summary>Null where both agree on the number of sockets, else the difference.</summary>
    public static string? Difference(SocketPass pass, NamespaceHandle ns)
    {
        using var ipv4 = new SockstatFile();
        using var ipv6 = new Sockstat6File();
        string? difference = null;
        for (var i = 0; i < Attempts; i++)
        {
            var before = Sockets(ns, ipv4, ipv6, 2 * i);
            if (!pass.ReadUdp())
                return $"the walk failed: {pass.Failure}";
            if (!pass.TryFindUdp(ns, out var totals, out _))
                return "the kernel does not tell where it keeps UDP sockets";
            var after = Sockets(ns, ipv4, ipv6, 2 * i + 1);
            if (totals.Sockets >= Math.Min(before, after) && totals.Sockets <= Math.Max(before, after))
                return null;
            difference = $"UDP sockets: sockstat says {before} and {after}, the walk between them {totals.Sockets}";
        }
        return difference;
    }

    /// <summary>Of both address families; IPv6 may be off.</summary>
    private static long Sockets(NamespaceHandle ns, SockstatFile ipv4, Sockstat6File ipv6, long look)
    {
        var sum = ipv4.EnsureRead(ns, look) ? Math.Max(ipv4.Figures[SockstatField.UdpInuse], 0) : 0;
        return sum + (ipv6.EnsureRead(ns, look) ? Math.Max(ipv6.Figures[SockstatField.UdpInuse], 0) : 0);
    }
}
