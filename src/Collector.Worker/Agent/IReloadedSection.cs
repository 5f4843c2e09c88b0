using Collector.Worker.Collection;
using Collector.Worker.Configuration;

namespace Collector.Worker.Agent;

/// <summary>A section of the configuration that takes its changes over while the agent runs.</summary>
internal interface IReloadedSection
{
    /// <summary>Its name in the file.</summary>
    string Name { get; }

    /// <summary>Makes the running agent what the options say; they may say what it is already.</summary>
    void Apply(AgentOptions options);
}

/// <summary>Probes are switched, and get other arguments, at the start of the next collection.</summary>
internal sealed class ProbesSection(NodeCollector collector) : IReloadedSection
{
    public string Name => ConfigurationSchema.Probes;

    public void Apply(AgentOptions options) => collector.Reconfigure(options);
}
