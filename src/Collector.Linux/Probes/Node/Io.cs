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

    private static readonly Metric ReadCalls = Calls("read", "readsyscall");
    private static readonly Metric WriteCalls = Calls("write", "writesyscall");
    private static readonly Metric ReadBytes = Storage("read", "readbytes", []);
    // S0 of the old documentation prints "iowritebyres"; dashboards were made with it.
    private static readonly Metric WrittenBytes = Storage("write", "writebytes", ["inspector_pod_ioiowritebyres"]);
    private static readonly Metric ReadChars = Transferred("read");
    private static readonly Metric WrittenChars = Transferred("write");

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include("all adds the bytes passed to read and write calls.");

    public static readonly ProbeOption<bool> Lifetime = Option.Switch("lifetime", standard: false,
        "Begin with what running processes did before the agent first saw them, instead of at zero.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "io",
        Description = "Read and write system calls and storage traffic of the processes, also of those that ended.",
        Source = "/proc/PID/io of every process",
        Options = [IncludeAll, Lifetime],
        Tables =
        [
            new TableInfo("io", RowScope.Namespace, [],
                [ReadCalls, WriteCalls, ReadBytes, WrittenBytes, ReadChars, WrittenChars]),
        ],
    };

    private readonly bool _all = settings.Get(IncludeAll);
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

    private void Write(RowWriter row, IoCounters total)
    {
        row.Set(ReadCalls, total[IoCounters.ReadCalls]);
        row.Set(WriteCalls, total[IoCounters.WriteCalls]);
        row.Set(ReadBytes, total[IoCounters.ReadBytes]);
        row.Set(WrittenBytes, total[IoCounters.WrittenBytes]);
        if (!_all)
            return;
        row.Set(ReadChars, total[IoCounters.ReadChars]);
        row.Set(WrittenChars, total[IoCounters.WrittenChars]);
    }

    private Total NewTotal(ProcessGroup group)
    {
        var snapshot = _snapshot!;
        var since = group.Subject.StartTime;
        var start = !_first ? snapshot.StartTimeOfNew(since) : _lifetime ? since : snapshot.Time;
        return new Total { Row = new Row(Info.Tables[0], group.Subject, start) };
    }

    private static Metric Calls(string direction, string legacy) => new()
    {
        Name = "netlens.io.calls",
        Unit = Units.Calls,
        Kind = InstrumentKind.Counter,
        Description = "Read and write system calls of processes (syscr, syscw), on files, pipes and terminals.",
        Tags = [new Tag(Direction, direction)],
        KubeSkoop = [$"kubeskoop_io_{legacy}", $"kubeskoop_io_io{legacy}"],
        Inspector = [$"inspector_pod_ioio{legacy}"],
    };

    private static Metric Storage(string direction, string legacy, string[] aliases) => new()
    {
        Name = "netlens.io.storage",
        Unit = Units.Bytes,
        Kind = InstrumentKind.Counter,
        Description = "Bytes that processes caused to be fetched from or sent to storage (read_bytes, write_bytes).",
        Tags = [new Tag(Direction, direction)],
        KubeSkoop = [$"kubeskoop_io_{legacy}", $"kubeskoop_io_io{legacy}"],
        Inspector = [$"inspector_pod_ioio{legacy}", .. aliases],
    };

    private static Metric Transferred(string direction) => new()
    {
        Name = "netlens.io.transferred",
        Unit = Units.Bytes,
        Kind = InstrumentKind.Counter,
        Description = "Bytes that processes passed to read and write calls, cached or not (rchar, wchar).",
        Tags = [new Tag(Direction, direction)],
        Optional = true,
    };

    private sealed class Total
    {
        public required Row Row { get; init; }
        public IoCounters Value;
    }
}
