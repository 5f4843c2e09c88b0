using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using Collector.Tests.Support;

namespace Pods.Tests.Lab;

/// <summary>The container image as packaging/container makes it.</summary>
internal sealed class ImageArchive
{
    private readonly Dictionary<string, byte[]> _entries = [];

    /// <param name="path">An archive of one image or of one for each machine.</param>
    /// <param name="architecture">Which of those.</param>
    public ImageArchive(string path, string architecture = "amd64")
    {
        Path = path;
        using var file = File.OpenRead(path);
        Read(file, (entry, content) => _entries[entry.Name] = content);
        var top = Json("index.json").GetProperty("manifests")[0];
        Reference = top.GetProperty("annotations").GetProperty("io.containerd.image.name").GetString()!;
        if (top.GetProperty("mediaType").GetString()!.Contains("index", StringComparison.Ordinal))
        {
            top = JsonDocument.Parse(Blob(top)).RootElement.GetProperty("manifests").EnumerateArray()
                .Single(m => m.GetProperty("platform").GetProperty("architecture").GetString() == architecture);
        }
        using var manifest = JsonDocument.Parse(Blob(top));
        Config = JsonDocument.Parse(Blob(manifest.RootElement.GetProperty("config"))).RootElement;
        foreach (var layer in manifest.RootElement.GetProperty("layers").EnumerateArray())
        {
            using var unpacked = new GZipStream(new MemoryStream(Blob(layer)), CompressionMode.Decompress);
            Read(unpacked, (entry, _) => Files["/" + entry.Name.TrimEnd('/')] = (entry.EntryType, entry.Length));
        }
    }

    /// <summary>Built when a source changed.</summary>
    public static Lazy<ImageArchive> Current { get; } =
        new(() => Build(Artifacts));

    private static string Artifacts => System.IO.Path.Combine(Repository.Root, "artifacts", "container");

    public string Path { get; }

    /// <summary>What runtimes call it after they took it in.</summary>
    public string Reference { get; }

    public JsonElement Config { get; }

    /// <summary>Type and size of everything in it.</summary>
    public Dictionary<string, (TarEntryType Type, long Size)> Files { get; } = [];

    /// <summary>Its bill of materials.</summary>
    public string BillPath => Path.Replace(".oci.tar", ".cdx.json");

    /// <summary>Why images cannot be built here; null where they can.</summary>
    public static string? WhyNot { get; } =
        Shell.Find("apt-get") is null ? "needs apt: the image has Debian's libraries"
        : Shell.Find("clang") is null || Shell.Find("aarch64-linux-gnu-objdump") is null
            ? "needs clang and binutils-aarch64-linux-gnu"
            : null;

    public static ImageArchive Build(string folder) => new(Make(folder));

    /// <summary>The archive of the images for both machines.</summary>
    public static string BuildBoth()
    {
        _ = Current.Value;
        Make("--rid", "linux-arm64", Artifacts);
        return Make("--index", Artifacts);
    }

    private static string Make(params string[] arguments) =>
        PackagingScript.Run("container/build", arguments).Split(": ")[0];

    private JsonElement Json(string name) => JsonDocument.Parse(_entries[name]).RootElement;

    private byte[] Blob(JsonElement descriptor) =>
        _entries["blobs/" + descriptor.GetProperty("digest").GetString()!.Replace(':', '/')];

    private static void Read(Stream stream, Action<TarEntry, byte[]> take)
    {
        using var tar = new TarReader(stream);
        while (tar.GetNextEntry() is { } entry)
        {
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            take(entry, content.ToArray());
        }
    }
}
