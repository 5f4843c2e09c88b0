using System.Net.Sockets;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Worker.Findings;

/// <summary>A fault under way in namespaces of its own, and what has been seen of it until now.</summary>
internal sealed class FaultTrial(Fault fault, ProbeHost host, int place) : IDisposable
{
    public Fault Fault { get; } = fault;

    public FaultPair Pair { get; } = new(host, place);

    /// <summary>Where it is to be seen.</summary>
    public FaultNamespace Place => Fault.AtClient ? Pair.Client : Pair.Server;

    /// <summary>What the metric had before.</summary>
    public long Before { get; set; }

    public TimeSpan? Metric { get; set; }

    public TimeSpan? Event { get; set; }

    public TimeSpan? Finding { get; set; }

    public bool IsSeen => Metric is not null && Finding is not null && (Fault.Event is null || Event is not null);

    /// <summary>All was seen, or it cannot be caused.</summary>
    public bool IsOver => IsSeen || Failure is not null;

    /// <summary>Why this kernel cannot show it, or lets nobody cause it; null: no reason is known.</summary>
    public string? Hindrance { get; private set; } = fault.Hindrance(host);

    /// <summary>Why it could not be caused; null while it can.</summary>
    public string? Failure { get; private set; }

    /// <summary>What there is to tell, once it is over.</summary>
    public SelftestResult? Result { get; set; }

    /// <summary>Causes it, or more of it.</summary>
    public void Cause()
    {
        try
        {
            Pair.Cause(Fault);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException or SocketException)
        {
            Failure = $"it cannot be caused here: {e.Message}";
            if (IsLack(e))
                Hindrance ??= Failure;
        }
    }

    // A kind of device or queue, a setting, an option of sockets that the kernel does not have.
    private static bool IsLack(Exception e) => e switch
    {
        LinuxException { Errno: var errno } =>
            errno.ToString() is "EOPNOTSUPP" or "ENOENT" or "ENODEV" or "ENOPROTOOPT",
        SocketException { SocketErrorCode: var code } => code is SocketError.ProtocolOption
            or SocketError.OperationNotSupported or SocketError.AddressFamilyNotSupported,
        _ => e is FileNotFoundException or DirectoryNotFoundException,
    };

    public void Dispose() => Pair.Dispose();
}
