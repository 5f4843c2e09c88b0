using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>The attributes of a row.</summary>
internal static class RowAttributes
{
    internal static readonly RowCacheSlot Slot = new();

    private static readonly RowCache<EncodedAttributes> Cache = new(Slot, static (row, names) =>
        EncodedAttributes.Encode(Tags(row, new SubjectFacts(row.Subject, names)).ToArray()));

    public static EncodedAttributes Of(Row row) => Cache.Of(row);

    /// <summary>Scope and names of the subject, then what tells its rows apart.</summary>
    private static List<Tag> Tags(Row row, in SubjectFacts facts)
    {
        var tags = new List<Tag>(8);
        SubjectNaming.Otel.Add(tags, facts);
        for (var i = 0; i < row.Tags.Count; i++)
        {
            if (row.Tags[i].IsNumber || row.Tags[i].Text.Length > 0)
                tags.Add(new(row.Table.RowTags[i].Key, row.Tags[i]));
        }
        return tags;
    }
}
