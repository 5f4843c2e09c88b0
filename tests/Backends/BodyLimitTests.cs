using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Tests.Hosting;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>A server that takes requests up to a size, above all nginx with its default of 1 MiB, loses nothing.</summary>
public sealed class BodyLimitTests
{
    private const int Series = 20_000;

    private readonly Collection _collection = new();
    private readonly OtlpStatistics _statistics = new();
    private readonly LogList<OtlpMetricExporter> _log = new();
    private readonly Collector.Core.Metrics.Metric _counter = Counter("c");
    private readonly Row[] _rows;

    public BodyLimitTests()
    {
        var table = Table(_counter);
        _rows = [.. Enumerable.Range(0, Series).Select(i => Row(table, Namespace((ulong)i + 1), $"{new string('x', 80)}{i}"))];
    }

    [DebianTheory("nginx", "bookworm")]
    [InlineData(OtlpProtocol.HttpProtobuf, OtlpTemporality.Cumulative)]
    [InlineData(OtlpProtocol.HttpProtobuf, OtlpTemporality.Delta)]
    [InlineData(OtlpProtocol.Grpc, OtlpTemporality.Cumulative)]
    public async Task Behind_nginx_as_it_comes(OtlpProtocol protocol, OtlpTemporality temporality)
    {
        await using var receiver = await Receiver.StartAsync();
        var port = DebianProgram.FreePort();
        using var nginx = new DebianProgram("nginx", "usr/sbin/nginx", f => Nginx(f, port, receiver, protocol), port, "-c");
        var to = new Uri($"http://127.0.0.1:{port}{(protocol == OtlpProtocol.Grpc ? "" : "/v1/metrics")}");
        await AllArrive(receiver, ClientTests.To(receiver, protocol) with { Endpoint = to }, temporality, "HTTP 413");
    }

    [Fact]
    public async Task Where_the_refusal_is_lost_with_a_reset()
    {
        await using var receiver = await Receiver.StartAsync();
        using var server = new HastyServer(receiver, 1 << 20);
        var to = new Uri(server.Address, "/v1/metrics");
        var settings = ClientTests.To(receiver, OtlpProtocol.HttpProtobuf) with { Endpoint = to };
        await AllArrive(receiver, settings, OtlpTemporality.Delta, "HTTP 413", most: 64 << 20);
        // One that broke off, whose answer nobody got; some that were asked about; and then each part as it is.
        var asked = server.Answers.Skip(1).TakeWhile(a => a.EndsWith('?')).ToList();
        server.Answers.First().ShouldBe("413");
        asked.SkipLast(1).ShouldAllBe(a => a == "413?");
        asked[^1].ShouldBe("200?");
        server.Answers.Skip(1 + asked.Count).ShouldAllBe(a => a == "200");
    }

    [Fact]
    public async Task Where_gRPC_takes_messages_up_to_a_size()
    {
        const string Words = "grpc: received message larger than max (3145000 vs. 1000000)";
        await using var receiver = await Receiver.StartAsync(r => r.Message.Length > 1_000_000
            ? new Reply { GrpcStatus = 8, GrpcMessage = Words }
            : new Reply());
        await AllArrive(
            receiver, ClientTests.To(receiver, OtlpProtocol.Grpc), default, $"gRPC ResourceExhausted: {Words}",
            r => r.Message.Length <= 1_000_000);
    }

    [Fact]
    public async Task A_server_that_takes_no_size_is_asked_a_few_times_only()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Status = 413 });
        using var exporter = Exporter(ClientTests.To(receiver, OtlpProtocol.HttpProtobuf), default);
        await exporter.StartAsync(default);
        Publish(1);
        while (_statistics.LastDuration == 0)
            await Task.Delay(20);
        await exporter.StopAsync(default);

        _statistics.PointsFailed.ShouldBe(Series);
        receiver.Waiting.ShouldBeLessThan(15);
        _log.Lines.ShouldNotContain(l => l.Contains("from now on"));
    }

    private async Task AllArrive(
        Receiver receiver, OtlpSignalSettings settings, OtlpTemporality temporality, string why,
        Func<Received, bool>? taken = null, int most = SnapshotEncoder.DefaultMaxRequestBytes)
    {
        using var exporter = Exporter(settings with { Gzip = false }, temporality, most);
        await exporter.StartAsync(default);
        for (var value = 1; value <= 2; value++)
        {
            Publish(value);
            while (_statistics.PointsExported < value * Series)
                await Task.Delay(20);
            var points = await PointsAsync(receiver, taken ?? (static _ => true));
            points.Select(p => p.Line).Distinct().Count().ShouldBe(Series);
            points.Count.ShouldBe(Series);
            points.ShouldAllBe(p => p.Value == (temporality == OtlpTemporality.Delta ? 1 : value));
        }
        await exporter.StopAsync(default);

        _statistics.PointsFailed.ShouldBe(0);
        _statistics.DuplicatesDropped.ShouldBe(0);
        _statistics.SnapshotsExported.ShouldBe(2);
        var said = _log.Lines.Where(l => l.StartsWith("Warning")).ShouldHaveSingleItem();
        said.ShouldContain($"({why})");
        said.ShouldContain("otlp.maxRequestSize sets that at once; otlp.compression: gzip");
    }

    private void Publish(long value) => _collection.Collect(s =>
    {
        foreach (var row in _rows)
            s.Append(row).Set(_counter, value);
    });

    private static async Task<List<(string Line, long Value)>> PointsAsync(Receiver receiver, Func<Received, bool> taken)
    {
        var points = new List<(string, long)>();
        while (receiver.Waiting > 0)
        {
            var received = await receiver.TakeAsync();
            if (!taken(received))
                continue;
            var request = ExportMetricsServiceRequest.Parser.ParseFrom(received.Message);
            points.AddRange(request.Metrics().SelectMany(m => m.Numbers()).Select(p => (p.Attributes.Line(), p.AsInt)));
        }
        return points;
    }

    private OtlpMetricExporter Exporter(
        OtlpSignalSettings to, OtlpTemporality temporality, int most = SnapshotEncoder.DefaultMaxRequestBytes) => new(
        _collection.Store, Settings(to, temporality) with { MaxRequestBytes = most }, Resource, Samples.Version,
        _statistics, new Clock(), _log, retry: null);

    private static string Nginx(string folder, int port, Receiver receiver, OtlpProtocol protocol)
    {
        var temporary = string.Join('\n', new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }
            .Select(n => $"{n}_temp_path {folder}/{n};"));
        var (listen, pass) = protocol == OtlpProtocol.Grpc
            ? ("http2", $"grpc_pass grpc://{receiver.Grpc.Authority}")
            : ("", $"proxy_pass http://{receiver.Http.Authority}");
        return $$"""
            daemon off;
            master_process off;
            pid {{folder}}/pid;
            error_log stderr;
            events {}
            http {
              access_log off;
              {{temporary}}
              server { listen 127.0.0.1:{{port}} {{listen}}; location / { {{pass}}; } }
            }
            """;
    }

    /// <summary>Before every sample: under delta all of it is new.</summary>
    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => StandingClock.Noon.AddHours(-1);
    }
}
