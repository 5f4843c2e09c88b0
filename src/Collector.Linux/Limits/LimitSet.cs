namespace Collector.Linux.Limits;

/// <summary>Every limit of the machine. What is left out is counted anew by each collection.</summary>
public sealed class LimitSet
{
    public LimitSet(LimitOptions options)
    {
        Namespaces = new("namespaces", "limits.namespaces", options.Namespaces);
        Rootless = new("rootless_namespaces", "limits.rootless", options.Rootless);
        Interfaces = new("interfaces", "limits.rows", options.Rows);
        Qdiscs = new("qdiscs", "limits.rows", options.Rows);
        Listeners = new("listeners", "limits.rows", options.Rows);
        UdpSockets = new("udp_sockets", "limits.rows", options.Rows);
        Processes = new("processes", "limits.processes", options.Processes);
        Containers = new("unknown_containers", "limits.containers", options.Containers);
        All = [Namespaces, Rootless, Interfaces, Qdiscs, Listeners, UdpSockets, Processes, Containers];
    }

    /// <summary>Namespaces that root made.</summary>
    public Limit Namespaces { get; }

    /// <summary>Namespaces that any user can make.</summary>
    public Limit Rootless { get; }

    public Limit Interfaces { get; }

    public Limit Qdiscs { get; }

    public Limit Listeners { get; }

    public Limit UdpSockets { get; }

    public Limit Processes { get; }

    /// <summary>Pods and containers that the runtime does not know, told apart by their processes' cgroups.</summary>
    public Limit Containers { get; }

    public IReadOnlyList<Limit> All { get; }

    /// <summary>Takes other limits over. Who is told one by one already stays so.</summary>
    public void Reconfigure(LimitOptions options)
    {
        Namespaces.Most = options.Namespaces;
        Rootless.Most = options.Rootless;
        Interfaces.Most = Qdiscs.Most = Listeners.Most = UdpSockets.Most = options.Rows;
        Processes.Most = options.Processes;
        Containers.Most = options.Containers;
    }

    /// <summary>Begins a collection.</summary>
    internal void Begin()
    {
        // By index: the enumerator of an interface would be allocated.
        for (var i = 0; i < All.Count; i++)
            All[i].LeftOut = 0;
    }
}
