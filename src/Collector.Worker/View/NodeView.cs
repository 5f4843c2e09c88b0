using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Findings;
using Collector.Worker.Recorder;

namespace Collector.Worker.View;

/// <summary>
/// A node at one moment, live or of a recording: what the API answers and a terminal shows. It reads what it is asked
/// for when it is asked. Belongs to one thread; its source has to live as long.
/// </summary>
internal sealed class NodeView
{
    /// <summary>Lines of an overview.</summary>
    public const int MostSubjects = 1000;

    private const int MostFindings = 200;
    private const int MostEvents = 50;

    /// <summary>What rates are told of where nobody says.</summary>
    public static readonly TimeSpan UsualWindow = TimeSpan.FromSeconds(60);

    private readonly ViewSource _source;
    private readonly ViewWindow _window;
    private readonly TimeSpan _length;
    private readonly long? _at;
    private readonly IReadOnlyDictionary<string, KnownSubject> _subjects;

    private NodeView(ViewSource source, ViewWindow window, TimeSpan length, long? at)
    {
        (_source, _window, _length, _at) = (source, window, length, at);
        _subjects = SubjectIds.In(window.After, source.Facts);
    }

    /// <summary>When it is: Unix nanoseconds of its collection.</summary>
    public long Time => _window.After.Time;

    /// <param name="source">What there is.</param>
    /// <param name="window">Rates are told of this time before; of less where less is kept.</param>
    /// <param name="at">Unix nanoseconds; null: as it is now, or the recording's end.</param>
    /// <returns>Null where all collections are later.</returns>
    public static NodeView? Of(ViewSource source, TimeSpan? window = null, long? at = null)
    {
        var length = window ?? UsualWindow;
        return ViewWindow.Of(source, length, at) is { } its ? new(source, its, length, at) : null;
    }

    /// <summary>All in one look.</summary>
    public OverviewView Overview()
    {
        var facts = _source.Facts;
        var sparks = Sparks.Of(_source.Recording, _window);
        var findings = _source.Findings.ToLookup(static f => IdOf(f.Subject));
        var pods = _subjects.Values
            .Select(s => SubjectFigures.Of(_window, s, findings[s.Id].Where(f => IsOf(s, f)), sparks.Of(s)))
            .OrderBy(static s => s.Severity switch { "error" => 0, "warn" => 1, _ => 2 })
            .ThenByDescending(static s => s.DropsPerSecond ?? 0)
            .ThenByDescending(static s => s.RetransmitPercent ?? 0)
            .ThenBy(static s => s.Name, StringComparer.Ordinal).ToList();
        return new(
            _source.Version, Moment(Time), Rounded.Of(_window.Seconds), Machine(facts), Agent(facts),
            Collection(facts), facts.Blind, facts.Checked(_source.Catalogue),
            FindingsOf(Ordered(_source.Findings).Take(MostFindings)), Ledger(), [.. pods.Take(MostSubjects)],
            Math.Max(0, pods.Count - MostSubjects));
    }

    /// <summary>One of them; null where there is none of that id.</summary>
    public SubjectDetail? Subject(string id)
    {
        if (!_subjects.TryGetValue(id, out var subject))
            return null;
        var findings = _source.Findings.Where(f => IsOf(subject, f)).ToArray();
        var events = EventsOf(subject);
        var told = events.Select(static e => e.Event).ToArray();
        using var json = new EventJson();
        var compared = ViewWindow.Of(_source, _length, _at, usual: true)!;
        return new(
            SubjectFigures.Of(_window, subject, findings, Sparks.Of(_source.Recording, _window).Of(subject)),
            ListenerParts.Of(_window, subject, told), PeerParts.Of(_window, subject),
            LatencyParts.Of(_window, subject, _source.Catalogue),
            [.. events.Take(MostEvents).Select(e => Parsed(json.Write(e.Event, e.Number)))],
            FindingsOf(Ordered(findings)), Changes.Of(compared, subject, _subjects, _source.Catalogue));
    }

    /// <summary>Processors, devices, tables, settings.</summary>
    public NodeDetail Node() => NodeParts.Of(_window, _subjects, _source);

    /// <summary>Listeners of all of them.</summary>
    public ListenersView Listeners()
    {
        var events = _source.Events().Reverse().Select(static e => e.Event)
            .Where(e => e.ObservedTime <= (_at ?? long.MaxValue))
            .Where(static e => e.Subject is not null && NodeFigures.ListenerEvents.Contains(e.Info))
            .ToLookup(static e => SubjectIds.Of(e.Subject!));
        var all = _subjects.Values.SelectMany(s => ListenerParts.OfNode(
                _window, s, [.. events[s.Id].Where(e => SubjectIds.IsOf(s, e.Subject!))]))
            .OrderByDescending(static l => l.DropsPerSecond ?? 0)
            .ThenByDescending(static l => (l.Queue ?? 0) / (double)Math.Max(1, l.Limit ?? 1))
            .ThenBy(static l => l.Name, StringComparer.Ordinal).ThenBy(static l => l.Port).ToList();
        return new([.. all.Take(MostSubjects)], Math.Max(0, all.Count - MostSubjects));
    }

    /// <summary>What was dropped, where and why.</summary>
    public DropsView Drops()
    {
        var all = DropParts.Of(_window, _subjects);
        return new([.. all.Take(DropParts.Most)], Math.Max(0, all.Count - DropParts.Most));
    }

    /// <summary>What this window has more of, or less, than the time before it, four times as long.</summary>
    /// <param name="id">Of whom; null: of all.</param>
    /// <returns>Null where there is none of that id.</returns>
    public ChangesView? Compare(string? id = null)
    {
        KnownSubject? subject = null;
        if (id is not null && !_subjects.TryGetValue(id, out subject))
            return null;
        var compared = ViewWindow.Of(_source, _length, _at, usual: true)!;
        return new(
            Moment((compared.Before ?? compared.After).Time), Moment(Time),
            compared.Usual is { } usual ? Moment(usual.Time) : null,
            Changes.Of(compared, subject, _subjects, _source.Catalogue));
    }

    /// <summary>Every metric that leaves, once by name.</summary>
    public static MetricView[] Metrics(IReadOnlyList<ProbeInfo> catalogue)
    {
        var sources = MetricWords.Sources(catalogue);
        return
        [
            .. catalogue.SelectMany(static p => p.Metrics).Where(static m => !m.Hidden)
                .DistinctBy(static m => m.Name)
                .Select(m => new MetricView(
                    m.Name, MetricWords.Kernel(m), sources.GetValueOrDefault(m.Table.Id, ""), m.Unit,
                    MetricWords.KindOf(m), m.Description, MetricWords.Promql(m))),
        ];
    }

    private static string IdOf(Subject? subject) =>
        subject is null ? SubjectIds.Host : SubjectIds.Of(subject) ?? "";

    private static bool IsOf(KnownSubject subject, Finding finding) => finding.Subject is { } its
        ? SubjectIds.IsOf(subject, its) : subject.Id == SubjectIds.Host;

    private MachineView Machine(ViewFacts facts) => new(
        facts.Node, facts.Kernel, facts.Os, facts.Cpus,
        facts.BootTime is { } boot ? Math.Round((Time - boot) / 1e9) : null,
        facts.BootTime is { } start ? Moment(start) : null);

    private AgentView Agent(ViewFacts facts) => new(
        facts.Version, facts.AgentStart is { } start ? Math.Round((Time - start) / 1e9) : null,
        Own("netlens.agent.cpu.utilization") is { } cpu ? Rounded.Of(cpu * 100) : null,
        (long?)Own("process.memory.usage"), BpfCpu());

    private CollectionView Collection(ViewFacts facts) => new(
        Moment(Time), Math.Max(0, Math.Round(((_source.Now ?? Time) - Time) / 1e9, 1)), facts.Interval,
        Rounded.Of(Own("netlens.collection.duration") * 1000),
        Math.Round((_window.After.Moment - _source.Recording.Times[0].Moment) / 1e9));

    // The agent's figures about itself are made when it starts: no table of theirs is known before.
    private double? Own(string name)
    {
        foreach (var table in _window.After.Tables)
        {
            if (!table.Info.SelfTelemetry || table.Count == 0)
                continue;
            foreach (var metric in table.Info.Metrics)
            {
                if (metric.Name == name && table.Column(metric)[0] is var value && value != Metric.Absent)
                    return Metric.Scaled(value, metric.Scale);
            }
        }
        return null;
    }

    private double? BpfCpu()
    {
        var metric = NodeFigures.BpfCpu;
        double? sum = null;
        foreach (var row in _window.Rows(metric.Table, null))
        {
            if (row.Level(metric) is { } part)
                sum = (sum ?? 0) + (Metric.Scaled(part, metric.Scale) * 100);
        }
        return Rounded.Of(sum);
    }

    private JsonElement? Ledger()
    {
        if (_window.Before is not { } before)
            return null;
        using var document = Document(json =>
        {
            json.WriteStartObject();
            LedgerJson.Write(json, before, _window.After, new(["node"], null));
            json.WriteEndObject();
        });
        return document.RootElement.TryGetProperty("ledger", out var ledger) && ledger.GetArrayLength() > 0
            ? ledger[0].Clone()
            : null;
    }

    private List<NumberedEvent> EventsOf(KnownSubject subject)
    {
        var events = new List<NumberedEvent>();
        var all = _source.Events();
        for (var i = all.Count - 1; i >= 0; i--)
        {
            var e = all[i];
            if (e.Event.ObservedTime > (_at ?? long.MaxValue) || e.Event.Subject is not { } its)
                continue;
            if (SubjectIds.IsOf(subject, its))
                events.Add(e);
        }
        return events;
    }

    private static IEnumerable<Finding> Ordered(IEnumerable<Finding> findings) =>
        findings.OrderByDescending(static f => f.IsActive)
            .ThenByDescending(static f => f.IsActive ? f.Severity : EventSeverity.Info)
            .ThenByDescending(static f => f.Last);

    private static JsonElement FindingsOf(IEnumerable<Finding> findings)
    {
        using var document = Document(json =>
        {
            json.WriteStartObject();
            FindingJson.WriteAll(json, [.. findings]);
            json.WriteEndObject();
        });
        return document.RootElement.GetProperty("findings").Clone();
    }

    private static JsonDocument Document(Action<Utf8JsonWriter> write)
    {
        var body = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body))
            write(json);
        return JsonDocument.Parse(body.WrittenMemory);
    }

    private static JsonElement Parsed(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        return JsonElement.ParseValue(ref reader);
    }

    private static DateTime Moment(long unixNanoseconds) => DateTime.UnixEpoch.AddTicks(unixNanoseconds / 100);
}
