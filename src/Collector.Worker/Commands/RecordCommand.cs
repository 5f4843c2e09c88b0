using System.CommandLine;
using System.Globalization;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;
using Collector.Worker.Http;
using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Commands;

/// <summary><c>netlens record</c>: what the agent has in memory of the last hour, as a file.</summary>
internal static class RecordCommand
{
    public static Command Create() => new("record", "The last hour of the running agent, as one file.")
    {
        Dump(), Show(),
    };

    private static Command Dump()
    {
        var config = CommonOptions.Config();
        var server = CommonOptions.Server();
        var file = new Argument<string>("FILE") { Description = "The file to write; only its owner can read it." };
        var mask = new Option<bool>("--mask")
        {
            Description = "Put others in the place of addresses, the same for the same: of the ranges for "
                + "documentation. Names of pods and interfaces stay.",
        };
        var command = new Command(
            "dump", "Write collections, events and the state of the running agent into a file.")
        {
            file, config, server, mask,
        };
        var peers = new PeerArguments();
        peers.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var asked = parsed.GetValue(server);
            var options = asked is null ? Session.Configure(parsed.GetValue(config))?.Options : null;
            var client = new AgentClient(asked, peers.Read(parsed));
            var bytes = await client.DownloadAsync(options ?? new AgentOptions(),
                parsed.GetValue(mask) ? "record?mask=true" : "record", RecordEndpoint.ContentType,
                RecordFile.LargestSize);
            return bytes is null ? ExitCodes.Unavailable : Session.Guard(() => Save(parsed.GetValue(file)!, bytes));
        });
        return command;
    }

    private static int Save(string path, byte[] bytes)
    {
        RecordKeeper.Write(path, [bytes]);
        if (Replays.Open(path) is not { } file)
            return ExitCodes.Failure;
        Output.Screen.Line($"{path}: {Contents(file)}, {bytes.Length / 1024} KiB");
        return file.Damage is null ? ExitCodes.Ok : ExitCodes.Failure;
    }

    private static Command Show()
    {
        var path = new Argument<string>("FILE") { Description = "A recording." };
        var format = CommonOptions.Format("table", "json");
        var command = new Command("show", "Say what is in a recording: times, versions, what doctor said.")
        {
            path, format,
        };
        command.SetAction(parsed => Session.Guard(() =>
        {
            if (Replays.Open(parsed.GetValue(path)!) is not { } file)
                return ExitCodes.Failure;
            if (parsed.GetValue(format) == "json")
                Output.Json(file.Header.WriteTo);
            else
                Print(file);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static void Print(RecordFile file)
    {
        var screen = Output.Screen;
        screen.Title(Contents(file));
        var facts = Output.Table("RECORDING", "");
        foreach (var (name, key) in ((string, string)[])
        [
            ("node", "node"), ("netlens", "version"), ("kernel", "kernel"), ("architecture", "architecture"),
            ("written", "time"), ("why", "reason"), ("addresses masked", "masked"),
        ])
            facts.Row(name, file.Text(key));
        screen.Print(facts);
        if (!file.Header.TryGetProperty("doctor", out var doctor))
            return;
        var probes = Output.Table("PROBE", "VERDICT", "WHY");
        foreach (var probe in StatusCommand.Items(doctor, "probes"))
        {
            probes.Row(StatusCommand.Text(probe, "probe"), StatusCommand.Text(probe, "verdict"),
                StatusCommand.Text(probe, "reason"));
        }
        screen.Line();
        screen.Print(probes);
    }

    private static string Contents(RecordFile file)
    {
        var events = Output.Counted(file.Events.Count, "event");
        if (file.Collections is not { Times: var times })
            return $"no collection, {events}";
        return $"{Output.Counted(times.Count, "collection")} from {Time(times[0].Time)} to {Time(times[^1].Time)}, "
            + events;
    }

    private static string Time(long time) => DateTimeOffset.UnixEpoch.AddTicks(time / 100)
        .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
