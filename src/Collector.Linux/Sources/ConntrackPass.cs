using System.Runtime.InteropServices;
using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Connection tracking of all namespaces in one pass, once per collection: the part <c>conntrack</c>. Used where it
/// agrees with ctnetlink in the node's own namespace. Belongs to the collection thread.
/// </summary>
internal sealed class ConntrackPass : IDisposable
{
    /// <summary>The limit of all namespaces' tables; gone with the module.</summary>
    private const string LimitFile = "sys/net/netfilter/nf_conntrack_max";

    private readonly BpfHost _bpf;
    private readonly NetAddresses _addresses;
    private readonly NamespaceRegistry _namespaces;
    private readonly CollectedPart _part;
    private readonly List<NamespaceHandle> _batch = [];
    private ConntrackRun? _run;
    private ProcFile? _limitFile;
    private uint _sent;
    private long _limit;
    private long _tick = long.MinValue;
    private bool _failed;

    public ConntrackPass(BpfHost bpf, NetAddresses addresses, NamespaceRegistry namespaces, CollectedParts parts)
    {
        (_bpf, _addresses, _namespaces) = (bpf, addresses, namespaces);
        _part = parts.Add("conntrack", Dispose);
    }

    /// <summary>A namespace's figures of this collection; null where it is to be asked by ctnetlink.</summary>
    /// <param name="ns">One of the registry, or one that is leaving it.</param>
    /// <param name="tick">The collection; one below 1 is a reading outside.</param>
    public ConntrackFigures? Read(NamespaceHandle ns, long tick)
    {
        if (!_part.IsChosen)
            Choose();
        if (!_part.FromKernel)
            return null;
        if (tick > 0 && tick != _tick)
            ReadAll(tick);
        if (ns.NetAddress == 0 || (_failed && (tick == _tick || tick < 1)))
            return null;
        var figures = ns.Source<ConntrackFigures>();
        if (figures.Tick != tick && ReadOne(ns, tick) is { } failure)
        {
            _part.CountFallback(failure);
            return null;
        }
        figures.EnsureRead(ns, tick); // It is in use.
        return figures;
    }

    private void ReadAll(long tick)
    {
        _tick = tick;
        _run!.Refresh();
        var failure = ReadLimit() ? null : "the limit cannot be read";
        for (var i = 0; i < _namespaces.All.Count && failure is null; i++)
        {
            if (_namespaces.All[i].NetAddress == 0)
                continue;
            _batch.Add(_namespaces.All[i]);
            if (_batch.Count == _run.Most)
                failure = ReadBatch(tick);
        }
        if (_batch.Count > 0)
            failure ??= ReadBatch(tick);
        _batch.Clear();
        _failed = failure is not null;
        if (failure is not null)
            _part.CountFallback(failure);
    }

    private string? ReadOne(NamespaceHandle ns, long tick)
    {
        _batch.Clear();
        _batch.Add(ns);
        return ReadBatch(tick);
    }

    private string? ReadBatch(long tick)
    {
        var failure = _run!.Read(CollectionsMarshal.AsSpan(_batch), tick, _limit, _sent);
        _batch.Clear();
        return failure;
    }

    private bool ReadLimit() =>
        _namespaces.Host.Buffer.TryRead(_limitFile!, out var text, out _)
        && FieldReader.TryParse(text.TrimEnd("\n"u8), out _limit);

    private void Choose()
    {
        if (_part.IsDeclined())
            return;
        try
        {
            var refusal = Refusal();
            _part.Choose(refusal is null, refusal ?? "agrees with ctnetlink");
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException or IOException)
        {
            _part.Choose(false, e.Message);
        }
    }

    private string? Refusal()
    {
        if (!_addresses.Start(this))
            return _addresses.Failure;
        var host = _namespaces.Host;
        if (host.NetAddress == 0)
            return "the node's own namespace cannot be held open, so the kernel's structure of it is not known";
        _limitFile = host.OpenFile(LimitFile);
        if (!ReadLimit())
            return "the limit cannot be read";
        _run = Start(host);
        if (_run.MissingCpus.Length > 0)
            return _run.MissingCpus;
        if (!_run.HasTables)
            return "the kernel's types do not tell where the tables of connections are";
        if (_run.Learn(host) is { } failure)
            return failure;
        using var check = new ConntrackCheck(host, _run.Known);
        var difference = check.Difference(() => ReadOne(host, long.MinValue + 1), out _sent);
        return difference;
    }

    private ConntrackRun Start(NamespaceHandle host)
    {
        var cpus = new CpuOffsets(_addresses.Programs!, _bpf);
        BpfObject? programs = null;
        try
        {
            programs = _bpf.LoadToRun("conntrack");
            return new ConntrackRun(programs, cpus, host.NetAddress);
        }
        catch
        {
            programs?.Dispose();
            cpus.Dispose();
            throw;
        }
    }

    /// <summary>Gives back what it has in the kernel; it may be chosen again.</summary>
    public void Dispose()
    {
        _run?.Dispose();
        _run = null;
        _limitFile?.Dispose();
        _limitFile = null;
        _tick = long.MinValue;
        _addresses.Release(this);
    }
}
