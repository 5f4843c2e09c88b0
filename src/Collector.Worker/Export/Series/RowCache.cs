using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Worker.Export.Series;

/// <summary>
/// What an exporter encoded for a row, kept on the row itself: it dies with it. Encoded again when the row's subject
/// got other names (its pod became known), which the reference tells.
/// </summary>
/// <param name="slot">Where; caches that share a slot take turns.</param>
/// <param name="encode">Encodes a row whose subject has these names.</param>
internal sealed class RowCache<T>(RowCacheSlot slot, Func<Row, SubjectNames, T> encode) where T : class
{
    public T Of(Row row)
    {
        var names = row.Subject?.Names ?? SubjectNames.None;
        if (row.GetCached(slot) is Entry known && ReferenceEquals(known.Names, names)
            && ReferenceEquals(known.Owner, this))
        {
            return known.Value;
        }
        var value = encode(row, names);
        row.SetCached(slot, new Entry(this, names, value));
        return value;
    }

    private sealed record Entry(RowCache<T> Owner, SubjectNames Names, T Value);
}
