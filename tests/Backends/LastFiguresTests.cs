using System.Globalization;
using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;
using OpenTelemetry.Proto.Collector.Metrics.V1;

namespace Backends.Tests;

/// <summary>
/// What a namespace counted between the last collection and its end reaches those too who look at one snapshot of
/// several.
/// </summary>
public sealed class LastFiguresTests
{
    private const string Bytes = "system.network.io";
    private const string Packets = "netlens.ip.in_receives";

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_a_namespace_are_pushed_and_on_the_page_however_seldom_anybody_looks(bool itsNumberIsAnothers)
    {
        using var ns = new TestNetns();
        var (inode, name) = (ns.Inode, ns.Name);
        await using var receiver = await Receiver.StartAsync();
        using var agent = new AgentProcess(
            """
            collection: {interval: 1s}
            otlp: {interval: 6s}
            probes: {netdev: {devices: "*"}, ip: {include: all}, packetloss: off, tcpreset: off, tcpretrans: off}
            """,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Http.AbsoluteUri), ("OTEL_LOGS_EXPORTER", "none"));
        while (!(await PushAsync(receiver, ns, DateTimeOffset.UnixEpoch)).Contains(Bytes))
        {
            // It is found with the first collection, or a later one.
        }

        // Right behind a push: the snapshot of the end is not pushed, nor are the next few.
        ns.Run("ping", "-q", "-c", "7", "-i", "0.01", "-s", "1000", "127.0.0.1");
        var link = JsonDocument.Parse(ns.Run("ip", "-s", "-s", "-j", "link", "show", "lo")).RootElement[0];
        var bytes = link.GetProperty("stats64").GetProperty("rx").GetProperty("bytes").GetInt64();
        var counted = ns.Run("nstat", "-asz", "IpInReceives").Split('\n').Single(l => l.StartsWith("IpInReceives"));
        var packets = long.Parse(
            counted.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        ns.Dispose();
        var end = DateTimeOffset.UtcNow;
        // A pod that follows another often has its number. Should a namespace of another test have taken it, that does.
        using var others = new Successors();
        if (itsNumberIsAnothers)
            others.Take(inode);

        bytes.ShouldBeGreaterThan(14_000);
        packets.ShouldBeGreaterThanOrEqualTo(14);
        var push = await PushAsync(receiver, ns, end);
        push[Bytes].ShouldBe([bytes]);
        push[Packets].ShouldBe([packets]);
        var page = agent.Get("/metrics").Split('\n').Where(l => l.Contains($"netlens_netns=\"{inode}\"")
            && l.Contains($"netlens_netns_name=\"{name}\"")).ToList();
        page.ShouldContain(l => l.StartsWith("system_network_io_bytes_total{", StringComparison.Ordinal)
            && l.Contains("direction=\"receive\"") && l.EndsWith($" {bytes}", StringComparison.Ordinal));
        page.ShouldContain(l => l.StartsWith("netlens_ip_in_receives_total{", StringComparison.Ordinal)
            && l.Contains("ipv4") && l.EndsWith($" {packets}", StringComparison.Ordinal));
        // Nothing lives there: what it had at the moment is told no more.
        page.ShouldNotContain(l => l.StartsWith("netlens_netdev_up{", StringComparison.Ordinal));
    }

    /// <summary>
    /// The two figures of a namespace in the next push of what the probes counted until after that moment.
    /// </summary>
    private static async Task<ILookup<string, long>> PushAsync(Receiver receiver, TestNetns ns, DateTimeOffset after)
    {
        var least = (ulong)after.ToUnixTimeMilliseconds() * 1_000_000;
        while (true)
        {
            var request = ExportMetricsServiceRequest.Parser.ParseFrom((await receiver.TakeAsync()).Message);
            if (!request.ResourceMetrics.SelectMany(r => r.ScopeMetrics).Any(s => s.Scope.Name == "netlens")
                || !request.Metrics().Where(static m => m.Sum is not null).SelectMany(static m => m.Sum.DataPoints)
                    .Any(p => p.TimeUnixNano >= least))
            {
                continue;
            }
            return request.Metrics().Where(m => m.Name is Bytes or Packets)
                .SelectMany(m => m.Sum.DataPoints.Select(p => (m.Name, Point: p)))
                .Where(p => p.Point.Attributes.Text("netlens.netns.name") == ns.Name)
                .Where(p => p.Point.Attributes.Text("netlens.netns") == ns.Inode.ToString(CultureInfo.InvariantCulture))
                .Where(p => p.Point.Attributes.Text("network.io.direction") is null or "receive")
                .Where(p => p.Point.Attributes.Text("network.type") is null or "ipv4")
                .ToLookup(p => p.Name, p => p.Point.AsInt);
        }
    }
}
