namespace Collector.Linux.Kernel.ProcFs;

/// <summary>
/// ICMP messages per type, which the kernel prints only for types that occurred: <c>InType3</c>, <c>OutType135</c>.
/// </summary>
public sealed class IcmpTypeCounts
{
    // 256 types, two directions: icmpmsg_put in net/ipv4/proc.c, snmp6_seq_show_icmpv6msg in net/ipv6/proc.c.
    private const int Most = 512;
    private Entry[] _entries = [];
    private int _count;

    /// <summary>What occurred, in the kernel's order.</summary>
    public ReadOnlySpan<Entry> Entries => _entries.AsSpan(0, _count);

    internal void Clear() => _count = 0;

    /// <summary>Adds <c>InType3</c> with its count; false when the name is something else.</summary>
    internal bool TryAdd(ReadOnlySpan<byte> name, long count)
    {
        if (!TryParse(name, out var entry) || _count == Most)
            return false;
        Add(entry with { Count = count });
        return true;
    }

    internal void Add(in Entry entry)
    {
        if (_count == _entries.Length)
            Array.Resize(ref _entries, Math.Max(16, _count * 2));
        _entries[_count++] = entry;
    }

    private static bool TryParse(ReadOnlySpan<byte> name, out Entry entry)
    {
        entry = default;
        var sent = name.StartsWith("OutType"u8);
        if (!sent && !name.StartsWith("InType"u8))
            return false;
        var at = sent ? 7 : 6;
        if (!DecimalReader.TryRead(name, ref at, out var type) || at != name.Length || type is < 0 or > 255)
            return false;
        entry = new Entry((byte)type, sent, 0);
        return true;
    }

    /// <summary>Messages of one type in one direction.</summary>
    public readonly record struct Entry(byte Type, bool Sent, long Count);
}
