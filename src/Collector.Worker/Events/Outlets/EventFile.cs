using Collector.Linux.Interop;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// A file that lines are appended to. Before each write it is made sure that the path still leads to it: after a
/// rotation the next line goes to a new file, without any signal. A file that was cut to nothing (logrotate's
/// copytruncate) goes on at its new end.
/// </summary>
internal sealed class EventFile(string path) : ILineTarget
{
    // Addresses and names of processes are not everybody's business.
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private FileStream? _file;
    private FileIdentity? _identity;

    public void Write(ReadOnlySpan<byte> lines)
    {
        var file = Open();
        if (lines.IsEmpty)
            return;
        // A pipe has no end to write at.
        var end = file.CanSeek ? file.Seek(0, SeekOrigin.End) : 0;
        try
        {
            file.Write(lines);
        }
        catch (IOException)
        {
            CutBack(file, end);
            throw;
        }
    }

    public override string ToString() => path;

    public void Dispose() => Close();

    private FileStream Open()
    {
        if (_file is not null && IsStillThere())
            return _file;
        Close();
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0, // A batch is one write; nothing may wait in the process.
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = Mode;
        _file = new FileStream(path, options);
        _identity = FileIdentity.Of(_file.SafeFileHandle);
        return _file;
    }

    private bool IsStillThere() => OperatingSystem.IsLinux()
        ? _identity is not null && FileIdentity.Of(path) == _identity
        : File.Exists(path);

    // Half a line would spoil the next one as well.
    private static void CutBack(FileStream file, long end)
    {
        if (!file.CanSeek)
            return;
        try
        {
            file.SetLength(end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // A device, or the disk is broken altogether; the failure itself is being told.
        }
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }
}
