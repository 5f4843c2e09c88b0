using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Commands;

/// <summary>The resource that a push would carry, for <c>netlens once --format otlp-json</c>.</summary>
internal static class ResourceOutput
{
    public static IEnumerable<KeyValuePair<string, string>> Attributes(AgentOptions options)
    {
        var settings = OtlpSettings.Resolve(options.Otlp, Environment.GetEnvironmentVariable, []);
        return ResourceAttributes.Build(
            settings, options.Resource, HostFacts.Read(), AgentIdentity.Version,
            Environment.GetEnvironmentVariable).Items;
    }
}
