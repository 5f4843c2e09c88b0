using System.Globalization;
using Collector.Tests.Support;
using Collector.Worker.Tests.Hosting.Systemd;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>What the running agent tells whoever is at NOTIFY_SOCKET.</summary>
public sealed class ServiceManagerTests
{
    private const string Quick = "collection: { interval: 1s }\n";
    private const string ChildOfShell = "\"$0\" run --config \"$1\" & echo \"agent $!\" >&2; wait $!";

    [Theory]
    [InlineData(false, "TERM")]
    [InlineData(true, "INT")]
    public void It_is_told_of_readiness_status_reload_and_end(bool isAbstract, string signal)
    {
        using var manager = new NotifySocket(isAbstract);
        using var agent = new AgentProcess(Quick, ("NOTIFY_SOCKET", manager.Address));
        WaitFor(manager, "READY=1").ShouldBe("READY=1");
        agent.LogLines.Count(l => l.Contains("watchdog")).ShouldBe(0);
        WaitFor(manager, " series of ").ShouldMatch("^STATUS=[1-9][0-9]* series of [0-9]+ network namespaces, ");
        agent.WaitForLog("first snapshot");
        agent.Signal("HUP");
        WaitFor(manager, "RELOADING=1").ShouldMatch("^RELOADING=1\nMONOTONIC_USEC=[0-9]+$");
        WaitFor(manager, "READY=1");
        agent.Signal(signal);
        WaitFor(manager, "STOPPING=1");
        agent.WaitForExit().ShouldBe(0);
        agent.LogLines.ShouldNotContain(l => l.Contains("service manager"));
    }

    [Fact]
    public void A_child_of_a_plain_shell_tells_the_same_and_feeds_the_watchdog()
    {
        using var manager = new NotifySocket(isAbstract: false);
        using var agent = new AgentProcess(
            Quick, ChildOfShell, ("NOTIFY_SOCKET", manager.Address), ("WATCHDOG_USEC", "400000"));
        var pid = agent.WaitForLog("agent ").Split(' ')[1];
        WaitFor(manager, "READY=1");
        for (var i = 0; i < 3; i++)
            WaitFor(manager, "WATCHDOG=1");
        Shell.Run("kill", "-TERM", pid);
        WaitFor(manager, "STOPPING=1");
        agent.WaitForExit().ShouldBe(0);
    }

    [Fact]
    public void One_that_goes_away_is_one_line_and_the_agent_goes_on()
    {
        var manager = new NotifySocket(isAbstract: false);
        using var agent = new AgentProcess(
            Quick, ("NOTIFY_SOCKET", manager.Address), ("WATCHDOG_USEC", "200000"));
        WaitFor(manager, " series of ");
        manager.Dispose();

        agent.WaitForLog("The service manager could not be told a state");
        agent.Signal("HUP");
        agent.WaitForLog("reloaded");
        var before = SnapshotTime(agent);
        for (var i = 0; i < 300 && SnapshotTime(agent) < before + 2; i++)
            Thread.Sleep(100);
        SnapshotTime(agent).ShouldBeGreaterThanOrEqualTo(before + 2);
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
        agent.LogLines.Count(l => l.Contains("service manager")).ShouldBe(1);
        agent.LogLines.ShouldNotContain(l => l.Contains("Exception"));
    }

    private static double SnapshotTime(AgentProcess agent)
    {
        var line = agent.Get("/metrics").Split('\n').Single(l => l.StartsWith("netlens_snapshot_time"));
        return double.Parse(line.AsSpan(line.LastIndexOf(' ')), CultureInfo.InvariantCulture);
    }

    private static string WaitFor(NotifySocket manager, string text)
    {
        while (true)
        {
            var message = manager.Receive();
            if (message.Contains(text))
                return message;
        }
    }
}
