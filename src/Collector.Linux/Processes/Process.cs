using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Processes;

/// <summary>One process, never a thread, from the first look that found it to the first that did not.</summary>
internal sealed class Process(int pid, ulong inode, in ProcessStat stat)
{
    public int Pid { get; } = pid;

    /// <summary>Start since boot in clock ticks.</summary>
    public long StartTicks { get; } = stat.StartTicks;

    /// <summary>
    /// Under which id its namespace, cgroup and files are: its own, or that of a thread that outlived the main one.
    /// </summary>
    public int Task { get; set; } = pid;

    public bool KernelThread { get; } = stat.KernelThread;

    /// <summary>True for one that is only counted: it has no group.</summary>
    public bool LeftOut { get; init; }

    /// <summary>Inode of its folder in /proc: while it stays the same, so does the process.</summary>
    public ulong Inode { get; set; } = inode;

    public int ParentPid { get; set; } = stat.ParentPid;

    /// <summary>Its parent when it was last looked up; null where that is not in the table.</summary>
    public Process? Parent { get; set; }

    /// <summary>Where its figures belong; null until its namespace is known.</summary>
    public ProcessGroup? Group { get; set; }

    /// <summary>The pod or container that it is of and that has no group for the limit; null for none.</summary>
    public string? Beyond { get; set; }

    /// <summary>True when its namespace may not be read.</summary>
    public bool Denied { get; set; }

    /// <summary>True once it is no longer in /proc.</summary>
    public bool Gone { get; set; }

    /// <summary>True in collections that also look again at what seldom changes: its namespace, its limits.</summary>
    public bool Recheck { get; set; } = true;

    /// <summary>Soft limit of open files; -1 while unknown, 0 when there is none.</summary>
    public long FileLimit { get; set; } = -1;

    /// <summary>Its I/O, as the io probe saw it.</summary>
    public IoState Io;

    private TaskRecord _told;
    private long _toldAt = -1;

    /// <summary>What the kernel told of it last.</summary>
    public ref readonly TaskRecord Told => ref _told;

    /// <summary>True when the kernel told so much of it in a collection.</summary>
    public bool IsTold(TaskFigures figures, long tick) => _toldAt == tick && (_told.Known & figures) == figures;

    /// <summary>Takes what the kernel tells of its id, if that is of this process.</summary>
    internal void Tell(in TaskRecord record, long tick)
    {
        if (record.StartTicks != StartTicks)
            return;
        _told = record;
        _toldAt = tick;
    }

    internal int Age { get; set; }

    internal long SeenAt { get; set; }
}
