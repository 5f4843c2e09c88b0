using Collector.Linux.Sources;
using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>collection</c>.</summary>
internal static class CollectionKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("collection.interval", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)),
            "Time between two collections.",
            o => o.Collection.Interval,
            (o, v) => o with { Collection = o.Collection with { Interval = (TimeSpan)v! } })
        {
            Variable = "NETLENS_COLLECTION_INTERVAL",
        },
        new ValueKey("collection.source", Choice(
                ("auto", CollectionSource.Auto), ("kernel", CollectionSource.Kernel), ("proc", CollectionSource.Proc)),
            "Where counters of all namespaces are read: kernel, in one eBPF pass, with a warning where it cannot be; "
                + "proc, namespace by namespace; auto, in one pass where it agrees with /proc.",
            o => o.Collection.Source,
            (o, v) => o with { Collection = o.Collection with { Source = (CollectionSource)v! } })
        {
            Variable = "NETLENS_COLLECTION_SOURCE",
        },
        new ValueKey("collection.zeros", Choice(("keep", false), ("drop", true)),
            "drop leaves out series that were never other than 0: far fewer of them, but increase() misses the first.",
            o => o.Collection.DropZeros,
            (o, v) => o with { Collection = o.Collection with { DropZeros = (bool)v! } })
        {
            Variable = "NETLENS_COLLECTION_ZEROS",
        },
    ];
}
