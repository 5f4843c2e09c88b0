using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods.Cri;

namespace Collector.Linux.Pods;

/// <summary>Asks the runtime for the details of sandboxes, each once in its life, and makes pods of them.</summary>
internal sealed class SandboxReader(
    KernelPaths paths, NamespaceRegistry namespaces, RuntimeSession session, PodLabels labels,
    PodStatistics statistics)
{
    private const int StatusCallsAtOnce = 8;
    private readonly HashSet<string> _refused = [];

    /// <summary>A sandbox of the last read could not be asked for, and is to be tried again.</summary>
    public bool Retry { get; private set; }

    /// <summary>True for a sandbox that is no pod: it is not asked for again.</summary>
    public bool IsRefused(string sandbox) => _refused.Contains(sandbox);

    /// <summary>Forgets what it refused, but for these.</summary>
    public void Keep(IEnumerable<string> present) => _refused.IntersectWith(present);

    /// <summary>The pods of these sandboxes, without those that are none or could not be read.</summary>
    public async Task<List<Pod>> ReadAsync(IEnumerable<PodSandbox> sandboxes, CancellationToken stop)
    {
        var found = new List<Pod>();
        Retry = false;
        await Parallel.ForEachAsync(
            sandboxes, new ParallelOptions { MaxDegreeOfParallelism = StatusCallsAtOnce, CancellationToken = stop },
            async (sandbox, cancel) =>
            {
                if (await TryReadAsync(sandbox, cancel).ConfigureAwait(false) is not { } pod)
                    return;
                lock (found)
                    found.Add(pod);
            }).ConfigureAwait(false);
        return found;
    }

    private async Task<Pod?> TryReadAsync(PodSandbox sandbox, CancellationToken stop)
    {
        var id = sandbox.Id.Text();
        try
        {
            // Labels and names first: what is no pod costs no call.
            SubjectNames? names;
            lock (labels)
                names = labels.NamesOf(sandbox);
            if (names is null)
            {
                Refuse(id);
                return null;
            }
            var request = new PodSandboxStatusRequest { PodSandboxId = id, Verbose = true };
            var response = await session.CallAsync(
                "PodSandboxStatus", (c, o) => c.PodSandboxStatusAsync(request, o), stop).ConfigureAwait(false);
            var details = SandboxDetails.Of(response);
            if (!details.IsEnough)
                details = details with { Pid = await PidOfAContainerAsync(id, stop).ConfigureAwait(false) };
            if (!details.IsEnough)
            {
                statistics.Reject("bad_status");
                Refuse(id);
                return null;
            }
            var (inode, cookie) = details.HostNetwork ? (0, 0) : NetnsOf(details, sandbox);
            return new Pod
            {
                Sandbox = id,
                Names = names,
                Created = sandbox.CreatedAt,
                Attempt = sandbox.Metadata.Attempt,
                HostNetwork = details.HostNetwork,
                NetnsPath = details.NetnsPath,
                Netns = inode,
                NetnsCookie = cookie,
                Pid = details.Pid,
                Addresses = details.Addresses,
            };
        }
        catch (CriException e) when (e.Status == CriException.NotFound)
        {
            return null; // Removed since it was listed.
        }
        catch (CriException)
        {
            Retry = true;
            return null;
        }
    }

    private void Refuse(string sandbox)
    {
        lock (_refused)
            _refused.Add(sandbox);
    }

    // CRI-O may run a pod without a process of its own: then one of its containers tells.
    private async Task<int> PidOfAContainerAsync(string sandbox, CancellationToken stop)
    {
        var ofSandbox = new ListContainersRequest { Filter = new ContainerFilter { PodSandboxId = sandbox } };
        var list = await session.CallAsync("ListContainers", (c, o) => c.ListContainersAsync(ofSandbox, o), stop)
            .ConfigureAwait(false);
        foreach (var container in list.Containers.Where(c => c.State == ContainerState.ContainerRunning))
        {
            var request = new ContainerStatusRequest { ContainerId = container.Id.Text(), Verbose = true };
            var status = await session.CallAsync(
                "ContainerStatus", (c, o) => c.ContainerStatusAsync(request, o), stop).ConfigureAwait(false);
            if (SandboxDetails.PidOf(status) is > 0 and var pid)
                return pid;
        }
        return 0;
    }

    /// <summary>
    /// The namespace's inode and cookie, by its mount, or by its process as long as that is in the sandbox's or the
    /// pod's cgroup: a process id that was used again is somebody else's.
    /// </summary>
    private (ulong Inode, ulong Cookie) NetnsOf(SandboxDetails details, PodSandbox sandbox)
    {
        var path = details.NetnsPath.Length > 0
            ? namespaces.PathOfMount(details.NetnsPath)
            : $"{paths.Proc}/{details.Pid}/ns/net";
        try
        {
            using var fd = SafeFd.Open(path);
            if (details.NetnsPath.Length == 0 && !IsOf(details.Pid, sandbox))
                return (0, 0);
            return (fd.Inode(), namespaces.CookieOf(fd));
        }
        catch (LinuxException)
        {
            return (0, 0); // Gone already, or not ours to see; the collection tries again by the path.
        }
    }

    private bool IsOf(int pid, PodSandbox sandbox)
    {
        try
        {
            var text = File.ReadAllBytes($"{paths.Proc}/{pid}/cgroup");
            var uid = sandbox.Metadata.Uid;
            return text.AsSpan().IndexOf(sandbox.Id.Span) >= 0
                || (uid.Length > 0 && CgroupPath.ParseFile(text).IsPod(uid.Span));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
