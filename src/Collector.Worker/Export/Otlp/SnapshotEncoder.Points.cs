using System.Buffers.Binary;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>The loops over cells.</summary>
internal sealed partial class SnapshotEncoder
{
    /// <summary>A one-byte tag and eight bytes.</summary>
    private const int Fixed64Size = 9;

    private bool WriteNumbers(MetricGroup group, MetricColumn column, SnapshotTable table)
    {
        var metric = column.Metric;
        var rows = table.Rows;
        var values = table.Column(metric);
        var hasStart = group.Kind != InstrumentKind.Gauge;
        var isInteger = metric.Scale == 1;
        for (; _at.Row < rows.Length; _at = _at with { Row = _at.Row + 1 })
        {
            var value = values[_at.Row];
            if (value == Metric.Absent)
                continue;
            var row = rows[_at.Row];
            var start = hasStart ? StartOf(row, metric.Column) : 0;
            if (group.IsDelta && !TryDelta(row, metric.Column, ref value, ref start))
                continue;
            var attributes = RowAttributes.Of(row);
            var own = attributes.ForNumber;
            var tags = column.Tags.ForNumber;
            var size = own.Length + tags.Length + (start != 0 ? 3 : 2) * Fixed64Size;
            if (!TryTake(group, attributes, size, out var point))
                return false;
            if (point.IsEmpty)
                continue;
            point = PutTimes(point, start);
            if (isInteger)
                Proto.PutFixed64(point, OtlpFields.NumberAsInt, value);
            else
                Proto.PutDouble(point, OtlpFields.NumberAsDouble, Metric.Scaled(value, metric.Scale));
            own.CopyTo(point[Fixed64Size..]);
            tags.CopyTo(point[(Fixed64Size + own.Length)..]);
        }
        return true;
    }

    private bool WriteHistograms(MetricGroup group, MetricColumn column, SnapshotTable table)
    {
        var rows = table.Rows;
        var buckets = column.Metric.Width - 1;
        var countsSize = 1 + Proto.VarintSize((ulong)(buckets * 8)) + buckets * 8;
        for (; _at.Row < rows.Length; _at = _at with { Row = _at.Row + 1 })
        {
            if (!Cells.IsWhole(table, column.Metric, _at.Row))
                continue;
            var row = rows[_at.Row];
            var start = StartOf(row, column.Metric);
            if (group.IsDelta && !TryBaseline(row, column.Metric, table, start))
                continue;
            var attributes = RowAttributes.Of(row);
            var own = attributes.ForHistogram;
            var tags = column.Tags.ForHistogram;
            var fixedSize = own.Length + tags.Length + column.Bounds.Length + countsSize
                + (start != 0 ? 4 : 3) * Fixed64Size;
            var size = fixedSize + PickExemplars(row, column.Metric);
            if (!TryTake(group, attributes, size, out var point))
                return false;
            if (point.IsEmpty)
                continue;
            PutExemplars(point[fixedSize..]);
            own.CopyTo(point);
            tags.CopyTo(point[own.Length..]);
            point = point[(own.Length + tags.Length)..];
            column.Bounds.CopyTo(point);
            PutHistogram(point[column.Bounds.Length..], group, column.Metric, table, row, start);
        }
        return true;
    }

    /// <summary>Times, counts, total and sum of a histogram; delta takes off what was accepted before.</summary>
    private void PutHistogram(
        Span<byte> point, MetricGroup group, Metric metric, SnapshotTable table, Row row, long start)
    {
        var cells = group.IsDelta ? DeltaCells.Of(row) : null;
        var buckets = metric.Width - 1;
        var began = start;
        // A reset of any column means that the whole histogram began anew: none may mix two lives.
        var anew = cells is not null && BeganAnew(cells, metric, table, start);
        var counts = point[((start != 0 ? 4 : 3) * Fixed64Size)..];
        counts[0] = (byte)Proto.Tag(OtlpFields.HistogramBucketCounts, WireType.Length);
        counts = counts[(1 + Proto.PutVarint(counts[1..], (ulong)(buckets * 8)))..];
        long total = 0, sum = 0;
        for (var i = 0; i <= buckets; i++)
        {
            var value = table.Column(metric.Column + i)[_at.Row];
            if (cells is not null && !anew)
            {
                began = start;
                value = cells.Since(metric.Column + i, value, ref began);
            }
            if (i == buckets)
            {
                sum = value;
                break;
            }
            total += value;
            BinaryPrimitives.WriteInt64LittleEndian(counts[(i * 8)..], value);
        }
        point = PutTimes(point, began);
        Proto.PutFixed64(point, OtlpFields.HistogramCount, total);
        Proto.PutDouble(point[Fixed64Size..], OtlpFields.HistogramSum, Metric.Scaled(sum, metric.Scale));
    }

    /// <summary>
    /// Writes start (unless 0) and time; returns what follows them. After the clock was set back, a start noted before
    /// lies in the future until the clock has caught up: a point whose start is after its time is refused.
    /// </summary>
    private Span<byte> PutTimes(Span<byte> point, long start)
    {
        if (start != 0)
            point = point[Proto.PutFixed64(point, OtlpFields.PointStartTime, Math.Min(start, _snapshot!.Time))..];
        return point[Proto.PutFixed64(point, OtlpFields.PointTime, _snapshot!.Time)..];
    }
}
