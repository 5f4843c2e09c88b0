using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Exemplars: each leaves with the first snapshot that has it, again where a request of that was not accepted.
/// </summary>
internal sealed partial class SnapshotEncoder
{
    private readonly List<byte[]> _exemplars = [];
    private long _exemplarsUpTo;
    private int _requests;

    /// <summary>Finds what is new of a row's histogram; gives its size.</summary>
    private int PickExemplars(Row row, Metric metric)
    {
        _exemplars.Clear();
        if (!row.HasExemplars)
            return 0;
        var size = 0;
        for (var column = metric.Column; column < metric.Column + metric.Width - 1; column++)
        {
            if (row.ExemplarOf(column, _snapshot!.Tick) is not { } one || one.Tick <= _exemplarsUpTo)
                continue;
            var encoded = one.As(ExemplarForm.Otlp, OtlpExemplar.Encode);
            // The point itself must have room, however small requests have become.
            if (size + encoded.Length > _maxBytes / 4)
                break;
            _exemplars.Add(encoded);
            size += encoded.Length;
        }
        return size;
    }

    private void PutExemplars(Span<byte> point)
    {
        foreach (var encoded in _exemplars)
        {
            encoded.CopyTo(point);
            point = point[encoded.Length..];
        }
    }

    // Every request of the snapshot was accepted.
    private void NoteExemplars()
    {
        if (_snapshot is not null && _requests == 0)
            _exemplarsUpTo = _snapshot.Tick;
    }
}
