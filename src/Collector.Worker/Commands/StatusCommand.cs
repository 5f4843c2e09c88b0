using System.CommandLine;
using System.Text.Json;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens status</c>: how the running agent is, and what became of its configuration.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var server = CommonOptions.Server();
        var format = CommonOptions.Format("table", "json");
        format.Aliases.Add("-o");
        var command = new Command(
            "status", "How the running agent is: probes, outlets, and the last reload of its configuration.")
        {
            config, server, format,
        };
        var peers = new PeerArguments();
        peers.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            // An agent that refused the file is asked all the same, and tells what is wrong with it.
            var asked = parsed.GetValue(server);
            var options = asked is null ? Session.Configure(parsed.GetValue(config))?.Options : null;
            var client = new AgentClient(asked, peers.Read(parsed));
            using var status = await client.GetAsync(options ?? new AgentOptions(), "status");
            if (status is null)
                return ExitCodes.Unavailable;
            if (parsed.GetValue(format) == "json")
                Output.Json(status.RootElement.WriteTo);
            else
                Print(status.RootElement, Output.Screen);
            return ExitCodes.Ok;
        });
        return command;
    }

    // Of an agent of another version some of it may be missing.
    internal static void Print(JsonElement status, Screen screen)
    {
        screen.Title($"netlens {Text(status, "version")}, process {Text(status, "pid")}, "
            + $"since {Text(status, "start_time")}");
        if (status.TryGetProperty("configuration", out var configuration))
            PrintConfiguration(configuration, screen);
        screen.Text($"{Text(status, "series")} series of {Text(status, "namespaces")} network namespaces");
        var probes = new TextTable("PROBE", "STATE", "WHY");
        foreach (var probe in Items(status, "probes"))
            probes.Row(Text(probe, "id"), Text(probe, "state"), Text(probe, "reason"));
        screen.Text("");
        screen.Print(probes);
        var outlets = new TextTable("EVENTS TO", "DELIVERED", "DROPPED", "FAILED", "WAITING");
        foreach (var outlet in Items(status, "outlets"))
        {
            outlets.Row(Text(outlet, "name"), Text(outlet, "delivered"), Text(outlet, "dropped"),
                Text(outlet, "failed"), Text(outlet, "waiting"));
        }
        if (outlets.Rows.Count == 0)
            return;
        screen.Text("");
        screen.Print(outlets);
    }

    private static void PrintConfiguration(JsonElement configuration, Screen screen)
    {
        var file = Text(configuration, "file");
        if (!configuration.TryGetProperty("last_reload", out var last) || last.ValueKind != JsonValueKind.Object)
        {
            screen.Text($"configuration {file} as it was at the start");
            return;
        }
        var changed = string.Join(", ", Items(last, "changed").Select(c => c.ToString()));
        screen.Text($"configuration {file} reloaded {Text(last, "time")}: {Text(last, "result")}"
            + (changed.Length == 0 ? "" : $" ({changed})"));
        foreach (var error in Items(last, "errors"))
            screen.Text($"  {error}");
    }

    internal static string Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? value.ToString() : "";

    internal static JsonElement.ArrayEnumerator Items(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var list)
        && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray()
            : default;
}
