using Collector.Linux.Limits;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>limits</c>: whole numbers all.</summary>
internal static class LimitKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Key("namespaces", 1, 100_000,
            "Network namespaces of root that are read: mounted ones, services. Pods that the runtime knows always are.",
            l => l.Namespaces, (l, n) => l with { Namespaces = n }),
        Key("rootless", 0, 100_000,
            "Network namespaces that are read although any user can make such ones (unshare -Urn, rootless "
                + "containers): the oldest.",
            l => l.Rootless, (l, n) => l with { Rootless = n }),
        Key("rows", 0, 100_000,
            "Interfaces of a namespace with rows of their own, and as many qdiscs; the rest is one row, other. All "
                + "rootless namespaces share as many as one other has, of listeners and UDP sockets too.",
            l => l.Rows, (l, n) => l with { Rows = n }),
        Key("processes", 0, 10_000_000,
            "Processes whose descriptors and I/O are read. Those of root and of pods always are.",
            l => l.Processes, (l, n) => l with { Processes = n }),
        Key("containers", 0, 100_000,
            "Pods on the node's network, and where figures are told by container as many containers, that have rows of "
                + "their own although the runtime does not know them. Those it knows always have.",
            l => l.Containers, (l, n) => l with { Containers = n }),
    ];

    private static ValueKey Key(
        string name, long least, long most, string description, Func<LimitOptions, int> get,
        Func<LimitOptions, int, LimitOptions> set) =>
        new($"limits.{name}", ValueType.Integer(least, most), description,
            o => (long)get(o.Limits), (o, v) => o with { Limits = set(o.Limits, (int)(long)v!) })
        {
            Variable = $"NETLENS_LIMITS_{name.ToUpperInvariant()}",
        };
}
