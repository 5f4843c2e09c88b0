using System.Runtime.InteropServices;
using System.Text.Json;
using Collector.Core;
using Collector.Worker.Findings;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>What a selftest saw, for programs, and for docs/evidence.md, which is made of several.</summary>
internal static class SelftestJson
{
    public static void Write(IReadOnlyList<SelftestResult> results) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("kernel", File.ReadAllText("/proc/sys/kernel/osrelease").Trim());
        json.WriteString("architecture", RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant());
        json.WriteStartArray("faults");
        foreach (var r in results)
            Write(json, r);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void Write(Utf8JsonWriter json, SelftestResult r)
    {
        json.WriteStartObject();
        json.WriteString("fault", r.Fault.Finding.Kind);
        json.WriteString("how", r.Fault.How);
        json.WriteString("result", r.Passed ? "shown" : r.IsBeyond ? "beyond" : r.IsUnasked ? "not asked for"
            : r.IsUnfinished ? "not finished" : "failed");
        json.WriteString("reason", SelftestCommand.Why(r));
        json.WriteString("metric", r.Fault.Metric.Name);
        Write(json, "metric_seconds", r.Metric);
        json.WriteString("event", r.Fault.Event?.Name);
        Write(json, "event_seconds", r.Event);
        Write(json, "finding_seconds", r.Finding);
        json.WriteString("sentence", r.Sentence);
        json.WriteStrings("other_findings", r.Others);
        json.WriteString("seen_by", r.SeenBy);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, TimeSpan? time)
    {
        if (time is { } t)
            json.WriteNumber(name, Math.Round(t.TotalSeconds, 2));
        else
            json.WriteNull(name);
    }
}
