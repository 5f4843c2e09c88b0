using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;

namespace Collector.Linux.Probes.Node;

/// <summary>
/// What processes read and wrote, summed per network namespace, and for hostNetwork pods per pod. The sums go on when
/// a process ends: see <see cref="IoLedger"/>.
/// </summary>
public sealed class Io(ProbeHost host, ProbeSettings settings) : Probe(Info)
{
    private const string Direction = "netlens.io.direction";

    private static readonly Metric ReadCalls = Calls("read");
    private static readonly Metric WriteCalls = Calls("write");
    private static readonly Metric ReadBytes = Storage("read");
    private static readonly Metric WrittenBytes = Storage("write");
    private static readonly Metric ReadChars = Transferred("read");
    private static readonly Metric WrittenChars = Transferred("write");

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include("all adds storage traffic and the bytes passed to read and write calls.");

    public static readonly ProbeOption<bool> Lifetime = Option.Switch("lifetime", standard: false,
        "Begin with what running processes did before the agent first saw them, instead of at zero.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "io",
        Description = "Read and write system calls and storage traffic of the processes, also of those that ended.",
        Source = "one read of an eBPF task iterator, else /proc/PID/io of every process",
        Options = [IncludeAll, Lifetime],
        Tables =
        [
            new TableInfo("io", RowScope.Namespace, [],
                [ReadCalls, WriteCalls, ReadBytes, WrittenBytes, ReadChars, WrittenChars]),
        ],
    };

    private readonly TableInfo _rows = settings.Get(IncludeAll) ? Info.Tables[0].Whole : Info.Tables[0];
    private readonly bool _lifetime = settings.Get(Lifetime);
    private ProcessTable _table = null!;
    private IoLedger _ledger = null!;
    private GroupStates<Total> _totals = null!;
    private SnapshotBuilder? _snapshot;
    private bool _first;

    public override void Start()
    {
        _table = host.ProcessesFor(Info);
        _ledger = new IoLedger(_table) { Lifetime = _lifetime };
        _totals = new GroupStates<Total>(_table.Groups, NewTotal);
        _first = true;
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _snapshot = snapshot;
        _table.Refresh(snapshot);
        _totals.Prune();
        _ledger.Update(snapshot);
        foreach (var process in _table.Live)
        {
            if (process.Group is { } group && _ledger.HasDelta(process))
                _totals.Of(group).Value.Add(process.Io.Delta);
        }
        foreach (var total in _totals.All)
            Write(snapshot.Append(total.Row), total.Value);
        _first = false;
        _snapshot = null;
    }

    private static void Write(RowWriter row, IoCounters total)
    {
        row.Set(ReadCalls, total[IoCounters.ReadCalls]);
        row.Set(WriteCalls, total[IoCounters.WriteCalls]);
        row.Set(ReadBytes, total[IoCounters.ReadBytes]);
        row.Set(WrittenBytes, total[IoCounters.WrittenBytes]);
        row.Set(ReadChars, total[IoCounters.ReadChars]);
        row.Set(WrittenChars, total[IoCounters.WrittenChars]);
    }

    private Total NewTotal(ProcessGroup group)
    {
        var snapshot = _snapshot!;
        var since = group.Subject.StartTime;
        var start = !_first ? snapshot.StartTimeOfNew(since) : _lifetime ? since : snapshot.Time;
        return new Total { Row = new Row(_rows, group.Subject, start) };
    }

    private static Metric Calls(string direction) => Metric.Counter("netlens.io.calls", Units.Calls,
        "Read and write system calls of processes (syscr, syscw), on files, pipes and terminals.",
        [new(Direction, direction)]);

    private static Metric Storage(string direction) => Metric.Counter("netlens.io.storage", Units.Bytes,
        "Bytes that processes caused to be fetched from or sent to storage (read_bytes, write_bytes).",
        [new(Direction, direction)], optional: true);

    private static Metric Transferred(string direction) => Metric.Counter("netlens.io.transferred", Units.Bytes,
        "Bytes that processes passed to read and write calls, cached or not (rchar, wchar).",
        [new(Direction, direction)], optional: true);

    private sealed class Total
    {
        public required Row Row { get; init; }
        public IoCounters Value;
    }
}
