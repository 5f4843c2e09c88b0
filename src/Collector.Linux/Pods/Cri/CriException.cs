namespace Collector.Linux.Pods.Cri;

/// <summary>A call to the container runtime failed.</summary>
/// <param name="reason">Short constant for the failure's label.</param>
/// <param name="message">For people, with the socket's path.</param>
internal sealed class CriException(string reason, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>gRPC's code for a thing that is not there.</summary>
    public const int NotFound = 5;

    public CriException() : this("", "")
    {
    }

    public CriException(string message) : this("", message)
    {
    }

    public CriException(string message, Exception innerException) : this("", message, innerException)
    {
    }

    public string Reason { get; } = reason;

    /// <summary>The runtime's grpc-status; 0 where it gave none.</summary>
    public int Status { get; init; }
}
