using System.Globalization;
using System.Text.Json;

namespace Collector.Worker.Watch;

/// <summary>An event as an agent sends it: a line of JSON, and of it what people are shown.</summary>
internal sealed class WatchLine
{
    private const string Prefix = "netlens.";
    private const string HeldBackKey = "netlens.event.held_back";
    private const string SummaryKey = "netlens.event.summary";

    /// <summary>The whole line.</summary>
    public required string Json { get; init; }

    /// <summary>The agent's number for it; 0 where it has none.</summary>
    public ulong Sequence { get; private init; }

    /// <summary>When it happened, Unix nanoseconds.</summary>
    public long Time { get; private init; }

    /// <summary>When the agent read it, Unix nanoseconds.</summary>
    public long ObservedTime { get; private init; }

    /// <summary>The event's name without <c>netlens.</c>.</summary>
    public string Kind { get; private init; } = "";

    /// <summary>The probe that reported it.</summary>
    public string Probe => Kind.Split('.')[0];

    public string Severity { get; private init; } = "";

    public string Message { get; private init; } = "";

    /// <summary>Its attributes as text, those that this version does not know among them.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; private init; } = new Dictionary<string, string>();

    /// <summary>Like events held back since the one before.</summary>
    public long HeldBack { get; private init; }

    /// <summary>Only says how many were held back.</summary>
    public bool IsSummary { get; private init; }

    /// <summary>Above 0 in the line that says how many this reader has missed, and nothing else.</summary>
    public long Lost { get; private init; }

    public string? this[string attribute] => Attributes.GetValueOrDefault(attribute);

    /// <summary>Null for what is no line of an agent.</summary>
    public static WatchLine? Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? Read(document.RootElement, json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static WatchLine? Read(JsonElement root, string json)
    {
        if (Text(root, "event") is not { Length: > 0 } name)
            return Number(root, "lost") is > 0 and var lost ? new() { Json = json, Lost = lost } : null;
        if (Nanoseconds(Text(root, "time")) is not { } time || Text(root, "message") is not { } message)
            return null;
        var attributes = Flat(root);
        return new()
        {
            Json = json,
            Sequence = (ulong)Math.Max(0, Number(root, "seq") ?? 0),
            Time = time,
            ObservedTime = Nanoseconds(Text(root, "observed_time")) ?? time,
            Kind = name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name,
            Severity = Text(root, "severity") ?? "",
            Message = message,
            Attributes = attributes,
            HeldBack = long.TryParse(attributes.GetValueOrDefault(HeldBackKey), out var held) ? Math.Max(0, held) : 0,
            IsSummary = attributes.GetValueOrDefault(SummaryKey) == "true",
        };
    }

    private static Dictionary<string, string> Flat(JsonElement root)
    {
        var flat = new Dictionary<string, string>();
        if (!root.TryGetProperty("attributes", out var attributes) || attributes.ValueKind != JsonValueKind.Object)
            return flat;
        foreach (var attribute in attributes.EnumerateObject())
        {
            flat[attribute.Name] = attribute.Value.ValueKind == JsonValueKind.String
                ? TextOf(attribute.Value)
                : attribute.Value.GetRawText();
        }
        return flat;
    }

    private static string? Text(JsonElement root, string key) =>
        root.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? TextOf(value) : null;

    // A half of a surrogate pair, which JSON can write and no text can hold.
    private static string TextOf(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return value.GetRawText().Trim('"');
        }
    }

    private static long? Number(JsonElement root, string key) =>
        root.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var number) ? number : null;

    /// <summary>All nine digits: <c>2026-03-04T12:00:00.123456789Z</c>. The runtime's own reader keeps seven.</summary>
    internal static long? Nanoseconds(string? text)
    {
        if (text?.EndsWith('Z') != true)
            return null;
        var point = text.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? text[..^1] : text[..point];
        var rest = point < 0 ? "" : text[(point + 1)..^1];
        if (!DateTime.TryParseExact(whole, "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var second)
            || rest.Length > 9 || !rest.All(char.IsAsciiDigit))
            return null;
        var seconds = (second - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerSecond;
        // Nanoseconds since 1970 end in 2262.
        return Math.Abs(seconds) > long.MaxValue / 1_000_000_000 - 1
            ? null
            : (seconds * 1_000_000_000) + long.Parse(rest.PadRight(9, '0'), CultureInfo.InvariantCulture);
    }
}
