using System.Net;
using Collector.Core.Subjects;

namespace Collector.Linux.Pods;

/// <summary>One sandbox of a pod, as the runtime told it. Immutable.</summary>
internal sealed record Pod
{
    /// <summary>The sandbox's id: the only name that is never used twice.</summary>
    public required string Sandbox { get; init; }

    /// <summary>Namespace, name, uid and chosen labels.</summary>
    public required SubjectNames Names { get; init; }

    /// <summary>As namespace/name.</summary>
    public string Name => $"{Names.PodNamespace}/{Names.PodName}";

    /// <summary>Unix nanoseconds.</summary>
    public required long Created { get; init; }

    /// <summary>Kubelet's count of sandboxes for this pod, from 0.</summary>
    public uint Attempt { get; init; }

    /// <summary>False once the sandbox's process is gone; its namespace may live on.</summary>
    public bool Ready { get; init; } = true;

    /// <summary>True where it uses the node's network namespace.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>Mount of its network namespace, /var/run written as /run; empty where the runtime told none.</summary>
    public string NetnsPath { get; init; } = "";

    /// <summary>Inode of that namespace; 0 while unknown.</summary>
    public ulong Netns { get; init; }

    /// <summary>The kernel's number for that one life of the namespace; 0 where unknown.</summary>
    public ulong NetnsCookie { get; init; }

    /// <summary>The sandbox's process; 0 where the runtime told none.</summary>
    public int Pid { get; init; }

    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>Since when the runtime does not list it, in milliseconds of uptime; 0 while it does.</summary>
    public long GoneAt { get; init; }

    public override string ToString() => $"{Name} ({Sandbox})";
}
