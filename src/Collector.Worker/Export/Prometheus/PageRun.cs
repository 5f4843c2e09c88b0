using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>One page being written. The loops here are the hot path: no allocation, no string.</summary>
internal ref struct PageRun(Snapshot snapshot, PagePlan plan, PooledPage page)
{
    private SeriesSet _seen;

    public int Series { get; private set; }

    public int Duplicates { get; private set; }

    /// <summary>
    /// Writes all samples of a family in one piece, wherever they come from; nothing where there are none.
    /// </summary>
    public void Write(FamilyPlan family)
    {
        var rows = 0;
        foreach (var column in family.Columns)
            rows += snapshot.Find(column.Metric.Table)?.Count ?? 0;
        if (rows == 0)
            return;
        _seen.Begin(rows);
        var before = Series;
        foreach (var column in family.Columns)
        {
            if (snapshot.Find(column.Metric.Table) is not { } table)
                continue;
            if (column.Histogram is { } histogram)
                WriteHistogram(family, column, histogram, table, before);
            else
                WriteNumbers(family, column, table, before);
        }
    }

    public readonly void Dispose() => _seen.Dispose();

    private void WriteNumbers(FamilyPlan family, ColumnPlan column, SnapshotTable table, int before)
    {
        var cells = table.Column(column.Metric.Column);
        var rows = table.Rows;
        for (var i = 0; i < cells.Length; i++)
        {
            if (cells[i] == Metric.Absent || !Admit(family, column, rows[i], before, out var labels))
                continue;
            if (column.Scale == 1)
                Line(column.Name, labels, column.End, cells[i]);
            else
                Line(column.Name, labels, column.End, Metric.Scaled(cells[i], column.Scale));
            if (column.Created is not null)
                CreatedLine(column, labels, rows[i].StartTimeOf(column.Metric.Column));
        }
    }

    private void WriteHistogram(
        FamilyPlan family, ColumnPlan column, HistogramPlan plan, SnapshotTable table, int before)
    {
        var rows = table.Rows;
        for (var i = 0; i < rows.Length; i++)
        {
            if (!Cells.IsWhole(table, column.Metric, i) || !Admit(family, column, rows[i], before, out var labels))
                continue;
            var first = column.Metric.Column;
            var count = 0L;
            for (var b = 0; b < plan.BucketEnds.Length; b++)
            {
                count += table.Column(first + b)[i];
                Line(plan.Bucket, labels, plan.BucketEnds[b], count, ExemplarOf(rows[i], first + b));
            }
            var sum = table.Column(first + plan.BucketEnds.Length)[i];
            if (column.Scale == 1)
                Line(plan.Sum, labels, column.End, sum);
            else
                Line(plan.Sum, labels, column.End, Metric.Scaled(sum, column.Scale));
            Line(plan.Count, labels, column.End, count);
            if (column.Created is not null)
                CreatedLine(column, labels, StartOf(rows[i], column.Metric));
        }
    }

    /// <summary>
    /// True for a series that the page does not have yet. The family's header goes before its first one.
    /// </summary>
    private bool Admit(FamilyPlan family, ColumnPlan column, Row row, int before, out byte[] labels)
    {
        var encoded = plan.Labels.For(row);
        var block = column.Legacy ? encoded.Legacy : encoded.Derived;
        labels = block.Bytes;
        if (!_seen.Add(block, column.Tags))
        {
            Duplicates++;
            return false;
        }
        if (Series == before)
            page.Write(family.Header);
        Series++;
        return true;
    }

    /// <summary>The latest start of its columns: a reset of one bucket is a reset of the histogram.</summary>
    private static long StartOf(Row row, Metric metric)
    {
        var start = row.StartTime;
        for (var column = metric.Column; column < metric.Column + metric.Width; column++)
            start = Math.Max(start, row.StartTimeOf(column));
        return start;
    }

    private readonly void CreatedLine(ColumnPlan column, byte[] labels, long start)
    {
        if (start <= 0)
            return;
        var line = Begin(column.Created, labels, column.End, out var length);
        length += PrometheusText.WriteTime(line[length..], start);
        Finish(line, length);
    }

    private readonly void Line(
        byte[] name, byte[] labels, byte[] end, long value, ReadOnlySpan<byte> exemplar = default)
    {
        var line = Begin(name, labels, end, out var length, exemplar.Length);
        length += PrometheusText.WriteNumber(line[length..], value);
        exemplar.CopyTo(line[length..]);
        Finish(line, length + exemplar.Length);
    }

    // The text format has none.
    private readonly ReadOnlySpan<byte> ExemplarOf(Row row, int column) =>
        row.HasExemplars && plan.Kind.Format is PrometheusFormat.OpenMetrics
            ? row.ExemplarOf(column, snapshot.Tick)?.As(ExemplarForm.OpenMetrics, PrometheusExemplar.Encode)
            : default;

    private readonly void Line(byte[] name, byte[] labels, byte[] end, double value)
    {
        var line = Begin(name, labels, end, out var length);
        length += PrometheusText.WriteNumber(line[length..], value);
        Finish(line, length);
    }

    private readonly Span<byte> Begin(byte[]? name, byte[] labels, byte[] end, out int length, int more = 0)
    {
        length = name!.Length + labels.Length + end.Length;
        var line = page.GetSpan(length + PrometheusText.NumberLength + more);
        name.CopyTo(line);
        labels.CopyTo(line[name.Length..]);
        end.CopyTo(line[(name.Length + labels.Length)..]);
        return line;
    }

    private readonly void Finish(Span<byte> line, int length)
    {
        line[length++] = (byte)'\n';
        page.Advance(length);
    }
}
