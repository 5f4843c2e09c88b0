using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>One protocol in the pass over sockets: whether the pass is used, and how it went.</summary>
internal sealed class SocketPart(CollectedPart part)
{
    /// <summary>Collections in a row that a walk could not give: it is not tried for ever.</summary>
    private const int MostFailures = 16;

    private int _failures;
    private long _failed = -1;

    /// <summary>Walks, once per collection.</summary>
    public required Func<SocketPass, long, bool> Read { get; init; }

    /// <summary>Null, or how the pass differs from what the kernel says elsewhere.</summary>
    public required Func<SocketPass, NamespaceHandle, string?> Check { get; init; }

    /// <summary>What is said where it does not differ.</summary>
    public required string Agrees { get; init; }

    public bool IsChosen => part.IsChosen;

    public bool FromKernel => part.FromKernel;

    public bool IsDeclined() => part.IsDeclined();

    /// <param name="difference">Why the pass is not to be used; null: it is.</param>
    public void Choose(string? difference)
    {
        _failures = 0;
        part.Choose(difference is null, difference ?? Agrees);
    }

    /// <summary>False where the collection cannot have it, which is counted.</summary>
    public bool TryRead(SocketPass pass, long tick)
    {
        if (Read(pass, tick))
        {
            _failures = 0;
            return true;
        }
        if (_failed != tick)
            CountFailure(pass.Failure);
        _failed = tick;
        return false;
    }

    private void CountFailure(string reason)
    {
        part.CountFallback(reason);
        if (++_failures >= MostFailures)
            Choose($"{MostFailures} collections in a row failed: {reason}");
    }
}
