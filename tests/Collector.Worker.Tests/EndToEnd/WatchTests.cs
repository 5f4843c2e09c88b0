using System.Net.Sockets;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Events that really happen, seen beside a running agent and without one.</summary>
[Collection(AloneCollection.Name)]
public sealed class WatchTests
{
    private const string Config = "collection: { interval: 1s }\npods: { runtimeEndpoint: none }\n";

    private static string AddressOf(AgentProcess agent) => agent.Address.Authority;

    // A port that was free a moment ago.
    private static int ClosedPort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void ConnectTo(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Should.Throw<SocketException>(() => socket.Connect("127.0.0.1", port));
    }

    // Probes start a little after the agent does.
    private static string Cause(WatchProcess watch, int port)
    {
        var line = "";
        for (var tries = 0; line.Length == 0 && tries < 300; tries++)
        {
            ConnectTo(port);
            Thread.Sleep(200);
            line = watch.Output.FirstOrDefault(l => l.Contains($"127.0.0.1:{port} ")) ?? "";
        }
        return line;
    }

    [RequiresRootFact]
    public void A_reset_is_seen_by_own_programs()
    {
        var port = ClosedPort();
        using var watch = new WatchProcess("--own", "--probe", "tcpreset", "--kind", "tcpreset.sent");
        watch.WaitForError("watching by own eBPF programs: tcpreset");
        Cause(watch, port).ShouldMatch(
            @"^\d\d:\d\d:\d\d\.\d{3} ERROR tcpreset\.sent         "
            + $@"127\.0\.0\.1:{port} sent a reset to 127\.0\.0\.1:\d+: nobody listens there");
        watch.Signal("INT");
        watch.WaitForExit().ShouldBe(0);
        watch.Output.ShouldAllBe(l => l.Contains(" tcpreset.sent "));
        watch.WaitForError(" lost in ");
    }

    [RequiresRootFact]
    public void What_is_held_back_of_a_flood_is_counted_in_the_summary()
    {
        var port = ClosedPort();
        using var watch = new WatchProcess("--own", "--kind", "tcpreset.sent", "-o", "json");
        watch.WaitForError("watching by own eBPF programs");
        for (var i = 0; i < 200; i++)
            ConnectTo(port);
        watch.WaitForLine($"127.0.0.1:{port}");
        watch.Signal("TERM");
        watch.WaitForExit().ShouldBe(0);
        var totals = watch.WaitForError(" lost in ").Split(' ');
        var (seen, held) = (int.Parse(totals[1]), int.Parse(totals[3]));
        (seen + held).ShouldBeGreaterThanOrEqualTo(200);
        held.ShouldBeGreaterThan(0);
    }

    [RequiresRootFact]
    public void Two_agents_are_watched_and_one_of_them_begins_anew()
    {
        var port = ClosedPort();
        using var one = new AgentProcess(Config);
        using var other = new AgentProcess(Config);
        one.WaitForLog("first snapshot");
        other.WaitForLog("first snapshot");
        using var watch = new WatchProcess("-s", AddressOf(one), "-s", AddressOf(other), "--kind", "tcpreset.sent");
        Cause(watch, port).ShouldNotBeEmpty();
        // Their probes may not have started at the same time.
        foreach (var agent in (AgentProcess[])[one, other])
        {
            for (var tries = 0; tries < 300 && !Seen(AddressOf(agent), port); tries++)
            {
                ConnectTo(port);
                Thread.Sleep(200);
            }
            Seen(AddressOf(agent), port).ShouldBeTrue();
        }

        var address = AddressOf(one);
        one.Signal("KILL");
        one.WaitForExit();
        watch.WaitForError($"{address} is gone: ");
        var next = ClosedPort();
        Cause(watch, next).ShouldContain(AddressOf(other));

        using var again = new AgentProcess(Config, ("NETLENS_HTTP_LISTEN", address));
        watch.WaitForError($"{address} is there");
        var last = ClosedPort();
        for (var tries = 0; tries < 300 && !Seen(address, last); tries++)
        {
            ConnectTo(last);
            Thread.Sleep(200);
        }
        Seen(address, last).ShouldBeTrue();
        watch.Signal("INT");
        watch.WaitForExit().ShouldBe(0);

        bool Seen(string agent, int number) => watch.Output
            .Any(l => l.StartsWith(agent) && l.Contains($"127.0.0.1:{number} "));
    }

    [RequiresRootFact]
    public void The_past_is_asked_for()
    {
        var port = ClosedPort();
        using var agent = new AgentProcess(Config);
        agent.WaitForLog("first snapshot");
        using (var watch = new WatchProcess("-s", AddressOf(agent), "--kind", "tcpreset"))
            Cause(watch, port).ShouldNotBeEmpty();
        using var later = new WatchProcess("-s", AddressOf(agent), "--kind", "tcpreset", "--since", "10m", "-n", "1");
        later.WaitForExit().ShouldBe(0);
        later.Output.ShouldHaveSingleItem();
        var wrong = AgentProcess.Run("watch", "-s", AddressOf(agent), "--since", "yesterday");
        wrong.Code.ShouldBe(2);
        wrong.Error.ShouldContain($"netlens: {AddressOf(agent)} since must be a duration");
    }

    /// <summary>Beside the service, on its own: found by the configuration.</summary>
    [RequiresRootFact]
    public void The_agent_of_this_machine_is_found()
    {
        var port = ClosedPort();
        using var agent = new AgentProcess(Config);
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, $"http: {{ listen: '{AddressOf(agent)}' }}\n");
            agent.WaitForLog("first snapshot");
            using var watch = new WatchProcess("--config", file, "--kind", "tcpreset");
            Cause(watch, port).ShouldNotBeEmpty();
            watch.Signal("INT");
            watch.WaitForExit().ShouldBe(0);
            watch.Error.ShouldNotContain(l => l.Contains("own eBPF programs"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [RequiresRootFact("setpriv")]
    public void Without_an_agent_and_without_root_it_says_what_is_missing()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-watch-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "netlens.yaml"), "http: { listen: '127.0.0.1:1', socket: '' }\n");
            var program = Path.GetDirectoryName(AgentProcess.Program)!;
            Shell.Try("cp", "-r", program, $"{folder.FullName}/bin").Code.ShouldBe(0);
            Shell.Try("chmod", "-R", "a+rX", folder.FullName).Code.ShouldBe(0);
            var result = Shell.Try("setpriv", "--reuid", "65534", "--clear-groups", $"{folder.FullName}/bin/netlens",
                "watch", "--config", $"{folder.FullName}/netlens.yaml", "--kind", "tcpreset");
            result.Code.ShouldBe(5, result.Error);
            result.Error.Split('\n').ShouldContain(l => l.StartsWith("netlens: no agent at ")
                && l.Contains(" and no event can be seen from here: tcpreset: "));
            result.Error.ShouldContain("CAP_");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
