using System.Net;
using System.Text;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Pods;

/// <summary>A pod for people: what <c>netlens list pods</c> shows.</summary>
/// <param name="Namespace">Kubernetes namespace; empty while unknown.</param>
/// <param name="Name">Its name; empty while unknown.</param>
/// <param name="Uid">Its UID.</param>
/// <param name="Sandbox">Id of its sandbox; empty where no runtime told it.</param>
/// <param name="Netns">Inode of its network namespace; 0 while unknown, and for pods in the node's.</param>
/// <param name="HostNetwork">It uses the node's network namespace.</param>
/// <param name="Ready">Its sandbox runs.</param>
/// <param name="Addresses">Its IPs.</param>
/// <param name="Pids">Its processes, all containers and the sandbox.</param>
/// <param name="Source">Who told: cri, or cgroup.</param>
/// <param name="Age">Since the sandbox was made; null while unknown.</param>
public sealed record PodListing(
    string Namespace, string Name, string Uid, string Sandbox, ulong Netns, bool HostNetwork, bool Ready,
    IReadOnlyList<IPAddress> Addresses, IReadOnlyList<int> Pids, string Source, TimeSpan? Age)
{
    /// <summary>What is known now: the runtime's pods, and those that only their cgroups show.</summary>
    internal static IReadOnlyList<PodListing> Read(KernelPaths paths, PodTable table)
    {
        var processes = Processes(paths);
        var now = KernelClock.UnixNow();
        var listed = new List<PodListing>();
        // Of a pod that has a newer sandbox the dead ones are of no interest.
        foreach (var pod in table.All.Where(p => p.GoneAt == 0 && (p.Ready || !p.Names.IsSecondary)))
        {
            var names = pod.Names;
            var uid = names.PodUid ?? "";
            listed.Add(new(names.PodNamespace ?? "", names.PodName ?? "", uid, pod.Sandbox, pod.Netns,
                pod.HostNetwork, pod.Ready, pod.Addresses,
                names.IsSecondary ? [] : processes.GetValueOrDefault(uid) ?? [], "cri",
                TimeSpan.FromTicks(Math.Max(0, now - pod.Created) / 100)));
        }
        var known = listed.Select(p => p.Uid).ToHashSet();
        foreach (var (uid, pids) in processes.Where(p => !known.Contains(p.Key)))
        {
            var (netns, host) = NetnsOf(paths, pids[0]);
            listed.Add(new("", "", uid, "", host ? 0 : netns, host, Ready: true, [], pids, "cgroup", null));
        }
        return
        [
            .. listed.OrderBy(p => p.Namespace, StringComparer.Ordinal).ThenBy(p => p.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>The network namespace of a process, and whether it is the node's; 0 where it cannot be seen.</summary>
    private static (ulong Netns, bool Host) NetnsOf(KernelPaths paths, int pid)
    {
        var (its, first) = (LinkOf(paths, pid), LinkOf(paths, 1));
        // "net:[4026531840]"
        return its is not null && ulong.TryParse(its.AsSpan("net:[".Length).TrimEnd(']'), out var inode)
            ? (inode, its == first)
            : (0, false);
    }

    private static string? LinkOf(KernelPaths paths, int pid)
    {
        try
        {
            return new FileInfo($"{paths.Proc}/{pid}/ns/net").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Process ids by pod UID, from their cgroups.</summary>
    private static Dictionary<string, List<int>> Processes(KernelPaths paths)
    {
        var found = new Dictionary<string, List<int>>();
        foreach (var folder in Directory.EnumerateDirectories(paths.Proc))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var pid))
                continue;
            try
            {
                var path = CgroupPath.ParseFile(Encoding.UTF8.GetBytes(File.ReadAllText($"{folder}/cgroup")));
                if (path.PodUidText is not { } uid)
                    continue;
                if (!found.TryGetValue(uid, out var pids))
                    found.Add(uid, pids = []);
                pids.Add(pid);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Gone meanwhile.
            }
        }
        foreach (var pids in found.Values)
            pids.Sort();
        return found;
    }
}
