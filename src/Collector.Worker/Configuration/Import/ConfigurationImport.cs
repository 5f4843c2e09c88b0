using Collector.Core.Probes;

namespace Collector.Worker.Configuration.Import;

/// <param name="Text">The new file; null where there are errors.</param>
/// <param name="Errors">Why there is none.</param>
/// <param name="Losses">What could not be taken over, a line each.</param>
internal sealed record ImportResult(
    string? Text, IReadOnlyList<ConfigurationError> Errors, IReadOnlyList<string> Losses);

/// <summary>Makes a configuration, or values for our chart, of those of KubeSkoop and ACK Net Exporter.</summary>
internal static class ConfigurationImport
{
    /// <summary>Reads a file that must be there.</summary>
    public static ImportResult Load(string path, IReadOnlyList<ProbeInfo> catalogue)
    {
        var errors = new ErrorList();
        return ConfigurationFile.ReadBytes(path, mustExist: true, errors) is { } content
            ? Read(Yaml.YamlText.OneLine(path), content, catalogue)
            : new(null, errors.ToList(), []);
    }

    public static ImportResult Read(string name, ReadOnlySpan<byte> content, IReadOnlyList<ProbeInfo> catalogue)
    {
        var errors = new ErrorList();
        if (ImportSource.Find(name, content, errors) is not { } source)
            return new(null, errors.ToList(), []);
        var draft = new ImportDraft(catalogue);
        var text = Convert(source, draft);
        return new(text, [], [.. draft.Losses.Select(l => $"{source.Name}:{l.Line}: {l}")]);
    }

    private static string Convert(ImportSource source, ImportDraft draft)
    {
        if (source.Kind == ImportKind.ChartValues)
            return ChartImport.Read(source, draft);
        if (source.Kind == ImportKind.KubeSkoop)
            KubeSkoopImport.Read(source.Root, draft);
        else
            InspectorImport.Read(source.Root, draft);
        return ImportWriter.File(source, draft);
    }
}
