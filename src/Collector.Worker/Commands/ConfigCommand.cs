using System.CommandLine;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens config check|print|diff</c>.</summary>
internal static class ConfigCommand
{
    public static Command Create() => new("config", "Check, print or compare the configuration.")
    {
        Check(), Print(), ConfigDiffCommand.Create(),
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
            var configuration = AgentConfiguration.Check(ConfigurationFileState.Load(file, named).Result, errors);
            if (parsed.GetValue(format) == "json")
                PrintJson(file, errors);
            else
                PrintText(file, errors);
            foreach (var line in (configuration?.Otlp.Warnings ?? []).Concat(VariableHints.OfEnvironment()))
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
        json.WriteStartArray("errors");
        foreach (var error in errors)
            json.WriteStringValue(error);
        json.WriteEndArray();
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
            foreach (var error in result.Errors)
                Output.Error(error.ToString());
            if (result.Options is null)
                return ExitCodes.Configuration;
            Console.Write(ConfigurationPrinter.Print(result, NodeFactory.Catalogue));
            return ExitCodes.Ok;
        });
        return command;
    }
}
