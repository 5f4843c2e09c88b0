using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>From a fault to its cause by one command: of the agent that runs, and without one.</summary>
public sealed class WhyTests
{
    private const string Quick = "collection: { interval: 1s }\n";

    /// <summary>Overflows a listener of a namespace once.</summary>
    private static void Overflow(TestNetns ns, List<Socket> sockets) => ns.Inside(() =>
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sockets.Add(listener);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        for (var i = 0; i < 6; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            sockets.Add(client);
            Should.Throw<SocketException>(() => client.Connect(listener.LocalEndPoint!));
        }
    });

    [RequiresRootFact]
    public void The_cause_is_found_by_the_agent_and_told_everywhere()
    {
        using var ns = new TestNetns();
        var sockets = new List<Socket>();
        using var agent = new AgentProcess(Quick);
        JsonElement found = default;
        for (var i = 0; i < 60 && found.ValueKind == JsonValueKind.Undefined; i++)
        {
            Overflow(ns, sockets);
            Thread.Sleep(500);
            using var json = JsonDocument.Parse(agent.Get("/findings"));
            found = json.RootElement.GetProperty("findings").EnumerateArray()
                .Where(f => f.GetProperty("subject").TryGetProperty("netlens.netns.name", out var name)
                    && name.GetString() == ns.Name)
                .Select(f => f.Clone()).FirstOrDefault();
        }
        found.GetProperty("kind").GetString().ShouldBe("accept-queue-overflow");
        found.GetProperty("active").GetBoolean().ShouldBeTrue();

        var why = Shell.Try(TestProgram.Path, "why", "--server", agent.Address.ToString().TrimEnd('/'), "--netns", ns.Name);
        why.Code.ShouldBe(ExitCodes.Ok, why.Error);
        why.Output.ShouldContain($"ERROR network namespace {ns.Name} drops handshakes at 127.0.0.1:");
        why.Output.ShouldContain($"ip netns exec {ns.Name} ss -ltn");
        Shell.Try(TestProgram.Path, "why", "--server", agent.Address.ToString().TrimEnd('/'), "--pod", "no/such").Output
            .ShouldContain("nothing is wrong now");

        // Each round has made a listener of its own.
        bool IsActive(string line) => line.StartsWith("netlens_finding_active{")
            && line.Contains($"netlens_netns_name=\"{ns.Name}\"")
            && line.Contains("netlens_finding_kind=\"accept-queue-overflow\"") && !line.EndsWith(" 0");
        var page = "";
        for (var i = 0; i < 60 && !page.Split('\n').Any(IsActive); i++)
        {
            Thread.Sleep(200);
            page = agent.Get("/metrics");
        }
        page.Split('\n').Count(IsActive).ShouldBeGreaterThan(0);
        page.Split('\n').ShouldContain(l => l.StartsWith("netlens_findings_total{")
            && l.Contains($"netlens_netns_name=\"{ns.Name}\"") && l.Contains("accept-queue-overflow") && !l.EndsWith(" 0"));
        agent.Get("/events?kind=finding.raised&since=0&follow=false").ShouldContain(ns.Name);

        // The same from what the recorder kept, on whatever machine.
        var file = Path.Combine(Path.GetTempPath(), $"netlens-why-{Environment.ProcessId}.nlrec");
        try
        {
            var dump = Shell.Try(
                TestProgram.Path, "record", "dump", file, "--server", agent.Address.ToString().TrimEnd('/'));
            dump.Code.ShouldBe(ExitCodes.Ok, dump.Error);
            var again = Shell.Try(TestProgram.Path, "why", "--replay", file, "--netns", ns.Name);
            again.Code.ShouldBe(ExitCodes.Ok, again.Error);
            again.Output.ShouldContain($"ERROR network namespace {ns.Name} drops handshakes at 127.0.0.1:");
            var early = Shell.Try(TestProgram.Path, "why", "--replay", file, "--at", "2001-01-01T00:00:00Z");
            early.Code.ShouldBe(ExitCodes.Configuration);
            early.Error.ShouldContain("--at: the recording begins later");
        }
        finally
        {
            File.Delete(file);
        }
        sockets.ForEach(s => s.Dispose());
    }

    /// <summary>A rule drops, and what nft counts is what is said to be lost: by the agent, and of a recording.</summary>
    [RequiresRootFact("nft")]
    public void Packets_that_a_rule_drops_are_lost_by_netfilter()
    {
        using var ns = new TestNetns();
        ns.Run("nft", "add table inet t; add chain inet t i { type filter hook input priority 0; }; "
            + "add rule inet t i udp dport 9 counter drop");
        using var agent = new AgentProcess(Quick);
        var server = agent.Address.ToString().TrimEnd('/');
        // Known by two collections before anything happens.
        JsonElement Await(Func<JsonElement, bool> match)
        {
            var body = "";
            for (var i = 0; i < 120; i++, Thread.Sleep(250))
            {
                body = agent.Get($"/findings?ledger={ns.Name}");
                using var json = JsonDocument.Parse(body);
                if (json.RootElement.TryGetProperty("ledger", out var ledger) && ledger.GetArrayLength() == 1
                    && match(ledger[0]))
                    return ledger[0].Clone();
            }
            throw new TimeoutException(body);
        }

        Await(static l => l.GetProperty("unexplained").ValueKind == JsonValueKind.Number);
        Datagrams(ns, 200);
        var words = ns.Run("nft", "list table inet t").Split(' ');
        var dropped = long.Parse(words[Array.IndexOf(words, "packets") + 1]);
        dropped.ShouldBe(200);
        var lost = Await(l => l.GetProperty("lost").GetInt64() >= dropped);
        lost.GetProperty("lost").GetInt64().ShouldBe(dropped);
        lost.GetProperty("lost_by").EnumerateArray()
            .Select(r => $"{r.GetProperty("packets")} {r.GetProperty("reason")}").ShouldBe([$"{dropped} netfilter"]);
        Parts.Sum(p => lost.GetProperty(p).GetInt64()).ShouldBe(lost.GetProperty("received").GetInt64());

        var said = $@"packets of network namespace {ns.Name} in \d+ (s|min)\n"
            + $@"  came in    \d+ = \d+ delivered \+ {dropped} lost.*\n  lost       {dropped} netfilter\n  sent       \d+";
        var why = Shell.Try(TestProgram.Path, "why", "--server", server, "--netns", ns.Name);
        why.Code.ShouldBe(ExitCodes.Ok, why.Error);
        why.Output.ShouldMatch(said);
        // Nobody asked for it, and next to nothing is lost where nothing is.
        Shell.Try(TestProgram.Path, "why", "--server", server, "--netns", "no-such").Output.ShouldNotContain("packets of");

        var file = Path.Combine(Path.GetTempPath(), $"netlens-ledger-{Environment.ProcessId}.nlrec");
        try
        {
            Shell.Try(TestProgram.Path, "record", "dump", file, "--server", server).Code.ShouldBe(ExitCodes.Ok);
            Shell.Try(TestProgram.Path, "why", "--replay", file, "--netns", ns.Name).Output.ShouldMatch(said);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static readonly string[] Parts =
        ["delivered", "forwarded", "reassembled", "lost", "refused", "orderly", "unexplained"];

    private static void Datagrams(TestNetns ns, int count) => ns.Inside(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < count; i++)
            socket.SendTo("x"u8, new IPEndPoint(IPAddress.Loopback, 9));
    });

    [RequiresRootFact]
    public void Without_an_agent_it_watches_itself()
    {
        using var ns = new TestNetns();
        var sockets = new List<Socket>();
        using var stop = new CancellationTokenSource();
        var faults = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Overflow(ns, sockets);
                Thread.Sleep(500);
            }
        });
        var why = Shell.Try(
            "env", "NETLENS_HTTP_SOCKET=/nowhere", "NETLENS_HTTP_LISTEN=127.0.0.1:1", TestProgram.Path, "why", "--for",
            "5s", "--netns", ns.Name, "-o", "json");
        stop.Cancel();
        faults.Wait();
        why.Code.ShouldBe(ExitCodes.Ok, why.Error);
        using var json = JsonDocument.Parse(why.Output);
        json.RootElement.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("kind").GetString())
            .Distinct().ShouldBe(["accept-queue-overflow"]);
        why.Error.ShouldContain("watching for 5s");
        var ledger = json.RootElement.GetProperty("ledger").EnumerateArray().ShouldHaveSingleItem();
        ledger.GetProperty("whose").GetString().ShouldBe($"network namespace {ns.Name}");
        ledger.GetProperty("seconds").GetDouble().ShouldBeGreaterThanOrEqualTo(4);
        ledger.GetProperty("lost_by").EnumerateArray().Select(r => r.GetProperty("reason").GetString())
            .ShouldContain("ListenDrops");
        sockets.ForEach(s => s.Dispose());
    }

    [RequiresRootFact]
    public void A_fault_that_it_causes_itself_is_shown_with_metric_event_and_finding()
    {
        var test = Shell.Try(TestProgram.Path, "selftest", "--inject", "accept-queue-overflow", "-o", "json");
        test.Code.ShouldBe(ExitCodes.Ok, test.Output + test.Error);
        using var json = JsonDocument.Parse(test.Output);
        json.RootElement.GetProperty("kernel").GetString().ShouldBe(
            File.ReadAllText("/proc/sys/kernel/osrelease").Trim());
        var result = json.RootElement.GetProperty("faults").EnumerateArray().ShouldHaveSingleItem();
        result.GetProperty("result").GetString().ShouldBe("shown");
        foreach (var seen in new[] { "metric_seconds", "event_seconds", "finding_seconds" })
            result.GetProperty(seen).GetDouble().ShouldBeGreaterThan(0);
    }
}
