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

    // Open to the process's end. Null where there is none: Windows, macOS.
    private static readonly SafeFileHandle? Statm = File.Exists(Path) ? File.OpenHandle(Path) : null;

    /// <summary>Bytes.</summary>
    public static long Read()
    {
        if (Statm is null)
            return Environment.WorkingSet;
        // Pages: of all, resident ones, five numbers more.
        Span<byte> text = stackalloc byte[256];
        var line = text[..RandomAccess.Read(Statm, text, 0)];
        var resident = line[(line.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(resident, out long pages, out _) ? pages * Environment.SystemPageSize : 0;
    }
}
