using System.Runtime.CompilerServices;
using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>
/// What all processes have open and have read and written, by one read of a task iterator (since Linux 5.8) instead of
/// two files of each. Whom it does not tell of, or not all of, is read by /proc.
/// </summary>
internal sealed class TaskPass : IDisposable
{
    private const string Iterator = "read_tasks";
    private readonly BpfHost _bpf;
    private readonly NamespaceRegistry _namespaces;
    private readonly CollectedPart _part;
    private readonly TaskRecord[] _records = GC.AllocateUninitializedArray<TaskRecord>(512, pinned: true);
    private BpfObject? _programs;
    private BpfProgram? _iterator;

    public TaskPass(BpfHost bpf, NamespaceRegistry namespaces, CollectedParts parts)
    {
        _bpf = bpf;
        _namespaces = namespaces;
        _part = parts.Add("processes", Dispose);
    }

    /// <summary>Tells each process of the table that is there what it has now.</summary>
    public void Run(ProcessTable table, long tick)
    {
        if (!_part.IsChosen)
            Choose(table, tick);
        else if (_part.FromKernel && Read(table, tick) is var error && error != Errno.None)
            _part.CountFallback(BpfObject.Reason(error.Number));
    }

    private void Choose(ProcessTable table, long tick)
    {
        Dispose();
        if (_part.IsDeclined())
            return;
        try
        {
            _programs = _bpf.Watch(_bpf.Load(
                "tasks", [new Hook("processes", new Way(Iterator))], static _ => { }, static _ => { }));
            _iterator = _programs.Program(Iterator);
            if (Read(table, tick) is var error && error != Errno.None)
                throw new ProbeUnavailableException(BpfObject.Reason(error.Number));
            Check(table, tick);
            _part.Choose(true, "agrees with /proc");
        }
        catch (ProbeUnavailableException e)
        {
            _part.Choose(false, e.Message);
        }
    }

    /// <exception cref="ProbeUnavailableException">This process is not told of as /proc has it.</exception>
    private void Check(ProcessTable table, long tick)
    {
        Span<byte> text = stackalloc byte[512];
        var self = Environment.ProcessId;
        if (table.Find(self) is not { } process || !process.IsTold(TaskFigures.Files | TaskFigures.Io, tick))
            throw new ProbeUnavailableException("the iterator does not find this process as /proc has it");
        var before = process.Told.Io;
        var n = table.Folder.Read(self, "/io\0"u8, text, out _);
        if (n < 0 || !IoCounters.TryParse(text[..n], out var then) || !then.Covers(before))
            throw new ProbeUnavailableException("the iterator's figures are not those of /proc/PID/io");
        if (Read(table, tick) != Errno.None || !process.Told.Io.Covers(then))
            throw new ProbeUnavailableException("the iterator's figures are not those of /proc/PID/io");
    }

    private unsafe Errno Read(ProcessTable table, long tick)
    {
        var file = Libbpf.bpf_iter_create(_iterator!.LinkFd);
        if (file < 0)
            return new Errno(-file);
        try
        {
            while (true)
            {
                long got;
                fixed (TaskRecord* to = _records)
                    got = read(file, to, _records.Length * sizeof(TaskRecord));
                if (got == 0)
                {
                    if (_part.FromKernel)
                        _namespaces.HeardOfAll();
                    return Errno.None;
                }
                if (got < 0 && SafeFd.LastErrno is var error && error != EINTR)
                    return error;
                // The kernel gives whole records: the room is a multiple of one.
                foreach (ref readonly var record in _records.AsSpan(0, (int)Math.Max(0, got) / sizeof(TaskRecord)))
                {
                    table.Find((int)record.Pid)?.Tell(record, tick);
                    // Before it is checked its numbers may be those of other processes.
                    if (_part.FromKernel)
                        _namespaces.Hear((int)record.Pid, record.Netns);
                }
            }
        }
        finally
        {
            _ = close(file);
        }
    }

    /// <summary>Gives back what it has in the kernel; it may be chosen again.</summary>
    public void Dispose()
    {
        _iterator = null;
        _programs?.Dispose();
        _programs = null;
    }
}
