namespace Collector.Linux.Tests.Processes;

/// <summary>
/// A cgroup with the path that a kubelet with the cgroupfs driver gives to a pod; removed at the end.
/// </summary>
internal sealed class PodCgroup : IDisposable
{
    private readonly string[] _folders;

    public PodCgroup(string uid)
    {
        // The top folder is the test's own, so that a kubelet's on this machine is left alone.
        var top = $"{Root}/netlens-test-{Guid.NewGuid():N}";
        _folders =
            [top, $"{top}/kubepods", $"{top}/kubepods/pod{uid}", $"{top}/kubepods/pod{uid}/{new string('a', 64)}"];
        foreach (var folder in _folders)
            Directory.CreateDirectory(folder);
    }

    /// <summary>Where cgroups can be made: the pids controller of cgroup v1, or the v2 tree.</summary>
    public static string? Root { get; } = new[] { "/sys/fs/cgroup/pids", "/sys/fs/cgroup" }
        .FirstOrDefault(root => File.Exists($"{root}/cgroup.procs"));

    public string Path => _folders[^1];

    public void Dispose()
    {
        foreach (var folder in _folders.Reverse())
        {
            // A member that just ended still counts for a moment: rmdir is refused until the kernel is done with it.
            SpinWait.SpinUntil(() => TryRemove(folder), TimeSpan.FromSeconds(5)).ShouldBeTrue(folder);
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
