using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Tests.Probes;

/// <summary>Rows that are added up from map entries, and end with their namespace.</summary>
public sealed class CounterRowsTests
{
    private static readonly Metric Things = new()
    {
        Name = "test.things", Unit = "1", Kind = InstrumentKind.Counter, Description = "A test.",
    };

    private static readonly TableInfo Table = new("test", RowScope.Namespace, [new("a"), new("b")], [Things]);

    private readonly SnapshotBuilder _builder = new(new SnapshotStore(), TimeProvider.System);

    [Fact]
    public void Entries_of_a_row_are_added_up_and_a_namespace_that_is_gone_takes_its_rows_along()
    {
        var rows = new CounterRows(Table, since: 5, static (a, b) => [a, b]);
        var (one, other) = (Namespace(1, start: 3), Namespace(2, start: 9));
        Count(rows, one, 1).Values[0] += 2;
        Count(rows, one, 1).Values[0] += 3;
        Count(rows, one, 2).Values[0] += 7;
        Count(rows, other, 1).Values[0] += 11;
        Written(rows).ShouldBe([(1, 1, 5), (1, 2, 7), (2, 1, 11)]);
        Count(rows, one, 1).Row.StartTimeOf(Things.Column).ShouldBe(5);
        Count(rows, other, 1).Row.StartTimeOf(Things.Column).ShouldBe(9);

        rows.Begin();
        rows.Drop(one);
        Count(rows, other, 1).Values[0] += 12;
        Written(rows).ShouldBe([(2, 1, 12)]);

        // It is met again: rows of its own, from zero.
        rows.Begin();
        Count(rows, one, 1).Values[0] += 1;
        Written(rows).ShouldBe([(2, 1, 0), (1, 1, 1)]);
        rows.Drop(Namespace(3, 1));
    }

    private static NetNamespace Namespace(ulong inode, long start) => new(inode, (long)inode, isHost: false, start);

    private static CounterRow Count(CounterRows rows, NetNamespace ns, long a) => rows.Of(ns, a, 0);

    private (ulong Inode, long A, long Value)[] Written(CounterRows rows)
    {
        _builder.Begin();
        _builder.Enter("test");
        rows.Write(_builder);
        var table = _builder.Publish().Find(Table)!;
        var values = table.Column(Things).ToArray();
        return [.. table.Rows.ToArray().Zip(values, (r, v) => (r.Subject!.Inode, r.Tags[0].Number, v))];
    }
}
