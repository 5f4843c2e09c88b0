using System.Buffers.Binary;
using System.Numerics;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// One event in a segment: mark, length, sequence number, time, CRC-32C of all that and of the payload, then the
/// payload. Numbers are little-endian.
/// </summary>
/// <param name="Number">From 1, without gaps: a gap tells how many are missing.</param>
/// <param name="Time">When it was put there, Unix milliseconds.</param>
/// <param name="Start">Of the payload, from where the record begins.</param>
/// <param name="Length">Of the payload.</param>
internal readonly record struct SpoolRecord(ulong Number, long Time, int Start, int Length)
{
    public const int HeaderSize = 28;

    /// <summary>No event comes near; whatever says so is none.</summary>
    public const int LargestPayload = 1 << 20;

    private const int CrcAt = 24;

    /// <summary>By which the next record is found behind one that is broken.</summary>
    public static ReadOnlySpan<byte> Mark => [0xAE, (byte)'N', (byte)'l', (byte)'E'];

    public int Size => Start + Length;

    /// <summary>Fills the space before a payload that is written already.</summary>
    public static void Seal(Span<byte> record, ulong number, long time)
    {
        Mark.CopyTo(record);
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], record.Length - HeaderSize);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], number);
        BinaryPrimitives.WriteInt64LittleEndian(record[16..], time);
        BinaryPrimitives.WriteUInt32LittleEndian(record[CrcAt..], Crc(record));
    }

    /// <summary>Reads the record that begins here.</summary>
    /// <param name="bytes">From its first byte on, as much as there is.</param>
    /// <param name="record">The record.</param>
    /// <param name="needed">More bytes than these are needed to tell; 0 when they are not.</param>
    /// <returns>False when none begins here, or not all of it is there.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out SpoolRecord record, out int needed)
    {
        record = default;
        needed = 0;
        if (bytes.Length < HeaderSize)
        {
            needed = HeaderSize;
            return false;
        }
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        if (!bytes.StartsWith(Mark) || length is < 0 or > LargestPayload)
            return false;
        if (bytes.Length < HeaderSize + length)
        {
            needed = HeaderSize + length;
            return false;
        }
        var all = bytes[..(HeaderSize + length)];
        record = new(BinaryPrimitives.ReadUInt64LittleEndian(all[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(all[16..]), HeaderSize, length);
        return BinaryPrimitives.ReadUInt32LittleEndian(all[CrcAt..]) == Crc(all);
    }

    private static uint Crc(ReadOnlySpan<byte> record) =>
        ~Crc(Crc(uint.MaxValue, record[..CrcAt]), record[HeaderSize..]);

    /// <summary>CRC-32C over more bytes; it begins with all bits set and ends inverted.</summary>
    internal static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}
