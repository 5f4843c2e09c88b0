using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Runs the programs of conntrack.bpf.c: one run for the entries of some namespaces, one per CPU for what is counted
/// there.
/// </summary>
internal sealed class ConntrackRun : IDisposable
{
    private readonly BpfObject _programs;
    private readonly CpuOffsets _cpus;
    private readonly BpfProgram _readEntries;
    private readonly BpfProgram _readCounters;
    private readonly MappedArray<ConntrackPlace> _places;
    private readonly MappedArray<ConntrackCounters> _counters;
    private readonly ulong[] _arguments = new ulong[2];
    private readonly ulong _table;

    /// <param name="programs">Those of conntrack.bpf.c; closed with this.</param>
    /// <param name="cpus">Closed with this.</param>
    /// <param name="host">Address of the node's own namespace.</param>
    /// <exception cref="LinuxException">What it needs cannot be had.</exception>
    public ConntrackRun(BpfObject programs, CpuOffsets cpus, ulong host)
    {
        (_programs, _cpus) = (programs, cpus);
        (_readEntries, _readCounters) = (programs.Program("read_entries"), programs.Program("read_counters"));
        _places = new(programs.Map("places"), writable: true);
        _counters = new(programs.Map("counters"), writable: true);
        var error = programs.Program("find_tables").Run([host], out var table);
        if (error != Errno.None)
            throw new LinuxException("the kernel's tables of connections cannot be found", error);
        _table = (ulong)table;
    }

    /// <summary>False: the kernel's types do not tell where the tables are, or are of a newer kernel.</summary>
    public bool HasTables => _table != 0;

    /// <summary>Why there are CPUs of which it is not known what they counted; empty where there are none.</summary>
    public string MissingCpus => _cpus.Missing;

    /// <summary>Namespaces per run.</summary>
    public int Most => _places.Values.Length;

    /// <summary>A bit per attribute that the kernel's types tell.</summary>
    public uint Known { get; private set; }

    public void Refresh() => _cpus.Refresh();

    /// <summary>Reads into the namespaces' figures.</summary>
    /// <param name="namespaces">No more than <see cref="Most"/>, each with an address.</param>
    /// <param name="tick">The collection.</param>
    /// <param name="limit">Entries that a table may have.</param>
    /// <param name="sent">A bit per attribute that is wanted.</param>
    /// <returns>Null, or why it failed.</returns>
    public string? Read(ReadOnlySpan<NamespaceHandle> namespaces, long tick, long limit, uint sent)
    {
        for (var i = 0; i < namespaces.Length; i++)
            _places.Values[i].Net = namespaces[i].NetAddress;
        (_arguments[0], _arguments[1]) = ((ulong)namespaces.Length, _table);
        if (Run(_readEntries) is { } failure)
            return failure;
        for (var i = 0; i < namespaces.Length; i++)
            namespaces[i].Source<ConntrackFigures>().Begin(tick, _places.Values[i], limit, _cpus.Cpus, sent);
        for (var cpu = 0; cpu < _cpus.Found.Count; cpu++)
        {
            _arguments[1] = _cpus.Found[cpu];
            if (Run(_readCounters) is { } other)
                return other;
            for (var i = 0; i < namespaces.Length; i++)
                namespaces[i].Source<ConntrackFigures>().Add(cpu, _counters.Values[i]);
        }
        return null;
    }

    /// <summary>Learns which attributes the program fills in.</summary>
    /// <returns>Null, or why it failed.</returns>
    public string? Learn(NamespaceHandle ns)
    {
        _counters.Values[0].Values[..].Fill(uint.MaxValue);
        if (Read([ns], long.MinValue + 1, -1, 0) is { } failure)
            return failure;
        ReadOnlySpan<uint> values = _counters.Values[0].Values;
        for (var i = 0; i < values.Length; i++)
            Known |= values[i] != uint.MaxValue ? 1u << i : 0;
        return null;
    }

    private string? Run(BpfProgram program)
    {
        var error = program.Run(_arguments, out var failed);
        return error != Errno.None ? $"program {program.Name}: {BpfObject.Reason(error.Number)}"
            : failed != 0 ? $"program {program.Name}: {failed} namespaces could not be read"
            : null;
    }

    public void Dispose()
    {
        _places.Dispose();
        _counters.Dispose();
        _cpus.Dispose();
        _programs.Dispose();
    }
}
