using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;

namespace Collector.Worker.Tests.Watch;

/// <summary><c>netlens watch</c> as a program, before agents that say what a test wants.</summary>
public sealed class WatchCommandTests
{
    private static FakeAgent Agent(string kind = "tcpreset.sent", int events = 2) => new(async (_, send, stop) =>
    {
        await send(FakeAgent.Stream.Replace("Netlens-Version: 9.9.9\r\n", ""));
        for (var i = 1; i <= events; i++)
            await send(FakeAgent.Event(i, kind, $"event {i}"));
        await send("{\"lost\":3}\n"
            + FakeAgent.Event(
                events + 1, kind, "the rest", "\"netlens.event.held_back\":7,\"netlens.event.summary\":true"));
        await Task.Delay(Timeout.Infinite, stop);
    });

    [Fact]
    public void An_interrupt_ends_it_with_a_summary()
    {
        using var agent = Agent();
        using var watch = new WatchProcess("-s", agent.Address);
        watch.WaitForLine("the rest");
        watch.Signal("INT");
        watch.WaitForExit().ShouldBe(0);
        watch.Output.Select(l => l[(l.IndexOf(' ') + 1)..]).ShouldBe([
            "WARN  tcpreset.sent         event 1", "WARN  tcpreset.sent         event 2",
            "WARN  tcpreset.sent         the rest",
        ]);
        watch.Error[0].ShouldBe($"netlens: {agent.Address} had 3 events for us that we were too slow for");
        watch.Error[1].ShouldMatch(@"^netlens: 2 events, 7 held back, 3 lost in \d+s$");
        watch.Error.Skip(2).ShouldBe([
            "netlens:   tcpreset.sent  2, 7 held back", $"netlens:   lost of {agent.Address}: 3",
        ]);
    }

    [Theory]
    [InlineData("-n", "1", 1)]
    [InlineData("--count", "2", 2)]
    [InlineData("--for", "2s", 3)]
    public void It_ends_after_so_many_events_or_so_long(string option, string value, int lines)
    {
        using var agent = Agent();
        var result = AgentProcess.Run("watch", "-s", agent.Address, option, value);
        result.Code.ShouldBe(0, result.Error);
        result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(lines);
        result.Error.ShouldContain(" events, ".Replace("s,", lines == 1 ? "," : "s,"));
    }

    [Fact]
    public void Several_agents_are_watched_at_once()
    {
        using var one = Agent();
        using var other = Agent("packetloss.drop");
        using var watch = new WatchProcess("-s", one.Address, "-s", other.Address, "-o", "json");
        foreach (var agent in (FakeAgent[])[one, other])
            watch.WaitForLine($"{{\"agent\":\"{agent.Address}\",\"seq\":2,");
        watch.Signal("TERM");
        watch.WaitForExit().ShouldBe(0);
        foreach (var line in watch.Output)
            JsonDocument.Parse(line).RootElement.GetProperty("agent").GetString().ShouldStartWith("127.0.0.1:");
        watch.WaitForError("4 events, 14 held back, 6 lost");
    }

    [Fact]
    public void A_reader_that_has_seen_enough_ends_it_though_nothing_more_happens()
    {
        using var agent = Agent();
        var shell = AgentProcess.RunInShell($"\"$0\" watch -s {agent.Address} | head -n 1");
        shell.Output.ShouldEndWith("event 1\n");
        shell.Error.Replace($"netlens: {agent.Address} had 3 events for us that we were too slow for\n", "")
            .ShouldBeEmpty();
    }

    [Fact]
    public void A_disk_that_is_full_is_said()
    {
        using var agent = Agent();
        var full = AgentProcess.RunInShell($"\"$0\" watch -s {agent.Address} >/dev/full");
        full.Error.ShouldContain("netlens: cannot write to standard output: No space left on device\n");
        full.Code.ShouldBe(1);
    }

    [RequiresRootTheory("script")]
    [InlineData("", true)]
    [InlineData("NO_COLOR=1 ", false)]
    public void On_a_terminal_there_are_colours_and_counts(string variable, bool colours)
    {
        using var agent = Agent();
        var shown = Shell.Try("env", "TERM=xterm", "script", "-qec",
            $"stty cols 80 rows 24; {variable}'{AgentProcess.Program}' watch -s {agent.Address} --for 3s", "/dev/null");
        shown.Output.Contains("\e[33mWARN\e[0m").ShouldBe(colours);
        shown.Output.ShouldContain("  2 events, 7 held back, 3 lost; tcpreset.sent 2");
        shown.Output.ShouldContain("\r\e[K");
        shown.Output.ShouldNotContain("\e[?");
        foreach (var line in shown.Output.Replace("\r\e[K", "\n").Split('\n'))
            line.Replace("\e[33m", "").Replace("\e[0m", "").TrimEnd('\r').Length.ShouldBeLessThan(80);
        shown.Output.TrimEnd().Split('\n')[^1].ShouldStartWith("netlens:   lost of");
    }

    [Fact]
    public void A_pipe_has_no_colours_unless_asked()
    {
        using var agent = Agent();
        AgentProcess.Run("watch", "-s", agent.Address, "-n", "1").Output.ShouldNotContain("\e");
        AgentProcess.Run("watch", "-s", agent.Address, "-n", "1", "--color", "always").Output
            .ShouldContain("\e[33mWARN\e[0m");
    }

    [Theory]
    [InlineData(404, "Not Found", 1, "has no /events: it is an older Netlens, or none")]
    [InlineData(400, "severity must be one of info, warn, error; 'x' is not\n", 2, "severity must be one of")]
    public void What_is_no_agent_for_us_is_one_line(int status, string body, int code, string message)
    {
        using var agent = new FakeAgent(FakeAgent.Page(status, "text/plain", body));
        var result = AgentProcess.Run("watch", "-s", agent.Address);
        result.Code.ShouldBe(code);
        result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldHaveSingleItem()
            .ShouldStartWith($"netlens: {agent.Address} {message}");
    }

    [Fact]
    public void One_that_never_answered_was_not_watched()
    {
        string address;
        using (var agent = new FakeAgent(""))
            address = agent.Address;
        var result = AgentProcess.Run("watch", "-s", address, "--for", "1s");
        result.Code.ShouldBe(1);
        result.Error.ShouldBe($"netlens: {address} cannot be reached: Connection refused; trying again\n");
    }

    [Fact]
    public void Filters_reach_the_agent_and_old_words_too()
    {
        using var agent = Agent();
        var result = AgentProcess.Run("watch", "-s", "127.0.0.1", "-p", $"tcpreset,softirq,{agent.Port}",
            "-e", "10.0.0.0/8", "--pod", "shop/web-0", "web-1", "--kind", "tcpreset.sent", "--netns", "shop",
            "--severity", "warn", "-n", "1");
        result.Code.ShouldBe(0, result.Error);
        result.Error.ShouldStartWith(
            $"netlens: inspector's 'watch -p {agent.Port}' is 'watch -s HOST:{agent.Port}' here\n");
        agent.Requests[0].ShouldStartWith("GET /events?pod=shop%2Fweb-0&pod=web-1&probe=tcpreset&probe=softirq&"
            + "kind=tcpreset.sent&netns=shop&address=10.0.0.0%2F8&severity=warn HTTP/1.1\r\n");
    }

    [Theory]
    [InlineData("--token-file", "--token-file /nowhere/token: ")]
    [InlineData("--ca-file", "--ca-file /nowhere/token: ")]
    public void A_file_that_is_not_there_is_named_at_once(string option, string message)
    {
        var result = AgentProcess.Run("watch", "-s", "https://127.0.0.1:1", option, "/nowhere/token");
        result.Code.ShouldBe(4);
        result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldHaveSingleItem()
            .ShouldContain(message);
    }

    [Fact]
    public void Over_TLS_only_whom_it_is_told_to_trust_is_believed()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-watch-");
        try
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest(
                "CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            request.CertificateExtensions.Add(names.Build());
            var now = DateTimeOffset.UtcNow;
            using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
            var file = Path.Combine(folder.FullName, "ca.pem");
            File.WriteAllText(file, certificate.ExportCertificatePem());
            using var agent = new FakeAgent(
                (_, send, _) => send(FakeAgent.Stream + FakeAgent.Event(1)), certificate: certificate);
            string[] watch = ["watch", "-s", $"https://localhost:{agent.Port}", "-n", "1"];
            var trusting = AgentProcess.Run([.. watch, "--ca-file", file]);
            trusting.Code.ShouldBe(0, trusting.Error);
            trusting.Output.ShouldContain(" tcpreset.sent ");
            var wary = AgentProcess.Run(watch);
            wary.Code.ShouldBe(1);
            wary.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldHaveSingleItem()
                .ShouldStartWith($"netlens: https://localhost:{agent.Port} cannot be talked to over TLS: ");
            File.WriteAllText(file, "nothing");
            AgentProcess.Run([.. watch, "--ca-file", file]).Error.ShouldBe(
                $"netlens: --ca-file {file}: holds no certificate (PEM)\n");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("--for: 'soon' is not a duration up to 720h", "--for", "soon")]
    [InlineData("--for: '0s' is not a duration", "--for", "0s")]
    [InlineData("--count: '0' is not a number from 1", "-n", "0")]
    [InlineData("--server: 'a/b' is no agent's address; allowed: HOST, HOST:PORT", "-s", "a/b")]
    [InlineData("--output: 'xml' is not one of its values; allowed: line, json, kubeskoop, inspector", "-o", "xml")]
    [InlineData("--severity: 'bad' is not one of its values", "--severity", "bad")]
    [InlineData("--color: 'blue' is not one of its values", "--color", "blue")]
    public void Wrong_words_are_named(string message, params string[] words)
    {
        var result = AgentProcess.Run(["watch", .. words]);
        result.Code.ShouldBe(2);
        result.Error.ShouldContain(message);
    }
}
