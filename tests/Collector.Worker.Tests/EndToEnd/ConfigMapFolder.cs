using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>
/// A folder as the kubelet makes it of a ConfigMap: the file is a link through <c>..data</c>, itself a link to a folder
/// with the time in its name, and a change is one rename (pkg/volume/util/atomic_writer.go).
/// </summary>
internal sealed class ConfigMapFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-configmap-");
    private int _version;

    public ConfigMapFolder(string content)
    {
        Swap(content);
        File.CreateSymbolicLink(ConfigPath, "..data/netlens.yaml");
    }

    public string ConfigPath => Path.Combine(_folder.FullName, "netlens.yaml");

    public string Root => _folder.FullName;

    public int Swaps => _version - 1;

    public void Swap(string content)
    {
        var data = Path.Combine(_folder.FullName, "..data");
        var old = Directory.Exists(data) ? new DirectoryInfo(data).LinkTarget : null;
        var name = $"..2026_01_01_{_version++}";
        Directory.CreateDirectory(Path.Combine(_folder.FullName, name));
        File.WriteAllText(Path.Combine(_folder.FullName, name, "netlens.yaml"), content);
        File.CreateSymbolicLink(data + "_tmp", name);
        // rename(2): the runtime's own follows the link first.
        Shell.Try("mv", "-T", data + "_tmp", data).Code.ShouldBe(0);
        if (old is not null)
            Directory.Delete(Path.Combine(_folder.FullName, old), recursive: true);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
