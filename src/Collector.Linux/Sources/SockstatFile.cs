using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>The figures of /proc/net/sockstat and sockstat6, which use the same words.</summary>
public enum SockstatField
{
    SocketsUsed,
    TcpInuse,
    TcpOrphan,
    TcpTw,
    TcpAlloc,
    TcpMem,
    UdpInuse,
    UdpMem,
    UdpliteInuse,
    RawInuse,
    FragInuse,
    FragMemory,
}

/// <summary>
/// Such figures, in the kernel's units; <see cref="Metric.Absent"/> for those that this kernel does not have.
/// </summary>
public sealed class SockstatFigures
{
    private readonly long[] _values = new long[Enum.GetValues<SockstatField>().Length];

    public long this[SockstatField field]
    {
        get => _values[(int)field];
        internal set => _values[(int)field] = value;
    }

    internal void Clear() => Array.Fill(_values, Metric.Absent);
}

/// <summary>
/// Lines of <c>TCP: inuse 3 orphan 0 ...</c> (sockstat_seq_show in net/ipv4/proc.c, sockstat6_seq_show in
/// net/ipv6/proc.c, where the protocols end in 6).
/// </summary>
public abstract class SockstatLines(string path) : TextFile(path)
{
    /// <summary>What it says.</summary>
    public SockstatFigures Figures { get; } = new();

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        Figures.Clear();
        var whole = content[..(content.LastIndexOf((byte)'\n') + 1)];
        if (whole.Length != content.Length || whole.IsEmpty)
            Failure = Truncated;
        var lines = new LineReader(whole);
        var any = false;
        while (lines.TryNext(out var line))
        {
            if (TryLine(line))
                any = true;
            else
                Failure = Malformed;
        }
        return any;
    }

    private bool TryLine(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0)
            return false;
        var protocol = line[..colon].TrimEnd((byte)'6');
        // Checked whole before anything is taken: half a line may be half a number.
        return Walk(line[(colon + 1)..], protocol, take: false) && Walk(line[(colon + 1)..], protocol, take: true);
    }

    private bool Walk(ReadOnlySpan<byte> pairs, ReadOnlySpan<byte> protocol, bool take)
    {
        var fields = new FieldReader(pairs);
        while (fields.TryNext(out var key))
        {
            // All of them are counts or sizes: %d and %ld in the source, but never below zero.
            if (!fields.TryNextNumber(out var value) || value < 0)
                return false;
            if (take && FieldOf(protocol, key) is { } field)
                Figures[field] = value;
        }
        return true;
    }

    private static SockstatField? FieldOf(ReadOnlySpan<byte> protocol, ReadOnlySpan<byte> key)
    {
        if (protocol.SequenceEqual("TCP"u8))
            return TcpField(key);
        if (key.SequenceEqual("inuse"u8))
            return InuseField(protocol);
        if (protocol.SequenceEqual("UDP"u8) && key.SequenceEqual("mem"u8))
            return SockstatField.UdpMem;
        if (protocol.SequenceEqual("FRAG"u8) && key.SequenceEqual("memory"u8))
            return SockstatField.FragMemory;
        if (protocol.SequenceEqual("sockets"u8) && key.SequenceEqual("used"u8))
            return SockstatField.SocketsUsed;
        return null;
    }

    private static SockstatField? TcpField(ReadOnlySpan<byte> key) => key switch
    {
        _ when key.SequenceEqual("inuse"u8) => SockstatField.TcpInuse,
        _ when key.SequenceEqual("orphan"u8) => SockstatField.TcpOrphan,
        _ when key.SequenceEqual("tw"u8) => SockstatField.TcpTw,
        _ when key.SequenceEqual("alloc"u8) => SockstatField.TcpAlloc,
        _ when key.SequenceEqual("mem"u8) => SockstatField.TcpMem,
        _ => null,
    };

    private static SockstatField? InuseField(ReadOnlySpan<byte> protocol) => protocol switch
    {
        _ when protocol.SequenceEqual("UDP"u8) => SockstatField.UdpInuse,
        _ when protocol.SequenceEqual("UDPLITE"u8) => SockstatField.UdpliteInuse,
        _ when protocol.SequenceEqual("RAW"u8) => SockstatField.RawInuse,
        _ when protocol.SequenceEqual("FRAG"u8) => SockstatField.FragInuse,
        _ => null,
    };
}

/// <summary>/proc/net/sockstat.</summary>
public sealed class SockstatFile() : SockstatLines("net/sockstat");

/// <summary>/proc/net/sockstat6; not there when IPv6 is off.</summary>
public sealed class Sockstat6File() : SockstatLines("net/sockstat6");
