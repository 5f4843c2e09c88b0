using Collector.Core.Metrics;

namespace Collector.Linux.Sources;

/// <summary>What sockstat and sockstat6 tell of one namespace, as the pass found it.</summary>
/// <remarks>What they tell of the whole machine is not in it.</remarks>
internal sealed class SocketUse
{
    public SockstatFigures IPv4 { get; } = new();

    public SockstatFigures IPv6 { get; } = new();

    /// <summary>False where the namespace has no IPv6.</summary>
    public bool HasIPv6 { get; private set; }

    /// <summary>
    /// False: the kernel's types do not tell where they are, or the namespace has IPv6 and its protocols were not
    /// there when they were looked for.
    /// </summary>
    public bool IsWhole { get; private set; }

    /// <param name="slots">Where each protocol is counted.</param>
    /// <param name="inUse">Sockets by slot, over all CPUs, and behind them those of all families.</param>
    /// <param name="once">What the namespace has once.</param>
    public void Fill(ProtocolSlots slots, ReadOnlySpan<int> inUse, ReadOnlySpan<long> once)
    {
        HasIPv6 = once[MibOnce.FirstMib + (int)MibKind.Ip6] != 0;
        IsWhole = once[MibOnce.FirstMib + (int)MibKind.Sockets] != 0 && (!HasIPv6 || slots.HasIPv6);
        Fill(IPv4, slots.IPv4, inUse, once, 0);
        IPv4[SockstatField.SocketsUsed] = Count(inUse[MibWords.SocketSlots]);
        IPv4[SockstatField.TcpTw] = once[MibOnce.TimeWaitWord];
        if (HasIPv6)
            Fill(IPv6, slots.IPv6, inUse, once, 1);
    }

    private static void Fill(
        SockstatFigures figures, ReadOnlySpan<ProtocolPlace> places, ReadOnlySpan<int> inUse, ReadOnlySpan<long> once,
        int family)
    {
        figures.Clear();
        foreach (var (field, slot) in places)
            figures[field] = Count(inUse[slot]);
        figures[SockstatField.FragInuse] = once[MibOnce.FragmentsWord + family];
        var memory = once[MibOnce.FragmentMemoryWord + family];
        figures[SockstatField.FragMemory] = memory < 0 ? Metric.Absent : memory;
    }

    // As the kernel prints it: while a socket is counted up on one CPU and down on another, a sum may be below zero.
    private static long Count(int sum) => Math.Max(0, sum);
}
