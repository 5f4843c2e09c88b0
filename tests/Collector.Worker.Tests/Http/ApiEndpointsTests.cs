using System.IO.Compression;
using System.Net;
using System.Text.Json;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Http.Api;
using Collector.Worker.Tests.View;

namespace Collector.Worker.Tests.Http;

/// <summary>/api/v1 by a real server, of a node that is made by hand.</summary>
public sealed class ApiEndpointsTests
{
    [Theory]
    [InlineData("overview", "pods")]
    [InlineData("overview?window=15", "pods")]
    [InlineData("subjects/n4026532001", "listeners")]
    [InlineData("node", "gauges")]
    [InlineData("listeners", "listeners")]
    [InlineData("drops", "drops")]
    [InlineData("series?metric=netlens.tcp.retrans_segs&subject=n4026532001", "series")]
    [InlineData("series?metric=netlens.tcp.retrans_segs&from=1h&points=5&tag=a:b", "series")]
    [InlineData("changes", "changes")]
    [InlineData("changes?from=2026-03-04T12:00:15Z&to=2026-03-04T12:01:00Z&subject=host", "changes")]
    [InlineData("openapi.json", "paths")]
    public async Task It_answers_json(string path, string property)
    {
        await using var server = await Started.WithMinuteAsync();
        using var answer = await server.Client.GetAsync($"/api/v1/{path}");
        var body = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, body);
        answer.Content.Headers.ContentType!.ToString().ShouldBe("application/json");
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
        using var json = JsonDocument.Parse(body);
        json.RootElement.TryGetProperty(property, out _).ShouldBeTrue(body);
        if (path.StartsWith("overview", StringComparison.Ordinal))
            body.ShouldNotContain("\n", customMessage: "a stream has it in one line");
        (await server.Client.SendAsync(new(HttpMethod.Head, $"/api/v1/{path}"))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("overview?window=0", "window must be a whole number of seconds from 1 to 3600; '0' is not")]
    [InlineData("overview?window=-1", "window must be a whole number of seconds from 1 to 3600; '-1' is not")]
    [InlineData("overview?window=3601", "window must be a whole number of seconds from 1 to 3600; '3601' is not")]
    [InlineData("overview?window=60&window=30", "window must be given once: ")]
    [InlineData("overview?widnow=60", "there is no parameter 'widnow'")]
    [InlineData("node?x=1", "there is no parameter 'x'")]
    [InlineData("stream?window=a%0Ab", "window must be a whole number of seconds from 1 to 3600; ")]
    [InlineData("series", "metric must be given: the name of a metric, as /api/v1/metrics has it")]
    [InlineData("series?metric=netlens.no.such", "metric must be the name of a metric, as /api/v1/metrics has it; ")]
    [InlineData("series?metric=netlens.tcp.retrans_segs&points=0", "points must be a whole number from 1 to 2000; '0'")]
    [InlineData("series?metric=netlens.tcp.retrans_segs&tag=x", "tag must be an attribute and its value, key:value; 'x'")]
    [InlineData("series?metric=netlens.tcp.retrans_segs&from=yesterday", "from must be an RFC 3339 time such as ")]
    [InlineData("series?metric=netlens.tcp.retrans_segs&from=1m&to=2m", "from must be earlier than to")]
    [InlineData("changes?from=2h", "from must be earlier than to, or than now, by an hour at most")]
    [InlineData("metrics?y=1", "there is no parameter 'y'")]
    public async Task Bad_input_is_refused_in_one_line(string path, string problem)
    {
        await using var server = await Started.WithMinuteAsync();
        using var answer = await server.Client.GetAsync($"/api/v1/{path}");
        var body = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest, body);
        body.ShouldStartWith(problem);
        body.TrimEnd('\n').ShouldNotContain('\n');
    }

    [Theory]
    [InlineData("subjects/n1", HttpStatusCode.NotFound)]
    [InlineData("subjects/..%2f..%2fetc", HttpStatusCode.NotFound)]
    [InlineData("subjects/", HttpStatusCode.NotFound)]
    [InlineData("series?metric=netlens.tcp.retrans_segs&subject=n1", HttpStatusCode.NotFound)]
    [InlineData("changes?from=1971-01-01T00:00:00Z&to=1971-01-01T00:01:00Z", HttpStatusCode.NotFound)]
    [InlineData("no-such", HttpStatusCode.NotFound)]
    public async Task What_there_is_not_is_not_found(string path, HttpStatusCode status)
    {
        await using var server = await Started.WithMinuteAsync();
        (await server.Client.GetAsync($"/api/v1/{path}")).StatusCode.ShouldBe(status);
    }

    [Fact]
    public async Task A_token_in_force_is_asked_for()
    {
        await using var server = await Started.WithMinuteAsync(guards: new() { Token = new Secret("0123456789abcdef") });
        foreach (var path in (string[])["overview", "stream", "openapi.json", "no-such"])
        {
            (await server.Client.GetAsync($"/api/v1/{path}")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", "0123456789abcdef");
        (await server.Client.GetAsync("/api/v1/overview")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Whatever_a_name_is_it_is_text()
    {
        const string Hostile = "<img src=x onerror=alert(1)>\u001b[31m\u202e\"\\\n";
        var node = new ViewedNode();
        node.Set(NodeFigures.Established, new NetNamespace(7, 7, false, 17, new(Hostile)), 1);
        node.Collect();
        await using var server = await Started.Async(node);
        var body = await server.Client.GetStringAsync("/api/v1/overview");
        body.ShouldNotContain("<img");
        body.ShouldNotContain("\u001b");
        using var json = JsonDocument.Parse(body);
        json.RootElement.GetProperty("pods")[0].GetProperty("name").GetString().ShouldBe(Hostile);
    }

    [Fact]
    public async Task It_is_read_only()
    {
        await using var server = await Started.WithMinuteAsync();
        (await server.Client.PostAsync("/api/v1/overview", null)).StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
    }

    [Fact]
    public async Task Before_the_first_collection_there_is_nothing()
    {
        await using var server = await Started.Async(new ViewedNode());
        using var answer = await server.Client.GetAsync("/api/v1/overview");
        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter!.ToString().ShouldBe("1");
        (await server.Client.GetAsync("/api/v1/subjects/host")).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task One_answer_serves_all_who_ask_and_none_is_made_when_nobody_does()
    {
        await using var server = await Started.WithMinuteAsync();
        server.Api.Made.ShouldBe(0);
        for (var i = 0; i < 20; i++)
            server.Collect();
        server.Api.Made.ShouldBe(0);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.Client.GetStringAsync("/api/v1/overview")));
        answers.Distinct().ShouldHaveSingleItem();
        server.Api.Made.ShouldBe(1);
        server.Collect();
        (await server.Client.GetStringAsync("/api/v1/overview")).ShouldNotBe(answers[0]);
        server.Api.Made.ShouldBe(2);
    }

    [Fact]
    public async Task It_is_packed_for_whoever_takes_that()
    {
        await using var server = await Started.WithMinuteAsync();
        var plain = await server.Client.GetStringAsync("/api/v1/metrics");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/metrics");
        request.Headers.Add("Accept-Encoding", "gzip");
        using var answer = await server.Client.SendAsync(request);
        answer.Content.Headers.ContentEncoding.ShouldBe(["gzip"]);
        var packed = await answer.Content.ReadAsByteArrayAsync();
        packed.Length.ShouldBeLessThan(plain.Length / 3);
        using var unpacked = new StreamReader(new GZipStream(new MemoryStream(packed), CompressionMode.Decompress));
        (await unpacked.ReadToEndAsync()).ShouldBe(plain);
    }

    [Fact]
    public async Task A_stream_has_the_overview_after_each_collection()
    {
        await using var server = await Started.WithMinuteAsync();
        using var stream = new StreamReader(await server.Client.GetStreamAsync("/api/v1/stream?window=10"));
        var first = await Next(stream);
        first.GetProperty("window_seconds").GetDouble().ShouldBe(15);
        server.Api.Streams.Now.ShouldBe(1);
        server.Collect();
        var second = await Next(stream);
        second.GetProperty("time").GetDateTime().ShouldBe(first.GetProperty("time").GetDateTime().AddSeconds(15));
        await server.StopAsync();
        (await stream.ReadToEndAsync()).Trim(':', '\n').ShouldBeEmpty();
        while (server.Api.Streams.Now > 0)
            await Task.Delay(10);
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(10, 10)]
    [InlineData(11, 60)]
    [InlineData(60, 60)]
    [InlineData(301, 900)]
    [InlineData(3600, 3600)]
    public void Streams_tell_of_a_few_windows(int asked, int told) =>
        OverviewStream.Rounded(TimeSpan.FromSeconds(asked)).ShouldBe(TimeSpan.FromSeconds(told));

    [Fact]
    public async Task Streams_of_many_windows_cost_as_much_as_those_of_a_few()
    {
        await using var server = await Started.WithMinuteAsync();
        var streams = new List<Stream>();
        foreach (var window in Enumerable.Range(20, 16))
        {
            streams.Add(await server.Client.GetStreamAsync($"/api/v1/stream?window={window}"));
            (await Next(new StreamReader(streams[^1]))).GetProperty("window_seconds").GetDouble().ShouldBe(60);
        }
        // One, and another one after each five seconds that this takes.
        server.Api.Made.ShouldBeLessThan(streams.Count);
        streams.ForEach(static s => s.Dispose());
    }

    [Fact]
    public async Task A_stream_that_waits_for_its_turn_says_that_it_lives()
    {
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        await using var server = await Started.WithMinuteAsync(silence: TimeSpan.FromMilliseconds(100), open: () =>
        {
            begun.Set();
            go.Wait(TimeSpan.FromMinutes(1));
        });
        // Another answer is being made.
        var other = server.Client.GetStringAsync("/api/v1/node");
        begun.Wait(TimeSpan.FromMinutes(1)).ShouldBeTrue();
        using var stream = new StreamReader(await server.Client.GetStreamAsync("/api/v1/stream"));
        // With the headers, and then while it waits.
        for (var beats = 0; beats < 4;)
        {
            var line = await stream.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
            line.ShouldBeOneOf(":", "");
            beats += line == ":" ? 1 : 0;
        }
        go.Set();
        (await Next(stream)).GetProperty("window_seconds").GetDouble().ShouldBe(60);
        await other;
    }

    [Fact]
    public async Task There_are_so_many_streams_and_no_more()
    {
        await using var server = await Started.WithMinuteAsync(maxConnections: 8);
        var streams = new List<Stream>();
        for (var i = 0; i < 2; i++)
        {
            streams.Add(await server.Client.GetStreamAsync("/api/v1/stream"));
            await Next(new StreamReader(streams[^1]));
        }
        using var refused = await server.Client.GetAsync(
            "/api/v1/stream", HttpCompletionOption.ResponseHeadersRead);
        refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await refused.Content.ReadAsStringAsync()).ShouldBe("2 others take the stream, which is the bound\n");
        server.Api.Streams.Refused.ShouldBe(1);
        // Others are answered all the same, and a place is free once a reader is gone.
        (await server.Client.GetAsync("/api/v1/overview")).StatusCode.ShouldBe(HttpStatusCode.OK);
        streams[0].Dispose();
        server.Collect();
        for (var i = 0; i < 600 && server.Api.Streams.Now > 1; i++)
            await Task.Delay(50);
        server.Api.Streams.Now.ShouldBe(1);
        streams[1].Dispose();
    }

    private static async Task<JsonElement> Next(StreamReader stream)
    {
        while (await stream.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1)) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                return JsonDocument.Parse(line[6..]).RootElement;
        }
        throw new EndOfStreamException();
    }

    /// <summary>The server, its API and the node.</summary>
    private sealed class Started : IAsyncDisposable
    {
        private readonly HttpServerFixture _server;
        private readonly ViewedNode _node;
        private long _round;

        private Started(HttpServerFixture server, ApiEndpoints api, ViewedNode node, long round) =>
            (_server, Api, _node, _round) = (server, api, node, round);

        public ApiEndpoints Api { get; }

        public HttpClient Client => _server.Client;

        public static Task<Started> WithMinuteAsync(
            int maxConnections = 256, HttpOptions? guards = null, TimeSpan? silence = null, Action? open = null)
        {
            var node = new ViewedNode();
            node.Minute();
            return Async(node, maxConnections, guards, silence, open);
        }

        public static async Task<Started> Async(
            ViewedNode node, int maxConnections = 256, HttpOptions? guards = null, TimeSpan? silence = null,
            Action? open = null)
        {
            ApiEndpoints? api = null;
            Started? its = null;
            var before = node.History.Collections;
            var server = await HttpServerFixture.StartAsync(
                maxConnections: maxConnections, guards: guards, streamSilence: silence, more: http =>
            {
                api = new(new()
                {
                    Open = () =>
                    {
                        open?.Invoke();
                        return node.History.Read() is { } recording ? node.Source(recording) : null;
                    },
                    Round = () => its is null ? before : Interlocked.Read(ref its._round),
                    Catalogue = NodeFactory.Catalogue,
                }, http);
                return api.Map;
            });
            return its = new(server, api!, node, before);
        }

        public void Collect()
        {
            _node.Add(NodeFigures.SentAgain, _node.Web, 1);
            _node.Collect();
            Interlocked.Increment(ref _round);
        }

        public Task StopAsync() => _server.StopAsync();

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            Api.Dispose();
        }
    }
}
