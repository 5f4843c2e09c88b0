using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Flows;

/// <summary>
/// Sums up what the open connections of all namespaces have carried: runs a program over the kernel's table of
/// connections, and over those that single namespaces have for themselves (tcp_child_ehash_entries).
/// </summary>
/// <remarks>Belongs to the collection thread.</remarks>
internal sealed class FlowWalk : IDisposable
{
    private readonly ProbeHost _host;
    private readonly BpfProgram _walk;
    private readonly BpfProgram _find;
    private readonly MappedArray<SocketWalk> _state;
    private readonly MappedArray<FlowTable> _tables;
    private readonly Dictionary<NamespaceHandle, SocketTable> _byNamespace = [];
    private readonly List<SocketTable> _all = [];
    private long _version = -1;
    private long _sockets;

    /// <param name="host">Knows the namespaces.</param>
    /// <param name="loaded">The program's object.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public FlowWalk(ProbeHost host, BpfObject loaded)
    {
        _host = host;
        (_walk, _find) = (loaded.Program("walk_open"), loaded.Program("find_table"));
        _state = new(loaded.Map("walks"), writable: true);
        try
        {
            _tables = new(loaded.Map("tables"), writable: true);
        }
        catch
        {
            _state.Dispose();
            throw;
        }
        _host.Namespaces.Leaving += Forget;
    }

    /// <summary>Short constant for why the last walk is void.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>No other walk can succeed either.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Number of the last walk; what an earlier one counted is void.</summary>
    public uint Pass { get; private set; }

    /// <summary>Connections that the last walk found no room for.</summary>
    public long Crowded { get; private set; }

    /// <summary>Walks now; false when the figures are not whole.</summary>
    public bool Run()
    {
        // A key that nobody counted for has 0.
        if (++Pass == 0)
            Pass = 1;
        (_sockets, Crowded) = (0, 0);
        FollowNamespaces();
        foreach (var table in _all)
        {
            if (!Run(table))
                return false;
        }
        return _all.Count > 0 || Fail("no_table");
    }

    private bool Run(SocketTable table)
    {
        _state.Values[0] = new SocketWalk { Table = table.Address, Buckets = table.Buckets, Pass = Pass };
        ref var walk = ref _state.Values[0];
        while (walk.Next < walk.Buckets)
        {
            if (!Run(_walk))
                return false;
            if (_sockets + walk.Sockets > SocketWalker.MostSockets)
                return Fail("too_many_sockets");
        }
        _sockets += walk.Sockets;
        Crowded += walk.Crowded;
        return walk.Torn == 0 || Fail("torn");
    }

    private void FollowNamespaces()
    {
        if (_version == _host.Namespaces.Version)
            return;
        _version = _host.Namespaces.Version;
        _all.Clear();
        Add(TableOf(0));
        if (!_host.Addresses.Start(this))
            return;
        _host.Addresses.Refresh();
        var all = _host.Namespaces.All;
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i].NetAddress == 0)
                continue;
            if (!_byNamespace.TryGetValue(all[i], out var table))
                _byNamespace.Add(all[i], table = TableOf(all[i].NetAddress));
            Add(table);
        }
    }

    private void Add(SocketTable table)
    {
        if (table is { Address: not 0, Buckets: not 0 } && !_all.Contains(table))
            _all.Add(table);
    }

    // Of a namespace; 0: of the calling thread's.
    private SocketTable TableOf(ulong net)
    {
        _tables.Values[0] = new FlowTable { Net = net };
        return Run(_find) ? new(_tables.Values[0].Address, (uint)_tables.Values[0].Buckets) : default;
    }

    private bool Run(BpfProgram program)
    {
        var error = program.Run([], out var result);
        IsLost = error != Errno.None || result != 0;
        return !IsLost || Fail(error != Errno.None ? error.ToString() : "unknown_layout");
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        return false;
    }

    private void Forget(NamespaceHandle ns) => _byNamespace.Remove(ns);

    public void Dispose()
    {
        _host.Namespaces.Leaving -= Forget;
        _host.Addresses.Release(this);
        _state.Dispose();
        _tables.Dispose();
    }
}
