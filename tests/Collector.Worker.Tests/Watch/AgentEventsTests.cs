using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Collector.Worker.Hosting;
using Collector.Worker.Watch;

namespace Collector.Worker.Tests.Watch;

/// <summary>An agent over the network: it comes and goes, is of another version, or is none.</summary>
public sealed class AgentEventsTests
{
    private readonly Channel<WatchItem> _items = Channel.CreateUnbounded<WatchItem>();
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromMinutes(2));

    private AgentEvents Watch(string address, PeerOptions? options = null, string? since = null)
    {
        PeerAddress.TryParse(address, 9102, out var peer).ShouldBeTrue();
        return new(peer, options ?? new(), new([new("pod", "shop/web 0"), new("kind", "tcpreset")], since), "9.9.9")
        {
            Patience = TimeSpan.FromSeconds(2),
        };
    }

    private async Task<int> RunAsync(AgentEvents events, Func<List<WatchItem>, bool>? enough = null)
    {
        var running = events.RunAsync(_items.Writer, _stop.Token);
        var seen = new List<WatchItem>();
        while (enough?.Invoke(seen) == false)
            seen.Add(await _items.Reader.ReadAsync(_stop.Token));
        if (enough is not null)
            await _stop.CancelAsync();
        var code = await running;
        while (_items.Reader.TryRead(out var item))
            seen.Add(item);
        Seen = seen;
        return code;
    }

    private List<WatchItem> Seen { get; set; } = [];

    private IEnumerable<string> Notices => Seen.OfType<WatchNotice>().Select(n => n.Text);

    private IEnumerable<ulong> Numbers => Seen.OfType<WatchedEvent>().Where(e => e.Line.Lost == 0)
        .Select(e => e.Line.Sequence);

    [Fact]
    public async Task It_asks_for_what_is_wanted_and_hands_on_what_comes()
    {
        using var agent = new FakeAgent(async (_, send, stop) =>
        {
            await send(FakeAgent.Stream + FakeAgent.Event(1) + "\n" + FakeAgent.Event(2)[..20]);
            await send(FakeAgent.Event(2)[20..] + "{\"lost\":5}\r\n");
            await Task.Delay(Timeout.Infinite, stop);
        });
        (await RunAsync(Watch(agent.Address, new() { Token = "s3cret" }, "10m"), s => s.Count == 3))
            .ShouldBe(ExitCodes.Ok);
        Numbers.ShouldBe([1ul, 2ul]);
        Seen.OfType<WatchedEvent>().Last().Line.Lost.ShouldBe(5);
        var request = agent.Requests.ShouldHaveSingleItem();
        request.ShouldStartWith("GET /events?pod=shop%2Fweb%200&kind=tcpreset&since=10m HTTP/1.1\r\n");
        request.ShouldContain("Authorization: Bearer s3cret\r\n");
    }

    [Fact]
    public async Task After_a_break_it_goes_on_where_it_was_whatever_the_numbers_are()
    {
        using var agent = new FakeAgent(async (n, send, stop) =>
        {
            await send(FakeAgent.Stream + FakeAgent.Event(4) + FakeAgent.Event(5));
            if (n == 1)
                return;
            // One that began anew: its own second event.
            await send(FakeAgent.Event(2).Replace("12:00:02", "12:00:09") + FakeAgent.Event(6));
            await Task.Delay(Timeout.Infinite, stop);
        });
        (await RunAsync(Watch(agent.Address), s => s.OfType<WatchedEvent>().Count() == 4)).ShouldBe(ExitCodes.Ok);
        Numbers.ShouldBe([4ul, 5ul, 2ul, 6ul]);
        Notices.ShouldBe([
            $"{agent.Address} is gone: has closed the connection; trying again", $"{agent.Address} is there",
        ]);
        agent.Requests[1].ShouldContain("&since=2026-03-04T12%3A00%3A03.1234567Z HTTP/1.1\r\n");
    }

    /// <summary>The clock was set back by an hour between two events, and between two connections.</summary>
    [Fact]
    public async Task An_agent_that_says_of_which_run_it_is_is_asked_by_number()
    {
        using var agent = new FakeAgent((n, send, _) => send(n switch
        {
            1 => Of("one", 7),
            2 => Of("one", 7) + FakeAgent.Event(8),
            3 => Of("one", 8) + FakeAgent.Event(9).Replace("T12:", "T11:"),
            4 => Of("one", 9),
            _ => Of("two", 0) + FakeAgent.Event(1).Replace("T12:", "T11:"),
        }));
        await RunAsync(Watch(agent.Address), s => agent.Requests.Count == 6);
        Numbers.Take(3).ShouldBe([8ul, 9ul, 1ul]);
        agent.Requests.Take(6).Select(r => r[(r.IndexOf("tcpreset", StringComparison.Ordinal) + 8)..r.IndexOf(' ', 5)])
            .ShouldBe(["", "&since=7", "&since=8", "&since=9", "&since=9", "&since=1"]);
        agent.Requests.Select(r => r.Contains("Netlens-Run: one\r\n")).Take(6)
            .ShouldBe([false, true, true, true, true, false]);
        agent.Requests[5].ShouldContain("Netlens-Run: two\r\n");

        static string Of(string run, int behind) => FakeAgent.Stream.Replace(
            "Connection:", $"Netlens-Run: {run}\r\nNetlens-Behind: {behind}\r\nConnection:");
    }

    [Fact]
    public async Task The_past_that_was_asked_for_is_asked_for_again_as_long_as_nothing_of_it_came()
    {
        using var agent = new FakeAgent(FakeAgent.Stream.Replace(
            "Connection:", "Netlens-Run: one\r\nNetlens-Behind: 7\r\nConnection:"));
        await RunAsync(Watch(agent.Address, since: "10m"), s => agent.Requests.Count == 2);
        agent.Requests[0].ShouldContain("&since=10m HTTP");
        agent.Requests[1].ShouldContain("&since=2026-03-04T11%3A50%3A00.0000000Z HTTP");
    }

    /// <summary>The agent looked at them and kept them back, as it was asked to.</summary>
    [Fact]
    public async Task What_is_gone_from_the_agents_memory_when_it_goes_on_behind_a_filter_is_no_loss()
    {
        using var agent = new FakeAgent(async (n, send, stop) =>
        {
            await send(FakeAgent.Stream.Replace("Connection:", "Netlens-Run: one\r\nNetlens-Behind: 7\r\nConnection:")
                + (n == 1 ? FakeAgent.Event(8) : "{\"lost\":5000}\r\n" + FakeAgent.Event(6000) + "{\"lost\":3}\r\n"));
            if (n > 1)
                await Task.Delay(Timeout.Infinite, stop);
        });
        await RunAsync(Watch(agent.Address), s => s.OfType<WatchedEvent>().Count() == 3);
        Seen.OfType<WatchedEvent>().Select(e => e.Line.Lost).ShouldBe([0, 0, 3]);
    }

    [Fact]
    public async Task Without_any_event_it_goes_on_from_the_first_contact()
    {
        using var agent = new FakeAgent(FakeAgent.Stream);
        await RunAsync(Watch(agent.Address), s => agent.Requests.Count == 2);
        agent.Requests[0].ShouldNotContain("since=");
        agent.Requests[1].ShouldContain("since=2026-03-04T12%3A00%3A00.0000000Z");
    }

    [Fact]
    public async Task An_agent_that_stays_away_is_given_up()
    {
        string address;
        using (var agent = new FakeAgent(""))
            address = agent.Address;
        (await RunAsync(Watch(address))).ShouldBe(ExitCodes.Failure);
        Notices.ShouldBe([
            $"{address} cannot be reached: Connection refused; trying again",
            $"{address} is given up: Connection refused",
        ]);
    }

    [Fact]
    public async Task What_has_worked_is_asked_again_whatever_it_answers()
    {
        using var agent = new FakeAgent((n, send, _) => send(n switch
        {
            1 => FakeAgent.Stream + FakeAgent.Event(1),
            2 or 3 => FakeAgent.Page(401, "text/plain", ""),
            4 => FakeAgent.Page(404, "text/plain", "404"),
            _ => FakeAgent.Stream + FakeAgent.Event(2),
        }));
        (await RunAsync(Watch(agent.Address), s => s.OfType<WatchedEvent>().Count() == 2)).ShouldBe(ExitCodes.Ok);
        Notices.Take(4).ShouldBe([
            $"{agent.Address} is gone: has closed the connection; trying again",
            $"{agent.Address} is gone: does not let this token in; --token-file or NETLENS_TOKEN has the right one; "
                + "trying again",
            $"{agent.Address} is gone: has no /events: it is an older Netlens, or none; trying again",
            $"{agent.Address} is there",
        ]);
        Seen.OfType<WatchAway>().Select(a => a.Away).Take(2).ShouldBe([true, false]);
    }

    /// <summary>The agent has a new authority before who watches has its certificate.</summary>
    [Fact]
    public async Task A_failed_handshake_ends_nothing_and_authorities_are_read_again()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-watch-");
        using X509Certificate2 first = SelfSigned(), second = SelfSigned();
        FakeAgent? agent = null;
        using var server = agent = new FakeAgent((n, send, stop) =>
        {
            agent!.Certificate = second;
            return send(FakeAgent.Stream + FakeAgent.Event(n));
        }, first);
        var file = Path.Combine(folder.FullName, "ca.pem");
        File.WriteAllText(file, first.ExportCertificatePem());
        var events = Watch($"https://{agent.Address}", new() { AuthorityFile = file });
        (await RunAsync(events, seen =>
        {
            if (seen.OfType<WatchNotice>().Any(n => n.Text.Contains("cannot be talked to over TLS")))
                File.WriteAllText(file, second.ExportCertificatePem());
            return seen.OfType<WatchedEvent>().Count() == 2;
        })).ShouldBe(ExitCodes.Ok);
        Notices.ElementAt(1).ShouldStartWith($"https://{agent.Address} is gone: cannot be talked to over TLS: ");
        folder.Delete(recursive: true);
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(
            "CN=agent", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    [Fact]
    public async Task One_that_is_silent_has_gone()
    {
        using var agent = new FakeAgent(async (n, send, stop) =>
        {
            await send(FakeAgent.Stream);
            await Task.Delay(Timeout.Infinite, stop);
        });
        PeerAddress.TryParse(agent.Address, 1, out var peer).ShouldBeTrue();
        var events = new AgentEvents(peer, new(), new([], null), "9.9.9") { Silence = TimeSpan.FromMilliseconds(300) };
        await RunAsync(events, s => s.Count == 2);
        Notices.First().ShouldBe($"{agent.Address} is gone: has been silent for too long; trying again");
    }

    [Theory]
    [InlineData(200, "text/html", "<html>", "answers, but is no Netlens: /events is text/html", ExitCodes.Failure)]
    [InlineData(404, "text/plain", "404", "has no /events: it is an older Netlens, or none", ExitCodes.Failure)]
    [InlineData(400, "text/plain", "kind must be one of x\n", "kind must be one of x", ExitCodes.Usage)]
    [InlineData(401, "text/plain", "", "does not let this token in; --token-file or NETLENS_TOKEN has the right one",
        ExitCodes.Failure)]
    [InlineData(302, "text/html", "", "answers /events with 302: it is no Netlens", ExitCodes.Failure)]
    public async Task What_another_try_cannot_mend_is_said_once(
        int status, string type, string body, string message, int code)
    {
        using var agent = new FakeAgent(FakeAgent.Page(status, type, body));
        (await RunAsync(Watch(agent.Address))).ShouldBe(code);
        Notices.ShouldHaveSingleItem().ShouldBe($"{agent.Address} {message}");
        agent.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_does_not_speak_HTTP_is_no_agent()
    {
        using var agent = new FakeAgent("SSH-2.0-OpenSSH_9.2\r\n");
        (await RunAsync(Watch(agent.Address))).ShouldBe(ExitCodes.Failure);
        Notices.ShouldHaveSingleItem().ShouldBe($"{agent.Address} answers, but not in HTTP");
    }

    [Fact]
    public async Task A_crowded_agent_is_asked_again()
    {
        using var agent = new FakeAgent((n, send, _) => send(n == 1
            ? FakeAgent.Page(503, "text/plain", "64 others read events\n", "Retry-After: 5\r\n")
            : FakeAgent.Stream + FakeAgent.Event(1)));
        await RunAsync(Watch(agent.Address), s => s.OfType<WatchedEvent>().Any());
        Notices.First().ShouldBe(
            $"{agent.Address} cannot be reached: gives no events now: 64 others read events; trying again");
    }

    [Fact]
    public async Task Another_version_is_named_once_and_what_it_has_new_passes()
    {
        using var agent = new FakeAgent(FakeAgent.Stream.Replace("9.9.9", "10.0.0")
            + FakeAgent.Event(1, attributes: "\"a.new\":1") + "{\"kind\":\"of its own\"}\n" + "plain\n"
            + FakeAgent.Event(2));
        await RunAsync(Watch(agent.Address), s => agent.Requests.Count == 3);
        Notices.Count(n => n == $"{agent.Address} is Netlens 10.0.0, this is 9.9.9").ShouldBe(1);
        Numbers.ShouldBe([1ul, 2ul]);
        Seen.OfType<WatchGarbage>().Select(g => g.Line).Take(2).ShouldBe(["{\"kind\":\"of its own\"}", "plain"]);
    }

    [Fact]
    public async Task A_line_without_an_end_does_not_fill_the_memory()
    {
        using var agent = new FakeAgent(async (n, send, stop) =>
        {
            await send(FakeAgent.Stream);
            while (!stop.IsCancellationRequested)
                await send(new string('x', 65536));
        });
        await RunAsync(Watch(agent.Address), s => s.Count > 0);
        Notices.First().ShouldBe($"{agent.Address} is gone: sends a line without an end; trying again");
    }
}
