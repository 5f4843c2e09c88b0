namespace Collector.Worker.Recorder;

/// <summary>What a stream of events says of itself in front, so that its reader can go on after a break.</summary>
internal static class EventHeaders
{
    /// <summary>Names the run of the agent that gave the numbers; sent back, it says whose a number is.</summary>
    public const string Run = "Netlens-Run";

    /// <summary>The number behind which the stream begins.</summary>
    public const string Behind = "Netlens-Behind";
}
