using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Tests.Export.Prometheus;

namespace Collector.Worker.Tests.Http;

/// <summary>What comes from people and programs that mean harm, or do it anyway.</summary>
public sealed class HostileRequestTests
{
    private const string Host = "Host: localhost\r\n";

    [Theory]
    [InlineData("POST /metrics HTTP/1.1\r\n" + Host + "Content-Length: 0\r\nConnection: close\r\n\r\n", 405)]
    [InlineData("DELETE / HTTP/1.1\r\n" + Host + "Connection: close\r\n\r\n", 405)]
    [InlineData("TRACE /metrics HTTP/1.1\r\n" + Host + "Connection: close\r\n\r\n", 405)]
    [InlineData("GET /metrics/../etc/passwd HTTP/1.1\r\n" + Host + "Connection: close\r\n\r\n", 404)]
    [InlineData("GET /debug/pprof HTTP/1.1\r\n" + Host + "Connection: close\r\n\r\n", 404)]
    [InlineData("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400)]
    [InlineData("nonsense\r\n\r\n", 400)]
    public async Task Bad_requests_get_their_status(string request, int status)
    {
        await using var server = await HttpServerFixture.StartAsync();
        server.Node.CollectGolden();
        (await server.RawAsync(request)).ShouldStartWith($"HTTP/1.1 {status} ");
        (await server.Client.GetStringAsync("/healthz")).ShouldBe("ok\n");
    }

    [Fact]
    public async Task Huge_lines_and_headers_are_refused()
    {
        await using var server = await HttpServerFixture.StartAsync();
        (await server.RawAsync($"GET /{new string('a', 5000)} HTTP/1.1\r\n{Host}\r\n"))
            .ShouldStartWith("HTTP/1.1 414 ");
        (await server.RawAsync($"GET / HTTP/1.1\r\n{Host}X: {new string('a', 9000)}\r\n\r\n"))
            .ShouldStartWith("HTTP/1.1 431 ");
        var many = string.Concat(Enumerable.Range(0, 60).Select(i => $"X{i}: 1\r\n"));
        (await server.RawAsync($"GET / HTTP/1.1\r\n{Host}{many}\r\n")).ShouldStartWith("HTTP/1.1 431 ");
    }

    // The server's own limit ends it; the test waits for the connection's end and measures nothing.
    [Fact]
    public async Task A_request_that_never_ends_is_cut_off()
    {
        await using var server = await HttpServerFixture.StartAsync();
        var answer = await server.RawAsync("GET /metrics HTTP/1.1\r\nHost: loc");
        answer.ShouldMatch("^$|^HTTP/1.1 408 ");
        (await server.Client.GetStringAsync("/healthz")).ShouldBe("ok\n");
    }

    [Fact]
    public async Task A_reader_that_does_not_read_loses_its_slot_and_the_others_are_told()
    {
        await using var server = await HttpServerFixture.StartAsync(
            maxScrapes: 1, writeTimeout: TimeSpan.FromSeconds(2));
        CollectLarge(server.Node);
        using var lazy = new TcpClient { ReceiveBufferSize = 4096 };
        await lazy.ConnectAsync(server.Address.Host, server.Address.Port);
        await lazy.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET /metrics HTTP/1.1\r\n{Host}\r\n"));
        // Its first bytes prove that it holds the slot.
        await lazy.GetStream().ReadExactlyAsync(new byte[16]);

        using var refused = await server.Client.GetAsync("/metrics");
        refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        refused.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        (await refused.Content.ReadAsStringAsync()).ShouldBe("1 scrapes are under way, which is the limit\n");
        server.Http.Statistics.Rejected.ShouldBe(1);

        while (server.Http.Statistics.Aborted == 0)
            await Task.Delay(50);
        using var served = await Retry(server);
        served.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    // The slot is free a moment after the abort was counted.
    private static async Task<HttpResponseMessage> Retry(HttpServerFixture server)
    {
        while (true)
        {
            var response = await server.Client.GetAsync("/metrics");
            if (response.StatusCode == HttpStatusCode.OK)
                return response;
            response.Dispose();
            await Task.Delay(50);
        }
    }

    /// <summary>About 20 MB of page: more than the socket buffers of both ends take.</summary>
    private static void CollectLarge(PrometheusSnapshotFixture node)
    {
        var metrics = Enumerable.Range(0, 100).Select(i => new Metric
        {
            Name = $"netlens.test.m{i}", Unit = "{x}", Kind = InstrumentKind.Gauge, Description = "X.",
        }).ToArray();
        var table = new TableInfo("large", RowScope.Node, [new("text")], metrics);
        node.Collect(b =>
        {
            for (var i = 0; i < 1000; i++)
            {
                var row = b.Append(new Row(table, null, 1, new string('x', 150) + i));
                foreach (var metric in metrics)
                    row.Set(metric, i);
            }
        });
    }
}
