using System.Diagnostics;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Signals at every moment of the agent's life.</summary>
public sealed class SignalTests
{
    private const string Quick = "collection: { interval: 1s }\n";

    /// <summary>
    /// From exec on: what the agent has not asked for yet waits, blocked by who starts it as a runtime that is still
    /// loading cannot.
    /// </summary>
    [Fact]
    public void A_stop_ends_with_0_and_a_line_at_whichever_moment_it_comes()
    {
        for (var moment = 0; moment < 400; moment += 17)
        {
            using var agent = new AgentProcess(
                Quick, shell: "exec env --block-signal=TERM --block-signal=HUP \"$0\" run --config \"$1\"");
            // Before that it is the shell that the signal meets.
            var program = Path.GetFileName(AgentProcess.Program);
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{agent.Id}/comm").Trim() == program);
            Thread.Sleep(moment);
            agent.Signal("HUP");
            agent.Signal("TERM");
            agent.WaitForExit().ShouldBe(0, $"after {moment} ms");
            agent.LogLines.ShouldContain(l => l.Contains("stopped by SIGTERM"), $"after {moment} ms");
            agent.LogLines.ShouldNotContain(l => l.Contains("   at "));
        }
    }

    [Fact]
    public void A_thousand_hangups_are_a_few_reloads_and_none_while_stopping_does_harm()
    {
        using var agent = new AgentProcess(Quick);
        agent.WaitForLog("first snapshot");
        Shell.Try("bash", "-c", $"for i in $(seq 1000); do kill -HUP {agent.Id}; done").Code.ShouldBe(0);
        agent.Get("/metrics").ShouldContain("netlens_snapshot_time");
        agent.WaitForLog("reloaded");
        agent.LogLines.Count(l => l.Contains("reloaded")).ShouldBeLessThan(50);
        Shell.Try("bash", "-c", $"kill -TERM {agent.Id}; for i in $(seq 20); do kill -HUP {agent.Id}; done");
        agent.WaitForExit().ShouldBe(0);
    }

    /// <summary>Nobody reads standard error, and the pipe is full.</summary>
    [RequiresRootFact("bash")]
    public void A_log_that_nobody_reads_holds_up_neither_the_agent_nor_its_stop()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-signal-");
        try
        {
            var pipe = Path.Combine(folder.FullName, "log");
            Shell.Try("mkfifo", pipe).Code.ShouldBe(0);
            var file = Path.Combine(folder.FullName, "netlens.yaml");
            File.WriteAllText(
                file, $"http: {{ listen: 'unix:{folder.FullName}/s' }}\nlogging: {{ level: debug }}\n{Quick}");
            var script = $"exec 9<>{pipe}; head -c 65536 /dev/zero >&9; "
                + $"'{AgentProcess.Program}' run --config {file} 2>&9 & "
                + "agent=$!; sleep 4; kill -TERM $agent; wait $agent";
            var clock = Stopwatch.StartNew();
            Shell.Try("timeout", "60", "bash", "-c", script).Code.ShouldBe(0);
            clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(30));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
