using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// The attributes of a row, kept on the row itself: they die with it. Encoded again when the namespace got another
/// identity (its pod became known), which the reference tells.
/// </summary>
internal sealed class RowAttributes
{
    private readonly NamespaceIdentity? _identity;

    private RowAttributes(NamespaceIdentity? identity, EncodedAttributes encoded)
    {
        _identity = identity;
        Encoded = encoded;
    }

    public EncodedAttributes Encoded { get; }

    public static EncodedAttributes Of(Row row)
    {
        var identity = row.Namespace?.Identity;
        if (row.GetCached(RowCacheSlot.Otlp) is RowAttributes cached && ReferenceEquals(cached._identity, identity))
            return cached.Encoded;
        var made = new RowAttributes(identity, EncodedAttributes.Encode(Tags(row, identity).ToArray()));
        row.SetCached(RowCacheSlot.Otlp, made);
        return made.Encoded;
    }

    /// <summary>Scope and names of the namespace, then what tells its rows apart.</summary>
    private static List<Tag> Tags(Row row, NamespaceIdentity? identity)
    {
        var tags = new List<Tag>(8);
        IdentityAttributes.Add(tags, row.Namespace, identity);
        for (var i = 0; i < row.Tags.Count; i++)
        {
            if (row.Tags[i].IsNumber || row.Tags[i].Text.Length > 0)
                tags.Add(new(row.Table.RowTags[i].Key, row.Tags[i]));
        }
        return tags;
    }
}
