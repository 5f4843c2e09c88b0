using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Namespaces;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tcp;

/// <summary>The sockets of one namespace.</summary>
public sealed class TcpSockets : IDisposable
{
    private readonly InetDiag _diag = new();
    private readonly SocketCounts _counts = new();
    private readonly TcpStillness _stillness = new();
    private readonly TcpListeners _listeners;
    private readonly TcpConnections _connections;
    private readonly Row _row;
    private SocketTotals _totals;
    private bool _byPass;

    internal TcpSockets(
        NetNamespace ns, RowAllowance listeners, ListenerOwners? owners, TableInfo states, bool all = false)
    {
        _row = new Row(states, ns, ns.StartTime);
        _listeners = new TcpListeners(ns, listeners, owners, all);
        _connections = new TcpConnections(ns);
    }

    internal string Failure => _diag.Failure;

    /// <summary>Walks of the machine's sockets so far.</summary>
    internal long Walks { get; private set; }

    /// <param name="ns">The namespace.</param>
    /// <param name="snapshot">The collection.</param>
    /// <param name="pass">What was found in all namespaces; null: sock_diag is asked.</param>
    /// <param name="mib">Has what tells whether sock_diag need be asked; null: /proc tells.</param>
    internal bool Read(
        NamespaceHandle ns, SnapshotBuilder snapshot, SocketPass? pass = null, MibPass? mib = null) =>
        ((_byPass = Take(ns, pass)) || Ask(ns, snapshot, mib))
        && _listeners.Commit(ns, snapshot);

    private bool Take(NamespaceHandle ns, SocketPass? pass)
    {
        if (pass is null || !pass.TryFind(ns, out _totals, out var listeners))
            return false;
        _counts.Take(_totals);
        _stillness.Forget();
        _listeners.Begin();
        foreach (ref readonly var listener in listeners)
            _listeners.Take(listener);
        return true;
    }

    private bool Ask(NamespaceHandle ns, SnapshotBuilder snapshot, MibPass? mib) =>
        (_stillness.Holds(ns, snapshot.Tick, mib) || Walk(ns))
        && _diag.Ask(ns, InetDiag.Listen, memory: true, _listeners);

    private bool Walk(NamespaceHandle ns)
    {
        Walks++;
        var complete = _diag.Ask(ns, InetDiag.AllButListen, memory: false, _counts);
        _stillness.Walked(_counts, complete);
        return complete;
    }

    internal void Write(SnapshotBuilder snapshot)
    {
        TcpSummary.Write(_row, snapshot, _counts, _listeners.Sockets);
        _listeners.Write(snapshot);
        if (_byPass)
            _connections.Write(_totals, snapshot);
    }

    public void Dispose()
    {
        _listeners.Close();
        _diag.Dispose();
    }
}
