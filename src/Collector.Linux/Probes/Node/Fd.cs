using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;

namespace Collector.Linux.Probes.Node;

/// <summary>
/// Open file descriptors of processes per network namespace, and for hostNetwork pods per pod; how near the fullest
/// process is to its limit; optionally how many of them are sockets.
/// </summary>
/// <remarks>
/// Descriptors are counted per process: a file open in two processes counts twice. Sockets are off by default: telling
/// them apart takes a link per descriptor, the count alone a stat per process.
/// </remarks>
public sealed class Fd(ProbeHost host, ProbeSettings settings) : Probe(Info)
{
    private static readonly Metric Open = Metric.UpDownCounter(
        "netlens.fd.count", Units.Files, "Open file descriptors of all processes.");

    private static readonly Metric Sockets = Metric.UpDownCounter(
        "netlens.fd.socket.count", Units.Sockets, "Open file descriptors that are sockets.");

    private static readonly Metric Utilization = Metric.Gauge("netlens.fd.utilization", Units.One,
        "Open file descriptors of the process nearest to its limit (RLIMIT_NOFILE), as a fraction of it.",
        scale: 1.0 / DescriptorReader.Whole);

    private static readonly ProbeOption<bool> CountSockets = Option.Switch("sockets", standard: false,
        "Also count the descriptors that are sockets, at about three microseconds per descriptor.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "fd",
        Description = "Open file descriptors of the processes and how near the fullest process is to its limit.",
        Source = "one read of an eBPF task iterator, else /proc/PID/fd and limits of every process",
        Options = [CountSockets],
        Tables = [new TableInfo("fd", RowScope.Namespace, [], [Open, Sockets, Utilization])],
    };

    private readonly bool _sockets = settings.Get(CountSockets);
    private ProcessTable _table = null!;
    private DescriptorReader _reader = null!;
    private GroupStates<Sum> _sums = null!;

    public override void Start()
    {
        _table = host.ProcessesFor(Info);
        _reader = new DescriptorReader(_table, _sockets);
        _sums = new GroupStates<Sum>(_table.Groups, static group => new Sum(group));
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _table.Refresh(snapshot);
        _sums.Prune();
        foreach (var sum in _sums.All)
            sum.Clear();
        foreach (var process in _table.Live)
        {
            if (process.Group is { } group)
                Count(process, _sums.Of(group), snapshot);
            else if (process.Denied)
                snapshot.ReadFailed("permission");
        }
        foreach (var sum in _sums.All)
            Write(snapshot.Append(sum.Row), sum);
    }

    private void Count(Process process, Sum sum, SnapshotBuilder snapshot)
    {
        if (!_reader.TryRead(process, out var open, out var sockets, out var failure))
        {
            if (failure.Length > 0)
                snapshot.ReadFailed(failure);
            return;
        }
        sum.Readable = true;
        sum.Open += open;
        sum.Sockets += sockets;
        if (process.FileLimit > 0)
            sum.Fullest = Math.Max(sum.Fullest, open * DescriptorReader.Whole / process.FileLimit);
    }

    private void Write(RowWriter row, Sum sum)
    {
        // Nothing readable is not the same as nothing open.
        if (!sum.Readable && sum.Group.Processes > 0)
            return;
        row.Set(Open, sum.Open);
        if (_sockets)
            row.Set(Sockets, sum.Sockets);
        if (sum.Fullest >= 0)
            row.Set(Utilization, sum.Fullest);
    }

    private sealed class Sum(ProcessGroup group)
    {
        public ProcessGroup Group { get; } = group;
        public Row Row { get; } = new(Info.Tables[0], group.Subject, group.Subject.StartTime);
        public bool Readable;
        public long Open;
        public long Sockets;
        public long Fullest;

        public void Clear()
        {
            Readable = false;
            Open = 0;
            Sockets = 0;
            Fullest = Metric.Absent;
        }
    }
}
