using System.CommandLine;
using System.Runtime.InteropServices;
using Collector.Worker.Agent;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens version</c>.</summary>
internal static class VersionCommand
{
    public static Command Create()
    {
        var format = CommonOptions.Format("table", "json");
        var command = new Command("version", "Version, runtime and system.") { format };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(format) == "json")
                PrintJson();
            else
                Console.WriteLine($"netlens {AgentIdentity.Version} ({RuntimeInformation.FrameworkDescription}, "
                    + $"{RuntimeInformation.RuntimeIdentifier})");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void PrintJson() => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("version", AgentIdentity.Version);
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
        json.WriteString("platform", RuntimeInformation.RuntimeIdentifier);
        json.WriteString("os", RuntimeInformation.OSDescription);
        json.WriteEndObject();
    });
}
