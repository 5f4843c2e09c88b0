using System.Buffers.Binary;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// How far the spool has been delivered: one record in a file of its own, which is replaced whole.
/// </summary>
/// <param name="Segment">First number of the segment.</param>
/// <param name="Offset">In its file.</param>
/// <param name="Head">Number of the next record to deliver.</param>
internal readonly record struct SpoolCursor(ulong Segment, long Offset, ulong Head)
{
    private const string Name = "cursor";
    private const long Version = 1;
    private const int Payload = 16;

    /// <summary>What the folder says; null where it says nothing that can be used.</summary>
    public static SpoolCursor? Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            return null;
        var bytes = File.ReadAllBytes(path).AsSpan();
        if (!SpoolRecord.TryRead(bytes, out var record, out _) || record.Time != Version || record.Length != Payload)
            return null;
        var payload = bytes[record.Start..];
        return new(BinaryPrimitives.ReadUInt64LittleEndian(payload),
            BinaryPrimitives.ReadInt64LittleEndian(payload[8..]), record.Number);
    }

    public void Write(string folder)
    {
        Span<byte> bytes = stackalloc byte[SpoolRecord.HeaderSize + Payload];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[SpoolRecord.HeaderSize..], Segment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[(SpoolRecord.HeaderSize + 8)..], Offset);
        SpoolRecord.Seal(bytes, Head, Version);
        var path = Path.Combine(folder, Name);
        File.WriteAllBytes(path + ".new", bytes);
        File.Move(path + ".new", path, overwrite: true);
    }

    public static void Delete(string folder) => File.Delete(Path.Combine(folder, Name));
}
