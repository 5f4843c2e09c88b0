using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Limits;
using Collector.Linux.Sources;
using Collector.Worker.Configuration;

namespace Collector.Worker.Collection;

/// <summary>The machine that is being watched: which probes it knows and which namespaces it has.</summary>
internal interface INode : IDisposable
{
    /// <summary>Every probe there is, also those that this system cannot run.</summary>
    IReadOnlyList<ProbeInfo> Catalogue { get; }

    /// <summary>Its network namespaces, the host's first.</summary>
    IEnumerable<NetNamespace> Namespaces { get; }

    int NamespaceCount { get; }

    /// <summary>Namespaces that exist but could not be opened.</summary>
    int UnreadableNamespaces { get; }

    /// <summary>Its limits, with what the last collection left out.</summary>
    IReadOnlyList<Limit> Limits => [];

    /// <summary>What can be read by one pass in the kernel, and whether it is.</summary>
    IReadOnlyList<CollectedPart> Parts => [];

    /// <summary>Why events are not read any more; null while they are.</summary>
    string? EventFault => null;

    /// <summary>Waits a moment for the events that the collection itself has made: its rules judge by them.</summary>
    void AwaitEvents()
    {
    }

    /// <summary>Looks for causes in each collection; null: it has no rules.</summary>
    FindingEngine? Findings => null;

    /// <summary>
    /// Changes when the machine may have got what a probe could not have; null where nobody can tell.
    /// </summary>
    long? Changes => null;

    /// <summary>Times that the cost of programs was measured.</summary>
    long CostWindows => 0;

    /// <summary>Why it cannot be; empty while it can.</summary>
    string CostHindrance => "";

    /// <summary>
    /// Nanoseconds of processor time per second that a probe's programs took when they were last measured; negative: it
    /// has none.
    /// </summary>
    long CostOf(string probe) => -1;

    /// <summary>Makes the event that a probe was switched off for what the programs cost.</summary>
    void ReportSwitchedOff(string probe, double percent, double budget, string reason)
    {
    }

    /// <summary>Makes a probe without starting it.</summary>
    /// <exception cref="ProbeUnavailableException">This system can never run it.</exception>
    Probe Create(ProbeInfo info, ProbeSettings settings);

    /// <summary>
    /// Takes over what the options say of it, but for <c>paths</c>; called between two collections.
    /// </summary>
    /// <returns>True when the probes that watch have to start anew for it.</returns>
    bool Reconfigure(AgentOptions options) => false;

    /// <summary>Begins to look for pods, which goes on in the background.</summary>
    /// <param name="log">Takes lines for the log: is it a warning, and the text.</param>
    void StartPods(Action<bool, string> log)
    {
    }

    /// <summary>Waits until the container runtime was asked once, so that the first numbers have names.</summary>
    /// <returns>False when there was no answer in time.</returns>
    bool AwaitPods(TimeSpan limit) => true;

    /// <summary>Called at the start of each collection: finds births and deaths.</summary>
    void Refresh(SnapshotBuilder snapshot);

    /// <summary>What the collection thread does between two collections: waits this long, or until stopped.</summary>
    void Rest(TimeSpan time, CancellationToken stop) => stop.WaitHandle.WaitOne(time);

    /// <summary>Called at the end of each collection: every probe has started by then.</summary>
    /// <returns>True when much of the heap is free now.</returns>
    bool Settle() => false;
}
