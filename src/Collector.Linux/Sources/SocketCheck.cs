using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Compares the pass with sock_diag in one namespace, before it is relied on: what sock_diag tells before and after
/// must have the pass's figure between.
/// </summary>
internal sealed class SocketCheck : IDisposable
{
    /// <summary>On a busy node a figure may go up and down between the two; once it must fit.</summary>
    private const int Attempts = 20;

    private const int Figures = 13;
    private static readonly string[] Names =
    [
        "established", "syn_sent", "syn_received", "fin_wait_1", "fin_wait_2", "time_wait", "closed", "close_wait",
        "last_ack", "listen", "closing", "bytes received", "bytes sent",
    ];

    private readonly InetDiag _diag = new();
    private readonly SocketCounts _counts = new();
    private readonly Listeners _before = new();
    private readonly Listeners _after = new();
    private readonly long[][] _looks = [new long[Figures], new long[Figures], new long[Figures]];

    /// <summary>Null where both agree, else the difference.</summary>
    public string? Difference(SocketPass pass, NamespaceHandle ns)
    {
        var open = new bool[Figures];
        Array.Fill(open, true);
        string? difference = null;
        for (var i = 0; i < Attempts; i++)
        {
            difference = Look(pass, ns, open);
            if (difference is null)
                return null;
        }
        return difference;
    }

    private string? Look(SocketPass pass, NamespaceHandle ns, bool[] open)
    {
        if (!Ask(ns, _before, _looks[0]))
            return $"sock_diag: {_diag.Failure}";
        if (!pass.Read())
            return $"the walk failed: {pass.Failure}";
        if (!pass.TryFind(ns, out var totals, out var listeners))
            return "the kernel's address of the namespace is not known";
        _counts.Take(totals);
        Fill(_looks[1], listeners.Length);
        if (!Ask(ns, _after, _looks[2]))
            return $"sock_diag: {_diag.Failure}";
        return Listening(listeners) ?? Compare(open);
    }

    private bool Ask(NamespaceHandle ns, Listeners listeners, long[] figures)
    {
        if (!_diag.Ask(ns, InetDiag.Listen, memory: true, listeners)
            || !_diag.Ask(ns, InetDiag.AllButListen, memory: false, _counts))
        {
            return false;
        }
        Fill(figures, listeners.All.Count);
        return true;
    }

    private void Fill(long[] figures, int listeners)
    {
        for (var state = 1; state <= 11; state++)
            figures[state - 1] = state == SocketCounts.Listen ? listeners : _counts.InState(state);
        figures[^2] = _counts.ReceiveQueue;
        figures[^1] = _counts.SendQueue;
    }

    private string? Compare(bool[] open)
    {
        string? difference = null;
        for (var i = 0; i < Figures; i++)
        {
            var (before, passed, after) = (_looks[0][i], _looks[1][i], _looks[2][i]);
            open[i] &= passed < Math.Min(before, after) || passed > Math.Max(before, after);
            if (open[i])
                difference = $"{Names[i]}: sock_diag says {before} and {after}, the walk between them {passed}";
        }
        return difference;
    }

    // One that is the same before and after is that in between.
    private string? Listening(ReadOnlySpan<SocketMessage> listeners)
    {
        foreach (var expected in _before.All)
        {
            if (!_after.All.Contains(expected))
                continue;
            var found = false;
            foreach (ref readonly var listener in listeners)
                found |= Listeners.Shape(listener) == expected;
            if (!found)
                return $"the walk did not find the listener of port {expected.LocalPort} as sock_diag tells it";
        }
        return null;
    }

    public void Dispose() => _diag.Dispose();

    /// <summary>Listeners without what may change from one moment to the next.</summary>
    private sealed class Listeners : INetlinkSink
    {
        public HashSet<(ulong, UInt128, ushort LocalPort, int, uint, long)> All { get; } = [];

        public void Begin() => All.Clear();

        public bool Take(in NetlinkMessage message)
        {
            if (!SocketMessage.TryParse(message, out var socket))
                return false;
            if (socket.State == SocketCounts.Listen)
                All.Add(Shape(socket));
            return true;
        }

        public static (ulong, UInt128, ushort, int, uint, long) Shape(in SocketMessage socket) => (
            socket.Id, socket.LocalAddress, socket.LocalPort, socket.Interface, socket.Limit, socket.Drops);
    }
}
