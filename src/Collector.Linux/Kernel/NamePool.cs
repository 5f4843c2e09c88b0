using System.Text;
using CommunityToolkit.HighPerformance.Buffers;

namespace Collector.Linux.Kernel;

/// <summary>
/// Texts of names that the kernel and the container runtime say again and again: of processes, devices, pods,
/// containers, functions, mounts. A name that is known costs no allocation and is one object, whoever asks.
/// Thread-safe.
/// </summary>
/// <remarks>
/// Who names things cannot make it grow: the pool keeps a fixed number, the latest, and nothing that is longer than
/// names are.
/// </remarks>
internal static class NamePool
{
    /// <summary>Names that are kept: those of some 500 pods with their containers and mounts.</summary>
    public const int Most = 2048;

    /// <summary>Bytes of the longest name that is kept, as of a file (NAME_MAX).</summary>
    public const int Longest = 255;

    private static readonly StringPool Pool = new(Most);

    /// <summary>As text; bytes that are not UTF-8 become replacement characters.</summary>
    public static string Of(ReadOnlySpan<byte> name) =>
        name.Length <= Longest ? Pool.GetOrAdd(name, Encoding.UTF8) : Encoding.UTF8.GetString(name);

    /// <summary>As <see cref="Of(ReadOnlySpan{byte})"/>; the same object where it is still called as it was.</summary>
    public static string Of(ReadOnlySpan<byte> name, string before) => Ascii.Equals(name, before) ? before : Of(name);

    /// <summary>As <see cref="Of(ReadOnlySpan{byte})"/>, of what is before the first NUL.</summary>
    public static string OfTerminated(ReadOnlySpan<byte> name)
    {
        var end = name.IndexOf((byte)0);
        return Of(end < 0 ? name : name[..end]);
    }

    public static string Of(ReadOnlySpan<char> name) =>
        name.Length <= Longest ? Pool.GetOrAdd(name) : name.ToString();

    public static string Of(string name) => name.Length <= Longest ? Pool.GetOrAdd(name) : name;
}
