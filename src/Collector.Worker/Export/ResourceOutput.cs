using Collector.Worker.Commands;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Export;

/// <summary>The resource that a push would carry, for <c>netlens once --format otlp-json</c>.</summary>
internal static class ResourceOutput
{
    public static IEnumerable<KeyValuePair<string, string>> Attributes(AgentOptions options)
    {
        var settings = OtlpSettings.Resolve(options.Otlp, Environment.GetEnvironmentVariable, []);
        return ResourceAttributes.Build(
            settings, options.Resource, HostFacts.Read(), VersionCommand.Version,
            Environment.GetEnvironmentVariable).Items;
    }
}
