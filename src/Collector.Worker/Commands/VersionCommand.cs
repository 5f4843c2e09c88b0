using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens version</c>.</summary>
internal static class VersionCommand
{
    public static string Version { get; } =
        typeof(VersionCommand).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";

    public static Command Create()
    {
        var format = CommonOptions.Format("table", "json");
        var command = new Command("version", "Version, runtime and system.") { format };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(format) == "json")
                PrintJson();
            else
                Console.WriteLine($"netlens {Version} ({RuntimeInformation.FrameworkDescription}, "
                    + $"{RuntimeInformation.RuntimeIdentifier})");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void PrintJson() => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("version", Version);
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
        json.WriteString("platform", RuntimeInformation.RuntimeIdentifier);
        json.WriteString("os", RuntimeInformation.OSDescription);
        json.WriteEndObject();
    });
}
