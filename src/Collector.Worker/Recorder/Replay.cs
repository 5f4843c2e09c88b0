using Collector.Core.Snapshots;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder;

/// <summary>
/// A recording from its oldest collection on: each becomes the newest snapshot of a store, as in the agent, with the
/// starts of counters that fell since. Belongs to one thread.
/// </summary>
public sealed class Replay
{
    private readonly TableNumbers _tables = new();
    private readonly Stack<(byte[] Record, Row[] Rows)> _ahead = [];
    private readonly SnapshotBuilder _builder;
    private readonly Snapshot _frame;
    private int _index = -1;

    internal Replay(Recording recording)
    {
        _builder = new SnapshotBuilder(Store, TimeProvider.System);
        var writer = new FrameWriter(_tables);
        var buffer = new ProtoBuffer(4096);
        var rows = new List<Row>();
        var (earlier, later) = (recording.Begin(), recording.Begin());
        // What leads back leads forth once both ends are known.
        while (earlier.Back())
        {
            buffer.Clear();
            rows.Clear();
            writer.Write(earlier.Frame, later.Frame, buffer, rows);
            _ahead.Push((buffer.Written.ToArray(), [.. rows]));
            later.Back();
        }
        _frame = earlier.Frame;
    }

    /// <summary>Has the collection that was stepped to; leased like any.</summary>
    public SnapshotStore Store { get; } = new();

    /// <summary>Steps to the next collection, at first to the oldest.</summary>
    /// <returns>Null where there is none. Whoever needs it longer than one step takes a lease.</returns>
    public Snapshot? Next()
    {
        if (_index >= 0)
        {
            if (!_ahead.TryPop(out var next))
                return null;
            FrameReader.Apply(_frame, next.Record, next.Rows, _tables.Tables);
        }
        _index++;
        _builder.Begin(_frame.Tick, _frame.Time, _frame.Moment);
        foreach (var table in _frame.Tables)
        {
            for (var r = 0; r < table.Count; r++)
            {
                var row = _builder.Append(table.Rows[r]);
                for (var column = 0; column < table.Info.Width; column++)
                    row.Set(column, table.Column(column)[r]);
            }
        }
        return _builder.Publish();
    }

    /// <summary>Steps to a collection, which is not behind.</summary>
    /// <param name="index">Its place in <see cref="Recording.Times"/>.</param>
    public Snapshot MoveTo(int index)
    {
        Snapshot? snapshot = null;
        while (_index < index)
            snapshot = Next() ?? throw new ArgumentOutOfRangeException(nameof(index));
        return snapshot ?? throw new ArgumentOutOfRangeException(nameof(index));
    }
}
