using System.Runtime.InteropServices;

namespace Collector.Linux.Pods;

/// <summary>Counts by key: any thread counts, and the collection reads them without allocating.</summary>
internal sealed class Tally<TKey>
    where TKey : notnull
{
    private readonly Dictionary<TKey, long> _counts = [];
    private readonly Lock _lock = new();

    public long this[TKey key]
    {
        get
        {
            lock (_lock)
                return _counts.GetValueOrDefault(key);
        }
    }

    public void Add(TKey key, long value)
    {
        lock (_lock)
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _) += value;
    }

    /// <summary>Takes over what was counted.</summary>
    public void CopyTo(List<KeyValuePair<TKey, long>> list)
    {
        list.Clear();
        lock (_lock)
        {
            foreach (var count in _counts)
                list.Add(count);
        }
    }
}
