using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>What the node is called.</summary>
internal static class NodeName
{
    /// <summary>The variable that a DaemonSet sets from spec.nodeName.</summary>
    public const string Variable = "NODE_NAME";

    /// <summary>
    /// The name that it was given, by the configuration or else by the variable; null where nobody did. One that is
    /// set to nothing is none.
    /// </summary>
    public static string? Given(ResourceOptions options, Func<string, string?> environment) =>
        Known(options.NodeName) ?? Known(environment(Variable));

    /// <summary>The name that it was given, else the machine's: legacy namings always print one.</summary>
    public static string Of(AgentOptions options) =>
        Given(options.Resource, Environment.GetEnvironmentVariable) ?? HostFacts.ReadHostName();

    private static string? Known(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
