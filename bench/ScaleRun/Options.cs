using System.Globalization;

namespace Collector.ScaleRun;

/// <summary>One node to measure on.</summary>
/// <param name="Pods">How many.</param>
/// <param name="Connections">Loopback connections of all pods together; each is two TCP sockets.</param>
/// <param name="OtherSockets">True where only the number of sockets differs from one of the others.</param>
internal readonly record struct ScaleCase(int Pods, int Connections, bool OtherSockets);

/// <summary>What the run was asked to do.</summary>
internal sealed record Options
{
    public const string Usage = """
        usage: bench/scale-run [--pods 1,50,100,200,500] [--connections 20] [--sockets 0,90000] [--busy yes|no]
                               [--source kernel,proc] [--collections 8] [--starts 1] [--interval 1] [--warm-up 5]
                               [--json FILE] [--hold SECONDS] [--program FILE]
        --pods         numbers of pods, one measurement each; beside the fewest, and beside 200 or else the most, also
                       Netlens and node-exporter for the host alone
        --connections  loopback TCP connections in each pod; each is two sockets
        --sockets      numbers of TCP sockets of all pods together, one measurement each beside 200 pods, or the last
                       number of pods if 200 is not among them
        --busy         no: pods are idle once they are made; yes: each sends and receives twice in every interval
        --source       settings of collection.source, each measured beside the same pods; none: the default
        --collections  collections (and scrapes) per figure
        --starts       starts of Netlens per start-up figure
        --interval     seconds between two collections
        --warm-up      collections, each with a scrape, before the first figure; 18 and more for a program that is
                       compiled at run time
        --json         writes every figure to FILE as well
        --hold         no figures: Netlens runs this long beside the first number of pods, for a profiler
        --program      the program to measure instead of what ./run builds
        """;

    public string Netlens { get; private init; } = "";

    public string PodsProgram { get; private init; } = "";

    public IReadOnlyList<int> Pods { get; private init; } = [1, 50, 100, 200, 500];

    public IReadOnlyList<int> Sockets { get; private init; } = [0, 90_000];

    /// <summary>Settings of collection.source; empty is the default.</summary>
    public IReadOnlyList<string> Sources { get; private init; } = [""];

    public bool Busy { get; private init; }

    public int Collections { get; private init; } = 8;

    public int Connections { get; private init; } = 20;

    public int Starts { get; private init; } = 1;

    public int Interval { get; private init; } = 1;

    public int WarmUp { get; private init; } = 5;

    public int Hold { get; private init; }

    public string? Json { get; private init; }

    /// <summary>Milliseconds: twice in an interval, so that no interval is without.</summary>
    public int Period => Busy ? Interval * 500 : 0;

    /// <summary>Every node to measure on, the small ones first.</summary>
    public IEnumerable<ScaleCase> Cases =>
    [
        .. Pods.Select(p => new ScaleCase(p, p * Connections, OtherSockets: false)),
        .. Sockets.Select(s => new ScaleCase(Many, s / 2, OtherSockets: true)),
    ];

    private int Many => Pods.Contains(200) ? 200 : Pods[^1];

    /// <summary>Whether the host alone is measured beside them.</summary>
    public bool MeasuresHost(ScaleCase node) => !node.OtherSockets && (node.Pods == Pods[0] || node.Pods == Many);

    /// <exception cref="FormatException">With the sentence for the user.</exception>
    public static Options Parse(IReadOnlyList<string> args)
    {
        var options = new Options();
        for (var i = 0; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count ? args[i + 1] : throw new FormatException($"{args[i]} needs a value");
            options = args[i] switch
            {
                "--netlens" or "--program" => options with { Netlens = value },
                "--pods-program" => options with { PodsProgram = value },
                "--pods" => options with { Pods = Numbers(args[i], value, 0, 1000) },
                "--sockets" => options with { Sockets = value.Length == 0 ? [] : Numbers(args[i], value, 0, 200_000) },
                "--source" => options with { Sources = value.Split(',') },
                "--busy" => options with { Busy = YesOrNo(args[i], value) },
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

    private static bool YesOrNo(string option, string text) =>
        text is "yes" or "no" ? text == "yes" : throw new FormatException($"{option} takes yes or no, not '{text}'");

    private static int[] Numbers(string option, string text, int least, int most) =>
        [.. text.Split(',').Select(n => Number(option, n, least, most))];

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} takes numbers from {least} to {most}, not '{text}'");
}
