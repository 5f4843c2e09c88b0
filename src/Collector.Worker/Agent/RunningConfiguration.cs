using Collector.Worker.Configuration;

namespace Collector.Worker.Agent;

/// <summary>What is in force now. Read from any thread, by whoever needs no more than a look at it.</summary>
internal sealed class RunningConfiguration(AgentConfiguration current)
{
    private volatile AgentConfiguration _current = current;

    public AgentConfiguration Current
    {
        get => _current;
        set => _current = value;
    }

    public AgentOptions Options => _current.Options;
}
