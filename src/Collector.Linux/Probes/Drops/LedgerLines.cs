using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Softirq;

namespace Collector.Linux.Probes.Drops;

/// <summary>One stage of a namespace's ledger.</summary>
/// <param name="Stage">
/// <c>devices</c>, <c>ip</c>, <c>forwarded</c>, <c>reassembled</c>, <c>protocols</c>, <c>delivered</c>, <c>sent</c>.
/// </param>
/// <param name="Packets">What came to it.</param>
/// <param name="Dropped">What it did not let pass, by reason; the largest first.</param>
public sealed record LedgerLine(string Stage, long Packets, IReadOnlyList<LedgerDropped> Dropped);

/// <summary>Packets that a stage dropped for one reason.</summary>
/// <param name="Reason">The kernel's counter or drop reason.</param>
/// <param name="Packets">How many.</param>
/// <param name="Lost">Those of them of which nobody was told; where that is not known, all.</param>
public sealed record LedgerDropped(string Reason, long Packets, long Lost)
{
    /// <summary>
    /// Where they were on their way in: <c>nic</c>, <c>softnet</c>, <c>ip</c>, <c>netfilter</c> or <c>protocols</c>
    /// (sockets); null on the way out, and where nobody asked.
    /// </summary>
    public string? Stage { get; init; }
}

/// <summary>The ledger of a namespace, or of the node, between two snapshots.</summary>
/// <param name="Lines">The stages in the order of a packet's way in, then <c>sent</c>.</param>
/// <param name="Lost">Packets that IP received and that were lost: nobody was told.</param>
/// <param name="Refused">Those whose senders were told.</param>
/// <param name="Orderly">Those that were dropped because they met what ends.</param>
/// <param name="Rest">
/// Those of which nothing tells what became; without packetloss what netfilter dropped is among them. Below zero: the
/// counters were read a moment after each other.
/// </param>
/// <param name="Watched">True where packetloss ran all the time.</param>
public sealed record LedgerLines(
    IReadOnlyList<LedgerLine> Lines, long Lost, long Refused, long Orderly, long Rest, bool Watched)
{
    /// <summary>The figures that it is made of, in recordings, too.</summary>
    public static TableInfo Figures => Ledger.Figures;

    private const string Netfilter = "netfilter";

    /// <summary><see cref="Rest"/>; null without packetloss.</summary>
    public long? Unexplained => Watched ? Rest : null;

    /// <summary>Of <see cref="Lost"/>, by reason; the largest first.</summary>
    public IReadOnlyList<LedgerDropped> LostBy
    {
        get
        {
            var lost = new List<LedgerDropped>();
            var left = Lost;
            foreach (var dropped in Lines.Where(static l => l.Stage is "ip" or "protocols")
                .SelectMany(static l => l.Dropped.Select(d => d with { Stage = StageOf(l, d) }))
                .OrderByDescending(static d => d.Lost))
            {
                // What is counted twice, by the kernel and as seen, is no more than there were.
                var its = Math.Min(dropped.Lost, left);
                if (its > 0)
                    lost.Add(dropped with { Packets = its, Lost = its });
                left -= Math.Max(0, its);
            }
            if (left > 0)
                lost.Add(new("other reasons", left, left) { Stage = "ip" });
            return lost;
        }
    }

    private static string StageOf(LedgerLine line, LedgerDropped dropped) =>
        dropped.Reason == Netfilter ? Netfilter : line.Stage;

    /// <summary>Packets that came to a stage.</summary>
    public long Of(string stage) => Lines.First(l => l.Stage == stage).Packets;

    /// <summary>What counters of IP refused, by name; those first whose senders are told most often.</summary>
    private static readonly (LedgerFigure Figure, string Reason)[] Counters =
    [
        (LedgerFigure.NoRoutes, "InNoRoutes"), (LedgerFigure.HeaderErrors, "InHdrErrors"),
        (LedgerFigure.AddressErrors, "InAddrErrors"), (LedgerFigure.ReversePath, "IPReversePathFilter"),
        (LedgerFigure.Truncated, "InTruncatedPkts"), (LedgerFigure.Discarded, "InDiscards"),
        (LedgerFigure.UnknownProtocols, "InUnknownProtos"),
    ];

    private static readonly Metric Backlog =
        Softnet.Info.Metrics.First(static m => m.Name == "netlens.softnet.dropped");

    /// <summary>The ledger of a namespace.</summary>
    /// <param name="before">The earlier snapshot; null: since its counters began.</param>
    /// <param name="after">The later one.</param>
    /// <param name="ns">The namespace; null: the node, all of its namespaces together.</param>
    /// <returns>Null where the probe told nothing of it in both.</returns>
    public static LedgerLines? Between(Snapshot? before, Snapshot after, Subject? ns)
    {
        var figures = new long[LedgerFigures.Count];
        if (!AddGrowth(figures, before, after, ns))
            return null;
        var account = new LedgerAccount(figures);
        List<LedgerLine> lines =
        [
            Line("devices", Growth(before, after, ns, NetdevTotal.Table, 2), Devices(figures, before, after, ns)),
            Line("ip", account.Received, Ip(figures)),
            Line("forwarded", account.Forwarded, []),
            Line("reassembled", account.Reassembled, []),
            Line("protocols", LedgerAccount.Get(figures, LedgerFigure.Delivered),
                Protocols(figures, before, after, ns)),
            Line("delivered", account.Delivered, []),
            Line("sent", LedgerAccount.Get(figures, LedgerFigure.Sent), Sent(figures, before, after, ns)),
        ];
        return new LedgerLines(
            lines, account.Lost, account.Refused, account.Orderly, account.Unexplained, account.Watched);
    }

    private static IEnumerable<LedgerDropped> Devices(long[] figures, Snapshot? before, Snapshot after, Subject? ns)
    {
        const string Nic = "nic", Softnet = "softnet";
        yield return At(Nic, All("rx_errors", Growth(before, after, ns, NetdevTotal.Table, 4)));
        yield return At(Nic, All(
            "rx_dropped, rx_missed_errors", Growth(before, after, ns, NetdevTotal.Table, 6)));
        if (ns is null)
        {
            yield return At(Softnet, All(
                "softnet dropped", Growth(before, after, ns, Backlog.Table, Backlog.Column)));
        }
        // Some drivers and kernels count these as rx_dropped, too.
        yield return At(Softnet, Seen("before IP (kfree_skb)", LedgerAccount.Of(figures, DropStage.Device)));
    }

    private static IEnumerable<LedgerDropped> Ip(long[] figures)
    {
        var counted = LedgerAccount.Of(figures, DropStage.Counted);
        var told = counted.Refused + counted.Orderly;
        foreach (var (figure, reason) in Counters)
        {
            var packets = LedgerAccount.Get(figures, figure);
            var its = Math.Min(packets, told);
            told -= its;
            yield return new(reason, packets, packets - its);
        }
        yield return Seen(Netfilter, LedgerAccount.Of(figures, DropStage.Netfilter));
        yield return Seen("martian or policy", LedgerAccount.Of(figures, DropStage.Uncounted));
        yield return Seen("no next hop, or too big for it", LedgerAccount.Of(figures, DropStage.Onward));
        yield return Seen("fragments", LedgerAccount.Of(figures, DropStage.Fragment));
        // What has no particular reason may have a counter.
        var named = Math.Max(0, Counters.Sum(c => LedgerAccount.Get(figures, c.Figure)) - counted.All);
        var unnamed = LedgerAccount.Of(figures, DropStage.Unnamed);
        yield return new("no reason", unnamed.All - named, Math.Min(unnamed.Lost, unnamed.All - named));
    }

    private static IEnumerable<LedgerDropped> Protocols(
        long[] figures, Snapshot? before, Snapshot after, Subject? ns)
    {
        yield return All("ListenDrops", LedgerAccount.Syns(figures));
        if (LedgerAccount.Get(figures, LedgerFigure.Watched) == 0)
            yield return All("UDP InErrors", LedgerAccount.Get(figures, LedgerFigure.UdpErrors));
        var all = LedgerAccount.Of(figures, DropStage.Transport) + LedgerAccount.Of(figures, DropStage.Listen);
        var (left, lost) = (all.All, all.Lost);
        foreach (var (reason, packets, its) in Reasons(before, after, ns))
        {
            if (DropStages.Of(reason, DropReasons.IsName(reason) ? reason : "", received: true)
                is not (DropStage.Transport or DropStage.Listen))
            {
                continue;
            }
            var part = new LedgerDropped(reason, Math.Min(packets, left), Math.Min(its, lost));
            yield return part;
            left -= part.Packets;
            lost -= part.Lost;
        }
        yield return new("other reasons", left, Math.Min(left, lost));
    }

    private static IEnumerable<LedgerDropped> Sent(long[] figures, Snapshot? before, Snapshot after, Subject? ns)
    {
        yield return All("OutNoRoutes", LedgerAccount.Get(figures, LedgerFigure.SentNoRoutes));
        yield return All("OutDiscards", LedgerAccount.Get(figures, LedgerFigure.SentDiscarded));
        yield return All("qdisc", Growth(before, after, ns, Qdisc.Total, 2));
        yield return All("tx_errors", Growth(before, after, ns, NetdevTotal.Table, 5));
        yield return All("tx_dropped", Growth(before, after, ns, NetdevTotal.Table, 7));
        // A qdisc's are among them.
        yield return Seen("kfree_skb", LedgerAccount.Of(figures, DropStage.Sent)
            + LedgerAccount.Of(figures, DropStage.Link));
    }

    private static LedgerDropped At(string stage, LedgerDropped dropped) => dropped with { Stage = stage };

    private static LedgerDropped All(string reason, long packets) => new(reason, packets, packets);

    private static LedgerDropped Seen(string reason, LedgerDrops drops) => new(reason, drops.All, drops.Lost);

    private static LedgerLine Line(string stage, long packets, IEnumerable<LedgerDropped> dropped) =>
        new(stage, packets, [.. dropped.Where(d => d.Packets > 0).OrderByDescending(d => d.Packets)]);

    /// <summary>Drops by reason, or by function where the kernel has none, and those of them that were lost.</summary>
    private static IEnumerable<(string Reason, long Packets, long Lost)> Reasons(
        Snapshot? before, Snapshot after, Subject? ns)
    {
        var reasons = new Dictionary<string, (long Packets, long Lost)>(StringComparer.Ordinal);
        foreach (var (row, packets) in Growing(before, after, ns, PacketLossTables.Drops, 0))
        {
            var (all, lost) = reasons.GetValueOrDefault(row.Tags[0].Text);
            var its = row.Tags[2].Text == PacketLossTables.Outcome(DropOutcome.Lost) ? packets : 0;
            reasons[row.Tags[0].Text] = (all + packets, lost + its);
        }
        return reasons.Select(r => (r.Key, r.Value.Packets, r.Value.Lost)).OrderByDescending(r => r.Packets);
    }

    private static bool AddGrowth(long[] figures, Snapshot? before, Snapshot after, Subject? ns)
    {
        if (after.Find(Ledger.Figures) is not { } table)
            return false;
        var any = false;
        var then = before?.Find(Ledger.Figures);
        var next = 0;
        var watched = 1L;
        for (var r = 0; r < table.Count; r++)
        {
            if (!IsOf(table.Rows[r], ns))
                continue;
            var past = IndexOf(then, table.Rows[r], ref next);
            // What was not there before began in between; of the node's own the past is not known.
            if (before is not null && past < 0 && table.Rows[r].StartTime < before.Time)
                continue;
            for (var i = 0; i < figures.Length; i++)
                figures[i] += Since(past < 0 ? 0 : then!.Column(i)[past], table.Column(i)[r]);
            any = true;
            watched &= table.Column((int)LedgerFigure.Watched)[r]
                & (past < 0 ? 1 : then!.Column((int)LedgerFigure.Watched)[past]);
        }
        figures[(int)LedgerFigure.Watched] = any ? watched : 0;
        return any;
    }

    /// <summary>As a rule rows stand in the same order.</summary>
    /// <param name="table">Where; null: nowhere.</param>
    /// <param name="row">Which.</param>
    /// <param name="next">Where it should be; becomes where the next one should be.</param>
    private static int IndexOf(SnapshotTable? table, Row row, ref int next)
    {
        var count = table?.Count ?? 0;
        for (var i = 0; i < count; i++)
        {
            var place = (next + i) % count;
            if (!ReferenceEquals(table!.Rows[place], row))
                continue;
            next = place + 1;
            return place;
        }
        return -1;
    }

    /// <summary>What a figure counted. One that fell began anew: a probe was switched off and on.</summary>
    private static long Since(long then, long now) => now < then ? now : now - then;

    /// <summary>What a column counted; of a row that is new, from its beginning.</summary>
    private static long Growth(Snapshot? before, Snapshot after, Subject? ns, TableInfo info, int column) =>
        Growing(before, after, ns, info, column).Sum(static g => g.Growth);

    /// <summary>The same row by row. One that is gone is none: nothing tells what it counted at last.</summary>
    private static IEnumerable<(Row Row, long Growth)> Growing(
        Snapshot? before, Snapshot after, Subject? ns, TableInfo info, int column)
    {
        if (after.Find(info) is not { } table)
            yield break;
        var then = before?.Find(info);
        var next = 0;
        for (var r = 0; r < table.Count; r++)
        {
            var now = table.Column(column)[r];
            if (!IsOf(table.Rows[r], ns) || now == Metric.Absent)
                continue;
            var past = IndexOf(then, table.Rows[r], ref next);
            // A device or queue that was met late counted since its own beginning. A drop's row begins with its first.
            if (before is not null && past < 0 && info != PacketLossTables.Drops
                && table.Rows[r].StartTime < before.Time)
                continue;
            var growth = Since(past < 0 ? 0 : Math.Max(0, then!.Column(column)[past]), now);
            if (growth > 0)
                yield return (table.Rows[r], growth);
        }
    }

    private static bool IsOf(Row row, Subject? ns) => ns is null || ReferenceEquals(row.Subject, ns);
}
