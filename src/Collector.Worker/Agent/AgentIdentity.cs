using System.Reflection;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Agent;

/// <summary>What the agent says of itself: its version and its node.</summary>
internal static class AgentIdentity
{
    public static string Version { get; } =
        typeof(AgentIdentity).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";

    /// <summary>The node's name as legacy namings print it.</summary>
    public static string NodeName(AgentOptions options) =>
        FirstNotEmpty(options.Resource.NodeName, Environment.GetEnvironmentVariable("NODE_NAME"))
        ?? HostFacts.ReadHostName();

    // A manifest that sets NODE_NAME to nothing has not named the node: the resource of OTLP says so too.
    private static string? FirstNotEmpty(params ReadOnlySpan<string?> names)
    {
        foreach (var name in names)
        {
            if (!string.IsNullOrWhiteSpace(name))
                return name.Trim();
        }
        return null;
    }
}
