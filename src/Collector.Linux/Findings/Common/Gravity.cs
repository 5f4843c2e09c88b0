using Collector.Core.Events;
using Collector.Core.Probes;

namespace Collector.Linux.Findings.Common;

/// <summary>From where on a fault is an error: so many of it, and such a part of all.</summary>
internal readonly record struct Gravity(long From, Share Part)
{
    public bool IsError(long faults, long all) => faults >= From && Part.IsReached(faults, all);

    public EventSeverity Of(long faults, long all) => IsError(faults, all) ? EventSeverity.Error : EventSeverity.Warn;
}
