using System.Buffers.Text;
using System.Numerics;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>Some of the 65,536 ports.</summary>
internal sealed class PortSet
{
    private readonly ulong[] _words = new ulong[65_536 / 64];

    public int Count
    {
        get
        {
            var count = 0;
            foreach (var word in _words)
                count += BitOperations.PopCount(word);
            return count;
        }
    }

    public bool Has(int port) => (_words[port >> 6] >> (port & 63) & 1) != 0;

    public void Add(int first, int last)
    {
        for (var port = first; port <= last; port++)
            _words[port >> 6] |= 1UL << (port & 63);
    }

    public void Remove(int port) => _words[port >> 6] &= ~(1UL << (port & 63));

    public void Remove(PortSet others)
    {
        for (var i = 0; i < _words.Length; i++)
            _words[i] &= ~others._words[i];
    }

    public void Clear() => _words.AsSpan().Clear();

    /// <summary>Takes those of a list instead, "8080,9148-9150"; false where it is none.</summary>
    public bool TryParse(ReadOnlySpan<byte> list)
    {
        Clear();
        while (!list.IsEmpty)
        {
            if (!TryPort(ref list, out var first))
                return false;
            var last = first;
            if (!list.IsEmpty && list[0] == (byte)'-')
            {
                list = list[1..];
                if (!TryPort(ref list, out last))
                    return false;
            }
            if (!list.IsEmpty && list[0] != (byte)',')
                return false;
            list = list.IsEmpty ? list : list[1..];
            Add(first, last);
        }
        return true;
    }

    private static bool TryPort(ref ReadOnlySpan<byte> list, out int port)
    {
        if (!Utf8Parser.TryParse(list, out port, out var used) || port is < 0 or > ushort.MaxValue)
            return false;
        list = list[used..];
        return true;
    }
}

/// <summary>
/// The ports that connect() takes by itself: net.ipv4.ip_local_port_range, of IPv6 too. "32768\t60999".
/// </summary>
internal sealed class PortRangeFile() : TextFile("sys/net/ipv4/ip_local_port_range")
{
    public int First { get; private set; }

    public int Last { get; private set; }

    public int Count => Last - First + 1;

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        var fields = new FieldReader(content.TrimEnd((byte)'\n'));
        if (!fields.TryNextNumber(out var first) || !fields.TryNextNumber(out var last)
            || first is < 0 or > ushort.MaxValue || last < first || last > ushort.MaxValue)
        {
            Failure = Malformed;
            return false;
        }
        (First, Last) = ((int)first, (int)last);
        return true;
    }
}

/// <summary>
/// Those of them that it leaves alone: net.ipv4.ip_local_reserved_ports, "8080,9148-9150", mostly an empty line.
/// </summary>
internal sealed class ReservedPortsFile() : TextFile("sys/net/ipv4/ip_local_reserved_ports")
{
    public PortSet Ports { get; } = new();

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        if (Ports.TryParse(content.TrimEnd((byte)'\n')))
            return true;
        Failure = Malformed;
        return false;
    }
}

/// <summary>
/// Whether connect() may take the port of a connection in TIME_WAIT: net.ipv4.tcp_tw_reuse, 1 or 2, of loopback only.
/// </summary>
internal sealed class TimeWaitReuseFile() : NumberFile("sys/net/ipv4/tcp_tw_reuse")
{
    /// <summary>Whether the setting does between these addresses.</summary>
    public static bool Allows(long setting, UInt128 source, UInt128 destination) =>
        setting == 1 || (setting == 2 && (IsLoopback(source) || IsLoopback(destination)));

    // ::ffff:127.0.0.0/104 and ::1.
    private static bool IsLoopback(UInt128 address) => address >> 24 == 0xffff7fU || address == 1U;
}

/// <summary>Entries of a namespace's connection tracking; asking loads no module.</summary>
internal sealed class ConntrackCountFile() : NumberFile("sys/net/netfilter/nf_conntrack_count");
