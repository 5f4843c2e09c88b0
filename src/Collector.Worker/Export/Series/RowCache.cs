using Collector.Core.Identity;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Series;

/// <summary>
/// What an exporter encoded for a row, kept on the row itself: it dies with it. Encoded again when the namespace got
/// another identity (its pod became known), which the reference tells.
/// </summary>
/// <param name="slot">Where; caches that share a slot take turns.</param>
/// <param name="encode">Encodes a row that has this identity.</param>
internal sealed class RowCache<T>(RowCacheSlot slot, Func<Row, NamespaceIdentity?, T> encode) where T : class
{
    public T Of(Row row)
    {
        var identity = row.Namespace?.Identity;
        if (row.GetCached(slot) is Entry known && ReferenceEquals(known.Identity, identity)
            && ReferenceEquals(known.Owner, this))
        {
            return known.Value;
        }
        var value = encode(row, identity);
        row.SetCached(slot, new Entry(this, identity, value));
        return value;
    }

    private sealed record Entry(RowCache<T> Owner, NamespaceIdentity? Identity, T Value);
}
