using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Connects;

/// <summary>The kinds of events of connects, and how a record becomes one.</summary>
internal static class ConnectKinds
{
    internal static readonly EventInfo FailedInfo = new()
    {
        Name = "netlens.connect.failed",
        Severity = EventSeverity.Error,
        Description = "A TCP connect failed, or its caller gave it up after longer than the threshold.",
        Fields =
        [
            new("netlens.connect.outcome"), new("error.type"), new("netlens.connect.duration"),
            new("netlens.connect.retransmits"), new("netlens.peer.port_class"), new("netlens.icmp.code"),
            new("netlens.neighbour.address"), new("netlens.neighbour.state"),
        ],
        IsTimed = true,
    };

    internal static readonly EventInfo SlowInfo = new()
    {
        Name = "netlens.connect.slow",
        Severity = EventSeverity.Warn,
        Description = "A TCP connect succeeded and took longer than the threshold.",
        Fields =
        [
            new("netlens.connect.duration"), new("netlens.connect.retransmits"), new("netlens.peer.port_class"),
            new("netlens.neighbour.address"), new("netlens.neighbour.state"),
        ],
        IsTimed = true,
    };

    public static EventKind<ConnectEvent> Failed { get; } = Kind(
        FailedInfo,
        ConnectOutcome.DescribeFailure,
        static (in e) =>
        [
            ConnectOutcome.Name(e.Cause), Text(ConnectOutcome.Error(e)), Duration(e), (long)e.Retransmits,
            ConnectOutcome.PortClass(e.PortClass), e.Icmp != 0 ? (long)e.IcmpCode : default(TagValue?),
            Text(e.Unresolved?.ToString()), Text(ConnectOutcome.Neighbour(e)),
        ],
        ConnectOutcome.Severity);

    public static EventKind<ConnectEvent> Slow { get; } = Kind(
        SlowInfo,
        ConnectOutcome.DescribeSlow,
        static (in e) =>
        [
            e.Duration, (long)e.Retransmits, ConnectOutcome.PortClass(e.PortClass),
            Text(e.Unresolved?.ToString()), Text(ConnectOutcome.Neighbour(e)),
        ]);

    /// <summary>What is limited together.</summary>
    public static EventKey? KeyOf(in ConnectKey key) => new(
        key.Cause == ConnectOutcome.Established ? SlowInfo : FailedInfo, key.Netns, ReasonOf(key.Cause, key.PortClass));

    private static long ReasonOf(int cause, int portClass) => (cause << 8) | portClass;

    private static EventKind<ConnectEvent> Kind(
        EventInfo info, MessageOf<ConnectEvent> message, OfRecord<ConnectEvent, TagValue?[]> fields,
        OfRecord<ConnectEvent, EventSeverity>? severity = null) => new()
        {
            Info = info,
            Reason = static (in e) => ReasonOf(e.Cause, e.PortClass),
            Severity = severity,
            Duration = static (in e) => e.Duration,
            Measured = static (in e) =>
                e.Cause == ConnectOutcome.Established ? ConnectCounters.Measure : null,
            Message = message,
            Fields = fields,
            Tuple = static (in e) => e.Flow.Tuple,
            Process = static (in e) => e.Head.Pid == 0 ? null : e.Head.Process,
            ProcessRole = "asked by",
        };

    private static TagValue? Text(string? text) => text is null ? default(TagValue?) : text;

    // What ended at once took no time, and where the start was not seen nobody knows.
    private static TagValue? Duration(in ConnectEvent e) => e.Duration == 0 ? default(TagValue?) : e.Duration;
}
