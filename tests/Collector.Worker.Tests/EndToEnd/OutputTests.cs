using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Output that cannot be written: one line where there is somewhere to write it, exit code 1.</summary>
public sealed class OutputTests
{
    private const string Cannot = "netlens: cannot write to standard output: ";

    [Theory]
    [InlineData("list metrics")]
    [InlineData("list probes --format json")]
    [InlineData("list events")]
    [InlineData("once --probe ip --zeros")]
    [InlineData("once --probe ip --format json")]
    [InlineData("once --probe ip --format prometheus")]
    [InlineData("once --probe ip --format otlp-json")]
    [InlineData("config print")]
    [InlineData("config check")]
    [InlineData("btf discover")]
    [InlineData("version")]
    [InlineData("--help")]
    public void A_full_disk_and_a_closed_output_are_one_line(string command)
    {
        var full = AgentProcess.RunInShell($"\"$0\" {command} >/dev/full");
        full.Error.ShouldBe($"{Cannot}No space left on device\n");
        full.Code.ShouldBe(1);
        var closed = AgentProcess.RunInShell($"\"$0\" {command} >&-");
        closed.Error.ShouldBe($"{Cannot}Bad file descriptor\n");
        closed.Code.ShouldBe(1);
    }

    [Theory]
    [InlineData("once --probe xyz 2>&-", 2)]
    [InlineData("once --probe xyz 2>/dev/full", 2)]
    [InlineData("list probes <&- >/dev/null", 0)]
    [InlineData("list probes <&- >&- 2>&-", 1)]
    public void Streams_that_are_not_there_change_no_exit_code(string command, int code) =>
        AgentProcess.RunInShell($"\"$0\" {command}").Code.ShouldBe(code);

    /// <summary>What is printed must not end in a file that happens to have the number of the closed stream.</summary>
    [Fact]
    public void An_agent_without_streams_serves_its_page()
    {
        using var agent = new AgentProcess(
            "collection: { interval: 1s }\n", shell: "exec \"$0\" run --config \"$1\" <&- >&-");
        agent.Get("/metrics").ShouldContain("netlens_snapshot_time");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
    }

    [RequiresRootFact("script")]
    public void A_terminal_is_given_back_as_it_was()
    {
        var shown = Shell.Try(
            "env", "TERM=xterm", "script", "-qec", $"'{AgentProcess.Program}' list probes", "/dev/null");
        shown.Output.ShouldContain("netdev");
        shown.Output.ShouldNotContain("\u001b[?1h");
        shown.Output.ShouldNotContain("\u001b=");
    }

    [Fact]
    public void A_pipe_that_nobody_reads_is_said_once_and_its_events_are_counted()
    {
        var pipe = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}");
        Shell.Try("mkfifo", pipe).Code.ShouldBe(0);
        try
        {
            using var agent = new AgentProcess($"collection: {{ interval: 1s }}\nevents: {{ json: {pipe} }}\n");
            agent.WaitForLog("first snapshot");
            agent.WaitForLog($"events cannot be written to {pipe} (nobody reads the pipe)");
            agent.Signal("TERM");
            agent.WaitForExit().ShouldBe(0);
            agent.LogLines.Count(l => l.Contains("events cannot be written")).ShouldBe(1);
        }
        finally
        {
            File.Delete(pipe);
        }
    }
}
