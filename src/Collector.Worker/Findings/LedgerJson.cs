using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Drops;
using Collector.Worker.Recorder;

namespace Collector.Worker.Findings;

/// <summary>
/// What became of packets between two collections, as the property "ledger" beside the findings: one object for each
/// of whom it was asked and of whom it is known.
/// </summary>
internal static class LedgerJson
{
    /// <param name="json">Is in an object.</param>
    /// <param name="recording">What is kept.</param>
    /// <param name="at">Unix nanoseconds of its end; null: the newest collection.</param>
    /// <param name="query">Whose, and how far back.</param>
    public static void Write(Utf8JsonWriter json, Recording recording, long? at, LedgerQuery query)
    {
        var after = recording.Newest;
        if (at is { } end)
        {
            var later = recording.Begin();
            if (!later.BackTo(end))
                return;
            after = later.Frame;
        }
        var earlier = recording.Begin();
        earlier.BackTo(query.Since is { } since ? after.Time - (since.Ticks * 100) : long.MinValue);
        Write(json, earlier.Frame, after, query);
    }

    /// <param name="json">Is in an object.</param>
    /// <param name="before">The earlier collection.</param>
    /// <param name="after">The later one.</param>
    /// <param name="query">Whose.</param>
    public static void Write(Utf8JsonWriter json, Snapshot before, Snapshot after, LedgerQuery query)
    {
        if (query.Whose.Count == 0 || before.Time >= after.Time || after.Find(LedgerLines.Figures) is not { } table)
            return;
        json.WriteStartArray("ledger");
        foreach (var whose in query.Whose.Distinct(StringComparer.Ordinal))
        {
            if (whose == "node")
            {
                Write(json, null, before, after);
                continue;
            }
            foreach (var row in table.Rows)
            {
                if (row.Subject is { } ns && IsOf(ns, whose))
                    Write(json, ns, before, after);
            }
        }
        json.WriteEndArray();
    }

    private static bool IsOf(Subject ns, string whose) => whose == "host" ? ns.IsHost
        : whose.Contains('/', StringComparison.Ordinal)
            ? ns.Names.PodName is { } pod && whose == $"{ns.Names.PodNamespace}/{pod}"
        : NetnsPattern.Of(whose).Matches(ns);

    private static void Write(Utf8JsonWriter json, Subject? ns, Snapshot before, Snapshot after)
    {
        if (LedgerLines.Between(before, after, ns) is not { } ledger)
            return;
        json.WriteStartObject();
        json.WriteString("whose", ns is null ? "the node, all namespaces" : new EventParties(ns, null).Where);
        FindingJson.WriteSubject(json, ns);
        json.WriteNumber("seconds", Math.Round((after.Time - before.Time) / 1e9, 1));
        json.WriteNumber("received", ledger.Of("ip"));
        // What its protocols dropped of it is lost, refused or orderly.
        json.WriteNumber("delivered", ledger.Of("delivered"));
        json.WriteNumber("forwarded", ledger.Of("forwarded"));
        json.WriteNumber("reassembled", ledger.Of("reassembled"));
        json.WriteNumber("lost", ledger.Lost);
        json.WriteNumber("refused", ledger.Refused);
        json.WriteNumber("orderly", ledger.Orderly);
        if (ledger.Unexplained is { } unexplained)
            json.WriteNumber("unexplained", unexplained);
        else
            json.WriteNull("unexplained");
        Write(json, "lost_by", ledger.LostBy);
        Write(json, "lost_before_ip", DroppedOf(ledger, "devices"));
        json.WriteNumber("sent", ledger.Of("sent"));
        Write(json, "sent_lost", DroppedOf(ledger, "sent"));
        json.WriteEndObject();
    }

    private static IEnumerable<LedgerDropped> DroppedOf(LedgerLines ledger, string stage) =>
        ledger.Lines.First(l => l.Stage == stage).Dropped.Where(static d => d.Lost > 0);

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<LedgerDropped> dropped)
    {
        json.WriteStartArray(name);
        foreach (var its in dropped)
        {
            json.WriteStartObject();
            json.WriteString("reason", its.Reason);
            if (its.Stage is { } stage)
                json.WriteString("stage", stage);
            json.WriteNumber("packets", its.Lost);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}

/// <summary>
/// The same of what the agent keeps. It is a walk back through all collections of the last hour: who comes while
/// another makes it gets the findings without.
/// </summary>
internal sealed class KeptLedger(History history)
{
    private int _busy;

    /// <summary>Writes nothing where nobody is asked for, nothing is kept, or another reads it now.</summary>
    public void Write(Utf8JsonWriter json, LedgerQuery query)
    {
        if (query.Whose.Count == 0 || Interlocked.Exchange(ref _busy, 1) == 1)
            return;
        try
        {
            using var recording = history.Read();
            if (recording is not null)
                LedgerJson.Write(json, recording, null, query);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }
}
