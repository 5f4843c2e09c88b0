using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Links;

namespace Collector.Linux.Tests.Probes;

public sealed class LedgerLinesTests
{
    private readonly SnapshotStore _store = new();
    private readonly SnapshotBuilder _builder;
    private readonly NetNamespace _lasting = new(1, 1, false, 5);
    private readonly NetNamespace _gone = new(2, 2, false, 5);
    private readonly Row _figures;
    private readonly Row _devices;
    private readonly Row _devicesGone;
    private readonly Row _drops;

    public LedgerLinesTests()
    {
        _builder = new(_store, TimeProvider.System);
        _figures = new(Ledger.Figures, _lasting, 5);
        _devices = new(NetdevTotal.Table, _lasting, 5);
        _devicesGone = new(NetdevTotal.Table, _gone, 5);
        _drops = new(PacketLossTables.Drops, _lasting, 5, "NO_SOCKET", "ipv4", "refused");
    }

    [Fact]
    public void What_fell_counts_from_where_it_began_anew()
    {
        using var before = Publish(received: 1000, netfilter: 50, unreached: 30, devices: [500, 9000]);
        using var after = Publish(received: 1100, netfilter: 20, unreached: 5, devices: [600]);
        foreach (var subject in (Subject?[])[null, _lasting])
        {
            var lines = LedgerLines.Between(before.Snapshot, after.Snapshot!, subject).ShouldNotBeNull();
            // A pod that died takes nothing away from the others.
            Line("devices").Packets.ShouldBe(100);
            Line("ip").Packets.ShouldBe(100);
            Line("ip").Dropped.Single().ShouldBe(new LedgerDropped("netfilter", 20, 20));
            Line("protocols").Dropped.Single().ShouldBe(new LedgerDropped("NO_SOCKET", 5, 0));
            lines.Unexplained.ShouldBe(80);
            (lines.Lost, lines.Refused).ShouldBe((20, 0));
            lines.LostBy.Single().ShouldBe(new LedgerDropped("netfilter", 20, 20) { Stage = "netfilter" });

            LedgerLine Line(string stage) => lines.Lines.Single(l => l.Stage == stage);
        }
    }

    private SnapshotLease Publish(long received, long netfilter, long unreached, long[] devices)
    {
        _builder.Begin();
        _builder.Enter("ledger");
        var figures = _builder.Append(_figures);
        for (var i = 0; i < LedgerFigures.Count; i++)
            figures.Set(i, 0);
        figures.Set((int)LedgerFigure.Watched, 1);
        figures.Set((int)LedgerFigure.Received, received);
        figures.Set((int)LedgerFigure.Stages + DropStages.Column(DropStage.Netfilter, DropOutcome.Lost), netfilter);
        figures.Set(
            (int)LedgerFigure.Stages + DropStages.Column(DropStage.Transport, DropOutcome.Refused), unreached);
        _builder.Append(_drops).Set(0, unreached);
        for (var i = 0; i < devices.Length; i++)
            _builder.Append(i == 0 ? _devices : _devicesGone).Set(2, devices[i]);
        _builder.Publish();
        return _store.Acquire();
    }
}
