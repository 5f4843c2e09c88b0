using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>The last hour of a running agent, taken along as a file and looked into by other commands.</summary>
public sealed partial class RecordTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-recorder-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_dump_has_what_the_agent_collected_and_other_commands_show_it()
    {
        using var agent = new AgentProcess("collection: { interval: 1s }\npods: { runtimeEndpoint: none }\n");
        agent.WaitForLog("first snapshot");
        Wait(() => Figure(agent, "netlens_recorder_collections") >= 4);
        var before = Figure(agent, "netlens_snapshot_time_seconds");
        var file = Path.Combine(_folder, "a.nlrec");

        var dump = AgentProcess.Run("record", "dump", file, "-s", agent.Address.Authority);

        dump.Code.ShouldBe(ExitCodes.Ok, dump.Error);
        dump.Output.ShouldContain(" collections from ");
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Wait(() => Figure(agent, "netlens_snapshot_time_seconds") > before);
        var after = Figure(agent, "netlens_snapshot_time_seconds");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(ExitCodes.Ok);

        var show = AgentProcess.Run("record", "show", file);
        show.Code.ShouldBe(ExitCodes.Ok, show.Error);
        show.Output.ShouldContain("netlens           0.1.0");
        show.Output.ShouldContain("softnet ");
        using var header = JsonDocument.Parse(AgentProcess.Run("record", "show", file, "-f", "json").Output);
        header.RootElement.GetProperty("doctor").GetProperty("probes").GetArrayLength().ShouldBeGreaterThan(10);
        header.RootElement.GetProperty("configuration").GetProperty("values").GetProperty("collection.interval")
            .GetString().ShouldBe("1s");

        var (newest, time) = SnapshotTime("once", "--replay", file, "-f", "json");
        newest.ShouldBeInRange(before, after);
        // A second before there was another collection, with its own numbers.
        var at = time.AddSeconds(-1.5).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var (earlier, then) = SnapshotTime("once", "--replay", file, "--at", at, "-f", "json");
        earlier.ShouldBeLessThan(newest);
        then.ShouldBeLessThan(time);
        var grown = AgentProcess.Run("once", "--replay", file, "--for", "1s", "--probe", "softnet", "--netns", "host");
        grown.Code.ShouldBe(ExitCodes.Ok, grown.Error);
        grown.Output.ShouldContain("softnet");
        grown.Output.ShouldNotContain("tcp.");
        AgentProcess.Run("watch", "--replay", file).Code.ShouldBe(ExitCodes.Ok);
        var late = AgentProcess.Run("once", "--replay", file, "--at", "2001-01-01T00:00:00Z");
        (late.Code, late.Output).ShouldBe((ExitCodes.Usage, ""));
        late.Error.ShouldStartWith("netlens: --at: the recording begins at 20");
    }

    [Fact]
    public void SIGUSR1_keeps_one_and_a_second_within_a_minute_does_not()
    {
        if (OperatingSystem.IsWindows())
            return;
        var records = Path.Combine(_folder, "records");
        using var agent = new AgentProcess(
            $"collection: {{ interval: 1s }}\npods: {{ runtimeEndpoint: none }}\nrecorder: {{ folder: {records} }}\n");
        agent.WaitForLog("first snapshot");
        agent.Signal("USR1");
        var line = agent.WaitForLog("collections are kept in");
        var file = Directory.GetFiles(records).ShouldHaveSingleItem();
        line.ShouldContain(file);
        agent.Signal("USR1");
        agent.WaitForLog("the last one was less than a minute ago");
        var show = AgentProcess.Run("record", "show", file);
        show.Code.ShouldBe(ExitCodes.Ok, show.Error);
        show.Output.ShouldContain("SIGUSR1");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(ExitCodes.Ok);
        Directory.GetFiles(records).ShouldBe([file]);
    }

    [Fact]
    public void What_is_no_recording_is_one_line()
    {
        var file = Path.Combine(_folder, "b.nlrec");
        var none = AgentProcess.Run("record", "dump", file, "-s", $"unix:{_folder}/nobody.sock");
        none.Code.ShouldBe(ExitCodes.Unavailable);
        File.Exists(file).ShouldBeFalse();
        File.WriteAllText(file, "something else");
        foreach (var command in (string[][])[["record", "show", file], ["once", "--replay", file], ["watch", "--replay", file]])
        {
            var (code, output, error) = AgentProcess.Run(command);
            code.ShouldNotBe(ExitCodes.Ok);
            output.ShouldBeEmpty();
            error.ShouldBe($"netlens: {file}: it is no recording of netlens\n");
        }
    }

    private static (double Value, DateTimeOffset Time) SnapshotTime(params string[] args)
    {
        var (code, output, error) = AgentProcess.Run(args);
        code.ShouldBe(ExitCodes.Ok, error);
        using var json = JsonDocument.Parse(output);
        var series = json.RootElement.GetProperty("series").EnumerateArray()
            .Single(s => s.GetProperty("name").GetString() == "netlens.snapshot.time");
        return (series.GetProperty("value").GetDouble(), json.RootElement.GetProperty("time").GetDateTimeOffset());
    }

    private static double Figure(AgentProcess agent, string name) =>
        Value().Matches(agent.Get("/metrics")).Where(m => m.Groups["name"].Value == name)
            .Select(m => double.Parse(m.Groups["value"].ValueSpan, CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max();

    private static void Wait(Func<bool> condition) => SpinWait.SpinUntil(() =>
    {
        Thread.Sleep(100);
        return condition();
    }, Patience).ShouldBeTrue();

    [GeneratedRegex(@"^(?<name>netlens_\w+)(\{[^}]*\})? (?<value>\S+)$",
        RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Value();
}
