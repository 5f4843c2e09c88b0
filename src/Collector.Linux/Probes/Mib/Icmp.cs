using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Unreachable destinations told by ICMP and ICMPv6 per namespace; with <c>include: all</c> every kind of message, and
/// every message type that occurred.
/// </summary>
internal sealed class Icmp(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private const string PerType =
        "Messages per ICMP type, only types that occurred (IcmpMsg, Icmp6InType, Icmp6OutType).";
    private static readonly Metric ReceivedV4 = OfType(MibCounter.Receive, MibCounter.IPv4);
    private static readonly Metric SentV4 = OfType(MibCounter.Transmit, MibCounter.IPv4);
    private static readonly Metric ReceivedV6 = OfType(MibCounter.Receive, MibCounter.IPv6);
    private static readonly Metric SentV6 = OfType(MibCounter.Transmit, MibCounter.IPv6);

    private static readonly TableInfo Types = new(
        "icmp.type", RowScope.Namespace, [new TagKey("netlens.icmp.type")], [ReceivedV4, SentV4, ReceivedV6, SentV6]);

    private static readonly MibSpec Spec = new(
        "icmp", "ICMP and ICMPv6 messages received and sent, by kind, and errors.",
        "/proc/net/snmp, Icmp and IcmpMsg; /proc/net/snmp6, Icmp6",
        [
            new MibSectionRule("Icmp", "netlens.icmp.") { Family = MibCounter.IPv4 },
            new MibSectionRule("Icmp6", "netlens.icmp.") { Family = MibCounter.IPv6 },
        ],
        [
            .. Pair("destination_unreachable", "DestUnreachs", "DestUnreachs", "Destination unreachable messages"),
            .. More().Select(c => c with { Optional = true }),
        ],
        Types);

    private readonly Dictionary<NamespaceHandle, Row?[]> _types = [];
    private long _version = -1;

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    protected override void Collect(MibReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        base.Collect(reader, ns, snapshot);
        if (!IncludesAll)
            return;
        if (_version != Host.Namespaces.Version)
            DropClosed();
        TypesOf(ns, snapshot.Tick, out var ipv4, out var ipv6);
        if (ipv4.IsEmpty && ipv6.IsEmpty)
            return;
        if (!_types.TryGetValue(ns, out var rows))
            _types.Add(ns, rows = new Row?[512]);
        Append(ipv4, ReceivedV4, SentV4, rows.AsSpan(0, 256), ns, snapshot);
        Append(ipv6, ReceivedV6, SentV6, rows.AsSpan(256), ns, snapshot);
    }

    private void TypesOf(
        NamespaceHandle ns, long tick, out ReadOnlySpan<IcmpTypeCounts.Entry> ipv4,
        out ReadOnlySpan<IcmpTypeCounts.Entry> ipv6)
    {
        if (Pass(ns, tick) is { } pass)
        {
            ipv4 = pass.IcmpTypes.Entries;
            ipv6 = pass.Icmp6Types.Entries;
            return;
        }
        var snmp = ns.Source<SnmpFile>();
        var snmp6 = ns.Source<Snmp6File>();
        ipv4 = snmp.EnsureRead(ns, tick) ? snmp.IcmpTypes.Entries : [];
        ipv6 = snmp6.EnsureRead(ns, tick) ? snmp6.IcmpTypes.Entries : [];
    }

    private static void Append(
        ReadOnlySpan<IcmpTypeCounts.Entry> entries, Metric received, Metric sent, Span<Row?> rows, NamespaceHandle ns,
        SnapshotBuilder snapshot)
    {
        // A type that is both received and sent has two entries and one row.
        for (var i = 0; i < entries.Length; i++)
        {
            if (SeenBefore(entries, i))
                continue;
            var type = entries[i].Type;
            var row = snapshot.Append(
                rows[type] ??= new Row(Types.Whole, ns.Namespace, ns.Namespace.StartTime, (long)type));
            for (var k = i; k < entries.Length; k++)
            {
                if (entries[k].Type == type)
                    row.Set(entries[k].Sent ? sent : received, entries[k].Count);
            }
        }
    }

    private static bool SeenBefore(ReadOnlySpan<IcmpTypeCounts.Entry> entries, int index)
    {
        foreach (var entry in entries[..index])
        {
            if (entry.Type == entries[index].Type)
                return true;
        }
        return false;
    }

    private void DropClosed()
    {
        _version = Host.Namespaces.Version;
        foreach (var ns in _types.Keys)
        {
            if (ns.Closed)
                _types.Remove(ns);
        }
    }

    /// <summary>What is exported with <c>include: all</c>.</summary>
    private static IEnumerable<MibCounter> More() =>
    [
        .. Pair("messages", "Msgs", "Msgs", "Messages received and sent, errors included"),
        .. Pair("errors", "Errors", "Errors", "Messages received with an error or not sent because of one"),
        .. Single("InCsumErrors", "checksum_errors", "Messages with a wrong checksum (Icmp InCsumErrors)."),
        .. Pair("packet_too_big", null, "PktTooBigs", "Packet too big messages"),
        .. Pair("time_exceeded", "TimeExcds", "TimeExcds", "Time exceeded messages"),
        .. Pair("parameter_problem", "ParmProbs", "ParmProblems", "Parameter problem messages"),
        .. Pair("redirect", "Redirects", "Redirects", "Redirect messages"),
        .. Pair("echo_request", "Echos", "Echos", "Echo requests"),
        .. Pair("echo_reply", "EchoReps", "EchoReplies", "Echo replies"),
        .. Pair("neighbor_solicitation", null, "NeighborSolicits", "Neighbour solicitations"),
        .. Pair("neighbor_advertisement", null, "NeighborAdvertisements", "Neighbour advertisements"),
        .. Pair("router_solicitation", null, "RouterSolicits", "Router solicitations"),
        .. Pair("router_advertisement", null, "RouterAdvertisements", "Router advertisements"),
        .. Single("OutRateLimitHost", "rate_limited.host",
            "Messages not sent because of a rate limit per host (Icmp OutRateLimitHost)."),
        new MibCounter("Icmp", "OutRateLimitGlobal", Units.Messages,
            "Messages not sent because of the global rate limit (Icmp OutRateLimitGlobal).")
        {
            Name = "rate_limited.global",
        },
    ];

    private static Metric OfType(Tag direction, Tag family) => Metric.Counter(
        "netlens.icmp.type.messages", Units.Messages, PerType, [direction, family], optional: true);

    private static IEnumerable<MibCounter> Single(string counter, string name, string description) =>
    [
        new("Icmp", counter, Units.Messages, description) { Name = name },
        new("Icmp6", counter, Units.Messages, description) { Name = name },
    ];

    /// <summary>A kind of message in both directions; the two families spell some of them differently.</summary>
    private static IEnumerable<MibCounter> Pair(string name, string? ipv4, string ipv6, string description)
    {
        var text = $"{description} ({(ipv4 is null ? "Icmp6" : "Icmp")} In{ipv4 ?? ipv6}, Out{ipv4 ?? ipv6}).";
        foreach (var (section, counter) in new[] { ("Icmp", ipv4), ("Icmp6", ipv6) })
        {
            if (counter is null)
                continue;
            yield return new(section, "In" + counter, Units.Messages, text)
            {
                Name = name, Tags = [MibCounter.Receive]
            };
            yield return new(section, "Out" + counter, Units.Messages, text)
            {
                Name = name, Tags = [MibCounter.Transmit]
            };
        }
    }
}
