using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Collector.Core.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Watch;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Http;

public sealed class EventsEndpointTests
{
    [Fact]
    public async Task A_line_is_that_of_the_JSON_outlet_with_its_number_in_front()
    {
        await using var server = await StartAsync();
        server.Http.Ring.Append([Plain(1), Full()]);

        using var response = await server.Client.GetAsync("/events?since=0&follow=false");

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.ToString().ShouldBe("application/x-ndjson");
        response.Headers.GetValues("Netlens-Version").ShouldBe([server.Http.Version]);
        (await response.Content.ReadAsStringAsync()).ShouldBe(Line(1, Plain(1)) + Line(2, Full()));
    }

    [Theory]
    [InlineData("/events?since=0&follow=false&format=sse", null)]
    [InlineData("/events?since=0&follow=false", "text/event-stream")]
    public async Task Server_sent_events_have_number_kind_and_line(string path, string? accept)
    {
        await using var server = await StartAsync();
        server.Http.Ring.Append([Plain(1), Full()]);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
            request.Headers.Add("Accept", accept);

        using var response = await server.Client.SendAsync(request);

        response.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream");
        (await response.Content.ReadAsStringAsync()).ShouldBe(
            $"id: 1\nevent: netlens.test.reset\ndata: {Line(1, Plain(1))}\n"
            + $"id: 2\nevent: netlens.test.reset\ndata: {Line(2, Full())}\n");
    }

    [Fact]
    public async Task Headers_come_at_once_and_events_when_they_happen()
    {
        await using var server = await StartAsync();
        server.Http.Ring.Append([Plain(1)]);
        using var response = await server.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        for (var i = 2; i < 5; i++)
        {
            server.Http.Ring.Append([Plain(i)]);
            (await reader.ReadLineAsync() + '\n').ShouldBe(Line((ulong)i, Plain(i)));
        }
        server.Http.Ring.Readers.Now.ShouldBe(1);
    }

    [Theory]
    [InlineData("/events", "\n\n")]
    [InlineData("/events?format=sse", ":\n\n:\n\n")]
    [InlineData("/events?port=9", "\n\n")]
    public async Task Silence_is_filled(string path, string expected)
    {
        await using var server = await StartAsync(silence: TimeSpan.FromMilliseconds(20));
        using var response = await server.Client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        var got = new char[expected.Length];
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await reader.ReadBlockAsync(got);
        new string(got).ShouldBe(expected);
    }

    [Fact]
    public async Task It_ends_after_the_number_of_events_asked_for()
    {
        await using var server = await StartAsync();
        server.Http.Ring.Append([.. Enumerable.Range(1, 300).Select(Plain)]);
        Numbers(await server.Client.GetStringAsync("/events?since=10&limit=200"))
            .ShouldBe(Enumerable.Range(11, 200));
    }

    [Theory]
    [InlineData(true, new[] { 4, 5 })]
    [InlineData(false, new[] { 1, 2, 3, 4, 5 })]
    public async Task A_number_counts_for_the_run_that_gave_it(bool same, int[] expected)
    {
        await using var server = await StartAsync();
        server.Http.Ring.Append([.. Enumerable.Range(1, 5).Select(Plain)]);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/events?since=3&follow=false");
        request.Headers.Add("Netlens-Run", same ? server.Http.Ring.Run : "another");
        using var response = await server.Client.SendAsync(request);
        Numbers(await response.Content.ReadAsStringAsync()).ShouldBe(expected);
        response.Headers.GetValues("Netlens-Run").ShouldBe([server.Http.Ring.Run]);
        response.Headers.GetValues("Netlens-Behind").ShouldBe([same ? "3" : "0"]);
    }

    /// <summary>The real agent and the real reader: nothing is left out, nothing comes twice.</summary>
    [Fact]
    public async Task A_watch_that_was_cut_goes_on_though_the_clock_was_set_back()
    {
        await using var server = await StartAsync();
        PeerAddress.TryParse(server.Address.Authority, 1, out var peer).ShouldBeTrue();
        var items = Channel.CreateUnbounded<WatchItem>();
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        // So impatient that it comes back again and again.
        var watch = new AgentEvents(peer, new(), new([], null), "1") { Silence = TimeSpan.FromMilliseconds(300) };
        var watching = watch.RunAsync(items.Writer, stop.Token);
        // Once reached, and cut: one that was never reached begins behind the first event.
        while (!(await NextAsync<WatchNotice>()).Text.Contains(" is gone: ", StringComparison.Ordinal))
            continue;
        server.Http.Ring.Append([Plain(1)]);
        (await NextAsync<WatchedEvent>()).Line.Sequence.ShouldBe(1ul);
        while ((await NextAsync<WatchAway>()).Away)
            continue;
        server.Http.Ring.Append([Plain(2) with { Time = Plain(1).Time - 3_600_000_000_000 }]);
        (await NextAsync<WatchedEvent>()).Line.Sequence.ShouldBe(2ul);
        await stop.CancelAsync();
        await watching;

        async Task<T> NextAsync<T>() where T : WatchItem
        {
            while (true)
            {
                if (await items.Reader.ReadAsync(stop.Token) is T item)
                    return item;
            }
        }
    }

    [Fact]
    public async Task A_browser_that_comes_back_goes_on_where_it_was()
    {
        await using var server = await StartAsync();
        server.Http.Ring.Append([.. Enumerable.Range(1, 5).Select(Plain)]);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/events?since=1h&follow=false");
        request.Headers.Add("Last-Event-ID", "3");
        using var response = await server.Client.SendAsync(request);
        Numbers(await response.Content.ReadAsStringAsync()).ShouldBe([4, 5]);
    }

    [Fact]
    public async Task Who_was_overtaken_is_told()
    {
        await using var server = await StartAsync(recent: 4);
        server.Http.Ring.Append([.. Enumerable.Range(1, 10).Select(Plain)]);
        (await server.Client.GetStringAsync("/events?since=2&follow=false&limit=1"))
            .ShouldBe("{\"lost\":4}\n" + Line(7, Plain(7)));
        (await server.Client.GetStringAsync("/events?since=2&follow=false&limit=1&format=sse"))
            .ShouldStartWith("event: lost\ndata: {\"lost\":4}\n\nid: 7\n");
        server.Http.Ring.Readers.Lost.ShouldBe(8);
    }

    [Theory]
    [InlineData("kind=netlens.test.nothing", "kind must be one of test.reset, or of the probes test; "
        + "'netlens.test.nothing' is not")]
    [InlineData("severity=bad", "severity must be one of info, warn, error; 'bad' is not")]
    [InlineData("podd=x", "there is no parameter 'podd', did you mean 'pod'?; there are kind, probe, pod, namespace, "
        + "netns, address, port, severity, since, limit, follow, format")]
    public async Task What_is_no_filter_is_refused_in_one_line(string query, string problem)
    {
        await using var server = await StartAsync();
        using var response = await server.Client.GetAsync($"/events?{query}");
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/plain");
        (await response.Content.ReadAsStringAsync()).ShouldBe(problem + "\n");
    }

    [Fact]
    public async Task An_id_that_is_none_is_refused()
    {
        await using var server = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/events");
        request.Headers.Add("Last-Event-ID", "yesterday");
        using var response = await server.Client.SendAsync(request);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await response.Content.ReadAsStringAsync())
            .ShouldBe("Last-Event-ID must be the id of an event, a whole number\n");
    }

    [Fact]
    public async Task Without_a_ring_it_says_why()
    {
        await using var server = await HttpServerFixture.StartAsync();
        using var response = await server.Client.GetAsync("/events");
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldBe("events are not kept at the moment\n");
    }

    [Fact]
    public async Task Too_many_readers_are_told_to_come_again()
    {
        await using var server = await StartAsync();
        server.Http.Ring.Readers.Most = 1;
        using var first = await server.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead);
        using var second = await server.Client.GetAsync("/events");
        second.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        second.Headers.RetryAfter.ShouldNotBeNull();
        (await second.Content.ReadAsStringAsync()).ShouldBe("1 others read events, which is the bound\n");
        server.Http.Ring.Readers.Refused.ShouldBe(1);
    }

    [Fact]
    public async Task Head_ends_at_once()
    {
        await using var server = await StartAsync();
        using var response = await server.Client.SendAsync(new(HttpMethod.Head, "/events?format=sse"));
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        server.Http.Ring.Readers.Now.ShouldBe(0);
    }

    [Fact]
    public async Task The_end_of_the_server_ends_the_stream_in_good_order()
    {
        await using var server = await StartAsync();
        using var response = await server.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead);
        var body = response.Content.ReadAsStringAsync();
        await server.StopAsync().WaitAsync(TimeSpan.FromMinutes(1));
        (await body.WaitAsync(TimeSpan.FromMinutes(1))).ShouldBeEmpty();
    }

    private static Task<HttpServerFixture> StartAsync(int recent = 1000, TimeSpan? silence = null) =>
        HttpServerFixture.StartAsync(recent: recent, kinds: [Kind], streamSilence: silence);

    private static string Line(ulong number, NetworkEvent e)
    {
        using var json = new EventJson();
        var line = System.Text.Encoding.UTF8.GetString(json.Write([e]));
        return $"{{\"seq\":{number},{line[1..]}";
    }

    private static IEnumerable<int> Numbers(string lines) => lines
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(l => JsonDocument.Parse(l).RootElement.GetProperty("seq").GetInt32());
}
