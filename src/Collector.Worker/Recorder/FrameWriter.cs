using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder;

/// <summary>Writes what makes one snapshot of another. In steady state it allocates nothing.</summary>
internal sealed class FrameWriter(TableNumbers tables)
{
    private const int ManyRows = 4096;

    private readonly Dictionary<Row, int> _index = [];
    private int[] _places = [];
    private bool[] _taken = [];

    /// <param name="from">What the reader will have.</param>
    /// <param name="to">What is made of it.</param>
    /// <param name="into">Gets the record.</param>
    /// <param name="rows">Gets those rows that only the second one has, in the record's order.</param>
    public void Write(Snapshot from, Snapshot to, ProtoBuffer into, List<Row> rows)
    {
        into.Integer(FrameFields.Tick, to.Tick);
        into.Integer(FrameFields.Time, to.Time);
        into.Integer(FrameFields.Moment, to.Moment);
        into.Integer(FrameFields.Series, to.Series);
        // By index: the enumerators of interfaces would be allocated.
        for (var i = 0; i < to.Tables.Count; i++)
            WriteTable(to.Tables[i].Info, from.Find(to.Tables[i].Info), to.Tables[i], into, rows);
        for (var i = 0; i < from.Tables.Count; i++)
        {
            if (to.Find(from.Tables[i].Info) is null)
                WriteTable(from.Tables[i].Info, from.Tables[i], null, into, rows);
        }
    }

    private void WriteTable(
        TableInfo info, SnapshotTable? from, SnapshotTable? to, ProtoBuffer into, List<Row> rows)
    {
        var now = from is null ? [] : from.Rows;
        var then = to is null ? [] : to.Rows;
        if (now.IsEmpty && then.IsEmpty)
            return;
        var before = into.Position;
        var start = into.Open(FrameFields.FirstTable + tables.Of(info));
        if (AreSame(now, then))
        {
            into.Varint(FrameFields.SameRows);
            if (!WriteSame(from!, to!, into))
            {
                into.RewindTo(before);
                return;
            }
        }
        else
        {
            into.Varint(FrameFields.OtherRows);
            FindPlaces(now, then);
            WriteRows(then, to, into, rows);
            WriteMoved(from, to, into);
        }
        into.Close(start);
    }

    private static bool AreSame(ReadOnlySpan<Row> now, ReadOnlySpan<Row> then)
    {
        if (now.Length != then.Length)
            return false;
        for (var i = 0; i < now.Length; i++)
        {
            if (!ReferenceEquals(now[i], then[i]))
                return false;
        }
        return true;
    }

    /// <returns>False where no cell differs.</returns>
    private static bool WriteSame(SnapshotTable from, SnapshotTable to, ProtoBuffer into)
    {
        var lastColumn = -1;
        for (var column = 0; column < to.Info.Width; column++)
        {
            var now = from.Column(column);
            var then = to.Column(column);
            var last = -1;
            for (var i = now.CommonPrefixLength(then); i < now.Length;
                i += 1 + now[(i + 1)..].CommonPrefixLength(then[(i + 1)..]))
            {
                if (last < 0)
                    into.Varint((ulong)(column - lastColumn));
                into.Varint((ulong)(i - last));
                into.Varint(FrameFields.Signed(unchecked(then[i] - now[i])));
                last = i;
            }
            if (last < 0)
                continue;
            into.Varint(0);
            lastColumn = column;
        }
        into.Varint(0);
        return lastColumn >= 0;
    }

    private void WriteMoved(SnapshotTable? from, SnapshotTable? to, ProtoBuffer into)
    {
        var lastColumn = -1;
        for (var column = 0; column < to?.Info.Width && from is not null; column++)
        {
            var now = from.Column(column);
            var then = to.Column(column);
            var last = -1;
            for (var i = 0; i < then.Length; i++)
            {
                if (_places[i] < 0 || now[_places[i]] == then[i])
                    continue;
                if (last < 0)
                    into.Varint((ulong)(column - lastColumn));
                into.Varint((ulong)(i - last));
                into.Varint(FrameFields.Signed(unchecked(then[i] - now[_places[i]])));
                last = i;
            }
            if (last < 0)
                continue;
            into.Varint(0);
            lastColumn = column;
        }
        into.Varint(0);
    }

    // As a rule rows are born and die, and keep their order.
    private void FindPlaces(ReadOnlySpan<Row> now, ReadOnlySpan<Row> then)
    {
        Grow(ref _places, then.Length);
        Grow(ref _taken, now.Length);
        _taken.AsSpan(0, now.Length).Clear();
        var next = 0;
        for (var i = 0; i < then.Length; i++)
        {
            var place = next < now.Length && ReferenceEquals(now[next], then[i]) ? next : PlaceOf(then[i], now);
            if (place >= 0 && _taken[place])
                place = -1;
            _places[i] = place;
            if (place < 0)
                continue;
            _taken[place] = true;
            next = place + 1;
        }
        _index.Clear();
        if (_index.Capacity > ManyRows)
            _index.TrimExcess();
    }

    private int PlaceOf(Row row, ReadOnlySpan<Row> now)
    {
        if (_index.Count == 0)
        {
            for (var i = 0; i < now.Length; i++)
                _index.TryAdd(now[i], i);
        }
        return _index.GetValueOrDefault(row, -1);
    }

    private void WriteRows(ReadOnlySpan<Row> then, SnapshotTable? to, ProtoBuffer into, List<Row> rows)
    {
        var expected = 0;
        for (int i = 0, count; i < then.Length; i += count)
        {
            count = 1;
            var place = _places[i];
            if (place < 0)
            {
                while (i + count < then.Length && _places[i + count] < 0)
                    count++;
                into.Varint(((ulong)count << 1) | 1);
                for (var k = i; k < i + count; k++)
                    rows.Add(then[k]);
                WriteCells(to!, i, count, into);
                continue;
            }
            while (i + count < then.Length && _places[i + count] == place + count)
                count++;
            into.Varint((ulong)count << 1);
            into.Varint(FrameFields.Signed(place - expected));
            expected = place + count;
        }
        into.Varint(0);
    }

    private static void WriteCells(SnapshotTable to, int first, int count, ProtoBuffer into)
    {
        for (var column = 0; column < to.Info.Width; column++)
        {
            foreach (var cell in to.Column(column).Slice(first, count))
                into.Varint(FrameFields.Cell(cell));
        }
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length || array.Length > Math.Max(ManyRows, length * 8))
            array = new T[length];
    }
}
