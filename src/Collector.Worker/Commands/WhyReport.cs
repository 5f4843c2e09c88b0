using System.Globalization;
using System.Text.Json;
using Collector.Worker.Findings;

namespace Collector.Worker.Commands;

/// <summary>What is wanted of the findings.</summary>
/// <param name="Pod">As namespace/name; null: of any.</param>
/// <param name="Namespaces">Inodes or names; none: of any.</param>
/// <param name="Since">Seen within this time; null: whenever.</param>
/// <param name="All">With consequences and all that is known.</param>
internal sealed record WhyRequest(string? Pod, IReadOnlyList<string> Namespaces, TimeSpan? Since, bool All)
{
    /// <summary>Whose packets are to be accounted for: of whom it is asked, else the node's.</summary>
    public LedgerQuery Ledger => new(
        Pod is not null ? [Pod] : Namespaces.Count > 0 ? [.. Namespaces.Take(LedgerQuery.Most)] : ["node"], Since);
}

/// <summary>Prints findings for people, from the JSON of an agent that may be of another version.</summary>
internal static class WhyReport
{
    private const string Indent = "             ";

    /// <summary>The document with those findings only that are wanted.</summary>
    public static void Write(Utf8JsonWriter json, JsonElement document, WhyRequest request)
    {
        json.WriteStartObject();
        foreach (var property in document.EnumerateObject())
        {
            if (property.NameEquals("findings"))
                continue;
            property.WriteTo(json);
        }
        json.WriteStartArray("findings");
        foreach (var finding in Wanted(document, request))
            finding.WriteTo(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Print(JsonElement document, WhyRequest request, Screen screen)
    {
        var wanted = Wanted(document, request).ToArray();
        var now = TimeOf(document, "time");
        var active = wanted.Count(IsActive);
        screen.Title($"{Text(document, "node")}: {Count(active)} now{Past(wanted.Length - active)}");
        foreach (var finding in wanted.OrderByDescending(IsActive).ThenByDescending(f => Text(f, "severity") == "ERROR")
            .ThenByDescending(f => TimeOf(f, "last")))
        {
            screen.Line();
            PrintOne(finding, now, request.All, screen);
        }
        LedgerReport.Print(document, request.All, screen);
    }

    private static string Count(int count) => count switch
    {
        0 => "nothing is wrong",
        1 => "1 finding",
        _ => $"{count} findings",
    };

    private static string Past(int count) => count == 0 ? "" : $", {count} over in the last hour";

    /// <summary>One finding.</summary>
    /// <param name="finding">As JSON.</param>
    /// <param name="now">What "ago" is counted from.</param>
    /// <param name="all">With all that is known.</param>
    /// <param name="screen">Takes it.</param>
    public static void PrintOne(JsonElement finding, DateTimeOffset now, bool all, Screen screen)
    {
        screen.Text($"{Text(finding, "severity"),-5} {Text(finding, "sentence")}", "      ");
        var consequence = finding.TryGetProperty("consequence_of", out var cause) ? $"; consequence of {cause}" : "";
        Line("kind", $"{Text(finding, "kind")} (number {Text(finding, "number")}{consequence})");
        Line("seen", Age(finding, now));
        if (finding.TryGetProperty("process", out var process))
            Line("process", $"{Text(process, "command")}[{Text(process, "pid")}]");
        Line("evidence", string.Join("; ", StatusCommand.Items(finding, "evidence")
            .Select(e => $"{Text(e, "source")} {Text(e, "value")}")));
        Line("ruled out", Joined(finding, "ruled_out"));
        if (all)
            Line("not seen", Joined(finding, "not_seen"));
        Line("change", Change(finding));
        Line("confirm", Text(finding, "confirm"));
        if (all)
            Line("more", Text(finding, "docs"));

        void Line(string name, string text)
        {
            if (text.Length > 0)
                screen.Text($"  {name,-10} {text}", Indent);
        }
    }

    private static string Change(JsonElement finding)
    {
        if (!finding.TryGetProperty("knob", out var knob))
            return Text(finding, "advice");
        var now = Text(knob, "now");
        return $"{Text(knob, "name")} of {Text(knob, "whose")}{(now.Length > 0 ? $" from {now}" : "")} "
            + $"to {Text(knob, "suggested")}";
    }

    private static string Age(JsonElement finding, DateTimeOffset now)
    {
        var (first, last) = (TimeOf(finding, "first"), TimeOf(finding, "last"));
        var begun = $"since {Time(now - first)} ago";
        return IsActive(finding)
            ? $"{begun}, last {Time(now - last)} ago"
            : $"over: from {Time(now - first)} to {Time(now - last)} ago";
    }

    /// <summary>"30 s", "58 min", "3 h".</summary>
    public static string Time(TimeSpan time) => time.TotalSeconds switch
    {
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, time.TotalSeconds):0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0} h"),
    };

    private static IEnumerable<JsonElement> Wanted(JsonElement document, WhyRequest request)
    {
        var now = TimeOf(document, "time");
        foreach (var finding in StatusCommand.Items(document, "findings"))
        {
            if (!request.All && finding.TryGetProperty("consequence_of", out _))
                continue;
            if (request.Since is { } since && now - TimeOf(finding, "last") > since)
                continue;
            if (finding.TryGetProperty("subject", out var subject) && IsOf(subject, request))
                yield return finding;
        }
    }

    private static bool IsOf(JsonElement subject, WhyRequest request)
    {
        if (request.Pod is { } pod && $"{Text(subject, "k8s.namespace.name")}/{Text(subject, "k8s.pod.name")}" != pod)
            return false;
        return request.Namespaces.Count == 0 || request.Namespaces.Any(n =>
            n == Text(subject, "netlens.netns") || n == Text(subject, "netlens.netns.name")
            || (n == "host" && Text(subject, "netlens.scope") == "node"));
    }

    private static string Joined(JsonElement finding, string name) =>
        string.Join("; ", StatusCommand.Items(finding, name).Select(i => i.ToString()));

    private static bool IsActive(JsonElement finding) =>
        finding.TryGetProperty("active", out var active) && active.ValueKind == JsonValueKind.True;

    private static DateTimeOffset TimeOf(JsonElement from, string name) => DateTimeOffset.TryParse(
        Text(from, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : default;

    private static string Text(JsonElement from, string name) => StatusCommand.Text(from, name);
}
