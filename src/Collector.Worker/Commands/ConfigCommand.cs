using System.CommandLine;
using Collector.Core;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens config check|print|diff|import</c>.</summary>
internal static class ConfigCommand
{
    public static Command Create() => new("config", "Check, print, compare or import the configuration.")
    {
        Check(), Print(), ConfigDiffCommand.Create(), ImportCommand.Create(),
    };

    private static Command Check()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "check", "Check the file and the environment; print every error with its place.") { config, format };
        command.SetAction(parsed =>
        {
            var (file, named) = ConfigurationLoader.FileOf(parsed.GetValue(config));
            var errors = new List<string>();
            var result = ConfigurationFileState.Load(file, named).Result;
            var configuration = AgentConfiguration.Check(result, errors);
            if (parsed.GetValue(format) == "json")
                PrintJson(file, errors);
            else
                PrintText(file, errors);
            foreach (var line in result.Warnings.Concat(configuration?.Otlp.Warnings ?? [])
                .Concat(VariableHints.OfEnvironment()))
                Output.Error(line);
            return errors.Count == 0 ? ExitCodes.Ok : ExitCodes.Configuration;
        });
        return command;
    }

    private static void PrintText(string file, List<string> errors)
    {
        foreach (var error in errors)
            Output.Error(error);
        if (errors.Count == 0)
            Console.WriteLine(File.Exists(file)
                ? $"{file} is valid"
                : $"there is no {file}; the defaults and the environment are valid");
    }

    private static void PrintJson(string file, List<string> errors) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("file", file);
        json.WriteBoolean("exists", File.Exists(file));
        json.WriteBoolean("valid", errors.Count == 0);
        json.WriteStrings("errors", errors);
        json.WriteEndObject();
    });

    private static Command Print()
    {
        var config = CommonOptions.Config();
        var command = new Command(
            "print", "Print the configuration in force as YAML, each key with where it comes from.") { config };
        command.SetAction(parsed =>
        {
            var (file, named) = ConfigurationLoader.FileOf(parsed.GetValue(config));
            var result = ConfigurationLoader.Load(
                file, named, Environment.GetEnvironmentVariable, NodeFactory.Catalogue);
            foreach (var line in result.Errors.Select(e => e.ToString()).Concat(result.Warnings))
                Output.Error(line);
            if (result.Options is null)
                return ExitCodes.Configuration;
            Console.Write(ConfigurationPrinter.Print(result, NodeFactory.Catalogue));
            return ExitCodes.Ok;
        });
        return command;
    }
}
