using System.Buffers.Text;
using System.Numerics;

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
        var fields = new Kernel.ProcFs.FieldReader(content.TrimEnd((byte)'\n'));
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
        Ports.Clear();
        var rest = content.TrimEnd((byte)'\n');
        while (!rest.IsEmpty)
        {
            if (!TryPort(ref rest, out var first))
                return false;
            var last = first;
            if (!rest.IsEmpty && rest[0] == (byte)'-')
            {
                rest = rest[1..];
                if (!TryPort(ref rest, out last))
                    return false;
            }
            if (!rest.IsEmpty && rest[0] != (byte)',')
                return Refuse();
            rest = rest.IsEmpty ? rest : rest[1..];
            Ports.Add(first, last);
        }
        return true;
    }

    private bool TryPort(ref ReadOnlySpan<byte> rest, out int port)
    {
        if (!Utf8Parser.TryParse(rest, out port, out var used) || port is < 0 or > ushort.MaxValue)
            return Refuse();
        rest = rest[used..];
        return true;
    }

    private bool Refuse()
    {
        Failure = Malformed;
        return false;
    }
}

/// <summary>Entries of a namespace's connection tracking; asking loads no module.</summary>
internal sealed class ConntrackCountFile() : NumberFile("sys/net/netfilter/nf_conntrack_count");
