using Collector.Core.Identity;
using Collector.Core.Probes;
using Collector.Core.Snapshots;

namespace Collector.Worker.Collection;

/// <summary>The machine that is being watched: which probes it knows and which namespaces it has.</summary>
internal interface INode : IDisposable
{
    /// <summary>Every probe there is, also those that this system cannot run.</summary>
    IReadOnlyList<ProbeInfo> Catalogue { get; }

    /// <summary>Its network namespaces, the host's first.</summary>
    IEnumerable<NetNamespace> Namespaces { get; }

    int NamespaceCount { get; }

    /// <summary>Namespaces that exist but could not be opened.</summary>
    int UnreadableNamespaces { get; }

    /// <summary>Makes a probe without starting it.</summary>
    /// <exception cref="ProbeUnavailableException">This system can never run it.</exception>
    Probe Create(ProbeInfo info, ProbeSettings settings);

    /// <summary>Called at the start of each collection: finds births and deaths.</summary>
    void Refresh(SnapshotBuilder snapshot);
}
