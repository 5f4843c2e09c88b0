using System.Net.Sockets;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Worker.Findings;

/// <summary>A fault under way in namespaces of its own, and what has been seen of it until now.</summary>
internal sealed class FaultTrial : IDisposable
{
    /// <param name="fault">Which.</param>
    /// <param name="host">Is told of its namespaces.</param>
    /// <param name="place">Which of those side by side, from 0 on.</param>
    /// <param name="intensity">How much of it is caused, 1 as documented.</param>
    /// <exception cref="LinuxException">This user may not make namespaces.</exception>
    public FaultTrial(Fault fault, ProbeHost host, int place, double intensity)
    {
        Fault = fault;
        Hindrance = fault.Hindrance(host);
        try
        {
            Pair = new FaultPair(host, place) { Intensity = intensity };
        }
        catch (Exception e) when (IsRefusal(e) && !IsForbidden(e))
        {
            Refuse(e);
        }
    }

    public Fault Fault { get; }

    /// <summary>Null where it could not be made.</summary>
    public FaultPair? Pair { get; }

    /// <summary>Inode number of the namespace where it is to be seen; 0 where there is none.</summary>
    public ulong Inode => (Fault.AtClient ? Pair?.Client : Pair?.Server)?.Inode ?? 0;

    /// <summary>Those of client and server.</summary>
    public IEnumerable<ulong> Inodes => Pair is { } pair ? [pair.Client.Inode, pair.Server.Inode] : [];

    /// <summary>What the metric had before.</summary>
    public long Before { get; set; }

    public TimeSpan? Metric { get; set; }

    /// <summary>The collection that first showed it, the first after its cause being 1; 0: none did.</summary>
    public int MetricCollection { get; set; }

    public TimeSpan? Event { get; set; }

    public TimeSpan? Finding { get; set; }

    /// <summary>The collection by which it was found; 0: by none.</summary>
    public int FindingCollection { get; set; }

    public bool IsSeen => Metric is not null && Finding is not null && (Fault.Event is null || Event is not null);

    /// <summary>All was seen, or there is no use in causing it.</summary>
    public bool IsOver => IsSeen || !IsCausable;

    /// <summary>Nothing is known that it could not be caused or seen for.</summary>
    public bool IsCausable => Failure is null && Hindrance is null && Unasked is null;

    /// <summary>The setting by which it is not to be seen; null: none.</summary>
    public string? Unasked { get; set; }

    /// <summary>Why this kernel cannot show it, or lets nobody cause it; null: no reason is known.</summary>
    public string? Hindrance { get; set; }

    /// <summary>Why it could not be caused or seen, for a reason that is not the kernel's; null while it can.</summary>
    public string? Failure { get; set; }

    /// <summary>What there is to tell, once it is over.</summary>
    public SelftestResult? Result { get; set; }

    /// <summary>Causes it, or more of it.</summary>
    public void Cause()
    {
        try
        {
            Pair?.Cause(Fault);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            Refuse(e);
        }
    }

    private void Refuse(Exception e)
    {
        var reason = $"it cannot be caused here: {e.Message}";
        if (IsLack(e))
            Hindrance ??= reason;
        else
            Failure ??= reason;
    }

    private static bool IsRefusal(Exception e) =>
        e is LinuxException or IOException or UnauthorizedAccessException or SocketException;

    // Then no other can be made either.
    private static bool IsForbidden(Exception e) => e is LinuxException { Errno: var errno }
        && errno.ToString() is "EPERM";

    // A kind of device or queue, a setting, an option of sockets that the kernel does not have.
    private static bool IsLack(Exception e) => e switch
    {
        LinuxException { Errno: var errno } =>
            errno.ToString() is "EOPNOTSUPP" or "ENOENT" or "ENODEV" or "ENOPROTOOPT" or "EPROTONOSUPPORT",
        SocketException { SocketErrorCode: var code } => code is SocketError.ProtocolOption
            or SocketError.OperationNotSupported or SocketError.AddressFamilyNotSupported,
        _ => e is FileNotFoundException or DirectoryNotFoundException,
    };

    public void Dispose() => Pair?.Dispose();
}
