using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tables;

/// <summary>Tables of connections that are full, or refuse entries: what is told about them.</summary>
internal static class ConntrackKinds
{
    private static readonly TagKey[] Level =
        [new("netlens.conntrack.entries"), new("netlens.conntrack.limit"), new("netlens.conntrack.dropped")];

    internal static readonly EventInfo FullInfo = new()
    {
        Name = "netlens.conntrack.full",
        Severity = EventSeverity.Error,
        Description = "Since the collection before, connection tracking had no room for new connections: their packets "
            + "were dropped, or other entries had to go.",
        Fields = [.. Level, new("netlens.conntrack.evicted")],
    };

    internal static readonly EventInfo FillingInfo = new()
    {
        Name = "netlens.conntrack.filling",
        Severity = EventSeverity.Warn,
        Description = "Connection tracking has more of the entries that it may have than the option warn says.",
        Fields = [Level[0], Level[1]],
    };

    internal static readonly EventInfo ClashInfo = new()
    {
        Name = "netlens.conntrack.clash",
        Severity = EventSeverity.Warn,
        Description = "Since the collection before, packets of new connections were lost because connection tracking "
            + "had an equal entry already: SNAT had no other port for them, or two came at once.",
        Fields = Level,
    };

    public static EventKind<ConntrackRecord> Full { get; } = Kind(FullInfo, DescribeFull,
        static (in e) => [e.Entries, Limit(e), e.Dropped, e.Evicted]);

    public static EventKind<ConntrackRecord> Filling { get; } = Kind(FillingInfo, DescribeFilling,
        static (in e) => [e.Entries, Limit(e)]);

    public static EventKind<ConntrackRecord> Clash { get; } = Kind(ClashInfo, DescribeClash,
        static (in e) => [e.Entries, Limit(e), e.Dropped]);

    public static EventKind<ConntrackRecord> Of(in ConntrackRecord record) => record.Cause switch
    {
        ConntrackCause.Full => Full,
        ConntrackCause.Filling => Filling,
        _ => Clash,
    };

    private static EventKind<ConntrackRecord> Kind(
        EventInfo info, MessageOf<ConntrackRecord> message, OfRecord<ConntrackRecord, TagValue?[]> fields) => new()
        {
            Info = info,
            Reason = static (in _) => 0,
            Message = message,
            Fields = fields,
            Process = static (in _) => null,
        };

    private static TagValue? Limit(in ConntrackRecord e) => e.Limit < 0 ? default(TagValue?) : e.Limit;

    private static string DescribeFull(in ConntrackRecord e, EventParties parties) =>
        $"{parties.Where} tracks as many connections as it may: {e.Dropped} packets of new ones were dropped and "
        + $"{e.Evicted} others had to go, {Use(e)}";

    private static string DescribeFilling(in ConntrackRecord e, EventParties parties) =>
        $"{parties.Where} tracks nearly as many connections as it may: {Use(e)}";

    private static string DescribeClash(in ConntrackRecord e, EventParties parties) =>
        $"{parties.Where} lost {e.Dropped} packets of new connections whose entry was there already (insert_failed): "
        + $"SNAT had no other port, or two came at once; {Use(e)}";

    private static string Use(in ConntrackRecord e) =>
        e.Limit < 0 ? $"{e.Entries} entries" : $"{e.Entries} of {e.Limit} entries (net.netfilter.nf_conntrack_max)";
}
