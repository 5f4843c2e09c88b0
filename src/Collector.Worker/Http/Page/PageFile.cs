using System.IO.Compression;
using System.Reflection;

namespace Collector.Worker.Http.Page;

/// <summary>
/// A file of the page of a node, as the build made it of web/ and put it into this assembly: compressed, and with a
/// digest of its content in its name. A build without npm has none.
/// </summary>
/// <param name="Name">Such as <c>app.0123456789ab.js</c>.</param>
internal sealed record PageFile(string Name)
{
    private const string Folder = "page/";
    private const string Ending = ".gz";

    private static readonly Assembly Here = typeof(PageFile).Assembly;

    /// <summary>What /page/ has; empty where the build had no npm.</summary>
    public static IReadOnlyList<PageFile> All { get; } =
    [
        .. Here.GetManifestResourceNames()
            .Where(static n => n.StartsWith(Folder, StringComparison.Ordinal))
            .Select(static n => new PageFile(n[Folder.Length..^Ending.Length]))
            .OrderBy(static f => f.Name, StringComparer.Ordinal),
    ];

    /// <summary>The document that names the others; null where there is none.</summary>
    public static PageFile? Document { get; } = All.FirstOrDefault(static f => f.Name == "index.html");

    public string ContentType => Path.GetExtension(Name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };

    /// <summary>Its bytes, compressed by gzip; they are not copied.</summary>
    public Stream OpenCompressed() => Here.GetManifestResourceStream(Folder + Name + Ending)!;

    /// <summary>Its bytes.</summary>
    public Stream Open() => new GZipStream(OpenCompressed(), CompressionMode.Decompress);
}
