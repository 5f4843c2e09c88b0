using System.Diagnostics;
using Collector.Core.Compatibility;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Worker.Configuration;
using Collector.Worker.Recorder;

namespace Collector.Worker.Collection;

/// <summary>
/// One machine, its probes, and the snapshot store that they fill. <see cref="CollectOnce"/> belongs to one thread at
/// a time; everything else may be read from anywhere.
/// </summary>
internal sealed class NodeCollector : IDisposable
{
    private long _rounds;
    private readonly Dictionary<(string Probe, string Reason), long> _readFailures = [];
    private readonly Lock _failuresLock = new();
    private readonly SnapshotBuilder _builder;
    private readonly ILogger _log;
    private volatile AgentOptions? _pending;
    private volatile ProbeRunner[] _runners;
    private bool _unreadableReported;
    private readonly HashSet<string> _limitsReported = [];
    private readonly PartReports _parts;
    private bool _faultReported;
    private long _costWindows;
    private bool _exhaustedReported;
    private string _hindranceReported = "";
    private volatile bool _revive;

    public NodeCollector(INode node, AgentOptions options, TimeProvider time, ILogger log)
    {
        Node = node;
        _log = log;
        _parts = new PartReports(log);
        _builder = new SnapshotBuilder(Store, time)
        {
            OnReadFailed = CountReadFailure, Derive = LegacyViews.Of, DropZeros = options.Collection.DropZeros,
        };
        Budget = new CpuBudget(options.Budget.Cpu);
        _runners = [.. Chosen(options)];
        if (node.Findings is { } findings)
            findings.OnBroken = broken => Log.RuleBroken(_log, broken.Rule.Info.Kind, broken.Reason);
    }

    public INode Node { get; }

    public SnapshotStore Store { get; } = new();

    /// <summary>The probes that are switched on.</summary>
    public IReadOnlyList<ProbeRunner> Runners => _runners;

    /// <summary>What the programs of all probes may cost, and do.</summary>
    public CpuBudget Budget { get; }

    /// <summary>Added by the program: tells about the agent itself; collected last.</summary>
    public ProbeRunner? Self { get; set; }

    /// <summary>Added by the program: takes each snapshot that is published.</summary>
    public History? History { get; set; }

    /// <inheritdoc cref="SnapshotBuilder.ZerosLeftOut"/>
    public IReadOnlySet<Metric> ZerosLeftOut => _builder.ZerosLeftOut;

    /// <summary>Collections that have ended, with the look for causes in them.</summary>
    public long Rounds => Interlocked.Read(ref _rounds);

    public TimeSpan LastDuration { get; private set; }

    /// <summary>Processor time of all collections that ended, nanoseconds.</summary>
    public long CpuNanoseconds { get; private set; }

    /// <summary>The part of it in which snapshots were recorded.</summary>
    public long RecorderCpuNanoseconds { get; private set; }

    /// <summary>The part of it in which rules looked for causes.</summary>
    public long FindingCpuNanoseconds { get; private set; }

    /// <summary>Bytes of the heap that they took, the rules left out.</summary>
    public long Allocated { get; private set; }

    /// <summary>Series of the last collection that ended.</summary>
    public long Series { get; private set; }

    /// <summary>True when much of the heap was freed by the last collection.</summary>
    public bool Settled { get; private set; }

    /// <summary>Reads that failed since the start, by probe and reason.</summary>
    public KeyValuePair<(string Probe, string Reason), long>[] ReadFailures()
    {
        lock (_failuresLock)
            return [.. _readFailures];
    }

    /// <summary>The same into a list that is there.</summary>
    public void CopyReadFailures(List<KeyValuePair<(string Probe, string Reason), long>> into)
    {
        into.Clear();
        lock (_failuresLock)
        {
            foreach (var failure in _readFailures)
                into.Add(failure);
        }
    }

    /// <summary>
    /// Makes probes, zeros, eBPF, pods and limits what the options say, at the start of the next collection: what stays
    /// the same goes on undisturbed.
    /// </summary>
    public void Reconfigure(AgentOptions options) => _pending = options;

    /// <summary>Starts again, with the next collection, what was switched off for its cost.</summary>
    public void Revive() => _revive = true;

    /// <summary>Collects every probe once and publishes the snapshot.</summary>
    public Snapshot CollectOnce()
    {
        var start = Stopwatch.GetTimestamp();
        var (cpu, allocated) = (ThreadClock.CpuNanoseconds(), GC.GetAllocatedBytesForCurrentThread());
        ApplyPending();
        KeepBudget();
        _builder.Begin();
        _builder.Enter("namespaces");
        Node.Refresh(_builder);
        ReportUnreadable();
        ReportEventFault();
        foreach (var runner in _runners)
            runner.Collect(_builder);
        ReportLimits();
        _parts.Report(Node);
        Self?.Collect(_builder);
        Settled = Node.Settle();
        var snapshot = _builder.Publish();
        var published = ThreadClock.CpuNanoseconds();
        History?.Record(snapshot);
        Allocated += GC.GetAllocatedBytesForCurrentThread() - allocated;
        var recorded = ThreadClock.CpuNanoseconds();
        LookForCauses(Node.Findings);
        Series = snapshot.Series;
        LastDuration = Stopwatch.GetElapsedTime(start);
        var ended = ThreadClock.CpuNanoseconds();
        RecorderCpuNanoseconds += recorded - published;
        FindingCpuNanoseconds += ended - recorded;
        CpuNanoseconds += ended - cpu;
        Interlocked.Increment(ref _rounds);
        return snapshot;
    }

    private void LookForCauses(FindingEngine? findings)
    {
        if (findings is null)
            return;
        Node.AwaitEvents();
        findings.Judge(Store);
    }

    private IEnumerable<ProbeRunner> Chosen(AgentOptions options)
    {
        foreach (var info in Node.Catalogue)
        {
            var choice = options.Probes.GetValueOrDefault(info.Id);
            if (choice?.Enabled ?? info.EnabledByDefault)
                yield return NewRunner(info, choice?.Settings ?? new(info));
        }
    }

    private ProbeRunner NewRunner(ProbeInfo info, ProbeSettings settings) =>
        new(info, settings, s => Node.Create(info, s), _log, () => Node.Changes);

    private void ApplyPending()
    {
        // Apart: what a lambda captures is allocated where its scope begins.
        if (Interlocked.Exchange(ref _pending, null) is { } options)
            Apply(options);
        if (_revive)
            StartAgain();
    }

    private void StartAgain()
    {
        _revive = false;
        Node.Findings?.Restart();
        _runners = [.. _runners.Select(r => r.State == ProbeState.Off ? NewRunner(r.Info, r.Settings) : r)];
    }

    private void KeepBudget()
    {
        var windows = Node.CostWindows;
        if (windows != _costWindows)
            Judge();
        _costWindows = windows;
        if (Budget.Limit > 0 && Node.CostHindrance is { Length: > 0 } why && _hindranceReported != why)
        {
            _hindranceReported = why;
            Log.BudgetUnknown(_log, why);
        }
    }

    private void Judge()
    {
        var costs = _runners.Where(r => r.State == ProbeState.Running)
            .Select(r => new ProbeCost(r.Info, Node.CostOf(r.Info.Id)))
            .Where(c => c.Share >= 0)
            .ToArray();
        if (Budget.Add(costs) is { } over)
            SwitchOff(over);
        if (Budget.Exhausted && !_exhaustedReported)
            Log.BudgetExhausted(_log, Budget.Percent, Budget.Limit);
        _exhaustedReported = Budget.Exhausted;
    }

    private void SwitchOff(OverBudget over)
    {
        Array.Find(_runners, r => r.Info == over.Probe)!.SwitchOff(over.Reason);
        Log.OverBudget(_log, over.Probe.Id, over.Reason);
        Node.ReportSwitchedOff(over.Probe.Id, Budget.Percent, Budget.Limit, over.Reason);
    }

    private void Apply(AgentOptions options)
    {
        _builder.DropZeros = options.Collection.DropZeros;
        Budget.Limit = options.Budget.Cpu;
        var anew = Node.Reconfigure(options);
        var wanted = Chosen(options).ToArray();
        for (var i = 0; i < wanted.Length; i++)
        {
            var settings = wanted[i].Settings;
            var running = Array.Find(_runners, r => r.Info == wanted[i].Info);
            if (running is not null && running.State != ProbeState.Off && !(anew && running.Info.Watches)
                && (running.Settings.SameAs(settings) || running.Reconfigure(settings)))
                wanted[i] = running;
        }
        if (!wanted.SequenceEqual(_runners))
            Node.Findings?.Restart();
        foreach (var gone in _runners.Except(wanted))
            gone.Dispose();
        _runners = wanted;
    }

    private void ReportUnreadable()
    {
        var count = Node.UnreadableNamespaces;
        if (count == 0 || _unreadableReported)
            return;
        _unreadableReported = true;
        Log.NamespacesUnreadable(_log, count,
            "needs CAP_SYS_PTRACE and CAP_SYS_ADMIN, and enough file descriptors; see 'netlens doctor'");
    }

    private void ReportLimits()
    {
        var limits = Node.Limits;
        for (var i = 0; i < limits.Count; i++)
        {
            if (limits[i].LeftOut > 0 && _limitsReported.Add(limits[i].What))
                Log.LeftOut(_log, limits[i].LeftOut, limits[i].Words, limits[i].Key, limits[i].Most);
        }
    }

    private void ReportEventFault()
    {
        if (_faultReported || Node.EventFault is not { } fault)
            return;
        _faultReported = true;
        Log.EventsEnded(_log, fault);
    }

    private void CountReadFailure(string probe, string reason)
    {
        long count;
        lock (_failuresLock)
        {
            count = _readFailures.GetValueOrDefault((probe, reason)) + 1;
            _readFailures[(probe, reason)] = count;
        }
        if (count == 1)
            Log.ReadFailed(_log, probe, reason);
    }

    public void Dispose()
    {
        foreach (var runner in Runners)
            runner.Dispose();
        Self?.Dispose();
        Node.Dispose();
    }
}
