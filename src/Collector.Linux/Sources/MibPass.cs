using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// The MIB counters of all namespaces in one pass, once per collection, when the first probe asks. Whether it is used
/// is chosen when the first probe starts: <c>collection.source</c>, what the kernel allows, and that it agrees with
/// /proc in the node's own namespace. Belongs to the collection thread.
/// </summary>
internal sealed class MibPass : IDisposable
{
    // A level, such as open connections, may go up and down while it is compared.
    private const int Attempts = 20;

    private readonly BpfHost _bpf;
    private readonly NamespaceRegistry _namespaces;
    private readonly NetAddresses _addresses;
    private readonly CollectedPart _part;
    private readonly SockstatPart _sockstat;
    private readonly List<NamespaceHandle> _batch = [];
    private CpuOffsets? _cpus;
    private MibRun? _run;
    private MibSectionSlots[] _plan = [];
    private MibWish _wish;
    private MibWish _read;
    private long _tick = long.MinValue;
    private bool _failed;

    public MibPass(BpfHost bpf, NamespaceRegistry namespaces, NetAddresses addresses, CollectedParts parts)
    {
        _bpf = bpf;
        _namespaces = namespaces;
        _addresses = addresses;
        _part = parts.Add("mib", Release);
        _sockstat = new SockstatPart(parts);
    }

    /// <summary>A namespace's figures of this collection; null where it is to be read by /proc.</summary>
    /// <param name="ns">One of the registry, or one that is leaving it.</param>
    /// <param name="tick">The collection; one below 1 is a reading outside.</param>
    /// <param name="wish">What the caller wants of them.</param>
    public MibFigures? Read(NamespaceHandle ns, long tick, MibWish wish)
    {
        if (!IsInUse())
            return null;
        _wish |= wish;
        if (tick > 0 && (tick != _tick || !_read.Covers(wish)))
            ReadAll(tick);
        if (ns.NetAddress == 0 || (_failed && tick == _tick))
            return null;
        var figures = ns.Source<MibFigures>();
        if (figures.Tick != tick && ReadOne(ns, tick, _wish) is { } failure)
        {
            CountFallback(failure);
            return null;
        }
        figures.EnsureRead(ns, tick); // It is in use.
        return figures;
    }

    /// <summary>The same for what sockstat has.</summary>
    public SocketUse? ReadSockets(NamespaceHandle ns, long tick)
    {
        if (!IsInUse() || !_sockstat.IsInUse)
            return null;
        return Read(ns, tick, MibWish.Sockets)?.Sockets is { IsWhole: true } use ? use : null;
    }

    private bool IsInUse()
    {
        if (!_part.IsChosen)
            Choose();
        if (!_sockstat.IsChosen)
            ChooseSockstat();
        return _part.FromKernel;
    }

    private void CountFallback(string reason)
    {
        _part.CountFallback(reason);
        if (_wish.HasSockets)
            _sockstat.CountFallback(reason);
    }

    /// <summary>The sections that it gives, for tests.</summary>
    internal MibSectionSlots[] Sections => _plan;

    private void ReadAll(long tick)
    {
        _batch.Clear();
        _tick = tick;
        _read = _wish;
        _failed = false;
        _cpus!.Refresh();
        string? failure = null;
        for (var i = 0; i < _namespaces.All.Count && failure is null; i++)
        {
            if (_namespaces.All[i].NetAddress == 0)
                continue;
            _batch.Add(_namespaces.All[i]);
            if (_batch.Count == _run!.Most)
                failure = ReadBatch(tick, _wish);
        }
        if (_batch.Count > 0)
            failure ??= ReadBatch(tick, _wish);
        _batch.Clear();
        if (failure is null)
            return;
        _failed = true;
        CountFallback(failure);
    }

    private string? ReadOne(NamespaceHandle ns, long tick, MibWish wish)
    {
        _batch.Clear();
        _batch.Add(ns);
        return ReadBatch(tick, wish);
    }

    private string? ReadBatch(long tick, MibWish wish)
    {
        var batch = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_batch);
        if (_run!.Read(batch, wish) is { } failure)
            return failure;
        for (var i = 0; i < batch.Length; i++)
        {
            var figures = batch[i].Source<MibFigures>();
            figures.EnsureRead(batch[i], tick); // It is in use: else it would be closed, and made again each time.
            figures.Fill(tick, _plan, wish, _run.Sums(i), _run.Once(i));
            if (wish.HasSockets)
                _sockstat.Fill(figures.Sockets, _run.Sockets(i), _run.Once(i));
        }
        _batch.Clear();
        return null;
    }

    private void Choose()
    {
        if (_part.IsDeclined())
            return;
        try
        {
            var refusal = Refusal(out var remark);
            _part.Choose(refusal is null, refusal ?? $"agrees with /proc{remark}");
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException or FormatException)
        {
            _part.Choose(false, e.Message);
        }
    }

    private void ChooseSockstat()
    {
        if (_part.FromKernel)
            _sockstat.Choose(_addresses.Programs!, _namespaces.Host, () => ReadHost(MibWish.All | MibWish.Sockets));
        else
            _sockstat.Refuse($"it is read with mib: {_part.Reason}");
    }

    /// <summary>Why the pass cannot be used; null when it can, and what is to be said of it.</summary>
    private string? Refusal(out string remark)
    {
        remark = "";
        if (!_addresses.Start(this))
            return _addresses.Failure;
        var host = _namespaces.Host;
        if (host.NetAddress == 0)
        {
            return _addresses.Failure.Length > 0
                ? _addresses.Failure
                : "the node's own namespace cannot be held open, so the kernel's structure of it is not known";
        }
        if (_bpf.Environment.Btf is not { } btf)
            return _bpf.Environment.Search.Failure;
        _cpus ??= new CpuOffsets(_addresses.Programs!, _bpf);
        if (_cpus.Missing.Length > 0)
            return _cpus.Missing;
        _run ??= new MibRun(_addresses.Programs!, _cpus.Found);
        Plan(MibSlots.Of(btf), MibFiles.Read(host), out var left);
        if (_plan.Length == 0)
        {
            return left.Length == 0
                ? "the counters of the node's own namespace cannot be read in /proc, to compare with them"
                : $"the kernel's types do not tell its counters: {left}";
        }
        if (left.Length > 0)
            remark = $"; still by /proc: {left}";
        return Check(host);
    }

    private void Plan(MibSlots slots, MibFiles files, out string left)
    {
        var plan = new List<MibSectionSlots>();
        var without = new List<string>();
        foreach (var section in MibSlots.Sections)
        {
            if (files.Find(section) is not { } found)
                continue;
            if (slots.Find(found.Layout, out var missing) is { } known)
                plan.Add(known);
            else
                without.Add($"{section}, where the kernel's types do not have {missing}");
        }
        _plan = [.. plan];
        left = string.Join("; ", without);
    }

    private string? Check(NamespaceHandle host)
    {
        string? difference = null;
        for (var i = 0; i < Attempts; i++)
        {
            var before = MibFiles.Read(host);
            if (ReadHost(MibWish.All) is { } failure)
                return failure;
            var figures = host.Source<MibFigures>();
            difference = MibCheck.Compare(_plan, before, figures, MibFiles.Read(host));
            if (difference is null)
                return null;
        }
        return difference;
    }

    private string? ReadHost(MibWish wish) => ReadOne(_namespaces.Host, long.MinValue + 1, wish);

    /// <summary>Gives back what it has in the kernel; it may be chosen again.</summary>
    private void Release()
    {
        _run?.Dispose();
        _run = null;
        _cpus?.Dispose();
        _cpus = null;
        _tick = long.MinValue;
        _addresses.Release(this);
    }

    public void Dispose() => Release();
}
