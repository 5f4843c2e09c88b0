using System.Globalization;

namespace Collector.ScaleRun;

/// <summary>What the run was asked to do.</summary>
internal sealed record Options
{
    public const string Usage = """
        usage: bench/scale-run [--pods 1,50,200] [--collections 15] [--connections 20] [--starts 5]
                               [--interval 2] [--warm-up 30] [--json FILE] [--hold SECONDS]
        --pods         numbers of pods, one measurement each
        --collections  collections (and scrapes) per figure
        --connections  loopback TCP connections in each pod; each is two sockets
        --starts       starts of Netlens per start-up figure
        --interval     seconds between two collections
        --warm-up      collections, each with a scrape, before the first figure: the runtime compiles meanwhile
        --json         writes every figure to FILE as well
        --hold         no figures: Netlens runs this long beside the first number of pods, for a profiler
        """;

    public string Netlens { get; private init; } = "";

    public string PodsProgram { get; private init; } = "";

    public IReadOnlyList<int> Pods { get; private init; } = [1, 50, 200];

    public int Collections { get; private init; } = 15;

    public int Connections { get; private init; } = 20;

    public int Starts { get; private init; } = 5;

    public int Interval { get; private init; } = 2;

    public int WarmUp { get; private init; } = 30;

    public int Hold { get; private init; }

    public string? Json { get; private init; }

    /// <exception cref="FormatException">With the sentence for the user.</exception>
    public static Options Parse(IReadOnlyList<string> args)
    {
        var options = new Options();
        for (var i = 0; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count ? args[i + 1] : throw new FormatException($"{args[i]} needs a value");
            options = args[i] switch
            {
                "--netlens" => options with { Netlens = value },
                "--pods-program" => options with { PodsProgram = value },
                "--pods" => options with { Pods = [.. value.Split(',').Select(n => Number(args[i], n, 1, 1000))] },
                "--collections" => options with { Collections = Number(args[i], value, 3, 1000) },
                "--connections" => options with { Connections = Number(args[i], value, 0, 100) },
                "--starts" => options with { Starts = Number(args[i], value, 1, 50) },
                "--interval" => options with { Interval = Number(args[i], value, 1, 60) },
                "--warm-up" => options with { WarmUp = Number(args[i], value, 1, 1000) },
                "--hold" => options with { Hold = Number(args[i], value, 1, 3600) },
                "--json" => options with { Json = value },
                _ => throw new FormatException($"there is no option {args[i]}"),
            };
        }
        return options;
    }

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} takes numbers from {least} to {most}, not '{text}'");
}
