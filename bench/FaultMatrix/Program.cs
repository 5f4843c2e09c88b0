using System.Diagnostics;
using System.Globalization;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Interop;
using Collector.Worker.Commands;
using Collector.Worker.Configuration;
using Collector.Worker.Findings;

namespace Collector.FaultMatrix;

/// <summary>The selftest's faults at three intensities, alone and beside others: what is found, and when.</summary>
internal static class Program
{
    private const string Usage =
        "usage: matrix [--json FILE] [--seed NUMBER] [--fault KIND[,KIND...]]; all without --fault: 15 minutes";

    private static int Main(string[] args)
    {
        var (json, seed, faults) = ((string?)null, 16, AllFaults.List.ToArray());
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            if (args[i] == "--json" && value.Length > 0)
                json = value;
            else if (args[i] == "--seed" && int.TryParse(value, CultureInfo.InvariantCulture, out var number))
                seed = number;
            else if (args[i] == "--fault" && TryChoose(value, out var chosen))
                faults = chosen;
            else
                return Fail(Usage);
        }
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            stop.Cancel();
        };
        try
        {
            return Run(faults, seed, json, stop.Token);
        }
        catch (LinuxException e)
        {
            return Fail(e.Message);
        }
    }

    private static int Run(Fault[] faults, int seed, string? json, CancellationToken stop)
    {
        var start = Stopwatch.GetTimestamp();
        var options = Selftest.WithAll(new AgentOptions());
        // Windows are as long as what lies between two collections, as an agent's are (10 s at least, collected each
        // 15 s): two windows are two collections.
        using var selftest = new Selftest(options, events => Session.Collector(options, [], events: events)!)
        {
            Beats = 2, Patience = TimeSpan.FromSeconds(20),
        };
        var matrix = new Matrix(selftest, faults, seed);
        matrix.Run(stop);
        var took = Stopwatch.GetElapsedTime(start);
        if (json is not null)
            MatrixReport.WriteJson(json, matrix, seed, took);
        MatrixReport.Print(matrix, took);
        return stop.IsCancellationRequested ? 1 : 0;
    }

    private static bool TryChoose(string kinds, out Fault[] chosen)
    {
        var wanted = kinds.Split(',');
        chosen = [.. AllFaults.List.Where(f => wanted.Contains(f.Finding.Kind))];
        return chosen.Length == wanted.Length;
    }

    private static int Fail(string why)
    {
        Console.Error.WriteLine($"matrix: {why}");
        return 1;
    }
}
