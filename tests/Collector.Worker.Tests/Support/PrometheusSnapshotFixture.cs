using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>A small node, built by hand: a host, a pod, a named namespace, and one table of each kind.</summary>
internal sealed class PrometheusSnapshotFixture
{
    public const string Node = "node-1";

    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static readonly long Boot = SnapshotBuilder.UnixNanoseconds(Start.AddHours(-1).AddMilliseconds(250));

    public PrometheusSnapshotFixture() => Builder = new SnapshotBuilder(Store, Time);

    public SnapshotStore Store { get; } = new();

    public ManualTime Time { get; } = new(Start);

    public SnapshotBuilder Builder { get; }

    public NetNamespace Host { get; } = new(4026531840, 1, true, Boot);

    public NetNamespace Pod { get; } = new(4026532001, 2, false, Boot, new(null, "shop", "web-0", "uid-1"));

    public NetNamespace Named { get; } = new(4026532002, 3, false, Boot, new("blue"));

    /// <summary>Takes one collection.</summary>
    public Snapshot Collect(Action<SnapshotBuilder> fill)
    {
        Builder.Begin();
        fill(Builder);
        return Builder.Publish();
    }

    /// <summary>The snapshot that the golden pages show.</summary>
    public Snapshot CollectGolden()
    {
        var tables = new GoldenTables();
        var eth0 = new Row(tables.Netdev, Pod, Boot, "eth0");
        var odd = new Row(tables.Netdev, Named, Boot, "a\"b\\c\nd");
        var podTotal = new Row(tables.NetdevTotal, Pod, Boot);
        var hostTotal = new Row(tables.NetdevTotal, Host, Boot);
        var namedTotal = new Row(tables.NetdevTotal, Named, Boot);
        var cpu = new Row(tables.Softnet, null, Boot, 0L);
        var sock = new Row(tables.Sock, null, Boot);
        var latency = new Row(tables.Latency, Host, Boot);
        return Collect(b =>
        {
            var row = b.Append(eth0);
            row.Set(tables.Received, 1500);
            row.Set(tables.Sent, 700);
            b.Append(odd).Set(tables.Received, 1);
            b.Append(podTotal).Set(tables.LegacyReceived, 1500);
            b.Append(hostTotal).Set(tables.LegacyReceived, 9007199254740993);
            b.Append(namedTotal).Set(tables.LegacyReceived, 1);
            row = b.Append(cpu);
            row.Set(tables.Processed, 42);
            row.Set(tables.Busy, 125);
            b.Append(sock).Set(tables.Memory, 3);
            b.Append(latency).Set(tables.Duration, [3, 0, 2, 1], 2_500_000_000);
        });
    }

    /// <summary>A page as text.</summary>
    public static string Page(
        Snapshot snapshot, MetricNaming naming, PrometheusFormat format = PrometheusFormat.Text,
        bool created = false) =>
        Write(snapshot, new(naming, format, created)).Text;

    public static (string Text, PrometheusPageResult Result) Write(Snapshot snapshot, PrometheusPageKind kind)
    {
        using var page = new PooledPage();
        var result = new PrometheusWriter(Node).Write(snapshot, kind, page);
        using var bytes = new MemoryStream();
        page.CopyTo(bytes);
        bytes.Length.ShouldBe(page.Length);
        // Throws on anything that is not UTF-8.
        return (new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.ToArray()), result);
    }
}

/// <summary>One table of each kind that the outlet has to treat differently.</summary>
internal sealed class GoldenTables
{
    private const string Io = "Bytes on the wire; \"raw\" \\ as the device counts.";

    public GoldenTables()
    {
        Netdev = new("netdev", RowScope.Namespace, [new("network.interface.name")], [Received, Sent]);
        NetdevTotal = new("netdev.total", RowScope.Namespace, [], [LegacyReceived]);
        Softnet = new("softnet", RowScope.Node, [new("cpu.logical_number")], [Processed, Busy]);
        Sock = new("sock", RowScope.Node, [], [Memory]);
        Latency = new("latency", RowScope.Namespace, [], [Duration]);
    }

    public Metric Received { get; } = new()
    {
        Name = "system.network.io", Unit = Units.Bytes, Kind = InstrumentKind.Counter, Description = Io,
        Tags = [new("network.io.direction", "receive")],
    };

    public Metric Sent { get; } = new()
    {
        Name = "system.network.io", Unit = Units.Bytes, Kind = InstrumentKind.Counter, Description = Io,
        Tags = [new("network.io.direction", "transmit")],
    };

    public Metric LegacyReceived { get; } = new Metric
    {
        Name = "netlens.test.hidden", Unit = Units.Bytes, Kind = InstrumentKind.Counter, Hidden = true,
        Description = "Received bytes without lo.",
    }.Called(new LegacyName("")
    {
        KubeSkoop = ["kubeskoop_netdev_rxbytes", "kubeskoop_netdev_rxbyte"],
        Inspector = ["inspector_pod_netdevrxbytes"],
    });

    public Metric Processed { get; } = Metric.Counter(
        "netlens.softnet.processed", Units.Packets, "Packets taken from the backlog.").Called(new LegacyName(""));

    public Metric Busy { get; } = new()
    {
        Name = "netlens.softnet.utilization", Unit = Units.One, Kind = InstrumentKind.Gauge, Scale = 0.001,
        Description = "Part of its time.",
    };

    public Metric Memory { get; } = Metric.UpDownCounter(
        "netlens.sock.memory", Units.Bytes, "Memory of TCP sockets.", scale: 4096)
        .Called(new LegacyName("") { KubeSkoop = ["kubeskoop_sock_mem"] });

    public Metric Duration { get; } = new()
    {
        Name = "netlens.virtio.command.duration", Unit = Units.Seconds, Kind = InstrumentKind.Histogram, Scale = 1e-9,
        Description = "Time that commands took.", Bounds = [0.001, 0.25, 1],
    };

    public TableInfo Netdev { get; }

    public TableInfo NetdevTotal { get; }

    public TableInfo Softnet { get; }

    public TableInfo Sock { get; }

    public TableInfo Latency { get; }
}

/// <summary>A clock that a test moves.</summary>
internal sealed class ManualTime(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    /// <summary>What the time of day was set forward, or back, without any time passing.</summary>
    public TimeSpan Step { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Now + Step;

    public override long GetTimestamp() => Now.UtcTicks;
}
