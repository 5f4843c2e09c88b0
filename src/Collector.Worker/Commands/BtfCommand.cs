using System.CommandLine;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>
/// <c>netlens btf discover</c>: where the kernel's type information was looked for, and what was found.
/// </summary>
internal static class BtfCommand
{
    public static Command Create() => new("btf", "The kernel's type information, which eBPF programs are fitted to.")
    {
        Discover(),
    };

    private static Command Discover()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command("discover", "Show the places searched, in order, and why each was not used.")
        {
            config, format,
        };
        command.SetAction(parsed => Session.Guard(() =>
        {
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            if (!OperatingSystem.IsLinux())
            {
                Output.Error("eBPF needs Linux");
                return ExitCodes.Failure;
            }
            var search = BtfSearch.Run(new KernelPaths(options.Paths.Proc, options.Paths.Sys), options.Ebpf.Btf ?? "");
            if (parsed.GetValue(format) == "json")
                PrintJson(search);
            else
                Print(search);
            return search.Path is null ? ExitCodes.Failure : ExitCodes.Ok;
        }));
        return command;
    }

    private static void Print(BtfSearch search)
    {
        Output.Title($"Kernel {search.Release}");
        var table = Output.Table("FILE", "VERDICT");
        foreach (var candidate in search.Candidates)
            table.Row(candidate.Path, candidate.Verdict);
        Output.Print(table);
        if (search.Path is null)
            Output.Error("nothing found: eBPF probes that read kernel structures are unavailable; set ebpf.btf");
    }

    private static void PrintJson(BtfSearch search) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("release", search.Release);
        json.WriteString("used", search.Path);
        json.WriteStartArray("searched");
        foreach (var candidate in search.Candidates)
        {
            json.WriteStartObject();
            json.WriteString("file", candidate.Path);
            json.WriteString("verdict", candidate.Verdict);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });
}
