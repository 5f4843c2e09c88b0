using System.CommandLine;
using System.Text;
using Collector.Worker.Agent;
using Collector.Worker.Configuration.Import;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens config import</c>.</summary>
internal static class ImportCommand
{
    private const string StandardInput = "/dev/stdin";

    public static Command Create()
    {
        var file = new Argument<string>("FILE")
        {
            Description = "Configuration of KubeSkoop or ACK Net Exporter, a ConfigMap that holds it, or values of "
                + "KubeSkoop's Helm chart; - reads standard input.",
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "Write it to this file, which must not be there yet, instead of standard output.",
            HelpName = "FILE",
        };
        var command = new Command(
            "import", "Print what KubeSkoop's configuration, or the values of its chart, is here.") { file, output };
        command.SetAction(parsed => Import(parsed.GetValue(file)!, parsed.GetValue(output)));
        return command;
    }

    private static int Import(string file, string? output)
    {
        var result = ConfigurationImport.Load(file == "-" ? StandardInput : file, NodeFactory.Catalogue);
        foreach (var error in result.Errors)
            Output.Error(error.ToString());
        if (result.Text is not { } text)
            return ExitCodes.Configuration;
        if (output is null)
            Console.Write(text);
        else if (!TryWrite(output, text))
            return ExitCodes.Failure;
        foreach (var line in result.Losses)
            Output.Error(line);
        return ExitCodes.Ok;
    }

    private static bool TryWrite(string path, string text)
    {
        try
        {
            using var file = new FileStream(path, FileMode.CreateNew);
            file.Write(Encoding.UTF8.GetBytes(text));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException
            or NotSupportedException)
        {
            Output.Error($"--output: {e.Message}");
            return false;
        }
    }
}
