using System.Runtime.CompilerServices;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Processes;

/// <summary>The counters of /proc/PID/io, or differences and sums of such.</summary>
[InlineArray(Count)]
internal struct IoCounters
{
    public const int Count = 6;
    public const int ReadChars = 0;
    public const int WrittenChars = 1;
    public const int ReadCalls = 2;
    public const int WriteCalls = 3;
    public const int ReadBytes = 4;
    public const int WrittenBytes = 5;

    private long _first;

    /// <summary>Adds each counter.</summary>
    public void Add(IoCounters other)
    {
        for (var i = 0; i < Count; i++)
            this[i] += other[i];
    }

    /// <summary>True when no counter is less than the other's.</summary>
    public readonly bool Covers(IoCounters other)
    {
        for (var i = 0; i < Count; i++)
        {
            if (this[i] < other[i])
                return false;
        }
        return true;
    }

    public readonly IoCounters Minus(IoCounters other)
    {
        var result = this;
        for (var i = 0; i < Count; i++)
            result[i] -= other[i];
        return result;
    }

    /// <summary>The difference, where a counter that fell has not grown.</summary>
    public readonly IoCounters GrowthSince(IoCounters before)
    {
        var result = Minus(before);
        for (var i = 0; i < Count; i++)
            result[i] = Math.Max(0, result[i]);
        return result;
    }

    public readonly bool IsZero
    {
        get
        {
            foreach (var value in this)
            {
                if (value != 0)
                    return false;
            }
            return true;
        }
    }

    /// <summary>From the file's text; false when one of the six lines is missing or not a number.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out IoCounters counters)
    {
        counters = default;
        var found = 0;
        var lines = new LineReader(text);
        while (lines.TryNext(out var line))
        {
            var colon = line.IndexOf((byte)':');
            if (colon < 0 || IndexOf(line[..colon]) is var index && index < 0)
                continue;
            var fields = new FieldReader(line[(colon + 1)..]);
            if (!fields.TryNextNumber(out var value))
                return false;
            counters[index] = value;
            found |= 1 << index;
        }
        return found == (1 << Count) - 1;
    }

    // fs/proc/base.c, do_io_accounting; cancelled_write_bytes is not among ours.
    private static int IndexOf(ReadOnlySpan<byte> label) =>
        label.SequenceEqual("rchar"u8) ? ReadChars
        : label.SequenceEqual("wchar"u8) ? WrittenChars
        : label.SequenceEqual("syscr"u8) ? ReadCalls
        : label.SequenceEqual("syscw"u8) ? WriteCalls
        : label.SequenceEqual("read_bytes"u8) ? ReadBytes
        : label.SequenceEqual("write_bytes"u8) ? WrittenBytes
        : -1;
}

/// <summary>What the io probe knows of one process.</summary>
internal struct IoState
{
    /// <summary>Who counted it; another ledger begins anew.</summary>
    public IoLedger? Owner;

    /// <summary>Whose first collection found it there already, readable or not.</summary>
    public IoLedger? OlderThan;

    /// <summary>Collection in which it was last read.</summary>
    public long Tick;

    /// <summary>Collection in which it was last looked at, readable or not.</summary>
    public long Visited;

    /// <summary>Collection in which it was read as the kernel told it of all processes.</summary>
    public long ToldAt;

    /// <summary>Last reading, children reaped until then included.</summary>
    public IoCounters Last;

    /// <summary>What this collection adds.</summary>
    public IoCounters Delta;
}
