using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Http;

/// <summary>Many who read the stream at once, among them those who take nothing.</summary>
public sealed class EventReadersTests
{
    private const int Recent = 10_000;

    [Fact]
    public async Task The_last_ten_thousand_can_be_asked_for()
    {
        await using var server = await HttpServerFixture.StartAsync(recent: Recent);
        for (var i = 1; i <= Recent + 500; i++)
            server.Http.Ring.Append([Plain(i)]);

        var lines = (await server.Client.GetStringAsync("/events?since=0&follow=false")).TrimEnd().Split('\n');

        lines.Select(Number).ShouldBe(Enumerable.Range(501, Recent));
    }

    /// <summary>
    /// Fifty take everything, fifty nothing. The latter are cut one and all, and cost no more than their buffers.
    /// </summary>
    [Fact]
    public async Task Those_that_are_stuck_are_cut_and_the_others_get_everything()
    {
        const int Each = 50, Step = 200, Most = 100 * 1024 * 1024;
        await using var server = await HttpServerFixture.StartAsync(recent: Recent);
        var ring = server.Http.Ring;
        ring.Readers.Most = 2 * Each;
        var stuck = Enumerable.Range(0, Each).Select(_ => Stuck(server)).ToArray();
        var good = await Task.WhenAll(Enumerable.Range(0, Each).Select(_ => Reader(server)));
        await Until(() => ring.Readers.Now == 2 * Each);
        using (var refused = await server.Client.GetAsync("/events"))
            refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (most, produced) = (0L, 0);
        for (var since = Stopwatch.GetTimestamp(); ring.Readers.Cut < Each;)
        {
            Stopwatch.GetElapsedTime(since).ShouldBeLessThan(TimeSpan.FromMinutes(3), "stuck readers stay");
            ring.Append([
                .. Enumerable.Range(produced + 1, Step).Select(i => Plain(i) with { Message = new('x', 500) }),
            ]);
            await Task.WhenAll(good.Select(reader => Expect(reader, produced + 1, Step)));
            produced += Step;
            most = Math.Max(most, Held(before + Most));
            (await server.Client.GetStringAsync("/healthz")).ShouldBe("ok\n");
        }

        ring.Readers.Cut.ShouldBe(Each);
        ring.Readers.Lost.ShouldBe(0);
        await Until(() => ring.Readers.Now == Each);
        (most - before).ShouldBeLessThan(Most);
        foreach (var reader in good)
            reader.Dispose();
        foreach (var socket in stuck)
            socket.Dispose();
        await Until(() => ring.Readers.Now == 0);
    }

    /// <summary>
    /// A stream on which nothing happens is no connection to close for others, nor are streams in their way.
    /// </summary>
    [Fact]
    public async Task Streams_stay_and_others_get_through_at_the_bound_of_connections()
    {
        await using var server = await HttpServerFixture.StartAsync(recent: Recent, maxConnections: 8);
        server.Node.CollectGolden();
        server.Http.Ring.Readers.Most.ShouldBe(4);
        var readers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Reader(server)));
        var others = Enumerable.Range(0, 40).Select(_ => Connect(server)).ToArray();

        for (var i = 0; i < 20; i++)
        {
            using var client = new HttpClient { BaseAddress = server.Address };
            (await client.GetStringAsync("/metrics")).ShouldNotBeEmpty();
            (await client.GetStringAsync("/healthz")).ShouldBe("ok\n");
        }
        server.Http.Connections.Evicted.ShouldBeGreaterThan(0);

        server.Http.Ring.Append([Plain(1)]);
        foreach (var reader in readers)
        {
            Number((await reader.ReadLineAsync())!).ShouldBe(1);
            reader.Dispose();
        }
        foreach (var other in others)
            other.Dispose();
    }

    [Theory]
    [InlineData(3000, HttpStatusCode.BadRequest)]
    [InlineData(1024 * 1024, HttpStatusCode.RequestUriTooLong)]
    public async Task A_query_of_any_size_is_answered(int size, HttpStatusCode expected)
    {
        await using var server = await HttpServerFixture.StartAsync(recent: Recent);
        using var response = await server.Client.GetAsync("/events?port=" + new string('1', size));
        response.StatusCode.ShouldBe(expected);
        (await response.Content.ReadAsStringAsync()).Length.ShouldBeLessThan(500);
    }

    // What is garbage already, of this test and of those beside it, nobody holds.
    private static long Held(long most)
    {
        var all = GC.GetTotalMemory(forceFullCollection: false);
        return all < most ? all : GC.GetTotalMemory(forceFullCollection: true);
    }

    private static int Number(string line) => JsonDocument.Parse(line).RootElement.GetProperty("seq").GetInt32();

    private static async Task Expect(StreamReader reader, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            var line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
            line.ShouldNotBeNull().StartsWith($"{{\"seq\":{i},", StringComparison.Ordinal).ShouldBeTrue(line);
        }
    }

    private static async Task<StreamReader> Reader(HttpServerFixture server)
    {
        var response = await server.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return new(await response.Content.ReadAsStreamAsync());
    }

    private static Socket Stuck(HttpServerFixture server)
    {
        var socket = Connect(server);
        socket.Send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        return socket;
    }

    private static Socket Connect(HttpServerFixture server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveBufferSize = 4096,
        };
        socket.Connect(server.Address.Host, server.Address.Port);
        return socket;
    }

    private static async Task Until(Func<bool> condition)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Stopwatch.GetElapsedTime(start).ShouldBeLessThan(TimeSpan.FromMinutes(1));
            await Task.Delay(20);
        }
    }
}
