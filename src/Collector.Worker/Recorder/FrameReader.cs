using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder;

/// <summary>
/// Makes one snapshot of another by a record. The bytes are not trusted: whatever they are, it ends with an
/// <see cref="InvalidDataException"/>, and takes no more memory than a few times theirs.
/// </summary>
internal static class FrameReader
{
    /// <summary>Far above what there is.</summary>
    public const int MostTables = 4096;

    /// <summary>That a table may have in one collection: 512 MiB.</summary>
    private const long MostCells = 64L << 20;

    private const int Bits = 64;

    /// <param name="frame">What is changed; only the reader's own.</param>
    /// <param name="record">The record.</param>
    /// <param name="rows">Rows that it names.</param>
    /// <param name="tables">By number.</param>
    /// <param name="only">The one table that is changed; null: all.</param>
    /// <exception cref="InvalidDataException">The bytes are no record, or none for this snapshot.</exception>
    public static void Apply(
        Snapshot frame, ReadOnlySpan<byte> record, ReadOnlySpan<Row> rows, IReadOnlyList<RecordedTable> tables,
        TableInfo? only = null)
    {
        Span<ulong> met = stackalloc ulong[MostTables / Bits];
        met.Clear();
        var reader = new ProtoReader(record);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case FrameFields.Tick:
                    frame.Tick = unchecked((long)reader.Number);
                    break;
                case FrameFields.Time:
                    frame.Time = unchecked((long)reader.Number);
                    break;
                case FrameFields.Moment:
                    frame.Moment = unchecked((long)reader.Number);
                    break;
                case FrameFields.Series:
                    frame.Series = unchecked((long)reader.Number);
                    break;
                case >= FrameFields.FirstTable:
                    var number = reader.Field - FrameFields.FirstTable;
                    Require(number < tables.Count && number < MostTables, "it names a table that is not there");
                    ref var word = ref met[number / Bits];
                    Require(((word >> (number % Bits)) & 1) == 0, "it names a table twice");
                    word |= 1UL << (number % Bits);
                    if (only is null || tables[number].Info == only)
                        Apply(frame, tables[number], reader.Bytes, ref rows);
                    else
                        PassOver(tables[number], reader.Bytes, ref rows);
                    break;
            }
        }
        Require(!reader.Malformed, "a record ends too early");
    }

    private static void Apply(
        Snapshot frame, RecordedTable table, ReadOnlySpan<byte> bytes, ref ReadOnlySpan<Row> rows)
    {
        var numbers = new Varints(bytes);
        var kind = numbers.Next();
        Require(kind <= FrameFields.OtherRows, "rows stand in an unknown way");
        if (kind == FrameFields.OtherRows)
            Arrange(frame, table, ref numbers, ref rows);
        if (frame.Find(table.Info) is { } its)
            Change(its, table, ref numbers);
        else
            Require(numbers.Next() == 0, "cells of no row differ");
    }

    /// <summary>Takes the rows that a table names, so that those of the next are in front.</summary>
    private static void PassOver(RecordedTable table, ReadOnlySpan<byte> bytes, ref ReadOnlySpan<Row> rows)
    {
        var numbers = new Varints(bytes);
        if (numbers.Next() == FrameFields.SameRows)
            return;
        while (numbers.Next() is > 0 and var run)
        {
            var count = (int)Math.Min(run >> 1, int.MaxValue);
            var named = (run & 1) != 0;
            Require(count > 0, "a run has no rows");
            Require(!named || count <= rows.Length, "rows are missing");
            for (var left = named ? (long)count * table.Width : 1; left > 0; left--)
                numbers.Next();
            rows = named ? rows[count..] : rows;
        }
    }

    private static void Arrange(
        Snapshot frame, RecordedTable table, ref Varints numbers, ref ReadOnlySpan<Row> rows)
    {
        var before = frame.Find(table.Info);
        var after = frame.Renew(table.Info);
        var (expected, room) = (0L, before?.Count ?? 0);
        while (numbers.Next() is > 0 and var run)
        {
            var count = (int)Math.Min(run >> 1, int.MaxValue);
            Require(count > 0, "a run has no rows");
            Require(((long)after.Count + count) * Math.Max(1, after.Info.Width) <= MostCells, "a table is too large");
            if ((run & 1) != 0)
            {
                // A cell has a byte at least.
                Require(count <= rows.Length && (long)count * Math.Max(1, table.Width) <= numbers.Left,
                    "rows are missing");
                Add(after, table, rows[..count], ref numbers);
                rows = rows[count..];
                continue;
            }
            var first = expected + FrameFields.Signed(numbers.Next());
            // No row stands twice, so that nothing small becomes large.
            Require(count <= room && first >= 0 && first + count <= before?.Count,
                "rows are taken from where none are");
            room -= count;
            Take(after, before!, (int)first, count);
            expected = first + count;
        }
    }

    private static void Take(SnapshotTable after, SnapshotTable before, int first, int count)
    {
        var at = after.Count;
        foreach (var row in before.Rows.Slice(first, count))
            after.Append(row);
        for (var column = 0; column < after.Info.Width; column++)
            before.Column(column).Slice(first, count).CopyTo(after.Cells(column)[at..]);
    }

    private static void Add(
        SnapshotTable after, RecordedTable table, ReadOnlySpan<Row> rows, ref Varints numbers)
    {
        var at = after.Count;
        foreach (var row in rows)
        {
            Require(row.Table == after.Info, "a row is of another table");
            after.Append(row);
        }
        for (var column = 0; column < table.Width; column++)
        {
            var cells = after.Cells(table.Place(column))[at..];
            for (var i = 0; i < cells.Length; i++)
                cells[i] = FrameFields.Cell(numbers.Next());
        }
    }

    private static void Change(SnapshotTable its, RecordedTable table, ref Varints numbers)
    {
        var column = -1L;
        while (numbers.Next() is > 0 and var step)
        {
            column += (long)Math.Min(step, int.MaxValue);
            Require(column < table.Width, "it names a column that is not there");
            var cells = its.Cells(table.Place((int)column));
            var row = -1L;
            while (numbers.Next() is > 0 and var distance)
            {
                row += (long)Math.Min(distance, int.MaxValue);
                Require(row < cells.Length, "it names a row that is not there");
                cells[(int)row] = unchecked(cells[(int)row] + FrameFields.Signed(numbers.Next()));
            }
        }
    }

    private static void Require(bool so, string otherwise)
    {
        if (!so)
            throw new InvalidDataException(otherwise);
    }

    private ref struct Varints(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public readonly int Left => _rest.Length;

        public ulong Next()
        {
            var value = 0UL;
            for (var i = 0; i < Math.Min(10, _rest.Length); i++)
            {
                value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
                if (_rest[i] >= 0x80)
                    continue;
                _rest = _rest[(i + 1)..];
                return value;
            }
            throw new InvalidDataException("a number ends too early");
        }
    }
}
