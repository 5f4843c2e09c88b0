using System.Buffers.Binary;
using System.Globalization;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>One file of the spool: a header, then records. Named after the number of its first record.</summary>
internal sealed class Segment(string path, ulong first, long length)
{
    public const int HeaderSize = 8;
    public const string Extension = ".seg";

    private const uint Version = 1;

    public string Path => path;

    public ulong First => first;

    public long Length { get; set; } = length;

    public static ReadOnlySpan<byte> Mark => "NlSp"u8;

    public static string NameOf(ulong first) => first.ToString("D20", CultureInfo.InvariantCulture) + Extension;

    public static void WriteHeader(Span<byte> to)
    {
        Mark.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[Mark.Length..], Version);
    }

    /// <summary>The segment of a file; null for one that is named otherwise.</summary>
    public static Segment? Of(FileInfo file) =>
        ulong.TryParse(System.IO.Path.GetFileNameWithoutExtension(file.Name), NumberStyles.None,
            CultureInfo.InvariantCulture, out var first) && file.Name == NameOf(first)
            ? new(file.FullName, first, file.Length)
            : null;

    /// <summary>False where another version wrote it, or nobody.</summary>
    public bool IsOurs()
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        Span<byte> ours = stackalloc byte[HeaderSize];
        WriteHeader(ours);
        using var file = File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return RandomAccess.Read(file, header, 0) == HeaderSize && header.SequenceEqual(ours);
    }
}
