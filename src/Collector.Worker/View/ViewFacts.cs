using System.Text.Json;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings;
using Collector.Worker.Recorder;

namespace Collector.Worker.View;

/// <summary>
/// What a view knows beside figures: of whom they are, and what is not collected. Of the running agent and of a file it
/// is the header of a recording.
/// </summary>
internal sealed record ViewFacts
{
    /// <summary>Of the agent that collected.</summary>
    public string Version { get; init; } = "";

    /// <summary>Name of the node.</summary>
    public string Node { get; init; } = "";

    public string? Kernel { get; init; }

    public string? Os { get; init; }

    public int? Cpus { get; init; }

    /// <summary>Unix nanoseconds; null: not known.</summary>
    public long? BootTime { get; init; }

    /// <summary>Unix nanoseconds of the agent's start; null: not known.</summary>
    public long? AgentStart { get; init; }

    /// <summary>Seconds between two collections; null: not known.</summary>
    public double? Interval { get; init; }

    public IReadOnlyList<BlindView> Blind { get; init; } = [];

    /// <summary>Metrics of which zeros are left out, as <see cref="LeftOutZeros"/> names them.</summary>
    public IReadOnlySet<string> ZerosLeftOut { get; init; } = new HashSet<string>();

    /// <summary>Ids of probes that run; null: not known.</summary>
    public IReadOnlySet<string>? Running { get; init; }

    /// <param name="header">Of a recording; whoever made it.</param>
    public static ViewFacts Of(JsonElement header)
    {
        var doctor = Object(header, "doctor");
        var probes = Items(doctor, "probes");
        return new ViewFacts
        {
            Version = Text(header, "version"),
            Node = Text(header, "node"),
            Kernel = Known(Text(header, "release")),
            Os = Known(Text(header, "kernel")),
            Cpus = Number(header, "cpus") is { } cpus ? (int)cpus : null,
            BootTime = Number(header, "boot_time"),
            AgentStart = PointInTime.TryParse(Text(Object(header, "status"), "start_time"), out var start)
                ? start : null,
            Interval = Double(header, "interval_seconds"),
            Blind = [.. BlindOf(doctor, probes), .. OffOf(header)],
            ZerosLeftOut = Items(header, LeftOutZeros.Key).Select(static z => $"{z}").ToHashSet(),
            Running = probes.Length == 0 ? null
                : probes.Where(p => Text(p, "verdict") == "ok").Select(p => Text(p, "probe")).ToHashSet(),
        };
    }

    /// <summary>Kinds of findings, and of how many something is collected that would show them.</summary>
    public CheckedView Checked(IReadOnlyList<ProbeInfo> catalogue)
    {
        var kinds = AllFindings.List;
        if (Running is not { } running)
            return new(kinds.Count, null);
        var tables = new HashSet<string>();
        var events = new HashSet<string>();
        foreach (var probe in catalogue.Where(p => running.Contains(p.Id)))
        {
            tables.UnionWith(probe.Tables.Select(t => t.Id));
            events.UnionWith(probe.Events.Select(e => e.Name));
        }
        return new(kinds.Count, kinds.Count(k => k.Info.Triggers.Any(Shows)));

        bool Shows(FindingTrigger trigger) => trigger.Event is { } e ? events.Contains(e.Name)
            : trigger.Metric is { Table: TableInfo table } && tables.Contains(table.Id);
    }

    private static IEnumerable<BlindView> BlindOf(JsonElement doctor, JsonElement[] probes)
    {
        foreach (var probe in probes)
        {
            var (id, verdict) = (Text(probe, "probe"), Text(probe, "verdict"));
            if (verdict is "unavailable" or "failed" or "off" or "starting")
                yield return new($"probe {id}", Known(Text(probe, "reason")) ?? verdict,
                    verdict == "off" ? BlindView.Budget : BlindView.Machine);
            foreach (var hook in Items(probe, "hooks"))
            {
                var ways = Items(hook, "ways");
                if (verdict == "ok" && ways.Length > 0 && !ways.Any(w => Text(w, "verdict") == "taken"))
                    yield return new($"{id}: {Text(hook, "hook")}", Text(ways[^1], "reason"),
                        BlindView.Machine);
            }
        }
        foreach (var limit in Items(doctor, "limits"))
            yield return new("limit", $"{limit}", BlindView.Limit);
    }

    // Keys of probes are "probes.ID"; their arguments have another part.
    private static IEnumerable<BlindView> OffOf(JsonElement header)
    {
        const string Probes = "probes.";
        var values = Object(Object(header, "configuration"), "values");
        if (values.ValueKind != JsonValueKind.Object)
            yield break;
        foreach (var value in values.EnumerateObject())
        {
            if (value.Name.StartsWith(Probes, StringComparison.Ordinal) && value.Name[Probes.Length..] is var id
                && !id.Contains('.', StringComparison.Ordinal) && Text(values, value.Name) == "false")
                yield return new($"probe {id}", $"off by configuration ({value.Name})", BlindView.Configuration);
        }
    }

    private static string? Known(string text) => text.Length > 0 ? text : null;

    // Whoever wrote the file, and whatever.
    private static JsonElement Object(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value) ? value : default;

    private static string Text(JsonElement of, string name) =>
        Object(of, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : "";

    private static long? Number(JsonElement of, string name) =>
        Object(of, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number)
            ? number : null;

    private static double? Double(JsonElement of, string name) =>
        Object(of, name) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : null;

    private static JsonElement[] Items(JsonElement of, string name) =>
        Object(of, name) is { ValueKind: JsonValueKind.Array } value ? [.. value.EnumerateArray()] : [];
}
