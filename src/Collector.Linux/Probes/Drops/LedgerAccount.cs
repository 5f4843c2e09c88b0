namespace Collector.Linux.Probes.Drops;

/// <summary>What became of the IP packets that a namespace received: the parts add up to what came in.</summary>
internal readonly record struct LedgerAccount
{
    /// <param name="figures">What was counted in some time, by <see cref="LedgerFigure"/>.</param>
    public LedgerAccount(ReadOnlySpan<long> figures)
    {
        Received = Get(figures, LedgerFigure.Received);
        var fragments = Of(figures, DropStage.Fragment);
        Reassembled = Math.Max(
            0, Get(figures, LedgerFigure.Fragments) - Get(figures, LedgerFigure.Reassembled) - fragments.All);
        var counted = Counted(figures);
        var delivered = Get(figures, LedgerFigure.Delivered);
        var forwarded = Get(figures, LedgerFigure.Forwarded);
        // What no counter of IP tells.
        var rest = Received - delivered - forwarded - Reassembled - fragments.All - counted;
        // What has no particular reason may have a counter; what has one with a counter is seen as that.
        var unnamed = Of(figures, DropStage.Unnamed).All
            - Math.Max(0, counted - Of(figures, DropStage.Counted).All);
        var seen = Math.Max(0, Of(figures, DropStage.Uncounted).All + Of(figures, DropStage.Netfilter).All
            + Of(figures, DropStage.Onward).All + Math.Max(0, unnamed));
        var told = Math.Clamp(rest, 0, seen);
        // The others were counted as forwarded before: by IPv6, and by IPv4 from Linux 6.7.
        var turned = Math.Min(seen - told, forwarded);
        Forwarded = forwarded - turned;
        var dropped = Split(
            counted + told + turned,
            Of(figures, DropStage.Counted) + Of(figures, DropStage.Uncounted) + Of(figures, DropStage.Unnamed)
                + Of(figures, DropStage.Netfilter) + Of(figures, DropStage.Onward));
        // Packets for several sockets may be dropped more than once.
        var behind = Split(Math.Min(delivered, Behind(figures).All), Behind(figures));
        Delivered = delivered - behind.All;
        var all = dropped + behind + fragments;
        (Lost, Refused, Orderly) = (all.Lost, all.Refused, all.Orderly);
        Unexplained = rest - told;
        Watched = Get(figures, LedgerFigure.Watched) != 0;
    }

    public long Received { get; }

    /// <summary>Handed to a protocol or socket, and kept by it.</summary>
    public long Delivered { get; }

    /// <summary>Handed to the device by which they leave.</summary>
    public long Forwarded { get; }

    /// <summary>Fragments that are part of another packet by now.</summary>
    public long Reassembled { get; }

    public long Lost { get; }

    public long Refused { get; }

    public long Orderly { get; }

    /// <summary>
    /// What nothing tells of; below zero where the counters were read a moment after each other. Without
    /// <see cref="Watched"/> what netfilter dropped is among it.
    /// </summary>
    public long Unexplained { get; }

    /// <summary>Dropped packets were watched.</summary>
    public bool Watched { get; }

    public static long Get(ReadOnlySpan<long> figures, LedgerFigure figure) => figures[(int)figure];

    public static long Get(ReadOnlySpan<long> figures, DropStage stage, DropOutcome outcome) =>
        figures[(int)LedgerFigure.Stages + DropStages.Column(stage, outcome)];

    public static LedgerDrops Of(ReadOnlySpan<long> figures, DropStage stage) => new(
        Get(figures, stage, DropOutcome.Lost), Get(figures, stage, DropOutcome.Refused),
        Get(figures, stage, DropOutcome.Orderly));

    /// <summary>What was dropped behind IP.</summary>
    public static LedgerDrops Behind(ReadOnlySpan<long> figures)
    {
        if (Get(figures, LedgerFigure.Watched) == 0)
        {
            return new(
                Get(figures, LedgerFigure.UdpErrors) + Get(figures, LedgerFigure.ListenDrops),
                Get(figures, LedgerFigure.UdpNoPorts), 0);
        }
        return Of(figures, DropStage.Transport) + Of(figures, DropStage.Listen) + new LedgerDrops(Syns(figures), 0, 0);
    }

    /// <summary>SYNs that listening sockets did not take: the kernel frees them as if they had been read.</summary>
    public static long Syns(ReadOnlySpan<long> figures) =>
        Math.Max(0, Get(figures, LedgerFigure.ListenDrops) - Of(figures, DropStage.Listen).All);

    private static long Counted(ReadOnlySpan<long> figures)
    {
        var sum = 0L;
        foreach (var figure in figures[(int)LedgerFigure.HeaderErrors..(int)LedgerFigure.Delivered])
            sum += figure;
        return sum;
    }

    /// <summary>Packets of which some are known to be refused or orderly; the others are lost.</summary>
    private static LedgerDrops Split(long packets, LedgerDrops known)
    {
        packets = Math.Max(0, packets);
        var refused = Math.Min(packets, known.Refused);
        var orderly = Math.Min(packets - refused, known.Orderly);
        return new(packets - refused - orderly, refused, orderly);
    }
}

/// <summary>Packets dropped, by what that means (<see cref="DropOutcome"/>).</summary>
internal readonly record struct LedgerDrops(long Lost, long Refused, long Orderly)
{
    public long All => Lost + Refused + Orderly;

    public static LedgerDrops operator +(LedgerDrops a, LedgerDrops b) =>
        new(a.Lost + b.Lost, a.Refused + b.Refused, a.Orderly + b.Orderly);
}
