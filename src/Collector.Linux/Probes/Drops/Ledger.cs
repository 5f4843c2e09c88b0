using System.Runtime.CompilerServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Drops;

/// <summary>
/// What became of every IP packet that a namespace received, from the kernel's counters and from what packetloss saw:
/// the parts add up to what came in, and what nothing tells of is a part of its own.
/// </summary>
/// <remarks>
/// Counters are read a moment after each other, so with traffic the rest of one collection is a few packets off either
/// way. Unexplained is therefore what was so in two collections in a row, and no part ever falls.
/// </remarks>
internal sealed class Ledger : PerNamespaceProbe<LedgerReader>
{
    private const string Text = "IP packets received, by what became of them: delivered to a protocol or socket, "
        + "forwarded to a device, part of a reassembled one, lost, refused (the sender was told), orderly (nothing is "
        + "missing), or unexplained. Their sum is what came in.";

    internal static readonly Metric Delivered = Fate("delivered");
    internal static readonly Metric Forwarded = Fate("forwarded");
    internal static readonly Metric Reassembled = Fate("reassembled");
    internal static readonly Metric Lost = Fate("lost");
    internal static readonly Metric Refused = Fate("refused");
    internal static readonly Metric Orderly = Fate("orderly");
    internal static readonly Metric Unexplained = Fate("unexplained");

    internal static readonly TableInfo Table = new("ledger", RowScope.Namespace, [],
        [Delivered, Forwarded, Reassembled, Lost, Refused, Orderly, Unexplained]);

    /// <summary>
    /// What it is made of, for <see cref="LedgerLines"/>. In no catalogue: it leaves the program in no way.
    /// </summary>
    internal static readonly TableInfo Figures = new("ledger.figure", RowScope.Namespace, [],
    [
        .. Enumerable.Range(0, LedgerFigures.Count).Select(static i => Metric.Unnamed(
            InstrumentKind.Gauge, $"netlens.ledger.figure.{i}", Units.Packets, "Packets counted.")),
    ]);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "ledger",
        Description = "What became of every IP packet that a namespace received, and how many nothing tells of.",
        Source = "/proc/net/snmp, snmp6 and netstat as ip, ipext, tcpext and udp read them, and packetloss",
        Tables = [Table],
    };

    private readonly MibSections _sections;
    private readonly LedgerFigures _figures = new();
    private readonly Dictionary<Subject, int> _stages = new(ReferenceEqualityComparer.Instance);
    private SnapshotTable? _drops;
    private bool _collecting;

    public Ledger(ProbeHost host) : base(Info, host) =>
        _sections = new MibSections(host, LedgerFigures.Sections, allTypes: false);

    private static Metric Fate(string fate) => Metric.Counter(
        "netlens.ledger.packets", Units.Packets, Text, [new("netlens.ledger.fate", fate)]);

    public override void Collect(SnapshotBuilder snapshot)
    {
        _stages.Clear();
        _drops = snapshot.Find(PacketLossTables.Stages);
        for (var i = 0; i < _drops?.Count; i++)
        {
            if (_drops.Rows[i].Subject is { } ns)
                _stages[ns] = i;
        }
        _collecting = true;
        base.Collect(snapshot);
        _collecting = false;
        _drops = null;
    }

    protected override LedgerReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) => new(ns.Namespace);

    protected override void Collect(LedgerReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!_sections.Read(ns, snapshot))
            return;
        Span<long> figures = stackalloc long[LedgerFigures.Count];
        figures.Clear();
        _figures.AddTo(figures, _sections.Found);
        if (_drops is not null && _stages.TryGetValue(ns.Namespace, out var row))
        {
            figures[(int)LedgerFigure.Watched] = 1;
            for (var i = 0; i < DropStages.Columns; i++)
                figures[(int)LedgerFigure.Stages + i] = _drops.Column(i)[row];
        }
        else if (!_collecting)
        {
            // It ends: packetloss has no rows between two collections.
            reader.CopyStages(figures);
        }
        reader.Write(figures, snapshot);
    }
}

/// <summary>What the ledger of one namespace was and has counted.</summary>
internal sealed class LedgerReader(NetNamespace ns) : IDisposable
{
    private readonly Row _figures = new(Ledger.Figures, ns, ns.StartTime);
    private readonly long[] _first = new long[LedgerFigures.Count];
    private readonly long[] _last = new long[LedgerFigures.Count];
    private readonly long[] _parts = new long[Ledger.Table.Width];
    private readonly long[] _before = new long[Ledger.Table.Width];
    private long _unexplained;
    private Row? _row;

    /// <summary>Takes what packetloss had at the last look.</summary>
    public void CopyStages(Span<long> now) =>
        _last.AsSpan((int)LedgerFigure.Watched).CopyTo(now[(int)LedgerFigure.Watched..]);

    public void Write(Span<long> now, SnapshotBuilder snapshot)
    {
        var watched = now[(int)LedgerFigure.Watched] != 0;
        if (_row is null)
        {
            // The kernel's counters alone have counted ever since; packetloss has watched since now.
            _row = new Row(Ledger.Table, ns, watched ? snapshot.Time : ns.StartTime);
            if (watched)
                Begin(now);
        }
        // What packetloss counted before it was switched off and on again has no place in what comes after.
        else if (now[(int)LedgerFigure.Watched] != _last[(int)LedgerFigure.Watched] || HasFallen(now))
        {
            Begin(now);
        }
        now.CopyTo(_last);
        var writer = snapshot.Append(_figures);
        for (var i = 0; i < now.Length; i++)
            writer.Set(i, now[i]);
        LedgerFigures.Subtract(now, _first);
        Write(new LedgerAccount(now), snapshot.Append(_row));
    }

    private void Write(in LedgerAccount account, in RowWriter writer)
    {
        Raise(writer, Ledger.Delivered, account.Delivered, always: true);
        Raise(writer, Ledger.Forwarded, account.Forwarded);
        Raise(writer, Ledger.Reassembled, account.Reassembled);
        Raise(writer, Ledger.Lost, account.Lost, always: true);
        Raise(writer, Ledger.Refused, account.Refused);
        Raise(writer, Ledger.Orderly, account.Orderly);
        if (account.Watched)
            Raise(writer, Ledger.Unexplained, Math.Min(account.Unexplained, _unexplained), always: true);
        _unexplained = account.Unexplained;
    }

    /// <summary>A part that is 0 has no series, but for those that alarms look at.</summary>
    private void Raise(in RowWriter writer, Metric part, long packets, bool always = false)
    {
        ref var told = ref _parts[part.Column];
        told = Math.Max(told, _before[part.Column] + packets);
        if (always || told != 0)
            writer.Set(part, told);
    }

    // A new beginning goes on from what was told.
    private void Begin(ReadOnlySpan<long> now)
    {
        now.CopyTo(_first);
        _parts.CopyTo(_before.AsSpan());
        _unexplained = 0;
    }

    private bool HasFallen(ReadOnlySpan<long> now)
    {
        for (var i = 0; i < now.Length; i++)
        {
            if (now[i] < _last[i])
                return true;
        }
        return false;
    }

    public void Dispose()
    {
    }
}
