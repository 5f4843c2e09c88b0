using System.Net;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel;

namespace Collector.Linux.Probes.Dns;

/// <summary>A server that is asked by one protocol.</summary>
/// <param name="Address">Bytes of its address as they are in memory; of IPv4 the first four.</param>
/// <param name="Family">4 or 6; 0: all those together that have no figures of their own.</param>
/// <param name="Protocol">IPPROTO_UDP or IPPROTO_TCP.</param>
internal readonly record struct DnsServerName(UInt128 Address, byte Family, byte Protocol)
{
    /// <summary>The value of network.transport.</summary>
    public string Transport => Protocol == 6 ? "tcp" : "udp";

    /// <summary>The value of server.address: as text, or "other".</summary>
    public string Text
    {
        get
        {
            if (Family == 0)
                return "other";
            var address = Address;
            var bytes = MemoryMarshal.AsBytes(new Span<UInt128>(ref address));
            Span<char> text = stackalloc char[45];
            new IPAddress(Family == 4 ? bytes[..4] : bytes).TryFormat(text, out var length);
            return NamePool.Of(text[..length]);
        }
    }
}
