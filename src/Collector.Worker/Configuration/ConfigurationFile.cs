using System.Buffers;
using System.Text;
using Collector.Linux.Interop;
using Collector.Worker.Configuration.Yaml;
using YamlDotNet.Core;

namespace Collector.Worker.Configuration;

/// <summary>Reads the file with every bound and turns what can go wrong into errors.</summary>
internal static class ConfigurationFile
{
    /// <summary>Largest file that is read, in bytes. A real one has a few thousand.</summary>
    public const int LargestSize = 1 << 20;

    /// <summary>What is said of a file that is not there.</summary>
    public const string Missing = "there is no such file";

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private static readonly SearchValues<char> ControlCharacters = SearchValues.Create(
        [.. Enumerable.Range(0, 0x80).Select(c => (char)c)
            .Where(c => char.IsControl(c) && c is not ('\t' or '\n' or '\r'))]);

    /// <summary>
    /// Null when there is no file, which is an error only if it must exist, or when it cannot be read.
    /// </summary>
    public static byte[]? ReadBytes(string path, bool mustExist, ErrorList errors)
    {
        try
        {
            // Read to its end, not to its length: a pipe and a file of /proc have none.
            return NamedFile.Read(path, LargestSize);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            if (mustExist)
                errors.Add(YamlText.OneLine(path), null, Missing);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add(YamlText.OneLine(path), null, YamlText.OneLine(e.Message));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            errors.Add(YamlText.OneLine(path), null, $"cannot be read: {YamlText.OneLine(e.Message)}");
        }
        return null;
    }

    /// <summary>The root node; null for an empty file or after an error.</summary>
    public static YamlNode? Parse(string file, ReadOnlySpan<byte> content, ErrorList errors) =>
        Parse(file, content, errors, YamlReader.Read);

    /// <summary>The root nodes of every document; empty after an error.</summary>
    public static IReadOnlyList<YamlNode> ParseAll(string file, ReadOnlySpan<byte> content, ErrorList errors) =>
        Parse(file, content, errors, YamlReader.ReadAll) ?? [];

    private static T? Parse<T>(string file, ReadOnlySpan<byte> content, ErrorList errors, Func<string, T?> read)
        where T : class
    {
        if (Decode(file, content, errors) is not { } text)
            return null;
        try
        {
            return read(text);
        }
        catch (YamlException e)
        {
            Explain(file, e, text, errors);
            return null;
        }
    }

    private static string? Decode(string file, ReadOnlySpan<byte> content, ErrorList errors)
    {
        if (content.StartsWith(Encoding.UTF8.Preamble))
            content = content[Encoding.UTF8.Preamble.Length..];
        string text;
        try
        {
            text = Strict.GetString(content);
        }
        catch (DecoderFallbackException e)
        {
            var before = Encoding.UTF8.GetString(content[..Math.Clamp(e.Index, 0, content.Length)]);
            errors.Add(PlaceAfter(file, before), null, "is not UTF-8 text");
            return null;
        }
        // YAML 1.2, 5.1: no control characters but tab and line breaks.
        var control = text.AsSpan().IndexOfAny(ControlCharacters);
        if (control < 0)
            return text;
        errors.Add(PlaceAfter(file, text[..control]), null, $"holds the control character U+{(int)text[control]:X4}");
        return null;
    }

    private static string PlaceAfter(string file, string before)
    {
        var line = before.Count(c => c == '\n') + 1;
        return $"{file}:{line}:{before.Length - (before.LastIndexOf('\n') + 1) + 1}";
    }

    /// <summary>The parser's own words, except for the one slip that everybody makes.</summary>
    private static void Explain(string file, YamlException error, string text, ErrorList errors)
    {
        var lines = text.Split('\n');
        var tabbed = Enumerable.Range((int)Math.Max(error.Start.Line - 2, 0), 3)
            .Where(i => i < lines.Length && lines[i].AsSpan().TrimStart(' ').StartsWith("\t"))
            .Select(i => i + 1)
            .FirstOrDefault();
        if (tabbed > 0)
            errors.Add($"{file}:{tabbed}:1", null, "the line is indented with a tab; YAML takes only spaces");
        else
            errors.Add($"{file}:{error.Start.Line}:{error.Start.Column}", null,
                $"is not valid YAML: {YamlText.OneLine(error.Message)}");
    }
}
