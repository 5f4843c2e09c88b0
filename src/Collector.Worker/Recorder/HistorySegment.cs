using Collector.Core.Snapshots;

namespace Collector.Worker.Recorder;

/// <summary>Where a record is in its segment, and what it leads to.</summary>
/// <param name="Start">Of its bytes.</param>
/// <param name="Length">Of its bytes.</param>
/// <param name="FirstRow">Of the rows that it names, in the segment's.</param>
/// <param name="Rows">How many it names.</param>
/// <param name="Time">Unix nanoseconds of the snapshot that it makes.</param>
/// <param name="Moment">The same by a clock that nobody sets.</param>
internal readonly record struct RecordPlace(int Start, int Length, int FirstRow, int Rows, long Time, long Moment);

/// <summary>
/// Records one after the other. One thread appends; what was there once stays as it is until the segment is cleared,
/// which it is not while somebody reads it.
/// </summary>
internal sealed class HistorySegment(int size)
{
    public const int UsualSize = 128 * 1024;

    /// <summary>An estimate: bytes of a row that only a record knows any more, and of what hangs on it.</summary>
    public const int RowCost = 512;

    private const int PlaceCost = 40;
    private const int FewPlaces = 32;

    private readonly byte[] _bytes = new byte[size];
    private RecordPlace[] _places = new RecordPlace[FewPlaces];
    private Row[] _rows = [];
    private int _used;
    private int _count;
    private int _rowCount;

    /// <summary>Those who read it; under the history's lock.</summary>
    public int Readers { get; set; }

    public int Size => _bytes.Length;

    public int Count => _count;

    public long Cost => _bytes.Length + ((long)_rowCount * RowCost) + (_places.Length * PlaceCost);

    public ReadOnlySpan<RecordPlace> Places => _places.AsSpan(0, _count);

    /// <summary>What is in it now.</summary>
    public RecordedPart Part => new(_bytes, _places, _count, _rows);

    public bool Fits(int length) => length <= _bytes.Length - _used;

    public void Append(ReadOnlySpan<byte> record, List<Row> rows, long time, long moment)
    {
        // Those who read have the arrays that were there when they came.
        if (_count == _places.Length)
            Array.Resize(ref _places, _count * 2);
        if (_rows.Length < _rowCount + rows.Count)
            Array.Resize(ref _rows, Math.Max(_rows.Length * 2, _rowCount + rows.Count));
        record.CopyTo(_bytes.AsSpan(_used));
        rows.CopyTo(_rows, _rowCount);
        _places[_count] = new(_used, record.Length, _rowCount, rows.Count, time, moment);
        _used += record.Length;
        _rowCount += rows.Count;
        _count++;
    }

    public void Clear()
    {
        _rows = [];
        _rowCount = 0;
        _used = 0;
        _count = 0;
    }
}

/// <summary>Records at rest, the oldest first.</summary>
/// <param name="Bytes">All of them.</param>
/// <param name="Places">Where each is.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Rows">The rows that they name.</param>
internal readonly record struct RecordedPart(byte[] Bytes, RecordPlace[] Places, int Count, Row[] Rows);
