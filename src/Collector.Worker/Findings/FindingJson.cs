using System.Buffers;
using System.Text.Json;
using Collector.Core;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Findings;

/// <summary>Findings as JSON: what GET /findings answers and <c>netlens why -o json</c> prints.</summary>
internal static class FindingJson
{
    /// <summary>Where the documentation of a kind is.</summary>
    public static string DocsOf(FindingInfo info) => $"docs/findings/{info.Kind}.md";

    /// <param name="json">Takes one object.</param>
    /// <param name="findings">In the order in which they were raised.</param>
    /// <param name="node">Name of the node.</param>
    /// <param name="time">Unix nanoseconds; null: now.</param>
    /// <param name="ledger">Writes what became of packets (<see cref="LedgerJson"/>); null: nobody asked.</param>
    public static void Write(
        Utf8JsonWriter json, IReadOnlyList<Finding> findings, string node, long? time = null,
        Action<Utf8JsonWriter>? ledger = null)
    {
        json.WriteStartObject();
        json.WriteString("node", node);
        WriteTime(json, "time", time ?? Now());
        WriteAll(json, findings);
        ledger?.Invoke(json);
        json.WriteEndObject();
    }

    /// <summary>The same, to be read again.</summary>
    public static JsonDocument Document(
        IReadOnlyList<Finding> findings, string node, long? time = null, Action<Utf8JsonWriter>? ledger = null)
    {
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body))
            Write(json, findings, node, time, ledger);
        return JsonDocument.Parse(body.WrittenMemory);
    }

    /// <summary>Writes the property "findings".</summary>
    public static void WriteAll(Utf8JsonWriter json, IReadOnlyList<Finding> findings)
    {
        json.WriteStartArray("findings");
        foreach (var finding in findings)
            Write(json, finding);
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, Finding finding)
    {
        var verdict = finding.Verdict;
        json.WriteStartObject();
        json.WriteNumber("number", finding.Number);
        json.WriteString("kind", finding.Info.Kind);
        json.WriteString("severity", EventJson.Severity(finding.Severity));
        json.WriteBoolean("active", finding.IsActive);
        WriteTime(json, "first", finding.First);
        WriteTime(json, "last", finding.Last);
        json.WriteNumber("windows", finding.Windows);
        json.WriteString("sentence", finding.Sentence);
        json.WriteString("detail", verdict.Detail);
        json.WriteString("confidence", verdict.Confidence switch
        {
            FindingConfidence.Event => "event",
            FindingConfidence.OwnCounter => "own_counter",
            FindingConfidence.SharedCounter => "shared_counter",
            _ => "setting",
        });
        WriteSubject(json, finding.Subject);
        WriteProcess(json, verdict.Process);
        WriteTuple(json, verdict.Tuple);
        json.WriteStartArray("evidence");
        foreach (var evidence in verdict.Evidence)
        {
            json.WriteStartObject();
            json.WriteString("source", evidence.Source);
            json.WriteString("value", evidence.Value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStrings("metrics", finding.Info.MetricNames);
        json.WriteStrings("ruled_out", verdict.RuledOut);
        json.WriteStrings("not_seen", verdict.NotSeen);
        WriteKnob(json, verdict.Knob);
        json.WriteString("advice", finding.Info.Advice);
        json.WriteString("confirm", verdict.Confirm);
        json.WriteString("docs", DocsOf(finding.Info));
        if (finding.Cause is { } cause)
            json.WriteNumber("consequence_of", cause.Number);
        json.WriteEndObject();
    }

    /// <summary>Writes the property "subject".</summary>
    public static void WriteSubject(Utf8JsonWriter json, Subject? subject)
    {
        json.WriteStartObject("subject");
        var tags = new List<Tag>();
        SubjectNaming.Otel.Add(tags, SubjectFacts.Of(subject));
        foreach (var (key, value) in tags)
            json.WriteString(key, value.Text);
        json.WriteEndObject();
    }

    private static void WriteProcess(Utf8JsonWriter json, EventProcess? process)
    {
        if (process is null)
            return;
        json.WriteStartObject("process");
        json.WriteNumber("pid", process.Pid);
        json.WriteString("command", process.Command);
        json.WriteEndObject();
    }

    private static void WriteTuple(Utf8JsonWriter json, FlowTuple? tuple)
    {
        if (tuple is not null)
            json.WriteString("tuple", tuple.ToString());
    }

    private static void WriteKnob(Utf8JsonWriter json, Knob? knob)
    {
        if (knob is null)
            return;
        json.WriteStartObject("knob");
        json.WriteString("name", knob.Name);
        json.WriteString("now", knob.Now);
        json.WriteString("suggested", knob.Suggested);
        json.WriteString("whose", knob.Whose);
        json.WriteEndObject();
    }

    private static void WriteTime(Utf8JsonWriter json, string name, long unixNanoseconds)
    {
        Span<byte> time = stackalloc byte[EventJson.TimeLength];
        EventJson.Format(unixNanoseconds, time);
        json.WriteString(name, time);
    }

    private static long Now() => SnapshotBuilder.UnixNanoseconds(TimeProvider.System.GetUtcNow());
}
