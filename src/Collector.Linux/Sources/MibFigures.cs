using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// A namespace's counters as the pass found them, in the same sections as the files of /proc have. The pass fills it
/// (<see cref="MibPass"/>).
/// </summary>
public sealed class MibFigures : NamespaceSource
{
    private MibSectionSlots[] _plan = [];
    private MibSection?[] _sections = [];
    private MibWish _wish;

    /// <summary>The collection that it was filled in.</summary>
    internal long Tick { get; private set; } = long.MinValue;

    /// <summary>ICMP messages by type.</summary>
    internal IcmpTypeCounts IcmpTypes { get; } = new();

    /// <summary>The same of ICMPv6.</summary>
    internal IcmpTypeCounts Icmp6Types { get; } = new();

    /// <summary>What sockstat has.</summary>
    internal SocketUse Sockets { get; } = new();

    /// <summary>What is there of a section; null where the namespace has none.</summary>
    /// <returns>False: the pass does not give it.</returns>
    internal bool TryFind(string section, out MibSection? found)
    {
        for (var i = 0; i < _plan.Length; i++)
        {
            if (_plan[i].Layout.Section != section)
                continue;
            found = _sections[i];
            return true;
        }
        found = null;
        return false;
    }

    /// <summary>The same where it does not matter why there is none.</summary>
    internal MibSection? Find(string section) => TryFind(section, out var found) ? found : null;

    /// <summary>The same for whoever has not asked for it: null where it is not of that collection.</summary>
    internal MibSection? Find(string section, long tick) =>
        Tick == tick && MibSlots.KindOf(section) is { } kind && _wish.Has(kind) ? Find(section) : null;

    /// <param name="tick">The collection.</param>
    /// <param name="plan">The sections.</param>
    /// <param name="wish">What was read.</param>
    /// <param name="sums">Counters over all CPUs.</param>
    /// <param name="once">What the namespace has once.</param>
    internal void Fill(
        long tick, MibSectionSlots[] plan, MibWish wish, ReadOnlySpan<long> sums, ReadOnlySpan<long> once)
    {
        Tick = tick;
        Failure = "";
        _wish = wish;
        if (_plan != plan)
            (_plan, _sections) = (plan, new MibSection?[plan.Length]);
        for (var i = 0; i < plan.Length; i++)
        {
            var slots = plan[i];
            if (!wish.Has(slots.Kind))
                continue;
            var there = once[MibOnce.FirstMib + (int)slots.Kind] != 0;
            if (!there && slots.IsIPv6)
                _sections[i] = null;
            else
                Fill(_sections[i] ??= new MibSection(slots.Layout), slots, there, sums, once);
        }
        if (wish.AllTypes)
        {
            Fill(IcmpTypes, once.Slice(MibOnce.FirstIcmpType, MibOnce.IcmpTypeCount));
            Fill(Icmp6Types, Find("Icmp6") is null ? [] : once.Slice(MibOnce.FirstIcmp6Type, MibOnce.IcmpTypeCount));
        }
    }

    private void Fill(
        MibSection section, MibSectionSlots slots, bool there, ReadOnlySpan<long> sums, ReadOnlySpan<long> once)
    {
        var values = section.Writable;
        for (var i = 0; i < values.Length; i++)
        {
            var slot = slots.Slots[i];
            // What was never counted has no counter yet (MPTCP).
            var value = slot >= MibWords.Count ? once[slot - MibWords.Count] : there ? sums[slot] : 0;
            // As in /proc, where it is printed without a sign: a sum caught below zero is no value.
            if (value < 0 && i != slots.Signed)
            {
                value = Metric.Absent;
                Failure = SnapshotBuilder.TooLarge;
            }
            values[i] = value;
        }
    }

    private static void Fill(IcmpTypeCounts counts, ReadOnlySpan<long> types)
    {
        counts.Clear();
        for (var i = 0; i < types.Length; i++)
        {
            if (types[i] != 0)
                counts.Add(new((byte)i, i >= MibOnce.FirstSent, types[i]));
        }
    }

    // It is filled before anybody reads it.
    protected override bool Read(NamespaceHandle handle) => true;
}
