using System.CommandLine;
using System.Text.Json;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Export.Series;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens once</c>: one collection, printed.</summary>
internal static class OnceCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json", "prometheus", "otlp-json");
        var naming = CommonOptions.Naming();
        var probes = CommonOptions.Probes("Only these probes, also ones that are off by default.");
        var namespaces = CommonOptions.Namespaces();
        var pod = CommonOptions.Pod();
        var watch = CommonOptions.For();
        var zeros = new Option<bool>("--zeros") { Description = "In tables, show series whose value is 0 as well." };
        var command = new Command(
            "once", "Collect once and print the numbers.")
        {
            config, format, naming, probes, namespaces, pod, watch, zeros,
        };
        command.SetAction(parsed => Session.Guard(() =>
        {
            var loaded = Session.Configure(parsed.GetValue(config));
            if (loaded?.Options is not { } options)
                return ExitCodes.Configuration;
            var duration = DurationOf(parsed.GetValue(watch));
            using var collector = Session.Collector(
                options, parsed.GetValue(probes) ?? [], watching: duration > TimeSpan.Zero);
            if (collector is null)
                return ExitCodes.Usage;
            var snapshot = collector.CollectOnce();
            if (duration > TimeSpan.Zero)
            {
                using var first = collector.Store.Acquire();
                collector.Node.Rest(duration, CancellationToken.None);
                snapshot = SnapshotGrowth.Between(first.Snapshot!, collector.CollectOnce(), TimeProvider.System);
            }
            var wanted = parsed.GetValue(namespaces) ?? [];
            if (!AllKnown(wanted, collector))
                return ExitCodes.Usage;
            if (wanted.Length > 0)
                snapshot = SnapshotFilter.Keep(snapshot, wanted, HostOf(collector), TimeProvider.System);
            if (parsed.GetValue(pod) is { } one)
            {
                snapshot = SnapshotFilter.KeepPod(snapshot, one, TimeProvider.System);
                if (snapshot.Tables.Count == 0)
                {
                    Output.Error($"--pod: no figures of a pod '{one}' here; see 'netlens list pods'");
                    return ExitCodes.Usage;
                }
            }
            var view = new View(snapshot, NamingOf(parsed.GetValue(naming), options), options);
            Print(view, parsed.GetRequiredValue(format), parsed.GetValue(zeros));
            return Report(collector);
        }));
        return command;
    }

    private static TimeSpan DurationOf(string? text) =>
        text is not null && DurationText.TryParse(text, out var value, out _) ? value : TimeSpan.Zero;

    private sealed record View(Snapshot Snapshot, MetricNaming Naming, AgentOptions Options);

    private static MetricNaming NamingOf(string? text, AgentOptions options) =>
        text is null ? options.Prometheus.Naming : Enum.Parse<MetricNaming>(text, ignoreCase: true);

    private static NetNamespace HostOf(NodeCollector collector) => collector.Node.Namespaces.First();

    private static bool AllKnown(string[] wanted, NodeCollector collector)
    {
        var known = collector.Node.Namespaces.ToArray();
        var host = HostOf(collector);
        var unknown = wanted.Where(w => !known.Any(n => SnapshotFilter.Fits(n, w, host))).ToArray();
        foreach (var name in unknown)
            Output.Error($"--netns: there is no network namespace '{name}' here; see 'netlens list namespaces'");
        return unknown.Length == 0;
    }

    private static void Print(View view, string format, bool zeros)
    {
        switch (format)
        {
            case "json":
                PrintJson(view);
                break;
            case "prometheus":
                PrintPrometheus(view);
                break;
            case "otlp-json":
                using (var stdout = StandardWriter.OpenOutput())
                {
                    OtlpJsonWriter.Write(
                        stdout, view.Snapshot, ResourceOutput.Attributes(view.Options), AgentIdentity.Version);
                    stdout.Write("\n"u8);
                }
                break;
            default:
                PrintTable(view, zeros);
                break;
        }
    }

    private static void PrintPrometheus(View view)
    {
        using var page = new PooledPage();
        var tables = NodeFactory.Catalogue.SelectMany(p => p.AllTables);
        new PrometheusWriter(NodeName.Of(view.Options), tables)
            .Write(view.Snapshot, new PrometheusPageKind(view.Naming, PrometheusFormat.Text), page);
        using var stdout = StandardWriter.OpenOutput();
        page.CopyTo(stdout);
    }

    private static void PrintTable(View view, bool zeros)
    {
        var hidden = 0;
        var groups = SeriesReader.Read(view.Snapshot, view.Naming, NodeName.Of(view.Options))
            .GroupBy(s => s.Row.Subject)
            .OrderBy(g => PlaceOf(g.Key));
        foreach (var group in groups)
        {
            Output.Title(group.Key is { } subject ? TitleOf(subject) : "node (the machine as a whole)");
            var table = Output.Table("  METRIC", "VALUE", "UNIT", "ATTRIBUTES");
            foreach (var series in group)
            {
                if (!zeros && series.Raw == 0 && series.Cells.All(c => c == 0))
                    hidden++;
                else
                    table.Row("  " + series.Name, ValueOf(series), series.Metric.Unit.Trim('{', '}'),
                        AttributesOf(series));
            }
            if (table.Rows.Count > 0)
                Output.Print(table);
            else
                Console.Out.WriteLine("  everything is 0");
            Console.Out.WriteLine();
        }
        if (hidden > 0)
            Console.Out.WriteLine($"{hidden} series are 0 and not shown; --zeros shows them.");
    }

    private static string TitleOf(Subject subject) =>
        subject.IsHost ? $"host ({subject.Inode})" : subject.ToString();

    /// <summary>
    /// What nobody could name at first comes first, then pods and containers, both with the newest in front; then the
    /// machine, its own namespace and the others as they were found.
    /// </summary>
    internal static (int Rank, long Order) PlaceOf(Subject? subject) => subject switch
    {
        null => (2, 0),
        { Kind: SubjectKind.Stranger } => (0, -subject.Generation),
        { Kind: SubjectKind.Node or SubjectKind.Namespace } => (3, subject.Generation),
        _ => (1, -subject.Generation),
    };

    private static string ValueOf(SeriesPoint series) => series.Cells.Length == 0
        ? Convert.ToString(series.Value, System.Globalization.CultureInfo.InvariantCulture)!
        : $"{series.Cells[..^1].Sum()} values";

    private static string AttributesOf(SeriesPoint series) => string.Join(' ', series.Attributes
        .Where(a => !TitleKeys.Contains(a.Key) && a.Value.ToString() is { Length: > 0 })
        .Select(a => $"{ShortKey.Of(a.Key)}={a.Value}"));

    // What the title of the group says.
    private static readonly HashSet<string> TitleKeys =
    [
        .. Enum.GetValues<MetricNaming>().Select(SubjectNamings.Of).SelectMany(n => n.Keys)
            .Where(k => k.Of is SubjectKind.Node or SubjectKind.Namespace).Select(k => k.Key),
    ];

    private static void PrintJson(View view) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("time", DateTimeOffset.UnixEpoch.AddTicks(view.Snapshot.Time / 100));
        json.WriteString("node", NodeName.Of(view.Options));
        json.WriteStartArray("series");
        foreach (var series in SeriesReader.Read(view.Snapshot, view.Naming, NodeName.Of(view.Options)))
            WriteSeries(json, series);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void WriteSeries(Utf8JsonWriter json, SeriesPoint series)
    {
        json.WriteStartObject();
        json.WriteString("name", series.Name);
        json.WriteString("unit", series.Metric.Unit);
        json.WriteString("kind", series.Metric.Kind switch
        {
            InstrumentKind.Counter => "counter",
            InstrumentKind.UpDownCounter => "updowncounter",
            InstrumentKind.Gauge => "gauge",
            _ => "histogram",
        });
        json.WriteStartObject("attributes");
        foreach (var attribute in series.Attributes)
        {
            if (attribute.Value.IsNumber)
                json.WriteNumber(attribute.Key, attribute.Value.Number);
            else
                json.WriteString(attribute.Key, attribute.Value.Text);
        }
        json.WriteEndObject();
        if (series.Cells.Length == 0)
            WriteNumber(json, series.Value);
        else
            WriteHistogram(json, series);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, object value)
    {
        if (value is long integer)
            json.WriteNumber("value", integer);
        else
            json.WriteNumber("value", (double)value);
    }

    private static void WriteHistogram(Utf8JsonWriter json, SeriesPoint series)
    {
        json.WriteStartArray("buckets");
        foreach (var count in series.Cells[..^1])
            json.WriteNumberValue(count);
        json.WriteEndArray();
        json.WriteStartArray("bounds");
        foreach (var bound in series.Metric.Bounds!)
            json.WriteNumberValue(bound);
        json.WriteEndArray();
        json.WriteNumber("sum", Metric.Scaled(series.Cells[^1], series.Scale));
    }

    // What could not be read is said on standard error, so that a short list is never taken for a whole one.
    private static int Report(NodeCollector collector)
    {
        foreach (var ((probe, reason), count) in collector.ReadFailures())
            Output.Error($"{probe}: {Output.Counted(count, "read")} failed ({reason})");
        foreach (var limit in collector.Node.Limits.Where(l => l.LeftOut > 0))
            Output.Error(limit.ToString());
        foreach (var runner in collector.Runners.Where(r => r.State == ProbeState.Failed))
            Output.Error($"{runner.Info.Id} failed: {runner.Reason}");
        return collector.Runners.Any(r => r.State == ProbeState.Failed) ? ExitCodes.Failure : ExitCodes.Ok;
    }
}
