using Collector.Linux.Kernel.Netlink;

namespace Collector.Linux.Sources;

/// <summary>Adds up the sockets that do not listen: no object per socket, nothing kept.</summary>
internal sealed class SocketCounts : INetlinkSink
{
    public const int Closed = 7;
    public const int Listen = 10;
    private const int NewSynReceived = 12;
    private readonly long[] _states = new long[NewSynReceived];

    /// <summary>Sockets of every state, also of states that this version does not know.</summary>
    public long All { get; private set; }

    public long ReceiveQueue { get; private set; }

    public long SendQueue { get; private set; }

    public long InState(int state) => _states[state];

    public void Begin()
    {
        Array.Clear(_states);
        All = 0;
        ReceiveQueue = 0;
        SendQueue = 0;
    }

    public bool Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        All++;
        // inet_diag shows a half-open connection as SYN_RECV (3); 12 is its name inside the kernel.
        var state = socket.State == NewSynReceived ? 3 : socket.State;
        if (state >= _states.Length || state == 0)
            return true; // A state of a newer kernel: nothing that this table has a column for.
        _states[state]++;
        if (state != Listen)
        {
            ReceiveQueue += socket.ReceiveQueue;
            SendQueue += socket.SendQueue;
        }
        return true;
    }

    /// <summary>Takes what the pass counted.</summary>
    public void Take(in SocketTotals totals)
    {
        Begin();
        ReadOnlySpan<uint> states = totals.States;
        foreach (var count in states)
            All += count;
        for (var state = 1; state < _states.Length; state++)
            _states[state] = states[state];
        ReceiveQueue = (long)totals.Receive;
        SendQueue = (long)totals.Send;
    }
}
