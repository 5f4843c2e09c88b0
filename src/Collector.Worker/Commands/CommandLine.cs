using System.CommandLine;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>The commands of netlens.</summary>
internal static class CommandLine
{
    public static async Task<int> InvokeAsync(string[] args)
    {
        var root = new RootCommand("Netlens tells why the network of a Kubernetes pod or a Linux node misbehaves.")
        {
            RunCommand.Create(), OnceCommand.Create(), ListCommand.Create(), ConfigCommand.Create(),
            DoctorCommand.Create(), VersionCommand.Create(),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Output.Error(error.Message);
            Output.Error("'netlens --help' and 'netlens COMMAND --help' show what there is");
            return ExitCodes.Usage;
        }
        return await parsed.InvokeAsync();
    }
}
