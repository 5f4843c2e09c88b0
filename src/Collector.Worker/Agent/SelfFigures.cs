using System.Diagnostics;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Limits;
using Collector.Linux.Sources;
using Collector.Worker.Collection;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Http;
using Collector.Worker.Http.Api;
using Collector.Worker.Memory;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Agent;

/// <summary>The single figures about the agent; names of the semantic conventions where they have one.</summary>
internal static class SelfFigures
{
    private const string Event = "{event}";

    /// <summary>Of the collection.</summary>
    public static IEnumerable<SelfFigure> OfCollection(NodeCollector collector, Func<long> missed)
    {
        yield return UpDown("netlens.namespaces", "{namespace}", "Network namespaces being read, the host's included.",
            () => collector.Node.NamespaceCount);
        yield return UpDown("netlens.namespaces.unreadable", "{namespace}",
            "Network namespaces that exist but could not be opened.", () => collector.Node.UnreadableNamespaces);
        foreach (var limit in collector.Node.Limits)
            yield return LeftOut(limit);
        foreach (var part in collector.Node.Parts)
        {
            foreach (var figure in OfPart(part))
                yield return figure;
        }
        yield return Share("netlens.budget.cpu.usage",
            "Part of one processor that the eBPF programs of all probes took, the mean of the last three measured "
                + "seconds.",
            () => collector.Budget.Mean < 0 ? Metric.Absent : collector.Budget.Mean);
        yield return Share("netlens.budget.cpu.limit", "What they may take, budget.cpu; absent while that is off.",
            () => collector.Budget.Limit > 0 ? (long)(collector.Budget.Limit * 1e7) : Metric.Absent);
        yield return UpDown("netlens.event_thread.running", Units.One,
            "1 while what the kernel reports is read; 0 after a thread that does so ended by a fault.",
            () => collector.Node.EventFault is null ? 1 : 0);
        yield return Counter("netlens.exemplars.lost", Event,
            "Slow occurrences that became no exemplar: too many waited for a collection, or no row had counted them.",
            () => collector.Store.Exemplars.Lost);
        yield return UpDown("netlens.series", "{series}", "Series in the snapshot before this one.",
            () => collector.Series);
        yield return Gauge("netlens.collection.duration", "Time that the collection before this one took.",
            () => collector.LastDuration.Ticks * 100);
        yield return CpuTime("netlens.collection.cpu.time",
            "Processor time of the collections before this one: namespaces, probes, publication, recorder and rules.",
            () => collector.CpuNanoseconds);
        yield return CpuTime("netlens.recorder.cpu.time",
            "Processor time in which the collections before this one were recorded.",
            () => collector.RecorderCpuNanoseconds);
        yield return CpuTime("netlens.finding.cpu.time",
            "Processor time in which rules looked for causes in the collections before this one.",
            () => collector.FindingCpuNanoseconds);
        yield return Counter("netlens.collection.allocated", Units.Bytes,
            "Bytes of the managed heap that the collections before this one took.", () => collector.Allocated);
        yield return Counter("netlens.collection.missed", "{collection}",
            "Collections left out because one took longer than the interval.", missed);
        yield return Gauge("netlens.snapshot.time",
            "Unix time of the snapshot that this figure is part of: its age is the time now less this.",
            () => SnapshotBuilder.UnixNanoseconds(DateTimeOffset.UtcNow));
    }

    /// <summary>Of the rules.</summary>
    public static IEnumerable<SelfFigure> OfFindings(FindingEngine engine)
    {
        yield return Counter("netlens.finding.lost", "{finding}",
            "Findings that were not kept: too many at once.", () => engine.Store.Lost);
        yield return Counter("netlens.finding.events.lost", Event,
            "Events that the rules did not see: too many waited for a collection.", () => engine.Inbox.Lost);
        yield return Counter("netlens.finding.subjects.left_out", "{subject}",
            "Times that a rule did not look at a subject: too many were conspicuous at once.", () => engine.Unseen);
        yield return UpDown("netlens.finding.rules.broken", "{rule}",
            "Rules that are switched off because they failed.", () => engine.Broken);
    }

    private static SelfFigure[] OfPart(CollectedPart part) =>
    [
        new(new Metric
        {
            Name = "netlens.collection.from_kernel", Unit = Units.One, Kind = InstrumentKind.UpDownCounter,
            Description = "1 where that part of the collection is read by one eBPF pass, 0 where it is by /proc.",
            Tags = [new("netlens.collection.part", part.Name)],
        }, () => part.FromKernel ? 1 : 0),
        new(new Metric
        {
            Name = "netlens.collection.fallbacks", Unit = "{collection}", Kind = InstrumentKind.Counter,
            Description = "Collections in which that part was read by /proc because the eBPF pass failed.",
            Tags = [new("netlens.collection.part", part.Name)],
        }, () => part.Fallbacks),
    ];

    private static SelfFigure LeftOut(Limit limit) => new(new Metric
    {
        Name = "netlens.limit.left_out", Unit = Units.One, Kind = InstrumentKind.UpDownCounter,
        Description = "What is there beyond a limit of the section limits: counted, and not told one by one.",
        Tags = [new("netlens.limit", limit.What)],
    }, () => limit.LeftOut);

    /// <summary>Of the process and its runtime.</summary>
    public static IEnumerable<SelfFigure> OfProcess()
    {
        yield return Cpu("user", static () => Environment.CpuUsage.UserTime);
        yield return Cpu("system", static () => Environment.CpuUsage.PrivilegedTime);
        var share = new CpuShare();
        yield return Share("netlens.agent.cpu.utilization",
            "Part of one processor that the agent's process took since the collection before; its programs in the "
                + "kernel are not among it.", share.Read);
        yield return UpDown("process.memory.usage", Units.Bytes, "Resident memory of the agent.",
            static () => ResidentMemory.Read());
        yield return UpDown("dotnet.gc.heap.size", Units.Bytes, "Managed heap of the agent.",
            static () => GC.GetTotalMemory(false));
        yield return Counter("dotnet.gc.heap.total_allocated", Units.Bytes, "Bytes that the agent ever allocated.",
            static () => GC.GetTotalAllocatedBytes());
        for (var generation = 0; generation <= 2; generation++)
        {
            var g = generation;
            yield return new(new Metric
            {
                Name = "dotnet.gc.collections", Unit = "{collection}", Kind = InstrumentKind.Counter,
                Description = "Garbage collections of the agent.", Tags = [new("dotnet.gc.heap.generation", $"gen{g}")],
            }, () => GC.CollectionCount(g));
        }
        yield return Gauge("process.uptime", "Time since the agent was started.",
            static () => ProcessStart.Age.Ticks * 100);
    }

    /// <summary>Of the Prometheus outlet.</summary>
    public static IEnumerable<SelfFigure> OfPrometheus(PrometheusStatistics prometheus)
    {
        yield return Counter("netlens.prometheus.scrapes", "{scrape}", "Pages sent whole.", () => prometheus.Scrapes);
        yield return Counter("netlens.prometheus.io", Units.Bytes, "Bytes of those pages, before compression.",
            () => prometheus.Bytes);
        yield return Counter("netlens.prometheus.duplicates", "{series}",
            "Series left out because the page had them already.", () => prometheus.Duplicates);
        yield return Refused("busy", () => prometheus.Rejected);
        yield return Refused("no_snapshot", () => prometheus.Unready);
        yield return Refused("aborted", () => prometheus.Aborted);
    }

    /// <summary>Of the HTTP server.</summary>
    public static IEnumerable<SelfFigure> OfHttp(ConnectionGuard guard, HttpStatistics http)
    {
        yield return Counter("netlens.http.connections.evicted", "{connection}",
            "Connections closed in favour of newer ones, for there were too many.", () => guard.Evicted);
        yield return Unauthorized("no_token", TokenVerdict.Missing);
        yield return Unauthorized("wrong_token", TokenVerdict.Wrong);
        yield return Unauthorized("token_unreadable", TokenVerdict.Unknown);
        yield return Counter("netlens.http.handshakes.failed", "{connection}",
            "Connections that ended without the TLS handshake that the port wants.", () => http.FailedHandshakes);
        yield return Counter("netlens.http.reads.failed", "{failure}",
            "Times that the token's file, the certificate or its key became unreadable or no use.",
            () => http.FailedReads);
        yield return Gauge("netlens.http.certificate.expiry",
            "Time until the server's certificate is valid no more; negative from then on.", http.Expiry);

        SelfFigure Unauthorized(string reason, TokenVerdict verdict) => new(new Metric
        {
            Name = "netlens.http.unauthorized", Unit = "{request}", Kind = InstrumentKind.Counter,
            Description = "Requests refused for want of the right token.", Tags = [new("error.type", reason)],
        }, () => http.Refused(verdict));
    }

    private static SelfFigure Refused(string reason, Func<long> read) => new(new Metric
    {
        Name = "netlens.prometheus.failures", Unit = "{scrape}", Kind = InstrumentKind.Counter,
        Description = "Scrapes that got no page: cut off for others, no snapshot yet, or the reader went away.",
        Tags = [new("error.type", reason)],
    }, read);

    /// <summary>Of the files of certificates that exporters use.</summary>
    public static SelfFigure OfCertificates() => Counter("netlens.export.reads.failed", "{failure}",
        "Times that a file of certificates for OTLP or Loki became unreadable or no use.",
        static () => CertificateRenewal.Failures);

    /// <summary>Of the events, from the probes to each outlet.</summary>
    public static IEnumerable<SelfFigure> OfEvents(EventHub events)
    {
        yield return Counter("netlens.events.published", Event, "Events that got through, without summaries.",
            () => Of(events.Published));
        yield return Counter("netlens.events.held_back", Event,
            "Events that were counted only, because too many like them came before.",
            () => Of(events.HeldBackCount));
        yield return Counter("netlens.events.summaries", Event,
            "Reports of how many events like one were held back.", () => Of(events.Summaries));
        foreach (var outlet in events.Tallies)
        {
            yield return Outlet("delivered", "Events and summaries that the outlet delivered.", () => outlet.Delivered);
            yield return Outlet("dropped", "Events and summaries lost because the outlet's queue was full.",
                () => outlet.Dropped);
            yield return Outlet("failed", "Events and summaries lost because the outlet could not deliver them.",
                () => outlet.Failed);

            SelfFigure Outlet(string what, string description, Func<long> read) => new(new Metric
            {
                Name = $"netlens.events.{what}", Unit = Event, Kind = InstrumentKind.Counter,
                Description = description, Tags = [new("netlens.event.outlet", outlet.Name)],
            }, () => outlet.Used ? read() : Metric.Absent);
            foreach (var figure in OfSpool(outlet))
                yield return figure;
        }

        // Nothing to tell as long as nobody wanted any.
        long Of(long count) => events.Used ? count : Metric.Absent;
    }

    private static IEnumerable<SelfFigure> OfSpool(OutletTally outlet)
    {
        yield return Spool("size", Units.Bytes, InstrumentKind.UpDownCounter, "Bytes of events that wait on disk.",
            static f => f.Bytes, live: true);
        yield return Spool("waiting", Event, InstrumentKind.UpDownCounter,
            "Events that wait for the backend, on disk and in memory.", static f => f.Waiting, live: true);
        yield return Spool("found", Event, InstrumentKind.Counter,
            "Events of an earlier run that were found on disk.", static f => f.Found);
        yield return Spool("failures", Units.One, InstrumentKind.Counter, "Times that the disk could not be used.",
            static f => f.Failures);
        foreach (var why in Enum.GetValues<SpoolLoss>())
        {
            yield return Spool("lost", Event, InstrumentKind.Counter,
                "Events lost while they waited: too many, too old, or not readable any more.", f => f.Lost(why),
                more: new Tag("error.type", why.ToString().ToLowerInvariant()));
        }

        SelfFigure Spool(
            string what, string unit, InstrumentKind kind, string description, Func<SpoolFigures, long> read,
            bool live = false, params Tag[] more)
        {
            Tag[] tags = [new("netlens.event.outlet", outlet.Name), .. more];
            return new(new Metric
            {
                Name = $"netlens.events.spool.{what}", Unit = unit, Kind = kind, Description = description, Tags = tags,
            }, () => outlet.OfSpools(read, live) ?? Metric.Absent);
        }
    }

    /// <summary>Of those who read the newest events.</summary>
    public static IEnumerable<SelfFigure> OfStream(EventReaders readers)
    {
        const string Reader = "{reader}";
        yield return UpDown("netlens.stream.readers", Reader, "Those who read the stream of events now.",
            () => readers.Now);
        yield return Counter("netlens.stream.cut", Reader, "Readers cut off because they took nothing for too long.",
            () => readers.Cut);
        yield return Counter("netlens.stream.refused", Reader, "Readers turned away because there were too many.",
            () => readers.Refused);
        yield return Counter("netlens.stream.lost", Event,
            "Events that were overwritten before a reader came to them, who is told; summed over readers.",
            () => readers.Lost);
    }

    /// <summary>Of the pages and programs that show the node.</summary>
    public static IEnumerable<SelfFigure> OfApi(ApiEndpoints api)
    {
        yield return Counter("netlens.api.answers", "{answer}",
            "Answers of /api/v1 that were made: one per collection and question, however many ask.", () => api.Made);
        yield return UpDown("netlens.api.streams", "{reader}", "Those who take /api/v1/stream now.",
            () => api.Streams.Now);
        yield return Counter("netlens.api.streams.cut", "{reader}",
            "Streams cut off because their readers took nothing for too long.", () => api.Streams.Cut);
        yield return Counter("netlens.api.streams.refused", "{reader}",
            "Streams refused because there were too many.", () => api.Streams.Refused);
    }

    /// <summary>Of what is kept of the last collections.</summary>
    public static IEnumerable<SelfFigure> OfRecorder(History history, RecordKeeper keeper)
    {
        const string Collection = "{collection}";
        yield return UpDown("netlens.recorder.memory", Units.Bytes,
            "Memory that the recorder has for what collections changed, recorder.memory at most.",
            () => history.Bytes);
        yield return UpDown("netlens.recorder.collections", Collection,
            "Collections that the recorder has.", () => history.Collections);
        yield return Gauge("netlens.recorder.span", "Time from the oldest of them to the newest.", () => history.Span);
        yield return Counter("netlens.recorder.dropped", Collection,
            "Collections that the recorder threw away before recorder.span was over, for want of memory.",
            () => history.Dropped);
        yield return Counter("netlens.recorder.files.written", "{file}", "Recordings that were kept on disk.",
            () => keeper.Written);
        yield return Counter("netlens.recorder.files.failed", "{file}", "Recordings that could not be written.",
            () => keeper.Failed);
        yield return Counter("netlens.recorder.files.refused", "{file}",
            "Recordings not begun because another was within a minute before.", () => keeper.Refused);
    }

    /// <summary>Of the OTLP outlet.</summary>
    /// <param name="otlp">The figures.</param>
    /// <param name="enabled">False: there is nothing to tell yet.</param>
    public static IEnumerable<SelfFigure> OfOtlp(OtlpStatistics otlp, Func<bool> enabled)
    {
        var used = false;
        yield return Counter("netlens.otlp.points.exported", "{point}", "Data points that the backend took.",
            () => Of(otlp.PointsExported));
        yield return Counter("netlens.otlp.points.rejected", "{point}",
            "Data points that the backend refused in a partial success.", () => Of(otlp.PointsRejected));
        yield return Counter("netlens.otlp.points.failed", "{point}", "Data points lost with a failed request.",
            () => Of(otlp.PointsFailed));
        yield return Counter(
            "netlens.otlp.duplicates", "{series}", "Series left out because another had the same attributes.",
            () => Of(otlp.DuplicatesDropped));
        yield return Counter(
            "netlens.otlp.oversized", "{series}", "Series left out because one alone exceeds a request.",
            () => Of(otlp.OversizedDropped));
        yield return Counter(
            "netlens.otlp.requests", "{request}", "Export requests that the backend took.", () => Of(otlp.Requests));
        yield return Counter("netlens.otlp.retries", "{request}", "Requests sent again.", () => Of(otlp.Retries));
        yield return Counter("netlens.otlp.io", Units.Bytes,
            "Bytes of export requests after compression, retries and failures included.", () => Of(otlp.BytesSent));
        yield return CpuTime("netlens.otlp.encode.cpu.time", "Processor time that encoding took, without sending.",
            () => Of(otlp.EncodeNanoseconds));
        yield return Counter("netlens.otlp.snapshots.skipped", "{snapshot}",
            "Snapshots not exported because the export before took too long.", () => Of(otlp.SnapshotsSkipped));
        yield return Gauge("netlens.otlp.last_success", "Unix time of the last export that the backend took.",
            () => otlp.LastSuccess == 0 ? Metric.Absent : Of(otlp.LastSuccess));
        for (var i = 0; i < OtlpStatistics.Reasons.Count; i++)
        {
            var reason = i;
            yield return new(new Metric
            {
                Name = "netlens.otlp.failures", Unit = "{request}", Kind = InstrumentKind.Counter,
                Description = "Export requests that failed for good.",
                Tags = [new("error.type", OtlpStatistics.Reasons[i])],
            }, () => Of(otlp.Failures(reason)));
        }

        // Once it was on, what it counted stays.
        long Of(long value) => (used |= enabled()) ? value : Metric.Absent;
    }

    public static SelfFigure Counter(string name, string unit, string description, Func<long> read) =>
        Make(name, unit, InstrumentKind.Counter, description, 1, read);

    public static SelfFigure UpDown(string name, string unit, string description, Func<long> read) =>
        Make(name, unit, InstrumentKind.UpDownCounter, description, 1, read);

    private static SelfFigure CpuTime(string name, string description, Func<long> read) =>
        Make(name, Units.Seconds, InstrumentKind.Counter, description, 1e-9, read);

    /// <summary>A gauge in seconds, stored as nanoseconds.</summary>
    public static SelfFigure Gauge(string name, string description, Func<long> read) =>
        Make(name, Units.Seconds, InstrumentKind.Gauge, description, 1e-9, read);

    /// <summary>A part of something, stored as billionths.</summary>
    private static SelfFigure Share(string name, string description, Func<long> read) =>
        Make(name, Units.One, InstrumentKind.Gauge, description, 1e-9, read);

    private static SelfFigure Make(
        string name, string unit, InstrumentKind kind, string description, double scale, Func<long> read) =>
        new(new Metric { Name = name, Unit = unit, Kind = kind, Description = description, Scale = scale }, read);

    private static SelfFigure Cpu(string mode, Func<TimeSpan> read) => new(new Metric
    {
        Name = "process.cpu.time", Unit = Units.Seconds, Kind = InstrumentKind.Counter, Scale = 1e-7,
        Description = "Processor time of the agent.", Tags = [new("cpu.mode", mode)],
    }, () => read().Ticks);
}
