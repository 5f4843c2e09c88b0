using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Findings;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Http;

/// <summary>What the endpoints answer from.</summary>
public sealed class NetlensHttp
{
    public required SnapshotStore Store { get; init; }

    /// <summary>Another one where the node gets another name.</summary>
    public required PrometheusWriter Writer { get; set; }

    /// <summary>The options in force; read per request, so that a reload needs nothing here.</summary>
    public required Func<AgentOptions> Options { get; init; }

    /// <summary>Shown on the landing page.</summary>
    public required string Version { get; init; }

    /// <summary>What has broken for good; null while nothing has.</summary>
    public Func<string?> Fault { get; init; } = static () => null;

    /// <summary>Writes the body of /status.</summary>
    public Action<Utf8JsonWriter> WriteStatus { get; init; } = Nothing;

    /// <summary>Writes the body of /config.</summary>
    public Action<Utf8JsonWriter> WriteConfiguration { get; init; } = Nothing;

    /// <summary>Writes the body of /findings.</summary>
    internal Action<Utf8JsonWriter, LedgerQuery> WriteFindings { get; init; } = static (json, _) => Nothing(json);

    public PrometheusStatistics Statistics { get; init; } = new();

    /// <summary>Maps what others have to answer.</summary>
    internal Action<WebApplication> MapMore { get; init; } = static _ => { };

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Who is let in, and who has to go.</summary>
    public required ConnectionGuard Connections { get; init; }

    /// <summary>What the guards of whoever listens count.</summary>
    internal HttpStatistics Guards { get; init; } = new();

    /// <summary>The newest events.</summary>
    public EventRing Ring { get; init; } = new();

    /// <summary>Takes recordings; null: nothing is recorded.</summary>
    internal RecordKeeper? Records { get; init; }

    /// <summary>All kinds of events that there are.</summary>
    public IReadOnlyList<EventInfo> EventKinds { get; init; } = [];

    /// <summary>Time in which a reader of events must take something, if there is anything to take.</summary>
    public TimeSpan StreamPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After so long without an event a reader is told that the stream lives.</summary>
    public TimeSpan StreamSilence { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>False once the collection hangs.</summary>
    public Func<bool> Alive { get; init; } = static () => true;

    /// <summary>
    /// Time a reader has for taking its page, after which the connection is cut and its memory given back.
    /// </summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long whoever scrapes may stay away.</summary>
    public TimeSpan LongestPause() =>
        Options() is { Http.Enabled: true } options ? options.Prometheus.ScrapeInterval : TimeSpan.Zero;

    private static void Nothing(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteEndObject();
    }
}
