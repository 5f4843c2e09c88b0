using System.CommandLine;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens config check|print</c>.</summary>
internal static class ConfigCommand
{
    public static Command Create() => new("config", "Check or print the configuration.") { Check(), Print() };

    private static Command Check()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "check", "Check the file and the environment; print every error with its place.") { config, format };
        command.SetAction(parsed =>
        {
            var (file, named) = Session.FileOf(parsed.GetValue(config));
            var result = ConfigurationLoader.Load(
                file, named, Environment.GetEnvironmentVariable, NodeFactory.Catalogue);
            if (parsed.GetValue(format) == "json")
                PrintJson(file, result);
            else
                PrintText(file, result);
            return result.Errors.Count == 0 ? ExitCodes.Ok : ExitCodes.Configuration;
        });
        return command;
    }

    private static void PrintText(string file, ConfigurationResult result)
    {
        foreach (var error in result.Errors)
            Output.Error(error.ToString());
        if (result.Errors.Count == 0)
            Console.WriteLine(File.Exists(file)
                ? $"{file} is valid"
                : $"there is no {file}; the defaults and the environment are valid");
    }

    private static void PrintJson(string file, ConfigurationResult result) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("file", file);
        json.WriteBoolean("exists", File.Exists(file));
        json.WriteBoolean("valid", result.Errors.Count == 0);
        json.WriteStartArray("errors");
        foreach (var error in result.Errors)
            json.WriteStringValue(error.ToString());
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
            var (file, named) = Session.FileOf(parsed.GetValue(config));
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
