namespace Collector.Worker.Agent;

/// <summary>A part of the agent that takes changes of the configuration over while it runs.</summary>
internal interface IReloadedSection
{
    /// <summary>The sections of the file that it depends on.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>
    /// Makes the running agent what the configuration says, of which at least one of those sections is new. Where it
    /// throws, it goes on as it was; the message is a line for the operator. Where another part throws that needs one
    /// of those sections too, it comes once more, with that section as it was.
    /// </summary>
    Task ApplyAsync(AgentConfiguration wanted);
}
