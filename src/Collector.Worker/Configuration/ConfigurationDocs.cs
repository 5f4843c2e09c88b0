using System.Text;
using Collector.Linux.Findings;

namespace Collector.Worker.Configuration;

/// <summary>The parts of the documentation that derive from the schema; tests hold the files to them.</summary>
internal static class ConfigurationDocs
{
    public const string Begin = "<!-- keys: generated from ConfigurationSchema.cs -->";
    public const string End = "<!-- keys: end -->";

    private const int SampleWidth = 100;

    /// <summary>One table per section, in Markdown.</summary>
    public static string Table()
    {
        var text = new StringBuilder();
        foreach (var (section, description) in ConfigurationSchema.Sections)
        {
            text.Append($"### {section}\n\n{description}\n\n");
            if (section == ConfigurationSchema.Findings)
                Findings(text);
            if (section is ConfigurationSchema.Probes or ConfigurationSchema.Findings)
                continue;
            text.Append("| key | type | default | allowed | environment | |\n|---|---|---|---|---|---|\n");
            foreach (var key in ConfigurationSchema.In(section))
            {
                text.Append($"| `{key.Path}` | {key.TypeName} | {Code(key.Default)} | {key.Allowed} ")
                    .Append($"| {Variables(key)} | {key.Description} |\n");
            }
            text.Append('\n');
        }
        return text.ToString().TrimEnd('\n') + "\n";
    }

    /// <summary>
    /// The sample file: every key, those with a default as that, the others commented out with an example.
    /// </summary>
    public static string Sample()
    {
        var text = new StringBuilder();
        Comment(text, 0, "Netlens: every key with its default. All of it may be left out, and so may the whole file.");
        Comment(text, 0, "`netlens config check` tries a file, `netlens config print` shows what is in effect.");
        foreach (var (section, description) in ConfigurationSchema.Sections)
        {
            text.Append('\n');
            Comment(text, 0, description);
            text.Append(section).Append(":\n");
            if (section == ConfigurationSchema.Probes)
                ProbeExamples(text);
            if (section == ConfigurationSchema.Findings)
                FindingExamples(text);
            foreach (var key in ConfigurationSchema.In(section))
                Sample(text, key);
        }
        return text.ToString();
    }

    private static void Findings(StringBuilder text)
    {
        text.Append("| kind | thresholds with their defaults |\n|---|---|\n");
        foreach (var info in AllFindings.Kinds)
        {
            text.Append($"| [`{info.Kind}`](findings/{info.Kind}.md) | ")
                .AppendJoin(", ", info.Thresholds.Select(t => $"`{t.Name}: {t.Default}`")).Append(" |\n");
        }
        text.Append('\n');
    }

    private static void Sample(StringBuilder text, ConfigurationKey key)
    {
        Comment(text, 2, key.Description);
        Comment(text, 2, $"Allowed: {key.Allowed}");
        var variables = key.Variable is { } own ? own + Old(key.OldVariable) : string.Join(", ", key.StandardVariables);
        Comment(text, 2, $"Environment: {variables}");
        text.Append("  ").Append(key.Default is null ? "#" : "")
            .Append(key.Name).Append(": ").Append(key.Default ?? key.Example).Append('\n');
    }

    private static void ProbeExamples(StringBuilder text)
    {
        Comment(text, 2, "on or off, or a map of the probe's arguments, which also switches it on.");
        Comment(text, 2, "Environment: NETLENS_PROBES, such as -slab, or -all,tcp,udp");
        text.Append("  #slab: off\n  #tcpext: {include: all}\n");
    }

    private static void FindingExamples(StringBuilder text)
    {
        Comment(text, 2, "on or off, or a map of the kind's thresholds, with enabled: false to switch it off.");
        Comment(text, 2, "Environment: NETLENS_FINDINGS, such as -dns-slow, or path-loss.least=50,-link-flap");
        text.Append("  #link-flap: off\n  #path-loss: {least: 50, share: 1%}\n");
    }

    /// <summary>A comment of as many lines as it takes.</summary>
    public static void Comment(StringBuilder text, int indent, string words)
    {
        var line = new StringBuilder();
        foreach (var word in words.Split(' '))
        {
            if (line.Length > 0 && line.Length + word.Length > SampleWidth)
            {
                text.Append(' ', indent).Append('#').Append(line).Append('\n');
                line.Clear();
            }
            line.Append(' ').Append(word);
        }
        text.Append(' ', indent).Append('#').Append(line).Append('\n');
    }

    private static string Variables(ConfigurationKey key) => key.Variable is { } own
        ? Code(own) + Old(key.OldVariable is null ? null : Code(key.OldVariable))
        : string.Join(", ", key.StandardVariables.Select(Code));

    private static string Old(string? variable) => variable is null ? "" : $" (KubeSkoop's {variable})";

    private static string Code(string? text) => text is null ? "" : $"`{text}`";
}
