namespace Collector.Core.Probes;

/// <summary>
/// The machine does not have what a probe needs: a value for the operator, not a fault of the program.
/// </summary>
public sealed class ProbeUnavailableException : Exception
{
    /// <summary>The machine only lacks it now: it is worth trying again though nothing has changed.</summary>
    public bool MayPass { get; init; }

    public ProbeUnavailableException()
    {
    }

    public ProbeUnavailableException(string message) : base(message)
    {
    }

    public ProbeUnavailableException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
