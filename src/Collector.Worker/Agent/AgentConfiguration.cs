using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets.Loki;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Http;

namespace Collector.Worker.Agent;

/// <summary>A configuration without errors: the file, our variables, and those of OpenTelemetry over it.</summary>
/// <param name="options">The file with our variables.</param>
/// <param name="sources">Where each key was written.</param>
/// <param name="otlp">The OTLP part with OpenTelemetry's variables over it.</param>
internal sealed class AgentConfiguration(
    AgentOptions options, IReadOnlyDictionary<string, string> sources, OtlpSettings otlp)
{
    private ResourceAttributes? _resource;

    public AgentOptions Options => options;

    public IReadOnlyDictionary<string, string> Sources => sources;

    public OtlpSettings Otlp => otlp;

    /// <summary>Who says it; not even made without OTLP, for it takes the cryptography library into memory.</summary>
    public ResourceAttributes? Resource => otlp.Enabled
        ? _resource ??= ResourceAttributes.Build(
            otlp, options.Resource, HostFacts.Read(), AgentIdentity.Version, Environment.GetEnvironmentVariable)
        : null;

    /// <summary>Checks the whole; null after an error.</summary>
    public static AgentConfiguration? Check(ConfigurationResult result, List<string> errors)
    {
        errors.AddRange(result.Errors.Select(e => e.ToString()));
        if (result.Options is not { } options)
            return null;
        var otlp = OtlpSettings.Resolve(options, Environment.GetEnvironmentVariable, errors);
        if (errors.Count == 0)
            OtlpTls.Check(otlp, result.Sources, errors);
        HttpChecks.Check(options.Http, result.Sources, errors);
        LokiSettings.Check(options, result.Sources, Environment.GetEnvironmentVariable, errors);
        return errors.Count == 0 ? new(options, result.Sources, otlp) : null;
    }

    /// <summary>The same but for a section, which is that of another.</summary>
    public AgentConfiguration Keep(string section, AgentConfiguration other)
    {
        var kept = ConfigurationSchema.Keep(section, other.Options, options);
        return new(kept, sources, OtlpSettings.Resolve(kept, Environment.GetEnvironmentVariable, []));
    }
}
