using System.Text;
using System.Text.Json;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets.Spool;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder.Files;

/// <summary>What goes into a file.</summary>
/// <param name="Header">JSON: who recorded, what, and what doctor says.</param>
/// <param name="Collections">Null before the first.</param>
/// <param name="Events">The oldest first.</param>
internal sealed record RecordContents(
    string Header, Recording? Collections, IReadOnlyList<NumberedEvent> Events);

/// <summary>
/// Writes a recording's file piece by piece: what follows is made when what came before was taken. Collections go
/// into it as they are in memory, from the newest on, so that a file that was cut off has the newest.
/// </summary>
/// <param name="contents">What is written.</param>
/// <param name="mask">Puts others in the place of addresses; null: they stay.</param>
internal sealed class RecordFileWriter(RecordContents contents, AddressMask? mask = null)
{
    /// <summary>Size from which on a block is closed.</summary>
    private const int UsualSize = 1 << 20;

    private readonly ProtoBuffer _buffer = new(64 * 1024);
    private readonly Dictionary<Subject, int> _subjects = [];
    private readonly Dictionary<Row, int> _rows = [];
    private TableNumbers _tables = new();

    /// <summary>The pieces; for one reading.</summary>
    public IEnumerable<byte[]> Pieces()
    {
        yield return RecordBlock.Start();
        yield return RecordBlock.Pack(RecordBlockKind.Header, Header());
        foreach (var piece in Events())
            yield return piece;
        if (contents.Collections is { } recording)
        {
            foreach (var piece in Collections(recording))
                yield return piece;
        }
        yield return RecordBlock.Pack(RecordBlockKind.End, []);
    }

    private byte[] Header()
    {
        if (mask is not { } its)
            return Encoding.UTF8.GetBytes(contents.Header);
        // Text by text: an address that is behind an escape (\n, \u0027) would look like a part of it.
        using var header = JsonDocument.Parse(contents.Header);
        return JsonStrings.Map(header.RootElement, its.Text);
    }

    private IEnumerable<byte[]> Events()
    {
        _buffer.Clear();
        foreach (var (number, e) in contents.Events)
        {
            var start = _buffer.Open(1);
            _buffer.Integer(1, unchecked((long)number));
            var its = _buffer.Open(2);
            EventCodec.Write(mask?.Event(e) ?? e, _buffer);
            _buffer.Close(its);
            _buffer.Close(start);
            if (_buffer.Position >= UsualSize)
                yield return Close(RecordBlockKind.Events);
        }
        if (_buffer.Position > 0)
            yield return Close(RecordBlockKind.Events);
    }

    private IEnumerable<byte[]> Collections(Recording recording)
    {
        _tables = new(recording.Tables);
        var newest = Newest(recording.Newest);
        _buffer.Clear();
        RecordTables.Write(_tables.Tables, _buffer);
        yield return Close(RecordBlockKind.Tables);
        foreach (var piece in Frames(newest, 0))
            yield return piece;
        for (var i = recording.Parts.Count - 1; i >= 0; i--)
        {
            var part = recording.Parts[i];
            var first = 0;
            while (first < part.Count && part.Places[first].Moment < recording.Oldest)
                first++;
            if (first == part.Count)
                break;
            foreach (var piece in Frames(part, first))
                yield return piece;
        }
    }

    /// <summary>The newest collection as a record for a reader who has none.</summary>
    private RecordedPart Newest(Snapshot newest)
    {
        var rows = new List<Row>();
        var record = new ProtoBuffer(64 * 1024);
        new FrameWriter(_tables).Write(new Snapshot(), newest, record, rows);
        return new(record.Written.ToArray(),
            [new(0, record.Position, 0, rows.Count, newest.Time, newest.Moment)], 1, [.. rows]);
    }

    private IEnumerable<byte[]> Frames(RecordedPart part, int first)
    {
        var (begin, firstRow) = (part.Places[first].Start, part.Places[first].FirstRow);
        var (end, endRow) = (part.Places[part.Count - 1].Start + part.Places[part.Count - 1].Length,
            part.Places[part.Count - 1].FirstRow + part.Places[part.Count - 1].Rows);
        _buffer.Clear();
        for (var i = firstRow; i < endRow; i++)
        {
            Name(part.Rows[i]);
            if (_buffer.Position >= UsualSize)
                yield return Close(RecordBlockKind.Rows);
        }
        if (_buffer.Position > 0)
            yield return Close(RecordBlockKind.Rows);
        _buffer.Bytes(1, part.Bytes.AsSpan(begin, end - begin));
        for (var i = firstRow; i < endRow; i++)
            _buffer.Integer(2, _rows[part.Rows[i]]);
        for (var i = first; i < part.Count; i++)
        {
            var place = part.Places[i];
            var start = _buffer.Open(3);
            _buffer.Integer(1, place.Length);
            _buffer.Integer(2, place.Rows);
            _buffer.Integer(3, place.Time);
            _buffer.Integer(4, place.Moment);
            _buffer.Close(start);
        }
        yield return Close(RecordBlockKind.Frames);
    }

    private byte[] Close(RecordBlockKind kind)
    {
        var block = RecordBlock.Pack(kind, _buffer.Written);
        _buffer.Clear();
        return block;
    }

    private void Name(Row row)
    {
        if (!_rows.TryAdd(row, _rows.Count))
            return;
        if (row.Subject is { } subject && _subjects.TryAdd(subject, _subjects.Count))
            Write(subject);
        var start = _buffer.Open(2);
        _buffer.Integer(1, _tables.Of(row.Table));
        _buffer.Integer(2, row.Subject is null ? 0 : _subjects[row.Subject] + 1);
        _buffer.Integer(3, row.StartTime);
        foreach (var tag in row.Tags)
        {
            if (tag.IsNumber)
                _buffer.Integer(4, tag.Number);
            else
                _buffer.Text(5, mask?.Text(tag.Text) ?? tag.Text);
        }
        _buffer.Close(start);
    }

    private void Write(Subject subject)
    {
        var start = _buffer.Open(1);
        var its = _buffer.Open(1);
        SubjectCodec.Write(mask?.Subject(subject) ?? subject, _buffer);
        _buffer.Close(its);
        if (subject is NetNamespace { Rootless: var rootless })
            _buffer.Integer(2, rootless ? 1 : 0);
        _buffer.Close(start);
    }
}
