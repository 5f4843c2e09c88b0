using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using Collector.Tests.Support;

namespace Fuzz.Tests;

/// <summary>Where inputs are: samples in Corpus/TARGET, those that broke something in artifacts/fuzz.</summary>
internal static class InputFiles
{
    public static string Broken { get; } = Path.Combine(Repository.Root, "artifacts", "fuzz");

    private static string Corpus { get; } = Path.Combine(Repository.Root, "tests", "Fuzz", "Corpus");

    /// <summary>The samples of a target.</summary>
    public static IReadOnlyList<byte[]> Of(string target) => Directory.Exists(Path.Combine(Corpus, target))
        ? [.. Directory.GetFiles(Path.Combine(Corpus, target)).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)]
        : [];

    /// <summary>Keeps an input, and says where, from the repository's folder on.</summary>
    public static string Save(string target, byte[] input)
    {
        Directory.CreateDirectory(Broken);
        var name = $"{target}-{Convert.ToHexStringLower(SHA256.HashData(input))[..12]}.bin";
        File.WriteAllBytes(Path.Combine(Broken, name), input);
        return $"artifacts/fuzz/{name}";
    }

    /// <summary>The target whose input a file is, by its name.</summary>
    public static string TargetOf(string file) => Path.GetFileName(file).Split('-')[0];
}

/// <summary>The input that is being tried, in a file that outlives the end of the process.</summary>
internal sealed class CurrentInput : IDisposable
{
    private readonly string _path;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public CurrentInput(string target)
    {
        Directory.CreateDirectory(InputFiles.Broken);
        _path = Path.Combine(InputFiles.Broken, $"{target}-current");
        _file = MemoryMappedFile.CreateFromFile(_path, FileMode.Create, null, Mutator.LargestInput + sizeof(int));
        _view = _file.CreateViewAccessor();
    }

    public void Keep(byte[] input)
    {
        var length = Math.Min(input.Length, Mutator.LargestInput);
        _view.Write(0, length);
        _view.WriteArray(sizeof(int), input, 0, length);
    }

    /// <summary>The input of such a file, or of any other.</summary>
    public static byte[] Read(string file)
    {
        var bytes = File.ReadAllBytes(file);
        return file.EndsWith("-current", StringComparison.Ordinal)
            ? bytes.AsSpan(sizeof(int), BitConverter.ToInt32(bytes)).ToArray()
            : bytes;
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }
}
