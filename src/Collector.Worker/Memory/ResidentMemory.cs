using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;

namespace Collector.Worker.Memory;

/// <summary>
/// Resident memory of the agent, read without allocating: the runtime takes kilobytes of the heap and opens a file
/// every time.
/// </summary>
internal static class ResidentMemory
{
    private const string Path = "/proc/self/statm";

    // Open to the process's end. Null where there is none (Windows, macOS), or until it can be opened.
    private static SafeFileHandle? _statm;

    /// <summary>Bytes.</summary>
    public static long Read()
    {
        if ((_statm ??= TryOpen()) is not { } statm)
            return Environment.WorkingSet;
        // Pages: of all, resident ones, five numbers more.
        Span<byte> text = stackalloc byte[256];
        var line = text[..RandomAccess.Read(statm, text, 0)];
        var resident = line[(line.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(resident, out long pages, out _) ? pages * Environment.SystemPageSize : 0;
    }

    private static SafeFileHandle? TryOpen()
    {
        try
        {
            return File.Exists(Path) ? File.OpenHandle(Path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
