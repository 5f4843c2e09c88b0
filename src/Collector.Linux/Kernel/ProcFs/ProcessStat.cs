using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>What of /proc/PID/stat says who a process is.</summary>
/// <param name="ParentPid">Process id of its parent, 0 where that is outside this /proc.</param>
/// <param name="StartTicks">Start since boot in clock ticks: with the process id it names a process for ever.</param>
/// <param name="Zombie">Dead and not yet reaped.</param>
/// <param name="KernelThread">A thread of the kernel: it has no files and no limits.</param>
internal readonly record struct ProcessStat(int ParentPid, long StartTicks, bool Zombie, bool KernelThread)
{
    // include/linux/sched.h
    private const long KernelThreadFlag = 0x00200000;

    /// <summary>Reads a process; false with the error when it is gone or not ours to see.</summary>
    public static bool TryRead(ProcFolder proc, int pid, out ProcessStat stat, out Errno error)
    {
        Span<byte> buffer = stackalloc byte[1024];
        var n = proc.Read(pid, "/stat\0"u8, buffer, out error);
        stat = default;
        return n > 0 && TryParse(buffer[..n], out stat);
    }

    // 5937 (cat) R 5917 5917 4635 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 167946 ...
    // The name may itself have blanks and brackets, so counting starts at the last bracket (fs/proc/array.c).
    public static bool TryParse(ReadOnlySpan<byte> text, out ProcessStat stat)
    {
        const int Flags = 9 - 4;
        const int StartTime = 22 - 4;
        stat = default;
        var fields = new FieldReader(text[(text.LastIndexOf((byte)')') + 1)..]);
        if (!fields.TryNext(out var state) || !fields.TryNextNumber(out var parent))
            return false;
        long flags = 0, start = 0;
        for (var i = 1; i <= StartTime; i++)
        {
            if (!fields.TryNext(out var field))
                return false;
            if (i == Flags && !FieldReader.TryParse(field, out flags))
                return false;
            if (i == StartTime && !FieldReader.TryParse(field, out start))
                return false;
        }
        stat = new ProcessStat((int)parent, start, state[0] is (byte)'Z' or (byte)'X', (flags & KernelThreadFlag) != 0);
        return true;
    }
}
