namespace Collector.ScaleRun;

/// <summary>Several takes of one figure.</summary>
internal sealed record Takes(double Median, double Least, double Most)
{
    public static Takes Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new(median, sorted[0], sorted[^1]);
    }
}

/// <summary>Figures of node-exporter beside a number of pods. Times in milliseconds.</summary>
internal sealed record ExporterFigures
{
    public required Takes CpuPerScrape { get; init; }

    public required Takes Wall { get; init; }

    public required double Rss { get; init; }

    public required int Series { get; init; }

    public required int Bytes { get; init; }

    public required double MachineBusy { get; init; }
}

/// <summary>Figures of Netlens beside a number of pods. Times in milliseconds, memory in MiB.</summary>
internal sealed record AgentFigures
{
    public required int Namespaces { get; init; }

    /// <summary>Whole process, no scrapes.</summary>
    public required Takes CpuPerCollection { get; init; }

    /// <summary>Part of the time that was spent in user mode while nobody scraped, 0 to 1.</summary>
    public required double UserPart { get; init; }

    /// <summary>
    /// Of it the collection thread, as it says itself: namespaces, probes, publication, recorder and rules.
    /// </summary>
    public required double CollectionThread { get; init; }

    /// <summary>Of that the recorder, and the rules.</summary>
    public required double Recorder { get; init; }

    /// <inheritdoc cref="Recorder"/>
    public required double Rules { get; init; }

    /// <summary>Whole process while nobody scraped, by name of thread.</summary>
    public required IReadOnlyDictionary<string, double> Threads { get; init; }

    /// <summary>Whole process, with one scrape per collection.</summary>
    public required Takes CpuPerCollectionAndScrape { get; init; }

    public required Takes CpuPerScrape { get; init; }

    public required Takes CpuPerGzipScrape { get; init; }

    public required Takes CollectionWall { get; init; }

    public required Takes ScrapeWall { get; init; }

    public required Takes GzipScrapeWall { get; init; }

    /// <summary>Bytes, of the collection thread.</summary>
    public required double AllocatedPerCollection { get; init; }

    /// <summary>Bytes, of everything else.</summary>
    public required double AllocatedPerScrape { get; init; }

    public required double Rss { get; init; }

    public required double PeakRss { get; init; }

    public required int Series { get; init; }

    public required int Bytes { get; init; }

    public required int GzipBytes { get; init; }

    /// <summary>From the start of the process to the first answer of /metrics.</summary>
    public required Takes StartToMetrics { get; init; }

    /// <summary>What Netlens' own log line says.</summary>
    public required Takes StartToSnapshot { get; init; }

    /// <summary>Milliseconds of CPU per collection, by probe.</summary>
    public required IReadOnlyDictionary<string, double> Probes { get; init; }

    /// <summary>Whole machine while Netlens was measured, 0 to 1: our own load and everybody else's.</summary>
    public required double MachineBusy { get; init; }
}

/// <summary>Figures of Netlens that pushes every snapshot to a backend that takes it. Milliseconds.</summary>
/// <param name="CpuPerPush">Whole process: collection, encoding, compression, sending.</param>
/// <param name="Encoding">Processor time of encoding, of it.</param>
/// <param name="Bytes">Of a push, compressed.</param>
/// <param name="Points">Of a push.</param>
internal sealed record PushFigures(Takes CpuPerPush, double Encoding, double Bytes, double Points);

/// <summary>Everything measured on one node.</summary>
/// <param name="Case">The node.</param>
/// <param name="Agents">Netlens, all probes of its default, by setting of collection.source.</param>
/// <param name="Push">The same with the first of these settings, with a push of every snapshot.</param>
/// <param name="HostOnly">
/// Netlens seeing the node's own namespace only, with the probes that node-exporter matches; null where that was not
/// measured.
/// </param>
/// <param name="Exporter">node-exporter, which sees the node's own namespace only; null as well.</param>
internal sealed record ScaleFigures(
    ScaleCase Case, IReadOnlyDictionary<string, AgentFigures> Agents, PushFigures Push, AgentFigures? HostOnly,
    ExporterFigures? Exporter);
