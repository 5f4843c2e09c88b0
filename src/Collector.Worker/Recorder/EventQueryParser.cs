using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Probes;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Recorder;

/// <summary>Reads what a reader asks for from the parameters of a request.</summary>
/// <param name="kinds">All kinds of events that there are.</param>
/// <param name="time">Says when "ten minutes ago" was.</param>
public sealed class EventQueryParser(IReadOnlyList<EventInfo> kinds, TimeProvider time)
{
    private const string Prefix = "netlens.";
    private const string Times =
        "a duration such as 10m, an RFC 3339 time such as 2026-03-04T12:00:00Z, or the seq of an event";

    private readonly string[] _kinds = [.. kinds.Select(k => Short(k.Name))];
    private readonly string[] _probes = [.. kinds.Select(k => Short(k.Name).Split('.')[0]).Distinct()];

    /// <param name="parameters">As they came.</param>
    /// <param name="query">What is asked for.</param>
    /// <param name="problem">One line that names the parameter and what it may be; "" when all is well.</param>
    public bool TryParse(
        IEnumerable<KeyValuePair<string, StringValues>> parameters, out EventQuery query, out string problem)
    {
        var given = new QueryParameters(parameters);
        var filter = Filter(given);
        var start = given.One<Start>("since", TryStart, Times, default);
        query = new EventQuery
        {
            Filter = start.Time is { } since ? filter with { Since = since } : filter,
            After = start.After,
            Limit = given.One<long>("limit", TryLimit, "a whole number from 1", long.MaxValue),
            Follow = given.One<bool>("follow", bool.TryParse, "true or false", true),
            Format = given.One<EventFormat?>("format", TryFormat, "one of ndjson, sse", null),
        };
        given.End();
        problem = given.Problem;
        return problem.Length == 0;
    }

    private EventFilter Filter(QueryParameters given) => new()
    {
        Kinds = Kinds(
            given.All<string[]>("kind", TryKind, $"one of {Listed(_kinds)}, or of the probes {Listed(_probes)}"),
            given.All<string[]>("probe", TryProbe, $"one of {Listed(_probes)}")),
        Pods = given.All<PodPattern>("pod", TryPod, "the name of a pod, or namespace/name"),
        PodNamespaces = given.All<PodPattern>("namespace", TryNamespace, "the name of a Kubernetes namespace"),
        Netns = given.All<NetnsPattern>("netns", TryNetns, "the inode of a network namespace, or its name"),
        Addresses = given.All<AddressRange>(
            "address", AddressRange.TryParse, "an IPv4 or IPv6 address, or a prefix such as 10.0.0.0/8"),
        Ports = given.All<int>("port", TryPort, "a number from 1 to 65535"),
        Severity = given.All<EventSeverity>("severity", TrySeverity, "one of info, warn, error")
            .Order().FirstOrDefault(EventSeverity.Info),
    };

    private static string Short(string name) => name[Prefix.Length..];

    private static string Listed(string[] words) => string.Join(", ", words);

    // Both given: a kind that is of one of the probes.
    private static HashSet<string>? Kinds(string[][] kinds, string[][] probes)
    {
        HashSet<string>? named = null;
        foreach (var names in (string[][][])[kinds, probes])
        {
            if (names.Length == 0)
                continue;
            var these = names.SelectMany(n => n).ToHashSet();
            named?.IntersectWith(these);
            named ??= these;
        }
        return named;
    }

    private bool TryKind(string text, out string[] names)
    {
        var name = text.StartsWith(Prefix, StringComparison.Ordinal) ? Short(text) : text;
        names = [.. _kinds.Where(k => k == name).Select(k => Prefix + k)];
        return names.Length > 0 || TryProbe(name.EndsWith('.') ? name[..^1] : name, out names);
    }

    private bool TryProbe(string text, out string[] names)
    {
        names = [.. _kinds.Where(k => k.StartsWith(text + '.', StringComparison.Ordinal)).Select(k => Prefix + k)];
        return _probes.Contains(text);
    }

    private static bool TryPod(string text, out PodPattern pod)
    {
        var parts = text.Split('/');
        pod = parts.Length == 1 ? new(null, text) : new(parts[0], parts[1]);
        return parts.Length <= 2 && parts.All(p => p.Length > 0);
    }

    private static bool TryNamespace(string text, out PodPattern pod)
    {
        pod = new(text, null);
        return text.Length > 0 && !text.Contains('/', StringComparison.Ordinal);
    }

    private static bool TryNetns(string text, out NetnsPattern netns)
    {
        netns = NetnsPattern.Of(text);
        return netns.Inode != 0 || netns.Name.Length > 0;
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port)
        && port is > 0 and <= ushort.MaxValue;

    private static bool TrySeverity(string text, out EventSeverity severity)
    {
        severity = text.ToUpperInvariant() switch
        {
            "ERROR" => EventSeverity.Error,
            "WARN" => EventSeverity.Warn,
            _ => EventSeverity.Info,
        };
        return severity != EventSeverity.Info || text.Equals("info", StringComparison.OrdinalIgnoreCase);
    }

    private static bool TryLimit(string text, out long limit) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit > 0;

    private static bool TryFormat(string text, out EventFormat? format) =>
        (format = text switch
        {
            "ndjson" => EventFormat.Ndjson,
            "sse" => EventFormat.Sse,
            _ => null,
        }) is not null;

    private bool TryStart(string text, out Start start)
    {
        start = default;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            start = new(number, null);
        else if (DurationText.TryParse(text, out var age, out _))
            start = new(0, UnixNanoseconds(age));
        // A plus that was not escaped arrives as a blank.
        else if (PointInTime.TryParse(text.Replace(' ', '+'), out var since))
            start = new(0, since);
        return start != default;
    }

    private long UnixNanoseconds(TimeSpan ago)
    {
        var now = time.GetUtcNow() - DateTimeOffset.UnixEpoch;
        return ago < now ? (now - ago).Ticks * 100 : 0;
    }

    private readonly record struct Start(ulong? After, long? Time);
}
