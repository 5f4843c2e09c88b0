namespace Collector.Tests.Support;

/// <summary>
/// A cgroup with the path that a kubelet with the cgroupfs driver gives to a pod; removed at the end.
/// </summary>
internal sealed class PodCgroup : IDisposable
{
    private readonly string[] _folders;

    /// <param name="uid">The pod's UID.</param>
    /// <param name="root">The hierarchy; null for <see cref="Root"/>.</param>
    public PodCgroup(string uid, string? root = null)
    {
        // The top folder is the test's own, so that a kubelet's on this machine is left alone.
        var top = $"{root ?? Root}/netlens-test-{Guid.NewGuid():N}";
        _folders =
            [top, $"{top}/kubepods", $"{top}/kubepods/pod{uid}", $"{top}/kubepods/pod{uid}/{new string('a', 64)}"];
        foreach (var folder in _folders)
            Directory.CreateDirectory(folder);
    }

    /// <summary>Where cgroups can be made: the pids controller of cgroup v1, or the v2 tree.</summary>
    public static string? Root { get; } = new[] { "/sys/fs/cgroup/pids", "/sys/fs/cgroup" }
        .FirstOrDefault(root => File.Exists($"{root}/cgroup.procs"));

    /// <summary>The container's.</summary>
    public string Path => _folders[^1];

    /// <summary>The folder that pods are in, which is of none.</summary>
    public string Parent => _folders[1];

    /// <summary>Inode of a cgroup's folder: the kernel's id of it in version 2.</summary>
    public static ulong IdOf(string path) => ulong.Parse(Shell.Run("stat", "-c", "%i", path));

    public void Dispose()
    {
        foreach (var folder in _folders.Reverse())
        {
            // A member that just ended still counts for a moment: rmdir is refused until the kernel is done with it.
            if (!SpinWait.SpinUntil(() => TryRemove(folder), TimeSpan.FromSeconds(5)))
                throw new InvalidOperationException($"{folder} has members");
        }
    }

    private static bool TryRemove(string folder)
    {
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
