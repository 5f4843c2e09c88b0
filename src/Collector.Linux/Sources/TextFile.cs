using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>A text file below /proc of one namespace: opened once, read and parsed once per collection.</summary>
/// <remarks>
/// A file that does not exist (IPv6 switched off, a module not loaded) is no failure:
/// <see cref="NamespaceSource.Failure"/> stays empty, and it is looked for again with growing pauses.
/// </remarks>
public abstract class TextFile(string path) : NamespaceSource
{
    /// <summary>Failure of a file that ends in the middle of a line or in the middle of what it says it has.</summary>
    protected const string Truncated = "truncated";

    /// <summary>Failure of a file in another format than the kernel's.</summary>
    protected const string Malformed = "malformed";

    /// <summary>Failure of a file with a number that is not given because it has more than 63 bits.</summary>
    protected const string TooLarge = SnapshotBuilder.TooLarge;

    private const int LongestPause = 64;
    private ProcFile? _file;
    private int _pause;
    private int _wait;

    /// <summary>Path below /proc, for example <c>net/snmp</c>.</summary>
    public string Path { get; } = path;

    /// <summary>Takes the content over; false, with the failure set, when there is nothing in it to be used.</summary>
    protected abstract bool Parse(ReadOnlySpan<byte> content);

    protected override bool Read(NamespaceHandle handle)
    {
        if (!EnsureOpen(handle))
            return false;
        if (!handle.Buffer.TryRead(_file!, out var content, out var errno))
        {
            Close();
            Failure = errno.ToString();
            return false;
        }
        Failure = "";
        return Parse(content);
    }

    private bool EnsureOpen(NamespaceHandle handle)
    {
        if (_file is not null)
            return true;
        if (_wait > 0)
        {
            _wait--;
            return false;
        }
        try
        {
            _file = handle.OpenFile(Path);
            _pause = 0;
            return true;
        }
        catch (LinuxException e)
        {
            Failure = e.Errno == ENOENT ? "" : e.Errno.ToString();
            _pause = Math.Clamp(_pause * 2, 1, LongestPause);
            _wait = _pause;
            return false;
        }
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    protected override void Dispose(bool disposing)
    {
        Close();
        base.Dispose(disposing);
    }
}
