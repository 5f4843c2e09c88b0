using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Probes.Drops;

/// <summary>What the ledger adds up: the kernel's counters of both families, then packetloss' stages.</summary>
internal enum LedgerFigure
{
    Received,
    HeaderErrors,
    AddressErrors,
    NoRoutes,
    ReversePath,
    Truncated,
    Discarded,
    UnknownProtocols,
    Delivered,
    Forwarded,
    Fragments,
    Reassembled,
    ListenDrops,
    UdpErrors,
    UdpNoPorts,
    Sent,
    SentNoRoutes,
    SentDiscarded,

    /// <summary>1 where the stages are known.</summary>
    Watched,

    /// <summary>The first of <see cref="DropStages.Columns"/>.</summary>
    Stages,
}

/// <summary>Takes the ledger's counters out of the kernel's sections.</summary>
internal sealed class LedgerFigures
{
    /// <summary>How many there are.</summary>
    public const int Count = (int)LedgerFigure.Stages + DropStages.Columns;

    private static readonly (string Section, string Counter, LedgerFigure Figure)[] All =
    [
        .. OfIp("InReceives", LedgerFigure.Received),
        .. OfIp("InHdrErrors", LedgerFigure.HeaderErrors),
        .. OfIp("InAddrErrors", LedgerFigure.AddressErrors),
        .. OfIp("InDiscards", LedgerFigure.Discarded),
        .. OfIp("InUnknownProtos", LedgerFigure.UnknownProtocols),
        .. OfIp("InDelivers", LedgerFigure.Delivered),
        .. OfIp("ReasmReqds", LedgerFigure.Fragments),
        .. OfIp("ReasmOKs", LedgerFigure.Reassembled),
        .. OfIp("OutRequests", LedgerFigure.Sent),
        .. OfIp("OutNoRoutes", LedgerFigure.SentNoRoutes),
        .. OfIp("OutDiscards", LedgerFigure.SentDiscarded),
        ("Ip", "ForwDatagrams", LedgerFigure.Forwarded),
        ("Ip6", "OutForwDatagrams", LedgerFigure.Forwarded),
        ("IpExt", "InNoRoutes", LedgerFigure.NoRoutes),
        ("Ip6", "InNoRoutes", LedgerFigure.NoRoutes),
        ("IpExt", "InTruncatedPkts", LedgerFigure.Truncated),
        ("Ip6", "InTruncatedPkts", LedgerFigure.Truncated),
        ("TcpExt", "IPReversePathFilter", LedgerFigure.ReversePath),
        ("TcpExt", "ListenDrops", LedgerFigure.ListenDrops),
        ("Udp", "InErrors", LedgerFigure.UdpErrors),
        ("Udp6", "InErrors", LedgerFigure.UdpErrors),
        ("Udp", "NoPorts", LedgerFigure.UdpNoPorts),
        ("Udp6", "NoPorts", LedgerFigure.UdpNoPorts),
    ];

    /// <summary>The sections, in the order in which <see cref="AddTo"/> takes them.</summary>
    public static readonly string[] Sections = [.. All.Select(a => a.Section).Distinct()];

    private readonly (MibLayout? Layout, List<(int Index, LedgerFigure Figure)> Places)[] _known =
        [.. Sections.Select(_ => ((MibLayout?)null, new List<(int, LedgerFigure)>(16)))];

    /// <summary>Adds the counters of one namespace; of sections that it does not have there are none.</summary>
    public void AddTo(Span<long> figures, ReadOnlySpan<MibSection?> sections)
    {
        for (var i = 0; i < sections.Length; i++)
        {
            if (sections[i] is not { } section)
                continue;
            if (!ReferenceEquals(_known[i].Layout, section.Layout))
                Learn(i, section.Layout);
            foreach (var (index, figure) in _known[i].Places)
            {
                if (section.Values[index] != Metric.Absent)
                    figures[(int)figure] += section.Values[index];
            }
        }
    }

    /// <summary>What was counted since: all but whether dropped packets were watched.</summary>
    public static void Subtract(Span<long> now, ReadOnlySpan<long> before)
    {
        for (var i = 0; i < now.Length; i++)
        {
            if (i != (int)LedgerFigure.Watched)
                now[i] -= before[i];
        }
    }

    private void Learn(int section, MibLayout layout)
    {
        _known[section].Layout = layout;
        _known[section].Places.Clear();
        foreach (var (name, counter, figure) in All)
        {
            for (var i = 0; i < layout.Counters.Count && name == layout.Section; i++)
            {
                if (layout.Counters[i] == counter)
                    _known[section].Places.Add((i, figure));
            }
        }
    }

    private static (string, string, LedgerFigure)[] OfIp(string counter, LedgerFigure figure) =>
        [("Ip", counter, figure), ("Ip6", counter, figure)];
}
