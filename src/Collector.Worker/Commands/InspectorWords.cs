using System.Globalization;

namespace Collector.Worker.Commands;

/// <summary>
/// The words of KubeSkoop's and ACK Net Exporter's <c>inspector</c>: a link of that name to this program takes them,
/// and each says once what it is called here.
/// </summary>
internal static class InspectorWords
{
    /// <summary>The port of inspector's own protocol, gRPC, of which watching has no need.</summary>
    private const string OwnPort = "19102";

    private static readonly string[] Useless = ["-d", "--debug", "-v", "--verbose"];

    /// <summary>Whether the program was called by that name.</summary>
    public static bool AreSpoken { get; private set; }

    /// <summary>The words that mean the same here; all others stay.</summary>
    /// <param name="args">Without the program.</param>
    public static string[] Translate(string[] args) => Translate(ProgramName(), args);

    internal static string[] Translate(string program, string[] args)
    {
        AreSpoken = Path.GetFileNameWithoutExtension(program) == "inspector";
        if (!AreSpoken || args is not ["server", .. var rest])
            return args;
        Explain("server", "netlens run");
        return ["run", .. rest.Except(Useless)];
    }

    /// <summary>Says on standard error what a word is called here.</summary>
    public static void Explain(string word, string here) => Output.Error($"inspector's '{word}' is '{here}' here");

    /// <summary>
    /// inspector's <c>-p</c> is a list of probes, and with <c>watch</c> a port; no probe's name is a number.
    /// </summary>
    public static (string[] Probes, int? Port) ProbesAndPort(string[] values)
    {
        var words = Split(values);
        var port = words.FirstOrDefault(w => w.All(char.IsAsciiDigit));
        if (port is null)
            return (words, null);
        var usable = port != OwnPort && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture,
            out var number) && number is > 0 and <= ushort.MaxValue;
        Explain($"watch -p {port}", usable
            ? $"watch -s HOST:{port}"
            : $"watch -s HOST:{Watch.PeerAddress.DefaultPort}");
        return ([.. words.Where(w => !w.All(char.IsAsciiDigit))],
            usable ? int.Parse(port, CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Lists with commas, as inspector has them.</summary>
    public static string[] Split(string[] values) =>
    [
        .. values.SelectMany(v => v.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
    ];

    // The runtime's own first word is the library where code is compiled at run time.
    private static string ProgramName()
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? File.ReadAllText("/proc/self/cmdline").Split('\0')[0]
                : Environment.GetCommandLineArgs()[0];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
