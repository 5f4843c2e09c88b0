using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Common;

/// <summary>
/// Which addresses a network namespace has, by its routing table. Read when two findings may be one fault.
/// </summary>
public static class LocalAddresses
{
    /// <param name="host">The machine.</param>
    /// <param name="subject">Of whom.</param>
    /// <param name="address">The address.</param>
    /// <returns>False also where it cannot be told.</returns>
    public static bool Has(ProbeHost host, Subject subject, IPAddress address) =>
        address.IsIPv4MappedToIPv6 || address.AddressFamily == AddressFamily.InterNetwork
            ? HasIPv4(NamespaceFiles.Read(host, subject, "net/fib_trie"), address.MapToIPv4())
            : NamespaceFiles.Read(host, subject, "net/if_inet6").Contains(Hex(address), StringComparison.Ordinal);

    // "|-- 192.0.2.1", and in the line behind it "/32 host LOCAL".
    private static bool HasIPv4(string trie, IPAddress address)
    {
        var lines = trie.Split('\n');
        for (var i = 0; i + 1 < lines.Length; i++)
        {
            if (lines[i].EndsWith($"-- {address}", StringComparison.Ordinal)
                && lines[i + 1].Contains("host LOCAL", StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    private static string Hex(IPAddress address) =>
        Convert.ToHexString(address.GetAddressBytes()).ToLower(CultureInfo.InvariantCulture);
}
