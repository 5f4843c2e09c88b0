using System.Globalization;
using System.Text.Json;

namespace Collector.Worker.Commands;

/// <summary>
/// Reads documents of an agent that may be of another version: what is missing, or another thing, is null.
/// </summary>
internal static class TopDocument
{
    /// <summary>Of nothing: it has no property.</summary>
    public static JsonElement Of(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? value : default;

    public static IEnumerable<JsonElement> Items(JsonElement from, string name) =>
        Of(from, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    /// <summary>"" where there is none.</summary>
    public static string Text(JsonElement from, string name) => Of(from, name) switch
    {
        { ValueKind: JsonValueKind.Undefined or JsonValueKind.Null } => "",
        var value => TopText.Clean(value.ToString()),
    };

    public static double? Number(JsonElement from, string name) =>
        Of(from, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out var number)
        && double.IsFinite(number) ? number : null;

    public static bool Is(JsonElement from, string name) => Of(from, name).ValueKind == JsonValueKind.True;

    public static DateTimeOffset? Time(JsonElement from, string name) => DateTimeOffset.TryParse(
        Text(from, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>"12:00:30Z"; "" where it is not known.</summary>
    public static string Clock(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "";
}
