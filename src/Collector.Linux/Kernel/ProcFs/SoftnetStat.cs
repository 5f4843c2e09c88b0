using System.Buffers.Text;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>One line of /proc/net/softnet_stat: one CPU that is online.</summary>
/// <remarks>
/// All columns are u32 in hexadecimal (softnet_seq_show in net/core/net-procfs.c). Their number tells the kernel: 9 at
/// first, 10 with received_rps, 11 with flow_limit_count (3.11), 13 with backlog length and CPU number (5.10), 15 with
/// the two queues that make up the backlog (6.x).
/// </remarks>
public readonly record struct SoftnetStat
{
    private const int Most = 32;

    /// <summary>Number of columns that the kernel printed.</summary>
    public int Columns { get; private init; }

    public uint Processed { get; private init; }

    public uint Dropped { get; private init; }

    public uint TimeSqueeze { get; private init; }

    /// <summary>Null before the kernel had it.</summary>
    public uint? ReceivedRps { get; private init; }

    public uint? FlowLimitCount { get; private init; }

    public uint? BacklogLength { get; private init; }

    public uint? Cpu { get; private init; }

    public uint? InputQueueLength { get; private init; }

    public uint? ProcessQueueLength { get; private init; }

    /// <summary>Reads a line; false when it is not of a format that a kernel ever had.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out SoftnetStat stat)
    {
        stat = default;
        Span<uint> values = stackalloc uint[Most];
        var count = 0;
        var fields = new FieldReader(line);
        while (fields.TryNext(out var field))
        {
            // Eight digits each: fewer is a line that was cut.
            if (count == Most || field.Length != 8
                || !Utf8Parser.TryParse(field, out values[count], out var used, 'x') || used != 8)
                return false;
            count++;
        }
        if (count < 9)
            return false;
        stat = new SoftnetStat
        {
            Columns = count,
            Processed = values[0],
            Dropped = values[1],
            TimeSqueeze = values[2],
            ReceivedRps = count > 9 ? values[9] : null,
            FlowLimitCount = count > 10 ? values[10] : null,
            BacklogLength = count > 12 ? values[11] : null,
            Cpu = count > 12 ? values[12] : null,
            InputQueueLength = count > 14 ? values[13] : null,
            ProcessQueueLength = count > 14 ? values[14] : null,
        };
        return true;
    }
}
