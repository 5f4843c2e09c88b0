using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using OpenTelemetry.Proto.Collector.Metrics.V1;

namespace Backends.Tests;

/// <summary>A clock that stands where it is put.</summary>
internal sealed class StandingClock(DateTimeOffset now) : TimeProvider
{
    public static DateTimeOffset Noon { get; } = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    public DateTimeOffset Now { get; set; } = now;

    /// <summary>What the time of day was set forward, or back, without any time passing.</summary>
    public TimeSpan Step { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Now + Step;

    public override long GetTimestamp() => Now.UtcTicks;
}

/// <summary>A collection made by hand.</summary>
internal sealed class Collection
{
    public Collection(DateTimeOffset? now = null)
    {
        Clock = new StandingClock(now ?? StandingClock.Noon);
        Builder = new SnapshotBuilder(Store, Clock);
    }

    public SnapshotStore Store { get; } = new();

    public StandingClock Clock { get; }

    public SnapshotBuilder Builder { get; }

    /// <summary>One collection, 15 s after the one before.</summary>
    public Snapshot Collect(Action<SnapshotBuilder> write)
    {
        Clock.Now += TimeSpan.FromSeconds(15);
        Builder.Begin();
        write(Builder);
        return Builder.Publish();
    }
}

internal static class Samples
{
    public const string Version = "1.2.3";

    /// <summary>Before any sample's start: delta temporality sends everything.</summary>
    public const long Always = 0;

    public static long Nanoseconds(DateTimeOffset at) => SnapshotBuilder.UnixNanoseconds(at);

    public static Metric Counter(string name, string unit = Units.Packets, params Tag[] tags) =>
        Of(InstrumentKind.Counter, name, unit, tags);

    public static Metric Of(InstrumentKind kind, string name, string unit = Units.One, params Tag[] tags) =>
        new() { Name = name, Unit = unit, Kind = kind, Description = $"What {name} is.", Tags = tags };

    public static Metric Histogram(string name, params double[] bounds) => new()
    {
        Name = name,
        Unit = Units.Seconds,
        Kind = InstrumentKind.Histogram,
        Description = $"What {name} is.",
        Bounds = bounds,
        Scale = 1e-9,
    };

    public static TableInfo Table(params Metric[] metrics) => new("t", RowScope.Namespace, [new("row")], metrics);

    public static NetNamespace Namespace(ulong inode, SubjectNames? identity = null, long? start = null) =>
        new(inode, (long)inode, isHost: false, start ?? Nanoseconds(StandingClock.Noon), identity);

    public static Row Row(TableInfo table, NetNamespace? ns, params TagValue[] tags) =>
        new(table, ns, ns?.StartTime ?? Nanoseconds(StandingClock.Noon), tags);

    public static HostFacts Machine { get; } = new()
    {
        HostName = "node-a",
        MachineId = "0123456789abcdef0123456789abcdef",
        Architecture = "amd64",
        OsType = "linux",
    };

    public static ResourceAttributes Resource { get; } = ResourceAttributes.Build(
        Settings(), new ResourceOptions(), Machine, Version, _ => null);

    public static OtlpSettings Settings(OtlpSignalSettings? metrics = null, OtlpTemporality temporality = default) =>
        new() { Metrics = metrics ?? new(), Logs = new(), Temporality = temporality };

    public static SnapshotEncoder Encoder(
        OtlpTemporality temporality = default, int maxBytes = SnapshotEncoder.DefaultMaxRequestBytes,
        long since = Always) => new(Resource, Version, temporality, since, maxBytes);

    /// <summary>Every request of a snapshot, decoded by the official messages; each taken as accepted or not.</summary>
    public static List<ExportMetricsServiceRequest> Encode(
        this SnapshotEncoder encoder, Snapshot snapshot, bool accept = true)
    {
        var requests = new List<ExportMetricsServiceRequest>();
        encoder.Begin(snapshot);
        while (encoder.TryNext())
        {
            requests.Add(ExportMetricsServiceRequest.Parser.ParseFrom(encoder.Request.Span));
            if (accept)
                encoder.Accept();
        }
        encoder.End();
        return requests;
    }
}
