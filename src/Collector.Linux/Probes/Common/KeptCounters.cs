using System.Runtime.InteropServices;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// What entries of strangers had counted when they were deleted: one sum per row, counted again in each collection, so
/// that no counter falls.
/// </summary>
/// <param name="namespaces">Knows whose row has it.</param>
internal sealed class KeptCounters<TKey, TValue, TRow>(CountedNamespaces namespaces)
    where TKey : unmanaged
    where TValue : unmanaged
    where TRow : class
{
    private readonly Dictionary<TRow, Kept> _kept = [];
    private readonly List<Kept> _moving = [];

    /// <summary>Adds what an entry counted; only the counters of the value mean anything from now on.</summary>
    public void Keep(in TKey key, in TValue value, TRow row, Subject subject)
    {
        ref var kept = ref CollectionsMarshal.GetValueRefOrAddDefault(_kept, row, out var known);
        if (known)
        {
            var sums = MemoryMarshal.Cast<TValue, long>(MemoryMarshal.CreateSpan(ref kept.Value, 1));
            PerCpu.Add(MemoryMarshal.Cast<TValue, long>(MemoryMarshal.CreateReadOnlySpan(in value, 1)), sums);
        }
        else
        {
            kept = new Kept { Key = key, Value = value, Row = row, Subject = subject };
        }
    }

    /// <summary>Gives what was kept for a number to the past, once the number is nobody's or another's.</summary>
    /// <param name="meet">Finds the row; null: it is not wanted any more.</param>
    /// <param name="all">Also those that stay whose they are: the rows are others now.</param>
    public void Move(Func<TKey, Subject?, TRow?> meet, bool all)
    {
        foreach (var kept in _kept.Values)
        {
            if (all || namespaces.KeeperOf(kept.Subject) != kept.Subject)
                _moving.Add(kept);
        }
        foreach (var kept in _moving)
            _kept.Remove(kept.Row);
        foreach (var kept in _moving)
        {
            var subject = namespaces.KeeperOf(kept.Subject);
            if (meet(kept.Key, subject) is { } row)
                Keep(kept.Key, kept.Value, row, subject);
        }
        _moving.Clear();
    }

    /// <summary>Counts it.</summary>
    public void AddTo(EntryAction<TKey, TValue, TRow> add)
    {
        foreach (var kept in _kept.Values)
            add(kept.Key, kept.Value, kept.Row);
    }

    private struct Kept
    {
        public TKey Key;
        public TValue Value;
        public TRow Row;
        public Subject Subject;
    }
}
