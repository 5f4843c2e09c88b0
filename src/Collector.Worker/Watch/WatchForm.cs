namespace Collector.Worker.Watch;

/// <summary>How events are printed.</summary>
internal enum WatchForm
{
    /// <summary>Time, severity, kind, message: for people.</summary>
    Line,

    /// <summary>As agents send them.</summary>
    Json,

    /// <summary>As KubeSkoop's sinks write them.</summary>
    KubeSkoop,

    /// <summary>As ACK's <c>inspector watch</c> prints them.</summary>
    Inspector,

    /// <summary>As <c>inspector diag event</c> prints them.</summary>
    Diag,
}
