using System.Diagnostics;
using System.Text;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Pods;

/// <summary>
/// First signs of pods: a new mount point of a network namespace, a new cgroup of a pod, processes of one that nobody
/// knows. Each is remembered until its pod is known or a while has passed.
/// </summary>
internal sealed class PodSigns : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly string[] Hierarchies = ["pids", "memory", "cpu", "systemd"];

    // As the cgroupfs and the systemd driver of the kubelet make them.
    private static readonly string[] PodFolders =
    [
        "kubepods", "kubepods/burstable", "kubepods/besteffort", "kubepods.slice",
        "kubepods.slice/kubepods-burstable.slice", "kubepods.slice/kubepods-besteffort.slice",
    ];

    private const int MostFutile = 4096;
    private readonly Dictionary<string, long> _waiting = [];
    private readonly HashSet<string> _futile = [];
    private readonly string[] _folders;
    private readonly FolderWatch? _watch;
    private readonly Action _seen;

    /// <param name="paths">Where /sys is.</param>
    /// <param name="netns">Folder of named network namespaces, as this process reaches it.</param>
    /// <param name="seen">Called at every sign, on another thread.</param>
    public PodSigns(KernelPaths paths, string netns, Action seen)
    {
        _seen = seen;
        _folders = [netns, .. CgroupFolders($"{paths.Sys}/fs/cgroup")];
        try
        {
            _watch = new FolderWatch(Add);
        }
        catch (LinuxException)
        {
            // Without inotify the poll finds them.
        }
    }

    /// <summary>True while some sign has no pod yet.</summary>
    public bool Any
    {
        get
        {
            lock (_waiting)
                return _waiting.Count > 0;
        }
    }

    /// <summary>Watches folders that were not there before.</summary>
    public void Refresh()
    {
        if (_watch is null)
            return;
        foreach (var folder in _folders)
            _watch.Watch(folder);
    }

    /// <summary>Forgets the signs of pods that are known, and those that came to nothing.</summary>
    public void Settle(PodTable table)
    {
        lock (_waiting)
        {
            foreach (var (sign, since) in _waiting)
            {
                var known = table.OfPath("/run/netns/" + sign) is not null || table.OfUid(sign) is not null
                    || table.Containers.ContainsKey(sign) || table.OfSandbox(sign) is not null;
                if (!known && Stopwatch.GetElapsedTime(since) <= Patience)
                    continue;
                _waiting.Remove(sign);
                if (known)
                    continue;
                if (_futile.Count >= MostFutile)
                    _futile.Clear();
                _futile.Add(sign);
            }
        }
    }

    /// <summary>A collection met a pod's UID, its namespace's name or a container's id that nobody knows.</summary>
    public void Expect(string sign)
    {
        lock (_waiting)
        {
            if (_futile.Contains(sign) || !_waiting.TryAdd(sign, Stopwatch.GetTimestamp()))
                return;
        }
        _seen();
    }

    /// <summary>How long ago a pod showed first; null where it was there before us.</summary>
    public TimeSpan? Age(Pod pod)
    {
        lock (_waiting)
        {
            var known = _waiting.TryGetValue(Path.GetFileName(pod.NetnsPath), out var since)
                || (pod.Names.PodUid is { } uid && _waiting.TryGetValue(uid, out since));
            return known ? Stopwatch.GetElapsedTime(since) : null;
        }
    }

    private void Add(string folder, string name)
    {
        var sign = name;
        if (folder != _folders[0])
        {
            // "podUID", "kubepods-burstable-podU_I_D.slice"; a folder above them is only to be watched from now on.
            sign = CgroupPath.Parse(Encoding.UTF8.GetBytes(name)).PodUidText;
            if (sign is null && !IsParent(name))
                return;
        }
        lock (_waiting)
        {
            if (sign is not null)
                _waiting.TryAdd(sign, Stopwatch.GetTimestamp());
        }
        _seen();
    }

    private static bool IsParent(string name) =>
        name.StartsWith("kubepods", StringComparison.Ordinal) || name is "burstable" or "besteffort";

    private static IEnumerable<string> CgroupFolders(string root)
    {
        // Version 2 has one hierarchy; of version 1 any that the runtime uses will do.
        var hierarchy = File.Exists($"{root}/cgroup.controllers")
            ? root
            : Hierarchies.Select(c => $"{root}/{c}").FirstOrDefault(Directory.Exists);
        if (hierarchy is null)
            yield break;
        yield return hierarchy;
        foreach (var folder in PodFolders)
            yield return $"{hierarchy}/{folder}";
    }

    public void Dispose() => _watch?.Dispose();
}
