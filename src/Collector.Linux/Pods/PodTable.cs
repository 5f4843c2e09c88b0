using System.Collections.Frozen;
using System.Net;

namespace Collector.Linux.Pods;

/// <summary>
/// All pods of the node at one moment: made anew and swapped whole, so readers on any thread need no lock and look-ups
/// allocate nothing.
/// </summary>
internal sealed class PodTable
{
    private static readonly FrozenDictionary<string, string> None = FrozenDictionary<string, string>.Empty;
    private readonly FrozenDictionary<string, Pod> _bySandbox;
    private readonly FrozenDictionary<string, Pod> _byPath;
    private readonly FrozenDictionary<string, Pod> _byUid;
    private readonly FrozenDictionary<(ulong Inode, uint Cookie), Pod> _byNetns;
    private readonly FrozenDictionary<IPAddress, Pod> _byAddress;

    /// <param name="pods">One per sandbox; those that are gone for a short while too.</param>
    /// <param name="version">Grows with every table.</param>
    /// <param name="containers">Names of containers by id, where they are asked for.</param>
    public PodTable(
        IEnumerable<Pod> pods, long version, FrozenDictionary<string, string>? containers = null)
    {
        Version = version;
        Containers = containers ?? None;
        All = [.. Ranked(pods)];
        _bySandbox = All.ToFrozenDictionary(p => p.Sandbox);
        _byPath = First(All.Where(p => p.NetnsPath.Length > 0), p => p.NetnsPath);
        _byUid = First(All.Where(p => p.Names.PodUid is not null), p => p.Names.PodUid!);
        // Without a cookie a number may be another namespace's by now: only while the pod is there.
        _byNetns = First(
            All.Where(p => p.Netns != 0 && (p.NetnsCookie != 0 || p is { Ready: true, GoneAt: 0 })),
            p => (p.Netns, (uint)p.NetnsCookie));
        _byAddress = First(
            All.Where(p => p is { HostNetwork: false, Ready: true, GoneAt: 0 })
                .SelectMany(p => p.Addresses, (pod, address) => (pod, address)),
            x => x.address, x => x.pod);
    }

    public static PodTable Empty { get; } = new([], 0);

    public long Version { get; }

    /// <summary>The newest sandbox of a pod before its older ones.</summary>
    public IReadOnlyList<Pod> All { get; }

    /// <summary>Names of containers by id; empty where nobody asked for them.</summary>
    public FrozenDictionary<string, string> Containers { get; }

    public Pod? OfSandbox(string id) => _bySandbox.GetValueOrDefault(id);

    /// <summary>True for the id of a sandbox: its process is in a cgroup as if it were a container.</summary>
    public bool IsSandbox(ReadOnlySpan<char> id) =>
        _bySandbox.GetAlternateLookup<ReadOnlySpan<char>>().ContainsKey(id);

    /// <summary>By the mount of its network namespace, which is never used for another.</summary>
    public Pod? OfPath(string path) => _byPath.GetValueOrDefault(Normal(path));

    /// <summary>By UID as the API server writes it: of any process, by its cgroup.</summary>
    public Pod? OfUid(string uid) => _byUid.GetValueOrDefault(uid);

    /// <summary>By network namespace: the inode and the low half of the cookie, 0 where the kernel has none.</summary>
    public Pod? OfNetns(ulong inode, uint cookie) => _byNetns.GetValueOrDefault((inode, cookie));

    /// <summary>By any of its addresses; pods that use the node's network have none of their own.</summary>
    public Pod? OfAddress(IPAddress address) =>
        _byAddress.GetValueOrDefault(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <summary>/var/run is a link to /run; runtimes write either.</summary>
    public static string Normal(string path) =>
        path.StartsWith("/var/run/", StringComparison.Ordinal) ? path[4..] : path;

    /// <summary>
    /// Of several sandboxes of one pod the newest that is ready is the pod; the others get names that say so.
    /// </summary>
    private static IEnumerable<Pod> Ranked(IEnumerable<Pod> pods)
    {
        foreach (var group in pods.GroupBy(p => (p.Names.PodNamespace, p.Names.PodName)))
        {
            var first = true;
            foreach (var pod in group.OrderBy(p => p.GoneAt > 0).ThenByDescending(p => p.Ready)
                         .ThenByDescending(p => p.Attempt).ThenByDescending(p => p.Created)
                         .ThenBy(p => p.Sandbox, StringComparer.Ordinal))
            {
                // The same object as long as nothing changed: exporters compare the reference.
                yield return pod.Names.IsSecondary == !first
                    ? pod
                    : pod with { Names = pod.Names with { IsSecondary = !first } };
                first = false;
            }
        }
    }

    private static FrozenDictionary<TKey, Pod> First<TKey>(IEnumerable<Pod> pods, Func<Pod, TKey> key)
        where TKey : notnull => First(pods, key, p => p);

    private static FrozenDictionary<TKey, Pod> First<T, TKey>(
        IEnumerable<T> items, Func<T, TKey> key, Func<T, Pod> pod) where TKey : notnull
    {
        var found = new Dictionary<TKey, Pod>();
        foreach (var item in items)
            found.TryAdd(key(item), pod(item));
        return found.ToFrozenDictionary();
    }
}
