namespace Backends.Tests.Alerts;

/// <summary>A rule that alerts.</summary>
/// <param name="Name">What the alert is called.</param>
/// <param name="Expression">PromQL that gives a series for whatever is wrong.</param>
/// <param name="Title">A few words: what is wrong.</param>
/// <param name="Advice">What to do, one sentence.</param>
internal sealed record Alert(string Name, string Expression, string Title, string Advice)
{
    /// <summary>critical: somebody should look now; warning: today.</summary>
    public string Severity { get; init; } = "warning";

    /// <summary>How long it must be so, as Prometheus writes durations.</summary>
    public required string For { get; init; }

    /// <summary>Page that tells more, below the folder docs.</summary>
    public required string Page { get; init; }

    /// <summary>When it fires and when it does not.</summary>
    public required AlertCase Case { get; init; }
}

/// <summary>Series under which an alert fires once, for <see cref="AllAlerts.Faulty"/>.</summary>
/// <param name="Series">Name with matchers, values of who is faulty and of who is not, as promtool has them.</param>
/// <param name="At">When it is asked.</param>
/// <param name="Labels">Labels of the alert and of every series beside those of whom it is about.</param>
/// <param name="OfPod">It is about a pod, else about the node.</param>
internal sealed record AlertCase(
    IReadOnlyList<(string Name, string Faulty, string Healthy)> Series, string At, string Labels, bool OfPod);
