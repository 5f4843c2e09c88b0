using System.Buffers.Binary;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets.Spool;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder.Files;

/// <summary>Who reads a recording.</summary>
/// <param name="Version">Of the program, for messages.</param>
/// <param name="Tables">Those that it knows.</param>
/// <param name="Kinds">Kinds of events that it knows.</param>
internal sealed record RecordReaderOptions(
    string Version, IReadOnlyList<TableInfo> Tables, IReadOnlyList<EventInfo> Kinds);

/// <summary>
/// A recording's file, read whole. What is in front of a damage can be used; the bytes are not trusted.
/// </summary>
internal sealed class RecordFile
{
    /// <summary>No recording comes near: recorder.memory has 256 MiB at most.</summary>
    public const long LargestSize = 512L << 20;

    // Far above what there is, too: a few bytes of a file must not become much more here.
    private const int MostEvents = 1_000_000;
    private const int MostPlaces = 200_000;
    private const int MostRows = 4_000_000;
    private const int MostNamed = 16_000_000;

    private readonly RecordReaderOptions _options;
    private readonly ILookup<string, EventInfo> _kinds;
    private readonly List<NumberedEvent> _events = [];
    private readonly List<Subject> _subjects = [];
    private readonly List<Row> _rows = [];
    private readonly List<RecordedPart> _parts = [];
    private List<RecordedTable>? _tables;
    private JsonElement _header;
    private long _size;
    private int _places;
    private int _named;

    private RecordFile(RecordReaderOptions options)
    {
        _options = options;
        _kinds = options.Kinds.ToLookup(k => k.Name);
    }

    /// <summary>JSON: who recorded, what, and what doctor says.</summary>
    public JsonElement Header => _header;

    /// <summary>The name of the node that it is of; "" where it has none.</summary>
    public string Node => Text("node");

    /// <summary>Null where it has none.</summary>
    public Recording? Collections { get; private set; }

    /// <summary>The oldest first.</summary>
    public IReadOnlyList<NumberedEvent> Events => _events;

    /// <summary>What is wrong with it; null where nothing is.</summary>
    public string? Damage { get; private set; }

    /// <summary>A text of the header; "" where it has none.</summary>
    public string Text(string name) =>
        _header.ValueKind == JsonValueKind.Object && _header.TryGetProperty(name, out var value) ? $"{value}" : "";

    /// <exception cref="InvalidDataException">It is no recording, or nothing of it can be used.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for want of a right.</exception>
    public static RecordFile Open(string path, RecordReaderOptions options)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return Read(file, options);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <param name="file">From its first byte on; one that tells its length.</param>
    /// <param name="options">Who reads it.</param>
    /// <exception cref="InvalidDataException">It is no recording, or nothing of it can be used.</exception>
    public static RecordFile Read(Stream file, RecordReaderOptions options)
    {
        CheckStart(file, options);
        var its = new RecordFile(options);
        try
        {
            while (its.Take(RecordBlock.Read(file, out var kind), kind))
            {
            }
        }
        catch (InvalidDataException e)
        {
            its.Damage = e.Message;
        }
        if (its._header.ValueKind == JsonValueKind.Undefined)
            throw new InvalidDataException($"nothing of this recording can be read: {its.Damage ?? "it is empty"}");
        its.End();
        return its;
    }

    private static void CheckStart(Stream file, RecordReaderOptions options)
    {
        var start = new byte[RecordBlock.Mark.Length + sizeof(int)];
        if (file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length
            || !start.AsSpan().StartsWith(RecordBlock.Mark))
            throw new InvalidDataException("it is no recording of netlens");
        var version = BinaryPrimitives.ReadInt32LittleEndian(start.AsSpan(RecordBlock.Mark.Length));
        if (version != RecordBlock.Version)
        {
            throw new InvalidDataException($"it is a recording of format {version}; this version of netlens "
                + $"({options.Version}) reads format {RecordBlock.Version}");
        }
        if (!file.CanSeek)
            throw new InvalidDataException("it is a pipe; a recording is read from a file");
        if (file.Length > LargestSize)
        {
            throw new InvalidDataException($"it has {file.Length >> 20} MiB, more than any recording has "
                + $"({LargestSize >> 20} MiB)");
        }
    }

    /// <returns>False at the end.</returns>
    private bool Take(byte[] bytes, RecordBlockKind kind)
    {
        _size += bytes.Length;
        if (_size > LargestSize)
            throw new InvalidDataException("it has more than any recording has");
        switch (kind)
        {
            case RecordBlockKind.Header:
                TakeHeader(bytes);
                break;
            case RecordBlockKind.Events:
                TakeEvents(bytes);
                break;
            case RecordBlockKind.Tables:
                _tables = RecordTables.Read(bytes, _options.Tables);
                break;
            case RecordBlockKind.Rows:
                TakeRows(bytes);
                break;
            case RecordBlockKind.Frames:
                TakeFrames(bytes);
                break;
        }
        return kind != RecordBlockKind.End;
    }

    private void TakeHeader(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException("its header is no JSON object");
            // What is no text would end whoever asks for it.
            using var readable = JsonDocument.Parse(JsonStrings.Map(document.RootElement, static text => text));
            _header = readable.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("its header is no JSON", e);
        }
    }

    private void TakeEvents(byte[] bytes)
    {
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            var (number, e) = (0UL, (NetworkEvent?)null);
            var its = new ProtoReader(reader.Bytes);
            while (its.Next())
            {
                if (its.Field == 1)
                    number = its.Number;
                else if (its.Field == 2)
                    e = EventCodec.Read(its.Bytes);
            }
            if (_events.Count == MostEvents)
                throw new InvalidDataException("it has more events than any recording has");
            _events.Add(new(number, Known(e ?? throw new InvalidDataException("an event is none"))));
        }
    }

    /// <summary>With the program's own kind, where it has the same.</summary>
    private NetworkEvent Known(NetworkEvent e)
    {
        foreach (var kind in _kinds[e.Info.Name])
        {
            if (kind.Fields.SequenceEqual(e.Info.Fields))
                return e with { Info = kind, Severity = e.Severity };
        }
        return e;
    }

    private void TakeRows(byte[] bytes)
    {
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (_subjects.Count + _rows.Count == MostRows)
                throw new InvalidDataException("it has more rows than any recording has");
            if (reader.Field == 1)
                _subjects.Add(ReadSubject(reader.Bytes));
            else if (reader.Field == 2)
                _rows.Add(ReadRow(reader.Bytes));
        }
        if (reader.Malformed)
            throw new InvalidDataException("a row ends too early");
    }

    private static Subject ReadSubject(ReadOnlySpan<byte> bytes)
    {
        var (subject, rootless, isNamespace) = ((Subject?)null, false, false);
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field == 1)
                subject = SubjectCodec.Read(reader.Bytes);
            else if (reader.Field == 2)
                (rootless, isNamespace) = (reader.Number != 0, true);
        }
        if (subject is null)
            throw new InvalidDataException("a subject is none");
        return isNamespace
            ? new NetNamespace(subject.Inode, subject.Generation, subject.IsHost, subject.StartTime, subject.Names)
            {
                Cookie = subject.Cookie, HostNetwork = subject.HostNetwork, Rootless = rootless,
            }
            : subject;
    }

    private Row ReadRow(ReadOnlySpan<byte> bytes)
    {
        var (table, subject, start) = ((TableInfo?)null, (Subject?)null, 0L);
        var tags = new List<TagValue>();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    table = reader.Number < (ulong)(_tables?.Count ?? 0) ? _tables![(int)reader.Number].Info : null;
                    break;
                case 2 when reader.Number > 0:
                    subject = reader.Number <= (ulong)_subjects.Count
                        ? _subjects[(int)reader.Number - 1]
                        : throw new InvalidDataException("a row is of nobody");
                    break;
                case 3:
                    start = unchecked((long)reader.Number);
                    break;
                case 4:
                    tags.Add(unchecked((long)reader.Number));
                    break;
                case 5:
                    tags.Add(reader.Text);
                    break;
            }
        }
        if (table is null || tags.Count != table.RowTags.Count)
            throw new InvalidDataException("a row is of no table");
        return new(table, subject, start, [.. tags]);
    }

    private void TakeFrames(byte[] bytes)
    {
        if (_tables is null)
            throw new InvalidDataException("there are collections before tables");
        byte[]? records = null;
        var rows = new List<Row>();
        var places = new List<RecordPlace>();
        var (start, firstRow) = (0, 0);
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    // Places were looked up in the first.
                    records = records is null
                        ? reader.Bytes.ToArray()
                        : throw new InvalidDataException("records are there twice");
                    break;
                case 2:
                    if (++_named > MostNamed)
                        throw new InvalidDataException("it names more rows than any recording does");
                    rows.Add(reader.Number < (ulong)_rows.Count
                        ? _rows[(int)reader.Number]
                        : throw new InvalidDataException("it names a row that is not there"));
                    break;
                case 3:
                    var place = ReadPlace(reader.Bytes, start, firstRow);
                    if (place.Length > (records?.Length ?? 0) - start || place.Rows > rows.Count - firstRow)
                        throw new InvalidDataException("a record is not there");
                    if (++_places > MostPlaces)
                        throw new InvalidDataException("it has more collections than any recording has");
                    places.Add(place);
                    (start, firstRow) = (start + place.Length, firstRow + place.Rows);
                    break;
            }
        }
        if (reader.Malformed || places.Count == 0)
            throw new InvalidDataException("a record ends too early");
        _parts.Add(new(records!, [.. places], places.Count, [.. rows]));
    }

    private static RecordPlace ReadPlace(ReadOnlySpan<byte> bytes, int start, int firstRow)
    {
        Span<ulong> numbers = stackalloc ulong[5];
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field is > 0 and < 5)
                numbers[reader.Field] = reader.Number;
        }
        return new(start, (int)Math.Min(numbers[1], int.MaxValue), firstRow, (int)Math.Min(numbers[2], int.MaxValue),
            unchecked((long)numbers[3]), unchecked((long)numbers[4]));
    }

    // The first part is the newest collection as a whole. Each record is tried once: who reads later finds no fault.
    private void End()
    {
        if (_parts.Count == 0)
            return;
        var newest = new Snapshot();
        var first = _parts[0];
        try
        {
            FrameReader.Apply(newest, first.Bytes.AsSpan(0, first.Places[0].Length),
                first.Rows.AsSpan(0, first.Places[0].Rows), _tables!);
        }
        catch (InvalidDataException e)
        {
            Damage ??= e.Message;
            return;
        }
        var parts = _parts[1..];
        parts.Reverse();
        var whole = new Recording(_tables!, parts, newest, long.MinValue);
        var cursor = whole.Begin();
        var (good, tick) = (0, newest.Tick);
        try
        {
            for (; cursor.Back(); good++)
            {
                if (cursor.Frame.Tick >= tick)
                    throw new InvalidDataException("a collection is not older than the one behind it");
                tick = cursor.Frame.Tick;
            }
            Collections = whole;
        }
        catch (InvalidDataException e)
        {
            Damage = e.Message;
            Collections = new Recording(_tables!, Newest(parts, good), newest, long.MinValue);
        }
    }

    /// <summary>So many records from the end.</summary>
    private static List<RecordedPart> Newest(List<RecordedPart> parts, int count)
    {
        var kept = new List<RecordedPart>();
        for (var i = parts.Count - 1; i >= 0 && count > 0; i--)
        {
            var its = Math.Min(count, parts[i].Count);
            kept.Insert(0, parts[i] with { Places = parts[i].Places[^its..], Count = its });
            count -= its;
        }
        return kept;
    }
}
