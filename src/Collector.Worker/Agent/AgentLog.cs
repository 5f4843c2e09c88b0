using Collector.Worker.Logging;

namespace Collector.Worker.Agent;

/// <summary>What the agent says of its life.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(LogEvents.Stopped, LogLevel.Information, "stopped by {Signal}")]
    public static partial void Stopped(ILogger logger, string signal);
}
