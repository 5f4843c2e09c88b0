using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Browser.Tests;

/// <summary>
/// One run of look.mjs: an agent, a browser, six faults beside it where this user may cause them, and nodes that are
/// acted where something else has to be wrong. Its screenshots are beside the tests' program; UPDATE_DOCS=1 makes those
/// of docs/tour.md anew.
/// </summary>
public sealed partial class Look
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Lazy<IReadOnlyDictionary<string, string?>> _faults = new(Run);

    /// <summary>What was wrong in each scenario; null: nothing.</summary>
    public IReadOnlyDictionary<string, string?> Faults => _faults.Value;

    private static Dictionary<string, string?> Run()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-browser-");
        var configuration = Path.Combine(folder.FullName, "netlens.yaml");
        File.WriteAllText(configuration, "http: { listen: '127.0.0.1:0', socket: '' }\ncollection: { interval: 2s }\n");
        using var agent = Shell.Start(
            "env", "-u", "NETLENS_HTTP_LISTEN", TestProgram.Path, "run", "--config", configuration);
        var causing = Path.Combine(folder.FullName, "causing");
        try
        {
            var address = AddressOf(agent);
            using var faults = RequiresBrowserTheoryAttribute.WhyNoFaults is null ? new InjectedFaults(causing) : null;
            return Run(address, faults, causing);
        }
        finally
        {
            agent.Kill(entireProcessTree: true);
            agent.WaitForExit();
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string?> Run(string address, InjectedFaults? faults, string causing)
    {
        var screenshots = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "screenshots")).FullName;
        var tour = Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1"
            ? Path.Combine(Repository.Root, "docs", "tour") : "";
        using var look = Shell.Start("node", Path.Combine(Repository.Root, "tests", "Browser", "look.mjs"),
            RequiresBrowserTheoryAttribute.Modules, RequiresBrowserTheoryAttribute.Browser!, address, screenshots, tour,
            faults?.Description ?? "[]", causing);
        var error = look.StandardError.ReadToEndAsync();
        var output = look.StandardOutput.ReadToEndAsync();
        if (!look.WaitForExit(Patience))
        {
            look.Kill(entireProcessTree: true);
            throw new TimeoutException($"look.mjs: not done after {Patience}");
        }
        var lines = output.GetAwaiter().GetResult();
        look.ExitCode.ShouldBe(0, lines + error.GetAwaiter().GetResult());
        faults?.Failure.ShouldBeNull();
        Console.WriteLine(lines);
        return lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(static r => r.GetProperty("name").GetString()!, static r => r.GetProperty("fault").GetString());
    }

    // "listening on" comes before, "first snapshot" after the address is of use.
    private static string AddressOf(Process agent)
    {
        var address = "";
        var log = new List<string>();
        while (agent.StandardError.ReadLine() is { } line)
        {
            log.Add(line);
            if (Address().Match(line) is { Success: true } found)
                address = $"{found.Value}/";
            if (line.Contains("first snapshot", StringComparison.Ordinal))
                break;
        }
        address.ShouldNotBeEmpty(string.Join('\n', log));
        // What it says from now on matters to nobody, but it must not wait for a reader.
        _ = agent.StandardError.ReadToEndAsync();
        _ = agent.StandardOutput.ReadToEndAsync();
        return address;
    }

    [GeneratedRegex("http://127[0-9.:]+", RegexOptions.None, 1000)]
    private static partial Regex Address();
}
