using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>Defaults, then the file, then the environment; validated whole, every error at once.</summary>
public static class ConfigurationLoader
{
    /// <summary>Read when nobody names another, if it exists.</summary>
    public static string DefaultPath { get; } = OperatingSystem.IsWindows()
        ? Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Netlens", "netlens.yaml")
        : "/etc/netlens/netlens.yaml";

    /// <summary>Names the file where the command line does not.</summary>
    public const string FileVariable = "NETLENS_CONFIG";

    /// <summary>
    /// The file that counts, and whether somebody named it: --config, else NETLENS_CONFIG, else the default.
    /// </summary>
    public static (string File, bool Named) FileOf(string? option)
    {
        var named = option ?? Environment.GetEnvironmentVariable(FileVariable);
        return string.IsNullOrEmpty(named) ? (DefaultPath, false) : (named, true);
    }

    /// <summary>Never throws for what an operator wrote: every fault is an error of the result.</summary>
    /// <param name="path">The file; null reads none.</param>
    /// <param name="explicitPath">The operator named the file: then it must exist.</param>
    /// <param name="env">The environment, such as <see cref="Environment.GetEnvironmentVariable(string)"/>.</param>
    /// <param name="catalogue">Every probe there is; the result chooses for each of them.</param>
    public static ConfigurationResult Load(
        string? path, bool explicitPath, Func<string, string?> env, IReadOnlyList<ProbeInfo> catalogue)
    {
        var draft = new ConfigurationDraft(catalogue);
        if (path is not null && ConfigurationFile.ReadBytes(path, explicitPath, draft.Errors) is { } content)
            BindFile(path, content, draft);
        return Finish(draft, env);
    }

    /// <summary>The same for a file's content that is already here.</summary>
    internal static ConfigurationResult Parse(
        string name, ReadOnlySpan<byte> content, Func<string, string?> env, IReadOnlyList<ProbeInfo> catalogue,
        IReadOnlyList<FindingInfo>? findings = null)
    {
        var draft = new ConfigurationDraft(catalogue, findings);
        BindFile(name, content, draft);
        return Finish(draft, env);
    }

    private static void BindFile(string path, ReadOnlySpan<byte> content, ConfigurationDraft draft)
    {
        var file = YamlText.OneLine(path);
        new FileBinder(file, draft).Bind(ConfigurationFile.Parse(file, content, draft.Errors));
    }

    private static ConfigurationResult Finish(ConfigurationDraft draft, Func<string, string?> env)
    {
        EnvironmentBinder.Bind(env, draft);
        return draft.Finish();
    }
}
