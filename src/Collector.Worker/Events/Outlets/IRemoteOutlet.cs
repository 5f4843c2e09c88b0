using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// A backend on the other side of the network, which may be away for a while. One attempt at a time: who calls decides
/// when to try again and where events wait meanwhile.
/// </summary>
internal interface IRemoteOutlet : IDisposable
{
    /// <summary>One word for self-metrics and the log.</summary>
    string Name { get; }

    /// <summary>Where to, for the log, without what may be a secret.</summary>
    string Target { get; }

    /// <summary>Tries once. Does not throw for anything that the network or the server does.</summary>
    /// <param name="batch">In the order in which they were published.</param>
    /// <param name="stop">Ends the request under way.</param>
    SendResult Send(ReadOnlyMemory<NetworkEvent> batch, CancellationToken stop);
}

/// <summary>What became of a batch at one attempt.</summary>
/// <param name="Settled">So many from the front need not be sent again: they arrived, or never will.</param>
/// <param name="Refused">So many of these never will.</param>
/// <param name="Trouble">Why not all arrived; empty when they did.</param>
/// <param name="RetryAfter">How long the server wants to be left alone.</param>
internal readonly record struct SendResult(
    int Settled, int Refused = 0, string Trouble = "", TimeSpan? RetryAfter = null)
{
    public int Arrived => Settled - Refused;
}
