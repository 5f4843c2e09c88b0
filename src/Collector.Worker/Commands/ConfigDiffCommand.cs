using System.CommandLine;
using System.Text.Json;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens config diff</c>: what a reload would change in the running agent.</summary>
internal static class ConfigDiffCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var server = CommonOptions.Server();
        var format = CommonOptions.Format("table", "json");
        format.Aliases.Add("-o");
        var command = new Command(
            "diff", "Compare the file and the environment with what the running agent has in force.")
        {
            config, server, format,
        };
        var peers = new PeerArguments();
        peers.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var (path, named) = ConfigurationLoader.FileOf(parsed.GetValue(config));
            var errors = new List<string>();
            var wanted = AgentConfiguration.Check(ConfigurationFileState.Load(path, named).Result, errors);
            foreach (var error in errors)
                Output.Error(error);
            if (wanted is null)
                return ExitCodes.Configuration;
            var client = new AgentClient(parsed.GetValue(server), peers.Read(parsed));
            using var running = await client.GetAsync(wanted.Options, "config");
            if (running is null || !running.RootElement.TryGetProperty("values", out var values))
                return ExitCodes.Unavailable;
            Print(Between(values, wanted.Options).ToArray(), parsed.GetValue(format) == "json");
            return ExitCodes.Ok;
        });
        return command;
    }

    internal static IEnumerable<Difference> Between(JsonElement running, AgentOptions options)
    {
        var wanted = ConfigurationValues.Of(options, NodeFactory.Catalogue).ToDictionary(v => v.Path);
        foreach (var value in wanted.Values)
        {
            var now = running.TryGetProperty(value.Path, out var text) ? text.ToString() : null;
            if (now != value.Text || value.Hidden)
                yield return new(value.Path, now ?? "", value.Text, value.Hidden && now == value.Text);
        }
        foreach (var gone in running.EnumerateObject().Where(p => !wanted.ContainsKey(p.Name)))
            yield return new(gone.Name, gone.Value.ToString(), "", false);
    }

    private static void Print(Difference[] differences, bool json)
    {
        if (json)
        {
            Output.Json(writer => Write(writer, differences));
            return;
        }
        var table = Output.Table("KEY", "RUNNING", "FILE", "APPLIES");
        foreach (var d in differences)
            table.Row(d.Path, d.Running, d.Wanted, d.Applies);
        if (differences.Length == 0)
            Console.WriteLine("nothing would change");
        else
            Output.Print(table);
    }

    private static void Write(Utf8JsonWriter json, Difference[] differences)
    {
        json.WriteStartObject();
        json.WriteStartArray("changes");
        foreach (var d in differences)
        {
            json.WriteStartObject();
            json.WriteString("key", d.Path);
            json.WriteString("running", d.Running);
            json.WriteString("file", d.Wanted);
            json.WriteString("applies", d.Applies);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>A key that differs, or may: of a secret nobody can tell.</summary>
    internal sealed record Difference(string Path, string Running, string Wanted, bool Secret)
    {
        public string Applies => Secret ? "a secret: not compared"
            : ConfigurationApplier.Live.Contains(Path.Split('.')[0]) ? "at once"
            : "with a restart";
    }
}
