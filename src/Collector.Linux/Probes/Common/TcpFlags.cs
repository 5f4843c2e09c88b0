namespace Collector.Linux.Probes.Common;

/// <summary>Byte 13 of a TCP header (RFC 9293, 3.1) in words.</summary>
internal static class TcpFlags
{
    private static readonly string[] Names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

    private const byte Syn = 2;

    /// <summary>It opens a connection, or answers what does.</summary>
    public static bool Opens(byte flags) => (flags & Syn) != 0;

    /// <summary>Names of the bits that are set, separated by commas: <c>SYN,ACK</c>.</summary>
    public static string Text(byte flags) =>
        string.Join(',', Names.Where((_, bit) => (flags & (1 << bit)) != 0));
}
