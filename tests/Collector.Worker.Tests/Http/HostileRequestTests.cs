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
    public async Task A_reader_that_does_not_read_makes_way_for_the_next_one_and_is_counted()
    {
        await using var server = await HttpServerFixture.StartAsync(maxScrapes: 1);
        CollectLarge(server.Node);
        using var lazy = await LazyReader(server);

        using var served = await server.Client.GetAsync("/metrics");
        served.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await served.Content.ReadAsStringAsync()).Length.ShouldBeGreaterThan(10_000_000);
        while (server.Http.Statistics.Rejected == 0)
            await Task.Delay(50);
        server.Http.Connections.Evicted.ShouldBe(1);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_is_cut_off_in_the_end()
    {
        await using var server = await HttpServerFixture.StartAsync(writeTimeout: TimeSpan.FromSeconds(2));
        CollectLarge(server.Node);
        using var lazy = await LazyReader(server);
        while (server.Http.Statistics.Aborted == 0)
            await Task.Delay(50);
        using var served = await server.Client.GetAsync("/metrics");
        served.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Readers_that_hold_pages_of_many_snapshots_lose_the_oldest()
    {
        await using var server = await HttpServerFixture.StartAsync(maxScrapes: 100);
        var readers = new List<TcpClient>();
        for (var i = 0; i < 6; i++)
        {
            CollectLarge(server.Node);
            readers.Add(await LazyReader(server));
        }
        while (server.Http.Statistics.Rejected < 3)
            await Task.Delay(50);
        server.Http.Statistics.Rejected.ShouldBe(3, "the newest page and two older ones stay");
        readers.ForEach(r => r.Dispose());
    }

    [Theory]
    [InlineData(64)]
    [InlineData(200)]
    [InlineData(2000)]
    public async Task Idle_connections_keep_nobody_out(int count)
    {
        await using var server = await HttpServerFixture.StartAsync(maxConnections: 64);
        server.Node.CollectGolden();
        var idle = new List<TcpClient>();
        for (var i = 0; i < count; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync(server.Address.Host, server.Address.Port);
            // One sends nothing, one keeps its connection after a request, one never ends its request.
            if (i % 3 != 0)
                await Send(client, i % 3 == 1 ? $"GET /healthz HTTP/1.1\r\n{Host}\r\n" : "GET /hea");
            idle.Add(client);
            if (i % (count / 20) != 0)
                continue;
            using var fresh = new HttpClient { BaseAddress = server.Address };
            (await fresh.GetStringAsync("/healthz")).ShouldBe("ok\n");
            (await fresh.GetStringAsync("/metrics")).ShouldNotBeEmpty();
        }
        if (count > 64)
            server.Http.Connections.Evicted.ShouldBeGreaterThan(count / 2);
        idle.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_page_is_rendered_once_for_all_who_ask_at_the_same_time()
    {
        await using var server = await HttpServerFixture.StartAsync(maxScrapes: 100);
        CollectLarge(server.Node);
        var pages = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => server.Client.GetStringAsync("/metrics")));
        pages.Distinct().Count().ShouldBe(1);
        // The last byte may be here before it is counted there.
        SpinWait.SpinUntil(() => server.Http.Statistics.Scrapes == 20, TimeSpan.FromSeconds(10)).ShouldBeTrue();
        server.Http.Statistics.Renders.ShouldBe(1);

        server.Node.CollectGolden();
        await server.Client.GetStringAsync("/metrics");
        server.Http.Statistics.Renders.ShouldBe(2);
    }

    private static async Task<TcpClient> LazyReader(HttpServerFixture server)
    {
        var lazy = new TcpClient { ReceiveBufferSize = 4096 };
        await lazy.ConnectAsync(server.Address.Host, server.Address.Port);
        await Send(lazy, $"GET /metrics HTTP/1.1\r\n{Host}\r\n");
        // Its first bytes prove that its page is being sent.
        await lazy.GetStream().ReadExactlyAsync(new byte[16]);
        return lazy;
    }

    // The server may close before it has read everything.
    private static async Task Send(TcpClient client, string text)
    {
        try
        {
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
        }
        catch (IOException)
        {
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
