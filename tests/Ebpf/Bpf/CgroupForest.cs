namespace Ebpf.Tests.Bpf;

/// <summary>Many cgroups, ten in each of the first level.</summary>
internal sealed class CgroupForest : IDisposable
{
    private readonly List<string> _folders = [];

    /// <param name="root">Where the hierarchy is mounted.</param>
    /// <param name="count">How many; some more are made to hold them.</param>
    public CgroupForest(string root, int count)
    {
        var top = Make($"{root}/netlens-forest-{Environment.ProcessId}");
        for (var i = 0; i < count / 10; i++)
        {
            var parent = Make($"{top}/{i}");
            for (var k = 1; k < 10; k++)
                Make($"{parent}/{k}");
        }
    }

    private string Make(string folder)
    {
        Directory.CreateDirectory(folder);
        _folders.Add(folder);
        return folder;
    }

    // The innermost first: a cgroup's own files cannot be deleted, nor can one that has others in it.
    public void Dispose()
    {
        for (var i = _folders.Count - 1; i >= 0; i--)
            Directory.Delete(_folders[i]);
    }
}
