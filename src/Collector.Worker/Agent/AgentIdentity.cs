using System.Reflection;

namespace Collector.Worker.Agent;

/// <summary>What the agent says of itself.</summary>
internal static class AgentIdentity
{
    public static string Version { get; } =
        typeof(AgentIdentity).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";
}
