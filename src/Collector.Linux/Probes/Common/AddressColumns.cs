using Collector.Core.Metrics;

namespace Collector.Linux.Probes.Common;

/// <summary>What is told of the sockets at one address: the table, and which of its columns is what.</summary>
internal sealed record AddressColumns
{
    /// <summary>Of the table.</summary>
    public static IReadOnlyList<TagKey> RowTags { get; } =
        [new("network.local.address"), new("network.local.port"), new("network.interface.name")];

    public required TableInfo Table { get; init; }

    public required Metric Usage { get; init; }

    public required Metric Limit { get; init; }

    /// <summary>Of the fullest of the sockets.</summary>
    public required Metric Fullest { get; init; }

    public required Metric FullestLimit { get; init; }

    public required Metric Drops { get; init; }

    public Metric? Sockets { get; init; }

    public Metric? HalfOpen { get; init; }

    /// <summary>Reason of a failed read where some of them share a row.</summary>
    public required string OverLimit { get; init; }
}
