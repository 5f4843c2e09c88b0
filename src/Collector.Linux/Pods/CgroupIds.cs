using System.Diagnostics;
using System.Text;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Pods;

/// <summary>
/// Which pod a cgroup of version 2 is of, by the id that eBPF programs tell (bpf_get_current_cgroup_id): the inode of
/// its folder, which is never used twice before the next boot. Belongs to the thread that resolves events.
/// </summary>
/// <remarks>
/// So a process has its pod although it is gone. Nodes that run containers in hierarchies of version 1 have no such
/// ids, and kernels before 5.5 others than the inodes; there nothing is found.
/// </remarks>
/// <param name="root">The whole hierarchy as the node sees it; null where there is none.</param>
/// <param name="handles">False: as if the kernel could not open a cgroup by its id.</param>
internal sealed class CgroupIds(string? root, bool handles = true) : IDisposable
{
    private const int Most = 16 * 1024;
    private const ulong RootId = 1;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static readonly EnumerationOptions Everything = new()
    {
        RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = true,
    };

    private readonly Dictionary<ulong, string?> _uids = [];
    private CgroupHandles? _handles;
    private bool _tried = !handles;
    private long _scanned;

    /// <summary>
    /// The UID of the pod; null where it is of none, or unknown. What was met before costs a look-up; what is new
    /// costs opening it, or where that is not allowed a walk through all cgroups, of which there is one a second at
    /// most.
    /// </summary>
    public string? PodUidOf(ulong id)
    {
        if (root is null || id <= RootId)
            return null;
        if (_uids.TryGetValue(id, out var uid))
            return uid;
        if (Handles() is { } opened)
        {
            if (!opened.TryFind(id, out var path))
                return null;
            if (_uids.Count > Most)
                _uids.Clear();
            return _uids[id] = CgroupPath.Parse(path).PodUidText;
        }
        if (_scanned != 0 && Stopwatch.GetElapsedTime(_scanned) < Pause)
            return null;
        Scan();
        // Gone for good, unless it was there.
        return _uids.TryAdd(id, null) ? null : _uids[id];
    }

    private CgroupHandles? Handles()
    {
        if (!_tried)
            _handles = CgroupHandles.Open(root!);
        _tried = true;
        return _handles;
    }

    private void Scan()
    {
        if (_uids.Count > Most)
            _uids.Clear();
        try
        {
            foreach (var folder in Directory.EnumerateDirectories(root!, "*", Everything))
                _uids[InodeOf(folder)] = CgroupPath.Parse(Encoding.UTF8.GetBytes(folder[root!.Length..])).PodUidText;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder went while it was read: the next walk sees the rest.
        }
        _scanned = Stopwatch.GetTimestamp();
    }

    private static ulong InodeOf(string folder)
    {
        try
        {
            using var fd = SafeFd.Open(folder, O_DIRECTORY);
            return fd.Inode();
        }
        catch (LinuxException)
        {
            return 0; // Gone since.
        }
    }

    public void Dispose() => _handles?.Dispose();
}
