using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using Collector.Tests.Support;

namespace Pods.Tests.Lab;

/// <summary>The container image as packaging/container makes it.</summary>
internal sealed class ImageArchive
{
    private readonly Dictionary<string, byte[]> _entries = [];

    private ImageArchive(string path)
    {
        Path = path;
        using var file = File.OpenRead(path);
        Read(file, (entry, content) => _entries[entry.Name] = content);
        using var manifest = JsonDocument.Parse(Blob(Json("index.json").GetProperty("manifests")[0]));
        Reference = Json("index.json").GetProperty("manifests")[0].GetProperty("annotations")
            .GetProperty("io.containerd.image.name").GetString()!;
        Config = JsonDocument.Parse(Blob(manifest.RootElement.GetProperty("config"))).RootElement;
        foreach (var layer in manifest.RootElement.GetProperty("layers").EnumerateArray())
        {
            using var unpacked = new GZipStream(new MemoryStream(Blob(layer)), CompressionMode.Decompress);
            Read(unpacked, (entry, _) => Files["/" + entry.Name.TrimEnd('/')] = (entry.EntryType, entry.Length));
        }
    }

    /// <summary>Built when a source changed.</summary>
    public static Lazy<ImageArchive> Current { get; } =
        new(() => Build(System.IO.Path.Combine(Repository.Root, "artifacts", "container")));

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
        Shell.Find("dpkg-query") is null ? "needs dpkg: the image has Debian's libraries"
        : Directory.Exists("/usr/share/ca-certificates/mozilla") ? null
        : "the package ca-certificates is not installed";

    public static ImageArchive Build(string folder) =>
        new(PackagingScript.Run("container/build", folder).Split(": ")[0]);

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
