using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>The OTEL_* variables that are read.</summary>
internal static class OtlpVariables
{
    /// <summary>All of them: whatever is asked for where none is set.</summary>
    public static IReadOnlyList<string> Known { get; } =
        [.. Asked().Where(v => v.StartsWith("OTEL_", StringComparison.Ordinal))];

    private static HashSet<string> Asked()
    {
        var asked = new HashSet<string>();
        OtlpSettings.Resolve(new OtlpOptions(), Note, [], traces: true);
        return asked;

        string? Note(string name)
        {
            asked.Add(name);
            return null;
        }
    }
}
