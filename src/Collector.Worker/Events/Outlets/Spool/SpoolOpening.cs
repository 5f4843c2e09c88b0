namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// Finds out what an earlier run left in a folder: it may have ended at any moment, and the disk may have forgotten.
/// </summary>
internal static class SpoolOpening
{
    /// <returns>The segments, the place of the oldest record in the first, and the number of the next record.</returns>
    public static (List<Segment> Segments, SpoolPlace Head, ulong Next) Open(string folder, SpoolFigures figures)
    {
        var segments = new DirectoryInfo(folder).EnumerateFiles($"*{Segment.Extension}").Select(Segment.Of)
            .OfType<Segment>().OrderBy(s => s.First).ToList();
        var cursor = SpoolCursor.Read(folder);
        if (cursor is { } at)
            DeleteDelivered(segments, at);
        var next = EndOf(segments, cursor, figures);
        if (segments.Count == 0)
        {
            SpoolCursor.Delete(folder);
            return (segments, new(next, Segment.HeaderSize), next);
        }
        var first = segments[0];
        var head = cursor is { } c && c.Segment == first.First && c.Head >= first.First && c.Head <= next
            && c.Offset >= Segment.HeaderSize && c.Offset <= first.Length
            ? new SpoolPlace(c.Head, c.Offset)
            : new SpoolPlace(first.First, Segment.HeaderSize);
        if (head.Number == next)
        {
            // All that the disk still has was delivered: it forgot what came after.
            foreach (var segment in segments)
                File.Delete(segment.Path);
            SpoolCursor.Delete(folder);
            return ([], new(next, Segment.HeaderSize), next);
        }
        figures.Find((long)(next - head.Number));
        return (segments, head, next);
    }

    private static void DeleteDelivered(List<Segment> segments, SpoolCursor cursor)
    {
        foreach (var segment in segments.Where(s => s.First < cursor.Segment))
            File.Delete(segment.Path);
        segments.RemoveAll(s => s.First < cursor.Segment);
    }

    /// <summary>
    /// How far the last segment goes: behind its last whole record it is cut. Of the others the names tell.
    /// </summary>
    private static ulong EndOf(List<Segment> segments, SpoolCursor? cursor, SpoolFigures figures)
    {
        if (segments.Count == 0)
            return Math.Max(1, cursor?.Head ?? 1);
        var last = segments[^1];
        var (end, next) = ((long)Segment.HeaderSize, last.First);
        if (last.IsOurs())
        {
            using var reader = new SegmentReader(last, Segment.HeaderSize);
            while (reader.Next(next, ulong.MaxValue, out var record, out _))
                (end, next) = (reader.Offset, record.Number + 1);
        }
        if (end < last.Length)
        {
            // Nobody can tell how many events these bytes were: at least one.
            figures.Find(1);
            figures.Lose(SpoolLoss.Corrupt, 1);
        }
        if (next == last.First)
        {
            segments.Remove(last);
            File.Delete(last.Path);
            return next;
        }
        if (end < last.Length)
        {
            using var file = new FileStream(last.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.SetLength(end);
            last.Length = end;
        }
        return next;
    }
}
