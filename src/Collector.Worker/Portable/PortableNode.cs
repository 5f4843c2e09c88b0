using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Worker.Collection;

namespace Collector.Worker.Portable;

/// <summary>
/// A machine without network namespaces as we know them (Windows): one namespace, that of the machine.
/// </summary>
internal sealed class PortableNode : INode
{
    private readonly NetNamespace _machine = new(inode: 0, generation: 1, isHost: true, StartOfMachine());

    /// <inheritdoc/>
    public IReadOnlyList<ProbeInfo> Catalogue { get; } = [.. AllProbes.List.Select(p => p.Info)];

    public IEnumerable<NetNamespace> Namespaces => [_machine];

    public int NamespaceCount => 1;

    public int UnreadableNamespaces => 0;

    public Probe Create(ProbeInfo info, ProbeSettings settings) => PortableProbes.Create(info, settings, _machine);

    public void Refresh(SnapshotBuilder snapshot)
    {
        // The machine's namespace is always there and always the same.
    }

    public void Dispose()
    {
        // Nothing is held open.
    }

    // The system's counters count from its start.
    private static long StartOfMachine() =>
        SnapshotBuilder.UnixNanoseconds(DateTimeOffset.UtcNow - TimeSpan.FromMilliseconds(Environment.TickCount64));
}
