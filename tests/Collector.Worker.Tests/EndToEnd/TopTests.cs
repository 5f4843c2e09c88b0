using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Hosting;
using Collector.Worker.Tests.Commands;
using Collector.Worker.Tests.Support;
using Collector.Worker.Tests.Watch;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary><c>netlens top</c> on real terminals, and where there is none.</summary>
public sealed partial class TopTests : IDisposable
{
    private const string Frame = "2 pods]";

    private readonly FakeAgent _agent;

    public TopTests()
    {
        FakeAgent agent = null!;
        agent = new((number, send, _) => send(Answer(agent.Requests[number - 1])));
        _agent = agent;
    }

    public void Dispose() => _agent.Dispose();

    private static string Answer(string request)
    {
        var body = request.Split(' ')[1] switch
        {
            "/api/v1/overview" => TopSample.Overview,
            "/api/v1/node" => TopSample.Node,
            "/api/v1/listeners" => TopSample.Listeners,
            "/api/v1/drops" => TopSample.Drops,
            "/api/v1/subjects/n4026532621" => TopSample.Pod,
            _ => null,
        };
        return body is null ? FakeAgent.Page(404, "text/plain", "none")
            : FakeAgent.Page(200, "application/json", body);
    }

    /// <summary>Lines of a golden frame, but the first, which has the time.</summary>
    private static string[] Golden(string view, string size) =>
        [.. File.ReadAllLines(Path.Combine(Repository.Root, $"tests/Collector.Worker.Tests/Commands/Golden/top-{view}.{size}.txt"))
            .Skip(1).Select(static l => l.TrimEnd())];

    private static void ShouldShow(TmuxTerminal terminal, string view, string size) =>
        terminal.Wait(lines => lines.Skip(1).SequenceEqual(Golden(view, size)));

    [ToolFact("tmux", "tmux")]
    public void What_a_terminal_shows_is_the_frame_and_the_screen_is_as_it_was_afterwards()
    {
        using var terminal = new TmuxTerminal(80, 24);
        terminal.Run("stty -g > /dev/null; echo before");
        var before = terminal.Wait(lines => lines[^1] == "" && lines.Count(l => l == "$") == 1 && lines.Contains("before"));
        terminal.Run($"$TOP -s {_agent.Address} --tab pods");
        ShouldShow(terminal, "pods", "80x24");
        terminal.Lines[0].ShouldMatch(@"^netlens node-1  6\.12\.117  up 4 d +agent 0\.8%  30MiB  12:00:30Z \d s ago$");
        terminal.Press("1");
        ShouldShow(terminal, "findings", "80x24");
        terminal.Press("Enter");
        ShouldShow(terminal, "finding", "80x24");
        terminal.Press("Enter");
        terminal.Wait(lines => lines.Skip(3).SequenceEqual(Golden("pod", "80x24").Skip(2)));
        terminal.Press("Escape");
        ShouldShow(terminal, "finding", "80x24");
        terminal.Press("5");
        ShouldShow(terminal, "devices", "80x24");
        terminal.Press("Enter");
        ShouldShow(terminal, "device", "80x24");
        terminal.Press("2", "/", "s", "h", "o", "p", "Enter", "s");
        ShouldShow(terminal, "filtered", "80x24");

        terminal.Press("q");
        var after = terminal.Wait(lines => !lines.Any(l => l.Contains(Frame)) && lines.Count(l => l.StartsWith('$')) > 2);
        after.TakeWhile(l => l != "$").ShouldBe(before.TakeWhile(l => l != "$").Append(after.First(l => l.Contains("--tab"))));
        // What is typed is seen again.
        terminal.Run("echo code $?; stty -a");
        terminal.Wait("code 0");
        terminal.Wait(lines => lines.Any(l => Word("icanon").IsMatch(l))
            && lines.Any(l => Word("echo").IsMatch(l)) && lines.Any(l => l.Contains("susp = ^Z")));
    }

    [ToolFact("tmux", "tmux")]
    public void It_is_drawn_anew_for_every_size()
    {
        using var terminal = new TmuxTerminal(80, 24);
        terminal.Run($"$TOP -s {_agent.Address} --tab pods");
        ShouldShow(terminal, "pods", "80x24");
        terminal.Resize(200, 50);
        ShouldShow(terminal, "pods", "200x50");
        foreach (var (columns, rows) in ((int, int)[])[(3, 2), (500, 5), (20, 100), (1, 1)])
            terminal.Resize(columns, rows);
        terminal.Resize(80, 24);
        ShouldShow(terminal, "pods", "80x24");
    }

    [ToolTheory("tmux", "tmux")]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    [InlineData("QUIT")]
    public void A_signal_leaves_the_screen_as_it_was(string signal)
    {
        using var terminal = new TmuxTerminal(80, 24);
        terminal.Run("stty -g");
        var settings = terminal.Wait(lines => lines.Count(l => l.StartsWith('$')) == 2).First(l => l.Contains(':'));
        terminal.Run($"$TOP -s {_agent.Address} --tab pods");
        ShouldShow(terminal, "pods", "80x24");
        var child = terminal.Child();
        Shell.Run("kill", "-s", signal, $"{child}");
        terminal.Wait(_ => !Directory.Exists($"/proc/{child}"));
        terminal.Wait(lines => lines.Contains(settings) && !lines.Any(l => l.Contains(Frame)));
        terminal.Run("stty -g");
        terminal.Wait(lines => lines.Count(l => l == settings) == 2);
    }

    /// <summary>Nobody can clear up after SIGKILL: reset does, as the documentation says.</summary>
    [ToolFact("tmux", "tmux")]
    public void Killed_hard_the_terminal_is_right_again_after_reset()
    {
        if (ToolFactAttribute.Find("reset") is null)
            return;
        using var terminal = new TmuxTerminal(80, 24);
        terminal.Run($"$TOP -s {_agent.Address} --tab pods");
        ShouldShow(terminal, "pods", "80x24");
        var killed = terminal.Child();
        Shell.Run("kill", "-s", "KILL", $"{killed}");
        terminal.Wait(_ => !Directory.Exists($"/proc/{killed}"));
        terminal.IsOnOtherScreen.ShouldBeTrue();
        terminal.Run("reset");
        terminal.Run("tput rmcup");
        terminal.Wait(_ => !terminal.IsOnOtherScreen);
        terminal.Run("stty -a");
        terminal.Wait(lines => lines.Any(l => Word("icanon").IsMatch(l)) && lines.Any(l => Word("echo").IsMatch(l)));
    }

    [ToolFact("tmux", "tmux")]
    public void An_agent_that_goes_away_is_told_and_found_again()
    {
        using var terminal = new TmuxTerminal(80, 24);
        terminal.Run($"$TOP -s {_agent.Address} --tab pods");
        ShouldShow(terminal, "pods", "80x24");
        var address = _agent.Address;
        _agent.Dispose();
        terminal.Wait($"no running agent answers at {address}");
        terminal.Lines.ShouldContain(l => l.Contains("shop/web-0"));
        terminal.Press("q");
        terminal.Wait(lines => !lines.Any(l => l.Contains(Frame)));
    }

    [ToolFact("tmux", "tmux")]
    public void A_recording_is_gone_through_with_arrows()
    {
        var file = Path.Combine(Path.GetTempPath(), $"netlens-top-{Environment.ProcessId}.nlrec");
        try
        {
            using (var agent = new AgentProcess("collection: { interval: 1s }\npods: { runtimeEndpoint: none }\n"))
            {
                agent.WaitForLog("first snapshot");
                SpinWait.SpinUntil(() =>
                {
                    Thread.Sleep(200);
                    return Number().Match(agent.Get("/metrics")) is { Success: true } match && int.Parse(match.Groups["count"].Value) >= 4;
                }, TimeSpan.FromMinutes(2)).ShouldBeTrue();
                AgentProcess.Run("record", "dump", file, "-s", agent.Address.Authority).Code.ShouldBe(ExitCodes.Ok);
            }
            using var terminal = new TmuxTerminal(80, 24);
            terminal.Run($"$TOP --replay {file} --tab pods");
            var (count, end) = Place(terminal, (place, all) => place == all);
            terminal.Lines.ShouldContain(l => l.StartsWith("> host "));
            terminal.Press("Left");
            var (_, before) = Place(terminal, (place, all) => place == all - 1);
            string.CompareOrdinal(before, end).ShouldBeLessThanOrEqualTo(0, "both may be within a second");
            terminal.Press("Left", "Right", "Right", "Right");
            Place(terminal, (place, all) => place == all);
            foreach (var _ in Enumerable.Range(0, (count / 10) + 1))
                terminal.Press("[");
            var (_, first) = Place(terminal, (place, _) => place == 1);
            // Rates need two collections; what is not known is no 0.
            terminal.Press("5");
            terminal.Wait(lines => lines.Any(l => l.Contains(" lo ")));
            terminal.Press("q");
            terminal.Wait(lines => !lines.Any(l => l.Contains("5 devices]")));

            var early = AgentProcess.Run("top", "--replay", file, "--at", "2001-01-01T00:00:00Z");
            early.Code.ShouldBe(ExitCodes.Configuration);
            early.Error.ShouldContain("--at: the recording begins at ");
            first.ShouldNotBe(end);
            var table = AgentProcess.Run("top", "--replay", file, "--tab", "pods");
            table.Code.ShouldBe(ExitCodes.Ok, table.Error);
            table.Output.ShouldStartWith("POD ");
            table.Output.ShouldContain("\nhost ");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Where_there_is_no_terminal_it_is_one_table()
    {
        var pods = AgentProcess.Run("top", "-s", _agent.Address, "--tab", "pods");
        (pods.Code, pods.Error).ShouldBe((ExitCodes.Ok, ""));
        var lines = pods.Output.Split('\n');
        lines[0].ShouldStartWith("POD ");
        lines[1].ShouldStartWith("shop/web-0 ");
        lines.Length.ShouldBe(7);
        pods.Output.ShouldNotContain("\e");
        AgentProcess.Run("top", "-s", _agent.Address).Output.ShouldStartWith("LEVEL  SEEN");
        var wrong = AgentProcess.Run("top", "--tab", "pod");
        wrong.Code.ShouldBe(ExitCodes.Usage);
        wrong.Error.ShouldContain("--tab: 'pod' is not one of its values, did you mean 'pods'?");
    }

    [Fact]
    public void Without_an_agent_it_says_so_in_one_line()
    {
        var none = AgentProcess.Run("top", "-s", "127.0.0.1:1");
        none.Code.ShouldBe(ExitCodes.Unavailable);
        none.Output.ShouldBeEmpty();
        none.Error.ShouldBe("netlens: no running agent answers at 127.0.0.1:1: Connection refused\n");
        using var old = new FakeAgent(FakeAgent.Page(404, "text/plain", "none"));
        var error = AgentProcess.Run("top", "-s", old.Address);
        error.Code.ShouldBe(ExitCodes.Unavailable);
        error.Error.ShouldBe($"netlens: {old.Address} has no /api/v1/overview: it is an older Netlens, or none\n");
        using var half = new FakeAgent((number, send, _) => send(number == 1
            ? FakeAgent.Page(200, "application/json", TopSample.Overview)
            : FakeAgent.Page(404, "text/plain", "none")));
        var listeners = AgentProcess.Run("top", "-s", half.Address, "--tab", "listeners");
        (listeners.Code, listeners.Output).ShouldBe((ExitCodes.Unavailable, ""));
        listeners.Error.ShouldContain($"{half.Address} has no /api/v1/listeners");
    }

    private static (int Count, string Time) Place(TmuxTerminal terminal, Func<int, int, bool> wanted)
    {
        var found = (Count: 0, Time: "");
        terminal.Wait(lines =>
        {
            if (Replay().Match(lines[0]) is not { Success: true } match)
                return false;
            var all = int.Parse(match.Groups["count"].Value);
            found = (all, match.Groups["time"].Value);
            return wanted(int.Parse(match.Groups["place"].Value), all);
        });
        return found;
    }

    private static Regex Word(string word) => new($@"(^| ){word}( |;|$)", RegexOptions.None, TimeSpan.FromSeconds(1));

    [GeneratedRegex(
        @"replay (?<time>\S+ \S+Z) (?<place>\d+)/(?<count>\d+)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Replay();

    [GeneratedRegex(@"^netlens_recorder_collections(\{[^}]*\})? (?<count>\d+)$",
        RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Number();
}
