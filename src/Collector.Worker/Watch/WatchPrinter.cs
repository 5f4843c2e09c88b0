using System.Globalization;
using System.Text.Json;
using Collector.Core;

namespace Collector.Worker.Watch;

/// <summary>Puts events into words.</summary>
/// <param name="form">How.</param>
/// <param name="node">What this node is called, for the forms that name it.</param>
/// <param name="sources">Names of all sources; with more than one, each line says which it is of.</param>
internal sealed class WatchPrinter(WatchForm form, string node, IReadOnlyList<string> sources)
{
    private const int WidestKind = 21;

    private readonly int _wide = sources.Count > 1 ? sources.Max(s => s.Length) + 1 : 0;

    /// <summary>Whether what says that events were lost is a line of its own.</summary>
    public bool PrintsLosses => form == WatchForm.Json;

    public WatchWords Of(string source, WatchLine line) => form switch
    {
        WatchForm.Json => Plain(Json(source, line)),
        WatchForm.KubeSkoop => Plain(KubeSkoopText.Json(line, NodeOf(source))),
        WatchForm.Inspector => Worded(source, "INFO", "",
            KubeSkoopText.TypeOf(line) + KubeSkoopText.Subject(line, NodeOf(source)) + KubeSkoopText.Flow(line)),
        WatchForm.Diag => Worded(source, KubeSkoopText.TypeOf(line), line.Severity,
            $"{KubeSkoopText.Owner(line)} {Message(line)}", Clock(line)),
        _ => Worded(source, $"{line.Severity,-5}", line.Severity,
            $"{line.Kind.PadRight(WidestKind)} {Message(line)}", Clock(line)),
    };

    private string NodeOf(string source) => sources.Count > 1 || node.Length == 0 ? source : node;

    private static WatchWords Plain(string text) => new(text, 0, 0, "");

    private WatchWords Worded(string source, string word, string severity, string rest, string time = "")
    {
        var front = (_wide > 0 ? source.PadRight(_wide) : "") + time;
        return new(SafeText.Printable($"{front}{word} {rest}"), front.Length, word.TrimEnd().Length, severity);
    }

    private static string Clock(WatchLine line) => DateTimeOffset.UnixEpoch.AddTicks(line.Time / 100).ToLocalTime()
        .ToString("HH:mm:ss.fff ", CultureInfo.InvariantCulture);

    // A summary says itself how many.
    private static string Message(WatchLine line) => line is { IsSummary: false, HeldBack: > 0 and var held }
        ? $"{line.Message} ({held} like it held back)"
        : line.Message;

    private string Json(string source, WatchLine line)
    {
        var json = line.Json.Any(SafeText.IsUnsafe) ? Escaped(line.Json) : line.Json;
        return _wide == 0 ? json : $"{{\"agent\":\"{JsonEncodedText.Encode(source)}\",{json.TrimStart()[1..]}";
    }

    // The same text in letters that drive no terminal.
    private static string Escaped(string json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonText.Of(document.RootElement.WriteTo);
    }
}
