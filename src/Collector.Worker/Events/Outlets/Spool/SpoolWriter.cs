using Microsoft.Win32.SafeHandles;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>Appends to the newest segment.</summary>
internal sealed class SpoolWriter(TimeProvider time) : IDisposable
{
    /// <summary>The disk is waited for no more often than this, and at the end of a segment.</summary>
    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);

    private SafeFileHandle? _file;
    private long _synced;
    private bool _dirty;

    /// <summary>What is appended to; null: the next bytes begin a new one.</summary>
    public Segment? Segment { get; private set; }

    /// <summary>Begins a new segment.</summary>
    public Segment Begin(string folder, ulong first)
    {
        Close();
        var segment = new Segment(Path.Combine(folder, Segment.NameOf(first)), first, Segment.HeaderSize);
        Span<byte> header = stackalloc byte[Segment.HeaderSize];
        Segment.WriteHeader(header);
        var file = File.OpenHandle(
            segment.Path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            RandomAccess.Write(file, header, 0);
        }
        catch (IOException)
        {
            file.Dispose();
            File.Delete(segment.Path);
            throw;
        }
        _file = file;
        return Segment = segment;
    }

    /// <summary>Appends all or nothing.</summary>
    /// <exception cref="IOException">The disk is full, or broken.</exception>
    public void Append(ReadOnlySpan<byte> records)
    {
        var segment = Segment!;
        try
        {
            RandomAccess.Write(_file!, records, segment.Length);
        }
        catch (IOException)
        {
            CutBack(segment);
            throw;
        }
        segment.Length += records.Length;
        _dirty = true; // Not waited for here: what is written is taken, whatever becomes of that.
    }

    /// <summary>Has the disk take what was appended, unless it has.</summary>
    public void Sync()
    {
        if (!_dirty || _file is null)
            return;
        RandomAccess.FlushToDisk(_file);
        _synced = time.GetTimestamp();
        _dirty = false;
    }

    public void Close()
    {
        try
        {
            Sync();
        }
        finally
        {
            _file?.Dispose();
            _file = null;
            Segment = null;
            _dirty = false;
        }
    }

    public void Dispose()
    {
        _dirty = false;
        Close();
    }

    // Part of a record would be passed over when it is read; but the next write must not land behind it.
    private void CutBack(Segment segment)
    {
        try
        {
            RandomAccess.SetLength(_file!, segment.Length);
        }
        catch (IOException)
        {
            _dirty = false;
            Close();
        }
    }
}
