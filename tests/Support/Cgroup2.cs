namespace Collector.Tests.Support;

/// <summary>The hierarchy of cgroup version 2, mounted for a test; kernels have it also where version 1 is used.</summary>
internal sealed class Cgroup2 : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-cgroup2-");

    public Cgroup2()
    {
        try
        {
            Shell.Run("mount", "-t", "cgroup2", "none", Path);
        }
        catch
        {
            _folder.Delete();
            throw;
        }
    }

    public string Path => _folder.FullName;

    /// <summary>Why there is none; null where there is.</summary>
    public static string? Missing => File.ReadLines("/proc/filesystems").Any(l => l.EndsWith("\tcgroup2"))
        ? null
        : "the kernel has no cgroup2";

    public void Dispose()
    {
        Shell.Run("umount", Path);
        _folder.Delete();
    }
}
