using System.Diagnostics;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Bpf;

/// <summary>The program itself on this kernel, as it is installed: its own libbpf, its own objects.</summary>
public sealed class ProgramTests
{
    private const string First = "first snapshot";

    // An emulated machine is slow.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [RequiresBpfFact]
    public void It_tells_of_each_datagram_to_a_closed_port()
    {
        using var pair = DropTraffic.Pair();
        using var agent = Start("run");
        using var end = new Timer(_ => agent.Kill(), null, Patience, Timeout.InfiniteTimeSpan);
        // Also when the test fails: it would hold what it has inherited.
        using var over = new Ended(agent);
        var errors = LinesUntil(agent.StandardError, l => l.Contains(First));
        errors.ShouldContain(l => l.Contains(First), string.Join('\n', errors));
        _ = agent.StandardError.ReadToEndAsync();

        var ports = Enumerable.Range(0, 3)
            .Select(_ => DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 4243)).ToArray();

        foreach (var port in ports)
        {
            LinesUntil(agent.StandardOutput, l => l.Contains($"\"source.port\":{port}"))[^1]
                .ShouldContain("netlens.packetloss.refused");
        }
        Shell.Run("kill", "-TERM", $"{agent.Id}");
        agent.WaitForExit(TimeSpan.FromSeconds(60)).ShouldBeTrue();
        agent.ExitCode.ShouldBe(0);
    }

    private static Process Start(params string[] arguments)
    {
        var info = new ProcessStartInfo(TestProgram.Path, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["NETLENS_HTTP_ENABLED"] = "false", ["NETLENS_PROBES"] = "-all,packetloss",
                ["NETLENS_EVENTS_JSON"] = "stdout",
            },
        };
        return Process.Start(info)!;
    }

    private sealed class Ended(Process process) : IDisposable
    {
        public void Dispose()
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static List<string> LinesUntil(StreamReader output, Predicate<string> last)
    {
        List<string> lines = [];
        while (output.ReadLine() is { } line)
        {
            lines.Add(line);
            if (last(line))
                break;
        }
        return lines;
    }
}
