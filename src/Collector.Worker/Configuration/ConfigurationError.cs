using System.Text;

namespace Collector.Worker.Configuration;

/// <summary>One thing that is wrong, complete enough to be put right without a manual.</summary>
/// <param name="Place"><c>file:line:column</c>, the file alone, or the environment variable.</param>
/// <param name="Key">Dotted key, null where the fault is not in one key.</param>
/// <param name="Problem">What is wrong, with a "did you mean" where there is a near one.</param>
/// <param name="Allowed">What may stand there, null where a list would not help.</param>
public sealed record ConfigurationError(string Place, string? Key, string Problem, string? Allowed = null)
{
    public override string ToString()
    {
        var text = new StringBuilder(Place).Append(": ");
        if (Key is not null)
            text.Append("key '").Append(Key).Append("': ");
        text.Append(Problem);
        if (Allowed is not null)
            text.Append("; allowed: ").Append(Allowed);
        return text.ToString();
    }
}

/// <summary>What came of loading: options, or every error at once; never both.</summary>
/// <param name="Options">Null when there are errors.</param>
/// <param name="Errors">In the order of the file, then of the environment.</param>
/// <param name="Sources">
/// Where each key's value came from: <c>file:line</c>, <c>env VARIABLE</c> or <c>default</c>.
/// </param>
public sealed record ConfigurationResult(
    AgentOptions? Options,
    IReadOnlyList<ConfigurationError> Errors,
    IReadOnlyDictionary<string, string> Sources)
{
    /// <summary>What is in force and should be written otherwise, a line each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
