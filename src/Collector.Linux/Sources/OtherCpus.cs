using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Sources;

/// <summary>
/// Finds the offset of a CPU on which no program can be run because it is not in use now: since Linux 5.18.
/// </summary>
internal sealed class OtherCpus : IDisposable
{
    private readonly BpfObject _programs;
    private readonly BpfProgram _find;
    private readonly MappedArray<ulong> _offset;
    private readonly ulong[] _cpu = new ulong[1];

    /// <exception cref="ProbeUnavailableException">This kernel does not take the program, with the reason.</exception>
    /// <exception cref="LinuxException">Its map cannot be mapped.</exception>
    public OtherCpus(BpfHost bpf)
    {
        _programs = bpf.LoadToRun("cpus");
        try
        {
            _find = _programs.Program("find_offset_of");
            _offset = new MappedArray<ulong>(_programs.Map("offset"), writable: false);
        }
        catch
        {
            _programs.Dispose();
            throw;
        }
    }

    public bool TryFind(int cpu, out ulong offset)
    {
        _cpu[0] = (ulong)cpu;
        var found = _find.Run(_cpu, out var failed) == Errno.None && failed == 0;
        offset = _offset.Values[0];
        return found;
    }

    public void Dispose()
    {
        _offset.Dispose();
        _programs.Dispose();
    }
}
