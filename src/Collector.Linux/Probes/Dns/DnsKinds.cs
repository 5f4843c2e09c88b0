using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Dns;

/// <summary>The kinds of events of DNS queries, and how a record becomes one.</summary>
internal static class DnsKinds
{
    internal static readonly EventInfo FailedInfo = new()
    {
        Name = "netlens.dns.failed",
        Severity = EventSeverity.Error,
        Description = "A DNS query got no answer in time, an answer that says that the server failed or refused, or "
            + "an ICMP error. That a name does not exist is no failure.",
        Fields = [new("netlens.dns.outcome"), .. Common],
        IsTimed = true,
    };

    internal static readonly EventInfo SlowInfo = new()
    {
        Name = "netlens.dns.slow",
        Severity = EventSeverity.Warn,
        Description = "A DNS query was answered after longer than the threshold.",
        Fields = [new("netlens.dns.outcome"), .. Common],
        IsTimed = true,
    };

    internal static readonly EventInfo RetriedInfo = new()
    {
        Name = "netlens.dns.retried",
        Severity = EventSeverity.Warn,
        Description = "A DNS query without an answer was sent again; its duration is how long the resolver had waited, "
            + "which by default is 5 seconds (netlens.dns.five_seconds).",
        Fields = [new("netlens.dns.five_seconds"), .. Common],
        IsTimed = true,
    };

    private static TagKey[] Common =>
    [
        new("netlens.dns.duration"), new("netlens.dns.sends"), new("dns.question.name"),
        new("netlens.dns.question.type"),
    ];

    public static EventKind<DnsEvent> Failed { get; } = Kind(
        FailedInfo, DnsOutcome.DescribeFailure, static (in e) => DnsOutcome.Name(e.Outcome));

    public static EventKind<DnsEvent> Slow { get; } = Kind(
        SlowInfo, DnsOutcome.DescribeSlow, static (in e) => DnsOutcome.Name(e.Outcome));

    public static EventKind<DnsEvent> Retried { get; } = Kind(
        RetriedInfo, DnsOutcome.DescribeRetry,
        static (in e) => DnsOutcome.IsFiveSeconds(e.Duration) ? "true" : "false");

    public static EventKind<DnsEvent> Of(in DnsEvent e) => e.Fault switch
    {
        DnsOutcome.Failed => Failed,
        DnsOutcome.Slow => Slow,
        _ => Retried,
    };

    /// <summary>What is limited together: the failed ones of a namespace.</summary>
    public static EventKey? KeyOf(in DnsServerKey key) => new(FailedInfo, key.Netns, 0);

    /// <summary>The same of its slow ones.</summary>
    public static EventKey SlowKeyOf(in DnsServerKey key) => new(SlowInfo, key.Netns, 0, key.Rootless != 0);

    /// <summary>The same of its retries.</summary>
    public static EventKey? KeyOf(in DnsTotalsKey key) => new(RetriedInfo, key.Netns, 0);

    private static EventKind<DnsEvent> Kind(
        EventInfo info, MessageOf<DnsEvent> message, OfRecord<DnsEvent, string> first) => new()
        {
            Info = info,
            Reason = static (in _) => 0,
            Duration = static (in e) => e.Duration,
            Measured = DnsCounters.MeasureOf,
            Message = message,
            Fields = (in e) =>
            [
                first(e), e.Duration, (long)e.Sends, Text(DnsQuestion.Name(e.Asked)),
                DnsQuestion.Type(e.Asked) is { } type ? (long)type : default(TagValue?),
            ],
            Tuple = static (in e) => e.Flow.Tuple,
            Process = static (in e) => e.Head.Pid == 0 ? null : e.Head.Process,
            ProcessRole = "asked by",
        };

    private static TagValue? Text(string? text) => text is null ? default(TagValue?) : text;
}
