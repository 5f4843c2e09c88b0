using System.CommandLine;
using System.CommandLine.Parsing;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>The commands of netlens.</summary>
internal static class CommandLine
{
    public static async Task<int> InvokeAsync(string[] args)
    {
        var root = new RootCommand("Netlens tells why the network of a Kubernetes pod or a Linux node misbehaves.")
        {
            RunCommand.Create(), StatusCommand.Create(), WhyCommand.Create(), TopCommand.Create(),
            OnceCommand.Create(), WatchCommand.Create(), DiagCommand.Create(), RecordCommand.Create(),
            ListCommand.Create(), ConfigCommand.Create(), DoctorCommand.Create(), SelftestCommand.Create(),
            BtfCommand.Create(), VersionCommand.Create(),
        };
        // No response files: "@/etc/shadow" would be read, and its words named in an error.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            foreach (var line in Faults(parsed))
                Output.Error(line);
            Output.Error($"see '{PathOf(parsed.CommandResult)} --help'");
            return ExitCodes.Usage;
        }
        return await RunAsync(parsed);
    }

    // Signals are not the library's: after two seconds it would end a stop that is under way.
    private static async Task<int> RunAsync(ParseResult parsed)
    {
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null,
            });
        }
        catch (BrokenOutputException e)
        {
            // Whoever reads the first lines only (`| head`) has what he wants.
            if (e.ReaderGone)
                return ExitCodes.Ok;
            Output.Error($"cannot write to standard output: {e.Message}");
            return ExitCodes.Failure;
        }
        catch (Exception e)
        {
            // Its stack is lines, for whoever is sent it.
            foreach (var line in $"this should not happen: {e}".Split('\n'))
                Output.Error(line);
            return ExitCodes.Failure;
        }
    }

    // A misspelt subcommand makes the parser complain twice: about the word, and that none was given.
    private static IEnumerable<string> Faults(ParseResult parsed)
    {
        var commands = parsed.CommandResult.Command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).ToArray();
        if (commands.Length == 0)
            return parsed.Errors.Select(e => e.Message);
        var list = string.Join(", ", commands);
        var what = PathOf(parsed.CommandResult);
        return parsed.UnmatchedTokens is [var word, ..]
            ? [$"'{what}' has no '{Output.Printable(word)}'{Suggestion.For(word, commands)}; allowed: {list}"]
            : [$"'{what}' needs one of: {list}"];
    }

    private static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "netlens";
}
