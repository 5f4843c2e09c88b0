using System.Diagnostics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;

namespace Collector.Worker.Collection;

internal enum ProbeState
{
    /// <summary>Not started yet.</summary>
    Starting,

    Running,

    /// <summary>
    /// The machine does not offer what it needs; looked at again now and then, a module may be loaded later.
    /// </summary>
    Unavailable,

    /// <summary>It broke; started again after a pause.</summary>
    Failed,

    /// <summary>It cost more than it may: off until the next reload.</summary>
    Off,
}

/// <summary>
/// Keeps one probe going: starts it, collects, and after a failure starts it again with growing pauses, whatever the
/// other probes do. Belongs to the collection thread; the figures may be read from anywhere.
/// </summary>
internal sealed class ProbeRunner(
    ProbeInfo info, ProbeSettings settings, Func<ProbeSettings, Probe> create, ILogger log,
    Func<long?>? changes = null) : IDisposable
{
    private const int LongestPause = 64;

    /// <summary>Collections between two looks for what no change told of.</summary>
    private const int RarePause = 240;

    private Probe? _probe;
    private long? _lastChange;
    private int _pause;
    private long _retryAt;

    public ProbeInfo Info { get; } = info;

    public ProbeSettings Settings { get; private set; } = settings;

    public ProbeState State { get; private set; } = ProbeState.Starting;

    /// <summary>Why it is unavailable, failed or off; empty while it runs.</summary>
    public string Reason { get; private set; } = "";

    public TimeSpan LastDuration { get; private set; }

    /// <summary>Processor time spent since the start, nanoseconds.</summary>
    public long CpuNanoseconds { get; private set; }

    /// <summary>Unix nanoseconds of the last collection that ended well; 0 before.</summary>
    public long LastSuccess { get; private set; }

    public long Collections { get; private set; }

    public long Failures { get; private set; }

    /// <summary>
    /// Gives a running probe other arguments. False: it has to be restarted for them.
    /// </summary>
    public bool Reconfigure(ProbeSettings settings)
    {
        if (_probe is null)
            return false;
        try
        {
            if (!_probe.Reconfigure(settings))
                return false;
        }
        catch (Exception e)
        {
            // Half old, half new: a restart settles it.
            Log.ProbeFailed(log, Info.Id, e.Message, e);
            return false;
        }
        Settings = settings;
        return true;
    }

    public void Collect(SnapshotBuilder snapshot)
    {
        var wall = Stopwatch.GetTimestamp();
        var cpu = ThreadClock.CpuNanoseconds();
        snapshot.Enter(Info.Id);
        if (_probe is null && (snapshot.Tick >= _retryAt || SomethingChanged()))
            Start(snapshot);
        if (_probe is not null)
            CollectStarted(snapshot);
        CpuNanoseconds += ThreadClock.CpuNanoseconds() - cpu;
        LastDuration = Stopwatch.GetElapsedTime(wall);
    }

    private bool SomethingChanged() => _lastChange is { } last && changes!() is { } now && now != last;

    private void Start(SnapshotBuilder snapshot)
    {
        Probe? probe = null;
        // Before it is tried: what changes meanwhile is one more reason to try.
        var change = changes?.Invoke();
        _lastChange = null;
        try
        {
            probe = create(Settings);
            probe.Start();
            _probe = probe;
            if (State is ProbeState.Unavailable or ProbeState.Failed)
                Log.ProbeRecovered(log, Info.Id);
            State = ProbeState.Running;
            Reason = "";
        }
        catch (ProbeUnavailableException e)
        {
            probe?.Dispose();
            Pause(snapshot, ProbeState.Unavailable, e.Message, null);
            if (!e.MayPass && change is not null)
                AwaitChange(change, snapshot.Tick);
        }
        catch (Exception e)
        {
            probe?.Dispose();
            Failures++;
            snapshot.ReadFailed("start");
            Pause(snapshot, ProbeState.Failed, e.Message, e);
        }
    }

    private void CollectStarted(SnapshotBuilder snapshot)
    {
        try
        {
            _probe!.Collect(snapshot);
            Collections++;
            LastSuccess = snapshot.Time;
            _pause = 0;
        }
        catch (Exception e)
        {
            snapshot.Discard();
            Failures++;
            _probe!.Dispose();
            _probe = null;
            var unavailable = e is ProbeUnavailableException;
            if (!unavailable)
                snapshot.ReadFailed("exception");
            Pause(snapshot, unavailable ? ProbeState.Unavailable : ProbeState.Failed, e.Message, e);
        }
    }

    /// <summary>Ends the probe for good.</summary>
    public void SwitchOff(string reason)
    {
        Dispose();
        State = ProbeState.Off;
        Reason = reason;
        _lastChange = null;
        _retryAt = long.MaxValue;
    }

    private void Pause(SnapshotBuilder snapshot, ProbeState state, string reason, Exception? exception)
    {
        if (State != state || Reason != reason)
        {
            if (state == ProbeState.Failed)
                Log.ProbeFailed(log, Info.Id, reason, exception);
            else
                Log.ProbeUnavailable(log, Info.Id, reason);
        }
        State = state;
        Reason = reason;
        _pause = Math.Clamp(_pause * 2, 1, LongestPause);
        _retryAt = snapshot.Tick + _pause;
    }

    // Trying to load a program that the kernel has nothing for takes 20 ms, a look at whether that changed 1 us.
    private void AwaitChange(long? change, long tick)
    {
        _lastChange = change;
        _retryAt = tick + RarePause;
    }

    public void Dispose()
    {
        _probe?.Dispose();
        _probe = null;
    }
}
