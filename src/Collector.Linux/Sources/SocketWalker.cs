using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Sources;

/// <summary>A hash table of the kernel's.</summary>
internal readonly record struct SocketTable(ulong Address, uint Buckets);

/// <summary>Takes what the walk finds.</summary>
internal interface ISocketSink
{
    void Take(in SocketRecord record);
}

/// <summary>
/// Runs the programs of sockets.bpf.c: each goes over a part of a table, so that none has the processor for longer
/// than half a millisecond. Allocates nothing once it is there.
/// </summary>
internal sealed class SocketWalker : IDisposable
{
    /// <summary>More are not looked at in one pass.</summary>
    public const int MostSockets = 1_000_000;

    private readonly BpfObject _object;
    private readonly BpfProgram _established;
    private readonly BpfProgram _listening;
    private readonly BpfProgram _udp;
    private readonly BpfProgram _find;
    private readonly BpfMap _slots;
    private readonly MappedArray<SocketWalk> _walk;
    private readonly MappedArray<SocketTables> _tables;
    private readonly MappedArray<SocketTotals> _totals;
    private readonly MappedArray<UdpTotals> _udpTotals;
    private readonly MappedArray<SocketRecord> _records;
    private readonly uint _second = KernelClock.JiffiesPerSecond();
    private uint _pass;
    private uint _udpPass;

    /// <param name="bpf">Loads.</param>
    /// <param name="slots">Namespaces that there is room for.</param>
    /// <exception cref="ProbeUnavailableException">This kernel does not take it, with the reason.</exception>
    /// <exception cref="LinuxException">The maps cannot be had.</exception>
    public SocketWalker(BpfHost bpf, int slots)
    {
        _object = bpf.LoadDirectToRun("sockets", loading =>
        {
            loading.Map("slots").Resize(slots);
            loading.Map("totals").Resize(slots);
            loading.Map("udp").Resize(slots);
        });
        try
        {
            (_established, _listening, _udp, _find) = (
                _object.Program("walk_established"), _object.Program("walk_listening"), _object.Program("walk_udp"),
                _object.Program("find_tables"));
            _slots = _object.Map("slots");
            _walk = new(_object.Map("walks"), writable: true);
            _tables = new(_object.Map("tables"), writable: true);
            _totals = new(_object.Map("totals"), writable: false);
            _udpTotals = new(_object.Map("udp"), writable: false);
            _records = new(_object.Map("records"), writable: false);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Short constant for why the last walk is void.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>Sockets that this pass has met.</summary>
    public long Sockets { get; private set; }

    /// <summary>Of them those in namespaces without a slot.</summary>
    public long Strangers { get; private set; }

    /// <summary>Chains that changed while they were read, and were read again.</summary>
    public long Repeated { get; private set; }

    /// <summary>
    /// Listening ports of this pass that there was no room for: connections to them count as begun here.
    /// </summary>
    public long Crowded { get; private set; }

    /// <summary>Seconds by which the walks' clocks are ahead: tests see ages that nobody wants to wait for.</summary>
    public uint Ahead { get; set; }

    /// <summary>Runs of the programs.</summary>
    public long Runs { get; private set; }

    /// <summary>From now on a namespace's sockets count in that slot.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Place(ulong net, int slot) => _slots.Update(net, (uint)slot);

    public void Remove(ulong net) => _slots.Delete(net);

    /// <summary>Where a namespace has its sockets. It must be held open.</summary>
    public bool TryFind(ulong net, out SocketTables tables)
    {
        using var known = new UdpDescriptor();
        _tables.Values[0] = new SocketTables { Net = net, Fd = known.Value };
        var done = Run(_find);
        tables = _tables.Values[0];
        return done && tables is
        {
            Established: not 0, EstablishedBuckets: > 0, Listening: not 0, ListeningBuckets: > 0,
        };
    }

    /// <summary>Begins a pass over TCP's tables: what was counted before is void.</summary>
    public void Begin() => Begin(ref _pass);

    /// <summary>Begins a pass over the tables of UDP.</summary>
    public void BeginUdp() => Begin(ref _udpPass);

    private void Begin(ref uint pass)
    {
        // A slot that nobody counted in has 0.
        if (++pass == 0)
            pass = 1;
        (Sockets, Strangers, Crowded) = (0, 0, 0);
    }

    /// <summary>Counts of this pass in a slot; null where there was no socket.</summary>
    public SocketTotals CountsOf(int slot)
    {
        ref readonly var totals = ref _totals.Values[slot];
        return totals.Pass == _pass ? totals : default;
    }

    /// <summary>The same of UDP sockets.</summary>
    public UdpTotals UdpCountsOf(int slot)
    {
        ref readonly var totals = ref _udpTotals.Values[slot];
        return totals.Pass == _udpPass ? totals : default;
    }

    public bool WalkEstablished(SocketTable table)
    {
        ref var walk = ref Begin(table, _pass);
        while (walk.Next < walk.Buckets)
        {
            if (!Run(_established) || !IsBounded(walk))
                return false;
        }
        return IsWhole(walk);
    }

    /// <summary>Gives every listener that is in a slot.</summary>
    public bool WalkListening(SocketTable table, ISocketSink sink) => Walk(_listening, ref Begin(table, _pass), sink);

    /// <summary>Gives every UDP socket that is in a slot and has a queue, or has dropped something.</summary>
    public bool WalkUdp(SocketTable table, ISocketSink sink) => Walk(_udp, ref Begin(table, _udpPass), sink);

    private bool Walk(BpfProgram program, ref SocketWalk walk, ISocketSink sink)
    {
        while (walk.Next < walk.Buckets)
        {
            var from = walk.Next;
            if (!Run(program) || !IsBounded(walk))
                return false;
            foreach (ref readonly var record in _records.Values[..(int)walk.Records])
                sink.Take(record);
            if (walk.Next == from)
                return Fail("long_chain");
        }
        return IsWhole(walk);
    }

    private ref SocketWalk Begin(SocketTable table, uint pass)
    {
        _walk.Values[0] = new SocketWalk
        {
            Table = table.Address, Buckets = table.Buckets, Pass = pass, Second = _second, Ahead = Ahead,
        };
        return ref _walk.Values[0];
    }

    private bool Run(BpfProgram program)
    {
        Runs++;
        var error = program.Run([], out var result);
        if (error != Errno.None)
            return Fail(error.ToString());
        return result == 0 || Fail("unknown_layout");
    }

    private bool IsBounded(in SocketWalk walk) =>
        Sockets + walk.Sockets <= MostSockets || Fail("too_many_sockets");

    private bool IsWhole(in SocketWalk walk)
    {
        Sockets += walk.Sockets;
        Strangers += walk.Strangers;
        Repeated += walk.Repeated;
        Crowded += walk.Crowded;
        return walk.Torn == 0 || Fail("torn");
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        return false;
    }

    public void Dispose()
    {
        _walk?.Dispose();
        _tables?.Dispose();
        _totals?.Dispose();
        _udpTotals?.Dispose();
        _records?.Dispose();
        _object.Dispose();
    }
}
