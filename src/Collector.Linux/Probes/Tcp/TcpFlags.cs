using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Tcp;

/// <summary>Byte 13 of a TCP header (RFC 9293, 3.1) in words.</summary>
internal static class TcpFlags
{
    private static readonly string[] Names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

    /// <summary>Names of the bits that are set, separated by commas: <c>SYN,ACK</c>.</summary>
    public static string Text(byte flags) =>
        string.Join(',', Names.Where((_, bit) => (flags & (1 << bit)) != 0));
}
