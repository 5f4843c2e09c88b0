using System.Text;

namespace Collector.Worker.Configuration.Import;

/// <summary>Writes what was imported as a file, with where each value came from.</summary>
internal static class ImportWriter
{
    /// <summary>A configuration file.</summary>
    public static string File(ImportSource source, ImportDraft draft)
    {
        var text = new StringBuilder();
        Head(text, "configuration", source);
        Sections(text, draft, 0);
        Tail(text, draft);
        return text.ToString();
    }

    public static void Head(StringBuilder text, string what, ImportSource source)
    {
        ConfigurationDocs.Comment(
            text, 0, $"The {what} of Netlens that `netlens config import` made of {source.Name}.");
        ConfigurationDocs.Comment(text, 0, "What is not named keeps its default.");
        text.Append('\n');
    }

    /// <summary>The sections in the schema's order; keys among <paramref name="without"/> stand elsewhere.</summary>
    public static void Sections(StringBuilder text, ImportDraft draft, int indent, params string[] without)
    {
        foreach (var (section, _) in ConfigurationSchema.Sections)
        {
            var values = draft.Values.Where(v => v.Path.StartsWith(section + '.', StringComparison.Ordinal)
                && !without.Contains(v.Path)).ToList();
            if (values.Count == 0)
                continue;
            text.Append(' ', indent).Append(section).Append(":\n");
            foreach (var value in values)
                Value(text, value, value.Path[(section.Length + 1)..], indent + 2);
        }
    }

    public static void Value(StringBuilder text, ImportedValue value, string name, int indent)
    {
        if (value.Note.Length > 0)
            ConfigurationDocs.Comment(text, indent, value.Note);
        text.Append(' ', indent).Append(name).Append(": ").Append(value.Yaml).Append("  # ").Append(value.Was)
            .Append('\n');
    }

    public static void Tail(StringBuilder text, ImportDraft draft)
    {
        if (!draft.Losses.Any())
            return;
        text.Append("\n# Not taken over:\n");
        foreach (var loss in draft.Losses)
            ConfigurationDocs.Comment(text, 0, $"line {loss.Line}: {loss}");
    }
}
