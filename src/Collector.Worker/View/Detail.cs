using System.Text.Json;

namespace Collector.Worker.View;

/// <summary>One subject: GET /api/v1/subjects/{id}.</summary>
/// <param name="Subject">As in the overview.</param>
/// <param name="Listeners">TCP listeners, the fullest first.</param>
/// <param name="Peers">Where its connections go, those with most trouble first.</param>
/// <param name="Latency">Where its time goes.</param>
/// <param name="Events">Its newest, as GET /events has them, the newest first.</param>
/// <param name="Findings">Its own, as in GET /findings.</param>
/// <param name="Changes">What changed against before.</param>
public sealed record SubjectDetail(
    SubjectView Subject, IReadOnlyList<ListenerView> Listeners, IReadOnlyList<PeerView> Peers,
    IReadOnlyList<LatencyView> Latency, IReadOnlyList<JsonElement> Events, JsonElement Findings,
    IReadOnlyList<ChangeView> Changes);

/// <summary>A TCP listener, or several at one address that are told together.</summary>
/// <param name="Address">Where it listens; null: not told.</param>
/// <param name="Port">Where it listens; null: all listeners of the namespace together.</param>
/// <param name="Pid">Of the program; null: not known.</param>
/// <param name="Process">Its command; null: not known.</param>
/// <param name="Queue">Connections that wait for accept().</param>
/// <param name="Limit">How many may.</param>
/// <param name="LimitOrigin">Whose limit it is: <c>listen()</c> or <c>somaxconn</c>; null: not known.</param>
/// <param name="Drops">Handshakes dropped since the listener is known.</param>
public sealed record ListenerView(
    string? Address, int? Port, int? Pid, string? Process, long? Queue, long? Limit, string? LimitOrigin, long? Drops);

/// <summary>Listeners of the whole node: GET /api/v1/listeners.</summary>
/// <param name="Listeners">Those that drop, then the fullest first.</param>
/// <param name="LeftOut">How many more there are.</param>
public sealed record ListenersView(IReadOnlyList<NodeListener> Listeners, int LeftOut);

/// <summary>A listener, and whose it is; the rest as <see cref="ListenerView"/>.</summary>
public sealed record NodeListener(
    string Subject, string Name, string? Address, int? Port, int? Pid, string? Process, long? Queue, long? Limit,
    string? LimitOrigin, double? DropsPerSecond, long? Drops)
{
    /// <summary>The same, of whom is known.</summary>
    public ListenerView Alone() => new(Address, Port, Pid, Process, Queue, Limit, LimitOrigin, Drops);
}

/// <summary>Packets dropped: GET /api/v1/drops.</summary>
/// <param name="Drops">Most first.</param>
/// <param name="LeftOut">How many more there are.</param>
public sealed record DropsView(IReadOnlyList<DropView> Drops, int LeftOut);

/// <summary>Packets of somebody that were dropped at one stage for one reason, in the window.</summary>
/// <param name="Subject">Whose.</param>
/// <param name="Name">How that is called.</param>
/// <param name="Stage"><c>devices</c>, <c>ip</c>, <c>protocols</c>, <c>sent</c>, <c>softnet</c>.</param>
/// <param name="Reason">The kernel's counter or drop reason.</param>
/// <param name="Packets">How many.</param>
/// <param name="Lost">Those of them of which nobody was told.</param>
/// <param name="PerSecond">Packets in a second.</param>
public sealed record DropView(
    string Subject, string Name, string Stage, string Reason, long Packets, long Lost, double PerSecond);

/// <summary>A peer.</summary>
/// <param name="Address">Its address, or what stands for it (a pod, a service).</param>
/// <param name="Port">Its port, or class of ports.</param>
/// <param name="Connections">Made in the window.</param>
/// <param name="RttMs">Mean round-trip time.</param>
/// <param name="Retransmits">Segments sent again in the window.</param>
/// <param name="Failed">Connects that failed in the window, by errno.</param>
public sealed record PeerView(
    string Address, string Port, long? Connections, double? RttMs, long? Retransmits,
    IReadOnlyDictionary<string, long> Failed);

/// <summary>How long something takes, in the window.</summary>
/// <param name="Station">What, and where.</param>
/// <param name="P50Ms">Half of them take no longer.</param>
/// <param name="P99Ms">All but one of a hundred take no longer.</param>
/// <param name="Count">How often it was measured.</param>
public sealed record LatencyView(string Station, double? P50Ms, double? P99Ms, long Count);

/// <summary>A counter, or level, that is not what it was.</summary>
/// <param name="Metric">Its name.</param>
/// <param name="Kernel">The kernel's word for it; null: it has none.</param>
/// <param name="Source">Where it is read.</param>
/// <param name="Unit">Of the values, per second where it is a counter.</param>
/// <param name="Tags">What else tells it apart.</param>
/// <param name="BeforePerSecond">In the time before the window, four times as long; null: it was not there.</param>
/// <param name="NowPerSecond">In the window.</param>
/// <param name="Ratio">The one by the other; null where there was nothing before.</param>
/// <param name="Score">The order: how much more, or less, than chance.</param>
/// <param name="Subject">Whose; null where it is asked of one.</param>
public sealed record ChangeView(
    string Metric, string? Kernel, string Source, string Unit, IReadOnlyDictionary<string, string> Tags,
    double? BeforePerSecond, double NowPerSecond, double? Ratio, double Score, string? Subject);

/// <summary>GET /api/v1/changes.</summary>
/// <param name="From">Of the collection with which the window begins.</param>
/// <param name="To">Of the one with which it ends.</param>
/// <param name="BeforeFrom">Of the one from which it is compared with; null: too little is kept.</param>
/// <param name="Changes">The greatest first.</param>
public sealed record ChangesView(DateTime From, DateTime To, DateTime? BeforeFrom, IReadOnlyList<ChangeView> Changes);

/// <summary>The machine's parts: GET /api/v1/node.</summary>
/// <param name="Cpus">Processors.</param>
/// <param name="Devices">Those that drop most first.</param>
/// <param name="Gauges">The machine's own, then the fullest.</param>
/// <param name="Sysctls">Settings that findings of now name.</param>
/// <param name="DevicesLeftOut">How many more devices there are.</param>
/// <param name="GaugesLeftOut">How many more gauges there are.</param>
public sealed record NodeDetail(
    IReadOnlyList<CpuView> Cpus, IReadOnlyList<DeviceView> Devices, IReadOnlyList<GaugeView> Gauges,
    IReadOnlyList<SysctlView> Sysctls, int DevicesLeftOut, int GaugesLeftOut);

/// <summary>A processor's share in the network's work.</summary>
public sealed record CpuView(
    string Cpu, double? SoftirqPercent, double? NetRxPerSecond, double? NetTxPerSecond, double? DropsPerSecond);

/// <summary>A device.</summary>
public sealed record DeviceView(
    string Subject, string Device, bool? Up, long? SpeedBps, double? RxBps, double? TxBps, double? ErrorsPerSecond,
    double? DropsPerSecond, string? Qdisc, double? QdiscDropsPerSecond, long? BacklogBytes);

/// <summary>Something with a limit.</summary>
/// <param name="Name">What.</param>
/// <param name="Subject">Whose.</param>
/// <param name="Used">How much of it is taken.</param>
/// <param name="Limit">How much there is; null: not known.</param>
/// <param name="SecondsToFull">At the rate of now; null: it does not grow, or nobody tells.</param>
public sealed record GaugeView(string Name, string Subject, long Used, long? Limit, double? SecondsToFull);

/// <summary>A setting that a finding of now names.</summary>
public sealed record SysctlView(string Name, string? Value, string Risk);

/// <summary>GET /api/v1/series.</summary>
/// <param name="Metric">Its name.</param>
/// <param name="Kernel">The kernel's word for it.</param>
/// <param name="Source">Where it is read.</param>
/// <param name="Unit">Of the values, per second where it is a counter.</param>
/// <param name="Promql">The same at a Prometheus that scrapes the agent; null: it does not leave.</param>
/// <param name="Kind"><c>counter</c>, <c>updowncounter</c>, <c>gauge</c> or <c>histogram</c>.</param>
/// <param name="Times">Unix seconds.</param>
/// <param name="Series">One per set of tags, at most 20.</param>
/// <param name="LeftOut">How many more there are.</param>
public sealed record SeriesView(
    string Metric, string? Kernel, string Source, string Unit, string? Promql, string Kind,
    IReadOnlyList<long> Times, IReadOnlyList<SeriesLine> Series, int LeftOut);

/// <summary>A line of a chart.</summary>
/// <param name="Tags">What tells it apart.</param>
/// <param name="Values">One per time; null where it is not known.</param>
/// <param name="Total">
/// Of a counter: what it stands at in the newest of the times, as the kernel counts; null of others, and where it is
/// not known.
/// </param>
public sealed record SeriesLine(
    IReadOnlyDictionary<string, string> Tags, IReadOnlyList<double?> Values, double? Total);

/// <summary>A metric: GET /api/v1/metrics.</summary>
public sealed record MetricView(
    string Name, string? Kernel, string Source, string Unit, string Kind, string Description, string? Promql);
