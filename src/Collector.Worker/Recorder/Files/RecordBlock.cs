using System.Buffers.Binary;
using System.IO.Compression;
using Collector.Worker.Events.Outlets.Spool;

namespace Collector.Worker.Recorder.Files;

/// <summary>What a block of a recording's file holds. Readers pass over kinds that they do not know.</summary>
internal enum RecordBlockKind
{
    /// <summary>JSON: who recorded, what, and what doctor says.</summary>
    Header = 1,

    /// <summary>Tables, in the order of their numbers.</summary>
    Tables = 2,

    /// <summary>Subjects and rows, in the order of their numbers.</summary>
    Rows = 3,

    /// <summary>Records; those of earlier blocks are of later collections.</summary>
    Frames = 4,

    /// <summary>Events, the oldest first.</summary>
    Events = 5,

    /// <summary>Nothing: it was all written.</summary>
    End = 6,
}

/// <summary>
/// A block of a recording's file: its kind, its size before and after it was deflated, CRC-32C of all that and of the
/// bytes, which follow. Numbers are little-endian and have four bytes.
/// </summary>
internal static class RecordBlock
{
    public const int HeaderSize = 16;

    /// <summary>The newest collection of ten thousand namespaces has a fifth.</summary>
    public const int LargestSize = 64 << 20;

    /// <summary>Deflate makes no more of a byte than this.</summary>
    private const int LargestRatio = 1040;

    private const int CrcAt = 12;

    /// <summary>Begins every file, before the version of its format.</summary>
    public static ReadOnlySpan<byte> Mark => [0x89, (byte)'N', (byte)'L', (byte)'R', (byte)'E', (byte)'C', 13, 10];

    public const int Version = 1;

    public static byte[] Start()
    {
        var start = new byte[Mark.Length + sizeof(int)];
        Mark.CopyTo(start);
        BinaryPrimitives.WriteInt32LittleEndian(start.AsSpan(Mark.Length), Version);
        return start;
    }

    public static byte[] Pack(RecordBlockKind kind, ReadOnlySpan<byte> bytes)
    {
        var packed = new MemoryStream();
        packed.SetLength(HeaderSize);
        packed.Position = HeaderSize;
        using (var deflate = new DeflateStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            deflate.Write(bytes);
        var block = packed.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(block, (int)kind);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(4), bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(8), block.Length - HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(CrcAt), Crc(block));
        return block;
    }

    /// <summary>Reads the next block.</summary>
    /// <param name="file">Stands at its beginning; its length is known.</param>
    /// <param name="kind">What it is.</param>
    /// <exception cref="InvalidDataException">There is none, or it is broken; the message says so.</exception>
    public static byte[] Read(Stream file, out RecordBlockKind kind)
    {
        var header = new byte[HeaderSize];
        if (file.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize)
            throw new InvalidDataException("it ends too early");
        kind = (RecordBlockKind)BinaryPrimitives.ReadInt32LittleEndian(header);
        var size = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4));
        var length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8));
        // Nothing is taken for what could not be there.
        if (size is < 0 or > LargestSize || length is < 0 or > LargestSize || size > ((long)length + 1) * LargestRatio)
            throw new InvalidDataException("a block has an impossible size");
        if (length > file.Length - file.Position)
            throw new InvalidDataException("it ends too early");
        var block = new byte[HeaderSize + length];
        header.CopyTo(block, 0);
        file.ReadExactly(block, HeaderSize, length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(CrcAt)) != Crc(block))
            throw new InvalidDataException("a block has the wrong checksum");
        return Unpack(block.AsMemory(HeaderSize).ToArray(), size);
    }

    private static byte[] Unpack(byte[] packed, int size)
    {
        var bytes = new byte[size];
        using var inflate = new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress);
        if (inflate.ReadAtLeast(bytes, size, throwOnEndOfStream: false) < size || inflate.ReadByte() >= 0)
            throw new InvalidDataException("a block has another size than it says");
        return bytes;
    }

    private static uint Crc(ReadOnlySpan<byte> block) =>
        ~SpoolRecord.Crc(SpoolRecord.Crc(uint.MaxValue, block[..CrcAt]), block[HeaderSize..]);
}
