using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// The attributes of a row, kept on the row itself: they die with it. Encoded again when its subject got other names
/// (its pod became known), which the reference tells.
/// </summary>
internal sealed class RowAttributes
{
    private readonly SubjectNames _names;

    private RowAttributes(SubjectNames names, EncodedAttributes encoded)
    {
        _names = names;
        Encoded = encoded;
    }

    public EncodedAttributes Encoded { get; }

    public static EncodedAttributes Of(Row row)
    {
        var facts = SubjectFacts.Of(row.Subject);
        if (row.GetCached(RowCacheSlot.Otlp) is RowAttributes cached && ReferenceEquals(cached._names, facts.Names))
            return cached.Encoded;
        var made = new RowAttributes(facts.Names, EncodedAttributes.Encode(Tags(row, facts).ToArray()));
        row.SetCached(RowCacheSlot.Otlp, made);
        return made.Encoded;
    }

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
